/*
 * test_fuzz_cpio.c - the cpio fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_cpio.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("cpio", argc, argv);
}
