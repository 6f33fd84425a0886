/* cap.h - slots and the one check (cap.c). */
#ifndef CAP_H
#define CAP_H

#include "object.h"
#include "pure/dominance.h"

/* A slot table's frame. */
struct slots {
	struct exo_cap cap[EXO_SLOTS_PER_TABLE];
	/*
	 * EXO_SLOT_CAP: a number that no other filling of any slot had, so
	 * that equal serials mean equal names.  EXO_SLOT_OPEN: the domain
	 * that may fill it.
	 */
	uint64_t serial[EXO_SLOTS_PER_TABLE];
};
_Static_assert(sizeof(struct slots) <= 4096, "a frame");

/* A guard: a name, and the serial of the slot that it came from. */
struct guard {
	struct exo_cap name;
	uint64_t serial;
};

/* The slot's capability in the running domain, or NULL. */
const struct exo_cap *cap_slot(exo_slot slot);

/*
 * May the running domain, by this slot, use rights `need` on what is guarded
 * by this name?  Errors: SLOT, DENIED, RIGHTS.
 */
long cap_check(exo_slot slot, const struct exo_cap *guard, uint32_t need)
    MUST_USE;

/*
 * All the rights that the running domain has, by this slot, on what is guarded
 * so.  Errors: SLOT, DENIED.
 */
MUST_USE static inline long
cap_rights(exo_slot slot, const struct guard *guard)
{
	const struct exo_cap *c = cap_slot(slot);

	if (c == NULL)
		return -EXO_E_SLOT;
	if (!cap_dominates(c, &guard->name))
		return -EXO_E_DENIED;
	return c->rights;
}

/* The name in a slot, to guard something with.  Error: SLOT. */
long cap_guard(exo_slot slot, struct guard *out) MUST_USE;

/* Give the first domain a slot table, with the root capability in slot 0. */
void cap_boot(struct domain *d, exo_ppn ppn);
/* And all rights on a name, in another. */
void cap_boot_add(exo_ppn ppn, uint32_t index, const struct guard *name);
/* For a name that comes from no slot; 0 is the root's, at boot. */
uint64_t cap_serial(void);

/* The tables of a dying domain. */
void cap_unbind_all(struct domain *d);

#endif
