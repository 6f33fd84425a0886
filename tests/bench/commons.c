/*
 * commons.c - what requests to the commons cost, both sides and the kernel
 * together.
 */
#include <castor/commons_client.h>

#include "bench.h"

#define WINDOW_VA	(VM_MAP_TOP - 0x100000)
#define CHILD_WORD	0x6863656265ul

static struct commons me;
static struct proc server;

static int64_t
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return commons_call(&me, op, a, b, c, d);
}

static uint64_t
path(const char *s)
{
	memcpy(me.win->data, s, strlen(s));
	return strlen(s);
}

#define POS	((uint64_t)CM_POS)
#define CWD	((uint64_t)CM_AT_CWD)

#define TRIPS	200

static bool
passed(uint64_t in, uint64_t out)
{
	return commons_ask(&me, CM_READ, in, 1, POS, 1) == 1 &&
	    commons_ask(&me, CM_WRITE, out, 1, POS, 0) == 1;
}

/* Two children: one passes on what it gets, the other begins when it is told
 * to on a third pipe, and tells on a fourth when it has had it back. */
__attribute__((constructor)) static void
child(void)
{
	if (self->user[0] != CHILD_WORD)
		return;
	commons_join(&me);
	while (self->user[1] == 0)
		(void)passed(0, 3);
	while (commons_ask(&me, CM_READ, 4, 1, POS, 1) == 1) {
		must(commons_ask(&me, CM_WRITE, 1, 1, POS, 0));
		for (int i = 1; i < TRIPS; i++)
			(void)passed(2, 1);
		must(commons_ask(&me, CM_READ, 2, 1, POS, 1));
		must(commons_ask(&me, CM_WRITE, 7, 1, POS, 0));
	}
	castor_exit(0);
}

static void
requests(void)
{
	uint64_t result;

	BENCH_ROW("commons_nop", .peer = "getppid",
	    .bound = "call and reply, critical section, dispatch")
		bench_take(bench_time(must(exo_call(me.handle, CM_NOP, 0, 0,
		    0, 0, &result))));
	must(ask(CM_PIPE, 0, 0, 0, 0));
	BENCH_ROW("commons_pipe_write_read",
	    .bound = "two requests; a byte copied twice")
		bench_take(bench_time({
			must(ask(CM_WRITE, 1, 1, POS, 0));
			must(ask(CM_READ, 0, 1, POS, 0));
		}));
	must(ask(CM_CLOSE_RANGE, 0, 1, 0, 0));
	BENCH_ROW("commons_open_close", .peer = "open_close",
	    .bound = "a path of two names, an open file, a descriptor")
		bench_take(bench_time({
			must(ask(CM_OPEN, CWD, path("/dev/null"), 0, 0));
			must(ask(CM_CLOSE, 0, 0, 0, 0));
		}));
	BENCH_ROW("commons_stat", .peer = "stat",
	    .bound = "a path of two names, 144 bytes")
		bench_take(bench_time(must(ask(CM_STAT, CWD,
		    path("/bin/init"), 0, 0))));
	must(ask(CM_OPEN, CWD, path("/bin/init"), 0, 0));
	BENCH_ROW("commons_read_file",
	    .bound = "3584 bytes copied, a byte an instruction of rep")
		bench_take(bench_time(must(ask(CM_READ, 0, CM_DATA, 0, 0))));
	must(ask(CM_CLOSE, 0, 0, 0, 0));
}

static int64_t
kid_make(uint64_t which)
{
	uint64_t user[32] = { CHILD_WORD, which };
	struct proc_args args = { .name = self->args, .user = user };
	struct proc p;
	int64_t pid = must(commons_child(&me, &p, &args, WINDOW_VA, 400));

	must(proc_start(&p));
	commons_let(&p);
	return pid;
}

static void
round_trip(void)
{
	int64_t pids[2];

	for (int i = 0; i < 4; i++)
		must(ask(CM_PIPE, 0, 0, 0, 0));
	for (uint64_t i = 0; i < 2; i++)
		pids[i] = kid_make(i);
	BENCH_ROW("commons_pipe_round_trip", .peer = "pipe_pingpong_rt",
	    .per = TRIPS, .aim = 1500,
	    .samples = 20, .with_ticks = true,
	    .bound = "two requests, two switches by yielding")
		bench_take(bench_time({
			must(commons_ask(&me, CM_WRITE, 5, 1, POS, 0));
			must(commons_ask(&me, CM_READ, 6, 1, POS, 1));
		}));
	for (int i = 0; i < 2; i++) {
		must(ask(CM_KILL, (uint64_t)pids[i], 9, 0, 0));
		must(commons_ask(&me, CM_WAIT4, (uint64_t)pids[i], 0, 0, 0));
	}
	must(ask(CM_CLOSE_RANGE, 0, 255, 0, 0));
}

static void
forks(void)
{
	exo_slot name = slot_take(), window = slot_take();

	BENCH_ROW("commons_fork_begin_abort", .samples = 100,
	    .bound = "an account made and ended, a window renamed twice")
		bench_take(bench_time({
			int64_t pid;

			must(exo_cap_open(name, me.domain));
			must(exo_cap_open(window, me.domain));
			pid = must(ask(CM_FORK_BEGIN, 64, name, window, 17));
			must(ask(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0));
			must(exo_cap_drop(name));
			must(exo_cap_drop(window));
		}));
	slot_put(name);
	slot_put(window);
}

TEST(requests_to_the_commons)
{
	must(commons_start(&me, &server, NULL));
	requests();
	round_trip();
	forks();
}
