/*
 * pager.c - page faults: what is absent is filled in, what is there and not
 * yet allowed is allowed, if an area says so.
 *
 * The heap and Castor's stacks need no area: the pager itself uses them.
 */
#include <castor/string.h>
#include <castor/upcall.h>

#include "area.h"
#include "file.h"
#include "thread.h"

/* A fresh frame at va, in a table of the process's own. */
static bool
frame_enter(exo_ppn table, uint64_t va, exo_ppn ppn, uint64_t bits)
{
	long r = exo_pt_set(0, table, EXO_PT_INDEX(va, 1),
	    EXO_PTE(ppn, bits), own.memory_slot);

	if (r < 0)
		frame_put(ppn);
	return r == 0;
}

static bool
frame_map(uint64_t va, exo_ppn ppn, uint64_t bits)
{
	long table = pt_make(va, 1);

	if (table < 0) {
		frame_put(ppn);
		return false;
	}
	return frame_enter((exo_ppn)table, va, ppn, bits);
}

static bool
fill_zero(exo_ppn table, uint64_t va, uint64_t bits)
{
	long ppn = frame_get(EXO_PG_DATA);

	return ppn >= 0 && frame_enter(table, va, (exo_ppn)ppn, bits);
}

/* A frame of the process's own with what is at `from': filled out of sight, so
 * that no thread sees half of it, and W^X holds.  Nothing is at va, or what is
 * replaced. */
static bool
copy_map(uint64_t va, const void *from, uint64_t n, uint64_t bits)
{
	long ppn = n == EXO_PAGE ? frame_copy((uint64_t)from) :
	    frame_get(EXO_PG_DATA);

	if (ppn < 0)
		return false;
	if (n == EXO_PAGE)
		return frame_map(va, (exo_ppn)ppn, bits);
	if (pt_put(OWN_SCRATCH, EXO_PTE(ppn, EXO_PTE_W | EXO_PTE_NX),
	    own.memory_slot) < 0)
		image_die("no place to fill a page");
	memcpy((void *)OWN_SCRATCH, from, n);
	if (pt_put(OWN_SCRATCH, 0, 0) < 0)
		image_die("a filled page stays");
	return frame_map(va, (exo_ppn)ppn, bits);
}

/* The last-level table for va, the process's own, and what is there. */
static long
place_own(uint64_t va, uint64_t *pte)
{
	long table = cow_entry(va, pte);

	if (table != 0)
		return table;
	*pte = 0;
	return pt_make(va, 1);
}

/* What can be read at va is copied. */
static bool
page_copy(exo_ppn table, uint64_t va, uint64_t bits)
{
	long ppn = frame_copy(va);

	return ppn >= 0 && frame_enter(table, va, (exo_ppn)ppn, bits);
}

/* What is at va may be written: a page that others have, too, is copied.
 * bits: as it is to be mapped then. */
static bool
page_write(exo_ppn table, uint64_t va, uint64_t pte, uint64_t bits)
{
	uint64_t want = (pte & ~(EXO_PTE_W | EXO_PTE_NX)) | bits;
	long r = -EXO_E_SHARED;

	if (pte == want)
		return true;
	if ((bits & EXO_PTE_W) == 0 || EXO_PAGES[EXO_PTE_PPN(pte)].maps == 1)
		r = exo_pt_set(0, table, EXO_PT_INDEX(va, 1),
		    want & EXO_PTE_ASK, own.memory_slot);
	return r == -EXO_E_SHARED ? page_copy(table, va, bits) : r == 0;
}

bool
page_take(uint64_t va)
{
	long table = cow_own(va, 1);
	uint64_t pte = table <= 0 ? 0 : pt_get(va);
	const volatile struct exo_page *p = &EXO_PAGES[EXO_PTE_PPN(pte)];

	if (table < 0)
		return false;
	return pte == 0 || (p->maker == EXO_INDEX(own.domain) &&
	    p->maker_gen == EXO_GEN(own.domain) && p->maps == 1) || copy_map(va, (const void *)va, EXO_PAGE,
	    pte & (EXO_PTE_W | EXO_PTE_NX));
}

/* Own memory of Castor's. */
static bool
fault_inside(uint64_t va, uint64_t err)
{
	uint64_t at = (va - OWN_THREADS) % BLOCK_SIZE, pte;
	long table;

	if (SLOT_OF(va) == HEAP_SLOT) {
		table = place_own(va, &pte);
		if (table < 0)
			return false;
		return pte == 0 ?
		    fill_zero((exo_ppn)table, va, EXO_PTE_W | EXO_PTE_NX) :
		    page_write((exo_ppn)table, va, pte,
		    EXO_PTE_W | EXO_PTE_NX);
	}
	return (err & FAULT_PRESENT) == 0 && va >= OWN_THREADS &&
	    va < OWN_END && at >= EXO_PAGE && at < BLOCK_UPCALL &&
	    fill_zero(own_table, va, EXO_PTE_W | EXO_PTE_NX);
}

/* ---- files */

static enum file_right
bits_right(uint64_t pte)
{
	return pte & EXO_PTE_W ? FILE_WRITE : pte & EXO_PTE_NX ? FILE_READ :
	    FILE_EXEC;
}

/* The page at va in full, and as the file has it. */
static bool
page_whole(const struct area *a, uint64_t va)
{
	return va + EXO_PAGE <= PAGE_UP(a->limit) &&
	    (a->limit % EXO_PAGE == 0 || va + EXO_PAGE <= a->limit);
}

/* The process's own copy of the file's page. */
static bool
fill_copy(const struct area *a, uint64_t va, uint64_t bits)
{
	uint64_t page = (a->offset + (va - a->low)) / EXO_PAGE;
	uint64_t n = a->limit - va < EXO_PAGE ? a->limit - va : EXO_PAGE;
	long slot = file_slot(a->file, FILE_READ);
	exo_ppn ppn;
	bool done;

	if (slot < 0 || file_frames(a->file, page, 1, &ppn) != 1 ||
	    pt_put(OWN_SOURCE, EXO_PTE(ppn, EXO_PTE_NX), (exo_slot)slot) < 0)
		return false;
	done = copy_map(va, (const void *)OWN_SOURCE, n, bits);
	if (pt_put(OWN_SOURCE, 0, 0) < 0)
		image_die("a page of a file stays");
	return done;
}

/* How many pages from va on are absent, in one table, and whole: n at most. */
static uint32_t
absent_run(const struct area *a, uint64_t va, uint32_t n)
{
	long table = pt_make(va, 1);
	const uint64_t *t;
	uint32_t i, index = EXO_PT_INDEX(va, 1);

	if (table < 0)
		return 0;
	t = pt_view((exo_ppn)table);
	for (i = 0; i < n && index + i < 512; i++, va += EXO_PAGE) {
		if (t[index + i] != 0 || va >= a->high || !page_whole(a, va))
			break;
	}
	return i;
}

/* The file's own frames, some ahead. */
static bool
fill_share(const struct area *a, uint64_t va, uint64_t bits)
{
	uint64_t page = (a->offset + (va - a->low)) / EXO_PAGE, ptes[FILE_RUN];
	uint32_t want = absent_run(a, va, FILE_RUN);
	long slot = file_slot(a->file, bits_right(bits)), n;
	exo_ppn ppns[FILE_RUN];

	if (slot < 0 || want == 0)
		return false;
	n = file_frames(a->file, page, want, ppns);
	for (long i = 0; i < n; i++)
		ptes[i] = EXO_PTE(ppns[i], bits | PTE_BORROWED);
	return n > 0 && exo_pt_batch(0, pt_find(va, 1), EXO_PT_INDEX(va, 1),
	    (uint64_t)n, (uint64_t)ptes, (exo_slot)slot) > 0;
}

static bool
fill_file(const struct area *a, uint64_t va, uint64_t bits)
{
	bool mine = !(a->flags & AREA_SHARED) &&
	    (a->prot & PROT_WRITE || !page_whole(a, va));

	return mine ? fill_copy(a, va, bits) : fill_share(a, va, bits);
}

/* Bits for an access: an area with W and X has them in turns. */
static uint64_t
access_bits(uint32_t prot, uint64_t err)
{
	if ((prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
		prot = err & FAULT_FETCH ? PROT_EXEC : PROT_WRITE;
	return pt_bits(prot);
}

/* It is there, and its table the process's own by now. */
static bool
fault_present(const struct area *a, exo_ppn table, uint64_t va, uint64_t old,
    uint64_t err)
{
	uint64_t bits = access_bits(a->prot, err);
	uint64_t pte = (old & ~(EXO_PTE_W | EXO_PTE_NX)) | bits;
	long r;

	if ((old & PTE_BORROWED) == 0)
		return page_write(table, va, old, bits);
	if (!(a->flags & AREA_SHARED) && (err & FAULT_WRITE) != 0)
		return page_copy(table, va, bits);
	if (pte == old)
		return true;
	r = file_slot(a->file, bits_right(pte));
	return r >= 0 && exo_pt_set(0, table, EXO_PT_INDEX(va, 1),
	    pte & EXO_PTE_ASK, (exo_slot)r) == 0;
}

/* A copy of a table leaves out what is a file's: it may be absent now.  And
 * what was absent, another thread may have filled in. */
static bool
fault_fill(const struct area *a, uint64_t va, uint64_t err)
{
	uint64_t pte;
	long table = place_own(va, &pte);

	if (table < 0)
		return false;
	if (pte != 0)
		return fault_present(a, (exo_ppn)table, va, pte, err);
	return a->file != 0 && va < a->limit ?
	    fill_file(a, va, access_bits(a->prot, err)) :
	    fill_zero((exo_ppn)table, va, access_bits(a->prot, err));
}

static bool
area_allows(const struct area *a, uint64_t err)
{
	if (err & FAULT_WRITE)
		return (a->prot & PROT_WRITE) != 0;
	if (err & FAULT_FETCH)
		return (a->prot & PROT_EXEC) != 0;
	return a->prot != 0;
}

/* Without a frame, what a fork left over is looked for. */
#define TWICE(try)	((try) || (frames_sweep() > 0 && (try)))

/* A fault in the program's part. */
static uint32_t
fault_program(uint64_t va, uint64_t err)
{
	const struct area *a = area_at(va);

	if (a == NULL)
		return SIGSEGV | SEGV_MAPERR << 8;
	if (!area_allows(a, err))
		return SIGSEGV | SEGV_ACCERR << 8;
	return TWICE(fault_fill(a, va, err)) ? 0 : SIGBUS | BUS_ADRERR << 8;
}

uint32_t
pager_fault(uint64_t addr, uint64_t err)
{
	uint64_t va = PAGE_DOWN(addr);
	uint32_t r;

	lock();
	if (addr < USER_TOP)
		r = fault_program(va, err);
	else
		r = TWICE(fault_inside(va, err)) ? 0 :
		    SIGSEGV | SEGV_MAPERR << 8;
	unlock();
	return r;
}
