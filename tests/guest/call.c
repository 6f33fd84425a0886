/*
 * call.c - enter, call and reply: what passes, what does not, and who may.
 */
#include "cell.h"

/* Every register before and after a SYSCALL. */
struct regfile {
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, flags;
};

struct regfile regs_in, regs_out;
void regs_syscall(void);
void regs_entry(void);
extern const char regs_syscall_done[];

#define FLAG_TF		0x100u
#define FLAG_DF		0x400u
#define FLAG_AC		0x40000u

/*
 * regs_syscall: SYSCALL with all of regs_in, all of what comes back to
 * regs_out.  regs_entry: a seat's entry that pushes all it sees (so the top
 * of the stack reads flags, rax, rbx ... r15 downward), sets all registers
 * and nasty flags, and replies.
 */
__asm__(
	".pushsection .text\n"
	"regs_syscall:\n"
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
	"	syscall\n"
	"regs_syscall_done:\n"
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
	"regs_entry:\n"
	"	pushfq\n"
	"	push %rax; push %rbx; push %rcx; push %rdx; push %rsi\n"
	"	push %rdi; push %rbp; push %r8; push %r9; push %r10\n"
	"	push %r11; push %r12; push %r13; push %r14; push %r15\n"
	"	mov $0xb1, %ebx; mov $0xb2, %ecx; mov $0xb3, %edx\n"
	"	mov $0xb4, %esi; mov $0xb5, %edi; mov $0xb6, %ebp\n"
	"	mov $0xb7, %r8d; mov $0xb8, %r9d; mov $0xb9, %r10d\n"
	"	mov $0xba, %r11d; mov $0xbb, %r12d; mov $0xbc, %r13d\n"
	"	mov $0xbd, %r14d; mov $0xbe, %r15d\n"
	"	mov $0x58000002, %eax\n"
	"	pushq $0x40ed5\n"		/* CF PF AF ZF SF DF OF AC */
	"	popfq\n"
	"	syscall\n"
	"	ud2\n"
	".popsection\n");

static void
regs_fill(uint32_t nr, uint64_t rdi)
{
	regs_in = (struct regfile){
		.rax = EXO_NR_BASE + nr, .rdi = rdi,
		.rbx = 0xa1, .rcx = 0xa2, .rdx = 0xa3, .rsi = 0xa4,
		.rbp = 0xa6, .r8 = 0xa7, .r9 = 0xa8, .r10 = 0xa9,
		.r11 = 0xaa, .r12 = 0xab, .r13 = 0xac, .r14 = 0xad,
		.r15 = 0xae, .flags = 0x40ed5,
	};
}

/* What regs_entry pushed, at the top of the seat's stack. */
static void
regs_seen(const struct cell *c, uint32_t seat, struct regfile *r)
{
	const uint64_t *top = (const uint64_t *)(c->base + CELL_STACK(seat) +
	    EXO_PAGE);

	*r = (struct regfile){
		.flags = top[-1], .rax = top[-2], .rbx = top[-3],
		.rcx = top[-4], .rdx = top[-5], .rsi = top[-6],
		.rdi = top[-7], .rbp = top[-8], .r8 = top[-9],
		.r9 = top[-10], .r10 = top[-11], .r11 = top[-12],
		.r12 = top[-13], .r13 = top[-14], .r14 = top[-15],
		.r15 = top[-16],
	};
}

/* rcx and r11 are destroyed: neither side's values get across. */
static void
passed(const struct regfile *from, const struct regfile *to)
{
	EQ(to->rbx, from->rbx);
	EQ(to->rdx, from->rdx);
	EQ(to->rsi, from->rsi);
	EQ(to->rbp, from->rbp);
	EQ(to->r8, from->r8);
	EQ(to->r9, from->r9);
	EQ(to->r10, from->r10);
	EQ(to->r12, from->r12);
	EQ(to->r13, from->r13);
	EQ(to->r14, from->r14);
	EQ(to->r15, from->r15);
	OK(to->rcx != from->rcx);
	OK(to->r11 != from->r11);
	EQ(to->flags & ~0x40ul, 0x202);	/* what pushfq sees: no DF, AC, TF */
}

static const struct regfile replied = {
	.rbx = 0xb1, .rcx = 0xb2, .rdx = 0xb3, .rsi = 0xb4, .rdi = 0xb5,
	.rbp = 0xb6, .r8 = 0xb7, .r9 = 0xb8, .r10 = 0xb9, .r11 = 0xba,
	.r12 = 0xbb, .r13 = 0xbc, .r14 = 0xbd, .r15 = 0xbe,
};

/* A call into regs_entry and back: all that both sides see is right. */
static void
regs_round(struct cell *c, uint64_t handle)
{
	struct regfile seen;

	regs_fill(EXO_NR_call, handle);
	memset(&regs_out, 0, sizeof(regs_out));
	regs_syscall();
	regs_seen(c, 2, &seen);
	EQ(seen.rax, EXO_K_CALL);
	EQ(seen.rdi, 0xbadfe);
	passed(&regs_in, &seen);
	EQ(regs_out.rax, EXO_K_REPLY);
	EQ(regs_out.rdi, replied.rdi);
	passed(&replied, &regs_out);
}

static uint64_t
in_here(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	return (uint64_t)p;
}

TEST(call_brings_badge_and_kind_and_reply_comes_back_once)
{
	struct cell c;
	uint64_t answer = 0;

	cell_make(&c, NULL);
	EQ(exo_call(c.handle, (uint64_t)in_here, 0, 0, 0, 0, &answer),
	    EXO_K_REPLY);
	EQ(answer, c.base);
	EQ(c.page->badge, CELL_BADGE);
	cell_end(&c);
}

TEST(registers_pass_but_rcx_r11_and_flags)
{
	struct cell c;
	uint64_t h;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, regs_entry, NULL));
	h = cell_handle(&c, 2, 0xbadfe);
	regs_round(&c, h);
	EQ(c.page->traps, 0);		/* nothing was single-stepped */
	must(exo_handle_drop(h));
	cell_end(&c);
}

/* A mask without `enter` takes both fast paths away (kernel/sys.c). */
TEST(slow_paths_do_as_the_fast_ones)
{
	static const uint8_t pass[EXO_CLASSES];
	static uint64_t mask[2] = { ~(1ul << EXO_NR_enter), ~0ul };
	struct cell c, m;
	uint64_t h, before;

	cell_make(&c, NULL);
	cell_make(&m, NULL);
	must(cell_bind(&c, 2, self->env, regs_entry, NULL));
	h = cell_handle(&c, 2, 0xbadfe);
	/* The monitor reads from memory that it has. */
	memcpy((void *)m.page->w, pass, sizeof(pass));
	memcpy((void *)(m.page->w + 8), mask, sizeof(mask));
	EQ(cell_do(&m, EXO_NR_domain_monitor, self->domain, self->domain_slot,
	    (uint64_t)m.page->w, (uint64_t)(m.page->w + 8), EXO_MON_RELEASE,
	    0), 0);
	before = EXO_COUNTERS->slow_enters;
	regs_round(&c, h);
	EQ(EXO_COUNTERS->slow_enters - before, 1);
	EQ(exo_call(99, 0, 0, 0, 0, 0, NULL), -EXO_E_SLOT);
	EQ(cell_do(&m, EXO_NR_domain_monitor, self->domain, self->domain_slot,
	    0, 0, EXO_MON_DROP, 0), 0);
	before = EXO_COUNTERS->slow_enters;
	regs_round(&c, h);
	EQ(EXO_COUNTERS->slow_enters - before, 0);
	must(exo_handle_drop(h));
	cell_end(&c);
	cell_end(&m);
}

/* A forced yield waits for the reply, which therefore takes the slow way. */
static uint64_t
in_yield_later(struct cell_page *p, uint64_t env, uint64_t slot, uint64_t c)
{
	(void)p, (void)c;
	return (uint64_t)exo_env_force_yield(env, (exo_slot)slot);
}

TEST(slow_reply_comes_back_the_same)
{
	struct cell c;
	uint64_t before, saved = 0x5afe;
	long r;

	cell_make(&c, NULL);
	before = EXO_COUNTERS->slow_enters;
	r = (long)cell_call(&c, in_yield_later, self->env, self->env_slot, 0);
	EQ(r, 0);
	EQ(saved, 0x5afe);
	EQ(EXO_COUNTERS->slow_enters - before, 1);
	EQ(EXO_ENVS[EXO_INDEX(self->env)].pending, 0);
	cell_end(&c);
}

/* Single-stepping ends at the crossing: else the callee would trap. */
static uint64_t steps;

__attribute__((target("general-regs-only"))) static bool
step_trap(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	steps++;
	r->rflags &= ~(uint64_t)FLAG_TF;
	return true;
}

TEST(trap_flag_does_not_cross)
{
	struct cell c;
	struct regfile seen;
	uint64_t h;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, regs_entry, NULL));
	h = cell_handle(&c, 2, 0xbadfe);
	(void)upcall_set(EXO_K_TRAP + TRAP_DEBUG, step_trap);
	regs_fill(EXO_NR_call, h);
	regs_in.flags = 0x202 | FLAG_TF | FLAG_DF;
	regs_syscall();
	(void)upcall_set(EXO_K_TRAP + TRAP_DEBUG, NULL);
	regs_seen(&c, 2, &seen);
	EQ(seen.rax, EXO_K_CALL);
	EQ(seen.flags & (FLAG_TF | FLAG_DF), 0);
	EQ(c.page->traps, 0);
	OK(steps <= 1);
	must(exo_handle_drop(h));
	cell_end(&c);
}

/* ------------------------------------------------------------ the chain */

/* Call my own seats by the handles in places n, n+1, ... until refused. */
static uint64_t
in_descend(struct cell_page *p, uint64_t n, uint64_t b, uint64_t c)
{
	uint64_t below = 0;
	long r = exo_call(n, (uint64_t)in_descend, n + 1, 0, 0, 0, &below);

	(void)b, (void)c;
	if (r == EXO_K_REPLY)
		return below + 1;
	p->w[0] = (uint64_t)r;
	p->w[1] = n;
	return 1;
}

TEST(eight_calls_deep_and_no_more)
{
	struct cell c;

	cell_make(&c, &(struct cell_opts){ .seats = 12 });
	for (uint32_t i = 2; i < 11; i++) {
		must(cell_bind(&c, i, self->env, cell_service_entry, NULL));
		cell_link(&c, i, i, &c, i);
	}
	/* Mine is the first call: eight in the cell run, the ninth is not. */
	EQ(cell_call(&c, in_descend, 2, 0, 0), 8);
	EQ(c.page->w[0], -EXO_E_DEPTH);
	EQ(c.page->w[1], 9);
	EQ(exo_reply(0), -EXO_E_DEPTH);
	/* And all the way once more: nothing was left behind. */
	EQ(cell_call(&c, in_descend, 2, 0, 0), 8);
	cell_end(&c);
}

static uint64_t
in_call_place(struct cell_page *p, uint64_t place, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	return (uint64_t)exo_call(place, 0, 0, 0, 0, 0, NULL);
}

/* Two steps: call place a, which calls place b. */
static uint64_t
in_call_two(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)p, (void)c;
	(void)!exo_call(a, (uint64_t)in_call_place, b, 0, 0, 0, &r);
	return r;
}

/* Else the second entry would run over the first one's stack. */
TEST(seats_on_the_chain_and_the_running_one_refuse)
{
	struct cell c;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, cell_service_entry, NULL));
	cell_link(&c, 1, 0, &c, 1);
	cell_link(&c, 2, 0, &c, 2);
	must(exo_handle_open(c.domain, c.name, 3, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 0, 0, c.domain,
	    3));
	EQ(cell_call(&c, in_call_place, 1, 0, 0), -EXO_E_BUSY);
	EQ(cell_call(&c, in_call_place, 3, 0, 0), -EXO_E_LOOP);
	EQ(cell_call(&c, in_call_two, 2, 1, 0), -EXO_E_LOOP);
	EQ(cell_call(&c, in_call_two, 2, 2, 0), -EXO_E_BUSY);
	cell_end(&c);
}

static uint64_t
in_enter_place(struct cell_page *p, uint64_t place, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	return (uint64_t)exo_enter(place, 0, 0, 0, 0, 0);
}

/* By enter too; and from a seat that it entered, not only called. */
static uint64_t
in_enter_from(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r = 0;

	(void)c;
	p->w[2] = (uint64_t)exo_call(a, (uint64_t)in_enter_place, b, 0, 0, 0,
	    &r);
	return r;
}

TEST(enter_refuses_seats_on_the_chain_and_the_running_one)
{
	struct cell c;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, cell_service_entry, NULL));
	cell_link(&c, 1, 0, &c, 1);
	cell_link(&c, 2, 0, &c, 2);
	must(exo_handle_open(c.domain, c.name, 3, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 0, 0, c.domain,
	    3));
	EQ(cell_call(&c, in_enter_place, 1, 0, 0), -EXO_E_BUSY);
	EQ(cell_call(&c, in_enter_place, 3, 0, 0), -EXO_E_LOOP);
	EQ(cell_call(&c, in_enter_from, 2, 1, 0), -EXO_E_LOOP);
	EQ(cell_call(&c, in_enter_from, 2, 2, 0), -EXO_E_BUSY);
	EQ(cell_call(&c, in_enter_from, 2, 3, 0), -EXO_E_LOOP);
	cell_end(&c);
}

/* Else a reply would come back to a seat that is somebody else's by now. */
TEST(occupied_seats_are_not_unbound_or_bound_anew)
{
	struct cell c;
	struct exo_seat_args *a;

	cell_make(&c, NULL);
	a = (struct exo_seat_args *)(c.base + EXO_PAGE);
	*a = (struct exo_seat_args){ .env = self->env };
	/* The one that I am in, and the one that I am away from. */
	EQ(cell_do(&c, EXO_NR_seat_free, c.domain, c.name, CELL_SEAT, 0, 0,
	    0), -EXO_E_BUSY);
	EQ(cell_do(&c, EXO_NR_seat_bind, c.domain, c.name, CELL_SEAT,
	    (uint64_t)a, 0, 0), -EXO_E_BUSY);
	EQ(cell_do(&c, EXO_NR_seat_free, self->domain, self->domain_slot, 0,
	    0, 0, 0), -EXO_E_BUSY);
	EQ(cell_do(&c, EXO_NR_seat_bind, self->domain, self->domain_slot, 0,
	    (uint64_t)a, 0, 0), -EXO_E_BUSY);
	EQ(cell_do(&c, EXO_NR_seat_repair, self->domain, self->domain_slot,
	    0, 0, 0, 0), -EXO_E_STATE);
	EQ(cell_do(&c, EXO_NR_null, 0, 0, 0, 0, 0, 0), 0);
	cell_end(&c);
}

/* Else a domain could send an env back that it was never lent. */
static uint64_t
in_reply_env(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = (uint64_t)exo_reply(0xf0);
	p->w[1] = 1;
	while (p->w[1] == 1)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 0;
}

/* While I am in the cell, its own env, in the same domain, tries to reply. */
static uint64_t
in_wait_forger(struct cell_page *p, uint64_t env, uint64_t slot, uint64_t c)
{
	(void)c;
	for (uint32_t i = 0; i < 1000 && p->w[1] == 0; i++)
		(void)!exo_env_yield(env, (exo_slot)slot, EXO_NONE);
	return p->w[0];
}

TEST(reply_forged_or_used_twice_is_refused)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	EQ(exo_reply(1), -EXO_E_DEPTH);
	env = cell_env(&c, 2, in_reply_env, 0);
	EQ(cell_call(&c, in_wait_forger, env, c.name, 0), -EXO_E_DEPTH);
	EQ(c.page->w[1], 1);
	EQ(exo_reply(1), -EXO_E_DEPTH);
	cell_end(&c);
}

/* -------------------------------------------------------- whose seat it is */

/*
 * Another env with a good handle to my seat: else it could sit there, and my
 * calls would find the callee busy for ever; or speak with my badge.
 */
TEST(seat_is_not_squatted)
{
	struct cell c, other;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&other, NULL);
	cell_link(&c, CELL_SEAT, CELL_BADGE, &other, 0);
	env = cell_env(&other, 2, in_call_place, 0);
	OK(cell_run_state(&other, env, EXO_ENV_DEAD));
	EQ(EXO_ENVS[EXO_INDEX(env)].exit_word, -EXO_E_DENIED);
	EQ(c.page->badge, 0);
	/* In the other domain this very env of mine may use it: it is I. */
	EQ(cell_call(&other, in_call_place, 0, 0, 0), EXO_K_REPLY);
	EQ(cell_call(&c, in_here, 0, 0, 0), c.base);
	cell_end(&other);
	cell_end(&c);
}

/* The same by enter. */
TEST(enter_is_not_for_others_either)
{
	struct cell c, other;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&other, NULL);
	cell_link(&c, CELL_SEAT, CELL_BADGE, &other, 0);
	env = cell_env(&other, 2, in_enter_place, 0);
	OK(cell_run_state(&other, env, EXO_ENV_DEAD));
	EQ(EXO_ENVS[EXO_INDEX(env)].exit_word, -EXO_E_DENIED);
	cell_end(&other);
	cell_end(&c);
}

TEST(names_of_places_are_whole_words)
{
	struct cell c;
	uint64_t n;

	cell_make(&c, NULL);
	n = EXO_DOMAINS[EXO_INDEX(self->domain)].nhandles;
	REFUSED(exo_call(c.handle | 1ul << 32, 0, 0, 0, 0, 0, NULL), SLOT);
	REFUSED(exo_call(c.handle | 1ul << 59, 0, 0, 0, 0, 0, NULL), SLOT);
	REFUSED(exo_call(~0ul, 0, 0, 0, 0, 0, NULL), SLOT);
	REFUSED(exo_call(n, 0, 0, 0, 0, 0, NULL), SLOT);
	REFUSED(exo_enter(c.handle | 1ul << 32, 0, 0, 0, 0, 0), SLOT);
	REFUSED(exo_enter(n, 0, 0, 0, 0, 0), SLOT);
	cell_end(&c);
}

/* The callee makes handles: without CONTROL on it there is no way to a badge
 * of one's choice, nor into a place that was not opened. */
TEST(badge_is_not_forged)
{
	struct cell c, thief;
	exo_slot weak;

	cell_make(&c, NULL);
	cell_make(&thief, &(struct cell_opts){ .alone = true });
	must(cell_bind(&c, 2, self->env, cell_service_entry, NULL));
	must(exo_handle_open(thief.domain, thief.name, 4, c.domain));
	EQ(cell_do(&thief, EXO_NR_handle_mint, c.domain, 0, CELL_SEAT, 0x600d,
	    thief.domain, 4), -EXO_E_SLOT);
	weak = (exo_slot)must(slot_derive(c.name, EXO_R_ALL & ~EXO_R_CONTROL,
	    EXO_COMP_SAME));
	REFUSED(exo_handle_mint(c.domain, weak, CELL_SEAT, 1, thief.domain, 4),
	    RIGHTS);
	REFUSED(exo_handle_mint(c.domain, thief.name, CELL_SEAT, 1,
	    thief.domain, 4), DENIED);
	REFUSED(exo_handle_mint(c.domain, c.name, CELL_SEAT, 1, thief.domain,
	    5), FULL);
	slot_put(weak);
	cell_end(&thief);
	cell_end(&c);
}

/* Handles are in the kernel: dropping, reopening, minting are all there is. */
TEST(opened_place_is_filled_once_and_by_the_named_one)
{
	struct cell c, d;
	uint64_t place;

	cell_make(&c, NULL);
	cell_make(&d, NULL);
	place = (uint64_t)must(place_open(d.domain));
	/* Opened for d; I am not d, nor is the seat d's. */
	REFUSED(exo_handle_mint(c.domain, c.name, CELL_SEAT, 1, self->domain,
	    place), FULL);
	EQ(exo_call(place, 0, 0, 0, 0, 0, NULL), -EXO_E_SLOT);
	EQ(exo_handle_mint(d.domain, d.name, CELL_SEAT, 1, self->domain,
	    place), 0);
	REFUSED(exo_handle_mint(d.domain, d.name, CELL_SEAT, 2, self->domain,
	    place), FULL);
	EQ(exo_handle_drop(place), 0);
	REFUSED(exo_handle_drop(place), SLOT);
	EQ(exo_call(place, 0, 0, 0, 0, 0, NULL), -EXO_E_SLOT);
	cell_end(&d);
	cell_end(&c);
}

/* ------------------------------------------------------- handles grow stale */

/* Else an old handle would enter what the seat has become. */
TEST(handle_dies_with_its_binding)
{
	struct cell c;
	uint64_t h;

	cell_make(&c, NULL);
	must(cell_bind(&c, 2, self->env, cell_service_entry, NULL));
	h = cell_handle(&c, 2, 7);
	EQ(exo_call(h, (uint64_t)in_here, 0, 0, 0, 0, NULL), EXO_K_REPLY);
	EQ(exo_seat_free(c.domain, c.name, 2), 0);
	REFUSED(exo_call(h, 0, 0, 0, 0, 0, NULL), STALE);
	REFUSED(exo_enter(h, 0, 0, 0, 0, 0), STALE);
	must(cell_bind(&c, 2, self->env, cell_service_entry, NULL));
	REFUSED(exo_call(h, 0, 0, 0, 0, 0, NULL), STALE);
	REFUSED(exo_enter(h, 0, 0, 0, 0, 0), STALE);
	must(exo_handle_drop(h));
	cell_end(&c);
}

TEST(handle_dies_with_its_domain)
{
	struct cell c;

	cell_make(&c, NULL);
	must(exo_domain_kill(c.domain, c.name, 3));
	REFUSED(exo_enter(c.handle, 0, 0, 0, 0, 0), STALE);
	/* It may be found out on the way, as GONE, or before, as STALE. */
	EQ(exo_call(c.handle, 0, 0, 0, 0, 0, NULL), -EXO_E_STALE);
	cell_reap(&c);
}

TEST(handles_are_not_the_slots_that_are_cloned)
{
	struct cell c;

	/* The cell shares my slot tables; my handles are not among them. */
	cell_make(&c, NULL);
	EQ(cell_do(&c, EXO_NR_handle_drop, c.handle, 0, 0, 0, 0, 0),
	    -EXO_E_SLOT);
	EQ(cell_call(&c, in_call_place, c.handle, 0, 0), -EXO_E_SLOT);
	cell_end(&c);
}

/* ------------------------------------------------------------------- enter */

/* Called, the first cell enters the second, which replies for it. */
TEST(enter_by_a_callee_leaves_the_chain_as_it_is)
{
	struct cell a, b;
	uint64_t r = 0;

	cell_make(&a, NULL);
	cell_make(&b, NULL);
	cell_link(&b, CELL_SEAT, 0xb, &a, 0);
	EQ(exo_call(a.handle, (uint64_t)in_enter_place, 0, 0, 0, 0, &r),
	    EXO_K_REPLY);
	/* b ran cell_service(badge, fn = 0 ...): it trapped and answered. */
	EQ(r, CELL_TRAPPED);
	EQ(b.page->badge, 0xb);
	EQ(b.page->traps, 1);
	/* a's seat was free from then on. */
	EQ(cell_call(&a, in_here, 0, 0, 0), a.base);
	cell_end(&a);
	cell_end(&b);
}

/* An env of the cell enters another seat of the cell and another domain. */
static uint64_t
in_exit_here(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	p->w[0] = a;
	p->w[1]++;
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return (uint64_t)exo_env_exit(0x77);
}

static uint64_t
in_move(struct cell_page *p, uint64_t place, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	return (uint64_t)exo_enter(place, (uint64_t)in_exit_here, 0x40, 0, 0,
	    0);
}

TEST(enter_at_depth_0_moves_home)
{
	struct cell a, b;
	exo_id env;

	cell_make(&a, NULL);
	cell_make(&b, NULL);
	env = cell_env_make(&a);
	must(cell_bind(&b, 2, env, cell_service_entry, NULL));
	cell_link(&b, 2, 0xb, &a, 0);
	must(cell_env_begin(&a, env, 2, in_move, 0));
	EQ(EXO_ENVS[EXO_INDEX(env)].home, EXO_INDEX(a.domain));
	OK(cell_run(&a, env, &b.page->w[1], 1));
	EQ(b.page->w[0], 0x40);
	EQ(EXO_ENVS[EXO_INDEX(env)].home, EXO_INDEX(b.domain));
	EQ(EXO_ENVS[EXO_INDEX(env)].where, EXO_INDEX(b.domain));
	EQ(EXO_ENVS[EXO_INDEX(env)].depth, 0);
	/* Its old seat is free: it could be unbound. */
	EQ(exo_seat_free(a.domain, a.name, 2), 0);
	/* The home that it has now may end it. */
	OK(cell_run_state(&a, env, EXO_ENV_DEAD));
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_EXIT);
	EQ(EXO_ENVS[EXO_INDEX(env)].exit_word, 0x77);
	cell_end(&a);
	cell_end(&b);
}

/* Else a server could end its client's thread. */
TEST(foreign_domain_can_not_exit_the_env)
{
	struct cell c;

	cell_make(&c, NULL);
	EQ(cell_do(&c, EXO_NR_env_exit, 1, 0, 0, 0, 0, 0), -EXO_E_STATE);
	cell_end(&c);
}

TEST(where_an_env_is_is_published_when_it_switches)
{
	struct cell c;
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(self->env)];

	cell_make(&c, NULL);
	EQ(cell_do(&c, EXO_NR_env_yield, EXO_ID_ANY, 0, EXO_NONE, 0, 0, 0),
	    0);
	/* I may have been the only one; force a switch in the cell. */
	EQ(cell_do(&c, EXO_NR_null, 0, 0, 0, 0, 0, 0), 0);
	OK(e->where == EXO_INDEX(c.domain) ||
	    e->where == EXO_INDEX(self->domain));
	EQ(e->home, EXO_INDEX(self->domain));
	cell_end(&c);
}
