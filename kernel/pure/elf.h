/*
 * elf.h - checked reading of static ELF64 programs for x86-64.
 *
 * Pure: no state, no allocation, no writes but to *out.  The image is
 * untrusted and may start at any address; it must not change between the
 * calls that read it, so a loader checks its own copy.
 *
 * elf_check() accepts an image only if every loadable segment is sound, so
 * a loader may then take the segments one by one:
 *
 *	r = elf_check(image, size, &info);
 *	for (i = 0; r == 0 && i < info.segments; i++)
 *		r = elf_segment(image, size, i, &seg);
 *
 * ET_EXEC loads where it was linked.  ET_DYN (static-pie, which relocates
 * itself) loads at the bias given to the _at forms; the plain forms have a
 * bias of zero, and ET_EXEC takes no notice of it.  Addresses in the results
 * have the bias added.
 */
#ifndef PURE_ELF_H
#define PURE_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ELF_VA_MIN	0x1000ull		/* lowest user address */
#define ELF_VA_MAX	0x00007f8000000000ull	/* first one above */
#define ELF_PAGE	4096ull
#define ELF_PHDRS_MAX	16u

#define ELF_X		1u			/* elf_segment.flags, as p_flags */
#define ELF_W		2u
#define ELF_R		4u

/* What is wrong with an image; in the order checked. */
enum elf_error {
	ELF_E_SHORT = -1,	/* ends before the ELF header does */
	ELF_E_MAGIC = -2,	/* not an ELF file */
	ELF_E_FORMAT = -3,	/* not ELF64, little-endian, version 1, x86-64 */
	ELF_E_TYPE = -4,	/* neither ET_EXEC nor ET_DYN */
	ELF_E_PHDRS = -5,	/* program headers: none, over 16, odd size */
	ELF_E_TABLE = -6,	/* program header table outside the file */
	ELF_E_INTERP = -7,	/* wants a dynamic linker */
	ELF_E_FLAGS = -8,	/* a segment is both writable and executable */
	ELF_E_FILE = -9,	/* segment contents outside the file */
	ELF_E_SIZE = -10,	/* segment of size 0, or more file than memory */
	ELF_E_RANGE = -11,	/* segment outside the user's addresses */
	ELF_E_ALIGN = -12,	/* alignment no power of 2, or not congruent */
	ELF_E_OVERLAP = -13,	/* segments share a page or do not ascend */
	ELF_E_NONE = -14,	/* nothing to load */
	ELF_E_ENTRY = -15,	/* entry outside the executable segments */
	ELF_E_INDEX = -16,	/* no such segment: i >= info.segments */
};

struct elf_info {
	uint64_t entry;		/* first instruction */
	uint64_t bias;		/* what was added: 0 for ET_EXEC */
	uint64_t low, high;	/* span of the segments, whole pages */
	uint64_t phdr_vaddr;	/* the program headers; 0: not in a segment */
	uint32_t phdr_count;	/* of any type, for AT_PHNUM */
	uint32_t phdr_size;	/* of each, for AT_PHENT */
	uint32_t segments;	/* to load */
};

struct elf_segment {
	uint64_t offset;	/* in the file */
	uint64_t filesz;	/* bytes from the file, then zeros */
	uint64_t memsz;
	uint64_t vaddr;
	uint32_t flags;		/* ELF_R, ELF_W, ELF_X */
};

/* 0, or the first enum elf_error that applies, with *out unchanged. */
long	elf_check(const void *image, uint64_t size, struct elf_info *out);
long	elf_check_at(const void *image, uint64_t size, uint64_t bias,
	    struct elf_info *out);

/*
 * The i-th loadable segment, in ascending order of address.  Checks what it
 * reads, but only elf_check() compares the segments with each other.
 */
long	elf_segment(const void *image, uint64_t size, uint32_t i,
	    struct elf_segment *out);
long	elf_segment_at(const void *image, uint64_t size, uint64_t bias,
	    uint32_t i, struct elf_segment *out);

#endif
