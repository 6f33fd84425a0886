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

/* ---- children: this program again */

#define WINDOW_VA	(VM_MAP_TOP - 0x100000)
#define CHILD_WORD	0x6e6f6d6d6f63ul	/* "common" */

typedef int (*kid_fn)(void);

static int64_t
kid(kid_fn fn)
{
	uint64_t user[32] = { CHILD_WORD, (uint64_t)fn };
	struct proc_args args = { .name = self->args, .user = user };
	struct proc p;
	int64_t pid = commons_child(&me, &p, &args, WINDOW_VA, 2000);

	if (pid > 0) {
		must(proc_start(&p));
		commons_let(&p);
	}
	return pid;
}

__attribute__((constructor)) static void
kid_main(void)
{
	if (self->user[0] != CHILD_WORD)
		return;
	commons_join(&me);
	castor_exit((uint64_t)((kid_fn)self->user[1])() << 8);
}

static int64_t
wait_for(int64_t pid, uint32_t *status)
{
	int64_t r = commons_ask(&me, CM_WAIT4, (uint64_t)pid, 0, 0, 0);

	if (r > 0)
		*status = ((struct cm_wait *)me.win->data)->status;
	return r;
}

static int
says_seven(void)
{
	return me.win->ppid == 1 ? 7 : 8;
}

TEST(child_ends_with_its_status)
{
	uint32_t status = 0;
	int64_t pid = kid(says_seven);

	EQ(pid, 2);
	EQ(wait_for(pid, &status), pid);
	EQ(status, 7 << 8);
	EQ(ask(CM_WAIT4, (uint64_t)-1, 0, 0, 0), -10);
}
