/*
 * console.c - the kernel's line to the outside.
 *
 * Output goes out as it is written.  Input is polled into a small ring that
 * drops what does not fit, so that typing ahead costs nobody else anything.
 * Invariant: head - tail <= CONSOLE_RING, both only grow.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "console.h"
#include "dev/uart.h"
#include "table.h"

#define CONSOLE_RING	256

static uint8_t ring[CONSOLE_RING];
static uint32_t ring_head, ring_tail;

void
console_init(void)
{
	uart_init();
}

void
console_putc(char c)
{
	if (c == '\n')
		uart_putc('\r');
	uart_putc(c);
}

void
console_poll(void)
{
	int c;

	while ((c = uart_getc()) >= 0) {
		if (ring_head - ring_tail == CONSOLE_RING)
			continue;
		ring[ring_head++ % CONSOLE_RING] = (uint8_t)c;
		machine.typed++;
	}
}

int
console_getc(void)
{
	console_poll();
	if (ring_head == ring_tail)
		return -1;
	return ring[ring_tail++ % CONSOLE_RING];
}

struct spec {			/* one conversion */
	bool left;
	bool zero;
	int width;
};

static void
put_padded(const struct spec *s, const char *text, int len)
{
	int i;

	/* Zeros go between the sign and the digits. */
	if (s->zero && !s->left && *text == '-') {
		console_putc(*text++);
		len--;
		for (i = len + 1; i < s->width; i++)
			console_putc('0');
	} else if (!s->left) {
		for (i = len; i < s->width; i++)
			console_putc(s->zero ? '0' : ' ');
	}
	for (i = 0; i < len; i++)
		console_putc(text[i]);
	if (s->left)
		for (i = len; i < s->width; i++)
			console_putc(' ');
}

static void
put_number(const struct spec *s, uint64_t v, unsigned base, bool minus)
{
	char buf[24], *p = buf + sizeof(buf);

	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	if (minus)
		*--p = '-';
	put_padded(s, p, (int)(buf + sizeof(buf) - p));
}

static void
put_string(struct spec *s, const char *text)
{
	int len = 0;

	if (text == NULL)
		text = "(null)";
	while (text[len] != '\0')
		len++;
	s->zero = false;
	put_padded(s, text, len);
}

static const char *
spec_parse(const char *f, struct spec *s, bool *wide)
{
	*s = (struct spec){ 0 };
	*wide = false;
	for (; *f == '0' || *f == '-'; f++) {
		s->zero |= *f == '0';
		s->left |= *f == '-';
	}
	for (; *f >= '0' && *f <= '9'; f++)
		s->width = s->width * 10 + (*f - '0');
	for (; *f == 'l' || *f == 'z'; f++)
		*wide = true;
	return f;
}

void
kvprintf(const char *f, va_list ap)
{
	struct spec s;
	bool wide;
	long v;

	for (; *f != '\0'; f++) {
		if (*f != '%') {
			console_putc(*f);
			continue;
		}
		f = spec_parse(f + 1, &s, &wide);
		switch (*f) {
		case 'd':
			v = wide ? va_arg(ap, long) : va_arg(ap, int);
			put_number(&s, v < 0 ? -(uint64_t)v : (uint64_t)v,
			    10, v < 0);
			break;
		case 'u':
		case 'x':
			put_number(&s, wide ? va_arg(ap, unsigned long) :
			    va_arg(ap, unsigned), *f == 'u' ? 10 : 16, false);
			break;
		case 'p':
			put_string(&(struct spec){ 0 }, "0x");
			put_number(&s, (uintptr_t)va_arg(ap, void *), 16,
			    false);
			break;
		case 's':
			put_string(&s, va_arg(ap, const char *));
			break;
		case 'c':
			console_putc((char)va_arg(ap, int));
			break;
		case '\0':
			return;
		default:
			console_putc(*f);
		}
	}
}

void
kprintf(const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	kvprintf(f, ap);
	va_end(ap);
}
