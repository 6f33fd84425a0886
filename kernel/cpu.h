/*
 * cpu.h - what this CPU can do, and its segments, stacks and vectors.
 */
#ifndef KERNEL_CPU_H
#define KERNEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* In the order that SYSCALL and SYSRET want (SDM volume 2, SYSRET). */
#define SEL_KCODE	0x08
#define SEL_KDATA	0x10
#define SEL_UDATA	0x23
#define SEL_UCODE	0x2b
#define SEL_TSS		0x30

/* Interrupt stack table slots. */
#define IST_NMI		1
#define IST_DF		2
#define IST_MC		3
#define IST_DB		4
#define IST_COUNT	4

#define VEC_TIMER	32
#define VEC_SPURIOUS	47
#define VEC_COUNT	48

#define CPU_STACKS	(1 + IST_COUNT)	/* 0: kstack; then each IST */
#define CPU_STACK_SIZE	16384ul
#define CPU_XSAVE_MAX	2816u		/* room in an env's frame */

struct cpu_features {
	bool nx, syscall, fsgsbase, xsave;	/* required */
	bool mce, pge, smep, smap, umip, pcid, invpcid;
	bool xsaveopt, erms, rdtscp, avx, avx512, invariant_tsc;
	uint64_t xcr0;			/* what user code may use */
	uint32_t xsave_size;		/* bytes that xsave writes under it */
	uint64_t cr4;			/* as set by cpu_init() */
	char vendor[13];
	char brand[49];
};

struct tss {
	uint32_t zero0;
	uint64_t rsp[3];
	uint64_t zero1;
	uint64_t ist[7];
	uint64_t zero2;
	uint16_t zero3, iomap;
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == 104, "SDM volume 3, 7.7");

extern struct tss cpu_tss;

extern struct cpu_features cpu_features;
extern uint8_t kstack_top[];

void	 cpu_init(void);

/* The unmapped page below stack i, and the top of the stack that holds rsp
 * (0: none does). */
uint64_t cpu_stack_guard(unsigned i);
uint64_t cpu_stack_top(uint64_t rsp);

#endif
