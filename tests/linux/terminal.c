/*
 * terminal.c - terminals that a program makes: what is typed and shown, modes,
 * signals from the keyboard, job control, sizes, and their ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"
#include "fails.h"

static int master, slave;

static void
begin(void)
{
	EQ(openpty(&master, &slave, NULL, NULL, NULL), 0);
}

static void
end(void)
{
	close(master);
	close(slave);
}

/* What is shown, as far as there is something within a moment. */
static const char *
shown(void)
{
	static char b[4096];
	struct pollfd p = { master, POLLIN, 0 };
	size_t n = 0;

	while (n < sizeof(b) - 1 && poll(&p, 1, n == 0 ? 2000 : 50) == 1) {
		ssize_t r = read(master, b + n, sizeof(b) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	b[n] = '\0';
	return b;
}

static void
type(const char *s)
{
	EQ(write(master, s, strlen(s)), (ssize_t)strlen(s));
}

#define LINE(want)							      \
	do {								      \
		char line_[256];					      \
		ssize_t n_ = read(slave, line_, sizeof(line_) - 1);	      \
		line_[n_ < 0 ? 0 : n_] = '\0';				      \
		if (strcmp(line_, want) != 0)				      \
			printf("# got \"%s\"\n", line_);		      \
		OK(strcmp(line_, want) == 0);				      \
	} while (0)

#define SHOWN(want)							      \
	do {								      \
		const char *got_ = shown();				      \
		if (strcmp(got_, want) != 0)				      \
			printf("# shown \"%s\"\n", got_);		      \
		OK(strcmp(got_, want) == 0);				      \
	} while (0)

TEST(it_is_a_terminal_with_a_name)
{
	char name[64];
	struct stat st;
	int other;

	begin();
	EQ(isatty(master) && isatty(slave), 1);
	EQ(ttyname_r(slave, name, sizeof(name)), 0);
	OK(strncmp(name, "/dev/pts/", 9) == 0);
	EQ(stat(name, &st), 0);
	OK(S_ISCHR(st.st_mode));
	other = open(name, O_RDWR | O_NOCTTY);
	OK(other >= 0);
	close(other);
	FAILS(lseek(slave, 0, SEEK_SET), ESPIPE);
	end();
	FAILS(stat(name, &st), ENOENT);
}

TEST(lines_are_edited)
{
	begin();
	type("hello\r");
	LINE("hello\n");
	SHOWN("hello\r\n");
	type("abx\177c\n");
	LINE("abc\n");
	SHOWN("abx\b \bc\r\n");
	type("one two\027three\n");		/* ^W */
	LINE("one three\n");
	type("gone\025kept\n");			/* ^U */
	LINE("kept\n");
	type("a\026\003b\n");			/* ^V ^C */
	LINE("a\003b\n");
	shown();
	type("no end\004");			/* ^D */
	LINE("no end");
	type("\004");
	LINE("");
	SHOWN("no end");
	EQ(write(slave, "x\ny", 3), 3);
	SHOWN("x\r\ny");
	end();
}

TEST(echo_and_newlines_can_be_off)
{
	struct termios t;

	begin();
	EQ(tcgetattr(slave, &t), 0);
	t.c_lflag &= ~(tcflag_t)ECHO;
	t.c_iflag &= ~(tcflag_t)ICRNL;
	t.c_iflag |= INLCR;
	t.c_oflag &= ~(tcflag_t)ONLCR;
	EQ(tcsetattr(slave, TCSANOW, &t), 0);
	type("quiet\r");
	EQ(write(slave, "\n", 1), 1);
	SHOWN("\n");
	t.c_iflag |= ICRNL;
	t.c_iflag &= ~(tcflag_t)INLCR;
	EQ(tcsetattr(slave, TCSANOW, &t), 0);
	type("end\r");
	LINE("quiet\rend\n");
	end();
}

static void
raw(int min, int time)
{
	struct termios t;

	EQ(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	t.c_cc[VMIN] = (cc_t)min;
	t.c_cc[VTIME] = (cc_t)time;
	EQ(tcsetattr(slave, TCSANOW, &t), 0);
}

static long
ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

TEST(raw_reads_wait_as_told)
{
	char b[16];
	long from;
	pid_t p;

	begin();
	raw(0, 0);
	EQ(read(slave, b, 16), 0);
	type("\003\r");
	EQ(read(slave, b, 16), 2);
	OK(b[0] == 3 && b[1] == '\r');
	raw(0, 2);
	from = ms();
	EQ(read(slave, b, 16), 0);
	OK(ms() - from >= 190);
	raw(3, 0);
	p = fork();
	if (p == 0) {
		for (int i = 0; i < 3; i++) {
			usleep(10000);
			(void)!write(master, "k", 1);
		}
		_exit(0);
	}
	EQ(read(slave, b, 16), 3);
	EQ(waitpid(p, NULL, 0), p);
	raw(5, 1);
	type("ab");
	from = ms();
	EQ(read(slave, b, 16), 2);
	OK(ms() - from >= 90);
	type("abc");
	EQ(read(slave, b, 2), 2);
	EQ(read(slave, b, 1), 1);
	end();
}

/* ---- a shell's work.  The child leads a session on the terminal. */

static pid_t
session(void (*run)(void))
{
	pid_t p = fork();

	if (p != 0) {
		close(slave);
		return p;
	}
	close(master);
	setsid();
	if (ioctl(slave, TIOCSCTTY, 0) != 0)
		_exit(99);
	run();
	_exit(0);
}

static int
ended(pid_t p)
{
	int status = -1;

	EQ(waitpid(p, &status, 0), p);
	return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) :
	    WEXITSTATUS(status);
}

static volatile int got;

static void
note(int sig)
{
	got = sig;
}

static void
wait_keys(void)
{
	int fd = open("/dev/tty", O_RDWR);

	if (fd < 0 || tcgetpgrp(fd) != getpid() || tcgetsid(fd) != getpid())
		_exit(98);
	signal(SIGINT, note);
	signal(SIGQUIT, note);
	(void)!write(fd, "r", 1);
	while (got == 0)
		pause();
	_exit(got);
}

TEST(keys_are_signals)
{
	pid_t p;

	begin();
	got = 0;
	p = session(wait_keys);
	SHOWN("r");
	type("\003");
	EQ(ended(p), SIGINT);
	close(master);
	begin();
	p = session(wait_keys);
	SHOWN("r");
	type("\034");
	EQ(ended(p), SIGQUIT);
	close(master);
}

static void
sizes(void)
{
	struct winsize w = { 0 };

	signal(SIGWINCH, note);
	(void)!write(slave, "r", 1);
	while (got == 0)
		pause();
	ioctl(slave, TIOCGWINSZ, &w);
	_exit(got == SIGWINCH && w.ws_row == 50 && w.ws_col == 132 ? 0 : 1);
}

TEST(sizes_change)
{
	struct winsize w = { 50, 132, 0, 0 };
	pid_t p;

	begin();
	got = 0;
	p = session(sizes);
	SHOWN("r");
	EQ(ioctl(master, TIOCSWINSZ, &w), 0);
	EQ(ended(p), 0);
	close(master);
}

static void
jobs(void)
{
	int status, bad = 0;
	char b[8];
	pid_t p = fork();

	signal(SIGTTOU, SIG_IGN);
	if (p == 0) {
		setpgid(0, 0);
		while (getpgrp() != getpid())
			;
		(void)!read(slave, b, 1);	/* in the background */
		_exit(4);
	}
	setpgid(p, p);
	bad |= waitpid(p, &status, WUNTRACED) != p || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTTIN;
	bad |= (tcsetpgrp(slave, p) != 0) << 1;
	kill(-p, SIGCONT);
	(void)!write(slave, "r", 1);
	bad |= (waitpid(p, &status, WUNTRACED) != p || !WIFSTOPPED(status) ||
	    WSTOPSIG(status) != SIGTSTP) << 2;		/* ^Z */
	bad |= (tcsetpgrp(slave, getpid()) != 0) << 3;
	kill(-p, SIGCONT);
	kill(-p, SIGTERM);
	bad |= (waitpid(p, &status, 0) != p || !WIFSIGNALED(status)) << 4;
	_exit(bad);
}

TEST(jobs_stop_and_go_on)
{
	pid_t p;

	begin();
	p = session(jobs);
	SHOWN("r");
	usleep(20000);
	type("\032");
	EQ(ended(p), 0);
	close(master);
}

static void
hang(void)
{
	char b;

	signal(SIGHUP, note);
	(void)!write(slave, "r", 1);
	while (got == 0)
		pause();
	if (read(slave, &b, 1) != 0)
		_exit(1);
	_exit(write(slave, "x", 1) == -1 && errno == EIO ? 0 : 2);
}

TEST(the_holder_goes_and_all_are_told)
{
	pid_t p;

	begin();
	got = 0;
	p = session(hang);
	SHOWN("r");
	close(master);
	EQ(ended(p), 0);
}

TEST(the_other_end_goes)
{
	char b;

	begin();
	EQ(write(slave, "last", 4), 4);
	close(slave);
	SHOWN("last");
	FAILS(read(master, &b, 1), EIO);
	close(master);
}

TEST(output_stops_and_waits)
{
	struct pollfd p;
	char b[5000];

	memset(b, 'x', sizeof(b));
	begin();
	fcntl(slave, F_SETFL, O_NONBLOCK);
	type("\023");				/* ^S */
	FAILS(write(slave, "x", 1), EAGAIN);
	type("\021");
	EQ(write(slave, "y", 1), 1);
	SHOWN("y");
	OK(write(slave, b, sizeof(b)) < (ssize_t)sizeof(b));
	FAILS(write(slave, "x", 1), EAGAIN);
	p = (struct pollfd){ slave, POLLOUT, 0 };
	EQ(poll(&p, 1, 0), 0);
	OK(strlen(shown()) > 3000);
	EQ(poll(&p, 1, 0), 1);
	end();
}

TEST(there_are_so_many_and_no_more)
{
	int m[64], n = 0;

	while (n < 64 && (m[n] = posix_openpt(O_RDWR | O_NOCTTY)) >= 0)
		n++;
	OK(n >= 8 && n < 64);
	while (n > 0)
		close(m[--n]);
	for (int i = 0; i < 100; i++) {
		begin();
		end();
	}
}

TAP_MAIN
