/*
 * proc.h - processes: pids, parents, groups, sessions, ends, signals.
 *
 * Invariants: (1) a process that is not FREE has a pid and is in `all' and
 *		   among its parent's children; only process 1 has no parent.
 *	       (2) pid_uses(n) counts processes with pid, group or session n and
 *		   threads with that id: none is given out again before it is 0.
 *	       (3) a zombie has no seats, descriptors, directory.
 */
#ifndef COMMONS_PROC_H
#define COMMONS_PROC_H

#include "file.h"
#include "pool.h"
#include "wait.h"

#define PROCS_MAX	256u
#define CM_SEATS	512u
#define PIDS_MAX	16384u
#define COMM_MAX	16u

enum proc_state { PROC_FREE, PROC_MAKING, PROC_LIVE, PROC_ZOMBIE };

struct proc {
	uint32_t pid, pgid, sid, state;
	struct proc *parent, *children, *next, *prev;	/* siblings */
	struct proc *leader;		/* itself; of a context's client: the
					 * process */
	struct proc *creds;		/* whose `cred' it has: often its own */
	bool bare;			/* none: what needs one is refused */
	struct proc *all_next, *all_prev;
	struct seat *seats;		/* the first one's is its own */
	struct seat *maker;		/* MAKING: by whom */
	struct waitq waitq;		/* of its own waiting for children */
	struct inode *cwd;
	uint32_t umask, exit_signal, status, nfds;
	uint32_t over;			/* its and its contexts' descriptors
					 * that are beyond FDS_SURE: fd.c */
	uint8_t stopped;		/* by this signal */
	bool tell_stop, tell_cont, execed, killed;
	uint16_t exe_len, args_len;
	char *exe, *args;		/* text_new */
	uint64_t alarm, interval;	/* world_clock; 0: none */
	uint64_t started, ticks;
	uint64_t acct, domain;		/* the world's */
	uint32_t record;		/* the world's: its number there */
	char comm[COMM_MAX];
	uint64_t open[CM_FDS_ALL / 64], cloexec[CM_FDS_ALL / 64];
	struct cm_cred cred;
	uint64_t limit[L_RLIMITS][2];	/* RLIMIT_*: soft, hard */
	struct info *infos;		/* of signals that wait: signal.c */
	uint32_t ninfos;
	struct waitq sigq;		/* signalfd.c: something was marked */
	struct timer *timers;		/* its own: timer.c */
	uint64_t child_ticks;		/* of those that it waited for */
	uint64_t pages, child_pages;	/* most that it and they held */
	struct file *file[CM_FDS_ALL];
};
_Static_assert(sizeof(struct proc) <= POOL_ROOM, "a page");

extern struct proc *proc_all, *proc_init;
extern struct proc *proc_cursor;	/* of somebody who walks proc_all in
					 * several requests: never stale */

/* ---- proc.c */
struct proc *proc_find(uint32_t pid);	/* NULL; zombies too */
uint32_t proc_count(void);
uint32_t proc_tasks(const struct proc *p);	/* its threads, 1 at least */
/* What it and the others of its user have; of root's, each is alone. */
struct held {
	uint32_t tasks, contexts, over;
};
struct held proc_held(const struct proc *p);
/* May its user have one more process or thread?  His RLIMIT_NPROC, and a share;
 * root may. */
bool proc_user_may(const struct proc *p);
/* A new process 1, or child of p: descriptors and all that are inherited.
 * NULL and *error. */
struct proc *proc_new(struct proc *p, int64_t *error);
/* It has ended with this status; or was never finished. */
void proc_died(struct proc *p, uint32_t status);
void proc_abort(struct proc *p);
/* What this seat has in the making; NULL. */
struct proc *proc_in_making(const struct seat *s);
/* By its pid, 0: the caller's. */
struct proc *proc_named(const struct seat *s, uint32_t pid);
void proc_settle(void);			/* at the end of a request */
int64_t proc_wait4(struct proc *p, int32_t pid, uint32_t options,
    struct cm_wait *out);
int64_t proc_setpgid(struct proc *p, int32_t pid, int32_t pgid);
int64_t proc_setsid(struct proc *p);
void proc_seat_add(struct proc *p, struct seat *s);	/* a client's */
/* A client with copies of from's descriptors, or the image's own only: NULL and
 * *error.  It goes with its last seat, or (without one) by context_put. */
struct proc *context_new(struct proc *from, bool copy, enum cm_cred_how how,
    int64_t *error);
/* The same for one more seat: NULL and *error. */
struct proc *context_again(struct proc *from, int64_t *error);
void context_put(struct proc *c);
uint32_t context_count(void);
/* The client of a context that this seat's process is making: NULL. */
struct proc *context_in_making(const struct seat *s, uint64_t client);
void proc_seat_drop(struct seat *s);
uint32_t pid_new(void);			/* 0: none */
void pid_hold(uint32_t pid);
void pid_put(uint32_t pid);
bool group_exists(uint32_t sid, uint32_t pgid);
bool group_is_orphaned(uint32_t pgid);

/* The process that a seat's client is, or belongs to. */
static inline struct proc *
process_of(const struct seat *s)
{
	return s->proc->leader;
}

/* A seat waits for nothing: of a bare client all requests take the long way. */
static inline void
seat_rest(struct seat *s)
{
	s->waits = s->proc->bare ? &wait_bare : NULL;
}

/* The domain that a seat's requests come from. */
static inline uint64_t
seat_domain(const struct seat *s)
{
	return s->domain != 0 ? s->domain : process_of(s)->domain;
}

/* ---- signal.c */

/* Why a signal comes. */
struct why {
	uint32_t code, pid, uid, status;
	uint64_t value;
	struct timer *timer;		/* it has run out; NULL */
};
void proc_signal(struct proc *p, uint32_t sig, uint32_t code, uint32_t from,
    uint32_t status);
void group_signal(uint32_t pgid, uint32_t sig);
/* To a thread of it, or (NULL) to whoever takes it: false, no room for it. */
bool signal_send(struct proc *p, struct seat *s, uint32_t sig,
    const struct why *w);
/* The seat takes one: why it came; what is queued behind it is marked. */
void signal_taken(struct seat *s, uint32_t sig, struct why *w);
void signals_forget(struct proc *p);	/* it ends */
void signals_forget_seat(struct proc *p, const struct seat *s);
int64_t signal_queue(struct proc *from, uint32_t pid, uint32_t tid,
    uint32_t sig, const struct why *w);
struct seat *proc_seat(const struct proc *p, uint32_t tid);	/* NULL: none */

/* ---- timer.c */
uint64_t timers_run(uint64_t now);	/* the next one's time; ~0: none */
void timers_end(struct proc *p);	/* those with numbers */
void timer_taken(struct timer *t, struct why *w);
void signal_timer_end(struct proc *p, const struct timer *t);

/* ---- limit.c */
void limits_init(struct proc *p);
uint32_t limit_fds(const struct proc *p);
int64_t signal_kill(struct proc *p, int32_t pid, uint32_t sig);
int64_t signal_thread(struct proc *p, uint32_t tgid, uint32_t tid,
    uint32_t sig);
void proc_stop(struct proc *p, uint32_t sig);
void proc_continue(struct proc *p);
/* Alarms that are due; the next one's time, ~0: none. */
uint64_t signal_alarms(void);
int64_t signal_itimer(struct proc *p, uint64_t value, uint64_t interval,
    uint64_t *old);

/* ---- fd.c: descriptors */
/* CM_FDS_ALL; CM_FDS while a request uses what another client has lent: the
 * image's own descriptors are its memory. */
extern uint32_t fds_end;
static inline struct file *
fd_get(const struct proc *p, uint64_t fd)	/* NULL: none */
{
	return fd < fds_end ? p->file[fd] : NULL;
}
int64_t fd_add(struct proc *p, struct file *f, uint32_t min, bool cloexec);
int64_t fd_room(struct proc *p, uint32_t n);	/* 0, EMFILE, ENFILE */
int64_t fd_put(struct proc *p, uint32_t fd, struct file *f, bool cloexec);
int64_t fd_close(struct proc *p, uint64_t fd);
void fd_close_range(struct proc *p, uint64_t first, uint64_t last);
void fd_close_exec(struct proc *p);
int64_t fd_inherit(struct proc *to, struct proc *from, uint32_t first);
void fd_mark(struct proc *p, uint64_t fd, bool cloexec);
bool fd_marked(struct proc *p, uint64_t fd);
uint32_t fd_count(void);

/* ---- tty.c */
struct tty;
void tty_init(void);
void tty_input(struct tty *y, const uint8_t *text, size_t n);
void tty_leader_died(uint32_t sid);
int64_t tty_open(struct tty *y, uint32_t flags, struct file **out);
uint64_t tty_deadlines(uint64_t now);	/* the next one's time; ~0: none */

/* ---- request.c */
extern uint32_t unsettled;		/* fs_settle or proc_settle has work */
void settle(void);
int64_t request(struct seat *s, uint64_t op, uint64_t a, uint64_t b,
    uint64_t c, uint64_t d);

/* The world's part of processes. */
int64_t world_begin(struct proc *p, uint64_t frames, uint64_t slot,
    uint64_t wslot, struct cm_fork *out);
int64_t world_end(struct proc *p, uint64_t domain, uint64_t env,
    uint64_t place);
int64_t world_thread(struct proc *p, uint64_t env, uint64_t place,
    uint64_t wslot, struct cm_fork *out);
uint32_t world_window(const struct seat *s);
int64_t world_name(struct seat *s, uint64_t slot, uint64_t domain);
int64_t world_context(struct seat *s, struct proc *c, uint64_t wslot,
    struct cm_fork *out);
int64_t world_context_end(struct seat *s, uint64_t client, uint64_t domain,
    uint64_t place);
int64_t world_context_at(struct seat *s, uint64_t domain);
int64_t world_context_drop(struct seat *s, uint64_t domain, uint64_t mine);
void world_exec(struct seat *s, uint64_t mine);
int64_t world_context_free(struct seat *s, const uint32_t *ppn, uint64_t n);
int64_t world_raise(struct proc *p, uint32_t res, int64_t n);

#endif
