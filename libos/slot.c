/*
 * slot.c - free slots of slot table 0.
 */
#include <castor/self.h>
#include <castor/slot.h>

static uint8_t taken[EXO_SLOTS_PER_TABLE];

exo_slot
slot_take(void)
{
	for (exo_slot s = self->free_slot; s < EXO_SLOTS_PER_TABLE; s++) {
		if (!__atomic_exchange_n(&taken[s], 1, __ATOMIC_ACQUIRE))
			return EXO_SLOT(0, s);
	}
	return EXO_NONE;
}

void
slot_put(exo_slot slot)
{
	if (slot >= EXO_SLOTS_PER_TABLE || !taken[slot])
		return;
	(void)!exo_cap_drop(slot);
	__atomic_store_n(&taken[slot], 0, __ATOMIC_RELEASE);
}

long
slot_derive(exo_slot src, uint32_t rights, uint32_t comp)
{
	exo_slot dst = slot_take();
	long r;

	if (dst == EXO_NONE)
		return -EXO_E_FULL;
	r = exo_cap_derive(src, dst, rights, comp);
	if (r < 0) {
		slot_put(dst);
		return r;
	}
	return dst;
}
