/* wait.h - the commons, and waiting. */
#ifndef IMAGE_WAIT_H
#define IMAGE_WAIT_H

#include "image.h"

#define WAIT_FOREVER	(~0ul)

/* One request (castor/commons.h): its result, -errno, or -CM_WAIT. */
long commons(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* The same if it can be made at once, or -CM_REFUSED: then by `commons'
 * (entry.asm). */
#define CM_REFUSED	1001
long commons_try(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* The same, until it is answered or a signal interrupts: -E_RESTART; or the
 * clock (clock_ns) is at `until': -ETIMEDOUT.  ask: without that. */
long commons_wait(uint64_t until, uint64_t op, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d);
long ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d);

/* CM_READ, likewise: into the window's data. */
long ask_read(uint64_t fd, uint64_t n, uint64_t pos);

/* The same at the descriptor's own place, n at most CM_DATA and not 0. */
long read_short(uint64_t fd, uint64_t n);

/* Sleep while the bell is `seen' and it is not yet `until'. */
void wait_bell(uint64_t seen, uint64_t until);

/* When contexts share this seat of the commons: what comes is for this one. */
extern bool seat_shared;
void commons_at(void);

#endif
