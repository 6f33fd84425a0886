/*
 * region.c - software regions: what they hold is reached by their own calls
 * only, by whom their guard lets, and within their bounds.
 *
 * The last part is the worked example of docs/regions.md: a table that cells
 * (cell.h) share which do not trust each other.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"
#include "invariant.h"
#include "nap.h"

#include <castor/region.h>

#define MARK	0x5eed5eed5eed5eedull

static exo_ppn
frame_take(exo_slot guard)
{
	exo_ppn ppn;

	must(vm_pages(self->acct, self->acct_slot, guard, EXO_PG_REGION, 1,
	    &ppn));
	return ppn;
}

static void
frame_put(exo_slot guard, exo_ppn ppn)
{
	EQ(exo_page_free(guard, ppn, 1), 1);
}

static bool
all_are(const uint8_t *p, uint64_t n, uint8_t value)
{
	for (uint64_t i = 0; i < n; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* ---------------------------------------------------------------- bounds */

TEST(what_is_written_is_read)
{
	uint8_t in[EXO_REGION_BYTES], out[EXO_REGION_BYTES];
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	struct region_ref r;

	EQ(EXO_PAGES[ppn].kind, EXO_PG_REGION);
	EQ(region_make(&r, name, ppn, 0, 0, EXO_REGION_BYTES, name), 0);
	EQ(EXO_PAGES[ppn].entries, 1);
	memset(out, 0xff, sizeof(out));
	EQ(region_read(&r, 0, out, sizeof(out)), EXO_REGION_BYTES);
	OK(all_are(out, sizeof(out), 0));
	for (uint32_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 7 + 3);
	EQ(region_write(&r, 0, in, sizeof(in)), 0);
	EQ(region_read(&r, 0, out, sizeof(out)), EXO_REGION_BYTES);
	EQ(memcmp(in, out, sizeof(in)), 0);
	/* Any offset, any length. */
	memset(out, 0, sizeof(out));
	EQ(region_write(&r, 13, in + 100, 7), 0);
	EQ(region_read(&r, 11, out, 11), EXO_REGION_BYTES);
	EQ(memcmp(out, in + 11, 2), 0);
	EQ(memcmp(out + 2, in + 100, 7), 0);
	EQ(memcmp(out + 9, in + 20, 2), 0);
	EQ(out[11], 0);
	frame_put(name, ppn);
	slot_put(name);
}

/* 32 of them, each full to its ends, with names of their own. */
TEST(neighbours_do_not_touch)
{
	const uint32_t len = EXO_REGION_BYTES / EXO_REGIONS;
	exo_slot frame = fresh_name(), name[EXO_REGIONS];
	struct region_ref r[EXO_REGIONS];
	exo_ppn ppn = frame_take(frame);
	uint8_t b[EXO_REGION_BYTES];

	for (uint32_t i = 0; i < EXO_REGIONS; i++) {
		name[i] = fresh_name();
		EQ(region_make(&r[i], frame, ppn, i, i * len, len, name[i]),
		    0);
		EQ(EXO_PAGES[ppn].entries, i + 1);
	}
	for (uint32_t i = 0; i < EXO_REGIONS; i++) {
		memset(b, (int)(i + 1), len);
		EQ(region_write(&r[i], 0, b, len), 0);
		EQ(region_write(&r[i], 1, b, len), -EXO_E_ARG);
		r[i].slot = name[(i + 1) % EXO_REGIONS];
		EQ(region_read(&r[i], 0, b, len), -EXO_E_DENIED);
		EQ(region_write(&r[i], 0, b, len), -EXO_E_DENIED);
		EQ(region_drop(&r[i]), -EXO_E_DENIED);
		r[i].slot = name[i];
	}
	for (uint32_t i = 0; i < EXO_REGIONS; i++) {
		EQ(region_read(&r[i], 0, b, len), len);
		OK(all_are(b, len, (uint8_t)(i + 1)));
	}
	/* One goes: the others stay, and its bytes are zero for the next. */
	EQ(region_drop(&r[7]), 0);
	EQ(EXO_PAGES[ppn].entries, EXO_REGIONS - 1);
	EQ(region_make(&r[7], frame, ppn, 7, 7 * len + 8, len - 8, frame), 0);
	EQ(region_read(&r[7], 0, b, len - 8), len - 8);
	OK(all_are(b, len - 8, 0));
	for (uint32_t i = 6; i <= 8; i += 2) {
		EQ(region_read(&r[i], 0, b, len), len);
		OK(all_are(b, len, (uint8_t)(i + 1)));
	}
	frame_put(frame, ppn);
	for (uint32_t i = 0; i < EXO_REGIONS; i++)
		slot_put(name[i]);
	slot_put(frame);
}

/* Buffers that a pager has not filled in yet; one that ends where memory
 * does. */
TEST(buffers_are_paged_in_by_castor)
{
	const uint32_t len = EXO_REGION_BYTES;
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	uint8_t *b = vm_alloc(4 * EXO_PAGE), *end = good_page() + EXO_PAGE;
	struct region_ref r;

	EQ(region_make(&r, name, ppn, 3, 0, len, name), 0);
	EQ(exo_region_write(name, r.name, r.serial, 0, (uint64_t)b, 8),
	    -EXO_E_ADDR);
	EQ(region_write(&r, 0, b + EXO_PAGE - 8, 16), 0);
	memset(end - len, 0x77, len);
	EQ(region_write(&r, 0, end - len, len), 0);
	EQ(region_read(&r, 0, b + 3 * EXO_PAGE - 100, len), len);
	OK(all_are(b + 3 * EXO_PAGE - 100, len, 0x77));
	/* One byte more is not there, however often one asks. */
	EQ(exo_region_write(name, r.name, r.serial, 0, (uint64_t)end - len + 1,
	    len), -EXO_E_ADDR);
	vm_free(b, 4 * EXO_PAGE);
	frame_put(name, ppn);
	slot_put(name);
}

TEST(compare_and_swap)
{
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	struct region_ref r;
	uint64_t was = 1, now = 0;

	EQ(region_make(&r, name, ppn, 0, 8, 24, name), 0);
	EQ(region_cas(&r, 8, &was, MARK), 0);
	EQ(was, 0);
	EQ(region_cas(&r, 8, &was, MARK), 1);
	EQ(was, 0);
	EQ(region_cas(&r, 8, &was, 1), 0);
	EQ(was, MARK);
	for (uint64_t at = 0; at < 24; at += 8) {
		EQ(region_read(&r, at, &now, 8), 24);
		EQ(now, at == 8 ? MARK : 0);
	}
	EQ(region_add(&r, 16, 5, NULL), 0);
	EQ(region_add(&r, 16, 7, &was), 0);
	EQ(was, 5);
	EQ(region_read(&r, 16, &now, 8), 24);
	EQ(now, 12);
	EQ(region_add(&r, 24, 1, NULL), -EXO_E_ARG);
	frame_put(name, ppn);
	slot_put(name);
}

/* ------------------------------------------------- reached in no other way */

static void
no_mapping(exo_ppn f)
{
	static const uint64_t bits[] = { VM_R, VM_RW, VM_RX, EXO_PTE_W };
	const uint64_t at = (uint64_t)good_page();
	exo_ppn live = (exo_ppn)must(vm_page(EXO_PG_PT1 | EXO_KIND_LIVE));
	exo_ppn rmap = (exo_ppn)must(vm_page(EXO_PG_RMAP));
	const exo_slot s = self->root_slot;
	uint64_t pte;

	must(exo_pt_companion(live, rmap));
	for (uint32_t i = 0; i < 4; i++) {
		pte = EXO_PTE(f, bits[i]);
		REFUSED(exo_pt_set(s, live, 0, pte, s), TYPE);
		REFUSED(exo_pt_batch(s, live, 0, 1, (uint64_t)&pte, s), TYPE);
		for (uint32_t level = 1; level <= 4; level++)
			REFUSED(exo_pt_set(s, vm_table(at, level), 200, pte,
			    s), TYPE);
		REFUSED(exo_pt_set(s, f, 0, pte, s), TYPE);
		REFUSED(exo_pt_batch(s, f, 0, 1, (uint64_t)&pte, s), TYPE);
	}
	REFUSED(exo_pt_copy(f, 0, at, 1), TYPE);
	REFUSED(exo_pt_empty(f, 0, 512), TYPE);
	REFUSED(exo_pt_companion(f, frame_of(EXO_PG_RMAP)), TYPE);
	REFUSED(exo_pt_companion(frame_of(EXO_PG_PT1), f), TYPE);
	EQ(exo_page_free(self->memory_slot, live, 1), 1);
	EQ(exo_page_free(self->memory_slot, rmap, 1), 1);
}

/* No predicate looks into it, and it is none. */
static void
no_window(exo_ppn f)
{
	static const uint64_t code[] = { MOV(R0, 7), EXIT };
	const exo_slot s = self->root_slot;
	struct exo_sleep a = { .prog = PROG_NEW(code, s), .prog_slot = s,
	    .nwin = 1, .win = { { .what = EXO_WIN_FRAME, .len = 8, .ppn = f,
	    .slot = s, .epoch = EXO_PAGES[f].epoch } } };

	REFUSED(exo_env_sleep((uint64_t)&a, EXO_ID_ANY, 0, EXO_NONE), TYPE);
	EQ(exo_page_free(s, a.prog, 1), 1);
	a.nwin = 0;
	a.prog = f;
	REFUSED(exo_env_sleep((uint64_t)&a, EXO_ID_ANY, 0, EXO_NONE), TYPE);
	REFUSED(exo_prog_load(s, f, (uint64_t)code, 2), TYPE);
}

/* The kernel does not use it for anything else. */
static void
no_other_use(exo_ppn f)
{
	const exo_slot s = self->root_slot;
	struct exo_seat_args *a = (struct exo_seat_args *)good_page();
	struct lab l;

	lab_make(&l);
	*a = (struct exo_seat_args){ .env = l.env, .upcall_ppn = f,
	    .upcall_slot = s };
	REFUSED(exo_seat_bind(l.domain, s, 0, (uint64_t)a), TYPE);
	REFUSED(exo_env_event(l.env, s, f, 0, s), TYPE);
	REFUSED(exo_slots_bind(l.domain, s, 0, f), TYPE);
	REFUSED(exo_slots_clone(0, f), TYPE);
	REFUSED(exo_domain_create(l.acct, s, s, EXO_NONE, f, l.root), TYPE);
	REFUSED(exo_domain_create(l.acct, s, s, EXO_NONE,
	    frame_of(EXO_PG_DOMAIN), f), TYPE);
	REFUSED(exo_domain_seats(l.domain, s, f), TYPE);
	REFUSED(exo_domain_handles(l.domain, s, f, 1), TYPE);
	REFUSED(exo_env_create(l.acct, s, s, EXO_NONE, f), TYPE);
	REFUSED(exo_revoke_record(l.acct, s, f, s), TYPE);
	REFUSED(exo_page_guard(s, s, f, 1), TYPE);
	REFUSED(exo_page_alloc(self->acct, s, s, EXO_PG_DATA, f, 1), BUSY);
	EQ(exo_page_unmap(s, f, EXO_STEPS_MAX), 0);
	lab_end(&l);
}

TEST(contents_are_reached_in_no_other_way)
{
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	const volatile struct exo_page *p = &EXO_PAGES[ppn];
	struct region_ref r;
	uint64_t now = MARK;

	hostile_begin();
	EQ(region_make(&r, name, ppn, 0, 0, 8, name), 0);
	EQ(region_write(&r, 0, &now, 8), 0);
	no_mapping(ppn);
	no_window(ppn);
	no_other_use(ppn);
	EQ(p->maps, 0);
	EQ(p->uses, 0);
	EQ(p->refs, 0);
	EQ(p->pins, 0);
	EQ(region_read(&r, 0, &now, 8), 8);
	EQ(now, MARK);
	frame_put(name, ppn);
	slot_put(name);
}

/* Not by its next owner, either: as data, or as regions. */
TEST(a_freed_frame_is_forgotten)
{
	static uint8_t b[EXO_REGION_BYTES];
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	struct region_ref r, old;
	uint8_t *va;

	for (uint32_t i = 0; i < 4; i++)
		EQ(region_make(&r, name, ppn, i, i * 640, 640, name), 0);
	old = r;
	memset(b, 0xee, 640);
	EQ(region_write(&r, 0, b, 640), 0);
	frame_put(name, ppn);
	EQ(EXO_PAGES[ppn].entries, 0);
	EQ(region_read(&old, 0, b, 8), -EXO_E_NAME);
	must(exo_page_alloc(self->acct, self->acct_slot, name, EXO_PG_DATA,
	    ppn, 1));
	va = (uint8_t *)must(vm_map_frame(ppn, VM_RW, name));
	OK(all_are(va, EXO_PAGE, 0));
	EQ(region_read(&old, 0, b, 8), -EXO_E_NAME);
	/* Nor does what its new owner writes make a region. */
	memset(va, 0xff, EXO_PAGE);
	EQ(vm_unmap((uint64_t)va, 1), 0);
	frame_put(name, ppn);
	must(exo_page_alloc(self->acct, self->acct_slot, name, EXO_PG_REGION,
	    ppn, 1));
	EQ(EXO_PAGES[ppn].entries, 0);
	EQ(region_make(&r, name, ppn, 0, 0, EXO_REGION_BYTES, name), 0);
	EQ(region_read(&r, 0, b, sizeof(b)), EXO_REGION_BYTES);
	OK(all_are(b, sizeof(b), 0));
	EQ(region_read(&old, 0, b, 8), -EXO_E_NAME);
	frame_put(name, ppn);
	slot_put(name);
}

/* A dying account's frame goes, with what is in it: its heir gets none. */
TEST(regions_end_with_their_account)
{
	exo_slot name = fresh_name();
	struct region_ref r;
	struct cell c;
	struct use before;
	exo_ppn ppn;
	uint64_t v = MARK;

	use_take(&before);
	cell_make(&c, NULL);
	must(vm_pages(c.acct, c.name, c.name, EXO_PG_REGION, 1, &ppn));
	EQ(region_make(&r, c.name, ppn, 0, 0, 8, name), 0);
	EQ(region_write(&r, 0, &v, 8), 0);
	cell_end(&c);
	EQ(EXO_PAGES[ppn].kind, EXO_PG_FREE);
	EQ(region_read(&r, 0, &v, 8), -EXO_E_NAME);
	OK(use_same(&before));
	slot_put(name);
}

static void
wait_ticks(uint64_t n)
{
	uint64_t until = EXO_MACHINE->ticks + n;

	while (EXO_MACHINE->ticks < until)
		__asm__ volatile("pause");
}

/* Nothing pins such a frame: who wants it back gets it. */
TEST(a_frame_with_regions_can_be_taken_back)
{
	exo_slot name = fresh_name();
	struct region_ref r;
	struct cell c;
	exo_ppn ppn;
	uint64_t v = MARK;

	cell_make(&c, NULL);
	must(vm_pages(c.acct, c.name, c.name, EXO_PG_REGION, 1, &ppn));
	EQ(region_make(&r, c.name, ppn, 0, 0, 8, name), 0);
	must(exo_revoke_ask(c.acct, c.name, EXO_RES_FRAMES, 1,
	    EXO_MACHINE->grace_ticks));
	wait_ticks(EXO_MACHINE->grace_ticks + 1);
	EQ(exo_revoke_take(c.acct, c.name, EXO_RES_FRAMES, ppn, 1), 1);
	EQ(EXO_PAGES[ppn].kind, EXO_PG_FREE);
	EQ(region_read(&r, 0, &v, 8), -EXO_E_NAME);
	cell_end(&c);
	slot_put(name);
}

/* ------------------------------------------------------------ a model of it
 *
 * Regions made, written and dropped at random: what fits and what is read is
 * what a table of bytes says.
 */
#define FLOOD	20000u

static struct {
	struct region_ref ref;
	uint32_t offset, len;		/* 0: there is none */
} model[EXO_REGIONS];
static uint8_t bytes[EXO_REGION_BYTES], taken[EXO_REGION_BYTES];
static uint64_t rng = 0x9e3779b97f4a7c15ul, last;

static uint32_t
rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)((rng >> 20) % below);
}

static long
model_make(exo_slot name, exo_ppn ppn, uint32_t i)
{
	uint32_t at = rnd(EXO_REGION_BYTES / 8 + 2) * 8, n = rnd(300);
	bool inside = n != 0 && at + n <= EXO_REGION_BYTES, room = inside;
	struct region_ref ref;
	long r = region_make(&ref, name, ppn, i, at, n, name);

	for (uint32_t k = at; inside && k < at + n; k++)
		room = room && !taken[k];
	if (!inside || !room || model[i].len != 0) {
		EQ(r, inside ? -EXO_E_BUSY : -EXO_E_ARG);
		return r;
	}
	EQ(r, 0);
	OK(ref.serial > last);
	last = ref.serial;
	model[i].ref = ref;
	model[i].offset = at;
	model[i].len = n;
	memset(taken + at, 1, n);
	return r;
}

static void
model_use(uint32_t i)
{
	static uint8_t b[EXO_REGION_BYTES];
	uint32_t at = model[i].offset, len = model[i].len;
	uint32_t from = rnd(len + 1), n = rnd(len - from + 1);

	EQ(region_read(&model[i].ref, 0, b, len), len);
	EQ(memcmp(b, bytes + at, len), 0);
	for (uint32_t k = 0; k < n; k++)
		b[k] = bytes[at + from + k] = (uint8_t)rnd(256);
	EQ(region_write(&model[i].ref, from, b, n), 0);
	EQ(region_write(&model[i].ref, from, b, len - from + 1), -EXO_E_ARG);
}

static void
model_drop(uint32_t i)
{
	EQ(region_drop(&model[i].ref), 0);
	memset(bytes + model[i].offset, 0, model[i].len);
	memset(taken + model[i].offset, 0, model[i].len);
	model[i].len = 0;
	EQ(region_drop(&model[i].ref), -EXO_E_NAME);
}

TEST(a_flood_of_regions_is_what_a_model_says)
{
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	uint32_t made = 0, there = 0;

	for (uint32_t n = 0; n < FLOOD; n++) {
		uint32_t i = rnd(EXO_REGIONS);

		if (model[i].len == 0 || rnd(8) == 0)
			made += model_make(name, ppn, i) == 0;
		else if (rnd(3) == 0)
			model_drop(i);
		else
			model_use(i);
	}
	for (uint32_t i = 0; i < EXO_REGIONS; i++)
		there += model[i].len != 0;
	EQ(EXO_PAGES[ppn].entries, there);
	OK(made > FLOOD / 20);
	OK(there > 0);
	OK(invariants_hold());
	frame_put(name, ppn);
	slot_put(name);
}

/* -------------------------------------------------------------------- cells */

/* Of a cell without any, slot `slot` gets my capability. */
static void
pass(struct cell *c, uint32_t slot, exo_slot have, uint32_t rights)
{
	must(cell_do(c, EXO_NR_cap_open, slot, self->domain, 0, 0, 0, 0));
	must(exo_cap_give(have, rights, c->domain, slot));
}

static void
give_slice(struct cell *c, uint32_t index, exo_id env)
{
	must(exo_slice_alloc(c->acct, c->name, c->name, index));
	must(exo_slice_set(c->name, index, env, c->name));
}

#define TEAR	1024u			/* bytes: w[0] to w[127] */

/* w[190]: name, w[191]: serial.  All words of a write are one number. */
static uint64_t
in_writer(struct cell_page *p, uint64_t slot, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	for (uint64_t n = 1;; n++) {
		for (uint32_t i = 0; i < TEAR / 8; i++)
			p->w[i] = n;
		if (exo_region_write((exo_slot)slot, p->w[190], p->w[191], 0,
		    (uint64_t)p->w, TEAR) != 0)
			return 1;
		p->w[189] = n;
	}
}

/* Two writers and a reader, cut off by ticks wherever they are. */
TEST(writes_are_not_torn)
{
	static const struct cell_opts alone = { .alone = true };
	uint64_t b[TEAR / 8], seen = 0, torn = 0, last_seen = 0;
	uint64_t until = EXO_MACHINE->ticks + 3000;
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	struct region_ref r;
	struct cell c[2];

	EQ(region_make(&r, name, ppn, 0, 512, TEAR, name), 0);
	for (uint32_t i = 0; i < 2; i++) {
		cell_make(&c[i], &alone);
		pass(&c[i], 5, name, EXO_R_WRITE);
		c[i].page->w[190] = r.name;
		c[i].page->w[191] = r.serial;
		give_slice(&c[i], 10 + i, cell_env(&c[i], 2, in_writer, 5));
	}
	while (seen < 30 && EXO_MACHINE->ticks < until) {
		must(region_read(&r, 0, b, TEAR));
		seen += b[0] != last_seen;
		last_seen = b[0];
		for (uint32_t k = 1; k < TEAR / 8; k++)
			torn += b[k] != b[0];
	}
	EQ(torn, 0);
	EQ(seen, 30);
	for (uint32_t i = 0; i < 2; i++) {
		OK(cell_counts(&c[i].page->w[189], 100));
		cell_end(&c[i]);
	}
	frame_put(name, ppn);
	slot_put(name);
}

static uint64_t
in_adder(struct cell_page *p, uint64_t slot, uint64_t b, uint64_t c)
{
	uint64_t was = 0;

	(void)b, (void)c;
	for (uint32_t n = 0; n < 3000; n++) {
		while (exo_region_cas((exo_slot)slot, p->w[190], p->w[191], 8,
		    (uint64_t)&was, was + 1) == 0)
			p->w[0]++;
		/* Look again later: so that swaps fail, too. */
		for (uint32_t k = 0; k < 2000; k++)
			__asm__ volatile("");
	}
	p->w[1] = 1;
	return 0;
}

TEST(no_swap_is_lost)
{
	static const struct cell_opts alone = { .alone = true };
	uint64_t sum = 0, failed = 0;
	exo_slot name = fresh_name();
	exo_ppn ppn = frame_take(name);
	struct region_ref r;
	struct cell c[3];

	EQ(region_make(&r, name, ppn, 0, 0, 16, name), 0);
	for (uint32_t i = 0; i < 3; i++) {
		cell_make(&c[i], &alone);
		pass(&c[i], 5, name, EXO_R_READ | EXO_R_WRITE);
		c[i].page->w[190] = r.name;
		c[i].page->w[191] = r.serial;
		give_slice(&c[i], 10 + i, cell_env(&c[i], 2, in_adder, 5));
	}
	for (uint32_t i = 0; i < 3; i++) {
		OK(cell_counts(&c[i].page->w[1], 1));
		EQ(c[i].page->traps, 0);
	}
	EQ(region_read(&r, 8, &sum, 8), 16);
	EQ(sum, 3 * 3000);
	for (uint32_t i = 0; i < 3; i++) {
		failed += c[i].page->w[0];
		cell_end(&c[i]);
	}
	OK(failed >= 3);
	frame_put(name, ppn);
	slot_put(name);
}

/* ------------------------------------------------------- the worked example
 *
 * A table: a row for each member, which its owner alone writes and all read,
 * and a counter that members take numbers from.  Members are cells with slots
 * of their own.  One of them is killed again and again, one is hostile.
 *
 * Names: T guards the table, T.i row i, T.COUNTER the counter; F the frame.
 * READ on T reads all rows.
 */
#define MEMBERS		4u
#define MORTAL		2u		/* is killed, and comes again */
#define HOSTILE_ONE	3u		/* does what it can */
#define COUNTER		'c'		/* chosen component */
#define ROW_LEN		64u
#define DEATHS		12u

/* Slots of a member. */
enum { HAS_ROW = 1, HAS_TABLE, HAS_COUNTER };

/* What it is told, at w[160]. */
struct told {
	exo_region row[MEMBERS], counter;
	uint64_t serial[MEMBERS], counter_serial;
	uint64_t me;
};

/* A row: what its owner says of itself, in one write. */
struct row {
	uint64_t owner, seq, numbers;	/* that it took */
	uint64_t largest;		/* of them */
	uint64_t sum[4];		/* of all of these, four times */
};
_Static_assert(sizeof(struct row) == ROW_LEN, "a row");

/* Words of its page: what it counted; W_STOP: not 0, it ends. */
enum { W_ROUNDS, W_BROKEN, W_ERRORS, W_DID, W_STOP };

static struct told *
told(struct cell_page *p)
{
	return (struct told *)&p->w[160];
}

static inline __attribute__((always_inline)) uint64_t
row_sum(const struct row *r, uint32_t i)
{
	return (r->owner ^ r->seq * 3 ^ r->numbers * 5 ^ r->largest * 7) + i;
}

static inline __attribute__((always_inline)) bool
row_whole(const struct row *r)
{
	for (uint32_t i = 0; i < 4; i++)
		if (r->seq != 0 && r->sum[i] != row_sum(r, i))
			return false;
	return true;
}

/* A number, a new row, a look at all the others. */
static void
member_round(struct cell_page *p, struct row *mine)
{
	const struct told *t = told(p);
	struct row other;
	uint64_t n = 0;
	long r;

	while ((r = exo_region_cas(HAS_COUNTER, t->counter, t->counter_serial,
	    0, (uint64_t)&n, n + 1)) == 0)
		;
	p->w[W_ERRORS] += r != 1 || n < mine->largest;
	mine->owner = t->me;
	mine->seq++;
	mine->numbers++;
	mine->largest = n + 1;
	for (uint32_t i = 0; i < 4; i++)
		mine->sum[i] = row_sum(mine, i);
	p->w[W_ERRORS] += exo_region_write(HAS_ROW, t->row[t->me],
	    t->serial[t->me], 0, (uint64_t)mine, ROW_LEN) != 0;
	for (uint32_t i = 0; i < HOSTILE_ONE; i++) {
		p->w[W_ERRORS] += exo_region_read(HAS_TABLE, t->row[i],
		    t->serial[i], 0, (uint64_t)&other, ROW_LEN) != ROW_LEN;
		p->w[W_BROKEN] += !row_whole(&other);
	}
	p->w[W_ROUNDS]++;
}

/* Who comes after somebody that died goes on from his row. */
static uint64_t
in_member(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	const struct told *t = told(p);
	struct row mine;

	(void)a, (void)b, (void)c;
	p->w[W_ERRORS] += exo_region_read(HAS_TABLE, t->row[t->me],
	    t->serial[t->me], 0, (uint64_t)&mine, ROW_LEN) != ROW_LEN;
	while (p->w[W_STOP] == 0)
		member_round(p, &mine);
	return 0;
}

/* Its own row it may write; any other success is counted. */
static void
did(struct cell_page *p, long r, bool may)
{
	if (r >= 0)
		p->w[may ? W_DID : W_BROKEN]++;
}

/* All that it has, tried on all that it knows. */
static void
hostile_round(struct cell_page *p, uint64_t x, uint64_t *junk)
{
	const struct told *t = told(p);
	const uint64_t k = (x >> 30) % MEMBERS, at = (x >> 40) % 80;
	const exo_slot s = (exo_slot)(x >> 20) % 6;
	const bool own = k == HOSTILE_ONE && s == HAS_ROW;
	exo_region r = t->row[k] ^ ((x >> 50) % 16 == 0 ? x % 8 : 0);
	uint64_t q = t->serial[k] + ((x >> 54) % 16 == 0);
	uint64_t b = (uint64_t)junk;

	did(p, exo_region_write(s, r, q, at, b, 1 + x % ROW_LEN), own);
	did(p, exo_region_cas(s, r, q, at & ~7ul, b, x), own);
	did(p, exo_region_cas(s, t->counter, t->counter_serial, 0, b, x),
	    false);
	did(p, exo_region_write(s, t->counter, t->counter_serial, 0, b, 8),
	    false);
	if (!own)
		did(p, exo_region_drop(s, r, q), false);
	did(p, exo_region_drop(s, t->counter, t->counter_serial), false);
	did(p, exo_region_make(s, (exo_ppn)(r >> 8), (uint32_t)x % 64,
	    (uint32_t)(x >> 8) % 4096 & ~7u, 8, s), false);
	did(p, exo_page_free(s, (exo_ppn)(r >> 8), 1), false);
}

static uint64_t
in_hostile(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t junk[8], x = 88172645463325252ul;

	(void)a, (void)b, (void)c;
	for (; p->w[W_STOP] == 0; p->w[W_ROUNDS]++) {
		for (uint32_t i = 0; i < 8; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			junk[i] = x;
		}
		hostile_round(p, x, junk);
	}
	return 0;
}

static struct table {
	exo_slot frame, name;		/* F, T */
	exo_slot row_name[MEMBERS], counter_name;
	exo_ppn ppn;
	struct region_ref row[MEMBERS], counter;
	struct cell cell[MEMBERS];
	exo_id env[MEMBERS];
} table;

static void
table_make(struct table *t)
{
	t->frame = fresh_name();
	t->name = fresh_name();
	t->ppn = frame_take(t->frame);
	for (uint32_t i = 0; i < MEMBERS; i++) {
		t->row_name[i] = (exo_slot)must(slot_derive(t->name,
		    EXO_R_ALL, i));
		must(region_make(&t->row[i], t->frame, t->ppn, i, i * ROW_LEN,
		    ROW_LEN, t->row_name[i]));
	}
	t->counter_name = (exo_slot)must(slot_derive(t->name, EXO_R_ALL,
	    COUNTER));
	must(region_make(&t->counter, t->frame, t->ppn, MEMBERS, 1024, 8,
	    t->counter_name));
}

/* `counts`: may it take numbers? */
static void
table_join(struct table *t, uint32_t i, cell_fn fn, bool counts)
{
	static const struct cell_opts alone = { .alone = true };
	struct cell *c = &t->cell[i];

	cell_make(c, &alone);
	pass(c, HAS_ROW, t->row_name[i], EXO_R_ALL & ~EXO_R_MINT);
	pass(c, HAS_TABLE, t->name, EXO_R_READ);
	if (counts)
		pass(c, HAS_COUNTER, t->counter_name, EXO_R_READ |
		    EXO_R_WRITE);
	for (uint32_t k = 0; k < MEMBERS; k++) {
		told(c->page)->row[k] = t->row[k].name;
		told(c->page)->serial[k] = t->row[k].serial;
	}
	told(c->page)->counter = t->counter.name;
	told(c->page)->counter_serial = t->counter.serial;
	told(c->page)->me = i;
	t->env[i] = cell_env(c, 2, fn, 0);
	give_slice(c, 10 + i, t->env[i]);
}

/* At the end of its round. */
static void
table_leave(struct table *t, uint32_t i)
{
	t->cell[i].page->w[W_STOP] = 1;
	OK(cell_run_state(&t->cell[i], t->env[i], EXO_ENV_DEAD));
	cell_end(&t->cell[i]);
}

/* The rows of those who count, and what they add up to. */
static uint64_t
table_numbers(struct table *t, uint64_t *largest)
{
	uint64_t sum = 0;
	struct row r;

	*largest = 0;
	for (uint32_t i = 0; i < HOSTILE_ONE; i++) {
		EQ(region_read(&t->row[i], 0, &r, ROW_LEN), ROW_LEN);
		OK(row_whole(&r));
		EQ(r.owner, i);
		EQ(r.seq, r.numbers);
		sum += r.numbers;
		if (r.largest > *largest)
			*largest = r.largest;
	}
	return sum;
}

static void
table_end(struct table *t)
{
	frame_put(t->frame, t->ppn);
	for (uint32_t i = 0; i < MEMBERS; i++)
		slot_put(t->row_name[i]);
	slot_put(t->counter_name);
	slot_put(t->name);
	slot_put(t->frame);
}

TEST(a_table_shared_by_those_who_distrust_each_other)
{
	struct table *t = &table;
	uint64_t counter, sum, largest;
	struct cell_page *p;

	table_make(t);
	for (uint32_t i = 0; i < HOSTILE_ONE; i++)
		table_join(t, i, in_member, true);
	table_join(t, HOSTILE_ONE, in_hostile, false);
	/* Wherever it is: between a number and its row, or anywhere else. */
	for (uint32_t n = 0; n < DEATHS; n++) {
		uint64_t was = t->cell[MORTAL].page->w[W_ROUNDS];

		wait_ticks(5 + n % 3);
		OK(cell_counts(&t->cell[MORTAL].page->w[W_ROUNDS], was + 1));
		EQ(t->cell[MORTAL].page->w[W_ERRORS], 0);
		EQ(t->cell[MORTAL].page->w[W_BROKEN], 0);
		cell_end(&t->cell[MORTAL]);
		table_join(t, MORTAL, in_member, true);
	}
	for (uint32_t i = 0; i < MEMBERS; i++) {
		p = t->cell[i].page;
		OK(cell_counts(&p->w[W_ROUNDS], 100));
		print("# member %u: %lu rounds\n", i, p->w[W_ROUNDS]);
		EQ(p->w[W_ERRORS], 0);
		EQ(p->w[W_BROKEN], 0);
		EQ(p->traps, 0);
		if (i == HOSTILE_ONE)
			OK(cell_counts(&p->w[W_DID], 100));
		table_leave(t, i);
	}
	/* Each number was taken once; who died with one in hand lost it. */
	EQ(region_read(&t->counter, 0, &counter, 8), 8);
	sum = table_numbers(t, &largest);
	print("# %lu numbers, %lu in rows, %u deaths\n", counter, sum, DEATHS);
	OK(sum <= counter && counter <= sum + DEATHS);
	OK(largest <= counter);
	EQ(EXO_PAGES[t->ppn].entries, MEMBERS + 1);
	table_end(t);
	OK(invariants_hold());
}

/*
 * What the table can't stand: who may swap the counter may set it to anything.
 * Rows are as safe as before, and their sum tells the truth.
 */
static uint64_t
in_vandal(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	const struct told *t = told(p);
	uint64_t n = 0;

	(void)a, (void)b, (void)c;
	for (; p->w[W_STOP] == 0; p->w[W_ROUNDS]++) {
		if (exo_region_cas(HAS_COUNTER, t->counter, t->counter_serial,
		    0, (uint64_t)&n, 7) == 1)
			p->w[W_DID]++;
	}
	return 0;
}

TEST(a_counter_is_worth_as_much_as_all_who_may_swap_it)
{
	struct table *t = &table;
	uint64_t counter = 0, sum, largest, broken = 0;

	table_make(t);
	for (uint32_t i = 0; i < HOSTILE_ONE; i++)
		table_join(t, i, in_member, true);
	table_join(t, HOSTILE_ONE, in_vandal, true);
	/* They notice: numbers come twice. */
	for (uint32_t i = 0; i < MEMBERS; i++)
		OK(cell_counts(&t->cell[i].page->w[i == HOSTILE_ONE ? W_DID :
		    W_ERRORS], 1));
	for (uint32_t i = 0; i < MEMBERS; i++) {
		broken += t->cell[i].page->w[W_BROKEN];
		table_leave(t, i);
	}
	EQ(broken, 0);
	EQ(region_read(&t->counter, 0, &counter, 8), 8);
	sum = table_numbers(t, &largest);
	OK(counter < sum);
	table_end(t);
}

/* The frame's owner as the enemy: he has F, and T without any right, since he
 * made the table.  He can end it; he can neither read, forge nor reset. */
TEST(the_owner_of_the_frame_can_only_end_it)
{
	struct table *t = &table;
	struct region_ref again;
	struct cell owner;
	uint64_t v = MARK;
	long serial;

	table_make(t);
	EQ(region_write(&t->row[0], 0, &v, 8), 0);
	cell_make(&owner, &(struct cell_opts){ .alone = true });
	pass(&owner, 1, t->frame, EXO_R_ALL);
	pass(&owner, 2, t->name, 0);
	for (uint32_t s = 0; s < 4; s++) {
		long r = cell_do(&owner, EXO_NR_region_read, s, t->row[0].name,
		    t->row[0].serial, 0, owner.base, 8);

		EQ(r, s == 1 ? -EXO_E_DENIED : s == 2 ? -EXO_E_RIGHTS :
		    -EXO_E_SLOT);
		EQ(cell_do(&owner, EXO_NR_region_write, s, t->row[0].name,
		    t->row[0].serial, 0, owner.base, 8), r);
	}
	EQ(region_read(&t->row[0], 0, &v, 8), ROW_LEN);
	EQ(v, MARK);
	/* The same place under the same name, all zero: not the same region. */
	EQ(cell_do(&owner, EXO_NR_region_drop, 1, t->row[0].name,
	    t->row[0].serial, 0, 0, 0), 0);
	must(cell_do(&owner, EXO_NR_cap_derive, 2, 3, 0, 0, 0, 0));
	serial = cell_do(&owner, EXO_NR_region_make, 1, t->ppn, 0, 0, ROW_LEN,
	    3);
	OK(serial > 0);
	EQ(region_read(&t->row[0], 0, &v, 8), -EXO_E_NAME);
	EQ(region_write(&t->row[0], 0, &v, 8), -EXO_E_NAME);
	EQ(region_cas(&t->row[0], 0, &v, 1), -EXO_E_NAME);
	EQ(region_drop(&t->row[0]), -EXO_E_NAME);
	/* Who looked at the guard alone would be taken in. */
	again = t->row[0];
	again.serial = (uint64_t)serial;
	EQ(region_read(&again, 0, &v, 8), ROW_LEN);
	EQ(v, 0);
	cell_end(&owner);
	table_end(t);
}
