/* offsets.c - constants for the image's assembly; never linked. */
#include <castor/lwc.h>

#include "wait.h"

#include <stddef.h>

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
	CONSTANT(K_CALL, EXO_K_CALL);
	CONSTANT(K_REFUSED, EXO_K_REFUSED);
	CONSTANT(E_DENIED, EXO_E_DENIED);
	CONSTANT(K_START, EXO_K_START);
	CONSTANT(LWC_AT, LWC_SWITCH_AT - TEXT);
	CONSTANT(LWC_REGISTERS, LWC_NR_registers);
	CONSTANT(OWN_START, OWN_START);
	CONSTANT(P_GS, offsetof(struct thread, stand.gsbase));
	CONSTANT(P_FS, offsetof(struct thread, stand.fsbase));
	CONSTANT(P_RBP, offsetof(struct thread, stand.rbp));
	CONSTANT(P_RIP, offsetof(struct thread, stand.rip));
	CONSTANT(P_RSP, offsetof(struct thread, stand.rsp));
	CONSTANT(K_FOREIGN, EXO_K_FOREIGN);
	CONSTANT(K_SLICE, EXO_K_SLICE);
	CONSTANT(BLOCK_SIZE, BLOCK_SIZE);
	CONSTANT(BLOCK_UPCALL, BLOCK_UPCALL);
	CONSTANT(THREAD_SIZE, THREAD_SIZE);
	CONSTANT(THREADS_MAX, THREADS_MAX);
	CONSTANT(T_RESUME, offsetof(struct thread, resume));
	CONSTANT(T_STUB, offsetof(struct thread, stub));
	CONSTANT(T_FSBASE, offsetof(struct thread, fsbase));
	CONSTANT(T_TID, offsetof(struct thread, tid));
	CONSTANT(T_BLOCKED, offsetof(struct thread, blocked));
	CONSTANT(BLOCK_WINDOW, BLOCK_WINDOW);
	CONSTANT(W_READING, offsetof(struct cm_window, reading));
	CONSTANT(T_HANDLE, offsetof(struct thread, handle));
	CONSTANT(CM_REFUSED, CM_REFUSED);
	CONSTANT(W_PENDING, offsetof(struct cm_window, pending));
	CONSTANT(REGS_SIZE, sizeof(struct exo_regs));
	CONSTANT(REGS_FRAME, offsetof(struct exo_regs, r11));
	CONSTANT(CALLS, CALLS_MAX);
	CONSTANT(EFAULT, EFAULT);
	CONSTANT(E_RESTART, E_RESTART);
	CONSTANT(EXO_PAGE, EXO_PAGE);
}
