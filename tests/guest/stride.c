/*
 * stride.c - user/stride.c, a scheduler outside the kernel: do its children
 * have what their tickets say?  Seen from outside, by what the kernel charged
 * them.
 */
#include "test.h"

#define CHILDREN	3u
#define OFF		20u		/* thousandths */

static uint64_t had[CHILDREN];		/* the most first */

static void
insert(uint64_t ticks)
{
	for (uint32_t i = 0; i < CHILDREN; i++) {
		uint64_t other = had[i];

		if (ticks <= other)
			continue;
		had[i] = ticks;
		ticks = other;
	}
}

/* The envs in accounts below the scheduler's; how many have slices? */
static uint32_t
look(const struct proc *p)
{
	uint32_t children = 0, slices = 0;
	uint64_t ticks[CHILDREN];

	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++) {
		const volatile struct exo_env *e = &EXO_ENVS[i];

		if (e->state != EXO_ENV_READY || EXO_ACCTS[e->account].parent
		    != EXO_INDEX(p->acct))
			continue;
		slices += e->slices;
		if (children < CHILDREN)
			ticks[children] = e->ticks;
		children++;
	}
	if (children != CHILDREN)
		return slices;
	memset(had, 0, sizeof(had));
	for (uint32_t i = 0; i < CHILDREN; i++)
		insert(ticks[i]);
	return slices;
}

/* Is it so many sixths of all, to 2 in 100? */
static bool
is_share(uint64_t ticks, uint64_t sixths, uint64_t all)
{
	uint64_t is = ticks * 6, due = sixths * all;

	return (is > due ? is - due : due - is) * 1000 <= due * OFF;
}

static void
run(uint32_t argc, const char *const *argv)
{
	struct proc p;
	uint32_t slices = 0;
	uint64_t all;

	must(proc_spawn(&p, "bin/stride", argc, argv));
	while (!proc_ended(&p)) {
		slices += look(&p);
		(void)!proc_yield(&p);
	}
	EQ(proc_wait(&p), 0);
	EQ(p.cause, EXO_CAUSE_EXIT);
	OK(p.word <= OFF);
	EQ(slices, 0);
	all = had[0] + had[1] + had[2];
	OK(is_share(had[0], 3, all));
	OK(is_share(had[1], 2, all));
	OK(is_share(had[2], 1, all));
	print("# %lu %lu %lu of %lu\n", had[0], had[1], had[2], all);
}

TEST(tickets_are_what_children_get)
{
	const char *const argv[] = { "600" };

	run(1, argv);
}

/* One that never lets go, and holds up the end of each slice. */
TEST(hog_gets_what_its_tickets_say)
{
	const char *const argv[] = { "1200", "hog" };
	uint64_t waited = EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt;

	run(2, argv);
	/* It did: who gave it time owes for it. */
	OK(EXO_ACCTS[EXO_INDEX(self->acct)].slice_debt + EXO_SLICES[0].overrun +
	    EXO_SLICES[0].passed > waited);
}
