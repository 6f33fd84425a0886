/*
 * nothing.c - the smallest Castor program, to be made, run and waited for.
 */
#include <castor/self.h>

int
main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}
