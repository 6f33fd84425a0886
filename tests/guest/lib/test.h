/*
 * test.h - guest tests: one program each, TAP on the console.
 *
 *	#include "test.h"
 *
 *	TEST(null_is_zero)		"ok 1 - null_is_zero"
 *	{
 *		EQ(exo_null(), 0);
 *	}
 *
 * Each TEST registers itself; they run in the order of the file.  A failed
 * check prints its line and the test goes on.  At the end the machine is
 * turned off with status 0, or 1 if any failed (a program that was not given
 * the root capability exits with that word instead).
 *
 * The program is a Castor program: paging, print() and the rest are there.
 */
#ifndef TEST_H
#define TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <castor/archive.h>
#include <castor/print.h>
#include <castor/proc.h>
#include <castor/seat.h>
#include <castor/self.h>
#include <castor/slot.h>
#include <castor/string.h>
#include <castor/sys.h>
#include <castor/upcall.h>
#include <castor/vm.h>

struct test {
	uint64_t line;
	const char *name;
	void (*run)(void);
};

#define TEST(name)							      \
	static void name(void);						      \
	static const struct test test_##name				      \
	    __attribute__((used, section("tests"), aligned(8))) =	      \
	    { __LINE__, #name, name };						      \
	static void							      \
	name(void)

/* ---- checks; true when they hold */

#define EQ(got, want)							      \
	test_equal((int64_t)(got), (int64_t)(want), #got, __FILE__, __LINE__)
#define OK(cond)							      \
	test_ok(!!(cond), #cond, __FILE__, __LINE__)
/* The result, which must not be an error: else the program ends here. */
#define must(expr)	test_must((long)(expr), #expr, __FILE__, __LINE__)
/* The rest of this test makes no sense here. */
#define SKIP(why)	do { test_skip(why); return; } while (0)

bool test_equal(int64_t got, int64_t want, const char *what,
    const char *file, int line);
bool test_ok(bool ok, const char *what, const char *file, int line);
long test_must(long r, const char *what, const char *file, int line);
void test_skip(const char *why);

/* ---- a refused call changes nothing */

enum snap_part {
	SNAP_MACHINE, SNAP_PAGES, SNAP_ACCTS, SNAP_DOMAINS, SNAP_ENVS,
	SNAP_SLICES, SNAP_PCIDS, SNAP_CAPS, SNAP_PARTS
};

/* Hashes of the published tables, without clocks, counters, what a switch of
 * envs changes and the trace; and of my own capabilities. */
struct snap {
	uint64_t hash[SNAP_PARTS];
};

void snap_take(struct snap *s);
/* The first part that is not the same, by name; NULL: all are. */
const char *snap_differs(const struct snap *a, const struct snap *b);

/* expr gives -EXO_E_##error, and the tables stay as they were. */
#define REFUSED(expr, error)						      \
	do {								      \
		struct snap before_, after_;				      \
		long r_;						      \
									      \
		snap_take(&before_);					      \
		r_ = (long)(expr);					      \
		snap_take(&after_);					      \
		test_refused(r_, -EXO_E_##error, &before_, &after_, #expr,    \
		    __FILE__, __LINE__);				      \
	} while (0)
bool test_refused(long got, long want, const struct snap *before,
    const struct snap *after, const char *what, const char *file, int line);

/* ---- a second domain
 *
 * A child is this same program, loaded afresh from the archive (so functions
 * are at the same addresses, and globals are as at the start), with an
 * account, a domain and an env of its own, running fn(page) and then
 * exiting with word 0.  The page is a live frame mapped in both, at the same
 * address.  A failed check in a child counts against the test that runs.
 *
 *	static void two(struct child_page *p) { p->w[0] = p->w[1] + 1; }
 *	...
 *	struct child c;
 *
 *	child_make(&c, two, NULL);
 *	c.page->w[1] = 41;
 *	child_finish(&c);		starts it, waits, clears away
 *	EQ(c.page...)			gone now: copy what you need before,
 *	EQ(c.proc.word, 0);		or use child_start and child_wait
 */
struct child_page {
	volatile uint64_t w[500];	/* as you like */
	volatile uint64_t step;		/* child_reach */
	volatile uint64_t go;		/* child_let */
	volatile uint64_t failed;	/* checks */
};

typedef void (*child_fn)(struct child_page *page);

struct child {
	struct proc proc;		/* ids; name: all rights on it */
	struct child_page *page;
	exo_ppn page_ppn;		/* live, guarded by my memory's name */
};

struct child_opts {
	const uint32_t *limits;		/* as in proc_args */
	uint32_t nmaps, ncaps;
	const struct proc_map *maps;	/* ncaps: at EXO_START_SLOTS and up */
	const struct proc_cap *caps;
	uint32_t seats;			/* with memory, from 1 on */
	bool no_console, no_mint;
};

/* Make it; a failure ends the program. */
void child_make(struct child *c, child_fn fn, const struct child_opts *o);
void child_start(struct child *c);
/* Yield to it until it reached a step (or ended, or took too long: false). */
bool child_run_to(struct child *c, uint64_t step);
/* Yield to it until it ended: proc.cause, proc.word.  It is not cleared away
 * yet, and its page can be read. */
bool child_wait(struct child *c);
/* Kill what is left, give everything back. */
void child_end(struct child *c);
/* All of that: start if need be, wait, end. */
void child_finish(struct child *c);

/* In the child: I am at this step; wait (yielding) until the parent lets me
 * go on to it. */
void child_reach(struct child_page *p, uint64_t step);
void child_await(struct child_page *p, uint64_t go);
/* In the parent. */
void child_let(struct child *c, uint64_t go);

/*
 * Handles.  Into the child: its seat (1 to opts.seats) reserved for `env`
 * (self->env, say) is entered at `entry`; the handle is in my place, the
 * result.  Out of it: my seat, made for its env, in its place `place`.
 */
uint64_t child_handle(struct child *c, uint32_t seat, exo_id env,
    void (*entry)(void), uint64_t badge);
void child_give_handle(struct child *c, uint32_t my_seat,
    void (*entry)(void), uint64_t badge, uint64_t place);

/* Let the others run for a while: n yields to anybody. */
void yield_some(uint32_t n);

#endif
