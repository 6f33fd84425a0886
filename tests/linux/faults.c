/*
 * faults.c - what a program's own traps become: signals with the right number,
 * code and address, and a way back.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tap.h"

#define PAGE	4096

static sigjmp_buf back;
static volatile siginfo_t seen;
static volatile int count;
static volatile uintptr_t nowhere = 8;

static void
leave(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)ctx;
	memcpy((void *)&seen, info, sizeof(seen));
	count++;
	siglongjmp(back, 1);
}

static void
catch(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = { .sa_sigaction = fn,
	    .sa_flags = SA_SIGINFO | flags };

	EQ(sigaction(sig, &a, NULL), 0);
}

/* Run code that is to trap: what was seen is left in `seen'. */
#define TRAPS(sig, code)						      \
	do {								      \
		catch(sig, leave, 0);					      \
		seen.si_signo = 0;					      \
		if (sigsetjmp(back, 1) == 0) {				      \
			code;						      \
		}							      \
		EQ(seen.si_signo, sig);					      \
	} while (0)

TEST(nothing_there_is_segv_maperr)
{
	TRAPS(SIGSEGV, *(volatile int *)0x1234567890 = 1);
	EQ(seen.si_code, SEGV_MAPERR);
	EQ((long)seen.si_addr, 0x1234567890);
	TRAPS(SIGSEGV, (void)*(volatile int *)nowhere);
	EQ((long)seen.si_addr, 8);
}

TEST(not_allowed_is_segv_accerr)
{
	char *p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);

	TRAPS(SIGSEGV, p[PAGE + 5] = 1);
	EQ(seen.si_code, SEGV_ACCERR);
	EQ((long)seen.si_addr, (long)(p + PAGE + 5));
	EQ(p[PAGE], 0);				/* now it is there */
	TRAPS(SIGSEGV, p[PAGE + 5] = 1);
	EQ(seen.si_code, SEGV_ACCERR);
	EQ(mprotect(p, 2 * PAGE, PROT_READ | PROT_WRITE), 0);
	p[PAGE] = 7;
	EQ(mprotect(p, 2 * PAGE, PROT_READ), 0);
	TRAPS(SIGSEGV, p[PAGE] = 1);
	EQ(p[PAGE], 7);
	EQ(munmap(p, 2 * PAGE), 0);
	TRAPS(SIGSEGV, (void)*(volatile char *)p);
	EQ(seen.si_code, SEGV_MAPERR);
}

TEST(castors_own_memory_is_not_the_programs)
{
	TRAPS(SIGSEGV, (void)*(volatile int *)0x7e8000000000);
	EQ(seen.si_signo, SIGSEGV);
	TRAPS(SIGSEGV, *(volatile int *)0x7effffe00000 = 1);
	TRAPS(SIGSEGV, *(volatile int *)0xffffff0000000000 = 1);
	TRAPS(SIGSEGV, (void)*(volatile int *)0xffff800000000000);
}

TEST(a_bad_address_is_segv)
{
	TRAPS(SIGSEGV, (void)*(volatile int *)0x8000000000000000);
	TRAPS(SIGSEGV, __asm__ volatile("hlt"));
	TRAPS(SIGSEGV, ((void (*)(void))0x5000)());
	EQ((long)seen.si_addr, 0x5000);
}

TEST(divide_by_zero_is_fpe)
{
	volatile int zero = 0, x = 1;

	TRAPS(SIGFPE, x = x / zero);
	EQ(seen.si_code, FPE_INTDIV);
}

/* (QEMU 7.2 raises none for SSE.) */
TEST(x87_exceptions_are_fpe)
{
	unsigned short unmasked = 0x37b;

	TRAPS(SIGFPE, __asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait"
	    : : "m"(unmasked)));
	__asm__ volatile("fninit");
	EQ(seen.si_code, FPE_FLTDIV);
}

TEST(undefined_code_is_ill)
{
	TRAPS(SIGILL, __asm__ volatile("ud2"));
	OK(seen.si_addr != NULL);
}

static void
past_it(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)info;
	count++;
	if (sig == SIGILL)
		uc->uc_mcontext.gregs[REG_RIP] += 2;
	uc->uc_mcontext.gregs[REG_RBX] = 0x1122334455667788;
}

TEST(a_breakpoint_goes_on_behind_itself)
{
	int before = count;

	catch(SIGTRAP, past_it, 0);
	__asm__ volatile("int3" : : : "rbx");
	EQ(count, before + 1);
}

TEST(a_handler_changes_registers)
{
	uint64_t rbx, rcx = 3, r11 = 4;

	catch(SIGILL, past_it, 0);
	register uint64_t rr11 __asm__("r11") = r11;
	__asm__ volatile("mov $5, %%ebx; ud2" : "=b"(rbx), "+c"(rcx),
	    "+r"(rr11));
	EQ(rbx, 0x1122334455667788);
	EQ(rcx, 3);
	EQ(rr11, 4);
}

/* The red zone, the flags and vector registers of what was interrupted. */
TEST(what_was_interrupted_does_not_notice)
{
	uint64_t out[3], flags;

	catch(SIGILL, past_it, 0);
	__asm__ volatile(
	    "movq $77, -8(%%rsp)\n"
	    "movq $78, -128(%%rsp)\n"
	    "movq %3, %%xmm7\n"
	    "stc\n"
	    "ud2\n"
	    "setc %b2\n"
	    "movzbq %b2, %2\n"
	    "movq -8(%%rsp), %0\n"
	    "movq -128(%%rsp), %1\n"
	    "movq %%xmm7, %3\n"
	    : "=&r"(out[0]), "=&r"(out[1]), "=&a"(flags),
	    "=&r"(out[2]) : "3"(0xabcdef) : "rbx", "memory", "xmm7");
	EQ(out[0], 77);
	EQ(out[1], 78);
	EQ(flags, 1);
	EQ(out[2], 0xabcdef);
}

static void
spoils(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	__asm__ volatile("pxor %%xmm7, %%xmm7; fninit; fldpi" : : : "xmm7");
	past_it(sig, info, ctx);
}

TEST(fp_state_is_as_it_was)
{
	uint64_t in = 0x123456789abcdef0, out;
	double d = 0;

	catch(SIGILL, spoils, 0);
	__asm__ volatile("movq %2, %%xmm7; fld1; ud2; fstpl %1; movq %%xmm7, %0"
	    : "=&r"(out), "=m"(d) : "r"(in) : "xmm7", "rbx");
	EQ(out, in);
	OK(d == 1.0);
}

static char alt[32768];
static volatile uintptr_t handler_sp;

static void
where(int sig, siginfo_t *info, void *ctx)
{
	char here;

	(void)sig;
	(void)ctx;
	handler_sp = (uintptr_t)&here;
	memcpy((void *)&seen, info, sizeof(seen));
	siglongjmp(back, 1);
}

static int
deep(int n)
{
	volatile char room[1000];

	room[0] = (char)n;
	return n < 0 ? 0 : deep(n + 1) + room[0];
}

TEST(a_stack_overflow_is_taken_on_the_alternate_stack)
{
	stack_t s = { .ss_sp = alt, .ss_size = sizeof(alt) }, old;

	EQ(sigaltstack(&s, NULL), 0);
	catch(SIGSEGV, where, SA_ONSTACK);
	seen.si_signo = 0;
	if (sigsetjmp(back, 1) == 0)
		deep(0);
	EQ(seen.si_signo, SIGSEGV);
	OK(handler_sp >= (uintptr_t)alt &&
	    handler_sp < (uintptr_t)alt + sizeof(alt));
	EQ(sigaltstack(NULL, &old), 0);
	EQ(old.ss_size, sizeof(alt));
	EQ(old.ss_flags, 0);
	s.ss_flags = SS_DISABLE;
	EQ(sigaltstack(&s, NULL), 0);
}

static int nested;

static void
again(int sig, siginfo_t *info, void *ctx)
{
	(void)info;
	if (nested++ < 3)
		__asm__ volatile("ud2" : : : "rbx");
	past_it(sig, info, ctx);
}

TEST(with_nodefer_a_handler_is_interrupted_by_its_own_signal)
{
	nested = 0;
	catch(SIGILL, again, SA_NODEFER);
	__asm__ volatile("ud2" : : : "rbx");
	EQ(nested, 4);
}

TEST(resethand_means_once)
{
	struct sigaction a;

	catch(SIGILL, past_it, SA_RESETHAND);
	__asm__ volatile("ud2" : : : "rbx");
	EQ(sigaction(SIGILL, NULL, &a), 0);
	OK(a.sa_handler == SIG_DFL);
}

TEST(masks_are_what_was_set)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGKILL);
	EQ(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	EQ(sigprocmask(SIG_BLOCK, NULL, &old), 0);
	EQ(sigismember(&old, SIGUSR1), 1);
	EQ(sigismember(&old, SIGKILL), 0);
	EQ(sigprocmask(SIG_UNBLOCK, &set, NULL), 0);
	EQ(sigprocmask(SIG_BLOCK, NULL, &old), 0);
	EQ(sigismember(&old, SIGUSR1), 0);
}

TEST(write_and_execute_come_in_turns)
{
	unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 };
	unsigned char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	OK(p != MAP_FAILED);
	for (int i = 0; i < 3; i++) {
		code[1] = (unsigned char)(42 + i);
		memcpy(p, code, sizeof(code));
		EQ(((int (*)(void))(uintptr_t)p)(), 42 + i);
	}
	munmap(p, PAGE);
}

TAP_MAIN
