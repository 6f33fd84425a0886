/*
 * fork.c - processes that begin as copies: what they share, and what not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fenv.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define PAGE	4096ul
#define MIB	(1ul << 20)

static int global = 1;
static long table[4096];

/* Fork; the child runs code, which is an expression, and ends with it as its
 * status. */
#define CHILD(code)							      \
	({								      \
		pid_t pid_ = fork();					      \
									      \
		if (pid_ == 0)						      \
			_exit((int)(code));				      \
		pid_;							      \
	})

static int
ended(pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    1000 + WTERMSIG(status);
}

static char *
pages(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

TEST(a_child_ends_with_its_status)
{
	EQ(ended(CHILD(7)), 7);
	EQ(ended(CHILD(0)), 0);
	EQ(waitpid(-1, NULL, 0), -1);
	EQ(errno, ECHILD);
}

TEST(ids)
{
	pid_t me = getpid();

	EQ(ended(CHILD(getppid() == me && getpid() != me &&
	    syscall(SYS_gettid) == getpid())), 1);
}

TEST(neither_sees_what_the_other_writes)
{
	int local = 10, to[2], from[2];
	char c;
	pid_t pid;

	EQ(pipe(to), 0);
	EQ(pipe(from), 0);
	pid = fork();
	if (pid == 0) {
		int ok = global == 1 && local == 10;

		global = 2;
		local = 20;
		(void)!write(from[1], "x", 1);
		(void)!read(to[0], &c, 1);
		_exit(ok && global == 2 && local == 20);
	}
	EQ(read(from[0], &c, 1), 1);
	EQ(global, 1);
	EQ(local, 10);
	global = 3;
	local = 30;
	EQ(write(to[1], "x", 1), 1);
	EQ(ended(pid), 1);
	EQ(global, 3);
	EQ(local, 30);
	global = 1;
	for (int i = 0; i < 2; i++) {
		close(to[i]);
		close(from[i]);
	}
}

static int
tree(int depth)
{
	int sum = 1;

	table[depth] = getpid();
	if (depth == 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = CHILD(tree(depth - 1));
		int n = ended(pid);

		sum += n > 0 && n < 1000 ? n : 1000;
	}
	return table[depth] == getpid() ? sum : 99;
}

TEST(a_tree_of_processes)
{
	EQ(tree(3), 15);
}

static int
chain(int depth)
{
	table[depth] = depth;
	if (depth == 0) {
		for (int i = 0; i <= 12; i++) {
			if (table[i] != i)
				return 2;
		}
		return 1;
	}
	return ended(CHILD(chain(depth - 1)));
}

TEST(children_of_children)
{
	EQ(chain(12), 1);
}

/* What is in page i, by whoever wrote it last. */
static int
pages_are(const char *p, size_t n, size_t step, char v)
{
	for (size_t i = 0; i < n; i += step) {
		if (p[i] != (char)(v + (char)(i / PAGE)))
			return 0;
	}
	return 1;
}

static void
pages_put(char *p, size_t n, size_t step, char v)
{
	for (size_t i = 0; i < n; i += step)
		p[i] = (char)(v + (char)(i / PAGE));
}

TEST(dense_memory_is_copied)
{
	size_t n = 8 * MIB;
	char *p = pages(n);
	pid_t pid;

	pages_put(p, n, PAGE, 1);
	pid = fork();
	if (pid == 0) {
		int ok = pages_are(p, n, PAGE, 1);

		pages_put(p, n, PAGE, 2);
		_exit(ok && pages_are(p, n, PAGE, 2));
	}
	EQ(ended(pid), 1);
	OK(pages_are(p, n, PAGE, 1));
	pages_put(p, n, PAGE, 3);
	EQ(ended(CHILD(pages_are(p, n, PAGE, 3))), 1);
	EQ(munmap(p, n), 0);
}

TEST(sparse_memory_is_copied)
{
	size_t n = 1ul << 36, step = (1ul << 31) + PAGE;
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	pid_t pid;

	OK(p != MAP_FAILED);
	pages_put(p, n, step, 1);
	pid = fork();
	if (pid == 0) {
		int ok = pages_are(p, n, step, 1);

		pages_put(p, n, step, 2);
		for (size_t i = 0; i < n; i += step)
			ok &= p[i + PAGE] == 0;
		_exit(ok && pages_are(p, n, step, 2));
	}
	OK(pages_are(p, n, step, 1));
	EQ(ended(pid), 1);
	OK(pages_are(p, n, step, 1));
	EQ(munmap(p, n), 0);
}

TEST(what_is_unmapped_stays_with_the_other)
{
	size_t n = 4 * MIB;
	char *p = pages(n);
	int to[2];
	char c;
	pid_t pid;

	EQ(pipe(to), 0);
	pages_put(p, n, PAGE, 1);
	pid = fork();
	if (pid == 0) {
		(void)!read(to[0], &c, 1);
		_exit(pages_are(p, n, PAGE, 1));
	}
	EQ(munmap(p + PAGE, 3 * MIB), 0);
	EQ(p[0], 1);
	OK(mmap(p + PAGE, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p + PAGE);
	for (size_t i = PAGE; i < MIB; i += PAGE)
		EQ(p[i], 0);
	EQ(write(to[1], "x", 1), 1);
	EQ(ended(pid), 1);
	EQ(munmap(p, n), 0);
	p = pages(n);
	for (size_t i = 0; i < n; i += PAGE)
		EQ(p[i], 0);
	EQ(munmap(p, n), 0);
	close(to[0]);
	close(to[1]);
}

/* Ranges that begin or end with a table, or a table of tables. */
TEST(edges_of_tables)
{
	static const size_t edges[] = { 0, PAGE, 2 * MIB - PAGE, 2 * MIB,
	    2 * MIB + PAGE, 1024 * MIB - PAGE, 1024 * MIB, 1024 * MIB + PAGE,
	    1026 * MIB, 2048 * MIB };
	const int n = sizeof(edges) / sizeof(edges[0]);
	char *base = (char *)0x500000000000;

	for (int i = 0; i < n; i++) {
		for (int k = i + 1; k < n; k++) {
			pid_t pid;

			OK(mmap(base, 2048 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
			    MAP_NORESERVE, -1, 0) == base);
			for (int j = 0; j < n - 1; j++)
				base[edges[j]] = (char)(j + 1);
			pid = fork();
			if (pid == 0) {
				int ok = munmap(base + edges[i],
				    edges[k] - edges[i]) == 0;

				for (int j = 0; j < n - 1; j++) {
					if (j < i || j >= k)
						ok &= base[edges[j]] == j + 1;
				}
				_exit(ok);
			}
			EQ(ended(pid), 1);
			for (int j = 0; j < n - 1; j++)
				EQ(base[edges[j]], j + 1);
			EQ(madvise(base + edges[i], edges[k] - edges[i],
			    MADV_DONTNEED), 0);
			for (int j = 0; j < n - 1; j++)
				EQ(base[edges[j]], j < i || j >= k ? j + 1 : 0);
			EQ(munmap(base, 2048 * MIB), 0);
		}
	}
}

TEST(protection_is_of_each)
{
	char *p = pages(4 * PAGE);
	pid_t pid;

	pages_put(p, 4 * PAGE, PAGE, 1);
	pid = fork();
	if (pid == 0) {
		mprotect(p, PAGE, PROT_READ);
		p[PAGE] = 5;
		p[0] = 5;
		_exit(0);
	}
	p[0] = 9;
	EQ(ended(pid), 1000 + SIGSEGV);
	EQ(p[0], 9);
	EQ(p[PAGE], 2);
	EQ(munmap(p, 4 * PAGE), 0);
}

TEST(moved_memory_is_copied)
{
	void *to = (void *)0x510000000000;
	char *p = pages(4 * PAGE);
	pid_t pid;

	pages_put(p, 4 * PAGE, PAGE, 1);
	pid = fork();
	if (pid == 0)
		_exit(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE |
		    MREMAP_FIXED, to) == to && pages_are(to, 4 * PAGE, PAGE,
		    1));
	OK(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	    to && pages_are(to, 4 * PAGE, PAGE, 1));
	EQ(ended(pid), 1);
	OK(pages_are(to, 4 * PAGE, PAGE, 1));
	EQ(munmap(to, 4 * PAGE), 0);
}

TEST(shared_memory_is_shared)
{
	int *p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	OK(p != MAP_FAILED);
	p[0] = 1;
	EQ(ended(CHILD(p[0] == 1 ? (p[0] = 2, p[1024] = 3, 0) : 1)), 0);
	EQ(p[0], 2);
	EQ(p[1024], 3);
	EQ(munmap(p, 2 * PAGE), 0);
}

TEST(registers_and_fp_state_are_inherited)
{
	double x = 1.5, y = 0;
	pid_t pid;

	fesetround(FE_UPWARD);
	__asm__ volatile("movsd %2, %%xmm9; mov $57, %%eax; mov $0x1234, %%r15;"
	    "syscall; cmp $0x1234, %%r15; je 1f; ud2; 1: movsd %%xmm9, %1" :
	    "=&a"(pid), "=m"(y) : "m"(x) : "rcx", "r11", "r15", "xmm9",
	    "memory");
	if (pid == 0)
		_exit(y == 1.5 && fegetround() == FE_UPWARD);
	OK(y == 1.5);
	EQ(ended(pid), 1);
	fesetround(FE_TONEAREST);
}

static volatile int signals;

static void
count(int sig)
{
	signals += sig;
}

TEST(handlers_are_inherited)
{
	pid_t pid;

	signal(SIGUSR1, count);
	pid = fork();
	if (pid == 0) {
		raise(SIGUSR1);
		_exit(signals == SIGUSR1);
	}
	EQ(ended(pid), 1);
	EQ(signals, 0);
	signal(SIGUSR1, SIG_DFL);
}

TEST(the_parent_may_die_first)
{
	int from[2];
	char c = 0;
	pid_t pid;

	EQ(pipe(from), 0);
	pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();

		table[7] = 77;
		if (fork() == 0) {
			for (int i = 0; i < 20000 && getppid() == parent; i++)
				usleep(1000);
			table[8] = 88;
			c = table[7] == 77 && getppid() != parent;
			(void)!write(from[1], &c, 1);
			_exit(0);
		}
		_exit(0);
	}
	EQ(ended(pid), 0);
	EQ(read(from[0], &c, 1), 1);
	EQ(c, 1);
	close(from[0]);
	close(from[1]);
}

TEST(another_program)
{
	pid_t pid = fork();

	if (pid == 0) {
		execl("/test/linux/fork", "fork", "17", NULL);
		_exit(99);
	}
	EQ(ended(pid), 17);
	pid = vfork();
	if (pid == 0) {
		execl("/test/linux/fork", "fork", "18", NULL);
		_exit(99);
	}
	EQ(ended(pid), 18);
}

static unsigned long
memory_free(void)
{
	struct sysinfo s;

	return sysinfo(&s) == 0 ? s.freeram * s.mem_unit / PAGE : 0;
}

/* But for a few: what has ended is cleared away in the background. */
static int
memory_comes_back(unsigned long before, unsigned long few)
{
	for (int i = 0; i < 5000 && memory_free() + few < before; i++)
		usleep(1000);
	printf("# %lu free frames, then %lu\n", before, memory_free());
	return memory_free() + few >= before;
}

TEST(fifteen_hundred_and_nothing_is_lost)
{
	unsigned long before = 0;

	for (int i = 0; i < 1520; i++) {
		pid_t pid;

		if (i == 520)
			before = memory_free();
		table[i] = i;
		pid = fork();
		if (pid == 0) {
			table[i] = -1;
			_exit(table[i / 2] == i / 2 || i == 0);
		}
		if (!OK(pid > 0))
			break;
		table[i + 1000] = i;
		EQ(ended(pid), 1);
		EQ(table[i], i);
	}
	OK(memory_comes_back(before, 900));
}

/* The parent writes while the child lives: then the originals are the child's
 * alone, and nobody's in the end. */
TEST(originals_are_freed)
{
	size_t n = 64 * PAGE;
	char *p = pages(n), c = 0;
	unsigned long before = 0;

	for (int i = 0; i < 120; i++) {
		int to[2];
		pid_t pid;

		if (i == 20)
			before = memory_free();
		EQ(pipe(to), 0);
		pages_put(p, n, PAGE, (char)i);
		pid = fork();
		if (pid == 0) {
			(void)!read(to[0], &c, 1);
			_exit(pages_are(p, n, PAGE, (char)i));
		}
		if (!OK(pid > 0))
			break;
		pages_put(p, n, PAGE, (char)(i + 1));
		EQ(write(to[1], &c, 1), 1);
		EQ(ended(pid), 1);
		close(to[0]);
		close(to[1]);
	}
	OK(memory_comes_back(before, 1000));
	EQ(munmap(p, n), 0);
}

#define MANY	600

/* Forks until one fails; those before end when they are told. */
static int
many(void)
{
	static pid_t pids[MANY];
	int to[2], n = 0, bad = 0;
	char c;

	EQ(pipe(to), 0);
	while (n < MANY && (pids[n] = fork()) > 0)
		n++;
	if (n < MANY && pids[n] == 0) {
		close(to[1]);
		(void)!read(to[0], &c, 1);
		_exit(3);
	}
	OK(n < MANY && (errno == EAGAIN || errno == ENOMEM));
	close(to[0]);
	close(to[1]);
	for (int i = 0; i < n; i++)
		bad += ended(pids[i]) != 3;
	EQ(bad, 0);
	return n;
}

TEST(too_many_are_refused)
{
	unsigned long before;
	int n = many();

	OK(n > 8);
	OK(many() > n / 2);
	before = memory_free();
	for (int i = 0; i < 8; i++)
		OK(many() > n / 2);
	OK(memory_comes_back(before, 500));
}

/* Until there is none. */
static int
memory_take(void)
{
	for (;;) {
		char *p = pages(4 * MIB);

		if (p == NULL)
			return 3;
		pages_put(p, 4 * MIB, PAGE, 1);
	}
}

TEST(without_memory_dies_who_touches)
{
	static char kept[64 * PAGE];

	for (int i = 0; i < 3; i++) {
		pages_put(kept, sizeof(kept), PAGE, (char)i);
		EQ(ended(CHILD(memory_take())), 1000 + SIGBUS);
		OK(pages_are(kept, sizeof(kept), PAGE, (char)i));
		EQ(ended(CHILD(pages_are(kept, sizeof(kept), PAGE, (char)i))),
		    1);
	}
}

int
main(int argc, char **argv)
{
	return argc > 1 ? atoi(argv[1]) : tap_main();
}
