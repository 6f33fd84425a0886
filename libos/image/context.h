/*
 * context.h - light-weight contexts (docs/lwc.md): other domains of this
 * process.
 *
 * context.c makes and ends them; lwc.c has the calls.
 */
#ifndef IMAGE_CONTEXT_H
#define IMAGE_CONTEXT_H

#include <castor/lwc.h>

#include "image.h"

#define CONTEXT_MAY	6u

/*
 * A context that this one has a handle to.  Its descriptor is the handle's
 * place, and the number in this array plus CONTEXT_FIRST.
 */
struct context {
	exo_id domain;			/* 0: none */
	exo_slot name;			/* all rights on it; EXO_NONE: not its
					 * creator */
	uint32_t thread;		/* whose */
	uint32_t flags;			/* of lwc_create */
	struct lwc_spec may[CONTEXT_MAY];	/* it overlays of mine; a flag of
						 * LWC_ALL each, or 0 */
};
#define CONTEXTS	((struct context *)HEAP_CONTEXTS)
#define CONTEXT_FIRST	63u
#define CONTEXT_CREATOR	31u		/* the descriptor of who made this one:
					 * number 0 */
#define CONTEXT_SELF	63u		/* a place with a handle to this one */
#define PLACES_FEW	128u		/* in a table of handles: one frame, */
#define PLACES_MANY	(40u * 128)	/* or many */

/* That descriptor's, if it is there: NULL. */
struct context *context_at(uint64_t fd);
/* Forget it: the last handle to it may be gone, and then it ends. */
void context_drop(uint64_t fd);
/* It may not overlay this any more. */
void context_restrict(struct context *c, uint32_t type, uint64_t first,
    uint64_t last);
/* Give up its creator's rights. */
void context_disown(uint64_t fd);
/*
 * This context holds itself as long as it has made others, and is to be come
 * back to: who drops the last handle to his creator does not end it.
 */
long context_hold(void) MUST_USE;
bool context_let(void);			/* false: it did not */
/* After exec: all. */
void contexts_drop(void);
/* A frame of this account that I can't free: a context that ended had it in
 * stock.  How many the commons freed; and of those that wait to be told it. */
uint64_t context_orphan(exo_ppn ppn);
uint64_t context_orphans(void);
/* In a child process: they are its parent's. */
void contexts_forget(void);

/*
 * What a child is told, on Castor's stack: it comes back from the call with
 * these registers.
 */
struct context_birth {
	struct exo_regs *regs;
	uint64_t caller, args, n;	/* where to say who came, and what with */
	uint32_t window, nspecs;	/* the frame */
	uint32_t flags, kind;		/* kind: the commons', for CM_CONTEXT */
	struct lwc_spec specs[LWC_SPECS_MAX];
};

/* A child, all but the specs and registers filled in: its descriptor, or
 * -errno. */
long context_make(struct context_birth *b) MUST_USE;

/* In a child, when it is first entered or asked something: it is itself. */
void context_born(void);

/* A system call of a context whose calls are its creator's to answer. */
long context_trap(struct exo_regs *r);
/* Such a one has come to its end: that is its creator's, too. */
_Noreturn void context_end(uint32_t status);

/* Memory of another context that is asked for by its descriptor: 0, -EFAULT,
 * or -EACCES. */
long remote_read(uint64_t fd, void *to, uint64_t from, uint64_t n) MUST_USE;
long remote_write(uint64_t fd, uint64_t to, const void *from, uint64_t n)
    MUST_USE;

/* System call nr of these (lwc.h), with its registers. */
long context_call(struct exo_regs *r, uint64_t nr);

extern uint32_t remotes;		/* threads with `remote' or `borrows' */
long call_for(uint64_t nr, const uint64_t *args) MUST_USE;	/* call.c */
/* Is it about more than can be another's by parts: its address space, its
 * processes? */
bool call_is_whole(uint64_t nr);
extern uint32_t own_flags;		/* that I was made with */

#endif
