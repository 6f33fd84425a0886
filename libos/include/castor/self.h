/* castor/self.h - who am I, and how I end. */
#ifndef CASTOR_SELF_H
#define CASTOR_SELF_H

#include <castor/sys.h>

/* What my maker told me: ids, slots, where things lie.  See exo/start.h. */
extern const struct exo_start *self;

/* End this domain, and with it the envs at home in it. */
_Noreturn void castor_exit(uint64_t word);

/* The same, with a message, and a word that says so: EXIT_DIED. */
_Noreturn void castor_die(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
#define EXIT_DIED	127u

/* The value, or death with a message that names the error. */
#define MUST(expr)	castor_must((expr), #expr, __FILE__, __LINE__)
long castor_must(long r, const char *expr, const char *file, int line);

/* Names of errors and calls, for messages: "E_BUSY", "page_alloc". */
const char *exo_error_name(long r);
const char *exo_error_text(long r);
const char *exo_call_name(uint32_t nr);

#endif
