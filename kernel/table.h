/* table.h - the published tables that are not of one resource (table.c). */
#ifndef TABLE_H
#define TABLE_H

#include "object.h"

extern struct exo_machine machine;
extern struct exo_counters counters;
extern struct exo_trace trace_ring[];

struct boot_info;

/* len bytes at offset of a published table, for the kernel.  Error: ARG. */
long table_window(uint32_t table, uint64_t offset, uint64_t len,
    uint8_t **kva) MUST_USE;

void table_boot(const struct boot_info *b);
void trace_switch(bool on);
uint64_t fresh_number(void);		/* never given out before */
void trace_write(enum exo_trace_kind kind, uint32_t call);

static inline void
trace_add(enum exo_trace_kind kind, uint32_t call)
{
	if (machine.trace_on)
		trace_write(kind, call);
}

#endif
