/*
 * string.c - bytes and strings.
 *
 * The string instructions, since Castor has no vector registers to copy with;
 * by words first, since where nothing but instructions costs, each repetition
 * is one.
 */
#include <stdint.h>

#include <castor/string.h>

void *
memcpy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;
	void *d = dst;

	n %= 8;
	__asm__ volatile("rep movsq" : "+D"(d), "+S"(src), "+c"(words)
	    : : "memory");
	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n)
	    : : "memory");
	return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if ((uintptr_t)d - (uintptr_t)s >= n)
		return memcpy(dst, src, n);
	d += n - 1;
	s += n - 1;
	__asm__ volatile("std; rep movsb; cld" : "+D"(d), "+S"(s), "+c"(n)
	    : : "memory");
	return dst;
}

void *
memset(void *dst, int c, size_t n)
{
	uint64_t word = (uint8_t)c * 0x0101010101010101ul;
	size_t words = n / 8;
	void *d = dst;

	n %= 8;
	__asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(word)
	    : "memory");
	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(word)
	    : "memory");
	return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n > 0; n--, p++, q++) {
		if (*p != *q)
			return *p - *q;
	}
	return 0;
}

size_t
strlen(const char *s)
{
	const char *e = s;

	while (*(const volatile char *)e != '\0')
		e++;
	return (size_t)(e - s);
}

int
strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (unsigned char)*a - (unsigned char)*b;
		if (*a == '\0')
			break;
	}
	return 0;
}

char *
strchr(const char *s, int c)
{
	for (; *s != (char)c; s++) {
		if (*s == '\0')
			return NULL;
	}
	return (char *)(uintptr_t)s;
}
