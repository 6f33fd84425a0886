/* envs.c - the table of envs, and who has which slices. */
#include <castor/print.h>
#include <castor/self.h>

static const char *const states[] = {
	"free", "embryo", "ready", "stopped", "suspended", "asleep", "dead",
	"ended"
};

static void
row_print(uint32_t i, const volatile struct exo_env *e)
{
	print("%6u %4u %-10s%4u %6d %6d %6u %6lu %8lu %7u", i, e->gen,
	    e->state < sizeof(states) / sizeof(states[0]) ?
	    states[e->state] : "?", e->account, (int)e->home,
	    (int)e->where, e->depth, e->seq, e->ticks, e->slices);
	if (e->pending != 0)
		print("%s%s%s pending",
		    (e->pending & EXO_PEND_KILL) != 0 ? " kill" : "",
		    (e->pending & EXO_PEND_STOP) != 0 ? " stop" : "",
		    (e->pending & EXO_PEND_YIELD) != 0 ? " yield" : "");
	print("%s\n", i == EXO_INDEX(self->env) ? "  (me)" : "");
	if (e->checks != 0)
		print("       asked %lu times if it is awake: %lu instructions; "
		    "woke last by %ld\n", e->checks, e->fuel, e->wake);
}

/* Runs of positions with the same owner and env. */
static void
slices_print(void)
{
	uint32_t n = EXO_MACHINE->nslices * EXO_MACHINE->ncpus, next;

	print("slices:");
	for (uint32_t i = 0; i < n; i = next) {
		const volatile struct exo_slice *s = &EXO_SLICES[i];

		for (next = i + 1; next < n &&
		    EXO_SLICES[next].account == s->account &&
		    EXO_SLICES[next].env == s->env; next++)
			;
		if (s->account == EXO_NONE)
			continue;
		print(" %u-%u account %u env %d;", i, next - 1, s->account,
		    (int)s->env);
	}
	print(" of %u\n", n);
}

int
main(void)
{
	print("   env  gen state     acct   home  where  depth  event    "
	    "ticks  slices\n");
	for (uint32_t i = 0; i < EXO_MACHINE->nenvs; i++) {
		if (EXO_ENVS[i].state != EXO_ENV_FREE)
			row_print(i, &EXO_ENVS[i]);
	}
	slices_print();
	return 0;
}
