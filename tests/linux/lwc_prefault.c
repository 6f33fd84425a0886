/*
 * lwc_prefault.c - LWC_PREFAULT: what a child writes was copied when it was
 * made, so that neither it nor its creator is held up by a fault; the rest is
 * shared as ever, and what either writes is its own.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "native.h"
#include "tap.h"

#define N	64ul

static char *volatile at;

static char *
filled(size_t n)
{
	char *p = pages(n);

	if (p != NULL)
		memset(p, 'a', n);
	return p;
}

/* Where the kernel says which address a fault was about, on the thread's upcall
 * frame. */
#define FAULTED		((volatile uint64_t *)(NATIVE_BLOCK + 0x7000 -	      \
			 EXO_UPFRAME_ROOM + 40))

/* Faults that it takes to write n pages. */
static uint64_t
write_them(uint64_t n, char c)
{
	uint64_t faults = 0;

	for (uint64_t i = 0; i < n; i++) {
		*FAULTED = 0;
		at[i * PAGE] = c;
		faults += *FAULTED == (uint64_t)&at[i * PAGE];
	}
	return faults;
}

/* What a child does: it writes as many pages as it is told, and says what faults
 * that took; and whether they were as they should be. */
static void
write_told(uint64_t args[LWC_ARGS])
{
	args[1] = 1;
	for (uint64_t i = 0; i < args[0]; i++)
		args[1] &= at[i * PAGE] == 'a';
	args[0] = write_them(args[0], 'c');
}

/* All of N; an end of a slice may have said something else there. */
static int
are_n(uint64_t faults)
{
	return faults <= N && faults > N - N / 8;
}

/* Faults: the child's, and then its creator's. */
static void
faults(const struct lwc_spec *specs, int nspecs, unsigned flags, uint64_t n,
    uint64_t *its, uint64_t *mine)
{
	uint64_t args[LWC_ARGS] = { n };
	long c = child_of(specs, nspecs, flags, write_told);

	OK(c >= 0);
	*mine = write_them(n, 'b');
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	*its = args[0];
	EQ(args[1], 1);			/* it has what was there when it was made */
	for (uint64_t i = 0; i < n; i++)
		EQ(at[i * PAGE], 'b');
	EQ(lwc_close((int)c), 0);
	for (uint64_t i = 0; i < n; i++)
		at[i * PAGE] = 'a';
}

TEST(what_specs_name)
{
	struct lwc_spec s;
	uint64_t its, mine;

	at = filled(4 * N * PAGE);
	s = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_COPY, at, at + N * PAGE);
	faults(&s, 1, 0, N, &its, &mine);
	OK(are_n(its) && are_n(mine));
	faults(&s, 1, LWC_PREFAULT, N, &its, &mine);
	OK(its == 0 && mine == 0);
	/* What they don't is shared. */
	faults(&s, 1, LWC_PREFAULT, 2 * N, &its, &mine);
	OK(are_n(its) && are_n(mine));
	munmap(at, 4 * N * PAGE);
}

TEST(what_was_written_last)
{
	uint64_t its, mine;
	long c;

	at = filled(4 * N * PAGE);
	/* All of it is shared, and then some is written again. */
	c = child_of(NULL, 0, 0, write_told);
	EQ(lwc_close((int)c), 0);
	(void)write_them(N, 'a');
	faults(NULL, 0, LWC_PREFAULT, N, &its, &mine);
	OK(its == 0 && mine == 0);
	faults(NULL, 0, 0, N, &its, &mine);
	OK(are_n(its) && are_n(mine));
	munmap(at, 4 * N * PAGE);
}

/* A bound: 512 pages, whatever is asked. */
TEST(not_more_than_that)
{
	const volatile struct exo_acct *a =
	    &EXO_ACCTS[EXO_INDEX(native_ids().acct)];
	uint64_t before, with, without;
	struct lwc_spec s;
	long c;

	at = filled(2048 * PAGE);
	s = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_COPY, at, at + 2048 * PAGE);
	before = a->used[EXO_RES_FRAMES];
	c = child_of(&s, 1, 0, write_told);
	without = a->used[EXO_RES_FRAMES] - before;
	EQ(lwc_close((int)c), 0);
	before = a->used[EXO_RES_FRAMES];
	c = child_of(&s, 1, LWC_PREFAULT, write_told);
	with = a->used[EXO_RES_FRAMES] - before;
	EQ(lwc_close((int)c), 0);
	OK(with >= without + 512 && with < without + 512 + 64);
	munmap(at, 2048 * PAGE);
}

/* What is not to be there is not; what may not be written is not copied. */
TEST(with_other_specs)
{
	uint64_t args[LWC_ARGS] = { 0 };
	struct lwc_spec s[3];
	uint64_t its, mine;
	long c;

	at = filled(4 * N * PAGE);
	EQ(mprotect(at + 2 * N * PAGE, N * PAGE, PROT_READ), 0);
	s[0] = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_COPY, at,
	    at + 4 * N * PAGE);
	s[1] = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_UNMAP, at + N * PAGE,
	    at + 2 * N * PAGE);
	s[2] = (struct lwc_spec)SPEC(LWC_MEMORY | LWC_SHARE, at + 3 * N * PAGE,
	    at + 4 * N * PAGE);
	faults(s, 2, LWC_PREFAULT, N, &its, &mine);
	OK(its == 0 && mine == 0);
	c = lwc_create(s, 3, &caller, NULL, NULL, LWC_PREFAULT);
	if (c == LWC_SWITCHED) {
		int fd = open("/dev/null", O_WRONLY), ends[2];

		args[0] = pipe(ends) == 0 && write(ends[1], at + N * PAGE,
		    1) < 0 && errno == EFAULT;
		args[1] = read(ends[0], at + 2 * N * PAGE, 0) == 0 &&
		    at[2 * N * PAGE] == 'a' && write(fd, at, 1) == 1;
		at[3 * N * PAGE] = 's';
		lwc_switch(caller, args, NULL);
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	EQ(args[0], 1);
	EQ(args[1], 1);
	EQ(at[3 * N * PAGE], 's');
	EQ(at[N * PAGE], 'a');
	EQ(lwc_close((int)c), 0);
	munmap(at, 4 * N * PAGE);
}

/* Again and again: what was copied goes, and what else is left over is found
 * when there is much of it. */
static void
many_times(unsigned flags)
{
	const volatile struct exo_acct *a =
	    &EXO_ACCTS[EXO_INDEX(native_ids().acct)];
	uint64_t its, mine;
	uint32_t most = 0;

	at = filled(N * PAGE);
	for (int i = 0; i < 200; i++) {
		faults(NULL, 0, flags, N, &its, &mine);
		most = a->used[EXO_RES_FRAMES] > most ?
		    a->used[EXO_RES_FRAMES] : most;
	}
	printf("# %u frames at the most\n", most);
	OK(most < 700);
	munmap(at, N * PAGE);
}

TEST(nothing_is_left)
{
	many_times(LWC_PREFAULT);
	many_times(0);
}

TAP_MAIN
