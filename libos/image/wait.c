/*
 * wait.c - requests to the commons, and sleeping until it rings.
 */
#include "signal.h"
#include "wait.h"

long
commons(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	(void)op;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return -ENOSYS;
}

void
wait_bell(uint64_t seen, uint64_t until)
{
	while (my_window()->bell == seen && clock_ns() < until)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}
