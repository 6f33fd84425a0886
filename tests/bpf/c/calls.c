/*
 * calls.c - functions of every kind that the loader must bring along: global
 * and static ones, one in a section of its own, one that is called twice, and
 * one before and one behind its caller.
 */
#include <stdint.h>

#define KEEP	__attribute__((noinline))

struct memory {
	uint64_t now, want;
	uint32_t word[4];
};

uint64_t after(uint64_t a, uint64_t b);

static KEEP uint64_t
sum(const uint32_t *word, uint32_t n)
{
	uint64_t s = 0;

	for (uint32_t i = 0; i < n; i++)
		s += word[i];
	return s;
}

KEEP uint64_t
unused(uint64_t a)
{
	return a * 7;
}

static KEEP __attribute__((section("elsewhere"))) uint64_t
scale(uint64_t a, uint32_t by)
{
	return a << (by & 31);
}

static KEEP __attribute__((section("elsewhere"))) uint64_t
scale_more(uint64_t a, uint32_t by)
{
	return scale(a, by) + 1;
}

uint64_t
entry(struct memory *m, uint64_t len)
{
	if (m->now < m->want)
		return 0;
	m->word[0]++;
	return sum(m->word, 4) + scale_more(m->now, m->word[1]) +
	    after(m->now, len) + scale(len, 2);
}

KEEP uint64_t
after(uint64_t a, uint64_t b)
{
	uint32_t local[3] = { (uint32_t)a, (uint32_t)b, 3 };
	volatile uint32_t *p = local;

	return a / b + sum((const uint32_t *)p, 3);
}
