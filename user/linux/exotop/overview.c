/* overview.c - the machine on one page. */
#include <stdio.h>
#include <stdlib.h>

#include "view.h"

static void
machine_line(void)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} features[] = {
		{ EXO_FEAT_PCID, "pcid" }, { EXO_FEAT_INVPCID, "invpcid" },
		{ EXO_FEAT_SMEP, "smep" }, { EXO_FEAT_SMAP, "smap" },
		{ EXO_FEAT_UMIP, "umip" }, { EXO_FEAT_NX, "nx" },
		{ EXO_FEAT_CHECK, "CHECK" },
	};

	say(PLAIN, "ABI %u, %u CPU, TSC %lu MHz, %u ticks/s, up %.1f s;",
	    now.machine.version, now.machine.ncpus,
	    now.machine.tsc_hz / 1000000, now.machine.tick_hz,
	    (double)now.ticks / now.machine.tick_hz);
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if ((now.machine.features & features[i].bit) != 0)
			say(PLAIN, " %s", features[i].name);
	}
	next_line();
}

/* ---- memory, as two bars */

static unsigned
bar_width(void)
{
	unsigned w = canvas_cols();

	return w < 40 ? 20 : w > 132 ? 120 : w - 12;
}

/* Cells of a bar so far, so that roundings don't add up. */
static unsigned
cells_upto(uint64_t frames, unsigned w)
{
	return (unsigned)(frames * w / now.machine.nframes);
}

static void
kinds_bar(void)
{
	unsigned w = bar_width(), at = 0;
	uint64_t sum = 0;

	say(BOLD, "by kind    ");
	for (uint32_t k = EXO_PG_KINDS; k-- > 0;) {
		sum += now.frames.kind[k];
		for (; at < cells_upto(sum, w); at++)
			put(kind_attr(k), kind_letter(k));
	}
	next_line();
}

static void
accounts_bar(void)
{
	const struct rows *t = &now.rows[ACCTS];
	unsigned w = bar_width(), at = 0;
	uint64_t sum = 0;

	say(BOLD, "by account ");
	for (uint32_t i = 0; i < t->n; i++) {
		char c = acct_letter(t->row[i].index);

		sum += now.frames.of[t->row[i].index];
		for (; at < cells_upto(sum, w); at++)
			put(letter_attr(c), c);
	}
	sum += now.frames.kind[EXO_PG_KERNEL] + now.frames.kind[EXO_PG_HOLE] +
	    now.frames.kind[EXO_PG_DEVICE];
	for (; at < cells_upto(sum, w); at++)
		put(kind_attr(EXO_PG_KERNEL), '#');
	for (; at < w; at++)
		put(PLAIN, '.');
	next_line();
}

static void
memory_lines(void)
{
	char a[24];

	say(BOLD, "frames     ");
	say(PLAIN, "%u of 4 KiB, free %u (%u MiB)", now.machine.nframes,
	    now.frames.kind[EXO_PG_FREE],
	    now.frames.kind[EXO_PG_FREE] / 256);
	next_line();
	say(BOLD, "kinds     ");
	for (uint32_t k = EXO_PG_DATA; k < EXO_PG_KINDS; k++) {
		if (now.frames.kind[k] == 0)
			continue;
		put(PLAIN, ' ');
		put(kind_attr(k), kind_letter(k));
		say(PLAIN, " %s", short_number(now.frames.kind[k], a,
		    sizeof(a)));
	}
	next_line();
	kinds_bar();
	accounts_bar();
}

/* ---- counts and rates */

static uint32_t
envs_in(uint32_t state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < now.rows[ENVS].n; i++)
		n += now.rows[ENVS].row[i].env.state == state;
	return n;
}

static void
count_lines(void)
{
	const struct exo_counters *c = &now.counters, *b = &before.counters;
	double ticks = (double)snap_ticks();
	double idle = (double)(c->ticks_idle - b->ticks_idle);

	say(BOLD, "CPU        ");
	bar(20, COLOUR(2), ticks - idle, ticks);
	say(PLAIN, " %.1f%%", ticks <= 0 ? 0 : 100 * (ticks - idle) / ticks);
	next_line();
	say(BOLD, "there are  ");
	say(PLAIN, "envs %u (ready %u, asleep %u), slices %u, domains %u, "
	    "pcids %u", now.rows[ENVS].n, envs_in(EXO_ENV_READY),
	    envs_in(EXO_ENV_SLEEPING), now.rows[SLICES].n,
	    now.rows[DOMAINS].n, now.rows[PCIDS].n);
	next_line();
	say(BOLD, "a second   ");
	say(PLAIN, "switches %.0f, upcalls %.0f, TLB %.0f, zeroed %.0f, "
	    "deaths %.1f", snap_rate(b->switches, c->switches),
	    snap_rate(b->upcalls, c->upcalls),
	    snap_rate(b->tlb_page + b->tlb_context + b->tlb_all,
	    c->tlb_page + c->tlb_context + c->tlb_all),
	    snap_rate(b->frames_zeroed, c->frames_zeroed),
	    snap_rate(before.machine.deaths, now.machine.deaths));
	next_line();
}

/* ---- the accounts that have most */

enum { TOP_ACCT, TOP_PARENT, TOP_OWN, TOP_OF, TOP_LIMIT, TOP_DOMAINS, TOP_ENVS,
	TOP_SHARE, TOP_TRACE, TOP_PROC };

static const struct column top_columns[] = {
	{ "acct", 6 }, { "under", 5 }, { "frames", 7 }, { "mem%", 5 },
	{ "limit", 7 }, { "doms", 5 }, { "envs", 5 }, { "cpu%", 6 },
	{ "trace/s", 7 }, { "process", -20 },
};

static uint32_t
domains_of(uint32_t account)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < now.rows[DOMAINS].n; i++)
		n += now.rows[DOMAINS].row[i].domain.account == account;
	return n;
}

/* Its envs: how many, and what they were charged since. */
static uint32_t
envs_of(uint32_t account, uint64_t *ticks)
{
	uint32_t n = 0;

	*ticks = 0;
	for (uint32_t i = 0; i < now.rows[ENVS].n; i++) {
		const struct row *r = &now.rows[ENVS].row[i];
		const struct row *b;

		if (r->env.account != account)
			continue;
		n++;
		b = row_before(ENVS, r);
		*ticks += r->env.ticks - (b == NULL ? 0 : b->env.ticks);
	}
	return n;
}

static void
top_value(const struct row *r, unsigned column, struct value *v)
{
	uint32_t i = r->index, n;
	uint64_t ticks;

	n = envs_of(i, &ticks);
	switch (column) {
	case TOP_ACCT:
		v->key = i;
		snprintf(v->text, sizeof(v->text), "%c %u", acct_letter(i), i);
		break;
	case TOP_PARENT: value_number(v, r->acct.parent); break;
	case TOP_OWN: value_number(v, now.frames.of[i]); break;
	case TOP_OF:
		value_percent(v, now.frames.of[i], now.machine.nframes);
		break;
	case TOP_LIMIT: value_number(v, r->acct.limit[EXO_RES_FRAMES]); break;
	case TOP_DOMAINS: value_number(v, domains_of(i)); break;
	case TOP_ENVS: value_number(v, n); break;
	case TOP_SHARE:
		value_percent(v, (double)ticks, (double)snap_ticks());
		break;
	case TOP_TRACE: value_rate(v, snap_rate(0, now.trace.of[i])); break;
	case TOP_PROC: value_text(v, 0, proc_of_acct(i)); break;
	}
}

static struct list top = {
	.which = ACCTS, .columns = top_columns, .ncolumns = TOP_PROC + 1,
	.value = top_value, .sort = TOP_OWN, .down = true,
};

static void
overview_draw(void)
{
	machine_line();
	memory_lines();
	count_lines();
	list_draw(&top);
}

static bool
overview_key(int key)
{
	return list_key(&top, key);
}

const struct view view_overview = {
	"overview", "the machine on one page: memory, CPU, who has most",
	overview_draw, overview_key
};
