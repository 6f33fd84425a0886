/*
 * test_commons_proc.c - processes, signals, job control, the terminal.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <termios.h>

#include <tty.h>

#include "commons.h"

static struct seat *init;

static void
as(struct seat *s)
{
	me = s;
}

static int64_t
wait_any(struct seat *s, uint32_t options, uint32_t *status)
{
	struct seat *was = me;
	int64_t r;

	me = s;
	r = ask(CM_WAIT4, (uint64_t)-1, options, 0, 0);
	if (r > 0 && status != NULL)
		*status = ((struct cm_wait *)me->win->data)->status;
	me = was;
	return r;
}

static int64_t
kill_by(struct seat *s, int64_t pid, int sig)
{
	struct seat *was = me;
	int64_t r;

	me = s;
	r = ask(CM_KILL, (uint64_t)pid, (uint64_t)sig, 0, 0);
	me = was;
	return r;
}

static bool
has(const struct seat *s, int sig)
{
	return (s->win->pending & L_SIGBIT(sig)) != 0;
}

/* It takes what it is sent, and stops. */
static void
stops_by(struct seat *s, int sig)
{
	EQ(kill_by(init, pid_of(s), sig), 0);
	as(s);
	EQ(ask(CM_STOP, (uint64_t)sig, 0, 0, 0), 0);
	OK(!has(s, sig));
}

/* All children of process 1 away. */
static void
clear(void)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p != proc_init && p->seats != NULL)
			die(p->seats, 0);
	}
	while (wait_any(init, WNOHANG, NULL) > 0)
		;
	EQ(proc_count(), 1);
	init->win->pending = 0;
	as(init);
}

TEST(begins)
{
	begin(NULL, 0);
	init = me;
	EQ(me->win->pid, 1);
}

TEST(children_and_their_ends)
{
	struct seat *a = fork_of(init), *b = fork_of(a);
	uint32_t status;
	uint64_t bell;

	EQ(a->win->ppid, 1);
	EQ(b->win->ppid, pid_of(a));
	EQ(wait_any(b, 0, NULL), -ECHILD);
	EQ(wait_any(a, WNOHANG, NULL), 0);
	bell = a->win->bell;
	EQ(wait_any(a, 0, NULL), -CM_WAIT);
	die(b, 42 << 8);
	OK(a->win->bell != bell);
	EQ(wait_any(a, 0, &status), (int64_t)b->win->pid);
	EQ(WEXITSTATUS(status), 42);
	EQ(wait_any(a, 0, NULL), -ECHILD);
	clear();
}

TEST(wait_chooses)
{
	struct seat *a = fork_of(init), *b = fork_of(a), *c = fork_of(a);
	int64_t pb = pid_of(b), pc = pid_of(c);

	as(a);
	EQ(ask(CM_WAIT4, 1, 0, 0, 0), -ECHILD);
	EQ(ask(CM_WAIT4, 30000, 0, 0, 0), -ECHILD);
	EQ(ask(CM_WAIT4, (uint32_t)INT32_MIN, 0, 0, 0), -ECHILD);
	EQ(ask(CM_WAIT4, (uint64_t)-1, 64, 0, 0), -EINVAL);
	EQ(ask(CM_SETPGID, (uint64_t)pc, 0, 0, 0), 0);
	die(b, 0);
	die(c, 1 << 8);
	EQ(ask(CM_WAIT4, (uint64_t)-pc, 0, 0, 0), pc);
	EQ(ask(CM_WAIT4, 0, L_WNOWAIT | L_WEXITED, 0, 0), pb);
	EQ(ask(CM_WAIT4, (uint64_t)pb, 0, 0, 0), pb);
	EQ(ask(CM_WAIT4, (uint64_t)pb, 0, 0, 0), -ECHILD);
	clear();
}

TEST(orphans_go_to_init)
{
	struct seat *a = fork_of(init), *b = fork_of(a), *c = fork_of(a);
	int64_t pb = pid_of(b);
	uint32_t status;

	die(b, 3 << 8);
	die(a, 0);
	EQ(c->win->ppid, 1);
	as(init);
	EQ(ask(CM_WAIT4, (uint64_t)pb, 0, 0, 0), pb);
	memcpy(&status, me->win->data + 4, sizeof(status));
	EQ(WEXITSTATUS(status), 3);
	die(c, 0);
	clear();
}

TEST(sigchld_ignored_means_no_zombies)
{
	struct seat *a = fork_of(init), *b = fork_of(a);

	a->win->sig_ignored = L_SIGBIT(L_SIGCHLD);
	die(b, 0);
	EQ(wait_any(a, 0, NULL), -ECHILD);
	EQ(proc_count(), 2);
	clear();
}

TEST(an_exit_status_is_no_stop)
{
	struct seat *a = fork_of(init);
	uint32_t status = 0;

	die(a, 0x137f);
	EQ(wait_any(init, 0, &status) > 0, true);
	OK(!WIFSTOPPED(status));
	clear();
}

TEST(fork_can_be_given_up)
{
	struct seat *a = fork_of(init);
	unsigned ends = world_ends;
	int64_t pid;

	as(a);
	pid = ask(CM_FORK_BEGIN, 64, 1, 2, L_SIGCHLD);
	OK(pid > 0);
	EQ(ask(CM_FORK_END, (uint64_t)pid + 1, 1, 1, 1), -ESRCH);
	EQ(ask(CM_FORK_END, (uint64_t)pid, 0, 1, 1), -EINVAL);
	EQ(ask(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0), 0);
	EQ(world_ends, ends + 1);
	EQ(ask(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0), -ESRCH);
	EQ(wait_any(a, 0, NULL), -ECHILD);
	/* A second one ends the first. */
	OK(ask(CM_FORK_BEGIN, 64, 1, 2, L_SIGCHLD) > 0);
	OK(ask(CM_FORK_BEGIN, 64, 1, 2, L_SIGCHLD) > 0);
	EQ(world_ends, ends + 2);
	/* So does its parent's death. */
	die(a, 0);
	EQ(world_ends, ends + 4);
	as(init);
	world_no_begin = true;
	EQ(fork_of(init), NULL);
	world_no_begin = false;
	EQ(ask(CM_FORK_BEGIN, 64, 1, 2, 65), -EINVAL);
	clear();
}

TEST(a_fork_bomb_ends_in_eagain)
{
	struct seat *a = fork_of(init), *b;
	unsigned n = 0;

	while (fork_of(a) != NULL)
		n++;
	OK(n > 200 && n < PROCS_MAX);
	as(a);
	EQ(ask(CM_FORK_BEGIN, 64, 1, 2, L_SIGCHLD), -EAGAIN);
	b = fork_of(init);
	OK(b != NULL);
	EQ(kill_by(b, -1, SIGKILL), 0);
	EQ(proc_count() > 2, true);
	clear();
}

TEST(pids_come_round)
{
	for (unsigned i = 0; i < PIDS_MAX + 100; i++) {
		struct seat *a = fork_of(init);

		OK(a != NULL && pid_of(a) < PIDS_MAX && pid_of(a) > 1);
		die(a, 0);
		EQ(wait_any(init, 0, NULL), pid_of(a));
	}
	clear();
}

/* ---- signals */

TEST(signals_are_marked)
{
	struct seat *a = fork_of(init), *b = fork_of(init);
	uint64_t bell = b->win->bell;

	EQ(kill_by(a, pid_of(b), SIGTERM), 0);
	OK(has(b, SIGTERM) && b->win->bell != bell);
	as(b);
	EQ(ask(CM_SIGINFO, SIGTERM, 0, 0, 0), (int64_t)pid_of(a) << 8);
	EQ(ask(CM_SIGINFO, 0, 0, 0, 0), -EINVAL);
	EQ(ask(CM_SIGINFO, 65, 0, 0, 0), -EINVAL);
	b->win->sig_ignored = L_SIGBIT(SIGHUP);
	EQ(kill_by(a, pid_of(b), SIGHUP), 0);
	OK(!has(b, SIGHUP));
	b->win->sig_blocked = L_SIGBIT(SIGHUP);
	EQ(kill_by(a, pid_of(b), SIGHUP), 0);
	OK(has(b, SIGHUP));
	EQ(kill_by(a, pid_of(b), 0), 0);
	EQ(kill_by(a, pid_of(b), 65), -EINVAL);
	EQ(kill_by(a, 30000, 1), -ESRCH);
	EQ(kill_by(a, -30000, 1), -ESRCH);
	EQ(kill_by(a, INT32_MIN, 1), -EINVAL);
	EQ(kill_by(a, pid_of(b), SIGCHLD), 0);
	OK(!has(b, SIGCHLD));
	b->win->sig_caught = L_SIGBIT(SIGCHLD);
	EQ(kill_by(a, pid_of(b), SIGCHLD), 0);
	OK(has(b, SIGCHLD));
	clear();
}

TEST(sigkill_ends)
{
	struct seat *a = fork_of(init), *b = fork_of(init);
	uint32_t status = 0;

	EQ(kill_by(a, pid_of(b), SIGKILL), 0);
	EQ(world_last_status, SIGKILL);
	EQ(wait_any(init, 0, &status), pid_of(b));
	EQ(WTERMSIG(status), SIGKILL);
	EQ(kill_by(a, 1, SIGKILL), 0);
	EQ(proc_init->state, PROC_LIVE);
	EQ(kill_by(a, 1, SIGSTOP), 0);
	EQ(proc_init->stopped, 0);
	/* Itself. */
	EQ(kill_by(a, pid_of(a), SIGKILL), 0);
	EQ(wait_any(init, 0, &status), pid_of(a));
	clear();
}

TEST(groups_get_signals)
{
	struct seat *a = fork_of(init), *b = fork_of(a), *c = fork_of(a);

	as(a);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), 0);
	EQ(ask(CM_GETPGID, 0, 0, 0, 0), pid_of(a));
	EQ(ask(CM_SETPGID, pid_of(b), pid_of(a), 0, 0), 0);
	EQ(kill_by(a, 0, SIGUSR1), 0);
	OK(has(a, SIGUSR1) && has(b, SIGUSR1) && !has(c, SIGUSR1));
	EQ(kill_by(c, -(int64_t)pid_of(a), SIGUSR2), 0);
	OK(has(a, SIGUSR2) && has(b, SIGUSR2) && !has(c, SIGUSR2));
	EQ(kill_by(a, -1, SIGHUP), 0);
	OK(!has(a, SIGHUP) && has(b, SIGHUP) && has(c, SIGHUP) &&
	    !has(init, SIGHUP));
	EQ(kill_by(a, 0, SIGKILL), 0);
	EQ(a->proc, NULL);
	EQ(b->proc, NULL);
	OK(c->proc != NULL);
	clear();
}

TEST(groups_and_sessions_have_rules)
{
	struct seat *a = fork_of(init), *b = fork_of(a), *c = fork_of(init);

	as(a);
	EQ(ask(CM_SETPGID, pid_of(c), 0, 0, 0), -ESRCH);
	EQ(ask(CM_SETPGID, 0, 12345, 0, 0), -EPERM);
	EQ(ask(CM_SETPGID, 0, (uint64_t)-1, 0, 0), -EINVAL);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(a));
	EQ(ask(CM_SETSID, 0, 0, 0, 0), -EPERM);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), -EPERM);
	EQ(ask(CM_SETPGID, pid_of(b), 0, 0, 0), -EPERM);
	EQ(ask(CM_GETSID, pid_of(b), 0, 0, 0), 1);
	EQ(a->win->sid, pid_of(a));
	as(b);
	EQ(ask(CM_EXEC, path("/x"), 0, CWD, 0), 0);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), 0);
	as(c);
	b = fork_of(c);
	as(b);
	EQ(ask(CM_EXEC, path("/x"), 0, CWD, 0), 0);
	as(c);
	EQ(ask(CM_SETPGID, pid_of(b), 0, 0, 0), -EACCES);
	clear();
}

TEST(stop_and_continue)
{
	struct seat *a = fork_of(init), *b = fork_of(a);
	unsigned stops = world_stops, conts = world_conts;
	uint32_t status = 0;

	a->win->sig_caught = L_SIGBIT(SIGCHLD);
	EQ(kill_by(a, pid_of(b), SIGSTOP), 0);
	EQ(world_stops, stops + 1);
	OK(has(a, SIGCHLD));
	EQ(wait_any(a, WNOHANG, NULL), 0);
	EQ(wait_any(a, WUNTRACED | WNOHANG, &status), pid_of(b));
	OK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	EQ(wait_any(a, WUNTRACED | WNOHANG, &status), 0);
	EQ(kill_by(a, pid_of(b), SIGTSTP), 0);
	OK(has(b, SIGTSTP));
	EQ(kill_by(a, pid_of(b), SIGCONT), 0);
	OK(!has(b, SIGTSTP));
	EQ(world_conts, conts + 1);
	EQ(wait_any(a, WCONTINUED | WNOHANG, &status), pid_of(b));
	OK(WIFCONTINUED(status));
	EQ(wait_any(a, WCONTINUED | WNOHANG, &status), 0);
	/* By itself; not in an orphaned group. */
	as(b);
	EQ(ask(CM_STOP, SIGTERM, 0, 0, 0), -EINVAL);
	stops_by(b, SIGTSTP);
	EQ(b->proc->stopped, 0);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), 0);
	stops_by(b, SIGTSTP);
	EQ(b->proc->stopped, SIGTSTP);
	/* Killed while it is stopped: that is all there is to tell then. */
	EQ(kill_by(a, pid_of(b), SIGKILL), 0);
	EQ(b->proc, NULL);
	EQ(wait_any(a, L_WNOWAIT | WUNTRACED | WNOHANG, &status), 0);
	EQ(wait_any(a, 0, &status), pid_of(b));
	clear();
}

/* A group that was without a keeper before is not told again. */
TEST(who_was_no_keeper_makes_no_orphans)
{
	struct seat *a = fork_of(init), *b, *c;

	as(a);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(a));
	b = fork_of(a);
	c = fork_of(a);
	EQ(kill_by(a, pid_of(b), SIGSTOP), 0);
	EQ(b->proc->stopped, SIGSTOP);
	die(c, 0);
	EQ(b->proc->stopped, SIGSTOP);
	EQ(a->win->pending & L_SIGBIT(SIGHUP), 0);
	clear();
}

/* It has seen the mark, and not asked yet. */
TEST(continued_before_it_has_stopped)
{
	struct seat *a = fork_of(init), *b;

	as(a);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(a));
	b = fork_of(a);
	as(b);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), 0);
	EQ(kill_by(a, pid_of(b), SIGTSTP), 0);
	OK(has(b, SIGTSTP));
	EQ(kill_by(a, pid_of(b), SIGCONT), 0);
	as(b);
	EQ(ask(CM_STOP, SIGTSTP, 0, 0, 0), 0);
	EQ(b->proc->stopped, 0);
	stops_by(b, SIGTTIN);
	EQ(b->proc->stopped, SIGTTIN);
	clear();
}

TEST(stopped_orphans_are_woken)
{
	struct seat *a = fork_of(init), *b;

	as(a);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(a));
	b = fork_of(a);
	as(b);
	EQ(ask(CM_SETPGID, 0, 0, 0, 0), 0);
	stops_by(b, SIGTSTP);
	EQ(b->proc->stopped, SIGTSTP);
	die(a, 0);
	EQ(b->proc->stopped, 0);
	OK(has(b, SIGHUP));
	clear();
}

TEST(threads_are_asked_by_their_masks)
{
	struct seat *a = fork_of(init), *t;
	int64_t tid;

	as(a);
	tid = ask(CM_THREAD, 0, 0, 0, 0);
	OK(tid > (int64_t)pid_of(a));
	t = a->next;
	a->win->sig_blocked = L_SIGBIT(SIGUSR1);
	EQ(kill_by(init, pid_of(a), SIGUSR1), 0);
	OK(has(t, SIGUSR1) && !has(a, SIGUSR1));
	t->win->sig_blocked = L_SIGBIT(SIGUSR2);
	a->win->sig_blocked = L_SIGBIT(SIGUSR2);
	EQ(kill_by(init, pid_of(a), SIGUSR2), 0);
	OK(has(a, SIGUSR2));
	EQ(ask(CM_TKILL, pid_of(a), (uint64_t)tid, SIGTERM, 0), 0);
	OK(has(t, SIGTERM) && !has(a, SIGTERM));
	EQ(ask(CM_TKILL, pid_of(a), 1, SIGTERM, 0), -ESRCH);
	EQ(ask(CM_TKILL, 0, (uint64_t)tid, SIGINT, 0), 0);
	OK(has(t, SIGINT));
	clear();
}

TEST(alarms_ring)
{
	struct seat *a = fork_of(init);

	as(a);
	EQ(ask(CM_ITIMER, 5000, 2000, 0, 0), 0);
	(void)signal_alarms();
	OK(!has(a, SIGALRM));
	world_now += 3000;
	EQ(ask(CM_ITIMER, ~0ull, 0, 0, 0), 2000);
	EQ(*(uint64_t *)a->win->data, 2000);
	world_now += 2500;
	OK(signal_alarms() < world_now + 3000);
	OK(has(a, SIGALRM));
	a->win->pending = 0;
	world_now += 1000;
	(void)signal_alarms();
	OK(!has(a, SIGALRM));
	world_now += 1000;
	(void)signal_alarms();
	OK(has(a, SIGALRM));
	EQ(ask(CM_ITIMER, ~0ull - 1, 0, 0, 0), -EINVAL);
	OK(ask(CM_ITIMER, 0, 0, 0, 0) > 0);
	EQ(signal_alarms() > 0, true);
	world_now += 100000;
	EQ(signal_alarms(), ~0ull);
	clear();
}

/* ---- the terminal */

static struct seat *shell;

static void
type(const char *text)
{
	tty_input(&tty_console, (const uint8_t *)text, strlen(text));
}

static const char *
printed(void)
{
	world_print_len = 0;
	return world_printed;
}

static void
shell_begin(void)
{
	shell = fork_of(init);
	as(shell);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(shell));
	EQ(open_at("/dev/tty", O_RDWR), -ENXIO);
	EQ(open_at("/dev/console", O_RDWR), 0);
	EQ(tty_console.session, pid_of(shell));
	EQ(open_at("/dev/tty", O_RDWR), 1);
	(void)printed();
	world_printed[0] = '\0';
}

TEST(lines_are_edited)
{
	shell_begin();
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	type("helo\x7flo x\x17yes\r");
	IS(printed(), "helo\b \blo x\b \byes\n");
	IS(got(0, 50), "hello yes\n");
	type("kill this\x15now\n");
	IS(got(0, 2), "no");
	IS(got(0, 50), "w\n");
	type("one\ntwo\n");
	IS(got(0, 50), "one\n");
	IS(got(0, 50), "two\n");
	type("half");
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	type("\x04");
	IS(got(0, 50), "half");
	type("\x04");
	EQ(ask(CM_READ, 0, 50, POS, 0), 0);
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	type("\x16\x03\n");
	IS(got(0, 50), "\x03\n");
	EQ(put(0, "out"), 3);
	printed();
	clear();
}

TEST(more_is_typed_than_fits)
{
	shell_begin();
	for (int i = 0; i < 10000; i++)
		type("x");
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), -CM_WAIT);
	type("\n");
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), CM_DATA);
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), 4096 - CM_DATA);
	for (int i = 0; i < 5000; i++)
		type("\n");
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), 1);
	EQ(ask(CM_IOCTL, 0, 0x540b, 0, 0), 0);
	EQ(ask(CM_READ, 0, CM_DATA, POS, 0), -CM_WAIT);
	clear();
}

static void
tty_mode(tcflag_t lflag, uint8_t vmin)
{
	struct l_termios t;

	EQ(ask(CM_IOCTL, 0, L_TCGETS, 0, 0), 0);
	memcpy(&t, me->win->data, sizeof(t));
	t.lflag = lflag;
	t.cc[L_VMIN] = vmin;
	memcpy(me->win->data, &t, sizeof(t));
	EQ(ask(CM_IOCTL, 0, L_TCSETS, 0, 0), 0);
}

TEST(raw_mode)
{
	struct l_winsize w = { 50, 132, 0, 0 };

	shell_begin();
	type("ab");
	tty_mode(0, 1);
	IS(got(0, 50), "ab");
	type("\x03\x7f");
	IS(got(0, 50), "\x03\x7f");
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	tty_mode(0, 0);
	EQ(ask(CM_READ, 0, 50, POS, 0), 0);
	tty_mode(L_ICANON | L_ECHO | L_ISIG | L_ECHOE, 1);
	me->win->sig_caught = L_SIGBIT(L_SIGWINCH);
	memcpy(me->win->data, &w, sizeof(w));
	EQ(ask(CM_IOCTL, 0, L_TIOCSWINSZ, 0, 0), 0);
	OK(has(shell, L_SIGWINCH));
	memset(me->win->data, 0, 8);
	EQ(ask(CM_IOCTL, 1, L_TIOCGWINSZ, 0, 0), 0);
	EQ(memcmp(me->win->data, &w, sizeof(w)), 0);
	EQ(ask(CM_IOCTL, 0, 0x1234, 0, 0), -ENOTTY);
	EQ(open_at("/tmp", O_RDONLY), 2);
	EQ(ask(CM_IOCTL, 2, L_TCGETS, 0, 0), -ENOTTY);
	clear();
}

TEST(keys_send_signals_to_the_foreground)
{
	struct seat *job;
	uint32_t fg;

	shell_begin();
	job = fork_of(shell);
	EQ(ask(CM_SETPGID, pid_of(job), 0, 0, 0), 0);
	fg = pid_of(job);
	memcpy(me->win->data, &fg, 4);
	EQ(ask(CM_IOCTL, 0, L_TIOCSPGRP, 0, 0), 0);
	type("lost\x03");
	OK(has(job, SIGINT) && !has(shell, SIGINT));
	type("\x1a");
	OK(has(job, SIGTSTP) && !has(shell, SIGTSTP));
	type("\x1c");
	OK(has(job, SIGQUIT));
	/* The shell is in the background now. */
	EQ(ask(CM_READ, 0, 50, POS, 0), -EIO);	/* its group is orphaned */
	as(job);
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	die(job, 0);
	/* TIOCSPGRP from the background: ignoring SIGTTOU, as shells do. */
	as(shell);
	fg = pid_of(shell);
	memcpy(me->win->data, &fg, 4);
	me->win->sig_ignored = L_SIGBIT(SIGTTOU);
	EQ(ask(CM_IOCTL, 0, L_TIOCSPGRP, 0, 0), 0);
	EQ(ask(CM_IOCTL, 0, L_TIOCGPGRP, 0, 0), 0);
	memcpy(&fg, me->win->data, 4);
	EQ(fg, pid_of(shell));
	fg = 12345;
	memcpy(me->win->data, &fg, 4);
	EQ(ask(CM_IOCTL, 0, L_TIOCSPGRP, 0, 0), -EPERM);
	clear();
}

TEST(the_background_is_stopped)
{
	struct seat *job;
	uint64_t bell;

	shell_begin();
	job = fork_of(shell);
	EQ(ask(CM_SETPGID, pid_of(job), 0, 0, 0), 0);
	as(job);
	bell = job->win->bell;
	EQ(ask(CM_READ, 0, 50, POS, 0), -CM_WAIT);
	OK(has(job, SIGTTIN) && job->win->bell != bell);
	job->win->pending = 0;
	job->win->sig_blocked = L_SIGBIT(SIGTTIN);
	EQ(ask(CM_READ, 0, 50, POS, 0), -EIO);
	EQ(put(0, "x"), 1);
	as(shell);
	tty_mode(L_ICANON | L_ISIG | L_TOSTOP, 1);
	as(job);
	EQ(put(0, "x"), -CM_WAIT);
	OK(has(job, SIGTTOU));
	job->win->pending = 0;
	EQ(ask(CM_IOCTL, 0, L_TCGETS, 0, 0), 0);
	EQ(ask(CM_IOCTL, 0, L_TCSETS, 0, 0), -CM_WAIT);
	as(shell);
	tty_mode(L_ICANON | L_ISIG, 1);
	clear();
}

TEST(the_leader_hangs_up)
{
	struct seat *job;

	shell_begin();
	job = fork_of(shell);
	die(shell, 0);
	OK(has(job, SIGHUP));
	EQ(tty_console.session, 0);
	as(job);
	EQ(open_at("/dev/tty", O_RDWR), -ENXIO);
	EQ(ask(CM_IOCTL, 0, L_TIOCGPGRP, 0, 0), -ENOTTY);
	EQ(ask(CM_IOCTL, 0, L_TIOCSCTTY, 0, 0), -EPERM);
	EQ(ask(CM_SETSID, 0, 0, 0, 0), pid_of(job));
	EQ(ask(CM_IOCTL, 0, L_TIOCSCTTY, 0, 0), 0);
	EQ(tty_console.session, pid_of(job));
	EQ(ask(CM_IOCTL, 0, L_TIOCNOTTY, 0, 0), 0);
	EQ(tty_console.session, 0);
	clear();
}

/* ---- /proc and /exo */

static const char *
file_text(const char *name)
{
	static char all[10000];
	int64_t fd = open_at(name, O_RDONLY), r;
	size_t n = 0;

	if (fd < 0)
		return "not there";
	while ((r = ask(CM_READ, (uint64_t)fd, 100, POS, 0)) > 0) {
		memcpy(all + n, me->win->data, (size_t)r);
		n += (size_t)r;
	}
	all[n] = '\0';
	EQ(r, 0);
	EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
	return all;
}

static unsigned
names_in(const char *dir, const char *want)
{
	int64_t fd = open_at(dir, O_RDONLY | O_DIRECTORY), r;
	unsigned n = 0;

	while ((r = ask(CM_GETDENTS, (uint64_t)fd, 64, 0, 0)) > 0) {
		for (int64_t at = 0; at < r;) {
			struct l_dirent *d =
			    (struct l_dirent *)(me->win->data + at);

			n += want == NULL || strcmp(d->name, want) == 0;
			at += d->reclen;
		}
	}
	EQ(r, 0);
	EQ(ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
	return n;
}

TEST(proc_tells)
{
	struct seat *a = fork_of(init), *b = fork_of(a);
	char name[64];

	as(a);
	memcpy(me->win->data + CM_SECOND, "cat\0-v\0", 7);
	EQ(ask(CM_EXEC, path("/bin/cat"), 7, CWD, 0), 0);
	OK(strstr(file_text("/proc/meminfo"), "MemTotal:         4000 kB"));
	snprintf(name, sizeof(name), "%u (cat) R 1 1 1 ", pid_of(a));
	OK(strncmp(file_text("/proc/self/stat"), name, strlen(name)) == 0);
	OK(memcmp(file_text("/proc/self/cmdline"), "cat\0-v", 7) == 0);
	IS(file_text("/proc/self/comm"), "cat\n");
	EQ(ask(CM_READLINK, CWD, path("/proc/self/exe"), 0, 0), 8);
	EQ(memcmp(me->win->data, "/bin/cat", 8), 0);
	snprintf(name, sizeof(name), "/proc/%u/status", pid_of(b));
	OK(strstr(file_text(name), "State:\tR"));
	snprintf(name, sizeof(name), "%u", pid_of(b));
	EQ(names_in("/proc", name), 1);
	EQ(names_in("/proc", "meminfo"), 1);
	EQ(names_in("/proc", "."), 1);
	snprintf(name, sizeof(name), "/proc/%u", pid_of(b));
	EQ(names_in(name, "stat"), 1);
	EQ(ask(CM_CHDIR, CWD, path(name), 0, 0), 0);
	die(b, 0);
	IS(file_text("comm"), "init\n");
	as(a);
	OK(wait_any(a, 0, NULL) > 0);
	IS(file_text("comm"), "not there");
	EQ(open_at("../meminfo", O_RDONLY), 0);
	EQ(open_at("/proc/meminfo", O_WRONLY), -EACCES);
	EQ(open_at("/proc/x", O_WRONLY | O_CREAT), -EPERM);
	EQ(ask(CM_UNLINK, CWD, path("/proc/meminfo"), 0, 0), -EPERM);
	EQ(ask(CM_UNLINK, CWD, path("/proc"), L_AT_REMOVEDIR, 0), -EPERM);
	EQ(ask(CM_RENAME, CWD, paths("/proc", "/tmp/p"), CWD, 0), -EPERM);
	EQ(ask(CM_RENAME, CWD, paths("/tmp", "/proc/p"), CWD, 0), -EPERM);
	EQ(ask(CM_LINK, CWD, paths("/proc/meminfo", "/tmp/p"), CWD, 0),
	    -EPERM);
	EQ(ask(CM_CHMOD, CWD, path("/proc/stat"), 0777, 0), -EPERM);
	EQ(ask(CM_TRUNCATE, CWD, path("/proc/stat"), 0, 0), -EINVAL);
	clear();
}

/* One that has ended is there until somebody waits for it, and tells less. */
TEST(proc_tells_of_the_dead)
{
	static const char *const files[] = { "stat", "statm", "status",
	    "cmdline", "comm" };
	struct seat *a = fork_of(init);
	uint32_t pid = pid_of(a);
	char name[64];

	as(a);
	memcpy(me->win->data + CM_SECOND, "cat\0-v\0", 7);
	EQ(ask(CM_EXEC, path("/bin/cat"), 7, CWD, 0), 0);
	die(a, 0);
	as(init);
	for (unsigned i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "/proc/%u/%s", pid, files[i]);
		EQ(file_text(name)[0] == '\0', i == 3);
	}
	snprintf(name, sizeof(name), "/proc/%u/exe", pid);
	EQ(ask(CM_READLINK, CWD, path(name), 0, 0), 0);
	snprintf(name, sizeof(name), "/proc/%u/cwd/x", pid);
	EQ(ask(CM_STAT, CWD, path(name), 0, 0), -ENOENT);
	snprintf(name, sizeof(name), "/proc/%u/fd", pid);
	EQ(names_in(name, NULL), 2);
	clear();
}

TEST(descriptors_by_name)
{
	struct seat *a = fork_of(init), *b;
	char name[64];

	as(a);
	EQ(open_at("/tmp/f", O_RDWR | O_CREAT), 0);
	EQ(put(0, "file"), 4);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 1 | 2ll << 32);
	EQ(put(2, "pipe"), 4);
	EQ(open_at("/dev/stdin", O_RDONLY), 3);
	IS(got(3, 9), "file");
	EQ(open_at("/proc/self/fd/1", O_RDONLY), 4);
	IS(got(4, 9), "pipe");
	EQ(open_at("/dev/fd/9", O_RDONLY), -ENOENT);
	EQ(open_at("/dev/fd/01", O_RDONLY), -ENOENT);
	EQ(names_in("/dev/fd", NULL), 2 + 5 + 1);
	b = fork_of(init);
	as(b);
	snprintf(name, sizeof(name), "/proc/%u/fd/1", pid_of(a));
	EQ(open_at(name, O_RDONLY), -EACCES);
	EQ(ask(CM_READLINK, CWD, path(name), 0, 0), 8);
	EQ(memcmp(me->win->data, "pipe:[1]", 8), 0);
	as(a);
	EQ(ask(CM_UNLINK, CWD, path("/tmp/f"), 0, 0), 0);
	clear();
}

TEST(exo_tells)
{
	as(init);
	EQ(ask(CM_NOSYS, 334, 0, 0, 0), 0);
	EQ(ask(CM_NOSYS, 334, 0, 0, 0), 0);
	EQ(ask(CM_NOSYS, ~0ull, 0, 0, 0), 0);
	IS(file_text("/exo/nosys"), "1 read 0\n2 rseq 334\n");
	IS(file_text("/exo/envs"), "5555555555");
	EQ(names_in("/exo", NULL), 2 + 12);
	OK(strncmp(file_text("/exo/commons"), "processes 1\nseats 5\n", 20)
	    == 0);
	OK(strstr(file_text("/exo/commons"), "\nfiles 1\ndescriptors 1\n"
	    "pipes 0\n") != NULL);
	me->proc->acct = 0x100000002;
	me->proc->domain = 0x100000003;
	me->env = 0x100000004;
	IS(file_text("/exo/self"),
	    "acct 4294967298 domain 4294967299 env 4294967300\n");
	clear();
}

/* Of a context: the domain that it is in, and no thread more. */
TEST(exo_tells_contexts_where_they_are)
{
	struct seat *a = fork_of(init);
	char name[64];
	int64_t r;

	as(a);
	a->proc->domain = 3;
	r = ask(CM_CONTEXT, CM_COPY, 1, 1, 1);
	OK(r > 0);
	clients[r].domain = 77;
	as(&clients[r]);
	me->env = 5;
	me->proc->acct = 2;
	IS(file_text("/exo/self"), "acct 2 domain 77 env 5\n");
	OK(strstr(file_text("/exo/commons"), "\ncontexts 1\n") != NULL);
	snprintf(name, sizeof(name), "/proc/%u/status", pid_of(a));
	OK(strstr(file_text(name), "\nThreads:\t1\n") != NULL);
	as(a);
	proc_seat_drop(&clients[r]);
	OK(strstr(file_text("/exo/commons"), "\ncontexts 0\n") != NULL);
	clear();
}

TEST(nothing_is_left)
{
	EQ(file_count(), 0);
	EQ(fd_count(), 0);
}

int
main(void)
{
	return tap_main();
}
