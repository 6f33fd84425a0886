/*
 * request_proc.c - requests about processes.
 */
#include <castor/string.h>

#include "cred.h"
#include "request.h"
#include "world.h"

/* ---- being born */

static void
fork_out(struct seat *s, const struct cm_fork *out)
{
	memcpy(s->win->data, out, sizeof(*out));
}

REQUEST(FORK_BEGIN)
{
	struct proc *old = proc_in_making(s), *p;
	struct cm_fork out;
	int64_t r;

	if (old != NULL)
		proc_abort(old);
	if (d > L_NSIG)
		return -L_EINVAL;
	p = proc_new(s->proc, &r);
	if (p == NULL)
		return r;
	p->maker = s;
	p->exit_signal = (uint32_t)d;
	r = world_begin(p, a, b, c, &out);
	if (r != 0) {
		proc_abort(p);
		return r;
	}
	fork_out(s, &out);
	return p->pid;
}

REQUEST(FORK_END)
{
	struct proc *p = proc_in_making(s);
	int64_t r;

	if (p == NULL || p->pid != a)
		return -L_ESRCH;
	r = world_end(p, b, c, d);
	if (r != 0)
		return r;
	p->state = PROC_LIVE;
	p->maker = NULL;
	return 0;
}

REQUEST(FORK_ABORT)
{
	struct proc *p = proc_in_making(s);

	if (p == NULL || p->pid != a)
		return -L_ESRCH;
	proc_abort(p);
	return 0;
}

REQUEST(THREAD)
{
	struct cm_fork out;
	int64_t r = proc_user_may(s->proc) ?
	    world_thread(process_of(s), a, b, c, &out) : -L_EAGAIN;

	if (r != 0)
		return r;
	fork_out(s, &out);
	return out.pid;
}

REQUEST(RAISE)
{
	return world_raise(process_of(s), (uint32_t)a, (int64_t)b);
}

/* ---- being another program */

static void
name_set(struct proc *p, const char *name, size_t len)
{
	if (len > COMM_MAX - 1)
		len = COMM_MAX - 1;
	memset(p->comm, 0, COMM_MAX);
	memcpy(p->comm, name, len);
}

static void
text_set(char **text, uint16_t *len, const char *from, size_t n)
{
	text_free(*text, *len);
	*text = n == 0 ? NULL : text_new(from, n);
	*len = *text == NULL ? 0 : (uint16_t)n;
}

REQUEST(EXEC)
{
	const struct file *f = fd_get(s->proc, c);
	struct proc *p = process_of(s);
	char path[CM_PATH_MAX], args[CM_ARGS_MAX];
	size_t base = 0;
	int64_t n;

	if (a > CM_PATH_MAX)
		return -L_ENAMETOOLONG;
	if (b > sizeof(args))
		b = sizeof(args);
	memcpy(path, s->win->data, a);
	memcpy(args, s->win->data + CM_SECOND, b);
	for (size_t i = 0; i < a; i++) {
		if (path[i] == '/')
			base = i + 1;
	}
	name_set(p, path + base, a - base);
	n = f == NULL || f->inode == NULL ? -1 :
	    fs_path_of(f->inode, path, sizeof(path));
	text_set(&p->exe, &p->exe_len, path, n < 0 ? a : (size_t)n);
	text_set(&p->args, &p->args_len, args, b);
	fd_close_exec(s->proc);
	timers_end(p);
	world_exec(s, d);
	p->execed = true;
	if (p->parent != NULL)
		wake(&p->parent->waitq);
	return 0;
}

REQUEST(SETNAME)
{
	char name[COMM_MAX];

	if (a > COMM_MAX - 1)
		a = COMM_MAX - 1;
	memcpy(name, s->win->data, a);
	name_set(process_of(s), name, a);
	return 0;
}

/* ---- dying, and waiting for that */

REQUEST(EXIT)
{
	uint32_t status = (uint32_t)a & 0xffff;

	if ((status & 0xff) == 0x7f)
		status = 0xff00;	/* it stopped?  It did not. */
	proc_died(process_of(s), status);
	return 0;
}

REQUEST(WAIT4)
{
	struct cm_wait out;
	int64_t r;

	if ((b & ~(uint64_t)(L_WNOHANG | L_WUNTRACED | L_WEXITED |
	    L_WCONTINUED | L_WNOWAIT)) != 0)
		return -L_EINVAL;
	r = proc_wait4(process_of(s), (int32_t)a, (uint32_t)b, &out);
	if (r > 0)
		memcpy(s->win->data, &out, sizeof(out));
	return r;
}

/* vfork's parent goes on when its child is another program, or no more. */
REQUEST(EXECED)
{
	struct proc *p = proc_find((uint32_t)a);

	if (p == NULL || p->parent != process_of(s))
		return -L_ECHILD;
	if (p->execed || p->state == PROC_ZOMBIE)
		return 0;
	return wait_on(&process_of(s)->waitq, s) ? -CM_WAIT : -L_ENOMEM;
}

REQUEST(USAGE)
{
	const struct proc *p = process_of(s);
	struct world_usage u;
	struct cm_usage out;

	world_usage(p, &u);
	out = (struct cm_usage){ .self = u.ticks, .children = p->child_ticks,
	    .pages = u.frames, .children_pages = p->child_pages,
	    .procs = proc_count() };
	memcpy(s->win->data, &out, sizeof(out));
	return 0;
}

/* ---- who it is */

REQUEST(CREDS)
{
	struct cm_cred want;
	int64_t r = 0;

	if (a > 1)
		return -L_EINVAL;
	memcpy(&want, s->win->data, sizeof(want));
	if (a == 1)
		r = cred_set(&s->proc->creds->cred, &want);
	if (r == 0)
		memcpy(s->win->data, &s->proc->creds->cred, sizeof(want));
	return r;
}

/* ---- signals */

REQUEST(KILL)
{
	return signal_kill(process_of(s), (int32_t)a, (uint32_t)b);
}

REQUEST(TKILL)
{
	return signal_thread(process_of(s), (uint32_t)a, (uint32_t)b,
	    (uint32_t)c);
}

REQUEST(SIGINFO)
{
	struct cm_siginfo out;
	struct why w;

	if (a < 1 || a > L_NSIG)
		return -L_EINVAL;
	signal_taken(s, (uint32_t)a, &w);
	out = (struct cm_siginfo){ .code = (int32_t)w.code, .pid = w.pid,
	    .uid = w.uid, .status = w.status, .value = w.value };
	memcpy(s->win->data, &out, sizeof(out));
	return (int64_t)((w.code & 0xff) | (uint64_t)(w.pid & 0xffffff) << 8 |
	    (uint64_t)(w.status & INT32_MAX) << 32);
}

/* What says it comes from the kernel, or from kill, is not for programs to say
 * to others. */
REQUEST(SIGQUEUE)
{
	struct cm_siginfo in;
	struct why w;

	memcpy(&in, s->win->data, sizeof(in));
	if ((in.code >= 0 || in.code == L_SI_TKILL) && a != process_of(s)->pid)
		return -L_EPERM;
	w = (struct why){ .code = (uint32_t)in.code, .pid = in.pid,
	    .uid = in.uid, .status = in.status, .value = in.value };
	return signal_queue(process_of(s), (uint32_t)a, (uint32_t)b,
	    (uint32_t)c, &w);
}

REQUEST(STOP)
{
	struct proc *p = process_of(s);
	uint64_t bit;

	if (a < L_SIGSTOP || a > L_SIGTTOU)
		return -L_EINVAL;
	bit = L_SIGBIT(a);
	if ((__atomic_fetch_and(&s->win->pending, ~bit, __ATOMIC_RELAXED) &
	    bit) != 0 && p != proc_init && !group_is_orphaned(p->pgid))
		proc_stop(p, (uint32_t)a);
	return 0;
}

REQUEST(ITIMER)
{
	uint64_t old;
	int64_t r = signal_itimer(process_of(s), a, b, &old);

	if (r >= 0)
		memcpy(s->win->data, &old, sizeof(old));
	return r;
}

/* ---- groups and sessions */

REQUEST(SETPGID)
{
	return proc_setpgid(process_of(s), (int32_t)a, (int32_t)b);
}

REQUEST(GETPGID)
{
	struct proc *p = proc_named(s, (uint32_t)a);

	return p == NULL ? -L_ESRCH : (int64_t)p->pgid;
}

REQUEST(SETSID)
{
	return proc_setsid(process_of(s));
}

REQUEST(GETSID)
{
	struct proc *p = proc_named(s, (uint32_t)a);

	return p == NULL ? -L_ESRCH : (int64_t)p->sid;
}

REQUEST(NOSYS)
{
	nosys[a < NOSYS_MAX ? a : 0]++;
	return 0;
}

/* ---- contexts */

/* A seat of this process by its number: NULL. */
static struct seat *
seat_of(const struct seat *s, uint64_t client)
{
	struct seat *to = process_of(s)->seats;

	while (to != NULL && to->index != client)
		to = to->next;
	return to;
}

REQUEST(CONTEXT)
{
	bool signals = (a & CM_SIGNALS) != 0;
	struct cm_fork out = { 0 };
	struct proc *client;
	int64_t r;

	a &= ~(uint64_t)CM_SIGNALS;
	if ((a & 0xff) > CM_NONE || a >> 8 > CM_CREDS_NONE)
		return -L_EINVAL;
	r = world_name(s, b, d);
	if (r != 0)
		return r;
	if ((a & 0xff) == CM_SHARE && !signals)
		return s->index;
	client = (a & 0xff) == CM_SHARE ? context_again(s->proc, &r) :
	    context_new(s->proc, (a & 0xff) == CM_COPY, a >> 8, &r);
	if (client == NULL)
		return r;
	r = world_context(s, client, c, &out);
	if (r < 0)
		return r;
	seat_of(s, (uint64_t)r)->signals = signals;
	fork_out(s, &out);
	return r;
}

REQUEST(CONTEXT_END)
{
	return world_context_end(s, a, b, c);
}

REQUEST(CONTEXT_CLOSE)
{
	struct proc *p = context_in_making(s, a);

	if (p == NULL)
		return -L_ESRCH;
	fd_close_range(p, b, c < CM_FDS_ALL ? c : CM_FDS_ALL - 1);
	return 0;
}

REQUEST(CONTEXT_AT)
{
	int64_t r = world_context_at(s, a);

	if (r == 0)
		s->takes = b;
	return r < 0 ? r : s->index;
}

/* The seat of another client of this process that waits for this: NULL. */
static struct seat *
taker(const struct seat *s, uint64_t client)
{
	struct seat *to = seat_of(s, client);

	return to == NULL || to->takes == 0 || to->takes != seat_domain(s) ?
	    NULL : to;
}

REQUEST(CONTEXT_GIVE)
{
	struct seat *to = taker(s, a);
	int64_t r = 0;

	if (to == NULL)
		return -L_EACCES;
	to->takes = 0;
	if (to->proc == s->proc)
		return 0;
	if (b == ~0ull) {
		to->proc->creds->cred = s->proc->creds->cred;
		return 0;
	}
	for (uint64_t fd = b; fd <= c && fd < CM_FDS && r >= 0; fd++) {
		struct file *f = fd_get(s->proc, fd);

		if (f == NULL)
			continue;
		f->refs++;
		r = fd_put(to->proc, (uint32_t)fd, f, false);
		if (r < 0)
			file_put(f);
	}
	return r < 0 ? r : 0;
}

REQUEST(CONTEXT_LEND)
{
	struct seat *to = a == ~0ull ? s : taker(s, a);

	if (to == NULL)
		return -L_EACCES;
	if (to != s && (b == 0 || b > (CM_LEND_FILES | CM_LEND_CREDS)))
		return -L_EINVAL;
	to->takes = 0;
	to->lender = a == ~0ull ? NULL : s->proc;
	to->lent = (uint32_t)b;
	return 0;
}

REQUEST(CONTEXT_DROP)
{
	return world_context_drop(s, a, b);
}

REQUEST(CONTEXT_FREE)
{
	uint32_t ppn[CM_DATA / sizeof(uint32_t)];

	if (a > CM_DATA / sizeof(uint32_t))
		return -L_EFAULT;
	memcpy(ppn, s->win->data, a * sizeof(ppn[0]));
	return world_context_free(s, ppn, a);
}
