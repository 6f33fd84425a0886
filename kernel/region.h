/* region.h - what a REGION frame holds (region.c). */
#ifndef REGION_H
#define REGION_H

#include "object.h"

struct region {
	struct exo_cap guard;		/* a name */
	uint64_t serial;		/* 0: there is none here */
	uint16_t offset, len;		/* in the frame's bytes */
	uint32_t pad;
};

struct region_frame {
	struct region region[EXO_REGIONS];
	uint8_t bytes[EXO_REGION_BYTES];
};
_Static_assert(sizeof(struct region_frame) == EXO_PAGE, "a frame");

/* Do two ranges have a byte in common? */
static inline bool
region_overlaps(const struct region *r, uint32_t offset, uint32_t len)
{
	return offset < (uint32_t)r->offset + r->len &&
	    r->offset < offset + len;
}

#endif
