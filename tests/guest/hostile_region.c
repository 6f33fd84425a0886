/*
 * hostile_region.c - software regions against bad arguments.
 *
 * run: --mem 64M
 */
#include "hostile.h"

#include "cell.h"

#define OFFSET		64u
#define LEN		100u		/* not a multiple of 8 */
#define INDEX		5u
#define MARK		0x5eed5eed5eed5eedull

/* A frame with a name of its own, and a region in it with another. */
struct lot {
	exo_slot frame, name;
	exo_ppn ppn;
	exo_region region;
	uint64_t serial;
};

static uint64_t
lot_make_region(struct lot *l)
{
	return (uint64_t)must(exo_region_make(l->frame, l->ppn, INDEX, OFFSET,
	    LEN, l->name));
}

static void
lot_make(struct lot *l)
{
	l->frame = fresh_name();
	l->name = fresh_name();
	must(vm_pages(self->acct, self->acct_slot, l->frame, EXO_PG_REGION, 1,
	    &l->ppn));
	l->region = EXO_REGION(l->ppn, INDEX);
	l->serial = lot_make_region(l);
}

static void
lot_end(struct lot *l)
{
	EQ(exo_page_free(l->frame, l->ppn, 1), 1);
	slot_put(l->frame);
	slot_put(l->name);
}

static uint64_t
word_at(const struct lot *l, uint64_t offset)
{
	uint64_t v = 0;

	EQ(exo_region_read(l->name, l->region, l->serial, offset,
	    (uint64_t)&v, sizeof(v)), LEN);
	return v;
}

static void
word_put(const struct lot *l, uint64_t offset, uint64_t v)
{
	EQ(exo_region_write(l->name, l->region, l->serial, offset,
	    (uint64_t)&v, sizeof(v)), 0);
}

/* ---- names: `i` in expr, and the serial `q` */

#define BAD_NAMES	12u

static exo_region
bad_name(const struct lot *l, uint32_t which)
{
	const exo_region bad[BAD_NAMES] = {
		0, INDEX, EXO_REGION(l->ppn, INDEX + 1),
		EXO_REGION(l->ppn, EXO_REGIONS), EXO_REGION(l->ppn, 0xff),
		EXO_REGION(frame_of(EXO_PG_DATA), INDEX),
		EXO_REGION(EXO_MACHINE->free_head, INDEX),
		EXO_REGION(EXO_MACHINE->nframes, INDEX),
		EXO_REGION(0xffffffffu, INDEX),
		l->region | 1ull << 40,		/* a frame beyond 32 bits */
		l->region | 1ull << 63, ~0ull,
	};

	return bad[which];
}

#define BAD_SERIALS	6u

static uint64_t
bad_serial(const struct lot *l, uint32_t which)
{
	const uint64_t bad[BAD_SERIALS] = {
		0, l->serial - 1, l->serial + 1, l->serial | 1ull << 32,
		l->serial | 1ull << 63, ~0ull,
	};

	return bad[which];
}

#define REFUSED_NAME(expr, lot)						      \
	do {								      \
		exo_region i;						      \
		uint64_t q = (lot)->serial;				      \
									      \
		for (uint32_t n_ = 0; n_ < BAD_NAMES; n_++) {		      \
			i = bad_name(lot, n_);				      \
			REFUSED(expr, NAME);				      \
		}							      \
		i = (lot)->region;					      \
		for (uint32_t n_ = 0; n_ < BAD_SERIALS; n_++) {		      \
			q = bad_serial(lot, n_);			      \
			REFUSED(expr, NAME);				      \
		}							      \
		/* There is none there, and so there is no serial. */	      \
		i = EXO_REGION((lot)->ppn, INDEX + 1);			      \
		q = 0;							      \
		REFUSED(expr, NAME);					      \
	} while (0)

/* The name of what was dropped, and of what came after it at the same place
 * under the same guard; of a frame that was freed, and is another's. */
#define REFUSED_DEAD(expr)						      \
	do {								      \
		struct lot l_;						      \
		exo_region i;						      \
		uint64_t q;						      \
		exo_slot s;						      \
									      \
		lot_make(&l_);						      \
		i = l_.region, q = l_.serial, s = l_.name;		      \
		EQ(exo_region_drop(s, i, q), 0);			      \
		REFUSED(expr, NAME);					      \
		OK(lot_make_region(&l_) != q);				      \
		REFUSED(expr, NAME);					      \
		EQ(exo_page_free(l_.frame, l_.ppn, 1), 1);		      \
		REFUSED(expr, NAME);					      \
		must(exo_page_alloc(self->acct, self->acct_slot, l_.frame,    \
		    EXO_PG_REGION, l_.ppn, 1));				      \
		REFUSED(expr, NAME);					      \
		OK(lot_make_region(&l_) != q);				      \
		REFUSED(expr, NAME);					      \
		lot_end(&l_);						      \
	} while (0)

/* ---- making */

HOSTILE(region_make, frames)
{
	struct lot l;

	lot_make(&l);
	REFUSED(exo_region_make(l.frame, 0, 0, 0, 8, l.name), ARG);
	REFUSED_FRAME(exo_region_make(l.frame, f, 0, 0, 8, l.name), ARG);
	REFUSED_KIND(exo_region_make(self->root_slot, f, 0, 0, 8, l.name),
	    KIND(REGION), TYPE);
	REFUSED_CAP(exo_region_make(s, l.ppn, 0, 0, 8, l.name), l.frame,
	    EXO_R_CONTROL);
	/* Its regions' names are not its own. */
	REFUSED(exo_region_make(l.name, l.ppn, 0, 0, 8, l.name), DENIED);
	REFUSED(exo_region_make(self->memory_slot,
	    others_frame(EXO_PG_REGION), 0, 0, 8, l.name), DENIED);
	REFUSED_SLOT(exo_region_make(l.frame, l.ppn, 0, 0, 8, s));
	EQ(EXO_PAGES[l.ppn].entries, 1);
	lot_end(&l);
}

HOSTILE(region_make, ranges)
{
	const uint32_t end = EXO_REGION_BYTES, i = INDEX + 1;
	struct lot l;

	lot_make(&l);
	REFUSED(exo_region_make(l.frame, l.ppn, EXO_REGIONS, 0, 8, l.name),
	    ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, 0xffffffffu, 0, 8, l.name),
	    ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, 0x80000000u | i, 0, 8,
	    l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 0, 0, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, end, 0, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, end, 1, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, end - 8, 9, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, end + 8, 8, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 8, 0xffffffffu, l.name),
	    ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 8, 0u - 8, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 0u - 8, 8, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 8, 0x10008u, l.name), ARG);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 0x10000u, 8, l.name), ARG);
	for (uint32_t at = 1; at < 8; at++)
		REFUSED(exo_region_make(l.frame, l.ppn, i, at, 8, l.name),
		    ARG);
	EQ(EXO_PAGES[l.ppn].entries, 1);
	lot_end(&l);
}

HOSTILE(region_make, overlaps)
{
	const uint32_t last = OFFSET + LEN - LEN % 8, i = INDEX + 1;
	struct lot l;

	lot_make(&l);
	REFUSED(exo_region_make(l.frame, l.ppn, INDEX, 0, 8, l.name), BUSY);
	REFUSED(exo_region_make(l.frame, l.ppn, i, OFFSET, LEN, l.name),
	    BUSY);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 0, OFFSET + 1, l.name),
	    BUSY);
	REFUSED(exo_region_make(l.frame, l.ppn, i, 0, EXO_REGION_BYTES,
	    l.name), BUSY);
	REFUSED(exo_region_make(l.frame, l.ppn, i, OFFSET + 8, 1, l.name),
	    BUSY);
	REFUSED(exo_region_make(l.frame, l.ppn, i, last, 8, l.name), BUSY);
	/* Its neighbours begin where it ends, and end where it begins. */
	OK(exo_region_make(l.frame, l.ppn, i, last + 8, 8, l.name) > 0);
	OK(exo_region_make(l.frame, l.ppn, 0, 0, OFFSET, l.name) > 0);
	EQ(EXO_PAGES[l.ppn].entries, 3);
	lot_end(&l);
}

HOSTILE(region_drop, arguments)
{
	exo_slot frame, other;
	struct lot l;

	lot_make(&l);
	word_put(&l, 0, MARK);
	REFUSED_NAME(exo_region_drop(l.name, i, q), &l);
	REFUSED_DEAD(exo_region_drop(s, i, q));
	REFUSED_CAP(exo_region_drop(s, l.region, l.serial), l.name,
	    EXO_R_FREE);
	frame = weaker(l.frame, EXO_R_FREE);
	REFUSED(exo_region_drop(frame, l.region, l.serial), DENIED);
	slot_put(frame);
	other = fresh_name();
	must(exo_region_make(l.frame, l.ppn, 0, 0, 8, other));
	REFUSED(exo_region_drop(other, l.region, l.serial), DENIED);
	slot_put(other);
	EQ(word_at(&l, 0), MARK);
	/* FREE on the frame is enough, and only that. */
	frame = weaker(l.frame, EXO_R_ALL & ~EXO_R_FREE);
	EQ(exo_region_drop(frame, l.region, l.serial), 0);
	slot_put(frame);
	EQ(EXO_PAGES[l.ppn].entries, 1);
	lot_end(&l);
}

/* ---- using: ranges that are not within LEN, for n bytes at an offset */

#define READ(s, i, q, at, n)						      \
	exo_region_read(s, i, q, at, (uint64_t)good_page(), n)
#define WRITE(s, i, q, at, n)						      \
	exo_region_write(s, i, q, at, (uint64_t)good_page(), n)

#define REFUSED_RANGE(call, l)						      \
	do {								      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 0,	      \
		    LEN + 1), ARG);					      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 1, LEN),    \
		    ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, LEN, 1),    \
		    ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, LEN + 1,    \
		    0), ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 8, ~0ull),  \
		    ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 8,	      \
		    0ull - 8), ARG);					      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 0ull - 8,   \
		    8), ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, ~0ull, 1),  \
		    ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 1ull << 32, \
		    8), ARG);						      \
		REFUSED(call((l)->name, (l)->region, (l)->serial, 0,	      \
		    1ull << 32 | 8), ARG);				      \
	} while (0)

HOSTILE(region_read, arguments)
{
	exo_slot weak;
	struct lot l;

	lot_make(&l);
	REFUSED_NAME(READ(l.name, i, q, 0, 8), &l);
	REFUSED_DEAD(READ(s, i, q, 0, 8));
	REFUSED_CAP(READ(s, l.region, l.serial, 0, 8), l.name, EXO_R_READ);
	REFUSED(READ(l.frame, l.region, l.serial, 0, 8), DENIED);
	REFUSED(READ(l.frame, l.region, l.serial, 0, 0), DENIED);
	REFUSED_RANGE(READ, &l);
	REFUSED_ADDR_RW(exo_region_read(l.name, l.region, l.serial, 0, p, 9),
	    9);
	REFUSED_ADDR_RW(exo_region_read(l.name, l.region, l.serial, 0, p,
	    LEN), LEN);
	/* Who may not read does not learn how long it is either. */
	weak = weaker(l.name, EXO_R_READ);
	REFUSED(READ(weak, l.region, l.serial, 0, LEN + 1), RIGHTS);
	slot_put(weak);
	EQ(READ(l.name, l.region, l.serial, LEN, 0), LEN);
	lot_end(&l);
}

HOSTILE(region_write, arguments)
{
	struct lot l;

	lot_make(&l);
	memset(good_page(), 0xee, EXO_PAGE);
	word_put(&l, 0, MARK);
	word_put(&l, LEN - 8, MARK);
	REFUSED_NAME(WRITE(l.name, i, q, 0, 8), &l);
	REFUSED_DEAD(WRITE(s, i, q, 0, 8));
	REFUSED_CAP(WRITE(s, l.region, l.serial, 0, 8), l.name, EXO_R_WRITE);
	REFUSED(WRITE(l.frame, l.region, l.serial, 0, 8), DENIED);
	REFUSED_RANGE(WRITE, &l);
	/* The last of them begin in memory that is there. */
	REFUSED_ADDR_RO(exo_region_write(l.name, l.region, l.serial, 0, p,
	    LEN), LEN);
	REFUSED_ADDR_RO(exo_region_write(l.name, l.region, l.serial, 0, p,
	    9), 9);
	EQ(word_at(&l, 0), MARK);
	EQ(word_at(&l, LEN - 8), MARK);
	for (uint64_t at = 8; at + 16 <= LEN; at += 8)
		EQ(word_at(&l, at), 0);
	lot_end(&l);
}

#define CAS(s, i, q, at)						      \
	exo_region_cas(s, i, q, at, (uint64_t)good_page(), MARK)

HOSTILE(region_cas, arguments)
{
	uint64_t *expected = (uint64_t *)good_page();
	struct lot l;

	lot_make(&l);
	*expected = 0;
	REFUSED_NAME(CAS(l.name, i, q, 0), &l);
	REFUSED_DEAD(CAS(s, i, q, 0));
	REFUSED_CAP(CAS(s, l.region, l.serial, 0), l.name,
	    EXO_R_READ | EXO_R_WRITE);
	REFUSED(CAS(l.frame, l.region, l.serial, 0), DENIED);
	for (uint64_t at = 1; at < 8; at++)
		REFUSED(CAS(l.name, l.region, l.serial, at), ARG);
	REFUSED(CAS(l.name, l.region, l.serial, LEN - LEN % 8), ARG);
	REFUSED(CAS(l.name, l.region, l.serial, LEN), ARG);
	REFUSED(CAS(l.name, l.region, l.serial, 0ull - 8), ARG);
	REFUSED(CAS(l.name, l.region, l.serial, ~0ull & ~7ull), ARG);
	REFUSED(CAS(l.name, l.region, l.serial, 1ull << 32), ARG);
	EQ(word_at(&l, 0), 0);
	EQ(*expected, 0);
	lot_end(&l);
}

/* What is found could not be told: nothing is swapped, even where the value
 * behind the pointer is the one that is there. */
HOSTILE(region_cas, pointers)
{
	static const uint64_t constant = 0;
	uint64_t code;
	struct lot l;

	lot_make(&l);
	REFUSED_ADDR_RW(exo_region_cas(l.name, l.region, l.serial, 0, p,
	    MARK), 8);
	EQ(word_at(&l, 0), 0);
	REFUSED(exo_region_cas(l.name, l.region, l.serial, 0,
	    (uint64_t)&constant, MARK), ADDR);
	EQ(word_at(&l, 0), 0);
	memcpy(&code, (const void *)(uint64_t)bad_pointer,
	    sizeof(code));
	word_put(&l, 0, code);
	REFUSED(exo_region_cas(l.name, l.region, l.serial, 0,
	    (uint64_t)bad_pointer, MARK), ADDR);
	EQ(word_at(&l, 0), code);
	lot_end(&l);
}

/* What is written into regions does not make one: not at indices past the last,
 * where what is kept of them would lie. */
HOSTILE(region_read, forged)
{
	struct {
		struct exo_cap guard;
		uint64_t serial;
		uint16_t offset, len;
		uint32_t pad;
	} fake[EXO_REGION_BYTES / 48];
	exo_slot name = fresh_name();
	struct lot l;
	long serial;

	lot_make(&l);
	EQ(exo_region_drop(l.name, l.region, l.serial), 0);
	serial = must(exo_region_make(l.frame, l.ppn, 0, 0, EXO_REGION_BYTES,
	    l.name));
	for (uint32_t i = 0; i < sizeof(fake) / sizeof(fake[0]); i++) {
		must(exo_cap_read(name, (uint64_t)&fake[i].guard));
		fake[i].guard.rights = 0;
		fake[i].serial = MARK;
		fake[i].offset = 0;
		fake[i].len = EXO_REGION_BYTES;
		fake[i].pad = 0;
	}
	must(exo_region_write(l.name, EXO_REGION(l.ppn, 0), (uint64_t)serial,
	    0, (uint64_t)fake, sizeof(fake)));
	for (uint32_t i = 0; i < 256; i++) {
		REFUSED(READ(name, EXO_REGION(l.ppn, i), MARK, 0, 8), NAME);
		EQ(exo_region_drop(name, EXO_REGION(l.ppn, i), MARK),
		    -EXO_E_NAME);
	}
	slot_put(name);
	lot_end(&l);
}

/* Integers of 32 bits come in whole registers: the rest is not looked at. */
HOSTILE(region_make, junk)
{
	struct lot l;
	long serial;

	lot_make(&l);
	EQ(exo_region_drop(l.name, l.region, l.serial), 0);
	serial = exo_raw6(NR(region_make), JUNK | l.frame, JUNK | l.ppn,
	    JUNK | INDEX, JUNK | OFFSET, JUNK | LEN, JUNK | l.name);
	OK(serial > (long)l.serial);
	EQ(exo_raw3(NR(region_drop), JUNK | l.name, l.region,
	    (uint64_t)serial), 0);
	lot_end(&l);
}

/* Regions of another account's frame, under names that are not mine. */
HOSTILE(region_write, others)
{
	static const struct cell_opts alone = { .alone = true };
	exo_ppn ppn = others_frame(EXO_PG_REGION);
	struct lot l;
	struct cell c;

	lot_make(&l);
	cell_make(&c, &alone);
	/* A cell without capabilities knows names and serials; and then? */
	EQ(cell_do(&c, EXO_NR_region_write, 0, l.region, l.serial, 0, c.base,
	    8), -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_region_read, 0, l.region, l.serial, 0, c.base,
	    0), -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_region_drop, 0, l.region, l.serial, 0, 0, 0),
	    -EXO_E_SLOT);
	EQ(cell_do(&c, EXO_NR_region_make, 0, l.ppn, 1, 0, 8, 0),
	    -EXO_E_SLOT);
	cell_end(&c);
	REFUSED(exo_region_make(l.name, ppn, 0, 0, 8, l.name), DENIED);
	EQ(word_at(&l, 0), 0);
	lot_end(&l);
}
