/*
 * nap.h - predicates for tests, instruction by instruction, and what they are
 * slept on with.
 *
 *	static const uint64_t code[] = { LOAD(R0, R1, PRED(ticks)), EXIT };
 *	struct exo_sleep s = { .prog = prog_new(code, 2, name), ... };
 */
#ifndef NAP_H
#define NAP_H

#include "test.h"

enum { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

/* RFC 9669, section 3: code, registers, offset, immediate. */
#define INSN(code, dst, src, off, imm)					      \
	((uint64_t)(uint8_t)(code) | (uint64_t)(dst) << 8 |		      \
	(uint64_t)(src) << 12 | (uint64_t)(uint16_t)(off) << 16 |	      \
	(uint64_t)(uint32_t)(imm) << 32)

#define MOV(dst, imm)		INSN(0xb7, dst, 0, 0, imm)
#define MOVR(dst, src)		INSN(0xbf, dst, src, 0, 0)
#define ADD(dst, imm)		INSN(0x07, dst, 0, 0, imm)
#define SUBR(dst, src)		INSN(0x1f, dst, src, 0, 0)
#define SHL(dst, imm)		INSN(0x67, dst, 0, 0, imm)
#define LOAD(dst, src, off)	INSN(0x79, dst, src, off, 0)
#define LOAD32(dst, src, off)	INSN(0x61, dst, src, off, 0)
#define LOAD8(dst, src, off)	INSN(0x71, dst, src, off, 0)
#define STORE(dst, off, src)	INSN(0x7b, dst, src, off, 0)
#define JA(off)			INSN(0x05, 0, 0, off, 0)
#define JEQ(dst, imm, off)	INSN(0x15, dst, 0, off, imm)
#define JNE(dst, imm, off)	INSN(0x55, dst, 0, off, imm)
#define JEQR(dst, src, off)	INSN(0x1d, dst, src, off, 0)
#define JLTR(dst, src, off)	INSN(0xad, dst, src, off, 0)
#define CALL(off)		INSN(0x85, 0, 1, 0, off)
#define EXIT			INSN(0x95, 0, 0, 0, 0)
/* The address of window n: two instructions, one of fuel. */
#define WINDOW(dst, n)		INSN(0x18, dst, 0, 0, 0),		      \
				INSN(0, 0, 0, 0, (n) + 2)
#define PRED(field)		offsetof(struct exo_pred, field)

/* A program in a frame of mine, guarded by the name in slot `guard`. */
exo_ppn prog_new(const uint64_t *code, uint32_t n, exo_slot guard);
#define PROG_NEW(code, guard)						      \
	prog_new(code, sizeof(code) / sizeof((code)[0]), guard)

/* Windows for s->win, as the frame or table is now; counted in s->nwin. */
void nap_frame(struct exo_sleep *s, exo_ppn ppn, exo_slot slot,
    uint64_t offset, uint32_t len);
void nap_table(struct exo_sleep *s, enum exo_table table, uint64_t offset,
    uint32_t len);

/* This program sleeps on it, whoever runs meanwhile: its result. */
long nap(const struct exo_sleep *s);

#endif
