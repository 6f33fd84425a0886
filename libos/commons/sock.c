/*
 * sock.c - sockets of AF_UNIX: streams, datagrams, packets in order; names,
 * descriptors that are sent along.
 *
 * What is sent lies in packets, a page each, in the queue of whoever is to
 * receive it: QUEUE_MAX at the most.  A stream fills the last one up first.
 *
 * Descriptors of sockets are not sent: so no ring of them keeps itself alive
 * when all who had it are dead.
 *
 * Invariants: (1) peer: where what is sent goes.  A stream's peer has it as its
 *		   own; both forget at the end of one.  Of datagrams many may
 *		   have the same.
 *	       (2) all are on `all' from birth to end; one that waits to be
 *		   accepted has no file but is its listener's.
 *	       (3) one that is bound to a file is that inode's `sock', and holds
 *		   the inode.
 */
#include <castor/string.h>

#include "cred.h"
#include "pool.h"
#include "request.h"
#include "world.h"

#define SOCKS_MAX	1024u
#define QUEUE_MAX	16u
#define BACKLOG_MAX	64u
#define FLIGHT_MAX	1024u		/* descriptors on their way, in all */
#define AUTO_TRIES	8u		/* of a million, SOCKS_MAX taken */

enum { STREAM = 1, DGRAM = 2, SEQPACKET = 5 };
enum { MSG_PEEK = 2, MSG_CTRUNC = 8, MSG_TRUNC = 0x20, MSG_DONTWAIT = 0x40,
	MSG_EOR = 0x80, MSG_NOSIGNAL = 0x4000, MSG_CLOEXEC = 0x40000000 };

struct packet {
	struct packet *next;
	uint32_t len, off, namelen, nfiles;
	uint32_t pid, uid, gid;
	struct file *files[CM_MSG_FDS];
	uint8_t name[CM_SUN_PATH];
	uint8_t data[];
};
#define PACKET_DATA	(WORLD_PAGE - sizeof(struct packet))
_Static_assert(PACKET_DATA >= CM_DATA, "a window's bytes are one packet");

struct sock {
	struct sock *all_next, **all_prev;
	uint32_t type;
	struct sock *peer;
	struct packet *first, *last;
	uint32_t packets;
	bool listens, was_connected, read_shut, write_shut, reset;
	bool named;			/* `name' is its own, no listener's */
	struct sock *pending, *pending_next;	/* to be accepted */
	struct sock *listener;			/* it is one of those */
	uint32_t npending, backlog;
	uint32_t pid, uid, gid;		/* who made it; or connected it */
	struct inode *inode;
	uint32_t namelen;
	uint8_t name[CM_SUN_PATH];
	struct waitq rq;		/* it can read, accept */
	struct waitq wq;		/* others can write to it, connect */
};

static struct pool socks = POOL(struct sock, SOCKS_MAX, false);
static struct sock *all;
static uint32_t in_flight;

static const struct file_ops sock_ops;

/* ---- packets */

static void
packet_free(struct packet *p)
{
	for (uint32_t i = 0; i < p->nfiles; i++) {
		in_flight--;
		file_put(p->files[i]);
	}
	world_page_free(p);
}

static void
packet_drop(struct sock *s)
{
	struct packet *p = s->first;

	s->first = p->next;
	if (s->first == NULL)
		s->last = NULL;
	s->packets--;
	packet_free(p);
}

static void
packet_add(struct sock *s, struct packet *p)
{
	if (s->last != NULL)
		s->last->next = p;
	else
		s->first = p;
	s->last = p;
	s->packets++;
}

/* ---- birth and end */

static struct sock *
sock_new(uint32_t type)
{
	struct sock *s = pool_get(&socks);

	if (s == NULL)
		return NULL;
	s->type = type;
	s->pid = here->proc->leader->pid;
	s->uid = cred_now()->euid;
	s->gid = cred_now()->egid;
	s->all_next = all;
	s->all_prev = &all;
	if (all != NULL)
		all->all_prev = &s->all_next;
	all = s;
	return s;
}

static void
unbind(struct sock *s)
{
	if (s->inode == NULL)
		return;
	s->inode->sock = NULL;
	inode_put(s->inode);
	s->inode = NULL;
}

/* Whoever sends to it, or hears from it, does no more. */
static void
peers_leave(struct sock *s)
{
	for (struct sock *t = s->type == DGRAM ? all : s->peer, *next;
	    t != NULL; t = next) {
		next = s->type == DGRAM ? t->all_next : NULL;
		if (t->peer != s)
			continue;
		t->peer = NULL;
		t->reset = s->first != NULL;	/* it had not read all */
		wake(&t->rq);
		wake(&t->wq);
	}
}

static void
sock_end(struct sock *s)
{
	struct sock *c;

	unbind(s);
	while ((c = s->pending) != NULL) {
		s->pending = c->pending_next;
		sock_end(c);		/* it has none of its own */
	}
	peers_leave(s);
	while (s->first != NULL)
		packet_drop(s);
	wait_end(&s->rq);
	wait_end(&s->wq);
	*s->all_prev = s->all_next;
	if (s->all_next != NULL)
		s->all_next->all_prev = s->all_prev;
	pool_put(&socks, s);
}

static void
sock_close(struct file *f)
{
	sock_end(f->sock);
}

static struct sock *
sock_get(struct seat *seat, uint64_t fd, struct file **f, int64_t *error)
{
	*f = fd_get(seat->proc, fd);
	*error = *f == NULL || ((*f)->flags & L_O_PATH) ? -L_EBADF :
	    (*f)->ops != &sock_ops ? -L_ENOTSOCK : 0;
	return *error != 0 ? NULL : (*f)->sock;
}

/* ---- sending */

static bool
stream_has_room(const struct sock *to)
{
	return to->packets < QUEUE_MAX || (to->last->nfiles == 0 &&
	    to->last->off + to->last->len < PACKET_DATA);
}

static bool
has_room(const struct sock *to)
{
	return to->type == STREAM ? stream_has_room(to) :
	    to->packets < QUEUE_MAX;
}

static int64_t
block(const struct file *f, struct waitq *q, uint32_t flags)
{
	if ((f->flags & L_O_NONBLOCK) || (flags & MSG_DONTWAIT))
		return -L_EAGAIN;
	return wait_on(q, here) ? -CM_WAIT : -L_ENOMEM;
}

static struct packet *
packet_new(const struct sock *from)
{
	struct packet *p = world_page(WORLD_DATA);

	if (p == NULL)
		return NULL;
	p->pid = here->proc->leader->pid;
	p->uid = cred_now()->euid;
	p->gid = cred_now()->egid;
	p->namelen = from->namelen;
	memcpy(p->name, from->name, from->namelen);
	return p;
}

/* Bytes that go on the end of what is there already. */
static size_t
stream_append(struct sock *to, const uint8_t *data, size_t n)
{
	struct packet *p = to->last;
	size_t at, room;

	if (p == NULL || p->nfiles != 0)
		return 0;
	at = p->off + p->len;
	room = at < PACKET_DATA ? PACKET_DATA - at : 0;
	n = n < room ? n : room;
	memcpy(p->data + at, data, n);
	p->len += (uint32_t)n;
	return n;
}

/* A packet with all of it; files are held by it from now on. */
static int64_t
packet_send(const struct sock *from, struct sock *to, const uint8_t *data,
    size_t n, struct file **files, uint32_t nfiles)
{
	struct packet *p = packet_new(from);

	if (p == NULL)
		return -L_ENOMEM;
	memcpy(p->data, data, n);
	p->len = (uint32_t)n;
	for (; p->nfiles < nfiles; p->nfiles++) {
		p->files[p->nfiles] = files[p->nfiles];
		p->files[p->nfiles]->refs++;
		in_flight++;
	}
	packet_add(to, p);
	return (int64_t)n;
}

static int64_t
broken(uint32_t flags)
{
	if (!(flags & MSG_NOSIGNAL))
		proc_signal(here->proc->leader, L_SIGPIPE, L_SI_KERNEL, 0, 0);
	return -L_EPIPE;
}

static int64_t
stream_check(struct sock *s, uint32_t flags)
{
	if (s->peer == NULL && !s->was_connected)
		return -L_ENOTCONN;
	if (s->reset) {
		s->reset = false;
		return -L_ECONNRESET;
	}
	if (s->peer == NULL || s->write_shut || s->peer->read_shut)
		return broken(flags);
	return 0;
}

static int64_t
send_to(struct file *f, struct sock *to, const uint8_t *data, size_t n,
    uint32_t flags, struct file **files, uint32_t nfiles)
{
	struct sock *s = f->sock;
	size_t done = 0;
	int64_t r;

	if (s->type == STREAM && n == 0 && nfiles == 0)
		return 0;
	if (!has_room(to))
		return block(f, &to->wq, flags);
	if (s->type == STREAM && nfiles == 0)
		done = stream_append(to, data, n);
	if (done < n || s->type != STREAM) {
		r = to->packets < QUEUE_MAX ? packet_send(s, to, data + done,
		    n - done, files, nfiles) : 0;
		if (r < 0 && done == 0)
			return r;
		done += r > 0 ? (size_t)r : 0;
	}
	wake(&to->rq);
	return (int64_t)done;
}

static int64_t
sock_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	struct sock *s = f->sock;
	int64_t r = 0;

	(void)pos;
	if (s->type != DGRAM)
		r = stream_check(s, 0);
	else if (s->peer == NULL)
		r = s->was_connected ? -L_ECONNREFUSED : -L_ENOTCONN;
	return r != 0 ? r : send_to(f, s->peer, from, n, 0, NULL, 0);
}

/* ---- receiving */

static bool
at_end(const struct sock *s)
{
	return s->read_shut || (s->type != DGRAM && s->was_connected &&
	    (s->peer == NULL || s->peer->write_shut));
}

/* 0: there is a packet.  Else what to answer; 1: the end. */
static int64_t
recv_check(struct file *f, uint32_t flags)
{
	struct sock *s = f->sock;

	if (s->first != NULL)
		return 0;
	if (s->reset) {
		s->reset = false;
		return -L_ECONNRESET;
	}
	if (at_end(s))
		return 1;
	if (s->type != DGRAM && !s->was_connected)
		return s->listens ? -L_EINVAL : -L_ENOTCONN;
	return block(f, &s->rq, flags);
}

/* Bytes of a stream, from as many packets as go together. */
static size_t
stream_take(struct sock *s, uint8_t *to, size_t n, bool peek)
{
	struct packet *p = s->first, *next;
	size_t done = 0;

	while (p != NULL && done < n) {
		size_t part = n - done < p->len ? n - done : p->len;

		next = p->next;
		memcpy(to + done, p->data + p->off, part);
		done += part;
		if (!peek) {
			p->off += (uint32_t)part;
			p->len -= (uint32_t)part;
			if (p->len == 0)
				packet_drop(s);
		}
		if (next == NULL || next->nfiles != 0)
			break;
		p = next;
	}
	return done;
}

static size_t
packet_take(struct sock *s, uint8_t *to, size_t n, bool peek, uint32_t *flags)
{
	struct packet *p = s->first;
	size_t len = p->len, part = n < len ? n : len;

	memcpy(to, p->data, part);
	if (part < len)
		*flags |= MSG_TRUNC;
	if (!peek)
		packet_drop(s);
	return part;
}

static void
room_again(struct sock *s)
{
	wake(&s->wq);
	if (s->peer != NULL)
		s->peer->rq.seq++;	/* it can write: epoll */
}

static int64_t
sock_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct sock *s = f->sock;
	uint32_t flags = 0;
	int64_t r = recv_check(f, 0);

	(void)pos;
	if (r != 0)
		return r == 1 ? 0 : r;
	if (n == 0 && s->type == STREAM)
		return 0;
	r = (int64_t)(s->type == STREAM ? stream_take(s, to, n, false) :
	    packet_take(s, to, n, false, &flags));
	room_again(s);
	return r;
}

static uint32_t
sock_poll(struct file *f, struct seat *seat)
{
	struct sock *s = f->sock, *to = s->peer;
	uint32_t r = 0;

	if (seat != NULL) {
		(void)wait_on(&s->rq, seat);
		if (to != NULL)
			(void)wait_on(&to->wq, seat);
	}
	if (s->first != NULL || s->pending != NULL || at_end(s))
		r |= L_POLLIN | L_POLLRDNORM;
	if (at_end(s))
		r |= L_POLLRDHUP;
	if (s->type != DGRAM && to == NULL)
		r |= s->listens ? 0 : L_POLLHUP;
	if (s->listens)
		return r;
	if (to == NULL ? s->type == DGRAM || s->was_connected : has_room(to))
		r |= L_POLLOUT | L_POLLWRNORM;
	return r;
}

static uint32_t
sock_seq(const struct file *f)
{
	return f->sock->rq.seq + f->sock->wq.seq;
}

static int64_t
sock_ioctl(struct file *f, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	uint32_t n = 0;

	(void)arg;
	if (cmd != L_FIONREAD)
		return -L_ENOTTY;
	for (struct packet *p = f->sock->first; p != NULL; p = p->next) {
		n += p->len;
		if (f->sock->type != STREAM)
			break;
	}
	memcpy(data, &n, sizeof(n));
	return 0;
}

static const struct file_ops sock_ops = {
	.read = sock_read, .write = sock_write, .poll = sock_poll,
	.seq = sock_seq, .ioctl = sock_ioctl, .close = sock_close,
};

bool
file_is_sock(const struct file *f)
{
	return f->ops == &sock_ops;
}

/* ---- making them */

static bool
type_ok(uint64_t type)
{
	return type == STREAM || type == DGRAM || type == SEQPACKET;
}

static int64_t
file_for(struct sock *s, uint64_t flags, struct file **out)
{
	*out = file_new(&sock_ops, L_O_RDWR |
	    ((uint32_t)flags & L_O_NONBLOCK));
	if (*out == NULL)
		return -L_ENFILE;
	(*out)->sock = s;
	return 0;
}

static int64_t
sock_open(struct seat *seat, struct sock *s, uint64_t flags)
{
	struct file *f;
	int64_t r = file_for(s, flags, &f);

	return r != 0 ? r : fd_add(seat->proc, f, 0,
	    (flags & L_O_CLOEXEC) != 0);
}

static int64_t
make_check(struct proc *p, uint64_t type, uint64_t flags, uint32_t n)
{
	if (!type_ok(type))
		return -L_ESOCKTNOSUPPORT;
	if ((flags & ~(uint64_t)(L_O_NONBLOCK | L_O_CLOEXEC)) != 0)
		return -L_EINVAL;
	return fd_room(p, n);
}

REQUEST(SOCKET)
{
	int64_t r = make_check(s->proc, a, b, 1);
	struct sock *new = r == 0 ? sock_new((uint32_t)a) : NULL;

	if (new == NULL)
		return r != 0 ? r : -L_ENFILE;
	r = sock_open(s, new, b);
	if (r < 0)
		sock_end(new);
	return r;
}

static void
join(struct sock *a, struct sock *b)
{
	a->peer = b;
	b->peer = a;
	a->was_connected = b->was_connected = true;
}

REQUEST(SOCKETPAIR)
{
	int64_t r = make_check(s->proc, a, b, 2), other;
	struct sock *one = r == 0 ? sock_new((uint32_t)a) : NULL;
	struct sock *two = one != NULL ? sock_new((uint32_t)a) : NULL;

	if (two == NULL) {
		if (one != NULL)
			sock_end(one);
		return r != 0 ? r : -L_ENFILE;
	}
	join(one, two);
	r = sock_open(s, one, b);
	if (r < 0) {
		sock_end(one);
		sock_end(two);
		return r;
	}
	other = sock_open(s, two, b);
	if (other < 0) {
		(void)fd_close(s->proc, (uint64_t)r);
		sock_end(two);
		return other;
	}
	return r | other << 32;
}

/* ---- names */

static struct sock *
abstract_find(const uint8_t *name, uint32_t len)
{
	struct sock *s = all;

	while (s != NULL && (!s->named || s->namelen != len ||
	    memcmp(s->name, name, len) != 0))
		s = s->all_next;
	return s;
}

/* As in sockaddr_un: it may end with a NUL, or not. */
static size_t
path_len(const uint8_t *name, size_t len)
{
	size_t n = 0;

	while (n < len && name[n] != '\0')
		n++;
	return n;
}

static int64_t
name_walk(struct seat *seat, const uint8_t *name, size_t len, uint32_t flags,
    struct walk *w)
{
	return fs_walk(seat->proc->cwd, (const char *)name,
	    path_len(name, len), flags, w);
}

/* Whoever is there, if the caller may write to it. */
static int64_t
name_find(struct seat *seat, const uint8_t *name, size_t len,
    struct sock **out)
{
	struct walk w;
	int64_t r;

	if (len > 0 && name[0] == '\0') {
		*out = abstract_find(name, (uint32_t)len);
		return *out == NULL ? -L_ECONNREFUSED : 0;
	}
	r = name_walk(seat, name, len, 0, &w);
	if (r == 0)
		r = cred_may(w.inode, MAY_WRITE);
	if (r != 0)
		return r;
	*out = IS_SOCK(w.inode) && w.inode->synth == NULL ?
	    w.inode->sock : NULL;
	return *out == NULL ? -L_ECONNREFUSED : 0;
}

/* "\0" and five digits that nobody has, and nobody knows before. */
static int64_t
name_auto(struct sock *s)
{
	uint8_t name[6] = { 0 };

	for (uint32_t tries = 0; tries < AUTO_TRIES; tries++) {
		uint32_t n;

		world_random(&n, sizeof(n));
		for (int i = 5; i > 0; i--, n >>= 4)
			name[i] = "0123456789abcdef"[n & 15];
		if (abstract_find(name, sizeof(name)) != NULL)
			continue;
		memcpy(s->name, name, sizeof(name));
		s->namelen = sizeof(name);
		s->named = true;
		return 0;
	}
	return -L_EADDRINUSE;
}

static int64_t
name_file(struct seat *seat, struct sock *s, const uint8_t *name, size_t len)
{
	struct inode *ip;
	struct walk w;
	int64_t r = name_walk(seat, name, len, WALK_MISSING | WALK_NOFOLLOW,
	    &w);

	if (r == 0)
		r = fs_create(&w, L_S_IFSOCK | (0777 & ~seat->proc->umask),
		    &ip);
	if (r != 0)
		return r == -L_EEXIST ? -L_EADDRINUSE : r;
	inode_hold(ip);
	ip->sock = s;
	s->inode = ip;
	return 0;
}

REQUEST(BIND)
{
	uint8_t name[CM_SUN_PATH];
	struct file *f;
	int64_t r;
	struct sock *mine = sock_get(s, a, &f, &r);

	if (r != 0)
		return r;
	if (b > sizeof(name) || mine->namelen != 0)
		return -L_EINVAL;
	memcpy(name, s->win->data, b);
	if (b == 0)
		return name_auto(mine);
	if (name[0] == '\0')
		r = abstract_find(name, (uint32_t)b) != NULL ?
		    -L_EADDRINUSE : 0;
	else
		r = name_file(s, mine, name, b);
	if (r != 0)
		return r;
	mine->namelen = (uint32_t)b;
	mine->named = true;
	memcpy(mine->name, name, b);
	return 0;
}

REQUEST(SOCKNAME)
{
	struct file *f;
	int64_t r;
	struct sock *mine = sock_get(s, a, &f, &r);

	if (r != 0)
		return r;
	if (b != 0)
		mine = mine->peer;
	if (mine == NULL)
		return -L_ENOTCONN;
	memcpy(s->win->data, mine->name, mine->namelen);
	return mine->namelen;
}

/* ---- connecting */

static int64_t
dgram_connect(struct seat *seat, struct sock *mine, const uint8_t *name,
    size_t len)
{
	struct sock *to = NULL;
	int64_t r = len == 0 ? 0 : name_find(seat, name, len, &to);

	if (r == 0 && to != NULL && to->type != DGRAM)
		r = -L_EPROTOTYPE;
	if (r != 0)
		return r;
	mine->peer = to;
	mine->was_connected = to != NULL;
	return 0;
}

/* It waits to be accepted from now on, and can be written to. */
static int64_t
stream_connect(struct sock *mine, struct sock *to)
{
	struct sock *other = sock_new(to->type), **at;

	if (other == NULL)
		return -L_ENFILE;
	other->pid = to->pid;
	other->uid = to->uid;
	other->gid = to->gid;
	other->namelen = to->namelen;
	memcpy(other->name, to->name, to->namelen);
	other->listener = to;
	join(mine, other);
	mine->pid = here->proc->leader->pid;
	mine->uid = cred_now()->euid;
	mine->gid = cred_now()->egid;
	for (at = &to->pending; *at != NULL; at = &(*at)->pending_next)
		;
	*at = other;
	to->npending++;
	wake(&to->rq);
	return 0;
}

REQUEST(CONNECT)
{
	uint8_t name[CM_SUN_PATH];
	struct sock *mine, *to;
	struct file *f;
	int64_t r;

	mine = sock_get(s, a, &f, &r);
	if (r != 0)
		return r;
	if (b > sizeof(name))
		return -L_EINVAL;
	memcpy(name, s->win->data, b);
	if (mine->type == DGRAM)
		return dgram_connect(s, mine, name, b);
	if (mine->listens)
		return -L_EINVAL;
	if (mine->was_connected)
		return -L_EISCONN;
	r = b == 0 ? -L_EINVAL : name_find(s, name, b, &to);
	if (r != 0)
		return r;
	if (to->type != mine->type)
		return -L_EPROTOTYPE;
	if (!to->listens || to->read_shut)
		return -L_ECONNREFUSED;
	if (to->npending > to->backlog)
		return block(f, &to->wq, 0);
	return stream_connect(mine, to);
}

REQUEST(LISTEN)
{
	struct file *f;
	int64_t r;
	struct sock *mine = sock_get(s, a, &f, &r);

	if (r != 0)
		return r;
	if (mine->type == DGRAM)
		return -L_EOPNOTSUPP;
	if (mine->namelen == 0 || mine->was_connected)
		return -L_EINVAL;
	mine->listens = true;
	mine->backlog = b > BACKLOG_MAX ? BACKLOG_MAX : (uint32_t)b;
	return 0;
}

REQUEST(ACCEPT)
{
	struct sock *mine, *new;
	struct file *f;
	int64_t r;

	mine = sock_get(s, a, &f, &r);
	if (r != 0)
		return r;
	if (mine->type == DGRAM)
		return -L_EOPNOTSUPP;
	if (!mine->listens ||
	    (b & ~(uint64_t)(L_O_NONBLOCK | L_O_CLOEXEC)) != 0)
		return -L_EINVAL;
	new = mine->pending;
	if (new == NULL)
		return mine->read_shut ? -L_EINVAL : block(f, &mine->rq, 0);
	r = fd_room(s->proc, 1);
	if (r == 0)
		r = sock_open(s, new, b);
	if (r < 0)
		return r;
	mine->pending = new->pending_next;
	mine->npending--;
	new->listener = NULL;
	wake(&mine->wq);
	return r;
}

REQUEST(SHUTDOWN)
{
	struct file *f;
	int64_t r;
	struct sock *mine = sock_get(s, a, &f, &r), *to;

	if (r != 0)
		return r;
	if (b > 2)
		return -L_EINVAL;
	to = mine->peer;
	if (to == NULL && mine->type != DGRAM && !mine->listens)
		return -L_ENOTCONN;
	mine->read_shut |= b != 1;
	mine->write_shut |= b != 0;
	wake(&mine->rq);
	wake(&mine->wq);
	if (to != NULL) {
		wake(&to->rq);
		wake(&to->wq);
	}
	return 0;
}

REQUEST(SOCKINFO)
{
	struct cm_sock out;
	struct file *f;
	int64_t r;
	struct sock *mine = sock_get(s, a, &f, &r);

	if (r != 0)
		return r;
	out = (struct cm_sock){ .type = mine->type, .listens = mine->listens };
	if (mine->peer != NULL) {
		out.pid = mine->peer->pid;
		out.uid = mine->peer->uid;
		out.gid = mine->peer->gid;
	}
	memcpy(s->win->data, &out, sizeof(out));
	return 0;
}

/* ---- messages */

static int64_t
files_get(const struct proc *p, const struct cm_msg *m, struct file **files)
{
	if (m->nfds > CM_MSG_FDS)
		return -L_EINVAL;
	if (in_flight + m->nfds > FLIGHT_MAX)
		return -L_ETOOMANYREFS;
	for (uint32_t i = 0; i < m->nfds; i++) {
		files[i] = m->fds[i] < 0 || m->fds[i] >= (int32_t)CM_FDS ?
		    NULL : fd_get(p, (uint64_t)m->fds[i]);
		if (files[i] == NULL)
			return -L_EBADF;
		if (file_is_sock(files[i]))
			return -L_ETOOMANYREFS;
	}
	return 0;
}

/* Whom a datagram is for. */
static int64_t
dgram_target(struct seat *seat, struct sock *mine, const struct cm_msg *m,
    struct sock **to)
{
	int64_t r;

	*to = mine->peer;
	if (m->namelen == 0)
		return *to != NULL ? 0 : mine->was_connected ?
		    -L_ECONNREFUSED : -L_ENOTCONN;
	r = name_find(seat, m->name, m->namelen, to);
	return r == 0 && (*to)->type != DGRAM ? -L_EPROTOTYPE : r;
}

REQUEST(SEND)
{
	struct file *files[CM_MSG_FDS], *f;
	struct sock *mine, *to;
	struct cm_msg m;
	int64_t r;

	mine = sock_get(s, a, &f, &r);
	if (r != 0)
		return r;
	memcpy(&m, s->win->data, sizeof(m));
	if (b > CM_DATA - CM_MSG)
		return -L_EMSGSIZE;
	if (m.namelen > sizeof(m.name))
		return -L_EINVAL;
	if (mine->type == DGRAM) {
		r = dgram_target(s, mine, &m, &to);
	} else {
		r = stream_check(mine, (uint32_t)c);
		if (r == 0 && m.namelen != 0)
			r = -L_EISCONN;
		to = mine->peer;
	}
	if (r == 0)
		r = files_get(s->proc, &m, files);
	return r != 0 ? r : send_to(f, to, s->win->data + CM_MSG, b,
	    (uint32_t)c, files, m.nfds);
}

/* Give the reader what came with a packet, as far as there is room. */
static void
files_give(struct proc *p, struct packet *k, uint32_t flags, struct cm_msg *m)
{
	for (uint32_t i = 0; i < k->nfiles; i++) {
		int64_t fd;

		k->files[i]->refs++;
		fd = fd_add(p, k->files[i], 0, (flags & MSG_CLOEXEC) != 0);
		if (fd < 0) {
			file_put(k->files[i]);
			m->flags |= MSG_CTRUNC;
			return;
		}
		m->fds[m->nfds++] = (int32_t)fd;
	}
}

static void
files_drop(struct packet *k)
{
	for (; k->nfiles > 0; in_flight--)
		file_put(k->files[--k->nfiles]);
}

REQUEST(RECV)
{
	bool peek = (c & MSG_PEEK) != 0;
	struct cm_msg m = { 0 };
	struct sock *mine;
	struct packet *k;
	struct file *f;
	size_t len;
	int64_t r;

	mine = sock_get(s, a, &f, &r);
	if (r != 0)
		return r;
	if (b > CM_DATA - CM_MSG)
		b = CM_DATA - CM_MSG;
	r = recv_check(f, (uint32_t)c);
	if (r != 0) {
		memcpy(s->win->data, &m, sizeof(m));
		return r == 1 ? 0 : r;
	}
	k = mine->first;
	len = k->len;
	m.pid = k->pid;
	m.uid = k->uid;
	m.gid = k->gid;
	if (mine->type == DGRAM) {
		m.namelen = k->namelen;
		memcpy(m.name, k->name, k->namelen);
	}
	files_give(s->proc, k, (uint32_t)c, &m);
	if (!peek)
		files_drop(k);
	r = (int64_t)(mine->type == STREAM ?
	    stream_take(mine, s->win->data + CM_MSG, b, peek) :
	    packet_take(mine, s->win->data + CM_MSG, b, peek, &m.flags));
	if (mine->type != STREAM && (c & MSG_TRUNC))
		r = (int64_t)len;
	if (!peek)
		room_again(mine);
	memcpy(s->win->data, &m, sizeof(m));
	return r;
}
