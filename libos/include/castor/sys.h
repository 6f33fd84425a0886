/*
 * castor/sys.h - a stub for each call of the kernel: exo_NAME(...).
 *
 * Generated from the one list in exo/syscall.h.  The result is >= 0, or
 * -EXO_E_*, and must be looked at.  Memory handed to the kernel must be
 * mapped already: the kernel answers ADDR and does not page (see vm_touch).
 */
#ifndef CASTOR_SYS_H
#define CASTOR_SYS_H

#include <stdint.h>

#include <exo/cap.h>
#include <exo/error.h>
#include <exo/pred.h>
#include <exo/pt.h>
#include <exo/revoke.h>
#include <exo/start.h>
#include <exo/syscall.h>
#include <exo/tables.h>
#include <exo/trap.h>
#include <exo/types.h>

#define MUST_USE	__attribute__((warn_unused_result))

/*
 * The instruction with n arguments.  All argument registers come back
 * destroyed, used or not, so those that carry one are outputs too.
 */
static inline long MUST_USE
exo_raw0(uint64_t nr)
{
	__asm__ volatile("syscall" : "+a"(nr) : : "rcx", "r11", "memory",
	    "rdi", "rsi", "rdx", "r10", "r8", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw1(uint64_t nr, uint64_t a)
{
	__asm__ volatile("syscall" : "+a"(nr), "+D"(a) : : "rcx", "r11",
	    "memory", "rsi", "rdx", "r10", "r8", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw2(uint64_t nr, uint64_t a, uint64_t b)
{
	__asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b) : : "rcx",
	    "r11", "memory", "rdx", "r10", "r8", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw3(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	__asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c)
	    : : "rcx", "r11", "memory", "r10", "r8", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw4(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = d;

	__asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c),
	    "+r"(r10) : : "rcx", "r11", "memory", "r8", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw5(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;

	__asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c),
	    "+r"(r10), "+r"(r8) : : "rcx", "r11", "memory", "r9");
	return (long)nr;
}

static inline long MUST_USE
exo_raw6(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "+a"(nr), "+D"(a), "+S"(b), "+d"(c),
	    "+r"(r10), "+r"(r8), "+r"(r9) : : "rcx", "r11", "memory");
	return (long)nr;
}

/* EXO_INVOKE(nr, (a, b)) is exo_raw2(EXO_NR_BASE + nr, a, b). */
#define EXO_PICK(a, b, c, d, e, f, g, n, ...)	exo_raw##n
#define EXO_RAW(...)	EXO_PICK(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0)
#define EXO_UNWRAP(...)	, ##__VA_ARGS__
#define EXO_EXPAND(...)	EXO_RAW(__VA_ARGS__)(__VA_ARGS__)
#define EXO_INVOKE(nr, names)						      \
	EXO_EXPAND((uint64_t)EXO_NR_BASE + (nr) EXO_UNWRAP names)

/* Those that are assembly in the kernel switch domains: see below. */
#define EXO_STUB(nr, how, name, params, names)				      \
	EXO_STUB_##how(nr, name, params, names)
#define EXO_STUB_A(nr, name, params, names)
#define EXO_STUB_C(nr, name, params, names)				      \
	static inline long MUST_USE exo_##name params			      \
	{								      \
		return EXO_INVOKE(nr, names);				      \
	}
#define EXO_STUB_F	EXO_STUB_C
EXO_SYSCALLS(EXO_STUB)
#undef EXO_STUB
#undef EXO_STUB_A
#undef EXO_STUB_C
#undef EXO_STUB_F

/*
 * Crossing domains (cross.asm).  Up to five words go along; what else is in
 * the registers is scrubbed, and the callee need not restore anything.
 *
 * exo_call: EXO_K_REPLY, and the callee's answer in *result; or an error.
 * exo_enter: comes back only with an error.
 * exo_reply: likewise; value is the caller's result.
 */
long exo_call(uint64_t handle, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t *result) MUST_USE;
long exo_enter(uint64_t handle, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e) MUST_USE;
long exo_reply(uint64_t value) MUST_USE;

#endif
