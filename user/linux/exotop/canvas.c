/* canvas.c - see canvas.h. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "term.h"

struct cell {
	char c;
	uint8_t attr;
};

static struct cell *cells, *shown;	/* [room][cols] */
static unsigned rows, cols, room, row, col, shown_rows, shown_cols;

static void
blank(struct cell *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		c[i] = (struct cell){ ' ', PLAIN };
}

static bool
room_make(unsigned want)
{
	struct cell *p;

	if (want <= room)
		return true;
	p = realloc(cells, (size_t)want * cols * sizeof(*p));
	if (p == NULL)
		return false;
	cells = p;
	blank(cells + (size_t)room * cols, (size_t)(want - room) * cols);
	room = want;
	return true;
}

bool
canvas_start(unsigned r, unsigned c)
{
	if (c != cols) {
		free(cells);
		cells = NULL;
		room = 0;
		cols = c;
	}
	rows = r;
	row = col = 0;
	if (!room_make(r == 0 ? 64 : r))
		return false;
	blank(cells, (size_t)room * cols);
	return true;
}

unsigned
canvas_cols(void)
{
	return cols;
}

unsigned
canvas_left(void)
{
	return rows == 0 ? UINT_MAX : row < rows ? rows - row : 0;
}

void
put(uint8_t attr, char c)
{
	if (canvas_left() == 0 || col >= cols || !room_make(row + 1))
		return;
	if (c < ' ' || c > '~')		/* names of programs are anybody's */
		c = '?';
	cells[(size_t)row * cols + col++] = (struct cell){ c, attr };
}

void
say(uint8_t attr, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *p = text; *p != '\0'; p++)
		put(attr, *p);
}

void
column(unsigned to)
{
	while (col < to && col < cols)
		put(PLAIN, ' ');
}

void
fill_line(uint8_t attr)
{
	while (col < cols && canvas_left() != 0)
		put(attr, ' ');
}

void
next_line(void)
{
	if (canvas_left() == 0)
		return;
	row++;
	col = 0;
	if (rows == 0 && row >= room)
		(void)room_make(room * 2);
}

/* ---- the terminal */

static void
attr_set(uint8_t attr)
{
	term_write("\033[0");
	if (attr & BOLD)
		term_write(";1");
	if (attr & REVERSE)
		term_write(";7");
	if (attr & COLOUR(0))
		term_printf(";3%u", attr & 7u);
	term_write("m");
}

static bool
same(struct cell a, struct cell b)
{
	return a.c == b.c && a.attr == b.attr;
}

/* One row; `attr' is what the terminal is set to. */
static void
row_show(unsigned r, const struct cell *old, uint8_t *attr)
{
	const struct cell *new = cells + (size_t)r * cols;
	unsigned at = UINT_MAX;

	for (unsigned c = 0; c < cols; c++) {
		if (old != NULL && same(new[c], old[c]))
			continue;
		if (at != c)
			term_printf("\033[%u;%uH", r + 1, c + 1);
		if (new[c].attr != *attr)
			attr_set(*attr = new[c].attr);
		term_put(new[c].c);
		at = c + 1;
	}
}

void
canvas_show(bool all)
{
	size_t size = (size_t)rows * cols * sizeof(*shown);
	uint8_t attr = PLAIN;

	if (shown_rows != rows || shown_cols != cols)
		all = true;
	if (all) {
		term_write("\033[0m\033[2J");
		free(shown);
		shown = malloc(size);
		if (shown != NULL)
			blank(shown, (size_t)rows * cols);
	}
	attr_set(attr);
	for (unsigned r = 0; r < rows; r++)
		row_show(r, shown == NULL ? NULL : shown + (size_t)r * cols,
		    &attr);
	attr_set(PLAIN);
	term_flush();
	if (shown != NULL)
		memcpy(shown, cells, size);
	shown_rows = rows;
	shown_cols = cols;
}

void
canvas_print(void)
{
	unsigned last = col == 0 ? row : row + 1;

	for (unsigned r = 0; r < last && r < room; r++) {
		const struct cell *line = cells + (size_t)r * cols;
		unsigned n = cols;

		while (n > 0 && line[n - 1].c == ' ')
			n--;
		for (unsigned c = 0; c < n; c++)
			putchar(line[c].c);
		putchar('\n');
	}
	fflush(stdout);
}
