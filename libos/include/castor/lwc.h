/*
 * castor/lwc.h - light-weight contexts (docs/lwc.md), for programs of the Linux
 * personality.  Needs no library: all is in here.
 *
 * Results: >= 0; LWC_SWITCHED, LWC_TRAPPED; or -errno, which is never
 * -1 to -3.  Calls list their errors in the order checked.
 */
#ifndef CASTOR_LWC_H
#define CASTOR_LWC_H

#include <stdint.h>

/* What a spec is about: one of these, */
#define LWC_MEMORY	0x1u		/* addresses [first, last), whole pages */
#define LWC_FILES	0x2u		/* descriptors first to last */
#define LWC_CREDENT	0x4u
#define LWC_ALL		0x7u
/* how the child has it: one of these, */
#define LWC_COPY	0x0u
#define LWC_SHARE	0x8u
#define LWC_UNMAP	0x10u
/* and whether it may overlay that of its creator. */
#define LWC_MAY_OVERLAY	0x20u

struct lwc_spec {
	uint64_t first, last;		/* ~0, ~0: all of it */
	uint32_t flags;
	uint32_t pad;
};

/* Flags of lwc_create. */
#define LWC_SUSPEND_ONLY	0x8u
#define LWC_SYSTRAP		0x80u
#define LWC_PREFAULT		0x100u
#define LWC_SHARESIGNALS	0x200u
#define LWC_MANY		0x400u	/* of the first one that a context makes:
					 * it will make more than 60, up to 5,000 */

#define LWC_FAILED		(-1)
#define LWC_SWITCHED		(-2)
#define LWC_TRAPPED		(-3)

#define LWC_ARGS		5	/* words that a switch takes along */
#define LWC_SPECS_MAX		32

/* Foreign calls by number; 558 is the switch in registers. */
#define LWC_NR			550
#define LWC_NR_create		550
#define LWC_NR_switch		551
#define LWC_NR_discard		552
#define LWC_NR_overlay		553
#define LWC_NR_restrict		554
#define LWC_NR_syscall		555
#define LWC_NR_close		556
#define LWC_NR_self		557
#define LWC_NR_registers	558
#define LWC_NR_trapped		559
#define LWC_NR_END		560

/* In the first word of a switch that is a trap; its low half: the number. */
#define LWC_TRAP_MARK		0x4c574321ull

/* In the image's text: the same without a trap. */
#define LWC_SWITCH_AT		0x7effffe00080

#ifndef __ASSEMBLER__

/* Does a result say why not? */
static inline int
lwc_failed(long r)
{
	return r < LWC_TRAPPED || r == LWC_FAILED;
}

/* Whoever comes out of a creation or a switch finds vector registers cleared. */
static inline long
lwc_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
    uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b),
	    "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory",
	      "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
	      "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
	      "xmm15");
	return r;
}

/*
 * A context like this one but for what specs say: its descriptor.  Whoever
 * enters it first comes out of the same call with LWC_SWITCHED; *caller (if
 * not NULL) is the descriptor of where that one came from, and args[0] to
 * args[*n - 1] its arguments.
 *	Errors: EINVAL nspecs, flags; EFAULT; EINVAL a spec, or it unmaps a part of
 *	shared memory, or all of it of who shares descriptors; EACCES a context
 *	of a thread that is not the first; EMFILE no descriptor, no name;
 *	ENOMEM; EAGAIN no client in the commons.
 */
static inline long
lwc_create(const struct lwc_spec *specs, int nspecs, int *caller,
    uint64_t *args, int *n, unsigned flags)
{
	return lwc_call(LWC_NR_create, (uint64_t)specs, (uint64_t)nspecs,
	    (uint64_t)caller, (uint64_t)args, (uint64_t)n, flags);
}

/* What a switch was: args[0] of a trap is the number. */
static inline long
lwc_came(uint64_t first, uint64_t *args)
{
	args[0] = first;
	if (first >> 32 != LWC_TRAP_MARK)
		return LWC_SWITCHED;
	args[0] = first & 0xffffffff;
	return LWC_TRAPPED;
}

/*
 * Leave this place, to be come back to, and enter `to'.  args: LWC_ARGS words
 * that go along, and those that came back.  *caller: who came back (from may be
 * NULL).  Result: LWC_SWITCHED; or LWC_TRAPPED: that context made the system
 * call args[0], with arguments args[1] to args[4]; to answer, switch back with
 * its result in args[0].
 *	Errors: EBADF no descriptor of a context; EACCES another thread's;
 *	EINVAL it has no place to go on from.
 */
static inline long
lwc_switch(int to, uint64_t args[LWC_ARGS], int *caller)
{
	register uint64_t rdi __asm__("rdi") = (uint64_t)to;
	register uint64_t rsi __asm__("rsi") = args[0];
	register uint64_t rdx __asm__("rdx") = args[1];
	register uint64_t r10 __asm__("r10") = args[2];
	register uint64_t r8 __asm__("r8") = args[3];
	register uint64_t r9 __asm__("r9") = args[4];
	long r;

	__asm__ volatile("lea 1f(%%rip), %%rcx\n\t"
	    "movabs %[at], %%rax\n\t"
	    "jmp *%%rax\n\t"
	    "syscall\n"			/* here the image goes if it must */
	    "1:"
	    : "=a"(r), "+r"(rdi), "+r"(rsi), "+r"(rdx), "+r"(r10), "+r"(r8),
	      "+r"(r9)
	    : [at] "i"(LWC_SWITCH_AT)
	    : "rbx", "rcx", "r11", "r12", "r13", "r14", "r15", "memory", "cc",
	      "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
	      "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
	      "xmm15");
	if (r < 0)
		return r;
	if (caller != (int *)0)
		*caller = (int)rdi;
	args[1] = rdx;
	args[2] = r10;
	args[3] = r8;
	args[4] = r9;
	return lwc_came(rsi, args);
}

/*
 * Enter `to' and forget this place: returns only an error, as lwc_switch.
 *	Errors: EFAULT; as lwc_switch; EACCES this context was made with
 *	LWC_SUSPEND_ONLY.
 */
static inline long
lwc_discard(int to, const uint64_t args[LWC_ARGS])
{
	return lwc_call(LWC_NR_discard, (uint64_t)to, (uint64_t)args, LWC_ARGS,
	    0, 0, 0);
}

/*
 * Have what `from' has, at the same addresses and numbers: memory and
 * descriptors of the specs, its credentials.  A spec with LWC_UNMAP takes out
 * what is here.
 *	Errors: EBADF; EINVAL n; EFAULT; EINVAL a spec; EACCES more than I may
 *	overlay; ENOMEM, EMFILE (some of it may be done).
 */
static inline long
lwc_overlay(int from, const struct lwc_spec *specs, int n)
{
	return lwc_call(LWC_NR_overlay, (uint64_t)from, (uint64_t)specs,
	    (uint64_t)n, 0, 0, 0);
}

/*
 * Give up the right to overlay what the specs say of this context.
 *	Errors: EBADF; EINVAL n; EFAULT; EINVAL a spec.
 */
static inline long
lwc_restrict(int lwc, const struct lwc_spec *specs, int n)
{
	return lwc_call(LWC_NR_restrict, (uint64_t)lwc, (uint64_t)specs,
	    (uint64_t)n, 0, 0, 0);
}

/*
 * System call nr with these six arguments for another context.  mask: what of
 * LWC_MEMORY, LWC_FILES and LWC_CREDENT is its; the rest is mine.  What the
 * call says.
 *	Errors: EBADF; EACCES another thread's; EINVAL mask; EFAULT; ENOSYS a
 *	call that makes or ends processes or threads, or waits for a signal, or
 *	(mask neither 0 nor all) one about a whole address space or process:
 *	mmap to madvise, mlock, futex, kill; EACCES no right to all of that.
 */
static inline long
lwc_syscall(int lwc, unsigned mask, long nr, const uint64_t args[6])
{
	return lwc_call(LWC_NR_syscall, (uint64_t)lwc, mask, (uint64_t)nr,
	    (uint64_t)args, 0, 0);
}

/*
 * All six arguments of the call that a context of mine trapped with; args[1] to
 * [4] of the switch were the first four.
 *	Errors: EBADF; EACCES its calls are not mine to answer; EFAULT.
 */
static inline long
lwc_trapped(int lwc, uint64_t args[6])
{
	return lwc_call(LWC_NR_trapped, (uint64_t)lwc, (uint64_t)args, 0, 0,
	    0, 0);
}

/* Let go of a context.  The last reference ends it.  Errors: EBADF. */
static inline long
lwc_close(int lwc)
{
	return lwc_call(LWC_NR_close, (uint64_t)lwc, 0, 0, 0, 0, 0);
}

/* A number of this context's own: no other of this process has it now. */
static inline long
lwc_self(void)
{
	return lwc_call(LWC_NR_self, 0, 0, 0, 0, 0, 0);
}

#endif
#endif
