; entry.asm - every way in and out of the image.
;
; In: _start, where an env begins, and where it comes from another context
; (docs/lwc.md); EXO_START_UPCALL_AT bytes later _upcall, where the kernel hands
; over foreign calls, traps and slices (exo/trap.h); at TEXT + 0x80 a program
; that leaves for another context.  Out: back to the program.
;
; Stacks.  An upcall comes on the thread's upcall frame: at its top, or below
; what is in use there.  Its first part must run there, with what it saves
; above rsp, since the next upcall comes at the top as soon as rsp is elsewhere.
; System calls and whatever else may take long or fault deeply move their
; registers to Castor's stack, right below the frame, before they switch.  When
; the program runs, both are empty.
;
; Out without a red zone being touched.  A system call leaves rcx and r11 free,
; so it goes back by `jmp rcx'.  All other ways restore every register: the
; address waits in the thread's own word, and a stub per thread jumps through
; it.  An upcall between a stub's two instructions, or right before `jmp rcx',
; finds Castor's rip with the program's rsp; these places are known, and the
; upcall sees what it would have seen one jump later.  (iretq would do, but
; QEMU 7.2 has it read the stack as the kernel would, which SMAP forbids.)
;
; Neither FP state nor FS and GS are touched.  Flags of a system call are not
; kept: they are the call's to destroy, as the ABI of C has it.
bits 64
default rel

%include "offsets.inc"
%include "kept.inc"

; From r11 of a struct exo_regs on: what the kernel pushes.
F_R11	equ 0
F_RDX	equ 8
F_RCX	equ 16
F_RAX	equ 24
F_ERR	equ 32
F_ADDR	equ 40
F_RIP	equ 48
F_CS	equ 56
F_FLAGS	equ 64
F_RSP	equ 72

TF_OFF	equ ~0x100

global _start, user_copy, user_copy_first, user_copy_last
global thread_start, user_copy_fault, go, stubs, fp_save, fp_save_first, fp_save_last
global fp_load, fp_load_first, fp_load_last, fp_reset
extern image_start, fork_born, lwc_born, lwc_place, lwc_service
extern actions, fp_words, remotes, foreign, foreign_end, calls_short, trap
extern deliver_fault, deliver_slice, signals_deaf
extern calls_fast, pid, own_threads, patch_wait, only_regs

section .text.entry progbits alloc exec nowrite align=64

; rsp: where the thread's place is kept (struct thread begins with it).
_start:
	test	eax, eax		; EXO_K_ENTER
	jnz	not_entered
	fninit				; whoever left may have set them
	ldmxcsr	[fp_initial + 24]
	pop	rcx
	wrgsbase rcx
	pop	rcx
	wrfsbase rcx
	pop	rbp
	pop	rcx
	pop	rsp
arrive_jump:
	jmp	rcx
	times UPCALL_AT - ($ - _start) int3

_upcall:
	cmp	eax, K_FOREIGN
	jne	other
	mov	rax, [rsp + F_RAX]
	cmp	rax, CALLS
	jae	foreign_full
	lea	rdx, [calls_fast]
	jmp	[rdx + rax*8]

not_entered:
	jmp	entered_otherwise

	times LWC_AT - ($ - _start) int3

; To another context: rdi its place, rsi rdx r10 r8 r9 words for it, rcx where
; to come back to, with a `syscall' before it: the call is made there if it
; can't be done here, because there are several threads (then the store faults:
; trap()) or the kernel refuses.  What else was in registers is not for others.
global lwc_leave, lwc_leave_end
lwc_leave:
	mov	r11, [lwc_place]
	rdfsbase rax
	mov	[r11 + P_FS], rax
	rdgsbase rax
	mov	[r11 + P_GS], rax
	mov	[r11 + P_RBP], rbp
	mov	[r11 + P_RIP], rcx
	mov	[r11 + P_RSP], rsp
lwc_scrub:
	mov	eax, -1
	xrstor64 [fp_initial]
	zero_kept
	wrfsbase rbx
	wrgsbase rbx
	mov	eax, NR_ENTER
lwc_enter:
	syscall
lwc_refused:
	mov	r11, [lwc_place]
	mov	rax, [r11 + P_FS]
	wrfsbase rax
	mov	rax, [r11 + P_GS]
	wrgsbase rax
	mov	rbp, [r11 + P_RBP]
	mov	rcx, [r11 + P_RIP]
	mov	eax, LWC_REGISTERS
	sub	rcx, 2
	jmp	rcx
lwc_leave_end:

; ------------------------------------------------------- foreign system calls
; Those that need nothing but a word.  rax, rcx, rdx and r11 are free.
global fast_getpid, fast_gettid, foreign_full, jump_full, jump_getpid, jump_any
global jump_trap
global short_trap, fast_sigreturn, deliver_fault_by, back_first, back_last
global fault_frame_first, fault_frame_last

align 16
fast_getpid:
	dec	dword [patch_wait]
	js	foreign_full
	mov	eax, [pid]
	jmp	fast_out

align 16
fast_gettid:
	dec	dword [patch_wait]
	js	foreign_full
	mov	rcx, rsp
	and	rcx, -BLOCK_SIZE
	mov	eax, [rcx + BLOCK_UPCALL - THREAD_SIZE + T_TID]

; rsp: at r11 of a frame; rax: the result.
fast_out:
	mov	rdx, [rsp + F_RDX]
	mov	rcx, [rsp + F_RIP]
	mov	rsp, [rsp + F_RSP]
fast_jump:
	jmp	rcx

; From a stub of patch.c, without a trap: rcx is where the call returns to, rsp
; the program's.
jump_getpid:
	mov	eax, [pid]
jump_jump:
	jmp	rcx

; The same of any call, rax the number, if it is one of the short ones, and else
; as jump_full.  There it goes, too, if there are several threads; and until rsp
; is Castor's, an upcall has it as if it were at the `syscall' still.
align 16
jump_any:
	cmp	rax, CALLS
	jae	jump_trap
	lea	r11, [calls_short]
	cmp	qword [r11 + rax*8], 0
	je	jump_full
	mov	r11, [only_regs]
	test	r11, r11
	jz	jump_trap
	mov	[r11 + 48], r10
	mov	[r11 + 56], r9
	mov	[r11 + 64], r8
	mov	[r11 + 72], rdi
	mov	[r11 + 80], rsi
	mov	[r11 + REGS_FRAME + F_RDX], rdx
	mov	[r11 + REGS_FRAME + F_RIP], rcx
	mov	[r11 + REGS_FRAME + F_RSP], rsp
	mov	rsp, r11
short_moved:

; A short call: its handler asks for no registers but the arguments and changes
; none, so those that C keeps stay where they are, and the rest of the frame is
; made up only if there is more to do than to go back.
short_call:
	mov	[rsp + REGS_FRAME + F_RAX], rax
	lea	r11, [calls_short]
	mov	rcx, r10
	cld
	call	[r11 + rax*8]
	mov	rdx, [rsp + REGS_SIZE + T_BLOCKED]
	not	rdx
	and	rdx, [rsp + REGS_SIZE + THREAD_SIZE + EXO_PAGE + W_PENDING]
	jnz	short_more		; a signal
	cmp	rax, -E_RESTART
	je	short_more		; another thread has taken it since
	mov	r10, [rsp + 48]
	mov	r9, [rsp + 56]
	mov	r8, [rsp + 64]
	mov	rdi, [rsp + 72]
	mov	rsi, [rsp + 80]
	mov	rdx, [rsp + REGS_FRAME + F_RDX]
	mov	rcx, [rsp + REGS_FRAME + F_RIP]
	mov	rsp, [rsp + REGS_FRAME + F_RSP]
short_jump:
	jmp	rcx

short_more:
	mov	[rsp], r15
	mov	[rsp + 8], r14
	mov	[rsp + 16], r13
	mov	[rsp + 24], r12
	mov	[rsp + 32], rbp
	mov	[rsp + 40], rbx
	mov	rcx, [rsp + REGS_FRAME + F_RIP]
	mov	[rsp + REGS_FRAME + F_RCX], rcx
	mov	qword [rsp + REGS_FRAME + F_R11], 0x202
	mov	qword [rsp + REGS_FRAME + F_FLAGS], 0x202
	mov	rdi, rsp
	mov	rsi, rax
	call	foreign_end
	jmp	foreign_back

; One that came by a trap: rsp at r11 of a frame.
align 16
short_trap:
	dec	dword [patch_wait]
	js	foreign_full
	mov	rcx, rsp
	and	rcx, -4096
	sub	rcx, THREAD_SIZE + REGS_SIZE
	mov	[rcx + 48], r10
	mov	[rcx + 56], r9
	mov	[rcx + 64], r8
	mov	[rcx + 72], rdi
	mov	[rcx + 80], rsi
	mov	r11, [rsp + F_RIP]
	mov	[rcx + REGS_FRAME + F_RIP], r11
	mov	r11, [rsp + F_RSP]
	mov	[rcx + REGS_FRAME + F_RSP], r11
	mov	rdx, [rsp + F_RDX]
	mov	[rcx + REGS_FRAME + F_RDX], rdx
	mov	rsp, rcx
	jmp	short_call

; Any call, rax the number, without a trap.
align 16
jump_full:
	mov	r11, [only_regs]
	test	r11, r11
	jnz	jump_one
jump_trap:
	sub	rcx, 2
jump_back:
	jmp	rcx
jump_one:
	mov	[r11], r15
	mov	[r11 + 8], r14
	mov	[r11 + 16], r13
	mov	[r11 + 24], r12
	mov	[r11 + 32], rbp
	mov	[r11 + 40], rbx
	mov	[r11 + 48], r10
	mov	[r11 + 56], r9
	mov	[r11 + 64], r8
	mov	[r11 + 72], rdi
	mov	[r11 + 80], rsi
	mov	qword [r11 + REGS_FRAME + F_R11], 0x202
	mov	[r11 + REGS_FRAME + F_RDX], rdx
	mov	[r11 + REGS_FRAME + F_RCX], rcx
	mov	[r11 + REGS_FRAME + F_RAX], rax
	mov	[r11 + REGS_FRAME + F_RIP], rcx
	mov	qword [r11 + REGS_FRAME + F_FLAGS], 0x202
	mov	[r11 + REGS_FRAME + F_RSP], rsp
	mov	rsp, r11
jump_moved:
	jmp	foreign_call

; All others: C, on Castor's stack.
align 16
foreign_full:
	mov	rdx, rsp
	and	rdx, -4096
	sub	rdx, THREAD_SIZE + REGS_SIZE
	mov	[rdx], r15
	mov	[rdx + 8], r14
	mov	[rdx + 16], r13
	mov	[rdx + 24], r12
	mov	[rdx + 32], rbp
	mov	[rdx + 40], rbx
	mov	[rdx + 48], r10
	mov	[rdx + 56], r9
	mov	[rdx + 64], r8
	mov	[rdx + 72], rdi
	mov	[rdx + 80], rsi
%assign i 0
%rep 11
	mov	rax, [rsp + i]
	mov	[rdx + REGS_FRAME + i], rax
%assign i i + 8
%endrep
	mov	rsp, rdx
foreign_call:
	mov	rdi, rsp
	cld
	call	foreign
foreign_back:
	test	eax, eax
	jnz	go_all			; it changed other registers than rax
	mov	r10, [rsp + 48]
	mov	r9, [rsp + 56]
	mov	r8, [rsp + 64]
	mov	rdi, [rsp + 72]
	mov	rsi, [rsp + 80]
	mov	rax, [rsp + REGS_FRAME + F_RAX]
	add	rsp, REGS_FRAME
	jmp	fast_out

; ------------------------------------------------------------ traps and slices
align 16
other:
	cmp	eax, K_SLICE
	je	slice_begins
	cmp	eax, K_REFUSED
	je	refused
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push_kept
	mov	rdi, rsp
	mov	esi, eax
	sub	rsp, 8			; 11 words were pushed: align again
	cld
	call	trap
	add	rsp, 8
	test	eax, eax
	jnz	fault_signal

; The registers at rsp, all of them: to the program, or to Castor's own code
; that was interrupted.
go_all:
	pop_kept
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
; The others are in their registers.
go_rest:
	mov	rax, [rsp + F_RIP]
	mov	rdx, rax
	shr	rdx, 39
	cmp	edx, 252
	jae	go_nested
; By the thread's stub, to rax: nothing is written where rsp is.
go_stub:
	mov	rdx, rsp
	and	rdx, -BLOCK_SIZE
	mov	[rdx + BLOCK_UPCALL - THREAD_SIZE + T_RESUME], rax
	mov	rax, [rdx + BLOCK_UPCALL - THREAD_SIZE + T_STUB]
	mov	rcx, [rsp + F_FLAGS]
	and	rcx, TF_OFF
	mov	[rsp + F_CS], rcx
	mov	[rsp + F_FLAGS], rax
	pop	r11
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, F_CS - 32
	popfq
	ret				; to the stub

; A native call that the mask of a trapped context refuses (context.c): if the
; program made it, as foreign as any; for Castor's own code it fails.
refused:
	mov	rax, [rsp + F_RIP]
	shr	rax, 39
	cmp	eax, 252
	jb	foreign_full
	mov	qword [rsp + F_RAX], -E_DENIED
	jmp	go_rest

; Castor's code has no red zone, and what lies below its rsp is this frame at
; the nearest: the word right below is free (libos/crt.asm).
go_nested:
	mov	rcx, [rsp + F_RSP]
	mov	[rcx - 8], rax
	sub	rcx, 8
	mov	[rsp + F_RSP], rcx
	pop	r11
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, 32
	popfq
	pop	rsp
	ret

; A slice begins.  A signal for the program is taken now; Castor looks at them
; by itself.
align 16
slice_begins:
	mov	rcx, [rsp + F_RIP]
	mov	rax, rcx
	shr	rax, 39
	cmp	eax, 252
	jb	.program
	lea	rdx, [fast_jump]
	mov	rax, rcx
	sub	rax, rdx
	cmp	rax, short_moved - fast_jump
	jb	.jump
	cmp	rax, short_jump - fast_jump
	je	.jump
	sub	rax, jump_full - fast_jump
	cmp	rax, jump_moved - jump_full
	jae	.leave
	add	rax, jump_full - fast_jump
.jump:	mov	rcx, [rsp + F_RCX]
	test	rax, rax		; at one of the jumps?
	jz	.nearly
	cmp	rax, short_jump - fast_jump
	je	.nearly
	cmp	rax, jump_jump - fast_jump
	je	.nearly
	cmp	rax, jump_back - fast_jump
	je	.nearly
	sub	rcx, 2			; no: to the syscall
	jmp	.nearly
.leave:	lea	rdx, [lwc_leave]	; from one of three places on it can be
	mov	rax, rcx		; done again
	sub	rax, rdx
	cmp	rax, lwc_leave_end - lwc_leave
	jae	.arrive
	mov	rcx, rdx
	cmp	rax, lwc_scrub - lwc_leave
	jb	.nearly
	lea	rcx, [lwc_scrub]
	cmp	rax, lwc_enter - lwc_leave
	jbe	.nearly
	lea	rcx, [lwc_refused]
	jmp	.nearly
.arrive:
	lea	rdx, [arrive_jump]
	cmp	rcx, rdx
	jne	.stub
	mov	rcx, [rsp + F_RCX]
	jmp	.nearly
.stub:	lea	rdx, [stubs]
	mov	rax, rcx
	sub	rax, rdx
	cmp	rax, THREADS_MAX * 8
	jae	go_rest
	test	al, 7			; has the stub popped rsp?
	jz	go_rest
	mov	rdx, rsp
	and	rdx, -BLOCK_SIZE
	mov	rcx, [rdx + BLOCK_UPCALL - THREAD_SIZE + T_RESUME]
.nearly:
	mov	rax, rcx
	shr	rax, 39
	cmp	eax, 252
	mov	rax, rcx
	jae	go_stub
	mov	[rsp + F_RIP], rcx
.program:
	mov	rdx, rsp
	and	rdx, -BLOCK_SIZE
	mov	rax, [rdx + BLOCK_UPCALL - THREAD_SIZE + T_BLOCKED]
	not	rax
	and	rax, [rdx + BLOCK_WINDOW + W_PENDING]
	jz	go_rest
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push_kept
	lea	rbx, [deliver_slice]
	jmp	deliver_by

; The program's own fault, t->fault.  The usual case is done here, all of it from
; the upcall's frame to the program's stack: a page fault, a handler and no other
; stack.  What is unusual, or the program's stack not there: signal.c, which
; begins anew.  rsp: struct exo_regs.
%define TH(field)	BLOCK_UPCALL - THREAD_SIZE + T_ %+ field
%macro store 2			; a word of the frame, and where it is now
	mov	rax, %2
	mov	[r9 + %1], rax
%endmacro

align 16
fault_signal:
	mov	r11, rsp
	and	r11, -BLOCK_SIZE
	movzx	eax, byte [r11 + TH(FAULT)]
	cmp	word [r11 + TH(FAULT) + 2], TRAP_PAGE
	jne	deliver_fault_by
	dec	eax
	bt	qword [r11 + TH(BLOCKED)], rax
	jc	deliver_fault_by
	cmp	qword [r11 + TH(ALT_SIZE)], 0
	jne	deliver_fault_by
	cmp	byte [r11 + TH(RESTORES)], 0
	jne	deliver_fault_by
	cmp	byte [signals_deaf], 0
	jne	deliver_fault_by	; what is blocked is not said
	shl	eax, 5			; actions[signal - 1]
	lea	rsi, [actions]
	add	rsi, rax
	mov	eax, [rsi + A_FLAGS]
	and	eax, SA_RESTORER | SA_RESETHAND
	cmp	eax, SA_RESTORER
	jne	deliver_fault_by
	mov	rax, [rsi + A_HANDLER]
	mov	rcx, rax
	shr	rcx, USER_SHIFT
	cmp	rcx, USER_SLOTS
	jae	deliver_fault_by
	cmp	rax, SIG_IGN		; or SIG_DFL, below it
	jbe	deliver_fault_by
	mov	r8, [fp_words + 16]
	test	r8, r8			; not known yet
	jz	deliver_fault_by
	mov	rdi, [rsp + REGS_FRAME + F_RSP]
	lea	rax, [rdi - 1]
	shr	rax, USER_SHIFT
	cmp	rax, USER_SLOTS
	jae	deliver_fault_by
	sub	rdi, RED_ZONE + 4	; behind FP state, its second magic word
	sub	rdi, r8
	and	rdi, -64
	lea	r9, [rdi - FRAME_SIZE]
	and	r9, -16
	sub	r9, 8
	mov	rax, r9
	shr	rax, USER_SHIFT
	cmp	rax, USER_SLOTS
	jae	deliver_fault_by
fault_frame_first:
	mov	rax, [fp_words]
	mov	[rdi + FP_SW], rax
	mov	rax, [fp_words + 8]
	mov	[rdi + FP_SW + 8], rax
	mov	[rdi + FP_SW + 16], r8
	xor	eax, eax
%assign i FP_SW + 24
%rep 3 + 8				; and the header, which xsave completes
	mov	[rdi + i], rax
%assign i i + 8
%endrep
	dec	rax
	mov	rdx, rax
	xsave64	[rdi]
	mov	dword [rdi + r8], FP_MAGIC2
	store	0, [rsi + A_RESTORER]
	mov	qword [r9 + UC_FLAGS], UC_FLAGS_HERE
	mov	qword [r9 + UC_LINK], 0
	store	UC_STACK, [r11 + TH(ALT_BASE)]
	mov	qword [r9 + UC_STACK + 8], SS_DISABLE
	mov	qword [r9 + UC_STACK + 16], 0
	store	MC_R8, [rsp + 64]
	store	MC_R8 + 8, [rsp + 56]
	store	MC_R8 + 16, [rsp + 48]
	store	MC_R8 + 24, [rsp + REGS_FRAME + F_R11]
	mov	[r9 + MC_R8 + 32], r12
	mov	[r9 + MC_R8 + 40], r13
	mov	[r9 + MC_R8 + 48], r14
	mov	[r9 + MC_R8 + 56], r15
	store	MC_RDI, [rsp + 72]
	store	MC_RSI, [rsp + 80]
	mov	[r9 + MC_RBP], rbp
	mov	[r9 + MC_RBX], rbx
	store	MC_RDX, [rsp + REGS_FRAME + F_RDX]
	store	MC_RAX, [rsp + REGS_FRAME + F_RAX]
	store	MC_RCX, [rsp + REGS_FRAME + F_RCX]
	store	MC_RSP, [rsp + REGS_FRAME + F_RSP]
	store	MC_RIP, [rsp + REGS_FRAME + F_RIP]
	store	MC_FLAGS, [rsp + REGS_FRAME + F_FLAGS]
	store	MC_CS, MC_SEGMENTS
	store	MC_ERR, [rsp + REGS_FRAME + F_ERR]
	mov	qword [r9 + MC_TRAPNO], TRAP_PAGE
	mov	rax, [r11 + TH(BLOCKED)]
	mov	[r9 + MC_OLDMASK], rax
	mov	[r9 + UC_MASK], rax
	mov	[r9 + MC_FPSTATE], rdi
	movzx	edi, byte [r11 + TH(FAULT)]
	mov	[r9 + INFO], rdi
	movzx	eax, byte [r11 + TH(FAULT) + 1]
	mov	[r9 + INFO + 8], rax
	mov	rax, [rsp + REGS_FRAME + F_ADDR]
	mov	[r9 + MC_CR2], rax
	mov	[r9 + INFO + 16], rax
	xor	eax, eax
%assign i INFO + 24
%rep 13
	mov	[r9 + i], rax
%assign i i + 8
%endrep
fault_frame_last:
	mov	rax, [r11 + TH(BLOCKED)]
	or	rax, [rsi + A_MASK]
	lea	ecx, [rdi - 1]
	test	dword [rsi + A_FLAGS], SA_NODEFER
	jnz	.deferred
	bts	rax, rcx
.deferred:
	mov	[r11 + TH(BLOCKED)], rax
	mov	[r11 + BLOCK_WINDOW + W_BLOCKED], rax
	mov	rax, [rsi + A_HANDLER]
	mov	[r11 + TH(RESUME)], rax
	mov	rax, [r11 + TH(STUB)]
	mov	qword [rsp + REGS_FRAME + F_CS], 0x202	; where go_stub has them
	mov	[rsp + REGS_FRAME + F_FLAGS], rax
	mov	[rsp + REGS_FRAME + F_RSP], r9
	lea	rsi, [r9 + INFO]
	lea	rdx, [r9 + UC_FLAGS]
	mov	r10, [rsp + 48]
	mov	r9, [rsp + 56]
	mov	r8, [rsp + 64]
	mov	r11, [rsp + REGS_FRAME + F_R11]
	mov	rcx, [rsp + REGS_FRAME + F_RCX]
	xor	eax, eax
	add	rsp, REGS_FRAME + F_CS
	popfq
	ret				; to the stub

; rt_sigreturn, the other way: the program's registers are what it says, so none
; of now are kept, and nothing has been done until it is certain that there is
; no more to do than that.  If there is, or something of it is not there: as any
; call.  rsp: at r11 of a frame.
align 16
fast_sigreturn:
	dec	dword [patch_wait]
	js	foreign_full
	mov	rdi, [rsp + F_RSP]	; the frame, without its first word
	lea	rax, [rdi + FRAME_SIZE]
	shr	rax, USER_SHIFT
	cmp	rax, USER_SLOTS
	jae	foreign_full
	cmp	qword [only_regs], 0
	je	foreign_full
	mov	r11, rsp
	and	r11, -BLOCK_SIZE
	cmp	qword [r11 + TH(ALT_SIZE)], 0
	jne	foreign_full
	cmp	byte [signals_deaf], 0
	jne	foreign_full
back_first:
	test	dword [rdi + UC_STACK], SS_DISABLE	; (8 - 8: its flags)
	jz	foreign_full
	mov	rcx, UNBLOCKABLE
	mov	rsi, [rdi + UC_MASK - 8]
	not	rcx
	and	rsi, rcx
	mov	rax, rsi
	not	rax
	test	rax, [r11 + BLOCK_WINDOW + W_PENDING]
	jnz	foreign_full
	mov	rcx, [rdi + MC_RIP - 8]
	mov	rax, rcx
	shr	rax, USER_SHIFT
	cmp	rax, USER_SLOTS
	jae	foreign_full
	mov	rbx, [rdi + MC_FPSTATE - 8]
	test	rbx, rbx
	jz	.without
	mov	rax, rbx
	shr	rax, USER_SHIFT
	cmp	rax, USER_SLOTS
	jae	foreign_full
	mov	eax, -1
	mov	edx, eax
	xrstor64 [rbx]
.without:
	mov	[r11 + TH(RESUME)], rcx
	mov	[r11 + TH(BLOCKED)], rsi
	mov	[r11 + BLOCK_WINDOW + W_BLOCKED], rsi
	mov	rcx, [rdi + MC_FLAGS - 8]
	and	ecx, FLAGS_USER
	or	ecx, FLAGS_FIXED
	mov	rsi, [r11 + TH(STUB)]
	mov	[rsp + F_CS], rcx
	mov	[rsp + F_FLAGS], rsi
	mov	rcx, [rdi + MC_RDX - 8]
	mov	[rsp + F_RDX], rcx
	mov	rcx, [rdi + MC_RDI - 8]
	mov	[rsp + F_RCX], rcx
	mov	rdx, [rdi + MC_RSP - 8]
	mov	r8, [rdi + MC_R8 - 8]
	mov	r9, [rdi + MC_R8]
	mov	r10, [rdi + MC_R8 + 8]
	mov	r11, [rdi + MC_R8 + 16]
	mov	r12, [rdi + MC_R8 + 24]
	mov	r13, [rdi + MC_R8 + 32]
	mov	r14, [rdi + MC_R8 + 40]
	mov	r15, [rdi + MC_R8 + 48]
	mov	rbp, [rdi + MC_RBP - 8]
	mov	rbx, [rdi + MC_RBX - 8]
	mov	rax, [rdi + MC_RAX - 8]
	mov	rcx, [rdi + MC_RCX - 8]
	mov	rsi, [rdi + MC_RSI - 8]
back_last:
	mov	[rsp + F_RSP], rdx	; until here it said where that all is
	mov	rdx, [rsp + F_RDX]
	mov	rdi, [rsp + F_RCX]
	add	rsp, F_CS
	popfq
	ret				; to the stub

; Signals, on Castor's stack: the frame moves there first.
align 16
deliver_fault_by:
	lea	rbx, [deliver_fault]
deliver_by:
	mov	rsi, rsp
	mov	rdi, rsp
	and	rdi, -4096
	sub	rdi, THREAD_SIZE + REGS_SIZE
	mov	rdx, rdi
	mov	ecx, REGS_SIZE / 8
	cld
	rep movsq
	mov	rsp, rdx
	mov	rdi, rdx
	call	rbx
	jmp	go_all

; An env begins: rdi is 0 (a thread), what fork_born is to know, or where the
; first process was told what to do.  Or somebody calls this domain: services
; are for other contexts of the process (context.c).
entered_otherwise:
	cmp	eax, K_CALL
	je	.called
	cmp	eax, K_START
	jne	.wrong
	xor	ebp, ebp
	test	rdi, rdi
	jz	thread_start
	mov	rax, OWN_START
	cmp	rdi, rax
	je	.first
	lea	rsp, [rdi - 64]
	and	rsp, -16
	call	fork_born
.wrong:	ud2
.first:	call	image_start
	ud2
; Below what Castor's stack holds, if this context was left from C.
.called:
	mov	rax, [rsp + P_RSP]
	mov	r11, rsp
	lea	rcx, [rsp - REGS_SIZE]
	sub	r11, rax
	cmp	r11, BLOCK_UPCALL
	cmovb	rcx, rax
	mov	rsp, rcx
	and	rsp, -16
	mov	rcx, r10
	sub	rsp, 64
	lea	r9, [rsp + 8]		; its answer: six words
	cld
	call	lwc_service
	mov	rdi, [rsp + 8]
	mov	rsi, [rsp + 16]
	mov	r8, [rsp + 24]
	mov	r9, [rsp + 32]
	mov	r10, [rsp + 40]
	mov	rbx, [rsp + 48]
	mov	rdx, rax
	xor	ebp, ebp
	xor	r12d, r12d
	xor	r13d, r13d
	xor	r14d, r14d
	xor	r15d, r15d
	mov	eax, NR_REPLY
	syscall
	ud2

; A thread begins: its registers are on its stack.
thread_start:
	sub	rsp, REGS_SIZE
	mov	rdx, rsp
	and	rdx, -BLOCK_SIZE
	mov	rdx, [rdx + BLOCK_UPCALL - THREAD_SIZE + T_FSBASE]
	wrfsbase rdx
	jmp	go_all

; go(regs): leave Castor for good, with these registers; they are on Castor's
; stack or the upcall frame.
go:
	mov	rsp, rdi
	jmp	go_all

; Stub i: rsp is at the program's.
align 8
stubs:
%assign i 0
%rep THREADS_MAX
	pop	rsp
	jmp	[own_threads + i * BLOCK_SIZE + BLOCK_UPCALL - THREAD_SIZE + T_RESUME]
	align	8, int3
%assign i i + 1
%endrep

section .text

; long lwc_cross(to, const uint64_t *args, uint64_t *out, struct stand *): leave
; from C for another context, whoever comes back: 0, who and five words in out; or
; -EXO_E_*.
global lwc_cross
lwc_cross:
	push_kept
	push	rdx
	mov	r11, rcx
	rdgsbase rax
	push	rax
	mov	[r11 + P_GS], rax
	rdfsbase rax
	push	rax
	mov	[r11 + P_FS], rax
	mov	[r11 + P_RBP], rbp
	lea	rax, [.back]
	mov	[r11 + P_RIP], rax
	mov	[r11 + P_RSP], rsp
	mov	rdx, [rsi + 8]
	mov	r10, [rsi + 16]
	mov	r8, [rsi + 24]
	mov	r9, [rsi + 32]
	mov	rsi, [rsi]
	push	rdx
	mov	eax, -1
	xrstor64 [fp_initial]
	pop	rdx
	zero_kept
	wrfsbase rbx
	wrgsbase rbx
	mov	eax, NR_ENTER
	syscall
	pop	rcx
	wrfsbase rcx
	pop	rcx
	wrgsbase rcx
	pop	rdx
	jmp	.out
.back:	add	rsp, 16
	pop	r11
	mov	[r11], rdi
	mov	[r11 + 8], rsi
	mov	[r11 + 16], rdx
	mov	[r11 + 24], r10
	mov	[r11 + 32], r8
	mov	[r11 + 40], r9
.out:	pop_kept
	ret

; long lwc_ask(handle, op, a, b, c, uint64_t out[7]): call another context's
; service; what it says is the last of out.  < 0: -EXO_E_*.
global lwc_ask
lwc_ask:
	push_kept
	push	r9
	mov	r10, rcx
	xor	r9d, r9d
	zero_kept
	mov	eax, NR_CALL
	syscall
	pop	r11
	test	rax, rax
	js	.out
	mov	[r11], rdi
	mov	[r11 + 8], rsi
	mov	[r11 + 16], r8
	mov	[r11 + 24], r9
	mov	[r11 + 32], r10
	mov	[r11 + 40], rbx
	mov	[r11 + 48], rdx
.out:	cld
	pop_kept
	ret

; long commons_try(op, a, b, c, d): a request to the commons as wait.c makes it, if
; there is nothing special about it; -CM_REFUSED if there is, and nothing was
; asked.  The program's registers are not for the commons.
align 16
global commons_try
commons_try:
	mov	rax, rsp
	and	rax, -BLOCK_SIZE
	cmp	word [rax + BLOCK_WINDOW + W_READING], 0
	jne	.special
	cmp	dword [remotes], 0
	jne	.special
	mov	r9, r8
	mov	r8, rcx
	mov	r10, rdx
	mov	rdx, rsi
	mov	esi, edi
	mov	rdi, [rax + BLOCK_UPCALL - THREAD_SIZE + T_HANDLE]
	push_kept
	zero_kept
	mov	eax, NR_CALL
	syscall
	pop_kept
	test	rax, rax
	js	.special
	mov	rax, rdx
	ret
.special:
	mov	rax, -CM_REFUSED
	ret

; A context's first entry: rdi who came, five words.
global lwc_born_at, lwc_nobody_at
lwc_born_at:
	mov	rcx, r10
	call	lwc_born
	ud2

; One that has discarded itself: back to whoever came.  rsp is Castor's stack.
lwc_nobody_at:
	mov	rsi, -1
	mov	rdx, rsi
	mov	r10, rsi
	mov	r8, rsi
	mov	r9, rsi
	mov	eax, NR_ENTER
	syscall
	ud2

; --------------------------------------------------------- the program's memory
; long user_copy(void *to, const void *from, uint64_t n): 0, or -EFAULT if it
; faulted; trap() resumes a fault in here at user_copy_fault.
align 16
user_copy:
	mov	rcx, rdx
	shr	rcx, 3
user_copy_first:
	rep movsq
	mov	ecx, edx
	and	ecx, 7
	rep movsb
user_copy_last:
	xor	eax, eax
	ret
user_copy_fault:
	mov	rax, -EFAULT
	ret

; ------------------------------------------------------------------- FP state
; long fp_save(void *to): all that is in use; 64-byte aligned.
fp_save:
	mov	eax, -1
	mov	edx, -1
fp_save_first:
	xsave64	[rdi]
fp_save_last:
	xor	eax, eax
	ret

; long fp_load(const void *from): the same back.  Both: 0, or -EFAULT if the
; CPU refuses it, as trap() finds out.
fp_load:
	mov	eax, -1
	mov	edx, -1
fp_load_first:
	xrstor64 [rdi]
fp_load_last:
	xor	eax, eax
	ret

; void fp_reset(void): as a program finds it.
fp_reset:
	lea	rdi, [fp_initial]
	mov	eax, -1
	mov	edx, -1
	xrstor64 [rdi]
	ret

; Nothing is in use; MXCSR is loaded all the same (SDM vol. 1, 13.8).
section .rodata
	align	64
fp_initial:
	dw	0x37f
	times	22 db 0
	dd	0x1f80
	times	576 - ($ - fp_initial) db 0
