/*
 * text.c - Castor's image: live frames under live tables.
 */
#include <castor/self.h>
#include <castor/slot.h>
#include <castor/string.h>
#include <castor/text.h>
#include <castor/vm.h>

#include "bell.bpf.h"
#include "elf.h"
#include "image/layout.h"
#include "proc.h"

_Static_assert(IMAGE_WINDOW_VA == BLOCK(0) + BLOCK_WINDOW, "layout.h");

static struct text text = { .name = EXO_NONE };
static bool made;

static long
live_frame(uint32_t kind, exo_ppn *ppn)
{
	return vm_pages(self->acct, self->acct_slot, text.name,
	    kind | EXO_KIND_LIVE, 1, ppn);
}

/* Tables of levels 3 to 1, linked to one another: that of level 1. */
static long
tables_make(void)
{
	exo_ppn companion, ppn, above = 0;

	for (uint32_t level = 3; level > 0; level--) {
		long r = live_frame(EXO_PG_PT1 + level - 1, &ppn);

		if (r == 0 && above != 0)
			r = exo_pt_set(text.name, above,
			    EXO_PT_INDEX(TEXT, level + 1), EXO_PTE(ppn, 0),
			    text.name);
		if (r < 0)
			return r;
		if (above == 0)
			text.table = ppn;
		above = ppn;
	}
	long r = vm_pages(self->acct, self->acct_slot, text.name, EXO_PG_RMAP,
	    1, &companion);

	if (r == 0)
		r = exo_pt_companion(above, companion);
	return r < 0 ? r : (long)above;
}

/* One page: written here, then entered there. */
static long
page_load(exo_ppn last, const struct elf_segment *s, uint64_t va)
{
	uint64_t end = s->vaddr + s->filesz;
	uint64_t n = end - va < EXO_PAGE ? end - va : EXO_PAGE;
	exo_ppn ppn;
	long at, r = live_frame(EXO_PG_DATA, &ppn);

	if (r < 0)
		return r;
	at = vm_map_frame(ppn, VM_RW, text.name);
	if (at < 0)
		return at;
	memcpy((void *)at, (const uint8_t *)text.file.data + s->offset +
	    (va - s->vaddr), n);
	r = vm_unmap((uint64_t)at, 1);
	return r < 0 ? r : exo_pt_set(text.name, last, EXO_PT_INDEX(va, 1),
	    EXO_PTE(ppn, s->flags & ELF_X ? 0 : EXO_PTE_NX), text.name);
}

static long
prog_make(void)
{
	long r = vm_pages(self->acct, self->acct_slot, text.name, EXO_PG_PROG,
	    1, &text.prog);

	return r < 0 ? r : exo_prog_load(text.name, text.prog,
	    (uint64_t)bell_bpf, sizeof(bell_bpf) / sizeof(bell_bpf[0]));
}

static long
text_make(void)
{
	struct elf_segment s;
	struct elf_info info;
	long last, r = archive_find(TEXT_NAME, &text.file);

	if (r < 0)
		return r;
	if (elf_check(text.file.data, text.file.size, &info) != 0)
		return -EXO_E_TYPE;
	r = proc_session();
	if (r >= 0)
		r = slot_derive((exo_slot)r, EXO_R_ALL, EXO_COMP_FRESH);
	if (r < 0)
		return r;
	text.name = (exo_slot)r;
	text.entry = info.entry;
	last = r = tables_make();
	for (uint32_t i = 0; i < info.segments && r >= 0; i++) {
		(void)!elf_segment(text.file.data, text.file.size, i, &s);
		if (s.vaddr >= OWN)
			continue;
		for (uint64_t va = s.vaddr; va < s.vaddr + s.filesz && r >= 0;
		    va += EXO_PAGE)
			r = page_load((exo_ppn)last, &s, va);
	}
	return r < 0 ? r : prog_make();
}

const struct text *
text_get(long *error)
{
	*error = made ? 0 : text_make();
	made = *error == 0;
	return made ? &text : NULL;
}
