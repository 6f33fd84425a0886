/*
 * load.c - a static program out of the archive (cpio newc, ELF), all of its
 * segments at once, and its first stack.
 */
#include <elf.h>

#include "leda.h"

#define CPIO_HEAD	110u

static uint64_t
hex(const char *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 4 | (uint64_t)(p[i] <= '9' ? p[i] - '0' :
		    (p[i] | 0x20) - 'a' + 10);
	return n & 0xffffffff;
}

static bool
same(const char *a, const char *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (a[i] != b[i])
			return false;
	}
	return true;
}

static size_t
length(const char *s)
{
	size_t n = 0;

	while (s[n] != '\0')
		n++;
	return n;
}

static uint64_t
up4(uint64_t n)
{
	return (n + 3) & ~3ul;
}

/* The file of this name, and its size; NULL. */
static const char *
archive_find(const char *name, uint64_t *size)
{
	const char *a = archive_map();
	uint64_t len = EXO_MACHINE->archive_len, want = length(name) + 1;

	for (uint64_t at = 0; a != NULL && at + CPIO_HEAD < len;) {
		uint64_t names = hex(a + at + 94), data;

		*size = hex(a + at + 54);
		data = up4(at + CPIO_HEAD + names);
		if (!same(a + at, "070701", 6) || data > len ||
		    *size > len - data)
			break;
		if (names == want && same(a + at + CPIO_HEAD, name, want))
			return a + data;
		at = up4(data + *size);
	}
	return NULL;
}

/* ---- segments */

static uint32_t
rights_of(const Elf64_Phdr *h)
{
	return (h->p_flags & PF_R ? PG_R : 0) | (h->p_flags & PF_W ? PG_W : 0) |
	    (h->p_flags & PF_X ? PG_X : 0);
}

static bool
segment_fits(const Elf64_Phdr *h, uint64_t size)
{
	uint64_t top = (uint64_t)(PAGES - STACK_PAGES) << 12;

	return h->p_offset <= size && h->p_filesz <= size - h->p_offset &&
	    h->p_filesz <= h->p_memsz && h->p_vaddr >= EXO_PAGE &&
	    h->p_vaddr < top && h->p_memsz < top - h->p_vaddr &&
	    (rights_of(h) & (PG_W | PG_X)) != (PG_W | PG_X);
}

static long
segment_load(const Elf64_Phdr *h, const char *file, struct program *p)
{
	uint64_t va = h->p_vaddr, end = va + h->p_filesz;
	uint64_t last = (va + h->p_memsz + EXO_PAGE - 1) >> 12, next;
	long r;

	if (!range_is_free(va >> 12, last - (va >> 12)))
		return -L_ENOEXEC;
	range_give(va >> 12, last - (va >> 12), rights_of(h));
	for (; va < end; va = next) {
		next = (va & ~(EXO_PAGE - 1)) + EXO_PAGE;
		r = page_load(va >> 12, rights_of(h), file + h->p_offset +
		    (va - h->p_vaddr), (next < end ? next : end) - va,
		    va & (EXO_PAGE - 1));
		if (r < 0)
			return r;
	}
	if (p->brk < last << 12)
		p->brk = last << 12;
	return 0;
}

long
program_load(const char *path, struct program *p)
{
	uint64_t size;
	const char *file = archive_find(path + (path[0] == '/'), &size);
	const Elf64_Ehdr *e = (const void *)file;
	const Elf64_Phdr *h;

	if (file == NULL)
		return -L_ENOENT;
	if (size < sizeof(*e) || !same(file, ELFMAG, SELFMAG) ||
	    e->e_type != ET_EXEC || e->e_machine != EM_X86_64 ||
	    e->e_phentsize != sizeof(*h) || e->e_phoff > size ||
	    e->e_phnum > (size - e->e_phoff) / sizeof(*h))
		return -L_ENOEXEC;
	*p = (struct program){ .entry = e->e_entry, .phnum = e->e_phnum };
	for (unsigned i = 0; i < e->e_phnum; i++) {
		long r;

		h = (const void *)(file + e->e_phoff + i * sizeof(*h));
		if (h->p_type != PT_LOAD)
			continue;
		if (h->p_offset == 0)
			p->phdr = h->p_vaddr + e->e_phoff;
		r = segment_fits(h, size) ? segment_load(h, file, p) :
		    -L_ENOEXEC;
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the first stack: what the C library expects (x86-64 psABI, 3.4.1) */

static char *
text_push(char **sp, const char *s)
{
	size_t n = length(s) + 1;

	*sp -= n;
	copy(*sp, s, n);
	return *sp;
}

/* Arguments: those of the start block from the second on, the path first. */
static uint64_t
arguments_push(char **sp, uint64_t *argv, uint64_t max)
{
	const char *p = me->args + length(me->args) + 1;
	uint64_t n = 0;

	for (; n + 1 < me->argc && n < max; n++) {
		argv[n] = (uint64_t)text_push(sp, p);
		p += length(p) + 1;
	}
	return n;
}

uint64_t
program_stack(const struct program *p)
{
	char *sp = (char *)((uint64_t)PAGES << 12) - 16;
	uint64_t argv[16], argc, random, *at;
	uint64_t platform = (uint64_t)text_push(&sp, "x86_64");
	uint64_t path = (uint64_t)text_push(&sp, "PATH=/bin");

	__asm__ volatile("rdtsc" : "=a"(random) : : "rdx");
	argc = arguments_push(&sp, argv, 16);
	sp = (char *)(((uint64_t)sp & ~15ul) - 16);
	((uint64_t *)sp)[0] = random * 0x9e3779b97f4a7c15ul;
	((uint64_t *)sp)[1] = EXO_MACHINE->fresh * 0xbf58476d1ce4e5b9ul;
	const uint64_t aux[] = {
		AT_PHDR, p->phdr, AT_PHENT, sizeof(Elf64_Phdr),
		AT_PHNUM, p->phnum, AT_PAGESZ, EXO_PAGE, AT_ENTRY, p->entry,
		AT_SECURE, 0, AT_RANDOM, (uint64_t)sp, AT_PLATFORM, platform,
		AT_EXECFN, argv[0], AT_NULL, 0,
	};

	at = (uint64_t *)sp - (argc + 4 + sizeof(aux) / 8);
	at = (uint64_t *)((uint64_t)at & ~15ul);
	sp = (char *)at;
	*at++ = argc;
	copy(at, argv, argc * 8);
	at += argc;
	*at++ = 0;
	*at++ = path;
	*at++ = 0;
	copy(at, aux, sizeof(aux));
	return (uint64_t)sp;
}
