/*
 * signalfd.c - signals that are read from a descriptor.
 *
 * What is read is the reader's: whoever has the descriptor takes his own
 * process's signals.
 */
#include <castor/string.h>

#include "request.h"

#define INFO_SIZE	128u

/* struct signalfd_siginfo, as far as it is filled in. */
struct info_out {
	uint32_t signo;
	int32_t error, code;
	uint32_t pid, uid;
	int32_t fd;
	uint32_t tid, band, overrun, trapno;
	int32_t status, value_int;
	uint64_t value;
};
_Static_assert(sizeof(struct info_out) == 56, "Linux");

/* Marks of this process that the caller may take, in one window. */
static uint64_t
marks(const struct seat *s)
{
	return s->win->pending & (s == here ? ~0ull : ~s->win->directed);
}

static uint64_t
waiting(void)
{
	uint64_t bits = 0;

	for (struct seat *s = process_of(here)->seats; s != NULL; s = s->next)
		bits |= marks(s);
	return bits;
}

static bool
take(uint32_t sig)
{
	uint64_t bit = L_SIGBIT(sig);

	for (struct seat *s = process_of(here)->seats; s != NULL; s = s->next) {
		if ((marks(s) & bit) && (__atomic_fetch_and(&s->win->pending,
		    ~bit, __ATOMIC_RELAXED) & bit))
			return true;
	}
	return false;
}

static void
info_put(uint8_t *to, uint32_t sig)
{
	struct info_out out;
	struct why w;

	signal_taken(here, sig, &w);
	out = (struct info_out){ .signo = sig, .code = (int32_t)w.code,
	    .pid = w.pid, .uid = w.uid, .status = (int32_t)w.status,
	    .value = w.value, .value_int = (int32_t)w.value };
	if (out.code == L_SI_TIMER) {
		out.tid = w.pid;
		out.overrun = w.uid;
		out.pid = out.uid = 0;
	}
	memset(to, 0, INFO_SIZE);
	memcpy(to, &out, sizeof(out));
}

static int64_t
signalfd_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	size_t done = 0;
	uint64_t bits;

	(void)pos;
	if (n < INFO_SIZE)
		return -L_EINVAL;
	while (n - done >= INFO_SIZE && (bits = waiting() & f->mask) != 0) {
		uint32_t sig = (uint32_t)__builtin_ctzll(bits) + 1;

		if (!take(sig))
			break;
		info_put(to + done, sig);
		done += INFO_SIZE;
	}
	return done > 0 ? (int64_t)done :
	    file_block(f, &process_of(here)->sigq);
}

/* An epoll may be asked by another process: then for that one's signals. */
static uint32_t
signalfd_poll(struct file *f, struct seat *s)
{
	if (here == NULL || here->proc == NULL)
		return 0;
	if (s != NULL)
		(void)wait_on(&process_of(here)->sigq, s);
	return waiting() & f->mask ? L_POLLIN | L_POLLRDNORM : 0;
}

static uint32_t
signalfd_seq(const struct file *f)
{
	(void)f;
	return here == NULL || here->proc == NULL ? 0 :
	    process_of(here)->sigq.seq;
}

static const struct file_ops signalfd_ops = {
	.read = signalfd_read, .poll = signalfd_poll, .seq = signalfd_seq,
};

REQUEST(SIGNALFD)
{
	struct file *f;
	uint64_t mask;
	int64_t r;

	memcpy(&mask, s->win->data, sizeof(mask));
	mask &= ~(L_SIGBIT(L_SIGKILL) | L_SIGBIT(L_SIGSTOP));
	if ((b & ~(uint64_t)(L_O_NONBLOCK | L_O_CLOEXEC)) != 0)
		return -L_EINVAL;
	if ((int32_t)a != -1) {
		f = fd_get(s->proc, (uint32_t)a);
		if (f == NULL)
			return -L_EBADF;
		if (f->ops != &signalfd_ops)
			return -L_EINVAL;
		f->mask = mask;
		return (int64_t)a;
	}
	r = fd_room(s->proc, 1);
	if (r != 0)
		return r;
	f = file_new(&signalfd_ops, L_O_RDWR | ((uint32_t)b & L_O_NONBLOCK));
	if (f == NULL)
		return -L_ENFILE;
	f->mask = mask;
	return fd_add(s->proc, f, 0, (b & L_O_CLOEXEC) != 0);
}
