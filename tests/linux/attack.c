/*
 * attack.c - programs that go past their own Castor, to the kernel and the
 * commons, or that use what they are given for more than it is meant for.  What
 * others have and do must stand it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <castor/sys.h>

#include "fails.h"
#include "native.h"
#include "torture.h"

#define NOBODY	65534
#define SECRET	"/tmp/attack.d"

/* A child that does this and says how it went; or it goes on until killed. */
static pid_t
child(int (*f)(void))
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(f());
	return pid;
}

static int
ended(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int
nobody(int (*f)(void))
{
	if (chdir("/") < 0 || setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
	    setuid(NOBODY) < 0)
		return 1;
	return f();
}

/* ---- what a process was given */

TEST(no_process_has_the_console)
{
	struct exo_cap console = { 0 };
	char c;

	for (exo_slot s = 0; s < 64; s++) {
		if (exo_cap_read(s, (uint64_t)&console) < 0 ||
		    console.kind != EXO_SLOT_CAP)
			continue;
		OK(exo_console_write(s, (uint64_t)"#", 1) < 0);
		OK(exo_console_read(s, (uint64_t)&c, 1) < 0);
	}
}

/* Nor a name that others have things by, but to look and to give time. */
static long
others_frame(exo_ppn ppn, uint32_t mine)
{
	long bad = 0;

	if (EXO_PAGES[ppn].kind != EXO_PG_DATA ||
	    EXO_PAGES[ppn].account == mine)
		return 0;
	for (exo_slot s = 0; s < 16; s++) {
		bad += exo_page_free(s, ppn, 1) > 0;
		bad += exo_page_unmap(s, ppn, 1) >= 0;
		bad += exo_page_guard(s, EXO_START_SLOT_MEMORY, ppn, 1) >= 0;
	}
	return bad;
}

TEST(nobody_takes_the_frames_of_others)
{
	struct native_ids me = native_ids();
	long bad = 0;

	for (exo_ppn i = 0; i < EXO_MACHINE->nframes; i += 7)
		bad += others_frame(i, EXO_INDEX(me.acct));
	EQ(bad, 0);
}

TEST(nobody_stops_or_ends_others)
{
	struct native_ids me = native_ids();
	long bad = 0;

	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++) {
		const volatile struct exo_env *e = &EXO_ENVS[i];
		exo_id id = EXO_ID(e->gen, i);

		if (e->state == EXO_ENV_FREE || id == me.env)
			continue;
		for (exo_slot s = 0; s < 16; s++) {
			bad += exo_env_stop(id, s) >= 0;
			bad += exo_env_force_yield(id, s) >= 0;
			bad += exo_env_kill(id, s, 0) >= 0;
			bad += exo_domain_kill(EXO_ID(
			    EXO_DOMAINS[e->home].gen, e->home), s, 0) >= 0 &&
			    e->home != EXO_INDEX(me.domain);
		}
	}
	EQ(bad, 0);
}

/* Accounts below its own would die with it, and wait to be reaped in turn. */
TEST(no_process_makes_accounts)
{
	struct native_ids me = native_ids();
	uint32_t limits[EXO_RES_MAX] = { 0 };

	EQ(native_ask(CM_RAISE, EXO_RES_ACCTS, 1, 0, 0), -ENOMEM);
	EQ(exo_acct_create(me.acct, EXO_START_SLOT_ACCT,
	    EXO_START_SLOT_MEMORY, me.acct, (uint64_t)limits), -EXO_E_QUOTA);
}

/* ---- what the commons lent is bound, so that it can't have it back */

/* A child in the making, whose window the kernel writes for its maker. */
static int
pin_windows(void)
{
	struct native_ids me = native_ids();
	struct cm_fork f;
	uint32_t n = 0;

	for (uint32_t seat = 1; seat < EXO_DOMAINS[EXO_INDEX(
	    me.domain)].nseats; seat++) {
		if (exo_cap_open(NATIVE_FREE, NATIVE_WINDOW->commons) < 0 ||
		    exo_cap_open(NATIVE_FREE + 1, NATIVE_WINDOW->commons) < 0)
			break;
		long pid = native_ask(CM_FORK_BEGIN, 160, NATIVE_FREE,
		    NATIVE_FREE + 1, SIGCHLD);
		if (pid <= 0)
			break;
		memcpy(&f, NATIVE_WINDOW->data, sizeof(f));
		n += native_pin(&me, seat, f.window, NATIVE_FREE + 1) == 0;
		(void)native_ask(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0);
		(void)!exo_cap_drop(NATIVE_FREE);
		(void)!exo_cap_drop(NATIVE_FREE + 1);
	}
	if (n > 0)
		kill(getppid(), SIGUSR1);
	pause();
	return 0;
}

static volatile int told_me;

static void
tell(int sig)
{
	(void)sig;
	told_me++;
}

/* One that has begun: it says so. */
static pid_t
attacker(int (*f)(void))
{
	pid_t pid;

	told_me = 0;
	signal(SIGUSR1, tell);
	pid = child(f);
	for (int i = 0; i < 5000 && !told_me; i++)
		pause_us(1000);
	OK(told_me);
	return pid;
}

static int
nothing(void)
{
	return 7;
}

TEST(a_window_that_is_bound_keeps_nobody_from_forking)
{
	struct given before;
	pid_t bad;

	given_begin(&before);
	bad = attacker(pin_windows);
	for (int i = 0; i < 20; i++)
		EQ(ended(child(nothing)), 7 << 8);
	kill(bad, SIGKILL);
	EQ(ended(bad), SIGKILL);
	OK(given_back(&before));
}

/* Pages of a file, bound; then the file is gone. */
static int
pin_pages(void)
{
	struct native_ids me = native_ids();
	int fd = open("/tmp/pin", O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint32_t ppn[2], n = 0;

	if (fd < 0 || ftruncate(fd, 8192) < 0 ||
	    exo_cap_open(NATIVE_FREE, NATIVE_WINDOW->commons) < 0 ||
	    native_ask(CM_FILE_CAP, (uint64_t)fd, NATIVE_FREE,
	    PROT_READ | PROT_WRITE, 0) != 0 ||
	    native_ask(CM_FILE_PAGES, (uint64_t)fd, 0, 2, 0) != 2)
		return 1;
	memcpy(ppn, NATIVE_WINDOW->data, sizeof(ppn));
	for (uint32_t i = 0; i < 2; i++)
		n += native_pin(&me, 2 + i, ppn[i], NATIVE_FREE) == 0;
	if (ftruncate(fd, 0) < 0 || unlink("/tmp/pin") < 0 || n != 2)
		return 2;
	kill(getppid(), SIGUSR1);
	pause();
	return 0;
}

/* Pages that a file has, lent and given back. */
static void
lend_and_return(void)
{
	int fd = open("/tmp/lent", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	OK(ftruncate(fd, 65536) == 0);
	if (OK(p != MAP_FAILED)) {
		memset(p, 1, 65536);
		munmap(p, 65536);
	}
	close(fd);
	unlink("/tmp/lent");
}

/* Time that the commons' own env was charged. */
static uint64_t
commons_ticks(void)
{
	uint32_t home = EXO_INDEX(NATIVE_WINDOW->commons);
	uint64_t n = 0;

	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++) {
		if (EXO_ENVS[i].home == home &&
		    EXO_ENVS[i].state != EXO_ENV_FREE)
			n += EXO_ENVS[i].ticks;
	}
	return n;
}

/* They wait for their binder's end, and nobody works at it meanwhile. */
TEST(pages_that_are_bound_are_had_back_in_the_end)
{
	pid_t bad = attacker(pin_pages);
	uint64_t ticks;

	for (int i = 0; i < 20; i++)
		lend_and_return();
	pause_us(100000);
	ticks = commons_ticks();
	pause_us(500000);
	OK(commons_ticks() - ticks < 10);
	kill(bad, SIGKILL);
	EQ(ended(bad), SIGKILL);
	lend_and_return();
}

/* ---- the commons is entered where it does not expect it */

/* By a trap, not a call. */
static int
enter_by_trap(void)
{
	struct native_ids me = native_ids();

	if (exo_seat_handler(me.domain, NATIVE_DOMAIN, 0, EXO_ROW_OWN, 0) < 0 ||
	    exo_domain_row(me.domain, NATIVE_DOMAIN, EXO_CLASS_EXCEPTION,
	    EXO_ACT_ENTER) < 0)
		return 1;
	__asm__ volatile("ud2");
	return 2;
}

/* Without a way back. */
static int
enter_and_stay(void)
{
	uint64_t rax = EXO_NR_BASE + EXO_NR_enter, rdi = 0, rsi = CM_NOP;

	__asm__ volatile("syscall" : "+a"(rax), "+D"(rdi), "+S"(rsi) : :
	    "rcx", "r11", "rdx", "r8", "r9", "r10", "memory");
	return 1;
}

TEST(who_enters_the_commons_wrongly_hurts_himself)
{
	struct given before;
	int status = 0;
	pid_t pid;

	given_begin(&before);
	EQ(ended(child(enter_and_stay)), 0);
	pid = child(enter_by_trap);
	for (int i = 0; i < 100; i++) {
		if (!EQ(ended(child(nothing)), 7 << 8))
			break;
	}
	kill(pid, SIGKILL);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, SIGKILL);
	OK(given_back(&before));
}

/* Who came by a trap has no way back: it ends, whatever becomes of it before
 * that, and the commons has nothing to do with it any more. */
TEST(who_comes_by_a_trap_ends)
{
	struct given before;
	uint64_t ticks;
	int status = 0;
	pid_t pid, r;

	given_begin(&before);
	for (int round = 0; round < 20; round++) {
		pid = child(enter_by_trap);
		if (round % 2)
			kill(pid, SIGSTOP);
		pause_us((unsigned)round * 1000);
		kill(pid, SIGCONT);
		r = 0;
		for (int i = 0; i < 2000 && r == 0; i++) {
			r = waitpid(pid, &status, WNOHANG);
			pause_us(1000);
		}
		if (!EQ(r, pid)) {
			kill(pid, SIGKILL);
			EQ(waitpid(pid, &status, 0), pid);
		}
		EQ(status, SIGKILL);
	}
	OK(given_back(&before));
	ticks = commons_ticks();
	pause_us(300000);
	OK(commons_ticks() - ticks < 10);
}

/* Any number, any words. */
static int
nonsense(void)
{
	for (int i = 0; i < 3000; i++) {
		uint64_t word[5];

		for (int k = 0; k < 5; k++)
			word[k] = chance(3) == 0 ? chance(8) : chance(2) ?
			    ~0ul - chance(8) : (uint64_t)chance(~0u) << 32 |
			    chance(~0u);
		for (int k = 0; k < 32; k++)
			NATIVE_WINDOW->data[chance(CM_DATA)] =
			    (uint8_t)chance(256);
		word[0] = chance(16) == 0 ? word[0] : chance(CM_OP_MAX + 4);
		word[0] |= chance(8) == 0 ? CM_LENT : 0;
		if (word[0] != CM_EXIT && word[0] != CM_STOP &&
		    word[0] != CM_KILL && word[0] != CM_TKILL &&
		    word[0] != CM_SIGQUEUE)
			(void)native_ask(word[0], word[1], word[2], word[3],
			    word[4]);
	}
	return 0;
}

/* As root it would do to files what the tests after this one don't expect. */
static int
nonsense_as_nobody(void)
{
	return nobody(nonsense);
}

TEST(nonsense_is_answered)
{
	int status;

	for (int i = 0; i < 8; i++) {
		pid_t pid;

		torture_seed = (uint64_t)i * 77 + 5;
		pid = child(nonsense_as_nobody);
		EQ(waitpid(pid, &status, 0), pid);
	}
	EQ(ended(child(nothing)), 7 << 8);
}

TEST(what_leaves_the_window_is_refused)
{
	int fd = open("/bin/busybox", O_RDONLY), dir = open("/bin", O_RDONLY);
	int out = open("/tmp/out", O_CREAT | O_RDWR, 0600);

	EQ(native_ask(CM_READ, (uint64_t)fd, CM_DATA, 0, 0), CM_DATA);
	EQ(native_ask(CM_READ, (uint64_t)fd, CM_DATA + 1, 0, 0), -EFAULT);
	EQ(native_ask(CM_READ, (uint64_t)fd, ~0ul, 0, 0), -EFAULT);
	EQ(native_ask(CM_WRITE, (uint64_t)out, CM_DATA + 1, 0, 0), -EFAULT);
	EQ(native_ask(CM_GETDENTS, (uint64_t)dir, CM_DATA + 1, 0, 0), -EFAULT);
	EQ(native_ask(CM_POLL, CM_DATA / 8 + 1, 0, 0, 0), -EFAULT);
	EQ(native_ask(CM_STAT, 0, CM_PATH_MAX + 1, 0, 0), -ENAMETOOLONG);
	EQ(native_ask(CM_CONTEXT_FREE, CM_DATA / 4 + 1, 0, 0, 0), -EFAULT);
	close(fd);
	close(dir);
	close(out);
	unlink("/tmp/out");
}

/* A child's env, and for its domain somebody else's: 0, or what it is told. */
static long
end_with(const struct native_ids *me, const struct cm_fork *f, uint64_t place)
{
	exo_ppn ppn = EXO_MACHINE->free_head;
	long env;

	if (exo_page_alloc(f->acct, NATIVE_FREE, NATIVE_FREE, EXO_PG_ENV, ppn,
	    1) != 1)
		return 1;
	env = exo_env_create(f->acct, NATIVE_FREE, NATIVE_FREE, EXO_NONE, ppn);
	if (env < 0 || exo_handle_open(me->domain, NATIVE_DOMAIN, place,
	    NATIVE_WINDOW->commons) < 0)
		return 2;
	return native_ask(CM_FORK_END, f->pid, me->domain, (uint64_t)env,
	    place);
}

TEST(a_child_has_a_domain_of_its_own)
{
	struct native_ids me = native_ids();
	struct cm_fork f;
	long pid;

	OK(exo_cap_open(NATIVE_FREE, NATIVE_WINDOW->commons) >= 0);
	OK(exo_cap_open(NATIVE_FREE + 1, NATIVE_WINDOW->commons) >= 0);
	pid = native_ask(CM_FORK_BEGIN, 160, NATIVE_FREE, NATIVE_FREE + 1,
	    SIGCHLD);
	if (OK(pid > 0)) {
		memcpy(&f, NATIVE_WINDOW->data, sizeof(f));
		EQ(end_with(&me, &f, 7), -EINVAL);
		EQ(native_ask(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0), 0);
	}
	(void)!exo_cap_drop(NATIVE_FREE);
	(void)!exo_cap_drop(NATIVE_FREE + 1);
}

/* ---- its own envs are stopped and continued inside the commons */

static int
work(void *p)
{
	struct stat st;
	char b[1500];
	int fd;

	(void)p;
	memset(b, 1, sizeof(b));
	for (;;) {
		fd = open("/tmp/work", O_CREAT | O_RDWR, 0600);
		(void)!write(fd, b, sizeof(b));
		(void)stat("/etc/../bin/../etc/passwd", &st);
		close(fd);
		unlink("/tmp/work");
	}
	return 0;
}

static void *
work_for_ever(void *p)
{
	(void)work(p);
	return NULL;
}

static int
shove(void)
{
	pthread_t t;

	for (int i = 0; i < 3; i++)
		if (pthread_create(&t, NULL, work_for_ever, NULL) != 0)
			return 1;
	pause_us(50000);
	kill(getppid(), SIGUSR1);
	for (;;) {
		const struct exo_upcall *up = (const struct exo_upcall *)
		    (NATIVE_BLOCK + (1 + chance(3)) * 0x8000ul + 0x6000ul);
		exo_id env = up->env;

		switch (chance(3)) {
		case 0:
			(void)!exo_env_stop(env, EXO_START_SLOT_ENV);
			break;
		case 1:
			(void)!exo_env_continue(env, EXO_START_SLOT_ENV,
			    EXO_ENVS[EXO_INDEX(env)].seq, EXO_HOW_RETRY, 0);
			break;
		default:
			(void)!exo_env_force_yield(env, EXO_START_SLOT_ENV);
		}
		for (volatile unsigned n = chance(20000); n > 0; n--)
			;
	}
}

TEST(who_stops_inside_the_commons_stops_nobody_else)
{
	struct given before;
	struct stat st;
	pid_t bad;

	given_begin(&before);
	bad = attacker(shove);
	for (int i = 0; i < 2000; i++) {
		EQ(stat("/etc/passwd", &st), 0);
		if (i % 100 == 0)
			EQ(ended(child(nothing)), 7 << 8);
	}
	kill(bad, SIGKILL);
	OK(ended(bad) >= 0);
	unlink("/tmp/work");
	OK(given_back(&before));
}

/* ---- other users */

static pid_t victim;
static exo_id victim_domain;

static int
open_of(const char *what, int flags)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", victim, what);
	return open(path, flags, 0666);
}

static int
look_at_victim(void)
{
	char name[32], text[64];

	for (int i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "fd/%d", i);
		if (open_of(name, O_RDONLY) >= 0 ||
		    open_of(name, O_RDWR) >= 0 || open_of(name, O_PATH) >= 0)
			return 2;
		snprintf(name, sizeof(name), "/proc/%d/fd/%d", victim, i);
		if (readlink(name, text, sizeof(text)) >= 0)
			return 3;
	}
	if (open_of("cwd/secret", O_RDONLY) >= 0 ||
	    open_of("cwd/new", O_RDWR | O_CREAT) >= 0 ||
	    open_of("cwd", O_RDONLY) >= 0 || open_of("fd", O_RDONLY) >= 0)
		return 4;
	snprintf(name, sizeof(name), "/proc/%d/cwd", victim);
	return readlink(name, text, sizeof(text)) >= 0 ? 5 : 0;
}

static int
look_as_nobody(void)
{
	return nobody(look_at_victim);
}

TEST(proc_is_no_way_round_permissions)
{
	int fd, mem = memfd_create("attack", 0);

	EQ(mkdir(SECRET, 0700), 0);
	EQ(mkdir(SECRET "/open", 0777), 0);
	EQ(chmod(SECRET "/open", 0777), 0);
	fd = open(SECRET "/open/secret", O_CREAT | O_RDWR, 0666);
	OK(fd >= 0 && mem >= 0);
	EQ(chdir(SECRET "/open"), 0);
	victim = getpid();
	EQ(ended(child(look_as_nobody)), 0);
	EQ(chdir("/"), 0);
	close(fd);
	close(mem);
	EQ(unlink(SECRET "/open/secret"), 0);
	EQ(rmdir(SECRET "/open"), 0);
	EQ(rmdir(SECRET), 0);
}

static int
root_again(void)
{
	struct cm_cred c = { .ngroups = ~0u };

	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 2;
	memcpy(NATIVE_WINDOW->data, &c, sizeof(c));
	if (native_ask(CM_CREDS, 1, 0, 0, 0) == 0 || getuid() == 0)
		return 3;
	if (kill(1, 0) == 0 || kill(victim, SIGKILL) == 0 ||
	    native_ask(CM_RLIMIT, (uint64_t)victim, 0, 1, 0) == 0)
		return 4;
	if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 64 }) < 0 ||
	    setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 64, 65 }) == 0)
		return 5;
	return native_ask(CM_CONTEXT_DROP, victim_domain, native_ids().domain,
	    0, 0) == -EINVAL ? 0 : 6;
}

static int
root_again_as_nobody(void)
{
	return nobody(root_again);
}

TEST(nobody_becomes_root)
{
	victim = getpid();
	victim_domain = native_ids().domain;
	EQ(ended(child(root_again_as_nobody)), 0);
}

static int
connect_to(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX,
	    .sun_path = "/tmp/att.sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	return connect(s, (struct sockaddr *)&a, sizeof(a)) == 0 ? 2 :
	    errno == EACCES ? 0 : 3;
}

static int
connect_as_nobody(void)
{
	return nobody(connect_to);
}

TEST(who_may_not_write_a_socket_may_not_connect)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX,
	    .sun_path = "/tmp/att.sock" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	EQ(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	EQ(chmod(a.sun_path, 0700), 0);
	EQ(listen(s, 5), 0);
	EQ(ended(child(connect_as_nobody)), 0);
	EQ(chmod(a.sun_path, 0777), 0);
	EQ(ended(child(connect_as_nobody)), 2 << 8);
	close(s);
	EQ(unlink(a.sun_path), 0);
}

/* ---- long ways */

/* Links to links, each of them long: others wait for the end of the walk. */
TEST(a_walk_of_links_is_bounded)
{
	char text[1700] = "", name[32];
	struct stat st;
	size_t n = 0;

	EQ(mkdir("/tmp/d", 0700), 0);
	for (int i = 0; i < 300; i++, n += 5)
		strcpy(text + n, "d/../");
	strcpy(text + n, "d");
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "/tmp/l%d", i);
		EQ(symlink(text, name), 0);
		snprintf(text + n, sizeof(text) - n, "l%d", i);
	}
	EQ(stat("/tmp/l1", &st), 0);
	FAILS(stat("/tmp/l29", &st), ELOOP);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), "/tmp/l%d", i);
		EQ(unlink(name), 0);
	}
	EQ(rmdir("/tmp/d"), 0);
}

/* ---- names without a file */

TEST(an_abstract_name_is_its_listeners)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "\0att" };
	socklen_t n = sizeof(a.sun_family) + 4;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c[3], t[3];

	EQ(bind(s, (struct sockaddr *)&a, n), 0);
	EQ(listen(s, 5), 0);
	for (int i = 0; i < 3; i++) {
		c[i] = socket(AF_UNIX, SOCK_STREAM, 0);
		EQ(connect(c[i], (struct sockaddr *)&a, n), 0);
		t[i] = accept(s, NULL, NULL);
		OK(t[i] >= 0);
	}
	close(s);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	EQ(bind(s, (struct sockaddr *)&a, n), 0);
	close(s);
	for (int i = 0; i < 3; i++) {
		close(c[i]);
		close(t[i]);
	}
}

TAP_MAIN
