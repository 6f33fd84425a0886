/*
 * tlb.c - the TLB rule, and PCIDs.
 *
 * After a call that narrows, moves or removes a translation returns, no CPU
 * can use the old one under any PCID.
 *
 * A *context* is what CR3 names: a root and a PCID.  A domain with a tag of
 * its own keeps it across switches (CR3 bit 63); one without runs under PCID
 * 0, and each load of its CR3 drops what PCID 0 held.
 *
 * Invariants: (1) a tag is bound to at most one domain, and only that domain's
 *                 cr3 has it.
 *             (2) the loaded CR3's tag is 0 or bound: whoever unbinds it loads
 *                 another.
 *             (3) a tag is bound only while it is clean, so that a first load
 *                 may keep what it holds.
 *             (4) a context that is neither loaded nor tagged holds nothing
 *                 that will be used: its next load drops PCID 0.
 * Guarded by: capability (pcid_guards).  Published: EXO_PCIDS.
 */
#include "tlb.h"
#include "domain.h"
#include "hw.h"
#include "panic.h"
#include "sys.h"
#include "table.h"

#define CR3_NOFLUSH	(1ul << 63)
#define CR3_PCID	0xffful

/* INVPCID types. */
#define INVPCID_PAGE	0
#define INVPCID_TAG	1
#define INVPCID_ALL	3		/* but globals, which no user has */

enum flush { FLUSH_PAGE, FLUSH_CONTEXT, FLUSH_ALL };

struct exo_pcid pcids[NPCIDS] __attribute__((aligned(4096)));
uint64_t tlb_kernel_cr3;
bool tlb_has_pcid, tlb_has_invpcid;

static struct guard pcid_guards[NPCIDS];
static uint32_t pcids_bound;

void
tlb_boot(uint64_t kernel_cr3, bool has_pcid, bool has_invpcid)
{
	tlb_kernel_cr3 = kernel_cr3;
	tlb_has_pcid = has_pcid;
	tlb_has_invpcid = has_pcid && has_invpcid;
	for (uint32_t i = 0; i < NPCIDS; i++)
		pcids[i] = (struct exo_pcid){ .account = EXO_NONE,
		    .domain = EXO_NONE, .clean = 1 };
}

uint64_t
tlb_cr3(const struct domain *d)
{
	uint64_t root = (uint64_t)d->root << 12, tag = d->pub->pcid;

	return tag == 0 ? root : root | tag | CR3_NOFLUSH;
}

/*
 * This CPU.
 */
static void
cr3_keep(uint64_t cr3)
{
	counters.noflush++;
	hw_set_cr3(cr3 | CR3_NOFLUSH);
}

static void
invpcid(uint64_t type, uint64_t tag, uint64_t va)
{
	counters.invpcid++;
	hw_invpcid(type, tag, va);
}

/* A tag that is not loaded.  The kernel's root brings nothing new into it. */
static void
tag_flush_here(uint64_t tag)
{
	uint64_t now;

	if (tlb_has_invpcid) {
		invpcid(INVPCID_TAG, tag, 0);
		return;
	}
	now = hw_cr3();
	hw_set_cr3(tlb_kernel_cr3 | tag);
	cr3_keep(now);
}

static void
flush_all_here(void)
{
	if (pcids_bound == 0)
		hw_set_cr3(hw_cr3());
	else if (tlb_has_invpcid)
		invpcid(INVPCID_ALL, 0, 0);
	else
		hw_flush_all();
}

static void
flush_here(enum flush what, uint64_t context, uint64_t va)
{
	uint64_t tag = tlb_has_pcid ? context & CR3_PCID : 0;

	if (what == FLUSH_ALL)
		flush_all_here();
	else if (hw_cr3() == context) {
		if (what == FLUSH_PAGE)
			hw_invlpg(va);
		else
			hw_set_cr3(context);
	} else if (tag != 0) {
		if (what == FLUSH_PAGE && tlb_has_invpcid)
			invpcid(INVPCID_PAGE, tag, va);
		else
			tag_flush_here(tag);
	}
}

/*
 * All CPUs.  A second CPU would be sent these arguments here, and waited for.
 */
static void
flush(enum flush what, uint64_t context, uint64_t va)
{
	flush_here(what, context, va);
}

static void
tag_flush(uint64_t tag)
{
	counters.pcid_flushes++;
	tag_flush_here(tag);
}

void
tlb_page(uint32_t dom_index, uint64_t va)
{
	const struct domain *d = domain_at(dom_index);

	counters.tlb_page++;
	if (d != NULL)
		flush(FLUSH_PAGE, d->cr3 & ~CR3_NOFLUSH, va);
}

void
tlb_context(uint32_t dom_index)
{
	const struct domain *d = domain_at(dom_index);

	counters.tlb_context++;
	if (d != NULL)
		flush(FLUSH_CONTEXT, d->cr3 & ~CR3_NOFLUSH, 0);
}

void
tlb_all(void)
{
	counters.tlb_all++;
	flush(FLUSH_ALL, 0, 0);
}

/*
 * Tags.
 */

/*
 * Unbind a tag; its domain has this CR3 from now on, and so has a CPU that
 * runs it.  The tag stays dirty until somebody binds it.
 */
static void
tag_unbind(uint32_t pcid, struct domain *d, uint64_t cr3)
{
	d->pub->pcid = 0;
	d->cr3 = cr3;
	pcids[pcid].domain = EXO_NONE;
	pcids_bound--;
	if ((hw_cr3() & CR3_PCID) == pcid)
		hw_set_cr3(cr3);
}

static void
tag_take(uint32_t pcid)
{
	struct domain *d;

	if (pcids[pcid].domain == EXO_NONE)
		return;
	d = domain_at(pcids[pcid].domain);
	assert(d != NULL && d->pub->pcid == pcid);
	tag_unbind(pcid, d, (uint64_t)d->root << 12);
}

void
pcid_drop(struct domain *d)
{
	if (d->pub->pcid != 0)
		tag_unbind(d->pub->pcid, d, tlb_kernel_cr3);
	d->cr3 = tlb_kernel_cr3;
}

void
pcid_release(uint32_t pcid)
{
	tag_take(pcid);
	acct_refund(pcids[pcid].account, EXO_RES_PCIDS, 1);
	pcids[pcid].account = EXO_NONE;
	pcid_guards[pcid] = (struct guard){ .serial = 0 };
}

static void
tag_bind(uint32_t pcid, struct domain *d)
{
	struct exo_pcid *p = &pcids[pcid];

	tag_take(pcid);
	if (!p->clean)
		tag_flush(pcid);
	p->domain = EXO_INDEX(d->id);
	p->clean = 0;
	p->binds++;
	pcids_bound++;
	counters.pcid_binds++;
	d->pub->pcid = (uint16_t)pcid;
	d->cr3 = tlb_cr3(d);
	/* Or narrowing calls would look for it under its new tag. */
	if (d == cur_domain())
		cr3_keep(d->cr3);
}

/* Errors: NODEV; ARG; TYPE free; SLOT, DENIED, RIGHTS. */
static long
pcid_check(exo_slot slot, uint32_t pcid, uint32_t need)
{
	if (!tlb_has_pcid)
		return -EXO_E_NODEV;
	if (pcid == 0 || pcid >= NPCIDS)
		return -EXO_E_ARG;
	if (pcids[pcid].account == EXO_NONE)
		return -EXO_E_TYPE;
	return cap_check(slot, &pcid_guards[pcid].name, need);
}

/*
 * pcid_alloc: NAME; SLOT, DENIED, RIGHTS (CHARGE); STATE; SLOT guard; NODEV;
 * ARG; BUSY; QUOTA.
 */
long
sys_pcid_alloc(exo_id acct, exo_slot slot, exo_slot guard, uint32_t pcid)
{
	long a = acct_charging(acct, slot), r;
	struct guard g;

	if (a < 0)
		return a;
	r = cap_guard(guard, &g);
	if (r < 0)
		return r;
	if (!tlb_has_pcid)
		return -EXO_E_NODEV;
	if (pcid == 0 || pcid >= NPCIDS)
		return -EXO_E_ARG;
	if (pcids[pcid].account != EXO_NONE)
		return -EXO_E_BUSY;
	if (!acct_room((uint32_t)a, EXO_RES_PCIDS, 1))
		return -EXO_E_QUOTA;
	/* Act. */
	acct_charge((uint32_t)a, EXO_RES_PCIDS, 1);
	pcids[pcid].account = (uint32_t)a;
	pcid_guards[pcid] = g;
	return 0;
}

/*
 * pcid_bind: NODEV; ARG; TYPE free; SLOT, DENIED, RIGHTS (USE); NAME; SLOT,
 * DENIED, RIGHTS (CONTROL); STATE; BUSY the domain has another.
 */
long
sys_pcid_bind(exo_slot slot, uint32_t pcid, exo_slot dslot, exo_id dom)
{
	long r = pcid_check(slot, pcid, EXO_R_USE);
	struct domain *d;

	if (r < 0)
		return r;
	r = domain_check(dom, dslot, EXO_R_CONTROL, &d);
	if (r < 0)
		return r;
	if (!domain_live(d))
		return -EXO_E_STATE;
	if (d->pub->pcid == pcid)
		return 0;
	if (d->pub->pcid != 0)
		return -EXO_E_BUSY;
	/* Act. */
	tag_bind(pcid, d);
	return 0;
}

/* pcid_free: NODEV; ARG; TYPE; SLOT, DENIED, RIGHTS (FREE). */
long
sys_pcid_free(exo_slot slot, uint32_t pcid)
{
	long r = pcid_check(slot, pcid, EXO_R_FREE);

	if (r < 0)
		return r;
	/* Act. */
	pcid_release(pcid);
	return 0;
}
