/*
 * first.c - the first program: the one that the kernel makes itself.
 *
 * exo/start.h says how a program is born.  Everything here goes through the
 * functions that calls use, before anyone runs; what fails is a panic, since
 * there is nobody to tell.
 */
#include "as.h"
#include "boot.h"
#include "env.h"
#include "first.h"
#include "panic.h"
#include "pure/cpio.h"
#include "pure/elf.h"
#include "table.h"
#include "tlb.h"

#include <exo/start.h>

static struct guard memory;		/* the name of its frames */

static exo_ppn
frame_next(uint32_t kind)
{
	exo_ppn ppn = machine.free_head;

	if (ppn == 0)
		panic("no memory for the first program");
	page_take(ACCT_ROOT, &memory, kind, ppn);
	return ppn;
}

static void
name_fresh(struct guard *g)
{
	static const struct exo_cap root = {
		.rights = EXO_R_ALL, .kind = EXO_SLOT_CAP
	};

	if (!cap_child(&g->name, &root, EXO_COMP_FRESH, fresh_number()))
		panic("first: a name");
	g->serial = cap_serial();
}

/* One segment of the image: fresh frames with its contents. */
static void
segment_load(exo_ppn root, const uint8_t *image, const struct elf_segment *s)
{
	uint64_t bits = (s->flags & ELF_W ? EXO_PTE_W | EXO_PTE_MAYW : 0) |
	    (s->flags & ELF_X ? EXO_PTE_MAYX : EXO_PTE_NX);
	uint64_t end = s->vaddr + s->memsz;
	uint64_t file_end = s->vaddr + s->filesz;

	for (uint64_t va = s->vaddr & ~(EXO_PAGE - 1); va < end;
	    va += EXO_PAGE) {
		exo_ppn ppn = frame_next(EXO_PG_DATA);
		uint64_t from = va < s->vaddr ? s->vaddr : va;
		uint64_t to = va + EXO_PAGE < file_end ? va + EXO_PAGE :
		    file_end;

		if (from < to)
			__builtin_memcpy((uint8_t *)page_kva(ppn) +
			    (from - va), image + s->offset +
			    (from - s->vaddr), to - from);
		as_boot_map(root, va, ppn, bits, frame_next);
	}
}

static void
page_map(exo_ppn root, uint64_t va, exo_ppn ppn, uint64_t bits)
{
	as_boot_map(root, va, ppn, bits | EXO_PTE_NX, frame_next);
}

static void
start_fill(struct exo_start *st, const struct domain *d, const struct env *e,
    const struct elf_info *elf, const char *name)
{
	uint32_t len = 0;

	while (name[len] != '\0')
		len++;
	*st = (struct exo_start){
		.version = EXO_START_VERSION,
		.free_slot = EXO_SLOT(0, 4),
		.acct = EXO_ID(accts[ACCT_ROOT].gen, ACCT_ROOT),
		.domain = d->id,
		.env = e->id,
		.root_slot = EXO_START_SLOT_ROOT,
		.domain_slot = EXO_START_SLOT_DOMAIN,
		.env_slot = EXO_START_SLOT_ENV,
		.memory_slot = EXO_START_SLOT_MEMORY,
		.acct_slot = EXO_START_SLOT_ROOT,
		.console_slot = EXO_START_SLOT_ROOT,
		.archive_slot = EXO_START_SLOT_ROOT,
		.mint_slot = EXO_START_SLOT_ROOT,
		.seats = 1,
		.stack_low = EXO_START_STACK_TOP -
		    EXO_START_STACK_PAGES * EXO_PAGE,
		.stack_top = EXO_START_STACK_TOP,
		.upcall_va = EXO_START_UPCALL_VA,
		.image_low = elf->low,
		.image_high = elf->high,
		.argc = 1,
		.args_len = len + 1,
	};
	__builtin_memcpy(st->args, name, len + 1);
}

struct env *
first_make(const struct boot_info *b)
{
	const uint8_t *archive = pa_kva(b->archive_pa);
	char name[64] = "bin/init";
	struct exo_seat_args seat = { .stack = EXO_START_STACK_TOP,
	    .upcall_va = EXO_START_UPCALL_VA };
	exo_ppn root, slots, start, frame;
	struct guard dom_name, env_name;
	struct elf_segment s;
	struct cpio_file file;
	struct elf_info elf;
	struct domain *d;
	struct env *e;

	(void)boot_option("init", name, sizeof(name));
	if (b->archive_len == 0)
		panic("no archive of programs");
	if (cpio_find(archive, b->archive_len, name, &file) < 0)
		panic("the archive has no %s", name);
	if (elf_check(file.data, file.size, &elf) != 0)
		panic("%s is not a program", name);
	name_fresh(&memory);
	name_fresh(&dom_name);
	name_fresh(&env_name);

	root = frame_next(EXO_PG_PT4);
	for (uint32_t i = 0; i < elf.segments; i++) {
		if (elf_segment(file.data, file.size, i, &s) != 0)
			panic("%s: segment %u", name, i);
		segment_load(root, file.data, &s);
	}
	for (uint32_t i = 1; i <= EXO_START_STACK_PAGES; i++)
		page_map(root, EXO_START_STACK_TOP - i * EXO_PAGE,
		    frame_next(EXO_PG_DATA), EXO_PTE_W | EXO_PTE_MAYW);
	seat.upcall_ppn = frame_next(EXO_PG_DATA | EXO_KIND_LIVE);
	page_map(root, EXO_START_UPCALL_VA, seat.upcall_ppn,
	    EXO_PTE_W | EXO_PTE_MAYW);
	start = frame_next(EXO_PG_DATA);
	page_map(root, EXO_START_VA, start, 0);

	d = domain_boot(frame_next(EXO_PG_DOMAIN), root, &dom_name);
	frame = frame_next(EXO_PG_ENV);
	env_boot();
	e = env_make(env_free_row(), frame, &env_name.name);
	e->pub->account = ACCT_ROOT;
	acct_charge(ACCT_ROOT, EXO_RES_ENVS, 1);
	slots = frame_next(EXO_PG_SLOTS);
	cap_boot(d, slots);
	cap_boot_add(slots, 1, &dom_name);
	cap_boot_add(slots, 2, &env_name);
	cap_boot_add(slots, 3, &memory);
	seat.env = e->id;
	seat.entry = elf.entry;
	seat.upcall = elf.entry + EXO_START_UPCALL_AT;
	page_bind(seat.upcall_ppn);
	seat_set(seat_at(d, 0), &seat);
	start_fill(page_kva(start), d, e, &elf, name);
	env_place(e, seat_at(d, 0), EXO_START_VA);
	sched_boot(ACCT_ROOT, e);
	return e;
}
