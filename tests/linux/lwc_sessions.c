/*
 * lwc_sessions.c - a server of many connections, one event loop, and a bug that
 * lets a client read wherever it likes.  With a context per session it finds
 * nothing of the others'; without, it does.
 * run: --mem 256M
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "scan.h"
#include "tap.h"

#define SESSIONS	32
#define NONCE		32

/* What a client asks, and is told. */
struct message {
	uint32_t op;
	uint32_t result;
	union {
		uint8_t nonce[NONCE];
		struct needles needles;
	};
};
enum { LOGIN = 1, COUNT, OVERREAD, INTRUDE, MAP, LOGOUT };

/* ---- the server */

static int in[SESSIONS], out[SESSIONS];		/* its ends */
static int context[SESSIONS];
static bool isolated;

/* What a session has, wherever its requests are handled.  (Nobody but the bug
 * looks at it, so the compiler must not know that.) */
uint8_t *nonce[SESSIONS], copy[NONCE];
static uint32_t requests[SESSIONS];

static void
all_of(int fd, void *p, size_t n, bool writing)
{
	for (size_t done = 0; done < n;) {
		ssize_t r = writing ? write(fd, (char *)p + done, n - done) :
		    read(fd, (char *)p + done, n - done);

		if (r <= 0) {
			int status = -1;

			waitpid(-1, &status, WNOHANG);
			printf("# the other end is closed: %zd, %x\n", r,
			    (unsigned)status);
			_exit(9);
		}
		done += (size_t)r;
	}
}

/* The bug: what it may look at is all there is. */
static uint32_t
overread(const struct needles *n)
{
	struct scan s = scan_all(n);

	return s.bytes < 1 << 20 ? ~0u : (uint32_t)s.hits;
}

/* Other sessions' descriptors and contexts, by number. */
static uint32_t
intrude(int me)
{
	const uint64_t args[6] = { 0 };
	struct lwc_spec all = { ~0ul, ~0ul, LWC_MEMORY | LWC_SHARE, 0 };
	struct lwc_spec files = { ~0ul, ~0ul, LWC_FILES | LWC_SHARE, 0 };
	uint32_t got = 0;
	char c;

	for (int i = 0; i < SESSIONS; i++) {
		if (i == me)
			continue;
		got += write(out[i], "", 0) != -1;
		got += read(in[i], &c, 0) != -1;
		got += fcntl(in[i], F_GETFL) != -1;
	}
	for (int i = 0; i < 4 * SESSIONS; i++) {
		got += lwc_overlay(i, &all, 1) >= 0;
		got += lwc_overlay(i, &files, 1) >= 0;
		got += lwc_syscall(i, LWC_ALL, SYS_getpid, args) >= 0;
	}
	return got;
}

/* Frames that others have had, if there are any, hold nothing of theirs. */
static uint32_t
fresh(const struct needles *n)
{
	size_t size = 4 << 20;
	volatile char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct scan s;

	for (size_t i = 0; i < size; i += EXO_PAGE)
		(void)p[i];
	s = scan_all(n);
	munmap((void *)p, size);
	return (uint32_t)s.hits;
}

/* One request of one connection.  What else is to be done: */
enum { GO_ON, END_SESSION, END_SERVER };

static uint32_t
serve(int me)
{
	struct message m;
	uint32_t then = GO_ON;

	all_of(in[me], &m, sizeof(m), false);
	requests[me]++;
	switch (m.op) {
	case LOGIN:
		nonce[me] = malloc(NONCE);
		memcpy(nonce[me], m.nonce, NONCE);
		memcpy(copy, m.nonce, NONCE);
		break;
	case COUNT:
		m.result = requests[me];
		break;
	case OVERREAD:
		m.result = overread(&m.needles);
		break;
	case MAP:
		m.result = fresh(&m.needles);
		break;
	case INTRUDE:
		m.result = intrude(me);
		break;
	case LOGOUT:
		requests[me] = 0;
		then = END_SESSION;
		break;
	default:
		then = END_SERVER;
	}
	all_of(out[me], &m, sizeof(m), true);
	return then;
}

/* The pool: each has the two descriptors of its connection, and no others. */
static void
context_make(int i)
{
	const struct lwc_spec specs[] = {
		{ ~0ul, ~0ul, LWC_FILES | LWC_UNMAP, 0 },
		{ (uint64_t)in[i], (uint64_t)in[i], LWC_FILES | LWC_COPY, 0 },
		{ (uint64_t)out[i], (uint64_t)out[i], LWC_FILES | LWC_COPY, 0 },
	};
	uint64_t args[LWC_ARGS];
	int from, n = LWC_ARGS;
	long r = lwc_create(specs, 3, &from, args, &n, 0);

	if (r >= 0) {
		context[i] = (int)r;
		return;
	}
	if (r != LWC_SWITCHED) {
		printf("# no context: %ld\n", r);
		_exit(8);
	}
	for (;;) {
		args[0] = serve(i);
		lwc_switch(from, args, &from);
	}
}

static uint32_t
session_run(int i)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long r;

	if (!isolated)
		return serve(i);
	r = lwc_switch(context[i], args, NULL);
	if (r != LWC_SWITCHED) {
		printf("# no way into session %d: %ld\n", i, r);
		_exit(7);
	}
	if (args[0] == END_SESSION) {
		lwc_close(context[i]);
		context_make(i);
	}
	return (uint32_t)args[0];
}

static void
server(void)
{
	struct pollfd p[SESSIONS];

	for (int i = 0; i < SESSIONS; i++) {
		p[i] = (struct pollfd){ in[i], POLLIN, 0 };
		if (isolated)
			context_make(i);
	}
	for (;;) {
		if (poll(p, SESSIONS, -1) <= 0)
			_exit(6);
		for (int i = 0; i < SESSIONS; i++) {
			if (p[i].revents != 0 && session_run(i) == END_SERVER)
				_exit(0);
		}
	}
}

/* ---- the clients, all of them in this process */

static int to[SESSIONS], from[SESSIONS];
static uint8_t secret[SESSIONS][NONCE];

static uint32_t
ask(int i, struct message *m)
{
	all_of(to[i], m, sizeof(*m), true);
	all_of(from[i], m, sizeof(*m), false);
	return m->result;
}

static uint32_t
ask_op(int i, uint32_t op)
{
	struct message m = { .op = op };

	return ask(i, &m);
}

static void
login(int i)
{
	struct message m = { .op = LOGIN };

	OK(getrandom(secret[i], NONCE, 0) == NONCE);
	memcpy(m.nonce, secret[i], NONCE);
	(void)ask(i, &m);
}

/* Session i looks for what session j was told; -1: for all others'. */
static uint32_t
look_for(int i, int j, uint32_t op)
{
	struct message m = { .op = op };

	for (int k = 0; k < SESSIONS; k++) {
		if (k != i && (j < 0 || k == j))
			needle_add(&m.needles, secret[k], NONCE);
	}
	return ask(i, &m);
}

static pid_t
server_start(bool with)
{
	pid_t pid;
	int a[2], b[2];

	for (int i = 0; i < SESSIONS; i++) {
		if (pipe(a) != 0 || pipe(b) != 0)
			exit(5);
		in[i] = a[0];
		to[i] = a[1];
		from[i] = b[0];
		out[i] = b[1];
	}
	isolated = with;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < SESSIONS; i++) {
			close(to[i]);
			close(from[i]);
		}
		server();
	}
	for (int i = 0; i < SESSIONS; i++) {
		close(in[i]);
		close(out[i]);
	}
	return pid;
}

static void
server_end(pid_t pid)
{
	int status;

	(void)ask_op(0, 0);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	for (int i = 0; i < SESSIONS; i++) {
		close(to[i]);
		close(from[i]);
	}
}

/* Each has a state of its own, in whatever order they come. */
static void
take_turns(void)
{
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < SESSIONS; i++)
			EQ(ask_op((i * 7 + round) % SESSIONS, COUNT), round + 2);
	}
}

TEST(without_contexts_it_finds_them)
{
	pid_t pid = server_start(false);

	for (int i = 0; i < SESSIONS; i++)
		login(i);
	take_turns();
	OK(look_for(5, -1, OVERREAD) >= (SESSIONS - 1) * NONCE / NEEDLE);
	OK(ask_op(5, INTRUDE) > 0);
	server_end(pid);
}

TEST(a_session_finds_nothing_of_the_others)
{
	pid_t pid = server_start(true);

	for (int i = 0; i < SESSIONS; i++)
		login(i);
	take_turns();
	EQ(look_for(5, -1, OVERREAD), 0);
	EQ(look_for(0, -1, OVERREAD), 0);
	EQ(look_for(SESSIONS - 1, 0, MAP), 0);
	server_end(pid);
}

/* The same bug finds its own: it does look. */
TEST(a_session_finds_its_own)
{
	pid_t pid = server_start(true);
	struct message m = { .op = OVERREAD };

	login(3);
	needle_add(&m.needles, secret[3], NONCE);
	OK(ask(3, &m) > 0);
	server_end(pid);
}

TEST(a_session_reaches_no_other_by_number)
{
	pid_t pid = server_start(true);

	for (int i = 0; i < SESSIONS; i++)
		login(i);
	EQ(ask_op(5, INTRUDE), 0);
	EQ(ask_op(6, COUNT), 2);
	server_end(pid);
}

/* A session that ends takes all with it; the next finds frames, not bytes. */
TEST(the_next_session_finds_nothing_of_the_last)
{
	pid_t pid = server_start(true);

	login(3);
	login(4);
	(void)ask_op(3, LOGOUT);
	EQ(look_for(4, 3, MAP), 0);
	EQ(ask_op(3, COUNT), 1);
	EQ(look_for(3, 3, MAP), 0);
	server_end(pid);
}

TAP_MAIN
