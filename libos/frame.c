/*
 * frame.c - frames: which are free is published, so ask for one by name.
 *
 * Somebody else may be quicker: the kernel says BUSY, and we look again.
 * Data frames are taken a few at a time; those not needed yet wait here.  One
 * that was taken by force meanwhile shows another epoch.
 */
#include "vm.h"

#include <castor/self.h>

#define STOCK		8u
#define TRIES		64u

static exo_ppn stock[STOCK];
static uint64_t epochs[STOCK];
static uint32_t stocked;

static bool
frame_is_free(exo_ppn p)
{
	return EXO_PAGES[p].kind == EXO_PG_FREE;
}

static exo_ppn
free_from(exo_ppn near)
{
	if (near != 0) {
		for (exo_ppn p = near; p < EXO_MACHINE->nframes; p++) {
			if (frame_is_free(p))
				return p;
		}
	}
	return EXO_MACHINE->free_head;
}

uint64_t
vm_free_run(exo_ppn near, uint64_t n, exo_ppn *first)
{
	exo_ppn p = free_from(near);
	uint64_t run = 0;

	if (p == 0)
		return 0;
	while (run < n && p + run < EXO_MACHINE->nframes &&
	    frame_is_free(p + (exo_ppn)run))
		run++;
	*first = p;
	return run;
}

/* One call: how many frames from *first on, at least one, or an error. */
static long
run_take(exo_id acct, exo_slot acct_slot, exo_slot guard, uint32_t kind,
    exo_ppn near, uint64_t n, exo_ppn *first)
{
	for (uint32_t i = 0; i < TRIES; i++) {
		uint64_t run = vm_free_run(near, n < EXO_BATCH_MAX ? n :
		    EXO_BATCH_MAX, first);
		long r;

		if (run == 0 && EXO_MACHINE->free_head == 0)
			return -EXO_E_QUOTA;
		r = exo_page_alloc(acct, acct_slot, guard, kind, *first, run);
		if (r > 0 || (r != -EXO_E_BUSY && r != -EXO_E_ARG))
			return r;
	}
	return -EXO_E_BUSY;
}

long
vm_pages(exo_id acct, exo_slot acct_slot, exo_slot guard, uint32_t kind,
    uint64_t n, exo_ppn *ppns)
{
	uint64_t have = 0;

	while (have < n) {
		exo_ppn first;
		long r = run_take(acct, acct_slot, guard, kind, 0, n - have,
		    &first);

		if (r < 0) {
			while (have > 0)
				(void)!exo_page_free(guard, ppns[--have], 1);
			return r;
		}
		for (long i = 0; i < r; i++)
			ppns[have++] = first + (exo_ppn)i;
	}
	return 0;
}

/* The account's last frames may be fewer than a stock. */
static long
stock_fill(exo_ppn near)
{
	exo_ppn first;
	long r = run_take(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_DATA, near, STOCK, &first);

	if (r < 0)
		return r;
	/* The lowest comes out first. */
	for (exo_ppn p = first + (exo_ppn)r; p-- > first; stocked++) {
		stock[stocked] = p;
		epochs[stocked] = EXO_PAGES[p].epoch;
		vm_then();
	}
	return 0;
}

/* The next one that is still there; 0: none is. */
static inline exo_ppn
stock_pop(void)
{
	uint32_t n = stocked;

	while (n > 0 && EXO_PAGES[stock[n - 1]].epoch != epochs[n - 1])
		n--;
	stocked = n > 0 ? n - 1 : 0;
	return n > 0 ? stock[n - 1] : 0;
}

long
frame_take(uint32_t kind, exo_ppn near)
{
	exo_ppn first;
	long r;

	if (kind == EXO_PG_DATA && near == 0) {
		while ((first = stock_pop()) == 0) {
			r = stock_fill(near);
			if (r < 0)
				return r;
		}
		vm_stats.frames++;
		return first;
	}
	r = run_take(self->acct, self->acct_slot, self->memory_slot, kind,
	    near, 1, &first);
	if (r > 0)
		vm_stats.frames++;
	return r < 0 ? r : (long)first;
}

void
frame_put(exo_ppn ppn)
{
	(void)!exo_page_free(self->memory_slot, ppn, 1);
}

long
vm_page_near(uint32_t kind, exo_ppn near)
{
	long r;

	vm_lock();
	r = frame_take(kind, near);
	vm_unlock();
	return r;
}

long
vm_page(uint32_t kind)
{
	return vm_page_near(kind, 0);
}

uint64_t
vm_trim(void)
{
	uint64_t n = 0;
	exo_ppn ppn;

	vm_lock();
	while ((ppn = stock_pop()) != 0)
		n += exo_page_free(self->memory_slot, ppn, 1) == 1;
	vm_unlock();
	return n;
}
