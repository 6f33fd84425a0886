/*
 * frames.c - whose frames are what, from the published table alone.
 *
 *	frames		a map of memory, and counts by owner and kind
 *	frames N	all about frame N, with the entries that map it
 */
#include <castor/print.h>
#include <castor/self.h>
#include <castor/string.h>

#define COLUMNS		64u
#define ROWS		16u
#define OWNERS		26u

static const char *const kinds[EXO_PG_KINDS] = {
	"free", "data", "pt1", "pt2", "pt3", "pt4", "rmap", "slots", "seats",
	"handles", "domain", "env", "program", "region", "kernel", "device",
	"hole"
};

/* Accounts in the order met; the last row is for all others. */
static uint32_t owners[OWNERS], nowners;
static uint32_t counts[OWNERS + 1][EXO_PG_KINDS];

static const char *
kind_name(uint32_t kind)
{
	return kind < EXO_PG_KINDS ? kinds[kind] : "?";
}

static bool
is_owned(const volatile struct exo_page *p)
{
	return p->kind >= EXO_PG_DATA && p->kind < EXO_PG_OWNED_END;
}

static uint32_t
owner_row(uint32_t account)
{
	uint32_t i;

	for (i = 0; i < nowners; i++) {
		if (owners[i] == account)
			return i;
	}
	if (nowners < OWNERS)
		owners[nowners++] = account;
	return i;
}

/* One letter for a stretch of frames: whoever has most of it. */
static char
stretch_letter(uint32_t first, uint32_t n)
{
	uint32_t votes[OWNERS + 3] = { 0 }, best = OWNERS + 1;

	for (uint32_t i = first; i < first + n; i++) {
		const volatile struct exo_page *p = &EXO_PAGES[i];

		if (is_owned(p))
			votes[owner_row(p->account)]++;
		else
			votes[p->kind == EXO_PG_FREE ? OWNERS + 1 :
			    OWNERS + 2]++;
	}
	for (uint32_t i = 0; i < OWNERS + 3; i++) {
		/* What is owned shows, however little of it there is. */
		if (votes[i] != 0 && (i <= OWNERS ? best > OWNERS ||
		    votes[i] > votes[best] : votes[best] == 0))
			best = i;
	}
	return best < OWNERS ? (char)('a' + best) : best == OWNERS ? '?' :
	    best == OWNERS + 1 ? '.' : '#';
}

static void
map_print(void)
{
	uint32_t n = EXO_MACHINE->nframes;
	uint32_t per = (n + COLUMNS * ROWS - 1) / (COLUMNS * ROWS);

	print("each sign is %u frames:  . free  # kernel, device, hole\n",
	    per);
	for (uint32_t first = 0; first < n; first += per * COLUMNS) {
		print("%8u ", first);
		for (uint32_t c = 0; c < COLUMNS; c++) {
			uint32_t at = first + c * per;

			if (at < n)
				print("%c", stretch_letter(at,
				    at + per < n ? per : n - at));
		}
		print("\n");
	}
}

static void
counts_take(void)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nframes; i++) {
		const volatile struct exo_page *p = &EXO_PAGES[i];
		uint32_t kind = p->kind;

		if (is_owned(p))
			counts[owner_row(p->account)][kind]++;
	}
}

static void
counts_print(void)
{
	for (uint32_t i = 0; i < nowners; i++) {
		const volatile struct exo_acct *a = &EXO_ACCTS[owners[i]];

		print("%c account %u (parent %u): %u of %u:", 'a' + i,
		    owners[i], a->parent, a->used[EXO_RES_FRAMES],
		    a->limit[EXO_RES_FRAMES]);
		for (uint32_t k = 0; k < EXO_PG_KINDS; k++) {
			if (counts[i][k] != 0)
				print(" %s %u", kinds[k], counts[i][k]);
		}
		print("\n");
	}
}

static void
frame_print(uint32_t ppn)
{
	const volatile struct exo_page *p = &EXO_PAGES[ppn];
	uint32_t name = p->rmap;

	print("frame %u: %s%s%s%s%s%s, account %u, epoch %lu\n", ppn,
	    kind_name(p->kind),
	    (p->flags & EXO_PF_LIVE) != 0 ? ", live" : "",
	    (p->flags & EXO_PF_ZERO) != 0 ? ", zero" : "",
	    (p->flags & EXO_PF_REGUARD) != 0 ? ", being reguarded" : "",
	    (p->flags & EXO_PF_EMPTY) != 0 ? ", to be emptied" : "",
	    (p->flags & EXO_PF_BOUND) != 0 ? ", bound" : "", p->account,
	    p->epoch);
	print("  maps %u, uses %u (pins %u), execs %u; refs %u, entries %u, "
	    "companion %u\n", p->maps, p->uses, p->pins, p->execs, p->refs,
	    p->entries, p->companion);
	/* What follows the first is in companions, which I may not read. */
	if (name != 0)
		print("  mapped by entry %u of table %u\n", name & 511,
		    name >> 9);
}

int
main(int argc, char **argv)
{
	unsigned long ppn;

	if (argc > 1) {
		if (!string_number(argv[1], &ppn) ||
		    ppn >= EXO_MACHINE->nframes) {
			print("frames [number below %u]\n",
			    EXO_MACHINE->nframes);
			return 1;
		}
		frame_print((uint32_t)ppn);
		return 0;
	}
	counts_take();
	map_print();
	counts_print();
	return 0;
}
