/*
 * pred.c - sleeping on predicates: what wakes, what it may look at, who pays,
 * and what happens when a party dies meanwhile.
 *
 * Sleepers are envs in cells (cell.h), which share my slots; what they sleep
 * on lies in their page.
 *
 * run: --mem 64M --icount
 */
#include "cell.h"
#include "nap.h"

#define SEAT		2u		/* of a sleeper */
#define LOOPED		64u		/* turns of a hostile program */

/* Words of a cell's page. */
enum { GO = 0, RESULT, NAPS, COUNT, ARGS = 100 };

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

static struct exo_sleep *
args_of(struct cell *c)
{
	return (struct exo_sleep *)&c->page->w[ARGS];
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

/* ------------------------------------------------------------- programs */

/* The first word of window 0. */
static const uint64_t on_word[] = {
	WINDOW(R6, 0), LOAD(R0, R6, 0), EXIT
};

/* 2, at tick arg[0]. */
static const uint64_t on_clock[] = {
	LOAD(R6, R1, PRED(ticks)), MOV(R0, 0), JLTR(R6, R2, 1), MOV(R0, 2),
	EXIT
};

static const uint64_t never[] = { MOV(R0, 0), EXIT };
static const uint64_t at_once[] = { MOV(R0, 7), EXIT };

/* For ever. */
static const uint64_t endless[] = { JA(-1) };

/* Nearly all its fuel, each time, and then no. */
static const uint64_t hostile[] = {
	MOV(R6, LOOPED), LOAD(R7, R1, 0), ADD(R6, -1), JNE(R6, 0, -3),
	MOV(R0, 0), EXIT
};

/* ------------------------------------------------------------- in a cell */

/* One sleep. */
static uint64_t
in_nap(struct cell_page *p, uint64_t env, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	p->w[RESULT] = (uint64_t)exo_env_sleep((uint64_t)&p->w[ARGS],
	    env != 0 ? env : EXO_ID_ANY, (exo_slot)p->w[20], EXO_NONE);
	p->w[NAPS]++;
	return 0x55;
}

/* One after the other. */
static uint64_t
in_naps(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;) {
		p->w[RESULT] = (uint64_t)exo_env_sleep((uint64_t)&p->w[ARGS],
		    EXO_ID_ANY, 0, EXO_NONE);
		p->w[NAPS]++;
	}
	return 0;
}

static uint64_t
in_spin(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[COUNT]++;
	return 0;
}

/* An env of a cell's, asleep on what args_of says. */
static exo_id
sleeper(struct cell *c, cell_fn fn)
{
	exo_id env = cell_env(c, SEAT, fn, 0);

	OK(cell_run_state(c, env, EXO_ENV_SLEEPING));
	return env;
}

/* Asleep on the word GO of its page. */
static exo_id
word_sleeper(struct cell *c, exo_ppn prog)
{
	*args_of(c) = (struct exo_sleep){ .prog = prog,
	    .prog_slot = self->memory_slot };
	nap_frame(args_of(c), c->frame[0], c->name, 0, 64);
	return sleeper(c, in_nap);
}

/* It has run on, to its end. */
static bool
over(struct cell *c, exo_id env)
{
	return EQ(row(env)->state, EXO_ENV_DEAD) &&
	    EQ(row(env)->exit_word, 0x55) && EQ(c->page->w[NAPS], 1);
}

/* ---------------------------------------------------------- what it says */

static long
nap_on(const uint64_t *code, uint32_t n)
{
	struct exo_sleep s = { .prog = prog_new(code, n, self->memory_slot),
	    .prog_slot = self->memory_slot, .arg = { 11, 22, 33, ~0ull } };
	long r = nap(&s);

	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
	return r;
}
#define NAP_ON(code)	nap_on(code, sizeof(code) / sizeof((code)[0]))

TEST(true_at_once_is_no_sleep)
{
	uint64_t switches = EXO_COUNTERS->switches;
	uint64_t fuel = row(self->env)->fuel, checks = row(self->env)->checks;

	EQ(NAP_ON(at_once), 7);
	EQ(EXO_COUNTERS->switches, switches);
	EQ(row(self->env)->state, EXO_ENV_READY);
	EQ(row(self->env)->fuel - fuel, 2);
	EQ(row(self->env)->checks - checks, 1);
	EQ(row(self->env)->wake, 7);
}

TEST(result_is_the_low_half_and_never_looks_like_an_error)
{
	static const uint64_t all[] = { MOV(R0, -1), EXIT };
	static const uint64_t minus[] = { MOV(R0, -EXO_E_STALE), EXIT };

	EQ(NAP_ON(all), 0xffffffffl);
	EQ(NAP_ON(minus), 0x100000000l - EXO_E_STALE);
	EQ(row(self->env)->wake, 0x100000000l - EXO_E_STALE);
}

/* Only upper bits: it sleeps on, until the clock says otherwise. */
TEST(upper_half_of_the_result_does_not_count)
{
	static const uint64_t code[] = {
		MOV(R0, 1), SHL(R0, 32), LOAD(R6, R1, PRED(ticks)),
		LOAD(R7, R1, PRED(arg)), JLTR(R6, R7, 1), ADD(R0, 3), EXIT
	};
	struct exo_sleep s = { .prog = PROG_NEW(code, self->memory_slot),
	    .prog_slot = self->memory_slot,
	    .arg = { EXO_MACHINE->ticks + 3 } };

	EQ(nap(&s), 3);
	OK(EXO_MACHINE->ticks >= s.arg[0]);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

TEST(predicate_is_told_what_it_was_promised)
{
	static const uint64_t regs[] = {	/* all right: 1 */
		MOV(R0, 1),
		JNE(R2, 11, 3), JNE(R3, 22, 2), JNE(R4, 33, 1),
		JEQ(R5, -1, 1), MOV(R0, 2), EXIT
	};
	static const uint64_t words[] = {
		MOV(R0, 1),
		LOAD(R6, R1, PRED(arg[0])), JNE(R6, 11, 6),
		LOAD(R6, R1, PRED(arg[1])), JNE(R6, 22, 4),
		LOAD(R6, R1, PRED(arg[2])), JNE(R6, 33, 2),
		LOAD(R6, R1, PRED(arg[3])), JEQ(R6, -1, 1), MOV(R0, 2), EXIT
	};
	static const uint64_t rest[] = {	/* r6-r9 are 0 */
		MOV(R0, 1), JNE(R6, 0, 3), JNE(R7, 0, 2), JNE(R8, 0, 1),
		JEQ(R9, 0, 1), MOV(R0, 2), EXIT
	};
	static const uint64_t where[] = { MOVR(R0, R1), INSN(0x77, R0, 0, 0,
	    32), EXIT };
	static const uint64_t deaths[] = { LOAD(R0, R1, PRED(deaths)),
	    ADD(R0, 1), EXIT };
	static const uint64_t typed[] = { LOAD(R0, R1, PRED(typed)),
	    ADD(R0, 1), EXIT };
	static const uint64_t ticks[] = { LOAD(R0, R1, PRED(ticks)), EXIT };
	static const uint64_t tsc[] = { LOAD(R0, R1, PRED(tsc)), EXIT };
	uint64_t t = EXO_MACHINE->ticks;
	uint32_t low, now;

	EQ(NAP_ON(regs), 1);
	EQ(NAP_ON(words), 1);
	EQ(NAP_ON(rest), 1);
	EQ(NAP_ON(where), EXO_PRED_AT >> 32);
	EQ(NAP_ON(deaths), EXO_MACHINE->deaths + 1);
	EQ(NAP_ON(typed), EXO_MACHINE->typed + 1);
	OK((uint64_t)NAP_ON(ticks) - t <= 2);
	low = (uint32_t)__builtin_ia32_rdtsc();
	now = (uint32_t)NAP_ON(tsc);
	OK(now - low < EXO_MACHINE->tsc_hz / 10);
}

/* A stack of its own, zeroed, for each function. */
TEST(predicate_has_a_stack_of_its_own)
{
	static const uint64_t code[] = {
		LOAD(R6, R10, -8), JNE(R6, 0, 6), MOV(R7, 5),
		STORE(R10, -8, R7), CALL(4), JNE(R0, 0, 2),
		LOAD(R0, R10, -8), EXIT, MOV(R0, 99), /* 8 */
		LOAD(R0, R10, -8), EXIT
	};

	EQ(NAP_ON(code), 5);
	EQ(NAP_ON(code), 5);
}

TEST(program_that_goes_wrong_wakes_with_an_error)
{
	static const uint64_t null[] = { LOAD(R0, R0, 0), EXIT };
	static const uint64_t past[] = { LOAD(R0, R1, 64), EXIT };
	static const uint64_t across[] = { LOAD(R0, R1, 60), EXIT };
	static const uint64_t before[] = { LOAD8(R0, R1, -1), EXIT };
	static const uint64_t kernel[] = { INSN(0x18, R6, 0, 0, 0),
	    INSN(0, 0, 0, 0, 0xffff8000), LOAD(R0, R6, 0), EXIT };
	static const uint64_t table[] = { INSN(0x18, R6, 0, 0, 0),
	    INSN(0, 0, 0, 0, 0xffffff00), LOAD(R0, R6, 0), EXIT };
	static const uint64_t write[] = { STORE(R1, 0, R0), EXIT };
	static const uint64_t deep[] = { CALL(-1), EXIT };
	static const uint64_t window[] = { WINDOW(R6, 0), LOAD8(R0, R6, 0),
	    EXIT };
	static const uint64_t stack[] = { LOAD(R0, R10, 0), EXIT };
	uint64_t fuel = row(self->env)->fuel;

	EQ(NAP_ON(null), -EXO_E_ADDR);
	EQ(NAP_ON(past), -EXO_E_ADDR);
	EQ(NAP_ON(across), -EXO_E_ADDR);
	EQ(NAP_ON(before), -EXO_E_ADDR);
	EQ(NAP_ON(kernel), -EXO_E_ADDR);
	EQ(NAP_ON(table), -EXO_E_ADDR);
	EQ(NAP_ON(write), -EXO_E_ADDR);
	EQ(NAP_ON(deep), -EXO_E_ADDR);
	EQ(NAP_ON(window), -EXO_E_ADDR);
	EQ(NAP_ON(stack), -EXO_E_ADDR);
	EQ(row(self->env)->wake, -EXO_E_ADDR);
	OK(row(self->env)->fuel > fuel);
	fuel = row(self->env)->fuel;
	EQ(NAP_ON(endless), -EXO_E_FUEL);
	EQ(row(self->env)->fuel - fuel, EXO_PRED_FUEL);
	EQ(row(self->env)->wake, -EXO_E_FUEL);
}

/* ----------------------------------------------------------- what wakes it */

TEST(sleeper_wakes_by_a_word)
{
	struct cell c;
	uint64_t ticks, checks;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	checks = row(env)->checks;
	ticks = row(env)->ticks;
	wait_ticks(20);
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	EQ(c.page->w[NAPS], 0);
	EQ(row(env)->ticks, ticks);
	OK(row(env)->checks - checks >= 15);
	/* 3 instructions, all of them counted. */
	EQ(row(env)->fuel, 3 * row(env)->checks);
	c.page->w[GO] = 41;
	wait_ticks(3);
	OK(over(&c, env));
	EQ(c.page->w[RESULT], 41);
	EQ(row(env)->wake, 41);
	cell_end(&c);
}

/* Alone in the machine: it idles, and comes back. */
TEST(sleep_with_a_timeout_is_a_predicate)
{
	uint64_t ticks = EXO_MACHINE->ticks, idle = EXO_COUNTERS->ticks_idle;
	uint64_t mine = row(self->env)->ticks;
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot, .arg = { ticks + 20 } };

	EQ(nap(&s), 2);
	EQ(EXO_MACHINE->ticks, ticks + 20);
	OK(EXO_COUNTERS->ticks_idle - idle >= 19);
	OK(row(self->env)->ticks - mine <= 1);
	/* Over already: it does not sleep. */
	EQ(nap(&s), 2);
	OK(EXO_MACHINE->ticks <= ticks + 21);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

TEST(sleeper_leaves_the_cpu_to_others)
{
	struct cell c;
	uint64_t ticks;
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot };
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, SEAT, in_spin, 0);
	give(&c, 10, env);
	wait_ticks(2);
	ticks = row(env)->ticks;
	s.arg[0] = EXO_MACHINE->ticks + 15;
	EQ(nap(&s), 2);
	OK(row(env)->ticks - ticks >= 14);
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

/* By its row in EXO_ENVS. */
TEST(sleeper_wakes_by_a_death)
{
	static const uint64_t dead[] = {
		WINDOW(R6, 0), LOAD32(R6, R6, offsetof(struct exo_env, state)),
		MOV(R0, 0), INSN(0x57, R6, 0, 0, 0xffff),
		INSN(0xa5, R6, 0, 1, EXO_ENV_DEAD), MOV(R0, 9), EXIT
	};
	struct exo_sleep s = { .prog = PROG_NEW(dead, self->memory_slot),
	    .prog_slot = self->memory_slot };
	struct cell c;
	uint64_t idle = EXO_COUNTERS->ticks_idle;
	exo_id env;

	cell_make(&c, NULL);
	*args_of(&c) = (struct exo_sleep){
	    .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot,
	    .arg = { EXO_MACHINE->ticks + 30 } };
	env = sleeper(&c, in_nap);
	give(&c, 10, env);
	nap_table(&s, EXO_TAB_ENVS, EXO_INDEX(env) * sizeof(struct exo_env),
	    sizeof(struct exo_env));
	EQ(nap(&s), 9);
	OK(over(&c, env));
	OK(EXO_COUNTERS->ticks_idle - idle >= 25);
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

TEST(sleep_gives_the_slice_to_whom_it_names)
{
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot };
	struct cell c, d;
	exo_id env, other;

	cell_make(&c, NULL);
	cell_make(&d, NULL);
	env = cell_env(&c, SEAT, in_spin, 0);
	other = cell_env(&d, SEAT, in_spin, 0);
	give(&d, 10, other);
	wait_ticks(1);
	s.arg[0] = EXO_MACHINE->ticks + 1;
	EQ(exo_env_sleep((uint64_t)&s, env, c.name, EXO_NONE), 2);
	OK(c.page->w[COUNT] > 0);
	EQ(row(env)->slices, 0);
	/* Who can't run is as good as nobody. */
	EQ(exo_env_stop(env, c.name), 0);
	c.page->w[COUNT] = 0;
	s.arg[0] = EXO_MACHINE->ticks + 4;
	EQ(exo_env_sleep((uint64_t)&s, env, c.name, EXO_NONE), 2);
	EQ(c.page->w[COUNT], 0);
	/* Oneself too. */
	s.arg[0] = EXO_MACHINE->ticks + 4;
	EQ(exo_env_sleep((uint64_t)&s, self->env, self->env_slot, EXO_NONE),
	    2);
	cell_end(&d);
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

TEST(yield_to_a_sleeper_asks_it)
{
	struct cell c;
	uint64_t place, checks;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	place = cell_handle(&c, SEAT, 0);
	checks = row(env)->checks;
	/* No slice: nobody asks but who yields to it. */
	wait_ticks(5);
	EQ(row(env)->checks, checks);
	REFUSED(exo_env_yield(env, c.name, EXO_NONE), STATE);
	REFUSED(exo_env_yield(env, 0, place), STATE);
	EQ(row(env)->checks - checks, 2);
	c.page->w[GO] = 5;
	wait_ticks(5);
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	EQ(exo_env_yield(env, c.name, EXO_NONE), 0);
	OK(over(&c, env));
	EQ(c.page->w[RESULT], 5);
	cell_end(&c);
	(void)!exo_handle_drop(place);
}

/* The target of a sleep is asked, too. */
TEST(sleep_in_favour_of_a_sleeper_asks_it)
{
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot };
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	s.arg[0] = EXO_MACHINE->ticks + 2;
	EQ(exo_env_sleep((uint64_t)&s, env, c.name, EXO_NONE), 2);
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	c.page->w[GO] = 5;
	s.arg[0] = EXO_MACHINE->ticks + 2;
	EQ(exo_env_sleep((uint64_t)&s, env, c.name, EXO_NONE), 2);
	OK(over(&c, env));
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

/* ------------------------------------------------------------- its windows */

TEST(windows_are_what_was_bound_and_no_more)
{
	/* Word arg[1] of window arg[0], less arg[2]; or an error. */
	static const uint64_t code[] = {
		ADD(R2, 2), SHL(R2, 32), INSN(0x0f, R2, R3, 0, 0),
		LOAD(R0, R2, 0), SUBR(R0, R4), ADD(R0, 1), EXIT
	};
	struct exo_sleep s = { .prog = PROG_NEW(code, self->memory_slot),
	    .prog_slot = self->memory_slot };
	uint64_t *p, rows = EXO_MACHINE->nframes * sizeof(struct exo_page);
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));

	p = (uint64_t *)must(vm_map_frame((exo_ppn)ppn, VM_RW,
	    self->memory_slot));
	for (uint32_t i = 0; i < 512; i++)
		p[i] = i;
	for (uint32_t w = 0; w < EXO_PRED_WINDOWS; w++)
		nap_frame(&s, (exo_ppn)ppn, self->memory_slot, 512 * w,
		    8 * (w + 1));
	for (uint32_t w = 0; w < EXO_PRED_WINDOWS; w++) {
		memcpy(s.arg, (uint64_t[4]){ w, 8 * w, 64 * w + w }, 32);
		EQ(nap(&s), 1);
		s.arg[1] = 8 * w + 1;
		EQ(nap(&s), -EXO_E_ADDR);
		s.arg[1] = -1;
		EQ(nap(&s), -EXO_E_ADDR);
	}
	s.arg[0] = EXO_PRED_WINDOWS;		/* none of that number */
	s.arg[1] = 0;
	EQ(nap(&s), -EXO_E_ADDR);
	/* The whole frame; the last bytes; none. */
	s.nwin = 0;
	nap_frame(&s, (exo_ppn)ppn, self->memory_slot, 0, 4096);
	nap_frame(&s, (exo_ppn)ppn, self->memory_slot, 4088, 8);
	nap_frame(&s, (exo_ppn)ppn, self->memory_slot, 4096, 0);
	memcpy(s.arg, (uint64_t[4]){ 0, 4088, 511 }, 32);
	EQ(nap(&s), 1);
	s.arg[1] = 4089;
	EQ(nap(&s), -EXO_E_ADDR);
	memcpy(s.arg, (uint64_t[4]){ 1, 0, 511 }, 32);
	EQ(nap(&s), 1);
	s.arg[0] = 2;
	EQ(nap(&s), -EXO_E_ADDR);
	/* The last row of a table; a page of it from there back. */
	s.nwin = 0;
	nap_table(&s, EXO_TAB_PAGES, rows - 64, 64);
	nap_table(&s, EXO_TAB_PAGES, rows - 4096, 4096);
	nap_table(&s, EXO_TAB_MACHINE, 0, 8);
	memcpy(s.arg, (uint64_t[4]){ 0, 56,
	    EXO_PAGES[EXO_MACHINE->nframes - 1].epoch }, 32);
	EQ(nap(&s), 1);
	memcpy(s.arg, (uint64_t[4]){ 1, 4088, s.arg[2] }, 32);
	EQ(nap(&s), 1);
	s.arg[1] = 4096;
	EQ(nap(&s), -EXO_E_ADDR);
	memcpy(s.arg, (uint64_t[4]){ 2, 0, *(const volatile uint64_t *)
	    EXO_MACHINE }, 32);
	EQ(nap(&s), 1);
	EQ(vm_unmap((uint64_t)p, 1), 0);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

/* Neither what it may READ, even if it may WRITE it, nor what all may. */
TEST(windows_are_read_only)
{
	static const uint64_t store[] = {	/* window arg[0] */
		ADD(R2, 2), SHL(R2, 32), MOV(R0, 99), STORE(R2, 0, R0), EXIT
	};
	static const uint64_t atomic[] = {
		ADD(R2, 2), SHL(R2, 32), MOV(R0, 99),
		INSN(0xdb, R2, R0, 0, 0), EXIT
	};
	struct exo_sleep s = { .prog_slot = self->memory_slot };
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	volatile uint64_t *p = (volatile uint64_t *)must(vm_map_frame(
	    (exo_ppn)ppn, VM_RW, self->memory_slot));

	nap_frame(&s, (exo_ppn)ppn, self->memory_slot, 0, 64);
	nap_table(&s, EXO_TAB_ENVS, 0, 64);
	for (uint32_t i = 0; i < 4; i++) {
		s.prog = i < 2 ? PROG_NEW(store, self->memory_slot) :
		    PROG_NEW(atomic, self->memory_slot);
		s.arg[0] = i % 2;
		EQ(nap(&s), -EXO_E_ADDR);
		EQ(*p, 0);
		EQ(EXO_ENVS[0].gen, 0);
		EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
	}
	EQ(vm_unmap((uint64_t)p, 1), 0);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
}

/* Each table begins where it is published. */
TEST(windows_of_tables_show_those_tables)
{
	static const uint64_t code[] = {	/* sum of 8 words, less arg[0] */
		WINDOW(R6, 0), MOV(R0, 1), SUBR(R0, R2), MOV(R8, 8),
		LOAD(R7, R6, 0), INSN(0x0f, R0, R7, 0, 0), ADD(R6, 8),
		ADD(R8, -1), JNE(R8, 0, -5), EXIT
	};
	struct exo_sleep s = { .prog = PROG_NEW(code, self->memory_slot),
	    .prog_slot = self->memory_slot };

	for (uint32_t t = 0; t < EXO_TABS; t++) {
		const volatile uint64_t *p =
		    (const volatile uint64_t *)EXO_PUB_AT(t);

		/* My own row, with what it had before this sleep. */
		s.nwin = 0;
		nap_table(&s, t, 64, 64);
		s.arg[0] = 0;
		for (uint32_t i = 8; i < 16; i++)
			s.arg[0] += p[i];
		EQ(nap(&s), 1);
	}
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}

/* ------------------------------------------- what becomes of what it reads */

/* The next time it is asked, it is awake with STALE. */
static bool
stale(struct cell *c, exo_id env)
{
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	EQ(exo_env_yield(env, c->name, EXO_NONE), 0);
	return EQ(row(env)->wake, -EXO_E_STALE) && over(c, env) &&
	    EQ(c->page->w[RESULT], -EXO_E_STALE);
}

static exo_id
frame_sleeper(struct cell *c, exo_ppn ppn, exo_slot slot, exo_ppn prog)
{
	*args_of(c) = (struct exo_sleep){ .prog = prog,
	    .prog_slot = self->memory_slot };
	nap_frame(args_of(c), c->frame[0], c->name, 0, 64);
	nap_frame(args_of(c), ppn, slot, 0, 64);
	return sleeper(c, in_nap);
}

TEST(freed_frame_wakes_with_stale)
{
	exo_ppn prog = PROG_NEW(on_word, self->memory_slot);
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = frame_sleeper(&c, (exo_ppn)ppn, self->memory_slot, prog);
	REFUSED(exo_env_yield(env, c.name, EXO_NONE), STATE);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
	OK(stale(&c, env));
	cell_end(&c);
	/* Somebody else's by now, of the same kind and name. */
	cell_make(&c, NULL);
	ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	env = frame_sleeper(&c, (exo_ppn)ppn, self->memory_slot, prog);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
	EQ(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_DATA | EXO_KIND_LIVE, (exo_ppn)ppn, 1), 1);
	OK(stale(&c, env));
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
}

TEST(renamed_frame_wakes_with_stale)
{
	exo_ppn prog = PROG_NEW(on_word, self->memory_slot);
	exo_slot name = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = frame_sleeper(&c, (exo_ppn)ppn, self->memory_slot, prog);
	EQ(exo_page_guard(self->memory_slot, name, (exo_ppn)ppn, 1), 0);
	OK(stale(&c, env));
	cell_end(&c);
	/* And while mappings are left. */
	cell_make(&c, NULL);
	env = frame_sleeper(&c, (exo_ppn)ppn, name, prog);
	for (uint32_t i = 0; i < 2; i++)
		must(vm_map_frame((exo_ppn)ppn, VM_R, name));
	EQ(exo_page_guard(name, name, (exo_ppn)ppn, 1), 1);
	OK((EXO_PAGES[ppn].flags & EXO_PF_REGUARD) != 0);
	OK(stale(&c, env));
	while (must(exo_page_guard(name, name, (exo_ppn)ppn, 1)) > 0)
		;
	cell_end(&c);
	EQ(exo_page_free(name, (exo_ppn)ppn, 1), 1);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
	slot_put(name);
}

static void
prog_again(exo_ppn prog, const uint64_t *code, uint32_t n)
{
	EQ(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_PROG, prog, 1), 1);
	EQ(exo_prog_load(self->memory_slot, prog, (uint64_t)code, n), 0);
}

/* Nothing is pinned, and the next program in that frame is not run. */
TEST(freed_program_wakes_with_stale)
{
	exo_ppn prog = PROG_NEW(on_word, self->memory_slot);
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, prog);
	EQ(EXO_PAGES[prog].uses, 0);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
	OK(stale(&c, env));
	cell_end(&c);
	cell_make(&c, NULL);
	prog_again(prog, on_word, 4);
	env = word_sleeper(&c, prog);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
	prog_again(prog, at_once, 2);
	OK(stale(&c, env));
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
}

/* Its capabilities may go: they were checked when it went to sleep. */
TEST(sleep_is_bound_once)
{
	exo_slot prog_slot = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_EXEC, EXO_COMP_SAME));
	exo_slot read;
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	read = (exo_slot)must(slot_derive(c.name, EXO_R_READ, EXO_COMP_SAME));
	*args_of(&c) = (struct exo_sleep){
	    .prog = PROG_NEW(on_word, self->memory_slot),
	    .prog_slot = prog_slot };
	nap_frame(args_of(&c), c.frame[0], read, 0, 64);
	env = sleeper(&c, in_nap);
	slot_put(prog_slot);
	slot_put(read);
	REFUSED(exo_env_yield(env, c.name, EXO_NONE), STATE);
	c.page->w[GO] = 1;
	EQ(exo_env_yield(env, c.name, EXO_NONE), 0);
	OK(over(&c, env));
	cell_end(&c);
}

/* --------------------------------------------- what becomes of the sleeper */

TEST(stopped_sleeper_is_told_cut)
{
	struct exo_regs r;
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	REFUSED(exo_env_force_yield(env, c.name), STATE);
	REFUSED(exo_env_regs(env, c.name, (uint64_t)&r), STATE);
	REFUSED(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY,
	    0), STATE);
	EQ(exo_env_stop(env, c.name), 0);
	EQ(row(env)->state, EXO_ENV_STOPPED);
	EQ(row(env)->wake, -EXO_E_CUT);
	/* Stopped it stays, whatever the predicate would say. */
	c.page->w[GO] = 1;
	wait_ticks(3);
	EQ(row(env)->state, EXO_ENV_STOPPED);
	EQ(exo_env_yield(env, c.name, EXO_NONE), -EXO_E_STATE);
	EQ(exo_env_regs(env, c.name, (uint64_t)&r), 0);
	EQ(r.rax, -EXO_E_CUT);
	EQ(exo_env_continue(env, c.name, row(env)->seq, EXO_HOW_RETRY, 0), 0);
	wait_ticks(3);
	OK(over(&c, env));
	EQ(c.page->w[RESULT], -EXO_E_CUT);
	cell_end(&c);
}

TEST(killed_sleeper_dies_at_once)
{
	struct cell c;
	uint64_t deaths = EXO_MACHINE->deaths;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	EQ(exo_env_kill(env, c.name, 77), 0);
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(row(env)->cause, EXO_CAUSE_KILL);
	EQ(row(env)->exit_word, 77);
	EQ(EXO_MACHINE->deaths - deaths, 1);
	c.page->w[GO] = 1;
	wait_ticks(3);
	EQ(c.page->w[NAPS], 0);
	cell_end(&c);
}

/* As one that is ready: before it would run again, or when it is reaped. */
TEST(sleeper_dies_with_its_home)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	wait_ticks(3);
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	EQ(c.page->w[NAPS], 0);
	cell_reap(&c);
	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	while (exo_domain_reap(c.domain, EXO_STEPS_MAX) > 0)
		;
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	cell_reap(&c);
}

TEST(sleeper_dies_with_its_account)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	cell_reap(&c);
	OK(row(env)->gen != EXO_GEN(env) || row(env)->state == EXO_ENV_FREE);
}

static void
watch(struct cell *m, struct cell *c, uint32_t flags)
{
	uint8_t *rows = (uint8_t *)(m->base + EXO_PAGE);
	uint64_t *mask = (uint64_t *)(rows + 64);

	memset(rows, EXO_ACT_PASS, EXO_CLASSES);
	mask[0] = mask[1] = ~0ull;
	EQ(cell_do(m, EXO_NR_domain_monitor, c->domain, c->name,
	    (uint64_t)rows, (uint64_t)mask, flags, 0), 0);
}

TEST(sleeper_whose_monitor_died_dies_or_is_told_cut)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	watch(&m, &c, 0);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	cell_end(&m);
	wait_ticks(3);
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(c.page->w[NAPS], 0);
	cell_end(&c);
	cell_make(&m, NULL);
	cell_make(&c, NULL);
	watch(&m, &c, EXO_MON_RELEASE);
	env = word_sleeper(&c, PROG_NEW(on_word, self->memory_slot));
	give(&c, 10, env);
	EQ(exo_domain_kill(m.domain, m.name, 0), 0);
	wait_ticks(3);
	OK(over(&c, env));
	EQ(c.page->w[RESULT], -EXO_E_CUT);
	cell_reap(&m);
	cell_end(&c);
}

/* The mask of a monitor applies as to every call. */
TEST(sleep_that_is_masked_is_refused)
{
	struct cell m, c;
	uint8_t *rows;
	uint64_t *mask;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	rows = (uint8_t *)(m.base + EXO_PAGE);
	mask = (uint64_t *)(rows + 64);
	memset(rows, EXO_ACT_PASS, EXO_CLASSES);
	mask[0] = ~0ull;
	mask[1] = ~(1ull << (EXO_NR_env_sleep - 64));
	EQ(cell_do(&m, EXO_NR_domain_monitor, c.domain, c.name,
	    (uint64_t)rows, (uint64_t)mask, 0, 0), 0);
	EQ(cell_do(&c, EXO_NR_env_sleep, 0, 0, 0, 0, 0, 0), -EXO_E_GONE);
	cell_end(&c);
	cell_end(&m);
}

/* A server answers, and its client sleeps. */
TEST(nobody_sleeps_in_a_foreign_domain)
{
	struct cell c;

	cell_make(&c, NULL);
	*args_of(&c) = (struct exo_sleep){
	    .prog = PROG_NEW(at_once, self->memory_slot),
	    .prog_slot = self->memory_slot };
	REFUSED(cell_call(&c, in_nap, 0, 0, 0) == 0x55 ?
	    (long)c.page->w[RESULT] : 0, STATE);
	cell_end(&c);
}

/* ------------------------------------------------------------- who pays */

static uint64_t
work(const struct cell *c, uint64_t ticks)
{
	uint64_t before = c->page->w[COUNT], since = EXO_MACHINE->ticks;
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot, .arg = { since + ticks } };

	EQ(nap(&s), 2);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
	return (c->page->w[COUNT] - before) /
	    (EXO_MACHINE->ticks - since);
}

static void
crowd(struct cell *c, exo_id *env, exo_ppn prog)
{
	uint32_t limits[EXO_RES_MAX] = { [EXO_RES_FRAMES] = 128,
	    [EXO_RES_ENVS] = 8, [EXO_RES_DOMAINS] = 1, [EXO_RES_SLICES] =
	    200 };
	struct cell_opts o = { .seats = 12, .limits = limits };

	cell_make(c, &o);
	*args_of(c) = (struct exo_sleep){ .prog = prog,
	    .prog_slot = self->memory_slot };
	for (uint32_t i = 0; i < 8; i++) {
		env[i] = cell_env(c, SEAT + i, in_naps, 0);
		OK(cell_run_state(c, env[i], EXO_ENV_SLEEPING));
	}
}

/*
 * 200 slices whose sleepers use up their fuel each time.  As hogs they would
 * leave one that works 1 of 201 parts of the time.
 */
TEST(hostile_predicates_pay_for_themselves)
{
	exo_ppn prog = PROG_NEW(hostile, self->memory_slot);
	struct cell w, c;
	uint64_t alone, among, fuel = 0, checks = 0, ticks;
	exo_id worker, env[8];

	cell_make(&w, NULL);
	worker = cell_env(&w, SEAT, in_spin, 0);
	give(&w, 1, worker);
	alone = work(&w, 20);
	crowd(&c, env, prog);
	for (uint32_t i = 0; i < 200; i++)
		give(&c, 10 + i, env[i % 8]);
	ticks = EXO_MACHINE->ticks;
	for (uint32_t i = 0; i < 8; i++)
		checks -= row(env[i])->checks;
	among = work(&w, 20);
	ticks = EXO_MACHINE->ticks - ticks;
	for (uint32_t i = 0; i < 8; i++) {
		checks += row(env[i])->checks;
		fuel += row(env[i])->fuel;
		EQ(row(env[i])->state, EXO_ENV_SLEEPING);
		EQ(row(env[i])->fuel % (3 * LOOPED + 3), 0);
	}
	print("# alone %lu a tick, among 200 sleepers %lu; "
	    "%lu checks a tick\n", alone, among, checks / ticks);
	OK(fuel > 0);
	/* A checking kernel's interpreter is slower. */
	OK(among >= alone / (EXO_MACHINE->features & EXO_FEAT_CHECK ? 16 : 2));
	/* One question for each a turn, and no more. */
	OK(checks <= 201 * (ticks + 1));
	cell_end(&c);
	cell_end(&w);
	EQ(exo_page_free(self->memory_slot, prog, 1), 1);
}

/*
 * Turns that come fast do not ask more often than its slice is worth: one of
 * two.
 */
TEST(checks_are_paced)
{
	struct cell c;
	uint64_t checks, tsc, spent, cost = ~0ull;
	exo_id env;

	cell_make(&c, NULL);
	*args_of(&c) = (struct exo_sleep){
	    .prog = PROG_NEW(hostile, self->memory_slot),
	    .prog_slot = self->memory_slot };
	env = sleeper(&c, in_naps);
	give(&c, 10, env);
	/* What one costs, at the least: a yield asks, whatever the pace. */
	for (uint32_t i = 0; i < 8; i++) {
		tsc = __builtin_ia32_rdtsc();
		EQ(exo_env_yield(env, c.name, EXO_NONE), -EXO_E_STATE);
		spent = __builtin_ia32_rdtsc() - tsc;
		cost = spent < cost ? spent : cost;
	}
	checks = row(env)->checks;
	tsc = __builtin_ia32_rdtsc();
	for (uint32_t i = 0; i < 5000; i++)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	spent = __builtin_ia32_rdtsc() - tsc;
	checks = row(env)->checks - checks;
	print("# %lu checks of %lu in %lu: %lu percent\n", checks, cost, spent,
	    checks * cost * 100 / spent);
	OK(checks * cost <= spent / 2);
	OK(checks * cost >= spent / 5);		/* and it is asked */
	cell_end(&c);
}

TEST(all_asleep_is_not_the_end_of_the_machine)
{
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot };
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = word_sleeper(&c, PROG_NEW(never, self->memory_slot));
	give(&c, 10, env);
	s.arg[0] = EXO_MACHINE->ticks + 10;
	EQ(nap(&s), 2);
	EQ(row(env)->state, EXO_ENV_SLEEPING);
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}
