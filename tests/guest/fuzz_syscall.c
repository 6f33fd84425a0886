/*
 * fuzz_syscall.c - a million random calls from domains that distrust each
 * other, and then all published tables still add up.
 *
 * Workers are cells (cell.h) that make calls at random for as long as they
 * live, with arguments made for the parameters' names in the one list of
 * calls.  Each has an account and names of its own, some rights on its
 * neighbour, a name for frames that all share, and handles to the others'
 * seats, so that envs wander.  They map, share by pt_copy and unmap, make
 * domains and envs of their own, stop, monitor and kill each other.  This
 * program gives them time, revives or replaces those that are stuck, and
 * looks at the tables now and then.
 *
 * The numbers are those of the seed; --icount makes the ticks so too.
 *
 * run: --mem 64M --icount --append seed=1
 * run: --mem 64M --icount --append seed=2
 * run: --mem 128M --icount --append seed=3
 */
#include "cell.h"
#include "hostile.h"
#include "invariant.h"
#include "nap.h"

#define CALLS		1000000u	/* of each seed */
#define CALLS_CHECKED	150000u		/* by a kernel that checks itself */
#define WORKERS		5u
#define LIFE		30000u		/* calls of one worker */
#define SEAT_HOME	2u
#define SEAT_GUEST(i)	(3u + (i))	/* for worker i's env */
#define SEATS		(3u + WORKERS)
#define PARAMS		6u
#define VITAL_MAX	40u
#define FUZZ_RESUMED	0x77u		/* rax of a resumed trap */
#define TREE		40u		/* first root entry they build in */

/* Capabilities that a worker is given. */
enum { THEME_ANY, THEME_OWN, THEME_CHILD, THEMES };

enum {
	SLOT_NAME, SLOT_CHILD, SLOT_PEER, SLOT_SHARED, SLOT_CONSOLE,
	SLOT_STATE, SLOTS_GIVEN
};

enum arg {
	A_NONE, A_ANY, A_SLOT, A_ACCT, A_DOM, A_ENV, A_PPN, A_TABLE, A_FREE,
	A_N, A_WANT, A_INDEX, A_PTE, A_VA, A_RIGHTS, A_COMP, A_RES, A_AMOUNT,
	A_WHICH, A_KIND, A_CLASS, A_ACTION, A_FLAGS, A_SEAT, A_WHOSE,
	A_PLACE, A_HANDLE, A_PCID, A_OFFSET, A_SEQ, A_HOW, A_OUT, A_LIMITS,
	A_ARGS, A_SLEEP, A_PROG, A_REGS, A_PTES, A_ACTIONS, A_MASK, A_REGION,
	A_SERIAL, A_LEN, A_TICKS,
	A_FRAME = 0x40,			/* | kind: a frame of it, unused */
	A_NARROW = 0x80			/* 32 bits */
};

/* A worker's own state, in the second page of its cell. */
struct fuzz {
	uint64_t rng;
	volatile uint64_t calls, good;
	exo_id acct, dom, env;
	uint64_t base;
	uint32_t wild;			/* may end itself */
	uint32_t theme;			/* of this call's arguments */
	uint32_t root, nvital;
	uint64_t region, serial;	/* the last that it made */
	uint32_t nnr;
	uint8_t nr[EXO_NR_MAX];		/* the calls */
	uint8_t gen[EXO_NR_MAX][PARAMS];
	uint8_t did[EXO_NR_MAX];	/* succeeded once */
	exo_ppn vital[VITAL_MAX];	/* without these it is stuck */
	uint64_t scratch[256] __attribute__((aligned(2048)));
};
_Static_assert(sizeof(struct fuzz) <= EXO_PAGE, "a page");

/* ------------------------------------------------------- in the workers
 *
 * Nothing here touches this program's data.
 */
long fuzz_call(const uint64_t *args);
void fuzz_enter(void);

__asm__(
	".pushsection .text\n"
	"fuzz_call:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	mov	%rdi, %r11\n"
	"	mov	(%r11), %rax\n"
	"	mov	8(%r11), %rdi\n"
	"	mov	16(%r11), %rsi\n"
	"	mov	24(%r11), %rdx\n"
	"	mov	32(%r11), %r10\n"
	"	mov	40(%r11), %r8\n"
	"	mov	48(%r11), %r9\n"
	"	syscall\n"
	"	cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	"fuzz_enter:\n"
	"	cld\n"
	"	mov	%eax, %edi\n"
	"	call	fuzz_loop\n"
	"	ud2\n"
	".popsection\n");

static uint64_t
rnd(struct fuzz *z)
{
	z->rng ^= z->rng << 13;
	z->rng ^= z->rng >> 7;
	z->rng ^= z->rng << 17;
	return z->rng * 0x2545f4914f6cdd1dul >> 7;
}

static bool
one_in(struct fuzz *z, uint32_t n)
{
	return rnd(z) % n == 0;
}

static bool
is_vital(const struct fuzz *z, exo_ppn ppn)
{
	for (uint32_t i = 0; i < z->nvital; i++)
		if (z->vital[i] == ppn)
			return true;
	return false;
}

/* A frame of an account, some way down its list. */
static exo_ppn
frame_of_account(struct fuzz *z, uint32_t acct)
{
	exo_ppn p = EXO_ACCTS[acct].frames;

	for (uint32_t n = rnd(z) % 48; n > 0 && p != 0; n--)
		p = EXO_PAGES[p].next;
	return p;
}

static exo_ppn
frame_any(struct fuzz *z)
{
	exo_ppn p = 0;

	for (uint32_t i = 0; i < 4; i++) {
		p = frame_of_account(z, one_in(z, 8) ? rnd(z) % 16 :
		    EXO_INDEX(z->acct));
		if (!is_vital(z, p) || one_in(z, 256))
			break;
		p = 0;
	}
	return p;
}

static uint64_t
gen_ppn(struct fuzz *z)
{
	switch (rnd(z) % 16) {
	case 0:
		return rnd(z) % EXO_MACHINE->nframes;
	case 1:
		return one_in(z, 2) ? rnd(z) : EXO_MACHINE->nframes;
	case 2:
		return EXO_MACHINE->free_head;
	}
	return frame_any(z);
}

static uint64_t
gen_table(struct fuzz *z)
{
	for (uint32_t i = 0; i < 12; i++) {
		exo_ppn p = frame_any(z);

		if (EXO_PAGES[p].kind >= EXO_PG_PT1 &&
		    EXO_PAGES[p].kind <= EXO_PG_PT4)
			return p;
	}
	return one_in(z, 4) ? z->root : gen_ppn(z);
}

/* Of a kind, if it has one that nothing uses. */
static uint64_t
gen_frame(struct fuzz *z, uint32_t kind)
{
	exo_ppn p = frame_of_account(z, EXO_INDEX(z->acct));

	if (one_in(z, 8))
		return gen_ppn(z);
	for (uint32_t i = 0; i < 200 && p != 0; i++, p = EXO_PAGES[p].next)
		if (EXO_PAGES[p].kind == kind && EXO_PAGES[p].uses == 0 &&
		    EXO_PAGES[p].refs == 0)
			return p;
	return gen_ppn(z);
}

static uint64_t
gen_id(struct fuzz *z, uint32_t what)
{
	uint32_t at = rnd(z) % 32;

	if (one_in(z, 16))
		return one_in(z, 2) ? rnd(z) : EXO_ID_ANY;
	for (uint32_t i = 0; i < 32; i++, at = (at + 1) % 64) {
		if (what == A_ACCT && EXO_ACCTS[at].state != EXO_ACCT_FREE)
			return EXO_ID(EXO_ACCTS[at].gen, at);
		if (what == A_DOM && EXO_DOMAINS[at].state != EXO_DOM_FREE)
			return EXO_ID(EXO_DOMAINS[at].gen, at);
		if (what == A_ENV && EXO_ENVS[at].state != EXO_ENV_FREE)
			return EXO_ID(EXO_ENVS[at].gen, at);
	}
	return 0;
}

/* An object that its account pays for, besides itself. */
static uint64_t
gen_child(struct fuzz *z, uint32_t what)
{
	const uint32_t acct = EXO_INDEX(z->acct);
	uint32_t at = rnd(z) % 64;

	for (uint32_t i = 0; i < 64; i++, at = (at + 1) % 64) {
		if (what == A_ACCT && at != 0 && EXO_ACCTS[at].parent == acct)
			return EXO_ID(EXO_ACCTS[at].gen, at);
		if (what == A_DOM && EXO_DOMAINS[at].account == acct &&
		    at != EXO_INDEX(z->dom))
			return EXO_ID(EXO_DOMAINS[at].gen, at);
		if (what == A_ENV && EXO_ENVS[at].account == acct &&
		    at != EXO_INDEX(z->env))
			return EXO_ID(EXO_ENVS[at].gen, at);
	}
	return gen_id(z, what);
}

/* Accounts, domains and envs: the theme's. */
static uint64_t
gen_name(struct fuzz *z, uint32_t what)
{
	if (z->theme == THEME_ANY || one_in(z, 16))
		return gen_id(z, what);
	if (z->theme == THEME_CHILD)
		return gen_child(z, what);
	return what == A_ACCT ? z->acct : what == A_DOM ? z->dom : z->env;
}

static uint64_t
gen_slot(struct fuzz *z)
{
	if (z->theme != THEME_ANY && !one_in(z, 16))
		return z->theme == THEME_OWN ? SLOT_NAME : SLOT_CHILD;
	if (one_in(z, 4))
		return SLOT_NAME;
	if (!one_in(z, 4))
		return rnd(z) % SLOTS_GIVEN;
	if (!one_in(z, 4))
		return rnd(z) % EXO_SLOTS_PER_TABLE;
	return one_in(z, 2) ? EXO_SLOT(rnd(z) % 5, rnd(z) % 100) : rnd(z);
}

static uint64_t
gen_n(struct fuzz *z)
{
	switch (rnd(z) % 16) {
	case 0:
		return 0;
	case 1:
		return 512 + rnd(z) % 3;
	case 2:
		return rnd(z);
	case 3:
		return rnd(z) % 600;
	}
	return 1 + rnd(z) % 8;
}

/* Bits that are mostly sound, mostly W or not X. */
static uint64_t
gen_pte(struct fuzz *z)
{
	uint64_t bits = EXO_PTE_NX;

	if (one_in(z, 6))
		return 0;
	if (one_in(z, 32))
		return rnd(z);
	if (one_in(z, 2))
		bits |= EXO_PTE_W;
	if (one_in(z, 8))
		bits ^= EXO_PTE_NX;
	if (one_in(z, 8))
		bits |= rnd(z) & EXO_PTE_ASK & ~EXO_PTE_ADDR;
	return EXO_PTE(one_in(z, 3) ? gen_table(z) : gen_ppn(z), bits);
}

static uint64_t
gen_index(struct fuzz *z)
{
	if (one_in(z, 16))
		return one_in(z, 2) ? rnd(z) : 508 + rnd(z) % 6;
	/* A root's entries for code and stacks are left alone, mostly. */
	return one_in(z, 2) ? TREE + rnd(z) % 8 : 1 + rnd(z) % 250;
}

static uint64_t
gen_va(struct fuzz *z)
{
	if (one_in(z, 16))
		return rnd(z);
	if (one_in(z, 4))
		return z->base + rnd(z) % CELL_SPAN;
	return (uint64_t)(TREE + rnd(z) % 8) << EXO_PT_SHIFT(4) |
	    (rnd(z) % 8) << 12;
}

static uint64_t
bad_address(struct fuzz *z)
{
	switch (rnd(z) % 8) {
	case 0:
		return 0;
	case 1:
		return EXO_USER_TOP - rnd(z) % 64;
	case 2:
		return 0xffff800000000000ul | rnd(z);
	case 3:
		return EXO_PUB + rnd(z) % EXO_PAGE;
	case 4:
		return 0ul - rnd(z) % 512;
	case 5:
		return z->base + CELL_SPAN - rnd(z) % 64;
	}
	return rnd(z);
}

static uint64_t
fill_regs(struct fuzz *z)
{
	struct exo_regs *r = (struct exo_regs *)z->scratch;

	for (uint32_t i = 0; i < sizeof(*r) / 8; i++)
		z->scratch[i] = rnd(z);
	if (one_in(z, 8))
		return (uint64_t)r;
	r->rip = (uint64_t)fuzz_enter;
	r->rax = FUZZ_RESUMED;
	r->rsp = ((uint64_t)__builtin_frame_address(0) | (EXO_PAGE - 1)) + 1;
	return (uint64_t)r;
}

static uint64_t
fill_seat(struct fuzz *z)
{
	struct exo_seat_args *a = (struct exo_seat_args *)z->scratch;
	uint32_t i = rnd(z) % SEATS;
	uint64_t va = z->base + CELL_UPCALL(i);

	*a = (struct exo_seat_args){
		.env = one_in(z, 3) ? z->env : gen_id(z, A_ENV),
		.entry = (uint64_t)fuzz_enter,
		.stack = z->base + CELL_STACK(i) + EXO_PAGE,
		.upcall = (uint64_t)cell_upcall,
		.upcall_va = va,
		.upcall_ppn = one_in(z, 2) ? (exo_ppn)gen_frame(z,
		    EXO_PG_DATA) : 0,
		.upcall_slot = (exo_slot)gen_slot(z),
	};
	if (one_in(z, 8))
		z->scratch[rnd(z) % 6] = rnd(z);
	return (uint64_t)a;
}

/* A program, often a sound one: never, at once, for ever, by the clock, by a
 * window. */
static uint64_t
fill_prog(struct fuzz *z)
{
	uint64_t *p = &z->scratch[64 + rnd(z) % 8];

	for (uint32_t i = 0; i < 16; i++)
		p[i] = EXIT;
	switch (rnd(z) % 5) {
	case 0:
		p[0] = MOV(R0, 1);
		break;
	case 1:
		p[0] = JA(-1);
		break;
	case 2:
		p[0] = LOAD(R0, R1, PRED(ticks));
		p[1] = INSN(0x57, R0, 0, 0, 3);
		break;
	case 3:
		p[0] = INSN(0x18, R6, 0, 0, 0);
		p[1] = INSN(0, 0, 0, 0, 2);
		p[2] = LOAD(R0, R6, 8 * (rnd(z) % 9));
		break;
	}
	if (one_in(z, 8))
		p[rnd(z) % 4] ^= 1ull << rnd(z) % 64;
	return (uint64_t)p;
}

static uint64_t
fill_sleep(struct fuzz *z)
{
	struct exo_sleep *s = (struct exo_sleep *)z->scratch;

	*s = (struct exo_sleep){ .prog = (exo_ppn)gen_frame(z, EXO_PG_PROG),
	    .prog_slot = (exo_slot)gen_slot(z), .nwin = rnd(z) % 4 };
	for (uint32_t i = 0; i < s->nwin; i++) {
		exo_ppn f = (exo_ppn)gen_ppn(z);

		s->win[i] = (struct exo_window){ .what = one_in(z, 3) ?
		    EXO_WIN_TABLE + (uint32_t)rnd(z) % 10 : EXO_WIN_FRAME,
		    .len = 64, .offset = rnd(z) % 64 * 64, .ppn = f,
		    .slot = (exo_slot)gen_slot(z),
		    .epoch = f < EXO_MACHINE->nframes ? EXO_PAGES[f].epoch :
		    0 };
	}
	if (one_in(z, 8))
		z->scratch[rnd(z) % 38] = rnd(z);
	return (uint64_t)s;
}

static uint64_t
fill(struct fuzz *z, enum arg what)
{
	uint32_t *w = (uint32_t *)z->scratch;
	uint8_t *b = (uint8_t *)z->scratch;

	if (one_in(z, 12))
		return bad_address(z);
	switch (what) {
	case A_LIMITS:
		for (uint32_t i = 0; i < EXO_RES_MAX; i++)
			w[i] = one_in(z, 64) ? (uint32_t)rnd(z) :
			    one_in(z, 3) && i != EXO_RES_PCIDS &&
			    i <= EXO_RES_TRACE ? 1 : 0;
		return (uint64_t)w;
	case A_ARGS:
		return fill_seat(z);
	case A_SLEEP:
		return fill_sleep(z);
	case A_PROG:
		return fill_prog(z);
	case A_REGS:
		return fill_regs(z);
	case A_PTES:
		for (uint32_t i = 0; i < 64; i++)
			z->scratch[i] = one_in(z, 2) ? gen_pte(z) : 0;
		return (uint64_t)z->scratch;
	case A_ACTIONS:
		for (uint32_t i = 0; i < EXO_CLASSES; i++)
			b[i] = one_in(z, 32) ? (uint8_t)rnd(z) :
			    rnd(z) % EXO_ACTIONS;
		b[EXO_CLASS_EPILOGUE] *= one_in(z, 32);
		return (uint64_t)b;
	case A_MASK:
		z->scratch[128] = z->scratch[129] = ~0ul;
		for (uint32_t i = rnd(z) % 4; i > 0; i--)
			z->scratch[128 + rnd(z) % 2] &= ~(1ul << rnd(z) % 64);
		return (uint64_t)&z->scratch[128];
	default:
		return (uint64_t)&z->scratch[rnd(z) % 190];
	}
}

static uint64_t
gen_amount(struct fuzz *z)
{
	return one_in(z, 8) ? rnd(z) : rnd(z) % 9 - 4;
}

static uint64_t
gen_seq(struct fuzz *z)
{
	uint32_t at = rnd(z) % 64;

	return one_in(z, 8) ? rnd(z) : EXO_ENVS[at].seq + rnd(z) % 2;
}

static uint64_t
gen_kind(struct fuzz *z)
{
	if (one_in(z, 16))
		return rnd(z);
	return rnd(z) % (EXO_PG_OWNED_END + 1) |
	    (one_in(z, 3) ? EXO_KIND_LIVE : 0);
}

static uint64_t
gen_small(struct fuzz *z, uint32_t below)
{
	return one_in(z, 32) ? rnd(z) : rnd(z) % (below + 1);
}

static uint64_t
gen_rights(struct fuzz *z)
{
	switch (rnd(z) % 4) {
	case 0:
		return EXO_R_ALL;
	case 1:
		return rnd(z) & EXO_R_ALL;
	case 2:
		return one_in(z, 8) ? rnd(z) : EXO_R_READ | EXO_R_WRITE;
	}
	return EXO_R_ALL & ~(1u << rnd(z) % 16);
}

static uint64_t
gen(struct fuzz *z, enum arg what)
{
	if (what & A_FRAME)
		return gen_frame(z, what & ~A_FRAME);
	switch (what) {
	case A_SLOT:	return gen_slot(z);
	case A_ACCT:
	case A_DOM:
	case A_ENV:	return gen_name(z, what);
	case A_PPN:	return gen_ppn(z);
	case A_TABLE:	return one_in(z, 16) ? gen_ppn(z) : gen_table(z);
	case A_FREE:	return one_in(z, 8) ? gen_ppn(z) :
			    EXO_MACHINE->free_head;
	case A_N:	return gen_n(z);
	case A_WANT:	return one_in(z, 4) ? rnd(z) % 64 : EXO_NONE;
	case A_INDEX:	return gen_index(z);
	case A_PTE:	return gen_pte(z);
	case A_VA:	return gen_va(z);
	case A_RIGHTS:	return gen_rights(z);
	case A_COMP:	return one_in(z, 2) ? EXO_COMP_SAME :
			    one_in(z, 2) ? EXO_COMP_FRESH : rnd(z) % 600;
	case A_RES:	return gen_small(z, EXO_RES_MAX);
	case A_AMOUNT:	return gen_amount(z);
	case A_WHICH:	return gen_small(z, 4);
	case A_KIND:	return gen_kind(z);
	case A_CLASS:	return gen_small(z, EXO_CLASSES);
	case A_ACTION:	return gen_small(z, EXO_ACTIONS);
	case A_FLAGS:	return gen_small(z, 4);
	case A_SEAT:	return gen_small(z, SEATS);
	case A_WHOSE:	return gen_small(z, 2);
	case A_HANDLE:	return one_in(z, 4) ? gen(z, A_PLACE) : EXO_NONE;
	case A_PLACE:	return one_in(z, 2) ? gen_small(z, 40) :
			    3 + rnd(z) % WORKERS;
	case A_PCID:	return gen_small(z, 4096);
	case A_OFFSET:	return one_in(z, 8) ? rnd(z) : rnd(z) % 17 * 256;
	case A_SEQ:	return gen_seq(z);
	case A_REGION:	return one_in(z, 8) ? EXO_REGION(gen_ppn(z),
			    rnd(z) % 40) : z->region;
	case A_SERIAL:	return one_in(z, 8) ? z->serial + rnd(z) % 64 - 32 :
			    z->serial;
	case A_LEN:	return one_in(z, 16) ? rnd(z) : rnd(z) % 640;
	case A_HOW:	return gen_small(z, EXO_HOWS);
	case A_TICKS:	return gen_small(z, 2 * EXO_MACHINE->grace_ticks);
	case A_OUT:
	case A_LIMITS:
	case A_ARGS:
	case A_SLEEP:
	case A_PROG:
	case A_REGS:
	case A_PTES:
	case A_ACTIONS:
	case A_MASK:	return fill(z, what);
	default:	return rnd(z);
	}
}

/* What would leave it without capabilities, rarely. */
static bool
spared(struct fuzz *z, uint32_t nr, const uint64_t *a)
{
	if (one_in(z, z->wild ? 64 : 4096))
		return false;
	if (nr == EXO_NR_domain_kill && a[1] == z->dom)
		return true;
	if (nr == EXO_NR_env_kill && a[1] == z->env)
		return true;
	if (nr == EXO_NR_acct_destroy && a[1] == z->acct)
		return true;
	if (nr == EXO_NR_revoke_ask && a[1] == z->acct)
		return !one_in(z, 8);
	if (nr == EXO_NR_cap_drop)
		return (uint32_t)a[1] < SLOTS_GIVEN;
	if (nr == EXO_NR_slots_bind)
		return (uint32_t)a[3] == 0;
	if (nr == EXO_NR_env_exit)
		return true;
	if (nr == EXO_NR_domain_monitor)
		return !one_in(z, 4);
	if (nr == EXO_NR_env_stop || nr == EXO_NR_seat_free)
		return !one_in(z, 4);
	return false;
}

static long
fuzz_one(struct fuzz *z)
{
	uint32_t nr = z->nr[rnd(z) % z->nnr];
	uint64_t a[1 + PARAMS];
	long r;

	z->theme = rnd(z) % THEMES;
	a[0] = EXO_NR_BASE + nr;
	for (uint32_t i = 0; i < PARAMS; i++) {
		uint8_t g = z->gen[nr][i];

		a[1 + i] = gen(z, g & ~A_NARROW);
		if (g & A_NARROW && one_in(z, 8))
			a[1 + i] |= rnd(z) << 32;
	}
	if (spared(z, nr, a))
		return 0;
	z->calls++;
	r = fuzz_call(a);
	if (r >= 0) {
		z->good++;
		z->did[nr] = 1;
		if (nr == EXO_NR_call)
			z->did[EXO_NR_reply] = 1;
	}
	return r;
}

/* -------------------------------------- what chance alone takes long for */

static long
call6(struct fuzz *z, uint32_t nr, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e, uint64_t f)
{
	const uint64_t args[] = { EXO_NR_BASE + nr, a, b, c, d, e, f };
	long r;

	z->calls++;
	r = fuzz_call(args);
	if (r >= 0)
		z->did[nr] = 1;
	return r;
}

#define LIVE_IF(e)	((e) ? EXO_KIND_LIVE : 0)

static exo_ppn
new_frame(struct fuzz *z, uint32_t kind)
{
	exo_ppn p = EXO_MACHINE->free_head;

	return call6(z, EXO_NR_page_alloc, z->acct, SLOT_NAME,
	    one_in(z, 4) ? SLOT_SHARED : SLOT_NAME, kind, p, 1) == 1 ? p : 0;
}

static long
set(struct fuzz *z, exo_ppn table, uint64_t index, uint64_t pte)
{
	return call6(z, EXO_NR_pt_set, SLOT_NAME, table, index, pte,
	    SLOT_NAME, 0);
}

/* Three tables under an entry of the root, with some frames; live ones from
 * some level down. */
static void
build(struct fuzz *z)
{
	uint32_t live = one_in(z, 3) ? rnd(z) % 5 : 0;
	exo_ppn t3 = new_frame(z, EXO_PG_PT3 | LIVE_IF(live > 3));
	exo_ppn t2 = new_frame(z, EXO_PG_PT2 | LIVE_IF(live > 2));
	exo_ppn t1 = new_frame(z, EXO_PG_PT1 | LIVE_IF(live > 1));
	exo_ppn rmap = new_frame(z, EXO_PG_RMAP);
	uint32_t at = TREE + rnd(z) % 8;

	(void)call6(z, EXO_NR_pt_companion, t1, rmap, 0, 0, 0, 0);
	for (uint32_t i = 0; i < 3; i++)
		(void)set(z, t1, rnd(z) % 8, EXO_PTE(new_frame(z,
		    EXO_PG_DATA | LIVE_IF(live > 0)), VM_RW));
	(void)set(z, t2, rnd(z) % 8, EXO_PTE(t1, EXO_PTE_W));
	(void)set(z, t2, 0, EXO_PTE(t1, EXO_PTE_W));
	(void)set(z, t3, 0, EXO_PTE(t2, EXO_PTE_W));
	(void)set(z, z->root, at, EXO_PTE(t3, EXO_PTE_W));
}

/* Share some of it, at any level. */
static void
share(struct fuzz *z)
{
	uint64_t va = (uint64_t)(TREE + rnd(z) % 8) << EXO_PT_SHIFT(4);
	exo_ppn dst = one_in(z, 2) ? z->root : (exo_ppn)gen_table(z);

	(void)call6(z, EXO_NR_pt_copy, dst, TREE + rnd(z) % 8, va,
	    1 + rnd(z) % 8, 0, 0);
}

/* A domain of its own, on copies of its tables, with an env in it: the same
 * code, and stack and upcall frame of a seat that is free here. */
static void
spawn(struct fuzz *z)
{
	exo_ppn root = new_frame(z, EXO_PG_PT4);
	exo_ppn t3 = new_frame(z, EXO_PG_PT3), t2 = new_frame(z, EXO_PG_PT2);
	exo_ppn t1 = new_frame(z, EXO_PG_PT1);
	exo_ppn rmap = new_frame(z, EXO_PG_RMAP);
	exo_ppn up = z->vital[2 * SEATS + 1];	/* upcall frame of the last */
	const uint64_t b = z->base;
	struct exo_seat_args *a = (struct exo_seat_args *)z->scratch;
	long dom, env;

	(void)call6(z, EXO_NR_pt_companion, t1, rmap, 0, 0, 0, 0);
	for (uint32_t i = 0; i < 2 + 2 * SEATS; i++)
		(void)call6(z, EXO_NR_pt_set, 0, t1, EXO_PT_INDEX(b, 1) + i,
		    EXO_PTE(z->vital[i], VM_RW), i == 1 ? SLOT_STATE :
		    SLOT_NAME, 0);
	(void)set(z, t2, EXO_PT_INDEX(b, 2), EXO_PTE(t1, EXO_PTE_W));
	(void)set(z, t3, EXO_PT_INDEX(b, 3), EXO_PTE(t2, EXO_PTE_W));
	(void)set(z, root, EXO_PT_INDEX(b, 4), EXO_PTE(t3, EXO_PTE_W));
	(void)call6(z, EXO_NR_pt_copy, root, 0, 0, 1, 0, 0);
	(void)call6(z, EXO_NR_pt_copy, root, TREE,
	    (uint64_t)TREE << EXO_PT_SHIFT(4), 8, 0, 0);
	dom = call6(z, EXO_NR_domain_create, z->acct, SLOT_NAME,
	    SLOT_CHILD, EXO_NONE, new_frame(z, EXO_PG_DOMAIN), root);
	env = call6(z, EXO_NR_env_create, z->acct, SLOT_NAME, SLOT_CHILD,
	    EXO_NONE, new_frame(z, EXO_PG_ENV), 0);
	if (dom < 0 || env < 0)
		return;
	(void)call6(z, EXO_NR_slots_bind, (uint64_t)dom, SLOT_CHILD, 0,
	    EXO_DOMAINS[EXO_INDEX(z->dom)].slot_tables[0], 0, 0);
	(void)call6(z, EXO_NR_domain_row, (uint64_t)dom, SLOT_CHILD,
	    EXO_CLASS_FAULT, EXO_ACT_SELF, 0, 0);
	*a = (struct exo_seat_args){ .env = (exo_id)env,
		.entry = (uint64_t)fuzz_enter,
		.stack = b + CELL_STACK(SEATS - 1) + EXO_PAGE,
		.upcall = (uint64_t)cell_upcall,
		.upcall_va = b + CELL_UPCALL(SEATS - 1),
		.upcall_ppn = up, .upcall_slot = SLOT_NAME };
	(void)call6(z, EXO_NR_seat_bind, (uint64_t)dom, SLOT_CHILD, 0,
	    (uint64_t)a, 0, 0);
	if (call6(z, EXO_NR_env_start, (uint64_t)env, SLOT_CHILD,
	    (uint64_t)dom, SLOT_CHILD, 0, 0) == 0)
		(void)call6(z, EXO_NR_env_yield, (uint64_t)env, SLOT_CHILD,
		    EXO_NONE, 0, 0, 0);
}

/* One in a frame of its own, under a name that others may have; read, written
 * and swapped at once. */
static void
region(struct fuzz *z)
{
	exo_ppn f = one_in(z, 4) ? new_frame(z, EXO_PG_REGION) :
	    (exo_ppn)gen_frame(z, EXO_PG_REGION);
	uint32_t index = rnd(z) % 4;
	long serial = call6(z, EXO_NR_region_make, SLOT_NAME, f, index,
	    rnd(z) % 32 * 80, 1 + rnd(z) % 160, one_in(z, 2) ? SLOT_NAME :
	    SLOT_SHARED);

	if (serial < 0)
		return;
	z->region = EXO_REGION(f, index);
	z->serial = (uint64_t)serial;
	for (uint32_t i = 0; i < 3; i++)
		(void)call6(z, EXO_NR_region_read + i, SLOT_NAME, z->region,
		    z->serial, rnd(z) % 64, (uint64_t)&z->scratch[rnd(z) % 99],
		    rnd(z) % 64);
}

/* Give back what is idle, and help what is dead to end. */
static void
purge(struct fuzz *z)
{
	exo_ppn p = EXO_ACCTS[EXO_INDEX(z->acct)].frames, next;

	for (uint32_t n = 0; n < 300 && p != 0; n++, p = next) {
		next = EXO_PAGES[p].next;
		if (EXO_PAGES[p].maps != 0 || EXO_PAGES[p].uses != 0 ||
		    EXO_PAGES[p].refs != 0)
			continue;
		if (EXO_PAGES[p].entries != 0)
			(void)call6(z, EXO_NR_pt_empty, p, 0, 512, 0, 0, 0);
		(void)call6(z, EXO_NR_page_free, SLOT_NAME, p, 1, 0, 0, 0);
	}
	for (uint32_t i = 1; i < 64; i++) {
		exo_id d = EXO_ID(EXO_DOMAINS[i].gen, i);
		exo_id e = EXO_ID(EXO_ENVS[i].gen, i);

		if (EXO_DOMAINS[i].state == EXO_DOM_DEAD)
			(void)call6(z, EXO_NR_domain_reap, d, 512, 0, 0, 0,
			    0);
		if (EXO_DOMAINS[i].state == EXO_DOM_ENDED)
			(void)call6(z, EXO_NR_domain_free, d, SLOT_CHILD, 0,
			    0, 0, 0);
		if (EXO_ENVS[i].state == EXO_ENV_DEAD)
			(void)call6(z, EXO_NR_env_reap, e, 1, 0, 0, 0, 0);
		if (EXO_ENVS[i].state == EXO_ENV_ENDED)
			(void)call6(z, EXO_NR_env_free, e, SLOT_CHILD, 0, 0,
			    0, 0);
	}
}

/* To whom it opened a slot for: itself, or a peer. */
static void
give(struct fuzz *z)
{
	uint64_t to = one_in(z, 2) ? z->dom : gen_id(z, A_DOM);
	uint32_t dst = 8 + rnd(z) % 80;

	(void)call6(z, EXO_NR_cap_drop, dst, 0, 0, 0, 0, 0);
	(void)call6(z, EXO_NR_cap_open, dst, to, 0, 0, 0, 0);
	(void)call6(z, EXO_NR_cap_give, rnd(z) % SLOTS_GIVEN, gen_rights(z),
	    to, 8 + rnd(z) % 80, 0, 0);
	(void)call6(z, EXO_NR_cap_give, SLOT_CHILD, EXO_R_ALL, z->dom, dst,
	    0, 0);
}

/* A child account that is asked for what it has, some day taken, frame by
 * frame; a mapped one is among them, and a record. */
static void
repossess(struct fuzz *z)
{
	const uint32_t fr = EXO_RES_FRAMES, mine = EXO_INDEX(z->acct);
	uint64_t child = gen_child(z, A_ACCT);
	const volatile struct exo_acct *a =
	    &EXO_ACCTS[EXO_INDEX(child) % EXO_MACHINE->naccts];
	exo_ppn p = a->frames;

	if (a->ask[fr].open && EXO_INDEX(child) != mine) {
		for (uint32_t n = rnd(z) % 8; n > 0 && EXO_PAGES[p].next != 0;
		    n--)
			p = EXO_PAGES[p].next;
		(void)call6(z, EXO_NR_revoke_take, child, SLOT_NAME, fr, p,
		    1 + rnd(z) % 16, 0);
		return;
	}
	p = EXO_MACHINE->free_head;
	(void)call6(z, EXO_NR_acct_limit, child, SLOT_NAME, fr, 2, 0, 0);
	(void)call6(z, EXO_NR_page_alloc, child, SLOT_NAME, SLOT_NAME,
	    EXO_PG_DATA | EXO_KIND_LIVE, p, 1);
	if (one_in(z, 4))
		(void)call6(z, EXO_NR_revoke_record, child, SLOT_NAME, p,
		    SLOT_NAME, 0, 0);
	else
		(void)set(z, (exo_ppn)gen_table(z), rnd(z) % 8,
		    EXO_PTE(p, VM_RW));
	(void)call6(z, EXO_NR_revoke_ask, child, SLOT_NAME, fr,
	    1 + rnd(z) % 2, EXO_MACHINE->grace_ticks, 0);
}

/* Sleep on a program of its own, and on what it and others have. */
static void
nap_here(struct fuzz *z)
{
	exo_ppn p = new_frame(z, EXO_PG_PROG), f = z->vital[0];
	struct exo_sleep *s = (struct exo_sleep *)z->scratch;

	(void)call6(z, EXO_NR_prog_load, SLOT_NAME, p, fill_prog(z),
	    1 + rnd(z) % 8, 0, 0);
	*s = (struct exo_sleep){ .prog = p, .prog_slot = SLOT_NAME,
	    .nwin = 1 };
	s->win[0] = (struct exo_window){ .len = 64, .ppn = f,
	    .slot = SLOT_NAME, .epoch = EXO_PAGES[f].epoch };
	(void)call6(z, EXO_NR_env_sleep, (uint64_t)s, one_in(z, 2) ?
	    EXO_ID_ANY : gen_id(z, A_ENV), gen_slot(z), EXO_NONE, 0, 0);
	(void)call6(z, EXO_NR_page_free, SLOT_NAME, p, 1, 0, 0, 0);
}

/* The flags that the kernel reads in the seat's upcall frame. */
static void
flags(struct fuzz *z)
{
	struct exo_upcall *u = (struct exo_upcall *)(z->base +
	    CELL_UPCALL(SEAT_HOME));

	u->critical = one_in(z, 2);
	u->off = one_in(z, 8);
}

/* Its own traps enter a peer, if it has a handle; who comes there so answers
 * by seat_resume, some day. */
static void
trap(struct fuzz *z)
{
	(void)call6(z, EXO_NR_seat_handler, z->dom, SLOT_NAME, SEAT_HOME,
	    EXO_ROW_OWN, SEAT_GUEST(rnd(z) % WORKERS), 0);
	(void)call6(z, EXO_NR_domain_row, z->dom, SLOT_NAME,
	    EXO_CLASS_EXCEPTION, one_in(z, 2) ? EXO_ACT_ENTER : EXO_ACT_SELF,
	    0, 0);
	__asm__ volatile("ud2");
}

__attribute__((noreturn, used)) void fuzz_loop(uint32_t how);

void
fuzz_loop(uint32_t how)
{
	struct fuzz *z = (struct fuzz *)((uint64_t)cell_here() + EXO_PAGE);

	if (how == EXO_K_ENTER)
		z->did[EXO_NR_enter] = 1;
	if (how == FUZZ_RESUMED)
		z->did[EXO_NR_seat_resume] = 1;
	for (;;) {
		switch (rnd(z) % 256) {
		case 0:
			build(z);
			break;
		case 1:
		case 2:
		case 3:
			share(z);
			break;
		case 4:
			spawn(z);
			break;
		case 5:
			purge(z);
			break;
		case 6:
			trap(z);
			break;
		case 7:
			give(z);
			break;
		case 8:
			flags(z);
			break;
		case 9:
			region(z);
			break;
		case 10:
			repossess(z);
			break;
		case 11:
			nap_here(z);
			break;
		default:
			(void)fuzz_one(z);
		}
	}
}

/* A trap: begin again, on an empty stack. */
__attribute__((target("general-regs-only"))) static bool
fuzz_hook(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)p, (void)kind;
	r->rip = (uint64_t)fuzz_enter;
	r->rsp = (uint64_t)r & ~(EXO_PAGE - 1);
	r->rflags = 0x202;
	return true;
}

/* ------------------------------------------------------- the controller */

struct worker {
	struct cell c;
	struct fuzz *z;
	exo_id env;
	uint64_t seen;			/* calls at the last look */
	uint32_t stuck;
	bool made;
};

static struct worker workers[WORKERS];
static struct fuzz model;		/* lists for each new worker */
static uint64_t seed, calls = CALLS, total, succeeded;
static uint8_t did[EXO_NR_MAX];
static uint32_t born;
static exo_slot shared, console, state;

static const struct {
	const char *name;
	enum arg gen;
} by_name[] = {
	{ "acct", A_ACCT }, { "heir", A_ACCT }, { "dom", A_DOM },
	{ "to", A_DOM }, { "from", A_DOM }, { "env", A_ENV },
	{ "table", A_TABLE }, { "n", A_N }, { "want", A_WANT },
	{ "index", A_INDEX }, { "into", A_INDEX }, { "pte", A_PTE }, { "va", A_VA },
	{ "rights", A_RIGHTS }, { "comp", A_COMP }, { "res", A_RES },
	{ "amount", A_AMOUNT }, { "which", A_WHICH }, { "kind", A_KIND },
	{ "class", A_CLASS }, { "action", A_ACTION }, { "flags", A_FLAGS },
	{ "seat", A_SEAT }, { "whose", A_WHOSE }, { "handle", A_PLACE },
	{ "place", A_PLACE }, { "pcid", A_PCID }, { "offset", A_OFFSET },
	{ "seq", A_SEQ }, { "how", A_HOW }, { "ptr", A_OUT },
	{ "limits", A_LIMITS }, { "args", A_ARGS }, { "regs", A_REGS },
	{ "ptes", A_PTES }, { "actions", A_ACTIONS }, { "mask", A_MASK },
	{ "region", A_REGION }, { "serial", A_SERIAL }, { "len", A_LEN },
	{ "expected", A_OUT },
	{ "first", A_PPN }, { "ticks", A_TICKS },
};

static const char *const params[EXO_NR_MAX] = {
#define PARAM_TEXT(nr, how, name, params, names)	[nr] = #params,
	EXO_SYSCALLS(PARAM_TEXT)
};

static const uint8_t kind_wanted[EXO_NR_MAX] = {
	[EXO_NR_slots_bind] = EXO_PG_SLOTS,
	[EXO_NR_slots_clone] = EXO_PG_SLOTS,
	[EXO_NR_pt_companion] = EXO_PG_RMAP,
	[EXO_NR_domain_create] = EXO_PG_DOMAIN,
	[EXO_NR_domain_handles] = EXO_PG_HANDLES,
	[EXO_NR_domain_seats] = EXO_PG_SEATS,
	[EXO_NR_env_create] = EXO_PG_ENV,
	[EXO_NR_env_event] = EXO_PG_DATA,
	[EXO_NR_region_make] = EXO_PG_REGION,
	[EXO_NR_revoke_record] = EXO_PG_DATA,
	[EXO_NR_prog_load] = EXO_PG_PROG,
};

/* One parameter, "exo_slot slot", by its type and its name. */
static uint8_t
param_gen(uint32_t nr, const char *s, size_t len)
{
	bool slot = strncmp(s, "exo_slot", 8) == 0;
	bool ppn = strncmp(s, "exo_ppn", 7) == 0;
	uint8_t narrow = slot || ppn || strncmp(s, "uint32_t", 8) == 0 ?
	    A_NARROW : 0;
	const char *name = s + len;

	while (name > s && name[-1] != ' ')
		name--;
	len -= (size_t)(name - s);
	if ((nr == EXO_NR_env_yield || nr == EXO_NR_env_sleep) &&
	    strncmp(name, "handle", 6) == 0)
		return A_HANDLE;
	if (nr == EXO_NR_env_sleep && strncmp(name, "args", 4) == 0)
		return A_SLEEP;
	if (nr == EXO_NR_prog_load && strncmp(name, "ptr", 3) == 0)
		return A_PROG;
	for (uint32_t i = 0; i < sizeof(by_name) / sizeof(by_name[0]); i++) {
		if (strlen(by_name[i].name) == len && !slot &&
		    strncmp(by_name[i].name, name, len) == 0)
			return by_name[i].gen | narrow;
	}
	if (slot)
		return A_SLOT | narrow;
	if (ppn && (nr == EXO_NR_page_alloc || nr == EXO_NR_page_copy))
		return A_FREE | narrow;
	if (ppn && kind_wanted[nr] != 0)
		return A_FRAME | narrow | (strncmp(name, "root", 4) == 0 ?
		    EXO_PG_PT4 : kind_wanted[nr]);
	if (ppn)
		return (nr == EXO_NR_pt_copy ? A_TABLE : A_PPN) | narrow;
	return A_ANY | narrow;
}

static void
model_make(void)
{
	for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++) {
		const char *s = params[nr];

		if (s == NULL || nr == EXO_NR_machine_off)
			continue;
		model.nr[model.nnr++] = (uint8_t)nr;
		if (nr >= EXO_NR_page_alloc && nr <= EXO_NR_page_copy)
			model.nr[model.nnr++] = (uint8_t)nr;
		s++;
		for (uint32_t i = 0; i < PARAMS && strcmp(s, "void)") != 0 &&
		    *s != '\0'; i++) {
			size_t len = 0;

			while (s[len] != ',' && s[len] != ')')
				len++;
			model.gen[nr][i] = param_gen(nr, s, len);
			s += len + 1;
			while (*s == ' ')
				s++;
		}
	}
}

static void
worker_slot(struct worker *w, uint32_t slot, exo_slot have, uint32_t rights)
{
	must(cell_do(&w->c, EXO_NR_cap_open, slot, self->domain, 0, 0, 0, 0));
	must(exo_cap_give(have, rights, w->c.domain, slot));
}

/* Seats for each other's envs, and handles: as far as they let me. */
static void
worker_link(uint32_t i, uint32_t j)
{
	struct worker *a = &workers[i], *b = &workers[j];

	(void)!exo_seat_free(a->c.domain, a->c.name, SEAT_GUEST(j));
	(void)!cell_bind(&a->c, SEAT_GUEST(j), b->env, fuzz_enter, NULL);
	(void)!exo_handle_open(b->c.domain, b->c.name, SEAT_GUEST(i),
	    self->domain);
	(void)!exo_handle_mint(a->c.domain, a->c.name, SEAT_GUEST(j), i,
	    b->c.domain, SEAT_GUEST(i));
}

/* Its state is under a name that it can use but not take from me. */
static void
worker_state(struct worker *w)
{
	const uint64_t va = w->c.base + EXO_PAGE;
	exo_ppn f = w->c.frame[1];

	must(exo_page_guard(w->c.name, state, f, EXO_STEPS_MAX));
	must(vm_map(va, f, VM_RW, state));
	worker_slot(w, SLOT_STATE, state, EXO_R_READ | EXO_R_WRITE);
	must(cell_do(&w->c, EXO_NR_pt_set, 0, w->c.table[5],
	    EXO_PT_INDEX(va, 1), EXO_PTE(f, VM_RW), SLOT_STATE, 0));
	w->z = (struct fuzz *)va;
}

/* Its pages may be gone: nothing is written there. */
static long
worker_begin(struct worker *w)
{
	long r = cell_bind(&w->c, SEAT_HOME, w->env, fuzz_enter, NULL);

	return r < 0 ? r : exo_env_start(w->env, w->c.name, w->c.domain,
	    w->c.name, SEAT_HOME, 0);
}

static void
worker_fill(struct worker *w)
{
	struct fuzz *z = w->z;
	const struct cell *c = &w->c;

	*z = model;
	z->rng = (seed << 32 | ++born) * 0x9e3779b97f4a7c15ul;
	z->acct = c->acct;
	z->dom = c->domain;
	z->env = w->env;
	z->base = c->base;
	z->root = c->root;
	z->wild = born % 3 == 0;
	for (uint32_t i = 0; i < 2 + 2 * SEATS; i++)
		z->vital[z->nvital++] = c->frame[i];
	for (uint32_t i = 0; i < 6; i++)
		z->vital[z->nvital++] = c->table[i];
	z->vital[z->nvital++] = c->rmap[0];
	z->vital[z->nvital++] = c->rmap[1];
	z->vital[z->nvital++] = c->record;
	z->vital[z->nvital++] = c->slots;
}

static void
worker_make(uint32_t i)
{
	const uint32_t limits[EXO_RES_MAX] = { 240, 3, 4, 5,
		EXO_MACHINE->npcids > 1 ? 3 : 0, 6, 9 };
	const struct cell_opts o = { .seats = SEATS, .alone = true,
	    .limits = limits };
	const uint32_t tame = EXO_R_ALL & ~EXO_R_KILL;
	struct worker *w = &workers[i];
	struct worker *peer = &workers[(i + 1) % WORKERS];

	cell_make(&w->c, &o);
	w->c.page->hook = fuzz_hook;
	worker_state(w);
	w->env = cell_env_make(&w->c);
	w->seen = w->stuck = 0;
	worker_fill(w);
	worker_slot(w, SLOT_NAME, w->c.name, w->z->wild ? EXO_R_ALL : tame);
	worker_slot(w, SLOT_SHARED, shared, EXO_R_ALL);
	worker_slot(w, SLOT_CONSOLE, console, EXO_R_READ);
	must(cell_do(&w->c, EXO_NR_cap_derive, SLOT_NAME, SLOT_CHILD,
	    EXO_R_ALL, EXO_COMP_FRESH, 0, 0));
	if (peer->made)
		worker_slot(w, SLOT_PEER, peer->c.name, w->z->wild ? tame :
		    EXO_R_RUN | EXO_R_READ | EXO_R_VIEW | EXO_R_RESUME |
		    EXO_R_MONITOR);
	must(exo_domain_row(w->c.domain, w->c.name, EXO_CLASS_REFUSED,
	    EXO_ACT_SELF));
	must(worker_begin(w));
	w->made = true;
	for (uint32_t j = 0; j < WORKERS; j++) {
		if (j != i && workers[j].made) {
			worker_link(i, j);
			worker_link(j, i);
		}
	}
}

static bool
acct_is(exo_id acct, uint32_t state)
{
	return EXO_ACCTS[EXO_INDEX(acct)].gen == EXO_GEN(acct) &&
	    EXO_ACCTS[EXO_INDEX(acct)].state == state;
}

/* All dying accounts, until that one is gone.  An env abroad takes a grace. */
static void
reap_until(exo_id acct)
{
	uint64_t end = EXO_MACHINE->ticks + 20 * EXO_MACHINE->grace_ticks;

	while (acct_is(acct, EXO_ACCT_DYING) && EXO_MACHINE->ticks < end) {
		for (uint32_t i = 1; i < 256; i++) {
			if (EXO_ACCTS[i].state == EXO_ACCT_DYING)
				(void)!exo_acct_reap(EXO_ID(EXO_ACCTS[i].gen,
				    i), EXO_STEPS_MAX);
		}
	}
	OK(!acct_is(acct, EXO_ACCT_DYING));
}

static void
worker_end(struct worker *w)
{
	total += w->z->calls;
	succeeded += w->z->good;
	for (uint32_t i = 0; i < EXO_NR_MAX; i++)
		did[i] |= w->z->did[i];
	w->made = false;
	(void)!exo_handle_drop(w->c.handle);
	must(vm_unmap(w->c.base, 2 + 2 * w->c.seats));
	if (acct_is(w->c.acct, EXO_ACCT_LIVE))
		must(exo_acct_destroy(w->c.acct, w->c.name));
	reap_until(w->c.acct);
	slot_put(w->c.name);
}

/* Where a worker's env can go on from, when it is at home. */
static void
env_revive(struct worker *w, exo_id id, uint64_t seq)
{
	struct exo_regs r = { .rip = (uint64_t)fuzz_enter,
		.rsp = w->c.base + CELL_STACK(SEAT_HOME) + EXO_PAGE };

	(void)!exo_env_continue(id, self->root_slot, seq, EXO_HOW_REGS,
	    (uint64_t)&r);
}

static void
env_turn(uint32_t i, uint64_t round)
{
	const volatile struct exo_env *e = &EXO_ENVS[i];
	exo_id id = EXO_ID(e->gen, i);

	if (e->state == EXO_ENV_READY || e->state == EXO_ENV_SLEEPING)
		(void)!exo_env_yield(id, self->root_slot, EXO_NONE);
	if (e->state == EXO_ENV_SLEEPING && (i + round) % 3 == 0)
		(void)!exo_env_stop(id, self->root_slot);
	if (e->state != EXO_ENV_STOPPED && e->state != EXO_ENV_SUSPENDED)
		return;
	for (uint32_t w = 0; w < WORKERS; w++) {
		if (workers[w].made && workers[w].env == id && e->depth == 0 &&
		    e->where == EXO_INDEX(workers[w].c.domain)) {
			env_revive(&workers[w], id, e->seq);
			return;
		}
	}
	if ((i + round) % 8 == 0)
		(void)!exo_env_kill(id, self->root_slot, 0);
	else
		(void)!exo_env_continue(id, self->root_slot, e->seq,
		    (i + round) % EXO_HOWS, 0);
}

/*
 * A new env, in the old one's frame, for a worker whose env died.  False: it
 * can't have one.
 */
static bool
worker_again(uint32_t i)
{
	struct worker *w = &workers[i];
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(w->env)];
	exo_ppn frame = e->frame;
	long env;

	if (e->gen != EXO_GEN(w->env))
		return false;
	while (e->state == EXO_ENV_DEAD)
		if (exo_env_reap(w->env, 1) < 0)
			return false;
	if (exo_env_free(w->env, self->root_slot) < 0)
		return false;
	(void)!exo_seat_repair(w->c.domain, w->c.name, SEAT_HOME);
	(void)!exo_seat_free(w->c.domain, w->c.name, SEAT_HOME);
	env = exo_env_create(w->c.acct, w->c.name, w->c.name, EXO_NONE,
	    frame);
	if (env < 0)
		return false;
	w->env = w->z->env = (exo_id)env;
	if (worker_begin(w) < 0)
		return false;
	for (uint32_t j = 0; j < WORKERS; j++) {
		if (j != i && workers[j].made)
			worker_link(j, i);
	}
	return true;
}

/* Is it worth keeping? */
static bool
worker_well(uint32_t i)
{
	struct worker *w = &workers[i];
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(w->c.domain)];
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(w->env)];

	w->stuck = w->z->calls == w->seen ? w->stuck + 1 : 0;
	w->seen = w->z->calls;
	if (d->gen != EXO_GEN(w->c.domain) || d->state != EXO_DOM_LIVE ||
	    !acct_is(w->c.acct, EXO_ACCT_LIVE) || w->stuck >= 4 ||
	    w->z->calls >= LIFE)
		return false;
	return (e->gen == EXO_GEN(w->env) && e->state < EXO_ENV_DEAD) ||
	    worker_again(i);
}

/* Nobody runs but me, by slices. */
static void
slices_take(void)
{
	for (uint32_t i = 1; i < EXO_MACHINE->nslices; i++)
		if (EXO_SLICES[i].account != EXO_NONE)
			must(exo_slice_free(self->root_slot, i));
}

static uint64_t
calls_now(void)
{
	uint64_t n = total;

	for (uint32_t i = 0; i < WORKERS; i++)
		n += workers[i].made ? workers[i].z->calls : 0;
	return n;
}

static uint64_t
seed_read(void)
{
	char line[sizeof(EXO_MACHINE->cmdline)];
	unsigned long v = 1;

	for (uint32_t i = 0; i < sizeof(line); i++)
		line[i] = EXO_MACHINE->cmdline[i];
	for (char *s = line; s != NULL && *s != '\0';
	    s = strchr(s, ' ') == NULL ? NULL : strchr(s, ' ') + 1) {
		if (strncmp(s, "seed=", 5) == 0) {
			char *end = strchr(s, ' ');

			if (end != NULL)
				*end = '\0';
			(void)string_number(s + 5, &v);
			break;
		}
	}
	return v;
}

static struct use before;

TEST(a_million_calls)
{
	uint64_t look;

	if (EXO_MACHINE->features & EXO_FEAT_CHECK)
		calls = CALLS_CHECKED;
	look = calls / 4;
	seed = seed_read();
	print("# seed %lu\n", seed);
	model_make();
	use_take(&before);
	shared = fresh_name();
	state = fresh_name();
	console = (exo_slot)must(slot_derive(self->root_slot, EXO_R_READ |
	    EXO_R_GIVE, EXO_START_CONSOLE));
	for (uint32_t i = 0; i < WORKERS; i++)
		worker_make(i);
	for (uint64_t round = 0; calls_now() < calls; round++) {
		for (uint32_t i = 1; i < 128; i++)
			if (i != EXO_INDEX(self->env))
				env_turn(i, round);
		for (uint32_t i = 0; i < WORKERS; i++) {
			if (worker_well(i))
				continue;
			worker_end(&workers[i]);
			worker_make(i);
		}
		if (calls_now() > look) {
			look += calls / 4;
			slices_take();
			OK(invariants_hold());
		}
	}
	slices_take();
	OK(invariants_hold());
}

/* Chance finds a way to make nearly every call succeed. */
TEST(calls_reached)
{
	uint32_t missed = 0;

	for (uint32_t i = 0; i < WORKERS; i++)
		if (workers[i].made)
			worker_end(&workers[i]);
	for (uint32_t nr = 0; nr < EXO_NR_MAX; nr++) {
		if (params[nr] == NULL || did[nr])
			continue;
		missed++;
		print("# never succeeded: %s\n", exo_call_name(nr));
	}
	print("# %lu calls of %u workers, %lu succeeded\n", total, born,
	    succeeded);
	OK(total >= calls);
	/* PCIDs, two that they have no right to, two that don't return. */
	OK(missed < 12);
}

TEST(the_kernel_still_works)
{
	static const uint32_t limits[EXO_RES_MAX] = { 96, 0, 2, 2 };
	const struct cell_opts o = { .limits = limits };
	struct cell c;

	cell_make(&c, &o);
	EQ(cell_do(&c, EXO_NR_null, 0, 0, 0, 0, 0, 0), 0);
	OK(cell_write(&c, c.base + EXO_PAGE, 42));
	cell_end(&c);
}

/*
 * Castor keeps some frames in stock.  Use them up: when a page makes it take
 * n, n - 1 more pages leave it none.
 */
static void
stock_drain(void)
{
	const volatile uint32_t *used =
	    &EXO_ACCTS[EXO_INDEX(self->acct)].used[EXO_RES_FRAMES];
	volatile uint8_t *p = vm_alloc(64 * EXO_PAGE);
	uint32_t was, left = 0;

	*p = 1;				/* its tables, too */
	do {
		was = *used;
		*(p += EXO_PAGE) = 1;
	} while (*used == was);
	for (left = *used - was - 1; left > 0; left--)
		*(p += EXO_PAGE) = 1;
}

/* Unused, and neither from boot nor the companion of a table. */
static bool
is_idle(exo_ppn f)
{
	const volatile struct exo_page *p = &EXO_PAGES[f];

	return p->maps == 0 && p->uses == 0 && p->refs == 0 &&
	    p->maker != EXO_NONE &&
	    (p->kind != EXO_PG_RMAP || p->companion == 0);
}

/* Of a table that nothing refers to. */
static void
table_clear(exo_ppn f)
{
	if (exo_pt_empty(f, 0, 512) != -EXO_E_TYPE)
		return;
	for (uint32_t i = 0; i < 512; i++)	/* a live one */
		(void)!exo_pt_set(self->root_slot, f, i, 0, 0);
}

/*
 * What others still reached when its account ended is mine now.  Nobody does
 * any more: all of it can be given back, and then no frame is idle and mine.
 */
TEST(everything_returns)
{
	const uint32_t me = EXO_INDEX(self->acct);
	uint32_t freed = 0, idle = 0;
	exo_ppn f, next;
	struct use now;
	bool again;

	stock_drain();
	do {
		again = false;
		for (f = EXO_ACCTS[me].frames; f != 0; f = next) {
			next = EXO_PAGES[f].next;
			if (!is_idle(f))
				continue;
			if (EXO_PAGES[f].entries != 0)
				table_clear(f);
			if (exo_page_free(self->root_slot, f, 1) == 1)
				again = ++freed > 0;
		}
	} while (again);
	for (f = EXO_ACCTS[me].frames; f != 0; f = EXO_PAGES[f].next)
		idle += is_idle(f);
	EQ(idle, 0);
	print("# %u frames were inherited\n", freed);
	OK(invariants_hold());
	use_take(&now);
	EQ(now.domains, before.domains);
	EQ(now.envs, before.envs);
	EQ(now.accts, before.accts);
	EQ(now.slices, before.slices);
	EQ(now.pcids, before.pcids);
	print("# frames: %u free before, %u now\n", before.free_frames,
	    now.free_frames);
}
