/* rtc.h - the clock of days that runs while the machine is off. */
#ifndef KERNEL_DEV_RTC_H
#define KERNEL_DEV_RTC_H

#include <stdint.h>

/* Seconds since 1970 (UTC); 0: there is no clock that makes sense. */
uint64_t rtc_read(void);

#endif
