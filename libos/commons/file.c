/*
 * file.c - open files; regular files and directories.
 */
#include "file.h"

#include "cred.h"
#include "pool.h"
#include "proc.h"
#include "world.h"

#define FILES_MAX	12288u		/* no fewer than there can be
					 * descriptors, also on their way */

static struct pool files = POOL(struct file, FILES_MAX, false);

uint32_t
file_count(void)
{
	return files.used;
}

struct file *
file_new(const struct file_ops *ops, uint32_t flags)
{
	struct file *f = pool_get(&files);

	if (f == NULL)
		return NULL;
	f->ops = ops;
	f->refs = 1;
	f->flags = flags & ~(L_O_CREAT | L_O_EXCL | L_O_TRUNC | L_O_NOCTTY |
	    L_O_CLOEXEC | OPEN_MADE);
	return f;
}

void
file_put(struct file *f)
{
	if (--f->refs > 0)
		return;
	if (f->items != NULL)
		epoll_forget(f);
	if (f->locks)
		lock_file_end(f);
	if (f->ops->close != NULL)
		f->ops->close(f);
	if (f->inode != NULL)
		inode_put(f->inode);
	pool_put(&files, f);
}

int64_t
file_block(struct file *f, struct waitq *q)
{
	if (f->flags & L_O_NONBLOCK)
		return -L_EAGAIN;
	return wait_on(q, here) ? -CM_WAIT : -L_ENOMEM;
}

/* ---- what has an inode */

/* Would it end behind the last offset that there is? */
static bool
passes_end(uint64_t pos, size_t n)
{
	return n > (uint64_t)INT64_MAX - pos;
}

static int64_t
inode_file_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	int64_t r;

	if (IS_DIR(f->inode))
		return -L_EISDIR;
	if (passes_end(*pos, n))
		return -L_EINVAL;
	r = fs_read(f->inode, *pos, to, n);
	if (r > 0)
		*pos += (uint64_t)r;
	return r;
}

/* RLIMIT_FSIZE: how much of n bytes from pos on may be written. */
static int64_t
size_check(uint64_t pos, size_t n)
{
	uint64_t most = process_of(here)->limit[L_RLIMIT_FSIZE][0];

	if (n == 0 || most == L_RLIM_INFINITY || pos + n <= most)
		return (int64_t)n;
	if (pos < most)
		return (int64_t)(most - pos);
	proc_signal(process_of(here), L_SIGXFSZ, L_SI_KERNEL, 0, 0);
	return -L_EFBIG;
}

static int64_t
inode_file_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	int64_t r;

	if (passes_end(*pos, n))
		return -L_EINVAL;
	if (f->flags & L_O_APPEND)
		*pos = f->inode->size;
	r = size_check(*pos, n);
	if (r > 0)
		r = fs_write(f->inode, *pos, from, (size_t)r);
	if (r > 0)
		*pos += (uint64_t)r;
	return r;
}

static uint32_t
inode_file_poll(struct file *f, struct seat *s)
{
	(void)f;
	(void)s;
	return L_POLLIN | L_POLLRDNORM | L_POLLOUT | L_POLLWRNORM;
}

static uint32_t
inode_file_seq(const struct file *f)
{
	(void)f;
	return 0;
}

const struct file_ops inode_ops = {
	.read = inode_file_read, .write = inode_file_write,
	.poll = inode_file_poll, .seq = inode_file_seq, .seeks = true,
};

/* O_PATH: a name and nothing else; file_reads() and file_writes() are false. */
const struct file_ops path_ops = {
	.poll = inode_file_poll, .seq = inode_file_seq,
};

static int64_t
open_check(struct inode *ip, uint32_t flags)
{
	bool writes = (flags & L_O_ACCMODE) != L_O_RDONLY;

	if ((flags & L_O_ACCMODE) == L_O_ACCMODE)
		return -L_EINVAL;
	if (IS_LNK(ip))
		return -L_ELOOP;
	if (IS_SOCK(ip))
		return -L_ENXIO;
	if ((flags & L_O_DIRECTORY) && !IS_DIR(ip))
		return -L_ENOTDIR;
	if (IS_DIR(ip) && (writes || (flags & L_O_TRUNC)))
		return -L_EISDIR;
	if (ip->synth != NULL && IS_REG(ip) && writes)
		return -L_EACCES;
	if (flags & OPEN_MADE)
		return 0;
	return cred_may(ip, ((flags & L_O_ACCMODE) != L_O_WRONLY ? MAY_READ :
	    0) | (writes || (flags & L_O_TRUNC) ? MAY_WRITE : 0));
}

int64_t
file_open(struct inode *ip, uint32_t flags, struct file **out)
{
	int64_t r;

	if (flags & L_O_PATH) {
		r = (flags & L_O_DIRECTORY) && !IS_DIR(ip) ? -L_ENOTDIR : 0;
		flags &= L_O_PATH | L_O_DIRECTORY | L_O_NOFOLLOW;
	} else {
		r = open_check(ip, flags);
	}
	if (r != 0)
		return r;
	if (IS_FIFO(ip) && ip->synth != NULL) {
		*out = synth_file(ip);
		return *out == NULL ? -L_EACCES : 0;
	}
	if (IS_FIFO(ip) && !(flags & L_O_PATH))
		return fifo_open(ip, flags, out);
	if (IS_CHR(ip) && !(flags & L_O_PATH))
		return dev_open(ip, flags, out);
	if ((flags & L_O_TRUNC) && ip->synth == NULL) {
		r = fs_truncate(ip, 0);
		if (r != 0)
			return r;
	}
	*out = file_new(flags & L_O_PATH ? &path_ops : &inode_ops, flags);
	if (*out == NULL)
		return -L_ENFILE;
	(*out)->inode = ip;
	inode_hold(ip);
	return 0;
}
