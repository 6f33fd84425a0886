/* page.h - physical frames (page.c). */
#ifndef PAGE_H
#define PAGE_H

#include "account.h"
#include "direct.h"

extern struct exo_page pages[];		/* published */
extern struct guard page_guards[];	/* private, parallel */
extern uint32_t npages;

static inline bool
page_is_table(const struct exo_page *p)
{
	return (uint8_t)(p->kind - EXO_PG_PT1) <= EXO_PG_PT4 - EXO_PG_PT1;
}

/* A frame that is mapped to be looked at only: by VIEW, never W or X. */
static inline bool
page_is_view(const struct exo_page *p)
{
	return page_is_table(p) || p->kind == EXO_PG_RMAP;
}

static inline bool
page_is_live(const struct exo_page *p)
{
	return (p->flags & EXO_PF_LIVE) != 0;
}

/* The frame's contents (page_kva) and back (kva_page): direct.h. */

/*
 * Take a free frame for an account: zeroed, linked in the account's list,
 * charged, its maker the running domain (or none at boot).  The caller has
 * checked that it is free and that there is room.  kind may have
 * EXO_KIND_LIVE.
 */
void page_take(uint32_t acct, const struct guard *guard, uint32_t kind,
    exo_ppn ppn);
/* Zero a frame that was taken from its last user, before it is mapped again. */
void page_scrub(exo_ppn ppn);
/* Give back a frame that nothing refers to. */
void page_release(exo_ppn ppn);
bool page_idle(exo_ppn ppn);
/* Would it be idle if nobody mapped it? */
bool page_takeable(exo_ppn ppn);
/* Is it somebody's: neither free, nor the kernel's or a device's? */
bool page_owned(exo_ppn ppn);

/* Did the running domain allocate it? */
bool page_made_here(exo_ppn ppn);

/*
 * A frame of this kind that the running domain allocated and nobody uses, for
 * a record.  Errors: ARG; TYPE; REACH; BUSY.
 */
long page_for_record(exo_ppn ppn, enum exo_kind kind) MUST_USE;

/*
 * A use by the kernel: while there is one, the frame keeps its type.  Where
 * one frame may be pinned many times, ask page_pinnable first: the count ends
 * at 65535.
 */
bool page_pinnable(exo_ppn ppn);
void page_pin(exo_ppn ppn);
void page_unpin(exo_ppn ppn);

/*
 * A live data frame that the kernel will write for the running domain: one
 * binder, WRITE.  Errors: ARG; TYPE; SLOT, DENIED, RIGHTS; BUSY.
 * page_bind commits what page_bindable checked.
 */
long page_bindable(exo_ppn ppn, exo_slot slot) MUST_USE;
void page_bind(exo_ppn ppn);
void page_unbind(exo_ppn ppn);

/*
 * At boot: the frame table from the memory map.  FREE ones go on the free
 * list; a DATA one (which may have EXO_KIND_LIVE) keeps its contents, guarded
 * by the root's name and charged to the root account.
 */
void page_boot(exo_ppn ppn, uint32_t kind);

#endif
