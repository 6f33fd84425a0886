/*
 * castor/commons_client.h - the commons (castor/commons.h) for native programs:
 * starting one, and asking it.
 */
#ifndef CASTOR_COMMONS_CLIENT_H
#define CASTOR_COMMONS_CLIENT_H

#include <castor/commons.h>
#include <castor/proc.h>
#include <castor/sys.h>

/* One seat of mine in a commons. */
struct commons {
	struct cm_window *win;
	uint64_t handle;
	exo_id domain;			/* of the commons */
	exo_ppn window;			/* its frame, and a slot of mine for it */
	exo_slot window_slot;
	exo_slot session;		/* RUN and VIEW on all its processes */
};

/*
 * Run bin/commons with these limits and become its first client.  On an error
 * nothing of it is left.
 */
long commons_start(struct commons *c, struct proc *server,
    const uint32_t *limits) MUST_USE;

/* End it, and with it all its processes. */
void commons_end(struct commons *c, struct proc *server);

/* A request: its result, or -ENODEV (19): the commons is gone. */
int64_t commons_call(struct commons *c, uint64_t op, uint64_t a, uint64_t b,
    uint64_t d, uint64_t e) MUST_USE;

/* Sleep until the bell is not `seen', or the TSC is at `when'. */
void commons_sleep(struct commons *c, uint64_t seen, uint64_t when);

/* The same without an end, after my time to whom my last request has woken. */
void commons_turn(struct commons *c, uint64_t seen);

/* Ask until there is an answer that is not "wait".  Signals are not looked
 * at. */
int64_t commons_ask(struct commons *c, uint64_t op, uint64_t a, uint64_t b,
    uint64_t d, uint64_t e) MUST_USE;

/*
 * A program as a child of mine in the commons: `args' as for proc_make, but for
 * its account, which has `frames' frames; its window is mapped at window_va.
 * It has a slice (EAGAIN: none was free) and can be started; p->name is mine
 * until commons_let, and what it was made of is the commons' to clear away.
 * Its pid, or -errno.
 */
int64_t commons_child(struct commons *c, struct proc *p,
    const struct proc_args *args, uint64_t window_va, uint64_t frames)
    MUST_USE;
void commons_let(struct proc *p);

/* In such a child, if it is a native program. */
void commons_join(struct commons *c);

/* Its words about that, in self->user. */
#define COMMONS_USER_WINDOW	30u	/* where the window is */
#define COMMONS_USER_SLOT	31u	/* its slot; the next one's: session */

#endif
