/*
 * table.c - this domain's page tables: where they are, and new ones.
 *
 * The kernel publishes of each table with one reference the entry that names
 * it, so a program that begins finds its own without reading any; from then
 * on it remembers those that it makes.  (level, address) -> frame is a hash
 * table with open addressing; nothing is ever taken out.
 */
#include "vm.h"

#include <castor/self.h>
#include <castor/string.h>

#define FIRST_SIZE	256u

struct entry {
	uint64_t key;			/* 0: unused */
	uint64_t ppn;
};

/* One store makes the larger one of two the one that counts. */
struct hash {
	struct entry *at;
	uint64_t size;
};

static struct entry first_table[FIRST_SIZE];
static struct hash hashes[2] = { { first_table, FIRST_SIZE } };
static struct hash *hash = hashes;
static uint64_t table_used;
static bool growing;

static uint64_t
key_of(uint64_t va, uint32_t level)
{
	return va >> EXO_PT_SHIFT(level + 1) << 2 | level;
}

static struct entry *
entry_find(const struct hash *h, uint64_t key)
{
	uint64_t i = key * 0x9e3779b97f4a7c15ul >> 32, mask = h->size - 1;

	while (h->at[i & mask].key != 0 && h->at[i & mask].key != key)
		i++;
	return &h->at[i & mask];
}

static exo_ppn
root_ppn(void)
{
	return EXO_DOMAINS[EXO_INDEX(self->domain)].root;
}

exo_ppn
vm_table(uint64_t va, uint32_t level)
{
	if (level >= 4)
		return root_ppn();
	return (exo_ppn)entry_find(hash, key_of(va, level))->ppn;
}

/*
 * Twice the size, in memory that may itself need tables: there is room for
 * those in the old one.  If there is no memory, it fills up some more.
 */
static void
table_grow(void)
{
	struct hash *h = &hashes[hash == hashes];
	uint64_t size = hash->size * 2;
	struct entry *t;

	growing = true;
	t = vm_alloc(size * sizeof(*t));
	for (uint64_t off = 0; t != NULL && off < size * sizeof(*t);
	    off += EXO_PAGE) {
		long ppn = frame_take(EXO_PG_DATA, 0);

		if (ppn < 0 || map_run((uint64_t)t + off, (exo_ppn)ppn, 1,
		    VM_RW, self->memory_slot) < 0)
			t = NULL;
	}
	growing = false;
	if (t == NULL)
		return;
	*h = (struct hash){ t, size };
	for (uint64_t i = 0; i < hash->size; i++) {
		if (hash->at[i].key != 0)
			*entry_find(h, hash->at[i].key) = hash->at[i];
	}
	vm_then();
	hash = h;
}

/* Whoever was at it died. */
void
table_repair(void)
{
	growing = false;
}

static void
table_add(uint64_t va, uint32_t level, exo_ppn ppn)
{
	struct entry *e = entry_find(hash, key_of(va, level));

	if (e->key == 0)
		table_used++;
	*e = (struct entry){ key_of(va, level), ppn };
}

/* A frame for a table of this level, with its companion: it, or an error. */
static long
table_frame(uint32_t level)
{
	long companion, r;
	long ppn = frame_take(EXO_PG_PT1 + level - 1, 0);

	if (ppn < 0 || level > 1)
		return ppn;
	companion = frame_take(EXO_PG_RMAP, 0);
	if (companion < 0) {
		frame_put((exo_ppn)ppn);
		return companion;
	}
	r = exo_pt_companion((exo_ppn)ppn, (exo_ppn)companion);
	if (r < 0) {
		frame_put((exo_ppn)companion);
		frame_put((exo_ppn)ppn);
	}
	return r < 0 ? r : ppn;
}

long
table_make(uint64_t va, uint32_t level)
{
	exo_ppn have = vm_table(va, level);
	long upper, ppn, r;

	if (have != 0)
		return have;
	if (table_used + 8 >= hash->size)
		return -EXO_E_QUOTA;
	upper = table_make(va, level + 1);
	if (upper < 0)
		return upper;
	ppn = table_frame(level);
	if (ppn < 0)
		return ppn;
	r = exo_pt_set(0, (exo_ppn)upper, EXO_PT_INDEX(va, level + 1),
	    EXO_PTE(ppn, EXO_PTE_W), self->memory_slot);
	if (r < 0) {
		frame_put((exo_ppn)ppn);
		return r;
	}
	table_add(va, level, (exo_ppn)ppn);
	vm_stats.tables++;
	if (table_used * 4 >= hash->size * 3 && !growing)
		table_grow();
	return ppn;
}

long
vm_table_make(uint64_t va, uint32_t level)
{
	long r;

	vm_lock();
	r = table_make(va, level);
	vm_unlock();
	return r;
}

/* Where is this table in my address space?  False: not below my root. */
static bool
table_locate(exo_ppn t, uint64_t *va)
{
	uint32_t level;

	*va = 0;
	for (level = 1; level < 4; level++) {
		uint32_t kind = EXO_PAGES[t].kind, up = EXO_PAGES[t].parents;

		if (kind < EXO_PG_PT1 || kind > EXO_PG_PT3 ||
		    EXO_PAGES[t].refs != 1)
			break;
		level = kind - EXO_PG_PT1 + 1;
		*va |= (uint64_t)(up & 511) << EXO_PT_SHIFT(level + 1);
		t = up >> 9;
	}
	return t == root_ppn();
}

void
vm_init(void)
{
	exo_ppn p = EXO_ACCTS[EXO_INDEX(self->acct)].frames;
	uint64_t va;

	for (; p != 0; p = EXO_PAGES[p].next) {
		uint32_t kind = EXO_PAGES[p].kind;

		if (kind >= EXO_PG_PT1 && kind <= EXO_PG_PT3 &&
		    table_locate(p, &va))
			table_add(va, kind - EXO_PG_PT1 + 1, p);
	}
	(void)vm_region(VM_STACK, self->stack_top, VM_RW);
}
