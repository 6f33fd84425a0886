/*
 * test_seat.c - seats and chains: who is where, who comes back and how, and
 * what is left of those who die.
 *
 * Random and small-scope sequences of calls, traps and ticks by envs that
 * distrust each other, judged after each step (seat/judge.h); and what went
 * wrong once, by itself.
 */
#include "seat/steps.h"

#define WORLDS		600u
#define STEPS		400u		/* in each */

/* ------------------------------------------------------------ made by hand */

static exo_id
init_id(void)
{
	return EXO_ID(envs[1].gen, 1);
}

static exo_id
root_acct(void)
{
	return EXO_ID(accts[0].gen, 0);
}

static exo_id
dom_new(void)
{
	exo_ppn frame = frame_take(root_acct(), EXO_PG_DOMAIN);

	return (exo_id)CALL(domain_create, root_acct(), S_ALL, S_DOM,
	    EXO_NONE, frame, cur_domain()->root);
}

/* A seat with an upcall frame. */
static void
seat_new(exo_id dom, uint32_t seat, exo_id env)
{
	exo_ppn up = frame_take(root_acct(), EXO_PG_DATA | EXO_KIND_LIVE);

	EQ(CALL(seat_bind, dom, S_ALL, seat, seat_args(dom, seat, env, up)),
	    0);
}

/* At home in seat 0, or wherever is free, with a slice. */
static exo_id
env_new(exo_id dom)
{
	exo_id e = (exo_id)CALL(env_create, root_acct(), S_ALL, S_ENV,
	    EXO_NONE, frame_take(root_acct(), EXO_PG_ENV));
	uint32_t seat = 0, slice = EXO_INDEX(e);

	while (seat_at(domain_find(dom), seat)->bound)
		seat++;
	seat_new(dom, seat, e);
	EQ(CALL(env_start, e, S_ALL, dom, S_ALL, seat, 0), 0);
	EQ(CALL(slice_alloc, root_acct(), S_ALL, S_ALL, slice), 0);
	EQ(CALL(slice_set, S_ALL, slice, e, S_ALL), 0);
	return e;
}

/* env may go from `from`, by a place, to a new seat of dom. */
static void
way(exo_id env, exo_id dom, uint32_t seat, exo_id from, uint64_t place)
{
	seat_new(dom, seat, env);
	EQ(CALL(handle_open, from, S_ALL, place, dom), 0);
	EQ(CALL(handle_mint, dom, S_ALL, seat, 0xbad9e, from, place), 0);
}

/* Whoever runs lets env run. */
static void
to(exo_id env)
{
	if (cpu0.env_id != env)
		(void)CALL(env_yield, env, S_ALL, EXO_NONE);
	EQ(cpu0.env_id, env);
}

static uint32_t
state_of(exo_id env)
{
	return envs[EXO_INDEX(env)].state;
}

/* Domain 1, which runs, watches dom: all classes are suspended. */
static void
watch_all(exo_id dom, exo_id env)
{
	static uint8_t rows[EXO_CLASSES];
	static uint64_t mask[2] = { ~0ul, ~0ul };
	exo_ppn ppn = frame_take(root_acct(), EXO_PG_DATA | EXO_KIND_LIVE);

	memset(rows, EXO_ACT_SUSPEND, EXO_CLASS_EPILOGUE);
	EQ(CALL(domain_monitor, dom, S_ALL, rows, mask, EXO_MON_RELEASE), 0);
	EQ(CALL(env_event, env, S_ALL, ppn, 0, S_ALL), 0);
}

static long
answer(exo_id env, exo_slot slot, uint64_t how)
{
	some_regs = (struct exo_regs){ .rip = 0x1234 };
	return CALL(env_continue, env, slot, envs[EXO_INDEX(env)].seq, how,
	    &some_regs);
}

static void
ticks(unsigned n)
{
	while (n-- > 0)
		tick();
}

/* A server, a client at home, and the client's way to the server. */
static struct {
	exo_id home, server, client;
} w;

static void
pair_boot(void)
{
	fresh_world();
	w.home = dom_new();
	w.server = dom_new();
	w.client = env_new(w.home);
	way(w.client, w.server, 0, w.home, 0);
}

#define BY_HAND(name)							\
	static void name##_in_a_pair(void);				\
	TEST(name)							\
	{								\
		pair_boot();						\
		if (setjmp(world_panic) == 0) {				\
			name##_in_a_pair();				\
			world_end();					\
		}							\
		OK(!world_failed);					\
	}								\
	static void							\
	name##_in_a_pair(void)

/* ---------------------------------------------- whose registers, and which */

BY_HAND(registers_are_the_domains)
{
	static struct exo_regs r;
	exo_id e = w.client;

	to(e);
	cross(EXO_NR_enter, 0);		/* its home is the server now */
	EQ(cpu0.seat->dom->id, w.server);
	to(init_id());
	EQ(CALL(env_stop, e, S_ENV), 0);
	EQ(CALL(env_regs, e, S_ENV, &r), -EXO_E_DENIED);
	EQ(answer(e, S_ENV, EXO_HOW_REGS), -EXO_E_DENIED);
	EQ(CALL(env_regs, e, S_ALL, &r), 0);
	EQ(answer(e, S_ENV, EXO_HOW_RETRY), 0);
	EQ(state_of(e), EXO_ENV_READY);
}

BY_HAND(registers_abroad_are_the_domains)
{
	exo_id e = w.client, other = env_new(dom_new());

	watch_all(w.server, e);
	to(e);
	cross(EXO_NR_call, 0);
	trap(14);
	EQ(state_of(e), EXO_ENV_SUSPENDED);
	to(other);
	for (uint32_t how = 0; how < EXO_HOWS; how++)
		EQ(answer(e, S_ENV, how), -EXO_E_DENIED);
	to(init_id());			/* its domain is the monitor */
	EQ(answer(e, S_NONE, EXO_HOW_REGS), 0);
	to(e);
	EQ(user.rip, 0x1234);
}

/* Who bound the event slot has rights on the env, none on the server. */
BY_HAND(own_row_abroad_tells_nobody_else)
{
	exo_id e = w.client;

	watch_all(w.home, e);
	EQ(CALL(domain_row, w.server, S_ALL, EXO_CLASS_FAULT,
	    EXO_ACT_SUSPEND), 0);
	to(e);
	cross(EXO_NR_call, 0);
	trap(14);
	EQ(cpu0.env_id, e);
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rax, -EXO_E_GONE);
}

BY_HAND(retry_is_the_call_again)
{
	to(w.client);
	foreign_call();			/* which nobody takes */
	EQ(state_of(w.client), EXO_ENV_STOPPED);
	to(init_id());
	EQ(answer(w.client, S_ALL, EXO_HOW_RETRY), 0);
	to(w.client);
	EQ(user.rax, 39);
	foreign_call();
	to(init_id());
	EQ(env_find(w.client)->regs.rip, step.rip);
}

/* ------------------------------------------------------------------ chains */

/* From home by place 1 of each of eight domains, and on to the server. */
static void
long_way(void)
{
	exo_id from = w.home, dom;

	for (uint32_t i = 1; i <= CHAIN_MAX; i++, from = dom) {
		dom = dom_new();
		way(w.client, dom, 0, from, 1);
	}
	way(w.client, w.server, 1, from, 1);
	to(w.client);
}

BY_HAND(chain_has_eight_links)
{
	long_way();
	for (uint32_t i = 1; i <= CHAIN_MAX; i++) {
		world_slow = i % 2;
		cross(EXO_NR_call, 1);
		EQ(env_depth(cpu0.env), i);
	}
	for (uint32_t i = 0; i < 2; i++) {
		world_slow = i;
		cross(EXO_NR_call, 1);
		EQ(user.rax, -EXO_E_DEPTH);
	}
	cross(EXO_NR_enter, 1);		/* which takes no link */
	EQ(user.rax, EXO_K_ENTER);
	for (uint32_t i = CHAIN_MAX; i-- > 0;) {
		world_slow = i % 3 == 0;
		cross(EXO_NR_reply, 0);
		EQ(user.rax, EXO_K_REPLY);
		EQ(env_depth(cpu0.env), i);
	}
	cross(EXO_NR_reply, 0);
	EQ(user.rax, -EXO_E_DEPTH);
}

BY_HAND(full_chain_has_no_room_for_a_trap)
{
	exo_id last;

	long_way();
	for (uint32_t i = 1; i <= CHAIN_MAX; i++)
		cross(EXO_NR_call, 1);
	last = cpu0.seat->dom->id;
	EQ(CALL(seat_handler, last, S_ALL, 0, EXO_ROW_OWN, 1), 0);
	EQ(CALL(domain_row, last, S_ALL, EXO_CLASS_FAULT, EXO_ACT_ENTER), 0);
	trap(14);
	EQ(env_depth(cpu0.env), CHAIN_MAX - 1);
	EQ(user.rax, -EXO_E_GONE);
	OK(CALL(seat_repair, last, S_ALL, 0) >= 0);
}

/* What is on the chain can't be called again; another seat beside it can. */
BY_HAND(chain_has_no_seat_twice)
{
	way(w.client, w.home, 1, w.server, 0);
	EQ(CALL(handle_open, w.server, S_ALL, 1, w.home), 0);
	EQ(CALL(handle_mint, w.home, S_ALL, 0, 0, w.server, 1), 0);
	to(w.client);
	cross(EXO_NR_call, 0);
	for (uint32_t i = 0; i < 2; i++) {
		world_slow = i;
		cross(EXO_NR_call, 1);
		EQ(user.rax, -EXO_E_LOOP);
	}
	cross(EXO_NR_call, 0);		/* another seat there */
	EQ(cpu0.seat->dom->id, w.home);
	EQ(env_depth(cpu0.env), 2);
}

/* By its monitor's handler, that is in the server. */
BY_HAND(passed_on_and_made_to_yield_it_traps_once)
{
	static uint8_t rows[EXO_CLASSES] = {
		[EXO_CLASS_FOREIGN] = EXO_ACT_ENTER
	};
	static uint64_t mask[2] = { ~0ul, ~0ul };

	way(w.client, w.server, 1, cur_domain()->id, 5);
	EQ(CALL(domain_monitor, w.home, S_ALL, rows, mask, EXO_MON_RELEASE),
	    0);
	EQ(CALL(seat_handler, w.home, S_ALL, 0, EXO_ROW_MONITOR, 5), 0);
	EQ(CALL(domain_row, w.home, S_ALL, EXO_CLASS_FOREIGN, EXO_ACT_SELF),
	    0);
	to(w.client);
	foreign_call();
	EQ(cpu0.seat->dom->id, w.server);
	to(init_id());
	EQ(CALL(env_force_yield, w.client, S_ALL), 0);
	to(w.client);
	some_regs = (struct exo_regs){ .rip = 0x1234 };
	(void)CALL(seat_resume, EXO_HOW_SELF, &some_regs);
	to(w.client);			/* at home, about to call again */
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rip, 0x1234 - 2);
}

/* ---------------------------------------------------------- moved by force */

BY_HAND(handler_dies)
{
	uint64_t rip;

	EQ(CALL(domain_row, w.home, S_ALL, EXO_CLASS_FOREIGN, EXO_ACT_ENTER),
	    0);
	to(w.client);
	EQ(CALL(seat_handler, w.home, S_ALL, 0, EXO_ROW_OWN, 0), 0);
	foreign_call();
	rip = step.rip;
	EQ(cpu0.seat->dom->id, w.server);
	to(init_id());
	EQ(CALL(domain_kill, w.server, S_ALL, 0), 0);
	to(w.client);			/* home, and about to try again */
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rip, rip - 2);
	foreign_call();
	EQ(state_of(w.client), EXO_ENV_STOPPED);
	EQ(envs[EXO_INDEX(w.client)].cause, EXO_CAUSE_FAULT);
}

static void
server_ends(void)
{
	EQ(CALL(domain_kill, w.server, S_ALL, 0), 0);
	while (CALL(domain_reap, w.server, 1) > 0)
		;
}

BY_HAND(moved_envs_wait_for_nothing)
{
	watch_all(w.server, w.client);
	to(w.client);
	cross(EXO_NR_call, 0);
	trap(14);
	server_ends();
	EQ(state_of(w.client), EXO_ENV_READY);
	to(w.client);
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rax, -EXO_E_GONE);
}

/* The monitor passed a trap on, and there is nobody left to pass it to. */
BY_HAND(moved_envs_take_no_trap_along)
{
	watch_all(w.server, w.client);
	to(w.client);
	cross(EXO_NR_call, 0);
	trap(14);
	EQ(answer(w.client, S_ALL, EXO_HOW_SELF), 0);
	server_ends();
	to(w.client);
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rax, -EXO_E_GONE);
	EQ(counters.double_faults, 0);
}

BY_HAND(suspended_abroad_is_pulled_home)
{
	exo_id e = w.client;

	for (uint32_t stop = 0; stop < 2; stop++) {
		if (stop == 0)
			watch_all(w.server, e);
		to(e);
		cross(EXO_NR_call, 0);
		trap(14);
		EQ(state_of(e), EXO_ENV_SUSPENDED);
		EQ(stop ? CALL(env_stop, e, S_ENV) :
		    CALL(env_force_yield, e, S_ENV), 0);
		ticks(GRACE + 1);
		EQ(state_of(e), stop ? EXO_ENV_STOPPED : EXO_ENV_READY);
		EQ(env_depth(env_find(e)), 0);
		to(init_id());
		OK(CALL(seat_repair, w.server, S_ALL, 0) >= 0);
	}
}

/* An answer that comes too late. */
BY_HAND(events_are_answered_by_their_number)
{
	uint64_t seq;

	watch_all(w.home, w.client);
	to(w.client);
	trap(14);
	seq = envs[EXO_INDEX(w.client)].seq;
	EQ(CALL(env_continue, w.client, S_ALL, seq + 1, EXO_HOW_RETRY, 0),
	    -EXO_E_STALE);
	EQ(CALL(env_continue, w.client, S_ALL, seq, EXO_HOW_RETRY, 0), 0);
	to(w.client);
	trap(14);
	EQ(CALL(env_continue, w.client, S_ALL, seq, EXO_HOW_RETRY, 0),
	    -EXO_E_STALE);
}

/* Nor one that it was stopped before. */
BY_HAND(registers_given_replace_the_trap)
{
	watch_all(w.home, w.client);
	to(w.client);
	trap(14);
	EQ(answer(w.client, S_ALL, EXO_HOW_SELF), 0);
	EQ(CALL(env_stop, w.client, S_ALL), 0);
	EQ(answer(w.client, S_ALL, EXO_HOW_REGS), 0);
	to(w.client);
	EQ(user.rip, 0x1234);
	EQ(counters.double_faults, 0);
}

/* ... but let go on as it was, it takes it. */
BY_HAND(trap_waits_while_its_env_is_stopped)
{
	watch_all(w.home, w.client);
	EQ(CALL(domain_row, w.home, S_ALL, EXO_CLASS_FOREIGN, EXO_ACT_SELF),
	    0);
	to(w.client);
	user.rsp = 0;
	foreign_call();
	EQ(answer(w.client, S_ALL, EXO_HOW_SELF), 0);
	EQ(CALL(env_stop, w.client, S_ALL), 0);
	EQ(answer(w.client, S_ALL, EXO_HOW_RETRY), 0);
	(void)CALL(env_yield, w.client, S_ALL, EXO_NONE);
	EQ(counters.upcalls + counters.double_faults, 1);
}

/* The client would be in a handler of a domain that is dead. */
BY_HAND(dead_domains_take_no_trap)
{
	exo_id h = dom_new();

	watch_all(w.server, w.client);
	way(w.client, h, 0, w.server, 0);
	EQ(CALL(domain_row, w.server, S_ALL, EXO_CLASS_FAULT, EXO_ACT_ENTER),
	    0);
	to(w.client);
	cross(EXO_NR_call, 0);
	EQ(CALL(seat_handler, w.server, S_ALL, 0, EXO_ROW_OWN, 0), 0);
	trap(14);
	EQ(answer(w.client, S_ALL, EXO_HOW_SELF), 0);
	EQ(CALL(domain_kill, w.server, S_ALL, 0), 0);
	to(w.client);
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rax, -EXO_E_GONE);
}

/* ------------------------------------------------------------------ sleep */

/* Whoever runs sleeps for ever, and gives its time to the first. */
static void
nap_for_ever(void)
{
	static uint64_t code[2];
	static struct exo_sleep s;
	exo_ppn prog = frame_take(root_acct(), EXO_PG_PROG);

	memcpy(code, programs[1], sizeof(code));
	EQ(CALL(prog_load, S_ALL, prog, code, 2), 0);
	s = (struct exo_sleep){ .prog = prog, .prog_slot = S_ALL };
	EQ(CALL(env_sleep, &s, init_id(), S_ALL, EXO_NONE), LOST);
	EQ(cpu0.env_id, init_id());
}

BY_HAND(sleep_ends_by_force)
{
	to(w.client);
	nap_for_ever();
	EQ(state_of(w.client), EXO_ENV_SLEEPING);
	EQ(CALL(env_yield, w.client, S_ALL, EXO_NONE), -EXO_E_STATE);
	EQ(CALL(env_stop, w.client, S_ALL), 0);
	EQ(answer(w.client, S_ALL, EXO_HOW_RETRY), 0);
	to(w.client);
	EQ(user.rax, -EXO_E_CUT);
	nap_for_ever();
	EQ(CALL(env_kill, w.client, S_ALL, 0), 0);
	EQ(state_of(w.client), EXO_ENV_DEAD);
}

/* ------------------------------------------------------------------ deaths */

/* Clients that never run must not wait for it. */
BY_HAND(reaping_a_monitor_ends_its_clients)
{
	static uint8_t rows[EXO_CLASSES];
	static uint64_t mask[2] = { ~0ul, ~0ul };
	exo_id monitor = dom_new();

	to(env_new(monitor));
	EQ(CALL(domain_monitor, w.server, S_ALL, rows, mask, 0), 0);
	to(init_id());
	EQ(CALL(domain_kill, monitor, S_ALL, 0), 0);
	for (unsigned n = 0; n < 100 && CALL(domain_reap, monitor, 1) > 0; n++)
		;
	EQ(domains[EXO_INDEX(w.server)].state, EXO_DOM_DEAD);
	EQ(domains[EXO_INDEX(monitor)].state, EXO_DOM_ENDED);
}

BY_HAND(places_are_filled_when_open_by_whom_they_await)
{
	exo_id d = dom_new(), me = cur_domain()->id;

#define MINT(badge, place)	CALL(handle_mint, w.server, S_ALL, 0, badge, \
	d, place)
	EQ(MINT(me, 0), -EXO_E_FULL);
	EQ(CALL(handle_open, d, S_ALL, 0, w.home), 0);
	EQ(MINT(me, 0), -EXO_E_FULL);
	EQ(CALL(handle_open, d, S_ALL, 1, me), 0);
	EQ(CALL(handle_open, d, S_ALL, 2, me), 0);
	EQ(MINT(me, 1), 0);
	EQ(MINT(me, 1), -EXO_E_FULL);	/* its badge awaits nobody */
	EQ(CALL(domain_kill, d, S_ALL, 0), 0);
	EQ(MINT(me, 2), -EXO_E_FULL);
}

BY_HAND(dead_servers_are_stale)
{
	for (unsigned slow = 0; slow < 2; slow++) {
		world_slow = slow;
		to(init_id());
		(void)CALL(domain_kill, w.server, S_ALL, 0);
		to(w.client);
		cross(EXO_NR_call, 0);
		EQ(user.rax, -EXO_E_STALE);
		cross(EXO_NR_enter, 0);
		EQ(user.rax, -EXO_E_STALE);
		EQ(cpu0.seat->dom->id, w.home);
	}
	world_slow = false;
}

/* Its own row would take the trap, if its monitor lived. */
BY_HAND(server_that_traps_finds_its_monitor_dead)
{
	static uint8_t rows[EXO_CLASSES];
	static uint64_t mask[2] = { ~0ul, ~0ul };
	exo_id monitor = dom_new(), e = env_new(monitor);

	to(e);
	EQ(CALL(domain_monitor, w.server, S_ALL, rows, mask, 0), 0);
	EQ(CALL(domain_row, w.server, S_ALL, EXO_CLASS_FAULT, EXO_ACT_SELF),
	    0);
	to(init_id());
	EQ(CALL(domain_kill, monitor, S_ALL, 0), 0);
	to(w.client);
	cross(EXO_NR_call, 0);
	trap(6);
	EQ(cpu0.seat->dom->id, w.home);
	EQ(user.rax, -EXO_E_GONE);
	EQ(domains[EXO_INDEX(w.server)].state, EXO_DOM_DEAD);
}

/* Not where it was when somebody else ran last. */
BY_HAND(env_dies_where_it_is)
{
	to(w.client);
	cross(EXO_NR_enter, 0);
	EQ(CALL(env_exit, 7), LOST);
	to(init_id());
	EQ(CALL(seat_free, w.home, S_ALL, 0), 0);
	EQ(CALL(seat_free, w.server, S_ALL, 0), -EXO_E_BUSY);
	EQ(CALL(env_reap, w.client, 1), 1);
	EQ(CALL(seat_free, w.server, S_ALL, 0), 0);
}

/* The seat that a dead env left abandoned outlives it, or does not. */
BY_HAND(dead_env_forgets_an_abandoned_seat)
{
	to(w.client);
	cross(EXO_NR_call, 0);
	to(init_id());
	EQ(CALL(domain_kill, w.home, S_ALL, 0), 0);
	EQ(CALL(env_kill, w.client, S_ALL, 0), 0);
	ticks(GRACE + 1);
	EQ(state_of(w.client), EXO_ENV_DEAD);
	to(init_id());
	EQ(CALL(seat_free, w.server, S_ALL, 0), 0);
	server_ends();
	EQ(CALL(domain_free, w.server, S_ALL), 0);
	for (exo_ppn ppn = FIRST; ppn < NFRAMES; ppn++)
		(void)CALL(page_free, S_ALL, ppn, 1);
	EQ(CALL(env_reap, w.client, 1), 1);
}

/* How much stack one entry takes, when `n` envs end on the way. */
static size_t
ends(unsigned n)
{
	exo_id d = dom_new();

	EQ(CALL(domain_seats, d, S_ALL,
	    frame_take(root_acct(), EXO_PG_SEATS)), 0);
	for (unsigned i = 0; i < n; i++)
		(void)env_new(d);
	EQ(CALL(domain_kill, d, S_ALL, 0), 0);
	stack_low = UINTPTR_MAX;
	for (unsigned i = 0; i < n + 4; i++)
		tick();
	EQ(count_envs(EXO_ENV_DEAD), n);
	to(init_id());
	reap_all();
	return stack_low;
}

BY_HAND(many_ends_in_one_switch)
{
	size_t one;

	to(w.client);
	EQ(CALL(env_exit, 0), LOST);
	to(init_id());
	EQ(CALL(domain_kill, w.server, S_ALL, 0), 0);
	reap_all();
	one = ends(2);
	EQ(ends(NENVS - 2), one);
}

/* Nobody is ready, but somebody will be when a grace is over. */
BY_HAND(idle_until_a_grace_is_over)
{
	watch_all(w.server, w.client);
	to(w.client);
	cross(EXO_NR_call, 0);
	trap(14);
	EQ(CALL(env_force_yield, w.client, S_ALL), 0);
	EQ(CALL(env_stop, init_id(), S_ALL), LOST);
	EQ(cpu0.env_id, w.client);
	EQ(user.rax, -EXO_E_GONE);
	EQ(counters.ticks_idle, GRACE);
	EQ(answer(init_id(), S_ALL, EXO_HOW_RETRY), 0);
}

/* ------------------------------------------------------------ small scope */

/*
 * The client has ways between three domains, and a handler for foreign calls;
 * the server is watched.  From each of a few beginnings, all sequences of
 * SMALL_STEPS things that the client does or that happen to it.
 */
#define SMALL_STEPS	3u

static exo_id third;

static void
small_boot(void)
{
	exo_id e, here;

	pair_boot();
	e = w.client, here = w.home;
	third = dom_new();
	watch_all(w.server, e);
	way(e, third, 0, here, 1);
	way(e, third, 1, w.server, 0);
	way(e, here, 1, w.server, 1);
	way(e, w.server, 1, third, 0);
	way(e, third, 2, here, 2);
	to(e);
	EQ(CALL(seat_handler, here, S_ALL, 0, EXO_ROW_OWN, 2), 0);
	EQ(CALL(domain_row, here, S_ALL, EXO_CLASS_FOREIGN, EXO_ACT_ENTER),
	    0);
	EQ(CALL(domain_row, third, S_ALL, EXO_CLASS_FAULT, EXO_ACT_SELF), 0);
}

/* Yield to it, if it can run. */
static bool
turn(exo_id env)
{
	if (cpu0.env_id != env)
		(void)CALL(env_yield, env, S_ALL, EXO_NONE);
	return cpu0.env_id == env && !world_failed;
}

#define CLIENT(name, what)						\
	static void							\
	name(void)							\
	{								\
		if (turn(w.client))					\
			what;						\
	}
#define OTHERS(name, what)						\
	static void							\
	name(void)							\
	{								\
		if (turn(init_id()))					\
			what;						\
	}

static void
resume(uint64_t how)
{
	some_regs = (struct exo_regs){ .rip = 0x1234 };
	(void)CALL(seat_resume, how, &some_regs);
}

static void
reap(exo_id dom)
{
	while (CALL(domain_reap, dom, 1) > 0)
		;
}

static void
repair(void)
{
	for (uint32_t i = 0; i < 3; i++) {
		(void)CALL(seat_repair, w.home, S_ALL, i);
		(void)CALL(seat_repair, w.server, S_ALL, i);
		(void)CALL(seat_repair, third, S_ALL, i);
	}
}

CLIENT(c_reply, cross(EXO_NR_reply, 0))
CLIENT(c_call0, cross(EXO_NR_call, 0))
CLIENT(c_call1, cross(EXO_NR_call, 1))
CLIENT(c_enter0, cross(EXO_NR_enter, 0))
CLIENT(c_enter1, cross(EXO_NR_enter, 1))
CLIENT(c_foreign, foreign_call())
CLIENT(c_fault, trap(14))
CLIENT(c_resume, resume(EXO_HOW_REGS))
CLIENT(c_pass_on, resume(EXO_HOW_SELF))
OTHERS(o_kill_home, (void)CALL(domain_kill, w.home, S_ALL, 0))
OTHERS(o_kill_server, (void)CALL(domain_kill, w.server, S_ALL, 0))
OTHERS(o_kill_third, (void)CALL(domain_kill, third, S_ALL, 0))
OTHERS(o_reap_home, reap(w.home))
OTHERS(o_reap_server, reap(w.server))
OTHERS(o_reap_third, reap(third))
OTHERS(o_kill, (void)CALL(env_kill, w.client, S_ALL, 0))
OTHERS(o_stop, (void)CALL(env_stop, w.client, S_ALL))
OTHERS(o_yield, (void)CALL(env_force_yield, w.client, S_ALL))
OTHERS(o_retry, (void)answer(w.client, S_ALL, EXO_HOW_RETRY))
OTHERS(o_regs, (void)answer(w.client, S_ALL, EXO_HOW_REGS))
OTHERS(o_self, (void)answer(w.client, S_ALL, EXO_HOW_SELF))
OTHERS(o_grace, ticks(GRACE + 1))
OTHERS(o_repair, repair())
OTHERS(o_reap, (void)CALL(env_reap, w.client, 1))

static void (*const small[])(void) = {
	c_reply, c_call0, c_call1, c_enter0, c_enter1, c_foreign, c_fault,
	c_resume, c_pass_on, o_kill_home, o_kill_server, o_kill_third,
	o_reap_home, o_reap_server, o_reap_third, o_kill, o_stop, o_yield,
	o_retry, o_regs, o_self, o_grace, o_repair, o_reap
};
#define SMALL		(sizeof(small) / sizeof(small[0]))

static void (*const begin[][4])(void) = {
	{ NULL },
	{ c_call0 },
	{ c_call0, c_call0 },			/* home, server, third */
	{ c_call0, c_call0, o_stop },
	{ c_call1, c_call0, o_kill },		/* home, third, server */
	{ c_enter0, c_call0 },			/* server, third */
	{ c_foreign },				/* home, its handler */
	{ c_foreign, c_call0, o_yield },
	{ c_call0, c_fault },			/* suspended in the server */
	{ c_call0, c_fault, o_stop },
	{ c_call0, c_fault, o_self },
};
#define BEGINNINGS	(sizeof(begin) / sizeof(begin[0]))

static unsigned small_done;

static bool
small_from(uint32_t left)
{
	static struct copy before[SMALL_STEPS];

	if (left == 0)
		return true;
	copy_world(&before[left - 1], PARTS_ALL, true);
	for (uint32_t i = 0; i < SMALL && !world_failed; i++) {
		copy_world(&before[left - 1], PARTS_ALL, false);
		small[i]();
		small_done++;
		if (!world_failed && !small_from(left - 1))
			break;
	}
	return !world_failed;
}

TEST(every_short_sequence_keeps_the_invariants)
{
	bool ok = true;

	if (setjmp(world_panic) != 0) {
		OK(!world_failed);
		return;
	}
	for (uint32_t i = 0; i < BEGINNINGS && ok; i++) {
		small_boot();
		for (uint32_t k = 0; k < 4 && begin[i][k] != NULL; k++)
			begin[i][k]();
		ok = !world_failed && small_from(SMALL_STEPS);
	}
	OK(ok);
	printf("# %u sequences\n", small_done);
}

/* ---------------------------------------------------------------- by chance */

static struct exo_counters totals;

static void
count(void)
{
	uint64_t *sum = (uint64_t *)&totals, *n = (uint64_t *)&counters;

	for (uint32_t i = 0; i < sizeof(totals) / sizeof(*sum); i++)
		sum[i] += n[i];
}

static bool
run_world(void)
{
	fresh_world();
	if (setjmp(world_panic) != 0)
		return false;
	for (unsigned k = 0; k < STEPS && !world_failed; k++) {
		if (k % 20 == 0)
			revive();
		if (k % 100 == 0)
			populate(3 + rnd(4), 2 + rnd(4));
		step_any();
	}
	world_end();
	count();
	return !world_failed;
}

/* Nothing has been proved of what was never reached. */
static void
enough(unsigned worlds)
{
	OK(totals.pulled_home > worlds / 4);
	OK(totals.events > worlds / 2);
	OK(totals.upcalls > worlds);
	OK(reached.trapped > worlds);
	for (uint32_t i = 0; i < CHAIN_MAX / 2; i++)
		OK(reached.depth[i] > 0);
	for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++)
		if (reached.tried[nr] != 0)
			OK(reached.did[nr] > worlds / 20);
}

TEST(random_sequences_keep_the_invariants)
{
	const char *n = getenv("WORLDS");
	unsigned i, worlds = n != NULL ? (unsigned)atoi(n) : WORLDS;

	memset(&reached, 0, sizeof(reached));
	for (i = 0; i < worlds; i++)
		if (!run_world())
			break;
	OK(i == worlds);
	if (i == worlds)
		enough(worlds);
	printf("# %u steps, %lu switches, %lu upcalls, %lu events, "
	    "%lu double faults, %lu pulled home, %u in handlers, %u sleeps\n",
	    reached.steps, totals.switches, totals.upcalls, totals.events,
	    totals.double_faults, totals.pulled_home, reached.trapped,
	    reached.did[EXO_NR_env_sleep]);
}

int
main(void)
{
	return tap_main();
}
