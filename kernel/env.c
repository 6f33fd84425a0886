/*
 * env.c - envs: streams of CPU time that move between seats.
 *
 * At any time an env is in exactly one seat; each seat that is AWAY is on the
 * chain of the env it names.  An env is at home at the base of its chain;
 * whatever is above is foreign.
 *
 * Kill, stop and forced yield of an env in a foreign domain are *pending*: the
 * base of its chain is hidden (chain[0].seat is NULL, base_seat holds it), so
 * that the reply which would bring it home comes to C; past the deadline it is
 * pulled home and every foreign seat of its chain is ABANDONED.
 *
 * Invariants: (1) pub->pending != 0 only while its chain is not empty.
 *	       (2) a link's seat is NULL only for a trap (trap_seat[i]), a
 *		   caller that is gone, or the hidden base.
 *	       (3) a DEAD env has no chain, and no seat but the one it died
 *		   in, until either it or that seat's domain is reaped.
 *	       (4) only at home is an env STOPPED or SLEEPING.
 * Guarded by: capability.  Published: EXO_ENVS; free rows are linked through
 * exit_word (pure/rows.h).
 */
#include "cpu.h"
#include "env.h"
#include "hw.h"
#include "panic.h"
#include "pred.h"
#include "pure/rows.h"
#include "sys.h"
#include "table.h"
#include "trap.h"

uint32_t nenvs;
uint32_t env_due;
static uint32_t env_due_last;
static struct rows free_rows = { &envs[0].exit_word, sizeof(struct exo_env),
    0 };

struct env *
env_at(uint32_t index)
{
	if (index == 0 || index >= nenvs || envs[index].frame == 0)
		return NULL;
	return page_kva(envs[index].frame);
}

struct env *
env_find(exo_id id)
{
	uint32_t i = EXO_INDEX(id);

	/* Row 0, and free rows, have no frame. */
	if (i >= nenvs || envs[i].gen != EXO_GEN(id) || envs[i].frame == 0)
		return NULL;
	return page_kva(envs[i].frame);
}

long
env_check(exo_id id, exo_slot slot, uint32_t need, struct env **out)
{
	struct env *e = env_find(id);

	if (e == NULL)
		return -EXO_E_NAME;
	*out = e;
	return cap_check(slot, &e->guard, need);
}

static struct link *
env_csp(const struct env *e)
{
	return e == cpu()->env ? cpu()->csp : e->csp;
}

uint32_t
env_depth(const struct env *e)
{
	return (uint32_t)(env_csp(e) - e->chain);
}

struct seat *
env_seat(const struct env *e)
{
	return e == cpu()->env ? cpu()->seat : e->seat;
}

/* The seat that link i stands for; NULL: it is gone. */
static struct seat *
link_seat(const struct env *e, uint32_t i)
{
	if (e->chain[i].seat != NULL)
		return e->chain[i].seat;
	if (e->trap_seat[i] != NULL)
		return e->trap_seat[i];
	return i == 0 ? e->base_seat : NULL;
}

bool
env_on_chain(const struct env *e, const struct seat *s)
{
	for (uint32_t i = 0; i < env_depth(e); i++)
		if (link_seat(e, i) == s)
			return true;
	return false;
}

/*
 * Changing where an env is: its record is made current - but for what comes
 * back cleared - changed, and for the running env put back in force.
 */
static void
env_freeze(struct env *e)
{
	struct cpu *c = cpu();

	if (e != c->env)
		return;
	e->seat = c->seat;
	e->csp = c->csp;
}

static void
env_thaw(struct env *e)
{
	struct cpu *c = cpu();

	if (e != c->env)
		return;
	c->seat = e->seat;
	c->csp = e->csp;
	c->switched = 1;
	hw_env_load(e->fsbase, e->gsbase, e->fp);
	sched_load_cr3();
}

/* Where it is, by its record, for all to see. */
void
env_publish(struct env *e)
{
	uint32_t depth = (uint32_t)(e->csp - e->chain);
	const struct seat *home = depth == 0 ? e->seat : link_seat(e, 0);

	e->pub->where = EXO_INDEX(e->seat->dom->id);
	e->pub->home = home != NULL ? EXO_INDEX(home->dom->id) : EXO_NONE;
	e->pub->depth = depth;
}

/*
 * Where an env goes on.  A SYSCALL in the last two bytes of user memory left
 * a link whose RIP is EXO_USER_TOP: going there faults, as it would have.
 */
static void
regs_at(struct exo_regs *r, uint64_t rip, uint64_t rsp, long rax)
{
	assert(rip <= EXO_USER_TOP);
	*r = (struct exo_regs){ .rip = rip, .rsp = rsp, .rax = (uint64_t)rax,
	    .cs = SEL_UCODE, .ss = SEL_UDATA, .rflags = 0x202 };
}

/* Leave a foreign seat behind, with its registers for its domain to repair. */
static void
seat_abandon(struct seat *s, const struct exo_regs *r)
{
	long at = upcall_room(s, r->rsp, sizeof(*r));

	s->abandoned = 1;
	s->left = 0;
	if (at < 0)
		return;
	at &= ~15l;
	__builtin_memcpy((void *)(s->up_kva + (uint64_t)at), r, sizeof(*r));
	s->left = s->up_base + (uint64_t)at;
}

/*
 * Whatever is pending has the same grace, so the first to be asked is the
 * first that is due.
 */
static void
due_add(struct env *e)
{
	e->due_next = 0;
	e->due_prev = env_due_last;
	if (env_due_last != 0)
		env_at(env_due_last)->due_next = EXO_INDEX(e->id);
	else
		env_due = EXO_INDEX(e->id);
	env_due_last = EXO_INDEX(e->id);
}

static void
due_remove(struct env *e)
{
	if (e->due_prev != 0)
		env_at(e->due_prev)->due_next = e->due_next;
	else
		env_due = e->due_next;
	if (e->due_next != 0)
		env_at(e->due_next)->due_prev = e->due_prev;
	else
		env_due_last = e->due_prev;
}

static void
pending_clear(struct env *e)
{
	if (e->pub->pending != 0)
		due_remove(e);
	e->pub->pending = 0;
	if (e->base_seat != NULL) {
		e->chain[0].seat = e->base_seat;
		e->base_seat = NULL;
	}
}

/*
 * It is elsewhere now: what it waited for, or had yet to do where it was, is
 * void.
 */
static void
env_moved(struct env *e)
{
	if (e->pub->state == EXO_ENV_SUSPENDED)
		e->pub->state = EXO_ENV_READY;
	e->resume = RESUME_REGS;
	env_publish(e);
}

/*
 * FP state of an env that never ran.  XRSTOR does not look at what the header
 * does not announce, but for MXCSR (SDM vol. 1, 13.8.1).
 */
static void
fp_init(struct env *e)
{
	uint16_t fcw = 0x37f;		/* FNINIT's, SDM vol. 1, 8.1.5 */
	uint32_t mxcsr = 0x1f80;	/* SDM vol. 1, 11.6.4 */

	__builtin_memset(e->fp + 512, 0, 64);
	__builtin_memcpy(e->fp, &fcw, sizeof(fcw));
	__builtin_memcpy(e->fp + 24, &mxcsr, sizeof(mxcsr));
}

/*
 * Registers for going on at link i, which was left by a call or a trap.  Who
 * had the env until now had no chance to scrub: all of them are given, or
 * cleared.
 */
static void
regs_back(struct env *e, uint32_t i, bool trapped)
{
	struct link *l = &e->chain[i];

	if (trapped) {
		e->regs = e->base_regs;
		regs_again(&e->regs, (uint16_t)l->rip);
	} else
		regs_at(&e->regs, l->rip, l->rsp, -EXO_E_GONE);
	e->fsbase = trapped ? e->base_fs : 0;
	e->gsbase = trapped ? e->base_gs : 0;
	fp_init(e);
}

/* Nobody comes back to link i. */
static void
link_abandon(struct env *e, uint32_t i)
{
	struct seat *s = link_seat(e, i);
	bool trapped = e->trap_seat[i] != NULL;
	struct exo_regs r;

	e->trap_seat[i] = NULL;
	if (s == NULL || !domain_live(s->dom))
		return;
	if (trapped)			/* its registers are lost, too */
		regs_at(&r, s->entry, s->stack, 0);
	else
		regs_at(&r, e->chain[i].rip, e->chain[i].rsp, 0);
	seat_abandon(s, &r);
}

/*
 * The frozen env's current seat is lost: back to the nearest live caller with
 * GONE.  A caller that was trapped into a handler has lost its registers with
 * it, so it is abandoned too; but home's are kept, and it traps again.  False:
 * nobody is left, not even home.
 */
static bool
env_unwind(struct env *e)
{
	while (e->csp != e->chain) {
		uint32_t i = (uint32_t)(--e->csp - e->chain);
		struct seat *s = link_seat(e, i);
		bool trapped = e->trap_seat[i] != NULL;

		if (s == NULL || !domain_live(s->dom) || (trapped && i > 0)) {
			link_abandon(e, i);
			continue;
		}
		e->trap_seat[i] = NULL;
		e->seat = s;
		regs_back(e, i, trapped);
		env_moved(e);
		return true;
	}
	return false;
}

void
env_die(struct env *e, enum exo_cause cause, uint64_t word)
{
	struct seat *s = env_seat(e);

	pending_clear(e);
	e->csp = e->chain;
	e->seat = s != NULL && s->env == e->id &&
	    seat_state(s) == SEAT_TAKEN ? s : NULL;
	e->pub->state = EXO_ENV_DEAD;
	e->pub->cause = cause;
	e->pub->exit_word = word;
	machine.deaths++;
	trace_add(EXO_TR_DEATH, 0);
}

/* The end of a slice, for a monitor that wants to see it. */
static void
event_slice(struct env *e)
{
	const struct domain *d = e->seat->dom;

	if (e->ev_kva != 0 && d->mon.id != 0 && e->ev_monitor == d->mon.id &&
	    d->action[EXO_ROW_MONITOR][EXO_CLASS_SLICE] == EXO_ACT_SUSPEND &&
	    e->resume == RESUME_REGS)	/* else it has a trap to deliver */
		event_post(e, EXO_CLASS_SLICE, EXO_K_SLICE);
}

/* What was asked for is done now that the env is at home (or must be). */
static void
env_do(struct env *e, uint32_t what)
{
	bool running = e == cpu()->env;

	if (what & EXO_PEND_KILL) {
		env_die(e, e->kill_cause, e->kill_word);
		if (running)
			sched_leave();
		return;
	}
	if (running)
		sched_save();
	if (what & EXO_PEND_STOP) {
		if (e->pub->state == EXO_ENV_SLEEPING)
			pred_wake(e, -EXO_E_CUT);
		if (e->resume == RESUME_REGS)
			e->ev_kind = 0;	/* no trap */
		e->pub->state = EXO_ENV_STOPPED;
		e->pub->seq++;
	} else
		event_slice(e);
	if (running)
		sched_leave();
}

static void
env_ask(struct env *e, uint32_t what)
{
	if (env_depth(e) == 0 || e->pub->state == EXO_ENV_EMBRYO) {
		env_do(e, what);
		return;
	}
	if (e->pub->pending == 0) {
		due_add(e);
		e->deadline = machine.ticks + machine.grace_ticks;
		e->base_seat = e->chain[0].seat;	/* NULL: a trap's */
		e->chain[0].seat = NULL;
	}
	e->pub->pending |= what;
}

void
env_came_home(void)
{
	struct env *e = cpu()->env;
	uint32_t what = e->pub->pending;

	if (cpu()->csp != e->chain || what == 0)
		return;
	pending_clear(e);
	env_do(e, what);
}

/*
 * The grace is over.  Its foreign seats are abandoned, and it is at home: back
 * from its call with GONE, or about to retry the instruction that trapped.
 */
void
env_pull_home(struct env *e)
{
	uint32_t what = e->pub->pending;
	struct seat *home;
	bool trapped;

	env_freeze(e);
	counters.pulled_home++;
	home = link_seat(e, 0);
	trapped = e->trap_seat[0] != NULL;
	if (domain_live(e->seat->dom))
		seat_abandon(e->seat, &e->regs);
	while (--e->csp != e->chain)
		link_abandon(e, (uint32_t)(e->csp - e->chain));
	e->trap_seat[0] = NULL;
	pending_clear(e);
	if (home == NULL || !domain_live(home->dom)) {
		e->kill_cause = EXO_CAUSE_HOME;
		what |= EXO_PEND_KILL;
	} else {
		e->seat = home;
		regs_back(e, 0, trapped);
		env_moved(e);
		env_thaw(e);
	}
	env_do(e, what);
}

void
env_abandon_callee(void)
{
	struct env *e = cpu()->env;

	env_freeze(e);
	seat_abandon(e->seat, &e->regs);
	if (!env_unwind(e)) {
		env_die(e, EXO_CAUSE_HOME, 0);
		sched_leave();
		return;
	}
	env_thaw(e);
	env_came_home();
}

/*
 * The running env's domain is dead: it goes to its nearest live caller.
 * False: there was none, and another env runs.
 */
bool
env_gone(void)
{
	struct env *e = cpu()->env;

	env_freeze(e);
	if (!env_unwind(e)) {
		env_die(e, EXO_CAUSE_HOME, 0);
		sched_leave();
		return false;
	}
	env_thaw(e);
	env_came_home();
	return cpu()->env == e;
}

void
env_evict(struct env *e, struct seat *s)
{
	uint32_t depth = env_depth(e);

	if (e->pub->state >= EXO_ENV_DEAD)
		return;
	if (env_seat(e) == s) {
		/* The running one has left already: sched_settle. */
		assert(e != cpu()->env);
		if (!env_unwind(e)) {
			env_die(e, EXO_CAUSE_HOME, 0);
			return;
		}
		if (e->csp == e->chain && e->pub->pending != 0) {
			uint32_t what = e->pub->pending;

			pending_clear(e);
			env_do(e, what);
		}
		return;
	}
	for (uint32_t i = 0; i < depth; i++) {
		if (link_seat(e, i) != s)
			continue;
		e->trap_seat[i] = NULL;
		if (i == 0) {		/* home: it dies when it leaves */
			if (!(e->pub->pending & EXO_PEND_KILL))
				env_end(e, EXO_CAUSE_HOME, 0);
			e->base_seat = NULL;
		}
		e->chain[i].seat = NULL;
	}
}

/* ---------------------------------------------------------- event slots */

/*
 * A bound frame holds the event slots of several clients of one monitor:
 * `entries` counts them, `maker` is the binder.
 */
bool
event_frame_mine(exo_ppn ppn)
{
	return ppn < npages && (pages[ppn].flags & EXO_PF_BOUND) &&
	    pages[ppn].kind == EXO_PG_DATA && pages[ppn].entries != 0 &&
	    page_made_here(ppn);
}

void
event_frame_add(exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];

	if (p->entries++ != 0)
		return;
	page_bind(ppn);
	p->maker = EXO_INDEX(cur_domain()->id);
	p->maker_gen = EXO_GEN(cur_domain()->id);
}

void
env_event_drop(struct env *e)
{
	if (e->ev_kva == 0)
		return;
	if (--pages[e->ev_ppn].entries == 0)
		page_unbind(e->ev_ppn);
	e->ev_kva = 0;
	e->ev_ppn = 0;
	e->ev_monitor = 0;
}

/* ------------------------------------------- the three fast calls, in C */

/* The mask refuses: what the row would have done for a plain call. */
static bool
refused(uint32_t nr)
{
	const struct domain *d = cur_domain();

	if (d->mon.id == 0 || (d->mon.mask[nr / 64] >> nr % 64 & 1))
		return false;
	cpu()->regs->rax = EXO_NR_BASE + nr;
	trap_deliver(EXO_CLASS_REFUSED, EXO_K_REFUSED);
	cpu()->switched = 1;
	return true;
}

/* Go on in `to`, which the caller may enter. */
static void
move_to(struct seat *to, uint64_t badge, uint32_t kind)
{
	struct cpu *c = cpu();
	struct exo_regs *r = c->regs;

	to->key = 0;
	c->seat = to;
	c->switched = 1;
	r->rip = to->entry;
	r->rsp = to->stack;
	r->rax = kind;
	r->rdi = badge;
	r->rcx = r->r11 = 0;
	r->rflags = 0x202;
	sched_load_cr3();
}

long
sys_enter(uint64_t place)
{
	struct handle *h;
	long err;

	counters.slow_enters++;
	if (refused(EXO_NR_enter))
		return 0;
	if ((h = handle_at(place)) == NULL)
		return -EXO_E_SLOT;
	if ((err = handle_check(h)) != 0)
		return err;
	/* Act. */
	cpu()->seat->key = cpu()->seat->gen;
	move_to(h->seat, h->badge, EXO_K_ENTER);
	return 0;
}

long
sys_call(uint64_t place)
{
	struct cpu *c = cpu();
	struct link *l = c->csp;
	struct handle *h;
	long err;

	counters.slow_enters++;
	if (refused(EXO_NR_call))
		return 0;
	if ((h = handle_at(place)) == NULL)
		return -EXO_E_SLOT;
	if ((err = handle_check(h)) != 0)
		return err;
	if (env_depth(c->env) == CHAIN_MAX)
		return -EXO_E_DEPTH;
	/* Act. */
	l->seat = c->seat;
	l->rip = c->regs->rip;
	l->rsp = c->regs->rsp;
	c->csp = l + 1;
	move_to(h->seat, h->badge, EXO_K_CALL);
	return 0;
}

long
sys_reply(void)
{
	struct cpu *c = cpu();
	struct env *e = c->env;
	struct link *l = c->csp - 1;
	struct seat *s;
	uint32_t i;

	counters.slow_enters++;
	if (c->csp == e->chain)
		return -EXO_E_DEPTH;
	i = (uint32_t)(l - e->chain);
	if (e->trap_seat[i] != NULL)
		return -EXO_E_STATE;
	/* Act. */
	c->seat->key = c->seat->gen;
	s = link_seat(e, i);
	if (s == NULL || !domain_live(s->dom)) {
		(void)env_gone();
		return 0;
	}
	c->csp = l;
	c->seat = s;
	c->switched = 1;
	c->regs->rip = l->rip;
	c->regs->rsp = l->rsp;
	c->regs->rax = EXO_K_REPLY;
	c->regs->rcx = c->regs->r11 = 0;
	c->regs->rflags = 0x202;
	sched_load_cr3();
	env_came_home();
	return 0;
}

/* ------------------------------------------------------------------ calls */

long
sys_env_create(exo_id acct, exo_slot slot, exo_slot guard, uint32_t want,
    exo_ppn frame)
{
	long a = acct_charging(acct, slot);
	struct guard g;
	struct env *e;
	long r;

	if (a < 0)
		return a;
	if ((r = cap_guard(guard, &g)) != 0)
		return r;
	if (want != EXO_NONE && (want == 0 || want >= nenvs))
		return -EXO_E_ARG;
	if ((r = page_for_record(frame, EXO_PG_ENV)) != 0)
		return r;
	if (want == EXO_NONE) {
		want = env_free_row();
		if (want == 0)
			return -EXO_E_FULL;
	} else if (envs[want].state != EXO_ENV_FREE || envs[want].gen == 0)
		return -EXO_E_BUSY;
	if (!acct_room((uint32_t)a, EXO_RES_ENVS, 1))
		return -EXO_E_QUOTA;
	/* Act. */
	acct_charge((uint32_t)a, EXO_RES_ENVS, 1);
	e = env_make(want, frame, &g.name);
	e->pub->account = (uint32_t)a;
	return (long)e->id;
}

void
env_boot(void)
{
	for (uint32_t i = nenvs - 1; i > 0; i--) {
		envs[i].gen = 1;
		rows_put(&free_rows, i);
	}
}

uint32_t
env_free_row(void)
{
	return free_rows.first;
}

struct env *
env_make(uint32_t index, exo_ppn frame, const struct exo_cap *guard)
{
	struct env *e = page_kva(frame);
	struct exo_env *p = &envs[index];

	rows_take(&free_rows, index);
	page_pin(frame);
	__builtin_memset(e, 0, sizeof(*e));
	e->pub = p;
	e->id = EXO_ID(p->gen, index);
	e->guard = *guard;
	e->frame = frame;
	e->csp = e->chain;
	fp_init(e);
	*p = (struct exo_env){ .gen = p->gen, .state = EXO_ENV_EMBRYO,
	    .frame = frame, .home = EXO_NONE, .where = EXO_NONE };
	return e;
}

/* Where an env begins. */
void
env_place(struct env *e, struct seat *s, uint64_t arg)
{
	s->key = 0;
	e->seat = s;
	regs_at(&e->regs, s->entry, s->stack, EXO_K_START);
	e->regs.rdi = arg;
	e->pub->home = e->pub->where = EXO_INDEX(s->dom->id);
	e->pub->state = EXO_ENV_READY;
}

long
sys_env_start(exo_id env, exo_slot slot, exo_id dom, exo_slot dslot,
    uint32_t seat, uint64_t arg)
{
	struct domain *d;
	struct seat *s;
	struct env *e;
	long r = env_check(env, slot, EXO_R_CONTROL, &e);

	if (r != 0)
		return r;
	if (e->pub->state != EXO_ENV_EMBRYO)
		return -EXO_E_STATE;
	if ((r = domain_check(dom, dslot, EXO_R_CONTROL, &d)) != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if ((s = seat_at(d, seat)) == NULL)
		return -EXO_E_ARG;
	if (seat_state(s) == SEAT_UNBOUND)
		return -EXO_E_EMPTY;
	if (s->env != e->id)
		return -EXO_E_DENIED;
	if (seat_state(s) != SEAT_FREE)
		return -EXO_E_BUSY;
	/* Act. */
	env_place(e, s, arg);
	return 0;
}

long
sys_env_kill(exo_id env, exo_slot slot, uint64_t word)
{
	struct env *e;
	long r = env_check(env, slot, EXO_R_KILL, &e);

	if (r != 0)
		return r;
	if (e->pub->state >= EXO_ENV_DEAD)
		return -EXO_E_STATE;
	/* Act. */
	env_end(e, EXO_CAUSE_KILL, word);
	return 0;
}

void
env_end(struct env *e, enum exo_cause cause, uint64_t word)
{
	e->kill_cause = cause;
	e->kill_word = word;
	env_ask(e, EXO_PEND_KILL);
}

long
sys_env_exit(uint64_t word)
{
	struct env *e = cpu()->env;

	if (cpu()->csp != e->chain)
		return -EXO_E_STATE;
	/* Act. */
	env_die(e, EXO_CAUSE_EXIT, word);
	sched_leave();
	return 0;
}

/* Is there something to stop, or a slice to end? */
static bool
env_askable(const struct env *e, uint32_t what)
{
	switch (e->pub->state) {
	case EXO_ENV_READY:
		return true;
	case EXO_ENV_SUSPENDED:
		return env_depth(e) > 0;
	case EXO_ENV_SLEEPING:
		return what == EXO_PEND_STOP;
	}
	return false;
}

static long
env_ask_checked(exo_id env, exo_slot slot, uint32_t what)
{
	struct env *e;
	long r = env_check(env, slot, EXO_R_RESUME, &e);

	if (r != 0)
		return r;
	if (!env_askable(e, what))
		return -EXO_E_STATE;
	/* Act. */
	if (e == cpu()->env)
		cpu()->regs->rax = 0;	/* the result, before it leaves */
	env_ask(e, what);
	return 0;
}

long
sys_env_stop(exo_id env, exo_slot slot)
{
	return env_ask_checked(env, slot, EXO_PEND_STOP);
}

long
sys_env_force_yield(exo_id env, exo_slot slot)
{
	return env_ask_checked(env, slot, EXO_PEND_YIELD);
}

/*
 * A dead env's end: its home seat is free again, its event slot and slices go,
 * its record is the account's frame again.  A few steps, done at once.
 */
long
sys_env_reap(exo_id env, uint64_t n)
{
	struct env *e = env_find(env);

	if (e == NULL)
		return -EXO_E_NAME;
	if (e->pub->state != EXO_ENV_DEAD)
		return -EXO_E_STATE;
	/* Act. */
	return (long)env_reap_steps(e, n);
}

uint64_t
env_reap_steps(struct env *e, uint64_t n)
{
	if (n == 0)
		return 0;
	if (e->reaped) {
		e->pub->state = EXO_ENV_ENDED;
		return 0;
	}
	if (e->seat != NULL && e->seat->env == e->id && !e->seat->abandoned &&
	    e->seat->key == 0)
		e->seat->key = e->seat->gen;
	e->seat = NULL;
	env_event_drop(e);
	sched_forget(e);
	counters.reap_steps++;
	e->reaped = 1;
	return 1;
}

long
sys_env_free(exo_id env, exo_slot slot)
{
	struct env *e;
	long r = env_check(env, slot, EXO_R_KILL, &e);

	if (r != 0)
		return r;
	if (e->pub->state != EXO_ENV_ENDED)
		return -EXO_E_STATE;
	/* Act. */
	env_row_free(EXO_INDEX(env));
	return 0;
}

void
env_row_free(uint32_t index)
{
	struct exo_env *p = &envs[index];
	uint32_t gen = p->gen + 1, account = p->account, frame = p->frame;

	page_unpin(frame);
	*p = (struct exo_env){ .gen = gen, .state = EXO_ENV_FREE };
	if (gen != 0)			/* else its names are used up */
		rows_put(&free_rows, index);
	acct_refund(account, EXO_RES_ENVS, 1);
}
