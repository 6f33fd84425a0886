/*
 * corners.c - what few programs do: found by `make coverage` as lines that
 * nothing else here executes.
 */
#include "cell.h"

#define ALL	(~0ull)
#define WORD	0x77ul			/* nothing in particular */

static struct exo_event *event;
static exo_ppn event_ppn;

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

/* Monitor a cell: one class is told, the others pass. */
static void
watch(struct cell *c, uint32_t class, uint32_t action, uint64_t low,
    uint32_t flags)
{
	uint8_t actions[EXO_CLASSES] = { 0 };
	uint64_t mask[2] = { low, ALL };

	actions[class] = (uint8_t)action;
	must(exo_domain_monitor(c->domain, c->name, (uint64_t)actions,
	    (uint64_t)mask, flags));
}

static void
listen(struct cell *c, exo_id env)
{
	if (event == NULL) {
		event_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA |
		    EXO_KIND_LIVE));
		event = (struct exo_event *)must(vm_map_frame(event_ppn,
		    VM_RW, self->memory_slot));
	}
	event->seq = 0;
	must(exo_env_event(env, c->name, event_ppn, 0, self->memory_slot));
}

/* ---- in cells */

static uint64_t
in_foreign(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 39;

	(void)a, (void)b, (void)c;
	p->w[1]++;
	__asm__ volatile("syscall" : "+a"(r) : : "rcx", "r11", "memory");
	p->w[2] = r;
	return 7;
}

/* Wait to be told. */
static uint64_t
in_wait(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[1]++;
	while (p->w[0] == 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 7;
}

static uint64_t
in_wait_foreign(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)in_wait(p, a, b, c);
	return in_foreign(p, a, b, c);
}

static uint64_t
in_foreign_off(struct cell_page *p, uint64_t off, uint64_t b, uint64_t c)
{
	((struct exo_upcall *)off)->off = 1;
	return in_foreign(p, 0, b, c);
}

static uint64_t
in_double_fault(struct cell_page *p, uint64_t off, uint64_t b, uint64_t c)
{
	(void)in_wait(p, 0, b, c);
	((struct exo_upcall *)off)->off = 1;
	__asm__ volatile("ud2");
	return 1;
}

/* Call place 0 for the function in w[20], with w[21]. */
static uint64_t
in_client(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)a, (void)b, (void)c;
	p->w[11] = (uint64_t)exo_call(0, p->w[20], p->w[21], 0, 0, 0, &r);
	p->w[12] = r;
	return 0x55;
}

/* An env of c that calls s by a seat there, for fn(a). */
static exo_id
client_of(struct cell *c, struct cell *s, uint32_t seat, cell_fn fn,
    uint64_t a)
{
	exo_id env = cell_env_make(c);

	must(cell_bind(s, seat, env, cell_service_entry, NULL));
	cell_link(s, seat, 0, c, 0);
	c->page->w[20] = (uint64_t)fn;
	c->page->w[21] = a;
	must(cell_env_begin(c, env, 2, in_client, 0));
	return env;
}

/* ---- frames and tables */

static exo_ppn
live_page(uint64_t va, uint64_t value)
{
	exo_ppn p = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));

	must(vm_map(va, p, VM_RW, self->memory_slot));
	*(volatile uint64_t *)va = value;
	return p;
}

TEST(frame_that_is_being_reguarded_takes_no_new_rights)
{
	uint64_t va = vm_alloc_va(2);
	exo_ppn p = live_page(va, 1);
	exo_slot s = self->memory_slot;

	must(vm_map(va, p, VM_R, s));
	must(vm_map(va + EXO_PAGE, p, VM_R, s));
	EQ(exo_page_guard(s, s, p, 1), 1);
	OK((EXO_PAGES[p].flags & EXO_PF_REGUARD) != 0);
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t at = va + i * EXO_PAGE;

		REFUSED(exo_pt_set(0, vm_table(at, 1), EXO_PT_INDEX(at, 1),
		    EXO_PTE(p, VM_RW), s), STATE);
	}
	EQ(exo_page_guard(s, s, p, 1), 0);
	OK((EXO_PAGES[p].flags & EXO_PF_REGUARD) == 0);
	must(exo_page_free(s, p, 1));
}

/*
 * An entry like the last one in the same table is entered without looking at
 * the capability again; not when its slot was emptied meanwhile, or its table
 * unbound.
 */
static long
edit_without(exo_slot slot, uint64_t nr, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	uint64_t va = (vm_alloc_va(1024) + 0x1fffff) & ~0x1ffffful;
	exo_ppn t = (exo_ppn)must(vm_table_make(va, 1)), p[3];
	long r;

	for (uint32_t i = 0; i < 3; i++)
		p[i] = (exo_ppn)must(vm_page(EXO_PG_DATA));
	/* The last two calls are one after the other. */
	must(exo_pt_set(0, t, 0, EXO_PTE(p[0], VM_RW), slot));
	must(exo_pt_set(0, t, 1, EXO_PTE(p[1], VM_RW), slot));
	must(exo_raw4(EXO_NR_BASE + nr, a, b, c, d));
	r = exo_pt_set(0, t, 2, EXO_PTE(p[2], VM_RW), slot);
	must(vm_unmap(va, 3));
	for (uint32_t i = 0; i < 3; i++)
		must(exo_page_free(self->memory_slot, p[i], 1));
	return r;
}

TEST(what_is_remembered_of_an_edit_ends_with_its_capability)
{
	exo_slot s = (exo_slot)must(slot_derive(self->memory_slot, EXO_R_ALL,
	    EXO_COMP_SAME));
	exo_ppn t = (exo_ppn)must(vm_page(EXO_PG_SLOTS));

	EQ(edit_without(s, EXO_NR_null, 0, 0, 0, 0), 0);
	EQ(edit_without(s, EXO_NR_cap_drop, s, 0, 0, 0), -EXO_E_SLOT);
	slot_put(s);
	s = EXO_SLOT(2, 0);
	must(exo_slots_bind(self->domain, self->domain_slot, 2, t));
	must(exo_cap_derive(self->memory_slot, s, EXO_R_ALL, EXO_COMP_SAME));
	EQ(edit_without(s, EXO_NR_slots_bind, self->domain, self->domain_slot,
	    2, 0), -EXO_E_SLOT);
	must(exo_page_free(self->memory_slot, t, 1));
}

/* A batch that replaces more entries than are flushed one by one. */
TEST(batch_that_replaces_is_seen_at_once)
{
	enum { N = 16 };
	uint64_t va = (vm_alloc_va(1024) + 0x1fffff) & ~0x1ffffful;
	exo_ppn table = (exo_ppn)must(vm_table_make(va, 1));
	uint64_t ptes[2][N];

	for (uint32_t i = 0; i < 2 * N; i++) {
		exo_ppn p = live_page(va, i + 1);

		ptes[i / N][i % N] = EXO_PTE(p, VM_R);
		must(vm_unmap(va, 1));
	}
	for (uint32_t k = 0; k < 4; k++) {
		EQ(exo_pt_batch(0, table, 0, N, (uint64_t)ptes[k % 2],
		    self->memory_slot), N);
		for (uint32_t i = 0; i < N; i++)
			EQ(*(volatile uint64_t *)(va + i * EXO_PAGE),
			    k % 2 * N + i + 1);
	}
	must(vm_unmap(va, N));
	for (uint32_t i = 0; i < 2 * N; i++)
		must(exo_page_free(self->memory_slot,
		    EXO_PTE_PPN(ptes[i / N][i % N]), 1));
}

TEST(link_to_a_live_table_is_widened_by_right)
{
	uint64_t va = (vm_alloc_va(1024) + 0x1fffff) & ~0x1ffffful;
	exo_ppn up = (exo_ppn)must(vm_table_make(va, 2));
	uint32_t i = EXO_PT_INDEX(va, 2);
	exo_ppn t = (exo_ppn)must(vm_page(EXO_PG_PT1 | EXO_KIND_LIVE));
	exo_slot ro = (exo_slot)must(slot_derive(self->memory_slot,
	    EXO_R_READ, EXO_COMP_SAME));

	must(exo_pt_set(0, up, i, EXO_PTE(t, 0), ro));
	REFUSED(exo_pt_set(0, up, i, EXO_PTE(t, EXO_PTE_W), ro), RIGHTS);
	EQ(exo_pt_set(0, up, i, EXO_PTE(t, EXO_PTE_W), self->memory_slot), 0);
	must(exo_pt_set(0, up, i, EXO_PTE(t, 0), ro));
	/* The link remembers that it may. */
	EQ(exo_pt_set(0, up, i, EXO_PTE(t, EXO_PTE_W), ro), 0);
	must(exo_pt_set(0, up, i, 0, 0));
	slot_put(ro);
	must(exo_page_free(self->memory_slot, t, 1));
}

/* ---- envs abroad */

TEST(env_suspended_abroad_comes_home_when_that_domain_dies)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	watch(&s, EXO_CLASS_FOREIGN, EXO_ACT_SUSPEND, ALL, 0);
	env = client_of(&c, &s, 2, in_foreign, 0);
	listen(&c, env);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	must(exo_domain_kill(s.domain, s.name, 1));
	while (exo_domain_reap(s.domain, EXO_STEPS_MAX) > 0)
		;
	EQ(row(env)->state, EXO_ENV_READY);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ((long)c.page->w[11], -EXO_E_GONE);
	cell_reap(&s);
	cell_end(&c);
}

TEST(env_whose_home_and_callee_fail_dies)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, 2, in_double_fault,
	    s.base + CELL_UPCALL(2));
	OK(cell_run(&c, env, &s.page->w[1], 1));
	must(exo_domain_kill(c.domain, c.name, 1));
	s.page->w[0] = 1;
	(void)cell_run_state(&c, env, EXO_ENV_DEAD);
	EQ(row(env)->state, EXO_ENV_DEAD);
	EQ(row(env)->cause, EXO_CAUSE_HOME);
	cell_reap(&c);
	cell_end(&s);
}

/*
 * Whoever may bind the event slot of an env is told nothing of a server's
 * registers: not by the server's own row, not by the row of its monitor.
 */
static void
nobody_is_told(struct cell *s)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	s->page->w[1] = 0;
	env = client_of(&c, s, 2, in_foreign, 0);
	listen(&c, env);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(s->page->w[1], 1);
	EQ((long)c.page->w[11], -EXO_E_GONE);
	EQ(event->seq, 0);
	must(exo_seat_repair(s->domain, s->name, 2));
	must(exo_seat_free(s->domain, s->name, 2));
	cell_end(&c);
}

TEST(event_slot_of_an_env_is_not_for_the_traps_of_a_server)
{
	struct cell m, s;
	volatile uint64_t *w;

	cell_make(&m, NULL);
	cell_make(&s, NULL);
	must(exo_domain_row(s.domain, s.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_SUSPEND));
	nobody_is_told(&s);
	must(exo_domain_row(s.domain, s.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_PASS));
	w = m.page->w;
	((volatile uint8_t *)w)[EXO_CLASS_FOREIGN] = EXO_ACT_SUSPEND;
	w[1] = w[2] = ALL;
	must(cell_do(&m, EXO_NR_domain_monitor, s.domain, s.name,
	    (uint64_t)w, (uint64_t)(w + 1), 0, 0));
	nobody_is_told(&s);
	cell_end(&s);
	cell_end(&m);
}

/* Several wait for their grace; one that is not the last leaves. */
TEST(graces_end_out_of_turn)
{
	struct cell c[2], s;
	exo_id env[2];

	cell_make(&s, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		cell_make(&c[i], NULL);
		env[i] = client_of(&c[i], &s, 2 + i, in_wait, 0);
		OK(cell_run(&c[i], env[i], &s.page->w[1], i + 1));
		must(exo_env_kill(env[i], c[i].name, 9));
		EQ(row(env[i])->pending, EXO_PEND_KILL);
	}
	s.page->w[0] = 1;
	OK(cell_run_state(&c[0], env[0], EXO_ENV_DEAD));
	EQ(row(env[1])->pending, EXO_PEND_KILL);
	OK(cell_run_state(&c[1], env[1], EXO_ENV_DEAD));
	EQ(row(env[1])->exit_word, 9);
	for (uint32_t i = 0; i < 2; i++)
		cell_end(&c[i]);
	cell_end(&s);
}

static uint64_t
in_waker(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)in_client(p, a, b, c);
	p->w[13] = EXO_COUNTERS->ticks_idle;
	(void)!exo_env_continue(p->w[22], (exo_slot)p->w[23], p->w[24],
	    EXO_HOW_RETRY, 0);
	for (;;)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 0;
}

/*
 * Nobody can run: I am stopped, and the other env is suspended in a callee.
 * But a forced yield waits for it, and at the end of the grace it is pulled
 * home and goes on, and wakes me.
 */
TEST(cpu_idles_until_a_grace_is_over)
{
	uint64_t idle = EXO_COUNTERS->ticks_idle;
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	watch(&s, EXO_CLASS_FOREIGN, EXO_ACT_SUSPEND, ALL, 0);
	env = cell_env_make(&c);
	must(cell_bind(&s, 2, env, cell_service_entry, NULL));
	cell_link(&s, 2, 0, &c, 0);
	c.page->w[20] = (uint64_t)in_wait_foreign;
	must(cell_env_begin(&c, env, 2, in_waker, 0));
	listen(&c, env);
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    1));
	must(exo_slice_set(self->memory_slot, 1, env, c.name));
	OK(cell_run(&c, env, &s.page->w[1], 1));
	must(exo_env_force_yield(env, c.name));
	EQ(row(env)->pending, EXO_PEND_YIELD);
	c.page->w[22] = self->env;
	c.page->w[23] = self->env_slot;
	c.page->w[24] = row(self->env)->seq + 1;
	s.page->w[0] = 1;
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(exo_env_stop(self->env, self->env_slot), 0);
	/* Stopped; and here again. */
	EQ((long)c.page->w[11], -EXO_E_GONE);
	OK(c.page->w[13] > idle);
	must(exo_slice_free(self->memory_slot, 1));
	must(exo_env_kill(env, c.name, 0));
	cell_end(&s);
	cell_end(&c);
}

/* ---- masks and rows */

static void
in_arrived(void)
{
	cell_here()->w[3] = WORD;
	for (;;)
		(void)!exo_env_exit(3);
}

static uint64_t
in_enter(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[11] = (uint64_t)exo_enter(0, 1, 2, 3, 4, 5);
	return 1;
}

/* enter is allowed, but not by the fast path, which serves call too. */
TEST(enter_under_a_mask_without_call)
{
	uint64_t slow = EXO_COUNTERS->slow_enters;
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	watch(&c, EXO_CLASS_REFUSED, EXO_ACT_SUSPEND,
	    ~(1ull << EXO_NR_call), 0);
	env = cell_env_make(&c);
	must(cell_bind(&s, 2, env, in_arrived, NULL));
	cell_link(&s, 2, 9, &c, 0);
	must(cell_env_begin(&c, env, 2, in_enter, 0));
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(s.page->w[3], WORD);
	EQ(row(env)->exit_word, 3);
	OK(EXO_COUNTERS->slow_enters > slow);
	cell_end(&c);
	cell_end(&s);
}

/* The hook of a cell: count the kinds, and go on. */
static bool
hook_count(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	p->w[30 + kind]++;
	r->rax = 0x123;
	return true;
}

static uint64_t
in_null(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[2] = (uint64_t)exo_null();
	return 7;
}

TEST(refuser_that_passes_leaves_it_to_the_own_row)
{
	struct cell c;

	cell_make(&c, NULL);
	c.page->hook = hook_count;
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_REFUSED,
	    EXO_ACT_SELF));
	watch(&c, EXO_CLASS_FAULT, EXO_ACT_PASS, ~(1ull << EXO_NR_null), 0);
	EQ(cell_call(&c, in_null, 0, 0, 0), 7);
	EQ(c.page->w[30 + EXO_K_REFUSED], 1);
	EQ(c.page->w[2], 0x123);
	cell_end(&c);
}

TEST(trap_passed_on_to_no_row_is_a_double_fault)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	watch(&c, EXO_CLASS_FOREIGN, EXO_ACT_SUSPEND, ALL, 0);
	env = cell_env(&c, 2, in_foreign, 0);
	listen(&c, env);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	must(exo_env_continue(env, c.name, event->seq, EXO_HOW_SELF, 0));
	must(exo_env_yield(env, c.name, EXO_NONE));
	EQ(row(env)->state, EXO_ENV_STOPPED);
	EQ(row(env)->cause, EXO_CAUSE_FAULT);
	cell_end(&c);
}

TEST(foreign_call_with_upcalls_off_stops_the_env)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_SELF));
	env = cell_env(&c, 2, in_foreign_off, c.base + CELL_UPCALL(2));
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(row(env)->cause, EXO_CAUSE_FAULT);
	EQ(c.page->w[1], 1);
	EQ(c.page->w[2], 0);
	cell_end(&c);
}

TEST(handlers_of_a_monitor_that_drops_its_client_go)
{
	exo_id env;
	struct cell c;
	uint64_t place;

	cell_make(&c, NULL);
	env = cell_env_make(&c);
	must(cell_bind(&c, 2, env, cell_service_entry, NULL));
	must(seat_make(3, env, cell_service_entry));
	place = (uint64_t)must(place_open(self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 3, 0,
	    self->domain, place));
	watch(&c, EXO_CLASS_FAULT, EXO_ACT_ENTER, ALL, 0);
	must(exo_seat_handler(c.domain, c.name, 2, EXO_ROW_MONITOR, place));
	EQ(EXO_DOMAINS[EXO_INDEX(self->domain)].named, 1);
	must(exo_domain_monitor(c.domain, c.name, 0, 0, EXO_MON_DROP));
	EQ(EXO_DOMAINS[EXO_INDEX(self->domain)].named, 0);
	must(exo_seat_free(self->domain, self->domain_slot, 3));
	cell_end(&c);
}

/* ---- the trace */

TEST(foreign_calls_are_traced_as_such)
{
	uint64_t from, n;
	uint32_t found = 0;
	struct cell c;

	cell_make(&c, NULL);
	c.page->hook = hook_count;
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_SELF));
	must(exo_trace_set(self->root_slot, 1));
	from = EXO_MACHINE->trace_next;
	EQ(cell_call(&c, in_foreign, 0, 0, 0), 7);
	n = EXO_MACHINE->trace_next;
	must(exo_trace_set(self->root_slot, 0));
	for (; from < n; from++) {
		const volatile struct exo_trace *t =
		    &EXO_TRACE[from % EXO_MACHINE->ntrace];

		found += t->nr == from && t->kind == EXO_TR_FOREIGN &&
		    t->call == 39;
	}
	EQ(found, 1);
	EQ(c.page->w[30 + EXO_K_FOREIGN], 1);
	cell_end(&c);
}
