/* nap.c - predicates for tests (nap.h). */
#include "nap.h"

exo_ppn
prog_new(const uint64_t *code, uint32_t n, exo_slot guard)
{
	exo_ppn ppn;

	must(vm_pages(self->acct, self->acct_slot, guard, EXO_PG_PROG, 1,
	    &ppn));
	must(exo_prog_load(guard, ppn, (uint64_t)code, n));
	return ppn;
}

void
nap_frame(struct exo_sleep *s, exo_ppn ppn, exo_slot slot, uint64_t offset,
    uint32_t len)
{
	s->win[s->nwin++] = (struct exo_window){ .what = EXO_WIN_FRAME,
	    .len = len, .offset = offset, .ppn = ppn, .slot = slot,
	    .epoch = EXO_PAGES[ppn].epoch };
}

void
nap_table(struct exo_sleep *s, enum exo_table table, uint64_t offset,
    uint32_t len)
{
	s->win[s->nwin++] = (struct exo_window){
	    .what = EXO_WIN_TABLE + (uint32_t)table, .len = len,
	    .offset = offset };
}

long
nap(const struct exo_sleep *s)
{
	return exo_env_sleep((uint64_t)s, EXO_ID_ANY, 0, EXO_NONE);
}
