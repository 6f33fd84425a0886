/*
 * print.c - castor/print.h for Linux programs: standard output.
 */
#include <stdio.h>

#include <castor/print.h>

void
vprint(const char *fmt, va_list ap)
{
	vprintf(fmt, ap);
}

void
print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}
