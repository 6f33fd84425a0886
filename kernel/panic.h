/*
 * panic.h - the end of a kernel that found itself wrong.
 *
 * assert() is for kernel bugs that no user input can reach; bad input is an
 * error return.
 */
#ifndef KERNEL_PANIC_H
#define KERNEL_PANIC_H

#include <exo/trap.h>

_Noreturn void	panic(const char *, ...)
	    __attribute__((format(printf, 1, 2)));
/* After a trap in the kernel, with the registers at that moment. */
_Noreturn void	panic_regs(const struct exo_regs *, const char *, ...)
	    __attribute__((format(printf, 2, 3)));

#define assert(e) do {							\
	if (__builtin_expect(!(e), 0))					\
		panic("assert: %s, %s:%d", #e, __FILE__, __LINE__);	\
} while (0)

#endif
