/*
 * castor/region.h - software regions: memory smaller than a page.
 *
 * A frame for them is vm_page(EXO_PG_REGION).  Buffers need not be there yet:
 * these functions page them in and try again.  Errors are the kernel's.
 */
#ifndef CASTOR_REGION_H
#define CASTOR_REGION_H

#include <castor/sys.h>

/* Who was told name and serial, and has a capability, has the region. */
struct region_ref {
	exo_region name;
	uint64_t serial;
	exo_slot slot;			/* mine */
};

/* Make it, guarded by the name in `guard`, which is to be r->slot, too.
 * frame_slot: CONTROL on the frame. */
long region_make(struct region_ref *r, exo_slot frame_slot, exo_ppn ppn,
    uint32_t index, uint32_t offset, uint32_t len, exo_slot guard) MUST_USE;
long region_drop(const struct region_ref *r) MUST_USE;

/* The result of a read is the region's length. */
long region_read(const struct region_ref *r, uint64_t offset, void *to,
    uint64_t n) MUST_USE;
long region_write(const struct region_ref *r, uint64_t offset,
    const void *from, uint64_t n) MUST_USE;

/* 1: swapped; 0: not, and *expected is what is there. */
long region_cas(const struct region_ref *r, uint64_t offset,
    uint64_t *expected, uint64_t value) MUST_USE;
/* Add to a word; *before (if not NULL) is what it was. */
long region_add(const struct region_ref *r, uint64_t offset, uint64_t delta,
    uint64_t *before) MUST_USE;

#endif
