/*
 * torture_odd.c - programs that are none, files cut under a mapping, children
 * that nobody waits for, forks that fail half-way.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "torture.h"

#define PAGE	4096ul

static int
ended(pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	    1000 + WTERMSIG(status);
}

/* ---- executables with some bytes changed */

#define MUTANTS	300
#define HEAD	1024

static unsigned char elf[1 << 20];
static size_t elf_len;

static void
mutant_write(size_t len)
{
	int fd = open("/tmp/mutant", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	for (size_t n = 0; n < len;) {
		ssize_t r = write(fd, elf + n, len - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	close(fd);
}

/* It is refused, or dies, or runs: what matters is who goes on. */
static void
mutant_run(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		alarm(2);
		close(1);
		execl("/tmp/mutant", "mutant", NULL);
		_exit(errno == ENOEXEC || errno == ENOMEM ||
		    errno == EINVAL ? 90 : 91);
	}
	EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && !OK(WEXITSTATUS(status) != 91))
		printf("# another error than ENOEXEC, ENOMEM, EINVAL\n");
}

TEST(mutated_programs)
{
	struct given before;
	int fd;

	given_begin(&before);
	fd = open("/test/linux/pie", O_RDONLY);
	EQ(elf_len, 0);
	for (ssize_t r; (r = read(fd, elf + elf_len, sizeof(elf) -
	    elf_len)) > 0;)
		elf_len += (size_t)r;
	close(fd);
	OK(elf_len > HEAD);
	for (int i = 0; i < MUTANTS; i++) {
		unsigned char was[8];
		size_t at[8];
		unsigned n = 1 + chance(8);

		for (unsigned k = 0; k < n; k++) {
			at[k] = chance(3) ? chance(64 + 56 * 6) :
			    chance((unsigned)elf_len);
			was[k] = elf[at[k]];
			elf[at[k]] = (unsigned char)(chance(3) ? chance(256) :
			    chance(2) ? 0xff : 0);
		}
		mutant_write(chance(5) ? elf_len : chance((unsigned)elf_len));
		mutant_run();
		while (n-- > 0)
			elf[at[n]] = was[n];
	}
	unlink("/tmp/mutant");
	EQ(close(open("/tmp/x", O_CREAT | O_RDWR, 0600)), 0);
	unlink("/tmp/x");
	before.n[1] = given("seats");
	OK(given_back(&before));
}

/* ---- a file is cut while it is mapped */

static sigjmp_buf back;
static volatile siginfo_t seen;

static void
bus(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	memcpy((void *)&seen, info, sizeof(seen));
	siglongjmp(back, 1);
}

/* 0: it could be read; else the signal. */
static int
touch(volatile char *p)
{
	if (sigsetjmp(back, 1) == 0) {
		(void)*p;
		return 0;
	}
	return seen.si_signo;
}

TEST(truncated_under_a_mapping)
{
	int fd = open("/tmp/cut", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct sigaction a = { .sa_sigaction = bus, .sa_flags = SA_SIGINFO };
	char *p;

	EQ(sigaction(SIGBUS, &a, NULL), 0);
	EQ(ftruncate(fd, 4 * PAGE), 0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	OK(p != MAP_FAILED);
	memset(p, 7, 4 * PAGE);
	EQ(ftruncate(fd, PAGE + 1), 0);
	for (int i = 0; i < 2000 && touch(p + 2 * PAGE) == 0; i++)
		pause_us(500);
	seen.si_addr = NULL;
	EQ(touch(p + 2 * PAGE), SIGBUS);
	OK(seen.si_addr == p + 2 * PAGE);
	EQ(touch(p + 3 * PAGE + 9), SIGBUS);
	EQ(touch(p + PAGE), 0);
	EQ(p[PAGE], 7);
	EQ(p[PAGE + 1], 0);
	/* It grows again: zeroes, not what was there. */
	EQ(ftruncate(fd, 4 * PAGE), 0);
	EQ(touch(p + 2 * PAGE), 0);
	EQ(p[2 * PAGE], 0);
	p[2 * PAGE] = 5;
	EQ(pread(fd, (char *)&seen, 1, 2 * PAGE), 1);
	EQ(*(char *)&seen, 5);
	munmap(p, 4 * PAGE);
	close(fd);
	unlink("/tmp/cut");
	signal(SIGBUS, SIG_DFL);
}

/* ---- children that nobody waits for */

static void
nobody_waits(struct sigaction *a)
{
	struct given before;

	given_begin(&before);
	EQ(sigaction(SIGCHLD, a, NULL), 0);
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(i);
		OK(pid > 0);
	}
	EQ(waitpid(-1, NULL, 0), -1);
	EQ(errno, ECHILD);
	OK(given_back(&before));
	signal(SIGCHLD, SIG_DFL);
}

static void
nothing(int sig)
{
	(void)sig;
}

TEST(no_zombies)
{
	struct sigaction a = { .sa_handler = nothing,
	    .sa_flags = SA_NOCLDWAIT | SA_RESTART };

	nobody_waits(&a);
	a = (struct sigaction){ .sa_handler = SIG_IGN };
	nobody_waits(&a);
}

/* ---- fork fails at each step, as memory runs out */

static void
fork_and_end(int *good, int *bad)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	if (pid < 0 && (errno == ENOMEM || errno == EAGAIN))
		++*bad;
	else
		*good += ended(pid) == 3;
}

/* All memory but n pages is taken; each n that a fork may fail at. */
static int
forks_at_the_limit(void)
{
	static char *page[200000];
	int good = 0, bad = 0, n = 0, all;

	signal(SIGBUS, SIG_DFL);
	while (n < 200000) {
		page[n] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (page[n] == MAP_FAILED)
			break;
		n++;
	}
	all = n;
	for (int i = 0; i < 60 && n > 0; i++) {
		fork_and_end(&good, &bad);
		for (int k = 0; k < 8 && n > 0; k++)
			munmap(page[--n], PAGE);
	}
	(void)all;
	return good + bad >= 60 ? 0 : 1;
}

TEST(forks_without_memory)
{
	struct given before;
	pid_t pid;
	int r;

	given_begin(&before);
	pid = fork();
	if (pid == 0)
		_exit(forks_at_the_limit());
	r = ended(pid);
	/* Who finds no memory for a page that it writes to dies of that. */
	OK(r == 0 || r == 1000 + SIGBUS);
	OK(given_back(&before));
	EQ(ended(fork() ?: (_exit(4), 0)), 4);
}

/* ---- five hundred commands, one after the other */

static int
script(const char *shell)
{
	static const char text[] =
	    "i=0; trap 'echo bye' EXIT; while [ $i -lt 500 ]; do "
	    "i=$((i + 1)); case $((i % 5)) in "
	    "0) echo $i | cat >/tmp/s$$;; 1) cat </dev/null;; "
	    "2) cat <<E >/dev/null\n$i\nE\n;; "
	    "3) true & wait $! ;; 4) [ -e /bin/sh ] && /bin/true;; "
	    "esac || exit 9; done; [ $(cat /tmp/s$$) = 500 ] || exit 8; "
	    "rm /tmp/s$$; exit 7";
	pid_t pid = fork();

	if (pid == 0) {
		close(1);
		(void)!open("/dev/null", O_WRONLY);
		execl(shell, shell, "-c", text, NULL);
		_exit(127);
	}
	return ended(pid);
}

TEST(five_hundred_commands)
{
	EQ(script("/bin/sh"), 7);
	EQ(script("/bin/bash"), 7);
	EQ(script("/bin/zsh"), 7);
}

TAP_MAIN
