/*
 * exo/cap.h - capabilities: hierarchical names plus rights.
 *
 * A name is a string of components.  A *chosen* component is two bytes, 0x01
 * and any byte; a *fresh* one is seven bytes, 0x80 | the top 7 bits of a
 * 55-bit kernel counter that is never reused, then the other 48 bits, most
 * significant first.  The first byte tells them apart, so no chosen bytes
 * spell a fresh component.  The empty name is the root.
 *
 * A dominates B when A's name is a prefix of B's and A's rights include B's
 * (after mazieres97/kaashoek97: Xok's 8-byte names, with kinds and a counter).
 */
#ifndef EXO_CAP_H
#define EXO_CAP_H

#include <stdint.h>

#define EXO_CAP_NAME		28u
#define EXO_CAP_CHOSEN		0x01u
#define EXO_CAP_FRESH		0x80u
#define EXO_CAP_CHOSEN_LEN	2u
#define EXO_CAP_FRESH_LEN	7u

struct exo_cap {
	uint16_t rights;		/* EXO_R_* */
	uint8_t len;			/* bytes of name in use */
	uint8_t kind;			/* EXO_SLOT_*: what the slot holds */
	uint8_t name[EXO_CAP_NAME];	/* zero beyond len */
};
_Static_assert(sizeof(struct exo_cap) == 32, "ABI");

enum exo_slot_kind { EXO_SLOT_EMPTY, EXO_SLOT_OPEN, EXO_SLOT_CAP };

#define EXO_R_READ	0x0001u	/* map a frame; read a device */
#define EXO_R_WRITE	0x0002u	/* map writable; edit a live table */
#define EXO_R_EXEC	0x0004u	/* map executable */
#define EXO_R_VIEW	0x0008u	/* map a table, or its RMAP, read-only */
#define EXO_R_FREE	0x0010u	/* give back: frame, PCID, slice */
#define EXO_R_REVOKE	0x0020u	/* take mappings by force */
#define EXO_R_GUARD	0x0040u	/* change the guard */
#define EXO_R_CHARGE	0x0080u	/* allocate from an account */
#define EXO_R_CONTROL	0x0100u	/* shape a domain, an env, an account */
#define EXO_R_KILL	0x0200u	/* end a domain, an env, an account */
#define EXO_R_RUN	0x0400u	/* yield to an env, bind it to a slice */
#define EXO_R_RESUME	0x0800u	/* stop and continue an env */
#define EXO_R_MONITOR	0x1000u	/* become a domain's monitor */
#define EXO_R_USE	0x2000u	/* bind a PCID; set a slice; machine off */
#define EXO_R_MINT	0x4000u	/* make fresh children */
#define EXO_R_GIVE	0x8000u	/* hand on to another domain */
#define EXO_R_ALL	0xffffu

/* The third argument of cap_derive. */
#define EXO_COMP_SAME		0x100u	/* same name, fewer rights */
#define EXO_COMP_FRESH		0x200u	/* a fresh child: all rights on it */
					/* 0-255: a chosen child */
#endif
