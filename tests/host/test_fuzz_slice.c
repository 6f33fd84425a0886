/*
 * test_fuzz_slice.c - the slice fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_slice.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("slice", argc, argv);
}
