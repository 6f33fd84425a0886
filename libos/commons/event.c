/*
 * event.c - eventfd, epoll.
 *
 * An epoll looks at what it watches when it is asked: an item costs nothing
 * until then.  Nothing that watches can be watched by an epoll.
 */
#include <castor/string.h>

#include "file.h"
#include "pool.h"

#define EVENTS_MAX	4096u
#define ITEMS_MAX	4096u
#define ITEMS_EACH	256u
#define EFD_SEMAPHORE	1u
#define WATCHED		(L_POLLIN | L_POLLPRI | L_POLLRDHUP | L_POLLOUT |     \
			 L_POLLRDNORM | L_POLLWRNORM)
#define ALWAYS		(L_POLLERR | L_POLLHUP)

struct event {
	uint64_t count;
	bool semaphore;
	struct waitq rq, wq;
};

struct epoll_item {
	struct epoll_item *next;	/* of the epoll */
	struct epoll_item *other;	/* of the same file */
	struct epoll *epoll;
	struct file *file;
	uint32_t fd, events, seen;	/* seen: file's seq when it was told */
	bool off;			/* one shot, fired */
	uint64_t data;
};

struct epoll {
	struct epoll_item *items;
	uint32_t n;
};

static struct pool events = POOL(struct event, EVENTS_MAX, false);
static struct pool epolls = POOL(struct epoll, EVENTS_MAX, false);
static struct pool items = POOL(struct epoll_item, ITEMS_MAX, false);

/* ---- eventfd */

static int64_t
event_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct event *e = f->event;
	uint64_t value = e->semaphore ? 1 : e->count;

	(void)pos;
	if (n < sizeof(value))
		return -L_EINVAL;
	if (e->count == 0)
		return file_block(f, &e->rq);
	memcpy(to, &value, sizeof(value));
	e->count -= value;
	wake(&e->wq);
	return sizeof(value);
}

static int64_t
event_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	struct event *e = f->event;
	uint64_t value;

	(void)pos;
	if (n < sizeof(value))
		return -L_EINVAL;
	memcpy(&value, from, sizeof(value));
	if (value == ~0ull)
		return -L_EINVAL;
	if (value > ~0ull - 1 - e->count)
		return file_block(f, &e->wq);
	e->count += value;
	wake(&e->rq);
	return sizeof(value);
}

static uint32_t
event_poll(struct file *f, struct seat *s)
{
	struct event *e = f->event;

	if (s != NULL) {
		(void)wait_on(&e->rq, s);
		(void)wait_on(&e->wq, s);
	}
	return (e->count > 0 ? L_POLLIN | L_POLLRDNORM : 0) |
	    (e->count < ~0ull - 1 ? L_POLLOUT | L_POLLWRNORM : 0);
}

static uint32_t
event_seq(const struct file *f)
{
	return f->event->rq.seq + f->event->wq.seq;
}

static void
event_close(struct file *f)
{
	wait_end(&f->event->rq);
	wait_end(&f->event->wq);
	pool_put(&events, f->event);
}

static const struct file_ops event_ops = {
	.read = event_read, .write = event_write, .poll = event_poll,
	.seq = event_seq, .close = event_close,
};

int64_t
event_make(uint64_t initial, uint32_t flags, struct file **out)
{
	struct event *e;

	if (initial > UINT32_MAX ||
	    (flags & ~(L_O_NONBLOCK | L_O_CLOEXEC | EFD_SEMAPHORE)) != 0)
		return -L_EINVAL;
	e = pool_get(&events);
	*out = e == NULL ? NULL :
	    file_new(&event_ops, L_O_RDWR | (flags & L_O_NONBLOCK));
	if (*out == NULL) {
		if (e != NULL)
			pool_put(&events, e);
		return -L_ENFILE;
	}
	e->count = initial;
	e->semaphore = (flags & EFD_SEMAPHORE) != 0;
	(*out)->event = e;
	return 0;
}

/* ---- epoll */

static void
item_remove(struct epoll_item *it)
{
	struct epoll_item **p = &it->epoll->items;

	while (*p != it)
		p = &(*p)->next;
	*p = it->next;
	it->epoll->n--;
	for (p = &it->file->items; *p != it; p = &(*p)->other)
		;
	*p = it->other;
	pool_put(&items, it);
}

void
epoll_forget(struct file *f)
{
	while (f->items != NULL)
		item_remove(f->items);
}

static uint32_t
item_ready(const struct epoll_item *it)
{
	if (it->off || ((it->events & L_EPOLLET) &&
	    it->seen == it->file->ops->seq(it->file)))
		return 0;
	return it->file->ops->poll(it->file, NULL) &
	    ((it->events & WATCHED) | ALWAYS);
}

static uint32_t
epoll_poll(struct file *f, struct seat *s)
{
	uint32_t ready = 0;

	for (struct epoll_item *it = f->epoll->items; it != NULL;
	    it = it->next) {
		ready |= item_ready(it);
		if (s != NULL && !it->off)
			(void)it->file->ops->poll(it->file, s);
	}
	return ready != 0 ? L_POLLIN | L_POLLRDNORM : 0;
}

static uint32_t
epoll_seq(const struct file *f)
{
	(void)f;
	return 0;
}

static void
epoll_close(struct file *f)
{
	while (f->epoll->items != NULL)
		item_remove(f->epoll->items);
	pool_put(&epolls, f->epoll);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll, .seq = epoll_seq, .close = epoll_close,
};

bool
file_is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

int64_t
epoll_make(uint32_t flags, struct file **out)
{
	struct epoll *ep;

	if ((flags & ~L_O_CLOEXEC) != 0)
		return -L_EINVAL;
	ep = pool_get(&epolls);
	*out = ep == NULL ? NULL : file_new(&epoll_ops, L_O_RDWR);
	if (*out == NULL) {
		if (ep != NULL)
			pool_put(&epolls, ep);
		return -L_ENFILE;
	}
	(*out)->epoll = ep;
	return 0;
}

static void
item_set(struct epoll_item *it, const struct l_epoll_event *ev)
{
	it->events = ev->events;
	it->data = ev->data;
	it->off = false;
	it->seen = it->file->ops->seq(it->file) - 1;
}

static int64_t
item_add(struct epoll *ep, uint32_t fd, struct file *f,
    const struct l_epoll_event *ev)
{
	struct epoll_item *it;

	if (f->ops->poll == NULL || f->ops == &inode_ops ||
	    f->ops == &path_ops)
		return -L_EPERM;
	if (file_is_epoll(f))
		return -L_ELOOP;
	it = ep->n < ITEMS_EACH ? pool_get(&items) : NULL;
	if (it == NULL)
		return -L_ENOSPC;
	it->epoll = ep;
	it->file = f;
	it->fd = fd;
	it->next = ep->items;
	ep->items = it;
	it->other = f->items;
	f->items = it;
	ep->n++;
	item_set(it, ev);
	return 0;
}

int64_t
epoll_ctl(struct file *epf, uint32_t op, uint32_t fd, struct file *f,
    const struct l_epoll_event *ev)
{
	struct epoll_item *it = epf->epoll->items;

	while (it != NULL && (it->fd != fd || it->file != f))
		it = it->next;
	switch (op) {
	case L_EPOLL_CTL_ADD:
		return it != NULL ? -L_EEXIST :
		    item_add(epf->epoll, fd, f, ev);
	case L_EPOLL_CTL_DEL:
	case L_EPOLL_CTL_MOD:
		if (it == NULL)
			return -L_ENOENT;
		if (op == L_EPOLL_CTL_DEL)
			item_remove(it);
		else
			item_set(it, ev);
		return 0;
	}
	return -L_EINVAL;
}

int64_t
epoll_wait(struct file *epf, uint32_t max, bool wait,
    struct l_epoll_event *out)
{
	uint32_t n = 0;

	for (struct epoll_item *it = epf->epoll->items; it != NULL && n < max;
	    it = it->next) {
		uint32_t ready = item_ready(it);

		if (ready == 0)
			continue;
		out[n++] = (struct l_epoll_event){ ready, it->data };
		it->seen = it->file->ops->seq(it->file);
		it->off = (it->events & L_EPOLLONESHOT) != 0;
	}
	if (n > 0 || !wait)
		return n;
	(void)epoll_poll(epf, here);
	return -CM_WAIT;
}
