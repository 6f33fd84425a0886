/*
 * bpf_plugin.c - kernel/pure/bpf.c as a plug-in of the public conformance
 * suite (github.com/Alan-Jowett/bpf_conformance): build/bpf_plugin.
 *
 *	bpf_plugin [MEMORY [OPTIONS]] <PROGRAM
 *	bpf_plugin --program PROGRAM [MEMORY]
 *
 * PROGRAM and MEMORY are hex bytes; blanks may stand between them, and a
 * line of PROGRAM may end in a comment, `#'.  r1 is the memory's address, 0
 * if there is none, and r2 its length.  Prints r0 in hex.  A program that is
 * refused or stopped is told on stderr by error, text and instruction, with
 * status 1 or 2; bad input by status 3.
 *
 * OPTIONS, blanks between them, since the suite passes one argument:
 *	--fuel N	instructions allowed, 1000000 unless told
 *	--read-only	no writes to the memory
 *	--debug		fuel used and the memory afterwards, on stderr
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf.h"

enum { REFUSED = 1, STOPPED = 2, USAGE = 3 };

#define INPUT_MAX	(1u << 20)

struct bytes {
	uint8_t *at;
	size_t len;
};

struct options {
	uint64_t fuel;
	bool writable, debug;
};

static _Noreturn void
die(const char *why)
{
	fprintf(stderr, "bpf_plugin: %s\n", why);
	exit(USAGE);
}

static int
digit(int c)
{
	return c <= '9' ? c - '0' : tolower(c) - 'a' + 10;
}

/* Bytes in a block of their exact size, so that sanitizers see its end. */
static struct bytes
bytes_read(const char *text)
{
	struct bytes b = { malloc(strlen(text) / 2 + 1), 0 };

	for (; b.at != NULL && *text != '\0'; text++) {
		if (*text == '#') {
			text += strcspn(text, "\n");
			if (*text == '\0')
				break;
		}
		if (isspace((unsigned char)*text))
			continue;
		if (!isxdigit((unsigned char)text[0]) ||
		    !isxdigit((unsigned char)text[1]))
			die("not hex bytes");
		b.at[b.len++] = (uint8_t)(digit(text[0]) << 4 |
		    digit(text[1]));
		text++;
	}
	b.at = b.at == NULL ? NULL : realloc(b.at, b.len == 0 ? 1 : b.len);
	if (b.at == NULL)
		die("no memory");
	return b;
}

static char *
input_read(FILE *f)
{
	static char text[INPUT_MAX + 2];
	size_t n = fread(text, 1, INPUT_MAX + 1, f);

	if (n > INPUT_MAX)
		die("too long");
	text[n] = '\0';
	return text;
}

static void
options_read(struct options *o, char *words)
{
	for (char *w = strtok(words, " "); w != NULL; w = strtok(NULL, " ")) {
		if (strcmp(w, "--fuel") == 0 && (w = strtok(NULL, " ")) != NULL)
			o->fuel = strtoull(w, NULL, 0);
		else if (w != NULL && strcmp(w, "--read-only") == 0)
			o->writable = false;
		else if (w != NULL && strcmp(w, "--debug") == 0)
			o->debug = true;
		else
			die("no such option");
	}
}

static int
tell(const char *what, enum bpf_error e, uint32_t at, int status)
{
	fprintf(stderr, "%s: %s at %u: %s\n", what, bpf_name(e), at,
	    bpf_text(e));
	return status;
}

static void
debug_tell(const struct bpf_run *run, uint64_t fuel, struct bytes memory)
{
	fprintf(stderr, "fuel %llu\nmemory",
	    (unsigned long long)(fuel - run->fuel));
	for (size_t i = 0; i < memory.len; i++)
		fprintf(stderr, " %02x", memory.at[i]);
	fputc('\n', stderr);
}

static int
program_run(struct bytes program, struct bytes memory,
    const struct options *o)
{
	static _Alignas(8) uint8_t stack[BPF_STACK];
	const struct bpf_insn *code = (const void *)program.at;
	uint32_t n = (uint32_t)(program.len / sizeof(*code)), at;
	struct bpf_window win = { memory.at, (uint32_t)memory.len,
	    o->writable };
	struct bpf_run run = { .win = &win, .nwin = 1, .stack = stack,
	    .fuel = o->fuel };
	enum bpf_error e = bpf_validate(code, n, &at);

	if (e != BPF_OK)
		return tell("refused", e, at, REFUSED);
	memset(stack, 0xa5, sizeof(stack));
	run.arg[0] = memory.len == 0 ? 0 : BPF_WINDOW(0);
	run.arg[1] = memory.len;
	e = bpf_run(code, n, &run);
	if (o->debug)
		debug_tell(&run, o->fuel, memory);
	if (e != BPF_OK)
		return tell("stopped", e, run.at, STOPPED);
	printf("%llx\n", (unsigned long long)run.r0);
	return 0;
}

int
main(int argc, char **argv)
{
	struct options o = { .fuel = 1000000, .writable = true };
	static struct bytes program, memory;
	const char *text = NULL;
	int i = 1;

	if (argc > 2 && strcmp(argv[1], "--program") == 0) {
		text = argv[2];
		i = 3;
	}
	memory = bytes_read(i < argc && argv[i][0] != '-' ? argv[i++] : "");
	for (; i < argc; i++)
		options_read(&o, argv[i]);
	program = bytes_read(text != NULL ? text : input_read(stdin));
	if (program.len % sizeof(struct bpf_insn) != 0)
		die("a program is whole instructions of 8 bytes");
	return program_run(program, memory, &o);
}
