/*
 * test_fuzz_name.c - the name fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_name.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("name", argc, argv);
}
