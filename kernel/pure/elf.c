/*
 * elf.c - checked reading of static ELF64 programs for x86-64.
 *
 * Every field is read once, byte by byte, so neither the alignment nor the
 * byte order of the host matters.  Sums are never formed before it is known
 * that they do not wrap: "a + b > c" is written "a > c || b > c - a".
 *
 * Names and offsets are those of the System V gABI, chapters 4 and 5.
 */
#include "elf.h"

enum {
	EHDR_SIZE = 64,
	E_CLASS = 4, E_DATA = 5, E_VERSION = 6, E_TYPE = 16, E_MACHINE = 18,
	E_VERSION4 = 20, E_ENTRY = 24, E_PHOFF = 32, E_PHENTSIZE = 54,
	E_PHNUM = 56,

	PHDR_SIZE = 56,
	P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VADDR = 16, P_FILESZ = 32,
	P_MEMSZ = 40, P_ALIGN = 48,

	CLASS64 = 2, DATA_LSB = 1, EV_CURRENT = 1, EM_X86_64 = 62,
	ET_EXEC = 2, ET_DYN = 3, PT_LOAD = 1, PT_INTERP = 3,
};

/* What the ELF header says, checked. */
struct header {
	const uint8_t *phdr;	/* phnum of them, inside the image */
	uint64_t phoff;
	uint64_t entry;
	uint64_t bias;
	uint32_t phnum;
};

static uint64_t
field_get(const uint8_t *p, unsigned bytes)
{
	uint64_t v = 0;

	while (bytes-- > 0)
		v = v << 8 | p[bytes];
	return v;
}

/* Is [at, at + len) inside [0, size)? */
static bool
range_ok(uint64_t at, uint64_t len, uint64_t size)
{
	return at <= size && len <= size - at;
}

static long
ident_check(const uint8_t *image, uint64_t size)
{
	if (size < EHDR_SIZE)
		return ELF_E_SHORT;
	if (field_get(image, 4) != 0x464c457f)		/* "\177ELF" */
		return ELF_E_MAGIC;
	if (image[E_CLASS] != CLASS64 || image[E_DATA] != DATA_LSB ||
	    image[E_VERSION] != EV_CURRENT ||
	    field_get(image + E_VERSION4, 4) != EV_CURRENT ||
	    field_get(image + E_MACHINE, 2) != EM_X86_64)
		return ELF_E_FORMAT;
	return 0;
}

static long
header_read(const uint8_t *image, uint64_t size, uint64_t bias,
    struct header *h)
{
	uint64_t type;
	long r = ident_check(image, size);

	if (r < 0)
		return r;
	type = field_get(image + E_TYPE, 2);
	if (type != ET_EXEC && type != ET_DYN)
		return ELF_E_TYPE;
	h->bias = type == ET_DYN ? bias : 0;
	h->phnum = (uint32_t)field_get(image + E_PHNUM, 2);
	if (h->phnum == 0 || h->phnum > ELF_PHDRS_MAX ||
	    field_get(image + E_PHENTSIZE, 2) != PHDR_SIZE)
		return ELF_E_PHDRS;
	h->phoff = field_get(image + E_PHOFF, 8);
	if (!range_ok(h->phoff, h->phnum * PHDR_SIZE, size))
		return ELF_E_TABLE;
	h->phdr = image + h->phoff;
	h->entry = field_get(image + E_ENTRY, 8);	/* checked when biased */
	return 0;
}

/* The address that the bias makes of va; false if it leaves user space. */
static bool
address_bias(uint64_t va, uint64_t bias, uint64_t *out)
{
	if (bias > ELF_VA_MAX || va > ELF_VA_MAX - bias)
		return false;
	*out = va + bias;
	return *out >= ELF_VA_MIN;
}

static long
segment_read(const uint8_t *ph, uint64_t size, uint64_t bias,
    struct elf_segment *seg)
{
	uint64_t align = field_get(ph + P_ALIGN, 8);

	seg->flags = field_get(ph + P_FLAGS, 4) & (ELF_R | ELF_W | ELF_X);
	seg->offset = field_get(ph + P_OFFSET, 8);
	seg->filesz = field_get(ph + P_FILESZ, 8);
	seg->memsz = field_get(ph + P_MEMSZ, 8);
	if ((seg->flags & ELF_W) != 0 && (seg->flags & ELF_X) != 0)
		return ELF_E_FLAGS;
	if (!range_ok(seg->offset, seg->filesz, size))
		return ELF_E_FILE;
	if (seg->memsz == 0 || seg->memsz < seg->filesz)
		return ELF_E_SIZE;
	if (!address_bias(field_get(ph + P_VADDR, 8), bias, &seg->vaddr) ||
	    !range_ok(seg->vaddr, seg->memsz, ELF_VA_MAX))
		return ELF_E_RANGE;
	if (align > 1 && ((align & (align - 1)) != 0 ||
	    ((seg->vaddr ^ seg->offset) & (align - 1)) != 0))
		return ELF_E_ALIGN;
	return 0;
}

/* Where the program headers lie in memory, if seg loads them. */
static uint64_t
segment_finds_phdrs(const struct elf_segment *seg, const struct header *h)
{
	if (h->phoff < seg->offset ||
	    !range_ok(h->phoff - seg->offset, h->phnum * PHDR_SIZE,
	    seg->filesz))
		return 0;
	return seg->vaddr + (h->phoff - seg->offset);
}

/* Add the next segment to what info holds; *runs: the entry lies in one. */
static long
segment_add(const struct elf_segment *seg, const struct header *h,
    struct elf_info *info, bool *runs)
{
	uint64_t end = seg->vaddr + seg->memsz;
	uint64_t page = seg->vaddr & ~(ELF_PAGE - 1);

	if (info->segments > 0 && page < info->high)
		return ELF_E_OVERLAP;
	if (info->segments++ == 0)
		info->low = page;
	info->high = (end + ELF_PAGE - 1) & ~(ELF_PAGE - 1);
	if (info->phdr_vaddr == 0)
		info->phdr_vaddr = segment_finds_phdrs(seg, h);
	if ((seg->flags & ELF_X) != 0 && info->entry >= seg->vaddr &&
	    info->entry < end)
		*runs = true;
	return 0;
}

/*
 * Fails as listed at enum elf_error; the segments are judged one by one in
 * the order of the table.
 */
long
elf_check_at(const void *image, uint64_t size, uint64_t bias,
    struct elf_info *out)
{
	struct header h;
	struct elf_segment seg;
	struct elf_info info = { .phdr_size = PHDR_SIZE };
	bool runs = false;
	long r = header_read(image, size, bias, &h);

	if (r < 0)
		return r;
	info.phdr_count = h.phnum;
	info.bias = h.bias;
	/* An entry that no address can be is 0, which is in no segment. */
	if (!address_bias(h.entry, h.bias, &info.entry))
		info.entry = 0;
	for (uint32_t i = 0; i < h.phnum; i++) {
		const uint8_t *ph = h.phdr + i * PHDR_SIZE;
		uint64_t type = field_get(ph + P_TYPE, 4);

		if (type == PT_INTERP)
			return ELF_E_INTERP;
		if (type != PT_LOAD)
			continue;
		r = segment_read(ph, size, h.bias, &seg);
		if (r == 0)
			r = segment_add(&seg, &h, &info, &runs);
		if (r < 0)
			return r;
	}
	if (info.segments == 0)
		return ELF_E_NONE;
	if (!runs)
		return ELF_E_ENTRY;
	*out = info;
	return 0;
}

/*
 * Fails as the header of the file does, as the segment does, or with
 * ELF_E_INDEX.
 */
long
elf_segment_at(const void *image, uint64_t size, uint64_t bias, uint32_t i,
    struct elf_segment *out)
{
	struct header h;
	struct elf_segment seg;
	long r = header_read(image, size, bias, &h);

	if (r < 0)
		return r;
	for (uint32_t n = 0; n < h.phnum; n++) {
		const uint8_t *ph = h.phdr + n * PHDR_SIZE;

		if (field_get(ph + P_TYPE, 4) != PT_LOAD || i-- > 0)
			continue;
		r = segment_read(ph, size, h.bias, &seg);
		if (r == 0)
			*out = seg;
		return r;
	}
	return ELF_E_INDEX;
}

long
elf_check(const void *image, uint64_t size, struct elf_info *out)
{
	return elf_check_at(image, size, 0, out);
}

long
elf_segment(const void *image, uint64_t size, uint32_t i,
    struct elf_segment *out)
{
	return elf_segment_at(image, size, 0, i, out);
}
