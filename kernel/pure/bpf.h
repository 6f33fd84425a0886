/*
 * bpf.h - downloaded code: the BPF instruction set of RFC 9669, a validator
 * and an interpreter.
 *
 * Pure: no state, no allocation, no ambient input.  What bpf_validate()
 * accepts, bpf_run() runs to an end in at most `fuel` instructions, touches
 * nothing but the windows and the stack given to it, and gives the same
 * answer for the same bytes.  The program must not change after it was
 * judged, so whoever runs other people's programs judges a copy of his own.
 *
 * Not there, each refused by an error of its own: helper functions, maps
 * (the forms of LD_IMM64 with a source), legacy packet access.
 *
 * A program sees windows and its stack, at addresses that say nothing of the
 * host's.  Window k is the bytes [BPF_WINDOW(k), BPF_WINDOW(k) + len).  The
 * stack is BPF_DEPTH frames of BPF_FRAME bytes from BPF_STACK_BASE up, of
 * which those of the functions that have not returned can be touched, the
 * callers' too.  A frame reads as zero until it is written, at each call
 * anew.  An access of more than a byte lies in one window; only atomic ones
 * must be aligned.
 *
 * At the start r1-r5 are the arguments, r10 the end of the first frame, the
 * rest 0.  A call keeps r6-r9 and r10 for its caller; in r0-r5 is what the
 * callee left there.
 */
#ifndef PURE_BPF_H
#define PURE_BPF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BPF_LEN_MAX	512u		/* instructions: a frame of 4096 bytes */
#define BPF_DEPTH	8u		/* functions entered and not left */
#define BPF_FRAME	512u		/* bytes of stack for each */
#define BPF_STACK	(BPF_DEPTH * BPF_FRAME)

#define BPF_WINDOW(k)	((uint64_t)((k) + 1) << 32)
#define BPF_STACK_BASE	((uint64_t)1 << 62)

/* RFC 9669, section 3.  LD_IMM64 takes two of these. */
struct bpf_insn {
	uint8_t code;
	uint8_t regs;		/* destination, source << 4 */
	int16_t off;
	int32_t imm;
};
_Static_assert(sizeof(struct bpf_insn) == 8, "RFC 9669");

struct bpf_window {
	uint8_t *mem;		/* aligned to 8 bytes */
	uint32_t len;
	bool writable;
};

/* What is wrong with a program, then what can end a run. */
#define BPF_ERRORS(X)							      \
	X(BPF_OK, "no error")						      \
	X(BPF_E_LENGTH, "no instructions, or more than 512")		      \
	X(BPF_E_OPCODE, "unknown instruction")				      \
	X(BPF_E_PACKET, "legacy packet access is not supported")	      \
	X(BPF_E_MAP, "maps and other 64-bit immediates with a source are not "\
	    "supported")						      \
	X(BPF_E_HELPER, "helper functions are not supported")		      \
	X(BPF_E_REGISTER, "no such register")				      \
	X(BPF_E_READONLY, "r10 is read-only")				      \
	X(BPF_E_RESERVED, "a field that must be zero is not")		      \
	X(BPF_E_OFFSET, "an offset that this instruction does not have")      \
	X(BPF_E_IMM, "an immediate that this instruction does not have")      \
	X(BPF_E_HALF, "64-bit immediate without its second half")	      \
	X(BPF_E_JUMP, "jump or call to where no instruction begins")	      \
	X(BPF_E_END, "execution can run past the last instruction")	      \
	X(BPF_E_FUEL, "out of fuel")					      \
	X(BPF_E_ACCESS, "access outside the windows and the stack")	      \
	X(BPF_E_WRITE, "write to a read-only window")			      \
	X(BPF_E_ALIGN, "misaligned atomic access")			      \
	X(BPF_E_DEPTH, "calls nested too deeply")

#define BPF_ERROR_NAME(name, text)	name,
enum bpf_error { BPF_ERRORS(BPF_ERROR_NAME) BPF_ERRORS_COUNT };
#undef BPF_ERROR_NAME

/*
 * BPF_OK, or the first error in the order of the instructions, *at the
 * instruction (0 if the length is wrong); of one instruction, the first in
 * the order of the list.  Jumps are judged after all else.  at may be NULL.
 * A jump may lead to any instruction, also of another function; loops are
 * accepted, since fuel ends them, and so is recursion.
 */
enum bpf_error bpf_validate(const struct bpf_insn *code, uint32_t n,
    uint32_t *at);

struct bpf_run {
	const struct bpf_window *win;
	uint32_t nwin;
	uint32_t at;		/* out: the instruction that ended it */
	uint8_t *stack;		/* BPF_STACK bytes of anything, aligned to 8 */
	uint64_t arg[5];	/* r1-r5 */
	uint64_t fuel;		/* in: instructions allowed; out: left */
	uint64_t r0;		/* out: the result if BPF_OK, else 0 */
};

/*
 * Run a program that bpf_validate() accepted from its first instruction to
 * the first function's EXIT.  An executed instruction costs 1 of fuel; the
 * one that ends the run by an error is paid for, unless it is BPF_E_FUEL.
 * What was written before an error stays written.
 */
enum bpf_error bpf_run(const struct bpf_insn *code, uint32_t n,
    struct bpf_run *run);

/* BPF_E_NAME's text; never NULL. */
const char *bpf_text(enum bpf_error e);

/* The name itself, "BPF_E_NAME". */
const char *bpf_name(enum bpf_error e);

#endif
