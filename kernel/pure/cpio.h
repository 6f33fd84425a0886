/*
 * cpio.h - checked reading of "newc" cpio archives (magic 070701).
 *
 * Pure: no state, no allocation, no writes but to *file.  The archive is
 * untrusted and may start at any address; it must not change between calls.
 * Names and contents are pointed to where they lie.
 *
 *	for (r = cpio_first(a, size, &f); r == 0; r = cpio_next(a, size, &f))
 *		use f.name, f.data, f.size;
 *	if (r != CPIO_E_END)
 *		the archive is bad;
 *
 * Names are compared as they stand: "./init" is not "init".  If a name
 * occurs twice, cpio_find() returns the first.  Bytes after the trailer are
 * ignored.  Hard links are not resolved: each name has what stands with it.
 */
#ifndef PURE_CPIO_H
#define PURE_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order checked. */
enum cpio_error {
	CPIO_E_END = -1,	/* the trailer: no further file, or none such */
	CPIO_E_SHORT = -2,	/* a header, a name or contents are cut off */
	CPIO_E_MAGIC = -3,	/* no newc header where there must be one */
	CPIO_E_HEX = -4,	/* a field is not eight hexadecimal digits */
	CPIO_E_NAME = -5,	/* empty, or not ended by its only NUL */
	CPIO_E_TRAILER = -6,	/* the trailer has contents */
};

struct cpio_file {
	const char *name;	/* NUL-terminated */
	const void *data;
	uint64_t size;
	uint32_t mode;		/* type and permissions, as in POSIX */
	uint64_t next;		/* offset of the header after this one */
};

/* 0, or an enum cpio_error with *file unchanged. */
long	cpio_first(const void *archive, uint64_t size, struct cpio_file *file);

/* The file after *file, which an earlier call filled in. */
long	cpio_next(const void *archive, uint64_t size, struct cpio_file *file);

/* The first file of that name; CPIO_E_END if there is none. */
long	cpio_find(const void *archive, uint64_t size, const char *name,
	    struct cpio_file *file);

#endif
