/*
 * objects.c - birth and death of domains, envs, accounts; seats, handles,
 * capabilities.
 */
#include "bench.h"

#define REAP	512u

static exo_ppn dom_frame, env_frame, root;
static exo_slot name;			/* of what is made here */

static exo_id
domain_make(void)
{
	return (exo_id)must(exo_domain_create(self->acct, self->acct_slot,
	    name, EXO_NONE, dom_frame, root));
}

static void
domain_reap(exo_id d)
{
	while (must(exo_domain_reap(d, REAP)) > 0)
		;
}

/* Ticks of reaping all of it. */
static uint64_t
domain_reap_ticks(exo_id d)
{
	uint64_t ticks = 0;

	do {
		ticks += bench_call(domain_reap, d, REAP);
	} while (bench_result > 0);
	return ticks;
}

static uint64_t
domain_create_ticks(void)
{
	return bench_call(domain_create, self->acct, self->acct_slot, name,
	    EXO_NONE, dom_frame, root);
}

static void
domains(void)
{
	BENCH_ROW("domain_create",
	    .bound = "the record cleared, 96 rows and 4 seats filled in") {
		exo_id d;

		bench_take(domain_create_ticks());
		d = (exo_id)bench_result;
		must(exo_domain_kill(d, name, 0));
		domain_reap(d);
		must(exo_domain_free(d, name));
	}
	BENCH_ROW("domain_kill",
	    .bound = "its seats' generations; a full call") {
		exo_id d = domain_make();

		bench_take(bench_call(domain_kill, d, name, 0));
		domain_reap(d);
		must(exo_domain_free(d, name));
	}
	BENCH_ROW("domain_reap_all", .bound = "a step for each seat and stage; "
	    "two full calls") {
		exo_id d = domain_make();

		must(exo_domain_kill(d, name, 0));
		bench_take(domain_reap_ticks(d));
		must(exo_domain_free(d, name));
	}
	BENCH_ROW("domain_free", .bound = "a row, a list, an account") {
		exo_id d = domain_make();

		must(exo_domain_kill(d, name, 0));
		domain_reap(d);
		bench_take(bench_call(domain_free, d, name));
	}
	BENCH_ROW("domain_create_kill_reap_free", .peer = "fork_exit_wait",
	    .bound = "the four together") {
		uint64_t ticks = domain_create_ticks();
		exo_id d = (exo_id)bench_result;

		ticks += bench_call(domain_kill, d, name, 0);
		ticks += domain_reap_ticks(d);
		bench_take(ticks + bench_call(domain_free, d, name));
	}
}

static exo_id
env_make(void)
{
	return (exo_id)must(exo_env_create(self->acct, self->acct_slot, name,
	    EXO_NONE, env_frame));
}

static uint64_t
env_end_ticks(exo_id e)
{
	uint64_t ticks = bench_call(env_kill, e, name, 0);

	while (EXO_ENVS[EXO_INDEX(e)].state == EXO_ENV_DEAD)
		ticks += bench_call(env_reap, e, REAP);
	return ticks + bench_call(env_free, e, name);
}

static void
envs(void)
{
	BENCH_ROW("env_create", .peer = "pthread_create_run_join",
	    .bound = "a free row, the name") {
		bench_take(bench_call(env_create, self->acct,
		    self->acct_slot, name, EXO_NONE, env_frame));
		(void)env_end_ticks((exo_id)bench_result);
	}
	BENCH_ROW("env_kill_reap_free",
	    .bound = "four calls, three of them with all registers")
		bench_take(env_end_ticks(env_make()));
}

static void
accounts(void)
{
	static const uint32_t limits[EXO_RES_MAX] = { 16, 0, 1, 1 };

	BENCH_ROW("acct_create_destroy_reap",
	    .bound = "limits carved out of the parent's and given back") {
		uint64_t ticks = bench_call(acct_create, self->acct,
		    self->acct_slot, name, self->acct, (uint64_t)limits);
		exo_id a = (exo_id)bench_result;

		ticks += bench_call(acct_destroy, a, name);
		while (EXO_ACCTS[EXO_INDEX(a)].gen == EXO_GEN(a) &&
		    EXO_ACCTS[EXO_INDEX(a)].state == EXO_ACCT_DYING)
			ticks += bench_call(acct_reap, a, REAP);
		bench_take(ticks);
	}
}

static void
seats(void)
{
	exo_id d = domain_make();
	struct exo_seat_args a = {
		.env = self->env, .entry = 4096, .stack = 4096,
		.upcall = 4096, .upcall_va = 4096,
		.upcall_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA |
		    EXO_KIND_LIVE)),
		.upcall_slot = self->memory_slot,
	};

	BENCH_ROW("seat_bind", .bound = "48 bytes copied in, the upcall frame "
	    "checked and pinned") {
		bench_take(bench_call(seat_bind, d, name, 1, (uint64_t)&a));
		must(exo_seat_free(d, name, 1));
	}
	BENCH_ROW("seat_free", .bound = "the frame unpinned") {
		must(exo_seat_bind(d, name, 1, (uint64_t)&a));
		bench_take(bench_call(seat_free, d, name, 1));
	}
	must(exo_seat_bind(d, name, 1, (uint64_t)&a));
	BENCH_ROW("handle_open", .bound = "the domain's capability, a place") {
		bench_take(bench_call(handle_open, self->domain,
		    self->domain_slot, 20, self->domain));
		must(exo_handle_drop(20));
	}
	BENCH_ROW("handle_mint", .bound = "two domains, a seat, its list") {
		must(exo_handle_open(self->domain, self->domain_slot, 20,
		    self->domain));
		bench_take(bench_call(handle_mint, d, name, 1, 7,
		    self->domain, 20));
		must(exo_handle_drop(20));
	}
	BENCH_ROW("handle_drop", .bound = "the seat's list") {
		must(exo_handle_open(self->domain, self->domain_slot, 20,
		    self->domain));
		must(exo_handle_mint(d, name, 1, 7, self->domain, 20));
		bench_take(bench_call(handle_drop, 20));
	}
	must(exo_domain_kill(d, name, 0));
	domain_reap(d);
	must(exo_domain_free(d, name));
}

static void
derive(const char *row, uint32_t comp, const char *bound)
{
	exo_slot to = slot_take();

	BENCH_ROW(row, .bound = bound) {
		bench_take(bench_call(cap_derive, name, to, EXO_R_ALL, comp));
		must(exo_cap_drop(to));
	}
	slot_put(to);
}

/* One check, by a name of no component and by one of the longest. */
static void
depth(const char *row, exo_slot by, exo_slot guard)
{
	exo_ppn p = vm_free_run(0, 1, &p) != 0 ? p : 0;

	must(exo_page_alloc(self->acct, self->acct_slot, guard, EXO_PG_DATA,
	    p, 1));
	BENCH_ROW(row, .bound = "page_unmap of a frame without mappings: the "
	    "check is most of it")
		bench_take(bench_call(page_unmap, by, p, 1));
	must(exo_page_free(guard, p, 1));
}

static void
capabilities(void)
{
	exo_slot deep = name, weak, to;

	derive("cap_derive_same", EXO_COMP_SAME, "two slots found, 32 bytes");
	derive("cap_derive_chosen", 7, "and two bytes of name");
	derive("cap_derive_fresh", EXO_COMP_FRESH, "and seven");
	for (;;) {
		long r = slot_derive(deep, EXO_R_ALL, EXO_COMP_FRESH);

		if (r < 0)
			break;
		deep = (exo_slot)r;
	}
	depth("cap_check_shallow", self->root_slot, deep);
	depth("cap_check_deep", deep, deep);
	weak = (exo_slot)must(slot_derive(name, EXO_R_READ, EXO_COMP_SAME));
	to = slot_take();
	BENCH_ROW("refused_cap_derive", .bound = "the rights compared")
		bench_take(bench_refused(cap_derive, RIGHTS, weak, to,
		    EXO_R_ALL, EXO_COMP_SAME));
	slot_put(to);
	slot_put(weak);
}

TEST(objects)
{
	name = (exo_slot)must(slot_derive(self->root_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	dom_frame = (exo_ppn)must(vm_page(EXO_PG_DOMAIN));
	env_frame = (exo_ppn)must(vm_page(EXO_PG_ENV));
	root = (exo_ppn)must(vm_page(EXO_PG_PT4));
	domains();
	envs();
	accounts();
	seats();
	capabilities();
}
