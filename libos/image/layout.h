/*
 * layout.h - where things lie in a process (docs/castor.md).
 *
 * Slots are entries of the root, half a terabyte each.  The image is linked
 * around the border of slots 253 and 254, so that its text reaches its data
 * by 32-bit offsets.
 */
#ifndef IMAGE_LAYOUT_H
#define IMAGE_LAYOUT_H

#define SLOT_VA(n)	((n) * 0x8000000000ul)

/* ---- slots 0-239: the program */
#define STUBS_LOW	0xc000ul		/* Castor's: patch.c */
#define STUBS_HIGH	0x10000ul
#define USER_LOW	0x10000ul		/* lowest address of an area */
#define USER_TOP	SLOT_VA(240)
#define USER_SLOTS	240u
#define STACK_TOP	USER_TOP
#define STACK_SIZE	0x800000ul		/* 8 MiB, as RLIMIT_STACK says */
#define MMAP_TOP	(USER_TOP - 0x40000000ul)	/* downward; in other
						 * tables than the stack */
#define PIE_BASE	0x10000000ul		/* programs without an address */

/* ---- slots 240 and 241: pages of areas without rights (park.c); 242-251 free */
#define PARK_SLOT	240u

/* ---- slot 252: the heap.  Absent pages are filled with zeroes. */
#define HEAP_SLOT	252u
#define HEAP		SLOT_VA(252)
#define HEAP_CONTEXTS	(HEAP + 0x8000000ul)	/* struct context[] */
#define HEAP_AREAS	(HEAP + 0x100000ul)	/* struct area[] */
#define HEAP_EXEC	(HEAP + 0x200000ul)	/* arguments of an exec */
#define HEAP_BUFFER	(HEAP + 0x300000ul)	/* whatever is being moved */

/* ---- slot 253: text, by one link to a live table */
#define TEXT_SLOT	253u
#define TEXT		(SLOT_VA(254) - 0x200000ul)

/*
 * ---- slot 254: the process's alone; all in one last-level table
 *
 *	+000000	hot data, two pages, copied by fork
 *	+010000	struct exo_start, and what the maker says (then the program's
 *		arguments are taken from it, and it is free)
 *	+012000	words that sleeps watch: live
 *	+013000	a frame that is being filled, and one that it is filled from
 *	+020000	views of tables: of the root, of this last-level table, others
 *	+080000	threads, a block each
 */
#define OWN_SLOT	254u
#define OWN		SLOT_VA(254)
#define OWN_HOT		OWN
#define OWN_HOT_PAGES	2u
#define OWN_START	(OWN + 0x10000ul)
#define OWN_WATCH	(OWN + 0x12000ul)
#define OWN_SCRATCH	(OWN + 0x13000ul)
#define OWN_SOURCE	(OWN + 0x14000ul)
#define OWN_VIEWS	(OWN + 0x20000ul)
#define VIEWS		96u
#define VIEW_ROOT	0u
#define VIEW_OWN	1u			/* of this last-level table */
#define VIEW_FIRST	2u			/* and up: others, by hash */
#define OWN_THREADS	(OWN + 0x80000ul)
#define OWN_END		(OWN + 0x200000ul)

/*
 * A block: a page that is never there, Castor's stack, struct thread at its
 * end, the upcall frame, the window to the commons.  So all are found from any
 * rsp in the stack or the frame.
 */
#define BLOCK_SIZE	0x8000ul
#define BLOCK_UPCALL	0x6000ul		/* the frame, in the block */
#define BLOCK_WINDOW	0x7000ul
#define THREAD_SIZE	512ul
#define THREADS_MAX	48u
#define BLOCK(i)	(OWN_THREADS + (i) * BLOCK_SIZE)
#define BLOCK_THREAD(i)	(BLOCK(i) + BLOCK_UPCALL - THREAD_SIZE)

#define SLOT_OF(va)	((unsigned)((va) >> 39))

#endif
