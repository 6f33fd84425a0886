/*
 * lwc_liar.c - light-weight contexts: a child whose Castor is not its creator's
 * (liar.h) is asked for what it has, and lies.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "liar.h"
#include "tap.h"


enum lie { TOO_MUCH = 1, TOO_LITTLE, BELOW, ABOVE, UNEVEN, NOWHERE,
	REGISTERS };

#define FLAGS	0x40500ul	/* TF, DF, AC: _start has changed the others */

static volatile enum lie lie;
static uint64_t low, high, elsewhere;	/* what is asked for; what is said */

/* Words that would do harm wherever they come to lie. */
static void
fill_out(void)
{
	memset(liar_out, 0x66, sizeof(liar_out));
}

static void
answer_area(bool pages)
{
	liar_out[0] = low;
	liar_out[1] = high;
	liar_out[2] = PROT_READ | PROT_WRITE;
	liar_out[6] = 0;
	if (lie == BELOW)
		liar_out[0] = elsewhere;
	else if (lie == ABOVE)
		liar_out[1] = high + PAGE;
	else if (lie == UNEVEN)
		liar_out[0] = low + 8;
	else if (lie == NOWHERE && pages)
		liar_out[0] = elsewhere;
}

static void
break_registers(void)
{
	static const uint32_t mxcsr = 0x7f80;	/* rounds to zero */
	static const uint16_t control = 0xf7f;

	__asm__ volatile("ldmxcsr %0; fldcw %1; fld1; fld1; fld1; fld1\n\t"
	    "wrfsbase %2; wrgsbase %2; pcmpeqd %%xmm6, %%xmm6" : :
	    "m"(mxcsr), "m"(control), "r"(elsewhere) : "memory");
}

void
liar_answer(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a;
	fill_out();
	if ((op & 0xff) == LIAR_AREA)
		answer_area(c != 0);
	else if ((op & 0xff) == LIAR_READ)
		liar_out[6] = lie == TOO_MUCH ? 3 * PAGE : lie == TOO_LITTLE ?
		    ~0ul : b < 48 ? b : 48;
	else
		liar_out[6] = 0;
	if (lie == REGISTERS)
		break_registers();
}

/* What it saw in registers that is not for it, as bits. */
static uint64_t
seen(void)
{
	uint64_t bits = 0;

	for (uint32_t i = 0; i < LIAR_SAW - 1; i++)
		bits |= (uint64_t)(liar_saw[i] != (i == 2 ? 0x202 : 0)) << i;
	for (uint32_t i = 0; i < sizeof(liar_saw_xmm); i++)
		bits |= (uint64_t)(liar_saw_xmm[i] != 0) << 16;
	return bits | (liar_saw[9] & FLAGS) << 20;
}

/* A child that lies so whenever it is asked. */
static long
liar(enum lie how)
{
	uint64_t args[LWC_ARGS] = { 0 };
	exo_id acct = native_ids().acct;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c != LWC_SWITCHED)
		return c;
	lie = how;
	args[0] = (uint64_t)liar_begin(acct);
	for (;;) {
		lwc_switch(caller, args, &caller);
		for (size_t i = 0; i < sizeof(liar_xmm); i++)
			((uint8_t *)args)[i] = liar_xmm[i];
		args[2] = liar_fs;
		args[3] = liar_gs;
		args[4] = seen();
	}
}

static long
liar_made(enum lie how)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = liar(how);

	OK(c >= 0);
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 0);
	return c;
}

/* What this says in a process of its own: its status. */
static int
apart(int (*f)(enum lie), enum lie how)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(f(how));
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* ---- reading */

static int
read_path(enum lie how)
{
	uint64_t args[6] = { (uint64_t)AT_FDCWD, 0x1000, O_RDONLY };
	long c = liar_made(how), r = lwc_syscall((int)c, LWC_MEMORY, SYS_openat,
	    args);

	return r >= 0 ? 1 : getppid() <= 0 ? 2 : lwc_close((int)c) != 0 ? 3 : 7;
}

TEST(more_than_was_asked_for)
{
	EQ(apart(read_path, TOO_MUCH), 7 << 8);
	EQ(apart(read_path, TOO_LITTLE), 7 << 8);
}

/* ---- overlay */

/* The pages beside those that are asked for; others. */
static int
overlay(enum lie how)
{
	char *p = pages(8 * PAGE), *other = pages(8 * PAGE);
	struct lwc_spec s = SPEC(LWC_MEMORY, p + 4 * PAGE, p + 6 * PAGE);
	int bad = 0;
	long c;

	memset(p, 'a', 8 * PAGE);
	memset(other, 'a', 8 * PAGE);
	low = (uint64_t)p + 4 * PAGE;
	high = low + 2 * PAGE;
	elsewhere = (uint64_t)(how == NOWHERE ? other : p + 2 * PAGE);
	c = liar_made(how);
	(void)lwc_overlay((int)c, &s, 1);
	for (size_t i = 0; i < 8 * PAGE; i++)
		bad |= (other[i] != 'a') | ((i < 4 * PAGE || i >= 6 * PAGE) &&
		    p[i] != 'a') << 1;
	return bad != 0 ? bad : lwc_close((int)c) != 0 ? 4 : 7;
}

TEST(areas_beside_those_that_were_asked_for)
{
	EQ(apart(overlay, BELOW), 7 << 8);
	EQ(apart(overlay, ABOVE), 7 << 8);
	EQ(apart(overlay, UNEVEN), 7 << 8);
}

TEST(pages_that_are_elsewhere)
{
	EQ(apart(overlay, NOWHERE), 7 << 8);
}

/* ---- registers */

static const uint64_t secret[2] = { 0x5ec2e75ec2e75ec2, 0x0123456789abcdef };

TEST(what_is_in_registers_stays_there_when_it_is_asked)
{
	uint64_t args[LWC_ARGS] = { 0 }, fs, gs, fs_after, gs_after;
	uint64_t six[6] = { 0 }, xmm0[2], xmm6[2];
	uint32_t mxcsr;
	uint16_t control, status;
	long c, r;

	elsewhere = (uint64_t)pages(PAGE) + 64;
	c = liar_made(REGISTERS);
	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
	__asm__ volatile("movdqu %[s], %%xmm0; movdqa %%xmm0, %%xmm6\n\t"
	    "syscall\n\t"
	    "rdfsbase %[fs]; rdgsbase %[gs]; wrfsbase %[own]\n\t"
	    "movdqu %%xmm0, %[x0]; movdqu %%xmm6, %[x6]\n\t"
	    "stmxcsr %[mxcsr]; fnstcw %[cw]; fnstsw %[sw]"
	    : "=a"(r), [fs] "=&r"(fs_after), [gs] "=&r"(gs_after),
	      [x0] "=m"(xmm0), [x6] "=m"(xmm6), [mxcsr] "=m"(mxcsr),
	      [cw] "=m"(control), [sw] "=m"(status)
	    : "0"((long)LWC_NR_trapped), "D"(c), "S"(six), [s] "m"(secret),
	      [own] "r"(fs) : "rcx", "r11", "xmm0", "xmm6", "memory");
	__asm__ volatile("wrgsbase %0; fninit" : : "r"(gs));
	EQ(r, 0);
	OK(fs_after == fs && gs_after == gs);
	OK(memcmp(xmm0, secret, sizeof(secret)) == 0);
	OK(memcmp(xmm6, secret, sizeof(secret)) == 0);
	EQ(mxcsr & 0xffc0, 0x1f80);
	EQ(control, 0x37f);
	EQ(status & 0x3800, 0);
	/* And it has not seen them. */
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	OK(args[0] != secret[0] && args[1] != secret[1]);
	OK(args[2] != fs);
	EQ(lwc_close((int)c), 0);
}

/* All that a program can have in registers, then the switch.  What comes back. */
static uint64_t
switch_full(long c, uint64_t *gs)
{
	register uint64_t rdi __asm__("rdi") = (uint64_t)c;
	register uint64_t r9 __asm__("r9") = 0;

	__asm__ volatile(
	    "mov %[gs], %%rax; wrgsbase %%rax\n\t"
	    "movdqu %[s], %%xmm0\n\t"
	    "push %%rbp\n\t"
	    "mov $0x5ec, %%rbx; mov %%rbx, %%rbp; mov %%rbx, %%r12\n\t"
	    "mov %%rbx, %%r13; mov %%rbx, %%r14; mov %%rbx, %%r15\n\t"
	    "lea 1f(%%rip), %%rcx\n\t"
	    "movabs %[at], %%rax\n\t"
	    "std\n\t"
	    "jmp *%%rax\n\t"
	    "syscall\n"
	    "1: pop %%rbp\n\t"
	    "cld\n\t"
	    "rdgsbase %%rax; mov %%rax, %[gs]"
	    : "+r"(rdi), "+r"(r9), [gs] "+m"(*gs)
	    : [at] "i"(LWC_SWITCH_AT), [s] "m"(secret)
	    : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r10", "r11", "r12",
	      "r13", "r14", "r15", "xmm0", "memory", "cc");
	return r9;
}

TEST(nor_does_who_is_entered_see_them)
{
	uint64_t gs = 0x123456789;
	long c = liar_made(REGISTERS);

	EQ(switch_full(c, &gs), 0);
	EQ(gs, 0x123456789);
	EQ(switch_full(c, &gs), 0);
	__asm__ volatile("wrgsbase %0" : : "r"(0ul));
	EQ(lwc_close((int)c), 0);
}

/* A context whose creator discards itself, with something in registers: what it
 * saw of them. */
static int
discard_full(enum lie how)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int here = getpid();
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		(void)!liar_begin(native_ids().acct);
		lwc_switch(caller, args, &caller);
		_exit(seen() == 0 ? 7 : 8 + (seen() >> 16 & 1));
	}
	lie = how;
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	__asm__ volatile("movdqu %0, %%xmm0; wrgsbase %1; syscall" : :
	    "m"(secret), "r"((uint64_t)here), "a"((long)LWC_NR_discard),
	    "D"(c), "S"(args), "d"((uint64_t)LWC_ARGS) : "rcx", "r11", "xmm0",
	    "memory");
	return 1;
}

TEST(nor_whom_one_discards_oneself_to)
{
	EQ(apart(discard_full, 0), 7 << 8);
}

TAP_MAIN
