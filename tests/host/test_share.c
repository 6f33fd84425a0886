/*
 * test_share.c - sharing tables, by the real calls.
 *
 * Up to four distrusting domains make random calls, and two of them every
 * short sequence of a menu.  After each call the properties of
 * tests/model/sharing.py must hold, over private frames:
 *
 *  P1  a frame that some root can write is translated at exactly one address
 *	of one root;
 *  P2  a call by one domain never changes what another's root translates, but
 *	by force on a frame that it may revoke, or through a live table;
 *  P3  a domain reaches a frame, for writing or executing too, only by a
 *	capability or because it was given it at its birth, by one who had it;
 *	what it could link or edit at once counts as reached;
 *  P4  while a frame is being reguarded, its mappings and rights only shrink.
 *
 * And all counts must be what check.c counts anew.
 */
#include "world.h"

#define CODES		256u		/* addresses: four indices below 4 */
#define STEPS_PER_WORLD	400u

/* Rights, as bits. */
enum { A_READ = 1, A_WRITE = 2, A_EXEC = 4, A_LIVE = 8 };

/* What a root translates. */
struct view {
	exo_ppn root;
	struct { uint8_t ppn, rights; } at[CODES];
};

static struct view view_before[NDOM + 1], view_now[NDOM + 1];

static struct gifts {
	uint8_t given[NDOM + 1][NFRAMES];	/* at birth: A_* */
	uint32_t births[NDOM + 1];
	uint64_t epochs[NFRAMES];
} gifts;

static void
view_walk(struct view *v, exo_ppn t, unsigned code, uint32_t level,
    uint32_t rights)
{
	const uint64_t *pt = page_kva(t);

	if (page_is_live(&pages[t]))
		rights |= A_LIVE;
	for (unsigned i = 0; i < HW_WIDE; i++) {
		uint32_t r = rights;
		unsigned at = code << 2 | i;

		if (pt[i] == 0)
			continue;
		if ((pt[i] & EXO_PTE_W) == 0)
			r &= ~(uint32_t)A_WRITE;
		if (pt[i] & EXO_PTE_NX)
			r &= ~(uint32_t)A_EXEC;
		if (level > 1) {
			view_walk(v, EXO_PTE_PPN(pt[i]), at, level - 1, r);
			continue;
		}
		v->at[at].ppn = (uint8_t)EXO_PTE_PPN(pt[i]);
		v->at[at].rights = (uint8_t)r;
	}
}

static void
views_take(struct view *v)
{
	for (uint32_t i = 1; i <= NDOM; i++) {
		memset(&v[i], 0, sizeof(v[i]));
		if (domains[i].state != EXO_DOM_LIVE)
			continue;
		v[i].root = dom[i].root;
		view_walk(&v[i], v[i].root, 0, 4,
		    A_READ | A_WRITE | A_EXEC);
	}
}

static bool
private_data(exo_ppn ppn)
{
	return pages[ppn].kind == EXO_PG_DATA && !page_is_live(&pages[ppn]);
}

/* The first domain with that root stands for all of them. */
static bool
root_counts(uint32_t d)
{
	for (uint32_t i = 1; i < d; i++)
		if (view_now[i].root == view_now[d].root)
			return false;
	return view_now[d].root != 0;
}

static void
judge_p1(void)
{
	uint32_t seen[NFRAMES] = { 0 }, writers[NFRAMES] = { 0 };

	for (uint32_t d = 1; d <= NDOM; d++) {
		if (!root_counts(d))
			continue;
		for (unsigned c = 0; c < CODES; c++) {
			exo_ppn ppn = view_now[d].at[c].ppn;

			seen[ppn]++;
			writers[ppn] += (view_now[d].at[c].rights & A_WRITE) !=
			    0;
		}
	}
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++)
		if (private_data(ppn) && writers[ppn] > 0 && seen[ppn] != 1)
			world_fail("P1: frame %u is written and seen %u times",
			    ppn, seen[ppn]);
}

/* Was it the same domain before, and does it not share the actor's root? */
static bool
bystander(uint32_t d, uint32_t actor)
{
	return d != actor && view_now[d].root != 0 &&
	    world_before.dom[d].id == dom[d].id &&
	    view_now[d].root != view_now[actor].root;
}

static void
judge_p2(void)
{
	uint32_t actor = world_before.running;

	for (uint32_t d = 1; d <= NDOM; d++) {
		if (!bystander(d, actor))
			continue;
		for (unsigned c = 0; c < CODES; c++) {
			uint8_t was = view_before[d].at[c].rights;
			uint8_t is = view_now[d].at[c].rights;

			if ((was | is) & A_LIVE || (is == 0 && was != 0 &&
			    view_before[d].at[c].ppn == world_forced))
				continue;
			if (was != is || view_before[d].at[c].ppn !=
			    view_now[d].at[c].ppn)
				world_fail("P2: %u changed %u at %#o: %u/%u, "
				    "now %u/%u", actor, d, c,
				    view_before[d].at[c].ppn, was,
				    view_now[d].at[c].ppn, is);
		}
	}
}

/* What the domain's slots allow on a frame, and what it was given. */
static uint32_t
allowed(uint32_t d, exo_ppn ppn)
{
	uint32_t r = gifts.given[d][ppn];

	for (unsigned s = 0; s < S_COUNT; s++) {
		const struct exo_cap *c = &cap[d][s];

		if (c->kind == EXO_SLOT_CAP &&
		    cap_dominates(c, &page_guards[ppn].name))
			r |= c->rights & (EXO_R_READ | EXO_R_WRITE |
			    EXO_R_EXEC);
	}
	return r;
}
_Static_assert(A_READ == EXO_R_READ && A_WRITE == EXO_R_WRITE &&
    A_EXEC == EXO_R_EXEC, "the same bits");

/* What may be done with a last-level entry, by whoever has it alone. */
static uint32_t
entry_rights(uint64_t pte)
{
	return A_READ | (pte & (EXO_PTE_W | EXO_PTE_MAYW) ? A_WRITE : 0) |
	    (pte & EXO_PTE_MAYX || (pte & EXO_PTE_NX) == 0 ? A_EXEC : 0);
}

/*
 * All private frames below a table, with the rights that they may grow to: f
 * is called for each.  Live tables are held by other rules.
 */
static void
below(uint32_t d, exo_ppn t, void (*f)(uint32_t d, exo_ppn ppn, uint32_t r))
{
	const uint64_t *pt = page_kva(t);

	if (page_is_live(&pages[t]))
		return;
	for (unsigned i = 0; i < HW_WIDE; i++) {
		exo_ppn ppn = EXO_PTE_PPN(pt[i]);

		if (pt[i] == 0)
			continue;
		if (pages[t].kind > EXO_PG_PT1)
			below(d, ppn, f);
		else if (private_data(ppn))
			f(d, ppn, entry_rights(pt[i]));
	}
}

static void
give(uint32_t d, exo_ppn ppn, uint32_t r)
{
	uint32_t giver = world_before.running;

	if (r & ~allowed(giver, ppn))
		world_fail("P3: %u gave %u %u on frame %u", giver, d, r, ppn);
	gifts.given[d][ppn] |= (uint8_t)r;
}

static void
held(uint32_t d, exo_ppn ppn, uint32_t r)
{
	if (r & ~allowed(d, ppn))
		world_fail("P3: domain %u has %u on frame %u", d, r, ppn);
}

/* A frame that was freed, or that nobody maps, is known to nobody. */
static void
gifts_update(void)
{
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++)
		if (pages[ppn].epoch != gifts.epochs[ppn] ||
		    pages[ppn].maps == 0) {
			gifts.epochs[ppn] = pages[ppn].epoch;
			for (uint32_t d = 1; d <= NDOM; d++)
				gifts.given[d][ppn] = 0;
		}
	for (uint32_t d = 1; d <= NDOM; d++) {
		if (domains[d].gen == gifts.births[d] ||
		    view_now[d].root == 0)
			continue;
		gifts.births[d] = domains[d].gen;
		memset(gifts.given[d], 0, sizeof(gifts.given[d]));
		below(d, view_now[d].root, give);
	}
}

static void
judge_p3(void)
{
	gifts_update();
	for (uint32_t d = 1; d <= NDOM; d++)
		if (view_now[d].root != 0)
			below(d, view_now[d].root, held);
	for (exo_ppn t = 1; t < NFRAMES; t++) {
		const struct exo_page *p = &pages[t];
		const struct domain *d = domain_find(EXO_ID(p->maker_gen,
		    p->maker));

		if (page_is_table(p) && p->refs == 0 && d != NULL &&
		    domain_live(d) && !(p->flags & EXO_PF_EMPTY))
			below(p->maker, t, held);
	}
}

static void
judge_p4(void)
{
	for (exo_ppn ppn = 1; ppn < NFRAMES; ppn++) {
		const struct exo_page *o = &world_before.pages[ppn];
		const struct exo_page *p = &pages[ppn];

		if (o->flags & p->flags & EXO_PF_REGUARD &&
		    (p->maps > o->maps || p->uses > o->uses ||
		    p->execs > o->execs))
			world_fail("P4: frame %u", ppn);
	}
}

static void
judge_share(void)
{
	check_frames();
	views_take(view_now);
	judge_p1();
	judge_p2();
	judge_p3();
	judge_p4();
	memcpy(view_before, view_now, sizeof(view_now));
}

static void
world_start(enum hw_mode mode)
{
	world_judge = NULL;
	world_boot(mode);
	memset(&gifts, 0, sizeof(gifts));
	views_take(view_before);
	world_judge = judge_share;
}

/* ---------------------------------------------------------------- chance */

static bool
run_world(void)
{
	world_start(HW_INVPCID);
	if (setjmp(world_panic) != 0) {
		log_print();
		return false;
	}
	for (unsigned k = 0; k < STEPS_PER_WORLD && !world_failed; k++)
		step_any();
	return !world_failed;
}

TEST(no_random_sequence_breaks_a_property)
{
	bool ok = true;

	hw.blind = false;
	rnd_state = 1181783497276652981ull;
	for (unsigned i = 0; i < 300 && ok; i++)
		ok = run_world();
	OK(ok);
}

/*
 * Every short sequence of a menu, by two domains, around address 0: fork,
 * unlink, widen, make, link, copy, map, and the same on tables that nobody
 * reaches yet.
 */
#ifndef DEPTH
#define DEPTH	5u			/* 7 takes minutes */
#endif
#define SEEN	(1u << 18)
#define TABLES	3u			/* of each level at most */
#define FRAMES	2u

static exo_ppn menu_root;		/* of domain 2 */
static unsigned menu_calls, menu_states;

static struct seen {
	uint64_t hash;
	unsigned left;			/* depth that was searched below */
} seen[SEEN];

/* The table of the actor's that translates address 0 at a level, or 0. */
static exo_ppn
path(uint32_t level)
{
	exo_ppn t = cur_domain()->root;

	for (uint32_t l = 4; l > level && t != 0; l--)
		t = EXO_PTE_PPN(((uint64_t *)page_kva(t))[0]);
	return t;
}

static uint64_t
entry(exo_ppn t)
{
	return ((uint64_t *)page_kva(t))[0];
}

/* The first or second loose table of the actor's. */
static exo_ppn
loose(uint32_t level, unsigned which)
{
	for (exo_ppn t = FIRST; t < NFRAMES; t++)
		if (fits_loose(&pages[t], EXO_PG_PT1 + level - 1) &&
		    which-- == 0)
			return t;
	return 0;
}

/* A data frame of the actor's name: mapped or not. */
static exo_ppn
data(bool mapped)
{
	for (exo_ppn f = FIRST; f < NFRAMES; f++)
		if (pages[f].kind == EXO_PG_DATA &&
		    (pages[f].maps > 0) == mapped &&
		    cap_check(S_OWN, &page_guards[f].name, 0) == 0)
			return f;
	return 0;
}

static unsigned
count(uint32_t kind)
{
	unsigned n = 0;

	for (exo_ppn f = FIRST; f < NFRAMES; f++)
		n += pages[f].kind == kind;
	return n;
}

static long
menu_make(uint32_t level)
{
	exo_ppn t;

	if (count(EXO_PG_PT1 + level - 1) >= TABLES)
		return -1;
	t = machine.free_head;
	(void)CALL_ALLOC(S_OWN, EXO_PG_PT1 + level - 1, t);
	if (level == 1) {
		exo_ppn r = machine.free_head;

		(void)CALL_ALLOC(S_OWN, EXO_PG_RMAP, r);
		(void)CALL_PAIR(t, r);
	}
	return 0;
}

static long
menu_fork(void)
{
	if (running() != 1 || domains[2].state != EXO_DOM_FREE)
		return -1;
	(void)CALL_COPY(menu_root, 0, 0, 1);
	return CALL_CREATE(menu_root);
}

/* Choices on one level, 2 to 4. */
static long
menu_level(unsigned op, uint32_t level)
{
	exo_ppn t = path(level), u = loose(level - 1, op == 3);

	switch (op) {
	case 0:
		return CALL_SET(t, 0, 0, S_OWN);
	case 1:
		return CALL_SET(t, 0, entry(t) | EXO_PTE_W, S_OWN);
	case 2:
	case 3:
		return CALL_SET(t, 0, EXO_PTE(u, EXO_PTE_W), S_OWN);
	case 4:
		return menu_make(level - 1);
	default:
		return CALL_COPY(u, 0, 0, 1);
	}
}
#define MENU_LEVEL	6u

/* Choices on the frame at address 0, or in a loose PT1. */
static long
menu_map(unsigned op, exo_ppn t)
{
	exo_ppn f = machine.free_head;

	switch (op) {
	case 0:
		if (count(EXO_PG_DATA) >= FRAMES)
			return -1;
		(void)CALL_ALLOC(S_OWN, EXO_PG_DATA, f);
		return CALL_SET(t, 0, EXO_PTE(f, EXO_PTE_W | EXO_PTE_NX),
		    S_OWN);
	case 1:
		return CALL_SET(t, 0, EXO_PTE(data(false), EXO_PTE_W |
		    EXO_PTE_NX), S_OWN);
	case 2:
		return CALL_SET(t, 0, EXO_PTE(data(true), EXO_PTE_NX), S_OWN);
	case 3:
		return CALL_SET(t, 0, entry(t) | EXO_PTE_W, S_OWN);
	case 4:
		return CALL_SET(t, 0, entry(t) & ~EXO_PTE_W, S_OWN);
	default:
		return CALL_SET(t, 0, 0, S_OWN);
	}
}
#define MENU_MAP	6u

static long
menu_empty(void)
{
	for (exo_ppn t = FIRST; t < NFRAMES; t++)
		if (pages[t].flags & EXO_PF_EMPTY)
			return CALL_EMPTY(t, 0, 2);
	return -1;
}

/* Choice `op` by the running domain: below zero, nothing changed. */
static long
menu(unsigned op)
{
	if (op < 3 * MENU_LEVEL)
		return menu_level(op % MENU_LEVEL, 2 + op / MENU_LEVEL);
	op -= 3 * MENU_LEVEL;
	if (op < MENU_MAP)
		return menu_map(op, path(1));
	op -= MENU_MAP;
	if (op < MENU_MAP)
		return menu_map(op, loose(1, 0));
	op -= MENU_MAP;
	if (op == 0)
		return menu_fork();
	if (op == 1)
		return menu_empty();
	return CALL_COPY(path(2), 1, 0, 1);	/* an alias */
}
#define MENU	(3 * MENU_LEVEL + 2 * MENU_MAP + 3)

static uint64_t
hash_words(const void *p, size_t bytes, uint64_t h)
{
	const uint64_t *w = p;

	for (size_t i = 0; i < bytes / 8; i++)
		h = (h ^ w[i]) * 0x9e3779b97f4a7c15ull, h ^= h >> 29;
	return h;
}
_Static_assert(sizeof(struct world) % 8 == 0, "whole words");

/* Was this state searched as deep already?  If not, it is now. */
static bool
seen_before(const struct world *w, unsigned left)
{
	uint64_t h = hash_words(w->pages, sizeof(w->pages), 1);
	struct seen *at;

	h = hash_words(w->low, sizeof(w->low), h);
	h = hash_words(gifts.given, sizeof(gifts.given) & ~7ul, h);
	h = hash_words(w->dom, sizeof(w->dom), h);
	for (at = &seen[h % SEEN]; at->hash != 0 && at->hash != h;)
		at = at + 1 == seen + SEEN ? seen : at + 1;
	if (at->hash == h && at->left >= left)
		return true;
	menu_states += at->hash == 0;
	hw_check(menu_states < SEEN / 2);
	*at = (struct seen){ h, left };
	return false;
}

static bool
menu_all(unsigned depth)
{
	static struct world saved[DEPTH];
	static struct gifts saved_gifts[DEPTH];
	unsigned log = log_next;

	if (depth == DEPTH)
		return true;
	world_save(&saved[depth]);
	saved_gifts[depth] = gifts;
	if (seen_before(&saved[depth], DEPTH - depth))
		return true;
	for (unsigned op = 0; op < 2 * MENU; op++) {
		uint32_t actor = 1 + op % 2;
		long r = -1;

		if (domains[actor].state == EXO_DOM_LIVE) {
			cpu0.seat = &seats[actor];
			r = menu(op / 2);
			menu_calls++;
		}
		if (world_failed || (r >= 0 && !menu_all(depth + 1)))
			return false;
		world_load(&saved[depth]);
		gifts = saved_gifts[depth];
		views_take(view_before);
		log_next = log;
	}
	return true;
}

static bool
menu_run(void)
{
	hw.blind = true;
	world_start(HW_PLAIN);
	if (setjmp(world_panic) != 0) {
		log_print();
		return false;
	}
	step_build_at(0, EXO_PTE_W | EXO_PTE_NX);
	menu_root = machine.free_head;
	(void)CALL_ALLOC(S_OWN, EXO_PG_PT4, menu_root);
	return menu_all(0);
}

TEST(no_short_sequence_breaks_a_property)
{
	OK(menu_run());
	printf("# %u states, %u calls\n", menu_states, menu_calls);
}

int
main(void)
{
	return tap_main();
}
