/*
 * archive.c - the boot archive.
 *
 * At boot its frames have the root's name.  Whoever holds that gives them a
 * name of their own first, so that the right to read the archive can be
 * handed on without the right to read everything.
 */
#include <castor/archive.h>
#include <castor/self.h>
#include <castor/slot.h>
#include <castor/vm.h>

#include "cpio.h"

#define COMPONENT	0x61u		/* 'a': the root's chosen child */

static exo_slot cap = EXO_NONE;
static const void *archive;

static long
archive_guard(exo_slot name)
{
	exo_ppn first = EXO_MACHINE->archive_ppn;

	for (uint32_t i = 0; i < EXO_MACHINE->archive_pages; i++) {
		long r;

		do {
			r = exo_page_guard(self->root_slot, name, first + i,
			    EXO_STEPS_MAX);
		} while (r > 0);
		if (r < 0)
			return r;
	}
	return 0;
}

long
archive_cap(void)
{
	long slot, r;

	if (cap != EXO_NONE)
		return cap;
	if (self->archive_slot == EXO_NONE)
		return -EXO_E_DENIED;
	if (self->root_slot == EXO_NONE)
		return cap = self->archive_slot;
	slot = slot_derive(self->root_slot, EXO_R_READ | EXO_R_GIVE,
	    COMPONENT);
	if (slot < 0)
		return slot;
	r = archive_guard((exo_slot)slot);
	if (r < 0) {
		slot_put((exo_slot)slot);
		return r;
	}
	return cap = (exo_slot)slot;
}

static long
archive_map(void)
{
	uint64_t va;
	long r, slot;

	if (archive != NULL)
		return 0;
	slot = archive_cap();
	if (slot < 0)
		return slot;
	va = vm_alloc_va(EXO_MACHINE->archive_pages);
	if (va == 0)
		return -EXO_E_QUOTA;
	r = vm_map_run(va, EXO_MACHINE->archive_ppn,
	    EXO_MACHINE->archive_pages, VM_R, (exo_slot)slot);
	if (r == 0)
		archive = (const void *)va;
	return r;
}

const void *
archive_data(void)
{
	return archive;
}

static long
file_result(long r, const struct cpio_file *c, struct archive_file *f)
{
	if (r != 0)
		return r == CPIO_E_END ? -EXO_E_NAME : -EXO_E_ARG;
	*f = (struct archive_file){
		.name = c->name, .data = c->data, .size = c->size,
		.mode = c->mode, .next = c->next,
	};
	return 0;
}

long
archive_find(const char *name, struct archive_file *f)
{
	struct cpio_file c;
	long r = archive_map();

	if (r < 0)
		return r;
	r = cpio_find(archive, EXO_MACHINE->archive_len, name, &c);
	return file_result(r, &c, f);
}

long
archive_first(struct archive_file *f)
{
	struct cpio_file c;
	long r = archive_map();

	if (r < 0)
		return r;
	r = cpio_first(archive, EXO_MACHINE->archive_len, &c);
	return file_result(r, &c, f);
}

long
archive_next(struct archive_file *f)
{
	struct cpio_file c = { .next = f->next };
	long r = archive_map();

	if (r < 0)
		return r;
	r = cpio_next(archive, EXO_MACHINE->archive_len, &c);
	return file_result(r, &c, f);
}
