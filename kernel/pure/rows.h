/*
 * rows.h - the free rows of a table, any of which may be taken by its number.
 *
 * They are linked both ways through a 64-bit word that the table sets aside
 * in each row while it is free: the next one's number, and the previous one's
 * << 32.  Zero ends the list, so row 0 is never on it.
 *
 * Pure: the table is the caller's.
 */
#ifndef PURE_ROWS_H
#define PURE_ROWS_H

#include <stdint.h>

struct rows {
	uint64_t *word;			/* row 0's */
	uint32_t stride;		/* bytes from a row's word to the
					 * next row's */
	uint32_t first;			/* a free one; 0: none is left */
};

void rows_put(struct rows *r, uint32_t row);
void rows_take(struct rows *r, uint32_t row);	/* one that was put */

#endif
