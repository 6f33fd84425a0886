/*
 * bpf.c - the BPF instruction set: validator and interpreter; see bpf.h.
 *
 * Section numbers are those of RFC 9669.  OPCODES is the one list of what is
 * supported; the validator's table and the interpreter's are made from it, so
 * what is accepted has a label to go to.
 */
#include "bpf.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
    "programs and windows are little-endian");

/* 3.1: classes; the second operand is a constant (K) or a register (X). */
enum {
	LD = 0, LDX = 1, ST = 2, STX = 3, ALU = 4, JMP = 5, JMP32 = 6,
	ALU64 = 7, K = 0, X = 8,
};

/* What an instruction's fields may hold.  The others must be zero. */
enum {
	KNOWN = 1 << 0,
	DST = 1 << 1,
	SRC = 1 << 2,
	WRITES = 1 << 3,	/* the destination, so not r10 */
	OFF = 1 << 4,		/* any offset */
	IMM = 1 << 5,		/* any immediate */
	NEAR = 1 << 6,		/* goes to off */
	FAR = 1 << 7,		/* goes to imm */
	LAST = 1 << 8,		/* never goes on to the next instruction */
	SIGNED = 1 << 9,	/* 4.1: off 1 is signed division */
	EXTEND = 1 << 10,	/* 4.1: off 8 or 16 is MOVSX */
	EXTEND32 = 1 << 11,	/* off 32 too */
	WIDTH = 1 << 12,	/* 4.2: imm 16, 32 or 64 */
	ATOMIC = 1 << 13,	/* 5.3: imm is the operation */
	CALL = 1 << 14,		/* 4.3.1: the source is the kind of call */
	WIDE = 1 << 15,		/* 5.4: and of 64-bit immediate */
};

#define BINARY_ROWS(O, name, op, more)					      \
	O(name##32_K, ALU | K | op, DST | WRITES | IMM | more)		      \
	O(name##32_X, ALU | X | op, DST | WRITES | SRC | more)		      \
	O(name##64_K, ALU64 | K | op, DST | WRITES | IMM | more)	      \
	O(name##64_X, ALU64 | X | op, DST | WRITES | SRC | more)
#define COMPARE_ROWS(O, name, op)					      \
	O(name##32_K, JMP32 | K | op, DST | IMM | NEAR)			      \
	O(name##32_X, JMP32 | X | op, DST | SRC | NEAR)			      \
	O(name##64_K, JMP | K | op, DST | IMM | NEAR)			      \
	O(name##64_X, JMP | X | op, DST | SRC | NEAR)
#define LOAD_ROW(O, name, code)						      \
	O(name, LDX | code, DST | WRITES | SRC | OFF)
#define STORE_ROWS(O, name, code)					      \
	O(name##_K, ST | code, DST | OFF | IMM)				      \
	O(name##_X, STX | code, DST | SRC | OFF)

#define OPCODES(O)							      \
	BINARY_ROWS(O, ADD, 0x00, 0)					      \
	BINARY_ROWS(O, SUB, 0x10, 0)					      \
	BINARY_ROWS(O, MUL, 0x20, 0)					      \
	BINARY_ROWS(O, DIV, 0x30, SIGNED)				      \
	BINARY_ROWS(O, OR, 0x40, 0)					      \
	BINARY_ROWS(O, AND, 0x50, 0)					      \
	BINARY_ROWS(O, LSH, 0x60, 0)					      \
	BINARY_ROWS(O, RSH, 0x70, 0)					      \
	O(NEG32, ALU | K | 0x80, DST | WRITES)				      \
	O(NEG64, ALU64 | K | 0x80, DST | WRITES)			      \
	BINARY_ROWS(O, MOD, 0x90, SIGNED)				      \
	BINARY_ROWS(O, XOR, 0xa0, 0)					      \
	O(MOV32_K, ALU | K | 0xb0, DST | WRITES | IMM)			      \
	O(MOV32_X, ALU | X | 0xb0, DST | WRITES | SRC | EXTEND)		      \
	O(MOV64_K, ALU64 | K | 0xb0, DST | WRITES | IMM)		      \
	O(MOV64_X, ALU64 | X | 0xb0, DST | WRITES | SRC | EXTEND | EXTEND32)  \
	BINARY_ROWS(O, ARSH, 0xc0, 0)					      \
	O(TO_LE, ALU | K | 0xd0, DST | WRITES | WIDTH)			      \
	O(TO_BE, ALU | X | 0xd0, DST | WRITES | WIDTH)			      \
	O(BSWAP, ALU64 | K | 0xd0, DST | WRITES | WIDTH)		      \
	O(JA, JMP | 0x00, NEAR | LAST)					      \
	O(JA_FAR, JMP32 | 0x00, FAR | LAST)				      \
	COMPARE_ROWS(O, JEQ, 0x10)					      \
	COMPARE_ROWS(O, JGT, 0x20)					      \
	COMPARE_ROWS(O, JGE, 0x30)					      \
	COMPARE_ROWS(O, JSET, 0x40)					      \
	COMPARE_ROWS(O, JNE, 0x50)					      \
	COMPARE_ROWS(O, JSGT, 0x60)					      \
	COMPARE_ROWS(O, JSGE, 0x70)					      \
	O(CALL_LOCAL, JMP | 0x80, CALL | FAR)				      \
	O(EXIT, JMP | 0x90, LAST)					      \
	COMPARE_ROWS(O, JLT, 0xa0)					      \
	COMPARE_ROWS(O, JLE, 0xb0)					      \
	COMPARE_ROWS(O, JSLT, 0xc0)					      \
	COMPARE_ROWS(O, JSLE, 0xd0)					      \
	O(LD_IMM64, LD | 0x18, DST | WRITES | WIDE | IMM)		      \
	LOAD_ROW(O, LDXW, 0x60)						      \
	LOAD_ROW(O, LDXH, 0x68)						      \
	LOAD_ROW(O, LDXB, 0x70)						      \
	LOAD_ROW(O, LDXDW, 0x78)					      \
	LOAD_ROW(O, LDXSW, 0x80)					      \
	LOAD_ROW(O, LDXSH, 0x88)					      \
	LOAD_ROW(O, LDXSB, 0x90)					      \
	STORE_ROWS(O, STW, 0x60)					      \
	STORE_ROWS(O, STH, 0x68)					      \
	STORE_ROWS(O, STB, 0x70)					      \
	STORE_ROWS(O, STDW, 0x78)					      \
	O(ATOMIC32, STX | 0xc0, DST | SRC | OFF | ATOMIC)		      \
	O(ATOMIC64, STX | 0xd8, DST | SRC | OFF | ATOMIC)

#define FIELDS_ROW(name, code, fields)	[code] = KNOWN | (fields),
static const uint16_t fields_of[256] = { OPCODES(FIELDS_ROW) };

/* 5.3: the operations that atomic instructions name in imm. */
enum {
	A_ADD = 0x00, A_OR = 0x40, A_AND = 0x50, A_XOR = 0xa0, A_FETCH = 0x01,
	A_XCHG = 0xe1, A_CMPXCHG = 0xf1,
};

#define R10	10u

static uint32_t
dst_of(const struct bpf_insn *in)
{
	return in->regs & 15;
}

static uint32_t
src_of(const struct bpf_insn *in)
{
	return in->regs >> 4;
}

/* ------------------------------------------------------------ validator */

static bool
atomic_ok(int32_t imm)
{
	switch (imm) {
	case A_ADD: case A_ADD | A_FETCH:
	case A_OR: case A_OR | A_FETCH:
	case A_AND: case A_AND | A_FETCH:
	case A_XOR: case A_XOR | A_FETCH:
	case A_XCHG: case A_CMPXCHG:
		return true;
	}
	return false;
}

/* What is supported at all. */
static enum bpf_error
kind_check(const struct bpf_insn *in, uint32_t fields)
{
	if ((fields & KNOWN) == 0) {
		/* 5.5: ABS and IND, of 1, 2 and 4 bytes. */
		if ((in->code & 7) == LD && in->code >= 0x20 &&
		    in->code < 0x60 && (in->code & 0x18) != 0x18)
			return BPF_E_PACKET;
		return BPF_E_OPCODE;
	}
	if ((fields & WIDE) != 0 && src_of(in) != 0)
		return BPF_E_MAP;
	if ((fields & CALL) != 0 && src_of(in) != 1)
		return BPF_E_HELPER;
	return BPF_OK;
}

static enum bpf_error
registers_check(const struct bpf_insn *in, uint32_t fields)
{
	uint32_t dst = dst_of(in), src = src_of(in);

	if (((fields & DST) != 0 && dst > R10) ||
	    ((fields & SRC) != 0 && src > R10))
		return BPF_E_REGISTER;
	if ((fields & WRITES) != 0 && dst == R10)
		return BPF_E_READONLY;
	/* Fetched is into the source, but for CMPXCHG into r0. */
	if ((fields & ATOMIC) != 0 && (in->imm & A_FETCH) != 0 &&
	    in->imm != A_CMPXCHG && src == R10)
		return BPF_E_READONLY;
	if ((fields & DST) == 0 && dst != 0)
		return BPF_E_RESERVED;
	if ((fields & (SRC | CALL | WIDE)) == 0 && src != 0)
		return BPF_E_RESERVED;
	return BPF_OK;
}

static enum bpf_error
constants_check(const struct bpf_insn *in, uint32_t fields)
{
	int32_t off = in->off, imm = in->imm;

	if ((fields & (OFF | NEAR | SIGNED | EXTEND)) == 0 && off != 0)
		return BPF_E_RESERVED;
	if ((fields & (IMM | FAR | WIDTH | ATOMIC)) == 0 && imm != 0)
		return BPF_E_RESERVED;
	if ((fields & SIGNED) != 0 && off != 0 && off != 1)
		return BPF_E_OFFSET;
	if ((fields & EXTEND) != 0 && off != 0 && off != 8 && off != 16 &&
	    ((fields & EXTEND32) == 0 || off != 32))
		return BPF_E_OFFSET;
	if ((fields & WIDTH) != 0 && imm != 16 && imm != 32 && imm != 64)
		return BPF_E_IMM;
	if ((fields & ATOMIC) != 0 && !atomic_ok(imm))
		return BPF_E_IMM;
	return BPF_OK;
}

/* One instruction by itself, of which `left` and it are there. */
static enum bpf_error
insn_check(const struct bpf_insn *in, uint32_t left)
{
	uint32_t fields = fields_of[in->code];
	uint32_t slots = (fields & WIDE) != 0 ? 2 : 1;
	enum bpf_error e = kind_check(in, fields);

	if (e == BPF_OK)
		e = registers_check(in, fields);
	if (e == BPF_OK)
		e = constants_check(in, fields);
	if (e != BPF_OK)
		return e;
	if (slots > left ||
	    (slots == 2 && (in[1].code | in[1].regs | in[1].off) != 0))
		return BPF_E_HALF;
	if (slots == left && (fields & LAST) == 0)
		return BPF_E_END;
	return BPF_OK;
}

/* Does the jump at i lead to where an instruction begins? */
static bool
jump_ok(const struct bpf_insn *code, uint32_t n, uint32_t i,
    const uint64_t *begins)
{
	uint32_t fields = fields_of[code[i].code];
	int64_t to = (int64_t)i + 1;

	if ((fields & (NEAR | FAR)) == 0)
		return true;
	to += (fields & FAR) != 0 ? code[i].imm : code[i].off;
	return to >= 0 && to < n && (begins[to / 64] >> to % 64 & 1) != 0;
}

static enum bpf_error
refuse(enum bpf_error e, uint32_t i, uint32_t *at)
{
	if (at != NULL)
		*at = i;
	return e;
}

/* Errors: LENGTH; those of insn_check(), one by one; JUMP, one by one. */
enum bpf_error
bpf_validate(const struct bpf_insn *code, uint32_t n, uint32_t *at)
{
	uint64_t begins[BPF_LEN_MAX / 64] = { 0 };

	if (n == 0 || n > BPF_LEN_MAX)
		return refuse(BPF_E_LENGTH, 0, at);
	for (uint32_t i = 0; i < n; i++) {
		enum bpf_error e = insn_check(&code[i], n - i);

		if (e != BPF_OK)
			return refuse(e, i, at);
		begins[i / 64] |= (uint64_t)1 << i % 64;
		if ((fields_of[code[i].code] & WIDE) != 0)
			i++;
	}
	for (uint32_t i = 0; i < n; i++) {
		if ((begins[i / 64] >> i % 64 & 1) != 0 &&
		    !jump_ok(code, n, i, begins))
			return refuse(BPF_E_JUMP, i, at);
	}
	return refuse(BPF_OK, 0, at);
}

/* ---------------------------------------------------------- interpreter */

struct frame {
	const struct bpf_insn *call;
	uint64_t saved[4];		/* r6-r9 */
};

struct machine {
	const struct bpf_window *win;
	uint32_t nwin;
	uint32_t depth;			/* functions entered but the first */
	uint32_t clean;			/* frames that hold no garbage */
	enum bpf_error error;
	uint8_t *stack;
	struct frame frame[BPF_DEPTH - 1];
	uint64_t reg[R10 + 1];
};

/* Stack memory; each frame is cleared at its first touch. */
static uint8_t *
stack_at(struct machine *m, uint64_t addr, uint32_t size)
{
	uint64_t top = (m->depth + 1) * BPF_FRAME;
	uint64_t at = addr - BPF_STACK_BASE;

	if (at >= top || size > top - at)
		return NULL;
	while (m->clean * BPF_FRAME < at + size)
		__builtin_memset(m->stack + m->clean++ * BPF_FRAME, 0,
		    BPF_FRAME);
	return m->stack + at;
}

/* Where is no window's memory for this; says what else there is. */
static __attribute__((noinline)) uint8_t *
elsewhere_at(struct machine *m, uint64_t addr, uint32_t size)
{
	uint64_t k = (addr >> 32) - 1;
	uint8_t *p = NULL;

	if (k < m->nwin && (uint32_t)addr + (uint64_t)size <= m->win[k].len)
		m->error = BPF_E_WRITE;
	else if ((p = stack_at(m, addr, size)) == NULL)
		m->error = BPF_E_ACCESS;
	return p;
}

/*
 * Set p to the memory at addr, from a window at once; or stop.  (A macro,
 * because a function's result would be compared with NULL on the fast path.)
 */
#define MEMORY_AT(p, addr, size, write)					      \
	do {								      \
		uint64_t addr_ = (addr), k_ = (addr_ >> 32) - 1;	      \
		uint64_t at_ = (uint32_t)addr_;				      \
									      \
		if (__builtin_expect(k_ < nwin &&			      \
		    at_ + (size) <= win[k_].len &&			      \
		    (!(write) || win[k_].writable), 1))			      \
			(p) = win[k_].mem + at_;			      \
		else if (((p) = elsewhere_at(&m, addr_, size)) == NULL)	      \
			goto stop;					      \
	} while (0)

/* 4.1: by zero is 0; the quotient that does not fit wraps. */
static uint64_t
signed_div(int64_t a, int64_t b)
{
	if (b == 0)
		return 0;
	return b == -1 ? -(uint64_t)a : (uint64_t)(a / b);
}

/* 4.1: the sign of the dividend; by zero is the dividend. */
static uint64_t
signed_mod(int64_t a, int64_t b)
{
	if (b == 0)
		return (uint64_t)a;
	return b == -1 ? 0 : (uint64_t)(a % b);
}

static uint64_t
sign_extend(uint64_t v, uint32_t bits)
{
	return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

/* 4.2: the lower bits, in the other order. */
static uint64_t
swap(uint64_t v, uint32_t bits)
{
	return __builtin_bswap64(v) >> (64 - bits);
}

static uint64_t
truncate(uint64_t v, uint32_t bits)
{
	return v << (64 - bits) >> (64 - bits);
}

/* 5.3, at one width. */
#define ATOMIC_FUNCTION(name, type)					      \
static void								      \
name(type *p, int32_t op, uint64_t *src, uint64_t *r0)			      \
{									      \
	type v = (type)*src, old;					      \
									      \
	switch (op & ~A_FETCH) {					      \
	case A_ADD:							      \
		old = __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);	      \
		break;							      \
	case A_OR:							      \
		old = __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);	      \
		break;							      \
	case A_AND:							      \
		old = __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);	      \
		break;							      \
	case A_XOR:							      \
		old = __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);	      \
		break;							      \
	case A_XCHG & ~A_FETCH:						      \
		old = __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);	      \
		break;							      \
	default:							      \
		old = (type)*r0;					      \
		__atomic_compare_exchange_n(p, &old, v, false,		      \
		    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);		      \
		src = r0;						      \
	}								      \
	if ((op & A_FETCH) != 0)					      \
		*src = old;						      \
}
ATOMIC_FUNCTION(atomic32, uint32_t)
ATOMIC_FUNCTION(atomic64, uint64_t)

/* Enter a function; false if that is too deep. */
static bool
frame_push(struct machine *m, const struct bpf_insn *call)
{
	struct frame *f = &m->frame[m->depth];

	if (m->depth + 1 == BPF_DEPTH)
		return false;
	f->call = call;
	__builtin_memcpy(f->saved, &m->reg[6], sizeof(f->saved));
	m->reg[R10] += BPF_FRAME;
	if (m->clean > ++m->depth)
		m->clean = m->depth;
	return true;
}

/* Back to the caller: the call that it made. */
static const struct bpf_insn *
frame_pop(struct machine *m)
{
	struct frame *f = &m->frame[--m->depth];

	__builtin_memcpy(&m->reg[6], f->saved, sizeof(f->saved));
	m->reg[R10] -= BPF_FRAME;
	return f->call;
}

static void
machine_start(struct machine *m, const struct bpf_run *run)
{
	m->win = run->win;
	m->nwin = run->nwin;
	m->depth = 0;
	m->clean = 0;
	m->error = BPF_OK;
	m->stack = run->stack;
	__builtin_memset(m->reg, 0, sizeof(m->reg));
	__builtin_memcpy(&m->reg[1], run->arg, sizeof(run->arg));
	m->reg[R10] = BPF_STACK_BASE + BPF_FRAME;
}

/*
 * Direct threading: each instruction's code ends in its own jump to that of
 * the next one.
 *
 * Straight code pays nothing for fuel.  `limit` is where it would run out if
 * no jump were taken; a jump moves it as far as it moves `in`.  As long as
 * more is left than the program is long, only jumps look; then `label`
 * becomes the table whose entries all look first.  Both are addresses, as
 * signed numbers, because the kernel's are the last there are.
 */
#define D	m.reg[dst_of(in)]
#define S	m.reg[src_of(in)]
#define I	((uint64_t)(int64_t)in->imm)
#define OFFSET	((uint64_t)(int64_t)in->off)
#define SIZE	((int64_t)sizeof(struct bpf_insn))
#define FUEL_MAX ((uint64_t)1 << 56)
#define NEXT								      \
	do {								      \
		in++;							      \
		goto *label[in->code];					      \
	} while (0)
#define JUMP(by)							      \
	do {								      \
		limit += (by) * SIZE;					      \
		in += (by);						      \
		if (limit - address_of(in) <= whole)			      \
			label = careful_of;				      \
		NEXT;							      \
	} while (0)

static int64_t
address_of(const struct bpf_insn *in)
{
	return (int64_t)(uintptr_t)in;
}

#define BITS(v)		(8 * (uint32_t)sizeof(v))
#define AS_SIGNED(v)	(sizeof(v) == 4 ? (int64_t)(int32_t)(v) : (int64_t)(v))

/* An operation on a and b, which have 32 or 64 bits. */
#define BINARY_AT(name, type, second, expr)				      \
name:	{								      \
		type a = (type)D, b = (type)(second);			      \
		D = (type)(expr);					      \
		NEXT;							      \
	}
#define BINARY(name, expr)						      \
	BINARY_AT(name##32_K, uint32_t, I, expr)			      \
	BINARY_AT(name##32_X, uint32_t, S, expr)			      \
	BINARY_AT(name##64_K, uint64_t, I, expr)			      \
	BINARY_AT(name##64_X, uint64_t, S, expr)

#define COMPARE_AT(name, type, second, cond)				      \
name:	{								      \
		type a = (type)D, b = (type)(second);			      \
		if (cond)						      \
			JUMP(in->off);					      \
		NEXT;							      \
	}
#define COMPARE(name, type, cond)					      \
	COMPARE_AT(name##32_K, type##32_t, I, cond)			      \
	COMPARE_AT(name##32_X, type##32_t, S, cond)			      \
	COMPARE_AT(name##64_K, type##64_t, I, cond)			      \
	COMPARE_AT(name##64_X, type##64_t, S, cond)

#define LOAD(name, type)						      \
name:	{								      \
		uint8_t *p;						      \
		type v;							      \
		MEMORY_AT(p, S + OFFSET, sizeof(type), false);		      \
		__builtin_memcpy(&v, p, sizeof(v));			      \
		D = (uint64_t)(int64_t)v;				      \
		NEXT;							      \
	}
#define STORE_AT(name, type, value)					      \
name:	{								      \
		type v = (type)(value);					      \
		uint8_t *p;						      \
		MEMORY_AT(p, D + OFFSET, sizeof(type), true);		      \
		__builtin_memcpy(p, &v, sizeof(v));			      \
		NEXT;							      \
	}
#define STORE(name, type)						      \
	STORE_AT(name##_K, type, I)					      \
	STORE_AT(name##_X, type, S)

#define ATOMIC_OP(name, type, function)					      \
name:	{								      \
		uint8_t *p;						      \
		MEMORY_AT(p, D + OFFSET, sizeof(type), true);		      \
		m.error = BPF_E_ALIGN;					      \
		if ((uintptr_t)p % sizeof(type) != 0)			      \
			goto stop;					      \
		function((type *)(void *)p, in->imm, &S, &m.reg[0]);	      \
		NEXT;							      \
	}

#define LABEL_ROW(name, code, fields)	[code] = &&name,

enum bpf_error
bpf_run(const struct bpf_insn *code, uint32_t n, struct bpf_run *run)
{
	static const void *const label_of[256] = { OPCODES(LABEL_ROW) };
	static const void *const careful_of[256] = {
		[0 ... 255] = &&careful,
	};
	const void *const *label = label_of;
	const struct bpf_insn *in = code, *call;
	uint64_t fuel = run->fuel < FUEL_MAX ? run->fuel : FUEL_MAX;
	int64_t limit = address_of(code) + (int64_t)fuel * SIZE;
	int64_t whole = n * SIZE;
	const struct bpf_window *const win = run->win;
	const uint64_t nwin = run->nwin;
	struct machine m;

	machine_start(&m, run);
	if (fuel < n)
		label = careful_of;
	goto *label[in->code];

careful:
	if (address_of(in) < limit)
		goto *label_of[in->code];
	limit += SIZE;		/* this one is not paid for */
	m.error = BPF_E_FUEL;
	goto stop;

	BINARY(ADD, a + b)
	BINARY(SUB, a - b)
	BINARY(MUL, a * b)
	BINARY(DIV, in->off != 0 ? signed_div(AS_SIGNED(a), AS_SIGNED(b)) :
	    b == 0 ? 0 : a / b)
	BINARY(OR, a | b)
	BINARY(AND, a & b)
	BINARY(LSH, a << b % BITS(a))
	BINARY(RSH, a >> b % BITS(a))
	BINARY(MOD, in->off != 0 ? signed_mod(AS_SIGNED(a), AS_SIGNED(b)) :
	    b == 0 ? a : a % b)
	BINARY(XOR, a ^ b)
	BINARY(ARSH, (uint64_t)(AS_SIGNED(a) >> b % BITS(a)))
NEG32:
	D = (uint32_t)-(uint32_t)D;
	NEXT;
NEG64:
	D = -D;
	NEXT;
MOV32_K:
	D = (uint32_t)in->imm;
	NEXT;
MOV32_X:
	D = (uint32_t)(in->off == 0 ? S : sign_extend(S, in->off));
	NEXT;
MOV64_K:
	D = I;
	NEXT;
MOV64_X:
	D = in->off == 0 ? S : sign_extend(S, in->off);
	NEXT;
TO_LE:
	D = truncate(D, in->imm);
	NEXT;
TO_BE:
BSWAP:
	D = swap(D, in->imm);
	NEXT;
LD_IMM64:
	D = (uint32_t)in[0].imm | (uint64_t)(uint32_t)in[1].imm << 32;
	in++;
	limit += SIZE;
	NEXT;

JA:
	JUMP(in->off);
JA_FAR:
	JUMP(in->imm);
	COMPARE(JEQ, uint, a == b)
	COMPARE(JNE, uint, a != b)
	COMPARE(JSET, uint, (a & b) != 0)
	COMPARE(JGT, uint, a > b)
	COMPARE(JGE, uint, a >= b)
	COMPARE(JLT, uint, a < b)
	COMPARE(JLE, uint, a <= b)
	COMPARE(JSGT, int, a > b)
	COMPARE(JSGE, int, a >= b)
	COMPARE(JSLT, int, a < b)
	COMPARE(JSLE, int, a <= b)
CALL_LOCAL:
	m.error = BPF_E_DEPTH;
	if (!frame_push(&m, in))
		goto stop;
	JUMP(in->imm);
EXIT:
	m.error = BPF_OK;
	if (m.depth == 0)
		goto stop;
	call = frame_pop(&m);
	JUMP(call - in);

	LOAD(LDXB, uint8_t)
	LOAD(LDXH, uint16_t)
	LOAD(LDXW, uint32_t)
	LOAD(LDXDW, uint64_t)
	LOAD(LDXSB, int8_t)
	LOAD(LDXSH, int16_t)
	LOAD(LDXSW, int32_t)
	STORE(STB, uint8_t)
	STORE(STH, uint16_t)
	STORE(STW, uint32_t)
	STORE(STDW, uint64_t)
	ATOMIC_OP(ATOMIC32, uint32_t, atomic32)
	ATOMIC_OP(ATOMIC64, uint64_t, atomic64)

stop:
	fuel -= (uint64_t)(limit - address_of(in + 1)) / SIZE;
	run->fuel -= fuel;
	run->at = (uint32_t)(in - code);
	run->r0 = m.error == BPF_OK ? m.reg[0] : 0;
	return m.error;
}

/* ---------------------------------------------------------------- texts */

#define TEXT_ROW(name, text)	text,
#define NAME_ROW(name, text)	#name,

const char *
bpf_text(enum bpf_error e)
{
	static const char *const text[] = { BPF_ERRORS(TEXT_ROW) };

	return (uint32_t)e < BPF_ERRORS_COUNT ? text[e] : "no such error";
}

const char *
bpf_name(enum bpf_error e)
{
	static const char *const name[] = { BPF_ERRORS(NAME_ROW) };

	return (uint32_t)e < BPF_ERRORS_COUNT ? name[e] : "?";
}
