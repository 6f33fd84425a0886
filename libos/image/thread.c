/*
 * thread.c - threads: envs of one process.
 *
 * Each has a block of slot 254: stack, struct thread, upcall frame, window; a
 * seat with the block's number, and the handle with that number; a slice.  One
 * that ends leaves its block DEAD; the next who makes one gives back what was
 * its.
 */
#include <castor/string.h>

#include "area.h"
#include "file.h"
#include "patch.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

enum { CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400,
	CLONE_SIGHAND = 0x800, CLONE_VFORK = 0x4000, CLONE_THREAD = 0x10000,
	CLONE_SETTLS = 0x80000, CLONE_PARENT_SETTID = 0x100000,
	CLONE_CHILD_CLEARTID = 0x200000, CLONE_CHILD_SETTID = 0x1000000 };
#define CLONE_SHARED	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | \
			 CLONE_THREAD)
#define SEATS_FIRST	4u		/* that a domain has without a frame */

enum { FREE, LIVES, DEAD };

static uint8_t blocks[THREADS_MAX] = { LIVES };
static volatile uint32_t owner;		/* of the lock: thread + 1 */
static uint32_t depth;

/* ---- the lock */

void
lock(void)
{
	uint32_t mine = thread_index(me()) + 1, none = 0;

	if (owner == mine) {
		depth++;
		return;
	}
	while (!__atomic_compare_exchange_n(&owner, &none, mine, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (exo_env_yield(thread_at(none - 1)->env, own.env_slot,
		    EXO_NONE) < 0)
			(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
		none = 0;
	}
	depth = 1;
}

void
unlock(void)
{
	if (--depth == 0)
		__atomic_store_n(&owner, 0, __ATOMIC_RELEASE);
}

/* ---- who there is */

bool
thread_lives(uint32_t i)
{
	return blocks[i] == LIVES;
}

uint32_t
threads_count(void)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < THREADS_MAX; i++)
		n += thread_lives(i);
	return n;
}

/* ---- their time.  By ticks; what the ended had is kept. */

static uint64_t ended_ticks;

static uint64_t
env_ticks(exo_id env)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	return e->gen == EXO_GEN(env) ? e->ticks : 0;
}

uint64_t
ticks_ns(uint64_t ticks)
{
	return ticks * (1000000000ul / EXO_MACHINE->tick_hz);
}

uint64_t
thread_ns(const struct thread *t)
{
	return ticks_ns(env_ticks(t->env));
}

uint64_t
process_ns(void)
{
	uint64_t ticks = ended_ticks;

	for (uint32_t i = 0; i < THREADS_MAX; i++)
		ticks += blocks[i] != FREE ? env_ticks(thread_at(i)->env) : 0;
	return ticks_ns(ticks);
}

/* Calls without a trap can tell whose they are only if there is one. */
static void
only_set(bool several)
{
	only_regs = several ? 0 : (uint64_t)((struct exo_regs *)me() - 1);
	lwc_place = several ? BLOCK(0) : (uint64_t)&me()->stand;
}

static void
only_look(void)
{
	only_set(threads_count() > 1);
}

void
threads_forget(void)
{
	memset(blocks, FREE, sizeof(blocks));
	blocks[thread_index(me())] = LIVES;
	ended_ticks = 0;
	owner = 0;
	depth = 0;
	only_set(false);
}

/* ---- giving back */

static bool
env_ended(exo_id env)
{
	const volatile struct exo_env *e = &EXO_ENVS[EXO_INDEX(env)];

	return e->gen != EXO_GEN(env) || e->state == EXO_ENV_FREE ||
	    e->state == EXO_ENV_DEAD || e->state == EXO_ENV_ENDED;
}

static void
env_clear(exo_id env)
{
	while (exo_env_reap(env, EXO_STEPS_MAX) > 0)
		;
	(void)!exo_env_free(env, own.env_slot);
}

/* What is mapped in its block; and what it was by name. */
static void
block_clear(uint32_t i)
{
	struct thread *t = thread_at(i);
	exo_slot window = t->window_slot;
	exo_id env = t->env;
	exo_ppn frame = t->env_frame;
	uint32_t slice = t->slice;

	(void)!exo_handle_drop(t->handle);
	if (slice != EXO_NONE)
		(void)!exo_slice_free(own.env_slot, slice);
	ended_ticks += env_ticks(env);
	if (env != 0)
		env_clear(env);
	(void)!exo_seat_free(own.domain, own.domain_slot, i);
	(void)!pt_put(BLOCK(i) + BLOCK_WINDOW, 0, 0);
	pt_clear(BLOCK(i), BLOCK(i) + BLOCK_SIZE);
	if (frame != 0)
		frame_put(frame);
	if (window != 0)
		file_slot_put(window);
	blocks[i] = FREE;
	only_look();
}

/* A block for a thread: -EAGAIN. */
static long
block_take(void)
{
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (blocks[i] == DEAD && env_ended(thread_at(i)->env))
			block_clear(i);
	}
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (blocks[i] == FREE)
			return i;
	}
	return -EAGAIN;
}

/* ---- making one */

static long
seat_make(uint32_t i, exo_id env)
{
	struct exo_seat_args a = {
		.env = env,
		.entry = (uint64_t)_start,
		.stack = BLOCK_THREAD(i),
		.upcall = (uint64_t)_start + EXO_START_UPCALL_AT,
		.upcall_va = BLOCK(i) + BLOCK_UPCALL,
		.upcall_slot = own.memory_slot,
	};
	long r = frame_get(EXO_PG_DATA | EXO_KIND_LIVE);

	if (r < 0)
		return r;
	a.upcall_ppn = (exo_ppn)r;
	r = pt_put(a.upcall_va, EXO_PTE(a.upcall_ppn, EXO_PTE_W | EXO_PTE_NX),
	    own.memory_slot);
	if (r < 0) {
		frame_put(a.upcall_ppn);
		return r;
	}
	if (i >= EXO_DOMAINS[EXO_INDEX(own.domain)].nseats) {
		r = frame_get(EXO_PG_SEATS);
		if (r < 0 || exo_domain_seats(own.domain, own.domain_slot,
		    (exo_ppn)r) < 0)
			return -ENOMEM;
	}
	return exo_seat_bind(own.domain, own.domain_slot, i, (uint64_t)&a);
}

static long
env_make(struct thread *t)
{
	long r;

	(void)commons(CM_RAISE, EXO_RES_ENVS, 1, 0, 0);
	(void)commons(CM_RAISE, EXO_RES_SLICES, 1, 0, 0);
	r = frame_get(EXO_PG_ENV);
	if (r < 0)
		return r;
	t->env_frame = (exo_ppn)r;
	r = exo_env_create(own.acct, own.acct_slot, own.env_slot, EXO_NONE,
	    t->env_frame);
	if (r < 0)
		return r;
	t->env = (exo_id)r;
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account == EXO_NONE &&
		    exo_slice_alloc(own.acct, own.acct_slot, own.env_slot,
		    i) == 0) {
			t->slice = i;
			return exo_slice_set(own.env_slot, i, t->env,
			    own.env_slot);
		}
	}
	return -EAGAIN;
}

/* Its seat in the commons, its window, its tid. */
static long
commons_join(struct thread *t, uint32_t i)
{
	struct cm_fork out;
	long tid, slot = file_slot_take();

	if (slot < 0)
		return slot;
	t->window_slot = (exo_slot)slot;
	if (exo_cap_open(t->window_slot, share.commons) < 0 ||
	    exo_handle_open(own.domain, own.domain_slot, i, share.commons) < 0)
		return -EAGAIN;
	tid = commons(CM_THREAD, t->env, i, t->window_slot, 0);
	if (tid < 0)
		return tid;
	memcpy(&out, my_window()->data, sizeof(out));
	t->tid = (uint32_t)tid;
	t->window = out.window;
	return pt_put(BLOCK(i) + BLOCK_WINDOW, EXO_PTE(out.window,
	    EXO_PTE_W | EXO_PTE_NX), t->window_slot);
}

/* It goes on as I do, with 0 and on its own stack. */
static void
regs_fill(struct thread *t, uint64_t stack)
{
	struct exo_regs *r = (struct exo_regs *)t - 1;

	*r = *me()->regs;
	r->rax = 0;
	r->rsp = stack;
}

static long
thread_make(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid,
    uint64_t tls)
{
	long i = block_take(), r;
	struct thread *t = thread_at((uint32_t)i);
	uint32_t tid;

	if (i < 0)
		return i;
	blocks[i] = DEAD;		/* until it is whole */
	only_regs = 0;
	lwc_place = BLOCK(0);
	thread_init(t, (uint32_t)i);
	t->slice = EXO_NONE;
	t->handle = (uint64_t)i;
	t->blocked = me()->blocked;
	t->fsbase = tls;
	t->clear_tid = flags & CLONE_CHILD_CLEARTID ? ctid : 0;
	regs_fill(t, stack);
	r = env_make(t);
	if (r == 0)
		r = seat_make((uint32_t)i, t->env);
	if (r == 0)
		r = commons_join(t, (uint32_t)i);
	tid = t->tid;
	if (r == 0 && flags & CLONE_PARENT_SETTID)
		r = user_write(ptid, &tid, sizeof(tid));
	if (r == 0 && flags & CLONE_CHILD_SETTID)
		r = user_write(ctid, &tid, sizeof(tid));
	if (r == 0)
		r = exo_env_start(t->env, own.env_slot, own.domain,
		    own.domain_slot, (uint32_t)i, 0);
	if (r < 0) {
		if (t->env != 0)
			(void)!exo_env_kill(t->env, own.env_slot, 0);
		block_clear((uint32_t)i);
		return r == -EFAULT || r == -ENOMEM ? r : -EAGAIN;
	}
	blocks[i] = LIVES;
	hints_put();
	return tid;
}

long
call_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid,
    uint64_t tls)
{
	long r;

	if ((flags & CLONE_THREAD) == 0)
		return process_clone(flags, stack, ptid, ctid, tls);
	if ((flags & CLONE_SHARED) != CLONE_SHARED || stack == 0 ||
	    (flags & CLONE_SETTLS && tls >= USER_TOP))
		return -EINVAL;
	if (!(flags & CLONE_SETTLS))
		__asm__("rdfsbase %0" : "=r"(tls));
	lock();
	r = thread_make(flags, stack, ptid, ctid, tls);
	unlock();
	return r;
}

/* ---- ends */

/* Nobody takes the block while the env is on its stack: it ends last. */
static _Noreturn void
thread_end(void)
{
	struct thread *t = me();
	uint32_t zero = 0;

	robust_end(t);
	if (t->clear_tid != 0 && user_write(t->clear_tid, &zero,
	    sizeof(zero)) == 0)
		(void)futex_wake(t->clear_tid, 1, ~0u);
	lock();
	blocks[thread_index(t)] = DEAD;
	unlock();
	for (;;)
		(void)!exo_env_exit(0);
}

long
call_exit(uint64_t word)
{
	if (threads_count() > 1)
		thread_end();
	vfork_leave();
	robust_end_all();
	process_end((uint32_t)(word & 0xff) << 8);
}

void
threads_end(void)
{
	uint32_t mine = thread_index(me());

	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (i == mine || blocks[i] == FREE)
			continue;
		while (!env_ended(thread_at(i)->env)) {
			(void)!exo_env_kill(thread_at(i)->env, own.env_slot,
			    0);
			if (!env_ended(thread_at(i)->env))
				(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
		}
		block_clear(i);
	}
}
