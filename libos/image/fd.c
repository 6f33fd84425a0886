/*
 * fd.c - calls about descriptors.
 */
#include <castor/string.h>

#include "signal.h"
#include "wait.h"

#define O_NONBLOCK	04000u
#define O_CLOEXEC	02000000ul
#define MS		1000000ul

/* Those from CM_FDS on are Castor's: for the program they are not there. */
static bool
fd_bad(uint64_t fd)
{
	return (uint32_t)fd >= CM_FDS;
}

long
call_close(uint64_t fd)
{
	return fd_bad(fd) ? -EBADF : commons(CM_CLOSE, fd, 0, 0, 0);
}

long
call_close_range(uint64_t first, uint64_t last, uint64_t flags)
{
	if (flags & ~4ul || (uint32_t)first > (uint32_t)last)
		return -EINVAL;
	return fd_bad(first) ? 0 : commons(CM_CLOSE_RANGE, first,
	    fd_bad(last) ? CM_FDS - 1 : last, flags >> 2, 0);
}

long
call_dup(uint64_t fd)
{
	return fd_bad(fd) ? -EBADF : commons(CM_DUP, fd, 0, 0, 0);
}

long
call_dup2(uint64_t fd, uint64_t to)
{
	return fd_bad(fd) || fd_bad(to) ? -EBADF :
	    commons(CM_DUP, fd, to, CM_DUP_TO, 0);
}

long
call_dup3(uint64_t fd, uint64_t to, uint64_t flags)
{
	if (fd == to || flags & ~O_CLOEXEC)
		return -EINVAL;
	return fd_bad(fd) || fd_bad(to) ? -EBADF :
	    commons(CM_DUP, fd, to, CM_DUP_TO | flags, 0);
}

enum { F_DUPFD = 0, F_GETLK = 5, F_SETLK = 6, F_SETLKW = 7,
	F_DUPFD_CLOEXEC = 1030, FLOCK_SIZE = 32 };

long
call_fcntl(uint64_t fd, uint64_t cmd, uint64_t arg)
{
	long r = 0;

	if (fd_bad(fd))
		return -EBADF;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return fd_bad(arg) ? -EINVAL : commons(CM_DUP, fd, arg,
		    cmd == F_DUPFD ? 0 : O_CLOEXEC, 0);
	if (cmd >= F_GETLK && cmd <= F_SETLKW)
		r = user_read(my_window()->data, arg, FLOCK_SIZE);
	if (r == 0)
		r = ask(CM_FCNTL, fd, cmd, arg, 0);
	if (r == 0 && cmd == F_GETLK)
		r = user_write(arg, my_window()->data, FLOCK_SIZE);
	return r;
}

long
call_flock(uint64_t fd, uint64_t op)
{
	return ask(CM_FLOCK, fd, op, 0, 0);
}

long
call_lseek(uint64_t fd, uint64_t offset, uint64_t whence)
{
	return commons(CM_SEEK, fd, offset, whence, 0);
}

long
call_fsync(uint64_t fd)
{
	return commons(CM_SYNC, fd, 0, 0, 0);
}

long
call_fdatasync(uint64_t fd)
{
	return call_fsync(fd);
}

long
call_sync(void)
{
	return 0;
}

long
call_fadvise64(uint64_t fd)
{
	return call_fsync(fd);
}

/* How many bytes of its argument a command reads and writes. */
static void
ioctl_sizes(uint64_t cmd, uint32_t *in, uint32_t *out)
{
	static const struct {
		uint32_t cmd;
		uint8_t in, out;
	} rows[] = {
		{ 0x5401, 0, 36 },	/* TCGETS */
		{ 0x5402, 36, 0 }, { 0x5403, 36, 0 }, { 0x5404, 36, 0 },
		{ 0x540f, 0, 4 },	/* TIOCGPGRP */
		{ 0x5410, 4, 0 },	/* TIOCSPGRP */
		{ 0x5411, 0, 4 },	/* TIOCOUTQ */
		{ 0x5413, 0, 8 },	/* TIOCGWINSZ */
		{ 0x5414, 8, 0 },	/* TIOCSWINSZ */
		{ 0x541b, 0, 4 },	/* FIONREAD */
		{ 0x5421, 4, 0 },	/* FIONBIO */
		{ 0x5429, 0, 4 },	/* TIOCGSID */
		{ 0x80045430, 0, 4 },	/* TIOCGPTN */
		{ 0x40045431, 4, 0 }	/* TIOCSPTLCK */
	};

	*in = *out = 0;
	for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].cmd == cmd) {
			*in = rows[i].in;
			*out = rows[i].out;
		}
	}
}

long
call_ioctl(uint64_t fd, uint64_t cmd, uint64_t arg)
{
	uint32_t in, out;
	long r = 0, e;

	cmd &= 0xffffffff;
	ioctl_sizes(cmd, &in, &out);
	if (in != 0)
		r = user_read(my_window()->data, arg, in);
	if (r == 0)
		r = ask(CM_IOCTL, fd, cmd, arg, 0);
	if (r < 0 || out == 0)
		return r;
	e = user_write(arg, my_window()->data, out);
	return e < 0 ? e : r;
}

long
call_pipe2(uint64_t to, uint64_t flags)
{
	long r = commons(CM_PIPE, flags, 0, 0, 0);
	uint64_t ends = (uint64_t)r;

	if (r < 0)
		return r;
	r = user_write(to, &ends, sizeof(ends));
	if (r < 0) {
		(void)commons(CM_CLOSE, ends & 0xffffffff, 0, 0, 0);
		(void)commons(CM_CLOSE, ends >> 32, 0, 0, 0);
	}
	return r;
}

long
call_pipe(uint64_t to)
{
	return call_pipe2(to, 0);
}

long
call_eventfd2(uint64_t initial, uint64_t flags)
{
	return commons(CM_EVENTFD, initial & 0xffffffff, flags, 0, 0);
}

long
call_eventfd(uint64_t initial)
{
	return call_eventfd2(initial, 0);
}

long
call_memfd_create(uint64_t name, uint64_t flags)
{
	char c;

	if (user_read(&c, name, 1) < 0)
		return -EFAULT;
	return commons(CM_MEMFD, flags & 1 ? O_CLOEXEC : 0, 0, 0, 0);
}

/* ---- waiting for several */

struct pollfd {
	int32_t fd;
	int16_t events, revents;
};
#define POLLS_MAX	(CM_DATA / sizeof(struct pollfd))
enum { POLLIN = 1, POLLPRI = 2, POLLOUT = 4, POLLERR = 8, POLLHUP = 16,
	POLLNVAL = 32 };

/* What was interrupted by a signal is not begun again. */
static long
no_restart(long r)
{
	return r == -E_RESTART ? -EINTR : r;
}

/* op(a, b, wait): until something, the time or a signal comes. */
static long
wait_any(uint64_t op, uint64_t a, uint64_t b, uint64_t until)
{
	long r;

	if (op == CM_POLL)
		r = until == 0 ? commons(op, a, 0, 0, 0) :
		    commons_wait(until, op, a, 1, 0, 0);
	else
		r = until == 0 ? commons(op, a, b, 0, 0) :
		    commons_wait(until, op, a, b, 1, 0);
	return r == -ETIMEDOUT || r == -CM_WAIT ? 0 : no_restart(r);
}

/* `until' for wait_any. */
static uint64_t
until_ms(uint64_t ms)
{
	int32_t n = (int32_t)ms;

	return n < 0 ? WAIT_FOREVER : n == 0 ? 0 : clock_ns() + (uint64_t)n * MS;
}

/* The same, by a struct timespec of the program's, or NULL; -errno. */
static long
until_timespec(uint64_t from, uint64_t *until)
{
	uint64_t ns;
	long r;

	*until = WAIT_FOREVER;
	if (from == 0)
		return 0;
	r = timespec_get(from, &ns);
	*until = ns == 0 ? 0 : clock_ns() + ns;
	return r;
}

static long
poll_fds(uint64_t fds, uint64_t n, uint64_t until)
{
	struct pollfd *p = (struct pollfd *)my_window()->data;
	long r, e;

	if (n > POLLS_MAX)
		return -EINVAL;
	r = user_read(p, fds, n * sizeof(*p));
	if (r < 0)
		return r;
	r = wait_any(CM_POLL, n, 0, until);
	if (r < 0)
		return r;
	e = user_write(fds, p, n * sizeof(*p));
	return e < 0 ? e : r;
}

long
call_poll(uint64_t fds, uint64_t n, uint64_t ms)
{
	return poll_fds(fds, n, until_ms(ms));
}

long
call_ppoll(uint64_t fds, uint64_t n, uint64_t timeout, uint64_t mask,
    uint64_t size)
{
	uint64_t until;
	long r = until_timespec(timeout, &until);

	if (r == 0)
		r = signal_mask_for_call(mask, size);
	return r < 0 ? r : poll_fds(fds, n, until);
}

/* ---- select, by poll */

#define SET_WORDS	(CM_FDS / 64)

struct sets {
	uint64_t user[3];		/* addresses: to read, write, except */
	uint64_t bits[3][SET_WORDS];
	uint64_t words;			/* of each that count */
};

static long
sets_get(struct sets *s, uint64_t n, uint64_t in, uint64_t out, uint64_t ex)
{
	long r = 0;

	*s = (struct sets){ .user = { in, out, ex } };
	if ((int32_t)n < 0)
		return -EINVAL;
	n = n < CM_FDS ? n : CM_FDS;
	s->words = (n + 63) / 64;
	for (uint32_t i = 0; i < 3 && r == 0; i++) {
		if (s->user[i] != 0)
			r = user_read(s->bits[i], s->user[i], s->words * 8);
		if (n % 64 != 0)
			s->bits[i][s->words - 1] &= (1ul << n % 64) - 1;
	}
	return r;
}

static bool
set_has(const uint64_t *bits, uint32_t fd)
{
	return bits[fd / 64] >> fd % 64 & 1;
}

static uint32_t
sets_poll(const struct sets *s, struct pollfd *p)
{
	static const int16_t events[3] = { POLLIN, POLLOUT, POLLPRI };
	uint32_t n = 0;

	for (uint32_t fd = 0; fd < s->words * 64; fd++) {
		int16_t want = 0;

		for (uint32_t i = 0; i < 3; i++)
			want |= set_has(s->bits[i], fd) ? events[i] : 0;
		if (want != 0)
			p[n++] = (struct pollfd){ (int32_t)fd, want, 0 };
	}
	return n;
}

/* What poll said, as sets: how many bits; -EBADF, -EFAULT. */
static long
sets_put(struct sets *s, const struct pollfd *p, uint32_t n)
{
	static const int16_t means[3] = { POLLIN | POLLHUP | POLLERR,
		POLLOUT | POLLERR, POLLPRI };
	uint64_t out[3][SET_WORDS] = { 0 };
	long count = 0, r = 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t fd = (uint32_t)p[k].fd;

		if (p[k].revents & POLLNVAL)
			return -EBADF;
		for (uint32_t i = 0; i < 3; i++) {
			if (set_has(s->bits[i], fd) && p[k].revents & means[i]) {
				out[i][fd / 64] |= 1ul << fd % 64;
				count++;
			}
		}
	}
	for (uint32_t i = 0; i < 3 && r == 0; i++) {
		if (s->user[i] != 0)
			r = user_write(s->user[i], out[i], s->words * 8);
	}
	return r < 0 ? r : count;
}

static long
select_until(uint64_t n, uint64_t in, uint64_t out, uint64_t ex,
    uint64_t until)
{
	struct pollfd *p = (struct pollfd *)my_window()->data;
	struct sets s;
	uint32_t fds;
	long r = sets_get(&s, n, in, out, ex);

	if (r < 0)
		return r;
	fds = sets_poll(&s, p);
	r = wait_any(CM_POLL, fds, 0, until);
	return r < 0 ? r : sets_put(&s, p, fds);
}

long
call_select(uint64_t n, uint64_t in, uint64_t out, uint64_t ex,
    uint64_t timeout)
{
	uint64_t until = WAIT_FOREVER, now;
	struct timeval t;
	long r = timeout == 0 ? 0 : user_read(&t, timeout, sizeof(t));

	if (r < 0)
		return r;
	if (timeout != 0) {
		if (t.sec < 0 || t.usec < 0)
			return -EINVAL;
		until = (uint64_t)(t.sec < 1l << 32 ? t.sec : 1l << 32) *
		    1000 * MS + (uint64_t)t.usec * 1000;
		until += until == 0 ? 0 : clock_ns();
	}
	r = select_until(n, in, out, ex, until);
	if (timeout != 0 && r >= 0) {
		now = clock_ns();
		now = until > now ? (until - now) / 1000 : 0;
		t = (struct timeval){ (int64_t)(now / 1000000),
		    (int64_t)(now % 1000000) };
		(void)!user_write(timeout, &t, sizeof(t));
	}
	return r;
}

long
call_pselect6(uint64_t n, uint64_t in, uint64_t out, uint64_t ex,
    uint64_t timeout, uint64_t mask)
{
	uint64_t until, set[2] = { 0, 8 };
	long r = until_timespec(timeout, &until);

	if (r == 0 && mask != 0)
		r = user_read(set, mask, sizeof(set));
	if (r == 0)
		r = signal_mask_for_call(set[0], set[1]);
	return r < 0 ? r : select_until(n, in, out, ex, until);
}

/* ---- epoll */

#define EVENT_SIZE	12u

long
call_epoll_create1(uint64_t flags)
{
	return commons(CM_EPOLL_CREATE, flags, 0, 0, 0);
}

long
call_epoll_create(uint64_t size)
{
	return (int32_t)size <= 0 ? -EINVAL : call_epoll_create1(0);
}

long
call_epoll_ctl(uint64_t epfd, uint64_t op, uint64_t fd, uint64_t event)
{
	long r = op == 2 ? 0 :		/* EPOLL_CTL_DEL */
	    user_read(my_window()->data, event, EVENT_SIZE);

	return r < 0 ? r : commons(CM_EPOLL_CTL, epfd, op, fd, 0);
}

static long
epoll_until(uint64_t epfd, uint64_t events, uint64_t max, uint64_t until)
{
	long r, e;

	if ((int32_t)max <= 0)
		return -EINVAL;
	max = max < CM_DATA / EVENT_SIZE ? max : CM_DATA / EVENT_SIZE;
	r = wait_any(CM_EPOLL_WAIT, epfd, max, until);
	if (r <= 0)
		return r;
	e = user_write(events, my_window()->data, (uint64_t)r * EVENT_SIZE);
	return e < 0 ? e : r;
}

long
call_epoll_wait(uint64_t epfd, uint64_t events, uint64_t max, uint64_t ms)
{
	return epoll_until(epfd, events, max, until_ms(ms));
}

long
call_epoll_pwait(uint64_t epfd, uint64_t events, uint64_t max, uint64_t ms,
    uint64_t mask, uint64_t size)
{
	long r = signal_mask_for_call(mask, size);

	return r < 0 ? r : epoll_until(epfd, events, max, until_ms(ms));
}

long
call_epoll_pwait2(uint64_t epfd, uint64_t events, uint64_t max,
    uint64_t timeout, uint64_t mask, uint64_t size)
{
	uint64_t until;
	long r = until_timespec(timeout, &until);

	if (r == 0)
		r = signal_mask_for_call(mask, size);
	return r < 0 ? r : epoll_until(epfd, events, max, until);
}
