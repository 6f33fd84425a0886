/*
 * test_dominance.c - names of capabilities against a slow, plain reading.
 */
#include <stdint.h>
#include <string.h>

#include "dominance.h"
#include "tap.h"

static uint64_t seed = 88172645463325252ull;

static uint32_t
rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % n;
}

static struct exo_cap
root(void)
{
	return (struct exo_cap){ .rights = EXO_R_ALL, .kind = EXO_SLOT_CAP };
}

/* A random name of up to four components; fresh numbers from a small range. */
static struct exo_cap
rnd_name(void)
{
	struct exo_cap c = root();

	for (unsigned n = rnd(5); n > 0; n--) {
		bool fresh = rnd(2);

		if (!cap_child(&c, &c, fresh ? EXO_COMP_FRESH : rnd(3),
		    fresh ? rnd(3) : 0))
			break;
	}
	c.rights = (uint16_t)rnd(0x10000);
	return c;
}

static bool
prefix(const struct exo_cap *a, const struct exo_cap *b)
{
	if (a->len > b->len)
		return false;
	for (unsigned i = 0; i < a->len; i++)
		if (a->name[i] != b->name[i])
			return false;
	return true;
}

TEST(root_dominates_all_and_only_root_dominates_root)
{
	struct exo_cap r = root(), c;

	for (unsigned i = 0; i < 1000; i++) {
		c = rnd_name();
		OK(cap_dominates(&r, &c));
		EQ(cap_dominates(&c, &r), c.len == 0);
	}
}

TEST(dominance_is_the_prefix_of_the_bytes)
{
	unsigned yes = 0;

	for (unsigned i = 0; i < 200000; i++) {
		struct exo_cap a = rnd_name(), b = rnd_name();

		EQ(cap_dominates(&a, &b), prefix(&a, &b));
		yes += prefix(&a, &b);
	}
	OK(yes > 10000);
}

TEST(every_byte_of_every_length_counts)
{
	for (unsigned len = 0; len <= EXO_CAP_NAME; len++)
		for (unsigned at = 0; at < EXO_CAP_NAME; at++) {
			struct exo_cap a = { .len = (uint8_t)len }, b = a;

			b.len = EXO_CAP_NAME;
			memset(b.name, 0xa5, sizeof(b.name));
			memcpy(a.name, b.name, len);
			b.name[at] ^= 1;
			EQ(cap_dominates(&a, &b), at >= len);
		}
}

TEST(a_child_is_dominated_and_has_its_components)
{
	for (unsigned i = 0; i < 20000; i++) {
		struct exo_cap p = rnd_name(), c = p;
		bool fresh = rnd(2);
		uint64_t n = (uint64_t)rnd(1u << 31) << 24 | rnd(1u << 24);
		unsigned comp = fresh ? EXO_COMP_FRESH : rnd(256);
		unsigned len = fresh ? EXO_CAP_FRESH_LEN : EXO_CAP_CHOSEN_LEN;

		EQ(cap_child(&c, &p, comp, n), p.len + len <= EXO_CAP_NAME);
		if (memcmp(&c, &p, sizeof(c)) == 0)
			continue;
		EQ(c.len, p.len + len);
		OK(cap_valid(&c) && cap_dominates(&p, &c) &&
		    !cap_dominates(&c, &p));
		EQ(c.rights, fresh ? EXO_R_ALL : p.rights);
		if (!fresh) {
			EQ(c.name[p.len], EXO_CAP_CHOSEN);
			EQ(c.name[p.len + 1], comp);
			continue;
		}
		EQ(c.name[p.len], EXO_CAP_FRESH | n >> 48);
		for (unsigned k = 1; k < EXO_CAP_FRESH_LEN; k++)
			EQ(c.name[p.len + k], n >> 8 * (6 - k) & 0xff);
	}
}

TEST(two_children_of_one_name_meet_only_if_equal)
{
	struct exo_cap p = root(), a = p, b = p;

	for (unsigned x = 0; x < 256; x++)
		for (unsigned y = 0; y < 256; y++) {
			OK(cap_child(&a, &p, x, 0) && cap_child(&b, &p, y, 0));
			EQ(cap_dominates(&a, &b), x == y);
		}
	/* No chosen bytes spell a fresh component, whatever they are. */
	for (unsigned x = 0; x < 256; x++) {
		OK(cap_child(&a, &p, x, 0));
		OK(cap_child(&b, &p, EXO_COMP_FRESH, (uint64_t)x << 40));
		OK(!cap_dominates(&a, &b) && !cap_dominates(&b, &a));
	}
}

TEST(bad_components_are_refused_and_nothing_is_written)
{
	struct exo_cap p = root(), c, was;

	memset(&c, 0x5a, sizeof(c));
	was = c;
	OK(!cap_child(&c, &p, EXO_COMP_FRESH, CAP_FRESH_MAX));
	OK(!cap_child(&c, &p, EXO_COMP_FRESH, ~0ull));
	OK(!cap_child(&c, &p, 0x300, 0));
	OK(!cap_child(&c, &p, 0x101, 0));
	OK(!cap_child(&c, &p, ~0u, 0));
	p.len = EXO_CAP_NAME;
	OK(!cap_child(&c, &p, 1, 0));
	p.len = EXO_CAP_NAME - 1;
	OK(!cap_child(&c, &p, 1, 0));
	p.len = EXO_CAP_NAME - EXO_CAP_FRESH_LEN + 1;
	OK(!cap_child(&c, &p, EXO_COMP_FRESH, 0));
	EQ(memcmp(&c, &was, sizeof(c)), 0);
	OK(cap_child(&c, &p, EXO_COMP_SAME, 0));
	EQ(memcmp(&c, &p, sizeof(c)), 0);
}

TEST(names_that_are_not_whole_are_not_valid)
{
	struct exo_cap c;

	for (unsigned i = 0; i < 20000; i++) {
		c = rnd_name();
		OK(cap_valid(&c));
		if (c.len == 0)
			continue;
		c.len--;			/* cut, and a byte is left */
		OK(!cap_valid(&c));
	}
	c = root();
	c.len = EXO_CAP_NAME + 1;
	OK(!cap_valid(&c));
	c = root();
	c.name[EXO_CAP_NAME - 1] = 1;		/* beyond its length */
	OK(!cap_valid(&c));
	c = root();
	c.len = 2;
	c.name[0] = 2;				/* no such component */
	OK(!cap_valid(&c));
	c = root();
	c.kind = EXO_SLOT_CAP + 1;
	OK(!cap_valid(&c));
}

int
main(void)
{
	return tap_main();
}
