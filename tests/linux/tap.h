/*
 * tap.h - tests that are Linux programs: built with musl, run unmodified.
 *
 *	TEST(name) { OK(condition); EQ(got, want); }
 *	...
 *	TAP_MAIN
 */
#ifndef LINUX_TAP_H
#define LINUX_TAP_H

#include <stdio.h>
#include <stdlib.h>

struct tap_test {
	const char *name;
	void (*run)(void);
};

static struct tap_test tap_tests[64];
static int tap_count, tap_bad, tap_failed;

#define TEST(fn)							      \
	static void fn(void);						      \
	__attribute__((constructor)) static void			      \
	tap_add_##fn(void)						      \
	{								      \
		tap_tests[tap_count++] = (struct tap_test){ #fn, fn };	      \
	}								      \
	static void							      \
	fn(void)

#define OK(cond)							      \
	((cond) ? 1 : (tap_bad = 1, printf("# line %d: not %s\n", __LINE__,   \
	    #cond), 0))
#define EQ(got, want)							      \
	tap_equal((long)(got), (long)(want), #got, __LINE__)

static inline int
tap_equal(long got, long want, const char *what, int line)
{
	if (got == want)
		return 1;
	tap_bad = 1;
	printf("# line %d: %s is %ld (%#lx), not %ld\n", line, what, got, got,
	    want);
	return 0;
}

static inline int
tap_main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", tap_count);
	for (int i = 0; i < tap_count; i++) {
		tap_bad = 0;
		tap_tests[i].run();
		tap_failed += tap_bad;
		printf("%sok %d - %s\n", tap_bad ? "not " : "", i + 1,
		    tap_tests[i].name);
	}
	return tap_failed != 0;
}

static inline int
tap_run(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", tap_count);
	for (int i = 0; i < tap_count; i++) {
		tap_bad = 0;
		tap_tests[i].run();
		tap_failed += tap_bad;
		printf("%sok %d - %s\n", tap_bad ? "not " : "", i + 1,
		    tap_tests[i].name);
	}
	return tap_failed != 0;
}

#define TAP_MAIN							      \
	int								      \
	main(void)							      \
	{								      \
		return tap_run();					      \
	}

#endif
