/*
 * sweep.c - frames that a process which ended had shared with others.
 *
 * What its children or its parent still reached at its end came to the commons'
 * account, its heir: pages, page tables and their companions, slots that a
 * parent was filling.  When those who shared it end too, or have made their own
 * copies, nobody reaches it any more and nobody else will look for it.  Such
 * frames are found in the list of the account's frames, a few at a time,
 * whenever a process has ended while there are any; and when there is no memory
 * for somebody.
 *
 * A frame of the commons' own is never freed here: its guard is the memory's
 * name, not one below the session's.
 */
#include "house.h"
#include "world.h"

uint64_t sweep_left;			/* that came and were not freed yet */
static bool again;			/* begin at the front (once more) */
static exo_ppn at;			/* the next to be looked at; 0: none */

void
sweep_more(uint64_t n)
{
	sweep_left += n;
}

void
sweep_again(void)
{
	if (sweep_left == 0)
		return;
	again = true;
	world_kick();
}

static bool
is_table(const volatile struct exo_page *p)
{
	return p->kind >= EXO_PG_PT1 && p->kind <= EXO_PG_PT4;
}

static bool
is_left(const volatile struct exo_page *p)
{
	/* A companion goes with its table. */
	return p->maps == 0 && p->uses == 0 && p->refs == 0 &&
	    (p->kind != EXO_PG_RMAP || p->companion == 0);
}

static void
frame_free(exo_ppn ppn)
{
	if (exo_page_free(session, ppn, 1) == 1 && sweep_left > 0)
		sweep_left--;
}

/* The only table that leads to it, or the first; 0: none, or unknown. */
static exo_ppn
above(const volatile struct exo_page *p)
{
	if (is_table(p))
		return p->refs == 1 ? p->parents >> 9 : 0;
	return p->maps > 0 ? p->rmap >> 9 : 0;
}

/*
 * If a table above it is one that nobody reaches any more, that is emptied: a
 * process that forked left it, and is alive, and sweeps no sooner than it needs
 * to.
 */
static void
above_empty(const volatile struct exo_page *p)
{
	exo_ppn ppn = above(p);

	for (uint32_t level = 1; level < 4 && ppn != 0; level++) {
		const volatile struct exo_page *t = &EXO_PAGES[ppn];

		if (!is_table(t) || t->entries == 0)
			return;
		if (t->refs == 0 && exo_pt_empty(ppn, 0, 512) >= 0)
			again = true;
		ppn = above(t);
	}
}

/* What an emptied table alone led to may lie before it in the list. */
static void
left_free(exo_ppn ppn)
{
	const volatile struct exo_page *p = &EXO_PAGES[ppn];
	exo_ppn companion = p->kind == EXO_PG_PT1 ? p->companion : 0;

	if (is_table(p) && p->entries > 0) {
		(void)!exo_pt_empty(ppn, 0, 512);
		again = true;
	}
	frame_free(ppn);
	if (companion != 0)
		frame_free(companion);
}

/* A frame of mine: not if it was freed since. */
static bool
is_mine(exo_ppn ppn)
{
	return ppn != 0 && EXO_PAGES[ppn].kind < EXO_PG_OWNED_END &&
	    EXO_PAGES[ppn].kind != EXO_PG_FREE &&
	    EXO_PAGES[ppn].account == EXO_INDEX(self->acct);
}

bool
sweep(uint32_t n)
{
	exo_ppn ppn;

	if (at == 0 && !again)
		return false;
	for (; n > 0; n--) {
		if (!is_mine(at)) {
			if (at == 0 && !again)
				return false;
			again = false;
			at = EXO_ACCTS[EXO_INDEX(self->acct)].frames;
		}
		ppn = at;
		at = EXO_PAGES[ppn].next;
		if (!is_left(&EXO_PAGES[ppn])) {
			above_empty(&EXO_PAGES[ppn]);
			continue;
		}
		if (at == EXO_PAGES[ppn].companion && at != 0)
			at = EXO_PAGES[at].next;
		left_free(ppn);
	}
	return true;
}
