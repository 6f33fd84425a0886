/*
 * hostile_device.c - console, machine and trace against bad arguments; numbers
 * that name no call.
 *
 * run: --mem 64M
 */
#include "hostile.h"

static exo_slot
device(uint32_t comp)
{
	return (exo_slot)must(slot_derive(self->root_slot, EXO_R_ALL, comp));
}

HOSTILE(console_write, arguments)
{
	exo_slot c = device(EXO_START_CONSOLE), m = device(EXO_START_MACHINE);
	const uint64_t a = (uint64_t)good_page();

	REFUSED_CAP(exo_console_write(s, a, 1), c, EXO_R_WRITE);
	REFUSED(exo_console_write(m, a, 1), DENIED);
	REFUSED(exo_console_write(c, a, 513), ARG);
	REFUSED(exo_console_write(c, a, ~0ul), ARG);
	REFUSED(exo_console_write(c, a, 1ul << 32), ARG);
	REFUSED(exo_console_write(c, a, 1ul << 63), ARG);
	REFUSED_ADDR_RO(exo_console_write(c, p, 512), 512);
	EQ(exo_console_write(c, a, 0), 0);
	slot_put(m);
	slot_put(c);
}

HOSTILE(console_read, arguments)
{
	exo_slot c = device(EXO_START_CONSOLE), m = device(EXO_START_MACHINE);
	const uint64_t a = (uint64_t)good_page();

	REFUSED_CAP(exo_console_read(s, a, 1), c, EXO_R_READ);
	REFUSED(exo_console_read(m, a, 1), DENIED);
	REFUSED(exo_console_read(c, a, 513), ARG);
	REFUSED(exo_console_read(c, a, ~0ul), ARG);
	REFUSED(exo_console_read(c, a, 1ul << 32 | 1), ARG);
	REFUSED_ADDR_RW(exo_console_read(c, p, 512), 512);
	EQ(exo_console_read(c, a, 0), 0);
	slot_put(m);
	slot_put(c);
}

HOSTILE(machine_off, rights)
{
	exo_slot c = device(EXO_START_CONSOLE), m = device(EXO_START_MACHINE);

	REFUSED_CAP(exo_machine_off(s, 3), m, EXO_R_USE);
	REFUSED(exo_machine_off(c, 3), DENIED);
	REFUSED(exo_machine_off(self->memory_slot, 3), DENIED);
	slot_put(m);
	slot_put(c);
}

HOSTILE(trace_set, rights)
{
	exo_slot c = device(EXO_START_CONSOLE), m = device(EXO_START_MACHINE);

	REFUSED_CAP(exo_trace_set(s, 1), m, EXO_R_USE);
	REFUSED(exo_trace_set(c, 1), DENIED);
	REFUSED(exo_trace_set(self->memory_slot, 1), DENIED);
	EQ(exo_trace_set(m, 0xffffffffu), 0);
	EQ(EXO_MACHINE->trace_on, 1);
	EQ(exo_trace_set(m, 0), 0);
	EQ(EXO_MACHINE->trace_on, 0);
	slot_put(m);
	slot_put(c);
}

#define IS_CALL(nr, how, name, params, names)	[nr] = true,
static const bool is_call[256] = { EXO_SYSCALLS(IS_CALL) };

/* Each number of the native range that is none, with the trace on and off. */
static void
attack_numbers(void)
{
	for (uint64_t nr = 0; nr < 256; nr++) {
		if (is_call[nr])
			continue;
		EQ(exo_raw0(EXO_NR_BASE + nr), -EXO_E_CALL);
		EQ(exo_raw6((EXO_NR_BASE + nr) | JUNK, ~0ul, ~0ul, ~0ul,
		    ~0ul, ~0ul, ~0ul), -EXO_E_CALL);
	}
}

HOSTILE(null, numbers)
{
	exo_slot m = device(EXO_START_MACHINE);

	EQ(exo_null(), 0);
	EQ(exo_raw6(NR(null) | JUNK, ~0ul, ~0ul, ~0ul, ~0ul, ~0ul, ~0ul), 0);
	REFUSED(exo_raw0(EXO_NR_BASE + EXO_NR_MAX), CALL);
	REFUSED(exo_raw0(EXO_NR_BASE + 255), CALL);
	attack_numbers();
	must(exo_trace_set(m, 1));
	attack_numbers();
	EQ(exo_raw6(NR(null) | JUNK, ~0ul, ~0ul, ~0ul, ~0ul, ~0ul, ~0ul), 0);
	must(exo_trace_set(m, 0));
	slot_put(m);
}

static uint64_t foreign;

__attribute__((target("general-regs-only"))) static bool
foreign_call(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	foreign++;
	r->rax = ~r->rax;
	return true;
}

/* Any other number is foreign, not native: an upcall. */
HOSTILE(null, foreign_numbers)
{
	static const uint64_t nr[] = { 0, 1, 231, EXO_NR_BASE - 1,
	    EXO_NR_BASE + 256, 0x57ffffff, 0x80000000u | EXO_NR_BASE,
	    0xffffffffu, 0x7fffffffu, ~EXO_NR_MASK };
	const uint32_t n = sizeof(nr) / sizeof(nr[0]);

	must(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_FOREIGN, EXO_ACT_SELF));
	(void)upcall_set(EXO_K_FOREIGN, foreign_call);
	foreign = 0;
	for (uint32_t i = 0; i < n; i++) {
		EQ(exo_raw0(nr[i]), ~nr[i]);
		/* eax holds the number; what is above is lost. */
		EQ(exo_raw6(nr[i] | JUNK, 1, 2, 3, 4, 5, 6), ~nr[i]);
	}
	EQ(foreign, 2 * n);
	(void)upcall_set(EXO_K_FOREIGN, NULL);
	must(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_FOREIGN, EXO_ACT_PASS));
}
