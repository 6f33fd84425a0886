/*
 * castor/proc.h - other programs: made, run, waited for, cleared away.
 *
 * A program is a domain and an env in an account of their own.  All its
 * objects are guarded by children of one fresh name, whose capability its
 * maker keeps: name.  The program has its own slots, see exo/start.h, and
 * what PROC_CAPS gives it.
 */
#ifndef CASTOR_PROC_H
#define CASTOR_PROC_H

#include <stdbool.h>

#include <castor/sys.h>

#define PROC_SEATS	4u

struct proc {
	exo_id acct, domain, env;	/* 0: none (yet, or any more) */
	exo_slot name;			/* mine: all rights on all of it */
	uint64_t upcall;		/* its upcall entry */
	uint64_t start_va;		/* its start block */
	uint32_t seats;			/* 1 to this have memory */
	exo_ppn seat_ppn[PROC_SEATS + 1];	/* their upcall frames */
	uint32_t cause;			/* when it ended: enum exo_cause */
	uint64_t word;			/* exit word */
};

/* A frame of mine that it is to have mapped. */
struct proc_map {
	uint64_t va;
	uint64_t bits;			/* VM_R, VM_RW, VM_RX */
	exo_ppn ppn;
	exo_slot slot;			/* mine, with the rights for that */
};

/* A capability of mine that it is to have, at EXO_START_SLOTS and up. */
struct proc_cap {
	exo_slot slot;
	uint32_t rights;
};

struct proc_args {
	const char *name;		/* in the archive */
	uint32_t argc;			/* after the name */
	const char *const *argv;
	const uint32_t *limits;		/* EXO_RES_MAX of them; NULL: half of
					 * what I have left */
	const uint64_t *user;		/* 32 words for self->user; NULL: 0 */
	uint32_t nmaps, ncaps;
	const struct proc_map *maps;
	const struct proc_cap *caps;
	uint32_t seats;			/* stacks and upcall frames for seats
					 * 1 to this (PROC_SEATS at most) are mapped
					 * (seat.h) */
	bool no_console, no_archive, no_mint;
	bool foreign;			/* a Linux program, with Castor's image
					 * (text.h); name: as the image knows
					 * it */
	uint32_t envc;			/* then: its environment */
	const char *const *envp;
	exo_id acct;			/* not 0: its account, made already, and
					 * a name that dominates it; if it fails
					 * the caller ends both */
	exo_slot acct_name;
};

/*
 * Make one; it does not run yet.  Then start it: from then on whoever yields
 * to it, or gives its env a slice, runs it.
 */
long proc_make(struct proc *p, const struct proc_args *args) MUST_USE;
long proc_start(struct proc *p) MUST_USE;

/* Both, with arguments only. */
long proc_spawn(struct proc *p, const char *name, uint32_t argc,
    const char *const *argv) MUST_USE;

/* Reserve its seat (1 to seats) for env, entered at `entry` of its. */
long proc_seat(struct proc *p, uint32_t seat, exo_id env, uint64_t entry)
    MUST_USE;

/* Has its domain or its env ended? */
bool proc_ended(const struct proc *p);

/* Sleep until it has, in its favour: without slices of its own it runs in
 * mine. */
void proc_sleep(const struct proc *p);

/* How: cause and word, into *p.  (proc_wait does.) */
void proc_ending(struct proc *p);

/* Run it until it has, and clear it away.  0, cause and word in *p. */
long proc_wait(struct proc *p) MUST_USE;

/* Give it the rest of my slice. */
long proc_yield(const struct proc *p) MUST_USE;

/* End it if it has not, reap it, give back all that it had and my name of it.
 * Safe on a half-made one. */
long proc_end(struct proc *p) MUST_USE;

#endif
