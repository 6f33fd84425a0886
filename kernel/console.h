/* console.h - text in and out for people and tests. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdarg.h>

void	console_init(void);
void	console_putc(char);
void	console_poll(void);	/* device -> ring */
int	console_getc(void);	/* polls; -1: nothing there */

/* %d %u %x %c %s %p %%, `l' (and `ll'), a width, `0' and `-'. */
void	kprintf(const char *, ...) __attribute__((format(printf, 1, 2)));
void	kvprintf(const char *, va_list)
	    __attribute__((format(printf, 1, 0)));

#endif
