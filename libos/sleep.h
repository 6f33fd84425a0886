/* sleep.h - between sleep.c and its predicate, sleep.bpf.c. */
#ifndef SLEEP_H
#define SLEEP_H

/* The four words of a sleep. */
enum { SLEEP_KIND, SLEEP_TICK, SLEEP_SEEN, SLEEP_SINCE };

/* What it waits for besides a tick. */
enum sleep_kind {
	SLEEP_ON_TICK,			/* nothing */
	SLEEP_ON_WORD,			/* window 0: the word; not SEEN */
	SLEEP_ON_TYPED,			/* more typed than SEEN */
	SLEEP_ON_CHILD			/* window 0: its row in EXO_ENVS, 1: in
					 * EXO_DOMAINS; SEEN: generations, the
					 * domain's above the env's; SINCE:
					 * the tick when it was asked first */
};

#endif
