/*
 * cell.c - small domains made by hand (cell.h).
 *
 * The assembly here and what it calls run in cells too, where this program's
 * data is not mapped.
 */
#include "cell.h"

#define SPANS		32u		/* address space to use again */
#define TEXT_PAGES	512u		/* one table's */
#define RUN_TRIES	20000u
#define COUNT_TICKS	6000u

static uint64_t spans[SPANS];
static uint32_t nspans;
static uint64_t text[TEXT_PAGES];	/* entries of my code */

/* ------------------------------------------------------- in any domain */

struct touch {
	uint64_t ok, value;
};

struct touch touch_read(uint64_t va);
struct touch touch_write(uint64_t va, uint64_t value);
struct touch touch_run(uint64_t va);
extern char touch_first[], touch_last[], touch_fail[];
void cell_begin(void);
void cell_quit(void);
void cell_trap(struct exo_regs *r, uint64_t kind);
void cell_main(const uint64_t *begin);
void cell_answer(void);
uint64_t cell_service(uint64_t badge, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e);

__asm__(
	".pushsection .text\n"
	"touch_first:\n"
	"touch_read:\n"
	"	mov	(%rdi), %rdx\n"
	"	jmp	1f\n"
	"touch_write:\n"
	"	mov	%rsi, (%rdi)\n"
	"1:	mov	$1, %eax\n"
	"	ret\n"
	"touch_run:\n"			/* at va: a RET */
	"	push	%rbp\n"
	"	mov	%rsp, %rbp\n"
	"	call	*%rdi\n"
	"	pop	%rbp\n"
	"	jmp	1b\n"
	"touch_last:\n"
	"touch_fail:\n"
	"	xor	%eax, %eax\n"
	"	ret\n"
	"touch_run_fail:\n"
	"	mov	%rbp, %rsp\n"
	"	pop	%rbp\n"
	"	jmp	touch_fail\n"
	/* As Castor's (libos/crt.asm), for cell_trap. */
	".globl cell_upcall\n"
	"cell_upcall:\n"
	"	push %rsi; push %rdi; push %r8; push %r9; push %r10\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	mov %rsp, %rdi\n"
	"	mov %eax, %esi\n"
	"	sub $8, %rsp\n"
	"	call cell_trap\n"
	"	add $8, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi\n"
	"	mov 72(%rsp), %rcx\n"		/* the interrupted rsp */
	"	mov 48(%rsp), %rax\n"		/* rip */
	"	mov %rcx, %rdx\n"
	"	xor %rsp, %rdx\n"
	"	test $-4096, %rdx\n"
	"	jz 1f\n"
	"	mov %rax, -136(%rcx)\n"
	"	sub $136, %rcx\n"
	"	mov %rcx, 72(%rsp)\n"
	"	pop %r11; pop %rdx; pop %rcx; pop %rax\n"
	"	add $32, %rsp\n"
	"	popfq\n"
	"	pop %rsp\n"
	"	ret $128\n"
	"1:	mov %rax, -8(%rcx)\n"
	"	sub $8, %rcx\n"
	"	mov %rcx, 72(%rsp)\n"
	"	pop %r11; pop %rdx; pop %rcx; pop %rax\n"
	"	add $32, %rsp\n"
	"	popfq\n"
	"	pop %rsp\n"
	"	ret\n"
	"cell_begin:\n"
	"	call	cell_main\n"
	"	ud2\n"
	"cell_quit:\n"
	"	call	cell_answer\n"
	"	ud2\n"
	".popsection\n");

extern char touch_run_fail[];

SERVICE(cell_service);

struct cell_page *
cell_here(void)
{
	return (struct cell_page *)((uint64_t)__builtin_frame_address(0) &
	    ~(CELL_SPAN - 1));
}

uint64_t
cell_service(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	struct cell_page *p = cell_here();

	(void)e;
	p->badge = badge;
	return ((cell_fn)a)(p, b, c, d);
}

void
cell_main(const uint64_t *begin)
{
	uint64_t r = ((cell_fn)begin[0])(cell_here(), begin[1], 0, 0);

	(void)!exo_env_exit(r);
}

/* What trapped was a service, or an env's own function. */
void
cell_answer(void)
{
	(void)!exo_reply(CELL_TRAPPED);
	(void)!exo_env_exit(CELL_TRAPPED);
}

__attribute__((target("general-regs-only"))) void
cell_trap(struct exo_regs *r, uint64_t kind)
{
	struct cell_page *p = (struct cell_page *)((uint64_t)r &
	    ~(CELL_SPAN - 1));

	p->traps++;
	p->kind = kind;
	p->regs = *r;
	if (r->rip >= (uint64_t)touch_first && r->rip < (uint64_t)touch_last) {
		r->rip = (uint64_t)touch_fail;
		return;
	}
	if (p->hook != NULL && p->hook(p, r, kind))
		return;
	/* The seat's stack ends where its upcall frame begins. */
	r->rip = (uint64_t)cell_quit;
	r->rsp = (uint64_t)r & ~(EXO_PAGE - 1);
	r->rflags = 0x202;
}

static uint64_t
in_cell_do(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t w[7];

	(void)a, (void)b, (void)c;
	for (uint32_t i = 0; i < 7; i++)
		w[i] = p->w[192 + i];
	return (uint64_t)exo_raw6(w[0], w[1], w[2], w[3], w[4], w[5], w[6]);
}

static uint64_t
in_cell_read(struct cell_page *p, uint64_t va, uint64_t b, uint64_t c)
{
	struct touch t = touch_read(va);

	(void)b, (void)c;
	p->w[192] = t.value;
	return t.ok;
}

static uint64_t
in_cell_write(struct cell_page *p, uint64_t va, uint64_t value, uint64_t c)
{
	(void)p, (void)c;
	return touch_write(va, value).ok;
}

/* --------------------------------------------------------------- making */

static uint64_t
span_take(void)
{
	uint64_t va;

	if (nspans > 0)
		return spans[--nspans];
	va = vm_alloc_va(2 * CELL_SPAN / EXO_PAGE);
	return (va + CELL_SPAN - 1) & ~(CELL_SPAN - 1);
}

/* Entries that map my code and constants, but nothing writable. */
static void
text_find(void)
{
	uint64_t va;

	if (text[EXO_PT_INDEX(self->image_low, 1)] != 0)
		return;
	for (va = self->image_low; va < self->image_high; va += EXO_PAGE) {
		uint64_t pte = vm_pte(va);

		if ((pte & EXO_PTE_P) != 0 && (pte & EXO_PTE_W) == 0)
			text[EXO_PT_INDEX(va, 1)] = EXO_PTE(EXO_PTE_PPN(pte),
			    pte & EXO_PTE_NX);
	}
}

static void
link_table(exo_ppn up, uint64_t va, uint32_t level, exo_ppn down)
{
	must(exo_pt_set(0, up, EXO_PT_INDEX(va, level),
	    EXO_PTE(down, EXO_PTE_W), 0));
}

/* Runs of what is there, since an absent entry needs no entering. */
static void
fill(exo_ppn table, const uint64_t *ptes, exo_slot slot)
{
	for (uint32_t i = 0; i < 512; i++) {
		if (ptes[i] != 0)
			must(exo_pt_set(0, table, i, ptes[i], slot));
	}
}

static void
cell_tables(struct cell *c, uint32_t copy_root)
{
	static const uint32_t kind[6] = { EXO_PG_PT3, EXO_PG_PT2, EXO_PG_PT1,
	    EXO_PG_PT3, EXO_PG_PT2, EXO_PG_PT1 };
	uint64_t low = self->image_low;

	must(vm_pages(c->acct, c->name, c->name, EXO_PG_PT4, 1, &c->root));
	must(vm_pages(c->acct, c->name, c->name, EXO_PG_RMAP, 2, c->rmap));
	for (uint32_t i = 0; i < 6; i++)
		must(vm_pages(c->acct, c->name, c->name, kind[i], 1,
		    &c->table[i]));
	must(exo_pt_companion(c->table[2], c->rmap[0]));
	must(exo_pt_companion(c->table[5], c->rmap[1]));
	text_find();
	fill(c->table[2], text, self->memory_slot);
	for (uint32_t i = 0; i < 2 + 2 * c->seats; i++)
		must(exo_pt_set(0, c->table[5],
		    EXO_PT_INDEX(c->base, 1) + i,
		    EXO_PTE(c->frame[i], VM_RW), c->name));
	link_table(c->table[1], low, 2, c->table[2]);
	link_table(c->table[0], low, 3, c->table[1]);
	link_table(c->root, low, 4, c->table[0]);
	link_table(c->table[4], c->base, 2, c->table[5]);
	link_table(c->table[3], c->base, 3, c->table[4]);
	link_table(c->root, c->base, 4, c->table[3]);
	if (copy_root != 0)
		must(exo_pt_copy(c->root, copy_root,
		    (uint64_t)copy_root << EXO_PT_SHIFT(4), 1));
}

static void
cell_slots(struct cell *c, bool alone)
{
	exo_ppn ppn = EXO_DOMAINS[EXO_INDEX(self->domain)].slot_tables[0];

	if (alone) {
		must(vm_pages(c->acct, c->name, c->name, EXO_PG_SLOTS, 1,
		    &c->slots));
		ppn = c->slots;
	}
	must(exo_slots_bind(c->domain, c->name, 0, ppn));
}

void
cell_make(struct cell *c, const struct cell_opts *o)
{
	static const struct cell_opts none;
	uint32_t limits[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = 128, [EXO_RES_ACCTS] = 2,
		[EXO_RES_DOMAINS] = 4, [EXO_RES_ENVS] = 8,
		[EXO_RES_PCIDS] = EXO_MACHINE->npcids > 1 ? 4 : 0,
		[EXO_RES_SLICES] = 8, [EXO_RES_TRACE] = 8,
	};

	o = o != NULL ? o : &none;
	memset(c, 0, sizeof(*c));
	c->seats = o->seats > 4 ? o->seats : 4;
	c->base = span_take();
	c->page = (struct cell_page *)c->base;
	c->name = (exo_slot)must(slot_derive(self->mint_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	c->acct = (exo_id)must(exo_acct_create(self->acct, self->acct_slot,
	    c->name, self->acct, (uint64_t)(o->limits != NULL ? o->limits :
	    limits)));
	must(vm_pages(c->acct, c->name, c->name, EXO_PG_DATA | EXO_KIND_LIVE,
	    2 + 2 * c->seats, c->frame));
	for (uint32_t i = 0; i < 2 + 2 * c->seats; i++)
		must(vm_map(c->base + i * EXO_PAGE, c->frame[i], VM_RW,
		    c->name));
	cell_tables(c, o->copy_root);
	must(vm_pages(c->acct, c->name, c->name, EXO_PG_DOMAIN, 1,
	    &c->record));
	c->domain = (exo_id)must(exo_domain_create(c->acct, c->name, c->name,
	    EXO_NONE, c->record, c->root));
	cell_slots(c, o->alone);
	if (c->seats > 4) {
		exo_ppn more;

		must(vm_pages(c->acct, c->name, c->name, EXO_PG_SEATS, 1,
		    &more));
		must(exo_domain_seats(c->domain, c->name, more));
	}
	must(exo_domain_row(c->domain, c->name, EXO_CLASS_FAULT,
	    EXO_ACT_SELF));
	must(exo_domain_row(c->domain, c->name, EXO_CLASS_EXCEPTION,
	    EXO_ACT_SELF));
	c->handle = EXO_NONE;
	if (o->no_handle)
		return;
	must(cell_bind(c, CELL_SEAT, self->env, cell_service_entry, NULL));
	c->handle = cell_handle(c, CELL_SEAT, CELL_BADGE);
}

long
cell_bind(struct cell *c, uint32_t seat, exo_id env, void (*entry)(void),
    void (*upcall)(void))
{
	struct exo_seat_args a = {
		.env = env,
		.entry = (uint64_t)entry,
		.stack = c->base + CELL_STACK(seat) + EXO_PAGE,
		.upcall = (uint64_t)(upcall != NULL ? upcall : cell_upcall),
		.upcall_va = c->base + CELL_UPCALL(seat),
		.upcall_ppn = c->frame[CELL_UPCALL(seat) / EXO_PAGE],
		.upcall_slot = c->name,
	};

	return exo_seat_bind(c->domain, c->name, seat, (uint64_t)&a);
}

uint64_t
cell_handle(struct cell *c, uint32_t seat, uint64_t badge)
{
	uint64_t place = (uint64_t)must(place_open(self->domain));

	must(exo_handle_mint(c->domain, c->name, seat, badge, self->domain,
	    place));
	return place;
}

void
cell_link(struct cell *c, uint32_t seat, uint64_t badge, struct cell *to,
    uint64_t place)
{
	must(exo_handle_open(to->domain, to->name, place, self->domain));
	must(exo_handle_mint(c->domain, c->name, seat, badge, to->domain,
	    place));
}

/* ----------------------------------------------------------------- ending */

/* Whatever is dead, anybody may. */
static void
reap_all(void)
{
	for (uint32_t i = 1; i < EXO_MACHINE->ndomains; i++) {
		if (EXO_DOMAINS[i].state == EXO_DOM_DEAD)
			(void)!exo_domain_reap(EXO_ID(EXO_DOMAINS[i].gen, i),
			    EXO_STEPS_MAX);
	}
	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++) {
		if (EXO_ENVS[i].state == EXO_ENV_DEAD)
			(void)!exo_env_reap(EXO_ID(EXO_ENVS[i].gen, i),
			    EXO_STEPS_MAX);
	}
	for (uint32_t i = 1; i < EXO_MACHINE->naccts; i++) {
		if (EXO_ACCTS[i].state == EXO_ACCT_DYING)
			(void)!exo_acct_reap(EXO_ID(EXO_ACCTS[i].gen, i),
			    EXO_STEPS_MAX);
	}
}

void
cell_reap(struct cell *c)
{
	long r = 0;

	if (c->handle != EXO_NONE)
		(void)!exo_handle_drop(c->handle);
	must(vm_unmap(c->base, 2 + 2 * c->seats));
	must(exo_acct_destroy(c->acct, c->name));
	for (uint32_t i = 0; i < 2000; i++) {
		r = exo_acct_reap(c->acct, EXO_STEPS_MAX);
		if (r == -EXO_E_NAME)
			break;
		if (r == -EXO_E_BUSY)
			reap_all();
		else if (r < 0)
			break;
	}
	EQ(r, -EXO_E_NAME);
	slot_put(c->name);
	if (nspans < SPANS)
		spans[nspans++] = c->base;
}

void
cell_end(struct cell *c)
{
	(void)!exo_domain_kill(c->domain, c->name, 0);
	cell_reap(c);
}

/* ------------------------------------------------------------------ using */

uint64_t
cell_call(struct cell *c, cell_fn fn, uint64_t a, uint64_t b, uint64_t d)
{
	uint64_t result = 0;
	long r = exo_call(c->handle, (uint64_t)fn, a, b, d, 0, &result);

	return r < 0 ? (uint64_t)r : result;
}

long
cell_do(struct cell *c, uint32_t nr, uint64_t a, uint64_t b, uint64_t d,
    uint64_t e, uint64_t f, uint64_t g)
{
	volatile uint64_t *w = &c->page->w[192];

	w[0] = EXO_NR_BASE + nr;
	w[1] = a, w[2] = b, w[3] = d, w[4] = e, w[5] = f, w[6] = g;
	return (long)cell_call(c, in_cell_do, 0, 0, 0);
}

bool
cell_read(struct cell *c, uint64_t va, uint64_t *value)
{
	bool ok = cell_call(c, in_cell_read, va, 0, 0) == 1;

	if (ok && value != NULL)
		*value = c->page->w[192];
	return ok;
}

bool
cell_write(struct cell *c, uint64_t va, uint64_t value)
{
	return cell_call(c, in_cell_write, va, value, 0) == 1;
}

exo_id
cell_env_make(struct cell *c)
{
	exo_ppn frame;

	must(vm_pages(c->acct, c->name, c->name, EXO_PG_ENV, 1, &frame));
	return (exo_id)must(exo_env_create(c->acct, c->name, c->name, EXO_NONE,
	    frame));
}

/* What it is to do waits at the bottom of its stack. */
long
cell_env_begin(struct cell *c, exo_id env, uint32_t seat, cell_fn fn,
    uint64_t a)
{
	uint64_t *begin = (uint64_t *)(c->base + CELL_STACK(seat));
	long r = cell_bind(c, seat, env, cell_begin, NULL);

	if (r < 0)
		return r;
	begin[0] = (uint64_t)fn;
	begin[1] = a;
	return exo_env_start(env, c->name, c->domain, c->name, seat,
	    (uint64_t)begin);
}

exo_id
cell_env(struct cell *c, uint32_t seat, cell_fn fn, uint64_t a)
{
	exo_id env = cell_env_make(c);

	must(cell_env_begin(c, env, seat, fn, a));
	return env;
}

bool
cell_run(struct cell *c, exo_id env, volatile uint64_t *word, uint64_t value)
{
	for (uint32_t i = 0; i < RUN_TRIES; i++) {
		if (*word == value)
			return true;
		if (exo_env_yield(env, c->name, EXO_NONE) < 0)
			break;
	}
	return *word == value;
}

bool
cell_run_state(struct cell *c, exo_id env, uint32_t state)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	for (uint32_t i = 0; i < RUN_TRIES; i++) {
		if (e->state == state)
			return true;
		if (exo_env_yield(env, c->name, EXO_NONE) < 0)
			break;
	}
	return e->state == state;
}

bool
cell_counts(const volatile uint64_t *word, uint64_t to)
{
	uint64_t until = EXO_MACHINE->ticks + COUNT_TICKS;

	while (*word < to && EXO_MACHINE->ticks < until)
		__asm__ volatile("pause");
	return *word >= to;
}

/* ------------------------------------------------------ my own addresses */

struct exo_regs probe_regs;
uint64_t probe_kind;
static volatile bool running;
static const uint32_t probed[] = { TRAP_PAGE, TRAP_GP, 12 };

__attribute__((target("general-regs-only"))) static bool
probe_trap(struct exo_regs *r, uint64_t kind)
{
	bool inside = r->rip >= (uint64_t)touch_first &&
	    r->rip < (uint64_t)touch_last;

	if (!inside && !running)
		return false;
	probe_regs = *r;
	probe_kind = kind;
	r->rip = (uint64_t)(running ? touch_run_fail : touch_fail);
	return true;
}

void
probe_on(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)upcall_set(EXO_K_TRAP + probed[i], probe_trap);
}

void
probe_off(void)
{
	for (uint32_t i = 0; i < 3; i++)
		(void)upcall_set(EXO_K_TRAP + probed[i], NULL);
}

bool
probe_read(uint64_t va, uint64_t *value)
{
	struct touch t;

	probe_on();
	t = touch_read(va);
	probe_off();
	if (t.ok && value != NULL)
		*value = t.value;
	return t.ok;
}

bool
probe_write(uint64_t va, uint64_t value)
{
	struct touch t;

	probe_on();
	t = touch_write(va, value);
	probe_off();
	return t.ok;
}

bool
probe_run(uint64_t va)
{
	struct touch t;

	probe_on();
	running = true;
	t = touch_run(va);
	running = false;
	probe_off();
	return t.ok;
}

/* ----------------------------------------------------------------- counts */

void
use_take(struct use *u)
{
	memset(u, 0, sizeof(*u));
	u->free_frames = EXO_MACHINE->free_frames;
	for (uint32_t i = 1; i < EXO_MACHINE->ndomains; i++)
		u->domains += EXO_DOMAINS[i].state != EXO_DOM_FREE;
	for (uint32_t i = 1; i < EXO_MACHINE->nenvs; i++)
		u->envs += EXO_ENVS[i].state != EXO_ENV_FREE;
	for (uint32_t i = 0; i < EXO_MACHINE->naccts; i++)
		u->accts += EXO_ACCTS[i].state != EXO_ACCT_FREE;
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++)
		u->slices += EXO_SLICES[i].account != EXO_NONE;
	for (uint32_t i = 1; i < EXO_MACHINE->npcids; i++)
		u->pcids += EXO_PCIDS[i].account != EXO_NONE;
	for (uint32_t i = 0; i < EXO_RES_MAX; i++)
		u->used[i] = EXO_ACCTS[EXO_INDEX(self->acct)].used[i];
}

bool
use_same(const struct use *b)
{
	struct use now;
	bool ok;

	use_take(&now);
	ok = EQ(now.free_frames, b->free_frames);
	ok &= EQ(now.domains, b->domains);
	ok &= EQ(now.envs, b->envs);
	ok &= EQ(now.accts, b->accts);
	ok &= EQ(now.slices, b->slices);
	ok &= EQ(now.pcids, b->pcids);
	for (uint32_t i = 0; i < EXO_RES_MAX; i++)
		ok &= EQ(now.used[i], b->used[i]);
	return ok;
}
