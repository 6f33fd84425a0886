/*
 * sched.c - slices of a CPU: who runs, and switching.
 *
 * The kernel turns a vector of slices round and round; owners choose which
 * positions they take and which env runs there.  An env may give what is left
 * of a slice to another.  That is all the policy there is here.
 *
 * Invariants: (1) an env's registers are in its record; the running one's were
 *		   put there by the entry (cpu()->regs).  The running one's
 *		   seat and chain top are in the CPU's struct.
 *	       (2) FP state is the running env's; others' is in their records.
 *	       (3) cpu()->waited != 0 only while cpu()->turn names the slice
 *		   that owes for it.
 *	       (4) a slice has one turn in a revolution, wherever it is moved.
 * Guarded by: capability.  Published: EXO_SLICES.
 */
#include "console.h"
#include "cpu.h"
#include "dev/power.h"
#include "env.h"
#include "hw.h"
#include "pred.h"
#include "pure/slice.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"
#include "trap.h"

struct cpu cpu0;

#define DUE_PER_TICK	64u

static struct guard slice_guards[SCHED_SLICES];
uint64_t slice_set[SLICE_SET_WORDS(SCHED_SLICES)];
static uint32_t slices_running;		/* how many */
static uint64_t ask_after[SCHED_SLICES];	/* TSC: see slice_wakes */

void
sched_load_cr3(void)
{
	uint64_t cr3 = cpu()->seat->dom->cr3;

	counters.noflush += cr3 >> 63;
	hw_set_cr3(cr3);
}

void
sched_save(void)
{
	struct cpu *c = cpu();
	struct env *e = c->env;

	hw_env_save(&e->fsbase, &e->gsbase, e->fp);
	if (c->seat == e->seat && c->csp == e->chain && e->csp == e->chain)
		return;			/* at home, as was published */
	e->seat = c->seat;
	e->csp = c->csp;
	env_publish(e);
}

/* Nearly always, and quick to see: sched_settle would change nothing. */
static inline bool
settled(const struct env *e, const struct domain *d)
{
	return e->pub->pending == 0 && d->mon.id == 0 && domain_live(d);
}

/*
 * Make e the running env, if it may be: else it has moved, or another one runs
 * or, in sched_leave, nobody.  The one that ran has been saved, or is dead.
 */
static void
sched_load(struct env *e)
{
	struct cpu *c = cpu();

	counters.switches++;
	c->env = e;
	c->env_id = e->id;
	c->seat = e->seat;
	c->csp = e->csp;
	c->regs = &e->regs;
	c->switched = 1;
	hw_trap_frame(c->regs + 1);
	hw_env_load(e->fsbase, e->gsbase, e->fp);
	sched_load_cr3();
	trace_add(EXO_TR_SWITCH, 0);
	if (e->resume == RESUME_REGS && settled(e, e->seat->dom))
		return;
	if (!sched_settle() || e->resume == RESUME_REGS)
		return;
	e->resume = RESUME_REGS;
	trap_own_row();
	if (c->env == e)
		(void)sched_settle();
}

/*
 * A seat's domain may have died, or its monitor, while the env was not looking;
 * its pending end may be due.
 */
bool
sched_settle(void)
{
	struct env *e = cpu()->env;
	struct domain *d = cpu()->seat->dom;

	if (settled(e, d))
		return true;
	if (e->pub->pending != 0 && machine.ticks >= e->deadline) {
		env_pull_home(e);
		return false;
	}
	if (domain_check_monitor(d))
		return true;
	(void)env_gone();
	return false;
}

uint32_t
sched_tick_tsc(void)
{
	return (uint32_t)(machine.tsc_hz / machine.tick_hz);
}

/*
 * A sleeper is asked in the time of its slice, which may spend on that what it
 * is entitled to: after a check that took so long, its next is not before as
 * long times the slices that run somebody.  Longer than a tick only somebody
 * else can have held it up.
 */
static bool
slice_wakes(uint32_t index, struct env *e)
{
	uint64_t tick = sched_tick_tsc();
	uint64_t then = hw_tsc(), took;
	bool woken;

	if (then < ask_after[index])
		return false;
	woken = pred_ask(e);
	took = hw_tsc() - then;
	ask_after[index] = then + (took < tick ? took : tick) *
	    (1 + slices_running);
	return woken;
}

/* A turn asks each sleeper once, even where debts make it look twice. */
static bool
slice_ready(uint32_t index, bool first)
{
	const struct exo_slice *s = &slices[index];
	struct env *e = env_find(EXO_ID(s->env_gen, s->env));

	if (e == NULL)
		return false;
	return e->pub->state == EXO_ENV_READY ||
	    (first && e->pub->state == EXO_ENV_SLEEPING &&
	    slice_wakes(index, e));
}

/*
 * Can whose slice it is run, or does it owe?  When somebody yields, what he
 * leaves is nobody's turn: it pays no debt.  What had its turn, or paid with
 * it, and was moved ahead since has no second one in this revolution.
 */
static enum slice_answer
slice_ask(uint32_t index, bool pass)
{
	struct cpu *c = cpu();
	struct exo_slice *s = &slices[index];

	if (c->turning && pass && index > c->slice &&
	    s->turn == c->revolution)
		return SLICE_NOBODY;
	if (!slice_ready(index, pass))
		return SLICE_NOBODY;
	if (!pass || s->overrun == 0)
		return SLICE_RUNS;
	if (c->turning) {
		s->overrun--;
		s->passed++;
		s->turn = c->revolution + (index <= c->slice);
	}
	return SLICE_OWES;
}

/* ------------------------------------------------- the end that has to wait */

static struct slice_grace
grace_of(const struct exo_slice *s)
{
	return (struct slice_grace){ cpu()->waited,
	    { s->overrun, s->overrun_part } };
}

static void
grace_set(struct exo_slice *s, const struct slice_grace *g)
{
	cpu()->waited = g->waited;
	s->overrun = g->debt.ticks;
	s->overrun_part = g->debt.part;
}

/* Of the running env; NULL: it has none. */
static struct exo_upcall *
sched_head(void)
{
	const struct seat *s = cpu()->seat;

	return s->up_kva != 0 ? upcall_head(s) : NULL;
}

/*
 * Does the end of the slice wait?  Then it is over with now: who ran yields,
 * sleeps or is gone.  What it took of this tick is owed, and the next turn's
 * loss.  Result: TSC units.
 */
static uint32_t
sched_waited(void)
{
	struct cpu *c = cpu();
	struct slice_grace g = grace_of(&slices[c->turn]);
	uint32_t took;

	took = slice_waited(&g, hw_tsc() - machine.tick_tsc,
	    sched_tick_tsc());
	grace_set(&slices[c->turn], &g);
	c->epilogue = 0;
	return took;
}

/*
 * What may hold up the end of a slice that owes nothing: a critical section,
 * then the epilogue.  A row that asks for an upcall which there is no room for,
 * or which is off, asks for nothing.
 */
static bool
sched_holds(const struct exo_upcall *up)
{
	struct cpu *c = cpu();

	if (c->turn == SLICE_NONE ||
	    (c->waited == 0 && slices[c->turn].overrun != 0))
		return false;
	if ((up != NULL && up->critical != 0) || c->epilogue == c->env_id)
		return true;
	if (c->epilogue != 0 || c->waited == machine.grace_ticks ||
	    cur_domain()->action[EXO_ROW_OWN][EXO_CLASS_EPILOGUE] !=
	    EXO_ACT_SELF || !upcall_push(EXO_K_EPILOGUE))
		return false;
	c->epilogue = c->env_id;
	return true;
}

/*
 * The tick is over, and with it the slice: does the end wait?  The slice that
 * brought the env here pays for that, whoever was given its time; and it has
 * paid before it waits again.
 */
static bool
sched_waits(void)
{
	struct cpu *c = cpu();
	struct exo_upcall *up = sched_head();
	bool holds = sched_holds(up);
	struct slice_grace g;
	enum slice_end end;

	if (!holds && c->waited == 0)
		return false;
	g = grace_of(&slices[c->turn]);
	end = slice_tick(&g, holds, machine.grace_ticks);
	grace_set(&slices[c->turn], &g);
	if (end != SLICE_WAITS)
		c->epilogue = 0;
	if (up != NULL && end == SLICE_WAITS)
		up->ended = 1;		/* what it makes of that is its own */
	if (up != NULL && end == SLICE_OVERSTAYED)
		up->overstayed++;
	return end == SLICE_WAITS;
}

/* --------------------------------------------------------------- choosing */

/* It has the tick that others' ends took of its turns, bit by bit. */
static bool
slice_made_good(struct exo_slice *s)
{
	if (s->lost < sched_tick_tsc())
		return false;
	s->lost -= sched_tick_tsc();
	return true;
}

/* Its turn.  Positions begin again: so does a revolution. */
static void
slice_begin(uint32_t index, uint32_t lost)
{
	struct cpu *c = cpu();
	struct exo_slice *s = &slices[index];

	c->revolution += index <= c->slice;
	c->slice = index;
	s->turn = c->revolution;
	s->lost += lost;
}

/*
 * The env of the next slice that has a ready one, or NULL.  If the slice ends,
 * now or because its end waited, that is the next turn.  Otherwise it is only
 * who runs now, not whose time it is: what is left of a slice comes on top of
 * his own.
 */
static struct env *
sched_pick(bool ends)
{
	struct cpu *c = cpu();
	uint32_t i, lost = 0;

	if (c->waited != 0) {
		lost = sched_waited();
		ends = true;
	}
	if (ends)
		c->turn = c->slice;
	c->turning = ends;
	i = slice_next(c->turn, SCHED_SLICES, slice_set, slice_ask);
	c->turning = 0;
	if (i == SLICE_NONE) {
		if (ends)		/* who runs on does in nobody's time */
			c->turn = SLICE_NONE;
		return NULL;
	}
	c->turn = i;
	if (ends)
		slice_begin(i, lost);
	return env_find(EXO_ID(slices[i].env_gen, slices[i].env));
}

/* Does a sleeper have a slice, in which it will be asked again? */
static bool
slices_sleep(void)
{
	for (uint32_t i = 0; i < SCHED_SLICES; i++) {
		const struct exo_slice *s = &slices[i];
		const struct env *e = env_find(EXO_ID(s->env_gen, s->env));

		if (e != NULL && e->pub->state == EXO_ENV_SLEEPING)
			return true;
	}
	return false;
}

/* Nobody can run now; only what a tick brings can change that. */
static struct env *
sched_idle(void)
{
	struct cpu *c = cpu();
	struct env *e;

	c->env = NULL;
	c->env_id = 0;
	hw_set_cr3(tlb_kernel_cr3);
	c->idle = 1;
	while ((e = sched_pick(false)) == NULL) {
		if (env_due == 0 && !slices_sleep()) {
			kprintf("Pollux: nobody is left who could run\n");
			power_off(1);
		}
		counters.ticks_idle++;
		cpu_idle();
	}
	c->idle = 0;
	return e;
}

/*
 * Choose until one runs.  Each turn either runs an env or ends its time: its
 * home is dead, or the trap that it has yet to take suspends it.  That comes
 * here again, to nobody running, and the turn after is the first one's: so the
 * stack does not grow with their number.
 */
void
sched_leave(void)
{
	struct cpu *c = cpu();
	struct env *e;

	c->env = NULL;			/* saved, or dead */
	if (c->choosing)
		return;
	c->choosing = 1;
	while (c->env == NULL) {
		if ((e = sched_pick(false)) == NULL)
			e = sched_idle();
		sched_load(e);
	}
	c->choosing = 0;
}

void
sched_switch(struct env *e)
{
	if (e == cpu()->env)
		return;
	sched_save();
	sched_load(e);
}

/* A sleeper is asked whenever somebody gives it time. */
static bool
env_can_run(struct env *e)
{
	return e->pub->state == EXO_ENV_READY ||
	    (e->pub->state == EXO_ENV_SLEEPING && pred_ask(e));
}

void
sched_leave_to(struct env *to)
{
	if (to != NULL && env_can_run(to))
		sched_load(to);
	else
		sched_leave();
}

void
sched_next(void)
{
	struct env *e = sched_pick(false);

	if (e != NULL)
		sched_switch(e);
}

/* A tick: the time, and envs whose grace is over. */
void
sched_clock(void)
{
	machine.clock_seq++;
	machine.ticks++;
	machine.tick_tsc = hw_tsc();
	machine.clock_seq++;
	console_poll();
	for (uint32_t n = 0; env_due != 0 && n < DUE_PER_TICK; n++) {
		struct env *e = env_at(env_due);

		if (machine.ticks < e->deadline || e == cpu()->env)
			break;		/* the running one: sched_settle */
		env_pull_home(e);
	}
}

/* Nothing holds up the end of the slice, and the next one may begin with an
 * upcall. */
static bool
sched_ends(void)
{
	struct cpu *c = cpu();

	if (c->turn == c->slice && slice_made_good(&slices[c->turn]))
		return false;
	if (sched_waits())
		return false;
	if (cur_domain()->action[EXO_ROW_OWN][EXO_CLASS_SLICE] ==
	    EXO_ACT_SELF)
		(void)upcall_push(EXO_K_SLICE);
	return true;
}

void
sched_tick(void)
{
	struct cpu *c = cpu();
	struct env *e = c->env;

	e->pub->ticks++;
	if (c->turn != SLICE_NONE)
		slices[c->turn].ticks++;
	/* Moved by that, it has begun anew where it is: no upcall there. */
	if (sched_settle() ? !sched_ends() : c->env != e)
		return;
	if ((e = sched_pick(true)) != NULL)
		sched_switch(e);
}

static const struct exo_slice slice_none = {
	.account = EXO_NONE, .env = EXO_NONE
};

/* Does it have an env, as the set says? */
static void
slice_mark(uint32_t index)
{
	uint64_t bit = 1ull << index % 64;

	if (slices[index].env != EXO_NONE)
		slice_set[index / 64] |= bit;
	else
		slice_set[index / 64] &= ~bit;
}

/* Nobody runs in this slice any more. */
static void
slice_clear(uint32_t index)
{
	struct exo_slice *s = &slices[index];
	struct env *e = env_find(EXO_ID(s->env_gen, s->env));

	if (s->env != EXO_NONE && e != NULL)
		e->pub->slices--;
	slices_running -= s->env != EXO_NONE;
	s->env = EXO_NONE;
	s->env_gen = 0;
	slice_mark(index);
}

static void
slice_give(uint32_t index, struct env *e)
{
	slice_clear(index);
	slices[index].env = EXO_INDEX(e->id);
	slices[index].env_gen = EXO_GEN(e->id);
	slice_mark(index);
	slices_running++;
	e->pub->slices++;
}

void
sched_forget(struct env *e)
{
	for (uint32_t i = 0; i < SCHED_SLICES && e->pub->slices != 0; i++)
		if (slices[i].env == EXO_INDEX(e->id) &&
		    slices[i].env_gen == EXO_GEN(e->id))
			slice_clear(i);
}

void
sched_boot(uint32_t acct, struct env *first)
{
	for (uint32_t i = 0; i < SCHED_SLICES; i++)
		slices[i] = slice_none;
	/* One slice is enough to begin with; the first program takes more. */
	slices[0].account = acct;
	acct_charge(acct, EXO_RES_SLICES, 1);
	slice_give(0, first);
}

_Noreturn void sched_exit(void);	/* entry.asm */

void
sched_start(struct env *first)
{
	sched_load(first);
	sched_exit();
}

/* ------------------------------------------------------------------ calls */

/*
 * Directed yield.  Whoever may run the env, or has a handle into the domain
 * where it is, may give it time.
 */
static long
target_handle(const struct env *e, uint64_t place)
{
	const struct handle *h = handle_at(place);

	if (h == NULL)
		return -EXO_E_SLOT;
	if (h->gen != h->seat->gen || env_seat(e) == NULL ||
	    h->seat->dom != env_seat(e)->dom)
		return -EXO_E_DENIED;
	return 0;
}

static inline long
target_find(exo_id env, exo_slot slot, uint64_t place, struct env **out)
{
	struct env *e;

	*out = NULL;
	if (env == EXO_ID_ANY)
		return 0;
	if ((e = env_find(env)) == NULL)
		return -EXO_E_NAME;
	*out = e;
	return place == EXO_NONE ? cap_check(slot, &e->guard, EXO_R_RUN) :
	    target_handle(e, place);
}

long
sched_target(exo_id env, exo_slot slot, uint64_t place, struct env **out)
{
	return target_find(env, slot, place, out);
}

long
sys_env_yield(exo_id env, exo_slot slot, uint64_t place)
{
	struct env *e;
	long r = target_find(env, slot, place, &e);

	if (r != 0)
		return r;
	if (e != NULL && !env_can_run(e))
		return -EXO_E_STATE;
	/* Act. */
	cpu()->regs->rax = 0;
	if (e != NULL)
		sched_switch(e);
	else
		sched_next();
	return 0;
}

long
sys_slice_alloc(exo_id acct, exo_slot slot, exo_slot guard, uint32_t index)
{
	long a = acct_charging(acct, slot);
	struct slice_debt d;
	struct guard g;
	long r;

	if (a < 0)
		return a;
	if ((r = cap_guard(guard, &g)) != 0)
		return r;
	if (index >= SCHED_SLICES)
		return -EXO_E_ARG;
	if (slices[index].account != EXO_NONE)
		return -EXO_E_BUSY;
	if (!acct_room((uint32_t)a, EXO_RES_SLICES, 1))
		return -EXO_E_QUOTA;
	/* Act. */
	acct_charge((uint32_t)a, EXO_RES_SLICES, 1);
	slice_guards[index] = g;
	d = acct_debt_take((uint32_t)a);
	slices[index] = (struct exo_slice){ .account = (uint32_t)a,
	    .env = EXO_NONE, .overrun = d.ticks, .overrun_part = d.part,
	    .turn = cpu()->revolution };
	return 0;
}

static long
slice_check(exo_slot slot, uint32_t index, uint32_t need)
{
	if (index >= SCHED_SLICES)
		return -EXO_E_ARG;
	if (slices[index].account == EXO_NONE)
		return -EXO_E_TYPE;
	return cap_check(slot, &slice_guards[index].name, need);
}

long
sys_slice_set(exo_slot slot, uint32_t index, exo_id env, exo_slot eslot)
{
	struct env *e = NULL;
	long r = slice_check(slot, index, EXO_R_USE);

	if (r != 0)
		return r;
	if (env != EXO_ID_ANY) {
		if ((r = env_check(env, eslot, EXO_R_RUN, &e)) != 0)
			return r;
		if (e->pub->state >= EXO_ENV_DEAD)
			return -EXO_E_STATE;
	}
	/* Act. */
	if (e != NULL)
		slice_give(index, e);
	else
		slice_clear(index);
	return 0;
}

/*
 * Who runs in it goes on till the next tick, but not longer; if its end waits,
 * all of this tick is owed.
 */
static void
slice_left(uint32_t index)
{
	struct cpu *c = cpu();
	struct exo_slice *s = &slices[index];
	struct slice_grace g = grace_of(s);

	if (c->turn != index)
		return;
	(void)slice_waited(&g, sched_tick_tsc(), sched_tick_tsc());
	grace_set(s, &g);
	c->epilogue = 0;
	c->turn = SLICE_NONE;
}

void
slice_release(uint32_t index)
{
	struct exo_slice *s = &slices[index];

	slice_clear(index);
	slice_left(index);
	acct_debt_add(s->account, &(struct slice_debt){ s->overrun,
	    s->overrun_part });
	acct_refund(s->account, EXO_RES_SLICES, 1);
	*s = slice_none;
}

long
sys_slice_free(exo_slot slot, uint32_t index)
{
	long r = slice_check(slot, index, EXO_R_FREE);

	if (r != 0)
		return r;
	/* Act. */
	slice_release(index);
	return 0;
}

/* What is at one position, at the other, and whose turn it is with it. */
static void
slice_exchange(uint32_t i, uint32_t k)
{
	struct exo_slice s = slices[i];
	struct guard g = slice_guards[i];
	uint64_t after = ask_after[i];
	struct cpu *c = cpu();

	slices[i] = slices[k];
	slices[k] = s;
	slice_guards[i] = slice_guards[k];
	slice_guards[k] = g;
	ask_after[i] = ask_after[k];
	ask_after[k] = after;
	slice_mark(i);
	slice_mark(k);
	if (c->turn == i || c->turn == k)
		c->turn ^= i ^ k;
}

long
sys_slice_move(exo_slot slot, uint32_t index, uint32_t into)
{
	const uint32_t need = EXO_R_USE | EXO_R_FREE;
	long r = slice_check(slot, index, need);

	if (r != 0)
		return r;
	if (into >= SCHED_SLICES)
		return -EXO_E_ARG;
	if (slices[into].account != EXO_NONE &&
	    (r = slice_check(slot, into, need)) != 0)
		return r;
	/* Act. */
	slice_exchange(index, into);
	return 0;
}
