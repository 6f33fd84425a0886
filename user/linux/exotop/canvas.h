/*
 * canvas.h - a picture made of cells, drawn on a terminal by what has changed,
 * or printed as plain text.
 */
#ifndef EXOTOP_CANVAS_H
#define EXOTOP_CANVAS_H

#include <stdbool.h>
#include <stdint.h>

#define PLAIN		0u
#define COLOUR(n)	(0x10u | (n))	/* 1 red .. 6 cyan, 7 white */
#define BOLD		0x20u
#define REVERSE		0x40u

/* rows 0: as many as it takes (plain text). */
bool	canvas_start(unsigned rows, unsigned cols);
unsigned canvas_cols(void);
unsigned canvas_left(void);		/* rows, this one included */

/* At the cursor; what is beyond the right edge is cut. */
void	say(uint8_t attr, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3)));
void	put(uint8_t attr, char c);
void	column(unsigned col);		/* blanks up to there */
void	next_line(void);
void	fill_line(uint8_t attr);	/* to the right edge */

/* What differs from what is on the terminal, or everything. */
void	canvas_show(bool all);
void	canvas_print(void);		/* plain, to stdout */

#endif
