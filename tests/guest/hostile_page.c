/*
 * hostile_page.c - frames against bad arguments.
 *
 * run: --mem 64M
 */
#include "hostile.h"

#define KIND_FIRST	EXO_PG_DATA
#define KIND_LAST	(EXO_PG_OWNED_END - 1)

static exo_ppn
next_free(void)
{
	return EXO_MACHINE->free_head;
}

/* The first of n free frames in a row. */
static exo_ppn
free_run(uint32_t n)
{
	exo_ppn at = 1, first = 0;
	uint64_t found;

	while ((found = vm_free_run(at, n, &first)) != 0 && found < n)
		at = first + (exo_ppn)found;
	OK(found == n);
	return first;
}

#define PAGE_DOWN_OF(p)	((uint64_t)(p) & ~(EXO_PAGE - 1ul))

/* A frame of my own with a name of its own, not mapped. */
struct frame {
	exo_slot name;
	exo_ppn ppn;
};

static void
frame_make(struct frame *f, uint32_t kind)
{
	f->name = fresh_name();
	must(vm_pages(self->acct, self->acct_slot, f->name, kind, 1,
	    &f->ppn));
}

static void
frame_end(struct frame *f)
{
	EQ(exo_page_free(f->name, f->ppn, 1), 1);
	slot_put(f->name);
}

HOSTILE(page_alloc, capabilities)
{
	struct lab l;
	exo_ppn n = next_free();

	lab_make(&l);
	n = next_free();
	REFUSED_ID(exo_page_alloc(i, l.name, l.name, EXO_PG_DATA, n, 1),
	    l.acct);
	REFUSED_CAP(exo_page_alloc(l.acct, s, l.name, EXO_PG_DATA, n, 1),
	    l.name, EXO_R_CHARGE);
	REFUSED_SLOT(exo_page_alloc(l.acct, l.name, s, EXO_PG_DATA, n, 1));
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_page_alloc(l.acct, l.name, l.name, EXO_PG_DATA, n, 1),
	    STATE);
	lab_end(&l);
}

static long
alloc(uint32_t kind, exo_ppn ppn, uint64_t n)
{
	return exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    kind, ppn, n);
}

HOSTILE(page_alloc, kinds)
{
	const uint32_t live = EXO_KIND_LIVE;
	exo_ppn n = next_free();

	REFUSED(alloc(EXO_PG_FREE, n, 1), ARG);
	for (uint32_t k = KIND_LAST + 1; k < 2 * EXO_PG_KINDS; k++)
		REFUSED(alloc(k, n, 1), ARG);
	for (uint32_t k = KIND_FIRST; k <= KIND_LAST; k++) {
		if (k > EXO_PG_PT3)
			REFUSED(alloc(k | live, n, 1), ARG);
		REFUSED(alloc(k | 0x200, n, 1), ARG);
		REFUSED(alloc(k | 0x10000, n, 1), ARG);
		REFUSED(alloc(k | 0x80000000u, n, 1), ARG);
	}
	REFUSED(alloc(live, n, 1), ARG);
	REFUSED(alloc(0xffffffffu, n, 1), ARG);
}

HOSTILE(page_alloc, ranges)
{
	exo_ppn n = next_free(), frames = EXO_MACHINE->nframes;

	REFUSED(alloc(EXO_PG_DATA, 0, 1), ARG);
	REFUSED_FRAME(alloc(EXO_PG_DATA, f, 1), ARG);
	REFUSED(alloc(EXO_PG_DATA, n, 0), ARG);
	REFUSED(alloc(EXO_PG_DATA, n, EXO_BATCH_MAX + 1), ARG);
	REFUSED(alloc(EXO_PG_DATA, n, 1ul << 32 | 1), ARG);
	REFUSED(alloc(EXO_PG_DATA, n, ~0ul), ARG);
	REFUSED(alloc(EXO_PG_DATA, frames - 1, 2), ARG);
	REFUSED(alloc(EXO_PG_DATA, frames - 1, EXO_BATCH_MAX), ARG);
}

/* Taken ones, whoever has them; a batch stops before the first. */
HOSTILE(page_alloc, taken)
{
	exo_ppn first;

	for (uint32_t k = KIND_FIRST; k < EXO_PG_KINDS; k++) {
		if (frame_of(k) != 0)
			REFUSED(alloc(EXO_PG_DATA, frame_of(k), 1), BUSY);
		if (k < EXO_PG_KERNEL)
			REFUSED(alloc(EXO_PG_PT1, others_frame(k), 1), BUSY);
	}
	first = free_run(3);
	EQ(alloc(EXO_PG_DATA, first + 1, 1), 1);
	EQ(alloc(EXO_PG_DATA, first, 3), 1);
	REFUSED(alloc(EXO_PG_DATA, first, 3), BUSY);
	EQ(EXO_PAGES[first + 2].kind, EXO_PG_FREE);
	EQ(exo_page_free(self->memory_slot, first, 2), 2);
}

/* A batch over the limit ends at the limit, then is refused. */
HOSTILE(page_alloc, quota)
{
	exo_ppn first;
	struct lab l;
	uint32_t room;

	lab_make(&l);
	room = EXO_ACCTS[EXO_INDEX(l.acct)].limit[EXO_RES_FRAMES] -
	    EXO_ACCTS[EXO_INDEX(l.acct)].used[EXO_RES_FRAMES];
	first = free_run(room + 8);
	EQ(exo_page_alloc(l.acct, l.name, l.name, EXO_PG_DATA, first,
	    room + 8), room);
	REFUSED(exo_page_alloc(l.acct, l.name, l.name, EXO_PG_DATA,
	    first + room, 8), QUOTA);
	EQ(EXO_PAGES[first + room].kind, EXO_PG_FREE);
	lab_end(&l);
}

HOSTILE(page_copy, capabilities)
{
	uint64_t va = PAGE_DOWN_OF(&self);
	struct lab l;
	exo_ppn n;

	lab_make(&l);
	n = next_free();
	REFUSED_ID(exo_page_copy(i, l.name, l.name, n, va), l.acct);
	REFUSED_CAP(exo_page_copy(l.acct, s, l.name, n, va), l.name,
	    EXO_R_CHARGE);
	REFUSED_SLOT(exo_page_copy(l.acct, l.name, s, n, va));
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_page_copy(l.acct, l.name, l.name, n, va), STATE);
	lab_end(&l);
}

static long
copy(exo_ppn ppn, uint64_t va)
{
	return exo_page_copy(self->acct, self->acct_slot, self->memory_slot,
	    ppn, va);
}

HOSTILE(page_copy, arguments)
{
	static uint64_t text[2 * EXO_PAGE / 8];
	uint64_t va = PAGE_DOWN_OF(text) + EXO_PAGE, *there;
	exo_ppn n;

	for (uint32_t i = 0; i < 2 * EXO_PAGE / 8; i++)
		text[i] = i * 0x9e3779b97f4a7c15ul;
	n = next_free();
	REFUSED_FRAME(copy(f, va), ARG);
	REFUSED(copy(0, va), ARG);
	REFUSED(copy(EXO_MACHINE->nframes, va), ARG);
	REFUSED(copy(n, va + 1), ARG);
	REFUSED(copy(n, va + EXO_PAGE - 8), ARG);
	for (uint32_t k = KIND_FIRST; k < EXO_PG_KINDS; k++) {
		if (frame_of(k) != 0)
			REFUSED(copy(frame_of(k), va), BUSY);
		if (k < EXO_PG_KERNEL)
			REFUSED(copy(others_frame(k), va), BUSY);
	}
	REFUSED(copy(n, 0), ADDR);
	REFUSED(copy(n, EXO_USER_TOP), ADDR);
	REFUSED(copy(n, EXO_PUB), ADDR);
	REFUSED(copy(n, 1ul << 63), ADDR);
	REFUSED(copy(n, 0xfffffffffffff000ul), ADDR);
	EQ(EXO_PAGES[n].kind, EXO_PG_FREE);
	EQ(copy(n, va), 0);
	EQ(EXO_PAGES[n].kind, EXO_PG_DATA);
	EQ(EXO_PAGES[n].flags, 0);
	EQ(EXO_PAGES[n].account, EXO_INDEX(self->acct));
	there = (uint64_t *)must(vm_map_frame(n, VM_R, self->memory_slot));
	EQ(memcmp(there, (const void *)va, EXO_PAGE), 0);
	REFUSED(exo_page_free(self->memory_slot, n, 1), BUSY);
	REFUSED(copy(n, va), BUSY);
	must(vm_unmap((uint64_t)there, 1));
	EQ(exo_page_free(self->memory_slot, n, 1), 1);
	/* Who takes it next finds nothing of it. */
	EQ(alloc(EXO_PG_DATA, n, 1), 1);
	there = (uint64_t *)must(vm_map_frame(n, VM_R, self->memory_slot));
	for (uint32_t i = 0; i < EXO_PAGE / 8; i++)
		EQ(there[i], 0);
	must(vm_unmap((uint64_t)there, 1));
	EQ(exo_page_free(self->memory_slot, n, 1), 1);
}

HOSTILE(page_copy, quota)
{
	uint64_t va = PAGE_DOWN_OF(&self);
	struct lab l;
	uint32_t room;

	lab_make(&l);
	room = EXO_ACCTS[EXO_INDEX(l.acct)].limit[EXO_RES_FRAMES] -
	    EXO_ACCTS[EXO_INDEX(l.acct)].used[EXO_RES_FRAMES];
	EQ(exo_page_alloc(l.acct, l.name, l.name, EXO_PG_DATA, free_run(room),
	    room), room);
	REFUSED(exo_page_copy(l.acct, l.name, l.name, next_free(), va),
	    QUOTA);
	lab_end(&l);
}

HOSTILE(page_free, arguments)
{
	exo_slot m = self->memory_slot;
	exo_ppn mine = frame_of(EXO_PG_DATA);
	struct frame f;

	REFUSED(exo_page_free(m, 0, 1), ARG);
	REFUSED_FRAME(exo_page_free(m, f, 1), ARG);
	REFUSED(exo_page_free(m, mine, 0), ARG);
	REFUSED(exo_page_free(m, mine, EXO_BATCH_MAX + 1), ARG);
	REFUSED(exo_page_free(m, mine, ~0ul), ARG);
	REFUSED(exo_page_free(m, EXO_MACHINE->nframes - 1, 2), ARG);
	REFUSED(exo_page_free(self->root_slot, next_free(), 1), TYPE);
	REFUSED(exo_page_free(self->root_slot, frame_of(EXO_PG_KERNEL), 1),
	    TYPE);
	if (frame_of(EXO_PG_HOLE) != 0)
		REFUSED(exo_page_free(self->root_slot,
		    frame_of(EXO_PG_HOLE), 1), TYPE);
	frame_make(&f, EXO_PG_DATA);
	REFUSED_CAP(exo_page_free(s, f.ppn, 1), f.name, EXO_R_FREE);
	for (uint32_t k = KIND_FIRST; k <= KIND_LAST; k++)
		REFUSED(exo_page_free(m, others_frame(k), 1), DENIED);
	frame_end(&f);
	REFUSED(exo_page_free(self->root_slot, f.ppn, 1), TYPE);
}

/* Mapped, bound, linked, in use as a record, not empty. */
HOSTILE(page_free, in_use)
{
	exo_slot m = self->memory_slot;
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(self->domain)];
	exo_ppn pt1 = vm_table((uint64_t)good_page(), 1);
	exo_ppn mapped = EXO_PTE_PPN(vm_pte((uint64_t)good_page()));
	exo_ppn bound = EXO_PTE_PPN(vm_pte(EXO_START_UPCALL_VA));
	struct lab l;

	REFUSED(exo_page_free(m, mapped, 1), BUSY);
	REFUSED(exo_page_free(m, bound, 1), BUSY);
	for (uint32_t level = 1; level <= 4; level++)
		REFUSED(exo_page_free(m, vm_table((uint64_t)good_page(),
		    level), 1), BUSY);
	REFUSED(exo_page_free(m, EXO_PAGES[pt1].companion, 1), BUSY);
	REFUSED(exo_page_free(self->root_slot, d->frame, 1), BUSY);
	REFUSED(exo_page_free(self->root_slot, d->slot_tables[0], 1), BUSY);
	lab_make(&l);
	REFUSED(exo_page_free(l.name, l.dframe, 1), BUSY);
	REFUSED(exo_page_free(l.name, l.eframe, 1), BUSY);
	REFUSED(exo_page_free(l.name, l.root, 1), BUSY);
	lab_end(&l);
}

/* The RMAP frame of a table goes after it. */
HOSTILE(page_free, companions)
{
	struct frame t, c;

	frame_make(&t, EXO_PG_PT1);
	frame_make(&c, EXO_PG_RMAP);
	must(exo_pt_companion(t.ppn, c.ppn));
	REFUSED(exo_page_free(c.name, c.ppn, 1), BUSY);
	frame_end(&t);
	EQ(EXO_PAGES[c.ppn].companion, 0);
	frame_end(&c);
}

/* A batch over frames of others stops there. */
HOSTILE(page_free, batch)
{
	exo_ppn first = free_run(3);
	exo_slot name = fresh_name();

	EQ(alloc(EXO_PG_DATA, first, 2), 2);
	EQ(exo_page_alloc(self->acct, self->acct_slot, name, EXO_PG_DATA,
	    first + 2, 1), 1);
	EQ(exo_page_free(self->memory_slot, first, 3), 2);
	REFUSED(exo_page_free(self->memory_slot, first + 2, 1), DENIED);
	EQ(exo_page_free(name, first + 2, 1), 1);
	slot_put(name);
}

HOSTILE(page_guard, arguments)
{
	exo_slot m = self->memory_slot;
	exo_ppn bound = EXO_PTE_PPN(vm_pte(EXO_START_UPCALL_VA));
	struct frame f;

	frame_make(&f, EXO_PG_DATA);
	REFUSED(exo_page_guard(m, m, 0, 1), ARG);
	REFUSED_FRAME(exo_page_guard(m, m, f, 1), ARG);
	REFUSED(exo_page_guard(f.name, m, f.ppn, 0), ARG);
	REFUSED_KIND(exo_page_guard(self->root_slot, m, f, 1), KIND(DATA),
	    TYPE);
	REFUSED_CAP(exo_page_guard(s, m, f.ppn, 1), f.name, EXO_R_GUARD);
	REFUSED_SLOT(exo_page_guard(f.name, s, f.ppn, 1));
	REFUSED(exo_page_guard(m, m, bound, 1), BUSY);
	frame_end(&f);
}

/*
 * While it is reguarded nobody maps the frame, by the old name or the new, and
 * the old one does nothing any more.
 */
HOSTILE(page_guard, half_done)
{
	exo_slot name = fresh_name(), old = fresh_name();
	uint64_t va = vm_alloc_va(3), left;
	exo_ppn t, f;

	must(vm_pages(self->acct, self->acct_slot, old,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &f));
	must(vm_map(va, f, VM_RW, old));
	must(vm_map(va + EXO_PAGE, f, VM_R, old));
	t = vm_table(va, 1);
	EQ(exo_page_guard(old, name, f, 1), 1);
	OK(EXO_PAGES[f].flags & EXO_PF_REGUARD);
	REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(va + 2 * EXO_PAGE, 1),
	    EXO_PTE(f, VM_R), old), STATE);
	REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(va + 2 * EXO_PAGE, 1),
	    EXO_PTE(f, VM_R), name), STATE);
	/* What is left of it does not grow. */
	left = vm_pte(va) != 0 ? va : va + EXO_PAGE;
	must(exo_pt_set(0, t, EXO_PT_INDEX(left, 1), EXO_PTE(f, VM_R), 0));
	REFUSED(exo_pt_copy(t, EXO_PT_INDEX(va + 2 * EXO_PAGE, 1), left, 1),
	    STATE);
	REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(left, 1), EXO_PTE(f, VM_RW),
	    name), STATE);
	REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(left, 1), EXO_PTE(f, VM_RX),
	    old), STATE);
	REFUSED(exo_page_guard(old, old, f, 1), DENIED);
	REFUSED(exo_page_free(old, f, 1), DENIED);
	REFUSED(exo_page_unmap(old, f, 1), DENIED);
	EQ(exo_page_guard(name, name, f, ~0ul), 0);
	EQ(EXO_PAGES[f].flags & EXO_PF_REGUARD, 0);
	EQ(vm_pte(va) | vm_pte(va + EXO_PAGE), 0);
	REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(va, 1), EXO_PTE(f, VM_R), old),
	    DENIED);
	EQ(exo_page_free(name, f, 1), 1);
	slot_put(old);
	slot_put(name);
}

HOSTILE(page_unmap, arguments)
{
	exo_slot m = self->memory_slot;
	struct frame f;

	frame_make(&f, EXO_PG_DATA);
	REFUSED(exo_page_unmap(m, 0, 1), ARG);
	REFUSED_FRAME(exo_page_unmap(m, f, 1), ARG);
	REFUSED(exo_page_unmap(f.name, f.ppn, 0), ARG);
	REFUSED(exo_page_unmap(self->root_slot, next_free(), 1), TYPE);
	REFUSED_CAP(exo_page_unmap(s, f.ppn, 1), f.name, EXO_R_REVOKE);
	EQ(exo_page_unmap(f.name, f.ppn, ~0ul), 0);
	EQ(exo_page_unmap(self->root_slot, frame_of(EXO_PG_KERNEL), 1), 0);
	frame_end(&f);
}

/* 32-bit arguments in 64-bit registers: what is above must not matter. */
HOSTILE(page_alloc, upper_halves)
{
	exo_ppn n = next_free();
	exo_slot m = self->memory_slot;

	EQ(exo_raw6(NR(page_alloc) | JUNK, self->acct, self->acct_slot | JUNK,
	    m | JUNK, EXO_PG_DATA | JUNK, n | JUNK, 1), 1);
	EQ(EXO_PAGES[n].kind, EXO_PG_DATA);
	EQ(exo_raw3(NR(page_free) | JUNK, m | JUNK, n | JUNK, 1), 1);
	EQ(EXO_PAGES[n].kind, EXO_PG_FREE);
	EQ(exo_raw5(NR(page_copy) | JUNK, self->acct, self->acct_slot | JUNK,
	    m | JUNK, n | JUNK, PAGE_DOWN_OF(&self)), 0);
	EQ(exo_page_free(m, n, 1), 1);
	/* Those of 64 bits are all meant. */
	REFUSED(exo_raw6(NR(page_alloc), self->acct | 1ull << 63,
	    self->acct_slot, m, EXO_PG_DATA, n, 1), NAME);
	REFUSED(exo_raw6(NR(page_alloc), self->acct, self->acct_slot, m,
	    EXO_PG_DATA, n, 1 | JUNK), ARG);
}
