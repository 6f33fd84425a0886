/*
 * revoke.c - resources are asked for, given back, and taken by force; from
 * holders that obey, ignore, lie, hide and die.
 *
 * A *holder* is an account made here, whose frames are mapped where a test
 * wants; a *keeper* is a child program with a cache, that Castor's pager
 * serves.
 *
 * run: --mem 128M
 */
#include <castor/spare.h>

#include "cell.h"
#include "hostile.h"
#include "invariant.h"
#include "nap.h"

#define FR		EXO_RES_FRAMES
#define SL		EXO_RES_SLICES
#define INDEX		100u		/* slices that nobody uses here */

static uint64_t
grace(void)
{
	return EXO_MACHINE->grace_ticks;
}

static void
ticks_pass(uint64_t n)
{
	for (uint64_t end = EXO_MACHINE->ticks + n; EXO_MACHINE->ticks < end; )
		yield_some(1);
}

static const volatile struct exo_acct *
row(exo_id acct)
{
	return &EXO_ACCTS[EXO_INDEX(acct)];
}

static bool
asked(exo_id acct, uint32_t res)
{
	return row(acct)->ask[res].open != 0;
}

/* Frames that are charged to others than me, and their accounts. */
static uint64_t
others(void)
{
	uint64_t n = (uint64_t)row(self->acct)->children << 32;

	for (exo_ppn p = 1; p < EXO_MACHINE->nframes; p++)
		n += EXO_PAGES[p].kind != EXO_PG_FREE &&
		    EXO_PAGES[p].kind < EXO_PG_OWNED_END &&
		    EXO_PAGES[p].account != EXO_INDEX(self->acct);
	return n;
}

/* ---- holders */

struct holder {
	exo_slot name;			/* guards all of it */
	exo_id acct;
	struct exo_taken_ring *ring;	/* in a frame of mine */
	exo_ppn ring_ppn;
};

static void
holder_in(struct holder *h, exo_id parent, exo_slot slot, uint32_t frames)
{
	const uint32_t limits[EXO_RES_MAX] = { frames,
	    parent == self->acct };

	h->name = fresh_name();
	h->acct = (exo_id)must(exo_acct_create(parent, slot, h->name,
	    self->acct, (uint64_t)limits));
	h->ring_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	h->ring = (struct exo_taken_ring *)must(vm_map_frame(h->ring_ppn,
	    VM_RW, self->memory_slot));
	must(exo_revoke_record(h->acct, h->name, h->ring_ppn,
	    self->memory_slot));
}

static void
holder_make(struct holder *h, uint32_t frames)
{
	holder_in(h, self->acct, self->acct_slot, frames);
}

static void
holder_end(struct holder *h)
{
	if (EXO_ACCTS[EXO_INDEX(h->acct)].gen == EXO_GEN(h->acct))
		acct_finish(h->acct, h->name);
	must(vm_unmap((uint64_t)h->ring, 1));
	must(exo_page_free(self->memory_slot, h->ring_ppn, 1));
	slot_put(h->name);
}

/* Data frames next to each other: the first. */
static exo_ppn
holder_run(const struct holder *h, uint32_t kind, uint64_t n)
{
	uint64_t found = 0, did = 0;
	exo_ppn p;

	for (p = 1; p < EXO_MACHINE->nframes && found < n; p++)
		found = EXO_PAGES[p].kind == EXO_PG_FREE ? found + 1 : 0;
	p -= (exo_ppn)n;
	while (did < n)
		did += (uint64_t)must(exo_page_alloc(h->acct, h->name,
		    h->name, kind, p + (exo_ppn)did, n - did < EXO_BATCH_MAX ?
		    n - did : EXO_BATCH_MAX));
	return p;
}

static void
ask_now(const struct holder *h, uint32_t res, uint64_t n)
{
	must(exo_revoke_ask(h->acct, h->name, res, n, grace()));
	ticks_pass(grace());
}

/* By all names there are, until it is enough: how many calls it took. */
static uint32_t
take_all(exo_id acct, exo_slot name, uint32_t res, uint64_t names)
{
	uint64_t first = 0, n;
	uint32_t calls = 0;

	while (first < names && asked(acct, res)) {
		n = names - first;
		first += (uint64_t)must(exo_revoke_take(acct, name, res,
		    first, n < EXO_STEPS_MAX ? n : EXO_STEPS_MAX));
		calls++;
	}
	return calls;
}

/* ---- what the tables said before, against what the record says */

static uint8_t *before;			/* frames that were the account's */

static void
look_before(exo_id acct)
{
	if (before == NULL)
		before = vm_alloc(EXO_MACHINE->nframes);
	for (exo_ppn p = 0; p < EXO_MACHINE->nframes; p++)
		before[p] = EXO_PAGES[p].kind != EXO_PG_FREE &&
		    EXO_PAGES[p].account == EXO_INDEX(acct);
}

/* Everything that is gone is in the record, once, and nothing else. */
static void
record_is_exact(const struct holder *h, uint32_t gone)
{
	const volatile struct exo_taken_ring *ring = h->ring;
	uint32_t said = 0, wrong = 0, left = 0;

	EQ(ring->taken, row(h->acct)->taken);
	EQ(ring->next, row(h->acct)->recorded);
	for (uint64_t i = 0; i < ring->next && i < EXO_TAKEN_MAX; i++) {
		const volatile struct exo_taken *t = &ring->rec[i];

		wrong += t->res != FR || t->count == 0 ||
		    t->tick > EXO_MACHINE->ticks;
		for (uint32_t k = 0; k < t->count; k++) {
			exo_ppn p = t->first + k;

			wrong += !before[p] ||
			    EXO_PAGES[p].kind != EXO_PG_FREE;
			before[p] = 0;
			said++;
		}
	}
	for (exo_ppn p = 0; p < EXO_MACHINE->nframes; p++)
		left += before[p] && (EXO_PAGES[p].kind == EXO_PG_FREE ||
		    EXO_PAGES[p].account != EXO_INDEX(h->acct));
	EQ(said, gone);
	EQ(wrong, 0);
	EQ(left, 0);
}

/* ---- asking */

TEST(an_ask_is_published_and_takes_what_was_not_used)
{
	const volatile struct exo_acct *a, *up = row(self->acct);
	struct holder h;
	exo_ppn f[10];
	uint32_t was;

	holder_make(&h, 64);
	a = row(h.acct);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 10, f));
	was = up->used[FR];
	must(exo_revoke_ask(h.acct, h.name, FR, 4, 1000));
	EQ(a->ask[FR].open, 1);
	EQ(a->ask[FR].target, 6);
	OK(a->ask[FR].deadline > EXO_MACHINE->ticks + 900 &&
	    a->ask[FR].deadline <= EXO_MACHINE->ticks + 1000);
	EQ(a->limit[FR], 10);
	EQ(a->used[FR], 10);
	EQ(up->used[FR], was - 54);
	OK(invariants_hold());
	/* What is given back is gone at once, one by one. */
	was = up->used[FR];
	for (uint32_t i = 0; i < 4; i++) {
		EQ(asked(h.acct, FR), true);
		must(exo_page_free(h.name, f[i], 1));
		EQ(a->limit[FR], 9 - i);
	}
	EQ(asked(h.acct, FR), false);
	EQ(a->ask[FR].deadline, 0);
	EQ(up->used[FR], was - 4);
	/* It is answered: the rest is the holder's to use. */
	must(exo_page_free(h.name, f[4], 1));
	EQ(a->limit[FR], 6);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 1, f));
	EQ(a->taken, 0);
	holder_end(&h);
}

/* It frees and takes again: the limit came down. */
TEST(who_frees_and_takes_again_is_refused)
{
	struct holder h;
	exo_ppn f[10];

	holder_make(&h, 10);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 10, f));
	must(exo_revoke_ask(h.acct, h.name, FR, 2, 1000));
	for (uint32_t i = 0; i < 2; i++) {
		must(exo_page_free(h.name, f[i], 1));
		EQ(exo_page_alloc(h.acct, h.name, h.name, EXO_PG_DATA, f[i],
		    1), -EXO_E_QUOTA);
	}
	EQ(row(h.acct)->used[FR], 8);
	EQ(asked(h.acct, FR), false);
	holder_end(&h);
}

TEST(an_ask_is_withdrawn)
{
	struct holder h;
	exo_ppn f[4];

	holder_make(&h, 8);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 4, f));
	ask_now(&h, FR, 2);
	EQ(exo_revoke_ask(h.acct, h.name, FR, 0, 0), 0);
	EQ(asked(h.acct, FR), false);
	EQ(exo_revoke_take(h.acct, h.name, FR, f[0], 1), -EXO_E_STATE);
	/* What was not in use is the parent's, who may give it again. */
	EQ(row(h.acct)->limit[FR], 4);
	must(exo_acct_limit(h.acct, h.name, FR, 2));
	EQ(row(h.acct)->limit[FR], 6);
	holder_end(&h);
}

/* ---- the tree above and below */

TEST(what_is_hidden_in_a_child_counts_and_is_taken_from_the_child)
{
	struct holder h, child;
	const uint64_t was = others();
	exo_ppn f[6];

	holder_make(&h, 64);
	holder_in(&child, h.acct, h.name, 40);
	must(vm_pages(child.acct, child.name, child.name, EXO_PG_DATA, 6,
	    f));
	EQ(row(h.acct)->used[FR], 40);
	ask_now(&h, FR, 38);
	/* By the parent's name nothing is found, and its use stays. */
	(void)take_all(h.acct, h.name, FR, EXO_MACHINE->nframes);
	EQ(row(h.acct)->used[FR], 40);
	EQ(row(h.acct)->taken, 0);
	EQ(asked(h.acct, FR), true);
	/* The child's room goes with its own ask, through its parent. */
	ask_now(&child, FR, 4);
	EQ(row(h.acct)->used[FR], 6);
	EQ(row(h.acct)->limit[FR], 6);
	OK(invariants_hold());
	look_before(child.acct);
	(void)take_all(child.acct, child.name, FR, EXO_MACHINE->nframes);
	record_is_exact(&child, 4);
	EQ(row(child.acct)->used[FR], 2);
	EQ(asked(child.acct, FR), false);
	EQ(row(h.acct)->used[FR], 2);
	EQ(row(h.acct)->limit[FR], 2);
	EQ(asked(h.acct, FR), false);
	EQ(h.ring->next, 0);
	holder_end(&child);
	holder_end(&h);
	EQ(others(), was);
}

/* Grandparent and parent ask, each whom he likes. */
TEST(two_askers)
{
	struct holder h, child;
	exo_ppn f[6], own[2];

	holder_make(&h, 12);
	holder_in(&child, h.acct, h.name, 10);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 2, own));
	must(vm_pages(child.acct, child.name, child.name, EXO_PG_DATA, 6,
	    f));
	must(exo_revoke_ask(h.acct, h.name, FR, 6, 1000));
	EQ(row(h.acct)->ask[FR].target, 6);
	/* No limit is carved from who is asked, nor raised. */
	EQ(exo_acct_limit(child.acct, child.name, FR, 1), -EXO_E_QUOTA);
	EQ(exo_acct_limit(h.acct, h.name, FR, 1), -EXO_E_BUSY);
	/* A child's limit that is lowered goes on up. */
	must(exo_acct_limit(child.acct, child.name, FR, -1));
	EQ(row(h.acct)->limit[FR], 11);
	/* The same child is asked by both, the first one's ask stands. */
	must(exo_revoke_ask(child.acct, child.name, FR, 2, 1000));
	EQ(exo_revoke_ask(child.acct, self->root_slot, FR, 1, grace()),
	    -EXO_E_BUSY);
	EQ(row(h.acct)->limit[FR], 8);
	must(exo_page_free(child.name, f[0], 1));
	EQ(row(child.acct)->limit[FR], 5);
	EQ(row(h.acct)->limit[FR], 7);
	must(exo_page_free(h.name, own[0], 1));
	EQ(asked(h.acct, FR), false);
	EQ(asked(child.acct, FR), true);
	EQ(row(h.acct)->limit[FR], 6);
	/* Answered: what the child gives back now stays with its parent. */
	must(exo_page_free(child.name, f[1], 1));
	EQ(asked(child.acct, FR), false);
	EQ(row(h.acct)->used[FR], 5);
	EQ(row(h.acct)->limit[FR], 6);
	holder_end(&child);
	holder_end(&h);
}

/* Somebody above inherits what is still mapped: so its use falls. */
TEST(an_inheritance_passes_who_is_asked)
{
	struct holder h, child;
	const uint64_t was = others();
	exo_ppn f[3];
	uint64_t va;

	holder_make(&h, 20);
	holder_in(&child, h.acct, h.name, 3);
	must(vm_pages(child.acct, child.name, child.name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 3, f));
	va = (uint64_t)must(vm_map_frame(f[0], VM_RW, child.name));
	must(exo_revoke_ask(h.acct, h.name, FR, 1, 1000));
	must(exo_acct_destroy(child.acct, child.name));
	while (EXO_PAGES[f[0]].account == EXO_INDEX(child.acct) &&
	    must(exo_acct_reap(child.acct, 1)) > 0)
		;
	EQ(EXO_PAGES[f[0]].account, EXO_INDEX(self->acct));
	/* In the middle of the child's end: one passed, and that is enough. */
	EQ(row(h.acct)->used[FR], 2);
	EQ(asked(h.acct, FR), false);
	OK(invariants_hold());
	holder_end(&child);
	EQ(row(h.acct)->used[FR], 0);
	EQ(row(h.acct)->limit[FR], 2);
	OK(invariants_hold());
	holder_end(&h);
	must(vm_unmap(va, 1));
	must(exo_page_free(self->root_slot, f[0], 1));
	EQ(others(), was);
}

/* An account ends while it is asked. */
TEST(the_end_answers)
{
	struct holder h;
	const uint64_t was = others();
	exo_ppn f[5];
	uint64_t va;

	holder_make(&h, 20);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA | EXO_KIND_LIVE, 5,
	    f));
	va = (uint64_t)must(vm_map_frame(f[0], VM_RW, h.name));
	look_before(h.acct);
	ask_now(&h, FR, 3);
	must(exo_acct_destroy(h.acct, h.name));
	/* Its things are still charged to it, and can be taken. */
	EQ(exo_revoke_take(h.acct, h.name, FR, f[0], 1), 1);
	EQ(EXO_PAGES[f[0]].kind, EXO_PG_FREE);
	record_is_exact(&h, 1);
	EQ(row(h.acct)->used[FR], 4);
	OK(invariants_hold());
	holder_end(&h);
	EQ(vm_pte(va), 0);
	EQ(others(), was);
}

/* ---- force */

/* Frames that many map; what is taken is read by nobody any more. */
TEST(half_of_memory_by_force)
{
	const uint32_t want = EXO_MACHINE->free_frames / 2;
	const uint32_t n = want + 2000, idle = 500;
	uint64_t a, b, gone = 0, stale = 0, kept = 0, first;
	exo_ppn *f = vm_alloc(n * sizeof(*f)), secret = 0;
	struct holder h;
	uint32_t calls;

	vm_touch(f, n * sizeof(*f));
	holder_make(&h, n);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA | EXO_KIND_LIVE, n,
	    f));
	a = vm_alloc_va(n);
	b = vm_alloc_va(n);
	for (uint32_t i = idle; i < n; i++) {
		must(vm_map(a + i * EXO_PAGE, f[i], VM_RW, h.name));
		must(vm_map(b + i * EXO_PAGE, f[i], VM_R, h.name));
		*(volatile uint64_t *)(a + i * EXO_PAGE) = ~(uint64_t)f[i];
	}
	look_before(h.acct);
	ask_now(&h, FR, want);
	first = EXO_MACHINE->free_frames;
	calls = take_all(h.acct, h.name, FR, EXO_MACHINE->nframes);
	print("# %u frames in %u calls, %lu records\n", want, calls,
	    h.ring->next);
	EQ(asked(h.acct, FR), false);
	EQ(row(h.acct)->used[FR], n - want);
	EQ(row(h.acct)->limit[FR], n - want);
	EQ(row(h.acct)->taken, want);
	EQ(EXO_MACHINE->free_frames, first + want);
	for (uint32_t i = idle; i < n; i++) {
		uint64_t va = i * EXO_PAGE, v = 0;
		bool is_free = EXO_PAGES[f[i]].kind == EXO_PG_FREE;

		gone += is_free;
		if (is_free)
			stale += probe_read(a + va, NULL) ||
			    probe_read(b + va, NULL);
		else
			kept += probe_read(b + va, &v) && v == ~(uint64_t)f[i];
		secret = is_free ? f[i] : secret;
	}
	EQ(stale, 0);
	EQ(kept, n - idle - gone);
	OK(gone > want - idle - 1);
	record_is_exact(&h, want);
	OK(invariants_hold());
	/* The next owner finds zeroes. */
	must(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_DATA, secret, 1));
	first = (uint64_t)must(vm_map_frame(secret, VM_R, self->memory_slot));
	EQ(*(volatile uint64_t *)first, 0);
	must(vm_unmap(first, 1));
	must(exo_page_free(self->memory_slot, secret, 1));
	must(vm_unmap(a, n));
	must(vm_unmap(b, n));
	holder_end(&h);
	vm_free(f, n * sizeof(*f));
}

/* A call removes so many mappings, and then it is called again. */
TEST(many_mappings_take_many_calls)
{
	const uint32_t many = EXO_STEPS_MAX + 200, some = 300;
	uint64_t va = vm_alloc_va(many + 2 * some);
	struct holder h;
	exo_ppn f;

	holder_make(&h, 3);
	f = holder_run(&h, EXO_PG_DATA | EXO_KIND_LIVE, 3);
	for (uint32_t i = 0; i < many + 2 * some; i++)
		must(vm_map(va + i * EXO_PAGE, i < many ? f : i < many + some ?
		    f + 1 : f + 2, VM_R, h.name));
	ask_now(&h, FR, 3);
	EQ(exo_revoke_take(h.acct, h.name, FR, f, 1), 0);
	EQ(EXO_PAGES[f].maps, 200);
	EQ(row(h.acct)->taken, 0);
	EQ(h.ring->next, 0);
	EQ(exo_revoke_take(h.acct, h.name, FR, f, 3), 2);
	EQ(EXO_PAGES[f + 2].maps, 2 * some + 200 - EXO_STEPS_MAX);
	EQ(exo_revoke_take(h.acct, h.name, FR, f + 2, 1), 1);
	EQ(asked(h.acct, FR), false);
	EQ(h.ring->next, 2);
	EQ(h.ring->rec[0].first, f);
	EQ(h.ring->rec[0].count, 2);
	EQ(h.ring->rec[1].first, f + 2);
	EQ(h.ring->rec[1].count, 1);
	holder_end(&h);
}

/* Not more than was asked for, from where the asker begins. */
TEST(the_asker_names_what_goes)
{
	struct holder h;
	exo_ppn f;

	holder_make(&h, 8);
	f = holder_run(&h, EXO_PG_DATA, 8);
	ask_now(&h, FR, 3);
	EQ(exo_revoke_take(h.acct, h.name, FR, f + 6, 1), 1);
	EQ(exo_revoke_take(h.acct, h.name, FR, f + 2, 6), 2);
	for (uint32_t i = 0; i < 8; i++)
		EQ(EXO_PAGES[f + i].kind == EXO_PG_FREE,
		    i == 2 || i == 3 || i == 6);
	EQ(exo_revoke_take(h.acct, h.name, FR, f + 4, 1), -EXO_E_STATE);
	EQ(row(h.acct)->used[FR], 5);
	EQ(h.ring->next, 2);
	EQ(h.ring->rec[0].first, f + 6);
	EQ(h.ring->rec[1].first, f + 2);
	EQ(h.ring->rec[1].count, 2);
	holder_end(&h);
}

/* Who reads too late sees that he does; the record does not say a lie. */
TEST(a_record_that_is_full_goes_round)
{
	const uint32_t runs = EXO_TAKEN_MAX + 45;
	uint32_t wrong = 0;
	struct holder h;
	exo_ppn f;

	holder_make(&h, 2 * runs);
	f = holder_run(&h, EXO_PG_DATA, 2 * runs);
	for (uint32_t i = 0; i < runs; i++)
		must(exo_page_free(h.name, f + 2 * i, 1));
	ask_now(&h, FR, runs);
	(void)take_all(h.acct, h.name, FR, EXO_MACHINE->nframes);
	EQ(h.ring->next, runs);
	EQ(h.ring->taken, runs);
	EQ(row(h.acct)->recorded, runs);
	for (uint32_t i = runs - EXO_TAKEN_MAX; i < runs; i++)
		wrong += h.ring->rec[i % EXO_TAKEN_MAX].first !=
		    f + 2 * i + 1 || h.ring->rec[i % EXO_TAKEN_MAX].count != 1;
	EQ(wrong, 0);
	/* Nonsense in it disturbs nobody but its reader. */
	must(exo_acct_limit(h.acct, h.name, FR, 2));
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 1, &f));
	memset(h.ring, 0xff, sizeof(*h.ring));
	ask_now(&h, FR, 1);
	EQ(exo_revoke_take(h.acct, h.name, FR, f, 1), 1);
	EQ(h.ring->next, runs + 1);
	EQ(h.ring->rec[runs % EXO_TAKEN_MAX].first, f);
	/* Bound anew it begins anew; the count of all does not. */
	must(exo_revoke_record(h.acct, h.name, 0, 0));
	must(exo_revoke_record(h.acct, h.name, h.ring_ppn,
	    self->memory_slot));
	EQ(h.ring->next, 0);
	EQ(h.ring->taken, runs + 1);
	EQ(row(h.acct)->recorded, 0);
	holder_end(&h);
}

/* With nothing to write to, the count is there. */
TEST(without_a_record_the_counts_tell)
{
	struct holder h;
	exo_ppn f[2];

	holder_make(&h, 2);
	must(exo_revoke_record(h.acct, h.name, 0, 0));
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA, 2, f));
	ask_now(&h, FR, 2);
	EQ(take_all(h.acct, h.name, FR, EXO_MACHINE->nframes) > 0, true);
	EQ(row(h.acct)->taken, 2);
	EQ(row(h.acct)->recorded, 0);
	EQ(row(h.acct)->used[FR], 0);
	EQ(h.ring->next, 0);
	holder_end(&h);
}

/* Frames of a domain go that it has mapped itself: it takes the fault. */
TEST(others_who_map_it_fault)
{
	struct holder h;
	struct cell c;
	uint64_t va, v = 0;
	exo_ppn f;

	cell_make(&c, NULL);
	holder_make(&h, 1);
	must(vm_pages(h.acct, h.name, h.name, EXO_PG_DATA | EXO_KIND_LIVE, 1,
	    &f));
	va = c.base + CELL_SPAN - EXO_PAGE;
	must(cell_do(&c, EXO_NR_pt_set, 0, c.table[5], EXO_PT_INDEX(va, 1),
	    EXO_PTE(f, VM_RW), h.name, 0));
	OK(cell_write(&c, va, 0x5a));
	OK(cell_read(&c, va, &v));
	EQ(v, 0x5a);
	ask_now(&h, FR, 1);
	EQ(exo_revoke_take(h.acct, h.name, FR, f, 1), 1);
	OK(!cell_read(&c, va, &v));
	OK(!cell_write(&c, va, 1));
	EQ(EXO_PAGES[c.table[5]].entries, CELL_PAGES - 2 * (CELL_SEATS - 4));
	holder_end(&h);
	cell_end(&c);
}

/* The answer of a cell that stands on another seat's stack. */
static void
lost_answer(void)
{
	(void)!exo_reply(CELL_TRAPPED);
}

static UPCALL_HANDLER bool
stack_lost(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	r->rip = (uint64_t)lost_answer;
	r->rsp = (uint64_t)p + CELL_STACK(3) + EXO_PAGE - 8;
	return true;
}

/* Who takes from its own account may lose the page that it stands on. */
TEST(a_taker_may_take_its_own_stack)
{
	struct cell c;
	uint64_t traps;
	exo_ppn stack;

	cell_make(&c, NULL);
	stack = c.frame[CELL_STACK(CELL_SEAT) / EXO_PAGE];
	must(exo_revoke_ask(c.acct, c.name, FR, 1, grace()));
	ticks_pass(grace());
	traps = c.page->traps;
	c.page->hook = stack_lost;
	EQ(cell_do(&c, EXO_NR_revoke_take, c.acct, c.name, FR, stack, 1, 0),
	    (long)CELL_TRAPPED);
	EQ(c.page->traps, traps + 1);
	EQ(EXO_PAGES[stack].kind, EXO_PG_FREE);
	EQ(row(c.acct)->taken, 1);
	EQ(asked(c.acct, FR), false);
	cell_end(&c);
}

/* ---- keepers: programs with a cache of pages that can be made again */

#define PAGE_WORDS	(EXO_PAGE / 8)

enum { W_PAGES, W_RECORD, W_MISSING, W_ANSWERS, W_BAD, W_AGAIN, W_LOST,
	W_PPN };			/* and on: frames of the first pages */

static uint64_t *cache, cache_pages, cache_used;
static uint8_t *have;			/* pages that are filled */
static volatile uint64_t lost;

static uint64_t
page_value(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15ul + 1;
}

/* A page, and what it must hold: made again, if it is not there. */
static uint64_t
page_get(struct child_page *p, uint64_t i)
{
	volatile uint64_t *page = cache + i * PAGE_WORDS;

	(void)page[0];			/* lost: the pager notes that */
	if (!have[i]) {
		page[0] = page_value(i);
		page[PAGE_WORDS - 1] = ~page_value(i);
		have[i] = 1;
		p->w[W_AGAIN]++;
	}
	return page[0] == page_value(i) &&
	    page[PAGE_WORDS - 1] == ~page_value(i);
}

/* The last ones first. */
static uint64_t
cache_give(struct spare *s, uint64_t frames)
{
	uint64_t n = 0;

	(void)s;
	while (n < frames && cache_used > 0) {
		have[--cache_used] = 0;
		n += vm_drop(cache + cache_used * PAGE_WORDS, EXO_PAGE);
	}
	return n;
}

static UPCALL_HANDLER bool
cache_lost(uint64_t addr)
{
	uint64_t at = addr - (uint64_t)cache;

	if (at >= cache_pages * EXO_PAGE)
		return false;
	if (have[at / EXO_PAGE])
		lost++;
	have[at / EXO_PAGE] = 0;
	return true;
}

static void
cache_make(struct child_page *p)
{
	cache_pages = cache_used = p->w[W_PAGES];
	cache = vm_alloc(cache_pages * EXO_PAGE);
	have = vm_alloc(cache_pages);
	vm_touch(have, cache_pages);
	for (uint64_t i = 0; i < cache_pages; i++)
		p->w[W_BAD] += !page_get(p, i);
	for (uint64_t i = 0; i < cache_pages && i < 16; i++)
		p->w[W_PPN + i] = EXO_PTE_PPN(vm_pte((uint64_t)cache +
		    i * EXO_PAGE));
}

/* Gives back what is asked for, until it may go on. */
static void
obedient(struct child_page *p)
{
	static struct spare dear = { 9, NULL, NULL };
	static struct spare cheap = { 1, cache_give, NULL };

	EQ(spare_asked(), 0);
	EQ(spare_answer(), 0);
	cache_make(p);
	dear.give = NULL;		/* never reached: a call would end it */
	spare_add(&dear);
	spare_add(&cheap);
	p->w[W_AGAIN] = 0;
	for (child_reach(p, 1); p->go == 0; yield_some(1)) {
		if (spare_asked() == 0)
			continue;
		p->w[W_MISSING] = spare_answer();
		p->w[W_ANSWERS]++;
	}
	for (uint64_t i = 0; i < cache_used; i++)
		p->w[W_BAD] += !page_get(p, i);
}

static void
obeys(uint32_t pages, uint32_t n)
{
	uint32_t limits[EXO_RES_MAX] = { pages + 400, 0, 2, 2, 0, 1, 0 };
	const struct child_opts o = { .limits = limits };
	struct child c;
	uint32_t was;

	child_make(&c, obedient, &o);
	c.page->w[W_PAGES] = pages;
	child_start(&c);
	OK(child_run_to(&c, 1));
	was = row(c.proc.acct)->used[FR];
	must(exo_revoke_ask(c.proc.acct, c.proc.name, FR, n,
	    EXO_ASK_TICKS_MAX));
	for (uint32_t i = 0; i < 5000 && asked(c.proc.acct, FR); i++)
		(void)!proc_yield(&c.proc);
	EQ(asked(c.proc.acct, FR), false);
	EQ(row(c.proc.acct)->used[FR], was - n);
	EQ(row(c.proc.acct)->limit[FR], was - n);
	EQ(row(c.proc.acct)->taken, 0);
	child_let(&c, 1);
	OK(child_wait(&c));
	EQ(c.page->w[W_ANSWERS], 1);
	EQ(c.page->w[W_MISSING], 0);
	EQ(c.page->w[W_BAD], 0);
	EQ(c.page->w[W_AGAIN], 0);
	child_end(&c);
}

TEST(an_obedient_holder_gives_back_one_frame)
{
	obeys(20, 1);
}

TEST(an_obedient_holder_gives_back_half_of_memory)
{
	const uint32_t n = EXO_MACHINE->free_frames / 2;

	obeys(n + 1000, n);
}

/* Nothing to do but to wait to be asked: a predicate over its own row. */
static void
sleeper(struct child_page *p)
{
	static const uint64_t on_ask[] = {
		WINDOW(R6, 0), LOAD32(R0, R6, offsetof(struct exo_acct,
		    ask[FR]) + offsetof(struct exo_ask, open)), EXIT
	};
	static struct spare cheap = { 1, cache_give, NULL };
	struct exo_sleep s = { .prog = PROG_NEW(on_ask, self->memory_slot),
	    .prog_slot = self->memory_slot };

	cache_make(p);
	spare_add(&cheap);
	nap_table(&s, EXO_TAB_ACCTS, EXO_INDEX(self->acct) *
	    sizeof(struct exo_acct), sizeof(struct exo_acct));
	child_reach(p, 1);
	EQ(nap(&s), 1);
	EQ(spare_asked(), 5);
	p->w[W_MISSING] = spare_answer();
	child_reach(p, 2);
}

TEST(a_sleeping_holder_is_woken_by_the_ask)
{
	struct child c;

	child_make(&c, sleeper, NULL);
	c.page->w[W_PAGES] = 12;
	child_start(&c);
	OK(child_run_to(&c, 1));
	for (uint32_t i = 0; i < 20; i++)
		(void)!proc_yield(&c.proc);
	EQ(EXO_ENVS[EXO_INDEX(c.proc.env)].state, EXO_ENV_SLEEPING);
	must(exo_revoke_ask(c.proc.acct, c.proc.name, FR, 5, 1000));
	OK(child_run_to(&c, 2));
	EQ(asked(c.proc.acct, FR), false);
	EQ(c.page->w[W_MISSING], 0);
	child_finish(&c);
}

/* Its record, which it bound itself, with what Castor gave it. */
static struct exo_taken_ring *
record_make(void)
{
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));

	must(exo_revoke_record(self->acct, self->acct_slot, ppn,
	    self->memory_slot));
	return (struct exo_taken_ring *)must(vm_map_frame(ppn, VM_RW,
	    self->memory_slot));
}

/* Looks away; then finds what is gone, and makes it again. */
static void
stubborn(struct child_page *p)
{
	const struct exo_taken_ring *ring = record_make();

	cache_make(p);
	if (p->w[W_RECORD])
		vm_lost = cache_lost;
	p->w[W_AGAIN] = 0;
	child_reach(p, 1);
	child_await(p, 1);
	EQ(ring->next, 1);
	EQ(ring->rec[0].res, FR);
	EQ(ring->rec[0].first, p->w[W_PPN + 3]);
	EQ(ring->rec[0].count, 1);
	/* Room for what it must have: something else that it can spare. */
	EQ(cache_give(NULL, 1), 1);
	for (uint64_t i = 0; i < cache_used; i++)
		p->w[W_BAD] += !page_get(p, i);
	p->w[W_LOST] = lost;
}

/* Its page 3 is taken from it. */
static void
ignores(struct child *c, bool survives)
{
	child_make(c, stubborn, NULL);
	c->page->w[W_PAGES] = 12;
	c->page->w[W_RECORD] = survives;
	child_start(c);
	OK(child_run_to(c, 1));
	must(exo_revoke_ask(c->proc.acct, c->proc.name, FR, 1, grace()));
	ticks_pass(grace());
	EQ(exo_revoke_take(c->proc.acct, c->proc.name, FR,
	    c->page->w[W_PPN + 3], 1), 1);
	EQ(asked(c->proc.acct, FR), false);
	child_let(c, 1);
	OK(child_wait(c));
}

TEST(who_ignores_the_ask_loses_a_page_and_goes_on)
{
	struct child c;

	ignores(&c, true);
	EQ(c.proc.cause, EXO_CAUSE_EXIT);
	EQ(c.proc.word, 0);
	EQ(c.page->w[W_BAD], 0);
	EQ(c.page->w[W_LOST], 1);
	EQ(c.page->w[W_AGAIN], 1);
	child_end(&c);
}

/* What can't make it again ends, and does not read zeroes for its data. */
TEST(who_can_not_go_on_without_it_ends)
{
	struct child c;

	ignores(&c, false);
	EQ(c.proc.cause, EXO_CAUSE_EXIT);
	EQ(c.proc.word, EXIT_DIED);
	EQ(c.page->w[W_BAD], 0);
	child_end(&c);
}

/* Data frames of an account that nobody uses, or maps. */
static uint32_t
idle_frames(exo_id acct)
{
	uint32_t n = 0;

	for (exo_ppn f = row(acct)->frames; f != 0; f = EXO_PAGES[f].next)
		n += EXO_PAGES[f].kind == EXO_PG_DATA &&
		    EXO_PAGES[f].maps == 0 && EXO_PAGES[f].uses == 0;
	return n;
}

/* Frames that the pager has in stock go unseen; it does not use them. */
static void
stocked(struct child_page *p)
{
	volatile uint8_t *more = vm_alloc(8 * EXO_PAGE);

	cache_make(p);
	for (; idle_frames(self->acct) == 0; more += EXO_PAGE)
		*more = 1;
	vm_lost = cache_lost;
	child_reach(p, 1);
	child_await(p, 1);
	EQ(cache_give(NULL, 8), 8);
	for (uint64_t i = 0; i < cache_used; i++)
		p->w[W_BAD] += !page_get(p, i);
	cache_used += 6;
	for (uint64_t i = 0; i < cache_used; i++)
		p->w[W_BAD] += !page_get(p, i);
}

TEST(frames_in_stock_are_taken_first)
{
	struct child c;
	uint32_t idle;
	const uint64_t was = others();

	child_make(&c, stocked, NULL);
	c.page->w[W_PAGES] = 12;
	child_start(&c);
	OK(child_run_to(&c, 1));
	idle = idle_frames(c.proc.acct);
	OK(idle > 0);
	must(exo_revoke_ask(c.proc.acct, c.proc.name, FR, idle, grace()));
	ticks_pass(grace());
	for (exo_ppn f = 1; f < EXO_MACHINE->nframes; f++)
		if (EXO_PAGES[f].account == EXO_INDEX(c.proc.acct) &&
		    EXO_PAGES[f].kind == EXO_PG_DATA &&
		    EXO_PAGES[f].maps == 0 && EXO_PAGES[f].uses == 0)
			EQ(exo_revoke_take(c.proc.acct, c.proc.name, FR, f,
			    1), 1);
	EQ(asked(c.proc.acct, FR), false);
	child_let(&c, 1);
	OK(child_wait(&c));
	EQ(c.proc.word, 0);
	EQ(c.page->w[W_BAD], 0);
	child_end(&c);
	EQ(others(), was);
}

/* It dies between the ask and the deadline: its things are there still. */
TEST(a_holder_that_dies_meanwhile)
{
	struct child c;
	const uint64_t was = others();
	uint32_t used;

	child_make(&c, stubborn, NULL);
	c.page->w[W_PAGES] = 12;
	child_start(&c);
	OK(child_run_to(&c, 1));
	used = row(c.proc.acct)->used[FR];
	must(exo_revoke_ask(c.proc.acct, c.proc.name, FR, used, grace()));
	must(exo_domain_kill(c.proc.domain, c.proc.name, 9));
	EQ(row(c.proc.acct)->used[FR], used);
	ticks_pass(grace());
	(void)take_all(c.proc.acct, c.proc.name, FR, EXO_MACHINE->nframes);
	/* Data went; tables, and what records lie in, go with the end. */
	EQ(asked(c.proc.acct, FR), true);
	EQ(row(c.proc.acct)->used[FR], used - row(c.proc.acct)->taken);
	OK(row(c.proc.acct)->taken > 12);
	OK(invariants_hold());
	OK(child_wait(&c));
	EQ(c.proc.cause, EXO_CAUSE_KILL);
	child_end(&c);
	EQ(others(), was);
}

/* ---- slices; PCIDs are in pcid.c, which Bochs runs too */

static uint64_t
in_cell_count(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[0]++;
	return 0;
}

TEST(slices_are_asked_for_and_taken)
{
	const struct cell_opts o = { .seats = 5 };
	struct exo_taken_ring *ring;
	uint64_t count;
	struct cell c;
	exo_ppn ppn;
	exo_id env;

	cell_make(&c, &o);
	must(vm_pages(c.acct, c.name, c.name, EXO_PG_DATA | EXO_KIND_LIVE, 1,
	    &ppn));
	ring = (struct exo_taken_ring *)must(vm_map_frame(ppn, VM_RW,
	    c.name));
	must(exo_revoke_record(c.acct, c.name, ppn, c.name));
	env = cell_env(&c, 2, in_cell_count, 0);
	for (uint32_t i = 0; i < 4; i++) {
		must(exo_slice_alloc(c.acct, c.name, c.name, INDEX + i));
		must(exo_slice_set(c.name, INDEX + i, env, c.name));
	}
	EQ(EXO_ENVS[EXO_INDEX(env)].slices, 4);
	must(exo_revoke_ask(c.acct, c.name, SL, 3, grace()));
	/* One it chooses itself; and takes no other. */
	must(exo_slice_free(c.name, INDEX + 1));
	EQ(row(c.acct)->limit[SL], 3);
	EQ(exo_slice_alloc(c.acct, c.name, c.name, INDEX + 9),
	    -EXO_E_QUOTA);
	ticks_pass(grace());
	EQ(take_all(c.acct, c.name, SL, EXO_MACHINE->nslices), 1);
	EQ(asked(c.acct, SL), false);
	EQ(row(c.acct)->used[SL], 1);
	EQ(row(c.acct)->limit[SL], 1);
	for (uint32_t i = 0; i < 4; i++)
		EQ(EXO_SLICES[INDEX + i].account == EXO_NONE, i < 3);
	EQ(EXO_ENVS[EXO_INDEX(env)].slices, 1);
	EQ(ring->next, 2);
	EQ(ring->rec[0].res, SL);
	EQ(ring->rec[0].first, INDEX);
	EQ(ring->rec[0].count, 1);
	EQ(ring->rec[1].first, INDEX + 2);
	EQ(row(c.acct)->taken, 2);
	/* The one that is left runs it, until that goes too. */
	count = c.page->w[0];
	ticks_pass(4);
	OK(c.page->w[0] > count);
	must(exo_revoke_ask(c.acct, c.name, SL, 1, grace()));
	ticks_pass(grace());
	EQ(exo_revoke_take(c.acct, c.name, SL, INDEX + 3, 1), 1);
	count = c.page->w[0];
	ticks_pass(4);
	EQ(c.page->w[0], count);
	EQ(EXO_ENVS[EXO_INDEX(env)].state, EXO_ENV_READY);
	OK(invariants_hold());
	must(vm_unmap((uint64_t)ring, 1));
	cell_end(&c);
}
