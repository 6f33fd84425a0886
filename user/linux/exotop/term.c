/*
 * term.c - see term.h.
 *
 * Signals only set a flag and are let in nowhere but in ppoll: INT, TERM and
 * HUP end the program after the terminal has been restored; TSTP restores
 * it, stops, and takes it again; WINCH asks for the size.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "term.h"

#define ENTER	"\033[?1049h\033[?25l\033[0m\033[2J"
#define LEAVE	"\033[0m\033[2J\033[?25h\033[?1049l"
/* The lower right corner is as far as it goes. */
#define WHERE	"\0337\033[999;999H\033[6n\0338"

static struct termios old;
static bool open_now;
static sigset_t let_in;
static volatile sig_atomic_t ended, stopped, resized;
static unsigned answer_rows, answer_cols;
static bool asked;			/* and it has not answered yet */

static char out[8192];
static size_t out_len;
static unsigned char in[64];
static size_t in_len;

/* ---- output */

void
term_flush(void)
{
	size_t done = 0;

	while (done < out_len) {
		ssize_t n = write(STDOUT_FILENO, out + done, out_len - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno != EINTR && errno != EAGAIN)
			break;
	}
	out_len = 0;
}

void
term_put(char c)
{
	if (out_len == sizeof(out))
		term_flush();
	out[out_len++] = c;
}

void
term_write(const char *text)
{
	while (*text != '\0')
		term_put(*text++);
}

void
term_printf(const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	term_write(text);
}

/* ---- taking it and giving it back */

static void
raw_set(void)
{
	struct termios t = old;

	t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);	/* ISIG stays */
	t.c_iflag &= ~(tcflag_t)(IXON | ICRNL);
	t.c_cc[VMIN] = 1;
	t.c_cc[VTIME] = 0;
	(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &t);
	term_write(ENTER);
	term_flush();
	open_now = true;
}

/* An answer about the size that is still to come is not for the shell. */
static void
answer_await(void)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	char c = 0;

	while (asked && answer_rows != 0 && c != 'R' &&
	    poll(&p, 1, 500) > 0 && read(STDIN_FILENO, &c, 1) == 1)
		;
	asked = false;
}

void
term_close(void)
{
	if (!open_now)
		return;
	out_len = in_len = 0;
	answer_await();
	term_write(LEAVE);
	term_flush();
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	open_now = false;
}

static void
on_signal(int sig)
{
	if (sig == SIGWINCH)
		resized = 1;
	else if (sig == SIGTSTP)
		stopped = 1;
	else
		ended = sig;
}

bool
term_open(void)
{
	static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT,
		SIGTSTP, SIGWINCH };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t block;

	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &old) != 0)
		return false;
	sigemptyset(&block);
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		sigaction(taken[i], &sa, NULL);
		sigaddset(&block, taken[i]);
	}
	sigprocmask(SIG_BLOCK, &block, &let_in);
	raw_set();
	return true;
}

/* As if it had not been caught; it comes when it is let in. */
static void
default_take(int sig)
{
	sigset_t only, was;

	signal(sig, SIG_DFL);
	raise(sig);
	sigemptyset(&only);
	sigaddset(&only, sig);
	sigprocmask(SIG_UNBLOCK, &only, &was);
	sigprocmask(SIG_SETMASK, &was, NULL);
}

static int
signals_answer(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	if (ended != 0) {
		term_close();
		default_take(ended);
		_exit(128 + ended);
	}
	if (stopped != 0) {
		stopped = 0;
		term_close();
		default_take(SIGTSTP);
		sigaction(SIGTSTP, &sa, NULL);
		raw_set();
		return KEY_AGAIN;
	}
	if (resized != 0) {
		resized = 0;
		return KEY_RESIZE;
	}
	return KEY_NONE;
}

/* ---- size */

void
term_size_ask(void)
{
	term_write(WHERE);
	term_flush();
	asked = true;
}

void
term_size(unsigned *rows, unsigned *cols)
{
	struct winsize w;

	*rows = 24;
	*cols = 80;
	if (answer_rows != 0) {
		*rows = answer_rows;
		*cols = answer_cols;
	} else if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) == 0 &&
	    w.ws_row != 0 && w.ws_col != 0) {
		*rows = w.ws_row;
		*cols = w.ws_col;
	}
	if (*rows > 500)
		*rows = 500;
	if (*cols > 500)
		*cols = 500;
}

/* ESC [ rows ; cols R */
static int
size_answered(const char *text)
{
	unsigned r, c;

	asked = false;
	if (sscanf(text, "%u;%uR", &r, &c) != 2 || r == 0 || c == 0 ||
	    (r == answer_rows && c == answer_cols))
		return KEY_NONE;
	answer_rows = r;
	answer_cols = c;
	return KEY_RESIZE;
}

/* ---- keys */

static int
final_key(const char *text, char final)
{
	switch (final) {
	case 'A':	return KEY_UP;
	case 'B':	return KEY_DOWN;
	case 'C':	return KEY_RIGHT;
	case 'D':	return KEY_LEFT;
	case 'H':	return KEY_HOME;
	case 'F':	return KEY_END;
	case 'Z':	return KEY_BACK_TAB;
	case 'R':	return size_answered(text);
	case '~':
		switch (atoi(text)) {
		case 1: case 7:	return KEY_HOME;
		case 4: case 8:	return KEY_END;
		case 5:		return KEY_PAGE_UP;
		case 6:		return KEY_PAGE_DOWN;
		}
	}
	return KEY_NONE;
}

static void
in_drop(size_t n)
{
	in_len -= n;
	memmove(in, in + n, in_len);
}

/*
 * The first key of what came in; false: it is not complete.  After ESC [ or
 * ESC O come digits and semicolons, then the final character.
 */
static bool
key_decode(int *key)
{
	char text[sizeof(in) + 1] = "";
	size_t n = 2;

	if (in_len == 0)
		return false;
	if (in[0] != '\033') {
		*key = in[0];
		in_drop(1);
		return true;
	}
	if (in_len < 2)
		return false;
	while (n < in_len && in[n] < '@')
		n++;
	if (in[1] != '[' && in[1] != 'O') {	/* ESC by itself is no key */
		*key = KEY_NONE;
		in_drop(1);
		return true;
	}
	if (n == in_len && in_len < sizeof(in))
		return false;
	memcpy(text, in + 2, n - 2 + (n < in_len));
	*key = n < in_len ? final_key(text, (char)in[n]) : KEY_NONE;
	in_drop(n < in_len ? n + 1 : n);
	return true;
}

static void
in_fill(void)
{
	ssize_t n = read(STDIN_FILENO, in + in_len, sizeof(in) - in_len);

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		ended = SIGHUP;		/* the terminal is gone */
	if (n > 0)
		in_len += (size_t)n;
}

/* The first key that is complete among those that came. */
static int
key_next(void)
{
	int key = KEY_NONE;

	while (key == KEY_NONE && key_decode(&key))
		;
	return key;
}

int
term_key(int ms)
{
	struct pollfd p = { STDIN_FILENO, POLLIN, 0 };
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };
	int key = key_next();

	if (key != KEY_NONE)
		return key;
	if (ppoll(&p, 1, &t, &let_in) > 0)
		in_fill();
	else if (in_len != 0)
		in_drop(1);		/* an ESC without the rest */
	key = signals_answer();
	return key != KEY_NONE ? key : key_next();
}
