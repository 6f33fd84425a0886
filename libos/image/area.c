/*
 * area.c - what belongs where: a sorted array in the heap.
 */
#include <castor/string.h>

#include "area.h"
#include "file.h"

#define AREAS	((struct area *)HEAP_AREAS)

static uint32_t nareas;

/* Index of the first area that ends above va. */
static uint32_t
index_from(uint64_t va)
{
	uint32_t low = 0, high = nareas;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (AREAS[mid].high > va)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

struct area *
area_from(uint64_t va)
{
	uint32_t i = index_from(va);

	return i < nareas ? &AREAS[i] : NULL;
}

/* Mostly it is the one that was asked for last. */
struct area *
area_at(uint64_t va)
{
	static uint32_t last;
	uint32_t i = last;

	if (i < nareas && AREAS[i].low <= va && va < AREAS[i].high)
		return &AREAS[i];
	i = index_from(va);
	if (i >= nareas || AREAS[i].low > va)
		return NULL;
	last = i;
	return &AREAS[i];
}

static void
area_insert(uint32_t i, const struct area *a)
{
	memmove(&AREAS[i + 1], &AREAS[i], (nareas - i) * sizeof(*a));
	AREAS[i] = *a;
	nareas++;
	if (a->file != 0)
		file_hold(a->file);
}

static void
area_remove(uint32_t i, uint32_t n)
{
	for (uint32_t k = i; k < i + n; k++) {
		if (AREAS[k].file != 0)
			file_drop(AREAS[k].file);
	}
	nareas -= n;
	memmove(&AREAS[i], &AREAS[i + n], (nareas - i) * sizeof(AREAS[0]));
}

/* May b, which begins where a ends, be a part of it? */
static bool
area_joins(const struct area *a, const struct area *b)
{
	return a->high == b->low && a->prot == b->prot &&
	    a->flags == b->flags && a->file == 0 && b->file == 0;
}

long
area_add(const struct area *a)
{
	uint32_t i = index_from(a->low);

	if (i > 0 && area_joins(&AREAS[i - 1], a)) {
		AREAS[i - 1].high = a->high;
		if (i < nareas && area_joins(&AREAS[i - 1], &AREAS[i])) {
			AREAS[i - 1].high = AREAS[i].high;
			area_remove(i, 1);
		}
		return 0;
	}
	if (i < nareas && area_joins(a, &AREAS[i])) {
		AREAS[i].low = a->low;
		return 0;
	}
	if (nareas == AREAS_MAX)
		return -ENOMEM;
	area_insert(i, a);
	return 0;
}

/* Have area i end at va, and another go on from there. */
static void
area_split(uint32_t i, uint64_t va)
{
	struct area upper = AREAS[i];

	upper.low = va;
	upper.offset += va - AREAS[i].low;
	AREAS[i].high = va;
	area_insert(i + 1, &upper);
}

/* Have areas begin and end at both: indices of those between; -ENOMEM. */
static long
area_edges(uint64_t low, uint64_t high, uint32_t *first, uint32_t *end)
{
	uint32_t i = index_from(low);

	if (nareas + 2 > AREAS_MAX)
		return -ENOMEM;
	if (i < nareas && AREAS[i].low < low) {
		area_split(i, low);
		i++;
	}
	*first = i;
	i = index_from(high);
	if (i < nareas && AREAS[i].low < high) {
		area_split(i, high);
		i++;
	}
	*end = i;
	return 0;
}

long
area_cut(uint64_t low, uint64_t high)
{
	uint32_t first, end;
	long r = area_edges(low, high, &first, &end);

	if (r == 0 && first < end)
		area_remove(first, end - first);
	return r;
}

bool
area_covers(uint64_t low, uint64_t high)
{
	uint32_t i = index_from(low);

	for (; i < nareas && low < high && AREAS[i].low <= low; i++)
		low = AREAS[i].high;
	return low >= high;
}

long
area_protect(uint64_t low, uint64_t high, uint32_t prot)
{
	uint32_t first, end;
	long r = area_edges(low, high, &first, &end);

	if (r < 0 || first == end)
		return r;
	for (uint32_t i = first; i < end; i++)
		AREAS[i].prot = prot;
	/* What is equal now becomes one again, so that numbers stay small. */
	for (uint32_t i = end < nareas ? end : nareas - 1;
	    i > 0 && i + 1 > first; i--) {
		if (area_joins(&AREAS[i - 1], &AREAS[i])) {
			AREAS[i - 1].high = AREAS[i].high;
			area_remove(i, 1);
		}
	}
	return 0;
}

bool
area_flagged(uint64_t low, uint64_t high, uint32_t flag)
{
	for (uint32_t i = index_from(low); i < nareas && AREAS[i].low < high;
	    i++) {
		if (AREAS[i].flags & flag)
			return true;
	}
	return false;
}

void
area_flag(uint64_t low, uint64_t high, uint32_t set, uint32_t clear)
{
	for (uint32_t i = index_from(low); i < nareas && AREAS[i].low < high;
	    i++)
		AREAS[i].flags = (AREAS[i].flags | set) & ~clear;
}

/* The highest gap below MMAP_TOP. */
uint64_t
area_room(uint64_t n)
{
	uint32_t i = index_from(MMAP_TOP);
	uint64_t top = MMAP_TOP;

	if (i < nareas && AREAS[i].low < top)
		top = AREAS[i].low;
	while (i-- > 0) {
		if (AREAS[i].high + n <= top)
			break;
		top = AREAS[i].low;
	}
	return top >= n && top - n >= PIE_BASE ? top - n : 0;
}

void
area_reset(void)
{
	area_remove(0, nareas);
}
