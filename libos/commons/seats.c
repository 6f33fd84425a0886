/*
 * seats.c - a seat and a window for each env of a process; accounts: made at a
 * fork, watched, reaped.
 *
 * Invariants: (1) a seat that was used once keeps stack, upcall frame, window:
 *		   `ready'.
 *	       (2) a seat is free (on the list), a process's (proc), or waits in
 *		   a record until its env has left it.
 *	       (3) a window's frame has a fresh name each time it is given out,
 *		   so that capabilities for it from before are worth nothing.
 *	       (4) a record is a process's, or is being reaped.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "house.h"
#include "world.h"

#define RECORDS		320u
#define STACK		SEAT_STACK
#define WINDOW(i)	(SEAT_BASE(i) + 0x1c000ul)
#define SEATS_FRAME	16u		/* seats that a frame of them holds */
#define CHILD_TRACE	4u
#define FRAMES_MIN	16u
#define REAP_STEPS	256
#define WATCH_EACH	32u
#define WINDOW_TRIES	32u
#define FORK_REAPS	16u		/* steps that a fork does for want of
					 * something */

/* Whose a domain is: the seat that it was given its handle to. */
struct joint {
	uint32_t gen, seat;
};
#define JOINTS		(WORLD_PAGE / sizeof(struct joint))
#define DOMAINS		65536u

struct record {
	exo_id acct, domain;		/* acct 0: free */
	struct seat *left;		/* seats to free with it */
	struct record *next;		/* free; or being reaped */
};

static struct {
	bool ready, bound;
	bool go_on;			/* continued before it had stopped */
	exo_ppn upcall, window;
	uint32_t joints;		/* that name it */
	struct seat *next;		/* free; or left with a record */
} house[CM_SEATS];

struct seat seats[CM_SEATS];
exo_slot session;
static exo_slot name_slot, window_slot;	/* while one is given out */
static struct seat *free_seats;
uint32_t seats_used, seats_ending;
static struct record records[RECORDS], *free_records, *dying;
static struct joint *joints[DOMAINS / JOINTS];	/* pages; NULL: none yet */
static uint64_t deaths_seen;
static bool stop_later;			/* some of the stopped still run */

void	_upcall(void);

/* ---- seats */

static long
stack_make(uint32_t i)
{
	for (uint64_t va = SEAT_TOP(i) - STACK; va < SEAT_TOP(i);
	    va += EXO_PAGE) {
		long ppn = vm_page(EXO_PG_DATA);
		long r = ppn < 0 ? ppn : vm_map(va, (exo_ppn)ppn, VM_RW,
		    self->memory_slot);

		if (r < 0)
			return r;
	}
	return 0;
}

/* A live page of mine at va. */
static long
page_make(uint64_t va, exo_ppn *ppn)
{
	long p = vm_page(EXO_PG_DATA | EXO_KIND_LIVE);

	if (p < 0)
		return p;
	*ppn = (exo_ppn)p;
	return vm_map(va, *ppn, VM_RW, self->memory_slot);
}

/* Memory that a seat keeps; and the kernel's room for it. */
static long
seat_prepare(uint32_t i)
{
	long r = 0;

	if (house[i].ready)
		return 0;
	if (i >= EXO_DOMAINS[EXO_INDEX(self->domain)].nseats) {
		r = vm_page(EXO_PG_SEATS);
		if (r >= 0)
			r = exo_domain_seats(self->domain, self->domain_slot,
			    (exo_ppn)r);
	}
	if (r >= 0)
		r = stack_make(i);
	if (r >= 0)
		r = page_make(SEAT_UPCALL(i), &house[i].upcall);
	if (r >= 0)
		r = page_make(WINDOW(i), &house[i].window);
	if (r >= 0)
		house[i].ready = true;
	return r;
}

static long
seat_bind(uint32_t i, exo_id env)
{
	struct exo_seat_args a = {
		.env = env,
		.entry = (uint64_t)commons_entry,
		.stack = SEAT_TOP(i),
		.upcall = (uint64_t)_upcall,
		.upcall_va = SEAT_UPCALL(i),
		.upcall_ppn = house[i].upcall,
		.upcall_slot = self->memory_slot,
	};
	long r = exo_seat_bind(self->domain, self->domain_slot, i,
	    (uint64_t)&a);

	if (r == 0) {
		((volatile struct exo_upcall *)SEAT_UPCALL(i))->critical = 0;
		house[i].bound = true;
		seats[i].env = env;
	}
	return r;
}

/* Its env has left it: false, not yet. */
static bool
seat_leave(struct seat *s)
{
	long r = 0;

	if (house[s->index].bound)
		r = exo_seat_free(self->domain, self->domain_slot, s->index);
	if (r == -EXO_E_BUSY) {
		if (exo_seat_repair(self->domain, self->domain_slot,
		    s->index) < 0)
			return false;
		r = exo_seat_free(self->domain, self->domain_slot, s->index);
	}
	if (r < 0 && r != -EXO_E_EMPTY)
		return false;
	house[s->index].bound = house[s->index].go_on = false;
	return true;
}

/* Free again, of what nobody has. */
static void
seat_put(struct seat *s)
{
	*s = (struct seat){ .index = s->index };
	house[s->index].next = free_seats;
	free_seats = s;
	seats_used--;
}

/* Its client has it no more: false, it still is in it. */
static bool
seat_end(struct seat *s)
{
	if (!seat_leave(s))
		return false;
	proc_seat_drop(s);
	seat_put(s);
	return true;
}

/* ---- windows */

/* Give its window the name in window_slot.  BUSY: who had it once, or made who
 * had it, has it bound as what the kernel writes. */
static long
window_rename(const struct seat *s)
{
	long r;

	do {
		r = exo_page_guard(self->memory_slot, window_slot,
		    house[s->index].window, EXO_STEPS_MAX);
	} while (r > 0);
	return r;
}

/* The first of the free seats is the last. */
static void
free_seats_turn(void)
{
	struct seat *first = free_seats, **at = &free_seats;

	while (*at != NULL)
		at = &house[(*at)->index].next;
	*at = first;
	free_seats = house[first->index].next;
	house[first->index].next = NULL;
}

/* A seat with a window of a fresh name, which `to' gets in its slot. */
static long
seat_take(exo_id to, exo_slot slot, struct seat **out)
{
	struct seat *s = free_seats;
	uint32_t tries = WINDOW_TRIES;
	exo_ppn ppn;
	long r;

	if (s == NULL)
		return -EXO_E_FULL;
	r = exo_cap_derive(self->memory_slot, window_slot, EXO_R_ALL,
	    EXO_COMP_FRESH);
	if (r < 0)
		return r;
	do {
		s = free_seats;
		r = seat_prepare(s->index);
		if (r == 0)
			r = window_rename(s);
		if (r == -EXO_E_BUSY)
			free_seats_turn();
	} while (r == -EXO_E_BUSY && --tries > 0);
	ppn = house[s->index].window;
	if (r == 0)
		r = vm_map(WINDOW(s->index), ppn, VM_RW, self->memory_slot);
	if (r == 0)
		r = exo_cap_give(window_slot, EXO_R_READ | EXO_R_WRITE, to,
		    slot);
	(void)!exo_cap_drop(window_slot);
	if (r < 0)
		return r;
	free_seats = house[s->index].next;
	seats_used++;
	s->win = (struct cm_window *)WINDOW(s->index);
	memset(s->win, 0, sizeof(*s->win));
	*out = s;
	return 0;
}

static void
window_fill(struct seat *s, const struct proc *p)
{
	struct cm_window *w = s->win;

	w->version = CM_VERSION;
	w->pid = p->pid;
	w->tid = s->tid;
	w->ppid = p->parent == NULL ? 0 : p->parent->pid;
	w->pgid = p->pgid;
	w->sid = p->sid;
	w->commons = self->domain;
}

static void
seat_give(struct seat *s, struct proc *p, uint32_t tid)
{
	s->tid = tid;
	proc_seat_add(p, s);
	window_fill(s, p);
}

static long
handle_mint(struct seat *s, exo_id to, uint64_t place)
{
	return exo_handle_mint(self->domain, self->domain_slot, s->index,
	    s->index, to, place);
}

/* ---- whose a domain is */

static struct joint *
joint_of(exo_id domain)
{
	struct joint *page = EXO_INDEX(domain) < DOMAINS ?
	    joints[EXO_INDEX(domain) / JOINTS] : NULL;

	return page == NULL ? NULL : &page[EXO_INDEX(domain) % JOINTS];
}

/* NULL: nobody's. */
static const struct proc *
client_of(exo_id domain)
{
	const struct joint *j = joint_of(domain);

	return j == NULL || j->gen != EXO_GEN(domain) ? NULL :
	    seats[j->seat].proc;
}

/* Its handle, to this seat: a domain has one client. */
static int64_t
seat_join(struct seat *s, exo_id domain, uint64_t place)
{
	struct joint **page = &joints[EXO_INDEX(domain) / JOINTS];
	const struct proc *had = client_of(domain);
	struct joint *j;

	if (had != NULL && had != s->proc)
		return -L_EINVAL;
	if (*page == NULL)
		*page = world_page(false);
	if (*page == NULL)
		return -L_EAGAIN;
	if (handle_mint(s, domain, place) < 0)
		return -L_EINVAL;
	j = joint_of(domain);
	if (j->gen != 0)
		house[j->seat].joints--;
	*j = (struct joint){ EXO_GEN(domain), s->index };
	house[s->index].joints++;
	return 0;
}

/* ---- accounts */

/* Of what I have, that I don't keep for my own pages. */
static uint64_t
available(uint32_t res)
{
	const volatile struct exo_acct *me = &EXO_ACCTS[EXO_INDEX(self->acct)];
	uint64_t left = me->limit[res] - me->used[res];
	uint64_t keep = res == EXO_RES_FRAMES ? pages_left() + 256 : 0;

	return left > keep ? left - keep : 0;
}

/* Of one kind, n more for this process: has its user, who is not root, half of
 * what I have at most? */
static bool
user_may(const struct proc *p, uint32_t res, uint64_t n)
{
	const volatile struct exo_acct *accts = EXO_ACCTS;

	if (p->cred.uid == 0)
		return true;
	for (const struct proc *o = proc_all; o != NULL; o = o->all_next) {
		if (o->record != 0 && o->acct != 0 &&
		    o->cred.uid == p->cred.uid)
			n += accts[EXO_INDEX(o->acct)].limit[res];
	}
	return n <= accts[EXO_INDEX(self->acct)].limit[res] / 2;
}

static int64_t
account_make(const struct proc *p, struct record *rec, uint64_t frames)
{
	uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = (uint32_t)frames, [EXO_RES_DOMAINS] = 1,
		[EXO_RES_ENVS] = 1, [EXO_RES_SLICES] = 1,
		[EXO_RES_PCIDS] = available(EXO_RES_PCIDS) > 0,
		[EXO_RES_TRACE] = available(EXO_RES_TRACE) >= CHILD_TRACE ?
		    CHILD_TRACE : 0,
	};
	long r;

	if (frames < FRAMES_MIN || frames > available(EXO_RES_FRAMES) ||
	    !user_may(p, EXO_RES_FRAMES, frames)) {
		sweep_again();
		return -L_ENOMEM;
	}
	r = exo_cap_derive(session, name_slot, EXO_R_ALL, EXO_COMP_FRESH);
	if (r < 0)
		return -L_EAGAIN;
	r = exo_acct_create(self->acct, self->acct_slot, name_slot,
	    self->acct, (uint64_t)limits);
	if (r < 0) {
		(void)!exo_cap_drop(name_slot);
		return -L_EAGAIN;
	}
	rec->acct = (exo_id)r;
	return 0;
}

static struct record *
record_of(const struct proc *p)
{
	return p->record == 0 ? NULL : &records[p->record - 1];
}

static struct record *
record_take(struct proc *p)
{
	struct record *rec = free_records;

	if (rec == NULL)
		return NULL;
	free_records = rec->next;
	*rec = (struct record){ 0 };
	p->record = (uint32_t)(rec - records) + 1;
	return rec;
}

static void
record_put(struct record *rec)
{
	rec->acct = 0;
	rec->next = free_records;
	free_records = rec;
}

int64_t
world_begin(struct proc *p, uint64_t frames, uint64_t slot, uint64_t wslot,
    struct cm_fork *out)
{
	struct record *rec = record_take(p);
	exo_id to = seat_domain(here);
	uint32_t tries = FORK_REAPS;
	struct seat *s;
	int64_t e;
	long r;

	/* What the dead have not given back yet may be wanted. */
	if (dying != NULL)
		(void)seats_reap();
	if (rec == NULL)
		return -L_EAGAIN;
	e = account_make(p, rec, frames);
	while (e != 0 && rec->acct == 0 && tries-- > 0 && dying != NULL) {
		(void)seats_reap();
		e = account_make(p, rec, frames);
	}
	if (e != 0)
		return e;
	r = exo_cap_give(name_slot, EXO_R_ALL, to,
	    (exo_slot)slot);
	(void)!exo_cap_drop(name_slot);
	if (r == 0)
		r = seat_take(to, (exo_slot)wslot, &s);
	if (r < 0)
		return r == -EXO_E_QUOTA || r == -EXO_E_BUSY ||
		    (r == -EXO_E_FULL && free_seats == NULL) ? -L_EAGAIN :
		    -L_EINVAL;
	p->acct = rec->acct;
	seat_give(s, p, p->pid);
	*out = (struct cm_fork){ .acct = rec->acct, .commons = self->domain,
	    .pid = p->pid, .window = house[s->index].window };
	return 0;
}

/* An embryo env of this account? */
static bool
env_fits(exo_id env, exo_id acct)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	return EXO_INDEX(env) < EXO_MACHINE->nenvs &&
	    e->gen == EXO_GEN(env) && e->state == EXO_ENV_EMBRYO &&
	    e->account == EXO_INDEX(acct);
}

static bool
domain_fits(exo_id id, exo_id acct)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(id)];

	return EXO_INDEX(id) < EXO_MACHINE->ndomains &&
	    d->gen == EXO_GEN(id) && d->state == EXO_DOM_LIVE &&
	    d->account == EXO_INDEX(acct);
}

int64_t
world_end(struct proc *p, uint64_t domain, uint64_t env, uint64_t place)
{
	struct seat *s = p->seats;
	int64_t r;

	if (s == NULL || !domain_fits(domain, p->acct) ||
	    !env_fits(env, p->acct))
		return -L_EINVAL;
	if (!house[s->index].bound && seat_bind(s->index, env) < 0)
		return -L_EAGAIN;
	r = s->env == env ? seat_join(s, domain, place) : -L_EINVAL;
	if (r != 0)
		return r;
	p->domain = domain;
	record_of(p)->domain = domain;
	return 0;
}

/* Threads and contexts leave a seat for each process that there may be. */
static bool
seats_spare(void)
{
	return seats_used + PROCS_MAX - proc_count() < CM_SEATS - SEAT_FIRST;
}

int64_t
world_thread(struct proc *p, uint64_t env, uint64_t place, uint64_t wslot,
    struct cm_fork *out)
{
	uint32_t tid;
	struct seat *s;

	if (p->record == 0 || !env_fits(env, p->acct))
		return -L_EINVAL;
	tid = seats_spare() ? pid_new() : 0;
	if (tid == 0)
		return -L_EAGAIN;
	if (seat_take(p->domain, (exo_slot)wslot, &s) < 0) {
		pid_put(tid);
		return -L_EAGAIN;
	}
	seat_give(s, p, tid);
	if (seat_bind(s->index, env) < 0 ||
	    handle_mint(s, p->domain, place) < 0) {
		(void)seat_end(s);
		pid_put(tid);
		return -L_EINVAL;
	}
	*out = (struct cm_fork){ .acct = p->acct, .commons = self->domain,
	    .pid = tid, .window = house[s->index].window };
	return 0;
}

/* ---- contexts: other domains of a process, in its account */

static bool
domain_is_its(const struct proc *p, exo_id id)
{
	return domain_fits(id, p->leader->acct);
}

int64_t
world_name(struct seat *s, uint64_t slot, uint64_t domain)
{
	long r;

	if (!domain_is_its(s->proc, domain))
		return -L_EINVAL;
	if (exo_cap_derive(session, name_slot, EXO_R_ALL, EXO_COMP_FRESH) < 0)
		return -L_EAGAIN;
	r = exo_cap_give(name_slot, EXO_R_ALL, domain, (exo_slot)slot);
	(void)!exo_cap_drop(name_slot);
	return r < 0 ? -L_EINVAL : 0;
}

/* A seat and window for the same env: the client's number.  An error ends the
 * client. */
int64_t
world_context(struct seat *s, struct proc *c, uint64_t wslot,
    struct cm_fork *out)
{
	struct seat *new;

	if (!seats_spare() ||
	    seat_take(seat_domain(s), (exo_slot)wslot, &new) < 0) {
		context_put(c);
		return -L_EAGAIN;
	}
	seat_give(new, c, s->tid);
	window_fill(new, c->leader);
	new->context = true;
	new->maker = s;
	if (seat_bind(new->index, s->env) < 0) {
		(void)seat_end(new);
		return -L_EAGAIN;
	}
	*out = (struct cm_fork){ .acct = c->leader->acct,
	    .commons = self->domain, .pid = c->leader->pid,
	    .window = house[new->index].window };
	return new->index;
}

int64_t
world_context_end(struct seat *s, uint64_t client, uint64_t domain,
    uint64_t place)
{
	struct seat *to = client == s->index ? s : client < CM_SEATS &&
	    context_in_making(s, client) != NULL ? &seats[client] : NULL;
	int64_t r;

	if (to == NULL)
		return -L_ESRCH;
	if (domain == 0) {
		if (to == s)
			return 0;
		return seat_end(to) ? 0 : -L_EAGAIN;
	}
	r = domain_is_its(s->proc, domain) ? seat_join(to, domain, place) :
	    -L_EINVAL;
	if (r == 0 && to != s) {
		to->domain = domain;
		to->maker = NULL;
	}
	return r;
}

/* Is it a domain of this process, and of the caller's client? */
static bool
is_its_own(const struct seat *s, exo_id domain)
{
	return domain_is_its(s->proc, domain) && client_of(domain) == s->proc;
}

/* Nobody is where another client is. */
int64_t
world_context_at(struct seat *s, uint64_t domain)
{
	if (!is_its_own(s, domain))
		return -L_EINVAL;
	s->domain = domain;
	return 0;
}

static bool
is_occupied(const struct proc *p, exo_id domain)
{
	for (const struct seat *s = p->seats; s != NULL; s = s->next) {
		if (s->env != here->env &&
		    EXO_ENVS[EXO_INDEX(s->env)].home == EXO_INDEX(domain))
			return true;
	}
	return false;
}

/* Its first domain ends: the caller's seat is the first now, and its thread's
 * own.  The old one goes as that of a context does, if the thread is the
 * same. */
static void
first_replace(struct seat *s, exo_id domain)
{
	struct proc *p = process_of(s);
	struct seat *old = p->seats, **at = &p->seats;

	for (struct seat *o = old; o != NULL; o = o->next)
		o->domain = seat_domain(o);
	p->domain = record_of(p)->domain = domain;
	if (s == old)
		return;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	s->next = p->seats;
	s->signals = false;		/* they are marked here anyway */
	p->seats = s;
	for (struct seat *o = p->seats; o != NULL; o = o->next) {
		if (o->tid == s->tid)
			o->context = o != s;
	}
}

static int64_t
context_end(struct seat *s, uint64_t domain, uint64_t mine)
{
	struct proc *p = process_of(s);
	long n = 0, r;

	if (p->domain == domain)
		first_replace(s, mine);
	if (exo_domain_kill(domain, session, 0) < 0)
		return -L_EBUSY;
	while (n < REAP_STEPS && (r = exo_domain_reap(domain,
	    REAP_STEPS)) > 0)
		n += r;
	(void)!exo_domain_free(domain, session);
	return 0;
}

int64_t
world_context_drop(struct seat *s, uint64_t domain, uint64_t mine)
{
	const struct proc *p = process_of(s);

	if (domain == mine || !domain_is_its(p, domain) ||
	    !is_its_own(s, mine))
		return -L_EINVAL;
	if (EXO_DOMAINS[EXO_INDEX(domain)].named != 0 ||
	    is_occupied(p, domain))
		return -L_EBUSY;
	return context_end(s, domain, mine);
}

/* The process is the new program: where it was first, nobody comes back to. */
void
world_exec(struct seat *s, uint64_t mine)
{
	const struct proc *p = process_of(s);

	if (mine != p->domain && is_its_own(s, mine) &&
	    !is_occupied(p, p->domain))
		(void)context_end(s, p->domain, mine);
}

/* A frame whose taker is gone. */
static bool
is_orphan(exo_ppn ppn, uint32_t acct)
{
	const volatile struct exo_page *p = &EXO_PAGES[ppn];
	const volatile struct exo_domain *d;

	if (ppn >= EXO_MACHINE->nframes || p->account != acct ||
	    p->kind == EXO_PG_FREE || p->kind >= EXO_PG_OWNED_END ||
	    p->maker >= EXO_MACHINE->ndomains)
		return false;
	d = &EXO_DOMAINS[p->maker];
	return d->gen != p->maker_gen || d->state != EXO_DOM_LIVE;
}

int64_t
world_context_free(struct seat *s, const uint32_t *ppn, uint64_t n)
{
	uint32_t acct = EXO_INDEX(process_of(s)->acct);
	int64_t done = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (is_orphan(ppn[i], acct))
			done += exo_page_free(session, ppn[i], 1) == 1;
	}
	return done;
}

uint32_t
world_window(const struct seat *s)
{
	return house[s->index].window;
}

/*
 * More for one process: no more than `most' of a kind, slices as it has threads
 * and one that is to be; and a part of what I have stays for the beginnings of
 * others: half of what each process needs one of, an eighth of the rest.
 */
static bool
may_raise(const struct proc *p, uint32_t res, uint64_t n)
{
	static const uint32_t most[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = UINT32_MAX, [EXO_RES_DOMAINS] = 32768,
		[EXO_RES_ENVS] = 64, [EXO_RES_PCIDS] = 8,
		[EXO_RES_SLICES] = 48, [EXO_RES_TRACE] = 64,
	};
	const volatile struct exo_acct *accts = EXO_ACCTS;
	bool each = res == EXO_RES_ENVS || res == EXO_RES_SLICES;
	uint64_t want = accts[EXO_INDEX(p->acct)].limit[res] + n;
	uint64_t stays = accts[EXO_INDEX(self->acct)].limit[res] /
	    (each ? 2 : 8);

	return want <= most[res] && n + stays <= available(res) &&
	    (res != EXO_RES_SLICES || want <= proc_tasks(p) + 1) &&
	    user_may(p, res, n);
}

int64_t
world_raise(struct proc *p, uint32_t res, int64_t n)
{
	if (p->record == 0)
		return -L_EPERM;
	if (res >= EXO_RES_MAX || n > INT32_MAX || n < -INT32_MAX)
		return -L_EINVAL;
	if (n > 0 && !may_raise(p, res, (uint64_t)n)) {
		sweep_again();
		return -L_ENOMEM;
	}
	if (n != 0 && exo_acct_limit(p->acct, session, res, n) < 0)
		return -L_ENOMEM;
	return EXO_ACCTS[EXO_INDEX(p->acct)].limit[res];
}

/* ---- stopping */

/*
 * An env that was preempted in here is not stopped before it has left (the
 * kernel would pull it home after the grace, and its request with it).  If it
 * is found in here whenever somebody looks, then its next request stops it: a
 * seat that has `waits' takes the long way, and request() looks.
 */
void
world_stop(struct proc *p)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if (s == here || EXO_ENVS[EXO_INDEX(s->env)].where !=
		    EXO_INDEX(self->domain)) {
			(void)!exo_env_stop(s->env, session);
			continue;
		}
		if (s->waits == NULL)
			s->waits = &wait_none;
		stop_later = true;
	}
	if (stop_later)
		world_kick();
}

/* What is on its way home, to stop there, can't be continued yet. */
static void
seat_continue(struct seat *s)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(s->env)];

	(void)!exo_env_continue(s->env, session, e->seq, EXO_HOW_RETRY, 0);
	house[s->index].go_on = (e->pending & EXO_PEND_STOP) != 0;
	if (house[s->index].go_on) {
		stop_later = true;
		world_kick();
	}
}

void
world_continue(struct proc *p)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next)
		seat_continue(s);
}

bool
seats_stop(void)
{
	bool later = stop_later;

	stop_later = false;
	for (struct proc *p = proc_all; later && p != NULL; p = p->all_next) {
		if (p->stopped != 0) {
			world_stop(p);
			continue;
		}
		for (struct seat *s = p->seats; s != NULL; s = s->next) {
			if (house[s->index].go_on)
				seat_continue(s);
		}
	}
	return stop_later;
}

/* ---- dying */

static uint64_t
env_ticks(exo_id env)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	return e->gen == EXO_GEN(env) ? e->ticks : 0;
}

void
world_usage(const struct proc *p, struct world_usage *u)
{
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(p->acct)];

	*u = (struct world_usage){ .ticks = p->ticks,
	    .state = p->state == PROC_ZOMBIE ? 'Z' : p->stopped ? 'T' : 'S' };
	if (p->record != 0) {
		u->frames = a->used[EXO_RES_FRAMES];
		u->limit = a->limit[EXO_RES_FRAMES];
	}
	for (const struct seat *s = p->seats; s != NULL; s = s->next) {
		if (s->context)
			continue;
		u->ticks += env_ticks(s->env);
		if (u->state == 'S' &&
		    EXO_ENVS[EXO_INDEX(s->env)].state == EXO_ENV_READY)
			u->state = 'R';
	}
}

void
world_forget(struct proc *p, uint32_t status)
{
	struct record *rec = record_of(p);

	for (struct seat *s = p->seats; s != NULL; s = s->next)
		p->ticks += s->context ? 0 : env_ticks(s->env);
	if (rec == NULL)
		return;
	p->pages = EXO_ACCTS[EXO_INDEX(p->acct)].used[EXO_RES_FRAMES];
	p->record = 0;
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		house[s->index].next = rec->left;
		rec->left = s;
		if (s->tid != p->pid && !s->context)
			pid_put(s->tid);
	}
	if (rec->domain != 0)
		(void)!exo_domain_kill(rec->domain, session, status);
	if (rec->acct != 0)
		(void)!exo_acct_destroy(rec->acct, session);
	rec->next = dying;
	dying = rec;
	seats_ending++;
	world_kick();
}

/* Steps of its account's end: 0, that was the last.  A frame that others share
 * passes to mine, and a frame of the limit with it. */
static long
acct_reap(exo_id acct)
{
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(acct)];
	uint32_t limit = a->limit[EXO_RES_FRAMES];
	long r = exo_acct_reap(acct, REAP_STEPS);

	if (a->gen == EXO_GEN(acct) && a->limit[EXO_RES_FRAMES] < limit)
		sweep_more(limit - a->limit[EXO_RES_FRAMES]);
	return r;
}

/* Its account, then its seats: false, not yet. */
static bool
record_reap(struct record *rec)
{
	struct seat *s;
	long r = 1;

	/* The call that finds nothing left is the last. */
	for (long n = 0; rec->acct != 0 && r > 0; n += r) {
		if (n >= REAP_STEPS)
			return false;
		r = acct_reap(rec->acct);
	}
	if (r == -EXO_E_BUSY)
		return false;
	rec->acct = 0;
	while ((s = rec->left) != NULL) {
		struct seat *next = house[s->index].next;

		if (!seat_leave(s))
			return false;
		seat_put(s);
		rec->left = next;
	}
	return true;
}

/* A step for the first; those that can't go on yet wait behind the others. */
bool
seats_reap(void)
{
	struct record *rec = dying, **at = &dying;

	if (rec == NULL)
		return false;
	dying = rec->next;
	if (record_reap(rec)) {
		record_put(rec);
		seats_ending--;
		sweep_again();
		pages_again();
	} else {
		while (*at != NULL)
			at = &(*at)->next;
		*at = rec;
		rec->next = NULL;
	}
	return dying != NULL;
}

/* ---- watching */

/* A domain that ended without a word to us: what its row says. */
static uint32_t
ending(const volatile struct exo_domain *d, exo_id id)
{
	uint32_t status = (uint32_t)d->exit_word & 0xffff;

	if (d->gen != EXO_GEN(id))
		return L_SIGKILL;
	if (d->cause == EXO_CAUSE_FAULT)
		return L_SIGSEGV;
	if (d->cause != EXO_CAUSE_EXIT)
		return L_SIGKILL;
	return (status & 0xff) == 0x7f ? 0xff00 : status;
}

static bool
env_is_dead(exo_id env)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	return e->gen != EXO_GEN(env) || e->state == EXO_ENV_FREE ||
	    e->state == EXO_ENV_DEAD || e->state == EXO_ENV_ENDED;
}

/* A thread's end: its seat goes, when nobody is in it. */
static void
thread_drop(struct proc *p, struct seat *s)
{
	uint32_t tid = s->tid;
	bool context = s->context;

	if (here == s || busy == s->index + 1)
		return;
	if (seat_end(s) && tid != p->pid && !context)
		pid_put(tid);
}

static bool
domain_is_dead(exo_id id)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(id)];

	return d->gen != EXO_GEN(id) || d->state != EXO_DOM_LIVE;
}

/* A context's, whose domain has ended; and no other has it. */
static bool
is_left(struct seat *s)
{
	const struct joint *its = joint_of(s->domain);
	uint32_t others = house[s->index].joints;

	if (!s->context || s->maker != NULL || !domain_is_dead(s->domain))
		return false;
	if (its != NULL && its->gen == EXO_GEN(s->domain) &&
	    its->seat == s->index)
		others--;
	for (uint32_t i = 0; others > 0 && i < DOMAINS; i++) {
		const struct joint *j = joint_of(i);
		exo_id id;

		if (j == NULL) {
			i += JOINTS - 1;
			continue;
		}
		id = EXO_ID(j->gen, i);
		if (j->seat == s->index && domain_is_its(s->proc, id)) {
			s->domain = id;
			return false;
		}
	}
	return true;
}

static void
threads_look(struct proc *p)
{
	struct seat *s, *next;
	bool alive = false;
	exo_id last = p->seats->env;

	for (s = p->seats; s != NULL; s = s->next)
		alive |= !env_is_dead(s->env);
	if (!alive) {
		proc_died(p, (uint32_t)EXO_ENVS[EXO_INDEX(last)].exit_word &
		    0xffff);
		return;
	}
	for (s = p->seats->next; s != NULL; s = next) {
		next = s->next;
		if (env_is_dead(s->env) || is_left(s))
			thread_drop(p, s);
	}
}

static void
proc_look(struct proc *p)
{
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(p->domain)];

	if (p->state != PROC_LIVE)
		return;
	if (d->gen != EXO_GEN(p->domain) || d->state != EXO_DOM_LIVE)
		proc_died(p, ending(d, p->domain));
	else
		threads_look(p);
}

bool
seats_watch(void)
{
	struct proc *p;

	if (proc_cursor == NULL) {
		if (EXO_MACHINE->deaths == deaths_seen)
			return false;
		deaths_seen = EXO_MACHINE->deaths;
		proc_cursor = proc_all;
	}
	for (uint32_t n = 0; n < WATCH_EACH && proc_cursor != NULL; n++) {
		p = proc_cursor;
		proc_cursor = p->all_next;
		proc_look(p);
	}
	return proc_cursor != NULL || EXO_MACHINE->deaths != deaths_seen;
}

/* Seats whose env was pulled home are taken back. */
void
seats_repair(void)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		for (struct seat *s = p->seats; s != NULL; s = s->next) {
			if (house[s->index].bound)
				(void)!exo_seat_repair(self->domain,
				    self->domain_slot, s->index);
		}
	}
}

/* ---- the beginning */

long
seats_init(void)
{
	long r = self->mint_slot == EXO_NONE ? -EXO_E_DENIED :
	    slot_derive(self->mint_slot, EXO_R_ALL, EXO_COMP_FRESH);

	if (r < 0)
		return r;
	session = (exo_slot)r;
	name_slot = slot_take();
	window_slot = slot_take();
	for (uint32_t i = CM_SEATS; i-- > SEAT_FIRST;) {
		seats[i].index = i;
		house[i].next = free_seats;
		free_seats = &seats[i];
	}
	for (uint32_t i = RECORDS; i-- > 0;)
		record_put(&records[i]);
	r = seat_prepare(SEAT_SELF);
	if (r == 0)
		r = seat_bind(SEAT_SELF, self->env);
	return r;
}

/* The first client: it is there already, and not ours to reap. */
long
seats_first(struct proc *p)
{
	const uint64_t *u = self->user;
	struct seat *s;
	long r = seat_take(u[CM_BOOT_DOMAIN], (exo_slot)u[CM_BOOT_SLOT], &s);

	if (r < 0)
		return r;
	p->domain = u[CM_BOOT_DOMAIN];
	seat_give(s, p, p->pid);
	r = seat_bind(s->index, u[CM_BOOT_ENV]);
	if (r == 0)
		r = exo_cap_give(session, EXO_R_RUN | EXO_R_VIEW | EXO_R_GIVE,
		    p->domain, (exo_slot)u[CM_BOOT_SESSION]);
	p->state = PROC_LIVE;
	if (r == 0 && seat_join(s, p->domain, u[CM_BOOT_PLACE]) != 0)
		r = -EXO_E_FULL;
	return r;
}
