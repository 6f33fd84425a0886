/*
 * compute.c - much arithmetic of each width, for both compilers to agree on:
 * r0 is a checksum over the memory.
 */
#include <stdint.h>

struct memory {
	uint64_t a[2];
	int32_t b[2];
	uint16_t c[2];
	int8_t d[4];
};

static uint64_t
mix(uint64_t h, uint64_t v)
{
	h ^= v;
	h *= 0x100000001b3ull;
	return h ^ h >> 29;
}

/* bpf-gcc makes a library call of __builtin_bswap32(). */
static uint32_t
swap32(uint32_t v)
{
	return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

uint64_t
compute(struct memory *m, uint64_t len)
{
	uint64_t h = len;

	h = mix(h, m->a[0] + m->a[1]);
	h = mix(h, m->a[0] - m->a[1]);
	h = mix(h, m->a[0] / (m->a[1] | 1));
	h = mix(h, m->a[0] % (m->a[1] | 1));
	h = mix(h, (uint32_t)m->b[0] / ((uint32_t)m->b[1] | 1));
	h = mix(h, (uint32_t)m->b[0] * (uint32_t)m->b[1]);
	h = mix(h, (uint64_t)((int64_t)m->b[0] * m->b[1]));
	h = mix(h, (uint64_t)(int64_t)(m->b[0] >> (m->b[1] & 31)));
	h = mix(h, (uint32_t)m->b[0] << (m->b[1] & 31));
	h = mix(h, (uint64_t)((int64_t)m->a[0] >> (m->a[1] & 63)));
	h = mix(h, (uint16_t)(m->c[0] + m->c[1]));
	h = mix(h, (uint64_t)(int64_t)(m->d[0] + m->d[1] * m->d[2]));
	h = mix(h, m->b[0] < m->b[1]);
	h = mix(h, (uint32_t)m->b[0] < (uint32_t)m->b[1]);
	h = mix(h, (int64_t)m->a[0] > (int64_t)m->a[1] ? 3 : 4);
	h = mix(h, swap32((uint32_t)m->b[0]));
	for (int i = 0; i < 4; i++)
		if (m->d[i] < 0)
			h = mix(h, (uint64_t)i);
	m->a[0] = h;
	m->c[1] = (uint16_t)h;
	__sync_fetch_and_add(&m->a[1], h);
	return h;
}
