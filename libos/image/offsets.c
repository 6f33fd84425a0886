/* offsets.c - constants for the image's assembly; never linked. */
#include <castor/lwc.h>

#include "signal.h"
#include "wait.h"

#include <castor/upcall.h>

#include <stddef.h>

#define CONSTANT(name, value)						      \
	__asm__ volatile("->" #name " %0" : : "i"((long)(value)))

#define UC_AT(field)	(offsetof(struct sigframe, uc) +		      \
			    offsetof(struct ucontext, field))

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
	CONSTANT(T_FAULT, offsetof(struct thread, fault));
	CONSTANT(T_RESTORES, offsetof(struct thread, restores));
	CONSTANT(T_ALT_BASE, offsetof(struct thread, alt_base));
	CONSTANT(T_ALT_SIZE, offsetof(struct thread, alt_size));
	CONSTANT(W_BLOCKED, offsetof(struct cm_window, sig_blocked));
	CONSTANT(A_HANDLER, offsetof(struct sigaction, handler));
	CONSTANT(A_FLAGS, offsetof(struct sigaction, flags));
	CONSTANT(A_RESTORER, offsetof(struct sigaction, restorer));
	CONSTANT(A_MASK, offsetof(struct sigaction, mask));
	CONSTANT(FRAME_SIZE, sizeof(struct sigframe));
	CONSTANT(UC_FLAGS, UC_AT(flags));
	CONSTANT(UC_LINK, UC_AT(link));
	CONSTANT(UC_STACK, UC_AT(stack));
	CONSTANT(UC_MASK, UC_AT(mask));
	CONSTANT(MC_R8, UC_AT(mc.r8));
	CONSTANT(MC_RDI, UC_AT(mc.rdi));
	CONSTANT(MC_RSI, UC_AT(mc.rsi));
	CONSTANT(MC_RBP, UC_AT(mc.rbp));
	CONSTANT(MC_RBX, UC_AT(mc.rbx));
	CONSTANT(MC_RDX, UC_AT(mc.rdx));
	CONSTANT(MC_RAX, UC_AT(mc.rax));
	CONSTANT(MC_RCX, UC_AT(mc.rcx));
	CONSTANT(MC_RSP, UC_AT(mc.rsp));
	CONSTANT(MC_RIP, UC_AT(mc.rip));
	CONSTANT(MC_FLAGS, UC_AT(mc.rflags));
	CONSTANT(MC_CS, UC_AT(mc.cs));
	CONSTANT(MC_SEGMENTS, 0x33 | 0x2bul << 48);
	CONSTANT(MC_ERR, UC_AT(mc.err));
	CONSTANT(MC_TRAPNO, UC_AT(mc.trapno));
	CONSTANT(MC_OLDMASK, UC_AT(mc.oldmask));
	CONSTANT(MC_CR2, UC_AT(mc.cr2));
	CONSTANT(MC_FPSTATE, UC_AT(mc.fpstate));
	CONSTANT(INFO, offsetof(struct sigframe, info));
	CONSTANT(UC_FLAGS_HERE, UC_FP_XSTATE | UC_SS);
	CONSTANT(FP_SW, FP_SW);
	CONSTANT(FP_MAGIC2, FP_MAGIC2);
	CONSTANT(TRAP_PAGE, TRAP_PAGE);
	CONSTANT(SA_RESTORER, SA_RESTORER);
	CONSTANT(SA_RESETHAND, SA_RESETHAND);
	CONSTANT(SA_NODEFER, SA_NODEFER);
	CONSTANT(SIG_IGN, SIG_IGN);
	CONSTANT(SS_DISABLE, SS_DISABLE);
	CONSTANT(UNBLOCKABLE, UNBLOCKABLE);
	CONSTANT(RED_ZONE, RED_ZONE);
	CONSTANT(FLAGS_USER, FLAGS_USER);
	CONSTANT(FLAGS_FIXED, FLAGS_FIXED);
	CONSTANT(USER_SLOTS, USER_SLOTS);
	CONSTANT(USER_SHIFT, 39);
	CONSTANT(E_RESTART, E_RESTART);
	CONSTANT(EXO_PAGE, EXO_PAGE);
}
