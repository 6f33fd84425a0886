/*
 * fs_walk.c - from a path to an inode.
 *
 * Bounded: a path is at most CM_PATH_MAX long and follows FS_SYMLINKS_MAX links
 * of that length; each step of it is one lookup, and there are no more than
 * STEPS_MAX, since others wait meanwhile.
 */
#include "fs.h"

#include <castor/string.h>

#include "cred.h"

#define BUFFER	(2 * (CM_PATH_MAX + 1))
#define STEPS_MAX	2048u

/* What is left of a path, and what was just taken from it; two, so that two
 * results can be looked at together. */
static struct {
	char path[BUFFER];
	char name[CM_NAME_MAX + 1];
} buffers[2];
static uint32_t turn;

struct trail {
	char *path;			/* what is left lies at its end */
	uint32_t at;			/* from here to BUFFER */
	uint32_t links;
};

static bool
trail_empty(const struct trail *t)
{
	return t->at == BUFFER;
}

static bool
trail_slashes(struct trail *t)
{
	bool any = false;

	for (; t->at < BUFFER && t->path[t->at] == '/'; t->at++)
		any = true;
	return any;
}

/* Put a link's text before what is left. */
static int64_t
trail_insert(struct trail *t, const char *text, size_t len)
{
	if (len == 0)
		return -L_ENOENT;
	if (len > t->at)
		return -L_ENAMETOOLONG;
	t->at -= (uint32_t)len;
	memcpy(t->path + t->at, text, len);
	return 0;
}

/* The next name. */
static int64_t
trail_name(struct trail *t, char *name, uint32_t *len)
{
	uint32_t n = 0;

	for (; t->at < BUFFER && t->path[t->at] != '/'; t->at++) {
		if (t->path[t->at] == '\0')
			return -L_ENOENT;
		if (n == CM_NAME_MAX)
			return -L_ENAMETOOLONG;
		name[n++] = t->path[t->at];
	}
	name[n] = '\0';
	*len = n;
	return 0;
}

static bool
name_is_dots(const char *name, uint32_t len)
{
	return (len == 1 && name[0] == '.') ||
	    (len == 2 && name[0] == '.' && name[1] == '.');
}

static struct inode *
dir_parent(struct inode *dir)
{
	if (dir->synth != NULL)
		return dir->synth->lookup(dir, "..", 2);
	return dir->dir.parent != NULL ? dir->dir.parent : dir;
}

static struct inode *
dir_lookup(struct inode *dir, const char *name, uint32_t len)
{
	struct dent *d;

	if (len == 1 && name[0] == '.')
		return dir;
	if (len == 2 && name[0] == '.' && name[1] == '.')
		return dir_parent(dir);
	if (dir->synth != NULL)
		return dir->synth->lookup(dir, name, len);
	d = dent_find(dir, name, len);
	return d == NULL ? NULL : d->inode;
}

/* Through a link that is not the result: 0, or -errno; *dir is where its text
 * begins, *to its end if it has no text. */
static int64_t
link_follow(struct trail *t, struct inode *link, struct inode **dir,
    struct inode **to)
{
	static char text[CM_PATH_MAX + 1];
	int64_t n, r;

	*to = NULL;
	if (++t->links > FS_SYMLINKS_MAX)
		return -L_ELOOP;
	if (link->synth != NULL && link->synth->follow != NULL) {
		*to = link->synth->follow(link);
		if (*to != NULL)
			return 0;
	}
	n = fs_readlink(link, text, sizeof(text));
	if (n < 0)
		return n;
	if (n > CM_PATH_MAX)
		return -L_ENAMETOOLONG;
	r = trail_insert(t, text, (size_t)n);
	if (r == 0 && t->path[t->at] == '/')
		*dir = fs_root;
	return r;
}

/* One name, and the link it may be.  *end: the path is at its end. */
static int64_t
step(struct trail *t, struct walk *w, uint32_t flags, bool *end)
{
	char *name = (char *)(uintptr_t)w->name;
	struct inode *to;
	int64_t r;

	if (!IS_DIR(w->dir))
		return -L_ENOTDIR;
	r = cred_may(w->dir, MAY_EXEC);
	if (r == 0)
		r = trail_name(t, name, &w->len);
	if (r != 0)
		return r;
	w->slash = trail_slashes(t);
	*end = trail_empty(t);
	w->dots = name_is_dots(name, w->len);
	w->inode = dir_lookup(w->dir, name, w->len);
	if (w->inode == NULL)
		return *end && (flags & WALK_MISSING) ? 0 : -L_ENOENT;
	if (IS_LNK(w->inode) && (!*end || w->slash ||
	    !(flags & WALK_NOFOLLOW))) {
		if (w->slash)
			t->path[--t->at] = '/';
		r = link_follow(t, w->inode, &w->dir, &to);
		if (r == 0 && to != NULL) {
			w->inode = to;
			w->slash = trail_slashes(t);
			*end = trail_empty(t);
		} else if (r == 0) {
			trail_slashes(t);
			*end = false;
			w->inode = w->dir;
			w->dots = true;
		}
		if (r != 0)
			return r;
	}
	if (!*end)
		w->dir = w->inode;
	return w->slash && !IS_DIR(w->inode) && w->inode != NULL ?
	    -L_ENOTDIR : 0;
}

int64_t
fs_walk(struct inode *from, const char *path, size_t len, uint32_t flags,
    struct walk *w)
{
	struct trail t = { buffers[turn].path, BUFFER - (uint32_t)len, 0 };
	uint32_t steps = 0;
	bool end = false;
	int64_t r = 0;

	*w = (struct walk){ .dir = from, .name = buffers[turn].name };
	turn ^= 1;
	if (len == 0)
		return -L_ENOENT;
	if (len > CM_PATH_MAX)
		return -L_ENAMETOOLONG;
	memcpy(t.path + t.at, path, len);
	if (trail_slashes(&t))
		w->dir = fs_root;
	if (!IS_DIR(w->dir))
		return -L_ENOTDIR;
	w->inode = w->dir;
	w->dots = true;			/* the root, unless a name follows */
	while (r == 0 && !end && !trail_empty(&t))
		r = steps++ == STEPS_MAX ? -L_ELOOP :
		    step(&t, w, flags, &end);
	return r;
}
