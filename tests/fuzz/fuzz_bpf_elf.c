/*
 * fuzz_bpf_elf.c - the BPF loader reads nothing past the file, writes nothing
 * past what it says, and leaves no call that leads out of the program.
 *
 * Input: a byte that chooses the function's name (none, or one that the seeds
 * have) and how much room there is; then the file.
 */
#include <castor/bpf_elf.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"
#include "fuzz.h"

static void
result_judge(const struct bpf_insn *out, long n, uint32_t max)
{
	struct bpf_insn untouched;
	uint32_t at;

	memset(&untouched, 0x5a, sizeof(untouched));
	MUST(n != 0 && n <= (long)max && n > -(long)BPF_ELF_ERRORS_COUNT);
	if (n < 0) {
		MUST(bpf_elf_text(-n)[0] != '\0');
		return;
	}
	for (long i = n; i < (long)max; i++)
		MUST(memcmp(&out[i], &untouched, sizeof(untouched)) == 0);
	for (long i = 0; i < n; i++)
		if (out[i].code == 0x85 && out[i].regs == 0x10)
			MUST(i + 1 + out[i].imm >= 0 && i + 1 + out[i].imm < n);
	fuzz_sink = bpf_validate(out, (uint32_t)n, &at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[4] = { NULL, "entry", "sum", "" };
	static const uint32_t room[4] = { BPF_LEN_MAX, 64, 4, 0 };
	struct bpf_insn *one, *two;
	uint8_t *image, *odd;
	uint32_t max;
	long n;

	if (size == 0)
		return 0;
	max = room[data[0] >> 2 & 3];
	one = malloc(max * sizeof(*one) + 1);
	two = malloc(max * sizeof(*two) + 1);
	image = malloc(size);		/* of the exact size, aligned */
	odd = malloc(size);
	memset(one, 0x5a, max * sizeof(*one));
	memset(two, 0x5a, max * sizeof(*two));
	memcpy(image, data + 1, size - 1);
	image = realloc(image, size == 1 ? 1 : size - 1);
	memcpy(odd + 1, data + 1, size - 1);
	n = bpf_elf_load(image, size - 1, names[data[0] & 3], one, max);
	result_judge(one, n, max);
	MUST(bpf_elf_load(odd + 1, size - 1, names[data[0] & 3], two, max) ==
	    n);
	if (n > 0)
		MUST(memcmp(one, two, n * sizeof(*one)) == 0);
	free(one);
	free(two);
	free(image);
	free(odd);
	return 0;
}
