/*
 * flood.c - one account takes all it can of a resource.  That ends in its own
 * error, and another account still has what it was given.
 *
 * The flooder is a cell whose limits leave little for anybody else; what it
 * takes it keeps while the other one works.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"
#include "invariant.h"

#define BIG	3000u

/* What a small account can do: its share of everything. */
static uint32_t fair[EXO_RES_MAX] = { 128, 2, 4, 4, 0, 8, 16 };

static uint32_t
room(uint32_t res)
{
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(self->acct)];

	return a->limit[res] - a->used[res];
}

struct pair {
	struct cell good, bad;
};

/* First the good one, then the other with all but `spare` of one resource and
 * enough of the rest. */
static void
pair_make(struct pair *p, uint32_t res, uint32_t spare)
{
	static uint32_t limits[EXO_RES_MAX];
	const struct cell_opts g = { .limits = fair };
	const struct cell_opts b = { .limits = limits };

	memset(p, 0, sizeof(*p));
	fair[EXO_RES_PCIDS] = EXO_MACHINE->npcids > 1 ? 4 : 0;
	cell_make(&p->good, &g);
	for (uint32_t r = 0; r < EXO_RES_MAX; r++)
		limits[r] = fair[r];
	limits[EXO_RES_FRAMES] = BIG;
	limits[res] = room(res) - spare;
	cell_make(&p->bad, &b);
}

/* The good one takes its share of all, and gives it back. */
static void
works(struct cell *c)
{
	exo_id acct = c->acct, dom, env, child;
	exo_ppn f[4];
	uint32_t none[EXO_RES_MAX] = { 0 };

	for (uint32_t i = 0; i < 4; i++) {
		static const uint32_t kind[4] = { EXO_PG_DATA, EXO_PG_PT4,
		    EXO_PG_DOMAIN, EXO_PG_ENV };

		f[i] = EXO_MACHINE->free_head;
		EQ(cell_do(c, EXO_NR_page_alloc, acct, c->name, c->name,
		    kind[i], f[i], 1), 1);
	}
	dom = (exo_id)cell_do(c, EXO_NR_domain_create, acct, c->name, c->name,
	    EXO_NONE, f[2], f[1]);
	OK((long)dom > 0);
	env = (exo_id)cell_do(c, EXO_NR_env_create, acct, c->name, c->name,
	    EXO_NONE, f[3], 0);
	OK((long)env > 0);
	memcpy((void *)&c->page->w[0], none, sizeof(none));
	child = (exo_id)cell_do(c, EXO_NR_acct_create, acct, c->name, c->name,
	    acct, (uint64_t)&c->page->w[0], 0);
	OK((long)child > 0);
	EQ(cell_do(c, EXO_NR_handle_open, dom, c->name, 0, c->domain, 0, 0),
	    0);
	for (uint32_t i = 255; i > 0; i--) {
		if (EXO_SLICES[i].account != EXO_NONE)
			continue;
		EQ(cell_do(c, EXO_NR_slice_alloc, acct, c->name, c->name, i,
		    0, 0), 0);
		EQ(cell_do(c, EXO_NR_slice_free, c->name, i, 0, 0, 0, 0), 0);
		break;
	}
	EQ(cell_do(c, EXO_NR_acct_destroy, child, c->name, 0, 0, 0, 0), 0);
	while (cell_do(c, EXO_NR_acct_reap, child, 512, 0, 0, 0, 0) > 0)
		;
	EQ(cell_do(c, EXO_NR_env_kill, env, c->name, 0, 0, 0, 0), 0);
	while (cell_do(c, EXO_NR_env_reap, env, 512, 0, 0, 0, 0) > 0)
		;
	EQ(cell_do(c, EXO_NR_env_free, env, c->name, 0, 0, 0, 0), 0);
	EQ(cell_do(c, EXO_NR_domain_kill, dom, c->name, 0, 0, 0, 0), 0);
	while (cell_do(c, EXO_NR_domain_reap, dom, 512, 0, 0, 0, 0) > 0)
		;
	EQ(cell_do(c, EXO_NR_domain_free, dom, c->name, 0, 0, 0, 0), 0);
	for (uint32_t i = 0; i < 4; i++)
		EQ(cell_do(c, EXO_NR_page_free, c->name, f[i], 1, 0, 0, 0),
		    1);
}

static void
pair_end(struct pair *p)
{
	works(&p->good);
	cell_end(&p->bad);
	works(&p->good);
	cell_end(&p->good);
}

/* ---- floods: w[0] how many, w[1] what stopped it */

static void
count(struct cell_page *p, uint64_t n, long r)
{
	p->w[0] = n;
	p->w[1] = (uint64_t)r;
}

static uint64_t
take_frames(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t c)
{
	uint64_t n = 0;
	long r;

	(void)c;
	do {
		r = exo_page_alloc(acct, (exo_slot)name, (exo_slot)name,
		    EXO_PG_DATA, EXO_MACHINE->free_head, 1);
		n += r > 0;
	} while (r > 0);
	count(p, n, r);
	return n;
}

TEST(frames)
{
	const volatile struct exo_acct *a;
	struct pair p;

	pair_make(&p, EXO_RES_FRAMES, 64);
	a = &EXO_ACCTS[EXO_INDEX(p.bad.acct)];
	cell_call(&p.bad, take_frames, p.bad.acct, p.bad.name, 0);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	EQ(a->used[EXO_RES_FRAMES], a->limit[EXO_RES_FRAMES]);
	/* All that the other was promised is there, to the last frame. */
	works(&p.good);
	a = &EXO_ACCTS[EXO_INDEX(p.good.acct)];
	cell_call(&p.good, take_frames, p.good.acct, p.good.name, 0);
	EQ((long)p.good.page->w[1], -EXO_E_QUOTA);
	EQ(a->used[EXO_RES_FRAMES], a->limit[EXO_RES_FRAMES]);
	OK(EXO_MACHINE->free_frames > 0);
	cell_end(&p.bad);
	cell_end(&p.good);
}

static uint64_t
take_accounts(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t c)
{
	uint64_t n = 0;
	long r;

	(void)c;
	for (uint32_t i = 10; i < 14; i++)
		p->w[i] = 0;
	for (;;) {
		r = exo_acct_create(acct, (exo_slot)name, (exo_slot)name, acct,
		    (uint64_t)&p->w[10]);
		if (r < 0)
			break;
		n++;
	}
	count(p, n, r);
	return n;
}

TEST(accounts)
{
	struct pair p;

	pair_make(&p, EXO_RES_ACCTS, 4);
	cell_call(&p.bad, take_accounts, p.bad.acct, p.bad.name, 0);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	OK(p.bad.page->w[0] > 4000);
	works(&p.good);
	/* Its children, not one by one. */
	must(exo_acct_destroy(p.bad.acct, p.bad.name));
	while (exo_acct_reap(p.bad.acct, EXO_STEPS_MAX) > 0)
		;
	for (uint32_t i = 1; i < EXO_MACHINE->naccts; i++) {
		exo_id child = EXO_ID(EXO_ACCTS[i].gen, i);

		if (EXO_ACCTS[i].state == EXO_ACCT_DYING &&
		    child != p.bad.acct)
			while (must(exo_acct_reap(child, EXO_STEPS_MAX)) > 0)
				;
	}
	while (must(exo_acct_reap(p.bad.acct, EXO_STEPS_MAX)) > 0)
		;
	must(vm_unmap(p.bad.base, 2 + 2 * p.bad.seats));
	slot_put(p.bad.name);
	works(&p.good);
	cell_end(&p.good);
}

/* Domains on a root that they share; envs. */
static uint64_t
take_records(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t root)
{
	const uint32_t kind = root != 0 ? EXO_PG_DOMAIN : EXO_PG_ENV;
	const exo_slot s = (exo_slot)name;
	uint64_t n = 0;
	exo_ppn f;
	long r;

	for (;;) {
		f = EXO_MACHINE->free_head;
		r = exo_page_alloc(acct, s, s, kind, f, 1);
		if (r < 0)
			break;
		r = root != 0 ?
		    exo_domain_create(acct, s, s, EXO_NONE, f,
		    (exo_ppn)root) :
		    exo_env_create(acct, s, s, EXO_NONE, f);
		if (r < 0)
			break;
		n++;
	}
	count(p, n, r);
	return n;
}

TEST(domains)
{
	struct pair p;

	pair_make(&p, EXO_RES_DOMAINS, 16);
	/* As many as there are frames for. */
	cell_call(&p.bad, take_records, p.bad.acct, p.bad.name, p.bad.root);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	OK(p.bad.page->w[0] > BIG / 2);
	pair_end(&p);
}

TEST(envs)
{
	struct pair p;

	pair_make(&p, EXO_RES_ENVS, 8);
	cell_call(&p.bad, take_records, p.bad.acct, p.bad.name, 0);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	OK(p.bad.page->w[0] > BIG / 2);
	pair_end(&p);
}

static uint64_t
take_seats(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t dom)
{
	const exo_slot s = (exo_slot)name;
	uint64_t n = 0;
	exo_ppn f;
	long r;

	for (;;) {
		f = EXO_MACHINE->free_head;
		r = exo_page_alloc(acct, s, s, EXO_PG_SEATS, f, 1);
		if (r < 0)
			break;
		r = exo_domain_seats(dom, s, f);
		if (r < 0)
			break;
		n++;
	}
	count(p, n, r);
	return n;
}

/* All its seats are bound to my env, which does not mind. */
TEST(seats)
{
	struct exo_seat_args *a = (struct exo_seat_args *)good_page();
	struct pair p;
	uint32_t n;

	pair_make(&p, EXO_RES_FRAMES, 512);
	cell_call(&p.bad, take_seats, p.bad.acct, p.bad.name, p.bad.domain);
	EQ((long)p.bad.page->w[1], -EXO_E_FULL);
	n = EXO_DOMAINS[EXO_INDEX(p.bad.domain)].nseats;
	EQ(n, 4 + 64 * 16);
	*a = (struct exo_seat_args){ .env = self->env, .entry = 1 };
	for (uint32_t i = 4; i < n; i++)
		EQ(exo_seat_bind(p.bad.domain, p.bad.name, i, (uint64_t)a),
		    0);
	REFUSED(exo_seat_bind(p.bad.domain, p.bad.name, n, (uint64_t)a), ARG);
	pair_end(&p);
}

static uint64_t
take_places(struct cell_page *p, uint64_t dom, uint64_t name, uint64_t n)
{
	uint64_t i;
	long r = 0;

	for (i = 0; i < n; i++) {
		r = exo_handle_open(dom, (exo_slot)name, i, dom);
		if (r < 0)
			break;
		r = exo_handle_mint(dom, (exo_slot)name, 1, i, dom, i);
		if (r < 0)
			break;
	}
	count(p, i, r);
	return i;
}

/* A table of 1024 handles, all to one seat, and one place too many. */
TEST(handles)
{
	exo_ppn first = 0, at = 1;
	uint64_t n;
	struct pair p;

	pair_make(&p, EXO_RES_FRAMES, 512);
	while ((n = vm_free_run(at, 8, &first)) != 0 && n < 8)
		at = first + (exo_ppn)n;
	must(exo_page_alloc(p.bad.acct, p.bad.name, p.bad.name,
	    EXO_PG_HANDLES, first, 8));
	must(exo_domain_handles(p.bad.domain, p.bad.name, first, 8));
	cell_call(&p.bad, take_places, p.bad.domain, p.bad.name, 2000);
	EQ(p.bad.page->w[0], 1024);
	EQ((long)p.bad.page->w[1], -EXO_E_ARG);
	/* Nothing of this is in the other's table, or in mine. */
	EQ(EXO_DOMAINS[EXO_INDEX(p.good.domain)].nhandles, 0);
	pair_end(&p);
}

static uint64_t
take_slots(struct cell_page *p, uint64_t table, uint64_t b, uint64_t c)
{
	uint64_t n = 0;
	long r = 0;

	(void)b, (void)c;
	for (uint32_t i = 1; i < 100; i++) {
		r = exo_cap_derive(EXO_SLOT(table, 0), EXO_SLOT(table, i),
		    EXO_R_ALL, EXO_COMP_FRESH);
		if (r < 0)
			break;
		n++;
	}
	count(p, n, r);
	return n;
}

TEST(slots)
{
	const struct cell_opts alone = { .limits = fair, .alone = true };
	struct cell c, good;
	struct cell_opts o = { .limits = fair };

	cell_make(&good, &o);
	cell_make(&c, &alone);
	must(cell_do(&c, EXO_NR_cap_open, 0, self->domain, 0, 0, 0, 0));
	must(exo_cap_give(c.name, EXO_R_ALL, c.domain, 0));
	cell_call(&c, take_slots, 0, 0, 0);
	EQ(c.page->w[0], EXO_SLOTS_PER_TABLE - 1);
	EQ((long)c.page->w[1], -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_cap_derive, 0, 5, EXO_R_ALL, EXO_COMP_SAME, 0,
	    0), -EXO_E_FULL);
	works(&good);
	cell_end(&c);
	cell_end(&good);
}

static uint64_t
take_pcids(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t c)
{
	const exo_slot s = (exo_slot)name;
	uint64_t n = 0;
	long r = 0;

	(void)c;
	for (uint32_t i = 1; i < EXO_MACHINE->npcids; i++) {
		long got = exo_pcid_alloc(acct, s, s, i);

		n += got == 0;
		r = got == 0 ? r : got;
	}
	count(p, n, r);
	return n;
}

TEST(pcids)
{
	struct pair p;

	if (EXO_MACHINE->npcids == 1)
		SKIP("no PCIDs here");
	pair_make(&p, EXO_RES_PCIDS, 4);
	cell_call(&p.bad, take_pcids, p.bad.acct, p.bad.name, 0);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	cell_call(&p.good, take_pcids, p.good.acct, p.good.name, 0);
	EQ(p.good.page->w[0], 4);
	EQ((long)p.good.page->w[1], -EXO_E_QUOTA);
	pair_end(&p);
}

/* ---- time */

static uint64_t
spin(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[100]++;
	return 0;
}

static uint64_t
take_slices(struct cell_page *p, uint64_t acct, uint64_t name, uint64_t env)
{
	const exo_slot s = (exo_slot)name;
	uint64_t n = 0;
	long r = 0;

	for (uint32_t i = 1; i < EXO_MACHINE->nslices; i++) {
		long got = exo_slice_alloc(acct, s, s, i);

		if (got == 0) {
			n++;
			(void)!exo_slice_set(s, i, env, s);
		} else
			r = got;
	}
	count(p, n, r);
	return n;
}

/* An env that takes all its account's slices and never yields: who has a
 * slice runs all the same, once a revolution. */
TEST(slices)
{
	uint64_t from, turns = 0, last;
	struct pair p;
	exo_id env;

	pair_make(&p, EXO_RES_SLICES, 4);
	env = cell_env(&p.bad, 2, spin, 0);
	cell_call(&p.bad, take_slices, p.bad.acct, p.bad.name, env);
	EQ((long)p.bad.page->w[1], -EXO_E_QUOTA);
	OK(p.bad.page->w[0] > 200);
	works(&p.good);
	/* I have one slice; count how often I get it. */
	from = last = EXO_MACHINE->ticks;
	while (EXO_MACHINE->ticks < from + 3 * EXO_MACHINE->nslices) {
		if (EXO_MACHINE->ticks > last + 1)
			turns++;
		last = EXO_MACHINE->ticks;
	}
	OK(turns >= 2);
	OK(p.bad.page->w[100] > 0);
	must(exo_env_stop(env, p.bad.name));
	pair_end(&p);
}

static uint64_t
make_calls(struct cell_page *p, uint64_t n, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	for (uint64_t i = 0; i < n; i++)
		(void)!exo_null();
	return n;
}

/* Its own env: records are charged to who runs. */
static uint64_t
call_forever(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;) {
		p->w[101]++;
		(void)!exo_null();
	}
	return 0;
}

/* Whoever calls most does not wash away what others did. */
TEST(trace)
{
	const volatile struct exo_acct *bad;
	uint64_t first, mine = 0, theirs = 0;
	struct pair p;
	exo_id env;

	pair_make(&p, EXO_RES_FRAMES, 512);
	bad = &EXO_ACCTS[EXO_INDEX(p.bad.acct)];
	env = cell_env(&p.bad, 2, call_forever, 0);
	must(exo_trace_set(self->root_slot, 1));
	first = EXO_MACHINE->trace_next;
	cell_call(&p.good, make_calls, 10, 0, 0);
	while (p.bad.page->w[101] < 100000)
		must(exo_env_yield(env, p.bad.name, EXO_NONE));
	must(exo_trace_set(self->root_slot, 0));
	OK(EXO_MACHINE->trace_next - first <= EXO_MACHINE->ntrace);
	for (uint64_t n = first; n < EXO_MACHINE->trace_next; n++) {
		const volatile struct exo_trace *t =
		    &EXO_TRACE[n % EXO_MACHINE->ntrace];

		EQ(t->nr, n);
		mine += t->call == EXO_NR_null && t->kind == EXO_TR_CALL &&
		    t->domain == EXO_INDEX(p.good.domain);
		theirs += t->account == EXO_INDEX(p.bad.acct);
	}
	EQ(mine, 10);
	OK(bad->trace_dropped > 90000);
	OK(theirs > 0);
	/* Its limit, for each revolution that began meanwhile. */
	OK(theirs <= fair[EXO_RES_TRACE] * 40);
	must(exo_env_stop(env, p.bad.name));
	pair_end(&p);
}

/* ---- ends that many wait for */

#define CROWD	250u

void crowd_entry(void);
__asm__(
	".pushsection .text\n"
	"crowd_entry:\n"
	"	pause\n"
	"	jmp	crowd_entry\n"
	".popsection\n");

/* 250 envs, each with a slice, in one domain: it dies, and all of them by the
 * next tick.  The kernel has one stack. */
TEST(a_crowd_dies)
{
	const uint32_t limits[EXO_RES_MAX] = { 600, 0, 1, CROWD, 0, CROWD };
	const struct cell_opts o = { .limits = limits };
	static exo_id env[CROWD];
	exo_ppn seats;
	struct cell c;
	uint32_t dead = 0;

	cell_make(&c, &o);
	for (uint32_t i = 0; i < 16; i++) {
		must(vm_pages(c.acct, c.name, c.name, EXO_PG_SEATS, 1,
		    &seats));
		must(exo_domain_seats(c.domain, c.name, seats));
	}
	for (uint32_t i = 0; i < CROWD; i++) {
		struct exo_seat_args *a = (struct exo_seat_args *)good_page();

		env[i] = cell_env_make(&c);
		*a = (struct exo_seat_args){ .env = env[i],
			.entry = (uint64_t)crowd_entry,
			.stack = c.base + CELL_STACK(0) + EXO_PAGE };
		must(exo_seat_bind(c.domain, c.name, 4 + i, (uint64_t)a));
		must(exo_env_start(env[i], c.name, c.domain, c.name, 4 + i,
		    0));
	}
	for (uint32_t i = 0; i < CROWD; i++) {
		must(exo_slice_alloc(c.acct, c.name, c.name, 1 + i));
		must(exo_slice_set(c.name, 1 + i, env[i], c.name));
	}
	must(exo_domain_kill(c.domain, c.name, 0));
	yield_some(2);
	for (uint32_t i = 0; i < CROWD; i++)
		dead += EXO_ENVS[EXO_INDEX(env[i])].state >= EXO_ENV_DEAD;
	EQ(dead, CROWD);
	cell_reap(&c);
}

TEST(all_adds_up)
{
	OK(invariants_hold());
}
