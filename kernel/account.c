/*
 * account.c - who is charged for what.
 *
 * A limit is carved from the parent's, so whoever holds an account shares it
 * out as he likes and nobody is promised what is not there.
 *
 * Invariants: (1) used[r] is what the account itself was charged and the
 *		   limits of its children; used[r] <= limit[r].
 *	       (2) the heir is the parent or above it, and no account ends
 *		   before its children: so an heir is always there.
 *	       (3) nothing is charged to an account that is DYING, but by the
 *		   end of one below it, whose heir it is.
 *	       (4) trees are at most ACCT_DEPTH deep.
 *	       (5) while an ask is open, target < used == limit.
 * Guarded by: capability.  Published: EXO_ACCTS.
 *
 * The end of an account (acct_reap) is taken in steps.  Its domains and envs
 * die; what it had taken by name goes back; of its frames, those that nobody
 * reaches are freed, and the others pass to the heir with as much of the
 * limits as they need, so that the heir can't be driven past its own.
 */
#include "account.h"
#include "as.h"
#include "env.h"
#include "panic.h"
#include "pure/rows.h"
#include "sys.h"
#include "table.h"
#include "tlb.h"
#include "user.h"

#define ACCT_DEPTH	32u
#define END_ENTRIES	16u		/* of a table, cleared in a step */
#define END_LOOK	16u		/* frames looked at in a step */

static struct record {
	struct guard guard;
	uint64_t links;			/* of a FREE row: pure/rows.h */
	uint32_t depth;			/* the root account's: 0 */
	uint32_t stage, at;		/* of its end */
	uint32_t debt_part;		/* slice_debt's TSC units, less than a
					 * tick */
} records[NACCTS];

static struct rows free_rows = { &records[0].links, sizeof(struct record),
    0 };

static struct exo_acct *
acct_find(exo_id acct, uint32_t *index)
{
	uint32_t i = EXO_INDEX(acct);

	if (i >= NACCTS || accts[i].state == EXO_ACCT_FREE ||
	    accts[i].gen != EXO_GEN(acct))
		return NULL;
	*index = i;
	return &accts[i];
}

long
acct_check(exo_id acct, exo_slot slot, uint32_t need)
{
	uint32_t i;
	long r;

	if (acct_find(acct, &i) == NULL)
		return -EXO_E_NAME;
	r = cap_check(slot, &records[i].guard.name, need);
	return r != 0 ? r : (long)i;
}

long
acct_charging(exo_id acct, exo_slot slot)
{
	long i = acct_check(acct, slot, EXO_R_CHARGE);

	return i < 0 || accts[i].state == EXO_ACCT_LIVE ? i : -EXO_E_STATE;
}

bool
acct_room(uint32_t acct, enum exo_res res, uint32_t n)
{
	return n <= accts[acct].limit[res] - accts[acct].used[res];
}

void
acct_charge(uint32_t acct, enum exo_res res, uint32_t n)
{
	assert(acct_room(acct, res, n));
	accts[acct].used[res] += n;
}

void
acct_debt_add(uint32_t acct, const struct slice_debt *d)
{
	struct slice_debt sum = { accts[acct].slice_debt,
	    records[acct].debt_part };

	slice_owe(&sum, d->ticks, d->part, sched_tick_tsc());
	accts[acct].slice_debt = sum.ticks;
	records[acct].debt_part = sum.part;
}

/* Debts go where slices to take go: else they stay with an account that was
 * made for that. */
static void
acct_debt_up(uint32_t acct)
{
	acct_debt_add(accts[acct].parent, &(struct slice_debt){
	    accts[acct].slice_debt, records[acct].debt_part });
	accts[acct].slice_debt = records[acct].debt_part = 0;
}

/*
 * The limit comes down with the use, to the target, and the parent is given
 * the difference: which may be asked too.
 */
void
acct_settle(uint32_t acct, enum exo_res res)
{
	while (accts[acct].ask[res].open) {
		struct exo_acct *a = &accts[acct], *p = &accts[a->parent];
		uint32_t target = a->ask[res].target;
		uint32_t keep = a->used[res] > target ? a->used[res] : target;
		uint32_t back = a->limit[res] - keep;

		if (a->used[res] <= target)
			a->ask[res] = (struct exo_ask){ .open = 0 };
		a->limit[res] = keep;
		assert(p->used[res] >= back);
		p->used[res] -= back;
		if (res == EXO_RES_SLICES && back != 0)
			acct_debt_up(acct);
		acct = a->parent;
	}
}

void
acct_record(uint32_t acct, exo_ppn ppn)
{
	struct exo_acct *a = &accts[acct];

	if (a->record != 0)
		page_unbind(a->record);
	if (ppn != 0)
		page_bind(ppn);
	a->record = ppn;
	a->recorded = 0;
}

/*
 * Of the account and those above it, but for the root account's own: accounts
 * that end leave their debts to who made them.
 */
struct slice_debt
acct_debt_take(uint32_t acct)
{
	struct slice_debt sum = { 0, 0 };

	do {
		slice_owe(&sum, accts[acct].slice_debt,
		    records[acct].debt_part, sched_tick_tsc());
		accts[acct].slice_debt = records[acct].debt_part = 0;
		acct = accts[acct].parent;
	} while (acct != ACCT_ROOT);
	return sum;
}

void
acct_boot(const uint32_t limit[EXO_RES_MAX])
{
	struct exo_acct *a = &accts[ACCT_ROOT];

	for (uint32_t i = NACCTS - 1; i != ACCT_ROOT; i--) {
		accts[i].gen = 1;
		rows_put(&free_rows, i);
	}
	a->gen = 1;
	a->state = EXO_ACCT_LIVE;
	__builtin_memcpy(a->limit, limit, sizeof(a->limit));
}

/* -------------------------------------------------------- birth, limits */

/* Is `heir` acct itself or above it? */
static bool
acct_below(uint32_t acct, uint32_t heir)
{
	while (acct != heir && acct != ACCT_ROOT)
		acct = accts[acct].parent;
	return acct == heir;
}

/* Room for a child with these limits, and for its row? */
static bool
acct_carvable(uint32_t parent, const uint32_t limit[EXO_RES_MAX])
{
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		uint64_t n = limit[r] + (r == EXO_RES_ACCTS ? 1ull : 0);

		if (n > UINT32_MAX || !acct_room(parent, r, (uint32_t)n))
			return false;
	}
	return records[parent].depth < ACCT_DEPTH;
}

/* Everything has been checked. */
static uint32_t
acct_make(uint32_t parent, uint32_t heir, const struct guard *guard,
    const uint32_t limit[EXO_RES_MAX])
{
	uint32_t i = free_rows.first;
	struct exo_acct *a = &accts[i];

	rows_take(&free_rows, i);
	records[i] = (struct record){ .guard = *guard,
	    .depth = records[parent].depth + 1 };
	*a = (struct exo_acct){ .gen = a->gen, .state = EXO_ACCT_LIVE,
	    .parent = parent, .heir = heir };
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		a->limit[r] = limit[r];
		acct_charge(parent, r, limit[r]);
	}
	acct_charge(parent, EXO_RES_ACCTS, 1);
	accts[parent].children++;
	return i;
}

/*
 * Errors: NAME; SLOT, DENIED, RIGHTS; SLOT; NAME; ARG; STATE; ADDR; QUOTA;
 * FULL.
 */
long
sys_acct_create(exo_id acct, exo_slot slot, exo_slot guard, exo_id heir,
    uint64_t limits)
{
	uint32_t limit[EXO_RES_MAX], h;
	struct guard g;
	long a = acct_check(acct, slot, EXO_R_CHARGE), r;

	if (a < 0)
		return a;
	if ((r = cap_guard(guard, &g)) != 0)
		return r;
	if (acct_find(heir, &h) == NULL)
		return -EXO_E_NAME;
	if (!acct_below((uint32_t)a, h))
		return -EXO_E_ARG;
	if (accts[a].state != EXO_ACCT_LIVE)
		return -EXO_E_STATE;
	if ((r = user_read(limit, limits, sizeof(limit))) != 0)
		return r;
	if (!acct_carvable((uint32_t)a, limit))
		return -EXO_E_QUOTA;
	if (free_rows.first == 0)
		return -EXO_E_FULL;
	/* Act. */
	r = acct_make((uint32_t)a, h, &g, limit);
	return (long)EXO_ID(accts[r].gen, r);
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; STATE; BUSY; QUOTA. */
long
sys_acct_limit(exo_id acct, exo_slot slot, uint32_t res, int64_t amount)
{
	struct exo_acct *a, *p;
	long i = acct_check(acct, slot, EXO_R_CONTROL);

	if (i < 0)
		return i;
	if (res >= EXO_RES_MAX || i == ACCT_ROOT)
		return -EXO_E_ARG;
	a = &accts[i];
	p = &accts[a->parent];
	if (a->state != EXO_ACCT_LIVE || p->state != EXO_ACCT_LIVE)
		return -EXO_E_STATE;
	if (a->ask[res].open)
		return -EXO_E_BUSY;
	if (amount > (int64_t)p->limit[res] - p->used[res] ||
	    -(int64_t)(a->limit[res] - a->used[res]) > amount)
		return -EXO_E_QUOTA;
	/* Act. */
	a->limit[res] += (uint32_t)amount;
	p->used[res] += (uint32_t)amount;
	if (res == EXO_RES_SLICES && amount < 0)
		acct_debt_up((uint32_t)i);
	acct_settle(a->parent, res);
	return 0;
}

/* ------------------------------------------------------------------ end */

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; STATE. */
long
sys_acct_destroy(exo_id acct, exo_slot slot)
{
	long i = acct_check(acct, slot, EXO_R_KILL);

	if (i < 0)
		return i;
	if (i == ACCT_ROOT)
		return -EXO_E_ARG;
	if (accts[i].state != EXO_ACCT_LIVE)
		return -EXO_E_STATE;
	/* Act. */
	accts[i].state = EXO_ACCT_DYING;
	return 0;
}

/*
 * The stages.  Tables are emptied from the top down, so that what only they
 * reached is unreferenced when its turn comes; companions go after their
 * tables.
 */
enum stage {
	END_CHILDREN,		/* they die too; who reaps them, reaps them */
	END_DOMAINS,
	END_ENVS,
	END_RECORD,
	END_SLICES,
	END_PCIDS,
	END_PT4,
	END_PT3,
	END_PT2,
	END_PT1,
	END_FRAMES,
	END_COMPANIONS,
	END_DONE
};

/* What became of a step. */
enum step {
	STEP_DID,
	STEP_NEXT,			/* nothing is left in this stage */
	STEP_BUSY			/* somebody else must do something */
};

static enum step
end_child(uint32_t acct, struct record *rec)
{
	struct exo_acct *c;

	if (accts[acct].children == 0)
		return STEP_NEXT;
	if (rec->at >= NACCTS)
		return STEP_BUSY;
	c = &accts[rec->at++];
	if (c->state == EXO_ACCT_LIVE && c->parent == acct &&
	    c != &accts[ACCT_ROOT])
		c->state = EXO_ACCT_DYING;
	return STEP_DID;
}

static enum step
end_domain(uint32_t acct, struct record *rec)
{
	struct exo_domain *p;
	struct domain *d;

	if (accts[acct].used[EXO_RES_DOMAINS] == 0 || rec->at >= ndomains)
		return STEP_NEXT;
	p = &domains[rec->at];
	if (p->state == EXO_DOM_FREE || p->account != acct) {
		rec->at++;
		return STEP_DID;
	}
	d = domain_at(rec->at);
	if (p->state == EXO_DOM_LIVE)
		domain_die(d, EXO_CAUSE_ACCOUNT, 0);
	else if (p->state == EXO_DOM_DEAD)
		domain_reap_steps(d, 1);
	else
		domain_row_free(rec->at);
	return STEP_DID;
}

static enum step
end_env(uint32_t acct, struct record *rec)
{
	struct exo_env *p;
	struct env *e;

	if (accts[acct].used[EXO_RES_ENVS] == 0 || rec->at >= nenvs)
		return STEP_NEXT;
	p = &envs[rec->at];
	if (p->state == EXO_ENV_FREE || p->account != acct) {
		rec->at++;
		return STEP_DID;
	}
	e = env_at(rec->at);
	if (p->state == EXO_ENV_DEAD)
		env_reap_steps(e, 1);
	else if (p->state == EXO_ENV_ENDED)
		env_row_free(rec->at);
	else if (!(p->pending & EXO_PEND_KILL))
		env_end(e, EXO_CAUSE_ACCOUNT, 0);
	else if (e != cpu()->env && machine.ticks >= e->deadline)
		env_pull_home(e);
	else
		return STEP_BUSY;	/* abroad, for the grace at most */
	return STEP_DID;
}

static enum step
end_record(uint32_t acct)
{
	if (accts[acct].record == 0)
		return STEP_NEXT;
	acct_record(acct, 0);
	return STEP_DID;
}

static enum step
end_slice(uint32_t acct, struct record *rec)
{
	uint32_t i = rec->at;

	if (accts[acct].used[EXO_RES_SLICES] == 0 ||
	    i >= machine.ncpus * machine.nslices)
		return STEP_NEXT;
	rec->at++;
	if (slices[i].account == acct)
		slice_release(i);
	return STEP_DID;
}

static enum step
end_pcid(uint32_t acct, struct record *rec)
{
	uint32_t i = rec->at;

	if (accts[acct].used[EXO_RES_PCIDS] == 0 || i >= machine.npcids)
		return STEP_NEXT;
	rec->at++;
	if (pcids[i].account == acct)
		pcid_release(i);
	return STEP_DID;
}

/*
 * A frame that is still in use passes to the heir.  Each account between gives
 * up as much of its limit, and so has that much less carved out of its own
 * parent: in the end the heir is charged for a frame where it was charged for
 * a child's limit.
 */
static void
frame_inherit(uint32_t acct, exo_ppn ppn)
{
	struct exo_acct *a = &accts[acct];
	struct exo_page *p = &pages[ppn];
	uint32_t heir = a->heir;

	if (p->next != 0)
		pages[p->next].prev = p->prev;
	if (p->prev != 0)
		pages[p->prev].next = p->next;
	else
		a->frames = p->next;
	p->account = heir;
	p->prev = 0;
	p->next = accts[heir].frames;
	if (p->next != 0)
		pages[p->next].prev = ppn;
	accts[heir].frames = ppn;

	for (uint32_t i = acct; i != heir; i = accts[i].parent) {
		accts[i].used[EXO_RES_FRAMES]--;
		accts[i].limit[EXO_RES_FRAMES]--;
		acct_settle(i, EXO_RES_FRAMES);
	}
}

/*
 * The account's frames from rec->at on; it is 0 at the start of a stage.  If
 * its holder freed that very frame meanwhile, the stage begins again: no frame
 * is added to the list, so that has an end.
 */
static exo_ppn
end_frame_at(uint32_t acct, struct record *rec)
{
	if (rec->at == 0 || !page_owned(rec->at) ||
	    pages[rec->at].account != acct)
		rec->at = accts[acct].frames;
	return rec->at;
}

/* To the frame behind; false: that was the last. */
static bool
end_frame_next(struct record *rec, exo_ppn next)
{
	rec->at = next;
	return next != 0;
}

/* Empty the unreferenced tables of one level. */
static enum step
end_table(uint32_t acct, struct record *rec, uint32_t kind)
{
	exo_ppn ppn = end_frame_at(acct, rec);
	const struct exo_page *p = &pages[ppn];

	if (ppn == 0)
		return STEP_NEXT;
	for (uint32_t i = 0; i < END_LOOK && p->kind != kind; i++) {
		if (p->next == 0)
			return STEP_NEXT;
		rec->at = p->next;
		p = &pages[rec->at];
	}
	if (p->kind != kind)
		return STEP_DID;
	if (p->refs == 0 && p->entries != 0 &&
	    as_empty_table(rec->at, END_ENTRIES) != 0 && p->entries != 0)
		return STEP_DID;
	return end_frame_next(rec, p->next) ? STEP_DID : STEP_NEXT;
}

/* Free what is idle and give the rest to the heir; companions last. */
static enum step
end_frame(uint32_t acct, struct record *rec, bool companions)
{
	exo_ppn ppn = end_frame_at(acct, rec), next;

	for (uint32_t i = 0; i < END_LOOK && ppn != 0; i++, ppn = next) {
		next = pages[ppn].next;
		if (pages[ppn].kind == EXO_PG_RMAP && !companions)
			continue;
		if (page_idle(ppn))
			page_release(ppn);
		else
			frame_inherit(acct, ppn);
	}
	return end_frame_next(rec, ppn) ? STEP_DID : STEP_NEXT;
}

static enum step
end_step(uint32_t acct, struct record *rec)
{
	switch ((enum stage)rec->stage) {
	case END_CHILDREN:
		return end_child(acct, rec);
	case END_DOMAINS:
		return end_domain(acct, rec);
	case END_ENVS:
		return end_env(acct, rec);
	case END_RECORD:
		return end_record(acct);
	case END_SLICES:
		return end_slice(acct, rec);
	case END_PCIDS:
		return end_pcid(acct, rec);
	case END_PT4:
		return end_table(acct, rec, EXO_PG_PT4);
	case END_PT3:
		return end_table(acct, rec, EXO_PG_PT3);
	case END_PT2:
		return end_table(acct, rec, EXO_PG_PT2);
	case END_PT1:
		return end_table(acct, rec, EXO_PG_PT1);
	case END_FRAMES:
		return end_frame(acct, rec, false);
	case END_COMPANIONS:
		return end_frame(acct, rec, true);
	case END_DONE:
		break;
	}
	return STEP_NEXT;
}

/* Nothing is left: the limits go back to the parent, and the row is free. */
static void
acct_free(uint32_t acct)
{
	struct exo_acct *a = &accts[acct];
	uint32_t gen = a->gen + 1, parent = a->parent;

	assert(a->frames == 0 && a->children == 0);
	for (uint32_t r = 0; r < EXO_RES_MAX; r++) {
		assert(a->used[r] == 0);
		acct_refund(parent, r, a->limit[r]);
	}
	acct_refund(parent, EXO_RES_ACCTS, 1);
	acct_debt_up(acct);
	accts[parent].children--;
	*a = (struct exo_acct){ .gen = gen, .state = EXO_ACCT_FREE };
	records[acct] = (struct record){ .depth = 0 };
	if (gen != 0)			/* else its names are used up */
		rows_put(&free_rows, acct);
}

/* Did the caller's own end come with somebody else's? */
static bool
caller_lives(const struct env *e)
{
	return cpu()->env == e && !cpu()->switched &&
	    e->pub->state == EXO_ENV_READY && domain_live(cur_domain());
}

/*
 * The last call, which finds nothing to do, frees the row and returns 0.
 * Errors: NAME; STATE; BUSY.
 */
long
sys_acct_reap(exo_id acct, uint64_t n)
{
	struct env *me = cpu()->env;
	enum step step = STEP_DID;
	struct record *rec;
	uint64_t did = 0;
	uint32_t i;

	if (acct_find(acct, &i) == NULL)
		return -EXO_E_NAME;
	if (accts[i].state != EXO_ACCT_DYING)
		return -EXO_E_STATE;
	/* Act. */
	rec = &records[i];
	if (n > EXO_STEPS_MAX)
		n = EXO_STEPS_MAX;
	while (did < n && rec->stage != END_DONE && caller_lives(me)) {
		step = end_step(i, rec);
		if (step == STEP_BUSY)
			break;
		did++;
		if (step == STEP_NEXT) {
			rec->stage++;
			rec->at = 0;
		}
	}
	counters.reap_steps += did;
	if (cpu()->env == me && !cpu()->switched)
		(void)sched_settle();
	if (did == 0 && step == STEP_BUSY)
		return -EXO_E_BUSY;
	if (did == 0 && n != 0 && rec->stage == END_DONE)
		acct_free(i);
	return (long)did;
}
