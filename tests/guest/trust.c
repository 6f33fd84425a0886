/*
 * trust.c - sharing under mutual trust, one-way trust and mutual distrust
 * (docs/trust.md): each with the attacks that it stands, and with those that
 * it does not.
 *
 * The parties are cells (cell.h) with slots of their own: what one has of
 * another it was given by him, or by this program when it made them.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

#define MARK		0x5eed5eed5eed5eedull
#define LANE_AT		20u		/* pages of a cell's span that are */
#define OTHER_AT	21u		/* free: where frames are mapped */
#define SECRET_AT	22u
#define AT(c, page)	((c)->base + (page) * EXO_PAGE)

/* Slots of a party. */
enum { MINE = 1, LANE, OTHER, ROW, OTHERS_ROW };

static const struct cell_opts alone = { .alone = true };

/* A party has all rights on itself, and nothing else. */
static void
party_make(struct cell *c)
{
	cell_make(c, &alone);
	must(cell_do(c, EXO_NR_cap_open, MINE, self->domain, 0, 0, 0, 0));
	must(exo_cap_give(c->name, EXO_R_ALL, c->domain, MINE));
}

/* It gives another what it has. */
static void
hand(struct cell *from, uint32_t slot, uint32_t rights, struct cell *to,
    uint32_t at)
{
	must(cell_do(to, EXO_NR_cap_open, at, from->domain, 0, 0, 0, 0));
	must(cell_do(from, EXO_NR_cap_give, slot, rights, to->domain, at, 0,
	    0));
}

/* A frame of its own under a fresh name of its own. */
static exo_ppn
own_frame(struct cell *c, uint32_t kind, uint32_t slot)
{
	exo_ppn ppn = EXO_MACHINE->free_head;

	must(cell_do(c, EXO_NR_cap_derive, MINE, slot, EXO_R_ALL,
	    EXO_COMP_FRESH, 0, 0));
	EQ(cell_do(c, EXO_NR_page_alloc, c->acct, MINE, slot, kind, ppn, 1),
	    1);
	return ppn;
}

static long
map_at(struct cell *c, uint32_t page, exo_ppn ppn, uint64_t bits,
    uint32_t slot)
{
	return cell_do(c, EXO_NR_pt_set, 0, c->table[5],
	    EXO_PT_INDEX(AT(c, page), 1), ppn == 0 ? 0 : EXO_PTE(ppn, bits),
	    slot, 0);
}

static bool
reads(struct cell *c, uint32_t page, uint64_t want)
{
	uint64_t v = 0;

	return cell_read(c, AT(c, page), &v) && v == want;
}

/* An env of its own, with a slice. */
static exo_id
runs(struct cell *c, uint32_t seat, uint32_t slice, cell_fn fn)
{
	exo_id env = cell_env(c, seat, fn, 0);

	must(exo_slice_alloc(c->acct, c->name, c->name, slice));
	must(exo_slice_set(c->name, slice, env, c->name));
	return env;
}

/* Words of a cell's page. */
enum { W_ROUNDS, W_BAD, W_REFUSED, W_GOOD, W_STOP, W_SEED, W_DELAY,
	W_CARELESS };

static inline __attribute__((always_inline)) void
linger(uint64_t n)
{
	while (n-- > 0)
		__asm__ volatile("");
}

/* ------------------------------------------------------------- mutual trust
 *
 * a and b are two halves of one program: a live frame, mapped writable in
 * both, used in place; and one slot table, so that what one gets both have.
 */
static void
halves_make(struct cell *a, struct cell *b, exo_ppn *shared)
{
	party_make(a);
	party_make(b);
	*shared = own_frame(a, EXO_PG_DATA | EXO_KIND_LIVE, LANE);
	EQ(map_at(a, LANE_AT, *shared, VM_RW, LANE), 0);
	/* b lets a bind a's table as its second one. */
	must(cell_do(b, EXO_NR_cap_derive, MINE, OTHER, EXO_R_ALL,
	    EXO_COMP_SAME, 0, 0));
	hand(b, OTHER, EXO_R_CONTROL, a, OTHER);
	must(cell_do(a, EXO_NR_slots_bind, b->domain, OTHER, 1, a->slots, 0,
	    0));
	EQ(map_at(b, LANE_AT, *shared, VM_RW, EXO_SLOT(1, LANE)), 0);
}

TEST(mutual_trust_stands_outsiders_and_a_death)
{
	struct cell a, b, c;
	exo_ppn shared, more;

	halves_make(&a, &b, &shared);
	OK(cell_write(&a, AT(&a, LANE_AT), MARK));
	OK(reads(&b, LANE_AT, MARK));
	OK(cell_write(&b, AT(&b, LANE_AT), 7));
	OK(reads(&a, LANE_AT, 7));
	/* What a gets from now on, b has. */
	more = own_frame(&a, EXO_PG_DATA | EXO_KIND_LIVE, OTHERS_ROW);
	EQ(map_at(&b, OTHER_AT, more, VM_RW, EXO_SLOT(1, OTHERS_ROW)), 0);
	OK(reads(&b, OTHER_AT, 0));

	/* An outsider knows all numbers, and has nothing of theirs. */
	party_make(&c);
	EQ(map_at(&c, LANE_AT, shared, VM_R, MINE), -EXO_E_DENIED);
	EQ(map_at(&c, LANE_AT, shared, VM_RW, LANE), -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_slots_bind, c.domain, MINE, 1, a.slots, 0, 0),
	    -EXO_E_REACH);
	EQ(cell_do(&c, EXO_NR_page_unmap, MINE, shared, 8, 0, 0, 0),
	    -EXO_E_DENIED);
	cell_end(&c);

	/* b dies: frame and table are where they were. */
	cell_end(&b);
	OK(reads(&a, LANE_AT, 7));
	EQ(map_at(&a, OTHER_AT, more, VM_RW, OTHERS_ROW), 0);
	EQ(EXO_PAGES[a.slots].pins, 1);
	cell_end(&a);
}

/* And a's death takes what a's account paid for only when nobody uses it. */
TEST(mutual_trust_outlives_who_paid)
{
	struct cell a, b;
	exo_ppn shared;

	halves_make(&a, &b, &shared);
	OK(cell_write(&a, AT(&a, LANE_AT), MARK));
	cell_end(&a);
	OK(reads(&b, LANE_AT, MARK));
	OK(cell_write(&b, AT(&b, LANE_AT), 1));
	EQ(EXO_PAGES[shared].account, EXO_INDEX(self->acct));
	cell_end(&b);
	EQ(exo_page_free(self->root_slot, shared, 1), 1);
	EQ(exo_page_free(self->root_slot, a.slots, 1), 1);
}

/* a: looks a word up at an index that b left in the frame.  Unchecked: why
 * should it, b is its other half. */
static uint64_t
in_lookup(struct cell_page *p, uint64_t lane, uint64_t b, uint64_t c)
{
	const volatile uint64_t *w = (const volatile uint64_t *)lane;

	(void)p, (void)b, (void)c;
	return w[8 + w[0]];
}

TEST(mutual_trust_does_not_stand_a_traitor)
{
	struct cell a, b;
	exo_ppn shared;
	uint64_t lane;

	halves_make(&a, &b, &shared);
	lane = AT(&a, LANE_AT);
	OK(cell_write(&b, AT(&b, LANE_AT), 1));
	OK(cell_write(&b, AT(&b, LANE_AT) + 72, MARK));
	EQ(cell_call(&a, in_lookup, lane, 0, 0), MARK);
	/* An index out of the frame: a reads where b wants, or traps. */
	a.page->w[0] = 0x5ec2e7;
	OK(cell_write(&b, AT(&b, LANE_AT), 0ul - LANE_AT * 512 - 8));
	EQ(cell_call(&a, in_lookup, lane, 0, 0), 0x5ec2e7);
	OK(cell_write(&b, AT(&b, LANE_AT), 1ul << 40));
	EQ(cell_call(&a, in_lookup, lane, 0, 0), CELL_TRAPPED);
	/* a's capabilities are b's: it frees the frame, drops the rest. */
	EQ(cell_do(&b, EXO_NR_page_unmap, EXO_SLOT(1, LANE), shared, 8, 0, 0,
	    0), 2);
	EQ(cell_do(&b, EXO_NR_page_free, EXO_SLOT(1, LANE), shared, 1, 0, 0,
	    0), 1);
	OK(!cell_read(&a, lane, NULL));
	EQ(cell_do(&b, EXO_NR_cap_drop, EXO_SLOT(1, MINE), 0, 0, 0, 0, 0), 0);
	EQ(cell_do(&a, EXO_NR_page_alloc, a.acct, MINE, MINE, EXO_PG_DATA,
	    EXO_MACHINE->free_head, 1), -EXO_E_SLOT);
	cell_end(&b);
	cell_end(&a);
}

/* ------------------------------------------------------------ one-way trust
 *
 * A server adds up words that its client has in a lane: a live frame of the
 * client's, mapped read-only in the server.  lane[0], lane[1]: from where, and
 * how many.  Behind the lane the server has a secret.
 *
 * The server trusts nothing of this.  The badge says whose lane it is; what
 * is in it is read once; a fault there is the client's (cell_trap answers it
 * with CELL_TRAPPED).
 */
#define LANE_WORDS	512u
#define REFUSED_WORD	(~0ull)
#define LINGER		4000u		/* between a look and the use */

uint64_t adder(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e);
SERVICE(adder);

uint64_t
adder(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	struct cell_page *p = cell_here();
	const volatile uint64_t *lane = (const volatile uint64_t *)p->w[100 +
	    badge];
	uint64_t from = lane[0], n = lane[1], sum = 0;

	(void)a, (void)b, (void)c, (void)d, (void)e;
	p->w[W_ROUNDS]++;
	if (from > LANE_WORDS || n > LANE_WORDS - from)
		return REFUSED_WORD;
	linger(p->w[W_DELAY]);		/* a tick may come anywhere */
	if (p->w[W_CARELESS])
		n = lane[1];
	for (uint64_t i = 0; i < n; i++)
		sum += lane[from + i];
	return sum;
}

/* The client: calls place 0 again and again; its lane's data are all zero, so
 * a sum that is not is something of the server's. */
static uint64_t
in_client(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t sum;

	(void)a, (void)b, (void)c;
	while (p->w[W_STOP] == 0) {
		if (exo_call(0, 0, 0, 0, 0, 0, &sum) != EXO_K_REPLY)
			break;
		p->w[sum == REFUSED_WORD ? W_REFUSED : sum == 0 ? W_GOOD :
		    W_BAD]++;
		p->w[W_ROUNDS]++;
	}
	return 0x55;
}

/* Its second env: makes the request a lie, and true again, and a lie. */
static uint64_t
in_flipper(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	volatile uint64_t *lane = (volatile uint64_t *)((uint64_t)p +
	    LANE_AT * EXO_PAGE);
	uint64_t x = 1;

	(void)a, (void)b, (void)c;
	while (p->w[W_STOP] == 0) {
		lane[1] = LANE_WORDS + 8;
		linger(x++ % 64);
		lane[1] = 4;
		linger(x % 64);
	}
	return 0x55;
}

struct service {
	struct cell server, client;
	exo_ppn lane, secret;
	exo_id env;			/* the client's */
};

/* The client gives READ on its lane; that, and its time, is its trust. */
static void
service_make(struct service *s)
{
	struct cell *v = &s->server, *c = &s->client;

	party_make(v);
	party_make(c);
	s->secret = own_frame(v, EXO_PG_DATA | EXO_KIND_LIVE, LANE);
	EQ(map_at(v, LANE_AT + 1, s->secret, VM_RW, LANE), 0);
	for (uint32_t i = 0; i < 16; i++)
		OK(cell_write(v, AT(v, LANE_AT + 1) + 8 * i, MARK + i));
	s->lane = own_frame(c, EXO_PG_DATA | EXO_KIND_LIVE, LANE);
	EQ(map_at(c, LANE_AT, s->lane, VM_RW, LANE), 0);
	hand(c, LANE, EXO_R_READ, v, OTHER);
	EQ(map_at(v, LANE_AT, s->lane, VM_R, OTHER), 0);
	EQ(map_at(v, OTHER_AT + 1, s->lane, VM_RW, OTHER), -EXO_E_RIGHTS);
	v->page->w[100 + 1] = AT(v, LANE_AT);
	OK(cell_write(c, AT(c, LANE_AT), 8));
	OK(cell_write(c, AT(c, LANE_AT) + 8, 4));
	s->env = cell_env_make(c);
	must(cell_bind(v, 2, s->env, adder_entry, NULL));
	cell_link(v, 2, 1, c, 0);
}

static void
service_begin(struct service *s)
{
	struct cell *c = &s->client;

	must(cell_env_begin(c, s->env, 2, in_client, 0));
	must(exo_slice_alloc(c->acct, c->name, c->name, 10));
	must(exo_slice_set(c->name, 10, s->env, c->name));
}

static void
service_end(struct service *s)
{
	if (s->client.acct != 0)
		cell_end(&s->client);
	cell_end(&s->server);
}

/* Another client of the same server, this program: is it served? */
static void
still_serves(struct service *s)
{
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	uint64_t *lane = (uint64_t *)must(vm_map_frame(ppn, VM_RW,
	    self->memory_slot));
	struct cell *v = &s->server;
	uint64_t place, sum = 0;

	lane[0] = 2;
	lane[1] = 3;
	lane[2] = lane[3] = lane[4] = 14;
	must(cell_do(v, EXO_NR_cap_open, ROW, self->domain, 0, 0, 0, 0));
	must(exo_cap_give(self->memory_slot, EXO_R_READ, v->domain, ROW));
	EQ(map_at(v, OTHER_AT + 1, ppn, VM_R, ROW), 0);
	v->page->w[100 + 2] = AT(v, OTHER_AT + 1);
	must(cell_bind(v, 3, self->env, adder_entry, NULL));
	place = cell_handle(v, 3, 2);
	EQ(exo_call(place, 0, 0, 0, 0, 0, &sum), EXO_K_REPLY);
	EQ(sum, 42);
	must(exo_handle_drop(place));
	must(exo_seat_free(v->domain, v->name, 3));
	EQ(map_at(v, OTHER_AT + 1, 0, 0, 0), 0);
	must(cell_do(v, EXO_NR_cap_drop, ROW, 0, 0, 0, 0, 0));
	EQ(vm_unmap((uint64_t)lane, 1), 0);
	EQ(exo_page_free(self->memory_slot, ppn, 1), 1);
}

/*
 * A server that looks twice adds up its own secret, sooner or later.  How many
 * requests that takes is how many a better one must stand, four times over.
 */
static uint64_t lost_after;

TEST(one_way_trust_is_lost_by_looking_twice)
{
	struct service s;
	volatile uint64_t *w;

	service_make(&s);
	w = s.client.page->w;
	s.server.page->w[W_DELAY] = LINGER;
	s.server.page->w[W_CARELESS] = 1;
	service_begin(&s);
	(void)runs(&s.client, 3, 11, in_flipper);
	OK(cell_counts(&w[W_BAD], 3));
	lost_after = w[W_ROUNDS] / 3;
	service_end(&s);
}

/* True requests, lies, and requests that become lies after they were read. */
TEST(one_way_trust_stands_clients_that_lie)
{
	struct service s;
	volatile uint64_t *w;

	service_make(&s);
	w = s.client.page->w;
	s.server.page->w[W_DELAY] = LINGER;
	service_begin(&s);
	OK(cell_counts(&w[W_GOOD], 20));
	EQ(w[W_REFUSED], 0);
	OK(cell_write(&s.client, AT(&s.client, LANE_AT), ~0ull));
	OK(cell_counts(&w[W_REFUSED], 20));
	OK(cell_write(&s.client, AT(&s.client, LANE_AT), 8));
	(void)runs(&s.client, 3, 11, in_flipper);
	OK(cell_counts(&w[W_ROUNDS], w[W_ROUNDS] + 4 * lost_after));
	OK(cell_counts(&w[W_GOOD], 100));
	OK(cell_counts(&w[W_REFUSED], 100));
	EQ(w[W_BAD], 0);
	still_serves(&s);
	service_end(&s);
}

/* The lane is taken away, while it is read or before. */
TEST(one_way_trust_stands_a_lane_that_goes)
{
	struct service s;
	volatile uint64_t *w;

	service_make(&s);
	w = s.client.page->w;
	/* Not by freeing it: the server has it mapped. */
	EQ(cell_do(&s.client, EXO_NR_page_free, LANE, s.lane, 1, 0, 0, 0),
	    -EXO_E_BUSY);
	service_begin(&s);
	OK(cell_counts(&w[W_GOOD], 20));
	EQ(cell_do(&s.client, EXO_NR_page_unmap, LANE, s.lane, 8, 0, 0, 0),
	    2);
	OK(cell_counts(&s.server.page->traps, 5));
	/* That is what its client is told: nothing else is. */
	OK(cell_counts(&w[W_BAD], 5));
	EQ(w[W_REFUSED], 0);
	still_serves(&s);
	service_end(&s);
}

/*
 * The client's env is killed, or its domain, wherever it is.  If that is in
 * the server, the grace goes by; then the seat is the server's to repair.
 */
TEST(one_way_trust_stands_clients_that_die)
{
	const volatile struct exo_env *e;
	struct service s;
	long r;

	for (uint32_t n = 0; n < 4; n++) {
		service_make(&s);
		e = &EXO_ENVS[EXO_INDEX(s.env)];
		s.server.page->w[W_DELAY] = n < 2 ? 0 : ~0ull;
		service_begin(&s);
		OK(cell_counts(&s.server.page->w[W_ROUNDS], n < 2 ? 20 : 1));
		if (n % 2 == 0)
			must(exo_env_kill(s.env, s.client.name, 9));
		else
			must(exo_domain_kill(s.client.domain, s.client.name,
			    9));
		while (n % 2 == 1 && exo_domain_reap(s.client.domain, 8) > 0)
			;
		for (uint32_t k = 0; k < 3000 && e->state < EXO_ENV_DEAD; k++)
			yield_some(1);
		OK(e->state >= EXO_ENV_DEAD);
		s.server.page->w[W_DELAY] = 0;
		r = exo_seat_repair(s.server.domain, s.server.name, 2);
		if (n >= 2)
			OK(r > 0);
		else
			OK(r >= 0 || r == -EXO_E_STATE);
		EQ(exo_seat_free(s.server.domain, s.server.name, 2), 0);
		still_serves(&s);
		service_end(&s);
	}
}

/* What the client can't stand: its server. */
uint64_t liar(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e);
SERVICE(liar);

uint64_t
liar(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	struct cell_page *p = cell_here();
	const volatile uint64_t *lane = (const volatile uint64_t *)p->w[100 +
	    badge];

	(void)a, (void)b, (void)c, (void)d, (void)e;
	p->w[90] = lane[300];		/* nobody asked for that one */
	if (p->w[W_DELAY] != 0) {
		p->w[91] = 1;
		for (;;)
			__asm__ volatile("pause");
	}
	return MARK;
}

TEST(one_way_trust_does_not_stand_the_server)
{
	const volatile struct exo_env *e;
	struct service s;
	volatile uint64_t *w;

	service_make(&s);
	w = s.client.page->w;
	e = &EXO_ENVS[EXO_INDEX(s.env)];
	must(exo_seat_free(s.server.domain, s.server.name, 2));
	must(cell_bind(&s.server, 2, s.env, liar_entry, NULL));
	must(cell_do(&s.client, EXO_NR_handle_drop, 0, 0, 0, 0, 0, 0));
	cell_link(&s.server, 2, 1, &s.client, 0);
	OK(cell_write(&s.client, AT(&s.client, LANE_AT) + 8 * 300, 0xacc));
	service_begin(&s);
	/* It believes the answer, and the rest of its lane is known. */
	OK(cell_counts(&w[W_BAD], 5));
	EQ(w[W_GOOD], 0);
	EQ(s.server.page->w[90], 0xacc);
	/* Its env does not come back; who may kill it can, after the grace. */
	s.server.page->w[W_DELAY] = 1;
	OK(cell_counts(&s.server.page->w[91], 1));
	w[W_STOP] = 1;
	yield_some(3);
	EQ(e->state, EXO_ENV_READY);
	must(exo_env_kill(s.env, s.client.name, 9));
	for (uint32_t k = 0; k < 3000 && e->state < EXO_ENV_DEAD; k++)
		yield_some(1);
	OK(e->state >= EXO_ENV_DEAD);
	/* What it did not give was never there to be had. */
	OK(!cell_write(&s.server, AT(&s.server, LANE_AT), 1));
	service_end(&s);
}

/* --------------------------------------------------------- mutual distrust
 *
 * Two peers.  Each has a lane that only it writes, and that the other maps
 * read-only; and a row, a software region of a frame of its own, in which it
 * says, in one write, what is in its lane.  The other reads the row, checks
 * it, copies the words, checks the copy and uses that.
 */
#define WORDS_MAX	32u

struct say {
	uint64_t seq, from, n, sum;
};

static inline __attribute__((always_inline)) uint64_t
words_sum(const volatile uint64_t *w, uint64_t n, uint64_t seq)
{
	uint64_t sum = seq;

	for (uint64_t i = 0; i < n; i++)
		sum = sum * 31 + w[i];
	return sum;
}

/* Where rows are: w[100] name, w[101] serial of mine, 102 and 103 of the
 * other's. */
static inline __attribute__((always_inline)) uint64_t
lane_of(struct cell_page *p, uint32_t page)
{
	return (uint64_t)p + page * EXO_PAGE;
}

static uint64_t
in_talker(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	volatile uint64_t *lane = (volatile uint64_t *)lane_of(p, LANE_AT);
	struct say s = { .seq = 0 };

	(void)a, (void)b, (void)c;
	while (p->w[W_STOP] == 0) {
		s.seq++;
		s.n = 1 + s.seq % WORDS_MAX;
		s.from = s.seq % (LANE_WORDS - WORDS_MAX);
		for (uint64_t i = 0; i < s.n; i++)
			lane[s.from + i] = s.seq;
		s.sum = words_sum(lane + s.from, s.n, s.seq);
		if (exo_region_write(ROW, p->w[100], p->w[101], 0,
		    (uint64_t)&s, sizeof(s)) != 0)
			p->w[W_BAD]++;
		p->w[W_SEED] = s.seq;
	}
	return 0x55;
}

/*
 * What all words of a message are the same as.  Taken: checked and good;
 * refused: it was not what its row says (it may have been changed since, by
 * the best of writers).  Bad: what was used is not what was checked.
 */
static inline __attribute__((always_inline)) void
listen_once(struct cell_page *p)
{
	const volatile uint64_t *lane =
	    (const volatile uint64_t *)lane_of(p, OTHER_AT);
	const volatile uint64_t *use;
	uint64_t copy[WORDS_MAX];
	struct say s;

	p->w[W_ROUNDS]++;
	if (exo_region_read(OTHERS_ROW, p->w[102], p->w[103], 0, (uint64_t)&s,
	    sizeof(s)) != sizeof(s) || s.n > WORDS_MAX ||
	    s.from > LANE_WORDS || s.n > LANE_WORDS - s.from) {
		p->w[W_REFUSED]++;
		return;
	}
	use = lane + s.from;
	if (!p->w[W_CARELESS]) {
		for (uint64_t i = 0; i < s.n; i++)
			copy[i] = use[i];
		use = copy;
	}
	if (words_sum(use, s.n, s.seq) != s.sum) {
		p->w[W_REFUSED]++;
		return;
	}
	linger(p->w[W_DELAY]);
	if (words_sum(use, s.n, s.seq) != s.sum)
		p->w[W_BAD]++;
	p->w[W_GOOD]++;
}

static uint64_t
in_listener(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	while (p->w[W_STOP] == 0)
		listen_once(p);
	return 0x55;
}

/* Says true things, and changes them; says nonsense; reaches for what is
 * not its own.  W_BAD counts what it got. */
static uint64_t
in_enemy(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	volatile uint64_t *lane = (volatile uint64_t *)lane_of(p, LANE_AT);
	uint64_t junk[4], x = 88172645463325252ul;
	struct say s = { .n = 8 };

	(void)a, (void)b, (void)c;
	for (; p->w[W_STOP] == 0; p->w[W_ROUNDS]++) {
		s.seq++;
		s.sum = words_sum(lane, s.n, s.seq);
		(void)!exo_region_write(ROW, p->w[100], p->w[101], 0,
		    (uint64_t)&s, sizeof(s));
		linger(300);
		lane[s.seq % s.n] = s.seq;
		linger(100);
		for (uint32_t i = 0; i < 4; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			junk[i] = i == 2 && x % 2 ? x % 64 : x;
		}
		(void)!exo_region_write(ROW, p->w[100], p->w[101], 0,
		    (uint64_t)junk, sizeof(junk));
		for (exo_slot t = 0; t < 8; t++) {
			p->w[W_BAD] += exo_region_write(t, p->w[102], p->w[103],
			    0, (uint64_t)junk, sizeof(junk)) == 0;
			p->w[W_BAD] += exo_region_drop(t, p->w[102],
			    p->w[103]) == 0;
		}
	}
	return 0x55;
}

struct peers {
	struct cell c[2];
	exo_ppn lane[2], frame[2];
};

/* Each for itself: lane, row, and READ on both for the other. */
static void
peers_make(struct peers *p)
{
	static const uint32_t where[2] = { LANE_AT, OTHER_AT };

	for (uint32_t i = 0; i < 2; i++) {
		struct cell *c = &p->c[i];
		long serial;

		party_make(c);
		p->lane[i] = own_frame(c, EXO_PG_DATA | EXO_KIND_LIVE, LANE);
		p->frame[i] = own_frame(c, EXO_PG_REGION, ROW);
		serial = must(cell_do(c, EXO_NR_region_make, ROW, p->frame[i],
		    0, 0, sizeof(struct say), ROW));
		c->page->w[100] = EXO_REGION(p->frame[i], 0);
		c->page->w[101] = (uint64_t)serial;
		EQ(map_at(c, where[0], p->lane[i], VM_RW, LANE), 0);
	}
	for (uint32_t i = 0; i < 2; i++) {
		struct cell *c = &p->c[i], *o = &p->c[1 - i];

		hand(o, LANE, EXO_R_READ, c, OTHER);
		hand(o, ROW, EXO_R_READ, c, OTHERS_ROW);
		EQ(map_at(c, where[1], p->lane[1 - i], VM_R, OTHER), 0);
		c->page->w[102] = o->page->w[100];
		c->page->w[103] = o->page->w[101];
	}
}

TEST(mutual_distrust_carries_messages_both_ways)
{
	struct peers p;

	peers_make(&p);
	for (uint32_t i = 0; i < 2; i++) {
		(void)runs(&p.c[i], 2, 10 + 2 * i, in_talker);
		(void)runs(&p.c[i], 3, 11 + 2 * i, in_listener);
	}
	for (uint32_t i = 0; i < 2; i++) {
		OK(cell_counts(&p.c[i].page->w[W_GOOD], 2000));
		OK(cell_counts(&p.c[i].page->w[W_SEED], 1000));
		EQ(p.c[i].page->w[W_BAD], 0);
		EQ(p.c[i].page->traps, 0);
	}
	cell_end(&p.c[0]);
	cell_end(&p.c[1]);
}

/* Who uses what he checked where it lies has checked nothing.  Again, how many
 * messages that takes is the measure for the next test. */
TEST(mutual_distrust_is_lost_by_looking_twice)
{
	struct peers p;

	peers_make(&p);
	p.c[0].page->w[W_CARELESS] = 1;
	p.c[0].page->w[W_DELAY] = LINGER;
	(void)runs(&p.c[0], 3, 10, in_listener);
	(void)runs(&p.c[1], 2, 11, in_enemy);
	OK(cell_counts(&p.c[0].page->w[W_BAD], 3));
	lost_after = p.c[0].page->w[W_GOOD] / 3;
	cell_end(&p.c[0]);
	cell_end(&p.c[1]);
}

/* Each reads what the other offers, and not a bit of it can it write. */
TEST(mutual_distrust_stands_an_enemy)
{
	struct peers p;
	volatile uint64_t *mine, *his;
	struct cell *a = &p.c[0], *b = &p.c[1];

	peers_make(&p);
	mine = a->page->w;
	his = b->page->w;
	EQ(map_at(b, SECRET_AT, p.lane[0], VM_RW, OTHER), -EXO_E_RIGHTS);
	EQ(map_at(b, OTHER_AT, p.lane[0], VM_RW, OTHER), -EXO_E_RIGHTS);
	EQ(map_at(b, SECRET_AT, p.frame[0], VM_R, OTHERS_ROW), -EXO_E_TYPE);
	EQ(cell_do(b, EXO_NR_page_unmap, OTHER, p.lane[0], 8, 0, 0, 0),
	    -EXO_E_RIGHTS);
	EQ(cell_do(b, EXO_NR_page_free, OTHERS_ROW, p.frame[0], 1, 0, 0, 0),
	    -EXO_E_RIGHTS);
	OK(!cell_write(b, AT(b, OTHER_AT), 1));
	mine[W_DELAY] = LINGER;
	mine[110] = MARK;
	(void)runs(a, 3, 10, in_listener);
	(void)runs(b, 2, 11, in_enemy);
	OK(cell_counts(&mine[W_GOOD], 4 * lost_after + 20));
	OK(cell_counts(&mine[W_REFUSED], 1000));
	EQ(mine[W_BAD], 0);
	EQ(mine[110], MARK);
	EQ(a->page->traps, 0);
	OK(cell_counts(&his[W_ROUNDS], 100));
	EQ(his[W_BAD], 0);
	/* He dies: what he said last can still be read, his row can't. */
	OK(cell_write(b, AT(b, LANE_AT), MARK));
	cell_end(b);
	OK(reads(a, OTHER_AT, MARK));
	EQ(cell_do(a, EXO_NR_region_read, OTHERS_ROW, mine[102], mine[103], 0,
	    a->base, 8), -EXO_E_NAME);
	EQ(a->page->traps, 0);
	EQ(mine[W_BAD], 0);
	cell_end(a);
	EQ(exo_page_free(self->root_slot, p.lane[1], 1), 1);
}

/* The lane goes while it is read: a fault in the reader, which ends a round
 * and nothing else. */
static bool
hook_gone(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)r, (void)kind;
	p->w[W_REFUSED]++;
	return false;
}

static uint64_t
in_listen(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	listen_once(p);
	return p->w[W_GOOD];
}

TEST(mutual_distrust_stands_a_lane_that_goes)
{
	struct peers p;
	struct cell *a = &p.c[0], *b = &p.c[1];
	struct say s = { .seq = 1, .n = 2, .sum = 31 * 31 };

	peers_make(&p);
	*(struct say *)(b->base + 0x200) = s;
	EQ(cell_do(b, EXO_NR_region_write, ROW, b->page->w[100],
	    b->page->w[101], 0, b->base + 0x200, sizeof(s)), 0);
	EQ(cell_call(a, in_listen, 0, 0, 0), 1);
	a->page->hook = hook_gone;
	EQ(cell_do(b, EXO_NR_page_unmap, LANE, p.lane[1], 8, 0, 0, 0), 2);
	EQ(cell_call(a, in_listen, 0, 0, 0), CELL_TRAPPED);
	EQ(a->page->w[W_REFUSED], 1);
	EQ(a->page->w[W_GOOD], 1);
	/* Nor does he get mine so, nor see in it what is not for him. */
	OK(cell_write(a, AT(a, LANE_AT), MARK));
	OK(reads(b, OTHER_AT, MARK));
	cell_end(a);
	cell_end(b);
}

/* Nobody can be made to speak, or to say what he knows. */
TEST(mutual_distrust_does_not_stand_silence)
{
	struct peers p;
	struct cell *a = &p.c[0], *b = &p.c[1];

	peers_make(&p);
	(void)runs(a, 3, 10, in_listener);
	(void)runs(b, 2, 11, in_talker);
	OK(cell_counts(&a->page->w[W_GOOD], 20));
	/* He takes his row away, of which a was promised nothing. */
	EQ(cell_do(b, EXO_NR_region_drop, ROW, b->page->w[100],
	    b->page->w[101], 0, 0, 0), 0);
	a->page->w[W_GOOD] = 0;
	OK(cell_counts(&a->page->w[W_REFUSED], a->page->w[W_REFUSED] + 1000));
	OK(a->page->w[W_GOOD] <= 1);
	EQ(a->page->w[W_BAD], 0);
	cell_end(a);
	cell_end(b);
}
