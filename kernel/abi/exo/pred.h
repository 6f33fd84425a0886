/*
 * exo/pred.h - wake-up predicates: what env_sleep is given, and what the
 * program sees.
 *
 * A predicate is BPF (RFC 9669; no helpers, no maps) in a frame of kind PROG.
 * It is run for the sleeper with
 *
 *	r1	the address of a struct exo_pred, EXO_PRED_AT
 *	r2-r5	its arg[0] to arg[3]
 *	r10	its stack: 512 bytes for each of at most 8 functions
 *
 * and window n of the sleep at EXO_PRED_WIN(n).  All but the stack is
 * read-only.  The low 32 bits of r0 are the result: 0 sleeps on, anything else
 * wakes the env and is the result of its env_sleep.
 */
#ifndef EXO_PRED_H
#define EXO_PRED_H

#include <exo/types.h>

#define EXO_PROG_MAX		512u	/* instructions of a program */
#define EXO_PRED_FUEL		256u	/* instructions executed, at the most,
					 * each time it is asked */
#define EXO_PRED_ARGS		4u
#define EXO_PRED_WINDOWS	8u

#define EXO_PRED_AT		0x100000000ul
#define EXO_PRED_WIN(n)		((uint64_t)((n) + 2) << 32)

/* What r1 points at. */
struct exo_pred {
	uint64_t ticks;			/* as EXO_MACHINE has them */
	uint64_t tsc;			/* now */
	uint64_t deaths;
	uint64_t typed;
	uint64_t arg[EXO_PRED_ARGS];	/* the sleeper's */
};
_Static_assert(sizeof(struct exo_pred) == 64, "ABI");

/*
 * A window: len bytes (4096 at the most) at offset, a multiple of 8, of a
 * live data frame or of a published table.
 */
struct exo_window {
	uint32_t what;			/* EXO_WIN_FRAME, or EXO_WIN_TABLE +
					 * enum exo_table */
	uint32_t len;
	uint64_t offset;
	exo_ppn ppn;			/* FRAME */
	exo_slot slot;			/* FRAME: READ on it */
	uint64_t epoch;			/* FRAME: EXO_PAGES[ppn].epoch */
};
_Static_assert(sizeof(struct exo_window) == 32, "ABI");

#define EXO_WIN_FRAME	0u
#define EXO_WIN_TABLE	0x100u

/* env_sleep's first argument.  Windows from nwin on are not read. */
struct exo_sleep {
	exo_ppn prog;
	exo_slot prog_slot;		/* EXEC on it */
	uint32_t nwin;
	uint32_t pad;			/* 0 */
	uint64_t arg[EXO_PRED_ARGS];
	struct exo_window win[EXO_PRED_WINDOWS];
};
_Static_assert(sizeof(struct exo_sleep) == 304, "ABI");

#endif
