/*
 * child.h - light-weight contexts that do what they are told: whoever enters one
 * has its answer when he comes back.
 */
#ifndef LINUX_CHILD_H
#define LINUX_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <castor/lwc.h>

#define PAGE	4096ul
#define SPEC(flag, a, b)	{ (uint64_t)(a), (uint64_t)(b), (flag), 0 }

static int caller;			/* in a child: who entered it */

static inline char *
pages(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* In a child: this is the answer; args: what is asked next. */
static inline void
answer(uint64_t args[LWC_ARGS])
{
	if (lwc_switch(caller, args, &caller) != LWC_SWITCHED)
		_exit(99);
}

/* A child that whenever it is entered makes an answer of the words that came
 * along. */
static inline long
child_of(const struct lwc_spec *specs, int n, unsigned flags,
    void (*f)(uint64_t args[LWC_ARGS]))
{
	uint64_t args[LWC_ARGS] = { 0 };
	int k = LWC_ARGS;
	long c = lwc_create(specs, n, &caller, args, &k, flags);

	if (c != LWC_SWITCHED)
		return c;
	for (;;) {
		f(args);
		answer(args);
	}
}

/* One that says f(arg). */
static inline long
child(const struct lwc_spec *specs, int n, unsigned flags,
    uint64_t (*f)(uint64_t))
{
	uint64_t args[LWC_ARGS] = { 0 };
	int k = LWC_ARGS;
	long c = lwc_create(specs, n, &caller, args, &k, flags);

	if (c != LWC_SWITCHED)
		return c;
	for (;;) {
		args[0] = f(args[0]);
		answer(args);
	}
}

static inline uint64_t
said(long c, uint64_t arg)
{
	uint64_t args[LWC_ARGS] = { arg };

	return lwc_switch((int)c, args, NULL) == LWC_SWITCHED ? args[0] :
	    ~0ul;
}

#endif
