/*
 * check.h - what a checking kernel does to frames (CHECK=1; check.c).
 */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>

#include <exo/types.h>

#ifdef CHECK
/* A frame becomes free: overwrite it, so that who still uses it finds out. */
void check_poison(exo_ppn ppn);
/* It is taken: nobody wrote to it in between. */
void check_poisoned(exo_ppn ppn);
#define CHECK_FREED	true
#else
static inline void
check_poison(exo_ppn ppn)
{
	(void)ppn;
}

static inline void
check_poisoned(exo_ppn ppn)
{
	(void)ppn;
}
#define CHECK_FREED	false
#endif

#endif
