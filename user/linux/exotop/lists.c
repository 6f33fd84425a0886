/* lists.c - the views that are tables: domains, PCIDs, slices, envs,
 * accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

/* A letter and a number; sorted by the number. */
static void
value_acct(struct value *v, uint32_t account)
{
	v->key = account;
	snprintf(v->text, sizeof(v->text), "%c %u", acct_letter(account),
	    account);
}

/* An index that may be nobody's. */
static void
value_index(struct value *v, uint32_t index)
{
	if (index == EXO_NONE)
		value_text(v, -1, "-");
	else
		value_number(v, index);
}

static uint32_t
parent_of(uint32_t account)
{
	const struct row *a = row_find(&now, ACCTS, account);

	return a == NULL || account == 0 ? EXO_NONE : a->acct.parent;
}

/* ---- domains */

enum { DOM_INDEX, DOM_GEN, DOM_STATE, DOM_ACCT, DOM_PARENT, DOM_PCID, DOM_SEATS,
	DOM_HANDLES, DOM_NAMED, DOM_SLOTS, DOM_MONITOR, DOM_CLIENTS, DOM_PROC };

static const struct column domain_columns[] = {
	{ "domain", 6 }, { "gen", 4 }, { "state", -5 }, { "acct", 5 },
	{ "under", 5 }, { "pcid", 4 }, { "seats", 5 }, { "hndls", 5 },
	{ "named", 5 }, { "caps", 4 }, { "mon", 4 }, { "cli", 3 },
	{ "process or end", -24 },
};

/* How it ended, or what it is. */
static void
value_end(struct value *v, bool ended, uint32_t cause, uint64_t word,
    uint32_t account)
{
	if (!ended) {
		value_text(v, 0, proc_of_acct(account));
		return;
	}
	v->key = cause;
	snprintf(v->text, sizeof(v->text), "%s, word %lu", cause_name(cause),
	    word);
}

static void
domain_value(const struct row *r, unsigned column, struct value *v)
{
	const struct exo_domain *d = &r->domain;
	uint32_t tables = 0;

	switch (column) {
	case DOM_INDEX: value_number(v, r->index); break;
	case DOM_GEN: value_number(v, d->gen); break;
	case DOM_STATE: value_text(v, d->state, domain_state(d->state)); break;
	case DOM_ACCT: value_acct(v, d->account); break;
	case DOM_PARENT: value_index(v, parent_of(d->account)); break;
	case DOM_PCID: value_number(v, d->pcid); break;
	case DOM_SEATS: value_number(v, d->nseats); break;
	case DOM_HANDLES: value_number(v, d->nhandles); break;
	case DOM_NAMED: value_number(v, d->named); break;
	case DOM_SLOTS:
		for (uint32_t i = 0; i < EXO_SLOT_TABLES; i++)
			tables += d->slot_tables[i] != 0;
		value_number(v, tables);
		break;
	case DOM_MONITOR: value_index(v, d->monitor); break;
	case DOM_CLIENTS: value_number(v, d->clients); break;
	case DOM_PROC:
		value_end(v, d->state != EXO_DOM_LIVE, d->cause, d->exit_word,
		    d->account);
		break;
	}
}

static struct list domains = {
	.which = DOMAINS, .columns = domain_columns,
	.ncolumns = DOM_PROC + 1, .value = domain_value,
};

static void
domains_draw(void)
{
	uint32_t count[EXO_DOM_ENDED + 1] = { 0 };
	const struct rows *t = &now.rows[DOMAINS];

	for (uint32_t i = 0; i < t->n; i++) {
		if (t->row[i].domain.state <= EXO_DOM_ENDED)
			count[t->row[i].domain.state]++;
	}
	say(PLAIN, "%u domains of %u: %u live, %u dead, %u ended; deaths %lu, "
	    "%.1f/s", t->n, now.machine.ndomains, count[EXO_DOM_LIVE],
	    count[EXO_DOM_DEAD], count[EXO_DOM_ENDED], now.machine.deaths,
	    snap_rate(before.machine.deaths, now.machine.deaths));
	next_line();
	list_draw(&domains);
}

static bool
domains_key(int key)
{
	return list_key(&domains, key);
}

const struct view view_domains = {
	"domains", "what keeps apart: its state, where it runs, how it ended",
	domains_draw, domains_key
};

/* ---- PCIDs */

enum { TAG_INDEX, TAG_ACCT, TAG_DOMAIN, TAG_CLEAN, TAG_BINDS, TAG_RATE,
	TAG_PROC };

static const struct column pcid_columns[] = {
	{ "pcid", 5 }, { "acct", 6 }, { "domain", 6 }, { "tag", -5 },
	{ "binds", 6 }, { "binds/s", 7 }, { "process", -20 },
};

static void
pcid_value(const struct row *r, unsigned column, struct value *v)
{
	const struct exo_pcid *p = &r->pcid;
	const struct row *b;

	switch (column) {
	case TAG_INDEX: value_number(v, r->index); break;
	case TAG_ACCT: value_acct(v, p->account); break;
	case TAG_DOMAIN: value_index(v, p->domain); break;
	case TAG_CLEAN: value_text(v, p->clean, p->clean ? "clean" : "used");
		break;
	case TAG_BINDS: value_number(v, p->binds); break;
	case TAG_RATE:
		b = row_before(PCIDS, r);
		value_rate(v, b == NULL ? 0 : snap_rate(b->pcid.binds,
		    p->binds));
		break;
	case TAG_PROC: value_text(v, 0, proc_of_acct(p->account)); break;
	}
}

static struct list pcids = {
	.which = PCIDS, .columns = pcid_columns, .ncolumns = TAG_PROC + 1,
	.value = pcid_value,
};

static void
pcids_draw(void)
{
	const struct exo_counters *c = &now.counters, *b = &before.counters;

	if (now.machine.npcids <= 1)
		say(PLAIN, "This machine has no PCIDs: each entry of another "
		    "domain flushes the TLB.");
	else
		say(PLAIN, "%u of %u tags are taken.", now.rows[PCIDS].n,
		    now.machine.npcids - 1);
	next_line();
	say(PLAIN, "a second: binds %.1f, cleaned %.1f; TLB: page %.1f, "
	    "context %.1f, all %.1f", snap_rate(b->pcid_binds, c->pcid_binds),
	    snap_rate(b->pcid_flushes, c->pcid_flushes),
	    snap_rate(b->tlb_page, c->tlb_page),
	    snap_rate(b->tlb_context, c->tlb_context),
	    snap_rate(b->tlb_all, c->tlb_all));
	next_line();
	list_draw(&pcids);
}

static bool
pcids_key(int key)
{
	return list_key(&pcids, key);
}

const struct view view_pcids = {
	"pcids", "TLB tags: whose, which domain's, what the TLB was asked",
	pcids_draw, pcids_key
};

/* ---- slices */

enum { SLI_INDEX, SLI_ACCT, SLI_ENV, SLI_SHARE, SLI_TICKS, SLI_RATE,
	SLI_PASSED, SLI_OWES, SLI_LOST, SLI_TURN, SLI_PROC };

static const struct column slice_columns[] = {
	{ "slice", 5 }, { "acct", 5 }, { "env", 5 }, { "share%", 6 },
	{ "ticks", 6 }, { "tick/s", 6 }, { "pass/s", 6 }, { "owes", 5 },
	{ "lost us", 7 }, { "turn", 6 }, { "process", -24 },
};

static double
microseconds(uint32_t tsc)
{
	return (double)tsc * 1e6 / (double)now.machine.tsc_hz;
}

static void
slice_value(const struct row *r, unsigned column, struct value *v)
{
	const struct exo_slice *s = &r->slice;
	const struct row *b = row_before(SLICES, r);
	const struct row *e = row_find(&now, ENVS, s->env);

	switch (column) {
	case SLI_INDEX: value_number(v, r->index); break;
	case SLI_ACCT: value_acct(v, s->account); break;
	case SLI_ENV:
		value_index(v, s->env);
		if (s->env != EXO_NONE &&
		    (e == NULL || e->env.gen != s->env_gen))
			value_text(v, s->env, "gone");
		break;
	case SLI_SHARE:
		value_percent(v, b == NULL ? 0 : (double)(s->ticks -
		    b->slice.ticks), (double)snap_ticks());
		break;
	case SLI_TICKS: value_number(v, s->ticks); break;
	case SLI_RATE:
		value_rate(v, b == NULL ? 0 : snap_rate(b->slice.ticks,
		    s->ticks));
		break;
	case SLI_PASSED:
		value_rate(v, b == NULL ? 0 : snap_rate(b->slice.passed,
		    s->passed));
		break;
	case SLI_OWES: value_number(v, s->overrun); break;
	case SLI_LOST: value_number(v, (uint64_t)microseconds(s->lost)); break;
	case SLI_TURN: value_number(v, s->turn); break;
	case SLI_PROC: value_text(v, 0, proc_of_acct(s->account)); break;
	}
}

static struct list slices = {
	.which = SLICES, .columns = slice_columns, .ncolumns = SLI_PROC + 1,
	.value = slice_value,
};

/* The vector, a letter a position. */
static void
vector_draw(void)
{
	uint32_t n = now.machine.nslices * now.machine.ncpus;
	unsigned wide = canvas_cols() > 71 ? 64 : canvas_cols() > 39 ? 32 : 16;

	for (uint32_t i = 0; i < n; i++) {
		const struct row *r = row_find(&now, SLICES, i);
		char c = r == NULL ? '.' : acct_letter(r->slice.account);

		if (i % wide == 0)
			say(PLAIN, "%5u  ", i);
		put(r == NULL ? PLAIN : letter_attr(c), c);
		if (i % wide == wide - 1 || i == n - 1)
			next_line();
	}
}

static void
slices_draw(void)
{
	uint64_t idle = now.counters.ticks_idle - before.counters.ticks_idle;

	say(PLAIN, "%u of %u positions are taken, 1/%u s each; idle %.1f%%, "
	    "switches %.0f/s", now.rows[SLICES].n,
	    now.machine.nslices * now.machine.ncpus, now.machine.tick_hz,
	    snap_ticks() == 0 ? 0 : 100.0 * (double)idle /
	    (double)snap_ticks(),
	    snap_rate(before.counters.switches, now.counters.switches));
	next_line();
	vector_draw();
	list_draw(&slices);
}

static bool
slices_key(int key)
{
	return list_key(&slices, key);
}

const struct view view_slices = {
	"slices", "the vector of CPU time: whose positions, used and owed",
	slices_draw, slices_key
};

/* ---- envs */

enum { ENV_INDEX, ENV_GEN, ENV_STATE, ENV_ACCT, ENV_HOME, ENV_WHERE, ENV_DEPTH,
	ENV_SLICES, ENV_TICKS, ENV_SHARE, ENV_ASKED, ENV_PROC };

static const struct column env_columns[] = {
	{ "env", 5 }, { "gen", 4 }, { "state", -9 }, { "acct", 5 },
	{ "home", 4 }, { "where", 5 }, { "deep", 4 }, { "sl", 2 },
	{ "ticks", 6 }, { "share%", 6 }, { "asked/s", 7 },
	{ "process or end", -24 },
};

static void
env_end(const struct exo_env *e, struct value *v)
{
	value_end(v, e->state >= EXO_ENV_DEAD, e->cause, e->exit_word,
	    e->account);
	if (e->state < EXO_ENV_DEAD && e->pending != 0) {
		v->key = 16 + e->pending;
		snprintf(v->text, sizeof(v->text), "pending:%s%s%s",
		    e->pending & EXO_PEND_KILL ? " kill" : "",
		    e->pending & EXO_PEND_STOP ? " stop" : "",
		    e->pending & EXO_PEND_YIELD ? " yield" : "");
	}
}

static void
env_value(const struct row *r, unsigned column, struct value *v)
{
	const struct exo_env *e = &r->env;
	const struct row *b = row_before(ENVS, r);

	switch (column) {
	case ENV_INDEX: value_number(v, r->index); break;
	case ENV_GEN: value_number(v, e->gen); break;
	case ENV_STATE: value_text(v, e->state, env_state(e->state)); break;
	case ENV_ACCT: value_acct(v, e->account); break;
	case ENV_HOME: value_index(v, e->home); break;
	case ENV_WHERE: value_index(v, e->where); break;
	case ENV_DEPTH: value_number(v, e->depth); break;
	case ENV_SLICES: value_number(v, e->slices); break;
	case ENV_TICKS: value_number(v, e->ticks); break;
	case ENV_SHARE:
		value_percent(v, b == NULL ? 0 : (double)(e->ticks -
		    b->env.ticks), (double)snap_ticks());
		break;
	case ENV_ASKED:
		value_rate(v, b == NULL ? 0 : snap_rate(b->env.checks,
		    e->checks));
		break;
	case ENV_PROC: env_end(e, v); break;
	}
}

static struct list envs = {
	.which = ENVS, .columns = env_columns, .ncolumns = ENV_PROC + 1,
	.value = env_value,
};

static void
envs_draw(void)
{
	const struct rows *t = &now.rows[ENVS];

	say(PLAIN, "%u envs of %u:", t->n, now.machine.nenvs);
	for (uint32_t state = EXO_ENV_EMBRYO; state <= EXO_ENV_ENDED; state++) {
		uint32_t n = 0;

		for (uint32_t i = 0; i < t->n; i++)
			n += t->row[i].env.state == state;
		if (n != 0)
			say(PLAIN, "  %s %u", env_state(state), n);
	}
	next_line();
	list_draw(&envs);
}

static bool
envs_key(int key)
{
	return list_key(&envs, key);
}

const struct view view_envs = {
	"envs", "streams of CPU time: state, home, share, sleep",
	envs_draw, envs_key
};

/* ---- accounts, as the tree that they are */

enum { ACC_TREE, ACC_PROC, ACC_OWN, ACC_FRAMES, ACC_SLICES, ACC_ENVS,
	ACC_DOMAINS, ACC_PCIDS, ACC_ACCTS, ACC_TRACE, ACC_ASK };

static const struct column acct_columns[] = {
	{ "acct", -11 }, { "process", -15 }, { "own", 5 }, { "frames", 11 },
	{ "slices", 7 }, { "envs", 9 }, { "domains", 11 }, { "pcids", 9 },
	{ "accts", 9 }, { "trace", 9 }, { "asked to go to", -16 },
};

static uint32_t *tree_at;		/* row: its place in the tree */
static uint8_t *tree_depth;
static uint32_t tree_next;

static void
tree_visit(const struct rows *t, uint32_t i, unsigned depth)
{
	tree_at[i] = ++tree_next;
	tree_depth[i] = (uint8_t)depth;
	for (uint32_t c = 0; c < t->n && depth < 33; c++) {
		if (tree_at[c] == 0 && c != i &&
		    t->row[c].acct.parent == t->row[i].index)
			tree_visit(t, c, depth + 1);
	}
}

/* Places from 1 on; whoever's parent is gone comes by itself. */
static bool
tree_make(const struct rows *t)
{
	free(tree_at);
	free(tree_depth);
	tree_at = calloc(t->n + 1, sizeof(*tree_at));
	tree_depth = calloc(t->n + 1, 1);
	tree_next = 0;
	if (tree_at == NULL || tree_depth == NULL)
		return false;
	for (uint32_t i = 0; i < t->n; i++) {
		if (tree_at[i] == 0)
			tree_visit(t, i, 0);
	}
	return true;
}

static void
acct_use(const struct exo_acct *a, enum exo_res res, struct value *v)
{
	char used[24], limit[24];

	v->key = a->used[res];
	snprintf(v->text, sizeof(v->text), "%s/%s",
	    short_number(a->used[res], used, sizeof(used)),
	    short_number(a->limit[res], limit, sizeof(limit)));
}

static void
acct_name(const struct row *r, struct value *v)
{
	uint32_t i = (uint32_t)(r - now.rows[ACCTS].row);

	v->key = tree_at[i];
	snprintf(v->text, sizeof(v->text), "%*s%c %u",
	    tree_depth[i] < 7 ? tree_depth[i] : 7, "",
	    acct_letter(r->index), r->index);
}

static void
acct_ask(const struct exo_acct *a, struct value *v)
{
	static const char *const names[EXO_RES_MAX] = { "frames", "accts",
		"domains", "envs", "pcids", "slices", "trace", "?" };

	for (uint32_t i = 0; i < EXO_RES_MAX; i++) {
		if (a->ask[i].open == 0)
			continue;
		v->key = (double)a->ask[i].deadline;
		snprintf(v->text, sizeof(v->text), "%s to %u", names[i],
		    a->ask[i].target);
	}
}

static void
acct_value(const struct row *r, unsigned column, struct value *v)
{
	const struct exo_acct *a = &r->acct;

	switch (column) {
	case ACC_TREE: acct_name(r, v); break;
	case ACC_OWN: value_number(v, now.frames.of[r->index]); break;
	case ACC_FRAMES: acct_use(a, EXO_RES_FRAMES, v); break;
	case ACC_ACCTS: acct_use(a, EXO_RES_ACCTS, v); break;
	case ACC_DOMAINS: acct_use(a, EXO_RES_DOMAINS, v); break;
	case ACC_ENVS: acct_use(a, EXO_RES_ENVS, v); break;
	case ACC_PCIDS: acct_use(a, EXO_RES_PCIDS, v); break;
	case ACC_SLICES: acct_use(a, EXO_RES_SLICES, v); break;
	case ACC_TRACE: acct_use(a, EXO_RES_TRACE, v); break;
	case ACC_ASK: acct_ask(a, v); break;
	case ACC_PROC:
		value_text(v, 0, a->state == EXO_ACCT_LIVE ?
		    proc_of_acct(r->index) : "(dying)");
		break;
	}
}

static struct list accounts = {
	.which = ACCTS, .columns = acct_columns, .ncolumns = ACC_ASK + 1,
	.value = acct_value,
};

static void
accounts_draw(void)
{
	say(PLAIN, "%u accounts of %u; used/limit, with what children were "
	    "given; own: less that", now.rows[ACCTS].n, now.machine.naccts);
	next_line();
	if (tree_make(&now.rows[ACCTS]))
		list_draw(&accounts);
}

static bool
accounts_key(int key)
{
	return list_key(&accounts, key);
}

const struct view view_accounts = {
	"accounts", "the tree of those who are charged: limits and use",
	accounts_draw, accounts_key
};
