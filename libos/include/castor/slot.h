/*
 * castor/slot.h - which of my capability slots are free.
 *
 * Of slot table 0 only; what is given here is empty, and is dropped when it
 * comes back.  Other tables are for those who bind them.
 */
#ifndef CASTOR_SLOT_H
#define CASTOR_SLOT_H

#include <castor/sys.h>

exo_slot slot_take(void);		/* EXO_NONE: none left */
void slot_put(exo_slot slot);

/* cap_derive into a slot of its own: the slot, or an error. */
long slot_derive(exo_slot src, uint32_t rights, uint32_t comp) MUST_USE;

#endif
