/*
 * bpf_embed.c - a compiled BPF program as a C array: build/bpf_embed.
 *
 *	bpf_embed [--hex] FILE.o [FUNCTION] [NAME]
 *
 * Takes FUNCTION (`-', or nothing: the only global one) and what it calls out
 * of FILE.o, judges the program as a kernel would, and prints
 *
 *	static const uint64_t NAME[N] = { ... };
 *
 * or, with --hex, the bytes that build/bpf_plugin reads.  What is refused is
 * told on stderr, with status 1.
 */
#include <castor/bpf_elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"

#define FILE_MAX	(16u << 20)

static uint8_t *image;		/* FILE_MAX bytes */
static struct bpf_insn code[BPF_LEN_MAX];

static size_t
file_read(const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	image = malloc(FILE_MAX);
	if (f == NULL || image == NULL) {
		perror(path);
		exit(1);
	}
	n = fread(image, 1, FILE_MAX, f);
	fclose(f);
	return n;
}

static void
array_print(const char *name, const char *from, uint32_t n)
{
	printf("/* From %s by tools/bpf_embed.c. */\n", from);
	printf("static const uint64_t %s[%u] = {\n", name, n);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t word;

		memcpy(&word, &code[i], sizeof(word));
		printf("\t0x%016llx,\n", (unsigned long long)word);
	}
	printf("};\n");
}

static void
hex_print(uint32_t n)
{
	const uint8_t *b = (const uint8_t *)code;

	for (uint32_t i = 0; i < n * sizeof(*code); i++)
		printf("%02x%c", b[i], i % 8 == 7 ? '\n' : ' ');
}

int
main(int argc, char **argv)
{
	bool hex = argc > 1 && strcmp(argv[1], "--hex") == 0;
	char **arg = argv + 1 + hex;
	int args = argc - 1 - hex;
	const char *function = args > 1 && strcmp(arg[1], "-") != 0 ?
	    arg[1] : NULL;
	enum bpf_error e;
	uint32_t at;
	size_t size;
	long n;

	if (args < 1 || args > 3) {
		fprintf(stderr, "bpf_embed: no file\n");
		return 1;
	}
	size = file_read(arg[0]);
	n = bpf_elf_load(image, size, function, code, BPF_LEN_MAX);
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", arg[0], bpf_elf_text(-n));
		return 1;
	}
	e = bpf_validate(code, (uint32_t)n, &at);
	if (e != BPF_OK) {
		fprintf(stderr, "%s: instruction %u: %s\n", arg[0], at,
		    bpf_text(e));
		return 1;
	}
	if (hex)
		hex_print((uint32_t)n);
	else
		array_print(args > 2 ? arg[2] : "program", arg[0],
		    (uint32_t)n);
	return 0;
}
