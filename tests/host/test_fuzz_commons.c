/*
 * test_fuzz_commons.c - the commons fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_commons.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("commons", argc, argv);
}
