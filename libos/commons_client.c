/*
 * commons_client.c - the commons, for native programs.
 */
#include <castor/commons_client.h>
#include <castor/seat.h>
#include <castor/self.h>
#include <castor/slot.h>
#include <castor/string.h>
#include <castor/vm.h>

#include "bell.bpf.h"

#define GONE_ERRNO	19		/* ENODEV */
#define START_TRIES	100000u

static exo_ppn prog;

/* ---- asking */

int64_t
commons_call(struct commons *c, uint64_t op, uint64_t a, uint64_t b,
    uint64_t d, uint64_t e)
{
	uint64_t result;
	long r;

	/* BUSY: my seat waits to be repaired, after I was pulled home. */
	while ((r = exo_call(c->handle, op, a, b, d, e, &result)) ==
	    -EXO_E_BUSY)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return r < 0 ? -GONE_ERRNO : (int64_t)result;
}

static long
prog_make(void)
{
	long r = prog != 0 ? 0 : vm_page(EXO_PG_PROG);

	if (r <= 0)
		return r;
	prog = (exo_ppn)r;
	return exo_prog_load(self->memory_slot, prog, (uint64_t)bell_bpf,
	    sizeof(bell_bpf) / sizeof(bell_bpf[0]));
}

void
commons_sleep(struct commons *c, uint64_t seen, uint64_t when)
{
	struct exo_sleep s = {
		.prog = prog, .prog_slot = self->memory_slot, .nwin = 1,
		.arg = { seen, when },
		.win[0] = { .what = EXO_WIN_FRAME, .len = 8,
		    .ppn = c->window, .slot = c->window_slot,
		    .epoch = EXO_PAGES[c->window].epoch },
	};

	if (exo_env_sleep((uint64_t)&s, EXO_ID_ANY, 0, EXO_NONE) < 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

/*
 * Whoever was woken by what I asked last may be the one that I wait for: it has
 * my time first.  What goes to and fro between two needs no sleep then.
 */
void
commons_turn(struct commons *c, uint64_t seen)
{
	exo_id hint = c->win->hint;

	if (hint != 0) {
		c->win->hint = 0;
		(void)!exo_env_yield(hint, c->session, EXO_NONE);
	}
	if (c->win->bell == seen)
		commons_sleep(c, seen, ~0ull);
}

/* A pipe that is tapped by fd: n bytes of it are wanted. */
static bool
tap(struct cm_window *w, uint64_t fd, uint64_t n)
{
	uint64_t none = CM_READING(fd, 0);

	return n != 0 && __atomic_compare_exchange_n(&w->reading, &none,
	    CM_READING(fd, n), false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* What came of it.  What was wanted is gone, and no answer here: who writes is
 * on the way. */
static int64_t
tap_answer(struct commons *c, uint64_t fd)
{
	uint64_t n = c->win->answer;

	if (n == 0 && c->win->reading == CM_READING(fd, 0)) {
		(void)!commons_call(c, CM_NOP, 0, 0, 0, 0);
		n = c->win->answer;
	}
	c->win->answer = 0;
	return (int64_t)n;
}

int64_t
commons_ask(struct commons *c, uint64_t op, uint64_t a, uint64_t b,
    uint64_t d, uint64_t e)
{
	bool taps = op == CM_READ && e == 1 && d == (uint64_t)CM_POS;

	for (;;) {
		uint64_t seen = c->win->bell;
		int64_t r = -CM_WAIT;

		if (!taps || !tap(c->win, a, b))
			r = commons_call(c, op, a, b, d, e);
		if (r != -CM_WAIT)
			return r;
		commons_turn(c, seen);
		r = taps ? tap_answer(c, a) : 0;
		if (r != 0)
			return r;
	}
}

/* ---- starting one */

/* Places and slots for it to fill, which it is told of. */
static long
ends_open(struct commons *c, const struct proc *server)
{
	long r = exo_handle_open(self->domain, self->domain_slot, c->handle,
	    server->domain);

	if (r == 0)
		r = exo_cap_open(c->window_slot, server->domain);
	if (r == 0)
		r = exo_cap_open(c->session, server->domain);
	return r;
}

/* The handle is minted last: then ask which frame the window is. */
static long
ends_use(struct commons *c, const struct proc *server)
{
	uint64_t ppn;
	long r = -EXO_E_GONE;

	for (uint32_t i = 0; i < START_TRIES && !proc_ended(server); i++) {
		r = exo_call(c->handle, CM_WINDOW, 0, 0, 0, 0, &ppn);
		if (r != -EXO_E_SLOT)
			break;
		(void)!exo_env_yield(server->env, server->name, EXO_NONE);
	}
	if (r < 0)
		return proc_ended(server) ? -EXO_E_GONE : r;
	c->window = (exo_ppn)ppn;
	r = vm_map_frame(c->window, VM_RW, c->window_slot);
	c->win = (struct cm_window *)r;
	return r < 0 ? r : 0;
}

static void
commons_drop(struct commons *c)
{
	(void)!exo_handle_drop(c->handle);
	slot_put(c->window_slot);
	slot_put(c->session);
}

/* A place of mine, and slots, that nobody has yet. */
static long
ends_take(struct commons *c)
{
	long place = place_open(self->domain);

	if (place < 0)
		return place;
	(void)!exo_handle_drop((uint64_t)place);
	*c = (struct commons){ .handle = (uint64_t)place,
	    .window_slot = slot_take(), .session = slot_take() };
	return c->session == EXO_NONE ? -EXO_E_FULL : 0;
}

long
commons_start(struct commons *c, struct proc *server, const uint32_t *limits)
{
	uint64_t user[32] = { 0 };
	struct proc_args args = { .name = "bin/commons", .limits = limits,
	    .user = user };
	long r = ends_take(c);

	if (r == 0)
		r = prog_make();
	user[CM_BOOT_DOMAIN] = self->domain;
	user[CM_BOOT_ENV] = self->env;
	user[CM_BOOT_PLACE] = c->handle;
	user[CM_BOOT_SLOT] = c->window_slot;
	user[CM_BOOT_SESSION] = c->session;
	if (r == 0)
		r = proc_make(server, &args);
	if (r < 0)
		return r;
	r = ends_open(c, server);
	if (r == 0)
		r = proc_start(server);
	if (r == 0)
		r = ends_use(c, server);
	c->domain = server->domain;
	if (r < 0) {
		commons_drop(c);
		(void)!proc_end(server);
	}
	return r;
}

void
commons_end(struct commons *c, struct proc *server)
{
	(void)!vm_unmap((uint64_t)c->win, 1);
	commons_drop(c);
	(void)!proc_end(server);
}

/* ---- children */

#define EAGAIN_ERRNO	11
#define CHILD_MAPS	16u

/* A slice for it, of its own account. */
static long
slice_give(const struct proc *p)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account == EXO_NONE &&
		    exo_slice_alloc(p->acct, p->name, p->name, i) == 0)
			return exo_slice_set(p->name, i, p->env, p->name);
	}
	return -EXO_E_BUSY;
}

/* The program, with its window and capabilities added to what was asked. */
static long
child_build(struct commons *c, struct proc *p, const struct proc_args *args,
    uint64_t va, const struct cm_fork *f, exo_slot name, exo_slot window)
{
	struct proc_map maps[CHILD_MAPS];
	struct proc_cap caps[CHILD_MAPS];
	struct proc_args a = *args;
	uint64_t user[32] = { 0 };
	long r;

	if (a.nmaps + 1 > CHILD_MAPS || a.ncaps + 2 > CHILD_MAPS)
		return -EXO_E_ARG;
	memcpy(maps, a.maps, a.nmaps * sizeof(maps[0]));
	memcpy(caps, a.caps, a.ncaps * sizeof(caps[0]));
	if (a.user != NULL)
		memcpy(user, a.user, sizeof(user));
	user[COMMONS_USER_WINDOW] = va;
	user[COMMONS_USER_SLOT] = EXO_START_SLOTS + a.ncaps;
	maps[a.nmaps++] = (struct proc_map){ va, VM_RW, f->window, window };
	caps[a.ncaps++] = (struct proc_cap){ window, EXO_R_READ | EXO_R_WRITE };
	caps[a.ncaps++] = (struct proc_cap){ c->session,
	    EXO_R_RUN | EXO_R_VIEW };
	a.maps = maps;
	a.caps = caps;
	a.user = user;
	a.acct = f->acct;
	a.acct_name = name;
	r = proc_make(p, &a);
	if (r == 0)
		r = exo_handle_open(p->domain, p->name, 0, c->domain);
	return r < 0 ? r : slice_give(p);
}

int64_t
commons_child(struct commons *c, struct proc *p, const struct proc_args *args,
    uint64_t window_va, uint64_t frames)
{
	exo_slot name = slot_take(), window = slot_take();
	struct cm_fork f;
	int64_t pid = -EAGAIN_ERRNO, r;

	if (window != EXO_NONE && exo_cap_open(name, c->domain) == 0 &&
	    exo_cap_open(window, c->domain) == 0)
		pid = commons_call(c, CM_FORK_BEGIN, frames, name, window,
		    17);
	if (pid >= 0) {
		memcpy(&f, c->win->data, sizeof(f));
		r = child_build(c, p, args, window_va, &f, name, window);
		r = r < 0 ? -EAGAIN_ERRNO : commons_call(c, CM_FORK_END,
		    (uint64_t)pid, p->domain, p->env, 0);
		if (r < 0) {
			(void)!commons_call(c, CM_FORK_ABORT, (uint64_t)pid,
			    0, 0, 0);
			pid = r;
		}
	}
	slot_put(window);
	if (pid < 0)
		slot_put(name);
	return pid;
}

void
commons_let(struct proc *p)
{
	slot_put(p->name);
	p->name = EXO_NONE;
}

void
commons_join(struct commons *c)
{
	uint64_t slot = self->user[COMMONS_USER_SLOT];

	*c = (struct commons){
		.win = (struct cm_window *)self->user[COMMONS_USER_WINDOW],
		.window_slot = (exo_slot)slot, .session = (exo_slot)slot + 1,
	};
	c->domain = c->win->commons;
	c->window = (exo_ppn)commons_call(c, CM_WINDOW, 0, 0, 0, 0);
	MUST(prog_make());
}
