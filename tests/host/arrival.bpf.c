/*
 * arrival.bpf.c - the example of docs/bpf.md, which test_bpf.c runs: awake when
 * the word is no longer 0, or at tick 500.
 */
#include <stdint.h>

uint64_t
arrival(const volatile uint64_t *word, const uint64_t *clock)
{
	if (*word != 0)
		return 1;
	return *clock >= 500 ? 2 : 0;
}
