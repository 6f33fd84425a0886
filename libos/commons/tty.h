/* tty.h - terminals (tty.c), and those that programs make (pty.c). */
#ifndef COMMONS_TTY_H
#define COMMONS_TTY_H

#include "proc.h"

struct pty;

struct tty {
	struct l_termios t;
	struct l_winsize size;
	uint32_t session, fg;
	uint32_t head, line, tail;
	bool literal;			/* VLNEXT came */
	bool stopped;			/* VSTOP came: output waits */
	bool hung;			/* the other end is gone */
	bool expired;			/* VTIME is over */
	uint64_t deadline;		/* when it will be; 0: never */
	struct pty *pty;		/* NULL: the console */
	struct waitq rq, wq;
	uint32_t room;			/* a power of two: characters that... */
	uint8_t *queue, *ends;		/* ...wait, and where lines end */
};

extern struct tty tty_console;

void tty_reset(struct tty *y);
void tty_hangup(struct tty *y);
/* What any of its ends is asked by ioctl. */
int64_t tty_control(struct tty *y, uint32_t cmd, uint64_t arg, uint8_t *data);
struct tty *tty_of(uint32_t sid);

/* ---- pty.c */
struct tty *pty_tty(uint32_t i);	/* NULL: no more */
int64_t pty_make(uint32_t flags, struct file **out);
int64_t pty_open(uint32_t i, uint32_t flags, struct file **out);
/* For whoever holds the other end: how much was taken. */
size_t pty_show(struct tty *y, const uint8_t *text, size_t n);
size_t pty_room(const struct tty *y);
void pty_taken(struct tty *y);		/* there is room for input again */
void pty_opened(struct tty *y);		/* its own end: once more, less */
void pty_closed(struct tty *y);
uint32_t pty_number(const struct tty *y);

#endif
