/*
 * cpu.c - brings one CPU to the state that the rest relies on.
 *
 * Afterwards: write protection, NX, SMEP, SMAP and UMIP hold wherever the CPU
 * has them; no 32-bit way in or out is left; NMI, #DB, #DF and #MC have
 * stacks of their own; RFLAGS that user code chose do not reach the kernel;
 * breakpoints of the debug registers are off.  docs name the checklist:
 * design, "Entry and exit".
 */
#include <stddef.h>

#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "panic.h"
#include "string.h"
#include "x86.h"

#define SFMASK	(RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | \
		RFLAGS_NT | RFLAGS_RF | RFLAGS_AC)

#define STAR	((uint64_t)(SEL_UDATA - 8) << 48 | \
		(uint64_t)SEL_KCODE << 32)

#define GATE_INTERRUPT	0x8e		/* present, DPL 0, type 14 */
#define GATE_DPL3	0x60
#define VEC_NMI		2
#define VEC_DB		1
#define VEC_BP		3
#define VEC_DF		8
#define VEC_MC		18

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_mid;
	uint32_t offset_high, zero;
};
_Static_assert(sizeof(struct gate) == 16, "SDM volume 3, 6.14.1");

struct table_ptr {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct cpu_features cpu_features;

/* kernel/entry.asm */
extern const uint64_t trap_entry[VEC_COUNT];
extern const uint8_t syscall_entry[];
/* boot/boot.asm; the IST stacks come right after the kernel stack */
extern const uint8_t kstack[];

struct tss cpu_tss;
static struct gate idt[256];
static uint64_t gdt[8] = {
	[SEL_KCODE / 8] = 0x00209b0000000000,
	[SEL_KDATA / 8] = 0x0000930000000000,
	[SEL_UDATA / 8] = 0x0000f30000000000,
	[SEL_UCODE / 8] = 0x0020fb0000000000,
};

uint64_t
cpu_stack_guard(unsigned i)
{
	return (uintptr_t)kstack + i * (PAGE_SIZE + CPU_STACK_SIZE);
}

uint64_t
cpu_stack_top(uint64_t rsp)
{
	unsigned i;

	for (i = 0; i < CPU_STACKS; i++)
		if (rsp >= cpu_stack_guard(i) + PAGE_SIZE &&
		    rsp <= cpu_stack_guard(i + 1))
			return cpu_stack_guard(i + 1);
	return 0;
}

static void
names_read(struct cpu_features *f, uint32_t max_ext)
{
	struct cpuid id = x86_cpuid(0, 0);
	uint32_t i;

	memcpy(f->vendor, &id.ebx, 4);
	memcpy(f->vendor + 4, &id.edx, 4);
	memcpy(f->vendor + 8, &id.ecx, 4);
	for (i = 0; i < 3 && max_ext >= 0x80000004; i++) {
		id = x86_cpuid(0x80000002 + i, 0);
		memcpy(f->brand + 16 * i, &id, 16);
	}
}

static void
features_read(struct cpu_features *f)
{
	const uint32_t max = x86_cpuid(0, 0).eax;
	const uint32_t max_ext = x86_cpuid(0x80000000, 0).eax;
	const struct cpuid one = x86_cpuid(1, 0);
	const struct cpuid ext = x86_cpuid(0x80000001, 0);
	struct cpuid seven = { 0 }, state = { 0 }, power = { 0 };

	if (max >= 7)
		seven = x86_cpuid(7, 0);
	if (max >= 13)
		state = x86_cpuid(13, 1);
	if (max_ext >= 0x80000007)
		power = x86_cpuid(0x80000007, 0);
	names_read(f, max_ext);
	f->nx = ext.edx >> 20 & 1;
	f->syscall = ext.edx >> 11 & 1;
	f->rdtscp = ext.edx >> 27 & 1;
	f->mce = one.edx >> 7 & 1;
	f->pge = one.edx >> 13 & 1;
	f->pcid = one.ecx >> 17 & 1;
	f->xsave = one.ecx >> 26 & 1;
	f->avx = one.ecx >> 28 & 1;
	f->fsgsbase = seven.ebx & 1;
	f->smep = seven.ebx >> 7 & 1;
	f->erms = seven.ebx >> 9 & 1;
	f->invpcid = seven.ebx >> 10 & 1;
	f->avx512 = seven.ebx >> 16 & 1;
	f->smap = seven.ebx >> 20 & 1;
	f->umip = seven.ecx >> 2 & 1;
	f->xsaveopt = state.eax & 1;
	f->invariant_tsc = power.edx >> 8 & 1;
}

static void
features_require(const struct cpu_features *f)
{
	const struct {
		bool has;
		const char *name;
	} need[] = {
		{ f->nx, "NX" }, { f->syscall, "SYSCALL" },
		{ f->fsgsbase, "FSGSBASE" }, { f->xsave, "XSAVE" },
	};
	unsigned i;

	for (i = 0; i < sizeof(need) / sizeof(need[0]); i++)
		if (!need[i].has)
			panic("cpu: \"%s\" has no %s, which Pollux needs",
			    f->brand, need[i].name);
}

static void
control_init(struct cpu_features *f)
{
	uint64_t cr0 = x86_cr0();

	cr0 |= CR0_WP | CR0_NE | CR0_MP;
	cr0 &= ~(CR0_AM | CR0_EM | CR0_TS | CR0_NW | CR0_CD);
	x86_set_cr0(cr0);

	x86_wrmsr(MSR_EFER, x86_rdmsr(MSR_EFER) | EFER_NXE | EFER_SCE);

	f->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_FSGSBASE |
	    CR4_OSXSAVE | (f->pge ? CR4_PGE : 0) | (f->smep ? CR4_SMEP : 0) |
	    (f->smap ? CR4_SMAP : 0) | (f->umip ? CR4_UMIP : 0) |
	    (f->mce ? CR4_MCE : 0);
	x86_set_cr4(f->cr4);
	/* PCIDE may be set only while CR3[11:0] is 0 (SDM 4.10.1). */
	assert((x86_cr3() & 0xfff) == 0);
	if (f->pcid)
		x86_set_cr4(f->cr4 |= CR4_PCIDE);
	__asm__ volatile("mov %0, %%dr7" : : "r"(0ul));
}

/* The largest state that fits in an env's frame. */
static void
xstate_init(struct cpu_features *f)
{
	const uint32_t can = x86_cpuid(13, 0).eax;
	const uint64_t avx = XCR0_X87 | XCR0_SSE | XCR0_AVX;
	const uint64_t avx512 = avx | XCR0_AVX512;

	f->avx &= (can & avx) == avx;
	f->avx512 &= f->avx && (can & avx512) == avx512;
	f->xcr0 = f->avx512 ? avx512 : f->avx ? avx : XCR0_X87 | XCR0_SSE;
	x86_xsetbv(0, f->xcr0);
	f->xsave_size = x86_cpuid(13, 0).ebx;
	if (f->avx512 && f->xsave_size > CPU_XSAVE_MAX) {
		f->avx512 = false;
		f->xcr0 = avx;
		x86_xsetbv(0, avx);
		f->xsave_size = x86_cpuid(13, 0).ebx;
	}
	if (f->xsave_size > CPU_XSAVE_MAX)
		panic("cpu: XSAVE wants %u bytes, there are %u",
		    f->xsave_size, CPU_XSAVE_MAX);
}

static void
segments_init(void)
{
	const uint64_t base = (uintptr_t)&cpu_tss;
	const struct table_ptr ptr = { sizeof(gdt) - 1, (uintptr_t)gdt };
	unsigned i;

	cpu_tss.rsp[0] = (uintptr_t)kstack_top;	/* until an env runs */
	for (i = 0; i < IST_COUNT; i++)
		cpu_tss.ist[i] = cpu_stack_guard(i + 2);
	cpu_tss.iomap = sizeof(cpu_tss);		/* none: no port for users */

	gdt[SEL_TSS / 8] = (sizeof(cpu_tss) - 1) | (base & 0xffffff) << 16 |
	    0x89ul << 40 | (base >> 24 & 0xff) << 56;
	gdt[SEL_TSS / 8 + 1] = base >> 32;

	__asm__ volatile("lgdt %0" : : "m"(ptr) : "memory");
	__asm__ volatile(
	    "pushq %0\n\t"
	    "leaq 1f(%%rip), %%rax\n\t"
	    "pushq %%rax\n\t"
	    "lretq\n"
	    "1:\n\t"
	    "movl %1, %%ss\n\t"
	    "movl %2, %%ds\n\t"
	    "movl %2, %%es\n\t"
	    "movl %2, %%fs\n\t"
	    "movl %2, %%gs\n\t"
	    "lldt %w2\n\t"		/* or it lies at 0, the user's */
	    "ltr %w3"
	    : : "i"(SEL_KCODE), "r"(SEL_KDATA), "r"(0), "r"(SEL_TSS)
	    : "rax", "memory");
}

static void
vectors_init(void)
{
	static const uint8_t ist[VEC_COUNT] = {
		[VEC_NMI] = IST_NMI, [VEC_DB] = IST_DB,
		[VEC_DF] = IST_DF, [VEC_MC] = IST_MC,
	};
	const struct table_ptr ptr = { sizeof(idt) - 1, (uintptr_t)idt };
	unsigned i;

	for (i = 0; i < VEC_COUNT; i++)
		idt[i] = (struct gate){
			.offset_low = (uint16_t)trap_entry[i],
			.offset_mid = (uint16_t)(trap_entry[i] >> 16),
			.offset_high = (uint32_t)(trap_entry[i] >> 32),
			.selector = SEL_KCODE,
			.ist = ist[i],
			.type = GATE_INTERRUPT |
			    (i == VEC_BP ? GATE_DPL3 : 0),
		};
	__asm__ volatile("lidt %0" : : "m"(ptr) : "memory");
}

static void
syscall_init(void)
{
	x86_wrmsr(MSR_STAR, STAR);
	x86_wrmsr(MSR_LSTAR, (uintptr_t)syscall_entry);
	x86_wrmsr(MSR_CSTAR, 0);
	x86_wrmsr(MSR_SFMASK, SFMASK);
	x86_wrmsr(MSR_SYSENTER_CS, 0);
	x86_wrmsr(MSR_FS_BASE, 0);
	x86_wrmsr(MSR_GS_BASE, 0);
}

void
cpu_init(void)
{
	struct cpu_features *f = &cpu_features;

	segments_init();
	vectors_init();
	features_read(f);
	features_require(f);
	control_init(f);
	xstate_init(f);
	syscall_init();
}
