/*
 * death.c - callees, callers, homes and envs that die, hang or are stopped
 * while they are bound to others.
 */
#include "cell.h"

#define GRACE	EXO_MACHINE->grace_ticks

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

static uint32_t
dom_state(const struct cell *c)
{
	return EXO_DOMAINS[EXO_INDEX(c->domain)].state;
}

/* ------------------------------------------------------------- what they do */

static uint64_t
in_seven(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[1]++;
	return 7;
}

static uint64_t
in_hang(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[1] = 1;
	while (p->w[2] == 0)
		__asm__ volatile("pause");
	return 8;
}

/* Kill a domain, then yield for its death to be met, then go on. */
static uint64_t
in_kill(struct cell_page *p, uint64_t dom, uint64_t slot, uint64_t c)
{
	(void)c;
	p->w[0] = (uint64_t)exo_domain_kill(dom, (exo_slot)slot, 4);
	p->w[1]++;
	return 9;
}

static uint64_t
in_double_fault(struct cell_page *p, uint64_t off, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	p->w[1]++;
	((struct exo_upcall *)off)->off = 1;
	__asm__ volatile("ud2");
	return 1;
}

/* Call place 0 for fn(a, b), keep what came of it. */
static uint64_t
in_client(struct cell_page *p, uint64_t fn, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)b, (void)c;
	p->w[10] = 1;
	p->w[11] = (uint64_t)exo_call(0, fn, 0, 0, 0, 0, &r);
	p->w[12] = r;
	p->w[10] = 2;
	return 0x55;
}

/* Pass on by place 0 until depth 0, where fn(a, b) is done. */
static uint64_t
in_pass(struct cell_page *p, uint64_t depth, uint64_t fn, uint64_t a)
{
	uint64_t r = 0;

	if (depth == 0)
		return ((cell_fn)fn)(p, a, EXO_START_SLOT_ROOT, 0);
	p->w[11] = (uint64_t)exo_call(0, (uint64_t)in_pass, depth - 1, fn, a,
	    0, &r);
	return r;
}

/* A client cell with an env that calls server s by seat 2 there. */
static exo_id
client_of(struct cell *c, struct cell *s, cell_fn fn)
{
	exo_id env = cell_env_make(c);

	must(cell_bind(s, 2, env, cell_service_entry, NULL));
	cell_link(s, 2, 0, c, 0);
	must(cell_env_begin(c, env, 2, in_client, (uint64_t)fn));
	return env;
}

/* ------------------------------------------------------- callees that die */

TEST(callee_that_ends_itself_gives_its_caller_gone)
{
	struct cell c;

	cell_make(&c, NULL);
	EQ((long)cell_call(&c, in_kill, c.domain, c.name, 0), -EXO_E_GONE);
	EQ(dom_state(&c), EXO_DOM_DEAD);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].cause, EXO_CAUSE_EXIT);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].exit_word, 4);
	EQ(exo_reply(0), -EXO_E_DEPTH);
	cell_reap(&c);
}

/* The service lets an env of another domain run, which kills it. */
static uint64_t
in_let(struct cell_page *p, uint64_t env, uint64_t slot, uint64_t c)
{
	(void)c;
	for (uint32_t i = 0; i < 1000; i++)
		(void)!exo_env_yield(env, (exo_slot)slot, EXO_NONE);
	p->w[5] = 1;
	return 1;
}

static uint64_t
in_killer(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_domain_kill(p->w[20], (exo_slot)p->w[21], 5);
	return 0;
}

TEST(callee_that_another_kills_gives_its_caller_gone)
{
	struct cell c, k;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&k, NULL);
	k.page->w[20] = c.domain;
	k.page->w[21] = c.name;
	env = cell_env(&k, 2, in_killer, 0);
	EQ((long)cell_call(&c, in_let, env, k.name, 0), -EXO_E_GONE);
	EQ(c.page->w[5], 0);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].cause, EXO_CAUSE_KILL);
	cell_end(&k);
	cell_reap(&c);
}

TEST(callee_that_double_faults_gives_gone_and_is_abandoned)
{
	struct cell c;
	const struct exo_regs *r;
	uint64_t at;

	cell_make(&c, NULL);
	EQ((long)cell_call(&c, in_double_fault, c.base +
	    CELL_UPCALL(CELL_SEAT), 0, 0), -EXO_E_GONE);
	EQ(c.page->w[1], 1);
	EQ(dom_state(&c), EXO_DOM_LIVE);
	/* Until it is repaired nobody enters, not even its own env. */
	EQ((long)cell_call(&c, in_seven, 0, 0, 0), -EXO_E_BUSY);
	REFUSED(exo_seat_repair(c.domain, c.name, 2), STATE);
	at = (uint64_t)must(exo_seat_repair(c.domain, c.name, CELL_SEAT));
	EQ(at & ~(EXO_PAGE - 1), c.base + CELL_UPCALL(CELL_SEAT));
	r = (const struct exo_regs *)at;
	EQ(*(const uint16_t *)r->rip, 0x0b0f);		/* UD2 */
	EQ(r->rsp & ~(EXO_PAGE - 1), c.base + CELL_STACK(CELL_SEAT));
	REFUSED(exo_seat_repair(c.domain, c.name, CELL_SEAT), STATE);
	((struct exo_upcall *)(c.base + CELL_UPCALL(CELL_SEAT)))->off = 0;
	EQ(cell_call(&c, in_seven, 0, 0, 0), 7);
	cell_end(&c);
}

/* ------------------------------------------------------ callees that hang */

/* Else a server could keep its client's env alive, and with it its account. */
TEST(env_in_a_hanging_callee_is_killed_after_the_grace)
{
	struct cell c, s;
	const struct exo_regs *r;
	uint64_t at, since, pulled = EXO_COUNTERS->pulled_home;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	since = EXO_MACHINE->ticks;
	EQ(exo_env_kill(env, c.name, 0xdead), 0);
	EQ(row(env)->pending, EXO_PEND_KILL);
	EQ(row(env)->state, EXO_ENV_READY);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	OK(EXO_MACHINE->ticks - since >= GRACE);
	OK(EXO_MACHINE->ticks - since <= 3 * GRACE);
	EQ(EXO_COUNTERS->pulled_home - pulled, 1);
	EQ(row(env)->cause, EXO_CAUSE_KILL);
	EQ(row(env)->exit_word, 0xdead);
	EQ(row(env)->pending, 0);
	EQ(c.page->w[10], 1);		/* it never saw its home again */
	at = (uint64_t)must(exo_seat_repair(s.domain, s.name, 2));
	EQ(at & ~(EXO_PAGE - 1), s.base + CELL_UPCALL(2));
	r = (const struct exo_regs *)at;
	OK(r->rip >= (uint64_t)in_hang && r->rip < (uint64_t)in_hang + 64);
	EQ(r->cs, 0x2b);
	cell_end(&c);
	cell_end(&s);
}

/* Nobody runs it: the clock finds it all the same. */
TEST(hanging_env_that_nobody_runs_is_pulled_home_too)
{
	struct cell c, s;
	uint64_t since;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_kill(env, c.name, 1), 0);
	since = EXO_MACHINE->ticks;
	while (row(env)->state != EXO_ENV_DEAD &&
	    EXO_MACHINE->ticks - since < 1000)
		;
	EQ(row(env)->state, EXO_ENV_DEAD);
	cell_end(&c);
	cell_end(&s);
}

/* It leaves in time: nothing is abandoned. */
TEST(kill_waits_for_the_reply_within_the_grace)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_kill(env, c.name, 0xdead), 0);
	s.page->w[2] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[10], 1);
	EQ(row(env)->exit_word, 0xdead);
	REFUSED(exo_seat_repair(s.domain, s.name, 2), STATE);
	EQ(exo_seat_free(s.domain, s.name, 2), 0);
	cell_end(&c);
	cell_end(&s);
}

TEST(stop_waits_and_the_reply_is_there_when_it_goes_on)
{
	struct cell c, s;
	struct exo_regs r;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_stop(env, c.name), 0);
	EQ(row(env)->pending, EXO_PEND_STOP);
	EQ(exo_env_regs(env, c.name, (uint64_t)&r), -EXO_E_STATE);
	s.page->w[2] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(c.page->w[10], 1);
	EQ(exo_env_regs(env, c.name, (uint64_t)&r), 0);
	EQ(r.rax, EXO_K_REPLY);
	EQ(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY, 0), 0);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[11], EXO_K_REPLY);
	EQ(c.page->w[12], 8);
	cell_end(&c);
	cell_end(&s);
}

TEST(stopped_in_a_hanging_callee_it_comes_back_with_gone)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_stop(env, c.name), 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(row(env)->where, EXO_INDEX(c.domain));
	EQ(row(env)->depth, 0);
	EQ(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY, 0), 0);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[10], 2);
	EQ(c.page->w[11], -EXO_E_GONE);
	EQ(row(env)->exit_word, 0x55);
	OK(exo_seat_repair(s.domain, s.name, 2) > 0);
	cell_end(&c);
	cell_end(&s);
}

TEST(forced_yield_waits_too)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_force_yield(env, c.name), 0);
	EQ(row(env)->pending, EXO_PEND_YIELD);
	s.page->w[2] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[11], EXO_K_REPLY);
	EQ(row(env)->pending, 0);
	cell_end(&c);
	cell_end(&s);
}

/* Kill, stop and yield at once: the kill is what counts. */
TEST(kill_wins_over_stop_and_yield)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_force_yield(env, c.name), 0);
	EQ(exo_env_stop(env, c.name), 0);
	EQ(exo_env_kill(env, c.name, 3), 0);
	EQ(row(env)->pending, EXO_PEND_KILL | EXO_PEND_STOP | EXO_PEND_YIELD);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->exit_word, 3);
	cell_end(&c);
	cell_end(&s);
}

/* A server that stalls what it was lent helps no one: who has a handle to the
 * server may run the env while it is there, and no longer. */
TEST(holder_of_a_handle_may_run_an_env_that_is_there)
{
	struct cell c, s;
	uint64_t h;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	h = s.handle;
	REFUSED(exo_env_yield(env, 95, EXO_NONE), SLOT);
	REFUSED(exo_env_yield(env, s.name, EXO_NONE), DENIED);
	REFUSED(exo_env_yield(env, 0, h), DENIED);	/* it is at home */
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_yield(env, 95, h), 0);
	REFUSED(exo_env_yield(env, 95, 31), SLOT);
	s.page->w[2] = 1;
	for (uint32_t i = 0; i < 1000 && c.page->w[10] != 2; i++)
		(void)!exo_env_yield(env, 95, h);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	OK(exo_env_yield(env, 95, h) < 0);
	cell_end(&c);
	cell_end(&s);
}

/* ----------------------------------------------------- chains of several */

struct chain {
	struct cell c, s[3];
	exo_id env;
};

/* c calls s[0], which calls s[1], which calls s[2], where fn(a) is done. */
static void
chain_make(struct chain *t, cell_fn fn, uint64_t a)
{
	cell_make(&t->c, NULL);
	t->env = cell_env_make(&t->c);
	for (uint32_t i = 0; i < 3; i++) {
		cell_make(&t->s[i], NULL);
		must(cell_bind(&t->s[i], 2, t->env, cell_service_entry,
		    NULL));
		cell_link(&t->s[i], 2, i, i == 0 ? &t->c : &t->s[i - 1], 0);
	}
	must(cell_env_begin(&t->c, t->env, 2, in_client, (uint64_t)in_pass));
	/* in_client passes no arguments on: they are in the first page. */
	t->s[0].page->w[30] = (uint64_t)fn;
	t->s[0].page->w[31] = a;
}

static uint64_t
in_start_pass(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	return in_pass(p, 2, p->w[30], p->w[31]);
}

static void
chain_begin(struct chain *t, cell_fn fn, uint64_t a)
{
	chain_make(t, fn, a);
	*(uint64_t *)(t->c.base + CELL_STACK(2) + 8) =
	    (uint64_t)in_start_pass;
}

static void
chain_end(struct chain *t)
{
	cell_end(&t->c);
	for (uint32_t i = 0; i < 3; i++)
		cell_end(&t->s[i]);
}

TEST(chain_of_three_comes_back)
{
	static struct chain t;

	chain_begin(&t, in_seven, 0);
	OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
	EQ(t.c.page->w[11], EXO_K_REPLY);
	EQ(t.c.page->w[12], 7);
	EQ(t.s[2].page->w[1], 1);
	chain_end(&t);
}

TEST(env_killed_three_calls_deep_leaves_three_seats_to_repair)
{
	static struct chain t;
	const struct exo_regs *r;

	chain_begin(&t, in_hang, 0);
	OK(cell_run(&t.c, t.env, &t.s[2].page->w[1], 1));
	EQ(row(t.env)->depth, 3);
	EQ(row(t.env)->where, EXO_INDEX(t.s[2].domain));
	EQ(exo_env_kill(t.env, t.c.name, 0), 0);
	OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
	for (uint32_t i = 0; i < 3; i++) {
		uint64_t at = (uint64_t)must(exo_seat_repair(t.s[i].domain,
		    t.s[i].name, 2));

		EQ(at & ~(EXO_PAGE - 1), t.s[i].base + CELL_UPCALL(2));
		r = (const struct exo_regs *)at;
		/* AWAY: where its call would have come back to. */
		if (i < 2)
			EQ(*(const uint16_t *)(r->rip - 2), 0x050f);
		EQ(r->rsp & ~(EXO_PAGE - 1), t.s[i].base + CELL_STACK(2));
		/* Whole again: another binding works. */
		EQ(exo_seat_free(t.s[i].domain, t.s[i].name, 2), 0);
		EQ(cell_call(&t.s[i], in_seven, 0, 0, 0), 7);
	}
	chain_end(&t);
}

/* Half a chain of hostages: the one in the middle dies, and those below it
 * hear of it and live on. */
TEST(caller_in_the_middle_that_dies_does_not_take_others_along)
{
	static struct chain t;


	chain_begin(&t, in_kill, 0);
	t.s[0].page->w[31] = t.s[1].domain;	/* killed by s[2] */
	OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
	EQ(t.s[2].page->w[0], 0);
	EQ(dom_state(&t.s[1]), EXO_DOM_DEAD);
	EQ(t.s[1].page->w[11], 0);		/* never came back there */
	EQ(t.s[0].page->w[11], -EXO_E_GONE);
	EQ(t.c.page->w[11], EXO_K_REPLY);
	EQ(row(t.env)->exit_word, 0x55);
	/* And the seats that it left are free. */
	EQ(exo_seat_free(t.s[0].domain, t.s[0].name, 2), 0);
	EQ(exo_seat_free(t.s[2].domain, t.s[2].name, 2), 0);
	chain_end(&t);
}

TEST(all_callers_but_home_die)
{
	static struct chain t;

	chain_begin(&t, in_hang, 0);
	OK(cell_run(&t.c, t.env, &t.s[2].page->w[1], 1));
	EQ(exo_domain_kill(t.s[0].domain, t.s[0].name, 0), 0);
	EQ(exo_domain_kill(t.s[1].domain, t.s[1].name, 0), 0);
	t.s[2].page->w[2] = 1;
	OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
	EQ(t.c.page->w[11], -EXO_E_GONE);
	EQ(row(t.env)->exit_word, 0x55);
	chain_end(&t);
}

/* The same after they have been reaped, so that their seats are not even
 * records any more. */
TEST(callers_that_die_and_are_reaped_are_skipped)
{
	static struct chain t;
	long r;

	chain_begin(&t, in_hang, 0);
	OK(cell_run(&t.c, t.env, &t.s[2].page->w[1], 1));
	for (uint32_t i = 0; i < 2; i++) {
		EQ(exo_domain_kill(t.s[i].domain, t.s[i].name, 0), 0);
		do
			r = exo_domain_reap(t.s[i].domain, 7);
		while (r > 0);
		EQ(r, 0);
		EQ(exo_domain_free(t.s[i].domain, t.s[i].name), 0);
	}
	t.s[2].page->w[2] = 1;
	OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
	EQ(t.c.page->w[11], -EXO_E_GONE);
	chain_end(&t);
}

/* -------------------------------------------------------- homes that die */

TEST(env_away_dies_when_it_comes_back_to_a_dead_home)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	EQ(row(env)->state, EXO_ENV_READY);	/* the server is not hurt */
	s.page->w[2] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	EQ(c.page->w[10], 1);
	EQ(exo_seat_free(s.domain, s.name, 2), 0);
	cell_reap(&c);
	cell_end(&s);
}

/* The home is gone with its record, and the server never replies. */
TEST(env_away_from_a_dead_home_dies_at_the_end_of_the_grace)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	while (exo_domain_reap(c.domain, 3) > 0)
		;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	OK(exo_seat_repair(s.domain, s.name, 2) > 0);
	EQ(exo_seat_free(s.domain, s.name, 2), 0);
	cell_reap(&c);
	cell_end(&s);
}

/* Dead but not yet reaped, and something else was asked for. */
TEST(env_pulled_to_a_dead_home_does_not_stop_there)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_stop(env, c.name), 0);
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	OK(exo_seat_repair(s.domain, s.name, 2) > 0);
	cell_reap(&c);
	cell_end(&s);
}

/* It moved: the old home's death is nothing to it. */
static uint64_t
in_move(struct cell_page *p, uint64_t fn, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	return (uint64_t)exo_enter(0, fn, 0, 0, 0, 0);
}

static uint64_t
in_new_home(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[1] = 1;
	while (p->w[2] == 0)
		__asm__ volatile("pause");
	return (uint64_t)exo_env_exit(0x66);
}

TEST(env_that_moved_outlives_its_old_home)
{
	struct cell a, b;
	exo_id env;

	cell_make(&a, NULL);
	cell_make(&b, NULL);
	env = cell_env_make(&a);
	must(cell_bind(&b, 2, env, cell_service_entry, NULL));
	cell_link(&b, 2, 0, &a, 0);
	must(cell_env_begin(&a, env, 2, in_move, (uint64_t)in_new_home));
	OK(cell_run(&a, env, &b.page->w[1], 1));
	EQ(exo_domain_kill(a.domain, a.name, 0), 0);
	while (exo_domain_reap(a.domain, 9) > 0)
		;
	b.page->w[2] = 1;
	OK(cell_run_state(&a, env, EXO_ENV_DEAD));
	EQ(row(env)->cause, EXO_CAUSE_EXIT);
	EQ(row(env)->exit_word, 0x66);
	cell_reap(&a);
	cell_end(&b);
}

TEST(env_at_home_dies_with_its_home)
{
	struct cell c;
	exo_id env;
	uint64_t deaths = EXO_MACHINE->deaths;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_hang, 0);
	OK(cell_run(&c, env, &c.page->w[1], 1));
	EQ(exo_domain_kill(c.domain, c.name, 0x99), 0);
	(void)!exo_env_yield(env, c.name, EXO_NONE);
	while (exo_domain_reap(c.domain, EXO_STEPS_MAX) > 0)
		;
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].exit_word, 0x99);
	EQ(EXO_MACHINE->deaths - deaths, 2);
	cell_reap(&c);
}

/* ------------------------------------------------ envs in every state die */

TEST(envs_die_in_every_state)
{
	struct cell c;
	exo_id env[4];

	cell_make(&c, NULL);
	env[0] = cell_env_make(&c);			/* an embryo */
	env[1] = cell_env(&c, 2, in_hang, 0);		/* ready */
	env[2] = cell_env(&c, 3, in_hang, 0);		/* stopped */
	EQ(exo_env_stop(env[2], c.name), 0);
	EQ(row(env[2])->state, EXO_ENV_STOPPED);
	for (uint32_t i = 0; i < 3; i++) {
		EQ(exo_env_kill(env[i], c.name, i), 0);
		EQ(row(env[i])->state, EXO_ENV_DEAD);
		EQ(row(env[i])->exit_word, i);
		REFUSED(exo_env_kill(env[i], c.name, i), STATE);
		REFUSED(exo_env_stop(env[i], c.name), STATE);
		REFUSED(exo_env_yield(env[i], c.name, EXO_NONE), STATE);
		REFUSED(exo_env_free(env[i], c.name), STATE);
		OK(exo_env_reap(env[i], 8) >= 0);
		if (row(env[i])->state == EXO_ENV_DEAD)
			EQ(exo_env_reap(env[i], 8), 0);
		EQ(row(env[i])->state, EXO_ENV_ENDED);
		EQ(exo_env_free(env[i], c.name), 0);
		REFUSED(exo_env_free(env[i], c.name), NAME);
		REFUSED(exo_env_yield(env[i], c.name, EXO_NONE), NAME);
	}
	/* Their seats are free again. */
	EQ(exo_seat_free(c.domain, c.name, 2), 0);
	EQ(exo_seat_free(c.domain, c.name, 3), 0);
	cell_end(&c);
}

static uint64_t
in_suicide(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = 1;
	(void)!exo_env_kill(p->w[20], (exo_slot)p->w[21], 0x5e1f);
	p->w[0] = 2;
	return 0;
}

TEST(env_that_kills_itself_is_dead_at_once)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_suicide, 0);
	c.page->w[20] = env;
	c.page->w[21] = c.name;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->w[0], 1);
	EQ(row(env)->exit_word, 0x5e1f);
	cell_end(&c);
}

/* Its name is used up: else who had it would reach the next one. */
TEST(names_of_the_dead_fit_nobody_else)
{
	struct cell c;
	exo_id env, again;
	exo_ppn frame = row(self->env)->frame, record;
	exo_id dom;

	cell_make(&c, NULL);
	env = cell_env_make(&c);
	frame = row(env)->frame;
	EQ(exo_env_kill(env, c.name, 0), 0);
	while (row(env)->state == EXO_ENV_DEAD)
		(void)!exo_env_reap(env, 8);
	EQ(exo_env_free(env, c.name), 0);
	again = (exo_id)must(exo_env_create(c.acct, c.name, c.name,
	    EXO_INDEX(env), frame));
	EQ(EXO_INDEX(again), EXO_INDEX(env));
	OK(again != env);
	REFUSED(exo_env_kill(env, c.name, 0), NAME);
	REFUSED(exo_env_kill(env, EXO_START_SLOT_ROOT, 0), NAME);

	must(vm_pages(c.acct, c.name, c.name, EXO_PG_DOMAIN, 1, &record));
	dom = (exo_id)must(exo_domain_create(c.acct, c.name, c.name, EXO_NONE,
	    record, EXO_DOMAINS[EXO_INDEX(self->domain)].root));
	EQ(exo_domain_kill(dom, c.name, 0), 0);
	while (exo_domain_reap(dom, 8) > 0)
		;
	EQ(exo_domain_free(dom, c.name), 0);
	REFUSED(exo_domain_kill(dom, EXO_START_SLOT_ROOT, 0), NAME);
	cell_end(&c);
}

/* ----------------------------------------------- handlers of monitors */

void h_entry(void);
void h_hang(struct cell_page *p);
__asm__(".pushsection .text\n"
	"h_entry:\n"
	"	mov %rsi, %rdi\n"
	"	and $-0x20000, %rdi\n"
	"	and $-16, %rsp\n"
	"	call h_hang\n"
	"	ud2\n"
	".popsection\n");

void
h_hang(struct cell_page *p)
{
	p->w[1] = 1;
	while (p->w[2] == 0)
		__asm__ volatile("pause");
	__asm__ volatile("ud2");
}

static uint64_t
in_foreign(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_raw1(39, 0x1d);
	p->w[1] = 1;
	return 0x55;
}

/* c's foreign calls enter h's seat 2 by c's own row. */
static exo_id
trapped(struct cell *c, struct cell *h)
{
	exo_id env;

	must(exo_domain_row(c->domain, c->name, EXO_CLASS_FOREIGN,
	    EXO_ACT_ENTER));
	env = cell_env(c, 2, in_foreign, 0);
	must(cell_bind(h, 2, env, h_entry, NULL));
	must(exo_handle_open(h->domain, h->name, 7, self->domain));
	must(exo_handle_mint(h->domain, h->name, 2, 0, h->domain, 7));
	must(cell_do(h, EXO_NR_seat_handler, c->domain, c->name, 2,
	    EXO_ROW_OWN, 7, 0));
	return env;
}

/* Its registers were with the handler; the kernel has its own copy. */
TEST(env_stopped_in_a_hanging_handler_is_back_at_its_trap)
{
	struct cell c, h;
	struct exo_regs r;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&h, NULL);
	env = trapped(&c, &h);
	OK(cell_run(&c, env, &h.page->w[1], 1));
	EQ(exo_env_stop(env, c.name), 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(exo_env_regs(env, c.name, (uint64_t)&r), 0);
	EQ(r.rdi, 0x1d);
	EQ(*(const uint16_t *)r.rip, 0x050f);	/* the call, again */
	OK(exo_seat_repair(h.domain, h.name, 2) > 0);
	cell_end(&c);
	cell_end(&h);
}

TEST(env_killed_in_a_hanging_handler_dies)
{
	struct cell c, h;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&h, NULL);
	env = trapped(&c, &h);
	OK(cell_run(&c, env, &h.page->w[1], 1));
	EQ(exo_env_kill(env, c.name, 6), 0);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->exit_word, 6);
	OK(exo_seat_repair(h.domain, h.name, 2) > 0);
	cell_end(&c);
	cell_end(&h);
}

/* With the handler its client's registers are lost: nothing to go on with. */
TEST(env_whose_handler_dies_ends)
{
	struct cell c, h;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&h, NULL);
	env = trapped(&c, &h);
	OK(cell_run(&c, env, &h.page->w[1], 1));
	EQ(exo_domain_kill(h.domain, h.name, 0), 0);
	for (uint32_t i = 0; i < 100 && row(env)->state == EXO_ENV_READY; i++)
		(void)!exo_env_yield(env, c.name, EXO_NONE);
	OK(row(env)->state != EXO_ENV_READY);
	EQ(c.page->w[1], 0);
	cell_end(&c);
	cell_reap(&h);
}

TEST(home_of_a_trapped_env_dies_while_its_handler_hangs)
{
	struct cell c, h;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&h, NULL);
	env = trapped(&c, &h);
	OK(cell_run(&c, env, &h.page->w[1], 1));
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	while (exo_domain_reap(c.domain, 5) > 0)
		;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	OK(exo_seat_repair(h.domain, h.name, 2) > 0);
	cell_reap(&c);
	cell_end(&h);
}

/* Chains of calls and traps mixed: c calls s, which traps into h, which calls
 * t, which hangs. */
struct mixed {
	struct cell c, s, h, t;
	exo_id env;
};

void hc_entry(void);
void hc_call(struct cell_page *p);
__asm__(".pushsection .text\n"
	"hc_entry:\n"
	"	mov %rsi, %rdi\n"
	"	and $-0x20000, %rdi\n"
	"	and $-16, %rsp\n"
	"	call hc_call\n"
	"	ud2\n"
	".popsection\n");

void
hc_call(struct cell_page *p)
{
	p->w[1]++;
	p->w[11] = (uint64_t)exo_call(0, (uint64_t)in_hang, 0, 0, 0, 0, NULL);
	p->w[12] = 1;
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	__asm__ volatile("ud2");
}

static void
mixed_make(struct mixed *x)
{
	cell_make(&x->c, NULL);
	cell_make(&x->s, NULL);
	cell_make(&x->h, NULL);
	cell_make(&x->t, NULL);
	x->env = client_of(&x->c, &x->s, in_foreign);
	must(exo_domain_row(x->s.domain, x->s.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_ENTER));
	must(cell_bind(&x->h, 2, x->env, hc_entry, NULL));
	must(exo_handle_open(x->h.domain, x->h.name, 7, self->domain));
	must(exo_handle_mint(x->h.domain, x->h.name, 2, 0, x->h.domain, 7));
	must(cell_do(&x->h, EXO_NR_seat_handler, x->s.domain, x->s.name, 2,
	    EXO_ROW_OWN, 7, 0));
	must(cell_bind(&x->t, 2, x->env, cell_service_entry, NULL));
	cell_link(&x->t, 2, 0, &x->h, 0);
	OK(cell_run(&x->c, x->env, &x->t.page->w[1], 1));
	EQ(row(x->env)->depth, 3);
}

static void
mixed_end(struct mixed *x)
{
	cell_end(&x->c);
	cell_end(&x->s);
	cell_end(&x->h);
	cell_end(&x->t);
}

TEST(env_killed_in_a_chain_of_calls_and_traps)
{
	static struct mixed x;

	mixed_make(&x);
	EQ(exo_env_kill(x.env, x.c.name, 0), 0);
	OK(cell_run_state(&x.c, x.env, EXO_ENV_DEAD));
	OK(exo_seat_repair(x.s.domain, x.s.name, 2) > 0);
	OK(exo_seat_repair(x.h.domain, x.h.name, 2) > 0);
	OK(exo_seat_repair(x.t.domain, x.t.name, 2) > 0);
	EQ(x.c.page->w[10], 1);
	mixed_end(&x);
}

/* The handler's domain dies: what it held of s is lost, s's caller lives. */
TEST(handler_that_dies_in_the_middle_of_a_chain)
{
	static struct mixed x;

	mixed_make(&x);
	EQ(exo_domain_kill(x.h.domain, x.h.name, 0), 0);
	x.t.page->w[2] = 1;
	OK(cell_run_state(&x.c, x.env, EXO_ENV_DEAD));
	EQ(x.c.page->w[11], -EXO_E_GONE);
	EQ(row(x.env)->exit_word, 0x55);
	EQ(x.h.page->w[12], 0);
	OK(exo_seat_repair(x.s.domain, x.s.name, 2) > 0);
	EQ(exo_seat_free(x.t.domain, x.t.name, 2), 0);
	mixed_end(&x);
}

/* s, who trapped, dies; the handler is told when it is called back, and can't
 * resume what is not there. */
TEST(trapped_domain_that_dies_below_its_handler)
{
	static struct mixed x;

	mixed_make(&x);
	EQ(exo_domain_kill(x.s.domain, x.s.name, 0), 0);
	while (exo_domain_reap(x.s.domain, 9) > 0)
		;
	x.t.page->w[2] = 1;
	OK(cell_run(&x.c, x.env, &x.h.page->w[12], 1));
	EQ(x.h.page->w[11], EXO_K_REPLY);
	/* Its UD2 ends in cell_upcall, which replies: to c, who hears. */
	OK(cell_run_state(&x.c, x.env, EXO_ENV_DEAD));
	EQ(x.c.page->w[11], -EXO_E_GONE);
	mixed_end(&x);
}

/* Stopped by the server's monitor, which never answers: its own can end it. */
TEST(env_suspended_in_a_foreign_domain_can_be_killed)
{
	struct cell c, s, m;
	uint8_t *rows;
	volatile uint64_t *mask;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	cell_make(&m, NULL);
	rows = (uint8_t *)(m.page->w + 160);
	mask = m.page->w + 168;
	memset(rows, EXO_ACT_PASS, EXO_CLASSES);
	rows[EXO_CLASS_FOREIGN] = EXO_ACT_SUSPEND;
	mask[0] = mask[1] = ~0ull;
	EQ(cell_do(&m, EXO_NR_domain_monitor, s.domain, s.name,
	    (uint64_t)rows, (uint64_t)mask, 0, 0), 0);
	env = client_of(&c, &s, in_foreign);
	EQ(cell_do(&m, EXO_NR_env_event, env, c.name, m.frame[1], 0, m.name,
	    0), 0);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(row(env)->where, EXO_INDEX(s.domain));
	EQ(exo_env_stop(env, c.name), 0);
	EQ(exo_env_kill(env, c.name, 0x21), 0);
	EQ(row(env)->pending, EXO_PEND_STOP | EXO_PEND_KILL);
	while (row(env)->state == EXO_ENV_SUSPENDED)
		__asm__ volatile("pause");
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->exit_word, 0x21);
	OK(exo_seat_repair(s.domain, s.name, 2) > 0);
	EQ(EXO_PAGES[m.frame[1]].flags & EXO_PF_BOUND, EXO_PF_BOUND);
	while (row(env)->state == EXO_ENV_DEAD)
		(void)!exo_env_reap(env, 8);
	EQ(EXO_PAGES[m.frame[1]].flags & EXO_PF_BOUND, 0);
	cell_end(&c);
	cell_end(&s);
	cell_end(&m);
}

/* A server can't hold what it was lent by dying half-way: kill every party in
 * turn, at every depth; the env ends, or is at home with GONE. */
TEST(every_party_of_a_chain_dies_once)
{
	static struct chain t;

	for (uint32_t victim = 0; victim < 4; victim++) {
		struct cell *v;

		chain_begin(&t, in_hang, 0);
		OK(cell_run(&t.c, t.env, &t.s[2].page->w[1], 1));
		v = victim == 3 ? &t.c : &t.s[victim];
		EQ(exo_domain_kill(v->domain, v->name, victim), 0);
		if (victim & 1)
			while (exo_domain_reap(v->domain, 11) > 0)
				;
		t.s[2].page->w[2] = 1;
		OK(cell_run_state(&t.c, t.env, EXO_ENV_DEAD));
		if (victim == 3) {
			EQ(row(t.env)->cause, EXO_CAUSE_HOME);
		} else {
			EQ(row(t.env)->exit_word, 0x55);
			EQ(victim == 0 ? t.c.page->w[11] :
			    t.s[victim - 1].page->w[11], -EXO_E_GONE);
		}
		chain_end(&t);
	}
}
