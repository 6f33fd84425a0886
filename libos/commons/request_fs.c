/*
 * request_fs.c - requests about files by name.
 */
#include <castor/string.h>

#include "cred.h"
#include "request.h"
#include "world.h"

#define PAGES_AT_ONCE	32u		/* FILE_PAGES: kernel calls for each */

/* ---- from the window to an inode */

/* Where a path begins that does not begin at the root. */
static int64_t
base_of(struct proc *p, uint64_t dirfd, struct inode **out)
{
	struct file *f;

	*out = p->cwd;
	if ((int32_t)dirfd == CM_AT_CWD)
		return 0;
	f = fd_get(p, dirfd);
	if (f == NULL)
		return -L_EBADF;
	*out = f->inode;
	return f->inode == NULL ? -L_ENOTDIR : 0;
}

/* The path of len bytes at data[at]. */
static int64_t
walk_at(struct seat *s, uint64_t dirfd, uint32_t at, uint64_t len,
    uint32_t flags, struct walk *w)
{
	char path[CM_PATH_MAX + 1];
	struct inode *base;
	int64_t r;

	if (len > CM_PATH_MAX)
		return -L_ENAMETOOLONG;
	memcpy(path, s->win->data + at, len);
	if (len > 0 && path[0] == '/') {
		base = fs_root;
	} else {
		r = base_of(s->proc, dirfd, &base);
		if (r != 0)
			return r;
	}
	return fs_walk(base, path, len, flags, w);
}

/*
 * What a path, or with AT_EMPTY_PATH (or `bare') and no path a descriptor,
 * means: an inode, or with a file that has none *f alone.
 */
static int64_t
target(struct seat *s, uint64_t dirfd, uint64_t len, uint64_t flags,
    bool bare, struct inode **ip, struct file **f)
{
	struct walk w;
	int64_t r;

	*f = NULL;
	if (len == 0 && (bare || (flags & L_AT_EMPTY_PATH))) {
		*ip = s->proc->cwd;
		if ((int32_t)dirfd == CM_AT_CWD)
			return 0;
		*f = fd_get(s->proc, dirfd);
		*ip = *f == NULL ? NULL : (*f)->inode;
		return *f == NULL ? -L_EBADF : 0;
	}
	r = walk_at(s, dirfd, 0, len, flags & L_AT_SYMLINK_NOFOLLOW ?
	    WALK_NOFOLLOW : 0, &w);
	*ip = r == 0 ? w.inode : NULL;
	return r;
}

/* The same, where only an inode will do. */
static int64_t
target_inode(struct seat *s, uint64_t dirfd, uint64_t len, uint64_t flags,
    bool bare, struct inode **ip)
{
	struct file *f;
	int64_t r = target(s, dirfd, len, flags, bare, ip, &f);

	return r == 0 && *ip == NULL ? -L_EINVAL : r;
}

/* ---- opening */

/* O_CREAT: it may be there, or is made. */
static int64_t
open_create(struct seat *s, struct walk *w, uint64_t *flags, uint64_t mode)
{
	if (w->inode != NULL && (*flags & L_O_EXCL))
		return -L_EEXIST;
	if (w->inode != NULL)
		return IS_DIR(w->inode) ? -L_EISDIR : 0;
	if (w->slash)
		return -L_EISDIR;
	*flags |= OPEN_MADE;
	return fs_create(w, L_S_IFREG | ((uint32_t)mode & 07777 &
	    ~s->proc->umask), &w->inode);
}

REQUEST(OPEN)
{
	uint32_t how = 0;
	struct walk w;
	struct file *f;
	int64_t r = fd_room(s->proc, 1);

	if (r != 0)
		return r;
	if (c & L_O_PATH)
		c &= ~(uint64_t)(L_O_CREAT | L_O_EXCL | L_O_TRUNC);
	if (c & L_O_CREAT)
		how |= WALK_MISSING;
	if ((c & L_O_NOFOLLOW) || ((c & L_O_CREAT) && (c & L_O_EXCL)))
		how |= WALK_NOFOLLOW;
	c &= INT32_MAX;
	if ((c & L_O_CREAT) && (c & L_O_DIRECTORY))
		return -L_EINVAL;
	r = walk_at(s, a, 0, b, how, &w);
	if (r == 0 && (c & L_O_CREAT))
		r = open_create(s, &w, &c, d);
	if (r == 0)
		r = file_open(w.inode, (uint32_t)c, &f);
	if (r != 0)
		return r;
	r = fd_add(s->proc, f, 0, (c & L_O_CLOEXEC) != 0);
	if (r < 0)
		file_put(f);
	return r;
}

REQUEST(MKNOD)
{
	uint32_t type = (uint32_t)c & L_S_IFMT;
	struct inode *ip;
	struct walk w;
	int64_t r;

	if (type == 0)
		type = L_S_IFREG;
	if (type != L_S_IFREG && type != L_S_IFIFO && type != L_S_IFDIR &&
	    type != L_S_IFSOCK)
		return -L_EPERM;
	r = walk_at(s, a, 0, b, WALK_MISSING | WALK_NOFOLLOW, &w);
	return r != 0 ? r : fs_create(&w, type | ((uint32_t)c & 07777 &
	    ~s->proc->umask), &ip);
}

/* ---- looking */

REQUEST(STAT)
{
	struct l_stat st;
	struct inode *ip;
	struct file *f;
	int64_t r = target(s, a, b, c, false, &ip, &f);

	if (r != 0)
		return r;
	if (ip != NULL)
		fs_stat(ip, &st);
	else
		st = (struct l_stat){ .dev = 2, .ino = 1, .nlink = 1,
		    .blksize = 4096, .mode = f->ops == &pipe_ops ?
		    L_S_IFIFO | 0600 : file_is_sock(f) ?
		    L_S_IFSOCK | 0777 : 0600 };
	memcpy(s->win->data, &st, sizeof(st));
	return 0;
}

#define PROC_MAGIC	0x9fa0

REQUEST(STATFS)
{
	struct l_statfs st;
	struct inode *ip;
	struct file *f;
	int64_t r = target(s, a, b, 0, true, &ip, &f);

	if (r != 0)
		return r;
	fs_statfs(&st);
	if (ip != NULL && ip->synth != NULL) {
		st.type = PROC_MAGIC;
		st.blocks = st.bfree = st.bavail = 0;
	}
	memcpy(s->win->data, &st, sizeof(st));
	return 0;
}

REQUEST(GETDENTS)
{
	struct file *f = fd_get(s->proc, a);

	if (f == NULL || !file_reads(f))
		return -L_EBADF;
	if (f->inode == NULL || !IS_DIR(f->inode))
		return -L_ENOTDIR;
	if (b > CM_DATA)
		return -L_EFAULT;
	if (f->inode->nlink == 0 && f->inode->synth == NULL)
		return -L_ENOENT;
	return fs_dents(f->inode, &f->offset, s->win->data, b);
}

REQUEST(ACCESS)
{
	struct inode *ip;
	struct file *f;
	int64_t r = target(s, a, b, d, false, &ip, &f);

	if (c > 7)
		return -L_EINVAL;
	if (r != 0 || ip == NULL || c == 0)
		return r;
	return d & L_AT_EACCESS ? cred_may(ip, (uint32_t)c) :
	    cred_may_really(ip, (uint32_t)c);
}

REQUEST(READLINK)
{
	struct inode *ip;
	int64_t r;

	r = target_inode(s, a, b, L_AT_SYMLINK_NOFOLLOW, true, &ip);
	if (r == 0 && b == 0 && !IS_LNK(ip))
		r = -L_ENOENT;
	return r != 0 ? r : fs_readlink(ip, (char *)s->win->data, CM_DATA);
}

/* ---- names */

REQUEST(UNLINK)
{
	struct walk w;
	int64_t r = walk_at(s, a, 0, b, WALK_NOFOLLOW, &w);

	if ((c & ~(uint64_t)L_AT_REMOVEDIR) != 0)
		return -L_EINVAL;
	return r != 0 ? r : fs_unlink(&w, (c & L_AT_REMOVEDIR) != 0);
}

REQUEST(LINK)
{
	struct inode *ip;
	struct walk w;
	int64_t r = target_inode(s, a, (uint32_t)b, d & L_AT_SYMLINK_FOLLOW ?
	    d : d | L_AT_SYMLINK_NOFOLLOW, false, &ip);

	if (r != 0)
		return r;
	r = walk_at(s, c, CM_SECOND, b >> 32, WALK_MISSING | WALK_NOFOLLOW,
	    &w);
	return r != 0 ? r : fs_link(ip, &w);
}

REQUEST(RENAME)
{
	struct walk from, to;
	int64_t r;

	if ((d & ~(uint64_t)(L_RENAME_NOREPLACE | L_RENAME_EXCHANGE)) != 0 ||
	    d == (L_RENAME_NOREPLACE | L_RENAME_EXCHANGE))
		return -L_EINVAL;
	r = walk_at(s, a, 0, (uint32_t)b, WALK_MISSING | WALK_NOFOLLOW, &from);
	if (r == 0)
		r = walk_at(s, c, CM_SECOND, b >> 32,
		    WALK_MISSING | WALK_NOFOLLOW, &to);
	return r != 0 ? r : fs_rename(&from, &to, (uint32_t)d);
}

REQUEST(SYMLINK)
{
	char text[CM_PATH_MAX];
	uint32_t len = (uint32_t)b;
	struct walk w;
	int64_t r;

	if (len == 0)
		return -L_ENOENT;
	if (len > CM_PATH_MAX)
		return -L_ENAMETOOLONG;
	memcpy(text, s->win->data, len);
	r = walk_at(s, a, CM_SECOND, b >> 32, WALK_MISSING | WALK_NOFOLLOW,
	    &w);
	return r != 0 ? r : fs_symlink(&w, text, len);
}

/* ---- what an inode is like */

REQUEST(TRUNCATE)
{
	struct inode *ip;
	struct file *f;
	int64_t r = target(s, a, b, 0, true, &ip, &f);

	if (r != 0)
		return r;
	if (f != NULL && (f->flags & L_O_PATH))
		return -L_EBADF;
	if ((int64_t)c < 0 || ip == NULL || (f != NULL && !file_writes(f)))
		return -L_EINVAL;
	if (IS_DIR(ip))
		return -L_EISDIR;
	if (!IS_REG(ip) || ip->synth != NULL)
		return -L_EINVAL;
	r = f == NULL ? cred_may(ip, MAY_WRITE) : 0;
	if (r == 0 && c > ip->size &&
	    c > process_of(s)->limit[L_RLIMIT_FSIZE][0]) {
		proc_signal(process_of(s), L_SIGXFSZ, L_SI_KERNEL, 0, 0);
		r = -L_EFBIG;
	}
	return r != 0 ? r : fs_truncate(ip, c);
}

REQUEST(CHMOD)
{
	struct inode *ip;
	int64_t r = target_inode(s, a, b, d, false, &ip);

	if (r != 0)
		return r;
	if (ip->synth != NULL || !cred_owns(ip))
		return -L_EPERM;
	if (!IS_LNK(ip))
		ip->mode = (ip->mode & L_S_IFMT) | ((uint32_t)c & 07777);
	if (!cred_is_root(cred_now()) && !cred_in_group(cred_now(), ip->gid))
		ip->mode &= ~L_S_ISGID;
	ip->ctime = world_time();
	return 0;
}

/* A file is given away by root; its owner may let a group of his have it. */
static bool
may_chown(const struct inode *ip, uint32_t uid, uint32_t gid)
{
	const struct cm_cred *c = cred_now();

	if (c->fsuid == 0)
		return true;
	return c->fsuid == ip->uid && (uid == ~0u || uid == ip->uid) &&
	    (gid == ~0u || gid == ip->gid || cred_in_group(c, gid));
}

REQUEST(CHOWN)
{
	struct inode *ip;
	int64_t r = target_inode(s, a, b, d, false, &ip);

	if (r != 0)
		return r;
	if (ip->synth != NULL || !may_chown(ip, (uint32_t)c,
	    (uint32_t)(c >> 32)))
		return -L_EPERM;
	if (!IS_DIR(ip) && (ip->mode & 0111))
		ip->mode &= ~(L_S_ISUID | L_S_ISGID);
	if ((uint32_t)c != ~0u)
		ip->uid = (uint32_t)c;
	if ((uint32_t)(c >> 32) != ~0u)
		ip->gid = (uint32_t)(c >> 32);
	ip->ctime = world_time();
	return 0;
}

/* One of two times: false, it is none. */
static bool
time_set(uint64_t *time, const struct l_timespec *t)
{
	if (t->nsec == L_UTIME_OMIT)
		return true;
	if (t->nsec == L_UTIME_NOW) {
		*time = world_time();
		return true;
	}
	if (t->nsec < 0 || t->nsec > 999999999 || t->sec < 0 ||
	    t->sec > 9000000000)
		return false;
	*time = (uint64_t)t->sec * 1000000000 + (uint64_t)t->nsec;
	return true;
}

REQUEST(UTIMENS)
{
	struct l_timespec t[2];
	uint64_t atime, mtime;
	struct inode *ip;
	int64_t r = target_inode(s, a, b, c, true, &ip);

	memcpy(t, s->win->data + CM_SECOND, sizeof(t));
	if (r != 0)
		return r;
	if (ip->synth != NULL)
		return -L_EPERM;
	if (!cred_owns(ip) && !(t[0].nsec == L_UTIME_NOW &&
	    t[1].nsec == L_UTIME_NOW && cred_may(ip, MAY_WRITE) == 0))
		return -L_EPERM;
	atime = ip->atime;
	mtime = ip->mtime;
	if (!time_set(&atime, &t[0]) || !time_set(&mtime, &t[1]))
		return -L_EINVAL;
	ip->atime = atime;
	ip->mtime = mtime;
	ip->ctime = world_time();
	return 0;
}

REQUEST(SYNC)
{
	return fd_get(s->proc, a) == NULL ? -L_EBADF : 0;
}

/* ---- where a process is */

REQUEST(CHDIR)
{
	struct inode *ip;
	int64_t r = target_inode(s, a, b, 0, true, &ip);

	if (r != 0)
		return r == -L_EINVAL ? -L_ENOTDIR : r;
	if (!IS_DIR(ip))
		return -L_ENOTDIR;
	r = cred_may(ip, MAY_EXEC);
	if (r != 0)
		return r;
	inode_hold(ip);
	inode_put(s->proc->cwd);
	s->proc->cwd = ip;
	return 0;
}

REQUEST(GETCWD)
{
	char path[CM_DATA];
	int64_t n = fs_path(s->proc->cwd, path, sizeof(path) - 1);

	if (n < 0)
		return n;
	path[n++] = '\0';
	memcpy(s->win->data, path, (size_t)n);
	return n;
}

REQUEST(UMASK)
{
	uint32_t old = s->proc->umask;

	s->proc->umask = (uint32_t)a & 0777;
	return old;
}

/* ---- mapping */

static uint64_t keys;			/* of files whose pages were lent */

static int64_t
lendable(struct seat *s, uint64_t fd, struct file **out)
{
	struct file *f = fd_get(s->proc, fd);

	*out = f;
	if (f == NULL || (f->flags & L_O_PATH))
		return -L_EBADF;
	if (f->inode == NULL || !IS_REG(f->inode) ||
	    f->inode->synth != NULL)
		return -L_ENODEV;
	return file_reads(f) ? 0 : -L_EACCES;
}

REQUEST(FILE_CAP)
{
	struct file *f;
	int64_t r = lendable(s, a, &f);

	if (r != 0)
		return r;
	if ((c & L_PROT_WRITE) && (!file_writes(f) || (c & L_PROT_EXEC)))
		return -L_EACCES;
	if (f->inode->file.key == 0)
		f->inode->file.key = ++keys;
	r = world_lend(f->inode->file.key, s, b, (uint32_t)c);
	if (r != 0)
		return r;
	f->inode->lent = true;
	if (c & L_PROT_EXEC)
		f->inode->text = true;
	return 0;
}

REQUEST(FILE_PAGES)
{
	struct inode *ip;
	struct file *f;
	uint32_t ppns[PAGES_AT_ONCE], n = 0;
	int64_t r = lendable(s, a, &f);

	if (r != 0)
		return r;
	ip = f->inode;
	if (!ip->lent)
		return -L_EACCES;
	if (c > PAGES_AT_ONCE)
		c = PAGES_AT_ONCE;
	for (; n < c && b < FS_PAGES_MAX && (b + n) * WORLD_PAGE < ip->size;
	    n++) {
		uint8_t *page = fs_page(ip, b + n);

		ppns[n] = page == NULL ? 0 :
		    world_frame(page, ip->file.key, ip->text);
		if (ppns[n] == 0)
			break;
	}
	if (n == 0 && c > 0 && b < FS_PAGES_MAX && b * WORLD_PAGE < ip->size)
		return -L_ENOSPC;
	memcpy(s->win->data, ppns, n * sizeof(ppns[0]));
	return n;
}
