/*
 * steps.h - what programs do to each other, chosen by chance.
 *
 * Each step is a call, trap or tick of whoever runs.  All are all-powerful,
 * and most of what they ask for is refused: that must change nothing.  Domain
 * 1 and env 1 are left alive by the others, so that somebody is there to clear
 * up at the end.
 */
#ifndef STEPS_H
#define STEPS_H

#include "judge.h"

/* ---------------------------------------------------------------- chance */

static uint64_t rnd_state = 88172645463325252ull;

static uint32_t
rnd(uint32_t n)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 33) % n;
}

static bool
chance(uint32_t percent)
{
	return rnd(100) < percent;
}

#define SLICES		10u		/* that they take, and env 1's */

/* ---------------------------------------------------------------- copies */

#define COPY_MAX	(1u << 20)
#define SAMPLE		16u		/* one call of so many */

/* All that a call may change, but counters; then what else there is. */
static const struct {
	void *at;
	size_t n;
} parts[] = {
	{ pages, sizeof(pages) }, { domains, sizeof(domains) },
	{ envs, sizeof(envs) }, { slices, sizeof(slices) },
	{ accts, 8 * sizeof(accts[0]) }, { records, 8 * sizeof(records[0]) },
	{ &machine, sizeof(machine) },
	{ &cpu0, offsetof(struct cpu, user_rsp) }, { &env_due, 4 },
	{ &env_due_last, 4 }, { slice_set, sizeof(slice_set) },
	{ &slices_running, 4 },
#define PARTS_CALL	12u
	{ ask_after, sizeof(ask_after) },
	{ &user, sizeof(user) }, { &hw, sizeof(hw) },
	{ &generations, 8 }, { shadows, sizeof(shadows) }, { &log_next, 4 }
};
#define PARTS_ALL	(sizeof(parts) / sizeof(parts[0]))

struct copy {
	size_t n;
	uint8_t bytes[COPY_MAX];
};

static void
copy_part(struct copy *c, void *at, size_t n, bool save)
{
	uint8_t *byte = c->bytes + c->n;

	c->n += n;
	if (c->n > COPY_MAX)
		abort();
	if (save)
		memcpy(byte, at, n);
	else
		memcpy(at, byte, n);
}

/* Or back, if no frame was given back meanwhile. */
static void
copy_world(struct copy *c, uint32_t n, bool save)
{
	c->n = 0;
	if (save)			/* an entry's: they are in `user' now */
		memset(&cpu0.env->regs, 0, sizeof(cpu0.env->regs));
	for (uint32_t i = 0; i < n; i++)
		copy_part(c, parts[i].at, parts[i].n, save);
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++)
		if (pages[ppn].kind >= EXO_PG_SEATS)
			copy_part(c, frame_kva[ppn], EXO_PAGE, save);
}

/* Counters in the rows of envs, and what is nobody's in their records. */
static void
forget_counts(void)
{
	for (uint32_t i = 1; i < NENVS; i++) {
		struct env *e = env_row(i);

		if (e == NULL)
			continue;
		envs[i].fuel = envs[i].checks = 0;
		envs[i].wake = 0;
		e->nap.win[0].mem = NULL;
		if (envs[i].state != EXO_ENV_SLEEPING)
			memset(&e->nap, 0, sizeof(e->nap));
	}
}

/* ---------------------------------------------------------------- steps */

static uint64_t tokens;			/* every step is made elsewhere */

/* What was reached, since the start. */
static struct {
	unsigned steps, tried[EXO_NR_MAX], did[EXO_NR_MAX];
	unsigned depth[CHAIN_MAX + 1], trapped;
	unsigned by[NENVS];
} reached;

static void
step_end(void)
{
	const struct env *e = cpu0.env;
	uint32_t depth;

	judge();
	if (world_failed)
		return;
	depth = env_depth(e);
	reached.steps++;
	reached.depth[depth]++;
	reached.trapped += depth > 0 && e->trap_seat[depth - 1] != NULL;
	reached.by[ENV(e)]++;
}

static void
step_begin(void)
{
	const struct seat *s = cpu0.seat;

	hw.fp = ENV(cpu0.env);
	hw.fsbase = hw.gsbase = tokens;
	user.rip = 0x10000000 + ++tokens * 16;
	user.rsp = s->up_kva != 0 && chance(30) ? s->up_base + rnd(UP_SIZE) :
	    0x700000000000 + tokens * 16;
	step.by = cpu0.env;
	step.rip = user.rip;
	step.rsp = user.rsp;
	step.fs = hw.fsbase;
	step.reply = step.resume = false;
}

static __attribute__((format(printf, 1, 2))) void
step_log(const char *fmt, ...)
{
	char what[150];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_add("env %u in %u:%u+%u: %s", ENV(cpu0.env), DOM(cpu0.seat->dom),
	    cpu0.seat->index, env_depth(cpu0.env), what);
}

static long
make_call(uint32_t nr, const char *name, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f)
{
	static struct copy before, after;
	bool sample = rnd(SAMPLE) == 0;
	long r;

	if (world_failed)
		return LOST;
	step_log("%s(%lx, %lx, %lx, %lx, %lx)", name, (long)a, (long)b,
	    (long)c, (long)d, (long)e);
	step_begin();
	step.resume = nr == EXO_NR_seat_resume;
	if (sample) {
		forget_counts();
		copy_world(&before, PARTS_CALL, true);
	}
	r = call6(nr, a, b, c, d, e, f);
	log_result(r == LOST ? ": away" : " = %ld", r);
	reached.tried[nr]++;
	reached.did[nr] += r >= 0 || r == LOST;
	if (sample && r < 0 && r != LOST && r != -EXO_E_GONE) {
		forget_counts();
		copy_world(&after, PARTS_CALL, true);
		if (before.n != after.n ||
		    memcmp(before.bytes, after.bytes, after.n) != 0)
			world_fail("a refused call changed something");
	}
	step_end();
	return r;
}

#define ARGS(a, b, c, d, e, f, ...)	(uint64_t)(a), (uint64_t)(b),	\
	(uint64_t)(c), (uint64_t)(d), (uint64_t)(e), (uint64_t)(f)
#define CALL(name, ...)	make_call(EXO_NR_##name, #name,			\
	ARGS(__VA_ARGS__, 0, 0, 0, 0, 0, 0))

/* enter, call, reply */
static void
cross(uint32_t nr, uint64_t place)
{
	const struct env *e = cpu0.env;
	const struct seat *s = cpu0.seat;

	if (world_failed)
		return;
	step_log("%s(%lu)%s", nr == EXO_NR_enter ? "enter" :
	    nr == EXO_NR_call ? "call" : "reply", (long)place,
	    world_slow ? " in C" : "");
	step_begin();
	step.reply = nr == EXO_NR_reply;
	crossing(nr, place);
	log_result(cpu0.env == e ? " rax %lx" : ": away", (long)user.rax);
	reached.tried[nr]++;
	reached.did[nr] += cpu0.env != e || cpu0.seat != s;
	step_end();
}

static void
trap(uint32_t vector)
{
	if (world_failed)
		return;
	step_log("trap %u", vector);
	step_begin();
	if (vector == 14) {
		fault(8);
		run();
	} else
		exception(vector);
	step_end();
}

static void
foreign_call(void)
{
	if (world_failed)
		return;
	step_log("foreign call");
	step_begin();
	foreign(39);
	step_end();
}

static void
tick(void)
{
	if (world_failed)
		return;
	step_log("tick");
	step_begin();
	timer();
	step_end();
}

/* ------------------------------------------------------------------ names */

static bool
is_init(const struct env *e)
{
	return ENV(e) == 1;
}

static exo_slot
rnd_slot(void)
{
	return chance(96) ? S_ALL : rnd(S_NONE + 2);
}

/* Most often one that there is; from row `from` up. */
static exo_id
rnd_dom(uint32_t from)
{
	uint32_t i = from + rnd(NDOMS - from);

	for (uint32_t n = 0; n < NDOMS && domains[i].state != EXO_DOM_LIVE &&
	    chance(90); n++)
		i = i + 1 < NDOMS ? i + 1 : from;
	return EXO_ID(domains[i].gen - chance(2), i);
}

static exo_id
rnd_env(uint32_t from)
{
	uint32_t i = from + rnd(NENVS - from);

	for (uint32_t n = 0; n < NENVS && envs[i].state == EXO_ENV_FREE &&
	    chance(90); n++)
		i = i + 1 < NENVS ? i + 1 : from;
	return EXO_ID(envs[i].gen - chance(2), i);
}

static uint32_t
rnd_seat(void)
{
	return rnd(chance(90) ? SEATS_INLINE : 24);
}

/* An account that is not the root, or the root. */
static exo_id
rnd_acct(bool root)
{
	uint32_t i = root && chance(50) ? 0 : 1 + rnd(4);

	return EXO_ID(accts[i].gen, i);
}

static exo_id
live_acct(void)
{
	exo_id a = rnd_acct(true);

	return accts[EXO_INDEX(a)].state == EXO_ACCT_LIVE || chance(10) ? a :
	    EXO_ID(accts[0].gen, 0);
}

/* A place of the running domain, if there is one that lets `e` in now. */
static uint64_t
rnd_place(exo_id e)
{
	const struct domain *d = cur_domain();
	uint32_t n = d->nhandles, at = n == 0 ? 0 : rnd(n);

	for (uint32_t i = 0; i < n && chance(98); i++, at++) {
		const struct handle *h = &d->handles[at % n];

		if (h->gen == h->seat->key && h->seat->env == e)
			return at % n;
	}
	return rnd(n + 2);
}

static exo_ppn
frame_take(exo_id acct, uint32_t kind)
{
	exo_ppn ppn = machine.free_head;

	if (ppn == 0 || CALL(page_alloc, acct, S_ALL, S_ALL, kind, ppn,
	    1) != 1)
		return 0;
	return ppn;
}

static exo_ppn
frame_new(uint32_t kind)
{
	return frame_take(live_acct(), kind);
}

static void op_call(void);
static void op_resume(void);
static void op_trap(void);
static void watch(exo_id dom);
static void bind_event(exo_id env);

/* ----------------------------------------------------------- seats, handles */

static const struct exo_seat_args *
seat_args(exo_id dom, uint32_t seat, exo_id env, exo_ppn up)
{
	static struct exo_seat_args a;
	uint64_t at = EXO_INDEX(dom) * 0x100000ul + seat * 0x1000ul;

	a = (struct exo_seat_args){ .env = env, .entry = 0x40000000 + at,
	    .stack = 0x7f0000000000 + at, .upcall = 0x500000,
	    .upcall_va = 0x600000000000 + at, .upcall_ppn = up,
	    .upcall_slot = S_ALL };
	return &a;
}

static long
bind(exo_id dom, uint32_t seat, exo_id env, exo_ppn up)
{
	static struct exo_seat_args a;

	a = *seat_args(dom, seat, env, up);
	if (chance(10))
		a.upcall = 0;
	if (chance(2))
		a.entry = EXO_USER_TOP;
	return CALL(seat_bind, dom, rnd_slot(), seat, &a);
}

static void
op_bind(void)
{
	exo_ppn up = 0;

	if (chance(60))
		up = frame_new(EXO_PG_DATA | EXO_KIND_LIVE);
	(void)bind(rnd_dom(1), rnd_seat(), rnd_env(1), up);
}

static uint32_t
unbound_seat(struct domain *d)
{
	uint32_t seat = rnd(d->pub->nseats);

	for (uint32_t i = 0; i < d->pub->nseats && seat_at(d, seat)->bound;
	    i++)
		seat = (seat + 1) % d->pub->nseats;
	return seat;
}

/* Let env into a seat of `dom` by a place of `from`. */
static void
connect(exo_id env, exo_id dom, exo_id from)
{
	struct domain *d = domain_find(dom), *f = domain_find(from);
	uint32_t seat, place = rnd(6);

	if (d == NULL || f == NULL || !domain_live(d) || !domain_live(f))
		return;
	for (uint32_t i = 0; i < 6 && !place_is(f, place, PLACE_EMPTY); i++)
		place = (place + 1) % 6;
	seat = unbound_seat(d);
	if (!seat_at(d, seat)->bound)
		(void)bind(dom, seat, env, chance(70) ?
		    frame_new(EXO_PG_DATA | EXO_KIND_LIVE) : 0);
	if (CALL(handle_open, from, S_ALL, place, dom) < 0 &&
	    f == cur_domain() && chance(30))
		(void)CALL(handle_drop, place);
	(void)CALL(handle_mint, dom, S_ALL, seat, 0xba00 + tokens, from,
	    place);
}

static void
op_connect(void)
{
	connect(rnd_env(1), rnd_dom(1), chance(60) ? cur_domain()->id :
	    rnd_dom(1));
}

/* Me, from here. */
static void
op_connect_me(void)
{
	connect(cpu0.env_id, rnd_dom(1), cur_domain()->id);
	if (chance(50))
		op_call();
}

/* What I trap into, here. */
static void
op_trap_me(void)
{
	exo_id me = cpu0.env_id, here = cur_domain()->id;
	const struct seat *s = cpu0.seat;

	connect(me, rnd_dom(1), here);
	if (cpu0.seat != s || world_failed)
		return;
	(void)CALL(seat_handler, here, S_ALL, s->index, EXO_ROW_OWN,
	    rnd_place(me));
	for (uint32_t k = 0; k < EXO_CLASSES && cpu0.seat == s; k++)
		if (chance(60))
			(void)CALL(domain_row, here, S_ALL, k, EXO_ACT_ENTER);
	if (cpu0.seat == s)
		op_trap();
}

/* Here is the monitor of where an env is, and what that env traps into. */
static void
op_guard(void)
{
	struct env *e = env_find(rnd_env(2));
	const struct seat *s, *mine = cpu0.seat;
	struct domain *here = cur_domain();

	if (e == NULL || (s = env_seat(e)) == NULL || s->dom == here)
		return;
	watch(s->dom->id);
	if (!world_failed && cpu0.seat == mine && env_seat(e) == s)
		connect(e->id, here->id, here->id);
	if (!world_failed && cpu0.seat == mine && env_seat(e) == s)
		(void)CALL(seat_handler, s->dom->id, S_ALL, s->index,
		    EXO_ROW_MONITOR, rnd_place(e->id));
}

/* A monitor for where an env is, and a way to tell it. */
static void
op_watch(void)
{
	struct env *e = env_find(rnd_env(2));

	if (e == NULL || env_seat(e) == NULL)
		return;
	watch(env_seat(e)->dom->id);
	bind_event(e->id);
}

static void
op_seat_free(void)
{
	(void)CALL(seat_free, rnd_dom(1), rnd_slot(), rnd_seat());
}

static void
op_repair(void)
{
	exo_id dom = rnd_dom(1);
	struct domain *d = domain_find(dom);
	uint32_t seat = rnd(SEATS_INLINE);

	for (uint32_t i = 0; d != NULL && i < SEATS_INLINE &&
	    !seat_at(d, seat)->abandoned; i++)
		seat = (seat + 1) % SEATS_INLINE;
	(void)CALL(seat_repair, dom, rnd_slot(), seat);
}

static void
op_open(void)
{
	(void)CALL(handle_open, rnd_dom(1), rnd_slot(), rnd(40), rnd_dom(1));
}

static void
op_mint(void)
{
	/* The badge of an opened place is who may fill it. */
	(void)CALL(handle_mint, rnd_dom(1), rnd_slot(), rnd_seat(),
	    chance(50) ? cur_domain()->id : tokens, rnd_dom(1), rnd(8));
}

static void
op_drop(void)
{
	(void)CALL(handle_drop, rnd(8));
}

/* What trapping into it needs. */
static void
op_handler(void)
{
	exo_id dom = rnd_dom(1);
	struct domain *d = domain_find(dom);
	uint32_t seat = rnd_seat(), whose = rnd(EXO_ROWS + chance(3));
	struct seat *s = d == NULL ? NULL : seat_at(d, seat);

	(void)CALL(seat_handler, dom, rnd_slot(), seat, whose,
	    rnd_place(s == NULL ? 0 : s->env));
}

static void
op_enter(void)
{
	if (is_init(cpu0.env) && env_depth(cpu0.env) == 0)
		return;			/* its home stays domain 1 */
	world_slow = chance(30);
	cross(EXO_NR_enter, rnd_place(cpu0.env_id));
}

static void
op_call(void)
{
	world_slow = chance(30);
	cross(EXO_NR_call, rnd_place(cpu0.env_id));
}

/* The answer to what is open: seldom the wrong one. */
static void
op_reply(void)
{
	const struct env *e = cpu0.env;

	if (env_depth(e) > 0 && e->trap_seat[env_depth(e) - 1] != NULL &&
	    chance(80)) {
		op_resume();
		return;
	}
	world_slow = chance(30);
	cross(EXO_NR_reply, 0);
}

/* ---------------------------------------------------------------- domains */

static void
op_domain_create(void)
{
	exo_ppn frame = frame_new(EXO_PG_DOMAIN), root = cur_domain()->root;

	if (chance(60))
		root = frame_new(EXO_PG_PT4);
	(void)CALL(domain_create, live_acct(), rnd_slot(), S_DOM,
	    chance(80) ? EXO_NONE : rnd(NDOMS + 1), frame, root);
}

static void
op_domain_kill(void)
{
	(void)CALL(domain_kill, chance(15) && DOM(cur_domain()) != 1 ?
	    cur_domain()->id : rnd_dom(2), rnd_slot(), tokens);
}

/* Of any row, since most are alive. */
static exo_id
dead_dom(uint32_t state)
{
	uint32_t i = rnd(NDOMS);

	for (uint32_t n = 0; n < NDOMS && domains[i].state != state; n++)
		i = (i + 1) % NDOMS;
	return EXO_ID(domains[i].gen, i);
}

static void
op_domain_reap(void)
{
	(void)CALL(domain_reap, dead_dom(EXO_DOM_DEAD), rnd(4));
}

static void
op_domain_free(void)
{
	(void)CALL(domain_free, dead_dom(EXO_DOM_ENDED), rnd_slot());
}

static void
op_row(void)
{
	(void)CALL(domain_row, rnd_dom(1), rnd_slot(), rnd(EXO_CLASSES),
	    rnd(EXO_ACTIONS + chance(2)));
}

static void
watch(exo_id dom)
{
	static uint8_t rows[EXO_CLASSES];
	static uint64_t mask[2];

	for (uint32_t i = 0; i < EXO_CLASSES; i++)
		rows[i] = (uint8_t)rnd(i == EXO_CLASS_EPILOGUE ? 1 + chance(2) :
		    EXO_ACTIONS);
	mask[0] = mask[1] = ~0ul;
	for (uint32_t i = rnd(4); i > 0; i--)
		mask[0] &= ~(1ul << (chance(30) ? rnd(2) : 3 + rnd(60)));
	(void)CALL(domain_monitor, EXO_INDEX(dom) == 1 ? 0 : dom, rnd_slot(),
	    rows, mask, chance(10) ? EXO_MON_DROP : chance(50) ?
	    EXO_MON_RELEASE : 0);
}

static void
op_monitor(void)
{
	watch(rnd_dom(2));
}

static void
op_records(void)
{
	if (chance(50))
		(void)CALL(domain_seats, rnd_dom(1), rnd_slot(),
		    frame_new(EXO_PG_SEATS));
	else
		(void)CALL(domain_handles, rnd_dom(1), rnd_slot(),
		    frame_new(EXO_PG_HANDLES), 1);
}

/* ------------------------------------------------------------------- envs */

static void
op_env_create(void)
{
	exo_ppn frame = frame_new(EXO_PG_ENV);
	uint32_t slice = 1 + rnd(SLICES - 1);
	long e;

	if (frame == 0)
		return;
	e = CALL(env_create, live_acct(), rnd_slot(), S_ENV,
	    chance(80) ? EXO_NONE : rnd(NENVS + 1), frame);
	if (e <= 0)
		return;
	(void)CALL(slice_alloc, live_acct(), S_ALL, S_ALL, slice);
	(void)CALL(slice_set, S_ALL, slice, e, S_ALL);
}

static exo_id
env_in(uint32_t state)
{
	uint32_t i = rnd(NENVS);

	for (uint32_t n = 0; n < NENVS && (i < 2 || envs[i].state != state);
	    n++)
		i = (i + 1) % NENVS;
	return EXO_ID(envs[i].gen, i);
}

static void
op_env_start(void)
{
	exo_id env = env_in(EXO_ENV_EMBRYO), dom = rnd_dom(1);
	struct domain *d = domain_find(dom);
	uint32_t seat = rnd(SEATS_INLINE);

	if (d != NULL && chance(95)) {
		seat = unbound_seat(d);
		(void)bind(dom, seat, env, chance(80) ?
		    frame_new(EXO_PG_DATA | EXO_KIND_LIVE) : 0);
	}
	(void)CALL(env_start, env, rnd_slot(), dom, rnd_slot(), seat, tokens);
}

static void
op_env_kill(void)
{
	exo_id e = rnd_env(2);

	(void)CALL(env_kill, e, rnd_slot(), tokens);
}

static void
op_env_exit(void)
{
	if (!is_init(cpu0.env) && chance(30))
		(void)CALL(env_exit, tokens);
}

static void
op_env_stop(void)
{
	(void)CALL(env_stop, rnd_env(2), rnd_slot());
}

static void
op_force_yield(void)
{
	(void)CALL(env_force_yield, rnd_env(1), rnd_slot());
}

static struct exo_regs some_regs;

static uint64_t
regs_ptr(void)
{
	some_regs = (struct exo_regs){ .rip = chance(95) ? 0x900000 +
	    tokens * 16 : EXO_USER_TOP + rnd(2), .rsp = tokens,
	    .rflags = ~0ul, .cs = 8, .ss = 16 };
	return chance(98) ? (uint64_t)&some_regs : 8;
}

static void
op_env_continue(void)
{
	exo_id e = chance(50) ? env_in(EXO_ENV_SUSPENDED) :
	    env_in(EXO_ENV_STOPPED);

	(void)CALL(env_continue, e, rnd_slot(),
	    envs[EXO_INDEX(e)].seq - chance(3), rnd(EXO_HOWS + chance(2)),
	    regs_ptr());
}

static void
op_env_regs(void)
{
	static struct exo_regs r;

	(void)CALL(env_regs, rnd_env(2), rnd_slot(), &r);
}

static void
bind_event(exo_id env)
{
	static exo_ppn ppn;

	if (pages[ppn].kind != EXO_PG_DATA || chance(20))
		ppn = frame_new(EXO_PG_DATA | EXO_KIND_LIVE);
	(void)CALL(env_event, env, rnd_slot(), chance(85) ? ppn : 0,
	    rnd(16) * 256 + chance(2), S_ALL);
}

static void
op_env_event(void)
{
	bind_event(rnd_env(2));
}

static void
op_env_yield(void)
{
	exo_id e = rnd_env(1);

	if (chance(10))
		(void)CALL(env_yield, EXO_ID_ANY, 0, 0);
	else if (chance(70))
		(void)CALL(env_yield, e, rnd_slot(), EXO_NONE);
	else
		(void)CALL(env_yield, e, 0, rnd_place(e));
}

/* Programs: for ever, never, at once, and as the machine's page says. */
static const uint64_t programs[][4] = {
	{ 0xffff0005ull },
	{ 0x00b7ull, 0x95ull },
	{ 0x0b000000b7ull, 0x95ull },
	{ 0x1061ull, 0x0400000057ull, 0x95ull },	/* ticks & 4 */
};
static const uint32_t program_length[] = { 1, 2, 2, 3 };

static exo_ppn
rnd_frame(uint32_t kind)
{
	exo_ppn ppn = rnd(NFRAMES);

	for (uint32_t n = 0; n < NFRAMES && pages[ppn].kind != kind; n++)
		ppn = (ppn + 1) % NFRAMES;
	return chance(95) ? ppn : rnd(NFRAMES);
}

static void
op_prog(void)
{
	static uint64_t code[4];
	uint32_t i = rnd(4);

	memcpy(code, programs[i], sizeof(code));
	if (chance(3))
		code[rnd(4)] = rnd(1000);
	(void)CALL(prog_load, rnd_slot(), chance(70) ?
	    frame_new(EXO_PG_PROG) : rnd_frame(EXO_PG_PROG), code,
	    program_length[i]);
}

static void
op_env_sleep(void)
{
	static struct exo_sleep s;
	exo_id to = chance(50) ? EXO_ID_ANY : rnd_env(1);

	if (is_init(cpu0.env))
		return;
	s = (struct exo_sleep){ .prog = rnd_frame(EXO_PG_PROG),
	    .prog_slot = rnd_slot(), .nwin = rnd(3) };
	for (uint32_t i = 0; i < s.nwin; i++) {
		exo_ppn ppn = rnd_frame(EXO_PG_DATA);

		s.win[i] = (struct exo_window){ .what = chance(80) ?
		    EXO_WIN_FRAME : EXO_WIN_TABLE + chance(5), .len = 64,
		    .ppn = ppn, .slot = rnd_slot(),
		    .epoch = pages[ppn].epoch - chance(3) };
	}
	(void)CALL(env_sleep, chance(98) ? (uint64_t)&s : 8, to, rnd_slot(),
	    chance(90) ? EXO_NONE : rnd_place(to));
}

static void
op_env_reap(void)
{
	(void)CALL(env_reap, env_in(EXO_ENV_DEAD), rnd(3));
}

static void
op_env_free(void)
{
	(void)CALL(env_free, env_in(EXO_ENV_ENDED), rnd_slot());
}

static void
op_slice(void)
{
	uint32_t i = 1 + rnd(SLICES - 1);

	if (chance(40))
		(void)CALL(slice_alloc, live_acct(), S_ALL, S_ALL, i);
	else if (chance(10))
		(void)CALL(slice_move, rnd_slot(), i, 1 + rnd(SLICES - 1));
	else if (chance(90))
		(void)CALL(slice_set, rnd_slot(), i, chance(95) ? rnd_env(1) :
		    EXO_ID_ANY, rnd_slot());
	else
		(void)CALL(slice_free, rnd_slot(), i);
}

/* ---------------------------------------------------- traps, time, accounts */

static bool
may_trap(void)
{
	return !is_init(cpu0.env) || env_depth(cpu0.env) > 0;
}

/* Does somebody care for a class of traps here?  2 is for FOREIGN. */
static bool
taken(uint32_t class)
{
	const struct domain *d = cur_domain();

	class = class == 2 ? EXO_CLASS_FOREIGN : class;
	return d->action[EXO_ROW_MONITOR][class] != EXO_ACT_PASS ||
	    d->action[EXO_ROW_OWN][class] != EXO_ACT_PASS;
}

static void
op_trap(void)
{
	uint32_t class = rnd(3);

	if (!may_trap())
		return;
	if (cpu0.seat->up_kva != 0)
		*(uint32_t *)(cpu0.seat->up_kva - EXO_UPCALL_HEAD) =
		    chance(5);
	for (uint32_t i = 0; i < 3 && !taken(class % 3); i++)
		class++;
	if (!taken(class % 3) && chance(95))
		return;
	if (class % 3 == EXO_CLASS_FAULT)
		trap(14);
	else if (class % 3 == EXO_CLASS_EXCEPTION)
		trap(chance(50) ? 6 : 3);
	else
		foreign_call();
}

static void
op_resume(void)
{
	(void)CALL(seat_resume, chance(95) ? rnd(2) * EXO_HOW_SELF :
	    rnd(EXO_HOWS), regs_ptr());
}

static void
op_tick(void)
{
	if (cpu0.seat->up_kva != 0)
		*(uint32_t *)(cpu0.seat->up_kva - EXO_UPCALL_HEAD + 4) =
		    chance(5);
	tick();
}

static void
op_acct_create(void)
{
	static uint32_t limit[EXO_RES_MAX];
	exo_id parent = rnd_acct(true);

	limit[EXO_RES_FRAMES] = rnd(30);
	limit[EXO_RES_ACCTS] = rnd(2);
	limit[EXO_RES_DOMAINS] = rnd(4);
	limit[EXO_RES_ENVS] = rnd(4);
	limit[EXO_RES_SLICES] = rnd(4);
	(void)CALL(acct_create, parent, rnd_slot(), S_ALL, parent, limit);
}

static void
op_acct_destroy(void)
{
	(void)CALL(acct_destroy, rnd_acct(false), rnd_slot());
}

static void
op_acct_reap(void)
{
	uint32_t i = 1 + rnd(4);

	for (uint32_t n = 0; n < 4 && accts[i].state != EXO_ACCT_DYING; n++)
		i = i % 4 + 1;
	(void)CALL(acct_reap, EXO_ID(accts[i].gen, i), rnd(20));
}

static uint32_t
rnd_res(void)
{
	return chance(60) ? EXO_RES_FRAMES : chance(80) ? EXO_RES_SLICES :
	    rnd(EXO_RES_MAX);
}

static void
op_ask(void)
{
	exo_id a = rnd_acct(false);
	uint32_t r = rnd_res(), used = accts[EXO_INDEX(a)].used[r];

	(void)CALL(revoke_ask, a, rnd_slot(), r, chance(80) ?
	    1 + rnd(used + 1) : 0, GRACE - chance(5) + rnd(3));
}

/* Of one that is asked, if there is one. */
static void
op_take(void)
{
	uint32_t i = 1 + rnd(4), r = rnd_res();

	for (uint32_t n = 0; n < 12 && !accts[i].ask[r].open; n++) {
		i = i % 4 + 1;
		r = rnd_res();
	}
	(void)CALL(revoke_take, EXO_ID(accts[i].gen, i), rnd_slot(), r,
	    r == EXO_RES_FRAMES ? FIRST + rnd(NFRAMES - FIRST) : rnd(4),
	    1 + rnd(20));
}

static void
op_record(void)
{
	exo_id a = live_acct();

	(void)CALL(revoke_record, a, S_ALL, chance(70) ? frame_take(a,
	    EXO_PG_DATA | EXO_KIND_LIVE) : rnd(NFRAMES), rnd_slot());
}

static void
op_page_free(void)
{
	(void)CALL(page_free, rnd_slot(), rnd(NFRAMES), 1 + rnd(3));
}

static const struct {
	void (*op)(void);
	uint32_t weight;
} ops[] = {
	{ op_connect, 6 }, { op_connect_me, 8 }, { op_enter, 8 },
	{ op_call, 16 }, { op_reply, 12 }, { op_bind, 2 }, { op_seat_free, 2 },
	{ op_repair, 3 }, { op_open, 1 }, { op_mint, 1 }, { op_drop, 1 },
	{ op_handler, 3 }, { op_trap_me, 8 }, { op_watch, 6 },
	{ op_guard, 6 },
	{ op_domain_create, 2 }, { op_domain_kill, 1 },
	{ op_domain_reap, 5 }, { op_domain_free, 2 }, { op_row, 5 },
	{ op_monitor, 2 }, { op_records, 1 }, { op_env_create, 2 },
	{ op_env_start, 4 }, { op_env_kill, 1 }, { op_env_exit, 1 },
	{ op_env_stop, 2 }, { op_force_yield, 2 }, { op_env_continue, 6 },
	{ op_env_regs, 1 }, { op_env_event, 2 }, { op_env_yield, 6 },
	{ op_env_reap, 3 }, { op_env_free, 2 }, { op_slice, 2 },
	{ op_trap, 10 }, { op_resume, 4 }, { op_tick, 10 },
	{ op_acct_create, 2 }, { op_acct_destroy, 1 }, { op_acct_reap, 3 },
	{ op_page_free, 4 }, { op_ask, 4 }, { op_take, 4 }, { op_record, 1 },
	{ op_prog, 2 }, { op_env_sleep, 8 },
};

static unsigned
count_envs(uint32_t state)
{
	unsigned n = 0;

	for (uint32_t i = 1; i < NENVS; i++)
		n += envs[i].state == state;
	return n;
}

static unsigned
count_doms(uint32_t state)
{
	unsigned n = 0;

	for (uint32_t i = 1; i < NDOMS; i++)
		n += domains[i].state == state;
	return n;
}

/* What stands still goes on, and some of the dead make room. */
static void
revive(void)
{
	for (uint32_t i = 2; i < NENVS; i++) {
		exo_id e = EXO_ID(envs[i].gen, i);

		if (envs[i].state == EXO_ENV_SLEEPING && chance(40))
			(void)CALL(env_stop, e, S_ALL);
		if (envs[i].state == EXO_ENV_STOPPED ||
		    envs[i].state == EXO_ENV_SUSPENDED)
			(void)CALL(env_continue, e, S_ALL, envs[i].seq,
			    chance(50) ? EXO_HOW_RETRY : EXO_HOW_REGS,
			    regs_ptr());
		else if (envs[i].state == EXO_ENV_DEAD && chance(40))
			(void)CALL(env_reap, e, 1);
		else if (envs[i].state == EXO_ENV_ENDED && chance(40))
			(void)CALL(env_free, e, S_ALL);
	}
	for (uint32_t i = 2; i < NDOMS; i++) {
		exo_id d = EXO_ID(domains[i].gen, i);

		if (domains[i].state == EXO_DOM_DEAD && chance(40))
			(void)CALL(domain_reap, d, 200);
		else if (domains[i].state == EXO_DOM_ENDED && chance(40))
			(void)CALL(domain_free, d, S_ALL);
	}
}

/* So many at the least, or as many as there is room for. */
static void
populate(unsigned doms, unsigned ready)
{
	for (unsigned n = 0; n < 20 && count_doms(EXO_DOM_LIVE) < doms; n++)
		op_domain_create();
	for (unsigned n = 0; n < 20 && count_envs(EXO_ENV_READY) < ready;
	    n++) {
		if (count_envs(EXO_ENV_EMBRYO) == 0)
			op_env_create();
		op_env_start();
	}
}

static void
step_any(void)
{
	static uint32_t total;
	uint32_t at, i = 0;

	if (total == 0)
		for (uint32_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++)
			total += ops[k].weight;
	if (is_init(cpu0.env) && chance(70))	/* let the others */
		(void)CALL(env_yield, env_in(EXO_ENV_READY), S_ALL, EXO_NONE);
	for (at = rnd(total); at >= ops[i].weight; i++)
		at -= ops[i].weight;
	ops[i].op();
}

/* ----------------------------------------------------- the end of a world */

/* Env 1 runs, at home, and nothing is asked of it. */
static void
init_home(void)
{
	for (unsigned n = 0; n < 100 && !world_failed; n++) {
		if (is_init(cpu0.env) && env_depth(cpu0.env) == 0)
			return;
		if (envs[1].pending == 0)	/* if the mask here lets us */
			(void)CALL(env_force_yield, EXO_ID(envs[1].gen, 1),
			    S_ALL);
		if (is_init(cpu0.env) && chance(50))
			op_reply();
		tick();
	}
	world_fail("env 1 does not come home");
}

static void
kill_all(void)
{
	for (uint32_t i = 1; i < 8; i++)
		if (accts[i].state == EXO_ACCT_LIVE)
			(void)CALL(acct_destroy, EXO_ID(accts[i].gen, i),
			    S_ALL);
	for (uint32_t i = 2; i < NENVS; i++)
		(void)CALL(env_kill, EXO_ID(envs[i].gen, i), S_ALL, 0);
	for (uint32_t i = 2; i < NDOMS; i++)
		(void)CALL(domain_kill, EXO_ID(domains[i].gen, i), S_ALL, 0);
	for (unsigned n = 0; n < GRACE + 2; n++)
		tick();
}

static void
reap_all(void)
{
	for (uint32_t i = 2; i < NDOMS; i++) {
		exo_id d = EXO_ID(domains[i].gen, i);

		while (CALL(domain_reap, d, 1 + rnd(100)) > 0)
			;
		(void)CALL(domain_free, d, S_ALL);
	}
	for (uint32_t i = 2; i < NENVS; i++) {
		exo_id e = EXO_ID(envs[i].gen, i);

		while (CALL(env_reap, e, 1) > 0)
			;
		(void)CALL(env_free, e, S_ALL);
	}
	for (uint32_t i = 1; i < SLICES; i++)
		(void)CALL(slice_free, S_ALL, i);
	for (uint32_t n = 0; n < 4; n++)
		for (uint32_t i = 1; i < 8; i++)
			while (CALL(acct_reap, EXO_ID(accts[i].gen, i),
			    500) > 0)
				;
}

/* What the first domain has left of its own. */
static void
clear_init(void)
{
	struct domain *d = domain_at(1);

	(void)CALL(revoke_record, EXO_ID(accts[0].gen, 0), S_ALL, 0, 0);
	for (uint32_t i = 0; i < d->nhandles; i++)
		(void)CALL(handle_drop, i);
	for (uint32_t i = 0; i < d->pub->nseats; i++) {
		(void)CALL(seat_repair, d->id, S_ALL, i);
		(void)CALL(seat_free, d->id, S_ALL, i);
	}
	for (exo_ppn ppn = FIRST; ppn < NFRAMES; ppn++)
		if (pages[ppn].kind != EXO_PG_FREE)
			(void)CALL(page_free, S_ALL, ppn, 1);
}

/* Everybody else ends; then all that there was is there again. */
static void
world_end(void)
{
	const struct domain *d = domain_at(1);
	uint32_t left = NFRAMES - FIRST - 3;

	init_home();
	kill_all();
	reap_all();
	clear_init();
	if (world_failed)
		return;
	left -= d->nseat_frames + d->handles_frames;
	HOLDS(machine.free_frames == left, "%u, %u", machine.free_frames,
	    left);
	HOLDS(count_doms(EXO_DOM_FREE) == NDOMS - 2, "domains");
	HOLDS(count_envs(EXO_ENV_FREE) == NENVS - 2, "envs");
	/* A handler in the seat where env 1 is stays. */
	HOLDS(d->pub->named <= EXO_ROWS, "%u", d->pub->named);
	HOLDS(accts[0].children == 0 && accts[0].used[EXO_RES_ACCTS] == 0 &&
	    accts[0].used[EXO_RES_DOMAINS] == 1 &&
	    accts[0].used[EXO_RES_ENVS] == 1 &&
	    accts[0].used[EXO_RES_SLICES] == 1 &&
	    accts[0].used[EXO_RES_FRAMES] + left == NFRAMES - FIRST, "use");
}

#endif
