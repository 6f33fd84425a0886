/*
 * end.c - how a process ends.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "context.h"
#include "thread.h"
#include "wait.h"

_Noreturn void
process_end(uint32_t status)
{
	if (own_flags & LWC_SYSTRAP)
		context_end(status);
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

/* For print(): the last words of Castor itself, wherever errors go.  A process
 * has no right to the console: the terminal is the commons'. */
void
console_put(const char *s, size_t n)
{
	if (n > CM_DATA)
		n = CM_DATA;
	memcpy(my_window()->data, s, n);
	(void)commons(CM_WRITE, 2, n, (uint64_t)CM_POS, 0);
}

long
call_exit_group(uint64_t word)
{
	vfork_leave();
	robust_end_all();
	process_end((uint32_t)(word & 0xff) << 8);
}
