/*
 * futex.c - waiting for a word that several processes have mapped: of a file,
 * by its inode and place.
 *
 * The commons does not see the word.  Who waits is on the list before it looks
 * at it for the last time (the image does), so that a wake-up between is not
 * missed.
 */
#include "request.h"

#include "pool.h"

#define FUTEXES_MAX	512u

/* Who waits for a word: by the order in which they came. */
struct futex {
	struct futex *next;
	struct inode *inode;		/* held */
	uint64_t offset;
	uint32_t bits;
	uint64_t turn;
	struct seat *seat;
	bool woken;
};

static struct pool futexes = POOL(struct futex, FUTEXES_MAX, false);
static struct futex *all;
static uint64_t turns;

static void
futex_end(struct futex *w)
{
	struct futex **at = &all;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	inode_put(w->inode);
	pool_put(&futexes, w);
}

static struct futex *
futex_of(const struct seat *s)
{
	struct futex *w = all;

	while (w != NULL && w->seat != s)
		w = w->next;
	return w;
}

/* The seat asks for something else, or goes. */
void
futex_forget(struct seat *s)
{
	struct futex *w = futex_of(s);

	s->futex = false;
	if (w != NULL)
		futex_end(w);
}

static int64_t
word_of(struct seat *s, uint64_t fd, uint64_t offset, struct inode **ip)
{
	struct file *f = fd_get(s->proc, fd);

	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	if (f->inode == NULL || !IS_REG(f->inode) || f->inode->synth != NULL ||
	    offset % 4 != 0)
		return -L_EINVAL;
	*ip = f->inode;
	return 0;
}

REQUEST(FUTEX_WAIT)
{
	struct futex *w = futex_of(s);
	struct inode *ip;
	int64_t r = word_of(s, a, b, &ip);

	if (r != 0 || (uint32_t)c == 0) {
		futex_forget(s);	/* it does not wait for that, either */
		return r != 0 ? r : -L_EINVAL;
	}
	if (w != NULL && (w->inode != ip || w->offset != b)) {
		futex_end(w);
		w = NULL;
	}
	if (w != NULL && w->woken) {
		futex_forget(s);
		return 0;
	}
	if (w == NULL) {
		w = pool_get(&futexes);
		if (w == NULL)
			return -L_ENOMEM;
		*w = (struct futex){ .next = all, .inode = ip, .offset = b,
		    .bits = (uint32_t)c, .turn = ++turns, .seat = s };
		inode_hold(ip);
		all = w;
		s->futex = true;
	}
	if (s->waits == NULL)
		s->waits = &wait_none;	/* the next request looks */
	return -CM_WAIT;
}

static struct futex *
first_waiter(const struct inode *ip, uint64_t offset, uint32_t bits)
{
	struct futex *first = NULL;

	for (struct futex *w = all; w != NULL; w = w->next) {
		if (!w->woken && w->inode == ip && w->offset == offset &&
		    (w->bits & bits) != 0 &&
		    (first == NULL || w->turn < first->turn))
			first = w;
	}
	return first;
}

REQUEST(FUTEX_WAKE)
{
	struct inode *ip;
	struct futex *w;
	uint64_t n = 0;
	int64_t r = word_of(s, a, b, &ip);

	if (r != 0)
		return r;
	while (n < (uint32_t)c &&
	    (w = first_waiter(ip, b, (uint32_t)d)) != NULL) {
		w->woken = true;
		bell_ring(w->seat);
		n++;
	}
	return (int64_t)n;
}
