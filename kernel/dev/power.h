/* power.h - the end of a run. */
#ifndef KERNEL_DEV_POWER_H
#define KERNEL_DEV_POWER_H

#include <stdint.h>

/* What a user said that the status is, whole (tools/run --status). */
void		power_status(uint8_t status);

/* Status 0 is a clean end; anything else tells tools/run of a failure. */
_Noreturn void	power_off(int status);

#endif
