/* offsets.c - constants of the ABI for Castor's assembly; never linked. */
#include <castor/seat.h>
#include <exo/start.h>
#include <exo/syscall.h>
#include <exo/tables.h>
#include <exo/trap.h>

#include "commons/wait.h"

#define CONSTANT(name, value)						      \
	__asm__ volatile("->" #name " %0" : : "i"((long)(value)))

void	offsets(void);

void
offsets(void)
{
	CONSTANT(UPCALL_AT, EXO_START_UPCALL_AT);
	CONSTANT(NR_ENTER, EXO_NR_BASE + EXO_NR_enter);
	CONSTANT(NR_CALL, EXO_NR_BASE + EXO_NR_call);
	CONSTANT(NR_REPLY, EXO_NR_BASE + EXO_NR_reply);
	CONSTANT(SEAT_SHIFT, __builtin_ctzl(SEAT_SPAN));
	CONSTANT(SEAT_STACK, SEAT_STACK);
	CONSTANT(SEAT_CRITICAL, SEAT_UPCALL(0) +
	    __builtin_offsetof(struct exo_upcall, critical));
	CONSTANT(SEAT_SIZE, sizeof(struct seat));
	CONSTANT(SEAT_WAITS, __builtin_offsetof(struct seat, waits));
	CONSTANT(CM_OP_MAX, CM_OP_MAX);
	CONSTANT(MACHINE_DEATHS, EXO_PUB_AT(0) +
	    __builtin_offsetof(struct exo_machine, deaths));
	CONSTANT(REGS_RIP, __builtin_offsetof(struct exo_regs, rip));
	CONSTANT(REGS_RSP, __builtin_offsetof(struct exo_regs, rsp));
}
