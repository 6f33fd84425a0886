/*
 * test_commons_fs.c - the memory file system: by hand, and against the file
 * system of this machine, which does the same by chance in a folder of its own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "commons.h"

/* ---- an archive */

static char cpio[8192];
static size_t cpio_len;

static void
cpio_add(const char *name, uint32_t mode, const char *data, size_t size)
{
	cpio_len += (size_t)sprintf(cpio + cpio_len,
	    "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
	    1, mode, 0, 0, 1, 0, (unsigned)size, 0, 0, 0, 0,
	    (unsigned)strlen(name) + 1, 0);
	memcpy(cpio + cpio_len, name, strlen(name) + 1);
	cpio_len += strlen(name) + 1;
	while (cpio_len % 4 != 0)
		cpio[cpio_len++] = '\0';
	memcpy(cpio + cpio_len, data, size);
	cpio_len += size;
	while (cpio_len % 4 != 0)
		cpio[cpio_len++] = '\0';
}

static struct stat
stat_of(const char *name)
{
	struct stat st = { 0 };

	if (ask(CM_STAT, CWD, path(name), L_AT_SYMLINK_NOFOLLOW, 0) == 0)
		memcpy(&st, me->win->data, sizeof(st));
	return st;
}

TEST(archive_becomes_files)
{
	char *exact;

	cpio_add("bin", 040755, "", 0);
	cpio_add("bin/hello", 0100755, "hello world", 11);
	cpio_add("bin/hi", 0120777, "hello", 5);
	cpio_add("nowhere/x", 0100644, "x", 1);
	cpio_add("bin/..", 0100644, "x", 1);
	cpio_add("bin/other", 0100755, "other", 5);
	cpio_add("empty", 0100644, "", 0);
	cpio_add("TRAILER!!!", 0, "", 0);
	exact = malloc(cpio_len);
	memcpy(exact, cpio, cpio_len);
	begin(exact, cpio_len);
	EQ(open_at("bin/hi", 0), 0);
	IS(got(0, 5), "hello");
	IS(got(0, 50), " world");
	IS(got(0, 50), "");
	EQ(stat_of("bin/hello").st_size, 11);
	EQ(stat_of("bin/hello").st_mode, 0100755);
	EQ(stat_of("empty").st_size, 0);
	EQ(open_at("nowhere/x", 0), -ENOENT);
}

TEST(first_write_copies_from_the_archive)
{
	uint64_t before = world_used;

	EQ(open_at("/bin/hello", O_RDWR), 1);
	EQ(ask(CM_SEEK, 1, 6, SEEK_SET, 0), 6);
	EQ(put(1, "there"), 5);
	EQ(world_used, before + 1);
	EQ(ask(CM_SEEK, 1, 0, SEEK_SET, 0), 0);
	IS(got(1, 100), "hello there");
	EQ(ask(CM_TRUNCATE, 1, 0, 3, 0), 0);
	EQ(ask(CM_TRUNCATE, 1, 0, 8, 0), 0);
	EQ(ask(CM_READ, 1, 100, 0, 0), 8);
	EQ(memcmp(me->win->data, "hel\0\0\0\0\0", 8), 0);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
}

TEST(holes_are_zero_and_cost_nothing)
{
	uint64_t before = world_used;

	EQ(open_at("/tmp/hole", O_RDWR | O_CREAT), 0);
	EQ(ask(CM_TRUNCATE, 0, 0, 1 << 30, 0), 0);
	EQ(world_used, before);
	me->win->data[0] = 'x';
	EQ(ask(CM_WRITE, 0, 1, 500000000, 0), 1);
	OK(world_used <= before + 3);
	me->win->data[0] = 'y';
	EQ(ask(CM_READ, 0, 2, 499999999, 0), 2);
	EQ(me->win->data[0], 0);
	EQ(me->win->data[1], 'x');
	EQ(ask(CM_SEEK, 0, 0, SEEK_DATA, 0), 500000000 & ~4095);
	EQ(ask(CM_SEEK, 0, 500000000, SEEK_HOLE, 0),
	    (500000000 & ~4095) + 4096);
	EQ(ask(CM_SEEK, 0, 600000000, SEEK_DATA, 0), -ENXIO);
	EQ(ask(CM_WRITE, 0, 1, FS_SIZE_MAX, 0), -EFBIG);
	EQ(ask(CM_WRITE, 0, 1, INT64_MAX - 1, 0), -EFBIG);
	EQ(ask(CM_WRITE, 0, 0, INT64_MAX, 0), 0);
	EQ(ask(CM_WRITE, 0, 1, INT64_MAX, 0), -EINVAL);
	EQ(ask(CM_READ, 0, 1, INT64_MAX - 1, 0), 0);
	EQ(ask(CM_READ, 0, 1, INT64_MAX, 0), -EINVAL);
	EQ(ask(CM_WRITE, 0, 2, FS_SIZE_MAX - 1, 0), 1);
	EQ(ask(CM_TRUNCATE, 0, 0, FS_SIZE_MAX + 1, 0), -EFBIG);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/hole"), 0, 0), 0);
	EQ(world_used, before);
}

TEST(full_means_enospc_and_then_is_well_again)
{
	uint64_t before = world_used + 1;	/* the archive's page stays */
	struct statfs st;
	int64_t r;

	EQ(open_at("/tmp/big", O_RDWR | O_CREAT), 0);
	world_limit = world_used + world_used / 7 + 60;
	do {
		r = ask(CM_WRITE, 0, CM_DATA, POS, 0);
	} while (r == CM_DATA);
	if (r > 0)
		r = ask(CM_WRITE, 0, CM_DATA, POS, 0);
	EQ(r, -ENOSPC);
	/* What the archive holds is still had. */
	EQ(ask(CM_STATFS, CWD, path("/"), 0, 0), 0);
	memcpy(&st, me->win->data, sizeof(st));
	EQ(st.f_bavail, 0);
	EQ(st.f_bfree, world_limit - world_used);
	EQ(ask(CM_STATFS, CWD, path("/proc"), 0, 0), 0);
	memcpy(&st, me->win->data, sizeof(st));
	EQ(st.f_blocks, 0);
	EQ(open_at("/bin/other", 0), 1);
	EQ(ask(CM_FILE_CAP, 1, 1, L_PROT_READ, 0), 0);
	EQ(ask(CM_FILE_PAGES, 1, 0, 1, 0), 1);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	EQ(ask(CM_TRUNCATE, 0, 0, 0, 0), 0);
	EQ(world_used, before);
	EQ(ask(CM_SEEK, 0, 0, SEEK_SET, 0), 0);
	EQ(put(0, "x"), 1);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/big"), 0, 0), 0);
	EQ(world_used, before);
	world_limit = 100000;
}

TEST(unlinked_files_live_while_open)
{
	uint64_t before = world_used;

	EQ(open_at("/tmp/u", O_RDWR | O_CREAT), 0);
	EQ(put(0, "still"), 5);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/u"), 0, 0), 0);
	EQ(open_at("/tmp/u", 0), -ENOENT);
	EQ(ask(CM_READ, 0, 5, 0, 0), 5);
	EQ(memcmp(me->win->data, "still", 5), 0);
	EQ(ask(CM_STAT, 0, 0, L_AT_EMPTY_PATH, 0), 0);
	EQ(((struct stat *)me->win->data)->st_nlink, 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(world_used, before);
}

TEST(links_go_in_circles_only_so_far)
{
	EQ(ask(CM_SYMLINK, CWD, paths("b", "/tmp/a"), 0, 0), 0);
	EQ(ask(CM_SYMLINK, CWD, paths("a", "/tmp/b"), 0, 0), 0);
	EQ(open_at("/tmp/a", 0), -ELOOP);
	EQ(open_at("/tmp/a/x", 0), -ELOOP);
	EQ(open_at("/tmp/a", O_NOFOLLOW), -ELOOP);
	EQ(ask(CM_READLINK, CWD, path("/tmp/a"), 0, 0), 1);
	EQ(me->win->data[0], 'b');
	EQ(ask(CM_UNLINK, CWD, path("/tmp/a"), 0, 0), 0);
	EQ(open_at("/tmp/b", O_CREAT | O_WRONLY), 0);
	EQ(stat_of("/tmp/a").st_mode & S_IFMT, S_IFREG);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/a"), 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/b"), 0, 0), 0);
}

TEST(paths_have_limits)
{
	static char name[3000];
	uint64_t len;

	memset(name, 'n', 256);
	EQ(open_at(name, O_CREAT), -ENAMETOOLONG);
	name[255] = '\0';
	EQ(open_at(name, O_CREAT | O_WRONLY), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path(name), 0, 0), 0);
	memset(name, '/', 2000);
	EQ(ask(CM_OPEN, CWD, 1792, 0, 0), -ENAMETOOLONG);
	EQ(ask(CM_OPEN, CWD, ~0ull, 0, 0), -ENAMETOOLONG);
	len = 1791;
	memset(me->win->data, '/', len);
	EQ(ask(CM_OPEN, CWD, len, 0, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_OPEN, CWD, 0, 0, 0), -ENOENT);
	memcpy(me->win->data, "/t\0p", 4);
	EQ(ask(CM_OPEN, CWD, 4, 0, 0), -ENOENT);
}

TEST(names_of_directories)
{
	EQ(ask(CM_MKNOD, CWD, path("/tmp/d"), 040777, 0), 0);
	EQ(ask(CM_MKNOD, CWD, path("/tmp/d/e/"), 040777, 0), 0);
	EQ(ask(CM_CHDIR, CWD, path("/tmp/d/e"), 0, 0), 0);
	EQ(ask(CM_GETCWD, 0, 0, 0, 0), 9);
	IS((char *)me->win->data, "/tmp/d/e");
	EQ(ask(CM_RENAME, CWD, paths("/tmp/d", "/tmp/f"), CWD, 0), 0);
	EQ(ask(CM_GETCWD, 0, 0, 0, 0), 9);
	IS((char *)me->win->data, "/tmp/f/e");
	EQ(ask(CM_RENAME, CWD, paths("/tmp/f", "/tmp/f/e/x"), CWD, 0),
	    -EINVAL);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/f/e"), L_AT_REMOVEDIR, 0), 0);
	EQ(ask(CM_GETCWD, 0, 0, 0, 0), -ENOENT);
	EQ(open_at("x", O_CREAT | O_WRONLY), -ENOENT);
	EQ(ask(CM_CHDIR, CWD, path(".."), 0, 0), 0);
	EQ(ask(CM_GETCWD, 0, 0, 0, 0), 7);
	EQ(ask(CM_CHDIR, CWD, path("/"), 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/f"), L_AT_REMOVEDIR, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/"), L_AT_REMOVEDIR, 0), -EBUSY);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/."), L_AT_REMOVEDIR, 0), -EINVAL);
}

TEST(devices_do_what_they_are_for)
{
	EQ(open_at("/dev/null", O_RDWR), 0);
	EQ(open_at("/dev/zero", O_RDWR), 1);
	EQ(open_at("/dev/full", O_RDWR), 2);
	EQ(open_at("/dev/urandom", O_RDONLY), 3);
	EQ(put(0, "x"), 1);
	EQ(ask(CM_READ, 0, 9, POS, 0), 0);
	EQ(ask(CM_READ, 1, CM_DATA, POS, 0), CM_DATA);
	EQ(me->win->data[CM_DATA - 1], 0);
	EQ(put(2, "x"), -ENOSPC);
	EQ(ask(CM_READ, 3, 16, POS, 0), 16);
	EQ(ask(CM_CLOSE_RANGE, 0, ~0u, 0, 0), 0);
	EQ(ask(CM_CLOSE, 3, 0, 0, 0), -EBADF);
	EQ(ask(CM_MKNOD, CWD, path("/tmp/c"), 020666, 0), -EPERM);
}

TEST(text_that_runs_is_not_written)
{
	EQ(open_at("/tmp/t", O_RDWR | O_CREAT), 0);
	EQ(put(0, "text"), 4);
	EQ(ask(CM_FILE_PAGES, 0, 0, 1, 0), -EACCES);
	EQ(ask(CM_FILE_CAP, 0, 1, L_PROT_WRITE | L_PROT_EXEC, 0), -EACCES);
	EQ(ask(CM_FILE_CAP, 0, 0, L_PROT_EXEC, 0), -EINVAL);
	EQ(ask(CM_FILE_CAP, 0, 1, L_PROT_EXEC, 0), 0);
	EQ(ask(CM_FILE_PAGES, 0, 0, 9, 0), 1);
	EQ(*(uint32_t *)me->win->data, 77);
	EQ(ask(CM_FILE_PAGES, 0, 1, 9, 0), 0);
	EQ(ask(CM_FILE_PAGES, 0, ~0ull, 9, 0), 0);
	world_text_busy = true;
	EQ(put(0, "more"), -ETXTBSY);
	world_text_busy = false;
	EQ(put(0, "more"), 4);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/t"), 0, 0), 0);
}

/* ---- against this machine */

#define NAMES	14
static const char *const names[NAMES] = {
	"a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/a", "e", "e/a", "l",
	"l/a", "d/..", "./c"
};
static char folder[] = "/tmp/commons.XXXXXX";
static uint64_t seed = 1;

static uint32_t
chance(uint32_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(seed >> 33) % n;
}

static const char *
any_name(void)
{
	return names[chance(NAMES)];
}

static char op_text[256];

/* The same result here and there. */
static void
same(int64_t ours, long theirs)
{
	if (theirs < 0)
		theirs = -errno;
	if (ours != theirs) {
		printf("# %s: %ld, and Linux says %ld\n", op_text, (long)ours,
		    theirs);
		tap_failed = true;
	}
}

#define OP(...)	snprintf(op_text, sizeof(op_text), __VA_ARGS__)

static int fds[16];			/* Linux's, by ours */
static uint32_t open_fds;

static void
do_open(void)
{
	static const uint32_t some[] = { 0, O_CREAT, O_CREAT | O_EXCL,
	    O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_CREAT | O_APPEND,
	    O_PATH };
	uint32_t flags = some[chance(9)] | chance(3);
	const char *name = any_name();
	int64_t ours;
	int theirs;

	if (open_fds == 12)
		return;
	/* What this means nobody agrees on. */
	if ((flags & O_ACCMODE) == O_RDONLY)
		flags &= ~(uint32_t)O_TRUNC;
	OP("open %s %#o", name, flags);
	theirs = open(name, (int)flags, 0666);
	ours = open_at(name, flags);
	same(ours >= 0 ? 0 : ours, theirs >= 0 ? 0 : theirs);
	if (ours >= 0 && theirs >= 0) {
		fds[ours] = theirs;
		open_fds++;
	}
}

static int64_t
any_fd(void)
{
	int64_t fd = chance(12);

	return fds[fd] == 0 ? -1 : fd;
}

static void
do_close(void)
{
	int64_t fd = any_fd();

	if (fd < 0)
		return;
	OP("close %ld", (long)fd);
	same(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), close(fds[fd]));
	fds[fd] = 0;
	open_fds--;
}

static void
do_write(void)
{
	int64_t fd = any_fd();
	static char text[CM_DATA];
	size_t n = chance(chance(2) ? 20 : CM_DATA);
	uint64_t at = chance(3) != 0 ? POS : chance(20000);

	if (fd < 0)
		return;
	OP("write %ld %zu at %ld", (long)fd, n, (long)at);
	for (size_t i = 0; i < n; i++)
		text[i] = (char)chance(256);
	memcpy(me->win->data, text, n);
	same(ask(CM_WRITE, (uint64_t)fd, n, at, 0), at == POS ?
	    write(fds[fd], text, n) : pwrite(fds[fd], text, n, (off_t)at));
}

static void
do_read(void)
{
	int64_t fd = any_fd(), ours;
	static char text[CM_DATA];
	size_t n = chance(CM_DATA);
	uint64_t at = chance(3) != 0 ? POS : chance(20000);
	long theirs;

	if (fd < 0)
		return;
	OP("read %ld %zu at %ld", (long)fd, n, (long)at);
	theirs = at == POS ? read(fds[fd], text, n) :
	    pread(fds[fd], text, n, (off_t)at);
	ours = ask(CM_READ, (uint64_t)fd, n, at, 0);
	same(ours, theirs);
	if (ours > 0 && theirs == ours)
		EQ(memcmp(text, me->win->data, (size_t)ours), 0);
}

static void
do_seek(void)
{
	int64_t fd = any_fd();
	int64_t off = (int64_t)chance(30000) - 10000;
	int whence = (int)chance(3);
	struct stat st;

	if (fd < 0 || fstat(fds[fd], &st) != 0 || S_ISDIR(st.st_mode))
		return;
	OP("seek %ld %ld %d", (long)fd, (long)off, whence);
	same(ask(CM_SEEK, (uint64_t)fd, (uint64_t)off, (uint64_t)whence, 0),
	    lseek(fds[fd], off, whence));
}

static void
do_truncate(void)
{
	int64_t fd = any_fd();
	uint32_t size = chance(20000);
	const char *name = any_name();

	if (fd >= 0 && chance(2)) {
		OP("ftruncate %ld %u", (long)fd, size);
		same(ask(CM_TRUNCATE, (uint64_t)fd, 0, size, 0),
		    ftruncate(fds[fd], size));
		return;
	}
	OP("truncate %s %u", name, size);
	same(ask(CM_TRUNCATE, CWD, path(name), size, 0),
	    truncate(name, size));
}

static void
do_names(void)
{
	const char *a = any_name(), *b = any_name();

	switch (chance(7)) {
	case 0:
		OP("mkdir %s", a);
		same(ask(CM_MKNOD, CWD, path(a), 040777, 0), mkdir(a, 0777));
		break;
	case 1:
		OP("rmdir %s", a);
		same(ask(CM_UNLINK, CWD, path(a), L_AT_REMOVEDIR, 0),
		    rmdir(a));
		break;
	case 2:
		OP("unlink %s", a);
		same(ask(CM_UNLINK, CWD, path(a), 0, 0), unlink(a));
		break;
	case 3:
		OP("link %s %s", a, b);
		same(ask(CM_LINK, CWD, paths(a, b), CWD, 0), link(a, b));
		break;
	case 4:
		OP("symlink %s %s", a, b);
		same(ask(CM_SYMLINK, CWD, paths(a, b), 0, 0), symlink(a, b));
		break;
	default: {
		uint32_t flags = chance(3);

		OP("rename %s %s %u", a, b, flags);
		same(ask(CM_RENAME, CWD, paths(a, b), CWD, flags),
		    syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags));
	}
	}
}

static void
do_stat(void)
{
	const char *a = any_name();
	bool follow = chance(2);
	struct stat st, mine;
	long theirs = follow ? stat(a, &st) : lstat(a, &st);
	int64_t ours;

	OP("stat %s %d", a, follow);
	ours = ask(CM_STAT, CWD, path(a), follow ? 0 : L_AT_SYMLINK_NOFOLLOW,
	    0);
	same(ours, theirs);
	if (ours != 0 || theirs != 0)
		return;
	memcpy(&mine, me->win->data, sizeof(mine));
	EQ(mine.st_mode, st.st_mode);
	if (S_ISDIR(st.st_mode))
		return;
	EQ(mine.st_nlink, st.st_nlink);
	EQ(mine.st_size, st.st_size);
}

static void
do_readlink(void)
{
	const char *a = any_name();
	char text[100];
	int64_t ours;
	long theirs = readlink(a, text, sizeof(text));

	OP("readlink %s", a);
	ours = ask(CM_READLINK, CWD, path(a), 0, 0);
	same(ours, theirs);
	if (ours > 0 && ours == theirs)
		EQ(memcmp(text, me->win->data, (size_t)ours), 0);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All names of a directory, in order. */
static size_t
dir_ours(int64_t fd, char **list)
{
	size_t n = 0;
	int64_t r;

	while ((r = ask(CM_GETDENTS, (uint64_t)fd, 80, 0, 0)) > 0) {
		for (int64_t at = 0; at < r;) {
			struct l_dirent *d =
			    (struct l_dirent *)(me->win->data + at);

			list[n++] = strdup(d->name);
			at += d->reclen;
		}
	}
	EQ(r, 0);
	qsort(list, n, sizeof(*list), by_name);
	return n;
}

static void
do_dir(void)
{
	char *ours[64], *theirs[64];
	size_t n = 0, m;
	struct dirent *e;
	const char *name = chance(2) ? "." : any_name();
	DIR *d = opendir(name);
	int64_t fd;

	OP("opendir %s", name);
	fd = open_at(name, O_RDONLY | O_DIRECTORY);
	OK((fd >= 0) == (d != NULL));
	if (fd < 0 || d == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		theirs[n++] = strdup(e->d_name);
	qsort(theirs, n, sizeof(*theirs), by_name);
	m = dir_ours(fd, ours);
	EQ(m, n);
	for (size_t i = 0; i < n && i < m; i++)
		IS(ours[i], theirs[i]);
	for (size_t i = 0; i < n; i++)
		free(theirs[i]);
	for (size_t i = 0; i < m; i++)
		free(ours[i]);
	closedir(d);
	EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
}

static void
folder_clear(void)
{
	char command[100];

	for (int64_t fd = 0; fd < 12; fd++) {
		if (fds[fd] != 0) {
			close(fds[fd]);
			EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
		}
		fds[fd] = 0;
	}
	open_fds = 0;
	EQ(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	EQ(system(command), 0);
}

/* Everything below a directory of ours. */
static void
ours_clear(const char *dir)
{
	char *list[64], name[1024];
	int64_t fd = open_at(dir, O_RDONLY | O_DIRECTORY);
	size_t n = dir_ours(fd, list);

	EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
	for (size_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/%s", dir, list[i]);
		if (strcmp(list[i], ".") != 0 && strcmp(list[i], "..") != 0 &&
		    ask(CM_UNLINK, CWD, path(name), 0, 0) == -EISDIR) {
			ours_clear(name);
			EQ(ask(CM_UNLINK, CWD, path(name), L_AT_REMOVEDIR, 0),
			    0);
		}
		free(list[i]);
	}
}

TEST(the_same_as_linux_by_chance)
{
	static void (*const ops[])(void) = { do_open, do_open, do_close,
	    do_write, do_write, do_read, do_read, do_seek, do_truncate,
	    do_names, do_names, do_names, do_stat, do_stat, do_readlink,
	    do_dir };
	uint64_t before = world_used;

	umask(022);
	EQ(ask(CM_UMASK, 022, 0, 0, 0), 022);
	EQ(ask(CM_MKNOD, CWD, path("/tmp/work"), 040777, 0), 0);
	EQ(ask(CM_CHDIR, CWD, path("/tmp/work"), 0, 0), 0);
	for (int round = 0; round < 60 && !tap_failed; round++) {
		strcpy(folder, "/tmp/commons.XXXXXX");
		OK(mkdtemp(folder) != NULL && chdir(folder) == 0 &&
		    chmod(".", 0755) == 0);
		for (int i = 0; i < 600 && !tap_failed; i++)
			ops[chance(sizeof(ops) / sizeof(ops[0]))]();
		folder_clear();
		ours_clear("/tmp/work");
	}
	EQ(ask(CM_CHDIR, CWD, path("/"), 0, 0), 0);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/work"), L_AT_REMOVEDIR, 0), 0);
	/* The pools keep what they grew to. */
	OK(world_used < before + 40);
}

int
main(void)
{
	return tap_main();
}
