/*
 * frames.c - what a handler of a fault finds on its stack, and what it may put
 * there: all registers, both ways; and stacks that are none.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "tap.h"

#define PAGE		4096
#define USER_TOP	0x780000000000
#define CASTOR		0x7effffe00000
#define SKIP		3		/* bytes of the store that faults */
#define TF		0x100
#define CF		1
#define DF		0x400
#define IOPL		0x3000

static char *wall;			/* may not be written */
static greg_t regs[NGREG];		/* as the handler found them */
static siginfo_t info;
static ucontext_t context;
static uint32_t fp_magic[2];
static uint64_t fp_features;
static volatile int handled;

static void
catch(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction a = { .sa_sigaction = fn,
	    .sa_flags = SA_SIGINFO | flags };

	sigemptyset(&a.sa_mask);
	sigaddset(&a.sa_mask, SIGUSR2);
	EQ(sigaction(sig, &a, NULL), 0);
}

static void
looks(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	const char *fp = (const char *)uc->uc_mcontext.fpregs;
	uint32_t size;

	handled += sig == SIGSEGV;
	info = *si;
	context = *uc;
	memcpy(regs, uc->uc_mcontext.gregs, sizeof(regs));
	memcpy(&fp_magic[0], fp + 464, 4);
	memcpy(&size, fp + 468, 4);
	memcpy(&fp_features, fp + 472, 8);
	memcpy(&fp_magic[1], fp + size - 4, 4);
	uc->uc_mcontext.gregs[REG_RIP] += SKIP;
}

/* Registers from in, a store to rax, registers to out: by exo's order of Linux's
 * gregs, r8 to rcx; the stack stays. */
long frames_fault(const uint64_t *in, uint64_t *out);
__asm__(
    "frames_fault:\n"
    "push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "push %rsi\n"
    "mov 0(%rdi), %r8; mov 8(%rdi), %r9; mov 16(%rdi), %r10\n"
    "mov 24(%rdi), %r11; mov 32(%rdi), %r12; mov 40(%rdi), %r13\n"
    "mov 48(%rdi), %r14; mov 56(%rdi), %r15; mov 72(%rdi), %rsi\n"
    "mov 80(%rdi), %rbp; mov 88(%rdi), %rbx; mov 96(%rdi), %rdx\n"
    "mov 104(%rdi), %rax; mov 112(%rdi), %rcx; mov 64(%rdi), %rdi\n"
    "stc\n"
    "frames_at: .byte 0xc6, 0, 1\n"
    "pushfq\n"
    "push %rdi; mov 16(%rsp), %rdi\n"
    "mov %r8, 0(%rdi); mov %r9, 8(%rdi); mov %r10, 16(%rdi)\n"
    "mov %r11, 24(%rdi); mov %r12, 32(%rdi); mov %r13, 40(%rdi)\n"
    "mov %r14, 48(%rdi); mov %r15, 56(%rdi); mov %rsi, 72(%rdi)\n"
    "mov %rbp, 80(%rdi); mov %rbx, 88(%rdi); mov %rdx, 96(%rdi)\n"
    "mov %rax, 104(%rdi); mov %rcx, 112(%rdi)\n"
    "pop %rax; mov %rax, 64(%rdi)\n"
    "pop %rax; cld\n"
    "pop %rsi\n"
    "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "ret\n");
extern const char frames_at[];
#define REGS	15u

static long
fault_with(uint64_t *in, uint64_t *out)
{
	for (uint32_t i = 0; i < REGS; i++)
		in[i] = 0x1111111111111111ul * (i + 1);
	in[13] = (uint64_t)wall + 24;		/* rax */
	memset(out, 0, REGS * 8);
	return frames_fault(in, out);
}

static void
look(int flags)
{
	uint64_t in[REGS], out[REGS], mask;
	int before = handled;
	long flags_after;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	EQ(sigprocmask(SIG_SETMASK, &set, NULL), 0);
	catch(SIGSEGV, looks, flags);
	flags_after = fault_with(in, out);
	EQ(handled, before + 1);
	EQ(memcmp(regs, in, sizeof(in)), 0);
	EQ(memcmp(out, in, sizeof(in)), 0);
	OK(flags_after & CF);
	EQ(regs[REG_RIP], (long)frames_at);
	OK(regs[REG_RSP] > (long)&in[0] - 400 && regs[REG_RSP] < (long)&in[0]);
	OK((regs[REG_EFL] & (CF | IOPL | TF)) == CF);
	EQ(regs[REG_CSGSFS], 0x33l | 0x2bl << 48);
	EQ(regs[REG_ERR], 7);
	EQ(regs[REG_TRAPNO], 14);
	EQ(regs[REG_OLDMASK], 1 << (SIGUSR1 - 1));
	EQ(regs[REG_CR2], (long)wall + 24);
	EQ(context.uc_flags, 7);
	EQ((long)context.uc_link, 0);
	memcpy(&mask, &context.uc_sigmask, 8);
	EQ(mask, 1 << (SIGUSR1 - 1));
	EQ(info.si_signo, SIGSEGV);
	EQ(info.si_errno, 0);
	EQ(info.si_code, SEGV_ACCERR);
	EQ((long)info.si_addr, (long)wall + 24);
	for (uint32_t i = 24; i < 128; i++)
		EQ(((char *)&info)[i], 0);
	EQ(fp_magic[0], 0x46505853);
	EQ(fp_magic[1], 0x46505845);
	EQ(fp_features & 3, 3);
	EQ(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	memcpy(&mask, &set, 8);
	EQ(mask, 1 << (SIGUSR1 - 1));
	sigemptyset(&set);
	EQ(sigprocmask(SIG_SETMASK, &set, NULL), 0);
}

/* The second and the third go the long way. */
TEST(a_handler_sees_all)
{
	static char alt[32768];
	stack_t s = { .ss_sp = alt, .ss_size = sizeof(alt) };

	wall = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	OK(wall != MAP_FAILED);
	EQ(*(volatile char *)wall, 0);
	for (int i = 0; i < 3; i++)
		look(0);
	EQ((long)context.uc_stack.ss_flags, SS_DISABLE);
	EQ((long)context.uc_stack.ss_size, 0);
	look(SA_RESETHAND);
	EQ(sigaltstack(&s, NULL), 0);
	look(0);
	EQ((long)context.uc_stack.ss_sp, (long)alt);
	EQ((long)context.uc_stack.ss_flags, 0);
	EQ((long)context.uc_stack.ss_size, sizeof(alt));
	s.ss_flags = SS_DISABLE;
	EQ(sigaltstack(&s, NULL), 0);
	look(SA_NODEFER);
}

/* ---- what it puts there */

static void
changes(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	greg_t *r = uc->uc_mcontext.gregs;
	sigset_t now;

	(void)si;
	(void)sigprocmask(SIG_SETMASK, NULL, &now);
	handled = sigismember(&now, sig) | sigismember(&now, SIGUSR2) << 1;
	for (int i = 0; i < REG_RSP; i++)
		r[i] = ~r[i];
	r[REG_EFL] = IOPL | DF | TF;
	r[REG_RIP] += SKIP;
	sigaddset(&uc->uc_sigmask, SIGHUP);
	sigaddset(&uc->uc_sigmask, SIGKILL);
}

static void
change(int flags, int deferred)
{
	uint64_t in[REGS], out[REGS], mask;
	sigset_t set;
	long left;

	catch(SIGSEGV, changes, flags);
	left = fault_with(in, out);
	for (uint32_t i = 0; i < REGS; i++)
		EQ(out[i], ~in[i]);
	EQ(left & (IOPL | DF | TF | CF), DF);
	EQ(handled, deferred);
	EQ(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	memcpy(&mask, &set, 8);
	EQ(mask, 1 << (SIGHUP - 1));
	sigemptyset(&set);
	EQ(sigprocmask(SIG_SETMASK, &set, NULL), 0);
}

TEST(a_handler_changes_all)
{
	change(0, 3);
	change(SA_NODEFER, 2);
	change(SA_RESETHAND, 3);
}

static volatile int came;

static void
comes(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)si;
	(void)ctx;
	came++;
}

static void
sends(int sig, siginfo_t *si, void *ctx)
{
	raise(SIGUSR2);
	handled = came;
	looks(sig, si, ctx);
}

TEST(what_was_put_off_comes_on_the_way_back)
{
	uint64_t in[REGS], out[REGS];

	catch(SIGUSR2, comes, 0);
	catch(SIGSEGV, sends, 0);
	(void)fault_with(in, out);
	EQ(handled, 1);
	EQ(came, 1);
	EQ(memcmp(out, in, sizeof(in)), 0);
}

static void
spoils(int sig, siginfo_t *si, void *ctx)
{
	__asm__ volatile("pxor %%xmm7, %%xmm7; fninit; fldpi" : : : "xmm7");
	looks(sig, si, ctx);
}

TEST(fp_state_is_as_it_was)
{
	uint64_t in = 0x123456789abcdef0, out;
	double d = 0;

	catch(SIGSEGV, spoils, 0);
	__asm__ volatile("movq %2, %%xmm7; fld1; .byte 0xc6, 0, 1; fstpl %1;"
	    "movq %%xmm7, %0" : "=&r"(out), "=m"(d) : "r"(in), "a"(wall) :
	    "xmm7", "memory");
	EQ(out, in);
	OK(d == 1.0);
}

/* ---- ends */

/* How a child ends that does this: a signal, or 1000 + its status. */
static int
end_of(void (*fn)(uint64_t), uint64_t arg)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn(arg);
		_exit(7);
	}
	EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) :
	    1000 + WEXITSTATUS(status);
}

static void
exits(int sig, siginfo_t *si, void *ctx)
{
	(void)sig;
	(void)si;
	(void)ctx;
	_exit(3);
}

static void
fault_at(uint64_t rsp)
{
	catch(SIGSEGV, exits, 0);
	__asm__ volatile("mov %0, %%rsp; .byte 0xc6, 0, 1" : : "r"(rsp),
	    "a"(wall));
}

TEST(without_a_stack_a_fault_is_the_end)
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t bad[] = { 0, 8, 200, PAGE, 0x40000,
	    (uint64_t)wall + PAGE, USER_TOP + 300, USER_TOP + PAGE,
	    USER_TOP + (1ull << 39), CASTOR, CASTOR + PAGE, CASTOR + 0x280000,
	    1ull << 47, -1ull << 47, (-1ull << 47) + 512, -8ull, -1ull };

	catch(SIGSEGV, looks, 0);
	fault_with((uint64_t[REGS]){ 0 }, (uint64_t[REGS]){ 0 });
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (!EQ(end_of(fault_at, bad[i]), SIGSEGV))
			printf("# rsp %#lx\n", (long)bad[i]);
	}
	/* Room, or not: the frame is some 1.6 KiB and begins below 128 bytes. */
	EQ(end_of(fault_at, (uint64_t)p + 4 * PAGE), 1003);
	EQ(mprotect(p + PAGE, PAGE, PROT_READ), 0);
	EQ(end_of(fault_at, (uint64_t)p + 4 * PAGE), 1003);
	for (uint64_t at = 0; at < 1400; at += 8)
		if (!EQ(end_of(fault_at, (uint64_t)p + 2 * PAGE + at), SIGSEGV))
			break;
	EQ(end_of(fault_at, (uint64_t)p + 2 * PAGE + 3000), 1003);
}

static void
returns_at(uint64_t rsp)
{
	__asm__ volatile("mov %0, %%rsp; mov $15, %%eax; syscall" : :
	    "r"(rsp));
}

static struct {
	int greg;			/* which one; -1: the FP state's address */
	uint64_t to;
} damage;

static void
damages(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	looks(sig, si, ctx);
	signal(SIGSEGV, SIG_DFL);
	if (damage.greg >= 0)
		uc->uc_mcontext.gregs[damage.greg] = (greg_t)damage.to;
	else if (damage.greg == -1)
		uc->uc_mcontext.fpregs = (void *)damage.to;
	else	/* a bit of the header that must not be there */
		((uint64_t *)uc->uc_mcontext.fpregs)[damage.to] = 1ull << 63;
}

static void
fault_damaged(uint64_t arg)
{
	uint64_t in[REGS], out[REGS];

	(void)arg;
	catch(SIGSEGV, damages, 0);
	(void)fault_with(in, out);
}

TEST(a_damaged_frame_is_the_end)
{
	const uint64_t bad[] = { 0, 8, PAGE, 0x40000, USER_TOP - 64,
	    USER_TOP - 8, USER_TOP, CASTOR, 1ull << 47, -1ull << 47, -512ull,
	    -8ull };
	const uint64_t nofp[] = { 64, 0x40000, USER_TOP, CASTOR, 1ull << 47,
	    -64ull, (uint64_t)wall + 1, (uint64_t)wall + PAGE - 64 };

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		EQ(end_of(returns_at, bad[i]), SIGSEGV);
		damage.greg = REG_RIP;
		damage.to = bad[i];
		if (!EQ(end_of(fault_damaged, 0), SIGSEGV))
			printf("# rip %#lx\n", (long)bad[i]);
	}
	for (uint32_t i = 0; i < sizeof(nofp) / sizeof(nofp[0]); i++) {
		damage.greg = -1;
		damage.to = nofp[i];
		if (!EQ(end_of(fault_damaged, 0), SIGSEGV))
			printf("# FP state at %#lx\n", (long)nofp[i]);
	}
	damage.greg = -2;
	damage.to = 65;			/* XCOMP_BV */
	EQ(end_of(fault_damaged, 0), SIGSEGV);
	/* None at all is as good. */
	damage.greg = -1;
	damage.to = 0;
	EQ(end_of(fault_damaged, 0), 1007);
	damage.greg = REG_RSP;
	damage.to = 0;
	EQ(end_of(fault_damaged, 0), SIGSEGV);
}

TAP_MAIN
