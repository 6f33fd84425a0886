/*
 * native.h - the kernel's calls and the commons' from a Linux process, past its
 * own Castor: for what a hostile program may do.
 */
#ifndef LINUX_NATIVE_H
#define LINUX_NATIVE_H

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <castor/commons.h>
#include <castor/sys.h>

/* The first thread's, as libos/image/layout.h has them. */
#define NATIVE_BLOCK	(254ul * 0x8000000000ul + 0x80000ul)
#define NATIVE_WINDOW	((struct cm_window *)(NATIVE_BLOCK + 0x7000ul))
#define NATIVE_DOMAIN	EXO_START_SLOT_DOMAIN
#define NATIVE_FREE	60u		/* slots from here on nobody uses */

#define NATIVE_REFUSED	100000l

/* One request by this handle; -NATIVE_REFUSED and less: the kernel's error. */
static inline long
native_ask_by(uint64_t handle, uint64_t op, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d)
{
	register uint64_t r10 __asm__("r10") = b;
	register uint64_t r8 __asm__("r8") = c;
	register uint64_t r9 __asm__("r9") = d;
	uint64_t rax = EXO_NR_BASE + EXO_NR_call, rdi = handle;
	uint64_t rsi = op, rdx = a;

	__asm__ volatile(
	    "lea -128(%%rsp), %%rsp\n"		/* below the red zone */
	    "push %%rbx; push %%rbp; push %%r12; push %%r13; push %%r14\n"
	    "push %%r15; syscall; pop %%r15; pop %%r14; pop %%r13\n"
	    "pop %%r12; pop %%rbp; pop %%rbx; lea 128(%%rsp), %%rsp"
	    : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10),
	    "+r"(r8), "+r"(r9) : : "rcx", "r11", "memory", "cc");
	return (long)rax < 0 ? (long)rax - NATIVE_REFUSED : (long)rdx;
}

/* The first thread's. */
static inline long
native_ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return native_ask_by(0, op, a, b, c, d);
}

struct native_ids {
	exo_id acct, domain, env;
};

/* Who I am; all zero: that could not be read. */
static inline struct native_ids
native_ids(void)
{
	struct native_ids i = { 0, 0, 0 };
	char text[128] = { 0 };
	int fd = open("/exo/self", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 ||
	    sscanf(text, "acct %lu domain %lu env %lu", &i.acct, &i.domain,
	    &i.env) != 3)
		i = (struct native_ids){ 0, 0, 0 };
	if (fd >= 0)
		close(fd);
	return i;
}

/* Have the kernel write that frame from now on: bind it as the upcall frame of
 * a seat of mine that nobody enters.  0: it is. */
static inline long
native_pin(const struct native_ids *me, uint32_t seat, exo_ppn ppn,
    exo_slot slot)
{
	struct exo_seat_args a = { .env = me->env, .entry = 0x400000,
	    .stack = 0x500000, .upcall = 0x400000, .upcall_va = 0x600000,
	    .upcall_ppn = ppn, .upcall_slot = slot };

	return exo_seat_bind(me->domain, NATIVE_DOMAIN, seat, (uint64_t)&a);
}

#endif
