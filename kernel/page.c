/*
 * page.c - physical frames.
 *
 * The kernel says who owns a frame; which frame, when and why is the library's
 * business.  Callers ask for frames by number.
 *
 * Invariants: (1) a frame is FREE and on the free list, or charged to one
 *                 account and on its list, or the kernel's and on none.
 *             (2) a FREE frame has no mappings, uses, references or guard, and
 *                 its epoch grew when it became so.
 *             (3) PF_ZERO only on FREE frames, and then they hold zeroes.
 *             (4) pins <= uses; pins > 0 keeps kind and owner as they are.
 * Guarded by: capability (page_guards).  Published: EXO_PAGES.
 */
#include "page.h"
#include "as.h"
#include "check.h"
#include "domain.h"
#include "panic.h"
#include "sys.h"
#include "table.h"
#include "user.h"

#define PINS_MAX	0xffffu			/* pins that fit */

uint32_t npages;

/* What page_alloc gives.  A root is nobody's but its domains': never live. */
static bool
kind_allocable(uint32_t kind)
{
	uint32_t k = kind & ~EXO_KIND_LIVE;

	if (k < EXO_PG_DATA || k >= EXO_PG_OWNED_END)
		return false;
	return k == kind || k <= EXO_PG_PT3;
}

bool
page_owned(exo_ppn ppn)
{
	uint32_t kind = pages[ppn].kind;

	return kind >= EXO_PG_DATA && kind < EXO_PG_OWNED_END;
}

/* Two doubly linked lists through next and prev; zero ends them. */
static void
list_add(uint32_t *head, exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];

	p->prev = 0;
	p->next = *head;
	if (*head != 0)
		pages[*head].prev = ppn;
	*head = ppn;
}

static void
list_remove(uint32_t *head, exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];

	if (p->next != 0)
		pages[p->next].prev = p->prev;
	if (p->prev != 0)
		pages[p->prev].next = p->next;
	else
		*head = p->next;
	p->next = p->prev = 0;
}

/* At boot no domain runs. */
static uint64_t
maker_id(void)
{
	const struct seat *s = cpu()->seat;

	return s == NULL ? EXO_ID(0, EXO_NONE) : s->dom->id;
}

bool
page_made_here(exo_ppn ppn)
{
	return EXO_ID(pages[ppn].maker_gen, pages[ppn].maker) ==
	    cur_domain()->id;
}

static void
page_fill(exo_ppn ppn, uint32_t kind)
{
	uint64_t *e = page_kva(ppn);

	if ((pages[ppn].flags & EXO_PF_ZERO) == 0) {
		page_zero(ppn);
		counters.frames_zeroed++;
	}
	if (kind != EXO_PG_PT4)
		return;
	for (unsigned i = 0; i < AS_KERNEL_ENTRIES; i++)
		e[as_kernel_index[i]] = as_kernel_entry[i];
}

void
page_scrub(exo_ppn ppn)
{
	if ((pages[ppn].flags & EXO_PF_SCRUB) == 0)
		return;
	page_zero(ppn);
	counters.frames_zeroed++;
	pages[ppn].flags &= ~EXO_PF_SCRUB;
}

/* What is in it has been seen to. */
static inline __attribute__((always_inline)) void
page_own(uint32_t acct, const struct guard *guard, uint32_t kind, exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];
	uint64_t maker = maker_id();

	assert(p->kind == EXO_PG_FREE);
	list_remove(&machine.free_head, ppn);
	machine.free_frames--;
	p->kind = (uint8_t)kind;
	p->flags = kind & EXO_KIND_LIVE ? EXO_PF_LIVE : 0;
	p->account = acct;
	p->maker = EXO_INDEX(maker);
	p->maker_gen = EXO_GEN(maker);
	page_guards[ppn] = *guard;
	list_add(&accts[acct].frames, ppn);
	acct_charge(acct, EXO_RES_FRAMES, 1);
}

void
page_take(uint32_t acct, const struct guard *guard, uint32_t kind, exo_ppn ppn)
{
	check_poisoned(ppn);
	page_fill(ppn, kind & ~EXO_KIND_LIVE);
	page_own(acct, guard, kind, ppn);
}

/* Is it known, from its kind alone, to hold zeroes once nothing uses it? */
static bool
page_left_zero(exo_ppn ppn)
{
	const struct exo_page *p = &pages[ppn];
	uint64_t *e = page_kva(ppn);

	if (p->kind == EXO_PG_PT4)
		for (unsigned i = 0; i < AS_KERNEL_ENTRIES; i++)
			e[as_kernel_index[i]] = 0;
	return page_is_table(p) || p->kind == EXO_PG_RMAP;
}

void
page_release(exo_ppn ppn)
{
	struct exo_page *p = &pages[ppn];
	bool zero = page_left_zero(ppn) && !CHECK_FREED;

	assert(page_owned(ppn) && page_idle(ppn));
	as_changes++;
	if (p->companion != 0)
		pages[p->companion].companion = 0;
	check_poison(ppn);
	list_remove(&accts[p->account].frames, ppn);
	acct_refund(p->account, EXO_RES_FRAMES, 1);
	*p = (struct exo_page){ .flags = zero ? EXO_PF_ZERO : 0,
	    .epoch = p->epoch + 1 };
	page_guards[ppn] = (struct guard){ .serial = 0 };
	list_add(&machine.free_head, ppn);
	machine.free_frames++;
}

/* Does nothing depend on what is in it?  An RMAP frame goes after its PT1. */
static bool
page_vacant(const struct exo_page *p)
{
	return p->refs == 0 &&
	    (p->entries == 0 || p->kind == EXO_PG_PROG ||
	    p->kind == EXO_PG_REGION) &&
	    (p->kind != EXO_PG_RMAP || p->companion == 0);
}

/* Does nothing refer to it? */
bool
page_idle(exo_ppn ppn)
{
	const struct exo_page *p = &pages[ppn];

	return p->maps == 0 && p->uses == 0 && page_vacant(p);
}

bool
page_takeable(exo_ppn ppn)
{
	const struct exo_page *p = &pages[ppn];

	return p->pins == 0 && page_vacant(p);
}

void
page_boot(exo_ppn ppn, uint32_t kind)
{
	struct exo_page *p = &pages[ppn];
	uint32_t k = kind & ~EXO_KIND_LIVE;

	p->kind = (uint8_t)k;
	p->flags = kind & EXO_KIND_LIVE ? EXO_PF_LIVE : 0;
	p->maker = EXO_NONE;
	if (k == EXO_PG_FREE) {
		p->maker = 0;
		list_add(&machine.free_head, ppn);
		machine.free_frames++;
	} else if (k == EXO_PG_DATA) {
		list_add(&accts[ACCT_ROOT].frames, ppn);
		acct_charge(ACCT_ROOT, EXO_RES_FRAMES, 1);
	}
}

/*
 * Pins.
 */
bool
page_pinnable(exo_ppn ppn)
{
	return pages[ppn].pins < PINS_MAX;
}

void
page_pin(exo_ppn ppn)
{
	assert(page_pinnable(ppn));
	pages[ppn].pins++;
	pages[ppn].uses++;
}

void
page_unpin(exo_ppn ppn)
{
	assert(pages[ppn].pins > 0);
	pages[ppn].pins--;
	pages[ppn].uses--;
}

long
page_for_record(exo_ppn ppn, enum exo_kind kind)
{
	if (ppn == 0 || ppn >= npages)
		return -EXO_E_ARG;
	if (pages[ppn].kind != kind)
		return -EXO_E_TYPE;
	if (!page_made_here(ppn))
		return -EXO_E_REACH;
	return page_idle(ppn) ? 0 : -EXO_E_BUSY;
}

/*
 * A kernel write is a writable use (design 5): no executable mapping beside
 * it, and none by the frame's old name.
 */
long
page_bindable(exo_ppn ppn, exo_slot slot)
{
	const struct exo_page *p;
	long r;

	if (ppn == 0 || ppn >= npages)
		return -EXO_E_ARG;
	p = &pages[ppn];
	if (p->kind != EXO_PG_DATA || (p->flags & EXO_PF_LIVE) == 0)
		return -EXO_E_TYPE;
	r = cap_check(slot, &page_guards[ppn].name, EXO_R_WRITE);
	if (r < 0)
		return r;
	if (p->flags & (EXO_PF_BOUND | EXO_PF_REGUARD) || p->execs > 0 ||
	    !page_pinnable(ppn))
		return -EXO_E_BUSY;
	return 0;
}

void
page_bind(exo_ppn ppn)
{
	pages[ppn].flags |= EXO_PF_BOUND;
	page_pin(ppn);
}

void
page_unbind(exo_ppn ppn)
{
	pages[ppn].flags &= ~EXO_PF_BOUND;
	page_unpin(ppn);
}

/*
 * Calls.
 */
static bool
range_ok(exo_ppn ppn, uint64_t n)
{
	return ppn != 0 && ppn < npages && n != 0 && n <= EXO_BATCH_MAX &&
	    n <= npages - ppn;
}

/*
 * page_alloc: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE dying; ARG kind, n,
 * ppn; SLOT guard; BUSY a frame is taken; QUOTA.
 */
long
sys_page_alloc(exo_id acct, exo_slot slot, exo_slot guard, uint32_t kind,
    exo_ppn ppn, uint64_t n)
{
	long a = acct_charging(acct, slot), r;
	struct guard g;
	uint64_t i;

	if (a < 0)
		return a;
	if (!kind_allocable(kind) || !range_ok(ppn, n))
		return -EXO_E_ARG;
	r = cap_guard(guard, &g);
	for (i = 0; r == 0 && i < n; i++) {
		if (pages[ppn + i].kind != EXO_PG_FREE)
			r = -EXO_E_BUSY;
		else if (!acct_room((uint32_t)a, EXO_RES_FRAMES, 1))
			r = -EXO_E_QUOTA;
		if (r < 0)
			break;
		/* Act. */
		page_take((uint32_t)a, &g, kind, ppn + (exo_ppn)i);
	}
	return i > 0 ? (long)i : r;
}

/*
 * page_copy: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE dying; ARG ppn, va;
 * SLOT guard; BUSY; QUOTA; ADDR.  It is a page, so what is there at its
 * beginning is there to its end.
 */
long
sys_page_copy(exo_id acct, exo_slot slot, exo_slot guard, exo_ppn ppn,
    uint64_t va)
{
	long a = acct_charging(acct, slot), r;
	struct guard g;
	uint64_t word;

	if (a < 0)
		return a;
	if (!range_ok(ppn, 1) || va % EXO_PAGE != 0)
		return -EXO_E_ARG;
	r = cap_guard(guard, &g);
	if (r < 0)
		return r;
	if (pages[ppn].kind != EXO_PG_FREE)
		return -EXO_E_BUSY;
	if (!acct_room((uint32_t)a, EXO_RES_FRAMES, 1))
		return -EXO_E_QUOTA;
	r = user_read(&word, va, sizeof(word));
	if (r < 0)
		return r;
	/* Act. */
	check_poisoned(ppn);
	r = user_read(page_kva(ppn), va, EXO_PAGE);
	assert(r == 0);
	page_own((uint32_t)a, &g, EXO_PG_DATA, ppn);
	return 0;
}

/*
 * page_free: ARG; per frame: TYPE free already, kernel, device; SLOT, DENIED,
 * RIGHTS (FREE); BUSY mapped, in use, referenced or not empty.
 */
long
sys_page_free(exo_slot slot, exo_ppn ppn, uint64_t n)
{
	uint64_t i, serial = 0;
	long r = 0;

	if (!range_ok(ppn, n))
		return -EXO_E_ARG;
	for (i = 0; i < n; i++, ppn++) {
		const struct guard *g = &page_guards[ppn];

		if (!page_owned(ppn))
			r = -EXO_E_TYPE;
		else if (i == 0 || g->serial != serial)
			r = cap_check(slot, &g->name, EXO_R_FREE);
		if (r == 0 && !page_idle(ppn))
			r = -EXO_E_BUSY;
		if (r < 0)
			break;
		serial = g->serial;
		/* Act. */
		page_release(ppn);
	}
	return i > 0 ? (long)i : r;
}
