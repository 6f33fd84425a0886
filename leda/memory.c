/*
 * memory.c - Leda's memory: a byte and a frame's number for each page.
 *
 * What belongs to the program is said by `state', in the order of addresses;
 * there are no lists of areas, no views of tables, no hash of them.  Tables are
 * made when they are first needed and kept.  A frame is asked for by the name
 * that the free list begins with, when its page is touched, and goes back to
 * the kernel when it is unmapped.
 */
#include "leda.h"

#define TABLES	((uint32_t)(SPACE_END >> 21))

uint8_t state[PAGES];
static exo_ppn frames[PAGES];
static exo_ppn pt2, pt1[TABLES];

void
copy(void *to, const void *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n)
	    : : "memory");
}

void
clear(void *to, size_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* A frame of this kind, zeroed; a negative error. */
static long
frame_new(enum exo_kind kind)
{
	for (;;) {
		exo_ppn ppn = EXO_MACHINE->free_head;
		long r = ppn == 0 ? -EXO_E_QUOTA : kernel6(EXO_NR_page_alloc,
		    me->acct, me->acct_slot, me->memory_slot, kind, ppn, 1);

		if (r != -EXO_E_BUSY)	/* somebody else was quicker */
			return r < 0 ? r : (long)ppn;
	}
}

static long
entry_set(exo_ppn table, uint64_t index, uint64_t pte, exo_slot slot)
{
	return kernel6(EXO_NR_pt_set, 0, table, index, pte, slot, 0);
}

static void
frame_free(exo_ppn ppn)
{
	(void)kernel(EXO_NR_page_free, me->memory_slot, ppn, 1);
}

/* A table below another: its frame. */
static long
table_new(enum exo_kind kind, exo_ppn above, uint64_t index)
{
	long t = frame_new(kind), companion = 0, r = t;

	if (t > 0 && kind == EXO_PG_PT1) {
		companion = r = frame_new(EXO_PG_RMAP);
		if (r > 0)
			r = kernel(EXO_NR_pt_companion, (exo_ppn)t,
			    (exo_ppn)companion, 0);
	}
	if (r >= 0)
		r = entry_set(above, index, EXO_PTE(t, EXO_PTE_W),
		    me->memory_slot);
	if (r < 0 && companion > 0)
		frame_free((exo_ppn)companion);
	if (r < 0 && t > 0)
		frame_free((exo_ppn)t);
	return r < 0 ? r : t;
}

long
memory_init(void)
{
	exo_ppn root = EXO_DOMAINS[EXO_INDEX(me->domain)].root;
	long pt3 = table_new(EXO_PG_PT3, root, 0);
	long r = pt3 < 0 ? pt3 : table_new(EXO_PG_PT2, (exo_ppn)pt3, 0);

	if (r < 0)
		return r;
	pt2 = (exo_ppn)r;
	range_give(PAGES - STACK_PAGES, STACK_PAGES, PG_R | PG_W);
	return 0;
}

/* An entry for an address below SPACE_END; pte 0 takes it out. */
static long
page_set(uint64_t va, uint64_t pte, exo_slot slot)
{
	exo_ppn *table = &pt1[va >> 21];
	long r;

	if (*table == 0) {
		if (pte == 0)
			return 0;
		r = table_new(EXO_PG_PT1, pt2, va >> 21);
		if (r < 0)
			return r;
		*table = (exo_ppn)r;
	}
	return entry_set(*table, va >> 12 & 511, pte, slot);
}

const char *
archive_map(void)
{
	uint32_t n = EXO_MACHINE->archive_pages;
	exo_ppn first = EXO_MACHINE->archive_ppn;

	if (n > (SCRATCH - WINDOW) / EXO_PAGE)
		return NULL;
	for (uint32_t i = 0; i < n; i++) {
		if (page_set(WINDOW + i * EXO_PAGE, EXO_PTE(first + i,
		    EXO_PTE_NX), me->archive_slot) < 0)
			return NULL;
	}
	return (const char *)WINDOW;
}

/* ---- pages of the program */

static uint64_t
bits_of(uint32_t rights)
{
	return (rights & PG_W ? EXO_PTE_W : 0) |
	    (rights & PG_X ? 0 : EXO_PTE_NX);
}

/* What has no rights can't be in the tables: a present entry can be read. */
static long
page_show(uint64_t page)
{
	uint32_t rights = state[page] & PG_RIGHTS;

	return page_set(page << 12, rights == 0 ? 0 :
	    EXO_PTE(frames[page], bits_of(rights)), me->memory_slot);
}

static long
page_put(uint64_t page, exo_ppn ppn)
{
	frames[page] = ppn;
	state[page] |= PG_THERE;
	return page_show(page);
}

long
page_load(uint64_t page, uint32_t rights, const void *from, size_t n,
    size_t at)
{
	long ppn = frame_new(EXO_PG_DATA), r;

	if (ppn < 0)
		return -L_ENOMEM;
	r = page_set(SCRATCH, EXO_PTE(ppn, EXO_PTE_W | EXO_PTE_NX),
	    me->memory_slot);
	if (r < 0)
		return -L_ENOMEM;
	copy((char *)SCRATCH + at, from, n);
	(void)page_set(SCRATCH, 0, 0);
	state[page] = (uint8_t)(PG_OURS | rights);
	return page_put(page, (exo_ppn)ppn) < 0 ? -L_ENOMEM : 0;
}

bool
page_fault(uint64_t va, uint64_t err)
{
	uint64_t page = va >> 12;
	uint32_t need = err & 0x10 ? PG_X : err & 2 ? PG_W : PG_R;
	long ppn;

	if (page >= PAGES || (state[page] & need) == 0 ||
	    (state[page] & PG_THERE) != 0)
		return false;
	ppn = frame_new(EXO_PG_DATA);
	return ppn > 0 && page_put(page, (exo_ppn)ppn) >= 0;
}

/* ---- ranges of pages; the caller has seen to it that they are below PAGES */

bool
range_is_free(uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		if (state[i] != 0)
			return false;
	}
	return true;
}

void
range_give(uint64_t first, uint64_t n, uint32_t rights)
{
	for (uint64_t i = first; i < first + n; i++)
		state[i] = (uint8_t)(PG_OURS | rights);
}

void
range_take(uint64_t first, uint64_t n)
{
	for (uint64_t i = first; i < first + n; i++) {
		if ((state[i] & PG_THERE) != 0) {
			(void)page_set(i << 12, 0, 0);
			frame_free(frames[i]);
		}
		state[i] = 0;
	}
}

bool
range_rights(uint64_t first, uint64_t n, uint32_t rights)
{
	for (uint64_t i = first; i < first + n; i++) {
		if ((state[i] & PG_OURS) == 0)
			return false;
		state[i] = (uint8_t)((state[i] & ~PG_RIGHTS) | rights);
		if ((state[i] & PG_THERE) != 0 && page_show(i) < 0)
			return false;
	}
	return true;
}

/* The program may do that with all of it. */
bool
memory_is(uint64_t va, uint64_t n, uint32_t right)
{
	uint64_t end = va + n;

	if (end < va || end > (uint64_t)PAGES << 12)
		return false;
	for (uint64_t i = va >> 12; i << 12 < end; i++) {
		if ((state[i] & right) == 0)
			return false;
	}
	return true;
}
