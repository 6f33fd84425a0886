/*
 * misc.c - who and what am I: identity, limits, names, random numbers.
 */
#include <castor/string.h>

#include "wait.h"

/* Those that seldom come so far (entry.asm). */
long	call_getpid(void) { return pid; }
long	call_gettid(void) { return me()->tid; }

/* ---- prctl */
enum { PR_SET_PDEATHSIG = 1, PR_GET_PDEATHSIG, PR_GET_DUMPABLE,
	PR_SET_DUMPABLE, PR_GET_KEEPCAPS = 7, PR_SET_KEEPCAPS,
	PR_SET_NAME = 15, PR_GET_NAME, PR_GET_SECCOMP = 21,
	PR_CAPBSET_READ = 23, PR_GET_SECUREBITS = 27, PR_SET_TIMERSLACK = 29,
	PR_GET_TIMERSLACK, PR_SET_NO_NEW_PRIVS = 38, PR_GET_NO_NEW_PRIVS,
	PR_GET_TID_ADDRESS };
#define CAPS		41u
#define SLACK_NS	50000l

/* A thread has a name of its own; what is told to others is the first one's. */
static long
name_set(uint64_t at)
{
	struct thread *t = me();
	long n = user_string(t->name, at, NAME_SIZE);

	if (n == -ENAMETOOLONG)
		n = NAME_SIZE - 1;
	if (n < 0)
		return n;
	memset(t->name + n, 0, NAME_SIZE - (uint64_t)n);
	if (t->tid != pid)
		return 0;
	memcpy(my_window()->data, t->name, (uint64_t)n);
	return commons(CM_SETNAME, (uint64_t)n, 0, 0, 0);
}

void
name_is(const char *path)
{
	const char *base = path;

	for (const char *p = path; *p != '\0'; p++) {
		if (*p == '/')
			base = p + 1;
	}
	memset(me()->name, 0, NAME_SIZE);
	for (uint32_t i = 0; i < NAME_SIZE - 1 && base[i] != '\0'; i++)
		me()->name[i] = base[i];
}

/* What Castor has no use for is as it is on a machine that has none either. */
long
call_prctl(uint64_t op, uint64_t a, uint64_t b)
{
	static bool no_new;

	switch (op) {
	case PR_SET_NAME:
		return name_set(a);
	case PR_GET_NAME:
		return user_write(a, me()->name, NAME_SIZE);
	case PR_GET_DUMPABLE:
		return 1;
	case PR_SET_DUMPABLE:
	case PR_SET_KEEPCAPS:
		return a > 1 ? -EINVAL : 0;
	case PR_SET_NO_NEW_PRIVS:	/* nothing gives any here */
		if (a != 1 || b != 0)
			return -EINVAL;
		no_new = true;
		return 0;
	case PR_GET_NO_NEW_PRIVS:
		return no_new;
	case PR_GET_TID_ADDRESS:
		return user_write(a, &me()->clear_tid, 8);
	case PR_CAPBSET_READ:
		return a < CAPS ? 1 : -EINVAL;
	case PR_GET_TIMERSLACK:
		return SLACK_NS;
	case PR_GET_KEEPCAPS:
	case PR_GET_SECCOMP:
	case PR_GET_SECUREBITS:
	case PR_SET_TIMERSLACK:
		return 0;
	}
	return -EINVAL;
}

long
call_personality(void)
{
	return 0;
}

long
call_set_tid_address(uint64_t at)
{
	me()->clear_tid = at;
	return me()->tid;
}

long
call_set_robust_list(uint64_t head, uint64_t size)
{
	if (size != ROBUST_SIZE)
		return -EINVAL;
	me()->robust = head;
	return 0;
}

long
call_get_robust_list(uint64_t who, uint64_t head, uint64_t size)
{
	uint64_t n = ROBUST_SIZE;
	long r;

	if ((uint32_t)who != 0 && (uint32_t)who != me()->tid)
		return -EPERM;
	r = user_write(head, &me()->robust, sizeof(me()->robust));
	return r < 0 ? r : user_write(size, &n, sizeof(n));
}

long
call_arch_prctl(uint64_t op, uint64_t value)
{
	uint64_t base;

	switch (op) {
	case ARCH_SET_FS:
		if (value >= USER_TOP)
			return -EPERM;
		__asm__ volatile("wrfsbase %0" : : "r"(value));
		return 0;
	case ARCH_SET_GS:
		if (value >= USER_TOP)
			return -EPERM;
		__asm__ volatile("wrgsbase %0" : : "r"(value));
		return 0;
	case ARCH_GET_FS:
		__asm__ volatile("rdfsbase %0" : "=r"(base));
		return user_write(value, &base, sizeof(base));
	case ARCH_GET_GS:
		__asm__ volatile("rdgsbase %0" : "=r"(base));
		return user_write(value, &base, sizeof(base));
	}
	return -EINVAL;
}

long
call_uname(uint64_t to)
{
	static const struct utsname name = {
		.sysname = "Linux", .nodename = "pollux",
		.release = "6.1.0-castor", .version = "Castor on Pollux",
		.machine = "x86_64", .domainname = "(none)"
	};

	return user_write(to, &name, sizeof(name));
}

/* ---- random bytes: RDRAND where there is one, stirred with the TSC */
static bool
has_rdrand(void)
{
	static uint32_t known;		/* 1: no, 2: yes */
	uint32_t a = 1, b, c = 0, d;

	if (known == 0) {
		__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
		known = c >> 30 & 1 ? 2 : 1;
	}
	return known == 2;
}

static uint64_t
random_word(void)
{
	static uint64_t state;
	uint64_t z, hard = 0;

	if (has_rdrand())
		__asm__ volatile("rdrand %0" : "=r"(hard) : : "cc");
	state += 0x9e3779b97f4a7c15ul + __builtin_ia32_rdtsc() + hard;
	z = state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ul;
	z = (z ^ z >> 27) * 0x94d049bb133111ebul;
	return z ^ z >> 31;
}

void
random_fill(void *to, uint64_t n)
{
	uint8_t *p = to;
	uint64_t w = 0, now;

	for (; n > 0; n -= now) {
		w = random_word();
		now = n < sizeof(w) ? n : sizeof(w);
		memcpy(p, &w, now);
		p += now;
	}
	w = 0;
	__asm__ volatile("" : : "m"(w));	/* nor does it stay here */
}

long
call_getrandom(uint64_t to, uint64_t n)
{
	uint8_t bytes[64];
	uint64_t done = 0;

	if (n > 1ul << 25)
		n = 1ul << 25;
	while (done < n) {
		uint64_t now = n - done < sizeof(bytes) ? n - done :
		    sizeof(bytes);

		random_fill(bytes, now);
		if (user_write(to + done, bytes, now) < 0)
			break;
		done += now;
	}
	/* It may be a key: nothing of it stays on this stack. */
	memset(bytes, 0, sizeof(bytes));
	__asm__ volatile("" : : "r"(bytes) : "memory");
	return done > 0 || n == 0 ? (long)done : -EFAULT;
}
