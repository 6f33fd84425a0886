; entry.asm - a request comes in, and its answer goes back.
;
; rax how it came, rdi the badge (the seat's number), rsi rdx r10 r8 r9 five
; words; rsp the top of the seat's stack.
bits 64

%include "offsets.inc"
%include "kept.inc"

global commons_entry, commons_finish
extern commons_serve, commons_wait, commons_orphan, commons_expel
extern serve_deaths
extern finish_seat, finish_other
extern busy, here, requests, seats, settle, unsettled
section .text

	align 16
commons_entry:
	cld
	mov rbx, SEAT_CRITICAL		; of seat 0
	mov ecx, edi
	shl rcx, SEAT_SHIFT
	add rbx, rcx
	mov dword [rbx], 1		; the end of my slice waits for me
	mov r12d, edi
	cmp [finish_seat], edi		; somebody ends on this stack what I
	je .other			; left: take the other half of it

; The usual case: nobody is in, nobody died, this seat waited for nothing.  All
; but the first is looked at alone: a slice that owes time ends even here.
.go:	lea ecx, [edi + 1]
	xor eax, eax
	lock cmpxchg [busy], ecx
	jne .busy
	mov rax, MACHINE_DEATHS
	mov rax, [rax]
	cmp rax, [serve_deaths]
	jne .slow
	imul ebp, edi, SEAT_SIZE
	add rbp, seats
	cmp qword [rbp + SEAT_WAITS], 0
	jne .slow
	cmp rsi, CM_OP_MAX
	jae .slow
	mov [here], rbp
	mov rax, [requests + rsi * 8]
	mov rdi, rbp
	mov rsi, rdx
	mov rdx, r10
	mov rcx, r8
	mov r8, r9
	call rax
	cmp dword [unsettled], 0
	jne .settle
.out:	cmp [finish_seat], r12d
	je finished
	mov dword [busy], 0
	mov dword [rbx], 0
	mov rdx, rax
	zero_kept
	xor edi, edi
	xor esi, esi
	xor r8d, r8d
	xor r9d, r9d
	xor r10d, r10d
	mov eax, NR_REPLY
	syscall

; It was entered, not called, and has nowhere to go.
	call commons_orphan		; the seat's number
	mov edi, eax
	mov r12d, eax
	shl rax, SEAT_SHIFT
	mov rbx, SEAT_CRITICAL
	add rbx, rax
	mov dword [rbx], 1
	call commons_expel
	xor eax, eax
	jmp .out

.busy:	mov rcx, r10
	call commons_wait
	jmp .out

.slow:	mov rcx, r10
	call commons_serve
	jmp .out

.settle:
	mov rbp, rax
	call settle
	mov rax, rbp
	jmp .out

.other:	sub rsp, [finish_other]
	jmp .go

; void commons_finish(struct exo_regs *regs): go on from there, on that stack,
; to the end of that request; then come back here instead of replying.
commons_finish:
	push_kept
	mov [finish_rsp], rsp
	mov rcx, [rdi + REGS_RSP]
	mov rax, [rdi + REGS_RIP]
	mov [rcx - 8], rax		; no red zone here
	sub rcx, 8
	mov [rdi + REGS_RSP], rcx
	mov rsp, rdi
	pop_kept
	pop r10
	pop r9
	pop r8
	pop rdi
	pop rsi
	pop r11
	pop rdx
	pop rcx
	pop rax
	add rsp, 32			; err, addr, rip, cs
	popfq
	pop rsp
	ret

; It was somebody else who ended this request: back to where he began to.  He
; is alone still.
finished:
	mov dword [finish_seat], -1
	mov rsp, [finish_rsp]
	pop_kept
	ret

section .bss
	align 8
finish_rsp:
	resq 1
