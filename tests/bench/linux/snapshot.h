/*
 * snapshot.h - a context that is made and closed, with pages written between:
 * in lwc.c of a small process, in big.c of a large one.
 */
#ifndef BENCH_SNAPSHOT_H
#define BENCH_SNAPSHOT_H

#include <castor/lwc.h>

#include "row.h"

static void
create_close(volatile char *pages, uint64_t dirty)
{
	long c = lwc_create(NULL, 0, NULL, NULL, NULL, 0);

	for (uint64_t i = 0; i < dirty; i++)
		pages[i * 4096] = 1;
	if (lwc_close((int)c) != 0) {
		printf("not ok: no context\n");
		exit(1);
	}
}

#endif
