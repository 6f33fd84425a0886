/*
 * slice.c - arithmetic of slices; see slice.h.
 */
#include "slice.h"

uint32_t
slice_next(uint32_t at, uint32_t n,
    enum slice_answer (*ask)(uint32_t index, bool collect))
{
	for (uint32_t turn = 0; turn < 2; turn++) {
		for (uint32_t i = 0; i < n; i++) {
			at = at + 1 < n ? at + 1 : 0;
			if (ask(at, turn == 0) == SLICE_RUNS)
				return at;
		}
	}
	return SLICE_NONE;
}

static uint32_t
owe(uint32_t overrun, uint32_t ticks)
{
	return overrun > UINT32_MAX - ticks ? UINT32_MAX : overrun + ticks;
}

enum slice_end
slice_tick(struct slice_grace *g, bool critical, uint32_t grace)
{
	if (!critical) {
		g->waited = 0;
		return SLICE_ENDS;
	}
	if (g->waited < grace) {
		g->waited++;
		g->overrun = owe(g->overrun, 1);
		return SLICE_WAITS;
	}
	g->waited = 0;
	g->overrun = owe(g->overrun, grace);
	return SLICE_OVERSTAYED;
}
