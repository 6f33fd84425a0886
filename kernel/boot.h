/* boot.h - what the boot loader said, and the memory used until now. */
#ifndef KERNEL_BOOT_H
#define KERNEL_BOOT_H

#include <stdint.h>

#define BOOT_RANGES	64
#define BOOT_CMDLINE	256
#define BOOT_MAX_FRAMES	(1u << 23)	/* 32 GiB; the rest is left alone */

enum boot_kind {		/* boot/boot.asm */
	BOOT_MB2,
	BOOT_PVH,
};

enum boot_state {
	BOOT_FREE,		/* RAM that nothing uses */
	BOOT_KERNEL,		/* the image and boot_alloc_pages() */
	BOOT_ARCHIVE,
	BOOT_RESERVED,		/* not RAM, or the firmware's */
};

struct boot_range {
	uint64_t base;		/* bytes, whole pages */
	uint64_t len;
};

/* Usable RAM above 1 MiB: sorted, apart from each other by at least a page. */
struct boot_info {
	uint32_t nranges;
	struct boot_range ranges[BOOT_RANGES];
	uint64_t archive_pa;	/* page aligned; length 0: none */
	uint64_t archive_len;
	char cmdline[BOOT_CMDLINE];
};

extern struct boot_info boot_info;
extern uint32_t boot_nframes;	/* highest usable frame number + 1 */

void	 boot_init(uint32_t kind, uint64_t info_pa);
void	 boot_map_done(void);	/* kmap.c: all of RAM is reachable now */

/*
 * Contiguous zeroed pages, aligned to 2 MiB when there are that many; panics
 * when there are none.  For the kernel's start only: boot_close() ends it,
 * and then boot_page_run() tells what each frame has become.
 */
uint64_t boot_alloc_pages(uint64_t n_pages);
void	 boot_close(void);

/* The first frame after ppn whose state may differ, and ppn's state. */
uint32_t boot_page_run(uint32_t ppn, enum boot_state *);

/* The value of `key=' on the command line, copied; 0 if it isn't there. */
int	 boot_option(const char *key, char *value, unsigned size);

#endif
