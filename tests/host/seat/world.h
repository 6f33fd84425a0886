/*
 * world.h - the kernel's seats, domains, envs, slices and traps, run on the
 * host.
 *
 * account.c, domain.c, env.c, page.c, pred.c, revoke.c, sched.c, seat.c, sys.c
 * and trap.c are compiled here as they are.  Page tables, PCIDs and slots are
 * stubs: a root is a frame with a count, and three slots are everybody's.  The
 * C of this file does what entry.asm does, memory operation by memory
 * operation.
 *
 * User mode is `user`, the registers; whose they are the kernel says.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "direct.h"
#include "hw.h"
#include "../tap.h"

#define free_rows	domain_rows
#include "../../../kernel/domain.c"
#undef free_rows
#define free_rows	env_rows
#include "../../../kernel/env.c"
#undef free_rows
#define free_rows	acct_rows
#include "../../../kernel/account.c"
#undef free_rows
#include "../../../kernel/page.c"
#include "../../../kernel/pred.c"
#include "../../../kernel/revoke.c"
#include "../../../kernel/sched.c"
#include "../../../kernel/seat.c"
#include "../../../kernel/sys.c"
#include "../../../kernel/trap.c"

#define NDOMS		12u		/* rows, row 0 included */
#define NENVS		10u
#define KERNEL_ROOT	1u		/* frames */
#define FIRST		2u
#define GRACE		3u		/* ticks */
#define TICK_TSC	100u		/* units */

/* Slots that every domain has. */
enum {
	S_ALL,				/* the root's name, all rights */
	S_ENV,				/* the name that guards envs */
	S_DOM,				/* and domains */
	S_WEAK,				/* the root's name, no rights */
	S_NONE
};

struct exo_page pages[NFRAMES];
struct guard page_guards[NFRAMES];
struct exo_acct accts[NACCTS];
struct exo_domain domains[NDOMS];
struct exo_env envs[NENVS];
struct exo_slice slices[SCHED_SLICES];
struct exo_pcid pcids[NPCIDS];
struct exo_machine machine;
struct exo_counters counters;
uint32_t ndomains;

static struct exo_regs user;		/* the CPU's registers in user mode */
static bool world_failed;
static jmp_buf world_panic;

/* ---------------------------------------------------------------- log */

#define LOG_LINES	64u

static char log_line[LOG_LINES][200];
static unsigned log_next;

static __attribute__((format(printf, 1, 2))) void
log_add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_line[log_next++ % LOG_LINES], sizeof(log_line[0]), fmt,
	    ap);
	va_end(ap);
}

static void
log_result(const char *fmt, long r)
{
	char *line = log_line[(log_next - 1) % LOG_LINES];
	size_t len = strlen(line);

	snprintf(line + len, sizeof(log_line[0]) - len, fmt, r);
}

static void
log_print(void)
{
	unsigned n = log_next < LOG_LINES ? log_next : LOG_LINES;

	for (unsigned i = log_next - n; i < log_next; i++)
		printf("#   %s\n", log_line[i % LOG_LINES]);
	fflush(stdout);
}

/* ASan calls this before it ends the program. */
void __asan_on_error(void);

void
__asan_on_error(void)
{
	printf("# ASan; the last calls were\n");
	log_print();
}

static __attribute__((format(printf, 1, 2))) void
world_fail(const char *fmt, ...)
{
	va_list ap;

	if (!world_failed) {
		va_start(ap, fmt);
		printf("# ");
		vprintf(fmt, ap);
		printf("; the last calls were\n");
		va_end(ap);
		log_print();
	}
	world_failed = true;
}

/* ---------------------------------------------------------------- stubs */

static struct exo_cap root_cap = { .rights = EXO_R_ALL,
    .kind = EXO_SLOT_CAP };
static struct exo_cap env_cap, dom_cap, weak_cap;

const struct exo_cap *
cap_slot(exo_slot slot)
{
	switch (slot) {
	case S_ALL:
		return &root_cap;
	case S_ENV:
		return &env_cap;
	case S_DOM:
		return &dom_cap;
	case S_WEAK:
		return &weak_cap;
	}
	return NULL;
}

long
cap_check(exo_slot slot, const struct exo_cap *guard, uint32_t need)
{
	const struct exo_cap *c = cap_slot(slot);

	if (c == NULL)
		return -EXO_E_SLOT;
	if (!cap_dominates(c, guard))
		return -EXO_E_DENIED;
	return (c->rights & need) == need ? 0 : -EXO_E_RIGHTS;
}

long
cap_guard(exo_slot slot, struct guard *out)
{
	const struct exo_cap *c = cap_slot(slot);

	if (c == NULL)
		return -EXO_E_SLOT;
	out->name = *c;
	out->serial = slot;
	return 0;
}

void
cap_unbind_all(struct domain *d)
{
	(void)d;
}

uint64_t as_changes;
uint64_t as_kernel_entry[AS_KERNEL_ENTRIES];
const uint32_t as_kernel_index[AS_KERNEL_ENTRIES] = { 256, 510, 511 };

long
as_root_ok(exo_ppn root)
{
	if (pages[root].kind != EXO_PG_PT4)
		return -EXO_E_TYPE;
	if (root != cur_domain()->root && (!page_made_here(root) ||
	    pages[root].refs != 0))
		return -EXO_E_REACH;
	return 0;
}

void
as_root_use(exo_ppn root, uint32_t dom_index)
{
	pages[root].refs++;
	pages[root].parents ^= dom_index;
}

void
as_root_drop(exo_ppn root, uint32_t dom_index)
{
	pages[root].refs--;
	pages[root].parents ^= dom_index;
}

uint64_t
as_empty_table(exo_ppn table, uint64_t n)
{
	(void)table, (void)n;
	return 0;
}

/* No frame is mapped. */
uint64_t
as_unmap_frame(exo_ppn ppn, uint64_t n)
{
	(void)ppn, (void)n;
	return 0;
}

uint64_t tlb_kernel_cr3 = KERNEL_ROOT << 12;
bool tlb_has_pcid;

uint64_t
tlb_cr3(const struct domain *d)
{
	return (uint64_t)d->root << 12;
}

void
pcid_drop(struct domain *d)
{
	d->cr3 = tlb_kernel_cr3;
}

void
pcid_release(uint32_t pcid)
{
	(void)pcid;
}

static uintptr_t stack_low = UINTPTR_MAX;	/* the deepest switch */

void
trace_write(enum exo_trace_kind kind, uint32_t call)
{
	const struct cpu *c = cpu();
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	(void)call;
	if (kind == EXO_TR_SWITCH && here < stack_low)
		stack_low = here;
	if (c->env != NULL && c->seat != NULL)	/* as table.c looks at them */
		hw.tsc += EXO_INDEX(cur_domain()->id) +
		    c->env->pub->account;
}

void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# panic: ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	world_fail("a panic");
	longjmp(world_panic, 1);
}

void
panic_regs(const struct exo_regs *r, const char *fmt, ...)
{
	panic("%s at %#lx", fmt, (long)r->rip);
}

static bool world_off;			/* the machine may end */

void
power_status(uint8_t status)
{
	(void)status;
}

void
power_off(int status)
{
	(void)status;
	if (!world_off)
		world_fail("nobody is left");
	longjmp(world_panic, 1);
}

static void timer(void);

void
cpu_idle(void)
{
	timer();
}

void
kprintf(const char *fmt, ...)
{
	(void)fmt;
}

void
console_putc(char c)
{
	(void)c;
}

int
console_getc(void)
{
	return -1;
}

void
console_poll(void)
{
}

/* The machine's page alone. */
long
table_window(uint32_t table, uint64_t offset, uint64_t len, uint8_t **kva)
{
	if (table != EXO_TAB_MACHINE || offset > sizeof(machine) ||
	    len > sizeof(machine) - offset)
		return -EXO_E_ARG;
	*kva = (uint8_t *)&machine + offset;
	return 0;
}

void
lapic_eoi(void)
{
}

void
trace_switch(bool on)
{
	(void)on;
}

/* Addresses of user memory are the host's; those below a page fault. */
char user_copy_first[1], user_copy_last[1], user_copy_fault[1];

long
user_copy(void *to, const void *from, uint64_t n)
{
	if ((uintptr_t)to < EXO_PAGE || (uintptr_t)from < EXO_PAGE)
		return -EXO_E_ADDR;
	memcpy(to, from, n);
	return 0;
}

/* Rows of a domain, told apart by their addresses only. */
void
sys_full(void)
{
	abort();
}

void
sys_refused(void)
{
	abort();
}

void
sys_none(void)
{
	abort();
}

_Noreturn void
sched_exit(void)
{
	abort();
}

/* Calls whose files are not here: nobody makes them. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#define ABSENT(name, args)	long sys_##name args { abort(); }
ABSENT(cap_derive, (exo_slot a, exo_slot b, uint32_t c, uint32_t d))
ABSENT(cap_read, (exo_slot a, uint64_t b))
ABSENT(cap_drop, (exo_slot a))
ABSENT(cap_open, (exo_slot a, exo_id b))
ABSENT(cap_give, (exo_slot a, uint32_t b, exo_id c, exo_slot d))
ABSENT(slots_bind, (exo_id a, exo_slot b, uint32_t c, exo_ppn d))
ABSENT(slots_clone, (uint32_t a, exo_ppn b))
ABSENT(page_guard, (exo_slot a, exo_slot b, exo_ppn c, uint64_t d))
ABSENT(page_unmap, (exo_slot a, exo_ppn b, uint64_t c))
ABSENT(pt_companion, (exo_ppn a, exo_ppn b))
ABSENT(pt_set, (exo_slot a, exo_ppn b, uint32_t c, uint64_t d, exo_slot e))
ABSENT(pt_batch, (exo_slot a, exo_ppn b, uint32_t c, uint64_t d, uint64_t e,
    exo_slot f))
ABSENT(pt_copy, (exo_ppn a, uint32_t b, uint64_t c, uint64_t d))
ABSENT(pt_empty, (exo_ppn a, uint32_t b, uint64_t c))
ABSENT(pcid_alloc, (exo_id a, exo_slot b, exo_slot c, uint32_t d))
ABSENT(pcid_bind, (exo_slot a, uint32_t b, exo_slot c, exo_id d))
ABSENT(pcid_free, (exo_slot a, uint32_t b))
ABSENT(region_make, (exo_slot a, exo_ppn b, uint32_t c, uint32_t d,
    uint32_t e, exo_slot f))
ABSENT(region_drop, (exo_slot a, exo_region b, uint64_t c))
ABSENT(region_read, (exo_slot a, exo_region b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f))
ABSENT(region_write, (exo_slot a, exo_region b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f))
ABSENT(region_cas, (exo_slot a, exo_region b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f))
#pragma GCC diagnostic pop

/* ------------------------------------------------------------ entry, exit */

static uint64_t frame_epoch[NFRAMES];

/* Frames that were given back are other memory now. */
static void
frames_renew(void)
{
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++) {
		if (pages[ppn].epoch == frame_epoch[ppn])
			continue;
		frame_epoch[ppn] = pages[ppn].epoch;
		frame_renew(ppn);
		pages[ppn].flags &= ~EXO_PF_ZERO;
	}
}

/* BUILD_REGS, and exit_full. */
static void
full_enter(void)
{
	cpu0.regs = &cpu0.env->regs;
	*cpu0.regs = user;
}

static void
full_exit(void)
{
	user = *cpu0.regs;
	frames_renew();
}

static void
full_entry(uint32_t nr)
{
	long r;

	full_enter();
	cpu0.switched = 0;
	r = sys_full_row[nr](user.rdi, user.rsi, user.rdx, user.r10, user.r8,
	    user.r9);
	if (!cpu0.switched)
		cpu0.regs->rax = (uint64_t)r;
	full_exit();
}

static void
trap_entry_c(uint64_t vector)
{
	user.cs = SEL_UCODE;
	full_enter();
	trap_c(cpu0.regs, vector);
	full_exit();
}

/* trap_14, when the seat says that it is quick. */
static bool
fault_fast(void)
{
	struct seat *s = cpu0.seat;
	uint64_t at = UP_SIZE;
	uint8_t *frame;

	if (s->fault_fast == 0)
		return false;
	if (user.rsp - s->up_base < at)
		at = user.rsp - s->up_base;
	at &= ~15ul;
	if (at < EXO_UPFRAME_ROOM)
		return false;
	at -= EXO_UPFRAME_ROOM;
	if (*(uint32_t *)(s->up_kva - EXO_UPCALL_HEAD) != 0)
		return false;
	frame = (uint8_t *)s->up_kva + at;
	user.err = 4;
	user.addr = hw.cr2;
	memcpy(frame, &user.r11, EXO_UPFRAME);
	user.rsp = s->up_base + at;
	user.rip = s->upcall;
	user.rax = EXO_K_TRAP + 14;
	return true;
}

static void
fault(uint64_t addr)
{
	hw.cr2 = addr;
	if (!fault_fast())
		trap_entry_c(14);
}

/* Who gets into a dead domain has no memory there. */
static void
run(void)
{
	for (unsigned n = 0; hw.cr3 == tlb_kernel_cr3; n++) {
		if (n == 100) {
			world_fail("a dead domain runs");
			return;
		}
		fault(user.rip);
	}
}

static void
timer(void)
{
	static struct exo_regs idle;

	if (!cpu0.idle) {
		trap_entry_c(VEC_TIMER);
		run();
		return;
	}
	idle.cs = SEL_KCODE;
	trap_c(&idle, VEC_TIMER);
}

static void
exception(uint64_t vector)
{
	trap_entry_c(vector);
	run();
}

/* Foreign calls always by C: what the quick way writes is as in fault_fast. */
static void
foreign(uint64_t nr)
{
	user.rax = nr;
	full_enter();
	foreign_c();
	full_exit();
	run();
}

/* What entry.asm leaves of a call's registers. */
static void
sysret(struct seat *to, uint64_t badge, uint32_t kind)
{
	user.rip = to->entry;
	user.rsp = to->stack;
	user.rax = kind;
	user.rdi = badge;
	user.rflags = 0x202;
	hw_set_cr3(to->dom->cr3);
}

static struct handle *
handle_fast(struct domain *d, uint64_t place)
{
	struct handle *h;

	if (place >= d->nfast)
		return NULL;
	h = &d->handles[place];
	if (h->gen != h->seat->key || h->seat->env != cpu0.env_id)
		return NULL;
	return h;
}

static bool
enter_fast(uint64_t place)
{
	struct seat *mine = cpu0.seat;
	struct handle *h = handle_fast(mine->dom, place);

	if (h == NULL)
		return false;
	mine->key = mine->gen;
	h->seat->key = 0;
	cpu0.seat = h->seat;
	sysret(h->seat, h->badge, EXO_K_ENTER);
	return true;
}

static bool
call_fast(uint64_t place)
{
	struct link *l = cpu0.csp;
	struct handle *h;

	l->rip = user.rip;
	l->rsp = user.rsp;
	l->seat = cpu0.seat;
	h = handle_fast(l->seat->dom, place);
	if (h == NULL || l + 1 == cpu0.env->chain + CHAIN_MAX + 1)
		return false;
	cpu0.csp = l + 1;
	h->seat->key = 0;
	cpu0.seat = h->seat;
	sysret(h->seat, h->badge, EXO_K_CALL);
	return true;
}

static bool
reply_fast(void)
{
	struct link *l = cpu0.csp - 1;
	struct seat *mine = cpu0.seat;

	if (l->seat == NULL)
		return false;
	cpu0.csp = l;
	cpu0.seat = l->seat;
	mine->key = mine->gen;
	hw_set_cr3(l->seat->dom->cr3);
	user.rip = l->rip;
	user.rsp = l->rsp;
	user.rax = EXO_K_REPLY;
	user.rflags = 0x202;
	return true;
}

static bool world_slow;			/* enter, call and reply always in C */

/* One of the three; what it gave is in rax. */
static void
crossing(uint32_t nr, uint64_t place)
{
	user.rdi = place;
	if (world_slow || !(nr == EXO_NR_enter ? enter_fast(place) :
	    nr == EXO_NR_call ? call_fast(place) : reply_fast())) {
		full_entry(nr);
	}
	run();
}

#define LOST	(-1000l)	/* somebody else runs now, or elsewhere */

/* SYSCALL, as `plain` does it. */
static long
call6(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f)
{
	struct env *me = cpu0.env;
	struct seat *seat = cpu0.seat;
	uint64_t rip = user.rip;
	row_fn row = seat->dom->row[nr];

	user.rdi = a, user.rsi = b, user.rdx = c;
	user.r10 = d, user.r8 = e, user.r9 = f;
	if (row == sys_full) {
		full_entry(nr);
	} else if (row == sys_refused) {
		user.rax = EXO_NR_BASE + nr;
		full_enter();
		sys_refused_c();
		full_exit();
		run();
		return LOST;
	} else {
		cpu0.regs = NULL;
		user.rax = (uint64_t)((full_fn)row)(a, b, c, d, e, f);
		frames_renew();
	}
	run();
	return cpu0.env == me && cpu0.seat == seat && user.rip == rip ?
	    (long)user.rax : LOST;
}

/* ---------------------------------------------------------------- boot */

static void
caps_fill(void)
{
	weak_cap = root_cap;
	weak_cap.rights = 0;
	if (!cap_child(&env_cap, &root_cap, 'e', 0) ||
	    !cap_child(&dom_cap, &root_cap, 'd', 0))
		abort();
}

static void
world_clear(void)
{
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++)
		if (frame_kva[ppn] == NULL || pages[ppn].kind != EXO_PG_FREE)
			frame_renew(ppn);
	memset(frame_epoch, 0, sizeof(frame_epoch));
	memset(pages, 0, sizeof(pages));
	memset(page_guards, 0, sizeof(page_guards));
	memset(accts, 0, sizeof(accts));
	memset(records, 0, sizeof(records));
	memset(domains, 0, sizeof(domains));
	memset(envs, 0, sizeof(envs));
	memset(&machine, 0, sizeof(machine));
	memset(&counters, 0, sizeof(counters));
	memset(&cpu0, 0, sizeof(cpu0));
	memset(&user, 0, sizeof(user));
	domain_rows.first = env_rows.first = acct_rows.first = 0;
	memset(slice_set, 0, sizeof(slice_set));
	memset(ask_after, 0, sizeof(ask_after));
	slices_running = 0;
	env_due = env_due_last = 0;
	generations = 0;
	memset(&hw, 0, sizeof(hw));
	world_failed = world_slow = world_off = false;
	log_next = 0;
}

/*
 * Domain 1 and env 1 are the first program's: in seat 0, with slice 0.
 */
static void
world_boot(void)
{
	static const uint32_t limit[EXO_RES_MAX] = {
		[EXO_RES_FRAMES] = NFRAMES, [EXO_RES_ACCTS] = 4,
		[EXO_RES_DOMAINS] = NDOMS - 1, [EXO_RES_ENVS] = NENVS - 1,
		[EXO_RES_SLICES] = SCHED_SLICES,
	};
	struct guard g = { .serial = S_DOM };
	struct exo_seat_args a = { .entry = 0x1000, .stack = 0x2000 };
	struct domain *d;
	struct env *e;

	world_clear();
	caps_fill();
	npages = NFRAMES;
	ndomains = NDOMS;
	nenvs = NENVS;
	machine.ncpus = 1;
	machine.nslices = SCHED_SLICES;
	machine.grace_ticks = GRACE;
	machine.tsc_hz = 10 * TICK_TSC;
	machine.tick_hz = 10;
	for (exo_ppn ppn = NFRAMES; ppn-- > 0;)
		page_boot(ppn, ppn == 0 ? EXO_PG_HOLE : ppn == KERNEL_ROOT ?
		    EXO_PG_KERNEL : EXO_PG_FREE);
	acct_boot(limit);
	page_take(ACCT_ROOT, &g, EXO_PG_PT4, FIRST);
	page_take(ACCT_ROOT, &g, EXO_PG_DOMAIN, FIRST + 1);
	page_take(ACCT_ROOT, &g, EXO_PG_ENV, FIRST + 2);
	g.name = dom_cap;
	d = domain_boot(FIRST + 1, FIRST, &g);
	env_boot();
	e = env_make(env_free_row(), FIRST + 2, &env_cap);
	e->pub->account = ACCT_ROOT;
	acct_charge(ACCT_ROOT, EXO_RES_ENVS, 1);
	a.env = e->id;
	seat_set(seat_at(d, 0), &a);
	env_place(e, seat_at(d, 0), 0);
	sched_boot(ACCT_ROOT, e);
	sched_load(e);
	user = *cpu0.regs;
}

#endif
