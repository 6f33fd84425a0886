/*
 * test_slice.c - arithmetic of slices: who is next, how long an end waits,
 * and what that costs.
 */
#include <string.h>

#include "slice.h"
#include "tap.h"

#define N	200u
#define TICK	1000u
#define GRACE	4u

static enum slice_answer answer[N];
static uint32_t asked[N];

static enum slice_answer
ask(uint32_t index, bool pass)
{
	asked[index]++;
	return answer[index] == SLICE_OWES && !pass ? SLICE_RUNS :
	    answer[index];
}

/* The next one after `at` when those of the set answer so. */
static uint32_t
next(uint32_t at)
{
	uint64_t set[SLICE_SET_WORDS(N)] = { 0 };

	memset(asked, 0, sizeof(asked));
	for (uint32_t i = 0; i < N; i++)
		if (answer[i] != SLICE_NOBODY)
			set[i / 64] |= 1ull << i % 64;
	return slice_next(at, N, set, ask);
}

TEST(next_is_the_nearest_that_runs)
{
	memset(answer, 0, sizeof(answer));
	EQ(next(0), SLICE_NONE);
	EQ(next(SLICE_NONE), SLICE_NONE);
	answer[63] = answer[64] = answer[199] = SLICE_RUNS;
	EQ(next(SLICE_NONE), 63);
	EQ(next(0), 63);
	EQ(next(63), 64);
	EQ(next(64), 199);
	EQ(next(199), 63);
	EQ(next(198), 199);
	answer[0] = SLICE_RUNS;
	EQ(next(SLICE_NONE), 0);
	EQ(next(199), 0);
}

TEST(alone_it_is_its_own_next)
{
	memset(answer, 0, sizeof(answer));
	answer[70] = SLICE_RUNS;
	EQ(next(70), 70);
	answer[70] = SLICE_OWES;
	EQ(next(70), 70);
	EQ(asked[70], 2);
}

TEST(who_owes_passes_unless_nobody_else_runs)
{
	memset(answer, 0, sizeof(answer));
	answer[10] = answer[11] = SLICE_OWES;
	answer[12] = SLICE_RUNS;
	EQ(next(9), 12);
	EQ(asked[10], 1);
	EQ(asked[11], 1);
	EQ(next(12), 12);
	EQ(asked[10], 1);
	answer[12] = SLICE_NOBODY;
	EQ(next(9), 10);
	EQ(next(10), 11);
}

TEST(end_without_a_reason_costs_nothing)
{
	struct slice_grace g = { 0, { 3, 7 } };

	EQ(slice_tick(&g, false, GRACE), SLICE_ENDS);
	EQ(slice_waited(&g, 500, TICK), 0);
	EQ(g.debt.ticks, 3);
	EQ(g.debt.part, 7);
}

TEST(waiting_is_owed_tick_by_tick)
{
	struct slice_grace g = { 0, { 0, 0 } };

	EQ(slice_tick(&g, true, GRACE), SLICE_WAITS);
	EQ(g.debt.ticks, 0);		/* nothing of it has passed */
	EQ(slice_tick(&g, true, GRACE), SLICE_WAITS);
	EQ(g.debt.ticks, 1);
	EQ(slice_tick(&g, false, GRACE), SLICE_ENDS);
	EQ(g.debt.ticks, 2);
	EQ(g.waited, 0);
	EQ(slice_tick(&g, false, GRACE), SLICE_ENDS);
	EQ(g.debt.ticks, 2);
}

TEST(overstaying_costs_twice_the_grace)
{
	struct slice_grace g = { 0, { 0, 0 } };

	for (uint32_t i = 0; i < GRACE; i++)
		EQ(slice_tick(&g, true, GRACE), SLICE_WAITS);
	EQ(slice_tick(&g, true, GRACE), SLICE_OVERSTAYED);
	EQ(g.debt.ticks, 2 * GRACE);
	EQ(g.waited, 0);
	/* Without a grace there is no wait. */
	g = (struct slice_grace){ 0, { 0, 0 } };
	EQ(slice_tick(&g, true, 0), SLICE_OVERSTAYED);
	EQ(g.debt.ticks, 0);
}

TEST(parts_of_a_tick_add_up)
{
	struct slice_grace g = { 0, { 0, 0 } };

	for (uint32_t i = 1; i <= 10; i++) {
		EQ(slice_tick(&g, true, GRACE), SLICE_WAITS);
		EQ(slice_waited(&g, 350, TICK), 350);
		EQ(g.debt.ticks * TICK + g.debt.part, i * 350);
	}
	EQ(g.debt.ticks, 3);
	EQ(g.debt.part, 500);
}

/* A clock that jumped, forwards or back. */
TEST(part_is_no_more_than_a_tick)
{
	struct slice_grace g = { 1, { 0, 999 } };

	EQ(slice_waited(&g, ~0ull - 5, TICK), TICK);
	EQ(g.debt.ticks, 1);
	EQ(g.debt.part, 999);
}

TEST(debts_saturate)
{
	struct slice_debt d = { UINT32_MAX - 1, 900 };

	slice_owe(&d, 0, 200, TICK);
	EQ(d.ticks, UINT32_MAX);
	EQ(d.part, 100);
	slice_owe(&d, UINT32_MAX, 950, TICK);
	EQ(d.ticks, UINT32_MAX);
	EQ(d.part, 50);
	slice_owe(&d, 0, ~0ull - TICK, 1);
	EQ(d.ticks, UINT32_MAX);
}

int
main(void)
{
	return tap_main();
}
