/*
 * test_rows.c - lists of free rows against a set that is an array of bools.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rows.h"
#include "tap.h"

#define ROWS	24u

struct row {
	uint32_t before;		/* not the list's */
	uint64_t word;
	uint32_t after;
};

static struct row table[ROWS];
static bool is_free[ROWS];
static struct rows rows = { &table[0].word, sizeof(struct row), 0 };

/* The list is the set, forwards, and each row's previous is right. */
static bool
same(void)
{
	uint32_t n = 0, listed = 0, before = 0;

	for (uint32_t i = 0; i < ROWS; i++) {
		n += is_free[i];
		if (table[i].before != i || table[i].after != ~i)
			return false;
	}
	for (uint32_t i = rows.first; i != 0; i = (uint32_t)table[i].word) {
		if (listed++ == n || !is_free[i] ||
		    table[i].word >> 32 != before)
			return false;
		before = i;
	}
	return listed == n;
}

static void
begin(void)
{
	rows.first = 0;
	memset(is_free, 0, sizeof(is_free));
	for (uint32_t i = 0; i < ROWS; i++)
		table[i] = (struct row){ i, ~0ul, ~i };
}

static void
put(uint32_t i)
{
	rows_put(&rows, i);
	is_free[i] = true;
}

static void
take(uint32_t i)
{
	rows_take(&rows, i);
	is_free[i] = false;
	table[i].word = ~0ul;		/* its new owner's */
}

TEST(the_last_one_put_is_the_first)
{
	begin();
	for (uint32_t i = ROWS - 1; i > 0; i--)
		put(i);
	for (uint32_t i = 1; i < ROWS; i++) {
		EQ(rows.first, i);
		take(rows.first);
	}
	EQ(rows.first, 0);
}

TEST(any_sequence_keeps_the_set)
{
	bool ok = true;

	begin();
	srand(1);
	for (unsigned k = 0; k < 20000 && ok; k++) {
		uint32_t i = 1 + (uint32_t)rand() % (ROWS - 1);

		if (!is_free[i])
			put(i);
		else if (rand() % 3 == 0)
			take(rows.first);
		else
			take(i);
		ok = same();
	}
	OK(ok);
}

int
main(void)
{
	return tap_main();
}
