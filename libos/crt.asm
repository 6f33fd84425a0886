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

; Now back.  iretq would do, but QEMU 7.2 has it read the stack as the kernel
; would, which SMAP forbids; and on a real CPU it is the slowest way there is.
; So the address to go back to is put under the stack that was interrupted,
; under the red zone that code may have there, and `ret' takes it from there
; when everything else is in place.  That store may fault: the pager answers
; it, as the next call of the program would have had it.
FRAME_RIP	equ 48			; from r11 on
FRAME_RSP	equ 72
RED_ZONE	equ 128

	mov rcx, [rsp + FRAME_RSP]
	mov rax, rcx
	xor rax, rsp
	test rax, -4096
	mov rax, [rsp + FRAME_RIP]
	jz .nested
	mov [rcx - RED_ZONE - 8], rax
	sub rcx, RED_ZONE + 8
	mov [rsp + FRAME_RSP], rcx
	pop r11
	pop rdx
	pop rcx
	pop rax
	add rsp, 32			; err, addr, rip, cs
	popfq
	pop rsp
	ret RED_ZONE

; An upcall was interrupted: its code has no red zone, and what lies below its
; rsp is this frame, so the word right below is the one that nothing else (an
; upcall between here and `ret') can overwrite.
.nested:
	mov [rcx - 8], rax
	sub rcx, 8
	mov [rsp + FRAME_RSP], rcx
	pop r11
	pop rdx
	pop rcx
	pop rax
	add rsp, 32
	popfq
	pop rsp
	ret
