/*
 * print.c - formatted text, into memory or to the console.
 *
 * The buffer is small because print() also runs on upcall stacks.
 */
#include <stdbool.h>
#include <stdint.h>

#include <castor/print.h>
#include <castor/string.h>

struct sink {
	char *buf;
	size_t size;			/* of buf */
	size_t used;			/* of buf; what is beyond is dropped */
	size_t total;
	bool console;			/* full: to the console, and go on */
};

static void
sink_flush(struct sink *s)
{
	if (s->console && s->used > 0) {
		console_put(s->buf, s->used);
		s->used = 0;
	}
}

static void
sink_put(struct sink *s, char c)
{
	s->total++;
	if (s->used == s->size)
		sink_flush(s);
	if (s->used < s->size)
		s->buf[s->used++] = c;
}

/* What stands between % and its letter. */
struct spec {
	size_t width;
	bool left, zero, wide;
};

static void
text_put(struct sink *s, const struct spec *f, const char *t, size_t n)
{
	size_t pad = f->width > n ? f->width - n : 0;

	for (size_t i = 0; !f->left && i < pad; i++)
		sink_put(s, ' ');
	for (size_t i = 0; i < n; i++)
		sink_put(s, t[i]);
	for (size_t i = 0; f->left && i < pad; i++)
		sink_put(s, ' ');
}

static void
number_put(struct sink *s, const struct spec *f, uint64_t v, unsigned base,
    bool negative)
{
	char digits[24], *p = digits + sizeof(digits);
	char *end = p;
	size_t width = f->zero && !f->left ? f->width : 1;

	if (width > 20)
		width = 20;
	do {
		*--p = "0123456789abcdef"[v % base];
		v /= base;
	} while (v != 0);
	while ((size_t)(end - p) + negative < width)
		*--p = '0';
	if (negative)
		*--p = '-';
	text_put(s, f, p, (size_t)(end - p));
}

static const char *
spec_read(struct spec *f, const char *p, va_list *ap)
{
	*f = (struct spec){ 0 };
	for (;; p++) {
		if (*p == '-')
			f->left = true;
		else if (*p == '0')
			f->zero = true;
		else
			break;
	}
	if (*p == '*') {
		f->width = (size_t)va_arg(*ap, int);
		p++;
	}
	for (; *p >= '0' && *p <= '9'; p++)
		f->width = f->width * 10 + (size_t)(*p - '0');
	for (; *p == 'l'; p++)
		f->wide = true;
	return p;
}

static void
integer_put(struct sink *s, const struct spec *f, char letter, va_list *ap)
{
	uint64_t v;
	int64_t d;

	if (letter == 'd') {
		d = f->wide ? va_arg(*ap, int64_t) : va_arg(*ap, int);
		number_put(s, f, d < 0 ? -(uint64_t)d : (uint64_t)d, 10,
		    d < 0);
		return;
	}
	v = f->wide ? va_arg(*ap, uint64_t) : va_arg(*ap, unsigned);
	number_put(s, f, v, letter == 'u' ? 10 : 16, false);
}

static void
format(struct sink *s, const char *p, va_list *ap)
{
	struct spec f;
	const char *t;
	char c;

	for (; *p != '\0'; p++) {
		if (*p != '%') {
			sink_put(s, *p);
			continue;
		}
		p = spec_read(&f, p + 1, ap);
		switch (*p) {
		case 'd':
		case 'u':
		case 'x':
			integer_put(s, &f, *p, ap);
			break;
		case 'p':
			sink_put(s, '0');
			sink_put(s, 'x');
			number_put(s, &f, (uintptr_t)va_arg(*ap, void *), 16,
			    false);
			break;
		case 's':
			t = va_arg(*ap, const char *);
			t = t != NULL ? t : "(null)";
			text_put(s, &f, t, strlen(t));
			break;
		case 'c':
			c = (char)va_arg(*ap, int);
			text_put(s, &f, &c, 1);
			break;
		case '\0':
			return;
		default:
			sink_put(s, *p);
		}
	}
}

void
vprint(const char *fmt, va_list ap)
{
	char buf[128];
	struct sink s = { .buf = buf, .size = sizeof(buf), .console = true };
	va_list copy;

	va_copy(copy, ap);
	format(&s, fmt, &copy);
	va_end(copy);
	sink_flush(&s);
}

void
print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}

size_t
vprint_to(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = { .buf = buf, .size = size > 0 ? size - 1 : 0 };
	va_list copy;

	va_copy(copy, ap);
	format(&s, fmt, &copy);
	va_end(copy);
	if (size > 0)
		buf[s.used] = '\0';
	return s.total;
}

size_t
print_to(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = vprint_to(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
