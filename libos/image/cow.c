/*
 * cow.c - tables that a fork shares are made the process's own, on demand.
 *
 * A fork copies the links in the root, and so freezes all below.  Before an
 * entry is changed, the way to it is made exclusive from the top down: a
 * table that has one reference by now (the other side is gone, or has made its
 * own) gets its W back; one that has several is replaced by a copy, whose
 * entries have references more.  Nothing is remembered: what is shared is what
 * the published rows of the frames say.
 *
 * The frames of files are live: pt_copy refuses those that are written, which
 * are left out of a copy, and the next fault asks for them again.
 *
 * What was shared and is nobody's in the end is still charged to who took it:
 * a table that only a child reached, a page that only a child had mapped.
 * frames_sweep() finds and frees it, in the list of the account's frames; so does
 * it with what a context that ended had not used yet.
 */
#include "area.h"
#include "context.h"

#define END_FIRST	504u		/* of a table */
#define SWEEP_STEP	256u		/* frames more, and leftovers are looked for */

/* The first of [i, end) of a last-level table that pt_copy may have; or end. */
static uint32_t
copied_next(const uint64_t *t, uint32_t i, uint32_t end)
{
	while ((i = pt_present(t, i, end)) < end) {
		const volatile struct exo_page *p =
		    &EXO_PAGES[EXO_PTE_PPN(t[i])];

		if (p->kind == EXO_PG_DATA && ((p->flags & EXO_PF_LIVE) == 0 ||
		    (t[i] & EXO_PTE_W) == 0))
			break;
		i++;
	}
	return i;
}

/* What is in [i, end) of `from', which begins at base. */
static bool
range_copy(exo_ppn to, exo_ppn from, uint64_t base, uint32_t level, uint32_t i,
    uint32_t end)
{
	while (i < end && EXO_PAGES[to].entries < EXO_PAGES[from].entries) {
		long r = exo_pt_copy(to, i, base +
		    ((uint64_t)i << EXO_PT_SHIFT(level)), end - i);

		if (r > 0)
			i += (uint32_t)r;
		else if (r == -EXO_E_SHARED && level == 1)
			i = copied_next(pt_view(from), i, end);
		else
			return false;
	}
	return true;
}

/*
 * Copy what is in `from', which translates va, to a fresh table.  Stacks lie at
 * the ends of their tables: these are looked at first.
 */
static bool
entries_copy(exo_ppn to, exo_ppn from, uint64_t va, uint32_t level)
{
	uint64_t base = va >> EXO_PT_SHIFT(level + 1) << EXO_PT_SHIFT(level + 1);

	if (EXO_PT_INDEX(va, level) < END_FIRST)
		return range_copy(to, from, base, level, 0, 512);
	return range_copy(to, from, base, level, END_FIRST, 512) &&
	    range_copy(to, from, base, level, 0, END_FIRST);
}

/*
 * A copy of a frozen table takes its place in the one above, which is the
 * process's own: it, or -ENOMEM and nothing is changed.  *entry: that for va in
 * the copy.
 */
static long
table_replace(exo_ppn above, uint64_t va, uint32_t level, uint64_t link,
    uint64_t *entry)
{
	exo_ppn old = EXO_PTE_PPN(link);
	long new = pt_table(level);

	if (new < 0)
		return new;
	if (entries_copy((exo_ppn)new, old, va, level)) {
		*entry = pt_view((exo_ppn)new)[EXO_PT_INDEX(va, level)];
		if (exo_pt_set(0, above, EXO_PT_INDEX(va, level + 1),
		    EXO_PTE(new, (link & EXO_PTE_AVAIL) | EXO_PTE_W),
		    own.memory_slot) == 0)
			return new;
	}
	(void)!exo_pt_empty((exo_ppn)new, 0, 512);
	pt_table_free((exo_ppn)new);
	return -ENOMEM;
}

/* As cow_own; *entry: that for va in a table which was copied. */
static long
walk_own(uint64_t va, uint32_t level, uint64_t *entry)
{
	uint64_t link = pt_root()[EXO_PT_INDEX(va, 4)];
	long table = pt_find(va, 4), below;

	for (uint32_t l = 4; l > level; l--) {
		below = EXO_PTE_PPN(link);
		if (below == 0)
			return 0;
		if (EXO_PAGES[below].refs > 1) {
			below = table_replace((exo_ppn)table, va, l - 1, link,
			    entry);
			if (below < 0)
				return below;
		} else {
			if ((link & EXO_PTE_W) == 0 && exo_pt_set(0,
			    (exo_ppn)table, EXO_PT_INDEX(va, l),
			    (link & EXO_PTE_ASK) | EXO_PTE_W,
			    own.memory_slot) < 0)
				image_die("the table for %lx stays shared", va);
			if (l - 1 > level || level == 1)
				*entry = pt_view((exo_ppn)below)[EXO_PT_INDEX(
				    va, l - 1)];
		}
		table = below;
		link = *entry;
	}
	return table;
}

long
cow_own(uint64_t va, uint32_t level)
{
	uint64_t entry;

	return walk_own(va, level, &entry);
}

long
cow_entry(uint64_t va, uint64_t *pte)
{
	return walk_own(va, 1, pte);
}

/* ---- what is left over */

static bool
frame_is_left(const volatile struct exo_page *p)
{
	return p->kind == EXO_PG_DATA && (p->flags & EXO_PF_LIVE) == 0 &&
	    p->maps == 0 && p->uses == 0;
}

static bool
table_is_left(const volatile struct exo_page *p)
{
	return p->kind >= EXO_PG_PT1 && p->kind <= EXO_PG_PT3 &&
	    (p->flags & EXO_PF_LIVE) == 0 && p->refs == 0;
}

/* Once through the account's frames: how many were freed. */
static uint64_t
sweep(void)
{
	exo_ppn ppn = EXO_ACCTS[EXO_INDEX(own.acct)].frames, next;
	uint64_t freed = 0;

	for (; ppn != 0; ppn = next) {
		const volatile struct exo_page *p = &EXO_PAGES[ppn];

		next = p->next;
		if (frame_is_left(p)) {
			if (exo_page_free(own.memory_slot, ppn, 1) == 1)
				freed++;
			else
				freed += context_orphan(ppn);
		} else if (table_is_left(p)) {
			if (next == p->companion)
				next = EXO_PAGES[next].next;
			if (p->entries > 0)
				(void)!exo_pt_empty(ppn, 0, 512);
			freed += pt_table_free(ppn);
		}
	}
	return freed + context_orphans();
}

uint64_t
frames_sweep(void)
{
	uint64_t all = 0, now;

	frames_unstock();
	while ((now = sweep()) > 0)
		all += now;
	return all;
}

void
frames_sweep_sometimes(void)
{
	static uint32_t mark = SWEEP_STEP;
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(own.acct)];
	uint32_t next;

	if (a->used[EXO_RES_FRAMES] >= mark) {
		(void)frames_sweep();
		mark = ~0u;
	}
	next = a->used[EXO_RES_FRAMES] + a->used[EXO_RES_FRAMES] / 16 +
	    SWEEP_STEP;
	mark = next < mark ? next : mark;
}
