/*
 * monitor.c - monitors: rows, events, masks; what a client can't get round.
 */
#include "cell.h"

#define ALL		(~0ull)
#define NOT(call)	(~(1ull << EXO_NR_##call))

/* m becomes c's monitor, by its own call: actions of six classes, a mask. */
static long
watch(struct cell *m, struct cell *c, const uint8_t *actions, uint64_t low,
    uint64_t high, uint32_t flags)
{
	uint8_t *a = (uint8_t *)(m->page->w + 160);
	volatile uint64_t *mask = m->page->w + 168;

	memset(a, 0, 8);
	if (actions != NULL)
		memcpy(a, actions, EXO_CLASSES);
	mask[0] = low;
	mask[1] = high;
	return cell_do(m, EXO_NR_domain_monitor, c->domain, c->name,
	    (uint64_t)a, (uint64_t)mask, flags, 0);
}

/* Its event slot for env, in its spare page. */
static struct exo_event *
event(struct cell *m)
{
	return (struct exo_event *)(m->base + EXO_PAGE);
}

static void
listen(struct cell *m, exo_id env, struct cell *c)
{
	memset(event(m), 0, sizeof(struct exo_event));
	must(cell_do(m, EXO_NR_env_event, env, c->name, m->frame[1], 0,
	    m->name, 0));
}

static long
go_on(struct cell *m, struct cell *c, exo_id env, uint64_t seq, uint64_t how)
{
	return cell_do(m, EXO_NR_env_continue, env, c->name, seq, how,
	    (uint64_t)&event(m)->regs, 0);
}

#define ROWS(f, x, r, o, s, d)						      \
	((const uint8_t[EXO_CLASSES]){ EXO_ACT_##f, EXO_ACT_##x,	      \
	    EXO_ACT_##r, EXO_ACT_##o, EXO_ACT_##s, EXO_ACT_##d })

/* ---------------------------------------------------------- what clients do */

static uint64_t
in_null(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_null();
	p->w[1] = 1;
	return 0x55;
}

/* Reads address 8; what it gets goes to w[0]. */
uint64_t read_at(uint64_t va);
extern char read_at_insn[];
__asm__(".pushsection .text\n"
	"read_at:\n"
	"	xor %eax, %eax\n"
	"read_at_insn:\n"
	"	.byte 0x48, 0x8b, 0x07\n"	/* mov (%rdi), %rax */
	"	ret\n"
	".popsection\n");

static uint64_t
in_read(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = read_at(8);
	p->w[1] = 1;
	return 0x55;
}

static uint64_t
in_ud(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	__asm__ volatile("ud2");
	p->w[1] = 1;
	return 0x55;
}

static uint64_t
in_foreign(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_raw3(39, 1, 2, 3);
	p->w[1] = 1;
	return 0x55;
}

static bool
hook_result(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	p->w[20]++;
	p->w[21] = kind;
	p->w[22] = r->rax;
	if (kind == EXO_K_REFUSED || kind == EXO_K_FOREIGN)
		r->rax = 0xabc;
	else if (kind == EXO_K_TRAP + TRAP_OPCODE)
		r->rip += 2;
	else
		r->rip += 3;
	return true;
}

static bool
ended(struct cell *c, exo_id env)
{
	return cell_run_state(c, env, EXO_ENV_DEAD) &&
	    EXO_ENVS[EXO_INDEX(env)].exit_word == 0x55;
}

/* ------------------------------------------------------------------ rows */

TEST(monitors_row_self_is_an_upcall_in_the_client)
{
	struct cell m, c;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FAULT, EXO_ACT_PASS));
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_EXCEPTION,
	    EXO_ACT_PASS));
	c.page->hook = hook_result;
	EQ(watch(&m, &c, ROWS(SELF, SELF, SELF, SELF, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].monitor, EXO_INDEX(m.domain));
	EQ(EXO_DOMAINS[EXO_INDEX(m.domain)].clients, 1);
	EQ(cell_call(&c, in_read, 0, 0, 0), 0x55);
	EQ(c.page->w[21], EXO_K_TRAP + TRAP_PAGE);
	EQ(cell_call(&c, in_ud, 0, 0, 0), 0x55);
	EQ(c.page->w[21], EXO_K_TRAP + TRAP_OPCODE);
	EQ(cell_call(&c, in_foreign, 0, 0, 0), 0x55);
	EQ(c.page->w[21], EXO_K_FOREIGN);
	EQ(c.page->w[22], 39);
	EQ(c.page->w[0], 0xabc);
	EQ(cell_call(&c, in_null, 0, 0, 0), 0x55);
	EQ(c.page->w[21], EXO_K_REFUSED);
	EQ(c.page->w[22], EXO_NR_BASE + EXO_NR_null);
	EQ(c.page->w[0], 0xabc);
	EQ(c.page->w[20], 4);
	cell_end(&c);
	cell_end(&m);
}

TEST(suspended_env_is_reported_and_goes_on_with_the_registers_given)
{
	struct cell m, c;
	struct exo_event *ev;
	const volatile struct exo_env *e;
	uint64_t seq, before = EXO_COUNTERS->events;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(SUSPEND, SUSPEND, SUSPEND, SUSPEND, PASS, PASS),
	    ALL, ALL, 0), 0);
	env = cell_env(&c, 2, in_read, 0);
	e = &EXO_ENVS[EXO_INDEX(env)];
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	ev = event(&m);
	seq = ev->seq;
	OK(seq != 0);
	EQ(seq, e->seq);
	EQ(EXO_COUNTERS->events - before, 1);
	EQ(ev->env, env);
	EQ(ev->domain, EXO_INDEX(c.domain));
	EQ(ev->class, EXO_CLASS_FAULT);
	EQ(ev->kind, EXO_K_TRAP + TRAP_PAGE);
	EQ(ev->regs.rip, (uint64_t)read_at_insn);
	EQ(ev->regs.addr, 8);
	EQ(ev->regs.err, 4);
	EQ(ev->regs.rdi, 8);
	EQ(c.page->traps, 0);
	EQ(exo_env_yield(env, c.name, EXO_NONE), -EXO_E_STATE);
	/* A page fault can't be skipped by the kernel; the monitor may. */
	EQ(go_on(&m, &c, env, seq, EXO_HOW_SKIP), -EXO_E_ARG);
	ev->regs.rip += 3;
	ev->regs.rax = 0x1234;
	EQ(go_on(&m, &c, env, seq, EXO_HOW_REGS), 0);
	EQ(e->state, EXO_ENV_READY);
	OK(ended(&c, env));
	EQ(c.page->w[0], 0x1234);
	cell_end(&c);
	cell_end(&m);
}

/* Else a late or double answer would overwrite registers of another stop. */
TEST(event_is_answered_once_and_only_by_its_number)
{
	struct cell m, c;
	struct exo_regs r;
	uint64_t seq;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, SUSPEND, PASS, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	env = cell_env(&c, 2, in_null, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	seq = event(&m)->seq;
	EQ(exo_env_regs(env, c.name, (uint64_t)&r), 0);
	EQ(r.rax, EXO_NR_BASE + EXO_NR_null);
	EQ(go_on(&m, &c, env, seq + 1, EXO_HOW_SKIP), -EXO_E_STALE);
	EQ(go_on(&m, &c, env, 0, EXO_HOW_SKIP), -EXO_E_STALE);
	EQ(go_on(&m, &c, env, seq, EXO_HOWS), -EXO_E_ARG);
	/* Retry: it is refused again, with a new number. */
	EQ(go_on(&m, &c, env, seq, EXO_HOW_RETRY), 0);
	EQ(go_on(&m, &c, env, seq, EXO_HOW_RETRY), -EXO_E_STATE);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(event(&m)->seq, seq + 1);
	EQ(event(&m)->kind, EXO_K_REFUSED);
	EQ(go_on(&m, &c, env, seq, EXO_HOW_SKIP), -EXO_E_STALE);
	EQ(go_on(&m, &c, env, seq + 1, EXO_HOW_SKIP), 0);
	EQ(go_on(&m, &c, env, seq + 1, EXO_HOW_SKIP), -EXO_E_STATE);
	OK(ended(&c, env));
	EQ(c.page->w[0], -EXO_E_DENIED);
	cell_end(&c);
	cell_end(&m);
}

TEST(how_self_passes_on_to_the_domains_own_row)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	c.page->hook = hook_result;
	EQ(watch(&m, &c, ROWS(SUSPEND, SUSPEND, SUSPEND, SUSPEND, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_REFUSED,
	    EXO_ACT_SELF));
	env = cell_env(&c, 2, in_null, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(go_on(&m, &c, env, event(&m)->seq, EXO_HOW_SELF), 0);
	OK(ended(&c, env));
	EQ(c.page->w[21], EXO_K_REFUSED);
	EQ(c.page->w[22], EXO_NR_BASE + EXO_NR_null);
	EQ(c.page->w[0], 0xabc);
	cell_end(&c);
	cell_end(&m);
}

/* A row that can't deliver must not fall to the client's own. */
TEST(monitor_without_an_event_slot_is_a_double_fault)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(SUSPEND, PASS, PASS, PASS, PASS, PASS), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_read, 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	EQ(c.page->traps, 0);
	cell_end(&c);
	cell_end(&m);
}

TEST(monitors_double_row_takes_what_nobody_could)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, PASS, PASS, PASS, SUSPEND), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_read, 0);
	((struct exo_upcall *)(c.base + CELL_UPCALL(2)))->off = 1;
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(event(&m)->class, EXO_CLASS_DOUBLE);
	EQ(event(&m)->kind, EXO_K_TRAP + TRAP_PAGE);
	EQ(event(&m)->regs.addr, 8);
	event(&m)->regs.rip += 3;
	EQ(go_on(&m, &c, env, event(&m)->seq, EXO_HOW_REGS), 0);
	OK(ended(&c, env));
	cell_end(&c);
	cell_end(&m);
}

TEST(forced_yield_is_seen_by_the_monitors_slice_row)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, PASS, PASS, SUSPEND, PASS), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_null, 0);
	listen(&m, env, &c);
	EQ(exo_env_force_yield(env, c.name), 0);
	EQ(EXO_ENVS[EXO_INDEX(env)].state, EXO_ENV_SUSPENDED);
	EQ(event(&m)->class, EXO_CLASS_SLICE);
	EQ(event(&m)->kind, EXO_K_SLICE);
	EQ(go_on(&m, &c, env, event(&m)->seq, EXO_HOW_RETRY), 0);
	OK(ended(&c, env));
	EQ(c.page->w[0], 0);
	cell_end(&c);
	cell_end(&m);
}

/* ------------------------------------------- registers from a monitor */

/* Tells its selectors and flags. */
static uint64_t
in_tell(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t cs, ss, f;

	(void)a, (void)b, (void)c;
	(void)read_at(8);
	__asm__ volatile("mov %%cs, %0; mov %%ss, %1; pushfq; pop %2;"
	    "push $0x202; popfq" : "=r"(cs), "=r"(ss), "=r"(f));
	p->w[2] = cs & 0xffff;
	p->w[3] = ss & 0xffff;
	p->w[4] = f;
	return 0x55;
}

/* Else a monitor, or who edits its memory, would run code in ring 0. */
TEST(registers_from_a_monitor_are_made_the_users)
{
	struct cell m, c;
	struct exo_event *ev;
	uint64_t seq, rip;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(SUSPEND, PASS, PASS, PASS, PASS, PASS), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_tell, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	ev = event(&m);
	seq = ev->seq;
	rip = ev->regs.rip + 3;
	ev->regs.rip = 0xffffffff80000000ul;
	EQ(go_on(&m, &c, env, seq, EXO_HOW_REGS), -EXO_E_ARG);
	ev->regs.rip = 0x0000800000000000ul;
	EQ(go_on(&m, &c, env, seq, EXO_HOW_REGS), -EXO_E_ARG);
	ev->regs.rip = EXO_USER_TOP;
	EQ(go_on(&m, &c, env, seq, EXO_HOW_REGS), -EXO_E_ARG);
	EQ(cell_do(&m, EXO_NR_env_continue, env, c.name, seq, EXO_HOW_REGS,
	    0xffffffff80000000ul, 0), -EXO_E_ADDR);
	EQ(EXO_ENVS[EXO_INDEX(env)].state, EXO_ENV_SUSPENDED);
	ev->regs.rip = rip;
	ev->regs.cs = 8;
	ev->regs.ss = 0x10;
	ev->regs.rflags = 0xffffffffffffffffull & ~0x100ull;	/* not TF */
	EQ(go_on(&m, &c, env, seq, EXO_HOW_REGS), 0);
	OK(ended(&c, env));
	EQ(c.page->w[2], 0x2b);
	EQ(c.page->w[3], 0x23);
	EQ(c.page->w[4] & 0x200, 0x200);		/* IF */
	EQ(c.page->w[4] & 0x1f7000, 0x240000 & 0x1f7000);
	EQ(c.page->w[4] & 0x40400, 0x40400);		/* AC DF: as asked */
	cell_end(&c);
	cell_end(&m);
}

/* The kernel keeps its own copy: RETRY is not what the memory says now, and
 * a sibling thread of the client has no way to either. */
TEST(registers_that_wait_are_out_of_everybodys_reach)
{
	struct cell m, c;
	struct exo_event *ev;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, &(struct cell_opts){ .alone = true });
	EQ(watch(&m, &c, ROWS(SUSPEND, PASS, PASS, PASS, PASS, PASS), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_read, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	ev = event(&m);
	/* The sibling: neither by mapping the event frame, nor by taking it,
	 * nor by its env. */
	EQ(cell_do(&c, EXO_NR_pt_set, 0, c.table[5], 100,
	    EXO_PTE(m.frame[1], VM_RW), 0, 0), -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_page_guard, 0, 0, m.frame[1], 1, 0, 0),
	    -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_env_continue, env, 0, ev->seq, EXO_HOW_REGS,
	    c.base, 0), -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_env_regs, env, 0, c.base, 0, 0, 0),
	    -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_env_event, env, 0, 0, 0, 0, 0), -EXO_E_SLOT);
	OK(!cell_write(&c, (uint64_t)&ev->regs.rip, 0));
	/* What is written there counts for REGS only. */
	memset(&ev->regs, 0xff, sizeof(ev->regs));
	EQ(go_on(&m, &c, env, ev->seq, EXO_HOW_RETRY), 0);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(ev->regs.rip, (uint64_t)read_at_insn);
	EQ(ev->regs.addr, 8);
	cell_end(&c);
	cell_end(&m);
}

TEST(event_frame_is_bound_it_can_not_be_freed_or_taken)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_read, 0);
	listen(&m, env, &c);
	EQ(EXO_PAGES[m.frame[1]].flags & EXO_PF_BOUND, EXO_PF_BOUND);
	REFUSED(exo_page_guard(m.name, m.name, m.frame[1], 1), BUSY);
	REFUSED(exo_page_free(m.name, m.frame[1], 1), BUSY);
	REFUSED(exo_env_event(env, c.name, c.frame[1], 0, c.name), BUSY);
	EQ(exo_env_event(env, c.name, 0, 0, 0), 0);
	EQ(EXO_PAGES[m.frame[1]].flags & EXO_PF_BOUND, 0);
	/* Another's bound frame is no place for events; odd places neither. */
	REFUSED(exo_env_event(env, c.name, c.frame[CELL_UPCALL(1) / EXO_PAGE],
	    0, c.name), BUSY);
	REFUSED(exo_env_event(env, c.name, m.frame[1], 8, m.name), ARG);
	REFUSED(exo_env_event(env, c.name, m.frame[1], 4096, m.name), ARG);
	cell_end(&c);
	cell_end(&m);
}

/* -------------------------------------------------------- the masks */

/* Makes every native call, with arguments that would do something bad if it
 * were let through to another domain; w[20] counts what comes back. */
static uint64_t
in_every_call(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t wrong = 0;

	(void)a, (void)b, (void)c;
	for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++) {
		if (nr == EXO_NR_reply)
			continue;	/* it takes nothing */
		p->w[22] = 0;
		if (exo_raw6(EXO_NR_BASE + nr, 0, 0, 0, 0, 0, 0) != 0xabc ||
		    p->w[22] != EXO_NR_BASE + nr) {
			p->w[30] = nr;
			wrong++;
		}
	}
	p->w[31] = wrong;
	(void)!exo_raw1(60, 0);		/* a foreign call: let me out */
	return 0;
}

/* Every row of the one list: none is forgotten, enter and call included. */
TEST(empty_mask_redirects_every_call)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	c.page->hook = hook_result;
	EQ(watch(&m, &c, ROWS(PASS, PASS, SELF, SUSPEND, PASS, PASS),
	    ~NOT(reply), 0, 0), 0);
	env = cell_env(&c, 2, in_every_call, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(event(&m)->kind, EXO_K_FOREIGN);
	EQ(c.page->w[20], EXO_NR_MAX - 1);
	EQ(c.page->w[31], 0);
	if (c.page->w[31] != 0)
		print("# call %lu got through\n", c.page->w[30]);
	cell_end(&c);
	cell_end(&m);
}

static uint64_t
in_call_self(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_call(0, (uint64_t)in_null, 0, 0, 0, 0, NULL);
	return 0x55;
}

/* It only gives back what a caller lent. */
TEST(mask_must_allow_reply)
{
	struct cell m, c;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, SUSPEND, PASS, PASS, PASS),
	    NOT(reply), ALL, 0), -EXO_E_ARG);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].monitor, EXO_NONE);
	cell_end(&c);
	cell_end(&m);
}

/* Refusing enter takes both fast paths away, and changes nothing else. */
TEST(mask_without_enter_leaves_call_and_reply)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, SUSPEND, PASS, PASS, PASS),
	    NOT(enter), ALL, 0), 0);
	env = cell_env_make(&c);
	must(cell_bind(&c, 3, env, cell_service_entry, NULL));
	cell_link(&c, 3, 0, &c, 0);
	must(cell_env_begin(&c, env, 2, in_call_self, 0));
	OK(ended(&c, env));
	EQ(c.page->w[0], EXO_K_REPLY);
	cell_end(&c);
	cell_end(&m);
}

/*
 * The client makes itself a second domain, on its own root, and calls from
 * there what its mask refuses: its monitor came along.
 */
TEST(mask_is_not_side_stepped_from_another_domain_of_the_client)
{
	struct cell m, c;
	exo_id second, env;
	exo_ppn record;
	struct exo_seat_args a;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, SUSPEND, PASS, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	record = EXO_MACHINE->free_head;
	EQ(cell_do(&c, EXO_NR_page_alloc, c.acct, c.name, c.name,
	    EXO_PG_DOMAIN, record, 1), 1);
	second = (exo_id)must(cell_do(&c, EXO_NR_domain_create, c.acct,
	    c.name, c.name, EXO_NONE, record, c.root));
	EQ(EXO_DOMAINS[EXO_INDEX(second)].monitor, EXO_INDEX(m.domain));
	EQ(EXO_DOMAINS[EXO_INDEX(m.domain)].clients, 2);
	env = cell_env_make(&c);
	*(uint64_t *)(c.base + CELL_STACK(2)) = (uint64_t)in_null;
	must(cell_bind(&c, 2, env, cell_service_entry, NULL));
	/* In the second domain by enter, and by being born there. */
	a = (struct exo_seat_args){ .env = env,
	    .entry = (uint64_t)cell_service_entry,
	    .stack = c.base + CELL_STACK(2) + EXO_PAGE };
	must(exo_seat_bind(second, c.name, 0, (uint64_t)&a));
	must(exo_env_start(env, c.name, second, c.name, 0, 0));
	listen(&m, env, &c);
	/* cell_service(badge, fn = 0): it faults there; send it to in_null. */
	EQ(exo_env_stop(env, c.name), 0);
	memset(event(&m), 0, sizeof(struct exo_event));
	must(exo_env_regs(env, c.name, (uint64_t)&event(&m)->regs));
	event(&m)->regs.rip = (uint64_t)in_null;
	event(&m)->regs.rdi = c.base;
	event(&m)->regs.rsp -= 8;
	EQ(go_on(&m, &c, env, EXO_ENVS[EXO_INDEX(env)].seq, EXO_HOW_REGS), 0);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(event(&m)->kind, EXO_K_REFUSED);
	EQ(event(&m)->domain, EXO_INDEX(second));
	EQ(event(&m)->regs.rax, EXO_NR_BASE + EXO_NR_null);
	cell_end(&c);
	cell_end(&m);
}

/* Neither by dropping the monitor, nor by another one, nor by rows. */
TEST(client_does_not_get_rid_of_its_monitor)
{
	struct cell m, c, d;
	uint64_t w;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	cell_make(&d, NULL);
	EQ(watch(&m, &c, ROWS(SELF, SELF, SELF, SELF, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	EQ(watch(&c, &c, NULL, ALL, ALL, EXO_MON_DROP), -EXO_E_BUSY);
	EQ(watch(&d, &c, NULL, ALL, ALL, EXO_MON_DROP), -EXO_E_BUSY);
	EQ(watch(&d, &c, NULL, ALL, ALL, 0), -EXO_E_BUSY);
	EQ(watch(&c, &c, NULL, ALL, ALL, 0), -EXO_E_BUSY);
	w = c.page->traps;
	EQ(cell_do(&c, EXO_NR_domain_row, c.domain, c.name,
	    EXO_CLASS_REFUSED, EXO_ACT_PASS, 0, 0), 0);
	c.page->hook = hook_result;
	EQ(cell_call(&c, in_null, 0, 0, 0), 0x55);
	EQ(c.page->traps, w + 1);
	EQ(c.page->w[0], 0xabc);
	/* Who is not its monitor can't bind the monitor's handler. */
	must(exo_handle_open(c.domain, c.name, 9, self->domain));
	must(exo_handle_mint(d.domain, d.name, CELL_SEAT, 0, c.domain, 9));
	EQ(cell_do(&c, EXO_NR_seat_handler, c.domain, c.name, CELL_SEAT,
	    EXO_ROW_MONITOR, 9, 0), -EXO_E_RIGHTS);
	cell_end(&d);
	cell_end(&c);
	cell_end(&m);
}

TEST(becoming_a_monitor_needs_the_right)
{
	struct cell m, c;
	exo_slot weak;
	uint8_t bad[EXO_CLASSES] = { EXO_ACTIONS };
	uint64_t mask[2] = { ALL, ALL };

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	weak = (exo_slot)must(slot_derive(c.name, EXO_R_ALL & ~EXO_R_MONITOR,
	    EXO_COMP_SAME));
	REFUSED(exo_domain_monitor(c.domain, weak, (uint64_t)bad,
	    (uint64_t)mask, 0), RIGHTS);
	REFUSED(exo_domain_monitor(c.domain, m.name, (uint64_t)bad,
	    (uint64_t)mask, 0), DENIED);
	REFUSED(exo_domain_monitor(c.domain, c.name, (uint64_t)bad,
	    (uint64_t)mask, 0), ARG);
	REFUSED(exo_domain_monitor(c.domain, c.name, 8, (uint64_t)mask, 0),
	    ADDR);
	slot_put(weak);
	cell_end(&c);
	cell_end(&m);
}

TEST(cycles_of_monitors_are_refused)
{
	struct cell a, b, c;

	cell_make(&a, NULL);
	cell_make(&b, NULL);
	cell_make(&c, NULL);
	EQ(watch(&a, &a, NULL, ALL, ALL, 0), -EXO_E_LOOP);
	EQ(watch(&a, &b, NULL, ALL, ALL, 0), 0);
	EQ(watch(&b, &c, NULL, ALL, ALL, 0), 0);
	OK(watch(&b, &a, NULL, ALL, ALL, 0) < 0);
	OK(watch(&c, &a, NULL, ALL, ALL, 0) < 0);
	EQ(watch(&c, &c, NULL, ALL, ALL, 0), -EXO_E_BUSY);
	EQ(EXO_DOMAINS[EXO_INDEX(a.domain)].monitor, EXO_NONE);
	cell_end(&c);
	cell_end(&b);
	cell_end(&a);
}

/* top watches mid, mid watches c: what top refuses mid can't allow c. */
TEST(masks_along_a_chain_are_anded)
{
	struct cell top, mid, c;
	exo_id env;

	cell_make(&top, NULL);
	cell_make(&mid, NULL);
	cell_make(&c, NULL);
	EQ(watch(&top, &mid, ROWS(PASS, PASS, SUSPEND, PASS, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	EQ(watch(&mid, &c, ROWS(PASS, PASS, SELF, PASS, PASS, PASS),
	    NOT(cap_drop), ALL, 0), 0);
	c.page->hook = hook_result;
	env = cell_env(&c, 2, in_null, 0);
	listen(&top, env, &c);
	/* null goes to top, which refuses it. */
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	EQ(event(&top)->kind, EXO_K_REFUSED);
	EQ(c.page->traps, 0);
	EQ(go_on(&top, &c, env, event(&top)->seq, EXO_HOW_SKIP), 0);
	OK(ended(&c, env));
	EQ(c.page->w[0], -EXO_E_DENIED);
	/* cap_drop goes to mid, which is the nearest that refuses it. */
	EQ(cell_do(&c, EXO_NR_cap_drop, 95, 0, 0, 0, 0, 0), 0xabc);
	EQ(c.page->traps, 1);
	cell_end(&c);
	cell_end(&mid);
	cell_end(&top);
}

/* ------------------------------------------------------ in-process monitors */

/*
 * The handler's entry in m: rax kind, rdi badge, rsi the registers.  Notes
 * them in its page, calls m_answer, which says what to do.
 */
void m_entry(void);
void m_trapped(uint64_t kind, uint64_t badge, struct exo_regs *r);
__asm__(".pushsection .text\n"
	"m_entry:\n"
	"	mov %rsi, %rdx\n"
	"	mov %rdi, %rsi\n"
	"	mov %rax, %rdi\n"
	"	and $-16, %rsp\n"
	"	call m_trapped\n"
	"	ud2\n"
	".popsection\n");

__attribute__((target("general-regs-only"))) void
m_trapped(uint64_t kind, uint64_t badge, struct exo_regs *r)
{
	struct cell_page *p = (struct cell_page *)((uint64_t)r &
	    ~(CELL_SPAN - 1));

	p->w[40]++;
	p->w[41] = kind;
	p->w[42] = badge;
	p->w[43] = r->rax;
	p->w[44] = r->rdi;
	p->w[45] = (uint64_t)r;
	p->w[46] = r->rip;
	p->w[47] = (uint64_t)exo_reply(9);	/* it is not a call */
	p->w[48] = (uint64_t)exo_seat_resume(EXO_HOW_SKIP, (uint64_t)r);
	p->w[49] = (uint64_t)exo_seat_resume(EXO_HOW_REGS, 8);
	r->rip = 0xffffffff80000000ul;
	p->w[50] = (uint64_t)exo_seat_resume(EXO_HOW_REGS, (uint64_t)r);
	r->rip = p->w[46];
	if (p->w[51] != 0) {			/* the test says how */
		(void)!exo_seat_resume(EXO_HOW_SELF, (uint64_t)r);
		return;
	}
	r->rax = 0x777;
	if (kind >= EXO_K_TRAP)
		r->rip += 3;
	r->cs = 8;
	r->rflags |= 0x3000;
	(void)!exo_seat_resume(EXO_HOW_REGS, (uint64_t)r);
}

/* Bind m's seat 2 as the handler of c's seat, for an env. */
static void
handler(struct cell *m, struct cell *c, uint32_t seat, exo_id env,
    uint32_t whose)
{
	must(cell_bind(m, 2, env, m_entry, NULL));
	must(exo_handle_open(m->domain, m->name, 7, self->domain));
	must(exo_handle_mint(m->domain, m->name, 2, 0xbad9e, m->domain, 7));
	must(cell_do(m, EXO_NR_seat_handler, c->domain, c->name, seat, whose,
	    7, 0));
}

TEST(enter_hands_the_env_to_the_monitor_and_back)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(ENTER, ENTER, ENTER, ENTER, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	env = cell_env(&c, 2, in_foreign, 0);
	handler(&m, &c, 2, env, EXO_ROW_MONITOR);
	OK(ended(&c, env));
	EQ(m.page->w[40], 1);
	EQ(m.page->w[41], EXO_K_FOREIGN);
	EQ(m.page->w[42], 0xbad9e);
	EQ(m.page->w[43], 39);
	EQ(m.page->w[44], 1);
	EQ(m.page->w[45] & ~(CELL_SPAN - 1), m.base);
	EQ(m.page->w[47], -EXO_E_STATE);
	EQ(m.page->w[48], -EXO_E_ARG);
	EQ(m.page->w[49], -EXO_E_ADDR);
	EQ(m.page->w[50], -EXO_E_ARG);
	EQ(c.page->w[0], 0x777);
	EQ(c.page->traps, 0);
	cell_end(&c);
	cell_end(&m);
}

TEST(refused_call_enters_the_reference_monitor)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, ENTER, PASS, PASS, PASS),
	    NOT(null), ALL, 0), 0);
	env = cell_env(&c, 2, in_null, 0);
	handler(&m, &c, 2, env, EXO_ROW_MONITOR);
	OK(ended(&c, env));
	EQ(m.page->w[41], EXO_K_REFUSED);
	EQ(m.page->w[43], EXO_NR_BASE + EXO_NR_null);
	EQ(c.page->w[0], 0x777);
	cell_end(&c);
	cell_end(&m);
}

TEST(fault_enters_the_monitor_and_may_go_on_to_the_own_row)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(ENTER, PASS, PASS, PASS, PASS, PASS), ALL, ALL,
	    0), 0);
	m.page->w[51] = 1;
	c.page->hook = hook_result;
	env = cell_env(&c, 2, in_read, 0);
	handler(&m, &c, 2, env, EXO_ROW_MONITOR);
	OK(ended(&c, env));
	EQ(m.page->w[40], 1);
	EQ(c.page->w[20], 1);
	EQ(c.page->w[21], EXO_K_TRAP + TRAP_PAGE);
	EQ(c.page->regs.addr, 8);
	EQ(c.page->regs.rip, (uint64_t)read_at_insn);
	cell_end(&c);
	cell_end(&m);
}

/* Eight calls are open: the ninth link would be the trap's. */
static uint64_t
in_descend(struct cell_page *p, uint64_t n, uint64_t last, uint64_t c)
{
	uint64_t r = 0;

	(void)c;
	if (n == last) {
		p->w[0] = (uint64_t)exo_raw1(39, 0);
		return 0x77;
	}
	p->w[30 + n] = (uint64_t)exo_call(n, (uint64_t)in_descend, n + 1,
	    last, 0, 0, &r);
	return r;
}

static uint64_t
in_begin_descent(struct cell_page *p, uint64_t last, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	p->w[1] = in_descend(p, 3, last, 0);
	return 0x55;
}

TEST(trap_on_a_full_chain_is_a_double_fault)
{
	for (uint64_t last = 10; last <= 11; last++) {
		struct cell m, c;
		exo_id env;

		cell_make(&m, NULL);
		cell_make(&c, &(struct cell_opts){ .seats = 12 });
		must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
		    EXO_ACT_ENTER));
		env = cell_env_make(&c);
		for (uint32_t i = 3; i < last; i++) {
			must(cell_bind(&c, i, env, cell_service_entry, NULL));
			cell_link(&c, i, 0, &c, i);
		}
		must(cell_env_begin(&c, env, 2, in_begin_descent, last));
		handler(&m, &c, (uint32_t)last - 1, env, EXO_ROW_OWN);
		OK(ended(&c, env));
		/* Seven open: there is room for it.  Eight: the caller of the
		 * one that trapped is told. */
		EQ(m.page->w[40], last == 10);
		EQ(c.page->w[0], last == 10 ? 0x777 : 0);
		EQ(c.page->w[30 + last - 1], last == 10 ? EXO_K_REPLY :
		    -EXO_E_GONE);
		EQ(c.page->w[33], EXO_K_REPLY);
		cell_end(&c);
		cell_end(&m);
	}
}

/* The parent context of a light-weight one: by the domain's own row. */
TEST(own_row_enters_a_handler_too)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_ENTER));
	env = cell_env(&c, 2, in_foreign, 0);
	handler(&m, &c, 2, env, EXO_ROW_OWN);
	OK(ended(&c, env));
	EQ(m.page->w[41], EXO_K_FOREIGN);
	EQ(c.page->w[0], 0x777);
	cell_end(&c);
	cell_end(&m);
}

/* In the trapped env's handler nothing else can answer for it; and with no
 * trap there is nothing to resume. */
static uint64_t
in_resume(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	return (uint64_t)exo_seat_resume(EXO_HOW_REGS, (uint64_t)&p->regs);
}

TEST(resume_without_a_trap_is_refused)
{
	struct cell c;

	cell_make(&c, NULL);
	EQ(exo_seat_resume(EXO_HOW_REGS, (uint64_t)&probe_regs),
	    -EXO_E_DEPTH);
	EQ(cell_call(&c, in_resume, 0, 0, 0), -EXO_E_STATE);
	cell_end(&c);
}

TEST(handler_for_another_env_is_refused)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, NULL, ALL, ALL, 0), 0);
	env = cell_env(&c, 2, in_foreign, 0);
	(void)env;
	/* m's own seat is reserved for me, c's seat 2 for env. */
	must(exo_handle_open(m.domain, m.name, 7, self->domain));
	must(exo_handle_mint(m.domain, m.name, CELL_SEAT, 0, m.domain, 7));
	EQ(cell_do(&m, EXO_NR_seat_handler, c.domain, c.name, 2,
	    EXO_ROW_MONITOR, 7, 0), -EXO_E_DENIED);
	EQ(cell_do(&m, EXO_NR_seat_handler, c.domain, c.name, 3,
	    EXO_ROW_MONITOR, 7, 0), -EXO_E_EMPTY);
	cell_end(&c);
	cell_end(&m);
}

/* A handler that faults itself, without a way out: the client does not get
 * the trap that its monitor failed to take. */
TEST(monitor_whose_handler_is_gone_does_not_pass_the_trap_on)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, PASS, ENTER, PASS, PASS), ALL, ALL,
	    0), 0);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_SELF));
	c.page->hook = hook_result;
	env = cell_env(&c, 2, in_foreign, 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(c.page->traps, 0);
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	cell_end(&c);
	cell_end(&m);
}

/* -------------------------------------------------------- monitors that die */

TEST(clients_die_with_their_monitor)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, NULL, ALL, ALL, 0), 0);
	env = cell_env(&c, 2, in_null, 0);
	must(exo_domain_kill(m.domain, m.name, 1));
	for (uint32_t i = 0; i < 100; i++)
		(void)!exo_env_yield(env, c.name, EXO_NONE);
	EQ(c.page->w[1], 0);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_DEAD);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].cause, EXO_CAUSE_MONITOR);
	EQ(EXO_ENVS[EXO_INDEX(env)].state, EXO_ENV_DEAD);
	cell_reap(&c);
	cell_reap(&m);
}

/* Also those that never run: at the latest when the monitor is reaped. */
TEST(idle_clients_die_too)
{
	struct cell m, c;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, NULL, ALL, ALL, 0), 0);
	cell_end(&m);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_DEAD);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].cause, EXO_CAUSE_MONITOR);
	cell_reap(&c);
}

TEST(released_clients_live_on_without_a_mask)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(SUSPEND, SUSPEND, SUSPEND, PASS, PASS, PASS),
	    NOT(null), ALL, EXO_MON_RELEASE), 0);
	env = cell_env(&c, 2, in_null, 0);
	must(exo_domain_kill(m.domain, m.name, 1));
	OK(ended(&c, env));
	EQ(c.page->w[0], 0);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_LIVE);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].monitor, EXO_NONE);
	cell_reap(&m);
	EQ(cell_call(&c, in_null, 0, 0, 0), 0x55);
	cell_end(&c);
}

/* Suspended when its monitor dies: not for ever. */
TEST(suspended_client_of_a_dead_monitor_ends)
{
	struct cell m, c;
	exo_id env;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(SUSPEND, PASS, PASS, PASS, PASS, PASS), ALL,
	    ALL, 0), 0);
	env = cell_env(&c, 2, in_read, 0);
	listen(&m, env, &c);
	OK(cell_run_state(&c, env, EXO_ENV_SUSPENDED));
	cell_end(&m);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_DEAD);
	cell_reap(&c);
	EQ(exo_env_yield(env, EXO_START_SLOT_ROOT, EXO_NONE), -EXO_E_NAME);
}

/* A whole chain ends from its top. */
TEST(chain_of_clients_dies_from_the_top)
{
	struct cell top, mid, c;
	exo_id env;

	cell_make(&top, NULL);
	cell_make(&mid, NULL);
	cell_make(&c, NULL);
	EQ(watch(&top, &mid, NULL, ALL, ALL, 0), 0);
	EQ(watch(&mid, &c, NULL, ALL, ALL, 0), 0);
	env = cell_env(&c, 2, in_null, 0);
	must(exo_domain_kill(top.domain, top.name, 1));
	(void)!exo_env_yield(env, c.name, EXO_NONE);
	EQ(c.page->w[1], 0);
	EQ(EXO_DOMAINS[EXO_INDEX(mid.domain)].state, EXO_DOM_DEAD);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_DEAD);
	cell_reap(&c);
	cell_reap(&mid);
	cell_reap(&top);
}

TEST(dropped_client_is_free)
{
	struct cell m, c;

	cell_make(&m, NULL);
	cell_make(&c, NULL);
	EQ(watch(&m, &c, ROWS(PASS, PASS, SELF, PASS, PASS, PASS), NOT(null),
	    ALL, 0), 0);
	EQ(watch(&m, &c, NULL, 0, 0, EXO_MON_DROP), 0);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].monitor, EXO_NONE);
	EQ(EXO_DOMAINS[EXO_INDEX(m.domain)].clients, 0);
	EQ(cell_call(&c, in_null, 0, 0, 0), 0x55);
	EQ(c.page->w[0], 0);
	cell_end(&m);
	EQ(cell_call(&c, in_null, 0, 0, 0), 0x55);
	cell_end(&c);
}
