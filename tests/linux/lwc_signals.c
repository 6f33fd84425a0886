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
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <castor/lwc.h>

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

/* ---- what a child does when it is entered */

enum { FAULT = 1, SAY, KILL, DIE, HANDLE };

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
	case DIE:
		signal(SIGSEGV, SIG_DFL);
		*nowhere = 1;
	}
	args[0] = (uint64_t)faults;
	args[1] = (uint64_t)signals;
}

static long
child(unsigned flags)
{
	uint64_t args[LWC_ARGS];
	int from, n = LWC_ARGS;
	long c = lwc_create(NULL, 0, &from, args, &n, flags);

	if (c != LWC_SWITCHED)
		return c;
	for (;;) {
		obey(args);
		if (lwc_switch(from, args, &from) != LWC_SWITCHED)
			_exit(99);
	}
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
	a = child(0);
	b = child(0);
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
	c = child(0);
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
		long c = child(0);

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
	c = child(0);
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
	c = child(0);
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
