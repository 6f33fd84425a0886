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
	SLICE_OWES,			/* its env overran: it passes */
	SLICE_RUNS
};

#define SLICE_NONE	0xffffffffu

#define SLICE_SET_WORDS(n)	(((n) + 63) / 64)

/*
 * The position, after `at` (SLICE_NONE: from the first one on), of the next
 * slice that runs.  One that owes is passed over, in the first revolution only:
 * when nobody else can run, debts do not idle the CPU.  At most two questions
 * for each of the set; SLICE_NONE: nobody.  `ask` is told whether it may pass.
 */
uint32_t slice_next(uint32_t at, uint32_t n, const uint64_t *set,
    enum slice_answer (*ask)(uint32_t index, bool pass));

/* What is owed: whole ticks, and of one that is not whole its TSC units. */
struct slice_debt {
	uint32_t ticks;			/* saturates */
	uint32_t part;			/* below a tick's */
};

/* Add to a debt; a tick is `tick` units, at least 1. */
void slice_owe(struct slice_debt *d, uint32_t ticks, uint64_t part,
    uint32_t tick);

/* The end of a slice that may have to wait. */
struct slice_grace {
	uint32_t waited;		/* ticks of this wait */
	struct slice_debt debt;
};

enum slice_end { SLICE_ENDS, SLICE_WAITS, SLICE_OVERSTAYED };

/*
 * One tick at the end of a slice; does something hold it up?  A tick that was
 * waited is owed.  Waiting is bounded by `grace` ticks: overstaying ends it all
 * the same, and costs `grace` more.
 */
enum slice_end slice_tick(struct slice_grace *g, bool holds, uint32_t grace);

/*
 * The wait ends between two ticks, `since` units after the last one.  Result:
 * what it took of this tick, no more than all of it.
 */
uint32_t slice_waited(struct slice_grace *g, uint64_t since, uint32_t tick);

#endif
