/*
 * lwc_rights.c - light-weight contexts: what a child has of its creator, what it
 * may have, and what it can't get by any call.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "native.h"
#include "tap.h"


static sigjmp_buf jump;

static void
on_fault(int sig)
{
	(void)sig;
	siglongjmp(jump, 1);
}

/* Can this address be read?  Here. */
static int
readable(const volatile char *p)
{
	signal(SIGSEGV, on_fault);
	signal(SIGBUS, on_fault);
	if (sigsetjmp(jump, 1) != 0)
		return 0;
	(void)*p;
	return 1;
}

static uint64_t
try_read(uint64_t at)
{
	return (uint64_t)readable((const char *)at);
}

TEST(unmapped_memory_is_not_there)
{
	char *p = pages(1024 * PAGE);
	struct lwc_spec s[] = {
		SPEC(LWC_MEMORY | LWC_UNMAP, p + 3 * PAGE, p + 700 * PAGE),
		SPEC(LWC_MEMORY | LWC_COPY, p + 10 * PAGE, p + 11 * PAGE),
	};
	long c;

	memset(p, 'x', 1024 * PAGE);
	c = child(s, 2, 0, try_read);
	OK(c >= 0);
	EQ(said(c, (uint64_t)p), 1);
	EQ(said(c, (uint64_t)p + 2 * PAGE), 1);
	EQ(said(c, (uint64_t)p + 3 * PAGE), 0);
	EQ(said(c, (uint64_t)p + 9 * PAGE), 0);
	EQ(said(c, (uint64_t)p + 10 * PAGE), 1);
	EQ(said(c, (uint64_t)p + 11 * PAGE), 0);
	EQ(said(c, (uint64_t)p + 699 * PAGE), 0);
	EQ(said(c, (uint64_t)p + 700 * PAGE), 1);
	EQ(said(c, (uint64_t)p + 1023 * PAGE), 1);
	EQ(p[3 * PAGE], 'x');
	EQ(lwc_close((int)c), 0);
	munmap(p, 1024 * PAGE);
}

/* A page without rights lies somewhere else. */
TEST(nor_where_it_was_put_aside)
{
	char *p = pages(4 * PAGE);
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_UNMAP, p, p + 2 * PAGE);
	long c;

	memset(p, 'x', 4 * PAGE);
	EQ(mprotect(p, 4 * PAGE, PROT_NONE), 0);
	c = child(&s, 1, 0, try_read);
	OK(c >= 0);
	EQ(mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE), 0);
	EQ(p[0], 'x');
	/* 240 is where pages of the first slot wait, 241 those of the last. */
	EQ(said(c, (uint64_t)p), 0);
	EQ(said(c, (uint64_t)p + 2 * 0x8000000000ul), 0);
	EQ(said(c, (uint64_t)p + 2 * 0x8000000000ul + 2 * PAGE), 1);
	EQ(lwc_close((int)c), 0);
	munmap(p, 4 * PAGE);
}

static uint64_t
write_there(uint64_t at)
{
	if (at == 0)
		return 0;
	*(volatile uint64_t *)at += 1;
	return *(volatile uint64_t *)at;
}

TEST(shared_memory_is_the_same)
{
	uint64_t *p = (uint64_t *)pages(8 * PAGE);
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_SHARE, (char *)p,
	    (char *)p + 4 * PAGE);
	long c;

	p[0] = 5;
	p[512 * 4] = 5;
	c = child(&s, 1, 0, write_there);
	OK(c >= 0);
	EQ(p[0], 5);
	EQ(said(c, (uint64_t)p), 6);
	EQ(p[0], 6);
	p[0] = 10;
	EQ(said(c, (uint64_t)p), 11);
	p[600] = 3;
	EQ(said(c, (uint64_t)&p[600]), 4);
	EQ(p[600], 4);
	/* What is beside it is a copy. */
	EQ(said(c, (uint64_t)&p[512 * 4]), 6);
	EQ(p[512 * 4], 5);
	EQ(lwc_close((int)c), 0);
	munmap(p, 8 * PAGE);
}

static uint64_t
is_open(uint64_t fd)
{
	return fcntl((int)fd, F_GETFD) >= 0;
}

TEST(descriptors_by_ranges)
{
	int a = open("/", O_RDONLY), b = dup2(a, 100);
	struct lwc_spec s[] = {
		SPEC(LWC_FILES | LWC_COPY, -1, -1),
		SPEC(LWC_FILES | LWC_UNMAP, 90, 110),
	};
	struct lwc_spec none = SPEC(LWC_FILES | LWC_UNMAP, -1, -1);
	long c = child(s, 2, 0, is_open), d = child(&none, 1, 0, is_open);

	OK(a >= 0 && b == 100);
	EQ(said(c, (uint64_t)a), 1);
	EQ(said(c, 100), 0);
	EQ(said(c, 1), 1);
	EQ(said(d, (uint64_t)a), 0);
	EQ(said(d, 100), 0);
	EQ(said(d, 1), 0);
	close(a);
	EQ(said(c, (uint64_t)a), 1);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)d), 0);
	close(b);
}

static uint64_t
open_null(uint64_t fd)
{
	if (fd != 0)
		return (uint64_t)close((int)fd);
	return (uint64_t)open("/dev/null", O_RDWR);
}

TEST(a_shared_table_is_one)
{
	struct lwc_spec s = SPEC(LWC_FILES | LWC_SHARE, -1, -1);
	long c = child(&s, 1, 0, open_null);
	uint64_t fd = said(c, 0);

	OK((long)fd > 2);
	EQ(fcntl((int)fd, F_GETFD), 0);
	EQ(said(c, fd), 0);
	EQ(fcntl((int)fd, F_GETFD), -1);
	EQ(lwc_close((int)c), 0);
}

static uint64_t
set_uid(uint64_t uid)
{
	return uid == 0 ? (uint64_t)getuid() : (uint64_t)setuid((uid_t)uid);
}

TEST(credentials_copied)
{
	long c = child(NULL, 0, 0, set_uid);

	EQ(said(c, 1000), 0);
	EQ(said(c, 0), 1000);
	EQ(getuid(), 0);
	EQ(lwc_close((int)c), 0);
}

static uint64_t
open_file(uint64_t how)
{
	if (how == 1)
		return (uint64_t)kill(1, 0) == 0;
	if (how == 2)
		return (uint64_t)(syscall(SYS_fork) >= 0);
	return open("/", O_RDONLY) >= 0;
}

TEST(without_credentials_nothing_is_opened)
{
	struct lwc_spec s = SPEC(LWC_CREDENT | LWC_UNMAP, -1, -1);
	long c = child(&s, 1, 0, open_file), d = child(NULL, 0, 0, open_file);

	EQ(said(c, 0), 0);
	EQ(said(c, 1), 0);
	EQ(said(c, 2), 0);
	EQ(said(d, 0), 1);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)d), 0);
}

/* ---- overlay */

static char *volatile theirs;

static uint64_t
fill(uint64_t with)
{
	memset(theirs, (int)with, 3 * PAGE);
	return 0;
}

TEST(a_creator_overlays_its_child)
{
	struct lwc_spec s;
	long c;

	theirs = pages(4 * PAGE);
	memset(theirs, 'a', 4 * PAGE);
	c = child(NULL, 0, 0, fill);
	EQ(said(c, 'b'), 0);
	EQ(theirs[0], 'a');
	s = (struct lwc_spec)SPEC(LWC_MEMORY, theirs, theirs + 2 * PAGE);
	EQ(lwc_overlay((int)c, &s, 1), 0);
	EQ(theirs[0], 'b');
	EQ(theirs[2 * PAGE - 1], 'b');
	EQ(theirs[2 * PAGE], 'a');
	/* A copy: it goes its own way. */
	theirs[0] = 'c';
	EQ(said(c, 'd'), 0);
	EQ(theirs[0], 'c');
	EQ(theirs[1], 'b');
	EQ(lwc_restrict((int)c, &s, 1), 0);
	EQ(lwc_overlay((int)c, &s, 1), -EACCES);
	s = (struct lwc_spec)SPEC(LWC_MEMORY, theirs + 2 * PAGE,
	    theirs + 3 * PAGE);
	EQ(lwc_overlay((int)c, &s, 1), 0);
	EQ(theirs[2 * PAGE], 'd');
	EQ(lwc_close((int)c), 0);
	munmap(theirs, 4 * PAGE);
}

/* One that nobody has entered yet. */
TEST(a_creator_overlays_a_newborn)
{
	struct lwc_spec s;
	uint64_t args[6] = { 0 };
	long c;

	theirs = pages(3 * PAGE);
	theirs[0] = 'a';
	c = child(NULL, 0, 0, fill);
	theirs[0] = 'b';
	s = (struct lwc_spec)SPEC(LWC_MEMORY, theirs, theirs + PAGE);
	EQ(lwc_overlay((int)c, &s, 1), 0);
	EQ(theirs[0], 'a');
	EQ(lwc_syscall((int)c, LWC_ALL, SYS_getpid, args), getpid());
	/* It is made by that, once. */
	s = (struct lwc_spec)SPEC(LWC_MEMORY, theirs, theirs + PAGE);
	EQ(lwc_restrict((int)c, &s, 1), 0);
	EQ(lwc_overlay((int)c, &s, 1), -EACCES);
	EQ(said(c, 'd'), 0);
	EQ(lwc_overlay((int)c, &s, 1), -EACCES);
	EQ(lwc_close((int)c), 0);
	munmap(theirs, 3 * PAGE);
}

static uint64_t
overlay_mine(uint64_t at)
{
	struct lwc_spec s = SPEC(LWC_MEMORY, at, at + PAGE);
	long r = lwc_overlay(caller, &s, 1);

	return r < 0 ? (uint64_t)r : *(volatile uint64_t *)at;
}

TEST(a_child_overlays_what_it_may)
{
	uint64_t *p = (uint64_t *)pages(4 * PAGE);
	struct lwc_spec s = SPEC(LWC_MEMORY | LWC_MAY_OVERLAY,
	    (char *)p + PAGE, (char *)p + 2 * PAGE);
	long c;

	memset(p, 0, 4 * PAGE);
	c = child(&s, 1, 0, overlay_mine);
	p[0] = p[512] = p[1024] = 77;
	EQ(said(c, (uint64_t)p), -EACCES);
	EQ(said(c, (uint64_t)(p + 512)), 77);
	EQ(said(c, (uint64_t)(p + 1024)), -EACCES);
	EQ(said(c, (uint64_t)(p + 512) - 8), -EINVAL);
	EQ(lwc_close((int)c), 0);
	munmap(p, 4 * PAGE);
}

static uint64_t
overlay_files(uint64_t fd)
{
	struct lwc_spec s = SPEC(LWC_FILES, fd, fd);

	return fd == 0 ? (uint64_t)open("/dev/null", O_RDONLY) :
	    (uint64_t)lwc_overlay(caller, &s, 1);
}

TEST(descriptors_are_overlaid)
{
	struct lwc_spec s = SPEC(LWC_FILES | LWC_UNMAP, -1, -1), take;
	long c = child(&s, 1, 0, overlay_files);
	uint64_t fd = said(c, 0);

	EQ(fd, 0);
	EQ(said(c, 1), -EACCES);
	take = (struct lwc_spec)SPEC(LWC_FILES, fd, fd);
	EQ(dup2(1, 200), 200);
	close(200);
	EQ(lwc_overlay((int)c, &take, 1), 0);
	EQ(lwc_close((int)c), 0);
}

/* ---- system calls of others */

static uint64_t
path_at(uint64_t at)
{
	static char path[32];

	if (at == 1)
		strcpy(path, "/dev/null");
	return (uint64_t)path;
}

TEST(system_calls_for_a_child)
{
	struct lwc_spec s = SPEC(LWC_FILES | LWC_UNMAP, -1, -1);
	long c = child(&s, 1, 0, path_at);
	uint64_t path = said(c, 1);
	uint64_t args[6] = { (uint64_t)AT_FDCWD, path, O_RDONLY };
	long fd;

	/* Its memory, my descriptors: here that string is empty. */
	EQ(*(char *)path, 0);
	fd = lwc_syscall((int)c, LWC_MEMORY, SYS_openat, args);
	OK(fd > 2);
	EQ(fcntl((int)fd, F_GETFD), 0);
	close((int)fd);
	EQ(lwc_syscall((int)c, 0, SYS_openat, args), -ENOENT);
	/* All its own. */
	EQ(lwc_syscall((int)c, LWC_ALL, SYS_openat, args), 0);
	args[0] = 0;
	EQ(lwc_syscall((int)c, LWC_ALL, SYS_close, args), 0);
	EQ(lwc_syscall((int)c, LWC_ALL, SYS_close, args), -EBADF);
	EQ(lwc_syscall((int)c, LWC_ALL, SYS_execve, args), -ENOSYS);
	EQ(lwc_syscall(3, LWC_ALL, SYS_close, args), -EBADF);
	EQ(lwc_close((int)c), 0);
}

static uint64_t
syscall_up(uint64_t mask)
{
	uint64_t args[6] = { 0 };

	return (uint64_t)lwc_syscall(caller, (unsigned)mask, SYS_getuid, args);
}

static uint64_t
trapped_up(uint64_t arg)
{
	uint64_t six[6] = { arg };

	return (uint64_t)lwc_trapped(caller, six);
}

/* What a creator last called, and what with, is not its child's to know; nor
 * the other way round. */
TEST(no_arguments_for_others)
{
	uint64_t six[6];
	long c = child(NULL, 0, 0, trapped_up);

	EQ(said(c, 1), -EACCES);
	EQ(lwc_trapped((int)c, six), -EACCES);
	EQ(lwc_close((int)c), 0);
}

/* Who has a client of his own passes for nobody else's domain, to whom another
 * context might be about to take descriptors from. */
static uint64_t
says_it_is(uint64_t domain)
{
	return (uint64_t)native_ask(CM_CONTEXT_AT, domain, 0, 0, 0);
}

TEST(a_client_of_ones_own_is_in_one_place)
{
	long c = child(NULL, 0, 0, says_it_is);

	EQ(said(c, native_ids().domain), -EINVAL);
	EQ(lwc_close((int)c), 0);
}

static uint64_t
domain_of(uint64_t arg)
{
	(void)arg;
	return native_ids().domain;
}

/* The other domain of this process, but these. */
static uint64_t
domain_beside(uint64_t mine, uint64_t its)
{
	uint32_t acct = EXO_INDEX(native_ids().acct);

	for (uint32_t i = 1; i < EXO_MACHINE->ndomains; i++) {
		const volatile struct exo_domain *d = &EXO_DOMAINS[i];

		if (d->state == EXO_DOM_LIVE && d->account == acct &&
		    i != EXO_INDEX(mine) && i != EXO_INDEX(its))
			return EXO_ID(d->gen, i);
	}
	return 0;
}

TEST(who_shares_a_client_is_not_where_another_is)
{
	struct lwc_spec all = SPEC(LWC_FILES | LWC_SHARE, -1, -1);
	long c = child(NULL, 0, 0, domain_of), shared = child(&all, 1, 0,
	    domain_of);
	uint64_t its = said(c, 0), mine = native_ids().domain, other;

	OK(its != 0 && its != ~0ul && its != mine);
	other = domain_beside(mine, its);
	OK(other != 0);
	EQ(native_ask(CM_CONTEXT_AT, its, 0, 0, 0), -EINVAL);
	EQ(native_ids().domain, mine);
	OK(native_ask(CM_CONTEXT_AT, other, 0, 0, 0) >= 0);
	EQ(native_ids().domain, other);
	EQ(native_ask(CM_CONTEXT_AT, its, 0, 0, 0), -EINVAL);
	OK(native_ask(CM_CONTEXT_AT, mine, 0, 0, 0) >= 0);
	EQ(said(c, 0), its);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)shared), 0);
}

/* 0: make another context that shares this one's client; 1: close it; 2: open a
 * place for the commons; else say that this is where I am. */
#define PLACE	40u

static uint64_t
shares_and_says(uint64_t domain)
{
	struct lwc_spec all = SPEC(LWC_FILES | LWC_SHARE, -1, -1);
	static long shared;

	if (domain == 0) {
		shared = child(&all, 1, 0, domain_of);
		return shared < 0 ? 0 : native_ids().domain;
	}
	if (domain == 1)
		return (uint64_t)lwc_close((int)shared);
	if (domain == 2)
		return (uint64_t)exo_handle_open(native_ids().domain,
		    NATIVE_DOMAIN, PLACE, NATIVE_WINDOW->commons);
	return says_it_is(domain);
}

/* Two clients, each of two domains. */
TEST(who_shares_a_client_is_in_no_domain_of_another)
{
	struct lwc_spec all = SPEC(LWC_FILES | LWC_SHARE, -1, -1);
	uint64_t mine = native_ids().domain, other, its;
	long shared = child(&all, 1, 0, domain_of), c, me;

	other = domain_beside(mine, mine);
	c = child(NULL, 0, 0, shares_and_says);
	its = said(c, 0);
	OK(other != 0 && its != 0 && its != other);
	OK((long)said(c, its) >= 0);
	OK(native_ask(CM_CONTEXT_AT, other, 0, 0, 0) >= 0);
	EQ(said(c, mine), -EINVAL);
	me = native_ask(CM_CONTEXT_AT, mine, 0, 0, 0);
	OK(me >= 0);
	EQ(said(c, other), -EINVAL);
	/* Nor is a domain another's by a second handle, or in his place. */
	EQ(said(c, 2), 0);
	EQ(native_ask(CM_CONTEXT_END, (uint64_t)me, its, PLACE, 0), -EINVAL);
	EQ(native_ask(CM_CONTEXT_AT, its, 0, 0, 0), -EINVAL);
	EQ(native_ask(CM_CONTEXT_DROP, other, its, 0, 0), -EINVAL);
	OK((long)said(c, its) >= 0);
	EQ(said(c, 1), 0);
	EQ(lwc_close((int)c), 0);
	EQ(lwc_close((int)shared), 0);
}

static uint64_t
shared_goes(uint64_t creator)
{
	struct lwc_spec all = SPEC(LWC_FILES | LWC_SHARE, -1, -1);
	long c = child(&all, 1, 0, domain_of);
	uint64_t its = domain_beside(creator, native_ids().domain);
	int fd;

	if (native_ask(CM_CONTEXT_AT, its, 0, 0, 0) < 0 ||
	    lwc_close((int)c) != 0)
		return 1;
	usleep(200000);
	fd = open("/", O_RDONLY);
	return fd < 0 ? 2 : (uint64_t)close(fd);
}

/* The end of one is not that of the client. */
TEST(who_shares_a_client_leaves_it_behind)
{
	long c = child(NULL, 0, 0, shared_goes);
	pid_t pid = fork();

	/* While it sleeps, so that the commons looks who has ended. */
	if (pid == 0) {
		usleep(50000);
		_exit(0);
	}
	EQ(said(c, native_ids().domain), 0);
	EQ(waitpid(pid, NULL, 0), pid);
	EQ(lwc_close((int)c), 0);
}

TEST(not_for_a_creator)
{
	long c = child(NULL, 0, 0, syscall_up);

	EQ(said(c, LWC_ALL), -EACCES);
	EQ(lwc_close((int)c), 0);
}

/* All of it is what a call may be about: two thirds of the right are none. */
TEST(not_for_who_may_not_overlay_all)
{
	struct lwc_spec s[] = {
		SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_FILES | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_CREDENT | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_FILES | LWC_MAY_OVERLAY, -1, -1),
	};

	for (int i = 0; i < 3; i++) {
		long all = child(s + i, 3, 0, syscall_up);
		long some = child(s + i, 2, 0, syscall_up);

		EQ(said(all, LWC_ALL), getuid());
		EQ(said(some, LWC_ALL), -EACCES);
		EQ(lwc_close((int)all), 0);
		EQ(lwc_close((int)some), 0);
	}
}

TAP_MAIN
