/* power.h - the end of a run. */
#ifndef KERNEL_DEV_POWER_H
#define KERNEL_DEV_POWER_H

/* Status 0 is a clean end; anything else tells tools/run of a failure. */
_Noreturn void	power_off(int status);

#endif
