/*
 * test_commons_io.c - descriptors, pipes, FIFOs, eventfd, poll, epoll, locks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include "commons.h"

#include <request.h>

static void
as(struct seat *s)
{
	me = s;
}

static struct seat *first;

/* Each test begins with a client that has nothing, and ends so. */
static struct seat *
fresh(void)
{
	as(first);
	as(fork_of(first));
	return me;
}

static void
gone(struct seat *s)
{
	int64_t pid = pid_of(s);

	die(s, 0);
	as(first);
	EQ(ask(CM_WAIT4, (uint64_t)pid, 0, 0, 0), pid);
}

static bool
rang(struct seat *s, uint64_t before)
{
	return s->win->bell != before;
}

static uint64_t begun_fds, begun_files;

TEST(begins)
{
	begin(NULL, 0);
	first = me;
	EQ(ask(99, 0, 0, 0, 0), -ENOSYS);
	EQ(ask(~0ull, 0, 0, 0, 0), -ENOSYS);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	for (uint32_t op = 0; op < CM_OP_MAX; op++)
		OK(requests[op] != NULL);
	begun_fds = fd_count();
	begun_files = file_count();
}

TEST(lowest_descriptor_first)
{
	struct seat *s = fresh();

	for (int64_t i = 0; i < 70; i++)
		EQ(open_at("/dev/null", 0), i);
	EQ(ask(CM_CLOSE, 3, 0, 0, 0), 0);
	EQ(ask(CM_CLOSE, 65, 0, 0, 0), 0);
	EQ(open_at("/dev/null", 0), 3);
	EQ(open_at("/dev/null", 0), 65);
	EQ(ask(CM_DUP, 1, 64, 0, 0), 70);
	EQ(ask(CM_DUP, 1, 66, CM_DUP_TO, 0), 66);
	EQ(ask(CM_DUP, 1, 66, CM_DUP_TO | O_CLOEXEC, 0), 66);
	EQ(ask(CM_FCNTL, 66, F_GETFD, 0, 0), 1);
	EQ(ask(CM_DUP, 66, 66, CM_DUP_TO, 0), 66);
	EQ(ask(CM_FCNTL, 66, F_SETFD, 0, 0), 0);
	EQ(ask(CM_FCNTL, 66, F_GETFD, 0, 0), 0);
	EQ(ask(CM_DUP, 200, 5, 0, 0), -EBADF);
	EQ(ask(CM_DUP, 1, 384, CM_DUP_TO, 0), -EBADF);
	EQ(ask(CM_DUP, 1, 384, 0, 0), -EINVAL);
	EQ(ask(CM_DUP, 1, 5, 2, 0), -EINVAL);
	EQ(ask(CM_DUP, 1, 256, 0, 0), 256);
	EQ(ask(CM_DUP, 1, 256, 0, 0), 257);
	EQ(ask(CM_CLOSE_RANGE, 60, 1000, 0, 0), 0);
	EQ(ask(CM_CLOSE, 60, 0, 0, 0), -EBADF);
	EQ(ask(CM_FCNTL, 256, F_GETFD, 0, 0), 0);
	EQ(ask(CM_FCNTL, 59, F_GETFD, 0, 0), 0);
	EQ(ask(CM_CLOSE_RANGE, 5, 2, 0, 0), -EINVAL);
	gone(s);
	EQ(fd_count(), begun_fds);
	EQ(file_count(), begun_files);
}

TEST(descriptors_have_a_limit)
{
	struct seat *s = fresh();

	for (int64_t i = 0; i < (int64_t)CM_FDS; i++)
		EQ(open_at("/dev/null", 0), i);
	EQ(open_at("/dev/null", 0), -EMFILE);
	EQ(open_at("/tmp/not", O_CREAT | O_WRONLY), -EMFILE);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), -EMFILE);
	EQ(ask(CM_DUP, 0, 0, 0, 0), -EMFILE);
	EQ(ask(CM_EVENTFD, 0, 0, 0, 0), -EMFILE);
	EQ(ask(CM_CLOSE, 9, 0, 0, 0), 0);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), -EMFILE);
	EQ(open_at("/tmp/not", 0), -ENOENT);
	gone(s);
	EQ(file_count(), begun_files);
}

TEST(a_flood_leaves_the_others_their_share)
{
	struct seat *s[40], *t;
	unsigned n = 0;
	int64_t r = 0;

	for (; n < 40 && r != -ENFILE; n++) {
		as(first);
		s[n] = fork_of(first);
		if (s[n] == NULL)
			break;
		as(s[n]);
		for (int i = 0; i < 255 && r != -ENFILE; i++)
			r = open_at("/dev/null", 0);
	}
	EQ(r, -ENFILE);
	as(first);
	t = fork_of(first);
	OK(t != NULL);
	as(t);
	for (int i = 0; i < 16; i++)
		EQ(open_at("/dev/null", 0), i);
	EQ(open_at("/dev/null", 0), -ENFILE);
	gone(t);
	while (n-- > 0)
		gone(s[n]);
	EQ(file_count(), begun_files);
}

TEST(exec_closes_what_is_marked)
{
	struct seat *s = fresh();

	EQ(open_at("/dev/null", 0), 0);
	EQ(open_at("/dev/null", O_CLOEXEC), 1);
	EQ(ask(CM_PIPE, O_CLOEXEC, 0, 0, 0), 2 | 3ll << 32);
	EQ(ask(CM_IOCTL, 0, 0x5451, 0, 0), 0);
	memcpy(me->win->data + CM_SECOND, "cat\0x\0", 6);
	EQ(ask(CM_EXEC, path("/bin/cat"), 6, CWD, 0), 0);
	for (int i = 0; i < 4; i++)
		EQ(ask(CM_CLOSE, (uint64_t)i, 0, 0, 0), -EBADF);
	IS(s->proc->comm, "cat");
	EQ(s->proc->args_len, 6);
	gone(s);
}

TEST(offset_is_shared_by_fork_and_dup)
{
	struct seat *s = fresh(), *c;

	EQ(open_at("/tmp/o", O_RDWR | O_CREAT), 0);
	EQ(put(0, "abcdef"), 6);
	EQ(ask(CM_SEEK, 0, 0, 0, 0), 0);
	c = fork_of(s);
	IS(got(0, 2), "ab");
	as(c);
	IS(got(0, 2), "cd");
	EQ(ask(CM_DUP, 0, 0, 0, 0), 1);
	IS(got(1, 1), "e");
	as(s);
	IS(got(0, 9), "f");
	as(c);
	EQ(ask(CM_FCNTL, 1, F_SETFL, O_APPEND, 0), 0);
	as(s);
	EQ(ask(CM_FCNTL, 0, F_GETFL, 0, 0) & O_APPEND, O_APPEND);
	EQ(ask(CM_SEEK, 0, 0, 0, 0), 0);
	EQ(put(0, "g"), 1);
	EQ(ask(CM_SEEK, 0, 0, 1, 0), 7);
	die(c, 0);
	gone(s);
	as(first);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/o"), 0, 0), 0);
}

/* ---- pipes */

TEST(a_pipe_passes_bytes_and_wakes)
{
	struct seat *s = fresh(), *c;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(ask(CM_READ, 1, 1, POS, 0), -EBADF);
	EQ(ask(CM_WRITE, 0, 1, POS, 0), -EBADF);
	EQ(ask(CM_READ, 0, 1, 0, 0), -ESPIPE);
	EQ(ask(CM_SEEK, 0, 0, 0, 0), -ESPIPE);
	bell = s->win->bell;
	EQ(ask(CM_READ, 0, 5, POS, 0), -CM_WAIT);
	OK(!rang(s, bell));
	as(c);
	EQ(put(1, "x"), 1);
	OK(rang(s, bell));
	EQ(c->win->hint, s->env);
	bell = s->win->bell;
	EQ(put(1, "yz"), 2);
	OK(!rang(s, bell));
	as(s);
	IS(got(0, 5), "xyz");
	EQ(ask(CM_READ, 0, 0, POS, 0), 0);
	EQ(ask(CM_FCNTL, 0, F_SETFL, O_NONBLOCK, 0), 0);
	EQ(ask(CM_READ, 0, 1, POS, 0), -EAGAIN);
	gone(s);
	die(c, 0);
}

TEST(ends_of_pipes_close)
{
	struct seat *s = fresh(), *c;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(ask(CM_READ, 0, 5, POS, 0), -CM_WAIT);
	bell = s->win->bell;
	as(c);
	EQ(put(1, "last"), 4);
	die(c, 0);
	OK(rang(s, bell));
	as(s);
	IS(got(0, 50), "last");
	EQ(ask(CM_READ, 0, 5, POS, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(put(1, "x"), -EPIPE);
	OK(s->win->pending & L_SIGBIT(L_SIGPIPE));
	gone(s);
	EQ(file_count(), begun_files);
}

TEST(a_full_pipe_waits_for_its_reader)
{
	struct seat *s = fresh();
	uint64_t n = 0, before = world_used, bell;
	int64_t r;

	EQ(ask(CM_PIPE, O_NONBLOCK, 0, 0, 0), 0 | 1ll << 32);
	while ((r = ask(CM_WRITE, 1, 1000, POS, 0)) == 1000)
		n += 1000;
	EQ(r, -EAGAIN);
	EQ(n, 65000);
	EQ(ask(CM_WRITE, 1, 536, POS, 0), 536);
	EQ(ask(CM_WRITE, 1, 1, POS, 0), -EAGAIN);
	EQ(ask(CM_FCNTL, 1, F_SETFL, 0, 0), 0);
	EQ(ask(CM_WRITE, 1, 1, POS, 0), -CM_WAIT);
	bell = s->win->bell;
	EQ(ask(CM_FCNTL, 0, F_SETPIPE_SZ, 4096, 0), -EBUSY);
	while ((r = ask(CM_READ, 0, CM_DATA, POS, 0)) > 0)
		n -= (uint64_t)r;
	EQ(r, -EAGAIN + 0);
	EQ((int64_t)n, -536);
	/* That it wanted to write was forgotten with its next request. */
	OK(!rang(s, bell));
	OK(world_used <= before + 1);
	EQ(ask(CM_FCNTL, 0, F_SETPIPE_SZ, 100, 0), 4096);
	EQ(ask(CM_FCNTL, 0, F_GETPIPE_SZ, 0, 0), 4096);
	EQ(ask(CM_FCNTL, 0, F_SETPIPE_SZ, 100000, 0), -EPERM);
	gone(s);
	OK(world_used <= before);
}

/* What comes out is what went in, in any portions, round the ring. */
TEST(a_pipe_keeps_order)
{
	struct seat *s = fresh();
	uint64_t in = 0, out = 0, before = world_used;
	uint32_t x = 1;

	EQ(ask(CM_PIPE, O_NONBLOCK, 0, 0, 0), 0 | 1ll << 32);
	for (int i = 0; i < 20000; i++) {
		uint64_t n = (x = x * 1103515245 + 12345) >> 8;
		int64_t r;

		n = n % (i / 100 % 2 ? CM_DATA + 1 : 50);
		if (x >> 30 & 1) {
			for (uint64_t j = 0; j < n; j++)
				me->win->data[j] = (uint8_t)((in + j) * 7 >> 3);
			r = ask(CM_WRITE, 1, n, POS, 0);
			in += r > 0 ? (uint64_t)r : 0;
		} else {
			r = ask(CM_READ, 0, n, POS, 0);
			for (int64_t j = 0; j < r; j++, out++)
				OK(me->win->data[j] == (uint8_t)(out * 7 >> 3));
		}
		OK(in - out <= 65536);
	}
	OK(in > 1000000);
	gone(s);
	EQ(world_used, before);
}

TEST(parts_of_a_write_become_visible_at_once)
{
	struct seat *s = fresh(), *c;
	uint64_t total = 4096ull << 32;

	EQ(ask(CM_PIPE, O_NONBLOCK, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	memset(s->win->data, 'a', CM_DATA);
	EQ(ask(CM_WRITE, 1, 3000, POS, total), 3000);
	EQ(ask(CM_READ, 0, 1, POS, 0), -EAGAIN);
	EQ(ask(CM_WRITE, 1, 1096, POS, total | 3000), 1096);
	EQ(ask(CM_READ, 0, 1, POS, 0), 1);
	/* Another one writes meanwhile. */
	EQ(ask(CM_WRITE, 1, 3000, POS, total), 3000);
	as(c);
	EQ(put(1, "b"), 1);
	as(s);
	EQ(ask(CM_WRITE, 1, 1096, POS, total | 3000), -CM_RESTART);
	/* Another one tries to go on with it. */
	EQ(ask(CM_WRITE, 1, 3000, POS, total), 3000);
	as(c);
	EQ(ask(CM_WRITE, 1, 1096, POS, total | 3000), -CM_RESTART);
	as(s);
	EQ(ask(CM_WRITE, 1, 1096, POS, total | 3000), 1096);
	EQ(ask(CM_WRITE, 1, 1097, POS, total | 3000), -EINVAL);
	EQ(ask(CM_WRITE, 1, 1, POS, 4097ull << 32), -EINVAL);
	EQ(ask(CM_IOCTL, 0, 0x541b, 0, 0), 0);
	EQ(*(uint32_t *)s->win->data, 4095 + 1 + 4096);
	gone(s);
	die(c, 0);
}

TEST(a_pipe_without_pages_still_passes_a_page)
{
	struct seat *s = fresh();
	uint64_t limit = world_limit;

	EQ(ask(CM_PIPE, O_NONBLOCK, 0, 0, 0), 0 | 1ll << 32);
	world_limit = world_used;
	for (int i = 0; i < 20; i++) {
		EQ(ask(CM_WRITE, 1, 3000, POS, 0), 3000);
		EQ(ask(CM_WRITE, 1, 3000, POS, 0), -EAGAIN);
		EQ(ask(CM_READ, 0, CM_DATA, POS, 0), 3000);
	}
	world_limit = limit;
	gone(s);
}

TEST(fifos_meet)
{
	struct seat *s = fresh(), *c = fork_of(s);

	EQ(ask(CM_MKNOD, CWD, path("/tmp/fifo"), 010666, 0), 0);
	/* An end for neither is none. */
	EQ(open_at("/tmp/fifo", O_ACCMODE | O_NONBLOCK), -EINVAL);
	EQ(open_at("/tmp/fifo", O_RDWR), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(open_at("/tmp/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	EQ(open_at("/tmp/fifo", O_RDONLY), -CM_WAIT);
	as(c);
	EQ(open_at("/tmp/fifo", O_WRONLY), 0);
	EQ(put(0, "met"), 3);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	as(s);
	EQ(open_at("/tmp/fifo", O_RDONLY), 0);
	IS(got(0, 9), "met");
	EQ(ask(CM_READ, 0, 9, POS, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	/* It gives up. */
	EQ(open_at("/tmp/fifo", O_RDONLY), -CM_WAIT);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	as(c);
	EQ(open_at("/tmp/fifo", O_WRONLY | O_NONBLOCK), -ENXIO);
	/* It opens another one instead. */
	EQ(ask(CM_MKNOD, CWD, path("/tmp/fifo2"), 010666, 0), 0);
	EQ(open_at("/tmp/fifo", O_WRONLY), -CM_WAIT);
	EQ(open_at("/tmp/fifo2", O_WRONLY), -CM_WAIT);
	as(s);
	EQ(open_at("/tmp/fifo", O_RDONLY), -CM_WAIT);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/fifo2"), 0, 0), 0);
	as(c);
	/* It dies waiting. */
	EQ(open_at("/tmp/fifo", O_WRONLY), -CM_WAIT);
	die(c, 0);
	as(s);
	EQ(open_at("/tmp/fifo", O_RDONLY | O_NONBLOCK), 0);
	EQ(ask(CM_READ, 0, 9, POS, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/fifo"), 0, 0), 0);
	gone(s);
	EQ(file_count(), begun_files);
}

/* ---- pipes that are tapped */

static int64_t
read_waiting(uint64_t n)
{
	return ask(CM_READ, 0, n, POS, 1);
}

/* It wants n bytes more, by itself. */
static void
want(struct seat *s, uint64_t n)
{
	EQ(s->win->reading, CM_READING(0, 0));
	s->win->reading = CM_READING(0, n);
}

static uint64_t
answer(struct seat *s)
{
	uint64_t n = s->win->answer;

	s->win->answer = 0;
	return n;
}

TEST(a_byte_is_delivered)
{
	struct seat *s = fresh(), *c;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(s->win->reading, CM_READING(0, 3));
	bell = s->win->bell;
	as(c);
	EQ(put(1, "ab"), 2);
	OK(rang(s, bell));
	EQ(c->win->hint, s->env);
	EQ(answer(s), 2);
	EQ(memcmp(s->win->data, "ab", 2), 0);
	/* It reads again without a request. */
	want(s, 1);
	EQ(put(1, "c"), 1);
	EQ(answer(s), 1);
	EQ(s->win->data[0], 'c');
	/* More than it wants: the rest stays, and it is no tap any more. */
	want(s, 3);
	EQ(put(1, "defgh"), 5);
	EQ(answer(s), 3);
	EQ(s->win->reading, 0);
	as(s);
	IS(got(0, 9), "gh");
	/* It wants nothing when something comes. */
	EQ(read_waiting(3), -CM_WAIT);
	s->win->reading = CM_READING(0, 0);
	as(c);
	EQ(put(1, "q"), 1);
	EQ(answer(s), 0);
	EQ(s->win->reading, 0);
	as(s);
	IS(got(0, 9), "q");
	/* It asks again while it waits, and for something else. */
	EQ(read_waiting(3), -CM_WAIT);
	EQ(read_waiting(2), -CM_WAIT);
	EQ(s->win->reading, CM_READING(0, 2));
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	as(c);
	EQ(put(1, "x"), 1);
	EQ(answer(s), 1);
	EQ(fd_count(), 4);
	gone(s);
	die(c, 0);
}

TEST(who_has_a_tap_lies)
{
	struct seat *s = fresh(), *c;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	/* It has none. */
	s->win->reading = CM_READING(0, 3);
	as(c);
	EQ(put(1, "a"), 1);
	EQ(answer(s), 0);
	as(s);
	IS(got(0, 9), "a");
	/* More than a window, another descriptor, an answer that was not. */
	EQ(read_waiting(3), -CM_WAIT);
	s->win->reading = ~0ull;
	s->win->answer = ~0ull;
	as(c);
	EQ(put(1, "b"), 1);
	EQ(answer(s), 1);
	EQ(memcmp(s->win->data, "b", 1), 0);
	s->win->reading = 1;
	EQ(ask(CM_WRITE, 1, CM_DATA, POS, 0), CM_DATA);
	EQ(answer(s), 1);
	as(s);
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), CM_DATA - 1);
	/* It writes what it waits for itself. */
	EQ(read_waiting(3), -CM_WAIT);
	EQ(put(1, "me"), 2);
	EQ(answer(s), 2);
	/* What was lent to it is not tapped: the number is another's. */
	s->lender = c->proc;
	s->lent = CM_LEND_FILES;
	EQ(ask(CM_READ | CM_LENT, 0, 3, POS, 1), -CM_WAIT);
	EQ(s->win->reading, 0);
	s->lender = NULL;
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	gone(s);
	die(c, 0);
}

/* Whoever waits by his window waits on the queue when the pipe is needed
 * otherwise; and whoever does not has to ask. */
TEST(a_tap_is_given_up)
{
	struct pollfd look = { 0, POLLIN, 0 };
	struct seat *s = fresh(), *c, *d;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	d = fork_of(s);
	EQ(read_waiting(3), -CM_WAIT);
	bell = s->win->bell;
	as(c);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(s->win->reading, 0);
	EQ(c->win->reading, 0);
	OK(!rang(s, bell));
	as(d);
	EQ(put(1, "a"), 1);
	OK(rang(s, bell));
	OK(rang(c, 0));
	as(s);
	EQ(read_waiting(3), 1);
	as(c);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(c->win->reading, CM_READING(0, 3));
	c->win->reading = CM_READING(0, 0);
	as(s);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(c->win->reading, 0);
	EQ(s->win->reading, CM_READING(0, 3));
	/* A look at it takes nothing away. */
	as(c);
	memcpy(c->win->data, &look, sizeof(look));
	EQ(ask(CM_POLL, 1, 1, 0, 0), -CM_WAIT);
	EQ(s->win->reading, CM_READING(0, 3));
	as(d);
	EQ(put(1, "b"), 1);
	EQ(answer(s), 1);
	/* Who waits already, and not so, is not left out. */
	as(c);
	EQ(ask(CM_READ, 0, 3, POS, 0), -CM_WAIT);
	as(s);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(s->win->reading, 0);
	bell = c->win->bell;
	as(d);
	EQ(put(1, "c"), 1);
	OK(rang(c, bell));
	as(c);
	IS(got(0, 9), "c");
	/* Two parts come as one. */
	as(s);
	EQ(read_waiting(3), -CM_WAIT);
	bell = s->win->bell;
	as(d);
	EQ(ask(CM_WRITE, 1, 1, POS, 2ull << 32), 1);
	EQ(s->win->reading, CM_READING(0, 3));
	EQ(ask(CM_WRITE, 1, 1, POS, 2ull << 32 | 1), 1);
	EQ(s->win->reading, 0);
	EQ(answer(s), 0);
	OK(rang(s, bell));
	as(s);
	EQ(read_waiting(9), 2);
	/* Who has another pipe has not this one. */
	as(s);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	as(c);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	as(s);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 2 | 3ll << 32);
	EQ(ask(CM_READ, 2, 1, POS, 1), -CM_WAIT);
	EQ(s->win->reading, CM_READING(2, 1));
	as(d);
	EQ(put(1, "c"), 1);
	as(s);
	IS(got(0, 9), "c");
	gone(s);
	die(c, 0);
	die(d, 0);
}

TEST(a_tap_is_closed)
{
	struct seat *s = fresh(), *c;
	struct file *f;
	uint64_t bell;

	/* By its descriptor, which may be another's next. */
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	EQ(ask(CM_DUP, 0, 5, CM_DUP_TO, 0), 5);
	EQ(read_waiting(3), -CM_WAIT);
	s->win->reading = CM_READING(0, 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(s->win->reading, 0);
	EQ(ask(CM_READ, 5, 3, POS, 1), -CM_WAIT);
	s->win->reading = CM_READING(5, 0);
	EQ(ask(CM_DUP, 1, 5, CM_DUP_TO, 0), 5);
	EQ(s->win->reading, 0);
	gone(s);
	s = fresh();
	/* The other end: that is the end of what there is to read. */
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(read_waiting(3), -CM_WAIT);
	bell = s->win->bell;
	die(c, 0);
	OK(rang(s, bell));
	EQ(s->win->reading, 0);
	EQ(read_waiting(3), 0);
	/* The same, when what was the other end's is no descriptor. */
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	f = s->proc->file[1];
	f->refs++;
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(read_waiting(3), -CM_WAIT);
	EQ(s->win->reading, CM_READING(0, 3));
	bell = s->win->bell;
	file_put(f);
	OK(rang(s, bell));
	EQ(s->win->reading, 0);
	EQ(read_waiting(3), 0);
	/* It does not wait any more, by a flag; and it dies. */
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	EQ(read_waiting(3), -CM_WAIT);
	s->win->reading = CM_READING(0, 0);
	EQ(ask(CM_FCNTL, 0, 4, L_O_NONBLOCK, 0), 0);
	EQ(s->win->reading, 0);
	EQ(read_waiting(3), -L_EAGAIN);
	EQ(ask(CM_FCNTL, 0, 4, 0, 0), 0);
	EQ(read_waiting(3), -CM_WAIT);
	s->win->reading = CM_READING(0, 0);
	memset(s->win->data, 1, 4);
	EQ(ask(CM_IOCTL, 0, L_FIONBIO, 0, 0), 0);
	EQ(s->win->reading, 0);
	memset(s->win->data, 0, 4);
	EQ(ask(CM_IOCTL, 0, L_FIONBIO, 0, 0), 0);
	c = fork_of(s);
	as(c);
	EQ(read_waiting(3), -CM_WAIT);
	OK(c->tap != NULL);
	die(c, 0);
	as(s);
	EQ(put(1, "z"), 1);
	IS(got(0, 9), "z");
	/* A thread of its: the pipe is there still. */
	OK(ask(CM_THREAD, 1, 1, 1, 0) > 0);
	c = s->next;
	as(c);
	EQ(read_waiting(3), -CM_WAIT);
	OK(c->tap != NULL);
	proc_seat_drop(c);
	as(s);
	EQ(put(1, "z"), 1);
	EQ(c->win->answer, 0);
	IS(got(0, 9), "z");
	gone(s);
}

TEST(deliveries_use_nothing_up)
{
	struct seat *s = fresh(), *c;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	for (int i = 0; i < 5000; i++) {
		as(s);
		EQ(read_waiting(1), -CM_WAIT);
		as(c);
		EQ(put(1, "d"), 1);
		EQ(answer(s), 1);
	}
	gone(s);
	die(c, 0);
}

TEST(only_who_waits_for_that_alone_is_given_it)
{
	struct seat *s = fresh(), *c;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(ask(CM_READ, 0, 3, POS, 0), -CM_WAIT);
	as(c);
	EQ(put(1, "a"), 1);
	EQ(s->win->answer, 0);
	as(s);
	IS(got(0, 9), "a");
	EQ(read_waiting(3), -CM_WAIT);
	as(c);
	/* Parts are not given before they are whole. */
	EQ(ask(CM_WRITE, 1, 3, POS, 6ull << 32), 3);
	EQ(s->win->answer, 0);
	EQ(ask(CM_WRITE, 1, 3, POS, 6ull << 32 | 3), 3);
	as(s);
	EQ(read_waiting(9), 6);
	EQ(read_waiting(9), -CM_WAIT);
	die(c, 0);
	as(s);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(read_waiting(9), 0);
	gone(s);
}

/* ---- readiness */

static int64_t
poll_2(short a, short b, uint64_t wait)
{
	struct pollfd p[2] = { { 0, a, 77 }, { 1, b, 77 } };

	memcpy(me->win->data, p, sizeof(p));
	return ask(CM_POLL, 2, wait, 0, 0);
}

static int
revents(int i)
{
	struct pollfd p;

	memcpy(&p, me->win->data + (size_t)i * sizeof(p), sizeof(p));
	return p.revents;
}

TEST(poll_sees_and_waits)
{
	struct seat *s = fresh(), *c;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	c = fork_of(s);
	EQ(poll_2(POLLIN, 0, 0), 0);
	EQ(poll_2(POLLIN, POLLOUT, 1), 1);
	EQ(revents(0), 0);
	EQ(revents(1), POLLOUT);
	bell = s->win->bell;
	EQ(poll_2(POLLIN, 0, 1), -CM_WAIT);
	as(c);
	EQ(put(1, "x"), 1);
	OK(rang(s, bell));
	as(s);
	EQ(poll_2(POLLIN, 0, 1), 1);
	EQ(revents(0), POLLIN);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(poll_2(POLLIN, 0, 1), 2);
	EQ(revents(1), POLLNVAL);
	IS(got(0, 1), "x");
	die(c, 0);
	as(s);
	EQ(poll_2(0, 0, 1), 2);
	EQ(revents(0), POLLHUP);
	EQ(ask(CM_POLL, 449, 0, 0, 0), -EFAULT);
	EQ(ask(CM_POLL, 0, 0, 0, 0), 0);
	EQ(ask(CM_POLL, 0, 1, 0, 0), -CM_WAIT);
	gone(s);
}

TEST(many_polls_run_out_of_waits_and_not_more)
{
	struct seat *s = fresh();
	struct pollfd p[448];

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	for (int i = 0; i < 448; i++)
		p[i] = (struct pollfd){ 0, POLLIN, 0 };
	for (int i = 0; i < 20; i++) {
		memcpy(me->win->data, p, sizeof(p));
		EQ(ask(CM_POLL, 448, 1, 0, 0), -CM_WAIT);
	}
	EQ(put(1, "x"), 1);
	memcpy(me->win->data, p, sizeof(p));
	EQ(ask(CM_POLL, 448, 1, 0, 0), 448);
	gone(s);
}

TEST(eventfd_counts)
{
	struct seat *s = fresh();
	uint64_t value = 3;

	EQ(ask(CM_EVENTFD, 2, O_NONBLOCK, 0, 0), 0);
	memcpy(me->win->data, &value, 8);
	EQ(ask(CM_WRITE, 0, 8, POS, 0), 8);
	EQ(ask(CM_READ, 0, 8, POS, 0), 8);
	EQ(*(uint64_t *)me->win->data, 5);
	EQ(ask(CM_READ, 0, 8, POS, 0), -EAGAIN);
	EQ(ask(CM_READ, 0, 7, POS, 0), -EINVAL);
	value = ~0ull - 1;
	memcpy(me->win->data, &value, 8);
	EQ(ask(CM_WRITE, 0, 8, POS, 0), 8);
	EQ(ask(CM_WRITE, 0, 8, POS, 0), -EAGAIN);
	value = ~0ull;
	memcpy(me->win->data, &value, 8);
	EQ(ask(CM_WRITE, 0, 8, POS, 0), -EINVAL);
	EQ(ask(CM_EVENTFD, 2, 1, 0, 0), 1);
	EQ(ask(CM_READ, 1, 8, POS, 0), 8);
	EQ(*(uint64_t *)me->win->data, 1);
	EQ(ask(CM_EVENTFD, 1ull << 32, 0, 0, 0), -EINVAL);
	gone(s);
}

static int64_t
epctl(int op, uint64_t fd, uint32_t events, uint64_t data)
{
	struct l_epoll_event ev = { events, data };

	memcpy(me->win->data, &ev, sizeof(ev));
	return ask(CM_EPOLL_CTL, 2, (uint64_t)op, fd, 0);
}

static uint64_t
ev_data(void)
{
	return ((struct l_epoll_event *)me->win->data)->data;
}

TEST(epoll_level_edge_and_once)
{
	struct seat *s = fresh(), *c;
	uint64_t bell;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	EQ(ask(CM_EPOLL_CREATE, O_CLOEXEC, 0, 0, 0), 2);
	c = fork_of(s);
	EQ(epctl(1, 0, L_POLLIN, 11), 0);
	EQ(epctl(1, 0, L_POLLIN, 11), -EEXIST);
	EQ(epctl(2, 1, L_POLLIN, 11), -ENOENT);
	EQ(epctl(1, 2, L_POLLIN, 11), -ELOOP);
	EQ(epctl(9, 0, L_POLLIN, 11), -EINVAL);
	EQ(open_at("/tmp", O_RDONLY), 3);
	EQ(epctl(1, 3, L_POLLIN, 11), -EPERM);
	EQ(ask(CM_EPOLL_WAIT, 0, 5, 0, 0), -EINVAL);
	EQ(ask(CM_EPOLL_WAIT, 2, 0, 0, 0), -EINVAL);
	bell = s->win->bell;
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 0);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 1, 0), -CM_WAIT);
	as(c);
	EQ(put(1, "x"), 1);
	OK(rang(s, bell));
	as(s);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 1, 0), 1);
	EQ(ev_data(), 11);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 1, 0), 1);
	EQ(epctl(3, 0, L_POLLIN | L_EPOLLET, 12), 0);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 1);
	EQ(ev_data(), 12);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 0);
	EQ(put(1, "x"), 1);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 1);
	EQ(epctl(3, 0, L_POLLIN | L_EPOLLONESHOT, 13), 0);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 1);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 0);
	/* A watched file that is closed is watched no more. */
	EQ(epctl(3, 0, L_POLLIN, 14), 0);
	die(c, 0);
	as(s);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_EPOLL_WAIT, 2, 5, 0, 0), 0);
	EQ(ask(CM_CLOSE, 2, 0, 0, 0), 0);
	gone(s);
	EQ(file_count(), begun_files);
}

/* ---- locks */

static int64_t
setlk(int cmd, short type, int64_t start, int64_t len)
{
	struct flock l = { .l_type = type, .l_start = start, .l_len = len };

	memcpy(me->win->data, &l, sizeof(l));
	return ask(CM_FCNTL, 0, (uint64_t)cmd, 0, 0);
}

TEST(locks_exclude)
{
	struct seat *s = fresh(), *c;
	struct flock l;
	uint64_t bell;

	EQ(open_at("/tmp/lock", O_RDWR | O_CREAT), 0);
	c = fork_of(s);
	EQ(setlk(F_SETLK, F_WRLCK, 10, 10), 0);
	EQ(setlk(F_SETLK, F_UNLCK, 14, 2), 0);
	as(c);
	EQ(setlk(F_SETLK, F_RDLCK, 0, 10), 0);
	EQ(setlk(F_SETLK, F_RDLCK, 0, 11), -EAGAIN);
	EQ(setlk(F_SETLK, F_WRLCK, 14, 2), 0);
	EQ(setlk(F_SETLK, F_WRLCK, 14, 3), -EAGAIN);
	EQ(setlk(F_GETLK, F_WRLCK, 0, 0), 0);
	memcpy(&l, me->win->data, sizeof(l));
	EQ(l.l_type, F_WRLCK);
	EQ(l.l_pid, (int)pid_of(s));
	bell = c->win->bell;
	EQ(setlk(F_SETLKW, F_WRLCK, 10, 2), -CM_WAIT);
	as(s);
	EQ(setlk(F_SETLK, F_UNLCK, 0, 0), 0);
	OK(rang(c, bell));
	as(c);
	EQ(setlk(F_SETLKW, F_WRLCK, 10, 2), 0);
	EQ(setlk(F_SETLK, F_WRLCK, -5, 2), -EINVAL);
	EQ(setlk(F_SETLK, 7, 0, 2), -EINVAL);
	/* Closing any descriptor of the file gives up the process's locks. */
	EQ(open_at("/tmp/lock", O_RDONLY), 1);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	as(s);
	EQ(setlk(F_SETLK, F_WRLCK, 0, 0), 0);
	EQ(setlk(F_SETLK, F_UNLCK, 0, 0), 0);
	/* flock is the open file's: dup and fork share it. */
	EQ(ask(CM_FLOCK, 0, 2, 0, 0), 0);
	as(c);
	EQ(ask(CM_FLOCK, 0, 2 | 4, 0, 0), 0);
	EQ(open_at("/tmp/lock", O_RDONLY), 1);
	EQ(ask(CM_FLOCK, 1, 1 | 4, 0, 0), -EAGAIN);
	EQ(ask(CM_FLOCK, 1, 1, 0, 0), -CM_WAIT);
	EQ(ask(CM_FLOCK, 0, 8, 0, 0), 0);
	EQ(ask(CM_FLOCK, 1, 1 | 4, 0, 0), 0);
	EQ(ask(CM_FLOCK, 1, 3, 0, 0), -EINVAL);
	die(c, 0);
	gone(s);
	as(first);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/lock"), 0, 0), 0);
}

/* The same file lock owned by nobody after the last close. */
TEST(locks_go_with_their_owner)
{
	struct seat *s = fresh();

	for (int i = 0; i < 3000; i++) {
		EQ(open_at("/tmp/lock", O_RDWR | O_CREAT), 0);
		EQ(setlk(F_SETLK, F_WRLCK, i, 1), 0);
		EQ(ask(CM_FLOCK, 0, 2, 0, 0), 0);
		EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	}
	EQ(open_at("/tmp/lock", O_RDWR), 0);
	for (int i = 0; i < 1100; i++) {
		if (setlk(F_SETLK, F_WRLCK, i * 2, 1) == -ENOLCK)
			break;
	}
	EQ(setlk(F_SETLK, F_WRLCK, 100000, 1), -ENOLCK);
	gone(s);
	as(first);
	EQ(open_at("/tmp/lock", O_RDWR), 0);
	EQ(setlk(F_SETLK, F_WRLCK, 0, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/lock"), 0, 0), 0);
}

/* ---- nonsense: requests by chance, by several clients, whatever the words */

static uint64_t seed = 7;

static uint64_t
chance(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 24) % n;
}

static uint64_t
any_word(void)
{
	switch (chance(8)) {
	case 0:
		return chance(1 << 20);
	case 1:
		return ~0ull - chance(300);
	case 2:
		return 1ull << chance(64);
	case 3:
		return chance(5) << 32 | chance(5);
	default:
		return chance(12);
	}
}

static void
any_data(struct seat *s)
{
	static const char *const some[] = { "/tmp/a", "/tmp/b", "/tmp/a/b",
	    "/", ".", "..", "/dev/tty", "/dev/console", "/tmp/p" };
	uint32_t n = (uint32_t)chance(64);
	const char *p = some[chance(9)];

	for (uint32_t i = 0; i < n; i++)
		s->win->data[i] = (uint8_t)chance(256);
	if (chance(2))
		memcpy(s->win->data, p, strlen(p));
	p = some[chance(9)];
	memcpy(s->win->data + CM_SECOND, p, strlen(p));
}

TEST(nonsense_harms_nobody)
{
	struct seat *s[8] = { 0 };
	struct seat *c = fresh();

	EQ(ask(CM_PIPE, O_NONBLOCK, 0, 0, 0), 0 | 1ll << 32);
	for (uint64_t i = 0; i < 300000; i++) {
		struct seat **one = &s[chance(8)];
		uint64_t op = chance(CM_OP_MAX);

		if (*one != NULL && ((*one)->proc == NULL ||
		    (*one)->proc->parent != first->proc))
			*one = NULL;
		if (*one == NULL) {
			as(first);
			*one = fork_of(first);
			continue;
		}
		as(*one);
		any_data(me);
		me->win->sig_ignored = chance(16) == 0 ? any_word() : 0;
		/* Only its own: the others are to live. */
		if ((op == CM_KILL || op == CM_TKILL) && chance(50) != 0)
			op = CM_OPEN;
		(void)ask(op, any_word(), any_word(), any_word(), any_word());
		if (c->proc == NULL)
			break;
		as(c);
		if (i % 64 == 0) {
			EQ(put(1, "ping"), 4);
			IS(got(0, 9), "ping");
		}
		as(first);
		(void)ask(CM_WAIT4, (uint64_t)-1, L_WNOHANG, 0, 0);
		world_now += 1000;
		(void)signal_alarms();
	}
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p != first->proc && p->seats != NULL)
			die(p->seats, 0);
	}
	as(first);
	while (ask(CM_WAIT4, (uint64_t)-1, L_WNOHANG, 0, 0) > 0)
		;
	EQ(proc_count(), 1);
	EQ(fd_count(), begun_fds);
	EQ(file_count(), begun_files);
}

int
main(void)
{
	return tap_main();
}
