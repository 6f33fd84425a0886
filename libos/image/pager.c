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

/* A fresh frame at va. */
static bool
frame_map(uint64_t va, exo_ppn ppn, uint64_t bits)
{
	long r = pt_put(va, EXO_PTE(ppn, bits), own.memory_slot);

	if (r < 0)
		frame_put(ppn);
	return r == 0;
}

static bool
fill_zero(uint64_t va, uint64_t bits)
{
	long ppn = frame_get(EXO_PG_DATA);

	return ppn >= 0 && frame_map(va, (exo_ppn)ppn, bits);
}

/* Own memory of Castor's. */
static bool
fault_inside(uint64_t va, uint64_t err)
{
	uint64_t at = (va - OWN_THREADS) % BLOCK_SIZE;

	if ((err & FAULT_PRESENT) != 0)
		return false;
	if (SLOT_OF(va) == HEAP_SLOT)
		return fill_zero(va, EXO_PTE_W | EXO_PTE_NX);
	return va >= OWN_THREADS && va < OWN_END && at >= EXO_PAGE &&
	    at != BLOCK_UPCALL && fill_zero(va, EXO_PTE_W | EXO_PTE_NX);
}

/* A page of a file, as the process's own copy: filled out of sight, so that
 * no thread sees half of it, and W^X holds. */
static bool
fill_file(const struct area *a, uint64_t va, uint64_t bits)
{
	uint64_t n = a->limit - va < EXO_PAGE ? a->limit - va : EXO_PAGE;
	long ppn = frame_get(EXO_PG_DATA);

	if (ppn < 0)
		return false;
	if (pt_put(OWN_SCRATCH, EXO_PTE(ppn, EXO_PTE_W | EXO_PTE_NX),
	    own.memory_slot) < 0)
		image_die("no place to fill a page");
	if (file_fill(a->file, a->offset + (va - a->low), (void *)OWN_SCRATCH,
	    n) < 0) {
		(void)!pt_put(OWN_SCRATCH, 0, 0);
		frame_put((exo_ppn)ppn);
		return false;
	}
	if (pt_put(OWN_SCRATCH, 0, 0) < 0)
		image_die("a filled page stays");
	return frame_map(va, (exo_ppn)ppn, bits);
}

/* Bits for an access: an area with W and X has them in turns. */
static uint64_t
access_bits(uint32_t prot, uint64_t err)
{
	if ((prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC))
		prot = err & FAULT_FETCH ? PROT_EXEC : PROT_WRITE;
	return pt_bits(prot);
}

/* It is there. */
static bool
fault_present(const struct area *a, uint64_t va, uint64_t err)
{
	uint64_t old = pt_get(va);
	uint64_t pte = (old & ~(EXO_PTE_W | EXO_PTE_NX)) |
	    access_bits(a->prot, err);

	return old == 0 || pte == old ||
	    pt_put(va, pte & EXO_PTE_ASK, own.memory_slot) == 0;
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

uint32_t
pager_fault(uint64_t addr, uint64_t err)
{
	uint64_t va = PAGE_DOWN(addr);
	const struct area *a;
	bool done;

	if (addr >= USER_TOP)
		return fault_inside(va, err) ? 0 : SIGSEGV | SEGV_MAPERR << 8;
	a = area_at(va);
	if (a == NULL)
		return SIGSEGV | SEGV_MAPERR << 8;
	if (!area_allows(a, err))
		return SIGSEGV | SEGV_ACCERR << 8;
	if ((err & FAULT_PRESENT) != 0)
		done = fault_present(a, va, err);
	else if (a->file != 0 && va < a->limit)
		done = fill_file(a, va, access_bits(a->prot, err));
	else
		done = fill_zero(va, access_bits(a->prot, err));
	return done ? 0 : SIGBUS | BUS_ADRERR << 8;
}
