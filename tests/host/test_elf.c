/*
 * test_elf.c - the ELF reader against sound, broken and hostile images.
 *
 * Each test starts from one sound image of three segments (text with the
 * headers, data with bss, a note), spoils a field and names the error.  The
 * image lies in a heap block of its exact size, so that the sanitizer sees
 * any read past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "elf.h"
#include "tap.h"

enum {
	PH = 64, PH_SIZE = 56, SIZE = 0x2100,
	TEXT = PH, DATA = PH + PH_SIZE, NOTE = PH + 2 * PH_SIZE,
	E_TYPE = 16, E_ENTRY = 24, E_PHOFF = 32, E_PHENTSIZE = 54,
	E_PHNUM = 56,
	P_TYPE = 0, P_FLAGS = 4, P_OFFSET = 8, P_VADDR = 16, P_FILESZ = 32,
	P_MEMSZ = 40, P_ALIGN = 48,
	PT_LOAD = 1, PT_INTERP = 3, PT_NOTE = 4, ET_EXEC = 2, ET_DYN = 3,
};

#define TEXT_VA	0x400000ull
#define DATA_VA	0x402000ull
#define BASE	0x7f0000000000ull

static uint8_t image[SIZE];

static void
put(unsigned at, unsigned bytes, uint64_t v)
{
	for (unsigned i = 0; i < bytes; i++)
		image[at + i] = (uint8_t)(v >> 8 * i);
}

static void
put_segment(unsigned ph, uint32_t type, uint32_t flags, uint64_t offset,
    uint64_t va, uint64_t filesz, uint64_t memsz)
{
	put(ph + P_TYPE, 4, type);
	put(ph + P_FLAGS, 4, flags);
	put(ph + P_OFFSET, 8, offset);
	put(ph + P_VADDR, 8, va);
	put(ph + P_FILESZ, 8, filesz);
	put(ph + P_MEMSZ, 8, memsz);
	put(ph + P_ALIGN, 8, 0x1000);
}

static void
make_sound(void)
{
	memset(image, 0, sizeof(image));
	memcpy(image, "\177ELF\2\1\1", 7);
	put(E_TYPE, 2, ET_EXEC);
	put(18, 2, 62);
	put(20, 4, 1);
	put(E_ENTRY, 8, TEXT_VA + 0x1000);
	put(E_PHOFF, 8, PH);
	put(E_PHENTSIZE, 2, PH_SIZE);
	put(E_PHNUM, 2, 3);
	put_segment(TEXT, PT_LOAD, ELF_R | ELF_X, 0, TEXT_VA, 0x1200, 0x1200);
	put_segment(DATA, PT_LOAD, ELF_R | ELF_W, 0x2000, DATA_VA, 0x100,
	    0x5000);
	put_segment(NOTE, PT_NOTE, ELF_R, 0x300, TEXT_VA + 0x300, 0x20, 0x20);
}

static void
make_pie(void)
{
	make_sound();
	put(E_TYPE, 2, ET_DYN);
	put(E_ENTRY, 8, 0x1000);
	put(TEXT + P_VADDR, 8, 0);
	put(DATA + P_VADDR, 8, 0x2000);
}

/* elf_check_at() on a copy of the first size bytes. */
static long
check_at(uint64_t size, uint64_t bias, struct elf_info *info)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	long r;

	memcpy(copy, image, size);
	r = elf_check_at(copy, size, bias, info);
	free(copy);
	return r;
}

static long
check(void)
{
	struct elf_info info;

	return check_at(SIZE, 0, &info);
}

/* The verdict on a sound image with one field changed. */
static long
spoil(unsigned at, unsigned bytes, uint64_t v)
{
	make_sound();
	put(at, bytes, v);
	return check();
}

TEST(elf_sound_image_is_described)
{
	struct elf_info info;
	struct elf_segment seg;

	make_sound();
	EQ(elf_check(image, SIZE, &info), 0);
	EQ(info.entry, TEXT_VA + 0x1000);
	EQ(info.bias, 0);
	EQ(info.low, TEXT_VA);
	EQ(info.high, DATA_VA + 0x5000);
	EQ(info.phdr_vaddr, TEXT_VA + PH);
	EQ(info.phdr_count, 3);
	EQ(info.phdr_size, PH_SIZE);
	EQ(info.segments, 2);
	EQ(elf_segment(image, SIZE, 1, &seg), 0);
	EQ(seg.offset, 0x2000);
	EQ(seg.filesz, 0x100);
	EQ(seg.memsz, 0x5000);
	EQ(seg.vaddr, DATA_VA);
	EQ(seg.flags, ELF_R | ELF_W);
	EQ(elf_segment(image, SIZE, 0, &seg), 0);
	EQ(seg.vaddr, TEXT_VA);
	EQ(seg.flags, ELF_R | ELF_X);
}

TEST(elf_image_may_be_unaligned)
{
	uint8_t *copy = malloc(SIZE + 1);
	struct elf_info info;

	make_sound();
	memcpy(copy + 1, image, SIZE);
	EQ(elf_check(copy + 1, SIZE, &info), 0);
	free(copy);
}

TEST(elf_no_segment_past_the_last)
{
	struct elf_segment seg = { .vaddr = 77 };

	make_sound();
	EQ(elf_segment(image, SIZE, 2, &seg), ELF_E_INDEX);
	EQ(elf_segment(image, SIZE, UINT32_MAX, &seg), ELF_E_INDEX);
	EQ(seg.vaddr, 77);
}

TEST(elf_failure_leaves_results_alone)
{
	struct elf_info info = { .entry = 77 };
	struct elf_segment seg = { .vaddr = 77 };

	make_sound();
	put(DATA + P_MEMSZ, 8, 0);
	EQ(elf_check(image, SIZE, &info), ELF_E_SIZE);
	EQ(info.entry, 77);
	EQ(elf_segment(image, SIZE, 1, &seg), ELF_E_SIZE);
	EQ(seg.vaddr, 77);
}

TEST(elf_any_cut_is_refused)
{
	struct elf_info info;

	make_sound();
	for (uint64_t size = 0; size < 0x2100; size += size < 300 ? 1 : 61)
		OK(check_at(size, 0, &info) < 0);
	EQ(check_at(0, 0, &info), ELF_E_SHORT);
	EQ(check_at(63, 0, &info), ELF_E_SHORT);
	EQ(check_at(64, 0, &info), ELF_E_TABLE);
	EQ(check_at(PH + 3 * PH_SIZE - 1, 0, &info), ELF_E_TABLE);
	EQ(check_at(PH + 3 * PH_SIZE, 0, &info), ELF_E_FILE);
	EQ(check_at(0x20ff, 0, &info), ELF_E_FILE);
	EQ(check_at(0x2100, 0, &info), 0);
}

TEST(elf_other_files_are_refused)
{
	for (unsigned i = 0; i < 4; i++)
		EQ(spoil(i, 1, 0), ELF_E_MAGIC);
	EQ(spoil(4, 1, 1), ELF_E_FORMAT);	/* 32 bits */
	EQ(spoil(5, 1, 2), ELF_E_FORMAT);	/* big-endian */
	EQ(spoil(6, 1, 0), ELF_E_FORMAT);
	EQ(spoil(18, 2, 183), ELF_E_FORMAT);	/* AArch64 */
	EQ(spoil(20, 4, 2), ELF_E_FORMAT);
	EQ(spoil(E_TYPE, 2, 1), ELF_E_TYPE);	/* relocatable */
	EQ(spoil(E_TYPE, 2, 4), ELF_E_TYPE);	/* core */
}

TEST(elf_program_headers_are_bounded)
{
	EQ(spoil(E_PHNUM, 2, 0), ELF_E_PHDRS);
	EQ(spoil(E_PHNUM, 2, 17), ELF_E_PHDRS);
	EQ(spoil(E_PHNUM, 2, 0xffff), ELF_E_PHDRS);
	EQ(spoil(E_PHNUM, 2, 16), 0);		/* the rest are PT_NULL */
	EQ(spoil(E_PHENTSIZE, 2, 55), ELF_E_PHDRS);
	EQ(spoil(E_PHENTSIZE, 2, 57), ELF_E_PHDRS);
	EQ(spoil(E_PHOFF, 8, SIZE), ELF_E_TABLE);
	EQ(spoil(E_PHOFF, 8, SIZE - 3 * PH_SIZE + 1), ELF_E_TABLE);
	EQ(spoil(E_PHOFF, 8, SIZE - 3 * PH_SIZE), ELF_E_NONE);
	EQ(spoil(E_PHOFF, 8, UINT64_MAX), ELF_E_TABLE);
	EQ(spoil(E_PHOFF, 8, -(uint64_t)PH_SIZE), ELF_E_TABLE);
}

TEST(elf_dynamic_linker_is_refused)
{
	EQ(spoil(NOTE + P_TYPE, 4, PT_INTERP), ELF_E_INTERP);
}

TEST(elf_writable_text_is_refused)
{
	EQ(spoil(TEXT + P_FLAGS, 4, 7), ELF_E_FLAGS);
	EQ(spoil(DATA + P_FLAGS, 4, ELF_W | ELF_X), ELF_E_FLAGS);
	EQ(spoil(NOTE + P_FLAGS, 4, 7), 0);	/* not loaded */
}

TEST(elf_contents_lie_in_the_file)
{
	EQ(spoil(DATA + P_FILESZ, 8, 0x101), ELF_E_FILE);
	EQ(spoil(DATA + P_OFFSET, 8, SIZE + 1), ELF_E_FILE);
	EQ(spoil(DATA + P_OFFSET, 8, UINT64_MAX), ELF_E_FILE);
	EQ(spoil(DATA + P_FILESZ, 8, UINT64_MAX), ELF_E_FILE);
	/* offset + filesz wraps to 0x100 */
	EQ(spoil(DATA + P_FILESZ, 8, 0x100 - 0x2000ull), ELF_E_FILE);
}

TEST(elf_memory_holds_the_contents)
{
	EQ(spoil(DATA + P_MEMSZ, 8, 0xff), ELF_E_SIZE);
	EQ(spoil(DATA + P_MEMSZ, 8, 0x100), 0);
	make_sound();
	put(DATA + P_FILESZ, 8, 0);
	put(DATA + P_MEMSZ, 8, 0);
	EQ(check(), ELF_E_SIZE);
	put(DATA + P_MEMSZ, 8, 1);		/* only bss */
	EQ(check(), 0);
}

TEST(elf_addresses_are_the_users)
{
	EQ(spoil(TEXT + P_VADDR, 8, 0), ELF_E_RANGE);
	EQ(spoil(TEXT + P_VADDR, 8, 0xfff), ELF_E_RANGE);
	EQ(spoil(DATA + P_VADDR, 8, ELF_VA_MAX), ELF_E_RANGE);
	EQ(spoil(DATA + P_VADDR, 8, ELF_VA_MAX - 0x4000), ELF_E_RANGE);
	EQ(spoil(DATA + P_VADDR, 8, ELF_VA_MAX - 0x5000), 0);
	EQ(spoil(DATA + P_VADDR, 8, 0xffff800000000000ull), ELF_E_RANGE);
	EQ(spoil(DATA + P_VADDR, 8, -0x1000ull), ELF_E_RANGE);
	EQ(spoil(DATA + P_MEMSZ, 8, ELF_VA_MAX), ELF_E_RANGE);
	EQ(spoil(DATA + P_MEMSZ, 8, UINT64_MAX), ELF_E_RANGE);
	/* vaddr + memsz wraps to 0x1000 */
	EQ(spoil(DATA + P_MEMSZ, 8, 0x1000 - DATA_VA), ELF_E_RANGE);
	make_sound();
	put(TEXT + P_VADDR, 8, ELF_VA_MIN);
	put(E_ENTRY, 8, ELF_VA_MIN);
	EQ(check(), 0);
}

TEST(elf_alignment_is_congruent)
{
	EQ(spoil(DATA + P_ALIGN, 8, 0), 0);
	EQ(spoil(DATA + P_ALIGN, 8, 1), 0);
	EQ(spoil(DATA + P_ALIGN, 8, 3), ELF_E_ALIGN);
	EQ(spoil(DATA + P_ALIGN, 8, UINT64_MAX), ELF_E_ALIGN);
	EQ(spoil(DATA + P_ALIGN, 8, 1ull << 63), ELF_E_ALIGN);
	EQ(spoil(DATA + P_ALIGN, 8, 0x200000), 0);
	EQ(spoil(DATA + P_ALIGN, 8, 0x800000), ELF_E_ALIGN);
	EQ(spoil(DATA + P_VADDR, 8, DATA_VA + 8), ELF_E_ALIGN);
	EQ(spoil(DATA + P_OFFSET, 8, 0x1ff0), ELF_E_ALIGN);
}

TEST(elf_segments_share_no_page)
{
	EQ(spoil(DATA + P_VADDR, 8, TEXT_VA), ELF_E_OVERLAP);
	EQ(spoil(DATA + P_VADDR, 8, TEXT_VA + 0x1000), ELF_E_OVERLAP);
	EQ(spoil(DATA + P_VADDR, 8, TEXT_VA - 0x10000), ELF_E_OVERLAP);
	EQ(spoil(TEXT + P_MEMSZ, 8, 0x2000), 0);
	EQ(spoil(TEXT + P_MEMSZ, 8, 0x2001), ELF_E_OVERLAP);
	/* the last byte of one and the first of the other, on one page */
	make_sound();
	put(DATA + P_ALIGN, 8, 1);
	put(DATA + P_VADDR, 8, TEXT_VA + 0x1200);
	EQ(check(), ELF_E_OVERLAP);
}

TEST(elf_something_is_loaded)
{
	make_sound();
	put(TEXT + P_TYPE, 4, PT_NOTE);
	put(DATA + P_TYPE, 4, PT_NOTE);
	EQ(check(), ELF_E_NONE);
}

TEST(elf_entry_is_code)
{
	EQ(spoil(E_ENTRY, 8, TEXT_VA), 0);
	EQ(spoil(E_ENTRY, 8, TEXT_VA - 1), ELF_E_ENTRY);
	EQ(spoil(E_ENTRY, 8, TEXT_VA + 0x11ff), 0);
	EQ(spoil(E_ENTRY, 8, TEXT_VA + 0x1200), ELF_E_ENTRY);
	EQ(spoil(E_ENTRY, 8, DATA_VA), ELF_E_ENTRY);
	EQ(spoil(E_ENTRY, 8, 0), ELF_E_ENTRY);
	EQ(spoil(E_ENTRY, 8, UINT64_MAX), ELF_E_ENTRY);
	EQ(spoil(TEXT + P_FLAGS, 4, ELF_R), ELF_E_ENTRY);
}

TEST(elf_headers_need_not_be_loaded)
{
	struct elf_info info;

	make_sound();
	put(TEXT + P_OFFSET, 8, 0x1000);
	put(TEXT + P_FILESZ, 8, 0x200);
	EQ(check_at(SIZE, 0, &info), 0);
	EQ(info.phdr_vaddr, 0);
	make_sound();
	put(TEXT + P_FILESZ, 8, PH + 3 * PH_SIZE - 1);	/* all but a byte */
	EQ(check_at(SIZE, 0, &info), 0);
	EQ(info.phdr_vaddr, 0);
}

TEST(elf_bias_moves_a_pie)
{
	struct elf_info info;
	struct elf_segment seg;

	make_pie();
	EQ(check_at(SIZE, BASE, &info), 0);
	EQ(info.bias, BASE);
	EQ(info.entry, BASE + 0x1000);
	EQ(info.low, BASE);
	EQ(info.high, BASE + 0x7000);
	EQ(info.phdr_vaddr, BASE + PH);
	EQ(elf_segment_at(image, SIZE, BASE, 1, &seg), 0);
	EQ(seg.vaddr, BASE + 0x2000);
}

TEST(elf_bias_is_bounded)
{
	struct elf_info info;

	make_pie();
	EQ(check_at(SIZE, 0, &info), ELF_E_RANGE);
	EQ(check_at(SIZE, UINT64_MAX, &info), ELF_E_RANGE);
	EQ(check_at(SIZE, -0x1000ull, &info), ELF_E_RANGE);
	EQ(check_at(SIZE, ELF_VA_MAX, &info), ELF_E_RANGE);
	EQ(check_at(SIZE, ELF_VA_MAX - 0x6000, &info), ELF_E_RANGE);
	EQ(check_at(SIZE, ELF_VA_MAX - 0x7000, &info), 0);
	EQ(check_at(SIZE, BASE + 8, &info), ELF_E_ALIGN);
	/* a bias that carries good addresses past 2^64, to good ones */
	put(TEXT + P_VADDR, 8, TEXT_VA);
	put(DATA + P_VADDR, 8, DATA_VA);
	put(E_ENTRY, 8, TEXT_VA + 0x1000);
	EQ(check_at(SIZE, 0, &info), 0);
	EQ(check_at(SIZE, -0x1000ull, &info), ELF_E_RANGE);
}

TEST(elf_bias_leaves_exec_alone)
{
	struct elf_info info;

	make_sound();
	EQ(check_at(SIZE, BASE, &info), 0);
	EQ(info.entry, TEXT_VA + 0x1000);
	EQ(info.bias, 0);
}

int
main(void)
{
	return tap_main();
}
