/*
 * lwc_signals.c - signals and threads where there are contexts: a fault is its
 * culprit's affair, another signal waits until who is to have it runs, and a
 * thread that came later stays outside.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tap.h"

static volatile int faults, signals;	/* each context has its own */
static sigjmp_buf out;
static volatile uint64_t *volatile nowhere = (uint64_t *)8;

static void
on_fault(int sig)
{
	(void)sig;
	faults++;
	siglongjmp(out, 1);
}

static void
on_signal(int sig)
{
	(void)sig;
	signals++;
}

/* It comes back by rt_sigreturn. */
static volatile char *shut;

static void
on_shut(int sig)
{
	(void)sig;
	mprotect((void *)shut, 4096, PROT_READ | PROT_WRITE);
}

/* ---- what a child does when it is entered */

enum { FAULT = 1, SAY, KILL, DIE, HANDLE, CALL, IGNORE, SLEEP, MEND };

static const struct itimerval soon = { .it_value = { 0, 1000 } };

static void
obey(uint64_t args[LWC_ARGS])
{
	switch (args[0]) {
	case HANDLE:
		signal(SIGSEGV, on_fault);
		break;
	case FAULT:
		if (sigsetjmp(out, 1) == 0)
			*nowhere = 1;
		break;
	case KILL:
		kill(getpid(), SIGUSR1);
		break;
	case CALL:
		(void)getppid();
		break;
	case IGNORE:
		signal(SIGUSR1, SIG_IGN);
		break;
	case SLEEP:
		signal(SIGALRM, on_signal);
		setitimer(ITIMER_REAL, &soon, NULL);
		pause();
		break;
	case MEND:
		signal(SIGSEGV, on_shut);
		*shut = 1;
		break;
	case DIE:
		signal(SIGSEGV, SIG_DFL);
		*nowhere = 1;
	}
	args[0] = (uint64_t)faults;
	args[1] = (uint64_t)signals;
}

static uint64_t
tell(long c, uint64_t what, uint64_t *heard)
{
	uint64_t args[LWC_ARGS] = { what };

	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	if (heard != NULL)
		*heard = args[1];
	return args[0];
}

TEST(a_fault_is_its_culprits)
{
	long a, b;

	faults = 0;
	signal(SIGSEGV, on_fault);
	a = child_of(NULL, 0, 0, obey);
	b = child_of(NULL, 0, 0, obey);
	OK(a >= 0 && b >= 0);
	EQ(tell(a, FAULT, NULL), 1);
	EQ(tell(a, FAULT, NULL), 2);
	EQ(tell(b, SAY, NULL), 0);
	EQ(faults, 0);
	/* The creator's fault is not theirs either. */
	if (sigsetjmp(out, 1) == 0)
		*nowhere = 1;
	EQ(faults, 1);
	EQ(tell(a, SAY, NULL), 2);
	EQ(lwc_close((int)a), 0);
	EQ(lwc_close((int)b), 0);
}

/* What a handler is, each context says for itself. */
TEST(handlers_are_each_ones_own)
{
	struct sigaction a;
	long c;

	signal(SIGSEGV, SIG_DFL);
	c = child_of(NULL, 0, 0, obey);
	EQ(tell(c, HANDLE, NULL), 1);
	EQ(tell(c, FAULT, NULL), 2);
	sigaction(SIGSEGV, NULL, &a);
	OK(a.sa_handler == SIG_DFL);
	EQ(lwc_close((int)c), 0);
}

TEST(a_fault_without_a_handler_ends_the_process)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long c = child_of(NULL, 0, 0, obey);

		signal(SIGSEGV, on_fault);
		(void)tell(c, DIE, NULL);
		_exit(0);
	}
	EQ(waitpid(pid, &status, 0), pid);
	OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* It is for the first context: it waits until that runs, and comes once. */
TEST(a_signal_waits_for_who_is_to_have_it)
{
	uint64_t heard;
	long c;

	signals = 0;
	signal(SIGUSR1, on_signal);
	c = child_of(NULL, 0, 0, obey);
	OK(c >= 0);
	(void)tell(c, KILL, &heard);
	EQ(heard, 0);
	(void)getppid();
	EQ(signals, 1);
	(void)tell(c, SAY, &heard);
	EQ(heard, 0);
	for (int i = 0; i < 1000; i++)
		(void)getppid();
	EQ(signals, 1);
	EQ(lwc_close((int)c), 0);
}

/* ---- signals that are shared */

static const struct lwc_spec same_files = { ~0ul, ~0ul,
	LWC_FILES | LWC_SHARE, 0 };

/* Who shares them has each, once, as the first context has. */
static void
all_have_it(const struct lwc_spec *specs, int n)
{
	uint64_t heard;
	long c, other;

	signals = 0;
	signal(SIGUSR1, on_signal);
	c = child_of(specs, n, LWC_SHARESIGNALS, obey);
	other = child_of(NULL, 0, 0, obey);
	OK(c >= 0 && other >= 0);
	kill(getpid(), SIGUSR1);
	EQ(signals, 1);
	for (int i = 0; i < 3; i++) {
		(void)tell(c, CALL, &heard);
		EQ(heard, 1);
	}
	(void)tell(other, CALL, &heard);
	EQ(heard, 0);
	(void)tell(c, KILL, &heard);
	EQ(heard, 2);
	(void)getppid();
	EQ(signals, 2);
	(void)tell(c, CALL, &heard);
	EQ(heard, 2);
	(void)tell(other, CALL, &heard);
	EQ(heard, 0);
	/* What is for one thread is the first context's alone. */
	raise(SIGUSR1);
	EQ(signals, 3);
	(void)tell(c, CALL, &heard);
	EQ(heard, 2);
	/* And each says for itself what it ignores. */
	(void)tell(c, IGNORE, NULL);
	kill(getpid(), SIGUSR1);
	EQ(signals, 4);
	(void)tell(c, CALL, &heard);
	EQ(heard, 2);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)other), 0);
	kill(getpid(), SIGUSR1);
	EQ(signals, 5);
}

TEST(shared_signals_come_to_all)
{
	all_have_it(NULL, 0);
}

TEST(with_the_same_descriptors_too)
{
	int fd;

	all_have_it(&same_files, 1);
	/* The table is still there. */
	fd = dup(1);
	OK(fd > 2);
	close(fd);
}

/* Who shares the table, and so the window, has no part in what is marked there,
 * and says nothing about it. */
TEST(a_shared_window_is_its_owners)
{
	uint64_t heard;
	long c;

	signals = 0;
	signal(SIGUSR1, on_signal);
	c = child_of(&same_files, 1, 0, obey);
	OK(c >= 0);
	(void)tell(c, KILL, &heard);
	EQ(heard, 0);
	(void)tell(c, CALL, &heard);
	EQ(heard, 0);
	(void)getppid();
	EQ(signals, 1);
	(void)tell(c, IGNORE, NULL);
	kill(getpid(), SIGUSR1);
	EQ(signals, 2);
	EQ(lwc_close((int)c), 0);
}

/* What is blocked here, as the commons is told. */
static uint64_t
blocked_here(void)
{
	unsigned long blocked = ~0ul;
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "SigBlk: %lx", &blocked);
	if (f != NULL)
		fclose(f);
	return blocked;
}

/* Nor do the handlers of its faults say what is blocked meanwhile, and then. */
TEST(a_fault_there_blocks_nothing_here)
{
	sigset_t set;
	long c;

	faults = 0;
	shut = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c = child_of(&same_files, 1, 0, obey);
	(void)tell(c, HANDLE, NULL);
	EQ(tell(c, FAULT, NULL), 1);
	EQ(blocked_here(), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	(void)tell(c, MEND, NULL);
	EQ(blocked_here(), 1ul << (SIGUSR2 - 1));
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	EQ(lwc_close((int)c), 0);
	munmap((void *)shut, 4096);
}

/* What was to be ignored when it was made is not said by its birth. */
TEST(a_birth_says_nothing_either)
{
	long c;

	signals = 0;
	signal(SIGUSR1, SIG_IGN);
	c = child_of(&same_files, 1, 0, obey);
	signal(SIGUSR1, on_signal);
	(void)tell(c, SAY, NULL);
	kill(getpid(), SIGUSR1);
	EQ(signals, 1);
	EQ(lwc_close((int)c), 0);
}

TEST(a_sleep_is_interrupted)
{
	uint64_t heard;
	long c;

	signals = 0;
	c = child_of(NULL, 0, LWC_SHARESIGNALS, obey);
	signal(SIGALRM, SIG_IGN);
	(void)tell(c, SLEEP, &heard);
	EQ(heard, 1);
	EQ(signals, 0);
	EQ(lwc_close((int)c), 0);
}

static int
status_of(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Without a handler, whoever shares it ends the process. */
TEST(one_that_ends_it)
{
	int ends[2], status;
	char ready;
	pid_t pid;

	EQ(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };
		long c = lwc_create(NULL, 0, NULL, NULL, NULL,
		    LWC_SHARESIGNALS);

		if (c == LWC_SWITCHED && write(ends[1], "r", 1) == 1)
			pause();
		lwc_switch((int)c, args, NULL);
		_exit(1);
	}
	EQ(read(ends[0], &ready, 1), 1);
	kill(pid, SIGTERM);
	status = status_of(pid);
	OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	close(ends[0]);
	close(ends[1]);
}

/* Of one whose calls are its creator's, that is for the creator to answer. */
TEST(a_monitor_is_told)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c;

	signal(SIGTERM, SIG_DFL);
	c = lwc_create(NULL, 0, NULL, NULL, NULL, LWC_SYSTRAP |
	    LWC_SHARESIGNALS);
	if (c == LWC_SWITCHED) {
		for (;;)
			(void)getppid();
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
	signal(SIGTERM, SIG_IGN);
	kill(getpid(), SIGTERM);
	args[0] = 1;
	EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
	EQ(args[0], SYS_exit_group);
	EQ(args[1], 128 + SIGTERM);
	EQ(lwc_close((int)c), 0);
	signal(SIGTERM, SIG_DFL);
}

/* Another program in a context is the process: what is sent comes to it. */
static int
exec_in(const struct lwc_spec *specs, int n, int depth)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };

		for (int i = 0; i < depth; i++) {
			long c = lwc_create(specs, n, NULL, NULL, NULL, 0);

			if (c != LWC_SWITCHED)
				(void)lwc_switch((int)c, args, NULL);
		}
		execl("/bin/busybox", "sh", "-c",
		    "trap 'exit 7' USR1; kill -USR1 $$; exit 3", NULL);
		_exit(1);
	}
	return status_of(pid);
}

TEST(another_program_has_them)
{
	EQ(exec_in(NULL, 0, 0), 7 << 8);
	EQ(exec_in(NULL, 0, 1), 7 << 8);
	EQ(exec_in(NULL, 0, 3), 7 << 8);
	EQ(exec_in(&same_files, 1, 1), 7 << 8);
	EQ(exec_in(&same_files, 1, 2), 7 << 8);
}

/* ---- threads */

static volatile long from_thread;
static int target;

static void *
thread(void *arg)
{
	uint64_t args[LWC_ARGS] = { SAY };

	(void)arg;
	from_thread = lwc_switch(target, args, NULL);
	return NULL;
}

TEST(a_later_thread_does_not_get_in)
{
	pthread_t t;
	long c;

	faults = 0;
	c = child_of(NULL, 0, 0, obey);
	OK(c >= 0);
	EQ(tell(c, SAY, NULL), 0);
	target = (int)c;
	EQ(pthread_create(&t, NULL, thread, NULL), 0);
	EQ(pthread_join(t, NULL), 0);
	EQ(from_thread, -EACCES);
	/* And the first one still does. */
	EQ(tell(c, SAY, NULL), 0);
	EQ(lwc_close((int)c), 0);
}

TAP_MAIN
