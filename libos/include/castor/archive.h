/*
 * castor/archive.h - the boot archive: a cpio in frames that the kernel
 * leaves where the loader put them, mapped read-only when first asked for.
 */
#ifndef CASTOR_ARCHIVE_H
#define CASTOR_ARCHIVE_H

#include <stdint.h>

#include <castor/sys.h>

struct archive_file {
	const char *name;
	const void *data;
	uint64_t size;
	uint32_t mode;
	uint64_t next;			/* for archive_next */
};

/* READ on the archive, to hand on: a slot, or an error. */
long archive_cap(void) MUST_USE;

/* All of it, once a file of it was looked for: archive_len bytes. */
const void *archive_data(void);

/* 0, or an error: NAME no such file (or no more), DENIED not given. */
long archive_find(const char *name, struct archive_file *f) MUST_USE;
long archive_first(struct archive_file *f) MUST_USE;
long archive_next(struct archive_file *f) MUST_USE;

#endif
