; entry_tmp.asm - holds the names until kernel/entry.asm is there.
global trap_entry:data, syscall_entry
section .text
syscall_entry:
	ud2
section .rodata
trap_entry: times 48 dq syscall_entry
