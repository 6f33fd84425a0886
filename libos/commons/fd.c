/*
 * fd.c - descriptors: a process's numbers for open files.
 *
 * A flood is the flooder's problem: each process may have FDS_SURE descriptors
 * whatever others do; what is beyond comes out of a stock for all, of which one
 * process and its contexts have a fourth at most, one user half.  Open files
 * need a descriptor each, so they are bounded by the same.
 *
 * Invariant: bit fd of `open' is set iff file[fd] is there; nfds counts them.
 */
#include "proc.h"

#define FDS_SURE	16u
#define FDS_STOCK	4096u
#define FDS_PROCESS	(FDS_STOCK / 4)
#define FDS_USER	(FDS_STOCK / 2)

uint32_t fds_end = CM_FDS_ALL;
static uint32_t fds, over;		/* all; those beyond FDS_SURE each */

uint32_t
fd_count(void)
{
	return fds;
}

static uint32_t
beyond(uint32_t n)
{
	return n > FDS_SURE ? n - FDS_SURE : 0;
}

static void
count(struct proc *p, int32_t n)
{
	uint32_t before = beyond(p->nfds), more;

	p->nfds += (uint32_t)n;
	fds += (uint32_t)n;
	more = beyond(p->nfds) - before;
	over += more;
	p->leader->over += more;
}

static int64_t
stock_check(const struct proc *p, uint32_t n)
{
	uint32_t more = beyond(p->nfds + n) - beyond(p->nfds);

	return more > 0 && (over + more > FDS_STOCK ||
	    p->leader->over + more > FDS_PROCESS ||
	    proc_held(p->leader).over + more > FDS_USER) ? -L_ENFILE : 0;
}

/* The lowest free one from min on, below end. */
static uint32_t
fd_free(const struct proc *p, uint32_t min, uint32_t end)
{
	for (uint32_t i = min / 64; i < CM_FDS_ALL / 64; i++) {
		uint64_t free = ~p->open[i];

		if (i == min / 64)
			free &= ~0ull << min % 64;
		if (free != 0) {
			min = i * 64 + (uint32_t)__builtin_ctzll(free);
			break;
		}
	}
	return min < end ? min : end;
}

int64_t
fd_room(struct proc *p, uint32_t n)
{
	uint32_t fd = 0;

	for (uint32_t i = 0; i < n; i++, fd++) {
		fd = fd_free(p, fd, CM_FDS);
		if (fd >= limit_fds(p))
			return -L_EMFILE;
	}
	return stock_check(p, n);
}

static void
bit_set(uint64_t *bits, uint64_t fd, bool on)
{
	if (on)
		bits[fd / 64] |= 1ull << fd % 64;
	else
		bits[fd / 64] &= ~(1ull << fd % 64);
}

void
fd_mark(struct proc *p, uint64_t fd, bool cloexec)
{
	bit_set(p->cloexec, fd, cloexec);
}

bool
fd_marked(struct proc *p, uint64_t fd)
{
	return p->cloexec[fd / 64] >> fd % 64 & 1;
}

static void
enter(struct proc *p, uint32_t fd, struct file *f, bool cloexec)
{
	p->file[fd] = f;
	bit_set(p->open, fd, true);
	bit_set(p->cloexec, fd, cloexec);
	count(p, 1);
}

/* The descriptor takes over the caller's reference, if there is no error. */
int64_t
fd_add(struct proc *p, struct file *f, uint32_t min, bool cloexec)
{
	uint32_t end = min < CM_FDS ? limit_fds(p) : fds_end;
	uint32_t fd = min < end ? fd_free(p, min, end) : end;
	int64_t r;

	if (fd >= end)
		return -L_EMFILE;
	r = stock_check(p, 1);
	if (r != 0)
		return r;
	enter(p, fd, f, cloexec);
	return fd;
}

int64_t
fd_put(struct proc *p, uint32_t fd, struct file *f, bool cloexec)
{
	int64_t r;

	if (fd >= fds_end)
		return -L_EBADF;
	if (p->file[fd] == NULL) {
		r = stock_check(p, 1);
		if (r != 0)
			return r;
	} else {
		(void)fd_close(p, fd);
	}
	enter(p, fd, f, cloexec);
	return fd;
}

int64_t
fd_close(struct proc *p, uint64_t fd)
{
	struct file *f = fd_get(p, fd);

	if (f == NULL)
		return -L_EBADF;
	p->file[fd] = NULL;
	bit_set(p->open, fd, false);
	bit_set(p->cloexec, fd, false);
	count(p, -1);
	pipe_untap(f);
	if (f->inode != NULL && f->inode->locks != NULL)
		lock_closed(f, p);
	file_put(f);
	return 0;
}

/* Those of a mask, word by word. */
static void
close_bits(struct proc *p, uint32_t word, uint64_t bits)
{
	while (bits != 0) {
		(void)fd_close(p, word * 64 + (uint32_t)__builtin_ctzll(bits));
		bits &= bits - 1;
	}
}

void
fd_close_range(struct proc *p, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < CM_FDS_ALL / 64; i++) {
		uint64_t bits = p->open[i];

		if (bits == 0 || i < first / 64 || i > last / 64)
			continue;
		if (i == first / 64)
			bits &= ~0ull << first % 64;
		if (i == last / 64)
			bits &= ~0ull >> (63 - last % 64);
		close_bits(p, i, bits);
	}
}

void
fd_close_exec(struct proc *p)
{
	for (uint32_t i = 0; i < CM_FDS_ALL / 64; i++)
		close_bits(p, i, p->open[i] & p->cloexec[i]);
}

/* Copies of those from `first' on, a multiple of 64. */
int64_t
fd_inherit(struct proc *to, struct proc *from, uint32_t first)
{
	uint32_t n = 0;

	if (stock_check(to, from->nfds) != 0)
		return -L_ENFILE;
	for (uint32_t i = first / 64; i < CM_FDS_ALL / 64; i++) {
		uint64_t bits = from->open[i];

		to->open[i] = bits;
		to->cloexec[i] = from->cloexec[i];
		for (; bits != 0; bits &= bits - 1) {
			uint32_t fd = i * 64 +
			    (uint32_t)__builtin_ctzll(bits);

			to->file[fd] = from->file[fd];
			to->file[fd]->refs++;
			n++;
		}
	}
	count(to, (int32_t)n);
	return 0;
}
