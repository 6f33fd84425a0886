/*
 * direct.h - the kernel's view of frames, on the host: an array.
 *
 * Included before the kernel's files, in place of kernel/direct.h.
 */
#ifndef DIRECT_H
#define DIRECT_H

#include <stdint.h>
#include <string.h>

#include <exo/types.h>

#define NFRAMES		112u		/* frame 0 is no memory */

static uint8_t frame_mem[NFRAMES][EXO_PAGE]
    __attribute__((aligned(EXO_PAGE)));

static inline void *
page_kva(exo_ppn ppn)
{
	return frame_mem[ppn];
}

static inline exo_ppn
kva_page(const void *kva)
{
	return (exo_ppn)(((uintptr_t)kva - (uintptr_t)frame_mem) / EXO_PAGE);
}

static inline void
page_zero(exo_ppn ppn)
{
	memset(frame_mem[ppn], 0, EXO_PAGE);
}

#endif
