/*
 * torture_floods.c - who takes all there is of something gets an error, others
 * go on, and afterwards everything is there again.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "native.h"
#include "torture.h"

#define MIB	(1ul << 20)
#define NOBODY	65534

/* ---- each flood in a process of its own, which ends with what it says */

static int
ended(pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    1000 + WTERMSIG(status);
}

/* Another program, and a thread; it opens files that are there. */
static int
others_run(void)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid > 0 && ended(pid) == 3;
	if (open("/bin/busybox", O_RDONLY) < 0)
		_exit(1);
	execl("/bin/sh", "/bin/sh", "-c", "read x </etc/passwd && exit 3",
	    NULL);
	_exit(2);
}

/* Somebody else's processes and files, while the flood is there. */
static int
others_go_on(void)
{
	int to[2];
	char c = 0;
	pid_t pid;

	if (pipe(to) < 0)
		return 0;
	pid = fork();
	if (pid == 0)
		_exit(write(to[1], "x", 1) == 1 ? 5 : 6);
	if (pid < 0 || read(to[0], &c, 1) != 1 || ended(pid) != 5)
		return 0;
	close(to[0]);
	close(to[1]);
	return c == 'x' && others_run();
}

static int ready[2], go[2], looked_at;
static long kept_kb = 2000;		/* that the commons may keep */

/* In a flood: it is at its height.  Wait until all was looked at. */
static void
full(void)
{
	char c = 1;

	if (!looked_at)
		return;
	(void)!write(ready[1], &c, 1);
	(void)!read(go[0], &c, 1);
}

/* 0, and `before' is there again; or what the flood said. */
static int
flood(int (*fn)(void), int looks)
{
	struct given before;
	int r;
	char c = 0;
	pid_t pid;
	long kb;

	looked_at = looks;
	given_begin(&before);
	kb = free_kb();
	if (pipe(ready) < 0 || pipe(go) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		/* The ends that would keep others waiting. */
		close(ready[0]);
		close(go[1]);
		_exit(fn());
	}
	close(ready[1]);
	if (looks) {
		OK(read(ready[0], &c, 1) == 1);
		OK(others_go_on());
		(void)!write(go[1], &c, 1);
	}
	r = ended(pid);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
	OK(given_back(&before));
	for (int i = 0; i < 2000 && free_kb() < kb - kept_kb; i++)
		pause_us(1000);
	if (!OK(free_kb() >= kb - kept_kb))
		printf("# %ld kB less\n", kb - free_kb());
	return r;
}

/* The commons keeps the seats that were used once: all are, before frames are
 * looked at. */
static int
all_seats(void)
{
	pid_t pid;

	while ((pid = fork()) > 0)
		;
	if (pid == 0) {
		for (;;)
			pause();
	}
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}

TEST(all_processes_once)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		_exit(all_seats());
	}
	EQ(ended(pid), 0);
}

/* ---- descriptors */

static int
until(int (*one)(void), int error)
{
	int n = 0;

	while (one() >= 0)
		n++;
	if (errno != error || n < 20)
		return 1;
	full();
	return 0;
}

static int
one_pipe(void)
{
	int fd[2];

	return pipe(fd);
}

static int
one_dup(void)
{
	return dup(0);
}

static int
one_open(void)
{
	return open("/bin/busybox", O_RDONLY);
}

static int
one_epoll(void)
{
	return epoll_create1(0);
}

static int
one_eventfd(void)
{
	return eventfd(1, 0);
}

static int pipes(void) { return until(one_pipe, EMFILE); }
static int dups(void) { return until(one_dup, EMFILE); }
static int opens(void) { return until(one_open, EMFILE); }
static int epolls(void) { return until(one_epoll, EMFILE); }
static int eventfds(void) { return until(one_eventfd, EMFILE); }

TEST(descriptors_of_one_process)
{
	EQ(flood(pipes, 1), 0);
	EQ(flood(dups, 1), 0);
	EQ(flood(opens, 1), 0);
	EQ(flood(epolls, 1), 0);
	EQ(flood(eventfds, 1), 0);
}

/* Of many, who take all of the stock; each pipe is filled as well. */
static int
pipes_of_many(void)
{
	static char page[4096];
	int fd[2], n = 0;

	while (fork() == 0) {
		n++;
		while (pipe2(fd, O_NONBLOCK) == 0) {
			while (write(fd[1], page, sizeof(page)) > 0)
				;
		}
		if (errno != EMFILE || n > 60)
			break;
	}
	if (n > 0 && (errno == ENFILE || errno == EAGAIN || n > 60))
		full();
	if (n > 0)
		_exit(wait(NULL) > 0);
	return ended(-1) == -1 && wait(NULL) > 0 ? 0 : 1;
}

TEST(descriptors_of_many)
{
	EQ(flood(pipes_of_many, 1), 0);
}

/* An epoll of epolls, in depth and in a circle. */
static int
epoll_nests(void)
{
	struct epoll_event ev = { EPOLLIN, { 0 } };
	int first = epoll_create1(0), last = first, n = 0;

	for (;; n++) {
		int next = epoll_create1(0);

		if (next < 0 || epoll_ctl(next, EPOLL_CTL_ADD, last, &ev) < 0)
			break;
		last = next;
	}
	if (epoll_ctl(first, EPOLL_CTL_ADD, last, &ev) == 0)
		return 1;
	(void)epoll_wait(last, &ev, 1, 0);
	full();
	return 0;
}

TEST(epolls_in_epolls)
{
	EQ(flood(epoll_nests, 1), 0);
}

/* ---- files */

static int
big_file(void)
{
	static char block[65536];
	int fd = open("/tmp/big", O_RDWR | O_CREAT, 0600), e;
	long n = 0;

	while (write(fd, block, sizeof(block)) > 0)
		n++;
	e = errno;
	full();
	unlink("/tmp/big");
	return e == ENOSPC && n > 100 ? 0 : 1;
}

static int
small_files(void)
{
	char name[64];
	int n, e;

	for (n = 0; n < 1000000; n++) {
		snprintf(name, sizeof(name), "/tmp/small%d", n);
		if (mknod(name, S_IFREG | 0600, 0) < 0)
			break;
	}
	e = errno;
	full();
	while (--n >= 0) {
		snprintf(name, sizeof(name), "/tmp/small%d", n);
		unlink(name);
	}
	return e == ENOSPC ? 0 : 1;
}

static int
deep_directories(void)
{
	int n = 0, e;

	if (chdir("/tmp") < 0)
		return 1;
	while (mkdir("d", 0700) == 0 && chdir("d") == 0)
		n++;
	e = errno;
	full();
	for (; n > 0; n--) {
		if (chdir("..") < 0 || rmdir("d") < 0)
			return 2;
	}
	rmdir("d");
	return e == ENOSPC ? 0 : 3;
}

static int
long_paths(void)
{
	static char name[100000];
	int n = 0;

	for (size_t len = 1; len < sizeof(name); len = len * 3 / 2 + 1) {
		memset(name, 'a', len);
		name[len] = '\0';
		n += open(name, O_RDONLY) < 0 && (errno == ENOENT ||
		    errno == ENAMETOOLONG);
		n += mkdir(name, 0700) < 0 ? errno == ENAMETOOLONG :
		    rmdir(name) == 0;
		for (size_t i = 1; i < len; i += 2)
			name[i] = '/';
		n += stat(name, NULL) < 0 && (errno == ENOENT ||
		    errno == ENAMETOOLONG || errno == EFAULT);
		n -= 3;
	}
	return n;
}

static int
link_loops(void)
{
	char from[64], to[64];
	struct stat st;
	int bad = 0;

	bad += symlink("loop", "/tmp/loop") < 0 ||
	    stat("/tmp/loop", &st) == 0 || errno != ELOOP;
	bad += open("/tmp/loop/x", O_RDWR | O_CREAT, 0600) >= 0 ||
	    errno != ELOOP;
	for (int i = 0; i < 100; i++) {
		snprintf(from, sizeof(from), "/tmp/l%d", i);
		snprintf(to, sizeof(to), "l%d/./../tmp", i + 1);
		bad += symlink(to, from) < 0;
	}
	bad += stat("/tmp/l0", &st) == 0 || errno != ELOOP;
	unlink("/tmp/loop");
	for (int i = 0; i < 100; i++) {
		snprintf(from, sizeof(from), "/tmp/l%d", i);
		unlink(from);
	}
	return bad;
}

TEST(file_space)
{
	EQ(flood(big_file, 1), 0);
	EQ(flood(small_files, 1), 0);
	EQ(flood(deep_directories, 1), 0);
	EQ(flood(long_paths, 0), 0);
	EQ(flood(link_loops, 0), 0);
}

/* ---- processes */

static int
forks(void)
{
	int n = 0, e;
	pid_t pid;

	while ((pid = fork()) > 0)
		n++;
	if (pid == 0) {
		for (;;)
			pause();
	}
	e = errno;
	full();
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return n > 5 && (e == EAGAIN || e == ENOMEM) ? 0 : 1;
}

static int
forks_in_a_group(void)
{
	setsid();
	return forks();
}

static int
sessions(void)
{
	int n = 0, m = 0;
	pid_t pid[300];

	setsid();
	while (n < 300 && (pid[n] = fork()) > 0) {
		if (n % 2)
			m += setpgid(pid[n], 0) == 0;
		n++;
	}
	if (pid[n] == 0) {
		(void)setsid();
		(void)setpgid(0, getppid());
		for (;;)
			pause();
	}
	full();
	for (int i = 0; i < n; i++)
		kill(pid[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return n > 5 && m > 0 ? 0 : 1;
}

static int
bomb(const char *shell)
{
	pid_t pid = fork();

	if (pid == 0) {
		setsid();
		(void)!close(2);
		execl(shell, shell, "-c", ":(){ :|:& };:", NULL);
		_exit(127);
	}
	pause_us(400000);
	/* It may have the last place for a process: ended ones leave some. */
	for (int i = 0; i < 100 && !others_go_on(); i++)
		pause_us(10000);
	for (int i = 0; i < 200 && kill(-pid, SIGKILL) == 0; i++)
		pause_us(1000);
	return waitpid(pid, NULL, 0) == pid ? 0 : 1;
}

static int ash_bomb(void) { return bomb("/bin/sh"); }
static int bash_bomb(void) { return bomb("/bin/bash"); }

/* A seat that was never used before is kept: 28 kB. */
TEST(processes)
{
	kept_kb = 6000;
	EQ(flood(forks_in_a_group, 0), 0);
	EQ(flood(sessions, 0), 0);
	EQ(flood(ash_bomb, 0), 0);
	EQ(flood(bash_bomb, 0), 0);
}

/* ---- shares: of a user who is not root, and of one process */

static int
become_nobody(void)
{
	return setsid() < 0 || setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 ||
	    setuid(NOBODY) < 0;
}

/* A child that has taken all that it could: true. */
static int
taker(void (*take)(void))
{
	int done[2], ok;
	char c = 0;
	pid_t pid;

	if (pipe(done) < 0)
		return 0;
	pid = fork();
	if (pid == 0) {
		close(done[0]);
		take();
		(void)!write(done[1], &c, 1);
		for (;;)
			pause();
	}
	close(done[1]);
	ok = pid > 0 && read(done[0], &c, 1) == 1;
	close(done[0]);
	return ok;
}

/* As many of them as there can be, and then others are looked at. */
static int
takers(void (*take)(void), int most)
{
	int n = 0;

	while (n < most && taker(take))
		n++;
	full();
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return n > 0 ? 0 : 1;
}

static void
take_forks(void)
{
	pid_t pid;

	while ((pid = fork()) > 0)
		;
	while (pid == 0)
		pause();
}

static void *
for_ever(void *p)
{
	for (;;)
		pause();
	return p;
}

static void
take_threads(void)
{
	pthread_t t;

	while (pthread_create(&t, NULL, for_ever, NULL) == 0)
		;
}

static void
take_descriptors(void)
{
	while (open("/bin/busybox", O_RDONLY) >= 0)
		;
}

/* What its account may have at most. */
static void
take_limits(void)
{
	for (uint32_t res = 0; res < EXO_RES_MAX; res++) {
		for (long n = 1l << 20; n > 0;) {
			if (native_ask(CM_RAISE, res, (uint64_t)n, 0, 0) < 0)
				n /= 2;
		}
	}
}

/* Contexts in the making, each with a window. */
static void
take_contexts(void)
{
	struct native_ids me = native_ids();
	long r = 0;

	while (r >= 0 && exo_cap_open(NATIVE_FREE,
	    NATIVE_WINDOW->commons) >= 0 && exo_cap_open(NATIVE_FREE + 1,
	    NATIVE_WINDOW->commons) >= 0) {
		r = native_ask(CM_CONTEXT, CM_COPY, NATIVE_FREE,
		    NATIVE_FREE + 1, me.domain);
		(void)!exo_cap_drop(NATIVE_FREE);
		(void)!exo_cap_drop(NATIVE_FREE + 1);
	}
}

#define NOBODYS(what)							      \
	static int							      \
	nobody_##what(void)						      \
	{								      \
		return become_nobody() ? 2 : takers(take_##what, 1000);	      \
	}
NOBODYS(forks)
NOBODYS(threads)
NOBODYS(descriptors)
NOBODYS(limits)
NOBODYS(contexts)

TEST(one_user_takes_all_he_can)
{
	EQ(flood(nobody_forks, 1), 0);
	EQ(flood(nobody_threads, 1), 0);
	EQ(flood(nobody_descriptors, 1), 0);
	EQ(flood(nobody_limits, 1), 0);
	EQ(flood(nobody_contexts, 1), 0);
}

/* Root is not bounded as a user, but one process is. */
static int one_threads(void) { setsid(); return takers(take_threads, 1); }
static int one_limits(void) { setsid(); return takers(take_limits, 1); }
static int one_contexts(void) { setsid(); return takers(take_contexts, 1); }

TEST(one_process_takes_all_it_can)
{
	EQ(flood(one_threads, 1), 0);
	EQ(flood(one_limits, 1), 0);
	EQ(flood(one_contexts, 1), 0);
}

/* ---- memory */

static int
mallocs(void)
{
	char *p;
	long n = 0;

	while (n < 100000 && (p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED) {
		memset(p, 1, MIB);
		n++;
	}
	return n > 10 ? 0 : 1;
}

static int
huge_maps(void)
{
	int bad = 0;

	bad += mmap(NULL, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0) != MAP_FAILED || errno != ENOMEM;
	bad += mmap(NULL, ~0xffful, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0) != MAP_FAILED || errno != ENOMEM;
	for (int i = 0; i < 100000; i++) {
		if (mmap(NULL, 4096, i % 2 ? PROT_READ : PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
			return bad * 10 + (errno != ENOMEM);
	}
	return bad * 10;
}

static volatile char deepest;

static __attribute__((noinline)) int
recurses(int n)
{
	char here[1000];

	memset(here, n, sizeof(here));
	deepest = here[n % 1000];
	return n < 0 ? 0 : recurses(n + 1) + here[5];
}

static int
stack(void)
{
	return recurses(0);
}

static int
brks(void)
{
	while (sbrk(MIB) != (void *)-1)
		;
	return errno == ENOMEM ? 0 : 1;
}

/* Several at once, who die of it or are told; nobody else does. */
static int
many_mallocs(void)
{
	int told = 0, died = 0;
	pid_t pid[6];

	for (int i = 0; i < 6; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(mallocs() == 0 ? 0 : 0);
	}
	for (int i = 0; i < 6; i++) {
		int r = pid[i] < 0 ? 0 : ended(pid[i]);

		told += r == 0;
		died += r == 1000 + SIGBUS || r == 1000 + SIGSEGV ||
		    r == 1000 + SIGKILL;
	}
	return told + died == 6 ? 0 : 100 + told * 10 + died;
}

TEST(memory)
{
	int r;

	kept_kb = 2000;
	r = flood(mallocs, 0);

	OK(r == 0 || r == 1000 + SIGBUS);
	EQ(flood(huge_maps, 0), 0);
	EQ(flood(stack, 0), 1000 + SIGSEGV);
	EQ(flood(brks, 0), 0);
	EQ(flood(many_mallocs, 0), 0);
}

/* ---- signals */

static volatile int caught;

static void
count(int sig)
{
	(void)sig;
	caught++;
}

static int
signals(void)
{
	pid_t me = getpid(), pid[4];

	signal(SIGUSR1, count);
	for (int i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			for (int n = 0; n < 4000; n++)
				kill(me, SIGUSR1);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		int r;

		while ((r = waitpid(pid[i], NULL, 0)) < 0 && errno == EINTR)
			;
		if (r != pid[i])
			return 1;
	}
	return caught > 0 ? 0 : 2;
}

TEST(signal_flood)
{
	EQ(flood(signals, 0), 0);
}

TAP_MAIN
