/*
 * bpf_reference.h - BPF once more, slowly: what kernel/pure/bpf.c is held to.
 *
 * Written from RFC 9669 and the contract in bpf.h, in another way on purpose:
 * fields are decoded by class and operation, memory is found and moved byte by
 * byte, every function has a stack frame of its own that is cleared when it is
 * entered, and fuel is counted down at each instruction.
 *
 * ref_repair() makes an acceptable program out of any bytes, so that random
 * programs get past the validator.
 */
#ifndef TESTS_FUZZ_BPF_REFERENCE_H
#define TESTS_FUZZ_BPF_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "bpf.h"

#define REF_WINDOWS	3u

struct ref {
	struct bpf_insn code[BPF_LEN_MAX + 1];
	uint32_t n;
	struct bpf_window win[REF_WINDOWS];
	uint32_t nwin;
	uint64_t reg[11];
	uint64_t fuel;
	uint32_t pc;
	int depth;
	uint8_t stack[BPF_DEPTH][BPF_FRAME];
	uint64_t kept[BPF_DEPTH][4];
	uint32_t back[BPF_DEPTH];
};

enum ref_class { R_LD, R_LDX, R_ST, R_STX, R_ALU, R_JMP, R_JMP32, R_ALU64 };

static bool
ref_second_half(const struct bpf_insn *code, uint32_t i)
{
	uint32_t at = 0;

	while (at < i)
		at += code[at].code == 0x18 ? 2 : 1;
	return at != i;
}

static bool
ref_atomic_op(int32_t imm)
{
	static const int32_t known[] = { 0, 1, 0x40, 0x41, 0x50, 0x51, 0xa0,
	    0xa1, 0xe1, 0xf1 };

	for (unsigned i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i] == imm)
			return true;
	return false;
}

static bool
ref_alu_ok(const struct bpf_insn *in, unsigned dst, unsigned src)
{
	unsigned op = in->code >> 4;
	bool reg = (in->code & 8) != 0, wide = (in->code & 7) == R_ALU64;

	if (dst > 9 || op > 13)
		return false;
	if (op == 13)			/* END; the 64-bit class swaps */
		return src == 0 && in->off == 0 && !(wide && reg) &&
		    (in->imm == 16 || in->imm == 32 || in->imm == 64);
	if (op == 8)
		return !reg && src == 0 && in->off == 0 && in->imm == 0;
	if (reg ? src > 10 || in->imm != 0 : src != 0)
		return false;
	if (op == 3 || op == 9)
		return in->off == 0 || in->off == 1;
	if (op == 11 && reg)
		return in->off == 0 || in->off == 8 || in->off == 16 ||
		    (wide && in->off == 32);
	return in->off == 0;
}

static bool
ref_target_ok(const struct ref *r, uint32_t i, int64_t by)
{
	int64_t to = (int64_t)i + 1 + by;

	return to >= 0 && to < r->n && !ref_second_half(r->code, (uint32_t)to);
}

static bool
ref_jump_ok(const struct ref *r, uint32_t i, unsigned dst, unsigned src)
{
	const struct bpf_insn *in = &r->code[i];
	unsigned op = in->code >> 4;
	bool reg = (in->code & 8) != 0, narrow = (in->code & 7) == R_JMP32;

	if (op == 0)
		return !reg && dst == 0 && src == 0 && (narrow ?
		    in->off == 0 && ref_target_ok(r, i, in->imm) :
		    in->imm == 0 && ref_target_ok(r, i, in->off));
	if (op == 8)
		return !reg && !narrow && dst == 0 && src == 1 &&
		    in->off == 0 && ref_target_ok(r, i, in->imm);
	if (op == 9)
		return !reg && !narrow && dst == 0 && src == 0 &&
		    in->off == 0 && in->imm == 0;
	return op <= 13 && dst <= 10 && (reg ? src <= 10 && in->imm == 0 :
	    src == 0) && ref_target_ok(r, i, in->off);
}

static bool
ref_memory_ok(const struct bpf_insn *in, unsigned dst, unsigned src)
{
	unsigned class = in->code & 7, mode = in->code >> 5;
	unsigned size = in->code >> 3 & 3;

	if (class == R_LDX)
		return dst <= 9 && src <= 10 && in->imm == 0 &&
		    (mode == 3 || (mode == 4 && size != 3));
	if (class == R_ST)
		return dst <= 10 && src == 0 && mode == 3;
	if (mode == 3)
		return dst <= 10 && src <= 10 && in->imm == 0;
	return mode == 6 && (size == 0 || size == 3) && dst <= 10 &&
	    ref_atomic_op(in->imm) &&
	    src <= (in->imm != 0xf1 && (in->imm & 1) ? 9u : 10u);
}

static bool
ref_valid(const struct ref *r)
{
	if (r->n == 0 || r->n > BPF_LEN_MAX)
		return false;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct bpf_insn *in = &r->code[i];
		unsigned dst = in->regs & 15, src = in->regs >> 4, last;

		switch (in->code & 7) {
		case R_LD:
			if (in->code != 0x18 || dst > 9 || src != 0 ||
			    in->off != 0 || ++i >= r->n - 1 ||
			    in[1].code != 0 || in[1].regs != 0 ||
			    in[1].off != 0)
				return false;
			continue;
		case R_ALU:
		case R_ALU64:
			if (!ref_alu_ok(in, dst, src))
				return false;
			break;
		case R_JMP:
		case R_JMP32:
			if (!ref_jump_ok(r, i, dst, src))
				return false;
			break;
		default:
			if (!ref_memory_ok(in, dst, src))
				return false;
		}
		last = in->code;
		if (i == r->n - 1 && last != 0x95 && last != 0x05 &&
		    last != 0x06)
			return false;
	}
	return true;
}

/* The host's byte at an address, NULL if the program has none there. */
static uint8_t *
ref_byte(struct ref *r, uint64_t addr, bool write, int *region)
{
	for (uint32_t k = 0; k < r->nwin; k++) {
		uint64_t base = 0x100000000ull * (k + 1);

		if (addr >= base && addr - base < r->win[k].len) {
			*region = write && !r->win[k].writable ? -1 : (int)k;
			return r->win[k].mem + (addr - base);
		}
	}
	for (int d = 0; d <= r->depth; d++) {
		uint64_t base = 0x4000000000000000ull + 512 * (uint64_t)d;

		if (addr >= base && addr - base < 512) {
			*region = (int)REF_WINDOWS;
			return &r->stack[d][addr - base];
		}
	}
	return NULL;
}

static enum bpf_error
ref_access(struct ref *r, uint64_t addr, unsigned size, bool write,
    uint8_t *byte[8])
{
	int first = 0, region = 0;

	for (unsigned i = 0; i < size; i++) {
		byte[i] = ref_byte(r, addr + i, write, &region);
		if (i == 0)
			first = region;
		if (byte[i] == NULL || region != first)
			return BPF_E_ACCESS;
	}
	return first == -1 ? BPF_E_WRITE : BPF_OK;
}

static uint64_t
ref_get(uint8_t *byte[8], unsigned size)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < size; i++)
		v |= (uint64_t)*byte[i] << 8 * i;
	return v;
}

static void
ref_put(uint8_t *byte[8], unsigned size, uint64_t v)
{
	for (unsigned i = 0; i < size; i++)
		*byte[i] = (uint8_t)(v >> 8 * i);
}

static uint64_t
ref_cut(uint64_t v, unsigned bits)
{
	return bits == 64 ? v : v & ((1ull << bits) - 1);
}

static __int128
ref_signed(uint64_t v, unsigned bits)
{
	__int128 s = ref_cut(v, bits);

	return s >= (__int128)1 << (bits - 1) ? s - ((__int128)1 << bits) : s;
}

static uint64_t
ref_swap(uint64_t v, unsigned bits)
{
	uint64_t out = 0;

	for (unsigned i = 0; i < bits; i += 8)
		out |= (v >> i & 0xff) << (bits - 8 - i);
	return out;
}

/* Euclid's way: no division of the host's. */
static uint64_t
ref_divide(uint64_t a, uint64_t b, uint64_t *rest)
{
	unsigned __int128 left = 0;
	uint64_t q = 0;

	for (int i = 63; i >= 0; i--) {
		left = left << 1 | (a >> i & 1);
		if (left >= b) {
			left -= b;
			q |= 1ull << i;
		}
	}
	*rest = (uint64_t)left;
	return q;
}

static uint64_t
ref_division(uint64_t a, uint64_t b, unsigned bits, bool sign, bool want_rest)
{
	bool neg_a = sign && ref_signed(a, bits) < 0;
	bool neg_b = sign && ref_signed(b, bits) < 0;
	uint64_t q, rest;

	if (b == 0)
		return want_rest ? a : 0;
	q = ref_divide(ref_cut(neg_a ? 0 - a : a, bits),
	    ref_cut(neg_b ? 0 - b : b, bits), &rest);
	if (want_rest)
		return neg_a ? 0 - rest : rest;
	return neg_a != neg_b ? 0 - q : q;
}

static uint64_t
ref_alu(const struct bpf_insn *in, uint64_t a, uint64_t b)
{
	unsigned bits = (in->code & 7) == R_ALU64 ? 64 : 32;
	unsigned op = in->code >> 4;

	if (op == 11 && in->off != 0)
		return ref_cut((uint64_t)ref_signed(b, (unsigned)in->off),
		    bits);
	if (op == 13)
		return bits == 64 || (in->code & 8) ?
		    ref_swap(a, (unsigned)in->imm) :
		    ref_cut(a, (unsigned)in->imm);
	a = ref_cut(a, bits);
	b = ref_cut(b, bits);
	switch (op) {
	case 0: a += b; break;
	case 1: a -= b; break;
	case 2: a *= b; break;
	case 3: a = ref_division(a, b, bits, in->off == 1, false); break;
	case 4: a |= b; break;
	case 5: a &= b; break;
	case 6: a <<= b & (bits - 1); break;
	case 7: a >>= b & (bits - 1); break;
	case 8: a = 0 - a; break;
	case 9: a = ref_division(a, b, bits, in->off == 1, true); break;
	case 10: a ^= b; break;
	case 11: a = b; break;
	case 12: a = (uint64_t)(ref_signed(a, bits) >> (b & (bits - 1)));
	}
	return ref_cut(a, bits);
}

static bool
ref_condition(unsigned op, uint64_t a, uint64_t b, unsigned bits)
{
	__int128 sa = ref_signed(a, bits), sb = ref_signed(b, bits);

	a = ref_cut(a, bits);
	b = ref_cut(b, bits);
	switch (op) {
	case 0: return true;
	case 1: return a == b;
	case 2: return a > b;
	case 3: return a >= b;
	case 4: return (a & b) != 0;
	case 5: return a != b;
	case 6: return sa > sb;
	case 7: return sa >= sb;
	case 10: return a < b;
	case 11: return a <= b;
	case 12: return sa < sb;
	default: return sa <= sb;
	}
}

static enum bpf_error
ref_atomic(struct ref *r, const struct bpf_insn *in, uint64_t addr)
{
	unsigned size = (in->code >> 3 & 3) == 3 ? 8 : 4;
	uint64_t *src = &r->reg[in->regs >> 4], old, v;
	uint8_t *byte[8];
	enum bpf_error e = ref_access(r, addr, size, true, byte);

	if (e != BPF_OK)
		return e;
	if (addr % size != 0)
		return BPF_E_ALIGN;
	old = ref_get(byte, size);
	v = ref_cut(*src, 8 * size);
	switch (in->imm & 0xf0) {
	case 0x00: v = old + v; break;
	case 0x40: v = old | v; break;
	case 0x50: v = old & v; break;
	case 0xa0: v = old ^ v; break;
	case 0xe0: break;
	case 0xf0:
		if (old != ref_cut(r->reg[0], 8 * size))
			v = old;
		src = &r->reg[0];
	}
	ref_put(byte, size, v);
	if (in->imm & 1)
		*src = old;
	return BPF_OK;
}

static enum bpf_error
ref_memory(struct ref *r, const struct bpf_insn *in)
{
	static const unsigned bytes[4] = { 4, 2, 1, 8 };
	unsigned class = in->code & 7, size = bytes[in->code >> 3 & 3];
	unsigned dst = in->regs & 15, src = in->regs >> 4;
	uint64_t addr = r->reg[class == R_LDX ? src : dst] +
	    (uint64_t)(int64_t)in->off, v;
	uint8_t *byte[8];
	enum bpf_error e;

	if (in->code >> 5 == 6)
		return ref_atomic(r, in, addr);
	e = ref_access(r, addr, size, class != R_LDX, byte);
	if (e != BPF_OK)
		return e;
	if (class == R_LDX) {
		v = ref_get(byte, size);
		r->reg[dst] = in->code >> 5 == 4 ?
		    (uint64_t)ref_signed(v, 8 * size) : v;
	} else {
		ref_put(byte, size, class == R_ST ?
		    (uint64_t)(int64_t)in->imm : r->reg[src]);
	}
	return BPF_OK;
}

static enum bpf_error
ref_call(struct ref *r, int32_t by)
{
	if (r->depth == (int)BPF_DEPTH - 1)
		return BPF_E_DEPTH;
	r->back[r->depth] = r->pc + 1;
	memcpy(r->kept[r->depth], &r->reg[6], 32);
	r->depth++;
	memset(r->stack[r->depth], 0, BPF_FRAME);
	r->reg[10] += 512;
	r->pc += 1 + (uint32_t)by;
	return BPF_OK;
}

/* One instruction; *done if it was the last. */
static enum bpf_error
ref_step(struct ref *r, bool *done)
{
	const struct bpf_insn *in = &r->code[r->pc];
	unsigned class = in->code & 7, dst = in->regs & 15;
	uint64_t b = in->code & 8 ? r->reg[in->regs >> 4] :
	    (uint64_t)(int64_t)in->imm;
	enum bpf_error e = BPF_OK;

	if (in->code == 0x85)
		return ref_call(r, in->imm);
	if (in->code == 0x95) {
		*done = r->depth == 0;
		if (*done)
			return BPF_OK;
		r->depth--;
		memcpy(&r->reg[6], r->kept[r->depth], 32);
		r->reg[10] -= 512;
		r->pc = r->back[r->depth];
		return BPF_OK;
	}
	switch (class) {
	case R_LD:
		r->reg[dst] = (uint32_t)in[0].imm +
		    0x100000000ull * (uint32_t)in[1].imm;
		r->pc++;
		break;
	case R_ALU:
	case R_ALU64:
		r->reg[dst] = ref_alu(in, r->reg[dst], b);
		break;
	case R_JMP:
	case R_JMP32:
		if (ref_condition(in->code >> 4, r->reg[dst], b,
		    class == R_JMP ? 64 : 32))
			r->pc += (uint32_t)(in->code == 0x06 ? in->imm :
			    in->off);
		break;
	default:
		e = ref_memory(r, in);
	}
	if (e == BPF_OK)
		r->pc++;
	return e;
}

/* As bpf_run(), for what ref_valid() accepts. */
static enum bpf_error
ref_run(struct ref *r, const uint64_t arg[5])
{
	enum bpf_error e = BPF_OK;

	memset(r->reg, 0, sizeof(r->reg));
	memcpy(&r->reg[1], arg, 40);
	r->reg[10] = 0x4000000000000200ull;
	memset(r->stack[0], 0, BPF_FRAME);
	r->pc = 0;
	r->depth = 0;
	for (bool done = false; !done && e == BPF_OK;) {
		if (r->fuel == 0)
			return BPF_E_FUEL;
		r->fuel--;
		e = ref_step(r, &done);
	}
	return e;
}

/* One acceptable instruction out of any, jumps apart. */
static void
ref_repair_insn(struct bpf_insn *in)
{
	static const uint8_t sizes[4] = { 0x00, 0x08, 0x10, 0x18 };
	static const int32_t widths[4] = { 16, 32, 64, 16 };
	static const int32_t atomics[16] = { 0, 1, 0x40, 0x41, 0x50, 0x51,
	    0xa0, 0xa1, 0xe1, 0xf1, 0xf1, 0xe1, 1, 0, 0xa0, 0x50 };
	static const uint8_t bases[4] = { 1, 2, 3, 10 };
	unsigned class = in->code & 7, op = in->code >> 4;
	unsigned dst = (in->regs & 15) % 10, src = (in->regs >> 4) % 11;
	unsigned base = (unsigned)in->off >> 6 & 7;

	if (class == R_ALU || class == R_ALU64) {
		op %= 14;
		in->code = (uint8_t)(op << 4 | (in->code & 15));
		if (op == 8 || (op == 13 && class == R_ALU64))
			in->code &= ~8;
		if (op == 13)
			in->imm = widths[in->imm & 3];
		in->off = op == 3 || op == 9 ? in->off & 1 :
		    op == 11 && in->code & 8 && in->off & 1 ?
		    (in->off & 2 ? 8 : 16) : 0;
		if (op == 8 || (in->code & 8 && op != 13))
			in->imm = 0;
		if (!(in->code & 8) || op == 13)
			src = 0;
	} else if (class == R_JMP || class == R_JMP32) {
		if (op == 8 || op == 9) {
			in->code = (uint8_t)(op << 4 | R_JMP);
			src = op == 8;
			dst = 0;
			in->off = 0;
			in->imm = op == 8 ? in->imm : 0;
		} else if (op == 0 || op > 13) {
			in->code = (uint8_t)class;
			dst = src = 0;
			*(class == R_JMP ? &in->imm : &(int32_t){ 0 }) = 0;
			in->off = class == R_JMP ? in->off : 0;
		} else if (in->code & 8) {
			in->imm = 0;
		} else {
			src = 0;
		}
	} else if (class == R_LD) {
		*in = (struct bpf_insn){ 0xb7, (uint8_t)dst, 0, in->imm };
		return;
	} else {
		/* Mostly near the beginning of a window, or on the stack. */
		unsigned b = base < 6 ? bases[base & 3] : src;

		in->off = (int16_t)(b == 10 ? -(in->off & 63) - 1 :
		    in->off & 63);
		if (class == R_LDX) {
			src = b;
			in->code = (uint8_t)(class | sizes[in->code >> 3 & 3] |
			    (op & 1 && (in->code >> 3 & 3) != 3 ? 0x80 :
			    0x60));
			in->imm = 0;
		} else if (class == R_STX && op & 2) {
			in->code = op & 4 ? 0xdb : 0xc3;
			in->imm = atomics[in->imm & 15];
			in->off &= ~7;
			dst = b;
			src %= 10;
		} else {
			dst = b;
			in->code = (uint8_t)(class | 0x60 |
			    sizes[in->code >> 3 & 3]);
			if (class == R_ST)
				src = 0;
			else
				in->imm = 0;
		}
	}
	in->regs = (uint8_t)(dst | src << 4);
}

/* Make the program acceptable; its jumps stay where they can. */
static void
ref_repair(struct bpf_insn *code, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		if (code[i].code == 0x18 && i + 2 < n) {
			code[i].regs = (code[i].regs & 15) % 10;
			code[i].off = 0;
			code[++i] = (struct bpf_insn){ .imm = code[i].imm };
			continue;
		}
		ref_repair_insn(&code[i]);
	}
	code[n - 1] = (struct bpf_insn){ .code = 0x95 };
	for (uint32_t i = 0; i < n; i += code[i].code == 0x18 ? 2 : 1) {
		unsigned class = code[i].code & 7;
		bool far = code[i].code == 0x06 || code[i].code == 0x85;
		int64_t by = far ? code[i].imm : code[i].off, to;

		if ((class != R_JMP && class != R_JMP32) ||
		    code[i].code == 0x95)
			continue;
		to = (int64_t)i + 1 + by;
		if (to < 0 || to >= n) {
			to = (i + (uint64_t)by % 7) % n;
			by = to - i - 1;
		}
		if (ref_second_half(code, (uint32_t)to))
			by--;
		if (far)
			code[i].imm = (int32_t)by;
		else
			code[i].off = (int16_t)by;
	}
}

#endif
