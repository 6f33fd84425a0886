/*
 * file.c - files that are mapped, or run: descriptors, capabilities, frames.
 */
#include <castor/string.h>

#include "file.h"
#include "wait.h"

#define O_CLOEXEC	02000000ul
#define F_SETFD		2u
#define S_IFMT		0170000u
#define S_IFREG		0100000u
#define OWN_FDS		(CM_FDS_ALL - CM_FDS)
#define SLOT_FIRST	24u		/* of table 0, for capabilities */

/* Slots by file and right.  0: none yet. */
static uint8_t slots[OWN_FDS][FILE_RIGHTS];
static uint64_t slots_used[2];
static uint16_t holds[OWN_FDS];		/* areas that have it */
static uint64_t dropped[OWN_FDS / 64];	/* none any more: to be let go */

/* ---- slots */

long
file_slot_take(void)
{
	for (uint32_t i = SLOT_FIRST; i < EXO_SLOTS_PER_TABLE; i++) {
		if (slots_used[i / 64] >> i % 64 & 1)
			continue;
		slots_used[i / 64] |= 1ul << i % 64;
		return i;
	}
	return -ENOMEM;
}

void
file_slot_put(exo_slot slot)
{
	(void)!exo_cap_drop(slot);
	slots_used[slot / 64] &= ~(1ul << slot % 64);
}

long
file_slot(uint64_t file, enum file_right right)
{
	static const uint8_t prot[FILE_RIGHTS] = { PROT_READ, PROT_WRITE,
		PROT_EXEC };
	uint8_t *at = &slots[file - CM_FDS][right];
	long slot, r;

	if (*at != 0)
		return *at;
	slot = file_slot_take();
	if (slot < 0)
		return slot;
	commons_at();
	r = exo_cap_open((exo_slot)slot, share.commons) < 0 ? -ENODEV :
	    commons(CM_FILE_CAP, file, (uint64_t)slot, prot[right], 0);
	if (r < 0) {
		file_slot_put((exo_slot)slot);
		return r;
	}
	return *at = (uint8_t)slot;
}

void
file_forget(void)
{
	memset(slots, 0, sizeof(slots));
	slots_used[0] = slots_used[1] = 0;
}

/* ---- descriptors */

static void
slots_drop(uint32_t i)
{
	for (uint32_t k = 0; k < FILE_RIGHTS; k++) {
		if (slots[i][k] != 0)
			file_slot_put(slots[i][k]);
		slots[i][k] = 0;
	}
}

void
file_release(uint64_t file)
{
	if (holds[file - CM_FDS] != 0)
		return;
	slots_drop((uint32_t)(file - CM_FDS));
	(void)commons(CM_CLOSE, file, 0, 0, 0);
}

void
file_hold(uint64_t file)
{
	holds[file - CM_FDS]++;
}

void
file_drop(uint64_t file)
{
	uint64_t i = file - CM_FDS;

	if (--holds[i] == 0)
		dropped[i / 64] |= 1ul << i % 64;
}

void
file_settle(void)
{
	for (uint32_t w = 0; w < OWN_FDS / 64; w++) {
		while (dropped[w] != 0) {
			uint32_t i = (uint32_t)__builtin_ctzl(dropped[w]);

			dropped[w] &= dropped[w] - 1;
			file_release(CM_FDS + w * 64 + i);
		}
	}
}

/* The commons has closed the others, which are close-on-exec. */
void
file_exec(uint64_t file)
{
	for (uint32_t i = 0; i < OWN_FDS; i++) {
		if (i != file - CM_FDS)
			slots_drop(i);
	}
	dropped[0] = dropped[1] = 0;
	(void)commons(CM_FCNTL, file, F_SETFD, 1, 0);
}

/* Its type and size, from a struct stat. */
static long
stat_get(uint64_t fd, uint32_t *mode, uint64_t *size)
{
	long r = commons(CM_STAT, fd, 0, 0x1000, 0);	/* AT_EMPTY_PATH */

	memcpy(mode, my_window()->data + 24, sizeof(*mode));
	memcpy(size, my_window()->data + 48, sizeof(*size));
	return r;
}

/* It is marked close-on-exec when it runs: program_exec. */
long
file_open(const char *path, uint64_t *size)
{
	uint64_t n = strlen(path);
	uint32_t mode = 0;
	long fd, own_fd, r;

	memcpy(my_window()->data, path, n);
	r = ask(CM_ACCESS, (uint64_t)CM_AT_CWD, n, 1, 0);
	if (r < 0)
		return r;
	memcpy(my_window()->data, path, n);
	fd = ask(CM_OPEN, (uint64_t)CM_AT_CWD, n, O_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	own_fd = commons(CM_DUP, (uint64_t)fd, CM_FDS, 0, 0);
	(void)commons(CM_CLOSE, (uint64_t)fd, 0, 0, 0);
	if (own_fd < 0)
		return own_fd;
	r = stat_get((uint64_t)own_fd, &mode, size);
	if (r == 0 && (mode & S_IFMT) != S_IFREG)
		r = -EACCES;
	if (r < 0)
		file_release((uint64_t)own_fd);
	return r < 0 ? r : own_fd;
}

static long
area_file(struct area *a, long own_fd, uint64_t offset, uint64_t n)
{
	bool write = a->flags & AREA_SHARED && a->prot & PROT_WRITE;
	long r = own_fd < 0 ? own_fd : file_slot((uint64_t)own_fd,
	    write ? FILE_WRITE : FILE_READ);

	if (r < 0) {
		if (own_fd >= 0)
			file_release((uint64_t)own_fd);
		return r;
	}
	a->file = (uint64_t)own_fd;
	a->offset = offset;
	a->limit = n;
	return 0;
}

long
file_map(uint64_t fd, struct area *a, uint64_t offset, uint64_t n)
{
	if ((uint32_t)fd >= CM_FDS)
		return -EBADF;
	return area_file(a, commons(CM_DUP, fd, CM_FDS, O_CLOEXEC, 0), offset,
	    n);
}

long
file_map_shared(struct area *a, uint64_t n)
{
	long fd = commons(CM_MEMFD, O_CLOEXEC, 0, 0, 0), own_fd, r;

	if (fd < 0)
		return fd;
	r = commons(CM_TRUNCATE, (uint64_t)fd, 0, n, 0);
	own_fd = r < 0 ? r : commons(CM_DUP, (uint64_t)fd, CM_FDS, O_CLOEXEC,
	    0);
	(void)commons(CM_CLOSE, (uint64_t)fd, 0, 0, 0);
	return area_file(a, own_fd, 0, n);
}

/* ---- what is in them */

long
file_read(uint64_t file, uint64_t offset, void *to, uint64_t n)
{
	uint64_t done = 0;

	while (done < n) {
		uint64_t now = n - done < CM_DATA ? n - done : CM_DATA;
		long r = commons(CM_READ, file, now, offset + done, 0);

		if (r <= 0)
			return r < 0 ? r : -EIO;
		memcpy((uint8_t *)to + done, my_window()->data, (uint64_t)r);
		done += (uint64_t)r;
	}
	return 0;
}

long
file_frames(uint64_t file, uint64_t page, uint32_t n, exo_ppn *ppns)
{
	exo_ppn *data = (exo_ppn *)my_window()->data, keep[FILE_RUN];
	long r;

	memcpy(keep, data, sizeof(keep));
	r = commons(CM_FILE_PAGES, file, page, n, 0);
	if (r > 0)
		memcpy(ppns, data, (uint64_t)r * sizeof(*ppns));
	memcpy(data, keep, sizeof(keep));
	return r;
}
