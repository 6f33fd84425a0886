/*
 * slice.c - arithmetic of slices; see slice.h.
 */
#include "slice.h"

/* The first of the set from `from` on and before `to`; `to`: none. */
static uint32_t
set_first(const uint64_t *set, uint32_t from, uint32_t to)
{
	while (from < to) {
		uint64_t rest = set[from / 64] >> from % 64;

		if (rest != 0) {
			from += (uint32_t)__builtin_ctzll(rest);
			return from < to ? from : to;
		}
		from = (from / 64 + 1) * 64;
	}
	return to;
}

/* Once through the set from `from` on and before `to`. */
static uint32_t
ask_range(const uint64_t *set, uint32_t from, uint32_t to, bool pass,
    enum slice_answer (*ask)(uint32_t index, bool pass))
{
	for (uint32_t i = set_first(set, from, to); i < to;
	    i = set_first(set, i + 1, to))
		if (ask(i, pass) == SLICE_RUNS)
			return i;
	return SLICE_NONE;
}

uint32_t
slice_next(uint32_t at, uint32_t n, const uint64_t *set,
    enum slice_answer (*ask)(uint32_t index, bool pass))
{
	uint32_t got = SLICE_NONE;

	for (uint32_t turn = 0; turn < 2 && got == SLICE_NONE; turn++) {
		got = ask_range(set, at + 1, n, turn == 0, ask);
		if (got == SLICE_NONE)
			got = ask_range(set, 0, at + 1, turn == 0, ask);
	}
	return got;
}

static void
owe_ticks(struct slice_debt *d, uint64_t ticks)
{
	d->ticks = ticks > UINT32_MAX - d->ticks ? UINT32_MAX :
	    d->ticks + (uint32_t)ticks;
}

void
slice_owe(struct slice_debt *d, uint32_t ticks, uint64_t part, uint32_t tick)
{
	uint64_t sum = d->part + part;

	owe_ticks(d, ticks + sum / tick);
	d->part = (uint32_t)(sum % tick);
}

enum slice_end
slice_tick(struct slice_grace *g, bool holds, uint32_t grace)
{
	if (g->waited != 0)
		owe_ticks(&g->debt, 1);
	if (!holds) {
		g->waited = 0;
		return SLICE_ENDS;
	}
	if (g->waited < grace) {
		g->waited++;
		return SLICE_WAITS;
	}
	g->waited = 0;
	owe_ticks(&g->debt, grace);
	return SLICE_OVERSTAYED;
}

uint32_t
slice_waited(struct slice_grace *g, uint64_t since, uint32_t tick)
{
	uint32_t took = since < tick ? (uint32_t)since : tick;

	if (g->waited == 0)
		return 0;
	slice_owe(&g->debt, 0, took, tick);
	g->waited = 0;
	return took;
}
