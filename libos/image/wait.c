/*
 * wait.c - requests to the commons, and sleeping until it rings.
 *
 * The bell is looked at before a request is made, so that nothing which
 * happens after the answer is missed.
 */
#include "signal.h"
#include "wait.h"

#define SECOND		1000000000ul

struct share share;

long
commons(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	uint64_t result;
	long r;

	/* BUSY: my seat there waits to be repaired, after I was pulled home. */
	while ((r = exo_call(me()->handle, op, a, b, c, d, &result)) ==
	    -EXO_E_BUSY)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return r < 0 ? -ENODEV : (long)result;
}

static uint64_t
tsc_at(uint64_t ns)
{
	uint64_t hz = EXO_MACHINE->tsc_hz;

	if (ns / SECOND >= ~0ul / hz)
		return ~0ul;
	return ns / SECOND * hz + ns % SECOND * hz / SECOND;
}

/* With a hint of whom I woke, he gets the rest of my slice. */
void
wait_bell(uint64_t seen, uint64_t until)
{
	struct thread *t = me();
	struct cm_window *w = my_window();
	struct exo_sleep s = {
		.prog = share.prog, .prog_slot = share.text_slot, .nwin = 1,
		.arg = { seen, until == WAIT_FOREVER ? ~0ul : tsc_at(until) },
		.win[0] = { .what = EXO_WIN_FRAME, .len = sizeof(w->bell),
		    .ppn = t->window, .slot = t->window_slot,
		    .epoch = EXO_PAGES[t->window].epoch },
	};
	exo_id hint = w->hint;
	long r = -EXO_E_NAME;

	w->hint = 0;
	if (hint != 0)
		r = exo_env_sleep((uint64_t)&s, hint, share.session_slot,
		    EXO_NONE);
	if (r < 0)
		r = exo_env_sleep((uint64_t)&s, EXO_ID_ANY, 0, EXO_NONE);
	if (r < 0)
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
