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

/* Of a lock: as in lock.c. */
static int
holder_gone(uint64_t word)
{
	const struct exo_env *e = (const struct exo_env *)EXO_PRED_WIN(1);
	const struct exo_domain *d =
	    (const struct exo_domain *)EXO_PRED_WIN(2);
	uint32_t domain = LOCK_DOMAIN(word);

	return e->gen != LOCK_GEN(word) || e->state >= EXO_ENV_DEAD ||
	    d->state != EXO_DOM_LIVE ||
	    (e->home != domain && e->where != domain);
}

/* It has no slice, and so no time but mine: at each of my turns. */
static int
has_no_slice(const struct exo_pred *p, uint64_t env_row)
{
	const struct exo_env *e = (const struct exo_env *)env_row;

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
	case SLEEP_ON_LOCK:
		if (*(const uint64_t *)EXO_PRED_WIN(0) != seen ||
		    holder_gone(seen))
			return SLEEP_CHANGED;
		if (has_no_slice(p, EXO_PRED_WIN(1)))
			return SLEEP_LEND;
		break;
	case SLEEP_ON_TYPED:
		if (p->typed != seen)
			return SLEEP_CHANGED;
		break;
	case SLEEP_ON_CHILD:
		if (child_ended(seen))
			return SLEEP_CHANGED;
		if (has_no_slice(p, EXO_PRED_WIN(0)))
			return SLEEP_LEND;
		break;
	}
	return p->ticks >= p->arg[SLEEP_TICK] ? SLEEP_TIMEOUT : 0;
}
