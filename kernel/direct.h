/*
 * direct.h - frames seen through the direct map.
 *
 * tests/host has another direct.h.
 */
#ifndef DIRECT_H
#define DIRECT_H

#include <exo/types.h>

#include "kmap.h"

static inline void *
page_kva(exo_ppn ppn)
{
	return pa_kva((uint64_t)ppn << 12);
}

static inline exo_ppn
kva_page(const void *kva)
{
	return (exo_ppn)(kva_pa(kva) >> 12);
}

/* The frame is all zeroes from now on. */
static inline void
page_zero(exo_ppn ppn)
{
	void *p = page_kva(ppn);
	uint64_t n = EXO_PAGE / 8;

	__asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0ul) : "memory");
}

#endif
