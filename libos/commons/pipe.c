/*
 * pipe.c - pipes and FIFOs: at most 64 KiB between writers and readers.
 *
 * The buffer is a ring of 16 pages, each there only while it holds something,
 * but for the first: a pipe that is empty begins at its first page again and
 * so never needs another one to pass on PIPE_BUF bytes.
 *
 * Invariants: (1) tail - head is what can be read, at most `cap'; head == tail
 *		   implies both are 0.
 *	       (2) pages from head to tail are there, and page 0 when empty.
 *	       (3) hold: bytes behind the tail that are not visible yet, put
 *		   there by the seat hold_seat; any other write forgets them.
 *	       (4) a pipe that is tapped is empty and has both ends; the seat has
 *		   it by a descriptor, and no other; its window's `reading'
 *		   says so, and only to the client.
 */
#include <castor/string.h>

#include "file.h"
#include "pool.h"
#include "proc.h"
#include "world.h"

#define PIPE_PAGES	16u
#define PIPE_SIZE	(PIPE_PAGES * WORLD_PAGE)
#define PIPES_MAX	4096u

struct pipe {
	uint8_t *page[PIPE_PAGES];
	uint32_t head, tail, cap;
	uint32_t ends;			/* open files */
	uint32_t readers, writers;	/* of them; one can be both */
	uint32_t reads, writes;		/* opens of a FIFO, ever */
	uint32_t hold, hold_seat;
	struct waitq rq, wq;
	struct seat *tap;
	struct inode *inode;		/* a FIFO's, not held */
};

static struct pool pipes = POOL(struct pipe, PIPES_MAX, false);

uint32_t
pipe_count(void)
{
	return pipes.used;
}

static struct pipe *
pipe_new(void)
{
	struct pipe *p = pool_get(&pipes);

	if (p == NULL)
		return NULL;
	p->page[0] = world_page(WORLD_RECORDS);
	p->cap = PIPE_SIZE;
	if (p->page[0] != NULL)
		return p;
	pool_put(&pipes, p);
	return NULL;
}

static void
pipe_free(struct pipe *p)
{
	for (uint32_t i = 0; i < PIPE_PAGES; i++) {
		if (p->page[i] != NULL)
			world_page_free(p->page[i]);
	}
	if (p->inode != NULL)
		p->inode->fifo = NULL;
	pool_put(&pipes, p);
}

/* ---- bytes */

/* Everything was read: back to page 0, with one page. */
static void
pipe_empty(struct pipe *p)
{
	for (uint32_t i = 1; i < PIPE_PAGES; i++) {
		if (p->page[i] == NULL)
			continue;
		if (p->page[0] == NULL)
			p->page[0] = p->page[i];
		else
			world_page_free(p->page[i]);
		p->page[i] = NULL;
	}
	p->head = p->tail = p->hold = 0;
}

/* The page before the head, was it the last that was written, round the ring?
 * (An empty pipe settles its pages in pipe_empty.) */
static bool
pipe_page_is_done(const struct pipe *p)
{
	uint32_t end = p->tail + p->hold;

	return p->head != p->tail && end - p->head <=
	    (PIPE_PAGES - 1) * WORLD_PAGE;
}

static size_t
pipe_take(struct pipe *p, uint8_t *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint32_t at = p->head % WORLD_PAGE;
		uint32_t i = p->head / WORLD_PAGE % PIPE_PAGES;
		size_t part = WORLD_PAGE - at;

		part = part < n - done ? part : n - done;
		memcpy(to + done, p->page[i] + at, part);
		done += part;
		p->head += (uint32_t)part;
		if (p->head % WORLD_PAGE == 0 && pipe_page_is_done(p)) {
			world_page_free(p->page[i]);
			p->page[i] = NULL;
		}
	}
	return done;
}

/* Pages for n bytes at `tail': false, there are none now. */
static bool
pipe_pages(struct pipe *p, uint32_t tail, size_t n)
{
	uint32_t first = tail / WORLD_PAGE;
	uint32_t last = (uint32_t)((tail + n - 1) / WORLD_PAGE);

	for (uint32_t i = first; i <= last; i++) {
		uint8_t **page = &p->page[i % PIPE_PAGES];

		if (*page == NULL)
			*page = world_page(WORLD_DATA);
		if (*page == NULL)
			return false;
	}
	return true;
}

static void
pipe_store(struct pipe *p, uint32_t tail, const uint8_t *from, size_t n)
{
	size_t done = 0;

	while (done < n) {
		uint32_t at = tail % WORLD_PAGE;
		size_t part = WORLD_PAGE - at;

		part = part < n - done ? part : n - done;
		memcpy(p->page[tail / WORLD_PAGE % PIPE_PAGES] + at,
		    from + done, part);
		done += part;
		tail += (uint32_t)part;
	}
}

/*
 * ---- tapping
 *
 * Who reads from an empty pipe taps it into his window: from then on he waits
 * there by himself, without a request, and what is written goes to his window
 * directly.  That ends when anything else is done with the pipe.  Of what he says
 * in the window only how many bytes he wants is believed, which are his.
 */
void
pipe_forget(struct seat *s)
{
	if (s->tap == NULL)
		return;
	s->tap->tap = NULL;
	s->tap = NULL;
	s->win->reading = 0;
}

/* Who waits goes on waiting, on the queue. */
static void
untap(struct pipe *p)
{
	struct seat *s = p->tap;
	uint64_t was;

	if (s == NULL)
		return;
	p->tap = NULL;
	s->tap = NULL;
	was = __atomic_exchange_n(&s->win->reading, 0, __ATOMIC_SEQ_CST);
	if (CM_WANTS(was) != 0 && s != here && !wait_on(&p->rq, s))
		bell_ring(s);
}

void
pipe_untap(struct file *f)
{
	if (f->ops == &pipe_ops)
		untap(f->pipe);
}

void
pipe_tap(struct file *f, uint32_t fd, size_t n)
{
	struct pipe *p = f->pipe;
	struct wait *w = p->rq.first;

	if (w->next != NULL || w->seat != here || w->mine != NULL)
		return;
	wait_cancel_all(here);
	if (here->tap != NULL)
		untap(here->tap);
	p->tap = here;
	here->tap = p;
	here->win->reading = CM_READING(fd, n);
}

/* memcpy, but inline: that is all that would keep registers from being free. */
static inline void
window_put(uint8_t *to, const uint8_t *from, size_t n)
{
	size_t words = n / 8;

	n %= 8;
	__asm__ volatile("rep movsq; mov %3, %2; rep movsb"
	    : "+D"(to), "+S"(from), "+c"(words) : "r"(n) : "memory");
}

/* How many of n bytes the window took in which the pipe is; 0: nobody waits
 * there.  What he wants is taken back before it is answered. */
static inline __attribute__((always_inline)) size_t
give(struct seat *s, const uint8_t *from, size_t n)
{
	struct cm_window *w = s->win;
	uint32_t want = CM_WANTS(__atomic_exchange_n(
	    (volatile uint32_t *)&w->reading, CM_TAPPED, __ATOMIC_SEQ_CST));

	if (want == 0)
		return 0;
	n = n < want ? n : want;
	if (n == 1)
		w->data[0] = *from;
	else
		window_put(w->data, from, n);
	w->answer = n;
	bell_ring(s);
	return n;
}

/* ---- reading and writing.  A byte that fits where it goes takes the short
 * way: no loop, no page changes hands. */

static int64_t
pipe_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct pipe *p = f->pipe;
	uint32_t have = p->tail - p->head;

	(void)pos;
	if (n == 0)
		return 0;
	if (have == 0) {
		int64_t r = p->writers == 0 ? 0 : file_block(f, &p->rq);

		if (r == -CM_WAIT)
			untap(p);
		return r;
	}
	if (n > have)
		n = have;
	pipe_take(p, to, n);
	if (p->head == p->tail) {
		if (p->tail < WORLD_PAGE && p->hold == 0)
			p->head = p->tail = 0;
		else
			pipe_empty(p);
	}
	wake(&p->wq);
	return (int64_t)n;
}

/* Room for n bytes, and pages: 0; or why not. */
static int64_t
pipe_room(struct file *f, size_t n)
{
	struct pipe *p = f->pipe;

	if (p->readers == 0) {
		proc_signal(here->proc->leader, L_SIGPIPE, L_SI_KERNEL, 0, 0);
		return -L_EPIPE;
	}
	if (n > p->cap - (p->tail - p->head) || !pipe_pages(p, p->tail, n))
		return file_block(f, &p->wq);
	return 0;
}

/* All but the first of n bytes, which a window took: a pipe that was tapped is
 * empty, and has room for them. */
static __attribute__((noinline)) int64_t
pipe_append(struct file *f, const uint8_t *from, size_t n, size_t given)
{
	struct pipe *p = f->pipe;
	int64_t r;

	untap(p);
	r = pipe_room(f, n - given);
	if (r != 0)
		return given > 0 ? (int64_t)given : r;
	p->hold = 0;
	pipe_store(p, p->tail, from + given, n - given);
	p->tail += (uint32_t)(n - given);
	wake(&p->rq);
	return (int64_t)n;
}

static int64_t
pipe_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	struct pipe *p = f->pipe;
	size_t given = 0;

	(void)pos;
	if (n == 0)
		return 0;
	if (p->tap != NULL) {
		p->hold = 0;
		p->rq.seq++;
		given = give(p->tap, from, n);
		if (given == n)
			return (int64_t)n;
	}
	return pipe_append(f, from, n, given);
}

int64_t
pipe_parts(struct file *f, const uint8_t *from, size_t n, uint64_t parts)
{
	struct pipe *p = f->pipe;
	uint32_t total = (uint32_t)(parts >> 32), before = (uint32_t)parts;
	int64_t r;

	if (total > CM_PIPE_BUF || before + n > total || n == 0)
		return -L_EINVAL;
	if (before > 0 && (p->hold != before || p->hold_seat != here->index))
		return -CM_RESTART;
	r = pipe_room(f, before > 0 ? before + n : total);
	if (r != 0)
		return r;
	pipe_store(p, p->tail + before, from, n);
	p->hold = before + (uint32_t)n;
	p->hold_seat = here->index;
	if (p->hold < total)
		return (int64_t)n;
	p->tail += total;
	p->hold = 0;
	untap(p);
	wake(&p->rq);
	return (int64_t)n;
}

static uint32_t
pipe_poll(struct file *f, struct seat *s)
{
	struct pipe *p = f->pipe;
	uint32_t have = p->tail - p->head, events = 0;

	if (file_reads(f)) {
		if (have > 0)
			events |= L_POLLIN | L_POLLRDNORM;
		if (p->writers == 0)
			events |= L_POLLHUP;
		if (s != NULL)
			(void)wait_on(&p->rq, s);
	}
	if (file_writes(f)) {
		if (p->cap - have >= CM_PIPE_BUF)
			events |= L_POLLOUT | L_POLLWRNORM;
		if (p->readers == 0)
			events |= L_POLLERR;
		if (s != NULL)
			(void)wait_on(&p->wq, s);
	}
	return events;
}

static uint32_t
pipe_seq(const struct file *f)
{
	return (file_reads(f) ? f->pipe->rq.seq : 0) +
	    (file_writes(f) ? f->pipe->wq.seq : 0);
}

static int64_t
pipe_ioctl(struct file *f, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	uint32_t have = f->pipe->tail - f->pipe->head;

	(void)arg;
	if (cmd != L_FIONREAD)
		return -L_ENOTTY;
	memcpy(data, &have, sizeof(have));
	return 0;
}

static void
pipe_close(struct file *f)
{
	struct pipe *p = f->pipe;

	if (file_reads(f))
		p->readers--;
	if (file_writes(f))
		p->writers--;
	untap(p);
	wake(&p->rq);
	wake(&p->wq);
	if (--p->ends == 0)
		pipe_free(p);
}

const struct file_ops pipe_ops = {
	.read = pipe_read, .write = pipe_write, .poll = pipe_poll,
	.seq = pipe_seq, .ioctl = pipe_ioctl, .close = pipe_close,
};

int64_t
pipe_fcntl(struct file *f, uint32_t cmd, uint64_t arg)
{
	struct pipe *p = f->pipe;

	if (cmd == L_F_SETPIPE_SZ) {
		if (arg > PIPE_SIZE)
			return -L_EPERM;
		arg = arg < WORLD_PAGE ? WORLD_PAGE :
		    (arg + WORLD_PAGE - 1) & ~(uint64_t)(WORLD_PAGE - 1);
		if (arg < p->tail - p->head)
			return -L_EBUSY;
		p->cap = (uint32_t)arg;
		wake(&p->wq);
	}
	return p->cap;
}

/* ---- opening */

static struct file *
end_new(struct pipe *p, uint32_t flags)
{
	struct file *f = file_new(&pipe_ops, flags);

	if (f == NULL)
		return NULL;
	f->pipe = p;
	p->ends++;
	if (file_reads(f)) {
		p->readers++;
		p->reads++;
	}
	if (file_writes(f)) {
		p->writers++;
		p->writes++;
	}
	return f;
}

int64_t
pipe_make(uint32_t flags, struct file **r, struct file **w)
{
	struct pipe *p = pipe_new();

	if (p == NULL)
		return -L_ENFILE;
	flags &= L_O_NONBLOCK;
	*r = end_new(p, L_O_RDONLY | flags);
	if (*r == NULL) {
		pipe_free(p);
		return -L_ENFILE;
	}
	*w = end_new(p, L_O_WRONLY | flags);
	if (*w == NULL) {
		file_put(*r);
		return -L_ENFILE;
	}
	return 0;
}

/* The other end has come since: then it is open. */
static bool
fifo_is_met(const struct file *f, const struct seat *s)
{
	const struct pipe *p = f->pipe;

	return file_reads(f) ? p->writes != s->opened : p->reads != s->opened;
}

static int64_t
fifo_wait(struct file *f)
{
	struct pipe *p = f->pipe;
	struct waitq *q = file_reads(f) ? &p->rq : &p->wq;

	if (!wait_on(q, here)) {
		file_put(f);
		return -L_ENOMEM;
	}
	here->opening = f;
	return -CM_WAIT;
}

static int64_t
fifo_begin(struct inode *ip, uint32_t flags, struct file **out)
{
	struct pipe *p = ip->fifo;
	struct file *f;

	if ((flags & L_O_ACCMODE) == L_O_WRONLY && (flags & L_O_NONBLOCK) &&
	    (p == NULL || p->readers == 0))
		return -L_ENXIO;
	if (p == NULL)
		p = pipe_new();
	f = p != NULL ? end_new(p, flags) : NULL;
	if (f == NULL) {
		if (p != NULL && p->ends == 0)
			pipe_free(p);
		return -L_ENFILE;
	}
	p->inode = ip;
	ip->fifo = p;
	f->inode = ip;
	inode_hold(ip);
	wake(&p->rq);
	wake(&p->wq);
	*out = f;
	return 0;
}

/*
 * The file exists from the first request on, so that the two ends see each
 * other; while the other is not there it is kept in the seat.
 */
int64_t
fifo_open(struct inode *ip, uint32_t flags, struct file **out)
{
	struct file *f = here->opening;
	int64_t r;

	here->opening = NULL;
	if (f != NULL && f->inode == ip &&
	    (f->flags & L_O_ACCMODE) == (flags & L_O_ACCMODE)) {
		*out = f;
		return fifo_is_met(f, here) ? 0 : fifo_wait(f);
	}
	if (f != NULL)
		file_put(f);		/* it was another one */
	r = fifo_begin(ip, flags, &f);
	if (r != 0)
		return r;
	here->opened = file_reads(f) ? f->pipe->writes : f->pipe->reads;
	*out = f;
	if ((flags & L_O_NONBLOCK) || (file_reads(f) ? f->pipe->writers :
	    f->pipe->readers) > 0)
		return 0;
	return fifo_wait(f);
}
