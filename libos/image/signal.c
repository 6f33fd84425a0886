/*
 * signal.c - signals: what traps become, and what the program hears of them.
 */
#include <castor/print.h>
#include <castor/upcall.h>

#include "area.h"
#include "signal.h"

extern const char user_copy_first[], user_copy_last[], user_copy_fault[];

int	trap(struct exo_regs *, uint64_t);
void	deliver_fault(struct exo_regs *);
void	deliver_slice(struct exo_regs *);

/* Castor's own code: where it reads the program's memory it is told so. */
static void
trap_inside(struct exo_regs *r, uint64_t kind)
{
	if (r->rip >= (uint64_t)user_copy_first &&
	    r->rip < (uint64_t)user_copy_last) {
		r->rip = (uint64_t)user_copy_fault;
		return;
	}
	image_die("trap %lu at %lx, address %lx, error %lx",
	    kind - EXO_K_TRAP, r->rip, r->addr, r->err);
}

/* From entry.asm, on the upcall frame: 0: go on; 1: deliver_fault next. */
int
trap(struct exo_regs *r, uint64_t kind)
{
	if (kind == EXO_K_TRAP + TRAP_PAGE && pager_fault(r->addr, r->err))
		return 0;
	if (SLOT_OF(r->rip) >= TEXT_SLOT) {
		trap_inside(r, kind);
		return 0;
	}
	return 1;
}

void
deliver_fault(struct exo_regs *r)
{
	image_die("the program: address %lx, rip %lx, error %lx", r->addr,
	    r->rip, r->err);
}

void
deliver_slice(struct exo_regs *r)
{
	(void)r;
}

void
signal_check(struct exo_regs *r, uint64_t nr)
{
	(void)r;
	(void)nr;
}
