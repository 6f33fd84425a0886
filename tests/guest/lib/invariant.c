/*
 * invariant.c - counts, lists and sums of the published tables, made again.
 *
 * Frames: entries that map them, their bits, and the lists of those entries;
 * links to tables.  Rows: who is charged, who is bound to whom.
 */
#include "invariant.h"

#define TOLD_MAX	12u

/* What the page tables and rows say of a frame. */
struct seen {
	uint32_t maps, writes, execs;	/* entries of PT1s */
	uint32_t refs, parents;		/* links; domains of a root */
	uint32_t entries;		/* of a table */
	uint32_t pins;			/* by records */
	uint32_t lists;			/* of frames that it is on */
	uint32_t names;			/* XOR of its entries' names */
};

static struct seen *seen;
static uint32_t nframes, told;
static uint64_t window;			/* two pages, to look through */
static exo_ppn window_table;

static void __attribute__((format(printf, 1, 2)))
bad(const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	(void)vprint_to(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (told++ < TOLD_MAX)
		print("# invariant: %s\n", text);
}

#define MUST_BE(what, i, e)						      \
	do {								      \
		if (!(e))						      \
			bad("%s %u: not %s (:%d)", what, (unsigned)(i), #e,   \
			    __LINE__);					      \
	} while (0)

/* Equal, or tell both. */
static void
same(const char *what, uint64_t i, const char *field, uint64_t is,
    uint64_t must_be)
{
	if (is != must_be)
		bad("%s %lu: %s is %lu, not %lu", what, i, field, is, must_be);
}

static const volatile struct exo_page *
page(exo_ppn ppn)
{
	return &EXO_PAGES[ppn];
}

static bool
is_table(exo_ppn ppn)
{
	return page(ppn)->kind >= EXO_PG_PT1 && page(ppn)->kind <= EXO_PG_PT4;
}

static bool
is_owned(exo_ppn ppn)
{
	return page(ppn)->kind >= EXO_PG_DATA && page(ppn)->kind < EXO_PG_OWNED_END;
}

static bool
is_live(exo_ppn ppn)
{
	return (page(ppn)->flags & EXO_PF_LIVE) != 0;
}

/* ---- looking into frames */

static const volatile void *
look(uint32_t which, exo_ppn ppn)
{
	uint64_t va = window + which * EXO_PAGE;

	if (exo_pt_set(0, window_table, EXO_PT_INDEX(va, 1),
	    ppn == 0 ? 0 : EXO_PTE(ppn, VM_R), self->root_slot) < 0)
		return NULL;
	return (const volatile void *)va;
}

/* The window's own entries come and go: they are not counted. */
static bool
is_window(exo_ppn table, uint32_t index)
{
	return table == window_table &&
	    index - EXO_PT_INDEX(window, 1) < 2;
}

/* ---- page tables */

static void
entry_of_pt1(exo_ppn t, uint32_t index, uint64_t pte)
{
	exo_ppn ppn = EXO_PTE_PPN(pte);
	bool w = (pte & EXO_PTE_W) != 0, x = (pte & EXO_PTE_NX) == 0;
	struct seen *s = &seen[ppn];

	s->maps++;
	s->writes += w;
	s->execs += x;
	s->names ^= t << 9 | index;
	MUST_BE("table", t, !(w && x));
	MUST_BE("frame", ppn, page(ppn)->kind == EXO_PG_DATA ||
	    page(ppn)->kind == EXO_PG_DEVICE ||
	    ((is_table(ppn) || page(ppn)->kind == EXO_PG_RMAP) && !w && !x));
	MUST_BE("table", t, !is_live(t) || is_live(ppn) ||
	    page(ppn)->kind == EXO_PG_DEVICE);
}

static void
entry_above(exo_ppn t, uint32_t index, uint64_t pte)
{
	exo_ppn ppn = EXO_PTE_PPN(pte);

	seen[ppn].refs++;
	seen[ppn].parents ^= t << 9 | index;
	MUST_BE("frame", ppn, page(ppn)->kind + 1 == page(t)->kind);
	MUST_BE("table", t, !is_live(t) || is_live(ppn));
	MUST_BE("frame", ppn, is_live(ppn) || page(ppn)->refs == 1 ||
	    (pte & EXO_PTE_W) == 0);
	MUST_BE("frame", ppn, (page(ppn)->flags & EXO_PF_EMPTY) == 0);
}

static void
table_scan(exo_ppn t)
{
	const volatile uint64_t *pt = look(0, t);
	uint32_t n = page(t)->kind == EXO_PG_PT4 ? EXO_PT_ROOT_ENTRIES : 512;

	if (pt == NULL) {
		bad("table %u can't be read", t);
		return;
	}
	if (page(t)->kind == EXO_PG_PT4)
		MUST_BE("root", t, pt[EXO_PT_ROOT_ENTRIES] == 0);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t pte = pt[i];

		if (pte == 0 || is_window(t, i))
			continue;
		seen[t].entries++;
		MUST_BE("table", t, (pte & ~EXO_PTE_ASK) == 0);
		MUST_BE("table", t, (pte & EXO_PTE_P) && (pte & EXO_PTE_U));
		if (EXO_PTE_PPN(pte) >= nframes)
			bad("table %u: frame %u", t, EXO_PTE_PPN(pte));
		else if (page(t)->kind == EXO_PG_PT1)
			entry_of_pt1(t, i, pte);
		else
			entry_above(t, i, pte);
	}
}

/*
 * The inverse map of a data frame: each entry maps it, and knows the one
 * before it.  Without a look at companions, only the first is seen.
 */
static void
list_of_entries(exo_ppn f)
{
	uint32_t name = page(f)->rmap, before = 0, n = 0, names = 0;

	while (name != 0 && n++ < page(f)->maps) {
		exo_ppn t = name >> 9;
		const volatile uint64_t *pt;
		const volatile struct exo_rmap *l;

		names ^= name;
		if (t >= nframes || page(t)->kind != EXO_PG_PT1 ||
		    page(t)->companion == 0) {
			bad("frame %u: an entry of %u", f, t);
			return;
		}
		pt = look(0, t);
		l = look(1, page(t)->companion);
		MUST_BE("frame", f, pt != NULL &&
		    EXO_PTE_PPN(pt[name & 511]) == f);
		if (l == NULL)
			return;
		same("frame", f, "prev", l[name & 511].prev, before);
		before = name;
		name = l[name & 511].next;
	}
	same("frame", f, "listed", n, page(f)->maps);
	same("frame", f, "end of its list", name, 0);
	same("frame", f, "listed names", names, seen[f].names);
}

/* ---- rows */

static void
pin(exo_ppn ppn, uint32_t kind, const char *what, uint32_t i)
{
	if (ppn == 0 || ppn >= nframes || page(ppn)->kind != kind) {
		bad("%s %u: its frame %u", what, i, ppn);
		return;
	}
	seen[ppn].pins++;
}

struct sums {
	uint32_t used[EXO_RES_MAX], children;
};

static struct sums *sums;

static void
domain_scan(uint32_t i)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[i];

	if (d->state == EXO_DOM_FREE)
		return;
	sums[d->account].used[EXO_RES_DOMAINS]++;
	pin(d->frame, EXO_PG_DOMAIN, "domain", i);
	MUST_BE("domain", i, d->state != EXO_DOM_LIVE || d->root != 0);
	MUST_BE("domain", i, d->state != EXO_DOM_ENDED || d->root == 0);
	if (d->root != 0) {
		seen[d->root].refs++;
		seen[d->root].parents ^= i;
		MUST_BE("domain", i, page(d->root)->kind == EXO_PG_PT4);
	}
	for (uint32_t t = 0; t < EXO_SLOT_TABLES; t++)
		if (d->slot_tables[t] != 0)
			pin(d->slot_tables[t], EXO_PG_SLOTS, "domain", i);
	if (d->pcid != 0)
		same("PCID", d->pcid, "domain", EXO_PCIDS[d->pcid].domain, i);
	if (d->monitor != EXO_NONE)
		MUST_BE("domain", i, d->monitor != i &&
		    EXO_DOMAINS[d->monitor].clients > 0);
}

static void
domain_clients(uint32_t i)
{
	uint32_t clients = 0;

	if (EXO_DOMAINS[i].state == EXO_DOM_FREE)
		return;
	if (EXO_DOMAINS[i].clients == 0)
		return;
	for (uint32_t c = 1; c < EXO_MACHINE->ndomains; c++)
		clients += EXO_DOMAINS[c].state != EXO_DOM_FREE &&
		    EXO_DOMAINS[c].monitor == i;
	same("domain", i, "clients", EXO_DOMAINS[i].clients, clients);
}

static void
env_scan(uint32_t i)
{
	const volatile struct exo_env *e = &EXO_ENVS[i];
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	uint32_t mine = 0;

	if (e->state == EXO_ENV_FREE)
		return;
	sums[e->account].used[EXO_RES_ENVS]++;
	pin(e->frame, EXO_PG_ENV, "env", i);
	for (uint32_t s = 0; s < n; s++)
		mine += EXO_SLICES[s].account != EXO_NONE &&
		    EXO_SLICES[s].env == i && EXO_SLICES[s].env_gen == e->gen;
	same("env", i, "slices", e->slices, mine);
	MUST_BE("env", i, e->state <= EXO_ENV_ENDED);
	MUST_BE("env", i, e->state != EXO_ENV_SLEEPING ||
	    (e->depth == 0 && e->pending == 0 && e->checks > 0));
	MUST_BE("env", i, e->state != EXO_ENV_ENDED || e->slices == 0);
}

static void
rows_scan(void)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;

	for (uint32_t i = 1; i < EXO_MACHINE->ndomains; i++)
		domain_scan(i);
	for (uint32_t i = 1; i < EXO_MACHINE->ndomains; i++)
		domain_clients(i);
	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++)
		env_scan(i);
	for (uint32_t i = 0; i < n; i++)
		if (EXO_SLICES[i].account != EXO_NONE)
			sums[EXO_SLICES[i].account].used[EXO_RES_SLICES]++;
		else
			MUST_BE("slice", i, EXO_SLICES[i].env == EXO_NONE &&
			    EXO_SLICES[i].overrun == 0);
	for (uint32_t i = 1; i < EXO_MACHINE->npcids; i++) {
		const volatile struct exo_pcid *p = &EXO_PCIDS[i];

		if (p->account != EXO_NONE)
			sums[p->account].used[EXO_RES_PCIDS]++;
		if (p->domain != EXO_NONE)
			same("domain", p->domain, "pcid",
			    EXO_DOMAINS[p->domain].pcid, i);
		MUST_BE("PCID", i, p->account != EXO_NONE ||
		    p->domain == EXO_NONE);
	}
}

/* ---- lists */

static uint32_t
list_walk(exo_ppn first, bool of_free, uint32_t account)
{
	uint32_t n = 0, before = 0;

	for (exo_ppn p = first; p != 0; p = page(p)->next) {
		if (p >= nframes || n++ > nframes) {
			bad("a list of frames has no end at %u", p);
			break;
		}
		seen[p].lists++;
		same("frame", p, "prev", page(p)->prev, before);
		MUST_BE("frame", p, of_free ? page(p)->kind == EXO_PG_FREE :
		    is_owned(p) && page(p)->account == account);
		before = p;
	}
	return n;
}

static void
accounts_scan(void)
{
	for (uint32_t i = 0; i < EXO_MACHINE->naccts; i++) {
		const volatile struct exo_acct *a = &EXO_ACCTS[i];

		if (a->state == EXO_ACCT_FREE) {
			MUST_BE("account", i, a->frames == 0);
			continue;
		}
		sums[i].used[EXO_RES_FRAMES] += list_walk(a->frames, false,
		    i);
		if (i == 0)
			continue;
		MUST_BE("account", i,
		    EXO_ACCTS[a->parent].state != EXO_ACCT_FREE &&
		    EXO_ACCTS[a->heir].state != EXO_ACCT_FREE);
		sums[a->parent].children++;
		sums[a->parent].used[EXO_RES_ACCTS]++;
		for (uint32_t r = 0; r < EXO_RES_MAX; r++)
			sums[a->parent].used[r] += a->limit[r];
	}
}

/* What is asked of an account, and where what is taken is written down. */
static void
asks_hold(uint32_t i, const volatile struct exo_acct *a)
{
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		if (a->ask[r].open == 0) {
			same("account", i, "deadline", a->ask[r].deadline, 0);
			same("account", i, "target", a->ask[r].target, 0);
			continue;
		}
		MUST_BE("account", i, r == EXO_RES_FRAMES ||
		    r == EXO_RES_SLICES || r == EXO_RES_PCIDS);
		MUST_BE("account", i, i != 0 &&
		    a->ask[r].target < a->used[r]);
		same("asked account", i, "limit", a->limit[r], a->used[r]);
	}
	MUST_BE("account", i, a->record < nframes);
	MUST_BE("account", i, a->record == 0 ||
	    (page(a->record)->flags & EXO_PF_BOUND) != 0);
}

static void
accounts_hold(void)
{
	for (uint32_t i = 0; i < EXO_MACHINE->naccts; i++) {
		const volatile struct exo_acct *a = &EXO_ACCTS[i];

		if (a->state == EXO_ACCT_FREE) {
			for (uint32_t r = 0; r < EXO_RES_MAX; r++)
				same("free account", i, "use",
				    sums[i].used[r], 0);
			continue;
		}
		asks_hold(i, a);
		same("account", i, "children", a->children, sums[i].children);
		for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
			if (a->used[r] != sums[i].used[r])
				bad("account %u: resource %u: %u used, %u "
				    "found", i, r, a->used[r],
				    sums[i].used[r]);
			MUST_BE("account", i, a->used[r] <= a->limit[r]);
		}
	}
}

/* ---- frames */

static bool
is_free_and_clean(const volatile struct exo_page *p)
{
	return p->maps == 0 && p->uses == 0 && p->execs == 0 && p->pins == 0 &&
	    p->refs == 0 && p->entries == 0 && p->rmap == 0 &&
	    p->companion == 0 && (p->flags & ~EXO_PF_ZERO) == 0;
}

static void
frame_holds(exo_ppn f)
{
	const volatile struct exo_page *p = page(f);
	const struct seen *s = &seen[f];
	bool data = p->kind == EXO_PG_DATA;

	same("frame", f, "maps", p->maps, s->maps);
	same("frame", f, "uses", p->uses, s->writes + p->pins);
	same("frame", f, "execs", p->execs, s->execs);
	same("frame", f, "refs", p->refs, is_table(f) ? s->refs : 0);
	same("frame", f, "lists", s->lists, is_owned(f) ||
	    p->kind == EXO_PG_FREE);
	MUST_BE("frame", f, p->uses == 0 || p->execs == 0);
	MUST_BE("frame", f, p->kind != EXO_PG_FREE || is_free_and_clean(p));
	MUST_BE("frame", f, (p->flags & EXO_PF_ZERO) == 0 ||
	    p->kind == EXO_PG_FREE);
	MUST_BE("frame", f, !(p->flags & EXO_PF_BOUND) ||
	    (data && is_live(f) && p->pins > 0));
	MUST_BE("frame", f, !(p->flags & EXO_PF_REGUARD) || data);
	MUST_BE("frame", f, !data || is_live(f) || s->writes == 0 ||
	    s->maps == 1);
	MUST_BE("frame", f, (p->rmap == 0) == (p->maps == 0));
	if (s->maps == 1)
		same("frame", f, "rmap", p->rmap, s->names);
	if (is_table(f)) {
		same("table", f, "parents", p->parents, s->parents);
		same("table", f, "entries", p->entries, s->entries);
		MUST_BE("table", f, !(p->flags & EXO_PF_EMPTY) ||
		    (!is_live(f) && p->refs == 0 && p->entries > 0));
	}
	if (p->kind == EXO_PG_REGION)
		MUST_BE("frame", f, p->entries <= EXO_REGIONS && p->maps == 0 &&
		    p->uses == 0 && p->flags == 0);
	if (p->kind == EXO_PG_DOMAIN || p->kind == EXO_PG_ENV ||
	    p->kind == EXO_PG_SLOTS)
		same("frame", f, "pins", p->pins, s->pins);
	if (p->kind == EXO_PG_PROG)
		MUST_BE("frame", f, p->maps == 0 && p->uses == 0 &&
		    p->entries <= EXO_PROG_MAX);
	if (p->companion != 0)
		MUST_BE("frame", f, page(p->companion)->companion == f &&
		    (p->kind + page(p->companion)->kind ==
		    EXO_PG_PT1 + EXO_PG_RMAP ||
		    p->kind + page(p->companion)->kind ==
		    EXO_PG_DOMAIN + EXO_PG_HANDLES));
}

static void
frames_hold(void)
{
	uint32_t nfree = 0, nowned = 0;

	for (exo_ppn f = 1; f < nframes; f++) {
		nfree += page(f)->kind == EXO_PG_FREE;
		nowned += is_owned(f);
		if (is_table(f))
			table_scan(f);
	}
	for (exo_ppn f = 1; f < nframes; f++)
		if (page(f)->kind == EXO_PG_DATA && page(f)->rmap != 0)
			list_of_entries(f);
	(void)look(0, 0);
	(void)look(1, 0);
	same("machine", 0, "free_frames", EXO_MACHINE->free_frames, nfree);
	same("machine", 0, "free list",
	    list_walk(EXO_MACHINE->free_head, true, 0), nfree);
	for (exo_ppn f = 1; f < nframes; f++)
		frame_holds(f);
	/* What is carved from the first account is there. */
	same("account", 0, "limit of frames",
	    EXO_ACCTS[0].limit[EXO_RES_FRAMES], nfree + nowned);
}

bool
invariants_hold(void)
{
	uint64_t frames_size, sums_size;

	nframes = EXO_MACHINE->nframes;
	told = 0;
	frames_size = nframes * sizeof(*seen);
	sums_size = EXO_MACHINE->naccts * sizeof(*sums);
	if (window == 0) {
		window = vm_alloc_va(2);
		window_table = (exo_ppn)must(vm_table_make(window, 1));
		must(vm_table_make(window + EXO_PAGE, 1));
		if (vm_table(window + EXO_PAGE, 1) != window_table)
			window = 0;
	}
	seen = vm_alloc(frames_size);
	sums = vm_alloc(sums_size);
	if (window == 0 || seen == NULL || sums == NULL) {
		print("# invariant: no memory to check in\n");
		return OK(false);
	}
	vm_touch(seen, frames_size);
	vm_touch(sums, sums_size);
	accounts_scan();
	rows_scan();
	frames_hold();
	accounts_hold();
	vm_free(seen, frames_size);
	vm_free(sums, sums_size);
	return EQ(told, 0);
}
