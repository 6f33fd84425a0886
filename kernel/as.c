/*
 * as.c - page tables: links, mappings, sharing.
 *
 * Who reaches a private table by an exclusive path edits it; a live one is
 * edited with WRITE on its guard (DESIGN 5).  A *name* of an entry is
 * table << 9 | index.
 *
 * Invariants, which check.c recomputes:
 *  (1) refs and parents of a table count and XOR the names of its links; of a
 *      root, the domains that use it.  So with one reference the parent is
 *      known, and exclusivity is three steps up.
 *  (2) maps, uses, execs and rmap of a frame count and list the PT1 entries
 *      that map it; uses has the kernel's pins too.  A companion's link is
 *      zero where no entry is.
 *  (3) uses and execs of a frame are never both above zero (W^X).
 *  (4) a private frame with a writable entry has no other entry.
 *  (5) links to a private table with several references have W = 0.
 *  (6) a live table holds live frames and tables only.
 *  (7) a private table with PF_EMPTY has no references; one without any that
 *      is editable by its maker never had what its maker could not reach.
 * Guarded by: reach, or capability.  Published: the tables themselves, to who
 * may VIEW them, and EXO_PAGES.
 */
#include "as.h"
#include "domain.h"
#include "panic.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"
#include "user.h"

#define INLINE		static inline __attribute__((always_inline))

#define PT_ENTRIES	512u
#define END_FIRST	8u		/* entries at the end of a table */
#define FLUSH_PAGES	8u		/* more: the whole context */

#define PTE_MAY		(EXO_PTE_MAYW | EXO_PTE_MAYX)
#define PTE_KEEP	(EXO_PTE_ASK & ~(PTE_MAY | EXO_PTE_U))

/*
 * Grows when a table gains or loses a link, gets its companion, or is given
 * back, and when a slot loses what it held: all that last_edit rests on.
 */
uint64_t as_changes;

uint64_t as_kernel_entry[AS_KERNEL_ENTRIES];
const uint32_t as_kernel_index[AS_KERNEL_ENTRIES] = { 256, 510, 511 };

/*
 * Tables.
 */
struct table {
	exo_ppn ppn;
	struct exo_page *page;
	uint64_t *pt;
	struct exo_rmap *links;		/* PT1: NULL without a companion */
};

INLINE uint32_t
table_level(const struct exo_page *p)
{
	return p->kind - EXO_PG_PT1 + 1u;
}

INLINE uint32_t
table_entries(const struct exo_page *p)
{
	return p->kind == EXO_PG_PT4 ? EXO_PT_ROOT_ENTRIES : PT_ENTRIES;
}

INLINE struct table
table_at(exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];
	bool links = p->kind == EXO_PG_PT1 && p->companion != 0;

	return (struct table){ ppn, p, page_kva(ppn),
	    links ? page_kva(p->companion) : NULL };
}

/* How many ways lead to a table, and what is at the top of the only one. */
enum path {
	PATH_LOOSE,			/* none: `top` has no reference */
	PATH_SOLE,			/* one: `top` is one domain's root */
	PATH_FROZEN,			/* several: `top` has several links */
	PATH_ROOT			/* several domains share the root */
};

INLINE enum path
climb(exo_ppn table, const struct exo_page **top)
{
	const struct exo_page *p = &pages[table];

	while (p->refs == 1 && p->kind != EXO_PG_PT4)
		p = &pages[p->parents >> 9];
	*top = p;
	if (p->refs == 1)
		return PATH_SOLE;
	if (p->refs == 0)
		return PATH_LOOSE;
	return p->kind == EXO_PG_PT4 ? PATH_ROOT : PATH_FROZEN;
}

/* The first address that a table translates, up a sole path. */
static uint64_t
table_va(exo_ppn table)
{
	const struct exo_page *p = &pages[table];
	uint64_t va = 0;

	for (; p->kind != EXO_PG_PT4; p = &pages[p->parents >> 9])
		va |= (uint64_t)(p->parents & 511) <<
		    EXO_PT_SHIFT(table_level(p) + 1);
	return va;
}

/*
 * May the running domain edit this private table, and what it alone reaches?
 * By its own root and a sole path; or while nobody reaches it, as the maker of
 * what is at the top.  Errors: REACH, FROZEN.
 */
MUST_USE INLINE long
table_mine(exo_ppn table)
{
	const struct exo_page *top;
	enum path path = climb(table, &top);

	if (__builtin_expect(path == PATH_SOLE, 1))
		return top == &pages[cur_domain()->root] ? 0 : -EXO_E_REACH;
	if (path != PATH_LOOSE)
		return -EXO_E_FROZEN;
	if (top->flags & EXO_PF_EMPTY ||
	    !page_made_here((exo_ppn)(top - pages)))
		return -EXO_E_REACH;
	return 0;
}

/*
 * What a call took away from a table, for the TLB.
 */
struct taken {
	uint32_t n;
	uint16_t index[FLUSH_PAGES];
};

INLINE void
take(struct taken *k, uint32_t index)
{
	if (k->n < FLUSH_PAGES)
		k->index[k->n] = (uint16_t)index;
	k->n++;
}

/*
 * A loose table was flushed when it lost its last reference.  What hangs from
 * several links is in several contexts.
 */
static void
flush_taken(exo_ppn table, const struct taken *k)
{
	const struct exo_page *top;
	enum path path = climb(table, &top);
	uint64_t va;

	if (path == PATH_LOOSE)
		return;
	if (path != PATH_SOLE) {
		tlb_all();
		return;
	}
	if (pages[table].kind != EXO_PG_PT1 || k->n > FLUSH_PAGES) {
		tlb_context(top->parents);
		return;
	}
	va = table_va(table);
	for (uint32_t i = 0; i < k->n; i++)
		tlb_page(top->parents, va | (uint64_t)k->index[i] << 12);
}

/*
 * The inverse map.
 */
static struct exo_rmap *
rmap_at(uint32_t name)
{
	struct exo_rmap *links = page_kva(pages[name >> 9].companion);

	return &links[name & 511];
}

/* The first to map a frame stays the first on its list. */
INLINE void
rmap_add(struct exo_page *p, struct exo_rmap *link, uint32_t name)
{
	struct exo_rmap *first;

	if (p->rmap == 0) {
		p->rmap = name;
		return;
	}
	first = rmap_at(p->rmap);
	*link = (struct exo_rmap){ first->next, p->rmap };
	if (first->next != 0)
		rmap_at(first->next)->prev = name;
	first->next = name;
}

INLINE void
rmap_remove(struct exo_page *p, struct exo_rmap *link)
{
	struct exo_rmap l = *link;

	if (l.next != 0)
		rmap_at(l.next)->prev = l.prev;
	if (l.prev != 0)
		rmap_at(l.prev)->next = l.next;
	else
		p->rmap = l.next;
	*link = (struct exo_rmap){ 0, 0 };
}

/*
 * Entries of a PT1: commit.
 */
INLINE uint32_t
pte_w(uint64_t pte)
{
	return pte >> 1 & 1;
}

INLINE uint32_t
pte_x(uint64_t pte)
{
	return (uint32_t)(~pte >> 63);
}

INLINE void
map_put(const struct table *t, uint32_t index, uint64_t pte)
{
	struct exo_page *p = &pages[EXO_PTE_PPN(pte)];

	p->maps++;
	p->uses += pte_w(pte);
	p->execs += pte_x(pte);
	rmap_add(p, &t->links[index], t->ppn << 9 | index);
	t->pt[index] = pte;
}

INLINE void
map_drop(const struct table *t, uint32_t index)
{
	uint64_t old = t->pt[index];
	struct exo_page *p = &pages[EXO_PTE_PPN(old)];

	p->maps--;
	p->uses -= pte_w(old);
	p->execs -= pte_x(old);
	rmap_remove(p, &t->links[index]);
	t->pt[index] = 0;
}

/*
 * Entries above: commit.
 */
static void
link_put(const struct table *t, uint32_t index, uint64_t pte)
{
	struct exo_page *c = &pages[EXO_PTE_PPN(pte)];

	as_changes++;
	c->refs++;
	c->parents ^= t->ppn << 9 | index;
	t->pt[index] = pte;
}

/* A reference is gone; a private table that lost the last must be emptied. */
static void
table_unref(struct exo_page *c)
{
	as_changes++;
	if (--c->refs == 0 && !page_is_live(c) && c->entries > 0)
		c->flags |= EXO_PF_EMPTY;
}

static void
link_drop(const struct table *t, uint32_t index)
{
	struct exo_page *c = &pages[EXO_PTE_PPN(t->pt[index])];

	c->parents ^= t->ppn << 9 | index;
	t->pt[index] = 0;
	table_unref(c);
}

/*
 * Not by who reaches it: by force, or because its table is given up.  What the
 * last user left in a private frame is not for whoever has its guard.
 */
static void
entry_drop(const struct table *t, uint32_t index)
{
	struct exo_page *p = &pages[EXO_PTE_PPN(t->pt[index])];

	if (t->page->kind == EXO_PG_PT1) {
		map_drop(t, index);
		if (p->maps == 0 && p->kind == EXO_PG_DATA && !page_is_live(p))
			p->flags |= EXO_PF_SCRUB;
	} else
		link_drop(t, index);
	if (--t->page->entries == 0)
		t->page->flags &= ~EXO_PF_EMPTY;
}

/*
 * A run: new mappings that ask for the same bits, of frames of the same kind,
 * not mapped nor used unless they are live, whose guards have the same serial.
 * What one was checked for holds for all, but W^X of live ones.  With
 * SERIAL_NONE, which no guard has, none was: the other fields are no sign, since
 * the caller chooses what is compared.
 */
struct run {
	uint64_t ask;			/* of a pte, all but the address */
	uint64_t put;			/* what is entered, likewise */
	uint64_t serial;
	uint64_t counts;		/* maps and uses, as one word */
	uint32_t execs;
	uint32_t kind;			/* kind, flags and pins, as one word */
};

/* struct exo_page, its small fields taken together. */
struct __attribute__((may_alias)) page_words {
	uint32_t account;
	uint32_t kind;			/* kind, flags, pins */
	uint64_t counts;		/* maps, uses */
	uint32_t execs;
	uint32_t refs;
	uint32_t rmap;
};

#define SAME_PLACE(word, field)						      \
	_Static_assert(offsetof(struct page_words, word) ==		      \
	    offsetof(struct exo_page, field), "page_words")

SAME_PLACE(kind, kind);
SAME_PLACE(counts, maps);
SAME_PLACE(execs, execs);
SAME_PLACE(refs, refs);
SAME_PLACE(rmap, rmap);

typedef uint64_t __attribute__((may_alias)) word64;

INLINE struct page_words *
page_words(exo_ppn ppn)
{
	return (struct page_words *)&pages[ppn];
}

/*
 * An edit: pt_set or pt_batch on one table.
 */
struct edit {
	/*
	 * While all of these are as they were, the table is one that the
	 * running domain may edit, and `run` has been checked.  dom NULL: not.
	 */
	const struct domain *dom;
	uint64_t changes;
	struct table t;
	/*
	 * The common frame, which may be mapped here: data, live in a live
	 * table, not being reguarded; none while there is no companion.
	 */
	uint32_t kf_mask, kf_want;
	exo_slot slot;
	uint64_t serial;		/* of the guard that slot was held to */
	uint64_t rights;		/* found then */
	uint64_t denied;		/* bits of pte ^ NX that they don't give */
	uint64_t may;			/* MAYW, MAYX */
	struct run run;
	uint32_t grown;			/* entries more than before */
	struct taken taken;
};

/* This CPU's last edit.  Tables are edited again and again, page by page. */
static struct edit last_edit;

#define KF(kind, flags)	((uint32_t)(kind) | (uint32_t)(flags) << 8)
#define SERIAL_NONE	(~0ull)

INLINE uint32_t
page_kf(const struct exo_page *p)
{
	return KF(p->kind, p->flags);
}

INLINE void
edit_begin(struct edit *e, exo_ppn table, exo_slot slot)
{
	e->dom = NULL;
	e->t = table_at(table);
	e->slot = slot;
	e->run.serial = SERIAL_NONE;
	e->serial = SERIAL_NONE;
	e->rights = e->denied = e->may = 0;
	e->grown = 0;
	e->taken.n = 0;
	e->kf_mask = 0;
	e->kf_want = KF(EXO_PG_DATA, 0);
	if (e->t.links == NULL)
		return;
	e->kf_mask = KF(0xff, 0xff & ~(EXO_PF_BOUND | EXO_PF_LIVE));
	if (page_is_live(e->t.page)) {
		e->kf_mask |= KF(0, EXO_PF_LIVE);
		e->kf_want |= KF(0, EXO_PF_LIVE);
	}
}

/* The same edit again, if nothing that it was checked for has changed. */
INLINE bool
edit_again(const struct edit *e, exo_ppn table)
{
	return e->t.ppn == table && e->changes == as_changes &&
	    e->dom == cur_domain();
}

INLINE void
edit_end(struct edit *e)
{
	if (e->t.page->kind == EXO_PG_PT1 && !page_is_live(e->t.page)) {
		e->dom = cur_domain();
		e->changes = as_changes;
	}
	e->t.page->entries += e->grown;
	e->grown = 0;
	if (e->taken.n > 0)
		flush_taken(e->t.ppn, &e->taken);
	e->taken.n = 0;
}

/* Hold the slot to a guard, once for a run of equal ones. */
MUST_USE INLINE long
edit_rights(struct edit *e, const struct guard *g)
{
	long r;

	if (e->serial == g->serial)
		return 0;
	r = cap_rights(e->slot, g);
	if (r < 0)
		return r;
	e->serial = g->serial;
	e->rights = (uint64_t)r;
	e->denied = (r & EXO_R_READ ? 0 : EXO_PTE_P) |
	    (r & EXO_R_WRITE ? 0 : EXO_PTE_W) |
	    (r & EXO_R_EXEC ? 0 : EXO_PTE_NX);
	e->may = (r & EXO_R_WRITE ? EXO_PTE_MAYW : 0) |
	    (r & EXO_R_EXEC ? EXO_PTE_MAYX : 0);
	return 0;
}

/* Rights that an entry asks for beyond `old`: W, X as the bit NX. */
INLINE uint64_t
pte_gain(uint64_t old, uint64_t pte)
{
	uint64_t x = pte ^ EXO_PTE_NX;

	return x & ~(old ^ EXO_PTE_NX) & (EXO_PTE_W | EXO_PTE_NX);
}

INLINE bool
pte_narrows(uint64_t old, uint64_t pte)
{
	return pte_gain(pte, old) != 0 ||
	    (old & ~pte & (EXO_PTE_A | EXO_PTE_D)) != 0;
}

/*
 * A frame out of the common, in an entry of a PT1: a device, or a table or its
 * companion to look at.  Errors: TYPE; STATE.
 */
static __attribute__((noinline)) long
map_odd(const struct edit *e, const struct exo_page *p, uint64_t pte)
{
	bool live = page_is_live(p) || p->kind == EXO_PG_DEVICE;

	if (page_is_view(p)) {
		if (pte_w(pte) || pte_x(pte))
			return -EXO_E_TYPE;
	} else if (p->kind != EXO_PG_DATA && p->kind != EXO_PG_DEVICE)
		return -EXO_E_TYPE;
	if (page_is_live(e->t.page) && !live)
		return -EXO_E_TYPE;
	if (p->flags & EXO_PF_REGUARD || e->t.links == NULL)
		return -EXO_E_STATE;
	return 0;
}

/*
 * One more entry for a frame that has some, or kernel uses.  A private frame's
 * guard does not show what others made of it: it takes another entry, to read
 * it, only from who reaches its first one.  Errors: SHARED; WX.
 */
static __attribute__((noinline)) long
map_beside(const struct exo_page *p, uint64_t pte)
{
	uint32_t w = pte_w(pte), x = pte_x(pte);

	if (p->kind == EXO_PG_DATA && !page_is_live(p) &&
	    (p->uses > 0 || w || table_mine(p->rmap >> 9) < 0))
		return -EXO_E_SHARED;
	if ((w && p->execs > 0) || (x && p->uses > 0))
		return -EXO_E_WX;
	return 0;
}

/* Other bits for the frame that is mapped already. */
static __attribute__((noinline)) long
map_change(struct edit *e, uint32_t index, uint64_t pte)
{
	uint64_t old = e->t.pt[index], gain = pte_gain(old, pte), lack;
	exo_ppn ppn = EXO_PTE_PPN(pte);
	struct exo_page *p = &pages[ppn];
	uint32_t uses = p->uses - pte_w(old) + pte_w(pte);
	uint32_t execs = p->execs - pte_x(old) + pte_x(pte);
	long r;

	pte = (pte & PTE_KEEP) | EXO_PTE_U | (old & PTE_MAY);
	lack = (gain & EXO_PTE_W && !(old & EXO_PTE_MAYW) ? EXO_PTE_W : 0) |
	    (gain & EXO_PTE_NX && !(old & EXO_PTE_MAYX) ? EXO_PTE_NX : 0);
	if (gain != 0 && page_is_view(p))
		return -EXO_E_TYPE;
	if (gain != 0 && p->flags & EXO_PF_REGUARD)
		return -EXO_E_STATE;
	if (lack != 0) {
		r = edit_rights(e, &page_guards[ppn]);
		if (r < 0)
			return r;
		if (lack & e->denied)
			return -EXO_E_RIGHTS;
		pte |= e->may;
	}
	if (gain & EXO_PTE_W && p->kind == EXO_PG_DATA && !page_is_live(p) &&
	    (p->maps != 1 || p->uses != 0))
		return -EXO_E_SHARED;
	if (gain != 0 && uses > 0 && execs > 0)
		return -EXO_E_WX;
	/* Act. */
	p->uses = uses;
	p->execs = execs;
	e->t.pt[index] = pte;
	if (pte_narrows(old, pte))
		take(&e->taken, index);
	return 0;
}

/* A data frame, live or not mapped nor used, has passed for these bits. */
INLINE void
run_begin(struct run *r, exo_ppn ppn, uint64_t pte, uint64_t put)
{
	const struct page_words *p = page_words(ppn);

	if (pages[ppn].kind != EXO_PG_DATA ||
	    (p->counts != 0 && !page_is_live(&pages[ppn])))
		return;
	r->ask = pte & ~EXO_PTE_ADDR;
	r->put = put & ~EXO_PTE_ADDR;
	r->serial = page_guards[ppn].serial;
	r->counts = 1 | (uint64_t)pte_w(pte) << 32;
	r->execs = pte_x(pte);
	r->kind = p->kind;
}

/* Take out the entry for a frame; commit. */
INLINE void
edit_drop(struct edit *e, uint32_t index)
{
	map_drop(&e->t, index);
	e->grown--;
	take(&e->taken, index);
}

/*
 * Take out the entry for a frame that only it maps.  False: the general way is
 * needed, and nothing was done.
 */
INLINE bool
run_drop(uint64_t old, const struct exo_rmap *link)
{
	struct page_words *p = page_words(EXO_PTE_PPN(old));

	if (p->counts != (1 | (old & EXO_PTE_W) << 31) ||
	    *(const word64 *)link != 0)
		return false;
	/* Act. */
	p->counts = 0;
	p->execs = 0;
	p->rmap = 0;
	return true;
}

INLINE void
run_end(struct edit *e, uint64_t added, uint64_t dropped)
{
	if (dropped > FLUSH_PAGES)
		e->taken.n = FLUSH_PAGES + 1;
	e->t.page->entries += (uint32_t)(added - dropped);
}

/* Clear as many of n as there are zeroes, from frames that nobody else maps. */
static __attribute__((noinline)) uint64_t
run_clear(struct edit *e, uint32_t index, const uint64_t *pte, uint64_t n)
{
	const struct exo_rmap *links = e->t.links + index;
	uint64_t *pt = e->t.pt + index;
	uint64_t i, dropped = 0;

	for (i = 0; i < n && pte[i] == 0; i++) {
		if (pt[i] == 0)
			continue;
		if (!run_drop(pt[i], &links[i]))
			break;
		pt[i] = 0;
		if (dropped++ < FLUSH_PAGES)
			take(&e->taken, index + (uint32_t)i);
	}
	run_end(e, 0, dropped);
	return i;
}

/*
 * Enter as many of n as are of the run: how many.  What is compared of an entry
 * and its frame is all that the first was checked for; the loop has some 30
 * instructions for an entry added, and 20 more for one replaced.
 */
INLINE uint64_t
run_put(struct edit *e, uint32_t index, const uint64_t *pte, uint64_t n)
{
	const struct run r = e->run;
	const uint32_t limit = npages;
	const struct exo_rmap *links = e->t.links + index;
	uint64_t *pt = e->t.pt + index;
	uint32_t name = e->t.ppn << 9 | index;
	uint64_t i, dropped = 0;

	for (i = 0; i < n; i++) {
		const uint64_t addr = pte[i] ^ r.ask, ppn = addr >> 12;
		struct page_words *p;

		if ((addr & ~EXO_PTE_ADDR) != 0 || ppn >= limit)
			break;
		p = page_words((exo_ppn)ppn);
		if (p->kind != r.kind || p->counts != 0 ||
		    page_guards[ppn].serial != r.serial)
			break;
		/* Act. */
		if (pt[i] != 0) {
			if (!run_drop(pt[i], &links[i]))
				break;
			if (dropped++ < FLUSH_PAGES)
				take(&e->taken, index + (uint32_t)i);
		}
		p->counts = r.counts;
		p->execs = r.execs;
		p->rmap = name++;
		pt[i] = addr | r.put;
	}
	run_end(e, i, dropped);
	return i;
}

/* The same of live frames, which others may map, where nothing is yet. */
static __attribute__((noinline)) uint64_t
run_put_live(struct edit *e, uint32_t index, const uint64_t *pte, uint64_t n)
{
	const struct run r = e->run;
	uint32_t w = pte_w(r.put), x = pte_x(r.put);
	uint64_t i;

	for (i = 0; i < n; i++) {
		const uint64_t addr = pte[i] ^ r.ask, ppn = addr >> 12;
		struct exo_page *p;

		if ((addr & ~EXO_PTE_ADDR) != 0 || ppn >= npages)
			break;
		p = &pages[ppn];
		if (page_words((exo_ppn)ppn)->kind != r.kind ||
		    page_guards[ppn].serial != r.serial ||
		    e->t.pt[index + i] != 0 || (w && p->execs > 0) ||
		    (x && p->uses > 0))
			break;
		/* Act. */
		map_put(&e->t, index + (uint32_t)i, addr | r.put);
	}
	run_end(e, i, 0);
	return i;
}

/*
 * One entry of a PT1, which the caller may edit.  Errors: TYPE; STATE; SLOT,
 * DENIED, RIGHTS; SHARED; WX.
 */
static __attribute__((noinline)) long
map_set(struct edit *e, uint32_t index, uint64_t pte)
{
	uint64_t old = e->t.pt[index], ask = pte ^ EXO_PTE_NX;
	exo_ppn ppn = EXO_PTE_PPN(pte);
	struct exo_page *p = &pages[ppn];
	uint64_t denied;
	long r;

	if (old != 0 && pte != 0 && EXO_PTE_PPN(old) == ppn)
		return map_change(e, index, pte);
	if (pte != 0) {
		bool odd = (page_kf(p) & e->kf_mask) != e->kf_want;

		if (odd && (r = map_odd(e, p, pte)) < 0)
			return r;
		r = edit_rights(e, &page_guards[ppn]);
		if (r < 0)
			return r;
		denied = e->denied;
		if (odd && page_is_view(p))
			denied = e->rights & EXO_R_VIEW ? 0 : EXO_PTE_P;
		if (ask & denied)
			return -EXO_E_RIGHTS;
		if ((p->maps | p->uses) != 0 && (r = map_beside(p, pte)) < 0)
			return r;
		if ((ask & ask << 62) >> 63)
			return -EXO_E_WX;
	}
	/* Act. */
	if (old != 0)
		edit_drop(e, index);
	if (pte != 0) {
		uint64_t put = (pte & PTE_KEEP) | EXO_PTE_U | e->may;

		page_scrub(ppn);
		run_begin(&e->run, ppn, pte, put);
		map_put(&e->t, index, put);
		e->grown++;
	}
	return 0;
}

/* Other bits for the table that is linked already. */
static long
link_change(struct edit *e, uint32_t index, uint64_t pte)
{
	uint64_t old = e->t.pt[index];
	exo_ppn ppn = EXO_PTE_PPN(pte);
	const struct exo_page *c = &pages[ppn];
	bool widens = (pte & ~old & EXO_PTE_W) != 0;
	long r;

	pte = (pte & PTE_KEEP) | EXO_PTE_U | (old & PTE_MAY);
	if (widens && page_is_live(c) && !(old & EXO_PTE_MAYW)) {
		r = edit_rights(e, &page_guards[ppn]);
		if (r < 0)
			return r;
		if (e->denied & EXO_PTE_W)
			return -EXO_E_RIGHTS;
		pte |= EXO_PTE_MAYW;
	}
	if (widens && !page_is_live(c) && c->refs != 1)
		return -EXO_E_LOOP;
	/* Act. */
	e->t.pt[index] = pte;
	if (pte_narrows(old, pte))
		take(&e->taken, index);
	return 0;
}

/*
 * May this table be linked here?  Errors: TYPE; SLOT, DENIED, RIGHTS (live);
 * REACH, EMPTY (private).
 */
static long
link_check(struct edit *e, uint64_t pte)
{
	exo_ppn ppn = EXO_PTE_PPN(pte);
	const struct exo_page *c = &pages[ppn];
	long r;

	if (c->kind + 1 != e->t.page->kind || !page_is_table(c) ||
	    (page_is_live(e->t.page) && !page_is_live(c)))
		return -EXO_E_TYPE;
	if (page_is_live(c)) {
		r = edit_rights(e, &page_guards[ppn]);
		if (r < 0)
			return r;
		return pte & e->denied & ~EXO_PTE_NX ? -EXO_E_RIGHTS : 0;
	}
	if (c->refs != 0 || !page_made_here(ppn))
		return -EXO_E_REACH;
	return c->flags & EXO_PF_EMPTY ? -EXO_E_EMPTY : 0;
}

/* One entry above, of a table that the caller may edit.  Errors: those two. */
static __attribute__((noinline)) long
link_set(struct edit *e, uint32_t index, uint64_t pte)
{
	uint64_t old = e->t.pt[index];
	long r;

	if (old != 0 && pte != 0 && EXO_PTE_PPN(old) == EXO_PTE_PPN(pte))
		return link_change(e, index, pte);
	if (pte != 0) {
		r = link_check(e, pte);
		if (r < 0)
			return r;
		pte = (pte & PTE_KEEP) | EXO_PTE_U;
		if (page_is_live(&pages[EXO_PTE_PPN(pte)]))
			pte |= e->may & EXO_PTE_MAYW;
	}
	/* Act. */
	if (old != 0) {
		link_drop(&e->t, index);
		e->grown--;
		take(&e->taken, index);
	}
	if (pte != 0) {
		link_put(&e->t, index, pte);
		e->grown++;
	}
	return 0;
}

INLINE bool
pte_sound(uint64_t pte)
{
	return pte == 0 || ((pte & (~EXO_PTE_ASK | EXO_PTE_P)) == EXO_PTE_P &&
	    EXO_PTE_PPN(pte) < npages);
}

/* May the caller edit it?  Errors: EMPTY; REACH, FROZEN; SLOT, DENIED, RIGHTS. */
MUST_USE INLINE long
table_editable(exo_ppn table, exo_slot tslot)
{
	const struct exo_page *p = &pages[table];

	if (p->flags & EXO_PF_EMPTY)
		return -EXO_E_EMPTY;
	if (page_is_live(p))
		return cap_check(tslot, &page_guards[table].name,
		    EXO_R_WRITE);
	return table_mine(table);
}

/* One entry of the table that is being edited. */
INLINE long
edit_set(struct edit *e, uint32_t index, uint64_t pte)
{
	if (!pte_sound(pte))
		return -EXO_E_ARG;
	return e->t.page->kind == EXO_PG_PT1 ? map_set(e, index, pte) :
	    link_set(e, index, pte);
}

/*
 * pt_set: TYPE; ARG; EMPTY; REACH, FROZEN; SLOT, DENIED, RIGHTS; then as
 * map_set or link_set.
 */
static __attribute__((noinline)) long
pt_set_slow(exo_slot tslot, exo_ppn table, uint32_t index, uint64_t pte,
    exo_slot slot)
{
	struct edit *e = &last_edit;
	long r;

	if (table >= npages || !page_is_table(&pages[table]))
		return -EXO_E_TYPE;
	if (index >= table_entries(&pages[table]) || !pte_sound(pte))
		return -EXO_E_ARG;
	r = table_editable(table, tslot);
	if (r < 0)
		return r;
	if (!edit_again(e, table) || (e->slot != slot && pte != 0))
		edit_begin(e, table, slot);
	r = edit_set(e, index, pte);
	edit_end(e);
	return r;
}

long
sys_pt_set(exo_slot tslot, exo_ppn table, uint32_t index, uint64_t pte,
    exo_slot slot)
{
	struct edit *e = &last_edit;

	if (!edit_again(e, table) || e->slot != slot || index >= PT_ENTRIES ||
	    e->t.pt[index] != 0 || run_put(e, index, &pte, 1) == 0)
		return pt_set_slow(tslot, table, index, pte, slot);
	return 0;
}

/* The quick part of a batch: how many of n.  The loops have registers enough
 * only in functions of their own. */
static __attribute__((noinline)) uint64_t
run_put_all(struct edit *e, uint32_t index, const uint64_t *pte, uint64_t n)
{
	return run_put(e, index, pte, n);
}

INLINE uint64_t
edit_run(struct edit *e, uint32_t index, const uint64_t *pte, uint64_t n)
{
	if (e->t.links == NULL)
		return 0;
	if (pte[0] == 0)
		return run_clear(e, index, pte, n);
	if (((e->t.pt[index] ^ pte[0]) & EXO_PTE_ADDR) == 0)
		return 0;		/* other bits for the same frame */
	if (e->run.kind & KF(0, EXO_PF_LIVE))
		return run_put_live(e, index, pte, n);
	return run_put_all(e, index, pte, n);
}

/* pt_batch: ARG, ADDR; then as pt_set. */
long
sys_pt_batch(exo_slot tslot, exo_ppn table, uint32_t index, uint64_t n,
    uint64_t ptes, exo_slot slot)
{
	const uint64_t *pte = cpu()->batch;
	struct edit *e = &last_edit;
	uint64_t i;
	long r;

	if (n == 0 || n > EXO_BATCH_MAX)
		return -EXO_E_ARG;
	r = user_read(cpu()->batch, ptes, n * sizeof(*pte));
	if (r < 0)
		return r;
	if (table >= npages || !page_is_table(&pages[table]))
		return -EXO_E_TYPE;
	if (index >= table_entries(&pages[table]) ||
	    n > table_entries(&pages[table]) - index)
		return -EXO_E_ARG;
	r = table_editable(table, tslot);
	if (r < 0)
		return r;
	if (!edit_again(e, table) || e->slot != slot)
		edit_begin(e, table, slot);
	for (i = 0; i < n; i++) {
		i += edit_run(e, index + (uint32_t)i, pte + i, n - i);
		if (i == n)
			break;
		r = edit_set(e, index + (uint32_t)i, pte[i]);
		if (r < 0)
			break;
	}
	edit_end(e);
	return i > 0 ? (long)i : r;
}

/* pt_companion: ARG; TYPE; REACH; BUSY. */
long
sys_pt_companion(exo_ppn table, exo_ppn ppn)
{
	if (table >= npages || ppn >= npages)
		return -EXO_E_ARG;
	if (pages[table].kind != EXO_PG_PT1 || pages[ppn].kind != EXO_PG_RMAP)
		return -EXO_E_TYPE;
	if (!page_made_here(table) || !page_made_here(ppn))
		return -EXO_E_REACH;
	if (pages[table].companion != 0 || pages[ppn].companion != 0)
		return -EXO_E_BUSY;
	/* Act. */
	as_changes++;
	pages[table].companion = ppn;
	pages[ppn].companion = table;
	return 0;
}

/* The first present entry in [index, end), or end: a cache line at a time. */
static uint32_t
present_next(const uint64_t *pt, uint32_t index, uint32_t end)
{
	for (; index < end; index++) {
		const uint64_t *p = pt + index;

		if (index % 8 == 0 && index + 8 <= end && (p[0] | p[1] | p[2] |
		    p[3] | p[4] | p[5] | p[6] | p[7]) == 0)
			index += 7;
		else if (*p != 0)
			break;
	}
	return index;
}

/*
 * pt_copy.
 */

/*
 * The table that translates va at a level under the caller's root.  Errors:
 * REACH; SHARED it is live.
 */
static long
walk(uint64_t va, uint32_t level)
{
	exo_ppn t = cur_domain()->root;
	const uint64_t *pt;
	uint64_t pte;

	for (uint32_t l = 4; l > level; l--) {
		pt = page_kva(t);
		pte = pt[EXO_PT_INDEX(va, l)];
		if (pte == 0)
			return -EXO_E_REACH;
		t = EXO_PTE_PPN(pte);
	}
	return page_is_live(&pages[t]) ? -EXO_E_SHARED : (long)t;
}

/*
 * May this entry be had twice?  A live frame may, to be read: who has the table
 * in common sees it, too.  Errors: STATE; SHARED.
 */
static long
copy_check(const struct table *dst, uint64_t pte)
{
	const struct exo_page *p = &pages[EXO_PTE_PPN(pte)];

	if (dst->page->kind != EXO_PG_PT1)
		return page_is_live(p) ? -EXO_E_SHARED : 0;
	if (dst->links == NULL || p->flags & EXO_PF_REGUARD)
		return -EXO_E_STATE;
	if (p->kind != EXO_PG_DATA || p->pins > 0 ||
	    (page_is_live(p) && pte_w(pte)))
		return -EXO_E_SHARED;
	return 0;
}

/* A link, or a live frame that is only read: what somebody might have asked for
 * more of that is not for the copy. */
static void
copy_entry(const struct table *dst, uint32_t to, const struct table *src,
    uint32_t from, struct taken *taken)
{
	uint64_t pte = src->pt[from];

	if (dst->page->kind == EXO_PG_PT1) {
		map_put(dst, to, pte & ~PTE_MAY);
	} else {
		if (pte & EXO_PTE_W) {
			pte &= ~EXO_PTE_W;
			src->pt[from] = pte;
			take(taken, from);
		}
		link_put(dst, to, pte);
	}
	dst->page->entries++;
}

/*
 * A run of private frames, which copy_check() has nothing against, in last-level
 * tables: how many of n.  W goes from the source and the copy.
 */
static uint32_t
copy_run(const struct table *dst, uint32_t to, const struct table *src,
    uint32_t from, uint32_t n, struct taken *taken)
{
	const uint32_t mask = KF(0xff, EXO_PF_LIVE | EXO_PF_REGUARD) |
	    0xffffu << 16;		/* and the pins */
	uint32_t i = 0;

	for (; i < n; i++, to++, from++) {
		uint64_t pte = src->pt[from], w = pte & EXO_PTE_W;
		struct page_words *p = page_words(EXO_PTE_PPN(pte));

		if (pte == 0 || dst->pt[to] != 0 ||
		    (p->kind & mask) != KF(EXO_PG_DATA, 0))
			break;
		/* Act. */
		if (w != 0) {
			pte &= ~EXO_PTE_W;
			src->pt[from] = pte;
			take(taken, from);
		}
		p->counts += 1 - (w << 31);
		p->execs += pte_x(pte);
		rmap_add(&pages[EXO_PTE_PPN(pte)], &dst->links[to],
		    dst->ppn << 9 | to);
		dst->pt[to] = pte;
	}
	dst->page->entries += i;
	return i;
}

/*
 * Below links that several tables have, W is off already, by (5): then no
 * translation changed.
 */
static void
flush_copied(exo_ppn src, const struct taken *taken)
{
	const struct exo_page *top;

	if (taken->n > 0 && climb(src, &top) != PATH_FROZEN)
		flush_taken(src, taken);
}

/* The entries of pt_copy: how many, or why not the first. */
static long
copy_entries(const struct table *dst, uint32_t to, const struct table *src,
    uint32_t from, uint32_t n)
{
	uint32_t left = src->page->entries, end = from + n, i = from, run;
	struct taken taken = { .n = 0 };
	long r = 0;

	while (i < end && left > 0) {
		run = dst->links == NULL ? 0 : copy_run(dst, to + i - from, src,
		    i, end - i < left ? end - i : left, &taken);
		i += run;
		left -= run;
		if (run > 0)
			continue;
		if (src->pt[i] == 0) {
			i = present_next(src->pt, i, end);
			continue;
		}
		r = copy_check(dst, src->pt[i]);
		if (r == 0 && dst->pt[to + i - from] != 0)
			r = -EXO_E_BUSY;
		if (r < 0)
			break;
		/* Act. */
		copy_entry(dst, to + i - from, src, i, &taken);
		i++;
		left--;
	}
	flush_copied(src->ppn, &taken);
	if (r == 0)
		return n;
	return i > from ? (long)(i - from) : r;
}

/*
 * pt_copy: TYPE; ARG index, n, va, or the range leaves its table; EMPTY, REACH,
 * FROZEN on dst; REACH va has no table at that level; per entry: STATE, SHARED;
 * BUSY.  dst may be the source: an alias slot in the same table.
 */
long
sys_pt_copy(exo_ppn dst, uint32_t index, uint64_t va, uint64_t n)
{
	const struct exo_page *p;
	struct table from, to;
	uint32_t entries, level;
	long r, src;

	if (dst >= npages || !page_is_table(&pages[dst]) ||
	    page_is_live(&pages[dst]))
		return -EXO_E_TYPE;
	p = &pages[dst];
	level = table_level(p);
	entries = table_entries(p);
	if (va >= EXO_USER_TOP || n == 0 || index >= entries ||
	    n > entries - index || n > entries - EXO_PT_INDEX(va, level))
		return -EXO_E_ARG;
	r = p->flags & EXO_PF_EMPTY ? -EXO_E_EMPTY : table_mine(dst);
	if (r < 0)
		return r;
	src = walk(va, level);
	if (src < 0)
		return src;
	from = table_at((exo_ppn)src);
	to = table_at(dst);
	return copy_entries(&to, index, &from, EXO_PT_INDEX(va, level),
	    (uint32_t)n);
}

/*
 * Emptying.
 */

/* Clear at most n of the present entries from `index` up to `end`. */
static uint64_t
empty_range(exo_ppn table, uint32_t index, uint32_t end, uint64_t n)
{
	const struct table t = table_at(table);
	uint64_t done = 0;

	assert(t.page->refs == 0);
	while (done < n && t.page->entries > 0 && index < end) {
		if (t.pt[index] == 0) {
			index = present_next(t.pt, index, end);
			continue;
		}
		entry_drop(&t, index++);
		done++;
	}
	return done;
}

/* Stacks lie at the ends of their tables: these are looked at first. */
uint64_t
as_empty_table(exo_ppn table, uint64_t n)
{
	uint32_t end = table_entries(&pages[table]), last = end - END_FIRST;
	uint64_t done = empty_range(table, last, end, n);

	return done + empty_range(table, 0, last, n - done);
}

/* Does whoever allocated the frame still live? */
static bool
maker_lives(const struct exo_page *p)
{
	const struct domain *d = domain_find(EXO_ID(p->maker_gen, p->maker));

	return d != NULL && domain_live(d);
}

/*
 * pt_empty: TYPE no table, or a live one; ARG; BUSY it is referenced; REACH not
 * the maker's.
 */
long
sys_pt_empty(exo_ppn table, uint32_t index, uint64_t n)
{
	const struct exo_page *p;
	uint32_t entries;

	if (table >= npages || !page_is_table(&pages[table]) ||
	    page_is_live(&pages[table]))
		return -EXO_E_TYPE;
	p = &pages[table];
	entries = table_entries(p);
	if (index >= entries || n == 0)
		return -EXO_E_ARG;
	if (p->refs != 0)
		return -EXO_E_BUSY;
	if ((p->flags & EXO_PF_EMPTY) == 0 && !page_made_here(table) &&
	    maker_lives(p))
		return -EXO_E_REACH;
	/* Act. */
	if (n > entries - index)
		n = entries - index;
	empty_range(table, index, index + (uint32_t)n, n);
	return p->entries;
}

/*
 * Mappings by force.
 */
uint64_t
as_unmap_frame(exo_ppn ppn, uint64_t n)
{
	const struct exo_page *p = &pages[ppn], *top;
	bool all = false;
	uint64_t done;

	for (done = 0; done < n && p->rmap != 0; done++) {
		const uint32_t name = p->rmap, index = name & 511;
		const struct table t = table_at(name >> 9);
		enum path path = climb(t.ppn, &top);

		entry_drop(&t, index);
		if (path == PATH_SOLE)
			tlb_page(top->parents,
			    table_va(t.ppn) | (uint64_t)index << 12);
		else if (path != PATH_LOOSE)
			all = true;
	}
	if (all)
		tlb_all();
	return done;
}

/*
 * page_guard: ARG; TYPE no data frame; SLOT, DENIED, RIGHTS (GUARD); SLOT
 * guard; BUSY the kernel writes it.
 */
long
sys_page_guard(exo_slot slot, exo_slot guard, exo_ppn ppn, uint64_t n)
{
	struct exo_page *p;
	struct guard g;
	long r;

	if (ppn == 0 || ppn >= npages || n == 0)
		return -EXO_E_ARG;
	p = &pages[ppn];
	if (p->kind != EXO_PG_DATA)
		return -EXO_E_TYPE;
	r = cap_check(slot, &page_guards[ppn].name, EXO_R_GUARD);
	if (r < 0)
		return r;
	r = cap_guard(guard, &g);
	if (r < 0)
		return r;
	if (p->pins > 0)
		return -EXO_E_BUSY;
	/* Act. */
	page_guards[ppn] = g;
	p->flags |= EXO_PF_REGUARD;
	as_unmap_frame(ppn, n < EXO_STEPS_MAX ? n : EXO_STEPS_MAX);
	if (p->maps == 0)
		p->flags &= ~EXO_PF_REGUARD;
	return p->maps;
}

/* page_unmap: ARG; TYPE free; SLOT, DENIED, RIGHTS (REVOKE). */
long
sys_page_unmap(exo_slot slot, exo_ppn ppn, uint64_t n)
{
	long r;

	if (ppn == 0 || ppn >= npages || n == 0)
		return -EXO_E_ARG;
	if (pages[ppn].kind == EXO_PG_FREE)
		return -EXO_E_TYPE;
	r = cap_check(slot, &page_guards[ppn].name, EXO_R_REVOKE);
	if (r < 0)
		return r;
	/* Act. */
	return (long)as_unmap_frame(ppn,
	    n < EXO_STEPS_MAX ? n : EXO_STEPS_MAX);
}

/*
 * Roots of domains.
 */
long
as_root_ok(exo_ppn root)
{
	const struct exo_page *p;

	if (root == 0 || root >= npages)
		return -EXO_E_ARG;
	p = &pages[root];
	if (p->kind != EXO_PG_PT4)
		return -EXO_E_TYPE;
	if (root == cur_domain()->root)
		return 0;
	if (p->refs != 0 || !page_made_here(root))
		return -EXO_E_REACH;
	return p->flags & EXO_PF_EMPTY ? -EXO_E_EMPTY : 0;
}

void
as_root_use(exo_ppn root, uint32_t dom_index)
{
	as_changes++;
	pages[root].refs++;
	pages[root].parents ^= dom_index;
}

/* pcid_drop() came before: no CPU uses it for that domain any more. */
void
as_root_drop(exo_ppn root, uint32_t dom_index)
{
	pages[root].parents ^= dom_index;
	table_unref(&pages[root]);
}

/*
 * Boot.
 */
static exo_ppn
boot_table(const struct table *above, uint32_t index,
    exo_ppn (*next_frame)(uint32_t kind))
{
	exo_ppn t = EXO_PTE_PPN(above->pt[index]), companion;

	if (t != 0)
		return t;
	t = next_frame(above->page->kind - 1u);
	if (pages[t].kind == EXO_PG_PT1) {
		companion = next_frame(EXO_PG_RMAP);
		pages[t].companion = companion;
		pages[companion].companion = t;
	}
	link_put(above, index, EXO_PTE(t, EXO_PTE_U | EXO_PTE_W));
	above->page->entries++;
	return t;
}

void
as_boot_map(exo_ppn root, uint64_t va, exo_ppn ppn, uint64_t bits,
    exo_ppn (*next_frame)(uint32_t kind))
{
	struct table t = table_at(root);
	uint64_t pte = EXO_PTE(ppn, bits | EXO_PTE_U |
	    (bits & EXO_PTE_W ? EXO_PTE_MAYW : 0) |
	    (bits & EXO_PTE_NX ? 0 : EXO_PTE_MAYX));
	uint32_t l;

	for (l = 4; l > 1; l--)
		t = table_at(boot_table(&t, EXO_PT_INDEX(va, l), next_frame));
	assert(pages[ppn].kind == EXO_PG_DATA &&
	    t.pt[EXO_PT_INDEX(va, 1)] == 0 && !(pte_w(pte) && pte_x(pte)));
	map_put(&t, EXO_PT_INDEX(va, 1), pte);
	t.page->entries++;
	assert(pages[ppn].uses == 0 || pages[ppn].execs == 0);
}
