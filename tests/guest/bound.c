/*
 * bound.c - frames that the kernel writes, slot tables, and capabilities that
 * fit what they were made for and nothing else.
 */
#include "cell.h"

static exo_ppn
take(uint32_t kind)
{
	exo_ppn p;

	must(vm_pages(self->acct, self->acct_slot, self->memory_slot, kind, 1,
	    &p));
	return p;
}

static void
give_back(exo_ppn p)
{
	EQ(exo_page_free(self->memory_slot, p, 1), 1);
}

/* Bind seat 2 of a cell with this frame for its upcalls. */
static long
bind(struct cell *c, uint32_t seat, exo_ppn ppn, exo_slot slot)
{
	struct exo_seat_args a = {
		.env = self->env, .entry = (uint64_t)cell_service_entry,
		.stack = c->base + CELL_STACK(2) + EXO_PAGE,
		.upcall = (uint64_t)cell_upcall,
		.upcall_va = c->base + CELL_UPCALL(2),
		.upcall_ppn = ppn, .upcall_slot = slot,
	};

	return exo_seat_bind(c->domain, c->name, seat, (uint64_t)&a);
}

/* ----------------------------------------------------- the upcall's frame */

/* Else the kernel would write trap frames into a page table. */
TEST(bound_frame_is_not_freed_retyped_reguarded_or_bound_twice)
{
	struct cell c;
	exo_id env;
	exo_ppn f = take(EXO_PG_DATA | EXO_KIND_LIVE);

	cell_make(&c, NULL);
	EQ(bind(&c, 2, f, self->memory_slot), 0);
	EQ(EXO_PAGES[f].flags & EXO_PF_BOUND, EXO_PF_BOUND);
	EQ(EXO_PAGES[f].uses, 1);
	EQ(EXO_PAGES[f].pins, 1);
	REFUSED(exo_page_free(self->memory_slot, f, 1), BUSY);
	REFUSED(exo_page_alloc(self->acct, self->acct_slot,
	    self->memory_slot, EXO_PG_PT1, f, 1), BUSY);
	REFUSED(exo_page_guard(self->memory_slot, c.name, f, 8), BUSY);
	REFUSED(bind(&c, 3, f, self->memory_slot), BUSY);
	env = cell_env_make(&c);
	REFUSED(exo_env_event(env, c.name, f, 0, self->memory_slot), BUSY);
	EQ(exo_seat_free(c.domain, c.name, 2), 0);
	EQ(EXO_PAGES[f].flags & EXO_PF_BOUND, 0);
	EQ(EXO_PAGES[f].uses, 0);
	EQ(bind(&c, 3, f, self->memory_slot), 0);
	EQ(exo_seat_free(c.domain, c.name, 3), 0);
	give_back(f);
	cell_end(&c);
}

/* The kernel's writes need the right to write, made by the binder. */
TEST(binding_needs_a_live_data_frame_and_the_right_to_write)
{
	struct cell c;
	exo_slot weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_ALL & ~EXO_R_WRITE, EXO_COMP_SAME));
	exo_ppn live = take(EXO_PG_DATA | EXO_KIND_LIVE);
	exo_ppn priv = take(EXO_PG_DATA), table = take(EXO_PG_PT1);
	uint64_t va = vm_alloc_va(1);

	cell_make(&c, NULL);
	REFUSED(bind(&c, 2, live, weak), RIGHTS);
	REFUSED(bind(&c, 2, live, c.name), DENIED);
	REFUSED(bind(&c, 2, live, 95), SLOT);
	REFUSED(bind(&c, 2, priv, self->memory_slot), TYPE);
	REFUSED(bind(&c, 2, table, self->memory_slot), TYPE);
	REFUSED(bind(&c, 2, c.root, c.name), TYPE);
	REFUSED(bind(&c, 2, c.record, c.name), TYPE);
	REFUSED(bind(&c, 2, EXO_MACHINE->nframes, self->memory_slot), ARG);
	/* Runnable somewhere: the kernel would write code. */
	EQ(vm_map(va, live, VM_RX, self->memory_slot), 0);
	REFUSED(bind(&c, 2, live, self->memory_slot), BUSY);
	EQ(vm_unmap(va, 1), 0);
	/* And the other way round. */
	EQ(bind(&c, 2, live, self->memory_slot), 0);
	EQ(vm_map(va, live, VM_RX, self->memory_slot), -EXO_E_WX);
	EQ(exo_seat_free(c.domain, c.name, 2), 0);
	give_back(live);
	give_back(priv);
	give_back(table);
	slot_put(weak);
	cell_end(&c);
}

/* Unmapped by force, it is the kernel's all the same until it is unbound. */
TEST(bound_frame_without_mappings_stays)
{
	struct cell c;
	exo_ppn f;

	cell_make(&c, NULL);
	f = c.frame[CELL_UPCALL(CELL_SEAT) / EXO_PAGE];
	EQ(exo_page_unmap(c.name, f, 8), 2);
	EQ(EXO_PAGES[f].maps, 0);
	REFUSED(exo_page_free(c.name, f, 1), BUSY);
	/* A trap there: the frame is written, the handler can't read it. */
	EQ((long)cell_do(&c, EXO_NR_null, 0, 0, 0, 0, 0, 0), 0);
	OK(!cell_read(&c, 8, NULL));
	must(exo_seat_repair(c.domain, c.name, CELL_SEAT));
	cell_end(&c);
}

TEST(dead_domains_frames_are_bound_until_it_is_reaped)
{
	struct cell c;
	exo_ppn f = take(EXO_PG_DATA | EXO_KIND_LIVE);

	cell_make(&c, NULL);
	EQ(bind(&c, 2, f, self->memory_slot), 0);
	EQ(exo_domain_kill(c.domain, c.name, 0), 0);
	EQ(exo_page_free(self->memory_slot, f, 1), -EXO_E_BUSY);
	while (exo_domain_reap(c.domain, 16) > 0)
		;
	give_back(f);
	cell_reap(&c);
}

/* Records of objects: while they are used nobody has them for anything else. */
TEST(frames_of_records_stay_what_they_are)
{
	struct cell c;
	exo_id env;
	exo_ppn frame;

	cell_make(&c, NULL);
	env = cell_env_make(&c);
	frame = EXO_ENVS[EXO_INDEX(env)].frame;
	REFUSED(exo_page_free(c.name, frame, 1), BUSY);
	REFUSED(exo_page_free(c.name, c.record, 1), BUSY);
	REFUSED(exo_page_free(c.name, c.root, 1), BUSY);
	EQ(vm_map(vm_alloc_va(1), frame, VM_R, c.name), -EXO_E_TYPE);
	EQ(vm_map(vm_alloc_va(1), c.record, VM_R, c.name), -EXO_E_TYPE);
	EQ(vm_map(vm_alloc_va(1), c.record, VM_RW, c.name), -EXO_E_TYPE);
	REFUSED(exo_env_create(c.acct, c.name, c.name, EXO_NONE, frame),
	    BUSY);
	REFUSED(exo_env_create(c.acct, c.name, c.name, EXO_NONE, c.record),
	    TYPE);
	cell_end(&c);
}

/* ------------------------------------------------------------- slot tables */

static exo_ppn
my_slots(void)
{
	return EXO_DOMAINS[EXO_INDEX(self->domain)].slot_tables[0];
}

static uint8_t
kind_of(exo_slot s)
{
	struct exo_cap c;

	must(exo_cap_read(s, (uint64_t)&c));
	return c.kind;
}

/* SHARE: one table, two domains. */
TEST(shared_slot_table_is_one_table)
{
	struct cell c;
	exo_slot s = slot_take();

	cell_make(&c, NULL);
	EQ(kind_of(s), EXO_SLOT_EMPTY);
	EQ(cell_do(&c, EXO_NR_cap_derive, self->memory_slot, s, EXO_R_READ,
	    EXO_COMP_SAME, 0, 0), 0);
	EQ(kind_of(s), EXO_SLOT_CAP);
	EQ(exo_cap_drop(s), 0);
	EQ(cell_do(&c, EXO_NR_cap_derive, s, s, EXO_R_READ, EXO_COMP_SAME, 0,
	    0), -EXO_E_SLOT);
	slot_put(s);
	cell_end(&c);
}

/* COPY: what is in it now, and from then on two. */
TEST(cloned_slot_table_goes_its_own_way)
{
	struct cell c;
	exo_ppn t = take(EXO_PG_SLOTS);
	exo_slot s = slot_take(), o = slot_take();

	cell_make(&c, &(struct cell_opts){ .alone = true });
	must(exo_cap_derive(self->memory_slot, s, EXO_R_READ, EXO_COMP_SAME));
	must(exo_cap_open(o, c.domain));
	EQ(exo_slots_clone(0, t), 0);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, t), 0);
	EQ(kind_of(EXO_SLOT(1, s)), EXO_SLOT_CAP);
	EQ(kind_of(EXO_SLOT(1, o)), EXO_SLOT_EMPTY);	/* not opened twice */
	EQ(exo_cap_drop(s), 0);
	EQ(kind_of(EXO_SLOT(1, s)), EXO_SLOT_CAP);
	EQ(exo_cap_drop(EXO_SLOT(1, 0)), 0);
	EQ(kind_of(0), EXO_SLOT_CAP);
	/* It is used: not to be cloned over, freed, or mapped. */
	REFUSED(exo_slots_clone(0, t), REACH);
	REFUSED(exo_page_free(self->memory_slot, t, 1), BUSY);
	EQ(vm_map(vm_alloc_va(1), t, VM_R, self->memory_slot), -EXO_E_TYPE);
	REFUSED(exo_slots_bind(self->domain, self->domain_slot, 1, t), BUSY);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, 0), 0);
	REFUSED(exo_slots_bind(self->domain, self->domain_slot, 1, 0), EMPTY);
	slot_put(s);
	slot_put(o);
	give_back(t);
	cell_end(&c);
}

/* What was in it is not for who binds it next. */
TEST(unbound_slot_table_is_empty)
{
	exo_ppn t = take(EXO_PG_SLOTS);

	EQ(exo_slots_clone(0, t), 0);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, t), 0);
	EQ(kind_of(EXO_SLOT(1, 0)), EXO_SLOT_CAP);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, 0), 0);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, t), 0);
	for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++)
		EQ(kind_of(EXO_SLOT(1, i)), EXO_SLOT_EMPTY);
	EQ(exo_slots_bind(self->domain, self->domain_slot, 1, 0), 0);
	give_back(t);
}

/* Else credentials could be had by binding the table that holds them. */
TEST(slot_table_of_another_is_not_bound)
{
	struct cell c, thief;

	cell_make(&c, &(struct cell_opts){ .alone = true });
	cell_make(&thief, &(struct cell_opts){ .alone = true });
	/* I made c's table, but it is bound elsewhere. */
	REFUSED(exo_slots_bind(self->domain, self->domain_slot, 1, c.slots),
	    REACH);
	/* The thief has all rights on itself, and tries mine and c's. */
	EQ(cell_do(&thief, EXO_NR_cap_open, 0, self->domain, 0, 0, 0, 0), 0);
	EQ(exo_cap_give(thief.name, EXO_R_ALL, thief.domain, 0), 0);
	EQ(cell_do(&thief, EXO_NR_slots_bind, thief.domain, 0, 1, my_slots(),
	    0, 0), -EXO_E_REACH);
	EQ(cell_do(&thief, EXO_NR_slots_bind, thief.domain, 0, 1, c.slots, 0,
	    0), -EXO_E_REACH);
	EQ(cell_do(&thief, EXO_NR_slots_bind, thief.domain, 0, 1,
	    thief.frame[1], 0, 0), -EXO_E_TYPE);
	/* Its own may be bound twice: it is the same table. */
	EQ(cell_do(&thief, EXO_NR_slots_bind, thief.domain, 0, 1,
	    thief.slots, 0, 0), 0);
	cell_end(&thief);
	cell_end(&c);
}

/* ---------------------------------------------------------- capabilities */

TEST(rights_never_grow)
{
	exo_slot s = slot_take(), d = slot_take();

	for (uint32_t bit = 0; bit < 16; bit++) {
		uint32_t has = EXO_R_ALL & ~(1u << bit);

		must(exo_cap_derive(self->memory_slot, s, has,
		    EXO_COMP_SAME));
		REFUSED(exo_cap_derive(s, d, 1u << bit, EXO_COMP_SAME),
		    RIGHTS);
		REFUSED(exo_cap_derive(s, d, EXO_R_ALL, EXO_COMP_SAME),
		    RIGHTS);
		REFUSED(exo_cap_derive(s, d, 1u << bit, 7), RIGHTS);
		EQ(exo_cap_derive(s, d, has, 7), 0);
		EQ(exo_cap_drop(d), 0);
		EQ(exo_cap_drop(s), 0);
	}
	/* Fresh children have all rights, on themselves; MINT makes them. */
	must(exo_cap_derive(self->memory_slot, s, EXO_R_ALL & ~EXO_R_MINT,
	    EXO_COMP_SAME));
	REFUSED(exo_cap_derive(s, d, EXO_R_ALL, EXO_COMP_FRESH), RIGHTS);
	slot_put(s);
	slot_put(d);
}

TEST(gifts_go_into_opened_slots_only_and_never_gain_rights)
{
	struct cell c, d;
	exo_slot weak;

	cell_make(&c, &(struct cell_opts){ .alone = true });
	cell_make(&d, &(struct cell_opts){ .alone = true });
	REFUSED(exo_cap_give(self->memory_slot, EXO_R_READ, c.domain, 5),
	    FULL);
	/* Opened for somebody else. */
	EQ(cell_do(&c, EXO_NR_cap_open, 5, d.domain, 0, 0, 0, 0), 0);
	REFUSED(exo_cap_give(self->memory_slot, EXO_R_READ, c.domain, 5),
	    FULL);
	EQ(cell_do(&c, EXO_NR_cap_drop, 5, 0, 0, 0, 0, 0), 0);
	EQ(cell_do(&c, EXO_NR_cap_open, 5, self->domain, 0, 0, 0, 0), 0);
	weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_READ | EXO_R_GIVE, EXO_COMP_SAME));
	REFUSED(exo_cap_give(weak, EXO_R_READ | EXO_R_WRITE, c.domain, 5),
	    RIGHTS);
	EQ(exo_cap_drop(weak), 0);
	must(exo_cap_derive(self->memory_slot, weak, EXO_R_READ,
	    EXO_COMP_SAME));
	REFUSED(exo_cap_give(weak, EXO_R_READ, c.domain, 5), RIGHTS);
	EQ(exo_cap_give(self->memory_slot, EXO_R_READ, c.domain, 5), 0);
	/* Once. */
	REFUSED(exo_cap_give(self->memory_slot, EXO_R_ALL, c.domain, 5),
	    FULL);
	EQ(cell_do(&c, EXO_NR_cap_derive, 5, 6, EXO_R_READ | EXO_R_WRITE,
	    EXO_COMP_SAME, 0, 0), -EXO_E_RIGHTS);
	EQ(cell_do(&c, EXO_NR_cap_give, 5, EXO_R_READ, d.domain, 5, 0, 0),
	    -EXO_E_RIGHTS);
	slot_put(weak);
	cell_end(&d);
	cell_end(&c);
}

/* A child opens what is below it: not its parent, not its sibling. */
TEST(names_open_themselves_and_what_is_below)
{
	exo_slot one = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	exo_slot two = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	exo_slot low = (exo_slot)must(slot_derive(one, EXO_R_ALL, 0x80));
	exo_ppn f;

	must(vm_pages(self->acct, self->acct_slot, one,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &f));
	REFUSED(exo_page_unmap(two, f, 1), DENIED);
	REFUSED(exo_page_unmap(low, f, 1), DENIED);
	REFUSED(exo_page_free(low, f, 1), DENIED);
	EQ(exo_page_guard(one, low, f, 1), 0);
	REFUSED(exo_page_unmap(two, f, 1), DENIED);
	EQ(exo_page_unmap(low, f, 1), 0);
	EQ(exo_page_unmap(one, f, 1), 0);
	EQ(exo_page_free(one, f, 1), 1);
	slot_put(low);
	slot_put(one);
	slot_put(two);
}

/*
 * A name outlives its object, but no object gets it again: what was kept from
 * the dead opens nothing new, though frame and row are the same.
 */
TEST(capability_of_the_dead_fits_no_new_object)
{
	exo_slot old = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH)), new;
	exo_ppn f, frame = take(EXO_PG_ENV);
	exo_id env, again;

	must(vm_pages(self->acct, self->acct_slot, old,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &f));
	env = (exo_id)must(exo_env_create(self->acct, self->acct_slot, old,
	    EXO_NONE, frame));
	EQ(exo_env_kill(env, old, 0), 0);
	while (EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_DEAD)
		(void)!exo_env_reap(env, 8);
	EQ(exo_env_free(env, old), 0);
	EQ(exo_page_free(old, f, 1), 1);
	new = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	EQ(exo_page_alloc(self->acct, self->acct_slot, new,
	    EXO_PG_DATA | EXO_KIND_LIVE, f, 1), 1);
	again = (exo_id)must(exo_env_create(self->acct, self->acct_slot, new,
	    EXO_INDEX(env), frame));
	REFUSED(exo_page_free(old, f, 1), DENIED);
	REFUSED(exo_env_kill(again, old, 0), DENIED);
	REFUSED(exo_env_kill(env, old, 0), NAME);
	EQ(exo_env_kill(again, new, 0), 0);
	while (EXO_ENVS[EXO_INDEX(again)].state == EXO_ENV_DEAD)
		(void)!exo_env_reap(again, 8);
	EQ(exo_env_free(again, new), 0);
	EQ(exo_page_free(new, f, 1), 1);
	give_back(frame);
	slot_put(old);
	slot_put(new);
}

/* No chosen bytes spell a fresh name. */
TEST(fresh_name_is_not_spelled_by_choice)
{
	exo_slot fresh = (exo_slot)must(slot_derive(self->mint_slot,
	    EXO_R_ALL, EXO_COMP_FRESH));
	exo_slot s = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_SAME)), d;
	struct exo_cap want, got;
	exo_ppn f;

	must(exo_cap_read(fresh, (uint64_t)&want));
	must(exo_cap_read(s, (uint64_t)&got));
	must(vm_pages(self->acct, self->acct_slot, fresh,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &f));
	EQ(want.len - got.len, EXO_CAP_FRESH_LEN);
	/* Byte after byte of it, as chosen components, as far as they go. */
	for (uint32_t i = got.len; i < want.len; i++) {
		long r = slot_derive(s, EXO_R_ALL, want.name[i]);

		if (r < 0)
			break;
		d = (exo_slot)r;
		slot_put(s);
		s = d;
		EQ(exo_page_unmap(s, f, 1), -EXO_E_DENIED);
	}
	EQ(exo_page_free(fresh, f, 1), 1);
	slot_put(fresh);
	slot_put(s);
}
