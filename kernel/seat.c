/*
 * seat.c - seats, where envs run in a domain, and handles, which name them.
 *
 * The callee binds a seat for one env and mints handles to it into places that
 * their receivers opened; enter and call (entry.asm) then need no more than an
 * index and a comparison of generations.
 *
 * Invariants: (1) generations of seats are never used twice, and never 0 or
 *		   ~0: a handle fits one binding of one seat.
 *	       (2) a live handle (gen != 0) is on the list of the seat it names,
 *		   whatever its generation; seat->dom->named counts them, so
 *		   that a dead domain's frames stay until nobody names a seat.
 *	       (3) a place that is initialised has a seat to read: no_seat, if
 *		   it is not live; the fast paths read no others.
 *	       (4) key == gen: free to enter; key == 0: occupied, abandoned or
 *		   not bound.
 *	       (5) a bound seat with up_kva != 0 is its frame's one binder.
 * Guarded by: the domain's capability (CONTROL).  Published: numbers of seats
 * and places, not what is in them.
 */
#include "domain.h"
#include "env.h"
#include "sys.h"
#include "user.h"

#define PLACES_PER_FRAME_SHIFT	7	/* a place's name: ppn, then index */

_Static_assert(HANDLES_PER_FRAME == 1u << PLACES_PER_FRAME_SHIFT, "names");
_Static_assert(offsetof(struct seat, handler) % sizeof(struct handle) == 0 &&
    offsetof(struct domain, handle) % sizeof(struct handle) == 0,
    "places have names");

struct seat no_seat = { .key = ~0ull };

static uint64_t generations;		/* the last one used */

/* --------------------------------------------------------------- places */

static uint32_t
place_name(const struct handle *h)
{
	return kva_page(h) << PLACES_PER_FRAME_SHIFT |
	    ((uint32_t)(uintptr_t)h & (EXO_PAGE - 1)) / sizeof(*h);
}

struct handle *
handle_of(uint32_t name)
{
	return (struct handle *)page_kva(name >> PLACES_PER_FRAME_SHIFT) +
	    (name & (HANDLES_PER_FRAME - 1));
}

/* Whose table a place is in; NULL: it is a seat's handler. */
static struct domain *
place_owner(const struct handle *h)
{
	exo_ppn ppn = kva_page(h);
	struct domain *d;

	switch (pages[ppn].kind) {
	case EXO_PG_HANDLES:
		return domain_at(pages[ppn].parents);
	case EXO_PG_DOMAIN:
		d = page_kva(ppn);
		return h >= d->handle ? d : NULL;
	}
	return NULL;
}

static void
place_empty(struct handle *h)
{
	*h = (struct handle){ .seat = &no_seat, .next = PLACE_EMPTY };
}

/* The entries of h's list that point at it. */
static void
handle_relink(struct handle *h, uint32_t before, uint32_t after)
{
	if (h->prev != 0)
		handle_of(h->prev)->next = after;
	else
		h->seat->handles = after;
	if (h->next != 0)
		handle_of(h->next)->prev = before;
}

static void
handle_make(struct handle *h, struct seat *s, uint64_t badge)
{
	struct domain *owner = place_owner(h);
	uint32_t name = place_name(h);

	*h = (struct handle){ .seat = s, .gen = s->gen, .badge = badge,
	    .next = s->handles };
	if (h->next != 0)
		handle_of(h->next)->prev = name;
	s->handles = name;
	s->dom->pub->named++;
	if (owner != NULL)
		owner->live_handles++;
}

void
handle_kill(struct handle *h)
{
	struct domain *owner = place_owner(h);

	handle_relink(h, h->prev, h->next);
	h->seat->dom->pub->named--;
	if (owner != NULL)
		owner->live_handles--;
	place_empty(h);
}

/* From a domain's table to a seat's handler. */
static void
handle_move(struct handle *from, struct handle *to)
{
	uint32_t name = place_name(to);

	handle_relink(from, name, name);
	*to = *from;
	place_owner(from)->live_handles--;
	place_empty(from);
}

struct handle *
handle_at(uint64_t place)
{
	struct domain *d = cur_domain();

	if (place >= d->nhandles || d->handles[place].gen == 0)
		return NULL;
	return &d->handles[place];
}

long
handle_check(const struct handle *h)
{
	struct cpu *c = cpu();

	if (h == NULL)
		return -EXO_E_SLOT;
	if (h->gen != h->seat->gen || !domain_live(h->seat->dom))
		return -EXO_E_STALE;
	if (env_on_chain(c->env, h->seat))
		return -EXO_E_LOOP;
	if (h->seat->key != h->seat->gen)
		return -EXO_E_BUSY;
	if (h->seat->env != c->env_id)
		return -EXO_E_DENIED;
	return 0;
}

/* ---------------------------------------------------------------- seats */

static void
seat_init(struct domain *d, struct seat *s, uint32_t index)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->gen = ++generations;
	s->dom = d;
	s->index = (uint16_t)index;
	for (uint32_t w = 0; w < EXO_ROWS; w++)
		place_empty(&s->handler[w]);
}

void
seats_init(struct domain *d)
{
	for (uint32_t i = 0; i < SEATS_INLINE; i++)
		seat_init(d, &d->seat[i], i);
	d->pub->nseats = SEATS_INLINE;
	d->handles = d->handle;
	d->max_handles = HANDLES_INLINE;
}

struct seat *
seat_at(struct domain *d, uint32_t index)
{
	if (index < SEATS_INLINE)
		return &d->seat[index];
	index -= SEATS_INLINE;
	if (index / SEATS_PER_FRAME >= d->nseat_frames)
		return NULL;
	return (struct seat *)page_kva(d->seat_frame[index / SEATS_PER_FRAME]) +
	    index % SEATS_PER_FRAME;
}

enum seat_state
seat_state(const struct seat *s)
{
	if (!s->bound)
		return SEAT_UNBOUND;
	if (s->key == s->gen)
		return SEAT_FREE;
	return s->abandoned ? SEAT_ABANDONED : SEAT_TAKEN;
}

/* Does the domain itself, first and only, take this class by an upcall? */
static bool
row_self(const struct domain *d, enum exo_class class)
{
	return d->action[EXO_ROW_MONITOR][class] == EXO_ACT_PASS &&
	    d->action[EXO_ROW_OWN][class] == EXO_ACT_SELF;
}

static void
seat_fast(struct seat *s)
{
	bool up = s->up_kva != 0 && s->upcall != 0;

	s->fault_fast = up && row_self(s->dom, EXO_CLASS_FAULT);
	s->foreign_fast = up && row_self(s->dom, EXO_CLASS_FOREIGN);
}

void
seat_refresh(struct domain *d)
{
	for (uint32_t i = 0; i < d->pub->nseats; i++)
		seat_fast(seat_at(d, i));
}

void
seat_set(struct seat *s, const struct exo_seat_args *a)
{
	s->gen = ++generations;
	s->key = s->gen;
	s->env = a->env;
	s->entry = a->entry;
	s->stack = a->stack;
	s->upcall = a->upcall;
	s->bound = 1;
	s->abandoned = 0;
	s->left = 0;
	s->up_ppn = a->upcall_ppn;
	if (s->up_ppn != 0) {
		s->up_base = a->upcall_va + EXO_UPCALL_HEAD;
		s->up_kva = (uint64_t)page_kva(s->up_ppn) + EXO_UPCALL_HEAD;
		upcall_head(s)->env = a->env;
	}
	seat_fast(s);
}

/* Its handles stay on its list, and fit no more. */
void
seat_clear(struct seat *s)
{
	for (uint32_t w = 0; w < EXO_ROWS; w++)
		if (s->handler[w].gen != 0)
			handle_kill(&s->handler[w]);
	if (s->up_ppn != 0)
		page_unbind(s->up_ppn);
	s->gen = ++generations;
	s->key = 0;
	s->env = 0;
	s->up_ppn = 0;
	s->up_kva = s->up_base = s->upcall = s->left = 0;
	s->fault_fast = s->foreign_fast = 0;
	s->bound = s->abandoned = 0;
}

/* At a death: at most 4 + 64 * 16 seats.  Their traps all go to C. */
void
seats_stale(struct domain *d)
{
	for (uint32_t i = 0; i < d->pub->nseats; i++) {
		struct seat *s = seat_at(d, i);
		bool is_free = s->key == s->gen;

		s->gen = ++generations;
		s->key = is_free ? s->gen : 0;
		s->fault_fast = s->foreign_fast = 0;
	}
}

/*
 * A seat of a live domain that the caller may shape.
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG.
 */
MUST_USE static long
seat_check(exo_id dom, exo_slot slot, uint32_t index, struct seat **out)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	*out = seat_at(d, index);
	return *out != NULL ? 0 : -EXO_E_ARG;
}

static bool
seat_args_ok(const struct exo_seat_args *a)
{
	return a->entry < EXO_USER_TOP && a->stack < EXO_USER_TOP &&
	    a->upcall < EXO_USER_TOP && a->upcall_va < EXO_USER_TOP &&
	    a->upcall_va % EXO_PAGE == 0;
}

/*
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; ADDR; NAME; ARG; BUSY; then
 * page_bindable's.
 */
long
sys_seat_bind(exo_id dom, exo_slot slot, uint32_t seat, uint64_t args)
{
	struct exo_seat_args a;
	struct seat *s;
	struct env *e;
	long r = seat_check(dom, slot, seat, &s);

	if (r != 0 || (r = user_read(&a, args, sizeof(a))) != 0)
		return r;
	e = env_find(a.env);
	if (e == NULL || e->pub->state >= EXO_ENV_DEAD)
		return -EXO_E_NAME;
	if (!seat_args_ok(&a))
		return -EXO_E_ARG;
	if (s->bound)
		return -EXO_E_BUSY;
	if (a.upcall_ppn != 0 &&
	    (r = page_bindable(a.upcall_ppn, a.upcall_slot)) != 0)
		return r;
	/* Act. */
	if (a.upcall_ppn != 0)
		page_bind(a.upcall_ppn);
	seat_set(s, &a);
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; EMPTY; BUSY. */
long
sys_seat_free(exo_id dom, exo_slot slot, uint32_t seat)
{
	struct seat *s;
	long r = seat_check(dom, slot, seat, &s);

	if (r != 0)
		return r;
	if (!s->bound)
		return -EXO_E_EMPTY;
	if (seat_state(s) == SEAT_TAKEN)
		return -EXO_E_BUSY;
	/* Act. */
	seat_clear(s);
	return 0;
}

/*
 * Its handles, and the env it is reserved for, are as they were.
 * Errors: NAME; SLOT, DENIED, RIGHTS; ARG; STATE.
 */
long
sys_seat_repair(exo_id dom, exo_slot slot, uint32_t seat)
{
	struct domain *d;
	struct seat *s;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	s = seat_at(d, seat);
	if (s == NULL)
		return -EXO_E_ARG;
	if (!domain_live(d) || seat_state(s) != SEAT_ABANDONED)
		return -EXO_E_STATE;
	/* Act. */
	r = (long)s->left;
	s->abandoned = 0;
	s->left = 0;
	s->key = s->gen;
	return r;
}

/*
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; SLOT; EMPTY; DENIED.
 */
long
sys_seat_handler(exo_id dom, exo_slot slot, uint32_t seat, uint32_t whose,
    uint64_t handle)
{
	bool monitor = whose == EXO_ROW_MONITOR;
	struct domain *d;
	struct handle *h;
	struct seat *s;
	long r = domain_check(dom, slot,
	    monitor ? EXO_R_MONITOR : EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (monitor && d->mon.id != cur_domain()->id)
		return -EXO_E_RIGHTS;
	if (!domain_live(d))
		return -EXO_E_STATE;
	s = seat_at(d, seat);
	if (s == NULL || whose >= EXO_ROWS)
		return -EXO_E_ARG;
	h = handle_at(handle);
	if (h == NULL)
		return -EXO_E_SLOT;
	if (!s->bound)
		return -EXO_E_EMPTY;
	if (h->seat->env != s->env)
		return -EXO_E_DENIED;
	/* Act. */
	if (s->handler[whose].gen != 0)
		handle_kill(&s->handler[whose]);
	handle_move(h, &s->handler[whose]);
	return 0;
}

/* -------------------------------------------------------------- handles */

/* Make all places below n ones that the fast paths may read. */
static void
places_init(struct domain *d, uint32_t n)
{
	if (n <= d->nhandles)
		return;
	while (d->nhandles < n)
		place_empty(&d->handles[d->nhandles++]);
	d->pub->nhandles = (uint16_t)n;
	domain_run_fast(d);
}

static bool
place_is(const struct domain *d, uint64_t place, enum place what)
{
	const struct handle *h = &d->handles[place];

	if (place >= d->nhandles)
		return what == PLACE_EMPTY;
	return h->gen == 0 && h->next == what;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; FULL; NAME. */
long
sys_handle_open(exo_id dom, exo_slot slot, uint64_t place, exo_id from)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (place >= d->max_handles)
		return -EXO_E_ARG;
	if (!place_is(d, place, PLACE_EMPTY))
		return -EXO_E_FULL;
	if (domain_find(from) == NULL)
		return -EXO_E_NAME;
	/* Act. */
	places_init(d, (uint32_t)place + 1);
	d->handles[place].next = PLACE_OPEN;
	d->handles[place].badge = from;
	return 0;
}

/*
 * A dead domain opens nothing: what is minted to it might be found by nobody.
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; EMPTY; NAME; ARG; FULL.
 */
long
sys_handle_mint(exo_id dom, exo_slot slot, uint32_t seat, uint64_t badge,
    exo_id to, uint64_t place)
{
	struct handle *h;
	struct domain *t;
	struct seat *s;
	long r = seat_check(dom, slot, seat, &s);

	if (r != 0)
		return r;
	if (!s->bound)
		return -EXO_E_EMPTY;
	t = domain_find(to);
	if (t == NULL)
		return -EXO_E_NAME;
	if (place >= t->max_handles)
		return -EXO_E_ARG;
	if (!domain_live(t) || !place_is(t, place, PLACE_OPEN))
		return -EXO_E_FULL;
	h = &t->handles[place];
	if (h->badge != cur_domain()->id && h->badge != s->dom->id)
		return -EXO_E_FULL;
	/* Act. */
	handle_make(h, s, badge);
	return 0;
}

/* Closes an opened place, too.  Errors: ARG; SLOT. */
long
sys_handle_drop(uint64_t place)
{
	struct domain *d = cur_domain();

	if (place >= d->max_handles)
		return -EXO_E_ARG;
	if (place_is(d, place, PLACE_EMPTY))
		return -EXO_E_SLOT;
	/* Act. */
	if (d->handles[place].gen != 0)
		handle_kill(&d->handles[place]);
	else
		place_empty(&d->handles[place]);
	return 0;
}

/* ---------------------------------------------------- frames for records */

static void
record_use(struct domain *d, exo_ppn ppn)
{
	page_pin(ppn);
	pages[ppn].parents = EXO_INDEX(d->id);
}

static void
record_drop(exo_ppn ppn)
{
	pages[ppn].parents = 0;
	page_unpin(ppn);
}

/* The places of a table that has no live handle. */
static void
handles_drop(struct domain *d)
{
	for (uint32_t i = 0; i < d->handles_frames; i++)
		record_drop(d->handles_ppn + i);
	if (d->handles_frames > 0) {
		pages[d->handles_ppn].companion = 0;
		pages[d->pub->frame].companion = 0;
	}
	d->handles_ppn = d->handles_frames = 0;
	d->nhandles = d->max_handles = 0;
	d->pub->nhandles = 0;
}

void
seat_frames_drop(struct domain *d)
{
	handles_drop(d);
	for (uint32_t i = 0; i < d->nseat_frames; i++)
		record_drop(d->seat_frame[i]);
	d->nseat_frames = 0;
	d->pub->nseats = SEATS_INLINE;
}

/* Errors: ARG; TYPE, REACH, BUSY of the first frame that is refused. */
static long
records_ok(exo_ppn ppn, uint64_t n, enum exo_kind kind)
{
	long r = 0;

	if (ppn == 0 || ppn >= npages || n > npages - ppn)
		return -EXO_E_ARG;
	for (uint64_t i = 0; i < n && r == 0; i++)
		r = page_for_record(ppn + (uint32_t)i, kind);
	return r;
}

/* What the first `had' places of the record hold goes to the same places of the
 * table of frames that the domain has now. */
static void
handles_move_out(struct domain *d, uint32_t had)
{
	places_init(d, had);
	for (uint32_t i = 0; i < had; i++) {
		struct handle *from = &d->handle[i];

		if (from->gen != 0) {
			handle_move(from, &d->handles[i]);
			d->live_handles++;
		} else {
			d->handles[i] = *from;	/* opened, or empty */
			place_empty(from);
		}
	}
}

/*
 * Places of the record move along.  A table of frames is replaced only while no
 * handle is in it, and what was opened there is lost.
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; TYPE; REACH; BUSY.
 */
long
sys_domain_handles(exo_id dom, exo_slot slot, exo_ppn ppn, uint64_t n)
{
	struct domain *d;
	uint32_t had;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (n == 0 || n > HANDLE_FRAMES_MAX)
		return -EXO_E_ARG;
	if ((r = records_ok(ppn, n, EXO_PG_HANDLES)) != 0)
		return r;
	if (d->live_handles != 0 && d->handles_frames != 0)
		return -EXO_E_BUSY;
	/* Act. */
	had = d->handles_frames == 0 ? d->nhandles : 0;
	handles_drop(d);
	for (uint64_t i = 0; i < n; i++)
		record_use(d, ppn + (uint32_t)i);
	pages[ppn].companion = d->pub->frame;
	pages[d->pub->frame].companion = ppn;
	d->handles = page_kva(ppn);
	d->handles_ppn = ppn;
	d->handles_frames = (uint32_t)n;
	d->max_handles = (uint32_t)n * HANDLES_PER_FRAME;
	handles_move_out(d, had);
	domain_run_fast(d);
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; TYPE; REACH; BUSY; FULL. */
long
sys_domain_seats(exo_id dom, exo_slot slot, exo_ppn ppn)
{
	struct domain *d;
	struct seat *s;
	uint32_t first;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if ((r = records_ok(ppn, 1, EXO_PG_SEATS)) != 0)
		return r;
	if (d->nseat_frames == SEAT_FRAMES)
		return -EXO_E_FULL;
	/* Act. */
	record_use(d, ppn);
	d->seat_frame[d->nseat_frames++] = ppn;
	first = d->pub->nseats;
	d->pub->nseats += SEATS_PER_FRAME;
	s = page_kva(ppn);
	for (uint32_t i = 0; i < SEATS_PER_FRAME; i++)
		seat_init(d, s + i, first + i);
	return 0;
}
