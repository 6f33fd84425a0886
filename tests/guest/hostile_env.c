/*
 * hostile_env.c - envs against bad arguments, and registers that a program
 * must not have.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

static const uint32_t limits[EXO_RES_MAX] = { 96, 0, 2, 2 };
static const struct cell_opts small = { .limits = limits };

static const volatile struct exo_env *
row(exo_id env)
{
	return &EXO_ENVS[EXO_INDEX(env)];
}

HOSTILE(env_create, arguments)
{
	const exo_ppn good = frame_of(EXO_PG_ENV);
	const uint32_t any = EXO_NONE;
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_create(i, l.name, l.name, any, good), l.acct);
	REFUSED_CAP(exo_env_create(l.acct, s, l.name, any, good), l.name,
	    EXO_R_CHARGE);
	REFUSED_SLOT(exo_env_create(l.acct, l.name, s, any, good));
	REFUSED(exo_env_create(l.acct, l.name, l.name, 0, good), ARG);
	REFUSED(exo_env_create(l.acct, l.name, l.name, EXO_MACHINE->nenvs,
	    good), ARG);
	REFUSED(exo_env_create(l.acct, l.name, l.name, EXO_NONE - 1, good),
	    ARG);
	REFUSED(exo_env_create(l.acct, l.name, l.name, any, 0), ARG);
	REFUSED_FRAME(exo_env_create(l.acct, l.name, l.name, any, f), ARG);
	REFUSED_KIND(exo_env_create(l.acct, l.name, l.name, any, f),
	    KIND(ENV), TYPE);
	REFUSED(exo_env_create(l.acct, l.name, l.name, any,
	    others_frame(EXO_PG_ENV)), REACH);
	REFUSED(exo_env_create(l.acct, l.name, l.name, any, l.eframe), BUSY);
	REFUSED(exo_env_create(l.acct, l.name, l.name, EXO_INDEX(self->env),
	    good), BUSY);
	REFUSED(exo_env_create(l.acct, l.name, l.name, EXO_INDEX(l.env),
	    good), BUSY);
	must(exo_acct_limit(l.acct, l.name, EXO_RES_ENVS, -7));
	REFUSED(exo_env_create(l.acct, l.name, l.name, any, good), QUOTA);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_env_create(l.acct, l.name, l.name, any, good), STATE);
	lab_end(&l);
}

/* Rows run out for who has the limits for all of them. */
HOSTILE(env_create, all_rows)
{
	uint32_t limits[EXO_RES_MAX] = { 8192 };
	exo_slot name = fresh_name();
	exo_ppn frame = 0;
	exo_id acct;
	long r = 0;

	limits[EXO_RES_ENVS] = EXO_MACHINE->nenvs - 2;
	acct = (exo_id)must(exo_acct_create(self->acct, self->acct_slot,
	    name, self->acct, (uint64_t)limits));
	for (uint32_t i = 0; r >= 0 && i < EXO_MACHINE->nenvs; i++) {
		frame = EXO_MACHINE->free_head;
		must(exo_page_alloc(acct, name, name, EXO_PG_ENV, frame, 1));
		r = exo_env_create(acct, name, name, EXO_NONE, frame);
	}
	EQ(r, -EXO_E_FULL);
	REFUSED(exo_env_create(acct, name, name, EXO_NONE, frame), FULL);
	acct_finish(acct, name);
	slot_put(name);
}

HOSTILE(env_start, arguments)
{
	struct lab l, other;
	const exo_id me = self->env;

	lab_make(&l);
	must(lab_seat(&l, 0, l.env));
	must(lab_seat(&l, 1, me));
	REFUSED_ID(exo_env_start(i, l.name, l.domain, l.name, 0, 0), l.env);
	REFUSED_CAP(exo_env_start(l.env, s, l.domain, l.name, 0, 0), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_env_start(me, self->env_slot, l.domain, l.name, 1, 0),
	    STATE);
	REFUSED_ID(exo_env_start(l.env, l.name, i, l.name, 0, 0), l.domain);
	REFUSED_CAP(exo_env_start(l.env, l.name, l.domain, s, 0, 0), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_env_start(l.env, l.name, l.domain, l.name, 4, 0), ARG);
	REFUSED(exo_env_start(l.env, l.name, l.domain, l.name, 0xffffffffu,
	    0), ARG);
	REFUSED(exo_env_start(l.env, l.name, l.domain, l.name, 2, 0), EMPTY);
	REFUSED(exo_env_start(l.env, l.name, l.domain, l.name, 1, 0),
	    DENIED);
	lab_make(&other);
	must(exo_domain_kill(other.domain, other.name, 0));
	REFUSED(exo_env_start(l.env, l.name, other.domain, other.name, 0, 0),
	    STATE);
	lab_end(&other);
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	REFUSED(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0), STATE);
	lab_end(&l);
}

static uint64_t
spin(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[0]++;
	return 0;
}

HOSTILE(env_kill, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_kill(i, l.name, 0), l.env);
	REFUSED_CAP(exo_env_kill(l.env, s, 0), l.name, EXO_R_KILL);
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_env_kill(l.env, l.name, 0), STATE);
	env_finish(l.env);
	REFUSED(exo_env_kill(l.env, l.name, 0), STATE);
	must(exo_env_free(l.env, l.name));
	REFUSED(exo_env_kill(l.env, l.name, 0), NAME);
	lab_end(&l);
}

HOSTILE(env_exit, abroad)
{
	struct cell c;

	cell_make(&c, &small);
	REFUSED(cell_do(&c, EXO_NR_env_exit, 0, 0, 0, 0, 0, 0), STATE);
	REFUSED(cell_do(&c, EXO_NR_env_exit, ~0ul, 0, 0, 0, 0, 0), STATE);
	cell_end(&c);
}

HOSTILE(env_stop, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_stop(i, l.name), l.env);
	REFUSED_CAP(exo_env_stop(l.env, s), l.name, EXO_R_RESUME);
	REFUSED(exo_env_stop(l.env, l.name), STATE);	/* an embryo */
	must(lab_seat(&l, 0, l.env));
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	must(exo_env_stop(l.env, l.name));
	REFUSED(exo_env_stop(l.env, l.name), STATE);
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_env_stop(l.env, l.name), STATE);
	lab_end(&l);
}

HOSTILE(env_force_yield, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_force_yield(i, l.name), l.env);
	REFUSED_CAP(exo_env_force_yield(l.env, s), l.name, EXO_R_RESUME);
	REFUSED(exo_env_force_yield(l.env, l.name), STATE);
	must(lab_seat(&l, 0, l.env));
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	EQ(exo_env_force_yield(l.env, l.name), 0);
	must(exo_env_stop(l.env, l.name));
	REFUSED(exo_env_force_yield(l.env, l.name), STATE);
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_env_force_yield(l.env, l.name), STATE);
	lab_end(&l);
}

HOSTILE(env_event, arguments)
{
	exo_ppn live, other;
	struct lab l;

	lab_make(&l);
	live = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	other = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	REFUSED_ID(exo_env_event(i, l.name, live, 0, l.name), l.env);
	REFUSED_CAP(exo_env_event(l.env, s, live, 0, l.name), l.name,
	    EXO_R_RESUME);
	for (uint32_t off = 1; off < 256; off <<= 1)
		REFUSED(exo_env_event(l.env, l.name, live, off, l.name), ARG);
	REFUSED(exo_env_event(l.env, l.name, live, 4096, l.name), ARG);
	REFUSED(exo_env_event(l.env, l.name, live, 0xffffff00u, l.name),
	    ARG);
	REFUSED_FRAME(exo_env_event(l.env, l.name, f, 0, l.name), ARG);
	REFUSED_KIND(exo_env_event(l.env, l.name, f, 0, self->root_slot), 0,
	    TYPE);
	REFUSED_CAP(exo_env_event(l.env, l.name, live, 0, s), l.name,
	    EXO_R_WRITE);
	must(exo_env_event(l.env, l.name, live, 256, l.name));
	REFUSED(exo_env_event(l.env, l.name, other, 0, l.name), BUSY);
	REFUSED(exo_env_event(l.env, l.name, live, 512, l.name), BUSY);
	REFUSED(exo_page_free(l.name, live, 1), BUSY);
	must(exo_env_event(l.env, l.name, 0, 0, 0));
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_env_event(l.env, l.name, live, 0, l.name), STATE);
	lab_end(&l);
}

/* Not in a frame that a seat's upcalls are written to. */
HOSTILE(env_event, bound_frames)
{
	exo_ppn up = EXO_PTE_PPN(vm_pte(EXO_START_UPCALL_VA));
	struct lab l;

	lab_make(&l);
	REFUSED(exo_env_event(l.env, l.name, up, 0, self->memory_slot), BUSY);
	lab_end(&l);
}

/* An env in a cell, stopped in the middle of its code. */
struct stopped {
	struct cell c;
	exo_id env;
};

static void
stopped_make(struct stopped *t)
{
	cell_make(&t->c, &small);
	t->env = cell_env(&t->c, 2, spin, 0);
	while (t->c.page->w[0] == 0)
		must(exo_env_yield(t->env, t->c.name, EXO_NONE));
	must(exo_env_stop(t->env, t->c.name));
}

HOSTILE(env_continue, arguments)
{
	static const uint64_t bad[] = { EXO_USER_TOP, 0x800000000000ul,
	    0xffff800000000000ul, 0xffffffff80000000ul, EXO_PUB, ~0ul,
	    1ul << 63 };
	const uint64_t regs = EXO_HOW_REGS, retry = EXO_HOW_RETRY;
	struct exo_regs *r = (struct exo_regs *)good_page();
	const uint64_t a = (uint64_t)r;
	struct stopped t;
	exo_slot n;
	uint64_t seq;

	stopped_make(&t);
	n = t.c.name;
	seq = row(t.env)->seq;
	must(exo_env_regs(t.env, n, a));
	REFUSED_ID(exo_env_continue(i, n, seq, retry, 0), t.env);
	REFUSED_CAP(exo_env_continue(t.env, s, seq, retry, 0), n,
	    EXO_R_RESUME);
	REFUSED(exo_env_continue(t.env, n, seq - 1, retry, 0), STALE);
	REFUSED(exo_env_continue(t.env, n, seq + 1, retry, 0), STALE);
	REFUSED(exo_env_continue(t.env, n, seq | 1ul << 32, retry, 0),
	    STALE);
	REFUSED(exo_env_continue(t.env, n, ~0ul, retry, 0), STALE);
	REFUSED(exo_env_continue(t.env, n, seq, EXO_HOWS, a), ARG);
	REFUSED(exo_env_continue(t.env, n, seq, 1ul << 32, a), ARG);
	REFUSED(exo_env_continue(t.env, n, seq, ~0ul, a), ARG);
	/* There is no event to skip, or to pass on. */
	REFUSED(exo_env_continue(t.env, n, seq, EXO_HOW_SKIP, a), ARG);
	REFUSED(exo_env_continue(t.env, n, seq, EXO_HOW_SELF, a), ARG);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r->rip = bad[i];
		REFUSED(exo_env_continue(t.env, n, seq, regs, a), ARG);
	}
	REFUSED_ADDR_RO(exo_env_continue(t.env, n, seq, regs, p),
	    sizeof(*r));
	must(exo_env_regs(t.env, n, a));
	REFUSED_RIGHTS(exo_env_continue(t.env, s, seq, regs, a), n,
	    EXO_R_CONTROL);
	must(exo_env_continue(t.env, n, seq, retry, 0));
	REFUSED(exo_env_continue(t.env, n, seq, retry, 0), STATE);
	REFUSED(exo_env_continue(self->env, self->env_slot, 0, retry, 0),
	    STATE);
	cell_end(&t.c);
}

/* It tells what it runs with, and waits. */
extern const char look[];
__asm__(
	".pushsection .text\n"
	"look:\n"
	"	mov	%cs, %rax\n"
	"	mov	%rax, 8(%rbx)\n"
	"	mov	%ss, %rax\n"
	"	mov	%rax, 16(%rbx)\n"
	"	pushfq\n"
	"	pop	%rax\n"
	"	mov	%rax, 24(%rbx)\n"
	"	movq	$1, 32(%rbx)\n"
	"1:	pause\n"
	"	jmp	1b\n"
	".popsection\n");

static void
resume_with(uint64_t cs, uint64_t ss, uint64_t rflags)
{
	struct exo_regs r;
	struct stopped t;
	volatile uint64_t *w;

	stopped_make(&t);
	w = t.c.page->w;
	must(exo_env_regs(t.env, t.c.name, (uint64_t)&r));
	EQ(r.cs, 0x2b);
	EQ(r.ss, 0x23);
	r.rip = (uint64_t)look;
	r.rbx = (uint64_t)w;
	r.cs = cs;
	r.ss = ss;
	r.rflags = rflags;
	r.err = r.addr = ~0ul;
	must(exo_env_continue(t.env, t.c.name, row(t.env)->seq, EXO_HOW_REGS,
	    (uint64_t)&r));
	OK(cell_run(&t.c, t.env, &w[4], 1));
	EQ(w[1] & 0xffff, 0x2b);
	EQ(w[2] & 0xffff, 0x23);
	EQ(w[3] & 0x1b7000, 0);		/* IOPL NT RF VM VIF VIP */
	EQ(w[3] & 0x200, 0x200);	/* IF */
	cell_end(&t.c);
}

HOSTILE(env_continue, forged_registers)
{
	static const uint64_t selectors[][2] = { { 0x08, 0x10 }, { 0, 0 },
	    { 0x0b, 0x13 }, { 0x28, 0x20 }, { ~0ul, ~0ul }, { 0x2b, 0x10 },
	    { 0x33, 0x23 }, { 0x2c, 0x24 } };
	static const uint64_t flags[] = { 0, 0x3000, 0x4000, 0x20000,
	    0x180000, 0xffffffff00000000ul | 0x202, ~0x100ul };

	for (uint32_t i = 0; i < 8; i++)
		resume_with(selectors[i][0], selectors[i][1], 0x202);
	for (uint32_t i = 0; i < 7; i++)
		resume_with(0x08, 0x10, flags[i]);
}

HOSTILE(env_regs, arguments)
{
	struct stopped t;

	stopped_make(&t);
	REFUSED_ID(exo_env_regs(i, t.c.name, (uint64_t)good_page()), t.env);
	REFUSED_CAP(exo_env_regs(t.env, s, (uint64_t)good_page()), t.c.name,
	    EXO_R_RESUME);
	REFUSED_RIGHTS(exo_env_regs(t.env, s, (uint64_t)good_page()),
	    t.c.name, EXO_R_CONTROL);
	REFUSED_ADDR_RW(exo_env_regs(t.env, t.c.name, p),
	    sizeof(struct exo_regs));
	REFUSED(exo_env_regs(self->env, self->env_slot,
	    (uint64_t)good_page()), STATE);
	must(exo_env_kill(t.env, t.c.name, 0));
	REFUSED(exo_env_regs(t.env, t.c.name, (uint64_t)good_page()), STATE);
	cell_end(&t.c);
}

/* All rights on an env are none on the domain that its registers are of. */
HOSTILE(env_regs, of_anothers_domain)
{
	const uint64_t a = (uint64_t)good_page();
	exo_slot child;
	struct cell c;
	exo_ppn frame;
	exo_id env;

	cell_make(&c, &small);
	child = (exo_slot)must(slot_derive(c.name, EXO_R_ALL,
	    EXO_COMP_FRESH));
	must(vm_pages(c.acct, c.name, c.name, EXO_PG_ENV, 1, &frame));
	env = (exo_id)must(exo_env_create(c.acct, c.name, child, EXO_NONE,
	    frame));
	must(cell_env_begin(&c, env, 2, spin, 0));
	while (c.page->w[0] == 0)
		must(exo_env_yield(env, child, EXO_NONE));
	must(exo_env_stop(env, child));
	REFUSED(exo_env_regs(env, child, a), DENIED);
	REFUSED(exo_env_continue(env, child, row(env)->seq, EXO_HOW_REGS, a),
	    DENIED);
	EQ(exo_env_regs(env, c.name, a), 0);
	EQ(exo_env_continue(env, child, row(env)->seq, EXO_HOW_RETRY, 0), 0);
	slot_put(child);
	cell_end(&c);
}

HOSTILE(env_yield, arguments)
{
	const uint64_t none = EXO_NONE;
	struct stopped t;
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_yield(i, l.name, none), l.env);
	REFUSED_CAP(exo_env_yield(l.env, s, none), l.name, EXO_R_RUN);
	REFUSED(exo_env_yield(l.env, l.name, none), STATE);	/* embryo */
	/* A handle is no way to one that is elsewhere. */
	REFUSED(exo_env_yield(l.env, l.name, 31), SLOT);
	REFUSED(exo_env_yield(l.env, l.name, 1ul << 32), SLOT);
	REFUSED(exo_env_yield(l.env, l.name, 1ul << 59), SLOT);
	REFUSED(exo_env_yield(l.env, l.name, ~0ul), SLOT);
	stopped_make(&t);
	REFUSED(exo_env_yield(l.env, l.name, t.c.handle), DENIED);
	REFUSED(exo_env_yield(self->env, self->env_slot, t.c.handle),
	    DENIED);
	REFUSED(exo_env_yield(t.env, t.c.name, none), STATE);
	REFUSED(exo_env_yield(t.env, stranger(), t.c.handle), STATE);
	cell_end(&t.c);
	lab_end(&l);
}

HOSTILE(env_reap, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_reap(i, 1), l.env);
	REFUSED(exo_env_reap(l.env, 1), STATE);
	REFUSED(exo_env_reap(self->env, ~0ul), STATE);
	must(exo_env_kill(l.env, l.name, 0));
	EQ(exo_env_reap(l.env, 0), 0);
	EQ(row(l.env)->state, EXO_ENV_DEAD);
	env_finish(l.env);
	REFUSED(exo_env_reap(l.env, 1), STATE);
	must(exo_env_free(l.env, l.name));
	REFUSED(exo_env_reap(l.env, 1), NAME);
	lab_end(&l);
}

HOSTILE(env_free, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_env_free(i, l.name), l.env);
	REFUSED_CAP(exo_env_free(l.env, s), l.name, EXO_R_KILL);
	REFUSED(exo_env_free(l.env, l.name), STATE);
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_env_free(l.env, l.name), STATE);
	env_finish(l.env);
	REFUSED(exo_page_free(l.name, l.eframe, 1), BUSY);
	must(exo_env_free(l.env, l.name));
	REFUSED(exo_env_free(l.env, l.name), NAME);
	EQ(exo_page_free(l.name, l.eframe, 1), 1);
	lab_end(&l);
}
