/*
 * replay.h - a fuzz target as a host test, without libFuzzer.
 *
 * replay_main("NAME") runs the target on every file given, or else on those
 * of tests/fuzz/seeds/NAME and tests/fuzz/crashers/NAME, from a heap block
 * of the file's exact size, and prints TAP.  A failing target aborts after
 * the file's name was printed.
 */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <glob.h>

#include "fuzz.h"

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0)
		return -1;
	rewind(f);
	data = malloc(size == 0 ? 1 : (size_t)size);
	if (data == NULL || fread(data, 1, (size_t)size, f) != (size_t)size)
		return -1;
	fclose(f);
	LLVMFuzzerTestOneInput(data, (size_t)size);
	free(data);
	return 0;
}

static int
replay_files(char **path, size_t n)
{
	int bad = 0;

	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++) {
		int r;

		printf("# %s\n", path[i]);
		fflush(stdout);
		r = replay_file(path[i]);
		printf("%s %zu - replay %s\n", r < 0 ? "not ok" : "ok", i + 1,
		    path[i]);
		bad |= r < 0;
	}
	return bad || n == 0;
}

static int
replay_main(const char *name, int argc, char **argv)
{
	char pattern[256];
	glob_t found = { 0 };
	int r;

	if (argc > 1)
		return replay_files(argv + 1, (size_t)argc - 1);
	snprintf(pattern, sizeof(pattern), "tests/fuzz/seeds/%s/*", name);
	(void)glob(pattern, 0, NULL, &found);
	snprintf(pattern, sizeof(pattern), "tests/fuzz/crashers/%s/*", name);
	(void)glob(pattern, GLOB_APPEND, NULL, &found);
	r = replay_files(found.gl_pathv, found.gl_pathc);
	globfree(&found);
	return r;
}

#endif
