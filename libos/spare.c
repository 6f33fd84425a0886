/*
 * spare.c - giving memory back when it is asked for (castor/spare.h).
 *
 * What is asked is published.  Nothing is given back before, and no more than
 * that.
 */
#include <stddef.h>

#include <castor/self.h>
#include <castor/spare.h>
#include <castor/vm.h>

static struct spare *spares;		/* by cost */

void
spare_add(struct spare *s)
{
	struct spare **at = &spares;

	while (*at != NULL && (*at)->cost <= s->cost)
		at = &(*at)->next;
	s->next = *at;
	*at = s;
}

uint64_t
spare_asked(void)
{
	const volatile struct exo_acct *a =
	    &EXO_ACCTS[EXO_INDEX(self->acct)];
	const volatile struct exo_ask *k = &a->ask[EXO_RES_FRAMES];
	uint32_t used = a->used[EXO_RES_FRAMES], target = k->target;

	return k->open && used > target ? used - target : 0;
}

uint64_t
spare_answer(void)
{
	uint64_t left = spare_asked();

	if (left > 0)
		(void)vm_trim();
	for (struct spare *s = spares; s != NULL; s = s->next) {
		left = spare_asked();
		if (left == 0)
			break;
		(void)s->give(s, left);
	}
	return spare_asked();
}
