/*
 * castor/lock.h - locks that survive their holder.
 *
 * A lock lies in memory that its users share: a live frame between domains,
 * any memory within one.  Its word names the env that holds it, so whoever
 * waits can see in the published tables whether that one still lives, and
 * gives it his time or takes its place.  Who holds a lock is in a critical
 * section: its slice does not end in the middle, for a bounded grace.
 *
 *	struct locker me = lock_me();
 *	long r = lock_take(l, &me, EXO_MACHINE->ticks + 100);
 *
 *	if (r == LOCK_OWNER_DIED) {
 *		...			make whole what the lock guards
 *		lock_consistent(l);
 *	}
 *	if (r >= 0)
 *		lock_leave(l, &me);
 *
 * Trust.  Whoever can write the word can break the lock, and what it guards
 * along with it: locks are for those who trust each other with that memory.
 * Who can't write it can make nobody wait: he may stop or kill an env of his
 * own, which does not hold it.  (For the others there are regions.)
 *
 * Fairness.  There is no queue; who runs while the lock is free has it.  Nobody
 * is starved by one that takes it again and again: when the end of its slice
 * has waited for it, it yields as it leaves.
 *
 * Upcalls may take locks: not one that the interrupted code may hold (LOOP).
 * An env that is a guest in a domain is taken for gone when it is found outside
 * it: who holds a lock there calls nobody, and does not reply.  So a server's
 * locks go on when a guest was pulled home.  Before its seat is repaired, take
 * those that it may have held, and clear the frame's `critical'.
 */
#ifndef CASTOR_LOCK_H
#define CASTOR_LOCK_H

#include <stdbool.h>

#include <castor/sys.h>

/* Zeroes: free and sound. */
struct lock {
	uint64_t word;			/* who holds it; 0: nobody */
	uint32_t state;			/* enum lock_state, the holder's */
	uint32_t pad;
};

enum lock_state {
	LOCK_SOUND,
	LOCK_DIRTY,			/* a holder died; the next may repair */
	LOCK_LOST			/* nobody did */
};

/* Who takes locks: an env in a seat. */
struct locker {
	exo_id env, domain;
	struct exo_upcall *upcall;	/* the seat's upcall frame */
	/* By which it may give time to a holder; EXO_NONE: it yields to all. */
	exo_slot run;			/* RUN on the holders */
	uint64_t handle;		/* or a handle to where they hold it */
	/* The live frame where the locks are: waiting is a sleep then. */
	exo_ppn frame;			/* 0: it yields */
	exo_slot frame_slot;		/* READ on it */
};

/*
 * The env that runs this, in the seat that it runs in: in any seat of Castor's
 * (seat.h), and in upcalls there.  Else fill it in by hand.
 */
struct locker lock_me(void);

#define LOCK_OWNER_DIED	1
#define LOCK_FOREVER	(~0ull)

/*
 * Take it; wait until the machine's tick `deadline' (0: not at all).
 * LOCK_OWNER_DIED: it is mine, and who had it before died in the middle.
 *	Errors: LOOP I hold it; BUSY the time is over; STATE it is LOCK_LOST.
 */
long lock_take(struct lock *l, const struct locker *me, uint64_t deadline)
    MUST_USE;

/* What it guards is whole again.  (Who leaves without that, loses the lock:
 * nobody takes it any more.) */
void lock_consistent(struct lock *l);

void lock_leave(struct lock *l, const struct locker *me);

/*
 * Critical sections by themselves; they nest.  One store to enter and one to
 * leave: the frame's flag counts.
 */
static inline void
critical_enter(struct exo_upcall *up)
{
	up->critical++;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static inline void
critical_leave(struct exo_upcall *up)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (--up->critical == 0 && up->ended != 0) {
		up->ended = 0;
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
}

#endif
