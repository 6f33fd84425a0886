/*
 * child.c - another domain like this one: its slots, tables and seat.
 *
 * It is made of frames of its account's and names that are its own.  Slot 254
 * is built anew, so that neither side finds it frozen; all below is linked.
 */
#include "child.h"
#include "context.h"
#include "file.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define DOMAINS_STEP	16u

long
child_frame(const struct child *c, exo_slot guard, uint32_t kind)
{
	return frame_get_for(c->acct, c->acct_slot, guard, kind);
}

/* ---- slots */

/* Where a process that is made has its window's. */
static exo_slot
window_slot(void)
{
	return share.session_slot - 1;
}

long
child_slot(const struct child *c, exo_slot from, exo_slot to, uint32_t rights,
    uint32_t comp)
{
	return exo_cap_derive(from, EXO_SLOT(c->number, to), rights,
	    comp) < 0 ? -EAGAIN : 0;
}

static long
slots_fill(const struct child *c)
{
	long r = child_slot(c, c->name, own.domain_slot, EXO_R_ALL,
	    NAME_DOMAIN);

	if (r == 0)
		r = child_slot(c, c->name, own.memory_slot, EXO_R_ALL,
		    NAME_MEMORY);
	if (r == 0)
		r = child_slot(c, c->window_slot, window_slot(), EXO_R_READ |
		    EXO_R_WRITE, EXO_COMP_SAME);
	if (r == 0)
		r = child_slot(c, share.text_slot, share.text_slot,
		    EXO_R_READ | EXO_R_EXEC | EXO_R_GIVE, EXO_COMP_SAME);
	if (r == 0)
		r = child_slot(c, share.session_slot, share.session_slot,
		    EXO_R_RUN | EXO_R_VIEW, EXO_COMP_SAME);
	return r;
}

/* The table is bound here as long as it is being filled. */
long
child_slots(struct child *c)
{
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(own.domain)];
	long ppn = child_frame(c, c->name, EXO_PG_SLOTS);
	uint32_t i = 1;

	if (ppn < 0)
		return ppn;
	c->slots = (exo_ppn)ppn;
	while (i < EXO_SLOT_TABLES && d->slot_tables[i] != 0)
		i++;
	if (exo_slots_bind(own.domain, own.domain_slot, i, c->slots) < 0)
		return -EAGAIN;
	c->number = i;
	c->memory = EXO_SLOT(i, own.memory_slot);
	return slots_fill(c);
}

void
child_release(struct child *c)
{
	if (c->number != 0 && exo_slots_bind(own.domain, own.domain_slot,
	    c->number, 0) < 0)
		image_die("a child's slots stay");
	c->number = 0;
}

/* ---- slot 254 */

long
child_table(const struct child *c, uint32_t level)
{
	long ppn = child_frame(c, c->memory, EXO_PG_PT1 + level - 1);
	long companion;

	if (ppn < 0 || level > 1)
		return ppn;
	companion = child_frame(c, c->memory, EXO_PG_RMAP);
	if (companion < 0) {
		(void)!exo_page_free(c->memory, (exo_ppn)ppn, 1);
		return companion;
	}
	return exo_pt_companion((exo_ppn)ppn, (exo_ppn)companion) < 0 ?
	    -ENOMEM : ppn;
}

/* The root, and the path to the last-level table. */
static long
tables_make(struct child *c)
{
	long above = child_frame(c, c->memory, EXO_PG_PT4);

	if (above < 0)
		return above;
	c->root = (exo_ppn)above;
	for (uint32_t level = 3; level >= 1; level--) {
		long ppn = child_table(c, level);

		if (ppn < 0 || exo_pt_set(0, (exo_ppn)above, EXO_PT_INDEX(OWN,
		    level + 1), EXO_PTE(ppn, EXO_PTE_W), c->memory) < 0)
			return -ENOMEM;
		above = ppn;
	}
	c->last = (exo_ppn)above;
	return 0;
}

static long
page_enter(const struct child *c, uint64_t va, exo_ppn ppn, uint64_t bits,
    exo_slot slot)
{
	return exo_pt_set(0, c->last, EXO_PT_INDEX(va, 1),
	    EXO_PTE(ppn, bits | EXO_PTE_NX), slot) < 0 ? -ENOMEM : 0;
}

/* A page like the one here. */
static long
page_give(const struct child *c, uint64_t va)
{
	long ppn = frame_copy_for(c->acct, c->acct_slot, c->memory, va);

	return ppn < 0 ? ppn : page_enter(c, va, (exo_ppn)ppn, EXO_PTE_W,
	    c->memory);
}

static long
pages_give(const struct child *c, uint64_t stack)
{
	long r = 0;

	for (uint64_t va = OWN_HOT; va < OWN_HOT + OWN_HOT_PAGES * EXO_PAGE &&
	    r == 0; va += EXO_PAGE) {
		if (pt_get(va) != 0)
			r = page_give(c, va);
	}
	for (uint64_t va = PAGE_DOWN(stack); va < my_block() + BLOCK_UPCALL &&
	    r == 0; va += EXO_PAGE)
		r = page_give(c, va);
	return r;
}

long
child_own(struct child *c, uint64_t stack)
{
	long r = tables_make(c), upcall;

	if (r == 0)
		r = pages_give(c, stack);
	if (r < 0)
		return r;
	upcall = child_frame(c, c->memory, EXO_PG_DATA | EXO_KIND_LIVE);
	if (upcall < 0)
		return upcall;
	c->upcall = (exo_ppn)upcall;
	r = page_enter(c, my_block() + BLOCK_UPCALL, c->upcall, EXO_PTE_W,
	    c->memory);
	if (r == 0)
		r = page_enter(c, my_block() + BLOCK_WINDOW, c->window,
		    EXO_PTE_W, c->window_slot);
	if (r == 0)
		r = page_enter(c, OWN_VIEWS + VIEW_ROOT * EXO_PAGE, c->root, 0,
		    c->memory);
	if (r == 0)
		r = page_enter(c, OWN_VIEWS + VIEW_OWN * EXO_PAGE, c->last, 0,
		    c->memory);
	return r;
}

/* ---- what it shares */

long
child_memory(const struct child *c)
{
	const uint64_t *root = pt_root();
	uint32_t i = 0, n;

	for (; (i = pt_present(root, i, HEAP_SLOT + 1)) <= HEAP_SLOT; i += n) {
		n = 1;
		while (i + n <= HEAP_SLOT && root[i + n] != 0)
			n++;
		if (exo_pt_copy(c->root, i, SLOT_VA((uint64_t)i), n) != (long)n)
			return -ENOMEM;
	}
	return 0;
}

long
child_text(const struct child *c)
{
	return exo_pt_set(0, c->root, TEXT_SLOT, EXO_PTE(share.text, 0),
	    share.text_slot) < 0 ? -ENOMEM : 0;
}

/* ---- its domain */

long
child_domain(struct child *c)
{
	long frame = child_frame(c, c->name, EXO_PG_DOMAIN), r;

	if (frame < 0)
		return frame;
	do {
		r = exo_domain_create(c->acct, c->acct_slot,
		    EXO_SLOT(c->number, own.domain_slot), EXO_NONE,
		    (exo_ppn)frame, c->root);
	} while (r == -EXO_E_QUOTA && c->acct == own.acct &&
	    commons(CM_RAISE, EXO_RES_DOMAINS, DOMAINS_STEP, 0, 0) > 0);
	if (r < 0) {
		(void)!exo_page_free(c->name, (exo_ppn)frame, 1);
		return -EAGAIN;
	}
	c->domain = (exo_id)r;
	return 0;
}

long
child_seat(const struct child *c, exo_id env)
{
	struct exo_seat_args a = {
		.env = env,
		.entry = (uint64_t)_start,
		.stack = BLOCK_THREAD(c->thread),
		.upcall = (uint64_t)_start + EXO_START_UPCALL_AT,
		.upcall_va = my_block() + BLOCK_UPCALL,
		.upcall_ppn = c->upcall,
		.upcall_slot = c->memory,
	};

	while (EXO_DOMAINS[EXO_INDEX(c->domain)].nseats <= c->thread) {
		long ppn = child_frame(c, c->name, EXO_PG_SEATS);

		if (ppn < 0 || exo_domain_seats(c->domain, c->name,
		    (exo_ppn)ppn) < 0)
			return -ENOMEM;
	}
	return exo_seat_bind(c->domain, c->name, c->thread, (uint64_t)&a) < 0 ||
	    exo_slots_bind(c->domain, c->name, 0, c->slots) < 0 ? -EAGAIN : 0;
}

/* ---- the child's first steps */

/* Which domain it is, it finds in the tables. */
static void
own_find(void)
{
	const uint64_t *self = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	exo_ppn root = EXO_PTE_PPN(self[EXO_PT_INDEX(OWN_VIEWS +
	    VIEW_ROOT * EXO_PAGE, 1)]);
	uint32_t index = EXO_PAGES[root].parents;

	own.domain = EXO_ID(EXO_DOMAINS[index].gen, index);
	own_table = EXO_PTE_PPN(self[EXO_PT_INDEX((uint64_t)self, 1)]);
}

void
child_born(exo_ppn window)
{
	struct thread *t = me();

	own_find();
	frames_forget();
	file_forget();
	threads_forget();
	contexts_forget();
	rows_set();
	t->window = window;
	t->window_slot = window_slot();
	t->slice = EXO_NONE;
	t->futex = 0;
	signal_forked();
}
