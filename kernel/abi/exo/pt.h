/*
 * exo/pt.h - bits of page-table entries (Intel SDM vol. 3A, 4.5).
 *
 * The caller gives P, W, NX, A, D and the available bits; the kernel forces U,
 * and keeps MAYW and MAYX itself: whoever made the mapping had the right to
 * write (execute), so that a copy on write needs no capability later.
 * G, PS, PWT and PCD are refused, and a non-present entry is zero.
 */
#ifndef EXO_PT_H
#define EXO_PT_H

#include <stdint.h>

#define EXO_PTE_P	(1ul << 0)
#define EXO_PTE_W	(1ul << 1)
#define EXO_PTE_U	(1ul << 2)
#define EXO_PTE_A	(1ul << 5)
#define EXO_PTE_D	(1ul << 6)
#define EXO_PTE_AVAIL	(7ul << 9 | 0x3full << 52)	/* 9-11, 52-57 */
#define EXO_PTE_MAYW	(1ul << 58)
#define EXO_PTE_MAYX	(1ul << 59)
#define EXO_PTE_NX	(1ul << 63)
#define EXO_PTE_ADDR	0x00000007fffff000ul		/* 23-bit ppn */

#define EXO_PTE_ASK	(EXO_PTE_P | EXO_PTE_W | EXO_PTE_U | EXO_PTE_A |     \
			 EXO_PTE_D | EXO_PTE_AVAIL | EXO_PTE_NX |	      \
			 EXO_PTE_ADDR | EXO_PTE_MAYW | EXO_PTE_MAYX)

#define EXO_PTE(ppn, bits)	((uint64_t)(ppn) << 12 | (bits) | EXO_PTE_P)
#define EXO_PTE_PPN(pte)	((uint32_t)(((pte) & EXO_PTE_ADDR) >> 12))

#define EXO_PT_SHIFT(level)	(12 + 9 * ((level) - 1))
#define EXO_PT_INDEX(va, level)	((uint32_t)((va) >> EXO_PT_SHIFT(level) & 511))
#define EXO_PT_ROOT_ENTRIES	255u	/* settable in a root */

#endif
