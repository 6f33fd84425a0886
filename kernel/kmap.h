/*
 * kmap.h - the kernel's own address space.
 *
 *	slot 256  ffff800000000000  direct map: all RAM, W, NX
 *	slot 510  ffffff0000000000  published tables: users read, nobody writes
 *	slot 511  ffffffff80100000  the kernel: text RX, rodata R, data W NX
 *	          ffffffffa0000000  windows: the kernel's view of its tables
 *	          fffffffffc000000  devices, uncached
 *
 * The three slots are the same in every root.  Nothing is both writable and
 * executable, and what is read-only in slot 511 is so in the direct map.
 */
#ifndef KERNEL_KMAP_H
#define KERNEL_KMAP_H

#include <stdint.h>

#define KDIRECT		0xffff800000000000ul
#define KBASE		0xffffffff80000000ul
#define KWINDOW		0xffffffffa0000000ul
#define KWINDOW_END	0xfffffffffc000000ul
#define KDEVICE		0xfffffffffc000000ul
#define KPUBLISH	0xffffff0000000000ul
#define KPUBLISH_END	0xffffff8000000000ul

#define KSLOT_DIRECT	256
#define KSLOT_PUBLISH	510
#define KSLOT_KERNEL	511

extern uint64_t kmap_root_pa;

void	 kmap_init(void);
uint64_t kmap_top(unsigned slot);	/* that entry of the root */

/* All three: pages not mapped before, page-aligned, for the kernel's life. */
void	 kmap_window(uint64_t kva, uint64_t pa, uint64_t n_pages);
void	 kmap_publish(uint64_t uva, uint64_t pa, uint64_t n_pages);
void	*kmap_device(uint64_t pa, uint64_t n_pages);

static inline void *
pa_kva(uint64_t pa)
{
	return (void *)(KDIRECT + pa);
}

/* Of an address in the direct map or in the kernel image. */
static inline uint64_t
kva_pa(const void *p)
{
	uint64_t va = (uintptr_t)p;

	return va >= KBASE ? va - KBASE : va - KDIRECT;
}

#endif
