/*
 * lwc_want.c - light-weight contexts without memory: each allocation of a
 * creation fails in turn, and what was taken until then comes back.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <castor/sys.h>

#include "child.h"
#include "native.h"
#include "torture.h"

#define MOST	4096u
#define TRIES	160u
#define SPARE	24l
#define CREATOR	31			/* docs/lwc.md */

static exo_ppn taken[MOST];
static uint32_t ntaken;
static exo_id account;
static long result[TRIES];
static long change[TRIES];

static uint32_t
used(void)
{
	return EXO_ACCTS[EXO_INDEX(account)].used[EXO_RES_FRAMES];
}

/* All that this process may still have. */
static void
take_all(void)
{
	while (ntaken < MOST) {
		exo_ppn p = EXO_MACHINE->free_head;

		if (exo_page_alloc(account, EXO_START_SLOT_ACCT,
		    EXO_START_SLOT_MEMORY, EXO_PG_SEATS, p, 1) != 1)
			return;
		taken[ntaken++] = p;
	}
}

static void
give(uint32_t n)
{
	while (n-- > 0 && ntaken > 0)
		(void)!exo_page_free(EXO_START_SLOT_MEMORY, taken[--ntaken], 1);
}

/* Frames in a row that are given back by the instruction after a creation: what
 * the creator touches next, its stack above all, it must be able to copy. */
static exo_ppn spare;

static int
spare_take(void)
{
	for (exo_ppn p = 1, run = 0; p < EXO_MACHINE->nframes; p++) {
		run = EXO_PAGES[p].kind == EXO_PG_FREE ? run + 1 : 0;
		if (run < SPARE)
			continue;
		spare = p - SPARE + 1;
		return exo_page_alloc(account, EXO_START_SLOT_ACCT,
		    EXO_START_SLOT_MEMORY, EXO_PG_SEATS, spare, SPARE) == SPARE;
	}
	return 0;
}

static long
create_and_give(const struct lwc_spec *s, uint64_t n, unsigned flags)
{
	register uint64_t r8 __asm__("r8") = 0, r9 __asm__("r9") = flags;
	register uint64_t r10 __asm__("r10") = 0, r12 __asm__("r12") = spare;
	uint64_t nr = LWC_NR_create, rdi = (uint64_t)s, rsi = n, rdx = 0;
	long c;

	__asm__ volatile("syscall\n\t"
	    "mov %%rax, %%rbx\n\t"
	    "mov %[free], %%eax\n\t"
	    "mov %[slot], %%edi\n\t"
	    "mov %%r12, %%rsi\n\t"
	    "mov %[n], %%edx\n\t"
	    "syscall\n\t"
	    : "+a"(nr), "=b"(c), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r8),
	      "+r"(r9), "+r"(r10), "+r"(r12)
	    : [free] "i"(EXO_NR_BASE + EXO_NR_page_free),
	      [slot] "i"(EXO_START_SLOT_MEMORY), [n] "i"(SPARE)
	    : "rcx", "r11", "memory");
	return c;
}

/* A process that has all that the session may give, and does nothing. */
static pid_t
hog(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	for (int64_t n = 1 << 20; n > 0; n /= 2) {
		while (native_ask(CM_RAISE, EXO_RES_FRAMES, (uint64_t)n, 0,
		    0) > 0)
			;
	}
	kill(getppid(), SIGUSR1);
	for (;;)
		pause();
}

static volatile int told_me;

static void
tell(int sig)
{
	(void)sig;
	told_me++;
}

static const struct lwc_spec *specs;	/* what is tried */
static int nspecs;
static unsigned flags;

/* One that is entered says so; 0: it was refused. */
static long
try(void)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = create_and_give(specs, (uint64_t)nspecs, flags);

	if (c == LWC_SWITCHED) {
		for (;;)
			lwc_switch(CREATOR, args, NULL);
	}
	if (c >= 0)
		(void)!lwc_close((int)c);
	return c;
}

/* The n-th frame fails, for all n; in the end some succeed. */
static int
starve(void)
{
	int enough = 0, bad = 0;

	account = native_ids().acct;
	memset(taken, 0, sizeof(taken));
	memset(result, 0, sizeof(result));
	memset(change, 0, sizeof(change));
	if (!spare_take() || try() < 0 || !spare_take())
		return 6;
	for (uint32_t n = 0; n < TRIES && enough < 3; n++) {
		uint32_t before;

		take_all();
		give(n);
		before = used();
		result[n] = try();
		enough += result[n] >= 0;
		change[n] = (long)used() + SPARE - before;
		if (!spare_take())
			return 9;
	}
	give(ntaken);
	for (uint32_t n = 0; n < TRIES; n++) {
		if ((result[n] < 0 && result[n] != -ENOMEM && result[n] !=
		    -EAGAIN) || change[n] > 0 || (n < 6 && result[n] >= 0)) {
			printf("# %u: %ld, frames %+ld\n", n, result[n],
			    change[n]);
			bad = 1;
		}
	}
	return enough == 3 && !bad ? 7 : 8;
}

/* In a process of its own. */
static int
starves(const struct lwc_spec *s, int n, unsigned f)
{
	int status = -1;
	pid_t pid;

	specs = s;
	nspecs = n;
	flags = f;
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(starve());
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

TEST(each_allocation_fails_in_turn)
{
	char *p = pages(64 * PAGE);
	struct lwc_spec out = SPEC(LWC_MEMORY | LWC_UNMAP, p + 3 * PAGE,
	    p + 9 * PAGE);
	struct given before;
	int status = -1;
	pid_t other;

	memset(p, 1, 64 * PAGE);
	given_begin(&before);
	signal(SIGUSR1, tell);
	other = hog();
	for (int i = 0; i < 5000 && !told_me; i++)
		pause_us(1000);
	OK(told_me);
	EQ(starves(NULL, 0, 0), 7 << 8);
	EQ(starves(&out, 1, 0), 7 << 8);
	EQ(starves(NULL, 0, LWC_SYSTRAP), 7 << 8);
	kill(other, SIGKILL);
	EQ(waitpid(other, &status, 0), other);
	OK(given_back(&before));
}

TAP_MAIN
