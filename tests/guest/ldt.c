/*
 * ldt.c - the local descriptor table that a CPU has from reset lies at
 * address 0, 64 KiB long, until somebody executes LLDT: user memory, in which a
 * program would make call gates into ring 0.
 *
 * run: --cpu max,-smap,-smep
 */
#include "test.h"

void ring0(void);
static volatile uint64_t got_cs, got_cr0;

__asm__(
	".pushsection .text\n"
	"ring0:\n"
	"	mov	%cs, %rax\n"
	"	mov	%rax, got_cs\n"
	"	mov	%cr0, %rax\n"
	"	mov	%rax, got_cr0\n"
	"	lretq\n"
	".popsection");

static UPCALL_HANDLER bool
skip(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	r->rip += 7;
	return true;
}

TEST(no_descriptors_in_page_zero)
{
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_DATA));
	uint64_t off = (uint64_t)ring0;
	volatile uint64_t *w = (uint64_t *)must(vm_map_frame(ppn, VM_RW,
	    self->memory_slot));
	struct { uint32_t off; uint16_t sel; } __attribute__((packed))
	    far = { 0, 8 | 4 | 3 };

	must(vm_unmap((uint64_t)w, 1));
	must(vm_map(0x1000 - 0x1000, ppn, VM_RW, self->memory_slot));
	__asm__ volatile(
	    "mov %0, 8\n"
	    "mov %1, 16\n"
	    : : "r"((off & 0xffff) | 8ul << 16 | 0xecul << 40 |
	    (off >> 16 & 0xffff) << 48), "r"(off >> 32) : "memory");
	upcall_set(EXO_K_TRAP + TRAP_GP, skip);
	__asm__ volatile("lcall *%0\n nop; nop; nop; nop; nop; nop; nop; nop"
	    : : "m"(far) : "rax", "memory", "cc");
	EQ(got_cs, 0);
	EQ(got_cr0, 0);
}
