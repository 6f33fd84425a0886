/*
 * slice.c - slices, yields, the end of a slice and what may hold it up.
 *
 * Times are in ticks as the kernel charges them to envs, so that a slow
 * emulator or a busy host does not matter.
 */
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
