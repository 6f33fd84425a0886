/*
 * cpio.c - checked reading of "newc" cpio archives.
 *
 * An entry is a header of fixed size in ASCII, the name with its NUL, and
 * the contents; name and contents are each padded to four bytes, counted
 * from the start of the archive.
 */
#include "cpio.h"

enum {
	MAGIC_SIZE = 6, FIELD_SIZE = 8, FIELDS = 13,
	HEADER_SIZE = MAGIC_SIZE + FIELDS * FIELD_SIZE,
	F_MODE = 1, F_FILESIZE = 6, F_NAMESIZE = 11,
};

static const char magic[] = "070701", trailer[] = "TRAILER!!!";

static bool
bytes_equal(const char *a, const char *b, uint64_t n)
{
	while (n > 0 && *a == *b) {
		a++;
		b++;
		n--;
	}
	return n == 0;
}

static bool
name_equal(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool
hex_read(const char *p, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < FIELD_SIZE; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* Move *at over len bytes and the padding after them. */
static bool
offset_skip(uint64_t *at, uint64_t len, uint64_t size)
{
	uint64_t end, pad;

	if (len > size - *at)
		return false;
	end = *at + len;
	pad = -end & 3;
	if (pad > size - end)
		return false;
	*at = end + pad;
	return true;
}

static bool
name_ok(const char *name, uint64_t len)
{
	uint64_t i = 0;

	while (i < len && name[i] != '\0')
		i++;
	return i > 0 && i + 1 == len;
}

/* The entry at an offset of at most size. */
static long
entry_read(const char *archive, uint64_t size, uint64_t at,
    struct cpio_file *file)
{
	const char *header, *name;
	uint32_t field[FIELDS];
	uint64_t data = at;

	if (size - at < HEADER_SIZE)
		return CPIO_E_SHORT;
	header = archive + at;
	name = header + HEADER_SIZE;
	if (!bytes_equal(header, magic, MAGIC_SIZE))
		return CPIO_E_MAGIC;
	for (unsigned i = 0; i < FIELDS; i++) {
		if (!hex_read(header + MAGIC_SIZE + i * FIELD_SIZE, &field[i]))
			return CPIO_E_HEX;
	}
	if (!offset_skip(&data, HEADER_SIZE + (uint64_t)field[F_NAMESIZE],
	    size))
		return CPIO_E_SHORT;
	if (!name_ok(name, field[F_NAMESIZE]))
		return CPIO_E_NAME;
	if (name_equal(name, trailer))
		return field[F_FILESIZE] == 0 ? CPIO_E_END : CPIO_E_TRAILER;
	at = data;
	if (!offset_skip(&at, field[F_FILESIZE], size))
		return CPIO_E_SHORT;
	*file = (struct cpio_file){
		.name = name,
		.data = archive + data,
		.size = field[F_FILESIZE],
		.mode = field[F_MODE],
		.next = at,
	};
	return 0;
}

long
cpio_first(const void *archive, uint64_t size, struct cpio_file *file)
{
	return entry_read(archive, size, 0, file);
}

long
cpio_next(const void *archive, uint64_t size, struct cpio_file *file)
{
	if (file->next > size)
		return CPIO_E_SHORT;
	return entry_read(archive, size, file->next, file);
}

long
cpio_find(const void *archive, uint64_t size, const char *name,
    struct cpio_file *file)
{
	struct cpio_file f;
	long r;

	for (r = cpio_first(archive, size, &f); r == 0;
	    r = cpio_next(archive, size, &f)) {
		if (name_equal(f.name, name)) {
			*file = f;
			return 0;
		}
	}
	return r;
}
