/*
 * threads.c - threads of one process: made, joined, waiting for each other.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define FEW	8
#define MANY	1000

static void *
double_it(void *p)
{
	return (void *)((uintptr_t)p * 2);
}

TEST(a_thread_runs_and_is_joined)
{
	pthread_t t;
	void *r = NULL;

	EQ(pthread_create(&t, NULL, double_it, (void *)21), 0);
	EQ(pthread_join(t, &r), 0);
	EQ((uintptr_t)r, 42);
}

TEST(many_come_and_go)
{
	pthread_t t;
	void *r;

	for (uintptr_t i = 0; i < 200; i++) {
		if (!EQ(pthread_create(&t, NULL, double_it, (void *)i), 0))
			return;
		EQ(pthread_join(t, &r), 0);
		EQ((uintptr_t)r, 2 * i);
	}
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile long sum;

static void *
add(void *p)
{
	(void)p;
	for (int i = 0; i < MANY; i++) {
		pthread_mutex_lock(&mutex);
		long s = sum;
		if (i % 100 == 0)
			sched_yield();
		sum = s + 1;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

TEST(a_mutex_excludes)
{
	pthread_t t[FEW];

	sum = 0;
	for (int i = 0; i < FEW; i++)
		EQ(pthread_create(&t[i], NULL, add, NULL), 0);
	for (int i = 0; i < FEW; i++)
		EQ(pthread_join(t[i], NULL), 0);
	EQ(sum, FEW * MANY);
}

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *
ping(void *p)
{
	int me = (int)(uintptr_t)p;

	pthread_mutex_lock(&mutex);
	for (int i = 0; i < MANY; i++) {
		while (turn != me)
			pthread_cond_wait(&cond, &mutex);
		turn = !me;
		pthread_cond_signal(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

TEST(two_take_turns)
{
	pthread_t a, b;

	turn = 0;
	EQ(pthread_create(&a, NULL, ping, (void *)0), 0);
	EQ(pthread_create(&b, NULL, ping, (void *)1), 0);
	EQ(pthread_join(a, NULL) | pthread_join(b, NULL), 0);
	EQ(turn, 0);
}

TEST(a_wait_has_an_end)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	pthread_mutex_lock(&mutex);
	EQ(pthread_cond_timedwait(&cond, &mutex, &t), ETIMEDOUT);
	pthread_mutex_unlock(&mutex);
}

static __thread int mine = 5;
static pthread_barrier_t barrier;
static int *where[FEW];

static void *
local(void *p)
{
	int i = (int)(uintptr_t)p;

	EQ(mine, 5);
	mine = i;
	where[i] = &mine;
	pthread_barrier_wait(&barrier);
	EQ(mine, i);
	return NULL;
}

TEST(each_has_its_own_storage)
{
	pthread_t t[FEW];

	pthread_barrier_init(&barrier, NULL, FEW);
	for (int i = 0; i < FEW; i++)
		EQ(pthread_create(&t[i], NULL, local, (void *)(uintptr_t)i), 0);
	for (int i = 0; i < FEW; i++)
		EQ(pthread_join(t[i], NULL), 0);
	for (int i = 1; i < FEW; i++)
		OK(where[i] != where[0]);
}

static volatile char *shared;

static void *
touch(void *p)
{
	for (int i = 0; i < 200; i++)
		shared[i * 4096 + (int)(uintptr_t)p] = 1;
	return NULL;
}

TEST(faults_of_several_at_once)
{
	pthread_t t[FEW];
	long n = 0;

	shared = mmap(NULL, 200 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < FEW; i++)
		EQ(pthread_create(&t[i], NULL, touch, (void *)(uintptr_t)i), 0);
	for (int i = 0; i < FEW; i++)
		EQ(pthread_join(t[i], NULL), 0);
	for (int i = 0; i < 200; i++)
		for (int k = 0; k < FEW; k++)
			n += shared[i * 4096 + k];
	EQ(n, 200 * FEW);
	munmap((void *)shared, 200 * 4096);
}

static pthread_t target;
static volatile pthread_t taker;
static sem_t ready;
static volatile int woken;

static void
note(int sig)
{
	(void)sig;
	taker = pthread_self();
}

static void *
sleeper(void *p)
{
	struct timespec t = { 10, 0 };

	void *r;

	(void)p;
	sem_post(&ready);
	r = (void *)(uintptr_t)(nanosleep(&t, NULL) == -1 && errno == EINTR);
	woken = 1;
	return r;
}

TEST(a_signal_goes_to_its_thread)
{
	struct sigaction a = { .sa_handler = note };
	void *r = NULL;

	sigaction(SIGUSR1, &a, NULL);
	sem_init(&ready, 0, 0);
	EQ(pthread_create(&target, NULL, sleeper, NULL), 0);
	sem_wait(&ready);
	do {				/* it may not sleep yet */
		EQ(pthread_kill(target, SIGUSR1), 0);
		usleep(20000);
	} while (!woken);
	EQ(pthread_join(target, &r), 0);
	EQ((uintptr_t)r, 1);
	OK(taker == target);
}

static void *
blocks_forever(void *p)
{
	char c;

	sem_post(&ready);
	(void)!read((int)(uintptr_t)p, &c, 1);
	return NULL;
}

TEST(a_blocked_thread_is_cancelled)
{
	pthread_t t;
	void *r = NULL;
	int p[2];

	EQ(pipe(p), 0);
	EQ(pthread_create(&t, NULL, blocks_forever, (void *)(uintptr_t)p[0]),
	    0);
	sem_wait(&ready);
	EQ(pthread_cancel(t), 0);
	EQ(pthread_join(t, &r), 0);
	OK(r == PTHREAD_CANCELED);
	close(p[0]);
	close(p[1]);
}

TEST(there_is_an_end_to_threads)
{
	pthread_t t[60];
	int p[2], n = 0;

	EQ(pipe(p), 0);
	for (; n < 60; n++) {
		if (pthread_create(&t[n], NULL, blocks_forever,
		    (void *)(uintptr_t)p[0]) != 0)
			break;
	}
	OK(n >= 30 && n < 60);
	close(p[1]);
	for (int i = 0; i < n; i++)
		EQ(pthread_join(t[i], NULL), 0);
	close(p[0]);
	EQ(pthread_create(&t[0], NULL, double_it, (void *)4), 0);
	EQ(pthread_join(t[0], NULL), 0);
}

TEST(nonsense_is_refused)
{
	int w = 1;

	EQ(syscall(SYS_futex, &w, 0, 2, NULL), -1);
	EQ(errno, EAGAIN);
	EQ(syscall(SYS_futex, (char *)&w + 1, 0, 1, NULL), -1);
	EQ(errno, EINVAL);
	EQ(syscall(SYS_futex, 0x7f0000000000, 0, 1, NULL), -1);
	EQ(errno, EFAULT);
	EQ(syscall(SYS_futex, 16, 0, 1, NULL), -1);
	EQ(errno, EFAULT);
	EQ(syscall(SYS_clone, 0x10000, 0, 0, 0, 0), -1);
	EQ(errno, EINVAL);
}

TAP_MAIN
