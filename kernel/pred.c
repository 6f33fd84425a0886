/*
 * pred.c - wake-up predicates: programs in frames, and sleeping on them.
 *
 * A sleeper leaves a program behind that says when it wants to run again.  It
 * is asked where the sleeper would have run (sched.c), never by those who
 * write what it looks at: there is no list of sleepers.
 *
 * Invariants: (1) a PROG frame with entries != 0 holds that many instructions
 *		   that bpf_validate() accepted, and nobody but this file
 *		   writes it, once.
 *	       (2) an env that is SLEEPING is at home, and its nap's windows
 *		   are within their frame or table.
 *	       (3) a sleep pins nothing: epochs and guards are compared each
 *		   time before anything is read.
 * Guarded by: capability (WRITE to load, EXEC to sleep on it; READ on windows).
 * Published: EXO_PAGES (entries), EXO_ENVS (state, fuel, checks, wake).
 */
#include "pred.h"
#include "cpu.h"
#include "env.h"
#include "hw.h"
#include "page.h"
#include "sys.h"
#include "table.h"
#include "user.h"

_Static_assert(EXO_PROG_MAX == BPF_LEN_MAX, "ABI");
_Static_assert(EXO_PRED_AT == BPF_WINDOW(0) &&
    EXO_PRED_WIN(0) == BPF_WINDOW(1), "ABI");
_Static_assert(sizeof(((struct cpu *)NULL)->batch) == BPF_STACK &&
    sizeof(((struct cpu *)NULL)->batch) == EXO_PROG_MAX *
    sizeof(struct bpf_insn), "one scratch page for both");

/* Is a frame no longer what the sleeper was allowed to use? */
static bool
nap_stale(const struct nap *n)
{
	if (pages[n->prog].epoch != n->epoch)
		return true;
	for (uint32_t i = 0; i < n->nwin; i++) {
		exo_ppn ppn = n->ppn[i];

		if (ppn != 0 && (pages[ppn].epoch != n->epochs[i] ||
		    page_guards[ppn].serial != n->serials[i] ||
		    (pages[ppn].flags & EXO_PF_REGUARD)))
			return true;
	}
	return false;
}

/* Run the predicate: how the sleep ends, or 0: not yet. */
static long
nap_run(struct nap *n, struct exo_env *pub)
{
	struct exo_pred in = {
		.ticks = machine.ticks, .tsc = hw_tsc(),
		.deaths = machine.deaths, .typed = machine.typed,
		.arg = { n->arg[0], n->arg[1], n->arg[2], n->arg[3] },
	};
	struct bpf_run run = {
		.win = n->win, .nwin = 1 + n->nwin,
		.stack = (uint8_t *)cpu()->batch,
		.arg = { EXO_PRED_AT, n->arg[0], n->arg[1], n->arg[2],
		    n->arg[3] },
		.fuel = EXO_PRED_FUEL,
	};
	enum bpf_error err;

	pub->checks++;
	if (nap_stale(n))
		return -EXO_E_STALE;
	n->win[0] = (struct bpf_window){ .mem = (uint8_t *)&in,
	    .len = sizeof(in) };
	err = bpf_run(page_kva(n->prog), pages[n->prog].entries, &run);
	pub->fuel += EXO_PRED_FUEL - run.fuel;
	if (err == BPF_OK)
		return (uint32_t)run.r0;
	return err == BPF_E_FUEL ? -EXO_E_FUEL : -EXO_E_ADDR;
}

void
pred_wake(struct env *e, long result)
{
	e->regs.rax = (uint64_t)result;
	e->pub->wake = result;
	e->pub->state = EXO_ENV_READY;
}

/*
 * If its home or a monitor of that is dead, it is awake, and dies or is
 * released as anybody who is about to run.
 */
bool
pred_ask(struct env *e)
{
	long r = domain_doomed(e->seat->dom) ? -EXO_E_CUT :
	    nap_run(&e->nap, e->pub);

	if (r == 0)
		return false;
	pred_wake(e, r);
	return true;
}

/* ------------------------------------------------------------------ calls */

/* Errors: ARG; TYPE; SLOT, DENIED, RIGHTS; STATE; ADDR; PROG. */
long
sys_prog_load(exo_slot slot, exo_ppn ppn, uint64_t ptr, uint64_t n)
{
	const struct bpf_insn *code = (const struct bpf_insn *)cpu()->batch;
	long r;

	if (ppn == 0 || ppn >= npages || n == 0 || n > EXO_PROG_MAX)
		return -EXO_E_ARG;
	if (pages[ppn].kind != EXO_PG_PROG)
		return -EXO_E_TYPE;
	if ((r = cap_check(slot, &page_guards[ppn].name, EXO_R_WRITE)) != 0)
		return r;
	if (pages[ppn].entries != 0)
		return -EXO_E_STATE;
	if ((r = user_read(cpu()->batch, ptr, n * sizeof(*code))) != 0)
		return r;
	if (bpf_validate(code, (uint32_t)n, NULL) != BPF_OK)
		return -EXO_E_PROG;
	/* Act. */
	__builtin_memcpy(page_kva(ppn), code, n * sizeof(*code));
	pages[ppn].entries = (uint32_t)n;
	return 0;
}

/* Errors: ARG; TYPE; SLOT, DENIED, RIGHTS; STATE. */
static long
nap_prog(struct nap *n, exo_ppn ppn, exo_slot slot)
{
	long r;

	if (ppn == 0 || ppn >= npages)
		return -EXO_E_ARG;
	if (pages[ppn].kind != EXO_PG_PROG)
		return -EXO_E_TYPE;
	if ((r = cap_check(slot, &page_guards[ppn].name, EXO_R_EXEC)) != 0)
		return r;
	if (pages[ppn].entries == 0)
		return -EXO_E_STATE;
	n->prog = ppn;
	n->epoch = pages[ppn].epoch;
	return 0;
}

/*
 * A private frame's guard does not show who may see it (docs/decisions.md).
 * Errors: ARG; TYPE; SLOT, DENIED, RIGHTS; STALE; STATE.
 */
static long
window_frame(struct nap *n, const struct exo_window *w)
{
	const struct exo_page *p;
	uint32_t i = n->nwin;
	long r;

	if (w->offset > EXO_PAGE || w->len > EXO_PAGE - w->offset ||
	    w->ppn == 0 || w->ppn >= npages)
		return -EXO_E_ARG;
	p = &pages[w->ppn];
	if (p->kind != EXO_PG_DATA || !page_is_live(p))
		return -EXO_E_TYPE;
	r = cap_check(w->slot, &page_guards[w->ppn].name, EXO_R_READ);
	if (r != 0)
		return r;
	if (p->epoch != w->epoch)
		return -EXO_E_STALE;
	if (p->flags & EXO_PF_REGUARD)
		return -EXO_E_STATE;
	n->win[1 + i].mem = (uint8_t *)page_kva(w->ppn) + w->offset;
	n->ppn[i] = w->ppn;
	n->epochs[i] = p->epoch;
	n->serials[i] = page_guards[w->ppn].serial;
	return 0;
}

static long
nap_window(struct nap *n, const struct exo_window *w)
{
	uint32_t i = n->nwin;
	long r = 0;

	if (w->len > EXO_PAGE || w->offset % 8 != 0)
		return -EXO_E_ARG;
	n->win[1 + i].len = w->len;
	n->win[1 + i].writable = false;
	n->ppn[i] = 0;
	if (w->what == EXO_WIN_FRAME)
		r = window_frame(n, w);
	else if (w->what < EXO_WIN_TABLE)
		r = -EXO_E_ARG;
	else
		r = table_window(w->what - EXO_WIN_TABLE, w->offset, w->len,
		    &n->win[1 + i].mem);
	n->nwin++;
	return r;
}

/* Errors: ADDR; ARG; then nap_prog's; then nap_window's. */
static long
nap_read(struct nap *n, uint64_t args)
{
	const uint64_t head = offsetof(struct exo_sleep, win);
	struct exo_sleep s;
	long r = user_read(&s, args, head);

	if (r != 0)
		return r;
	if (s.nwin > EXO_PRED_WINDOWS || s.pad != 0)
		return -EXO_E_ARG;
	r = user_read(s.win, args + head, s.nwin * sizeof(s.win[0]));
	if (r != 0)
		return r;
	n->nwin = 0;
	__builtin_memcpy(n->arg, s.arg, sizeof(n->arg));
	r = nap_prog(n, s.prog, s.prog_slot);
	for (uint32_t i = 0; i < s.nwin && r == 0; i++)
		r = nap_window(n, &s.win[i]);
	return r;
}

/*
 * What is true already is no sleep.
 * Errors: STATE; then nap_read's; then sched_target's.
 */
long
sys_env_sleep(uint64_t args, exo_id env, exo_slot slot, uint64_t place)
{
	struct env *e = cpu()->env, *to;
	long r;

	if (cpu()->csp != e->chain)
		return -EXO_E_STATE;
	/* Its nap is nobody's as long as it runs. */
	if ((r = nap_read(&e->nap, args)) != 0)
		return r;
	if ((r = sched_target(env, slot, place, &to)) != 0)
		return r;
	if ((r = nap_run(&e->nap, e->pub)) != 0) {
		e->pub->wake = r;
		return r;
	}
	/* Act. */
	sched_save();
	e->pub->state = EXO_ENV_SLEEPING;
	sched_leave_to(to);
	return 0;
}
