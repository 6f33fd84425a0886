/*
 * main.c - Leda begins: rows, memory, a slice, the program; then it only
 * answers upcalls.
 *
 *	leda PATH [argument ...]	exit word: the program's status, or
 *					128 + the signal that Linux would give
 */
#include "leda.h"

/* start.asm counts on it. */
_Static_assert(offsetof(struct exo_regs, rip) -
    offsetof(struct exo_regs, r11) == 48, "ABI");
_Static_assert(offsetof(struct exo_regs, r11) == 11 * 8, "ABI");

const struct exo_start *me;

_Noreturn void	leda_main(const struct exo_start *start);
void	leda_upcall(struct exo_regs *r, uint32_t kind);

static _Noreturn void
die(const char *text, size_t n, uint64_t status)
{
	console_say(text, n);
	leda_exit(status);
}
#define DIE(text, status)	die("leda: " text "\n", sizeof(text) + 6, status)

/*
 * Foreign calls and exceptions come to us.  The start of a slice does not:
 * then the program goes on where it was, and start.asm needs no more than a
 * word.
 */
static void
rows_set(void)
{
	static const uint8_t ours[] = { EXO_CLASS_FAULT, EXO_CLASS_EXCEPTION,
		EXO_CLASS_FOREIGN };

	for (size_t i = 0; i < sizeof(ours); i++) {
		if (kernel6(EXO_NR_domain_row, me->domain, me->domain_slot,
		    ours[i], EXO_ACT_SELF, 0, 0) < 0)
			leda_exit(127);
	}
}

/* Time of its own, if a position is free; else it lives on its maker's. */
static void
slice_take(void)
{
	uint32_t n = EXO_MACHINE->nslices;

	for (uint32_t i = 0; i < n; i++) {
		if (EXO_SLICES[i].account != EXO_NONE ||
		    kernel6(EXO_NR_slice_alloc, me->acct, me->acct_slot,
		    me->memory_slot, i, 0, 0) < 0)
			continue;
		(void)kernel6(EXO_NR_slice_set, me->memory_slot, i, me->env,
		    me->env_slot, 0, 0);
		return;
	}
}

_Noreturn void
leda_main(const struct exo_start *start)
{
	struct program p;
	const char *path = start->args;
	long r;

	me = start;
	rows_set();
	if (me->argc < 2)
		DIE("PATH [argument ...]", 2);
	while (*path++ != '\0')
		;
	if (memory_init() < 0)
		DIE("no memory", 126);
	slice_take();
	r = program_load(path, &p);
	if (r == -L_ENOENT)
		DIE("no such program", 127);
	if (r < 0)
		DIE("not a program that it can run", 126);
	brk_first = brk_now = p.brk;
	leda_enter(p.entry, program_stack(&p));
}

/* The signal that Linux would send for an exception. */
static uint64_t
signal_of(uint32_t vector)
{
	return vector == 0 || vector == 16 || vector == 19 ? 8 :
	    vector == 6 ? 4 : vector == 1 || vector == 3 ? 5 : 11;
}

void
leda_upcall(struct exo_regs *r, uint32_t kind)
{
	if (kind == EXO_K_FOREIGN)
		r->rax = (uint64_t)linux_call(r);
	else if (kind != EXO_K_TRAP + 14 || !page_fault(r->addr, r->err))
		DIE("the program was ended by an exception", 128 +
		    signal_of(kind - EXO_K_TRAP));
}
