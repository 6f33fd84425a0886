/*
 * limit.c - limits and usage.  The commons keeps limits, and looks at those of
 * what it has; what is memory's is looked at here (memory.c).
 */
#include <castor/string.h>

#include "area.h"
#include "thread.h"
#include "wait.h"

enum { RLIMIT_DATA = 2, RLIMIT_STACK = 3, RLIMIT_AS = 9, RLIMITS = 16 };
enum { RUSAGE_SELF = 0, RUSAGE_CHILDREN = -1, RUSAGE_THREAD = 1 };

uint64_t limit_as = RLIM_INFINITY, limit_data = RLIM_INFINITY;

static long
limit(uint64_t who, uint64_t what, uint64_t from, uint64_t to)
{
	struct rlimit l = { 0, 0 };
	long r = from == 0 ? 0 : user_read(&l, from, sizeof(l));

	if (r < 0)
		return r;
	memcpy(my_window()->data, &l, sizeof(l));
	r = commons(CM_RLIMIT, who, what, from != 0, 0);
	if (r < 0)
		return r;
	if (from != 0 && (who == 0 || who == pid)) {
		limit_as = what == RLIMIT_AS ? l.cur : limit_as;
		limit_data = what == RLIMIT_DATA ? l.cur : limit_data;
	}
	return to == 0 ? 0 : user_write(to, my_window()->data, sizeof(l));
}

long
call_getrlimit(uint64_t what, uint64_t to)
{
	return limit(0, what, 0, to);
}

long
call_setrlimit(uint64_t what, uint64_t from)
{
	return from == 0 ? -EFAULT : limit(0, what, from, 0);
}

long
call_prlimit64(uint64_t who, uint64_t what, uint64_t from, uint64_t to)
{
	return limit((uint32_t)who, what, from, to);
}

/* ---- usage */

#define SECOND		1000000000ul

struct rusage {
	struct timeval user, system;
	int64_t maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock,
	    oublock, msgsnd, msgrcv, nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct rusage) == 144, "ABI");

static struct timeval
time_of(uint64_t ns)
{
	return (struct timeval){ (int64_t)(ns / SECOND),
	    (int64_t)(ns % SECOND / 1000) };
}

/* It is all user time: Castor is the program's own library. */
long
rusage_put(uint64_t to, uint64_t ns, uint64_t pages)
{
	struct rusage u = { .user = time_of(ns),
	    .maxrss = (int64_t)(pages * EXO_PAGE / 1024) };

	return user_write(to, &u, sizeof(u));
}

static long
usage_get(struct cm_usage *u)
{
	long r = commons(CM_USAGE, 0, 0, 0, 0);

	memcpy(u, my_window()->data, sizeof(*u));
	return r;
}

long
call_getrusage(uint64_t who, uint64_t to)
{
	struct cm_usage u;
	long r = usage_get(&u);

	if (r < 0)
		return r;
	switch ((int32_t)who) {
	case RUSAGE_SELF:
		return rusage_put(to, process_ns(), u.pages);
	case RUSAGE_THREAD:
		return rusage_put(to, thread_ns(me()), u.pages);
	case RUSAGE_CHILDREN:
		return rusage_put(to, ticks_ns(u.children), u.children_pages);
	}
	return -EINVAL;
}

long
call_times(uint64_t to)
{
	struct cm_usage u;
	long r = usage_get(&u);
	uint64_t t[4] = { process_ns() / (SECOND / 100), 0,
	    ticks_ns(u.children) / (SECOND / 100), 0 };

	if (r == 0 && to != 0)
		r = user_write(to, t, sizeof(t));
	return r < 0 ? r : (long)(clock_ns() / (SECOND / 100));
}

struct sysinfo {
	int64_t uptime;
	uint64_t loads[3], total, free, shared, buffers, swap, swap_free;
	uint16_t procs, pad;
	uint64_t high, high_free;
	uint32_t unit, pad2;
};
_Static_assert(sizeof(struct sysinfo) == 112, "ABI");

long
call_sysinfo(uint64_t to)
{
	struct cm_usage u;
	long r = usage_get(&u);
	struct sysinfo s = {
		.uptime = (int64_t)(clock_ns() / SECOND),
		.total = EXO_MACHINE->nframes,
		.free = EXO_MACHINE->free_frames,
		.procs = (uint16_t)u.procs, .unit = (uint32_t)EXO_PAGE,
	};

	return r < 0 ? r : user_write(to, &s, sizeof(s));
}
