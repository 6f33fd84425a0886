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

int
main(void)
{
	return tap_main();
}
