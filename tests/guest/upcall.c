/*
 * upcall.c - trap frames on the upcall stack: whole, within their frame, and
 * a double fault where there is no place for one.
 *
 * run: --mem 256M
 * run: --cpu max,-smap
 */
#include "cell.h"

#define FLAGS_NASTY	0x40ed7ul	/* all but TF that a user can set */
#define FLAGS_ARITH	0x8d5ul

struct regfile {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, flags;
};

struct regfile regs_in, regs_out;
void fault_here(void);
extern char fault_insn[], opcode_insn[];

/*
 * One faulting read (of the address in rax), then one UD2, with all registers
 * from regs_in before and to regs_out after.  Both instructions are skipped by
 * the handler.
 */
__asm__(
	".pushsection .text\n"
	"fault_here:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	mov regs_in+0(%rip), %rax; mov regs_in+8(%rip), %rbx\n"
	"	mov regs_in+16(%rip), %rcx; mov regs_in+24(%rip), %rdx\n"
	"	mov regs_in+32(%rip), %rsi; mov regs_in+40(%rip), %rdi\n"
	"	mov regs_in+48(%rip), %rbp; mov regs_in+56(%rip), %r8\n"
	"	mov regs_in+64(%rip), %r9; mov regs_in+72(%rip), %r10\n"
	"	mov regs_in+80(%rip), %r11; mov regs_in+88(%rip), %r12\n"
	"	mov regs_in+96(%rip), %r13; mov regs_in+104(%rip), %r14\n"
	"	mov regs_in+112(%rip), %r15\n"
	"	pushq regs_in+120(%rip)\n"
	"	popfq\n"
	"fault_insn:\n"
	"	.byte 0x48, 0x8b, 0x00\n"	/* mov (%rax), %rax */
	"opcode_insn:\n"
	"	ud2\n"
	"	mov %rax, regs_out+0(%rip); mov %rbx, regs_out+8(%rip)\n"
	"	mov %rcx, regs_out+16(%rip); mov %rdx, regs_out+24(%rip)\n"
	"	mov %rsi, regs_out+32(%rip); mov %rdi, regs_out+40(%rip)\n"
	"	mov %rbp, regs_out+48(%rip); mov %r8, regs_out+56(%rip)\n"
	"	mov %r9, regs_out+64(%rip); mov %r10, regs_out+72(%rip)\n"
	"	mov %r11, regs_out+80(%rip); mov %r12, regs_out+88(%rip)\n"
	"	mov %r13, regs_out+96(%rip); mov %r14, regs_out+104(%rip)\n"
	"	mov %r15, regs_out+112(%rip)\n"
	"	pushfq\n"
	"	popq regs_out+120(%rip)\n"
	"	push $0x202\n"
	"	popfq\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

static struct exo_regs fault_regs, opcode_regs;
static uint64_t handler_flags[2], handler_rsp[2];

__attribute__((target("general-regs-only"))) static bool
skip_trap(struct exo_regs *r, uint64_t kind)
{
	bool page = kind == EXO_K_TRAP + TRAP_PAGE;
	uint64_t f;

	if (r->rip != (uint64_t)(page ? fault_insn : opcode_insn))
		return false;
	__asm__ volatile("pushfq; pop %0" : "=r"(f));
	handler_flags[!page] = f;
	handler_rsp[!page] = (uint64_t)r;
	*(page ? &fault_regs : &opcode_regs) = *r;
	r->rip += page ? 3 : 2;
	return true;
}

static void
fault_twice(uint64_t va)
{
	regs_in = (struct regfile){
		.rax = va, .rbx = 0xa1, .rcx = 0xa2, .rdx = 0xa3, .rsi = 0xa4,
		.rdi = 0xa5, .rbp = 0xa6, .r8 = 0xa7, .r9 = 0xa8, .r10 = 0xa9,
		.r11 = 0xaa, .r12 = 0xab, .r13 = 0xac, .r14 = 0xad,
		.r15 = 0xae, .flags = FLAGS_NASTY,
	};
	memset(&regs_out, 0, sizeof(regs_out));
	(void)upcall_set(EXO_K_TRAP + TRAP_PAGE, skip_trap);
	(void)upcall_set(EXO_K_TRAP + TRAP_OPCODE, skip_trap);
	fault_here();
	(void)upcall_set(EXO_K_TRAP + TRAP_PAGE, NULL);
	(void)upcall_set(EXO_K_TRAP + TRAP_OPCODE, NULL);
}

static void
regs_are(const struct exo_regs *r)
{
	EQ(r->rax, regs_in.rax);
	EQ(r->rbx, 0xa1);
	EQ(r->rcx, 0xa2);
	EQ(r->rdx, 0xa3);
	EQ(r->rsi, 0xa4);
	EQ(r->rdi, 0xa5);
	EQ(r->rbp, 0xa6);
	EQ(r->r8, 0xa7);
	EQ(r->r9, 0xa8);
	EQ(r->r10, 0xa9);
	EQ(r->r11, 0xaa);
	EQ(r->r12, 0xab);
	EQ(r->r13, 0xac);
	EQ(r->r14, 0xad);
	EQ(r->r15, 0xae);
	EQ(r->cs, 0x2b);
	EQ(r->ss, 0x23);
	EQ(r->rflags & ~0x10000ul, FLAGS_NASTY | 0x200);	/* RF may be */
}

/* The fault goes the fast way, UD2 through C: no difference is to be seen. */
TEST(every_register_is_in_the_frame_and_comes_back)
{
	uint64_t va = 0x7654321ul << 12 | 0x123;

	fault_twice(va);
	regs_are(&fault_regs);
	EQ(fault_regs.rip, (uint64_t)fault_insn);
	EQ(fault_regs.addr, va);
	EQ(fault_regs.err, 4);
	regs_are(&opcode_regs);
	EQ(opcode_regs.rip, (uint64_t)opcode_insn);
	EQ(opcode_regs.addr, 0);
	EQ(opcode_regs.err, 0);
	EQ(opcode_regs.rsp, fault_regs.rsp);
	EQ(memcmp(&regs_in, &regs_out, sizeof(regs_in) - 8), 0);
	EQ(regs_out.flags, FLAGS_NASTY | 0x200);
}

/* DF and AC were set: a handler in C would go down, not up. */
TEST(handler_begins_with_clean_flags_and_an_aligned_stack)
{
	for (uint32_t i = 0; i < 2; i++) {
		EQ(handler_flags[i] & ~FLAGS_ARITH, 0x202);
		/* Castor pushed 11 words below the frame. */
		EQ((handler_rsp[i] + 88) % 16, 0);
		EQ(handler_rsp[i] >> 12, self->upcall_va >> 12);
	}
	EQ(handler_rsp[0], handler_rsp[1]);
}

TEST(fault_and_return_do_not_pass_through_c)
{
	const volatile struct exo_counters *n = EXO_COUNTERS;
	uint64_t traps = n->traps, upcalls = n->upcalls;

	for (uint32_t i = 0; i < 100; i++)
		EQ(probe_read(0x7654321ul << 12, NULL), false);
	EQ(n->traps - traps, 0);
	EQ(n->upcalls - upcalls, 0);
}

TEST(error_codes_tell_read_write_and_run)
{
	uint64_t va = 0x7654321ul << 12;
	uint64_t text = (uint64_t)fault_insn;
	static uint8_t data[16] = { 0xc3 };

	OK(!probe_read(va, NULL));
	EQ(probe_regs.err, 4);
	EQ(probe_regs.addr, va);
	OK(!probe_write(va + 8, 0));
	EQ(probe_regs.err, 6);
	EQ(probe_regs.addr, va + 8);
	OK(!probe_run(va + 16));
	EQ(probe_regs.err & ~16ul, 4);
	EQ(probe_regs.rip, va + 16);
	OK(!probe_write(text, 0));
	EQ(probe_regs.err, 7);
	OK(!probe_run((uint64_t)data));
	EQ(probe_regs.err, 0x15);
}

/* ------------------------------------------------------------ nested ones */

static uint64_t nest_depth, nest_low, nest_high;

/* A handler that faults by itself until it is deep enough. */
__attribute__((target("general-regs-only"), noinline)) static bool
nest_trap(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	if (nest_low == 0 || (uint64_t)r < nest_low)
		nest_low = (uint64_t)r;
	if ((uint64_t)r > nest_high)
		nest_high = (uint64_t)r;
	if (nest_depth > 0) {
		nest_depth--;
		__asm__ volatile("ud2" : : : "memory");
	}
	r->rip += 2;
	return true;
}

TEST(handlers_may_trap_and_nest)
{
	uint64_t a = 1, b = 2;

	nest_depth = 5;
	(void)upcall_set(EXO_K_TRAP + TRAP_OPCODE, nest_trap);
	__asm__ volatile("ud2" : "+r"(a), "+r"(b) : : "memory");
	(void)upcall_set(EXO_K_TRAP + TRAP_OPCODE, NULL);
	EQ(nest_depth, 0);
	EQ(a, 1);
	EQ(b, 2);
	EQ(nest_low >> 12, self->upcall_va >> 12);
	OK(nest_high - nest_low >= 5 * sizeof(struct exo_regs));
}

/* ------------------------------------- where a frame goes, to the byte */

/* From the cell's page: w[0] rsp to trap with, w[1] UD2 or a fault. */
void rsp_trap(struct cell_page *p);
void rsp_trap_out(void);
__asm__(
	".pushsection .text\n"
	"rsp_trap:\n"
	"	push %rbx; push %rbp\n"
	"	mov %rdi, %rbx\n"
	"	mov %rsp, %rbp\n"
	"	cmpq $0, 8(%rbx)\n"
	"	mov (%rbx), %rsp\n"
	"	jne 1f\n"
	"	mov 0, %rax\n"
	"1:	ud2\n"
	"rsp_trap_out:\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

/* The bare upcall entry: tell where the frame is, go on at rsp_trap_out.  No
 * stack is used, so that nothing else is written. */
void rsp_upcall(void);
__asm__(
	".pushsection .text\n"
	"rsp_upcall:\n"
	"	mov %rsp, 16(%rbx)\n"
	"	mov %rax, 24(%rbx)\n"
	"	incq 32(%rbx)\n"
	"	jmp rsp_trap_out\n"
	".popsection\n");

static uint64_t
in_rsp_trap(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	rsp_trap(p);
	return 1;
}

#define FILL	0xee

static struct exo_upcall *
head(struct cell *c, uint32_t seat)
{
	return (struct exo_upcall *)(c->base + CELL_UPCALL(seat));
}

/* Are all bytes but those between lo and hi as they were filled? */
static bool
untouched(const struct cell *c, uint32_t seat, uint64_t lo, uint64_t hi)
{
	const uint8_t *from = (const uint8_t *)(c->base + CELL_UPCALL(seat));

	for (uint64_t i = EXO_UPCALL_HEAD; i < EXO_PAGE; i++) {
		if ((i < lo || i >= hi) && from[i] != FILL)
			return false;
	}
	/* The stacks before and after it. */
	for (uint64_t i = 0; i < 1024; i++) {
		if (from[-1024 + (int64_t)i] != FILL ||
		    from[EXO_PAGE + i] != FILL)
			return false;
	}
	return true;
}

/* Seat 2's upcall frame, filled; the frames around it are seats' that nobody
 * uses.  The env runs at seat 2 on the stack of seat 4. */
static void
rsp_case(struct cell *c, uint64_t h, uint64_t rsp, bool ud, int64_t want)
{
	uint64_t base = c->base + CELL_UPCALL(2), off, r = 0;

	memset((void *)(base - EXO_PAGE), FILL, EXO_PAGE);
	memset((void *)(base + EXO_UPCALL_HEAD), FILL,
	    2 * EXO_PAGE - EXO_UPCALL_HEAD);
	c->page->w[0] = rsp;
	c->page->w[1] = ud;
	c->page->w[4] = 0;
	if (want < 0) {
		EQ(exo_call(h, (uint64_t)in_rsp_trap, 0, 0, 0, 0, &r),
		    -EXO_E_GONE);
		EQ(c->page->w[4], 0);
		/* It was left behind there: its registers may be. */
		r = (uint64_t)must(exo_seat_repair(c->domain, c->name, 2));
		off = r == 0 ? 0 : r - base;
		OK(untouched(c, 2, off, off == 0 ? 0 : off +
		    sizeof(struct exo_regs)));
		return;
	}
	EQ(exo_call(h, (uint64_t)in_rsp_trap, 0, 0, 0, 0, &r), EXO_K_REPLY);
	EQ(r, 1);
	EQ(c->page->w[4], 1);
	EQ(c->page->w[2] - base, want);
	EQ(c->page->w[3], ud ? 32 + 6 : 32 + 14);
	off = (uint64_t)want;
	OK(untouched(c, 2, off, off + EXO_UPFRAME));
	EQ(*(uint64_t *)(base + off + 72), rsp);
}

TEST(frame_goes_below_rsp_or_on_top_and_never_outside)
{
	static const uint32_t top = EXO_PAGE - EXO_UPFRAME_ROOM;
	struct cell c;
	struct exo_seat_args a;
	uint64_t h, base;

	cell_make(&c, &(struct cell_opts){ .seats = 5 });
	base = c.base + CELL_UPCALL(2);
	a = (struct exo_seat_args){
		.env = self->env,
		.entry = (uint64_t)cell_service_entry,
		.stack = c.base + CELL_STACK(4) + EXO_PAGE,
		.upcall = (uint64_t)rsp_upcall,
		.upcall_va = base,
		.upcall_ppn = c.frame[CELL_UPCALL(2) / EXO_PAGE],
		.upcall_slot = c.name,
	};
	must(exo_seat_bind(c.domain, c.name, 2, (uint64_t)&a));
	h = cell_handle(&c, 2, 0);
	for (uint32_t ud = 0; ud < 2; ud++) {
		/* Outside: on top, wherever rsp is. */
		rsp_case(&c, h, c.base + CELL_STACK(4) + 512, ud, top);
		rsp_case(&c, h, 0, ud, top);
		rsp_case(&c, h, EXO_USER_TOP - 8, ud, top);
		rsp_case(&c, h, 0xffffffff80000000ul, ud, top);
		rsp_case(&c, h, 0x1234567812345678ul, ud, top);
		rsp_case(&c, h, base + EXO_PAGE, ud, top);
		rsp_case(&c, h, base, ud, top);		/* the head */
		rsp_case(&c, h, base + EXO_UPCALL_HEAD - 1, ud, top);
		/* Inside: below. */
		rsp_case(&c, h, base + 2048, ud, 2048 - 96);
		rsp_case(&c, h, base + 2048 + 15, ud, 2048 - 96);
		rsp_case(&c, h, base + EXO_PAGE - 1, ud,
		    EXO_PAGE - 16 - 96);
		rsp_case(&c, h, base + 64 + 96, ud, 64);
		rsp_case(&c, h, base + 64 + 111, ud, 64);
		/* Inside without room: a double fault. */
		rsp_case(&c, h, base + 64 + 95, ud, -1);
		rsp_case(&c, h, base + 64, ud, -1);
		rsp_case(&c, h, base + 64 + 1, ud, -1);
	}
	EQ(head(&c, 2)->overstayed, 0);
	must(exo_handle_drop(h));
	cell_end(&c);
}

/* ------------------------------------------------------------ double faults */

static uint64_t
in_off(struct cell_page *p, uint64_t off, uint64_t b, uint64_t c)
{
	struct exo_upcall *up = (struct exo_upcall *)off;

	(void)b, (void)c;
	up->off = 1;
	p->w[0] = 1;
	p->w[1] = *(volatile uint64_t *)p->w[5];	/* 0 */
	p->w[2] = 1;
	return 0;
}

/* As in_off, by an exception that goes through C. */
static uint64_t
in_off_ud(struct cell_page *p, uint64_t off, uint64_t b, uint64_t c)
{
	struct exo_upcall *up = (struct exo_upcall *)off;

	(void)b, (void)c;
	up->off = 1;
	p->w[0] = 1;
	__asm__ volatile("ud2");
	return 0;
}

static void
stops(cell_fn fn)
{
	struct cell c;
	const volatile struct exo_env *e;
	uint64_t before = EXO_COUNTERS->double_faults;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, fn, c.base + CELL_UPCALL(2));
	e = &EXO_ENVS[EXO_INDEX(env)];
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(e->cause, EXO_CAUSE_FAULT);
	EQ(EXO_COUNTERS->double_faults - before, 1);
	EQ(c.page->w[0], 1);
	EQ(c.page->traps, 0);
	/* It stays so: it can't be run, and its domain lives. */
	EQ(exo_env_yield(env, c.name, EXO_NONE), -EXO_E_STATE);
	EQ(EXO_DOMAINS[EXO_INDEX(c.domain)].state, EXO_DOM_LIVE);
	/* Who may, looks at it and goes on with it. */
	head(&c, 2)->off = 0;
	EQ(exo_env_continue(env, c.name, e->seq, EXO_HOW_RETRY, 0), 0);
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	EQ(c.page->traps, 1);
	EQ(e->exit_word, CELL_TRAPPED);
	cell_end(&c);
}

TEST(fault_with_upcalls_off_stops_the_env_visibly)
{
	stops(in_off);
}

TEST(exception_with_upcalls_off_stops_the_env_visibly)
{
	stops(in_off_ud);
}

/* A hook that traps whenever it is called: the stack runs out. */
static bool
hook_again(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)p, (void)r, (void)kind;
	__asm__ volatile("ud2");
	return true;
}

static uint64_t
in_ud(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)p, (void)a, (void)b, (void)c;
	__asm__ volatile("ud2");
	return 0;
}

TEST(upcall_stack_that_runs_out_stops_the_env)
{
	struct cell c;
	uint64_t *below, *above;
	exo_id env;

	cell_make(&c, &(struct cell_opts){ .seats = 5 });
	c.page->hook = hook_again;
	/* Seat 2's env runs on the stack below its upcall frame: watch the
	 * part of it far from both ends, and the next stack. */
	below = (uint64_t *)(c.base + CELL_STACK(2) + 64);
	above = (uint64_t *)(c.base + CELL_STACK(3));
	for (uint32_t i = 0; i < 256; i++)
		below[i] = above[i] = 0xeeee;
	env = cell_env(&c, 2, in_ud, 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	OK(c.page->traps > 5);
	for (uint32_t i = 0; i < 256; i++) {
		if (below[i] != 0xeeee || above[i] != 0xeeee) {
			EQ(below[i], 0xeeee);
			EQ(above[i], 0xeeee);
			break;
		}
	}
	EQ(head(&c, 2)->off, 0);
	cell_end(&c);
}

/* No upcall frame at all, or no entry for upcalls. */
TEST(seat_without_upcalls_stops_the_env)
{
	struct cell c;
	uint64_t *begin;
	struct exo_seat_args a;

	cell_make(&c, NULL);
	for (uint32_t seat = 2; seat < 4; seat++) {
		exo_id env = cell_env_make(&c);

		begin = (uint64_t *)(c.base + CELL_STACK(seat));
		begin[0] = (uint64_t)in_ud;
		a = (struct exo_seat_args){
			.env = env, .entry = (uint64_t)in_ud,
			.stack = c.base + CELL_STACK(seat) + EXO_PAGE - 8,
		};
		if (seat == 3) {
			a.upcall_va = c.base + CELL_UPCALL(seat);
			a.upcall_ppn = c.frame[CELL_UPCALL(seat) / EXO_PAGE];
			a.upcall_slot = c.name;
		}
		must(exo_seat_bind(c.domain, c.name, seat, (uint64_t)&a));
		must(exo_env_start(env, c.name, c.domain, c.name, seat, 0));
		OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
		EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	}
	cell_end(&c);
}

/* With the row set to pass, there is nobody: the same. */
TEST(class_without_a_row_stops_the_env)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_EXCEPTION,
	    EXO_ACT_PASS));
	env = cell_env(&c, 2, in_ud, 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	EQ(c.page->traps, 0);
	cell_end(&c);
}

/*
 * The kernel never loads registers from the frame, and what the handler makes
 * of it is the handler's: a frame with kernel selectors ends in the CPU's own
 * refusal, as any IRETQ does.
 */
void evil_upcall(void);
void evil_go(struct cell_page *p);
__asm__(
	".pushsection .text\n"
	"evil_upcall:\n"
	"	cmpq $0, (%rbx)\n"
	"	jne 1f\n"
	"	movq $1, (%rbx)\n"
	"	movq $8, 56(%rsp)\n"		/* cs */
	"	orq $0x3000, 64(%rsp)\n"	/* IOPL */
	"	add $48, %rsp\n"
	"	iretq\n"
	"1:	mov %rax, 8(%rbx)\n"		/* the refusal */
	"	mov 56(%rsp), %rax\n"
	"	mov %rax, 16(%rbx)\n"
	"	mov 64(%rsp), %rax\n"
	"	mov %rax, 24(%rbx)\n"
	"	mov %rbp, %rsp\n"
	"	pop %rbp; pop %rbx\n"
	"	ret\n"
	"evil_go:\n"
	"	push %rbx; push %rbp\n"
	"	mov %rdi, %rbx\n"
	"	mov %rsp, %rbp\n"
	"	ud2\n"
	".popsection\n");

static uint64_t
in_evil(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	evil_go(p);
	return 7;
}

TEST(frame_edited_for_ring_0_is_refused_by_the_cpu)
{
	struct cell c;
	uint64_t h, r = 0;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, cell_service_entry, evil_upcall));
	h = cell_handle(&c, 2, 0);
	EQ(exo_call(h, (uint64_t)in_evil, 0, 0, 0, 0, &r), EXO_K_REPLY);
	EQ(r, 7);
	OK(c.page->w[1] == EXO_K_TRAP + TRAP_GP ||
	    c.page->w[1] == EXO_K_TRAP + TRAP_PAGE);	/* QEMU and SMAP */
	EQ(c.page->w[2], 0x2b);
	EQ(c.page->w[3] & 0x3000, 0);
	must(exo_handle_drop(h));
	cell_end(&c);
}

/*
 * The domain says where its upcall frame is mapped, and may lie: the kernel
 * writes the frame that was bound, and nothing at that address.
 */
TEST(address_of_the_upcall_frame_is_only_told_not_followed)
{
	struct cell c;
	struct exo_seat_args a;
	uint64_t h, r, lie;
	const uint64_t *at, *bound;

	cell_make(&c, NULL);
	lie = c.base + EXO_PAGE;		/* its spare page */
	a = (struct exo_seat_args){
		.env = self->env,
		.entry = (uint64_t)cell_service_entry,
		.stack = c.base + CELL_STACK(3) + EXO_PAGE,
		.upcall = (uint64_t)rsp_upcall,
		.upcall_va = lie,
		.upcall_ppn = c.frame[CELL_UPCALL(2) / EXO_PAGE],
		.upcall_slot = c.name,
	};
	must(exo_seat_bind(c.domain, c.name, 2, (uint64_t)&a));
	h = cell_handle(&c, 2, 0);
	memset((void *)lie, FILL, EXO_PAGE);
	c.page->w[0] = c.base + CELL_STACK(3) + 512;
	c.page->w[1] = 0;
	EQ(exo_call(h, (uint64_t)in_rsp_trap, 0, 0, 0, 0, &r), EXO_K_REPLY);
	EQ(c.page->w[4], 1);
	EQ(c.page->w[2], lie + EXO_PAGE - EXO_UPFRAME_ROOM);
	at = (const uint64_t *)lie;
	for (uint32_t i = 0; i < 512; i++) {
		if (!EQ(at[i], 0xeeeeeeeeeeeeeeeel))
			break;
	}
	bound = (const uint64_t *)(c.base + CELL_UPCALL(2) + EXO_PAGE -
	    EXO_UPFRAME_ROOM);
	EQ(bound[9], c.page->w[0]);		/* rsp */
	must(exo_handle_drop(h));
	/* At the end of user memory, or in the kernel's: refused. */
	a.upcall_va = EXO_USER_TOP;
	REFUSED(exo_seat_bind(c.domain, c.name, 3, (uint64_t)&a), ARG);
	a.upcall_va = 0xffffffff80000000ul;
	REFUSED(exo_seat_bind(c.domain, c.name, 3, (uint64_t)&a), ARG);
	a.upcall_va = lie + 8;
	REFUSED(exo_seat_bind(c.domain, c.name, 3, (uint64_t)&a), ARG);
	cell_end(&c);
}

/* Two seats of a domain have two stacks: each trap goes to its own. */
static uint64_t
in_two(struct cell_page *p, uint64_t i, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	for (uint32_t n = 0; n < 50; n++) {
		uint64_t mark = i * 1000 + n, got = mark;

		__asm__ volatile("ud2" : "+r"(got) : : "memory");
		p->w[10 + i] += got != mark;
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
	p->w[i] = 1;
	return 0;
}

static bool
hook_skip(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)p, (void)kind;
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	r->rip += 2;
	return true;
}

TEST(each_seat_has_its_own_upcall_stack)
{
	struct cell c;
	exo_id one, two;

	cell_make(&c, NULL);
	c.page->hook = hook_skip;
	one = cell_env(&c, 2, in_two, 0);
	two = cell_env(&c, 3, in_two, 1);
	for (uint32_t i = 0; i < 2000 && !(c.page->w[0] && c.page->w[1]);
	    i++) {
		(void)!exo_env_yield(one, c.name, EXO_NONE);
		(void)!exo_env_yield(two, c.name, EXO_NONE);
	}
	EQ(c.page->w[0], 1);
	EQ(c.page->w[1], 1);
	EQ(c.page->w[10], 0);
	EQ(c.page->w[11], 0);
	EQ(c.page->traps, 100);
	cell_end(&c);
}
