/*
 * trace.c - the last records of the trace ring: trace [how many].
 *
 * It only reads; `tracing on' at the prompt has the kernel write more kinds
 * of them.
 */
#include <castor/print.h>
#include <castor/self.h>
#include <castor/string.h>

static const char *const kinds[] = {
	"none", "call", "foreign", "trap", "switch", "death", "event"
};

/*
 * The kernel may be writing over it: its number is written last, so read it
 * before and after.
 */
static bool
record_read(uint64_t nr, struct exo_trace *out)
{
	const volatile struct exo_trace *t =
	    &EXO_TRACE[nr % EXO_MACHINE->ntrace];

	if (t->nr != nr)
		return false;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	*out = *(const struct exo_trace *)t;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return t->nr == nr;
}

static void
record_print(const struct exo_trace *t, uint64_t since)
{
	print("%10lu +%-10lu %-8s domain %u env %u account %u", t->nr,
	    since, t->kind < 7 ? kinds[t->kind] : "?", t->domain, t->env,
	    t->account);
	if (t->kind == EXO_TR_CALL)
		print("  %s", exo_call_name(t->call));
	else if (t->kind == EXO_TR_TRAP)
		print("  vector %u", t->call);
	print("\n");
}

int
main(int argc, char **argv)
{
	uint64_t end = EXO_MACHINE->trace_next, first, before = 0;
	unsigned long n = 20;
	struct exo_trace t;

	if (argc > 1 && !string_number(argv[1], &n)) {
		print("trace [how many]\n");
		return 1;
	}
	if (n > EXO_MACHINE->ntrace)
		n = EXO_MACHINE->ntrace;
	first = end > n ? end - n : 0;
	print("tracing is %s; %lu records since boot, the last %lu:\n",
	    EXO_MACHINE->trace_on ? "on" : "off", end, end - first);
	for (uint64_t nr = first; nr < end; nr++) {
		if (!record_read(nr, &t))
			continue;
		record_print(&t, before != 0 ? t.tsc - before : 0);
		before = t.tsc;
	}
	return 0;
}
