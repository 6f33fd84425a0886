/*
 * fuzz_cpio.c - what the cpio reader hands out lies inside the archive, in
 * ascending order, and is what cpio_find() finds.
 */
#include <stdlib.h>
#include <string.h>

#include "cpio.h"
#include "fuzz.h"

static void
file_judge(const uint8_t *a, size_t size, const struct cpio_file *f,
    uint64_t at)
{
	uint64_t name = (uint64_t)((const uint8_t *)f->name - a);
	uint64_t data = (uint64_t)((const uint8_t *)f->data - a);
	size_t len = strlen(f->name);

	MUST(name == at + 110 && len > 0);
	MUST(data % 4 == 0 && data > name + len && data <= size);
	MUST(f->size <= size - data);
	MUST(f->next % 4 == 0 && f->next >= data + f->size && f->next <= size);
	for (uint64_t i = 0; i < f->size; i++)
		fuzz_sink += ((const uint8_t *)f->data)[i];
}

/* f is the first of its name, or comes after the first. */
static void
find_judge(const uint8_t *a, size_t size, const struct cpio_file *f)
{
	struct cpio_file found;

	MUST(cpio_find(a, size, f->name, &found) == 0);
	MUST(strcmp(found.name, f->name) == 0);
	MUST(found.name <= f->name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_file f;
	uint64_t at = 0;
	long r;

	for (r = cpio_first(data, size, &f); r == 0;
	    r = cpio_next(data, size, &f)) {
		file_judge(data, size, &f, at);
		find_judge(data, size, &f);
		at = f.next;
	}
	MUST(r >= CPIO_E_TRAILER && r <= CPIO_E_END);
	return 0;
}
