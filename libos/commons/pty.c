/*
 * pty.c - terminals whose other end a program holds: /dev/ptmx makes one, and
 * /dev/pts/N is it.
 *
 * What the terminal shows lies in a ring, a page, until the holder reads it;
 * what the holder writes is typed.
 *
 * Invariants: (1) tail - head bytes of `out' are to be read.
 *	       (2) it is there as long as one of its ends is; its name as long
 *		   as the holder's.
 */
#include "tty.h"

#include <castor/print.h>
#include <castor/string.h>

#include "cred.h"
#include "pool.h"
#include "world.h"

#define PTYS_MAX	16u
#define MAJOR		136u
#define QUEUE		(WORLD_PAGE / 2)
#define TIOCGPTN	0x80045430u
#define TIOCSPTLCK	0x40045431u

struct pty {
	struct tty y;
	uint32_t number, slaves;
	bool held, opened;		/* the holder is there; ever opened */
	uint32_t head, tail;
	uint8_t *out, *in;		/* pages */
	struct waitq mq;		/* the holder waits: to read, to type */
};

static struct pool pool = POOL(struct pty, PTYS_MAX, false);
static struct pty *ptys[PTYS_MAX];

static const struct file_ops master_ops;

struct tty *
pty_tty(uint32_t i)
{
	for (uint32_t k = 0; k < PTYS_MAX; k++) {
		if (ptys[k] != NULL && i-- == 0)
			return &ptys[k]->y;
	}
	return NULL;
}

uint32_t
pty_number(const struct tty *y)
{
	return y->pty->number;
}

/* ---- its name.  The directory is root's, whoever makes the terminal. */

static int64_t
name_walk(const struct pty *p, struct walk *w)
{
	char path[24];
	size_t n = print_to(path, sizeof(path), "dev/pts/%u", p->number);

	return fs_walk(fs_root, path, n, WALK_MISSING, w);
}

static int64_t
name_make(const struct pty *p)
{
	const struct cm_cred *c = cred_now();
	struct seat *s = here;
	struct inode *ip;
	struct walk w;
	int64_t r;

	here = NULL;
	r = name_walk(p, &w);
	if (r == 0)
		r = fs_create(&w, L_S_IFCHR | 0620, &ip);
	here = s;
	if (r != 0)
		return r;
	ip->rdev = DEV(MAJOR, p->number);
	ip->uid = c->fsuid;
	ip->gid = c->fsgid;
	return 0;
}

static void
name_end(const struct pty *p)
{
	struct seat *s = here;
	struct walk w;

	here = NULL;
	if (name_walk(p, &w) == 0 && w.inode != NULL && IS_CHR(w.inode))
		(void)fs_unlink(&w, false);
	here = s;
}

/* ---- the terminal's side */

size_t
pty_room(const struct tty *y)
{
	return WORLD_PAGE - (y->pty->tail - y->pty->head);
}

size_t
pty_show(struct tty *y, const uint8_t *text, size_t n)
{
	struct pty *p = y->pty;
	size_t room = pty_room(y);

	n = n < room ? n : room;
	for (size_t i = 0; i < n; i++)
		p->out[p->tail++ % WORLD_PAGE] = text[i];
	if (n > 0)
		wake(&p->mq);
	return n;
}

void
pty_taken(struct tty *y)
{
	wake(&y->pty->mq);
}

static void
pty_free(struct pty *p)
{
	ptys[p->number] = NULL;
	wait_end(&p->y.rq);
	wait_end(&p->y.wq);
	wait_end(&p->mq);
	world_page_free(p->out);
	world_page_free(p->in);
	pool_put(&pool, p);
}

void
pty_opened(struct tty *y)
{
	y->pty->slaves++;
	y->pty->opened = true;
}

void
pty_closed(struct tty *y)
{
	struct pty *p = y->pty;

	if (--p->slaves > 0)
		return;
	wake(&p->mq);
	if (!p->held)
		pty_free(p);
}

int64_t
pty_open(uint32_t i, uint32_t flags, struct file **out)
{
	if (i >= PTYS_MAX || ptys[i] == NULL || !ptys[i]->held)
		return -L_EIO;
	return tty_open(&ptys[i]->y, flags, out);
}

/* ---- the holder's */

static int64_t
master_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct pty *p = f->tty->pty;
	size_t have = p->tail - p->head;

	(void)pos;
	if (n == 0)
		return 0;
	if (have == 0)
		return p->opened && p->slaves == 0 ? -L_EIO :
		    file_block(f, &p->mq);
	n = n < have ? n : have;
	for (size_t i = 0; i < n; i++)
		to[i] = p->out[p->head++ % WORLD_PAGE];
	wake(&p->y.wq);
	return (int64_t)n;
}

/* As much as there is room to be typed. */
static int64_t
master_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	struct tty *y = f->tty;
	size_t room = y->room - (y->tail - y->head);

	(void)pos;
	if (n == 0)
		return 0;
	if (room <= 1 && (y->line != y->head || !(y->t.lflag & L_ICANON)))
		return file_block(f, &y->pty->mq);
	n = n < room || room <= 1 ? n : room;
	tty_input(y, from, n);
	return (int64_t)n;
}

static uint32_t
master_poll(struct file *f, struct seat *s)
{
	struct pty *p = f->tty->pty;
	bool end = p->opened && p->slaves == 0;

	if (s != NULL)
		(void)wait_on(&p->mq, s);
	return (p->tail != p->head || end ? L_POLLIN | L_POLLRDNORM : 0) |
	    (p->y.room - (p->y.tail - p->y.head) > 1 ?
	    L_POLLOUT | L_POLLWRNORM : 0) | (end ? L_POLLHUP : 0);
}

static uint32_t
master_seq(const struct file *f)
{
	return f->tty->pty->mq.seq;
}

static int64_t
master_ioctl(struct file *f, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	struct pty *p = f->tty->pty;
	uint32_t word = p->number;

	switch (cmd) {
	case TIOCGPTN:
		break;
	case TIOCSPTLCK:
		return 0;
	case L_FIONREAD:
		word = p->tail - p->head;
		break;
	case L_TIOCGPGRP:
		word = p->y.fg;
		break;
	case L_TIOCGSID:
		word = p->y.session;
		break;
	case L_TIOCSCTTY:
	case L_TIOCNOTTY:
		return -L_ENOTTY;
	default:
		return tty_control(f->tty, cmd, arg, data);
	}
	memcpy(data, &word, sizeof(word));
	return 0;
}

static void
master_close(struct file *f)
{
	struct pty *p = f->tty->pty;

	name_end(p);
	p->held = false;
	p->y.hung = true;
	tty_hangup(&p->y);
	if (p->slaves == 0)
		pty_free(p);
}

static const struct file_ops master_ops = {
	.read = master_read, .write = master_write, .poll = master_poll,
	.seq = master_seq, .ioctl = master_ioctl, .close = master_close,
};

/* ---- making one */

static struct pty *
pty_new(void)
{
	struct pty *p;
	uint32_t i = 0;

	while (i < PTYS_MAX && ptys[i] != NULL)
		i++;
	p = i < PTYS_MAX ? pool_get(&pool) : NULL;
	if (p == NULL)
		return NULL;
	p->out = world_page(WORLD_RECORDS);
	p->in = world_page(WORLD_RECORDS);
	p->number = i;
	p->y.pty = p;
	p->y.queue = p->in;
	p->y.ends = p->in + QUEUE;
	p->y.room = QUEUE;
	ptys[i] = p;
	if (p->out != NULL && p->in != NULL)
		return p;
	ptys[i] = NULL;
	if (p->out != NULL)
		world_page_free(p->out);
	if (p->in != NULL)
		world_page_free(p->in);
	pool_put(&pool, p);
	return NULL;
}

int64_t
pty_make(uint32_t flags, struct file **out)
{
	struct pty *p = pty_new();
	int64_t r;

	if (p == NULL)
		return -L_ENOSPC;
	tty_reset(&p->y);
	r = name_make(p);
	*out = r == 0 ? file_new(&master_ops, flags) : NULL;
	if (*out == NULL) {
		if (r == 0)
			name_end(p);
		pty_free(p);
		return r != 0 ? r : -L_ENFILE;
	}
	p->held = true;
	(*out)->tty = &p->y;
	return 0;
}
