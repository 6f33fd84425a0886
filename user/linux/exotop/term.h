/*
 * term.h - the terminal: raw while exotop has it, as it was when it is left,
 * however that comes.
 */
#ifndef EXOTOP_TERM_H
#define EXOTOP_TERM_H

#include <stdbool.h>

enum key {
	KEY_NONE, KEY_RESIZE = 256, KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT,
	KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_HOME, KEY_END, KEY_BACK_TAB,
	KEY_AGAIN			/* draw all: it was stopped */
};

bool	term_open(void);		/* false: not a terminal */
void	term_close(void);

/* The next key, within ms; KEY_NONE: none came. */
int	term_key(int ms);

/*
 * The size: what the terminal itself answers, if it does, or what the system
 * says of it.  A console on a serial line has no way to tell of a change, so
 * it is asked each time that the screen is drawn.
 */
void	term_size_ask(void);
void	term_size(unsigned *rows, unsigned *cols);

void	term_put(char c);
void	term_write(const char *text);
void	term_printf(const char *fmt, ...)
	    __attribute__((format(printf, 1, 2)));
void	term_flush(void);

#endif
