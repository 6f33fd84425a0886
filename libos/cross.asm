; cross.asm - into another domain and back, by the kernel's enter, call, reply.
;
; On the way: rdi the handle (the callee sees its badge), rsi rdx r10 r8 r9
; five words.  On the way back: rdx one word.  Every other register would be
; seen by the other side, so it is scrubbed; and the other side is not
; trusted to restore any, so ours wait on the stack, whose pointer the kernel
; keeps (Mach's and L4's stubs do the same).
bits 64

%include "offsets.inc"
%include "kept.inc"

global exo_call, exo_enter, exo_reply, castor_service
section .text

; long exo_call(handle, a, b, c, d, e, result)
exo_call:
	push_kept
	mov r10, rcx
	zero_kept
	mov eax, NR_CALL
	syscall
	pop_kept
	cld
	test rax, rax
	js .out				; refused: nobody wrote rdx for us
	mov rcx, [rsp + 8]
	test rcx, rcx
	jz .out
	mov [rcx], rdx
.out:	ret

; long exo_enter(handle, a, b, c, d, e): returns only when refused
exo_enter:
	push_kept
	mov r10, rcx
	zero_kept
	mov eax, NR_ENTER
	syscall
	pop_kept
	ret

; long exo_reply(value): returns only when refused.  The caller's stub has its
; callee-saved registers; ours are scrubbed only if that succeeds, so they are
; put back for when it does not.
exo_reply:
	push_kept
	mov rdx, rdi
	zero_kept
	xor edi, edi
	xor esi, esi
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	mov eax, NR_REPLY
	syscall
	pop_kept
	ret

; A seat's entry made by SERVICE(f) (castor/seat.h) jumps here with r11 = f:
; call f(badge, a, b, c, d, e) on the seat's stack, reply with what it says.
castor_service:
	cld
	mov rcx, r10
	call r11
	mov rdi, rax
	call exo_reply
	ud2				; entered, not called: nobody to answer
