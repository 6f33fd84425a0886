/*
 * pager.c - a guest that dies in the pager of a server: the server goes on.
 *
 * The guest is stepped through vm_table_make() and killed after some number of
 * instructions; then the server's own env needs the pager.
 */
#include <castor/lock.h>

#include "cell.h"

#define STRIDE	13u			/* instructions; prime */
#define STEPS_MAX	5000u
#define FRESH	0x6000000000ul		/* where nothing is */
#define SPAN	(1ul << EXO_PT_SHIFT(2))	/* a table of level 1 maps */

static struct exo_event *event;
static exo_ppn event_ppn;

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

/* ------------------------------------------------------------ the server */

static void
trap_flag(uint64_t on)
{
	__asm__ volatile("pushfq; andq $~0x100, (%%rsp); orq %0, (%%rsp); "
	    "popfq" : : "r"(on << 8) : "memory", "cc");
}

/* An address that no table is for, yet. */
static uint64_t
fresh_va(void)
{
	static uint64_t next = FRESH;

	return __atomic_fetch_add(&next, SPAN, __ATOMIC_RELAXED);
}

static uint64_t
serve(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	uint64_t va = fresh_va();

	(void)badge, (void)a, (void)b, (void)c, (void)d, (void)e;
	trap_flag(1);
	(void)!vm_table_make(va, 1);
	trap_flag(0);
	return 7;
}
SERVICE(serve);

/* At each step it has used its pager once more. */
static void
server(struct child_page *p)
{
	for (uint64_t i = 1; p->w[0] == 0; i++) {
		uint64_t va = fresh_va();
		long ppn = vm_page(EXO_PG_DATA);
		volatile uint64_t *m = vm_alloc(EXO_PAGE);

		OK(ppn > 0);
		OK(vm_map(va, (exo_ppn)ppn, VM_RW, self->memory_slot) == 0);
		*(volatile uint64_t *)va = i;
		OK(*m == 0);
		*m = i;
		EQ(*(volatile uint64_t *)va, i);
		child_reach(p, i);
		child_await(p, i);
		((struct exo_upcall *)SEAT_UPCALL(1))->critical = 0;
	}
}

/*
 * The next table makes the pager's own list of them grow: of w[1] that come
 * first.  Or find out how many those are.
 */
static void
server_that_grows(struct child_page *p)
{
	for (uint64_t i = 0; p->w[1] == 0 || i < p->w[1]; i++) {
		uint64_t frames = vm_stats.frames;

		(void)!vm_table_make(fresh_va(), 1);
		if (p->w[1] == 0 && vm_stats.frames - frames > 3) {
			p->w[2] = i;
			return;
		}
	}
	child_reach(p, 1);
	child_await(p, 1);
	/* And again, and all of the first ones are known. */
	for (uint64_t i = 0; i < 3 * p->w[1]; i++) {
		uint64_t va = fresh_va();
		long t = vm_table_make(va, 1);

		OK(t > 0);
		OK(vm_table(va, 1) == (exo_ppn)t);
	}
	OK(vm_table(VM_IMAGE, 1) != 0);
	child_reach(p, 2);
}

/* ------------------------------------------------------------ the client */

static uint64_t
in_client(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)a, (void)b, (void)c;
	p->w[1] = (uint64_t)exo_call(0, 0, 0, 0, 0, 0, &r);
	p->w[0] = r;
	return 0x55;
}

static exo_id
client(struct cell *c, struct child *s)
{
	exo_id env;

	cell_make(c, NULL);
	env = cell_env_make(c);
	must(proc_seat(&s->proc, 1, env, (uint64_t)serve_entry));
	must(exo_handle_open(c->domain, c->name, 0, self->domain));
	must(exo_handle_mint(s->proc.domain, s->proc.name, 1, 0, c->domain,
	    0));
	must(cell_env_begin(c, env, 2, in_client, 0));
	event->seq = 0;
	must(exo_env_event(env, c->name, event_ppn, 0, self->memory_slot));
	OK(cell_run_state(c, env, EXO_ENV_SUSPENDED));
	return env;
}

/* One instruction.  False: it is home again, and dead. */
static bool
step(struct cell *c, exo_id env)
{
	must(exo_env_continue(env, c->name, row(env)->seq, EXO_HOW_RETRY, 0));
	while (row(env)->state == EXO_ENV_READY)
		must(exo_env_yield(env, c->name, EXO_NONE));
	return row(env)->state == EXO_ENV_SUSPENDED;
}

/* A server that this program monitors, running. */
static void
server_make(struct child *s, child_fn fn, uint64_t tables)
{
	uint8_t actions[EXO_CLASSES] = { 0 };
	uint64_t mask[2] = { ~0ull, ~0ull };
	struct child_opts o = { .seats = 1 };

	if (event == NULL) {
		event_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA |
		    EXO_KIND_LIVE));
		event = (struct exo_event *)must(vm_map_frame(event_ppn,
		    VM_RW, self->memory_slot));
	}
	child_make(s, fn, &o);
	s->page->w[1] = tables;
	actions[EXO_CLASS_EXCEPTION] = EXO_ACT_SUSPEND;
	must(exo_domain_monitor(s->proc.domain, s->proc.name,
	    (uint64_t)actions, (uint64_t)mask, 0));
	child_start(s);
	OK(child_run_to(s, 1));
}

/*
 * A guest is killed, or pulled home and stopped, after n instructions; then the
 * server goes on to its next step.  False: the guest has fewer.
 */
static bool
die_at(struct child *s, uint64_t n, uint64_t at)
{
	static uint32_t turn;
	struct cell c;
	exo_id env = client(&c, s);
	bool more = true;

	for (uint64_t i = 0; more && i < n; i++)
		more = step(&c, env);
	if (more) {
		if (turn++ % 2)
			must(exo_env_kill(env, c.name, 1));
		else
			must(exo_env_stop(env, c.name));
		while (row(env)->pending != 0)
			;
		EQ(row(env)->state, turn % 2 ? EXO_ENV_STOPPED : EXO_ENV_DEAD);
		must(exo_seat_repair(s->proc.domain, s->proc.name, 1));
	}
	must(exo_seat_free(s->proc.domain, s->proc.name, 1));
	child_let(s, at);
	more = OK(child_run_to(s, at + 1)) && more;
	cell_end(&c);
	return more;
}

TEST(guest_that_dies_in_the_pager_stops_nobody_else)
{
	uint32_t killed = 0;
	struct child s;

	server_make(&s, server, 0);
	for (uint64_t n = 1; n < STEPS_MAX && die_at(&s, n, killed + 1);
	    n += STRIDE)
		killed++;
	OK(killed > 20);
	s.page->w[0] = 1;
	child_let(&s, killed + 2);
	child_finish(&s);
}

TEST(guest_that_dies_while_the_list_of_tables_grows)
{
	uint32_t killed = 0;
	uint64_t tables;
	struct child s;
	bool more = true;

	child_make(&s, server_that_grows, &(struct child_opts){ .seats = 1 });
	child_start(&s);
	OK(child_wait(&s));
	tables = s.page->w[2];
	child_end(&s);
	OK(tables > 0);
	for (uint64_t n = 400; more && n < 5 * STEPS_MAX; n += 23 * STRIDE) {
		server_make(&s, server_that_grows, tables);
		more = die_at(&s, n, 1);
		killed += more;
		child_finish(&s);
	}
	OK(!more);
	OK(killed > 10);
}
