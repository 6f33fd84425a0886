/*
 * test_bpf.c - the BPF machine: its contract with a caller, and random
 * programs against the slow reference (tests/fuzz/bpf_reference.h).
 *
 * What each instruction computes is in tests/bpf/, by test_bpf_vectors.py.
 */
#include <stdlib.h>
#include <string.h>

#include "../fuzz/bpf_reference.h"
#include "arrival.bpf.h"
#include "tap.h"

#define INSN(code, dst, src, off, imm)					\
	{ code, (dst) | (src) << 4, off, imm }
#define MOV(dst, imm)		INSN(0xb7, dst, 0, 0, imm)
#define MOV_REG(dst, src)	INSN(0xbf, dst, src, 0, 0)
#define ADD(dst, imm)		INSN(0x07, dst, 0, 0, imm)
#define LDXB(dst, src, off)	INSN(0x71, dst, src, off, 0)
#define LDXDW(dst, src, off)	INSN(0x79, dst, src, off, 0)
#define STXDW(dst, src, off)	INSN(0x7b, dst, src, off, 0)
#define STB(dst, off, imm)	INSN(0x72, dst, 0, off, imm)
#define JNE(dst, imm, off)	INSN(0x55, dst, 0, off, imm)
#define JA(off)			INSN(0x05, 0, 0, off, 0)
#define CALL(imm)		INSN(0x85, 0, 1, 0, imm)
#define EXIT			INSN(0x95, 0, 0, 0, 0)
#define LEN(a)			((uint32_t)(sizeof(a) / sizeof(*(a))))

static _Alignas(8) uint8_t stack[BPF_STACK];

/* Leave garbage where the interpreter's own variables will be. */
static __attribute__((noinline, no_sanitize("address"))) void
host_stack_spoil(void)
{
	uint64_t garbage[1024];

	for (unsigned i = 0; i < 1024; i++)
		garbage[i] = 0xa5a5a5a5a5a5a5a5;
	__asm__ volatile("" : : "r"(garbage) : "memory");
}

/* Run with windows; what is not told is a default. */
static struct bpf_run
start(const struct bpf_window *win, uint32_t nwin, uint64_t fuel)
{
	memset(stack, 0xa5, sizeof(stack));
	return (struct bpf_run){ .win = win, .nwin = nwin, .stack = stack,
	    .arg = { BPF_WINDOW(0), BPF_WINDOW(1) }, .fuel = fuel };
}

TEST(bpf_errors_have_texts)
{
	for (int e = 0; e < BPF_ERRORS_COUNT; e++) {
		OK(bpf_text(e)[0] != '\0');
		EQ(strncmp(bpf_name(e), "BPF_", 4), 0);
	}
	EQ(strcmp(bpf_name(BPF_E_FUEL), "BPF_E_FUEL"), 0);
	OK(bpf_text(BPF_ERRORS_COUNT) != NULL);
	OK(bpf_text(-1) != NULL && bpf_name(-1) != NULL);
}

TEST(bpf_length_is_bounded)
{
	struct bpf_insn *code = calloc(BPF_LEN_MAX + 1, sizeof(*code));
	uint32_t at = 77;

	for (uint32_t i = 0; i <= BPF_LEN_MAX; i++)
		code[i] = (struct bpf_insn)EXIT;
	EQ(bpf_validate(code, BPF_LEN_MAX, &at), BPF_OK);
	EQ(at, 0);
	at = 77;
	EQ(bpf_validate(code, BPF_LEN_MAX + 1, &at), BPF_E_LENGTH);
	EQ(at, 0);
	EQ(bpf_validate(code, UINT32_MAX, NULL), BPF_E_LENGTH);
	EQ(bpf_validate(NULL, 0, NULL), BPF_E_LENGTH);
	free(code);
}

TEST(bpf_longest_program_runs_from_end_to_end)
{
	static struct bpf_insn code[BPF_LEN_MAX];
	struct bpf_run run = start(NULL, 0, BPF_LEN_MAX);

	for (uint32_t i = 0; i < BPF_LEN_MAX - 1; i++)
		code[i] = (struct bpf_insn)ADD(0, 1);
	code[BPF_LEN_MAX - 1] = (struct bpf_insn)EXIT;
	EQ(bpf_validate(code, BPF_LEN_MAX, NULL), BPF_OK);
	EQ(bpf_run(code, BPF_LEN_MAX, &run), BPF_OK);
	EQ(run.r0, BPF_LEN_MAX - 1);
	EQ(run.fuel, 0);
	EQ(run.at, BPF_LEN_MAX - 1);
}

TEST(bpf_longest_program_has_no_jump_past_it)
{
	static struct bpf_insn code[BPF_LEN_MAX];
	uint32_t at;

	for (uint32_t i = 0; i < BPF_LEN_MAX; i++)
		code[i] = (struct bpf_insn)EXIT;
	code[0] = (struct bpf_insn)JA(BPF_LEN_MAX - 1);
	EQ(bpf_validate(code, BPF_LEN_MAX, &at), BPF_E_JUMP);
	EQ(at, 0);
	code[0] = (struct bpf_insn)JA(BPF_LEN_MAX - 2);
	EQ(bpf_validate(code, BPF_LEN_MAX, &at), BPF_OK);
}

TEST(bpf_first_error_is_the_one_told)
{
	struct bpf_insn code[] = { MOV(0, 1), JA(9), INSN(0xb7, 11, 3, 1, 0),
	    INSN(0xff, 0, 0, 0, 0), EXIT };
	uint32_t at;

	/* Jumps after all else, and of one instruction in the list's order. */
	EQ(bpf_validate(code, LEN(code), &at), BPF_E_REGISTER);
	EQ(at, 2);
	code[2] = (struct bpf_insn)MOV(0, 1);
	EQ(bpf_validate(code, LEN(code), &at), BPF_E_OPCODE);
	EQ(at, 3);
	code[3] = (struct bpf_insn)MOV(0, 1);
	EQ(bpf_validate(code, LEN(code), &at), BPF_E_JUMP);
	EQ(at, 1);
}

/* Every code, alone: known to both or to neither. */
TEST(bpf_opcodes_are_the_rfcs)
{
	static struct ref r;
	unsigned known = 0;

	for (unsigned c = 0; c < 256; c++) {
		bool one = false, two = false;

		for (int imm = 0; imm <= 16; imm += 16) {
			struct bpf_insn code[3] = { INSN(c, 1, 2, 0, imm),
			    INSN(0, 0, 0, 0, 0), EXIT };

			for (int regs = 0; regs <= 0x21; regs++) {
				code[0].regs = (uint8_t)regs;
				code[1].code = c == 0x18 ? 0 : 0x95;
				memcpy(r.code, code, sizeof(code));
				r.n = 3;
				one |= bpf_validate(code, 3, NULL) == BPF_OK;
				two |= ref_valid(&r);
			}
		}
		EQ(one, two);
		known += one;
	}
	/* 12 x 4 binary, 2 NEG, 3 swaps; 11 x 4 comparisons, 2 JA, call,
	   exit; LD_IMM64; 7 loads, 8 stores, 2 atomic. */
	EQ(known, 48 + 2 + 3 + 44 + 4 + 1 + 7 + 8 + 2);
}

TEST(bpf_arguments_are_r1_to_r5)
{
	struct bpf_insn code[] = { MOV_REG(0, 0), EXIT };
	struct bpf_run run = start(NULL, 0, 2);
	uint64_t want[11] = { 0, 10, 20, 30, 40, 50, 0, 0, 0, 0,
	    BPF_STACK_BASE + BPF_FRAME };

	for (uint8_t r = 0; r <= 10; r++) {
		code[0].regs = (uint8_t)(r << 4);
		run = start(NULL, 0, 2);
		for (int i = 0; i < 5; i++)
			run.arg[i] = 10 * (i + 1);
		host_stack_spoil();
		EQ(bpf_run(code, LEN(code), &run), BPF_OK);
		EQ(run.r0, want[r]);
	}
}

TEST(bpf_stack_is_not_touched_without_need)
{
	struct bpf_insn code[] = { MOV(0, 1), CALL(1), EXIT, EXIT };
	struct bpf_run run = start(NULL, 0, 10);

	run.stack = NULL;
	EQ(bpf_run(code, LEN(code), &run), BPF_OK);
}

TEST(bpf_stack_is_cleared_by_frames)
{
	struct bpf_insn code[] = { STB(10, -1, 7), EXIT };
	struct bpf_run run = start(NULL, 0, 10);

	EQ(bpf_run(code, LEN(code), &run), BPF_OK);
	EQ(stack[BPF_FRAME - 1], 7);
	EQ(stack[0], 0);
	EQ(stack[BPF_FRAME], 0xa5);
}

TEST(bpf_windows_end_where_they_end)
{
	static _Alignas(8) uint8_t a[16] = { [7] = 7 }, b[8] = { 9 };
	struct bpf_window win[] = { { a, 8, false }, { b, 0, true },
	    { b, 8, true } };
	struct bpf_insn code[] = { LDXDW(0, 1, 0), EXIT };

	for (int off = -16; off <= 16; off++) {
		struct bpf_run run = start(win, 3, 10);

		code[0].off = (int16_t)off;
		EQ(bpf_run(code, LEN(code), &run), off == 0 ? BPF_OK :
		    BPF_E_ACCESS);
		/* Window 1 is empty. */
		run = start(win, 3, 10);
		run.arg[0] = BPF_WINDOW(1);
		EQ(bpf_run(code, LEN(code), &run), BPF_E_ACCESS);
		run = start(win, 3, 10);
		run.arg[0] = BPF_WINDOW(2);
		EQ(bpf_run(code, LEN(code), &run), off == 0 ? BPF_OK :
		    BPF_E_ACCESS);
		/* Fewer windows are given than there are. */
		run = start(win, 2, 10);
		run.arg[0] = BPF_WINDOW(2);
		EQ(bpf_run(code, LEN(code), &run), BPF_E_ACCESS);
	}
}

TEST(bpf_writes_only_where_it_may)
{
	static _Alignas(8) uint8_t a[8];
	struct bpf_window win[] = { { a, 8, false } };
	struct bpf_insn code[] = { STB(1, 7, 5), EXIT };
	struct bpf_run run = start(win, 1, 10);

	EQ(bpf_run(code, LEN(code), &run), BPF_E_WRITE);
	EQ(a[7], 0);
	EQ(run.at, 0);
	EQ(run.r0, 0);
	EQ(run.fuel, 9);
	code[0].off = 8;
	run = start(win, 1, 10);
	EQ(bpf_run(code, LEN(code), &run), BPF_E_ACCESS);
	code[0].off = 7;
	win[0].writable = true;
	run = start(win, 1, 10);
	EQ(bpf_run(code, LEN(code), &run), BPF_OK);
	EQ(a[7], 5);
}

TEST(bpf_any_address_without_windows_is_refused)
{
	static const uint64_t addr[] = { 0, 1, 8, 0x7fffffff, 1ull << 32,
	    2ull << 32, BPF_STACK_BASE - 1, BPF_STACK_BASE - 8,
	    BPF_STACK_BASE + BPF_FRAME - 7, BPF_STACK_BASE + BPF_FRAME,
	    BPF_STACK_BASE + BPF_STACK, 1ull << 63, -8ull, -1ull };
	struct bpf_insn code[] = { LDXDW(0, 1, 0), EXIT };

	for (uint32_t i = 0; i < LEN(addr); i++) {
		struct bpf_run run = start(NULL, 0, 10);

		run.arg[0] = addr[i];
		EQ(bpf_run(code, LEN(code), &run), BPF_E_ACCESS);
		EQ(run.fuel, 9);
	}
}

/* Six turns of three, then the rest; with a wide constant and a call. */
static const struct bpf_insn turns[] = {
	MOV(1, 6), ADD(0, 1), ADD(1, -1), JNE(1, 0, -3),
	INSN(0x18, 2, 0, 0, 5), INSN(0, 0, 0, 0, 0), CALL(1), EXIT,
	ADD(0, 100), EXIT,
};

TEST(bpf_fuel_is_exact)
{
	static struct ref r;
	const uint64_t none[5] = { 0 };

	memcpy(r.code, turns, sizeof(turns));
	r.n = LEN(turns);
	for (uint64_t fuel = 0; fuel < 40; fuel++) {
		struct bpf_run run = start(NULL, 0, fuel);
		enum bpf_error e;

		memset(run.arg, 0, sizeof(run.arg));
		r.fuel = fuel;
		r.nwin = 0;
		e = ref_run(&r, none);
		EQ(bpf_run(turns, LEN(turns), &run), e);
		EQ(e, fuel < 1 + 18 + 5 ? BPF_E_FUEL : BPF_OK);
		EQ(run.fuel, r.fuel);
		EQ(run.at, r.pc);
		EQ(run.r0, e == BPF_OK ? 106 : 0);
	}
}

TEST(bpf_fuel_may_be_without_end)
{
	struct bpf_run run = start(NULL, 0, UINT64_MAX);

	EQ(bpf_run(turns, LEN(turns), &run), BPF_OK);
	EQ(run.fuel, UINT64_MAX - 24);
	run = start(NULL, 0, 1ull << 60);
	EQ(bpf_run(turns, LEN(turns), &run), BPF_OK);
	EQ(run.fuel, (1ull << 60) - 24);
}

TEST(bpf_endless_loops_end)
{
	struct bpf_insn code[] = { ADD(0, 1), JA(-2) };
	struct bpf_run run = start(NULL, 0, 1000001);

	EQ(bpf_validate(code, LEN(code), NULL), BPF_OK);
	EQ(bpf_run(code, LEN(code), &run), BPF_E_FUEL);
	EQ(run.fuel, 0);
	EQ(run.at, 1);
}

TEST(bpf_depth_is_bounded)
{
	struct bpf_insn code[] = { STB(10, -1, 1), CALL(-2), EXIT };
	struct bpf_run run = start(NULL, 0, 1000);

	EQ(bpf_validate(code, LEN(code), NULL), BPF_OK);
	EQ(bpf_run(code, LEN(code), &run), BPF_E_DEPTH);
	EQ(run.at, 1);
	EQ(run.fuel, 1000 - 2 * BPF_DEPTH);
	for (uint32_t i = 0; i < BPF_STACK; i++)
		EQ(stack[i], i % BPF_FRAME == BPF_FRAME - 1);
}

/* Made by the Makefile from arrival.bpf.c. */
TEST(bpf_predicate_in_c_is_embedded)
{
	static uint64_t word, clock;
	struct bpf_window win[] = { { (uint8_t *)&word, 8, false },
	    { (uint8_t *)&clock, 8, false } };
	struct bpf_insn code[LEN(arrival_bpf)];

	memcpy(code, arrival_bpf, sizeof(code));
	EQ(bpf_validate(code, LEN(code), NULL), BPF_OK);
	for (int i = 0; i < 3; i++) {
		struct bpf_run run = start(win, 2, 20);

		word = i == 1;
		clock = i == 2 ? 500 : 499;
		EQ(bpf_run(code, LEN(code), &run), BPF_OK);
		EQ(run.r0, i);
	}
}

static uint64_t
random_next(void)
{
	static uint64_t s = 0x9e3779b97f4a7c15;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s;
}

/* Both on the same random program and memory. */
static bool
random_agrees(unsigned *finished)
{
	static struct ref r;
	static _Alignas(8) uint8_t mem[2][2][72];
	struct bpf_window win[2];
	struct bpf_run run;
	struct bpf_insn *code;
	enum bpf_error e;
	bool same;

	r.n = 1 + random_next() % 40;
	for (uint32_t i = 0; i < r.n; i++) {
		uint64_t v = random_next();

		memcpy(&r.code[i], &v, sizeof(v));
	}
	ref_repair(r.code, r.n);
	code = malloc(r.n * sizeof(*code));
	memcpy(code, r.code, r.n * sizeof(*code));
	for (uint32_t k = 0; k < 2; k++) {
		for (uint32_t i = 0; i < 72; i++)
			mem[0][k][i] = mem[1][k][i] = (uint8_t)random_next();
		win[k] = (struct bpf_window){ mem[0][k], 72, k == 0 };
		r.win[k] = (struct bpf_window){ mem[1][k], 72, k == 0 };
	}
	r.nwin = 2;
	run = start(win, 2, random_next() % 200);
	run.arg[2] = BPF_WINDOW(0) + 8;
	run.arg[4] = random_next();
	r.fuel = run.fuel;
	same = bpf_validate(code, r.n, NULL) == BPF_OK && ref_valid(&r);
	e = same ? bpf_run(code, r.n, &run) : BPF_OK;
	same = same && e == ref_run(&r, run.arg) && run.at == r.pc &&
	    run.fuel == r.fuel && run.r0 == (e == BPF_OK ? r.reg[0] : 0) &&
	    memcmp(mem[0], mem[1], sizeof(mem[0])) == 0;
	*finished += e == BPF_OK;
	free(code);
	return same;
}

TEST(bpf_random_programs_agree_with_the_reference)
{
	unsigned different = 0, finished = 0;

	for (unsigned i = 0; i < 60000; i++)
		different += !random_agrees(&finished);
	EQ(different, 0);
	printf("# %u of them to the end\n", finished);
	OK(finished > 5000);
}

/* Random words, hardly any of which are programs. */
TEST(bpf_random_bytes_are_judged_alike)
{
	static struct ref r;
	unsigned different = 0, accepted = 0;

	for (unsigned i = 0; i < 200000; i++) {
		r.n = 1 + random_next() % 3;
		for (uint32_t k = 0; k < r.n; k++) {
			uint64_t v = random_next() & random_next();

			if (random_next() % 4 != 0)
				v &= 0x000300030000ffff;
			memcpy(&r.code[k], &v, sizeof(v));
		}
		if (random_next() % 4 != 0)
			r.code[r.n - 1] = (struct bpf_insn)EXIT;
		different += (bpf_validate(r.code, r.n, NULL) == BPF_OK) !=
		    ref_valid(&r);
		accepted += ref_valid(&r);
	}
	EQ(different, 0);
	OK(accepted > 1000);
}

int
main(void)
{
	return tap_main();
}
