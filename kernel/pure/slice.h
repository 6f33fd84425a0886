/*
 * slice.h - arithmetic of slices: whose turn is next, and what an overrun
 * costs.
 *
 * Pure: no state.  The vector is a set of the positions that have an env, and
 * a function that is asked about one of them at a time.
 */
#ifndef PURE_SLICE_H
#define PURE_SLICE_H

#include <stdbool.h>
#include <stdint.h>

enum slice_answer {
	SLICE_NOBODY,			/* its env can't run */
	SLICE_OWES,			/* its env overran: it passes, and has
					 * paid one tick */
	SLICE_RUNS
};

#define SLICE_NONE	0xffffffffu

#define SLICE_SET_WORDS(n)	(((n) + 63) / 64)

/*
 * The position, after `at`, of the next slice that runs.  An env that owes
 * pays by being passed over, in the first revolution only: when nobody else
 * can run, debts do not idle the CPU.  At most two questions for each of the
 * set; SLICE_NONE: nobody.  `ask` is told whether a debt may be collected.
 */
uint32_t slice_next(uint32_t at, uint32_t n, const uint64_t *set,
    enum slice_answer (*ask)(uint32_t index, bool collect));

/* The end of a slice whose env may be in a critical section. */
struct slice_grace {
	uint32_t waited;		/* ticks of this wait */
	uint32_t overrun;		/* ticks owed, all in all; saturates */
};

enum slice_end { SLICE_ENDS, SLICE_WAITS, SLICE_OVERSTAYED };

/*
 * One tick at the end of a slice.  Waiting is bounded by `grace` ticks and
 * owed; overstaying ends it all the same and costs `grace` more.
 */
enum slice_end slice_tick(struct slice_grace *g, bool critical,
    uint32_t grace);

#endif
