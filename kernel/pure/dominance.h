/*
 * dominance.h - names of capabilities: prefixes and components.
 *
 * Pure: no state.  A name is a string of components (exo/cap.h); the first
 * byte of each tells its length, so that a prefix of bytes is a prefix of
 * components.
 */
#ifndef PURE_DOMINANCE_H
#define PURE_DOMINANCE_H

#include <stdbool.h>
#include <stdint.h>

#include <exo/cap.h>

#define CAP_FRESH_MAX	(1ull << 55)	/* numbers below it can be spelt */

/* For a length of name, the bytes of a struct exo_cap that it takes. */
extern const uint64_t cap_mask[EXO_CAP_NAME + 1][4];

/*
 * Is the name of `a` a prefix of the guard's?  Of the names only: which rights
 * are needed is the caller's question.  Both are whole and well-formed.
 */
static inline bool
cap_dominates(const struct exo_cap *a, const struct exo_cap *guard)
{
	typedef uint64_t __attribute__((may_alias, aligned(2))) word;
	const word *x = (const word *)a, *y = (const word *)guard;
	const uint64_t *m = cap_mask[a->len];

	if (a->len > guard->len)
		return false;
	return (((x[0] ^ y[0]) & m[0]) | ((x[1] ^ y[1]) & m[1]) |
	    ((x[2] ^ y[2]) & m[2]) | ((x[3] ^ y[3]) & m[3])) == 0;
}

/*
 * A child of parent's name: comp 0-255 a chosen component, EXO_COMP_FRESH the
 * fresh one that spells `fresh`, EXO_COMP_SAME the name itself.  A fresh child
 * has all rights, the others the parent's.  False, and nothing written: the
 * name would be too long, or comp or fresh is out of range.
 */
bool	cap_child(struct exo_cap *out, const struct exo_cap *parent,
	    uint32_t comp, uint64_t fresh);

/* Whole components, known rights, and zeroes beyond the name. */
bool	cap_valid(const struct exo_cap *);

#endif
