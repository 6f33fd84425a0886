/*
 * hw.h - the instructions that C code needs, one function each.
 *
 * tests/host has another hw.h, which drives a model TLB instead.
 */
#ifndef HW_H
#define HW_H

#include <stdint.h>

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
