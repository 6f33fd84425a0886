/*
 * lwc_rollback.c - a server that goes back to a snapshot after each request:
 * what a request has done to heap, stack, descriptors, credentials, mappings
 * and handlers is gone, and so is what it took.  Without the rollback all of it
 * stays.
 *
 * `make long-rollback' has it do a million.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exo/tables.h>

#include <castor/lwc.h>

#include "tap.h"

#define PAGE		4096ul
#define HEAP_BYTES	(256 << 10)
#define WARM		200		/* until nothing is new */
#define SLACK		64		/* frames */

#define ROLLBACKS	10000
#define CHECKED		1000		/* in a kernel that checks itself */

static uint64_t rollbacks;

/* ---- the server's state, as the snapshot has it */

static int counter, request_fd;
static uint8_t *heap;

static inline uint64_t
stamp(void)
{
	uint32_t a, d;

	__asm__ volatile("rdtsc" : "=a"(a), "=d"(d) : : "memory");
	return (uint64_t)d << 32 | a;
}

static void
nothing(int sig)
{
	(void)sig;
}

/* What of a request before is still there: a bit each. */
static uint64_t
dirt(const volatile int *local)
{
	struct sigaction a;
	char where[64];
	uint64_t found = 0;

	found |= counter != 0 ? 1 : 0;
	found |= *local != 0 ? 2 : 0;
	for (size_t i = 0; i < HEAP_BYTES; i += PAGE)
		found |= heap[i] != 0 ? 4 : 0;
	found |= fcntl(request_fd, F_GETFD) != -1 ? 8 : 0;
	found |= geteuid() != 0 ? 16 : 0;
	sigaction(SIGUSR1, NULL, &a);
	found |= a.sa_handler != SIG_DFL ? 32 : 0;
	found |= getcwd(where, sizeof(where)) == NULL ||
	    strcmp(where, "/") != 0 ? 64 : 0;
	return found;
}
#define ALL_DIRT	127

/* A request: it leaves everything as dirty as it can. */
static uint64_t
serve(uint64_t n, volatile int *local)
{
	uint64_t found = dirt(local);
	char *p;

	counter++;
	(*local)++;
	heap[n * PAGE % HEAP_BYTES] = 1;
	heap[(n + 7) * PAGE % HEAP_BYTES] = 1;
	if (open("/dev/null", O_RDWR) < 0)
		return ~0ul;
	p = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return ~0ul;
	p[PAGE] = 1;
	signal(SIGUSR1, nothing);
	if (chdir("/tmp") != 0 || setresuid(-1, 1000, -1) != 0)
		return ~0ul;
	return found;
}

/* ---- going back */

/* What all of the machine has in use. */
struct used {
	uint64_t frames, domains, pcids, named;
};
#define SEEN	64			/* rows that are looked at */

static void
most(uint64_t *p, uint64_t n)
{
	*p = *p > n ? *p : n;
}

static void
used(struct used *u)
{
	uint64_t domains = 0, named = 0, pcids = 0;

	for (uint32_t i = 0; i < SEEN; i++) {
		domains += EXO_DOMAINS[i].state != EXO_DOM_FREE;
		named += EXO_DOMAINS[i].named;
	}
	for (uint32_t i = 1; i < EXO_MACHINE->npcids && i < SEEN; i++)
		pcids += EXO_PCIDS[i].account != EXO_NONE;
	most(&u->frames, EXO_MACHINE->nframes - EXO_MACHINE->free_frames);
	most(&u->domains, domains);
	most(&u->named, named);
	most(&u->pcids, pcids);
}

/*
 * Here the world is as it was, each time: a new snapshot of it is made, and
 * whoever comes back to that gets rid of where it came from.  args[0], the
 * number of requests served, and what goes along are all that there is of them.
 */
static long
snapshot(uint64_t args[LWC_ARGS])
{
	int from, n = LWC_ARGS;
	long r;

	while ((r = lwc_create(NULL, 0, &from, args, &n, 0)) == LWC_SWITCHED) {
		if (lwc_close(from) != 0)
			return -1000;
	}
	return r;
}

/* What is not rolled back: pages that all have. */
static struct report {
	struct used most[2];		/* in the first half, in the second */
	uint64_t from, until;		/* time stamps */
	uint64_t found;			/* ORed; ~0: something went wrong */
	uint64_t served;
} *report;

/* Serve n requests. */
static void
server(uint64_t n, int rolls_back)
{
	uint64_t args[LWC_ARGS] = { 0 };
	volatile int local = 0;
	long snap = 0;

	if (rolls_back)
		snap = snapshot(args);
	report->served = args[0];
	if (snap < 0) {
		printf("# %lu served, no snapshot: %ld\n", (long)args[0], snap);
		report->found = ~0ul;
		return;
	}
	if (args[0] >= WARM)
		used(&report->most[args[0] >= n / 2]);
	if (args[0] == WARM)
		report->from = stamp();
	report->until = stamp();
	while (args[0] < n) {
		args[1] |= serve(args[0]++, &local);
		if (rolls_back) {
			snap = lwc_discard((int)snap, args);
			printf("# no way back: %ld\n", snap);
			report->found = ~0ul;
			return;
		}
	}
	report->found = args[1];
}

static void
serve_in_child(uint64_t n, int rolls_back)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		request_fd = open("/dev/null", O_RDWR);	/* the next, so */
		close(request_fd);
		heap = calloc(1, HEAP_BYTES);
		server(n, rolls_back);
		_exit(0);
	}
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	EQ(report->served, rolls_back ? n : 0);
}

TEST(without_a_rollback_all_of_it_stays)
{
	serve_in_child(3, 0);
	EQ(report->found, ALL_DIRT);
}

TEST(after_a_rollback_all_is_gone)
{
	serve_in_child(rollbacks, 1);
	EQ(report->found, 0);
}

TEST(rollbacks_use_nothing_up)
{
	const struct used *a = &report->most[0], *b = &report->most[1];

	printf("# at the most: %lu frames, then %lu; %lu domains, %lu; %lu "
	    "tags, %lu\n", a->frames, b->frames, a->domains, b->domains,
	    a->pcids, b->pcids);
	printf("# %lu time stamps for each\n", (report->until - report->from) /
	    (rollbacks - WARM));
	OK(a->frames != 0);
	OK(b->frames <= a->frames + SLACK);
	EQ(a->domains, b->domains);
	EQ(a->pcids, b->pcids);
	EQ(a->named, b->named);
}

int
main(int argc, char **argv)
{
	rollbacks = EXO_MACHINE->features & EXO_FEAT_CHECK ? CHECKED :
	    ROLLBACKS;
	if (argc > 1)
		rollbacks = strtoul(argv[1], NULL, 10);
	report = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return tap_main();
}
