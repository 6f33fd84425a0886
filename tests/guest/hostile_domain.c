/*
 * hostile_domain.c - domains against bad arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"

static const uint32_t limits[EXO_RES_MAX] = { 96, 0, 2, 2 };
static const struct cell_opts small = { .limits = limits };

HOSTILE(domain_create, capabilities)
{
	exo_ppn d = frame_of(EXO_PG_DOMAIN), r = frame_of(EXO_PG_PT4);
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_create(i, l.name, l.name, EXO_NONE, d, r),
	    l.acct);
	REFUSED_CAP(exo_domain_create(l.acct, s, l.name, EXO_NONE, d, r),
	    l.name, EXO_R_CHARGE);
	REFUSED_SLOT(exo_domain_create(l.acct, l.name, s, EXO_NONE, d, r));
	must(exo_acct_destroy(l.acct, l.name));
	REFUSED(exo_domain_create(l.acct, l.name, l.name, EXO_NONE, d, r),
	    STATE);
	lab_end(&l);
}

static long
create(uint32_t want, exo_ppn frame, exo_ppn root)
{
	return exo_domain_create(self->acct, self->acct_slot,
	    self->memory_slot, want, frame, root);
}

HOSTILE(domain_create, frames)
{
	exo_ppn d = frame_of(EXO_PG_DOMAIN), r = frame_of(EXO_PG_PT4);
	exo_ppn mine = EXO_DOMAINS[EXO_INDEX(self->domain)].frame;
	struct lab l;

	lab_make(&l);
	REFUSED(create(0, d, r), ARG);
	REFUSED(create(EXO_MACHINE->ndomains, d, r), ARG);
	REFUSED(create(EXO_NONE - 1, d, r), ARG);
	REFUSED(create(EXO_NONE, 0, r), ARG);
	REFUSED(create(EXO_NONE, d, 0), ARG);
	REFUSED_FRAME(create(EXO_NONE, f, r), ARG);
	REFUSED_FRAME(create(EXO_NONE, d, f), ARG);
	REFUSED_KIND(create(EXO_NONE, f, r), KIND(DOMAIN), TYPE);
	REFUSED_KIND(create(EXO_NONE, d, f), KIND(PT4), TYPE);
	REFUSED(create(EXO_NONE, others_frame(EXO_PG_DOMAIN), r), REACH);
	REFUSED(create(EXO_NONE, d, others_frame(EXO_PG_PT4)), REACH);
	/* In use: another's record, my own (which the kernel made); a root. */
	REFUSED(create(EXO_NONE, l.dframe, r), BUSY);
	REFUSED(create(EXO_NONE, mine, r), REACH);
	REFUSED(create(EXO_NONE, d, l.root), REACH);
	REFUSED(create(EXO_INDEX(self->domain), d, r), BUSY);
	REFUSED(create(EXO_INDEX(l.domain), d, r), BUSY);
	lab_end(&l);
}

/* A root that a dead domain leaves must be emptied first. */
HOSTILE(domain_create, left_root)
{
	exo_ppn pt3;
	struct lab l;

	lab_make(&l);
	pt3 = lab_frame(&l, EXO_PG_PT3);
	must(exo_domain_kill(l.domain, l.name, 0));
	domain_finish(l.domain);
	must(exo_domain_free(l.domain, l.name));
	must(exo_pt_set(0, l.root, 7, EXO_PTE(pt3, EXO_PTE_W), 0));
	l.domain = (exo_id)must(exo_domain_create(l.acct, l.name, l.name,
	    EXO_NONE, l.dframe, l.root));
	must(exo_domain_kill(l.domain, l.name, 0));
	domain_finish(l.domain);
	must(exo_domain_free(l.domain, l.name));
	REFUSED(create(EXO_NONE, l.dframe, l.root), EMPTY);
	EQ(exo_pt_empty(l.root, 0, 255), 0);
	must(exo_domain_create(l.acct, l.name, l.name, EXO_NONE, l.dframe,
	    l.root));
	lab_end(&l);
}

HOSTILE(domain_create, quota)
{
	exo_ppn d = frame_of(EXO_PG_DOMAIN), r = frame_of(EXO_PG_PT4);
	struct lab l;

	lab_make(&l);
	must(exo_acct_limit(l.acct, l.name, EXO_RES_DOMAINS, -7));
	REFUSED(exo_domain_create(l.acct, l.name, l.name, EXO_NONE, d, r),
	    QUOTA);
	lab_end(&l);
}

HOSTILE(domain_kill, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_kill(i, l.name, 0), l.domain);
	REFUSED_CAP(exo_domain_kill(l.domain, s, 0), l.name, EXO_R_KILL);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_domain_kill(l.domain, l.name, 0), STATE);
	domain_finish(l.domain);
	REFUSED(exo_domain_kill(l.domain, l.name, 0), STATE);
	must(exo_domain_free(l.domain, l.name));
	REFUSED(exo_domain_kill(l.domain, l.name, 0), NAME);
	lab_end(&l);
}

HOSTILE(domain_reap, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_reap(i, 1), l.domain);
	REFUSED(exo_domain_reap(l.domain, 1), STATE);
	REFUSED(exo_domain_reap(self->domain, ~0ul), STATE);
	must(exo_domain_kill(l.domain, l.name, 0));
	EQ(exo_domain_reap(l.domain, 0), 0);
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].state, EXO_DOM_DEAD);
	while (must(exo_domain_reap(l.domain, 1)) > 0)
		;
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].state, EXO_DOM_ENDED);
	REFUSED(exo_domain_reap(l.domain, 1), STATE);
	must(exo_domain_free(l.domain, l.name));
	REFUSED(exo_domain_reap(l.domain, 1), NAME);
	lab_end(&l);
}

HOSTILE(domain_free, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_free(i, l.name), l.domain);
	REFUSED_CAP(exo_domain_free(l.domain, s), l.name, EXO_R_KILL);
	REFUSED(exo_domain_free(l.domain, l.name), STATE);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_domain_free(l.domain, l.name), STATE);
	domain_finish(l.domain);
	REFUSED(exo_page_free(l.name, l.dframe, 1), BUSY);
	must(exo_domain_free(l.domain, l.name));
	REFUSED(exo_domain_free(l.domain, l.name), NAME);
	EQ(exo_page_free(l.name, l.dframe, 1), 1);
	lab_end(&l);
}

HOSTILE(domain_row, arguments)
{
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_row(i, l.name, 0, 0), l.domain);
	REFUSED_CAP(exo_domain_row(l.domain, s, 0, 0), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_domain_row(l.domain, l.name, EXO_CLASSES, 0), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, 0xffffffffu, 0), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, 0, EXO_ACTIONS), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_ENTER), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_SUSPEND), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, 0, 0x100), ARG);
	REFUSED(exo_domain_row(l.domain, l.name, 0, 0xffffffffu), ARG);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_domain_row(l.domain, l.name, 0, 0), STATE);
	lab_end(&l);
}

static const uint8_t pass[EXO_CLASSES];
static const uint64_t all[2] = { ~0ul, ~0ul };
static const uint64_t none[2] = { 1ul << EXO_NR_reply };
static const uint64_t no_reply[2] = { ~(1ul << EXO_NR_reply), ~0ul };

static long
monitor(exo_id dom, exo_slot slot, uint32_t flags)
{
	return exo_domain_monitor(dom, slot, (uint64_t)pass, (uint64_t)all,
	    flags);
}

HOSTILE(domain_monitor, arguments)
{
	uint8_t bad[EXO_CLASSES];
	struct lab l;

	lab_make(&l);
	REFUSED_ID(monitor(i, l.name, 0), l.domain);
	REFUSED_CAP(monitor(l.domain, s, 0), l.name, EXO_R_MONITOR);
	REFUSED_ADDR_RO(exo_domain_monitor(l.domain, l.name, p,
	    (uint64_t)all, 0), EXO_CLASSES);
	REFUSED_ADDR_RO(exo_domain_monitor(l.domain, l.name, (uint64_t)pass,
	    p, 0), sizeof(all));
	for (uint32_t c = 0; c < EXO_CLASSES; c++) {
		memset(bad, 0, sizeof(bad));
		bad[c] = EXO_ACTIONS;
		REFUSED(exo_domain_monitor(l.domain, l.name, (uint64_t)bad,
		    (uint64_t)all, 0), ARG);
		bad[c] = c == EXO_CLASS_EPILOGUE ? EXO_ACT_SELF : 0xff;
		REFUSED(exo_domain_monitor(l.domain, l.name, (uint64_t)bad,
		    (uint64_t)all, 0), ARG);
	}
	REFUSED(exo_domain_monitor(l.domain, l.name, (uint64_t)pass,
	    (uint64_t)no_reply, 0), ARG);
	REFUSED(monitor(l.domain, l.name, 4), ARG);
	REFUSED(monitor(l.domain, l.name, 0xffffffffu), ARG);
	REFUSED(monitor(l.domain, l.name, EXO_MON_DROP), BUSY);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(monitor(l.domain, l.name, 0), STATE);
	lab_end(&l);
}

/* Of itself, of another's client, of a monitor; in a ring. */
HOSTILE(domain_monitor, rings)
{
	struct cell a, b;
	uint64_t *in;

	cell_make(&a, &small);
	cell_make(&b, &small);
	in = (uint64_t *)&a.page->w[0];
	in[0] = 0;
	in[1] = in[2] = ~0ul;
	REFUSED(monitor(self->domain, self->domain_slot, 0), LOOP);
	must(monitor(a.domain, a.name, 0));
	/* My client becomes the monitor of b, then of me. */
	must(cell_do(&a, EXO_NR_domain_monitor, b.domain, b.name,
	    (uint64_t)in, (uint64_t)(in + 1), 0, 0));
	REFUSED(cell_do(&a, EXO_NR_domain_monitor, self->domain,
	    self->domain_slot, (uint64_t)in, (uint64_t)(in + 1), 0, 0), BUSY);
	REFUSED(cell_do(&a, EXO_NR_domain_monitor, a.domain, a.name,
	    (uint64_t)in, (uint64_t)(in + 1), 0, 0), BUSY);
	memcpy((void *)&b.page->w[0], in, 24);
	REFUSED(cell_do(&b, EXO_NR_domain_monitor, b.domain, b.name,
	    (uint64_t)&b.page->w[0], (uint64_t)&b.page->w[1], 0, 0), BUSY);
	REFUSED(monitor(b.domain, b.name, 0), BUSY);
	REFUSED(monitor(b.domain, b.name, EXO_MON_DROP), BUSY);
	/* a's mask is b's limit: it stays. */
	REFUSED(exo_domain_monitor(a.domain, a.name, (uint64_t)pass,
	    (uint64_t)none, 0), BUSY);
	cell_end(&b);
	must(monitor(a.domain, a.name, EXO_MON_DROP));
	cell_end(&a);
}

#define CHAIN	18u

HOSTILE(domain_monitor, depth)
{
	static struct cell c[CHAIN];
	uint32_t n = 0;
	long r;

	cell_make(&c[0], &small);
	must(monitor(c[0].domain, c[0].name, 0));
	do {
		volatile uint64_t *in = c[n].page->w;

		cell_make(&c[++n], &small);
		in[0] = 0;
		in[1] = in[2] = ~0ul;
		r = cell_do(&c[n - 1], EXO_NR_domain_monitor, c[n].domain,
		    c[n].name, (uint64_t)in, (uint64_t)(in + 1), 0, 0);
	} while (r == 0 && n < CHAIN - 1);
	EQ(r, -EXO_E_LOOP);
	EQ(n, 16);
	while (n > 0)
		cell_end(&c[n--]);
	cell_end(&c[0]);
}

HOSTILE(domain_handles, arguments)
{
	const exo_ppn good = frame_of(EXO_PG_HANDLES);
	exo_ppn frames[2];
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_handles(i, l.name, good, 1), l.domain);
	REFUSED_CAP(exo_domain_handles(l.domain, s, good, 1), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_domain_handles(l.domain, l.name, 0, 1), ARG);
	REFUSED_FRAME(exo_domain_handles(l.domain, l.name, f, 1), ARG);
	REFUSED(exo_domain_handles(l.domain, l.name, good, 0), ARG);
	REFUSED(exo_domain_handles(l.domain, l.name, good, 257), ARG);
	REFUSED(exo_domain_handles(l.domain, l.name, good, ~0ul), ARG);
	REFUSED(exo_domain_handles(l.domain, l.name, good, 1ul << 32), ARG);
	REFUSED(exo_domain_handles(l.domain, l.name,
	    EXO_MACHINE->nframes - 1, 2), ARG);
	REFUSED_KIND(exo_domain_handles(l.domain, l.name, f, 1),
	    KIND(HANDLES), TYPE);
	REFUSED(exo_domain_handles(l.domain, l.name,
	    others_frame(EXO_PG_HANDLES), 1), REACH);
	/* Only the first of two is right. */
	must(vm_pages(l.acct, l.name, l.name, EXO_PG_HANDLES, 1, frames));
	if (EXO_PAGES[frames[0] + 1].kind != EXO_PG_HANDLES)
		REFUSED(exo_domain_handles(l.domain, l.name, frames[0], 2),
		    TYPE);
	must(exo_domain_handles(l.domain, l.name, frames[0], 1));
	REFUSED(exo_domain_handles(l.domain, l.name, frames[0], 1), BUSY);
	REFUSED(exo_page_free(l.name, frames[0], 1), BUSY);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_domain_handles(l.domain, l.name, good, 1), STATE);
	lab_end(&l);
}

/* While there is a handle in it, a table of frames stays. */
HOSTILE(domain_handles, in_use)
{
	struct lab l;

	lab_make(&l);
	must(lab_seat(&l, 0, l.env));
	must(exo_domain_handles(l.domain, l.name, lab_frame(&l,
	    EXO_PG_HANDLES), 1));
	must(exo_handle_open(l.domain, l.name, 3, self->domain));
	must(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 3));
	REFUSED(exo_domain_handles(l.domain, l.name,
	    frame_of(EXO_PG_HANDLES), 1), BUSY);
	lab_end(&l);
}

/* The first places move: handles, and what was opened; once. */
HOSTILE(domain_handles, move_along)
{
	struct lab l;

	lab_make(&l);
	must(lab_seat(&l, 0, l.env));
	must(exo_handle_open(l.domain, l.name, 3, self->domain));
	must(exo_handle_open(l.domain, l.name, 31, self->domain));
	must(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 3));
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].named, 1);
	must(exo_domain_handles(l.domain, l.name, lab_frame(&l,
	    EXO_PG_HANDLES), 1));
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].named, 1);
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].nhandles, 32);
	REFUSED(exo_handle_open(l.domain, l.name, 3, self->domain), FULL);
	must(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 31));
	REFUSED(exo_handle_mint(l.domain, l.name, 0, 0, l.domain, 30), FULL);
	must(exo_handle_open(l.domain, l.name, 127, self->domain));
	REFUSED(exo_handle_open(l.domain, l.name, 128, self->domain), ARG);
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].named, 2);
	REFUSED(exo_domain_handles(l.domain, l.name,
	    frame_of(EXO_PG_HANDLES), 1), BUSY);
	lab_end(&l);
}

HOSTILE(domain_seats, arguments)
{
	const exo_ppn good = frame_of(EXO_PG_SEATS);
	exo_ppn frame;
	struct lab l;

	lab_make(&l);
	REFUSED_ID(exo_domain_seats(i, l.name, good), l.domain);
	REFUSED_CAP(exo_domain_seats(l.domain, s, good), l.name,
	    EXO_R_CONTROL);
	REFUSED(exo_domain_seats(l.domain, l.name, 0), ARG);
	REFUSED_FRAME(exo_domain_seats(l.domain, l.name, f), ARG);
	REFUSED_KIND(exo_domain_seats(l.domain, l.name, f), KIND(SEATS),
	    TYPE);
	REFUSED(exo_domain_seats(l.domain, l.name,
	    others_frame(EXO_PG_SEATS)), REACH);
	frame = lab_frame(&l, EXO_PG_SEATS);
	must(exo_domain_seats(l.domain, l.name, frame));
	REFUSED(exo_domain_seats(l.domain, l.name, frame), BUSY);
	must(exo_domain_kill(l.domain, l.name, 0));
	REFUSED(exo_domain_seats(l.domain, l.name, good), STATE);
	lab_end(&l);
}

HOSTILE(domain_seats, full)
{
	exo_ppn frames[65];
	struct lab l;

	lab_make(&l);
	must(vm_pages(self->acct, self->acct_slot, l.name, EXO_PG_SEATS, 65,
	    frames));
	for (uint32_t n = 0; n < 64; n++)
		must(exo_domain_seats(l.domain, l.name, frames[n]));
	EQ(EXO_DOMAINS[EXO_INDEX(l.domain)].nseats, 4 + 64 * 16);
	REFUSED(exo_domain_seats(l.domain, l.name, frames[64]), FULL);
	must(exo_domain_kill(l.domain, l.name, 0));
	domain_finish(l.domain);
	for (uint32_t n = 0; n < 65; n++)
		EQ(exo_page_free(l.name, frames[n], 1), 1);
	lab_end(&l);
}
