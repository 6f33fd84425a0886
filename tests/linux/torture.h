/*
 * torture.h - chance, and what the commons says it has given out.
 */
#ifndef LINUX_TORTURE_H
#define LINUX_TORTURE_H

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

static uint64_t torture_seed = 1;

static inline unsigned
chance(unsigned n)
{
	torture_seed = torture_seed * 6364136223846793005ull +
	    1442695040888963407ull;
	return (unsigned)((torture_seed >> 33) % n);
}

static inline void
pause_us(unsigned us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	(void)nanosleep(&t, NULL);
}

/* A line "name number" of a file; -1: there is none. */
static inline long
told(const char *file, const char *name)
{
	char text[2048], line[64];
	int fd = open(file, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return -1;
	text[n] = '\0';
	snprintf(line, sizeof(line), "%s", name);
	for (at = text; at != NULL; at = strchr(at, '\n') == NULL ? NULL :
	    strchr(at, '\n') + 1) {
		if (strncmp(at, line, strlen(line)) == 0)
			return strtol(at + strlen(line), NULL, 10);
	}
	return -1;
}

static inline long
given(const char *name)
{
	return told("/exo/commons", name);
}

static inline long
free_kb(void)
{
	return told("/proc/meminfo", "MemFree:");
}

/* What must be the same before and after, when nobody else is there. */
static const char *const given_names[] = { "processes", "seats", "ending",
	"files", "descriptors", "pipes", "waits", "locks", "inodes",
	"left_over", "contexts" };
#define GIVEN	(sizeof(given_names) / sizeof(given_names[0]))

struct given {
	long n[GIVEN];
};

static inline void
given_take(struct given *g)
{
	for (unsigned i = 0; i < GIVEN; i++)
		g->n[i] = given(given_names[i]);
}

/* To begin with: when all that has ended is cleared away, and swept up. */
static inline void
given_begin(struct given *g)
{
	for (int i = 0; i < 3000 && (given("ending") != 0 ||
	    given("left_over") != 0); i++)
		pause_us(1000);
	given_take(g);
}

/* Is it as before, or does it become so? */
static inline int
given_back(const struct given *g)
{
	struct given now;
	int ok = 1;

	for (int i = 0; i < 3000; i++) {
		given_take(&now);
		if (memcmp(&now, g, sizeof(now)) == 0)
			return 1;
		pause_us(1000);
	}
	for (unsigned i = 0; i < GIVEN; i++) {
		if (now.n[i] != g->n[i]) {
			printf("# %s: %ld, not %ld\n", given_names[i],
			    now.n[i], g->n[i]);
			ok = 0;
		}
	}
	return ok;
}

#endif
