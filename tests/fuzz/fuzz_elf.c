/*
 * fuzz_elf.c - whatever elf_check() accepts must be safe to load.
 *
 * The first byte chooses the bias.  What is accepted is judged here anew,
 * in 128-bit sums that cannot wrap, and each of its bytes is read.
 */
#include <stdlib.h>
#include <string.h>

#include "elf.h"
#include "fuzz.h"

typedef unsigned __int128 wide;

static uint64_t
bytes_sum(const uint8_t *p, uint64_t n)
{
	uint64_t sum = 0;

	while (n-- > 0)
		sum += *p++;
	return sum;
}

static void
segment_judge(const uint8_t *image, size_t size, const struct elf_segment *s)
{
	wide end = (wide)s->vaddr + s->memsz;

	MUST(s->memsz > 0 && s->memsz >= s->filesz);
	MUST((wide)s->offset + s->filesz <= size);
	MUST(s->vaddr >= 0x1000 && end <= 0x00007f8000000000);
	MUST((s->flags & (ELF_W | ELF_X)) != (ELF_W | ELF_X));
	MUST((s->flags & ~7u) == 0);
	fuzz_sink = bytes_sum(image + s->offset, s->filesz);
}

static void
image_judge(const uint8_t *image, size_t size, uint64_t bias)
{
	struct elf_info info;
	struct elf_segment seg;
	wide last = 0;
	bool runs = false, phdrs = false;

	memset(&info, 0xa5, sizeof(info));
	if (elf_check_at(image, size, bias, &info) < 0)
		return;
	MUST(info.phdr_count >= 1 && info.phdr_count <= 16);
	MUST(info.segments >= 1 && info.segments <= info.phdr_count);
	MUST(info.bias == 0 || info.bias == bias);
	for (uint32_t i = 0; i < info.segments; i++) {
		MUST(elf_segment_at(image, size, bias, i, &seg) == 0);
		segment_judge(image, size, &seg);
		MUST(seg.vaddr / 4096 * 4096 >= last);	/* no shared page */
		last = ((wide)seg.vaddr + seg.memsz + 4095) / 4096 * 4096;
		runs |= (seg.flags & ELF_X) != 0 && info.entry >= seg.vaddr &&
		    info.entry - seg.vaddr < seg.memsz;
		phdrs |= info.phdr_vaddr >= seg.vaddr &&
		    (wide)info.phdr_vaddr + 56 * info.phdr_count <=
		    (wide)seg.vaddr + seg.filesz;
		MUST(i > 0 || info.low == seg.vaddr / 4096 * 4096);
	}
	MUST(runs && info.high == last);
	MUST(phdrs || info.phdr_vaddr == 0);
	MUST(elf_segment_at(image, size, bias, info.segments, &seg) ==
	    ELF_E_INDEX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t bias[4] = {
		0, 0x7e0000000000, 0x7ffffffff000, UINT64_MAX - 0xfff,
	};
	struct elf_segment seg;

	if (size == 0)
		return 0;
	image_judge(data + 1, size - 1, bias[data[0] & 3]);
	for (uint32_t i = 0; i < 20; i++)	/* checked or not */
		(void)elf_segment(data + 1, size - 1, i, &seg);
	return 0;
}
