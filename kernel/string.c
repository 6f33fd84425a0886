/*
 * string.c - the memory functions a freestanding compiler still calls.
 *
 * Written with string instructions, so that the compiler does not see a
 * loop here and turn it into a call of itself.
 */
#include <stdint.h>

#include "string.h"

void *
memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;
	size_t words = n / 8;

	__asm__ volatile("rep movsq"
	    : "+D"(d), "+S"(src), "+c"(words) : : "memory");
	n %= 8;
	__asm__ volatile("rep movsb"
	    : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
	char *d = (char *)dst + n - 1;
	const char *s = (const char *)src + n - 1;

	if ((uintptr_t)dst - (uintptr_t)src >= n)
		return memcpy(dst, src, n);
	__asm__ volatile("std; rep movsb; cld"
	    : "+D"(d), "+S"(s), "+c"(n) : : "memory");
	return dst;
}

void *
memset(void *dst, int c, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n > 0; p++, q++, n--)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t
strlen(const char *s)
{
	const char *p = s;

	while (*p != '\0')
		p++;
	return (size_t)(p - s);
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0 && *a == *b && *a != '\0'; a++, b++, n--)
		continue;
	return n == 0 ? 0 : (unsigned char)*a - (unsigned char)*b;
}
