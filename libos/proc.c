/*
 * proc.c - programs: made, run, ended.
 */
#include "proc.h"
#include "sleep.h"

#include <castor/archive.h>
#include <castor/seat.h>
#include <castor/self.h>
#include <castor/sleep.h>
#include <castor/slot.h>
#include <castor/string.h>
#include <castor/vm.h>

/* The chosen children of a program's name. */
enum { NAME_DOMAIN = 'd', NAME_ENV = 'e', NAME_MEMORY = 'm' };

static exo_slot session = EXO_NONE;

/*
 * Programs are named side by side under their session, so that names do not
 * grow with generations.  Whoever holds the root's name begins a session.
 */
long
proc_session(void)
{
	long r;

	if (session != EXO_NONE)
		return session;
	if (self->root_slot == EXO_NONE)
		return self->mint_slot == EXO_NONE ? -EXO_E_DENIED :
		    (long)(session = self->mint_slot);
	r = slot_derive(self->root_slot, EXO_R_ALL, EXO_COMP_FRESH);
	if (r >= 0)
		session = (exo_slot)r;
	return r;
}

/* ---- its account */

static long
account_make(struct proc *p, const uint32_t *limits)
{
	const volatile struct exo_acct *me = &EXO_ACCTS[EXO_INDEX(self->acct)];
	uint32_t half[EXO_RES_MAX];
	long r;

	for (uint32_t i = 0; i < EXO_RES_MAX; i++)
		half[i] = (me->limit[i] - me->used[i]) / 2;
	r = exo_acct_create(self->acct, self->acct_slot, p->name, self->acct,
	    (uint64_t)(limits != NULL ? limits : half));
	if (r < 0)
		return r;
	p->acct = (exo_id)r;
	return 0;
}

/* ---- its capabilities: put in a table that is bound here at first */

static long
table_free_number(void)
{
	const volatile struct exo_domain *me =
	    &EXO_DOMAINS[EXO_INDEX(self->domain)];

	for (uint32_t i = 1; i < EXO_SLOT_TABLES; i++) {
		if (me->slot_tables[i] == 0)
			return i;
	}
	return -EXO_E_FULL;
}

/* The console's, archive's and mint's; not having one to give is no error. */
static long
slot_pass(exo_slot from, exo_slot to, uint32_t rights, bool no)
{
	return no || from == EXO_NONE ? 0 :
	    exo_cap_derive(from, to, rights, EXO_COMP_SAME);
}

static long
console_pass(exo_slot to, bool no)
{
	uint32_t rights = EXO_R_READ | EXO_R_WRITE | EXO_R_GIVE;

	if (self->root_slot == EXO_NONE || no)
		return slot_pass(self->console_slot, to, rights, no);
	return exo_cap_derive(self->root_slot, to, rights, EXO_START_CONSOLE);
}

static long
slots_fill(const struct build *b, uint32_t table)
{
	const struct proc_args *a = b->args;
	exo_slot base = EXO_SLOT(table, 0), name = b->p->name;
	long archive = archive_cap(), r;

	r = exo_cap_derive(name, base + EXO_START_SLOT_DOMAIN, EXO_R_ALL,
	    NAME_DOMAIN);
	if (r == 0)
		r = exo_cap_derive(name, base + EXO_START_SLOT_ENV, EXO_R_ALL,
		    NAME_ENV);
	if (r == 0)
		r = exo_cap_derive(name, base + EXO_START_SLOT_MEMORY,
		    EXO_R_ALL, NAME_MEMORY);
	if (r == 0)
		r = exo_cap_derive(name, base + EXO_START_SLOT_ACCT,
		    EXO_R_CHARGE | EXO_R_GIVE, EXO_COMP_SAME);
	if (r == 0)
		r = console_pass(base + EXO_START_SLOT_CONSOLE, a->no_console);
	if (r == 0)
		r = slot_pass(archive < 0 ? EXO_NONE : (exo_slot)archive,
		    base + EXO_START_SLOT_ARCHIVE, EXO_R_READ | EXO_R_GIVE,
		    a->no_archive);
	if (r == 0)
		r = slot_pass(session, base + EXO_START_SLOT_MINT,
		    EXO_R_MINT | EXO_R_GIVE, a->no_mint);
	for (uint32_t i = 0; i < a->ncaps && r == 0; i++)
		r = exo_cap_derive(a->caps[i].slot, base + EXO_START_SLOTS + i,
		    a->caps[i].rights, EXO_COMP_SAME);
	return r;
}

/* ---- its start block */

static long
args_fill(struct exo_start *s, const struct proc_args *a)
{
	uint32_t len = 0;

	for (uint32_t i = 0; i <= a->argc; i++) {
		const char *arg = i == 0 ? a->name : a->argv[i - 1];
		uint64_t n = strlen(arg) + 1;

		if (n > EXO_START_ARGS - len)
			return -EXO_E_FULL;
		memcpy(s->args + len, arg, n);
		len += (uint32_t)n;
	}
	s->argc = a->argc + 1;
	for (uint32_t i = 0; i < a->envc; i++) {
		uint64_t n = strlen(a->envp[i]) + 1;

		if (n > EXO_START_ARGS - len)
			return -EXO_E_FULL;
		memcpy(s->args + len, a->envp[i], n);
		len += (uint32_t)n;
	}
	s->args_len = len;
	return 0;
}

static exo_slot
slot_given(exo_slot slot, bool given)
{
	return given ? slot : EXO_NONE;
}

static long
start_fill(const struct build *b)
{
	const struct proc_args *a = b->args;
	struct exo_start *s = b->start;

	*s = (struct exo_start){
		.version = EXO_START_VERSION,
		.free_slot = EXO_START_SLOTS + a->ncaps,
		.acct = b->p->acct,
		.domain = b->p->domain,
		.env = b->p->env,
		.root_slot = EXO_NONE,
		.domain_slot = EXO_START_SLOT_DOMAIN,
		.env_slot = EXO_START_SLOT_ENV,
		.memory_slot = EXO_START_SLOT_MEMORY,
		.acct_slot = EXO_START_SLOT_ACCT,
		.console_slot = slot_given(EXO_START_SLOT_CONSOLE,
		    !a->no_console && self->console_slot != EXO_NONE),
		.archive_slot = slot_given(EXO_START_SLOT_ARCHIVE,
		    !a->no_archive && archive_cap() >= 0),
		.mint_slot = slot_given(EXO_START_SLOT_MINT, !a->no_mint),
		.seats = 1,
		.stack_low = b->stack_top - EXO_START_STACK_PAGES * EXO_PAGE,
		.stack_top = b->stack_top,
		.upcall_va = b->upcall_va,
		.image_low = b->image_low,
		.image_high = b->image_high,
		.parent = self->domain,
	};
	if (a->user != NULL)
		memcpy(s->user, a->user, sizeof(s->user));
	return args_fill(s, a);
}

/* ---- all together */

static long
record_frame(const struct proc *p, uint32_t kind, exo_ppn *ppn)
{
	return vm_pages(p->acct, p->name, p->name, kind, 1, ppn);
}

/* The domain and the env, their names in slot table `table`. */
static long
objects_make(struct build *b, uint32_t table)
{
	struct proc *p = b->p;
	exo_ppn frame;
	long r = record_frame(p, EXO_PG_DOMAIN, &frame);

	if (r == 0)
		r = exo_domain_create(p->acct, p->name,
		    EXO_SLOT(table, EXO_START_SLOT_DOMAIN), EXO_NONE, frame,
		    b->root);
	if (r < 0)
		return r;
	p->domain = (exo_id)r;
	r = record_frame(p, EXO_PG_ENV, &frame);
	if (r == 0)
		r = exo_env_create(p->acct, p->name,
		    EXO_SLOT(table, EXO_START_SLOT_ENV), EXO_NONE, frame);
	if (r < 0)
		return r;
	p->env = (exo_id)r;
	return 0;
}

static long
parts_make(struct build *b, uint32_t table)
{
	long r = slots_fill(b, table);

	b->memory = EXO_SLOT(table, EXO_START_SLOT_MEMORY);
	if (r == 0)
		r = build_memory(b);
	if (r == 0)
		r = objects_make(b, table);
	if (r == 0)
		r = start_fill(b);
	if (b->start != NULL) {
		long u = vm_unmap((uint64_t)b->start, 1);

		r = r < 0 ? r : u;
	}
	return r;
}

/* With its slot table bound here for as long as that takes. */
static long
program_make(struct build *b)
{
	struct proc *p = b->p;
	long table = table_free_number(), r, u;
	exo_ppn slots;

	if (table < 0)
		return table;
	r = record_frame(p, EXO_PG_SLOTS, &slots);
	if (r == 0)
		r = exo_slots_bind(self->domain, self->domain_slot,
		    (uint32_t)table, slots);
	if (r < 0)
		return r;
	r = parts_make(b, (uint32_t)table);
	if (r == 0)
		r = exo_slots_bind(p->domain, p->name, 0, slots);
	u = exo_slots_bind(self->domain, self->domain_slot, (uint32_t)table,
	    0);
	if (r < 0 || u < 0)
		return r < 0 ? r : u;
	p->upcall = b->entry + EXO_START_UPCALL_AT;
	p->seats = b->args->seats;
	return 0;
}

static long
seat_bind(struct proc *p, uint32_t seat, exo_id env, uint64_t entry,
    uint64_t stack, uint64_t upcall_va)
{
	struct exo_seat_args a = {
		.env = env,
		.entry = entry,
		.stack = stack,
		.upcall = p->upcall,
		.upcall_va = upcall_va,
		.upcall_ppn = p->seat_ppn[seat],
		.upcall_slot = p->name,
	};

	return exo_seat_bind(p->domain, p->name, seat, (uint64_t)&a);
}

long
proc_seat(struct proc *p, uint32_t seat, exo_id env, uint64_t entry)
{
	if (seat == 0 || seat > p->seats)
		return -EXO_E_ARG;
	return seat_bind(p, seat, env, entry, SEAT_TOP(seat),
	    SEAT_UPCALL(seat));
}

static long
parts_bind(struct build *b)
{
	long r = program_make(b);

	b->p->start_va = b->start_va;
	return r < 0 ? r : seat_bind(b->p, 0, b->p->env, b->entry,
	    b->stack_top, b->upcall_va);
}

long
proc_make(struct proc *p, const struct proc_args *args)
{
	struct build b = { .p = p, .args = args };
	long r = proc_session();

	*p = (struct proc){ .name = EXO_NONE };
	if (args->seats > PROC_SEATS)
		return -EXO_E_ARG;
	if (args->acct != 0) {
		p->acct = args->acct;
		p->name = args->acct_name;
		return parts_bind(&b);
	}
	if (r >= 0)
		r = slot_derive((exo_slot)r, EXO_R_ALL, EXO_COMP_FRESH);
	if (r < 0)
		return r;
	p->name = (exo_slot)r;
	r = account_make(p, args->limits);
	if (r == 0)
		r = parts_bind(&b);
	if (r < 0)
		(void)!proc_end(p);
	return r;
}

long
proc_start(struct proc *p)
{
	return exo_env_start(p->env, p->name, p->domain, p->name, 0,
	    p->start_va);
}

long
proc_spawn(struct proc *p, const char *name, uint32_t argc,
    const char *const *argv)
{
	struct proc_args args = { .name = name, .argc = argc, .argv = argv };
	long r = proc_make(p, &args);

	if (r == 0)
		r = proc_start(p);
	if (r < 0)
		(void)!proc_end(p);
	return r;
}

/* ---- its end */

static bool
domain_ended(exo_id id)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(id)];

	return d->gen != EXO_GEN(id) || d->state != EXO_DOM_LIVE;
}

static bool
env_ended(exo_id id)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(id)];

	return e->gen != EXO_GEN(id) || e->state == EXO_ENV_FREE ||
	    e->state == EXO_ENV_DEAD || e->state == EXO_ENV_ENDED;
}

bool
proc_ended(const struct proc *p)
{
	return domain_ended(p->domain) || env_ended(p->env);
}

/* A program ends by its domain's end, or a bare one by its env's. */
void
proc_ending(struct proc *p)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(p->domain)];
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(p->env)];

	if (d->gen == EXO_GEN(p->domain) && d->state != EXO_DOM_LIVE) {
		p->cause = d->cause;
		p->word = d->exit_word;
	} else if (e->gen == EXO_GEN(p->env)) {
		p->cause = e->cause;
		p->word = e->exit_word;
	}
}

long
proc_yield(const struct proc *p)
{
	return exo_env_yield(p->env, p->name, EXO_NONE);
}

#define END_TRIES	100u		/* ticks, much more than a grace */

/* Work of a restartable call, all of it: 0, or an error. */
#define ALL_STEPS(call)							      \
	({								      \
		long steps_;						      \
									      \
		do {							      \
			steps_ = (call);				      \
		} while (steps_ > 0);					      \
		steps_;							      \
	})

static void
domain_finish(exo_id id, exo_slot name)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(id)];

	if (d->gen != EXO_GEN(id))
		return;
	if (d->state == EXO_DOM_LIVE)
		(void)!exo_domain_kill(id, name, 0);
	(void)!ALL_STEPS(exo_domain_reap(id, EXO_STEPS_MAX));
	(void)!exo_domain_free(id, name);
}

/* An env in a foreign domain is given its grace. */
static void
env_finish(exo_id id, exo_slot name)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(id)];

	for (uint32_t i = 0; i < END_TRIES && !env_ended(id); i++) {
		if (exo_env_kill(id, name, 0) < 0)
			break;
		if (!env_ended(id))
			sleep_until(EXO_MACHINE->ticks + 1);
	}
	if (e->gen != EXO_GEN(id))
		return;
	(void)!ALL_STEPS(exo_env_reap(id, EXO_STEPS_MAX));
	(void)!exo_env_free(id, name);
}

static long account_reap(exo_id id);

/* Those below a dying account die as it is reaped.  False: there are none. */
static bool
children_reap(uint32_t index)
{
	if (EXO_ACCTS[index].children == 0)
		return false;
	for (uint32_t i = 0; i < EXO_MACHINE->naccts; i++) {
		const volatile struct exo_acct *a = &EXO_ACCTS[i];

		if (a->parent == index && i != index &&
		    a->state == EXO_ACCT_DYING)
			(void)!account_reap(EXO_ID(a->gen, i));
	}
	return true;
}

/* BUSY without any below: an env of it is abroad, for the grace at the most. */
static long
account_reap(exo_id id)
{
	long r = -EXO_E_BUSY;

	for (uint32_t tries = 0; tries < END_TRIES; tries++) {
		r = ALL_STEPS(exo_acct_reap(id, EXO_STEPS_MAX));
		if (r != -EXO_E_BUSY)
			break;
		if (!children_reap(EXO_INDEX(id)))
			sleep_until(EXO_MACHINE->ticks + 1);
	}
	return r == -EXO_E_NAME ? 0 : r;	/* somebody else was quicker */
}

static long
account_finish(exo_id id, exo_slot name)
{
	long r = exo_acct_destroy(id, name);

	return r < 0 && r != -EXO_E_STATE ? r : account_reap(id);
}

long
proc_end(struct proc *p)
{
	long r = 0;

	if (p->domain != 0)
		domain_finish(p->domain, p->name);
	if (p->env != 0)
		env_finish(p->env, p->name);
	if (p->acct != 0)
		r = account_finish(p->acct, p->name);
	p->acct = p->domain = p->env = 0;
	if (p->name != EXO_NONE)
		slot_put(p->name);
	p->name = EXO_NONE;
	return r;
}

void
proc_sleep(const struct proc *p)
{
	uint32_t env = EXO_INDEX(p->env), domain = EXO_INDEX(p->domain);

	while (!proc_ended(p)) {
		struct exo_sleep s = SLEEP(SLEEP_ON_CHILD, SLEEP_FOREVER,
		    EXO_ID(EXO_GEN(p->domain), EXO_GEN(p->env)),
		    EXO_MACHINE->ticks);

		s.nwin = 2;
		s.win[0] = (struct exo_window){
		    .what = EXO_WIN_TABLE + EXO_TAB_ENVS,
		    .len = sizeof(struct exo_env),
		    .offset = env * sizeof(struct exo_env) };
		s.win[1] = (struct exo_window){
		    .what = EXO_WIN_TABLE + EXO_TAB_DOMAINS,
		    .len = sizeof(struct exo_domain),
		    .offset = domain * sizeof(struct exo_domain) };
		sleep_or_yield(&s, p->env, p->name);
	}
}

long
proc_wait(struct proc *p)
{
	proc_sleep(p);
	proc_ending(p);
	return proc_end(p);
}
