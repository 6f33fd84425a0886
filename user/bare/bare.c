/*
 * bare.c - a program on the kernel's ABI and nothing else: no library, no
 * pager.  It says who it is, and ends its env.
 *
 * _start is where its env begins and, EXO_START_UPCALL_AT bytes on, there
 * is the upcall entry, which this program never asks for (exo/start.h).
 */
#include <exo/error.h>
#include <exo/start.h>
#include <exo/syscall.h>
#include <exo/tables.h>

__asm__(".globl _start\n"
	"_start:	call	bare\n"		/* rdi: struct exo_start */
	"	.org	_start + 32, 0xcc\n"
	"	ud2");

_Noreturn void	bare(const struct exo_start *);

static long
call3(uint64_t nr, uint64_t a, uint64_t b, uint64_t c)
{
	long r = (long)(EXO_NR_BASE + nr);

	__asm__ volatile("syscall" : "+a"(r), "+D"(a), "+S"(b), "+d"(c)
	    : : "rcx", "r8", "r9", "r10", "r11", "memory");
	return r;
}

static uint64_t
text_put(char *to, uint64_t at, const char *text)
{
	while (*text != '\0')
		to[at++] = *text++;
	return at;
}

static uint64_t
number_put(char *to, uint64_t at, uint64_t n)
{
	if (n >= 10)
		at = number_put(to, at, n / 10);
	to[at] = (char)('0' + n % 10);
	return at + 1;
}

_Noreturn void
bare(const struct exo_start *start)
{
	char text[128];
	uint64_t n = text_put(text, 0, "Bare: domain ");

	n = number_put(text, n, EXO_INDEX(start->domain));
	n = text_put(text, n, ", env ");
	n = number_put(text, n, EXO_INDEX(start->env));
	n = text_put(text, n, ", ");
	n = number_put(text, n, EXO_MACHINE->free_frames);
	n = text_put(text, n, " frames free.\n");
	(void)call3(EXO_NR_console_write, start->console_slot,
	    (uint64_t)text, n);
	if (start->root_slot != EXO_NONE)	/* nobody would run after me */
		(void)call3(EXO_NR_machine_off, start->root_slot, 0, 0);
	(void)call3(EXO_NR_env_exit, 0, 0, 0);
	for (;;)
		__asm__ volatile("ud2");
}
