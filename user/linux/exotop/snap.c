/*
 * snap.c - copies of the published tables.
 *
 * The kernel changes them whenever somebody else runs, so between any two of
 * our instructions.  What has a sequence count or a number of its own (the
 * clock, records of the trace) is read by it.  Another row is read until two
 * copies in a row are the same; one that changes each time is marked torn.
 * Rows of one snapshot may be of different instants: totals need not agree
 * to the last frame.  What is compared with the snapshot before is the same
 * object only if its generation says so.
 */
#include <stdlib.h>
#include <string.h>

#include "snap.h"

#define TRIES	8u

struct snap now, before;

static inline void
fence(void)
{
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
}

static void
words_copy(void *to, const volatile void *from, size_t n)
{
	const volatile uint64_t *f = from;
	uint64_t *t = to;

	for (size_t i = 0; i < n / 8; i++)
		t[i] = f[i];
}

/* n: a multiple of 8, 1 KiB at the most. */
static bool
copy_stable(void *to, const volatile void *from, size_t n)
{
	uint64_t again[128];

	words_copy(to, from, n);
	for (unsigned i = 0; i < TRIES; i++) {
		fence();
		words_copy(again, from, n);
		if (memcmp(to, again, n) == 0)
			return true;
		memcpy(to, again, n);
	}
	return false;
}

static uint64_t
tsc_read(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
}

static void
clock_read(uint64_t *ticks, uint64_t *tsc)
{
	const volatile struct exo_machine *m = EXO_MACHINE;
	uint32_t seq;

	do {
		seq = m->clock_seq;
		fence();
		*ticks = m->ticks;
		*tsc = m->tick_tsc;
		fence();
	} while ((seq & 1) != 0 || seq != m->clock_seq);
}

/* ---- rows */

static uint32_t
table_len(enum which w)
{
	const volatile struct exo_machine *m = EXO_MACHINE;

	switch (w) {
	case ACCTS:	return m->naccts;
	case DOMAINS:	return m->ndomains;
	case ENVS:	return m->nenvs;
	case SLICES:	return m->nslices * m->ncpus;
	case PCIDS:	return m->npcids;
	default:	return 0;
	}
}

static bool
is_used(enum which w, uint32_t i)
{
	switch (w) {
	case ACCTS:	return EXO_ACCTS[i].state != EXO_ACCT_FREE;
	case DOMAINS:	return EXO_DOMAINS[i].state != EXO_DOM_FREE;
	case ENVS:	return EXO_ENVS[i].state != EXO_ENV_FREE;
	case SLICES:	return EXO_SLICES[i].account != EXO_NONE;
	case PCIDS:	return i != 0 && EXO_PCIDS[i].account != EXO_NONE;
	default:	return false;
	}
}

static bool
row_copy(enum which w, uint32_t i, struct row *r)
{
	r->index = i;
	switch (w) {
	case ACCTS:
		return copy_stable(&r->acct, &EXO_ACCTS[i], sizeof(r->acct));
	case DOMAINS:
		return copy_stable(&r->domain, &EXO_DOMAINS[i],
		    sizeof(r->domain));
	case ENVS:
		return copy_stable(&r->env, &EXO_ENVS[i], sizeof(r->env));
	case SLICES:
		return copy_stable(&r->slice, &EXO_SLICES[i],
		    sizeof(r->slice));
	case PCIDS:
		return copy_stable(&r->pcid, &EXO_PCIDS[i], sizeof(r->pcid));
	default:
		return false;
	}
}

/* It was not free when it was found, but may be in the copy. */
static bool
row_used(enum which w, const struct row *r)
{
	switch (w) {
	case ACCTS:	return r->acct.state != EXO_ACCT_FREE;
	case DOMAINS:	return r->domain.state != EXO_DOM_FREE;
	case ENVS:	return r->env.state != EXO_ENV_FREE;
	case SLICES:	return r->slice.account != EXO_NONE;
	case PCIDS:	return r->pcid.account != EXO_NONE;
	default:	return false;
	}
}

static bool
rows_grow(struct rows *s)
{
	uint32_t room = s->room == 0 ? 64 : s->room * 2;
	struct row *p = realloc(s->row, room * sizeof(*p));

	if (p == NULL)
		return false;
	s->row = p;
	s->room = room;
	return true;
}

static void
rows_take(enum which w, struct rows *s)
{
	uint32_t n = table_len(w);

	s->n = s->torn = 0;
	s->cut = false;
	for (uint32_t i = 0; i < n; i++) {
		if (!is_used(w, i))
			continue;
		if (s->n == s->room && !rows_grow(s)) {
			s->cut = true;
			return;
		}
		s->row[s->n].torn = !row_copy(w, i, &s->row[s->n]);
		s->torn += s->row[s->n].torn;
		s->n += row_used(w, &s->row[s->n]);
	}
}

const struct row *
row_find(const struct snap *s, enum which w, uint32_t index)
{
	const struct rows *t = &s->rows[w];
	uint32_t low = 0, high = t->n;

	while (low < high) {
		uint32_t mid = (low + high) / 2;

		if (t->row[mid].index == index)
			return &t->row[mid];
		if (t->row[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* A slice and a PCID have no generation: its owner, and that what only grows
 * has not shrunk. */
static bool
same(enum which w, const struct row *a, const struct row *b)
{
	switch (w) {
	case ACCTS:	return a->acct.gen == b->acct.gen;
	case DOMAINS:	return a->domain.gen == b->domain.gen;
	case ENVS:	return a->env.gen == b->env.gen;
	case SLICES:	return a->slice.account == b->slice.account &&
			    a->slice.ticks <= b->slice.ticks &&
			    a->slice.passed <= b->slice.passed;
	case PCIDS:	return a->pcid.binds <= b->pcid.binds;
	default:	return false;
	}
}

const struct row *
row_before(enum which w, const struct row *r)
{
	const struct row *b = row_find(&before, w, r->index);

	return b != NULL && same(w, b, r) ? b : NULL;
}

/* ---- frames */

static void
frames_take(struct frames *f)
{
	uint32_t n = EXO_MACHINE->nframes, naccts = EXO_MACHINE->naccts;
	uint32_t account, kind;

	memset(f->kind, 0, sizeof(f->kind));
	memset(f->of, 0, naccts * sizeof(*f->of));
	for (uint32_t i = 0; i < n; i++) {
		page_peek(i, &account, &kind);
		f->kind[kind]++;
		if (kind_owned(kind) && account < naccts)
			f->of[account]++;
	}
}

bool
page_read(uint32_t ppn, struct exo_page *out)
{
	return copy_stable(out, &EXO_PAGES[ppn], sizeof(*out));
}

/* ---- the trace */

/* Its number is written last, so it is read before and after. */
static bool
record_read(uint64_t nr, uint32_t ntrace, struct exo_trace *out)
{
	const volatile struct exo_trace *t = &EXO_TRACE[nr % ntrace];

	if (t->nr != nr)
		return false;
	fence();
	words_copy(out, t, sizeof(*out));
	fence();
	return t->nr == nr;
}

static void
record_count(struct trace *t, const struct exo_trace *r, uint32_t naccts)
{
	t->seen++;
	if (r->account < naccts)
		t->of[r->account]++;
	if (r->kind > EXO_TR_EVENT)
		return;
	t->kind[r->kind]++;
	if (r->kind == EXO_TR_CALL && r->call < EXO_NR_MAX)
		t->native[r->call]++;
	else if (r->kind == EXO_TR_FOREIGN && r->call < CALLS)
		t->foreign[r->call]++;
	else if (r->kind == EXO_TR_TRAP && r->call < VECTORS)
		t->vector[r->call]++;
}

static uint64_t
dropped(const struct snap *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->rows[ACCTS].n; i++)
		sum += s->rows[ACCTS].row[i].acct.trace_dropped;
	return sum;
}

/* Since `first'; what the ring had no room for is overrun. */
static void
trace_take(struct trace *t, uint64_t first)
{
	uint32_t ntrace = EXO_MACHINE->ntrace, naccts = EXO_MACHINE->naccts;
	uint32_t *of = t->of;
	struct exo_trace r;

	*t = (struct trace){ .of = of, .next = EXO_MACHINE->trace_next };
	memset(of, 0, naccts * sizeof(*of));
	t->written = t->next - first;
	t->overrun = t->written > ntrace ? t->written - ntrace : 0;
	for (uint64_t nr = first + t->overrun; nr < t->next; nr++) {
		if (record_read(nr, ntrace, &r))
			record_count(t, &r, naccts);
		else
			t->torn++;	/* written over meanwhile */
	}
	t->overrun += t->torn;
}

/* ---- all of it */

static void *
zeroed(size_t n)
{
	void *p = calloc(1, n);

	if (p == NULL)
		abort();
	return p;
}

void
snap_init(void)
{
	size_t n = EXO_MACHINE->naccts * sizeof(uint32_t);

	now.frames.of = zeroed(n);
	before.frames.of = zeroed(n);
	now.trace.of = zeroed(n);
	before.trace.of = zeroed(n);
	now.trace.next = EXO_MACHINE->trace_next;
}

void
snap_take(void)
{
	struct snap older = before;
	uint64_t tick_tsc;

	before = now;
	now = older;
	now.tsc = tsc_read();
	clock_read(&now.ticks, &tick_tsc);
	words_copy(&now.machine, EXO_MACHINE, sizeof(now.machine));
	words_copy(&now.counters, EXO_COUNTERS, sizeof(now.counters));
	for (enum which w = 0; w < TABLES; w++)
		rows_take(w, &now.rows[w]);
	frames_take(&now.frames);
	trace_take(&now.trace, before.trace.next);
	now.trace.dropped = before.rows[ACCTS].n == 0 ? 0 :
	    dropped(&now) - dropped(&before);
	if ((int64_t)now.trace.dropped < 0)	/* an account has gone */
		now.trace.dropped = 0;
}

double
snap_seconds(void)
{
	double s = (double)(now.tsc - before.tsc) /
	    (double)EXO_MACHINE->tsc_hz;

	return before.tsc == 0 || s <= 0 ? 0 : s;
}

uint64_t
snap_ticks(void)
{
	return before.tsc == 0 ? 0 : now.ticks - before.ticks;
}

double
snap_rate(uint64_t then, uint64_t at)
{
	double s = snap_seconds();

	return s == 0 || at < then ? 0 : (double)(at - then) / s;
}
