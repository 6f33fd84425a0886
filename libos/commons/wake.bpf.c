/*
 * wake.bpf.c - when the commons' own env wakes: somebody died, something was
 * typed, a time has come, or it was kicked (a word in window 0).
 */
#include <exo/pred.h>

uint64_t
wake(const struct exo_pred *p, uint64_t deaths, uint64_t typed, uint64_t when,
    uint64_t kicks)
{
	const uint64_t *kick = (const uint64_t *)EXO_PRED_WIN(0);

	return p->deaths != deaths || p->typed != typed || p->tsc >= when ||
	    *kick != kicks;
}
