/*
 * hostile_revoke.c - asking and taking back against bad arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

#define INDEX		200u		/* a slice nobody uses here */

static const uint32_t fr = EXO_RES_FRAMES, sl = EXO_RES_SLICES;

static uint64_t
grace(void)
{
	return EXO_MACHINE->grace_ticks;
}

static uint32_t
used(const struct lab *l, uint32_t res)
{
	return EXO_ACCTS[EXO_INDEX(l->acct)].used[res];
}

static void
ticks_pass(uint64_t n)
{
	for (uint64_t end = EXO_MACHINE->ticks + n; EXO_MACHINE->ticks < end; )
		yield_some(1);
}

static void
ask_now(const struct lab *l, uint32_t res, uint64_t n)
{
	must(exo_revoke_ask(l->acct, l->name, res, n, grace()));
	ticks_pass(grace());
}

HOSTILE(revoke_ask, arguments)
{
	struct lab l;
	uint64_t all;

	lab_make(&l);
	all = used(&l, fr);
	REFUSED_ID(exo_revoke_ask(i, l.name, fr, 1, grace()), l.acct);
	REFUSED_CAP(exo_revoke_ask(l.acct, s, fr, 1, grace()), l.name,
	    EXO_R_REVOKE);
	for (uint32_t r = 0; r <= EXO_RES_MAX; r++) {
		if (r != fr && r != sl && r != EXO_RES_PCIDS)
			REFUSED(exo_revoke_ask(l.acct, l.name, r, 1, grace()),
			    ARG);
	}
	REFUSED(exo_revoke_ask(l.acct, l.name, EXO_NONE, 1, grace()), ARG);
	/* Nobody is above the first account. */
	REFUSED(exo_revoke_ask(self->acct, self->root_slot, fr, 1, grace()),
	    ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, all + 1, grace()), ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, ~0ul, grace()), ARG);
	/* As 32 bits these are harmless. */
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1ul << 32 | 1, grace()),
	    ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, 1ul << 32 | grace()),
	    ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, ~0ul), ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, 0), ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, grace() - 1), ARG);
	REFUSED(exo_revoke_ask(l.acct, l.name, sl, 1, grace()), ARG);
	if (EXO_MACHINE->npcids == 1) {
		REFUSED(exo_revoke_ask(l.acct, l.name, EXO_RES_PCIDS, 1,
		    grace()), NODEV);
		REFUSED(exo_revoke_ask(l.acct, l.name, EXO_RES_PCIDS, 0,
		    grace()), NODEV);
	} else
		REFUSED(exo_revoke_ask(l.acct, l.name, EXO_RES_PCIDS, 1,
		    grace()), ARG);
	lab_end(&l);
}

HOSTILE(revoke_ask, states)
{
	uint32_t limits[EXO_RES_MAX] = { 8 };
	struct lab l;
	exo_id child;
	exo_ppn ppn;

	lab_make(&l);
	child = (exo_id)must(exo_acct_create(l.acct, l.name, l.name, l.acct,
	    (uint64_t)limits));
	must(vm_pages(child, l.name, l.name, EXO_PG_DATA, 1, &ppn));
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 0, grace()), STATE);
	must(exo_revoke_ask(l.acct, l.name, fr, 2, EXO_ASK_TICKS_MAX));
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, grace()), BUSY);
	/* It is asked, whoever asks, and whatever else is wrong. */
	REFUSED(exo_revoke_ask(l.acct, self->root_slot, fr, ~0ul, 0), BUSY);
	REFUSED(exo_revoke_ask(l.acct, l.name, sl, 0, grace()), STATE);
	must(exo_revoke_ask(l.acct, l.name, fr, 0, 0));
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 0, 0), STATE);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_revoke_ask(l.acct, l.name, fr, 1, grace()), STATE);
	REFUSED(exo_revoke_ask(child, l.name, fr, 1, grace()), STATE);
	REFUSED(exo_revoke_ask(child, l.name, fr, 0, grace()), STATE);
	lab_end(&l);
	REFUSED(exo_revoke_ask(l.acct, self->root_slot, fr, 1, grace()),
	    NAME);
}

HOSTILE(revoke_take, arguments)
{
	const uint64_t nframes = EXO_MACHINE->nframes;
	const uint64_t nslices = EXO_MACHINE->nslices;
	struct lab l;

	lab_make(&l);
	ask_now(&l, fr, 1);
	REFUSED_ID(exo_revoke_take(i, l.name, fr, 1, 1), l.acct);
	REFUSED_CAP(exo_revoke_take(l.acct, s, fr, 1, 1), l.name,
	    EXO_R_REVOKE);
	for (uint32_t r = 0; r <= EXO_RES_MAX; r++) {
		if (r != fr && r != sl && r != EXO_RES_PCIDS)
			REFUSED(exo_revoke_take(l.acct, l.name, r, 1, 1),
			    ARG);
	}
	REFUSED(exo_revoke_take(l.acct, l.name, EXO_NONE, 1, 1), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, 1, 0), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, 1, EXO_STEPS_MAX + 1),
	    ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, 1, ~0ul), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, nframes, 1), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, nframes - 1, 2), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, ~0ul, 2), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, 1ul << 32 | 1, 1), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, sl, nslices, 1), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, sl, nslices - 1, 2), ARG);
	REFUSED(exo_revoke_take(l.acct, l.name, EXO_RES_PCIDS, 4096, 1), ARG);
	/* It is asked for frames. */
	REFUSED(exo_revoke_take(l.acct, l.name, sl, INDEX, 1), STATE);
	REFUSED(exo_revoke_take(l.acct, l.name, EXO_RES_PCIDS, 1, 1), STATE);
	lab_end(&l);
	REFUSED(exo_revoke_take(l.acct, self->root_slot, fr, 1, 1), NAME);
}

/* Not before the deadline, not without an ask, not when there is enough. */
HOSTILE(revoke_take, times)
{
	struct lab l;
	exo_ppn f;

	lab_make(&l);
	f = lab_frame(&l, EXO_PG_DATA);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, f, 1), STATE);
	REFUSED(exo_revoke_take(self->acct, self->root_slot, fr, f, 1),
	    STATE);
	must(exo_revoke_ask(l.acct, l.name, fr, 1, 100000));
	REFUSED(exo_revoke_take(l.acct, l.name, fr, f, 1), STATE);
	must(exo_revoke_ask(l.acct, l.name, fr, 0, 0));
	ask_now(&l, fr, 1);
	EQ(exo_revoke_take(l.acct, l.name, fr, f, 1), 1);
	EQ(EXO_PAGES[f].kind, EXO_PG_FREE);
	REFUSED(exo_revoke_take(l.acct, l.name, fr, f, 1), STATE);
	ask_now(&l, fr, 1);
	must(exo_revoke_ask(l.acct, l.name, fr, 0, 0));
	REFUSED(exo_revoke_take(l.acct, l.name, fr, l.root, 1), STATE);
	lab_end(&l);
}

/* A take that finds nothing to take: n names dealt with, nothing changed. */
static void
passed(const struct lab *l, uint32_t res, uint64_t first, uint64_t n)
{
	struct snap before, after;

	snap_take(&before);
	EQ(exo_revoke_take(l->acct, l->name, res, first, n), (long)n);
	snap_take(&after);
	OK(snap_differs(&before, &after) == NULL);
}

HOSTILE(revoke_take, others)
{
	struct lab l, other;
	exo_ppn mine, f;
	exo_id child;
	uint32_t limits[EXO_RES_MAX] = { 8 };

	lab_make(&l);
	lab_make(&other);
	mine = (exo_ppn)must(vm_page(EXO_PG_DATA));
	f = lab_frame(&other, EXO_PG_DATA);
	must(exo_slice_alloc(other.acct, other.name, other.name, INDEX));
	must(exo_slice_alloc(l.acct, l.name, l.name, INDEX + 1));
	child = (exo_id)must(exo_acct_create(l.acct, l.name, l.name, l.acct,
	    (uint64_t)limits));
	ask_now(&l, fr, 2);
	ask_now(&l, sl, 1);
	passed(&l, fr, mine, 1);
	passed(&l, fr, f, 1);
	passed(&l, fr, 0, 1);
	passed(&l, fr, EXO_MACHINE->free_head, 1);
	passed(&l, fr, EXO_MACHINE->nframes - 1, 1);
	passed(&l, fr, EXO_MACHINE->archive_ppn, 1);
	passed(&l, sl, INDEX, 1);
	passed(&l, sl, 0, INDEX);
	/* Its child's are the child's. */
	must(vm_pages(child, l.name, l.name, EXO_PG_DATA, 1, &f));
	passed(&l, fr, f, 1);
	must(exo_page_free(l.name, f, 1));
	must(exo_page_free(self->memory_slot, mine, 1));
	lab_end(&other);
	lab_end(&l);
}

/* What the kernel uses stays, and so do tables that hold something. */
HOSTILE(revoke_take, in_use)
{
	exo_ppn t[6];
	struct lab l;

	lab_make(&l);
	t[0] = lab_frame(&l, EXO_PG_PT3);
	t[1] = lab_frame(&l, EXO_PG_PT2);
	t[2] = lab_frame(&l, EXO_PG_PT1);
	t[3] = lab_frame(&l, EXO_PG_RMAP);
	t[4] = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	t[5] = lab_frame(&l, EXO_PG_DATA);
	must(exo_pt_companion(t[2], t[3]));
	must(exo_pt_set(0, t[2], 0, EXO_PTE(t[5], VM_R), l.name));
	must(exo_pt_set(0, t[1], 0, EXO_PTE(t[2], EXO_PTE_W), 0));
	must(exo_pt_set(0, t[0], 0, EXO_PTE(t[1], EXO_PTE_W), 0));
	must(exo_slots_bind(l.domain, l.name, 0, l.slots));
	must(exo_revoke_record(l.acct, l.name, t[4], l.name));
	ask_now(&l, fr, 8);
	passed(&l, fr, l.root, 1);
	passed(&l, fr, l.dframe, 1);
	passed(&l, fr, l.eframe, 1);
	passed(&l, fr, l.slots, 1);
	for (uint32_t i = 0; i < 5; i++)
		passed(&l, fr, t[i], 1);
	EQ(exo_revoke_take(l.acct, l.name, fr, t[5], 1), 1);
	EQ(EXO_PAGES[t[5]].kind, EXO_PG_FREE);
	EQ(EXO_PAGES[t[2]].entries, 0);
	passed(&l, fr, t[2], 1);
	lab_end(&l);
}

HOSTILE(revoke_record, arguments)
{
	struct lab l;
	exo_ppn ring;

	lab_make(&l);
	ring = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	REFUSED_ID(exo_revoke_record(i, l.name, ring, l.name), l.acct);
	REFUSED_CAP(exo_revoke_record(l.acct, s, ring, l.name), l.name,
	    EXO_R_CHARGE);
	REFUSED_CAP(exo_revoke_record(l.acct, s, 0, 0), l.name, EXO_R_CHARGE);
	REFUSED_FRAME(exo_revoke_record(l.acct, l.name, f, l.name), ARG);
	REFUSED_KIND(exo_revoke_record(l.acct, l.name, f, self->root_slot),
	    0, TYPE);
	REFUSED_CAP(exo_revoke_record(l.acct, l.name, ring, s), l.name,
	    EXO_R_WRITE);
	must(exo_revoke_record(l.acct, l.name, ring, l.name));
	REFUSED(exo_revoke_record(l.acct, l.name, ring, l.name), BUSY);
	REFUSED(exo_page_free(l.name, ring, 1), BUSY);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_revoke_record(l.acct, l.name, 0, 0), STATE);
	lab_end(&l);
	REFUSED(exo_revoke_record(l.acct, self->root_slot, 0, 0), NAME);
}

/* One binder, not where code is, and it can be freed once it is let go. */
HOSTILE(revoke_record, frames)
{
	struct lab l, other;
	exo_ppn a, b;

	lab_make(&l);
	lab_make(&other);
	a = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	b = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	must(exo_revoke_record(l.acct, l.name, a, l.name));
	REFUSED(exo_revoke_record(other.acct, other.name, a, l.name), BUSY);
	EQ(EXO_ACCTS[EXO_INDEX(l.acct)].record, a);
	must(exo_revoke_record(l.acct, l.name, b, l.name));
	EQ(EXO_ACCTS[EXO_INDEX(l.acct)].record, b);
	EQ(EXO_PAGES[a].pins, 0);
	must(exo_revoke_record(other.acct, other.name, a, l.name));
	/* The account ends: its record is let go, wherever it lies. */
	lab_end(&other);
	EQ(EXO_PAGES[a].pins, 0);
	EQ(EXO_PAGES[a].flags & EXO_PF_BOUND, 0);
	must(exo_page_free(l.name, a, 1));
	must(exo_revoke_record(l.acct, l.name, 0, 0));
	EQ(EXO_ACCTS[EXO_INDEX(l.acct)].record, 0);
	EQ(exo_revoke_record(l.acct, l.name, 0, 0), 0);
	must(exo_page_free(l.name, b, 1));
	a = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	must(vm_map_frame(a, VM_RX, self->memory_slot));
	REFUSED(exo_revoke_record(l.acct, l.name, a, self->memory_slot),
	    BUSY);
	lab_end(&l);
}
