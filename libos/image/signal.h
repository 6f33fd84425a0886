/* signal.h - signals: who wants which, and their delivery. */
#ifndef IMAGE_SIGNAL_H
#define IMAGE_SIGNAL_H

#include "image.h"

#define UNBLOCKABLE	(SIGBIT(SIGKILL) | SIGBIT(SIGSTOP))
#define FLAGS_USER	0x240cd5ul	/* CF PF AF ZF SF DF OF AC ID */
#define FLAGS_FIXED	0x202ul
#define RED_ZONE	128ul

/* My window, and what is marked there, is another context's: nothing is for me,
 * and what I want is not said there. */
extern bool signals_deaf;

/* A call returns, with its result in rax: deliver what waits. */
void signal_check(struct exo_regs *r, uint64_t nr);

/*
 * Is there a signal that interrupts a call: for which there is a handler, or
 * which ends the process?  Others are dealt with here and now.
 */
bool signal_interrupts(void);

/* Tell the commons, in every thread's window, what is wanted. */
void hints_put(void);

/* An exec: no handlers are left. */
void signal_exec(void);

/* Those of the program's set are blocked until this call is over. */
long signal_mask_for_call(uint64_t set, uint64_t size) MUST_USE;

/* A child of a fork: its window is new. */
void signal_forked(void);

/* Wait until one interrupts; with these blocked meanwhile. */
long signal_wait(uint64_t blocked);

#endif
