/*
 * exo/revoke.h - the repossession record: what was taken by force.
 *
 * A ring in a live frame that revoke_record bound to an account.  The kernel
 * writes it and never reads it: it counts in EXO_ACCTS[].recorded, which
 * `next` follows.  A reader that has seen n records finds record i, for n <= i
 * < next, at rec[i % EXO_TAKEN_MAX]; with more than EXO_TAKEN_MAX of them the
 * first were overwritten, and what is left is in the published tables.
 */
#ifndef EXO_REVOKE_H
#define EXO_REVOKE_H

#include <exo/types.h>

#define EXO_TAKEN_MAX	255u

/* Names first to first + count - 1, taken by one call. */
struct exo_taken {
	uint64_t tick;
	uint32_t first;
	uint16_t count;
	uint16_t res;			/* enum exo_res */
};
_Static_assert(sizeof(struct exo_taken) == 16, "ABI");

struct exo_taken_ring {
	uint64_t next;			/* records so far: written last */
	uint64_t taken;			/* the account's count, up to there */
	struct exo_taken rec[EXO_TAKEN_MAX];
};
_Static_assert(sizeof(struct exo_taken_ring) == EXO_PAGE, "a frame");

#endif
