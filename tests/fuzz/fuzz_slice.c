/*
 * fuzz_slice.c - a vector of slices as the input says: the next one runs, is
 * the nearest that may, and debts are paid tick by tick.
 *
 * Input: length, start, then a byte per position (0: nobody; else what its
 * env owes + 1), then ticks (0: not critical).
 */
#include "fuzz.h"
#include "slice.h"

#define N	130u

static uint8_t owes[N];
static uint32_t asked;

static enum slice_answer
ask(uint32_t index, bool collect)
{
	asked++;
	if (owes[index] == 0)
		return SLICE_NOBODY;
	if (owes[index] == 1 || !collect)
		return SLICE_RUNS;
	owes[index]--;
	return SLICE_OWES;
}

static void
next_judge(uint32_t n, uint32_t at)
{
	uint64_t set[SLICE_SET_WORDS(N)] = { 0 };
	uint8_t before[N];
	uint32_t want = SLICE_NONE, got, any = 0;

	for (uint32_t i = 0; i < n; i++) {
		before[i] = owes[i];
		any |= owes[i];
		if (owes[i] != 0)
			set[i / 64] |= 1ull << i % 64;
	}
	for (uint32_t i = 1; i <= n && want == SLICE_NONE; i++)
		if (before[(at + i) % n] == 1)
			want = (at + i) % n;
	asked = 0;
	got = slice_next(at, n, set, ask);
	MUST(asked <= 2 * n);
	MUST((got == SLICE_NONE) == (any == 0));
	if (want != SLICE_NONE)
		MUST(got == want);	/* the nearest that owes nothing */
	for (uint32_t i = 0; i < n; i++)
		MUST(owes[i] == before[i] ||
		    (before[i] > 1 && owes[i] == before[i] - 1));
}

static void
tick_judge(struct slice_grace *g, bool critical, uint32_t grace)
{
	struct slice_grace was = *g;
	enum slice_end end = slice_tick(g, critical, grace);

	MUST(g->waited <= grace && g->overrun >= was.overrun);
	if (!critical)
		MUST(end == SLICE_ENDS && g->overrun == was.overrun);
	else if (was.waited < grace)
		MUST(end == SLICE_WAITS && g->waited == was.waited + 1);
	else
		MUST(end == SLICE_OVERSTAYED && g->waited == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice_grace g = { 0, 0xfffffff0u };
	uint32_t n, at, i;

	if (size < 2)
		return 0;
	n = data[0] % N + 1;
	at = data[1] % n;
	for (i = 0; i < n; i++)
		owes[i] = i + 2 < size ? data[i + 2] % 5 : 0;
	for (uint32_t turn = 0; turn < 6; turn++) {
		next_judge(n, at);
		at = (at * 7 + 1) % n;
	}
	for (i += 2; i < size; i++)
		tick_judge(&g, data[i] % 8 != 0, data[0] % 16);
	return 0;
}
