/*
 * dev.c - character devices: /dev/null and its like; /dev holds them.
 */
#include "file.h"

#include <castor/string.h>

#include "tty.h"
#include "world.h"

enum {
	DEV_NULL = DEV(1, 3), DEV_ZERO = DEV(1, 5), DEV_FULL = DEV(1, 7),
	DEV_RANDOM = DEV(1, 8), DEV_URANDOM = DEV(1, 9), DEV_TTY = DEV(5, 0),
	DEV_CONSOLE = DEV(5, 1), DEV_PTMX = DEV(5, 2), DEV_PTS = DEV(136, 0),
	PTS_MASK = 0xff
};

static const struct {
	const char *path;
	uint32_t rdev, mode;
} nodes[] = {
	{ "dev/null", DEV_NULL, 0666 }, { "dev/zero", DEV_ZERO, 0666 },
	{ "dev/full", DEV_FULL, 0666 }, { "dev/random", DEV_RANDOM, 0666 },
	{ "dev/urandom", DEV_URANDOM, 0666 }, { "dev/tty", DEV_TTY, 0666 },
	{ "dev/console", DEV_CONSOLE, 0600 }, { "dev/ptmx", DEV_PTMX, 0666 },
};

static const char *const links[][2] = {
	{ "dev/fd", "/proc/self/fd" }, { "dev/stdin", "/proc/self/fd/0" },
	{ "dev/stdout", "/proc/self/fd/1" },
	{ "dev/stderr", "/proc/self/fd/2" },
};

static int64_t
dev_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	(void)pos;
	switch (f->inode->rdev) {
	case DEV_NULL:
		return 0;
	case DEV_ZERO:
	case DEV_FULL:
		memset(to, 0, n);
		return (int64_t)n;
	}
	world_random(to, n);
	return (int64_t)n;
}

static int64_t
dev_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	(void)from;
	(void)pos;
	return f->inode->rdev == DEV_FULL ? -L_ENOSPC : (int64_t)n;
}

static uint32_t
dev_poll(struct file *f, struct seat *s)
{
	(void)f;
	(void)s;
	return L_POLLIN | L_POLLRDNORM | L_POLLOUT | L_POLLWRNORM;
}

static uint32_t
dev_seq(const struct file *f)
{
	(void)f;
	return 0;
}

static const struct file_ops dev_ops = {
	.read = dev_read, .write = dev_write, .poll = dev_poll,
	.seq = dev_seq, .seeks = true,
};

int64_t
dev_open(struct inode *ip, uint32_t flags, struct file **out)
{
	int64_t r = 0;

	switch (ip->rdev >= DEV_PTS ? ip->rdev & ~PTS_MASK : ip->rdev) {
	case DEV_TTY:
		r = tty_open(NULL, flags, out);
		break;
	case DEV_CONSOLE:
		r = tty_open(&tty_console, flags, out);
		break;
	case DEV_PTMX:
		r = pty_make(flags, out);
		break;
	case DEV_PTS:
		r = pty_open(ip->rdev & PTS_MASK, flags, out);
		break;
	case DEV_NULL:
	case DEV_ZERO:
	case DEV_FULL:
	case DEV_RANDOM:
	case DEV_URANDOM:
		*out = file_new(&dev_ops, flags);
		break;
	default:
		return -L_ENXIO;
	}
	if (r != 0 || *out == NULL)
		return r != 0 ? r : -L_ENFILE;
	(*out)->inode = ip;
	inode_hold(ip);
	return 0;
}

static int64_t
node_make(const char *path, uint32_t mode, uint32_t rdev)
{
	struct inode *ip;
	struct walk w;
	int64_t r = fs_walk(fs_root, path, strlen(path), WALK_MISSING, &w);

	if (r == 0 && w.inode == NULL)
		r = fs_create(&w, mode, &ip);
	else
		return r;
	if (r == 0)
		ip->rdev = rdev;
	return r;
}

static int64_t
link_make(const char *path, const char *text)
{
	struct walk w;
	int64_t r = fs_walk(fs_root, path, strlen(path), WALK_MISSING |
	    WALK_NOFOLLOW, &w);

	return r != 0 || w.inode != NULL ? r :
	    fs_symlink(&w, text, strlen(text));
}

int64_t
dev_init(void)
{
	int64_t r = node_make("dev", L_S_IFDIR | 0755, 0);

	if (r == 0)
		r = node_make("dev/pts", L_S_IFDIR | 0755, 0);
	if (r == 0)
		r = node_make("tmp", L_S_IFDIR | 01777, 0);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]) && r == 0;
	    i++)
		r = node_make(nodes[i].path, L_S_IFCHR | nodes[i].mode,
		    nodes[i].rdev);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]) && r == 0;
	    i++)
		r = link_make(links[i][0], links[i][1]);
	return r;
}
