/*
 * direct.h - the kernel's view of frames, on the host: each one is a block of
 * its own, which is freed, and replaced, when the frame is given back, so that
 * ASan sees who still uses it.
 *
 * Included before the kernel's files, in place of kernel/direct.h.
 */
#ifndef DIRECT_H
#define DIRECT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <exo/types.h>

#define NFRAMES		128u		/* frame 0 is no memory */

static void *frame_kva[NFRAMES];

static inline void *
page_kva(exo_ppn ppn)
{
	return frame_kva[ppn];
}

static inline exo_ppn
kva_page(const void *kva)
{
	uintptr_t at = (uintptr_t)kva & ~(EXO_PAGE - 1);

	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++)
		if ((uintptr_t)frame_kva[ppn] == at)
			return ppn;
	abort();
}

static inline void
page_zero(exo_ppn ppn)
{
	memset(frame_kva[ppn], 0, EXO_PAGE);
}

static inline void
frame_renew(exo_ppn ppn)
{
	free(frame_kva[ppn]);
	if (posix_memalign(&frame_kva[ppn], EXO_PAGE, EXO_PAGE) != 0)
		abort();
	memset(frame_kva[ppn], 0xa5, EXO_PAGE);
}

#endif
