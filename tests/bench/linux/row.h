/*
 * row.h - rows of `make bench' from a Linux program in Castor's image: as
 * tests/bench/lib/bench.h has them for native ones.
 *
 *	ROW("image_getpid", .aim = 160)
 *		TAKE(getpid());
 *
 * takes samples until there are enough, and prints the row.  The program is
 * given the beginning of the names that are wanted.
 */
#ifndef BENCH_ROW_H
#define BENCH_ROW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <exo/tables.h>

#define ROW_SAMPLES	400u
#define ROW_TRIES	1000u

struct row {
	const char *name;
	const char *peer, *bound;
	uint32_t aim, samples;		/* 0: none, ROW_SAMPLES */
	bool with_ticks;		/* they are a part of it */
};

static struct row row;
static uint64_t row_sample[ROW_SAMPLES], row_empty, row_ticks;
static uint32_t row_n, row_tries;
static const char *row_wanted = "";

static inline __attribute__((always_inline)) uint64_t
row_clock(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}

static inline __attribute__((always_inline)) uint64_t
row_machine_ticks(void)
{
	return EXO_MACHINE->ticks;
}

static inline void
row_take(uint64_t n)
{
	if (row_machine_ticks() == row_ticks || row.with_ticks)
		row_sample[row_n++] = n;
}

#define TAKE(code)							      \
	do {								      \
		uint64_t from_ = row_clock();				      \
									      \
		code;							      \
		row_take(row_clock() - from_ - row_empty);		      \
	} while (0)

static inline void
row_begin(struct row r)
{
	row = r;
	row.samples = r.samples != 0 ? r.samples : ROW_SAMPLES;
	row_empty = 0;
	row_n = row_tries = 0;
	row_ticks = row_machine_ticks();
	TAKE();
	row_empty = row_sample[0];
	memset(row_sample, 0, sizeof(row_sample));
	row_n = 0;
}

static int
row_order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static inline bool
row_more(void)
{
	if (strncmp(row.name, row_wanted, strlen(row_wanted)) != 0)
		return false;
	if (row_n < row.samples && row_tries++ < ROW_TRIES) {
		row_ticks = row_machine_ticks();
		return true;
	}
	if (row_n < row.samples) {
		printf("not ok: %s: ticks fall into every sample\n", row.name);
		exit(1);
	}
	qsort(row_sample, row_n, sizeof(row_sample[0]), row_order);
	printf("bench: %s|%lu|%lu|%u|1|%u|%s|%s\n", row.name,
	    (unsigned long)row_sample[row_n / 2],
	    (unsigned long)row_sample[row_n - 1], row_n, row.aim,
	    row.peer != NULL ? row.peer : "",
	    row.bound != NULL ? row.bound : "");
	return false;
}

#define ROW(row_name, ...)						      \
	for (row_begin((struct row){ .name = row_name, __VA_ARGS__ });	      \
	    row_more();)

#endif
