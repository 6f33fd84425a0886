/*
 * file.h - open files, which descriptors name: what they are of, offset, flags.
 *
 * Shared by the descriptors that dup and fork make.  An operation that can't
 * be answered now goes through file_block().
 */
#ifndef COMMONS_FILE_H
#define COMMONS_FILE_H

#include "fs.h"
#include "linux.h"
#include "wait.h"

struct epoll_item;
struct file;

struct file_ops {
	/* Bytes, 0 at the end, or -errno, -CM_WAIT.  pos: where, NULL: it
	 * has no such thing. */
	int64_t (*read)(struct file *f, uint8_t *to, size_t n, uint64_t *pos);
	int64_t (*write)(struct file *f, const uint8_t *from, size_t n,
	    uint64_t *pos);
	/* POLL* that hold; s: put it on the queues, for when they change. */
	uint32_t (*poll)(struct file *f, struct seat *s);
	/* Grows when something happens (edge-triggered epoll). */
	uint32_t (*seq)(const struct file *f);
	/* arg and data: the request's. */
	int64_t (*ioctl)(struct file *f, uint32_t cmd, uint64_t arg,
	    uint8_t *data);
	void (*close)(struct file *f);	/* the last one */
	bool seeks;
};

struct file {
	const struct file_ops *ops;
	uint32_t refs, flags;		/* O_*; the access mode in them */
	uint64_t offset;
	struct inode *inode;		/* held; NULL: a pipe's, eventfd's.. */
	union {
		struct pipe *pipe;
		struct event *event;
		struct epoll *epoll;
		struct timer *timer;
		struct sock *sock;
		struct tty *tty;
		uint64_t mask;		/* a signalfd's */
	};
	struct epoll_item *items;	/* that watch it */
	bool locks;			/* may hold some */
};

static inline bool
file_reads(const struct file *f)
{
	return (f->flags & (L_O_ACCMODE | L_O_PATH)) == L_O_RDONLY ||
	    (f->flags & (L_O_ACCMODE | L_O_PATH)) == L_O_RDWR;
}

static inline bool
file_writes(const struct file *f)
{
	return (f->flags & (L_O_ACCMODE | L_O_PATH)) == L_O_WRONLY ||
	    (f->flags & (L_O_ACCMODE | L_O_PATH)) == L_O_RDWR;
}

/* refs 1; NULL: no room. */
struct file *file_new(const struct file_ops *ops, uint32_t flags);
void file_put(struct file *f);
/* -CM_WAIT and `here' on the queue, -EAGAIN, -ENOMEM. */
int64_t file_block(struct file *f, struct waitq *q);
uint32_t file_count(void);

/* An inode, opened with those flags (and OPEN_MADE: just made, so whatever its
 * mode): the file, or -errno, -CM_WAIT. */
#define OPEN_MADE	(1u << 31)
int64_t file_open(struct inode *ip, uint32_t flags, struct file **out);

extern const struct file_ops inode_ops, path_ops;

/* ---- pipe.c */
int64_t pipe_make(uint32_t flags, struct file **r, struct file **w);
int64_t fifo_open(struct inode *ip, uint32_t flags, struct file **out);
int64_t pipe_parts(struct file *f, const uint8_t *from, size_t n,
    uint64_t parts);
int64_t pipe_fcntl(struct file *f, uint32_t cmd, uint64_t arg);
/*
 * f's pipe, which is empty, is tapped by who has just asked for n bytes of it
 * by that descriptor, if nobody else waits for it (CM_READ, deliver); it is not
 * any more: whatever f is; the seat goes.
 */
void pipe_tap(struct file *f, uint32_t fd, size_t n);
void pipe_untap(struct file *f);
void pipe_forget(struct seat *s);
uint32_t pipe_count(void);
extern const struct file_ops pipe_ops;

/* ---- dev.c: character devices */
int64_t dev_open(struct inode *ip, uint32_t flags, struct file **out);
int64_t dev_init(void);
#define DEV(major, minor)	((major) << 8 | (minor))

/* ---- synth.c: /proc and /exo */
int64_t synth_init(void);
/* A descriptor that is opened again by its name there: the file, or NULL. */
struct file *synth_file(struct inode *ip);

/* ---- tty.c */
extern const struct file_ops tty_ops;

/* ---- event.c */
int64_t event_make(uint64_t initial, uint32_t flags, struct file **out);
int64_t epoll_make(uint32_t flags, struct file **out);
int64_t epoll_ctl(struct file *ep, uint32_t op, uint32_t fd, struct file *f,
    const struct l_epoll_event *ev);
int64_t epoll_wait(struct file *ep, uint32_t max, bool wait,
    struct l_epoll_event *out);
void epoll_forget(struct file *f);	/* it is closed */
bool file_is_epoll(const struct file *f);

/* ---- sock.c */
bool file_is_sock(const struct file *f);

/* ---- lock.c: advisory locks */
int64_t lock_fcntl(struct file *f, uint32_t cmd, struct l_flock *l);
int64_t lock_flock(struct file *f, uint32_t op);
void lock_closed(struct file *f, struct proc *p);	/* p closed one */
void lock_file_end(struct file *f);
uint32_t lock_count(void);

#endif
