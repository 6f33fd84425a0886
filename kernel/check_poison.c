/*
 * check_poison.c - frames that are free (CHECK=1).
 *
 * A frame that becomes free is overwritten, and looked at when it is taken
 * again: whoever still writes to it through a mapping, a TLB entry or a
 * pointer that should be gone is found out.
 */
#include "check.h"
#include "direct.h"
#include "panic.h"

#define CHECK_MAX	(1u << 17)	/* frames that there is room for */
#define POISON		0xa5a5a5a5a5a5a5a5ull

static uint8_t poisoned[CHECK_MAX];

void
check_poison(exo_ppn ppn)
{
	uint64_t *p = page_kva(ppn);

	if (ppn >= CHECK_MAX)
		return;
	for (unsigned i = 0; i < EXO_PAGE / 8; i++)
		p[i] = POISON;
	poisoned[ppn] = 1;
}

void
check_poisoned(exo_ppn ppn)
{
	const uint64_t *p = page_kva(ppn);

	if (ppn >= CHECK_MAX || !poisoned[ppn])
		return;
	poisoned[ppn] = 0;
	for (unsigned i = 0; i < EXO_PAGE / 8; i++) {
		if (p[i] != POISON)
			panic("check: free frame %u, offset %x: %lx", ppn,
			    i * 8, p[i]);
	}
}
