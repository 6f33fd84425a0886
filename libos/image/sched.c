/*
 * sched.c - calls about the CPU and the machine.  Time is given out in slices,
 * which no process here chooses for itself.
 */
#include "wait.h"

enum { PRIO_PROCESS_DEFAULT = 20 };

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

/* What a program asks for here is remembered for it, and changes nothing. */
enum { SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 5,
	RESET_ON_FORK = 0x40000000, PRIO_MAX = 99, NICE_MIN = -20,
	NICE_MAX = 19 };

static int8_t nice_value;

static bool
is_realtime(uint64_t policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool
policy_ok(uint64_t policy)
{
	return policy <= SCHED_BATCH || policy == SCHED_IDLE;
}

long
call_sched_get_priority_max(uint64_t policy)
{
	return !policy_ok(policy) ? -EINVAL : is_realtime(policy) ? PRIO_MAX :
	    0;
}

long
call_sched_get_priority_min(uint64_t policy)
{
	return !policy_ok(policy) ? -EINVAL : is_realtime(policy);
}

long	call_sched_getscheduler(void) { return SCHED_OTHER; }

long
call_sched_getparam(uint64_t who, uint64_t to)
{
	(void)who;
	return user_zero(to, 4);
}

/* Nobody goes before others. */
long
call_sched_setscheduler(uint64_t who, uint64_t policy, uint64_t from)
{
	int32_t prio;
	long r = user_read(&prio, from, sizeof(prio));

	(void)who;
	policy &= ~(uint64_t)RESET_ON_FORK;
	if (r < 0)
		return r;
	if (!policy_ok(policy) || prio < (int32_t)is_realtime(policy) ||
	    prio > (is_realtime(policy) ? PRIO_MAX : 0))
		return -EINVAL;
	return is_realtime(policy) ? -EPERM : 0;
}

long
call_sched_setparam(uint64_t who, uint64_t from)
{
	return call_sched_setscheduler(who, SCHED_OTHER, from);
}

/* A tick, which is what a slice is. */
long
call_sched_rr_get_interval(uint64_t who, uint64_t to)
{
	struct timespec t = { 0, 1000000000 / EXO_MACHINE->tick_hz };

	(void)who;
	return user_write(to, &t, sizeof(t));
}

long
call_getpriority(void)
{
	return PRIO_PROCESS_DEFAULT - nice_value;
}

long
call_setpriority(uint64_t which, uint64_t who, uint64_t to)
{
	int32_t n = (int32_t)to;

	if (which > 2)
		return -EINVAL;
	if (which == 0 && who != 0 && who != pid)
		return -ESRCH;
	n = n < NICE_MIN ? NICE_MIN : n > NICE_MAX ? NICE_MAX : n;
	if (n < nice_value)
		return -EACCES;
	nice_value = (int8_t)n;
	return 0;
}

/* Nothing is paged out. */
long	call_mlock(void) { return 0; }
long	call_munlock(void) { return 0; }
long	call_mlockall(void) { return 0; }
long	call_munlockall(void) { return 0; }
long	call_mlock2(void) { return 0; }
