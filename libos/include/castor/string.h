/* castor/string.h - bytes and strings; gcc calls the first four itself. */
#ifndef CASTOR_STRING_H
#define CASTOR_STRING_H

#include <stdbool.h>
#include <stddef.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);

/* A number, decimal or 0x...: false if s is none. */
bool string_number(const char *s, unsigned long *out);

#endif
