/*
 * test_tlb.c - the TLB rule, held to a CPU that caches all that it may.
 *
 * Random and exhaustive sequences of calls by up to four domains; after each
 * call no context that can run may keep a translation, or an entry above,
 * that its tables do not grant now.  Then the test of the test: with any one
 * flush left out, that must be noticed.
 */
#include "world.h"

#define STEPS_PER_WORLD	400u

static void
judge_tlb(void)
{
	for (uint32_t i = 1; i <= NDOM; i++) {
		const struct domain *d = &dom[i];
		uint64_t context = d->cr3 & ~HW_NOFLUSH;
		const struct hw_item *it;

		if (domains[i].state != EXO_DOM_LIVE)
			continue;
		if ((context & 0xfff) == 0 && context != hw.cr3)
			continue;	/* its next load drops what is there */
		it = hw_stale(d->root, context & 0xfff);
		if (it != NULL)
			world_fail("domain %u keeps at %#o level %u frame %u "
			    "%s%s", i, it->at, it->level, it->ppn,
			    it->w ? "w" : "", it->x ? "x" : "");
	}
	if (hw.cr3 >> 12 != cur_domain()->root)
		world_fail("CR3 is not the running domain's");
}

/* One world of random steps: did all go well? */
static bool
run_world(enum hw_mode mode)
{
	world_boot(mode);
	if (setjmp(world_panic) != 0)
		return false;
	for (unsigned k = 0; k < STEPS_PER_WORLD && !world_failed; k++)
		step_any();
	return !world_failed;
}

static bool
run_random(enum hw_mode mode, unsigned worlds)
{
	world_judge = judge_tlb;
	for (unsigned i = 0; i < worlds; i++)
		if (!run_world(mode))
			return false;
	return true;
}

#define RANDOM(name, mode)						\
	TEST(name)							\
	{								\
		rnd_state = 88172645463325252ull;			\
		OK(run_random(mode, 200));				\
	}

RANDOM(no_stale_translation_without_pcids, HW_PLAIN)
RANDOM(no_stale_translation_with_pcids, HW_PCID)
RANDOM(no_stale_translation_with_invpcid, HW_INVPCID)

/*
 * Every sequence of a menu: domain 1 has frames at two addresses under one
 * PT1; domain 2 comes by fork.
 */
#define DEPTH		5u
#define VA		0ul
#define BITS		(EXO_PTE_W | EXO_PTE_NX | EXO_PTE_A | EXO_PTE_D)

static exo_ppn menu_root, menu_pt1, menu_frame;
static unsigned menu_calls;

static exo_ppn
reached(uint32_t level)
{
	long t = cur_domain()->root == 0 ? -1 : walk(VA, level);

	return t < 0 ? 0 : (exo_ppn)t;
}

static uint64_t
entry(exo_ppn t)
{
	return ((uint64_t *)page_kva(t))[0];
}

static long
menu_pcid(uint32_t d)
{
	return CALL(sys_pcid_bind(S_SHARED, 1, 0, dom[d].id),
	    "%u: pcid_bind(1, %u)", D, d);
}

static long
menu_tables(unsigned op)
{
	exo_ppn pt1 = reached(1), pt2 = reached(2);

	switch (op) {
	case 0:
		return CALL_SET(pt1, 0, EXO_PTE(menu_frame, BITS), S_OWN);
	case 1:
		return CALL_SET(pt1, 0, entry(pt1) & ~EXO_PTE_W, S_OWN);
	case 2:
		return CALL_SET(pt1, 0, entry(pt1) & ~EXO_PTE_D, S_OWN);
	case 3:
		return CALL_SET(pt1, 1, 0, S_OWN);
	case 4:
		return CALL_SET(pt2, 0, 0, S_OWN);
	case 5:
		return CALL_SET(pt2, 0, EXO_PTE(menu_pt1, EXO_PTE_W), S_OWN);
	case 6:
		return CALL_SET(pt2, 0, entry(pt2) & ~EXO_PTE_W, S_OWN);
	default:
		return CALL_EMPTY(menu_pt1, 0, 4);
	}
}

static long
menu_fork(void)
{
	if (domains[2].state != EXO_DOM_FREE ||
	    pages[menu_root].kind != EXO_PG_PT4 || pages[menu_root].refs != 0)
		return -1;
	(void)CALL_EMPTY(menu_root, 0, 4);
	(void)CALL_COPY(menu_root, 0, VA, 1);
	return CALL_CREATE(menu_root);
}

/* Choice `op` of the menu: below zero if nothing can have changed. */
static long
menu(unsigned op)
{
	bool two = domains[2].state == EXO_DOM_LIVE;

	if (op < 8)
		return menu_tables(op);
	switch (op) {
	case 8:
		step_cow_at(VA);
		return 0;
	case 9:
		return CALL(sys_page_unmap(S_OWN, menu_frame, 1),
		    "%u: page_unmap(%u)", D, menu_frame);
	case 10:
		return menu_pcid(1);
	case 11:
		return menu_pcid(2);
	case 12:
		return menu_fork();
	case 13:
		return two ? CALL_SWITCH(3 - running()) : -1;
	case 14:
		return two ? CALL_DIE(2) : -1;
	default:
		return domains[2].state == EXO_DOM_DEAD ? CALL_REAP(2) : -1;
	}
}
#define MENU	16u

static bool
menu_all(unsigned depth)
{
	static struct world saved[DEPTH];
	static struct hw_cpu saved_hw[DEPTH];
	unsigned log = log_next;

	if (depth == DEPTH)
		return true;
	world_save(&saved[depth]);
	saved_hw[depth] = hw;
	for (unsigned op = 0; op < MENU; op++) {
		long r = menu(op);

		menu_calls++;
		if (world_failed)
			return false;
		if (r >= 0 && !menu_all(depth + 1))
			return false;
		world_load(&saved[depth]);
		hw = saved_hw[depth];
		log_next = log;
	}
	return true;
}

static bool
run_menu(enum hw_mode mode)
{
	world_judge = judge_tlb;
	world_boot(mode);
	if (setjmp(world_panic) != 0)
		return false;
	step_build_at(VA, BITS);
	step_build_at(VA + EXO_PAGE, BITS);
	menu_pt1 = reached(1);
	menu_frame = step_alloc_kind(EXO_PG_DATA, S_OWN);
	menu_root = step_alloc_kind(EXO_PG_PT4, S_OWN);
	(void)CALL(sys_pcid_alloc(0, 0, S_SHARED, 1), "pcid_alloc(1)");
	return menu_all(0);
}

TEST(no_stale_translation_in_any_short_sequence)
{
	for (int mode = 0; mode < HW_MODES; mode++)
		OK(run_menu((enum hw_mode)mode));
	printf("# %u calls\n", menu_calls);
}

/* The first site is cr3_keep(), which keeps the tag on purpose. */
#define WORLDS_PER_SEED	900u

static unsigned
worlds_until_noticed(int site)
{
	unsigned n = 0;

	seed_site = site;
	rnd_state = 88172645463325252ull;
	while (n < WORLDS_PER_SEED && run_world(n % HW_MODES))
		n++;
	seed_site = -1;
	return n;
}

TEST(every_seeded_bug_is_noticed)
{
	unsigned n, worst = 0;

	world_judge = judge_tlb;
	for (int site = SITES_FIRST + 1; site < SITES_END; site++) {
		n = worlds_until_noticed(site);
		if (n == WORLDS_PER_SEED)
			printf("# place %d\n", site - SITES_FIRST);
		OK(n < WORLDS_PER_SEED);
		worst = n > worst ? n : worst;
	}
	printf("# %d places flush; %u worlds at most\n",
	    SITES_END - SITES_FIRST - 1, worst);
}

int
main(void)
{
	return tap_main();
}
