/*
 * child.h - another domain like this one: a process (fork.c) or a context
 * (context.c).
 */
#ifndef IMAGE_CHILD_H
#define IMAGE_CHILD_H

#include "image.h"

/* What a name's parts are derived with. */
enum { NAME_DOMAIN = 'd', NAME_ENV = 'e', NAME_MEMORY = 'm' };

struct child {
	/* who makes it says */
	exo_id acct;			/* charged with its frames, */
	exo_slot acct_slot;		/* by this slot of mine */
	exo_slot name;			/* mine, of the child's: all rights */
	exo_slot window_slot;		/* mine, of its window's */
	exo_ppn window;
	uint32_t thread;		/* its seat, handle of the commons, and
					 * block: my own's number */
	/* what there is of it */
	uint32_t number;		/* its slot table is bound here as that */
	exo_slot memory;		/* a slot with its memory's name */
	exo_id domain;
	exo_ppn slots, root, last, upcall;
};

/*
 * In this order; each 0 or -errno, and what was made until then is the maker's
 * to end.  Once it has a domain, only that edits its tables.
 */

/* Slots, with its own names, its window, and what all processes have. */
long child_slots(struct child *c) MUST_USE;
/* One more: what is in my slot `from', as its slot `to'. */
long child_slot(const struct child *c, exo_slot from, exo_slot to,
    uint32_t rights, uint32_t comp) MUST_USE;
/* Slot 254: the hot data, Castor's stack from `stack' up, as they are now. */
long child_own(struct child *c, uint64_t stack) MUST_USE;
/* All that is linked in slots 0-252; Castor's text. */
long child_memory(const struct child *c) MUST_USE;
long child_text(const struct child *c) MUST_USE;
long child_domain(struct child *c) MUST_USE;
/* Its seat, for this env; from now on it has its slots. */
long child_seat(const struct child *c, exo_id env) MUST_USE;
/* Whatever came of it: its slots are not bound here any more. */
void child_release(struct child *c);

long child_frame(const struct child *c, exo_slot guard, uint32_t kind)
    MUST_USE;
/* A table for its memory; with its companion, if it is of the last level. */
long child_table(const struct child *c, uint32_t level) MUST_USE;

/* In the child, first of all: it is itself, and has this window. */
void child_born(exo_ppn window);

#endif
