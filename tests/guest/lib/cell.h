/*
 * cell.h - small domains made by hand, for tests of the kernel's own rules.
 *
 * A cell is a domain with an account of its own, whose address space is this
 * program's code (read-only, no data) and CELL_PAGES frames of its own, live
 * and mapped at the same addresses here, so that a pointer into them is good
 * on both sides.  Code for a cell is C that touches no globals, or assembly.
 *
 *	0  struct cell_page		2 + 2i  stack of seat i
 *	1  spare			3 + 2i  upcall frame of seat i
 *
 * Faults and other exceptions of a cell come to cell_upcall, which looks into
 * the page what to do with them.  Unless `alone` it has this program's slots,
 * so that slot numbers mean the same on both sides.
 */
#ifndef CELL_H
#define CELL_H

#include "test.h"

#define CELL_SPAN	0x20000ul
#define CELL_SEATS	12u
#define CELL_PAGES	(2 + 2 * CELL_SEATS)
#define CELL_STACK(i)	((2 + 2 * (uint64_t)(i)) * EXO_PAGE)
#define CELL_UPCALL(i)	((3 + 2 * (uint64_t)(i)) * EXO_PAGE)
#define CELL_SEAT	1u		/* that cell_call uses */
#define CELL_BADGE	0xce11u
#define CELL_TRAPPED	0xdeadull	/* answer of a service that trapped */

struct cell_page {
	volatile uint64_t w[200];	/* as the test likes */
	uint64_t badge;			/* that cell_call's entry saw */
	volatile uint64_t traps;	/* how many came */
	volatile uint64_t kind;		/* of the last one */
	struct exo_regs regs;
	/* true: go on with regs; false: answer CELL_TRAPPED, or exit. */
	bool (*hook)(struct cell_page *, struct exo_regs *, uint64_t kind);
};

typedef uint64_t (*cell_fn)(struct cell_page *, uint64_t, uint64_t, uint64_t);

struct cell {
	exo_id acct, domain;
	exo_slot name;			/* all rights on all of it */
	uint64_t base;
	struct cell_page *page;
	uint64_t handle;		/* to CELL_SEAT, for self->env */
	uint32_t seats;
	exo_ppn frame[CELL_PAGES];	/* in the order of their addresses */
	exo_ppn root, record, slots, table[6], rmap[2];
};

struct cell_opts {
	uint32_t seats;			/* 4 at least */
	bool alone;			/* slots of its own, empty */
	bool no_handle;			/* CELL_SEAT is not bound */
	uint32_t copy_root;		/* my root's entry to share, or 0 */
	const uint32_t *limits;
};

/* A failure ends the program. */
void cell_make(struct cell *c, const struct cell_opts *o);
/* Kill it, give all back.  The account too. */
void cell_end(struct cell *c);
/* Only the second half of that, for one whose domain is dead. */
void cell_reap(struct cell *c);

/* Bind a seat: entry and upcall entry (0: cell_upcall), stack as above. */
long cell_bind(struct cell *c, uint32_t seat, exo_id env, void (*entry)(void),
    void (*upcall)(void)) MUST_USE;
/* A handle of mine to it. */
uint64_t cell_handle(struct cell *c, uint32_t seat, uint64_t badge);
/* A handle in place `place` of cell `to`, to a seat of c. */
void cell_link(struct cell *c, uint32_t seat, uint64_t badge, struct cell *to,
    uint64_t place);

/* This env calls the cell and runs fn(page, a, b, c) there. */
uint64_t cell_call(struct cell *c, cell_fn fn, uint64_t a, uint64_t b,
    uint64_t d);
/* The cell makes system call nr. */
long cell_do(struct cell *c, uint32_t nr, uint64_t a, uint64_t b, uint64_t d,
    uint64_t e, uint64_t f, uint64_t g);
/* The cell touches memory: false if it faulted. */
bool cell_read(struct cell *c, uint64_t va, uint64_t *value);
bool cell_write(struct cell *c, uint64_t va, uint64_t value);

/*
 * An env of the cell's account that begins at a seat, running fn(page, a, 0, 0)
 * and then exiting with what it says.  Its name is c->name; it runs when it
 * is yielded to.
 */
exo_id cell_env(struct cell *c, uint32_t seat, cell_fn fn, uint64_t a);
/* The same without starting it: bind seats to it first. */
exo_id cell_env_make(struct cell *c);
long cell_env_begin(struct cell *c, exo_id env, uint32_t seat, cell_fn fn,
    uint64_t a) MUST_USE;
/* Yield to it until *word == value, or it is not ready, or for too long. */
bool cell_run(struct cell *c, exo_id env, volatile uint64_t *word,
    uint64_t value);
/* Yield to it until it is in a state (EXO_ENV_*). */
bool cell_run_state(struct cell *c, exo_id env, uint32_t state);

/* Spin until somebody with a slice has brought *word as far, or for too long. */
bool cell_counts(const volatile uint64_t *word, uint64_t to);

/* In a cell. */
struct cell_page *cell_here(void);
void cell_service_entry(void);
void cell_upcall(void);

/* ---- this program's own memory: touch it and see; false: it faulted, as
 * probe_regs (the last one) says */
extern struct exo_regs probe_regs;
extern uint64_t probe_kind;
bool probe_read(uint64_t va, uint64_t *value);
bool probe_write(uint64_t va, uint64_t value);
bool probe_run(uint64_t va);
/* Take those faults from now on. */
void probe_on(void);
void probe_off(void);

/* What is in use, for leaks. */
struct use {
	uint32_t free_frames, domains, envs, accts, slices, pcids;
	uint32_t used[EXO_RES_MAX];	/* of my account */
};
void use_take(struct use *u);
bool use_same(const struct use *before);	/* a check, with a message */

#endif
