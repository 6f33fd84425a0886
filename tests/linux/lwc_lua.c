/*
 * lwc_lua.c - an interpreter that has been started and warmed up once (Debian's
 * Lua) serves each request from that snapshot: as fast as if it went on, as
 * clean as if it were started anew.
 * with: lua5.4
 * run: --icount
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exo/tables.h>

#include <castor/lwc.h>

#include "lua_page.h"
#include "tap.h"

#define REQUESTS	40

/* What both ends see: pages, and what they cost. */
static struct day {
	char page[REQUESTS][PAGE_MAX];
	uint64_t cost[REQUESTS];	/* in instructions */
	uint64_t start;			/* of an interpreter */
} *day;

static inline uint64_t
stamp(void)
{
	uint32_t a, d;

	__asm__ volatile("rdtsc" : "=a"(a), "=d"(d) : : "memory");
	return (uint64_t)d << 32 | a;
}

static void
ask(lua_State *l, unsigned i)
{
	char path[16], user[16];

	page_request(i, path, user);
	if (page_ask(l, path, user, day->page[i]) == 0)
		_exit(9);
}

/* Each request finds an interpreter that was just started. */
static void
fresh(void)
{
	for (unsigned i = 0; i < REQUESTS; i++) {
		uint64_t from = stamp();
		lua_State *l = page_start();

		ask(l, i);
		lua_close(l);
		day->cost[i] = stamp() - from;
	}
}

/* Each finds what the one before has left. */
static void
one_after_the_other(void)
{
	lua_State *l = page_start();

	for (unsigned i = 0; i < REQUESTS; i++) {
		uint64_t from = stamp();

		ask(l, i);
		day->cost[i] = stamp() - from;
	}
}

/* Each finds the snapshot: after it, back to that, and another one is made. */
static void
from_snapshot(void)
{
	uint64_t args[LWC_ARGS] = { 0 }, i, from = 0;
	lua_State *l = page_start();
	int who, n = LWC_ARGS;
	long snap;

	while ((snap = lwc_create(NULL, 0, &who, args, &n, 0)) ==
	    LWC_SWITCHED)
		lwc_close(who);
	i = args[0];
	from = args[1];
	if (i > 0)
		day->cost[i - 1] = stamp() - from;
	if (snap < 0 || i == REQUESTS)
		_exit(snap < 0 ? 8 : 0);
	args[1] = stamp();
	ask(l, (unsigned)i);
	args[0] = i + 1;
	lwc_discard((int)snap, args);
	_exit(7);
}

static void
in_child(void (*serve)(void))
{
	int status;
	pid_t pid;

	memset(day, 0, sizeof(*day));
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		serve();
		_exit(0);
	}
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
}

/* The page of request i as it is to be, or as one that knows what was before
 * has it. */
static void
expect(unsigned i, int dirty)
{
	char want[64];

	if (dirty && i > 0)
		snprintf(want, sizeof(want), "<p>user%uuser%u, %u</p>", i,
		    i - 1, i + 1);
	else
		snprintf(want, sizeof(want), "<p>user%u, 1</p>", i);
	if (!OK(strstr(day->page[i], want) != NULL))
		printf("# %u: %.40s...%s\n", i, day->page[i],
		    strstr(day->page[i], "<p>"));
}

static int
order(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t
median(void)
{
	qsort(day->cost, REQUESTS, sizeof(day->cost[0]), order);
	return day->cost[REQUESTS / 2];
}

static char want[REQUESTS][PAGE_MAX];
static uint64_t cost_fresh, cost_snapshot;

TEST(a_fresh_interpreter_knows_of_no_other_request)
{
	in_child(fresh);
	for (unsigned i = 0; i < REQUESTS; i++)
		expect(i, 0);
	memcpy(want, day->page, sizeof(want));
	cost_fresh = median();
}

TEST(one_that_goes_on_does)
{
	in_child(one_after_the_other);
	for (unsigned i = 0; i < REQUESTS; i++)
		expect(i, 1);
	printf("# a request, the interpreter dirty: %lu\n", median());
}

TEST(from_a_snapshot_each_page_is_as_from_a_fresh_one)
{
	in_child(from_snapshot);
	for (unsigned i = 0; i < REQUESTS; i++)
		expect(i, 0);
	OK(memcmp(want, day->page, sizeof(want)) == 0);
	cost_snapshot = median();
}

TEST(and_costs_much_less)
{
	printf("# a request from a fresh interpreter: %lu, from a snapshot: "
	    "%lu\n", cost_fresh, cost_snapshot);
	/* Less so in a kernel that counts all again at each call. */
	OK(cost_snapshot * (EXO_MACHINE->features & EXO_FEAT_CHECK ? 2 : 8) <
	    cost_fresh);
}

int
main(void)
{
	day = mmap(NULL, sizeof(*day), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return tap_run();
}
