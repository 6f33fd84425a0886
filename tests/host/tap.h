/*
 * tap.h - host tests that print TAP.
 *
 *	TEST(what_it_proves)
 *	{
 *		EQ(got, want);
 *	}
 *
 * Each TEST registers itself; tap_main() prints "1..N", then runs them in
 * the order of the file.  A failed check is told with its line, and the test
 * goes on.  The exit status is 1 if any failed.
 */
#ifndef TESTS_HOST_TAP_H
#define TESTS_HOST_TAP_H

#include <stdbool.h>
#include <stdio.h>

#define TAP_MAX	256

struct tap_test {
	const char *name;
	void (*run)(void);
};

static struct tap_test tap_tests[TAP_MAX];
static unsigned tap_count;
static bool tap_failed;

#define TEST(name)							\
	static void name(void);						\
	__attribute__((constructor)) static void			\
	tap_add_##name(void)						\
	{								\
		if (tap_count < TAP_MAX)				\
			tap_tests[tap_count] =				\
			    (struct tap_test){ #name, name };		\
		tap_count++;						\
	}								\
	static void							\
	name(void)

#define EQ(got, want)							\
	tap_equal((long long)(got), (long long)(want), #got, __LINE__)
#define OK(cond)	tap_equal(!!(cond), 1, #cond, __LINE__)

static inline void
tap_equal(long long got, long long want, const char *what, int line)
{
	if (got == want)
		return;
	printf("# line %d: %s is %lld (%#llx), not %lld (%#llx)\n", line,
	    what, got, got, want, want);
	tap_failed = true;
}

static inline int
tap_main(void)
{
	bool any = false;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%u\n", tap_count);
	if (tap_count > TAP_MAX)
		return 1;
	for (unsigned i = 0; i < tap_count; i++) {
		tap_failed = false;
		tap_tests[i].run();
		printf("%s %u - %s\n", tap_failed ? "not ok" : "ok", i + 1,
		    tap_tests[i].name);
		any |= tap_failed;
	}
	return any;
}

#endif
