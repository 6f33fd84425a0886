/*
 * slice.c - slices, yields, the end of a slice and what may hold it up.
 *
 * Times are in ticks as the kernel charges them to envs, so that a slow
 * emulator or a busy host does not matter.
 */
#include <castor/sleep.h>

#include "cell.h"

#define GRACE	EXO_MACHINE->grace_ticks

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

static struct exo_upcall *
head(struct cell *c, uint32_t seat)
{
	return (struct exo_upcall *)(c->base + CELL_UPCALL(seat));
}

/* Give a position to an env of a cell. */
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

static uint64_t
in_spin(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	while (p->w[9] == 0)
		p->w[a]++;
	return 0x55;
}

/* ------------------------------------------------------------ who runs */

TEST(hog_is_preempted)
{
	struct cell c;
	uint64_t since = EXO_MACHINE->ticks;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_spin, 0);
	/* Here again and again, though it never lets go. */
	while (c.page->w[0] == 0 && EXO_MACHINE->ticks - since < 500)
		EQ(exo_env_yield(env, c.name, EXO_NONE), 0);
	OK(c.page->w[0] > 0);
	EQ(row(env)->state, EXO_ENV_READY);
	cell_end(&c);
}

TEST(env_without_slices_runs_by_yields_only)
{
	struct cell c;
	uint64_t n, ticks;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_spin, 0);
	EQ(row(env)->slices, 0);
	wait_ticks(20);
	EQ(c.page->w[0], 0);
	EQ(row(env)->ticks, 0);
	while (c.page->w[0] == 0)
		EQ(exo_env_yield(env, c.name, EXO_NONE), 0);
	n = c.page->w[0];
	ticks = row(env)->ticks;
	wait_ticks(20);
	EQ(c.page->w[0], n);
	EQ(row(env)->ticks, ticks);
	cell_end(&c);
}

TEST(slices_share_the_cpu_by_their_number)
{
	struct cell c;
	uint64_t one, two, me;
	exo_id a, b;

	cell_make(&c, NULL);
	a = cell_env(&c, 2, in_spin, 2);
	b = cell_env(&c, 3, in_spin, 3);
	give(&c, 10, a);
	give(&c, 20, b);
	give(&c, 30, b);
	give(&c, 255, b);
	EQ(row(a)->slices, 1);
	EQ(row(b)->slices, 3);
	EQ(EXO_SLICES[20].env, EXO_INDEX(b));
	EQ(EXO_SLICES[20].env_gen, EXO_GEN(b));
	EQ(EXO_SLICES[20].account, EXO_INDEX(c.acct));
	one = row(a)->ticks;
	two = row(b)->ticks;
	me = row(self->env)->ticks;
	wait_ticks(100);
	one = row(a)->ticks - one;
	two = row(b)->ticks - two;
	me = row(self->env)->ticks - me;
	/* One revolution: a, b, b, b, and I. */
	OK(one >= 18 && one <= 22);
	OK(two >= 57 && two <= 63);
	OK(me >= 18 && me <= 22);
	if (one < 18 || two < 57)
		print("# %lu %lu %lu\n", one, two, me);
	OK(c.page->w[2] > 0);
	OK(c.page->w[3] > 0);
	cell_end(&c);
	for (uint32_t i = 10; i < 256; i++)
		EQ(EXO_SLICES[i].account, EXO_NONE);
}

TEST(slice_without_an_env_runs_nobody)
{
	struct cell c;
	uint64_t n;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_spin, 0);
	give(&c, 10, env);
	wait_ticks(10);
	EQ(exo_slice_set(c.name, 10, EXO_ID_ANY, 0), 0);
	EQ(row(env)->slices, 0);
	n = c.page->w[0];
	wait_ticks(10);
	EQ(c.page->w[0], n);
	EQ(exo_slice_set(c.name, 10, env, c.name), 0);
	wait_ticks(10);
	OK(c.page->w[0] > n);
	/* Given back while it runs there: the same. */
	EQ(exo_slice_free(c.name, 10), 0);
	EQ(row(env)->slices, 0);
	n = c.page->w[0];
	wait_ticks(10);
	EQ(c.page->w[0], n);
	cell_end(&c);
}

TEST(slices_are_their_holders)
{
	struct cell c, d;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&d, NULL);
	env = cell_env(&d, 2, in_spin, 0);
	EQ(exo_slice_alloc(c.acct, c.name, c.name, 7), 0);
	REFUSED(exo_slice_alloc(c.acct, c.name, c.name, 7), BUSY);
	REFUSED(exo_slice_alloc(d.acct, d.name, d.name, 7), BUSY);
	REFUSED(exo_slice_free(d.name, 7), DENIED);
	REFUSED(exo_slice_set(d.name, 7, env, d.name), DENIED);
	REFUSED(exo_slice_set(c.name, 7, env, c.name), DENIED);
	EQ(exo_slice_set(c.name, 7, env, d.name), 0);
	EQ(exo_env_kill(env, d.name, 0), 0);
	REFUSED(exo_slice_set(c.name, 7, env, d.name), STATE);
	while (row(env)->state == EXO_ENV_DEAD)
		(void)!exo_env_reap(env, 8);
	EQ(EXO_SLICES[7].env, EXO_NONE);
	EQ(EXO_SLICES[7].account, EXO_INDEX(c.acct));
	EQ(exo_slice_free(c.name, 7), 0);
	REFUSED(exo_slice_free(c.name, 7), TYPE);
	cell_end(&d);
	cell_end(&c);
}

/* Yielding all the time, it is charged nothing and hinders nobody. */
static uint64_t
in_yield(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	while (p->w[9] == 0) {
		p->w[a]++;
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
	return 0x55;
}

TEST(directed_yield_gives_what_is_left_of_the_slice)
{
	struct cell c;
	uint64_t switches;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_yield, 0);
	switches = EXO_COUNTERS->switches;
	for (uint32_t i = 0; i < 100; i++)
		EQ(exo_env_yield(env, c.name, EXO_NONE), 0);
	OK(c.page->w[0] >= 90);
	OK(EXO_COUNTERS->switches - switches >= 190);
	OK(row(env)->ticks < 50);
	cell_end(&c);
}

/*
 * What is left of a slice comes on top of the next one's own.  Else who works
 * through most of his slice and then yields would cut the next one short, and
 * not even be charged.
 */
TEST(slice_is_not_cut_short_by_who_yields_before_it)
{
	struct cell c;
	uint64_t its, mine;
	exo_id a, b;

	cell_make(&c, NULL);
	a = cell_env(&c, 2, in_yield, 2);
	b = cell_env(&c, 3, in_spin, 3);
	give(&c, 10, a);
	give(&c, 20, b);
	its = row(b)->ticks;
	mine = row(self->env)->ticks;
	wait_ticks(90);
	its = row(b)->ticks - its;
	mine = row(self->env)->ticks - mine;
	/* One revolution: what a leaves, b, and I. */
	OK(its >= 55 && mine <= 35);
	if (its < 55 || mine > 35)
		print("# %lu %lu\n", its, mine);
	cell_end(&c);
}

TEST(yield_to_anybody_comes_back)
{
	for (uint32_t i = 0; i < 10; i++)
		EQ(exo_env_yield(EXO_ID_ANY, 0, EXO_NONE), 0);
}

/* ------------------------------------------------------- critical sections */

/* In a critical section for a while; w[5] counts ticks seen inside. */
static uint64_t
in_critical(struct cell_page *p, uint64_t up, uint64_t b, uint64_t c)
{
	struct exo_upcall *u = (struct exo_upcall *)up;
	uint64_t since;

	(void)b, (void)c;
	since = EXO_MACHINE->ticks;
	while (EXO_MACHINE->ticks == since)	/* begin at a tick */
		;
	since = EXO_MACHINE->ticks;
	u->critical = 1;
	p->w[0] = 1;
	while (EXO_MACHINE->ticks - since < p->w[20])
		;
	p->w[5] = p->w[21];			/* the other's count so far */
	u->critical = 0;
	p->w[0] = 2;
	while (p->w[9] == 0)
		;
	return 0x55;
}

/* It holds the end of its slice up, and nobody else runs meanwhile. */
TEST(critical_section_holds_up_the_end_of_the_slice)
{
	struct cell c;
	uint64_t saw;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[20] = 2;
	env = cell_env(&c, 2, in_critical, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (c.page->w[0] == 0)
		c.page->w[21]++;
	saw = c.page->w[21];
	EQ(head(&c, 2)->ended, 1);		/* and the domain is told */
	OK(cell_run(&c, env, &c.page->w[0], 2));
	OK(saw - c.page->w[5] <= 1);		/* read, then counted */
	EQ(head(&c, 2)->overstayed, 0);
	cell_end(&c);
}

TEST(overrun_is_charged_to_later_slices)
{
	struct cell c;
	uint64_t since, mine, its;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[20] = GRACE / 2;
	env = cell_env(&c, 2, in_critical, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (c.page->w[0] != 2)
		;
	since = EXO_MACHINE->ticks;
	/* It had about half the grace too much; now it does without. */
	mine = row(self->env)->ticks;
	its = row(env)->ticks;
	while (EXO_SLICES[10].overrun != 0 && EXO_MACHINE->ticks - since < 100)
		;
	mine = row(self->env)->ticks - mine;
	its = row(env)->ticks - its;
	EQ(EXO_SLICES[10].overrun, 0);
	OK(mine >= its + GRACE / 2 - 3);
	if (mine < its + GRACE / 2 - 3)
		print("# mine %lu, its %lu\n", mine, its);
	cell_end(&c);
}

/* For ever: the grace ends, it is counted, and costs more than it gained. */
TEST(overstaying_is_bounded_counted_and_punished)
{
	struct cell c;
	uint64_t since, longest = 0, last, mine, its;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[20] = ~0ull;
	env = cell_env(&c, 2, in_critical, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (c.page->w[0] != 1)
		;
	mine = row(self->env)->ticks;
	its = row(env)->ticks;
	last = since = EXO_MACHINE->ticks;
	while (EXO_MACHINE->ticks - since < 300) {
		uint64_t now = EXO_MACHINE->ticks;

		if (now - last > longest)
			longest = now - last;
		last = now;
	}
	mine = row(self->env)->ticks - mine;
	its = row(env)->ticks - its;
	OK(longest <= 3 * GRACE);	/* as I see it, on a busy host */
	OK(head(&c, 2)->overstayed > 0);
	OK(mine > its);			/* with one slice each */
	if (mine <= its || longest > 3 * GRACE)
		print("# longest %lu mine %lu its %lu\n", longest, mine, its);
	cell_end(&c);
}

/* Gives its slices to an env that has none. */
static uint64_t
in_donate(struct cell_page *p, uint64_t env, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	while (p->w[9] == 0)
		(void)!exo_env_yield(env, p->w[22], EXO_NONE);
	return 0x55;
}

/* Whose slice it is pays, whoever overstays in it. */
TEST(overstaying_in_a_slice_that_was_given_is_paid_for)
{
	struct cell c;
	uint64_t mine, since;
	exo_id guest, donor;

	cell_make(&c, NULL);
	c.page->w[20] = ~0ull;
	c.page->w[22] = c.name;
	guest = cell_env(&c, 2, in_critical, c.base + CELL_UPCALL(2));
	donor = cell_env(&c, 3, in_donate, guest);
	give(&c, 10, donor);
	while (c.page->w[0] != 1)
		;
	mine = row(self->env)->ticks;
	since = EXO_MACHINE->ticks;
	wait_ticks(200);
	since = EXO_MACHINE->ticks - since;
	mine = row(self->env)->ticks - mine;
	OK(mine > since / 2);
	if (mine <= since / 2)
		print("# mine %lu of %lu\n", mine, since);
	cell_end(&c);
}

/* The flag is in memory that the domain maps; the count is told, not asked. */
TEST(domain_can_not_write_its_debt_away)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[20] = ~0ull;
	env = cell_env(&c, 2, in_critical, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (head(&c, 2)->overstayed == 0)
		;
	head(&c, 2)->overstayed = 0;
	memset(head(&c, 2)->pad, 0xff, sizeof(head(&c, 2)->pad));
	OK(EXO_SLICES[10].overrun > 0);
	OK(!probe_write((uint64_t)&EXO_SLICES[10].overrun, 0));
	cell_end(&c);
}

/* ---------------------------------------------------- upcalls at the slice */

static bool
hook_slice(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	if (kind != EXO_K_SLICE)
		return false;
	p->w[30]++;
	p->w[31] += r->rip >= p->w[32] && r->rip < p->w[32] + 128;
	return true;
}

/* Counts in registers: an upcall at any point must leave them alone. */
static uint64_t
in_count(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t x = 1, y = 2, z = 3;

	(void)a, (void)b, (void)c;
	while (p->w[9] == 0) {
		__asm__ volatile("inc %0; inc %1; inc %2" : "+r"(x), "+r"(y),
		    "+r"(z) : : "cc");
		if (y != x + 1 || z != x + 2)
			p->w[1]++;
	}
	p->w[0] = 1;
	return 0x55;
}

TEST(slice_begins_with_an_upcall_where_it_is_asked_for)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->hook = hook_slice;
	c.page->w[32] = (uint64_t)in_count;
	env = cell_env(&c, 2, in_count, 0);
	give(&c, 10, env);
	wait_ticks(10);
	EQ(c.page->w[30], 0);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_SLICE, EXO_ACT_SELF));
	wait_ticks(40);
	OK(c.page->w[30] >= 15);
	OK(c.page->w[31] >= 10);		/* in_count was interrupted */
	EQ(c.page->kind, EXO_K_SLICE);
	c.page->w[9] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(row(env)->exit_word, 0x55);
	EQ(c.page->w[1], 0);
	cell_end(&c);
}

/* Upcalls off: it goes on from where it was, and that is no double fault. */
TEST(slice_without_upcalls_goes_on_without_one)
{
	struct cell c;
	uint64_t n;
	exo_id env;

	cell_make(&c, NULL);
	c.page->hook = hook_slice;
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_SLICE, EXO_ACT_SELF));
	head(&c, 2)->off = 1;
	env = cell_env(&c, 2, in_spin, 0);
	give(&c, 10, env);
	wait_ticks(20);
	n = c.page->w[0];
	OK(n > 0);
	EQ(c.page->w[30], 0);
	EQ(row(env)->state, EXO_ENV_READY);
	wait_ticks(20);
	OK(c.page->w[0] > n);
	head(&c, 2)->off = 0;
	wait_ticks(20);
	OK(c.page->w[30] > 0);
	cell_end(&c);
}

/* A domain that schedules its own two threads at each slice. */
struct thread {
	struct exo_regs regs;
};

static bool
hook_threads(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	struct thread *t = (struct thread *)((uint64_t)p + EXO_PAGE);
	uint64_t now = p->w[40];

	if (kind != EXO_K_SLICE)
		return false;
	/* A slice that was over before this began: not now. */
	if (((r->rsp ^ (uint64_t)r) & ~(EXO_PAGE - 1)) == 0)
		return true;
	t[now].regs = *r;
	p->w[40] = now = !now;
	*r = t[now].regs;
	p->w[41]++;
	return true;
}

static uint64_t
in_thread_two(struct cell_page *p)
{
	for (;;)
		p->w[43]++;
	return 0;
}

static uint64_t
in_thread_one(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	struct thread *t = (struct thread *)((uint64_t)p + EXO_PAGE);

	(void)b, (void)c;
	t[1].regs = (struct exo_regs){ .rip = (uint64_t)in_thread_two,
	    .rdi = (uint64_t)p, .rsp = a, .rflags = 0x202, .cs = 0x2b,
	    .ss = 0x23 };
	p->w[44] = 1;
	while (p->w[9] == 0)
		p->w[42]++;
	return 0x55;
}

TEST(domain_schedules_its_own_threads_at_its_slices)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->hook = hook_threads;
	env = cell_env(&c, 2, in_thread_one, c.base + CELL_STACK(3) +
	    EXO_PAGE - 8);
	OK(cell_run(&c, env, &c.page->w[44], 1));
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_SLICE, EXO_ACT_SELF));
	give(&c, 10, env);
	wait_ticks(40);
	OK(c.page->w[41] > 5);
	OK(c.page->w[42] > 0);
	OK(c.page->w[43] > 0);
	cell_end(&c);
}

/* ------------------------------------------------- moving and exchanging */

/* All but the owner's name, which is not published. */
static bool
slice_is(uint32_t i, struct cell *c, exo_id env, uint32_t overrun)
{
	return EXO_SLICES[i].account == EXO_INDEX(c->acct) &&
	    EXO_SLICES[i].env == EXO_INDEX(env) &&
	    EXO_SLICES[i].env_gen == EXO_GEN(env) &&
	    EXO_SLICES[i].overrun == overrun;
}

static bool
slice_is_free(uint32_t i)
{
	return EXO_SLICES[i].account == EXO_NONE &&
	    EXO_SLICES[i].env == EXO_NONE && EXO_SLICES[i].overrun == 0 &&
	    EXO_SLICES[i].ticks == 0 && EXO_SLICES[i].passed == 0;
}

/*
 * An env overstays in slice i, and is killed: what the slice owes then.  Its
 * account has nothing to run any more, so the debt stays as it is.
 */
static uint32_t
owe(struct cell *c, uint32_t seat, uint32_t i)
{
	exo_id env;

	c->page->w[20] = ~0ull;
	env = cell_env(c, seat, in_critical, c->base + CELL_UPCALL(seat));
	give(c, i, env);
	while (head(c, seat)->overstayed == 0)
		;
	must(exo_env_kill(env, c->name, 0));
	return EXO_SLICES[i].overrun;
}

TEST(moved_slice_has_all_it_had)
{
	uint32_t debt, limit = EXO_MACHINE->nslices - 1;
	struct cell c, d;
	uint64_t ticks;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&d, NULL);
	debt = owe(&c, 2, 10);
	OK(debt > GRACE / 2);
	ticks = EXO_SLICES[10].ticks;
	OK(ticks > GRACE);
	env = cell_env(&c, 3, in_spin, 2);
	must(exo_slice_set(c.name, 10, env, c.name));
	EQ(exo_slice_move(c.name, 10, limit), 0);
	OK(slice_is(limit, &c, env, EXO_SLICES[limit].overrun));
	OK(EXO_SLICES[limit].overrun + EXO_SLICES[limit].passed >= debt);
	OK(EXO_SLICES[limit].ticks >= ticks);
	OK(slice_is_free(10));
	EQ(row(env)->slices, 1);
	/* Its guard too: nobody else's now, and free for all where it was. */
	REFUSED(exo_slice_free(d.name, limit), DENIED);
	EQ(exo_slice_alloc(d.acct, d.name, d.name, 10), 0);
	REFUSED(exo_slice_move(c.name, limit, 10), DENIED);
	/* It runs there when it has paid. */
	while (c.page->w[2] == 0)
		;
	EQ(EXO_SLICES[limit].overrun, 0);
	cell_end(&d);
	cell_end(&c);
	OK(slice_is_free(limit));
}

TEST(exchanged_slices_have_all_they_had)
{
	struct cell c;
	uint32_t debt;
	exo_id env;

	cell_make(&c, NULL);
	debt = owe(&c, 2, 10);
	env = cell_env(&c, 3, in_spin, 2);
	give(&c, 20, env);
	EQ(exo_slice_move(c.name, 20, 10), 0);
	OK(slice_is(10, &c, env, 0));
	EQ(EXO_SLICES[20].overrun, debt);
	EQ(exo_slice_move(c.name, 20, 10), 0);
	OK(slice_is(20, &c, env, 0));
	EQ(EXO_SLICES[10].overrun, debt);
	while (c.page->w[2] == 0)
		;
	cell_end(&c);
}

/* Always one position ahead of the clock. */
static uint64_t
in_run_ahead(struct cell_page *p, uint64_t name, uint64_t b, uint64_t c)
{
	uint64_t i = 10, then = EXO_MACHINE->ticks;

	(void)b, (void)c;
	for (;;) {
		while (EXO_MACHINE->ticks == then)
			;
		then = EXO_MACHINE->ticks;
		p->w[0]++;
		if (p->w[24] == 0 && exo_slice_move(name, i, i + 1) == 0)
			i++;
		if (i == 240 && exo_slice_move(name, i, 10) == 0)
			i = 10;
	}
	return 0;
}

/* As above, by giving it back and taking the next. */
static uint64_t
in_take_ahead(struct cell_page *p, uint64_t name, uint64_t b, uint64_t c)
{
	uint64_t i = 10, then = EXO_MACHINE->ticks;

	(void)b, (void)c;
	for (;;) {
		while (EXO_MACHINE->ticks == then)
			;
		then = EXO_MACHINE->ticks;
		p->w[0]++;
		if (exo_slice_free(name, i) != 0)
			continue;
		i = i == 240 ? 10 : i + 1;
		(void)!exo_slice_alloc(p->w[22], name, name, i);
		(void)!exo_slice_set(name, i, p->w[23], name);
	}
	return 0;
}

static void
run_ahead(cell_fn how)
{
	uint64_t mine, its;
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[22] = c.acct;
	env = cell_env_make(&c);
	c.page->w[23] = env;
	must(cell_env_begin(&c, env, 2, how, c.name));
	give(&c, 10, env);
	while (c.page->w[0] == 0)
		;
	its = row(env)->ticks;
	mine = row(self->env)->ticks;
	wait_ticks(60);
	its = row(env)->ticks - its;
	mine = row(self->env)->ticks - mine;
	OK(its <= mine + 3);
	if (its > mine + 3)
		print("# its %lu mine %lu\n", its, mine);
	OK(its >= mine / 2);			/* nor does it lose much */
	cell_end(&c);
}

TEST(slice_moved_ahead_has_one_turn_in_a_revolution)
{
	run_ahead(in_run_ahead);
}

TEST(slice_taken_ahead_has_one_turn_in_a_revolution)
{
	run_ahead(in_take_ahead);
}

/* ----------------------------------------------------- whose the debt is */

/* Pay what this program's account owes, with its own turns. */
static void
pay(void)
{
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    10));
	must(exo_slice_set(self->memory_slot, 10, self->env, self->env_slot));
	while (EXO_SLICES[10].overrun != 0)
		;
	must(exo_slice_free(self->memory_slot, 10));
}

/* Freed, it owes on; the next one that the account takes begins with it. */
TEST(debt_stays_with_the_account)
{
	struct cell c;
	uint32_t debt;

	pay();				/* for the tests before */
	cell_make(&c, NULL);
	debt = owe(&c, 2, 10);
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, 0);
	EQ(exo_slice_free(c.name, 10), 0);
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, debt);
	must(exo_slice_alloc(c.acct, c.name, c.name, 77));
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, 0);
	EQ(EXO_SLICES[77].overrun, debt);
	must(exo_slice_alloc(c.acct, c.name, c.name, 78));
	EQ(EXO_SLICES[78].overrun, 0);
	EQ(exo_slice_free(c.name, 77), 0);
	/* At the account's end it is its maker's, whose next slice owes it. */
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt, 0);
	cell_end(&c);
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt, debt);
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    10));
	EQ(EXO_SLICES[10].overrun, debt);
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt, 0);
	must(exo_slice_free(self->memory_slot, 10));
	pay();
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt, 0);
}

/* Accounts made to owe, one after the other, do not help who makes them. */
TEST(debt_is_not_left_behind_with_accounts)
{
	static const uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 8, [EXO_RES_SLICES] = 1
	};
	exo_id child;
	struct cell c;
	uint32_t debt;

	cell_make(&c, NULL);
	debt = owe(&c, 2, 10);
	EQ(exo_slice_free(c.name, 10), 0);
	child = (exo_id)must(exo_acct_create(c.acct, c.name, c.name, c.acct,
	    (uint64_t)limits));
	must(exo_slice_alloc(child, c.name, c.name, 10));
	EQ(EXO_SLICES[10].overrun, debt);
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, 0);
	must(exo_acct_destroy(child, c.name));
	while (exo_acct_reap(child, 64) > 0)
		;
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, debt);
	cell_end(&c);
	pay();
}

/* An env overstays in a slice of an account below the cell's, and gives it
 * back: what that account owes then. */
static uint32_t
owe_below(struct cell *c, exo_id acct)
{
	exo_id env;

	c->page->w[20] = ~0ull;
	env = cell_env(c, 2, in_critical, c->base + CELL_UPCALL(2));
	must(exo_slice_alloc(acct, c->name, c->name, 10));
	must(exo_slice_set(c->name, 10, env, c->name));
	while (head(c, 2)->overstayed == 0)
		;
	must(exo_env_kill(env, c->name, 0));
	must(exo_slice_free(c->name, 10));
	return EXO_ACCTS[EXO_INDEX(acct)].slice_debt;
}

/*
 * What an account owed comes with the slices that it may not take any more:
 * neither to an heir above who made it, nor does it stay where it helps him.
 */
static void
debt_comes_back(uint32_t how)
{
	static const uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 8, [EXO_RES_SLICES] = 2
	};
	uint32_t debt, above;
	struct cell c;
	exo_id child;

	cell_make(&c, NULL);
	above = EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt;
	child = (exo_id)must(exo_acct_create(c.acct, c.name, c.name,
	    self->acct, (uint64_t)limits));
	must(exo_slice_alloc(child, c.name, c.name, 11));
	debt = owe_below(&c, child);
	OK(debt > GRACE / 2);
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, 0);
	if (how == 1)
		EQ(exo_acct_limit(child, c.name, EXO_RES_SLICES, -1), 0);
	if (how == 2)
		EQ(exo_revoke_ask(child, c.name, EXO_RES_SLICES, 1, GRACE), 0);
	if (how != 0) {
		EQ(EXO_ACCTS[EXO_INDEX(child)].slice_debt, 0);
		EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, debt);
	}
	must(exo_acct_destroy(child, c.name));
	while (exo_acct_reap(child, 64) > 0)
		;
	EQ(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt, debt);
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt, above);
	cell_end(&c);
	pay();
}

TEST(debt_of_an_ended_account_is_its_makers)
{
	debt_comes_back(0);
}

TEST(debt_comes_with_a_lower_limit)
{
	debt_comes_back(1);
}

TEST(debt_comes_with_slices_that_are_asked_back)
{
	debt_comes_back(2);
}

/* Moves the slice that owes from behind itself to ahead of itself. */
static uint64_t
in_move_debt(struct cell_page *p, uint64_t name, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	for (;;)
		p->w[5] += exo_slice_move(name, 10, 30) == 0;
	return 0;
}

TEST(debt_is_paid_with_one_turn_of_a_revolution)
{
	const struct cell_opts o = { .seats = 5 };
	uint64_t mine;
	struct cell c;
	exo_id env;

	cell_make(&c, &o);
	OK(owe(&c, 2, 10) > GRACE);
	env = cell_env(&c, 3, in_move_debt, c.name);
	give(&c, 20, env);
	env = cell_env(&c, 4, in_spin, 2);
	mine = row(self->env)->ticks;
	must(exo_slice_set(c.name, 10, env, c.name));
	while (c.page->w[2] == 0)
		if (EXO_SLICES[30].account == EXO_INDEX(c.acct))
			must(exo_slice_move(c.name, 30, 10));
	mine = row(self->env)->ticks - mine;
	OK(c.page->w[5] >= GRACE / 2);
	OK(mine >= EXO_SLICES[10].passed + EXO_SLICES[30].passed - 2);
	if (mine + 2 < EXO_SLICES[10].passed + EXO_SLICES[30].passed)
		print("# mine %lu passed %lu\n", mine, EXO_SLICES[10].passed +
		    EXO_SLICES[30].passed);
	cell_end(&c);
	pay();
}

/* Who yields again and again goes past the slice that owes, but no turn. */
TEST(debt_is_not_paid_by_others_yields)
{
	struct cell c;
	uint32_t debt, left;
	uint64_t then;
	exo_id env;

	cell_make(&c, NULL);
	debt = owe(&c, 2, 10);
	env = cell_env(&c, 3, in_spin, 2);
	then = EXO_MACHINE->ticks;
	must(exo_slice_set(c.name, 10, env, c.name));
	for (uint32_t i = 0; i < 1000; i++)
		EQ(exo_env_yield(EXO_ID_ANY, 0, EXO_NONE), 0);
	left = EXO_SLICES[10].overrun;
	then = EXO_MACHINE->ticks - then;
	OK(left + then >= debt);
	OK(then < debt);			/* or it shows nothing */
	cell_end(&c);
}

/* Freed by itself while its end waits: all of that tick is owed. */
static uint64_t
in_free(struct cell_page *p, uint64_t up, uint64_t b, uint64_t c)
{
	struct exo_upcall *u = (struct exo_upcall *)up;

	(void)b, (void)c;
	u->critical = 1;
	while (u->ended == 0)
		;
	p->w[1] = (uint64_t)exo_slice_free(p->w[22], 10);
	p->w[0] = 1;
	for (;;)
		p->w[2]++;
	return 0;
}

TEST(slice_freed_while_its_end_waits_owes_the_tick)
{
	struct cell c;
	uint64_t n;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[22] = c.name;
	env = cell_env(&c, 2, in_free, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (c.page->w[0] == 0)
		;
	EQ(c.page->w[1], 0);
	OK(slice_is_free(10));
	OK(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt >= 1);
	/* And it waits no longer: critical as it is, it runs no more. */
	EQ(head(&c, 2)->overstayed, 0);
	n = c.page->w[2];
	wait_ticks(20);
	EQ(c.page->w[2], n);
	EQ(row(env)->state, EXO_ENV_READY);
	cell_end(&c);
}

/* Without a slice it goes on while nobody else can run; nobody owes for that,
 * least of all whoever takes the position. */
TEST(nobody_owes_for_time_that_is_nobodys)
{
	struct cell c;
	uint64_t n;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[22] = c.name;
	env = cell_env(&c, 2, in_free, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	sleep_until(EXO_MACHINE->ticks + 4 * GRACE);
	EQ(c.page->w[0], 1);
	n = c.page->w[2];
	OK(n > 0);
	OK(slice_is_free(10));
	OK(EXO_ACCTS[EXO_INDEX(c.acct)].slice_debt <= 2);
	EQ(head(&c, 2)->overstayed, 0);
	wait_ticks(10);
	EQ(c.page->w[2], n);		/* I can */
	cell_end(&c);
}

/* Moved by itself while its end waits: it owes where it is then. */
static uint64_t
in_move(struct cell_page *p, uint64_t up, uint64_t b, uint64_t c)
{
	struct exo_upcall *u = (struct exo_upcall *)up;

	(void)b, (void)c;
	u->critical = 1;
	while (u->ended == 0)
		;
	p->w[1] = (uint64_t)exo_slice_move(p->w[22], 10, 11);
	for (;;)
		;
	return 0;
}

TEST(slice_moved_while_its_end_waits_owes_where_it_is)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->w[1] = 1;
	c.page->w[22] = c.name;
	env = cell_env(&c, 2, in_move, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (head(&c, 2)->overstayed == 0)
		;
	EQ(c.page->w[1], 0);
	OK(slice_is_free(10));
	OK(EXO_SLICES[11].overrun > GRACE);
	OK(EXO_SLICES[11].ticks >= GRACE);
	cell_end(&c);
}

/* What ran in it is counted, whoever it was. */
TEST(slice_counts_the_ticks_that_ran_in_it)
{
	uint64_t ran, mine;
	exo_id guest, donor;
	struct cell c;

	cell_make(&c, NULL);
	c.page->w[22] = c.name;
	guest = cell_env(&c, 2, in_spin, 2);
	donor = cell_env(&c, 3, in_donate, guest);
	give(&c, 10, donor);
	ran = EXO_SLICES[10].ticks;
	EQ(ran, 0);
	mine = EXO_SLICES[0].ticks;
	wait_ticks(60);
	ran = EXO_SLICES[10].ticks - ran;
	mine = EXO_SLICES[0].ticks - mine;
	OK(ran >= 27 && ran <= 33 && mine >= 27 && mine <= 33);
	OK(row(guest)->ticks >= ran - 1);
	EQ(EXO_SLICES[10].passed, 0);
	cell_end(&c);
}

/* -------------------------------------------------------------- epilogues */

static uint64_t
tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static bool
hook_epilogue(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	uint64_t then = tsc();

	(void)r;
	if (kind != EXO_K_EPILOGUE)
		return false;
	p->w[30]++;
	while (tsc() - then < p->w[48])
		;
	if (p->w[33] == 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	while (p->w[33] == 1)		/* for ever */
		p->w[34]++;
	if (p->w[33] == 2) {		/* to that one */
		p->w[35]++;
		(void)!exo_env_yield(p->w[36], (exo_slot)p->w[22], EXO_NONE);
	}
	return true;
}

/* An env that counts in w[2], in slice 10, with its domain's epilogue. */
static exo_id
epilogue_env(struct cell *c, uint64_t how)
{
	exo_id env;

	cell_make(c, NULL);
	c->page->hook = hook_epilogue;
	c->page->w[33] = how;
	c->page->w[22] = self->env_slot;
	c->page->w[36] = self->env;
	must(exo_domain_row(c->domain, c->name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_SELF));
	env = cell_env(c, 2, in_spin, 2);
	give(c, 10, env);
	return env;
}

/* One at the end of each slice; what it takes is owed, to the TSC unit, but
 * by far not a tick each time. */
TEST(short_epilogue_costs_what_it_takes)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 0);
	uint64_t its, mine, passed;

	while (c.page->w[30] < 3)
		;
	its = row(env)->ticks;
	mine = row(self->env)->ticks;
	wait_ticks(120);
	its = row(env)->ticks - its;
	mine = row(self->env)->ticks - mine;
	passed = EXO_SLICES[10].passed;
	OK(c.page->w[30] >= its);
	OK(passed < its / 3);
	OK(its >= mine * 3 / 4);
	OK(EXO_SLICES[10].overrun_part != 0 || passed != 0);
	EQ(head(&c, 2)->overstayed, 0);
	OK(c.page->w[2] > 0);
	if (passed >= its / 3 || its < mine * 3 / 4)
		print("# its %lu mine %lu passed %lu\n", its, mine, passed);
	cell_end(&c);
}

/* Much of the next slice's turn, each time: that gets it back, and who took it
 * pays. */
TEST(turn_that_was_cut_short_is_made_good)
{
	struct cell c, d;
	exo_id env = epilogue_env(&c, 0), next;
	uint64_t its, mine;

	c.page->w[48] = EXO_MACHINE->tsc_hz / EXO_MACHINE->tick_hz * 2 / 5;
	cell_make(&d, NULL);
	next = cell_env(&d, 2, in_spin, 2);
	give(&d, 11, next);
	while (c.page->w[30] < 3)
		;
	its = EXO_SLICES[11].ticks;
	mine = EXO_SLICES[0].ticks;
	wait_ticks(300);
	its = EXO_SLICES[11].ticks - its;
	mine = EXO_SLICES[0].ticks - mine;
	OK(its >= mine + 3);
	OK(EXO_SLICES[10].passed >= mine / 10);
	OK(row(env)->ticks > 0);
	if (its < mine + 3 || EXO_SLICES[10].passed < mine / 10)
		print("# its %lu mine %lu passed %lu\n", its, mine,
		    EXO_SLICES[10].passed);
	cell_end(&d);
	cell_end(&c);
}

/* It waits once, for the grace; then it owes, and has none till it has paid. */
TEST(epilogue_that_never_yields_is_paid_for)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 1);
	uint64_t its, mine;

	while (head(&c, 2)->overstayed == 0)
		;
	EQ(c.page->w[30], 1);
	OK(EXO_SLICES[10].overrun >= GRACE);
	OK(EXO_SLICES[10].overrun <= 2 * GRACE);
	its = row(env)->ticks;
	mine = row(self->env)->ticks;
	wait_ticks(150);
	its = row(env)->ticks - its;
	mine = row(self->env)->ticks - mine;
	OK(its <= mine + GRACE);
	if (its > mine + GRACE)
		print("# its %lu mine %lu\n", its, mine);
	/* Nor does it count on in its own program: that is its own affair. */
	OK(c.page->w[34] > 0);
	cell_end(&c);
}

/* While nobody else can run it owes no more than for one wait: it runs owing,
 * and then it has none. */
TEST(debt_does_not_grow_while_nobody_else_runs)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 1);
	uint64_t ran = row(env)->ticks;

	while (head(&c, 2)->overstayed == 0)
		;
	sleep_until(EXO_MACHINE->ticks + 12 * GRACE);
	ran = row(env)->ticks - ran;
	OK(ran > 10 * GRACE);
	OK(EXO_SLICES[10].overrun <= 2 * GRACE);
	if (EXO_SLICES[10].overrun > 2 * GRACE)
		print("# %u\n", EXO_SLICES[10].overrun);
	cell_end(&c);
}

TEST(epilogue_with_upcalls_off_is_none)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 0);
	uint64_t n, ran;

	while (c.page->w[30] == 0)
		;
	head(&c, 2)->off = 1;
	wait_ticks(4);
	ran = c.page->w[30];
	n = c.page->w[2];
	wait_ticks(20);
	EQ(c.page->w[30], ran);
	OK(c.page->w[2] > n);
	EQ(row(env)->state, EXO_ENV_READY);
	EQ(head(&c, 2)->overstayed, 0);
	head(&c, 2)->off = 0;
	wait_ticks(10);
	OK(c.page->w[30] > ran);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_PASS));
	wait_ticks(4);
	ran = c.page->w[30];
	wait_ticks(20);
	EQ(c.page->w[30], ran);
	cell_end(&c);
}

/* First the critical section, then the epilogue, and the prologue never: it
 * yields.  `ended' says that it is time. */
static uint64_t
in_polite(struct cell_page *p, uint64_t up, uint64_t b, uint64_t c)
{
	struct exo_upcall *u = (struct exo_upcall *)up;

	(void)b, (void)c;
	while (p->w[9] == 0) {
		u->critical = 1;
		while (u->ended == 0)
			;
		u->ended = 0;
		p->w[37] += p->w[30] != p->w[38];	/* too early */
		u->critical = 0;
		while (p->w[30] == p->w[38])
			;
		p->w[38] = p->w[30];
		p->w[39]++;
	}
	return 0x55;
}

TEST(critical_section_comes_before_the_epilogue)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->hook = hook_epilogue;
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_SELF));
	env = cell_env(&c, 2, in_polite, c.base + CELL_UPCALL(2));
	give(&c, 10, env);
	while (c.page->w[39] < 5)
		;
	EQ(c.page->w[37], 0);
	EQ(head(&c, 2)->overstayed, 0);
	cell_end(&c);
}

/* Yielding from an epilogue to one env gives no free time: it is the slice's
 * overrun till the tick, and the friend has no grace. */
TEST(epilogue_does_not_feed_a_friend)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 2);
	uint64_t its, mine, turns;

	while (c.page->w[35] < 3)
		;
	turns = c.page->w[35];
	its = EXO_SLICES[10].ticks;
	mine = EXO_SLICES[0].ticks;
	wait_ticks(120);
	turns = c.page->w[35] - turns;
	its = EXO_SLICES[10].ticks - its;
	mine = EXO_SLICES[0].ticks - mine;
	/* Two ticks for each turn, and each second turn paid with. */
	OK(its <= mine + 5);
	OK(EXO_SLICES[10].passed + EXO_SLICES[10].overrun >= turns - 5);
	if (its > mine + 5)
		print("# its %lu mine %lu turns %lu\n", its, mine, turns);
	EQ(row(env)->state, EXO_ENV_READY);
	EQ(head(&c, 2)->overstayed, 0);
	cell_end(&c);
}

/* Killed, or stopped, by whom it yielded to in its epilogue. */
static void
end_in_epilogue(bool kill)
{
	struct cell c;
	exo_id env = epilogue_env(&c, 2);
	uint64_t n, ran;

	while (c.page->w[35] == 0)
		;
	if (kill)
		EQ(exo_env_kill(env, c.name, 0x11), 0);
	else
		EQ(exo_env_stop(env, c.name), 0);
	ran = c.page->w[30];
	n = EXO_SLICES[10].passed + EXO_SLICES[10].overrun;
	wait_ticks(3 * GRACE);
	EQ(c.page->w[30], ran);
	/* The tick that it began at is owed, and no penalty. */
	OK(EXO_SLICES[10].passed + EXO_SLICES[10].overrun <= n + 1);
	EQ(row(env)->state, kill ? EXO_ENV_DEAD : EXO_ENV_STOPPED);
	if (!kill) {
		c.page->w[33] = 0;
		n = c.page->w[2];
		EQ(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY,
		    0), 0);
		wait_ticks(20);
		OK(c.page->w[2] > n);
	}
	cell_end(&c);
}

TEST(kill_in_an_epilogue)
{
	end_in_epilogue(true);
}

TEST(stop_in_an_epilogue)
{
	end_in_epilogue(false);
}

/* A domain that schedules its own threads: registers are put aside by the
 * handlers, and the kernel knows of none of it. */
static bool
hook_switch(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	struct thread *t = (struct thread *)((uint64_t)p + EXO_PAGE);
	uint64_t now = p->w[40];

	if (kind == EXO_K_SLICE) {
		p->w[45]++;		/* an epilogue was left out */
		return true;
	}
	if (kind != EXO_K_EPILOGUE)
		return false;
	if (((r->rsp ^ (uint64_t)r) & ~(EXO_PAGE - 1)) == 0) {
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
		return true;		/* a handler's own end */
	}
	t[now].regs = *r;
	p->w[46 + now]++;
	p->w[40] = now = !now;
	p->w[41]++;
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	*r = t[now].regs;
	return true;
}

TEST(domain_schedules_its_threads_by_epilogues)
{
	uint64_t one, two;
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	c.page->hook = hook_switch;
	env = cell_env(&c, 2, in_thread_one, c.base + CELL_STACK(3) +
	    EXO_PAGE - 8);
	OK(cell_run(&c, env, &c.page->w[44], 1));
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_SELF));
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_SLICE, EXO_ACT_SELF));
	give(&c, 10, env);
	while (c.page->w[41] < 4)
		;
	one = c.page->w[42];
	two = c.page->w[43];
	while (c.page->w[41] < 64)
		;
	/* Slice by slice the other one, and each got somewhere. */
	OK(c.page->w[46] >= 31 && c.page->w[47] >= 31);
	OK(c.page->w[42] - one > 1000 && c.page->w[43] - two > 1000);
	EQ(head(&c, 2)->overstayed, 0);
	cell_end(&c);
}
