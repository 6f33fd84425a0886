/*
 * bpf_elf.c - a BPF program out of what a compiler made; see castor/bpf_elf.h.
 *
 * As in kernel/pure/elf.c every field is read byte by byte, and sums are
 * formed only when it is known that they do not wrap.  Names and offsets are
 * those of the System V gABI, chapter 4; the relocations those of binutils
 * (elf/bpf.h) and of LLVM (Documentation/bpf/llvm_reloc.rst in Linux).
 */
#include <castor/bpf_elf.h>
#include <stdbool.h>
#include <stddef.h>

#include "bpf.h"

enum {
	EHDR_SIZE = 64,
	E_CLASS = 4, E_DATA = 5, E_TYPE = 16, E_MACHINE = 18, E_SHOFF = 40,
	E_SHENTSIZE = 58, E_SHNUM = 60,
	CLASS64 = 2, DATA_LSB = 1, ET_REL = 1, EM_BPF = 247,

	SHDR_SIZE = 64,
	SH_TYPE = 4, SH_OFFSET = 24, SH_SIZE = 32, SH_LINK = 40, SH_INFO = 44,
	SHT_PROGBITS = 1, SHT_SYMTAB = 2, SHT_RELA = 4, SHT_REL = 9,

	SYM_SIZE = 24,
	ST_NAME = 0, ST_INFO = 4, ST_SHNDX = 6, ST_VALUE = 8, ST_SIZE = 16,
	STB_GLOBAL = 1, STT_FUNC = 2, STT_SECTION = 3, SHN_UNDEF = 0,

	REL_SIZE = 16,
	R_OFFSET = 0, R_TYPE = 8, R_SYM = 12,
	R_BPF_64_32 = 10,	/* of a call; any other refers to data */

	CALL = 0x85, CALL_LOCAL = 1,
	INSN = sizeof(struct bpf_insn),
	NO_SYMBOL = -1,
};

struct table {
	const uint8_t *at;
	uint64_t len;		/* bytes */
};

struct file {
	const uint8_t *image;
	uint64_t size;
	uint32_t sections;
	struct table headers, symbols, strings;
};

/* A function's place in the file and in the program. */
struct piece {
	uint32_t section;
	uint64_t from, len;	/* bytes */
	uint32_t at;		/* instructions */
};

struct job {
	struct file f;
	struct piece piece[BPF_ELF_FUNCTIONS];
	uint32_t pieces;
	uint32_t total;		/* instructions */
	uint32_t max;
};

static uint64_t
field_get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

static const uint8_t *
section_header(const struct file *f, uint32_t i)
{
	return i < f->sections ? f->headers.at + i * SHDR_SIZE : NULL;
}

static uint64_t
section_type(const struct file *f, uint32_t i)
{
	const uint8_t *sh = section_header(f, i);

	return sh == NULL ? 0 : field_get(sh + SH_TYPE, 4);
}

/* The contents of section i, if it has any and they are in the file. */
static bool
section_get(const struct file *f, uint32_t i, struct table *t)
{
	const uint8_t *sh = section_header(f, i);
	uint64_t at;

	if (sh == NULL)
		return false;
	at = field_get(sh + SH_OFFSET, 8);
	t->len = field_get(sh + SH_SIZE, 8);
	if (at > f->size || t->len > f->size - at)
		return false;
	t->at = f->image + at;
	return true;
}

static enum bpf_elf_error
headers_read(struct file *f)
{
	const uint8_t *e = f->image;
	uint64_t shoff;

	if (f->size < EHDR_SIZE || field_get(e, 4) != 0x464c457f ||
	    e[E_CLASS] != CLASS64 || e[E_DATA] != DATA_LSB ||
	    field_get(e + E_TYPE, 2) != ET_REL ||
	    field_get(e + E_MACHINE, 2) != EM_BPF)
		return BPF_ELF_E_FORMAT;
	shoff = field_get(e + E_SHOFF, 8);
	f->sections = (uint32_t)field_get(e + E_SHNUM, 2);
	f->headers.len = f->sections * SHDR_SIZE;
	if (field_get(e + E_SHENTSIZE, 2) != SHDR_SIZE ||
	    shoff > f->size || f->headers.len > f->size - shoff)
		return BPF_ELF_E_TABLE;
	f->headers.at = f->image + shoff;
	return BPF_ELF_OK;
}

static enum bpf_elf_error
symbols_read(struct file *f)
{
	for (uint32_t i = 0; i < f->sections; i++) {
		uint32_t strings;

		if (section_type(f, i) != SHT_SYMTAB)
			continue;
		strings = (uint32_t)field_get(section_header(f, i) + SH_LINK,
		    4);
		if (!section_get(f, i, &f->symbols) ||
		    !section_get(f, strings, &f->strings) ||
		    f->strings.len == 0 ||
		    f->strings.at[f->strings.len - 1] != '\0')
			return BPF_ELF_E_TABLE;
		return BPF_ELF_OK;
	}
	return BPF_ELF_E_NONE;
}

static const uint8_t *
symbol(const struct file *f, uint64_t i)
{
	return i < f->symbols.len / SYM_SIZE ?
	    f->symbols.at + i * SYM_SIZE : NULL;
}

static bool
symbol_is_function(const uint8_t *s)
{
	return (s[ST_INFO] & 15) == STT_FUNC &&
	    field_get(s + ST_SHNDX, 2) != SHN_UNDEF;
}

static bool
symbol_is_named(const struct file *f, const uint8_t *s, const char *name)
{
	uint64_t at = field_get(s + ST_NAME, 4);

	if (at >= f->strings.len)
		return false;
	/* The table ends in a NUL. */
	for (const uint8_t *p = f->strings.at + at; *p == (uint8_t)*name; p++)
		if (*name++ == '\0')
			return true;
	return false;
}

/* The symbol of the function to start with. */
static enum bpf_elf_error
entry_find(const struct file *f, const char *name, const uint8_t **out)
{
	const uint8_t *s;

	*out = NULL;
	for (uint64_t i = 0; (s = symbol(f, i)) != NULL; i++) {
		if (!symbol_is_function(s))
			continue;
		if (name != NULL && symbol_is_named(f, s, name)) {
			*out = s;
			return BPF_ELF_OK;
		}
		if (name != NULL || s[ST_INFO] >> 4 != STB_GLOBAL)
			continue;
		if (*out != NULL)
			return BPF_ELF_E_MANY;
		*out = s;
	}
	return *out == NULL ? BPF_ELF_E_NONE : BPF_ELF_OK;
}

/* The symbol of the function that begins at `from'. */
static const uint8_t *
function_find(const struct file *f, uint32_t section, uint64_t from)
{
	const uint8_t *s;

	for (uint64_t i = 0; (s = symbol(f, i)) != NULL; i++)
		if (symbol_is_function(s) &&
		    field_get(s + ST_SHNDX, 2) == section &&
		    field_get(s + ST_VALUE, 8) == from)
			return s;
	return NULL;
}

/* The place of a function in the program, which it gets now if need be. */
static enum bpf_elf_error
piece_get(struct job *j, const uint8_t *s, uint32_t *at)
{
	struct piece p = { (uint32_t)field_get(s + ST_SHNDX, 2),
	    field_get(s + ST_VALUE, 8), field_get(s + ST_SIZE, 8), j->total };
	struct table t;

	for (uint32_t i = 0; i < j->pieces; i++) {
		if (j->piece[i].section == p.section &&
		    j->piece[i].from == p.from) {
			*at = j->piece[i].at;
			return BPF_ELF_OK;
		}
	}
	if (section_type(&j->f, p.section) != SHT_PROGBITS ||
	    !section_get(&j->f, p.section, &t) || p.len == 0 ||
	    p.from % INSN != 0 || p.len % INSN != 0 ||
	    p.from > t.len || p.len > t.len - p.from)
		return BPF_ELF_E_FUNCTION;
	if (j->pieces == BPF_ELF_FUNCTIONS ||
	    p.len / INSN > j->max - j->total)
		return BPF_ELF_E_LONG;
	j->piece[j->pieces++] = p;
	j->total += (uint32_t)(p.len / INSN);
	*at = p.at;
	return BPF_ELF_OK;
}

/*
 * What is to be entered at an offset of a section: *sym, or NO_SYMBOL.  Both
 * compilers use REL sections only.
 */
static enum bpf_elf_error
relocation_find(const struct file *f, uint32_t section, uint64_t offset,
    int64_t *sym)
{
	*sym = NO_SYMBOL;
	for (uint32_t i = 0; i < f->sections; i++) {
		uint64_t type = section_type(f, i);
		struct table t;

		if ((type != SHT_REL && type != SHT_RELA) ||
		    field_get(section_header(f, i) + SH_INFO, 4) != section)
			continue;
		if (type == SHT_RELA || !section_get(f, i, &t))
			return BPF_ELF_E_TABLE;
		for (; t.len >= REL_SIZE; t.at += REL_SIZE, t.len -= REL_SIZE) {
			if (field_get(t.at + R_OFFSET, 8) != offset)
				continue;
			if (field_get(t.at + R_TYPE, 4) != R_BPF_64_32)
				return BPF_ELF_E_DATA;
			*sym = (int64_t)field_get(t.at + R_SYM, 4);
			return BPF_ELF_OK;
		}
	}
	return BPF_ELF_OK;
}

/*
 * The function that a call leads to.  Without a relocation the distance
 * counts from the next instruction.  With one to a section, clang's imm is
 * the place in it, less one; with one to a function it says nothing (gcc and
 * clang leave different things there).
 */
static const uint8_t *
callee_find(const struct file *f, const struct piece *p, uint64_t offset,
    int32_t imm, int64_t sym)
{
	uint64_t bytes = ((uint64_t)(int64_t)imm + 1) * INSN;
	const uint8_t *s;

	if (sym == NO_SYMBOL)
		return function_find(f, p->section, offset + bytes);
	s = symbol(f, (uint64_t)sym);
	if (s != NULL && (s[ST_INFO] & 15) == STT_SECTION)
		return function_find(f, (uint32_t)field_get(s + ST_SHNDX, 2),
		    field_get(s + ST_VALUE, 8) + bytes);
	return s != NULL && symbol_is_function(s) ? s : NULL;
}

/* Put out the instruction at `offset' of p's section as the at-th. */
static enum bpf_elf_error
insn_put(struct job *j, const struct piece *p, const uint8_t *code,
    uint64_t offset, uint32_t at, struct bpf_insn *out)
{
	const uint8_t *b = code + offset, *callee;
	enum bpf_elf_error e;
	uint32_t to = 0;
	int64_t sym;

	*out = (struct bpf_insn){ b[0], b[1], (int16_t)field_get(b + 2, 2),
	    (int32_t)field_get(b + 4, 4) };
	e = relocation_find(&j->f, p->section, offset, &sym);
	if (e != BPF_ELF_OK)
		return e;
	if (out->code != CALL || out->regs != CALL_LOCAL << 4)
		return sym == NO_SYMBOL ? BPF_ELF_OK : BPF_ELF_E_DATA;
	callee = callee_find(&j->f, p, offset, out->imm, sym);
	if (callee == NULL)
		return BPF_ELF_E_CALL;
	e = piece_get(j, callee, &to);
	out->imm = (int32_t)to - (int32_t)at - 1;
	return e;
}

static enum bpf_elf_error
piece_put(struct job *j, uint32_t i, struct bpf_insn *out)
{
	struct piece p = j->piece[i];
	struct table t;

	if (!section_get(&j->f, p.section, &t))
		return BPF_ELF_E_FUNCTION;
	for (uint32_t n = 0; n < p.len / INSN; n++) {
		enum bpf_elf_error e = insn_put(j, &p, t.at,
		    p.from + n * INSN, p.at + n, &out[p.at + n]);

		if (e != BPF_ELF_OK)
			return e;
	}
	return BPF_ELF_OK;
}

/*
 * Errors: FORMAT, TABLE; TABLE, NONE (symbols); NONE, MANY; then, function by
 * function, FUNCTION, LONG; and call by call TABLE, DATA, CALL, FUNCTION,
 * LONG.
 */
long
bpf_elf_load(const void *image, uint64_t size, const char *name,
    struct bpf_insn *out, uint32_t max)
{
	struct job j = { .f = { .image = image, .size = size }, .max = max };
	const uint8_t *entry = NULL;
	uint32_t at;
	enum bpf_elf_error e = headers_read(&j.f);

	if (e == BPF_ELF_OK)
		e = symbols_read(&j.f);
	if (e == BPF_ELF_OK)
		e = entry_find(&j.f, name, &entry);
	if (e == BPF_ELF_OK)
		e = piece_get(&j, entry, &at);
	for (uint32_t i = 0; e == BPF_ELF_OK && i < j.pieces; i++)
		e = piece_put(&j, i, out);
	return e == BPF_ELF_OK ? (long)j.total : -(long)e;
}

#define TEXT_ROW(name, text)	text,

const char *
bpf_elf_text(enum bpf_elf_error e)
{
	static const char *const text[] = { BPF_ELF_ERRORS(TEXT_ROW) };

	return (uint32_t)e < BPF_ELF_ERRORS_COUNT ? text[e] : "no such error";
}
