/*
 * rows.c - free rows of a table; see rows.h.
 */
#include "rows.h"

static uint64_t *
word(const struct rows *r, uint32_t row)
{
	return (uint64_t *)((uintptr_t)r->word + (uint64_t)row * r->stride);
}

static void
set_next(const struct rows *r, uint32_t row, uint32_t next)
{
	uint64_t *w = word(r, row);

	*w = (*w & ~0xfffffffful) | next;
}

static void
set_prev(const struct rows *r, uint32_t row, uint32_t prev)
{
	uint64_t *w = word(r, row);

	*w = (uint64_t)prev << 32 | (uint32_t)*w;
}

void
rows_put(struct rows *r, uint32_t row)
{
	*word(r, row) = r->first;
	if (r->first != 0)
		set_prev(r, r->first, row);
	r->first = row;
}

void
rows_take(struct rows *r, uint32_t row)
{
	uint32_t next = (uint32_t)*word(r, row);
	uint32_t prev = (uint32_t)(*word(r, row) >> 32);

	if (prev != 0)
		set_next(r, prev, next);
	else
		r->first = next;
	if (next != 0)
		set_prev(r, next, prev);
}
