/*
 * fuzz_slice.c - a vector of slices as the input says: the next one runs, is
 * the nearest that may; the end waits for so long and no longer, and what is
 * owed is what ran over, to the TSC unit.
 *
 * Input: length, start, then a byte per position (0: nobody; 1: runs; else it
 * passes), then what holds the end up (a byte a tick: 0 nothing; 1 to 7: it
 * goes between two ticks; else all the tick).
 */
#include "fuzz.h"
#include "slice.h"

#define N	130u
#define TICK	1000u			/* TSC units */

static uint8_t what[N];
static uint32_t asked, passed;

static enum slice_answer
ask(uint32_t index, bool pass)
{
	asked++;
	if (what[index] == 0)
		return SLICE_NOBODY;
	if (what[index] == 1 || !pass)
		return SLICE_RUNS;
	passed++;
	return SLICE_OWES;
}

static void
next_judge(uint32_t n, uint32_t at)
{
	uint64_t set[SLICE_SET_WORDS(N)] = { 0 };
	uint32_t first = at == SLICE_NONE ? 0 : at + 1;
	uint32_t want = SLICE_NONE, any = SLICE_NONE, between = 0;

	for (uint32_t i = 0; i < n; i++)
		if (what[i] != 0)
			set[i / 64] |= 1ull << i % 64;
	for (uint32_t k = 0; k < n && want == SLICE_NONE; k++) {
		uint32_t i = (first + k) % n;

		if (what[i] == 1)
			want = i;
		else if (what[i] != 0) {
			between++;
			any = any == SLICE_NONE ? i : any;
		}
	}
	asked = passed = 0;
	MUST(slice_next(at, n, set, ask) ==
	    (want != SLICE_NONE ? want : any));
	MUST(asked <= 2 * n);
	MUST(passed == between);	/* each of them once */
}

/* In TSC units, and not more than fits. */
static uint64_t
units(const struct slice_debt *d)
{
	MUST(d->part < TICK);
	return (uint64_t)d->ticks * TICK + d->part;
}

static void
tick_judge(struct slice_grace *g, bool holds, uint32_t grace)
{
	uint64_t before = units(&g->debt) + (g->waited != 0 ? TICK : 0);
	uint32_t waited = g->waited;
	enum slice_end end = slice_tick(g, holds, grace);

	MUST(g->waited <= grace);
	MUST((end == SLICE_WAITS) == (g->waited != 0));
	MUST(end != SLICE_WAITS || (holds && g->waited == waited + 1));
	MUST(end != SLICE_ENDS || !holds);
	MUST(end != SLICE_OVERSTAYED || (holds && waited == grace));
	MUST(units(&g->debt) == before +
	    (end == SLICE_OVERSTAYED ? grace * TICK : 0));
}

static void
gone_judge(struct slice_grace *g, uint64_t since)
{
	uint64_t owed = g->waited == 0 ? 0 : since < TICK ? since : TICK;
	uint64_t before = units(&g->debt);

	MUST(slice_waited(g, since, TICK) == owed);
	MUST(g->waited == 0);
	MUST(units(&g->debt) == before + owed);
}

/* No debt is lost by being too large. */
static void
full_judge(uint32_t ticks, uint64_t part)
{
	struct slice_debt d = { UINT32_MAX - 3, TICK - 1 };

	slice_owe(&d, ticks, part, TICK);
	MUST(d.ticks >= UINT32_MAX - 3 && d.part < TICK);
	slice_owe(&d, UINT32_MAX, UINT32_MAX, TICK);
	MUST(d.ticks == UINT32_MAX && d.part < TICK);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice_grace g = { 0, { 0, 0 } };
	uint32_t n, at, i;

	if (size < 2)
		return 0;
	n = data[0] % N + 1;
	at = data[1] == 255 ? SLICE_NONE : data[1] % n;
	for (i = 0; i < n; i++)
		what[i] = i + 2 < size ? data[i + 2] % 5 : 0;
	for (uint32_t turn = 0; turn < 6; turn++) {
		next_judge(n, at);
		at = at == SLICE_NONE ? 0 : (at * 7 + 1) % n;
	}
	for (i += 2; i < size; i++) {
		tick_judge(&g, data[i] % 8 != 0, data[0] % 16);
		if (data[i] < 8)
			gone_judge(&g, data[i] * 300u);
	}
	full_judge(data[0], data[1] * 77u);
	return 0;
}
