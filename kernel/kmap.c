/*
 * kmap.c - the kernel's own address space; kmap.h draws it.
 *
 * Invariants: (1) no page is writable and executable, over all aliases.
 *             (2) users reach slot 510 only, and only to read.
 *             (3) the top-level entries never change after kmap_init(), so
 *                 every root may hold a copy; what lies below is shared.
 * Published tables are mapped with 4 KiB pages, so that nothing that lies
 * beside them in memory can be read.
 */
#include <stdbool.h>

#include "boot.h"
#include "cpu.h"
#include "kmap.h"
#include "panic.h"
#include "x86.h"

#define LARGE_SIZE	(2ul << 20)
#define LEVEL_TOP	4
#define LEVEL_PAGE	1
#define LEVEL_LARGE	2

#define MAP_DATA	(PTE_P | PTE_W | PTE_A | PTE_D | PTE_G | PTE_NX)
#define MAP_CONST	(PTE_P | PTE_A | PTE_G | PTE_NX)
#define MAP_TEXT	(PTE_P | PTE_A | PTE_G)
#define MAP_PUBLIC	(PTE_P | PTE_U | PTE_A | PTE_G | PTE_NX)
#define MAP_DEVICE	(MAP_DATA | PTE_PCD | PTE_PWT)

uint64_t kmap_root_pa;

static uint64_t device_next = KDEVICE;

extern const uint8_t text_start[], text_end[];
extern const uint8_t rodata_start[], rodata_end[];
extern const uint8_t data_start[], data_end[];

static unsigned
level_index(uint64_t va, unsigned level)
{
	return va >> (PAGE_SHIFT + 9 * (level - 1)) & 511;
}

/* The entry for va at a level, with tables of those rights above it. */
static uint64_t *
entry_make(uint64_t va, unsigned level, uint64_t table_bits)
{
	uint64_t *table = pa_kva(kmap_root_pa), *e;
	unsigned l;

	for (l = LEVEL_TOP;; l--) {
		e = &table[level_index(va, l)];
		if (l == level)
			return e;
		if (*e == 0)
			*e = boot_alloc_pages(1) | table_bits;
		assert((*e & PTE_PS) == 0 && (*e & table_bits) == table_bits);
		table = pa_kva(*e & PTE_PA);
	}
}

/*
 * Maps pages that were not mapped.  Above a page that users see, tables have
 * U and no W; above the kernel's own, W and no U.
 */
static void
pages_map(uint64_t va, uint64_t pa, uint64_t n_pages, uint64_t bits,
    bool large)
{
	const uint64_t table_bits = PTE_P | PTE_A |
	    (bits & PTE_U ? PTE_U : PTE_W);
	const uint64_t end = va + n_pages * PAGE_SIZE;
	uint64_t *e, step;

	assert((va | pa) % PAGE_SIZE == 0);
	for (; va < end; va += step, pa += step) {
		bool big = large && (va | pa) % LARGE_SIZE == 0 &&
		    end - va >= LARGE_SIZE;

		step = big ? LARGE_SIZE : PAGE_SIZE;
		e = entry_make(va, big ? LEVEL_LARGE : LEVEL_PAGE, table_bits);
		assert(*e == 0);
		*e = pa | bits | (big ? PTE_PS : 0);
	}
}

static void
image_map(const uint8_t *start, const uint8_t *end, uint64_t bits)
{
	pages_map((uintptr_t)start, kva_pa(start),
	    (uint64_t)(end - start) / PAGE_SIZE, bits, false);
}

static void
page_unmap(uint64_t va)
{
	*entry_make(va, LEVEL_PAGE, PTE_P) = 0;
}

static void
direct_map(uint64_t base, uint64_t end, uint64_t bits, bool large)
{
	if (base < end)
		pages_map(KDIRECT + base, base, (end - base) / PAGE_SIZE, bits,
		    large);
}

/*
 * The image's text and constants are read-only here too.  They lie in the
 * first RAM range, low in memory, together: small pages around them.
 */
static void
direct_init(void)
{
	const uint64_t lo = kva_pa(text_start), hi = kva_pa(rodata_end);
	const struct boot_range *r = boot_info.ranges;
	uint32_t i;
	uint64_t end;

	assert(r[0].base <= lo && hi <= r[0].base + r[0].len);
	for (i = 0; i < boot_info.nranges; i++, r++) {
		end = r->base + r->len;
		if (i > 0) {
			direct_map(r->base, end, MAP_DATA, true);
			continue;
		}
		direct_map(r->base, lo, MAP_DATA, true);
		direct_map(lo, hi, MAP_CONST, false);
		direct_map(hi, end, MAP_DATA, true);
	}
}

void
kmap_init(void)
{
	unsigned i;
	uint64_t *root;

	kmap_root_pa = boot_alloc_pages(1);
	root = pa_kva(kmap_root_pa);
	root[KSLOT_PUBLISH] = boot_alloc_pages(1) | PTE_P | PTE_U | PTE_A;

	direct_init();
	image_map(text_start, text_end, MAP_TEXT);
	image_map(rodata_start, rodata_end, MAP_CONST);
	image_map(data_start, data_end, MAP_DATA);
	for (i = 0; i < CPU_STACKS; i++)
		page_unmap(cpu_stack_guard(i));

	/* Nothing in the boot tables is global, so this drops all of it. */
	x86_set_cr3(kmap_root_pa);
	boot_map_done();
}

uint64_t
kmap_top(unsigned slot)
{
	const uint64_t *root = pa_kva(kmap_root_pa);

	assert(slot == KSLOT_DIRECT || slot == KSLOT_PUBLISH ||
	    slot == KSLOT_KERNEL);
	return root[slot];
}

void
kmap_window(uint64_t kva, uint64_t pa, uint64_t n_pages)
{
	assert(kva >= KWINDOW && kva < KWINDOW_END &&
	    n_pages <= (KWINDOW_END - kva) / PAGE_SIZE);
	pages_map(kva, pa, n_pages, MAP_DATA, true);
}

void
kmap_publish(uint64_t uva, uint64_t pa, uint64_t n_pages)
{
	assert(uva >= KPUBLISH && uva < KPUBLISH_END &&
	    n_pages <= (KPUBLISH_END - uva) / PAGE_SIZE);
	pages_map(uva, pa, n_pages, MAP_PUBLIC, false);
}

void *
kmap_device(uint64_t pa, uint64_t n_pages)
{
	uint64_t va = device_next;

	assert(n_pages <= (-PAGE_SIZE - va) / PAGE_SIZE);
	device_next += n_pages * PAGE_SIZE;
	pages_map(va, pa, n_pages, MAP_DEVICE, false);
	return (void *)va;
}
