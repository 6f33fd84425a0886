/*
 * lwc_use.c - what the uses of light-weight contexts cost (docs/lwc-use.md),
 * each beside the same thing without a context.
 * with: bearssl lua5.4
 */
#define _GNU_SOURCE
#include <bearssl.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <castor/lwc.h>

#include "../../linux/lua_page.h"
#include "../../linux/monitor.h"
#include "row.h"

#define HEAP_BYTES	(1 << 20)
#define PAGE		4096ul

static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("not ok: %s\n", what);
	exit(1);
}
#define MUST(cond)	must(cond, #cond)

/* ---- snapshot and rollback: what a request does is thrown away with it */

static volatile char *heap;

static void
request(unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		heap[i * 7 * PAGE] = 1;
}

/* A request in a copy of this world, which ends with it. */
static void
thrown_away(void (*serve)(unsigned), unsigned arg)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int from;
	long c = lwc_create(NULL, 0, &from, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		serve(arg);
		lwc_discard(from, args);
		_exit(1);
	}
	MUST(c >= 0 && lwc_switch((int)c, args, NULL) == LWC_SWITCHED);
	MUST(lwc_close((int)c) == 0);
}

static void
rollbacks(void)
{
	heap = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < HEAP_BYTES; i += PAGE)
		heap[i] = 1;
	for (int i = 0; i < 20; i++)
		thrown_away(request, 10);
	ROW("lwc_use_rollback", .samples = 100,
	    .bound = "create, two switches, close; nothing written but a stack")
		TAKE(thrown_away(request, 0));
	ROW("lwc_use_rollback_10", .samples = 100,
	    .bound = "and ten pages written")
		TAKE(thrown_away(request, 10));
}

/* ---- sessions */

/* A context that answers until it is let go. */
static int
session(void (*serve)(uint64_t *))
{
	uint64_t args[LWC_ARGS] = { 0 };
	int from, n = LWC_ARGS;
	long c = lwc_create(NULL, 0, &from, args, &n, 0);

	MUST(c >= 0 || c == LWC_SWITCHED);
	while (c == LWC_SWITCHED) {
		serve(args);
		lwc_switch(from, args, &from);
	}
	return (int)c;
}

static void
count(uint64_t *args)
{
	args[0]++;
}

static void
sessions(void)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int c[8];

	for (int i = 0; i < 8; i++) {
		c[i] = session(count);
		lwc_switch(c[i], args, NULL);
	}
	ROW("lwc_use_session", .bound = "two switches")
		TAKE(lwc_switch(c[0], args, NULL));
	ROW("lwc_use_sessions_8", .bound = "eight sessions in turn")
		TAKE(for (int i = 0; i < 8; i++) lwc_switch(c[i], args, NULL));
	for (int i = 0; i < 8; i++)
		lwc_close(c[i]);
}

/* ---- a signature */

static uint8_t key[32] = { 1, 2, 3 };
static struct {
	uint8_t digest[32], signature[64];
} *counter;

static void
sign(uint64_t *args)
{
	const br_ec_private_key k = { BR_EC_secp256r1, key, sizeof(key) };

	args[0] = br_ecdsa_sign_raw_get_default()(br_ec_get_default(),
	    &br_sha256_vtable, counter->digest, &k, counter->signature);
}

static void
signatures(void)
{
	uint64_t args[LWC_ARGS] = { 0 };
	int c;

	counter = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sign(args);
	c = session(sign);
	lwc_switch(c, args, NULL);
	ROW("lwc_use_sign_here", .samples = 5, .with_ticks = true,
	    .bound = "ECDSA on P-256, in the process")
		TAKE(sign(args));
	ROW("lwc_use_sign_there", .samples = 5, .with_ticks = true,
	    .bound = "the same in the key's context: two switches more")
		TAKE(lwc_switch(c, args, NULL));
	MUST(args[0] == 64);
	lwc_close(c);
}

/* ---- a monitored call: the monitored one counts its own instructions */

static void
monitored(void)
{
	struct monitor m = { .context = -1 };
	uint64_t args[LWC_ARGS] = { 0 };
	int from;
	long c;

	ROW("lwc_use_call", .bound = "getppid, a stub that looks it up")
		TAKE(syscall(SYS_getppid));
	c = monitor_context(&m, &from);
	if (c == LWC_SWITCHED) {
		for (int i = 0; i < 20; i++)
			syscall(SYS_getppid);
		ROW("lwc_use_call_monitored",
		    .bound = "a trap, two switches, its arguments asked for")
			TAKE(syscall(SYS_getppid));
		lwc_switch(from, args, NULL);
		_exit(1);
	}
	MUST(c >= 0);
	m.given[1] = true;
	MUST(monitor_run(&m) == 0);
	lwc_close(m.context);
}

/* ---- an interpreter */

static lua_State *lua;
static char (*page)[PAGE_MAX];

static void
ask(unsigned i)
{
	char path[16], user[16];

	page_request(i, path, user);
	MUST(page_ask(lua, path, user, *page) != 0);
}

static void
fresh(unsigned i)
{
	lua = page_start();
	ask(i);
	lua_close(lua);
}

static void
interpreters(void)
{
	unsigned i = 0;

	page = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fresh(0);
	ROW("lwc_use_lua_fresh", .samples = 5, .with_ticks = true,
	    .bound = "started, warmed up, asked, closed")
		TAKE(fresh(i++));
	lua = page_start();
	i = 0;
	ROW("lwc_use_lua_dirty", .samples = 26, .with_ticks = true,
	    .bound = "asked once more, whatever was before")
		TAKE(ask(i++));
	lua_close(lua);
	lua = page_start();
	i = 0;
	ROW("lwc_use_lua_snapshot", .samples = 26, .with_ticks = true,
	    .bound = "asked in a copy that is thrown away")
		TAKE(thrown_away(ask, i++));
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		row_wanted = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	rollbacks();
	sessions();
	signatures();
	interpreters();
	monitored();
	return 0;
}
