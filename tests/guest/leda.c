/*
 * leda.c - two library OSes on one kernel: Leda (docs/second-libos.md) beside
 * Castor's image, running the same file.
 */
#include <castor/session.h>

#include "test.h"

#define BOTH	"/test/both/work"

static struct session s;

/* Leda's exit word: what Linux's shell would say. */
static void
leda_make(struct proc *p, uint32_t argc, const char *const *argv,
    uint32_t frames, uint64_t place)
{
	uint32_t limits[EXO_RES_MAX] = { [EXO_RES_FRAMES] = frames,
		[EXO_RES_DOMAINS] = 1, [EXO_RES_ENVS] = 1,
		[EXO_RES_SLICES] = 1 };
	uint64_t user[32] = { place };
	struct proc_args a = { .name = "bin/leda", .argc = argc, .argv = argv,
		.limits = limits, .user = user, .no_mint = true };

	must(proc_make(p, &a));
}

static uint64_t
leda_run(const char *path, const char *what, const char *more)
{
	const char *const argv[] = { path, what, more };
	struct proc p;

	leda_make(&p, more != NULL ? 3 : 2, argv, 2600, 0);
	must(proc_start(&p));
	must(proc_wait(&p));
	EQ(p.cause, EXO_CAUSE_EXIT);
	return p.word;
}

static long
castor_start_it(const char *what)
{
	return must(session_run(&s, BOTH, 1, &what, 0, NULL));
}

static uint64_t
castor_status(long pid)
{
	long r = must(session_wait(&s, (uint32_t)pid));

	return (r & 0x7f) == 0 ? (uint64_t)r >> 8 : 128 + ((uint64_t)r & 0x7f);
}

static uint64_t
castor_run(const char *what)
{
	return castor_status(castor_start_it(what));
}

TEST(one_file_runs_on_both)
{
	must(session_start(&s));
	EQ(castor_run("work"), 42);
	EQ(leda_run(BOTH, "work", NULL), 42);
	EQ(leda_run(BOTH, "touch", "8"), 0);
}

TEST(both_refuse_and_end_alike)
{
	static const char *const ends[] = { "wild", "text", "jump", "ud2",
		"zero", "hidden", "churn" };

	EQ(castor_run("refusals"), 0);
	EQ(leda_run(BOTH, "refusals", NULL), 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		EQ(leda_run(BOTH, ends[i], NULL), castor_run(ends[i]));
	EQ(leda_run(BOTH, "wild", NULL), 128 + 11);
	EQ(leda_run(BOTH, "ud2", NULL), 128 + 4);
	EQ(leda_run(BOTH, "hidden", NULL), 128 + 11);
	EQ(leda_run(BOTH, "churn", NULL), 0);
}

TEST(what_is_no_program_is_told)
{
	EQ(leda_run("/test/none", "", NULL), 127);
	EQ(leda_run("/test/linux/ash.sh", "", NULL), 126);
	EQ(leda_run("/lib/castor.elf", "", NULL), 126);
}

TEST(no_memory_ends_who_asked)
{
	struct proc p;
	const char *const argv[] = { BOTH, "touch", "64" };
	long other = castor_start_it("work");

	leda_make(&p, 3, argv, 1500, 0);
	must(proc_start(&p));
	must(proc_wait(&p));
	EQ(p.word, 128 + 11);
	EQ(castor_status(other), 42);
}

/* ---- at the same time */

/* Its env gets ticks for a while. */
static bool
env_advances(exo_id env)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];
	uint64_t from = e->ticks;
	uint64_t end = EXO_MACHINE->ticks + 20 * EXO_MACHINE->tick_hz;

	while (e->gen == EXO_GEN(env) && e->ticks < from + 5 &&
	    EXO_MACHINE->ticks < end)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return e->gen == EXO_GEN(env) && e->ticks >= from + 5;
}

/* The env that began last. */
static exo_id
env_newest(void)
{
	uint32_t last = 0;

	for (uint32_t i = 0; i < EXO_MACHINE->nenvs; i++) {
		if (EXO_ENVS[i].state == EXO_ENV_READY)
			last = i;
	}
	return EXO_ID(EXO_ENVS[last].gen, last);
}

/* Until it has taken a slice it has none but ours. */
static void
leda_spin(struct proc *p)
{
	const char *const argv[] = { BOTH, "spin" };

	leda_make(p, 2, argv, 1500, 0);
	must(proc_start(p));
	for (int i = 0; i < 1000 &&
	    EXO_ENVS[EXO_INDEX(p->env)].slices == 0; i++)
		must(proc_yield(p));
	EQ(EXO_ENVS[EXO_INDEX(p->env)].slices, 1);
}

TEST(they_share_the_CPU_and_die_alone)
{
	struct proc leda;
	long pid = castor_start_it("spin");
	exo_id linux_env = env_newest();

	leda_spin(&leda);
	OK(env_advances(leda.env));
	OK(env_advances(linux_env));
	OK(env_advances(leda.env));

	/* Leda's is killed: Castor's goes on. */
	must(exo_domain_kill(leda.domain, leda.name, 9));
	must(proc_end(&leda));
	OK(env_advances(linux_env));

	/* And the other way round. */
	leda_spin(&leda);
	OK(env_advances(leda.env));
	must(commons_ask(&s.commons, CM_KILL, (uint64_t)pid, 9, 0, 0));
	EQ(castor_status(pid), 128 + 9);
	OK(env_advances(leda.env));
	session_end(&s);
	OK(env_advances(leda.env));
	must(proc_end(&leda));
}

/* ---- a program on Leda asks a server that is a Castor program */

static uint64_t asked;

static uint64_t
serve(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	asked += 1 + c + d + e;		/* nothing leaks in the others */
	return badge + a + b;
}
SERVICE(serve);

TEST(a_program_on_it_asks_a_castor_server)
{
	const char *const argv[] = { BOTH, "ask", "7" };
	struct proc p;

	leda_make(&p, 3, argv, 1500, 1);
	must(seat_make(2, p.env, serve_entry));
	must(exo_handle_open(p.domain, p.name, 0, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 2, 5, p.domain,
	    0));
	must(proc_start(&p));
	must(proc_wait(&p));
	EQ(p.word, 5 + 30 + 7);
	EQ(asked, 1);
	EQ(leda_run(BOTH, "ask", "7"), 255);	/* without one: ENODEV */
}

TEST(it_gives_everything_back)
{
	uint32_t frames, slices, domains;

	(void)leda_run(BOTH, "work", NULL);
	frames = EXO_MACHINE->free_frames;
	slices = EXO_ACCTS[0].used[EXO_RES_SLICES];
	domains = EXO_ACCTS[0].used[EXO_RES_DOMAINS];
	for (int i = 0; i < 5; i++) {
		EQ(leda_run(BOTH, "work", NULL), 42);
		EQ(leda_run(BOTH, "wild", NULL), 139);
	}
	EQ(EXO_MACHINE->free_frames, frames);
	EQ(EXO_ACCTS[0].used[EXO_RES_SLICES], slices);
	EQ(EXO_ACCTS[0].used[EXO_RES_DOMAINS], domains);
}
