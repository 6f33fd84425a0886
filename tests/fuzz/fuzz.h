/*
 * fuzz.h - what the fuzz targets share.
 *
 * A target is fuzz_NAME.c, which defines LLVMFuzzerTestOneInput().  It runs
 * under libFuzzer (`make fuzz`) and, with test_fuzz_NAME.c, as a host test
 * that replays the seeds and the inputs that once made it fail.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s\n", __FILE__,	\
			    __LINE__, #cond);				\
			abort();					\
		}							\
	} while (0)

/* Somewhere to put what was read, so that it is read. */
static volatile uint64_t fuzz_sink;

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
