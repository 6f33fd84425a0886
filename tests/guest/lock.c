/*
 * lock.c - locks between domains (castor/lock.h): one at a time, whoever is
 * stopped, killed or preempted, and wherever.
 *
 * Holders are envs of cells, which have one frame in common.  A holder is
 * stepped through instruction by instruction by its monitor, which is this
 * program, and stopped or killed at each.
 */
#include <castor/lock.h>

#include "cell.h"

#define ALL		(~0ull)
#define GRACE		EXO_MACHINE->grace_ticks
#define SHARED_AT	30u		/* page of a cell's span */
#define SEAT		2u		/* of a cell's first env */
#define STEPS_MAX	400u

/* What the lock guards: a == b. */
struct shared {
	struct lock lock, other;
	volatile uint64_t a, b;
	volatile uint64_t wrong;	/* times that a != b */
	volatile uint64_t repairs;
};

/* Words of a cell's page. */
enum {
	W_IN = 20,			/* in the section */
	W_DONE, W_RESULT, W_STOP, W_STEP,
	W_STAY,				/* ticks to stay in it */
	W_WAIT,				/* yield in it until this is 0 */
	W_TICKS,			/* to wait for the lock; 0: for ever */
	W_COUNT = 32,			/* by seat: sections */
	W_LOCKER = 64			/* by seat: struct locker, 8 words */
};

static struct shared *shared;
static exo_ppn shared_ppn;
static struct exo_event *event;
static exo_ppn event_ppn;
static struct locker me;

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

static struct locker *
locker_of(struct cell_page *p, uint64_t seat)
{
	return (struct locker *)(p->w + W_LOCKER + 8 * seat);
}

/* ------------------------------------------------------------ in cells */

static struct shared *
shared_of(struct cell_page *p)
{
	return (struct shared *)((uint64_t)p + SHARED_AT * EXO_PAGE);
}

static void
stay(struct cell_page *p)
{
	uint64_t since = EXO_MACHINE->ticks;

	while (EXO_MACHINE->ticks - since < p->w[W_STAY])
		;
	while (p->w[W_WAIT] != 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

static long
section(struct cell_page *p, struct shared *s, const struct locker *l)
{
	long r = lock_take(&s->lock, l, p->w[W_TICKS] == 0 ? LOCK_FOREVER :
	    EXO_MACHINE->ticks + p->w[W_TICKS]);

	if (r < 0)
		return r;
	if (r == LOCK_OWNER_DIED) {
		s->b = s->a;
		s->repairs++;
		lock_consistent(&s->lock);
	}
	p->w[W_IN] = 1;
	s->wrong += s->a != s->b;
	s->a++;
	stay(p);
	s->b++;
	p->w[W_IN] = 0;
	lock_leave(&s->lock, l);
	return r;
}

static void
trap_flag(uint64_t on)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); orq %0, (%%rsp); "
	    "popfq" : : "r"(on << 8) : "memory", "cc");
}

static uint64_t
in_once(struct cell_page *p, uint64_t seat, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	if (p->w[W_STEP] != 0)
		trap_flag(1);
	p->w[W_RESULT] = (uint64_t)section(p, shared_of(p),
	    locker_of(p, seat));
	p->w[W_DONE] = 1;
	if (p->w[W_STEP] != 0)
		trap_flag(0);
	return 0x55;
}

static uint64_t
in_hammer(struct cell_page *p, uint64_t seat, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	while (p->w[W_STOP] == 0) {
		if (section(p, shared_of(p), locker_of(p, seat)) < 0)
			return 1;
		p->w[W_COUNT + seat]++;
	}
	return 0x55;
}

/* Calls place 0, with the lock held. */
static uint64_t
in_call_out(struct cell_page *p, uint64_t seat, uint64_t b, uint64_t c)
{
	struct shared *s = shared_of(p);
	uint64_t r;

	(void)b, (void)c;
	p->w[W_RESULT] = (uint64_t)lock_take(&s->lock, locker_of(p, seat), 0);
	p->w[W_IN] = 1;
	(void)!exo_call(0, p->w[0], p->w[1], 0, 0, 0, &r);
	lock_leave(&s->lock, locker_of(p, seat));
	p->w[W_DONE] = 1;
	return 0x55;
}

static uint64_t
in_call(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r;

	(void)a, (void)b, (void)c;
	return (uint64_t)exo_call(0, p->w[0], p->w[1], 0, 0, 0, &r);
}

static uint64_t
in_spin(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	while (p->w[W_STOP] == 0)
		;
	return 0x55;
}

static uint64_t
in_wait(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[W_IN] = 1;
	while (p->w[W_STOP] == 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 7;
}

/* -------------------------------------------------------------- outside */

static void
begin(void)
{
	if (shared == NULL) {
		shared_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA |
		    EXO_KIND_LIVE));
		shared = (struct shared *)must(vm_map_frame(shared_ppn, VM_RW,
		    self->memory_slot));
		event_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA |
		    EXO_KIND_LIVE));
		event = (struct exo_event *)must(vm_map_frame(event_ppn,
		    VM_RW, self->memory_slot));
	}
	memset(shared, 0, sizeof(*shared));
	me = lock_me();
	EQ(me.env, self->env);
	EQ(me.upcall->critical, 0);
}

static void
member(struct cell *c)
{
	cell_make(c, NULL);
	must(cell_do(c, EXO_NR_pt_set, 0, c->table[5],
	    EXO_PT_INDEX(c->base, 1) + SHARED_AT,
	    EXO_PTE(shared_ppn, VM_RW), self->memory_slot, 0));
}

static void
locker_set(struct cell *c, uint32_t seat, exo_id env)
{
	*locker_of(c->page, seat) = (struct locker){
		.env = env, .domain = c->domain,
		.upcall = (struct exo_upcall *)(c->base + CELL_UPCALL(seat)),
		.run = EXO_NONE, .handle = EXO_NONE,
	};
}

static exo_id
worker(struct cell *c, uint32_t seat, cell_fn fn)
{
	exo_id env = cell_env_make(c);

	locker_set(c, seat, env);
	must(cell_env_begin(c, env, seat, fn, seat));
	return env;
}

static void
give(struct cell *c, uint32_t index, exo_id env)
{
	must(exo_slice_alloc(c->acct, c->name, c->name, index));
	must(exo_slice_set(c->name, index, env, c->name));
}

static void
wait_ticks(uint64_t n)
{
	uint64_t until = EXO_MACHINE->ticks + n;

	while (EXO_MACHINE->ticks < until)
		__asm__ volatile("pause");
}

static struct exo_upcall *
head(struct cell *c, uint32_t seat)
{
	return (struct exo_upcall *)(c->base + CELL_UPCALL(seat));
}

static bool
names(uint64_t word, exo_id env)
{
	return word >> 32 == EXO_GEN(env) &&
	    (uint32_t)(word & 0xffff) == EXO_INDEX(env);
}

/* I can have it: in this state, and leave it in order. */
static void
have(long want)
{
	EQ(lock_take(&shared->lock, &me, 0), want);
	EQ(me.upcall->critical, want >= 0);
	if (want == LOCK_OWNER_DIED) {
		shared->b = shared->a;
		lock_consistent(&shared->lock);
	}
	if (want < 0)
		return;
	EQ(shared->a, shared->b);
	lock_leave(&shared->lock, &me);
	EQ(me.upcall->critical, 0);
	EQ(shared->lock.word, 0);
}

/* ------------------------------------------------------- step by step */

/* An env that stops after each instruction, before the first of its section. */
static exo_id
stepped(struct cell *c)
{
	uint8_t actions[EXO_CLASSES] = { 0 };
	uint64_t mask[2] = { ALL, ALL };
	exo_id env;

	member(c);
	c->page->w[W_STEP] = 1;
	actions[EXO_CLASS_EXCEPTION] = EXO_ACT_SUSPEND;
	must(exo_domain_monitor(c->domain, c->name, (uint64_t)actions,
	    (uint64_t)mask, 0));
	env = worker(c, SEAT, in_once);
	event->seq = 0;
	must(exo_env_event(env, c->name, event_ppn, 0, self->memory_slot));
	OK(cell_run_state(c, env, EXO_ENV_SUSPENDED));
	return env;
}

/* One more: false, it has ended, or waits for something. */
static bool
step(struct cell *c, exo_id env)
{
	must(exo_env_continue(env, c->name, row(env)->seq, EXO_HOW_RETRY, 0));
	for (uint32_t i = 0; i < 10; i++) {
		if (exo_env_yield(env, c->name, EXO_NONE) < 0)
			return false;
		if (row(env)->state == EXO_ENV_SUSPENDED)
			return true;
	}
	return false;
}

/* n of them.  False: there are not as many. */
static bool
steps(struct cell *c, exo_id env, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (c->page->w[W_DONE] != 0 || !step(c, env))
			return false;
	}
	return c->page->w[W_DONE] == 0;
}

static void
finish(struct cell *c, exo_id env)
{
	for (uint32_t i = 0; i < STEPS_MAX && row(env)->state !=
	    EXO_ENV_DEAD; i++) {
		if (row(env)->state == EXO_ENV_SUSPENDED)
			must(exo_env_continue(env, c->name, row(env)->seq,
			    EXO_HOW_RETRY, 0));
		(void)!exo_env_yield(env, c->name, EXO_NONE);
	}
	EQ(row(env)->exit_word, 0x55);
}

/* ---------------------------------------------------------- one at a time */

TEST(word_is_taken_by_one_whatever_instruction_he_is_at)
{
	uint32_t n, mine = 0, its = 0;
	bool more = true;

	begin();
	for (n = 0; more && n < STEPS_MAX; n++) {
		struct cell c;
		exo_id env = stepped(&c);
		long r;

		more = steps(&c, env, n);
		OK(shared->lock.word == 0 || head(&c, SEAT)->critical == 1);
		r = lock_take(&shared->lock, &me, 0);
		if (r == 0) {
			mine++;
			shared->a++;
			/* It may go on, but not get in. */
			for (uint32_t i = 0; i < 150 && step(&c, env); i++)
				;
			OK(!more || c.page->w[W_IN] == 0);
			shared->b++;
			lock_leave(&shared->lock, &me);
		} else {
			its++;
			EQ(r, -EXO_E_BUSY);
			OK(names(shared->lock.word, env));
		}
		if (row(env)->state != EXO_ENV_DEAD)
			finish(&c, env);
		EQ(head(&c, SEAT)->critical, 0);
		cell_end(&c);
	}
	OK(!more);
	OK(mine > 10 && its > 10);
	EQ(shared->wrong, 0);
	EQ(shared->a, n + mine);
	EQ(shared->b, n + mine);
	EQ(shared->repairs, 0);
}

#define CELLS	3u

/* Two envs in each of three domains, and slices of their own. */
static void
crowd_make(struct cell *c, exo_id env[CELLS][2])
{
	for (uint32_t i = 0; i < CELLS; i++) {
		member(&c[i]);
		for (uint32_t k = 0; k < 2; k++) {
			env[i][k] = worker(&c[i], SEAT + k, in_hammer);
			give(&c[i], 10 + 20 * i + k, env[i][k]);
		}
	}
}

static uint64_t
crowd_stop(struct cell *c, exo_id env[CELLS][2])
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < CELLS; i++)
		c[i].page->w[W_STOP] = 1;
	for (uint32_t i = 0; i < CELLS; i++) {
		for (uint32_t k = 0; k < 2; k++) {
			OK(cell_run_state(&c[i], env[i][k], EXO_ENV_DEAD));
			EQ(row(env[i][k])->exit_word, 0x55);
			EQ(head(&c[i], SEAT + k)->critical, 0);
			sum += c[i].page->w[W_COUNT + SEAT + k];
		}
		cell_end(&c[i]);
	}
	return sum;
}

TEST(crowd_takes_it_one_at_a_time_and_nobody_is_left_out)
{
	struct cell c[CELLS];
	exo_id env[CELLS][2];
	uint64_t sum;

	begin();
	crowd_make(c, env);
	wait_ticks(100);
	for (uint32_t i = 0; i < 2 * CELLS; i++)
		OK(c[i / 2].page->w[W_COUNT + SEAT + i % 2] > 0);
	sum = crowd_stop(c, env);
	EQ(sum, shared->a);
	EQ(shared->a, shared->b);
	EQ(shared->wrong, 0);
	EQ(shared->repairs, 0);
}

/*
 * One of them stays over its slice, another over the grace: the second is cut
 * off in the middle, pays, and the lock is its all the same.
 */
TEST(crowd_with_one_that_overstays)
{
	struct cell c[CELLS];
	exo_id env[CELLS][2];
	uint32_t owed = 0;
	uint64_t sum;

	begin();
	crowd_make(c, env);
	c[1].page->w[W_STAY] = 2;
	c[2].page->w[W_STAY] = GRACE + 2;
	for (uint64_t since = EXO_MACHINE->ticks;
	    EXO_MACHINE->ticks - since < 400; )
		owed |= EXO_SLICES[50].overrun | EXO_SLICES[51].overrun;
	OK(owed != 0);
OK(head(&c[2], SEAT)->overstayed + head(&c[2], SEAT + 1)->overstayed
	    > 0);
	EQ(head(&c[0], SEAT)->overstayed, 0);
	EQ(head(&c[1], SEAT)->overstayed, 0);
	c[1].page->w[W_STAY] = c[2].page->w[W_STAY] = 0;
	sum = crowd_stop(c, env);
	EQ(sum, shared->a);
	EQ(shared->a, shared->b);
	EQ(shared->wrong, 0);
	EQ(shared->repairs, 0);
}

/* ---------------------------------------------------------------- deaths */

/* Kill by `how' at each instruction; the next one is told, if it held. */
static void
die_everywhere(void (*how)(struct cell *, exo_id), uint32_t least)
{
	uint32_t n, held = 0;
	bool more = true;

	begin();
	for (n = 0; more && n < STEPS_MAX; n++) {
		struct cell c;
		exo_id env = stepped(&c);
		uint64_t word;

		more = steps(&c, env, n);
		word = shared->lock.word;
		OK(word == 0 || names(word, env));
		held += word != 0;
		if (word != 0)
			EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
		how(&c, env);
		have(word != 0 ? LOCK_OWNER_DIED : 0);
		have(0);
		cell_end(&c);
	}
	OK(!more);
	OK(held > least && held < n);
}

static void
kill_env(struct cell *c, exo_id env)
{
	if (row(env)->state < EXO_ENV_DEAD)
		must(exo_env_kill(env, c->name, 1));
}

/* Its env would die when it is next chosen: its row does not show it yet. */
static void
kill_domain(struct cell *c, exo_id env)
{
	(void)env;
	must(exo_domain_kill(c->domain, c->name, 1));
}

TEST(holder_killed_at_any_instruction_is_succeeded)
{
	die_everywhere(kill_env, 10);
}

TEST(holder_whose_domain_is_killed_at_any_instruction_is_succeeded)
{
	die_everywhere(kill_domain, 10);
}

/* While all fight for it: who dies with it is told of to one, exactly. */
TEST(deaths_in_a_crowd_are_told_once_each)
{
	enum { ROUNDS = 200 };
	struct cell c[CELLS], v;
	exo_id env[CELLS][2];
	uint64_t died = 0, seed = 1;

	begin();
	crowd_make(c, env);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		exo_id victim;

		member(&v);
		victim = worker(&v, SEAT, in_hammer);
		give(&v, 100, victim);
		v.page->w[W_STAY] = i % 3;
		v.page->w[W_WAIT] = i % 5 > 2;
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		wait_ticks(1 + (seed >> 60) / 2);
		critical_enter(me.upcall);	/* look and kill at once */
		died += names(shared->lock.word, victim);
		if (i % 2)
			kill_env(&v, victim);
		else
			kill_domain(&v, victim);
		critical_leave(me.upcall);
		cell_end(&v);
	}
	(void)crowd_stop(c, env);
	OK(died > 0);
	OK(died < ROUNDS);
	/* All may have stopped before they saw the last one. */
	have(shared->repairs == died ? 0 : LOCK_OWNER_DIED);
	OK(died - shared->repairs <= 1);
	EQ(shared->wrong, 0);
}

/* Run it into its section, where it waits. */
static exo_id
holder_make(struct cell *c)
{
	exo_id env;

	member(c);
	c->page->w[W_WAIT] = 1;
	env = worker(c, SEAT, in_once);
	OK(cell_run(c, env, &c->page->w[W_IN], 1));
	OK(names(shared->lock.word, env));
	return env;
}

TEST(new_env_in_the_row_of_the_dead_holder_is_not_taken_for_it)
{
	struct cell c, d;
	exo_id env, heir;

	begin();
	env = holder_make(&c);
	member(&d);
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
	must(exo_env_kill(env, c.name, 1));
	while (row(env)->state == EXO_ENV_DEAD)
		(void)!exo_env_reap(env, EXO_STEPS_MAX);
	must(exo_env_free(env, c.name));
	heir = worker(&d, SEAT, in_wait);
	EQ(EXO_INDEX(heir), EXO_INDEX(env));
	EQ(row(heir)->state, EXO_ENV_READY);
	OK(heir != env);
	have(LOCK_OWNER_DIED);
	cell_end(&d);
	cell_end(&c);
}

TEST(who_inherits_and_does_not_repair_loses_it_for_all)
{
	struct cell c;
	exo_id env;

	begin();
	env = holder_make(&c);
	must(exo_env_kill(env, c.name, 1));
	EQ(lock_take(&shared->lock, &me, 0), LOCK_OWNER_DIED);
	lock_leave(&shared->lock, &me);
	EQ(shared->lock.state, LOCK_LOST);
	have(-EXO_E_STATE);
	EQ(shared->lock.word, 0);
	cell_end(&c);
	/* A death with it, in the middle of finding out, changes nothing. */
	member(&c);
	env = worker(&c, SEAT, in_once);
	shared->lock.word = (uint64_t)EXO_GEN(env) << 32 | EXO_INDEX(env) |
	    (uint64_t)EXO_INDEX(c.domain) << 16;
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
	must(exo_env_kill(env, c.name, 1));
	have(-EXO_E_STATE);
	EQ(shared->lock.state, LOCK_LOST);
	cell_end(&c);
}

/* The heir dies too, before it has repaired. */
TEST(heir_that_dies_is_succeeded_and_the_next_is_told)
{
	struct cell c[2];
	exo_id env[2];

	begin();
	env[0] = holder_make(&c[0]);
	must(exo_env_kill(env[0], c[0].name, 1));
	env[1] = holder_make(&c[1]);
	EQ(shared->repairs, 1);
	must(exo_env_kill(env[1], c[1].name, 1));
	have(LOCK_OWNER_DIED);
	cell_end(&c[0]);
	cell_end(&c[1]);
}

TEST(word_that_names_nobody_is_a_dead_holder)
{
	uint32_t last = EXO_MACHINE->nenvs - 1;
	const uint64_t nobody[] = {
		~0ull, 1, 0xffff, 0x7fffffff00010001ull,
		self->env | 0xffff0000,		/* in no domain */
		(uint64_t)EXO_ENVS[last].gen << 32 | last |	/* to be */
		    (uint64_t)EXO_INDEX(self->domain) << 16,
	};

	begin();
	EQ(EXO_ENVS[last].state, EXO_ENV_FREE);
	for (uint32_t i = 0; i < sizeof(nobody) / sizeof(nobody[0]); i++) {
		shared->lock.word = nobody[i];
		have(LOCK_OWNER_DIED);
	}
}

/* -------------------------------------------------------------- waiting */

TEST(stopped_holder_keeps_it_and_waiters_have_their_deadline)
{
	struct cell c;
	uint64_t since, mine;
	exo_id env;

	begin();
	env = holder_make(&c);
	give(&c, 10, worker(&c, SEAT + 1, in_spin));
	must(exo_env_stop(env, c.name));
	EQ(row(env)->state, EXO_ENV_STOPPED);
	me.run = c.name;
	mine = row(self->env)->ticks;
	since = EXO_MACHINE->ticks;
	EQ(lock_take(&shared->lock, &me, since + 20), -EXO_E_BUSY);
	mine = row(self->env)->ticks - mine;
	OK(EXO_MACHINE->ticks - since >= 20);
	OK(EXO_MACHINE->ticks - since < 40);
	OK(mine < 5);			/* others had the time */
	EQ(me.upcall->critical, 0);
	must(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY, 0));
	c.page->w[W_WAIT] = 0;
	EQ(lock_take(&shared->lock, &me, EXO_MACHINE->ticks + 20), 0);
	EQ(c.page->w[W_IN], 0);
	EQ(shared->a, shared->b);
	lock_leave(&shared->lock, &me);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[W_RESULT], 0);
	cell_end(&c);
}

/* The holder has no slices: it leaves by what waiters give it, or never. */
static void
wait_for_one_without_slices(bool by_slot, bool by_handle, long want)
{
	struct cell c;
	exo_id env;

	begin();
	env = holder_make(&c);
	c.page->w[W_WAIT] = 0;
	me.run = by_slot ? c.name : EXO_NONE;
	me.handle = by_handle ? c.handle : EXO_NONE;
	EQ(lock_take(&shared->lock, &me, EXO_MACHINE->ticks + 20), want);
	if (want == 0)
		lock_leave(&shared->lock, &me);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	cell_end(&c);
}

TEST(waiter_runs_the_holder)
{
	wait_for_one_without_slices(true, false, 0);
	wait_for_one_without_slices(false, true, 0);
	wait_for_one_without_slices(false, false, -EXO_E_BUSY);
}

/* In a cell, too: it gives up, and is in no critical section then. */
TEST(deadline_of_a_waiter_in_another_domain)
{
	struct cell c;
	exo_id env;

	begin();
	EQ(lock_take(&shared->lock, &me, 0), 0);
	member(&c);
	c.page->w[W_TICKS] = 5;
	env = worker(&c, SEAT, in_once);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ((long)c.page->w[W_RESULT], -EXO_E_BUSY);
	EQ(head(&c, SEAT)->critical, 0);
	lock_leave(&shared->lock, &me);
	cell_end(&c);
}

/* ------------------------------------------------------------- sleeping */

/* I want it, and sleep; `what' is done to the holder meanwhile. */
static void
asleep(cell_fn what, uint64_t ticks, long want)
{
	uint64_t checks = row(self->env)->checks, mine, since;
	struct cell c, d;
	exo_id env, doer;

	begin();
	env = holder_make(&c);
	member(&d);
	d.page->w[0] = env;
	d.page->w[1] = c.name;
	d.page->w[2] = c.domain;
	doer = worker(&d, SEAT, what);
	give(&d, 20, doer);
	give(&c, 40, env);
	must(exo_env_stop(env, c.name));
	me.frame = shared_ppn;
	me.frame_slot = self->memory_slot;
	mine = row(self->env)->ticks;
	since = EXO_MACHINE->ticks;
	EQ(lock_take(&shared->lock, &me, since + ticks), want);
	mine = row(self->env)->ticks - mine;
	OK(EXO_MACHINE->ticks - since < 150);
	OK(row(self->env)->checks > checks);
	OK(mine < 5);
	if (want >= 0) {
		EQ(me.upcall->critical, 1);
		lock_leave(&shared->lock, &me);
	}
	EQ(me.upcall->critical, 0);
	d.page->w[W_STOP] = 1;
	cell_end(&d);
	cell_end(&c);
}

/* Busy for ten ticks, in slices of its own. */
static void
in_while(struct cell_page *p)
{
	uint64_t since = EXO_MACHINE->ticks;

	while (EXO_MACHINE->ticks - since < 10)
		p->w[W_COUNT]++;
}

static uint64_t
in_kill_env(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	in_while(p);
	(void)!exo_env_kill(p->w[0], (exo_slot)p->w[1], 1);
	return in_spin(p, a, b, c);
}

static uint64_t
in_kill_domain(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	in_while(p);
	(void)!exo_domain_kill(p->w[2], (exo_slot)p->w[1], 1);
	return in_spin(p, a, b, c);
}

static uint64_t
in_release(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	in_while(p);
	__atomic_store_n(&shared_of(p)->lock.word, 0, __ATOMIC_RELEASE);
	return in_spin(p, a, b, c);
}

TEST(waiter_sleeps_until_it_is_free_or_its_holder_dead_or_time_is_up)
{
	asleep(in_release, 400, 0);
	asleep(in_kill_env, 400, LOCK_OWNER_DIED);
	asleep(in_kill_domain, 400, LOCK_OWNER_DIED);
	asleep(in_spin, 20, -EXO_E_BUSY);
}

TEST(sleeper_lends_its_turns_to_a_holder_without_slices)
{
	struct cell c;
	exo_id env;

	begin();
	member(&c);
	c.page->w[W_STAY] = 4 * GRACE;	/* more than one turn */
	env = worker(&c, SEAT, in_once);
	OK(cell_run(&c, env, &c.page->w[W_IN], 1));
	give(&c, 20, worker(&c, SEAT + 1, in_spin));
	me.run = c.name;
	me.frame = shared_ppn;
	me.frame_slot = self->memory_slot;
	EQ(lock_take(&shared->lock, &me, EXO_MACHINE->ticks + 400), 0);
	lock_leave(&shared->lock, &me);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	cell_end(&c);
}

/* -------------------------------------------------------------- nesting */

TEST(locks_nest)
{
	begin();
	EQ(lock_take(&shared->lock, &me, 0), 0);
	EQ(lock_take(&shared->other, &me, 0), 0);
	EQ(me.upcall->critical, 2);
	EQ(lock_take(&shared->lock, &me, LOCK_FOREVER), -EXO_E_LOOP);
	EQ(me.upcall->critical, 2);
	me.upcall->ended = 1;			/* as if the slice had */
	lock_leave(&shared->lock, &me);
	EQ(me.upcall->critical, 1);
	EQ(me.upcall->ended, 1);
	EQ(shared->lock.word, 0);
	OK(names(shared->other.word, self->env));
	lock_leave(&shared->other, &me);
	EQ(me.upcall->critical, 0);
	EQ(me.upcall->ended, 0);
}

/* An upcall takes one between any two instructions of a section. */
static bool
in_upcall(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_LOOP);
	EQ(lock_take(&shared->other, &me, 0), 0);
	EQ(me.upcall->critical, 2);
	lock_leave(&shared->other, &me);
	r->rip += 2;
	return true;
}

TEST(upcall_in_a_section_takes_another)
{
	upcall_fn old = upcall_set(EXO_K_TRAP + TRAP_OPCODE, in_upcall);

	begin();
	EQ(lock_take(&shared->lock, &me, 0), 0);
	__asm__ volatile("ud2" : : : "memory");
	EQ(me.upcall->critical, 1);
	lock_leave(&shared->lock, &me);
	EQ(me.upcall->critical, 0);
	upcall_set(EXO_K_TRAP + TRAP_OPCODE, old);
}

/* --------------------------------------------------------------- guests */

/* A client that is in s, with the lock; s's seat for it is SEAT. */
static exo_id
guest_make(struct cell *c, struct cell *s)
{
	exo_id env;

	cell_make(c, NULL);
	member(s);
	env = cell_env_make(c);
	must(cell_bind(s, SEAT, env, cell_service_entry, NULL));
	cell_link(s, SEAT, 0, c, 0);
	locker_set(s, SEAT, env);
	s->page->w[W_WAIT] = 1;
	c->page->w[0] = (uint64_t)in_once;
	c->page->w[1] = SEAT;
	must(cell_env_begin(c, env, SEAT, in_call, 0));
	OK(cell_run(c, env, &s->page->w[W_IN], 1));
	return env;
}

TEST(guest_that_is_pulled_home_has_left_its_locks_to_the_server)
{
	struct cell c, s;
	exo_id env;

	begin();
	env = guest_make(&c, &s);
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
	must(exo_env_stop(env, c.name));
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(row(env)->where, EXO_INDEX(c.domain));
	have(LOCK_OWNER_DIED);
	cell_end(&c);
	cell_end(&s);
}

/* The same, and whoever waits for it sleeps. */
TEST(sleeper_sees_a_guest_pulled_home)
{
	uint64_t since, checks = row(self->env)->checks;
	struct cell c, s;
	exo_id env;

	begin();
	env = guest_make(&c, &s);
	give(&c, 20, env);
	must(exo_env_stop(env, c.name));
	me.frame = shared_ppn;
	me.frame_slot = self->memory_slot;
	since = EXO_MACHINE->ticks;
	EQ(lock_take(&shared->lock, &me, since + 100), LOCK_OWNER_DIED);
	OK(EXO_MACHINE->ticks - since < 50);
	OK(row(self->env)->checks > checks);
	lock_consistent(&shared->lock);
	lock_leave(&shared->lock, &me);
	cell_end(&c);
	cell_end(&s);
}

TEST(guest_of_a_server_that_died_has_lost_its_locks)
{
	struct cell c, s;

	begin();
	(void)guest_make(&c, &s);
	must(exo_domain_kill(s.domain, s.name, 1));
	have(LOCK_OWNER_DIED);
	cell_end(&s);
	cell_end(&c);
}

TEST(holder_that_calls_out_from_home_keeps_it)
{
	struct cell c, s;
	exo_id env;

	begin();
	member(&c);
	cell_make(&s, NULL);
	env = cell_env_make(&c);
	must(cell_bind(&s, SEAT, env, cell_service_entry, NULL));
	cell_link(&s, SEAT, 0, &c, 0);
	locker_set(&c, SEAT, env);
	c.page->w[0] = (uint64_t)in_wait;
	must(cell_env_begin(&c, env, SEAT, in_call_out, SEAT));
	OK(cell_run(&c, env, &s.page->w[W_IN], 1));
	EQ(row(env)->where, EXO_INDEX(s.domain));
	EQ(lock_take(&shared->lock, &me, 0), -EXO_E_BUSY);
	s.page->w[W_STOP] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[W_DONE], 1);
	have(0);
	cell_end(&c);
	cell_end(&s);
}

static uint64_t
in_who(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)a, (void)b, (void)c;
	p->w[1] = (uint64_t)exo_call(0, 0, 0, 0, 0, 0, &r);
	p->w[0] = r;
	return 0x55;
}

/* Who is a guest here is told who he is: by the kernel, in the seat's frame. */
static uint64_t
who(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
	struct locker l = lock_me();

	(void)badge, (void)a, (void)b, (void)c, (void)d, (void)e;
	OK(l.domain == self->domain);
	OK(l.upcall == (struct exo_upcall *)SEAT_UPCALL(1));
	/* Where it is was not published since it came. */
	EQ(lock_take(&shared->lock, &l, 0), 0);
	EQ(lock_take(&shared->lock, &l, 0), -EXO_E_LOOP);
	lock_leave(&shared->lock, &l);
	return l.env;
}
SERVICE(who);

TEST(seats_know_whom_they_are_for)
{
	struct cell c;
	exo_id env;

	begin();
	cell_make(&c, NULL);
	env = cell_env_make(&c);
	must(seat_make(1, env, who_entry));
	must(exo_handle_open(c.domain, c.name, 0, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 1, 0, c.domain,
	    0));
	must(cell_env_begin(&c, env, SEAT, in_who, 0));
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ((long)c.page->w[1], EXO_K_REPLY);
	EQ(c.page->w[0], env);
	must(exo_seat_free(self->domain, self->domain_slot, 1));
	cell_end(&c);
}
