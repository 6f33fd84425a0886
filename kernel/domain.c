/*
 * domain.c - domains: a root table, slot tables, seats, handles, rows.
 *
 * The kernel keeps apart what is in different domains, and says nothing about
 * what one is for: a process, a light-weight context, a server.
 *
 * A domain dies at once: its state changes, so that handles to it are stale
 * and nobody enters.  What it held is given back by domain_reap in steps that
 * anyone may do, and its row is free again after domain_free.
 *
 * Invariants: (1) a row that is not FREE has a record, in a pinned frame.
 *	       (2) mon.id names a domain that is not ENDED, whose `clients`
 *		   counts it; nobody is his own monitor, through others or not,
 *		   and chains of monitors are at most MON_DEPTH long.
 *	       (3) mon.mask is within the mask of each monitor above; all ones
 *		   where there is none.  row[] and nfast follow from it.
 *	       (4) a domain that is ENDED holds nothing but its record: no
 *		   client, no handle, no seat that is named, no table.
 * Guarded by: capability.  Published: EXO_DOMAINS.
 *
 * Free rows are linked through exit_word (pure/rows.h).  Row 0 is never used.
 */
#include "as.h"
#include "domain.h"
#include "env.h"
#include "panic.h"
#include "pure/rows.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"
#include "user.h"

#define MON_DEPTH	16u

static struct rows free_rows = { &domains[0].exit_word,
    sizeof(struct exo_domain), 0 };

struct domain *
domain_at(uint32_t index)
{
	if (index >= ndomains || domains[index].state == EXO_DOM_FREE)
		return NULL;
	return page_kva(domains[index].frame);
}

struct domain *
domain_find(exo_id dom)
{
	struct domain *d = domain_at(EXO_INDEX(dom));

	return d != NULL && d->id == dom ? d : NULL;
}

long
domain_check(exo_id dom, exo_slot slot, uint32_t need, struct domain **out)
{
	*out = domain_find(dom);
	if (*out == NULL)
		return -EXO_E_NAME;
	return cap_check(slot, &(*out)->guard, need);
}

/* ----------------------------------------------------------------- rows */

void
domain_row_free(uint32_t index)
{
	struct exo_domain *p = &domains[index];
	uint32_t gen = p->gen + 1;

	page_unpin(p->frame);
	acct_refund(p->account, EXO_RES_DOMAINS, 1);
	*p = (struct exo_domain){ .gen = gen, .state = EXO_DOM_FREE };
	if (gen != 0)			/* else its names are used up */
		rows_put(&free_rows, index);
}

/* ------------------------------------------------------ monitors, masks */

static bool
mask_has(const uint64_t mask[2], uint32_t nr)
{
	return mask[nr / 64] >> nr % 64 & 1;
}

void
domain_run_fast(struct domain *d)
{
	const uint64_t *mask = d->mon.mask;

	d->nfast = domain_live(d) && mask_has(mask, EXO_NR_enter) &&
	    mask_has(mask, EXO_NR_call) ? d->nhandles : 0;
}

void
domain_run_row(struct domain *d)
{
	const uint64_t *mask = d->mon.mask;

	if ((mask[0] & mask[1]) == ~0ull)
		__builtin_memcpy(d->row, sys_row, sizeof(d->row));
	else for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++)
		d->row[nr] = mask_has(mask, nr) ? sys_row[nr] : sys_refused;
	domain_run_fast(d);
}

static struct domain *
mon_of(const struct domain *d)
{
	return d->mon.id != 0 ? domain_find(d->mon.id) : NULL;
}

static void
mon_bind(struct domain *d, struct domain *m, const struct monitor *how)
{
	d->mon = *how;
	d->mon.id = m->id;
	d->pub->monitor = EXO_INDEX(m->id);
	m->pub->clients++;
}

static void
mon_unbind(struct domain *d)
{
	struct domain *m = mon_of(d);

	if (m != NULL)
		m->pub->clients--;
	d->mon = (struct monitor){ .mask = { ~0ull, ~0ull },
	    .given = { ~0ull, ~0ull } };
	d->pub->monitor = EXO_NONE;
	__builtin_memset(d->action[EXO_ROW_MONITOR], EXO_ACT_PASS,
	    EXO_CLASSES);
}

/*
 * d goes on without a monitor.  The handlers that it bound in d's seats go
 * too, or the next monitor's row would enter them.
 */
static void
mon_release(struct domain *d)
{
	mon_unbind(d);
	for (uint32_t i = 0; i < d->pub->nseats; i++) {
		struct handle *h = &seat_at(d, i)->handler[EXO_ROW_MONITOR];

		if (h->gen != 0)
			handle_kill(h);
	}
	domain_run_row(d);
	seat_refresh(d);
}

/* d's monitor is dead. */
static void
mon_gone(struct domain *d)
{
	if (d->mon.flags & EXO_MON_RELEASE)
		mon_release(d);
	else
		domain_die(d, EXO_CAUSE_MONITOR, 0);
}

/* From the top of the chain down, since a death there may end all below. */
bool
domain_check_monitor(struct domain *d)
{
	struct domain *chain[MON_DEPTH + 1];
	uint32_t n = 0;

	for (struct domain *m = d; m->mon.id != 0; m = mon_of(m)) {
		assert(n <= MON_DEPTH);
		chain[n++] = m;
	}
	while (n-- > 0) {
		struct domain *m = mon_of(chain[n]);

		if (domain_live(chain[n]) && m != NULL && !domain_live(m))
			mon_gone(chain[n]);
	}
	return domain_live(d);
}

bool
domain_doomed(const struct domain *d)
{
	for (; d != NULL && domain_live(d); d = mon_of(d))
		if (d->mon.id == 0)
			return false;
	return true;
}

struct domain *
domain_refuser(struct domain *d, uint32_t nr)
{
	for (; d->mon.id != 0; d = mon_of(d))
		if (!mask_has(d->mon.given, nr))
			return mon_of(d);
	return NULL;
}

/* How many monitors are above d; is `other` d or one of them? */
static uint32_t
mon_depth(struct domain *d, const struct domain *other, bool *found)
{
	uint32_t n = 0;

	*found = d == other;
	for (; d->mon.id != 0; n++) {
		d = mon_of(d);
		*found |= d == other;
	}
	return n;
}

bool
domain_under(struct domain *d, const struct domain *m)
{
	bool found;

	(void)mon_depth(d, m, &found);
	return found;
}

/*
 * May the running domain set, or drop, d's rows and mask?  A domain that has
 * clients keeps its mask, since theirs are within it.
 * Errors: BUSY; LOOP.
 */
static long
mon_allowed(struct domain *d, const uint64_t mask[2], uint32_t flags)
{
	struct domain *me = cur_domain();
	bool mine = d->mon.id == me->id, found;
	uint32_t depth;

	if (flags & EXO_MON_DROP)
		return mine ? 0 : -EXO_E_BUSY;
	if (d->mon.id != 0 && !mine)
		return -EXO_E_BUSY;
	if (d->pub->clients != 0 && !(mine && mask[0] == d->mon.given[0] &&
	    mask[1] == d->mon.given[1]))
		return -EXO_E_BUSY;
	depth = mon_depth(me, d, &found);
	return found || depth >= MON_DEPTH ? -EXO_E_LOOP : 0;
}

/* An epilogue is the domain's own affair, and nothing but an upcall. */
static bool
row_ok(enum exo_whose whose, uint32_t class, uint32_t action)
{
	if (class == EXO_CLASS_EPILOGUE)
		return action == EXO_ACT_PASS ||
		    (action == EXO_ACT_SELF && whose == EXO_ROW_OWN);
	return class < EXO_CLASSES && action < EXO_ACTIONS;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ADDR; ARG; BUSY; LOOP. */
long
sys_domain_monitor(exo_id dom, exo_slot slot, uint64_t actions, uint64_t mask,
    uint32_t flags)
{
	uint8_t rows[EXO_CLASSES] = { 0 };
	struct monitor how = { .flags = flags };
	struct domain *d, *me = cur_domain();
	long r = domain_check(dom, slot, EXO_R_MONITOR, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (!(flags & EXO_MON_DROP)) {
		if ((r = user_read(rows, actions, sizeof(rows))) != 0 ||
		    (r = user_read(how.given, mask, sizeof(how.given))) != 0)
			return r;
	}
	if ((flags & ~(EXO_MON_RELEASE | EXO_MON_DROP)) != 0 ||
	    (!(flags & EXO_MON_DROP) && !mask_has(how.given, EXO_NR_reply)))
		return -EXO_E_ARG;
	for (uint32_t i = 0; i < EXO_CLASSES; i++)
		if (!row_ok(EXO_ROW_MONITOR, i, rows[i]))
			return -EXO_E_ARG;
	if ((r = mon_allowed(d, how.given, flags)) != 0)
		return r;
	/* Act. */
	if (flags & EXO_MON_DROP) {
		mon_release(d);
		return 0;
	}
	mon_unbind(d);
	__builtin_memcpy(d->action[EXO_ROW_MONITOR], rows, sizeof(rows));
	for (int i = 0; i < 2; i++)
		how.mask[i] = how.given[i] & me->mon.mask[i];
	mon_bind(d, me, &how);
	domain_run_row(d);
	seat_refresh(d);
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG. */
long
sys_domain_row(exo_id dom, exo_slot slot, uint32_t class, uint32_t action)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (!row_ok(EXO_ROW_OWN, class, action))
		return -EXO_E_ARG;
	/* Act. */
	d->action[EXO_ROW_OWN][class] = (uint8_t)action;
	seat_refresh(d);
	return 0;
}

/* ---------------------------------------------------------------- birth */

/* Everything has been checked. */
static struct domain *
domain_make(uint32_t index, uint32_t acct, exo_ppn frame, exo_ppn root,
    const struct exo_cap *guard)
{
	struct exo_domain *p = &domains[index];
	struct domain *d = page_kva(frame);

	rows_take(&free_rows, index);
	page_pin(frame);
	acct_charge(acct, EXO_RES_DOMAINS, 1);
	*p = (struct exo_domain){ .gen = p->gen, .state = EXO_DOM_LIVE,
	    .account = acct, .frame = frame, .root = root,
	    .monitor = EXO_NONE };
	__builtin_memset(d, 0, sizeof(*d));
	d->id = EXO_ID(p->gen, index);
	d->pub = p;
	d->guard = *guard;
	d->root = root;
	d->frame = frame;
	as_root_use(root, index);
	d->cr3 = tlb_cr3(d);
	seats_init(d);
	mon_unbind(d);
	domain_run_row(d);
	return d;
}

/*
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; SLOT; ARG; then TYPE, REACH, BUSY
 * on the frame; TYPE, REACH, EMPTY on the root; BUSY; FULL; QUOTA.
 */
long
sys_domain_create(exo_id acct, exo_slot slot, exo_slot guard, uint32_t want,
    exo_ppn frame, exo_ppn root)
{
	struct domain *d, *me = cur_domain();
	struct guard g;
	long a = acct_charging(acct, slot), r;

	if (a < 0)
		return a;
	if ((r = cap_guard(guard, &g)) != 0)
		return r;
	if ((want != EXO_NONE && (want == 0 || want >= ndomains)) ||
	    frame == 0 || frame >= npages || root == 0 || root >= npages)
		return -EXO_E_ARG;
	if ((r = page_for_record(frame, EXO_PG_DOMAIN)) != 0 ||
	    (r = as_root_ok(root)) != 0)
		return r;
	if (want != EXO_NONE && (domains[want].state != EXO_DOM_FREE ||
	    domains[want].gen == 0))
		return -EXO_E_BUSY;
	if (want == EXO_NONE && (want = free_rows.first) == 0)
		return -EXO_E_FULL;
	if (!acct_room((uint32_t)a, EXO_RES_DOMAINS, 1))
		return -EXO_E_QUOTA;
	/* Act. */
	d = domain_make(want, (uint32_t)a, frame, root, &g.name);
	if (me->mon.id != 0) {
		__builtin_memcpy(d->action[EXO_ROW_MONITOR],
		    me->action[EXO_ROW_MONITOR], EXO_CLASSES);
		mon_bind(d, mon_of(me), &me->mon);
		domain_run_row(d);
	}
	return (long)d->id;
}

struct domain *
domain_boot(exo_ppn frame, exo_ppn root, const struct guard *guard)
{
	for (uint32_t i = ndomains - 1; i > 0; i--) {
		domains[i].gen = 1;
		rows_put(&free_rows, i);
	}
	return domain_make(1, ACCT_ROOT, frame, root, &guard->name);
}

/* ---------------------------------------------------------------- death */

void
domain_die(struct domain *d, enum exo_cause cause, uint64_t word)
{
	assert(domain_live(d));
	d->pub->state = EXO_DOM_DEAD;
	d->pub->cause = (uint16_t)cause;
	d->pub->exit_word = word;
	d->nfast = 0;
	seats_stale(d);
	mon_unbind(d);
	pcid_drop(d);
	machine.deaths++;
	trace_add(EXO_TR_DEATH, 0);
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE. */
long
sys_domain_kill(exo_id dom, exo_slot slot, uint64_t word)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_KILL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	/* Act. */
	domain_die(d, d == cur_domain() ? EXO_CAUSE_EXIT : EXO_CAUSE_KILL,
	    word);
	(void)sched_settle();		/* it may be mine, or my monitor */
	return 0;
}

/*
 * Stages of a dead domain's end.  Each is taken up at reap_at; a step does a
 * bounded piece of it, or looks at a row.
 */
enum reap {
	REAP_CLIENTS,		/* they die, or are released */
	REAP_PLACES,		/* handles that it held */
	REAP_SEATS,		/* who is in them, and handles that name them */
	REAP_REST,
	REAP_DONE
};

/* Clients that appear behind reap_at are met on the next turn. */
static bool
reap_client(struct domain *d)
{
	struct domain *c;

	if (d->pub->clients == 0)
		return false;
	if (++d->reap_at >= ndomains)
		d->reap_at = 1;
	c = domain_at(d->reap_at);
	if (c != NULL && domain_live(c) && c->mon.id == d->id)
		mon_gone(c);
	return true;
}

static bool
reap_place(struct domain *d)
{
	struct handle *h;

	if (d->reap_at >= d->nhandles)
		return false;
	h = &d->handles[d->reap_at++];
	if (h->gen != 0)
		handle_kill(h);
	return true;
}

/*
 * A bound seat is first taken from its env and unbound, so that nobody comes
 * back while the handles that name it go one by one.
 */
static void
reap_bound(struct seat *s)
{
	struct env *e = env_find(s->env);

	if (e != NULL && seat_state(s) == SEAT_TAKEN)
		env_evict(e, s);
	if (e != NULL && e->pub->state >= EXO_ENV_DEAD && e->seat == s)
		e->seat = NULL;		/* it died there */
	seat_clear(s);
}

static bool
reap_seat(struct domain *d)
{
	struct seat *s;

	if (d->reap_at >= d->pub->nseats)
		return false;
	s = seat_at(d, d->reap_at);
	if (s->bound)
		reap_bound(s);
	else if (s->handles != 0)
		handle_kill(handle_of(s->handles));
	else
		d->reap_at++;
	return true;
}

/* At most 4 slot tables and 320 frames of records. */
static void
reap_rest(struct domain *d)
{
	assert(d->pub->named == 0 && d->live_handles == 0);
	cap_unbind_all(d);
	seat_frames_drop(d);
	as_root_drop(d->root, EXO_INDEX(d->id));
	d->root = d->pub->root = 0;
}

/* One step.  False: nothing was left to do. */
static bool
reap_step(struct domain *d)
{
	switch (d->reap_stage) {
	case REAP_CLIENTS:
		if (reap_client(d))
			return true;
		break;
	case REAP_PLACES:
		if (reap_place(d))
			return true;
		break;
	case REAP_SEATS:
		if (reap_seat(d))
			return true;
		break;
	case REAP_REST:
		reap_rest(d);
		break;
	default:
		return false;
	}
	d->reap_stage++;
	d->reap_at = 0;
	return true;
}

uint64_t
domain_reap_steps(struct domain *d, uint64_t n)
{
	struct env *e = cpu()->env;
	uint64_t did = 0;

	while (did < n && reap_step(d)) {
		did++;
		if (cpu()->env != e || !domain_live(cur_domain()))
			break;		/* somebody else's turn */
	}
	counters.reap_steps += did;
	if (did == 0 && n != 0)
		d->pub->state = EXO_DOM_ENDED;
	return did;
}

/* Errors: NAME; STATE. */
long
sys_domain_reap(exo_id dom, uint64_t n)
{
	struct domain *d = domain_find(dom);
	uint64_t did;

	if (d == NULL)
		return -EXO_E_NAME;
	if (d->pub->state != EXO_DOM_DEAD)
		return -EXO_E_STATE;
	/* Act. */
	did = domain_reap_steps(d, n < EXO_STEPS_MAX ? n : EXO_STEPS_MAX);
	if (!cpu()->switched)
		(void)sched_settle();
	return (long)did;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE. */
long
sys_domain_free(exo_id dom, exo_slot slot)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_KILL, &d);

	if (r != 0)
		return r;
	if (d->pub->state != EXO_DOM_ENDED)
		return -EXO_E_STATE;
	/* Act. */
	domain_row_free(EXO_INDEX(dom));
	return 0;
}
