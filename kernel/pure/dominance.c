/*
 * dominance.c - names of capabilities.
 */
#include "dominance.h"

/* A name starts at byte 4 of the record: n of its bytes in the w-th word. */
#define BYTES(n)	((n) <= 0 ? 0ull : (n) >= 8 ? ~0ull : \
			 ~0ull >> (64 - 8 * ((n) & 7)))
#define WORD0(n)	((n) >= 4 ? ~0ull << 32 : BYTES(n) << 32)
#define ROW(n)		{ WORD0(n), BYTES((n) - 4), BYTES((n) - 12), \
			  BYTES((n) - 20) }
#define ROW4(n)		ROW(n), ROW((n) + 1), ROW((n) + 2), ROW((n) + 3)

const uint64_t cap_mask[EXO_CAP_NAME + 1][4] = {
	ROW4(0), ROW4(4), ROW4(8), ROW4(12), ROW4(16), ROW4(20), ROW4(24),
	ROW(28)
};

static unsigned
component_len(uint8_t first)
{
	if (first == EXO_CAP_CHOSEN)
		return EXO_CAP_CHOSEN_LEN;
	return first & EXO_CAP_FRESH ? EXO_CAP_FRESH_LEN : 0;
}

bool
cap_child(struct exo_cap *out, const struct exo_cap *parent, uint32_t comp,
    uint64_t fresh)
{
	struct exo_cap c = *parent;
	unsigned i;

	if (comp < EXO_COMP_SAME) {
		if (c.len + EXO_CAP_CHOSEN_LEN > EXO_CAP_NAME)
			return false;
		c.name[c.len++] = EXO_CAP_CHOSEN;
		c.name[c.len++] = (uint8_t)comp;
	} else if (comp == EXO_COMP_FRESH) {
		if (c.len + EXO_CAP_FRESH_LEN > EXO_CAP_NAME ||
		    fresh >= CAP_FRESH_MAX)
			return false;
		for (i = 0; i < EXO_CAP_FRESH_LEN; i++)
			c.name[c.len + i] = (uint8_t)(fresh >> 8 *
			    (EXO_CAP_FRESH_LEN - 1 - i));
		c.name[c.len] |= EXO_CAP_FRESH;
		c.len += EXO_CAP_FRESH_LEN;
		c.rights = EXO_R_ALL;
	} else if (comp != EXO_COMP_SAME)
		return false;
	*out = c;
	return true;
}

bool
cap_valid(const struct exo_cap *c)
{
	unsigned i = 0, n;

	if (c->len > EXO_CAP_NAME || c->kind > EXO_SLOT_CAP)
		return false;
	while (i < c->len) {
		n = component_len(c->name[i]);
		if (n == 0 || i + n > c->len)
			return false;
		i += n;
	}
	for (; i < EXO_CAP_NAME; i++)
		if (c->name[i] != 0)
			return false;
	return true;
}
