/*
 * start.c - from the first instruction in C to main, and the end.
 */
#include <castor/print.h>
#include <castor/self.h>
#include <castor/upcall.h>
#include <castor/vm.h>

#define ARGS_MAX	64

_Noreturn void	castor_start(const struct exo_start *);
int	main(int, char **);		/* its result is the exit word */

const struct exo_start *self;

extern void (*__init_array_start[])(void) __attribute__((weak));
extern void (*__init_array_end[])(void) __attribute__((weak));

static char *argv[ARGS_MAX + 1];

static int
args_split(void)
{
	const char *p = self->args;
	int n;

	for (n = 0; n < (int)self->argc && n < ARGS_MAX; n++) {
		argv[n] = (char *)(uintptr_t)p;	/* read-only, all the same */
		while (*p++ != '\0')
			;
	}
	return n;
}

_Noreturn void
castor_exit(uint64_t word)
{
	(void)!exo_domain_kill(self->domain, self->domain_slot, word);
	(void)!exo_env_exit(word);
	for (;;)
		__asm__ volatile("ud2");
}

_Noreturn void
castor_die(const char *fmt, ...)
{
	va_list ap;

	print("%s: ", self->argc > 0 ? self->args : "?");
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	print("\n");
	castor_exit(EXIT_DIED);
}

long
castor_must(long r, const char *expr, const char *file, int line)
{
	if (r < 0)
		castor_die("%s:%d: %s: %s (%s)", file, line, expr,
		    exo_error_name(r), exo_error_text(r));
	return r;
}

/* Traps of these classes come to upcall_dispatch; before that none must. */
static void
rows_set(void)
{
	MUST(exo_domain_row(self->domain, self->domain_slot, EXO_CLASS_FAULT,
	    EXO_ACT_SELF));
	MUST(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_EXCEPTION, EXO_ACT_SELF));
}

_Noreturn void
castor_start(const struct exo_start *start)
{
	self = start;
	if (start->version != EXO_START_VERSION)
		castor_exit(EXIT_DIED);
	rows_set();
	vm_init();
	for (void (**f)(void) = __init_array_start; f < __init_array_end; f++)
		(*f)();
	castor_exit((uint64_t)(int64_t)main(args_split(), argv));
}
