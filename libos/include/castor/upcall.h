/*
 * castor/upcall.h - what the kernel tells this domain: traps, slices.
 *
 * A handler runs on the seat's upcall stack (under 4 KB), at any point of
 * the program: what it runs must not touch vector registers (UPCALL_HANDLER
 * says so to gcc) nor have a red zone (no program here has).  It may change
 * the registers; true says: go on with them.  False: not mine (a page fault
 * goes to the pager then, anything else ends the program with a message).
 */
#ifndef CASTOR_UPCALL_H
#define CASTOR_UPCALL_H

#include <stdbool.h>

#include <castor/sys.h>

#define UPCALL_KINDS	64u
#define UPCALL_HANDLER	__attribute__((target("general-regs-only")))

typedef bool (*upcall_fn)(struct exo_regs *regs, uint64_t kind);

/* Handle a kind (enum exo_entry; EXO_K_TRAP + vector); NULL: nobody. */
upcall_fn upcall_set(uint64_t kind, upcall_fn fn);

/* The stub's only caller. */
void upcall_dispatch(struct exo_regs *regs, uint64_t kind);

/* Registers, on the console. */
void upcall_print(const struct exo_regs *regs, uint64_t kind);

#define TRAP_DIVIDE	0u
#define TRAP_DEBUG	1u
#define TRAP_BREAK	3u
#define TRAP_OPCODE	6u
#define TRAP_GP		13u
#define TRAP_PAGE	14u
#define TRAP_FP		16u
#define TRAP_ALIGN	17u
#define TRAP_SIMD	19u

#define FAULT_PRESENT	1u		/* error code of a page fault */
#define FAULT_WRITE	2u
#define FAULT_FETCH	16u

#endif
