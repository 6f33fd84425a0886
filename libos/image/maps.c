/*
 * maps.c - what /proc/PID/maps says of the process itself: its areas, which only
 * Castor knows.  The text is a file without a name, as it was when opened.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "area.h"
#include "thread.h"
#include "wait.h"

#define LINE		128u

bool
maps_is(const char *path)
{
	char mine[MAPS_NAME];

	(void)print_to(mine, sizeof(mine), "/proc/%u/maps", pid);
	return strcmp(path, "/proc/self/maps") == 0 ||
	    strcmp(path, mine) == 0;
}

static const char *
kind_of(const struct area *a)
{
	return a->flags & AREA_STACK ? "[stack]" :
	    a->low >= brk_low && a->high <= PAGE_UP(brk_now) ? "[heap]" : "";
}

static size_t
line_make(char *line, const struct area *a)
{
	return print_to(line, LINE, "%08lx-%08lx %c%c%c%c %08lx 00:01 %lu %s\n",
	    a->low, a->high, a->prot & PROT_READ ? 'r' : '-',
	    a->prot & PROT_WRITE ? 'w' : '-', a->prot & PROT_EXEC ? 'x' : '-',
	    a->flags & AREA_SHARED ? 's' : 'p', a->file == 0 ? 0 : a->offset,
	    a->file, kind_of(a));
}

static long
lines_put(uint64_t fd)
{
	uint64_t n = 0, pos = 0;
	char line[LINE];
	long r = 0;

	for (const struct area *a = area_from(0); a != NULL && r >= 0;
	    a = area_from(a->high)) {
		size_t len = line_make(line, a);

		if (n + len > CM_DATA) {
			r = commons(CM_WRITE, fd, n, pos, 0);
			pos += n;
			n = 0;
		}
		memcpy(my_window()->data + n, line, len);
		n += len;
	}
	return r < 0 || n == 0 ? r : commons(CM_WRITE, fd, n, pos, 0);
}

long
maps_make(void)
{
	long fd = commons(CM_MEMFD, 0, 0, 0, 0), r;

	if (fd < 0)
		return fd;
	lock();
	r = lines_put((uint64_t)fd);
	unlock();
	if (r < 0)
		(void)commons(CM_CLOSE, (uint64_t)fd, 0, 0, 0);
	return r < 0 ? r : fd;
}
