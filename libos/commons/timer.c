/*
 * timer.c - timers: those with numbers (timer_create), whose running out is a
 * signal, and those that are descriptors (timerfd).
 *
 * Invariants: (1) a timer that runs (when != 0) is on `running', and no other.
 *	       (2) one with a number is among its process's; it goes with that.
 */
#include <castor/string.h>

#include "pool.h"
#include "request.h"
#include "world.h"

#define TIMERS_MAX	1024u
#define TIMERS_EACH	32u
#define SOONEST		50000u		/* ns: no timer runs out more often */

struct timer {
	struct timer *next, **prev;	/* running */
	uint64_t when, interval;
	uint64_t count;			/* times that nobody was told of */
	struct proc *proc;		/* NULL: a descriptor's */
	struct timer *mine;		/* of the same process */
	uint32_t id, sig, tid, clock;
	bool queued;			/* its signal waits */
	uint64_t value, overrun;
	struct waitq rq;
};

static struct pool timers = POOL(struct timer, TIMERS_MAX, false);
static struct timer *running;
static struct timer *cursor;		/* of timers_run: never a stale one */

/* ---- running */

static void
timer_stop(struct timer *t)
{
	if (t->when == 0)
		return;
	if (cursor == t)
		cursor = t->next;
	*t->prev = t->next;
	if (t->next != NULL)
		t->next->prev = t->prev;
	t->when = 0;
}

static void
timer_start(struct timer *t, uint64_t when)
{
	timer_stop(t);
	if (when == 0)
		return;
	t->when = when;
	t->next = running;
	t->prev = &running;
	if (t->next != NULL)
		t->next->prev = &t->next;
	running = t;
}

/* Times that it ran out until now; it goes on, or stops. */
static uint64_t
timer_count(struct timer *t, uint64_t now)
{
	uint64_t n = 1, next;

	if (t->interval == 0) {
		timer_stop(t);
		return 1;
	}
	n += (now - t->when) / t->interval;
	next = t->when + n * t->interval;
	t->when = next < now + SOONEST ? now + SOONEST : next;
	return n;
}

static void
timer_tell(struct timer *t)
{
	struct why w = { .code = (uint32_t)L_SI_TIMER, .pid = t->id,
	    .value = t->value, .timer = t };
	struct seat *s = t->tid == 0 ? NULL : proc_seat(t->proc, t->tid);

	if (t->sig == 0 || t->queued)
		return;
	t->queued = true;
	if (!signal_send(t->proc, s, t->sig, &w))
		t->queued = false;
}

uint64_t
timers_run(uint64_t now)
{
	uint64_t soonest = ~0ull;
	struct timer *t;

	for (cursor = running; (t = cursor) != NULL;) {
		bool out = t->when <= now;

		cursor = t->next;
		if (out)
			t->count += timer_count(t, now);
		if (t->when != 0 && t->when < soonest)
			soonest = t->when;
		if (out && t->proc == NULL)
			wake(&t->rq);
		else if (out)
			timer_tell(t);	/* which may be its process's end */
	}
	return soonest;
}

/* Its signal is taken: how often it would have come meanwhile. */
void
timer_taken(struct timer *t, struct why *w)
{
	t->queued = false;
	t->overrun = t->count > 0 ? t->count - 1 : 0;
	t->count = 0;
	w->uid = t->overrun > INT32_MAX ? INT32_MAX : (uint32_t)t->overrun;
	w->timer = NULL;
}

/* when ~0: only tell. */
static int64_t
timer_set(struct timer *t, uint64_t when, uint64_t interval, uint8_t *data)
{
	uint64_t now = world_clock();
	struct cm_timer out = { .interval = t->interval,
	    .overrun = t->overrun, .clock = t->clock };

	if (t->when != 0)
		out.left = t->when > now ? t->when - now : 1;
	if (when != ~0ull && (when > INT64_MAX || interval > INT64_MAX / 2))
		return -L_EINVAL;
	if (when != ~0ull) {
		t->interval = interval;
		t->count = 0;
		if (t->proc != NULL)
			signal_timer_end(t->proc, t);
		t->queued = false;
		timer_start(t, when);
		world_kick();
	}
	memcpy(data, &out, sizeof(out));
	return 0;
}

/* ---- with numbers */

static struct timer **
timer_find(struct proc *p, uint64_t id)
{
	struct timer **at = &p->timers;

	while (*at != NULL && (*at)->id != id)
		at = &(*at)->mine;
	return at;
}

static void
timer_end(struct proc *p, struct timer **at)
{
	struct timer *t = *at;

	*at = t->mine;
	timer_stop(t);
	signal_timer_end(p, t);
	pool_put(&timers, t);
}

void
timers_end(struct proc *p)
{
	while (p->timers != NULL)
		timer_end(p, &p->timers);
}

REQUEST(TIMER_NEW)
{
	struct timer *t;
	uint32_t id = 0;

	if (a > L_NSIG ||
	    (b != 0 && proc_seat(process_of(s), (uint32_t)b) == NULL))
		return -L_EINVAL;
	while (id < TIMERS_EACH && *timer_find(process_of(s), id) != NULL)
		id++;
	t = id < TIMERS_EACH ? pool_get(&timers) : NULL;
	if (t == NULL)
		return -L_EAGAIN;
	t->proc = process_of(s);
	t->id = id;
	t->sig = (uint32_t)a;
	t->tid = (uint32_t)b;
	t->clock = (uint32_t)c;
	memcpy(&t->value, s->win->data, sizeof(t->value));
	if (t->value == ~0ull)
		t->value = id;
	t->mine = process_of(s)->timers;
	process_of(s)->timers = t;
	return id;
}

REQUEST(TIMER_SET)
{
	struct timer *t = *timer_find(process_of(s), a);

	return t == NULL ? -L_EINVAL : timer_set(t, b, c, s->win->data);
}

REQUEST(TIMER_END)
{
	struct timer **at = timer_find(process_of(s), a);

	if (*at == NULL)
		return -L_EINVAL;
	timer_end(process_of(s), at);
	return 0;
}

/* ---- descriptors */

/* It may have run out since the last pass. */
static void
timer_look(struct timer *t)
{
	uint64_t now = world_clock();

	if (t->when != 0 && t->when <= now)
		t->count += timer_count(t, now);
}

static int64_t
timer_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct timer *t = f->timer;

	(void)pos;
	if (n < sizeof(t->count))
		return -L_EINVAL;
	timer_look(t);
	if (t->count == 0)
		return file_block(f, &t->rq);
	memcpy(to, &t->count, sizeof(t->count));
	t->count = 0;
	return sizeof(t->count);
}

static uint32_t
timer_poll(struct file *f, struct seat *s)
{
	timer_look(f->timer);
	if (s != NULL)
		(void)wait_on(&f->timer->rq, s);
	return f->timer->count > 0 ? L_POLLIN | L_POLLRDNORM : 0;
}

static uint32_t
timer_seq(const struct file *f)
{
	return f->timer->rq.seq;
}

static void
timer_close(struct file *f)
{
	timer_stop(f->timer);
	wait_end(&f->timer->rq);
	pool_put(&timers, f->timer);
}

static const struct file_ops timer_ops = {
	.read = timer_read, .poll = timer_poll, .seq = timer_seq,
	.close = timer_close,
};

REQUEST(TIMERFD)
{
	struct timer *t;
	struct file *f;
	int64_t r = fd_room(s->proc, 1);

	if ((a & ~(uint64_t)(L_O_NONBLOCK | L_O_CLOEXEC)) != 0)
		return -L_EINVAL;
	t = r == 0 ? pool_get(&timers) : NULL;
	f = t == NULL ? NULL : file_new(&timer_ops, L_O_RDWR |
	    ((uint32_t)a & L_O_NONBLOCK));
	if (f == NULL) {
		if (t != NULL)
			pool_put(&timers, t);
		return r != 0 ? r : -L_ENFILE;
	}
	t->clock = (uint32_t)b;
	f->timer = t;
	return fd_add(s->proc, f, 0, (a & L_O_CLOEXEC) != 0);
}

REQUEST(TIMERFD_SET)
{
	struct file *f = fd_get(s->proc, a);

	if (f == NULL)
		return -L_EBADF;
	return f->ops != &timer_ops ? -L_EINVAL :
	    timer_set(f->timer, b, c, s->win->data);
}
