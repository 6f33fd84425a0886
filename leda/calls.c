/*
 * calls.c - the few system calls of Linux that a program without files,
 * children or signals needs.  Descriptors 0 to 2 are the console.
 */
#include "leda.h"

#define SECOND		1000000000ul
#define TEXT_MAX	256u			/* on the upcall's stack */
#define PROT_MASK	7u
#define MAP_FIXED	0x10u
#define MAP_ANONYMOUS	0x20u
#define ARCH_SET_FS	0x1002u

uint64_t brk_first, brk_now;

_Noreturn void
leda_exit(uint64_t status)
{
	(void)kernel(EXO_NR_domain_kill, me->domain, me->domain_slot, status);
	for (;;)
		__asm__ volatile("ud2");
}

static void
yield(void)
{
	(void)kernel(EXO_NR_env_yield, EXO_ID_ANY, 0, EXO_NONE);
}

/* ---- the console */

void
console_say(const char *text, size_t n)
{
	(void)kernel(EXO_NR_console_write, me->console_slot, (uint64_t)text,
	    n);
}

/* What the kernel is to read must be mapped: a copy is. */
static long
write_out(uint64_t fd, uint64_t from, uint64_t n)
{
	char text[TEXT_MAX];
	uint64_t len;

	if (fd > 2)
		return -L_EBADF;
	if (!memory_is(from, n, PG_R))
		return -L_EFAULT;
	for (uint64_t done = 0; done < n; done += len) {
		len = n - done < TEXT_MAX ? n - done : TEXT_MAX;
		copy(text, (const void *)(from + done), len);
		console_say(text, len);
	}
	return (long)n;
}

static long
write_vector(uint64_t fd, uint64_t at, uint64_t n)
{
	const uint64_t *v = (const uint64_t *)at;
	long sum = 0;

	if (n > 1024)
		return -L_EINVAL;
	if (!memory_is(at, n * 16, PG_R))
		return -L_EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		long r = write_out(fd, v[i * 2], v[i * 2 + 1]);

		if (r < 0)
			return sum > 0 ? sum : r;
		sum += r;
	}
	return sum;
}

/* At least a character: nobody else has our slice meanwhile but by our yield. */
static long
read_in(uint64_t fd, uint64_t to, uint64_t n)
{
	char text[TEXT_MAX];
	long r = 0;

	if (fd != 0)
		return -L_EBADF;
	if (!memory_is(to, n, PG_W))
		return -L_EFAULT;
	if (n > TEXT_MAX)
		n = TEXT_MAX;
	while (n > 0 && (r = kernel(EXO_NR_console_read, me->console_slot,
	    (uint64_t)text, n)) == 0)
		yield();
	if (r < 0)
		return -L_EIO;
	copy((void *)to, text, (size_t)r);
	return r;
}

/* ---- memory */

static uint64_t
pages_of(uint64_t bytes)
{
	return bytes > (uint64_t)PAGES << 12 ? PAGES + 1 :
	    (bytes + EXO_PAGE - 1) >> 12;
}

/* Whole pages, all of them the program's; not page zero. */
static bool
range_is_sound(uint64_t va, uint64_t bytes)
{
	return va % EXO_PAGE == 0 && va != 0 && bytes != 0 &&
	    va >> 12 < PAGES && pages_of(bytes) <= PAGES - (va >> 12);
}

static long
brk_set(uint64_t to)
{
	uint64_t now = pages_of(brk_now), want = pages_of(to);

	if (to < brk_first || want > MAP_FIRST ||
	    (want > now && !range_is_free(now, want - now)))
		return (long)brk_now;
	if (want > now)
		range_give(now, want - now, PG_R | PG_W);
	else
		range_take(want, now - want);
	return (long)(brk_now = to);
}

/* The first place that is long enough. */
static uint64_t
place_find(uint64_t n)
{
	uint64_t run = 0;

	for (uint64_t i = MAP_FIRST; i < PAGES - STACK_PAGES; i++) {
		run = state[i] == 0 ? run + 1 : 0;
		if (run == n)
			return i + 1 - n;
	}
	return 0;
}

static long
map(uint64_t va, uint64_t bytes, uint64_t prot, uint64_t flags)
{
	uint64_t n = pages_of(bytes), first = va >> 12;

	if ((flags & MAP_ANONYMOUS) == 0)
		return -L_ENODEV;
	if (n == 0 || (prot & ~(uint64_t)PROT_MASK) != 0)
		return -L_EINVAL;
	if ((prot & (PG_W | PG_X)) == (PG_W | PG_X))
		return -L_EPERM;
	if ((flags & MAP_FIXED) != 0) {
		if (!range_is_sound(va, bytes))
			return -L_EINVAL;
		range_take(first, n);
	} else if ((first = place_find(n)) == 0) {
		return -L_ENOMEM;
	}
	range_give(first, n, (uint32_t)prot);
	return (long)(first << 12);
}

static long
protect(uint64_t va, uint64_t bytes, uint64_t prot)
{
	if (!range_is_sound(va, bytes) ||
	    (prot & ~(uint64_t)PROT_MASK) != 0)
		return -L_EINVAL;
	if ((prot & (PG_W | PG_X)) == (PG_W | PG_X))
		return -L_EPERM;
	return range_rights(va >> 12, pages_of(bytes), (uint32_t)prot) ? 0 :
	    -L_ENOMEM;
}

static long
unmap(uint64_t va, uint64_t bytes)
{
	if (!range_is_sound(va, bytes))
		return -L_EINVAL;
	range_take(va >> 12, pages_of(bytes));
	return 0;
}

/* ---- time and chance */

static uint64_t
tsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static long
clock_get(uint64_t to)
{
	uint64_t hz = EXO_MACHINE->tsc_hz, t = tsc();

	if (!memory_is(to, 16, PG_W))
		return -L_EFAULT;
	((uint64_t *)to)[0] = t / hz;
	((uint64_t *)to)[1] = t % hz * SECOND / hz;
	return 0;
}

static long
nap(uint64_t want)
{
	const uint64_t *t = (const uint64_t *)want;
	uint64_t hz = EXO_MACHINE->tsc_hz, from = tsc();

	if (!memory_is(want, 16, PG_R))
		return -L_EFAULT;
	if (t[1] >= SECOND || t[0] > 1ul << 30)
		return -L_EINVAL;
	while (tsc() - from < t[0] * hz + t[1] * (hz / 1000000) / 1000)
		yield();
	return 0;
}

/* Good enough for hash tables; no secret. */
static long
random_get(uint64_t to, uint64_t n)
{
	static uint64_t word;

	if (!memory_is(to, n, PG_W))
		return -L_EFAULT;
	for (uint64_t i = 0; i < n; i++) {
		word = (word ^ tsc()) * 0x9e3779b97f4a7c15ul;
		((uint8_t *)to)[i] = (uint8_t)(word >> 56);
	}
	return (long)n;
}

static long
name_get(uint64_t to)
{
	static const char names[6][16] = { "Linux", "leda", "6.1.0",
		"Leda on Pollux", "x86_64", "" };

	if (!memory_is(to, 6 * 65, PG_W))
		return -L_EFAULT;
	clear((void *)to, 6 * 65);
	for (unsigned i = 0; i < 6; i++)
		copy((char *)to + i * 65, names[i], sizeof(names[i]));
	return 0;
}

static long
thread_pointer(uint64_t code, uint64_t va)
{
	if (code != ARCH_SET_FS)
		return -L_EINVAL;
	__asm__ volatile("wrfsbase %0" : : "r"(va));
	return 0;
}

/* Two words to whoever its maker gave it a handle for, in the place before
 * user[0] if that is not 0: a library OS may give its programs calls that
 * Linux has not. */
static long
server_ask(uint64_t a, uint64_t b)
{
	uint64_t answer = 0;

	if (me->user[0] == 0 || leda_call(EXO_NR_BASE + EXO_NR_call,
	    me->user[0] - 1, a, b, &answer) < 0)
		return -L_ENODEV;
	return (long)answer;
}

/* ---- all of them, by number */

#define LEDA_ASK	1000u

static long
machine_call(const struct exo_regs *r)
{
	switch (r->rax) {
	case 16: return r->rdi <= 2 ? -L_ENOTTY : -L_EBADF;	/* ioctl */
	case 24: yield(); return 0;			/* sched_yield */
	case 35: return nap(r->rdi);			/* nanosleep */
	case 230: return nap(r->rdx);			/* clock_nanosleep */
	case 63: return name_get(r->rdi);		/* uname */
	case 228: return clock_get(r->rsi);		/* clock_gettime */
	case 318: return random_get(r->rdi, r->rsi);	/* getrandom */
	case 39: case 186: case 218:	/* getpid, gettid, set_tid_address */
		return (long)EXO_INDEX(me->domain);
	case 110: return (long)EXO_INDEX(me->parent);	/* getppid */
	case 102: case 104: case 107: case 108:		/* getuid ... */
	case 13: case 14:		/* rt_sigaction, rt_sigprocmask: there
					 * are no signals */
		return 0;
	case LEDA_ASK: return server_ask(r->rdi, r->rsi);
	}
	return -L_ENOSYS;
}

long
linux_call(struct exo_regs *r)
{
	switch (r->rax) {
	case 0: return read_in(r->rdi, r->rsi, r->rdx);
	case 1: return write_out(r->rdi, r->rsi, r->rdx);
	case 20: return write_vector(r->rdi, r->rsi, r->rdx);
	case 9: return map(r->rdi, r->rsi, r->rdx, r->r10);
	case 10: return protect(r->rdi, r->rsi, r->rdx);
	case 11: return unmap(r->rdi, r->rsi);
	case 12: return brk_set(r->rdi);
	case 28: return 0;				/* madvise */
	case 158: return thread_pointer(r->rdi, r->rsi);
	case 60: case 231: leda_exit(r->rdi & 0xff);
	}
	return machine_call(r);
}
