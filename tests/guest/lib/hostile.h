/*
 * hostile.h - attacks on the arguments of calls.
 *
 * HOSTILE(call, attack) is a TEST of one call.  tests/host/test_hostile.py
 * holds them against the list of calls: each has one, and each error that
 * exo/syscall.h documents for it is provoked in one.
 *
 * The REFUSED_* macros try every bad value of a sort for one argument of
 * expr, which names it by one letter; each must be refused with the given
 * error and change nothing (REFUSED of test.h).
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "test.h"

#define HOSTILE(call, attack)						      \
	static void attack_##call##_##attack(void);			      \
	TEST(call##_##attack)						      \
	{								      \
		hostile_begin();					      \
		attack_##call##_##attack();				      \
	}								      \
	static void							      \
	attack_##call##_##attack(void)

/* Make what the macros use, so that later they change nothing. */
void hostile_begin(void);

/* ---- capabilities: `s` in expr */

/* Slots that hold no capability. */
#define BAD_SLOTS	7u
exo_slot bad_slot(uint32_t which);

#define REFUSED_SLOT(expr)						      \
	for (uint32_t s_ = 0; s_ < BAD_SLOTS; s_++) {			      \
		exo_slot s = bad_slot(s_);				      \
									      \
		REFUSED(expr, SLOT);					      \
	}

/* All rights, on a name that is nobody's guard. */
exo_slot stranger(void);

#define REFUSED_DENIED(expr)						      \
	do {								      \
		exo_slot s = stranger();				      \
									      \
		REFUSED(expr, DENIED);					      \
	} while (0)

/* `have` without each of the rights in `need`. */
#define REFUSED_RIGHTS(expr, have, need)				      \
	for (uint32_t n_ = (need); n_ != 0; n_ &= n_ - 1) {		      \
		exo_slot s = weaker(have, n_ & -n_);			      \
									      \
		REFUSED(expr, RIGHTS);					      \
		slot_put(s);						      \
	}

#define REFUSED_CAP(expr, have, need)					      \
	do {								      \
		REFUSED_SLOT(expr);					      \
		REFUSED_DENIED(expr);					      \
		REFUSED_RIGHTS(expr, have, need);			      \
	} while (0)

/* A copy of a capability that lacks some rights; give it to slot_put. */
exo_slot weaker(exo_slot have, uint32_t without);
/* A fresh name under the root's, all rights; give it to slot_put. */
exo_slot fresh_name(void);

/* ---- ids: `i` in expr; `good` is a good one of its sort */

#define BAD_IDS		7u
exo_id bad_id(exo_id good, uint32_t which);

#define REFUSED_ID(expr, good)						      \
	for (uint32_t i_ = 0; i_ < BAD_IDS; i_++) {			      \
		exo_id i = bad_id(good, i_);				      \
									      \
		REFUSED(expr, NAME);					      \
	}

/* ---- pointers: `p` in expr, to `size` bytes that the kernel reads (RO) or
 * writes (RW) */

#define BAD_READS	13u
#define BAD_WRITES	(BAD_READS + 2)
uint64_t bad_pointer(uint64_t size, uint32_t which);

#define REFUSED_ADDR_RO(expr, size)					      \
	for (uint32_t p_ = 0; p_ < BAD_READS; p_++) {			      \
		uint64_t p = bad_pointer(size, p_);			      \
									      \
		REFUSED(expr, ADDR);					      \
	}

#define REFUSED_ADDR_RW(expr, size)					      \
	for (uint32_t p_ = 0; p_ < BAD_WRITES; p_++) {			      \
		uint64_t p = bad_pointer(size, p_);			      \
									      \
		REFUSED(expr, ADDR);					      \
	}

/* A page of memory to point into; what follows it is not mapped. */
uint8_t *good_page(void);

/* ---- frames: `f` in expr */

/* Numbers of no frame (0 is not among them). */
#define BAD_FRAMES	5u
exo_ppn bad_frame(uint32_t which);

#define REFUSED_FRAME(expr, error)					      \
	for (uint32_t f_ = 0; f_ < BAD_FRAMES; f_++) {			      \
		exo_ppn f = bad_frame(f_);				      \
									      \
		REFUSED(expr, error);					      \
	}

#define KIND(k)		(1u << EXO_PG_##k)
#define KINDS_TABLE	(KIND(PT1) | KIND(PT2) | KIND(PT3) | KIND(PT4))

/* A frame of this kind: mine and unused, or free, or the kernel's; 0: this
 * machine has none. */
exo_ppn frame_of(uint32_t kind);

/* Frames of every kind but those of the mask `good`. */
#define REFUSED_KIND(expr, good, error)					      \
	for (uint32_t k_ = 0; k_ < EXO_PG_KINDS; k_++) {		      \
		exo_ppn f = (good) & 1u << k_ ? 0 : frame_of(k_);	      \
									      \
		if (f != 0)						      \
			REFUSED(expr, error);				      \
	}

/* A frame that another domain allocated; guarded by a name that my memory
 * slot's capability does not dominate, but the root does. */
exo_ppn others_frame(uint32_t kind);

/* ---- the lab: an account, a domain and an env that never runs, made here */
struct lab {
	exo_slot name;			/* guards all of it; all rights */
	exo_id acct, domain, env;
	exo_ppn root, dframe, eframe, slots;
};

void lab_make(struct lab *l);
void lab_end(struct lab *l);		/* in whatever state it is */
/* A frame of its account's, guarded by its name, made here. */
exo_ppn lab_frame(struct lab *l, uint32_t kind);
/* Reap a dead domain or env until it has ended. */
void domain_finish(exo_id domain);
void env_finish(exo_id env);

/* End an account and all below it. */
void acct_finish(exo_id acct, exo_slot slot);

/* Bind a seat of the lab's domain to an env, without an upcall frame. */
long lab_seat(struct lab *l, uint32_t seat, exo_id env) MUST_USE;

/* All of rax, for exo_raw0 to exo_raw6; what upper halves may hold. */
#define NR(name)	((uint64_t)EXO_NR_BASE + EXO_NR_##name)
#define JUNK		0xdeadbeef00000000ull

#endif
