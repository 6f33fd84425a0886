/*
 * castor/vm.h - memory, by a pager in this domain.
 *
 *	0000000000400000  the program
 *	0000000010000000  VM_HEAP: demand-zero memory, upward
 *	00007f7fc0000000  VM_MAP: frames mapped by hand, views of tables
 *	00007f7ff0000000  VM_SEATS: stacks and upcall frames of seats 1 up
 *	00007f7fff000000  VM_STACK: the first stack, downward from its top
 *	00007f7ffff00000  its top; then upcall frame and start block
 *
 * The lower part is what a fork would share; the upper part has a top-level
 * slot of its own, because stacks of upcalls and live frames can't be shared.
 *
 * Frames come from the published free list, by name; the pager allocates a
 * few at a time.  Errors are the kernel's; -EXO_E_QUOTA also when no frame
 * or no address is left.
 */
#ifndef CASTOR_VM_H
#define CASTOR_VM_H

#include <stdbool.h>

#include <castor/sys.h>

#define VM_IMAGE	0x0000000000400000ul
#define VM_HEAP		0x0000000010000000ul
#define VM_HEAP_TOP	0x0000007000000000ul
#define VM_MAP		0x00007f7fc0000000ul
#define VM_MAP_TOP	0x00007f7ff0000000ul
#define VM_SEATS	0x00007f7ff0000000ul
#define VM_SEATS_TOP	0x00007f7fff000000ul
#define VM_STACK	0x00007f7fff000000ul

#define VM_R		EXO_PTE_NX		/* bits of a mapping */
#define VM_RW		(EXO_PTE_NX | EXO_PTE_W)
#define VM_RX		0ul

/* ---- frames, by name */

/* A run of free frames at or after `near`, as long as it is, n at most;
 * 0: none.  Only a look: take it before somebody else does. */
uint64_t vm_free_run(exo_ppn near, uint64_t n, exo_ppn *first);

/* Take one of this kind (EXO_PG_*, | EXO_KIND_LIVE), the next free one from
 * `near` on (0: anywhere), guarded by the name in my memory slot: its ppn. */
long vm_page(uint32_t kind) MUST_USE;
long vm_page_near(uint32_t kind, exo_ppn near) MUST_USE;

/* Take n of them, for an account and guard of the caller's choice, into
 * ppns[].  All or none. */
long vm_pages(exo_id acct, exo_slot acct_slot, exo_slot guard, uint32_t kind,
    uint64_t n, exo_ppn *ppns) MUST_USE;

/* Give back those that the pager has in stock: how many. */
uint64_t vm_trim(void);

/* ---- mappings */

/* Map frames from va on, making tables as needed; slot has the rights. */
long vm_map(uint64_t va, exo_ppn ppn, uint64_t bits, exo_slot slot) MUST_USE;
long vm_map_run(uint64_t va, exo_ppn ppn, uint64_t n, uint64_t bits,
    exo_slot slot) MUST_USE;
long vm_unmap(uint64_t va, uint64_t n) MUST_USE;

/* At an address of its own: that address (void * of it), or an error. */
long vm_map_frame(exo_ppn ppn, uint64_t bits, exo_slot slot) MUST_USE;
/* A table, to read: const uint64_t[512]. */
long vm_view_table(exo_ppn table, exo_slot slot) MUST_USE;

/* Address space only, in VM_MAP: never given back. */
uint64_t vm_alloc_va(uint64_t pages);

/* Demand-zero memory, whole pages of it. */
void *vm_alloc(uint64_t bytes);
/* Unmap it and give its frames back; its addresses are not used again. */
void vm_free(void *p, uint64_t bytes);

/* Give its frames back, and keep the addresses: they read as zeroes then.  How
 * many there were. */
uint64_t vm_drop(void *p, uint64_t bytes);

/* Have every page there, writable, for the kernel to read or write. */
void vm_touch(void *p, uint64_t bytes);

/* ---- tables */

/* The table of level 1 to 3 that translates va; 0: none.  Level 4: root. */
exo_ppn vm_table(uint64_t va, uint32_t level);
/* The same, and make it if there is none. */
long vm_table_make(uint64_t va, uint32_t level) MUST_USE;
/* The entry for va; 0: none. */
uint64_t vm_pte(uint64_t va);

/* ---- the pager */

/* Let faults between low and high be filled with zeroed frames. */
bool vm_region(uint64_t low, uint64_t high, uint64_t bits);
/* Handle a page fault: false if nothing belongs there. */
bool vm_fault(uint64_t addr, uint64_t err);

/*
 * Asked at each fault in demand-zero memory once something was taken from my
 * account by force, since what was there may be gone: true if zeroes will do.
 * An UPCALL_HANDLER, run in the pager.  NULL, or false: the program ends, with a message.
 */
extern bool (*vm_lost)(uint64_t addr);

/* Start: find my tables in what the kernel publishes. */
void vm_init(void);

struct vm_stats {
	uint64_t faults;		/* that the pager answered */
	uint64_t frames;		/* that it took */
	uint64_t tables;		/* that it made */
};
extern struct vm_stats vm_stats;

#endif
