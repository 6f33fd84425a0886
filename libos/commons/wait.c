/*
 * wait.c - who waits for what.
 */
#include "wait.h"

#include "pool.h"
#include "proc.h"

#define WAITS_MAX	4096u

static struct pool waits = POOL(struct wait, WAITS_MAX, false);

struct seat *here;
struct wait wait_none, wait_bare;

uint32_t
wait_count(void)
{
	return waits.used;
}

static bool
wait_is_own(const struct seat *s, const struct wait *w)
{
	return w >= s->own && w < s->own + SEAT_WAITS;
}

static struct wait *
wait_new(struct seat *s)
{
	for (uint32_t i = 0; i < SEAT_WAITS; i++) {
		if (s->own[i].seat == NULL)
			return &s->own[i];
	}
	return pool_get(&waits);
}

bool
wait_on(struct waitq *q, struct seat *s)
{
	struct wait *w = wait_new(s);

	if (w == NULL)
		return false;
	w->seat = s;
	w->mine = s->waits;
	s->waits = w;
	w->next = q->first;
	w->prev = &q->first;
	if (w->next != NULL)
		w->next->prev = &w->next;
	q->first = w;
	return true;
}

static void
wait_unlink(struct wait *w)
{
	if (w->prev == NULL)
		return;
	*w->prev = w->next;
	if (w->next != NULL)
		w->next->prev = w->prev;
	w->prev = NULL;
}

void
wait_wake(struct waitq *q)
{
	struct wait *w;

	while ((w = q->first) != NULL) {
		wait_unlink(w);
		bell_ring(w->seat);
	}
}

void
wait_cancel_all(struct seat *s)
{
	struct wait *w;

	while ((w = s->waits) != NULL) {
		s->waits = w->mine;
		if (w == &wait_none || w == &wait_bare)
			continue;
		wait_unlink(w);
		w->seat = NULL;
		if (!wait_is_own(s, w))
			pool_put(&waits, w);
	}
}
