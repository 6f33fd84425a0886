/*
 * test_commons_any.c - any requests in any order: clients that fork, thread, die
 * and ask for nonsense, with windows full of it.  The sanitizers watch; in the
 * end, when all are dead, everything has been given back.
 *
 * Before that, sockets, timers and users, where it matters which errors there are.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <cred.h>
#include <tty.h>

#include "commons.h"

#define ROUNDS	1500000
#define PEOPLE	12

static uint64_t state = 99;

static uint32_t
chance(uint32_t n)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(state >> 33) % n;
}

static uint64_t
word(void)
{
	switch (chance(8)) {
	case 0:
		return chance(2) ? ~0ull : 1ull << chance(64);
	case 1:
		return chance(4000);
	case 2:
		return 04000 | 02000000;
	case 3:
		return (uint64_t)(int64_t)CM_AT_CWD;
	default:
		return chance(12);
	}
}

static const char *const names[] = { "/tmp/a", "/tmp/b", "/tmp/d/x", "b",
	"/tmp/d", "/dev/tty", "/dev/ptmx", "/dev/pts/0", "/dev/pts/1", "/proc",
	"/proc/self/fd/3", "/proc/self/status", "/tmp/../tmp/s", "", "/exo/nosys",
	"/dev/null" };

/* The window: a name, a second one, numbers that might be a struct. */
static uint64_t
fill(void)
{
	const char *one = names[chance(16)], *two = names[chance(16)];
	uint32_t *data = (uint32_t *)(void *)me->win->data;

	for (uint32_t i = 0; i < 64; i++)
		data[i] = chance(3) == 0 ? (uint32_t)word() : 0;
	if (chance(2) == 0)
		memcpy(me->win->data, one, strlen(one));
	memcpy(me->win->data + CM_SECOND, two, strlen(two));
	me->win->sig_blocked = chance(2) ? 0 : 1ull << chance(64);
	me->win->sig_waited = chance(4) ? 0 : 1ull << chance(64);
	me->win->sig_child = chance(4);
	return strlen(one) | (uint64_t)strlen(two) << 32;
}

static struct seat *people[PEOPLE];
static uint32_t did[CM_OP_MAX];	/* that were answered well */

static bool
lives(const struct seat *s)
{
	return s != NULL && s->proc != NULL &&
	    s->proc->leader->state == PROC_LIVE;
}

static uint64_t last_begun;

static uint64_t
people_pid(void)
{
	const struct seat *s = people[chance(PEOPLE)];

	return lives(s) ? pid_of(s) : 1 + chance(50);
}

/* Words as they might be: most requests should come to something. */
static void
one_request(void)
{
	uint64_t op = chance(CM_OP_MAX), len = fill();
	uint64_t a = word(), b = word(), c = word(), d = word();
	int64_t r;

	switch (op) {
	case CM_EXIT:
	case CM_CLOSE_RANGE:
	case CM_THREAD:			/* the make-believe world has no end */
	case CM_CONTEXT:
	case CM_FORK_BEGIN:
		if (chance(300) != 0)
			return;
		break;
	case CM_CLOSE:
		a = chance(200);
		break;
	case CM_CREDS:
		a = chance(100) == 0;
		break;
	case CM_RLIMIT:
		c = chance(100) == 0;
		break;
	case CM_KILL:
	case CM_SIGQUEUE:
	case CM_TKILL:
		a = chance(2) ? pid_of(me) : people_pid();
		if (op != CM_KILL)
			b = chance(2) ? 0 : a;
		c = chance(64);
		if (op == CM_KILL)
			b = chance(30) == 0 ? SIGKILL : 10 + chance(50);
		break;
	case CM_FORK_END:
	case CM_FORK_ABORT:
		a = last_begun;
		break;
	case CM_WAIT4:
		a = ~0ull;
		b |= 1;
		break;
	case CM_SETPGID:
		a = b = 0;
		break;
	case CM_IOCTL:
		b = chance(2) ? 0x5401 + chance(0x30) : 0x80045430;
		break;
	case CM_EPOLL_CTL:
	case CM_EPOLL_WAIT:
		b = 1 + chance(3);
		break;
	case CM_SOCKET:
	case CM_SOCKETPAIR:
		a = 1 + chance(5);
		b = 0;
		break;
	case CM_BIND:
	case CM_CONNECT:
		b = len & 0xff;
		break;
	case CM_SEND:
		((struct cm_msg *)(void *)me->win->data)->namelen = 0;
		((struct cm_msg *)(void *)me->win->data)->nfds = chance(3);
		break;
	case CM_TIMER_NEW:
		b = 0;
		break;
	case CM_TIMER_SET:
	case CM_TIMERFD_SET:
		b = chance(3) == 0 ? ~0ull : world_now + chance(1000000);
		c = chance(100000);
		break;
	case CM_FUTEX_WAIT:
	case CM_FUTEX_WAKE:
		b = 4 * chance(3);
		break;
	case CM_OPEN:
	case CM_STAT:
	case CM_ACCESS:
	case CM_MKNOD:
	case CM_UNLINK:
	case CM_LINK:
	case CM_RENAME:
	case CM_SYMLINK:
	case CM_READLINK:
	case CM_CHMOD:
	case CM_UTIMENS:
	case CM_CHDIR:
		a = (uint64_t)(int64_t)CM_AT_CWD;
		b = op == CM_LINK || op == CM_RENAME || op == CM_SYMLINK ?
		    len : len & 0xff;
		c = op == CM_OPEN && chance(2) ? O_RDWR | O_CREAT :
		    op == CM_LINK || op == CM_RENAME ? a :
		    op == CM_MKNOD ? 0010666 : op == CM_UTIMENS ? 0 : c;
		d = op == CM_OPEN || op == CM_MKNOD ? 0666 : d;
		break;
	}
	r = ask(op, a, b, c, d);
	if (r >= 0)
		did[op]++;
	if (op == CM_FORK_BEGIN && r > 0)
		last_begun = (uint64_t)r;
	if (chance(50) == 0) {
		world_now += chance(1000000);
		(void)signal_alarms();
		settle();
	}
}

static void
one_round(void)
{
	uint32_t i = chance(PEOPLE);

	if (!lives(people[i])) {
		struct seat *parent = people[chance(PEOPLE)];

		people[i] = fork_of(lives(parent) ? parent : &clients[0]);
		return;
	}
	me = people[i];
	one_request();
}

static void
all_die(void)
{
	struct proc *p;

	for (uint32_t i = 0; i < PEOPLE; i++)
		people[i] = NULL;
	me = &clients[0];
	for (;;) {
		for (p = proc_all; p != NULL && (p == proc_init ||
		    p->state != PROC_LIVE); p = p->all_next)
			;
		if (p == NULL)
			break;
		here = NULL;
		proc_died(p, 0);
		settle();
	}
	while (ask(CM_WAIT4, ~0ull, 1, 0, 0) > 0)
		;
	(void)ask(CM_CLOSE_RANGE, 0, 255, 0, 0);
}

/* ---- what some of them say */

static uint64_t
pair(uint64_t type)
{
	int64_t r = ask(CM_SOCKETPAIR, type, 0, 0, 0);

	return r < 0 ? ~0ull : (uint64_t)r;
}

static int64_t
message(uint64_t fd, uint64_t n, uint64_t flags, int32_t pass)
{
	struct cm_msg m = { .nfds = pass >= 0, .fds = { pass } };

	memcpy(me->win->data, &m, sizeof(m));
	return ask(CM_SEND, fd, n, flags, 0);
}

TEST(sockets_refuse)
{
	struct cm_msg m = { 0 };
	uint64_t fds = pair(SOCK_DGRAM);
	int64_t s = ask(CM_SOCKET, SOCK_STREAM, 0, 0, 0);

	EQ(fds, 0 | 1ull << 32);
	EQ(s, 2);
	EQ(ask(CM_SOCKET, 77, 0, 0, 0), -ESOCKTNOSUPPORT);
	EQ(ask(CM_SOCKET, SOCK_STREAM, 1, 0, 0), -EINVAL);
	EQ(message(0, CM_DATA - CM_MSG, 0, -1), CM_DATA - CM_MSG);
	EQ(message(0, CM_DATA - CM_MSG + 1, 0, -1), -EMSGSIZE);
	EQ(message(0, 1, 0, 1), -ETOOMANYREFS);
	EQ(message(0, 1, 0, 99), -EBADF);
	m.nfds = CM_MSG_FDS + 1;
	memcpy(me->win->data, &m, sizeof(m));
	EQ(ask(CM_SEND, 0, 1, 0, 0), -EINVAL);
	m = (struct cm_msg){ .namelen = CM_SUN_PATH + 1 };
	memcpy(me->win->data, &m, sizeof(m));
	EQ(ask(CM_SEND, 0, 1, 0, 0), -EINVAL);
	EQ(message(2, 1, 0, -1), -ENOTCONN);
	EQ(ask(CM_BIND, 2, CM_SUN_PATH + 1, 0, 0), -EINVAL);
	EQ(ask(CM_LISTEN, 2, 1, 0, 0), -EINVAL);
	EQ(ask(CM_ACCEPT, 2, 0, 0, 0), -EINVAL);
	EQ(ask(CM_SHUTDOWN, 2, 0, 0, 0), -ENOTCONN);
	EQ(ask(CM_SHUTDOWN, 0, 3, 0, 0), -EINVAL);
	EQ(ask(CM_SOCKNAME, 2, 1, 0, 0), -ENOTCONN);
	EQ(ask(CM_CONNECT, 2, path("/tmp/none"), 0, 0), -ENOENT);
	EQ(ask(CM_BIND, 2, path("/tmp/sock"), 0, 0), 0);
	EQ(ask(CM_BIND, 2, path("/tmp/sock2"), 0, 0), -EINVAL);
	EQ(ask(CM_LISTEN, 2, 0, 0, 0), 0);
	s = ask(CM_SOCKET, SOCK_STREAM, 0, 0, 0);
	EQ(ask(CM_CONNECT, (uint64_t)s, path("/tmp/sock"), 0, 0), 0);
	EQ(ask(CM_CLOSE, (uint64_t)s, 0, 0, 0), 0);
	s = ask(CM_SOCKET, SOCK_DGRAM, 0, 0, 0);
	EQ(ask(CM_CONNECT, (uint64_t)s, path("/tmp/sock"), 0, 0),
	    -EPROTOTYPE);
	for (uint64_t fd = 0; fd < 4; fd++)
		EQ(ask(CM_CLOSE, fd, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/sock"), 0, 0), 0);
	EQ(file_count(), 0);
}

/* A queue of 16 packets, and room again by reading. */
TEST(queues_are_full_and_empty)
{
	EQ(pair(SOCK_DGRAM), 0 | 1ull << 32);
	for (int i = 0; i < 16; i++)
		EQ(message(0, 10, 0, -1), 10);
	EQ(message(0, 10, MSG_DONTWAIT, -1), -EAGAIN);
	EQ(message(0, 10, 0, -1), -CM_WAIT);
	EQ(ask(CM_RECV, 1, 100, 0, 0), 10);
	EQ(message(0, 10, 0, -1), 10);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(message(0, 10, 0, -1), -ECONNREFUSED);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
}

TEST(a_user_sends_signals_to_his_own)
{
	struct seat *init = &clients[0], *a = fork_of(init);
	struct cm_cred c;

	memset(&c, 0xff, sizeof(c));
	c.uid = c.euid = c.suid = c.fsuid = 5;
	me = init;
	EQ(open_at("/dev/null", O_RDWR), 0);
	me = a;
	memcpy(a->win->data, &c, sizeof(c));
	EQ(ask(CM_CREDS, 1, 0, 0, 0), 0);
	EQ(ask(CM_CREDS, 2, 0, 0, 0), -EINVAL);
	EQ(ask(CM_KILL, 1, SIGTERM, 0, 0), -EPERM);
	EQ(ask(CM_TKILL, 1, 1, SIGTERM, 0), -EPERM);
	EQ(ask(CM_SIGQUEUE, 1, 0, SIGTERM, 0), -EPERM);
	EQ(ask(CM_KILL, ~0ull, SIGTERM, 0, 0), -ESRCH);
	EQ(ask(CM_RLIMIT, 1, 7, 0, 0), -EPERM);
	c.uid = 0;
	c.euid = c.suid = c.fsuid = ~0u;
	memcpy(a->win->data, &c, sizeof(c));
	EQ(ask(CM_CREDS, 1, 0, 0, 0), -EPERM);
	EQ(open_at("/proc/1/status", O_RDONLY), 0);
	EQ(open_at("/proc/1/fd/0", O_RDONLY), -EACCES);
	EQ(ask(CM_READLINK, CWD, path("/proc/1/fd/0"), 0, 0), -EACCES);
	EQ(open_at("/dev/console", O_RDONLY), -EACCES);
	EQ(open_at("/new", O_CREAT | O_WRONLY), -EACCES);
	me = init;
	EQ(ask(CM_KILL, pid_of(a), SIGTERM, 0, 0), 0);
	EQ(a->win->pending, 1ull << (SIGTERM - 1));
	die(a, 0);
	EQ(ask(CM_WAIT4, ~0ull, 0, 0, 0), pid_of(a));
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
}

TEST(timers_run_out)
{
	struct cm_timer t;
	int64_t fd;

	me = &clients[0];
	me->win->pending = 0;
	me->win->sig_blocked = ~0ull;
	EQ(ask(CM_TKILL, 1, 1, SIGUSR1, 0), 0);
	me->win->pending = 0;		/* nobody asks why it came */
	EQ(ask(CM_TIMER_NEW, 65, 0, 0, 0), -EINVAL);
	EQ(ask(CM_TIMER_NEW, SIGUSR1, 99, 0, 0), -EINVAL);
	EQ(ask(CM_TIMER_SET, 0, 0, 0, 0), -EINVAL);
	EQ(ask(CM_TIMER_NEW, SIGUSR1, 0, 1, 0), 0);
	EQ(ask(CM_TIMER_SET, 0, 1ull << 63, 0, 0), -EINVAL);
	EQ(ask(CM_TIMER_SET, 0, world_now + 100, 1000000, 0), 0);
	OK(signal_alarms() == world_now + 100);
	world_now += 3000100;
	(void)signal_alarms();
	EQ(me->win->pending, 1ull << (SIGUSR1 - 1));
	EQ(ask(CM_SIGINFO, SIGUSR1, 0, 0, 0) & 0xff, 0xfe);
	EQ(ask(CM_TIMER_SET, 0, ~0ull, 0, 0), 0);
	memcpy(&t, me->win->data, sizeof(t));
	EQ(t.overrun, 3);
	EQ(t.interval, 1000000);
	EQ(ask(CM_TIMER_END, 0, 0, 0, 0), 0);
	fd = ask(CM_TIMERFD, 0, 1, 0, 0);
	EQ(ask(CM_TIMERFD_SET, (uint64_t)fd, world_now + 5, 0, 0), 0);
	EQ(ask(CM_READ, (uint64_t)fd, 8, POS, 0), -CM_WAIT);
	world_now += 6;
	(void)signal_alarms();
	EQ(ask(CM_READ, (uint64_t)fd, 8, POS, 0), 8);
	EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
	EQ(signal_alarms(), ~0ull);
}

/* Timers go with the process that one of them kills. */
TEST(a_timer_kills)
{
	struct seat *a = fork_of(&clients[0]);

	me = a;
	for (int i = 0; i < 3; i++) {
		EQ(ask(CM_TIMER_NEW, i == 1 ? SIGKILL : SIGUSR1, 0, 1, 0), i);
		EQ(ask(CM_TIMER_SET, (uint64_t)i, world_now + 10, 20, 0), 0);
	}
	me = &clients[0];
	world_now += 15;
	(void)signal_alarms();
	settle();
	EQ(signal_alarms(), ~0ull);
	EQ(ask(CM_WAIT4, ~0ull, 0, 0, 0), pid_of(a));
}

TEST(words_are_waited_for_by_place)
{
	struct seat *a = &clients[0], *b = fork_of(a);
	uint64_t bell;

	me = a;
	EQ(open_at("/tmp/word", O_CREAT | O_RDWR), 0);
	EQ(ask(CM_FUTEX_WAIT, 0, 3, 1, 0), -EINVAL);
	EQ(ask(CM_FUTEX_WAIT, 0, 4, 0, 0), -EINVAL);
	EQ(ask(CM_FUTEX_WAIT, 9, 4, 1, 0), -EBADF);
	EQ(ask(CM_FUTEX_WAIT, 0, 4, 2, 0), -CM_WAIT);
	me = b;
	EQ(open_at("/tmp/word", O_RDWR), 0);
	EQ(ask(CM_FUTEX_WAKE, 0, 8, 1, ~0u), 0);
	EQ(ask(CM_FUTEX_WAKE, 0, 4, 1, 1), 0);
	bell = a->win->bell;
	EQ(ask(CM_FUTEX_WAKE, 0, 4, 5, 2), 1);
	EQ(a->win->bell, bell + 1);
	EQ(ask(CM_FUTEX_WAKE, 0, 4, 5, 2), 0);
	me = a;
	EQ(ask(CM_FUTEX_WAIT, 0, 4, 2, 0), 0);
	EQ(ask(CM_FUTEX_WAIT, 0, 4, 2, 0), -CM_WAIT);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	me = b;
	EQ(ask(CM_FUTEX_WAKE, 0, 4, 5, 2), 0);
	EQ(ask(CM_FUTEX_WAIT, 0, 4, 2, 0), -CM_WAIT);
	die(b, 0);
	me = a;
	EQ(ask(CM_FUTEX_WAKE, 0, 4, 5, 2), 0);
	EQ(ask(CM_WAIT4, ~0ull, 0, 0, 0), pid_of(b));
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/word"), 0, 0), 0);
	EQ(file_count(), 0);
}

TEST(no_timer_runs_out_all_the_time)
{
	me = &clients[0];
	EQ(ask(CM_TIMER_NEW, 0, 0, 1, 0), 0);
	EQ(ask(CM_TIMER_SET, 0, world_now + 10, 1, 0), 0);
	world_now += 10;
	EQ(signal_alarms(), world_now + 50000);
	EQ(ask(CM_TIMER_SET, 0, world_now + 10, 60000, 0), 0);
	world_now += 10;
	EQ(signal_alarms(), world_now + 60000);
	EQ(ask(CM_TIMER_END, 0, 0, 0, 0), 0);
}

/* ---- contexts */

/* A client of its own for this one's process. */
static struct seat *
context_of(struct seat *s, uint64_t kind, enum cm_cred_how how)
{
	struct seat *was = me;
	int64_t n;

	me = s;
	n = ask(CM_CONTEXT, kind | (uint64_t)how << 8, 1, 1, 1);
	OK(n > 0 && ask(CM_CONTEXT_END, (uint64_t)n, 1, 1, 0) == 0);
	me = was;
	return &clients[n];
}

/* Also when what it waited for was put in its window: then the entry would not
 * look whether it may, but for what `waits' is. */
TEST(who_has_no_credentials_gets_none)
{
	struct seat *init = &clients[0], *c;

	me = init;
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ull << 32);
	c = context_of(init, CM_COPY, CM_CREDS_NONE);
	OK(c->waits == &wait_bare);
	me = c;
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	OK(c->waits == &wait_bare);
	EQ(ask(CM_READ, 0, 9, POS, 1), -CM_WAIT);
	me = init;
	EQ(put(1, "x"), 1);
	me = c;
	EQ(c->win->answer, 1);
	OK(c->waits == &wait_bare);
	c->win->answer = 0;
	EQ(open_at("/dev/null", O_RDONLY), -EACCES);
	OK(c->waits == &wait_bare);
	me = init;
	proc_seat_drop(c);
	EQ(ask(CM_CLOSE_RANGE, 0, 1, 0, 0), 0);
	EQ(fd_count(), 0);
}

/* What is the process's a context's child has as it is now. */
TEST(a_context_s_child_is_the_process_s)
{
	struct seat *a = fork_of(&clients[0]), *c, *b;
	struct cm_cred cred;
	uint64_t limit[2] = { 10, 10 };

	c = context_of(a, CM_COPY, CM_CREDS_SHARE);
	me = a;
	EQ(ask(CM_SETNAME, path("new"), 0, 0, 0), 0);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(a));
	memcpy(me->win->data, limit, sizeof(limit));
	EQ(ask(CM_RLIMIT, 0, L_RLIMIT_NOFILE, 1, 0), 0);
	b = fork_of(c);
	EQ(b->proc->sid, pid_of(a));
	EQ(b->proc->pgid, pid_of(a));
	EQ(b->proc->limit[L_RLIMIT_NOFILE][1], 10);
	EQ(strcmp(b->proc->comm, "new"), 0);
	die(b, 0);
	/* And it counts for whom it is now. */
	me = a;
	memset(&cred, 0xff, sizeof(cred));
	limit[0] = 1;
	memcpy(me->win->data, limit, sizeof(limit));
	EQ(ask(CM_RLIMIT, 0, L_RLIMIT_NPROC, 1, 0), 0);
	cred.uid = 5;
	memcpy(me->win->data, &cred, sizeof(cred));
	EQ(ask(CM_CREDS, 1, 0, 0, 0), 0);
	OK(fork_of(c) == NULL);
	die(a, 0);
	me = &clients[0];
	while (ask(CM_WAIT4, ~0ull, 1, 0, 0) > 0)
		;
	EQ(proc_count(), 1);
}

/* Who was in here when its process was stopped stops as it leaves. */
TEST(a_request_of_the_stopped_stops_it)
{
	struct seat *init = &clients[0], *a = fork_of(init), *c;
	unsigned stops;

	c = context_of(a, CM_COPY, CM_CREDS_COPY);
	me = init;
	EQ(ask(CM_KILL, pid_of(a), SIGSTOP, 0, 0), 0);
	stops = world_stops;
	me = a;
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	EQ(world_stops, stops + 1);
	me = c;
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	EQ(world_stops, stops + 2);
	me = init;
	EQ(ask(CM_KILL, pid_of(a), SIGCONT, 0, 0), 0);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	EQ(world_stops, stops + 2);
	die(a, 0);
	me = init;
	EQ(ask(CM_WAIT4, ~0ull, 0, 0, 0), pid_of(a));
}

/* ---- shares */

static uint32_t
contexts_of(struct seat *s, uint64_t kind, int64_t error)
{
	uint32_t n = 0;
	int64_t r;

	me = s;
	while ((r = ask(CM_CONTEXT, kind, 1, 1, 1)) > 0)
		n++;
	EQ(r, error);
	return n;
}

static void
contexts_drop(void)
{
	for (uint32_t i = 0; i < CLIENTS; i++) {
		if (clients[i].proc != NULL && clients[i].context)
			proc_seat_drop(&clients[i]);
	}
}

/* Until it is told that there are no more. */
static uint32_t
descriptors_of(struct seat *s, int64_t error)
{
	uint32_t n = s->proc->nfds;
	int64_t r;

	me = s;
	if (n == 0)
		EQ(open_at("/dev/null", O_RDWR), n++);
	while ((r = ask(CM_DUP, 0, 0, 0, 0)) >= 0)
		n++;
	EQ(r, error);
	return n;
}

static void
becomes(struct seat *s, uint32_t uid)
{
	struct cm_cred cred;

	memset(&cred, 0xff, sizeof(cred));
	cred.uid = cred.euid = cred.suid = cred.fsuid = uid;
	memcpy(s->win->data, &cred, sizeof(cred));
	me = s;
	EQ(ask(CM_CREDS, 1, 0, 0, 0), 0);
}

static void
alone_again(void)
{
	all_die();
	EQ(fd_count(), 0);
	EQ(file_count(), 0);
	EQ(me->proc->over, 0);
	EQ(proc_count(), 1);
}

/* Contexts take neither the places of processes nor all descriptors. */
TEST(contexts_keep_nobody_from_forking)
{
	struct seat *init = &clients[0], *a = fork_of(init), *b;

	EQ(contexts_of(init, CM_NONE, -EAGAIN), 64);
	EQ(contexts_of(a, CM_NONE, -EAGAIN), 64);
	EQ(proc_count(), 2);
	b = fork_of(init);
	OK(b != NULL);
	EQ(contexts_of(b, CM_NONE, -EAGAIN), 0);
	contexts_drop();
	die(a, 0);
	me = init;
	EQ(open_at("/dev/null", O_RDWR), 0);
	for (uint64_t fd = 1; fd < 216; fd++)
		EQ(ask(CM_DUP, 0, 0, 0, 0), (int64_t)fd);
	/* 1024 of 200 each, and its own. */
	EQ(contexts_of(init, CM_COPY, -ENFILE), 4);
	a = fork_of(init);
	OK(a != NULL);
	EQ(ask(CM_DUP, 0, 0, 0, 0), 216);
	contexts_drop();
	alone_again();
}

/* A user who is not root has his part of the processes, and of threads. */
TEST(a_user_s_share_of_tasks)
{
	struct seat *init = &clients[0], *a = fork_of(init);
	uint32_t n = 1;

	becomes(a, 5);
	for (; n < 10; n++)
		OK(ask(CM_THREAD, 1, 1, 1, 0) > 0);
	EQ(proc_tasks(a->proc), 10);
	while (n < 300 && fork_of(a) != NULL)
		n++;
	EQ(n, 64);
	EQ(ask(CM_THREAD, 1, 1, 1, 0), -EAGAIN);
	OK(fork_of(init) != NULL);
	me = init;
	OK(ask(CM_THREAD, 1, 1, 1, 0) > 0);
	proc_seat_drop(init->next);
	alone_again();
}

/* What is one's limit is so for all of his processes together; root's count
 * each alone. */
TEST(a_user_s_share_of_contexts)
{
	struct seat *init = &clients[0], *a = fork_of(init), *b;

	becomes(a, 5);
	b = fork_of(a);
	EQ(contexts_of(a, CM_NONE, -EAGAIN), 64);
	EQ(contexts_of(b, CM_NONE, -EAGAIN), 0);
	EQ(contexts_of(init, CM_NONE, -EAGAIN), 64);
	contexts_drop();
	alone_again();
}

TEST(a_user_s_share_of_descriptors)
{
	struct seat *init = &clients[0], *a = fork_of(init), *b[10];
	uint32_t over = 8 * (256 - 16);	/* of half of the stock */

	becomes(a, 5);
	for (int i = 0; i < 10; i++)
		b[i] = fork_of(a);
	for (int i = 0; i < 8; i++)
		EQ(descriptors_of(b[i], -EMFILE), 256);
	EQ(descriptors_of(b[8], -ENFILE), 16 + 2048 - over);
	EQ(descriptors_of(b[9], -ENFILE), 16);
	OK(fork_of(b[9]) != NULL);
	OK(fork_of(b[0]) == NULL);	/* with all that it has */
	for (int i = 0; i < 8; i++)
		EQ(descriptors_of(fork_of(init), -EMFILE), 256);
	EQ(descriptors_of(fork_of(init), -ENFILE), 16 + 2048 - over);
	/* Nothing is left, and everybody has what is sure. */
	EQ(descriptors_of(fork_of(init), -ENFILE), 16);
	alone_again();
}

/* A client takes from whom it said, once, and none of the image's own. */
TEST(a_context_is_given_what_it_takes)
{
	struct seat *init = &clients[0], *c;
	int64_t r;

	me = init;
	EQ(open_at("/dev/null", O_RDWR), 0);
	EQ(ask(CM_DUP, 0, CM_FDS, 0, 0), CM_FDS);
	r = ask(CM_CONTEXT, CM_NONE | CM_CREDS_NONE << 8, 1, 1, 1);
	OK(r > 0);
	c = &clients[r];
	EQ(ask(CM_CLOSE, CM_FDS, 0, 0, 0), 0);
	EQ(ask(CM_DUP, 0, CM_FDS + 1, 0, 0), CM_FDS + 1);
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, 9, 0), -EACCES);
	EQ(ask(CM_CONTEXT_AT, 5, 0, 0, 0), init->index);
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, 9, 0), -EACCES);
	me = c;
	EQ(ask(CM_CONTEXT_AT, 77, 6, 0, 0), r);
	me = init;
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, 9, 0), -EACCES);
	EQ(c->proc->nfds, 1);
	me = c;
	EQ(ask(CM_CONTEXT_AT, 77, 5, 0, 0), r);
	me = init;
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r + 1, 0, 9, 0), -EACCES);
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, ~0ull, 0), 0);
	EQ(c->proc->nfds, 2);
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, 9, 0), -EACCES);
	me = c;
	EQ(ask(CM_FCNTL, 0, F_GETFD, 0, 0), 0);
	EQ(ask(CM_FCNTL, CM_FDS + 1, F_GETFD, 0, 0), -EBADF);
	EQ(ask(CM_CONTEXT_AT, 77, 5, 0, 0), r);
	EQ(c->proc->cred.uid, 65534);
	me = init;
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, ~0ull, 0, 0), 0);
	EQ(c->proc->cred.uid, 0);
	contexts_drop();
	init->domain = 0;
	EQ(ask(CM_CLOSE, CM_FDS + 1, 0, 0, 0), 0);
	alone_again();
}

/* As many as there may be; nothing is lost of the first that may not. */
TEST(a_context_is_given_no_more_than_there_is)
{
	struct seat *init = &clients[0], *c;
	int64_t r;

	me = init;
	EQ(open_at("/dev/null", O_RDWR), 0);
	for (uint64_t fd = 1; fd < 216; fd++)
		EQ(ask(CM_DUP, 0, 0, 0, 0), (int64_t)fd);
	r = ask(CM_CONTEXT, CM_NONE, 1, 1, 1);
	OK(r > 0);
	c = &clients[r];
	EQ(contexts_of(init, CM_COPY, -ENFILE), 4);
	EQ(ask(CM_CONTEXT_AT, 5, 0, 0, 0), init->index);
	me = c;
	EQ(ask(CM_CONTEXT_AT, 77, 5, 0, 0), r);
	me = init;
	EQ(ask(CM_CONTEXT_GIVE, (uint64_t)r, 0, 255, 0), -ENFILE);
	EQ(c->proc->nfds, 16 + 1024 - 5 * 200);
	EQ(file_count(), 1);
	contexts_drop();
	init->domain = 0;
	alone_again();
}

/* The last end of a terminal goes while a thread waits for it, by an epoll. */
TEST(a_terminal_ends_under_who_waits)
{
	struct l_epoll_event ev = { L_EPOLLET | L_POLLIN, 7 };
	struct seat *init = &clients[0], *t;
	uint64_t bell;

	me = init;
	OK(ask(CM_THREAD, 1, 1, 1, 0) > 0);
	t = init->next;
	EQ(open_at("/dev/ptmx", O_RDWR | O_NOCTTY), 0);
	EQ(open_at("/dev/pts/0", O_RDWR | O_NOCTTY), 1);
	EQ(ask(CM_EPOLL_CREATE, 0, 0, 0, 0), 2);
	memcpy(me->win->data, &ev, sizeof(ev));
	EQ(ask(CM_EPOLL_CTL, 2, L_EPOLL_CTL_ADD, 1, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	me = t;
	EQ(ask(CM_EPOLL_WAIT, 2, 9, 1, 0), 1);
	EQ(ask(CM_EPOLL_WAIT, 2, 9, 1, 0), -CM_WAIT);
	bell = t->win->bell;
	me = init;
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(t->win->bell, bell + 2);	/* it waited to read, and to write */
	OK(pty_tty(0) == NULL);
	me = t;
	EQ(ask(CM_CLOSE, 2, 0, 0, 0), 0);
	me = init;
	proc_seat_drop(t);
	EQ(file_count(), 0);
}

/* ---- anything, last: it leaves the files as they come */

#define REQUEST_NAME(nr, name)	[nr] = #name,
static const char *const op_names[CM_OP_MAX] = { CM_OPS(REQUEST_NAME) };
static const bool rare[CM_OP_MAX] = {	/* take more than luck */
	[CM_GETDENTS] = true, [CM_UTIMENS] = true, [CM_CONTEXT_CLOSE] = true,
	[CM_STOP] = true, [CM_FUTEX_WAIT] = true, [CM_ACCEPT] = true,
	[CM_EXECED] = true,
};

TEST(any_requests_in_any_order)
{
	EQ(ask(CM_MKNOD, CWD, path("/tmp/d"), 0040777, 0), 0);
	for (int i = 0; i < ROUNDS; i++)
		one_round();
	all_die();
	for (uint32_t op = 0; op < CM_OP_MAX; op++) {
		if (op_names[op] == NULL || did[op] > 0 || rare[op])
			continue;
		printf("# %s was never answered well\n", op_names[op]);
		OK(did[op] > 0);
	}
	EQ(proc_count(), 1);
	EQ(fd_count(), 0);
	EQ(file_count(), 0);
	OK(pty_tty(0) == NULL);
	EQ(timers_run(~0ull >> 2), ~0ull);
}

int
main(void)
{
	begin(NULL, 0);
	return tap_main();
}
