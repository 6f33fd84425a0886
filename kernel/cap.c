/*
 * cap.c - capabilities: slot tables and the one check.
 *
 * A capability is a name and rights in a slot of a table that a domain has
 * bound.  The kernel never says which to hold; it says what a held one opens.
 *
 * Invariants: (1) rights never grow along a derivation, but on a fresh child,
 *		   whose name nobody had before.
 *	       (2) equal serials are equal names.
 *	       (3) an unbound SLOTS frame holds what page_alloc (zeroes) or
 *		   slots_clone put there: the last unbinding erases it, so that
 *		   its maker does not inherit what its user was given.
 *	       (4) slot_ppn[] != 0 is a SLOTS frame with a pin for it.
 * Guarded by: being the running domain's.  Published: which tables are bound
 * (EXO_DOMAINS), never what they hold.
 */
#include "as.h"
#include "cap.h"
#include "domain.h"
#include "panic.h"
#include "pure/dominance.h"
#include "sys.h"
#include "table.h"
#include "user.h"

static uint64_t serials;		/* the last one used; 0: the root */

uint64_t
cap_serial(void)
{
	return ++serials;
}

/* A slot of a domain's, whatever is in it. */
struct slot {
	struct exo_cap *cap;
	uint64_t *serial;
};

static bool
slot_find(struct domain *d, exo_slot slot, struct slot *out)
{
	uint32_t table = slot >> 8, i = slot & 0xff;
	struct slots *t;

	if (table >= EXO_SLOT_TABLES || i >= EXO_SLOTS_PER_TABLE ||
	    d->slot_ppn[table] == 0)
		return false;
	t = page_kva(d->slot_ppn[table]);
	out->cap = &t->cap[i];
	out->serial = &t->serial[i];
	return true;
}

/* Only with a capability in it. */
static bool
slot_held(exo_slot slot, struct slot *out)
{
	return slot_find(cur_domain(), slot, out) &&
	    out->cap->kind == EXO_SLOT_CAP;
}

static void
slot_empty(const struct slot *s)
{
	as_changes++;
	*s->cap = (struct exo_cap){ .kind = EXO_SLOT_EMPTY };
	*s->serial = 0;
}

const struct exo_cap *
cap_slot(exo_slot slot)
{
	struct slot s;

	return slot_held(slot, &s) ? s.cap : NULL;
}

long
cap_check(exo_slot slot, const struct exo_cap *guard, uint32_t need)
{
	const struct exo_cap *c = cap_slot(slot);

	if (c == NULL)
		return -EXO_E_SLOT;
	if (!cap_dominates(c, guard))
		return -EXO_E_DENIED;
	if ((c->rights & need) != need)
		return -EXO_E_RIGHTS;
	return 0;
}

long
cap_guard(exo_slot slot, struct guard *out)
{
	struct slot s;

	if (!slot_held(slot, &s))
		return -EXO_E_SLOT;
	out->name = *s.cap;
	out->name.rights = 0;		/* a guard is a name */
	out->serial = *s.serial;
	return 0;
}

/*
 * Errors: ARG comp or rights; SLOT src; SLOT dst; FULL; RIGHTS; QUOTA.
 */
long
sys_cap_derive(exo_slot src, exo_slot dst, uint32_t rights, uint32_t comp)
{
	struct slot from, to;
	struct exo_cap child;
	bool fresh = comp == EXO_COMP_FRESH;

	if (comp > EXO_COMP_SAME && !fresh)
		return -EXO_E_ARG;
	if ((rights & ~EXO_R_ALL) != 0 || (fresh && rights != EXO_R_ALL))
		return -EXO_E_ARG;
	if (!slot_held(src, &from))
		return -EXO_E_SLOT;
	if (!slot_find(cur_domain(), dst, &to))
		return -EXO_E_SLOT;
	if (to.cap->kind != EXO_SLOT_EMPTY)
		return -EXO_E_FULL;
	if (fresh ? !(from.cap->rights & EXO_R_MINT) :
	    (rights & ~from.cap->rights) != 0)
		return -EXO_E_RIGHTS;
	if (!cap_child(&child, from.cap, comp, 0))	/* 0: for its length */
		return -EXO_E_QUOTA;
	/* Act. */
	if (fresh && !cap_child(&child, from.cap, comp, fresh_number()))
		panic("cap: fresh names have run out");
	child.rights = (uint16_t)rights;
	*to.cap = child;
	*to.serial = comp == EXO_COMP_SAME ? *from.serial : cap_serial();
	return 0;
}

/* Errors: SLOT; ADDR. */
long
sys_cap_read(exo_slot slot, uint64_t ptr)
{
	struct slot s;

	if (!slot_find(cur_domain(), slot, &s))
		return -EXO_E_SLOT;
	return user_write(ptr, s.cap, sizeof(*s.cap));
}

/* Errors: SLOT. */
long
sys_cap_drop(exo_slot slot)
{
	struct slot s;

	if (!slot_find(cur_domain(), slot, &s))
		return -EXO_E_SLOT;
	/* Act. */
	slot_empty(&s);
	return 0;
}

/* Errors: SLOT; FULL; NAME. */
long
sys_cap_open(exo_slot slot, exo_id from)
{
	struct slot s;

	if (!slot_find(cur_domain(), slot, &s))
		return -EXO_E_SLOT;
	if (s.cap->kind != EXO_SLOT_EMPTY)
		return -EXO_E_FULL;
	if (domain_find(from) == NULL)
		return -EXO_E_NAME;
	/* Act. */
	s.cap->kind = EXO_SLOT_OPEN;
	*s.serial = from;
	return 0;
}

/* Errors: SLOT; RIGHTS; NAME; STATE; FULL. */
long
sys_cap_give(exo_slot src, uint32_t rights, exo_id to, exo_slot dst)
{
	struct slot from, at;
	struct domain *d;

	if (!slot_held(src, &from))
		return -EXO_E_SLOT;
	if (!(from.cap->rights & EXO_R_GIVE) ||
	    (rights & ~(uint32_t)from.cap->rights) != 0)
		return -EXO_E_RIGHTS;
	d = domain_find(to);
	if (d == NULL)
		return -EXO_E_NAME;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (!slot_find(d, dst, &at) || at.cap->kind != EXO_SLOT_OPEN ||
	    *at.serial != cur_domain()->id)
		return -EXO_E_FULL;
	/* Act. */
	*at.cap = *from.cap;
	at.cap->rights = (uint16_t)rights;
	*at.serial = *from.serial;
	return 0;
}

/* ---------------------------------------------------------- whole tables */

static void
slots_attach(struct domain *d, uint32_t which, exo_ppn ppn)
{
	page_pin(ppn);
	d->slot_ppn[which] = ppn;
	d->pub->slot_tables[which] = ppn;
}

static void
slots_detach(struct domain *d, uint32_t which)
{
	exo_ppn ppn = d->slot_ppn[which];

	as_changes++;
	d->slot_ppn[which] = 0;
	d->pub->slot_tables[which] = 0;
	page_unpin(ppn);
	if (pages[ppn].pins == 0)
		page_zero(ppn);
}

/* Is it bound in the running domain? */
static bool
slots_mine(exo_ppn ppn)
{
	for (uint32_t i = 0; i < EXO_SLOT_TABLES; i++)
		if (cur_domain()->slot_ppn[i] == ppn)
			return true;
	return false;
}

/* Errors: ARG; TYPE; REACH; BUSY. */
static long
slots_bindable(exo_ppn ppn)
{
	if (ppn >= npages)
		return -EXO_E_ARG;
	if (pages[ppn].kind != EXO_PG_SLOTS)
		return -EXO_E_TYPE;
	if (!slots_mine(ppn) && page_for_record(ppn, EXO_PG_SLOTS) != 0)
		return -EXO_E_REACH;
	return page_pinnable(ppn) ? 0 : -EXO_E_BUSY;
}

/*
 * Errors: NAME; SLOT, DENIED, RIGHTS; STATE; ARG; TYPE; REACH; BUSY; EMPTY.
 */
long
sys_slots_bind(exo_id dom, exo_slot slot, uint32_t which, exo_ppn ppn)
{
	struct domain *d;
	long r = domain_check(dom, slot, EXO_R_CONTROL, &d);

	if (r != 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (which >= EXO_SLOT_TABLES)
		return -EXO_E_ARG;
	if (ppn == 0) {
		if (d->slot_ppn[which] == 0)
			return -EXO_E_EMPTY;
		/* Act. */
		slots_detach(d, which);
		return 0;
	}
	r = slots_bindable(ppn);
	if (r != 0)
		return r;
	if (d->slot_ppn[which] != 0)
		return -EXO_E_BUSY;
	/* Act. */
	slots_attach(d, which, ppn);
	return 0;
}

/* Errors: ARG; SLOT; TYPE; REACH. */
long
sys_slots_clone(uint32_t which, exo_ppn ppn)
{
	struct slots *to;
	uint32_t from;

	if (which >= EXO_SLOT_TABLES || ppn == 0 || ppn >= npages)
		return -EXO_E_ARG;
	from = cur_domain()->slot_ppn[which];
	if (from == 0)
		return -EXO_E_SLOT;
	if (pages[ppn].kind != EXO_PG_SLOTS)
		return -EXO_E_TYPE;
	if (page_for_record(ppn, EXO_PG_SLOTS) != 0)
		return -EXO_E_REACH;
	/* Act. */
	to = page_kva(ppn);
	*to = *(const struct slots *)page_kva(from);
	for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++)
		if (to->cap[i].kind != EXO_SLOT_CAP)
			slot_empty(&(struct slot){ &to->cap[i],
			    &to->serial[i] });
	return 0;
}

void
cap_unbind_all(struct domain *d)
{
	for (uint32_t i = 0; i < EXO_SLOT_TABLES; i++)
		if (d->slot_ppn[i] != 0)
			slots_detach(d, i);
}

void
cap_boot_add(exo_ppn ppn, uint32_t index, const struct guard *name)
{
	struct slots *t = page_kva(ppn);

	t->cap[index] = name->name;
	t->cap[index].rights = EXO_R_ALL;
	t->cap[index].kind = EXO_SLOT_CAP;
	t->serial[index] = name->serial;
}

void
cap_boot(struct domain *d, exo_ppn ppn)
{
	const struct guard root = { .serial = 0 };

	slots_attach(d, 0, ppn);
	cap_boot_add(ppn, 0, &root);
}
