/*
 * scan.h - does any memory that this context can reach hold certain bytes?
 *
 * Looked through are all pages that its page tables have, Castor's included;
 * what the kernel publishes; and every frame of the machine that the kernel
 * lets it map with any of its capabilities.  A page that can't be read after
 * all is passed over: SIGSEGV guards each access.
 *
 * What is looked for is kept in disguise, so that nobody finds the question.
 */
#ifndef LINUX_SCAN_H
#define LINUX_SCAN_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <castor/sys.h>

#include "../../libos/image/layout.h"

#define NEEDLE		8u		/* bytes, wherever they begin */
#define NEEDLES		128u
#define DISGUISE	0xa5u
#define SCAN_VIEWS	(OWN + 0x15000ul)	/* pages there that are free */
#define SCAN_FRAME	(OWN + 0x19000ul)

struct needles {
	uint32_t n;
	uint8_t bytes[NEEDLES][NEEDLE];
};

struct scan {
	uint64_t bytes;			/* looked at */
	uint64_t frames;		/* that the kernel let be mapped */
	uint64_t hits, where;		/* where the first was */
};

/* Each aligned part of NEEDLE bytes: a piece of twice as many is noticed. */
static inline void
needle_add(struct needles *n, const void *what, size_t len)
{
	const volatile uint8_t *from = what;

	for (size_t at = 0; at + NEEDLE <= len && n->n < NEEDLES;
	    at += NEEDLE, n->n++) {
		for (size_t i = 0; i < NEEDLE; i++)
			n->bytes[n->n][i] = from[at + i] ^ DISGUISE;
	}
}

static sigjmp_buf scan_out;
static uint8_t scan_first[1 << 13];	/* first two bytes of any needle */

static inline void
scan_fault(int sig)
{
	(void)sig;
	siglongjmp(scan_out, 1);
}

static inline bool
scan_is(const struct needles *n, const volatile uint8_t *at)
{
	for (uint32_t k = 0; k < n->n; k++) {
		uint32_t i = 0;

		while (i < NEEDLE && (at[i] ^ DISGUISE) == n->bytes[k][i])
			i++;
		if (i == NEEDLE)
			return true;
	}
	return false;
}

/* Whatever begins in [at, end) and ends before `to'. */
static inline void
scan_page(const struct needles *n, struct scan *s, uint64_t at, uint64_t end,
    uint64_t to)
{
	for (; at < end && at + NEEDLE <= to; at++) {
		const volatile uint64_t *w = (const volatile uint64_t *)at;
		uint16_t two;

		while (at + 16 <= end && w[0] == 0 && w[1] == 0)
			w++, at += 8;
		if (at + NEEDLE > to)
			break;
		two = *(const volatile uint16_t *)at;
		if (scan_first[two >> 3] >> (two & 7) & 1 &&
		    scan_is(n, (const volatile uint8_t *)at) &&
		    s->hits++ == 0)
			s->where = at;
	}
}

/* [from, to), of which any page may be absent. */
static inline void
scan_range(const struct needles *n, struct scan *s, uint64_t from, uint64_t to)
{
	volatile uint64_t at = from;
	uint64_t end;

	s->bytes += to - from;
	for (; at < to; at = end) {
		end = (at | (EXO_PAGE - 1)) + 1;
		end = end < to ? end : to;
		if (sigsetjmp(scan_out, 1) == 0)
			scan_page(n, s, at, end, to);
		end = (at | (EXO_PAGE - 1)) + 1;
	}
}

/* ---- page tables */

static exo_slot scan_view_slot = EXO_NONE;

static inline exo_ppn
scan_own_table(void)
{
	const uint64_t *own = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);

	return EXO_PTE_PPN(own[EXO_PT_INDEX((uint64_t)own, 1)]);
}

static inline long
scan_map(uint64_t va, uint64_t pte, exo_slot slot)
{
	return exo_pt_set(0, scan_own_table(), EXO_PT_INDEX(va, 1), pte, slot);
}

/* A table of this level, to be read; NULL: no capability is good for that. */
static inline const uint64_t *
scan_table(exo_ppn table, uint32_t level)
{
	uint64_t va = SCAN_VIEWS + (level - 1) * EXO_PAGE;
	uint64_t pte = EXO_PTE(table, EXO_PTE_NX);

	(void)!scan_map(va, 0, 0);
	if (scan_view_slot == EXO_NONE || scan_map(va, pte, scan_view_slot) < 0)
		for (exo_slot i = 0;; i++) {
			if (i == EXO_SLOT(EXO_SLOT_TABLES, 0))
				return NULL;
			if (scan_map(va, pte, i) == 0) {
				scan_view_slot = i;
				break;
			}
		}
	return (const uint64_t *)va;
}

struct scan_run {
	uint64_t from, to;
};

static inline void
scan_more(const struct needles *n, struct scan *s, struct scan_run *run,
    uint64_t va)
{
	if (run->to == va && va != 0) {
		run->to += EXO_PAGE;
		return;
	}
	if (run->from < run->to)
		scan_range(n, s, run->from, run->to);
	*run = (struct scan_run){ va, va + EXO_PAGE };
}

static inline void
scan_below(const struct needles *n, struct scan *s, struct scan_run *run,
    exo_ppn table, uint32_t level, uint64_t base)
{
	const uint64_t *t = scan_table(table, level);

	for (uint32_t i = 0; t != NULL && i < 512 && (level < 4 || i < 256);
	    i++) {
		uint64_t va = base + ((uint64_t)i << EXO_PT_SHIFT(level));

		if (!(t[i] & EXO_PTE_P))
			continue;
		if (level > 1)
			scan_below(n, s, run, EXO_PTE_PPN(t[i]), level - 1, va);
		else if (va < SCAN_VIEWS || va > SCAN_FRAME)
			scan_more(n, s, run, va);
	}
}

static inline void
scan_mapped(const struct needles *n, struct scan *s)
{
	const uint64_t *own = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	uint64_t root = OWN_VIEWS + VIEW_ROOT * EXO_PAGE;
	struct scan_run run = { 0, 0 };

	scan_below(n, s, &run, EXO_PTE_PPN(own[EXO_PT_INDEX(root, 1)]), 4, 0);
	if (run.from < run.to)
		scan_range(n, s, run.from, run.to);
	for (uint32_t i = 1; i <= 4; i++)
		(void)!scan_map(SCAN_VIEWS + (i - 1) * EXO_PAGE, 0, 0);
}

/* ---- what is the same for all, and what is only mapped by trying */

static inline void
scan_published(const struct needles *n, struct scan *s)
{
	static const uint32_t row[EXO_TABS] = {
		sizeof(struct exo_machine), sizeof(struct exo_counters),
		sizeof(struct exo_page), sizeof(struct exo_acct),
		sizeof(struct exo_domain), sizeof(struct exo_env),
		sizeof(struct exo_slice), sizeof(struct exo_pcid),
		sizeof(struct exo_trace)
	};
	const volatile struct exo_machine *m = EXO_MACHINE;
	uint32_t rows[EXO_TABS] = { 1, 1, m->nframes, m->naccts, m->ndomains,
		m->nenvs, m->nslices * m->ncpus, m->npcids, m->ntrace };

	scan_range(n, s, TEXT, SLOT_VA(OWN_SLOT));
	for (uint32_t i = 0; i < EXO_TABS; i++)
		scan_range(n, s, EXO_PUB_AT(i), EXO_PUB_AT(i) +
		    (uint64_t)row[i] * rows[i]);
}

static inline void
scan_frames(const struct needles *n, struct scan *s)
{
	exo_slot have[EXO_SLOT_TABLES * EXO_SLOTS_PER_TABLE];
	uint32_t count = 0;
	struct exo_cap cap;

	for (uint32_t t = 0; t < EXO_SLOT_TABLES; t++) {
		for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++) {
			memset(&cap, 0, sizeof(cap));
			if (exo_cap_read(EXO_SLOT(t, i), (uint64_t)&cap) == 0 &&
			    cap.rights != 0)
				have[count++] = EXO_SLOT(t, i);
		}
	}
	for (exo_ppn p = 1; p < EXO_MACHINE->nframes; p++) {
		if (EXO_PAGES[p].kind == EXO_PG_FREE ||
		    EXO_PAGES[p].kind > EXO_PG_OWNED_END)
			continue;
		for (uint32_t i = 0; i < count; i++) {
			if (scan_map(SCAN_FRAME, EXO_PTE(p, EXO_PTE_NX),
			    have[i]) < 0)
				continue;
			s->frames++;
			scan_range(n, s, SCAN_FRAME, SCAN_FRAME + EXO_PAGE);
			(void)!scan_map(SCAN_FRAME, 0, 0);
			break;
		}
	}
}

/* All of it.  How many places there are with any of that. */
static inline struct scan
scan_all(const struct needles *n)
{
	struct sigaction a = { .sa_handler = scan_fault }, segv, bus;
	struct scan s = { 0, 0, 0, 0 };

	memset(scan_first, 0, sizeof(scan_first));
	for (uint32_t i = 0; i < n->n; i++) {
		uint32_t two = (n->bytes[i][0] ^ DISGUISE) |
		    (uint32_t)(n->bytes[i][1] ^ DISGUISE) << 8;

		scan_first[two >> 3] |= (uint8_t)(1u << (two & 7));
	}
	sigaction(SIGSEGV, &a, &segv);
	sigaction(SIGBUS, &a, &bus);
	scan_mapped(n, &s);
	scan_published(n, &s);
	scan_frames(n, &s);
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return s;
}

#endif
