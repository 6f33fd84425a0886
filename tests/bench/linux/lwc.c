/*
 * lwc.c - light-weight contexts (docs/lwc.md): create, switch, close; and with
 * pages written between.
 */
#include <sys/mman.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "row.h"

#define PAGE	4096ul

static volatile char *pages;

/* The clock where it is come to. */
static long
clock_child(void)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int caller;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c != LWC_SWITCHED)
		return c;
	for (;;) {
		args[0] = row_clock();
		lwc_switch(caller, args, NULL);
	}
}

static uint64_t
one_way(int c)
{
	uint64_t args[LWC_ARGS] = { 0 }, t = row_clock();

	lwc_switch(c, args, NULL);
	return args[0] - t;
}

static void
create_close(uint64_t dirty)
{
	long c = lwc_create(NULL, 0, NULL, NULL, NULL, 0);

	for (uint64_t i = 0; i < dirty; i++)
		pages[i * PAGE] = 1;
	if (lwc_close((int)c) != 0) {
		printf("not ok: no context\n");
		_exit(1);
	}
}

/* A worker is made, dirties pages, and is thrown away. */
static void
rollback(uint64_t dirty)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int caller;
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		for (uint64_t i = 0; i < dirty; i++)
			pages[i * PAGE] = 2;
		lwc_switch(caller, args, NULL);
	}
	lwc_switch((int)c, args, NULL);
	(void)lwc_close((int)c);
}

int
main(int argc, char **argv)
{
	uint64_t args[LWC_ARGS] = { 0 };
	uint64_t size = argc > 2 ? 512ul << 20 : 1ul << 20;
	long c;

	if (argc > 1)
		row_wanted = argv[1];
	pages = mmap(NULL, 4 << 20 > size ? 4 << 20 : size, PROT_READ |
	    PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (uint64_t i = 0; i < size; i += PAGE)
		pages[i] = 1;
	c = clock_child();
	for (int i = 0; i < 10; i++)
		(void)one_way((int)c);
	ROW("lwc_switch", .aim = 58,
	    .bound = "31 of the kernel's enter, 27 to save and to scrub")
		row_take(one_way((int)c) - row_empty);
	ROW("lwc_round_trip")
		TAKE(lwc_switch((int)c, args, NULL));
	lwc_close((int)c);
	create_close(0);
	ROW("lwc_create_close", .aim = 5000, .samples = 100)
		TAKE(create_close(0));
	ROW("lwc_create_close_10", .samples = 50)
		TAKE(create_close(10));
	ROW("lwc_create_close_100", .samples = 20)
		TAKE(create_close(100));
	ROW("lwc_rollback", .samples = 50)
		TAKE(rollback(0));
	ROW("lwc_rollback_10", .samples = 50)
		TAKE(rollback(10));
	ROW("lwc_rollback_100", .samples = 20)
		TAKE(rollback(100));
	ROW("lwc_rollback_1000", .samples = 10, .with_ticks = true)
		TAKE(rollback(1000));
	return 0;
}
