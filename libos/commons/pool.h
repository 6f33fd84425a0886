/*
 * pool.h - objects of one size, in pages of the world's, with a limit.
 *
 * A page that holds none any more goes back, but for one.
 */
#ifndef COMMONS_POOL_H
#define COMMONS_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct pool_page;

struct pool {
	uint32_t size;			/* bytes of one, a multiple of 8 */
	uint32_t max;			/* objects at most */
	uint32_t used;
	bool data;			/* see world_page */
	struct pool_page *pages;	/* that have free ones */
};

#define POOL_ROOM	4064u		/* for objects, in a page */
#define POOL(type, n, d)						      \
	{ .size = (sizeof(type) + 7) & ~7u, .max = (n), .data = (d) }

/* Zeroed; NULL: none left. */
void *pool_get(struct pool *p);
void pool_put(struct pool *p, void *object);

#endif
