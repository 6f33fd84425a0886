/*
 * hw.h - as much of a CPU as seats and chains need, in place of kernel/hw.h.
 */
#ifndef HW_H
#define HW_H

#include <stdint.h>

static struct {
	uint64_t cr3, cr2;
	uint64_t fsbase, gsbase;
	uint64_t fp;			/* for all of the FP state */
	uint64_t tsc;
} hw;

static inline uint64_t
hw_tsc(void)
{
	return ++hw.tsc;
}

static inline void
hw_trap_frame(const void *end)
{
	(void)end;
}

static inline uint64_t
hw_cr2(void)
{
	return hw.cr2;
}

static inline uint64_t
hw_cr3(void)
{
	return hw.cr3;
}

static inline void
hw_set_cr3(uint64_t v)
{
	hw.cr3 = v;
}

static inline void
hw_bases(uint64_t *fsbase, uint64_t *gsbase)
{
	*fsbase = hw.fsbase;
	*gsbase = hw.gsbase;
}

static inline void
hw_env_save(uint64_t *fsbase, uint64_t *gsbase, void *fp)
{
	hw_bases(fsbase, gsbase);
	*(uint64_t *)fp = hw.fp;
}

static inline void
hw_env_load(uint64_t fsbase, uint64_t gsbase, const void *fp)
{
	hw.fsbase = fsbase;
	hw.gsbase = gsbase;
	hw.fp = *(const uint64_t *)fp;
}

#endif
