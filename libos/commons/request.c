/*
 * request.c - a request: which one, and those about descriptors.
 *
 * `s' is the caller's seat, a to d its words; nothing of them is trusted.  The
 * window's data is read once, where it matters that it does not change.
 */
#include "request.h"

#include <castor/string.h>

#include "world.h"

#define POLLS_MAX	(CM_DATA / sizeof(struct l_pollfd))

#define REQUEST_ROW(nr, name)	[nr] = request_##name,
/* Each number below CM_OP_MAX, since entry.asm does not look whether there is
 * one; test_commons_io does. */
const request_fn requests[CM_OP_MAX] = {
	CM_OPS(REQUEST_ROW)
	[18 ... 19] = request_none, [38 ... 39] = request_none,
	[94 ... CM_OP_MAX - 1] = request_none,
};

uint64_t nosys[NOSYS_MAX];
uint32_t unsettled;

REQUEST(none)
{
	return -L_ENOSYS;
}

/* After each request that says so. */
void
settle(void)
{
	unsettled = false;
	fs_settle();
	proc_settle();
}

/* What a bare client may ask: about the descriptors that it has. */
#define ALLOW(op)	[CM_##op] = true
static const bool bare_may[CM_OP_MAX] = {
	ALLOW(NOP), ALLOW(READ), ALLOW(WRITE), ALLOW(POLL), ALLOW(CLOSE),
	ALLOW(CLOSE_RANGE), ALLOW(SEEK), ALLOW(DUP), ALLOW(FCNTL),
	ALLOW(PIPE), ALLOW(EVENTFD), ALLOW(EPOLL_CREATE), ALLOW(EPOLL_CTL),
	ALLOW(EPOLL_WAIT), ALLOW(SYNC), ALLOW(FILE_CAP), ALLOW(FILE_PAGES),
	ALLOW(RAISE), ALLOW(SIGINFO), ALLOW(NOSYS), ALLOW(WINDOW),
	ALLOW(CONTEXT_AT), ALLOW(CONTEXT_FREE), ALLOW(CONTEXT_LEND)
};

/* A seat that waited does so no more.  False: it is nobody's. */
static bool
waited(struct seat *s, uint64_t op)
{
	if (s->proc == NULL)
		return false;
	wait_cancel_all(s);
	if (s->futex && op != CM_FUTEX_WAIT)
		futex_forget(s);
	if (s->opening != NULL && op != CM_OPEN) {
		file_put(s->opening);
		s->opening = NULL;
	}
	return true;
}

static int64_t
request_own(struct seat *s, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	int64_t r = 0;

	here = s;
	if (s->proc != NULL && process_of(s)->stopped != 0)
		world_stop(process_of(s));	/* it was in here then */
	if (s->waits != NULL && !waited(s, op))
		r = -L_ENOSYS;
	else if (s->proc->bare && (op >= CM_OP_MAX || !bare_may[op]))
		r = -L_EACCES;
	if (r == 0)
		r = requests[op < CM_OP_MAX ? op : OP_NONE](s, a, b, c, d);
	if (s->proc != NULL && s->waits == NULL)
		seat_rest(s);
	if (unsettled)
		settle();
	here = NULL;
	return r;
}

REQUEST(NOP)
{
	return 0;
}

REQUEST(WINDOW)
{
	return world_window(s);
}

/* ---- bytes */

/* Where a transfer is at: the file's own offset, or *own = pos. */
static uint64_t *
offset_of(struct file *f, uint64_t pos, uint64_t *own)
{
	if (pos == (uint64_t)CM_POS)
		return &f->offset;
	*own = pos;
	return own;
}

static int64_t
offset_check(const struct file *f, uint64_t pos)
{
	if (pos == (uint64_t)CM_POS)
		return 0;
	if (!f->ops->seeks)
		return -L_ESPIPE;
	return (int64_t)pos < 0 ? -L_EINVAL : 0;
}

REQUEST(READ)
{
	struct file *f = fd_get(s->proc, a);
	uint64_t own;
	int64_t r;

	if (f == NULL || !file_reads(f))
		return -L_EBADF;
	if (b > CM_DATA)
		return -L_EFAULT;
	r = offset_check(f, c);
	if (r != 0)
		return r;
	if (f->ops->read == NULL)
		return -L_EINVAL;
	r = f->ops->read(f, s->win->data, b, offset_of(f, c, &own));
	if (r == -CM_WAIT && d == 1 && f->ops == &pipe_ops)
		pipe_tap(f, (uint32_t)a, b);
	return r;
}

REQUEST(WRITE)
{
	struct file *f = fd_get(s->proc, a);
	uint64_t own;
	int64_t r;

	if (f == NULL || !file_writes(f))
		return -L_EBADF;
	if (b > CM_DATA)
		return -L_EFAULT;
	r = offset_check(f, c);
	if (r != 0)
		return r;
	if (f->ops->write == NULL)
		return -L_EINVAL;
	if (d != 0 && f->ops == &pipe_ops)
		return pipe_parts(f, s->win->data, b, d);
	return f->ops->write(f, s->win->data, b, offset_of(f, c, &own));
}

static int64_t
seek_to(const struct file *f, int64_t off, uint64_t whence)
{
	int64_t base = 0, to;

	switch (whence) {
	case L_SEEK_SET:
		break;
	case L_SEEK_CUR:
		base = (int64_t)f->offset;
		break;
	case L_SEEK_END:
		base = IS_CHR(f->inode) ? 0 : (int64_t)f->inode->size;
		break;
	case L_SEEK_DATA:
	case L_SEEK_HOLE:
		if (!IS_REG(f->inode) || f->inode->synth != NULL || off < 0)
			return -L_EINVAL;
		return fs_seek_data(f->inode, (uint64_t)off,
		    whence == L_SEEK_HOLE);
	default:
		return -L_EINVAL;
	}
	if (__builtin_add_overflow(base, off, &to) || to < 0)
		return -L_EINVAL;
	return to;
}

REQUEST(SEEK)
{
	struct file *f = fd_get(s->proc, a);
	int64_t r;

	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	if (!f->ops->seeks)
		return -L_ESPIPE;
	r = seek_to(f, (int64_t)b, c);
	if (r >= 0)
		f->offset = (uint64_t)r;
	return r;
}

/* ---- descriptors */

/* Enter it, or let it go: the descriptor, or -errno. */
static int64_t
enter(struct proc *p, struct file *f, uint64_t flags)
{
	int64_t r = fd_add(p, f, 0, (flags & L_O_CLOEXEC) != 0);

	if (r < 0)
		file_put(f);
	return r;
}

REQUEST(CLOSE)
{
	return fd_close(s->proc, a);
}

REQUEST(CLOSE_RANGE)
{
	if (b < a)
		return -L_EINVAL;
	if (b >= CM_FDS)
		b = CM_FDS - 1;
	if (a > b)
		return 0;
	if (c == 0) {
		fd_close_range(s->proc, a, b);
		return 0;
	}
	for (; a <= b; a++) {
		if (fd_get(s->proc, a) != NULL)
			fd_mark(s->proc, a, true);
	}
	return 0;
}

REQUEST(DUP)
{
	struct file *f = fd_get(s->proc, a);
	bool cloexec = (c & L_O_CLOEXEC) != 0;
	int64_t r;

	if (f == NULL)
		return -L_EBADF;
	if ((c & ~(uint64_t)(CM_DUP_TO | L_O_CLOEXEC)) != 0)
		return -L_EINVAL;
	if ((c & CM_DUP_TO) && b >= CM_FDS_ALL)
		return -L_EBADF;
	if (b >= CM_FDS_ALL)
		return -L_EINVAL;
	if ((c & CM_DUP_TO) && b == a)
		return (int64_t)a;
	f->refs++;
	r = c & CM_DUP_TO ? fd_put(s->proc, (uint32_t)b, f, cloexec) :
	    fd_add(s->proc, f, (uint32_t)b, cloexec);
	if (r < 0)
		f->refs--;
	return r;
}

static int64_t
fcntl_lock(struct seat *s, struct file *f, uint32_t cmd)
{
	struct l_flock l;
	int64_t r;

	memcpy(&l, s->win->data, sizeof(l));
	r = lock_fcntl(f, cmd, &l);
	if (r == 0 && cmd == L_F_GETLK)
		memcpy(s->win->data, &l, sizeof(l));
	return r;
}

REQUEST(FCNTL)
{
	struct file *f = fd_get(s->proc, a);

	if (f == NULL)
		return -L_EBADF;
	switch (b) {
	case L_F_GETFD:
		return fd_marked(s->proc, a);
	case L_F_SETFD:
		fd_mark(s->proc, a, c & 1);
		return 0;
	case L_F_GETFL:
		return f->flags | 0100000;	/* O_LARGEFILE, as Linux */
	}
	if (f->flags & L_O_PATH)
		return -L_EBADF;
	switch (b) {
	case L_F_SETFL:
		pipe_untap(f);
		f->flags = (f->flags & ~(L_O_APPEND | L_O_NONBLOCK)) |
		    ((uint32_t)c & (L_O_APPEND | L_O_NONBLOCK));
		return 0;
	case L_F_GETLK:
	case L_F_SETLK:
	case L_F_SETLKW:
		return fcntl_lock(s, f, (uint32_t)b);
	case L_F_GETPIPE_SZ:
	case L_F_SETPIPE_SZ:
		return f->ops != &pipe_ops ? -L_EBADF :
		    pipe_fcntl(f, (uint32_t)b, c);
	}
	return -L_EINVAL;
}

REQUEST(FLOCK)
{
	struct file *f = fd_get(s->proc, a);

	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	return lock_flock(f, (uint32_t)b);
}

/* What any file has: ENOTTY if it is not one of those. */
static int64_t
ioctl_any(struct seat *s, struct file *f, uint64_t fd, uint64_t cmd)
{
	uint32_t word, left;

	memcpy(&word, s->win->data, sizeof(word));
	switch (cmd) {
	case L_FIOCLEX:
	case L_FIONCLEX:
		fd_mark(s->proc, fd, cmd == L_FIOCLEX);
		return 0;
	case L_FIONBIO:
		pipe_untap(f);
		f->flags = (f->flags & ~L_O_NONBLOCK) |
		    (word != 0 ? L_O_NONBLOCK : 0);
		return 0;
	case L_FIONREAD:
		if (f->inode == NULL || !IS_REG(f->inode))
			return -L_ENOTTY;
		left = f->offset < f->inode->size ?
		    (uint32_t)(f->inode->size - f->offset) : 0;
		memcpy(s->win->data, &left, sizeof(left));
		return 0;
	}
	return -L_ENOTTY;
}

REQUEST(IOCTL)
{
	struct file *f = fd_get(s->proc, a);
	int64_t r = -L_ENOTTY;

	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	if (f->ops->ioctl != NULL)
		r = f->ops->ioctl(f, (uint32_t)b, c, s->win->data);
	return r != -L_ENOTTY ? r : ioctl_any(s, f, a, b);
}

REQUEST(PIPE)
{
	struct file *r, *w;
	int64_t e = fd_room(s->proc, 2), fd;

	if ((a & ~(uint64_t)(L_O_CLOEXEC | L_O_NONBLOCK)) != 0)
		return -L_EINVAL;
	if (e == 0)
		e = pipe_make((uint32_t)a, &r, &w);
	if (e != 0)
		return e;
	fd = enter(s->proc, r, a);
	return fd | enter(s->proc, w, a) << 32;
}

REQUEST(EVENTFD)
{
	struct file *f;
	int64_t r = event_make(a, (uint32_t)b, &f);

	return r != 0 ? r : enter(s->proc, f, b);
}

REQUEST(MEMFD)
{
	struct inode *ip = inode_new(L_S_IFREG | 0777);
	struct file *f;
	int64_t r;

	if (ip == NULL)
		return -L_ENFILE;
	r = file_open(ip, L_O_RDWR, &f);
	inode_put(ip);
	return r != 0 ? r : enter(s->proc, f, a);
}

/* ---- waiting for many */

static uint32_t
poll_one(struct seat *s, struct l_pollfd *p, bool wait)
{
	struct file *f;

	p->revents = 0;
	if (p->fd < 0)
		return 0;
	f = fd_get(s->proc, (uint64_t)p->fd);
	if (f == NULL || (f->flags & L_O_PATH)) {
		p->revents = L_POLLNVAL;
		return 1;
	}
	p->revents = (int16_t)(f->ops->poll(f, wait ? s : NULL) &
	    ((uint16_t)p->events | L_POLLERR | L_POLLHUP));
	return p->revents != 0;
}

static uint32_t
poll_all(struct seat *s, uint64_t n, bool wait)
{
	uint32_t ready = 0;

	for (uint64_t i = 0; i < n; i++) {
		uint8_t *at = s->win->data + i * sizeof(struct l_pollfd);
		struct l_pollfd p;

		memcpy(&p, at, sizeof(p));
		ready += poll_one(s, &p, wait);
		memcpy(at, &p, sizeof(p));
	}
	return ready;
}

REQUEST(POLL)
{
	uint32_t ready;

	if (a > POLLS_MAX)
		return -L_EFAULT;
	ready = poll_all(s, a, false);
	if (ready > 0 || b == 0)
		return ready;
	(void)poll_all(s, a, true);
	return -CM_WAIT;
}

static struct file *
epoll_get(struct proc *p, uint64_t fd, int64_t *error)
{
	struct file *f = fd_get(p, fd);

	*error = f == NULL ? -L_EBADF : !file_is_epoll(f) ? -L_EINVAL : 0;
	return f;
}

REQUEST(EPOLL_CREATE)
{
	struct file *f;
	int64_t r = epoll_make((uint32_t)a, &f);

	return r != 0 ? r : enter(s->proc, f, a);
}

REQUEST(EPOLL_CTL)
{
	struct l_epoll_event ev;
	struct file *f = fd_get(s->proc, c), *ep;
	int64_t r;

	ep = epoll_get(s->proc, a, &r);
	if (r != 0)
		return r;
	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	memcpy(&ev, s->win->data, sizeof(ev));
	return epoll_ctl(ep, (uint32_t)b, (uint32_t)c, f, &ev);
}

REQUEST(EPOLL_WAIT)
{
	struct l_epoll_event out[CM_DATA / sizeof(struct l_epoll_event)];
	struct file *ep;
	int64_t r;

	ep = epoll_get(s->proc, a, &r);
	if (r != 0)
		return r;
	if ((int32_t)b <= 0)
		return -L_EINVAL;
	if (b > sizeof(out) / sizeof(out[0]))
		b = sizeof(out) / sizeof(out[0]);
	r = epoll_wait(ep, (uint32_t)b, c != 0, out);
	if (r > 0)
		memcpy(s->win->data, out, (size_t)r * sizeof(out[0]));
	return r;
}

/*
 * With what another client lent: it takes the place of the seat's, for this
 * one.  Nothing that may be asked so ends a process or a seat.
 */
static int64_t
request_lent(struct seat *s, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	struct proc *own = s->proc, *from = s->lender, *p;
	struct proc *creds;
	bool bare;
	int64_t r;

	if (from == NULL || !cm_lends(op))
		return -L_EINVAL;
	p = s->lent & CM_LEND_FILES ? from : own;
	creds = p->creds;
	bare = p->bare;
	if (s->lent != (CM_LEND_FILES | CM_LEND_CREDS)) {
		p->creds = p == own ? from->creds : own->creds;
		p->bare = p == own ? from->bare : own->bare;
	}
	s->proc = p;
	fds_end = p == own ? CM_FDS_ALL : CM_FDS;
	/* Its descriptors are no tap of the window's: pipe.c. */
	r = request_own(s, op, a, b, c, op == CM_READ ? 0 : d);
	fds_end = CM_FDS_ALL;
	s->proc = own;
	p->creds = creds;
	p->bare = bare;
	if (s->waits == NULL || s->waits == &wait_bare)
		seat_rest(s);
	return r;
}

/* All of it; entry.asm has a shorter way for the usual case. */
int64_t
request(struct seat *s, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	return op / CM_LENT == 1 && s->proc != NULL ?
	    request_lent(s, op % CM_LENT, a, b, c, d) :
	    request_own(s, op, a, b, c, d);
}
