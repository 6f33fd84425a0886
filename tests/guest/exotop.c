/*
 * exotop.c - exotop with a monitor that refuses every native call but those by
 * which Castor's image gets memory for any program, talks with the commons,
 * sleeps and ends.
 */
#include <castor/session.h>
#include <castor/text.h>

#include "test.h"

static const uint32_t image_calls[] = {
	EXO_NR_call, EXO_NR_reply, EXO_NR_env_sleep, EXO_NR_env_yield,
	EXO_NR_page_alloc, EXO_NR_page_copy, EXO_NR_page_free,
	EXO_NR_pt_companion, EXO_NR_pt_set, EXO_NR_pt_batch,
	EXO_NR_cap_open, EXO_NR_cap_drop,
	EXO_NR_domain_row, EXO_NR_domain_kill,
};

static struct session s;

static void
mask_make(uint64_t mask[2], uint32_t without)
{
	mask[0] = mask[1] = 0;
	for (size_t i = 0; i < sizeof(image_calls) / sizeof(*image_calls); i++)
		mask[image_calls[i] / 64] |= 1ul << image_calls[i] % 64;
	mask[without / 64] &= ~(1ul << without % 64);
}

/* As session_run, with a monitor before it begins. */
static long
run_masked(struct proc *p, const uint64_t mask[2])
{
	static const char *const argv[] = { "-b", "-n", "2", "-d", "0.1" };
	static const uint8_t actions[EXO_CLASSES];	/* pass */
	uint64_t user[32] = { 0 };
	struct proc_args a = {
		.name = "/bin/exotop", .argc = 5, .argv = argv,
		.foreign = true, .no_mint = true, .no_archive = true,
		.ncaps = 1, .user = user
	};
	long r;
	const struct text *t = text_get(&r);

	if (t == NULL)
		return r;
	const struct proc_cap cap = { t->name,
	    EXO_R_READ | EXO_R_EXEC | EXO_R_GIVE };

	a.caps = &cap;
	user[IMAGE_TEXT] = t->table;
	user[IMAGE_PROG] = t->prog;
	r = commons_child(&s.commons, p, &a, IMAGE_WINDOW_VA, 256);
	if (r > 0) {
		must(exo_domain_monitor(p->domain, p->name, (uint64_t)actions,
		    (uint64_t)mask, 0));
		must(proc_start(p));
		commons_let(p);
	}
	return r;
}

/* Run until the process's env is in this state, or for long. */
static bool
is_soon(exo_id env, uint32_t state)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];
	uint64_t end = EXO_MACHINE->ticks + 20 * EXO_MACHINE->tick_hz;

	while (e->gen == EXO_GEN(env) && e->state != state &&
	    EXO_MACHINE->ticks < end)
		(void)!exo_env_yield(env, s.commons.session, EXO_NONE);
	return e->gen == EXO_GEN(env) && e->state == state;
}

TEST(it_needs_no_call_that_other_programs_do_not)
{
	struct proc p;
	uint64_t mask[2];
	long pid;

	mask_make(mask, EXO_NR_null);
	must(session_start(&s));
	pid = must(run_masked(&p, mask));
	if (OK(!is_soon(p.env, EXO_ENV_STOPPED)))
		EQ(session_wait(&s, (uint32_t)pid), 0);
	session_end(&s);
}

/* The mask is in force: without memory nothing begins. */
TEST(the_mask_refuses)
{
	struct proc p;
	uint64_t mask[2];

	mask_make(mask, EXO_NR_page_alloc);
	must(session_start(&s));
	must(run_masked(&p, mask));
	OK(is_soon(p.env, EXO_ENV_STOPPED));
	EQ(EXO_ENVS[EXO_INDEX(p.env)].cause, EXO_CAUSE_FAULT);
	session_end(&s);
}
