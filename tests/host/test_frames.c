/*
 * test_frames.c - calls on frames and tables, one by one: what each refuses,
 * in the order that exo/syscall.h gives, and what it does.
 *
 * Domain 1 runs; domain 2 has come by fork where a test needs it.
 */
#include "world.h"

#define RO	EXO_PTE_NX
#define RW	(EXO_PTE_W | EXO_PTE_NX)
#define RX	0ul

static exo_ppn
alloc(uint32_t kind, exo_slot guard)
{
	exo_ppn ppn = machine.free_head;

	EQ(sys_page_alloc(0, 0, guard, kind, ppn, 1), 1);
	return ppn;
}

static exo_ppn
alloc_pt1(uint32_t live, exo_slot guard)
{
	exo_ppn t = alloc(EXO_PG_PT1 | live, guard);

	EQ(sys_pt_companion(t, alloc(EXO_PG_RMAP, guard)), 0);
	return t;
}

static long
set(exo_ppn t, uint32_t i, uint64_t pte, exo_slot s)
{
	long r = CALL_SET(t, i, pte, s);

	check_frames();
	OK(!world_failed);
	return r;
}

static uint64_t
get(exo_ppn t, uint32_t i)
{
	return ((uint64_t *)page_kva(t))[i];
}

/* A world where domain 1 has a table of each level at address 0. */
static exo_ppn root, pt3, pt2, pt1;

static void
start(void)
{
	world_judge = NULL;
	hw.blind = true;
	world_boot(HW_PLAIN);
	root = dom[1].root;
	pt3 = alloc(EXO_PG_PT3, S_OWN);
	pt2 = alloc(EXO_PG_PT2, S_OWN);
	pt1 = alloc_pt1(0, S_OWN);
	EQ(set(pt2, 0, EXO_PTE(pt1, EXO_PTE_W), S_NONE), 0);
	EQ(set(pt3, 0, EXO_PTE(pt2, EXO_PTE_W), S_NONE), 0);
	EQ(set(root, 0, EXO_PTE(pt3, EXO_PTE_W), S_NONE), 0);
}

/* Domain 2, by a copy of all entries of the root. */
static void
fork_two(void)
{
	exo_ppn r2 = alloc(EXO_PG_PT4, S_OWN);

	EQ(CALL_COPY(r2, 0, 0, 4), 4);
	EQ(CALL_CREATE(r2), 2);
}

static void
to(uint32_t d)
{
	(void)CALL_SWITCH(d);
}

TEST(a_forged_entry_does_not_pass_for_one_of_a_run)
{
	exo_ppn mine, secret, t;

	start();
	fork_two();
	mine = alloc(EXO_PG_DATA, S_OWN);
	secret = alloc(EXO_PG_DATA, S_OWN);
	t = alloc_pt1(0, S_OWN);
	EQ(set(t, 0, EXO_PTE(mine, RW), S_OWN), 0);
	to(2);
	t = alloc_pt1(0, S_OWN);
	EQ(set(t, 0, 0, S_OWN), 0);
	EQ(set(t, 0, ~((uint64_t)secret << 12), S_OWN), -EXO_E_ARG);
	EQ(set(t, 0, EXO_PTE(secret, RW), S_OWN), -EXO_E_DENIED);
	EQ(get(t, 0), 0);
}

/* A second frame like the first, in the entry beside it: by the short way. */
static exo_ppn twin[2];

static void
start_run(exo_ppn t)
{
	twin[0] = alloc(EXO_PG_DATA, S_OWN);
	twin[1] = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(t, 0, EXO_PTE(twin[0], RW), S_OWN), 0);
}

static long
go_on(exo_ppn t)
{
	return set(t, 1, EXO_PTE(twin[1], RW), S_OWN);
}

TEST(what_is_remembered_of_an_edit_ends_with_a_fork)
{
	start();
	start_run(pt1);
	fork_two();
	EQ(go_on(pt1), -EXO_E_FROZEN);
	start();
	start_run(pt1);
	EQ(CALL_CREATE(root), 2);
	EQ(go_on(pt1), -EXO_E_FROZEN);
	start();
	start_run(pt1);
	EQ(CALL_COPY(pt2, 1, 0, 1), 1);		/* nor by another's root */
	EQ(go_on(pt1), -EXO_E_FROZEN);
}

TEST(what_is_remembered_of_an_edit_ends_with_its_table)
{
	exo_ppn t, t2;

	start();
	t = alloc_pt1(0, S_OWN);
	start_run(t);
	EQ(set(t, 0, 0, S_OWN), 0);
	EQ(sys_page_free(S_OWN, t, 1), 1);
	EQ(go_on(t), -EXO_E_TYPE);
	t = alloc_pt1(0, S_OWN);
	t2 = alloc(EXO_PG_PT2, S_OWN);
	EQ(set(t2, 0, EXO_PTE(t, EXO_PTE_W), S_NONE), 0);
	start_run(t);
	EQ(sys_pt_empty(t2, 0, 1), 0);
	EQ(go_on(t), -EXO_E_EMPTY);
}

TEST(what_is_remembered_of_an_edit_is_one_domain_s_and_one_slot_s)
{
	exo_ppn seats;

	start();
	start_run(pt1);
	seats = alloc(EXO_PG_SEATS, S_OWN);
	EQ(set(pt1, 1, EXO_PTE(twin[1], RW), S_NONE), -EXO_E_SLOT);
	EQ(set(pt1, 1, EXO_PTE(twin[1], RW), S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 1, EXO_PTE(seats, RW), S_OWN), -EXO_E_TYPE);
	EQ(go_on(pt1), 0);
	EQ(CALL_CREATE(alloc(EXO_PG_PT4, S_OWN)), 2);
	start_run(pt2 = alloc_pt1(0, S_OWN));
	to(2);
	EQ(go_on(pt2), -EXO_E_REACH);
}

TEST(of_a_live_table_nothing_is_remembered)
{
	exo_ppn t, f, g;

	start();
	t = alloc_pt1(EXO_KIND_LIVE, S_SHARED);
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	g = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	EQ(sys_pt_set(S_SHARED, t, 0, EXO_PTE(f, RO), S_OWN), 0);
	EQ(sys_pt_set(S_NONE, t, 1, EXO_PTE(g, RO), S_OWN), -EXO_E_SLOT);
	check_frames();
}

/*
 * Frames.
 */
#define ALLOC(slot, guard, kind, ppn, n)				\
	sys_page_alloc(0, slot, guard, kind, ppn, n)

TEST(page_alloc_refuses_in_order)
{
	exo_ppn free;

	start();
	free = machine.free_head;
	EQ(ALLOC(0, S_NONE, 99, 0, 0), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_FREE, free, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_KERNEL, free, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_PT4 | EXO_KIND_LIVE, free, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_RMAP | EXO_KIND_LIVE, free, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA | 0x200, free, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, 0, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, free, 0), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, free, EXO_BATCH_MAX + 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, NFRAMES, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, free, ~0ul), -EXO_E_ARG);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, ~0u, 1), -EXO_E_ARG);
	EQ(ALLOC(0, S_NONE, EXO_PG_DATA, root, 1), -EXO_E_SLOT);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, root, 1), -EXO_E_BUSY);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, KERNEL_ROOT, 1), -EXO_E_BUSY);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, DEVICE, 1), -EXO_E_BUSY);
	acct_limit = accts[0].used[EXO_RES_FRAMES];
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, root, 1), -EXO_E_BUSY);
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, free, 1), -EXO_E_QUOTA);
	acct_limit += 2;
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, free, 3), 2);
	acct_limit = NFRAMES;
	check_frames();
}

TEST(a_frame_is_zero_for_its_next_owner)
{
	uint8_t *p;
	exo_ppn ppn;
	uint64_t epoch, zeroed;

	start();
	ppn = alloc(EXO_PG_DATA, S_OWN);
	p = page_kva(ppn);
	memset(p, 0xaa, EXO_PAGE);
	epoch = pages[ppn].epoch;
	EQ(sys_page_free(S_OWN, ppn, 1), 1);
	EQ(pages[ppn].epoch, epoch + 1);
	EQ(ALLOC(0, S_OWN, EXO_PG_PT4, ppn, 1), 1);
	for (unsigned i = 0; i < 256 * 8; i++)
		EQ(p[i], 0);
	for (unsigned i = 0; i < AS_KERNEL_ENTRIES; i++)
		EQ(get(ppn, as_kernel_index[i]), as_kernel_entry[i]);
	/* A table without entries is known to be zero. */
	EQ(sys_page_free(S_OWN, ppn, 1), 1);
	EQ(pages[ppn].flags, EXO_PF_ZERO);
	for (unsigned i = 0; i < EXO_PAGE; i++)
		EQ(p[i], 0);
	zeroed = counters.frames_zeroed;
	EQ(ALLOC(0, S_OWN, EXO_PG_DATA, ppn, 1), 1);
	EQ(counters.frames_zeroed, zeroed);
	EQ(pages[ppn].flags, 0);
}

TEST(page_free_refuses_in_order)
{
	exo_ppn f, t, r;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	t = alloc_pt1(0, S_OWN);
	r = pages[t].companion;
	EQ(sys_page_free(S_NONE, 0, 1), -EXO_E_ARG);
	EQ(sys_page_free(S_NONE, f, 0), -EXO_E_ARG);
	EQ(sys_page_free(S_NONE, NFRAMES - 1, 2), -EXO_E_ARG);
	EQ(sys_page_free(S_NONE, machine.free_head, 1), -EXO_E_TYPE);
	EQ(sys_page_free(S_OWN, KERNEL_ROOT, 1), -EXO_E_TYPE);
	EQ(sys_page_free(S_SHARED, DEVICE, 1), -EXO_E_TYPE);
	EQ(sys_page_free(S_NONE, f, 1), -EXO_E_SLOT);
	EQ(sys_page_free(S_SHARED, f, 1), -EXO_E_DENIED);
	EQ(sys_page_free(S_READ, f, 1), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(sys_page_free(S_READ, f, 1), -EXO_E_RIGHTS);
	EQ(sys_page_free(S_OWN, f, 1), -EXO_E_BUSY);	/* mapped */
	EQ(sys_page_free(S_OWN, pt1, 1), -EXO_E_BUSY);	/* linked */
	EQ(sys_page_free(S_OWN, root, 1), -EXO_E_BUSY);	/* in use */
	EQ(sys_page_free(S_OWN, r, 1), -EXO_E_BUSY);	/* has a partner */
	EQ(set(pt1, 0, 0, S_OWN), 0);
	EQ(sys_page_free(S_OWN, f, 1), 1);
	EQ(set(t, 3, EXO_PTE(alloc(EXO_PG_DATA, S_OWN), RO), S_OWN), 0);
	EQ(sys_page_free(S_OWN, t, 1), -EXO_E_BUSY);	/* not empty */
	EQ(set(t, 3, 0, S_OWN), 0);
	EQ(sys_page_free(S_OWN, t, 1), 1);
	EQ(sys_page_free(S_OWN, r, 1), 1);
	check_frames();
}

TEST(records_want_an_idle_frame_of_ones_own)
{
	exo_ppn f;

	start();
	fork_two();
	f = alloc(EXO_PG_SEATS, S_OWN);
	EQ(page_for_record(0, EXO_PG_SEATS), -EXO_E_ARG);
	EQ(page_for_record(NFRAMES, EXO_PG_SEATS), -EXO_E_ARG);
	EQ(page_for_record(f, EXO_PG_ENV), -EXO_E_TYPE);
	EQ(page_for_record(f, EXO_PG_SEATS), 0);
	page_pin(f);
	EQ(page_for_record(f, EXO_PG_SEATS), -EXO_E_BUSY);
	EQ(sys_page_free(S_OWN, f, 1), -EXO_E_BUSY);
	to(2);
	EQ(page_for_record(f, EXO_PG_SEATS), -EXO_E_REACH);
	page_unpin(f);
	check_frames();
}

TEST(a_bound_frame_has_one_binder_and_is_never_executed)
{
	exo_ppn f, p;

	start();
	p = alloc(EXO_PG_DATA, S_OWN);
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	EQ(page_bindable(0, S_NONE), -EXO_E_ARG);
	EQ(page_bindable(p, S_NONE), -EXO_E_TYPE);	/* private */
	EQ(page_bindable(pt1, S_NONE), -EXO_E_TYPE);
	EQ(page_bindable(f, S_NONE), -EXO_E_SLOT);
	EQ(page_bindable(f, S_SHARED), -EXO_E_DENIED);
	EQ(page_bindable(f, S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_EXEC), 0);
	EQ(page_bindable(f, S_OWN), -EXO_E_BUSY);
	EQ(set(pt1, 0, 0, S_OWN), 0);
	EQ(page_bindable(f, S_OWN), 0);
	page_bind(f);
	EQ(page_bindable(f, S_OWN), -EXO_E_BUSY);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_EXEC), -EXO_E_WX);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(sys_page_guard(S_OWN, S_CHILD, f, 1), -EXO_E_BUSY);
	EQ(sys_page_unmap(S_OWN, f, 9), 1);
	EQ(sys_page_free(S_OWN, f, 1), -EXO_E_BUSY);
	page_unbind(f);
	EQ(sys_page_free(S_OWN, f, 1), 1);
}

TEST(pins_end_at_65535)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_SLOTS, S_OWN);
	for (unsigned i = 0; i < 65535; i++)
		page_pin(f);
	OK(!page_pinnable(f));
	EQ(pages[f].uses, 65535);
}

/*
 * Entries of a PT1.
 */
TEST(a_companion_counts_from_when_it_is_given)
{
	exo_ppn t, f;

	start();
	t = alloc(EXO_PG_PT1, S_OWN);
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(t, 0, EXO_PTE(f, RO), S_OWN), -EXO_E_STATE);
	EQ(sys_pt_companion(t, alloc(EXO_PG_RMAP, S_OWN)), 0);
	EQ(set(t, 0, EXO_PTE(f, RO), S_OWN), 0);
}

TEST(pt_set_refuses_tables_and_bits_in_order)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(NFRAMES, 600, 1ul << 8, S_OWN), -EXO_E_TYPE);
	EQ(set(~0u, 0, 0, S_OWN), -EXO_E_TYPE);
	EQ(set(f, 600, 1ul << 8, S_OWN), -EXO_E_TYPE);
	EQ(set(0, 0, 0, S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 512, 0, S_OWN), -EXO_E_ARG);
	EQ(set(root, 255, 0, S_OWN), -EXO_E_ARG);
	EQ(set(root, 256, 0, S_OWN), -EXO_E_ARG);
	for (unsigned b = 0; b < 64; b++) {
		uint64_t bit = 1ul << b;

		if ((bit & EXO_PTE_ASK) == 0)
			EQ(set(pt1, 0, EXO_PTE(f, RO) | bit, S_OWN),
			    -EXO_E_ARG);
	}
	EQ(set(pt1, 0, EXO_PTE(f, RO) & ~EXO_PTE_P, S_OWN), -EXO_E_ARG);
	EQ(set(pt1, 0, EXO_PTE_W, S_OWN), -EXO_E_ARG);
	EQ(set(pt1, 0, EXO_PTE(NFRAMES, RO), S_OWN), -EXO_E_ARG);
	EQ(set(pt1, 0, EXO_PTE(EXO_PPN_MAX - 1, RO), S_OWN), -EXO_E_ARG);
	EQ(set(pt1, 511, EXO_PTE(f, RO), S_OWN), 0);
	EQ(get(pt1, 511), EXO_PTE(f, RO | EXO_PTE_U | EXO_PTE_MAYW |
	    EXO_PTE_MAYX));
	EQ(set(pt1, 511, 0, S_NONE), 0);
}

TEST(what_may_be_mapped_by_which_right)
{
	exo_ppn f, s, live;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	s = alloc(EXO_PG_SEATS, S_OWN);
	live = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(s, RO), S_NONE), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(KERNEL_ROOT, RO), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(0, RO), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(machine.free_head, RO), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_NONE), -EXO_E_SLOT);
	EQ(set(pt1, 0, EXO_PTE(f, RO), 9999), -EXO_E_SLOT);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_CHILD), -EXO_E_DENIED);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_READ), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_READ), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, EXO_PTE_W), S_OWN), -EXO_E_WX);
	EQ(set(pt1, 0, EXO_PTE(f, RO | PTE_MAY), S_READ), 0);
	EQ(get(pt1, 0) & PTE_MAY, 0);
	EQ(set(pt1, 1, EXO_PTE(live, RX), S_EXEC), 0);
	EQ(get(pt1, 1) & PTE_MAY, EXO_PTE_MAYX);
	EQ(set(pt1, 2, EXO_PTE(DEVICE, RW), S_SHARED), 0);
	EQ(set(pt1, 3, EXO_PTE(DEVICE, RO), S_OWN), -EXO_E_DENIED);
}

TEST(a_right_is_asked_for_again_only_where_it_grows)
{
	exo_ppn f, g;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	g = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_READ), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_NONE), -EXO_E_SLOT);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_CHILD), -EXO_E_DENIED);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(f, EXO_PTE_W), S_OWN), -EXO_E_WX);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_EXEC), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_NONE), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_NONE), 0);	/* MAYX was kept */
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_NONE), -EXO_E_SLOT);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RX), S_NONE), 0);
	EQ(pages[f].uses, 0);
	EQ(pages[f].execs, 1);
	EQ(set(pt1, 0, EXO_PTE(g, RW), S_NONE), -EXO_E_SLOT);
	EQ(EXO_PTE_PPN(get(pt1, 0)), f);
	EQ(set(pt1, 0, EXO_PTE(g, RW), S_OWN), 0);
	EQ(pages[f].maps, 0);
	EQ(set(pt1, 0, EXO_PTE(g, RO | EXO_PTE_A | EXO_PTE_D | 7ul << 9),
	    S_NONE), 0);
	EQ(get(pt1, 0) & EXO_PTE_AVAIL, 7ul << 9);
}

TEST(a_private_frame_is_written_by_a_sole_entry)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(f, RO), S_OWN), -EXO_E_SHARED);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(f, RO), S_OWN), 0);
	EQ(set(pt1, 2, EXO_PTE(f, RW), S_OWN), -EXO_E_SHARED);
	EQ(set(pt1, 1, EXO_PTE(f, RW), S_OWN), -EXO_E_SHARED);
	EQ(set(pt1, 0, 0, S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(f, RW), S_OWN), 0);
}

TEST(a_live_frame_is_never_written_and_executed)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(f, RW), S_OWN), 0);
	EQ(set(pt1, 2, EXO_PTE(f, RX), S_OWN), -EXO_E_WX);
	EQ(set(pt1, 1, EXO_PTE(f, RX), S_OWN), -EXO_E_WX);
	EQ(set(pt1, 0, 0, S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(f, RX), S_OWN), 0);
	EQ(set(pt1, 2, EXO_PTE(f, RX), S_OWN), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), -EXO_E_WX);
	EQ(set(pt1, 2, EXO_PTE(f, RW), S_OWN), -EXO_E_WX);
	EQ(pages[f].execs, 2);
}

TEST(a_table_is_looked_at_by_view_and_never_written)
{
	exo_ppn live;

	start();
	live = alloc_pt1(EXO_KIND_LIVE, S_SHARED);
	EQ(set(pt1, 0, EXO_PTE(pt2, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(pt2, RX), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(pt2, RO), S_NONE), -EXO_E_SLOT);
	EQ(set(pt1, 0, EXO_PTE(pt2, RO), S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(pt2, RO), S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(pt1, RO), S_OWN), 0);	/* itself */
	EQ(set(pt1, 0, EXO_PTE(pt2, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(pt2, RX), S_OWN), -EXO_E_TYPE);
	EQ(sys_page_free(S_OWN, pt2, 1), -EXO_E_BUSY);
	EQ(set(live, 0, EXO_PTE(pt2, RO), S_OWN), -EXO_E_TYPE);
	EQ(set(live, 0, EXO_PTE(live, RO), S_SHARED), 0);
	EQ(sys_page_unmap(S_OWN, pt2, 1), 1);
	EQ(get(pt1, 0), 0);
	check_frames();
}

TEST(an_inverse_map_is_looked_at_likewise)
{
	exo_ppn r;

	start();
	r = pages[pt1].companion;
	EQ(set(pt1, 0, EXO_PTE(r, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(r, RX), S_OWN), -EXO_E_TYPE);
	EQ(set(pt1, 0, EXO_PTE(r, RO), S_EXEC), -EXO_E_RIGHTS);
	EQ(set(pt1, 0, EXO_PTE(r, RO), S_OWN), 0);
	EQ(set(pt1, 0, EXO_PTE(r, RW), S_OWN), -EXO_E_TYPE);
}

/*
 * Links.
 */
TEST(links_are_of_the_level_below_fresh_and_mine)
{
	exo_ppn t1, t2, other;

	start();
	t1 = alloc_pt1(0, S_OWN);
	t2 = alloc(EXO_PG_PT2, S_OWN);
	EQ(set(pt3, 1, EXO_PTE(t1, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt2, 1, EXO_PTE(t2, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt2, 1, EXO_PTE(pt2, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(root, 1, EXO_PTE(root, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt2, 1, EXO_PTE(machine.free_head, RW), S_OWN), -EXO_E_TYPE);
	EQ(set(pt2, 1, EXO_PTE(pt1, RW), S_OWN), -EXO_E_REACH);
	EQ(set(pt2, 1, EXO_PTE(t1, EXO_PTE_W), S_NONE), 0);
	EQ(set(pt2, 2, EXO_PTE(t1, EXO_PTE_W), S_NONE), -EXO_E_REACH);
	EQ(set(pt2, 1, EXO_PTE(t1, 0), S_NONE), 0);
	EQ(set(pt2, 1, EXO_PTE(t1, EXO_PTE_W), S_NONE), 0);
	other = alloc_pt1(0, S_OWN);
	fork_two();
	to(2);
	EQ(set(root, 0, 0, S_NONE), -EXO_E_REACH);
	t2 = alloc(EXO_PG_PT2, S_OWN);
	EQ(set(t2, 0, EXO_PTE(other, EXO_PTE_W), S_OWN), -EXO_E_REACH);
	EQ(set(other, 0, 0, S_NONE), -EXO_E_REACH);
	EQ(set(pt1, 0, 0, S_NONE), -EXO_E_FROZEN);
}

TEST(a_table_that_lost_its_last_link_is_emptied_first)
{
	exo_ppn f, t;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	t = alloc_pt1(0, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(sys_pt_empty(pt1, 0, 1), -EXO_E_BUSY);
	EQ(set(pt2, 0, EXO_PTE(t, EXO_PTE_W), S_NONE), 0);	/* replaced */
	EQ(pages[pt1].flags, EXO_PF_EMPTY);
	EQ(set(pt1, 1, 0, S_NONE), -EXO_E_EMPTY);
	EQ(CALL_COPY(pt1, 1, 0, 1), -EXO_E_EMPTY);
	EQ(set(pt2, 0, EXO_PTE(pt1, EXO_PTE_W), S_NONE), -EXO_E_EMPTY);
	EQ(sys_page_free(S_OWN, pt1, 1), -EXO_E_BUSY);
	EQ(sys_pt_empty(f, 0, 1), -EXO_E_TYPE);
	EQ(sys_pt_empty(NFRAMES, 0, 1), -EXO_E_TYPE);
	EQ(sys_pt_empty(pt1, 512, 1), -EXO_E_ARG);
	EQ(sys_pt_empty(pt1, 0, 0), -EXO_E_ARG);
	EQ(sys_pt_empty(pt1, 1, 511), 1);
	EQ(sys_pt_empty(pt1, 0, ~0ul), 0);
	EQ(pages[pt1].flags, 0);
	EQ(pages[f].maps, 0);
	EQ(set(pt2, 0, EXO_PTE(pt1, EXO_PTE_W), S_NONE), 0);
	EQ(pages[t].flags, 0);		/* it had no entries */
}

TEST(below_an_unlinked_table_nothing_is_edited)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt3, 0, 0, S_NONE), 0);
	EQ(set(pt2, 0, 0, S_NONE), -EXO_E_EMPTY);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_OWN), -EXO_E_REACH);
	EQ(sys_pt_empty(pt2, 0, 1), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_OWN), 0);	/* fresh again */
}

TEST(who_may_empty_a_table)
{
	exo_ppn t, f;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	fork_two();
	t = alloc_pt1(0, S_OWN);
	EQ(set(t, 0, EXO_PTE(f, RO), S_OWN), 0);
	to(2);
	EQ(sys_pt_empty(t, 0, 1), -EXO_E_REACH);
	CALL_DIE(1);
	EQ(sys_pt_empty(t, 0, 1), 0);	/* its maker is dead */
	check_frames();
}

TEST(live_tables_are_edited_by_their_guard)
{
	exo_ppn live, priv, f, l2;

	start();
	live = alloc_pt1(EXO_KIND_LIVE, S_SHARED);
	l2 = alloc(EXO_PG_PT2 | EXO_KIND_LIVE, S_SHARED);
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_SHARED);
	priv = alloc(EXO_PG_DATA, S_SHARED);
	EQ(sys_pt_set(S_NONE, live, 0, 0, 0), -EXO_E_SLOT);
	EQ(sys_pt_set(S_OWN, live, 0, 0, 0), -EXO_E_DENIED);
	EQ(sys_pt_set(S_SHARED, live, 0, EXO_PTE(priv, RO), S_SHARED),
	    -EXO_E_TYPE);
	EQ(sys_pt_set(S_SHARED, live, 0, EXO_PTE(f, RX), S_SHARED), 0);
	EQ(sys_pt_set(S_SHARED, l2, 0, EXO_PTE(pt1, 0), S_SHARED),
	    -EXO_E_TYPE);
	EQ(sys_pt_set(S_SHARED, l2, 0, EXO_PTE(live, 0), S_SHARED), 0);
	EQ(set(pt2, 1, EXO_PTE(live, 0), S_OWN), -EXO_E_DENIED);
	EQ(set(pt2, 1, EXO_PTE(live, EXO_PTE_W), S_SHARED), 0);
	EQ(set(pt2, 2, EXO_PTE(live, 0), S_SHARED), 0);	/* many links */
	EQ(set(pt2, 1, 0, S_NONE), 0);
	EQ(set(pt2, 2, 0, S_NONE), 0);
	EQ(sys_pt_set(S_SHARED, l2, 0, 0, S_NONE), 0);
	EQ(pages[live].refs, 0);		/* and stays as it is */
	EQ(pages[live].flags, EXO_PF_LIVE);
	EQ(pages[live].entries, 1);
	EQ(set(pt2, 1, EXO_PTE(live, EXO_PTE_W), S_SHARED), 0);
	EQ(sys_pt_empty(live, 0, 1), -EXO_E_TYPE);
	EQ(CALL_COPY(live, 1, 0, 1), -EXO_E_TYPE);
	fork_two();
	to(3 - 1);
	EQ(sys_pt_set(S_SHARED, live, 1, EXO_PTE(f, RO), S_SHARED), 0);
	check_frames();
}

TEST(a_live_link_is_widened_by_the_right_to_write)
{
	exo_ppn live, r, t3, t2;

	start();
	live = alloc_pt1(EXO_KIND_LIVE, S_SHARED);
	r = alloc(EXO_PG_PT4, S_OWN);
	EQ(CALL_CREATE(r), 2);
	EQ(CALL_CREATE(alloc(EXO_PG_PT4, S_OWN)), 3);
	to(3);					/* READ and EXEC only */
	t3 = alloc(EXO_PG_PT3, S_OWN);
	t2 = alloc(EXO_PG_PT2, S_OWN);
	EQ(set(t3, 0, EXO_PTE(t2, EXO_PTE_W), S_NONE), 0);
	EQ(set(dom[3].root, 0, EXO_PTE(t3, EXO_PTE_W), S_NONE), 0);
	EQ(set(t2, 0, EXO_PTE(live, EXO_PTE_W), S_SHARED), -EXO_E_RIGHTS);
	EQ(set(t2, 0, EXO_PTE(live, EXO_PTE_MAYW), S_SHARED), 0);
	EQ(get(t2, 0) & EXO_PTE_MAYW, 0);
	EQ(set(t2, 0, EXO_PTE(live, EXO_PTE_W), S_NONE), -EXO_E_SLOT);
	EQ(set(t2, 0, EXO_PTE(live, EXO_PTE_W), S_SHARED), -EXO_E_RIGHTS);
	EQ(sys_pt_set(S_SHARED, live, 0, 0, 0), -EXO_E_RIGHTS);
	to(1);
	EQ(set(pt2, 1, EXO_PTE(live, 0), S_SHARED), 0);
	EQ(set(pt2, 1, EXO_PTE(live, EXO_PTE_W), S_NONE), 0);
}

/*
 * Sharing.
 */
TEST(frozen_until_one_reference_is_left)
{
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	fork_two();
	EQ(get(root, 0) & EXO_PTE_W, 0);
	EQ(set(pt1, 0, 0, S_OWN), -EXO_E_FROZEN);
	EQ(set(pt2, 0, 0, S_OWN), -EXO_E_FROZEN);
	EQ(set(pt3, 0, 0, S_OWN), -EXO_E_FROZEN);
	EQ(set(root, 0, EXO_PTE(pt3, EXO_PTE_W), S_OWN), -EXO_E_LOOP);
	EQ(set(root, 0, 0, S_OWN), 0);
	EQ(set(pt1, 0, 0, S_OWN), -EXO_E_REACH);
	to(2);
	EQ(set(dom[2].root, 0, EXO_PTE(pt3, EXO_PTE_W), S_NONE), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_NONE), 0);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_NONE), 0);	/* MAYW came along */
}

TEST(a_guard_does_not_show_what_another_wrote)
{
	exo_ppn f;
	uint64_t *p;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	p = page_kva(f);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	fork_two();
	EQ(set(root, 0, 0, S_OWN), 0);
	to(2);
	EQ(set(dom[2].root, 0, EXO_PTE(pt3, EXO_PTE_W), S_NONE), 0);
	p[9] = 42;
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_NONE), 0);
	to(1);
	{
		exo_ppn t = alloc_pt1(0, S_OWN);

		EQ(set(t, 0, EXO_PTE(f, RO), S_OWN), -EXO_E_SHARED);
		EQ(sys_page_unmap(S_OWN, f, 1), 1);
		EQ(pages[f].flags, EXO_PF_SCRUB);
		EQ(p[9], 42);
		EQ(set(t, 0, EXO_PTE(f, RO), S_OWN), 0);
		EQ(p[9], 0);
		EQ(pages[f].flags, 0);
	}
}

TEST(pt_copy_refuses_in_order)
{
	exo_ppn f, live, t, t2, dev;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	live = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	dev = alloc_pt1(EXO_KIND_LIVE, S_OWN);
	t = alloc(EXO_PG_PT1, S_OWN);
	t2 = alloc(EXO_PG_PT2, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(set(pt1, 1, EXO_PTE(live, RW), S_OWN), 0);
	EQ(set(pt1, 2, EXO_PTE(pt2, RO), S_OWN), 0);
	EQ(set(pt1, 3, EXO_PTE(DEVICE, RO), S_SHARED), 0);
	EQ(set(pt2, 1, EXO_PTE(dev, RO), S_OWN), 0);
	EQ(CALL_COPY(f, 0, 0, 1), -EXO_E_TYPE);
	EQ(CALL_COPY(~0u, 0, 0, 1), -EXO_E_TYPE);
	EQ(CALL_COPY(dev, 0, 0, 1), -EXO_E_TYPE);
	EQ(CALL_COPY(t, 512, 0, 1), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, 0, 0), -EXO_E_ARG);
	EQ(CALL_COPY(t, 1, 0, 512), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, EXO_PAGE, 512), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, 0, ~0ul), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, EXO_USER_TOP, 1), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, ~0ul, 1), -EXO_E_ARG);
	EQ(CALL_COPY(t, 0, 1ul << 39, 1), -EXO_E_REACH);
	EQ(CALL_COPY(t, 0, 2ul << 21, 1), -EXO_E_REACH);
	EQ(CALL_COPY(t, 0, 1ul << 21, 1), -EXO_E_SHARED);	/* live table */
	EQ(CALL_COPY(t, 0, 0, 1), -EXO_E_STATE);	/* no companion */
	EQ(sys_pt_companion(t, alloc(EXO_PG_RMAP, S_OWN)), 0);
	EQ(CALL_COPY(t, 0, EXO_PAGE, 1), -EXO_E_SHARED);
	EQ(CALL_COPY(t, 0, 2 * EXO_PAGE, 1), -EXO_E_SHARED);
	EQ(CALL_COPY(t, 0, 3 * EXO_PAGE, 1), -EXO_E_SHARED);
	EQ(CALL_COPY(t2, 0, 1ul << 21, 1), -EXO_E_SHARED);
	EQ(CALL_COPY(t, 0, 0, 2), 1);
	EQ(get(pt1, 0) & EXO_PTE_W, 0);
	EQ(get(t, 0), get(pt1, 0));
	EQ(CALL_COPY(t, 0, 0, 1), -EXO_E_BUSY);
	EQ(CALL_COPY(t, 1, 8 * EXO_PAGE, 8), 8);	/* absent ones */
	EQ(pages[t].entries, 1);
	check_frames();
	fork_two();
	EQ(CALL_COPY(pt1, 9, 0, 1), -EXO_E_FROZEN);
	to(2);
	EQ(CALL_COPY(t, 1, 0, 1), -EXO_E_REACH);
}

TEST(a_frozen_table_is_kept_at_an_alias_in_the_same_table)
{
	exo_ppn f, t;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(CALL_COPY(pt2, 1, 0, 1), 1);
	check_frames();
	t = alloc_pt1(0, S_OWN);
	EQ(CALL_COPY(t, 0, 0, 1), 1);
	EQ(set(pt2, 0, EXO_PTE(t, EXO_PTE_W), S_NONE), 0);
	EQ(set(pt1, 0, 0, S_NONE), 0);	/* only the alias is left */
	EQ(set(t, 0, EXO_PTE(f, RW), S_NONE), 0);
}

TEST(domains_that_share_a_root_can_only_narrow_it)
{
	exo_ppn f, t;

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	EQ(as_root_ok(0), -EXO_E_ARG);
	EQ(as_root_ok(NFRAMES), -EXO_E_ARG);
	EQ(as_root_ok(pt3), -EXO_E_TYPE);
	EQ(CALL_CREATE(root), 2);
	EQ(set(root, 1, 0, S_NONE), -EXO_E_FROZEN);
	EQ(set(pt1, 0, 0, S_NONE), -EXO_E_FROZEN);
	t = alloc_pt1(0, S_OWN);
	EQ(CALL_COPY(t, 0, 0, 1), 1);
	EQ(get(pt1, 0) & EXO_PTE_W, 0);
	to(2);
	t = alloc(EXO_PG_PT4, S_OWN);
	EQ(as_root_ok(t), 0);
	to(1);
	EQ(as_root_ok(t), -EXO_E_REACH);
	CALL_DIE(2);
	EQ(set(pt1, 0, 0, S_NONE), -EXO_E_FROZEN);
	CALL_REAP(2);
	EQ(set(pt1, 0, 0, S_NONE), 0);
	check_frames();
}

/*
 * By force.
 */
TEST(page_guard_unmaps_step_by_step_and_nobody_maps_meanwhile)
{
	exo_ppn f, p;

	start();
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	p = alloc(EXO_PG_SEATS, S_OWN);
	for (unsigned i = 0; i < 3; i++)
		EQ(set(pt1, i, EXO_PTE(f, RO), S_OWN), 0);
	EQ(sys_page_guard(S_NONE, S_NONE, 0, 1), -EXO_E_ARG);
	EQ(sys_page_guard(S_NONE, S_NONE, NFRAMES, 1), -EXO_E_ARG);
	EQ(sys_page_guard(S_NONE, S_NONE, f, 0), -EXO_E_ARG);
	EQ(sys_page_guard(S_NONE, S_NONE, p, 1), -EXO_E_TYPE);
	EQ(sys_page_guard(S_NONE, S_NONE, f, 1), -EXO_E_SLOT);
	EQ(sys_page_guard(S_CHILD, S_NONE, f, 1), -EXO_E_DENIED);
	EQ(sys_page_guard(S_READ, S_NONE, f, 1), -EXO_E_RIGHTS);
	EQ(sys_page_guard(S_OWN, S_NONE, f, 1), -EXO_E_SLOT);
	EQ(sys_page_guard(S_OWN, S_SHARED, f, 1), 2);
	EQ(pages[f].flags, EXO_PF_LIVE | EXO_PF_REGUARD);
	EQ(set(pt1, 5, EXO_PTE(f, RO), S_SHARED), -EXO_E_STATE);
	for (unsigned i = 0; i < 3; i++)
		if (get(pt1, i) != 0)
			EQ(set(pt1, i, EXO_PTE(f, RW), S_SHARED),
			    -EXO_E_STATE);
	EQ(page_bindable(f, S_SHARED), -EXO_E_BUSY);
	EQ(sys_page_guard(S_OWN, S_SHARED, f, 1), -EXO_E_DENIED);
	EQ(sys_page_guard(S_SHARED, S_SHARED, f, 9), 0);
	EQ(pages[f].flags, EXO_PF_LIVE);
	EQ(set(pt1, 5, EXO_PTE(f, RO), S_OWN), -EXO_E_DENIED);
	EQ(set(pt1, 5, EXO_PTE(f, RO), S_SHARED), 0);
}

TEST(page_unmap_goes_through_frozen_and_live_tables)
{
	exo_ppn f, live;

	start();
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	live = alloc_pt1(EXO_KIND_LIVE, S_SHARED);
	EQ(set(pt1, 0, EXO_PTE(f, RO), S_OWN), 0);
	EQ(sys_pt_set(S_SHARED, live, 0, EXO_PTE(f, RO), S_OWN), 0);
	EQ(sys_pt_set(S_SHARED, live, 1, EXO_PTE(f, RX), S_OWN), 0);
	fork_two();
	EQ(sys_page_unmap(S_NONE, 0, 1), -EXO_E_ARG);
	EQ(sys_page_unmap(S_NONE, f, 0), -EXO_E_ARG);
	EQ(sys_page_unmap(S_NONE, machine.free_head, 1), -EXO_E_TYPE);
	EQ(sys_page_unmap(S_NONE, f, 1), -EXO_E_SLOT);
	EQ(sys_page_unmap(S_SHARED, f, 1), -EXO_E_DENIED);
	EQ(sys_page_unmap(S_EXEC, f, 1), -EXO_E_RIGHTS);
	EQ(sys_page_unmap(S_OWN, f, 2), 2);
	check_frames();
	EQ(sys_page_unmap(S_OWN, f, ~0ul), 1);
	EQ(sys_page_unmap(S_OWN, f, 1), 0);
	check_frames();
}

/*
 * Batches.
 */
TEST(pt_batch_stops_at_the_first_bad_entry)
{
	uint64_t pte[EXO_BATCH_MAX] = { 0 };
	exo_ppn f[4];

	start();
	for (unsigned i = 0; i < 4; i++) {
		f[i] = alloc(EXO_PG_DATA, i == 2 ? S_CHILD : S_OWN);
		pte[i] = EXO_PTE(f[i], RW);
	}
#define BATCH(t, i, n, p, s)	sys_pt_batch(0, t, i, n, (uint64_t)(p), s)
	EQ(BATCH(NFRAMES, 0, 0, 0, 0), -EXO_E_ARG);
	EQ(BATCH(NFRAMES, 0, EXO_BATCH_MAX + 1, 0, 0), -EXO_E_ARG);
	EQ(BATCH(NFRAMES, 0, 1, 0, 0), -EXO_E_ADDR);
	EQ(BATCH(NFRAMES, 0, 1, pte, 0), -EXO_E_TYPE);
	EQ(BATCH(pt1, 511, 2, pte, 0), -EXO_E_ARG);
	EQ(BATCH(root, 0, 256, pte, 0), -EXO_E_ARG);
	EQ(BATCH(root, 254, 2, pte + 4, 0), -EXO_E_ARG);
	EQ(BATCH(root, 253, 2, pte + 4, 0), 2);
	EQ(BATCH(pt1, 0, 4, pte, S_NONE), -EXO_E_SLOT);
	EQ(BATCH(pt1, 0, 4, pte, S_CHILD), -EXO_E_DENIED);
	EQ(BATCH(pt1, 0, 4, pte, S_OWN), 4);	/* a child's name too */
	EQ(pages[pt1].entries, 4);
	check_frames();
	EQ(BATCH(pt1, 8, 2, pte, S_OWN), -EXO_E_SHARED);
	pte[0] = 0;
	pte[1] |= 1ul << 8;
	EQ(BATCH(pt1, 0, 4, pte, S_OWN), 1);
	EQ(BATCH(pt1, 1, 1, pte + 1, S_OWN), -EXO_E_ARG);
	EQ(pages[pt1].entries, 3);
	memset(pte, 0, sizeof(pte));
	EQ(BATCH(pt1, 0, 512, pte, S_NONE), 512);
	EQ(pages[pt1].entries, 0);
	check_frames();
}

TEST(a_batch_replaces_moves_and_clears)
{
	uint64_t pte[16];
	exo_ppn f[16];

	start();
	for (unsigned i = 0; i < 16; i++)
		f[i] = alloc(EXO_PG_DATA, S_OWN);
	for (unsigned i = 0; i < 12; i++)
		pte[i] = EXO_PTE(f[i], RW);
	EQ(BATCH(pt1, 0, 12, pte, S_OWN), 12);
	check_frames();
	pte[0] = EXO_PTE(f[12], RW);		/* a new frame */
	pte[1] = EXO_PTE(f[0], RW);		/* free since the one before */
	pte[2] = 0;
	pte[3] = EXO_PTE(f[2], RX);
	pte[4] = EXO_PTE(f[4], RO);		/* other bits */
	pte[5] = EXO_PTE(f[4], RO);		/* a second entry, to read */
	pte[6] = EXO_PTE(f[13], RW);
	EQ(BATCH(pt1, 0, 7, pte, S_OWN), 7);
	check_frames();
	EQ(EXO_PTE_PPN(get(pt1, 1)), f[0]);
	EQ(get(pt1, 2), 0);
	EQ(pages[f[4]].maps, 2);
	EQ(pages[f[1]].maps, 0);
	EQ(pages[pt1].entries, 11);
	OK(!world_failed);
}

TEST(a_batch_flushes_once_and_by_page_up_to_eight)
{
	uint64_t pte[24], page, context;
	exo_ppn f[24];

	start();
	for (unsigned i = 0; i < 24; i++) {
		f[i] = alloc(EXO_PG_DATA, S_OWN);
		pte[i] = EXO_PTE(f[i], RW);
	}
	EQ(BATCH(pt1, 0, 12, pte, S_OWN), 12);
	EQ(counters.tlb_page + counters.tlb_context + counters.tlb_all, 0);
	EQ(BATCH(pt1, 0, 8, pte + 12, S_OWN), 8);	/* replaced */
	EQ(counters.tlb_page, 8);
	EQ(counters.tlb_context, 0);
	page = counters.tlb_page;
	memcpy(pte + 8, pte + 20, 4 * sizeof(pte[0]));
	EQ(BATCH(pt1, 0, 12, pte, S_OWN), 12);
	EQ(counters.tlb_page, page);
	EQ(counters.tlb_context, 1);
	context = counters.tlb_context;
	memset(pte, 0, sizeof(pte));
	EQ(BATCH(pt1, 0, 12, pte, S_OWN), 12);		/* cleared */
	EQ(counters.tlb_context, context + 1);
	check_frames();
}

TEST(a_batch_takes_one_of_several_entries_of_a_frame)
{
	uint64_t pte[4];
	exo_ppn f, g[4];

	start();
	f = alloc(EXO_PG_DATA, S_OWN);
	for (unsigned i = 0; i < 4; i++) {
		g[i] = alloc(EXO_PG_DATA, S_OWN);
		pte[i] = EXO_PTE(g[i], RO);
	}
	EQ(BATCH(pt1, 8, 2, pte, S_OWN), 2);		/* a run begins */
	for (unsigned i = 0; i < 3; i++)
		EQ(set(pt1, i, EXO_PTE(f, RO), S_OWN), 0);
	EQ(BATCH(pt1, 0, 2, pte + 2, S_OWN), 2);
	check_frames();
	EQ(pages[f].maps, 1);
	EQ(EXO_PTE_PPN(get(pt1, 2)), f);
}

TEST(a_bound_frame_is_replaced_and_stays_in_use)
{
	uint64_t pte[2];
	exo_ppn f;

	start();
	f = alloc(EXO_PG_DATA | EXO_KIND_LIVE, S_OWN);
	page_bind(f);
	EQ(set(pt1, 0, EXO_PTE(f, RW), S_OWN), 0);
	pte[0] = EXO_PTE(alloc(EXO_PG_DATA, S_OWN), RW);
	pte[1] = EXO_PTE(alloc(EXO_PG_DATA, S_OWN), RW);
	EQ(BATCH(pt1, 1, 1, pte, S_OWN), 1);
	EQ(BATCH(pt1, 0, 1, pte + 1, S_OWN), 1);
	check_frames();
	EQ(pages[f].uses, 1);
}

int
main(void)
{
	return tap_main();
}
