/*
 * time.c - clocks: the TSC, its published frequency, and what the machine's
 * clock of days said when it started.
 */
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define SECOND		1000000000ul

enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS, CLOCK_THREAD,
	CLOCK_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME, CLOCK_REALTIME_ALARM, CLOCK_BOOTTIME_ALARM,
	CLOCK_TAI = 11 };
enum { TIMER_ABSTIME = 1 };

static uint64_t
tsc_ns(uint64_t tsc)
{
	uint64_t hz = EXO_MACHINE->tsc_hz;

	return tsc / hz * SECOND + tsc % hz * SECOND / hz;
}

uint64_t
clock_ns(void)
{
	return tsc_ns(__builtin_ia32_rdtsc());
}

bool
clock_is_real(uint64_t clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ||
	    clock == CLOCK_REALTIME_ALARM || clock == CLOCK_TAI;
}

static bool
clock_is_cpu(uint64_t clock)
{
	return clock == CLOCK_PROCESS || clock == CLOCK_THREAD;
}

bool
clock_ok(uint64_t clock)
{
	return clock <= CLOCK_BOOTTIME_ALARM || clock == CLOCK_TAI;
}

uint64_t
clock_epoch(void)
{
	static uint64_t epoch;

	if (epoch == 0)
		epoch = EXO_MACHINE->utc * SECOND -
		    tsc_ns(EXO_MACHINE->utc_tsc);
	return EXO_MACHINE->utc == 0 ? 0 : epoch;
}

static uint64_t
clock_read(uint64_t clock)
{
	if (clock_is_cpu(clock))
		return clock == CLOCK_THREAD ? thread_ns(me()) : process_ns();
	return clock_ns() + (clock_is_real(clock) ? clock_epoch() : 0);
}

uint64_t
clock_until(uint64_t clock, uint64_t ns)
{
	uint64_t epoch = clock_is_real(clock) ? clock_epoch() : 0;

	return ns < epoch ? 0 : ns - epoch;
}

static long
clock_put(uint64_t ns, uint64_t to)
{
	struct timespec t = { (int64_t)(ns / SECOND), (int64_t)(ns % SECOND) };

	return user_write(to, &t, sizeof(t));
}

long
call_clock_gettime(uint64_t clock, uint64_t to)
{
	return !clock_ok(clock) ? -EINVAL : clock_put(clock_read(clock), to);
}

/* CPU time is counted in ticks. */
long
call_clock_getres(uint64_t clock, uint64_t to)
{
	if (!clock_ok(clock))
		return -EINVAL;
	return to == 0 ? 0 : clock_put(clock_is_cpu(clock) ?
	    SECOND / EXO_MACHINE->tick_hz : 1, to);
}

/* The clock is everybody's. */
long
call_clock_settime(uint64_t clock)
{
	return clock_is_real(clock) ? -EPERM : -EINVAL;
}

long
call_settimeofday(void)
{
	return -EPERM;
}

long
call_gettimeofday(uint64_t to, uint64_t zone)
{
	uint64_t ns = clock_ns() + clock_epoch();
	struct timeval t = { (int64_t)(ns / SECOND),
	    (int64_t)(ns % SECOND / 1000) };
	long r = to == 0 ? 0 : user_write(to, &t, sizeof(t));

	return r < 0 || zone == 0 ? r : user_zero(zone, 8);
}

long
call_time(uint64_t to)
{
	uint64_t now = (clock_ns() + clock_epoch()) / SECOND;
	long r = to == 0 ? 0 : user_write(to, &now, sizeof(now));

	return r < 0 ? r : (long)now;
}

long
timespec_get(uint64_t from, uint64_t *ns)
{
	struct timespec t;
	long r = user_read(&t, from, sizeof(t));

	if (r < 0)
		return r;
	if (t.sec < 0 || t.nsec < 0 || t.nsec >= (int64_t)SECOND)
		return -EINVAL;
	if (t.sec > (1l << 33))
		t.sec = 1l << 33;
	*ns = (uint64_t)t.sec * SECOND + (uint64_t)t.nsec;
	return 0;
}

/* A signal ends it: what was left, if somebody wants to know. */
static long
sleep_until(uint64_t end, uint64_t left)
{
	for (;;) {
		uint64_t bell = my_window()->bell, now = clock_ns();

		if (now >= end)
			return 0;
		if (signal_interrupts()) {
			long r = left == 0 ? 0 : clock_put(end - now, left);

			return r < 0 ? r : -EINTR;
		}
		wait_bell(bell, end);
	}
}

long
call_nanosleep(uint64_t from, uint64_t left)
{
	uint64_t ns;
	long r = timespec_get(from, &ns);

	return r < 0 ? r : sleep_until(clock_ns() + ns, left);
}

long
call_clock_nanosleep(uint64_t clock, uint64_t flags, uint64_t from,
    uint64_t left)
{
	uint64_t ns;
	long r = timespec_get(from, &ns);

	if (r < 0)
		return r;
	if (!clock_ok(clock) || clock == CLOCK_THREAD)
		return -EINVAL;
	if (clock == CLOCK_PROCESS)
		return -EOPNOTSUPP;
	if (flags & TIMER_ABSTIME)
		return sleep_until(clock_until(clock, ns), 0);
	return sleep_until(clock_ns() + ns, left);
}
