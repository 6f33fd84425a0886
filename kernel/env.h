/* env.h - envs: streams of CPU time (env.c), and who runs (sched.c). */
#ifndef ENV_H
#define ENV_H

#include "domain.h"

extern struct exo_env envs[];		/* published */
extern struct exo_slice slices[];	/* published */
extern uint32_t nenvs;

struct env *env_at(uint32_t index);	/* NULL: no record */
struct env *env_find(exo_id env);	/* NULL: no such name */
long env_check(exo_id env, exo_slot slot, uint32_t need, struct env **out)
    MUST_USE;

/* Its seats, from its home (the base of its chain) up. */
uint32_t env_depth(const struct env *e);
struct seat *env_seat(const struct env *e);	/* where it is */
struct seat *env_home_seat(const struct env *e);
bool env_on_chain(const struct env *e, const struct seat *s);

/*
 * A seat's domain is dead and is being reaped: the env is not in it any more,
 * nor will it come back to it.
 */
void env_evict(struct env *e, struct seat *s);

/* O(1): what is left is for env_reap. */
void env_die(struct env *e, enum exo_cause cause, uint64_t word);

/* The running env can't go on: choose another, load its registers. */
void sched_leave(void);
/* Who runs after this one; switches to it.  Called at a tick and by yields. */
void sched_next(void);
void sched_switch(struct env *e);
void sched_tick(void);
_Noreturn void sched_start(void);

#endif
