/*
 * load.c - a program into the process: its segments as areas, its stack, the
 * registers that it begins with.
 */
#include <castor/string.h>

#include "area.h"
#include "context.h"
#include "elf.h"
#include "file.h"
#include "patch.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define HEADER		((uint8_t *)HEAP_EXEC)	/* the file's first page */
#define FLAGS		0x202ul
#define E_ABIVERSION	8
#define E_PHOFF		32
#define E_PHNUM		56
#define PHDR		56ul

static uint64_t
field(uint64_t at, uint32_t bytes)
{
	uint64_t v = 0;

	memcpy(&v, HEADER + at, bytes);
	return v;
}

/* The i-th segment as an area; false: it can't be one. */
static bool
segment_area(uint64_t file, uint64_t size, uint32_t i, struct area *a)
{
	struct elf_segment s;

	if (elf_segment_at(HEADER, size, PIE_BASE, i, &s) != 0 ||
	    (s.filesz > 0 && (s.vaddr ^ s.offset) % EXO_PAGE != 0))
		return false;
	*a = (struct area){
		.low = PAGE_DOWN(s.vaddr),
		.high = PAGE_UP(s.vaddr + s.memsz),
		.prot = (s.flags & ELF_R ? PROT_READ : 0) |
		    (s.flags & ELF_W ? PROT_WRITE : 0) |
		    (s.flags & ELF_X ? PROT_EXEC : 0),
		.file = s.filesz > 0 ? file : 0,
		.offset = PAGE_DOWN(s.offset),
		.limit = s.vaddr + s.filesz,
	};
	return true;
}

/* Read and check its headers: 0, or -errno. */
static long
headers_read(uint64_t file, uint64_t size, struct elf_info *info)
{
	uint64_t n = size < EXO_PAGE ? size : EXO_PAGE;
	struct area a;
	long r;

	memset(HEADER, 0, EXO_PAGE);
	r = file_read(file, 0, HEADER, n);
	if (r < 0)
		return r;
	if (field(E_PHOFF, 8) > EXO_PAGE ||
	    field(E_PHOFF, 8) + field(E_PHNUM, 2) * PHDR > EXO_PAGE ||
	    elf_check_at(HEADER, size, PIE_BASE, info) != 0 ||
	    info->low < USER_LOW || info->high > MMAP_TOP)
		return -ENOEXEC;
	for (uint32_t i = 0; i < info->segments; i++) {
		if (!segment_area(file, size, i, &a))
			return -ENOEXEC;
	}
	return 0;
}

static long
segments_map(uint64_t file, uint64_t size, const struct elf_info *info)
{
	struct area stack = {
		.low = STACK_TOP - STACK_SIZE, .high = STACK_TOP,
		.prot = PROT_READ | PROT_WRITE, .flags = AREA_STACK
	};
	struct area a;
	long r = 0;

	for (uint32_t i = 0; i < info->segments && r == 0; i++) {
		(void)segment_area(file, size, i, &a);
		r = area_add(&a);
	}
	return r < 0 ? r : area_add(&stack);
}

/* ---- the stack */

struct stack {
	uint64_t sp;
	bool failed;
};

static uint64_t
push(struct stack *s, const void *from, uint64_t n)
{
	s->sp -= n;
	if (user_write(s->sp, from, n) < 0)
		s->failed = true;
	return s->sp;
}

static void
put(struct stack *s, uint64_t *at, uint64_t word)
{
	if (user_write(*at, &word, sizeof(word)) < 0)
		s->failed = true;
	*at += sizeof(word);
}

/* Addresses of n strings that lie one after the other; then a zero. */
static const char *
put_strings(struct stack *s, uint64_t *at, const char *text, uint64_t shift,
    uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		put(s, at, (uint64_t)text + shift);
		text += strlen(text) + 1;
	}
	put(s, at, 0);
	return text;
}

static uint32_t
hwcap(void)
{
	uint32_t a = 1, b, c = 0, d;

	__asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return d;
}

#define AUX	18u			/* pairs, with AT_NULL */

/* argc, argv, envp, auxv at sp and up, what they point to above: sp, or 0. */
static uint64_t
stack_build(const struct elf_info *info)
{
	struct stack s = { STACK_TOP - 16, false };
	uint64_t words = 1 + ARGS->argc + 1 + ARGS->envc + 1 + 2 * AUX, at;
	uint64_t path, random, platform, text;
	uint8_t bytes[16];
	struct cm_cred who = { 0 };

	(void)!cred_get(&who);
	path = push(&s, ARGS->path, strlen(ARGS->path) + 1);
	platform = push(&s, "x86_64", 7);
	text = push(&s, ARGS->text, ARGS->len);
	random_fill(bytes, sizeof(bytes));
	s.sp &= ~15ul;
	random = push(&s, bytes, sizeof(bytes));
	s.sp = (s.sp - words * 8) & ~15ul;
	at = s.sp;

	put(&s, &at, ARGS->argc);
	text -= (uint64_t)ARGS->text;
	put_strings(&s, &at, put_strings(&s, &at, ARGS->text, text,
	    ARGS->argc), text, ARGS->envc);
	const uint64_t aux[AUX][2] = {
		{ AT_PHDR, info->phdr_vaddr },
		{ AT_PHENT, info->phdr_size },
		{ AT_PHNUM, info->phdr_count },
		{ AT_PAGESZ, EXO_PAGE },
		{ AT_BASE, 0 },
		{ AT_FLAGS, 0 },
		{ AT_ENTRY, info->entry },
		{ AT_UID, who.uid }, { AT_EUID, who.euid },
		{ AT_GID, who.gid }, { AT_EGID, who.egid },
		{ AT_HWCAP, hwcap() },
		{ AT_PLATFORM, platform },
		{ AT_CLKTCK, 100 },
		{ AT_SECURE, 0 },
		{ AT_RANDOM, random },
		{ AT_EXECFN, path },
		{ AT_NULL, 0 }
	};
	for (uint32_t i = 0; i < AUX; i++) {
		put(&s, &at, aux[i][0]);
		put(&s, &at, aux[i][1]);
	}
	return s.failed ? 0 : s.sp;
}

/* ---- scripts */

#define SCRIPTS		4u		/* one by another, so deep */

/* Put a string before the arguments: false, there is no room. */
static bool
argument_prepend(const char *s)
{
	uint64_t n = strlen(s) + 1;

	if (n > ARGS_MAX - ARGS->len)
		return false;
	memmove(ARGS->text + n, ARGS->text, ARGS->len);
	memcpy(ARGS->text, s, n);
	ARGS->len += n;
	ARGS->argc++;
	return true;
}

/* "#!interpreter [argument]" stands in HEADER: the interpreter takes the place
 * of argv[0], with its argument and the script's path behind it. */
static long
script_turn(void)
{
	char *line = (char *)HEADER + 2, *end, *argument;

	HEADER[255] = '\0';
	end = strchr(line, '\n');
	if (end == NULL)
		return -ENOEXEC;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	*end = '\0';
	while (*line == ' ' || *line == '\t')
		line++;
	if (*line == '\0')
		return -ENOEXEC;
	for (argument = line; *argument != '\0' && *argument != ' ' &&
	    *argument != '\t';)
		argument++;
	while (*argument == ' ' || *argument == '\t')
		*argument++ = '\0';
	if (ARGS->argc > 0) {
		uint64_t n = strlen(ARGS->text) + 1;

		memmove(ARGS->text, ARGS->text + n, ARGS->len - n);
		ARGS->len -= n;
		ARGS->argc--;
	}
	if (!argument_prepend(ARGS->path) ||
	    (*argument != '\0' && !argument_prepend(argument)) ||
	    !argument_prepend(line))
		return -E2BIG;
	memcpy(ARGS->path, line, strlen(line) + 1);
	return 0;
}

/*
 * Programs on the native ABI (the Makefile marks them so) are no programs to
 * Linux's: a script is run instead, with their paths.
 */
#define NATIVE_ABI	80u
#define NATIVE_LINE	"#!/lib/native\n"

static bool
is_native(void)
{
	return HEADER[E_ABIVERSION] == NATIVE_ABI;
}

/* The program to run in the end: its descriptor and size, headers read. */
static long
program_find(uint64_t *size, struct elf_info *info)
{
	for (uint32_t i = 0; i < SCRIPTS; i++) {
		long file = file_open(ARGS->path, size), r;

		if (file < 0)
			return file;
		r = headers_read((uint64_t)file, *size, info);
		if (r == 0 && !is_native())
			return file;
		file_release((uint64_t)file);
		if (r == 0)
			memcpy(HEADER, NATIVE_LINE, sizeof(NATIVE_LINE));
		if (HEADER[0] != '#' || HEADER[1] != '!')
			return r;
		r = script_turn();
		if (r < 0)
			return r;
	}
	return -ELOOP;
}

/* Where the arguments end and the environment begins. */
static uint64_t
arguments_len(void)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < ARGS->argc; i++)
		n += strlen(ARGS->text + n) + 1;
	return n;
}

/* What is said about it in /proc; descriptors are closed that are to be. */
static void
exec_tell(uint64_t file)
{
	uint64_t path = strlen(ARGS->path), n = arguments_len();

	n = n < CM_ARGS_MAX ? n : CM_ARGS_MAX;
	memcpy(my_window()->data, ARGS->path, path);
	memcpy(my_window()->data + CM_SECOND, ARGS->text, n);
	(void)commons(CM_EXEC, path, n, file, own.domain);
	name_is(ARGS->path);
}

long
program_exec(struct exo_regs *r)
{
	struct thread *t = me();
	struct elf_info info;
	uint64_t size, sp;
	long file = program_find(&size, &info), e;

	if (file < 0)
		return file;
	/* Act.  From here on there is no way back. */
	vfork_leave();
	threads_end();
	contexts_drop();
	area_reset();
	pt_clear(0, USER_TOP);
	park_reset();
	exec_tell((uint64_t)file);
	file_exec((uint64_t)file);
	signal_exec();
	patch_reset();
	t->clear_tid = 0;
	e = segments_map((uint64_t)file, size, &info);
	brk_low = brk_now = info.high;
	sp = e < 0 ? 0 : stack_build(&info);
	if (sp == 0)
		process_end(SIGKILL);
	*r = (struct exo_regs){
		.rip = info.entry, .rsp = sp, .rflags = FLAGS
	};
	__asm__ volatile("wrfsbase %0; wrgsbase %0" : : "r"(0ul));
	fp_reset();
	return 0;
}
