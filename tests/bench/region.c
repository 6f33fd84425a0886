/*
 * region.c - software regions: memory smaller than a page, by calls.
 */
#include "bench.h"

#include <castor/region.h>

static uint64_t buffer[32];
static struct region_ref region;

#define CALL(what, offset, ...)						      \
	bench_call(region_##what, region.slot, region.name, region.serial,    \
	    offset, __VA_ARGS__)

TEST(regions)
{
	exo_slot name = (exo_slot)must(slot_derive(self->root_slot, EXO_R_ALL,
	    EXO_COMP_FRESH));
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_REGION));
	const uint64_t at = (uint64_t)buffer;

	must(region_make(&region, self->root_slot, ppn, 31, 0, 256, name));
	BENCH_ROW("region_read_8", .bound = "name, serial and capability "
	    "checked; eight bytes out")
		bench_take(CALL(read, 0, at, 8));
	BENCH_ROW("region_read_256", .bound = "and 256 bytes out")
		bench_take(CALL(read, 0, at, 256));
	BENCH_ROW("region_write_8", .bound = "the same checks; copied twice, "
	    "so that all of it is written or nothing")
		bench_take(CALL(write, 0, at, 8));
	BENCH_ROW("region_write_256", .bound = "256 bytes copied twice")
		bench_take(CALL(write, 0, at, 256));
	BENCH_ROW("region_cas", .bound = "the expected word in, the one found "
	    "out before it is changed") {
		buffer[0] = 0;
		must(region_write(&region, 0, buffer, 8));
		bench_take(CALL(cas, 0, at, 1));
	}
	BENCH_ROW("region_make_drop", .bound = "31 other regions looked at; "
	    "64 bytes zeroed") {
		uint64_t ticks = bench_call(region_make, self->root_slot, ppn,
		    5, 512, 64, name);

		bench_take(ticks + bench_call(region_drop, name,
		    EXO_REGION(ppn, 5), bench_result));
	}
	must(region_drop(&region));
	must(exo_page_free(self->root_slot, ppn, 1));
	slot_put(name);
}
