/*
 * hostile.c - bad arguments, and things to use them on.
 */
#include "hostile.h"

#include "cell.h"

static const uint32_t cell_limits[EXO_RES_MAX] = { 128, 0, 1 };
static const struct cell_opts cell_opts = { .limits = cell_limits };

/* ---- capabilities */

exo_slot
fresh_name(void)
{
	return (exo_slot)must(slot_derive(self->root_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
}

exo_slot
weaker(exo_slot have, uint32_t without)
{
	struct exo_cap c;

	must(exo_cap_read(have, (uint64_t)&c));
	return (exo_slot)must(slot_derive(have, c.rights & ~without,
	    EXO_COMP_SAME));
}

/* An opened slot holds no capability either. */
static exo_slot
opened_slot(void)
{
	static exo_slot slot = EXO_NONE;

	if (slot == EXO_NONE) {
		slot = slot_take();
		must(exo_cap_open(slot, self->domain));
	}
	return slot;
}

exo_slot
bad_slot(uint32_t which)
{
	const exo_slot bad[BAD_SLOTS] = {
		EXO_SLOT(0, EXO_SLOTS_PER_TABLE - 1),	/* empty */
		EXO_SLOT(0, EXO_SLOTS_PER_TABLE),
		EXO_SLOT(EXO_SLOT_TABLES - 1, 0),	/* unbound */
		EXO_SLOT(EXO_SLOT_TABLES, 0),
		0x80000000u,
		EXO_NONE,
		opened_slot(),
	};

	return bad[which];
}

exo_slot
stranger(void)
{
	static exo_slot slot = EXO_NONE;

	if (slot == EXO_NONE)
		slot = fresh_name();
	return slot;
}

/* ---- ids */

exo_id
bad_id(exo_id good, uint32_t which)
{
	const exo_id bad[BAD_IDS] = {
		0,
		EXO_ID(EXO_GEN(good) + 1, EXO_INDEX(good)),
		EXO_ID(EXO_GEN(good) - 1, EXO_INDEX(good)),
		EXO_ID(EXO_GEN(good), EXO_NONE),
		EXO_ID(EXO_GEN(good), 0x00ffffff),
		good | 1ull << 63,
		1ull << 63,
	};

	return bad[which];
}

/* ---- pointers */

uint8_t *
good_page(void)
{
	static uint64_t va;

	if (va == 0) {
		long top = must(vm_page(EXO_PG_DATA));
		long ppn = must(vm_page(EXO_PG_DATA));

		va = vm_alloc_va(2);
		must(vm_map(va, (exo_ppn)ppn, VM_RW, self->memory_slot));
		/* Let there be memory up to the very end, too. */
		must(vm_map(EXO_USER_TOP - EXO_PAGE, (exo_ppn)top, VM_RW,
		    self->memory_slot));
	}
	return (uint8_t *)va;
}

uint64_t
bad_pointer(uint64_t size, uint32_t which)
{
	const uint64_t end = (uint64_t)good_page() + EXO_PAGE;
	const uint64_t bad[BAD_WRITES] = {
		0,
		end,
		end - size + 1,
		EXO_USER_TOP - size + 1,
		EXO_USER_TOP,
		0x0000800000000000ul,		/* not canonical */
		0x8000000000000000ul,
		0xffff800000000000ul,		/* all memory */
		0xffffffff80000000ul,		/* the kernel */
		EXO_PUB,			/* read-only, but not ours */
		0ul - size,
		0ul - size + 1,			/* wraps */
		~0ul,
		(uint64_t)bad_pointer,		/* text */
		(uint64_t)self,			/* read-only data */
	};

	return bad[which];
}

/* ---- frames */

exo_ppn
bad_frame(uint32_t which)
{
	const exo_ppn bad[BAD_FRAMES] = {
		EXO_MACHINE->nframes, EXO_MACHINE->nframes + 1,
		EXO_PPN_MAX, 0x80000000u, 0xffffffffu,
	};

	return bad[which];
}

static exo_ppn
frame_find(uint32_t kind)
{
	for (exo_ppn f = 1; f < EXO_MACHINE->nframes; f++) {
		if (EXO_PAGES[f].kind == kind)
			return f;
	}
	return 0;
}

exo_ppn
frame_of(uint32_t kind)
{
	static exo_ppn frames[EXO_PG_KINDS];

	if (kind == EXO_PG_FREE)
		return EXO_MACHINE->free_head;
	if (frames[kind] == 0) {
		if (kind >= EXO_PG_KERNEL)
			frames[kind] = frame_find(kind);
		else
			frames[kind] = (exo_ppn)must(vm_page(kind));
	}
	return frames[kind];
}

exo_ppn
others_frame(uint32_t kind)
{
	static exo_ppn frames[EXO_PG_KINDS];
	static struct cell cell;
	exo_ppn ppn;

	if (frames[kind] != 0)
		return frames[kind];
	if (cell.acct == 0)
		cell_make(&cell, &cell_opts);
	ppn = EXO_MACHINE->free_head;
	must(cell_do(&cell, EXO_NR_page_alloc, cell.acct, cell.name,
	    cell.name, kind, ppn, 1));
	return frames[kind] = ppn;
}

void
hostile_begin(void)
{
	static bool begun;

	if (begun)
		return;
	begun = true;
	(void)good_page();
	(void)stranger();
	(void)opened_slot();
	for (uint32_t kind = EXO_PG_FREE; kind < EXO_PG_KINDS; kind++) {
		(void)frame_of(kind);
		if (kind > EXO_PG_FREE && kind < EXO_PG_KERNEL)
			(void)others_frame(kind);
	}
}

/* ---- the lab */

exo_ppn
lab_frame(struct lab *l, uint32_t kind)
{
	exo_ppn ppn;

	must(vm_pages(l->acct, l->name, l->name, kind, 1, &ppn));
	return ppn;
}

void
lab_make(struct lab *l)
{
	uint32_t limits[EXO_RES_MAX] = { 64, 4, 8, 8,
	    EXO_MACHINE->npcids > 1 ? 4 : 0, 4, 64 };

	l->name = fresh_name();
	l->acct = (exo_id)must(exo_acct_create(self->acct, self->acct_slot,
	    l->name, self->acct, (uint64_t)limits));
	l->root = lab_frame(l, EXO_PG_PT4);
	l->dframe = lab_frame(l, EXO_PG_DOMAIN);
	l->eframe = lab_frame(l, EXO_PG_ENV);
	l->slots = lab_frame(l, EXO_PG_SLOTS);
	l->domain = (exo_id)must(exo_domain_create(l->acct, l->name, l->name,
	    EXO_NONE, l->dframe, l->root));
	l->env = (exo_id)must(exo_env_create(l->acct, l->name, l->name,
	    EXO_NONE, l->eframe));
}

void
domain_finish(exo_id domain)
{
	while (must(exo_domain_reap(domain, EXO_STEPS_MAX)) > 0)
		;
}

void
env_finish(exo_id env)
{
	while (must(exo_env_reap(env, EXO_STEPS_MAX)) > 0)
		;
}

/* Whose end waits for that of a child helps it along. */
static void
acct_reap_all(exo_id acct)
{
	long r;

	while ((r = exo_acct_reap(acct, EXO_STEPS_MAX)) != 0) {
		if (r != -EXO_E_BUSY) {
			must(r);
			continue;
		}
		for (uint32_t i = 1; i < EXO_MACHINE->naccts; i++) {
			if (EXO_ACCTS[i].state == EXO_ACCT_DYING &&
			    EXO_ACCTS[i].parent == EXO_INDEX(acct))
				acct_reap_all(EXO_ID(EXO_ACCTS[i].gen, i));
		}
	}
}

void
acct_finish(exo_id acct, exo_slot slot)
{
	if (EXO_ACCTS[EXO_INDEX(acct)].state == EXO_ACCT_LIVE)
		must(exo_acct_destroy(acct, slot));
	acct_reap_all(acct);
}

void
lab_end(struct lab *l)
{
	acct_finish(l->acct, l->name);
	slot_put(l->name);
}

long
lab_seat(struct lab *l, uint32_t seat, exo_id env)
{
	struct exo_seat_args a = { .env = env, .entry = 0x1000,
	    .stack = 0x2000 };

	return exo_seat_bind(l->domain, l->name, seat, (uint64_t)&a);
}
