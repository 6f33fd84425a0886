/*
 * seat.c - seats beyond the first, and places for handles.
 */
#include <castor/seat.h>
#include <castor/self.h>

#define PLACES	32u			/* that a domain has from the start */

void	_upcall(void);

static long
seat_memory(uint32_t i, exo_ppn *upcall)
{
	long r, ppn;

	for (uint64_t va = SEAT_TOP(i) - SEAT_STACK; va < SEAT_TOP(i);
	    va += EXO_PAGE) {
		ppn = vm_page(EXO_PG_DATA);
		if (ppn < 0)
			return ppn;
		r = vm_map(va, (exo_ppn)ppn, VM_RW, self->memory_slot);
		if (r < 0)
			return r;
	}
	ppn = vm_page(EXO_PG_DATA | EXO_KIND_LIVE);
	if (ppn < 0)
		return ppn;
	*upcall = (exo_ppn)ppn;
	return vm_map(SEAT_UPCALL(i), *upcall, VM_RW, self->memory_slot);
}

/* A seat that was made once keeps its memory. */
static exo_ppn
seat_has_memory(uint32_t i)
{
	return EXO_PTE_PPN(vm_pte(SEAT_UPCALL(i)));
}

long
seat_make(uint32_t i, exo_id env, void (*entry)(void))
{
	struct exo_seat_args a = {
		.env = env,
		.entry = (uint64_t)entry,
		.stack = SEAT_TOP(i),
		.upcall = (uint64_t)_upcall,
		.upcall_va = SEAT_UPCALL(i),
		.upcall_slot = self->memory_slot,
	};
	long r = 0;

	if (i == 0 || i >= SEATS_MAX)
		return -EXO_E_ARG;
	a.upcall_ppn = seat_has_memory(i);
	if (a.upcall_ppn == 0)
		r = seat_memory(i, &a.upcall_ppn);
	return r < 0 ? r : exo_seat_bind(self->domain, self->domain_slot, i,
	    (uint64_t)&a);
}

long
place_open(exo_id from)
{
	for (uint64_t place = self->handles; place < PLACES; place++) {
		long r = exo_handle_open(self->domain, self->domain_slot,
		    place, from);

		if (r != -EXO_E_FULL)
			return r < 0 ? r : (long)place;
	}
	return -EXO_E_FULL;
}
