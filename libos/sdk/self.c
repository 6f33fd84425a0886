/*
 * self.c - native calls from a Linux program: who it is, and how it ends.
 *
 * What a process was given is Castor's, which is in the same process: this
 * only names it.  Castor keeps the page tables, seats and rows of the domain;
 * who changes those without it confuses his own process.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <castor/print.h>
#include <castor/self.h>

static struct exo_start me;
const struct exo_start *self = &me;

_Noreturn void
castor_exit(uint64_t word)
{
	fflush(NULL);
	_exit((int)word);
}

_Noreturn void
castor_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fflush(stdout);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	castor_exit(EXIT_DIED);
}

long
castor_must(long r, const char *expr, const char *file, int line)
{
	if (r < 0)
		castor_die("%s:%d: %s: %s", file, line, expr,
		    exo_error_text(r));
	return r;
}

/* Ids are of a process; slots are numbered alike in all (exo/start.h). */
static void
self_set(void)
{
	char text[128] = { 0 };
	int fd = open("/exo/self", O_RDONLY | O_CLOEXEC);

	me = (struct exo_start){
		.version = EXO_START_VERSION,
		.root_slot = EXO_NONE, .console_slot = EXO_NONE,
		.archive_slot = EXO_NONE, .mint_slot = EXO_NONE,
		.domain_slot = EXO_START_SLOT_DOMAIN,
		.env_slot = EXO_START_SLOT_ENV,
		.memory_slot = EXO_START_SLOT_MEMORY,
		.acct_slot = EXO_START_SLOT_ACCT,
	};
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0 ||
	    sscanf(text, "acct %lu domain %lu env %lu", &me.acct, &me.domain,
	    &me.env) != 3)
		castor_die("/exo/self: this is not Castor");
	close(fd);
}

static void __attribute__((constructor))
self_init(void)
{
	self_set();
	(void)pthread_atfork(NULL, NULL, self_set);
}
