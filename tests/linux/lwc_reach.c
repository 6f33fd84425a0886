/*
 * lwc_reach.c - light-weight contexts: what was left out can't be had in a
 * roundabout way: by Castor's own descriptors, by /proc, by a right that a later
 * spec takes away, by what was lent.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "child.h"
#include "native.h"
#include "tap.h"

#define NEEDLE	0x6e6565646c653a29ul

static uint64_t *
shared(size_t n)
{
	uint64_t *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < n; i += PAGE)
		p[i / 8] = NEEDLE;
	return p;
}

/* ---- Castor's own descriptors: what memory is filled from */

/* Of all that there are: how many begin with the needle? */
static uint64_t
find(uint64_t op)
{
	uint64_t hits = 0;

	for (uint64_t fd = CM_FDS; fd < CM_FDS_ALL; fd++) {
		uint64_t word = 0;

		if (native_ask(op, fd, sizeof(word), 0, 0) != sizeof(word))
			continue;
		memcpy(&word, NATIVE_WINDOW->data, sizeof(word));
		hits += word == NEEDLE;
	}
	return hits;
}

TEST(shared_memory_that_is_unmapped_has_no_descriptor)
{
	uint64_t *p = shared(4 * PAGE);
	struct lwc_spec s[] = {
		SPEC(LWC_MEMORY | LWC_UNMAP, p, p + 2048),
		SPEC(LWC_CREDENT | LWC_UNMAP, -1, -1),
		SPEC(LWC_FILES | LWC_UNMAP, -1, -1),
	};

	EQ(find(CM_READ), 1);
	for (int n = 1; n <= 3; n++) {
		long c = child(s, n, 0, find);

		EQ(said(c, CM_READ), 0);
		EQ(lwc_close((int)c), 0);
	}
	EQ(find(CM_READ), 1);
	munmap(p, 4 * PAGE);
}

/* Nor does it have the rest of a file of which it has a part; nor what it is
 * to share the table of. */
TEST(shared_memory_is_unmapped_as_a_whole)
{
	uint64_t *p = shared(4 * PAGE);
	struct lwc_spec s[] = {
		SPEC(LWC_MEMORY | LWC_UNMAP, p + 512, p + 1024),
		SPEC(LWC_FILES | LWC_SHARE, -1, -1),
	};

	EQ(child(s, 1, 0, find), -EINVAL);
	s[0].first = (uint64_t)p;
	s[0].last = (uint64_t)(p + 2048);
	EQ(child(s, 2, 0, find), -EINVAL);
	EQ(p[0], NEEDLE);
	EQ(p[512], NEEDLE);
	munmap(p, 4 * PAGE);
}

/* ---- /proc */

static uint64_t
open_again(uint64_t fd)
{
	char path[32];
	uint64_t word = 0;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", (int)fd);
	r = open(path, O_RDONLY | O_NONBLOCK);
	if (r < 0 || pread(r, &word, sizeof(word), 0) < 0)
		(void)!read(r, &word, sizeof(word));
	close(r);
	return word;
}

TEST(descriptors_are_not_opened_again_by_proc)
{
	struct lwc_spec s = SPEC(LWC_FILES | LWC_UNMAP, -1, -1);
	int mem = memfd_create("reach", 0), fds[2];
	uint64_t word = NEEDLE;
	long c;

	EQ(pipe(fds), 0);
	EQ(write(fds[1], &word, sizeof(word)), sizeof(word));
	EQ(pwrite(mem, &word, sizeof(word), 0), sizeof(word));
	EQ(open_again((uint64_t)mem), NEEDLE);
	c = child(&s, 1, 0, open_again);
	EQ(said(c, (uint64_t)mem), 0);
	EQ(said(c, (uint64_t)fds[0]), 0);
	EQ(lwc_close((int)c), 0);
	/* And one that has them sees its own. */
	c = child(NULL, 0, 0, open_again);
	EQ(said(c, (uint64_t)mem), NEEDLE);
	EQ(lwc_close((int)c), 0);
	close(mem);
	close(fds[0]);
	close(fds[1]);
}

static uint64_t
goes_and_looks(uint64_t go)
{
	char at[32] = "";

	if (go)
		return (uint64_t)chdir("/etc");
	return readlink("/proc/self/cwd", at, sizeof(at)) == 4 &&
	    memcmp(at, "/etc", 4) == 0;
}

TEST(a_directory_is_ones_own)
{
	long c = child(NULL, 0, 0, goes_and_looks);

	EQ(goes_and_looks(0), 0);
	EQ(said(c, 1), 0);
	EQ(said(c, 0), 1);
	EQ(goes_and_looks(0), 0);
	EQ(lwc_close((int)c), 0);
}

/* ---- rights */

static uint64_t
overlay(uint64_t at)
{
	struct lwc_spec s = SPEC(LWC_MEMORY, at, at + PAGE);
	long r = lwc_overlay(caller, &s, 1);

	return r < 0 ? (uint64_t)r : *(volatile uint64_t *)at;
}

/* All of it may be overlaid, but not that. */
TEST(the_last_spec_says_what_may_be_overlaid)
{
	uint64_t *p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct lwc_spec s[] = {
		SPEC(LWC_MEMORY | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_MEMORY | LWC_UNMAP, p + 512, p + 1024),
		SPEC(LWC_FILES | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_FILES | LWC_UNMAP, 0, 63),
	};
	long c;

	p[0] = p[512] = p[1024] = NEEDLE;
	c = child(s, 4, 0, overlay);
	EQ(said(c, (uint64_t)p), NEEDLE);
	EQ(said(c, (uint64_t)(p + 512)), -EACCES);
	EQ(said(c, (uint64_t)(p + 1024)), NEEDLE);
	EQ(lwc_close((int)c), 0);
	munmap(p, 3 * PAGE);
}

/* ---- what Castor has handled */

static volatile uint64_t *filled;

/* In disguise, so that it is in no register of its creator's. */
static uint64_t
fill(uint64_t with)
{
	for (size_t i = 0; i < PAGE / 8; i++)
		filled[i] = ~with;
	return 0;
}

/* In all that Castor has of its own about this thread. */
static uint64_t
in_block(uint64_t what)
{
	uint64_t n = 0;

	for (uint64_t at = 0x1000; at < 0x6000; at += 8)
		n += *(volatile uint64_t *)(NATIVE_BLOCK + at) == ~what;
	return n;
}

/* What was overlaid went over Castor's stack, of which a child has a part. */
TEST(a_child_finds_nothing_on_castors_stack)
{
	struct lwc_spec s;
	long c;

	filled = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s = (struct lwc_spec)SPEC(LWC_MEMORY, filled, filled + PAGE / 8);
	c = child(NULL, 0, 0, fill);
	EQ(said(c, ~NEEDLE), 0);
	EQ(lwc_overlay((int)c, &s, 1), 0);
	OK(filled[7] != 0);
	EQ(lwc_close((int)c), 0);
	fill(~0ul);
	s.flags |= LWC_UNMAP;
	c = child(&s, 1, 0, in_block);
	EQ(said(c, ~NEEDLE), 0);
	EQ(lwc_close((int)c), 0);
	munmap((void *)filled, PAGE);
}

/* ---- what is lent */

/* With its creator's descriptors: Castor's own are not among them. */
static uint64_t
find_lent(uint64_t arg)
{
	uint64_t args[6] = { 0, (uint64_t)&args[5], 8, 0 }, hits = 0;

	(void)arg;
	for (uint64_t fd = 0; fd < CM_FDS_ALL; fd++) {
		args[0] = fd;
		args[5] = 0;
		if (lwc_syscall(caller, LWC_FILES, SYS_pread64, args) == 8)
			hits += args[5] == NEEDLE ? 1 + 256 * (fd >= CM_FDS) :
			    0;
		args[5] = CM_FDS;
		if (fd >= CM_FDS && lwc_syscall(caller, LWC_FILES, SYS_dup2,
		    (uint64_t[6]){ 1, fd }) >= 0)
			hits += 65536;
	}
	return hits;
}

TEST(castors_own_descriptors_are_not_lent)
{
	uint64_t *p = shared(PAGE), word = NEEDLE;
	struct lwc_spec s[] = {
		SPEC(LWC_FILES | LWC_UNMAP | LWC_MAY_OVERLAY, -1, -1),
		SPEC(LWC_MEMORY | LWC_UNMAP, p, p + 512),
	};
	int mem = memfd_create("reach", 0);
	long c;

	EQ(pwrite(mem, &word, sizeof(word), 0), sizeof(word));
	c = child(s, 2, 0, find_lent);
	EQ(said(c, 0), 1);
	EQ(p[0], NEEDLE);
	EQ(lwc_close((int)c), 0);
	close(mem);
	munmap(p, PAGE);
}

TAP_MAIN
