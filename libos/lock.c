/*
 * lock.c - locks that survive their holder (castor/lock.h).
 *
 * The word of a held lock is gen << 32 | domain << 16 | env: an env by its
 * name, and the index of the domain where it took the lock.  The names of envs
 * are never used twice, so a word that named a dead one always does.
 *
 * Invariants: (1) the word is mine only while my critical section counts it.
 *	       (2) state is written by the holder only.  Whoever inherits writes
 *		   LOCK_DIRTY there first; if it dies before, the next does.
 *
 * But for sleeps, it has no data: it runs in domains that share its text only.
 */
#include <castor/lock.h>
#include <castor/seat.h>
#include <castor/self.h>
#include <castor/sleep.h>

#include "sleep.h"

static uint64_t
name_of(const struct locker *me)
{
	return me->env | (uint64_t)EXO_INDEX(me->domain) << 16;
}

/* Of the seat on whose stack, or upcall stack, this runs. */
static struct exo_upcall *
upcall_here(void)
{
	uint64_t sp = (uint64_t)__builtin_frame_address(0);

	if (sp < VM_SEATS || sp >= VM_SEATS_TOP)
		return (struct exo_upcall *)self->upcall_va;
	return (struct exo_upcall *)SEAT_UPCALL((sp - VM_SEATS) / SEAT_SPAN);
}

struct locker
lock_me(void)
{
	struct exo_upcall *up = upcall_here();

	return (struct locker){
		.env = up->env, .domain = self->domain, .upcall = up,
		.run = EXO_NONE, .handle = EXO_NONE,
	};
}

/*
 * Will it never leave?  Its env is dead, or will be when it runs next, since
 * its domain is; or it is away from a domain where it was a guest.  What names
 * no env at all is nobody's, too.
 */
static bool
holder_gone(uint64_t word)
{
	uint32_t env = LOCK_ENV(word), domain = LOCK_DOMAIN(word);
	const volatile struct exo_env *e = &EXO_ENVS[env];

	if (env >= EXO_MACHINE->nenvs || domain >= EXO_MACHINE->ndomains ||
	    e->gen != LOCK_GEN(word) || e->state >= EXO_ENV_DEAD)
		return true;
	if (EXO_DOMAINS[domain].state != EXO_DOM_LIVE)
		return true;
	return e->home != domain && e->where != domain;
}

static struct exo_window
row_window(enum exo_table table, uint32_t index, uint32_t size)
{
	return (struct exo_window){ .what = EXO_WIN_TABLE + table,
	    .len = size, .offset = (uint64_t)index * size };
}

/* Sleep until it has left or can't, or it is time; it has my slice's rest. */
static void
holder_await(const struct lock *l, const struct locker *me, uint64_t deadline,
    uint64_t word)
{
	exo_id env = EXO_ID(LOCK_GEN(word), LOCK_ENV(word));
	struct exo_sleep s = SLEEP(SLEEP_ON_LOCK, deadline, word,
	    EXO_MACHINE->ticks);

	s.nwin = 3;
	s.win[0] = (struct exo_window){ .what = EXO_WIN_FRAME,
	    .len = sizeof(l->word), .offset = (uint64_t)&l->word % EXO_PAGE,
	    .ppn = me->frame, .slot = me->frame_slot,
	    .epoch = EXO_PAGES[me->frame].epoch };
	s.win[1] = row_window(EXO_TAB_ENVS, LOCK_ENV(word),
	    sizeof(struct exo_env));
	s.win[2] = row_window(EXO_TAB_DOMAINS, LOCK_DOMAIN(word),
	    sizeof(struct exo_domain));
	if (me->run != EXO_NONE)
		sleep_or_yield(&s, env, me->run);
	else
		sleep_or_yield(&s, EXO_ID_ANY, 0);
}

/* Give it the rest of my slice, if it is mine to give and it can run. */
static void
holder_run(uint64_t word, const struct locker *me)
{
	exo_id env = EXO_ID(LOCK_GEN(word), LOCK_ENV(word));
	long r = -EXO_E_SLOT;

	if (me->run != EXO_NONE)
		r = exo_env_yield(env, me->run, EXO_NONE);
	if (r < 0 && me->handle != EXO_NONE)
		r = exo_env_yield(env, 0, me->handle);
	if (r < 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

static bool
word_swap(struct lock *l, uint64_t *from, uint64_t to)
{
	return __atomic_compare_exchange_n(&l->word, from, to, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static void
word_clear(struct lock *l, const struct locker *me)
{
	__atomic_store_n(&l->word, 0, __ATOMIC_RELEASE);
	critical_leave(me->upcall);
}

/* It is mine, and not sound, or its holder died. */
static __attribute__((noinline)) long
inherited(struct lock *l, const struct locker *me, bool died)
{
	if (died && l->state != LOCK_LOST)
		l->state = LOCK_DIRTY;
	if (l->state == LOCK_DIRTY)
		return LOCK_OWNER_DIED;
	word_clear(l, me);
	return -EXO_E_STATE;
}

/* `held' held it; this is in a critical section. */
static __attribute__((noinline)) long
lock_wait(struct lock *l, const struct locker *me, uint64_t deadline,
    uint64_t held)
{
	uint64_t mine = name_of(me);

	for (;;) {
		if (held != mine && holder_gone(held) &&
		    word_swap(l, &held, mine))
			return inherited(l, me, true);
		critical_leave(me->upcall);
		if (held == mine)
			return -EXO_E_LOOP;
		if (EXO_MACHINE->ticks >= deadline)
			return -EXO_E_BUSY;
		if (me->frame != 0)
			holder_await(l, me, deadline, held);
		else
			holder_run(held, me);
		critical_enter(me->upcall);
		held = 0;
		if (word_swap(l, &held, mine))
			return l->state == LOCK_SOUND ? 0 :
			    inherited(l, me, false);
	}
}

long
lock_take(struct lock *l, const struct locker *me, uint64_t deadline)
{
	uint64_t held = 0;

	critical_enter(me->upcall);
	if (!word_swap(l, &held, name_of(me)))
		return lock_wait(l, me, deadline, held);
	return l->state == LOCK_SOUND ? 0 : inherited(l, me, false);
}

void
lock_consistent(struct lock *l)
{
	l->state = LOCK_SOUND;
}

void
lock_leave(struct lock *l, const struct locker *me)
{
	if (l->state == LOCK_DIRTY)
		l->state = LOCK_LOST;
	word_clear(l, me);
}
