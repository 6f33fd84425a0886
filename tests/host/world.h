/*
 * world.h - the kernel's frames, tables and TLB rule, run on the host.
 *
 * page.c, as.c, tlb.c and check.c are compiled here as they are, over an array
 * of frames and the CPU of hw.h; accounts, slots and domains are stubs.  Up to
 * four domains distrust each other: each holds its own name, and one name is
 * everybody's, with different rights.
 *
 * A test sets world_judge, which is asked after each call; a refused call that
 * changed something is a failure by itself.  Calls of the kernel are written
 * CALL(sys_...(...)): they are logged, and a failure prints the last of them.
 *
 * Every place that flushes is a *site*: with seed_site set to its number it
 * does not flush, and the test must notice.
 */
#ifndef WORLD_H
#define WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include "direct.h"
#include "hw.h"
#include "tap.h"

#include "../../kernel/as.h"
#include "../../kernel/domain.h"
#include "../../kernel/sys.h"
#include "../../kernel/table.h"
#include "../../kernel/tlb.h"
#include "../../kernel/trap.h"
#include "../../kernel/user.h"

/* ---------------------------------------------------------------- seeds */

static int seed_site = -1;

static inline bool
seed_skip(int site, bool flushes)
{
	return site == seed_site && flushes;
}

/* The root changes, and what was kept stays. */
static inline void
hw_load_kept(uint64_t v)
{
	hw_touch();
	hw.cr3 = v & ~HW_NOFLUSH;
	hw_touch();
}

#define SITE(call) do {							\
	if (!seed_skip(__COUNTER__, true))				\
		call;							\
} while (0)

enum { SITES_FIRST = __COUNTER__ + 1 };

#define hw_invlpg(va)		SITE(hw_invlpg(va))
#define hw_flush_all()		SITE(hw_flush_all())
#define hw_invpcid(type, pcid, va) do {					\
	enum { S0_ = __COUNTER__, S1_ = __COUNTER__, S3_ = __COUNTER__ }; \
	if (!seed_skip((type) == 0 ? S0_ : (type) == 1 ? S1_ : S3_, true)) \
		hw_invpcid(type, pcid, va);				\
} while (0)
#define hw_set_cr3(v) do {						\
	if (seed_skip(__COUNTER__, ((v) & HW_NOFLUSH) == 0))		\
		hw_load_kept(v);					\
	else								\
		hw_set_cr3(v);						\
} while (0)

#include "../../kernel/tlb.c"
#undef hw_invlpg
#undef hw_flush_all
#undef hw_invpcid
#undef hw_set_cr3

#define tlb_page(d, va)		SITE(tlb_page(d, va))
#define tlb_context(d)		SITE(tlb_context(d))
#define tlb_all()		SITE(tlb_all())
#include "../../kernel/as.c"
#undef tlb_page
#undef tlb_context
#undef tlb_all

enum { SITES_END = __COUNTER__ };

#include "../../kernel/check.c"
#include "../../kernel/page.c"

/* ---------------------------------------------------------------- state */

#define NDOM		4u		/* rows 1 to 4 */
#define NTAGS		4u		/* PCIDs 1 to 4 are used */
#define KERNEL_ROOT	1u		/* frames */
#define DEVICE		2u
#define FIRST		3u

/* Slots that every domain has. */
enum {
	S_OWN,				/* its own name, all rights */
	S_READ,				/* its own name, READ */
	S_EXEC,				/* READ and EXEC */
	S_SHARED,			/* everybody's name, less and less */
	S_CHILD,			/* a child of its own */
	S_NONE,
	S_COUNT
};

struct exo_page pages[NFRAMES];
struct guard page_guards[NFRAMES];
struct exo_acct accts[NACCTS];
struct exo_domain domains[NDOM + 1];
uint32_t ndomains = NDOM + 1;
struct exo_machine machine;
struct exo_counters counters;
struct cpu cpu0;
struct seat no_seat;

static struct domain dom[NDOM + 1];
static struct seat seats[NDOM + 1];
static struct exo_cap cap[NDOM + 1][S_COUNT];
static uint32_t acct_limit = NFRAMES;

static void (*world_judge)(void);
static exo_ppn world_forced;		/* a frame that this call may unmap */
static bool world_failed;
static jmp_buf world_panic;

/* ---------------------------------------------------------------- stubs */

void
panic(const char *fmt, ...)
{
	va_list ap;

	if (seed_site < 0) {
		va_start(ap, fmt);
		printf("# panic: ");
		vprintf(fmt, ap);
		printf("\n");
		va_end(ap);
	}
	longjmp(world_panic, 1);
}

long
acct_charging(exo_id acct, exo_slot slot)
{
	(void)slot;
	return (long)EXO_INDEX(acct);
}

bool
acct_room(uint32_t acct, enum exo_res res, uint32_t n)
{
	return accts[acct].used[res] + n <= acct_limit;
}

void
acct_charge(uint32_t acct, enum exo_res res, uint32_t n)
{
	accts[acct].used[res] += n;
}

void
acct_settle(uint32_t acct, enum exo_res res)
{
	(void)acct, (void)res;
}

const struct exo_cap *
cap_slot(exo_slot slot)
{
	const struct exo_cap *c;

	if (slot >= S_COUNT)
		return NULL;
	c = &cap[EXO_INDEX(cur_domain()->id)][slot];
	return c->kind == EXO_SLOT_CAP ? c : NULL;
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
	out->serial = (uint64_t)(c - &cap[0][0]) + 1;
	return 0;
}

struct domain *
domain_at(uint32_t index)
{
	return index != 0 && index <= NDOM ? &dom[index] : NULL;
}

struct domain *
domain_find(exo_id id)
{
	struct domain *d = domain_at(EXO_INDEX(id));

	return d != NULL && d->id == id ? d : NULL;
}

long
domain_check(exo_id id, exo_slot slot, uint32_t need, struct domain **out)
{
	*out = domain_find(id);
	(void)need;
	if (*out == NULL)
		return -EXO_E_NAME;
	return slot == S_NONE ? -EXO_E_SLOT : 0;
}

long
user_read(void *dst, uint64_t va, uint64_t n)
{
	if (va == 0)
		return -EXO_E_ADDR;
	memcpy(dst, (const void *)va, n);
	return 0;
}

/* ---------------------------------------------------------------- log */

#define LOG_LINES	48u

static char log_line[LOG_LINES][160];
static unsigned log_next;

static void
log_add(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_line[log_next++ % LOG_LINES], sizeof(log_line[0]), fmt,
	    ap);
	va_end(ap);
}

static void
log_print(void)
{
	unsigned n = log_next < LOG_LINES ? log_next : LOG_LINES;

	for (unsigned i = log_next - n; i < log_next; i++)
		printf("#   %s\n", log_line[i % LOG_LINES]);
}

static __attribute__((format(printf, 1, 2))) void
world_fail(const char *fmt, ...)
{
	va_list ap;

	if (!world_failed && seed_site < 0) {
		va_start(ap, fmt);
		printf("# ");
		vprintf(fmt, ap);
		printf("; the last calls were\n");
		va_end(ap);
		log_print();
	}
	world_failed = true;
}

/* ---------------------------------------------------------------- copies */

/* All that a call may change, but counters and the TLB. */
struct world {
	struct exo_page pages[NFRAMES];
	struct guard guards[NFRAMES];
	uint64_t low[NFRAMES][HW_WIDE];	/* entries, or links, that are used */
	struct exo_domain domains[NDOM + 1];
	struct { uint64_t cr3; exo_id id; uint32_t root; } dom[NDOM + 1];
	struct exo_pcid pcids[NTAGS + 1];
	struct guard pcid_guards[NTAGS + 1];
	uint32_t bound, free_head, free_frames, running;
	struct exo_acct acct;
};

static uint32_t
running(void)
{
	return cpu0.seat == NULL ? 0 : (uint32_t)(cpu0.seat - seats);
}

static void
world_save(struct world *w)
{
	memset(w, 0, sizeof(*w));
	memcpy(w->pages, pages, sizeof(pages));
	memcpy(w->guards, page_guards, sizeof(page_guards));
	for (unsigned i = 0; i < NFRAMES; i++)
		memcpy(w->low[i], frame_mem[i], sizeof(w->low[i]));
	memcpy(w->domains, domains, sizeof(domains));
	for (unsigned i = 0; i <= NDOM; i++) {
		w->dom[i].cr3 = dom[i].cr3;
		w->dom[i].id = dom[i].id;
		w->dom[i].root = dom[i].root;
	}
	memcpy(w->pcids, pcids, sizeof(w->pcids));
	memcpy(w->pcid_guards, pcid_guards, sizeof(w->pcid_guards));
	w->bound = pcids_bound;
	w->free_head = machine.free_head;
	w->free_frames = machine.free_frames;
	w->running = running();
	w->acct = accts[0];
}

static inline void
world_load(const struct world *w)
{
	as_changes++;			/* nothing remembered holds */
	memcpy(pages, w->pages, sizeof(pages));
	memcpy(page_guards, w->guards, sizeof(page_guards));
	for (unsigned i = 0; i < NFRAMES; i++)
		memcpy(frame_mem[i], w->low[i], sizeof(w->low[i]));
	memcpy(domains, w->domains, sizeof(domains));
	for (unsigned i = 0; i <= NDOM; i++) {
		dom[i].cr3 = w->dom[i].cr3;
		dom[i].id = w->dom[i].id;
		dom[i].root = w->dom[i].root;
	}
	memcpy(pcids, w->pcids, sizeof(w->pcids));
	memcpy(pcid_guards, w->pcid_guards, sizeof(w->pcid_guards));
	pcids_bound = w->bound;
	machine.free_head = w->free_head;
	machine.free_frames = w->free_frames;
	cpu0.seat = w->running == 0 ? NULL : &seats[w->running];
	accts[0] = w->acct;
}

/* ---------------------------------------------------------------- calls */

static struct world world_before;

static void
call_begin(const char *what)
{
	log_add("%s", what);
	hw_touch();
	world_save(&world_before);
}

static long
call_end(long r)
{
	static struct world after;
	char *line = log_line[(log_next - 1) % LOG_LINES];
	size_t len = strlen(line);

	snprintf(line + len, sizeof(log_line[0]) - len, " = %ld", r);
	if (r < 0) {
		world_save(&after);
		if (memcmp(&after, &world_before, sizeof(after)) != 0)
			world_fail("a refused call changed something");
	} else if (world_judge != NULL)
		world_judge();
	world_forced = 0;
	return r;
}

#define CALL(expr, ...)	(call_log(__VA_ARGS__), call_end(expr))

static __attribute__((format(printf, 1, 2))) void
call_log(const char *fmt, ...)
{
	char what[120];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	call_begin(what);
}

#define D		running()
#define P(x)		((unsigned)(x))
#define CALL_SET(t, i, pte, s)	CALL(sys_pt_set(S_SHARED, t, i, pte, s), \
	"%u: pt_set(%u, %u, %#lx, %u)", D, P(t), P(i), (long)(pte), P(s))
#define CALL_COPY(t, i, va, n)	CALL(sys_pt_copy(t, i, va, n), \
	"%u: pt_copy(%u, %u, %#lx, %u)", D, P(t), P(i), (long)(va), P(n))
#define CALL_ALLOC(s, kind, ppn)	CALL(sys_page_alloc(0, 0, s, kind, \
	ppn, 1), "%u: page_alloc(%u, %#x, %u)", D, P(s), P(kind), P(ppn))
#define CALL_PAIR(t, ppn)	CALL(sys_pt_companion(t, ppn),		\
	"%u: pt_companion(%u, %u)", D, P(t), P(ppn))
#define CALL_EMPTY(t, i, n)	CALL(sys_pt_empty(t, i, n),		\
	"%u: pt_empty(%u, %u, %u)", D, P(t), P(i), P(n))
#define CALL_FREE(s, ppn, n)	CALL(sys_page_free(s, ppn, n),		\
	"%u: page_free(%u, %u, %u)", D, P(s), P(ppn), P(n))

/* ---------------------------------------------------------------- domains */

static void
world_switch(uint32_t d)
{
	cpu0.seat = &seats[d];
	hw_set_cr3(dom[d].cr3);
}

static uint32_t
row_free(void)
{
	for (uint32_t i = 1; i <= NDOM; i++)
		if (domains[i].state == EXO_DOM_FREE)
			return i;
	return 0;
}

static void
dom_make(uint32_t i, exo_ppn root)
{
	struct domain *d = &dom[i];
	uint32_t gen = domains[i].gen + 1;

	domains[i] = (struct exo_domain){ .gen = gen, .root = root,
	    .state = EXO_DOM_LIVE };
	d->pub = &domains[i];
	d->id = EXO_ID(gen, i);
	d->root = root;
	as_root_use(root, i);
	d->cr3 = tlb_cr3(d);
	seats[i].dom = d;
}

/* As domain_create does. */
static long
dom_create(exo_ppn root)
{
	uint32_t i = row_free();
	long r = as_root_ok(root);

	if (r == 0 && i == 0)
		r = -EXO_E_FULL;
	if (r < 0)
		return r;
	dom_make(i, root);
	return i;
}

/* As domain_kill does, and a switch away if it is the running one. */
static void
dom_die(uint32_t i)
{
	uint32_t j;

	domains[i].state = EXO_DOM_DEAD;
	pcid_drop(&dom[i]);
	if (i != running())
		return;
	for (j = 1; domains[j].state != EXO_DOM_LIVE; j++)
		hw_check(j < NDOM);
	world_switch(j);
}

/* The last step of domain_reap, and domain_free. */
static void
dom_reap(uint32_t i)
{
	as_root_drop(dom[i].root, i);
	dom[i].root = domains[i].root = 0;
	domains[i].state = EXO_DOM_FREE;
	domains[i].gen++;
	dom[i].id = 0;
}

#define CALL_CREATE(root)	CALL(dom_create(root),			\
	"%u: domain_create(%u)", D, P(root))
#define CALL_DIE(i)		CALL((dom_die(i), 0), "domain %u dies", P(i))
#define CALL_REAP(i)		CALL((dom_reap(i), 0), "domain %u is reaped", \
	P(i))
#define CALL_SWITCH(i)		CALL((world_switch(i), 0), "to %u", P(i))

static unsigned
doms_live(void)
{
	unsigned n = 0;

	for (uint32_t i = 1; i <= NDOM; i++)
		n += domains[i].state == EXO_DOM_LIVE;
	return n;
}

/* ---------------------------------------------------------------- boot */

static void
caps_fill(void)
{
	static const uint16_t shared[NDOM + 1] = { 0, EXO_R_ALL,
	    EXO_R_READ | EXO_R_WRITE | EXO_R_VIEW | EXO_R_USE | EXO_R_REVOKE,
	    EXO_R_READ | EXO_R_EXEC | EXO_R_USE | EXO_R_FREE,
	    EXO_R_READ | EXO_R_VIEW };
	struct exo_cap root = { .rights = EXO_R_ALL, .kind = EXO_SLOT_CAP };

	for (uint32_t i = 1; i <= NDOM; i++) {
		struct exo_cap *c = cap[i];
		bool ok = cap_child(&c[S_OWN], &root, i, 0);

		c[S_READ] = c[S_EXEC] = c[S_OWN];
		c[S_READ].rights = EXO_R_READ;
		c[S_EXEC].rights = EXO_R_READ | EXO_R_EXEC;
		ok = ok && cap_child(&c[S_SHARED], &root, 's', 0) &&
		    cap_child(&c[S_CHILD], &c[S_OWN], EXO_COMP_FRESH, i);
		hw_check(ok);
		c[S_SHARED].rights = shared[i];
		c[S_NONE] = (struct exo_cap){ .kind = EXO_SLOT_EMPTY };
	}
}

/* Domain 1, with an empty root, is running. */
static void
world_boot(enum hw_mode mode)
{
	struct guard g = { .serial = ~1ul };
	exo_ppn root = FIRST;

	memset(frame_mem, 0, sizeof(frame_mem));
	memset(pages, 0, sizeof(pages));
	memset(page_guards, 0, sizeof(page_guards));
	memset(domains, 0, sizeof(domains));
	memset(dom, 0, sizeof(dom));
	memset(pcid_guards, 0, sizeof(pcid_guards));
	memset(&machine, 0, sizeof(machine));
	memset(&counters, 0, sizeof(counters));
	accts[0] = (struct exo_acct){ .state = EXO_ACCT_LIVE };
	pcids_bound = 0;
	cpu0.seat = NULL;
	world_failed = false;
	log_next = 0;
	caps_fill();
	npages = NFRAMES;
	for (uint32_t i = NFRAMES; i-- > 0;)
		page_boot(i, i == 0 ? EXO_PG_HOLE : i == KERNEL_ROOT ?
		    EXO_PG_KERNEL : i == DEVICE ? EXO_PG_DEVICE :
		    EXO_PG_FREE);
	for (uint32_t i = 0; i < AS_KERNEL_ENTRIES; i++)
		as_kernel_entry[i] = EXO_PTE(KERNEL_ROOT, EXO_PTE_A) + i;
	hw_drop_all();
	hw.mode = mode;
	hw.cr3 = KERNEL_ROOT << 12;
	tlb_boot(KERNEL_ROOT << 12, mode != HW_PLAIN, mode == HW_INVPCID);
	g.name = cap[1][S_OWN];
	page_take(0, &g, EXO_PG_PT4, root);
	dom_make(1, root);
	page_guards[DEVICE].name = cap[1][S_SHARED];
	world_switch(1);
}

/* ---------------------------------------------------------------- chance */

static uint64_t rnd_state = 88172645463325252ull;

static uint32_t
rnd(uint32_t n)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return (uint32_t)(rnd_state >> 33) % n;
}

static bool
chance(uint32_t percent)
{
	return rnd(100) < percent;
}

/* A random frame that fits, or 0. */
static exo_ppn
rnd_frame(bool (*fits)(const struct exo_page *, uint32_t), uint32_t arg)
{
	uint32_t at = rnd(NFRAMES);

	for (uint32_t i = 0; i < NFRAMES; i++, at++)
		if (fits(&pages[at % NFRAMES], arg))
			return at % NFRAMES;
	return 0;
}

static bool
fits_kind(const struct exo_page *p, uint32_t kind)
{
	return p->kind == kind;
}

static bool
fits_table(const struct exo_page *p, uint32_t arg)
{
	(void)arg;
	return page_is_table(p);
}

/* A fresh one of the running domain's. */
static bool
fits_fresh(const struct exo_page *p, uint32_t kind)
{
	return p->kind == kind && p->refs == 0 && p->entries == 0 &&
	    p->flags == 0 && p->maps == 0 &&
	    EXO_ID(p->maker_gen, p->maker) == cur_domain()->id;
}

static bool
fits_pinned(const struct exo_page *p, uint32_t arg)
{
	(void)arg;
	return (p->flags & EXO_PF_BOUND) != 0;
}

static exo_ppn
rnd_kind(uint32_t kind)
{
	return rnd_frame(fits_kind, kind);
}

static uint64_t
rnd_va(void)
{
	uint64_t va = 0;

	for (unsigned l = 1; l <= 4; l++)
		va |= (uint64_t)rnd(l == 1 ? HW_WIDE : 2) << EXO_PT_SHIFT(l);
	return va;
}

static uint64_t
rnd_bits(void)
{
	uint64_t b = chance(70) ? EXO_PTE_NX : 0;

	b |= chance(50) ? EXO_PTE_W : 0;
	b |= chance(60) ? EXO_PTE_A | EXO_PTE_D : 0;
	b |= chance(10) ? EXO_PTE_MAYW | EXO_PTE_MAYX : 0;
	return b | (chance(10) ? 1ul << 9 : 0);
}

static exo_slot
rnd_slot(void)
{
	return chance(65) ? S_OWN : chance(50) ? S_SHARED : rnd(S_COUNT);
}

/* Most often one that opens the frame. */
static exo_slot
rnd_slot_for(exo_ppn ppn)
{
	exo_slot s = rnd_slot();

	for (unsigned i = 0; i < S_COUNT && !chance(12); i++)
		if (cap_check((s + i) % S_COUNT, &page_guards[ppn].name,
		    0) == 0)
			return (s + i) % S_COUNT;
	return s;
}

/* One that is the running domain's to give, or any. */
static bool
fits_opened(const struct exo_page *p, uint32_t need)
{
	return page_owned((exo_ppn)(p - pages)) &&
	    cap_check(S_OWN, &page_guards[p - pages].name, need) == 0 &&
	    (p->maps > 1 || chance(p->maps == 1 ? 50 : 5));
}

/* ---------------------------------------------------------------- steps */

static exo_ppn
step_alloc_kind(uint32_t kind, exo_slot guard)
{
	exo_ppn ppn = machine.free_head, pair;

	if (ppn == 0 || CALL_ALLOC(guard, kind, ppn) != 1)
		return 0;
	if ((kind & 0xff) == EXO_PG_PT1 && chance(95)) {
		if (chance(20))
			(void)CALL_SET(ppn, 0, 0, S_NONE);
		pair = step_alloc_kind(EXO_PG_RMAP, guard);
		if (pair != 0)
			(void)CALL_PAIR(ppn, pair);
	}
	return ppn;
}

static void
step_alloc(void)
{
	static const uint32_t kind[] = { EXO_PG_DATA, EXO_PG_DATA, EXO_PG_DATA,
	    EXO_PG_DATA | EXO_KIND_LIVE, EXO_PG_PT1, EXO_PG_PT1,
	    EXO_PG_PT1 | EXO_KIND_LIVE, EXO_PG_PT2,
	    EXO_PG_PT2 | EXO_KIND_LIVE, EXO_PG_PT3,
	    EXO_PG_PT3 | EXO_KIND_LIVE, EXO_PG_PT4, EXO_PG_SEATS };
	uint32_t k = kind[rnd(sizeof(kind) / sizeof(kind[0]))];

	(void)step_alloc_kind(k, chance(k & EXO_KIND_LIVE ? 80 : 20) ?
	    S_SHARED : chance(80) ? S_OWN : S_CHILD);
}

static void
step_free(void)
{
	exo_ppn ppn = rnd(NFRAMES);

	for (unsigned i = 0; i < 8 && !page_idle(ppn); i++)
		ppn = rnd(NFRAMES);
	(void)CALL_FREE(rnd_slot_for(ppn), ppn, 1 + rnd(3));
}

/* Made by the running domain, and reached by nobody. */
static bool
fits_loose(const struct exo_page *p, uint32_t kind)
{
	return p->kind == kind && p->refs == 0 &&
	    EXO_ID(p->maker_gen, p->maker) == cur_domain()->id;
}

/* Data out of the common: live, mapped already, or being reguarded. */
static bool
fits_special(const struct exo_page *p, uint32_t arg)
{
	(void)arg;
	return p->kind == EXO_PG_DATA && (p->flags != 0 || (p->maps > 0 &&
	    chance(20)));
}

/* What could be entered in a table of this kind. */
static exo_ppn
rnd_target(uint32_t kind)
{
	if (chance(3))
		return rnd(NFRAMES);
	if (kind > EXO_PG_PT1)
		return chance(50) ? rnd_kind(kind - 1) :
		    rnd_frame(fits_loose, kind - 1);
	if (chance(12))
		return chance(70) ? rnd_frame(fits_table, 0) : DEVICE;
	return chance(40) ? rnd_frame(fits_special, 0) : rnd_kind(EXO_PG_DATA);
}

static uint64_t
rnd_pte(exo_ppn t, uint32_t index)
{
	uint64_t old = ((uint64_t *)page_kva(t))[index];

	if (chance(20))
		return 0;
	if (chance(2))			/* forged: all but the address */
		return ~((uint64_t)rnd_target(EXO_PG_PT1) << 12);
	if (old != 0 && chance(60))
		return EXO_PTE(EXO_PTE_PPN(old), rnd_bits());
	return EXO_PTE(rnd_target(pages[t].kind), rnd_bits() |
	    (chance(80) && pages[t].kind > EXO_PG_PT1 ? EXO_PTE_W : 0));
}

/* A table that translates something for the running domain. */
static exo_ppn
rnd_reached(void)
{
	exo_ppn t = cur_domain()->root;
	uint64_t va = rnd_va();

	for (unsigned l = 4; l > 1 && !chance(12); l--) {
		uint64_t pte = ((uint64_t *)page_kva(t))[EXO_PT_INDEX(va, l)];

		if (pte == 0)
			break;
		t = EXO_PTE_PPN(pte);
	}
	return t;
}

static exo_ppn
rnd_table(void)
{
	if (chance(70))
		return rnd_reached();
	return chance(50) ? rnd_frame(fits_table, 0) :
	    rnd_frame(fits_loose, EXO_PG_PT1 + rnd(4));
}

/* Unlink something on the way to an address. */
static void
step_drop(void)
{
	exo_ppn t = rnd_reached();

	(void)CALL_SET(t, rnd(2), 0, S_NONE);
}

static void
step_set(void)
{
	exo_ppn t = rnd_table();
	uint32_t i = rnd(HW_WIDE);
	uint64_t pte = rnd_pte(t, i);
	exo_slot s = rnd_slot_for(EXO_PTE_PPN(pte) % NFRAMES);

	(void)CALL_SET(t, i, pte, s);
}

static void
step_batch(void)
{
	uint64_t pte[HW_WIDE];
	uint32_t i = rnd(HW_WIDE), n = 1 + rnd(HW_WIDE - i);
	exo_ppn t = rnd_table();

	for (uint32_t k = 0; k < n; k++)
		pte[k] = rnd_pte(t, i + k);
	(void)CALL(sys_pt_batch(S_SHARED, t, i, n, (uint64_t)pte, rnd_slot()),
	    "%u: pt_batch(%u, %u, %u, %#lx %#lx %#lx %#lx)", D, t, i, n,
	    (long)pte[0], n > 1 ? (long)pte[1] : 0, n > 2 ? (long)pte[2] : 0,
	    n > 3 ? (long)pte[3] : 0);
}

static void
step_copy(void)
{
	exo_ppn dst = chance(60) ? rnd_reached() : rnd_frame(fits_fresh,
	    EXO_PG_PT1 + rnd(4));
	uint32_t i = rnd(HW_WIDE);
	uint64_t va = rnd_va();

	(void)CALL_COPY(dst, i, va, 1 + rnd(HW_WIDE - i));
}

static void
step_empty(void)
{
	exo_ppn t = rnd_frame(fits_table, 0);

	(void)CALL_EMPTY(t, rnd(3), 1 + rnd(HW_WIDE));
}

static void
step_unmap(void)
{
	exo_ppn ppn = chance(70) ? rnd_frame(fits_opened, EXO_R_REVOKE) :
	    rnd(NFRAMES);
	exo_slot s = rnd_slot_for(ppn);
	uint64_t n = 1 + rnd(3);

	world_forced = ppn;
	(void)CALL(sys_page_unmap(s, ppn, n), "%u: page_unmap(%u, %u, %u)", D,
	    s, ppn, P(n));
}

static void
step_guard(void)
{
	exo_ppn ppn = chance(70) ? rnd_frame(fits_opened, EXO_R_GUARD) :
	    rnd_kind(EXO_PG_DATA);
	exo_slot s = rnd_slot_for(ppn), g = chance(50) ? S_CHILD : S_OWN;
	uint64_t n = chance(70) ? 1 : 3;

	world_forced = ppn;
	(void)CALL(sys_page_guard(s, g, ppn, n),
	    "%u: page_guard(%u, %u, %u, %u)", D, s, g, ppn, P(n));
}

static uint32_t
rnd_live(void)
{
	uint32_t i;

	do
		i = 1 + rnd(NDOM);
	while (domains[i].state != EXO_DOM_LIVE);
	return i;
}

static void
step_switch(void)
{
	(void)CALL_SWITCH(rnd_live());
}

static void
step_pcid(void)
{
	uint32_t p = chance(10) ? rnd(NTAGS + 2) : 1 + rnd(NTAGS);
	uint32_t d = chance(10) ? rnd(NDOM + 1) : rnd_live();

	if (p <= NTAGS && pcids[p].account == EXO_NONE && chance(80))
		(void)CALL(sys_pcid_alloc(0, 0, S_SHARED, p),
		    "%u: pcid_alloc(%u)", D, p);
	else if (chance(12))
		(void)CALL(sys_pcid_free(S_SHARED, p), "%u: pcid_free(%u)", D,
		    p);
	else
		(void)CALL(sys_pcid_bind(S_SHARED, p, 0, dom[d].id),
		    "%u: pcid_bind(%u, %u)", D, p, d);
}

static void
step_die(void)
{
	uint32_t i = 1 + rnd(NDOM);

	if (domains[i].state == EXO_DOM_DEAD)
		(void)CALL_REAP(i);
	else if (domains[i].state == EXO_DOM_LIVE && doms_live() > 1 &&
	    chance(40))
		(void)CALL_DIE(i);
}

static void
step_create(void)
{
	(void)CALL_CREATE(chance(20) ? cur_domain()->root :
	    rnd_kind(EXO_PG_PT4));
}

static void
step_bind(void)
{
	exo_ppn ppn = rnd_frame(fits_pinned, 0);
	exo_slot s;
	long r;

	if (ppn != 0 && chance(50)) {
		(void)CALL((page_unbind(ppn), 0), "page_unbind(%u)", ppn);
		return;
	}
	ppn = rnd_frame(fits_special, 0);
	s = rnd_slot_for(ppn);
	r = CALL(page_bindable(ppn, s), "%u: page_bindable(%u, %u)", D, s,
	    ppn);
	if (r == 0)
		(void)CALL((page_bind(ppn), 0), "page_bind(%u)", ppn);
}

/* ------------------------------------------------- what libraries do */

/* A frame at va in the running domain's own tables: as far as that goes. */
static void
step_build_at(uint64_t va, uint64_t bits)
{
	exo_ppn t = cur_domain()->root, next;

	for (uint32_t l = 4; l > 1; l--) {
		uint32_t i = EXO_PT_INDEX(va, l);
		uint64_t *pt = page_kva(t);

		if (pt[i] == 0) {
			next = rnd_frame(fits_fresh, EXO_PG_PT1 + l - 2);
			if (next == 0)
				next = step_alloc_kind(EXO_PG_PT1 + l - 2,
				    S_OWN);
			if (next == 0 || CALL_SET(t, i, EXO_PTE(next,
			    EXO_PTE_W), S_OWN) < 0)
				return;
		}
		t = EXO_PTE_PPN(pt[i]);
	}
	next = rnd_frame(fits_fresh, EXO_PG_DATA);
	if (next == 0)
		next = step_alloc_kind(EXO_PG_DATA, S_OWN);
	if (next != 0)
		(void)CALL_SET(t, EXO_PT_INDEX(va, 1), EXO_PTE(next, bits),
		    S_OWN);
}

static void
step_build(void)
{
	step_build_at(rnd_va(), chance(75) ? EXO_PTE_W | EXO_PTE_NX :
	    chance(50) ? 0 : EXO_PTE_NX);
}

/* Fork by the root's entries. */
static void
step_fork(void)
{
	exo_ppn root;

	if (row_free() == 0 ||
	    (root = step_alloc_kind(EXO_PG_PT4, S_OWN)) == 0)
		return;
	(void)CALL_COPY(root, 0, 0, HW_WIDE);
	if (chance(80))
		(void)CALL_CREATE(root);
}

/* Make va writable: copy what is frozen on the way, table by table. */
static void
step_cow_at(uint64_t va)
{
	exo_ppn t = cur_domain()->root, next;
	const uint64_t kind_mask = ~(EXO_PTE_W | EXO_PTE_NX);

	for (uint32_t l = 4; l > 1; l--) {
		uint32_t i = EXO_PT_INDEX(va, l);
		uint64_t *pt = page_kva(t), up = va >> EXO_PT_SHIFT(l) <<
		    EXO_PT_SHIFT(l);

		if (pt[i] == 0)
			return;
		if ((pt[i] & EXO_PTE_W) == 0 && CALL_SET(t, i, (pt[i] &
		    kind_mask) | EXO_PTE_W, S_OWN) < 0) {
			next = step_alloc_kind(EXO_PG_PT1 + l - 2, S_OWN);
			if (next == 0 || CALL_COPY(next, 0, up, HW_WIDE) < 0 ||
			    CALL_SET(t, i, EXO_PTE(next, EXO_PTE_W), S_OWN) <
			    0)
				return;
		}
		t = EXO_PTE_PPN(pt[i]);
	}
	if (((uint64_t *)page_kva(t))[EXO_PT_INDEX(va, 1)] != 0)
		(void)CALL_SET(t, EXO_PT_INDEX(va, 1),
		    (((uint64_t *)page_kva(t))[EXO_PT_INDEX(va, 1)] &
		    kind_mask) | EXO_PTE_W | EXO_PTE_NX, S_OWN);
}

static void
step_cow(void)
{
	step_cow_at(rnd_va());
}

/* Fresh frames in a row, with the same bits, over whatever is there. */
static void
step_run(void)
{
	uint64_t pte[HW_WIDE], bits = chance(70) ? EXO_PTE_W | EXO_PTE_NX :
	    EXO_PTE_NX;
	exo_ppn t = chance(80) ? rnd_reached() : rnd_frame(fits_loose,
	    EXO_PG_PT1), f[HW_WIDE];
	uint32_t i = rnd(2), n = HW_WIDE - i;

	for (uint32_t k = 0; k < n; k++) {
		f[k] = step_alloc_kind(EXO_PG_DATA, chance(90) ? S_OWN :
		    S_CHILD);
		pte[k] = chance(10) ? 0 : EXO_PTE(f[k], bits);
	}
	if (chance(50)) {
		(void)CALL(sys_pt_batch(S_SHARED, t, i, n, (uint64_t)pte,
		    S_OWN), "%u: pt_batch(%u, %u, %u, %#lx ...)", D, t, i, n,
		    (long)pte[0]);
		return;
	}
	for (uint32_t k = 0; k < n; k++) {
		(void)CALL_SET(t, i + k, pte[k], chance(95) ? S_OWN :
		    rnd_slot());
		if (chance(20))
			step_switch();
		if (chance(5))
			step_fork();
	}
}

static const struct {
	uint32_t weight;
	void (*step)(void);
} steps[] = {
	{ 12, step_alloc }, { 16, step_free }, { 40, step_set },
	{ 14, step_batch }, { 12, step_copy }, { 8, step_empty },
	{ 10, step_unmap }, { 4, step_guard }, { 16, step_switch },
	{ 14, step_pcid }, { 6, step_die }, { 2, step_create },
	{ 4, step_bind }, { 26, step_build }, { 3, step_fork },
	{ 12, step_cow }, { 5, step_drop }, { 6, step_run },
};

static inline void
step_any(void)
{
	uint32_t sum = 0, at, i;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		sum += steps[i].weight;
	at = rnd(sum);
	for (i = 0; at >= steps[i].weight; i++)
		at -= steps[i].weight;
	steps[i].step();
}

#endif
