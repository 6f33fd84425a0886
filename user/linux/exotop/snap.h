/*
 * snap.h - what exotop knows: a copy of the published tables, and the one
 * before it, so that rates can be told.
 *
 * The tables are mapped read-only in every address space, a Linux process's
 * too: reading them is no call.  They change while they are read; see snap.c
 * for what is done about that.
 */
#ifndef EXOTOP_SNAP_H
#define EXOTOP_SNAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <exo/start.h>
#include <exo/syscall.h>
#include <exo/tables.h>

/* Tables of which rows are kept: those that are not free. */
enum which { ACCTS, DOMAINS, ENVS, SLICES, PCIDS, TABLES };

struct row {
	uint32_t index;
	bool torn;			/* it changed whenever it was read */
	union {
		struct exo_acct acct;
		struct exo_domain domain;
		struct exo_env env;
		struct exo_slice slice;
		struct exo_pcid pcid;
	};
};

struct rows {
	struct row *row;		/* by index */
	uint32_t n, room;
	uint32_t torn;
	bool cut;			/* no memory for all */
};

/* Counted by kind and by account; an account's own frames, not those that it
 * has promised to its children. */
struct frames {
	uint32_t kind[EXO_PG_KINDS];
	uint32_t *of;			/* [naccts] */
};

#define CALLS	512u			/* numbers told apart */
#define VECTORS	256u

/* Of the trace's records since the snapshot before. */
struct trace {
	uint64_t next;			/* the ring's own count */
	uint64_t written, seen;		/* written - seen - torn: overrun */
	uint64_t torn, overrun;
	uint64_t dropped;		/* by accounts' limits */
	uint64_t kind[EXO_TR_EVENT + 1];
	uint64_t native[EXO_NR_MAX], foreign[CALLS], vector[VECTORS];
	uint32_t *of;			/* [naccts]: records of each */
};

struct snap {
	uint64_t tsc;
	uint64_t ticks;
	struct exo_machine machine;
	struct exo_counters counters;
	struct rows rows[TABLES];
	struct frames frames;
	struct trace trace;
};

extern struct snap now, before;

void	snap_init(void);
/* Another look: `now' becomes `before'. */
void	snap_take(void);
double	snap_seconds(void);		/* from `before' to `now' */
uint64_t snap_ticks(void);
double	snap_rate(uint64_t then, uint64_t at);	/* per second */

const struct row *row_find(const struct snap *s, enum which w, uint32_t index);
/* The same object in the snapshot before; NULL. */
const struct row *row_before(enum which w, const struct row *r);

/* A frame's row, whole; false if it changed all the time. */
bool	page_read(uint32_t ppn, struct exo_page *out);

/* Its account and kind at one instant. */
static inline void
page_peek(uint32_t ppn, uint32_t *account, uint32_t *kind)
{
	uint64_t word = *(const volatile uint64_t *)&EXO_PAGES[ppn];

	*account = (uint32_t)word;
	*kind = (uint32_t)(word >> 32 & 0xff);
	if (*kind >= EXO_PG_KINDS)
		*kind = EXO_PG_HOLE;
}
_Static_assert(offsetof(struct exo_page, account) == 0 &&
    offsetof(struct exo_page, kind) == 4, "one word");

static inline bool
kind_owned(uint32_t kind)
{
	return kind >= EXO_PG_DATA && kind < EXO_PG_OWNED_END;
}

#endif
