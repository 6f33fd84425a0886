/*
 * zero.c - a frame given to a new owner holds nothing of the old one's.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"
#include "invariant.h"

#define DIRT		0x5ec2e75ec2e75ec2ul
#define WORDS		(EXO_PAGE / sizeof(uint64_t))
#define SPOT		20u		/* an unused page of a cell */

static const uint32_t limits[EXO_RES_MAX] = { 96, 0, 2, 2 };
static const struct cell_opts small = { .limits = limits };

static uint64_t window;

static volatile uint64_t *
window_on(exo_ppn ppn, exo_slot slot)
{
	if (window == 0)
		window = vm_alloc_va(1);
	must(vm_map(window, ppn, VM_RW, slot));
	return (volatile uint64_t *)window;
}

static bool
is_zero(const volatile uint64_t *w)
{
	for (uint32_t i = 0; i < WORDS; i++)
		if (w[i] != 0)
			return false;
	return true;
}

static void
dirty(volatile uint64_t *w)
{
	for (uint32_t i = 0; i < WORDS; i++)
		w[i] = DIRT ^ i;
}

static void
take(exo_ppn ppn, uint32_t kind)
{
	must(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    kind, ppn, 1));
}

static void
give(exo_ppn ppn)
{
	EQ(exo_page_free(self->memory_slot, ppn, 1), 1);
}

/* Take a free frame as data: is it zero?  Then dirty it and give it back. */
static void
zero_and_dirty(exo_ppn ppn)
{
	volatile uint64_t *w;

	if (!EQ(EXO_PAGES[ppn].kind, EXO_PG_FREE))
		return;
	take(ppn, EXO_PG_DATA);
	w = window_on(ppn, self->memory_slot);
	OK(is_zero(w));
	dirty(w);
	must(vm_unmap(window, 1));
	give(ppn);
}

/* Frames that nobody had since boot, some that the free list begins with and
 * some from everywhere. */
TEST(at_boot)
{
	exo_ppn first[200], ppn = EXO_MACHINE->free_head;

	for (uint32_t i = 0; i < 200; i++) {
		first[i] = ppn;
		ppn = EXO_PAGES[ppn].next;
	}
	/* Some become tables for the window. */
	for (uint32_t i = 0; i < 200; i++)
		if (EXO_PAGES[first[i]].kind == EXO_PG_FREE)
			zero_and_dirty(first[i]);
	for (exo_ppn f = 97; f < EXO_MACHINE->nframes; f += 97)
		if (EXO_PAGES[f].kind == EXO_PG_FREE)
			zero_and_dirty(f);
}

/* All of them have been dirty now; again. */
TEST(mine_again)
{
	for (exo_ppn f = 97; f < EXO_MACHINE->nframes; f += 97)
		if (EXO_PAGES[f].kind == EXO_PG_FREE)
			zero_and_dirty(f);
}

/* What a cell reads in a frame that it takes by number. */
static bool
cell_sees_zero(struct cell *c, exo_ppn ppn, bool then_dirty)
{
	uint64_t va = c->base + SPOT * EXO_PAGE, v;
	bool zero = true;

	must(cell_do(c, EXO_NR_page_alloc, c->acct, c->name, c->name,
	    EXO_PG_DATA, ppn, 1));
	must(cell_do(c, EXO_NR_pt_set, 0, c->table[5], EXO_PT_INDEX(va, 1),
	    EXO_PTE(ppn, VM_RW), c->name, 0));
	for (uint32_t i = 0; i < WORDS; i++) {
		zero = zero && cell_read(c, va + 8 * i, &v) && v == 0;
		if (then_dirty)
			OK(cell_write(c, va + 8 * i, DIRT));
	}
	must(cell_do(c, EXO_NR_pt_set, 0, c->table[5], EXO_PT_INDEX(va, 1), 0,
	    0, 0));
	return zero;
}

TEST(mine_then_anothers)
{
	exo_ppn ppn = EXO_MACHINE->free_head;
	struct cell c;

	cell_make(&c, &small);
	ppn = EXO_MACHINE->free_head;
	zero_and_dirty(ppn);
	OK(cell_sees_zero(&c, ppn, true));
	EQ(cell_do(&c, EXO_NR_page_free, c.name, ppn, 1, 0, 0, 0), 1);
	zero_and_dirty(ppn);
	cell_end(&c);
}

/* All that a domain had, freed by the end of its account: what it wrote, its
 * tables, its record. */
TEST(left_by_the_dead)
{
	exo_ppn ppn;
	struct cell c;

	cell_make(&c, &small);
	for (uint32_t i = 0; i < 2 + 2 * c.seats; i++)
		for (uint32_t w = 256; i >= 2 && w < WORDS; w++)
			((uint64_t *)(c.base + i * EXO_PAGE))[w - 256] = DIRT;
	ppn = EXO_MACHINE->free_head;
	OK(cell_sees_zero(&c, ppn, true));
	cell_end(&c);
	zero_and_dirty(ppn);
	for (uint32_t i = 0; i < 2 + 2 * c.seats; i++)
		zero_and_dirty(c.frame[i]);
	for (uint32_t i = 0; i < 6; i++)
		zero_and_dirty(c.table[i]);
	zero_and_dirty(c.rmap[0]);
	zero_and_dirty(c.rmap[1]);
	zero_and_dirty(c.root);
	zero_and_dirty(c.record);
}

/* ---- kinds that the kernel itself writes */

TEST(tables_and_companions)
{
	exo_ppn t1 = EXO_MACHINE->free_head, t2, rmap, f;

	take(t1, EXO_PG_PT1);
	take(rmap = EXO_MACHINE->free_head, EXO_PG_RMAP);
	take(t2 = EXO_MACHINE->free_head, EXO_PG_PT2);
	take(f = EXO_MACHINE->free_head, EXO_PG_DATA | EXO_KIND_LIVE);
	must(exo_pt_companion(t1, rmap));
	/* Many entries for one frame: the companion's links are in use. */
	for (uint32_t i = 0; i < 512; i++)
		must(exo_pt_set(0, t1, i, EXO_PTE(f, VM_R),
		    self->memory_slot));
	must(exo_pt_set(0, t2, 3, EXO_PTE(t1, EXO_PTE_W), 0));
	must(exo_pt_set(0, t2, 3, 0, 0));
	/* Emptied in the middle first, then by force, then all. */
	must(exo_pt_empty(t1, 100, 100));
	must(exo_page_unmap(self->memory_slot, f, 50));
	EQ(exo_pt_empty(t1, 0, 512), 0);
	give(t1);
	give(rmap);
	give(t2);
	give(f);
	zero_and_dirty(t1);
	zero_and_dirty(rmap);
	zero_and_dirty(t2);
	zero_and_dirty(f);
}

TEST(roots)
{
	exo_ppn root = EXO_MACHINE->free_head;

	take(root, EXO_PG_PT4);
	give(root);
	zero_and_dirty(root);
	/* And back: a root has the kernel's entries and no other. */
	take(root, EXO_PG_PT4);
	must(vm_map(window, root, VM_R, self->memory_slot));
	for (uint32_t i = 0; i < WORDS; i++) {
		uint64_t pte = ((volatile uint64_t *)window)[i];

		EQ(pte != 0, i == 256 || i == 510 || i == 511);
	}
	must(vm_unmap(window, 1));
	give(root);
}

TEST(slot_tables)
{
	exo_ppn t = EXO_MACHINE->free_head;

	take(t, EXO_PG_SLOTS);
	must(exo_slots_bind(self->domain, self->domain_slot, 1, t));
	for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++)
		must(exo_cap_derive(self->root_slot, EXO_SLOT(1, i),
		    EXO_R_ALL, EXO_COMP_FRESH));
	must(exo_slots_bind(self->domain, self->domain_slot, 1, 0));
	give(t);
	zero_and_dirty(t);
	/* A clone that was never bound. */
	take(t, EXO_PG_SLOTS);
	must(exo_slots_clone(0, t));
	give(t);
	zero_and_dirty(t);
}

TEST(records)
{
	exo_ppn handles, seats;
	struct lab l;

	lab_make(&l);
	handles = lab_frame(&l, EXO_PG_HANDLES);
	seats = lab_frame(&l, EXO_PG_SEATS);
	must(exo_domain_seats(l.domain, l.name, seats));
	must(exo_domain_handles(l.domain, l.name, handles, 1));
	for (uint32_t i = 0; i < 20; i++) {
		must(lab_seat(&l, i, l.env));
		must(exo_handle_open(l.domain, l.name, 100 + i, l.domain));
		must(exo_handle_mint(l.domain, l.name, i, DIRT, l.domain,
		    100 + i));
	}
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, DIRT));
	lab_end(&l);
	zero_and_dirty(handles);
	zero_and_dirty(seats);
	zero_and_dirty(l.dframe);
	zero_and_dirty(l.eframe);
	zero_and_dirty(l.root);
}

/* ---- what a program leaves in a frame is nothing to the kernel's types */

/* A frame that holds `word` everywhere, then is of this kind. */
static exo_ppn
forged(uint32_t kind, const uint64_t *words, uint32_t n)
{
	exo_ppn ppn = EXO_MACHINE->free_head;
	volatile uint64_t *w;

	take(ppn, EXO_PG_DATA);
	w = window_on(ppn, self->memory_slot);
	for (uint32_t i = 0; i < WORDS; i++)
		w[i] = words[i % n];
	must(vm_unmap(window, 1));
	give(ppn);
	take(ppn, kind);
	return ppn;
}

TEST(forged_tables)
{
	const uint64_t pte = EXO_PTE(1, EXO_PTE_W | EXO_PTE_U);
	exo_ppn t;

	for (uint32_t k = EXO_PG_PT1; k <= EXO_PG_PT3; k++) {
		t = forged(k, &pte, 1);
		EQ(EXO_PAGES[t].entries, 0);
		must(vm_map(window, t, VM_R, self->memory_slot));
		OK(is_zero((volatile uint64_t *)window));
		must(vm_unmap(window, 1));
		give(t);
	}
}

TEST(forged_capabilities)
{
	struct exo_cap root = { .rights = EXO_R_ALL, .kind = EXO_SLOT_CAP };
	struct exo_cap c;
	exo_ppn t = forged(EXO_PG_SLOTS, (const uint64_t *)&root, 4);

	must(exo_slots_bind(self->domain, self->domain_slot, 1, t));
	for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++) {
		must(exo_cap_read(EXO_SLOT(1, i), (uint64_t)&c));
		EQ(c.kind, EXO_SLOT_EMPTY);
		EQ(c.rights, 0);
	}
	must(exo_slots_bind(self->domain, self->domain_slot, 1, 0));
	give(t);
}

TEST(forged_records)
{
	const uint64_t junk = ~0ul;
	struct lab l;
	exo_ppn h, s;

	lab_make(&l);
	h = forged(EXO_PG_HANDLES, &junk, 1);
	s = forged(EXO_PG_SEATS, &junk, 1);
	must(exo_domain_seats(l.domain, l.name, s));
	must(exo_domain_handles(l.domain, l.name, h, 1));
	for (uint32_t i = 4; i < 20; i++)
		EQ(exo_seat_free(l.domain, l.name, i), -EXO_E_EMPTY);
	for (uint32_t i = 0; i < 128; i++)
		EQ(exo_handle_open(l.domain, l.name, i, self->domain), 0);
	lab_end(&l);
	give(h);
	give(s);
}

TEST(all_adds_up)
{
	OK(invariants_hold());
}
