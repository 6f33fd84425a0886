/*
 * sharing.c - private tables and frames between two domains that distrust
 * each other: the attacks that tests/model/sharing.py prints when one of its
 * rules is left out, with the real calls.
 *
 * Domain 0 is this program, in one top-level slot of its own that is used for
 * nothing else; domain 1 is a cell that was given a copy of that slot's entry
 * (a fork).  Both hold every capability: reach is what counts.
 */
#include "cell.h"

#define SLOT4		1u
#define VA		((uint64_t)SLOT4 << 39)
#define LINK_W		EXO_PTE_W
#define MARK		0x1234ul

#define ME		((struct cell *)NULL)

static long
by_(struct cell *who, uint32_t nr, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f)
{
	if (who != ME)
		return cell_do(who, nr, a, b, c, d, e, f);
	return exo_raw6(EXO_NR_BASE + nr, a, b, c, d, e, f);
}

static bool
reads(struct cell *who, uint64_t va, uint64_t want)
{
	uint64_t v = 0;

	return (who != ME ? cell_read(who, va, &v) : probe_read(va, &v)) &&
	    v == want;
}

static bool
sees(struct cell *who, uint64_t va)
{
	return who != ME ? cell_read(who, va, NULL) : probe_read(va, NULL);
}

static bool
writes(struct cell *who, uint64_t va, uint64_t v)
{
	return who != ME ? cell_write(who, va, v) : probe_write(va, v);
}

/* A frame of this kind that `who` allocated. */
static exo_ppn
take(struct cell *who, uint32_t kind)
{
	exo_ppn p;

	if (who == ME) {
		must(vm_pages(self->acct, self->acct_slot, self->memory_slot,
		    kind, 1, &p));
		return p;
	}
	p = EXO_MACHINE->free_head;
	EQ(by_(who, EXO_NR_page_alloc, who->acct, who->name,
	    self->memory_slot, kind, p, 1), 1);
	return p;
}

static exo_ppn
take_pt1(struct cell *who)
{
	exo_ppn t = take(who, EXO_PG_PT1), r = take(who, EXO_PG_RMAP);

	EQ(by_(who, EXO_NR_pt_companion, t, r, 0, 0, 0, 0), 0);
	return t;
}

static long
set(struct cell *who, exo_ppn table, uint32_t index, uint64_t pte)
{
	return by_(who, EXO_NR_pt_set, self->memory_slot, table, index, pte,
	    self->memory_slot, 0);
}

static long
copy(struct cell *who, exo_ppn dst, uint32_t index, uint64_t va, uint64_t n)
{
	return by_(who, EXO_NR_pt_copy, dst, index, va, n, 0, 0);
}

static exo_ppn
root_of(struct cell *who)
{
	return EXO_DOMAINS[EXO_INDEX(who != ME ? who->domain :
	    self->domain)].root;
}

/* What domain 0 begins with: one writable private frame at VA. */
static struct {
	exo_ppn t3, t2, t1, frame;
} r;

static void
begin(void)
{
	r.t3 = take(ME, EXO_PG_PT3);
	r.t2 = take(ME, EXO_PG_PT2);
	r.t1 = take_pt1(ME);
	r.frame = take(ME, EXO_PG_DATA);
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW)), 0);
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W)), 0);
	EQ(set(ME, r.t3, 0, EXO_PTE(r.t2, LINK_W)), 0);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(writes(ME, VA, MARK));
}

static void
free_table(exo_ppn t)
{
	(void)!exo_pt_empty(t, 0, 512);
	(void)!exo_page_free(self->memory_slot, t, 1);
}

/* Give back what is still there, from the top down. */
static void
finish(struct cell *c)
{
	exo_ppn companion = EXO_PAGES[r.t1].companion;

	EQ(set(ME, root_of(ME), SLOT4, 0), 0);
	if (c != NULL)
		cell_end(c);
	free_table(r.t3);
	free_table(r.t2);
	free_table(r.t1);
	(void)!exo_page_free(self->memory_slot, companion, 1);
	(void)!exo_page_free(self->memory_slot, r.frame, 1);
}

static void
fork_to(struct cell *c)
{
	cell_make(c, &(struct cell_opts){ .copy_root = SLOT4 });
}

/* Domain 1's copy of everything still reads what was there at the fork. */
static void
child_has(struct cell *c)
{
	OK(reads(c, VA, MARK));
	EQ(EXO_PAGES[r.frame].kind, EXO_PG_DATA);
}

/* -------------------------------------------------------------- the fork */

TEST(fork_shares_all_below_one_entry_and_nobody_writes)
{
	struct cell c;

	begin();
	fork_to(&c);
	EQ(EXO_PAGES[r.t3].refs, 2);
	EQ(EXO_PAGES[r.t2].refs, 1);
	OK(reads(ME, VA, MARK));
	child_has(&c);
	OK(!writes(ME, VA, 1));
	EQ(probe_regs.err, 7);
	OK(!writes(&c, VA, 2));
	EQ(c.page->regs.err, 7);
	OK(reads(ME, VA, MARK));
	child_has(&c);
	finish(&c);
}

/* ----------------------------------------- the rules, one by one, left out */

/*
 * Without `reach`: fork; 0 drops its entry; 0, who made the table and holds
 * its guard, unlinks what only 1 reaches: 1's memory changes.
 */
TEST(reach_a_parent_does_not_edit_what_only_its_child_reaches)
{
	struct cell c;
	exo_ppn f;

	begin();
	f = take(ME, EXO_PG_DATA);
	fork_to(&c);
	EQ(set(ME, root_of(ME), SLOT4, 0), 0);
	EQ(EXO_PAGES[r.t3].refs, 1);
	EQ(set(ME, r.t3, 0, 0), -EXO_E_REACH);
	EQ(set(ME, r.t2, 0, 0), -EXO_E_REACH);
	EQ(set(ME, r.t1, 0, 0), -EXO_E_REACH);
	EQ(set(ME, r.t1, 1, EXO_PTE(f, VM_RW)), -EXO_E_REACH);
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW)), -EXO_E_REACH);
	EQ(exo_pt_empty(r.t3, 0, 512), -EXO_E_BUSY);
	EQ(exo_pt_empty(r.t1, 0, 512), -EXO_E_BUSY);
	EQ(exo_page_free(self->memory_slot, r.t1, 1), -EXO_E_BUSY);
	EQ(exo_page_free(self->memory_slot, r.frame, 1), -EXO_E_BUSY);
	/* Nor take them back: they are linked elsewhere. */
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, 0)), -EXO_E_REACH);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)),
	    -EXO_E_REACH);
	child_has(&c);
	/* Nor map the frame, though its guard is mine. */
	{
		uint64_t va = vm_alloc_va(1);

		EQ(vm_map(va, r.frame, VM_R, self->memory_slot),
		    -EXO_E_SHARED);
	}
	(void)!exo_page_free(self->memory_slot, f, 1);
	finish(&c);
}

/* Without `frozen`: fork; 0 unlinks in a table that both have. */
TEST(frozen_what_two_share_neither_changes)
{
	struct cell c;
	struct cell *who[2] = { ME, &c };
	exo_ppn f, t2;

	begin();
	fork_to(&c);
	for (uint32_t i = 0; i < 2; i++) {
		f = take(who[i], EXO_PG_DATA);
		t2 = take(who[i], EXO_PG_PT2);
		EQ(set(who[i], r.t3, 0, 0), -EXO_E_FROZEN);
		EQ(set(who[i], r.t2, 0, 0), -EXO_E_FROZEN);
		EQ(set(who[i], r.t1, 0, 0), -EXO_E_FROZEN);
		EQ(set(who[i], r.t3, 1, EXO_PTE(t2, 0)), -EXO_E_FROZEN);
		EQ(set(who[i], r.t1, 1, EXO_PTE(f, VM_R)), -EXO_E_FROZEN);
		EQ(set(who[i], r.t1, 0, EXO_PTE(f, VM_R)), -EXO_E_FROZEN);
		EQ(set(who[i], r.t1, 0, EXO_PTE(r.frame, VM_RW)),
		    -EXO_E_FROZEN);
		EQ(copy(who[i], r.t1, 1, VA, 1), -EXO_E_FROZEN);
		(void)!exo_page_free(self->memory_slot, f, 1);
		(void)!exo_page_free(self->memory_slot, t2, 1);
	}
	OK(reads(ME, VA, MARK));
	child_has(&c);
	finish(&c);
}

/*
 * Without `clear`: fork; 0 copies an entry below into a table of its own and
 * goes there; 1, alone above now, widens its link: the entry below still had
 * its W, and 1 writes what 0 reads.
 */
TEST(clear_copying_narrows_the_source_too)
{
	struct cell c;
	exo_ppn t3;

	begin();
	fork_to(&c);
	t3 = take(ME, EXO_PG_PT3);
	EQ(copy(ME, t3, 0, VA, 1), 1);
	EQ(EXO_PAGES[r.t2].refs, 2);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(t3, LINK_W)), 0);
	EQ(EXO_PAGES[r.t3].refs, 1);
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(!writes(&c, VA, 9));
	/* The next link down is to a table that both have. */
	EQ(set(&c, r.t3, 0, EXO_PTE(r.t2, LINK_W)), -EXO_E_LOOP);
	EQ(set(ME, t3, 0, EXO_PTE(r.t2, LINK_W)), -EXO_E_LOOP);
	OK(!writes(&c, VA, 9));
	OK(!writes(ME, VA, 9));
	OK(reads(ME, VA, MARK));
	child_has(&c);
	finish(&c);
	free_table(t3);
}

/*
 * Without `exclusive`: 0 copies the last entries into tables that only it has,
 * and makes its entry writable: 1 maps the frame too.
 */
TEST(exclusive_a_frame_of_two_entries_is_nobodys_to_write)
{
	struct cell c;
	exo_ppn t3, t2, t1;

	begin();
	fork_to(&c);
	t3 = take(ME, EXO_PG_PT3);
	t2 = take(ME, EXO_PG_PT2);
	t1 = take_pt1(ME);
	EQ(copy(ME, t1, 0, VA, 1), 1);
	EQ(set(ME, t2, 0, EXO_PTE(t1, LINK_W)), 0);
	EQ(set(ME, t3, 0, EXO_PTE(t2, LINK_W)), 0);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(t3, LINK_W)), 0);
	EQ(EXO_PAGES[r.frame].maps, 2);
	EQ(EXO_PAGES[r.frame].uses, 0);
	EQ(set(ME, t1, 0, EXO_PTE(r.frame, VM_RW)), -EXO_E_SHARED);
	OK(!writes(ME, VA, 9));
	/* The other one's path is its own now, too. */
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	EQ(set(&c, r.t3, 0, EXO_PTE(r.t2, LINK_W)), 0);
	EQ(set(&c, r.t2, 0, EXO_PTE(r.t1, LINK_W)), 0);
	EQ(set(&c, r.t1, 0, EXO_PTE(r.frame, VM_RW)), -EXO_E_SHARED);
	OK(!writes(&c, VA, 9));
	child_has(&c);
	/* When 0 lets go, the copy is needless: 1 just takes it. */
	EQ(set(ME, t1, 0, 0), 0);
	EQ(set(&c, r.t1, 0, EXO_PTE(r.frame, VM_RW)), 0);
	OK(writes(&c, VA, 9));
	OK(!sees(ME, VA));
	{
		exo_ppn companion = EXO_PAGES[t1].companion;

		finish(&c);
		free_table(t3);
		free_table(t2);
		free_table(t1);
		(void)!exo_page_free(self->memory_slot, companion, 1);
	}
}

/* Without `second`: a frame that has a writable entry is mapped once more, to
 * be read elsewhere while it is written here. */
TEST(second_a_written_frame_takes_no_other_mapping)
{
	uint64_t pte[2];
	struct cell c;

	begin();
	EQ(set(ME, r.t1, 1, EXO_PTE(r.frame, VM_R)), -EXO_E_SHARED);
	EQ(set(ME, r.t1, 1, EXO_PTE(r.frame, VM_RW)), -EXO_E_SHARED);
	pte[0] = EXO_PTE(r.frame, VM_R);
	EQ(exo_pt_batch(0, r.t1, 5, 1, (uint64_t)pte, self->memory_slot),
	    -EXO_E_SHARED);
	fork_to(&c);
	/* Both see it by frozen links; its entry has W still. */
	EQ(EXO_PAGES[r.frame].uses, 1);
	EQ(vm_map(vm_alloc_va(1), r.frame, VM_R, self->memory_slot),
	    -EXO_E_SHARED);
	EQ(set(&c, c.table[5], 60, EXO_PTE(r.frame, VM_R)), -EXO_E_SHARED);
	/* Copied: W goes from the shared source, below frozen links. */
	EQ(copy(&c, c.table[5], 60, VA, 1), 1);
	EQ(EXO_PAGES[r.frame].uses, 0);
	/* 0 leaves; 1 widens from the top: two entries, no W. */
	EQ(set(ME, root_of(ME), SLOT4, 0), 0);
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(!writes(&c, VA, 9));
	EQ(set(&c, r.t1, 0, EXO_PTE(r.frame, VM_RW)), -EXO_E_SHARED);
	child_has(&c);
	finish(&c);
}

/* Without `widen`: fork; 0 sets W on its link to what both have. */
TEST(widen_a_link_to_a_shared_table_stays_narrow)
{
	struct cell c;

	begin();
	fork_to(&c);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)), -EXO_E_LOOP);
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(r.t3, LINK_W)), -EXO_E_LOOP);
	OK(!writes(ME, VA, 9));
	OK(!writes(&c, VA, 9));
	/* A second link to it, with or without W: it is not fresh. */
	EQ(set(ME, root_of(ME), 2, EXO_PTE(r.t3, 0)), -EXO_E_REACH);
	child_has(&c);
	/* The last one may. */
	cell_end(&c);
	EQ(EXO_PAGES[r.t3].refs, 1);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(writes(ME, VA, 9));
	finish(NULL);
}

/*
 * Without `empty`: fork; 0 drops; 1, alone, writes its secret; 1 drops; 0, who
 * made the table, links it again: and reads.
 */
TEST(empty_a_table_that_all_left_is_linked_by_nobody)
{
	struct cell c;
	uint64_t va;

	begin();
	fork_to(&c);
	EQ(set(ME, root_of(ME), SLOT4, 0), 0);
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(writes(&c, VA, 0x5ec7e7));
	EQ(set(&c, root_of(&c), SLOT4, 0), 0);
	EQ(EXO_PAGES[r.t3].refs, 0);
	EQ(EXO_PAGES[r.t3].flags & EXO_PF_EMPTY, EXO_PF_EMPTY);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, 0)), -EXO_E_EMPTY);
	EQ(set(ME, r.t3, 0, 0), -EXO_E_EMPTY);
	EQ(set(ME, r.t3, 1, 0), -EXO_E_EMPTY);
	EQ(copy(ME, r.t3, 1, VA, 1), -EXO_E_EMPTY);
	/* Below it all is as it was, for nobody to edit. */
	EQ(set(ME, r.t2, 0, 0), -EXO_E_REACH);
	EQ(set(ME, r.t1, 0, 0), -EXO_E_REACH);
	EQ(set(&c, r.t1, 0, 0), -EXO_E_REACH);
	EQ(exo_page_free(self->memory_slot, r.t3, 1), -EXO_E_BUSY);
	/* Emptied, by anyone, it is fresh; then what hung from it. */
	EQ(by_(&c, EXO_NR_pt_empty, r.t3, 0, 512, 0, 0, 0), 0);
	EQ(EXO_PAGES[r.t3].flags & EXO_PF_EMPTY, 0);
	EQ(EXO_PAGES[r.t2].flags & EXO_PF_EMPTY, EXO_PF_EMPTY);
	EQ(set(ME, r.t3, 0, EXO_PTE(r.t2, LINK_W)), -EXO_E_EMPTY);
	EQ(exo_pt_empty(r.t2, 0, 512), 0);
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W)), -EXO_E_EMPTY);
	EQ(exo_pt_empty(r.t1, 0, 512), 0);
	/* What 1 wrote in the frame is not for its guard's holder. */
	EQ(EXO_PAGES[r.frame].maps, 0);
	va = vm_alloc_va(1);
	EQ(vm_map(va, r.frame, VM_R, self->memory_slot), 0);
	OK(reads(ME, va, 0));
	EQ(vm_unmap(va, 1), 0);
	finish(&c);
}

/* --------------------------------------------------- more ways to cheat */

/* The kinds of tables are what keeps levels apart. */
TEST(tables_are_linked_one_level_below_only)
{
	exo_ppn t4 = take(ME, EXO_PG_PT4), t3 = take(ME, EXO_PG_PT3);
	exo_ppn t2 = take(ME, EXO_PG_PT2), t1 = take_pt1(ME);
	exo_ppn d = take(ME, EXO_PG_DATA);
	exo_ppn companion = EXO_PAGES[t1].companion;

	REFUSED(set(ME, t4, 0, EXO_PTE(t2, 0)), TYPE);
	REFUSED(set(ME, t4, 0, EXO_PTE(t4, 0)), TYPE);
	REFUSED(set(ME, t4, 0, EXO_PTE(d, 0)), TYPE);
	REFUSED(set(ME, t3, 0, EXO_PTE(t1, 0)), TYPE);
	REFUSED(set(ME, t3, 0, EXO_PTE(t3, 0)), TYPE);
	REFUSED(set(ME, t2, 0, EXO_PTE(d, 0)), TYPE);
	REFUSED(set(ME, t2, 0, EXO_PTE(t4, 0)), TYPE);
	REFUSED(set(ME, t2, 0, EXO_PTE(companion, 0)), TYPE);
	/* In a PT1, a table is to look at: not to write, not to run. */
	REFUSED(set(ME, t1, 0, EXO_PTE(t1, VM_RW)), TYPE);
	REFUSED(set(ME, t1, 0, EXO_PTE(t4, VM_RW)), TYPE);
	REFUSED(set(ME, t1, 0, EXO_PTE(t2, VM_RX)), TYPE);
	REFUSED(set(ME, t1, 0, EXO_PTE(companion, VM_RW)), TYPE);
	/* The root's upper half and slot 255 are the kernel's. */
	for (uint32_t i = 255; i < 512; i++)
		EQ(set(ME, t4, i, EXO_PTE(t3, 0)), -EXO_E_ARG);
	(void)!exo_page_free(self->memory_slot, t4, 1);
	(void)!exo_page_free(self->memory_slot, t3, 1);
	(void)!exo_page_free(self->memory_slot, t2, 1);
	(void)!exo_page_free(self->memory_slot, t1, 1);
	(void)!exo_page_free(self->memory_slot, companion, 1);
	(void)!exo_page_free(self->memory_slot, d, 1);
}

/* A view follows the table; it can't be widened, and needs its right. */
TEST(view_of_a_table_is_read_only)
{
	exo_slot weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_ALL & ~EXO_R_VIEW, EXO_COMP_SAME));
	uint64_t va = vm_alloc_va(1), v;

	begin();
	EQ(vm_map(va, r.t1, VM_R, weak), -EXO_E_RIGHTS);
	EQ(vm_map(va, r.t1, VM_R, self->memory_slot), 0);
	OK(probe_read(va, &v));
	EQ(EXO_PTE_PPN(v), r.frame);
	EQ(v & (EXO_PTE_W | EXO_PTE_U), EXO_PTE_W | EXO_PTE_U);
	OK(!probe_write(va, 0));
	EQ(vm_map(va, r.t1, VM_RW, self->memory_slot), -EXO_E_TYPE);
	EQ(vm_map(va, r.t1, VM_RX, self->memory_slot), -EXO_E_TYPE);
	OK(!probe_write(va, 0));
	EQ(vm_unmap(va, 1), 0);
	finish(NULL);
	slot_put(weak);
}

TEST(bits_that_are_not_the_users_are_refused)
{
	static const uint64_t bad[] = { 1ul << 3, 1ul << 4, 1ul << 7,
	    1ul << 8, 1ul << 60, 1ul << 61, 1ul << 62, 1ul << 39, 1ul << 51 };

	begin();
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		REFUSED(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW) | bad[i]),
		    ARG);
		REFUSED(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W) | bad[i]),
		    ARG);
	}
	REFUSED(set(ME, r.t1, 0, (uint64_t)r.frame << 12), ARG);
	REFUSED(set(ME, r.t1, 0, EXO_PTE(EXO_MACHINE->nframes, VM_R)), ARG);
	finish(NULL);
}

/* A second domain on one root: both are frozen, neither is hurt. */
TEST(root_of_two_domains_is_edited_by_neither)
{
	struct cell c;
	exo_ppn record, f;
	exo_id second;

	cell_make(&c, NULL);
	record = take(&c, EXO_PG_DOMAIN);
	f = take(&c, EXO_PG_DATA);
	EQ(set(&c, c.table[5], 100, EXO_PTE(f, VM_RW)), 0);
	second = (exo_id)must(by_(&c, EXO_NR_domain_create, c.acct, c.name,
	    c.name, EXO_NONE, record, c.root));
	EQ(set(&c, c.table[5], 100, 0), -EXO_E_FROZEN);
	EQ(set(&c, c.root, 3, 0), -EXO_E_FROZEN);
	EQ(exo_domain_kill(second, c.name, 0), 0);
	while (exo_domain_reap(second, 64) > 0)
		;
	EQ(set(&c, c.table[5], 100, 0), 0);
	cell_end(&c);
}

/* Another's root is nobody else's to use. */
TEST(root_is_taken_by_its_maker_or_its_user_only)
{
	struct cell c;
	exo_ppn record = take(ME, EXO_PG_DOMAIN), root, mine;

	cell_make(&c, NULL);
	root = take(&c, EXO_PG_PT4);
	mine = take(ME, EXO_PG_PT4);
	REFUSED(exo_domain_create(self->acct, self->acct_slot,
	    self->memory_slot, EXO_NONE, record, c.root), REACH);
	REFUSED(exo_domain_create(self->acct, self->acct_slot,
	    self->memory_slot, EXO_NONE, record, root), REACH);
	REFUSED(exo_domain_create(self->acct, self->acct_slot,
	    self->memory_slot, EXO_NONE, record, record), TYPE);
	(void)!exo_page_free(self->memory_slot, mine, 1);
	(void)!exo_page_free(self->memory_slot, root, 1);
	(void)!exo_page_free(self->memory_slot, record, 1);
	cell_end(&c);
}

/* What is fresh is its maker's; somebody else's fresh table is not mine. */
TEST(fresh_table_of_another_is_not_linked)
{
	struct cell c;
	exo_ppn t3;

	begin();
	cell_make(&c, NULL);
	t3 = take(&c, EXO_PG_PT3);
	EQ(set(ME, root_of(ME), 2, EXO_PTE(t3, LINK_W)), -EXO_E_REACH);
	EQ(set(ME, t3, 0, EXO_PTE(r.t2, 0)), -EXO_E_REACH);
	EQ(set(&c, t3, 0, EXO_PTE(r.t2, 0)), -EXO_E_REACH);
	EQ(exo_pt_empty(t3, 0, 512), -EXO_E_REACH);
	(void)!exo_page_free(self->memory_slot, t3, 1);
	finish(&c);
}

/* pt_copy copies from the caller's own root; live memory is not for it, but to
 * be read, and then no more is to be had by the copy. */
TEST(live_tables_and_frames_that_are_written_are_not_copied)
{
	exo_slot weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_READ, EXO_COMP_SAME));
	exo_ppn t1, f, companion;

	begin();
	f = take(ME, EXO_PG_DATA | EXO_KIND_LIVE);
	EQ(set(ME, r.t1, 1, EXO_PTE(f, VM_RW)), 0);
	t1 = take_pt1(ME);
	companion = EXO_PAGES[t1].companion;
	EQ(copy(ME, t1, 0, VA, 2), 1);
	EQ(copy(ME, t1, 1, VA + EXO_PAGE, 1), -EXO_E_SHARED);
	EQ(copy(ME, t1, 1, VA + (1ul << 30), 1), -EXO_E_REACH);
	EQ(copy(ME, t1, 0, VA, 1), -EXO_E_BUSY);
	/* Its own frame: the entry gave up W, here as there. */
	OK(!writes(ME, VA, 9));
	OK(writes(ME, VA + EXO_PAGE, 9));
	EQ(set(ME, r.t1, 1, EXO_PTE(f, VM_R)), 0);
	EQ(copy(ME, t1, 1, VA + EXO_PAGE, 1), 1);
	EQ(EXO_PAGES[f].maps, 2);
	EQ(EXO_PAGES[f].uses, 0);
	EQ(exo_pt_set(0, t1, 1, EXO_PTE(f, VM_RW), weak), -EXO_E_RIGHTS);
	EQ(exo_pt_set(0, r.t1, 1, EXO_PTE(f, VM_RW), weak), 0);
	EQ(set(ME, t1, 1, EXO_PTE(f, VM_RW)), 0);
	EQ(set(ME, t1, 1, 0), 0);
	free_table(t1);
	slot_put(weak);
	(void)!exo_page_free(self->memory_slot, companion, 1);
	finish(NULL);
	(void)!exo_page_free(self->memory_slot, f, 1);
}

/* Live tables are the holders of WRITE to edit, wherever they hang. */
TEST(live_table_is_edited_with_its_capability)
{
	exo_slot weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_READ, EXO_COMP_SAME));
	exo_ppn t1 = take(ME, EXO_PG_PT1 | EXO_KIND_LIVE);
	exo_ppn rmap = take(ME, EXO_PG_RMAP);
	exo_ppn f = take(ME, EXO_PG_DATA | EXO_KIND_LIVE);
	exo_ppn priv = take(ME, EXO_PG_DATA);

	begin();
	EQ(exo_pt_companion(t1, rmap), 0);
	EQ(exo_pt_set(0, r.t2, 1, EXO_PTE(t1, LINK_W), weak),
	    -EXO_E_RIGHTS);
	EQ(exo_pt_set(0, r.t2, 1, EXO_PTE(t1, LINK_W), self->memory_slot), 0);
	EQ(exo_pt_set(weak, t1, 0, EXO_PTE(f, VM_RW), self->memory_slot),
	    -EXO_E_RIGHTS);
	EQ(exo_pt_set(95, t1, 0, EXO_PTE(f, VM_RW), self->memory_slot),
	    -EXO_E_SLOT);
	/* Only live frames in live tables. */
	EQ(set(ME, t1, 0, EXO_PTE(priv, VM_RW)), -EXO_E_TYPE);
	EQ(set(ME, t1, 0, EXO_PTE(f, VM_RW)), 0);
	OK(writes(ME, VA + (1ul << 21), 5));
	EQ(set(ME, t1, 0, 0), 0);
	OK(!sees(ME, VA + (1ul << 21)));
	EQ(set(ME, r.t2, 1, 0), 0);
	finish(NULL);
	(void)!exo_page_free(self->memory_slot, t1, 1);
	(void)!exo_page_free(self->memory_slot, rmap, 1);
	(void)!exo_page_free(self->memory_slot, f, 1);
	(void)!exo_page_free(self->memory_slot, priv, 1);
	slot_put(weak);
}

/* ---------------------------------------------- what fork is built from */

/*
 * Domain 1 answers its first write: a path of its own, copied piece by piece,
 * and a copy of the frame.  The parent keeps what it had, and then finds that
 * it need not copy at all.
 */
TEST(write_fault_after_a_fork_copies_on_demand)
{
	struct cell c;
	exo_ppn t3, t2, t1, f;

	begin();
	fork_to(&c);
	OK(!writes(&c, VA, 0x111));
	t3 = take(&c, EXO_PG_PT3);
	t2 = take(&c, EXO_PG_PT2);
	t1 = take_pt1(&c);
	f = take(&c, EXO_PG_DATA);
	/* All other pieces stay shared: 512 entries a call. */
	EQ(copy(&c, t3, 1, VA + (1ul << 30), 511), 511);
	EQ(copy(&c, t2, 1, VA + (1ul << 21), 511), 511);
	EQ(copy(&c, t1, 1, VA + EXO_PAGE, 511), 511);
	/* The new frame, filled at an alias in the cell's own table. */
	EQ(set(&c, c.table[5], 101, EXO_PTE(f, VM_RW)), 0);
	OK(writes(&c, (c.base & ~0x1ffffful) + 101 * EXO_PAGE, MARK));
	EQ(set(&c, c.table[5], 101, 0), 0);
	EQ(set(&c, t1, 0, EXO_PTE(f, VM_RW)), 0);
	EQ(set(&c, t2, 0, EXO_PTE(t1, LINK_W)), 0);
	EQ(set(&c, t3, 0, EXO_PTE(t2, LINK_W)), 0);
	EQ(set(&c, root_of(&c), SLOT4, EXO_PTE(t3, LINK_W)), 0);
	OK(reads(&c, VA, MARK));
	OK(writes(&c, VA, 0x111));
	OK(reads(ME, VA, MARK));
	/* The parent: one reference all the way: no copy is needed. */
	OK(!writes(ME, VA, 0x222));
	EQ(EXO_PAGES[r.t3].refs, 1);
	EQ(EXO_PAGES[r.frame].maps, 1);
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(writes(ME, VA, 0x222));
	OK(reads(&c, VA, 0x111));
	finish(&c);
}

/* Three generations from one entry. */
TEST(forks_of_forks_stay_apart)
{
	struct cell a, b;

	begin();
	fork_to(&a);
	fork_to(&b);
	EQ(EXO_PAGES[r.t3].refs, 3);
	EQ(set(&a, root_of(&a), SLOT4, EXO_PTE(r.t3, LINK_W)), -EXO_E_LOOP);
	cell_end(&a);
	EQ(set(&b, root_of(&b), SLOT4, EXO_PTE(r.t3, LINK_W)), -EXO_E_LOOP);
	child_has(&b);
	EQ(set(ME, root_of(ME), SLOT4, 0), 0);
	EQ(set(&b, root_of(&b), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	OK(writes(&b, VA, 7));
	finish(&b);
}

/* --------------------------- narrowed, removed, freed: unusable afterwards */

TEST(removed_mapping_is_gone_at_once)
{
	begin();
	OK(writes(ME, VA, 1));			/* in the TLB */
	EQ(set(ME, r.t1, 0, 0), 0);
	OK(!sees(ME, VA));
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW)), 0);
	OK(writes(ME, VA, 1));
	/* And by its link, at each level. */
	EQ(set(ME, r.t2, 0, 0), 0);
	OK(!sees(ME, VA));
	EQ(exo_pt_empty(r.t1, 0, 512), 0);
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W)), 0);
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW)), 0);
	OK(writes(ME, VA, 1));
	EQ(set(ME, r.t3, 0, 0), 0);
	OK(!sees(ME, VA));
	finish(NULL);
}

TEST(narrowed_mapping_is_narrow_at_once)
{
	begin();
	OK(writes(ME, VA, 1));
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_R)), 0);
	OK(!writes(ME, VA, 2));
	OK(reads(ME, VA, 1));
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RW)), 0);
	OK(writes(ME, VA, 0xc3));		/* RET */
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, 0)), 0);
	OK(!writes(ME, VA, 2));
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W)), 0);
	OK(writes(ME, VA, 0xc3));
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, 0)), 0);
	OK(!writes(ME, VA, 2));
	EQ(set(ME, root_of(ME), SLOT4, EXO_PTE(r.t3, LINK_W)), 0);
	/* X: from runnable to not. */
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RX)), 0);
	OK(probe_run(VA));
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_R)), 0);
	OK(!probe_run(VA));
	EQ(set(ME, r.t1, 0, EXO_PTE(r.frame, VM_RX)), 0);
	OK(probe_run(VA));
	EQ(set(ME, r.t2, 0, EXO_PTE(r.t1, LINK_W | EXO_PTE_NX)), 0);
	OK(!probe_run(VA));
	finish(NULL);
}

/* Another frame in the same place. */
TEST(moved_mapping_shows_the_new_frame_at_once)
{
	exo_ppn f = take(ME, EXO_PG_DATA);

	begin();
	OK(reads(ME, VA, MARK));
	EQ(set(ME, r.t1, 0, EXO_PTE(f, VM_RW)), 0);
	OK(reads(ME, VA, 0));
	OK(writes(ME, VA, 5));
	EQ(set(ME, r.t1, 1, EXO_PTE(r.frame, VM_RW)), 0);
	OK(reads(ME, VA + EXO_PAGE, MARK));
	finish(NULL);
	(void)!exo_page_free(self->memory_slot, f, 1);
}

/* A domain that is off the CPU loses it as well, with a PCID or without. */
TEST(force_takes_mappings_from_domains_that_do_not_run)
{
	struct cell c;
	uint64_t va;
	uint32_t pcid = 0;

	begin();
	fork_to(&c);
	va = c.base + EXO_PAGE;
	if (EXO_MACHINE->npcids > 1) {
		for (pcid = 1; EXO_PCIDS[pcid].account != EXO_NONE; pcid++)
			;
		EQ(exo_pcid_alloc(self->acct, self->acct_slot,
		    self->memory_slot, pcid), 0);
		EQ(exo_pcid_bind(self->memory_slot, pcid, c.name, c.domain),
		    0);
	} else
		EQ(exo_pcid_alloc(self->acct, self->acct_slot,
		    self->memory_slot, 1), -EXO_E_NODEV);
	OK(writes(&c, va, 7));
	OK(reads(ME, va, 7));
	EQ(EXO_PAGES[c.frame[1]].maps, 2);		/* mine and its */
	EQ(exo_page_unmap(c.name, c.frame[1], 8), 2);
	EQ(EXO_PAGES[c.frame[1]].maps, 0);
	OK(!sees(ME, va));
	OK(!sees(&c, va));
	/* Below what both share, in both at once. */
	OK(reads(ME, VA, MARK));
	child_has(&c);
	EQ(exo_page_unmap(self->memory_slot, r.frame, 8), 1);
	OK(!sees(ME, VA));
	OK(!sees(&c, VA));
	if (pcid != 0)
		EQ(exo_pcid_free(self->memory_slot, pcid), 0);
	finish(&c);
}

TEST(force_needs_the_right_to_revoke)
{
	exo_slot weak = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_ALL & ~EXO_R_REVOKE, EXO_COMP_SAME));

	begin();
	REFUSED(exo_page_unmap(weak, r.frame, 1), RIGHTS);
	REFUSED(exo_page_free(self->memory_slot, r.frame, 1), BUSY);
	OK(writes(ME, VA, 1));
	finish(NULL);
	slot_put(weak);
}

/* Changing the guard takes the mappings, and the old name opens nothing. */
TEST(regarded_frame_is_unmapped_and_its_old_name_is_void)
{
	exo_slot name = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	uint64_t va = vm_alloc_va(2);
	exo_ppn f = take(ME, EXO_PG_DATA | EXO_KIND_LIVE);

	EQ(vm_map(va, f, VM_RW, self->memory_slot), 0);
	EQ(vm_map(va + EXO_PAGE, f, VM_RW, self->memory_slot), 0);
	OK(probe_write(va, 77));
	OK(probe_write(va + EXO_PAGE, 77));
	/* One of two: it is REGUARDING, and takes no mapping. */
	EQ(exo_page_guard(self->memory_slot, name, f, 1), 1);
	EQ(EXO_PAGES[f].flags & EXO_PF_REGUARD, EXO_PF_REGUARD);
	EQ((int)probe_read(va, NULL) + (int)probe_read(va + EXO_PAGE, NULL),
	    1);
	EQ(vm_map(vm_alloc_va(1), f, VM_R, name), -EXO_E_STATE);
	EQ(exo_page_guard(self->memory_slot, name, f, 1), -EXO_E_DENIED);
	EQ(exo_page_guard(name, name, f, 1), 0);
	EQ(EXO_PAGES[f].flags & EXO_PF_REGUARD, 0);
	OK(!probe_read(va, NULL));
	OK(!probe_read(va + EXO_PAGE, NULL));
	EQ(vm_map(va, f, VM_RW, self->memory_slot), -EXO_E_DENIED);
	EQ(exo_page_free(self->memory_slot, f, 1), -EXO_E_DENIED);
	EQ(vm_map(va, f, VM_RW, name), 0);
	EQ(vm_unmap(va, 1), 0);
	EQ(exo_page_free(name, f, 1), 1);
	slot_put(name);
}

/* A frame given to a new owner is zero, whatever it was before. */
TEST(freed_frame_comes_back_zeroed)
{
	static const uint32_t kinds[] = { EXO_PG_DATA,
	    EXO_PG_DATA | EXO_KIND_LIVE };
	uint64_t va = vm_alloc_va(1), v;

	for (uint32_t k = 0; k < 2; k++) {
		exo_ppn f = take(ME, kinds[k]);

		EQ(vm_map(va, f, VM_RW, self->memory_slot), 0);
		memset((void *)va, 0xaa, EXO_PAGE);
		EQ(vm_unmap(va, 1), 0);
		EQ(exo_page_free(self->memory_slot, f, 1), 1);
		EQ(exo_page_alloc(self->acct, self->acct_slot,
		    self->memory_slot, kinds[!k], f, 1), 1);
		EQ(vm_map(va, f, VM_R, self->memory_slot), 0);
		for (uint64_t i = 0; i < EXO_PAGE; i += 8) {
			OK(probe_read(va + i, &v));
			if (!EQ(v, 0))
				break;
		}
		EQ(vm_unmap(va, 1), 0);
		EQ(exo_page_free(self->memory_slot, f, 1), 1);
	}
}

/* W^X per frame: no alias is writable while another is runnable. */
TEST(frame_is_not_writable_and_runnable_by_two_names)
{
	exo_ppn f = take(ME, EXO_PG_DATA | EXO_KIND_LIVE);
	uint64_t va = vm_alloc_va(2);

	EQ(vm_map(va, f, 2ul, self->memory_slot), -EXO_E_WX);	/* W and X */
	EQ(vm_map(va, f, VM_RW, self->memory_slot), 0);
	EQ(vm_map(va + EXO_PAGE, f, VM_RX, self->memory_slot), -EXO_E_WX);
	EQ(vm_map(va, f, VM_RX, self->memory_slot), 0);		/* instead */
	EQ(vm_map(va + EXO_PAGE, f, VM_RW, self->memory_slot), -EXO_E_WX);
	EQ(vm_map(va + EXO_PAGE, f, VM_RX, self->memory_slot), 0);
	EQ(vm_map(va, f, VM_RW, self->memory_slot), -EXO_E_WX);
	EQ(vm_unmap(va, 2), 0);
	EQ(exo_page_free(self->memory_slot, f, 1), 1);
}
