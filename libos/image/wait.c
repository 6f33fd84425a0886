/*
 * wait.c - requests to the commons, and sleeping until it rings.
 *
 * The bell is looked at before a request is made, so that nothing which
 * happens after the answer is missed.
 */
#include "context.h"
#include "signal.h"
#include "wait.h"

#define SECOND		1000000000ul

struct share share;

#define READ_NONE(reading)	((reading) & ~0xfffful)

/* n bytes are wanted of a pipe that my window taps, or none any more:
 * false, it is not as it was. */
static inline bool
reading_set(struct cm_window *w, uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(&w->reading, &from, to, false,
	    __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/*
 * A fault that wants memory, say, asks for something while a read waits by the
 * window (CM_READ, deliver): that one begins again.  Or it has been answered:
 * what asks then leaves the window's data alone.
 */
static __attribute__((noinline)) void
reading_stop(struct cm_window *w)
{
	uint64_t was = w->reading;

	if (reading_set(w, was, READ_NONE(was)))
		__atomic_fetch_add(&w->bell, 1, __ATOMIC_SEQ_CST);
}

/* Requests are with what another context has. */
static inline bool
borrows(void)
{
	return remotes != 0 && me()->borrows;
}

long
commons(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct cm_window *w = my_window();
	uint64_t result;
	long r;

	if (CM_WANTS(w->reading) != 0)
		reading_stop(w);
	if (borrows() && cm_lends(op))
		op |= CM_LENT;
	/* BUSY: my seat there waits to be repaired, after I was pulled home. */
	while ((r = exo_call(me()->handle, op, a, b, c, d, &result)) ==
	    -EXO_E_BUSY)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return r < 0 ? -ENODEV : (long)result;
}

static inline long
commons_quick(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	long r = commons_try(op, a, b, c, d);

	return r == -CM_REFUSED ? commons(op, a, b, c, d) : r;
}

bool seat_shared;

void
commons_at(void)
{
	if (seat_shared)
		(void)commons(CM_CONTEXT_AT, own.domain, 0, 0, 0);
}

static uint64_t
tsc_at(uint64_t ns)
{
	uint64_t hz = EXO_MACHINE->tsc_hz;

	if (ns / SECOND >= ~0ul / hz)
		return ~0ul;
	return ns / SECOND * hz + ns % SECOND * hz / SECOND;
}

/*
 * Whom I woke last may be the one that I wait for: he has my time first.  What
 * goes to and fro between two needs no sleep then.
 */
void
wait_bell(uint64_t seen, uint64_t until)
{
	struct thread *t = me();
	struct cm_window *w = my_window();
	struct exo_sleep s;
	exo_id hint = w->hint;

	if (hint != 0) {
		w->hint = 0;
		(void)!exo_env_yield(hint, share.session_slot, EXO_NONE);
	}
	if (w->bell != seen)
		return;
	s = (struct exo_sleep){
		.prog = share.prog, .prog_slot = share.text_slot, .nwin = 1,
		.arg = { seen, until == WAIT_FOREVER ? ~0ul : tsc_at(until) },
		.win[0] = { .what = EXO_WIN_FRAME, .len = sizeof(w->bell),
		    .ppn = t->window, .slot = t->window_slot,
		    .epoch = EXO_PAGES[t->window].epoch },
	};
	if (exo_env_sleep((uint64_t)&s, EXO_ID_ANY, 0, EXO_NONE) < 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

long
commons_wait(uint64_t until, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	for (;;) {
		uint64_t seen = my_window()->bell;
		long r = commons(op, a, b, c, d);

		if (r != -CM_WAIT)
			return r;
		if (signal_interrupts())
			return -E_RESTART;
		if (until != WAIT_FOREVER && clock_ns() >= until)
			return -ETIMEDOUT;
		wait_bell(seen, until);
	}
}

long
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return commons_wait(WAIT_FOREVER, op, a, b, c, d);
}

/*
 * What came while it waited by the window: how many bytes.  It waits no more.
 * What was wanted is gone, and no answer here: who writes is on the way, and
 * before me in the commons.
 */
static uint64_t
answer_take(struct cm_window *w, uint64_t fd)
{
	uint64_t was = w->reading, n = w->answer;

	if (n == 0 && READ_NONE(was) == CM_READING(fd, 0) &&
	    (was == READ_NONE(was) || !reading_set(w, was, READ_NONE(was)))) {
		(void)commons(CM_NOP, 0, 0, 0, 0);
		n = w->answer;
	}
	w->answer = 0;
	return n < CM_DATA ? n : CM_DATA;
}

/*
 * From a pipe that is tapped already, what comes while whom I woke last has my
 * time: how many bytes; 0: the long way.
 */
static inline uint64_t
read_tap(struct cm_window *w, uint64_t fd, uint64_t n)
{
	exo_id hint;
	uint64_t got;

	if (borrows() ||
	    !reading_set(w, CM_READING(fd, 0), CM_READING(fd, n)))
		return 0;
	hint = w->hint;
	if (hint != 0) {
		w->hint = 0;
		(void)!exo_env_yield(hint, share.session_slot, EXO_NONE);
	}
	got = w->answer;
	if (got - 1 >= CM_DATA)		/* none */
		return answer_take(w, fd);
	w->answer = 0;
	return got;
}

long
read_short(uint64_t fd, uint64_t n)
{
	uint64_t got = read_tap(my_window(), fd, n);

	return got != 0 ? (long)got : ask_read(fd, n, (uint64_t)CM_POS);
}

long
ask_read(uint64_t fd, uint64_t n, uint64_t pos)
{
	struct cm_window *w = my_window();

	for (;;) {
		uint64_t seen = w->bell, got;

		if (pos != (uint64_t)CM_POS || n == 0 || borrows() ||
		    !reading_set(w, CM_READING(fd, 0), CM_READING(fd, n))) {
			long r = commons_quick(CM_READ, fd, n, pos, 1);

			if (r != -CM_WAIT)
				return r;
		}
		if ((w->pending & ~me()->blocked) == 0)
			wait_bell(seen, WAIT_FOREVER);
		got = answer_take(w, fd);
		if (got != 0)
			return (long)got;
		if (signal_interrupts())
			return -E_RESTART;
	}
}
