/*
 * fs_data.c - contents of files: pages, holes, and what lies in the archive.
 *
 * Invariant: a byte below size is on its page if there is one; else in the
 * archive if below arch_len; else zero.  Bytes of the last page beyond size
 * are zero.
 */
#include "fs.h"

#include <castor/string.h>

#include "world.h"

#define PAGE	WORLD_PAGE

static enum world_for
page_use(const struct inode *ip, uint64_t i)
{
	return i * PAGE < ip->arch_len ? WORLD_ARCHIVE : WORLD_DATA;
}

/* An index page of pointers, made if asked to. */
static void *
index_at(struct inode *ip, void **where, bool make, enum world_for use)
{
	if (*where == NULL && make) {
		*where = world_page(use);
		if (*where != NULL)
			ip->file.pages++;
	}
	return *where;
}

/* Where the pointer to page i is; NULL: nowhere (yet). */
static uint8_t **
page_slot(struct inode *ip, uint64_t i, bool make)
{
	enum world_for use = page_use(ip, i);
	uint8_t **leaf, ***top;

	if (i < FS_DIRECT)
		return &ip->file.direct[i];
	i -= FS_DIRECT;
	if (i < FS_INDIRECT) {
		leaf = index_at(ip, (void **)&ip->file.ind, make, use);
		return leaf == NULL ? NULL : &leaf[i];
	}
	i -= FS_INDIRECT;
	if (i >= FS_INDIRECT * FS_INDIRECT)
		return NULL;
	top = index_at(ip, (void **)&ip->file.dind, make, use);
	if (top == NULL)
		return NULL;
	leaf = index_at(ip, (void **)&top[i / FS_INDIRECT], make,
	    use);
	return leaf == NULL ? NULL : &leaf[i % FS_INDIRECT];
}

static uint8_t *
page_find(struct inode *ip, uint64_t i)
{
	uint8_t **slot = page_slot(ip, i, false);

	return slot == NULL ? NULL : *slot;
}

/* Fill a fresh page with what the archive has of it. */
static void
page_fill(const struct inode *ip, uint64_t i, uint8_t *page)
{
	uint64_t off = i * PAGE;

	if (off < ip->arch_len)
		memcpy(page, ip->arch + off, ip->arch_len - off < PAGE ?
		    ip->arch_len - off : PAGE);
}

static uint8_t *
page_make(struct inode *ip, uint64_t i)
{
	uint8_t **slot = page_slot(ip, i, true);

	if (slot == NULL)
		return NULL;
	if (*slot == NULL) {
		*slot = world_page(page_use(ip, i));
		if (*slot == NULL)
			return NULL;
		page_fill(ip, i, *slot);
		ip->file.pages++;
	}
	return *slot;
}

uint8_t *
fs_page(struct inode *ip, uint64_t i)
{
	return i * PAGE < ip->size ? page_make(ip, i) : NULL;
}

static void
part_read(struct inode *ip, uint64_t off, uint8_t *to, size_t n)
{
	const uint8_t *page = page_find(ip, off / PAGE);
	size_t have = 0;

	if (page != NULL) {
		memcpy(to, page + off % PAGE, n);
		return;
	}
	if (off < ip->arch_len)
		have = ip->arch_len - off < n ? ip->arch_len - off : n;
	if (have > 0)
		memcpy(to, ip->arch + off, have);
	memset(to + have, 0, n - have);
}

int64_t
fs_read(struct inode *ip, uint64_t off, void *to, size_t n)
{
	size_t done = 0;

	if (ip->synth != NULL)
		return ip->synth->read(ip, off, to, n);
	if (off >= ip->size)
		return 0;
	if (n > ip->size - off)
		n = ip->size - off;
	while (done < n) {
		size_t part = PAGE - (off + done) % PAGE;

		part = part < n - done ? part : n - done;
		part_read(ip, off + done, (uint8_t *)to + done, part);
		done += part;
	}
	return (int64_t)n;
}

int64_t
fs_write(struct inode *ip, uint64_t off, const void *from, size_t n)
{
	size_t done = 0;
	int64_t r = -L_ENOSPC;

	if (ip->synth != NULL)
		return -L_EACCES;
	if (off >= FS_SIZE_MAX)
		return n == 0 ? 0 : -L_EFBIG;
	if (n > FS_SIZE_MAX - off)
		n = FS_SIZE_MAX - off;
	while (done < n) {
		uint64_t at = off + done;
		size_t part = PAGE - at % PAGE;
		uint8_t *page = page_make(ip, at / PAGE);

		if (page == NULL)
			break;
		if (ip->text && !world_writable(page)) {
			r = -L_ETXTBSY;
			break;
		}
		part = part < n - done ? part : n - done;
		memcpy(page + at % PAGE, (const uint8_t *)from + done, part);
		done += part;
	}
	if (off + done > ip->size && done > 0)
		ip->size = off + done;
	if (done > 0)
		ip->mtime = ip->ctime = world_time();
	return done > 0 || n == 0 ? (int64_t)done : r;
}

/* ---- cutting */

static void
page_drop(struct inode *ip, void **where)
{
	if (*where != NULL) {
		world_page_free(*where);
		*where = NULL;
		ip->file.pages--;
	}
}

/* Pages first and up of a leaf; the leaf too if none is left. */
static void
leaf_cut(struct inode *ip, void **where, uint64_t first)
{
	void **leaf = *where;

	if (leaf == NULL)
		return;
	for (uint64_t i = first; i < FS_INDIRECT; i++)
		page_drop(ip, &leaf[i]);
	if (first == 0)
		page_drop(ip, where);
}

/* All pages from `first` on. */
static void
pages_cut(struct inode *ip, uint64_t first)
{
	uint64_t i, base = FS_DIRECT + FS_INDIRECT;
	void **top = (void **)ip->file.dind;

	for (i = first; i < FS_DIRECT; i++)
		page_drop(ip, (void **)&ip->file.direct[i]);
	if (first < base)
		leaf_cut(ip, (void **)&ip->file.ind,
		    first > FS_DIRECT ? first - FS_DIRECT : 0);
	if (top == NULL)
		return;
	first = first > base ? first - base : 0;
	for (i = first / FS_INDIRECT; i < FS_INDIRECT; i++)
		leaf_cut(ip, &top[i], i == first / FS_INDIRECT ?
		    first % FS_INDIRECT : 0);
	if (first == 0)
		page_drop(ip, (void **)&ip->file.dind);
}

void
data_free(struct inode *ip)
{
	if (ip->file.pages > 0)
		pages_cut(ip, 0);
}

int64_t
fs_truncate(struct inode *ip, uint64_t size)
{
	uint8_t *page;

	if (size > FS_SIZE_MAX)
		return -L_EFBIG;
	if (size < ip->size) {
		page = size % PAGE == 0 ? NULL : page_find(ip, size / PAGE);
		if (page != NULL && ip->text && !world_writable(page))
			return -L_ETXTBSY;
		if (page != NULL)
			memset(page + size % PAGE, 0, PAGE - size % PAGE);
		if (ip->file.pages > 0)
			pages_cut(ip, (size + PAGE - 1) / PAGE);
		if (size < ip->arch_len)
			ip->arch_len = size;
	}
	ip->size = size;
	ip->mtime = ip->ctime = world_time();
	return 0;
}

static bool
page_is_hole(struct inode *ip, uint64_t i)
{
	return page_find(ip, i) == NULL && i * PAGE >= ip->arch_len;
}

/* The next index where page_find may find something, or the same. */
static uint64_t
hole_skip(const struct inode *ip, uint64_t i)
{
	uint64_t base = FS_DIRECT + FS_INDIRECT, leaf;

	if (i >= FS_DIRECT && i < base && ip->file.ind == NULL)
		i = base;
	if (i >= base && ip->file.dind == NULL)
		return FS_PAGES_MAX;
	while (i >= base && i < FS_PAGES_MAX) {
		leaf = (i - base) / FS_INDIRECT;
		if (ip->file.dind[leaf] != NULL)
			break;
		i = base + (leaf + 1) * FS_INDIRECT;
	}
	return i;
}

int64_t
fs_seek_data(struct inode *ip, uint64_t off, bool hole)
{
	uint64_t i = off / PAGE, next;

	if (off >= ip->size)
		return -L_ENXIO;
	for (; i * PAGE < ip->size; i = next) {
		next = i + 1;
		if (page_is_hole(ip, i) == hole)
			return (int64_t)(i * PAGE > off ? i * PAGE : off);
		if (!hole)
			next = hole_skip(ip, next);
	}
	return hole ? (int64_t)ip->size : -L_ENXIO;
}
