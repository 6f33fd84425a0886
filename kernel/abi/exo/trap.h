/*
 * exo/trap.h - how the kernel reaches user code: entries, trap frames, rows,
 * events, seats.
 */
#ifndef EXO_TRAP_H
#define EXO_TRAP_H

#include <exo/types.h>

/*
 * rax at every entry by the kernel.  After call() returns it is EXO_K_REPLY,
 * or a negative error.
 */
enum exo_entry {
	EXO_K_ENTER = 0,		/* rdi: the handle's badge */
	EXO_K_CALL = 1,			/* rdi: badge; owes a reply */
	EXO_K_REPLY = 2,		/* my call came back */
	EXO_K_START = 3,		/* an env's first entry */
	EXO_K_FOREIGN = 8,		/* an upcall: a foreign system call */
	EXO_K_REFUSED = 9,		/* upcall: a call that the mask refuses */
	EXO_K_SLICE = 10,		/* upcall: a slice begins */
	EXO_K_EPILOGUE = 11,		/* upcall: a slice ends; yield */
	EXO_K_TRAP = 32			/* + vector: upcall, an exception */
};

/* Traps by class: each has a row of the monitor's and one of the domain's. */
enum exo_class {
	EXO_CLASS_FAULT,		/* page fault */
	EXO_CLASS_EXCEPTION,		/* every other exception */
	EXO_CLASS_REFUSED,		/* refused native calls */
	EXO_CLASS_FOREIGN,		/* foreign calls */
	EXO_CLASS_SLICE,		/* start of a slice */
	EXO_CLASS_DOUBLE,		/* a trap that could not be delivered */
	EXO_CLASS_EPILOGUE,		/* before the end of a slice: own row
					 * PASS or SELF, monitor's PASS */
	EXO_CLASSES
};

enum exo_action {
	EXO_ACT_PASS,			/* monitor's row: ask the domain's own;
					 * own row: none (a double fault; a
					 * slice: resume without an upcall) */
	EXO_ACT_SELF,			/* upcall at its own seat */
	EXO_ACT_ENTER,			/* enter the handler bound in the seat */
	EXO_ACT_SUSPEND,		/* stop; event to the slot bound in the
					 * env */
	EXO_ACTIONS
};

/* Whose row. */
enum exo_whose { EXO_ROW_MONITOR, EXO_ROW_OWN, EXO_ROWS };

/* All the registers that a program sees. */
struct exo_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdi, rsi;
	uint64_t r11, rdx, rcx, rax;
	uint64_t err;			/* error code of the CPU, or 0 */
	uint64_t addr;			/* CR2, for a page fault */
	uint64_t rip, cs, rflags, rsp, ss;
};
_Static_assert(sizeof(struct exo_regs) == 176, "ABI");

/*
 * An upcall enters with rsp at `r11` of an exo_regs whose lower part the
 * domain's stub pushes itself; rax is the kind, rcx, rdx and r11 are
 * destroyed (they are in the frame), every other register is as it was.
 * iretq from `rip` on goes back without the kernel.  (QEMU 7.2's iretq in ring
 * 3 faults when SMAP is on, as if it were the kernel's: Castor goes back by
 * popfq, pop rsp, ret instead.)
 */
#define EXO_UPFRAME		88u	/* bytes from r11 to ss */
#define EXO_UPFRAME_ROOM	96u	/* taken from the stack; rsp % 16 == 0 */

/* The start of a bound upcall frame; the rest is the stack. */
struct exo_upcall {
	volatile uint32_t off;		/* the domain: no upcalls now */
	volatile uint32_t critical;	/* the domain: don't end my slice */
	volatile uint32_t overstayed;	/* kernel: times the grace ran out */
	volatile uint32_t ended;	/* kernel: an end of slice waited; the
					 * domain yields then, and clears it */
	volatile exo_id env;		/* kernel: whom the seat was bound for */
	uint32_t pad[10];
};
_Static_assert(sizeof(struct exo_upcall) == 64, "ABI");
#define EXO_UPCALL_HEAD		64u

/* seat_bind: what a seat is. */
struct exo_seat_args {
	exo_id env;			/* it is reserved for */
	uint64_t entry;			/* RIP of an enter or call */
	uint64_t stack;			/* its RSP */
	uint64_t upcall;		/* RIP of an upcall; 0: none */
	uint64_t upcall_va;		/* where the upcall frame is mapped,
					 * page-aligned */
	exo_ppn upcall_ppn;		/* a live data frame; 0: none */
	exo_slot upcall_slot;		/* WRITE on it */
};
_Static_assert(sizeof(struct exo_seat_args) == 48, "ABI");

/* An event in a monitor's memory, one per client env; 256 bytes, aligned. */
struct exo_event {
	volatile uint64_t seq;		/* written last; 0: none yet */
	exo_id env;
	uint32_t domain;		/* where it stopped */
	uint16_t class;
	uint16_t kind;			/* enum exo_entry */
	uint64_t fsbase, gsbase;
	struct exo_regs regs;
	uint64_t pad[5];
};
_Static_assert(sizeof(struct exo_event) == 256, "ABI");

/* env_continue, seat_resume: how. */
enum exo_how {
	EXO_HOW_REGS,			/* resume with these registers */
	EXO_HOW_SKIP,			/* past the instruction: a call (result
					 * -EXO_E_DENIED); others: refused */
	EXO_HOW_RETRY,			/* as it was */
	EXO_HOW_SELF,			/* on to the domain's own row */
	EXO_HOWS
};

#endif
