/*
 * vm.c - mappings, and the pager: faults in its regions are answered with
 * zeroed frames.
 *
 * A guest may die in the pager, or be pulled home from it: its owner's doing,
 * and no reason for this domain to stop.  So each step leaves the pager's data
 * such that the next one can go on; what the guest had taken and not yet
 * entered (a frame or two) is lost.
 */
#include "vm.h"

#include <castor/lock.h>
#include <castor/print.h>
#include <castor/self.h>
#include <castor/upcall.h>

#define REGIONS		64u
#define VIEWS		8u

struct region {
	uint64_t low, high, bits;	/* low == high: unused */
};

struct vm_stats vm_stats;
bool (*vm_lost)(uint64_t addr);

static struct region regions[REGIONS];
static uint64_t heap_next = VM_HEAP, map_next = VM_MAP;
static struct lock lock;

/* The last few tables that were read, each at an address of its own. */
static struct {
	uint64_t va;
	exo_ppn ppn;
} views[VIEWS];
static uint32_t view_next;

/* A fault by the pager itself would wait for itself; that is a bug. */
void
vm_lock(void)
{
	struct locker me = lock_me();
	long r = lock_take(&lock, &me, LOCK_FOREVER);

	if (r < 0)
		castor_die("the pager waits for itself");
	if (r == LOCK_OWNER_DIED) {
		table_repair();
		lock_consistent(&lock);
	}
}

void
vm_unlock(void)
{
	struct locker me = lock_me();

	lock_leave(&lock, &me);
}

/* ---- mappings */

static uint64_t
range_end(uint64_t va, uint64_t n)
{
	uint64_t left = 512 - EXO_PT_INDEX(va, 1);

	return n < left ? n : left;
}

long
map_run(uint64_t va, exo_ppn ppn, uint64_t n, uint64_t bits, exo_slot slot)
{
	uint64_t ptes[64];

	while (n > 0) {
		uint64_t run = range_end(va, n < 64 ? n : 64);
		long r, table = table_make(va, 1);

		if (table < 0)
			return table;
		for (uint64_t i = 0; i < run; i++)
			ptes[i] = EXO_PTE(ppn + i, bits);
		r = run == 1 ? exo_pt_set(0, (exo_ppn)table,
		    EXO_PT_INDEX(va, 1), ptes[0], slot) :
		    exo_pt_batch(0, (exo_ppn)table, EXO_PT_INDEX(va, 1), run,
		    (uint64_t)ptes, slot);
		if (r < 0)
			return r;
		run = run == 1 ? 1 : (uint64_t)r;
		va += run * EXO_PAGE;
		ppn += (exo_ppn)run;
		n -= run;
	}
	return 0;
}

long
vm_map_run(uint64_t va, exo_ppn ppn, uint64_t n, uint64_t bits, exo_slot slot)
{
	long r;

	vm_lock();
	r = map_run(va, ppn, n, bits, slot);
	vm_unlock();
	return r;
}

long
vm_map(uint64_t va, exo_ppn ppn, uint64_t bits, exo_slot slot)
{
	return vm_map_run(va, ppn, 1, bits, slot);
}

long
vm_unmap(uint64_t va, uint64_t n)
{
	static const uint64_t nothing[64];

	while (n > 0) {
		uint64_t run = range_end(va, n < 64 ? n : 64);
		exo_ppn table = vm_table(va, 1);
		long r;

		if (table != 0) {
			r = exo_pt_batch(0, table, EXO_PT_INDEX(va, 1), run,
			    (uint64_t)nothing, 0);
			if (r < 0)
				return r;
			run = (uint64_t)r;
		}
		va += run * EXO_PAGE;
		n -= run;
	}
	return 0;
}

uint64_t
vm_alloc_va(uint64_t pages)
{
	uint64_t va = __atomic_fetch_add(&map_next, pages * EXO_PAGE,
	    __ATOMIC_RELAXED);

	return va + pages * EXO_PAGE <= VM_MAP_TOP ? va : 0;
}

long
vm_map_frame(exo_ppn ppn, uint64_t bits, exo_slot slot)
{
	uint64_t va = vm_alloc_va(1);
	long r = va == 0 ? -EXO_E_QUOTA : vm_map(va, ppn, bits, slot);

	return r < 0 ? r : (long)va;
}

long
vm_view_table(exo_ppn table, exo_slot slot)
{
	return vm_map_frame(table, VM_R, slot);
}

/* A view of a table of mine that stays until eight others were wanted. */
static const volatile uint64_t *
view_of(exo_ppn table)
{
	uint32_t i;

	for (i = 0; i < VIEWS; i++) {
		if (views[i].ppn == table)
			return (const uint64_t *)views[i].va;
	}
	i = view_next++ % VIEWS;
	if (views[i].va == 0)
		views[i].va = vm_alloc_va(1);
	if (views[i].va == 0 || (views[i].ppn != 0 &&
	    vm_unmap(views[i].va, 1) < 0))
		return NULL;
	views[i].ppn = 0;
	if (vm_map(views[i].va, table, VM_R, self->memory_slot) < 0)
		return NULL;
	views[i].ppn = table;
	return (const uint64_t *)views[i].va;
}

uint64_t
vm_pte(uint64_t va)
{
	exo_ppn table = vm_table(va, 1);
	const volatile uint64_t *t = table != 0 ? view_of(table) : NULL;

	return t != NULL ? t[EXO_PT_INDEX(va, 1)] : 0;
}

/* ---- regions */

bool
vm_region(uint64_t low, uint64_t high, uint64_t bits)
{
	struct region *r, *unused = NULL;

	for (r = regions; r < regions + REGIONS; r++) {
		if (r->low == r->high) {
			unused = r;
		} else if (r->high == low && r->bits == bits) {
			r->high = high;
			return true;
		}
	}
	if (unused != NULL)
		*unused = (struct region){ low, high, bits };
	return unused != NULL;
}

/* Most faults are where the last one was. */
static struct region *
region_at(uint64_t va)
{
	static struct region *last = regions;
	struct region *r = last;

	if (va >= r->low && va < r->high)
		return r;
	for (r = regions; r < regions + REGIONS; r++) {
		if (va >= r->low && va < r->high)
			return last = r;
	}
	return NULL;
}

/* Nothing is filled in from low to high any more.  (With no row left for
 * what is above the hole, it ends at its start.) */
static void
region_cut(uint64_t low, uint64_t high)
{
	struct region *r = region_at(low);
	uint64_t end;

	if (r == NULL)
		return;
	end = r->high;
	r->high = low;
	if (end > high)
		(void)vm_region(high, end, r->bits);
}

static uint64_t
page_up(uint64_t bytes)
{
	return (bytes + EXO_PAGE - 1) & ~(EXO_PAGE - 1);
}

void *
vm_alloc(uint64_t bytes)
{
	uint64_t va, size = page_up(bytes);

	if (size < bytes || size > VM_HEAP_TOP - VM_HEAP)
		return NULL;
	va = __atomic_fetch_add(&heap_next, size, __ATOMIC_RELAXED);
	if (va + size > VM_HEAP_TOP || !vm_region(va, va + size, VM_RW))
		return NULL;
	return (void *)va;
}

uint64_t
vm_drop(void *p, uint64_t bytes)
{
	uint64_t low = (uint64_t)p, high = low + page_up(bytes), n = 0;

	for (uint64_t va = low; va < high; va += EXO_PAGE) {
		uint64_t pte = vm_pte(va);

		if ((pte & EXO_PTE_P) != 0 && vm_unmap(va, 1) == 0) {
			frame_put(EXO_PTE_PPN(pte));
			n++;
		}
	}
	return n;
}

void
vm_free(void *p, uint64_t bytes)
{
	region_cut((uint64_t)p, (uint64_t)p + page_up(bytes));
	(void)vm_drop(p, bytes);
}

void
vm_touch(void *p, uint64_t bytes)
{
	uint64_t va = (uint64_t)p & ~(EXO_PAGE - 1);

	for (; va < (uint64_t)p + bytes; va += EXO_PAGE)
		__atomic_fetch_or((uint64_t *)va, 0, __ATOMIC_RELAXED);
}

/* ---- the pager */

/* May what was at addr be gone, and matter? */
static bool
is_lost(uint64_t addr)
{
	return EXO_ACCTS[EXO_INDEX(self->acct)].taken != 0 &&
	    (vm_lost == NULL || !vm_lost(addr));
}

bool
vm_fault(uint64_t addr, uint64_t err)
{
	uint64_t va = addr & ~(EXO_PAGE - 1);
	struct region *r = region_at(addr);
	long ppn, did;

	if (r == NULL || (err & FAULT_PRESENT) != 0)
		return false;
	if (is_lost(addr))
		castor_die("memory was taken by force: %lx", addr);
	vm_lock();
	ppn = frame_take(EXO_PG_DATA, 0);
	did = ppn < 0 ? ppn : map_run(va, (exo_ppn)ppn, 1, r->bits,
	    self->memory_slot);
	vm_stats.faults++;
	vm_unlock();
	if (did < 0)
		castor_die("no memory for %lx: %s", addr,
		    exo_error_name(did));
	return true;
}
