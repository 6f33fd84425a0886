/*
 * console.c - the console, by the capability that I was given for it.
 */
#include <castor/print.h>
#include <castor/self.h>
#include <castor/sleep.h>

enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, RUBOUT = 127 };

#define WRITE_MAX	512u

/* The kernel does not page: have the pager fill what the text lies in. */
static void
text_touch(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)((const volatile char *)s)[i];
}

void
console_put(const char *s, size_t n)
{
	if (self->console_slot == EXO_NONE)
		return;
	while (n > 0) {
		size_t len = n < WRITE_MAX ? n : WRITE_MAX;
		long r = exo_console_write(self->console_slot, (uint64_t)s,
		    len);

		if (r == -EXO_E_ADDR) {
			text_touch(s, len);
			r = exo_console_write(self->console_slot,
			    (uint64_t)s, len);
		}
		if (r <= 0)
			return;
		s += r;
		n -= (size_t)r;
	}
}

int
console_poll(void)
{
	unsigned char c = 0;

	if (self->console_slot == EXO_NONE ||
	    exo_console_read(self->console_slot, (uint64_t)&c, 1) != 1)
		return -1;
	return c;
}

int
console_get(void)
{
	uint64_t seen;
	int c;

	if (self->console_slot == EXO_NONE)
		return -1;
	for (;;) {
		seen = EXO_MACHINE->typed;
		if ((c = console_poll()) >= 0)
			return c;
		sleep_typed(seen);
	}
}

static size_t
line_erase(size_t used, size_t n)
{
	for (; n > 0; n--, used--)
		console_put("\b \b", 3);
	return used;
}

long
console_line(char *buf, size_t size)
{
	size_t used = 0;

	for (;;) {
		int c = console_get();
		char ch = (char)c;

		if (c == CTRL_C || (c == CTRL_D && used == 0) || c < 0) {
			console_put("\n", 1);
			return -1;
		}
		if (c == '\r' || c == '\n') {
			console_put("\n", 1);
			buf[used] = '\0';
			return (long)used;
		}
		if ((c == BACKSPACE || c == RUBOUT) && used > 0)
			used = line_erase(used, 1);
		else if (c == CTRL_U)
			used = line_erase(used, used);
		else if (c >= ' ' && c < RUBOUT && used + 1 < size) {
			buf[used++] = ch;
			console_put(&ch, 1);
		}
	}
}
