/* offsets.c - constants of the ABI for Castor's assembly; never linked. */
#include <exo/start.h>
#include <exo/syscall.h>

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
}
