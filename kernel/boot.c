/*
 * boot.c - what the boot loader said.
 *
 * Both loaders' information is read once, bounds-checked, into boot_info,
 * before anything could overwrite it.  Then boot_alloc_pages() hands out
 * memory for the tables that the kernel needs, lowest first.
 *
 * Invariants: (1) boot_info.ranges and taken[] are sorted, not empty, not
 *                 overlapping and merged where they touch.
 *             (2) taken[] holds every frame that the kernel or the archive
 *                 lies in; boot_alloc_pages() gives only others.
 */
#include <stdbool.h>
#include <stddef.h>

#include "boot.h"
#include "kmap.h"
#include "panic.h"
#include "string.h"
#include "x86.h"

#define LOW_END		0x100000ul	/* the first MiB stays the BIOS's */
#define BOOT_MAPPED	(4ul << 30)	/* what boot.asm maps */
#define LARGE_PAGES	512ul
#define E820_RAM	1

#define MB2_TAG_END	0
#define MB2_TAG_CMDLINE	1
#define MB2_TAG_MODULE	3
#define MB2_TAG_MMAP	6

struct mb2_tag {
	uint32_t type;
	uint32_t size;		/* with this header, without padding */
};

struct mb2_module {
	struct mb2_tag tag;
	uint32_t start, end;
};

struct mb2_mmap {
	struct mb2_tag tag;
	uint32_t entry_size;
	uint32_t version;
};

struct mb2_mmap_entry {
	uint64_t base, len;
	uint32_t type;
	uint32_t zero;
};

/* Xen's public/arch-x86/hvm/start_info.h describes these three. */
#define PVH_MAGIC	0x336ec578
#define PVH_MAX_ENTRIES	1024

struct pvh_info {
	uint32_t magic, version, flags, nmodules;
	uint64_t modules_pa, cmdline_pa, rsdp_pa;
	uint64_t mmap_pa;	/* version 1 and later */
	uint32_t mmap_entries;
	uint32_t zero;
};

struct pvh_module {
	uint64_t pa, len, cmdline_pa, zero;
};

struct pvh_mmap_entry {
	uint64_t base, len;
	uint32_t type;
	uint32_t zero;
};

struct range_set {
	uint32_t n;
	struct boot_range r[BOOT_RANGES];
};

struct boot_info boot_info;
uint32_t boot_nframes;

static struct range_set ram, reserved, taken;
static bool mapped_all;		/* the direct map reaches all of RAM */
static bool closed;

extern const uint8_t boot_start[], boot_end[];
extern const uint8_t kernel_start[], kernel_end[];

/*
 * Adds [base, end) to a sorted set, merging what touches it.  A full set
 * drops the new range: for RAM that is memory not used, for the others a
 * panic, because using it would be wrong.
 */
static bool
set_add(struct range_set *s, uint64_t base, uint64_t end)
{
	uint32_t i = 0, j, n;
	struct boot_range *r = s->r;

	if (base >= end)
		return true;
	while (i < s->n && r[i].base + r[i].len < base)
		i++;
	for (j = i; j < s->n && r[j].base <= end; j++) {
		if (r[j].base < base)
			base = r[j].base;
		if (r[j].base + r[j].len > end)
			end = r[j].base + r[j].len;
	}
	if (j == i && s->n == BOOT_RANGES)
		return false;
	n = s->n - j;
	memmove(&r[i + 1], &r[j], n * sizeof(r[0]));
	r[i] = (struct boot_range){ base, end - base };
	s->n = i + 1 + n;
	return true;
}

/* Takes [base, end) out of a set. */
static void
set_remove(struct range_set *s, uint64_t base, uint64_t end)
{
	struct range_set old = *s;
	uint64_t b, e;
	uint32_t i;

	s->n = 0;
	for (i = 0; i < old.n; i++) {
		b = old.r[i].base;
		e = b + old.r[i].len;
		set_add(s, b, e < base ? e : base < b ? b : base);
		set_add(s, b > end ? b : end > e ? e : end, e);
	}
}

/* The range that holds x, or the first one after it; NULL: neither. */
static const struct boot_range *
set_find(const struct range_set *s, uint64_t x)
{
	uint32_t i;

	for (i = 0; i < s->n; i++)
		if (x < s->r[i].base + s->r[i].len)
			return &s->r[i];
	return NULL;
}

static void
memory_add(uint64_t base, uint64_t len, uint32_t type)
{
	const uint64_t limit = (uint64_t)BOOT_MAX_FRAMES * PAGE_SIZE;
	uint64_t end = base + len;

	if (len == 0 || end < base || base >= limit)
		return;
	if (end > limit)
		end = limit;
	if (type == E820_RAM)		/* whole pages inwards, */
		set_add(&ram, (base + PAGE_SIZE - 1) & -PAGE_SIZE,
		    end & -PAGE_SIZE);
	else if (!set_add(&reserved, base & -PAGE_SIZE, /* and outwards */
	    (end + PAGE_SIZE - 1) & -PAGE_SIZE))
		panic("boot: the memory map has too many entries");
}

static void
archive_set(uint64_t pa, uint64_t len)
{
	if (boot_info.archive_len != 0 || len == 0)
		return;
	if (pa % PAGE_SIZE != 0 || pa + len < pa)
		panic("boot: the archive at %lx is not page aligned", pa);
	boot_info.archive_pa = pa;
	boot_info.archive_len = len;
}

static void
cmdline_set(const char *s, uint64_t max)
{
	uint64_t i;

	for (i = 0; i < max && i < BOOT_CMDLINE - 1 && s[i] != '\0'; i++)
		boot_info.cmdline[i] = s[i];
	boot_info.cmdline[i] = '\0';
}

/* Loader data of n bytes at pa, which boot.asm's tables must reach. */
static const void *
loader_data(uint64_t pa, uint64_t n)
{
	if (pa == 0 || n > BOOT_MAPPED || pa > BOOT_MAPPED - n)
		panic("boot: loader data at %lx, %lu bytes", pa, n);
	return pa_kva(pa);
}

static void
mb2_mmap_read(const struct mb2_mmap *m)
{
	const struct mb2_mmap_entry *e;
	uint64_t at = sizeof(*m);

	if (m->tag.size < sizeof(*m) || m->entry_size < sizeof(*e))
		panic("boot: bad Multiboot2 memory map");
	for (; at + m->entry_size <= m->tag.size; at += m->entry_size) {
		e = (const void *)((const char *)m + at);
		memory_add(e->base, e->len, e->type);
	}
}

static void
mb2_read(uint64_t pa)
{
	const uint32_t *head = loader_data(pa, 8);
	const char *base = loader_data(pa, head[0]);
	const struct mb2_module *m;
	const struct mb2_tag *t;
	uint64_t at = 8;

	for (; at + sizeof(*t) <= head[0]; at += (t->size + 7ul) & ~7ul) {
		t = (const void *)(base + at);
		if (t->type == MB2_TAG_END)
			return;
		if (t->size < sizeof(*t) || t->size > head[0] - at)
			panic("boot: bad Multiboot2 tag at %lu", at);
		if (t->type == MB2_TAG_CMDLINE)
			cmdline_set((const char *)(t + 1),
			    t->size - sizeof(*t));
		if (t->type == MB2_TAG_MMAP)
			mb2_mmap_read((const void *)t);
		if (t->type == MB2_TAG_MODULE && t->size >= sizeof(*m)) {
			m = (const void *)t;
			if (m->end > m->start)
				archive_set(m->start, m->end - m->start);
		}
	}
}

static void
pvh_read(uint64_t pa)
{
	const struct pvh_info *p = loader_data(pa, sizeof(*p));
	const struct pvh_mmap_entry *e;
	const struct pvh_module *m;
	uint32_t i;

	if (p->magic != PVH_MAGIC || p->version < 1 ||
	    p->mmap_entries > PVH_MAX_ENTRIES)
		panic("boot: bad PVH information");
	e = loader_data(p->mmap_pa, p->mmap_entries * sizeof(*e));
	for (i = 0; i < p->mmap_entries; i++)
		memory_add(e[i].base, e[i].len, e[i].type);
	if (p->nmodules > 0) {
		m = loader_data(p->modules_pa, sizeof(*m));
		archive_set(m->pa, m->len);
	}
	if (p->cmdline_pa != 0)
		cmdline_set(loader_data(p->cmdline_pa, BOOT_CMDLINE),
		    BOOT_CMDLINE);
}

static void
taken_add(uint64_t base, uint64_t end)
{
	if (!set_add(&taken, base, (end + PAGE_SIZE - 1) & -PAGE_SIZE))
		panic("boot: too many pieces of memory in use");
}

/* n free bytes in RAM range r at the given alignment; 0: no room. */
static uint64_t
range_fit(const struct boot_range *r, uint64_t n, uint64_t align)
{
	const uint64_t end = r->base + r->len;
	const struct boot_range *t;
	uint64_t pa = r->base;

	for (;;) {
		pa = (pa + align - 1) & -align;
		if (pa >= end || n > end - pa)
			return 0;
		t = set_find(&taken, pa);
		if (t == NULL || pa + n <= t->base)
			return pa;
		pa = t->base + t->len;
	}
}

uint64_t
boot_alloc_pages(uint64_t n_pages)
{
	const uint64_t align = n_pages >= LARGE_PAGES ?
	    LARGE_PAGES * PAGE_SIZE : PAGE_SIZE;
	const uint64_t n = n_pages * PAGE_SIZE;
	uint64_t pa = 0;
	uint32_t i;

	assert(!closed && n_pages > 0 && n_pages <= BOOT_MAX_FRAMES);
	for (i = 0; i < ram.n && pa == 0; i++)
		pa = range_fit(&ram.r[i], n, align);
	if (pa == 0 || (!mapped_all && pa + n > BOOT_MAPPED))
		panic("boot: no room for %lu pages of tables", n_pages);
	taken_add(pa, pa + n);
	memset(pa_kva(pa), 0, n);
	return pa;
}

/* GRUB under UEFI puts a small archive into the first MiB. */
static void
archive_move(void)
{
	struct boot_info *b = &boot_info;
	const uint64_t pa = boot_alloc_pages((b->archive_len + PAGE_SIZE - 1) /
	    PAGE_SIZE);

	memcpy(pa_kva(pa), loader_data(b->archive_pa, b->archive_len),
	    b->archive_len);
	b->archive_pa = pa;
}

void
boot_init(uint32_t kind, uint64_t info_pa)
{
	struct boot_info *b = &boot_info;
	const struct boot_range *r;
	uint32_t i;

	if (kind == BOOT_PVH)
		pvh_read(info_pa);
	else
		mb2_read(info_pa);

	memory_add(0, LOW_END, 0);
	for (i = 0; i < reserved.n; i++)
		set_remove(&ram, reserved.r[i].base,
		    reserved.r[i].base + reserved.r[i].len);
	if (ram.n == 0)
		panic("boot: no memory");
	b->nranges = ram.n;
	memcpy(b->ranges, ram.r, sizeof(b->ranges));
	r = &ram.r[ram.n - 1];
	boot_nframes = (uint32_t)((r->base + r->len) / PAGE_SIZE);

	taken_add((uintptr_t)boot_start, kva_pa(kernel_end));
	if (b->archive_len == 0)
		return;
	if (b->archive_pa < LOW_END) {
		archive_move();
		return;
	}
	r = set_find(&ram, b->archive_pa);
	if (r == NULL || b->archive_pa < r->base ||
	    b->archive_len > r->base + r->len - b->archive_pa)
		panic("boot: the archive at %lx is not in RAM",
		    b->archive_pa);
	taken_add(b->archive_pa, b->archive_pa + b->archive_len);
}

void
boot_map_done(void)
{
	mapped_all = true;
}

/* The boot code and its tables have done their work: free RAM again. */
void
boot_close(void)
{
	assert(!closed);
	set_remove(&taken, (uintptr_t)boot_start, (uintptr_t)boot_end);
	closed = true;
}

/* Where ppn's run ends if it is [base, end) that holds or follows it. */
static uint64_t
run_end(const struct boot_range *r, uint64_t pa, bool *inside)
{
	*inside = r != NULL && pa >= r->base;
	if (r == NULL)
		return UINT64_MAX;
	return *inside ? r->base + r->len : r->base;
}

uint32_t
boot_page_run(uint32_t ppn, enum boot_state *state)
{
	const uint64_t pa = (uint64_t)ppn * PAGE_SIZE;
	const struct boot_range archive = { boot_info.archive_pa,
	    (boot_info.archive_len + PAGE_SIZE - 1) & -PAGE_SIZE };
	bool in_ram, in_taken, in_archive;
	uint64_t ends[3], end = UINT64_MAX;
	unsigned i;

	ends[0] = run_end(set_find(&ram, pa), pa, &in_ram);
	ends[1] = run_end(set_find(&taken, pa), pa, &in_taken);
	ends[2] = run_end(pa < archive.base + archive.len ? &archive : NULL,
	    pa, &in_archive);
	for (i = 0; i < 3; i++)
		if (ends[i] < end)
			end = ends[i];
	*state = !in_ram ? BOOT_RESERVED : in_archive ? BOOT_ARCHIVE :
	    in_taken ? BOOT_KERNEL : BOOT_FREE;
	end /= PAGE_SIZE;
	return end > boot_nframes && ppn < boot_nframes ? boot_nframes :
	    end > UINT32_MAX ? UINT32_MAX : (uint32_t)end;
}

int
boot_option(const char *key, char *value, unsigned size)
{
	const char *p = boot_info.cmdline;
	const size_t n = strlen(key);
	unsigned i;

	while (*p != '\0') {
		if (strncmp(p, key, n) == 0 && p[n] == '=') {
			p += n + 1;
			for (i = 0; i + 1 < size && *p != '\0' && *p != ' ';)
				value[i++] = *p++;
			value[i] = '\0';
			return 1;
		}
		while (*p != '\0' && *p++ != ' ')
			continue;
	}
	return 0;
}
