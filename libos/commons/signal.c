/*
 * signal.c - signals: marked in windows; stops and ends; alarms.
 *
 * What a signal does is the target's affair, as its image decides; the commons
 * does SIGKILL, SIGSTOP and SIGCONT.  The masks in a window are its owner's
 * words about itself: lying about them costs only the liar.
 */
#include "proc.h"
#include "world.h"

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

/* A thread that takes it now; else the first one keeps it. */
static struct seat *
seat_for(struct proc *p, uint64_t bit)
{
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if ((s->win->sig_blocked & bit) == 0)
			return s;
	}
	return p->seats;
}

static bool
is_ignored(struct seat *s, uint64_t bit)
{
	const struct cm_window *w = s->win;

	if (w->sig_blocked & bit)
		return false;
	return (w->sig_ignored & bit) != 0 ||
	    ((bit & QUIET_ONES) != 0 && (w->sig_caught & bit) == 0);
}

static void
mark(struct proc *p, struct seat *s, uint32_t sig, uint64_t info)
{
	uint64_t bit = L_SIGBIT(sig);

	if (sig == L_SIGCONT)
		pending_clear(p, STOPS);
	else if (bit & STOPS)
		pending_clear(p, L_SIGBIT(L_SIGCONT));
	if (s == NULL || is_ignored(s, bit))
		return;
	p->info[sig - 1] = info;
	pending_set(s, bit);
	bell_ring(s);
}

static void
signal_to(struct proc *p, struct seat *s, uint32_t sig, uint64_t info)
{
	if (p->state != PROC_LIVE && p->state != PROC_MAKING)
		return;
	if (sig == L_SIGKILL) {
		if (p == proc_init)
			return;
		proc_died(p, L_SIGKILL);
		return;
	}
	if (sig == L_SIGSTOP) {
		if (p != proc_init)
			proc_stop(p, sig);
		return;
	}
	if (sig == L_SIGCONT && p->stopped != 0)
		proc_continue(p);
	mark(p, s, sig, info);
}

void
proc_signal(struct proc *p, uint32_t sig, uint32_t code, uint32_t from,
    uint32_t status)
{
	signal_to(p, seat_for(p, L_SIGBIT(sig)), sig,
	    (code & 0xff) | (uint64_t)(from & 0xffffff) << 8 |
	    (uint64_t)status << 32);
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

static int64_t
kill_many(struct proc *from, int32_t pid, uint32_t sig)
{
	bool any = false, self = false;

	for (struct proc *p = proc_all; p != NULL; p = p->all_next) {
		if (!kill_matches(from, p, pid))
			continue;
		any = true;
		if (p == from)
			self = true;	/* the last: others first */
		else if (sig != 0)
			proc_signal(p, sig, L_SI_USER, from->pid, 0);
	}
	if (self && sig != 0)
		proc_signal(from, sig, L_SI_USER, from->pid, 0);
	return any ? 0 : -L_ESRCH;
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
	if (sig != 0)
		proc_signal(p, sig, L_SI_USER, from->pid, 0);
	return 0;
}

int64_t
signal_thread(struct proc *from, uint32_t tgid, uint32_t tid, uint32_t sig)
{
	struct proc *p = proc_find(tgid != 0 ? tgid : tid);

	if (sig > L_NSIG)
		return -L_EINVAL;
	if (p == NULL && tgid == 0)
		p = from;
	if (p == NULL)
		return -L_ESRCH;
	for (struct seat *s = p->seats; s != NULL; s = s->next) {
		if (s->tid != tid)
			continue;
		if (sig != 0)
			signal_to(p, s, sig, L_SI_TKILL |
			    (uint64_t)from->pid << 8);
		return 0;
	}
	return -L_ESRCH;
}

/* ---- stopping */

static void
tell_stopped(struct proc *p, uint32_t code, uint32_t status)
{
	struct proc *parent = p->parent;

	if (parent == NULL)
		return;
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
	uint64_t now = world_clock();

	if (now < next_alarm)
		return next_alarm;
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
	return next_alarm;
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
