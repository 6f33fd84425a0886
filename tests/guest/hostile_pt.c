/*
 * hostile_pt.c - page tables against bad arguments.
 *
 * run: --mem 64M
 */
#include "hostile.h"

#define INDEX		32u		/* entry of my root that tests use */
#define ALIAS		33u
#define VA		((uint64_t)INDEX << EXO_PT_SHIFT(4))
#define M		(self->memory_slot)

/* One entry, by pt_set or by pt_batch. */
typedef long (*set_fn)(exo_slot tslot, exo_ppn table, uint32_t index,
    uint64_t pte, exo_slot slot);

static long
one(exo_slot tslot, exo_ppn table, uint32_t index, uint64_t pte,
    exo_slot slot)
{
	return exo_pt_set(tslot, table, index, pte, slot);
}

/* As pt_set: 0, not the number that it did. */
static long
batch(exo_slot tslot, exo_ppn table, uint32_t index, uint64_t pte,
    exo_slot slot)
{
	long r = exo_pt_batch(tslot, table, index, 1, (uint64_t)&pte, slot);

	return r == 1 ? 0 : r;
}

/* Three tables of mine in a row, linked into my root, and frames. */
struct tree {
	exo_ppn t3, t2, t1, rmap;
	exo_ppn private, live, live1, live2, live_rmap;
	exo_slot name;			/* of the live ones */
};

static void
tree_make(struct tree *t)
{
	exo_ppn root = vm_table(0, 4);

	t->t3 = (exo_ppn)must(vm_page(EXO_PG_PT3));
	t->t2 = (exo_ppn)must(vm_page(EXO_PG_PT2));
	t->t1 = (exo_ppn)must(vm_page(EXO_PG_PT1));
	t->rmap = (exo_ppn)must(vm_page(EXO_PG_RMAP));
	t->private = (exo_ppn)must(vm_page(EXO_PG_DATA));
	t->name = fresh_name();
	must(vm_pages(self->acct, self->acct_slot, t->name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &t->live));
	must(vm_pages(self->acct, self->acct_slot, t->name,
	    EXO_PG_PT1 | EXO_KIND_LIVE, 1, &t->live1));
	must(vm_pages(self->acct, self->acct_slot, t->name,
	    EXO_PG_PT2 | EXO_KIND_LIVE, 1, &t->live2));
	must(vm_pages(self->acct, self->acct_slot, t->name,
	    EXO_PG_RMAP, 1, &t->live_rmap));
	must(exo_pt_companion(t->t1, t->rmap));
	must(exo_pt_companion(t->live1, t->live_rmap));
	must(exo_pt_set(0, t->t2, 0, EXO_PTE(t->t1, EXO_PTE_W), 0));
	must(exo_pt_set(0, t->t3, 0, EXO_PTE(t->t2, EXO_PTE_W), 0));
	must(exo_pt_set(0, root, INDEX, EXO_PTE(t->t3, EXO_PTE_W), 0));
}

static void
table_clear(exo_slot tslot, exo_ppn table)
{
	for (uint32_t i = 0; i < 512 && EXO_PAGES[table].entries > 0; i++)
		must(exo_pt_set(tslot, table, i, 0, 0));
}

static void
tree_end(struct tree *t)
{
	exo_ppn root = vm_table(0, 4), gone[] = { t->t3, t->t2, t->t1,
	    t->rmap, t->private };
	exo_ppn live[] = { t->live2, t->live1, t->live_rmap, t->live };

	must(exo_pt_set(0, root, INDEX, 0, 0));
	must(exo_pt_set(0, root, ALIAS, 0, 0));
	for (uint32_t i = 0; i < 3; i++)
		must(exo_pt_empty(gone[i], 0, 512));
	for (uint32_t i = 0; i < 5; i++)
		EQ(exo_page_free(M, gone[i], 1), 1);
	table_clear(t->name, t->live2);
	table_clear(t->name, t->live1);
	for (uint32_t i = 0; i < 4; i++)
		EQ(exo_page_free(t->name, live[i], 1), 1);
	slot_put(t->name);
}

static void
attack_tables(set_fn set)
{
	uint64_t pte = EXO_PTE(frame_of(EXO_PG_DATA), VM_R);
	exo_ppn root = vm_table(0, 4);
	struct tree t;

	tree_make(&t);
	REFUSED_KIND(set(M, f, 0, pte, M), KINDS_TABLE, TYPE);
	REFUSED_FRAME(set(M, f, 0, pte, M), TYPE);
	REFUSED(set(M, 0, 0, pte, M), TYPE);
	REFUSED(set(M, t.t1, 512, pte, M), ARG);
	REFUSED(set(M, t.t1, 0xffffffffu, pte, M), ARG);
	REFUSED(set(M, t.t1, 0x80000000u, 0, M), ARG);
	/* Slot 255, the kernel's, the published tables. */
	for (uint32_t i = EXO_PT_ROOT_ENTRIES; i <= 512; i++) {
		if (i > 257 && i < 509)
			continue;
		REFUSED(set(M, root, i, EXO_PTE(t.t3, EXO_PTE_W), M), ARG);
		REFUSED(set(M, root, i, 0, M), ARG);
	}
	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_PT4; k++) {
		REFUSED(set(M, others_frame(k), 0, pte, M), REACH);
		REFUSED(set(self->root_slot, others_frame(k), 0, 0, M),
		    REACH);
	}
	tree_end(&t);
}

static void
attack_bits(set_fn set)
{
	const exo_ppn good = frame_of(EXO_PG_DATA);
	struct tree t;

	tree_make(&t);
	for (uint32_t b = 0; b < 64; b++) {
		uint64_t bit = 1ull << b;

		if (bit & (EXO_PTE_ASK & ~EXO_PTE_ADDR))
			continue;
		if (bit & EXO_PTE_ADDR)
			continue;
		REFUSED(set(M, t.t1, 0, EXO_PTE(good, VM_R) | bit, M), ARG);
		REFUSED(set(M, t.t2, 1, EXO_PTE(t.live1, VM_R) | bit,
		    t.name), ARG);
	}
	/* Absent and yet something. */
	REFUSED(set(M, t.t1, 0, EXO_PTE_W, M), ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE_NX, M), ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE(good, VM_R) & ~EXO_PTE_P, M), ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE_AVAIL, M), ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE(EXO_MACHINE->nframes, VM_R), M),
	    ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE(EXO_PPN_MAX - 1, VM_R), M), ARG);
	REFUSED(set(M, t.t1, 0, EXO_PTE(0xffffffffffu, VM_R), M), ARG);
	REFUSED(set(M, t.t1, 0, ~0ul, M), ARG);
	tree_end(&t);
}

/* What may not be mapped, or linked, at all. */
static void
attack_types(set_fn set)
{
	struct tree t;

	tree_make(&t);
	REFUSED_KIND(set(M, t.t1, 0, EXO_PTE(f, VM_R), self->root_slot),
	    KIND(DATA) | KIND(DEVICE) | KINDS_TABLE | KIND(RMAP), TYPE);
	REFUSED(set(M, t.t1, 0, EXO_PTE(0, VM_R), self->root_slot), TYPE);
	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_RMAP; k++) {
		REFUSED(set(M, t.t1, 0, EXO_PTE(frame_of(k), VM_RW), M),
		    TYPE);
		REFUSED(set(M, t.t1, 0, EXO_PTE(frame_of(k), VM_RX), M),
		    TYPE);
	}
	REFUSED_KIND(set(M, t.t2, 1, EXO_PTE(f, EXO_PTE_W), self->root_slot),
	    KIND(PT1), TYPE);
	REFUSED_KIND(set(M, t.t3, 1, EXO_PTE(f, EXO_PTE_W), self->root_slot),
	    KIND(PT2), TYPE);
	REFUSED_KIND(set(M, vm_table(0, 4), ALIAS, EXO_PTE(f, EXO_PTE_W),
	    self->root_slot), KIND(PT3), TYPE);
	/* What is private does not hang from what is live. */
	REFUSED(set(t.name, t.live1, 0, EXO_PTE(t.private, VM_R), M), TYPE);
	REFUSED(set(t.name, t.live1, 0, EXO_PTE(t.t1, VM_R), M), TYPE);
	REFUSED(set(t.name, t.live2, 0, EXO_PTE(frame_of(EXO_PG_PT1), 0),
	    M), TYPE);
	tree_end(&t);
}

static void
attack_capabilities(set_fn set)
{
	struct tree t;

	tree_make(&t);
	/* A live table is edited by capability. */
	REFUSED_CAP(set(s, t.live1, 0, EXO_PTE(t.live, VM_R), t.name),
	    t.name, EXO_R_WRITE);
	REFUSED_CAP(set(s, t.live2, 0, EXO_PTE(t.live1, VM_R), t.name),
	    t.name, EXO_R_WRITE);
	/* Each right of a frame. */
	REFUSED_CAP(set(M, t.t1, 0, EXO_PTE(t.live, VM_R), s), t.name,
	    EXO_R_READ);
	REFUSED_RIGHTS(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), s), t.name,
	    EXO_R_READ | EXO_R_WRITE);
	REFUSED_RIGHTS(set(M, t.t1, 0, EXO_PTE(t.live, VM_RX), s), t.name,
	    EXO_R_READ | EXO_R_EXEC);
	REFUSED_SLOT(set(M, t.t1, 0, EXO_PTE(t.private, VM_R), s));
	REFUSED_DENIED(set(M, t.t1, 0, EXO_PTE(t.private, VM_R), s));
	/* To look at; other rights don't make up for VIEW. */
	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_RMAP; k++)
		REFUSED_CAP(set(M, t.t1, 0, EXO_PTE(frame_of(k), VM_R), s),
		    M, EXO_R_VIEW);
	/* A live table to link. */
	REFUSED_CAP(set(M, t.t2, 1, EXO_PTE(t.live1, 0), s), t.name,
	    EXO_R_READ);
	REFUSED_RIGHTS(set(M, t.t2, 1, EXO_PTE(t.live1, EXO_PTE_W), s),
	    t.name, EXO_R_WRITE);
	tree_end(&t);
}

/* What was mapped with fewer rights does not grow by claiming so. */
static void
attack_growth(set_fn set)
{
	const uint64_t may = EXO_PTE_MAYW | EXO_PTE_MAYX;
	exo_slot ro;
	struct tree t;

	tree_make(&t);
	ro = weaker(t.name, EXO_R_WRITE | EXO_R_EXEC);
	EQ(set(M, t.t1, 0, EXO_PTE(t.live, VM_R | may), ro), 0);
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), ro), RIGHTS);
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.live, VM_RX), ro), RIGHTS);
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW | may), ro), RIGHTS);
	REFUSED_SLOT(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), s));
	REFUSED_DENIED(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), s));
	/* With the right it grows; W and X at once not even then. */
	EQ(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), t.name), 0);
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.live, EXO_PTE_W), t.name), WX);
	/* A table that is looked at stays that. */
	EQ(set(M, t.t1, 1, EXO_PTE(t.t2, VM_R), M), 0);
	REFUSED(set(M, t.t1, 1, EXO_PTE(t.t2, VM_RW), M), TYPE);
	REFUSED(set(M, t.t1, 1, EXO_PTE(t.t2, VM_RX), M), TYPE);
	/* A live link: the same. */
	EQ(set(M, t.t2, 1, EXO_PTE(t.live1, EXO_PTE_MAYW), ro), 0);
	REFUSED(set(M, t.t2, 1, EXO_PTE(t.live1, EXO_PTE_W), ro), RIGHTS);
	REFUSED_SLOT(set(M, t.t2, 1, EXO_PTE(t.live1, EXO_PTE_W), s));
	REFUSED_DENIED(set(M, t.t2, 1, EXO_PTE(t.live1, EXO_PTE_W), s));
	slot_put(ro);
	tree_end(&t);
}

static void
attack_states(set_fn set)
{
	exo_ppn bare = frame_of(EXO_PG_PT1);
	struct tree t;

	tree_make(&t);
	/* No companion yet. */
	REFUSED(set(M, bare, 0, EXO_PTE(t.live, VM_R), t.name), STATE);
	REFUSED(set(M, bare, 0, EXO_PTE(t.t1, VM_R), M), STATE);
	/* W and X, by one entry or by two. */
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.live, EXO_PTE_W), t.name), WX);
	REFUSED(set(M, t.t1, 0, EXO_PTE(t.private, EXO_PTE_W), M), WX);
	EQ(set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), t.name), 0);
	REFUSED(set(M, t.t1, 1, EXO_PTE(t.live, VM_RX), t.name), WX);
	EQ(set(M, t.t1, 0, EXO_PTE(t.live, VM_RX), t.name), 0);
	REFUSED(set(M, t.t1, 1, EXO_PTE(t.live, VM_RW), t.name), WX);
	EQ(set(M, t.t1, 1, EXO_PTE(t.live, VM_R), t.name), 0);
	REFUSED(set(M, t.t1, 1, EXO_PTE(t.live, VM_RW), t.name), WX);
	/* A private frame is written through one entry or none. */
	EQ(set(M, t.t1, 2, EXO_PTE(t.private, VM_RW), M), 0);
	REFUSED(set(M, t.t1, 3, EXO_PTE(t.private, VM_R), M), SHARED);
	REFUSED(set(M, t.t1, 3, EXO_PTE(t.private, VM_RW), M), SHARED);
	EQ(set(M, t.t1, 2, EXO_PTE(t.private, VM_R), M), 0);
	EQ(set(M, t.t1, 3, EXO_PTE(t.private, VM_R), M), 0);
	REFUSED(set(M, t.t1, 3, EXO_PTE(t.private, VM_RW), M), SHARED);
	REFUSED(set(M, t.t1, 4, EXO_PTE(t.private, VM_RW), M), SHARED);
	tree_end(&t);
}

/* Tables: linked by another, linked twice, frozen, to be emptied. */
static void
attack_links(set_fn set)
{
	exo_ppn root = vm_table(0, 4);
	struct tree t;

	tree_make(&t);
	REFUSED(set(M, t.t2, 1, EXO_PTE(others_frame(EXO_PG_PT1), EXO_PTE_W),
	    self->root_slot), REACH);
	REFUSED(set(M, t.t2, 1, EXO_PTE(t.t1, 0), M), REACH);
	REFUSED(set(M, root, ALIAS, EXO_PTE(t.t3, 0), M), REACH);
	EQ(exo_pt_copy(root, ALIAS, VA, 1), 1);
	REFUSED(set(M, root, ALIAS, EXO_PTE(t.t3, EXO_PTE_W), M), LOOP);
	REFUSED(set(M, root, INDEX, EXO_PTE(t.t3, EXO_PTE_W), M), LOOP);
	REFUSED(set(M, t.t3, 0, 0, M), FROZEN);
	REFUSED(set(M, t.t2, 0, 0, M), FROZEN);
	REFUSED(set(M, t.t1, 5, EXO_PTE(t.private, VM_R), M), FROZEN);
	REFUSED(set(self->root_slot, t.t1, 5, 0, M), FROZEN);
	/* The last reference goes; what is below stays reachable to none. */
	must(exo_pt_set(0, root, ALIAS, 0, 0));
	must(exo_pt_set(0, root, INDEX, 0, 0));
	REFUSED(set(M, t.t3, 1, 0, M), EMPTY);
	REFUSED(set(M, root, INDEX, EXO_PTE(t.t3, 0), M), EMPTY);
	REFUSED(set(M, t.t2, 1, 0, M), REACH);
	REFUSED(set(M, t.t1, 1, 0, M), REACH);
	EQ(exo_pt_empty(t.t3, 0, 512), 0);
	EQ(set(M, root, INDEX, EXO_PTE(t.t3, 0), M), 0);
	tree_end(&t);
}

HOSTILE(pt_set, tables)		{ attack_tables(one); }
HOSTILE(pt_set, bits)		{ attack_bits(one); }
HOSTILE(pt_set, types)		{ attack_types(one); }
HOSTILE(pt_set, capabilities)	{ attack_capabilities(one); }
HOSTILE(pt_set, growth)		{ attack_growth(one); }
HOSTILE(pt_set, states)		{ attack_states(one); }
HOSTILE(pt_set, links)		{ attack_links(one); }
HOSTILE(pt_batch, tables)	{ attack_tables(batch); }
HOSTILE(pt_batch, bits)		{ attack_bits(batch); }
HOSTILE(pt_batch, types)	{ attack_types(batch); }
HOSTILE(pt_batch, capabilities)	{ attack_capabilities(batch); }
HOSTILE(pt_batch, growth)	{ attack_growth(batch); }
HOSTILE(pt_batch, states)	{ attack_states(batch); }
HOSTILE(pt_batch, links)	{ attack_links(batch); }

HOSTILE(pt_batch, ranges)
{
	static uint64_t none[EXO_BATCH_MAX + 1];
	const uint64_t a = (uint64_t)none;
	struct tree t;

	tree_make(&t);
	REFUSED(exo_pt_batch(M, t.t1, 0, 0, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 0, EXO_BATCH_MAX + 1, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 0, 1ul << 32 | 1, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 0, ~0ul, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 1, 512, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 511, 2, a, M), ARG);
	REFUSED(exo_pt_batch(M, t.t1, 0xffffffffu, 1, a, M), ARG);
	REFUSED(exo_pt_batch(M, vm_table(0, 4), 254, 2, a, M), ARG);
	REFUSED(exo_pt_batch(M, vm_table(0, 4), 0, 512, a, M), ARG);
	REFUSED_ADDR_RO(exo_pt_batch(M, t.t1, 0, 16, p, M),
	    16 * sizeof(uint64_t));
	tree_end(&t);
}

/* It stops before the bad one, and says so. */
HOSTILE(pt_batch, stops)
{
	struct tree t;
	uint64_t ptes[4];

	tree_make(&t);
	ptes[0] = ptes[1] = EXO_PTE(t.live, VM_R);
	ptes[2] = EXO_PTE(frame_of(EXO_PG_KERNEL), VM_R);
	ptes[3] = EXO_PTE(t.live, VM_R);
	EQ(exo_pt_batch(M, t.t1, 0, 4, (uint64_t)ptes, t.name), 2);
	EQ(EXO_PAGES[t.live].maps, 2);
	EQ(EXO_PAGES[t.t1].entries, 2);
	REFUSED(exo_pt_batch(M, t.t1, 2, 2, (uint64_t)(ptes + 2),
	    self->root_slot), TYPE);
	/* The same frame, private, twice: the second is refused. */
	ptes[0] = ptes[1] = EXO_PTE(t.private, VM_RW);
	EQ(exo_pt_batch(M, t.t1, 2, 2, (uint64_t)ptes, M), 1);
	EQ(EXO_PAGES[t.private].maps, 1);
	tree_end(&t);
}

/* What one live frame was checked for is not true of the next. */
HOSTILE(pt_batch, live_runs)
{
	exo_slot other = fresh_name();
	exo_ppn a, b, c, p;
	uint64_t two[2], at = (uint64_t)two;
	struct tree t;

	tree_make(&t);
	must(vm_pages(self->acct, self->acct_slot, t.name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &a));
	must(vm_pages(self->acct, self->acct_slot, t.name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &b));
	must(vm_pages(self->acct, self->acct_slot, other,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &c));
	must(vm_pages(self->acct, self->acct_slot, t.name, EXO_PG_DATA, 1,
	    &p));
	/* Written or executed by another entry. */
	must(exo_pt_set(M, t.t1, 10, EXO_PTE(b, VM_RW), t.name));
	two[0] = EXO_PTE(a, VM_RX);
	two[1] = EXO_PTE(b, VM_RX);
	EQ(exo_pt_batch(M, t.t1, 20, 2, at, t.name), 1);
	REFUSED(exo_pt_batch(M, t.t1, 21, 1, at + 8, t.name), WX);
	EQ(EXO_PAGES[b].execs, 0);
	must(exo_pt_set(M, t.t1, 20, 0, 0));
	must(exo_pt_set(M, t.t1, 10, EXO_PTE(b, VM_RX), t.name));
	two[0] = EXO_PTE(a, VM_RW);
	two[1] = EXO_PTE(b, VM_RW);
	EQ(exo_pt_batch(M, t.t1, 20, 2, at, t.name), 1);
	REFUSED(exo_pt_batch(M, t.t1, 21, 1, at + 8, t.name), WX);
	EQ(EXO_PAGES[b].uses, 0);
	/* Of another name; private, and mapped; in the place of another. */
	two[1] = EXO_PTE(c, VM_RW);
	EQ(exo_pt_batch(M, t.t1, 30, 2, at, t.name), 1);
	REFUSED(exo_pt_batch(M, t.t1, 31, 1, at + 8, t.name), DENIED);
	must(exo_pt_set(M, t.t1, 40, EXO_PTE(p, VM_R), t.name));
	two[1] = EXO_PTE(p, VM_RW);
	EQ(exo_pt_batch(M, t.t1, 41, 2, at, t.name), 1);
	REFUSED(exo_pt_batch(M, t.t1, 42, 1, at + 8, t.name), SHARED);
	must(exo_pt_set(M, t.t1, 51, EXO_PTE(c, VM_R), other));
	two[0] = EXO_PTE(a, VM_R);
	two[1] = EXO_PTE(b, VM_R);
	EQ(exo_pt_batch(M, t.t1, 50, 2, at, t.name), 2);
	EQ(EXO_PAGES[c].maps, 0);
	EQ(EXO_PAGES[b].maps, 2);
	EQ(EXO_PAGES[a].maps, 4);
	two[1] = EXO_PTE(EXO_MACHINE->nframes, VM_R);
	EQ(exo_pt_batch(M, t.t1, 60, 2, at, t.name), 1);
	table_clear(M, t.t1);
	EQ(exo_page_free(t.name, a, 1), 1);
	EQ(exo_page_free(t.name, b, 1), 1);
	EQ(exo_page_free(t.name, p, 1), 1);
	EQ(exo_page_free(other, c, 1), 1);
	tree_end(&t);
	slot_put(other);
}

/* Its entries are read once, before anything changes: even from a page that
 * they unmap. */
HOSTILE(pt_batch, unmaps_its_own_array)
{
	struct tree t;
	uint64_t *at = (uint64_t *)VA;

	tree_make(&t);
	must(exo_pt_set(M, t.t1, 0, EXO_PTE(t.live, VM_RW), t.name));
	memset(at, 0, EXO_PAGE);
	EQ(exo_pt_batch(M, t.t1, 0, 512, VA, M), 512);
	EQ(EXO_PAGES[t.live].maps, 0);
	EQ(EXO_PAGES[t.t1].entries, 0);
	tree_end(&t);
}

HOSTILE(pt_copy, arguments)
{
	exo_ppn root = vm_table(0, 4);
	const uint64_t top = EXO_USER_TOP;
	struct tree t;

	tree_make(&t);
	REFUSED_KIND(exo_pt_copy(f, 1, VA, 1), KINDS_TABLE, TYPE);
	REFUSED_FRAME(exo_pt_copy(f, 1, VA, 1), TYPE);
	REFUSED(exo_pt_copy(0, 1, VA, 1), TYPE);
	REFUSED(exo_pt_copy(t.live1, 1, VA, 1), TYPE);
	REFUSED(exo_pt_copy(t.t1, 512, VA, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0xffffffffu, VA, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, VA, 0), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, VA, 513), ARG);
	REFUSED(exo_pt_copy(t.t1, 1, VA, 512), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, VA + EXO_PAGE, 512), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, VA, ~0ul), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, VA, 1ul << 32 | 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, top, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, 0xffff800000000000ul, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, EXO_PUB, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, 0x0000800000000000ul, 1), ARG);
	REFUSED(exo_pt_copy(t.t1, 0, ~0ul, 1), ARG);
	/* The kernel's entries of a root are nobody's to copy. */
	REFUSED(exo_pt_copy(root, EXO_PT_ROOT_ENTRIES, VA, 1), ARG);
	REFUSED(exo_pt_copy(root, 256, VA, 1), ARG);
	REFUSED(exo_pt_copy(root, 34, 254ul << 39, 2), ARG);
	tree_end(&t);
}

HOSTILE(pt_copy, reach)
{
	exo_ppn root = vm_table(0, 4);
	struct tree t;

	tree_make(&t);
	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_PT4; k++)
		REFUSED(exo_pt_copy(others_frame(k), 0, VA, 1), REACH);
	REFUSED(exo_pt_copy(t.t1, 0, (uint64_t)ALIAS << 39, 1), REACH);
	REFUSED(exo_pt_copy(t.t1, 0, VA + (1ul << 30), 1), REACH);
	REFUSED(exo_pt_copy(t.t2, 0, VA + (1ul << 39), 1), REACH);
	EQ(exo_pt_copy(root, ALIAS, VA, 1), 1);
	REFUSED(exo_pt_copy(t.t1, 1, VA, 1), FROZEN);
	REFUSED(exo_pt_copy(t.t2, 1, VA, 1), FROZEN);
	must(exo_pt_set(0, root, ALIAS, 0, 0));
	must(exo_pt_set(0, root, INDEX, 0, 0));
	REFUSED(exo_pt_copy(t.t3, 1, VA, 1), EMPTY);
	EQ(exo_pt_empty(t.t3, 0, 512), 0);
	must(exo_pt_set(0, root, INDEX, EXO_PTE(t.t3, EXO_PTE_W), 0));
	tree_end(&t);
}

HOSTILE(pt_copy, entries)
{
	exo_ppn bare = (exo_ppn)must(vm_page(EXO_PG_PT1));
	exo_ppn code = (exo_ppn)must(vm_page(EXO_PG_DATA));
	uint64_t old, left;
	struct tree t;

	tree_make(&t);
	EQ(exo_pt_set(M, t.t1, 0, EXO_PTE(t.private, VM_RW), M), 0);
	EQ(exo_pt_set(M, t.t1, 1, EXO_PTE(t.live, VM_RW), t.name), 0);
	EQ(exo_pt_set(M, t.t1, 2, EXO_PTE(t.t1, VM_R), M), 0);
	EQ(exo_pt_set(M, t.t2, 1, EXO_PTE(t.live1, 0), t.name), 0);
	REFUSED(exo_pt_copy(t.t1, 8, VA + EXO_PAGE, 1), SHARED);
	REFUSED(exo_pt_copy(t.t1, 8, VA + 2 * EXO_PAGE, 1), SHARED);
	/* My upcall frame, which the kernel writes. */
	EQ(exo_pt_set(M, t.t1, 3, EXO_PTE(EXO_PTE_PPN(vm_pte(
	    self->upcall_va)), VM_R), M), 0);
	REFUSED(exo_pt_copy(t.t1, 8, VA + 3 * EXO_PAGE, 1), SHARED);
	must(exo_pt_set(M, t.t1, 3, 0, 0));
	REFUSED(exo_pt_copy(t.t2, 8, VA + (1ul << 21), 1), SHARED);
	REFUSED(exo_pt_copy(t.t1, 8, VA + (1ul << 21), 1), SHARED);
	REFUSED(exo_pt_copy(t.t1, 1, VA, 1), BUSY);
	REFUSED(exo_pt_copy(t.t1, 0, VA, 1), BUSY);
	REFUSED(exo_pt_copy(bare, 0, VA, 1), STATE);
	/* A batch stops there; W is gone from both. */
	EQ(exo_pt_copy(t.t1, 8, VA, 512 - 8), 1);
	EQ(EXO_PAGES[t.private].maps, 2);
	EQ(EXO_PAGES[t.private].uses, 0);
	old = EXO_PAGES[t.t1].entries;
	EQ(exo_pt_copy(t.t1, 16, VA + 64 * EXO_PAGE, 16), 16);
	EQ(EXO_PAGES[t.t1].entries, old);
	/* Where nothing is to be copied nothing is changed. */
	EQ(exo_pt_copy(t.t1, 0, VA + 64 * EXO_PAGE, 16), 16);
	EQ(EXO_PAGES[t.t1].entries, old);
	EQ(EXO_PAGES[t.private].maps, 2);
	/* What may be executed can be by both. */
	EQ(exo_pt_set(M, t.t1, 4, EXO_PTE(code, VM_RX), M), 0);
	EQ(exo_pt_copy(t.t1, 20, VA + 4 * EXO_PAGE, 1), 1);
	EQ(EXO_PAGES[code].execs, 2);
	/* One of its two mappings is gone, and its name is another. */
	EQ(exo_page_guard(M, t.name, t.private, 1), 1);
	left = vm_pte(VA) != 0 ? VA : VA + 8 * EXO_PAGE;
	REFUSED(exo_pt_copy(t.t1, 16, left, 1), STATE);
	EQ(exo_page_guard(t.name, M, t.private, ~0ul), 0);
	tree_end(&t);
	EQ(exo_page_free(M, bare, 1), 1);
	EQ(exo_page_free(M, code, 1), 1);
}

HOSTILE(pt_empty, arguments)
{
	exo_ppn root = vm_table(0, 4);
	struct tree t;

	tree_make(&t);
	REFUSED_KIND(exo_pt_empty(f, 0, 1), KINDS_TABLE, TYPE);
	REFUSED_FRAME(exo_pt_empty(f, 0, 1), TYPE);
	REFUSED(exo_pt_empty(t.live1, 0, 1), TYPE);
	REFUSED(exo_pt_empty(frame_of(EXO_PG_PT2), 512, 1), ARG);
	REFUSED(exo_pt_empty(frame_of(EXO_PG_PT2), 0xffffffffu, 1), ARG);
	REFUSED(exo_pt_empty(frame_of(EXO_PG_PT2), 0, 0), ARG);
	REFUSED(exo_pt_empty(frame_of(EXO_PG_PT4), EXO_PT_ROOT_ENTRIES, 1),
	    ARG);
	REFUSED(exo_pt_empty(t.t1, 0, 512), BUSY);
	REFUSED(exo_pt_empty(t.t3, 0, 512), BUSY);
	REFUSED(exo_pt_empty(root, 0, 255), BUSY);
	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_PT4; k++)
		REFUSED(exo_pt_empty(others_frame(k), 0, 255), REACH);
	/* A range that would leave the table, or wrap. */
	EQ(exo_pt_empty(frame_of(EXO_PG_PT2), 511, ~0ul), 0);
	EQ(exo_pt_empty(frame_of(EXO_PG_PT4), 254, ~0ul), 0);
	tree_end(&t);
}

HOSTILE(pt_companion, arguments)
{
	exo_ppn t1 = frame_of(EXO_PG_PT1), rmap = frame_of(EXO_PG_RMAP);
	exo_ppn busy = vm_table((uint64_t)good_page(), 1);

	REFUSED_FRAME(exo_pt_companion(f, rmap), ARG);
	REFUSED_FRAME(exo_pt_companion(t1, f), ARG);
	REFUSED_KIND(exo_pt_companion(f, rmap), KIND(PT1), TYPE);
	REFUSED_KIND(exo_pt_companion(t1, f), KIND(RMAP), TYPE);
	REFUSED(exo_pt_companion(0, rmap), TYPE);
	REFUSED(exo_pt_companion(t1, 0), TYPE);
	REFUSED(exo_pt_companion(t1, t1), TYPE);
	REFUSED(exo_pt_companion(rmap, t1), TYPE);
	REFUSED(exo_pt_companion(others_frame(EXO_PG_PT1), rmap), REACH);
	REFUSED(exo_pt_companion(t1, others_frame(EXO_PG_RMAP)), REACH);
	REFUSED(exo_pt_companion(busy, rmap), BUSY);
	REFUSED(exo_pt_companion(t1, EXO_PAGES[busy].companion), BUSY);
}

/* The inverse map is there to be read: an entry's neighbours on the list of
 * its frame. */
HOSTILE(pt_set, companions_are_looked_at)
{
	const volatile struct exo_rmap *l;
	struct tree t;

	tree_make(&t);
	EQ(exo_pt_set(M, t.t1, 8, EXO_PTE(t.live, VM_R), t.name), 0);
	EQ(exo_pt_set(M, t.t1, 9, EXO_PTE(t.live, VM_R), t.name), 0);
	EQ(exo_pt_set(M, t.t1, 0, EXO_PTE(t.rmap, VM_R), M), 0);
	REFUSED(exo_pt_set(M, t.t1, 0, EXO_PTE(t.rmap, VM_RW), M), TYPE);
	REFUSED(exo_pt_set(M, t.t1, 1, EXO_PTE(t.rmap, VM_RX), M), TYPE);
	l = (const volatile struct exo_rmap *)VA;
	EQ(EXO_PAGES[t.live].rmap, t.t1 << 9 | 8);
	EQ(l[8].prev, 0);
	EQ(l[8].next, t.t1 << 9 | 9);
	EQ(l[9].prev, t.t1 << 9 | 8);
	EQ(l[9].next, 0);
	REFUSED(exo_page_free(M, t.rmap, 1), BUSY);
	EQ(exo_pt_set(M, t.t1, 0, 0, M), 0);
	tree_end(&t);
}

/* 32-bit arguments in 64-bit registers: what is above must not matter. */
HOSTILE(pt_set, upper_halves)
{
	struct tree t;

	tree_make(&t);
	EQ(exo_raw5(NR(pt_set) | JUNK, M | JUNK, t.t1 | JUNK, 7 | JUNK,
	    EXO_PTE(t.private, VM_R), M | JUNK), 0);
	EQ(EXO_PAGES[t.private].maps, 1);
	EQ(exo_raw4(NR(pt_copy) | JUNK, t.t1 | JUNK, 8 | JUNK,
	    VA + 7 * EXO_PAGE, 1), 1);
	EQ(EXO_PAGES[t.private].maps, 2);
	tree_end(&t);
}
