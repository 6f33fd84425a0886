/*
 * copy.c - calls about a file's bytes that never come to the program.
 */
#include "wait.h"

#define AT_POS		((uint64_t)CM_POS)
enum { SEEK_SET, SEEK_CUR, SEEK_END };
enum { KEEP_SIZE = 1 };

/* Where it begins: as the program says, or where the descriptor is. */
static long
place_get(uint64_t fd, uint64_t from, uint64_t *pos)
{
	long r;

	if (from != 0)
		return user_read(pos, from, sizeof(*pos));
	r = commons(CM_SEEK, fd, 0, SEEK_CUR, 0);
	*pos = (uint64_t)r;
	return r < 0 ? r : 0;
}

static long
place_put(uint64_t fd, uint64_t to, uint64_t pos)
{
	long r;

	if (to != 0)
		return user_write(to, &pos, sizeof(pos));
	r = commons(CM_SEEK, fd, pos, SEEK_SET, 0);
	return r < 0 ? r : 0;
}

/* Both have places: so what was not written is read again. */
long
call_copy_file_range(uint64_t in, uint64_t from, uint64_t out, uint64_t to,
    uint64_t n, uint64_t flags)
{
	uint64_t ipos, opos, done = 0;
	long r = flags != 0 ? -EINVAL : place_get(in, from, &ipos), e;

	if (r == 0)
		r = place_get(out, to, &opos);
	if (r < 0)
		return r == -ESPIPE ? -EINVAL : r;
	while (r >= 0 && done < n) {
		r = ask(CM_READ, in, n - done < CM_DATA ? n - done : CM_DATA,
		    ipos, 0);
		if (r > 0)
			r = ask(CM_WRITE, out, (uint64_t)r, opos, 0);
		if (r <= 0)
			break;
		done += (uint64_t)r;
		ipos += (uint64_t)r;
		opos += (uint64_t)r;
	}
	if (done == 0)
		return r;
	e = place_put(in, from, ipos);
	if (e == 0)
		e = place_put(out, to, opos);
	return e < 0 ? e : (long)done;
}

/* Pages come when they are written: only the size can be seen to. */
long
call_fallocate(uint64_t fd, uint64_t mode, uint64_t offset, uint64_t n)
{
	uint64_t size, end;
	long r;

	if ((int64_t)offset < 0 || (int64_t)n <= 0)
		return -EINVAL;
	if (__builtin_add_overflow(offset, n, &end) || (int64_t)end < 0)
		return -EFBIG;
	if (mode & ~(uint64_t)KEEP_SIZE)
		return -EOPNOTSUPP;
	r = commons(CM_STAT, fd, 0, 0x1000, 0);		/* AT_EMPTY_PATH */
	if (r < 0)
		return r;
	__builtin_memcpy(&size, my_window()->data + 48, sizeof(size));
	return mode & KEEP_SIZE || end <= size ? 0 :
	    ask(CM_TRUNCATE, fd, 0, end, 0);
}

long	call_readahead(uint64_t fd) { return commons(CM_SYNC, fd, 0, 0, 0); }
long	call_syncfs(uint64_t fd) { return commons(CM_SYNC, fd, 0, 0, 0); }

long
call_sync_file_range(uint64_t fd)
{
	return commons(CM_SYNC, fd, 0, 0, 0);
}
