/*
 * lwc_wide.c - many light-weight contexts of one creator, by LWC_MANY.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "tap.h"

#define MANY	300

static int descriptor[MANY], caller;
static volatile uint64_t word;

TEST(more_than_one_frame_of_handles_holds)
{
	struct lwc_spec s = { ~0ul, ~0ul, LWC_FILES | LWC_SHARE, 0 };
	int n = 0, bad = 0;

	for (; n < MANY; n++) {
		uint64_t args[LWC_ARGS] = { 0 };
		long c;

		word = (uint64_t)n;
		c = lwc_create(&s, 1, &caller, NULL, NULL, LWC_MANY);
		if (c == LWC_SWITCHED) {
			/* Each has its own. */
			for (;;) {
				args[0] = word++;
				lwc_switch(caller, args, &caller);
			}
		}
		if (c < 0)
			break;
		descriptor[n] = (int)c;
	}
	EQ(n, MANY);
	word = 1;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < n; i++) {
			uint64_t args[LWC_ARGS] = { 0 };
			long r = lwc_switch(descriptor[i], args, NULL);

			bad += r != LWC_SWITCHED ||
			    args[0] != (uint64_t)(i + round);
		}
	}
	EQ(bad, 0);
	EQ(word, 1);
	for (int i = 0; i < n; i++)
		bad += lwc_close(descriptor[i]) != 0;
	EQ(bad, 0);
}

TAP_MAIN
