/*
 * memory.c - frames, page-table entries, copies of tables.
 *
 * The table that is edited hangs in this domain's own tree, so that taking
 * something away pays for the TLB.
 */
#include "bench.h"

#define BIG	512u

/* 2 MiB that `table` translates, in a GiB of its own, since copying a link
 * takes W from all that is below it. */
static const uint64_t base = 0x6000000000ul;
static exo_ppn table;			/* level 1 */
static exo_ppn frames, others;		/* BIG of each */
static uint64_t ptes[BIG], nothing[BIG];

static void
table_prepare(void)
{
	table = (exo_ppn)must(vm_table_make(base, 1));
	frames = bench_frames(EXO_PG_DATA, BIG);
	others = bench_frames(EXO_PG_DATA, BIG);
	vm_touch(ptes, sizeof(ptes));
	vm_touch(nothing, sizeof(nothing));
}

/* Index and frame of the next sample: a different one each time, not 0. */
static uint32_t
next_index(void)
{
	static uint32_t i;

	i = (i + 37) % BIG;
	return i != 0 ? i : 37;
}

static uint64_t
pte_set(uint32_t index, uint64_t pte)
{
	return bench_call(pt_set, 0, table, index, pte, self->memory_slot);
}

static void
batch(uint32_t n, const uint64_t *from)
{
	must(exo_pt_batch(0, table, 0, n, (uint64_t)from,
	    self->memory_slot) == (long)n ? 0 : -EXO_E_BUSY);
}

static void
ptes_fill(uint32_t n, exo_ppn from, uint64_t bits)
{
	for (uint32_t i = 0; i < n; i++)
		ptes[i] = EXO_PTE(from + i, bits);
}

static uint64_t
batch_take(uint32_t n, const uint64_t *from)
{
	return bench_call(pt_batch, 0, table, 0, n, (uint64_t)from,
	    self->memory_slot);
}

/* ---- one entry
 *
 * The kernel remembers the last table that was edited, and with which slot.
 */

static void
edit_remembered(void)
{
	must(exo_pt_set(0, table, 0, EXO_PTE(others, VM_RW),
	    self->memory_slot));
	must(exo_pt_set(0, table, 0, 0, 0));
}

static void
edit_forgotten(void)
{
	bench_frames_free(bench_frames(EXO_PG_DATA, 1), 1);
}

static void
entries(void)
{
	BENCH_ROW("pt_set_add", .aim = 120, .peer = "mmap_munmap_1page",
	    .bound = "in the table edited last: the frame, the inverse map") {
		uint32_t i = next_index();

		edit_remembered();
		bench_take(pte_set(i, EXO_PTE(frames + i, VM_RW)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
	BENCH_ROW("pt_set_add_first", .peer = "mmap_munmap_1page",
	    .bound = "in another: reach (three steps up) and the guard too") {
		uint32_t i = next_index();

		edit_forgotten();
		bench_take(pte_set(i, EXO_PTE(frames + i, VM_RW)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
	BENCH_ROW("pt_set_clear", .bound = "the same way up, and INVLPG") {
		uint32_t i = next_index();

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_RW),
		    self->memory_slot));
		bench_take(pte_set(i, 0));
	}
	BENCH_ROW("pt_set_replace", .bound = "a clear and an add in one") {
		uint32_t i = next_index();

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_RW),
		    self->memory_slot));
		bench_take(pte_set(i, EXO_PTE(others + i, VM_RW)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
	BENCH_ROW("pt_set_narrow", .peer = "mprotect_1page_flip",
	    .bound = "no guard is asked; INVLPG") {
		uint32_t i = next_index();

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_RW),
		    self->memory_slot));
		bench_take(pte_set(i, EXO_PTE(frames + i, VM_R)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
	BENCH_ROW("pt_set_widen", .peer = "mprotect_1page_flip",
	    .bound = "the entry remembers that it may; nothing to flush") {
		uint32_t i = next_index();

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_R),
		    self->memory_slot));
		bench_take(pte_set(i, EXO_PTE(frames + i, VM_RW)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
}

/* ---- many */

static void
batches(uint32_t n, const char *add, const char *replace, const char *clear)
{
	BENCH_ROW(add, .per = n, .aim = 40, .samples = 200,
	    .bound = "the inverse map's link; bits, frame, rights checked") {
		ptes_fill(n, frames, VM_RW);
		bench_take(batch_take(n, ptes));
		batch(n, nothing);
	}
	BENCH_ROW(replace, .per = n, .aim = 60, .samples = 200,
	    .bound = "one link taken out and one put in") {
		ptes_fill(n, frames, VM_R);
		batch(n, ptes);
		ptes_fill(n, others, VM_R);
		bench_take(batch_take(n, ptes));
		batch(n, nothing);
	}
	BENCH_ROW(clear, .per = n, .samples = 200,
	    .bound = "the link taken out; one flush of the context") {
		ptes_fill(n, frames, VM_RW);
		batch(n, ptes);
		bench_take(batch_take(n, nothing));
	}
}

static void
protections(void)
{
	BENCH_ROW("pt_batch_prot100", .peer = "prot100", .samples = 200,
	    .bound = "100 entries narrowed; one flush of the context") {
		ptes_fill(100, frames, VM_RW);
		batch(100, ptes);
		ptes_fill(100, frames, VM_R);
		bench_take(batch_take(100, ptes));
		batch(100, nothing);
	}
	BENCH_ROW("pt_batch_unprot100", .peer = "unprot100", .samples = 200,
	    .bound = "100 entries widened, W^X and sharing checked") {
		ptes_fill(100, frames, VM_R);
		batch(100, ptes);
		ptes_fill(100, frames, VM_RW);
		bench_take(batch_take(100, ptes));
		batch(100, nothing);
	}
}

/* ---- copies: a fresh table, not linked yet, as a fork makes it */

static exo_ppn
fresh_table(uint32_t level)
{
	exo_ppn t = (exo_ppn)must(vm_page(EXO_PG_PT1 + level - 1));

	if (level == 1)
		must(exo_pt_companion(t, (exo_ppn)must(vm_page(EXO_PG_RMAP))));
	return t;
}

static void
fresh_table_free(exo_ppn t)
{
	exo_ppn companion = EXO_PAGES[t].companion;

	must(exo_pt_empty(t, 0, BIG));
	bench_frames_free(t, 1);
	if (companion != 0)
		bench_frames_free(companion, 1);
}

/* A link that lost W by being copied gets it back. */
static void
link_widen(uint32_t level)
{
	exo_ppn up = vm_table(base, level + 1);

	must(exo_pt_set(0, up, EXO_PT_INDEX(base, level + 1),
	    EXO_PTE(vm_table(base, level), EXO_PTE_W), self->memory_slot));
}

/* One entry of a table of this level, that is a link to a table below. */
static void
copy_link(const char *name, uint32_t level)
{
	BENCH_ROW(name, .bound = "the walk; W cleared, and the flush for it") {
		exo_ppn t = fresh_table(level);

		bench_take(bench_call(pt_copy, t, EXO_PT_INDEX(base, level),
		    base, 1));
		fresh_table_free(t);
		link_widen(level - 1);
	}
}

static void
copies(void)
{
	copy_link("pt_copy_link_l3", 3);
	copy_link("pt_copy_link_l2", 2);
	BENCH_ROW("pt_copy_each_l1", .per = BIG, .samples = 100,
	    .bound = "both inverse links, both counts, W off in the source") {
		exo_ppn t = fresh_table(1);

		ptes_fill(BIG, frames, VM_RW);
		batch(BIG, ptes);
		bench_take(bench_call(pt_copy, t, 0, base, BIG));
		fresh_table_free(t);
		batch(BIG, nothing);
	}
	BENCH_ROW("pt_set_writable_after_copy",
	    .bound = "the sole entry, the whole path exclusive") {
		uint32_t i = next_index();
		exo_ppn t = fresh_table(1);

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_RW),
		    self->memory_slot));
		must(exo_pt_copy(t, i, base + i * EXO_PAGE, 1));
		fresh_table_free(t);
		bench_take(pte_set(i, EXO_PTE(frames + i, VM_RW)));
		must(exo_pt_set(0, table, i, 0, 0));
	}
	/* As Castor does it: in place of the shared frame, one of its own. */
	BENCH_ROW("pt_set_own_after_copy",
	    .bound = "the shared entry out, the new frame in, INVLPG") {
		uint32_t i = next_index();
		exo_ppn t = fresh_table(1);

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_RW),
		    self->memory_slot));
		must(exo_pt_copy(t, i, base + i * EXO_PAGE, 1));
		bench_take(pte_set(i, EXO_PTE(others + i, VM_RW)));
		fresh_table_free(t);
		must(exo_pt_set(0, table, i, 0, 0));
	}
}

/* ---- frames: known to be zero, or not */

/* Free frames that were last used as this kind. */
static exo_ppn
used_frames(uint32_t kind, uint64_t n)
{
	exo_ppn p = bench_frames(kind, n);

	bench_frames_free(p, n);
	return p;
}

static void
alloc(const char *name, uint32_t before, uint32_t n, const char *bound)
{
	BENCH_ROW(name, .per = n, .bound = bound, .samples = 200) {
		exo_ppn p = used_frames(before, n);

		bench_take(bench_call(page_alloc, self->acct,
		    self->acct_slot, self->memory_slot, EXO_PG_DATA, p, n));
		bench_frames_free(p, n);
	}
}

static void
frame_rows(void)
{
	alloc("page_alloc_zero", EXO_PG_PT2, 1,
	    "account, guard's name, two lists");
	alloc("page_alloc_dirty", EXO_PG_DATA, 1,
	    "512 of them are the zeroing");
	alloc("page_alloc_each_zero", EXO_PG_PT2, 64,
	    "two lists and a guard for each");
	alloc("page_alloc_each_dirty", EXO_PG_DATA, 64,
	    "512 of them are the zeroing");
	BENCH_ROW("page_free", .bound = "the capability, two lists") {
		exo_ppn p = bench_frames(EXO_PG_DATA, 1);

		bench_take(bench_call(page_free, self->memory_slot, p, 1));
	}
	BENCH_ROW("page_free_each", .per = 64, .samples = 200,
	    .bound = "two lists and a row for each; the name once") {
		exo_ppn p = bench_frames(EXO_PG_DATA, 64);

		bench_take(bench_call(page_free, self->memory_slot, p, 64));
	}
	BENCH_ROW("page_unmap_1", .bound = "the inverse map leads there") {
		uint32_t i = next_index();

		must(exo_pt_set(0, table, i, EXO_PTE(frames + i, VM_R),
		    self->memory_slot));
		bench_take(bench_call(page_unmap, self->memory_slot,
		    frames + i, 1));
	}
}

/* ---- what is taken by force: of an account that is asked for all it has */

#define RUNS	8u			/* of BIG frames */

static exo_ppn taken[RUNS];

static exo_id
asked_make(exo_slot name)
{
	const uint32_t limits[EXO_RES_MAX] = { RUNS * BIG };
	const uint64_t wait = EXO_MACHINE->grace_ticks;
	exo_id acct = (exo_id)must(exo_acct_create(self->acct,
	    self->acct_slot, name, self->acct, (uint64_t)limits));

	for (uint32_t i = 0; i < RUNS; i++) {
		taken[i] = bench_frames(EXO_PG_DATA, BIG);
		bench_frames_free(taken[i], BIG);
		must(exo_page_alloc(acct, name, name, EXO_PG_DATA, taken[i],
		    BIG) == BIG ? 0 : -EXO_E_BUSY);
		must(vm_map_run(vm_alloc_va(BIG), taken[i], BIG, VM_RW,
		    name));
	}
	must(exo_revoke_ask(acct, name, EXO_RES_FRAMES, RUNS * BIG, wait));
	for (uint64_t end = EXO_MACHINE->ticks + wait;
	    EXO_MACHINE->ticks <= end; )
		(void)!exo_null();
	return acct;
}

static uint64_t
taken_by_force(exo_id acct, exo_slot name, exo_ppn first, uint64_t n)
{
	return bench_call(revoke_take, acct, name, EXO_RES_FRAMES, first, n);
}

static void
repossessions(void)
{
	exo_slot name = (exo_slot)must(slot_derive(self->mint_slot,
	    EXO_R_ALL, EXO_COMP_FRESH));
	exo_id acct = asked_make(name);
	uint32_t one = 0, many = BIG;

	BENCH_ROW("revoke_take", .samples = 200,
	    .bound = "the mapping and INVLPG, two lists, two accounts") {
		must(one < BIG ? 0 : -EXO_E_QUOTA);
		bench_take(taken_by_force(acct, name, taken[0] + one++, 1));
	}
	BENCH_ROW("revoke_take_each", .per = 64, .samples = 30,
	    .bound = "the mapping and INVLPG, two lists, two accounts") {
		must(many < RUNS * BIG ? 0 : -EXO_E_QUOTA);
		bench_take(taken_by_force(acct, name,
		    taken[many / BIG] + many % BIG, 64));
		many += 64;
	}
	must(exo_acct_destroy(acct, name));
	while (must(exo_acct_reap(acct, BIG)) > 0)
		;
	slot_put(name);
}

static void
refusals(void)
{
	BENCH_ROW("refused_pt_set_shared", .bound = "as an add, to its end") {
		must(exo_pt_set(0, table, 0, EXO_PTE(frames, VM_RW),
		    self->memory_slot));
		bench_take(bench_refused(pt_set, SHARED, 0, table, 1,
		    EXO_PTE(frames, VM_R), self->memory_slot));
		must(exo_pt_set(0, table, 0, 0, 0));
	}
}

TEST(memory)
{
	table_prepare();
	entries();
	batches(64, "pt_batch_add_64", "pt_batch_replace_64",
	    "pt_batch_clear_64");
	batches(BIG, "pt_batch_add_512", "pt_batch_replace_512",
	    "pt_batch_clear_512");
	protections();
	copies();
	frame_rows();
	repossessions();
	refusals();
}
