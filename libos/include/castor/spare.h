/*
 * castor/spare.h - giving memory back when it is asked for.
 *
 * Whoever made this program may want some of its frames back, by a deadline
 * (docs/revocation.md).  Parts of the program say what they could do without,
 * and what that would cost; spare_answer gives back what is cheapest until it
 * is enough: frames in stock, then clean copies, then what can be made again.
 *
 *	if (spare_asked() > 0)
 *		missing = spare_answer();
 */
#ifndef CASTOR_SPARE_H
#define CASTOR_SPARE_H

#include <castor/sys.h>

struct spare {
	uint32_t cost;			/* of one frame: the cheapest go first */
	/* Give back `frames`, or what there is: how many. */
	uint64_t (*give)(struct spare *s, uint64_t frames);
	struct spare *next;
};

/* Something that could be given back.  The struct stays the list's. */
void spare_add(struct spare *s);

/* How many frames my account is still asked for; 0: none. */
uint64_t spare_asked(void);

/* Give back until the ask is met: how many frames are missing. */
uint64_t spare_answer(void);

#endif
