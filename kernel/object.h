/*
 * object.h - the kernel's private records: seats, handles, domains, envs, CPU.
 *
 * Records lie in frames that users supplied and can't map; what may be seen of
 * them is in the published tables, at the same index.  entry.asm knows the
 * offsets through offsets.c.
 */
#ifndef OBJECT_H
#define OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <exo/cap.h>
#include <exo/error.h>
#include <exo/pred.h>
#include <exo/pt.h>
#include <exo/syscall.h>
#include <exo/tables.h>
#include <exo/trap.h>
#include <exo/types.h>

#include "pure/bpf.h"

#define MUST_USE	__attribute__((warn_unused_result))

struct domain;
struct env;
struct seat;

/*
 * A handle.  An unused or opened place points at `no_seat`, whose key no
 * handle matches.  Live ones form a list per seat, linked by place names
 * (physical address >> 5), so that freeing a seat finds them.
 */
struct handle {
	struct seat *seat;
	uint64_t gen;			/* equals the seat's key if it is free;
					 * 0: the place is not a live handle */
	uint64_t badge;			/* opened place: the domain allowed */
	uint32_t next, prev;		/* place names; 0 ends */
};
_Static_assert(sizeof(struct handle) == 32, "entry.asm shifts by 5");

enum place { PLACE_EMPTY, PLACE_OPEN };	/* in `next`, while gen is 0 */

enum seat_state {
	SEAT_UNBOUND,
	SEAT_FREE,			/* key == gen */
	SEAT_TAKEN,			/* key == 0: RUNNING or AWAY: see below */
	SEAT_ABANDONED			/* key == 0 */
};

/*
 * A seat.  TAKEN is not stored by the fast paths: key alone says it.  It is
 * RUNNING if its env's current seat is this one, AWAY if it is on that env's
 * chain.
 */
struct seat {
	uint64_t key;			/* gen: free to enter; 0: not */
	uint64_t gen;			/* grows at each bind and free */
	struct domain *dom;
	exo_id env;			/* reserved for */
	uint64_t entry, stack;
	uint64_t up_base;		/* user address of the stack's bottom,
					 * past struct exo_upcall */
	uint64_t up_kva;		/* the same, in the direct map; 0: no
					 * upcall frame */
	uint64_t upcall;		/* RIP */
	uint32_t fault_fast;		/* 1: a page fault is an upcall here */
	uint32_t foreign_fast;		/* 1: so is a foreign call */
	uint32_t handles;		/* list of place names */
	uint32_t up_ppn;
	uint16_t index;
	uint8_t bound;			/* not SEAT_UNBOUND */
	uint8_t abandoned;
	uint32_t pad;
	struct handle handler[EXO_ROWS];/* what action ENTER enters: places like
					 * any other, gen 0: none */
	uint64_t left;			/* user address of the registers left */
	uint64_t pad2[11];
};
_Static_assert(sizeof(struct seat) == 256, "SEATS frames hold 16");

#define SEATS_INLINE		4u
#define SEATS_PER_FRAME		16u
#define SEAT_FRAMES		64u
#define HANDLES_INLINE		32u
#define HANDLES_PER_FRAME	128u
#define HANDLE_FRAMES_MAX	256u

struct monitor {
	exo_id id;			/* the monitor's domain; gen 0: none */
	uint64_t mask[2];		/* what it allows; ANDed along a chain */
	uint64_t given[2];		/* what it allows, by itself */
	uint32_t flags;			/* EXO_MON_* */
	uint32_t pad;
};

/* A domain's record: one frame. */
struct domain {
	void (*row[EXO_NR_MAX])(void);	/* dispatch; masked calls: refused */

	/* Read by the fast paths. */
	uint64_t cr3;			/* with PCID and no-flush bit; of a
					 * dead domain: the kernel's root */
	uint64_t nfast;			/* handles, or 0 if enter or call is
					 * masked */
	struct handle *handles;

	exo_id id;
	struct exo_domain *pub;		/* its published row */
	struct exo_cap guard;
	uint32_t root, frame;
	uint32_t nhandles;		/* places initialised */
	uint32_t max_handles;
	uint32_t handles_ppn;		/* 0: inline */
	uint32_t handles_frames;
	uint32_t live_handles;
	uint32_t nseat_frames;
	uint32_t slot_ppn[EXO_SLOT_TABLES];
	uint8_t action[EXO_ROWS][EXO_CLASSES];
	struct monitor mon;
	uint32_t reap_stage, reap_at;	/* see domain_reap */
	uint32_t seat_frame[SEAT_FRAMES];

	struct seat seat[SEATS_INLINE] __attribute__((aligned(256)));
	struct handle handle[HANDLES_INLINE];
};
_Static_assert(sizeof(struct domain) <= 4096, "a frame");

/* An open call.  Eight of them; see CHAIN_* and entry.asm. */
struct link {
	struct seat *seat;		/* 0: not a plain call: reply goes to C */
	uint64_t rip, rsp;
};

#define CHAIN_MAX	8u

/*
 * A sleep: the predicate, and what it was allowed to read.  It pins nothing: a
 * frame that is not as it was then ends it.
 */
struct nap {
	exo_ppn prog;
	uint32_t nwin;
	uint64_t epoch;			/* prog's */
	uint64_t arg[EXO_PRED_ARGS];
	struct bpf_window win[1 + EXO_PRED_WINDOWS];	/* from 1 on: its */
	exo_ppn ppn[EXO_PRED_WINDOWS];	/* 0: of a published table */
	uint64_t epochs[EXO_PRED_WINDOWS];
	uint64_t serials[EXO_PRED_WINDOWS];	/* of the guards */
};
_Static_assert(sizeof(struct nap) == 352, "it has room in struct env");

/* An env's record: one frame. */
struct env {
	struct exo_regs regs;		/* while it does not run */
	uint64_t fsbase, gsbase;
	struct seat *seat;		/* where it is, while it does not run */
	struct link *csp;		/* next free link, while it does not run */
	exo_id id;
	struct exo_env *pub;
	struct exo_cap guard;
	uint32_t due_next, due_prev;	/* envs with something pending, by
					 * deadline; 0 ends */
	uint64_t deadline;		/* tick by which pending must happen */
	struct seat *base_seat;		/* chain[0].seat while pending hides it */
	uint64_t kill_word;
	uint32_t kill_cause;
	uint32_t pad;
	exo_id ev_monitor;		/* who bound the event slot */
	uint64_t ev_kva;		/* 0: none */
	uint32_t ev_ppn;
	uint16_t ev_class, ev_kind;	/* of the event it waits for */
	uint32_t frame;
	uint32_t reaped;
	uint32_t resume;		/* RESUME_*: how it starts its slice */

	struct seat *trap_seat[CHAIN_MAX + 1]; /* of the links with seat 0 that
					 * are traps; else NULL */
	struct nap nap;			/* while it sleeps */
	uint8_t pad_to_chain[24];	/* chain_end at 0x310 */
	struct link chain_end;		/* seat 0: stops reply */
	struct link chain[CHAIN_MAX + 1];
	uint8_t fp[2816] __attribute__((aligned(64)));	/* XSAVE area */
	struct exo_regs base_regs;	/* of a trap that link 0 stands for */
	uint64_t base_fs, base_gs;
};
_Static_assert(offsetof(struct env, chain_end) == 0x310, "entry.asm: a full "
    "chain is one whose next link would end at a multiple of 256");
_Static_assert(offsetof(struct env, fp) == 0x400, "64-byte aligned");
_Static_assert(sizeof(struct env) <= 4096, "a frame");

enum { RESUME_REGS, RESUME_OWN_ROW };

/*
 * Everything that belongs to one CPU.  There is one today; all code reaches
 * it through cpu().
 */
struct cpu {
	struct seat *seat;		/* of the env that runs */
	struct link *csp;		/* its next free link */
	struct env *env;
	exo_id env_id;			/* its name */
	uint64_t user_rsp;		/* between SYSCALL and SYSRET */
	uint64_t user_rip;
	struct exo_regs *regs;		/* of this entry, if it saved them all */
	uint32_t switched;		/* regs are another env's now */
	uint32_t idle;
	uint32_t choosing;		/* in sched_leave */
	uint32_t slice;			/* position whose time it is */
	uint32_t turn;			/* by which who runs was chosen, and
					 * who pays; ~0: it was given back */
	uint32_t waited;		/* ticks that the slice's end waits */
	uint32_t turning;		/* a turn is chosen: debts are paid */
	exo_id epilogue;		/* the env that has had its upcall */
	uint64_t revolution;		/* of the slices */
	uint64_t batch[EXO_BATCH_MAX];	/* copied-in entries or instructions;
					 * a predicate's stack */
};

extern struct cpu cpu0;

static inline struct cpu *
cpu(void)
{
	return &cpu0;
}

static inline struct domain *
cur_domain(void)
{
	return cpu()->seat->dom;
}

extern struct seat no_seat;		/* enterable by nobody: its key is ~0 */

#endif
