/*
 * wait.h - seats that wait for objects, and their bells.
 *
 * An object that can be waited for has a queue.  A request that can't be
 * answered puts its seat on one (or several); the next request of that seat
 * takes it off.  Waking rings the bells of all that are on the queue, once.
 *
 * Invariants: (1) a wait is on its queue, or woken (prev == NULL); (2) it is on
 * its seat's list in either case, until the seat cancels.
 */
#ifndef COMMONS_WAIT_H
#define COMMONS_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <castor/commons.h>

struct file;
struct pipe;
struct proc;
struct seat;

struct wait {
	struct wait *next, **prev;	/* on the queue */
	struct wait *mine;		/* on the seat's list */
	struct seat *seat;
};

struct waitq {
	struct wait *first;
	uint32_t seq;			/* times that something happened here */
};

#define SEAT_WAITS	2u		/* without asking the pool */

/*
 * An env of a process.  waits != NULL: its next request takes the long way
 * (request.c), because it waits for something, or is nobody's (wait_none).
 */
struct seat {
	struct cm_window *win;
	struct proc *proc;		/* NULL: nobody's */
	struct wait *waits;
	uint64_t env;			/* its id */
	struct pipe *tap;		/* into its window: pipe.c */
	uint32_t index, tid;
	struct seat *next;		/* of the same process */
	uint64_t domain;		/* whom it is in, of a process with
					 * contexts; 0: the process's first */
	uint64_t takes;			/* from this domain, once */
	struct proc *lender;		/* CM_LENT: whose `lent' it may use */
	uint32_t lent;
	bool context;			/* a thread's second, third... */
	bool signals;			/* of the process are marked here too */
	const struct seat *maker;	/* of a context in the making */
	struct file *opening;		/* a FIFO, until its other end is there
					 * too */
	bool futex;			/* futex.c: it waits for a word */
	uint32_t opened;		/* the other end's opens before that */
	struct wait own[SEAT_WAITS];
};

/* Whose request is being answered; NULL: nobody's (timers, the dead).  What it
 * is between requests does not matter. */
extern struct seat *here;

void futex_forget(struct seat *s);	/* futex.c */

/* In seats without waits: see above; and in those of a bare client (proc.h). */
extern struct wait wait_none, wait_bare;

bool wait_on(struct waitq *q, struct seat *s);	/* false: no room */
void wait_wake(struct waitq *q);
void wait_cancel_all(struct seat *s);
uint32_t wait_count(void);		/* besides those of seats' own */
/* The object goes: whoever waits for it is woken. */
#define wait_end(q)	wait_wake(q)

static inline void
wait_cancel(struct seat *s)
{
	if (s->waits != NULL)
		wait_cancel_all(s);
}

/* Something happened. */
static inline void
wake(struct waitq *q)
{
	q->seq++;
	if (q->first != NULL)
		wait_wake(q);
}

static inline void
bell_ring(struct seat *s)
{
	s->win->bell++;
	if (here != NULL && s != here)
		here->win->hint = s->env;
}

#endif
