/*
 * lwc_storm.c - light-weight contexts while signals come at any time: whoever is
 * made, entered, left and closed finds its registers, its memory and its place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "torture.h"

#define ROUNDS	80
#define PROCS	3

static volatile uint64_t signals;

static void
count(int sig)
{
	(void)sig;
	signals++;
}

static void
alarm_in(unsigned us)
{
	struct itimerval t = { .it_value = { us / 1000000, us % 1000000 } };

	(void)setitimer(ITIMER_REAL, &t, NULL);
}

/* All that a compiler may keep across a switch is on the stack or in rsp, rbp:
 * is that as it was? */
static int
there_and_back(long c, uint64_t i)
{
	volatile uint64_t on_stack[8];
	uint64_t args[LWC_ARGS] = { i, i + 1, i + 2, i + 3, i + 4 };
	int from = -1, bad = 0;

	for (int k = 0; k < 8; k++)
		on_stack[k] = i * 8 + (uint64_t)k;
	bad |= lwc_switch((int)c, args, &from) != LWC_SWITCHED;
	bad |= (from != c) << 1;
	for (uint64_t k = 0; k < LWC_ARGS; k++)
		bad |= (args[k] != (i + k) * 3) << 2;
	for (int k = 0; k < 8; k++)
		bad |= (on_stack[k] != i * 8 + (uint64_t)k) << 3;
	return bad;
}

static long
tripler(void)
{
	uint64_t args[LWC_ARGS];
	int from, n = LWC_ARGS;
	long c = lwc_create(NULL, 0, &from, args, &n, 0);

	if (c != LWC_SWITCHED)
		return c;
	for (;;) {
		for (int k = 0; k < LWC_ARGS; k++)
			args[k] *= 3;
		if (lwc_switch(from, args, &from) != LWC_SWITCHED)
			_exit(99);
	}
}

/* A snapshot that is come back to: 0. */
static int
roll_back(void)
{
	static volatile uint64_t word;
	uint64_t args[LWC_ARGS] = { 0 };
	int from, n = LWC_ARGS;
	long snap;

	word = 5;
	while ((snap = lwc_create(NULL, 0, &from, args, &n, 0)) ==
	    LWC_SWITCHED) {
		if (lwc_close(from) != 0 || word != 5)
			return 16;
		if (args[0] == 3)
			return 0;
	}
	if (snap < 0)
		return 32;
	word = 6;
	args[0]++;
	lwc_discard((int)snap, args);
	return 64;
}

static int
storm(int seed)
{
	struct sigaction a = { .sa_handler = count, .sa_flags = SA_RESTART };
	int bad = 0;

	torture_seed = (uint64_t)seed;
	sigaction(SIGALRM, &a, NULL);
	for (uint64_t i = 0; i < ROUNDS && bad == 0; i++) {
		long c;

		alarm_in(1 + chance(3000));
		c = tripler();
		if (c < 0)
			return 128;
		for (unsigned k = 1 + chance(20); k > 0 && bad == 0; k--)
			bad |= there_and_back(c, i * 100 + k);
		bad |= lwc_close((int)c) != 0;
		if (bad == 0)
			bad |= roll_back();
	}
	return bad;
}

TEST(signals_disturb_nothing)
{
	struct given before;
	pid_t pid[PROCS];
	int status;

	given_begin(&before);
	fflush(stdout);
	for (int i = 0; i < PROCS; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(storm(i + 1));
	}
	for (int i = 0; i < PROCS; i++) {
		EQ(waitpid(pid[i], &status, 0), pid[i]);
		EQ(status, 0);
	}
	OK(given_back(&before));
}

TAP_MAIN
