/* patch.h - system calls without a trap. */
#ifndef IMAGE_PATCH_H
#define IMAGE_PATCH_H

#include "image.h"

/* Calls that come by a trap before one of them is looked at; counts down. */
extern int32_t patch_wait;

/* Where the only thread's registers are put; 0: there are several. */
extern uint64_t only_regs;

/* A call came by a trap: have it come without one. */
void patch_try(const struct exo_regs *r);

/* Another program. */
void patch_reset(void);

/* A context whose calls are another's to answer: all go the long way. */
void patch_trap(void);

#endif
