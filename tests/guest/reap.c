/*
 * reap.c - a domain killed at a random point gives everything back.
 *
 * A child that holds all rights on an account of its own, and nothing else,
 * does random work: frames and tables of every kind, links and mappings,
 * domains, envs that run, seats, handles, monitors, events, slices, PCIDs,
 * accounts.  It is ended after a random number of steps or ticks, in one of
 * several ways.  Then what is free and used must be what it was.
 */
#include "cell.h"
#include "nap.h"

#define SEEDS	200u
#define MAX	16u			/* things remembered of each kind */
#define KINDS	EXO_PG_OWNED_END

/* The child's memory of what it has, in its spare page. */
struct work {
	uint64_t seed, steps, done, slot;
	exo_id acct, domain;
	exo_ppn root, table;		/* its own, and one it may edit */
	uint64_t base;
	uint64_t errors[24];
	uint32_t nframes[KINDS], ndoms, nenvs, naccts;
	exo_ppn frame[KINDS][MAX];
	exo_id dom[MAX], env[MAX], child[MAX];
	uint64_t results[32];		/* calls by kind of step that worked */
};

static uint64_t
rnd(struct work *w, uint64_t n)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed % n;
}

static exo_ppn
any_frame(struct work *w, uint32_t kind)
{
	return w->nframes[kind] == 0 ? 0 :
	    w->frame[kind][rnd(w, w->nframes[kind])];
}

static exo_id
any_dom(struct work *w)
{
	return w->ndoms == 0 || rnd(w, 4) == 0 ? w->domain :
	    w->dom[rnd(w, w->ndoms)];
}

/* The first one is my own. */
static exo_id
any_env(struct work *w)
{
	return w->env[rnd(w, w->nenvs)];
}

static long
do_alloc(struct work *w)
{
	uint32_t kind = EXO_PG_DATA + (uint32_t)rnd(w, KINDS - 1);
	uint32_t live = kind <= EXO_PG_PT3 && rnd(w, 3) == 0 ?
	    EXO_KIND_LIVE : 0;
	exo_ppn p = EXO_MACHINE->free_head;
	long r = exo_page_alloc(w->acct, 1, 1, kind | live, p, 1);

	if (r == 1 && w->nframes[kind] < MAX)
		w->frame[kind][w->nframes[kind]++] = p;
	return r;
}

/* A PT1 with its companion, some frames in it, in the table I may edit. */
static long
do_map(struct work *w)
{
	exo_ppn pt1 = any_frame(w, EXO_PG_PT1), f;
	long r;

	(void)!exo_pt_companion(pt1, any_frame(w, EXO_PG_RMAP));
	for (uint32_t i = 0; i < 4; i++) {
		f = any_frame(w, EXO_PG_DATA);
		(void)!exo_pt_set(1, pt1, (uint32_t)rnd(w, 512),
		    EXO_PTE(f, rnd(w, 2) ? EXO_PTE_W | EXO_PTE_NX :
		    EXO_PTE_NX), 1);
	}
	r = exo_pt_set(1, w->table, 200 + (uint32_t)rnd(w, 300),
	    EXO_PTE(pt1, rnd(w, 2) ? EXO_PTE_W : 0), 1);
	return r;
}

static long
do_link(struct work *w)
{
	exo_ppn low = any_frame(w, EXO_PG_PT1 + (uint32_t)rnd(w, 3));
	exo_ppn up = any_frame(w, EXO_PG_PT2 + (uint32_t)rnd(w, 3));

	return exo_pt_set(1, up, (uint32_t)rnd(w, 255),
	    EXO_PTE(low, rnd(w, 2) ? EXO_PTE_W : 0), 1);
}

static long
do_copy(struct work *w)
{
	uint32_t level = 1 + (uint32_t)rnd(w, 4);
	exo_ppn dst = any_frame(w, EXO_PG_PT1 + level - 1);

	return exo_pt_copy(dst, (uint32_t)rnd(w, 100),
	    rnd(w, 2) ? w->base : 0x400000, 1 + rnd(w, 4));
}

static long
do_domain(struct work *w)
{
	exo_ppn root = rnd(w, 2) ? w->root : any_frame(w, EXO_PG_PT4);
	long r = exo_domain_create(w->acct, 1, 1, EXO_NONE,
	    any_frame(w, EXO_PG_DOMAIN), root);

	if (r > 0 && w->ndoms < MAX)
		w->dom[w->ndoms++] = (exo_id)r;
	return r;
}

static long
do_env(struct work *w)
{
	long r = exo_env_create(w->acct, 1, 1, EXO_NONE,
	    any_frame(w, EXO_PG_ENV));

	if (r > 0 && w->nenvs < MAX)
		w->env[w->nenvs++] = (exo_id)r;
	return r;
}

static void
in_spin(void)
{
	for (;;)
		__asm__ volatile("pause");
}

/* The entry of a seat: back to who called. */
void reply_at_once(void);
__asm__(".pushsection .text\n"
	"reply_at_once:\n"
	"	mov $0x58000002, %eax\n"
	"	syscall\n"
	"	jmp .\n"
	".popsection\n");

static long
do_seat(struct work *w)
{
	exo_id dom = any_dom(w);
	exo_id env = rnd(w, 2) ? w->env[0] : any_env(w);
	struct exo_seat_args a = { .env = env,
	    .entry = (uint64_t)(rnd(w, 3) == 0 ? in_spin : reply_at_once),
	    .stack = w->base + CELL_STACK(3) + EXO_PAGE };
	uint32_t seat = 2 + (uint32_t)rnd(w, 2);

	if (rnd(w, 2)) {
		a.upcall = (uint64_t)cell_upcall;
		a.upcall_va = w->base + CELL_UPCALL(3);
		a.upcall_ppn = any_frame(w, EXO_PG_DATA);
		a.upcall_slot = 1;
	}
	(void)!exo_seat_bind(dom, 1, seat, (uint64_t)&a);
	return exo_env_start(env, 1, dom, 1, seat, 0);
}

static long
do_handle(struct work *w)
{
	exo_id from = any_dom(w), to = rnd(w, 2) ? w->domain : any_dom(w);
	uint64_t place = rnd(w, 8);

	(void)!exo_handle_open(to, 1, place, w->domain);
	return exo_handle_mint(from, 1, 2 + (uint32_t)rnd(w, 2), 5, to,
	    place);
}

static long
do_handler(struct work *w)
{
	return exo_seat_handler(any_dom(w), 1, 2 + (uint32_t)rnd(w, 2),
	    (uint32_t)rnd(w, 2), rnd(w, 8));
}

static long
do_monitor(struct work *w)
{
	uint8_t rows[EXO_CLASSES] = { 0 };
	uint64_t mask[2] = { ~0ull, ~0ull };

	for (uint32_t i = 0; i < EXO_CLASSES; i++)
		rows[i] = (uint8_t)rnd(w, i == EXO_CLASS_EPILOGUE ? 1 :
		    EXO_ACTIONS);
	return exo_domain_monitor(any_dom(w), 1, (uint64_t)rows,
	    (uint64_t)mask, (uint32_t)rnd(w, 2));
}

static long
do_event(struct work *w)
{
	return exo_env_event(any_env(w), 1, any_frame(w, EXO_PG_DATA),
	    256 * (uint32_t)rnd(w, 16), 1);
}

static long
do_slice(struct work *w)
{
	uint32_t i = 1 + (uint32_t)rnd(w, EXO_MACHINE->nslices - 1);

	(void)!exo_slice_alloc(w->acct, 1, 1, i);
	if (rnd(w, 4) == 0)
		(void)!exo_slice_move(1, i,
		    1 + (uint32_t)rnd(w, EXO_MACHINE->nslices - 1));
	return exo_slice_set(1, i, any_env(w), 1);
}

static long
do_pcid(struct work *w)
{
	uint32_t pcid = 1 + (uint32_t)rnd(w, 64);

	(void)!exo_pcid_alloc(w->acct, 1, 1, pcid);
	return exo_pcid_bind(1, pcid, 1, any_dom(w));
}

static long
do_acct(struct work *w)
{
	uint32_t limits[EXO_RES_MAX] = { 2, 0, 1, 1 };
	long r = exo_acct_create(w->acct, 1, 1, w->acct, (uint64_t)limits);
	exo_ppn p = EXO_MACHINE->free_head;

	if (r < 0)
		return r;
	if (w->naccts < MAX)
		w->child[w->naccts++] = (exo_id)r;
	r = exo_page_alloc((exo_id)r, 1, 1, EXO_PG_DATA, p, 1);
	if (r == 1 && w->nframes[EXO_PG_DATA] < MAX)
		w->frame[EXO_PG_DATA][w->nframes[EXO_PG_DATA]++] = p;
	return r;
}

static long
do_acct_end(struct work *w)
{
	exo_id a = w->naccts == 0 ? 0 : w->child[rnd(w, w->naccts)];

	(void)!exo_acct_destroy(a, 1);
	return exo_acct_reap(a, rnd(w, 8));
}

static long
do_tables(struct work *w)
{
	exo_id dom = any_dom(w);

	switch (rnd(w, 4)) {
	case 0:
		return exo_domain_handles(dom, 1,
		    any_frame(w, EXO_PG_HANDLES), 1);
	case 1:
		return exo_domain_seats(dom, 1, any_frame(w, EXO_PG_SEATS));
	case 2:
		return exo_slots_clone(0, any_frame(w, EXO_PG_SLOTS));
	}
	return exo_slots_bind(dom, 1, (uint32_t)rnd(w, 4),
	    any_frame(w, EXO_PG_SLOTS));
}

static long
do_free(struct work *w)
{
	uint32_t kind = EXO_PG_DATA + (uint32_t)rnd(w, KINDS - 1);

	return exo_page_free(1, any_frame(w, kind), 1);
}

static long
do_kill(struct work *w)
{
	exo_id d = w->ndoms == 0 ? 0 : w->dom[rnd(w, w->ndoms)];

	if (rnd(w, 4) == 0)
		(void)!exo_domain_kill(d, 1, 3);
	return exo_domain_reap(d, rnd(w, 10));
}

static long
do_env_end(struct work *w)
{
	exo_id e = w->nenvs < 2 || rnd(w, 50) == 0 ? w->env[0] :
	    w->env[1 + rnd(w, w->nenvs - 1)];

	if (rnd(w, 4) == 0)
		(void)!exo_env_kill(e, 1, 3);
	else
		(void)!exo_env_stop(e, 1);
	return exo_env_reap(e, 8);
}

static long
do_yield(struct work *w)
{
	return exo_env_yield(any_env(w), 1, EXO_NONE);
}

static long
do_caps(struct work *w)
{
	exo_slot s = 2 + (exo_slot)rnd(w, 60);

	if (rnd(w, 3) == 0)
		return exo_cap_drop(s);
	return exo_cap_derive(1, s, EXO_R_ALL,
	    rnd(w, 2) ? EXO_COMP_FRESH : EXO_COMP_SAME);
}

static long
do_guard(struct work *w)
{
	exo_ppn p = any_frame(w, EXO_PG_DATA);

	return rnd(w, 2) ? exo_page_guard(1, 1, p, rnd(w, 3)) :
	    exo_page_unmap(1, p, rnd(w, 3));
}

static long
do_empty(struct work *w)
{
	return exo_pt_empty(any_frame(w, EXO_PG_PT1 + (uint32_t)rnd(w, 4)),
	    (uint32_t)rnd(w, 512), rnd(w, 512));
}

/* With one in it, its frame can be freed all the same. */
static long
do_region(struct work *w)
{
	exo_ppn f = any_frame(w, EXO_PG_REGION);
	uint32_t i = (uint32_t)rnd(w, EXO_REGIONS);
	long serial = exo_region_make(1, f, i, i * 80, 80, 1);

	if (serial > 0 && rnd(w, 3) == 0)
		return exo_region_drop(1, EXO_REGION(f, i), (uint64_t)serial);
	return serial;
}

/* Until the next tick, or until it is ended. */
static long
do_sleep(struct work *w)
{
	const uint64_t code[] = {
		LOAD(R0, R1, PRED(ticks)), SUBR(R0, R2), EXIT
	};
	const uint64_t never[] = { MOV(R0, 0), EXIT };
	exo_ppn f = any_frame(w, EXO_PG_DATA);
	struct exo_sleep s = { .prog = any_frame(w, EXO_PG_PROG),
	    .prog_slot = 1, .arg = { EXO_MACHINE->ticks - rnd(w, 4) } };

	if (rnd(w, 32) == 0)
		(void)!exo_prog_load(1, s.prog, (uint64_t)never, 2);
	else
		(void)!exo_prog_load(1, s.prog, (uint64_t)code, 3);
	if (rnd(w, 2))
		nap_frame(&s, f, 1, 0, 64);
	return exo_env_sleep((uint64_t)&s, any_env(w), 1, EXO_NONE);
}

/* A record in a frame of mine; a child is asked, and some day robbed. */
static long
do_revoke(struct work *w)
{
	exo_id a = w->naccts == 0 ? w->acct : w->child[rnd(w, w->naccts)];

	if (rnd(w, 2) == 0)
		return exo_revoke_record(rnd(w, 2) ? w->acct : a, 1,
		    any_frame(w, EXO_PG_DATA), 1);
	(void)!exo_revoke_ask(a, 1, EXO_RES_FRAMES, 1,
	    EXO_MACHINE->grace_ticks);
	return exo_revoke_take(a, 1, EXO_RES_FRAMES,
	    any_frame(w, EXO_PG_DATA), 8);
}

static long
do_call(struct work *w)
{
	return exo_call(rnd(w, 8), 0, 0, 0, 0, 0, NULL);
}

static long (*const step[])(struct work *) = {
	do_alloc, do_alloc, do_alloc, do_alloc, do_map, do_map, do_link,
	do_copy, do_domain, do_env, do_seat, do_seat, do_handle, do_handler,
	do_monitor, do_event, do_slice, do_pcid, do_acct, do_acct_end,
	do_tables, do_free, do_kill, do_env_end, do_yield, do_caps, do_guard,
	do_empty, do_region, do_sleep, do_revoke, do_call,
};
#define STEPS	(sizeof(step) / sizeof(*step))

/* The child. */
static uint64_t
in_work(struct cell_page *p, uint64_t work, uint64_t b, uint64_t c)
{
	struct work *w = (struct work *)work;

	(void)p, (void)b, (void)c;
	for (uint64_t i = 0; i < w->steps; i++) {
		uint64_t k = rnd(w, STEPS);

		w->results[k] += step[k](w) >= 0;
	}
	w->done = 1;
	in_spin();
	return 0;
}

/* What the child does wrong, it does again with other numbers. */
static bool
hook_on(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)p, (void)kind;
	r->rip = (uint64_t)in_spin;
	r->rsp = (uint64_t)r & ~(EXO_PAGE - 1);
	return true;
}

static uint64_t tried[STEPS];

static void
child(uint64_t seed)
{
	uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 160, [EXO_RES_ACCTS] = 4,
		[EXO_RES_DOMAINS] = 8, [EXO_RES_ENVS] = 12,
		[EXO_RES_PCIDS] = EXO_MACHINE->npcids > 1 ? 4 : 0,
		[EXO_RES_SLICES] = 6, [EXO_RES_TRACE] = 8,
	};
	uint64_t mix = seed * 0x9e3779b97f4a7c15ull | 1, until;
	struct work *w;
	struct cell c;
	exo_id env;

	cell_make(&c, &(struct cell_opts){ .alone = true, .limits = limits });
	c.page->hook = hook_on;
	EQ(cell_do(&c, EXO_NR_cap_open, 1, self->domain, 0, 0, 0, 0), 0);
	must(exo_cap_give(c.name, EXO_R_ALL, c.domain, 1));
	w = (struct work *)(c.base + EXO_PAGE);
	memset(w, 0, sizeof(*w));
	w->seed = mix;
	w->steps = mix >> 40 & 1023;
	w->acct = c.acct;
	w->domain = c.domain;
	w->root = c.root;
	w->table = c.table[4];
	w->base = c.base;
	env = cell_env(&c, 2, in_work, (uint64_t)w);
	w->env[w->nenvs++] = env;
	until = EXO_MACHINE->ticks + 1 + (mix >> 20) % 24;
	while (w->done == 0 && EXO_MACHINE->ticks < until &&
	    (EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_READY ||
	    EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_SLEEPING))
		(void)!exo_env_yield(env, c.name, EXO_NONE);
	for (uint32_t i = 0; i < STEPS; i++)
		tried[i] += w->results[i];
	switch (mix >> 32 & 3) {
	case 0:
		(void)!exo_domain_kill(c.domain, c.name, 0);
		break;
	case 1:
		(void)!exo_env_kill(env, c.name, 0);
		break;
	case 2:
		(void)!exo_domain_kill(c.domain, c.name, 0);
		while (exo_domain_reap(c.domain, 1 + (mix & 7)) > 0)
			;
		break;
	}
	cell_reap(&c);
}

TEST(killed_at_a_random_point_everything_comes_back)
{
	struct use u;

	child(1);			/* my own tables grow once */
	child(2);
	use_take(&u);
	for (uint64_t seed = 3; seed < SEEDS; seed++) {
		child(seed);
		if (!use_same(&u)) {
			print("# seed %lu\n", seed);
			break;
		}
	}
}

/* Else the test above would be empty talk. */
TEST(each_kind_of_work_was_done)
{
	for (uint32_t i = 0; i < STEPS; i++) {
		if (step[i] == do_pcid && EXO_MACHINE->npcids == 1)
			continue;
		if (!OK(tried[i] > 0))
			print("# step %u never worked\n", i);
	}
}
