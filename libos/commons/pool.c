/*
 * pool.c - objects of one size.
 *
 * Invariants: (1) `pages' holds the pages that have free objects, no others.
 *	       (2) used counts the objects that are handed out, in the pool and
 *		   in each page.
 */
#include "pool.h"

#include <castor/string.h>

#include "world.h"

/* At the start of each page; objects follow. */
struct pool_page {
	struct pool_page *next, *prev;
	void *free;			/* each names the next */
	uint32_t used;
};
_Static_assert(sizeof(struct pool_page) + POOL_ROOM <= WORLD_PAGE, "a page");

static struct pool_page *
page_of(void *object)
{
	return (struct pool_page *)((uintptr_t)object &
	    ~(uintptr_t)(WORLD_PAGE - 1));
}

static void
page_enter(struct pool *p, struct pool_page *page)
{
	page->prev = NULL;
	page->next = p->pages;
	if (page->next != NULL)
		page->next->prev = page;
	p->pages = page;
}

static void
page_leave(struct pool *p, struct pool_page *page)
{
	if (page->prev != NULL)
		page->prev->next = page->next;
	else
		p->pages = page->next;
	if (page->next != NULL)
		page->next->prev = page->prev;
}

static void
pool_grow(struct pool *p)
{
	struct pool_page *page = world_page(p->data ? WORLD_DATA :
	    WORLD_RECORDS);
	char *first = (char *)(page + 1);

	if (page == NULL)
		return;
	for (uint32_t i = POOL_ROOM / p->size; i-- > 0;) {
		*(void **)(first + i * p->size) = page->free;
		page->free = first + i * p->size;
	}
	page_enter(p, page);
}

void *
pool_get(struct pool *p)
{
	struct pool_page *page;
	void *object;

	if (p->used >= p->max)
		return NULL;
	if (p->pages == NULL)
		pool_grow(p);
	page = p->pages;
	if (page == NULL)
		return NULL;
	object = page->free;
	page->free = *(void **)object;
	page->used++;
	p->used++;
	if (page->free == NULL)
		page_leave(p, page);
	memset(object, 0, p->size);
	return object;
}

void
pool_put(struct pool *p, void *object)
{
	struct pool_page *page = page_of(object);

	if (page->free == NULL)
		page_enter(p, page);
	*(void **)object = page->free;
	page->free = object;
	page->used--;
	p->used--;
	if (page->used == 0 && (page->next != NULL || page->prev != NULL)) {
		page_leave(p, page);
		world_page_free(page);
	}
}
