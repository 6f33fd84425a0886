/*
 * pred.c - sleeping on predicates.
 */
#include "bench.h"
#include "cell.h"
#include "nap.h"

enum seat { SEAT_NAP = 2, SEAT_BACK };
enum word { GO, DONE, ARGS = 100 };	/* of the cell's page */

#define LOOP	80u			/* turns of a loop of 2 instructions */

static struct cell cell;

/* Is the first word of window 0 not 0? */
static const uint64_t on_word[] = {
	WINDOW(R6, 0), LOAD(R0, R6, 0), EXIT
};
static const uint64_t at_once[] = { MOV(R0, 7), EXIT };
static const uint64_t loop[] = {
	MOV(R6, LOOP), ADD(R6, -1), JNE(R6, 0, -2), MOV(R0, 0), EXIT
};
static const uint64_t loop_once[] = {
	MOV(R6, 1), ADD(R6, -1), JNE(R6, 0, -2), MOV(R0, 0), EXIT
};
/* 3 instructions, and what a tick costs. */
static const uint64_t never[] = { MOV(R6, 0), MOV(R0, 0), EXIT };

static uint64_t
in_nap(struct cell_page *p, uint64_t args, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	for (;;) {
		(void)!exo_env_sleep(args, EXO_ID_ANY, 0, EXO_NONE);
		p->w[DONE]++;
		p->w[GO] = 0;
	}
	return 0;
}

static exo_id
sleeper(exo_ppn prog, uint32_t windows)
{
	struct exo_sleep *s = (struct exo_sleep *)&cell.page->w[ARGS];
	exo_id env;

	*s = (struct exo_sleep){ .prog = prog,
	    .prog_slot = self->memory_slot };
	for (uint32_t i = 0; i < windows; i++)
		nap_frame(s, cell.frame[0], cell.name, 0, 64);
	env = cell_env(&cell, SEAT_NAP, in_nap, (uint64_t)s);
	if (!cell_run_state(&cell, env, EXO_ENV_SLEEPING))
		must(-EXO_E_STATE);
	return env;
}

static void
ended(exo_id env)
{
	must(exo_env_kill(env, cell.name, 0));
	while (must(exo_env_reap(env, 8)) > 0)
		;
	must(exo_seat_free(cell.domain, cell.name, SEAT_NAP));
}

/* A yield that finds the sleeper asleep. */
static uint64_t
asked(exo_id env)
{
	return bench_refused(env_yield, STATE, env, cell.name, EXO_NONE);
}

static void
checks(void)
{
	exo_id env = sleeper(PROG_NEW(never, self->memory_slot), 0);
	uint64_t once;

	BENCH_ROW("pred_check_false", .bound = "a yield that is refused: "
	    "struct exo_pred, 3 instructions of BPF")
		bench_take(asked(env));
	ended(env);
	env = sleeper(PROG_NEW(on_word, self->memory_slot), 1);
	BENCH_ROW("pred_check_word", .bound = "epoch and guard of a window; a "
	    "load")
		bench_take(asked(env));
	ended(env);
	env = sleeper(PROG_NEW(on_word, self->memory_slot),
	    EXO_PRED_WINDOWS);
	BENCH_ROW("pred_check_8_windows", .bound = "the same of eight")
		bench_take(asked(env));
	ended(env);
	env = sleeper(PROG_NEW(loop_once, self->memory_slot), 0);
	once = asked(env);
	ended(env);
	env = sleeper(PROG_NEW(loop, self->memory_slot), 0);
	BENCH_ROW("pred_bpf_instruction", .per = 2 * (LOOP - 1),
	    .bound = "an addition, a jump that is taken")
		bench_take(asked(env) - once);
	ended(env);
}

/* In its slice's turn, of two that there are. */
static void
turns(void)
{
	static const uint32_t index = 1;
	exo_id env = sleeper(PROG_NEW(on_word, self->memory_slot), 1);

	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    index));
	must(exo_slice_set(self->memory_slot, index, env, cell.name));
	BENCH_ROW("pred_turn_asked", .bound = "yield_to_nobody, and the clock "
	    "twice and a check") {
		uint64_t since = bench_clock();

		while (bench_clock() - since < 10000)
			;
		bench_take(bench_call(env_yield, EXO_ID_ANY, 0, EXO_NONE));
	}
	BENCH_ROW("pred_turn_paced", .bound = "yield_to_nobody, and the clock") {
		must(exo_env_yield(EXO_ID_ANY, 0, EXO_NONE));
		bench_take(bench_call(env_yield, EXO_ID_ANY, 0, EXO_NONE));
	}
	must(exo_slice_free(self->memory_slot, index));
	ended(env);
}

/* There and back: I write the word and yield, it is awake, runs, and goes to
 * sleep again, which lets me run. */
static void
wakes(void)
{
	exo_id env = sleeper(PROG_NEW(on_word, self->memory_slot), 1);
	struct exo_sleep now = { .prog = PROG_NEW(at_once, self->memory_slot),
	    .prog_slot = self->memory_slot };

	BENCH_ROW("sleep_true_at_once", .bound = "arguments in, the program's "
	    "capability, a check")
		bench_take(bench_call(env_sleep, (uint64_t)&now, EXO_ID_ANY, 0,
		    EXO_NONE));
	BENCH_ROW("sleep_and_wake", .peer = "futex_process_rt",
	    .bound = "a check that is true, two switches, a window's "
	    "capability, a check that is not") {
		cell.page->w[GO] = 1;
		bench_take(bench_call(env_yield, env, cell.name, EXO_NONE));
	}
	ended(env);
}

static void
loads(void)
{
	static uint64_t code[EXO_PROG_MAX];
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_PROG));

	for (uint32_t i = 0; i < EXO_PROG_MAX; i++)
		code[i] = EXIT;
	BENCH_ROW("prog_load_512", .per = EXO_PROG_MAX,
	    .bound = "each instruction copied twice and looked at") {
		bench_take(bench_call(prog_load, self->memory_slot, ppn,
		    (uint64_t)code, EXO_PROG_MAX));
		must(exo_page_free(self->memory_slot, ppn, 1));
		must(exo_page_alloc(self->acct, self->acct_slot,
		    self->memory_slot, EXO_PG_PROG, ppn, 1));
	}
}

TEST(pred)
{
	struct cell_opts o = { .seats = 8 };

	cell_make(&cell, &o);
	checks();
	turns();
	wakes();
	loads();
}
