/*
 * futex.c - waiting for a word of the program's memory.
 *
 * Who waits says so in its struct thread, and sleeps on its bell; who wakes it
 * takes that away and rings.  So threads of one process meet; those of several,
 * in memory that they share, meet in the commons, by file and place.
 */
#include "area.h"
#include "patch.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3,
	FUTEX_CMP_REQUEUE = 4, FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9,
	FUTEX_WAKE_BITSET = 10, FUTEX_PRIVATE = 0x80,
	FUTEX_REALTIME = 0x100, FUTEX_CMD = 0x7f };

static uint64_t turn;			/* who came when */

/* Of those that wait for a word, with one of these bits: who came first. */
static struct thread *
first_waiter(uint64_t at, uint32_t bits)
{
	struct thread *first = NULL;

	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		struct thread *t = thread_at(i);

		if (thread_lives(i) && t->futex == at &&
		    (t->futex_bits & bits) != 0 &&
		    (first == NULL || t->futex_turn < first->futex_turn))
			first = t;
	}
	return first;
}

static void
ring(struct thread *t)
{
	t->futex = 0;
	__atomic_fetch_add(&thread_window(thread_index(t))->bell, 1,
	    __ATOMIC_SEQ_CST);
}

uint32_t
futex_wake(uint64_t at, uint32_t n, uint32_t bits)
{
	struct thread *t;
	uint32_t done = 0;

	lock();
	while (done < n && (t = first_waiter(at, bits)) != NULL) {
		ring(t);
		done++;
	}
	unlock();
	return done;
}

/* Is it still as the caller saw it?  Then I am one of those that wait. */
static long
wait_begin(uint64_t at, uint32_t value, uint32_t bits)
{
	struct thread *t = me();
	uint32_t is;
	long r;

	lock();
	r = user_read(&is, at, sizeof(is));
	if (r == 0 && is != value)
		r = -EAGAIN;
	if (r == 0) {
		t->futex = at;
		t->futex_bits = bits;
		t->futex_turn = ++turn;
	}
	unlock();
	return r;
}

static long
futex_wait(uint64_t at, uint32_t value, uint32_t bits, uint64_t until)
{
	volatile struct thread *t = me();
	long r = wait_begin(at, value, bits);

	while (r == 0) {
		uint64_t bell = my_window()->bell;

		if (t->futex == 0)
			return 0;
		if (signal_interrupts())
			r = until == WAIT_FOREVER ? -E_RESTART : -EINTR;
		else if (until != WAIT_FOREVER && clock_ns() >= until)
			r = -ETIMEDOUT;
		else
			wait_bell(bell, until);
	}
	lock();
	if (r != -EAGAIN && r != -EFAULT && t->futex == 0)
		r = 0;			/* it was woken all the same */
	t->futex = 0;
	unlock();
	return r;
}

/* ---- between processes */

struct place {
	uint64_t file, offset;
};

/* Is it in memory that others share?  Where, then. */
static bool
place_of(uint64_t at, uint64_t op, struct place *p)
{
	const struct area *a;
	bool shared = false;

	if (op & FUTEX_PRIVATE)
		return false;
	lock();
	a = area_at(at);
	if (a != NULL && a->flags & AREA_SHARED && a->file != 0) {
		*p = (struct place){ a->file, a->offset + (at - a->low) };
		shared = true;
	}
	unlock();
	return shared;
}

static long
shared_wake(const struct place *p, uint32_t n, uint32_t bits)
{
	return commons(CM_FUTEX_WAKE, p->file, p->offset, n, bits);
}

/* On the list first, then the last look at the word. */
static long
shared_wait(const struct place *p, uint64_t at, uint32_t value, uint32_t bits,
    uint64_t until)
{
	uint64_t bell = my_window()->bell;
	long r = commons(CM_FUTEX_WAIT, p->file, p->offset, bits, 0), e;
	uint32_t is;

	if (r != -CM_WAIT)
		return r;
	e = user_read(&is, at, sizeof(is));
	if (e == 0 && is != value)
		e = -EAGAIN;
	while (e == 0) {
		if (signal_interrupts())
			e = until == WAIT_FOREVER ? -E_RESTART : -EINTR;
		else if (until != WAIT_FOREVER && clock_ns() >= until)
			e = -ETIMEDOUT;
		else
			wait_bell(bell, until);
		bell = my_window()->bell;
		r = commons(CM_FUTEX_WAIT, p->file, p->offset, bits, 0);
		if (r != -CM_WAIT)
			return r;
	}
	(void)commons(CM_NOP, 0, 0, 0, 0);	/* off the list */
	return e;
}

/* ---- locks that a thread held when it ended: their words say so, and one who
 * waits is told */

#define ROBUST_MAX	2048u
#define FUTEX_WAITERS	0x80000000u
#define FUTEX_DIED	0x40000000u
#define FUTEX_TID	0x3fffffffu

static void
wake_anybody(uint64_t at)
{
	struct place p;

	if (place_of(at, 0, &p))
		(void)shared_wake(&p, 1, ~0u);
	(void)futex_wake(at, 1, ~0u);
}

static void
robust_died(uint64_t at, uint32_t tid)
{
	uint32_t is, died;

	if (at % 4 != 0 || user_read(&is, at, sizeof(is)) < 0 ||
	    (is & FUTEX_TID) != tid)
		return;
	died = (is & FUTEX_WAITERS) | FUTEX_DIED;
	if (user_write(at, &died, sizeof(died)) == 0 && is & FUTEX_WAITERS)
		wake_anybody(at);
}

void
robust_end(struct thread *t)
{
	struct {
		uint64_t next, offset, pending;
	} head;
	uint64_t at, list = t->robust, next;

	t->robust = 0;
	if (list == 0 || user_read(&head, list, sizeof(head)) < 0)
		return;
	at = head.next;
	for (uint32_t i = 0; i < ROBUST_MAX && (at & ~1ul) != list; i++) {
		if (user_read(&next, at & ~1ul, sizeof(next)) < 0)
			return;
		if ((at & ~1ul) != (head.pending & ~1ul))
			robust_died((at & ~1ul) + head.offset, t->tid);
		at = next;
	}
	if (head.pending != 0)
		robust_died((head.pending & ~1ul) + head.offset, t->tid);
}

void
robust_end_all(void)
{
	if (only_regs != 0) {		/* there is no other */
		robust_end(me());
		return;
	}
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (thread_lives(i))
			robust_end(thread_at(i));
	}
}

/* ---- the call */

/* Wake n, and let m others wait for another word. */
static uint32_t
requeue(uint64_t at, uint32_t n, uint32_t m, uint64_t to)
{
	struct thread *t;
	uint32_t done = futex_wake(at, n, ~0u);
	struct place p;

	/* Those that wait in the commons may as well look for themselves. */
	if (place_of(at, 0, &p))
		done += (uint32_t)shared_wake(&p, ~0u, ~0u);
	for (uint32_t i = 0; i < m && (t = first_waiter(at, ~0u)) != NULL; i++) {
		t->futex = to;
		done++;
	}
	return done;
}

/* FUTEX_WAKE_OP: change a word; then wake by what it was. */
static long
wake_op(uint64_t at, uint32_t n, uint32_t n2, uint64_t at2, uint32_t op)
{
	int32_t arg = (int32_t)(op << 8) >> 20, cmp = (int32_t)(op << 20) >> 20;
	int32_t old, new;
	bool yes;
	long r = user_read(&old, at2, sizeof(old));

	if (r < 0)
		return r;
	if (op >> 28 & 8)
		arg = 1 << (arg & 31);
	switch (op >> 28 & 7) {
	case 0: new = arg; break;
	case 1: new = old + arg; break;
	case 2: new = old | arg; break;
	case 3: new = old & ~arg; break;
	case 4: new = old ^ arg; break;
	default: return -ENOSYS;
	}
	r = user_write(at2, &new, sizeof(new));
	if (r < 0)
		return r;
	switch (op >> 24 & 15) {
	case 0: yes = old == cmp; break;
	case 1: yes = old != cmp; break;
	case 2: yes = old < cmp; break;
	case 3: yes = old <= cmp; break;
	case 4: yes = old > cmp; break;
	case 5: yes = old >= cmp; break;
	default: return -ENOSYS;
	}
	return (long)futex_wake(at, n, ~0u) +
	    (yes ? (long)futex_wake(at2, n2, ~0u) : 0);
}

/* When a wait ends: FUTEX_WAIT counts from now. */
static long
until_get(uint64_t from, bool absolute, bool real, uint64_t *until)
{
	uint64_t ns;
	long r;

	*until = WAIT_FOREVER;
	if (from == 0)
		return 0;
	r = timespec_get(from, &ns);
	*until = absolute ? clock_until(real ? 0 : 1, ns) : clock_ns() + ns;
	return r;
}

static long
futex_locked(uint64_t cmd, uint64_t at, uint32_t value, uint64_t m,
    uint64_t at2, uint32_t value3)
{
	uint32_t is;
	long r;

	switch (cmd) {
	case FUTEX_WAKE:
		return futex_wake(at, value, ~0u);
	case FUTEX_WAKE_BITSET:
		return value3 == 0 ? -EINVAL :
		    (long)futex_wake(at, value, value3);
	case FUTEX_CMP_REQUEUE:
		r = user_read(&is, at, sizeof(is));
		if (r < 0 || is != value3)
			return r < 0 ? r : -EAGAIN;
		return requeue(at, value, (uint32_t)m, at2);
	case FUTEX_REQUEUE:
		return requeue(at, value, (uint32_t)m, at2);
	case FUTEX_WAKE_OP:
		return wake_op(at, value, (uint32_t)m, at2, value3);
	}
	return -ENOSYS;
}

long
call_futex(uint64_t at, uint64_t op, uint64_t value, uint64_t timeout,
    uint64_t at2, uint64_t value3)
{
	uint64_t cmd = op & FUTEX_CMD, until;
	struct place p;
	bool bitset = cmd == FUTEX_WAIT_BITSET;
	long r;

	if (at % 4 != 0 || at >= USER_TOP)
		return at % 4 != 0 ? -EINVAL : -EFAULT;
	if (cmd == FUTEX_WAIT || bitset) {
		if (bitset && (uint32_t)value3 == 0)
			return -EINVAL;
		r = until_get(timeout, bitset, (op & FUTEX_REALTIME) != 0,
		    &until);
		if (r == 0 && place_of(at, op, &p))
			return shared_wait(&p, at, (uint32_t)value,
			    bitset ? (uint32_t)value3 : ~0u, until);
		return r < 0 ? r : futex_wait(at, (uint32_t)value,
		    bitset ? (uint32_t)value3 : ~0u, until);
	}
	if ((cmd == FUTEX_WAKE || cmd == FUTEX_WAKE_BITSET) &&
	    place_of(at, op, &p))
		return cmd == FUTEX_WAKE ? shared_wake(&p, (uint32_t)value,
		    ~0u) : (uint32_t)value3 == 0 ? -EINVAL :
		    shared_wake(&p, (uint32_t)value, (uint32_t)value3);
	lock();
	r = futex_locked(cmd, at, (uint32_t)value, timeout, at2,
	    (uint32_t)value3);
	unlock();
	return r;
}
