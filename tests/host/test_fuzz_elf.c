/*
 * test_fuzz_elf.c - the elf fuzz target on its seeds and past crashers.
 */
#include "../fuzz/fuzz_elf.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("elf", argc, argv);
}
