/*
 * session.c - Linux processes, started by a native program.
 */
#include <castor/self.h>
#include <castor/session.h>
#include <castor/string.h>
#include <castor/text.h>

#define FRAMES_PART	16u		/* of mine, a 16th stays */
#define FRAMES		256u		/* to begin with; Castor asks for more */
#define EIO_ERRNO	5
#define O_RDWR		2u
#define TIOCSWINSZ	0x5414u

static long
ask(struct session *s, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	return commons_ask(&s->commons, op, a, b, c, d);
}

/* Descriptors 0 to 2, which children inherit: the console. */
static long
console_open(struct session *s)
{
	static const char path[] = "/dev/console";
	long r;

	memcpy(s->commons.win->data, path, sizeof(path) - 1);
	r = ask(s, CM_OPEN, (uint64_t)CM_AT_CWD, sizeof(path) - 1, O_RDWR, 0);
	for (uint32_t i = 1; i < 3 && r >= 0; i++)
		r = ask(s, CM_DUP, 0, i, 0, 0);
	return r < 0 ? -EXO_E_NODEV : 0;
}

/* Nearly all the memory that is there, and half of the rest: who starts a
 * session waits for it. */
static void
limits_fill(uint32_t limits[EXO_RES_MAX])
{
	const volatile struct exo_acct *me = &EXO_ACCTS[EXO_INDEX(self->acct)];

	for (uint32_t i = 0; i < EXO_RES_MAX; i++) {
		uint32_t left = me->limit[i] - me->used[i];

		limits[i] = i == EXO_RES_FRAMES ? left - left / FRAMES_PART :
		    left / 2;
	}
}

long
session_start(struct session *s)
{
	uint32_t limits[EXO_RES_MAX];
	long r;

	limits_fill(limits);
	r = commons_start(&s->commons, &s->server, limits);

	s->signals = 0;
	return r < 0 ? r : console_open(s);
}

void
session_window(struct session *s, uint16_t rows, uint16_t columns)
{
	uint16_t size[4] = { rows, columns };

	memcpy(s->commons.win->data, size, sizeof(size));
	(void)!ask(s, CM_IOCTL, 0, TIOCSWINSZ, 0, 0);
}

long
session_run(struct session *s, const char *path, uint32_t argc,
    const char *const *argv, uint32_t envc, const char *const *envp)
{
	uint64_t user[32] = { 0 };
	struct proc_args a = {
		.name = path, .argc = argc, .argv = argv, .envc = envc,
		.envp = envp, .foreign = true, .no_console = true,
		.no_mint = true, .no_archive = true, .ncaps = 1, .user = user
	};
	struct proc p;
	long pid, r;
	const struct text *t = text_get(&r);

	if (t == NULL)
		return -EIO_ERRNO;
	const struct proc_cap cap = { t->name,
	    EXO_R_READ | EXO_R_EXEC | EXO_R_GIVE };

	a.caps = &cap;
	user[IMAGE_TEXT] = t->table;
	user[IMAGE_PROG] = t->prog;
	pid = commons_child(&s->commons, &p, &a, IMAGE_WINDOW_VA, FRAMES);
	if (pid > 0) {
		if (proc_start(&p) < 0)
			(void)!ask(s, CM_KILL, (uint64_t)pid, 9, 0, 0);
		commons_let(&p);
	}
	return pid;
}

/* The lowest of those that came and were asked for: its number, or 0. */
static long
signal_take(struct session *s)
{
	struct cm_window *win = s->commons.win;
	uint64_t came = win->pending & s->signals;

	if (came == 0)
		return 0;
	came &= -came;
	__atomic_fetch_and(&win->pending, ~came, __ATOMIC_RELAXED);
	return __builtin_ctzl(came) + 1;
}

long
session_wait(struct session *s, uint32_t pid)
{
	struct cm_window *win = s->commons.win;
	struct cm_wait w;
	long r;

	win->sig_caught = s->signals;
	for (;;) {
		uint64_t seen = win->bell;

		r = signal_take(s);
		if (r > 0)
			return SESSION_SIGNAL + r;
		r = commons_call(&s->commons, CM_WAIT4, (uint64_t)-1, 0, 0,
		    0);
		if (r == -CM_WAIT) {
			commons_turn(&s->commons, seen);
			continue;
		}
		if (r < 0)
			return r;
		memcpy(&w, win->data, sizeof(w));
		if (r == (long)pid)
			return w.status;
	}
}

void
session_end(struct session *s)
{
	commons_end(&s->commons, &s->server);
}
