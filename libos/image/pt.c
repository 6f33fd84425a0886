/*
 * pt.c - this process's page tables, read through views and edited by calls.
 *
 * A view is a table mapped read-only in slot 254, at a place that its frame
 * number picks.  What is mapped there, the view of slot 254's own table says:
 * so nothing about tables is remembered that could be wrong after a fork.
 */
#include "area.h"

#define VIEW_VA(i)	(OWN_VIEWS + (i) * EXO_PAGE)
#define CHUNK		64u		/* entries at a time */

static const uint64_t nothing[CHUNK];

static const uint64_t *
view_at(uint32_t i)
{
	return (const uint64_t *)VIEW_VA(i);
}

static exo_ppn
view_ppn(uint32_t i)
{
	return EXO_PTE_PPN(view_at(VIEW_OWN)[EXO_PT_INDEX(VIEW_VA(i), 1)]);
}

const uint64_t *
pt_view(exo_ppn table)
{
	uint32_t i = VIEW_FIRST + table % (VIEWS - VIEW_FIRST);
	long r;

	if (view_ppn(i) == table)
		return view_at(i);
	r = exo_pt_set(0, own_table, EXO_PT_INDEX(VIEW_VA(i), 1),
	    EXO_PTE(table, EXO_PTE_NX), view_slot);
	if (r < 0)
		image_die("table %u can't be looked at: %ld", table, r);
	return view_at(i);
}

uint32_t
pt_present(const uint64_t *t, uint32_t i, uint32_t end)
{
	for (; i < end; i++) {
		if (i % 8 == 0 && i + 8 <= end && (t[i] | t[i + 1] |
		    t[i + 2] | t[i + 3] | t[i + 4] | t[i + 5] | t[i + 6] |
		    t[i + 7]) == 0)
			i += 7;
		else if (t[i] != 0)
			break;
	}
	return i;
}

exo_ppn
pt_find(uint64_t va, uint32_t level)
{
	const uint64_t *t = view_at(VIEW_ROOT);
	exo_ppn ppn = view_ppn(VIEW_ROOT);

	for (uint32_t l = 4; l > level; l--) {
		ppn = EXO_PTE_PPN(t[EXO_PT_INDEX(va, l)]);
		if (ppn == 0 || l - 1 == level)
			break;
		t = pt_view(ppn);
	}
	return ppn;
}

const uint64_t *
pt_root(void)
{
	return view_at(VIEW_ROOT);
}

long
pt_table(uint32_t level)
{
	long companion, ppn = frame_get(EXO_PG_PT1 + level - 1);

	if (ppn < 0 || level > 1)
		return ppn;
	companion = frame_get(EXO_PG_RMAP);
	if (companion < 0) {
		frame_put((exo_ppn)ppn);
		return companion;
	}
	if (exo_pt_companion((exo_ppn)ppn, (exo_ppn)companion) < 0)
		image_die("no companion for a new table");
	return ppn;
}

long
pt_make(uint64_t va, uint32_t level)
{
	long have = cow_own(va, level), above, ppn, r;

	if (have != 0)
		return have;
	above = pt_make(va, level + 1);
	if (above < 0)
		return above;
	ppn = pt_table(level);
	if (ppn < 0)
		return ppn;
	r = exo_pt_set(0, (exo_ppn)above, EXO_PT_INDEX(va, level + 1),
	    EXO_PTE(ppn, EXO_PTE_W), own.memory_slot);
	if (r < 0)
		image_die("a table for %lx can't be linked: %ld", va, r);
	return ppn;
}

uint64_t
pt_get(uint64_t va)
{
	exo_ppn table = pt_find(va, 1);

	return table == 0 ? 0 : pt_view(table)[EXO_PT_INDEX(va, 1)];
}

long
pt_put(uint64_t va, uint64_t pte, exo_slot slot)
{
	long table = pt_make(va, 1);

	return table < 0 ? table : exo_pt_set(0, (exo_ppn)table,
	    EXO_PT_INDEX(va, 1), pte, slot);
}

uint64_t
pt_bits(uint32_t prot)
{
	if (prot & PROT_WRITE)
		return EXO_PTE_W | EXO_PTE_NX;	/* W^X: then not both */
	return prot & PROT_EXEC ? 0 : EXO_PTE_NX;
}

/* A view of a frame keeps it from being freed. */
void
pt_unview(exo_ppn table)
{
	uint32_t i = VIEW_FIRST + table % (VIEWS - VIEW_FIRST);

	if (view_ppn(i) == table && exo_pt_set(0, own_table,
	    EXO_PT_INDEX(VIEW_VA(i), 1), 0, 0) < 0)
		image_die("the view of table %u stays", table);
}

bool
pt_table_free(exo_ppn table)
{
	exo_ppn companion = EXO_PAGES[table].companion;

	pt_unview(table);
	if (exo_page_free(own.memory_slot, table, 1) < 0)
		return false;
	if (companion != 0)
		frame_put(companion);
	return true;
}

/* The first address from va on that may be mapped; `high' if none is. */
static uint64_t
skip_absent(uint64_t va, uint64_t high, exo_ppn *table)
{
	while (va < high) {
		const uint64_t *t = view_at(VIEW_ROOT);
		uint32_t level = 4;
		exo_ppn ppn;

		while ((ppn = EXO_PTE_PPN(t[EXO_PT_INDEX(va, level)])) != 0) {
			if (--level == 1) {
				*table = ppn;
				return va;
			}
			t = pt_view(ppn);
		}
		va = (va >> EXO_PT_SHIFT(level + 1) << EXO_PT_SHIFT(level + 1)) +
		    ((uint64_t)pt_present(t, EXO_PT_INDEX(va, level), level == 4 ?
		    EXO_PT_ROOT_ENTRIES : 512) << EXO_PT_SHIFT(level));
	}
	return high;
}

uint64_t
pt_next(uint64_t va, uint64_t high)
{
	exo_ppn table;

	while ((va = skip_absent(va, high, &table)) < high) {
		const uint64_t *t = pt_view(table);

		do {
			if (t[EXO_PT_INDEX(va, 1)] != 0)
				return va;
			va += EXO_PAGE;
		} while (va < high && EXO_PT_INDEX(va, 1) != 0);
	}
	return high;
}

/* How many entries from va to high are in its last-level table. */
static uint64_t
entries_here(uint64_t va, uint64_t high)
{
	uint64_t n = 512 - EXO_PT_INDEX(va, 1), want = (high - va) / EXO_PAGE;

	n = n < want ? n : want;
	return n < CHUNK ? n : CHUNK;
}

/* Is this frame the process's to give back, when its last entry is gone? */
static bool
frame_is_mine(exo_ppn ppn)
{
	const volatile struct exo_page *p = &EXO_PAGES[ppn];

	return p->account == EXO_INDEX(own.acct) && p->maps == 1;
}

/* Give back n frames, in runs. */
static void
frames_put(const exo_ppn *ppns, uint64_t n)
{
	while (n > 0) {
		uint64_t run = 1;

		while (run < n && ppns[run] == ppns[0] + run)
			run++;
		(void)!exo_page_free(own.memory_slot, ppns[0], run);
		ppns += run;
		n -= run;
	}
}

/* Nothing in [low, high) of a last-level table, which is the process's. */
static void
entries_clear(exo_ppn table, uint64_t low, uint64_t high)
{
	const uint64_t *t = pt_view(table);
	exo_ppn ppns[CHUNK];

	for (uint64_t va = low, n; va < high; va += n * EXO_PAGE) {
		uint32_t index = EXO_PT_INDEX(va, 1);
		uint64_t used = 0;
		long r;

		n = entries_here(va, high);
		if (pt_present(t, index, index + (uint32_t)n) == index + n)
			continue;
		for (uint64_t i = 0; i < n; i++) {
			if (t[index + i] != 0 &&
			    frame_is_mine(EXO_PTE_PPN(t[index + i])))
				ppns[used++] = EXO_PTE_PPN(t[index + i]);
		}
		r = n == 1 ? 1 + exo_pt_set(0, table, index, 0, 0) :
		    exo_pt_batch(0, table, index, n, (uint64_t)nothing, 0);
		if (r != (long)n)
			image_die("%lx can't be unmapped: %ld", va, r);
		frames_put(ppns, used);
	}
}

static void
link_clear(exo_ppn table, uint32_t index)
{
	if (exo_pt_set(0, table, index, 0, 0) < 0)
		image_die("a table stays linked");
}

/*
 * Nothing in [low, high) of a table of this level, which is the process's and
 * begins at base.  What all of a lower table is in goes with it.  pt_edges
 * made the others the process's own, so nothing is needed here.
 */
static void
table_clear(exo_ppn table, uint32_t level, uint64_t base, uint64_t low,
    uint64_t high)
{
	uint64_t size = 1ul << EXO_PT_SHIFT(level), at;

	if (level == 1) {
		entries_clear(table, low, high);
		return;
	}
	for (uint64_t va = low; va < high; va = at + size) {
		uint32_t last = EXO_PT_INDEX(high - 1, level);
		const uint64_t *t = level == 4 ? pt_root() : pt_view(table);
		uint32_t index = pt_present(t, EXO_PT_INDEX(va, level),
		    last + 1);
		exo_ppn below;
		uint64_t end;
		bool whole;

		if (index > last)
			break;
		below = EXO_PTE_PPN(t[index]);
		at = base + index * size;
		va = va < at ? at : va;
		end = at + size < high ? at + size : high;
		whole = va == at && end == at + size;
		if (whole && EXO_PAGES[below].refs > 1) {
			link_clear(table, index);
			continue;
		}
		table_clear(below, level - 1, at, va, end);
		if (whole) {
			link_clear(table, index);
			(void)pt_table_free(below);
		}
	}
}

/* The table that va is in the middle of, and those above. */
static long
edge(uint64_t va)
{
	for (uint32_t level = 1; level <= 3; level++) {
		if (va % (1ul << EXO_PT_SHIFT(level + 1)) != 0)
			return cow_own(va, level);
	}
	return 0;
}

long
pt_edges(uint64_t low, uint64_t high)
{
	uint64_t table = 1ul << EXO_PT_SHIFT(2);
	long r = edge(low);

	if (r >= 0 && (low % table == 0 || low / table != high / table))
		r = edge(high);
	return r < 0 ? r : 0;
}

void
pt_clear(uint64_t low, uint64_t high)
{
	if (low < high)
		table_clear(EXO_PTE_PPN(view_at(VIEW_OWN)[EXO_PT_INDEX(
		    VIEW_VA(VIEW_ROOT), 1)]), 4, 0, low, high);
}

long
pt_narrow(uint64_t low, uint64_t high, uint32_t prot)
{
	uint64_t lose = (prot & PROT_WRITE ? 0 : EXO_PTE_W), n;
	uint64_t nx = prot & PROT_EXEC ? 0 : EXO_PTE_NX;
	exo_ppn table;

	for (uint64_t va = low; (va = skip_absent(va, high, &table)) < high;
	    va += n * EXO_PAGE) {
		long mine = cow_own(va, 1);

		if (mine < 0)
			return mine;
		table = (exo_ppn)mine;
		n = entries_here(va, high);
		for (uint64_t i = 0; i < n; i++) {
			uint32_t index = EXO_PT_INDEX(va, 1) + (uint32_t)i;
			uint64_t old = pt_view(table)[index];
			uint64_t pte = (old & ~lose) | nx;
			long r;

			if (old == 0 || pte == old)
				continue;
			r = exo_pt_set(0, table, index, pte & EXO_PTE_ASK, 0);
			if (r < 0)
				image_die("%lx can't be narrowed: %ld", va, r);
		}
	}
	return 0;
}
