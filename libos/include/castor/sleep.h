/*
 * castor/sleep.h - waiting, and not running meanwhile.
 *
 * One predicate does for all of these (libos/sleep.bpf.c), in a frame that is
 * taken at the first sleep.  Where no sleep can be, in a foreign domain or
 * without a frame for the program, what waits for time, a character or a
 * child waits by yielding.  (For a child: castor/proc.h.)
 *
 * Ticks are those of EXO_MACHINE->ticks.
 */
#ifndef CASTOR_SLEEP_H
#define CASTOR_SLEEP_H

#include <exo/types.h>	/* alone: the predicate includes this */

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
    uint64_t until) __attribute__((warn_unused_result));

/* Until more characters have come in than EXO_MACHINE->typed was then. */
void sleep_typed(uint64_t seen);

/* What the predicate says. */
enum { SLEEP_CHANGED = 1, SLEEP_TIMEOUT = 2, SLEEP_LEND = 3 };

#endif
