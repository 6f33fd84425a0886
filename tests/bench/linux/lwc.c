/*
 * lwc.c - light-weight contexts (docs/lwc.md): create, switch, close; and with
 * pages written between.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "snapshot.h"

#define PAGE	4096ul

static volatile char *pages;

/* lwc_switch with the clock read right before it and right after: it goes in
 * rsi, and comes out in r8. */
static inline __attribute__((always_inline)) uint64_t
clocked_switch(int to, uint64_t word, uint64_t *came)
{
	register uint64_t rdi __asm__("rdi") = (uint64_t)to;
	register uint64_t r9 __asm__("r9") = word;
	register uint64_t r8 __asm__("r8");
	uint64_t before;

	__asm__ volatile("rdtsc\n\t"
	    "shl $32, %%rdx\n\t"
	    "or %%rdx, %%rax\n\t"
	    "mov %%rax, %%rsi\n\t"
	    "lea 1f(%%rip), %%rcx\n\t"
	    "movabs %[at], %%rax\n\t"
	    "jmp *%%rax\n\t"
	    "syscall\n"
	    "1:\trdtsc\n\t"
	    "shl $32, %%rdx\n\t"
	    "or %%rdx, %%rax\n\t"
	    "mov %%rax, %%r8"
	    : "=S"(before), "=r"(r8), "+r"(rdi), "+r"(r9)
	    : [at] "i"(LWC_SWITCH_AT)
	    : "rax", "rbx", "rcx", "rdx", "r10", "r11", "r12", "r13", "r14",
	      "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",
	      "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
	      "xmm12", "xmm13", "xmm14", "xmm15");
	*came = r9;
	return r8 - before;
}

/* The same without it. */
static uint64_t
clocked_nothing(void)
{
	uint64_t before, after;

	__asm__ volatile("rdtsc\n\t"
	    "shl $32, %%rdx\n\t"
	    "or %%rdx, %%rax\n\t"
	    "mov %%rax, %%rsi\n\t"
	    "rdtsc\n\t"
	    "shl $32, %%rdx\n\t"
	    "or %%rdx, %%rax"
	    : "=S"(before), "=a"(after) : : "rdx", "cc");
	return after - before;
}

/* The child says how long the way to it was. */
static long
clock_child(void)
{
	uint64_t took = 0, word;
	int caller;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c != LWC_SWITCHED)
		return c;
	for (;;)
		took = clocked_switch(caller, took, &word);
}

static uint64_t
one_way(int c)
{
	uint64_t took;

	(void)clocked_switch(c, 0, &took);
	return took;
}

/* A worker is made, dirties pages, and is thrown away. */
static void
rollback(uint64_t dirty, unsigned flags)
{
	uint64_t args[LWC_ARGS] = { 0 };
	struct lwc_spec s = { (uint64_t)pages, (uint64_t)pages + dirty * PAGE,
		LWC_MEMORY | LWC_COPY, 0 };
	int caller;
	long c = lwc_create(&s, flags != 0, &caller, NULL, NULL, flags);

	if (c == LWC_SWITCHED) {
		for (uint64_t i = 0; i < dirty; i++)
			pages[i * PAGE] = 2;
		lwc_switch(caller, args, NULL);
	}
	lwc_switch((int)c, args, NULL);
	(void)lwc_close((int)c);
}

int
main(int argc, char **argv)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c;

	if (argc > 1)
		row_wanted = argv[1];
	pages = mmap(NULL, 4 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	for (uint64_t i = 0; i < 1 << 20; i += PAGE)
		pages[i] = 1;
	c = clock_child();
	for (int i = 0; i < 10; i++)
		(void)one_way((int)c);
	ROW("lwc_switch", .aim = 58,
	    .bound = "31 of the kernel's enter, 33 to save and to scrub")
		row_take(one_way((int)c) - clocked_nothing());
	ROW("lwc_round_trip")
		TAKE(lwc_switch((int)c, args, NULL));
	lwc_close((int)c);
	create_close(pages, 0);
	ROW("lwc_only_create", .samples = 100) {
		TAKE(c = lwc_create(NULL, 0, NULL, NULL, NULL, 0));
		lwc_close((int)c);
	}
	ROW("lwc_only_close", .samples = 100) {
		c = lwc_create(NULL, 0, NULL, NULL, NULL, 0);
		TAKE(lwc_close((int)c));
	}
	ROW("lwc_create_close", .aim = 5000, .samples = 100)
		TAKE(create_close(pages, 0));
	ROW("lwc_create_close_10", .samples = 50)
		TAKE(create_close(pages, 10));
	ROW("lwc_create_close_100", .samples = 20)
		TAKE(create_close(pages, 100));
	ROW("lwc_create_close_1000", .samples = 10, .with_ticks = true)
		TAKE(create_close(pages, 1000));
	ROW("lwc_rollback", .samples = 50)
		TAKE(rollback(0, 0));
	ROW("lwc_rollback_10", .samples = 50)
		TAKE(rollback(10, 0));
	ROW("lwc_rollback_100", .samples = 20)
		TAKE(rollback(100, 0));
	ROW("lwc_rollback_1000", .samples = 10, .with_ticks = true)
		TAKE(rollback(1000, 0));
	ROW("lwc_rollback_100_prefault", .samples = 20,
	    .bound = "lwc_rollback_100, the pages copied when it is made")
		TAKE(rollback(100, LWC_PREFAULT));
	return 0;
}
