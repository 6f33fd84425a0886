/*
 * commons.c - the server that processes of Linux programs share
 * (libos/commons; docs/castor.md).
 */
#include <castor/commons_main.h>

int
main(void)
{
	return commons_main();
}
