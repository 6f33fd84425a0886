/*
 * timer.c - timers with numbers, and as descriptors; signals as descriptors.
 * They run in the commons, by the time since boot; here is what clock they go
 * by.
 */
#include <castor/string.h>

#include "wait.h"

#define SECOND		1000000000ul
enum { TIMER_ABSTIME = 1, TFD_CANCEL = 2, CLOCK_PROCESS = 2, CLOCK_THREAD = 3 };
enum { SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID = 4 };

struct itimerspec {
	struct timespec interval, value;
};

struct sigevent {
	uint64_t value;
	int32_t signo, notify;
	uint32_t tid, pad[11];
};
_Static_assert(sizeof(struct sigevent) == 64, "ABI");

static long
clock_check(uint64_t clock)
{
	if (!clock_ok(clock))
		return -EINVAL;
	return clock == CLOCK_PROCESS || clock == CLOCK_THREAD ?
	    -EOPNOTSUPP : 0;
}

/* ---- setting */

static long
spec_ns(const struct timespec *t, uint64_t *ns)
{
	if (t->sec < 0 || t->nsec < 0 || t->nsec >= (int64_t)SECOND)
		return -EINVAL;
	*ns = (uint64_t)(t->sec < 1l << 32 ? t->sec : 1l << 32) * SECOND +
	    (uint64_t)t->nsec;
	return 0;
}

static struct timespec
ns_spec(uint64_t ns)
{
	return (struct timespec){ (int64_t)(ns / SECOND),
	    (int64_t)(ns % SECOND) };
}

/* What is in the window now, as struct itimerspec. */
static long
old_put(uint64_t to)
{
	struct cm_timer t;
	struct itimerspec old;

	if (to == 0)
		return 0;
	memcpy(&t, my_window()->data, sizeof(t));
	old = (struct itimerspec){ ns_spec(t.interval), ns_spec(t.left) };
	return user_write(to, &old, sizeof(old));
}

/* When its first time is, as clock_ns() counts; 0: never. */
static long
when_get(uint64_t op, uint64_t id, const struct timespec *value,
    uint64_t absolute, uint64_t *when)
{
	struct cm_timer t;
	long r = spec_ns(value, when);

	if (r < 0 || *when == 0)
		return r;
	if (!absolute) {
		*when += clock_ns();
		return 0;
	}
	r = commons(op, id, ~0ul, 0, 0);
	memcpy(&t, my_window()->data, sizeof(t));
	*when = clock_until(t.clock, *when);
	*when += *when == 0;		/* long ago is not never */
	return r;
}

static long
set(uint64_t op, uint64_t id, uint64_t absolute, uint64_t from, uint64_t to)
{
	struct itimerspec new;
	uint64_t when, interval;
	long r = user_read(&new, from, sizeof(new));

	if (r == 0)
		r = spec_ns(&new.interval, &interval);
	if (r == 0)
		r = when_get(op, id, &new.value, absolute, &when);
	if (r == 0)
		r = commons(op, id, when, interval, 0);
	return r < 0 ? r : old_put(to);
}

static long
get(uint64_t op, uint64_t id, uint64_t to)
{
	long r = commons(op, id, ~0ul, 0, 0);

	return r < 0 ? r : old_put(to);
}

/* ---- with numbers */

long
call_timer_create(uint64_t clock, uint64_t event, uint64_t to)
{
	struct sigevent e = { .value = ~0ul, .signo = SIGALRM };
	long r = clock_check(clock), id;
	uint32_t number;

	if (r == 0 && event != 0)
		r = user_read(&e, event, sizeof(e));
	if (r < 0)
		return r;
	if (e.notify != SIGEV_SIGNAL && e.notify != SIGEV_NONE &&
	    e.notify != SIGEV_THREAD_ID && e.notify != SIGEV_THREAD)
		return -EINVAL;
	if (e.notify != SIGEV_NONE && (e.signo < 1 || e.signo > SIGNALS))
		return -EINVAL;
	memcpy(my_window()->data, &e.value, sizeof(e.value));
	id = commons(CM_TIMER_NEW, e.notify == SIGEV_NONE ? 0 :
	    (uint64_t)e.signo, e.notify == SIGEV_THREAD_ID ? e.tid : 0,
	    clock, 0);
	if (id < 0)
		return id;
	number = (uint32_t)id;
	r = user_write(to, &number, sizeof(number));
	if (r < 0)
		(void)commons(CM_TIMER_END, number, 0, 0, 0);
	return r;
}

long
call_timer_settime(uint64_t id, uint64_t flags, uint64_t from, uint64_t to)
{
	return set(CM_TIMER_SET, (uint32_t)id, flags & TIMER_ABSTIME, from, to);
}

long
call_timer_gettime(uint64_t id, uint64_t to)
{
	return get(CM_TIMER_SET, (uint32_t)id, to);
}

long
call_timer_getoverrun(uint64_t id)
{
	struct cm_timer t;
	long r = commons(CM_TIMER_SET, (uint32_t)id, ~0ul, 0, 0);

	memcpy(&t, my_window()->data, sizeof(t));
	return r < 0 ? r : t.overrun < 0x7fffffff ? (long)t.overrun :
	    0x7fffffff;
}

long
call_timer_delete(uint64_t id)
{
	return commons(CM_TIMER_END, (uint32_t)id, 0, 0, 0);
}

/* ---- descriptors */

long
call_timerfd_create(uint64_t clock, uint64_t flags)
{
	long r = clock_check(clock);

	return r < 0 ? -EINVAL : commons(CM_TIMERFD, flags, clock, 0, 0);
}

long
call_timerfd_settime(uint64_t fd, uint64_t flags, uint64_t from, uint64_t to)
{
	return flags & ~(uint64_t)(TIMER_ABSTIME | TFD_CANCEL) ? -EINVAL :
	    set(CM_TIMERFD_SET, fd, flags & TIMER_ABSTIME, from, to);
}

long
call_timerfd_gettime(uint64_t fd, uint64_t to)
{
	return get(CM_TIMERFD_SET, fd, to);
}

long
call_signalfd4(uint64_t fd, uint64_t mask, uint64_t size, uint64_t flags)
{
	uint64_t set;
	long r = size != 8 ? -EINVAL : user_read(&set, mask, sizeof(set));

	if (r < 0)
		return r;
	memcpy(my_window()->data, &set, sizeof(set));
	return commons(CM_SIGNALFD, fd, flags, 0, 0);
}

long
call_signalfd(uint64_t fd, uint64_t mask, uint64_t size)
{
	return call_signalfd4(fd, mask, size, 0);
}
