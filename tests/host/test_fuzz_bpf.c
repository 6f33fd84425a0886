/*
 * test_fuzz_bpf.c - the bpf fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_bpf.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("bpf", argc, argv);
}
