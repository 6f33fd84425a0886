/*
 * time.c - clocks and timers: what day it is, timers that signal, timers and
 * signals that are descriptors.
 *
 * run:
 * run: --icount
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/times.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "fails.h"

#define MS	1000000l

static int64_t
now(clockid_t clock)
{
	struct timespec t;

	EQ(clock_gettime(clock, &t), 0);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

TEST(it_is_not_1970)
{
	struct timeval tv;
	struct stat st;
	time_t t = time(NULL);
	int fd;

	OK(t >= 1704067200);		/* 2024: when --icount begins */
	OK(t < 4102444800);
	EQ(gettimeofday(&tv, NULL), 0);
	OK(tv.tv_sec - t <= 1);
	OK(now(CLOCK_REALTIME) / 1000000000 - t <= 1);
	OK(now(CLOCK_MONOTONIC) < 1000000000ll * 3600);
	fd = open("/tmp/now", O_CREAT | O_WRONLY, 0600);
	EQ(fstat(fd, &st), 0);
	OK(st.st_mtime - t <= 1 && st.st_mtime >= t);
	close(fd);
	unlink("/tmp/now");
	FAILS(clock_settime(CLOCK_REALTIME, &(struct timespec){ 0 }), EPERM);
	FAILS(clock_gettime(77, &(struct timespec){ 0 }), EINVAL);
}

TEST(absolute_sleeps)
{
	int64_t t = now(CLOCK_REALTIME) + 20 * MS;
	struct timespec ts = { t / 1000000000, t % 1000000000 };

	EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL), 0);
	OK(now(CLOCK_REALTIME) >= t);
	OK(now(CLOCK_REALTIME) < t + 5000 * MS);
	t = now(CLOCK_MONOTONIC) + 20 * MS;
	ts = (struct timespec){ t / 1000000000, t % 1000000000 };
	EQ(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL), 0);
	OK(now(CLOCK_MONOTONIC) >= t);
	ts.tv_sec = 1;
	EQ(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &ts, NULL), 0);
}

TEST(cpu_time_is_counted)
{
	int64_t t = now(CLOCK_PROCESS_CPUTIME_ID);
	struct rusage u;
	struct tms m;

	for (int64_t end = now(CLOCK_MONOTONIC) + 200 * MS;
	    now(CLOCK_MONOTONIC) < end;)
		;
	OK(now(CLOCK_PROCESS_CPUTIME_ID) > t);
	OK(now(CLOCK_THREAD_CPUTIME_ID) > t);
	EQ(getrusage(RUSAGE_SELF, &u), 0);
	OK(u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec > 0);
	OK(u.ru_maxrss > 10);
	OK(times(&m) > 0);
	FAILS(getrusage(5, &u), EINVAL);
	if (fork() == 0) {
		for (int64_t end = now(CLOCK_MONOTONIC) + 300 * MS;
		    now(CLOCK_MONOTONIC) < end;)
			;
		_exit(0);
	}
	EQ(getrusage(RUSAGE_CHILDREN, &u), 0);
	EQ(u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec, 0);
	OK(wait(NULL) > 0);
	EQ(getrusage(RUSAGE_CHILDREN, &u), 0);
	OK(u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec > 0);
	OK(u.ru_maxrss > 10);
	times(&m);
	OK(m.tms_cutime > 0);
}

TEST(what_is_waited_for_tells_of_its_children)
{
	struct rusage u;

	if (fork() == 0) {
		if (fork() == 0) {
			for (int64_t end = now(CLOCK_MONOTONIC) + 400 * MS;
			    now(CLOCK_MONOTONIC) < end;)
				;
			_exit(0);
		}
		_exit(wait(NULL) < 0);
	}
	OK(wait4(-1, NULL, 0, &u) > 0);
	OK(u.ru_utime.tv_sec * 1000000 + u.ru_utime.tv_usec > 100000);
}

/* ---- timers with numbers */

static volatile int fired, fired_value, fired_code;

static void
on_timer(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	fired++;
	fired_code = info->si_code;
	fired_value = info->si_value.sival_int;
}

static void
wait_fired(int n)
{
	int64_t end = now(CLOCK_MONOTONIC) + 10000 * MS;

	while (fired < n && now(CLOCK_MONOTONIC) < end)
		usleep(2000);
}

TEST(timers_signal_with_a_value)
{
	struct sigaction a = { .sa_sigaction = on_timer,
	    .sa_flags = SA_SIGINFO };
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL,
	    .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42 };
	struct itimerspec its = { .it_value = { 0, 5 * MS } }, old;
	timer_t t;

	sigaction(SIGUSR1, &a, NULL);
	EQ(timer_create(CLOCK_MONOTONIC, &e, &t), 0);
	EQ(timer_gettime(t, &old), 0);
	EQ(old.it_value.tv_nsec, 0);
	EQ(timer_settime(t, 0, &its, NULL), 0);
	wait_fired(1);
	EQ(fired, 1);
	EQ(fired_code, SI_TIMER);
	EQ(fired_value, 42);
	its = (struct itimerspec){ { 0, 5 * MS }, { 0, 5 * MS } };
	EQ(timer_settime(t, 0, &its, &old), 0);
	EQ(old.it_value.tv_nsec, 0);
	wait_fired(4);
	OK(fired >= 4);
	EQ(timer_gettime(t, &old), 0);
	EQ(old.it_interval.tv_nsec, 5 * MS);
	OK(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 5 * MS);
	its = (struct itimerspec){ 0 };
	EQ(timer_settime(t, 0, &its, NULL), 0);
	EQ(timer_delete(t), 0);
	FAILS(syscall(SYS_timer_delete, t), EINVAL);
	FAILS(timer_gettime(t, &old), EINVAL);
	its.it_value.tv_nsec = 1000000000;
	FAILS(timer_create(99, &e, &t), EINVAL);
	e.sigev_signo = 99;
	FAILS(timer_create(CLOCK_MONOTONIC, &e, &t), EINVAL);
}

TEST(timers_count_what_was_missed)
{
	struct sigaction a = { .sa_sigaction = on_timer,
	    .sa_flags = SA_SIGINFO };
	struct itimerspec its = { { 0, MS }, { 0, MS } };
	sigset_t set;
	timer_t t;

	sigaction(SIGALRM, &a, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fired = 0;
	EQ(timer_create(CLOCK_REALTIME, NULL, &t), 0);
	EQ(timer_settime(t, 0, &its, NULL), 0);
	usleep(100000);
	EQ(fired, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	OK(fired >= 1);
	its = (struct itimerspec){ 0 };
	EQ(timer_settime(t, 0, &its, NULL), 0);
	OK(timer_getoverrun(t) >= 0);
	EQ(timer_delete(t), 0);
}

TEST(absolute_timers_and_none)
{
	struct sigevent e = { .sigev_notify = SIGEV_NONE };
	int64_t when = now(CLOCK_REALTIME) + 9000 * MS;
	struct itimerspec its = { .it_value = { when / 1000000000,
	    when % 1000000000 } }, old;
	timer_t t[40];
	int n = 0;

	EQ(timer_create(CLOCK_REALTIME, &e, &t[0]), 0);
	EQ(timer_settime(t[0], TIMER_ABSTIME, &its, NULL), 0);
	EQ(timer_gettime(t[0], &old), 0);
	OK(old.it_value.tv_sec > 0 && old.it_value.tv_sec <= 9);
	when = now(CLOCK_REALTIME) + 50 * MS;
	its.it_value = (struct timespec){ when / 1000000000,
	    when % 1000000000 };
	EQ(timer_settime(t[0], TIMER_ABSTIME, &its, NULL), 0);
	EQ(timer_gettime(t[0], &old), 0);
	OK(old.it_value.tv_sec == 0 && old.it_value.tv_nsec <= 50 * MS);
	usleep(80000);
	EQ(timer_gettime(t[0], &old), 0);
	EQ(old.it_value.tv_sec, 0);
	EQ(old.it_value.tv_nsec, 0);
	EQ(timer_delete(t[0]), 0);
	while (n < 40 && timer_create(CLOCK_REALTIME, &e, &t[n]) == 0)
		n++;
	EQ(n, 32);
	EQ(errno, EAGAIN);
	while (n > 0)
		EQ(timer_delete(t[--n]), 0);
	its.it_value.tv_nsec = -1;
	EQ(timer_create(CLOCK_REALTIME, &e, &t[0]), 0);
	FAILS(timer_settime(t[0], 0, &its, NULL), EINVAL);
	EQ(timer_delete(t[0]), 0);
}

static volatile int in_thread;

static void
on_thread(union sigval v)
{
	in_thread = v.sival_int;
}

TEST(timers_that_run_a_thread)
{
	struct sigevent e = { .sigev_notify = SIGEV_THREAD,
	    .sigev_notify_function = on_thread, .sigev_value.sival_int = 7 };
	struct itimerspec its = { .it_value = { 0, 5 * MS } };
	timer_t t;

	EQ(timer_create(CLOCK_MONOTONIC, &e, &t), 0);
	EQ(timer_settime(t, 0, &its, NULL), 0);
	for (int i = 0; i < 1000 && in_thread == 0; i++)
		usleep(2000);
	EQ(in_thread, 7);
	EQ(timer_delete(t), 0);
}

/* ---- descriptors */

TEST(timers_that_are_read)
{
	struct itimerspec its = { { 0, 0 }, { 0, 10 * MS } }, old;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	struct pollfd p = { fd, POLLIN, 0 };
	uint64_t n = 0;

	OK(fd >= 0);
	EQ(poll(&p, 1, 0), 0);
	EQ(timerfd_settime(fd, 0, &its, NULL), 0);
	EQ(poll(&p, 1, 5000), 1);
	EQ(read(fd, &n, 8), 8);
	EQ(n, 1);
	EQ(timerfd_gettime(fd, &old), 0);
	EQ(old.it_value.tv_nsec, 0);
	its = (struct itimerspec){ { 0, 2 * MS }, { 0, 2 * MS } };
	EQ(timerfd_settime(fd, 0, &its, NULL), 0);
	usleep(50000);
	EQ(read(fd, &n, 8), 8);
	OK(n >= 2);
	EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	its = (struct itimerspec){ 0 };
	EQ(timerfd_settime(fd, 0, &its, NULL), 0);
	FAILS(read(fd, &n, 8), EAGAIN);
	FAILS(read(fd, &n, 4), EINVAL);
	FAILS(write(fd, &n, 8), EINVAL);
	FAILS(timerfd_settime(0, 0, &its, NULL), EINVAL);
	FAILS(timerfd_create(99, 0), EINVAL);
	close(fd);
}

TEST(a_timer_in_the_past_has_run_out)
{
	struct itimerspec its = { .it_value = { 1, 0 } };
	int fd = timerfd_create(CLOCK_REALTIME, 0), e = epoll_create1(0);
	struct epoll_event ev = { .events = EPOLLIN };
	uint64_t n;

	EQ(epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), 0);
	EQ(timerfd_settime(fd, TFD_TIMER_ABSTIME, &its, NULL), 0);
	EQ(epoll_wait(e, &ev, 1, 5000), 1);
	EQ(read(fd, &n, 8), 8);
	EQ(n, 1);
	close(fd);
	close(e);
}

TEST(signals_that_are_read)
{
	struct signalfd_siginfo s[3];
	struct pollfd p;
	sigset_t set;
	int fd, status;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	OK(fd >= 0);
	FAILS(read(fd, s, sizeof(s)), EAGAIN);
	EQ(kill(getpid(), SIGUSR2), 0);
	p = (struct pollfd){ fd, POLLIN, 0 };
	EQ(poll(&p, 1, 0), 1);
	EQ(read(fd, s, sizeof(s)), sizeof(s[0]));
	EQ(s[0].ssi_signo, SIGUSR2);
	EQ(s[0].ssi_pid, getpid());
	EQ(s[0].ssi_code, SI_USER);
	child = fork();
	if (child == 0)
		_exit(9);
	EQ(poll(&p, 1, 5000), 1);
	EQ(read(fd, s, sizeof(s)), sizeof(s[0]));
	EQ(s[0].ssi_signo, SIGCHLD);
	EQ(s[0].ssi_pid, child);
	EQ(s[0].ssi_status, 9);
	EQ(s[0].ssi_code, CLD_EXITED);
	EQ(waitpid(child, &status, 0), child);
	sigdelset(&set, SIGCHLD);
	EQ(signalfd(fd, &set, 0), fd);
	FAILS(signalfd(0, &set, 0), EINVAL);
	FAILS(read(fd, s, 100), EINVAL);
	close(fd);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

TEST(the_interval_timer)
{
	struct itimerval it = { { 0, 5000 }, { 0, 5000 } }, old;

	fired = 0;
	EQ(setitimer(ITIMER_REAL, &it, NULL), 0);
	wait_fired(3);
	OK(fired >= 3);
	it = (struct itimerval){ 0 };
	EQ(setitimer(ITIMER_REAL, &it, &old), 0);
	EQ(old.it_interval.tv_usec, 5000);
	EQ(alarm(100), 0);
	OK(alarm(0) >= 99);
}

TEST(timers_do_not_survive_a_fork)
{
	struct itimerspec old;
	int status;
	timer_t t;
	pid_t p;

	EQ(timer_create(CLOCK_MONOTONIC, NULL, &t), 0);
	p = fork();
	if (p == 0)
		_exit(timer_gettime(t, &old) == 0);
	EQ(waitpid(p, &status, 0), p);
	EQ(status, 0);
	EQ(timer_delete(t), 0);
}

TAP_MAIN
