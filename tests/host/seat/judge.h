/*
 * judge.h - what must hold after each step, looked up in the records
 * themselves, and a shadow of each env's chain, so that a reply goes to its
 * caller, once.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "world.h"

#define FAIL(...)	do { world_fail(__VA_ARGS__); return; } while (0)
#define HOLDS(e, ...)	do { if (!(e)) FAIL(#e ": " __VA_ARGS__); } while (0)

#define FP_NEW		0x37fu		/* FCW of an env that never ran */
#define ENV(e)		EXO_INDEX((e)->id)
#define DOM(d)		EXO_INDEX((d)->id)

/* ---------------------------------------------------------- who is where */

#define OCCUPIED_MAX	(NENVS * (CHAIN_MAX + 1))

static struct {
	uint32_t n;
	struct { const struct seat *seat; const struct env *env; }
	    at[OCCUPIED_MAX];
} occupied;

static const struct env *
occupant(const struct seat *s)
{
	for (uint32_t i = 0; i < occupied.n; i++)
		if (occupied.at[i].seat == s)
			return occupied.at[i].env;
	return NULL;
}

static void
occupy(const struct seat *s, const struct env *e, const char *how)
{
	HOLDS(occupant(s) == NULL, "env %u %s seat %u of %u", ENV(e), how,
	    s->index, DOM(s->dom));
	HOLDS(s->bound && s->key == 0 && !s->abandoned && s->env == e->id,
	    "env %u %s seat %u of %u", ENV(e), how, s->index, DOM(s->dom));
	occupied.at[occupied.n].seat = s;
	occupied.at[occupied.n++].env = e;
}

static void
judge_pending(const struct env *e, uint32_t depth)
{
	uint32_t late = e == cpu0.env ? 1 : 2;

	if (e->pub->pending == 0) {
		HOLDS(e->base_seat == NULL, "env %u", ENV(e));
		return;
	}
	HOLDS(depth > 0 && e->chain[0].seat == NULL, "env %u", ENV(e));
	HOLDS(machine.ticks < e->deadline + late, "env %u", ENV(e));
}

static void
judge_chain(const struct env *e)
{
	uint32_t depth = env_depth(e);

	HOLDS(depth <= CHAIN_MAX, "env %u: %u", ENV(e), depth);
	HOLDS(e->chain_end.seat == NULL, "env %u", ENV(e));
	for (uint32_t i = 0; i <= CHAIN_MAX; i++) {
		const struct seat *s;

		HOLDS(e->trap_seat[i] == NULL ||
		    (i < depth && e->chain[i].seat == NULL),
		    "env %u, link %u of %u", ENV(e), i, depth);
		if (i >= depth || (s = link_seat(e, i)) == NULL)
			continue;
		occupy(s, e, "is away from");
	}
	judge_pending(e, depth);
}

static void
judge_env(const struct env *e)
{
	const struct exo_env *p = e->pub;
	const struct seat *s = env_seat(e);
	uint32_t slices_found = 0;

	for (uint32_t i = 0; i < SCHED_SLICES; i++)
		slices_found += slices[i].env == ENV(e) &&
		    slices[i].env_gen == EXO_GEN(e->id);
	HOLDS(slices_found == p->slices, "env %u: %u, %u", ENV(e),
	    slices_found, p->slices);
	if (p->state >= EXO_ENV_DEAD || p->state == EXO_ENV_EMBRYO) {
		HOLDS(env_depth(e) == 0 && p->pending == 0, "env %u", ENV(e));
		HOLDS(e != cpu0.env, "env %u", ENV(e));
		HOLDS(s == NULL || p->state == EXO_ENV_DEAD, "env %u", ENV(e));
		HOLDS(p->state != EXO_ENV_ENDED || (p->slices == 0 &&
		    e->ev_kva == 0), "env %u", ENV(e));
		if (s != NULL)
			occupy(s, e, "died in");
		return;
	}
	HOLDS(s != NULL, "env %u", ENV(e));
	occupy(s, e, "is in");
	judge_chain(e);
	HOLDS((p->state != EXO_ENV_STOPPED && p->state != EXO_ENV_SLEEPING) ||
	    env_depth(e) == 0, "env %u", ENV(e));
	HOLDS(p->state != EXO_ENV_SLEEPING || (e->nap.prog != 0 &&
	    e->nap.nwin <= EXO_PRED_WINDOWS), "env %u", ENV(e));
}

static void
judge_running(void)
{
	const struct cpu *c = &cpu0;

	HOLDS(c->env != NULL && c->env_id == c->env->id, "nobody");
	HOLDS(c->env->pub->state == EXO_ENV_READY, "env %u: %u", ENV(c->env),
	    c->env->pub->state);
	HOLDS(domain_live(c->seat->dom), "env %u runs in dead domain %u",
	    ENV(c->env), DOM(c->seat->dom));
	HOLDS(hw.cr3 == c->seat->dom->cr3, "env %u", ENV(c->env));
	HOLDS(!c->idle, "idle");
	HOLDS(user.rip <= EXO_USER_TOP, "%#lx", (long)user.rip);
}

static struct env *
env_row(uint32_t i)
{
	return envs[i].state == EXO_ENV_FREE ? NULL :
	    page_kva(envs[i].frame);
}

static void
judge_slices(void)
{
	const struct cpu *c = &cpu0;
	uint32_t running = 0;

	for (uint32_t i = 0; i < SCHED_SLICES; i++) {
		const struct exo_slice *s = &slices[i];

		HOLDS((s->env != EXO_NONE) ==
		    (slice_set[i / 64] >> (i & 63) & 1), "slice %u", i);
		running += s->env != EXO_NONE;
		HOLDS(s->overrun_part < TICK_TSC, "slice %u: %u", i,
		    s->overrun_part);
		HOLDS(s->turn <= c->revolution + 1, "slice %u: %lu", i,
		    (long)s->turn);
		HOLDS(s->account != EXO_NONE || (s->env == EXO_NONE &&
		    s->overrun == 0 && s->overrun_part == 0), "slice %u", i);
	}
	HOLDS(running == slices_running, "%u, %u", running, slices_running);
	HOLDS(c->turn == SLICE_NONE || slices[c->turn].account != EXO_NONE,
	    "nobody's turn %u", c->turn);
	HOLDS(c->waited == 0 || (c->turn != SLICE_NONE &&
	    c->waited <= GRACE), "waited %u", c->waited);
	HOLDS(c->epilogue == 0 || c->waited != 0, "epilogue of %u",
	    EXO_INDEX(c->epilogue));
}

static void
judge_envs(void)
{
	occupied.n = 0;
	for (uint32_t i = 1; i < NENVS && !world_failed; i++)
		if (env_row(i) != NULL)
			judge_env(env_row(i));
	judge_running();
}

/* ------------------------------------------------------ seats and handles */

static uint32_t named[NDOMS];		/* live handles by their domain */

/* A place that is a live handle, or is not. */
static void
judge_place(const struct handle *h, const struct seat *s, uint32_t *live)
{
	if (h->gen == 0) {
		HOLDS(h->seat == &no_seat, "a place");
		return;
	}
	++*live;
	HOLDS(h->seat != &no_seat && h->gen <= h->seat->gen, "a handle");
	HOLDS(h->gen != h->seat->gen || h->seat->bound, "a handle");
	HOLDS(s == NULL || s->bound, "a handler of a seat");
	named[DOM(h->seat->dom)]++;
	for (uint32_t n = h->seat->handles; n != 0;
	    n = handle_of(n)->next)
		if (handle_of(n) == h)
			return;
	FAIL("a handle is not on its seat's list");
}

static void
judge_list(const struct seat *s)
{
	uint32_t before = 0, many = 0;

	for (uint32_t n = s->handles; n != 0; n = handle_of(n)->next) {
		const struct handle *h = handle_of(n);

		HOLDS(h->seat == s && h->gen != 0 && h->prev == before,
		    "the list of seat %u of %u", s->index, DOM(s->dom));
		HOLDS(many++ < 10000, "a list without an end");
		before = n;
	}
}

static void
judge_seat(const struct seat *s, const struct domain *d)
{
	const struct env *e = occupant(s);
	uint32_t handlers = 0;

	HOLDS(s->dom == d && s->gen != 0 && s->gen <= generations,
	    "seat %u of %u", s->index, DOM(d));
	HOLDS(s->key == 0 || (s->bound && s->key == s->gen), "seat %u of %u",
	    s->index, DOM(d));
	HOLDS(s->bound || !s->abandoned, "seat %u of %u", s->index, DOM(d));
	HOLDS(!s->bound || s->key != 0 || s->abandoned || e != NULL ||
	    !domain_live(d), "seat %u of %u is lost", s->index, DOM(d));
	HOLDS(e == NULL || (s->key == 0 && s->bound), "seat %u of %u",
	    s->index, DOM(d));
	HOLDS(!s->bound || s->up_ppn == 0 ||
	    (pages[s->up_ppn].flags & EXO_PF_BOUND), "seat %u of %u",
	    s->index, DOM(d));
	HOLDS(domain_live(d) || (s->fault_fast | s->foreign_fast) == 0,
	    "dead domain %u has quick upcalls", DOM(d));
	judge_list(s);
	for (uint32_t w = 0; w < EXO_ROWS; w++)
		judge_place(&s->handler[w], s, &handlers);
}

static void
judge_domain(struct domain *d)
{
	uint32_t live = 0, clients = 0;

	for (uint32_t i = 0; i < d->nhandles && !world_failed; i++)
		judge_place(&d->handles[i], NULL, &live);
	HOLDS(live == d->live_handles, "domain %u: %u, %u", DOM(d), live,
	    d->live_handles);
	for (uint32_t i = 0; i < d->pub->nseats && !world_failed; i++)
		judge_seat(seat_at(d, i), d);
	for (uint32_t i = 1; i < NDOMS; i++)
		if (domains[i].state == EXO_DOM_LIVE)
			clients += domain_at(i)->mon.id == d->id;
	HOLDS(clients == d->pub->clients, "domain %u: %u, %u", DOM(d), clients,
	    d->pub->clients);
	HOLDS(d->mon.id == 0 || (domain_live(d) &&
	    domain_find(d->mon.id) != NULL), "domain %u", DOM(d));
	HOLDS(domain_live(d) == (d->cr3 != tlb_kernel_cr3), "domain %u",
	    DOM(d));
}

static void
judge_domains(void)
{
	memset(named, 0, sizeof(named));
	for (uint32_t i = 1; i < NDOMS && !world_failed; i++)
		if (domains[i].state != EXO_DOM_FREE)
			judge_domain(domain_at(i));
	for (uint32_t i = 1; i < NDOMS && !world_failed; i++) {
		const struct exo_domain *p = &domains[i];

		HOLDS(p->state == EXO_DOM_FREE || p->named == named[i],
		    "domain %u: %u, %u", i, p->named, named[i]);
		HOLDS(p->state != EXO_DOM_ENDED || (p->named == 0 &&
		    p->clients == 0), "domain %u", i);
	}
}

/* ---------------------------------------------------------------- frames */

static void
judge_events(void)
{
	uint32_t found[NFRAMES] = { 0 };

	for (uint32_t i = 1; i < NENVS; i++)
		if (env_row(i) != NULL && env_row(i)->ev_kva != 0)
			found[env_row(i)->ev_ppn]++;
	for (exo_ppn ppn = 1; ppn < NFRAMES && !world_failed; ppn++)
		HOLDS(pages[ppn].kind == EXO_PG_PROG ||
		    (pages[ppn].entries == found[ppn] && (found[ppn] == 0 ||
		    (pages[ppn].flags & EXO_PF_BOUND))), "frame %u", ppn);
}

/* Those that wait are listed, the first that is due first. */
static void
judge_due(void)
{
	uint32_t waiting = 0, listed = 0;
	uint64_t last = 0;

	for (uint32_t i = 1; i < NENVS; i++)
		waiting += envs[i].pending != 0;
	for (uint32_t i = env_due; i != 0 && listed <= NENVS; listed++) {
		const struct env *e = env_at(i);

		HOLDS(e != NULL && e->pub->pending != 0 &&
		    e->deadline >= last, "env %u", i);
		last = e->deadline;
		i = e->due_next;
	}
	HOLDS(waiting == listed, "%u, %u", waiting, listed);
}

/* ------------------------------------------------------- shadows of chains */

struct shadow {
	exo_id id;
	struct seat *seat;		/* where it was */
	uint64_t rip, fp, fs;		/* its registers there */
	uint32_t depth;
	struct {
		struct seat *seat;
		uint64_t rip, rsp;	/* of a trap: when it came */
		uint64_t fs;		/* of home's trap */
		bool trap;
	} link[CHAIN_MAX];
};

static struct shadow shadows[NENVS];

/* What the step that is judged did. */
static struct {
	const struct env *by;
	uint64_t rip, rsp, fs;		/* where it was made */
	bool reply, resume;
} step;

static const struct exo_regs *
regs_of(const struct env *e)
{
	return e == cpu0.env ? &user : &e->regs;
}

/* FP state and bases are its own, as they were. */
static void
judge_other_regs(const struct shadow *sh, const struct env *e)
{
	bool runs = e == cpu0.env;
	uint64_t fp = runs ? hw.fp : *(const uint64_t *)e->fp;
	uint64_t fs = runs ? hw.fsbase : e->fsbase;
	uint64_t gs = runs ? hw.gsbase : e->gsbase;

	HOLDS(fp == sh->fp, "env %u has the FP state of %lu", ENV(e),
	    (long)fp);
	HOLDS(fs == sh->fs && gs == fs, "env %u: FS %#lx, not %#lx", ENV(e),
	    (long)fs, (long)sh->fs);
}

/* Where was an abandoned seat left? */
static void
judge_left(const struct seat *s, uint64_t rip)
{
	const struct exo_regs *r = (const struct exo_regs *)(s->up_kva +
	    s->left - s->up_base);

	if (!s->abandoned || s->left == 0)
		return;
	HOLDS(s->left - s->up_base <= UP_SIZE - sizeof(*r) && (s->left & 15) ==
	    0, "seat %u of %u", s->index, DOM(s->dom));
	HOLDS(r->rip == rip, "seat %u of %u was left at %#lx", s->index,
	    DOM(s->dom), (long)r->rip);
}

/* Link i of sh was passed by: what is left of it? */
static void
judge_passed(const struct shadow *sh, uint32_t i)
{
	const struct seat *s = sh->link[i].seat;

	if (!domain_live(s->dom) || !s->bound)
		return;
	HOLDS(s->abandoned, "seat %u of %u", s->index, DOM(s->dom));
	if (!sh->link[i].trap)
		judge_left(s, sh->link[i].rip);
	else if (!step.resume)		/* or it was back there just now */
		judge_left(s, s->entry);
}

/* It went from sh->depth links to fewer. */
static void
judge_return(struct shadow *sh, const struct env *e, uint32_t depth)
{
	const struct exo_regs *r = regs_of(e);
	const struct seat *to = sh->link[depth].seat;
	uint64_t rip = sh->link[depth].rip;
	bool replied = step.reply && e == step.by &&
	    depth + 1 == sh->depth && r->rax == EXO_K_REPLY;
	bool trap = sh->link[depth].trap;
	bool again = trap && depth == 0 && (r->rip == rip ||
	    r->rip == rip - 2);
	bool resumed = step.resume && e == step.by && trap && !again &&
	    depth + 1 == sh->depth;

	HOLDS(env_seat(e) == to, "env %u is back elsewhere", ENV(e));
	if (trap) {
		HOLDS(resumed || again, "env %u", ENV(e));
	} else {
		HOLDS(r->rip == rip && r->rsp == sh->link[depth].rsp,
		    "env %u: %#lx, not %#lx", ENV(e), (long)r->rip,
		    (long)rip);
		HOLDS(replied || r->rax == (uint64_t)-EXO_E_GONE,
		    "env %u: rax %lx", ENV(e), (long)r->rax);
	}
	if (!replied && !resumed) {	/* nobody could scrub */
		sh->fp = FP_NEW;
		sh->fs = trap ? sh->link[depth].fs : 0;
		judge_left(sh->seat, sh->rip);
	}
	/* The nearest that lives. */
	for (uint32_t i = depth + 1; i < sh->depth && !world_failed; i++)
		judge_passed(sh, i);
}

static void
judge_push(struct shadow *sh, const struct env *e)
{
	uint32_t i = sh->depth;
	bool trap = e->trap_seat[i] != NULL;

	HOLDS(link_seat(e, i) == sh->seat, "env %u: link %u", ENV(e), i);
	sh->link[i].seat = sh->seat;
	sh->link[i].trap = trap;
	sh->link[i].rip = i == 0 && trap ? e->base_regs.rip : e->chain[i].rip;
	sh->link[i].rsp = e->chain[i].rsp;
	sh->link[i].fs = e == step.by ? step.fs : e->base_fs;
	if (!trap && e == step.by)
		HOLDS(e->chain[i].rip == step.rip && e->chain[i].rsp ==
		    step.rsp, "env %u: link %u", ENV(e), i);
}

static void
shadow_move(struct shadow *sh, const struct env *e)
{
	uint32_t depth = env_depth(e);

	for (uint32_t i = 0; i < depth && i < sh->depth && !world_failed;
	    i++) {
		const struct seat *s = link_seat(e, i);

		HOLDS(s == sh->link[i].seat || (s == NULL &&
		    !e->trap_seat[i]), "env %u: link %u", ENV(e), i);
	}
	/* Answered with SELF it may trap again, with the registers given. */
	if (step.resume && e == step.by && depth == 1 && sh->depth == 1 &&
	    e->trap_seat[0] != NULL &&
	    e->base_regs.rip != sh->link[0].rip) {
		sh->link[0].rip = e->base_regs.rip;
		sh->link[0].fs = step.fs;
	}
	if (depth < sh->depth)
		judge_return(sh, e, depth);
	else if (depth > sh->depth) {
		HOLDS(depth == sh->depth + 1, "env %u: %u", ENV(e), depth);
		judge_push(sh, e);
	}
}

static void
judge_shadows(void)
{
	for (uint32_t i = 1; i < NENVS && !world_failed; i++) {
		struct shadow *sh = &shadows[i];
		const struct env *e = env_row(i);

		if (e == NULL || e->pub->state == EXO_ENV_EMBRYO ||
		    e->pub->state >= EXO_ENV_DEAD) {
			*sh = (struct shadow){ .depth = 0 };
			continue;
		}
		if (e == step.by) {
			sh->rip = step.rip;
			sh->fp = ENV(e);
			sh->fs = step.fs;
		}
		if (sh->id == e->id)
			shadow_move(sh, e);
		else if (e != step.by) {
			sh->fp = FP_NEW;
			sh->fs = 0;
		}
		judge_other_regs(sh, e);
		sh->id = e->id;
		sh->seat = env_seat(e);
		sh->rip = regs_of(e)->rip;
		sh->depth = env_depth(e);
	}
}

static void
fresh_world(void)
{
	memset(shadows, 0, sizeof(shadows));
	world_boot();
}

/* What is asked of an account, and that children's limits are its use. */
static void
judge_accts(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		const struct exo_acct *a = &accts[i];

		if (a->state == EXO_ACCT_FREE)
			continue;
		for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
			uint32_t children = 0;

			for (uint32_t j = 1; j < 8; j++)
				if (accts[j].state != EXO_ACCT_FREE &&
				    accts[j].parent == i)
					children += accts[j].limit[r];
			HOLDS(children <= a->used[r] &&
			    a->used[r] <= a->limit[r], "account %u", i);
			HOLDS(!a->ask[r].open || (a->used[r] == a->limit[r] &&
			    a->ask[r].target < a->used[r]), "account %u", i);
		}
		HOLDS(a->record == 0 || (pages[a->record].flags &
		    EXO_PF_BOUND), "account %u", i);
	}
}

static void
judge(void)
{
	void (*const judges[])(void) = { judge_envs, judge_domains,
	    judge_events, judge_due, judge_slices, judge_shadows,
	    judge_accts };

	for (uint32_t i = 0; i < sizeof(judges) / sizeof(judges[0]) &&
	    !world_failed; i++)
		judges[i]();
}

#endif
