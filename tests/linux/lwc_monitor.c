/*
 * lwc_monitor.c - a reference monitor for a program as Debian ships it: busybox,
 * whose paths are put elsewhere, some denied; and for one that races, and one
 * that goes around Castor.
 * link: -static -fpie -nostartfiles -Wl,-pie,--no-dynamic-linker rcrt1.o
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/wait.h>

#include <castor/commons.h>
#include <castor/sys.h>

#include "../../libos/image/layout.h"

#include "monitor.h"
#include "tap.h"

/* Paths below /data are really below /tmp/jail; /tmp/secret is nobody's. */
static long
jail(char path[MONITOR_PATH])
{
	char old[MONITOR_PATH];

	if (strstr(path, "..") != NULL || strcmp(path, "/tmp/secret") == 0)
		return -EACCES;
	if (strncmp(path, "/data/", 6) != 0)
		return 0;
	strcpy(old, path);
	if (snprintf(path, MONITOR_PATH, "/tmp/jail/%s", old + 6) >=
	    MONITOR_PATH)
		return -ENAMETOOLONG;
	return 0;
}

static void
file_write(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);

	OK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void
files_make(void)
{
	mkdir("/tmp/jail", 0700);
	file_write("/tmp/jail/hello", "from the jail\n");
	file_write("/tmp/secret", "the secret\n");
	file_write("/tmp/free", "for all\n");
	chmod("/tmp/free", 0666);
}

/* What a program prints, monitored or not; its status. */
static char said[1024];
static struct told {
	struct monitor m;
	int result;
} *told;

static int
listen(char *const *argv, bool monitored)
{
	int p[2], status = -1;
	ssize_t n, len = 0;
	pid_t pid;

	memset(told, 0, sizeof(*told));
	fflush(stdout);
	if (pipe(p) != 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		dup2(p[1], 1);
		dup2(p[1], 2);
		if (!monitored) {
			execv("/bin/busybox", argv);
			_exit(126);
		}
		told->m.rule = jail;
		told->m.given[0] = told->m.given[1] = told->m.given[2] = true;
		told->result = monitor_exec(&told->m, "/bin/busybox", argv);
		_exit(told->m.status);
	}
	close(p[1]);
	while ((n = read(p[0], said + len, sizeof(said) - 1 - (size_t)len)) > 0)
		len += n;
	said[len] = '\0';
	close(p[0]);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(told->result, 0);
	return status;
}

#define RUN(monitored, ...)						      \
	listen((char *[]){ __VA_ARGS__, NULL }, monitored)

TEST(without_a_monitor_it_reads_what_it_likes)
{
	files_make();
	EQ(RUN(false, "cat", "/tmp/secret"), 0);
	OK(strcmp(said, "the secret\n") == 0);
	EQ(RUN(false, "cat", "/data/hello"), 1 << 8);
}

TEST(what_is_allowed_is_as_ever)
{
	EQ(RUN(true, "cat", "/tmp/free"), 0);
	OK(strcmp(said, "for all\n") == 0);
	OK(told->m.calls > 5);
	EQ(told->m.denied, 0);
	EQ(RUN(true, "md5sum", "/tmp/free"), 0);
	OK(strstr(said, "/tmp/free") != NULL);
}

TEST(paths_are_put_elsewhere)
{
	EQ(RUN(true, "cat", "/data/hello"), 0);
	OK(strcmp(said, "from the jail\n") == 0);
}

TEST(what_is_denied_is_denied)
{
	EQ(RUN(true, "cat", "/tmp/secret"), 1 << 8);
	OK(strstr(said, "ermission denied") != NULL);
	OK(strstr(said, "the secret") == NULL);
	EQ(told->m.denied, 1);
	EQ(RUN(true, "cat", "/data/../secret"), 1 << 8);
	OK(strstr(said, "the secret") == NULL);
	/* Neither can it make a file, nor run another program. */
	EQ(RUN(true, "touch", "/tmp/secret"), 1 << 8);
	OK(RUN(true, "sh", "-c", "/bin/cat /tmp/secret") != 0);
	OK(strstr(said, "the secret") == NULL);
}

/* ---- a race: between the look and the use another process puts another path
 * there */

static struct race {
	char path[MONITOR_PATH];	/* the program's argument */
	volatile uint32_t asked, done;	/* to change it; changed */
	volatile uint32_t stop;
} *race;

/* The other process. */
static _Noreturn void
changer(void)
{
	for (;;) {
		while (race->asked == race->done && !race->stop)
			sched_yield();
		if (race->stop)
			_exit(0);
		strcpy(race->path, "/tmp/secret");
		race->done++;
	}
}

/* The monitor has looked: now the worst that can happen. */
static void
change(void)
{
	race->asked++;
	while (race->asked != race->done)
		sched_yield();
}

/* Opens the path that all share, and says what is in the file. */
static long
racer(struct monitor *m)
{
	uint64_t w[LWC_ARGS] = { 0 };
	char text[16] = "";
	int from, fd;
	long c = monitor_context(m, &from);

	if (c != LWC_SWITCHED)
		return c < 0 ? c : monitor_run(m);
	fd = open(race->path, O_RDONLY);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		w[0] = strncmp(text, "the secret", 10) == 0 ? 2 : 1;
	lwc_switch(from, w, NULL);
	_exit(9);
}

/* 1: it has read the file that it may; 2: the other; 0: none. */
static int
race_run(bool naive)
{
	pid_t other, pid;
	int status = -1;

	memset(told, 0, sizeof(*told));
	memset(race, 0, sizeof(*race));
	strcpy(race->path, "/tmp/free");
	fflush(stdout);
	other = fork();
	if (other == 0)
		changer();
	pid = fork();
	if (pid == 0) {
		told->m.rule = jail;
		told->m.between = change;
		told->m.naive = naive;
		_exit(racer(&told->m) == 0 ? told->m.status : 100);
	}
	EQ(waitpid(pid, &status, 0), pid);
	race->stop = 1;
	EQ(waitpid(other, NULL, 0), other);
	EQ(race->done, 1);
	return status >> 8;
}

TEST(a_path_that_is_looked_at_twice_can_change)
{
	EQ(race_run(true), 2);
}

TEST(one_that_is_copied_can_not)
{
	EQ(race_run(false), 1);
}

/* ---- around Castor: the kernel's own calls */

/* A file that all may read, by a request to the commons that the image knows
 * nothing of: a protected call by handle, whatever it destroys. */
static bool
opens(uint64_t handle, const char *path)
{
	struct cm_window *w = (struct cm_window *)(OWN_THREADS + BLOCK_WINDOW);
	register uint64_t r10 __asm__("r10") = strlen(path);
	register uint64_t r8 __asm__("r8") = O_RDONLY;
	uint64_t nr = EXO_NR_BASE + EXO_NR_call, op = CM_OPEN;
	uint64_t d = (uint64_t)(int64_t)AT_FDCWD;

	memcpy(w->data, path, strlen(path));
	__asm__ volatile("xor %%r9d, %%r9d\n\t"
	    "lea -128(%%rsp), %%rsp\n\tpush %%rbp\n\tsyscall\n\t"
	    "pop %%rbp\n\tlea 128(%%rsp), %%rsp"
	    : "+a"(nr), "+D"(handle), "+S"(op), "+d"(d), "+r"(r10), "+r"(r8)
	    : : "rbx", "rcx", "r9", "r11", "r12", "r13", "r14", "r15",
	    "memory", "cc");
	return nr == EXO_K_REPLY && (int64_t)d >= 0;
}

/* What the kernel gives: capabilities to look at, and the commons to ask. */
static uint64_t
natives(void)
{
	struct exo_cap cap;
	uint64_t got = 0;

	for (exo_slot i = 0; i < 16; i++)
		got += exo_cap_read(i, (uint64_t)&cap) == 0;
	for (uint64_t h = 0; h < 16; h++)
		got += opens(h, "/tmp/free") ? 100 : 0;
	return got;
}

static long
prisoner(struct monitor *m)
{
	uint64_t w[LWC_ARGS] = { 0 };
	int from;
	long c = monitor_context(m, &from);

	if (c != LWC_SWITCHED)
		return c < 0 ? c : monitor_run(m);
	w[0] = natives();
	lwc_switch(from, w, NULL);
	_exit(9);
}

TEST(native_calls_come_to_the_monitor_too)
{
	int status = -1;
	pid_t pid;

	OK(natives() > 100);
	memset(told, 0, sizeof(*told));
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit((told->result = (int)prisoner(&told->m)) == 0 ?
		    told->m.status : 100);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	EQ(told->result, 0);
	EQ(told->m.native, 16);
}

int
main(void)
{
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return tap_run();
}
