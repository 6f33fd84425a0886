/*
 * taps.c - who reads from an empty pipe waits for it without asking: nothing is
 * lost, whatever else is done with the pipe, and whoever interrupts.
 * run:
 * run: -- -singlestep
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define BYTES	20000
#define PART	50

static volatile long alarms, interrupted;

static void
count(int sig)
{
	(void)sig;
	alarms++;
}

/* Signals come all the time, and calls are not begun again. */
static void
alarms_on(int flags)
{
	struct sigaction a = { .sa_handler = count, .sa_flags = flags };
	struct itimerval t = { { 0, 10000 }, { 0, 10000 } };

	EQ(sigaction(SIGALRM, &a, NULL), 0);
	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static void
alarms_off(void)
{
	struct itimerval t = { { 0, 0 }, { 0, 0 } };

	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

static long
read_through(int fd, void *to, size_t n)
{
	long r;

	while ((r = read(fd, to, n)) == -1 && errno == EINTR)
		interrupted++;
	return r;
}

/* Byte i of a stream. */
static uint8_t
byte(uint32_t i)
{
	return (uint8_t)(i * 7 + (i >> 8));
}

/* BYTES of it, in parts of all sizes. */
static void
stream_write(int fd)
{
	uint8_t part[PART];
	uint32_t n;

	for (uint32_t i = 0; i < BYTES; i += n) {
		n = 1 + i % PART;
		n = n < BYTES - i ? n : BYTES - i;
		for (uint32_t k = 0; k < n; k++)
			part[k] = byte(i + k);
		if (write(fd, part, n) != n)
			_exit(1);
	}
}

/* How many there are in order, up to the end. */
static uint32_t
stream_read(int fd)
{
	uint8_t part[PART];
	uint32_t i = 0;
	long r;

	while ((r = read_through(fd, part, 1 + i % PART)) > 0) {
		for (long k = 0; k < r; k++, i++) {
			if (part[k] != byte(i))
				return i;
		}
	}
	return r == 0 ? i : 0;
}

static pid_t
stream_child(int p[2])
{
	pid_t pid;

	EQ(pipe(p), 0);
	pid = fork();
	if (pid == 0) {
		close(p[0]);
		stream_write(p[1]);
		_exit(0);
	}
	close(p[1]);
	return pid;
}

TEST(all_comes_once_and_in_order)
{
	int p[2], status;
	pid_t pid;

	for (int i = 0; i < 3; i++) {
		if (i > 0)
			alarms_on(i == 1 ? 0 : SA_RESTART);
		pid = stream_child(p);
		EQ(stream_read(p[0]), BYTES);
		EQ(waitpid(pid, &status, 0), pid);
		EQ(status, 0);
		close(p[0]);
		alarms_off();
	}
}

TEST(a_byte_goes_to_and_fro)
{
	int a[2], b[2], status, bad = 0;
	uint8_t c;
	pid_t pid;

	EQ(pipe(a), 0);
	EQ(pipe(b), 0);
	pid = fork();
	if (pid == 0) {
		close(a[1]);
		while (read(a[0], &c, 1) == 1) {
			c++;
			if (write(b[1], &c, 1) != 1)
				_exit(1);
		}
		_exit(0);
	}
	close(a[0]);
	interrupted = 0;
	alarms_on(0);
	for (int i = 0; i < 5000; i++) {
		c = (uint8_t)i;
		while (write(a[1], &c, 1) == -1 && errno == EINTR)
			;
		bad += read_through(b[0], &c, 1) != 1 || c != (uint8_t)(i + 1);
	}
	alarms_off();
	EQ(bad, 0);
	close(a[1]);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	close(b[0]);
	close(b[1]);
}

/* ---- a read that waits is interrupted, and the pipe is as it was */

static void
soon(void)
{
	struct itimerval t = { { 0, 0 }, { 0, 30000 } };

	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

TEST(what_was_not_read_stays)
{
	struct sigaction a = { .sa_handler = count };
	char text[8] = "";
	int p[2], q[2];

	EQ(sigaction(SIGALRM, &a, NULL), 0);
	EQ(pipe(p), 0);
	EQ(pipe(q), 0);
	for (int i = 0; i < 3; i++) {
		soon();
		EQ(read(p[0], text, 8), -1);
		EQ(errno, EINTR);
		EQ(write(p[1], "abc", 3), 3);
		EQ(read(p[0], text, 2), 2);
		EQ(read(p[0], text + 2, 2), 1);
		EQ(memcmp(text, "abc", 3), 0);
	}
	/* The number is another file's now, and not waited for. */
	soon();
	EQ(read(p[0], text, 8), -1);
	EQ(dup2(q[0], p[0]), p[0]);
	EQ(write(q[1], "q", 1), 1);
	EQ(read(p[0], text, 8), 1);
	EQ(text[0], 'q');
	soon();
	EQ(read(p[0], text, 8), -1);
	EQ(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	EQ(read(p[0], text, 8), -1);
	EQ(errno, EAGAIN);
	EQ(fcntl(p[0], F_SETFL, 0), 0);
	EQ(read(p[0], text, 0), 0);
	close(q[1]);
	EQ(read(p[0], text, 8), 0);
	close(p[0]);
	close(p[1]);
	close(q[0]);
}

/* ---- several that read */

static int shared[2];

static void *
takes(void *p)
{
	uint64_t sum = 0;
	uint8_t c[3];
	long r;

	while ((r = read(shared[0], c, 1 + (uintptr_t)p)) > 0) {
		for (long i = 0; i < r; i++)
			sum += c[i] + 1000;
	}
	return (void *)(uintptr_t)sum;
}

static uint64_t
stream_sum(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < BYTES; i++)
		sum += byte(i) + 1000;
	return sum;
}

TEST(threads_share_what_comes)
{
	pthread_t t[3];
	uint64_t sum = 0;
	void *part;

	EQ(pipe(shared), 0);
	for (uintptr_t i = 0; i < 3; i++)
		EQ(pthread_create(&t[i], NULL, takes, (void *)i), 0);
	stream_write(shared[1]);
	close(shared[1]);
	for (int i = 0; i < 3; i++) {
		EQ(pthread_join(t[i], &part), 0);
		sum += (uintptr_t)part;
	}
	EQ(sum, stream_sum());
	close(shared[0]);
}

TEST(processes_share_what_comes)
{
	struct pollfd look;
	uint64_t sum = 0, part;
	int sums[2];
	pid_t pid[3];

	EQ(pipe(shared), 0);
	EQ(pipe(sums), 0);
	for (uintptr_t i = 0; i < 3; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			close(shared[1]);
			part = (uintptr_t)takes((void *)i);
			_exit(write(sums[1], &part, 8) != 8);
		}
	}
	look = (struct pollfd){ .fd = shared[0], .events = POLLIN };
	EQ(poll(&look, 1, 30), 0);
	stream_write(shared[1]);
	close(shared[1]);
	for (int i = 0; i < 3; i++) {
		EQ(read(sums[0], &part, 8), 8);
		sum += part;
		EQ(waitpid(pid[i], NULL, 0), pid[i]);
	}
	EQ(sum, stream_sum());
	close(shared[0]);
	close(sums[0]);
	close(sums[1]);
}

TAP_MAIN
