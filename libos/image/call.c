/*
 * call.c - system calls, by number.
 */
#include <castor/lwc.h>
#include <castor/string.h>

#include "context.h"
#include "patch.h"
#include "signal.h"
#include "wait.h"

#define WEAK(nr, name)	__attribute__((weak)) void call_##name(void);
LINUX_CALLS(WEAK)

/* What entry.asm does without C. */
void	fast_getpid(void);
void	fast_gettid(void);
void	foreign_full(void);
void	short_trap(void);
void	fast_sigreturn(void);

#define ROW(nr, name)	[nr] = call_##name,
static void (*const calls[CALLS_MAX])(void) = { LINUX_CALLS(ROW) };

/*
 * Short ones: they look at no register but their arguments, change none, and
 * leave the signals that are blocked as they are for what comes after them.
 */
#define SHORT_CALLS(X)							      \
	X(0, read) X(1, write) X(3, close) X(5, fstat) X(7, poll)	      \
	X(8, lseek) X(9, mmap) X(10, mprotect) X(11, munmap) X(12, brk)	      \
	X(13, rt_sigaction) X(14, rt_sigprocmask) X(17, pread64)	      \
	X(18, pwrite64) X(19, readv) X(20, writev) X(32, dup) X(33, dup2)     \
	X(62, kill) X(72, fcntl) X(102, getuid) X(104, getgid)		      \
	X(107, geteuid) X(108, getegid) X(110, getppid) X(202, futex)	      \
	X(228, clock_gettime) X(232, epoll_wait) X(257, openat)		      \
	X(262, newfstatat)
SHORT_CALLS(WEAK)
void (*const calls_short[CALLS_MAX])(void) = { SHORT_CALLS(ROW) };

#pragma GCC diagnostic ignored "-Woverride-init"
#define FAST(nr, name)	[nr] = short_trap,
void (*const calls_fast[CALLS_MAX])(void) = {
	[0 ... CALLS_MAX - 1] = foreign_full,
	SHORT_CALLS(FAST)
	[15] = fast_sigreturn, [39] = fast_getpid, [186] = fast_gettid
};

enum { NR_rt_sigreturn = 15, NR_clone = 56, NR_fork, NR_vfork, NR_execve,
	NR_exit, NR_rt_sigsuspend = 130, NR_exit_group = 231 };

int	foreign(struct exo_regs *);
int	foreign_end(struct exo_regs *, long);

/* From entry.asm: 0, or the registers are to be loaded, all of them. */
int
foreign(struct exo_regs *r)
{
	struct thread *t = me();
	uint64_t nr = r->rax;
	long result = -ENOSYS;

	t->regs = r;
	t->changed = 0;
	if (--patch_wait < 0)
		patch_try(r);
	if (nr - LWC_NR < LWC_NR_END - LWC_NR)
		result = context_call(r, nr);
	else if (own_flags & LWC_SYSTRAP)
		result = context_trap(r);
	else if (nr < CALLS_MAX && calls[nr] != NULL)
		result = ((call_fn)calls[nr])(r->rdi, r->rsi, r->rdx, r->r10,
		    r->r8, r->r9);
	else if (nr < CALLS_MAX)
		(void)commons(CM_NOSYS, nr, 0, 0, 0);
	if (!t->changed)
		r->rax = (uint64_t)result;
	signal_check(r, nr);
	return (int)t->changed;
}

/* The same of a short call, which has been made already. */
int
foreign_end(struct exo_regs *r, long result)
{
	struct thread *t = me();
	uint64_t nr = r->rax;

	t->regs = r;
	t->changed = 0;
	r->rax = (uint64_t)result;
	signal_check(r, nr);
	return (int)t->changed;
}

/* For lwc_syscall; what is about the caller's registers is not for others. */
long
call_for(uint64_t nr, const uint64_t *a)
{
	static const uint16_t own_only[] = { NR_rt_sigreturn, NR_clone, NR_fork,
	    NR_vfork, NR_execve, NR_exit, NR_exit_group, NR_rt_sigsuspend };

	for (uint32_t i = 0; i < sizeof(own_only) / sizeof(own_only[0]); i++) {
		if (nr == own_only[i])
			return -ENOSYS;
	}
	if (nr >= CALLS_MAX || calls[nr] == NULL)
		return -ENOSYS;
	return ((call_fn)calls[nr])(a[0], a[1], a[2], a[3], a[4], a[5]);
}

bool
call_is_whole(uint64_t nr)
{
	static const uint16_t whole[] = {
		9, 10, 11, 12, 25, 26, 27, 28,	/* mmap to brk, mremap to madvise */
		149, 150, 151, 152, 325,	/* mlock, mlock2 */
		202, 218, 273,			/* futex, and what threads have */
		62, 129, 200, 234, 297		/* kill, by whatever name */
	};

	for (uint32_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		if (nr == whole[i])
			return true;
	}
	return false;
}

/* ---- the program's memory, for handlers.  What is the program's ends where
 * Castor's begins; the rest its areas say, by a fault. */
long	user_copy(void *to, const void *from, uint64_t n);

static bool
user_range(uint64_t va, uint64_t n)
{
	return n <= USER_TOP && va <= USER_TOP - n;
}

/* lwc_syscall: the memory is another context's, or something else is. */
uint32_t remotes;

static uint64_t
remote(void)
{
	return remotes == 0 ? 0 : me()->remote;
}

long
user_read(void *to, uint64_t from, uint64_t n)
{
	if (remote() != 0)
		return remote_read(remote(), to, from, n);
	return !user_range(from, n) ? -EFAULT :
	    user_copy(to, (const void *)from, n);
}

long
user_write(uint64_t to, const void *from, uint64_t n)
{
	if (remote() != 0)
		return remote_write(remote(), to, from, n);
	return !user_range(to, n) ? -EFAULT : user_copy((void *)to, from, n);
}

long
user_zero(uint64_t to, uint64_t n)
{
	static const uint8_t zeroes[256];

	while (n > 0) {
		uint64_t now = n < sizeof(zeroes) ? n : sizeof(zeroes);
		long r = user_write(to, zeroes, now);

		if (r < 0)
			return r;
		to += now;
		n -= now;
	}
	return 0;
}

/* By pieces that do not cross into a page that need not be there. */
long
user_string(char *to, uint64_t from, uint64_t n)
{
	uint64_t done = 0;

	while (done < n) {
		uint64_t now = EXO_PAGE - (from + done) % EXO_PAGE;
		long r;

		now = now < n - done ? now : n - done;
		now = now < 256 ? now : 256;
		r = user_read(to + done, from + done, now);
		if (r < 0)
			return r;
		for (uint64_t i = 0; i < now; i++) {
			if (to[done + i] == '\0')
				return (long)(done + i);
		}
		done += now;
	}
	return -ENAMETOOLONG;
}
