/*
 * park.c - pages of areas that allow nothing.
 *
 * An entry that is present can be read: there is no other.  So what lies in an
 * area that loses all rights is moved, to slots of its own, until the area has
 * rights again.  There it is found by address alone, and a fork shares it like
 * everything else.
 */
#include "area.h"

/* Slots that have a place to park in: the program's first and last. */
static uint64_t
place(uint64_t va)
{
	switch (SLOT_OF(va)) {
	case 0:
		return va + SLOT_VA(PARK_SLOT);
	case USER_SLOTS - 1:
		return va - SLOT_VA(USER_SLOTS - 1) + SLOT_VA(PARK_SLOT + 1);
	}
	return 0;
}

/* Both ends are in one slot that has a place. */
static bool
range_parks(uint64_t low, uint64_t high)
{
	return SLOT_OF(low) == SLOT_OF(high - 1) && place(low) != 0;
}

long
park(uint64_t low, uint64_t high)
{
	if (!range_parks(low, high))
		return 0;
	if (pt_next(low, high) == high)
		return 0;
	area_flag(low, high, AREA_PARKED, 0);
	return pages_move(low, place(low), high - low);
}

long
park_back(uint64_t low, uint64_t high)
{
	if (!area_flagged(low, high, AREA_PARKED) || !range_parks(low, high))
		return 0;
	return pages_move(place(low), low, high - low);
}

long
park_drop(uint64_t low, uint64_t high)
{
	uint64_t at = place(low);

	if (!area_flagged(low, high, AREA_PARKED) || !range_parks(low, high))
		return 0;
	if (pt_edges(at, at + (high - low)) < 0)
		return -ENOMEM;
	pt_clear(at, at + (high - low));
	return 0;
}

void
park_reset(void)
{
	pt_clear(SLOT_VA(PARK_SLOT), SLOT_VA(PARK_SLOT + 2ul));
}
