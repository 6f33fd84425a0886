/*
 * sched.c - calls about the CPU and the machine.  Time is given out in slices,
 * which no process here chooses for itself.
 */
#include "wait.h"

enum { PRIO_PROCESS_DEFAULT = 20, SCHED_OTHER = 0 };

long
call_sched_yield(void)
{
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 0;
}

/* One CPU. */
long
call_sched_getaffinity(uint64_t who, uint64_t size, uint64_t to)
{
	uint64_t one = 1;
	long r;

	(void)who;
	if (size < 8 || size % 8 != 0)
		return -EINVAL;
	r = user_write(to, &one, sizeof(one));
	return r < 0 ? r : (long)sizeof(one);
}

long
call_sched_setaffinity(uint64_t who, uint64_t size, uint64_t from)
{
	uint64_t set = 0;
	long r = user_read(&set, from, size < 8 ? size : 8);

	(void)who;
	return r < 0 ? r : set & 1 ? 0 : -EINVAL;
}

long
call_getcpu(uint64_t cpu, uint64_t node)
{
	long r = cpu == 0 ? 0 : user_zero(cpu, 4);

	return r < 0 || node == 0 ? r : user_zero(node, 4);
}

long	call_sched_getscheduler(void) { return SCHED_OTHER; }
long	call_sched_get_priority_max(void) { return 0; }
long	call_sched_get_priority_min(void) { return 0; }
long	call_getpriority(void) { return PRIO_PROCESS_DEFAULT; }

long
call_sched_getparam(uint64_t who, uint64_t to)
{
	(void)who;
	return user_zero(to, 4);
}

long
call_setpriority(uint64_t which, uint64_t who, uint64_t to)
{
	(void)which;
	(void)who;
	return (int32_t)to < 0 ? -EACCES : 0;
}

/* Nothing is paged out. */
long	call_mlock(void) { return 0; }
long	call_munlock(void) { return 0; }
long	call_mlockall(void) { return 0; }
long	call_munlockall(void) { return 0; }

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
	struct sysinfo s = {
		.uptime = (int64_t)(clock_ns() / 1000000000),
		.total = EXO_MACHINE->nframes,
		.free = EXO_MACHINE->free_frames, .procs = 1,
		.unit = (uint32_t)EXO_PAGE,
	};

	return user_write(to, &s, sizeof(s));
}
