/*
 * hostile_acct.c - accounts against bad arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

static uint32_t limits[EXO_RES_MAX] = { 8, 2, 2, 2, 0, 1, 4 };
#define LIMITS	((uint64_t)limits)

static long
make(exo_id acct, exo_slot slot, exo_slot guard)
{
	return exo_acct_create(acct, slot, guard, acct, LIMITS);
}

HOSTILE(acct_create, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_acct_create(i, l.name, l.name, l.acct, LIMITS),
	    l.acct);
	REFUSED_CAP(exo_acct_create(l.acct, s, l.name, l.acct, LIMITS),
	    l.name, EXO_R_CHARGE);
	REFUSED_SLOT(exo_acct_create(l.acct, l.name, s, l.acct, LIMITS));
	REFUSED_ID(exo_acct_create(l.acct, l.name, l.name, i, LIMITS),
	    l.acct);
	REFUSED_ADDR_RO(exo_acct_create(l.acct, l.name, l.name, l.acct, p),
	    sizeof(limits));
	lab_end(&l);
}

/* An heir is the parent or above: no brother, no child, no stranger. */
HOSTILE(acct_create, heirs)
{
	struct lab l, other;
	exo_id child;

	lab_make(&l);
	lab_make(&other);
	child = (exo_id)must(make(l.acct, l.name, l.name));
	REFUSED(exo_acct_create(l.acct, l.name, l.name, other.acct, LIMITS),
	    ARG);
	REFUSED(exo_acct_create(l.acct, l.name, l.name, child, LIMITS), ARG);
	REFUSED(exo_acct_create(self->acct, self->acct_slot, l.name, l.acct,
	    LIMITS), ARG);
	lab_end(&l);
	REFUSED(exo_acct_create(other.acct, other.name, other.name, l.acct,
	    LIMITS), NAME);
	lab_end(&other);
}

HOSTILE(acct_create, limits)
{
	struct lab l;
	uint32_t want[EXO_RES_MAX];

	lab_make(&l);
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		const volatile struct exo_acct *a =
		    &EXO_ACCTS[EXO_INDEX(l.acct)];
		uint32_t room = a->limit[r] - a->used[r];

		memset(want, 0, sizeof(want));
		/* The child's own row counts too. */
		want[r] = r == EXO_RES_ACCTS ? room : room + 1;
		REFUSED(exo_acct_create(l.acct, l.name, l.name, l.acct,
		    (uint64_t)want), QUOTA);
		want[r] = 0xffffffffu;
		REFUSED(exo_acct_create(l.acct, l.name, l.name, l.acct,
		    (uint64_t)want), QUOTA);
		want[r] = 0u - a->used[r];
		if (want[r] > room)
			REFUSED(exo_acct_create(l.acct, l.name, l.name,
			    l.acct, (uint64_t)want), QUOTA);
	}
	lab_end(&l);
}

/* Depth has an end, and that is the caller's own error. */
HOSTILE(acct_create, depth)
{
	exo_slot name = fresh_name();
	uint32_t want[EXO_RES_MAX] = { 0, 64 };
	exo_id first = 0, acct = self->acct;
	exo_slot slot = self->acct_slot;
	uint32_t depth = 0;
	long r;

	for (;;) {
		r = exo_acct_create(acct, slot, name, acct, (uint64_t)want);
		if (r < 0 || ++depth > 60)
			break;
		acct = (exo_id)r;
		first = first == 0 ? acct : first;
		slot = name;
		want[EXO_RES_ACCTS]--;
	}
	EQ(r, -EXO_E_QUOTA);
	EQ(depth, 32);
	acct_finish(first, name);
	slot_put(name);
}

HOSTILE(acct_create, dying)
{
	struct lab l;

	lab_make(&l);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(make(l.acct, l.name, l.name), STATE);
	lab_end(&l);
	REFUSED(make(l.acct, self->root_slot, self->root_slot), NAME);
}

HOSTILE(acct_limit, arguments)
{
	const uint32_t fr = EXO_RES_FRAMES;
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_acct_limit(i, l.name, fr, 1), l.acct);
	REFUSED_CAP(exo_acct_limit(l.acct, s, fr, 1), l.name, EXO_R_CONTROL);
	REFUSED(exo_acct_limit(l.acct, l.name, EXO_RES_MAX, 1), ARG);
	REFUSED(exo_acct_limit(l.acct, l.name, 0xffffffffu, 1), ARG);
	REFUSED(exo_acct_limit(self->acct, self->root_slot, fr, 1), ARG);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_acct_limit(l.acct, l.name, fr, 1), STATE);
	lab_end(&l);
}

HOSTILE(acct_limit, amounts)
{
	struct lab l;

	lab_make(&l);
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		const volatile struct exo_acct *a =
		    &EXO_ACCTS[EXO_INDEX(l.acct)];
		const volatile struct exo_acct *up =
		    &EXO_ACCTS[EXO_INDEX(self->acct)];
		int64_t room = (int64_t)up->limit[r] - up->used[r];
		int64_t spare = (int64_t)a->limit[r] - a->used[r];

		REFUSED(exo_acct_limit(l.acct, l.name, r, room + 1), QUOTA);
		REFUSED(exo_acct_limit(l.acct, l.name, r, -spare - 1), QUOTA);
		REFUSED(exo_acct_limit(l.acct, l.name, r, INT64_MAX), QUOTA);
		REFUSED(exo_acct_limit(l.acct, l.name, r, INT64_MIN), QUOTA);
		/* As 32 bits these are harmless. */
		REFUSED(exo_acct_limit(l.acct, l.name, r, 1l << 32), QUOTA);
		REFUSED(exo_acct_limit(l.acct, l.name, r, -(1l << 32)),
		    QUOTA);
		EQ(exo_acct_limit(l.acct, l.name, r, 0), 0);
	}
	lab_end(&l);
}

/* While it is asked for some of them, a limit moves by giving back only. */
HOSTILE(acct_limit, asked)
{
	const uint64_t ticks = EXO_MACHINE->grace_ticks;
	const uint32_t fr = EXO_RES_FRAMES;
	struct lab l;

	lab_make(&l);
	must(exo_revoke_ask(l.acct, l.name, fr, 1, ticks));
	REFUSED(exo_acct_limit(l.acct, l.name, fr, 1), BUSY);
	REFUSED(exo_acct_limit(l.acct, l.name, fr, 0), BUSY);
	REFUSED(exo_acct_limit(l.acct, l.name, fr, -1), BUSY);
	EQ(exo_acct_limit(l.acct, l.name, EXO_RES_SLICES, 1), 0);
	must(exo_revoke_ask(l.acct, l.name, fr, 0, 0));
	EQ(exo_acct_limit(l.acct, l.name, fr, 1), 0);
	lab_end(&l);
}

HOSTILE(acct_destroy, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_acct_destroy(i, l.name), l.acct);
	REFUSED_CAP(exo_acct_destroy(l.acct, s), l.name, EXO_R_KILL);
	REFUSED(exo_acct_destroy(self->acct, self->root_slot), ARG);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_acct_destroy(l.acct, l.name), STATE);
	lab_end(&l);
	REFUSED(exo_acct_destroy(l.acct, self->root_slot), NAME);
}

HOSTILE(acct_reap, arguments)
{
	struct lab l;
	exo_id child;

	lab_make(&l);
	REFUSED_ID(exo_acct_reap(i, 1), l.acct);
	REFUSED(exo_acct_reap(l.acct, 1), STATE);
	REFUSED(exo_acct_reap(l.acct, ~0ul), STATE);
	REFUSED(exo_acct_reap(self->acct, 1), STATE);
	child = (exo_id)must(make(l.acct, l.name, l.name));
	must(exo_acct_destroy(l.acct, l.name));
	lab_end(&l);
	REFUSED(exo_acct_reap(child, 1), NAME);
	REFUSED(exo_acct_reap(l.acct, 1), NAME);
}

/* Whose children have not ended waits for them; nothing is lost meanwhile. */
HOSTILE(acct_reap, children_first)
{
	struct lab l;
	exo_id child;
	long r;

	lab_make(&l);
	child = (exo_id)must(make(l.acct, l.name, l.name));
	must(exo_acct_destroy(l.acct, l.name));
	while ((r = exo_acct_reap(l.acct, EXO_STEPS_MAX)) > 0)
		;
	EQ(r, -EXO_E_BUSY);
	REFUSED(exo_acct_reap(l.acct, EXO_STEPS_MAX), BUSY);
	EQ(EXO_ACCTS[EXO_INDEX(child)].state, EXO_ACCT_DYING);
	while (must(exo_acct_reap(child, 1)) > 0)
		;
	lab_end(&l);
}

/* What an account had is back with its parent, to the last unit. */
HOSTILE(acct_reap, everything_returns)
{
	struct use before;
	struct lab l;

	use_take(&before);
	lab_make(&l);
	must(make(l.acct, l.name, l.name));
	must(lab_seat(&l, 0, l.env));
	must(exo_env_start(l.env, l.name, l.domain, l.name, 0, 0));
	must(exo_slots_bind(l.domain, l.name, 0, l.slots));
	must(exo_slice_alloc(l.acct, l.name, l.name, 200));
	lab_end(&l);
	use_same(&before);
}
