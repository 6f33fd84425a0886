/*
 * exec.c - another program in the same process: what it finds, and what is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"

#define SELF	"/test/linux/exec"

extern char **environ;

/* ---- the program that is run: its status says what it found */

enum { FINE, NO_ARGS, NO_ENV, FD_OPEN, FD_GONE, MASK, IGNORED, HANDLED,
	OFFSET, HEAP, ALT, CMDLINE };

/* All of the arguments are told, and nothing else. */
static bool
told_arguments(char **argv)
{
	char text[512];
	int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, text, sizeof(text)), at = 0;

	close(fd);
	for (; *argv != NULL; argv++) {
		size_t len = strlen(*argv) + 1;

		if (at + (ssize_t)len > n || memcmp(text + at, *argv, len) != 0)
			return false;
		at += (ssize_t)len;
	}
	return at == n;
}

static int
find_all(char **argv)
{
	int kept = atoi(argv[2]), closed = atoi(argv[3]);
	struct sigaction a;
	sigset_t set;
	stack_t alt;

	if (strcmp(argv[4], "") != 0 || strcmp(argv[5], "last one") != 0 ||
	    argv[6] != NULL || strcmp(argv[0], "zero") != 0)
		return NO_ARGS;
	if (!told_arguments(argv))
		return CMDLINE;
	if (environ[0] == NULL || environ[1] != NULL ||
	    strcmp(getenv("ONE"), "1") != 0)
		return NO_ENV;
	if (fcntl(closed, F_GETFD) != -1)
		return FD_OPEN;
	if (fcntl(kept, F_GETFD) != 0)
		return FD_GONE;
	if (lseek(kept, 0, SEEK_CUR) != 3)
		return OFFSET;
	sigprocmask(SIG_BLOCK, NULL, &set);
	if (!sigismember(&set, SIGUSR2) || sigismember(&set, SIGUSR1))
		return MASK;
	sigaction(SIGHUP, NULL, &a);
	if (a.sa_handler != SIG_IGN)
		return IGNORED;
	sigaction(SIGTERM, NULL, &a);
	if (a.sa_handler != SIG_DFL)
		return HANDLED;
	sigaltstack(NULL, &alt);
	if (!(alt.ss_flags & SS_DISABLE))
		return ALT;
	return FINE;
}

static int
count_args(char **argv)
{
	size_t n = 0;

	for (int i = 2; argv[i] != NULL; i++)
		n += strlen(argv[i]);
	return n == 100 * 1000 ? FINE : NO_ARGS;
}

static void
be_run(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "find") == 0)
		_exit(find_all(argv));
	if (argc > 1 && strcmp(argv[1], "count") == 0)
		_exit(count_args(argv));
	if (argc > 1 && strcmp(argv[1], "pid") == 0) {
		usleep(50000);		/* whoever is left has his turn */
		_exit(getpid() == atoi(argv[2]) ? FINE : NO_ARGS);
	}
}

/* ---- tests */

static int
ended(pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void
handle(int sig)
{
	(void)sig;
}

static char alt_room[8192];

static void
prepare(void)
{
	stack_t alt = { .ss_sp = alt_room, .ss_size = sizeof(alt_room) };
	sigset_t set;

	signal(SIGHUP, SIG_IGN);
	signal(SIGTERM, handle);
	sigaltstack(&alt, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

TEST(it_finds_what_it_should)
{
	char *envp[] = { "ONE=1", NULL }, kept[8], closed[8];
	char *argv[] = { "zero", "find", kept, closed, "", "last one", NULL };
	int a = open("/tmp/e", O_RDWR | O_CREAT, 0600);
	int b = open("/tmp/e", O_RDWR | O_CLOEXEC);
	pid_t pid;

	EQ(write(a, "abc", 3), 3);
	snprintf(kept, sizeof(kept), "%d", a);
	snprintf(closed, sizeof(closed), "%d", b);
	pid = fork();
	if (pid == 0) {
		prepare();
		execve(SELF, argv, envp);
		_exit(99);
	}
	EQ(ended(pid), FINE);
	EQ(fcntl(b, F_GETFD), FD_CLOEXEC);
	close(a);
	close(b);
	unlink("/tmp/e");
}

TEST(it_is_the_same_process)
{
	char me[16];
	pid_t pid = fork();

	if (pid == 0) {
		snprintf(me, sizeof(me), "%d", getpid());
		execl(SELF, SELF, "pid", me, NULL);
		_exit(99);
	}
	EQ(ended(pid), FINE);
}

TEST(many_and_long_arguments)
{
	static char *argv[103], word[1001];
	pid_t pid;

	memset(word, 'w', 1000);
	argv[0] = SELF;
	argv[1] = "count";
	for (int i = 2; i < 102; i++)
		argv[i] = word;
	pid = fork();
	if (pid == 0) {
		execv(SELF, argv);
		_exit(99);
	}
	EQ(ended(pid), FINE);
}

TEST(too_much_is_e2big)
{
	size_t n = 400000;
	char *big = malloc(n + 1), *argv[] = { SELF, "count", big, NULL };

	memset(big, 'b', n);
	big[n] = '\0';
	errno = 0;
	EQ(execv(SELF, argv), -1);
	EQ(errno, E2BIG);
	free(big);
}

static void *
spin(void *p)
{
	for (;;)
		*(volatile int *)p = 1;
	return NULL;
}

TEST(other_threads_end)
{
	static int word;
	char me[16];
	pid_t pid = fork();

	if (pid == 0) {
		pthread_t t[4];

		for (int i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, spin, &word);
		snprintf(me, sizeof(me), "%d", getpid());
		execl(SELF, SELF, "pid", me, NULL);
		_exit(99);
	}
	EQ(ended(pid), FINE);
}

TEST(memory_of_the_old_one_comes_back)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			size_t n = 32 << 20;
			char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

			for (size_t at = 0; at < n; at += 4096)
				p[at] = 1;
			execl("/bin/busybox", "true", NULL);
			_exit(99);
		}
		if (!EQ(ended(pid), 0))
			return;
	}
}

/* sash: nobody has had pages of it yet. */
TEST(a_program_begins_when_files_have_filled_all)
{
	static char block[65536];
	int fd = open("/tmp/big", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	pid_t pid;

	while (write(fd, block, sizeof(block)) > 0)
		;
	EQ(errno, ENOSPC);
	pid = fork();
	if (pid == 0) {
		execl("/bin/sash", "sash", "-c", "exit", NULL);
		_exit(99);
	}
	EQ(ended(pid), 0);
	EQ(close(fd), 0);
	EQ(unlink("/tmp/big"), 0);
}

TEST(posix_spawn_runs)
{
	char *argv[] = { "sh", "-c", "exit 5", NULL };
	pid_t pid = -1;

	EQ(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ), 0);
	EQ(ended(pid), 5);
	EQ(posix_spawn(&pid, "/bin/none", NULL, NULL, argv, environ), ENOENT);
}

int
main(int argc, char **argv)
{
	be_run(argc, argv);
	return tap_run();
}
