/*
 * sleep.c - Castor's waiting: for time, words, children.
 *
 * run: --mem 64M --icount
 */
#include <castor/sleep.h>

#include "test.h"

#define SLICE	9u

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

static void
slice_take(exo_id env, exo_slot slot)
{
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    SLICE));
	must(exo_slice_set(self->memory_slot, SLICE, env, slot));
}

static void
slice_drop(void)
{
	EQ(exo_slice_free(self->memory_slot, SLICE), 0);
}

TEST(time_passes_and_nobody_runs)
{
	uint64_t ticks = EXO_MACHINE->ticks, idle = EXO_COUNTERS->ticks_idle;

	sleep_until(ticks + 25);
	EQ(EXO_MACHINE->ticks, ticks + 25);
	OK(EXO_COUNTERS->ticks_idle - idle >= 24);
	sleep_until(ticks);
	sleep_until(0);
	EQ(EXO_MACHINE->ticks, ticks + 25);
}

TEST(milliseconds_are_not_fewer)
{
	for (uint64_t ms = 0; ms < 14; ms += 3) {
		uint64_t tsc = __builtin_ia32_rdtsc();

		sleep_ms(ms);
		tsc = __builtin_ia32_rdtsc() - tsc;
		OK(tsc >= ms * EXO_MACHINE->tsc_hz / 1000);
		OK(tsc <= (ms + 9) * EXO_MACHINE->tsc_hz / 1000);
	}
}

/* ---- children */

static void
child_sleeps(struct child_page *p)
{
	p->w[0] = EXO_MACHINE->ticks;
	sleep_until(EXO_MACHINE->ticks + 20);
	p->w[1] = EXO_MACHINE->ticks;
}

/* It has no slice; who waits for it asks it at each of his own. */
TEST(child_that_sleeps_is_waited_for)
{
	uint64_t idle = EXO_COUNTERS->ticks_idle;
	struct child c;

	child_make(&c, child_sleeps, NULL);
	child_start(&c);
	proc_sleep(&c.proc);
	OK(proc_ended(&c.proc));
	EQ(row(c.proc.env)->slices, 0);
	EQ(c.page->w[1], c.page->w[0] + 20);
	OK(EXO_COUNTERS->ticks_idle - idle >= 15);
	child_finish(&c);
}

/* Its env ends, and its domain does not. */
static void
child_ends_alone(struct child_page *p)
{
	sleep_until(EXO_MACHINE->ticks + 5);
	p->w[0] = 1;
	(void)!exo_env_exit(7);
}

TEST(child_whose_env_ends_is_seen)
{
	struct child c;

	child_make(&c, child_ends_alone, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	proc_sleep(&c.proc);
	EQ(c.page->w[0], 1);
	EQ(row(c.proc.env)->exit_word, 7);
	EQ(EXO_DOMAINS[EXO_INDEX(c.proc.domain)].state, EXO_DOM_LIVE);
	EQ(row(self->env)->wake, SLEEP_CHANGED);
	slice_drop();
	child_end(&c);
}

static void
child_works(struct child_page *p)
{
	uint64_t until = EXO_MACHINE->ticks + 10;

	while (EXO_MACHINE->ticks < until)
		p->w[0]++;
}

/* All of our time is its. */
TEST(child_that_works_is_waited_for)
{
	uint64_t ticks, mine;
	struct child c;

	child_make(&c, child_works, NULL);
	child_start(&c);
	ticks = EXO_MACHINE->ticks;
	mine = row(self->env)->ticks;
	proc_sleep(&c.proc);
	ticks = EXO_MACHINE->ticks - ticks;
	OK(ticks >= 10 && ticks <= 12);
	OK(row(self->env)->ticks - mine <= 2);
	OK(row(c.proc.env)->ticks >= 9);
	child_finish(&c);
}

/* It has somebody else's time only between: a third one works, too. */
TEST(child_without_a_slice_has_mine)
{
	uint64_t its, ticks;
	struct child c, d;

	child_make(&d, child_works, NULL);
	child_start(&d);
	slice_take(d.proc.env, d.proc.name);
	child_make(&c, child_works, NULL);
	child_start(&c);
	ticks = EXO_MACHINE->ticks;
	proc_sleep(&c.proc);
	ticks = EXO_MACHINE->ticks - ticks;
	its = row(c.proc.env)->ticks;
	OK(its >= ticks / 2 - 2);
	child_finish(&c);
	slice_drop();
	child_finish(&d);
}

/* One with slices of its own is not asked after all the time. */
TEST(child_with_slices_runs_in_those)
{
	uint64_t checks;
	struct child c;

	child_make(&c, child_sleeps, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	checks = row(self->env)->checks;
	proc_sleep(&c.proc);
	OK(proc_ended(&c.proc));
	EQ(c.page->w[1], c.page->w[0] + 20);
	/* Once a tick, in its turn, and never awake for nothing. */
	OK(row(self->env)->checks - checks <= 50);
	EQ(row(self->env)->wake, SLEEP_CHANGED);
	slice_drop();
	child_finish(&c);
}

static void
child_with_child(struct child_page *p)
{
	struct child c;

	child_make(&c, child_sleeps, NULL);
	child_start(&c);
	proc_sleep(&c.proc);
	p->w[0] = c.page->w[1] - c.page->w[0];
	child_finish(&c);
}

TEST(grandchild_sleeps_in_its_grandparents_slice)
{
	struct child c;

	child_make(&c, child_with_child, NULL);
	child_start(&c);
	proc_sleep(&c.proc);
	OK(c.page->w[0] >= 20 && c.page->w[0] <= 22);
	child_finish(&c);
}

static void
child_for_ever(struct child_page *p)
{
	for (;;) {
		sleep_until(SLEEP_FOREVER);
		p->w[0]++;
	}
}

TEST(child_killed_in_its_sleep_is_seen)
{
	struct child c;

	child_make(&c, child_for_ever, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	sleep_until(EXO_MACHINE->ticks + 3);
	EQ(row(c.proc.env)->state, EXO_ENV_SLEEPING);
	EQ(exo_env_kill(c.proc.env, c.proc.name, 3), 0);
	EQ(proc_wait(&c.proc), 0);
	EQ(c.proc.cause, EXO_CAUSE_KILL);
	EQ(c.proc.word, 3);
	EQ(c.page->w[0], 0);
	slice_drop();
	c.proc.name = EXO_NONE;
	EQ(vm_unmap((uint64_t)c.page, 1), 0);
	EQ(exo_page_free(self->memory_slot, c.page_ppn, 1), 1);
}

/* Stopped and continued, it goes on sleeping. */
TEST(child_stopped_in_its_sleep_sleeps_on)
{
	struct child c;

	child_make(&c, child_for_ever, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	sleep_until(EXO_MACHINE->ticks + 3);
	EQ(exo_env_stop(c.proc.env, c.proc.name), 0);
	EQ(exo_env_continue(c.proc.env, c.proc.name, row(c.proc.env)->seq,
	    EXO_HOW_RETRY, 0), 0);
	sleep_until(EXO_MACHINE->ticks + 3);
	EQ(row(c.proc.env)->state, EXO_ENV_SLEEPING);
	EQ(c.page->w[0], 0);
	slice_drop();
	child_end(&c);
}

/* ---- words */

static void
child_writes(struct child_page *p)
{
	sleep_until(EXO_MACHINE->ticks + 10);
	p->w[7] = 1;
	sleep_until(SLEEP_FOREVER);
}

TEST(word_that_changes_wakes)
{
	const uint32_t at = offsetof(struct child_page, w[7]);
	uint64_t ticks = EXO_MACHINE->ticks;
	struct child c;

	child_make(&c, child_writes, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	EQ(sleep_word(c.page_ppn, self->memory_slot, at, 0, ticks + 5),
	    SLEEP_TIMEOUT);
	EQ(EXO_MACHINE->ticks, ticks + 5);
	EQ(sleep_word(c.page_ppn, self->memory_slot, at, 0, SLEEP_FOREVER),
	    SLEEP_CHANGED);
	EQ(c.page->w[7], 1);
	OK(EXO_MACHINE->ticks - ticks <= 14);
	EQ(sleep_word(c.page_ppn, self->memory_slot, at, 0, SLEEP_FOREVER),
	    SLEEP_CHANGED);
	EQ(sleep_word(c.page_ppn, self->memory_slot, 4096, 0, 0), -EXO_E_ARG);
	EQ(sleep_word(c.page_ppn, self->memory_slot, 4, 0, 0), -EXO_E_ARG);
	EQ(sleep_word(EXO_NONE, self->memory_slot, 0, 0, 0), -EXO_E_ARG);
	EQ(sleep_word(c.page_ppn, EXO_NONE, at, 0, 0), -EXO_E_SLOT);
	slice_drop();
	child_end(&c);
}

/* On a word of a frame of its own. */
static void
child_on_word(struct child_page *p)
{
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));

	p->w[0] = 1;
	p->w[1] = (uint64_t)sleep_word((exo_ppn)ppn, self->memory_slot, 0, 0,
	    SLEEP_FOREVER);
	p->w[0] = 2;
}

TEST(stop_does_not_end_the_wait_for_a_word)
{
	struct child c;

	child_make(&c, child_on_word, NULL);
	child_start(&c);
	slice_take(c.proc.env, c.proc.name);
	sleep_until(EXO_MACHINE->ticks + 3);
	EQ(c.page->w[0], 1);
	EQ(exo_env_stop(c.proc.env, c.proc.name), 0);
	EQ(exo_env_continue(c.proc.env, c.proc.name, row(c.proc.env)->seq,
	    EXO_HOW_RETRY, 0), 0);
	sleep_until(EXO_MACHINE->ticks + 3);
	EQ(row(c.proc.env)->state, EXO_ENV_SLEEPING);
	EQ(c.page->w[0], 1);
	slice_drop();
	child_end(&c);
}

/* ---- where there can be no sleep */

static uint64_t
service(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	uint64_t ticks = EXO_MACHINE->ticks;

	(void)badge, (void)a, (void)b, (void)c, (void)d, (void)e;
	sleep_until(ticks + 3);
	return EXO_MACHINE->ticks - ticks;
}
SERVICE(service);

static void
child_serves(struct child_page *p)
{
	child_reach(p, 1);
	sleep_until(SLEEP_FOREVER);
}

TEST(servant_waits_by_yielding)
{
	static const struct child_opts o = { .seats = 1 };
	uint64_t place, result = 0;
	struct child c;

	child_make(&c, child_serves, &o);
	child_start(&c);
	OK(child_run_to(&c, 1));
	place = child_handle(&c, 1, self->env, service_entry, 0);
	EQ(exo_call(place, 0, 0, 0, 0, 0, &result), EXO_K_REPLY);
	OK(result >= 3 && result <= 4);
	EQ(row(self->env)->state, EXO_ENV_READY);
	child_end(&c);
}

TEST(without_a_frame_for_the_program_too)
{
	struct child c;
	const volatile struct exo_acct *a;

	child_make(&c, child_sleeps, NULL);
	a = &EXO_ACCTS[EXO_INDEX(c.proc.acct)];
	EQ(exo_acct_limit(c.proc.acct, c.proc.name, EXO_RES_FRAMES,
	    (int64_t)a->used[EXO_RES_FRAMES] -
	    (int64_t)a->limit[EXO_RES_FRAMES]), 0);
	child_start(&c);
	proc_sleep(&c.proc);
	EQ(c.page->w[1], c.page->w[0] + 20);
	EQ(row(c.proc.env)->checks, 0);
	child_finish(&c);
}
