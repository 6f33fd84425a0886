/*
 * file.c - files, straight from the boot archive, and the console.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "cpio.h"
#include "file.h"

#define ARCHIVE		(HEAP + 0x40000000ul)
#define FILES		8u

static struct {
	const void *data;
	uint64_t size;
} files[FILES];
static uint32_t nfiles;
static bool mapped;

static void
archive_map(void)
{
	if (mapped)
		return;
	for (uint32_t i = 0; i < EXO_MACHINE->archive_pages; i++)
		(void)!pt_put(ARCHIVE + i * EXO_PAGE,
		    EXO_PTE(EXO_MACHINE->archive_ppn + i, EXO_PTE_NX),
		    own.archive_slot);
	mapped = true;
}

long
file_open(const char *path, uint64_t *size)
{
	struct cpio_file f;

	archive_map();
	while (*path == '/')
		path++;
	if (cpio_find((void *)ARCHIVE, EXO_MACHINE->archive_len, path, &f) < 0)
		return -ENOENT;
	files[nfiles].data = f.data;
	*size = files[nfiles].size = f.size;
	return ++nfiles;
}

void
file_release(uint64_t file)
{
	(void)file;
}

long
file_fill(uint64_t file, uint64_t offset, void *to, uint64_t n)
{
	memcpy(to, (const uint8_t *)files[file - 1].data + offset, n);
	return 0;
}

long
file_map(uint32_t fd, struct area *a, uint64_t offset, uint64_t n)
{
	(void)fd;
	(void)a;
	(void)offset;
	(void)n;
	return -EBADF;
}

long
call_write(uint64_t fd, uint64_t from, uint64_t n)
{
	char bytes[256];
	uint64_t done = 0;

	if (fd != 1 && fd != 2)
		return -EBADF;
	while (done < n) {
		uint64_t now = n - done < 256 ? n - done : 256;
		long r = user_read(bytes, from + done, now);

		if (r < 0)
			return r;
		console_put(bytes, now);
		done += now;
	}
	return (long)n;
}

long
call_writev(uint64_t fd, uint64_t from, uint64_t n)
{
	long total = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct iovec v;
		long r = user_read(&v, from + i * sizeof(v), sizeof(v));

		if (r == 0)
			r = call_write(fd, v.base, v.len);
		if (r < 0)
			return r;
		total += r;
	}
	return total;
}
