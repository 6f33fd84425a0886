/*
 * bell.bpf.c - when a client of the commons wakes: its bell (window 0) is not
 * what it was, or a time has come.
 */
#include <exo/pred.h>

uint64_t
bell(const struct exo_pred *p, uint64_t seen, uint64_t when)
{
	const uint64_t *now = (const uint64_t *)EXO_PRED_WIN(0);

	return *now != seen || p->tsc >= when;
}
