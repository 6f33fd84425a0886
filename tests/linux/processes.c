/*
 * processes.c - vfork and what may be counted on, users and what they may,
 * limits, memory and locks between processes.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "fails.h"

extern char **environ;

/* Run in a child: its exit status, or 1000 + the signal. */
static int
in_child(int (*run)(void))
{
	pid_t p = fork();
	int status;

	if (p == 0)
		_exit(run());
	if (waitpid(p, &status, 0) != p)
		return -1;
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

/* ---- vfork */

static volatile int in_data = 1;

TEST(a_child_of_vfork_writes_its_parents_memory)
{
	volatile int on_stack = 1;
	volatile int *heap = malloc(sizeof(int));
	int status;
	pid_t p;

	*heap = 1;
	p = vfork();
	if (p == 0) {
		in_data = 2;
		on_stack = 2;
		*heap = 2;
		_exit(7);
	}
	EQ(in_data, 2);
	EQ(on_stack, 2);
	EQ(*heap, 2);
	EQ(waitpid(p, &status, 0), p);
	EQ(WEXITSTATUS(status), 7);
	free((void *)heap);
}

TEST(vfork_waits_until_the_child_is_another_program)
{
	volatile int failed = 0;
	int v[2];
	char b[8];
	pid_t p;

	EQ(pipe(v), 0);
	p = vfork();
	if (p == 0) {
		dup2(v[1], 1);
		in_data = 3;
		execl("/bin/echo", "echo", "hi", (char *)0);
		_exit(1);
	}
	EQ(in_data, 3);
	close(v[1]);
	EQ(read(v[0], b, sizeof(b)), 3);
	EQ(waitpid(p, NULL, 0), p);
	close(v[0]);
	p = vfork();
	if (p == 0) {
		execl("/bin/none-such", "none", (char *)0);
		failed = errno;
		_exit(1);
	}
	EQ(failed, ENOENT);
	EQ(waitpid(p, NULL, 0), p);
}

TEST(a_killed_child_of_vfork_leaves_nothing)
{
	volatile int word = 1;
	int status;
	pid_t p = vfork();

	if (p == 0) {
		word = 2;
		kill(getpid(), SIGKILL);
	}
	EQ(word, 1);
	EQ(waitpid(p, &status, 0), p);
	EQ(WTERMSIG(status), SIGKILL);
}

TEST(posix_spawn_says_what_went_wrong)
{
	char *args[] = { "true", NULL };
	int status;
	pid_t p;

	EQ(posix_spawn(&p, "/bin/none-such", NULL, NULL, args, environ),
	    ENOENT);
	EQ(posix_spawn(&p, "/bin/true", NULL, NULL, args, environ), 0);
	EQ(waitpid(p, &status, 0), p);
	EQ(status, 0);
	EQ(WEXITSTATUS(system("exit 5")), 5);
}

/* ---- users */

static int
as_user(void)
{
	struct stat st;
	gid_t g[4];
	uid_t r, e, s;
	int fd;

	if (setgroups(1, &(gid_t){ 300 }) != 0 || setgid(200) != 0 ||
	    setuid(100) != 0)
		return 1;
	if (getuid() != 100 || geteuid() != 100 || getgid() != 200)
		return 2;
	if (getresuid(&r, &e, &s) != 0 || s != 100)
		return 3;
	if (getgroups(4, g) != 1 || g[0] != 300)
		return 4;
	if (setuid(0) == 0 || errno != EPERM)
		return 5;
	if (open("/tmp/u/secret", O_RDONLY) >= 0 || errno != EACCES)
		return 6;
	if (open("/tmp/u/public", O_RDONLY) < 0)
		return 7;
	if (open("/tmp/u/public", O_WRONLY) >= 0 || errno != EACCES)
		return 8;
	if (open("/tmp/u/groups", O_RDWR) < 0)
		return 9;
	if (creat("/tmp/u/new", 0600) >= 0 || errno != EACCES)
		return 10;
	if (unlink("/tmp/u/public") == 0 || errno != EACCES)
		return 11;
	if (stat("/tmp/u/closed/x", &st) == 0 || errno != EACCES)
		return 12;
	if (chdir("/tmp/u/closed") == 0 || errno != EACCES)
		return 13;
	fd = open("/tmp/open/mine", O_CREAT | O_RDWR, 0000);
	if (fd < 0 || write(fd, "x", 1) != 1 || fstat(fd, &st) != 0)
		return 14;
	if (st.st_uid != 100 || st.st_gid != 200)
		return 15;
	if (open("/tmp/open/mine", O_RDONLY) >= 0 || errno != EACCES)
		return 16;
	if (chmod("/tmp/open/mine", 0400) != 0 ||
	    open("/tmp/open/mine", O_RDONLY) < 0)
		return 17;
	if (chmod("/tmp/u/public", 0666) == 0 || errno != EPERM)
		return 18;
	if (chown("/tmp/open/mine", 0, -1) == 0 || errno != EPERM)
		return 19;
	if (chown("/tmp/open/mine", -1, 300) != 0)
		return 20;
	if (unlink("/tmp/open/roots") == 0 || errno != EPERM)
		return 21;		/* sticky */
	if (rename("/tmp/open/roots", "/tmp/open/x") == 0 || errno != EPERM)
		return 22;
	if (kill(getppid(), 0) == 0 || errno != EPERM)
		return 23;
	if (kill(getpid(), 0) != 0)
		return 24;
	if (access("/tmp/u/secret", R_OK) == 0 || errno != EACCES)
		return 25;
	if (truncate("/tmp/u/public", 0) == 0 || errno != EACCES)
		return 26;
	if (link("/tmp/u/public", "/tmp/u/l") == 0 || errno != EACCES)
		return 27;
	if (setgroups(0, NULL) == 0 || errno != EPERM)
		return 28;
	return 0;
}

TEST(users_may_what_they_may)
{
	umask(022);
	mkdir("/tmp/u", 0755);
	mkdir("/tmp/u/closed", 0700);
	mkdir("/tmp/open", 0777);
	EQ(chmod("/tmp/open", 01777), 0);
	close(creat("/tmp/u/secret", 0600));
	close(creat("/tmp/u/public", 0644));
	close(creat("/tmp/u/closed/x", 0644));
	close(creat("/tmp/u/groups", 0660));
	close(creat("/tmp/open/roots", 0666));
	EQ(chmod("/tmp/u/groups", 0660), 0);
	EQ(chown("/tmp/u/groups", 0, 300), 0);
	EQ(in_child(as_user), 0);
	EQ(unlink("/tmp/open/mine"), 0);
}

static int
back_and_forth(void)
{
	uid_t r, e, s;

	if (setresuid(100, 100, 0) != 0 || geteuid() != 100)
		return 1;
	if (open("/tmp/u/secret", O_RDONLY) >= 0)
		return 2;
	if (seteuid(0) != 0 || open("/tmp/u/secret", O_RDONLY) < 0)
		return 3;
	if (setreuid(50, 60) != 0)
		return 4;
	if (getresuid(&r, &e, &s) != 0 || r != 50 || e != 60 || s != 60)
		return 5;
	if (setreuid(60, 50) != 0 || geteuid() != 50)
		return 6;
	return seteuid(0) == 0;
}

TEST(saved_ids_are_a_way_back)
{
	EQ(in_child(back_and_forth), 0);
}

/* ---- limits */

static int
few_files(void)
{
	struct rlimit l = { 10, 10 };
	int fd = 0, n = 0;

	if (setrlimit(RLIMIT_NOFILE, &l) != 0)
		return 100;
	while ((fd = dup(0)) >= 0)
		n = fd;
	return errno == EMFILE ? n : 101;
}

static int
small_files(void)
{
	static char b[300];
	struct rlimit l = { 1000, 1000 };
	int fd = open("/tmp/small", O_CREAT | O_WRONLY, 0600), n = 0;

	setrlimit(RLIMIT_FSIZE, &l);
	for (int i = 0; i < 4; i++)
		n += (int)write(fd, b, sizeof(b));
	if (n != 1000)
		return 1;
	signal(SIGXFSZ, SIG_IGN);
	if (write(fd, b, 1) != -1 || errno != EFBIG)
		return 2;
	if (ftruncate(fd, 2000) != -1 || errno != EFBIG)
		return 3;
	signal(SIGXFSZ, SIG_DFL);
	(void)!write(fd, b, 1);
	return 4;
}

static int
little_memory(void)
{
	struct rlimit l = { 16 << 20, 16 << 20 };
	void *p;

	if (setrlimit(RLIMIT_AS, &l) != 0)
		return 1;
	p = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p == MAP_FAILED)
		return 2;
	p = mmap(NULL, 32 << 20, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);
	if (p != MAP_FAILED || errno != ENOMEM)
		return 3;
	return 0;
}

static int
few_processes(void)
{
	struct rlimit l = { 1, 1 };

	if (setuid(77) != 0 || setrlimit(RLIMIT_NPROC, &l) != 0)
		return 1;
	return fork() != -1 || errno != EAGAIN;
}

TEST(limits_hold)
{
	struct rlimit l;

	EQ(in_child(few_files), 9);
	EQ(in_child(small_files), 1000 + SIGXFSZ);
	EQ(in_child(little_memory), 0);
	EQ(in_child(few_processes), 0);
	EQ(getrlimit(RLIMIT_CORE, &l), 0);
	EQ(l.rlim_max, 0);
	l = (struct rlimit){ 2, 1 };
	FAILS(setrlimit(RLIMIT_CPU, &l), EINVAL);
	EQ(prlimit(getppid(), RLIMIT_NOFILE, NULL, &l), 0);
	EQ(l.rlim_cur, 256);
	FAILS(prlimit(9999, RLIMIT_NOFILE, NULL, &l), ESRCH);
	unlink("/tmp/small");
}

/* ---- memory and locks in common */

struct common {
	pthread_mutex_t m;
	pthread_cond_t c;
	int word, turns;
};

static struct common *
common(int robust)
{
	struct common *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANON, -1, 0);
	pthread_mutexattr_t ma;
	pthread_condattr_t ca;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
	if (robust)
		pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
	pthread_condattr_init(&ca);
	pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->m, &ma);
	pthread_cond_init(&s->c, &ca);
	return s;
}

TEST(processes_take_turns)
{
	struct common *s = common(0);
	int status;
	pid_t p = fork();

	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&s->m);
		while ((s->turns % 2 == 0) != (p != 0))
			pthread_cond_wait(&s->c, &s->m);
		s->turns++;
		pthread_cond_signal(&s->c);
		pthread_mutex_unlock(&s->m);
	}
	if (p == 0)
		_exit(0);
	EQ(waitpid(p, &status, 0), p);
	EQ(s->turns, 400);
	munmap(s, sizeof(*s));
}

TEST(a_wait_in_common_memory_ends_in_time)
{
	struct common *s = common(0);
	struct timespec t = { 0, 20000000 };

	EQ(syscall(SYS_futex, &s->word, 0, 0, &t, NULL, 0), -1);
	EQ(errno, ETIMEDOUT);
	EQ(syscall(SYS_futex, &s->word, 0, 1, &t, NULL, 0), -1);
	EQ(errno, EAGAIN);
	EQ(syscall(SYS_futex, &s->word, 1, 10, NULL, NULL, 0), 0);
	munmap(s, sizeof(*s));
}

static volatile int alarmed;

static void
on_alarm(int sig)
{
	alarmed = sig;
}

TEST(a_signal_ends_a_wait_in_common_memory)
{
	struct sigaction a = { .sa_handler = on_alarm };
	struct common *s = common(0);
	struct timespec t = { 20, 0 };

	sigaction(SIGALRM, &a, NULL);
	ualarm(20000, 500000);		/* the first may come before it waits */
	EQ(syscall(SYS_futex, &s->word, 0, 0, &t, NULL, 0), -1);
	EQ(errno, EINTR);
	ualarm(0, 0);
	EQ(alarmed, SIGALRM);
	munmap(s, sizeof(*s));
}

TEST(a_lock_of_one_who_died_is_passed_on)
{
	struct common *s = common(1);
	pid_t p = fork();

	if (p == 0) {
		pthread_mutex_lock(&s->m);
		s->word = 1;
		usleep(30000);
		_exit(0);
	}
	while (((volatile struct common *)s)->word == 0)
		usleep(1000);
	EQ(pthread_mutex_lock(&s->m), EOWNERDEAD);
	EQ(pthread_mutex_consistent(&s->m), 0);
	EQ(pthread_mutex_unlock(&s->m), 0);
	EQ(pthread_mutex_lock(&s->m), 0);
	EQ(pthread_mutex_unlock(&s->m), 0);
	EQ(waitpid(p, NULL, 0), p);
	munmap(s, sizeof(*s));
}

static void *
take_and_end(void *m)
{
	pthread_mutex_lock(m);
	return NULL;
}

TEST(a_lock_of_a_thread_that_ended_is_passed_on)
{
	pthread_mutexattr_t ma;
	pthread_mutex_t m;
	pthread_t t;

	pthread_mutexattr_init(&ma);
	pthread_mutexattr_setrobust(&ma, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&m, &ma);
	EQ(pthread_create(&t, NULL, take_and_end, &m), 0);
	EQ(pthread_join(t, NULL), 0);
	EQ(pthread_mutex_lock(&m), EOWNERDEAD);
	EQ(pthread_mutex_consistent(&m), 0);
	EQ(pthread_mutex_unlock(&m), 0);
}

TEST(files_are_locked)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
	    .l_start = 0, .l_len = 10 };
	int fd = open("/tmp/lock", O_CREAT | O_RDWR, 0600), status, tried[2];
	char c;
	pid_t p;

	EQ(fcntl(fd, F_SETLK, &l), 0);
	EQ(flock(fd, LOCK_EX), 0);
	EQ(pipe(tried), 0);
	p = fork();
	if (p == 0) {
		int other = open("/tmp/lock", O_RDWR);

		l.l_type = F_RDLCK;
		if (fcntl(other, F_SETLK, &l) != -1 || errno != EAGAIN)
			_exit(1);
		if (fcntl(other, F_GETLK, &l) != 0 || l.l_pid != getppid() ||
		    l.l_type != F_WRLCK)
			_exit(2);
		if (flock(other, LOCK_SH | LOCK_NB) != -1)
			_exit(3);
		l.l_type = F_WRLCK;
		(void)!write(tried[1], "t", 1);
		_exit(fcntl(other, F_SETLKW, &l) != 0);
	}
	close(tried[1]);
	(void)!read(tried[0], &c, 1);
	close(tried[0]);
	usleep(20000);			/* it waits by now, most likely */
	l.l_type = F_UNLCK;
	EQ(fcntl(fd, F_SETLK, &l), 0);
	EQ(waitpid(p, &status, 0), p);
	EQ(status, 0);
	close(fd);
	unlink("/tmp/lock");
}

TEST(names_and_others_of_prctl)
{
	char b[16];

	EQ(prctl(PR_GET_NAME, b), 0);
	OK(strcmp(b, "processes") == 0);
	EQ(prctl(PR_SET_NAME, "a name that is too long"), 0);
	EQ(prctl(PR_GET_NAME, b), 0);
	OK(strcmp(b, "a name that is ") == 0);
	EQ(prctl(PR_GET_DUMPABLE), 1);
	EQ(prctl(PR_GET_NO_NEW_PRIVS), 0);
	EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	EQ(prctl(PR_GET_NO_NEW_PRIVS), 1);
	FAILS(prctl(9999), EINVAL);
}

TAP_MAIN
