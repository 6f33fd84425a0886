/*
 * lwc_trap.c - light-weight contexts whose system calls are their creator's to
 * answer: those of honest code, and those that go round Castor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "tap.h"

#define NATIVE		0x58000000l	/* exo/syscall.h: its numbers */
#define NATIVE_CALL	(NATIVE + 1)
#define NATIVE_KILL	(NATIVE + 33)
#define NATIVE_EXIT	(NATIVE + 55)
#define E_DENIED	5
#define CM_OPEN		4

static int caller;
static volatile long result[8];

/* A child that runs f and then says so with word 1. */
static long
trapped(void (*f)(void))
{
	uint64_t args[LWC_ARGS] = { 0 };
	int k = LWC_ARGS;
	long c = lwc_create(NULL, 0, &caller, args, &k, LWC_SYSTRAP);

	if (c != LWC_SWITCHED)
		return c;
	f();
	memset(args, 0, sizeof(args));
	args[0] = 1;
	for (int i = 0; i < 4; i++)
		args[1 + i] = (uint64_t)result[i];
	for (;;)
		lwc_switch(caller, args, &caller);
}

static void
ask_things(void)
{
	char text[16] = "";

	result[0] = getpid();
	result[1] = open("/etc/forbidden", O_RDONLY);
	if (result[1] < 0)
		result[1] = -errno;
	result[2] = open("/tmp/as-it-likes", O_RDONLY);
	result[3] = read((int)result[2], text, sizeof(text));
	if (memcmp(text, "from above", 10) != 0)
		result[3] = -1;
}

/* A string of its, read once. */
static int
string_of(long c, uint64_t at, char *to, size_t n)
{
	int fds[2], ok;
	uint64_t args[6] = { 0, at, n };

	if (pipe(fds) < 0)
		return 0;
	args[0] = (uint64_t)fds[1];
	ok = lwc_syscall((int)c, LWC_MEMORY, SYS_write, args) == (long)n &&
	    read(fds[0], to, n) == (ssize_t)n;
	close(fds[0]);
	close(fds[1]);
	return ok;
}

static uint64_t
write_to(long c, uint64_t at, const char *text, size_t n)
{
	int fds[2];
	uint64_t args[6] = { 0, at, n };
	long r;

	if (pipe(fds) < 0 || write(fds[1], text, n) != (ssize_t)n)
		return (uint64_t)-EIO;
	args[0] = (uint64_t)fds[0];
	r = lwc_syscall((int)c, LWC_MEMORY, SYS_read, args);
	close(fds[0]);
	close(fds[1]);
	return (uint64_t)r;
}

/* Answer some, refuse one, rewrite one. */
static uint64_t
monitor(long c, uint64_t *args)
{
	char path[16] = "";
	uint64_t six[6];

	EQ(lwc_trapped((int)c, six), 0);
	EQ(six[0], args[1]);
	EQ(six[3], args[4]);
	switch (args[0]) {
	case SYS_getpid:
		return 4711;
	case SYS_open:
		OK(string_of(c, args[1], path, 14));
		return memcmp(path, "/etc/forbidden", 14) == 0 ?
		    (uint64_t)-EACCES : 77;
	case SYS_read:
		EQ(args[1], 77);
		return write_to(c, args[2], "from above", 10);
	}
	return (uint64_t)-ENOSYS;
}

TEST(calls_come_to_the_creator)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = trapped(ask_things), r;
	int traps = 0;

	OK(c >= 0);
	while ((r = lwc_switch((int)c, args, NULL)) == LWC_TRAPPED) {
		traps++;
		args[0] = monitor(c, args);
	}
	EQ(r, LWC_SWITCHED);
	EQ(args[0], 1);
	EQ(args[1], 4711);
	EQ(args[2], -EACCES);
	EQ(args[3], 77);
	EQ(args[4], 10);
	OK(traps >= 4);
	EQ(lwc_close((int)c), 0);
}

/* What a compiler has in vector registers stays there in a system call. */
static void
keep_a_number(void)
{
	uint64_t number = 0x123456789;

	__asm__ volatile("movq %[n], %%xmm3; mov %[nr], %%eax; syscall\n\t"
	    "movq %%xmm3, %[n]" : [n] "+r"(number) : [nr] "i"(SYS_getppid) :
	    "rax", "rcx", "r11", "xmm3", "memory");
	result[0] = (long)number;
}

TEST(vector_registers_stay)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = trapped(keep_a_number);

	EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
	EQ(args[0], SYS_getppid);
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[1], 0x123456789);
	EQ(lwc_close((int)c), 0);
}

static long
native(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return lwc_call(nr, a, b, c, d, 0, 0);
}

static void
go_round(void)
{
	/* My own domain's end, by its slot; and this env's. */
	result[0] = native(NATIVE_KILL, 0, 1, 0, 0);
	result[1] = native(NATIVE_EXIT, 7, 0, 0, 0);
}

TEST(native_calls_come_too)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = trapped(go_round);

	EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
	EQ(args[0], NATIVE_KILL);
	EQ(args[2], 1);
	args[0] = (uint64_t)-E_DENIED;
	EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
	EQ(args[0], NATIVE_EXIT);
	EQ(args[1], 7);
	args[0] = 17;
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[1], -E_DENIED);
	EQ(args[2], 17);
	EQ(lwc_close((int)c), 0);
}

/* What the image's commons() does, without it. */
static long
ask_commons(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t rdx __asm__("rdx") = a;
	register uint64_t r10 __asm__("r10") = b;
	register uint64_t r8 __asm__("r8") = c;
	register uint64_t r9 __asm__("r9") = 0;
	uint64_t handle = 0;
	long r;

	__asm__ volatile("push %%rbx; push %%rbp; syscall; pop %%rbp; pop %%rbx"
	    : "=a"(r), "+r"(rdx), "+r"(r10), "+r"(r8), "+r"(r9), "+D"(handle),
	      "+S"(op) : "0"(NATIVE_CALL)
	    : "rcx", "r11", "r12", "r13", "r14", "r15", "memory");
	return r < 0 ? r : (long)rdx;
}

static void
open_without_castor(void)
{
	char *window = (char *)0x7f0000087000;

	memcpy(window + 512, "/", 1);
	result[0] = ask_commons(CM_OPEN, (uint64_t)-100, 1, 0);
	result[1] = ask_commons(57, 1, 9, 0);		/* KILL */
	result[2] = ask_commons(48, 64, 30, 31);	/* FORK_BEGIN */
	result[3] = ask_commons(55, 0, 0, 0);		/* EXIT */
}

TEST(the_commons_answers_nothing)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = trapped(open_without_castor);

	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 1);
	EQ(args[1], -EACCES);
	EQ(args[2], -EACCES);
	EQ(args[3], -EACCES);
	EQ(args[4], -EACCES);
	EQ(lwc_close((int)c), 0);
}

static void
nothing_to_do(void)
{
}

static void
go_astray(void)
{
	__builtin_trap();
}

/* A fault that ends it is its creator's to know, who lives on. */
TEST(its_end_is_told)
{
	uint64_t args[LWC_ARGS] = { 0 }, six[6];
	long c = trapped(go_astray);

	for (int i = 0; i < 3; i++) {
		EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
		EQ(args[0], SYS_exit_group);
		EQ(args[1], 128 + SIGILL);
		EQ(lwc_trapped((int)c, six), 0);
		EQ(six[0], 128 + SIGILL);
	}
	EQ(lwc_close((int)c), 0);
}

/* What was refused is never answered: who asked is closed, again and again. */
TEST(a_refused_one_is_closed)
{
	uint64_t args[LWC_ARGS] = { 0 };

	for (int i = 0; i < 20; i++) {
		long c = trapped(go_round);

		EQ(lwc_switch((int)c, args, NULL), LWC_TRAPPED);
		EQ(args[0], NATIVE_KILL);
		EQ(lwc_close((int)c), 0);
		EQ(getppid() > 0, 1);
		/* Its place has another, which knows nothing of that. */
		c = trapped(nothing_to_do);
		memset(args, 0, sizeof(args));
		if (!EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED))
			return;
		EQ(args[0], 1);
		EQ(lwc_close((int)c), 0);
	}
}

TAP_MAIN
