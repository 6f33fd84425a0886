/*
 * image.h - what the files of the image share.
 *
 * Three sorts of memory: *hot* data (this image's .data and .bss, two pages,
 * copied by fork and never shared), struct thread (one per env, at the end of
 * its stack), and the heap, which fork shares and copies on write like the
 * program's own.
 */
#ifndef IMAGE_H
#define IMAGE_H

/* All there is lies in one link: no way round by a table of addresses. */
#pragma GCC visibility push(hidden)

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <castor/commons.h>
#include <castor/sys.h>

#include "calls.h"
#include "layout.h"
#include "linux.h"

#define PAGE_DOWN(a)	((a) & ~(EXO_PAGE - 1))
#define PAGE_UP(a)	PAGE_DOWN((a) + EXO_PAGE - 1)

/* What handlers answer besides Linux's errors: a signal came before anything
 * was done.  The call begins again if the signal's handler says so. */
#define E_RESTART	1000

/* A handler of a system call, whatever of its arguments it looks at. */
typedef long (*call_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
    uint64_t);

/* ---- threads */
#define NAME_SIZE	16u
#define ROBUST_SIZE	24u
struct thread {
	struct stand {			/* where it left this context, as */
		uint64_t gsbase, fsbase, rbp, rip, rsp;	/* entry.asm pops it */
	} stand;
	uint64_t resume;		/* where its stub jumps */
	uint64_t stub;
	struct exo_regs *regs;		/* the program's, during a call */
	uint32_t tid;
	uint32_t changed;		/* regs are to be loaded, all of them */
	exo_id env;
	uint64_t clear_tid;		/* zeroed and woken at its end */

	/* signal.c */
	uint64_t blocked;		/* signals, as bits */
	uint64_t restore;		/* after sigsuspend's handler, this */
	bool restores;
	uint32_t fault;			/* of the trap: signal | code << 8 */
	uint64_t alt_base, alt_size;	/* size 0: none */

	/* wait.c: my seat in the commons */
	uint64_t handle;
	exo_ppn window;
	exo_slot window_slot;

	/* thread.c: what it is made of */
	exo_ppn env_frame;
	uint32_t slice;
	uint64_t fsbase;		/* that it begins with */
	uint64_t birth;			/* of a context: context.h */
	bool unborn;			/* it has not begun */
	uint64_t remote;		/* the context that user_read asks */
	bool borrows;			/* requests are CM_LENT */

	uint64_t robust;		/* futex.c: locks that it may hold */
	char name[NAME_SIZE];

	/* futex.c: the word that it waits for; 0: none */
	uint64_t futex, futex_turn;
	uint32_t futex_bits;
};
_Static_assert(sizeof(struct thread) <= THREAD_SIZE, "layout.h");

/* The running thread's, from Castor's stack or its upcall frame. */
static inline uint64_t
my_block(void)
{
	uint64_t sp;

	__asm__("mov %%rsp, %0" : "=r"(sp));
	return sp & ~(BLOCK_SIZE - 1);
}

static inline struct thread *
me(void)
{
	return (struct thread *)(my_block() + BLOCK_UPCALL - THREAD_SIZE);
}

static inline struct cm_window *
my_window(void)
{
	return (struct cm_window *)(my_block() + BLOCK_WINDOW);
}

/* ---- who I am (start.c) */
extern struct own {
	exo_id acct, domain, env;
	exo_slot acct_slot, domain_slot, env_slot, memory_slot;
} own;
/* What all processes of the session have, and children get (castor/text.h). */
extern struct share {
	exo_slot text_slot;		/* READ and EXEC on it */
	exo_slot session_slot;		/* RUN and VIEW on its processes */
	exo_ppn text;			/* the table to link in slot 253 */
	exo_ppn prog;			/* what sleepers wait by */
	exo_id commons;			/* its domain */
} share;
extern uint32_t pid;
extern exo_ppn own_table;		/* the last-level table of slot 254 */
extern exo_slot view_slot;		/* VIEW on my tables */

void rows_set(void);			/* traps come to entry.asm */

/* ---- entry.asm */
extern void (*const calls_fast[])(void);
_Noreturn void go(struct exo_regs *regs);
extern const char _start[];		/* where all seats are entered */
extern uint64_t lwc_place;		/* the only thread's, or what is never
					 * there */

/* The program's memory.  0 or -EFAULT: not there, or not the program's. */
long user_read(void *to, uint64_t from, uint64_t n) MUST_USE;
long user_write(uint64_t to, const void *from, uint64_t n) MUST_USE;
long user_zero(uint64_t to, uint64_t n) MUST_USE;
/* A string: its length, -EFAULT or (n bytes did not end it) -ENAMETOOLONG. */
long user_string(char *to, uint64_t from, uint64_t n) MUST_USE;

/* ---- ends (end.c) */
_Noreturn void process_end(uint32_t status);	/* as wait4 reports it */
/* Castor itself is wrong; says so and ends the process. */
_Noreturn void image_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* ---- frames (frame.c) */
long frame_get(uint32_t kind) MUST_USE;	/* zeroed; a ppn, or -ENOMEM */
long frame_copy(uint64_t va) MUST_USE;	/* of the page there, likewise */
/* For another account or name than mine. */
long frame_get_for(exo_id acct, exo_slot slot, exo_slot guard, uint32_t kind)
    MUST_USE;
long frame_copy_for(exo_id acct, exo_slot slot, exo_slot guard, uint64_t va)
    MUST_USE;
/* These n: 0, -ENOMEM, or -EAGAIN: somebody was quicker. */
long frames_get_at(uint32_t kind, exo_slot guard, exo_ppn first, uint32_t n)
    MUST_USE;
void frame_put(exo_ppn ppn);
void frames_unstock(void);		/* give back those that wait */
void frames_forget(void);		/* after a fork: they are the parent's */

/*
 * ---- loading (load.c)
 *
 * What a program is given: argc strings, then envc, as they lie one after the
 * other in the heap, so that they outlive the program that gave them.
 */
#define ARGS_MAX	0x40000ul
struct args {
	uint32_t argc, envc;
	uint64_t len;
	char path[CM_PATH_MAX + 1];
	char text[ARGS_MAX];
};
#define ARGS		((struct args *)(HEAP_EXEC + EXO_PAGE))

/* Run the program ARGS names in this process: -errno, and nothing happened,
 * or 0 with the registers that it begins with. */
long program_exec(struct exo_regs *r) MUST_USE;
void fp_reset(void);			/* entry.asm */

/* ---- time (time.c) */
uint64_t clock_ns(void);		/* since boot */
uint64_t clock_epoch(void);		/* boot, as CLOCK_REALTIME has it */
bool clock_ok(uint64_t clock);
bool clock_is_real(uint64_t clock);
/* When a clock shows ns, as clock_ns() counts. */
uint64_t clock_until(uint64_t clock, uint64_t ns);
/* A struct timespec of the program's, in ns; -EFAULT, -EINVAL. */
long timespec_get(uint64_t from, uint64_t *ns) MUST_USE;

void random_fill(void *to, uint64_t n);	/* misc.c */
void name_is(const char *path);		/* a program of this name runs */

/* ---- /proc/PID/maps of the process itself (maps.c): is it that path; a
 * descriptor of its text */
#define MAPS_NAME	24u
bool maps_is(const char *path);
long maps_make(void) MUST_USE;

/* ---- limits, usage (limit.c) */
extern uint64_t limit_as, limit_data;	/* RLIMIT_AS, RLIMIT_DATA */
long rusage_put(uint64_t to, uint64_t ns, uint64_t pages) MUST_USE;
uint64_t ticks_ns(uint64_t ticks);

/* ---- who the process is, for others (cred.c) */
long cred_get(struct cm_cred *c) MUST_USE;

#endif
