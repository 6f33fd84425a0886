/*
 * hostile_seat.c - seats, handles and the calls through them against bad
 * arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

static const uint32_t limits[EXO_RES_MAX] = { 96, 0, 2, 2 };
static const struct cell_opts small = { .limits = limits };
static const struct cell_opts wide = { .limits = limits, .seats = 12 };

#define PLACES		32u		/* of a handle table to begin with */

static struct exo_seat_args *
args(exo_id env)
{
	struct exo_seat_args *a = (struct exo_seat_args *)good_page();

	*a = (struct exo_seat_args){ .env = env, .entry = 0x1000,
	    .stack = 0x2000 };
	return a;
}

static long
bind(struct lab *l, uint32_t seat, const struct exo_seat_args *a)
{
	return exo_seat_bind(l->domain, l->name, seat, (uint64_t)a);
}

HOSTILE(seat_bind, capabilities)
{
	struct exo_seat_args *a;
	struct lab l;

	lab_make(&l);
	a = args(l.env);
	REFUSED_ID(exo_seat_bind(i, l.name, 0, (uint64_t)a), l.domain);
	REFUSED_CAP(exo_seat_bind(l.domain, s, 0, (uint64_t)a), l.name,
	    EXO_R_CONTROL);
	REFUSED(bind(&l, 4, a), ARG);
	REFUSED(bind(&l, 0xffffffffu, a), ARG);
	REFUSED(bind(&l, 0x80000000u, a), ARG);
	REFUSED_ADDR_RO(exo_seat_bind(l.domain, l.name, 0, p), sizeof(*a));
	for (uint32_t w = 0; w < BAD_IDS; w++) {
		a->env = bad_id(l.env, w);
		REFUSED(bind(&l, 0, a), NAME);
	}
	must(exo_env_kill(l.env, l.name, 0));
	a->env = l.env;
	REFUSED(bind(&l, 0, a), NAME);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(bind(&l, 0, args(self->env)), STATE);
	lab_end(&l);
}

HOSTILE(seat_bind, addresses)
{
	static const uint64_t bad[] = { EXO_USER_TOP, 0x800000000000ul,
	    0xffff800000000000ul, 0xffffffff80000000ul, EXO_PUB, ~0ul,
	    1ul << 63 };
	struct exo_seat_args *a;
	struct lab l;

	lab_make(&l);
	a = args(l.env);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		a->entry = bad[i];
		REFUSED(bind(&l, 0, a), ARG);
		a->entry = 0;
		a->stack = bad[i];
		REFUSED(bind(&l, 0, a), ARG);
		a->stack = 0;
		a->upcall = bad[i];
		REFUSED(bind(&l, 0, a), ARG);
		a->upcall = 0;
		a->upcall_va = bad[i];
		REFUSED(bind(&l, 0, a), ARG);
		a->upcall_va = 0;
	}
	for (uint64_t bit = 1; bit < EXO_PAGE; bit <<= 1) {
		a->upcall_va = 0x10000 + bit;
		REFUSED(bind(&l, 0, a), ARG);
	}
	a->upcall_va = 0;
	must(bind(&l, 0, a));
	REFUSED(bind(&l, 0, a), BUSY);
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	REFUSED(bind(&l, 0, args(self->env)), BUSY);
	lab_end(&l);
}

/* The kernel writes an upcall frame: it must be live data, WRITE, one seat's,
 * and not executable. */
HOSTILE(seat_bind, upcall_frames)
{
	exo_ppn live, code;
	uint64_t va = vm_alloc_va(1);
	struct exo_seat_args *a;
	struct lab l;

	lab_make(&l);
	live = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	code = lab_frame(&l, EXO_PG_DATA | EXO_KIND_LIVE);
	a = args(l.env);
	a->upcall_slot = self->root_slot;
	for (uint32_t w = 0; w < BAD_FRAMES; w++) {
		a->upcall_ppn = bad_frame(w);
		REFUSED(bind(&l, 0, a), ARG);
	}
	REFUSED_KIND((a->upcall_ppn = f, bind(&l, 0, a)), 0, TYPE);
	a->upcall_ppn = live;
	REFUSED_CAP((a->upcall_slot = s, bind(&l, 0, a)), l.name,
	    EXO_R_WRITE);
	a->upcall_slot = l.name;
	must(bind(&l, 0, a));
	REFUSED(bind(&l, 1, a), BUSY);
	REFUSED(exo_page_free(l.name, live, 1), BUSY);
	REFUSED(exo_page_guard(l.name, l.name, live, 1), BUSY);
	a->upcall_ppn = code;
	must(vm_map(va, code, VM_RX, l.name));
	REFUSED(bind(&l, 1, a), BUSY);
	must(vm_unmap(va, 1));
	must(bind(&l, 1, a));
	REFUSED(exo_pt_set(0, vm_table(va, 1), EXO_PT_INDEX(va, 1),
	    EXO_PTE(code, VM_RX), l.name), WX);
	lab_end(&l);
}

HOSTILE(seat_free, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_seat_free(i, l.name, 0), l.domain);
	REFUSED_CAP(exo_seat_free(l.domain, s, 0), l.name, EXO_R_CONTROL);
	REFUSED(exo_seat_free(l.domain, l.name, 4), ARG);
	REFUSED(exo_seat_free(l.domain, l.name, 0xffffffffu), ARG);
	REFUSED(exo_seat_free(l.domain, l.name, 0), EMPTY);
	must(lab_seat(&l, 0, l.env));
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	REFUSED(exo_seat_free(l.domain, l.name, 0), BUSY);
	/* My own, under my feet. */
	REFUSED(exo_seat_free(self->domain, self->domain_slot, 0), BUSY);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_seat_free(l.domain, l.name, 0), STATE);
	lab_end(&l);
}

HOSTILE(seat_repair, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_seat_repair(i, l.name, 0), l.domain);
	REFUSED_CAP(exo_seat_repair(l.domain, s, 0), l.name, EXO_R_CONTROL);
	REFUSED(exo_seat_repair(l.domain, l.name, 4), ARG);
	REFUSED(exo_seat_repair(l.domain, l.name, 0xffffffffu), ARG);
	REFUSED(exo_seat_repair(l.domain, l.name, 0), STATE);
	must(lab_seat(&l, 0, l.env));
	REFUSED(exo_seat_repair(l.domain, l.name, 0), STATE);
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	REFUSED(exo_seat_repair(l.domain, l.name, 0), STATE);
	REFUSED(exo_seat_repair(self->domain, self->domain_slot, 0), STATE);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_seat_repair(l.domain, l.name, 0), STATE);
	lab_end(&l);
}

/* A handle of mine to seat 1 of the lab's, made for its env. */
static uint64_t
lab_handle(struct lab *l)
{
	uint64_t place = (uint64_t)must(place_open(self->domain));

	must(exo_handle_mint(l->domain, l->name, 1, 7, self->domain, place));
	return place;
}

HOSTILE(seat_handler, arguments)
{
	static const uint64_t all[2] = { ~0ul, ~0ul };
	static const uint8_t pass[EXO_CLASSES];
	uint64_t h, mine;
	struct lab l;

	lab_make(&l);
	must(lab_seat(&l, 0, l.env));
	must(lab_seat(&l, 1, l.env));
	must(lab_seat(&l, 3, self->env));
	h = lab_handle(&l);
	REFUSED_ID(exo_seat_handler(i, l.name, 0, EXO_ROW_OWN, h), l.domain);
	REFUSED_CAP(exo_seat_handler(l.domain, s, 0, EXO_ROW_OWN, h), l.name,
	    EXO_R_CONTROL);
	REFUSED_CAP(exo_seat_handler(l.domain, s, 0, EXO_ROW_MONITOR, h),
	    l.name, EXO_R_MONITOR);
	/* All the rights, but not its monitor. */
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_MONITOR, h),
	    RIGHTS);
	REFUSED(exo_seat_handler(l.domain, l.name, 4, EXO_ROW_OWN, h), ARG);
	REFUSED(exo_seat_handler(l.domain, l.name, 0xffffffffu, EXO_ROW_OWN,
	    h), ARG);
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROWS, h), ARG);
	REFUSED(exo_seat_handler(l.domain, l.name, 0, 0xffffffffu, h), ARG);
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_OWN, h + 1),
	    SLOT);
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_OWN,
	    h | 1ul << 32), SLOT);
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_OWN, ~0ul),
	    SLOT);
	REFUSED(exo_seat_handler(l.domain, l.name, 2, EXO_ROW_OWN, h),
	    EMPTY);
	/* Reserved for me, but the handle's seat is for the lab's env. */
	REFUSED(exo_seat_handler(l.domain, l.name, 3, EXO_ROW_OWN, h),
	    DENIED);
	must(exo_domain_monitor(l.domain, l.name, (uint64_t)pass,
	    (uint64_t)all, 0));
	EQ(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_MONITOR, h), 0);
	/* It moved. */
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_OWN, h), SLOT);
	mine = lab_handle(&l);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_seat_handler(l.domain, l.name, 0, EXO_ROW_OWN, mine),
	    STATE);
	must(exo_handle_drop(mine));
	lab_end(&l);
}

HOSTILE(handle_open, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_handle_open(i, l.name, 0, self->domain), l.domain);
	REFUSED_CAP(exo_handle_open(l.domain, s, 0, self->domain), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_handle_open(l.domain, l.name, PLACES, self->domain),
	    ARG);
	REFUSED(exo_handle_open(l.domain, l.name, 1ul << 32, self->domain),
	    ARG);
	REFUSED(exo_handle_open(l.domain, l.name, 1ul << 59, self->domain),
	    ARG);
	REFUSED(exo_handle_open(l.domain, l.name, ~0ul, self->domain), ARG);
	REFUSED_ID(exo_handle_open(l.domain, l.name, 0, i), self->domain);
	must(exo_handle_open(l.domain, l.name, 5, self->domain));
	REFUSED(exo_handle_open(l.domain, l.name, 5, self->domain), FULL);
	must(lab_seat(&l, 0, l.env));
	must(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 5));
	REFUSED(exo_handle_open(l.domain, l.name, 5, self->domain), FULL);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_handle_open(l.domain, l.name, 0, self->domain), STATE);
	lab_end(&l);
}

HOSTILE(handle_mint, arguments)
{
	const exo_id me = self->domain;
	struct lab l, other;
	uint64_t p;

	lab_make(&l);
	lab_make(&other);
	p = (uint64_t)must(place_open(me));
	REFUSED_ID(exo_handle_mint(i, l.name, 0, 0, me, p), l.domain);
	REFUSED_CAP(exo_handle_mint(l.domain, s, 0, 0, me, p), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_handle_mint(l.domain, l.name, 4, 0, me, p), ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0xffffffffu, 0, me, p),
	    ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, p), EMPTY);
	must(lab_seat(&l, 0, l.env));
	REFUSED_ID(exo_handle_mint(l.domain, l.name, 0, 0, i, p), me);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, PLACES),
	    ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, 1ul << 32), ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, 1ul << 59), ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, ~0ul), ARG);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, p + 1), FULL);
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 0), FULL);
	/* Opened for another. */
	must(exo_handle_open(l.domain, l.name, 1, other.domain));
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 1), FULL);
	must(exo_handle_mint(l.domain, l.name, 0, 0, me, p));
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, p), FULL);
	must(exo_handle_drop(p));
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, me, p), FULL);
	must(exo_handle_open(other.domain, other.name, 1, me));
	must(exo_domain_kill(other.domain, other.name, 0));
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, other.domain, 1),
	    FULL);
	REFUSED(exo_handle_mint(other.domain, other.name, 0, 0, me, p),
	    STATE);
	lab_end(&other);
	lab_end(&l);
}

HOSTILE(handle_drop, arguments)
{
	uint64_t p = (uint64_t)must(place_open(self->domain));

	EQ(exo_handle_drop(p), 0);
	REFUSED(exo_handle_drop(p), SLOT);
	REFUSED(exo_handle_drop(PLACES - 1), SLOT);
	REFUSED(exo_handle_drop(PLACES), ARG);
	REFUSED(exo_handle_drop(1ul << 27), ARG);
	REFUSED(exo_handle_drop(1ul << 32), ARG);
	REFUSED(exo_handle_drop(1ul << 59), ARG);
	REFUSED(exo_handle_drop(~0ul), ARG);
}

/* ---------------------------------------------------- enter, call, reply */

typedef long (*cross_fn)(uint64_t handle);

static long
by_enter(uint64_t handle)
{
	return exo_enter(handle, 0, 0, 0, 0, 0);
}

static long
by_call(uint64_t handle)
{
	uint64_t result;

	return exo_call(handle, 0, 0, 0, 0, 0, &result);
}

/* Numbers that are no handle of mine: the fast paths shift them. */
static void
attack_places(cross_fn cross)
{
	static const uint64_t bad[] = { PLACES, PLACES - 1, 1ul << 27,
	    1ul << 31, 1ul << 32, 1ul << 58, 1ul << 59, 1ul << 63, ~0ul,
	    ~0ul << 5, 0xffffffff00000000ul, 0xffffffff80000000ul };
	uint64_t p = (uint64_t)must(place_open(self->domain));
	struct cell c;

	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED(cross(bad[i]), SLOT);
	REFUSED(cross(p), SLOT);		/* opened, not filled */
	must(exo_handle_drop(p));
	REFUSED(cross(p), SLOT);
	cell_make(&c, &small);
	REFUSED(cross(c.handle | 1ul << 32), SLOT);
	REFUSED(cross(c.handle | 1ul << 59), SLOT);
	REFUSED(cross(c.handle | 1ul << 63), SLOT);
	cell_end(&c);
}

static void
attack_seats(cross_fn cross)
{
	uint64_t h, old;
	struct lab l;
	struct cell c;

	lab_make(&l);
	must(lab_seat(&l, 1, l.env));
	h = lab_handle(&l);
	REFUSED(cross(h), DENIED);		/* made for the lab's env */
	must(exo_env_start(l.env, l.name, l.domain, l.name, 1, 0));
	REFUSED(cross(h), BUSY);		/* who sits there now */
	must(exo_handle_drop(h));
	lab_end(&l);

	cell_make(&c, &small);
	old = cell_handle(&c, CELL_SEAT, 1);
	must(exo_seat_free(c.domain, c.name, CELL_SEAT));
	REFUSED(cross(old), STALE);		/* unbound */
	must(cell_bind(&c, CELL_SEAT, self->env, cell_service_entry, NULL));
	REFUSED(cross(old), STALE);		/* and bound again */
	REFUSED(cross(c.handle), STALE);
	must(exo_handle_drop(c.handle));
	c.handle = cell_handle(&c, CELL_SEAT, 1);
	must(exo_domain_kill(c.domain, c.name, 0));
	REFUSED(cross(c.handle), STALE);	/* dead */
	cell_reap(&c);
	REFUSED(cross(old), SLOT);
	(void)!exo_handle_drop(old);
}

HOSTILE(enter, places)	{ attack_places(by_enter); }
HOSTILE(enter, seats)	{ attack_seats(by_enter); }
HOSTILE(call, places)	{ attack_places(by_call); }
HOSTILE(call, seats)	{ attack_seats(by_call); }

/* In the cell: a call or enter from there, by raw registers. */
static uint64_t
from_there(struct cell_page *p, uint64_t nr, uint64_t handle, uint64_t c)
{
	(void)p, (void)c;
	return (uint64_t)exo_raw1(nr, handle);
}

/* Back to a seat that waits for me: my own, in the middle of its call. */
HOSTILE(call, seat_on_the_chain)
{
	uint64_t place = 9;
	struct cell c;

	cell_make(&c, &small);
	must(exo_handle_open(c.domain, c.name, place, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 0, 0, c.domain,
	    place));
	REFUSED(cell_call(&c, from_there, NR(call), place, 0), LOOP);
	cell_end(&c);
}

HOSTILE(enter, seat_on_the_chain)
{
	uint64_t place = 9;
	struct cell c;

	cell_make(&c, &small);
	must(exo_handle_open(c.domain, c.name, place, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 0, 0, c.domain,
	    place));
	REFUSED(cell_call(&c, from_there, NR(enter), place, 0), LOOP);
	cell_end(&c);
}

/* Its seat i calls its seat i + 1, until that is refused; the answer is what
 * the last one was told and how deep it was. */
static uint64_t
descend(struct cell_page *p, uint64_t place, uint64_t depth, uint64_t c)
{
	uint64_t result = 0;
	long r;

	(void)c;
	r = exo_call(place, (uint64_t)descend, place + 1, depth + 1, 0, 0,
	    &result);
	if (r < 0) {
		p->w[0] = (uint64_t)r;
		p->w[1] = depth;
	}
	return 0;
}

HOSTILE(call, depth)
{
	struct cell c;
	long r, depth;

	cell_make(&c, &wide);
	for (uint32_t s = 2; s < 12; s++) {
		must(cell_bind(&c, s, self->env, cell_service_entry, NULL));
		cell_link(&c, s, s, &c, s);
	}
	EQ(cell_call(&c, descend, 2, 1, 0), 0);
	r = (long)c.page->w[0];
	depth = (long)c.page->w[1];
	EQ(r, -EXO_E_DEPTH);
	EQ(depth, 8);
	cell_end(&c);
}

HOSTILE(reply, nobody_called)
{
	REFUSED(exo_reply(0), DEPTH);
	REFUSED(exo_raw0(NR(reply)), DEPTH);
	REFUSED(exo_raw6(NR(reply) | JUNK, ~0ul, ~0ul, ~0ul, ~0ul, ~0ul,
	    ~0ul), DEPTH);
}

/* -------------------------------------------------- traps that enter me */

/* What the handler does with the trap, besides answering it. */
static void (*in_handler)(struct exo_regs *regs);
static uint64_t handled;
void trap_handler(struct exo_regs *regs);
void trap_entry(void);

/* rsi: the registers, rsp below them. */
__asm__(
	".pushsection .text\n"
	"trap_entry:\n"
	"	mov	%rsi, %rdi\n"
	"	and	$-16, %rsp\n"
	"	call	trap_handler\n"
	"	ud2\n"
	".popsection\n");

void
trap_handler(struct exo_regs *regs)
{
	handled++;
	if (in_handler != NULL)
		in_handler(regs);
	regs->rip += 2;			/* UD2 */
	(void)!exo_seat_resume(EXO_HOW_REGS, (uint64_t)regs);
	castor_die("seat_resume failed");
}

static uint64_t
trap_there(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	__asm__ volatile("ud2" : "+a"(a));
	return a;
}

static void
attack_resume(struct exo_regs *regs)
{
	static const uint64_t bad[] = { EXO_USER_TOP, 0x800000000000ul,
	    0xffff800000000000ul, 0xffffffff80000000ul, ~0ul, 1ul << 63 };
	struct exo_regs r = *regs;

	REFUSED(exo_reply(0), STATE);
	REFUSED(exo_seat_resume(EXO_HOW_SKIP, (uint64_t)&r), ARG);
	REFUSED(exo_seat_resume(EXO_HOW_RETRY, (uint64_t)&r), ARG);
	REFUSED(exo_seat_resume(EXO_HOWS, (uint64_t)&r), ARG);
	REFUSED(exo_seat_resume(1ul << 32, (uint64_t)&r), ARG);
	REFUSED(exo_seat_resume(~0ul, (uint64_t)&r), ARG);
	for (uint32_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r.rip = bad[i];
		REFUSED(exo_seat_resume(EXO_HOW_REGS, (uint64_t)&r), ARG);
		REFUSED(exo_seat_resume(EXO_HOW_SELF, (uint64_t)&r), ARG);
	}
	REFUSED_ADDR_RO(exo_seat_resume(EXO_HOW_REGS, p), sizeof(r));
	REFUSED_ADDR_RO(exo_seat_resume(EXO_HOW_SELF, p), sizeof(r));
}

/* All that a program must not have in its registers. */
static void
forge_resume(struct exo_regs *regs)
{
	regs->cs = 0x08;
	regs->ss = 0x10;
	regs->rflags = ~0ul & ~0x10100ul;	/* not TF, RF */
	regs->rax = 0x1234;
}

/* My seat 1 takes the cell's exceptions, on this env. */
static void
handler_make(struct cell *c)
{
	static bool made;

	if (!made)
		must(seat_make(1, self->env, trap_entry));
	made = true;
	must(exo_handle_open(c->domain, c->name, 9, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, 1, 1,
	    c->domain, 9));
	must(cell_do(c, EXO_NR_seat_handler, c->domain, c->name, CELL_SEAT,
	    EXO_ROW_OWN, 9, 0));
	must(exo_domain_row(c->domain, c->name, EXO_CLASS_EXCEPTION,
	    EXO_ACT_ENTER));
}

HOSTILE(seat_resume, without_a_trap)
{
	struct exo_regs r = { .rip = 0x1000 };
	struct cell c;

	REFUSED(exo_seat_resume(EXO_HOW_REGS, (uint64_t)&r), DEPTH);
	REFUSED(exo_seat_resume(~0ul, ~0ul), DEPTH);
	cell_make(&c, &small);
	/* A call's entry is not a trap's. */
	REFUSED(cell_do(&c, EXO_NR_seat_resume, EXO_HOW_REGS, c.base, 0, 0,
	    0, 0), STATE);
	REFUSED(cell_do(&c, EXO_NR_seat_resume, ~0ul, ~0ul, 0, 0, 0, 0),
	    STATE);
	cell_end(&c);
}

HOSTILE(seat_resume, arguments)
{
	struct cell c;

	cell_make(&c, &small);
	handler_make(&c);
	handled = 0;
	in_handler = attack_resume;
	EQ(cell_call(&c, trap_there, 77, 0, 0), 77);
	EQ(handled, 1);
	cell_end(&c);
}

HOSTILE(reply, to_a_trap)
{
	struct cell c;

	cell_make(&c, &small);
	handler_make(&c);
	in_handler = attack_resume;	/* REFUSED(exo_reply(0), STATE) */
	EQ(cell_call(&c, trap_there, 78, 0, 0), 78);
	cell_end(&c);
}

static uint64_t
trap_and_look(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t flags, cs, ss;

	(void)b, (void)c;
	__asm__ volatile("ud2\n\tpushfq\n\tpop %1\n\tmov %%cs, %2\n\t"
	    "mov %%ss, %3\n\tpushq $0x202\n\tpopfq"
	    : "+a"(a), "=&r"(flags), "=&r"(cs), "=&r"(ss) : : "cc");
	p->w[0] = flags;
	p->w[1] = cs;
	p->w[2] = ss;
	return a;
}

/* CPL 3, IF, no IOPL, NT or VM, whatever the registers said. */
HOSTILE(seat_resume, forged_registers)
{
	struct cell c;

	cell_make(&c, &small);
	handler_make(&c);
	handled = 0;
	in_handler = forge_resume;
	EQ(cell_call(&c, trap_and_look, 0, 0, 0), 0x1234);
	EQ(handled, 1);
	EQ(c.page->w[1] & 0xffff, 0x2b);
	EQ(c.page->w[2] & 0xffff, 0x23);
	EQ(c.page->w[0] & 0x1b7000, 0);	/* IOPL NT RF VM VIF VIP */
	EQ(c.page->w[0] & 0x200, 0x200);	/* IF */
	cell_end(&c);
}

/* ------------------------------------------- the last instruction there is */

long edge_call(uint64_t handle, uint64_t a, uint64_t b, uint64_t c);
void edge_back(void);

/* SYSCALL in the last two bytes: it returns to EXO_USER_TOP, which is no
 * user's, and faults there. */
__asm__(
	".pushsection .text\n"
	"edge_call:\n"
	"	push	%rbx\n"
	"	push	%rbp\n"
	"	push	%r12\n"
	"	push	%r13\n"
	"	push	%r14\n"
	"	push	%r15\n"
	"	mov	%rcx, %r10\n"
	"	mov	$0x58000001, %eax\n"
	"	mov	$0x7f7ffffffffe, %r11\n"
	"	jmp	*%r11\n"
	"edge_back:\n"
	"	pop	%r15\n"
	"	pop	%r14\n"
	"	pop	%r13\n"
	"	pop	%r12\n"
	"	pop	%rbp\n"
	"	pop	%rbx\n"
	"	ret\n"
	".popsection\n");

__attribute__((target("general-regs-only"))) static bool
edge_fault(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	if (r->rip != EXO_USER_TOP)
		return false;
	r->rip = (uint64_t)edge_back;
	return true;
}

static void
edge_begin(void)
{
	uint8_t *end = (uint8_t *)EXO_USER_TOP;
	exo_ppn t, f;

	(void)good_page();		/* maps the page below it */
	t = vm_table(EXO_USER_TOP - 1, 1);
	f = EXO_PTE_PPN(vm_pte(EXO_USER_TOP - EXO_PAGE));
	must(exo_pt_set(0, t, 511, EXO_PTE(f, VM_RW), self->memory_slot));
	end[-2] = 0x0f;
	end[-1] = 0x05;
	must(exo_pt_set(0, t, 511, EXO_PTE(f, VM_RX), self->memory_slot));
	(void)upcall_set(EXO_K_TRAP + TRAP_PAGE, edge_fault);
}

static void
edge_end(void)
{
	exo_ppn f = EXO_PTE_PPN(vm_pte(EXO_USER_TOP - EXO_PAGE));

	must(exo_pt_set(0, vm_table(EXO_USER_TOP - 1, 1), 511,
	    EXO_PTE(f, VM_RW), self->memory_slot));
	(void)upcall_set(EXO_K_TRAP + TRAP_PAGE, NULL);
}

static uint64_t
answer_there(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)p, (void)b, (void)c;
	return a;
}

static uint64_t
die_there(struct cell_page *p, uint64_t dom, uint64_t slot, uint64_t c)
{
	(void)p, (void)c;
	return (uint64_t)exo_raw3(NR(domain_kill), dom, slot, 0);
}

HOSTILE(call, last_instruction)
{
	struct cell c;

	edge_begin();
	cell_make(&c, &small);
	EQ(edge_call(c.handle, (uint64_t)answer_there, 5, 0), EXO_K_REPLY);
	EQ(edge_call(1ul << 40, 0, 0, 0), -EXO_E_SLOT);
	EQ(edge_call(c.handle, (uint64_t)die_there, c.domain, c.name),
	    -EXO_E_GONE);
	cell_reap(&c);
	edge_end();
}
