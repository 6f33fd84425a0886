/* account.h - who is charged (account.c). */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "cap.h"
#include "panic.h"
#include "pure/slice.h"

#define NACCTS		4096u
#define ACCT_ROOT	0u

extern struct exo_acct accts[];		/* published */

void acct_boot(const uint32_t limit[EXO_RES_MAX]);	/* the root account */

/* Errors: NAME; SLOT, DENIED, RIGHTS.  Result: its index. */
long acct_check(exo_id acct, exo_slot slot, uint32_t need) MUST_USE;
/* Errors: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE.  Result: its index. */
long acct_charging(exo_id acct, exo_slot slot) MUST_USE;

bool acct_room(uint32_t acct, enum exo_res res, uint32_t n);
void acct_charge(uint32_t acct, enum exo_res res, uint32_t n);

/* While its holder is asked to give back: fit the limit to the use. */
void acct_settle(uint32_t acct, enum exo_res res);

static inline void
acct_refund(uint32_t acct, enum exo_res res, uint32_t n)
{
	struct exo_acct *a = &accts[acct];

	assert(a->used[res] >= n);
	a->used[res] -= n;
	if (__builtin_expect(a->ask[res].open, 0))
		acct_settle(acct, res);
}

/* What is taken from it is written down here from now on; 0: nowhere. */
void acct_record(uint32_t acct, exo_ppn ppn);

/* What slices that were given back owe, and what a new one shall owe. */
void acct_debt_add(uint32_t acct, const struct slice_debt *d);
struct slice_debt acct_debt_take(uint32_t acct);

#endif
