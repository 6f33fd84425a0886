/* sleep.h - between those who wait, sleep.c and its predicate, sleep.bpf.c. */
#ifndef SLEEP_H
#define SLEEP_H

#include <exo/types.h>

/* The four words of a sleep. */
enum { SLEEP_KIND, SLEEP_TICK, SLEEP_SEEN, SLEEP_SINCE };

/* What it waits for besides a tick. */
enum sleep_kind {
	SLEEP_ON_TICK,			/* nothing */
	SLEEP_ON_WORD,			/* window 0: the word; not SEEN */
	SLEEP_ON_TYPED,			/* more typed than SEEN */
	SLEEP_ON_LOCK,			/* window 0: the word, which was SEEN;
					 * 1: its holder's row in EXO_ENVS, 2:
					 * in EXO_DOMAINS; SINCE: as below */
	SLEEP_ON_CHILD			/* window 0: its row in EXO_ENVS, 1: in
					 * EXO_DOMAINS; SEEN: generations, the
					 * domain's above the env's; SINCE:
					 * the tick when it was asked first */
};

/* A sleep is told apart from others by these alone.  (self->memory_slot: where
 * the program is.) */
#define SLEEP(kind, until, seen_, since)				      \
	{ .prog_slot = self->memory_slot, .arg = {			      \
	    [SLEEP_KIND] = (kind), [SLEEP_TICK] = (until),		      \
	    [SLEEP_SEEN] = (seen_), [SLEEP_SINCE] = (since) } }

/* The word of a held lock: an env's name, and where it took it (lock.c). */
#define LOCK_ENV(word)		((uint32_t)(word) & 0xffff)
#define LOCK_DOMAIN(word)	((uint32_t)(word) >> 16)
#define LOCK_GEN(word)		((uint32_t)((word) >> 32))

struct exo_sleep;

/* For who looks again whether it is time: one sleep, or a yield if there can
 * be none. */
void sleep_or_yield(struct exo_sleep *s, exo_id to, exo_slot slot);

#endif
