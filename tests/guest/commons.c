/*
 * commons.c - the commons, asked by native programs.
 */
#include <castor/commons_client.h>

#include "test.h"

static struct commons me;
static struct proc server;

static int64_t
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return commons_call(&me, op, a, b, c, d);
}

static uint64_t
path(const char *s)
{
	size_t n = strlen(s);

	memcpy(me.win->data, s, n);
	return n;
}

TEST(starts_and_answers)
{
	must(commons_start(&me, &server, NULL));
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	EQ(me.win->pid, 1);
	EQ(ask(99, 0, 0, 0, 0), -38);
}

TEST(files)
{
	int64_t fd = ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/tmp/x"), 0102,
	    0644);

	EQ(fd, 0);
	memcpy(me.win->data, "hello", 5);
	EQ(ask(CM_WRITE, 0, 5, (uint64_t)CM_POS, 0), 5);
	EQ(ask(CM_READ, 0, 10, 0, 0), 5);
	EQ(memcmp(me.win->data, "hello", 5), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), -9);
}
