/*
 * region.c - software regions (castor/region.h).
 *
 * The kernel does not page, so a buffer may be refused because it is not there
 * yet.  Then it is touched, and the call made again: it changed nothing.
 */
#include <stddef.h>

#include <castor/region.h>
#include <castor/vm.h>

long
region_make(struct region_ref *r, exo_slot frame_slot, exo_ppn ppn,
    uint32_t index, uint32_t offset, uint32_t len, exo_slot guard)
{
	long serial = exo_region_make(frame_slot, ppn, index, offset, len,
	    guard);

	if (serial < 0)
		return serial;
	*r = (struct region_ref){ .name = EXO_REGION(ppn, index),
	    .serial = (uint64_t)serial, .slot = guard };
	return 0;
}

long
region_drop(const struct region_ref *r)
{
	return exo_region_drop(r->slot, r->name, r->serial);
}

long
region_read(const struct region_ref *r, uint64_t offset, void *to, uint64_t n)
{
	long got = exo_region_read(r->slot, r->name, r->serial, offset,
	    (uint64_t)to, n);

	if (got != -EXO_E_ADDR)
		return got;
	vm_touch(to, n);
	return exo_region_read(r->slot, r->name, r->serial, offset,
	    (uint64_t)to, n);
}

/* Only looked at: it may be constant. */
static void
look(const void *p, uint64_t n)
{
	const volatile uint8_t *b = p;

	for (uint64_t i = 0; i < n; i += EXO_PAGE)
		(void)b[i];
	if (n != 0)
		(void)b[n - 1];
}

long
region_write(const struct region_ref *r, uint64_t offset, const void *from,
    uint64_t n)
{
	long did = exo_region_write(r->slot, r->name, r->serial, offset,
	    (uint64_t)from, n);

	if (did != -EXO_E_ADDR)
		return did;
	look(from, n);
	return exo_region_write(r->slot, r->name, r->serial, offset,
	    (uint64_t)from, n);
}

/* The word at `expected` is there: its caller has just written it. */
long
region_cas(const struct region_ref *r, uint64_t offset, uint64_t *expected,
    uint64_t value)
{
	return exo_region_cas(r->slot, r->name, r->serial, offset,
	    (uint64_t)expected, value);
}

long
region_add(const struct region_ref *r, uint64_t offset, uint64_t delta,
    uint64_t *before)
{
	uint64_t was = 0;
	long did;

	while ((did = region_cas(r, offset, &was, was + delta)) == 0)
		;
	if (did == 1 && before != NULL)
		*before = was;
	return did < 0 ? did : 0;
}
