; start.asm - Leda's ways in and out: where its env begins, upcalls, into the
; program, and a call of another domain (exo/start.h, exo/trap.h).
bits 64
default rel

global _start, leda_enter, leda_call
extern leda_main, leda_upcall

section .text

; rdi: struct exo_start.  The upcall entry is UPCALL_AT bytes on: the Makefile
; takes that out of exo/start.h.
	align 16
_start:
	xor ebp, ebp
	call leda_main
	ud2
	times UPCALL_AT - ($ - _start) int3

; rsp at `r11' of a struct exo_regs: push the rest, let C look at it.
upcall:
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
	sub rsp, 8
	cld
	call leda_upcall
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

; Back, without touching the stack that was interrupted.  One word is enough
; for the address: Leda asks for no upcall at the start of a slice, so between
; here and the jump none can come.
	mov rax, [rsp + 48]		; rip, from r11 on
	mov [resume], rax
	pop r11
	pop rdx
	pop rcx
	pop rax
	add rsp, 32			; err, addr, rip, cs
	popfq
	pop rsp
	jmp [resume]

; leda_enter(rip, rsp): the program begins, with nothing of ours.
leda_enter:
	mov rsp, rsi
	mov [resume], rdi
	xor eax, eax
	xor ebx, ebx
	xor ecx, ecx
	xor edx, edx			; no function for atexit
	xor esi, esi
	xor edi, edi
	xor ebp, ebp
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r11d, r11d
	xor r12d, r12d
	xor r13d, r13d
	xor r14d, r14d
	xor r15d, r15d
	jmp [resume]

; long leda_call(nr, handle, a, b, result): a protected call with two words.
; The other side sees nothing else, and need not restore a register.
leda_call:
	push rbx
	push rbp
	push r12
	push r13
	push r14
	push r15
	push r8
	mov eax, edi
	mov rdi, rsi
	mov rsi, rdx
	mov rdx, rcx
	xor ebx, ebx
	xor ebp, ebp
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	xor r12d, r12d
	xor r13d, r13d
	xor r14d, r14d
	xor r15d, r15d
	syscall
	pop r8
	pop r15
	pop r14
	pop r13
	pop r12
	pop rbp
	pop rbx
	cld
	test rax, rax
	js .out				; refused: rdx is nobody's answer
	mov [r8], rdx
.out:	ret

section .bss align=8
resume:	resq 1
