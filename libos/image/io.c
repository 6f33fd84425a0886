/*
 * io.c - bytes in and out of descriptors, through the window.
 */
#include <castor/string.h>

#include "wait.h"

#define IOV_MAX		1024u
#define TRANSFER_MAX	0x7ffff000ul
#define AT_POS		((uint64_t)CM_POS)

/* Where a transfer is in the program's memory: parts, one after the other. */
struct iter {
	uint64_t iov;			/* the next part's; 0: there is none */
	uint64_t parts;			/* from there on */
	struct iovec now;		/* what is left of this one */
};

static long
iter_one(struct iter *it, uint64_t base, uint64_t len)
{
	*it = (struct iter){ .now = { base, len < TRANSFER_MAX ? len :
	    TRANSFER_MAX } };
	return 0;
}

/* Also: how much it is altogether. */
static long
iter_many(struct iter *it, uint64_t iov, uint64_t parts)
{
	uint64_t total = 0;

	*it = (struct iter){ .iov = iov, .parts = parts };
	if (parts > IOV_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < parts; i++) {
		struct iovec v;
		long r = user_read(&v, iov + i * sizeof(v), sizeof(v));

		if (r < 0)
			return r;
		if (v.len > TRANSFER_MAX)
			return -EINVAL;
		total += v.len;
	}
	return total > TRANSFER_MAX ? -EINVAL : 0;
}

/* Go on to a part with something in it: false, that was all. */
static bool
iter_next(struct iter *it)
{
	while (it->now.len == 0) {
		if (it->parts == 0 || user_read(&it->now, it->iov,
		    sizeof(it->now)) < 0)
			return false;
		it->iov += sizeof(it->now);
		it->parts--;
	}
	return true;
}

/* What is left, CM_DATA at the most. */
static uint64_t
iter_left(struct iter it)
{
	uint64_t n = 0;

	while (n < CM_DATA && iter_next(&it)) {
		n += it.now.len;
		it.now.len = 0;
	}
	return n < CM_DATA ? n : CM_DATA;
}

/* n bytes between it and the window; -EFAULT. */
static long
iter_copy(struct iter *it, uint64_t n, bool out)
{
	uint8_t *data = my_window()->data;
	long r = 0;

	while (n > 0 && r == 0 && iter_next(it)) {
		uint64_t now = n < it->now.len ? n : it->now.len;

		r = out ? user_read(data, it->now.base, now) :
		    user_write(it->now.base, data, now);
		it->now.base += now;
		it->now.len -= now;
		data += now;
		n -= now;
	}
	return r;
}

/* What came before an error counts. */
static long
result(uint64_t done, long r)
{
	return done > 0 ? (long)done : r;
}

static long
read_all(uint64_t fd, struct iter *it, uint64_t pos)
{
	uint64_t done = 0, n;
	long r = 0, e;

	for (;;) {
		n = iter_left(*it);
		if (n == 0 && done > 0)
			return (long)done;
		r = done == 0 ? ask_read(fd, n, pos) :
		    commons(CM_READ, fd, n, pos, 0);
		if (r <= 0)
			return result(done, r);
		e = iter_copy(it, (uint64_t)r, false);
		if (e < 0)
			return result(done, e);
		done += (uint64_t)r;
		pos += pos == AT_POS ? 0 : (uint64_t)r;
		if ((uint64_t)r < n)
			return (long)done;
	}
}

/* At most a pipe's atomic size, and more than a window holds: both parts of it
 * become visible at once. */
static long
write_parts(uint64_t fd, struct iter *it, uint64_t total, uint64_t pos)
{
	struct iter from = *it;
	uint64_t done;
	long r;

	do {
		*it = from;
		r = iter_copy(it, CM_DATA, true);
		if (r == 0)
			r = ask(CM_WRITE, fd, CM_DATA, pos, total << 32);
		if (r <= 0)
			return r;
		done = (uint64_t)r;
		if (done < CM_DATA)
			return r;
		pos += pos == AT_POS ? 0 : done;
		r = iter_copy(it, total - done, true);
		if (r == 0)
			r = ask(CM_WRITE, fd, total - done, pos,
			    total << 32 | done);
	} while (r == -CM_RESTART);
	return r < 0 ? result(done, r) : r + (long)done;
}

static uint64_t
iter_total(struct iter it)
{
	uint64_t n = 0;

	while (n <= CM_PIPE_BUF && iter_next(&it)) {
		n += it.now.len;
		it.now.len = 0;
	}
	return n;
}

static long
write_all(uint64_t fd, struct iter *it, uint64_t pos)
{
	uint64_t done = 0, n = iter_total(*it);
	long r;

	if (n > CM_DATA && n <= CM_PIPE_BUF)
		return write_parts(fd, it, n, pos);
	do {
		n = iter_left(*it);
		if (n == 0 && done > 0)
			return (long)done;
		struct iter before = *it;

		r = iter_copy(it, n, true);
		if (r == 0)
			r = ask(CM_WRITE, fd, n, pos, 0);
		if (r < 0)
			return result(done, r);
		done += (uint64_t)r;
		pos += pos == AT_POS ? 0 : (uint64_t)r;
		if ((uint64_t)r < n) {		/* some: again from there */
			*it = before;
			for (uint64_t skip = (uint64_t)r; skip > 0;) {
				uint64_t now;

				if (!iter_next(it))
					break;
				now = skip < it->now.len ? skip : it->now.len;
				it->now.base += now;
				it->now.len -= now;
				skip -= now;
			}
		}
	} while (r > 0);
	return (long)done;
}

/* What fits into a window takes the short way. */
long
call_read(uint64_t fd, uint64_t to, uint64_t n)
{
	struct iter it;
	long r, e;

	if (n - 1 >= CM_DATA) {
		r = iter_one(&it, to, n);
		return r < 0 ? r : read_all(fd, &it, AT_POS);
	}
	r = read_short(fd, n);
	if (r <= 0)
		return r;
	e = user_write(to, my_window()->data, (uint64_t)r);
	return e < 0 ? e : r;
}

long
call_write(uint64_t fd, uint64_t from, uint64_t n)
{
	uint64_t done = 0;
	struct iter it;
	long r;

	if (n - 1 < CM_DATA) {
		r = user_read(my_window()->data, from, n);
		if (r == 0)
			r = commons_try(CM_WRITE, fd, n, AT_POS, 0);
		if (r == -CM_WAIT || r == -CM_REFUSED)
			r = ask(CM_WRITE, fd, n, AT_POS, 0);
		if (r <= 0 || (uint64_t)r == n)
			return r;
		done = (uint64_t)r;
	}
	r = iter_one(&it, from + done, n - done);
	if (r == 0)
		r = write_all(fd, &it, AT_POS);
	return r < 0 ? result(done, r) : r + (long)done;
}

long
call_pread64(uint64_t fd, uint64_t to, uint64_t n, uint64_t pos)
{
	struct iter it;
	long r = (int64_t)pos < 0 ? -EINVAL : iter_one(&it, to, n);

	return r < 0 ? r : read_all(fd, &it, pos);
}

long
call_pwrite64(uint64_t fd, uint64_t from, uint64_t n, uint64_t pos)
{
	struct iter it;
	long r = (int64_t)pos < 0 ? -EINVAL : iter_one(&it, from, n);

	return r < 0 ? r : write_all(fd, &it, pos);
}

long
call_readv(uint64_t fd, uint64_t iov, uint64_t n)
{
	struct iter it;
	long r = iter_many(&it, iov, n);

	return r < 0 ? r : read_all(fd, &it, AT_POS);
}

long
call_writev(uint64_t fd, uint64_t iov, uint64_t n)
{
	struct iter it;
	long r = iter_many(&it, iov, n);

	return r < 0 ? r : write_all(fd, &it, AT_POS);
}

long
call_preadv(uint64_t fd, uint64_t iov, uint64_t n, uint64_t pos)
{
	struct iter it;
	long r = (int64_t)pos < 0 ? -EINVAL : iter_many(&it, iov, n);

	return r < 0 ? r : read_all(fd, &it, pos);
}

long
call_pwritev(uint64_t fd, uint64_t iov, uint64_t n, uint64_t pos)
{
	struct iter it;
	long r = (int64_t)pos < 0 ? -EINVAL : iter_many(&it, iov, n);

	return r < 0 ? r : write_all(fd, &it, pos);
}

/* Flags that could be given make no difference here; -1: at its own offset. */
#define RWF_KNOWN	0x1ful

long
call_preadv2(uint64_t fd, uint64_t iov, uint64_t n, uint64_t pos,
    uint64_t high, uint64_t flags)
{
	(void)high;
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	return pos == ~0ul ? call_readv(fd, iov, n) :
	    call_preadv(fd, iov, n, pos);
}

long
call_pwritev2(uint64_t fd, uint64_t iov, uint64_t n, uint64_t pos,
    uint64_t high, uint64_t flags)
{
	(void)high;
	if (flags & ~RWF_KNOWN)
		return -EOPNOTSUPP;
	return pos == ~0ul ? call_writev(fd, iov, n) :
	    call_pwritev(fd, iov, n, pos);
}

/*
 * From file to anything: what was read into the window is written from it.
 * What has no place to read at is EINVAL (sendfile(2)): it may end, or have
 * something, and then nothing for long.
 */
long
call_sendfile(uint64_t out, uint64_t in, uint64_t offset, uint64_t n)
{
	uint64_t pos = AT_POS, done = 0, skip;
	long r = commons(CM_SEEK, in, 0, 1, 0);

	if (r == -ESPIPE)
		return -EINVAL;
	if (r >= 0)
		r = offset == 0 ? 0 : user_read(&pos, offset, sizeof(pos));
	while (r >= 0 && done < n) {
		uint64_t now = n - done < CM_DATA ? n - done : CM_DATA;

		r = ask_read(in, now, pos);
		if (r <= 0)
			break;
		now = (uint64_t)r;
		for (skip = 0; r > 0 && skip < now; skip += (uint64_t)r) {
			if (skip > 0)
				memmove(my_window()->data,
				    my_window()->data + r, now - skip);
			r = ask(CM_WRITE, out, now - skip, AT_POS, 0);
			if (r < 0)
				break;
		}
		done += skip;
		pos += pos == AT_POS ? 0 : skip;
		if (skip < now && pos == AT_POS)	/* not written: unread */
			(void)commons(CM_SEEK, in, (uint64_t)-(now - skip), 1,
			    0);
	}
	if (offset != 0 && done > 0 && user_write(offset, &pos,
	    sizeof(pos)) < 0)
		return -EFAULT;
	return result(done, r);
}
