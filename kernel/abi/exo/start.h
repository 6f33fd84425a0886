/*
 * exo/start.h - how a program is born.
 *
 * The kernel makes the first program so (init= on the command line, bin/init
 * by default), and Castor makes every other one the same way.
 *
 * Code.  A static ELF.  Its segments are private DATA frames, mapped as their
 * flags say (text without W, data with W and NX).  _start is at the ELF
 * entry; the upcall entry is EXO_START_UPCALL_AT bytes after it, always, so
 * that a loader needs no symbols: seat 0 is bound with upcall = entry +
 * EXO_START_UPCALL_AT.
 *
 * Seat 0.  Reserved for the program's env, which begins there with
 * rax = EXO_K_START, rdi = address of the struct exo_start, and
 * rsp = EXO_START_STACK_TOP.  The upcall frame is live (the start block may be),
 * the rest private.
 *
 * Memory.  The whole path from the root is private and exclusive: the program
 * edits its tables itself.
 *
 *	EXO_START_STACK_TOP	top of the stack; EXO_START_STACK_PAGES
 *				mapped below, more by the program's own pager
 *	EXO_START_UPCALL_VA	the upcall frame (W, NX)
 *	EXO_START_VA		struct exo_start (read-only, NX), a frame
 *
 * Capabilities, in slot table 0; what a program was not given is empty, and
 * its slot number in struct exo_start is EXO_NONE:
 *
 *	EXO_SLOT(0, 0)	root	the root's name, all rights; init only
 *	EXO_SLOT(0, 1)	domain	its own
 *	EXO_SLOT(0, 2)	env	its own
 *	EXO_SLOT(0, 3)	memory	the name that guards its frames
 *	EXO_SLOT(0, 4)	acct	CHARGE on its account
 *	EXO_SLOT(0, 5)	console	READ and WRITE
 *	EXO_SLOT(0, 6)	archive	READ on the frames of the boot archive
 *	EXO_SLOT(0, 7)	mint	MINT: makes fresh names for others to be
 *
 * The first program is given 0 to 3; acct, console, archive and mint name
 * slot 0 then, which does for all of them.
 *
 * Guards at boot: the root's chosen children EXO_START_CONSOLE for the console
 * and EXO_START_MACHINE for machine_off and trace_set, so that each can be
 * given away alone; the archive's frames (live) have the root's name.
 */
#ifndef EXO_START_H
#define EXO_START_H

#include <exo/types.h>

#define EXO_START_VERSION	2u
#define EXO_START_UPCALL_AT	32u
#define EXO_START_CONSOLE	0x63u	/* 'c': cap_derive(root, .., 'c') */
#define EXO_START_MACHINE	0x6du	/* 'm' */

#define EXO_START_STACK_TOP	0x00007f7ffff00000ul
#define EXO_START_STACK_PAGES	8u
#define EXO_START_UPCALL_VA	0x00007f7ffff10000ul
#define EXO_START_VA		0x00007f7ffff20000ul

#define EXO_START_SLOT_ROOT	EXO_SLOT(0, 0)
#define EXO_START_SLOT_DOMAIN	EXO_SLOT(0, 1)
#define EXO_START_SLOT_ENV	EXO_SLOT(0, 2)
#define EXO_START_SLOT_MEMORY	EXO_SLOT(0, 3)
#define EXO_START_SLOT_ACCT	EXO_SLOT(0, 4)
#define EXO_START_SLOT_CONSOLE	EXO_SLOT(0, 5)
#define EXO_START_SLOT_ARCHIVE	EXO_SLOT(0, 6)
#define EXO_START_SLOT_MINT	EXO_SLOT(0, 7)
#define EXO_START_SLOTS		8u	/* the first one that is free */

#define EXO_START_ARGS		3072u	/* bytes, with their NULs */

struct exo_start {
	uint32_t version;		/* EXO_START_VERSION */
	uint32_t free_slot;		/* this and later ones of table 0 are
					 * empty */
	exo_id acct, domain, env;
	exo_slot root_slot;		/* EXO_NONE: not given */
	exo_slot domain_slot, env_slot, memory_slot, acct_slot;
	exo_slot console_slot, archive_slot, mint_slot;
	uint32_t seats;			/* in use from 0 on */
	uint32_t handles;		/* places in use from 0 on */
	uint64_t stack_low;		/* lowest page of the stack mapped now */
	uint64_t stack_top;
	uint64_t upcall_va;
	uint64_t image_low, image_high;	/* the program's segments, whole pages */
	uint64_t parent;		/* exo_id of its maker's domain, or 0 */
	uint64_t user[32];		/* from maker to program, as they agree */
	uint32_t argc;
	uint32_t args_len;
	char args[EXO_START_ARGS];	/* argc strings, one after the other:
					 * first its own name in the archive */
};
_Static_assert(sizeof(struct exo_start) <= 4096, "a frame");

#endif
