/*
 * rates.c - what the kernel writes into its trace ring, and what it counts
 * anyway, per second.
 *
 * The ring keeps the last records only.  Those that were written over before
 * they were read are counted as overrun: the rates by kind are of what was
 * seen, the total is of what was written.
 */
#include <stdio.h>
#include <stdlib.h>

#include "view.h"

static const char *const kinds[] = {
	"?", "native call", "foreign call", "trap", "switch", "death", "event"
};

static void
summary(void)
{
	const struct trace *t = &now.trace;

	say(PLAIN, "tracing is %s; %lu records since boot, %.0f/s",
	    now.machine.trace_on ? "on" :
	    "off (`tracing on' at the native prompt)",
	    t->next, snap_rate(0, t->written));
	next_line();
	say(PLAIN, "read %lu of %lu, overrun %lu (room for %u); over accounts' "
	    "limits %lu", t->seen, t->written, t->overrun, now.machine.ntrace,
	    t->dropped);
	next_line();
}

static void
kinds_lines(void)
{
	const struct trace *t = &now.trace;

	for (unsigned k = EXO_TR_CALL; k <= EXO_TR_EVENT; k++) {
		if (canvas_left() == 0)
			return;
		say(PLAIN, "%-14s%8lu %8.0f/s ", kinds[k], t->kind[k],
		    snap_rate(0, t->kind[k]));
		bar(30, COLOUR(6), (double)t->kind[k], (double)t->seen);
		next_line();
	}
}

/* ---- which of a kind most */

struct count {
	uint64_t n;
	uint32_t which;
};

static int
count_compare(const void *a, const void *b)
{
	const struct count *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) :
	    (x->which > y->which) - (x->which < y->which);
}

static void
most_line(const char *what, const uint64_t *n, uint32_t len,
    const char *(*name)(uint32_t))
{
	struct count c[CALLS];
	uint32_t used = 0;

	for (uint32_t i = 0; i < len; i++) {
		if (n[i] != 0)
			c[used++] = (struct count){ n[i], i };
	}
	if (canvas_left() == 0)
		return;
	qsort(c, used, sizeof(*c), count_compare);
	say(BOLD, "%s:", what);
	for (uint32_t i = 0; i < used && i < 12; i++)
		say(PLAIN, " %s %.0f", name(c[i].which),
		    snap_rate(0, c[i].n));
	if (used == 0)
		say(PLAIN, " none");
	next_line();
}

static const char *
vector_name(uint32_t v)
{
	static const char *const names[VECTORS] = { [0] = "divide",
		[1] = "debug", [3] = "breakpoint", [6] = "opcode",
		[13] = "protection", [14] = "page-fault", [16] = "fpu",
		[17] = "alignment", [19] = "simd", [32] = "tick" };

	return v < VECTORS && names[v] != NULL ? names[v] : "other";
}

/* ---- counters */

#define COUNTER(name)	{ #name, offsetof(struct exo_counters, name) }

static const struct {
	const char *name;
	size_t at;
} counters[] = {
	COUNTER(switches), COUNTER(ticks_idle), COUNTER(slow_enters),
	COUNTER(traps), COUNTER(upcalls), COUNTER(events),
	COUNTER(double_faults), COUNTER(pulled_home), COUNTER(tlb_page),
	COUNTER(tlb_context), COUNTER(tlb_all), COUNTER(pcid_binds),
	COUNTER(pcid_flushes), COUNTER(invpcid), COUNTER(noflush),
	COUNTER(frames_zeroed), COUNTER(reap_steps),
	COUNTER(faults_recovered),
};

static uint64_t
counter(const struct snap *s, size_t at)
{
	return *(const uint64_t *)((const char *)&s->counters + at);
}

static void
counters_lines(void)
{
	unsigned across = canvas_cols() >= 120 ? 3 : canvas_cols() >= 78 ? 2 :
	    1;
	size_t n = sizeof(counters) / sizeof(counters[0]);
	size_t down = (n + across - 1) / across;

	say(REVERSE, "what the kernel counts, always");
	fill_line(REVERSE);
	next_line();
	for (size_t y = 0; y < down && canvas_left() > 0; y++) {
		for (size_t i = y; i < n; i += down) {
			uint64_t v = counter(&now, counters[i].at);

			say(PLAIN, "%-16s%11lu %7.0f/s  ", counters[i].name, v,
			    snap_rate(counter(&before, counters[i].at), v));
		}
		next_line();
	}
}

static void
trace_draw(void)
{
	summary();
	kinds_lines();
	most_line("native", now.trace.native, EXO_NR_MAX, native_name);
	most_line("foreign", now.trace.foreign, CALLS, foreign_name);
	most_line("traps", now.trace.vector, VECTORS, vector_name);
	counters_lines();
}

static bool
trace_key(int key)
{
	(void)key;
	return false;
}

const struct view view_trace = {
	"trace", "rates by kind, from the trace ring and the counters",
	trace_draw, trace_key
};
