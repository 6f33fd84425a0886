/*
 * revoke.c - asking for resources back, and taking them.
 *
 * Whoever has REVOKE on an account asks it for frames, slices or PCIDs; its
 * holder chooses which.  When the deadline is past they are taken by name, and
 * what went is written down for the holder (docs/revocation.md).  What an ask
 * does to the limits is account.c's.
 *
 * Invariants: (1) nothing is taken but what the account itself is charged for,
 *		   after the deadline, and not beyond the target.
 *	       (2) the kernel writes the record and never reads it.
 * Guarded by: capability.  Published: EXO_ACCTS.
 */
#include <exo/revoke.h>

#include "as.h"
#include "env.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"

/* How many names there are of this kind; 0: it is not taken. */
static uint64_t
res_names(uint32_t res)
{
	switch (res) {
	case EXO_RES_FRAMES:
		return npages;
	case EXO_RES_SLICES:
		return (uint64_t)machine.ncpus * machine.nslices;
	case EXO_RES_PCIDS:
		return NPCIDS;
	}
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; NODEV; STATE; BUSY; ARG. */
long
sys_revoke_ask(exo_id acct, exo_slot slot, uint32_t res, uint64_t n,
    uint64_t ticks)
{
	long i = acct_check(acct, slot, EXO_R_REVOKE);
	struct exo_acct *a;

	if (i < 0)
		return i;
	if (res_names(res) == 0 || i == ACCT_ROOT)
		return -EXO_E_ARG;
	if (res == EXO_RES_PCIDS && !tlb_has_pcid)
		return -EXO_E_NODEV;
	a = &accts[i];
	if (a->state != EXO_ACCT_LIVE ||
	    accts[a->parent].state != EXO_ACCT_LIVE ||
	    (n == 0 && !a->ask[res].open))
		return -EXO_E_STATE;
	if (n != 0 && a->ask[res].open)
		return -EXO_E_BUSY;
	if (n > a->used[res] || (n != 0 && (ticks < machine.grace_ticks ||
	    ticks > EXO_ASK_TICKS_MAX)))
		return -EXO_E_ARG;
	/* Act. */
	a->ask[res] = (struct exo_ask){ .open = 0 };
	if (n == 0)
		return 0;
	a->ask[res].deadline = machine.ticks + ticks;
	a->ask[res].target = a->used[res] - (uint32_t)n;
	a->ask[res].open = 1;
	acct_settle((uint32_t)i, res);
	return 0;
}

/* ----------------------------------------------------------- the record */

/* A run is over: it is written, and then counted. */
static void
run_write(struct exo_acct *a, struct exo_taken *run)
{
	struct exo_taken_ring *ring;

	if (run->count != 0 && a->record != 0) {
		ring = page_kva(a->record);
		ring->rec[a->recorded % EXO_TAKEN_MAX] = *run;
		ring->taken = a->taken;
		__atomic_store_n(&ring->next, ++a->recorded,
		    __ATOMIC_RELEASE);
	}
	run->count = 0;
}

static void
run_add(struct exo_acct *a, struct exo_taken *run, uint32_t name)
{
	if (run->first + run->count != name)
		run_write(a, run);
	if (run->count == 0)
		run->first = name;
	run->count++;
	a->taken++;
}

/* -------------------------------------------------------------- by force */

enum took {
	TOOK,
	TOOK_NOT,			/* it is not the account's, or in use */
	TOOK_LATER			/* some of its mappings are left */
};

static enum took
take_frame(uint32_t acct, exo_ppn ppn, uint64_t *steps)
{
	if (!page_owned(ppn) || pages[ppn].account != acct ||
	    !page_takeable(ppn))
		return TOOK_NOT;
	*steps -= as_unmap_frame(ppn, *steps);
	if (pages[ppn].maps != 0)
		return TOOK_LATER;
	page_release(ppn);
	return TOOK;
}

/* Steps: mappings that may yet be removed. */
static enum took
take(uint32_t acct, enum exo_res res, uint32_t name, uint64_t *steps)
{
	if (res == EXO_RES_FRAMES)
		return take_frame(acct, name, steps);
	if (res == EXO_RES_SLICES) {
		if (slices[name].account != acct)
			return TOOK_NOT;
		slice_release(name);
		return TOOK;
	}
	if (pcids[name].account != acct)
		return TOOK_NOT;
	pcid_release(name);
	return TOOK;
}

/*
 * The caller's own pages, slice or tag may be among them: nothing of its
 * memory is looked at here.
 * Errors: NAME; SLOT, DENIED, RIGHTS; ARG; STATE.
 */
long
sys_revoke_take(exo_id acct, exo_slot slot, uint32_t res, uint64_t first,
    uint64_t n)
{
	long i = acct_check(acct, slot, EXO_R_REVOKE);
	struct exo_taken run = { .tick = machine.ticks,
	    .res = (uint16_t)res };
	uint64_t did, steps = EXO_STEPS_MAX;
	struct exo_acct *a;

	if (i < 0)
		return i;
	if (n == 0 || n > EXO_STEPS_MAX || first >= res_names(res) ||
	    n > res_names(res) - first)
		return -EXO_E_ARG;
	a = &accts[i];
	if (!a->ask[res].open || machine.ticks < a->ask[res].deadline)
		return -EXO_E_STATE;
	/* Act. */
	for (did = 0; did < n && a->ask[res].open; did++) {
		uint32_t name = (uint32_t)(first + did);
		enum took took = take((uint32_t)i, res, name, &steps);

		if (took == TOOK_LATER)
			break;
		if (took == TOOK)
			run_add(a, &run, name);
	}
	run_write(a, &run);
	return (long)did;
}

/*
 * While it is bound the kernel uses the frame: it is neither freed nor taken.
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; then ARG; TYPE; SLOT, DENIED,
 * RIGHTS; BUSY.
 */
long
sys_revoke_record(exo_id acct, exo_slot slot, exo_ppn ppn, exo_slot fslot)
{
	long i = acct_charging(acct, slot), r;
	struct exo_taken_ring *ring;

	if (i < 0)
		return i;
	r = ppn == 0 ? 0 : page_bindable(ppn, fslot);
	if (r < 0)
		return r;
	/* Act. */
	acct_record((uint32_t)i, ppn);
	if (ppn == 0)
		return 0;
	ring = page_kva(ppn);
	ring->next = 0;
	ring->taken = accts[i].taken;
	return 0;
}
