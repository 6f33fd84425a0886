/*
 * process.c - calls about processes: children, groups, sessions, timers,
 * another program.
 */
#include <castor/string.h>

#include "signal.h"
#include "thread.h"
#include "wait.h"

#define SECOND		1000000000ul

/* ---- children */

long
call_wait4(uint64_t who, uint64_t status, uint64_t options, uint64_t usage)
{
	const struct cm_wait *w = (const struct cm_wait *)my_window()->data;
	struct cm_wait out;
	long r, e;

	if (options & ~0xe000000bul)	/* NOHANG UNTRACED CONTINUED __W* */
		return -EINVAL;
	r = ask(CM_WAIT4, (uint64_t)(int64_t)(int32_t)who, options & 0xb, 0,
	    0);
	if (r <= 0)
		return r;
	out = *w;
	e = status == 0 ? 0 : user_write(status, &out.status,
	    sizeof(out.status));
	if (e == 0 && usage != 0)
		e = rusage_put(usage, ticks_ns(out.ticks), 0);
	return e < 0 ? e : r;
}

enum { P_ALL, P_PID, P_PGID };
enum { CLD_EXITED = 1, CLD_KILLED, CLD_DUMPED, CLD_TRAPPED, CLD_STOPPED,
	CLD_CONTINUED };

/* Why SIGCHLD would have come: code and status of siginfo. */
static void
status_split(uint32_t status, struct siginfo *info)
{
	info->signo = SIGCHLD;
	if (status == 0xffff) {
		info->code = CLD_CONTINUED;
		info->status = SIGCONT;
	} else if ((status & 0xff) == 0x7f) {
		info->code = CLD_STOPPED;
		info->status = (int32_t)(status >> 8 & 0xff);
	} else if ((status & 0x7f) == 0) {
		info->code = CLD_EXITED;
		info->status = (int32_t)(status >> 8 & 0xff);
	} else {
		info->code = CLD_KILLED;
		info->status = (int32_t)(status & 0x7f);
	}
}

long
call_waitid(uint64_t type, uint64_t id, uint64_t to, uint64_t options,
    uint64_t usage)
{
	const struct cm_wait *w = (const struct cm_wait *)my_window()->data;
	int64_t who = type == P_ALL ? -1 : type == P_PID ?
	    (int64_t)(int32_t)id : -(int64_t)(int32_t)id;
	struct siginfo info = { 0 };
	struct cm_wait out = { 0 };
	long r;

	if (type > P_PGID || (options & 0xe) == 0 ||
	    (type == P_PID && (int32_t)id <= 0))
		return -EINVAL;
	r = ask(CM_WAIT4, (uint64_t)who, options & 0x100000f, 0, 0);
	if (r < 0)
		return r;
	if (r > 0) {
		out = *w;
		status_split(out.status, &info);
		info.pid = out.pid;
	}
	r = to == 0 ? 0 : user_write(to, &info, sizeof(info));
	if (r == 0 && usage != 0)
		r = rusage_put(usage, ticks_ns(out.ticks), 0);
	return r;
}

/* ---- signals to others */

static uint64_t
word(uint64_t v)
{
	return (uint64_t)(int64_t)(int32_t)v;
}

long
call_kill(uint64_t who, uint64_t sig)
{
	return commons(CM_KILL, word(who), word(sig), 0, 0);
}

long
call_tkill(uint64_t tid, uint64_t sig)
{
	return (int32_t)tid <= 0 ? -EINVAL :
	    commons(CM_TKILL, 0, tid, word(sig), 0);
}

long
call_tgkill(uint64_t tgid, uint64_t tid, uint64_t sig)
{
	return (int32_t)tid <= 0 || (int32_t)tgid <= 0 ? -EINVAL :
	    commons(CM_TKILL, tgid, tid, word(sig), 0);
}

/*
 * reboot(2) is a wish: process 1 may have the right to turn the machine off, or
 * be one of many sessions' and end that, or not care.  Its signals are those
 * of the commands halt, poweroff and reboot.
 */
long
call_reboot(uint64_t magic, uint64_t again, uint64_t command)
{
	uint32_t m = (uint32_t)again, sig;

	if ((uint32_t)magic != 0xfee1dead || (m != 672274793 &&
	    m != 85072278 && m != 369367448 && m != 537993216))
		return -EINVAL;
	switch ((uint32_t)command) {
	case 0:				/* what Ctrl-Alt-Del does */
	case 0x89abcdef:
		return 0;
	case 0x01234567:
		sig = SIGTERM;
		break;
	case 0xcdef0123:
		sig = SIGUSR1;
		break;
	case 0x4321fedc:
		sig = SIGUSR2;
		break;
	default:
		return -EINVAL;
	}
	return commons(CM_KILL, 1, sig, 0, 0);
}

/* ---- groups and sessions */

long
call_getppid(void)
{
	return my_window()->ppid;
}

long
call_setpgid(uint64_t who, uint64_t group)
{
	return commons(CM_SETPGID, word(who), word(group), 0, 0);
}

long
call_getpgid(uint64_t who)
{
	return commons(CM_GETPGID, word(who), 0, 0, 0);
}

long
call_getpgrp(void)
{
	return my_window()->pgid;
}

long
call_setsid(void)
{
	return commons(CM_SETSID, 0, 0, 0, 0);
}

long
call_getsid(uint64_t who)
{
	return commons(CM_GETSID, word(who), 0, 0, 0);
}

/* ---- timers */

struct itimerval {
	struct timeval interval, value;
};

static uint64_t
timeval_ns(struct timeval t)
{
	return (uint64_t)t.sec * SECOND + (uint64_t)t.usec * 1000;
}

static struct timeval
ns_timeval(uint64_t ns)
{
	return (struct timeval){ (int64_t)(ns / SECOND),
	    (int64_t)(ns % SECOND / 1000) };
}

/* ITIMER_REAL: set it, or (value ~0) only ask: what was left. */
static long
itimer(uint64_t value, uint64_t interval, struct itimerval *old)
{
	long r = commons(CM_ITIMER, value, interval, 0, 0);
	uint64_t was;

	if (r < 0)
		return r;
	memcpy(&was, my_window()->data, sizeof(was));
	*old = (struct itimerval){ ns_timeval(was), ns_timeval((uint64_t)r) };
	return 0;
}

long
call_getitimer(uint64_t which, uint64_t to)
{
	struct itimerval old;
	long r = which != 0 ? -EINVAL : itimer(~0ul, 0, &old);

	return r < 0 ? r : user_write(to, &old, sizeof(old));
}

long
call_setitimer(uint64_t which, uint64_t from, uint64_t to)
{
	struct itimerval new = { 0 }, old;
	long r = which != 0 ? -EINVAL : from == 0 ? 0 :
	    user_read(&new, from, sizeof(new));

	if (r < 0)
		return r;
	if ((uint64_t)new.value.usec >= 1000000 || new.value.sec < 0 ||
	    (uint64_t)new.interval.usec >= 1000000 || new.interval.sec < 0)
		return -EINVAL;
	r = itimer(timeval_ns(new.value), timeval_ns(new.interval), &old);
	return r < 0 || to == 0 ? r : user_write(to, &old, sizeof(old));
}

long
call_alarm(uint64_t seconds)
{
	struct itimerval old;
	long r = itimer((seconds & 0xffffffff) * SECOND, 0, &old);

	return r < 0 ? r : old.value.sec + (old.value.usec > 0);
}

/* ---- another program */

/* n strings (a NULL ends them) behind what is in ARGS already. */
static long
strings_get(uint64_t array, uint32_t *n)
{
	*n = 0;
	if (array == 0)
		return 0;
	for (;; array += 8, ++*n) {
		uint64_t at;
		long r = user_read(&at, array, sizeof(at));

		if (r < 0)
			return r;
		if (at == 0)
			return 0;
		r = user_string(ARGS->text + ARGS->len, at,
		    ARGS_MAX - ARGS->len);
		if (r < 0)
			return r == -ENAMETOOLONG ? -E2BIG : r;
		ARGS->len += (uint64_t)r + 1;
	}
}

static long
exec_locked(uint64_t path, uint64_t argv, uint64_t envp)
{
	struct thread *t = me();
	long r = user_string(ARGS->path, path, sizeof(ARGS->path));

	if (r == 0)
		return -ENOENT;
	if (r < 0)
		return r;
	ARGS->len = 0;
	r = strings_get(argv, &ARGS->argc);
	if (r == 0)
		r = strings_get(envp, &ARGS->envc);
	if (r == 0)
		r = program_exec(t->regs);
	if (r == 0)
		t->changed = 1;
	return r;
}

long
call_execve(uint64_t path, uint64_t argv, uint64_t envp)
{
	long r;

	lock();
	r = exec_locked(path, argv, envp);
	unlock();
	return r;
}
