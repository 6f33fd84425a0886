/*
 * hostile_slice_pcid.c - slices and PCIDs against bad arguments.
 *
 * A machine without PCIDs answers NODEV; the other checks are for those that
 * have them (`make bochs`).
 *
 * run: --mem 64M
 */
#include "hostile.h"

#define TAG		77u
#define INDEX		200u		/* a position nobody uses here */

static bool
have_pcids(void)
{
	return EXO_MACHINE->npcids > 1;
}

HOSTILE(slice_alloc, arguments)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_slice_alloc(i, l.name, l.name, INDEX), l.acct);
	REFUSED_CAP(exo_slice_alloc(l.acct, s, l.name, INDEX), l.name,
	    EXO_R_CHARGE);
	REFUSED_SLOT(exo_slice_alloc(l.acct, l.name, s, INDEX));
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, n), ARG);
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, 0x80000000u), ARG);
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, EXO_NONE), ARG);
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, 0), BUSY);
	for (uint32_t i = 0; i < 4; i++)
		must(exo_slice_alloc(l.acct, l.name, l.name, INDEX + i));
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, INDEX), BUSY);
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, INDEX + 4), QUOTA);
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_slice_alloc(l.acct, l.name, l.name, INDEX + 4), STATE);
	lab_end(&l);
}

HOSTILE(slice_set, arguments)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	struct lab l;

	lab_make(&l);
	must(exo_slice_alloc(l.acct, l.name, l.name, INDEX));
	REFUSED(exo_slice_set(l.name, n, l.env, l.name), ARG);
	REFUSED(exo_slice_set(l.name, EXO_NONE, l.env, l.name), ARG);
	REFUSED(exo_slice_set(l.name, INDEX + 1, l.env, l.name), TYPE);
	REFUSED(exo_slice_set(l.name, INDEX + 1, EXO_ID_ANY, 0), TYPE);
	REFUSED_CAP(exo_slice_set(s, INDEX, l.env, l.name), l.name,
	    EXO_R_USE);
	REFUSED_CAP(exo_slice_set(s, INDEX, EXO_ID_ANY, 0), l.name,
	    EXO_R_USE);
	REFUSED_ID(exo_slice_set(l.name, INDEX, i, l.name), l.env);
	REFUSED_CAP(exo_slice_set(l.name, INDEX, l.env, s), l.name,
	    EXO_R_RUN);
	/* The slice that I run in is mine. */
	REFUSED(exo_slice_set(l.name, 0, l.env, l.name), DENIED);
	must(exo_env_kill(l.env, l.name, 0));
	REFUSED(exo_slice_set(l.name, INDEX, l.env, l.name), STATE);
	lab_end(&l);
}

HOSTILE(slice_free, arguments)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	struct lab l;

	lab_make(&l);
	must(exo_slice_alloc(l.acct, l.name, l.name, INDEX));
	REFUSED(exo_slice_free(l.name, n), ARG);
	REFUSED(exo_slice_free(l.name, EXO_NONE), ARG);
	REFUSED(exo_slice_free(l.name, INDEX + 1), TYPE);
	REFUSED_CAP(exo_slice_free(s, INDEX), l.name, EXO_R_FREE);
	must(exo_slice_set(l.name, INDEX, l.env, l.name));
	EQ(EXO_ENVS[EXO_INDEX(l.env)].slices, 1);
	EQ(exo_slice_free(l.name, INDEX), 0);
	EQ(EXO_ENVS[EXO_INDEX(l.env)].slices, 0);
	REFUSED(exo_slice_free(l.name, INDEX), TYPE);
	lab_end(&l);
}

HOSTILE(slice_move, arguments)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	const uint32_t need = EXO_R_USE | EXO_R_FREE;
	exo_slot other = fresh_name();
	struct lab l;

	lab_make(&l);
	must(exo_slice_alloc(l.acct, l.name, l.name, INDEX));
	must(exo_slice_set(l.name, INDEX, l.env, l.name));
	REFUSED(exo_slice_move(l.name, n, INDEX + 1), ARG);
	REFUSED(exo_slice_move(l.name, EXO_NONE, INDEX + 1), ARG);
	REFUSED(exo_slice_move(l.name, INDEX + 1, INDEX), TYPE);
	REFUSED_CAP(exo_slice_move(s, INDEX, INDEX + 1), l.name, EXO_R_USE);
	REFUSED_CAP(exo_slice_move(s, INDEX, INDEX + 1), l.name, EXO_R_FREE);
	REFUSED(exo_slice_move(l.name, INDEX, n), ARG);
	REFUSED(exo_slice_move(l.name, INDEX, 0x80000000u), ARG);
	REFUSED(exo_slice_move(l.name, INDEX, EXO_NONE), ARG);
	/* Not with the slice that I run in, from either end. */
	REFUSED(exo_slice_move(l.name, INDEX, 0), DENIED);
	REFUSED(exo_slice_move(l.name, 0, INDEX), DENIED);
	REFUSED(exo_slice_move(l.name, 0, INDEX + 1), DENIED);
	/* One capability for both, with both rights on both. */
	must(exo_slice_alloc(l.acct, l.name, other, INDEX + 1));
	REFUSED(exo_slice_move(l.name, INDEX, INDEX + 1), DENIED);
	REFUSED(exo_slice_move(other, INDEX, INDEX + 1), DENIED);
	EQ(exo_slice_move(self->root_slot, INDEX, INDEX + 1), 0);
	EQ(EXO_SLICES[INDEX + 1].env, EXO_INDEX(l.env));
	EQ(EXO_SLICES[INDEX].env, EXO_NONE);
	REFUSED_RIGHTS(exo_slice_move(s, INDEX + 1, INDEX), self->root_slot,
	    need);
	REFUSED(exo_slice_set(l.name, INDEX, l.env, l.name), DENIED);
	EQ(exo_slice_free(other, INDEX), 0);
	EQ(exo_slice_move(l.name, INDEX + 1, INDEX), 0);
	EQ(exo_slice_move(l.name, INDEX, INDEX), 0);
	EQ(EXO_SLICES[INDEX].account, EXO_INDEX(l.acct));
	EQ(EXO_SLICES[INDEX + 1].account, EXO_NONE);
	EQ(EXO_ENVS[EXO_INDEX(l.env)].slices, 1);
	REFUSED(exo_slice_move(l.name, INDEX + 1, INDEX), TYPE);
	slot_put(other);
	lab_end(&l);
}

HOSTILE(pcid_alloc, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_pcid_alloc(i, l.name, l.name, TAG), l.acct);
	REFUSED_CAP(exo_pcid_alloc(l.acct, s, l.name, TAG), l.name,
	    EXO_R_CHARGE);
	REFUSED_SLOT(exo_pcid_alloc(l.acct, l.name, s, TAG));
	if (!have_pcids())
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, TAG), NODEV);
	if (have_pcids()) {
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, 0), ARG);
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, 4096), ARG);
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, 0xffffffffu),
		    ARG);
		for (uint32_t i = 0; i < 4; i++)
			must(exo_pcid_alloc(l.acct, l.name, l.name, TAG + i));
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, TAG), BUSY);
		REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, TAG + 4),
		    QUOTA);
	}
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_pcid_alloc(l.acct, l.name, l.name, TAG), STATE);
	lab_end(&l);
}

HOSTILE(pcid_bind, arguments)
{
	struct lab l;
	exo_slot n;

	lab_make(&l);
	n = l.name;
	if (!have_pcids()) {
		REFUSED(exo_pcid_bind(n, TAG, n, l.domain), NODEV);
		REFUSED(exo_pcid_bind(n, 0, n, l.domain), NODEV);
		REFUSED(exo_pcid_bind(n, EXO_NONE, n, l.domain), NODEV);
		lab_end(&l);
		return;
	}
	must(exo_pcid_alloc(l.acct, n, n, TAG));
	must(exo_pcid_alloc(l.acct, n, n, TAG + 1));
	REFUSED(exo_pcid_bind(n, 0, n, l.domain), ARG);
	REFUSED(exo_pcid_bind(n, 4096, n, l.domain), ARG);
	REFUSED(exo_pcid_bind(n, EXO_NONE, n, l.domain), ARG);
	REFUSED(exo_pcid_bind(n, TAG + 2, n, l.domain), TYPE);
	REFUSED_CAP(exo_pcid_bind(s, TAG, n, l.domain), n, EXO_R_USE);
	REFUSED_ID(exo_pcid_bind(n, TAG, n, i), l.domain);
	REFUSED_CAP(exo_pcid_bind(n, TAG, s, l.domain), n, EXO_R_CONTROL);
	must(exo_pcid_bind(n, TAG, n, l.domain));
	REFUSED(exo_pcid_bind(n, TAG + 1, n, l.domain), BUSY);
	must(exo_domain_kill(l.domain, n, 0));
	REFUSED(exo_pcid_bind(n, TAG, n, l.domain), STATE);
	lab_end(&l);
}

HOSTILE(pcid_free, arguments)
{
	struct lab l;

	lab_make(&l);
	if (!have_pcids()) {
		REFUSED(exo_pcid_free(l.name, TAG), NODEV);
		REFUSED(exo_pcid_free(l.name, 0), NODEV);
		lab_end(&l);
		return;
	}
	must(exo_pcid_alloc(l.acct, l.name, l.name, TAG));
	REFUSED(exo_pcid_free(l.name, 0), ARG);
	REFUSED(exo_pcid_free(l.name, 4096), ARG);
	REFUSED(exo_pcid_free(l.name, EXO_NONE), ARG);
	REFUSED(exo_pcid_free(l.name, TAG + 1), TYPE);
	REFUSED_CAP(exo_pcid_free(s, TAG), l.name, EXO_R_FREE);
	must(exo_pcid_bind(l.name, TAG, l.name, l.domain));
	EQ(exo_pcid_free(l.name, TAG), 0);
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].pcid, 0);
	REFUSED(exo_pcid_free(l.name, TAG), TYPE);
	lab_end(&l);
}
