/*
 * bpf.c - the BPF interpreter: what an instruction of each kind costs, what a
 * run costs besides, and judging a program.
 *
 * Each program is 400 of one kind and an EXIT; the run of an EXIT alone, which
 * has a row of its own, is taken out.
 */
#include "bench.h"
#include "bpf.h"

#define MANY	400u

enum { LOOP_TURNS = 50, LOOP_LEN = 4 };

static struct bpf_insn code[BPF_LEN_MAX];
static _Alignas(8) uint8_t memory[64], stack[BPF_STACK];
static const struct bpf_window window = { memory, sizeof(memory), true };
static uint64_t empty;

static uint64_t
run_timed(uint32_t n)
{
	struct bpf_run run = { .win = &window, .nwin = 1, .stack = stack,
	    .arg = { BPF_WINDOW(0), 3 }, .fuel = 1000 };

	EQ(bpf_validate(code, n, NULL), BPF_OK);
	return bench_time(bpf_run(code, n, &run));
}

static uint64_t
many_timed(struct bpf_insn in)
{
	for (uint32_t i = 0; i < MANY; i++)
		code[i] = in;
	code[MANY] = (struct bpf_insn){ .code = 0x95 };
	return run_timed(MANY + 1) - empty;
}

static const struct kind {
	const char *name, *bound;
	struct bpf_insn in;
	uint32_t aim;
} kinds[] = {
	{ "bpf_add_const", "decode, add, dispatch", { 0x07, 3, 0, 5 }, 12 },
	{ "bpf_add_reg", "and a second register", { 0x0f, 0x23, 0, 0 }, 12 },
	{ "bpf_add32_reg", "and the upper half cleared",
	    { 0x0c, 0x23, 0, 0 }, 0 },
	{ "bpf_mov_const", "decode, store, dispatch", { 0xb7, 3, 0, 5 }, 12 },
	{ "bpf_div_reg", "a look for zero and for the sign",
	    { 0x3f, 0x23, 0, 0 }, 0 },
	{ "bpf_jump_not_taken", "decode, compare, dispatch",
	    { 0x15, 2, 0, 9 }, 12 },
	{ "bpf_jump_taken", "and the limit moved, fuel looked at",
	    { 0x15, 2, 0, 3 }, 0 },
	{ "bpf_load", "the window found and its end looked at",
	    { 0x79, 0x13, 8, 0 }, 0 },
	{ "bpf_store", "and whether it is writable", { 0x7b, 0x31, 8, 0 }, 0 },
	{ "bpf_atomic_add", "and a call", { 0xdb, 0x31, 8, 0 }, 0 },
	{ "bpf_stack_load", "out of the fast path", { 0x79, 0xa3, -8, 0 }, 0 },
};

TEST(bpf_instructions)
{
	code[0] = (struct bpf_insn){ .code = 0x95 };
	BENCH_ROW("bpf_run", .bound = "eleven registers set; the result")
		bench_take(empty = run_timed(1));
	for (uint32_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		BENCH_ROW(kinds[i].name, .per = MANY, .aim = kinds[i].aim,
		    .bound = kinds[i].bound)
			bench_take(many_timed(kinds[i].in));
}

/* A loop as compilers make them: r0 += r3; r3 -= 1; if r3 goto. */
TEST(bpf_loops)
{
	static const struct bpf_insn loop[] = {
		{ 0xb7, 3, 0, LOOP_TURNS }, { 0x0f, 0x30, 0, 0 },
		{ 0x07, 3, 0, -1 }, { 0x55, 3, -3, 0 }, { .code = 0x95 },
	};

	for (uint32_t i = 0; i < 5; i++)
		code[i] = loop[i];
	BENCH_ROW("bpf_loop_insn", .per = 3 * LOOP_TURNS + 1,
	    .bound = "two in three go straight on", .aim = 12)
		bench_take(run_timed(5) - empty);
	code[0] = (struct bpf_insn){ 0x85, 0x10, 0, 1 };
	code[1] = code[2] = (struct bpf_insn){ .code = 0x95 };
	BENCH_ROW("bpf_call_exit", .bound = "four registers kept and restored")
		bench_take(run_timed(3) - empty);
}

/* Asleep until a word is not what it was or the clock has come so far. */
TEST(bpf_predicates)
{
	static const struct bpf_insn predicate[] = {
		{ 0x79, 0x13, 0, 0 }, { 0xb7, 0, 0, 1 }, { 0x5d, 0x23, 4, 0 },
		{ 0x79, 0x14, 8, 0 }, { 0xb7, 0, 0, 2 }, { 0x35, 4, 1, 100 },
		{ 0xb7, 0, 0, 0 }, { .code = 0x95 },
	};

	for (uint32_t i = 0; i < 8; i++)
		code[i] = predicate[i];
	memory[0] = 3;
	BENCH_ROW("bpf_predicate", .bound = "8 instructions, two of them "
	    "loads, and the run")
		bench_take(run_timed(8));
	for (uint32_t i = 0; i < MANY; i++)
		code[i] = (struct bpf_insn){ 0x0f, 0x23, 0, 0 };
	code[MANY] = (struct bpf_insn){ .code = 0x95 };
	BENCH_ROW("bpf_validate_insn", .per = MANY + 1,
	    .bound = "a dozen rules, and where instructions begin")
		bench_take(bench_time(EQ(bpf_validate(code, MANY + 1, NULL),
		    BPF_OK)));
}
