/*
 * hw.h - the instructions that C code needs, one function each.
 *
 * tests/host has another hw.h, which drives a model TLB instead.
 */
#ifndef HW_H
#define HW_H

#include <stdint.h>

#include "cpu.h"
#include "x86.h"

static inline uint64_t
hw_tsc(void)
{
	return x86_rdtsc();
}

/* Where the frame of a trap from user mode ends. */
static inline void
hw_trap_frame(const void *end)
{
	cpu_tss.rsp[0] = (uint64_t)end;
}

/* The address of the last page fault. */
static inline uint64_t
hw_cr2(void)
{
	return x86_cr2();
}

static inline void
hw_bases(uint64_t *fsbase, uint64_t *gsbase)
{
	__asm__ volatile("rdfsbase %0" : "=r"(*fsbase));
	__asm__ volatile("rdgsbase %0" : "=r"(*gsbase));
}

/* What a switch of envs changes besides the registers of an entry. */
static inline void
hw_env_save(uint64_t *fsbase, uint64_t *gsbase, void *fp)
{
	hw_bases(fsbase, gsbase);
	__asm__ volatile("xsave64 (%0)" : : "r"(fp), "a"(-1), "d"(-1) :
	    "memory");
}

/* Selectors protect nothing in 64-bit mode, and are nobody's to keep: an env
 * finds them null, not as another left them.  They come before the bases, which
 * loading them clears. */
static inline void
hw_env_load(uint64_t fsbase, uint64_t gsbase, const void *fp)
{
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; "
	    "mov %0, %%gs" : : "r"(0));
	__asm__ volatile("wrfsbase %0" : : "r"(fsbase));
	__asm__ volatile("wrgsbase %0" : : "r"(gsbase));
	__asm__ volatile("xrstor64 (%0)" : : "r"(fp), "a"(-1), "d"(-1) :
	    "memory");
}

static inline void
hw_invlpg(uint64_t va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

/* type 0: one address of one PCID; 1: one PCID; 2: all, with globals;
 * 3: all but globals (SDM vol. 2A, INVPCID). */
static inline void
hw_invpcid(uint64_t type, uint64_t pcid, uint64_t va)
{
	struct { uint64_t pcid, va; } d = { pcid, va };

	__asm__ volatile("invpcid %0, %1" : : "m"(d), "r"(type) : "memory");
}

static inline uint64_t
hw_cr3(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr3, %0" : "=r"(v));
	return v;
}

/* Every PCID, and the global entries (SDM vol. 3A, 4.10.4.1: MOV to CR4). */
static inline void
hw_flush_all(void)
{
	const uint64_t pge = 1ul << 7;
	uint64_t cr4;

	__asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4 ^ pge) : "memory");
	__asm__ volatile("mov %0, %%cr4" : : "r"(cr4) : "memory");
}

static inline void
hw_set_cr3(uint64_t v)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

#endif
