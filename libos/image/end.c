/*
 * end.c - how a process ends.
 */
#include <castor/print.h>

#include "thread.h"
#include "wait.h"

_Noreturn void
process_end(uint32_t status)
{
	(void)commons(CM_EXIT, status, 0, 0, 0);
	(void)!exo_domain_kill(own.domain, own.domain_slot, status);
	(void)!exo_env_exit(status);
	for (;;)
		__asm__ volatile("ud2");
}

_Noreturn void
image_die(const char *fmt, ...)
{
	va_list ap;

	print("castor: %u: ", pid);
	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
	print("\n");
	process_end(SIGKILL);
}

/* For print(): what Castor itself has to say. */
void
console_put(const char *s, size_t n)
{
	if (own.console_slot == EXO_NONE)
		return;
	while (n > 0) {
		long r = exo_console_write(own.console_slot, (uint64_t)s,
		    n < 512 ? n : 512);

		if (r <= 0)
			return;
		s += r;
		n -= (size_t)r;
	}
}

long
call_exit_group(uint64_t word)
{
	vfork_leave();
	robust_end_all();
	process_end((uint32_t)(word & 0xff) << 8);
}
