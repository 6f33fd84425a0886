; entry.asm - every way in and out of the kernel.
;
; In:   syscall_entry (SYSCALL), trap_* (IDT).  Out: SYSRET on the paths that
; keep or hand over registers as they are, IRETQ on those that load them all.
;
; Three calls - enter, call, reply - and two traps - a page fault and a foreign
; system call that their own domain handles - are done here from end to end, in
; straight lines; whatever is unusual about them goes to C, which does the same
; thing slowly.  docs/paths.md counts them.
;
; Rules.  Interrupts are off throughout (SFMASK, interrupt gates) but in the
; idle loop.  SYSCALL leaves RIP in rcx and RFLAGS in r11, and the user's stack
; in rsp: per-CPU memory is reached RIP-relatively, never through GS, which the
; user may set as he likes.  No return can be to a non-canonical address: slot
; 255 of a user's root is never mapped.  SFMASK has cleared AC, TF, DF and NT.

%include "offsets.inc"

bits 64
default rel

extern cpu0, kstack_top
extern sys_full_row, sys_refused_c, foreign_c, trap_c, trace_call
extern cpu_tss
%ifdef CHECK
extern check_state
%endif

%define CPU(field)	cpu0 + CPU_ %+ field

section .text

; ------------------------------------------------------------------ SYSCALL
; ENTER is told first, then one subtraction tells REPLY, the plain calls above
; it, and CALL and the foreign calls below it.
global syscall_entry
align 64
syscall_entry:
	cmp	eax, NR_ENTER
	je	enter_fast
	sub	eax, NR_REPLY
	ja	plain
	je	reply_fast
	cmp	eax, NR_CALL - NR_REPLY
	je	call_fast
	jmp	other

; A plain call: a C function on the kernel stack.  The row is the running
; domain's: a call that its monitor refuses has sys_refused there.
align 16
plain:
	cmp	eax, NR_MAX - (NR_REPLY - NR_BASE)
	jae	other
	mov	[CPU(USER_RSP)], rsp
	lea	rsp, [kstack_top]
	push	rcx
	push	r11
	mov	r11, [CPU(SEAT)]
	mov	r11, [r11 + SEAT_DOM]
	mov	rcx, r10		; fourth argument
	call	[r11 + rax*8 + DOM_ROW + 8*(NR_REPLY - NR_BASE)]
	xor	edx, edx		; what C left in them is ours
	xor	esi, esi
	xor	edi, edi
	xor	r8d, r8d
	xor	r9d, r9d
	xor	r10d, r10d
	pop	r11
	pop	rcx
	mov	rsp, [CPU(USER_RSP)]
	o64 sysret

; enter: the env moves to the seat that handle rdi names.
align 16
enter_fast:
	mov	[CPU(USER_RIP)], rcx	; for a refusal
	mov	r11, [CPU(SEAT)]
	mov	rcx, [r11 + SEAT_DOM]
	cmp	rdi, [rcx + DOM_NFAST]	; 0 if the mask refuses enter
	jae	enter_slow
	shl	edi, 5
	add	rdi, [rcx + DOM_HANDLES]
	mov	rax, [rdi + HANDLE_SEAT]
	mov	rcx, [rdi + HANDLE_GEN]
	cmp	rcx, [rax + SEAT_KEY]	; bound since, dead or occupied
	jne	enter_late
	mov	rcx, [CPU(ENV_ID)]
	cmp	rcx, [rax + SEAT_ENV]	; reserved for another
	jne	enter_late
	mov	rcx, [r11 + SEAT_GEN]
	mov	[r11 + SEAT_KEY], rcx	; mine is free
	mov	qword [rax + SEAT_KEY], 0	; and that is taken
	mov	[CPU(SEAT)], rax
	mov	rdi, [rdi + HANDLE_BADGE]
	mov	rcx, [rax + SEAT_DOM]
	mov	rcx, [rcx + DOM_CR3]	; a dead domain's has no user memory
	mov	cr3, rcx
	mov	rcx, [rax + SEAT_ENTRY]
	mov	rsp, [rax + SEAT_STACK]
	mov	r11d, 0x202
	xor	eax, eax		; EXO_K_ENTER
	o64 sysret

enter_late:
	mov	rcx, [r11 + SEAT_DOM]
	sub	rdi, [rcx + DOM_HANDLES]
	shr	rdi, 5
enter_slow:
	mov	eax, NR_ENTER - NR_BASE
	jmp	fast_slow

; call: as enter, but my seat stays mine, on the env's chain.  The link beyond
; the top is written before anything is checked: nobody reads it there.
align 16
call_fast:
	mov	[CPU(USER_RIP)], rcx
	mov	r11, [CPU(CSP)]
	mov	[r11 + LINK_RIP], rcx
	mov	[r11 + LINK_RSP], rsp
	mov	rcx, [CPU(SEAT)]
	mov	[r11 + LINK_SEAT], rcx
	mov	rcx, [rcx + SEAT_DOM]
	cmp	rdi, [rcx + DOM_NFAST]
	jae	call_slow
	shl	edi, 5
	add	rdi, [rcx + DOM_HANDLES]
	mov	rax, [rdi + HANDLE_SEAT]
	mov	rcx, [rdi + HANDLE_GEN]
	cmp	rcx, [rax + SEAT_KEY]
	jne	call_late
	mov	rcx, [CPU(ENV_ID)]
	cmp	rcx, [rax + SEAT_ENV]
	jne	call_late
	add	r11b, LINK_SIZE		; the ninth link ends at 256's multiple
	jz	call_late
	mov	[CPU(CSP)], r11
	mov	qword [rax + SEAT_KEY], 0
	mov	[CPU(SEAT)], rax
	mov	rdi, [rdi + HANDLE_BADGE]
	mov	rcx, [rax + SEAT_DOM]
	mov	rcx, [rcx + DOM_CR3]
	mov	cr3, rcx
	mov	rcx, [rax + SEAT_ENTRY]
	mov	rsp, [rax + SEAT_STACK]
	mov	r11d, 0x202
	mov	eax, K_CALL
	o64 sysret

call_late:
	mov	rcx, [CPU(SEAT)]
	mov	rcx, [rcx + SEAT_DOM]
	sub	rdi, [rcx + DOM_HANDLES]
	shr	rdi, 5
call_slow:
	mov	eax, NR_CALL - NR_BASE
	jmp	fast_slow

; reply: back to the caller on top of the chain.  A link without a seat is the
; chain's end, a trap, a caller that is gone, or one with a kill waiting.
align 16
reply_fast:
	mov	[CPU(USER_RIP)], rcx
	mov	rax, [CPU(CSP)]
	mov	rcx, [rax - LINK_SIZE + LINK_SEAT]
	jrcxz	reply_slow
	sub	qword [CPU(CSP)], LINK_SIZE
	mov	r11, [CPU(SEAT)]
	mov	[CPU(SEAT)], rcx
	mov	rsp, [r11 + SEAT_GEN]	; rsp is free: it is loaded below
	mov	[r11 + SEAT_KEY], rsp	; mine is free
	mov	rcx, [rcx + SEAT_DOM]
	mov	rcx, [rcx + DOM_CR3]
	mov	cr3, rcx
	mov	rcx, [rax - LINK_SIZE + LINK_RIP]
	mov	rsp, [rax - LINK_SIZE + LINK_RSP]
	mov	r11d, 0x202
	mov	eax, K_REPLY
	o64 sysret

reply_slow:
	mov	eax, NR_REPLY - NR_BASE
fast_slow:
	mov	rcx, [CPU(USER_RIP)]
	mov	r11d, 0x202
	mov	[CPU(USER_RSP)], rsp
	lea	rsp, [kstack_top]
	jmp	full_entry

; Not a plain call: a number without a call, or a foreign call.  eax is still
; less NR_REPLY.
other:
	mov	[CPU(USER_RSP)], rsp
	lea	rsp, [kstack_top]
	add	eax, NR_REPLY
	push	rax
	and	eax, NR_MASK
	cmp	eax, NR_BASE
	pop	rax
	je	no_such_call
	push	rdx
	mov	rdx, [CPU(SEAT)]
	cmp	dword [rdx + SEAT_FOREIGN_FAST], 0
	je	foreign_slow
	; The frame goes on the upcall stack as a page fault's does.
	push	rcx
	push	r11
	mov	rcx, [CPU(USER_RSP)]
	mov	r11d, UP_SIZE
	sub	rcx, [rdx + SEAT_UP_BASE]
	cmp	rcx, r11
	cmovb	r11d, ecx
	and	r11d, -16
	sub	r11d, UP_ROOM
	jb	foreign_full
	mov	rcx, [rdx + SEAT_UP_KVA]
	cmp	dword [rcx - UP_HEAD], 0
	jne	foreign_full
	add	rcx, r11
	mov	[rcx + 24], rax		; rax
	add	r11, [rdx + SEAT_UP_BASE]
	mov	rsp, r11
	mov	rax, [CPU(USER_RSP)]
	mov	[rcx + 72], rax
	mov	rax, [kstack_top - 8]	; rdx
	mov	[rcx + 8], rax
	mov	rax, [kstack_top - 16]	; rcx, where SYSCALL left RIP
	mov	[rcx + 16], rax
	mov	[rcx + 48], rax
	mov	rax, [kstack_top - 24]	; r11, where it left RFLAGS
	mov	[rcx + 0], rax
	mov	[rcx + 64], rax
	mov	qword [rcx + 32], 0
	mov	qword [rcx + 40], 0
	mov	qword [rcx + 56], 0x2b
	mov	qword [rcx + 80], 0x23
	mov	rcx, [rdx + SEAT_UPCALL]
	xor	edx, edx
	mov	r11d, 0x202
	mov	eax, K_FOREIGN
	o64 sysret

foreign_full:
	pop	r11
	pop	rcx
foreign_slow:
	pop	rdx
	jmp	foreign_build

no_such_call:
	mov	eax, -E_CALL
	movsx	rax, eax
	mov	rsp, [CPU(USER_RSP)]
	o64 sysret

; ------------------------------------------- all registers, then a C function
; Pushes a struct exo_regs where the running env's is, in its record: TSS.RSP0
; names the end of it, so that a trap's frame goes there too.  An env that is
; left has been saved by that, one that goes on is loaded from there.  rcx: RIP,
; r11: RFLAGS, rax: what regs.rax shall be, all others the user's.
%macro BUILD_REGS 0
	mov	rsp, [cpu_tss + TSS_RSP0]
	push	0x23
	push	qword [CPU(USER_RSP)]
	push	r11
	push	0x2b
	push	rcx
	push	0			; addr
	push	0			; err
	push	rax
	push	rcx
	push	rdx
	push	r11
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	lea	rsp, [kstack_top]
%endmacro

; Rows of plain calls that may switch envs or domains lead here, by `plain`;
; eax is the number less REPLY's.  rcx and r11 lie on the stack.  A handler that
; switched has set the caller's result itself.
global sys_full
align 16
sys_full:
	mov	rcx, [kstack_top - 8]
	mov	r11, [kstack_top - 16]
	add	eax, NR_REPLY - NR_BASE
full_entry:
	BUILD_REGS
	mov	rcx, r10		; fourth argument
	mov	dword [CPU(SWITCHED)], 0
	call	[sys_full_row + rax*8]
	cmp	dword [CPU(SWITCHED)], 0
	jne	exit_full
	mov	rdx, [CPU(REGS)]
	mov	[rdx + REGS_RAX], rax

; Out by IRETQ, with the running env's registers.
global exit_full
exit_full:
%ifdef CHECK
	call	check_state
%endif
	mov	rsp, [CPU(REGS)]
exit_regs:
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	r11
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, 16			; err, addr
	iretq

; Rows of calls that the domain's monitor refuses.
global sys_refused
sys_refused:
	mov	rcx, [kstack_top - 8]
	mov	r11, [kstack_top - 16]
	add	eax, NR_REPLY
	BUILD_REGS
	call	sys_refused_c
	jmp	exit_full

foreign_build:
	BUILD_REGS
	call	foreign_c
	jmp	exit_full

; The first env of a CPU.
global sched_exit
sched_exit:
	lea	rsp, [kstack_top]
	jmp	exit_full

; Rows of numbers that name no call.
global sys_none
sys_none:
	mov	rax, -E_CALL
	ret

; With tracing on, LSTAR points here.
global syscall_entry_traced
syscall_entry_traced:
	mov	[CPU(USER_RSP)], rsp
	lea	rsp, [kstack_top]
	push	rax
	push	rcx
	push	rdx
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	sub	rsp, 8
	mov	edi, eax
	call	trace_call
	add	rsp, 8
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rdx
	pop	rcx
	pop	rax
	mov	rsp, [CPU(USER_RSP)]
	jmp	syscall_entry

; -------------------------------------------------------------------- traps
; A page fault that its own domain handles: the frame goes on the seat's upcall
; stack, below RSP if the fault came from there, and the env goes on at the
; upcall's entry.  Only the direct map is written; there are no string
; instructions and no user addresses here, so AC and DF, which this gate does
; not clear, do not matter; SYSRET clears them for the handler.
align 64
trap_14:
	push	rax
	push	rcx
	push	rdx
	push	r11
	test	byte [rsp + 48], 3	; CS: from the kernel?
	jz	fault_slow
	mov	rax, [CPU(SEAT)]
	cmp	dword [rax + SEAT_FAULT_FAST], 0
	je	fault_slow
	mov	rcx, [rsp + 64]		; RSP
	mov	edx, UP_SIZE
	sub	rcx, [rax + SEAT_UP_BASE]
	cmp	rcx, rdx
	cmovb	edx, ecx		; nested: below it
	and	edx, -16
	sub	edx, UP_ROOM
	jb	fault_slow		; no room: a double fault
	mov	rcx, [rax + SEAT_UP_KVA]
	cmp	dword [rcx - UP_HEAD], 0
	jne	fault_slow		; upcalls are off: a double fault
	add	rcx, rdx
	pop	qword [rcx + 0]		; r11
	pop	qword [rcx + 8]		; rdx
	pop	qword [rcx + 16]	; rcx
	pop	qword [rcx + 24]	; rax
	pop	qword [rcx + 32]	; error code
	pop	qword [rcx + 48]	; RIP
	pop	qword [rcx + 56]	; CS
	pop	qword [rcx + 64]	; RFLAGS
	pop	qword [rcx + 72]	; RSP
	pop	qword [rcx + 80]	; SS
	add	rdx, [rax + SEAT_UP_BASE]
	mov	rsp, rdx
	mov	rdx, cr2
	mov	[rcx + 40], rdx
	mov	rcx, [rax + SEAT_UPCALL]
	mov	r11d, 0x202
	mov	eax, K_FAULT
	o64 sysret

fault_slow:
	pop	r11
	pop	rdx
	pop	rcx
	pop	rax
	push	qword [rsp]		; the error code goes below
	mov	qword [rsp + 8], 14	; the vector, where CR2 will be
	jmp	trap_common

; Every other vector: error code (0 if the CPU has none), vector, common path.
%macro TRAP 1
trap_%1:
%if %1 = 8 || %1 = 10 || %1 = 11 || %1 = 12 || %1 = 13 || %1 = 17 || %1 = 21 || %1 = 29 || %1 = 30
	push	qword [rsp]
	mov	qword [rsp + 8], %1
%else
	push	%1
	push	0
%endif
	jmp	trap_common
%endmacro

%assign i 0
%rep 48
%if i != 14
	TRAP i
%endif
%assign i i + 1
%endrep

extern cpu_smap
align 16
trap_common:
	cld
	cmp	byte [cpu_smap], 0
	je	.noclac
	clac
.noclac:
	push	rax
	push	rcx
	push	rdx
	push	r11
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	mov	rdi, rsp
	mov	rsi, [rsp + REGS_ADDR]
	test	byte [rsp + REGS_CS], 3	; from the kernel?
	jz	.kernel
	lea	rsp, [kstack_top]	; empty; the env's record was the stack
	call	trap_c
	jmp	exit_full
.kernel:
	mov	rbx, rsp		; align for C, find them again
	and	rsp, -16
	call	trap_c
	mov	rsp, rbx
	jmp	exit_regs

; Stubs for vectors 0-47, for the IDT.
section .rodata
global trap_entry
align 8
trap_entry:
%assign i 0
%rep 48
	dq	trap_%+i
%assign i i + 1
%endrep

; -------------------------------------------------------------- user memory
; long user_copy(void *to, const void *from, uint64_t n): 0, or -EXO_E_ADDR if
; it faulted; trap_c resumes a fault between user_copy_first and user_copy_last
; at user_copy_fault.  One of the two is user memory, checked to lie below
; EXO_USER_TOP.
section .text
global user_copy, user_copy_first, user_copy_last, user_copy_fault
user_copy:
	cmp	byte [cpu_smap], 0
	je	.noac
	stac
.noac:
	mov	rcx, rdx
	shr	rcx, 3
user_copy_first:
	rep movsq
	mov	ecx, edx
	and	ecx, 7
	rep movsb
user_copy_last:
	xor	eax, eax
user_copy_out:
	cmp	byte [cpu_smap], 0
	je	.done
	clac
.done:
	ret
user_copy_fault:
	mov	rax, -E_ADDR
	jmp	user_copy_out

; Wait for an interrupt, with interrupts on for just that long.
global cpu_idle
cpu_idle:
	sti
	hlt
	cli
	ret
