/* as.h - page tables: links, mappings, sharing (as.c). */
#ifndef AS_H
#define AS_H

#include "page.h"

/* Grows with whatever may make a checked edit of a table wrong: see as.c. */
extern uint64_t as_changes;

/* The kernel's entries of a fresh root: slots 256, 510 and 511. */
#define AS_KERNEL_ENTRIES	3u
extern uint64_t as_kernel_entry[AS_KERNEL_ENTRIES];
extern const uint32_t as_kernel_index[AS_KERNEL_ENTRIES];

/*
 * Use a root for a domain being made.  as_root_ok errors: ARG; TYPE; REACH
 * (neither fresh and mine, nor my own root); EMPTY.
 */
long as_root_ok(exo_ppn root) MUST_USE;
void as_root_use(exo_ppn root, uint32_t dom_index);
void as_root_drop(exo_ppn root, uint32_t dom_index);

/* Remove at most n mappings of a frame by its inverse map: how many. */
uint64_t as_unmap_frame(exo_ppn ppn, uint64_t n);

/* Clear at most n entries of an unreferenced table: how many. */
uint64_t as_empty_table(exo_ppn table, uint64_t n);

/*
 * For boot, before any domain runs: enter one checked mapping, making tables
 * from `next_frame` as needed.
 */
void as_boot_map(exo_ppn root, uint64_t va, exo_ppn ppn, uint64_t bits,
    exo_ppn (*next_frame)(uint32_t kind));

#endif
