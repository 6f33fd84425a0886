/*
 * bench.h - what an operation costs, in guest instructions.
 *
 * Under `tools/run --icount` one tick of rdtsc is one instruction.  What
 * reading the clock costs is measured and taken out.  A sample into which a
 * timer tick fell is taken again: the tick has a row of its own.
 *
 *	BENCH_ROW("page_free", .bound = "the account's list") {
 *		exo_ppn p = page();			untimed
 *		bench_take(bench_call(free, slot, p, 1));
 *	}
 *
 * runs the block until there are BENCH_SAMPLES samples, and prints
 *
 *	bench: NAME|MEDIAN|WORST|SAMPLES|PER|AIM|PEER|BOUND
 *
 * for tools/bench.  PER is how many operations one sample holds, PEER the
 * operation of tools/peers that compares best (or nothing).
 */
#ifndef BENCH_H
#define BENCH_H

#include "test.h"

#define BENCH_SAMPLES	400u
#define BENCH_TRIES	1000u		/* with those that a tick spoilt */

struct bench_row {
	const char *name;
	const char *bound;		/* what stands in the way of less */
	const char *peer;
	uint32_t per, aim, samples;	/* 0: 1, none, BENCH_SAMPLES */
	bool with_ticks;		/* they are what is measured */
};

#define BENCH_ROW(row_name, ...)					      \
	for (bench_begin(&(struct bench_row){ .name = row_name,		      \
	    __VA_ARGS__ }); bench_more(); )

void bench_begin(const struct bench_row *r);
bool bench_more(void);
void bench_take(uint64_t ticks);	/* one sample; the clock is out */

/*
 * One system call with its arguments in their registers: from `mov eax` to
 * the instruction after SYSCALL.  The result is in bench_result, and has been
 * checked with must().
 */
#define bench_call(name, ...)						      \
	bench_must(bench_raw((struct bench_args){ EXO_NR_BASE +		      \
	    EXO_NR_##name, { __VA_ARGS__ } }), #name)
/* The same for one that is refused. */
#define bench_refused(name, error, ...)					      \
	bench_error(bench_raw((struct bench_args){ EXO_NR_BASE +	      \
	    EXO_NR_##name, { __VA_ARGS__ } }), -EXO_E_##error, #name)

struct bench_args {
	uint64_t nr, arg[6];
};
uint64_t bench_raw(struct bench_args args);
uint64_t bench_must(uint64_t ticks, const char *what);
uint64_t bench_error(uint64_t ticks, long want, const char *what);
extern long bench_result;

/* The clock, and code between two looks at it. */
static inline __attribute__((always_inline)) uint64_t
bench_clock(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}
#define bench_time(code) ({						      \
	uint64_t from_ = bench_clock();					      \
									      \
	code;								      \
	bench_clock() - from_ - bench_clock_cost;			      \
})
extern uint64_t bench_clock_cost;

/*
 * For assembly: BENCH_FROM puts the time into r12, BENCH_TO the time since
 * then into rax; both destroy rdx.  bench_asm_cost: with nothing between.
 */
__asm__(".macro BENCH_FROM\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	movq %rax, %r12\n"
	".endm\n"
	".macro BENCH_TO\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	subq %r12, %rax\n"
	".endm\n");
extern uint64_t bench_asm_cost;

/* Registers that a C function keeps, saved and restored. */
__asm__(".macro BENCH_PUSH\n"
	"	pushq %rbx\n pushq %rbp\n pushq %r12\n"
	"	pushq %r13\n pushq %r14\n pushq %r15\n"
	".endm\n"
	".macro BENCH_POP\n"
	"	popq %r15\n popq %r14\n popq %r13\n"
	"	popq %r12\n popq %rbp\n popq %rbx\n"
	".endm\n");

/* n frames of a kind, mine, next to each other; and back. */
exo_ppn bench_frames(uint32_t kind, uint64_t n);
void bench_frames_free(exo_ppn ppn, uint64_t n);

#endif
