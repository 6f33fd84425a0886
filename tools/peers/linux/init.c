/*
 * Peer baseline micro-benchmarks for Linux, run as PID 1 from an initramfs.
 *
 * Every sample is one rdtsc delta around one operation; the delta of two
 * adjacent reads ("empty") is subtracted.  Under `-icount shift=0` a tick is
 * exactly one guest instruction (kernel + user), otherwise it is a host TSC
 * tick.  Output lines:
 *     R <name> n=<samples> min=<> med=<> p90=<> max=<>
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

typedef uint64_t u64;

#define PAGE 4096UL
#define MAXS 20000

static u64 *S; /* samples, MAP_SHARED so children may write */
static u64 empty;

static inline __attribute__((always_inline)) u64
tsc(void)
{
	u64 a, d;
	__asm__ volatile("rdtsc" : "=a"(a), "=d"(d) : : "memory");
	return a | (d << 32);
}

static inline long
sc0(long n)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(n) : "rcx", "r11", "memory");
	return r;
}

static inline long
sc3(long n, long a, long b, long c)
{
	long r;
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(n), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

static inline long
sc6(long n, long a, long b, long c, long d, long e, long f)
{
	long r;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	__asm__ volatile(
	    "syscall"
	    : "=a"(r)
	    : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return r;
}

static int
cmp(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;
	return x < y ? -1 : x > y;
}

/* div: how many operations one sample covers */
static void
report(const char *name, int n, int div)
{
	int i;
	if (n <= 0) {
		printf("R %-28s SKIPPED\n", name);
		return;
	}
	for (i = 0; i < n; i++)
		S[i] = (S[i] > empty ? S[i] - empty : 0) / div;
	qsort(S, n, sizeof *S, cmp);
	printf("R %-28s n=%d min=%lu med=%lu p90=%lu max=%lu\n", name, n, S[0],
	    S[n / 2], S[n * 9 / 10], S[n - 1]);
	fflush(stdout);
}

#define LOOP(name, n, stmt)                                                    \
	do {                                                                   \
		int _n = (n), _i;                                              \
		for (_i = 0; _i < _n; _i++) {                                  \
			u64 _t0 = tsc();                                       \
			stmt;                                                  \
			u64 _t1 = tsc();                                       \
			S[_i] = _t1 - _t0;                                     \
		}                                                              \
		report(name, _n, 1);                                           \
	} while (0)

static void
die(const char *what)
{
	printf("FAIL %s: %s\n", what, strerror(errno));
	fflush(stdout);
}

static void *
anon(size_t len, int prot)
{
	void *p = mmap(0, len, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		die("mmap");
		exit(1);
	}
	madvise(p, len, MADV_NOHUGEPAGE);
	return p;
}

static void *
sharedmem(size_t len)
{
	void *p = mmap(
	    0, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		die("mmap shared");
		exit(1);
	}
	memset(p, 0, len);
	return p;
}

static void
fifo(int on)
{
	struct sched_param sp = { .sched_priority = on ? 10 : 0 };
	if (sched_setscheduler(0, on ? SCHED_FIFO : SCHED_OTHER, &sp))
		die("sched_setscheduler");
}

/* ---------------------------------------------------------------- basics */

static void
b_null(void)
{
	LOOP("null_syscall_getppid", 10000, sc0(SYS_getppid));
	LOOP("bad_syscall_nr", 10000, sc0(9999));
}

static void
b_pipe(int n)
{
	int a[2], b[2], i;
	char c = 0;
	pid_t p;
	if (pipe(a) || pipe(b)) {
		die("pipe");
		return;
	}
	p = fork();
	if (!p) {
		close(a[1]);
		close(b[0]);
		while (sc3(SYS_read, a[0], (long)&c, 1) == 1)
			sc3(SYS_write, b[1], (long)&c, 1);
		_exit(0);
	}
	close(a[0]);
	close(b[1]);
	for (i = 0; i < n + 100; i++) {
		u64 t0 = tsc();
		sc3(SYS_write, a[1], (long)&c, 1);
		sc3(SYS_read, b[0], (long)&c, 1);
		u64 t1 = tsc();
		if (i >= 100)
			S[i - 100] = t1 - t0;
	}
	close(a[1]);
	close(b[0]);
	waitpid(p, 0, 0);
	report("pipe_pingpong_rt", n, 1);
}

static void
b_unix(int n)
{
	int a[2], i;
	char c = 0;
	pid_t p;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, a)) {
		die("socketpair");
		return;
	}
	p = fork();
	if (!p) {
		close(a[0]);
		while (sc3(SYS_read, a[1], (long)&c, 1) == 1)
			sc3(SYS_write, a[1], (long)&c, 1);
		_exit(0);
	}
	close(a[1]);
	for (i = 0; i < n + 100; i++) {
		u64 t0 = tsc();
		sc3(SYS_write, a[0], (long)&c, 1);
		sc3(SYS_read, a[0], (long)&c, 1);
		u64 t1 = tsc();
		if (i >= 100)
			S[i - 100] = t1 - t0;
	}
	close(a[0]);
	waitpid(p, 0, 0);
	report("unix_stream_pingpong_rt", n, 1);
}

static void *
thr_nop(void *x)
{
	return x;
}

static void
b_thread(int n)
{
	pthread_attr_t at;
	pthread_t t;
	void *stk = mmap(0, 1 << 16, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_init(&at);
	pthread_attr_setstack(&at, stk, 1 << 16);
	LOOP("pthread_create_run_join", n, {
		pthread_create(&t, &at, thr_nop, 0);
		pthread_join(t, 0);
	});
}

/* two-party strict hand-over through futexes */
static volatile int *fx;
static volatile int stop;
static long
fwait(volatile int *a, int v)
{
	return sc6(SYS_futex, (long)a, FUTEX_WAIT, v, 0, 0, 0);
}
static long
fwake(volatile int *a)
{
	return sc6(SYS_futex, (long)a, FUTEX_WAKE, 1, 0, 0, 0);
}

static void
echo_futex(void)
{
	for (;;) {
		while (!fx[0])
			fwait(&fx[0], 0);
		if (fx[0] == 2)
			return;
		fx[0] = 0;
		fx[16] = 1;
		fwake(&fx[16]);
	}
}
static void *
echo_thread(void *x)
{
	echo_futex();
	return x;
}

static void
drive_futex(const char *name, int n)
{
	int i;
	for (i = 0; i < n + 100; i++) {
		u64 t0 = tsc();
		fx[0] = 1;
		fwake(&fx[0]);
		while (!fx[16])
			fwait(&fx[16], 0);
		fx[16] = 0;
		u64 t1 = tsc();
		if (i >= 100)
			S[i - 100] = t1 - t0;
	}
	fx[0] = 2;
	fwake(&fx[0]);
	report(name, n, 1);
}

static void
b_futex(int n)
{
	pthread_t t;
	pid_t p;
	fx = sharedmem(PAGE);
	if (pthread_create(&t, 0, echo_thread, 0)) {
		die("thread");
		return;
	}
	drive_futex("futex_thread_rt", n);
	pthread_join(t, 0);
	fx[0] = fx[16] = 0;
	p = fork();
	if (!p) {
		echo_futex();
		_exit(0);
	}
	drive_futex("futex_process_rt", n);
	waitpid(p, 0, 0);
}

/* SCHED_FIFO sched_yield between equals: two switches per sample */
static void *
yielder(void *x)
{
	fifo(1);
	while (!stop)
		sc0(SYS_sched_yield);
	return x;
}

static void
b_yield(int n)
{
	pthread_t t;
	pid_t p;
	volatile int *sh = sharedmem(PAGE);
	fifo(1);
	stop = 0;
	pthread_create(&t, 0, yielder, 0);
	usleep(2000);
	LOOP("yield_thread_rt_fifo", n, sc0(SYS_sched_yield));
	stop = 1;
	pthread_join(t, 0);
	p = fork();
	if (!p) {
		while (!*sh)
			sc0(SYS_sched_yield);
		_exit(0);
	}
	sc0(SYS_sched_yield);
	LOOP("yield_process_rt_fifo", n, sc0(SYS_sched_yield));
	*sh = 1;
	waitpid(p, 0, 0);
	fifo(0);
	LOOP("yield_alone", n, sc0(SYS_sched_yield));
}

static void
b_fork(int n)
{
	static char *argv[] = { "/tiny", 0 }, *envp[] = { 0 };
	LOOP("fork_exit_wait", n, {
		long p = sc0(SYS_fork);
		if (!p)
			sc3(SYS_exit_group, 0, 0, 0);
		sc6(SYS_wait4, p, 0, 0, 0, 0, 0);
	});
	LOOP("fork_exec_exit_wait", n, {
		long p = sc0(SYS_fork);
		if (!p) {
			sc3(SYS_execve, (long)argv[0], (long)argv, (long)envp);
			sc3(SYS_exit_group, 1, 0, 0);
		}
		sc6(SYS_wait4, p, 0, 0, 0, 0, 0);
	});
	LOOP("vfork_exec_exit_wait", n, {
		pid_t p = vfork();
		if (!p) {
			sc3(SYS_execve, (long)argv[0], (long)argv, (long)envp);
			sc3(SYS_exit_group, 1, 0, 0);
		}
		sc6(SYS_wait4, p, 0, 0, 0, 0, 0);
	});
}

/* ---------------------------------------------------------------- memory */

static void
b_vm(int n)
{
	char *p;
	int i;
	LOOP("mmap_munmap_1page", n, {
		long q = sc6(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		sc3(SYS_munmap, q, PAGE, 0);
	});
	LOOP("mmap_touch_munmap_1page", n, {
		long q = sc6(SYS_mmap, 0, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(volatile char *)q = 1;
		sc3(SYS_munmap, q, PAGE, 0);
	});
	p = anon(n * PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < n; i++) {
		u64 t0 = tsc();
		*(volatile char *)(p + i * PAGE) = 1;
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("minor_fault_anon_write", n, 1);
	/* all present now: re-protection costs without any fault */
	LOOP("mprotect_1page_flip", n, {
		sc3(SYS_mprotect, (long)p, PAGE,
		    (_i & 1) ? PROT_READ | PROT_WRITE : PROT_READ);
	});
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < n; i++) {
		u64 t0 = tsc();
		sc3(SYS_mprotect, (long)p, 100 * PAGE, PROT_READ);
		u64 t1 = tsc();
		S[i] = t1 - t0;
		mprotect(p, 100 * PAGE, PROT_READ | PROT_WRITE);
	}
	report("prot100", n, 1);
	for (i = 0; i < n; i++) {
		mprotect(p, 100 * PAGE, PROT_READ);
		u64 t0 = tsc();
		sc3(SYS_mprotect, (long)p, 100 * PAGE, PROT_READ | PROT_WRITE);
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("unprot100", n, 1);
	munmap(p, n * PAGE);
	p = anon(n * PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < n; i++) {
		u64 t0 = tsc();
		(void)*(volatile char *)(p + i * PAGE);
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("minor_fault_anon_read_zero", n, 1);
	munmap(p, n * PAGE);
	/* copy-on-write fault, page populated and then shared by fork */
	p = anon(n * PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < n; i++)
		p[i * PAGE] = 1;
	{
		volatile int *sh = sharedmem(PAGE);
		pid_t c = fork();
		if (!c) {
			for (i = 0; i < n; i++) {
				u64 t0 = tsc();
				*(volatile char *)(p + i * PAGE) = 2;
				u64 t1 = tsc();
				S[i] = t1 - t0;
			}
			*sh = 1;
			_exit(0);
		}
		waitpid(c, 0, 0);
		report("cow_fault_after_fork", n, 1);
	}
	munmap(p, n * PAGE);
}

/* ------------------------------------------------- signals / user traps */

static volatile int segv_mode;
static char *segv_lo, *segv_hi;

static void
on_segv(int sig, siginfo_t *si, void *uc)
{
	ucontext_t *u = uc;
	char *a = si->si_addr;
	(void)sig;
	if (a < segv_lo || a >= segv_hi)
		_exit(99);
	switch (segv_mode) {
	case 0: /* skip the 3-byte store */
		u->uc_mcontext.gregs[REG_RIP] += 3;
		break;
	case 1: /* unprotect this page; appel1 also protects another */
	case 2:
		a = (char *)((uintptr_t)a & ~(PAGE - 1));
		sc3(SYS_mprotect, (long)a, PAGE, PROT_READ | PROT_WRITE);
		if (segv_mode == 1) {
			char *b = a + PAGE < segv_hi ? a + PAGE : segv_lo;
			sc3(SYS_mprotect, (long)b, PAGE, PROT_READ);
		}
		break;
	}
}

/* exactly "movb $1,(%rax)": c6 00 01, three bytes */
#define STORE(ptr)                                                             \
	__asm__ volatile(".byte 0xc6,0x00,0x01" : : "a"(ptr) : "memory")

static void
on_nop(int sig)
{
	(void)sig;
}

static inline __attribute__((always_inline)) void
div0(unsigned *a, unsigned *d)
{
	__asm__ volatile(".byte 0xf7,0xf1" /* div %ecx */
			 : "+a"(*a), "+d"(*d)
			 : "c"(0)
			 : "memory");
}

/* SIGILL (ud2) and SIGFPE (div): both instructions are two bytes long */
static void
on_skip2(int sig, siginfo_t *si, void *uc)
{
	(void)sig;
	(void)si;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void
b_signal(int n)
{
	struct sigaction sa, osa;
	char *p;
	int i, np = 100, r;
	long me = getpid();

	memset(&sa, 0, sizeof sa);
	sa.sa_handler = on_nop;
	sigaction(SIGUSR1, &sa, 0);
	LOOP("kill_self_signal_rt", n, sc3(SYS_kill, me, SIGUSR1, 0));

	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_skip2;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGILL, &sa, 0);
	sigaction(SIGFPE, &sa, 0);
	LOOP("sigill_ud2_trap_only", n, __asm__ volatile("ud2" : : : "memory"));
	LOOP("sigfpe_div_trap_only", n, {
		unsigned a_ = 1;
		unsigned d_ = 0;
		div0(&a_, &d_);
	});

	memset(&sa, 0, sizeof sa);
	sa.sa_sigaction = on_segv;
	sa.sa_flags = SA_SIGINFO;
	sigaction(SIGSEGV, &sa, &osa);

	p = anon(np * PAGE, PROT_READ | PROT_WRITE);
	for (i = 0; i < np; i++)
		p[i * PAGE] = 0;
	segv_lo = p;
	segv_hi = p + np * PAGE;

	/* trap only: the handler skips the instruction, no VM change */
	mprotect(p, PAGE, PROT_READ);
	segv_mode = 0;
	LOOP("segv_trap_only", n, STORE(p));
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);

	/* trap+unprot 1 page; re-protection outside the sample */
	segv_mode = 2;
	for (i = 0; i < n; i++) {
		mprotect(p, PAGE, PROT_READ);
		u64 t0 = tsc();
		STORE(p);
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("segv_trap_unprot", n, 1);

	/* appel1: prot1+trap+unprot: handler unprotects the faulting page and
	 * protects another one, pages touched in turn */
	for (i = 0; i < np; i++)
		mprotect(
		    p + i * PAGE, PAGE, i ? PROT_READ | PROT_WRITE : PROT_READ);
	segv_mode = 1;
	for (i = 0; i < n; i++) {
		char *q = p + (i % np) * PAGE;
		u64 t0 = tsc();
		STORE(q);
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("appel1_prot1_trap_unprot", n, 1);

	/* appel2: protN + N x (trap+unprot), per page */
	segv_mode = 2;
	r = n / 20;
	for (i = 0; i < r; i++) {
		int k;
		mprotect(p, np * PAGE, PROT_READ | PROT_WRITE);
		u64 t0 = tsc();
		sc3(SYS_mprotect, (long)p, np * PAGE, PROT_READ);
		for (k = 0; k < np; k++)
			STORE(p + ((k * 37) % np) * PAGE);
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("appel2_protN_trap_unprot/pg", r, np);
	sigaction(SIGSEGV, &osa, 0);
	munmap(p, np * PAGE);
}

/* ------------------------------------------------------------ userfaultfd */

static int uffd;
static volatile int uffd_mode;
static char *uffd_src;

static void *
uffd_server(void *x)
{
	struct uffd_msg m;
	for (;;) {
		if (read(uffd, &m, sizeof m) != sizeof m)
			return x;
		u64 a = m.arg.pagefault.address & ~(PAGE - 1);
		if (uffd_mode == 0) {
			struct uffdio_copy c = {
				.dst = a, .src = (u64)uffd_src, .len = PAGE
			};
			ioctl(uffd, UFFDIO_COPY, &c);
		} else if (uffd_mode == 1) {
			struct uffdio_zeropage z = { .range = { a, PAGE } };
			ioctl(uffd, UFFDIO_ZEROPAGE, &z);
		} else {
			struct uffdio_writeprotect w = { .range = { a, PAGE },
				.mode = 0 };
			ioctl(uffd, UFFDIO_WRITEPROTECT, &w);
		}
	}
}

static void
b_uffd(int n)
{
	struct uffdio_api api = { .api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	pthread_t t;
	char *p;
	int i;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api)) {
		die("userfaultfd");
		return;
	}
	uffd_src = anon(PAGE, PROT_READ | PROT_WRITE);
	memset(uffd_src, 7, PAGE);
	p = anon(3 * n * PAGE, PROT_READ | PROT_WRITE);
	struct uffdio_register reg = { .range = { (u64)p, 3 * n * PAGE },
		.mode =
		    UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP };
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		die("uffd register");
		return;
	}
	pthread_create(&t, 0, uffd_server, 0);
	usleep(2000);
	uffd_mode = 0;
	for (i = 0; i < n; i++) {
		char *q = p + i * PAGE;
		u64 t0 = tsc();
		*(volatile char *)q = 1;
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("uffd_missing_copy_rt", n, 1);
	uffd_mode = 1;
	for (i = 0; i < n; i++) {
		char *q = p + (n + i) * PAGE;
		u64 t0 = tsc();
		(void)*(volatile char *)q;
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("uffd_missing_zeropage_rt", n, 1);
	uffd_mode = 2;
	for (i = 0; i < n; i++) {
		char *q = p;
		struct uffdio_writeprotect w = { .range = { (u64)q, PAGE },
			.mode = UFFDIO_WRITEPROTECT_MODE_WP };
		if (ioctl(uffd, UFFDIO_WRITEPROTECT, &w)) {
			die("uffd wp");
			n = 0;
			break;
		}
		u64 t0 = tsc();
		*(volatile char *)q = 1;
		u64 t1 = tsc();
		S[i] = t1 - t0;
	}
	report("uffd_wp_fault_rt", n, 1);
	pthread_cancel(t);
	pthread_join(t, 0);
	close(uffd);
	munmap(p, 3 * n * PAGE);
}

/* --------------------------------------------------- syscall interposition */

static pid_t
traced(void)
{
	pid_t p = fork();
	if (!p) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (;;)
			sc0(SYS_getppid);
	}
	waitpid(p, 0, 0);
	return p;
}

static void
b_ptrace(int n)
{
	struct user_regs_struct r;
	pid_t p = traced();
	int st;
	LOOP("ptrace_sysemu_stop_rt", n, {
		sc6(SYS_ptrace, PTRACE_SYSEMU, p, 0, 0, 0, 0);
		sc6(SYS_wait4, p, (long)&st, 0, 0, 0, 0);
	});
	LOOP("ptrace_sysemu_get+setregs", n, {
		sc6(SYS_ptrace, PTRACE_SYSEMU, p, 0, 0, 0, 0);
		sc6(SYS_wait4, p, (long)&st, 0, 0, 0, 0);
		sc6(SYS_ptrace, PTRACE_GETREGS, p, 0, (long)&r, 0, 0);
		r.rax = 42;
		sc6(SYS_ptrace, PTRACE_SETREGS, p, 0, (long)&r, 0, 0);
	});
	kill(p, SIGKILL);
	waitpid(p, 0, 0);
	p = traced();
	LOOP("ptrace_syscall_2stops_rt", n, {
		sc6(SYS_ptrace, PTRACE_SYSCALL, p, 0, 0, 0, 0);
		sc6(SYS_wait4, p, (long)&st, 0, 0, 0, 0);
		sc6(SYS_ptrace, PTRACE_SYSCALL, p, 0, 0, 0, 0);
		sc6(SYS_wait4, p, (long)&st, 0, 0, 0, 0);
	});
	kill(p, SIGKILL);
	waitpid(p, 0, 0);
}

static int
filter(unsigned action)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog fp = { .len = 4, .filter = f };
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
	    action == SECCOMP_RET_USER_NOTIF ? SECCOMP_FILTER_FLAG_NEW_LISTENER
					     : 0,
	    &fp);
}

static void
on_sys(int sig, siginfo_t *si, void *uc)
{
	ucontext_t *u = uc;
	(void)sig;
	(void)si;
	u->uc_mcontext.gregs[REG_RAX] = 42;
}

static volatile char sud_sel;
static void
on_sud(int sig, siginfo_t *si, void *uc)
{
	/* handler runs with the selector open; sigreturn must be allowed */
	on_sys(sig, si, uc);
	sud_sel = 0;
}

static void
b_seccomp(int n)
{
	struct child {
		volatile int fd, go, done, sum;
	} *c = sharedmem(PAGE);
	pid_t p;
	int i;

	/* unotify: child shares the fd table, so the listener is usable here */
	c->fd = -1;
	p = sc6(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0, 0);
	if (!p) {
		c->fd = filter(SECCOMP_RET_USER_NOTIF);
		for (i = 0; i < n; i++) {
			u64 t0 = tsc();
			long r = sc0(SYS_getppid);
			u64 t1 = tsc();
			if (r == 42)
				c->sum++;
			S[i] = t1 - t0;
		}
		c->done = 1;
		_exit(0);
	}
	while (c->fd == -1)
		sched_yield();
	if (c->fd >= 0) {
		struct seccomp_notif req;
		struct seccomp_notif_resp rs;
		for (i = 0; i < n; i++) {
			memset(&req, 0, sizeof req);
			if (sc3(SYS_ioctl, c->fd, SECCOMP_IOCTL_NOTIF_RECV,
				(long)&req) < 0) {
				i = -1;
				break;
			}
			memset(&rs, 0, sizeof rs);
			rs.id = req.id;
			rs.val = 42;
			sc3(SYS_ioctl, c->fd, SECCOMP_IOCTL_NOTIF_SEND,
			    (long)&rs);
		}
		waitpid(p, 0, 0);
		close(c->fd);
		if (c->sum != n)
			printf("WARN unotify sum %d\n", c->sum);
		report("seccomp_unotify_rt", n, 1);
	} else
		printf("FAIL seccomp unotify fd=%d\n", c->fd);

	/* in-process alternatives */
	p = fork();
	if (!p) {
		struct sigaction sa;
		memset(&sa, 0, sizeof sa);
		sa.sa_sigaction = on_sys;
		sa.sa_flags = SA_SIGINFO;
		sigaction(SIGSYS, &sa, 0);
		if (filter(SECCOMP_RET_TRAP))
			_exit(1);
		LOOP("seccomp_trap_sigsys_rt", n, sc0(SYS_getppid));
		_exit(0);
	}
	waitpid(p, &i, 0);
	if (i)
		printf("FAIL seccomp trap %x\n", i);
	p = fork();
	if (!p) {
		if (filter(SECCOMP_RET_ALLOW))
			_exit(1);
		LOOP("null_syscall_under_seccomp", n, sc0(SYS_getppid));
		_exit(0);
	}
	waitpid(p, &i, 0);
	if (i)
		printf("FAIL seccomp allow %x\n", i);
	p = fork();
	if (!p) {
		struct sigaction sa;
		long r = 0;
		memset(&sa, 0, sizeof sa);
		sa.sa_sigaction = on_sud;
		sa.sa_flags = SA_SIGINFO;
		sigaction(SIGSYS, &sa, 0);
		if (prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 1, 0, 0,
			&sud_sel)) {
			die("SUD");
			_exit(1);
		}
		for (i = 0; i < n; i++) {
			sud_sel = 1;
			u64 t0 = tsc();
			r = sc0(SYS_getppid);
			u64 t1 = tsc();
			S[i] = t1 - t0;
		}
		sud_sel = 0;
		if (r != 42)
			printf("WARN sud r=%ld\n", r);
		report("sud_sigsys_rt", n, 1);
		_exit(0);
	}
	waitpid(p, &i, 0);
	if (i)
		printf("FAIL sud %x\n", i);
}

/* ------------------------------------------------------------ cross-AS copy */

static void
b_pvr(int n)
{
	char *src = anon(PAGE, PROT_READ | PROT_WRITE);
	char *dst = anon(PAGE, PROT_READ | PROT_WRITE);
	struct iovec l = { dst, PAGE }, r = { src, PAGE }, l1 = { dst, 8 },
		     r1 = { src, 8 };
	pid_t p;
	memset(src, 3, PAGE);
	memset(dst, 4, PAGE);
	p = fork();
	if (!p)
		for (;;)
			pause();
	memset(src, 5, PAGE);
	LOOP("process_vm_readv_4096", n,
	    sc6(SYS_process_vm_readv, p, (long)&l, 1, (long)&r, 1, 0));
	if (dst[100] != 3)
		printf("WARN pvr data %d\n", dst[100]);
	LOOP("process_vm_readv_8", n,
	    sc6(SYS_process_vm_readv, p, (long)&l1, 1, (long)&r1, 1, 0));
	kill(p, SIGKILL);
	waitpid(p, 0, 0);
}

/* --------------------------------------------------------------- small files
 */

static void
b_files(const char *tag, const char *dir, int n)
{
	static char buf[1024];
	char name[64];
	char nm[64];
	int i, ph;
	memset(buf, 'x', sizeof buf);
	for (ph = 0; ph < 3; ph++) {
		static const char *what[] = { "create_write1K_close",
			"open_read1K_close", "unlink" };
		for (i = 0; i < n; i++) {
			snprintf(name, sizeof name, "%s/f%03d", dir, i);
			u64 t0 = tsc();
			if (ph == 2)
				sc3(SYS_unlink, (long)name, 0, 0);
			else {
				long fd = sc3(SYS_open, (long)name,
				    ph ? O_RDONLY : O_CREAT | O_RDWR, 0644);
				sc3(ph ? SYS_read : SYS_write, fd, (long)buf,
				    sizeof buf);
				sc3(SYS_close, fd, 0, 0);
			}
			u64 t1 = tsc();
			S[i] = t1 - t0;
		}
		snprintf(nm, sizeof nm, "%s_%s", tag, what[ph]);
		report(nm, n, 1);
	}
}

static void
show(const char *path)
{
	char b[4096];
	int fd = open(path, O_RDONLY), n;
	if (fd < 0)
		return;
	n = read(fd, b, sizeof b - 1);
	close(fd);
	if (n <= 0)
		return;
	b[n] = 0;
	if (b[n - 1] == '\n')
		b[n - 1] = 0;
	printf("I %s: %s\n", path, b);
}

static void
bench(void)
{
	int n = 2000;
	int i;

	for (i = 0; i < 1000; i++) {
		u64 t0 = tsc(), t1 = tsc();
		S[i] = t1 - t0;
	}
	qsort(S, 1000, sizeof *S, cmp);
	printf("I empty: min=%lu med=%lu\n", S[0], S[500]);
	empty = S[500];

	b_null();
	b_pipe(n);
	b_unix(n);
	b_futex(n);
	b_yield(n);
	b_thread(500);
	b_fork(500);
	b_vm(n);
	b_signal(n);
	b_uffd(1000);
	b_ptrace(n);
	b_seccomp(n);
	b_pvr(n);
	b_files("tmpfs", "/t", 400);
	b_null();
}

int
main(void)
{
	static const char *vul[] = { "meltdown", "spectre_v1", "spectre_v2",
		"spec_store_bypass", "l1tf", "mds", "retbleed", "srbds",
		"tsx_async_abort", "mmio_stale_data", "spec_rstack_overflow" };
	unsigned i;

	mkdir("/proc", 0755);
	mkdir("/sys", 0755);
	mkdir("/dev", 0755);
	mkdir("/t", 0755);
	mount("proc", "/proc", "proc", 0, 0);
	mount("sysfs", "/sys", "sysfs", 0, 0);
	mount("devtmpfs", "/dev", "devtmpfs", 0, 0);
	mount("tmpfs", "/t", "tmpfs", 0, 0);
	setvbuf(stdout, 0, _IOLBF, 0);
	S = sharedmem(MAXS * sizeof *S);
	printf("\nPEERBENCH linux begin\n");
	show("/proc/version");
	show("/proc/cmdline");
	for (i = 0; i < sizeof vul / sizeof *vul; i++) {
		char b[128];
		snprintf(b, sizeof b,
		    "/sys/devices/system/cpu/vulnerabilities/%s", vul[i]);
		show(b);
	}
	show("/sys/kernel/debug/sched/preempt");
	/* PID 1 is special (every SIGSEGV of it is logged): bench in a child */
	pid_t w = fork();
	if (!w) {
		bench();
		_exit(0);
	}
	waitpid(w, 0, 0);
	printf("PEERBENCH linux end\n");
	fflush(stdout);
	sync();
	usleep(20000);
	reboot(RB_AUTOBOOT);
	return 0;
}
