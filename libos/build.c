/*
 * build.c - the memory of a program to be.
 *
 * What hangs from a root that no domain uses is its maker's to edit; once a
 * domain is made with it, only that domain's (DESIGN 5, "reach is
 * authority").  So all of it is filled in first.
 *
 * A private frame is written here before it is mapped there, through a
 * window: while it has a writable entry it takes no second one.
 */
#include "elf.h"
#include "image/layout.h"
#include "proc.h"

#include <castor/archive.h>
#include <castor/seat.h>
#include <castor/self.h>
#include <castor/string.h>
#include <castor/text.h>
#include <castor/vm.h>

#define WINDOW		16u		/* pages filled at a time */

static uint64_t window;			/* their address here */

static uint64_t
table_key(uint64_t va, uint32_t level)
{
	return va >> EXO_PT_SHIFT(level + 1) << 2 | level;
}

static long
frame_new(struct build *b, uint32_t kind, exo_ppn *ppn)
{
	return vm_pages(b->p->acct, b->p->name, b->memory, kind, 1, ppn);
}

static long
table_new(struct build *b, uint32_t level, exo_ppn *ppn)
{
	exo_ppn companion;
	long r = frame_new(b, EXO_PG_PT1 + level - 1, ppn);

	if (r < 0 || level > 1)
		return r;
	r = frame_new(b, EXO_PG_RMAP, &companion);
	return r < 0 ? r : exo_pt_companion(*ppn, companion);
}

/* The program's table for va at a level: found, or made and linked. */
static long
table_for(struct build *b, uint64_t va, uint32_t level)
{
	uint64_t key = table_key(va, level);
	exo_ppn ppn;
	long up, r;

	if (level == 4)
		return b->root;
	for (uint32_t i = 0; i < b->ntables; i++) {
		if (b->tables[i].key == key)
			return b->tables[i].ppn;
	}
	up = table_for(b, va, level + 1);
	if (up < 0)
		return up;
	if (b->ntables == BUILD_TABLES)
		return -EXO_E_FULL;
	r = table_new(b, level, &ppn);
	if (r == 0)
		r = exo_pt_set(0, (exo_ppn)up, EXO_PT_INDEX(va, level + 1),
		    EXO_PTE(ppn, EXO_PTE_W), b->p->name);
	if (r < 0)
		return r;
	b->tables[b->ntables].key = key;
	b->tables[b->ntables++].ppn = ppn;
	return ppn;
}

/* Enter frames at va and up. */
static long
frames_enter(struct build *b, uint64_t va, const exo_ppn *ppns, uint64_t n,
    uint64_t bits, exo_slot slot)
{
	for (uint64_t i = 0; i < n; i++, va += EXO_PAGE) {
		long table = table_for(b, va, 1);
		long r = table < 0 ? table : exo_pt_set(0, (exo_ppn)table,
		    EXO_PT_INDEX(va, 1), EXO_PTE(ppns[i], bits), slot);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- what is in the frames */

/* Bytes [va, va + WINDOW pages) of a segment, into the window. */
static void
window_fill(const uint8_t *image, const struct elf_segment *s, uint64_t va,
    uint64_t n)
{
	uint64_t from = va < s->vaddr ? s->vaddr : va;
	uint64_t to = va + n * EXO_PAGE, end = s->vaddr + s->filesz;

	if (to > end)
		to = end;
	if (from < to)
		memcpy((void *)(window + (from - va)),
		    image + s->offset + (from - s->vaddr), to - from);
}

static long
window_map(struct build *b, const exo_ppn *ppns, uint64_t n)
{
	long r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++)
		r = vm_map(window + i * EXO_PAGE, ppns[i], VM_RW, b->p->name);
	return r;
}

static long
segment_load(struct build *b, const uint8_t *image,
    const struct elf_segment *s)
{
	uint64_t bits = (s->flags & ELF_W ? EXO_PTE_W : 0) |
	    (s->flags & ELF_X ? 0 : EXO_PTE_NX);
	uint64_t va = s->vaddr & ~(EXO_PAGE - 1), end = s->vaddr + s->memsz;
	exo_ppn ppns[WINDOW];

	while (va < end) {
		uint64_t n = (end - va + EXO_PAGE - 1) / EXO_PAGE;
		long r;

		n = n < WINDOW ? n : WINDOW;
		r = vm_pages(b->p->acct, b->p->name, b->memory, EXO_PG_DATA,
		    n, ppns);
		if (r == 0)
			r = window_map(b, ppns, n);
		if (r == 0)
			window_fill(image, s, va, n);
		if (r == 0)
			r = vm_unmap(window, n);
		if (r == 0)
			r = frames_enter(b, va, ppns, n, bits, b->p->name);
		if (r < 0)
			return r;
		va += n * EXO_PAGE;
	}
	return 0;
}

/* Its segments from `low' up. */
static long
image_load(struct build *b, const struct archive_file *f, uint64_t low)
{
	struct elf_segment s;
	struct elf_info info;
	long r = 0;

	if (elf_check(f->data, f->size, &info) != 0)
		return -EXO_E_TYPE;
	for (uint32_t i = 0; i < info.segments && r == 0; i++) {
		r = elf_segment(f->data, f->size, i, &s);
		if (r == 0 && s.vaddr >= low)
			r = segment_load(b, f->data, &s);
	}
	b->entry = info.entry;
	b->image_low = info.low;
	b->image_high = info.high;
	return r;
}

/* Zeroed frames of one kind. */
static long
fill_zero(struct build *b, uint64_t va, uint64_t n, uint32_t kind,
    exo_ppn *first)
{
	exo_ppn ppn = 0;
	long r = 0;

	for (uint64_t i = 0; i < n && r == 0; i++) {
		r = frame_new(b, kind, &ppn);
		if (r == 0)
			r = frames_enter(b, va + i * EXO_PAGE, &ppn, 1, VM_RW,
			    b->p->name);
		if (i == 0 && first != NULL)
			*first = ppn;
	}
	return r;
}

static long
seat_memory(struct build *b, uint32_t i)
{
	long r = fill_zero(b, SEAT_TOP(i) - SEAT_STACK, SEAT_STACK / EXO_PAGE,
	    EXO_PG_DATA, NULL);

	return r < 0 ? r : fill_zero(b, SEAT_UPCALL(i), 1,
	    EXO_PG_DATA | EXO_KIND_LIVE, &b->p->seat_ppn[i]);
}

/* The start block: live, and not the program's to write. */
static long
start_memory(struct build *b)
{
	long va, r = vm_pages(b->p->acct, b->p->name, b->p->name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &b->start_ppn);

	if (r == 0)
		r = frames_enter(b, b->start_va, &b->start_ppn, 1, VM_R,
		    b->p->name);
	if (r < 0)
		return r;
	va = (long)(window + WINDOW * EXO_PAGE);
	r = vm_map((uint64_t)va, b->start_ppn, VM_RW, b->p->name);
	b->start = (struct exo_start *)va;
	return r;
}

static long
maps_enter(struct build *b)
{
	const struct proc_map *m = b->args->maps;
	long r = 0;

	for (uint32_t i = 0; i < b->args->nmaps && r == 0; i++)
		r = frames_enter(b, m[i].va, &m[i].ppn, 1, m[i].bits,
		    m[i].slot);
	return r;
}

/* A native program: all of it is its own. */
static long
program_memory(struct build *b)
{
	struct archive_file f;
	long r = archive_find(b->args->name, &f);

	b->stack_top = EXO_START_STACK_TOP;
	b->upcall_va = EXO_START_UPCALL_VA;
	b->start_va = EXO_START_VA;
	if (r == 0)
		r = image_load(b, &f, 0);
	if (r == 0)
		r = fill_zero(b, EXO_START_STACK_TOP - EXO_START_STACK_PAGES *
		    EXO_PAGE, EXO_START_STACK_PAGES, EXO_PG_DATA, NULL);
	return r;
}

/* A page table of its, for it to read. */
static long
view_enter(struct build *b, uint32_t view, exo_ppn table)
{
	return frames_enter(b, OWN_VIEWS + view * EXO_PAGE, &table, 1, VM_R,
	    b->p->name);
}

/* A Linux program: Castor's image, which loads it (image/layout.h). */
static long
linux_memory(struct build *b)
{
	const struct text *t;
	long r, last;

	t = text_get(&r);
	if (t == NULL)
		return r;
	b->stack_top = BLOCK_THREAD(0);
	b->upcall_va = BLOCK(0) + BLOCK_UPCALL;
	b->start_va = OWN_START;
	r = exo_pt_set(0, b->root, TEXT_SLOT, EXO_PTE(t->table, 0), t->name);
	if (r == 0)
		r = image_load(b, &t->file, OWN);
	if (r == 0)
		r = fill_zero(b, b->upcall_va - EXO_PAGE, 1, EXO_PG_DATA,
		    NULL);
	if (r < 0)
		return r;
	last = table_for(b, OWN, 1);
	r = last < 0 ? last : view_enter(b, VIEW_OWN, (exo_ppn)last);
	return r < 0 ? r : view_enter(b, VIEW_ROOT, b->root);
}

long
build_memory(struct build *b)
{
	long r;

	if (window == 0)
		window = vm_alloc_va(WINDOW + 1);
	if (window == 0)
		return -EXO_E_QUOTA;
	r = frame_new(b, EXO_PG_PT4, &b->root);
	if (r == 0)
		r = b->args->foreign ? linux_memory(b) : program_memory(b);
	if (r == 0)
		r = fill_zero(b, b->upcall_va, 1, EXO_PG_DATA | EXO_KIND_LIVE,
		    &b->p->seat_ppn[0]);
	for (uint32_t i = 1; i <= b->args->seats && r == 0; i++)
		r = seat_memory(b, i);
	if (r == 0)
		r = start_memory(b);
	if (r == 0)
		r = maps_enter(b);
	return r;
}
