/*
 * sleep.bpf.c - the predicate on which Castor's programs sleep.
 */
#include <exo/pred.h>
#include <exo/tables.h>

#include <castor/sleep.h>

#include "sleep.h"

static int
child_ended(uint64_t seen)
{
	const struct exo_env *e = (const struct exo_env *)EXO_PRED_WIN(0);
	const struct exo_domain *d =
	    (const struct exo_domain *)EXO_PRED_WIN(1);

	return e->gen != (uint32_t)seen || d->gen != seen >> 32 ||
	    e->state == EXO_ENV_FREE || e->state >= EXO_ENV_DEAD ||
	    d->state != EXO_DOM_LIVE;
}

/* It has no slice, and so no time but mine: at each of my turns. */
static int
child_waits(const struct exo_pred *p)
{
	const struct exo_env *e = (const struct exo_env *)EXO_PRED_WIN(0);

	return e->slices == 0 && p->ticks != p->arg[SLEEP_SINCE];
}

uint64_t
predicate(const struct exo_pred *p)
{
	uint64_t seen = p->arg[SLEEP_SEEN];

	switch (p->arg[SLEEP_KIND]) {
	case SLEEP_ON_WORD:
		if (*(const uint64_t *)EXO_PRED_WIN(0) != seen)
			return SLEEP_CHANGED;
		break;
	case SLEEP_ON_TYPED:
		if (p->typed != seen)
			return SLEEP_CHANGED;
		break;
	case SLEEP_ON_CHILD:
		if (child_ended(seen))
			return SLEEP_CHANGED;
		if (child_waits(p))
			return SLEEP_LEND;
		break;
	}
	return p->ticks >= p->arg[SLEEP_TICK] ? SLEEP_TIMEOUT : 0;
}
