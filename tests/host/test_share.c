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

	rnd_state = 1181783497276652981ull;
	for (unsigned i = 0; i < 300 && ok; i++)
		ok = run_world();
	OK(ok);
}

int
main(void)
{
	return tap_main();
}
