/*
 * torture.c - pipelines of a shell, and kill -9 at any moment.
 *
 * torture [rounds [seed]]: a round starts a script in a group of its own, waits
 * for a while, kills one of the group, the shell, or all, and then the rest.
 * When all rounds are over the commons has nothing given out that it had not
 * before.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "torture.h"

#define ROUNDS	60

static int rounds = ROUNDS;

static const char *const scripts[] = {
	"yes | head -n 2000 | cat | wc -l",
	"seq 300 | sort -r | sed s/1/2/ | tail -n 3 | tr 2 3",
	"for i in 1 2 3 4; do echo $i | sed s/1/2/ | tr 2 3; done",
	"x=$(cat <<E | tr a b\nabc $(echo a)\nE\n); echo $x | cat",
	"while :; do echo a; done | { read x; kill -9 $$; }",
	"(seq 99 | cat) & (yes | head -n 99 | wc) & wait; seq 9 | wc",
	"trap 'echo t' TERM; kill $$; (exec sleep 9) & sleep 9 | sleep 9",
	"mkfifo /tmp/ff$$; cat /tmp/ff$$ & echo x >/tmp/ff$$; wait; "
	    "rm /tmp/ff$$",
	"dd if=/dev/zero bs=1000 count=99 2>/dev/null | wc -c | cat",
	"f() { [ $1 -gt 0 ] && f $(($1 - 1)) | cat; }; f 6",
	"cat /proc/*/stat /proc/*/cmdline /exo/accts >/dev/null; ls -l /proc",
	"find / -name x* | sort | uniq | xargs -n 2 echo | cat",
	":(){ :|:& };:",
};
#define SCRIPTS	(sizeof(scripts) / sizeof(scripts[0]))

static pid_t
script_start(const char *shell, const char *script)
{
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	setpgid(0, 0);
	(void)!open("/dev/null", O_RDWR);
	dup2(3, 0);
	dup2(3, 1);
	dup2(3, 2);
	close(3);
	execl(shell, shell, "-c", script, NULL);
	_exit(127);
}

/* One of those that the script may have made. */
static void
kill_one(pid_t group)
{
	for (int i = 0; i < 8; i++) {
		pid_t pid = group + (pid_t)chance(8);

		if (getpgid(pid) == group && kill(pid, SIGKILL) == 0)
			return;
	}
}

static int
round_run(int i)
{
	const char *script = scripts[chance(SCRIPTS)];
	pid_t group = script_start(chance(4) ? "/bin/sh" : "/bin/bash",
	    script), r;
	int status;

	if (group < 0) {
		printf("# round %d: fork: %d\n", i, errno);
		return 0;
	}
	setpgid(group, group);
	for (unsigned n = chance(4); n > 0; n--) {
		pause_us(chance(chance(4) ? 4000 : 40000));
		if (chance(4))
			kill_one(group);
		else
			kill(group, SIGKILL);
	}
	while (kill(-group, SIGKILL) == 0 && getpgid(group) == group) {
		r = waitpid(group, &status, WNOHANG);
		if (r == group)
			break;
		pause_us(200);
	}
	while (kill(-group, SIGKILL) == 0)
		pause_us(200);
	while ((r = waitpid(-1, &status, WNOHANG)) > 0)
		;
	return 1;
}

TEST(pipelines_under_kill_9)
{
	struct given before;
	int i;

	given_begin(&before);
	for (i = 0; i < rounds && round_run(i); i++) {
		if (i % 200 == 199)
			printf("# %d rounds\n", i + 1);
	}
	EQ(i, rounds);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	(void)system("rm -f /tmp/ff*");
	OK(given_back(&before));
}

/* ---- stopped and continued at any moment, and then it goes on */

static void
counts_for_ever(int fd)
{
	for (char c = 0;; c++) {
		(void)!lseek(fd, 0, SEEK_SET);
		(void)!write(fd, &c, 1);
	}
}

static int
goes_on(int fd)
{
	char was, now;

	(void)!pread(fd, &was, 1, 0);
	for (int i = 0; i < 2000; i++) {
		pause_us(500);
		if (pread(fd, &now, 1, 0) == 1 && now != was)
			return 1;
	}
	return 0;
}

TEST(stopped_and_continued)
{
	int fd = open("/tmp/count", O_RDWR | O_CREAT | O_TRUNC, 0600);
	pid_t pid;

	(void)!write(fd, "", 1);
	pid = fork();
	if (pid == 0)
		counts_for_ever(fd);
	for (int i = 0; i < 5 * rounds; i++) {
		EQ(kill(pid, SIGSTOP), 0);
		if (chance(2))
			pause_us(chance(3000));
		EQ(kill(pid, SIGCONT), 0);
		if (chance(2))
			pause_us(chance(3000));
		if (i % 10 == 0 && !OK(goes_on(fd)))
			break;
	}
	OK(goes_on(fd));
	EQ(kill(pid, SIGKILL), 0);
	EQ(waitpid(pid, NULL, 0), pid);
	close(fd);
	unlink("/tmp/count");
}

/* ---- frames that a parent which died first had shared */

#define SHARED	(4ul << 20)

static void
pages_write(char *p)
{
	for (unsigned long i = 0; i < SHARED; i += 4096)
		p[i]++;
}

static char *
pages(size_t n)
{
	return mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* The parent ends first; its child then writes on all pages that they share,
 * or only ends. */
static void
leave_behind(int writes, const int *go, const int *done)
{
	char *p, c;

	(void)!read(go[0], &c, 1);
	p = pages(SHARED);
	pages_write(p);
	if (fork() > 0)
		_exit(0);
	(void)!read(go[0], &c, 1);
	if (writes)
		pages_write(p);
	(void)!write(done[1], &c, 1);
	(void)!read(go[0], &c, 1);
	_exit(0);
}

static void
shared_comes_back(int writes)
{
	struct given before;
	int go[2], done[2];
	long left, kb;
	char c = 0, *page;
	pid_t pid;

	given_begin(&before);
	EQ(pipe(go), 0);
	EQ(pipe(done), 0);
	kb = free_kb();
	pid = fork();
	if (pid == 0)
		leave_behind(writes, go, done);
	/* Tables that are mine to pay for are now its alone to fill. */
	page = pages(4096);
	page[0] = 1;
	munmap(page, 4096);
	EQ(write(go[1], &c, 1), 1);
	EQ(waitpid(pid, NULL, 0), pid);
	pause_us(200000);
	left = given("left_over");
	OK(left >= (long)(SHARED / 4096));
	EQ(write(go[1], &c, 1), 1);
	EQ(read(done[0], &c, 1), 1);
	EQ(write(go[1], &c, 1), 1);
	close(go[0]);
	close(go[1]);
	close(done[0]);
	close(done[1]);
	OK(given_back(&before));
	OK(free_kb() > kb - 1000);
}

TEST(what_the_dead_had_shared_comes_back)
{
	for (int i = 0; i < 16; i++)
		shared_comes_back(i % 2);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		rounds = atoi(argv[1]);
	if (argc > 2)
		torture_seed = strtoull(argv[2], NULL, 10);
	return tap_run();
}
