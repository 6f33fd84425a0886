/*
 * fs.c - inodes and names.
 *
 * Invariants: (1) an inode lives while it has names (nlink) or users (refs);
 *		   a directory's parent is one of its uses.
 *	       (2) each dirent is in its directory's list, by growing cookies,
 *		   and in the bucket of its hash.
 *	       (3) a directory that was removed has nlink 0 and no entries, and
 *		   gets none.
 */
#include "fs.h"

#include <castor/string.h>

#include "cpio.h"
#include "cred.h"
#include "pool.h"
#include "proc.h"
#include "world.h"

#define INODES_MAX	16384u
#define DENTS_MAX	16384u
#define BUCKETS		4096u
#define TEXTS		6u

static struct pool inodes = POOL(struct inode, INODES_MAX, true);
static struct pool dents = POOL(struct dent, DENTS_MAX, true);
static struct dent *buckets[BUCKETS];
static uint32_t hash_seed, next_ino = 1;
static struct inode *temps;

struct inode *fs_root;

/* ---- short texts: names that are not in the archive, ends of links */

static struct pool texts[TEXTS] = {
	{ 16, DENTS_MAX, .data = true }, { 32, DENTS_MAX, .data = true },
	{ 64, DENTS_MAX, .data = true }, { 256, 4096, .data = true },
	{ 512, 1024, .data = true }, { 2032, 512, .data = true },
};

static struct pool *
text_pool(size_t n)
{
	for (uint32_t i = 0; i < TEXTS; i++) {
		if (n <= texts[i].size)
			return &texts[i];
	}
	return NULL;
}

char *
text_new(const char *s, size_t n)
{
	struct pool *p = text_pool(n);
	char *t = p != NULL ? pool_get(p) : NULL;

	if (t != NULL)
		memcpy(t, s, n);
	return t;
}

void
text_free(char *s, size_t n)
{
	if (s != NULL)
		pool_put(text_pool(n), s);
}

/* ---- inodes */

struct inode *
inode_new(uint32_t mode)
{
	struct inode *ip = pool_get(&inodes);

	if (ip == NULL)
		return NULL;
	ip->ino = next_ino++;
	ip->mode = mode;
	ip->refs = 1;
	ip->atime = ip->mtime = ip->ctime = world_time();
	return ip;
}

void
inode_hold(struct inode *ip)
{
	ip->refs++;
}

static void
inode_free(struct inode *ip)
{
	if (ip->synth == NULL && IS_REG(ip))
		data_free(ip);
	else if (ip->synth == NULL && IS_LNK(ip) && ip->arch == NULL)
		text_free(ip->target, ip->size);
	pool_put(&inodes, ip);
}

void
inode_put(struct inode *ip)
{
	struct inode *parent;

	while (ip != NULL) {
		parent = NULL;
		if (--ip->refs > 0 || ip->nlink > 0 || ip->temp)
			return;
		if (IS_DIR(ip) && ip->synth == NULL)
			parent = ip->dir.parent;
		inode_free(ip);
		ip = parent;
	}
}

void
fs_temp(struct inode *ip)
{
	ip->temp = true;
	ip->refs = 0;
	ip->next = temps;
	temps = ip;
	unsettled = true;
}

void
fs_settle(void)
{
	struct inode *ip;

	while ((ip = temps) != NULL) {
		temps = ip->next;
		ip->temp = false;
		if (ip->refs == 0)
			inode_free(ip);
	}
}

void
fs_stat(const struct inode *ip, struct l_stat *st)
{
	*st = (struct l_stat){
		.dev = 1, .ino = ip->ino,
		.nlink = ip->synth != NULL ? 1 : ip->nlink,
		.mode = ip->mode, .uid = ip->uid, .gid = ip->gid,
		.rdev = ip->rdev, .size = (int64_t)ip->size, .blksize = 4096,
		.atime = { (int64_t)(ip->atime / 1000000000),
		    (int64_t)(ip->atime % 1000000000) },
		.mtime = { (int64_t)(ip->mtime / 1000000000),
		    (int64_t)(ip->mtime % 1000000000) },
		.ctime = { (int64_t)(ip->ctime / 1000000000),
		    (int64_t)(ip->ctime % 1000000000) },
	};
	if (IS_REG(ip) && ip->synth == NULL)
		st->blocks = (int64_t)(ip->arch != NULL ?
		    (ip->arch_len + 511) / 512 + ip->file.pages * 8 :
		    ip->file.pages * 8);
}

void
fs_statfs(struct l_statfs *st)
{
	uint64_t total, used, left;

	world_pages(&total, &used, &left);
	*st = (struct l_statfs){
		.type = 0x01021994, .bsize = 4096, .frsize = 4096,
		.blocks = total, .bfree = total - used, .bavail = left,
		.files = INODES_MAX, .ffree = INODES_MAX - inodes.used,
		.namelen = CM_NAME_MAX, .fsid = 1,
	};
}

/* ---- names */

static uint32_t
name_hash(const struct inode *dir, const char *name, uint32_t len)
{
	uint32_t h = hash_seed ^ dir->ino * 0x9e3779b1u;

	for (uint32_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x01000193u;
	return h ^ h >> 15;
}

struct dent *
dent_find(struct inode *dir, const char *name, uint32_t len)
{
	uint32_t hash = name_hash(dir, name, len);
	struct dent *d = buckets[hash % BUCKETS];

	while (d != NULL && (d->hash != hash || d->dir != dir ||
	    d->len != len || memcmp(d->name, name, len) != 0))
		d = d->chain;
	return d;
}

/* A name that stays (`keep`) is not copied.  NULL: no room. */
static struct dent *
dent_add(struct inode *dir, const char *name, uint32_t len, bool keep,
    struct inode *ip)
{
	struct dent *d = pool_get(&dents);
	const char *text = keep ? name : NULL;

	if (d != NULL && !keep)
		text = text_new(name, len);
	if (d == NULL || text == NULL) {
		if (d != NULL)
			pool_put(&dents, d);
		return NULL;
	}
	*d = (struct dent){ .dir = dir, .inode = ip, .name = text,
	    .len = (uint8_t)len, .owned = !keep,
	    .hash = name_hash(dir, name, len), .prev = dir->dir.last,
	    .cookie = 3 + dir->dir.cookies++ };
	d->chain = buckets[d->hash % BUCKETS];
	buckets[d->hash % BUCKETS] = d;
	if (d->prev != NULL)
		d->prev->next = d;
	else
		dir->dir.first = d;
	dir->dir.last = d;
	dir->size = dir->dir.cookies;
	dir->mtime = dir->ctime = world_time();
	ip->name = d;
	return d;
}

static void
dent_remove(struct dent *d)
{
	struct dent **p = &buckets[d->hash % BUCKETS];
	struct inode *dir = d->dir;

	if (d->inode->name == d)
		d->inode->name = NULL;

	while (*p != d)
		p = &(*p)->chain;
	*p = d->chain;
	if (d->prev != NULL)
		d->prev->next = d->next;
	else
		dir->dir.first = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	else
		dir->dir.last = d->prev;
	dir->mtime = dir->ctime = world_time();
	if (d->owned)
		text_free((char *)(uintptr_t)d->name, d->len);
	pool_put(&dents, d);
}

/* May a name be made where this walk ended? */
static int64_t
place_check(const struct walk *w)
{
	if (w->inode != NULL)
		return -L_EEXIST;
	if (w->dir->synth != NULL)
		return -L_EPERM;
	return w->dir->nlink == 0 ? -L_ENOENT : cred_may_name(w->dir);
}

static void
dir_init(struct inode *ip, struct inode *parent, struct dent *self)
{
	ip->nlink = 2;
	ip->dir.parent = parent;
	ip->dir.self = self;
	if (parent != NULL) {
		parent->nlink++;
		inode_hold(parent);
	}
}

static int64_t
create(struct inode *dir, const char *name, uint32_t len, bool keep,
    uint32_t mode, struct inode **out)
{
	struct inode *ip = inode_new(mode);
	struct dent *d;

	if (ip == NULL)
		return -L_ENOSPC;
	ip->uid = cred_now()->fsuid;
	ip->gid = cred_now()->fsgid;
	if (dir->mode & L_S_ISGID) {
		ip->gid = dir->gid;
		ip->mode |= IS_DIR(ip) ? L_S_ISGID : 0;
	}
	d = dent_add(dir, name, len, keep, ip);
	if (d == NULL) {
		inode_put(ip);
		return -L_ENOSPC;
	}
	ip->nlink = 1;
	if (IS_DIR(ip))
		dir_init(ip, dir, d);
	ip->refs--;
	*out = ip;
	return 0;
}

int64_t
fs_create(struct walk *w, uint32_t mode, struct inode **out)
{
	int64_t r = place_check(w);

	if (r == 0 && w->slash && (mode & L_S_IFMT) != L_S_IFDIR)
		r = -L_ENOENT;
	return r != 0 ? r : create(w->dir, w->name, w->len, false, mode, out);
}

int64_t
fs_symlink(struct walk *w, const char *target, size_t len)
{
	struct inode *ip;
	int64_t r = place_check(w);
	char *text;

	if (r != 0)
		return r;
	text = text_new(target, len);
	if (text == NULL)
		return -L_ENOSPC;
	r = create(w->dir, w->name, w->len, false, L_S_IFLNK | 0777, &ip);
	if (r != 0) {
		text_free(text, len);
		return r;
	}
	ip->target = text;
	ip->size = len;
	return 0;
}

int64_t
fs_link(struct inode *ip, struct walk *w)
{
	int64_t r = place_check(w);

	if (r != 0)
		return r;
	if (IS_DIR(ip) || ip->synth != NULL)
		return -L_EPERM;
	if (ip->nlink >= FS_LINKS_MAX)
		return -L_EMLINK;
	if (dent_add(w->dir, w->name, w->len, false, ip) == NULL)
		return -L_ENOSPC;
	ip->nlink++;
	ip->ctime = world_time();
	return 0;
}

/* The inode loses this name. */
static void
name_drop(struct dent *d)
{
	struct inode *ip = d->inode, *dir = d->dir;

	dent_remove(d);
	ip->ctime = world_time();
	if (IS_DIR(ip)) {
		ip->nlink = 0;
		ip->dir.self = NULL;
		dir->nlink--;
	} else {
		ip->nlink--;
	}
	ip->refs++;
	inode_put(ip);
}

/* May this name be taken away? */
static int64_t
name_check(const struct walk *w)
{
	if (w->inode == NULL)
		return -L_ENOENT;
	if (w->inode == fs_root)
		return -L_EBUSY;
	if (w->inode->synth != NULL || w->dir->synth != NULL)
		return -L_EPERM;
	return w->dots ? 0 : cred_may_unname(w->dir, w->inode);
}

int64_t
fs_unlink(struct walk *w, bool dir)
{
	int64_t r = name_check(w);

	if (r != 0)
		return r;
	if (!dir && IS_DIR(w->inode))
		return -L_EISDIR;
	if (dir && !IS_DIR(w->inode))
		return -L_ENOTDIR;
	if (!dir && w->slash)
		return -L_ENOTDIR;
	if (w->dots)
		return w->len == 1 ? -L_EINVAL : -L_ENOTEMPTY;
	if (dir && w->inode->dir.first != NULL)
		return -L_ENOTEMPTY;
	name_drop(dent_find(w->dir, w->name, w->len));
	return 0;
}

/* Is `ip` dir itself or above it? */
static bool
dir_is_below(const struct inode *dir, const struct inode *ip)
{
	while (dir != NULL && dir != ip)
		dir = dir->dir.parent;
	return dir == ip;
}

/* Of two things that exist, may the first take the second one's name? */
static int64_t
replace_check(const struct inode *from, const struct inode *to)
{
	if (IS_DIR(from) && !IS_DIR(to))
		return -L_ENOTDIR;
	if (!IS_DIR(from) && IS_DIR(to))
		return -L_EISDIR;
	if (to == fs_root || to->synth != NULL)
		return -L_EBUSY;
	return IS_DIR(to) && to->dir.first != NULL ? -L_ENOTEMPTY : 0;
}

/* What must hold of the two places, whatever is there. */
static int64_t
rename_places(const struct walk *from, const struct walk *to, uint32_t flags)
{
	if (from->dots)
		return -L_EBUSY;
	if (to->dots)
		return flags & L_RENAME_NOREPLACE ? -L_EEXIST : -L_EBUSY;
	if (from->inode == NULL)
		return -L_ENOENT;
	if (to->inode != NULL && (flags & L_RENAME_NOREPLACE))
		return -L_EEXIST;
	if (to->inode == NULL && (flags & L_RENAME_EXCHANGE))
		return -L_ENOENT;
	if (!IS_DIR(from->inode) && (from->slash || to->slash))
		return -L_ENOTDIR;
	return 0;
}

/* In the order in which Linux looks. */
static int64_t
rename_check(const struct walk *from, const struct walk *to, uint32_t flags)
{
	int64_t r = rename_places(from, to, flags);

	if (r == 0)
		r = name_check(from);
	if (r != 0)
		return r;
	if (to->dir->synth != NULL)
		return -L_EPERM;
	r = to->inode == NULL ? cred_may_name(to->dir) :
	    cred_may_unname(to->dir, to->inode);
	if (r != 0)
		return r;
	if (IS_DIR(from->inode) && dir_is_below(to->dir, from->inode))
		return -L_EINVAL;
	if (to->inode != NULL && IS_DIR(to->inode) &&
	    to->inode->synth == NULL && dir_is_below(from->dir, to->inode))
		return flags & L_RENAME_EXCHANGE ? -L_EINVAL : -L_ENOTEMPTY;
	if (to->inode == NULL)
		return to->dir->nlink == 0 ? -L_ENOENT : 0;
	if (flags & L_RENAME_EXCHANGE)
		return to->inode->synth != NULL ? -L_EPERM : 0;
	return from->inode == to->inode ? 0 :
	    replace_check(from->inode, to->inode);
}

/* A directory has another parent. */
static void
dir_move(struct inode *ip, struct inode *to, struct dent *d)
{
	struct inode *from = ip->dir.parent;

	ip->dir.self = d;
	if (from == to)
		return;
	from->nlink--;
	to->nlink++;
	inode_hold(to);
	ip->dir.parent = to;
	inode_put(from);
}

static void
exchange(struct dent *a, struct dent *b)
{
	struct inode *ip = a->inode;

	a->inode = b->inode;
	b->inode = ip;
	a->inode->name = a;
	b->inode->name = b;
	if (IS_DIR(a->inode))
		dir_move(a->inode, a->dir, a);
	if (IS_DIR(b->inode))
		dir_move(b->inode, b->dir, b);
	a->inode->ctime = b->inode->ctime = world_time();
}

int64_t
fs_rename(struct walk *from, struct walk *to, uint32_t flags)
{
	int64_t r = rename_check(from, to, flags);
	struct dent *d, *n, *old;
	struct inode *ip = from->inode;

	if (r != 0 || ip == to->inode)
		return r;
	d = dent_find(from->dir, from->name, from->len);
	old = to->inode == NULL ? NULL :
	    dent_find(to->dir, to->name, to->len);
	if (flags & L_RENAME_EXCHANGE) {
		exchange(d, old);
		return 0;
	}
	n = dent_add(to->dir, to->name, to->len, false, ip);
	if (n == NULL)
		return -L_ENOSPC;
	/* Act. */
	if (old != NULL)
		name_drop(old);
	dent_remove(d);
	if (IS_DIR(ip))
		dir_move(ip, to->dir, n);
	ip->ctime = world_time();
	return 0;
}

int64_t
fs_readlink(struct inode *ip, char *to, size_t n)
{
	if (!IS_LNK(ip))
		return -L_EINVAL;
	if (ip->synth != NULL)
		return ip->synth->read(ip, 0, to, n);
	if (n > ip->size)
		n = ip->size;
	memcpy(to, ip->arch != NULL ? (const char *)ip->arch : ip->target, n);
	return (int64_t)n;
}

int64_t
fs_path(struct inode *dir, char *to, size_t n)
{
	size_t at = n, len;

	for (; dir != fs_root; dir = dir->dir.parent) {
		if ((dir->synth != NULL && dir->nlink == 0) ||
		    dir->dir.self == NULL)
			return -L_ENOENT;
		len = dir->dir.self->len;
		if (at < len + 1)
			return -L_ENAMETOOLONG;
		at -= len;
		memcpy(to + at, dir->dir.self->name, len);
		to[--at] = '/';
	}
	if (at == n)
		to[--at] = '/';
	memmove(to, to + at, n - at);
	return (int64_t)(n - at);
}

int64_t
fs_path_of(struct inode *ip, char *to, size_t n)
{
	int64_t r;

	if (IS_DIR(ip))
		return fs_path(ip, to, n);
	if (ip->name == NULL)
		return -L_ENOENT;
	r = fs_path(ip->name->dir, to, n);
	if (r < 0 || (size_t)r + 1 + ip->name->len > n)
		return r < 0 ? r : -L_ENAMETOOLONG;
	if (r > 1)
		to[r++] = '/';
	memcpy(to + r, ip->name->name, ip->name->len);
	return r + ip->name->len;
}

/* ---- reading a directory: cookie 1 is `.', 2 `..', entries from 3 on */

static uint8_t
dent_type(const struct inode *ip)
{
	return (uint8_t)(ip->mode >> 12 & 15);
}

/* false: no room. */
static bool
dent_put(uint8_t *to, size_t n, size_t *at, const char *name, size_t len,
    uint32_t ino, uint8_t type, uint64_t next)
{
	size_t size = (L_DIRENT_NAME + len + 1 + 7) & ~7ul;
	struct l_dirent d = { ino, (int64_t)next, (uint16_t)size, type };

	if (n - *at < size)
		return false;
	memset(to + *at, 0, size);
	memcpy(to + *at, &d, L_DIRENT_NAME);
	memcpy(to + *at + L_DIRENT_NAME, name, len);
	*at += size;
	return true;
}

static bool
dents_dots(struct inode *dir, uint64_t *pos, uint8_t *to, size_t n,
    size_t *at)
{
	struct inode *up = dir->synth != NULL || dir->dir.parent == NULL ?
	    dir : dir->dir.parent;

	if (*pos == 0) {
		if (!dent_put(to, n, at, ".", 1, dir->ino, L_DT_DIR, 1))
			return false;
		*pos = 1;
	}
	if (*pos == 1) {
		if (!dent_put(to, n, at, "..", 2, up->ino, L_DT_DIR, 2))
			return false;
		*pos = 2;
	}
	return true;
}

static bool
dents_synth(struct inode *dir, uint64_t *pos, uint8_t *to, size_t n,
    size_t *at)
{
	char name[CM_NAME_MAX + 1];
	uint32_t ino;
	uint8_t type;

	while (dir->synth->entry(dir, *pos - 2, name, &ino, &type)) {
		if (!dent_put(to, n, at, name, strlen(name), ino, type,
		    *pos + 1))
			return false;
		++*pos;
	}
	return true;
}

static bool
dents_real(struct inode *dir, uint64_t *pos, uint8_t *to, size_t n, size_t *at)
{
	struct dent *d = dir->dir.first;

	/* Those that were read before are at the front: most often all or
	 * none. */
	if (dir->dir.last == NULL || dir->dir.last->cookie < *pos)
		return true;
	while (d != NULL && d->cookie < *pos)
		d = d->next;
	for (; d != NULL; d = d->next) {
		if (!dent_put(to, n, at, d->name, d->len, d->inode->ino,
		    dent_type(d->inode), d->cookie + 1))
			return false;
		*pos = d->cookie + 1;
	}
	return true;
}

int64_t
fs_dents(struct inode *dir, uint64_t *pos, uint8_t *to, size_t n)
{
	size_t at = 0;
	bool all = dents_dots(dir, pos, to, n, &at);

	if (all && dir->synth != NULL)
		all = dents_synth(dir, pos, to, n, &at);
	else if (all)
		all = dents_real(dir, pos, to, n, &at);
	return !all && at == 0 ? -L_EINVAL : (int64_t)at;
}

/* ---- the archive */

void
fs_init(void)
{
	world_random(&hash_seed, sizeof(hash_seed));
	fs_root = inode_new(L_S_IFDIR | 0755);
	if (fs_root != NULL)
		dir_init(fs_root, NULL, NULL);
}

/* Where the last name of a path begins. */
static uint32_t
base_of(const char *path)
{
	uint32_t base = 0;

	for (uint32_t i = 0; path[i] != '\0'; i++) {
		if (path[i] == '/')
			base = i + 1;
	}
	return base;
}

/* One entry of the archive.  What has an odd name or type is passed over. */
static int64_t
archive_entry(const struct cpio_file *f)
{
	uint32_t base = base_of(f->name), type = f->mode & L_S_IFMT;
	size_t len = strlen(f->name + base);
	struct walk w = { .inode = fs_root };
	struct inode *ip;
	int64_t r = 0;

	if (base > 0)
		r = fs_walk(fs_root, f->name, base, 0, &w);
	if (r != 0 || !IS_DIR(w.inode) || len == 0 || len > CM_NAME_MAX ||
	    (len == 1 && f->name[base] == '.') || (type != L_S_IFDIR &&
	    type != L_S_IFREG && type != L_S_IFLNK) || (type == L_S_IFLNK &&
	    f->size > CM_PATH_MAX))
		return 0;
	if (dent_find(w.inode, f->name + base, (uint32_t)len) != NULL)
		return 0;
	r = create(w.inode, f->name + base, (uint32_t)len, true,
	    f->mode & (L_S_IFMT | 07777), &ip);
	if (r == 0 && type != L_S_IFDIR) {
		ip->arch = f->data;
		ip->size = ip->arch_len = f->size;
	}
	return r;
}

int64_t
fs_archive(const void *archive, uint64_t size)
{
	struct cpio_file f;
	int64_t r = 0;
	long c = cpio_first(archive, size, &f);

	for (; c == 0 && r == 0; c = cpio_next(archive, size, &f))
		r = archive_entry(&f);
	return r != 0 ? r : c == CPIO_E_END ? 0 : -L_EINVAL;
}
