/*
 * misc.c - who and what am I: identity, limits, names, random numbers.
 */
#include <castor/string.h>

#include "wait.h"

/* Those that seldom come so far (entry.asm). */
long	call_getpid(void) { return pid; }
long	call_gettid(void) { return me()->tid; }

/* ---- one user, who may do what the session may */
long	call_getuid(void) { return 0; }
long	call_geteuid(void) { return 0; }
long	call_getgid(void) { return 0; }
long	call_getegid(void) { return 0; }
long	call_getgroups(void) { return 0; }
long	call_setgroups(uint64_t n) { return n == 0 ? 0 : -EPERM; }

/* To be whom one is, or (-1) nobody else. */
static bool
id_ok(uint64_t id)
{
	return (uint32_t)id == 0 || (uint32_t)id == ~0u;
}

static long
ids_set(uint64_t a, uint64_t b, uint64_t c)
{
	return id_ok(a) && id_ok(b) && id_ok(c) ? 0 : -EPERM;
}

long	call_setuid(uint64_t a) { return ids_set(a, 0, 0); }
long	call_setgid(uint64_t a) { return ids_set(a, 0, 0); }
long	call_setfsuid(void) { return 0; }
long	call_setfsgid(void) { return 0; }
long	call_setreuid(uint64_t a, uint64_t b) { return ids_set(a, b, 0); }
long	call_setregid(uint64_t a, uint64_t b) { return ids_set(a, b, 0); }

long
call_setresuid(uint64_t a, uint64_t b, uint64_t c)
{
	return ids_set(a, b, c);
}

long
call_setresgid(uint64_t a, uint64_t b, uint64_t c)
{
	return ids_set(a, b, c);
}

long
call_getresuid(uint64_t a, uint64_t b, uint64_t c)
{
	return user_zero(a, 4) < 0 || user_zero(b, 4) < 0 ||
	    user_zero(c, 4) < 0 ? -EFAULT : 0;
}

long
call_getresgid(uint64_t a, uint64_t b, uint64_t c)
{
	return call_getresuid(a, b, c);
}

enum { PR_SET_NAME = 15, NAME_SIZE = 16 };

long
call_prctl(uint64_t op, uint64_t at)
{
	char name[NAME_SIZE] = { 0 };
	long n;

	if (op != PR_SET_NAME)
		return -EINVAL;
	n = user_string(name, at, NAME_SIZE);
	if (n == -ENAMETOOLONG)
		n = NAME_SIZE - 1;
	if (n < 0)
		return n;
	memcpy(my_window()->data, name, (uint64_t)n);
	return commons(CM_SETNAME, (uint64_t)n, 0, 0, 0);
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
call_set_robust_list(void)
{
	return 0;
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

	while (n > 0) {
		uint64_t w = random_word(), now = n < 8 ? n : 8;

		memcpy(p, &w, now);
		p += now;
		n -= now;
	}
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
			return done > 0 ? (long)done : -EFAULT;
		done += now;
	}
	return (long)done;
}

/* ---- limits: what is bounded is bounded by accounts */
enum { RLIMIT_STACK = 3, RLIMIT_CORE = 4, RLIMIT_NOFILE = 7, RLIMITS = 16 };

static struct rlimit
limit_of(uint64_t what)
{
	switch (what) {
	case RLIMIT_STACK:
		return (struct rlimit){ STACK_SIZE, STACK_SIZE };
	case RLIMIT_CORE:
		return (struct rlimit){ 0, 0 };
	case RLIMIT_NOFILE:
		return (struct rlimit){ 256, 256 };
	}
	return (struct rlimit){ RLIM_INFINITY, RLIM_INFINITY };
}

long
call_getrlimit(uint64_t what, uint64_t to)
{
	struct rlimit l = limit_of(what);

	return what >= RLIMITS ? -EINVAL : user_write(to, &l, sizeof(l));
}

/* A limit may be set as it is or lower; it stays what it is. */
static long
limit_set(uint64_t what, uint64_t from)
{
	struct rlimit l, is = limit_of(what);
	long r = user_read(&l, from, sizeof(l));

	if (r < 0)
		return r;
	if (l.cur > l.max)
		return -EINVAL;
	return l.max > is.max ? -EPERM : 0;
}

long
call_setrlimit(uint64_t what, uint64_t from)
{
	return what >= RLIMITS ? -EINVAL : limit_set(what, from);
}

long
call_prlimit64(uint64_t who, uint64_t what, uint64_t from, uint64_t to)
{
	long r;

	if (what >= RLIMITS)
		return -EINVAL;
	if (who != 0 && who != pid)
		return -ESRCH;
	r = from == 0 ? 0 : limit_set(what, from);
	return r < 0 || to == 0 ? r : call_getrlimit(what, to);
}
