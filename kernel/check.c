/*
 * check.c - the invariants of frames and tables, recomputed (CHECK=1).
 *
 * From the page tables, the lists and the domains' rows alone, everything that
 * page.c and as.c count is counted again; the first difference is a panic.
 * Only built into checking kernels, and into the host tests.
 */
#include "as.h"
#include "domain.h"
#include "panic.h"
#include "region.h"
#include "table.h"
#include "trap.h"

#define CHECK_MAX	(1u << 17)	/* frames that the shadow has room for */

#define CHECK_THAT(ppn, e) do {						\
	if (__builtin_expect(!(e), 0))					\
		panic("check: frame %u: %s, check.c:%d",		\
		    (unsigned)(ppn), #e, __LINE__);			\
} while (0)

/* Links to a table, or domains that use a root. */
static uint32_t shadow_refs[CHECK_MAX], shadow_parents[CHECK_MAX];
static uint64_t entries_found, entries_listed;

/* One entry of a PT1. */
static void
check_map(exo_ppn t, const struct exo_page *tp, uint64_t pte)
{
	exo_ppn ppn = EXO_PTE_PPN(pte);
	const struct exo_page *p = &pages[ppn];
	bool w = pte & EXO_PTE_W, x = !(pte & EXO_PTE_NX);
	bool data = p->kind == EXO_PG_DATA;

	CHECK_THAT(t, ppn < npages && tp->companion != 0);
	CHECK_THAT(ppn, data || p->kind == EXO_PG_DEVICE || page_is_view(p));
	CHECK_THAT(ppn, !(w && x) && !(page_is_view(p) && (w || x)));
	CHECK_THAT(ppn, !page_is_live(tp) || page_is_live(p) ||
	    p->kind == EXO_PG_DEVICE);
	CHECK_THAT(ppn, !data || page_is_live(p) || !w || p->maps == 1);
	entries_found++;
}

/* One entry above. */
static void
check_link(exo_ppn t, const struct exo_page *tp, uint32_t index, uint64_t pte)
{
	exo_ppn ppn = EXO_PTE_PPN(pte);
	const struct exo_page *c = &pages[ppn];

	CHECK_THAT(t, ppn < npages && page_is_table(c));
	CHECK_THAT(ppn, c->kind + 1 == tp->kind);
	CHECK_THAT(ppn, !page_is_live(tp) || page_is_live(c));
	CHECK_THAT(ppn, page_is_live(c) || c->refs == 1 || !(pte & EXO_PTE_W));
	CHECK_THAT(ppn, !(c->flags & EXO_PF_EMPTY));
	if (ppn < CHECK_MAX) {
		shadow_refs[ppn]++;
		shadow_parents[ppn] ^= t << 9 | index;
	}
}

static void
check_kernel_entries(exo_ppn t, const uint64_t *pt)
{
	CHECK_THAT(t, pt[EXO_PT_ROOT_ENTRIES] == 0);
	for (unsigned i = 0; i < AS_KERNEL_ENTRIES; i++)
		CHECK_THAT(t, (pt[as_kernel_index[i]] & ~EXO_PTE_A) ==
		    (as_kernel_entry[i] & ~EXO_PTE_A));
}

static void
check_table(exo_ppn t)
{
	const struct exo_page *p = &pages[t];
	const uint64_t *pt = page_kva(t);
	const struct exo_rmap *l = NULL;
	uint32_t n = p->kind == EXO_PG_PT4 ? EXO_PT_ROOT_ENTRIES : 512;
	uint32_t i, found = 0;

	if (p->kind == EXO_PG_PT4)
		check_kernel_entries(t, pt);
	if (p->kind == EXO_PG_PT1 && p->companion != 0)
		l = page_kva(p->companion);
	for (i = 0; i < n; i++) {
		if (pt[i] == 0) {
			CHECK_THAT(t, l == NULL ||
			    (l[i].next == 0 && l[i].prev == 0));
			continue;
		}
		found++;
		CHECK_THAT(t, (pt[i] & ~EXO_PTE_ASK) == 0 &&
		    (pt[i] & EXO_PTE_P) && (pt[i] & EXO_PTE_U));
		if (p->kind == EXO_PG_PT1)
			check_map(t, p, pt[i]);
		else
			check_link(t, p, i, pt[i]);
	}
	CHECK_THAT(t, p->entries == found);
	CHECK_THAT(t, !(p->flags & EXO_PF_EMPTY) ||
	    (!page_is_live(p) && p->refs == 0 && p->entries > 0));
}

/* The list of the entries that map a frame, and what they add up to. */
static void
check_rmap(exo_ppn ppn)
{
	const struct exo_page *p = &pages[ppn];
	uint32_t name, before = 0, maps = 0, uses = 0, execs = 0;

	for (name = p->rmap; name != 0; maps++) {
		exo_ppn t = name >> 9;
		const uint64_t *pt = page_kva(t);
		const struct exo_rmap *l = page_kva(pages[t].companion);
		uint64_t pte = pt[name & 511];

		CHECK_THAT(ppn, maps < p->maps);
		CHECK_THAT(ppn, t < npages && pages[t].kind == EXO_PG_PT1 &&
		    pages[t].companion != 0);
		CHECK_THAT(ppn, pte != 0 && EXO_PTE_PPN(pte) == ppn);
		CHECK_THAT(ppn, l[name & 511].prev == before);
		uses += (pte & EXO_PTE_W) != 0;
		execs += (pte & EXO_PTE_NX) == 0;
		before = name;
		name = l[name & 511].next;
	}
	CHECK_THAT(ppn, p->maps == maps);
	CHECK_THAT(ppn, p->uses == uses + p->pins);
	CHECK_THAT(ppn, p->execs == execs);
	CHECK_THAT(ppn, p->uses == 0 || p->execs == 0);
	entries_listed += maps;
}

/* Regions apart from each other; nothing but zeroes beside them. */
static void
check_regions(exo_ppn ppn)
{
	const struct region_frame *f = page_kva(ppn);
	uint8_t taken[EXO_REGION_BYTES / 8] = { 0 };
	uint32_t i, k, found = 0;

	for (i = 0; i < EXO_REGIONS; i++) {
		const struct region *r = &f->region[i];
		uint32_t end = (uint32_t)r->offset + r->len;

		CHECK_THAT(ppn, (r->serial != 0) == (r->len != 0) &&
		    r->offset % 8 == 0 && end <= EXO_REGION_BYTES);
		found += r->serial != 0;
		for (k = r->offset; k < end; k += 8)
			CHECK_THAT(ppn, taken[k / 8]++ == 0);
		/* A word is one region's, the rest of the last nobody's. */
		for (k = end; k % 8 != 0; k++)
			CHECK_THAT(ppn, f->bytes[k] == 0);
	}
	for (k = 0; k < EXO_REGION_BYTES; k++)
		CHECK_THAT(ppn, taken[k / 8] || f->bytes[k] == 0);
	CHECK_THAT(ppn, pages[ppn].entries == found);
}

void
check_frame(exo_ppn ppn)
{
	const struct exo_page *p = &pages[ppn];

	if (p->kind == EXO_PG_FREE)
		CHECK_THAT(ppn, p->maps == 0 && p->uses == 0 && p->refs == 0 &&
		    p->entries == 0 && p->companion == 0 &&
		    (p->flags & ~EXO_PF_ZERO) == 0);
	/* Of a frame bound for events, entries counts its slots (env.c). */
	if (!page_is_table(p))
		CHECK_THAT(ppn, p->refs == 0 && (p->entries == 0 ||
		    p->kind == EXO_PG_PROG || p->kind == EXO_PG_REGION ||
		    (p->kind == EXO_PG_DATA && (p->flags & EXO_PF_BOUND))));
	if (p->kind == EXO_PG_PROG)
		CHECK_THAT(ppn, p->maps == 0 && p->uses == 0 &&
		    (p->entries == 0 || bpf_validate(page_kva(ppn),
		    p->entries, NULL) == BPF_OK));
	if (p->companion != 0)
		CHECK_THAT(ppn, pages[p->companion].companion == ppn &&
		    (p->kind + pages[p->companion].kind ==
		    EXO_PG_PT1 + EXO_PG_RMAP ||
		    p->kind + pages[p->companion].kind ==
		    EXO_PG_DOMAIN + EXO_PG_HANDLES));
	CHECK_THAT(ppn, !(p->flags & EXO_PF_BOUND) || p->pins > 0);
	check_rmap(ppn);
	if (page_is_table(p))
		check_table(ppn);
	if (p->kind == EXO_PG_REGION)
		check_regions(ppn);
}

/* A list by next and prev: how long it is. */
static uint32_t
check_list(exo_ppn first, bool of_free, uint32_t account)
{
	uint32_t n = 0;
	exo_ppn ppn, before = 0;

	for (ppn = first; ppn != 0; ppn = pages[ppn].next) {
		CHECK_THAT(ppn, n++ < npages && pages[ppn].prev == before);
		CHECK_THAT(ppn, of_free ? pages[ppn].kind == EXO_PG_FREE :
		    page_owned(ppn) && pages[ppn].account == account);
		before = ppn;
	}
	return n;
}

static void
check_lists(void)
{
	uint32_t nfree = 0, owned = 0, listed = 0;

	for (exo_ppn ppn = 0; ppn < npages; ppn++) {
		nfree += pages[ppn].kind == EXO_PG_FREE;
		owned += page_owned(ppn);
	}
	for (uint32_t a = 0; a < NACCTS; a++)
		listed += check_list(accts[a].frames, false, a);
	CHECK_THAT(0, machine.free_frames == nfree);
	CHECK_THAT(0, check_list(machine.free_head, true, 0) == nfree);
	CHECK_THAT(0, listed == owned);
}

static void
check_refs(void)
{
	for (uint32_t i = 0; i < ndomains; i++) {
		exo_ppn root = domains[i].root;

		if (root == 0)
			continue;
		CHECK_THAT(root, pages[root].kind == EXO_PG_PT4);
		if (root < CHECK_MAX) {
			shadow_refs[root]++;
			shadow_parents[root] ^= i;
		}
	}
	for (exo_ppn ppn = 0; ppn < npages && ppn < CHECK_MAX; ppn++)
		CHECK_THAT(ppn, pages[ppn].refs == shadow_refs[ppn] &&
		    (!page_is_table(&pages[ppn]) ||
		    pages[ppn].parents == shadow_parents[ppn]));
}

void
check_frames(void)
{
	uint32_t n = npages < CHECK_MAX ? npages : CHECK_MAX;

	__builtin_memset(shadow_refs, 0, n * sizeof(shadow_refs[0]));
	__builtin_memset(shadow_parents, 0, n * sizeof(shadow_parents[0]));
	entries_found = entries_listed = 0;
	for (exo_ppn ppn = 0; ppn < npages; ppn++)
		check_frame(ppn);
	CHECK_THAT(0, entries_found == entries_listed);
	check_refs();
	check_lists();
}
