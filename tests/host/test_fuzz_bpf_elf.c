/*
 * test_fuzz_bpf_elf.c - the bpf_elf fuzz target on its seeds and past crashers.
 */
#include "../../libos/bpf_elf.c"
#include "../fuzz/fuzz_bpf_elf.c"
#include "../fuzz/replay.h"

int
main(int argc, char **argv)
{
	return replay_main("bpf_elf", argc, argv);
}
