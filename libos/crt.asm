; crt.asm - the two entries of a program (exo/start.h): where its env begins,
; and EXO_START_UPCALL_AT bytes later where the kernel makes upcalls.
bits 64

%include "offsets.inc"

global _start, _upcall
extern castor_start, upcall_dispatch
section .text

; rdi: struct exo_start; rsp: top of the stack, 16-byte aligned.
	align 16
_start:
	xor ebp, ebp
	call castor_start
	ud2
	times UPCALL_AT - ($ - _start) int3

; An upcall: rax the kind; rsp at `r11` of a struct exo_regs, 16-byte aligned;
; rcx, rdx and r11 free.  Push the rest of the struct, let C look at it or
; change it, and go back to what it says without the kernel.  May be nested:
; a trap in here lands below us on the same stack.
_upcall:
	push rsi
	push rdi
	push r8
	push r9
	push r10
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	mov rdi, rsp
	mov esi, eax
	sub rsp, 8			; 11 words were pushed: align again
	cld
	call upcall_dispatch
	add rsp, 8
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop r11
	pop rdx
	pop rcx
	pop rax
	add rsp, 16			; err, addr
	iretq
