/*
 * proc.c - the table of processes (proc.h has the invariants).
 */
#include "proc.h"

#include <castor/string.h>

#include "cred.h"
#include "pool.h"
#include "world.h"

#define PROCS_KEPT	8u		/* for children of process 1 only: so
					 * that a fork bomb can be dealt with */

#define CLIENTS_MAX	128u		/* of contexts, who take no process's
					 * place: half for one at most */
#define USER_TASKS	64u		/* of a user who is not root */

static struct pool procs = POOL(struct proc, PROCS_MAX, false);
static struct pool clients = POOL(struct proc, CLIENTS_MAX, false);
static struct proc *by_pid[PIDS_MAX];
static uint16_t uses[PIDS_MAX];
static uint32_t last_pid;
static struct proc *freed;

struct proc *proc_all, *proc_init, *proc_cursor;

/* ---- numbers */

uint32_t
pid_new(void)
{
	for (uint32_t i = 1; i < PIDS_MAX; i++) {
		uint32_t pid = last_pid + 1 < PIDS_MAX ? last_pid + 1 : 2;

		last_pid = pid;
		if (uses[pid] == 0) {
			uses[pid] = 1;
			return pid;
		}
	}
	return 0;
}

void
pid_hold(uint32_t pid)
{
	uses[pid]++;
}

void
pid_put(uint32_t pid)
{
	uses[pid]--;
}

struct proc *
proc_find(uint32_t pid)
{
	return pid < PIDS_MAX ? by_pid[pid] : NULL;
}

struct proc *
proc_named(const struct seat *s, uint32_t pid)
{
	return pid == 0 ? process_of(s) : proc_find(pid);
}

uint32_t
proc_count(void)
{
	return procs.used;
}

/* ---- being born */

static void
all_add(struct proc *p)
{
	p->all_next = proc_all;
	if (proc_all != NULL)
		proc_all->all_prev = p;
	proc_all = p;
}

static void
all_remove(struct proc *p)
{
	if (proc_cursor == p)
		proc_cursor = p->all_next;
	if (p->all_prev != NULL)
		p->all_prev->all_next = p->all_next;
	else
		proc_all = p->all_next;
	if (p->all_next != NULL)
		p->all_next->all_prev = p->all_prev;
}

static void
child_add(struct proc *parent, struct proc *p)
{
	p->parent = parent;
	p->prev = NULL;
	p->next = parent->children;
	if (p->next != NULL)
		p->next->prev = p;
	parent->children = p;
}

static void
child_remove(struct proc *p)
{
	if (p->parent == NULL)
		return;
	if (p->prev != NULL)
		p->prev->next = p->next;
	else
		p->parent->children = p->next;
	if (p->next != NULL)
		p->next->prev = p->prev;
	p->parent = NULL;
}

/* What a child has from the client that made it; and from the process. */
static void
inherit(struct proc *p, const struct proc *from)
{
	p->umask = from->umask;
	p->cwd = from->cwd;
	from = from->leader;
	memcpy(p->limit, from->limit, sizeof(p->limit));
	p->pgid = from->pgid;
	p->sid = from->sid;
	memcpy(p->comm, from->comm, COMM_MAX);
	p->exe = from->exe == NULL ? NULL : text_new(from->exe, from->exe_len);
	p->exe_len = p->exe == NULL ? 0 : from->exe_len;
	p->args = from->args == NULL ? NULL :
	    text_new(from->args, from->args_len);
	p->args_len = p->args == NULL ? 0 : from->args_len;
}

static void
first_init(struct proc *p)
{
	proc_init = p;
	limits_init(p);
	p->pgid = p->sid = p->pid;
	p->umask = 022;
	p->cwd = fs_root;
	memcpy(p->comm, "init", 5);
}

uint32_t
proc_tasks(const struct proc *p)
{
	uint32_t n = p->seats == NULL;	/* a zombie */

	for (const struct seat *s = p->seats; s != NULL; s = s->next)
		n += !s->context;
	return n;
}

static void
held_add(struct held *h, const struct proc *p)
{
	h->tasks += proc_tasks(p);
	for (const struct seat *s = p->seats; s != NULL; s = s->next)
		h->contexts += s->context;
	h->over += p->over;
}

struct held
proc_held(const struct proc *p)
{
	struct held h = { 0 };

	if (p->cred.uid == 0) {
		held_add(&h, p);
		return h;
	}
	for (const struct proc *o = proc_all; o != NULL; o = o->all_next) {
		if (o->state != PROC_FREE && o->cred.uid == p->cred.uid)
			held_add(&h, o);
	}
	return h;
}

bool
proc_user_may(const struct proc *from)
{
	const struct proc *p = from->leader;
	uint64_t most = p->limit[L_RLIMIT_NPROC][0];

	return p->cred.uid == 0 ||
	    proc_held(p).tasks < (most < USER_TASKS ? most : USER_TASKS);
}

struct proc *
proc_new(struct proc *from, int64_t *error)
{
	struct proc *p = NULL;

	*error = -L_EAGAIN;
	if (from != NULL && !proc_user_may(from))
		return NULL;
	if (procs.used + PROCS_KEPT < PROCS_MAX || from == proc_init)
		p = pool_get(&procs);
	if (p == NULL)
		return NULL;
	p->leader = p->creds = p;
	if (from != NULL)
		p->cred = from->creds->cred;
	p->pid = pid_new();
	if (p->pid == 0 || (from != NULL &&
	    (*error = fd_inherit(p, from, 0)) != 0)) {
		if (p->pid != 0)
			pid_put(p->pid);
		pool_put(&procs, p);
		return NULL;
	}
	if (from != NULL) {
		inherit(p, from);
		child_add(from->leader, p);
	} else {
		first_init(p);
	}
	pid_hold(p->pgid);
	pid_hold(p->sid);
	inode_hold(p->cwd);
	p->exit_signal = L_SIGCHLD;
	p->state = PROC_MAKING;
	p->started = world_clock();
	by_pid[p->pid] = p;
	all_add(p);
	*error = 0;
	return p;
}

struct proc *
proc_in_making(const struct seat *s)
{
	struct proc *c = process_of(s)->children;

	while (c != NULL && (c->state != PROC_MAKING || c->maker != s))
		c = c->next;
	return c;
}

void
proc_seat_add(struct proc *p, struct seat *s)
{
	struct seat **at = &p->leader->seats;

	while (*at != NULL)
		at = &(*at)->next;
	*at = s;
	s->next = NULL;
	s->proc = p;
	s->lender = NULL;
	s->signals = false;
	seat_rest(s);
}

void
proc_seat_drop(struct seat *s)
{
	struct proc *p = s->proc, *c;
	struct seat **at = &p->leader->seats;

	while ((c = proc_in_making(s)) != NULL)
		proc_abort(c);
	wait_cancel(s);
	pipe_forget(s);
	if (s->futex)
		futex_forget(s);
	if (s->opening != NULL) {
		file_put(s->opening);
		s->opening = NULL;
	}
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	signals_forget_seat(p->leader, s);
	s->proc = NULL;
	s->waits = &wait_none;
	if (p != p->leader)
		context_put(p);
}

/* ---- clients of contexts: no processes, but descriptors and a directory */

struct proc *
context_again(struct proc *from, int64_t *error)
{
	*error = -L_EAGAIN;
	return proc_held(from->leader).contexts < CLIENTS_MAX / 2 ? from : NULL;
}

struct proc *
context_new(struct proc *from, bool copy, enum cm_cred_how how,
    int64_t *error)
{
	struct proc *p = NULL;

	if (context_again(from, error) != NULL)
		p = pool_get(&clients);
	if (p == NULL)
		return NULL;
	p->leader = from->leader;
	*error = fd_inherit(p, from, copy ? 0 : CM_FDS);
	if (*error != 0) {
		pool_put(&clients, p);
		return NULL;
	}
	p->creds = p;
	if (how == CM_CREDS_SHARE && from->creds == from->leader)
		p->creds = from->creds;
	p->cred = from->creds->cred;
	p->bare = how == CM_CREDS_NONE;
	if (p->bare)
		cred_nobody(&p->cred);
	p->pid = from->pid;
	p->umask = from->umask;
	p->cwd = from->cwd;
	inode_hold(p->cwd);
	p->acct = from->acct;
	p->state = PROC_LIVE;
	return p;
}

uint32_t
context_count(void)
{
	return clients.used;
}

struct proc *
context_in_making(const struct seat *s, uint64_t client)
{
	for (const struct seat *o = process_of(s)->seats; o != NULL;
	    o = o->next) {
		if (o->index == client && o->maker == s)
			return o->proc;
	}
	return NULL;
}

void
context_put(struct proc *c)
{
	for (struct seat *s = c->leader->seats; s != NULL; s = s->next) {
		if (s->proc == c)
			return;		/* it is another's, too */
	}
	for (struct seat *s = c->leader->seats; s != NULL; s = s->next) {
		if (s->lender == c)
			s->lender = NULL;
	}
	fd_close_range(c, 0, CM_FDS_ALL - 1);
	inode_put(c->cwd);
	pool_put(&clients, c);
}

/* ---- dying */

/* Its place stays until proc_settle: somebody may be walking the list. */
static void
proc_free(struct proc *p)
{
	child_remove(p);
	by_pid[p->pid] = NULL;
	pid_put(p->pid);
	pid_put(p->pgid);
	pid_put(p->sid);
	p->state = PROC_FREE;
	p->pgid = p->sid = 0;
	p->prev = freed;
	freed = p;
	unsettled = true;
}

void
proc_settle(void)
{
	struct proc *p;

	while ((p = freed) != NULL) {
		freed = p->prev;
		all_remove(p);
		pool_put(&procs, p);
	}
}

static void
texts_free(struct proc *p)
{
	text_free(p->exe, p->exe_len);
	text_free(p->args, p->args_len);
	p->exe = p->args = NULL;
	p->exe_len = p->args_len = 0;
}

/* All that it has but the place of a zombie. */
static void
release(struct proc *p, uint32_t status)
{
	struct seat *s;

	fd_close_range(p, 0, CM_FDS_ALL - 1);
	timers_end(p);
	signals_forget(p);
	inode_put(p->cwd);
	p->cwd = NULL;
	texts_free(p);
	wait_end(&p->waitq);
	world_forget(p, status);
	while ((s = p->seats) != NULL)
		proc_seat_drop(s);
	p->alarm = 0;
}

/* Is its parent the somebody outside who would continue its group? */
static bool
is_keeper(const struct proc *p)
{
	return p->parent != NULL && p->parent != proc_init &&
	    p->parent->pgid != p->pgid && p->parent->sid == p->sid;
}

/* Does the group have a member whose parent is of another group of its
 * session?  Without `but'. */
static bool
group_has_keeper(uint32_t pgid, const struct proc *but)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p->pgid == pgid && p != but && p->state != PROC_ZOMBIE &&
		    p->parent != but && is_keeper(p))
			return true;
	}
	return false;
}

bool
group_is_orphaned(uint32_t pgid)
{
	return !group_has_keeper(pgid, NULL);
}

static bool
group_has_stopped(uint32_t pgid, const struct proc *but)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p->pgid == pgid && p->stopped != 0 && p != but &&
		    p->state == PROC_LIVE)
			return true;
	}
	return false;
}

/* The end of `p' leaves this group without anybody to continue it, perhaps. */
static void
group_orphan(uint32_t pgid, const struct proc *p)
{
	if (group_has_stopped(pgid, p) && !group_has_keeper(pgid, p)) {
		group_signal(pgid, L_SIGHUP);
		group_signal(pgid, L_SIGCONT);
	}
}

static bool
no_zombies(const struct proc *parent)
{
	return parent->seats == NULL ||
	    (parent->seats->win->sig_child & CM_CHILD_NOWAIT) != 0 ||
	    (parent->seats->win->sig_ignored & L_SIGBIT(L_SIGCHLD)) != 0;
}

/* Its parent is to know: SIGCHLD, and whoever waits. */
static void
tell_parent(struct proc *p)
{
	uint32_t code = (p->status & 0x7f) == 0 ? L_CLD_EXITED :
	    p->status & 0x80 ? L_CLD_DUMPED : L_CLD_KILLED;

	if (p->exit_signal != 0)
		proc_signal(p->parent, p->exit_signal, code, p->pid,
		    code == L_CLD_EXITED ? p->status >> 8 & 0xff :
		    p->status & 0x7f);
	wake(&p->parent->waitq);
}

/* Those in the making went with the seats that made them. */
static void
children_leave(struct proc *p)
{
	struct proc *c, *next;

	for (c = p->children; c != NULL; c = next) {
		next = c->next;
		if (c->pgid != p->pgid && c->sid == p->sid)
			group_orphan(c->pgid, p);
		child_remove(c);
		child_add(proc_init, c);
		if (c->seats != NULL)
			c->seats->win->ppid = proc_init->pid;
		if (c->state == PROC_ZOMBIE) {
			c->exit_signal = L_SIGCHLD;
			tell_parent(c);
		}
	}
}

void
proc_died(struct proc *p, uint32_t status)
{
	if (p->state == PROC_ZOMBIE)
		return;
	if (is_keeper(p))
		group_orphan(p->pgid, p);
	p->status = status;
	p->stopped = 0;
	p->tell_stop = p->tell_cont = false;
	release(p, status);
	p->state = PROC_ZOMBIE;
	if (p == proc_init)
		return;
	children_leave(p);
	if (p->sid == p->pid)
		tty_leader_died(p->sid);
	if (p->exit_signal == L_SIGCHLD && no_zombies(p->parent)) {
		wake(&p->parent->waitq);
		proc_free(p);
		return;
	}
	tell_parent(p);
}

void
proc_abort(struct proc *p)
{
	release(p, L_SIGKILL);
	proc_free(p);
}

/* ---- waiting for children */

static bool
wait_matches(const struct proc *p, const struct proc *c, int32_t pid)
{
	if (c->state == PROC_MAKING)
		return false;
	if (pid > 0)
		return c->pid == (uint32_t)pid;
	if (pid == 0)
		return c->pgid == p->pgid;
	return pid == -1 || c->pgid == (uint32_t)-pid;
}

/* What it and its children used is its parent's children's. */
static void
usage_add(struct proc *p, const struct proc *c)
{
	uint64_t pages = c->pages > c->child_pages ? c->pages : c->child_pages;

	p->child_ticks += c->ticks + c->child_ticks;
	if (p->child_pages < pages)
		p->child_pages = pages;
}

/* What there is to tell of it: true. */
static bool
wait_take(struct proc *c, uint32_t options, struct cm_wait *out)
{
	bool keep = (options & L_WNOWAIT) != 0;

	*out = (struct cm_wait){ .pid = c->pid,
	    .ticks = c->ticks + c->child_ticks };
	if (c->state == PROC_ZOMBIE && (options & L_WEXITED)) {
		out->status = c->status;
		if (!keep) {
			usage_add(c->parent, c);
			proc_free(c);
		}
		return true;
	}
	if (c->tell_stop && (options & L_WUNTRACED)) {
		out->status = (uint32_t)c->stopped << 8 | 0x7f;
		c->tell_stop = keep;
		return true;
	}
	if (c->tell_cont && (options & L_WCONTINUED)) {
		out->status = 0xffff;
		c->tell_cont = keep;
		return true;
	}
	return false;
}

int64_t
proc_wait4(struct proc *p, int32_t pid, uint32_t options, struct cm_wait *out)
{
	struct proc *c, *next;
	bool any = false;

	if ((options & (L_WNOWAIT | L_WEXITED)) == 0)
		options |= L_WEXITED;
	c = pid > 0 ? proc_find((uint32_t)pid) : p->children;
	if (pid == INT32_MIN || (pid > 0 && (c == NULL || c->parent != p)))
		return -L_ECHILD;
	for (; c != NULL; c = next) {
		next = pid > 0 ? NULL : c->next;
		if (!wait_matches(p, c, pid))
			continue;
		any = true;
		if (wait_take(c, options, out))
			return out->pid;
	}
	if (!any)
		return -L_ECHILD;
	if (options & L_WNOHANG)
		return 0;
	return wait_on(&p->waitq, here) ? -CM_WAIT : -L_ENOMEM;
}

/* ---- groups and sessions */

bool
group_exists(uint32_t sid, uint32_t pgid)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p->pgid == pgid && p->sid == sid)
			return true;
	}
	return false;
}

static void
group_join(struct proc *p, uint32_t pgid)
{
	pid_hold(pgid);
	pid_put(p->pgid);
	p->pgid = pgid;
	if (p->seats != NULL)
		p->seats->win->pgid = pgid;
}

int64_t
proc_setpgid(struct proc *p, int32_t pid, int32_t pgid)
{
	struct proc *c = pid == 0 ? p : proc_find((uint32_t)pid);

	if (pid < 0 || pgid < 0)
		return -L_EINVAL;
	if (c == NULL || (c != p && c->parent != p) ||
	    c->state == PROC_ZOMBIE)
		return -L_ESRCH;
	if (c != p && c->execed)
		return -L_EACCES;
	if (pgid == 0)
		pgid = (int32_t)c->pid;
	if (c->sid == c->pid || c->sid != p->sid)
		return -L_EPERM;
	if (pgid != (int32_t)c->pid && !group_exists(p->sid, (uint32_t)pgid))
		return -L_EPERM;
	group_join(c, (uint32_t)pgid);
	return 0;
}

int64_t
proc_setsid(struct proc *p)
{
	for (struct proc *q = proc_all; q != NULL; q = q->all_next) {
		if (q->pgid == p->pid)
			return -L_EPERM;
	}
	group_join(p, p->pid);
	pid_hold(p->pid);
	pid_put(p->sid);
	p->sid = p->pid;
	p->seats->win->sid = p->pid;
	return p->pid;
}
