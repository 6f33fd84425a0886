/*
 * sleep.c - waiting, by one predicate (sleep.bpf.c).
 */
#include <castor/self.h>
#include <castor/sleep.h>
#include <castor/vm.h>

#include "sleep.bpf.h"
#include "sleep.h"

static exo_ppn prog;			/* 0: not yet */

/* The predicate's frame. */
static long
prog_frame(void)
{
	long r;

	if (prog != 0)
		return prog;
	r = vm_page(EXO_PG_PROG);
	if (r < 0)
		return r;
	prog = (exo_ppn)r;
	r = exo_prog_load(self->memory_slot, prog, (uint64_t)sleep_bpf,
	    sizeof(sleep_bpf) / sizeof(sleep_bpf[0]));
	if (r == 0)
		return prog;
	(void)!exo_page_free(self->memory_slot, prog, 1);
	prog = 0;
	return r;
}

/* What it says, or an error. */
static long
sleep_asking(struct exo_sleep *s, exo_id to, exo_slot slot)
{
	long r = prog_frame();

	if (r < 0)
		return r;
	s->prog = (exo_ppn)r;
	do {
		r = exo_env_sleep((uint64_t)s, to, slot, EXO_NONE);
	} while (r == -EXO_E_CUT);
	return r;
}

void
sleep_or_yield(struct exo_sleep *s, exo_id to, exo_slot slot)
{
	if (sleep_asking(s, to, slot) >= 0)
		return;
	if (exo_env_yield(to, slot, EXO_NONE) < 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

void
sleep_until(uint64_t tick)
{
	struct exo_sleep s = SLEEP(SLEEP_ON_TICK, tick, 0, 0);

	while (EXO_MACHINE->ticks < tick)
		sleep_or_yield(&s, EXO_ID_ANY, 0);
}

/* A tick more, since this one has begun. */
void
sleep_ms(uint64_t ms)
{
	sleep_until(EXO_MACHINE->ticks + 1 +
	    (ms * EXO_MACHINE->tick_hz + 999) / 1000);
}

void
sleep_typed(uint64_t seen)
{
	struct exo_sleep s = SLEEP(SLEEP_ON_TYPED, SLEEP_FOREVER, seen, 0);

	while (EXO_MACHINE->typed == seen)
		sleep_or_yield(&s, EXO_ID_ANY, 0);
}

long
sleep_word(exo_ppn ppn, exo_slot slot, uint32_t offset, uint64_t seen,
    uint64_t until)
{
	struct exo_sleep s = SLEEP(SLEEP_ON_WORD, until, seen, 0);

	if (ppn >= EXO_MACHINE->nframes)
		return -EXO_E_ARG;
	s.nwin = 1;
	s.win[0] = (struct exo_window){ .what = EXO_WIN_FRAME,
	    .len = sizeof(uint64_t), .offset = offset, .ppn = ppn,
	    .slot = slot, .epoch = EXO_PAGES[ppn].epoch };
	return sleep_asking(&s, EXO_ID_ANY, 0);
}
