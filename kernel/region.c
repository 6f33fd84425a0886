/*
 * region.c - software regions: memory smaller than a page.
 *
 * A page table protects pages.  What is smaller, and shared by those who do
 * not trust each other with the rest of the page, is reached by these calls
 * only: nobody can map a frame of kind REGION.
 *
 * Invariants: (1) regions of a frame do not overlap; each begins at a multiple
 *		   of 8, and has a byte at least.
 *	       (2) bytes in no region are zero.
 *	       (3) no two regions that ever were have one serial.
 *	       (4) `entries` of the frame is how many there are.
 * Guarded by: capability, each region by its own; the frame's says who makes
 * regions and who ends them, not who reads or writes them.
 * Named by: frame << 8 | index, and serial.
 * Published: how many there are.
 *
 * Each call is done in one go, since nothing interrupts the kernel: a reader
 * sees a write as a whole or not at all.
 */
#include "region.h"
#include "cap.h"
#include "page.h"
#include "string.h"
#include "sys.h"
#include "user.h"

#define REGION_PPN(region)	((region) >> 8)
#define REGION_INDEX(region)	((region) & 0xff)
#define REGION_ALIGN		8u		/* of offsets, and for cas */

_Static_assert(sizeof(((struct cpu *)0)->batch) >= EXO_REGION_BYTES,
    "what is written is copied there first");

static uint64_t serials;			/* the last one given */

/* A region by its name, or NULL. */
static struct region *
region_find(exo_region name, uint64_t serial)
{
	uint64_t ppn = REGION_PPN(name);
	struct region_frame *f;

	if (ppn >= npages || pages[ppn].kind != EXO_PG_REGION ||
	    REGION_INDEX(name) >= EXO_REGIONS || serial == 0)
		return NULL;
	f = page_kva((exo_ppn)ppn);
	return f->region[REGION_INDEX(name)].serial == serial ?
	    &f->region[REGION_INDEX(name)] : NULL;
}

static uint8_t *
region_bytes(exo_region name, const struct region *r, uint64_t offset)
{
	struct region_frame *f = page_kva((exo_ppn)REGION_PPN(name));

	return &f->bytes[r->offset + offset];
}

/*
 * n bytes at an offset of a region, by somebody with these rights on it.
 * Errors: NAME; SLOT, DENIED, RIGHTS; ARG.
 */
static long
region_use(exo_slot slot, exo_region name, uint64_t serial, uint64_t offset,
    uint64_t n, uint32_t need, struct region **out)
{
	struct region *r = region_find(name, serial);
	long err;

	if (r == NULL)
		return -EXO_E_NAME;
	if ((err = cap_check(slot, &r->guard, need)) != 0)
		return err;
	if (offset > r->len || n > r->len - offset)
		return -EXO_E_ARG;
	*out = r;
	return 0;
}

/* Is there nothing yet at an index, or in a range? */
static bool
region_room(const struct region_frame *f, uint32_t index, uint32_t offset,
    uint32_t len)
{
	if (f->region[index].serial != 0)
		return false;
	for (uint32_t i = 0; i < EXO_REGIONS; i++)
		if (region_overlaps(&f->region[i], offset, len))
			return false;
	return true;
}

/* Errors: ARG; TYPE; SLOT, DENIED, RIGHTS; ARG; SLOT; BUSY. */
long
sys_region_make(exo_slot slot, exo_ppn ppn, uint32_t index, uint32_t offset,
    uint32_t len, exo_slot guard)
{
	struct region_frame *f;
	struct guard g;
	long r;

	if (ppn == 0 || ppn >= npages)
		return -EXO_E_ARG;
	if (pages[ppn].kind != EXO_PG_REGION)
		return -EXO_E_TYPE;
	r = cap_check(slot, &page_guards[ppn].name, EXO_R_CONTROL);
	if (r != 0)
		return r;
	if (index >= EXO_REGIONS || offset % REGION_ALIGN != 0 || len == 0 ||
	    offset > EXO_REGION_BYTES || len > EXO_REGION_BYTES - offset)
		return -EXO_E_ARG;
	if ((r = cap_guard(guard, &g)) != 0)
		return r;
	f = page_kva(ppn);
	if (!region_room(f, index, offset, len))
		return -EXO_E_BUSY;
	/* Act. */
	f->region[index] = (struct region){ .guard = g.name,
	    .serial = ++serials, .offset = (uint16_t)offset,
	    .len = (uint16_t)len };
	pages[ppn].entries++;
	return (long)serials;
}

/*
 * Whoever may free the frame may end what is in it.
 * Errors: NAME; SLOT, DENIED, RIGHTS.
 */
long
sys_region_drop(exo_slot slot, exo_region region, uint64_t serial)
{
	struct region *r = region_find(region, serial);
	exo_ppn ppn = (exo_ppn)REGION_PPN(region);
	long err;

	if (r == NULL)
		return -EXO_E_NAME;
	err = cap_check(slot, &r->guard, EXO_R_FREE);
	if (err != 0 &&
	    cap_check(slot, &page_guards[ppn].name, EXO_R_FREE) != 0)
		return err;
	/* Act. */
	memset(region_bytes(region, r, 0), 0, r->len);
	*r = (struct region){ .serial = 0 };
	pages[ppn].entries--;
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; ADDR. */
long
sys_region_read(exo_slot slot, exo_region region, uint64_t serial,
    uint64_t offset, uint64_t ptr, uint64_t n)
{
	struct region *r;
	long err = region_use(slot, region, serial, offset, n, EXO_R_READ, &r);

	if (err == 0)
		err = user_write(ptr, region_bytes(region, r, offset), n);
	return err != 0 ? err : r->len;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; ADDR. */
long
sys_region_write(exo_slot slot, exo_region region, uint64_t serial,
    uint64_t offset, uint64_t ptr, uint64_t n)
{
	struct region *r;
	long err = region_use(slot, region, serial, offset, n, EXO_R_WRITE,
	    &r);

	/* A fault half-way must not leave half of it. */
	if (err == 0)
		err = user_read(cpu()->batch, ptr, n);
	if (err != 0)
		return err;
	/* Act. */
	memcpy(region_bytes(region, r, offset), cpu()->batch, n);
	return 0;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS; ARG; ADDR. */
long
sys_region_cas(exo_slot slot, exo_region region, uint64_t serial,
    uint64_t offset, uint64_t expected, uint64_t value)
{
	uint64_t want, found, *word;
	struct region *r;
	long err = region_use(slot, region, serial, offset, sizeof(found),
	    EXO_R_READ | EXO_R_WRITE, &r);

	if (err != 0)
		return err;
	if (offset % REGION_ALIGN != 0)
		return -EXO_E_ARG;
	if ((err = user_read(&want, expected, sizeof(want))) != 0)
		return err;
	word = (uint64_t *)region_bytes(region, r, offset);
	/* What is found is told before it is changed: that may fail. */
	found = *word;
	if ((err = user_write(expected, &found, sizeof(found))) != 0)
		return err;
	if (found != want)
		return 0;
	/* Act. */
	*word = value;
	return 1;
}
