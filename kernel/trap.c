/*
 * trap.c - traps, by the rows of the domain that trapped.
 *
 * Each class of trap has two rows: the monitor's, then the domain's own.  A
 * row passes, makes an upcall, enters another domain with the same env, or
 * suspends the env and tells a monitor.  What can't be delivered is a double
 * fault: class DOUBLE of the monitor; else the callee is abandoned and its
 * caller told GONE; else, at home, the env stops with cause FAULT.
 *
 * Invariants: (1) the kernel writes a frame only into bound live frames,
 *		   through the direct map, and never loads registers from it.
 *	       (2) registers that a user hands in are copied once, sanitised,
 *		   and then used.
 *	       (3) an event is answered once: its env leaves SUSPENDED.
 */
#include "cpu.h"
#include "dev/lapic.h"
#include "env.h"
#include "hw.h"
#include "panic.h"
#include "sys.h"
#include "table.h"
#include "trap.h"
#include "user.h"

extern char user_copy_first[], user_copy_last[], user_copy_fault[];

#define UP_SIZE		(EXO_PAGE - EXO_UPCALL_HEAD)

#define FLAGS_USER	0x0000000000240dd5ul	/* CF PF AF ZF SF TF DF OF AC
						 * ID (SDM vol. 1, 3.4.3) */
#define FLAGS_FIXED	0x202ul			/* IF and the bit that is 1 */

/*
 * Make registers that a user gave fit to run: his selectors, the flags he may
 * set.  Error: ARG, if RIP is not a user address.
 */
MUST_USE static long
regs_sanitise(struct exo_regs *r)
{
	if (r->rip >= EXO_USER_TOP)
		return -EXO_E_ARG;
	r->cs = SEL_UCODE;
	r->ss = SEL_UDATA;
	r->rflags = (r->rflags & FLAGS_USER) | FLAGS_FIXED;
	r->err = 0;
	r->addr = 0;
	return 0;
}

/* Of a system call, whose RIP is past it already. */
static bool
kind_is_call(uint32_t kind)
{
	return kind == EXO_K_REFUSED || kind == EXO_K_FOREIGN;
}

void
regs_again(struct exo_regs *r, uint32_t kind)
{
	if (kind_is_call(kind))
		r->rip -= 2;		/* SYSCALL */
}

long
upcall_room(const struct seat *s, uint64_t rsp, uint64_t n)
{
	uint64_t top = UP_SIZE;

	if (s->up_kva == 0)
		return -1;
	if (rsp - s->up_base < top)
		top = (rsp - s->up_base) & ~15ul;
	return top < n ? -1 : (long)(top - n);
}

bool
upcall_push(uint32_t kind)
{
	struct exo_regs *r = cpu()->regs;
	struct seat *s = cpu()->seat;
	long at = upcall_room(s, r->rsp, EXO_UPFRAME_ROOM);

	if (at < 0 || s->upcall == 0 || upcall_head(s)->off != 0)
		return false;
	__builtin_memcpy((void *)(s->up_kva + (uint64_t)at), &r->r11,
	    EXO_UPFRAME);
	counters.upcalls++;
	r->rip = s->upcall;
	r->rsp = s->up_base + (uint64_t)at;
	r->cs = SEL_UCODE;
	r->ss = SEL_UDATA;
	r->rflags = FLAGS_FIXED;
	r->rax = kind;
	r->rcx = r->rdx = r->r11 = 0;
	return true;
}

/*
 * Action ENTER: the env enters the handler that is bound in its seat, with
 * the registers of the trap on the *handler's* upcall stack, where the client
 * can't reach them.  The handler begins on that stack, below them; rax is the
 * kind, rdi the badge, rsi the address of the struct exo_regs.  seat_resume
 * answers.
 */
static bool
trap_enter(enum exo_whose whose, enum exo_class class, uint32_t kind)
{
	struct cpu *c = cpu();
	struct exo_regs *r = c->regs;
	struct handle *h = &c->seat->handler[whose];
	struct seat *to = h->seat;
	struct link *l = c->csp;
	uint32_t depth = (uint32_t)(l - c->env->chain);
	long at;

	if (h->gen == 0 || h->gen != to->key || to->env != c->env_id ||
	    !domain_live(to->dom) || depth == CHAIN_MAX)
		return false;
	at = upcall_room(to, 0, sizeof(*r));
	if (at < 0)
		return false;
	__builtin_memcpy((void *)(to->up_kva + (uint64_t)at), r, sizeof(*r));
	if (depth == 0) {		/* if it must be pulled home */
		c->env->base_regs = *r;
		hw_bases(&c->env->base_fs, &c->env->base_gs);
	}
	l->seat = NULL;			/* a plain reply must not pop it */
	l->rip = (uint64_t)whose << 32 | (uint64_t)class << 16 | kind;
	l->rsp = 0;
	c->env->trap_seat[depth] = c->seat;
	c->csp = l + 1;
	to->key = 0;
	c->seat = to;
	__builtin_memset(r, 0, sizeof(*r));
	r->rip = to->entry;
	r->rsp = r->rsi = to->up_base + (uint64_t)at;
	r->rax = kind;
	r->rdi = h->badge;
	r->cs = SEL_UCODE;
	r->ss = SEL_UDATA;
	r->rflags = FLAGS_FIXED;
	sched_load_cr3();
	return true;
}

/* An env that does not run any more is reported in its event slot. */
void
event_post(struct env *e, enum exo_class class, uint32_t kind)
{
	struct exo_event *ev = (struct exo_event *)e->ev_kva;

	counters.events++;
	trace_add(EXO_TR_EVENT, kind);
	e->ev_class = class;
	e->ev_kind = (uint16_t)kind;
	e->pub->seq++;
	e->pub->state = EXO_ENV_SUSPENDED;
	ev->env = e->id;
	ev->domain = EXO_INDEX(e->seat->dom->id);
	ev->class = class;
	ev->kind = (uint16_t)kind;
	ev->fsbase = e->fsbase;
	ev->gsbase = e->gsbase;
	ev->regs = e->regs;
	__asm__ volatile("" : : : "memory");
	ev->seq = e->pub->seq;
}

/*
 * Action SUSPEND: a monitor's row reports to that monitor and nobody else; so
 * does a domain's own in an env that is not at home there: whoever has rights
 * on the env has none on what a foreign domain keeps in registers.
 */
static bool
trap_suspend(enum exo_class class, uint32_t kind, exo_id monitor)
{
	struct env *e = cpu()->env;

	if (e->ev_kva == 0 || (monitor != 0 && e->ev_monitor != monitor))
		return false;
	sched_save();
	event_post(e, class, kind);
	sched_leave();
	return true;
}

/* One row.  False: it passes, or could not. */
static bool
trap_row(enum exo_whose whose, enum exo_class class, uint32_t kind)
{
	struct domain *d = cur_domain();

	if (whose == EXO_ROW_MONITOR && d->mon.id == 0)
		return false;
	switch (d->action[whose][class]) {
	case EXO_ACT_SELF:
		return upcall_push(kind);
	case EXO_ACT_ENTER:
		return trap_enter(whose, class, kind);
	case EXO_ACT_SUSPEND:
		return trap_suspend(class, kind,
		    whose == EXO_ROW_MONITOR ? d->mon.id :
		    env_depth(cpu()->env) > 0 ? d->id : 0);
	}
	return false;
}

/*
 * A refused call goes to the nearest monitor that refuses it.  One that is not
 * the domain's own takes it by the row that it has set on the monitor below it
 * - if that is SUSPEND, and the env's event slot is its.
 */
static bool
trap_refused(void)
{
	uint32_t nr = (uint32_t)cpu()->regs->rax & ~EXO_NR_MASK;
	struct domain *d = cur_domain(), *m = domain_refuser(d, nr);

	uint8_t action;

	if (m == NULL)
		return false;
	while (d->mon.id != m->id)
		d = domain_find(d->mon.id);
	action = d->action[EXO_ROW_MONITOR][EXO_CLASS_REFUSED];
	if (action == EXO_ACT_PASS)
		return trap_row(EXO_ROW_OWN, EXO_CLASS_REFUSED,
		    EXO_K_REFUSED);
	if (d == cur_domain())
		return trap_row(EXO_ROW_MONITOR, EXO_CLASS_REFUSED,
		    EXO_K_REFUSED);
	return action == EXO_ACT_SUSPEND &&
	    trap_suspend(EXO_CLASS_REFUSED, EXO_K_REFUSED, m->id);
}

/* Nobody could take it. */
static void
trap_double(enum exo_class class, uint32_t kind)
{
	struct env *e = cpu()->env;

	counters.double_faults++;
	if (class != EXO_CLASS_DOUBLE &&
	    trap_row(EXO_ROW_MONITOR, EXO_CLASS_DOUBLE, kind))
		return;
	if (cpu()->csp != e->chain) {
		env_abandon_callee();
		return;
	}
	sched_save();
	e->ev_kind = (uint16_t)kind;
	e->pub->state = EXO_ENV_STOPPED;
	e->pub->cause = EXO_CAUSE_FAULT;
	e->pub->seq++;
	sched_leave();
}

/*
 * A row that does not pass but can't deliver is a double fault: a monitor that
 * fails to take a trap must not hand it to its client.
 */
void
trap_deliver(enum exo_class class, uint32_t kind)
{
	struct domain *d = cur_domain();

	counters.traps++;
	if (!sched_settle())		/* my domain or its monitor is dead */
		return;
	if (class == EXO_CLASS_REFUSED) {
		if (!trap_refused())
			trap_double(class, kind);
		return;
	}
	for (int w = EXO_ROW_MONITOR; w < EXO_ROWS; w++) {
		if (w == EXO_ROW_MONITOR && d->mon.id == 0)
			continue;
		if (d->action[w][class] == EXO_ACT_PASS)
			continue;
		if (!trap_row(w, class, kind))
			trap_double(class, kind);
		return;
	}
	trap_double(class, kind);
}

/* A trap while the kernel ran: a user address that failed, or the idle loop's
 * tick; all else is a bug. */
static void
trap_kernel(struct exo_regs *r, uint64_t vector)
{
	if (vector == 14 && r->rip >= (uint64_t)user_copy_first &&
	    r->rip < (uint64_t)user_copy_last &&
	    r->addr < EXO_USER_TOP) {
		counters.faults_recovered++;
		r->rip = (uint64_t)user_copy_fault;
		return;
	}
	if (vector == VEC_TIMER && cpu()->idle) {
		lapic_eoi();
		sched_clock();
		return;
	}
	if (vector == VEC_SPURIOUS && cpu()->idle)
		return;
	/* A #DB that MOV SS held back until after SYSCALL (SDM vol. 3A,
	 * 6.8.3): the user's own doing, and nothing to the kernel. */
	if (vector == 1 || vector == 2)
		return;
	panic_regs(r, "trap %lu in the kernel, error %lx, address %lx", vector,
	    r->err, r->addr);
}

void trap_c(struct exo_regs *r, uint64_t vector);

void
trap_c(struct exo_regs *r, uint64_t vector)
{
	struct cpu *c = cpu();

	r->addr = vector == 14 ? hw_cr2() : 0;
	if ((r->cs & 3) == 0) {
		trap_kernel(r, vector);
		return;
	}
	if (r != c->regs)		/* it came on a stack of its own */
		*c->regs = *r;
	c->switched = 0;
	trace_add(EXO_TR_TRAP, (uint32_t)vector);
	switch (vector) {
	case 2:				/* NMI: nobody's */
	case VEC_SPURIOUS:
		return;
	case 8:
	case 18:
		panic_regs(r, "%s", vector == 8 ? "double fault" :
		    "machine check");
	case VEC_TIMER:
		lapic_eoi();
		sched_clock();
		sched_tick();
		break;
	default:
		if (vector > 32)	/* no device of ours */
			return;
		trap_deliver(vector == 14 ? EXO_CLASS_FAULT :
		    EXO_CLASS_EXCEPTION, EXO_K_TRAP + (uint32_t)vector);
	}
}

/*
 * Answer a trap that entered this domain.
 * Errors: DEPTH; STATE; ARG; ADDR; GONE.
 */
long
sys_seat_resume(uint64_t how, uint64_t regs)
{
	struct cpu *c = cpu();
	struct link *l = c->csp - 1;
	struct exo_regs r;
	struct seat *from;
	uint32_t depth;
	uint64_t what;
	bool wanted;
	long err;

	if (c->csp == c->env->chain)
		return -EXO_E_DEPTH;
	depth = (uint32_t)(l - c->env->chain);
	if (c->env->trap_seat[depth] == NULL)
		return -EXO_E_STATE;
	if (how != EXO_HOW_REGS && how != EXO_HOW_SELF)
		return -EXO_E_ARG;
	if ((err = user_read(&r, regs, sizeof(r))) != 0)
		return err;
	what = l->rip;
	wanted = depth == 0 && c->env->pub->pending != 0;
	if (how == EXO_HOW_SELF) {
		uint64_t e = r.err, a = r.addr;

		if ((err = regs_sanitise(&r)) != 0)
			return err;
		r.err = e;		/* the client's to read, no more */
		r.addr = a;
		if (wanted)
			regs_again(&r, (uint16_t)what);	/* not now */
	} else if ((err = regs_sanitise(&r)) != 0)
		return err;
	/* Act. */
	from = c->env->trap_seat[depth];
	c->env->trap_seat[depth] = NULL;
	c->csp = l;
	c->seat->key = c->seat->gen;
	c->seat = from;
	c->switched = 1;
	*c->regs = r;
	sched_load_cr3();
	env_came_home();
	if (wanted || !sched_settle())
		return 0;
	if (how == EXO_HOW_SELF) {
		enum exo_class class = what >> 16 & 0xffff;

		if (what >> 32 == EXO_ROW_OWN ||
		    from->dom->action[EXO_ROW_OWN][class] == EXO_ACT_PASS ||
		    !trap_row(EXO_ROW_OWN, class, what & 0xffff))
			trap_double(class, what & 0xffff);
	}
	return 0;
}

/* ------------------------------------------------- events and their answers */

/*
 * May the caller answer for this env, which does not run?  Who bound its event
 * slot may; others need RESUME.
 */
static long
event_check(exo_id id, exo_slot slot, struct env **out)
{
	struct env *e = env_find(id);
	long r = 0;

	if (e == NULL)
		return -EXO_E_NAME;
	*out = e;
	if (e->ev_kva == 0 || e->ev_monitor != cur_domain()->id)
		r = cap_check(slot, &e->guard, EXO_R_RESUME);
	if (r != 0)
		return r;
	return e->pub->state == EXO_ENV_STOPPED ||
	    e->pub->state == EXO_ENV_SUSPENDED ? 0 : -EXO_E_STATE;
}

/*
 * The registers of an env are its domain's where it is, which need not be
 * that of whoever has rights on the env: a server's, say.  They are for that
 * domain, its monitors, and who may shape it.
 */
static long
regs_check(const struct env *e, exo_slot slot)
{
	struct domain *d = e->seat->dom;

	if (domain_under(d, cur_domain()))
		return 0;
	return cap_check(slot, &d->guard, EXO_R_CONTROL);
}

long
sys_env_event(exo_id env, exo_slot slot, exo_ppn ppn, uint32_t offset,
    exo_slot fslot)
{
	struct env *e;
	long r = env_check(env, slot, EXO_R_RESUME, &e);

	if (r != 0)
		return r;
	if (e->pub->state >= EXO_ENV_DEAD)
		return -EXO_E_STATE;
	if (ppn == 0) {
		/* Act. */
		env_event_drop(e);
		return 0;
	}
	if (offset % sizeof(struct exo_event) != 0 || offset >= EXO_PAGE)
		return -EXO_E_ARG;
	if (e->ev_kva != 0)
		return -EXO_E_BUSY;
	/* One frame holds the slots of several clients of one monitor. */
	if (!event_frame_mine(ppn) && (r = page_bindable(ppn, fslot)) != 0)
		return r;
	/* Act. */
	event_frame_add(ppn);
	e->ev_ppn = ppn;
	e->ev_kva = (uint64_t)page_kva(ppn) + offset;
	e->ev_monitor = cur_domain()->id;
	return 0;
}

long
sys_env_regs(exo_id env, exo_slot slot, uint64_t regs)
{
	struct env *e;
	long r = event_check(env, slot, &e);

	if (r != 0 || (r = regs_check(e, slot)) != 0)
		return r;
	return user_write(regs, &e->regs, sizeof(e->regs));
}

/*
 * How an env that waits goes on.  Errors: DENIED, RIGHTS; ARG; ADDR.
 */
static long
event_answer(const struct env *e, exo_slot slot, uint64_t how, uint64_t regs,
    struct exo_regs *out)
{
	bool suspended = e->pub->state == EXO_ENV_SUSPENDED;
	long err;

	if ((how == EXO_HOW_REGS || env_depth(e) > 0) &&
	    (err = regs_check(e, slot)) != 0)
		return err;
	*out = e->regs;
	switch (how) {
	case EXO_HOW_REGS:
		if ((err = user_read(out, regs, sizeof(*out))) != 0)
			return err;
		return regs_sanitise(out);
	case EXO_HOW_SKIP:
		if (!suspended || !kind_is_call(e->ev_kind))
			return -EXO_E_ARG;
		out->rax = (uint64_t)-EXO_E_DENIED;
		return 0;
	case EXO_HOW_RETRY:
		if (e->resume == RESUME_REGS)
			regs_again(out, e->ev_kind);
		return 0;
	case EXO_HOW_SELF:
		return suspended ? 0 : -EXO_E_ARG;
	}
	return -EXO_E_ARG;
}

long
sys_env_continue(exo_id env, exo_slot slot, uint64_t seq, uint64_t how,
    uint64_t regs)
{
	struct env *e;
	struct exo_regs r;
	long err = event_check(env, slot, &e);

	if (err != 0)
		return err;
	if (seq != e->pub->seq)
		return -EXO_E_STALE;
	if ((err = event_answer(e, slot, how, regs, &r)) != 0)
		return err;
	/* Act. */
	e->regs = r;
	if (how == EXO_HOW_SELF)
		e->resume = RESUME_OWN_ROW;
	else if (how == EXO_HOW_REGS || e->pub->state == EXO_ENV_SUSPENDED)
		e->resume = RESUME_REGS;
	e->pub->state = EXO_ENV_READY;
	e->pub->cause = EXO_CAUSE_NONE;
	return 0;
}

/* The trap that a monitor passed on goes to the domain's own row, now that
 * the env runs. */
void
trap_own_row(void)
{
	struct env *e = cpu()->env;
	enum exo_class class = e->ev_class;

	if (cur_domain()->action[EXO_ROW_OWN][class] == EXO_ACT_PASS ||
	    !trap_row(EXO_ROW_OWN, class, e->ev_kind))
		trap_double(class, e->ev_kind);
}
