/*
 * lwc.c - light-weight contexts: creating, switching, closing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "tap.h"

static volatile int global = 1;

TEST(a_child_is_entered_where_it_was_made)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int caller = -1, n = LWC_ARGS;
	volatile int local = 7;
	long c = lwc_create(NULL, 0, &caller, args, &n, 0);

	if (c == LWC_SWITCHED) {
		uint64_t out[LWC_ARGS] = { args[0] + 1, args[4] + 1, local,
		    global, 0 };

		local = 100;
		global = 100;
		for (;;)
			if (lwc_switch(caller, out, NULL) != LWC_SWITCHED)
				_exit(99);
	}
	OK(c >= 0);
	local = 8;
	global = 2;
	args[0] = 10;
	args[4] = 50;
	EQ(lwc_switch((int)c, args, &caller), LWC_SWITCHED);
	EQ(caller, c);
	EQ(args[0], 11);
	EQ(args[1], 51);
	EQ(args[2], 7);
	EQ(args[3], 1);
	EQ(local, 8);
	EQ(global, 2);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)c), -EBADF);
	EQ(lwc_switch((int)c, args, NULL), -EBADF);
}

TEST(it_stands_where_it_left)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int caller;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		for (uint64_t i = 1;; i++) {
			args[0] = i;
			lwc_switch(caller, args, NULL);
		}
	}
	for (uint64_t i = 1; i <= 1000; i++) {
		lwc_switch((int)c, args, NULL);
		if (!EQ(args[0], i))
			break;
	}
	EQ(lwc_close((int)c), 0);
}

TEST(a_snapshot_keeps_its_memory)
{
	char *p = pages(64 * PAGE);
	uint64_t args[LWC_ARGS] = { 0 };
	int caller;
	long c;

	memset(p, 'a', 64 * PAGE);
	c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);
	if (c == LWC_SWITCHED) {
		int same = 1;

		for (size_t i = 0; i < 64 * PAGE; i++)
			same &= p[i] == 'a';
		memset(p, 'c', 64 * PAGE);
		args[0] = (uint64_t)same;
		lwc_switch(caller, args, NULL);
		_exit(98);
	}
	memset(p, 'b', 64 * PAGE);
	lwc_switch((int)c, args, NULL);
	EQ(args[0], 1);
	for (size_t i = 0; i < 64 * PAGE; i += PAGE)
		EQ(p[i], 'b');
	EQ(lwc_close((int)c), 0);
	munmap(p, 64 * PAGE);
}

/* What a compiler would keep in a vector register. */
TEST(numbers_are_there_after_a_creation)
{
	uint64_t args[LWC_ARGS] = { 0 };
	double half = (double)global / 4, third = (double)global / 3;
	int caller;
	long c;

	__asm__ volatile("" : "+x"(half), "+x"(third));
	c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);
	__asm__ volatile("" : "+x"(half), "+x"(third));
	if (c == LWC_SWITCHED) {
		args[0] = half == (double)global / 4 &&
		    third == (double)global / 3;
		lwc_switch(caller, args, NULL);
		_exit(96);
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 1);
	EQ(lwc_close((int)c), 0);
}

TEST(it_does_system_calls)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int caller;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		int fd = open("/tmp/lwc", O_CREAT | O_RDWR | O_TRUNC, 0600);
		char *p = pages(PAGE), text[8] = "";

		strcpy(p, "hello");
		if (write(fd, p, 5) == 5 && lseek(fd, 0, SEEK_SET) == 0)
			args[0] = (uint64_t)read(fd, text, 5);
		args[1] = (uint64_t)getpid();
		args[2] = (uint64_t)memcmp(text, "hello", 5);
		args[3] = (uint64_t)fd;
		lwc_switch(caller, args, NULL);
		_exit(97);
	}
	lwc_switch((int)c, args, NULL);
	EQ(args[0], 5);
	EQ(args[1], getpid());
	EQ(args[2], 0);
	/* Its descriptors are copies: what it opened is not here. */
	EQ(fcntl((int)args[3], F_GETFD), -1);
	EQ(lwc_close((int)c), 0);
	EQ(unlink("/tmp/lwc"), 0);
}

TAP_MAIN
