/*
 * fuzz_upcall.c - upcall frames in the hands of a domain that does anything to
 * them: flags and words at random, RSP anywhere, traps of every class, and
 * registers at random when its env is continued.
 *
 * The kernel writes into the frame and nowhere else; what can't be delivered
 * stops the env visibly, and the tables still add up.
 *
 * run: --icount --append seed=1
 * run: --icount --append seed=2
 */
#include "cell.h"
#include "hostile.h"
#include "invariant.h"

#define ROUNDS		6000u
#define SEAT		2u
#define STR_(x)		#x
#define STR(x)		STR_(x)
#define SPAN		131072		/* CELL_SPAN */
#define TOP		28672		/* CELL_STACK(SEAT) + EXO_PAGE */

_Static_assert(SPAN == CELL_SPAN && TOP == CELL_STACK(SEAT) + EXO_PAGE,
    "as in cell.h");

enum { W_RNG, W_STEPS, W_UPCALLS };

void chaos_upcall(void);
void chaos_begin(void);
void chaos_trap(uint64_t rsp, uint64_t which);
void chaos_step(struct cell_page *p);

/* Entries find the page by RSP, which is in the cell then. */
__asm__(
	".pushsection .text\n"
	"chaos_upcall:\n"
	"	mov	%rsp, %rdi\n"
	"	and	$-" STR(SPAN) ", %rdi\n"
	"	incq	16(%rdi)\n"
	"	jmp	1f\n"
	"chaos_begin:\n"
	"	lea	-1(%rsp), %rdi\n"
	"	and	$-" STR(SPAN) ", %rdi\n"
	"1:	lea	" STR(TOP) "(%rdi), %rsp\n"
	"	call	chaos_step\n"
	"chaos_trap:\n"
	"	mov	%rdi, %rsp\n"
	"	lea	2f(%rip), %rax\n"
	"	movslq	(%rax, %rsi, 4), %rcx\n"
	"	add	%rcx, %rax\n"
	"	jmp	*%rax\n"
	"2:	.long 3f - 2b, 4f - 2b, 5f - 2b, 6f - 2b, 7f - 2b, 8f - 2b\n"
	"	.long 9f - 2b, 10f - 2b\n"
	"3:	ud2\n"
	"4:	mov	16, %rax\n"
	"	ud2\n"
	"5:	mov	$0xffff800000000000, %rax\n"
	"	mov	%rax, (%rax)\n"
	"	ud2\n"
	"6:	mov	$0x123, %eax\n"		/* a foreign call */
	"	syscall\n"
	"	ud2\n"
	"7:	int3\n"
	"	ud2\n"
	"8:	push	%rax\n"			/* wherever RSP is */
	"	ud2\n"
	"9:	xor	%ecx, %ecx\n"
	"	div	%ecx\n"
	"	ud2\n"
	"10:	mov	$0x58000003, %eax\n"	/* null */
	"	syscall\n"
	"	ud2\n"
	".popsection");

static uint64_t
next(volatile uint64_t *rng)
{
	uint64_t x = *rng;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *rng = x;
}

void
chaos_step(struct cell_page *p)
{
	volatile uint64_t *rng = &p->w[W_RNG];
	uint64_t r = next(rng), frame = (uint64_t)p + CELL_UPCALL(SEAT), rsp;
	struct exo_upcall *up = (struct exo_upcall *)frame;

	p->w[W_STEPS]++;
	if (r % 4 == 0)
		((volatile uint64_t *)frame)[next(rng) % 512] = next(rng);
	up->off = next(rng) % 8 == 0;
	up->critical = next(rng) % 8 == 0;
	switch (next(rng) % 8) {
	case 0:
		rsp = frame + next(rng) % 4200;
		break;
	case 1:
		rsp = frame + EXO_PAGE;
		break;
	case 2:
		rsp = frame + EXO_UPCALL_HEAD + next(rng) % 128;
		break;
	case 3:
		rsp = next(rng);		/* most are non-canonical */
		break;
	case 4:
		rsp = EXO_USER_TOP - next(rng) % 64;
		break;
	case 5:
		rsp = EXO_PUB + next(rng) % EXO_PAGE;
		break;
	default:
		rsp = (uint64_t)p + TOP - 512;
	}
	chaos_trap(rsp, next(rng) % 8);
}

/* It has stopped: hostile registers, which are refused or made fit, and then
 * good ones. */
static void
revive(struct cell *c, exo_id env, uint64_t *rng)
{
	struct exo_regs r;
	uint64_t seq = EXO_ENVS[EXO_INDEX(env)].seq, *w = (uint64_t *)&r;

	for (uint32_t i = 0; i < sizeof(r) / 8; i++)
		w[i] = next(rng);
	r.rip |= EXO_USER_TOP;
	EQ(exo_env_continue(env, c->name, seq, EXO_HOW_REGS, (uint64_t)&r),
	    -EXO_E_ARG);
	EQ(exo_env_continue(env, c->name, seq + 1, EXO_HOW_RETRY, 0),
	    -EXO_E_STALE);
	r.rip = (uint64_t)chaos_begin;
	r.rsp = c->base + TOP;
	r.rflags &= ~0x100ull;		/* TF would trap on and on */
	must(exo_env_continue(env, c->name, seq, EXO_HOW_REGS, (uint64_t)&r));
}

static uint64_t
seed(void)
{
	const volatile char *s = EXO_MACHINE->cmdline;
	uint64_t n = 0;

	for (; *s != '\0'; s++)
		if (s[0] == 's' && s[1] == 'e' && s[2] == 'e' && s[3] == 'd' &&
		    s[4] == '=')
			for (s += 5; *s >= '0' && *s <= '9'; s++)
				n = n * 10 + (uint64_t)(*s - '0');
	return (n + 1) * 0x9e3779b97f4a7c15ull;
}

static void
chaos(uint32_t rounds, uint64_t *rng)
{
	uint64_t stops = 0;
	struct cell c;
	uint32_t state;
	exo_id env;

	cell_make(&c, NULL);
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_FOREIGN,
	    EXO_ACT_SELF));
	must(exo_domain_row(c.domain, c.name, EXO_CLASS_SLICE, EXO_ACT_SELF));
	c.page->w[W_RNG] = next(rng);
	env = cell_env_make(&c);
	must(cell_bind(&c, SEAT, env, chaos_begin, chaos_upcall));
	must(exo_env_start(env, c.name, c.domain, c.name, SEAT, 0));
	for (uint32_t i = 0; i < rounds; i++) {
		state = EXO_ENVS[EXO_INDEX(env)].state;
		if (state == EXO_ENV_READY)
			(void)!exo_env_yield(env, c.name, EXO_NONE);
		else if (state == EXO_ENV_STOPPED && ++stops != 0)
			revive(&c, env, rng);
		else
			break;
	}
	OK(state == EXO_ENV_READY || state == EXO_ENV_STOPPED);
	OK(stops > rounds / 8);
	OK(c.page->w[W_STEPS] > rounds / 2);
	OK(c.page->w[W_UPCALLS] > rounds / 2);
	print("# %lu steps, %lu upcalls, %lu stops\n", c.page->w[W_STEPS],
	    c.page->w[W_UPCALLS], stops);
	cell_end(&c);
}

TEST(upcall_frames_at_random_harm_nobody_else)
{
	uint64_t rng = seed();
	struct use before;

	chaos(200, &rng);		/* this program's own memory is there */
	use_take(&before);
	chaos(ROUNDS, &rng);
	OK(use_same(&before));
	OK(invariants_hold());
}
