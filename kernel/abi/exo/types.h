/*
 * exo/types.h - names of things, and the address space.
 *
 *   0000000000000000  page zero is ordinary user memory (Castor leaves it out)
 *   00007f8000000000  EXO_USER_TOP: top-level slot 255, never settable, so
 *                     that no return address can be non-canonical
 *   ffff800000000000  slot 256: all memory, kernel only
 *   ffffff0000000000  EXO_PUB, slot 510: the published tables, read-only
 *   ffffffff80000000  slot 511: the kernel
 */
#ifndef EXO_TYPES_H
#define EXO_TYPES_H

#include <stdint.h>

typedef uint32_t exo_ppn;	/* physical page number */
typedef uint32_t exo_slot;	/* capability: table (0-3) << 8 | index */
typedef uint64_t exo_id;	/* account, domain, env: gen << 32 | index */
typedef uint64_t exo_region;	/* frame << 8 | index */

#define EXO_VERSION		3

#define EXO_PAGE		4096ul
#define EXO_PPN_MAX		(1u << 23)	/* 32 GiB: a reverse link is
						 * ppn << 9 | index in 32 bits */
#define EXO_USER_TOP		0x00007f8000000000ul
#define EXO_PUB			0xffffff0000000000ul
#define EXO_PUB_AT(n)		(EXO_PUB + ((uint64_t)(n) << 32))

#define EXO_ID(gen, index)	((uint64_t)(gen) << 32 | (uint32_t)(index))
#define EXO_INDEX(id)		((uint32_t)(id))
#define EXO_GEN(id)		((uint32_t)((id) >> 32))
#define EXO_NONE		0xffffffffu	/* no index; in `want`: any */

#define EXO_SLOT(table, index)	((exo_slot)((table) << 8 | (index)))
#define EXO_SLOT_TABLES		4u	/* tables that a domain can bind */
#define EXO_SLOTS_PER_TABLE	96u

#define EXO_REGION(ppn, index)	((uint64_t)(ppn) << 8 | (index))
#define EXO_REGIONS		32u	/* in a frame */
#define EXO_REGION_BYTES	2560u	/* for all of them together */

/* What an account limits, and counts. */
enum exo_res {
	EXO_RES_FRAMES,
	EXO_RES_ACCTS,
	EXO_RES_DOMAINS,
	EXO_RES_ENVS,
	EXO_RES_PCIDS,
	EXO_RES_SLICES,
	EXO_RES_TRACE,		/* trace records per revolution of slices */
	EXO_RES_MAX = 8
};

#endif
