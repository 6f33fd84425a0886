/*
 * frame.c - frames of the process's account, by name from the published list.
 *
 * Data frames are taken a few at a time, and wait here, zeroed.
 */
#include "wait.h"

#define STOCK		16u
#define TRIES		64u
#define LOOK		16u		/* free frames looked at for one */
#define RAISE_FRAMES	512u
#define RAISE_TRIES	32u

static exo_ppn stock[STOCK];
static uint32_t stocked;

/* A free one that is known to be zero, so that it need not be zeroed, or is not:
 * for what is written at once.  0: there is none. */
static exo_ppn
frame_free(bool zero)
{
	exo_ppn first = EXO_MACHINE->free_head, p = first;

	for (uint32_t i = 0; i < LOOK && p != 0; i++) {
		const volatile struct exo_page *row = &EXO_PAGES[p];

		if (row->kind == EXO_PG_FREE &&
		    ((row->flags & EXO_PF_ZERO) != 0) == zero)
			return p;
		p = row->next;
	}
	return first;
}

/* A run of free frames at the head of the list: how many, n at most. */
static uint64_t
free_run(uint64_t n, exo_ppn *first)
{
	exo_ppn p = EXO_MACHINE->free_head;
	uint64_t run = 0;

	*first = p;
	if (p == 0)
		return 0;
	while (run < n && p + run < EXO_MACHINE->nframes &&
	    EXO_PAGES[p + run].kind == EXO_PG_FREE)
		run++;
	return run;
}

/* The account's limit goes up in steps, as far as the session's allows; while
 * that has no more, those that have ended give back theirs. */
static bool
limit_raise(void)
{
	for (uint32_t i = 0; i < RAISE_TRIES; i++) {
		if (commons(CM_RAISE, EXO_RES_FRAMES, RAISE_FRAMES, 0, 0) > 0 ||
		    commons(CM_RAISE, EXO_RES_FRAMES, STOCK, 0, 0) > 0)
			return true;
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
	return false;
}

/* At most n frames of a kind from *first on: how many, or -ENOMEM. */
static long
run_take(uint32_t kind, exo_slot guard, uint64_t n, exo_ppn *first)
{
	for (uint32_t i = 0; i < TRIES; i++) {
		uint64_t run = free_run(n, first);
		long r;

		if (run == 0 && EXO_MACHINE->free_head == 0)
			return -ENOMEM;
		r = exo_page_alloc(own.acct, own.acct_slot, guard, kind,
		    *first, run);
		if (r > 0)
			return r;
		if (r == -EXO_E_QUOTA && !limit_raise())
			return -ENOMEM;
		if (r != -EXO_E_QUOTA && r != -EXO_E_BUSY && r != -EXO_E_ARG)
			return -ENOMEM;	/* others: somebody was quicker */
	}
	return -ENOMEM;
}

long
frames_get_at(uint32_t kind, exo_slot guard, exo_ppn first, uint32_t n)
{
	long r;

	while ((r = exo_page_alloc(own.acct, own.acct_slot, guard, kind, first,
	    n)) == -EXO_E_QUOTA && limit_raise())
		;
	if (r > 0 && r < (long)n)
		(void)!exo_page_free(guard, first, (uint64_t)r);
	return r == (long)n ? 0 : r > 0 || r == -EXO_E_BUSY ? -EAGAIN :
	    -ENOMEM;
}

/* Is it worth another try?  My own account's limit may go up. */
static bool
is_again(long r, exo_id acct)
{
	return r == -EXO_E_BUSY ||
	    (r == -EXO_E_QUOTA && acct == own.acct && limit_raise());
}

long
frame_get_for(exo_id acct, exo_slot slot, exo_slot guard, uint32_t kind)
{
	for (uint32_t i = 0; i < TRIES; i++) {
		exo_ppn ppn = frame_free(true);
		long r = ppn == 0 ? -EXO_E_FULL : exo_page_alloc(acct, slot,
		    guard, kind, ppn, 1);

		if (r == 1)
			return ppn;
		if (!is_again(r, acct))
			break;
	}
	return -ENOMEM;
}

long
frame_copy_for(exo_id acct, exo_slot slot, exo_slot guard, uint64_t va)
{
	for (uint32_t i = 0; i < TRIES; i++) {
		exo_ppn ppn = frame_free(false);
		long r = ppn == 0 ? -EXO_E_FULL : exo_page_copy(acct, slot,
		    guard, ppn, va);

		if (r == 0)
			return ppn;
		if (!is_again(r, acct))
			break;
	}
	return -ENOMEM;
}

long
frame_copy(uint64_t va)
{
	return frame_copy_for(own.acct, own.acct_slot, own.memory_slot, va);
}

long
frame_get(uint32_t kind)
{
	exo_ppn first;
	long r;

	if (kind != EXO_PG_DATA)
		return frame_get_for(own.acct, own.acct_slot, own.memory_slot,
		    kind);
	if (stocked == 0) {
		r = run_take(kind, own.memory_slot, STOCK, &first);
		if (r < 0)
			return r;
		while (r > 0)		/* the lowest comes out first */
			stock[stocked++] = first + (exo_ppn)--r;
	}
	return stock[--stocked];
}

void
frame_put(exo_ppn ppn)
{
	(void)!exo_page_free(own.memory_slot, ppn, 1);
}

void
frames_unstock(void)
{
	while (stocked > 0)
		frame_put(stock[--stocked]);
}

void
frames_forget(void)
{
	stocked = 0;
}
