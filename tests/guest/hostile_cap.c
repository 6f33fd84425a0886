/*
 * hostile_cap.c - capabilities and slot tables against bad arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

#define ROOT	EXO_START_SLOT_ROOT

/* A slot that is empty, taken for this test. */
static exo_slot
empty_slot(void)
{
	exo_slot s = slot_take();

	OK(s != EXO_NONE);
	return s;
}

/* A name of the greatest length that has no room for n bytes more. */
static exo_slot
long_name(uint32_t n)
{
	exo_slot s = fresh_name();
	struct exo_cap c;

	for (;;) {
		long child;

		must(exo_cap_read(s, (uint64_t)&c));
		if (c.len + n > EXO_CAP_NAME)
			return s;
		child = must(slot_derive(s, EXO_R_ALL, 0x5a));
		slot_put(s);
		s = (exo_slot)child;
	}
}

HOSTILE(cap_derive, arguments)
{
	exo_slot d = empty_slot();

	REFUSED(exo_cap_derive(ROOT, d, EXO_R_ALL, EXO_COMP_SAME + 1), ARG);
	REFUSED(exo_cap_derive(ROOT, d, EXO_R_ALL, EXO_COMP_FRESH + 1), ARG);
	REFUSED(exo_cap_derive(ROOT, d, EXO_R_ALL, EXO_COMP_FRESH |
	    EXO_COMP_SAME), ARG);
	REFUSED(exo_cap_derive(ROOT, d, EXO_R_ALL, 0xffffffffu), ARG);
	REFUSED(exo_cap_derive(ROOT, d, 0x10000, EXO_COMP_SAME), ARG);
	REFUSED(exo_cap_derive(ROOT, d, 0xffffffffu, 1), ARG);
	REFUSED(exo_cap_derive(ROOT, d, EXO_R_READ, EXO_COMP_FRESH), ARG);
	REFUSED(exo_cap_derive(ROOT, d, 0, EXO_COMP_FRESH), ARG);
	REFUSED_SLOT(exo_cap_derive(s, d, EXO_R_READ, EXO_COMP_SAME));
	REFUSED(exo_cap_derive(ROOT, EXO_SLOT(0, 96), 0, EXO_COMP_SAME), SLOT);
	REFUSED(exo_cap_derive(ROOT, EXO_SLOT(3, 0), 0, EXO_COMP_SAME), SLOT);
	REFUSED(exo_cap_derive(ROOT, EXO_SLOT(4, 0), 0, EXO_COMP_SAME), SLOT);
	REFUSED(exo_cap_derive(ROOT, 0xffffffffu, 0, EXO_COMP_SAME), SLOT);
	/* Onto itself, onto another, into an opened slot. */
	REFUSED(exo_cap_derive(ROOT, ROOT, 0, EXO_COMP_SAME), FULL);
	REFUSED(exo_cap_derive(ROOT, stranger(), 0, 1), FULL);
	must(exo_cap_open(d, self->domain));
	REFUSED(exo_cap_derive(ROOT, d, 0, EXO_COMP_SAME), FULL);
	slot_put(d);
}

HOSTILE(cap_derive, rights_never_grow)
{
	exo_slot d = empty_slot();

	for (uint32_t bit = 1; bit < EXO_R_ALL; bit <<= 1) {
		exo_slot s = weaker(ROOT, bit);

		REFUSED(exo_cap_derive(s, d, EXO_R_ALL, EXO_COMP_SAME),
		    RIGHTS);
		REFUSED(exo_cap_derive(s, d, bit, 0x41), RIGHTS);
		slot_put(s);
	}
	REFUSED_RIGHTS(exo_cap_derive(s, d, EXO_R_ALL, EXO_COMP_FRESH), ROOT,
	    EXO_R_MINT);
	slot_put(d);
}

HOSTILE(cap_derive, long_names)
{
	exo_slot d = empty_slot();
	exo_slot one = long_name(EXO_CAP_CHOSEN_LEN);
	exo_slot six = long_name(EXO_CAP_FRESH_LEN);

	REFUSED(exo_cap_derive(one, d, EXO_R_ALL, 0), QUOTA);
	REFUSED(exo_cap_derive(one, d, EXO_R_ALL, EXO_COMP_FRESH), QUOTA);
	REFUSED(exo_cap_derive(six, d, EXO_R_ALL, EXO_COMP_FRESH), QUOTA);
	EQ(exo_cap_derive(one, d, EXO_R_READ, EXO_COMP_SAME), 0);
	slot_put(d);
	slot_put(one);
	slot_put(six);
}

HOSTILE(cap_read, pointers)
{
	REFUSED(exo_cap_read(EXO_SLOT(0, 96), (uint64_t)good_page()), SLOT);
	REFUSED(exo_cap_read(EXO_SLOT(3, 0), (uint64_t)good_page()), SLOT);
	REFUSED(exo_cap_read(EXO_SLOT(4, 0), (uint64_t)good_page()), SLOT);
	REFUSED(exo_cap_read(EXO_NONE, (uint64_t)good_page()), SLOT);
	REFUSED_ADDR_RW(exo_cap_read(ROOT, p), sizeof(struct exo_cap));
	/* The last address that fits does. */
	EQ(exo_cap_read(ROOT, EXO_USER_TOP - sizeof(struct exo_cap)), 0);
	EQ(exo_cap_read(ROOT, (uint64_t)good_page() + 1), 0);
}

HOSTILE(cap_drop, slots)
{
	exo_slot d = empty_slot();

	REFUSED(exo_cap_drop(EXO_SLOT(0, 96)), SLOT);
	REFUSED(exo_cap_drop(EXO_SLOT(3, 0)), SLOT);
	REFUSED(exo_cap_drop(EXO_SLOT(4, 0)), SLOT);
	REFUSED(exo_cap_drop(EXO_NONE), SLOT);
	EQ(exo_cap_drop(d), 0);		/* empty already: no harm */
	slot_put(d);
}

HOSTILE(cap_open, arguments)
{
	exo_slot d = empty_slot();

	REFUSED(exo_cap_open(EXO_SLOT(0, 96), self->domain), SLOT);
	REFUSED(exo_cap_open(EXO_SLOT(3, 0), self->domain), SLOT);
	REFUSED(exo_cap_open(EXO_SLOT(4, 0), self->domain), SLOT);
	REFUSED(exo_cap_open(EXO_NONE, self->domain), SLOT);
	REFUSED(exo_cap_open(ROOT, self->domain), FULL);
	REFUSED_ID(exo_cap_open(d, i), self->domain);
	must(exo_cap_open(d, self->domain));
	REFUSED(exo_cap_open(d, self->domain), FULL);
	slot_put(d);
}

HOSTILE(cap_give, rights)
{
	exo_slot d = empty_slot();

	must(exo_cap_open(d, self->domain));
	REFUSED_SLOT(exo_cap_give(s, 0, self->domain, d));
	REFUSED_RIGHTS(exo_cap_give(s, EXO_R_READ, self->domain, d), ROOT,
	    EXO_R_GIVE);
	for (uint32_t bit = 1; bit < EXO_R_GIVE; bit <<= 1) {
		exo_slot s = weaker(ROOT, bit);

		REFUSED(exo_cap_give(s, bit, self->domain, d), RIGHTS);
		slot_put(s);
	}
	REFUSED(exo_cap_give(ROOT, 0x10000, self->domain, d), RIGHTS);
	REFUSED(exo_cap_give(ROOT, 0xffffffffu, self->domain, d), RIGHTS);
	slot_put(d);
}

HOSTILE(cap_give, receivers)
{
	exo_slot d = empty_slot();
	struct lab lab;

	lab_make(&lab);
	REFUSED_ID(exo_cap_give(ROOT, 0, i, 0), self->domain);
	/* Not opened, opened for another, out of range, no table at all. */
	REFUSED(exo_cap_give(ROOT, 0, self->domain, d), FULL);
	must(exo_cap_open(d, lab.domain));
	REFUSED(exo_cap_give(ROOT, 0, self->domain, d), FULL);
	REFUSED(exo_cap_give(ROOT, 0, self->domain, ROOT), FULL);
	REFUSED(exo_cap_give(ROOT, 0, self->domain, EXO_SLOT(0, 96)), FULL);
	REFUSED(exo_cap_give(ROOT, 0, self->domain, EXO_SLOT(4, 0)), FULL);
	REFUSED(exo_cap_give(ROOT, 0, self->domain, EXO_NONE), FULL);
	REFUSED(exo_cap_give(ROOT, 0, lab.domain, 0), FULL);
	/* Once only. */
	slot_put(d);
	d = empty_slot();
	must(exo_cap_open(d, self->domain));
	EQ(exo_cap_give(ROOT, EXO_R_READ, self->domain, d), 0);
	REFUSED(exo_cap_give(ROOT, EXO_R_READ, self->domain, d), FULL);
	slot_put(d);

	must(exo_domain_kill(lab.domain, lab.name, 0));
	REFUSED(exo_cap_give(ROOT, 0, lab.domain, 0), STATE);
	lab_end(&lab);
}

/* What was opened for a domain is not open to the next one in its row. */
HOSTILE(cap_give, stale_names)
{
	static const uint32_t limits[EXO_RES_MAX] = { 128, 0, 1, 1 };
	exo_slot d = empty_slot();
	struct lab lab;
	struct cell c;
	exo_id old;

	lab_make(&lab);
	old = lab.domain;
	must(exo_cap_open(d, old));
	lab_end(&lab);
	for (uint32_t tries = 0; tries < 64; tries++) {
		cell_make(&c, &(struct cell_opts){ .limits = limits });
		if (EXO_INDEX(c.domain) == EXO_INDEX(old))
			break;
		cell_end(&c);
	}
	if (EXO_INDEX(c.domain) != EXO_INDEX(old)) {
		slot_put(d);
		SKIP("the row was not used again");
	}
	OK(c.domain != old);
	EQ(cell_do(&c, EXO_NR_cap_give, ROOT, 0, self->domain, d, 0, 0),
	    -EXO_E_FULL);
	REFUSED(exo_cap_give(ROOT, 0, old, 0), NAME);
	cell_end(&c);
	slot_put(d);
}

HOSTILE(slots_bind, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_slots_bind(i, l.name, 0, l.slots), l.domain);
	REFUSED_CAP(exo_slots_bind(l.domain, s, 0, l.slots), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_slots_bind(l.domain, l.name, 4, l.slots), ARG);
	REFUSED(exo_slots_bind(l.domain, l.name, 0xffffffffu, l.slots), ARG);
	REFUSED_FRAME(exo_slots_bind(l.domain, l.name, 0, f), ARG);
	REFUSED_KIND(exo_slots_bind(l.domain, l.name, 0, f), KIND(SLOTS),
	    TYPE);
	REFUSED(exo_slots_bind(l.domain, l.name, 0,
	    others_frame(EXO_PG_SLOTS)), REACH);
	REFUSED(exo_slots_bind(l.domain, l.name, 0, 0), EMPTY);
	must(exo_slots_bind(l.domain, l.name, 0, l.slots));
	/* Bound by another now, and not to me. */
	REFUSED(exo_slots_bind(l.domain, l.name, 1, l.slots), REACH);
	REFUSED(exo_slots_bind(self->domain, self->domain_slot, 1, l.slots),
	    REACH);
	REFUSED(exo_slots_bind(l.domain, l.name, 0,
	    frame_of(EXO_PG_SLOTS)), BUSY);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_slots_bind(l.domain, l.name, 0, l.slots), STATE);
	lab_end(&l);
}

/* A capability kept from a table that was given up is gone with it. */
HOSTILE(slots_bind, unbound_is_erased)
{
	exo_ppn t = (exo_ppn)must(vm_page(EXO_PG_SLOTS));
	struct exo_cap c;

	must(exo_slots_bind(self->domain, self->domain_slot, 2, t));
	must(exo_cap_derive(ROOT, EXO_SLOT(2, 7), EXO_R_ALL, EXO_COMP_SAME));
	REFUSED(exo_page_free(self->memory_slot, t, 1), BUSY);
	must(exo_slots_bind(self->domain, self->domain_slot, 2, 0));
	REFUSED(exo_cap_derive(EXO_SLOT(2, 7), EXO_SLOT(0, 95), 0, 0), SLOT);
	must(exo_slots_bind(self->domain, self->domain_slot, 2, t));
	must(exo_cap_read(EXO_SLOT(2, 7), (uint64_t)&c));
	EQ(c.kind, EXO_SLOT_EMPTY);
	EQ(c.len, 0);
	EQ(c.rights, 0);
	must(exo_slots_bind(self->domain, self->domain_slot, 2, 0));
	EQ(exo_page_free(self->memory_slot, t, 1), 1);
}

HOSTILE(slots_clone, arguments)
{
	exo_ppn mine = frame_of(EXO_PG_SLOTS);

	REFUSED(exo_slots_clone(4, mine), ARG);
	REFUSED(exo_slots_clone(0xffffffffu, mine), ARG);
	REFUSED(exo_slots_clone(0, 0), ARG);
	REFUSED_FRAME(exo_slots_clone(0, f), ARG);
	REFUSED(exo_slots_clone(3, mine), SLOT);
	REFUSED_KIND(exo_slots_clone(0, f), KIND(SLOTS), TYPE);
	REFUSED(exo_slots_clone(0, others_frame(EXO_PG_SLOTS)), REACH);
	/* Not over one that is bound: mine, or itself. */
	REFUSED(exo_slots_clone(0,
	    EXO_DOMAINS[EXO_INDEX(self->domain)].slot_tables[0]), REACH);
}

HOSTILE(slots_clone, opened_slots_are_closed)
{
	exo_ppn t = (exo_ppn)must(vm_page(EXO_PG_SLOTS));
	exo_slot d = empty_slot();
	struct exo_cap c;

	must(exo_cap_open(d, self->domain));
	must(exo_slots_clone(0, t));
	must(exo_slots_bind(self->domain, self->domain_slot, 1, t));
	must(exo_cap_read(EXO_SLOT(1, d), (uint64_t)&c));
	EQ(c.kind, EXO_SLOT_EMPTY);
	must(exo_cap_read(EXO_SLOT(1, 0), (uint64_t)&c));
	EQ(c.kind, EXO_SLOT_CAP);
	REFUSED(exo_cap_give(ROOT, 0, self->domain, EXO_SLOT(1, d)), FULL);
	must(exo_slots_bind(self->domain, self->domain_slot, 1, 0));
	EQ(exo_page_free(self->memory_slot, t, 1), 1);
	slot_put(d);
}
