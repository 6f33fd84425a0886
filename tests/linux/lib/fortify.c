/*
 * fortify.c - what Debian's static libraries, built with _FORTIFY_SOURCE for
 * another C library, want besides what musl has.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *__memcpy_chk(void *, const void *, size_t, size_t);
void *__memmove_chk(void *, const void *, size_t, size_t);
void *__memset_chk(void *, int, size_t, size_t);
int __fprintf_chk(FILE *, int, const char *, ...);
int __snprintf_chk(char *, size_t, int, size_t, const char *, ...);
_Noreturn void __longjmp_chk(jmp_buf, int);

static void
within(size_t n, size_t room)
{
	if (n > room)
		abort();
}

void *
__memcpy_chk(void *to, const void *from, size_t n, size_t room)
{
	within(n, room);
	return memcpy(to, from, n);
}

void *
__memmove_chk(void *to, const void *from, size_t n, size_t room)
{
	within(n, room);
	return memmove(to, from, n);
}

void *
__memset_chk(void *to, int byte, size_t n, size_t room)
{
	within(n, room);
	return memset(to, byte, n);
}

int
__fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = vfprintf(f, fmt, ap);
	va_end(ap);
	return n;
}

int
__snprintf_chk(char *to, size_t n, int flag, size_t room, const char *fmt, ...)
{
	va_list ap;
	int len;

	(void)flag;
	within(n, room);
	va_start(ap, fmt);
	len = vsnprintf(to, n, fmt, ap);
	va_end(ap);
	return len;
}

void
__longjmp_chk(jmp_buf back, int value)
{
	longjmp(back, value);
}
