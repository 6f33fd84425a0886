/*
 * lock.c - advisory locks of ranges (fcntl: a process's) and of whole files
 * (flock: an open file's).
 *
 * Invariant: an inode's locks of one owner and sort do not overlap.
 */
#include "pool.h"
#include "proc.h"

#define LOCKS_MAX	1024u

struct lock {
	struct lock *next;
	const void *owner;		/* a process, or an open file */
	bool flock;
	int16_t type;			/* L_F_RDLCK, L_F_WRLCK */
	uint64_t first, last;
	uint32_t pid;
};

static struct pool locks = POOL(struct lock, LOCKS_MAX, false);
static struct waitq freed;		/* somewhere a lock was given up */

uint32_t
lock_count(void)
{
	return locks.used;
}

static bool
lock_conflicts(const struct lock *have, const struct lock *want)
{
	return have->flock == want->flock && have->owner != want->owner &&
	    (have->type == L_F_WRLCK || want->type == L_F_WRLCK) &&
	    have->first <= want->last && want->first <= have->last;
}

static struct lock *
conflict_find(struct inode *ip, const struct lock *want)
{
	struct lock *l = ip->locks;

	while (l != NULL && !lock_conflicts(l, want))
		l = l->next;
	return l;
}

static void
lock_add(struct inode *ip, struct lock *l, const struct lock *as,
    uint64_t first, uint64_t last)
{
	*l = *as;
	l->first = first;
	l->last = last;
	l->next = ip->locks;
	ip->locks = l;
}

/*
 * The owner holds nothing from first to last any more.  A lock around that is
 * split: `spare' is there for its second half.  True: spare was used.
 */
static bool
range_clear(struct inode *ip, const struct lock *w, struct lock *spare)
{
	struct lock **p = &ip->locks, *l;
	bool used = false;

	while ((l = *p) != NULL) {
		if (l->flock != w->flock || l->owner != w->owner ||
		    l->first > w->last || l->last < w->first) {
			p = &l->next;
		} else if (l->first < w->first && l->last > w->last) {
			lock_add(ip, spare, l, w->last + 1, l->last);
			l->last = w->first - 1;
			used = true;
			p = &l->next;
		} else if (l->first < w->first) {
			l->last = w->first - 1;
			p = &l->next;
		} else if (l->last > w->last) {
			l->first = w->last + 1;
			p = &l->next;
		} else {
			*p = l->next;
			pool_put(&locks, l);
		}
	}
	wake(&freed);
	return used;
}

/* 0, or ENOLCK. */
static int64_t
lock_set(struct file *f, const struct lock *want)
{
	struct lock *l = pool_get(&locks), *spare = pool_get(&locks);

	if (l == NULL || spare == NULL) {
		if (l != NULL)
			pool_put(&locks, l);
		return -L_ENOLCK;
	}
	if (!range_clear(f->inode, want, spare))
		pool_put(&locks, spare);
	if (want->type == L_F_UNLCK) {
		pool_put(&locks, l);
	} else {
		lock_add(f->inode, l, want, want->first, want->last);
		f->locks = true;
	}
	return 0;
}

/* Which bytes: false if there are none such. */
static bool
range_of(const struct file *f, const struct l_flock *l, struct lock *w)
{
	int64_t start = l->start, end;

	if (l->whence == L_SEEK_CUR)
		start += (int64_t)f->offset;
	else if (l->whence == L_SEEK_END)
		start += (int64_t)f->inode->size;
	else if (l->whence != L_SEEK_SET)
		return false;
	if (__builtin_add_overflow(start, l->len, &end))
		end = INT64_MAX;
	if (l->len < 0) {
		w->first = (uint64_t)end;
		w->last = (uint64_t)start - 1;
		return end >= 0;
	}
	w->first = (uint64_t)start;
	w->last = l->len == 0 ? INT64_MAX : (uint64_t)end - 1;
	return start >= 0;
}

int64_t
lock_fcntl(struct file *f, uint32_t cmd, struct l_flock *l)
{
	struct lock want = { .owner = here->proc, .type = l->type,
	    .pid = here->proc->pid }, *other;

	if (f->inode == NULL || !IS_REG(f->inode))
		return -L_EINVAL;
	if (l->type < L_F_RDLCK || l->type > L_F_UNLCK ||
	    !range_of(f, l, &want))
		return -L_EINVAL;
	if ((want.type == L_F_RDLCK && !file_reads(f)) ||
	    (want.type == L_F_WRLCK && !file_writes(f)))
		return -L_EBADF;
	other = want.type == L_F_UNLCK ? NULL :
	    conflict_find(f->inode, &want);
	if (cmd == L_F_GETLK) {
		l->type = other == NULL ? L_F_UNLCK : other->type;
		if (other != NULL) {
			l->whence = L_SEEK_SET;
			l->start = (int64_t)other->first;
			l->len = other->last == INT64_MAX ? 0 :
			    (int64_t)(other->last - other->first + 1);
			l->pid = (int32_t)other->pid;
		}
		return 0;
	}
	if (other == NULL)
		return lock_set(f, &want);
	if (cmd == L_F_SETLK)
		return -L_EAGAIN;
	return wait_on(&freed, here) ? -CM_WAIT : -L_ENOLCK;
}

int64_t
lock_flock(struct file *f, uint32_t op)
{
	struct lock want = { .owner = f, .flock = true, .last = INT64_MAX,
	    .pid = here->proc->pid };
	uint32_t how = op & ~L_LOCK_NB;

	if (f->inode == NULL)
		return -L_EBADF;
	if (how != L_LOCK_SH && how != L_LOCK_EX && how != L_LOCK_UN)
		return -L_EINVAL;
	want.type = how == L_LOCK_SH ? L_F_RDLCK : how == L_LOCK_EX ?
	    L_F_WRLCK : L_F_UNLCK;
	if (how == L_LOCK_UN || conflict_find(f->inode, &want) == NULL)
		return lock_set(f, &want);
	if (op & L_LOCK_NB)
		return -L_EAGAIN;
	return wait_on(&freed, here) ? -CM_WAIT : -L_ENOLCK;
}

static void
owner_clear(struct inode *ip, const void *owner, bool flock)
{
	struct lock all = { .owner = owner, .flock = flock,
	    .last = INT64_MAX };

	(void)range_clear(ip, &all, NULL);
}

/* A process that closes any descriptor of a file loses its locks there. */
void
lock_closed(struct file *f, struct proc *p)
{
	owner_clear(f->inode, p, false);
}

void
lock_file_end(struct file *f)
{
	owner_clear(f->inode, f, true);
}
