/*
 * stride.c - a stride scheduler, as an ordinary program.
 *
 *	stride [ticks [hog]]
 *
 * Three children, programs of their own, have no time but what this one gives
 * them: it takes a slice, and yields each turn of it to the child that is
 * furthest behind, by tickets (Waldspurger and Weihl, 1995).  What a child has
 * had is what the kernel charged it.  With `hog' the first one is in a critical
 * section for ever, so that each end of a slice waits for it till the grace is
 * over: it has that at once, and nothing until the others have caught up.
 *
 * The result is by how many thousandths the child that is furthest off has
 * more or less than its tickets say.
 */
#include <castor/print.h>
#include <castor/proc.h>
#include <castor/self.h>
#include <castor/string.h>
#include <castor/vm.h>

#define TICKS		600u		/* to share out */
#define COUNTS_VA	0x400000000000ul

enum { USER_CHILD, USER_HOG };		/* self->user: which child; does it? */

static struct child {
	uint64_t tickets;
	uint64_t pass;			/* TSC units had, a ticket */
	struct proc proc;
} children[] = { { .tickets = 3 }, { .tickets = 2 }, { .tickets = 1 } };

#define CHILDREN	(sizeof(children) / sizeof(children[0]))

/* ---- a child */

_Noreturn static void
work(void)
{
	volatile uint64_t *mine = (uint64_t *)COUNTS_VA +
	    self->user[USER_CHILD] - 1;

	if (self->user[USER_HOG] != 0)
		((struct exo_upcall *)self->upcall_va)->critical = 1;
	for (;;)
		(*mine)++;
}

static void
child_make(uint32_t i, bool hog, exo_ppn counts)
{
	static const uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 128, [EXO_RES_DOMAINS] = 1,
		[EXO_RES_ENVS] = 1	/* and no slices */
	};
	const uint64_t user[32] = { [USER_CHILD] = i + 1, [USER_HOG] = hog };
	const struct proc_map map = { COUNTS_VA, VM_RW, counts,
	    self->memory_slot };
	const struct proc_args args = { .name = self->args, .limits = limits,
	    .user = user, .maps = &map, .nmaps = 1 };

	MUST(proc_make(&children[i].proc, &args));
	MUST(proc_start(&children[i].proc));
}

/* ---- the scheduler */

static uint64_t
now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t
had(const struct child *c)
{
	return EXO_ENVS[EXO_INDEX(c->proc.env)].ticks;
}

/* One who lets go before the tick is charged what it had of that. */
static void
turn(struct child *c)
{
	const uint64_t tick = EXO_MACHINE->tsc_hz / EXO_MACHINE->tick_hz;
	uint64_t ticks = had(c), then = now(), ran;

	MUST(proc_yield(&c->proc));
	ran = now() - then;
	if (ran > tick || had(c) != ticks)
		ran = tick;
	if (had(c) > ticks)
		ran = (had(c) - ticks) * tick;
	c->pass += ran / c->tickets;
}

static struct child *
furthest_behind(void)
{
	struct child *c = &children[0];

	for (uint32_t i = 1; i < CHILDREN; i++)
		if (children[i].pass < c->pass)
			c = &children[i];
	return c;
}

static void
slice_take(void)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account != EXO_NONE ||
		    exo_slice_alloc(self->acct, self->acct_slot,
		    self->memory_slot, i) != 0)
			continue;
		MUST(exo_slice_set(self->memory_slot, i, self->env,
		    self->env_slot));
		return;
	}
	castor_die("no slice is free\n");
}

/* What each has, and how far the worst is off, in thousandths. */
static uint64_t
judge(const volatile uint64_t *counts, uint64_t all)
{
	uint64_t tickets = 0, worst = 0;

	for (uint32_t i = 0; i < CHILDREN; i++)
		tickets += children[i].tickets;
	print("tickets  ticks   of 1000        counted\n");
	for (uint32_t i = 0; i < CHILDREN; i++) {
		const struct child *c = &children[i];
		uint64_t is = had(c) * tickets, due = all * c->tickets;
		uint64_t off = (is > due ? is - due : due - is) * 1000 / due;

		print("%7lu %6lu %9lu %14lu\n", c->tickets, had(c),
		    had(c) * 1000 / all, counts[i]);
		worst = off > worst ? off : worst;
	}
	print("off by %lu in 1000 at most\n", worst);
	return worst;
}

int
main(int argc, char **argv)
{
	unsigned long ticks = TICKS;
	uint64_t all, worst;
	exo_ppn counts;

	if (self->user[USER_CHILD] != 0)
		work();
	if (argc > 1 && !string_number(argv[1], &ticks))
		castor_die("stride [ticks [hog]]\n");
	counts = (exo_ppn)MUST(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	for (uint32_t i = 0; i < CHILDREN; i++)
		child_make(i, i == 0 && argc > 2, counts);
	slice_take();
	do {
		turn(furthest_behind());
		all = 0;
		for (uint32_t i = 0; i < CHILDREN; i++)
			all += had(&children[i]);
	} while (all < ticks);
	worst = judge((uint64_t *)MUST(vm_map_frame(counts, VM_R,
	    self->memory_slot)), all);
	for (uint32_t i = 0; i < CHILDREN; i++)
		MUST(proc_end(&children[i].proc));
	return (int)worst;
}
