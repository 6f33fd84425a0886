/* proc.h - a program in the making: build.c fills in its memory. */
#ifndef LIBOS_PROC_H
#define LIBOS_PROC_H

#include <castor/proc.h>

#define BUILD_TABLES	48u

struct build {
	struct proc *p;
	const struct proc_args *args;
	exo_slot memory;		/* the name of its frames */
	exo_ppn root;
	exo_ppn start_ppn;
	struct exo_start *start;	/* in my memory while it is filled in */
	struct {
		uint64_t key;		/* va >> 12 + 9 * level << 2 | level */
		exo_ppn ppn;
	} tables[BUILD_TABLES];
	uint32_t ntables;
	uint64_t entry, image_low, image_high;
	uint64_t stack_top, upcall_va, start_va;	/* seat 0's */
};

/* The name that programs are named under, in a slot. */
long proc_session(void) MUST_USE;

/* The whole memory, up to a root that a domain can be made with. */
long build_memory(struct build *b) MUST_USE;

#endif
