/* trap.h - delivering traps by the rows of a domain (trap.c). */
#ifndef TRAP_H
#define TRAP_H

#include "object.h"

/* Deliver a trap of the running env, whose registers are cpu()->regs. */
void trap_deliver(enum exo_class class, uint32_t kind);

/* Registers of a trap of this kind are to do it again. */
void regs_again(struct exo_regs *r, uint32_t kind);

/* Room for `n` bytes on the upcall stack of a seat with this RSP: the offset
 * from the stack's bottom where they go, or -1. */
long upcall_room(const struct seat *s, uint64_t rsp, uint64_t n);

/* Push an upcall of the running env at its seat: false: there is no room, no
 * upcall frame, or upcalls are off. */
bool upcall_push(uint32_t kind);

/* Suspend an env that does not run, and tell its monitor. */
void event_post(struct env *e, enum exo_class class, uint32_t kind);

/* On resuming an env whose monitor passed its trap on. */
void trap_own_row(void);

#ifdef CHECK
void check_frame(exo_ppn ppn);		/* check.c */
void check_frames(void);		/* all of them, now */
/* check_objects.c: some of all; entry.asm calls it on its way out. */
void check_state(void);
#endif

#endif
