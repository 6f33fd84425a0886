; boot.asm - from the boot loader to C.
;
; Two ways in, both in 32-bit protected mode with paging off and the address
; of the boot information in ebx: Multiboot2 (GRUB, BIOS or UEFI) and PVH
; (QEMU's -kernel).  Both check the CPU, map the first 4 GiB three times (at
; 0, at the direct map and, its first GiB, in the top 2 GiB), enter long mode
; and call kernel_main(kind, info) on the kernel stack.  The tables here are
; thrown away by kmap_init().

KBASE		equ 0xffffffff80000000	; kernel virtual - physical
COM1		equ 0x3f8

MB2_MAGIC	equ 0xe85250d6
MB2_LOADED	equ 0x36d76289

BOOT_MB2	equ 0			; enum boot_kind in boot.h
BOOT_PVH	equ 1

CR0_PE		equ 1 << 0
CR0_WP		equ 1 << 16
CR0_PG		equ 1 << 31
CR4_PAE		equ 1 << 5
MSR_EFER	equ 0xc0000080
EFER_LME	equ 1 << 8
EFER_NXE	equ 1 << 11
CPUID_NX	equ 1 << 20
CPUID_LM	equ 1 << 29
EFLAGS_ID	equ 1 << 21

PTE_P		equ 1 << 0
PTE_W		equ 1 << 1
PTE_PS		equ 1 << 7

KSTACK_SIZE	equ 16384

global pvh_entry, kstack, kstack_top
extern kernel_main

; ---------------------------------------------------------------- headers
section .boot.head progbits alloc noexec nowrite align=8
mb2_header:
	dd MB2_MAGIC
	dd 0				; i386, 32-bit protected mode
	dd mb2_end - mb2_header
	dd 0x100000000 - (MB2_MAGIC + 0 + (mb2_end - mb2_header))

	align 8, db 0
	dw 1, 0				; information request
	dd 20
	dd 1, 3, 6			; command line, modules, memory map
	align 8, db 0
	dw 3, 0				; entry address
	dd 12
	dd mb2_entry
	align 8, db 0
	dw 6, 0				; modules on page boundaries
	dd 8
	align 8, db 0
	dw 0, 0				; end
	dd 8
mb2_end:

section .note.Xen note alloc noexec nowrite align=4
	dd 4, 4, 18			; XEN_ELFNOTE_PHYS32_ENTRY
	db "Xen", 0
	dd pvh_entry

; ---------------------------------------------------------------- 32 bits
section .boot.text progbits alloc exec nowrite align=16
bits 32

mb2_entry:
	cmp	eax, MB2_LOADED
	mov	esi, bad_loader
	jne	boot_fail
	mov	edi, BOOT_MB2
	jmp	boot32

pvh_entry:
	mov	edi, BOOT_PVH

boot32:				; edi: kind, ebx: information
	cld
	cli
	mov	esp, boot_stack_top
	mov	ebp, ebx
	call	cpu_check
	call	tables_fill

	mov	eax, CR4_PAE
	mov	cr4, eax
	mov	eax, boot_pml4
	mov	cr3, eax
	mov	ecx, MSR_EFER
	rdmsr
	or	eax, EFER_LME | EFER_NXE
	wrmsr
	mov	eax, cr0
	or	eax, CR0_PG | CR0_WP | CR0_PE
	mov	cr0, eax
	lgdt	[boot_gdtr]
	jmp	0x08:boot64

; Fails into boot_fail unless there is CPUID, long mode and NX.
cpu_check:
	pushfd
	pop	eax
	mov	ecx, eax
	xor	eax, EFLAGS_ID
	push	eax
	popfd
	pushfd
	pop	eax
	cmp	eax, ecx
	mov	esi, bad_cpu
	je	boot_fail
	mov	eax, 0x80000000
	cpuid
	cmp	eax, 0x80000001
	mov	esi, bad_cpu
	jb	boot_fail
	mov	eax, 0x80000001
	cpuid
	and	edx, CPUID_LM | CPUID_NX
	cmp	edx, CPUID_LM | CPUID_NX
	jne	boot_fail
	ret

; The boot tables are in .bss, so they are zero.
tables_fill:
	mov	dword [boot_pml4], boot_pdpt + (PTE_P | PTE_W)
	mov	dword [boot_pml4 + 256 * 8], boot_pdpt + (PTE_P | PTE_W)
	mov	dword [boot_pml4 + 511 * 8], boot_pdpt_top + (PTE_P | PTE_W)
	mov	dword [boot_pdpt_top + 510 * 8], boot_pds + (PTE_P | PTE_W)
	mov	eax, boot_pds + (PTE_P | PTE_W)
	xor	ecx, ecx
.pdpt:
	mov	[boot_pdpt + ecx * 8], eax
	add	eax, 4096
	inc	ecx
	cmp	ecx, 4
	jb	.pdpt
	mov	eax, PTE_P | PTE_W | PTE_PS
	xor	ecx, ecx
.pd:
	mov	[boot_pds + ecx * 8], eax
	add	eax, 0x200000
	inc	ecx
	cmp	ecx, 4 * 512
	jb	.pd
	ret

; Prints the string at esi on the serial line and stops.
boot_fail:
	mov	dx, COM1 + 3
	mov	al, 3			; 8N1; the loader's speed
	out	dx, al
.next:
	lodsb
	test	al, al
	jz	.stop
	mov	ah, al
	mov	dx, COM1 + 5
	mov	ecx, 100000
.wait:
	in	al, dx
	test	al, 0x20
	loopz	.wait
	mov	al, ah
	mov	dx, COM1
	out	dx, al
	jmp	.next
.stop:
	mov	eax, 1
	out	0xf4, eax		; QEMU: fail
.halt:
	cli
	hlt
	jmp	.halt

; ---------------------------------------------------------------- 64 bits
bits 64
boot64:
	mov	eax, 0x10
	mov	ds, eax
	mov	es, eax
	mov	ss, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	mov	rsp, kstack_top
	mov	esi, ebp
	xor	ebp, ebp
	mov	rax, kernel_main
	call	rax
	ud2				; kernel_main() does not return

section .boot.data progbits alloc noexec write align=8
boot_gdt:
	dq 0
	dq 0x00209a0000000000		; 0x08: 64-bit kernel code
	dq 0x0000920000000000		; 0x10: data
boot_gdtr:
	dw $ - boot_gdt - 1
	dd boot_gdt
bad_loader:
	db "pollux: not started by a Multiboot2 or PVH loader", 13, 10, 0
bad_cpu:
	db "pollux: this CPU lacks CPUID, long mode or NX", 13, 10, 0

section .boot.bss nobits alloc noexec write align=4096
boot_pml4:	resb 4096
boot_pdpt:	resb 4096
boot_pdpt_top:	resb 4096
boot_pds:	resb 4 * 4096
		resb 256
boot_stack_top:

; ---------------------------------------------------------------- stacks
; Each stack lies above one page that kmap_init() leaves unmapped.
section .bss nobits alloc noexec write align=4096
kstack:
	resb 4096
	resb KSTACK_SIZE
kstack_top:
				; then one for each IST slot (cpu.h)
	resb 4 * (4096 + KSTACK_SIZE)
