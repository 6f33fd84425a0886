/*
 * invariant.h - what must be true of the published tables at any time.
 *
 * Recomputed by a program with the root capability from what the kernel
 * publishes: the tables, and page tables and their companions mapped
 * read-only.  Nobody else may run meanwhile: call it when no other env has
 * slices.
 */
#ifndef INVARIANT_H
#define INVARIANT_H

#include "test.h"

/* A check, which tells what does not hold. */
bool invariants_hold(void);

#endif
