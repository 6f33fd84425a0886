/*
 * area.h - the program's memory: what belongs where, and what is there.
 *
 * *Areas* say what belongs where: ranges with a protection and what fills
 * them.  They lie in the heap, sorted, and never overlap.  What *is* there,
 * only page tables know: nothing else remembers what is mapped.  So an area
 * may be cut, its protection changed, a fork share its tables, and faults find
 * out.
 *
 * Areas:   area.c.  Tables: pt.c, and cow.c where they are shared.  Both
 * together, as calls: memory.c.  Faults: pager.c.
 */
#ifndef IMAGE_AREA_H
#define IMAGE_AREA_H

#include "image.h"

#define AREA_SHARED	1u		/* MAP_SHARED: not copied by fork */
#define AREA_STACK	2u
#define AREA_PARKED	4u		/* no rights: some of it lies elsewhere */
#define PTE_BORROWED	(1ul << 9)	/* of an entry: the frame is a file's */
#define AREAS_MAX	((HEAP_EXEC - HEAP_AREAS) / sizeof(struct area))

struct area {
	uint64_t low, high;		/* whole pages */
	uint32_t prot, flags;
	uint64_t file;			/* what fills it; 0: zeroes */
	uint64_t offset;		/* in it, at low */
	uint64_t limit;			/* from this address on, zeroes */
};

/* ---- area.c */

/* The first area that ends above va, which it need not hold; NULL. */
struct area *area_from(uint64_t va);
/* The area that holds va; NULL. */
struct area *area_at(uint64_t va);
/* Nothing is in [low, high) yet.  0 or -ENOMEM. */
long area_add(const struct area *a) MUST_USE;
/* Nothing belongs in [low, high) any more.  0 or -ENOMEM, unchanged. */
long area_cut(uint64_t low, uint64_t high) MUST_USE;
/* Is all of it in areas? */
bool area_covers(uint64_t low, uint64_t high);
/* All of it is.  0 or -ENOMEM, unchanged. */
long area_protect(uint64_t low, uint64_t high, uint32_t prot) MUST_USE;
/* Flags of what areas there are: one of them has it; set and clear. */
bool area_flagged(uint64_t low, uint64_t high, uint32_t flag);
void area_flag(uint64_t low, uint64_t high, uint32_t set, uint32_t clear);
/* Room for n bytes, high up; 0: none. */
uint64_t area_room(uint64_t n);
/* Forget all. */
void area_reset(void);

/* ---- pt.c */

/* A table, to read; good until the next call of this function. */
const uint64_t *pt_view(exo_ppn table);
/* The table that translates va at a level: found (0: none) or made. */
exo_ppn pt_find(uint64_t va, uint32_t level);
long pt_make(uint64_t va, uint32_t level) MUST_USE;
/* The first page from va on that is mapped; `high' if none is. */
uint64_t pt_next(uint64_t va, uint64_t high);
/* The last-level entry for va; 0: none. */
uint64_t pt_get(uint64_t va);
/* Set it: 0 or -EXO_E_*.  slot: as pt_set's. */
long pt_put(uint64_t va, uint64_t pte, exo_slot slot) MUST_USE;
/* Nothing is mapped in [low, high) any more; frames go back.  Before it
 * pt_edges, which may fail: -ENOMEM, unchanged. */
long pt_edges(uint64_t low, uint64_t high) MUST_USE;
void pt_clear(uint64_t low, uint64_t high);
/* What is mapped there loses the rights that prot has not; -ENOMEM. */
long pt_narrow(uint64_t low, uint64_t high, uint32_t prot) MUST_USE;
/* The root's entries, to read.  A fresh table, with its companion: it, or
 * -ENOMEM.  Give back one that is empty and linked nowhere. */
const uint64_t *pt_root(void);
/* The first present entry in [i, end), or end; most tables are nearly empty. */
uint32_t pt_present(const uint64_t *t, uint32_t i, uint32_t end);
long pt_table(uint32_t level) MUST_USE;
bool pt_table_free(exo_ppn table);
/* Nobody looks at it any more: it can be given back. */
void pt_unview(exo_ppn table);
/* Bits of an entry for this protection. */
uint64_t pt_bits(uint32_t prot);

/* ---- cow.c */

/* The table that translates va at a level, made the process's own, and all
 * above it: it; 0: none is there; -ENOMEM. */
long cow_own(uint64_t va, uint32_t level) MUST_USE;
/* The last-level table, and what is there for va. */
long cow_entry(uint64_t va, uint64_t *pte) MUST_USE;
/* Give back what others shared and nobody has any more: how many frames.  Only
 * where no frame is held that is not mapped. */
uint64_t frames_sweep(void);
/* The same before something is shared, now and then. */
void frames_sweep_sometimes(void);

/* ---- memory.c */
extern uint64_t brk_low, brk_now;
long memory_map(const struct area *a);	/* at a->low; what was there goes */
long memory_unmap(uint64_t low, uint64_t high);

/* Move what is mapped at from to `to', all but what is a file's: -ENOMEM. */
long pages_move(uint64_t from, uint64_t to, uint64_t n) MUST_USE;

/* ---- park.c: an area has lost all rights; has some again; goes; all go */
long park(uint64_t low, uint64_t high) MUST_USE;
long park_back(uint64_t low, uint64_t high) MUST_USE;
long park_drop(uint64_t low, uint64_t high) MUST_USE;
void park_reset(void);

/* ---- pager.c: answer a fault: 0, or what it is to the program: a signal,
 * its code << 8 */
uint32_t pager_fault(uint64_t addr, uint64_t err);

/* The page at va, if there is one, is the process's and nobody else's: false,
 * there is no memory. */
bool page_take(uint64_t va);

#endif
