/*
 * bench.c - samples, and rows made of them.
 */
#include "bench.h"

uint64_t bench_clock_cost, bench_asm_cost;
long bench_result;

static const struct bench_row *row;
static struct bench_row row_copy;
static uint64_t sample[BENCH_SAMPLES];
static uint32_t samples, tries;
static uint64_t ticks_before;
static bool wanted;

/*
 * bench_raw_asm(args, with): ticks in rax; *args becomes the result.  The
 * arguments but the third, which rdtsc destroys, are in place when the clock
 * is read; taking the result aside comes after it, since rdtsc destroys that
 * too.  Without `with` there is no call.
 */
__asm__(".pushsection .text\n"
	"bench_raw_asm:\n"
	"	BENCH_PUSH\n"
	"	movq %rdi, %rbx\n"
	"	movq (%rbx), %r14\n"
	"	movq 24(%rbx), %r13\n"
	"	movq 32(%rbx), %r10\n"
	"	movq 40(%rbx), %r8\n"
	"	movq 48(%rbx), %r9\n"
	"	testl %esi, %esi\n"
	"	movq 8(%rbx), %rdi\n"
	"	movq 16(%rbx), %rsi\n"
	"	jz 1f\n"
	"	BENCH_FROM\n"
	"	movq %r13, %rdx\n"
	"	movl %r14d, %eax\n"
	"	syscall\n"
	"	movq %rax, %rcx\n"
	"	BENCH_TO\n"
	"	movq %rcx, (%rbx)\n"
	"	BENCH_POP\n"
	"	ret\n"
	"1:	BENCH_FROM\n"
	"	movq %r13, %rdx\n"
	"	movq %rax, %rcx\n"
	"	BENCH_TO\n"
	"	BENCH_POP\n"
	"	ret\n"
	"bench_asm_empty:\n"
	"	pushq %r12\n"
	"	BENCH_FROM\n"
	"	BENCH_TO\n"
	"	popq %r12\n"
	"	ret\n"
	".popsection\n");
uint64_t bench_raw_asm(struct bench_args *args, uint32_t with);
uint64_t bench_asm_empty(void);

uint64_t
bench_raw(struct bench_args args)
{
	uint64_t empty = bench_raw_asm(&args, 0);
	uint64_t ticks = bench_raw_asm(&args, 1);

	bench_result = (long)args.nr;
	return ticks - empty;
}

uint64_t
bench_must(uint64_t ticks, const char *what)
{
	test_must(bench_result, what, row->name, 0);
	return ticks;
}

uint64_t
bench_error(uint64_t ticks, long want, const char *what)
{
	test_equal(bench_result, want, what, row->name, 0);
	return ticks;
}

static __attribute__((noinline)) void
clock_calibrate(void)
{
	bench_clock_cost = 0;
	bench_clock_cost = bench_time((void)0);
	bench_asm_cost = bench_asm_empty();
}

/* Without rows=PREFIX in the kernel's command line: every row. */
static bool
row_wanted(const char *name)
{
	const volatile char *p = EXO_MACHINE->cmdline;

	for (; *p != '\0'; p++) {
		const char *key = "rows=";
		const volatile char *q = p;

		while (*key != '\0' && *key == *q)
			key++, q++;
		if (*key != '\0')
			continue;
		while (*q != '\0' && *q != ' ' && *q == *name)
			q++, name++;
		return *q == '\0' || *q == ' ';
	}
	return true;
}

void
bench_begin(const struct bench_row *r)
{
	row_copy = *r;
	row = &row_copy;
	row_copy.per = r->per != 0 ? r->per : 1;
	row_copy.samples = r->samples != 0 ? r->samples : BENCH_SAMPLES;
	samples = tries = 0;
	wanted = row_wanted(r->name);
	vm_touch(sample, sizeof(sample));
	clock_calibrate();
}

static void
samples_sort(void)
{
	for (uint32_t i = 1; i < samples; i++) {
		uint64_t v = sample[i];
		uint32_t at = i;

		for (; at > 0 && sample[at - 1] > v; at--)
			sample[at] = sample[at - 1];
		sample[at] = v;
	}
}

static void
row_print(void)
{
	samples_sort();
	print("bench: %s|%lu|%lu|%u|%u|%u|%s|%s\n", row->name,
	    sample[samples / 2], sample[samples - 1], samples, row->per,
	    row->aim, row->peer != NULL ? row->peer : "",
	    row->bound != NULL ? row->bound : "");
}

bool
bench_more(void)
{
	if (!wanted)
		return false;
	if (samples == row->samples) {
		row_print();
		return false;
	}
	if (tries++ == BENCH_TRIES)
		castor_die("%s: ticks fall into every sample", row->name);
	ticks_before = EXO_MACHINE->ticks;
	return true;
}

void
bench_take(uint64_t ticks)
{
	if (EXO_MACHINE->ticks == ticks_before || row->with_ticks)
		sample[samples++] = ticks;
}

exo_ppn
bench_frames(uint32_t kind, uint64_t n)
{
	exo_ppn first = EXO_MACHINE->nframes / 4, end = first * 3;
	uint64_t run = 0;

	while (run < n) {
		run = vm_free_run(first + (exo_ppn)run, n, &first);
		if (run == 0 || first >= end)
			castor_die("no run of %lu free frames", n);
	}
	must(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    kind, first, n) == (long)n ? 0 : -EXO_E_BUSY);
	return first;
}

void
bench_frames_free(exo_ppn ppn, uint64_t n)
{
	must(exo_page_free(self->memory_slot, ppn, n) == (long)n ? 0 :
	    -EXO_E_BUSY);
}
