/*
 * lwc_edges.c - light-weight contexts: what nobody gets by letting go of
 * something, nor by doubling it, sending it on or taking its place.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "native.h"
#include "tap.h"

#define CREATOR	31

static int
ended(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ?
	    WEXITSTATUS(status) : -1;
}

/* ---- a creator is not its child's to end */

static const volatile struct exo_domain *
domain_of(exo_id id)
{
	return &EXO_DOMAINS[EXO_INDEX(id)];
}

static int
is_alive(exo_id id)
{
	return domain_of(id)->gen == EXO_GEN(id) &&
	    domain_of(id)->state == EXO_DOM_LIVE;
}

/* By the calls, and past them: the exit status says what is wrong. */
static void
let_creator_go(exo_id creator, int past)
{
	exo_id me;

	if (past) {
		if (exo_handle_drop(CREATOR) != 0)
			_exit(1);
		me = EXO_ID(EXO_DOMAINS[lwc_self()].gen, lwc_self());
		if (native_ask(CM_CONTEXT_DROP, creator, me, 0, 0) != -EBUSY)
			_exit(2);
	} else if (lwc_close(CREATOR) != 0)
		_exit(3);
	_exit(is_alive(creator) ? 40 : 4);
}

static int
left_by(int discard, int past)
{
	pid_t pid = fork();

	if (pid == 0) {
		uint64_t args[LWC_ARGS] = { 0 };
		exo_id creator = native_ids().domain;
		long c = lwc_create(NULL, 0, NULL, NULL, NULL, 0);

		if (c == LWC_SWITCHED)
			let_creator_go(creator, past);
		if (discard)
			lwc_discard((int)c, args);
		lwc_switch((int)c, args, NULL);
		_exit(5);
	}
	return ended(pid);
}

TEST(who_is_to_be_come_back_to_stays)
{
	EQ(left_by(0, 0), 40);
	EQ(left_by(0, 1), 40);
	/* Who has gone for good goes. */
	EQ(left_by(1, 0), 4);
}

static uint64_t
nothing(uint64_t arg)
{
	return arg;
}

/* A discarding that fails has let nothing go. */
TEST(a_refused_discard_lets_nothing_go)
{
	const volatile struct exo_domain *d = domain_of(native_ids().domain);
	uint64_t args[LWC_ARGS] = { 0 };
	uint32_t before = d->named;
	long c = child(NULL, 0, 0, nothing);

	EQ(d->named, before + 2);
	EQ(lwc_discard(77, args), -EBADF);
	EQ(d->named, before + 2);
	EQ(lwc_close((int)c), 0);
	EQ(d->named, before);
}

static uint64_t
make_and_close(uint64_t arg)
{
	long c = child(NULL, 0, 0, nothing);

	(void)arg;
	return (uint64_t)lwc_close((int)c);
}

/* One that has made others, and closed them, is its creator's to end. */
TEST(a_child_that_made_others_ends)
{
	uint32_t before = EXO_MACHINE->deaths;
	long c = child(NULL, 0, 0, make_and_close);

	EQ(said(c, 0), 0);
	EQ(EXO_MACHINE->deaths - before, 1);
	EQ(lwc_close((int)c), 0);
	EQ(EXO_MACHINE->deaths - before, 2);
}

/* ---- its number is no descriptor of Linux's */

TEST(a_number_is_not_doubled)
{
	struct lwc_spec s = SPEC(LWC_FILES | LWC_COPY, -1, -1);
	long c = child(&s, 1, 0, nothing);
	char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { room, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	int pair[2], fd = (int)c;

	EQ(dup(fd), -1);
	EQ(fcntl(fd, F_DUPFD, 0), -1);
	EQ(fcntl(fd, F_GETFD), -1);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	EQ(sendmsg(pair[0], &m, 0), -1);
	EQ(errno, EBADF);
	close(pair[0]);
	close(pair[1]);
	EQ(said(c, 5), 5);
	EQ(lwc_close(fd), 0);
}

static uint64_t
overlay_creator(uint64_t at)
{
	struct lwc_spec s = SPEC(LWC_MEMORY, at, at + PAGE);

	return (uint64_t)lwc_overlay(CREATOR, &s, 1);
}

/* Nor inherited: what the parent may, its child may not. */
TEST(not_by_fork)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	struct lwc_spec s = SPEC(LWC_MEMORY, p, p + PAGE);
	uint64_t args[6] = { 0 };
	long c = child(NULL, 0, 0, nothing);
	pid_t pid = fork();

	if (pid == 0) {
		if (lwc_overlay((int)c, &s, 1) != -EBADF ||
		    lwc_switch((int)c, args, NULL) != -EBADF ||
		    lwc_syscall((int)c, LWC_ALL, SYS_getpid, args) != -EBADF ||
		    lwc_restrict((int)c, &s, 1) != -EBADF ||
		    lwc_close((int)c) != -EBADF)
			_exit(1);
		for (uint64_t place = 1; place < 128; place++) {
			if (place != 0 && exo_handle_drop(place) == 0)
				_exit(2);
		}
		_exit(41);
	}
	EQ(ended(pid), 41);
	EQ(lwc_close((int)c), 0);
	munmap(p, PAGE);
}

/* A child opens places of its own for all it knows, and mints handles to its
 * creator with each capability that it has: there is none that does it. */
static uint64_t
mint(uint64_t creator)
{
	exo_id me = EXO_ID(EXO_DOMAINS[lwc_self()].gen, lwc_self());

	for (exo_slot slot = 0; slot < 128; slot++) {
		(void)!exo_handle_open(me, NATIVE_DOMAIN, 20, me);
		(void)!exo_handle_open(me, NATIVE_DOMAIN, 20, creator);
		if (exo_handle_mint(creator, slot, 0, 64, me, 20) == 0 ||
		    exo_handle_open(creator, slot, 90, me) == 0)
			return slot + 1;
	}
	return 0;
}

TEST(no_handle_of_ones_own_making)
{
	long c = child(NULL, 0, 0, mint);

	EQ(said(c, native_ids().domain), 0);
	EQ(lwc_close((int)c), 0);
}

/* What a child has been given of its creator is not more for its child. */
static uint64_t
grandchild_overlays(uint64_t at)
{
	long c = child(NULL, 0, 0, overlay_creator);
	uint64_t own = overlay_creator(at), its = said(c, at);

	return lwc_close((int)c) == 0 && own == 0 ? its : 1;
}

TEST(rights_do_not_nest)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, p, p + PAGE);
	long c;

	p[0] = 1;
	c = child(&s, 1, 0, grandchild_overlays);
	EQ(said(c, (uint64_t)p), -EACCES);
	EQ(lwc_close((int)c), 0);
	munmap(p, PAGE);
}

/* ---- questions, past Castor */

/* What lwc.c asks a creator; the answer. */
static long
ask_creator(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	register uint64_t r10 __asm__("r10") = b;
	register uint64_t r8 __asm__("r8") = c;
	register uint64_t r9 __asm__("r9") = 0;
	uint64_t rax = EXO_NR_BASE + EXO_NR_call, rdi = CREATOR, rsi = op;
	uint64_t rdx = a;

	__asm__ volatile(
	    "push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14\n"
	    "push %%r15; syscall; pop %%r15; pop %%r14; pop %%r13\n"
	    "pop %%r12; pop %%rbp; pop %%rbx"
	    : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10),
	    "+r"(r8), "+r"(r9) : : "rcx", "r11", "memory", "cc");
	return (long)rax < 0 ? (long)rax - NATIVE_REFUSED : (long)rdx;
}

enum { ASK_READ, ASK_WRITE, ASK_AREA, ASK_FILES, ASK_CREDENT,
	ASK_SYSCALL = 7, ASK_TRAP, ASK_LEND };

static exo_id creator_id;

/* How many of them are not refused, to somebody without any right. */
static uint64_t
ask_all(uint64_t at)
{
	exo_id me = EXO_ID(EXO_DOMAINS[lwc_self()].gen, lwc_self());
	uint64_t client = (uint64_t)native_ask(CM_CONTEXT_AT, me, creator_id, 0,
	    0);
	const struct {
		uint64_t op, a, b, c;
	} all[] = {
		{ ASK_READ, at, 8, 0 }, { ASK_WRITE, at, 8, 7 },
		{ ASK_AREA, at, at + PAGE, 0 }, { ASK_AREA, at, at + PAGE, 1 },
		{ ASK_FILES, client, 0, 2 }, { ASK_CREDENT, client, 0, 0 },
		{ ASK_SYSCALL | SYS_getpid << 8, 0, 0, 0 },
		{ ASK_TRAP, 0, 0, 0 }, { ASK_LEND, client, LWC_FILES, 0 },
		{ ASK_LEND, client, LWC_CREDENT, 0 },
		{ ASK_LEND, client, LWC_FILES | LWC_CREDENT, 0 },
	};
	uint64_t n = 0;

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		n += ask_creator(all[i].op, all[i].a, all[i].b, all[i].c) !=
		    -EACCES;
	return (long)client < 0 ? 99 : n;
}

TEST(who_has_no_right_is_told_nothing)
{
	volatile uint64_t *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long c;

	p[0] = 5;
	creator_id = native_ids().domain;
	c = child(NULL, 0, 0, ask_all);
	EQ(said(c, (uint64_t)p), 0);
	EQ(p[0], 5);
	EQ(lwc_close((int)c), 0);
	munmap((void *)p, PAGE);
}

/* Of one page, that page: not a word across its end, nor more than there is. */
static uint64_t
ask_a_page(uint64_t at)
{
	return (ask_creator(ASK_READ, at, 8, 0) == 8 ? 0u : 1u) |
	    (ask_creator(ASK_WRITE, at + 8, 8, 9) == 0 ? 0u : 2u) |
	    (ask_creator(ASK_WRITE, at + PAGE - 4, 8, 9) == -EACCES ? 0u : 4u) |
	    (ask_creator(ASK_WRITE, at - 4, 8, 9) == -EACCES ? 0u : 8u) |
	    (ask_creator(ASK_WRITE, at, 9, 9) == -EACCES ? 0u : 16u) |
	    (ask_creator(ASK_READ, at - 8, 8, 0) == -EACCES ? 0u : 32u) |
	    (ask_creator(ASK_AREA, at, at + 2 * PAGE, 0) == -EACCES ? 0u : 64u) |
	    (ask_creator(ASK_READ, at + PAGE, 8, 0) == -EACCES ? 0u : 128u);
}

TEST(a_right_ends_where_it_ends)
{
	char *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, p + PAGE,
	    p + 2 * PAGE);
	long c;

	memset(p, 1, 3 * PAGE);
	c = child(&s, 1, 0, ask_a_page);
	EQ(said(c, (uint64_t)p + PAGE), 0);
	EQ(p[PAGE - 1], 1);
	EQ(p[PAGE], 1);
	EQ(p[PAGE + 8], 9);
	EQ(p[2 * PAGE], 1);
	EQ(lwc_close((int)c), 0);
	munmap(p, 3 * PAGE);
}

/* ---- a place that was another's */

static volatile int *state;
static char *secret;

enum { INSIDE, CLOSED };

/* A thread in a context of its own, while its creator's other thread closes the
 * descriptor and gives it to one with rights. */
static uint64_t
wait_and_look(uint64_t arg)
{
	struct lwc_spec s = SPEC(LWC_MEMORY, secret, secret + PAGE);

	(void)arg;
	state[INSIDE] = 1;
	while (!state[CLOSED])
		usleep(1000);
	return (uint64_t)lwc_overlay(caller, &s, 1);
}

static volatile long number;
static volatile uint64_t heard;

static void *
other(void *arg)
{
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_SHARE, state, (char *)state +
	    PAGE);
	long c = child(&s, 1, 0, wait_and_look);

	(void)arg;
	number = c;
	heard = said(c, 0);
	return NULL;
}

TEST(a_place_given_anew_is_not_the_old_ones)
{
	struct lwc_spec s;
	pthread_t t;
	long c;

	state = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED |
	    MAP_ANONYMOUS, -1, 0);
	secret = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	secret[0] = 's';
	EQ(pthread_create(&t, NULL, other, NULL), 0);
	while (!state[INSIDE])
		usleep(1000);
	EQ(lwc_close((int)number), 0);
	s = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, secret,
	    secret + PAGE);
	c = child(&s, 1, 0, overlay_creator);
	EQ(c, number);
	EQ(said(c, (uint64_t)secret), 0);
	state[CLOSED] = 1;
	EQ(pthread_join(t, NULL), 0);
	EQ(heard, -EBADF);
	EQ(lwc_close((int)c), 0);
}

TAP_MAIN
