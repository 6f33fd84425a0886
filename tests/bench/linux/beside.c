/*
 * beside.c - what contexts (lwc.c) are held against: processes, threads that the
 * kernel knows, threads that it does not know: to make one, to get there, to get
 * there and back, to end it.
 */
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

static void
must(int good, const char *what)
{
	if (good)
		return;
	printf("not ok: %s\n", what);
	exit(1);
}
#define MUST(cond)	must(cond, #cond)

/* ---- a process, by pipes: a word says when it set out */

static int to[2], from[2];

static _Noreturn void
process(void)
{
	uint64_t word;

	while (read(to[0], &word, sizeof(word)) == sizeof(word)) {
		word = row_clock() - word;
		MUST(write(from[1], &word, sizeof(word)) == sizeof(word));
	}
	_exit(1);
}

static pid_t
process_make(void)
{
	pid_t pid = fork();

	if (pid == 0)
		process();
	return pid;
}

static void
process_end(pid_t pid)
{
	kill(pid, SIGKILL);
	MUST(waitpid(pid, NULL, 0) == pid);
}

static uint64_t
process_there(void)
{
	uint64_t word = row_clock();

	MUST(write(to[1], &word, sizeof(word)) == sizeof(word));
	MUST(read(from[0], &word, sizeof(word)) == sizeof(word));
	return word - row_empty;
}

static void
processes(void)
{
	pid_t pid;

	MUST(pipe(to) == 0 && pipe(from) == 0);
	ROW("beside_process_create", .samples = 50,
	    .bound = "fork; the child runs until it waits") {
		TAKE(pid = process_make());
		process_end(pid);
	}
	ROW("beside_process_destroy", .samples = 50,
	    .bound = "SIGKILL and waitpid") {
		pid = process_make();
		TAKE(process_end(pid));
	}
	pid = process_make();
	ROW("beside_process_switch", .bound = "a word by a pipe")
		row_take(process_there());
	ROW("beside_process_round_trip", .bound = "two pipes")
		TAKE((void)process_there());
	process_end(pid);
}

/* ---- a thread, by a futex */

enum { MINE, ITS, END };

static volatile int turn;
static volatile uint64_t set_out, took;

static void
turn_wait(int value)
{
	while (turn == value)
		syscall(SYS_futex, &turn, 128, value, NULL, NULL, 0);
}

static void
turn_give(int value)
{
	turn = value;
	syscall(SYS_futex, &turn, 129, 1, NULL, NULL, 0);
}

static void *
thread(void *arg)
{
	for (;;) {
		turn_wait(MINE);
		took = row_clock() - set_out;
		if (turn == END)
			return arg;
		turn_give(MINE);
	}
}

static void
thread_there(void)
{
	set_out = row_clock();
	turn_give(ITS);
	turn_wait(ITS);
}

static pthread_t
thread_make(void)
{
	pthread_t t;

	turn = MINE;
	MUST(pthread_create(&t, NULL, thread, NULL) == 0);
	return t;
}

static void
thread_end(pthread_t t)
{
	turn_give(END);
	MUST(pthread_join(t, NULL) == 0);
}

static void
threads(void)
{
	pthread_t t;

	ROW("beside_thread_create", .samples = 50, .bound = "by pthread_create") {
		TAKE(t = thread_make());
		thread_there();
		thread_end(t);
	}
	ROW("beside_thread_destroy", .samples = 50,
	    .bound = "it is told, ends, and is joined") {
		t = thread_make();
		thread_there();
		TAKE(thread_end(t));
	}
	t = thread_make();
	thread_there();
	ROW("beside_thread_switch", .bound = "a futex woken, one waited for") {
		thread_there();
		row_take(took - row_empty);
	}
	ROW("beside_thread_round_trip", .bound = "two of each")
		TAKE(thread_there());
	thread_end(t);
}

/* ---- a thread that is nobody's but the program's: a stack */

#define STACK	4096u

void	coroutine_switch(uint64_t **save, uint64_t *next);
__asm__("coroutine_switch:\n\t"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n\t"
    "mov %rsp, (%rdi)\n\t"
    "mov %rsi, %rsp\n\t"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n\t"
    "ret");

struct coroutine {
	struct coroutine *next;
	uint64_t *sp;
	uint64_t stack[STACK / 8];
};

static struct coroutine pool[4], *free_ones;
static uint64_t *main_sp;
static struct coroutine *there;

static _Noreturn void
coroutine(void)
{
	for (;;) {
		took = row_clock() - set_out;
		coroutine_switch(&there->sp, main_sp);
	}
}

static __attribute__((noinline)) struct coroutine *
coroutine_make(void)
{
	struct coroutine *c = free_ones;
	uint64_t *sp = &c->stack[STACK / 8 - 2];

	free_ones = c->next;
	*--sp = (uint64_t)coroutine;
	for (int i = 0; i < 6; i++)
		*--sp = 0;
	c->sp = sp;
	return c;
}

static __attribute__((noinline)) void
coroutine_end(struct coroutine *c)
{
	c->next = free_ones;
	free_ones = c;
}

static void
coroutine_there(void)
{
	set_out = row_clock();
	coroutine_switch(&main_sp, there->sp);
}

static void
coroutines(void)
{
	for (unsigned i = 0; i < 4; i++)
		coroutine_end(&pool[i]);
	there = coroutine_make();
	coroutine_there();
	coroutine_end(there);
	ROW("beside_user_create", .bound = "a stack from a list, a frame") {
		TAKE(there = coroutine_make());
		coroutine_end(there);
	}
	ROW("beside_user_destroy", .bound = "the stack goes back") {
		there = coroutine_make();
		TAKE(coroutine_end(there));
	}
	there = coroutine_make();
	ROW("beside_user_switch", .bound = "six registers and rsp") {
		coroutine_there();
		row_take(took - row_empty);
	}
	ROW("beside_user_round_trip", .bound = "twice that, and a clock")
		TAKE(coroutine_there());
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		row_wanted = argv[1];
	coroutines();
	threads();
	processes();
	return 0;
}
