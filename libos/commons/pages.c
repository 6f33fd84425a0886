/*
 * pages.c - the commons' pages: of files, pipes, pools; and lending them.
 *
 * Frames are live data of its account, taken from the published free list a few
 * at a time, mapped side by side and kept.  A page has a number, its place
 * there.  Those of a file that was lent are guarded by a name of the file's:
 * memory.f.k.k.k.k, k the bytes of its key.
 *
 * Invariants: (1) pages below `made' have a frame and are mapped, writable
 *		   unless READ_ONLY; or they are on the list of empty numbers.
 *	       (2) one that is free has no other mapping, and the memory's name.
 *	       (3) those on the recall list were lent and given back since;
 *		   those on the stuck list too, and could not be taken back
 *		   yet: whom they were lent to has them bound.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "house.h"
#include "world.h"

#define PAGES_MAX	32768u
#define BATCH		16u
#define KEPT_PART	8u		/* an eighth is not for data, a
					 * fourth of it only for records */
#define SPARE_MAX	128u		/* free ones that stay */

enum { LENT = 1, READ_ONLY = 2 };

static uint64_t base, made, used, max, spare;
static exo_ppn ppns[PAGES_MAX];
static uint32_t keys[PAGES_MAX];
static uint8_t flags[PAGES_MAX];
static void *free_list;
static uint32_t next[PAGES_MAX];	/* on a list of numbers: next one + 1 */
static uint32_t recall, empty, stuck;	/* such lists */

static exo_slot key_slot = EXO_NONE;	/* the name of file key_of */
static uint32_t key_of;

long
pages_init(uint64_t n)
{
	max = n < PAGES_MAX ? n : PAGES_MAX;
	base = vm_alloc_va(max);
	return base == 0 ? -EXO_E_QUOTA : 0;
}

uint64_t
pages_left(void)
{
	return max - used;
}

static uint64_t
kept_from(enum world_for use)
{
	switch (use) {
	case WORLD_DATA:	return max / KEPT_PART;
	case WORLD_ARCHIVE:	return max / KEPT_PART / 4;
	default:		return 0;
	}
}

void
world_pages(uint64_t *total, uint64_t *n, uint64_t *left)
{
	uint64_t most = max - kept_from(WORLD_DATA);

	*total = max;
	*n = used;
	*left = most > used ? most - used : 0;
}

static uint64_t
number(const void *page)
{
	return ((uint64_t)page - base) / EXO_PAGE;
}

static void *
address(uint64_t i)
{
	return (void *)(base + i * EXO_PAGE);
}

static void
list_add(uint32_t *list, uint64_t i)
{
	next[i] = *list;
	*list = (uint32_t)i + 1;
}

static uint64_t
list_take(uint32_t *list)
{
	uint64_t i = *list - 1;

	*list = next[i];
	return i;
}

/* ---- getting and giving back */

static long
remap(uint64_t i, uint64_t bits)
{
	return vm_map((uint64_t)address(i), ppns[i], bits,
	    self->memory_slot);
}

static void
spare_add(uint64_t i)
{
	void *page = address(i);

	*(void **)page = free_list;
	free_list = page;
	spare++;
}

/* A new frame at the next number. */
static void
frame_enter(exo_ppn ppn)
{
	uint64_t i = empty != 0 ? empty - 1 : made;

	ppns[i] = ppn;
	if (i >= max || remap(i, VM_RW) < 0) {
		(void)!exo_page_free(self->memory_slot, ppn, 1);
		return;
	}
	if (empty != 0)
		(void)list_take(&empty);
	else
		made++;
	spare_add(i);
}

static void
grow(void)
{
	uint64_t n = max - used < BATCH ? max - used : BATCH;
	exo_ppn got[BATCH];

	if (n == 0 || vm_pages(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_DATA | EXO_KIND_LIVE, n, got) < 0)
		return;
	for (uint64_t i = 0; i < n; i++)
		frame_enter(got[i]);
}

/* Frames that nobody needs go back. */
static void
shrink(uint32_t n)
{
	for (; n > 0 && spare > SPARE_MAX; n--) {
		void *page = free_list;
		uint64_t i = number(page);

		free_list = *(void **)page;
		spare--;
		(void)!vm_unmap((uint64_t)page, 1);
		(void)!exo_page_free(self->memory_slot, ppns[i], 1);
		list_add(&empty, i);
	}
}

void *
world_page(enum world_for use)
{
	void *page;

	if (used >= max - kept_from(use))
		return NULL;
	if (free_list == NULL)
		grow();
	if (free_list == NULL)
		return NULL;
	page = free_list;
	free_list = *(void **)page;
	spare--;
	used++;
	memset(page, 0, EXO_PAGE);
	return page;
}

void
world_page_free(void *page)
{
	uint64_t i = number(page);

	used--;
	if (flags[i] != 0)
		list_add(&recall, i);
	else
		spare_add(i);
	if (pages_untidy())
		world_kick();
}

/* ---- lending */

/* All mappings go, mine too; from now on it has the name in `slot'. */
static long
rename_page(uint64_t i, exo_slot slot)
{
	long r;

	do {
		r = exo_page_guard(self->memory_slot, slot, ppns[i],
		    EXO_STEPS_MAX);
	} while (r > 0);
	return r;
}

/* Ours alone again: false, try later. */
static bool
take_back(uint64_t i)
{
	if (rename_page(i, self->memory_slot) < 0 || remap(i, VM_RW) < 0)
		return false;
	flags[i] = 0;
	keys[i] = 0;
	return true;
}

bool
pages_untidy(void)
{
	return recall != 0 || spare > SPARE_MAX;
}

bool
pages_tidy(uint32_t n)
{
	shrink(n);
	for (; n > 0 && recall != 0; n--) {
		uint64_t i = list_take(&recall);

		if (take_back(i))
			spare_add(i);
		else
			list_add(&stuck, i);
	}
	return pages_untidy();
}

void
pages_again(void)
{
	while (stuck != 0)
		list_add(&recall, list_take(&stuck));
}

/* The name of a file's pages, in key_slot. */
static long
key_name(uint32_t key)
{
	uint8_t path[5] = { 'f', (uint8_t)(key >> 24), (uint8_t)(key >> 16),
	    (uint8_t)(key >> 8), (uint8_t)key };
	exo_slot from = self->memory_slot;
	long r = 0;

	if (key_slot != EXO_NONE && key_of == key)
		return key_slot;
	for (uint32_t i = 0; i < sizeof(path) && r >= 0; i++) {
		r = slot_derive(from, EXO_R_ALL, path[i]);
		if (from != self->memory_slot)
			slot_put(from);
		from = (exo_slot)r;
	}
	if (r < 0)
		return r;
	if (key_slot != EXO_NONE)
		slot_put(key_slot);
	key_slot = (exo_slot)r;
	key_of = key;
	return r;
}

int64_t
world_lend(uint64_t key, struct seat *s, uint64_t slot, uint32_t prot)
{
	uint32_t rights = EXO_R_READ;
	long name = key > UINT32_MAX ? -EXO_E_FULL : key_name((uint32_t)key);

	if (name < 0)
		return -L_ENOMEM;
	if (prot & L_PROT_WRITE)
		rights |= EXO_R_WRITE;
	if (prot & L_PROT_EXEC)
		rights |= EXO_R_EXEC;
	return exo_cap_give((exo_slot)name, rights, seat_domain(s),
	    (exo_slot)slot) < 0 ? -L_EINVAL : 0;
}

uint32_t
world_frame(void *page, uint64_t key, uint32_t exec)
{
	uint64_t i = number(page);
	uint64_t bits = exec ? VM_R : VM_RW;
	long name;

	if (keys[i] != key) {
		name = key_name((uint32_t)key);
		if (name < 0 || rename_page(i, (exo_slot)name) < 0)
			return 0;
		keys[i] = (uint32_t)key;
		flags[i] = LENT;
		if (remap(i, bits) < 0)
			return 0;
	} else if (exec && !(flags[i] & READ_ONLY) && remap(i, bits) < 0) {
		return 0;
	}
	flags[i] = LENT | (exec ? READ_ONLY : flags[i] & READ_ONLY);
	return ppns[i];
}

bool
world_writable(void *page)
{
	uint64_t i = number(page);

	if (!(flags[i] & READ_ONLY))
		return true;
	if (remap(i, VM_RW) < 0)
		return false;
	flags[i] &= (uint8_t)~READ_ONLY;
	return true;
}

/* ---- time, chance, text */

static uint64_t
tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint64_t
tsc_ns(uint64_t ticks)
{
	static uint64_t scale;		/* nanoseconds << 32 for a tick */

	if (scale == 0)
		scale = (1000000000ull << 32) / EXO_MACHINE->tsc_hz;
	return (uint64_t)((unsigned __int128)ticks * scale >> 32);
}

uint64_t
world_clock(void)
{
	return tsc_ns(tsc());
}

/* As the kernel read it from the machine's clock of days, if there is one. */
uint64_t
world_time(void)
{
	const volatile struct exo_machine *m = &EXO_MACHINE[0];

	return m->utc == 0 ? world_clock() : m->utc * 1000000000 +
	    tsc_ns(tsc() - m->utc_tsc);
}

void
world_random(void *to, size_t n)
{
	static uint64_t state;
	uint8_t *p = to;

	for (size_t i = 0; i < n; i++) {
		state += tsc() | 1;
		state ^= state >> 29;
		state *= 0xbf58476d1ce4e5b9ull;
		state ^= state >> 32;
		p[i] = (uint8_t)state;
	}
}

void
world_machine(struct world_machine *m)
{
	*m = (struct world_machine){
		.frames = EXO_MACHINE->nframes,
		.free = EXO_MACHINE->free_frames,
		.ticks = EXO_MACHINE->ticks,
		.idle = EXO_COUNTERS->ticks_idle,
		.hz = EXO_MACHINE->tick_hz,
		.seats = seats_used, .ending = seats_ending,
		.left_over = sweep_left,
	};
}

uint64_t
world_table(uint32_t which, uint64_t off, void *to, size_t n)
{
	const uint64_t sizes[EXO_TABS] = {
		[EXO_TAB_MACHINE] = sizeof(struct exo_machine),
		[EXO_TAB_COUNTERS] = sizeof(struct exo_counters),
		[EXO_TAB_PAGES] = EXO_MACHINE->nframes *
		    sizeof(struct exo_page),
		[EXO_TAB_ACCTS] = EXO_MACHINE->naccts *
		    sizeof(struct exo_acct),
		[EXO_TAB_DOMAINS] = EXO_MACHINE->ndomains *
		    sizeof(struct exo_domain),
		[EXO_TAB_ENVS] = EXO_MACHINE->nenvs * sizeof(struct exo_env),
		[EXO_TAB_SLICES] = EXO_MACHINE->nslices *
		    sizeof(struct exo_slice),
		[EXO_TAB_PCIDS] = EXO_MACHINE->npcids *
		    sizeof(struct exo_pcid),
		[EXO_TAB_TRACE] = EXO_MACHINE->ntrace *
		    sizeof(struct exo_trace),
	};

	if (to == NULL)
		return sizes[which];
	if (off >= sizes[which])
		return 0;
	n = n < sizes[which] - off ? n : sizes[which] - off;
	memcpy(to, (const char *)EXO_PUB_AT(which) + off, n);
	return n;
}

void
world_print(const char *text, size_t n)
{
	console_put(text, n);
}
