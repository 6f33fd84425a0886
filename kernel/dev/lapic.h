/* lapic.h - the local APIC: end of slice, and the speed of the clocks. */
#ifndef KERNEL_DEV_LAPIC_H
#define KERNEL_DEV_LAPIC_H

#include <stdint.h>

extern uint64_t tsc_hz;			/* time stamp counter, measured */
extern uint64_t lapic_hz;		/* LAPIC timer, as divided */

void	 lapic_init(void);		/* also masks the 8259s for good */
void	 lapic_timer_start(uint32_t hz);	/* periodic, VEC_TIMER */
void	 lapic_eoi(void);

#endif
