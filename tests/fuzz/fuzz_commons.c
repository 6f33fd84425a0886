/*
 * fuzz_commons.c - the commons' pure part, asked anything by anybody.
 *
 * An input is a row of requests: who asks (a byte), what (a byte), a byte for
 * each word, which picks a likely or an unlikely one, and what is put into the
 * window first: a path of a few that mean something, or the input's own bytes.
 * Clients fork, make threads, die and kill each other.  In the end all are dead
 * but process 1, all files are removed, and nothing is given out any more.
 */
#include "fuzz.h"
#include "../host/commons.h"

#include <tty.h>

#define SEATS_BUSY	280u		/* beyond: no more are made */

static struct seat *init;
static uint64_t inodes_begun;

static uint64_t
inodes(void)
{
	struct l_statfs st;

	fs_statfs(&st);
	return st.files - st.ffree;
}

static void
once(void)
{
	if (init != NULL)
		return;
	begin(NULL, 0);
	init = me;
	(void)ask(CM_MKNOD, CWD, path("/tmp"), L_S_IFDIR | 0777, 0);
	inodes_begun = inodes();
}

/* ---- from bytes to requests */

struct input {
	const uint8_t *at, *end;
};

static uint8_t
byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint64_t
word(struct input *in)
{
	static const uint64_t likely[] = { 0, 1, 2, 3, 4, 5, 16, 17, CM_DATA,
	    CM_DATA + 1, 4096, 65536, (uint64_t)-1, (uint64_t)-100,
	    (uint64_t)INT64_MIN, 1ull << 32 | 5, 0102, 02101, 04000, 0100644,
	    0010644, 0040755, 0xfff, 0x5401, 0x5413, 0x540f, 0x5421, 300 };
	uint8_t b = byte(in);

	if (b < 128)
		return likely[b % (sizeof(likely) / sizeof(likely[0]))];
	return b < 240 ? (uint64_t)(b - 128) : 1ull << (b & 63);
}

static const char *const names[] = { "/tmp/a", "/tmp/b", "/tmp/a/b", "/", "..",
	"a", "b/c", ".", "/dev/null", "/dev/console", "/dev/stdin", "/tmp/p",
	"/proc/self/fd/1", "/proc/%u/cmdline", "/proc/%u/fd", "/exo/commons",
	"/proc", "/proc/self/cwd/a", "/tmp/a/../b/./c/", "/proc/%u/status",
	"/proc/%u/cwd/a", "/proc/%u/stat" };
#define NAMES	(sizeof(names) / sizeof(names[0]))

/* Of one of the first clients; ended ones keep theirs a while. */
static uint32_t
pid_any(uint64_t i)
{
	const struct cm_window *w = windows[i % 16];

	return w == NULL ? 1 : w->pid;
}

/* Into the window at `at': the length. */
static uint64_t
window_fill(struct input *in, uint32_t at)
{
	uint8_t b = byte(in);
	uint32_t n = b & 31;
	char name[64];

	if (b < 160) {
		n = (uint32_t)snprintf(name, sizeof(name), names[b % NAMES],
		    pid_any(b));
		memcpy(me->win->data + at, name, n);
		return n;
	}
	for (uint32_t i = 0; i < n; i++)
		me->win->data[at + i] = byte(in);
	return n;
}

static uint32_t
seats_used(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < CLIENTS; i++)
		n += clients[i].proc != NULL;
	return n;
}

static void
one(struct input *in)
{
	uint32_t who = byte(in) % 16, op = byte(in) % CM_OP_MAX;
	uint64_t w[4], len;
	int64_t r;

	me = clients[who].proc != NULL && clients[who].proc->state ==
	    PROC_LIVE ? &clients[who] : init;
	len = window_fill(in, 0);
	if (op & 1)
		len |= window_fill(in, CM_SECOND) << 32;
	for (uint32_t i = 0; i < 4; i++)
		w[i] = word(in);
	if (w[1] == 16)
		w[1] = len;
	if (me == init && (op == CM_EXIT || op == CM_THREAD ||
	    op == CM_CONTEXT))
		return;			/* it stays, as it is */
	if ((op == CM_THREAD || op == CM_FORK_BEGIN) &&
	    seats_used() > SEATS_BUSY)
		return;
	me->win->sig_ignored = w[2];
	me->win->sig_blocked = w[3];
	me->win->reading |= w[3] & 0xffff;
	if (op == CM_KILL || op == CM_TKILL || op == CM_WAIT4 ||
	    op == CM_SETPGID)
		w[0] = w[0] < 16 ? pid_any(w[0]) : w[0];
	world_now += 1000000;
	r = ask(op, w[0], w[1], w[2], w[3]);
	if (op == CM_FORK_BEGIN && r > 0 && w[0] != 0)
		r = ask(CM_FORK_END, (uint64_t)r, 1, 1, 1);
	fuzz_sink += (uint64_t)r;
	if (w[0] == 300)
		(void)signal_alarms();
	if (w[0] == 17)
		tty_input(&tty_console, me->win->data, len & 31);
}

/* ---- and then nothing is left */

static void
all_die(void)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p != proc_init && (p->state == PROC_LIVE ||
		    p->state == PROC_MAKING))
			proc_died(p, 9);
	}
	settle();
	me = init;
	if (me->waits != NULL || me->opening != NULL)
		(void)ask(CM_NOP, 0, 0, 0, 0);
	me->win->answer = me->win->reading = 0;
	(void)ask(CM_NOP, 0, 0, 0, 0);
	(void)ask(CM_FORK_ABORT, 0, 0, 0, 0);
	while (ask(CM_WAIT4, (uint64_t)-1, 1, 0, 0) > 0)
		;
	(void)ask(CM_CLOSE_RANGE, 0, CM_FDS_ALL, 0, 0);
	for (uint64_t fd = CM_FDS; fd < CM_FDS_ALL; fd++)
		(void)ask(CM_CLOSE, fd, 0, 0, 0);
	(void)ask(CM_CHDIR, CWD, path("/"), 0, 0);
	(void)ask(CM_ITIMER, 0, 0, 0, 0);
}

/* Devices stay where they are. */
static bool
stays(const struct l_dirent *d)
{
	static const char *const kept[] = { ".", "..", "dev", "proc", "exo",
	    "fd", "stdin", "stdout", "stderr", "pts", "ptmx" };

	for (unsigned i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (strcmp(d->name, kept[i]) == 0)
			return true;
	}
	return d->type == L_DT_CHR;
}

/* All that is in it; it is the current directory. */
static void
dir_clear(uint32_t depth)
{
	uint8_t all[CM_DATA];
	int64_t fd, r;

	fd = ask(CM_OPEN, CWD, path("."), 0, 0);
	MUST(fd >= 0 && depth < 4096);
	while ((r = ask(CM_GETDENTS, (uint64_t)fd, 1024, 0, 0)) > 0) {
		memcpy(all, me->win->data, (size_t)r);
		for (int64_t at = 0; at < r;) {
			struct l_dirent *d = (struct l_dirent *)(all + at);

			at += d->reclen;
			if (stays(d))
				continue;
			if (d->type == L_DT_DIR && ask(CM_CHDIR, CWD,
			    path(d->name), 0, 0) == 0) {
				dir_clear(depth + 1);
				(void)ask(CM_CHDIR, CWD, path(".."), 0, 0);
			}
			(void)ask(CM_UNLINK, CWD, path(d->name),
			    d->type == L_DT_DIR ? L_AT_REMOVEDIR : 0, 0);
		}
	}
	(void)ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };

	once();
	while (in.at < in.end)
		one(&in);
	all_die();
	dir_clear(0);
	if (ask(CM_CHDIR, CWD, path("/dev"), 0, 0) == 0)
		dir_clear(0);
	(void)ask(CM_CHDIR, CWD, path("/"), 0, 0);
	(void)ask(CM_MKNOD, CWD, path("/tmp"), L_S_IFDIR | 0777, 0);
	MUST(proc_count() == 1);
	MUST(file_count() == 0 && fd_count() == 0);
	MUST(pipe_count() == 0 && lock_count() == 0 && wait_count() == 0);
	MUST(seats_used() == 1);
	MUST(inodes() <= inodes_begun);
	return 0;
}
