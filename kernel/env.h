/* env.h - envs: streams of CPU time (env.c), and who runs (sched.c). */
#ifndef ENV_H
#define ENV_H

#include "domain.h"

extern struct exo_env envs[];		/* published */
extern struct exo_slice slices[];	/* published */
extern uint32_t nenvs;

#define SCHED_SLICES	256u		/* of each CPU */
extern uint64_t slice_set[];		/* positions that have an env */

struct env *env_at(uint32_t index);	/* NULL: no record */
struct env *env_find(exo_id env);	/* NULL: no such name */
long env_check(exo_id env, exo_slot slot, uint32_t need, struct env **out)
    MUST_USE;

/* Its seats, from its home (the base of its chain) up. */
uint32_t env_depth(const struct env *e);
struct seat *env_seat(const struct env *e);	/* where it is */
bool env_on_chain(const struct env *e, const struct seat *s);
void env_publish(struct env *e);

/*
 * A seat's domain is dead and is being reaped: the env is not in it any more,
 * nor will it come back to it.
 */
void env_evict(struct env *e, struct seat *s);

/* O(1): what is left is for env_reap. */
void env_die(struct env *e, enum exo_cause cause, uint64_t word);

void env_boot(void);			/* all rows are free */
/* Make an env in a free row, of a frame that passed page_for_record. */
uint32_t env_free_row(void);		/* 0: none */
struct env *env_make(uint32_t index, exo_ppn frame,
    const struct exo_cap *guard);
/* Let it begin at a free seat bound to it. */
void env_place(struct env *e, struct seat *s, uint64_t arg);

/* The grace of a pending kill, stop or yield is over. */
void env_pull_home(struct env *e);
/* The running env's domain is dead.  False: another env runs now. */
bool env_gone(void);

/* For acct_reap.  As env_kill does: it may have to wait until it is home. */
void env_end(struct env *e, enum exo_cause cause, uint64_t word);
/* Steps of a DEAD env's end, at most n: 0: nothing was left, it has ENDED. */
uint64_t env_reap_steps(struct env *e, uint64_t n);
void env_row_free(uint32_t index);	/* of an ENDED env */

/* The running env's callee can't go on: the caller is told GONE. */
void env_abandon_callee(void);
/* The running env has popped a link: does something wait for it at home? */
void env_came_home(void);
void env_event_drop(struct env *e);
/* Event slots of one monitor may share a bound frame. */
bool event_frame_mine(exo_ppn ppn);
void event_frame_add(exo_ppn ppn);

/* The running env's registers into its record; CR3 of its seat's domain. */
void sched_save(void);
void sched_load_cr3(void);
/* Is the running env where it may be?  False: it was moved, or replaced. */
bool sched_settle(void);
uint32_t sched_tick_tsc(void);		/* TSC units of a tick */
void sched_clock(void);			/* a tick: the time, and what is due */

/*
 * The running env can't go on: choose another, load its registers.  While that
 * is being done already, nobody runs when this returns: cpu()->env is NULL.
 */
void sched_leave(void);
/* The running env was saved and can't go on: this one runs, if it is not NULL
 * and can, or whoever comes next. */
void sched_leave_to(struct env *to);
/*
 * Whom a yield by the running env names: NULL for EXO_ID_ANY.
 * Errors: NAME; SLOT, DENIED, RIGHTS.
 */
long sched_target(exo_id env, exo_slot slot, uint64_t place, struct env **out)
    MUST_USE;
/* Who runs after this one; switches to it.  Called at a tick and by yields. */
void sched_next(void);
void sched_switch(struct env *e);
void sched_tick(void);
void sched_forget(struct env *e);	/* no slice is its any more */
void sched_boot(uint32_t acct, struct env *first);	/* all slices */
_Noreturn void sched_start(struct env *first);

void slice_release(uint32_t index);	/* give it back to its account */

void cpu_idle(void);			/* entry.asm */

extern uint32_t env_due;			/* first of those with something pending */

#endif
