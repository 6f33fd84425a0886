/*
 * lwc_cases.c - light-weight contexts and the rest of a process: threads, fork,
 * exec, ends, places that were given up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tap.h"

static uint64_t
say_five(uint64_t arg)
{
	(void)arg;
	return 5;
}

static int
ended(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	    WEXITSTATUS(status) : -1;
}

static void *
goes_there(void *c)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long own = child(NULL, 0, 0, say_five);
	long r = lwc_switch((int)(long)c, args, NULL);

	if (own < 0 || lwc_switch((int)own, args, NULL) != LWC_SWITCHED ||
	    args[0] != 5 || lwc_close((int)own) != 0)
		return (void *)1;
	return (void *)r;
}

#define CLOSES	1000

static volatile int closing, done;	/* a descriptor; the tests are done */

static void *
closes_too(void *arg)
{
	long closed = 0;

	(void)arg;
	while (!done)
		closed += lwc_close(closing) == 0;
	return (void *)closed;
}

/* Two threads let go of each: one of them does, the other is told so. */
TEST(what_two_close_is_closed_once)
{
	long closed = 0, c;
	pthread_t t;
	void *others = NULL;

	EQ(pthread_create(&t, NULL, closes_too, NULL), 0);
	for (int i = 0; i < CLOSES; i++) {
		c = child(NULL, 0, 0, say_five);
		if (!OK(c >= 0))
			break;
		closing = (int)c;
		closed += lwc_close((int)c) == 0;
	}
	done = 1;
	EQ(pthread_join(t, &others), 0);
	EQ(closed + (long)others, CLOSES);
}

TEST(a_late_thread_has_no_place_there)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = child(NULL, 0, 0, say_five);
	pthread_t t;
	void *r = NULL;

	EQ(pthread_create(&t, NULL, goes_there, (void *)c), 0);
	EQ(pthread_join(t, &r), 0);
	EQ((long)r, -EACCES);
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 5);
	EQ(lwc_close((int)c), 0);
}

/* A context other than the first makes none, and goes on without. */
TEST(no_thread_begins_in_a_context)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		for (int i = 0;; i++) {
			pthread_t t;

			args[0] = (uint64_t)pthread_create(&t, NULL, goes_there,
			    NULL);
			args[1] = (uint64_t)getppid();
			args[2] = (uint64_t)i;
			lwc_switch(caller, args, &caller);
		}
	}
	for (uint64_t i = 0; i < 3; i++) {
		EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
		EQ(args[0], EAGAIN);
		EQ(args[1], (uint64_t)getppid());
		EQ(args[2], i);
	}
	EQ(lwc_close((int)c), 0);
}

TEST(a_forked_child_has_none)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = child(NULL, 0, 0, say_five);
	pid_t pid = fork();

	if (pid == 0) {
		long own = child(NULL, 0, 0, say_five);

		_exit(lwc_close((int)c) == (own == c ? 0 : -EBADF) &&
		    own >= 0 ? 3 : 4);
	}
	EQ(ended(pid), 3);
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 5);
	EQ(lwc_close((int)c), 0);
}

TEST(a_context_forks)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(lwc_close(caller) == -EBADF ? 6 : 7);
		args[0] = (uint64_t)ended(pid);
		lwc_switch(caller, args, NULL);
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 6);
	EQ(lwc_close((int)c), 0);
}

TEST(another_program)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)!(child(NULL, 0, 0, say_five) >= 0);
		execl("/bin/busybox", "sh", "-c", "exit 9", (char *)NULL);
		_exit(1);
	}
	EQ(ended(pid), 9);
	pid = fork();
	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };
		long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

		if (c == LWC_SWITCHED)
			execl("/bin/busybox", "sh", "-c", "exit 8",
			    (char *)NULL);
		lwc_switch((int)c, args, NULL);
		_exit(1);
	}
	EQ(ended(pid), 8);
}

TEST(exit_ends_all)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };
		long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

		if (c == LWC_SWITCHED)
			_exit(11);
		lwc_switch((int)c, args, NULL);
		_exit(1);
	}
	EQ(ended(pid), 11);
}

TEST(who_gave_up_its_place)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };
		long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

		if (c == LWC_SWITCHED) {
			if (lwc_switch(caller, args, NULL) != LWC_SWITCHED)
				_exit(1);
			_exit(args[0] == ~0ul && lwc_close(caller) == 0 &&
			    getpid() > 0 ? 12 : 2);
		}
		lwc_discard((int)c, args);
		_exit(3);
	}
	EQ(ended(pid), 12);
}

TEST(who_must_not)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, LWC_SUSPEND_ONLY);

	if (c == LWC_SWITCHED) {
		args[0] = (uint64_t)lwc_discard(caller, args);
		lwc_switch(caller, args, NULL);
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], -EACCES);
	EQ(lwc_close((int)c), 0);
}

TAP_MAIN
