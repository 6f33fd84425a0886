/*
 * x86.h - the instructions and bits that C has no words for.
 *
 * Names follow Intel's manual, volume 3.
 */
#ifndef KERNEL_X86_H
#define KERNEL_X86_H

#include <stdint.h>

#define CR0_MP		(1ul << 1)
#define CR0_EM		(1ul << 2)
#define CR0_TS		(1ul << 3)
#define CR0_NE		(1ul << 5)
#define CR0_WP		(1ul << 16)
#define CR0_AM		(1ul << 18)
#define CR0_NW		(1ul << 29)
#define CR0_CD		(1ul << 30)

#define CR4_PAE		(1ul << 5)
#define CR4_MCE		(1ul << 6)
#define CR4_PGE		(1ul << 7)
#define CR4_OSFXSR	(1ul << 9)
#define CR4_OSXMMEXCPT	(1ul << 10)
#define CR4_UMIP	(1ul << 11)
#define CR4_FSGSBASE	(1ul << 16)
#define CR4_PCIDE	(1ul << 17)
#define CR4_OSXSAVE	(1ul << 18)
#define CR4_SMEP	(1ul << 20)
#define CR4_SMAP	(1ul << 21)

#define XCR0_X87	(1ul << 0)
#define XCR0_SSE	(1ul << 1)
#define XCR0_AVX	(1ul << 2)
#define XCR0_AVX512	(7ul << 5)	/* opmask, ZMM_Hi256, Hi16_ZMM */

#define RFLAGS_TF	(1ul << 8)
#define RFLAGS_IF	(1ul << 9)
#define RFLAGS_DF	(1ul << 10)
#define RFLAGS_IOPL	(3ul << 12)
#define RFLAGS_NT	(1ul << 14)
#define RFLAGS_RF	(1ul << 16)
#define RFLAGS_AC	(1ul << 18)

#define MSR_APIC_BASE	0x0000001b
#define MSR_SYSENTER_CS	0x00000174
#define MSR_EFER	0xc0000080
#define MSR_STAR	0xc0000081
#define MSR_LSTAR	0xc0000082
#define MSR_CSTAR	0xc0000083
#define MSR_SFMASK	0xc0000084
#define MSR_FS_BASE	0xc0000100
#define MSR_GS_BASE	0xc0000101

#define EFER_SCE	(1ul << 0)
#define EFER_NXE	(1ul << 11)

#define PTE_P		(1ul << 0)
#define PTE_W		(1ul << 1)
#define PTE_U		(1ul << 2)
#define PTE_PWT		(1ul << 3)
#define PTE_PCD		(1ul << 4)
#define PTE_A		(1ul << 5)
#define PTE_D		(1ul << 6)
#define PTE_PS		(1ul << 7)
#define PTE_G		(1ul << 8)
#define PTE_NX		(1ul << 63)
#define PTE_PA		0x000ffffffffff000ul

#define PAGE_SHIFT	12
#define PAGE_SIZE	4096ul

struct cpuid {
	uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid
x86_cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
	    : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
	    : "a"(leaf), "c"(sub));
	return r;
}

static inline uint64_t
x86_rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
	return (uint64_t)hi << 32 | lo;
}

static inline void
x86_wrmsr(uint32_t msr, uint64_t v)
{
	__asm__ volatile("wrmsr"
	    : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
	    : "memory");
}

static inline void
x86_xsetbv(uint32_t reg, uint64_t v)
{
	__asm__ volatile("xsetbv"
	    : : "c"(reg), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))
	    : "memory");
}

static inline uint64_t
x86_rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

#define X86_CR(n)							\
	static inline uint64_t						\
	x86_cr##n(void)							\
	{								\
		uint64_t v;						\
									\
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));	\
		return v;						\
	}								\
	static inline void						\
	x86_set_cr##n(uint64_t v)					\
	{								\
		__asm__ volatile("mov %0, %%cr" #n : : "r"(v) : "memory"); \
	}

X86_CR(0)
X86_CR(2)
X86_CR(3)
X86_CR(4)

static inline void
x86_invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void
x86_outb(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void
x86_outw(uint16_t port, uint16_t v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void
x86_outl(uint16_t port, uint32_t v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t
x86_inb(uint16_t port)
{
	uint8_t v;

	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint16_t
x86_inw(uint16_t port)
{
	uint16_t v;

	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline uint32_t
x86_inl(uint16_t port)
{
	uint32_t v;

	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}

static inline void
x86_pause(void)
{
	__asm__ volatile("pause");
}

/* Stops this CPU for good. */
static inline _Noreturn void
x86_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

#endif
