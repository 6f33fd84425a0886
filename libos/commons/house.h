/* house.h - the server's own: pages, seats, records, the lock. */
#ifndef COMMONS_HOUSE_H
#define COMMONS_HOUSE_H

#include <castor/seat.h>
#include <castor/self.h>
#include <castor/slot.h>
#include <castor/sys.h>
#include <castor/vm.h>

#include "proc.h"

enum { SEAT_MAIN, SEAT_SELF, SEAT_FIRST };	/* 0 its own env's, 1 for a
						 * handle to itself */

/* ---- pages.c */
long pages_init(uint64_t max) MUST_USE;
uint64_t pages_left(void);		/* that may still be taken */
bool pages_untidy(void);		/* some are to be taken or given back */
bool pages_tidy(uint32_t n);		/* n of them; true: more to do */
void pages_again(void);			/* some that were stuck may not be */

/* ---- sweep.c: frames that ended processes had shared */
extern uint64_t sweep_left;
void sweep_more(uint64_t n);		/* n came to the commons' account */
void sweep_again(void);			/* some may be nobody's by now */
bool sweep(uint32_t n);			/* look at n; true: more to do */

/* ---- seats.c: seats and windows, and the accounts of processes */
extern struct seat seats[CM_SEATS];
extern exo_slot session;		/* the name above all processes' */
long seats_init(void) MUST_USE;
long seats_first(struct proc *p) MUST_USE;
bool seats_reap(void);			/* a step; true: more to do */
extern uint32_t seats_used, seats_ending;
/* Look who died: a few of them; true: more to look at. */
bool seats_watch(void);
bool seats_stop(void);			/* as seats_reap, for the stopped */
void seats_repair(void);		/* after somebody was pulled home */

/* ---- serve.c */
extern volatile uint32_t busy;		/* seat that is in + 1 */
void serve_lock(uint32_t seat);
void serve_unlock(void);
bool serve_tidy(void);
extern uint64_t serve_deaths;
uint64_t commons_serve(uint64_t badge, uint64_t op, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d);
uint64_t commons_wait(uint64_t badge, uint64_t op, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d);
uint64_t commons_orphan(void);
void commons_expel(uint64_t badge);
extern uint64_t serve_handle;		/* a handle to this domain */

/* ---- entry.asm */
void commons_entry(void);
void commons_finish(struct exo_regs *regs);
#endif
