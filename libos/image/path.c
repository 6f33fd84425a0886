/*
 * path.c - calls that name files.
 *
 * A path is copied into the window once.  Empty ones name nothing, unless
 * AT_EMPTY_PATH says: what dirfd is.
 */
#include <castor/string.h>

#include "wait.h"

#define CWD		((uint64_t)CM_AT_CWD)
#define O_CLOEXEC	02000000ul
#define STAT_SIZE	144u
#define STATFS_SIZE	120u
#define AT_SYMLINK_NOFOLLOW	0x100ul
#define AT_REMOVEDIR		0x200ul
#define AT_EMPTY_PATH		0x1000ul
#define O_WRONLY	01ul
#define O_CREAT		0100ul
#define O_TRUNC		01000ul
#define S_IFMT		0170000u
#define S_IFDIR		0040000u
#define S_IFREG		0100000u

/* dirfd is an int, wherever the upper half comes from. */
static uint64_t
dir(uint64_t fd)
{
	return (uint64_t)(int64_t)(int32_t)fd;
}

/* The path at an offset of the data: its length, or -errno. */
static long
path_put(uint64_t path, uint32_t at, bool may_be_empty)
{
	char *data = (char *)my_window()->data + at;
	long n = user_string(data, path, CM_PATH_MAX + 1);

	if (n >= (long)CM_PATH_MAX + 1)
		return -ENAMETOOLONG;
	return n == 0 && !may_be_empty ? -ENOENT : n;
}

/* op(dirfd, len, c, d) */
static long
path_ask(uint64_t op, uint64_t fd, uint64_t path, uint64_t c, uint64_t d)
{
	long n = path_put(path, 0, false);

	return n < 0 ? n : ask(op, dir(fd), (uint64_t)n, c, d);
}

/* The same, where flags may let the path be empty. */
static long
path_ask_flags(uint64_t op, uint64_t fd, uint64_t path, uint64_t c,
    uint64_t flags)
{
	long n = path_put(path, 0, (flags & AT_EMPTY_PATH) != 0);

	return n < 0 ? n : ask(op, dir(fd), (uint64_t)n, c, flags);
}

/* op(dirfd, len | len2 << 32, dirfd2, flags) */
static long
path_ask_two(uint64_t op, uint64_t fd, uint64_t path, uint64_t fd2,
    uint64_t path2, uint64_t flags)
{
	long n = path_put(path, 0, (flags & AT_EMPTY_PATH) != 0), n2;

	if (n < 0)
		return n;
	n2 = path_put(path2, CM_SECOND, false);
	return n2 < 0 ? n2 : ask(op, dir(fd),
	    (uint64_t)n | (uint64_t)n2 << 32, dir(fd2), flags);
}

static long
out(long r, uint64_t to, uint64_t n)
{
	return r < 0 ? r : user_write(to, my_window()->data, n);
}

/* ---- opening */

/* What the commons can't know of this process is filled in here. */
static long
open_own(long fd, const char *path, uint64_t flags)
{
	long own_fd;

	if (fd < 0 || !maps_is(path))
		return fd;
	own_fd = maps_make();
	if (own_fd < 0)
		return fd;
	fd = commons(CM_DUP, (uint64_t)own_fd, (uint64_t)fd, CM_DUP_TO |
	    (flags & O_CLOEXEC), 0);
	(void)commons(CM_CLOSE, (uint64_t)own_fd, 0, 0, 0);
	return fd;
}

long
call_openat(uint64_t fd, uint64_t path, uint64_t flags, uint64_t mode)
{
	char start[MAPS_NAME] = { 0 };
	long n = path_put(path, 0, false);

	if (n < 0)
		return n;
	if (n < (long)sizeof(start))
		memcpy(start, my_window()->data, (uint64_t)n);
	return open_own(ask(CM_OPEN, dir(fd), (uint64_t)n, flags, mode), start,
	    flags);
}

long
call_open(uint64_t path, uint64_t flags, uint64_t mode)
{
	return call_openat(CWD, path, flags, mode);
}

/* struct open_how: flags, mode, and how to look the name up, which is as ever. */
long
call_openat2(uint64_t fd, uint64_t path, uint64_t from, uint64_t size)
{
	uint64_t how[3];
	long r;

	if (size < sizeof(how))
		return -EINVAL;
	r = user_read(how, from, sizeof(how));
	if (r < 0 || how[2] != 0)
		return r < 0 ? r : -EINVAL;
	return call_openat(fd, path, how[0], how[1]);
}

long
call_creat(uint64_t path, uint64_t mode)
{
	return call_openat(CWD, path, O_CREAT | O_TRUNC | O_WRONLY, mode);
}

/* ---- asking */

long
call_newfstatat(uint64_t fd, uint64_t path, uint64_t to, uint64_t flags)
{
	long n = path_put(path, 0, (flags & AT_EMPTY_PATH) != 0);

	return n < 0 ? n : out(ask(CM_STAT, dir(fd), (uint64_t)n, flags, 0),
	    to, STAT_SIZE);
}

long
call_stat(uint64_t path, uint64_t to)
{
	return call_newfstatat(CWD, path, to, 0);
}

long
call_lstat(uint64_t path, uint64_t to)
{
	return call_newfstatat(CWD, path, to, AT_SYMLINK_NOFOLLOW);
}

long
call_fstat(uint64_t fd, uint64_t to)
{
	return out(ask(CM_STAT, dir(fd), 0, AT_EMPTY_PATH, 0), to, STAT_SIZE);
}

/* struct stat in the window becomes struct statx. */
static long
statx_put(uint64_t to)
{
	const uint64_t *s = (const uint64_t *)my_window()->data;
	struct statx x = {
		.mask = 0x7ff, .blksize = (uint32_t)s[7],
		.nlink = (uint32_t)s[2], .uid = (uint32_t)(s[3] >> 32),
		.gid = (uint32_t)s[4], .mode = (uint16_t)s[3], .ino = s[1],
		.size = s[6], .blocks = s[8],
		.rdev_major = (uint32_t)(s[5] >> 8 & 0xfff),
		.rdev_minor = (uint32_t)(s[5] & 0xff),
		.dev_major = (uint32_t)(s[0] >> 8 & 0xfff),
		.dev_minor = (uint32_t)(s[0] & 0xff),
	};
	for (uint32_t i = 0; i < 3; i++) {	/* atime, mtime, ctime */
		struct statx_time *t = i == 0 ? &x.atime : i == 1 ? &x.mtime :
		    &x.ctime;

		t->sec = (int64_t)s[9 + 2 * i];
		t->nsec = (uint32_t)s[10 + 2 * i];
	}
	return user_write(to, &x, sizeof(x));
}

long
call_statx(uint64_t fd, uint64_t path, uint64_t flags, uint64_t mask,
    uint64_t to)
{
	long n = path_put(path, 0, (flags & AT_EMPTY_PATH) != 0), r;

	(void)mask;
	r = n < 0 ? n : ask(CM_STAT, dir(fd), (uint64_t)n,
	    flags & (AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW), 0);
	return r < 0 ? r : statx_put(to);
}

long
call_statfs(uint64_t path, uint64_t to)
{
	return out(path_ask(CM_STATFS, CWD, path, 0, 0), to, STATFS_SIZE);
}

long
call_fstatfs(uint64_t fd, uint64_t to)
{
	return out(ask(CM_STATFS, dir(fd), 0, 0, 0), to, STATFS_SIZE);
}

long
call_faccessat2(uint64_t fd, uint64_t path, uint64_t mode, uint64_t flags)
{
	return path_ask_flags(CM_ACCESS, fd, path, mode, flags);
}

long
call_faccessat(uint64_t fd, uint64_t path, uint64_t mode)
{
	return path_ask(CM_ACCESS, fd, path, mode, 0);
}

long
call_access(uint64_t path, uint64_t mode)
{
	return path_ask(CM_ACCESS, CWD, path, mode, 0);
}

long
call_readlinkat(uint64_t fd, uint64_t path, uint64_t to, uint64_t n)
{
	long len = path_put(path, 0, true), r;

	if (len < 0)
		return len;
	if ((int64_t)n <= 0)
		return -EINVAL;
	r = ask(CM_READLINK, dir(fd), (uint64_t)len, 0, 0);
	if (r > (long)n)
		r = (long)n;
	len = r < 0 ? r : user_write(to, my_window()->data, (uint64_t)r);
	return len < 0 ? len : r;
}

long
call_readlink(uint64_t path, uint64_t to, uint64_t n)
{
	return call_readlinkat(CWD, path, to, n);
}

long
call_getdents64(uint64_t fd, uint64_t to, uint64_t n)
{
	long r = ask(CM_GETDENTS, fd, n < CM_DATA ? n : CM_DATA, 0, 0), e;

	e = r < 0 ? r : user_write(to, my_window()->data, (uint64_t)r);
	return e < 0 ? e : r;
}

/* ---- changing */

long
call_mknodat(uint64_t fd, uint64_t path, uint64_t mode)
{
	return path_ask(CM_MKNOD, fd, path, mode & S_IFMT ? mode :
	    mode | S_IFREG, 0);
}

long
call_mknod(uint64_t path, uint64_t mode)
{
	return call_mknodat(CWD, path, mode);
}

long
call_mkdirat(uint64_t fd, uint64_t path, uint64_t mode)
{
	return path_ask(CM_MKNOD, fd, path, (mode & 07777) | S_IFDIR, 0);
}

long
call_mkdir(uint64_t path, uint64_t mode)
{
	return call_mkdirat(CWD, path, mode);
}

long
call_unlinkat(uint64_t fd, uint64_t path, uint64_t flags)
{
	return path_ask(CM_UNLINK, fd, path, flags, 0);
}

long
call_unlink(uint64_t path)
{
	return call_unlinkat(CWD, path, 0);
}

long
call_rmdir(uint64_t path)
{
	return call_unlinkat(CWD, path, AT_REMOVEDIR);
}

long
call_linkat(uint64_t fd, uint64_t path, uint64_t fd2, uint64_t path2,
    uint64_t flags)
{
	return path_ask_two(CM_LINK, fd, path, fd2, path2, flags);
}

long
call_link(uint64_t path, uint64_t path2)
{
	return call_linkat(CWD, path, CWD, path2, 0);
}

/* (RENAME_WHITEOUT is AT_EMPTY_PATH's neighbour; neither is passed on.) */
long
call_renameat2(uint64_t fd, uint64_t path, uint64_t fd2, uint64_t path2,
    uint64_t flags)
{
	return flags & ~3ul ? -EINVAL :
	    path_ask_two(CM_RENAME, fd, path, fd2, path2, flags);
}

long
call_renameat(uint64_t fd, uint64_t path, uint64_t fd2, uint64_t path2)
{
	return path_ask_two(CM_RENAME, fd, path, fd2, path2, 0);
}

long
call_rename(uint64_t path, uint64_t path2)
{
	return call_renameat(CWD, path, CWD, path2);
}

long
call_symlinkat(uint64_t path, uint64_t fd, uint64_t path2)
{
	long n = path_put(path, 0, false), n2;

	if (n < 0)
		return n;
	n2 = path_put(path2, CM_SECOND, false);
	return n2 < 0 ? n2 : ask(CM_SYMLINK, dir(fd),
	    (uint64_t)n | (uint64_t)n2 << 32, 0, 0);
}

long
call_symlink(uint64_t path, uint64_t path2)
{
	return call_symlinkat(path, CWD, path2);
}

long
call_truncate(uint64_t path, uint64_t size)
{
	return path_ask(CM_TRUNCATE, CWD, path, size, 0);
}

long
call_ftruncate(uint64_t fd, uint64_t size)
{
	return ask(CM_TRUNCATE, dir(fd), 0, size, 0);
}

long
call_fchmodat(uint64_t fd, uint64_t path, uint64_t mode)
{
	return path_ask(CM_CHMOD, fd, path, mode, 0);
}

long
call_chmod(uint64_t path, uint64_t mode)
{
	return call_fchmodat(CWD, path, mode);
}

long
call_fchmod(uint64_t fd, uint64_t mode)
{
	return ask(CM_CHMOD, dir(fd), 0, mode, AT_EMPTY_PATH);
}

static uint64_t
owner(uint64_t uid, uint64_t gid)
{
	return (uid & 0xffffffff) | gid << 32;
}

long
call_fchownat(uint64_t fd, uint64_t path, uint64_t uid, uint64_t gid,
    uint64_t flags)
{
	return path_ask_flags(CM_CHOWN, fd, path, owner(uid, gid), flags);
}

long
call_chown(uint64_t path, uint64_t uid, uint64_t gid)
{
	return call_fchownat(CWD, path, uid, gid, 0);
}

long
call_lchown(uint64_t path, uint64_t uid, uint64_t gid)
{
	return call_fchownat(CWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long
call_fchown(uint64_t fd, uint64_t uid, uint64_t gid)
{
	return ask(CM_CHOWN, dir(fd), 0, owner(uid, gid), AT_EMPTY_PATH);
}

/* ---- times: struct timespec[2] at data[CM_SECOND] */

#define UTIME_NOW	0x3fffffffl

static struct timespec *
times_data(void)
{
	return (struct timespec *)(my_window()->data + CM_SECOND);
}

/* Times given as struct timeval[2], or none: now. */
static long
times_put(uint64_t from, bool micro)
{
	struct timespec *t = times_data();
	long r;

	if (from == 0) {
		t[0].nsec = t[1].nsec = UTIME_NOW;
		return 0;
	}
	r = user_read(t, from, 2 * sizeof(*t));
	for (uint32_t i = 0; micro && r == 0 && i < 2; i++) {
		if (t[i].nsec < 0 || t[i].nsec >= 1000000)
			return -EINVAL;
		t[i].nsec *= 1000;
	}
	return r;
}

static long
utimens(uint64_t fd, uint64_t path, uint64_t times, bool micro, uint64_t flags)
{
	long r = times_put(times, micro), n = 0;

	if (r == 0 && path != 0)
		n = path_put(path, 0, (flags & AT_EMPTY_PATH) != 0);
	if (path == 0)
		flags |= AT_EMPTY_PATH;
	if (n < 0)
		return n;
	return r < 0 ? r : ask(CM_UTIMENS, dir(fd), (uint64_t)n, flags, 0);
}

long
call_utimensat(uint64_t fd, uint64_t path, uint64_t times, uint64_t flags)
{
	return utimens(fd, path, times, false, flags);
}

long
call_futimesat(uint64_t fd, uint64_t path, uint64_t times)
{
	return utimens(fd, path, times, true, 0);
}

long
call_utimes(uint64_t path, uint64_t times)
{
	return path == 0 ? -EFAULT : utimens(CWD, path, times, true, 0);
}

long
call_utime(uint64_t path, uint64_t times)
{
	struct timespec *t = times_data();
	int64_t sec[2];
	long n, r = times == 0 ? times_put(0, false) :
	    user_read(sec, times, sizeof(sec));

	if (r < 0)
		return r;
	for (uint32_t i = 0; times != 0 && i < 2; i++)
		t[i] = (struct timespec){ sec[i], 0 };
	n = path_put(path, 0, false);
	return n < 0 ? n : ask(CM_UTIMENS, CWD, (uint64_t)n, 0, 0);
}

/* ---- where I am */

long
call_chdir(uint64_t path)
{
	return path_ask(CM_CHDIR, CWD, path, 0, 0);
}

long
call_fchdir(uint64_t fd)
{
	return ask(CM_CHDIR, dir(fd), 0, 0, 0);
}

long
call_getcwd(uint64_t to, uint64_t n)
{
	long r = ask(CM_GETCWD, 0, 0, 0, 0), e;

	if (r < 0)
		return r;
	if ((uint64_t)r > n)
		return -ERANGE;
	e = user_write(to, my_window()->data, (uint64_t)r);
	return e < 0 ? e : r;
}

long
call_umask(uint64_t mask)
{
	return ask(CM_UMASK, mask & 0777, 0, 0, 0);
}
