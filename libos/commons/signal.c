/*
 * signal.c - signals: marked in windows; stops and ends; alarms.
 *
 * What a signal does is the target's affair, as its image decides; the commons
 * does SIGKILL, SIGSTOP and SIGCONT.  The masks in a window are its owner's
 * words about itself: lying about them costs only the liar.
 */
#include "cred.h"
#include "pool.h"
#include "proc.h"
#include "world.h"

#define INFOS_MAX	2048u
#define INFOS_EACH	128u		/* RLIMIT_SIGPENDING */

#define STOPS	(L_SIGBIT(L_SIGSTOP) | L_SIGBIT(L_SIGTSTP) |		      \
		 L_SIGBIT(L_SIGTTIN) | L_SIGBIT(L_SIGTTOU))
/* Ignored unless somebody asked for them: CHLD, CONT, URG, WINCH. */
#define QUIET_ONES	(L_SIGBIT(L_SIGCHLD) | L_SIGBIT(L_SIGCONT) |	      \
			 L_SIGBIT(23) | L_SIGBIT(L_SIGWINCH))

static uint64_t next_alarm = ~0ull;

static void
pending_set(struct seat *s, uint64_t bits)
{
	__atomic_fetch_or(&s->win->pending, bits, __ATOMIC_RELAXED);
}

static void
pending_clear(struct proc *p, uint64_t bits)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next)
		__atomic_fetch_and(&s->win->pending, ~bits, __ATOMIC_RELAXED);
}

/* A thread that waits for it, or takes it now; else the first one keeps it. */
static struct seat *
seat_for(struct proc *p, uint64_t bit)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if (!s->context && (s->win->sig_waited & bit) != 0)
			return s;
	}
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if (!s->context && (s->win->sig_blocked & bit) == 0)
			return s;
	}
	return p->seats;
}

static bool
is_ignored(struct seat *s, uint64_t bit)
{
	const struct cm_window *w = s->win;

	if ((w->sig_blocked | w->sig_waited) & bit)
		return false;
	return (w->sig_ignored & bit) != 0 ||
	    ((bit & QUIET_ONES) != 0 && (w->sig_caught & bit) == 0);
}

/* ---- why they came.  Of the first 31 one of a kind can wait, of the others as
 * many as there is room for, which come in order.  A mark without a word of why
 * is a signal all the same. */

struct info {
	struct info *next;
	struct seat *seat;		/* it is for this thread; NULL: for any,
					 * in its first context */
	uint32_t sig;
	struct why why;
};

static struct pool infos = POOL(struct info, INFOS_MAX, false);

static bool
info_is_for(const struct info *i, uint32_t sig, const struct seat *s)
{
	return i->sig == sig && (i->seat == NULL ? s == NULL || !s->context :
	    i->seat == s);
}

static struct info **
info_find(struct proc *p, uint32_t sig, const struct seat *s)
{
	struct info **at = &p->infos;

	while (*at != NULL && !info_is_for(*at, sig, s))
		at = &(*at)->next;
	return at;
}

static void
info_remove(struct proc *p, struct info **at)
{
	struct info *i = *at;

	*at = i->next;
	p->ninfos--;
	pool_put(&infos, i);
}

/* What nobody asked for any more goes: the mark is not there. */
static bool
info_add(struct proc *p, struct seat *mine, struct seat *s, uint32_t sig,
    const struct why *w)
{
	struct info **at = &p->infos, *i;

	while (s != NULL && !(s->win->pending & L_SIGBIT(sig)) &&
	    *(at = info_find(p, sig, s)) != NULL)
		info_remove(p, at);
	if (p->ninfos >= INFOS_EACH || (i = pool_get(&infos)) == NULL)
		return false;
	*i = (struct info){ .seat = mine, .sig = sig, .why = *w };
	for (at = &p->infos; *at != NULL; at = &(*at)->next)
		;
	*at = i;
	p->ninfos++;
	return true;
}

void
signals_forget(struct proc *p)
{
	while (p->infos != NULL)
		info_remove(p, &p->infos);
}

void
signals_forget_seat(struct proc *p, const struct seat *s)
{
	for (struct info **at = &p->infos; *at != NULL;) {
		if ((*at)->seat == s)
			info_remove(p, at);
		else
			at = &(*at)->next;
	}
}

void
signal_taken(struct seat *s, uint32_t sig, struct why *w)
{
	struct info **at = info_find(process_of(s), sig, s);

	*w = (struct why){ .code = L_SI_USER };
	if (*at == NULL)
		return;
	*w = (*at)->why;
	info_remove(process_of(s), at);
	if (w->timer != NULL)
		timer_taken(w->timer, w);
	if (sig >= L_SIGRT && *info_find(process_of(s), sig, s) != NULL)
		pending_set(s, L_SIGBIT(sig));
}

/* A timer goes, and its signal with it. */
void
signal_timer_end(struct proc *p, const struct timer *t)
{
	for (struct info **at = &p->infos; *at != NULL;) {
		if ((*at)->why.timer == t)
			info_remove(p, at);
		else
			at = &(*at)->next;
	}
}

/* mine: NULL, or s, whose it is alone. */
static bool
mark(struct proc *p, struct seat *mine, struct seat *s, uint32_t sig,
    const struct why *w)
{
	uint64_t bit = L_SIGBIT(sig);
	bool room = true;

	if (sig == L_SIGCONT)
		pending_clear(p, STOPS);
	else if (bit & STOPS)
		pending_clear(p, L_SIGBIT(L_SIGCONT));
	if (s == NULL || is_ignored(s, bit))
		return true;
	if (sig >= L_SIGRT || !(s->win->pending & bit))
		room = info_add(p, mine, s, sig, w);
	if (mine != NULL)
		s->win->directed |= bit;
	else if (!(s->win->pending & bit))
		s->win->directed &= ~bit;
	pending_set(s, bit);
	bell_ring(s);
	wake(&p->sigq);
	return room;
}

/* Contexts that share the process's signals have a mark each, and not the word
 * of why. */
static void
mark_contexts(struct proc *p, uint64_t bit)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if (!s->signals || is_ignored(s, bit))
			continue;
		pending_set(s, bit);
		bell_ring(s);
	}
}

bool
signal_send(struct proc *p, struct seat *s, uint32_t sig, const struct why *w)
{
	if (p->state != PROC_LIVE && p->state != PROC_MAKING)
		return true;
	if (sig == L_SIGKILL) {
		if (p != proc_init)
			proc_died(p, L_SIGKILL);
		return true;
	}
	if (sig == L_SIGSTOP) {
		if (p != proc_init)
			proc_stop(p, sig);
		return true;
	}
	if (sig == L_SIGCONT && p->stopped != 0)
		proc_continue(p);
	if (s == NULL)
		mark_contexts(p, L_SIGBIT(sig));
	return mark(p, s, s != NULL ? s : seat_for(p, L_SIGBIT(sig)), sig, w);
}

void
proc_signal(struct proc *p, uint32_t sig, uint32_t code, uint32_t from,
    uint32_t status)
{
	const struct proc *q = proc_find(from);
	struct why w = { .code = code, .pid = from, .status = status,
	    .uid = q == NULL ? 0 : q->cred.uid };

	(void)signal_send(p, NULL, sig, &w);
}

void
group_signal(uint32_t pgid, uint32_t sig)
{
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p->pgid == pgid)
			proc_signal(p, sig, L_SI_KERNEL, 0, 0);
	}
}

/* ---- kill(2).  Places are not used again before the end of a request, so
 * the list can be walked while processes die. */

static bool
kill_matches(const struct proc *from, const struct proc *p, int32_t pid)
{
	if (p->state == PROC_FREE || (p->state == PROC_ZOMBIE && pid == -1))
		return false;
	if (pid == -1)
		return p != from && p != proc_init;
	return p->pgid == (pid == 0 ? from->pgid : (uint32_t)-pid);
}

static bool
may_signal(const struct proc *from, const struct proc *p, uint32_t sig)
{
	return cred_may_signal(here == NULL ? &from->cred : cred_now(),
	    &p->cred) ||
	    (sig == L_SIGCONT && from->sid == p->sid);
}

static int64_t
kill_many(struct proc *from, int32_t pid, uint32_t sig)
{
	bool any = false, may = false, self = false;

	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (!kill_matches(from, p, pid))
			continue;
		any = true;
		if (!may_signal(from, p, sig))
			continue;
		may = true;
		if (p == from)
			self = true;	/* the last: others first */
		else if (sig != 0)
			proc_signal(p, sig, L_SI_USER, from->pid, 0);
	}
	if (self && sig != 0)
		proc_signal(from, sig, L_SI_USER, from->pid, 0);
	return may ? 0 : any ? -L_EPERM : -L_ESRCH;
}

int64_t
signal_kill(struct proc *from, int32_t pid, uint32_t sig)
{
	struct proc *p;

	if (sig > L_NSIG || pid == INT32_MIN)
		return -L_EINVAL;
	if (pid <= 0)
		return kill_many(from, pid, sig);
	p = proc_find((uint32_t)pid);
	if (p == NULL)
		return -L_ESRCH;
	if (!may_signal(from, p, sig))
		return -L_EPERM;
	if (sig != 0)
		proc_signal(p, sig, L_SI_USER, from->pid, 0);
	return 0;
}

struct seat *
proc_seat(const struct proc *p, uint32_t tid)
{
	struct seat *s = p->seats;

	while (s != NULL && (s->tid != tid || s->context))
		s = s->next;
	return s;
}

/* Whose thread that is: the process, and its seat; or NULL. */
static struct proc *
thread_find(uint32_t tgid, uint32_t tid, struct seat **s)
{
	struct proc *p = proc_find(tgid != 0 ? tgid : tid);

	for (; p != NULL; p = NULL) {
		*s = proc_seat(p, tid);
		if (*s != NULL || tgid != 0)
			return *s == NULL ? NULL : p;
	}
	for (p = proc_all; p != NULL; p = p->all_next) {
		*s = proc_seat(p, tid);
		if (*s != NULL)
			return p;
	}
	return NULL;
}

int64_t
signal_thread(struct proc *from, uint32_t tgid, uint32_t tid, uint32_t sig)
{
	struct why w = { .code = (uint32_t)L_SI_TKILL, .pid = from->pid,
	    .uid = from->cred.uid };
	struct seat *s = NULL;
	struct proc *p = thread_find(tgid, tid, &s);

	if (sig > L_NSIG)
		return -L_EINVAL;
	if (p == NULL)
		return -L_ESRCH;
	if (!may_signal(from, p, sig))
		return -L_EPERM;
	if (sig != 0)
		(void)signal_send(p, s, sig, &w);
	return 0;
}

int64_t
signal_queue(struct proc *from, uint32_t pid, uint32_t tid, uint32_t sig,
    const struct why *w)
{
	struct seat *s = NULL;
	struct proc *p = tid != 0 ? thread_find(pid, tid, &s) :
	    proc_find(pid);

	if (sig > L_NSIG)
		return -L_EINVAL;
	if (p == NULL)
		return -L_ESRCH;
	if (!may_signal(from, p, sig))
		return -L_EPERM;
	if (sig >= L_SIGRT && p->ninfos >= INFOS_EACH)
		return -L_EAGAIN;
	if (sig != 0)
		(void)signal_send(p, s, sig, w);
	return 0;
}

/* ---- stopping */

static void
tell_stopped(struct proc *p, uint32_t code, uint32_t status)
{
	struct proc *parent = p->parent;

	if (parent == NULL)
		return;
	if (parent->seats == NULL ||
	    !(parent->seats->win->sig_child & CM_CHILD_NOSTOP))
		proc_signal(parent, L_SIGCHLD, code, p->pid, status);
	wake(&parent->waitq);
}

void
proc_stop(struct proc *p, uint32_t sig)
{
	if (p->stopped != 0 || p->state != PROC_LIVE)
		return;
	p->stopped = (uint8_t)sig;
	p->tell_stop = true;
	p->tell_cont = false;
	world_stop(p);
	tell_stopped(p, L_CLD_STOPPED, sig);
}

void
proc_continue(struct proc *p)
{
	p->stopped = 0;
	p->tell_stop = false;
	p->tell_cont = true;
	world_continue(p);
	tell_stopped(p, L_CLD_CONTINUED, L_SIGCONT);
}

/* ---- alarms */

uint64_t
signal_alarms(void)
{
	uint64_t now = world_clock(), timers = timers_run(now);
	uint64_t ttys = tty_deadlines(now);

	timers = ttys < timers ? ttys : timers;
	if (now < next_alarm)
		return next_alarm < timers ? next_alarm : timers;
	next_alarm = ~0ull;
	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (p->alarm == 0)
			continue;
		if (p->alarm <= now) {
			p->alarm = p->interval == 0 ? 0 : now + p->interval;
			proc_signal(p, L_SIGALRM, L_SI_KERNEL, 0, 0);
		}
		if (p->alarm != 0 && p->alarm < next_alarm)
			next_alarm = p->alarm;
	}
	return next_alarm < timers ? next_alarm : timers;
}

int64_t
signal_itimer(struct proc *p, uint64_t value, uint64_t interval, uint64_t *old)
{
	uint64_t now = world_clock(), left = 0;

	if (p->alarm != 0)
		left = p->alarm > now ? p->alarm - now : 1;
	*old = p->interval;
	if (value == ~0ull)
		return (int64_t)left;
	if (value > INT64_MAX / 2 || interval > INT64_MAX / 2)
		return -L_EINVAL;
	p->alarm = value == 0 ? 0 : now + value;
	p->interval = interval;
	if (p->alarm != 0 && p->alarm < next_alarm) {
		next_alarm = p->alarm;
		world_kick();
	}
	return (int64_t)left;
}
