/*
 * interrupt.c - slices end and signals come anywhere, in the ways in and out of
 * system calls, too: nobody notices.  (QEMU looks for interrupts between blocks
 * of code only, unless every instruction is one.)
 * run:
 * run: -- -singlestep
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define SECONDS	1

static volatile long signals;

static void
count(int sig)
{
	(void)sig;
	signals++;
}

static double
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * Some rounds of two calls whose sites become jumps, with words in the red
 * zone, registers that a call keeps, and vector registers: how many were not
 * as they were.
 */
static __attribute__((noinline)) long
rounds(long n, long pid, long ppid)
{
	long bad = 0;
	register long r14 __asm__("r14") = ppid;
	register long r15 __asm__("r15") = pid;

	__asm__ volatile(
	    "pcmpeqd %%xmm5, %%xmm5\n"
	    "mov $0x5a5a5a5a5a5a5a5a, %%r12\n"
	    "1:\n"
	    "mov %%r12, -8(%%rsp)\n"
	    "mov %%r12, -128(%%rsp)\n"
	    "mov %%r12, %%rdx\n"
	    "mov %%r12, %%r10\n"
	    "mov $39, %%eax; syscall\n"
	    "mov %%eax, %%r13d\n"
	    "mov $110, %%eax; syscall\n"
	    "cmp %%eax, %%r14d\n"
	    "jne 2f\n"
	    "cmp %%r12, -8(%%rsp)\n"
	    "jne 2f\n"
	    "cmp %%r12, -128(%%rsp)\n"
	    "jne 2f\n"
	    "cmp %%r12, %%rdx\n"
	    "jne 2f\n"
	    "cmp %%r12, %%r10\n"
	    "jne 2f\n"
	    "cmp %%r13d, %%r15d\n"
	    "jne 2f\n"
	    "movq %%xmm5, %%rax\n"
	    "cmp $-1, %%rax\n"
	    "je 3f\n"
	    "2: inc %0\n"
	    "3: dec %1\n"
	    "jnz 1b\n"
	    : "+r"(bad), "+r"(n)
	    : "r"(r14), "r"(r15)
	    : "rax", "rcx", "rdx", "r10", "r11", "r12", "r13", "xmm5",
	    "memory", "cc");
	return bad;
}

/*
 * The other sort of site that becomes a jump: musl's function for calls in which
 * a thread may be cancelled, with the number as an argument.  By number: a call
 * with all registers, a short one, one that there is not; and what they keep.
 */
__asm__(
    ".balign 64\n"
    "cp_call:\n"
    "mov %rdi, %rax; mov %r8, %r10; mov %rsi, %rdi; mov %r9, %r8\n"
    "mov %rdx, %rsi; mov 8(%rsp), %r9; mov %rcx, %rdx; syscall; ret\n");

static __attribute__((noinline)) long
rounds_cp(long n, long nr, long want)
{
	long bad = 0, rax;

	for (; n > 0; n--) {
		long r12 = 0x5a5a5a5a5a5a5a5a;

		rax = nr;
		__asm__ volatile(
		    "mov %2, %%r12\n"
		    "lea 1(%%r12), %%rsi; lea 2(%%r12), %%rdx\n"
		    "lea 3(%%r12), %%rcx; lea 4(%%r12), %%r8\n"
		    "lea 5(%%r12), %%r9; lea 6(%%r12), %%rbx\n"
		    "sub $128, %%rsp\n"
		    "push %%rbx; mov %%rax, %%rdi\n"
		    "mov %%r12, -24(%%rsp); mov %%r12, -128(%%rsp)\n"
		    "call cp_call\n"
		    "cmp %%r12, -24(%%rsp); jne 2f\n"
		    "cmp %%r12, -128(%%rsp); jne 2f\n"
		    "cmp %2, %%r12; jne 2f\n"
		    "cmp (%%rsp), %%rbx; jne 2f; cmp %%rbx, %%r9; jne 2f\n"
		    "dec %%rbx; cmp %%rbx, %%r8; jne 2f\n"
		    "dec %%rbx; cmp %%rbx, %%r10; jne 2f\n"
		    "dec %%rbx; cmp %%rbx, %%rdx; jne 2f\n"
		    "dec %%rbx; cmp %%rbx, %%rsi; jne 2f\n"
		    "dec %%rbx; cmp %%rbx, %%rdi; je 3f\n"
		    "2: inc %0\n"
		    "3: add $136, %%rsp\n"
		    : "+r"(bad), "+a"(rax)
		    : "r"(r12)
		    : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		    "r11", "r12", "memory", "cc");
		bad += rax != want;
	}
	return bad;
}

static long
rounds_by_number(long n)
{
	return rounds_cp(n, SYS_getpid, getpid()) +
	    rounds_cp(n, SYS_getppid, getppid()) + rounds_cp(n, 1000, -ENOSYS) +
	    rounds_cp(n, SYS_read, -EBADF);
}

static void
rounds_for_a_while(void)
{
	struct sigaction a = { .sa_handler = count };
	struct itimerval t = { { 0, 10000 }, { 0, 10000 } };
	double end = clock_now() + SECONDS;
	long bad = 0, n = 0;

	signals = 0;
	sigaction(SIGALRM, &a, NULL);
	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
	while (clock_now() < end) {
		bad += rounds(1000, getpid(), getppid());
		bad += rounds_by_number(250);
		n++;
	}
	t = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
	EQ(bad, 0);
	OK(signals > 0);
	printf("# %ld signals, %ld000 rounds\n", signals, n);
}

TEST(calls_are_interrupted_anywhere)
{
	rounds_for_a_while();
}

static void *
waits(void *p)
{
	char c;

	(void)!read((int)(intptr_t)p, &c, 1);
	return NULL;
}

/* Then jumps lead back to where they came from, and there is a trap. */
TEST(calls_of_one_of_several_threads)
{
	pthread_t t;
	int p[2];

	EQ(pipe(p), 0);
	EQ(pthread_create(&t, NULL, waits, (void *)(intptr_t)p[0]), 0);
	rounds_for_a_while();
	close(p[1]);
	EQ(pthread_join(t, NULL), 0);
}

TEST(faults_are_interrupted_anywhere)
{
	struct itimerval t = { { 0, 10000 }, { 0, 10000 } };
	double end = clock_now() + SECONDS;
	long bad = 0, n = 0;

	signals = 0;
	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
	while (clock_now() < end) {
		volatile char *p = mmap(NULL, 64 * 4096,
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);

		for (int i = 0; i < 64; i++) {
			bad += p[i * 4096] != 0;
			p[i * 4096 + 8] = 1;
		}
		munmap((void *)p, 64 * 4096);
		n++;
	}
	t = (struct itimerval){ { 0, 0 }, { 0, 0 } };
	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
	EQ(bad, 0);
	OK(signals > 0);
	printf("# %ld signals, %ld times 64 faults\n", signals, n);
}

TAP_MAIN
