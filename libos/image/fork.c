/*
 * fork.c - another process like this one.
 *
 * The commons makes an account and a name (FORK_BEGIN), this process builds
 * the child of frames charged there, and hands it over (FORK_END).  What the
 * child's root has in slots 0-252 are copies of this one's links, so that all
 * below is shared and frozen whatever its size (cow.c).  Slot 254 is made
 * anew (child.c): the hot data, and Castor's stack from the frame of process_fork()
 * up, which has in struct birth what the child needs to come back from there.
 *
 * The child gets the first of the time: most end or run another program soon,
 * and then the parent finds its tables as they were.
 */
#include <castor/string.h>

#include "area.h"
#include "child.h"
#include "file.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define SLOT_NAME	20u		/* mine, of the child's: all rights */
#define SLOT_WINDOW	21u
#define FRAMES		160u		/* its limit to begin with */
#define CLEAR_TRIES	32u

enum {
	CLONE_VM = 0x100, CLONE_VFORK = 0x4000, CLONE_PARENT_SETTID = 0x100000,
	CLONE_CHILD_CLEARTID = 0x200000, CLONE_CHILD_SETTID = 0x1000000,
	CLONE_SETTLS = 0x80000
};

/* What the child is told, on Castor's stack; FP state is behind it. */
struct birth {
	struct exo_regs *regs;
	uint64_t flags, stack, child_tid;	/* of clone */
	uint64_t fsbase, gsbase;
	struct cm_fork f;
	uint8_t fp[] __attribute__((aligned(64)));
};

long	fp_save(void *to);
long	fp_load(const void *from);
_Noreturn void fork_born(struct birth *);

/* ---- its objects */

static long
env_make(struct child *c, exo_id *env)
{
	long frame = child_frame(c, c->name, EXO_PG_ENV), r;

	if (frame < 0)
		return frame;
	r = exo_env_create(c->acct, c->name, EXO_SLOT(c->number, own.env_slot),
	    EXO_NONE, (exo_ppn)frame);
	if (r < 0)
		return -EAGAIN;
	*env = (exo_id)r;
	return 0;
}

static long
slice_give(const struct child *c, exo_id env)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account == EXO_NONE &&
		    exo_slice_alloc(c->acct, c->name, c->name, i) == 0)
			return exo_slice_set(c->name, i, env, c->name) < 0 ?
			    -EAGAIN : 0;
	}
	return -EAGAIN;
}

static long
slots_make(struct child *c)
{
	long r = child_slots(c);

	if (r == 0)
		r = child_slot(c, c->name, own.env_slot, EXO_R_ALL, NAME_ENV);
	if (r == 0)
		r = child_slot(c, c->name, own.acct_slot, EXO_R_CHARGE |
		    EXO_R_GIVE, EXO_COMP_SAME);
	return r;
}

static long
memory_make(struct child *c, const struct birth *b)
{
	long r = child_own(c, (uint64_t)b);

	if (r == 0)
		r = child_memory(c);
	return r == 0 ? child_text(c) : r;
}

/* Its env, seat and handle of the commons. */
static long
objects_make(struct child *c, exo_id *env)
{
	long r = child_domain(c);

	if (r == 0)
		r = env_make(c, env);
	if (r == 0)
		r = child_seat(c, *env);
	if (r == 0 && exo_handle_open(c->domain, c->name, c->thread,
	    share.commons) < 0)
		r = -EAGAIN;
	return r == 0 ? slice_give(c, *env) : r;
}

static long
child_build(struct child *c, const struct birth *b, exo_id *env)
{
	long r = slots_make(c);

	if (r == 0)
		r = memory_make(c, b);
	if (r == 0)
		r = objects_make(c, env);
	child_release(c);
	return r == 0 ? commons(CM_FORK_END, b->f.pid, c->domain, *env,
	    c->thread) : r;
}

/* ---- the child's first steps */

_Noreturn void
fork_born(struct birth *b)
{
	const struct exo_upcall *up =
	    (const struct exo_upcall *)(my_block() + BLOCK_UPCALL);
	struct thread *t = me();

	own.acct = b->f.acct;
	own.env = up->env;
	pid = b->f.pid;
	signals_deaf = false;
	child_born(b->f.window);
	t->tid = pid;
	t->env = own.env;
	t->handle = thread_index(t);
	t->env_frame = 0;
	t->clear_tid = b->flags & CLONE_CHILD_CLEARTID ? b->child_tid : 0;
	vfork_born(b->flags);
	if (b->flags & CLONE_CHILD_SETTID)
		(void)!user_write(b->child_tid, &pid, sizeof(pid));
	if (fp_load(b->fp) < 0)
		process_end(SIGKILL);
	__asm__ volatile("wrfsbase %0; wrgsbase %1" : : "r"(b->fsbase),
	    "r"(b->gsbase));
	b->regs->rax = 0;
	if (b->stack != 0)
		b->regs->rsp = b->stack;
	go(b->regs);
}

/* ---- the calls */

static void
birth_fill(struct birth *b, uint64_t flags, uint64_t stack,
    uint64_t child_tid, uint64_t tls)
{
	uint64_t fs, gs;

	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
	memset(b, 0, sizeof(*b) + EXO_MACHINE->xsave_size);
	b->regs = me()->regs;
	b->flags = flags;
	b->stack = stack;
	b->child_tid = child_tid;
	b->fsbase = flags & CLONE_SETTLS ? tls : fs;
	b->gsbase = gs;
	if (fp_save(b->fp) < 0)
		image_die("FP state can't be saved");
}

static void
slots_drop(void)
{
	(void)!exo_cap_drop(SLOT_NAME);
	(void)!exo_cap_drop(SLOT_WINDOW);
}

/* While there is no room, those that have ended make some. */
static long
begin(uint64_t exit_signal)
{
	long r = -EAGAIN;

	for (uint32_t i = 0; i < CLEAR_TRIES && (r == -EAGAIN ||
	    r == -ENOMEM); i++) {
		if (i > 0) {
			slots_drop();
			(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
		}
		if (exo_cap_open(SLOT_NAME, share.commons) < 0 ||
		    exo_cap_open(SLOT_WINDOW, share.commons) < 0)
			image_die("the slots for a child are taken");
		r = commons(CM_FORK_BEGIN, FRAMES, SLOT_NAME, SLOT_WINDOW,
		    exit_signal);
	}
	return r;
}

/* The child's pid, or -errno and nothing is left of it. */
static long
child_make(struct child *c, struct birth *b, exo_id *env)
{
	long pid = begin(b->flags & 0xff), r;

	r = pid < 0 ? pid : 0;
	if (r == 0) {
		memcpy(&b->f, my_window()->data, sizeof(b->f));
		c->acct = b->f.acct;
		c->window = b->f.window;
		r = child_build(c, b, env);
		if (r == 0 && exo_env_start(*env, c->name, c->domain, c->name,
		    c->thread, (uint64_t)b) < 0)
			r = -EAGAIN;
		if (r < 0)
			(void)commons(CM_FORK_ABORT, (uint64_t)pid, 0, 0, 0);
	}
	slots_drop();
	return r < 0 ? r : pid;
}

/*
 * The child has the first of the time.  If it has ended by now, have the commons
 * clear it away: then nothing is shared any more when the parent goes on.
 */
static void
child_first(const struct child *c, exo_id env)
{
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(c->domain)];
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(c->acct)];

	(void)!exo_env_yield(env, share.session_slot, EXO_NONE);
	for (uint32_t i = 0; i < CLEAR_TRIES && (d->gen !=
	    EXO_GEN(c->domain) || d->state != EXO_DOM_LIVE) &&
	    a->gen == EXO_GEN(c->acct) && a->state != EXO_ACCT_FREE; i++)
		(void)commons(CM_NOP, 0, 0, 0, 0);
}

static long
process_fork(uint64_t flags, uint64_t stack, uint64_t child_tid, uint64_t tls)
{
	uint64_t n = sizeof(struct birth) + EXO_MACHINE->xsave_size;
	struct birth *b = __builtin_alloca_with_align(n, 512);
	struct child c = { .acct_slot = SLOT_NAME, .name = SLOT_NAME,
	    .window_slot = SLOT_WINDOW, .thread = thread_index(me()) };
	exo_id env = EXO_NONE;
	long r;

	lock();
	commons_at();
	frames_sweep_sometimes();
	birth_fill(b, flags, stack, child_tid, tls);
	r = child_make(&c, b, &env);
	unlock();
	if (r > 0)
		child_first(&c, env);
	return r;
}

long
call_fork(void)
{
	return process_fork(SIGCHLD, 0, 0, 0);
}

long
process_copy(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid,
    uint64_t tls)
{
	long r;

	if ((flags & CLONE_SETTLS && tls >= USER_TOP) || stack >= USER_TOP)
		return -EPERM;
	r = process_fork(flags, stack, ctid, tls);
	if (r > 0 && flags & CLONE_PARENT_SETTID) {
		uint32_t tid = (uint32_t)r;

		(void)!user_write(ptid, &tid, sizeof(tid));
	}
	return r;
}
