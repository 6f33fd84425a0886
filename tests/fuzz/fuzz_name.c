/*
 * fuzz_name.c - trees of capability names grown as the input says: a parent
 * dominates its children, siblings do not dominate each other, no chosen
 * bytes spell a fresh component, and what is refused writes nothing.
 *
 * Input: pairs of bytes: which name to derive from, and by what component.
 */
#include <string.h>

#include "dominance.h"
#include "fuzz.h"

#define NAMES	48u

static struct exo_cap names[NAMES];
static uint32_t parent[NAMES], comp_of[NAMES], count;

static bool
descends(uint32_t a, uint32_t b)	/* b from a, or the same */
{
	while (b != a && b != 0)
		b = parent[b];
	return b == a;
}

static bool
same_name(uint32_t a, uint32_t b)
{
	return names[a].len == names[b].len &&
	    memcmp(names[a].name, names[b].name, EXO_CAP_NAME) == 0;
}

static void
grow(uint8_t from, uint8_t what)
{
	static uint64_t fresh;
	uint32_t comp = what < 40 ? EXO_COMP_FRESH : what;
	struct exo_cap child, before;
	uint32_t p = from % count;

	memset(&child, 0xee, sizeof(child));
	before = child;
	if (!cap_child(&child, &names[p], comp, fresh)) {
		MUST(memcmp(&child, &before, sizeof(child)) == 0);
		MUST(names[p].len + EXO_CAP_CHOSEN_LEN > EXO_CAP_NAME ||
		    (comp == EXO_COMP_FRESH &&
		    names[p].len + EXO_CAP_FRESH_LEN > EXO_CAP_NAME));
		return;
	}
	fresh++;
	MUST(cap_valid(&child));
	MUST(child.len > names[p].len);
	names[count] = child;
	parent[count] = p;
	comp_of[count] = comp;
	count++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	names[0] = (struct exo_cap){ .rights = EXO_R_ALL,
	    .kind = EXO_SLOT_CAP };
	count = 1;
	for (size_t i = 0; i + 1 < size && count < NAMES; i += 2)
		grow(data[i], data[i + 1]);
	for (uint32_t a = 0; a < count; a++) {
		for (uint32_t b = 0; b < count; b++) {
			if (descends(a, b))
				MUST(cap_dominates(&names[a], &names[b]));
			/* Twice the same chosen component is one name. */
			if (same_name(a, b) && a != b)
				MUST(comp_of[a] != EXO_COMP_FRESH &&
				    comp_of[b] != EXO_COMP_FRESH);
			/* Whoever dominates has the name of an ancestor. */
			if (cap_dominates(&names[a], &names[b])) {
				uint32_t c = b;

				while (!same_name(a, c) && c != 0)
					c = parent[c];
				MUST(same_name(a, c));
			}
		}
	}
	return 0;
}
