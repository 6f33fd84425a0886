/*
 * castor/print.h - text to the console, and lines from it.
 *
 * Formats: %d %u %x %c %s %p %%, with `l', a width (or *), `0' and `-'.
 */
#ifndef CASTOR_PRINT_H
#define CASTOR_PRINT_H

#include <stdarg.h>
#include <stddef.h>

/* To the console; a program that was not given one prints nowhere. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

/* Into a buffer, cut off and always ended; what it would take, as snprintf. */
size_t print_to(char *buf, size_t size, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
size_t vprint_to(char *buf, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

void console_put(const char *s, size_t n);

/* A character; sleeps until there is one.  -1: no console. */
int console_get(void);
/* A character, or -1 when nothing has been typed. */
int console_poll(void);

/*
 * A line without its end, edited: backspace, Ctrl-U and Ctrl-C drop it (the
 * latter returns -1), Ctrl-D on an empty line returns -1.
 */
long console_line(char *buf, size_t size);

#endif
