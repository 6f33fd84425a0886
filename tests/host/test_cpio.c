/*
 * test_cpio.c - the cpio reader against sound, broken and hostile archives.
 *
 * Archives are built in a buffer and judged in a heap block of their exact
 * size, so that the sanitizer sees any read past it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cpio.h"
#include "tap.h"

enum { HEADER = 110, MODE = 14, FILESIZE = 54, NAMESIZE = 94 };

static char archive[4096];
static uint64_t length;

static void
pad(void)
{
	while (length % 4 != 0)
		archive[length++] = '\0';
}

/* Append an entry; returns the offset of its header. */
static uint64_t
add_raw(const char *name, uint64_t namesize, const char *data, uint64_t size)
{
	uint64_t at = length;

	length += (uint64_t)sprintf(archive + at,
	    "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
	    1, 0100644, 0, 0, 1, 0, (unsigned)size, 0, 0, 0, 0,
	    (unsigned)namesize, 0);
	memcpy(archive + length, name, namesize);
	length += namesize;
	pad();
	memcpy(archive + length, data, size);
	length += size;
	pad();
	return at;
}

static uint64_t
add(const char *name, const char *data)
{
	return add_raw(name, strlen(name) + 1, data, strlen(data));
}

static void
make_sound(void)
{
	length = 0;
	add("init", "first");
	add("bin/sh", "");
	add("etc/motd", "hello, world\n");
	add("init", "second");
	add("TRAILER!!!", "");
}

/* Walk the first size bytes; the number of files in *count. */
static long
walk_cut(uint64_t size, unsigned *count)
{
	char *copy = malloc(size == 0 ? 1 : size);
	struct cpio_file f;
	long r;

	memcpy(copy, archive, size);
	*count = 0;
	for (r = cpio_first(copy, size, &f); r == 0;
	    r = cpio_next(copy, size, &f))
		++*count;
	free(copy);
	return r;
}

static long
walk(void)
{
	unsigned count;

	return walk_cut(length, &count);
}

/* The verdict on a sound archive with bytes of the first header changed. */
static long
spoil(unsigned at, const char *bytes)
{
	make_sound();
	memcpy(archive + at, bytes, strlen(bytes));
	return walk();
}

TEST(cpio_files_come_in_order)
{
	struct cpio_file f;
	unsigned count;

	make_sound();
	EQ(walk_cut(length, &count), CPIO_E_END);
	EQ(count, 4);
	EQ(cpio_first(archive, length, &f), 0);
	OK(strcmp(f.name, "init") == 0);
	EQ(f.size, 5);
	OK(memcmp(f.data, "first", 5) == 0);
	EQ(f.mode, 0100644);
	EQ(cpio_next(archive, length, &f), 0);
	OK(strcmp(f.name, "bin/sh") == 0);
	EQ(f.size, 0);
	EQ(cpio_next(archive, length, &f), 0);
	OK(memcmp(f.data, "hello, world\n", f.size) == 0);
}

TEST(cpio_find_takes_the_first)
{
	struct cpio_file f;

	make_sound();
	EQ(cpio_find(archive, length, "init", &f), 0);
	EQ(f.size, 5);
	EQ(cpio_find(archive, length, "etc/motd", &f), 0);
	EQ(f.size, 13);
}

TEST(cpio_find_wants_the_whole_name)
{
	struct cpio_file f = { .size = 77 };

	make_sound();
	EQ(cpio_find(archive, length, "ini", &f), CPIO_E_END);
	EQ(cpio_find(archive, length, "init2", &f), CPIO_E_END);
	EQ(cpio_find(archive, length, "./init", &f), CPIO_E_END);
	EQ(cpio_find(archive, length, "", &f), CPIO_E_END);
	EQ(cpio_find(archive, length, "TRAILER!!!", &f), CPIO_E_END);
	EQ(f.size, 77);
}

TEST(cpio_find_tells_a_broken_archive)
{
	struct cpio_file f = { .size = 77 };

	make_sound();
	EQ(cpio_find(archive, length - 200, "none", &f), CPIO_E_SHORT);
	EQ(cpio_find(archive, length - 200, "init", &f), 0);
}

TEST(cpio_archive_may_be_unaligned)
{
	char *copy = malloc(sizeof(archive) + 1);
	struct cpio_file f;

	make_sound();
	memcpy(copy + 1, archive, length);
	EQ(cpio_find(copy + 1, length, "etc/motd", &f), 0);
	OK(memcmp(f.data, "hello", 5) == 0);
	free(copy);
}

TEST(cpio_any_cut_is_refused)
{
	unsigned count;

	make_sound();
	for (uint64_t size = 0; size < length; size++)
		EQ(walk_cut(size, &count), CPIO_E_SHORT);
}

TEST(cpio_bytes_after_the_trailer_do_not_matter)
{
	make_sound();
	memset(archive + length, 'x', 300);
	length += 300;
	EQ(walk(), CPIO_E_END);
}

TEST(cpio_other_formats_are_refused)
{
	EQ(spoil(0, "070702"), CPIO_E_MAGIC);	/* with checksums */
	EQ(spoil(0, "070707"), CPIO_E_MAGIC);	/* old ASCII */
	EQ(spoil(0, "\xc7\x71"), CPIO_E_MAGIC);	/* binary */
	EQ(spoil(0, "\x1f\x8b"), CPIO_E_MAGIC);	/* gzip */
}

TEST(cpio_fields_are_hexadecimal)
{
	for (unsigned i = 6; i < HEADER; i++)
		EQ(spoil(i, "g"), CPIO_E_HEX);
	EQ(spoil(FILESIZE, "     005"), CPIO_E_HEX);
	EQ(spoil(FILESIZE, "0x000005"), CPIO_E_HEX);
	EQ(spoil(FILESIZE, "-0000005"), CPIO_E_HEX);
	EQ(spoil(MODE, "0000ABef"), CPIO_E_END);
	EQ(spoil(MODE, "0000@000"), CPIO_E_HEX);
	EQ(spoil(MODE, "0000G000"), CPIO_E_HEX);
	EQ(spoil(MODE, "0000`000"), CPIO_E_HEX);
	EQ(spoil(MODE, "0000/000"), CPIO_E_HEX);
	EQ(spoil(MODE, "0000:000"), CPIO_E_HEX);
}

TEST(cpio_huge_sizes_are_refused)
{
	EQ(spoil(FILESIZE, "ffffffff"), CPIO_E_SHORT);
	EQ(spoil(NAMESIZE, "ffffffff"), CPIO_E_SHORT);
	EQ(spoil(NAMESIZE, "fffffffe"), CPIO_E_SHORT);
	make_sound();
	memcpy(archive + NAMESIZE, "ffffffff", 8);
	memcpy(archive + FILESIZE, "ffffffff", 8);
	EQ(walk(), CPIO_E_SHORT);
}

TEST(cpio_names_end_where_they_say)
{
	EQ(spoil(NAMESIZE, "00000000"), CPIO_E_NAME);
	EQ(spoil(NAMESIZE, "00000004"), CPIO_E_NAME);	/* no NUL */
	EQ(spoil(NAMESIZE, "00000006"), CPIO_E_NAME);	/* two */
	length = 0;
	add("", "");
	EQ(walk(), CPIO_E_NAME);
	length = 0;
	add_raw("a\0b", 4, "", 0);
	EQ(walk(), CPIO_E_NAME);
}

TEST(cpio_trailer_has_no_contents)
{
	length = 0;
	add("TRAILER!!!", "x");
	EQ(walk(), CPIO_E_TRAILER);
}

TEST(cpio_next_refuses_an_offset_outside)
{
	struct cpio_file f = { .next = UINT64_MAX };

	make_sound();
	EQ(cpio_next(archive, length, &f), CPIO_E_SHORT);
	f.next = length + 1;
	EQ(cpio_next(archive, length, &f), CPIO_E_SHORT);
	f.next = length;
	EQ(cpio_next(archive, length, &f), CPIO_E_SHORT);
}

int
main(void)
{
	return tap_main();
}
