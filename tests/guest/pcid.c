/*
 * pcid.c - TLB tags: taken, bound, taken away; and no translation that was
 * narrowed, moved or removed is used under any of them.
 *
 * A machine without PCIDs says NODEV to all of it.  QEMU's TCG is such a one;
 * `make bochs` runs this where they are, and wants to see the last line's
 * counts.  The sharing tests run either way.  Bochs 2.7 drops all translations
 * at each load of CR3, even with bit 63, so that what is left behind under a
 * tag that is not loaded shows on real CPUs only, and in tests/host/test_tlb.c.
 */
#include "cell.h"

#define TAGS	4095u			/* 1 to 4095 */
#define SHARED	0x0000010000000000ul	/* an address with a root slot of its
					 * own */

static bool
with_tags(void)
{
	return (EXO_MACHINE->features & EXO_FEAT_PCID) != 0;
}

static long
tag_alloc(uint32_t tag)
{
	return exo_pcid_alloc(self->acct, self->acct_slot, self->memory_slot,
	    tag);
}

static long
tag_bind(uint32_t tag, struct cell *c)
{
	return c != NULL ? exo_pcid_bind(self->memory_slot, tag, c->name,
	    c->domain) : exo_pcid_bind(self->memory_slot, tag,
	    self->domain_slot, self->domain);
}

static long
tag_free(uint32_t tag)
{
	return exo_pcid_free(self->memory_slot, tag);
}

/* A tag for a domain, where there are any; else the same without. */
static void
tag_give(uint32_t tag, struct cell *c)
{
	if (!with_tags())
		return;
	must(tag_alloc(tag));
	must(tag_bind(tag, c));
}

static void
tag_drop(uint32_t tag)
{
	if (with_tags())
		must(tag_free(tag));
}

TEST(without_pcids_all_calls_say_nodev)
{
	if (with_tags())
		SKIP("this machine has them");
	EQ(EXO_MACHINE->npcids, 1);
	REFUSED(tag_alloc(1), NODEV);
	REFUSED(tag_bind(1, NULL), NODEV);
	REFUSED(tag_free(1), NODEV);
	/* What comes before NODEV in the list still does. */
	REFUSED(exo_pcid_alloc(EXO_ID(9, 9), self->acct_slot,
	    self->memory_slot, 1), NAME);
	REFUSED(exo_pcid_alloc(self->acct, self->env_slot, self->memory_slot,
	    1), DENIED);
}

TEST(a_tag_is_taken_once_and_given_back)
{
	if (!with_tags())
		SKIP("no PCIDs");
	EQ(EXO_MACHINE->npcids, TAGS + 1);
	REFUSED(tag_alloc(0), ARG);
	REFUSED(tag_alloc(TAGS + 1), ARG);
	REFUSED(tag_free(TAGS), TYPE);
	REFUSED(tag_bind(TAGS, NULL), TYPE);
	must(tag_alloc(TAGS));
	EQ(EXO_PCIDS[TAGS].account, EXO_INDEX(self->acct));
	EQ(EXO_PCIDS[TAGS].domain, EXO_NONE);
	REFUSED(tag_alloc(TAGS), BUSY);
	REFUSED(exo_pcid_free(self->env_slot, TAGS), DENIED);
	REFUSED(exo_pcid_bind(self->memory_slot, TAGS, self->env_slot,
	    self->domain), DENIED);
	REFUSED(exo_pcid_bind(self->memory_slot, TAGS, self->domain_slot,
	    EXO_ID(9, 9)), NAME);
	must(tag_bind(TAGS, NULL));
	EQ(EXO_DOMAINS[EXO_INDEX(self->domain)].pcid, TAGS);
	EQ(EXO_PCIDS[TAGS].domain, EXO_INDEX(self->domain));
	EQ(tag_bind(TAGS, NULL), 0);
	must(tag_alloc(5));
	REFUSED(tag_bind(5, NULL), BUSY);
	must(tag_free(5));
	must(tag_free(TAGS));
	EQ(EXO_DOMAINS[EXO_INDEX(self->domain)].pcid, 0);
	EQ(EXO_PCIDS[TAGS].account, EXO_NONE);
}

TEST(rights_on_a_tag)
{
	exo_slot weak;

	if (!with_tags())
		SKIP("no PCIDs");
	must(tag_alloc(3));
	weak = (exo_slot)must(slot_derive(self->memory_slot, EXO_R_FREE,
	    EXO_COMP_SAME));
	REFUSED(exo_pcid_bind(weak, 3, self->domain_slot, self->domain),
	    RIGHTS);
	must(exo_pcid_free(weak, 3));
	slot_put(weak);
	must(tag_alloc(3));
	weak = (exo_slot)must(slot_derive(self->memory_slot, EXO_R_USE,
	    EXO_COMP_SAME));
	REFUSED(exo_pcid_free(weak, 3), RIGHTS);
	slot_put(weak);
	must(tag_free(3));
}

/* ---- my own translations */

static exo_ppn
live_page(uint64_t value)
{
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	uint64_t va = (uint64_t)must(vm_map_frame(ppn, VM_RW,
	    self->memory_slot));

	*(volatile uint64_t *)va = value;
	must(vm_unmap(va, 1));
	return ppn;
}

static uint64_t
value_at(uint64_t va)
{
	uint64_t v = 0;

	return probe_read(va, &v) ? v : 0;
}

static void
own_translations(void)
{
	exo_ppn a = live_page(0xa), b = live_page(0xb);
	uint64_t va = vm_alloc_va(1);

	must(vm_map(va, a, VM_RW, self->memory_slot));
	EQ(value_at(va), 0xa);
	OK(probe_write(va, 0xa));
	must(vm_map(va, a, VM_R, self->memory_slot));		/* narrowed */
	OK(!probe_write(va, 1));
	EQ(value_at(va), 0xa);
	must(vm_map(va, b, VM_RW, self->memory_slot));		/* moved */
	EQ(value_at(va), 0xb);
	must(vm_unmap(va, 1));					/* removed */
	EQ(value_at(va), 0);
	must(vm_map(va, a, VM_RW, self->memory_slot));
	EQ(value_at(va), 0xa);
	must(exo_page_unmap(self->memory_slot, a, 1));		/* by force */
	EQ(value_at(va), 0);
	must(vm_map(va, b, VM_RW, self->memory_slot));
	EQ(value_at(va), 0xb);
	EQ(exo_page_guard(self->memory_slot, self->memory_slot, b, 1), 0);
	EQ(value_at(va), 0);
	must(exo_page_free(self->memory_slot, a, 1));
	must(exo_page_free(self->memory_slot, b, 1));
}

TEST(own_translations_go_at_once)
{
	probe_on();
	own_translations();
	tag_give(7, NULL);
	own_translations();
	tag_drop(7);
	own_translations();
	probe_off();
}

/* One call for more pages than are flushed one by one. */
TEST(many_translations_go_at_once)
{
	enum { N = 64 };
	static const uint64_t nothing[N];
	uint64_t va = (vm_alloc_va(2 * 512) + 0x1fffff) & ~0x1ffffful;
	exo_ppn a = live_page(0xa);
	uint64_t ptes[N];
	exo_ppn table;

	probe_on();
	tag_give(8, NULL);
	table = (exo_ppn)must(vm_table_make(va, 1));
	for (uint32_t i = 0; i < N; i++)
		ptes[i] = EXO_PTE(a, VM_R);
	EQ(exo_pt_batch(0, table, 0, N, (uint64_t)ptes, self->memory_slot),
	    N);
	for (uint32_t i = 0; i < N; i++)
		EQ(value_at(va + i * EXO_PAGE), 0xa);
	EQ(exo_pt_batch(0, table, 0, N, (uint64_t)nothing, 0), N);
	for (uint32_t i = 0; i < N; i++)
		EQ(value_at(va + i * EXO_PAGE), 0);
	tag_drop(8);
	probe_off();
	must(exo_page_free(self->memory_slot, a, 1));
}

/* ---- another domain's, that is not running */

/* An address in a cell where nothing is, translated by its last table. */
static uint64_t
cell_hole(const struct cell *c)
{
	return c->base + CELL_SPAN - EXO_PAGE;
}

/* The cell maps, or unmaps (pte 0), there; va is in the same 2 MiB. */
static void
cell_map(struct cell *c, uint64_t va, uint64_t pte)
{
	must(cell_do(c, EXO_NR_pt_set, 0, c->table[5], EXO_PT_INDEX(va, 1),
	    pte, self->memory_slot, 0));
}

static uint64_t
cell_value_at(struct cell *c, uint64_t va)
{
	uint64_t v = 0;

	return cell_read(c, va, &v) ? v : 0;
}

static void
others_translations(uint32_t tag, bool mine)
{
	exo_ppn a = live_page(0xa), b = live_page(0xb);
	struct cell c;
	uint64_t va;

	cell_make(&c, NULL);
	va = cell_hole(&c);
	if (tag != 0)
		tag_give(tag, &c);
	if (mine)
		tag_give(1, NULL);
	cell_map(&c, va, EXO_PTE(a, VM_RW));
	EQ(cell_value_at(&c, va), 0xa);
	must(exo_page_unmap(self->memory_slot, a, 1));
	EQ(cell_value_at(&c, va), 0);
	cell_map(&c, va, EXO_PTE(b, VM_RW));
	EQ(cell_value_at(&c, va), 0xb);
	OK(cell_write(&c, va, 0xb));
	cell_map(&c, va, EXO_PTE(b, VM_R));
	OK(!cell_write(&c, va, 1));
	EQ(exo_page_guard(self->memory_slot, self->memory_slot, b, 1), 0);
	EQ(cell_value_at(&c, va), 0);
	if (tag != 0)
		tag_drop(tag);
	if (mine)
		tag_drop(1);
	cell_end(&c);
	must(exo_page_free(self->memory_slot, a, 1));
	must(exo_page_free(self->memory_slot, b, 1));
}

TEST(translations_of_others_go_at_once)
{
	others_translations(0, false);
	others_translations(2, false);
	others_translations(0, true);
	others_translations(2, true);
}

/* ---- tables that two share: every context loses W */

TEST(sharing_takes_w_from_both_under_all_tags)
{
	struct cell_opts o = { .copy_root = EXO_PT_INDEX(SHARED, 4) };
	exo_ppn p = (exo_ppn)must(vm_page(EXO_PG_DATA));
	struct cell c;

	probe_on();
	tag_give(11, NULL);
	must(vm_map(SHARED, p, VM_RW, self->memory_slot));
	OK(probe_write(SHARED, 0x5));
	cell_make(&c, &o);
	tag_give(12, &c);
	OK(!probe_write(SHARED, 0x6));
	EQ(value_at(SHARED), 0x5);
	EQ(cell_value_at(&c, SHARED), 0x5);
	OK(!cell_write(&c, SHARED, 0x7));
	/* By force, below a shared table: nobody sees it any more. */
	must(exo_page_unmap(self->memory_slot, p, 1));
	EQ(value_at(SHARED), 0);
	EQ(cell_value_at(&c, SHARED), 0);
	tag_drop(11);
	tag_drop(12);
	cell_end(&c);
	probe_off();
	must(exo_page_free(self->memory_slot, p, 1));
}

/* ---- a tag goes from one domain to another */

/* Two cells, and an address that each maps to a frame of its own. */
struct pair {
	struct cell c[2];
	exo_ppn ppn[2];
	uint64_t va;
};

static bool
pair_make(struct pair *p)
{
	cell_make(&p->c[0], NULL);
	cell_make(&p->c[1], NULL);
	p->va = cell_hole(&p->c[0]);
	for (uint32_t i = 0; i < 2; i++) {
		p->ppn[i] = live_page(0xa + i);
		if (p->va >> 21 != p->c[i].base >> 21)
			return false;
		cell_map(&p->c[i], p->va, EXO_PTE(p->ppn[i], VM_RW));
	}
	return true;
}

static void
pair_end(struct pair *p)
{
	for (uint32_t i = 0; i < 2; i++) {
		if (p->c[i].domain != 0)
			cell_end(&p->c[i]);
		must(exo_page_free(self->memory_slot, p->ppn[i], 1));
	}
}

static void
pair_reads(struct pair *p)
{
	EQ(cell_value_at(&p->c[0], p->va), 0xa);
	EQ(cell_value_at(&p->c[1], p->va), 0xb);
}

TEST(rebinding_leaves_nothing_behind)
{
	static struct pair p;

	if (!with_tags())
		SKIP("no PCIDs");
	if (!OK(pair_make(&p)))
		return;
	must(tag_alloc(9));
	for (uint32_t i = 0; i < 6; i++) {
		must(tag_bind(9, &p.c[i % 2]));
		EQ(EXO_DOMAINS[EXO_INDEX(p.c[i % 2].domain)].pcid, 9);
		EQ(EXO_DOMAINS[EXO_INDEX(p.c[1 - i % 2].domain)].pcid, 0);
		pair_reads(&p);
	}
	/* Taken from a domain that has it, and given to one that runs. */
	must(tag_bind(9, NULL));
	pair_reads(&p);
	must(tag_free(9));
	pair_reads(&p);
	pair_end(&p);
}

TEST(a_tag_outlives_its_domain_clean)
{
	static struct pair p;

	if (!with_tags())
		SKIP("no PCIDs");
	if (!OK(pair_make(&p)))
		return;
	must(tag_alloc(10));
	must(tag_bind(10, &p.c[0]));
	pair_reads(&p);
	must(exo_domain_kill(p.c[0].domain, p.c[0].name, 0));
	EQ(EXO_PCIDS[10].domain, EXO_NONE);
	must(tag_bind(10, &p.c[1]));
	EQ(cell_value_at(&p.c[1], p.va), 0xb);
	cell_reap(&p.c[0]);
	p.c[0].domain = 0;
	EQ(cell_value_at(&p.c[1], p.va), 0xb);
	must(tag_free(10));
	pair_end(&p);
}

TEST(tags_of_an_account_end_with_it)
{
	static struct pair p;

	if (!with_tags())
		SKIP("no PCIDs");
	if (!OK(pair_make(&p)))
		return;
	must(exo_pcid_alloc(p.c[0].acct, p.c[0].name, self->memory_slot, 20));
	EQ(EXO_PCIDS[20].account, EXO_INDEX(p.c[0].acct));
	must(tag_bind(20, &p.c[1]));
	pair_reads(&p);
	cell_end(&p.c[0]);
	p.c[0].domain = 0;
	EQ(EXO_PCIDS[20].account, EXO_NONE);
	EQ(EXO_DOMAINS[EXO_INDEX(p.c[1].domain)].pcid, 0);
	EQ(cell_value_at(&p.c[1], p.va), 0xb);
	must(tag_alloc(20));
	must(tag_free(20));
	pair_end(&p);
}

/* ---- tags that are asked for, and taken past the deadline */

static void
ask_for_tags(struct cell *c, uint64_t n)
{
	const uint64_t ticks = EXO_MACHINE->grace_ticks;
	uint64_t end = EXO_MACHINE->ticks + ticks;

	must(exo_revoke_ask(c->acct, c->name, EXO_RES_PCIDS, n, ticks));
	while (EXO_MACHINE->ticks <= end)
		yield_some(1);
}

static void
take_tags(struct cell *c, const struct exo_taken_ring *ring)
{
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(c->acct)];
	uint64_t tag = 0;

	while (tag < EXO_MACHINE->npcids && a->ask[EXO_RES_PCIDS].open)
		tag += (uint64_t)must(exo_revoke_take(c->acct, c->name,
		    EXO_RES_PCIDS, tag, 256));
	EQ(a->ask[EXO_RES_PCIDS].open, 0);
	EQ(a->used[EXO_RES_PCIDS], 1);
	EQ(a->limit[EXO_RES_PCIDS], 1);
	EQ(a->taken, 2);
	EQ(ring->next, 2);
	EQ(ring->rec[1].res, EXO_RES_PCIDS);
	EQ(ring->rec[1].first, 602);
	EQ(ring->rec[1].count, 1);
}

TEST(tags_are_taken_from_who_keeps_them)
{
	const struct exo_taken_ring *ring;
	static struct pair p;
	exo_ppn f;

	if (!OK(pair_make(&p)))
		return;
	if (!with_tags()) {
		REFUSED(exo_revoke_ask(p.c[0].acct, p.c[0].name,
		    EXO_RES_PCIDS, 1, 1000), NODEV);
		pair_end(&p);
		SKIP("no PCIDs");
	}
	f = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	ring = (struct exo_taken_ring *)must(vm_map_frame(f, VM_RW,
	    self->memory_slot));
	must(exo_revoke_record(p.c[0].acct, p.c[0].name, f,
	    self->memory_slot));
	for (uint32_t i = 0; i < 3; i++)
		must(exo_pcid_alloc(p.c[0].acct, p.c[0].name,
		    self->memory_slot, 600 + 2 * i));
	must(tag_bind(600, &p.c[0]));
	must(tag_bind(602, NULL));
	must(tag_bind(604, &p.c[1]));
	pair_reads(&p);
	ask_for_tags(&p.c[0], 2);
	take_tags(&p.c[0], ring);
	/* They run on without; a tag that somebody else gets brings nothing. */
	EQ(EXO_DOMAINS[EXO_INDEX(p.c[0].domain)].pcid, 0);
	EQ(EXO_DOMAINS[EXO_INDEX(self->domain)].pcid, 0);
	EQ(EXO_DOMAINS[EXO_INDEX(p.c[1].domain)].pcid, 604);
	pair_reads(&p);
	EQ(exo_pcid_alloc(p.c[0].acct, p.c[0].name, self->memory_slot, 600),
	    -EXO_E_QUOTA);
	must(tag_free(604));
	must(tag_alloc(600));
	must(tag_bind(600, &p.c[1]));
	pair_reads(&p);
	must(tag_free(600));
	pair_end(&p);
	must(vm_unmap((uint64_t)ring, 1));
	must(exo_page_free(self->memory_slot, f, 1));
}

/* ---- switches keep what the tags hold */

static uint64_t
reader(struct cell_page *p, uint64_t va, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	for (uint64_t i = 1; ; i++) {
		p->w[1] = *(volatile uint64_t *)va;
		p->w[0] = i;
		if (exo_env_yield(EXO_ID_ANY, 0, EXO_NONE) < 0)
			return 1;
	}
}

TEST(switches_between_tagged_domains)
{
	exo_ppn a = live_page(0xa);
	struct cell c;
	uint64_t va;
	exo_id env;

	cell_make(&c, NULL);
	va = cell_hole(&c);
	cell_map(&c, va, EXO_PTE(a, VM_R));
	tag_give(30, &c);
	tag_give(31, NULL);
	env = cell_env(&c, 2, reader, va);
	for (uint64_t i = 1; i < 20; i++) {
		if (!OK(cell_run(&c, env, &c.page->w[0], i)))
			break;
		EQ(c.page->w[1], 0xa);
	}
	must(exo_env_kill(env, c.name, 0));
	tag_drop(30);
	tag_drop(31);
	cell_end(&c);
	must(exo_page_free(self->memory_slot, a, 1));
}

/* ---- all of them */

TEST(all_tags_one_after_the_other)
{
	/* Or some of the tags would be carved out for the cell's account. */
	static const uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 64, [EXO_RES_DOMAINS] = 1,
	};
	struct cell_opts o = { .limits = limits };
	exo_ppn a = live_page(0xa);
	struct use before;
	struct cell c;
	uint64_t va;

	if (!with_tags())
		SKIP("no PCIDs");
	cell_make(&c, &o);
	va = cell_hole(&c);
	cell_map(&c, va, EXO_PTE(a, VM_R));
	use_take(&before);
	for (uint32_t tag = 1; tag <= TAGS; tag++)
		must(tag_alloc(tag));
	EQ(EXO_ACCTS[EXO_INDEX(self->acct)].used[EXO_RES_PCIDS],
	    before.used[EXO_RES_PCIDS] + TAGS);
	for (uint32_t tag = 1; tag <= TAGS; tag++) {
		must(tag_bind(tag, &c));
		if (cell_value_at(&c, va) != 0xa &&
		    !EQ(cell_value_at(&c, va), 0xa))
			break;
		must(tag_free(tag));
	}
	OK(use_same(&before));
	cell_end(&c);
	must(exo_page_free(self->memory_slot, a, 1));
}

TEST(what_the_kernel_counted)
{
	const volatile struct exo_counters *k = EXO_COUNTERS;

	print("# pcid: binds %lu, flushes %lu, invpcid %lu, kept %lu\n",
	    k->pcid_binds, k->pcid_flushes, k->invpcid, k->noflush);
	if (!with_tags())
		SKIP("no PCIDs");
	OK(k->pcid_binds > TAGS);
	OK(k->pcid_flushes > 0);
	OK(k->noflush > 0);
	if ((EXO_MACHINE->features & EXO_FEAT_INVPCID) != 0)
		OK(k->invpcid > 0);
}
