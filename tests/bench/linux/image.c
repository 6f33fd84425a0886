/*
 * image.c - what Linux programs do most, in Castor's image.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

#define PAGE	4096ul

static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("not ok: %s\n", what);
	exit(1);
}
#define MUST(cond)	must(cond, #cond)

/* By a number that the compiler does not know: this site stays a trap. */
static __attribute__((noinline)) long
trap(long nr)
{
	__asm__ volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory");
	return nr;
}

static inline __attribute__((always_inline)) long
site(void)
{
	long nr;

	__asm__ volatile("mov %1, %%eax; syscall" : "=a"(nr) :
	    "i"(SYS_getpid) : "rcx", "r11", "memory");
	return nr;
}

static void
calls(void)
{
	ROW("image_getpid", .aim = 160, .peer = "null_syscall_getppid",
	    .bound = "the kernel's upcall: eleven words written, eleven pushed")
		TAKE(trap(SYS_getpid));
	for (int i = 0; i < 1000; i++)
		(void)site();
	ROW("image_getpid_jump", .aim = 60, .peer = "null_syscall_getppid",
	    .bound = "its site is a jump") {
		for (int i = 0; i < 300; i++) {
			uint64_t from = row_clock();

			(void)site();
			from = row_clock() - from;
			if (i == 299)
				row_take(from - row_empty);
		}
	}
	ROW("image_getppid", .peer = "null_syscall_getppid",
	    .bound = "registers that C does not keep, a handler in C")
		TAKE(trap(SYS_getppid));
}

/* ---- pipes */

static void
pipes(void)
{
	int a[2], b[2];
	char c = 0;
	pid_t pid;

	MUST(pipe(a) == 0 && pipe(b) == 0);
	for (int i = 0; i < 300; i++) {	/* their site is a jump then */
		(void)!write(a[1], &c, 1);
		(void)!read(a[0], &c, 1);
	}
	ROW("image_pipe_write_read",
	    .bound = "two calls, two requests to the commons")
		TAKE((void)!write(a[1], &c, 1); (void)!read(a[0], &c, 1));
	pid = fork();
	if (pid == 0) {
		close(a[1]);
		while (read(a[0], &c, 1) == 1)
			(void)!write(b[1], &c, 1);
		_exit(0);
	}
	close(a[0]);
	for (int i = 0; i < 100; i++) {
		(void)!write(a[1], &c, 1);
		(void)!read(b[0], &c, 1);
	}
	ROW("image_pipe_round_trip", .aim = 1500, .peer = "pipe_pingpong_rt",
	    .bound = "two requests, two switches by yielding")
		TAKE((void)!write(a[1], &c, 1); (void)!read(b[0], &c, 1));
	close(a[1]);
	waitpid(pid, NULL, 0);
	close(b[0]);
	close(b[1]);
}

/* ---- processes */

static void
fork_wait(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	MUST(waitpid(pid, NULL, 0) == pid);
}

static void
exec_wait(pid_t (*make)(void), const char *path, char *const *argv)
{
	int status;
	pid_t pid = make();

	if (pid == 0) {
		execv(path, argv);
		_exit(1);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
}

static void
processes(void)
{
	static char *const tiny[] = { "tiny", NULL };
	static char *const busybox[] = { "busybox", "true", NULL };
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, 1 << 20);
	for (int i = 0; i < 5; i++)
		fork_wait();
	ROW("image_fork_exit_wait", .aim = 20000, .peer = "fork_exit_wait",
	    .samples = 100,
	    .bound = "an account, a domain, an env, some 20 frames; 1 MiB")
		TAKE(fork_wait());
	exec_wait(fork, "/bench/linux/tiny", tiny);
	ROW("image_fork_exec_exit_wait", .peer = "fork_exec_exit_wait",
	    .samples = 100, .bound = "a program of one page")
		TAKE(exec_wait(fork, "/bench/linux/tiny", tiny));
	ROW("image_vfork_exec_exit_wait", .peer = "vfork_exec_exit_wait",
	    .samples = 100, .bound = "as a fork")
		TAKE(exec_wait(vfork, "/bench/linux/tiny", tiny));
	exec_wait(fork, "/bin/busybox", busybox);
	ROW("image_fork_busybox_true", .samples = 100,
	    .bound = "a C library's start, 2 MiB of program")
		TAKE(exec_wait(fork, "/bin/busybox", busybox));
	munmap(p, 1 << 20);
}

/* ---- memory */

static void
memory(void)
{
	char *p = mmap(NULL, (ROW_TRIES + 1) * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile char *q = p;
	char *r;

	ROW("image_anonymous_fault", .aim = 1500 + 512,
	    .peer = "minor_fault_anon_write",
	    .bound = "512 of zeroing, a sixteenth of an allocation, an entry")
		TAKE(*q = 1; q += PAGE);
	munmap(p, (ROW_TRIES + 1) * PAGE);
	ROW("image_mmap_munmap", .peer = "mmap_munmap_1page",
	    .bound = "two calls, an area made and unmade")
		TAKE(r = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE |
		    MAP_ANONYMOUS, -1, 0); munmap(r, PAGE));
	ROW("image_mmap_touch_munmap", .peer = "mmap_touch_munmap_1page",
	    .bound = "and a fault, and the frame given back")
		TAKE(r = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS, -1, 0); *(volatile char *)r = 1;
		    munmap(r, PAGE));
}

/* ---- signals */

/* movb $1, (%rax), three bytes: as the peers have it. */
#define STORE(p)	__asm__ volatile(".byte 0xc6, 0, 1" : : "a"(p) :      \
			    "memory")

static sigjmp_buf back;

static void
past(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += 3;
}

static void
out(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void
nothing(int sig)
{
	(void)sig;
}

static void
signals(void)
{
	struct sigaction a = { .sa_sigaction = past, .sa_flags = SA_SIGINFO };
	struct sigaction b = { .sa_handler = out };
	struct sigaction c = { .sa_handler = nothing };
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long me = getpid();

	*p = 1;
	mprotect(p, PAGE, PROT_READ);
	sigaction(SIGSEGV, &a, NULL);
	ROW("image_segv", .aim = 700, .peer = "segv_trap_only",
	    .bound = "a frame written and read where it is, two upcalls")
		TAKE(STORE(p));
	sigaction(SIGSEGV, &b, NULL);
	ROW("image_longjmp_segv", .bound = "with the C library's part")
		TAKE(if (sigsetjmp(back, 1) == 0) STORE(p));
	sigaction(SIGUSR1, &c, NULL);
	ROW("image_kill_self", .peer = "kill_self_signal_rt",
	    .bound = "two requests to the commons besides")
		TAKE(syscall(SYS_kill, me, SIGUSR1));
	munmap(p, PAGE);
}

/* ---- all of it */

static void
script(void)
{
	static char *const ash[] = { "sh", "/bench/linux/script.sh", NULL };

	ROW("image_ash_200_lines", .samples = 3, .with_ticks = true,
	    .bound = "functions, loops, substitutions, pipelines, files")
		TAKE(exec_wait(fork, "/bin/sh", ash));
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		row_wanted = argv[1];
	calls();
	memory();
	signals();
	pipes();
	processes();
	script();
	return 0;
}
