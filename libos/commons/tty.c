/*
 * tty.c - terminals: line discipline, job control.  One is the console; others
 * are programs' (pty.c).
 *
 * Invariants: (1) head <= line <= tail, all only grow: what can be read is
 *		   before `line' in canonical mode, all of it otherwise.
 *	       (2) a bit of `ends' is set where a line ends; at an end of file
 *		   the byte there is not part of it.
 *	       (3) session == 0 implies fg == 0.
 */
#include <castor/string.h>

#include "tty.h"
#include "world.h"

#define QUEUE	4096u		/* the console's */
#define TENTH	100000000u		/* ns: the unit of VTIME */
#define EOF_MARK	2u		/* in ends[]: this byte is an EOF */
#define END_MARK	1u

#define CTRL(c)	((c) & 0x1f)

static uint8_t queue[QUEUE], ends[QUEUE];

struct tty tty_console = { .room = QUEUE, .queue = queue, .ends = ends };

void
tty_reset(struct tty *y)
{
	static const uint8_t cc[L_NCCS] = {
		[L_VINTR] = CTRL('C'), [L_VQUIT] = CTRL('\\'),
		[L_VERASE] = 0x7f, [L_VKILL] = CTRL('U'),
		[L_VEOF] = CTRL('D'), [L_VMIN] = 1, [L_VSTART] = CTRL('Q'),
		[L_VSTOP] = CTRL('S'), [L_VSUSP] = CTRL('Z'),
		[L_VREPRINT] = CTRL('R'), [L_VDISCARD] = CTRL('O'),
		[L_VWERASE] = CTRL('W'), [L_VLNEXT] = CTRL('V'),
	};

	y->t = (struct l_termios){
		.iflag = L_ICRNL | L_IXON, .oflag = L_OPOST | L_ONLCR,
		.cflag = L_CS8_B38400, .lflag = L_ISIG | L_ICANON | L_ECHO |
		    L_ECHOE | L_ECHOK | L_ECHOCTL | L_ECHOKE | L_IEXTEN,
	};
	memcpy(y->t.cc, cc, sizeof(cc));
	y->size = (struct l_winsize){ 24, 80, 0, 0 };
}

void
tty_init(void)
{
	tty_reset(&tty_console);
}

/* ---- what is shown */

/* As OPOST says, as far as there is room: how much of it. */
static size_t
pty_put(struct tty *y, const uint8_t *from, size_t n)
{
	bool crlf = (y->t.oflag & (L_OPOST | L_ONLCR)) == (L_OPOST | L_ONLCR);

	for (size_t i = 0; i < n; i++) {
		bool two = crlf && from[i] == '\n';

		if (pty_room(y) < 1u + two)
			return i;
		if (two)
			(void)pty_show(y, (const uint8_t *)"\r", 1);
		(void)pty_show(y, from + i, 1);
	}
	return n;
}

static void
show(struct tty *y, const char *text, size_t n)
{
	if (y->pty != NULL)
		(void)pty_put(y, (const uint8_t *)text, n);
	else
		world_print(text, n);
}

/* ---- what is typed */

static void
echo(struct tty *y, uint8_t c)
{
	char text[2] = { '^', (char)(c ^ 0x40) };

	if ((y->t.lflag & L_ECHO) == 0 &&
	    !(c == '\n' && (y->t.lflag & L_ECHONL)))
		return;
	if ((c < ' ' && c != '\n' && c != '\t' &&
	    (y->t.lflag & L_ECHOCTL)) || c == 0x7f)
		show(y, text, 2);
	else
		show(y, (const char *)&c, 1);
}

static void
unecho(struct tty *y, uint8_t c)
{
	if ((y->t.lflag & L_ECHO) == 0)
		return;
	show(y, "\b \b", 3);
	if (c < ' ' && (y->t.lflag & L_ECHOCTL))
		show(y, "\b \b", 3);
}

static void
put(struct tty *y, uint8_t c, uint8_t end)
{
	/* One place is kept for the end of the line. */
	if (y->tail - y->head >= y->room - (end == 0 ? 1 : 0))
		return;
	y->queue[y->tail % y->room] = c;
	y->ends[y->tail % y->room] = end;
	y->tail++;
}

static bool
erase_one(struct tty *y)
{
	if (y->tail == y->line)
		return false;
	y->tail--;
	unecho(y, y->queue[y->tail % y->room]);
	return true;
}

static void
erase_word(struct tty *y)
{
	while (y->tail > y->line &&
	    y->queue[(y->tail - 1) % y->room] == ' ')
		erase_one(y);
	while (y->tail > y->line &&
	    y->queue[(y->tail - 1) % y->room] != ' ')
		erase_one(y);
}

static void
reprint(struct tty *y)
{
	echo(y, y->t.cc[L_VREPRINT]);
	echo(y, '\n');
	for (uint32_t i = y->line; i != y->tail; i++)
		echo(y, y->queue[i % y->room]);
}

static void
flush(struct tty *y)
{
	y->head = y->line = y->tail;
}

static bool
is_char(const struct tty *y, uint8_t c, uint32_t which)
{
	return c != 0 && y->t.cc[which] == c;
}

/* A character that raises a signal: true. */
static bool
typed_signal(struct tty *y, uint8_t c)
{
	uint32_t sig = is_char(y, c, L_VINTR) ? L_SIGINT :
	    is_char(y, c, L_VQUIT) ? L_SIGQUIT :
	    is_char(y, c, L_VSUSP) ? L_SIGTSTP : 0;

	if ((y->t.lflag & L_ISIG) == 0 || sig == 0)
		return false;
	if ((y->t.lflag & L_NOFLSH) == 0)
		flush(y);
	echo(y, c);
	if (y->fg != 0)
		group_signal(y->fg, sig);
	return true;
}

/* Output stops, or goes on. */
static bool
typed_flow(struct tty *y, uint8_t c)
{
	bool stop = is_char(y, c, L_VSTOP);

	if ((y->t.iflag & L_IXON) == 0 ||
	    (!stop && !is_char(y, c, L_VSTART)))
		return false;
	y->stopped = stop;
	if (!stop)
		wake(&y->wq);
	return true;
}

static void
line_end(struct tty *y, uint8_t c, uint8_t end)
{
	put(y, c, end);
	y->line = y->tail;
	wake(&y->rq);
}

/* Canonical mode: a character that edits the line, or ends it: true. */
static bool
typed_edit(struct tty *y, uint8_t c)
{
	if (is_char(y, c, L_VERASE) || c == '\b') {
		(void)erase_one(y);
	} else if (is_char(y, c, L_VKILL)) {
		while (erase_one(y))
			;
	} else if (is_char(y, c, L_VEOF)) {
		line_end(y, 0, END_MARK | EOF_MARK);
	} else if (c == '\n' || is_char(y, c, L_VEOL) ||
	    is_char(y, c, L_VEOL2)) {
		echo(y, c);
		line_end(y, c, END_MARK);
	} else if ((y->t.lflag & L_IEXTEN) && is_char(y, c, L_VWERASE)) {
		erase_word(y);
	} else if ((y->t.lflag & L_IEXTEN) && is_char(y, c, L_VREPRINT)) {
		reprint(y);
	} else if ((y->t.lflag & L_IEXTEN) && is_char(y, c, L_VLNEXT)) {
		y->literal = true;
	} else {
		return false;
	}
	return true;
}

static void
typed(struct tty *y, uint8_t c)
{
	if (y->literal) {
		y->literal = false;
		echo(y, c);
		put(y, c, 0);
		return;
	}
	if (y->t.iflag & L_ISTRIP)
		c &= 0x7f;
	if (c == '\r' && (y->t.iflag & L_IGNCR))
		return;
	if (c == '\r' && (y->t.iflag & L_ICRNL))
		c = '\n';
	else if (c == '\n' && (y->t.iflag & L_INLCR))
		c = '\r';
	if (typed_signal(y, c) || typed_flow(y, c))
		return;
	if ((y->t.lflag & L_ICANON) == 0) {
		echo(y, c);
		line_end(y, c, END_MARK);
	} else if (!typed_edit(y, c)) {
		echo(y, c);
		put(y, c, 0);
	}
}

void
tty_input(struct tty *y, const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		typed(y, text[i]);
}

/* ---- who may */

static bool
is_background(const struct tty *y, const struct proc *p)
{
	return p->sid == y->session && y->session != 0 &&
	    p->pgid != y->fg;
}

/* 0: go on.  Else what to answer, the group having been told to stop. */
static int64_t
background_check(struct tty *y, uint32_t sig)
{
	struct proc *p = here->proc->leader;
	uint64_t masked = here->win->sig_ignored | here->win->sig_blocked;

	if (!is_background(y, p))
		return 0;
	if (masked & L_SIGBIT(sig))
		return sig == L_SIGTTIN ? -L_EIO : 0;
	if (group_is_orphaned(p->pgid))
		return -L_EIO;
	group_signal(p->pgid, sig);
	return -CM_WAIT;
}

/* ---- reading and writing */

static int64_t
take(struct tty *y, uint8_t *to, size_t n)
{
	bool canon = (y->t.lflag & L_ICANON) != 0;
	size_t done = 0;

	while (done < n && y->head != y->line) {
		uint8_t c = y->queue[y->head % y->room];
		uint8_t end = y->ends[y->head % y->room];

		y->head++;
		if (!(end & EOF_MARK))
			to[done++] = c;
		if (canon && end != 0)
			break;
	}
	y->deadline = 0;
	y->expired = false;
	if (y->pty != NULL)
		pty_taken(y);
	return (int64_t)done;
}

/*
 * Not canonical: VMIN characters are waited for (or as many as there is room
 * for), VTIME tenths of a second at most: from the first one on, or, VMIN being
 * 0, from now on.
 */
static bool
raw_is_ready(struct tty *y, size_t n)
{
	uint32_t have = y->line - y->head, min = y->t.cc[L_VMIN];
	uint64_t time = y->t.cc[L_VTIME] * (uint64_t)TENTH;

	if (have >= (min > n ? n : min) && (min > 0 || have > 0 || time == 0))
		return true;
	if (time == 0)
		return false;
	if (y->expired)
		return true;
	if (y->deadline == 0 && (min == 0 || have > 0)) {
		y->deadline = world_clock() + time;
		world_kick();
	}
	return false;
}

static int64_t
tty_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	struct tty *y = f->tty;
	int64_t r = background_check(y, L_SIGTTIN);

	(void)pos;
	if (r != 0 || n == 0)
		return r;
	if (y->t.lflag & L_ICANON ? y->head != y->line : raw_is_ready(y, n))
		return take(y, to, n);
	if (y->hung)
		return 0;
	return file_block(f, &y->rq);
}

/* VTIME's end; the next one's, ~0: none. */
static uint64_t
deadline_look(struct tty *y, uint64_t now)
{
	if (y->deadline == 0)
		return ~0ull;
	if (now < y->deadline)
		return y->deadline;
	y->deadline = 0;
	y->expired = y->rq.first != NULL;	/* if anybody still waits */
	wake(&y->rq);
	return ~0ull;
}

uint64_t
tty_deadlines(uint64_t now)
{
	uint64_t next = deadline_look(&tty_console, now), n;
	struct tty *y;

	for (uint32_t i = 0; (y = pty_tty(i)) != NULL; i++) {
		n = deadline_look(y, now);
		next = n < next ? n : next;
	}
	return next;
}

static int64_t
tty_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	struct tty *y = f->tty;
	int64_t r = y->t.lflag & L_TOSTOP ?
	    background_check(y, L_SIGTTOU) : 0;

	(void)pos;
	if (r != 0)
		return r;
	if (y->hung)
		return -L_EIO;
	if (y->stopped)
		return file_block(f, &y->wq);
	if (y->pty == NULL) {
		world_print((const char *)from, n);
		return (int64_t)n;
	}
	r = (int64_t)pty_put(y, from, n);
	return r == 0 && n > 0 ? file_block(f, &y->wq) : r;
}

static uint32_t
tty_poll(struct file *f, struct seat *s)
{
	struct tty *y = f->tty;

	if (s != NULL) {
		(void)wait_on(&y->rq, s);
		(void)wait_on(&y->wq, s);
	}
	return (y->stopped || (y->pty != NULL && pty_room(y) < 2) ? 0 :
	    L_POLLOUT | L_POLLWRNORM) |
	    (y->head != y->line || y->hung ? L_POLLIN | L_POLLRDNORM : 0) |
	    (y->hung ? L_POLLHUP : 0);
}

static uint32_t
tty_seq(const struct file *f)
{
	return f->tty->rq.seq + f->tty->wq.seq;
}

/* ---- ioctl */

static int64_t
settings(struct tty *y, const struct l_termios *t, bool drop)
{
	int64_t r = background_check(y, L_SIGTTOU);

	if (r != 0)
		return r;
	if (drop)
		flush(y);
	if ((t->lflag ^ y->t.lflag) & L_ICANON) {
		y->line = y->tail;
		if (y->head != y->line)
			wake(&y->rq);
	}
	y->t = *t;
	y->literal = false;
	return 0;
}

static int64_t
session_take(struct tty *y)
{
	struct proc *p = here->proc->leader;

	if (y->session == p->sid)
		return 0;
	if (p->sid != p->pid || y->session != 0 || tty_of(p->sid) != NULL)
		return -L_EPERM;
	y->session = p->sid;
	y->fg = p->pgid;
	return 0;
}

static int64_t
fg_set(struct tty *y, uint32_t pgid)
{
	struct proc *p = here->proc->leader;
	int64_t r;

	if (y->session != p->sid)
		return -L_ENOTTY;
	r = background_check(y, L_SIGTTOU);
	if (r != 0)
		return r;
	if ((int32_t)pgid <= 0)
		return -L_EINVAL;
	if (!group_exists(p->sid, pgid))
		return -L_EPERM;
	y->fg = pgid;
	return 0;
}

static int64_t
size_set(struct tty *y, const struct l_winsize *size)
{
	if (memcmp(size, &y->size, sizeof(*size)) == 0)
		return 0;
	y->size = *size;
	if (y->fg != 0)
		group_signal(y->fg, L_SIGWINCH);
	return 0;
}

static int64_t
out(uint8_t *data, const void *from, size_t n)
{
	memcpy(data, from, n);
	return 0;
}

/* Those about the session. */
static int64_t
session_ioctl(struct tty *y, uint32_t cmd, uint8_t *data)
{
	struct proc *p = here->proc->leader;
	uint32_t word;

	switch (cmd) {
	case L_TIOCSCTTY:
		return session_take(y);
	case L_TIOCNOTTY:
		if (y->session != p->sid)
			return -L_ENOTTY;
		if (p->sid == p->pid)
			tty_leader_died(p->sid);
		return 0;
	case L_TIOCSPGRP:
		memcpy(&word, data, sizeof(word));
		return fg_set(y, word);
	}
	if (y->session != p->sid)
		return -L_ENOTTY;
	return out(data, cmd == L_TIOCGSID ? &y->session : &y->fg, 4);
}

int64_t
tty_control(struct tty *y, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	struct l_termios t;
	struct l_winsize size;
	uint32_t word;

	switch (cmd) {
	case L_TCGETS:
		return out(data, &y->t, sizeof(y->t));
	case L_TCSETS:
	case L_TCSETSW:
	case L_TCSETSF:
		memcpy(&t, data, sizeof(t));
		return settings(y, &t, cmd == L_TCSETSF);
	case L_TIOCGWINSZ:
		return out(data, &y->size, sizeof(y->size));
	case L_TIOCSWINSZ:
		memcpy(&size, data, sizeof(size));
		return size_set(y, &size);
	case L_TIOCSCTTY:
	case L_TIOCNOTTY:
	case L_TIOCGPGRP:
	case L_TIOCSPGRP:
	case L_TIOCGSID:
		return session_ioctl(y, cmd, data);
	case L_FIONREAD:
		word = y->line - y->head;
		return out(data, &word, sizeof(word));
	case L_TIOCOUTQ:
		word = 0;
		return out(data, &word, sizeof(word));
	case L_TCFLSH:
		if (arg != 1)
			flush(y);
		return 0;
	case L_TCXONC:
		y->stopped = arg == 0 || (arg != 1 && y->stopped);
		wake(&y->wq);
		return 0;
	case L_TCSBRK:
		return 0;
	}
	return -L_ENOTTY;
}

static int64_t
tty_ioctl(struct file *f, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	return tty_control(f->tty, cmd, arg, data);
}

static void
tty_close(struct file *f)
{
	if (f->tty->pty != NULL)
		pty_closed(f->tty);
}

const struct file_ops tty_ops = {
	.read = tty_read, .write = tty_write, .poll = tty_poll,
	.seq = tty_seq, .ioctl = tty_ioctl, .close = tty_close,
};

/* Whose session it is: NULL, nobody's. */
struct tty *
tty_of(uint32_t sid)
{
	struct tty *y = &tty_console;

	if (sid == 0)
		return NULL;
	for (uint32_t i = 0; y != NULL; y = pty_tty(i++)) {
		if (y->session == sid)
			return y;
	}
	return NULL;
}

/* y: which one; NULL: /dev/tty, the caller's, if it has one. */
int64_t
tty_open(struct tty *y, uint32_t flags, struct file **out)
{
	struct proc *p = here->proc->leader;
	bool own = y == NULL;

	if (own)
		y = tty_of(p->sid);
	if (y == NULL)
		return -L_ENXIO;
	*out = file_new(&tty_ops, flags);
	if (*out == NULL)
		return -L_ENFILE;
	(*out)->tty = y;
	if (y->pty != NULL)
		pty_opened(y);
	if (!own && !(flags & L_O_NOCTTY) && y->session == 0 &&
	    p->sid == p->pid && p != proc_init)
		(void)session_take(y);
	return 0;
}

/* Its session is told that it is gone. */
void
tty_hangup(struct tty *y)
{
	uint32_t fg = y->fg;

	y->session = y->fg = 0;
	if (fg != 0) {
		group_signal(fg, L_SIGHUP);
		group_signal(fg, L_SIGCONT);
	}
	wake(&y->rq);
	wake(&y->wq);
}

/* Whose terminal it was has ended, or gave it up. */
void
tty_leader_died(uint32_t sid)
{
	struct tty *y = tty_of(sid);

	if (y != NULL)
		tty_hangup(y);
}
