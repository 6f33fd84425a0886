/* request.h - between request.c and what answers its requests. */
#ifndef COMMONS_REQUEST_H
#define COMMONS_REQUEST_H

#include "proc.h"

typedef int64_t (*request_fn)(struct seat *s, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d);

/* Most requests look at fewer than four words. */
#define MAYBE	__attribute__((unused))
#define REQUEST(name)							      \
	int64_t request_##name(struct seat *s MAYBE, uint64_t a MAYBE,	      \
	    uint64_t b MAYBE, uint64_t c MAYBE, uint64_t d MAYBE)

#define REQUEST_PROTO(nr, name)	REQUEST(name);
CM_OPS(REQUEST_PROTO)
#undef REQUEST_PROTO
REQUEST(none);
#define OP_NONE		(CM_OP_MAX - 1)	/* a number of no request */
extern const request_fn requests[CM_OP_MAX];

/* Foreign calls that clients did not know, by number. */
#define NOSYS_MAX	512u
extern uint64_t nosys[NOSYS_MAX];
extern const char *const nosys_names[NOSYS_MAX];	/* NULL: no such */

#endif
