/*
 * pool.c - objects of one size.
 *
 * Invariant: made counts those that exist, used those that are handed out;
 * the others are on the list.
 */
#include "pool.h"

#include <castor/string.h>

#include "world.h"

static void
pool_grow(struct pool *p)
{
	uint32_t n = WORLD_PAGE / p->size;
	char *page = world_page(p->data);

	if (page == NULL)
		return;
	for (uint32_t i = n; i-- > 0;) {
		*(void **)(page + i * p->size) = p->free;
		p->free = page + i * p->size;
	}
	p->made += n;
}

void *
pool_get(struct pool *p)
{
	void *object;

	if (p->used >= p->max)
		return NULL;
	if (p->free == NULL)
		pool_grow(p);
	object = p->free;
	if (object == NULL)
		return NULL;
	p->free = *(void **)object;
	p->used++;
	memset(object, 0, p->size);
	return object;
}

void
pool_put(struct pool *p, void *object)
{
	*(void **)object = p->free;
	p->free = object;
	p->used--;
}
