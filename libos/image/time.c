/*
 * time.c - clocks, from the published frequency of the TSC.
 */
#include "signal.h"
#include "wait.h"

#define SECOND		1000000000ul

enum { CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS, CLOCK_THREAD,
	CLOCK_RAW, CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME, CLOCKS };
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

static long
clock_put(uint64_t ns, uint64_t to)
{
	struct timespec t = { (int64_t)(ns / SECOND), (int64_t)(ns % SECOND) };

	return user_write(to, &t, sizeof(t));
}

long
call_clock_gettime(uint64_t clock, uint64_t to)
{
	if (clock >= CLOCKS)
		return -EINVAL;
	return clock_put(clock_ns(), to);
}

long
call_clock_getres(uint64_t clock, uint64_t to)
{
	if (clock >= CLOCKS)
		return -EINVAL;
	return to == 0 ? 0 : clock_put(1, to);
}

long
call_gettimeofday(uint64_t to)
{
	uint64_t ns = clock_ns();
	struct timeval t = { (int64_t)(ns / SECOND),
	    (int64_t)(ns % SECOND / 1000) };

	return to == 0 ? 0 : user_write(to, &t, sizeof(t));
}

long
call_time(uint64_t to)
{
	uint64_t now = clock_ns() / SECOND;
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
	if (clock >= CLOCKS)
		return -EINVAL;
	if (flags & TIMER_ABSTIME)
		return sleep_until(ns, 0);
	return sleep_until(clock_ns() + ns, left);
}
