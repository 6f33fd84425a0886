/*
 * signals.c - signals that are queued, waited for, told about; children that
 * stop and go on; what a fault says of itself.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "fails.h"

static int seen[16], values[16], nseen;
static siginfo_t last;

static void
on_signal(int sig, siginfo_t *info, void *uc)
{
	(void)uc;
	last = *info;
	if (nseen < 16) {
		values[nseen] = info->si_value.sival_int;
		seen[nseen++] = sig;
	}
}

static void
handle(int sig, int flags)
{
	struct sigaction a = { .sa_sigaction = on_signal,
	    .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &a, NULL);
	nseen = 0;
}

static sigset_t
set_of(int a, int b)
{
	sigset_t s;

	sigemptyset(&s);
	sigaddset(&s, a);
	if (b != 0)
		sigaddset(&s, b);
	return s;
}

TEST(real_time_signals_come_each_and_in_order)
{
	int a = SIGRTMIN + 1, b = SIGRTMIN + 2;
	sigset_t s = set_of(a, b);

	handle(b, 0);
	handle(a, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	EQ(sigqueue(getpid(), b, (union sigval){ .sival_int = 1 }), 0);
	for (int i = 2; i < 6; i++)
		EQ(sigqueue(getpid(), a, (union sigval){ .sival_int = i }), 0);
	EQ(nseen, 0);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	EQ(nseen, 5);
	/* Handlers nest: the last signal's runs first on Linux, too; here what
	 * matters is the order among equals. */
	for (int i = 0, at = 2; i < nseen; i++) {
		if (seen[i] == a)
			EQ(values[i], at++);
	}
	EQ(last.si_code, SI_QUEUE);
	EQ(last.si_pid, getpid());
}

TEST(the_others_come_once)
{
	sigset_t s = set_of(SIGUSR1, 0), p;

	handle(SIGUSR1, 0);
	sigprocmask(SIG_BLOCK, &s, NULL);
	for (int i = 0; i < 5; i++)
		EQ(sigqueue(getpid(), SIGUSR1,
		    (union sigval){ .sival_int = 9 - i }), 0);
	sigpending(&p);
	EQ(sigismember(&p, SIGUSR1), 1);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	EQ(nseen, 1);
	EQ(values[0], 9);
	sigpending(&p);
	EQ(sigismember(&p, SIGUSR1), 0);
}

TEST(a_queue_is_not_endless)
{
	sigset_t s = set_of(SIGRTMIN + 3, 0);
	struct timespec none = { 0 };
	int n = 0;

	sigprocmask(SIG_BLOCK, &s, NULL);
	while (n < 10000 && sigqueue(getpid(), SIGRTMIN + 3,
	    (union sigval){ 0 }) == 0)
		n++;
	EQ(errno, EAGAIN);
	OK(n >= 32 && n < 10000);
	while (sigtimedwait(&s, NULL, &none) == SIGRTMIN + 3)
		n--;
	EQ(n, 0);
	FAILS(sigqueue(getpid(), 99, (union sigval){ 0 }), EINVAL);
	FAILS(sigqueue(9999, SIGUSR1, (union sigval){ 0 }), ESRCH);
}

TEST(signals_are_waited_for)
{
	sigset_t s = set_of(SIGUSR2, SIGCHLD);
	struct timespec t = { 0, 20000000 };
	siginfo_t i;
	pid_t p;
	int sig;

	sigprocmask(SIG_BLOCK, &s, NULL);
	FAILS(sigtimedwait(&s, &i, &t), EAGAIN);
	kill(getpid(), SIGUSR2);
	EQ(sigwaitinfo(&s, &i), SIGUSR2);
	EQ(i.si_pid, getpid());
	EQ(i.si_code, SI_USER);
	p = fork();
	if (p == 0) {
		usleep(20000);
		_exit(3);
	}
	EQ(sigwaitinfo(&s, &i), SIGCHLD);
	EQ(i.si_pid, p);
	EQ(i.si_status, 3);
	EQ(waitpid(p, NULL, 0), p);
	kill(getpid(), SIGUSR2);
	EQ(sigwait(&s, &sig), 0);
	EQ(sig, SIGUSR2);
	handle(SIGALRM, 0);
	ualarm(20000, 500000);		/* the first may come before it waits */
	t.tv_sec = 20;			/* (musl's own begins again) */
	FAILS(syscall(SYS_rt_sigtimedwait, &s, &i, &t, 8), EINTR);
	ualarm(0, 0);
	OK(nseen >= 1);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static void *
wait_usr1(void *out)
{
	sigset_t s = set_of(SIGUSR1, 0);

	return sigwait(&s, out) == 0 ? out : NULL;
}

/* All block it; whoever waits for it gets it, not who asks for it no more. */
TEST(a_thread_waits_for_the_process)
{
	sigset_t s = set_of(SIGUSR1, 0);
	int got = 0;
	pthread_t t;

	sigprocmask(SIG_BLOCK, &s, NULL);
	EQ(pthread_create(&t, NULL, wait_usr1, &got), 0);
	usleep(30000);
	kill(getpid(), SIGUSR1);
	EQ(pthread_join(t, NULL), 0);
	EQ(got, SIGUSR1);
	kill(getpid(), SIGUSR1);	/* it waits at the first one */
	got = 0;
	EQ(pthread_create(&t, NULL, wait_usr1, &got), 0);
	EQ(pthread_join(t, NULL), 0);
	EQ(got, SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
}

static volatile int in_thread;

static void
note_thread(int sig)
{
	(void)sig;
	in_thread = (int)syscall(SYS_gettid);
}

static void *
sit(void *out)
{
	*(volatile int *)out = (int)syscall(SYS_gettid);
	while (in_thread == 0)
		usleep(2000);
	return NULL;
}

TEST(a_thread_is_signalled_alone)
{
	volatile int tid = 0;
	pthread_t t;

	signal(SIGUSR2, note_thread);
	EQ(pthread_create(&t, NULL, sit, (void *)&tid), 0);
	while (tid == 0)
		usleep(1000);
	EQ(pthread_kill(t, SIGUSR2), 0);
	EQ(pthread_join(t, NULL), 0);
	EQ(in_thread, tid);
	OK(in_thread != getpid());
}

/* ---- children */

TEST(stops_and_ends_are_told)
{
	siginfo_t i;
	int status;
	pid_t p;

	handle(SIGCHLD, 0);
	p = fork();
	if (p == 0) {
		for (;;)
			pause();
	}
	EQ(kill(p, SIGSTOP), 0);
	EQ(waitpid(p, &status, WUNTRACED), p);
	OK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	EQ(last.si_code, CLD_STOPPED);
	EQ(last.si_status, SIGSTOP);
	EQ(last.si_pid, p);
	EQ(waitpid(p, &status, WUNTRACED | WNOHANG), 0);
	EQ(kill(p, SIGCONT), 0);
	EQ(waitid(P_PID, (id_t)p, &i, WCONTINUED), 0);
	EQ(i.si_code, CLD_CONTINUED);
	EQ(last.si_code, CLD_CONTINUED);
	EQ(kill(p, SIGTERM), 0);
	EQ(waitid(P_PID, (id_t)p, &i, WEXITED | WNOWAIT), 0);
	EQ(i.si_code, CLD_KILLED);
	EQ(i.si_status, SIGTERM);
	EQ(waitid(P_ALL, 0, &i, WEXITED), 0);
	EQ(i.si_pid, p);
	FAILS(waitid(P_ALL, 0, &i, WEXITED), ECHILD);
	FAILS(waitid(P_ALL, 0, &i, 0), EINVAL);
}

TEST(no_word_of_stops_if_so_asked)
{
	int status;
	pid_t p;

	handle(SIGCHLD, SA_NOCLDSTOP);
	p = fork();
	if (p == 0) {
		for (;;)
			pause();
	}
	kill(p, SIGSTOP);
	EQ(waitpid(p, &status, WUNTRACED), p);
	EQ(nseen, 0);
	kill(p, SIGCONT);
	kill(p, SIGKILL);
	EQ(waitpid(p, &status, 0), p);
	EQ(nseen, 1);
	handle(SIGCHLD, SA_NOCLDWAIT);
	p = fork();
	if (p == 0)
		_exit(0);
	FAILS(waitpid(p, &status, 0), ECHILD);
	signal(SIGCHLD, SIG_DFL);
}

TEST(flags_of_handlers)
{
	sigset_t now;

	handle(SIGUSR1, SA_RESETHAND);
	raise(SIGUSR1);
	EQ(nseen, 1);
	struct sigaction a;
	sigaction(SIGUSR1, NULL, &a);
	OK(a.sa_handler == SIG_DFL);
	EQ(last.si_code, SI_TKILL);
	sigprocmask(SIG_BLOCK, NULL, &now);
	EQ(sigismember(&now, SIGUSR1), 0);
}

/* ---- faults */

static sigjmp_buf back;
static siginfo_t fault;

static void
on_fault(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	fault = *info;
	siglongjmp(back, 1);
}

#define FAULTS(statement, sig, code)					      \
	do {								      \
		memset(&fault, 0, sizeof(fault));			      \
		if (sigsetjmp(back, 1) == 0) {				      \
			statement;					      \
		}							      \
		EQ(fault.si_signo, sig);				      \
		EQ(fault.si_code, code);				      \
	} while (0)

TEST(faults_say_why)
{
	struct sigaction a = { .sa_sigaction = on_fault,
	    .sa_flags = SA_SIGINFO };
	volatile int zero = 0, *p;
	int fd = open("/tmp/short", O_CREAT | O_RDWR, 0600);

	sigaction(SIGSEGV, &a, NULL);
	sigaction(SIGBUS, &a, NULL);
	sigaction(SIGFPE, &a, NULL);
	sigaction(SIGILL, &a, NULL);
	sigaction(SIGTRAP, &a, NULL);
	p = (volatile int *)0x123450;
	FAULTS(*p = 1, SIGSEGV, SEGV_MAPERR);
	OK(fault.si_addr == (void *)0x123450);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON, -1, 0);
	FAULTS(*p = 1, SIGSEGV, SEGV_ACCERR);
	OK(fault.si_addr == (void *)p);
	FAULTS(((void (*)(void))(uintptr_t)p)(), SIGSEGV, SEGV_ACCERR);
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	FAULTS((void)*p, SIGBUS, BUS_ADRERR);
	FAULTS(__asm__ volatile("cltd; idivl %0" : : "m"(zero), "a"(1) :
	    "rdx"), SIGFPE, FPE_INTDIV);
	FAULTS(__asm__ volatile("ud2"), SIGILL, ILL_ILLOPN);
	FAULTS(__asm__ volatile("int3"), SIGTRAP, SI_KERNEL);
	close(fd);
	unlink("/tmp/short");
}

/* ---- memory that is asked for in odd ways */

TEST(odd_mappings)
{
	unsigned char vec[4];
	char *p = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANON, -1, 0), *q;
	int fd = memfd_create("x", MFD_CLOEXEC);

	FAILS((long)mmap(p, 4096, PROT_READ, MAP_PRIVATE | MAP_ANON |
	    MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	p[4096] = 1;
	EQ(mincore(p, 4 * 4096, vec), 0);
	EQ(vec[0] & 1, 0);
	EQ(vec[1] & 1, 1);
	EQ(vec[2] & 1, 0);
	FAILS(mincore(p + 1, 4096, vec), EINVAL);
	EQ(madvise(p, 4 * 4096, MADV_DONTNEED), 0);
	EQ(p[4096], 0);
	EQ(mlock(p, 4096), 0);
	EQ(mlockall(MCL_CURRENT), 0);
	EQ(munlockall(), 0);
	EQ(ftruncate(fd, 8192), 0);
	q = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(q + 4000, "written here");
	EQ(pread(fd, p, 13, 4000), 13);
	OK(strcmp(p, "written here") == 0);
	EQ(pwrite(fd, "and there", 10, 100), 10);
	OK(strcmp(q + 100, "and there") == 0);
	q = mremap(p, 4 * 4096, 8 * 4096, MREMAP_MAYMOVE);
	OK(strcmp(q, "written here") == 0);
	q[8 * 4096 - 1] = 1;
	p = mremap(q, 8 * 4096, 4096, 0);
	OK(p == q);
	FAILS((long)mremap(p, 4096, 4096, MREMAP_FIXED, p), EINVAL);
	EQ(munmap(p, 4096), 0);
	close(fd);
}

TAP_MAIN
