/*
 * cost.c - what things cost, in instructions, and that they stay below a bound.
 * run: --icount
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGE	4096ul
#define N	64

/* A kernel that checks itself is slow: EXO_MACHINE->features, EXO_FEAT_CHECK. */
#define CHECKS	(((const volatile uint32_t *)0xffffff0000000000)[9] & 0x8000)

static inline uint64_t
now(void)
{
	uint32_t a, d;

	__asm__ volatile("lfence; rdtsc" : "=a"(a), "=d"(d) : : "memory");
	return (uint64_t)d << 32 | a;
}

/* The cheapest of N: no tick in it. */
#define COST(name, bound, code)						      \
	do {								      \
		uint64_t best = ~0ul;					      \
									      \
		for (int i_ = 0; i_ < N; i_++) {			      \
			uint64_t t_ = now();				      \
									      \
			code;						      \
			t_ = now() - t_;				      \
			best = t_ < best ? t_ : best;			      \
		}							      \
		printf("# %-40s %6lu\n", name, (unsigned long)best);	      \
		OK(best <= bound || CHECKS);					      \
	} while (0)

/* From one place, by a number that the compiler does not know: by a trap. */
static __attribute__((noinline)) long
trap(long nr)
{
	__asm__ volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory");
	return nr;
}

TEST(calls_without_the_commons)
{
	struct timespec { long s, n; } t;

	COST("nothing", 10, );
	COST("getpid", 160, trap(SYS_getpid));
	COST("getppid", 400, syscall(SYS_getppid));
	COST("clock_gettime", 500, syscall(SYS_clock_gettime, 1, &t));
}

/* A site that is turned into a jump, after some calls. */
static __attribute__((noinline)) long
patched_getpid(void)
{
	long nr;

	__asm__ volatile("mov $39, %%eax; syscall" : "=a"(nr) : : "rcx", "r11",
	    "memory");
	return nr;
}

static __attribute__((noinline)) long
patched_getppid(void)
{
	long nr;

	__asm__ volatile("mov $110, %%eax; syscall" : "=a"(nr) : : "rcx",
	    "r11", "memory");
	return nr;
}

TEST(calls_without_a_trap)
{
	long is = trap(SYS_getpid);

	for (int i = 0; i < 1000; i++)
		OK(patched_getpid() == is);
	COST("getpid, its site a jump", 60, patched_getpid());
	for (int i = 0; i < 1000; i++)
		OK(patched_getppid() == 1);
	COST("getppid, its site a jump", 400, patched_getppid());
}

TEST(calls_of_the_commons)
{
	char c = 0;
	int p[2], fd = open("/dev/null", O_RDWR);

	COST("write a byte to /dev/null", 2000, write(fd, &c, 1));
	OK(pipe(p) == 0);
	COST("a byte into a pipe and out", 4000,
	    (void)!write(p[1], &c, 1); (void)!read(p[0], &c, 1));
}

TEST(memory)
{
	volatile char *p = mmap(NULL, (N + 1) * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q = p;
	char *r;

	COST("anonymous fault", 2500, *q = 1; q += PAGE);
	COST("mmap, munmap of a page", 2500, r = mmap(NULL, PAGE, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(r, PAGE));
	COST("mmap, touch, munmap of a page", 4500, r = mmap(NULL, PAGE,
	    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	    *(volatile char *)r = 1; munmap(r, PAGE));
	munmap((void *)p, (N + 1) * PAGE);
}

static void
fork_wait(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

/* Whatever the size. */
TEST(forks)
{
	volatile char *p = mmap(NULL, 64 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	COST("fork, exit, wait", 200000, fork_wait());
	for (size_t i = 0; i < 64 << 20; i += PAGE)
		p[i] = 1;
	COST("the same with 64 MiB", 200000, fork_wait());
	munmap((void *)p, 64 << 20);
}

static void
past(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += 3;
}

TEST(signals)
{
	struct sigaction a = { .sa_sigaction = past, .sa_flags = SA_SIGINFO };

	sigaction(SIGSEGV, &a, NULL);
	sigaction(SIGUSR1, &a, NULL);
	COST("SIGSEGV to its handler and back", 3000,
	    __asm__ volatile("xor %%eax, %%eax; mov (%%rax), %%rax" : : :
	    "rax"));
	COST("rt_sigprocmask", 400, syscall(SYS_rt_sigprocmask, 0, 0, 0, 8));
}

TAP_MAIN
