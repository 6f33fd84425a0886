/*
 * tty.c - the console as a terminal: line discipline, job control.
 *
 * Invariants: (1) head <= line <= tail, all only grow: what can be read is
 *		   before `line' in canonical mode, all of it otherwise.
 *	       (2) a bit of `ends' is set where a line ends; at an end of file
 *		   the byte there is not part of it.
 *	       (3) session == 0 implies fg == 0.
 */
#include <castor/string.h>

#include "proc.h"
#include "world.h"

#define QUEUE	4096u
#define EOF_MARK	2u		/* in ends[]: this byte is an EOF */
#define END_MARK	1u

#define CTRL(c)	((c) & 0x1f)

static struct {
	struct l_termios t;
	struct l_winsize size;
	uint32_t session, fg;
	uint32_t head, line, tail;
	uint8_t queue[QUEUE], ends[QUEUE];
	bool literal;			/* VLNEXT came */
	struct waitq rq;
} tty;

void
tty_init(void)
{
	static const uint8_t cc[L_NCCS] = {
		[L_VINTR] = CTRL('C'), [L_VQUIT] = CTRL('\\'),
		[L_VERASE] = 0x7f, [L_VKILL] = CTRL('U'),
		[L_VEOF] = CTRL('D'), [L_VMIN] = 1, [L_VSTART] = CTRL('Q'),
		[L_VSTOP] = CTRL('S'), [L_VSUSP] = CTRL('Z'),
		[L_VREPRINT] = CTRL('R'), [L_VDISCARD] = CTRL('O'),
		[L_VWERASE] = CTRL('W'), [L_VLNEXT] = CTRL('V'),
	};

	tty.t = (struct l_termios){
		.iflag = L_ICRNL | L_IXON, .oflag = L_OPOST | L_ONLCR,
		.cflag = L_CS8_B38400, .lflag = L_ISIG | L_ICANON | L_ECHO |
		    L_ECHOE | L_ECHOK | L_ECHOCTL | L_ECHOKE | L_IEXTEN,
	};
	memcpy(tty.t.cc, cc, sizeof(cc));
	tty.size = (struct l_winsize){ 24, 80, 0, 0 };
}

/* ---- what is typed */

static void
echo(uint8_t c)
{
	char text[2] = { '^', (char)(c ^ 0x40) };

	if ((tty.t.lflag & L_ECHO) == 0 &&
	    !(c == '\n' && (tty.t.lflag & L_ECHONL)))
		return;
	if ((c < ' ' && c != '\n' && c != '\t' &&
	    (tty.t.lflag & L_ECHOCTL)) || c == 0x7f)
		world_print(text, 2);
	else
		world_print((const char *)&c, 1);
}

static void
unecho(uint8_t c)
{
	if ((tty.t.lflag & L_ECHO) == 0)
		return;
	world_print("\b \b", 3);
	if (c < ' ' && (tty.t.lflag & L_ECHOCTL))
		world_print("\b \b", 3);
}

static void
put(uint8_t c, uint8_t end)
{
	/* One place is kept for the end of the line. */
	if (tty.tail - tty.head >= QUEUE - (end == 0 ? 1 : 0))
		return;
	tty.queue[tty.tail % QUEUE] = c;
	tty.ends[tty.tail % QUEUE] = end;
	tty.tail++;
}

static bool
erase_one(void)
{
	if (tty.tail == tty.line)
		return false;
	tty.tail--;
	unecho(tty.queue[tty.tail % QUEUE]);
	return true;
}

static void
erase_word(void)
{
	while (tty.tail > tty.line &&
	    tty.queue[(tty.tail - 1) % QUEUE] == ' ')
		erase_one();
	while (tty.tail > tty.line &&
	    tty.queue[(tty.tail - 1) % QUEUE] != ' ')
		erase_one();
}

static void
reprint(void)
{
	echo(tty.t.cc[L_VREPRINT]);
	echo('\n');
	for (uint32_t i = tty.line; i != tty.tail; i++)
		echo(tty.queue[i % QUEUE]);
}

static void
flush(void)
{
	tty.head = tty.line = tty.tail;
}

static bool
is_char(uint8_t c, uint32_t which)
{
	return c != 0 && tty.t.cc[which] == c;
}

/* A character that raises a signal: true. */
static bool
typed_signal(uint8_t c)
{
	uint32_t sig = is_char(c, L_VINTR) ? L_SIGINT :
	    is_char(c, L_VQUIT) ? L_SIGQUIT :
	    is_char(c, L_VSUSP) ? L_SIGTSTP : 0;

	if ((tty.t.lflag & L_ISIG) == 0 || sig == 0)
		return false;
	if ((tty.t.lflag & L_NOFLSH) == 0)
		flush();
	echo(c);
	if (tty.fg != 0)
		group_signal(tty.fg, sig);
	return true;
}

static void
line_end(uint8_t c, uint8_t end)
{
	put(c, end);
	tty.line = tty.tail;
	wake(&tty.rq);
}

/* Canonical mode: a character that edits the line, or ends it: true. */
static bool
typed_edit(uint8_t c)
{
	if (is_char(c, L_VERASE) || c == '\b') {
		(void)erase_one();
	} else if (is_char(c, L_VKILL)) {
		while (erase_one())
			;
	} else if (is_char(c, L_VEOF)) {
		line_end(0, END_MARK | EOF_MARK);
	} else if (c == '\n' || is_char(c, L_VEOL) || is_char(c, L_VEOL2)) {
		echo(c);
		line_end(c, END_MARK);
	} else if ((tty.t.lflag & L_IEXTEN) && is_char(c, L_VWERASE)) {
		erase_word();
	} else if ((tty.t.lflag & L_IEXTEN) && is_char(c, L_VREPRINT)) {
		reprint();
	} else if ((tty.t.lflag & L_IEXTEN) && is_char(c, L_VLNEXT)) {
		tty.literal = true;
	} else {
		return false;
	}
	return true;
}

static void
typed(uint8_t c)
{
	if (tty.literal) {
		tty.literal = false;
		echo(c);
		put(c, 0);
		return;
	}
	if (tty.t.iflag & L_ISTRIP)
		c &= 0x7f;
	if (c == '\r' && (tty.t.iflag & L_IGNCR))
		return;
	if (c == '\r' && (tty.t.iflag & L_ICRNL))
		c = '\n';
	else if (c == '\n' && (tty.t.iflag & L_INLCR))
		c = '\r';
	if (typed_signal(c) || ((tty.t.iflag & L_IXON) &&
	    (is_char(c, L_VSTART) || is_char(c, L_VSTOP))))
		return;
	if ((tty.t.lflag & L_ICANON) == 0) {
		echo(c);
		line_end(c, END_MARK);
	} else if (!typed_edit(c)) {
		echo(c);
		put(c, 0);
	}
}

void
tty_input(const uint8_t *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		typed(text[i]);
}

/* ---- who may */

static bool
is_background(const struct proc *p)
{
	return p->sid == tty.session && tty.session != 0 &&
	    p->pgid != tty.fg;
}

/* 0: go on.  Else what to answer, the group having been told to stop. */
static int64_t
background_check(uint32_t sig)
{
	struct proc *p = here->proc;
	uint64_t masked = here->win->sig_ignored | here->win->sig_blocked;

	if (!is_background(p))
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
take(uint8_t *to, size_t n)
{
	bool canon = (tty.t.lflag & L_ICANON) != 0;
	size_t done = 0;

	while (done < n && tty.head != tty.line) {
		uint8_t c = tty.queue[tty.head % QUEUE];
		uint8_t end = tty.ends[tty.head % QUEUE];

		tty.head++;
		if (!(end & EOF_MARK))
			to[done++] = c;
		if (canon && end != 0)
			break;
	}
	return (int64_t)done;
}

static int64_t
tty_read(struct file *f, uint8_t *to, size_t n, uint64_t *pos)
{
	int64_t r = background_check(L_SIGTTIN);

	(void)pos;
	if (r != 0 || n == 0)
		return r;
	if (tty.head != tty.line)
		return take(to, n);
	if ((tty.t.lflag & L_ICANON) == 0 && tty.t.cc[L_VMIN] == 0)
		return 0;
	return file_block(f, &tty.rq);
}

static int64_t
tty_write(struct file *f, const uint8_t *from, size_t n, uint64_t *pos)
{
	int64_t r = tty.t.lflag & L_TOSTOP ? background_check(L_SIGTTOU) : 0;

	(void)f;
	(void)pos;
	if (r != 0)
		return r;
	world_print((const char *)from, n);
	return (int64_t)n;
}

static uint32_t
tty_poll(struct file *f, struct seat *s)
{
	(void)f;
	if (s != NULL)
		(void)wait_on(&tty.rq, s);
	return L_POLLOUT | L_POLLWRNORM |
	    (tty.head != tty.line ? L_POLLIN | L_POLLRDNORM : 0);
}

static uint32_t
tty_seq(const struct file *f)
{
	(void)f;
	return tty.rq.seq;
}

/* ---- ioctl */

static int64_t
settings(const struct l_termios *t, bool drop)
{
	int64_t r = background_check(L_SIGTTOU);

	if (r != 0)
		return r;
	if (drop)
		flush();
	if ((t->lflag ^ tty.t.lflag) & L_ICANON) {
		tty.line = tty.tail;
		if (tty.head != tty.line)
			wake(&tty.rq);
	}
	tty.t = *t;
	tty.literal = false;
	return 0;
}

static int64_t
session_take(void)
{
	struct proc *p = here->proc;

	if (tty.session == p->sid)
		return 0;
	if (p->sid != p->pid || tty.session != 0)
		return -L_EPERM;
	tty.session = p->sid;
	tty.fg = p->pgid;
	return 0;
}

static int64_t
fg_set(uint32_t pgid)
{
	struct proc *p = here->proc;
	int64_t r;

	if (tty.session != p->sid)
		return -L_ENOTTY;
	r = background_check(L_SIGTTOU);
	if (r != 0)
		return r;
	if ((int32_t)pgid <= 0)
		return -L_EINVAL;
	if (!group_exists(p->sid, pgid))
		return -L_EPERM;
	tty.fg = pgid;
	return 0;
}

static int64_t
size_set(const struct l_winsize *size)
{
	if (memcmp(size, &tty.size, sizeof(*size)) == 0)
		return 0;
	tty.size = *size;
	if (tty.fg != 0)
		group_signal(tty.fg, L_SIGWINCH);
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
session_ioctl(uint32_t cmd, uint8_t *data)
{
	struct proc *p = here->proc;
	uint32_t word;

	switch (cmd) {
	case L_TIOCSCTTY:
		return session_take();
	case L_TIOCNOTTY:
		if (tty.session != p->sid)
			return -L_ENOTTY;
		if (p->sid == p->pid)
			tty_leader_died(p->sid);
		return 0;
	case L_TIOCSPGRP:
		memcpy(&word, data, sizeof(word));
		return fg_set(word);
	}
	if (tty.session != p->sid)
		return -L_ENOTTY;
	return out(data, cmd == L_TIOCGSID ? &tty.session : &tty.fg, 4);
}

static int64_t
tty_ioctl(struct file *f, uint32_t cmd, uint64_t arg, uint8_t *data)
{
	struct l_termios t;
	struct l_winsize size;
	uint32_t word;

	(void)f;
	switch (cmd) {
	case L_TCGETS:
		return out(data, &tty.t, sizeof(tty.t));
	case L_TCSETS:
	case L_TCSETSW:
	case L_TCSETSF:
		memcpy(&t, data, sizeof(t));
		return settings(&t, cmd == L_TCSETSF);
	case L_TIOCGWINSZ:
		return out(data, &tty.size, sizeof(tty.size));
	case L_TIOCSWINSZ:
		memcpy(&size, data, sizeof(size));
		return size_set(&size);
	case L_TIOCSCTTY:
	case L_TIOCNOTTY:
	case L_TIOCGPGRP:
	case L_TIOCSPGRP:
	case L_TIOCGSID:
		return session_ioctl(cmd, data);
	case L_FIONREAD:
		word = tty.line - tty.head;
		return out(data, &word, sizeof(word));
	case L_TIOCOUTQ:
		word = 0;
		return out(data, &word, sizeof(word));
	case L_TCFLSH:
		if (arg != 1)
			flush();
		return 0;
	case L_TCSBRK:
	case L_TCXONC:
		return 0;
	}
	return -L_ENOTTY;
}

const struct file_ops tty_ops = {
	.read = tty_read, .write = tty_write, .poll = tty_poll,
	.seq = tty_seq, .ioctl = tty_ioctl,
};

/* own: /dev/tty, the caller's terminal, if it has one. */
int64_t
tty_open(bool own, uint32_t flags, struct file **out)
{
	struct proc *p = here->proc;

	if (own && tty.session != p->sid)
		return -L_ENXIO;
	*out = file_new(&tty_ops, flags);
	if (*out == NULL)
		return -L_ENFILE;
	if (!own && !(flags & L_O_NOCTTY) && tty.session == 0 &&
	    p->sid == p->pid && p != proc_init)
		(void)session_take();
	return 0;
}

uint32_t
tty_session(void)
{
	return tty.session;
}

uint32_t
tty_group(void)
{
	return tty.fg;
}

/* Whose terminal it was has ended, or gave it up. */
void
tty_leader_died(uint32_t sid)
{
	uint32_t fg = tty.fg;

	if (tty.session != sid)
		return;
	tty.session = tty.fg = 0;
	if (fg != 0) {
		group_signal(fg, L_SIGHUP);
		group_signal(fg, L_SIGCONT);
	}
	wake(&tty.rq);
}
