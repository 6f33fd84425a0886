/*
 * check_objects.c - the invariants of domains, seats, handles, envs, accounts
 * and the CPU, recomputed (CHECK=1).
 *
 * Each entry of the kernel checks the CPU and, by turns, the domain and env
 * that run, another domain, another env, a few frames; now and then everything
 * is counted again.  The first difference is a panic.
 */
#include "account.h"
#include "cpu.h"
#include "env.h"
#include "hw.h"
#include "panic.h"
#include "pure/slice.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"
#include "trap.h"

#define ROWS_AT_ONCE	16u		/* rows looked through for one in use */
#define FRAMES_AT_ONCE	8u
#define FULL_FIRST	64u		/* entries of the kernel until all is
					 * counted; twice as many each time,
					 * up to a quarter of the frames */

#define CHECK_THAT(what, id, e) do {					\
	if (__builtin_expect(!(e), 0))					\
		panic("check: %s %lx: %s, %s:%d", what,			\
		    (unsigned long)(id), #e, __FILE__, __LINE__);	\
} while (0)

#define CR3_KEEP	(1ul << 63)

static uint32_t shadow_used[NACCTS][EXO_RES_MAX];

/* ---------------------------------------------------------------- seats */

#define SEAT_THAT(e)	CHECK_THAT("seat", s->dom->id << 16 | s->index, e)

/* The list of the handles that name it: how many. */
static uint32_t
check_handles(const struct seat *s)
{
	uint32_t n = 0, before = 0;

	for (uint32_t name = s->handles; name != 0; n++) {
		const struct handle *h = handle_of(name);

		SEAT_THAT(h->seat == s && h->gen != 0 && h->prev == before);
		SEAT_THAT(h->gen <= s->gen);
		before = name;
		name = h->next;
	}
	return n;
}

static void
check_taken(const struct seat *s)
{
	const struct env *e = env_find(s->env);

	if (e == NULL || e->pub->state >= EXO_ENV_DEAD ||
	    !domain_live(s->dom))
		return;
	SEAT_THAT(env_seat(e) == s || env_on_chain(e, s));
}

static uint32_t
check_seat(const struct domain *d, const struct seat *s, uint32_t index)
{
	SEAT_THAT(s->dom == d && s->index == index);
	SEAT_THAT(s->gen != 0 && s->gen != ~0ull);
	SEAT_THAT(s->key == 0 || s->key == s->gen);
	SEAT_THAT((s->up_ppn != 0) == (s->up_kva != 0));
	if (!s->bound) {
		SEAT_THAT(s->key == 0 && !s->abandoned && s->up_ppn == 0 &&
		    !s->fault_fast && !s->foreign_fast);
		for (uint32_t w = 0; w < EXO_ROWS; w++)
			SEAT_THAT(s->handler[w].gen == 0);
	}
	if (s->up_ppn != 0) {
		const struct exo_page *p = &pages[s->up_ppn];

		SEAT_THAT(p->kind == EXO_PG_DATA && page_is_live(p) &&
		    (p->flags & EXO_PF_BOUND) && p->pins > 0);
		SEAT_THAT(s->up_kva == (uint64_t)page_kva(s->up_ppn) +
		    EXO_UPCALL_HEAD);
		SEAT_THAT(s->entry < EXO_USER_TOP && s->up_base <
		    EXO_USER_TOP);
	}
	if (seat_state(s) == SEAT_TAKEN)
		check_taken(s);
	return check_handles(s);
}

/* -------------------------------------------------------------- domains */

#define DOM_THAT(e)	CHECK_THAT("domain", d->id, e)

static void
check_places(const struct domain *d)
{
	uint32_t live = 0;

	DOM_THAT(d->nhandles <= d->max_handles);
	DOM_THAT(d->pub->nhandles == d->nhandles);
	for (uint32_t i = 0; i < d->nhandles; i++) {
		const struct handle *h = &d->handles[i];

		DOM_THAT(h->seat != NULL);
		DOM_THAT(h->gen != 0 || h->seat == &no_seat);
		live += h->gen != 0;
	}
	DOM_THAT(live == d->live_handles);
	DOM_THAT(pages[d->pub->frame].companion == d->handles_ppn);
}

/* What it may call follows from the mask, which is within the monitor's. */
static void
check_mask(const struct domain *d)
{
	const struct domain *m = domain_find(d->mon.id);
	bool all = true;

	DOM_THAT((d->mon.id != 0) == (d->pub->monitor != EXO_NONE));
	DOM_THAT(d->mon.id == 0 || m != NULL);
	for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++) {
		bool may = d->mon.mask[nr / 64] >> nr % 64 & 1;

		DOM_THAT(may || d->mon.id != 0);
		DOM_THAT(!may || m == NULL ||
		    (m->mon.mask[nr / 64] >> nr % 64 & 1));
		DOM_THAT(d->row[nr] == (may ? sys_row[nr] : sys_refused));
		all &= may || (nr != EXO_NR_enter && nr != EXO_NR_call);
	}
	DOM_THAT(d->nfast == 0 || (all && d->nfast == d->nhandles));
}

static void
check_live(const struct domain *d)
{
	DOM_THAT(d->cr3 == tlb_cr3(d));
	DOM_THAT(pages[d->root].kind == EXO_PG_PT4);
	DOM_THAT(d->pub->pcid == 0 ||
	    pcids[d->pub->pcid].domain == EXO_INDEX(d->id));
	check_mask(d);
	for (uint32_t i = 0; i < EXO_SLOT_TABLES; i++)
		DOM_THAT(d->slot_ppn[i] == d->pub->slot_tables[i] &&
		    (d->slot_ppn[i] == 0 ||
		    (pages[d->slot_ppn[i]].kind == EXO_PG_SLOTS &&
		    pages[d->slot_ppn[i]].pins > 0)));
}

static void
check_domain(uint32_t index)
{
	const struct exo_domain *p = &domains[index];
	struct domain *d = domain_at(index);
	uint32_t named = 0;

	if (d == NULL)
		return;
	DOM_THAT(d->pub == p && d->id == EXO_ID(p->gen, index));
	DOM_THAT(d->frame == p->frame && d->root == p->root);
	DOM_THAT(pages[p->frame].kind == EXO_PG_DOMAIN &&
	    pages[p->frame].pins > 0);
	if (domain_live(d))
		check_live(d);
	else
		DOM_THAT(d->cr3 == tlb_kernel_cr3 && d->nfast == 0 &&
		    p->pcid == 0);
	check_places(d);
	for (uint32_t i = 0; i < p->nseats; i++)
		named += check_seat(d, seat_at(d, i), i);
	DOM_THAT(named == p->named);
	if (p->state == EXO_DOM_ENDED)
		DOM_THAT(named == 0 && d->live_handles == 0 &&
		    p->clients == 0 && p->root == 0);
}

/* ----------------------------------------------------------------- envs */

#define ENV_THAT(e_)	CHECK_THAT("env", e->id, e_)

/* A seat that the env is in, or will come back to. */
static void
check_held(const struct env *e, const struct seat *s)
{
	if (s == NULL || !domain_live(s->dom))
		return;
	ENV_THAT(s->bound && s->key == 0 && !s->abandoned);
	ENV_THAT(s->env == e->id);
}

static void
check_chain(const struct env *e)
{
	uint32_t depth = env_depth(e);

	ENV_THAT(depth <= CHAIN_MAX);
	ENV_THAT(e->chain_end.seat == NULL);
	for (uint32_t i = 0; i < depth; i++) {
		const struct link *l = &e->chain[i];

		ENV_THAT(l->seat == NULL || e->trap_seat[i] == NULL);
		check_held(e, l->seat);
		check_held(e, e->trap_seat[i]);
	}
	ENV_THAT(e->pub->pending == 0 || (depth > 0 &&
	    e->chain[0].seat == NULL));
	check_held(e, e->base_seat);
}

/* What it will run with, when it does. */
static void
check_regs(const struct env *e)
{
	const struct exo_regs *r = &e->regs;

	ENV_THAT(r->rip <= EXO_USER_TOP);
	ENV_THAT(r->cs == 0x2b && r->ss == 0x23);
	ENV_THAT((r->rflags & 0x3200) == 0x200);	/* IF, no IOPL */
}

/* What it sleeps on was there once, and is read only if it is still. */
static void
check_nap(const struct env *e)
{
	const struct nap *n = &e->nap;

	ENV_THAT(env_depth(e) == 0 && e != cpu()->env);
	ENV_THAT(n->prog != 0 && n->prog < npages);
	ENV_THAT(n->nwin <= EXO_PRED_WINDOWS);
	for (uint32_t i = 0; i < n->nwin; i++) {
		const struct bpf_window *w = &n->win[1 + i];
		exo_ppn ppn = n->ppn[i];

		ENV_THAT(w->len <= EXO_PAGE && !w->writable && ppn < npages);
		ENV_THAT(ppn == 0 || w->len == 0 || (kva_page(w->mem) == ppn &&
		    kva_page(w->mem + w->len - 1) == ppn));
	}
}

static void
check_env(uint32_t index)
{
	const struct exo_env *p = &envs[index];
	const struct env *e = env_at(index);

	if (e == NULL || p->state == EXO_ENV_FREE)
		return;
	ENV_THAT(e->pub == p && e->id == EXO_ID(p->gen, index));
	ENV_THAT(e->frame == p->frame &&
	    pages[p->frame].kind == EXO_PG_ENV && pages[p->frame].pins > 0);
	ENV_THAT((e->ev_kva != 0) == (e->ev_ppn != 0));
	ENV_THAT(e->ev_ppn == 0 ||
	    ((pages[e->ev_ppn].flags & EXO_PF_BOUND) &&
	    pages[e->ev_ppn].entries > 0));
	if (p->state == EXO_ENV_EMBRYO || p->state >= EXO_ENV_DEAD)
		return;
	check_held(e, env_seat(e));
	check_chain(e);
	if (p->state == EXO_ENV_SLEEPING)
		check_nap(e);
	if (e != cpu()->env)
		check_regs(e);
}

/* ------------------------------------------------------------------ CPU */

static void
check_cpu(void)
{
	const struct cpu *c = cpu();
	const struct env *e = c->env;
	const struct domain *d;

	if (e == NULL)
		return;
	ENV_THAT(c->env_id == e->id && e->pub->state == EXO_ENV_READY);
	ENV_THAT(c->regs == &e->regs && e->resume == RESUME_REGS);
	ENV_THAT(c->csp >= e->chain && c->csp <= e->chain + CHAIN_MAX);
	d = c->seat->dom;
	ENV_THAT(!domain_live(d) || hw_cr3() == (d->cr3 & ~CR3_KEEP));
	ENV_THAT(c->turn == SLICE_NONE ||
	    slices[c->turn].account != EXO_NONE);
	ENV_THAT(c->waited == 0 || c->turn != SLICE_NONE);
	ENV_THAT(c->waited <= machine.grace_ticks && !c->turning);
	check_held(e, c->seat);
}

/* ---------------------------------------------------------------- slices */

static void
check_slices(void)
{
	for (uint32_t i = 0; i < SCHED_SLICES; i++) {
		const struct exo_slice *s = &slices[i];

		CHECK_THAT("slice", i, (s->env != EXO_NONE) ==
		    (slice_set[i / 64] >> i % 64 & 1));
		CHECK_THAT("slice", i, s->overrun_part < sched_tick_tsc());
		CHECK_THAT("slice", i, s->turn <= cpu()->revolution + 1);
		CHECK_THAT("slice", i, s->account != EXO_NONE ||
		    (s->env == EXO_NONE && s->overrun == 0));
	}
}

/* ------------------------------------------------------ sums over tables */

static void
count_domains(void)
{
	for (uint32_t i = 1; i < ndomains; i++) {
		const struct domain *d = domain_at(i);
		uint32_t clients = 0;

		if (d == NULL)
			continue;
		shadow_used[d->pub->account][EXO_RES_DOMAINS]++;
		if (d->pub->clients == 0)
			continue;
		for (uint32_t j = 1; j < ndomains; j++) {
			const struct domain *k = domain_at(j);

			clients += k != NULL && k->mon.id == d->id;
		}
		DOM_THAT(clients == d->pub->clients);
	}
}

static void
count_envs(void)
{
	for (uint32_t i = 1; i < nenvs; i++) {
		const struct env *e = env_at(i);
		uint32_t n = 0;

		if (e == NULL || e->pub->state == EXO_ENV_FREE)
			continue;
		shadow_used[e->pub->account][EXO_RES_ENVS]++;
		for (uint32_t k = 0; k < SCHED_SLICES; k++)
			n += slices[k].env == i &&
			    slices[k].env_gen == EXO_GEN(e->id);
		ENV_THAT(n == e->pub->slices || e->pub->state >=
		    EXO_ENV_DEAD);
	}
}

#define ACCT_THAT(e_)	CHECK_THAT("account", i, e_)

/* Asks, and where what is taken is written down. */
static void
check_revocation(uint32_t i)
{
	const struct exo_acct *a = &accts[i];

	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		const struct exo_ask *k = &a->ask[r];

		ACCT_THAT(k->open != 0 || (k->target == 0 &&
		    k->deadline == 0));
		ACCT_THAT(k->open == 0 || (i != ACCT_ROOT &&
		    a->state != EXO_ACCT_FREE && k->target < a->used[r] &&
		    a->used[r] == a->limit[r]));
	}
	ACCT_THAT(a->record == 0 || (a->state != EXO_ACCT_FREE &&
	    (pages[a->record].flags & EXO_PF_BOUND)));
	ACCT_THAT(a->record != 0 || a->recorded == 0);
	for (uint32_t j = 0; a->record != 0 && j < i; j++)
		ACCT_THAT(accts[j].record != a->record);
}

/* What each account was charged: its own, and its children's limits. */
static void
check_accounts(void)
{
	for (uint32_t i = 0; i < NACCTS; i++)
		check_revocation(i);
	for (uint32_t i = 0; i < SCHED_SLICES; i++)
		if (slices[i].account != EXO_NONE)
			shadow_used[slices[i].account][EXO_RES_SLICES]++;
	for (uint32_t i = 1; i < NPCIDS; i++)
		if (pcids[i].account != EXO_NONE)
			shadow_used[pcids[i].account][EXO_RES_PCIDS]++;
	for (exo_ppn ppn = 0; ppn < npages; ppn++)
		if (page_owned(ppn))
			shadow_used[pages[ppn].account][EXO_RES_FRAMES]++;
	for (uint32_t i = 1; i < NACCTS; i++) {
		if (accts[i].state == EXO_ACCT_FREE)
			continue;
		shadow_used[accts[i].parent][EXO_RES_ACCTS]++;
		for (uint32_t r = 0; r < EXO_RES_MAX; r++)
			shadow_used[accts[i].parent][r] += accts[i].limit[r];
	}
	for (uint32_t i = 0; i < NACCTS; i++) {
		if (accts[i].state == EXO_ACCT_FREE)
			continue;
		for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
			CHECK_THAT("account", i << 8 | r,
			    accts[i].used[r] == shadow_used[i][r]);
			CHECK_THAT("account", i << 8 | r,
			    accts[i].used[r] <= accts[i].limit[r]);
		}
	}
}

static void
check_all(void)
{
	__builtin_memset(shadow_used, 0, sizeof(shadow_used));
	for (uint32_t i = 1; i < ndomains; i++)
		check_domain(i);
	for (uint32_t i = 1; i < nenvs; i++)
		check_env(i);
	check_slices();
	count_domains();
	count_envs();
	check_accounts();
	check_frames();
}

/* ------------------------------------------------------------- each entry */

/* The next row in use, if it is near. */
static void
check_next_domain(void)
{
	static uint32_t at;

	for (uint32_t n = 0; n < ROWS_AT_ONCE; n++) {
		at = at + 1 < ndomains ? at + 1 : 1;
		if (domain_at(at) != NULL)
			break;
	}
	check_domain(at);
}

static void
check_next_env(void)
{
	static uint32_t at;

	for (uint32_t n = 0; n < ROWS_AT_ONCE; n++) {
		at = at + 1 < nenvs ? at + 1 : 1;
		if (env_at(at) != NULL)
			break;
	}
	check_env(at);
}

static void
check_next_frames(void)
{
	static uint32_t at;

	for (uint32_t n = 0; n < FRAMES_AT_ONCE; n++) {
		check_frame(at);
		at = at + 1 < npages ? at + 1 : 0;
	}
}

static void
check_running(void)
{
	if (cpu()->env == NULL)
		return;
	check_domain(EXO_INDEX(cur_domain()->id));
	check_env(EXO_INDEX(cpu()->env_id));
}

void
check_state(void)
{
	static void (*const turn[])(void) = {
		check_running, check_next_domain, check_next_env,
		check_next_frames
	};
	static uint32_t entries, next = FULL_FIRST;

	check_cpu();
	turn[entries % (sizeof(turn) / sizeof(turn[0]))]();
	if (++entries < next)
		return;
	entries = 0;
	if (next < npages / 4)
		next *= 2;
	check_all();
}
