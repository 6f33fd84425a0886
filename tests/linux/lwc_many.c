/*
 * lwc_many.c - more than ten thousand contexts at once, each with a page of its
 * own at the same address: a tree of them, since each makes some and goes to
 * those it made.  Whoever is entered finds its own page and no other's, whether
 * it has a tag of the TLB or shares the one without.
 * run: --mem 2G
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <exo/tables.h>

#include <castor/lwc.h>

#include "tap.h"

#define PAGE	4096ul
#define FAN	10
#define ROUNDS	3

/* What all see. */
static struct all {
	uint64_t contexts;		/* made */
	uint64_t wrong;			/* found another's page */
	uint64_t visits;
	uint64_t refused;
	uint64_t domains, frames;	/* used by them */
	long error;
} *all;

static volatile uint64_t *page;		/* each has its own */

enum { LOOK = 1, END };

/* Look at my page, leave a mark for the next round; and have those below do
 * the same. */
static void
look(const int *below, int n, uint64_t me, uint64_t round)
{
	uint64_t args[LWC_ARGS];

	all->visits++;
	all->wrong += page[0] != me || page[1] != round;
	page[1] = round + 1;
	for (int i = 0; i < n; i++) {
		memset(args, 0, sizeof(args));
		args[0] = LOOK;
		args[1] = round;
		if (lwc_switch(below[i], args, NULL) != LWC_SWITCHED)
			all->refused++;
	}
}

/* A context and, below it, what there is to be; each child begins at the top,
 * too. */
static _Noreturn void
live(int from, int levels)
{
	static const struct lwc_spec share[] = {
		{ ~0ul, ~0ul, LWC_FILES | LWC_SHARE, 0 },
		{ ~0ul, ~0ul, LWC_CREDENT | LWC_SHARE, 0 },
	};
	uint64_t me, args[LWC_ARGS] = { 0 };
	int below[FAN], n;
	long c;

born:
	n = 0;
	me = ++all->contexts;
	page[0] = me;
	page[1] = 0;
	while (n < FAN && levels > 0) {
		c = lwc_create(share, 2, &from, NULL, NULL, 0);
		if (c == LWC_SWITCHED) {
			levels--;
			goto born;
		}
		if (c < 0) {
			all->error = c;
			break;
		}
		below[n++] = (int)c;
		if (lwc_switch((int)c, args, NULL) != LWC_SWITCHED)
			all->refused++;
	}
	for (;;) {
		memset(args, 0, sizeof(args));
		if (lwc_switch(from, args, &from) != LWC_SWITCHED)
			_exit(9);
		if (args[0] == LOOK)
			look(below, n, me, args[1]);
	}
}

static uint64_t
domains(void)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < EXO_MACHINE->ndomains; i++)
		n += EXO_DOMAINS[i].state != EXO_DOM_FREE;
	return n;
}

/* Depth levels of them, looked at several times, and all let go. */
static int
tree(int levels)
{
	uint64_t args[LWC_ARGS] = { 0 }, was = domains();
	uint64_t frames = EXO_MACHINE->free_frames;
	int who;
	long c;

	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	c = lwc_create(NULL, 0, &who, NULL, NULL, 0);
	if (c == LWC_SWITCHED)
		live(who, levels);
	if (c < 0)
		return 1;
	page[0] = ~0ul;
	(void)lwc_switch((int)c, args, NULL);
	all->domains = domains() - was;
	all->frames = frames - EXO_MACHINE->free_frames;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		args[0] = LOOK;
		args[1] = i;
		if (lwc_switch((int)c, args, NULL) != LWC_SWITCHED)
			return 2;
		if (page[0] != ~0ul)
			return 3;
	}
	return 0;
}

static int depth;

static uint64_t
tree_size(int d)
{
	return d == 0 ? 1 : 1 + FAN * tree_size(d - 1);
}

TEST(each_finds_its_own_page)
{
	uint64_t was = domains(), n = tree_size(depth);
	uint64_t binds = EXO_COUNTERS->pcid_binds;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(tree(depth));
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	EQ(all->error, 0);
	EQ(all->contexts, n);
	EQ(all->domains, n);
	EQ(all->visits, n * ROUNDS);
	EQ(all->wrong, 0);
	EQ(all->refused, 0);
	printf("# %lu contexts, %lu frames each; %lu tags bound, of %u\n",
	    all->contexts, all->frames / n, EXO_COUNTERS->pcid_binds - binds,
	    EXO_MACHINE->npcids - 1);
	/* Those of a process that has ended are cleared away by and by. */
	for (int i = 0; i < 5000 && domains() != was; i++)
		usleep(1000);
	EQ(domains(), was);
}

int
main(int argc, char **argv)
{
	depth = EXO_MACHINE->features & EXO_FEAT_CHECK ? 2 : 4;
	if (argc > 1)
		depth = atoi(argv[1]);
	all = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return tap_run();
}
