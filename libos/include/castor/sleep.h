/*
 * castor/sleep.h - waiting, and not running meanwhile.
 *
 * One predicate does for all of these (libos/sleep.bpf.c), in a frame that is
 * taken at the first sleep.  Where no sleep can be, in a foreign domain or
 * without a frame for the program, what waits for time, a character or a
 * child waits by yielding.
 *
 * Ticks are those of EXO_MACHINE->ticks.
 */
#ifndef CASTOR_SLEEP_H
#define CASTOR_SLEEP_H

#include <castor/proc.h>

#define SLEEP_FOREVER	(~0ull)

void sleep_until(uint64_t tick);
void sleep_ms(uint64_t ms);		/* at least */

/*
 * Until the word of eight bytes at `offset` of a live frame is not what was
 * seen there, or that tick: SLEEP_CHANGED or SLEEP_TIMEOUT; -EXO_E_STALE when
 * the frame is freed or gets another name; or an error of env_sleep or of
 * taking a frame for the program.  slot: READ on it.
 */
long sleep_word(exo_ppn ppn, exo_slot slot, uint32_t offset, uint64_t seen,
    uint64_t until) MUST_USE;

/* Until more characters have come in than EXO_MACHINE->typed was then. */
void sleep_typed(uint64_t seen);

/* Until a program has ended, in whose favour I sleep: one that has no slices
 * runs in mine. */
void sleep_child(const struct proc *p);

/* What the predicate says. */
enum { SLEEP_CHANGED = 1, SLEEP_TIMEOUT = 2, SLEEP_LEND = 3 };

#endif
