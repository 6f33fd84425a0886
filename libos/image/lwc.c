/*
 * lwc.c - the calls of light-weight contexts (castor/lwc.h).
 */
#include <castor/string.h>

#include "area.h"
#include "context.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define FLAGS	(LWC_SUSPEND_ONLY | LWC_SYSTRAP | LWC_PREFAULT |	      \
		 LWC_SHARESIGNALS)
#define HOWS	(LWC_SHARE | LWC_UNMAP)

long	lwc_cross(uint64_t to, const uint64_t *args, uint64_t *out,
	    struct thread *);
long	exo_enter(uint64_t handle, uint64_t a, uint64_t b, uint64_t c,
	    uint64_t d, uint64_t e);
void	lwc_nobody_at(void);

static long
error(long r)
{
	switch (r) {
	case -EXO_E_DENIED:
		return -EACCES;
	case -EXO_E_BUSY:
	case -EXO_E_LOOP:
		return -EBUSY;
	}
	return -EBADF;
}

/* ---- specs */

static bool
spec_good(struct lwc_spec *s)
{
	uint32_t type = s->flags & LWC_ALL;
	bool whole = s->first == ~0ul && s->last == ~0ul;

	if ((s->flags & ~(LWC_ALL | HOWS | LWC_MAY_OVERLAY)) != 0 ||
	    (s->flags & HOWS) == HOWS || (type & (type - 1)) != 0 ||
	    type == 0)
		return false;
	if (whole) {
		s->first = 0;
		s->last = type == LWC_MEMORY ? USER_TOP : CM_FDS - 1;
	}
	if (type == LWC_MEMORY)
		return s->first % EXO_PAGE == 0 && s->last % EXO_PAGE == 0 &&
		    s->first < s->last && s->last <= USER_TOP;
	return type == LWC_CREDENT || s->first <= s->last;
}

static long
specs_get(struct lwc_spec *to, uint64_t from, uint64_t n)
{
	long r;

	if (n > LWC_SPECS_MAX)
		return -EINVAL;
	r = user_read(to, from, n * sizeof(*to));
	for (uint64_t i = 0; i < n && r == 0; i++)
		r = spec_good(&to[i]) ? 0 : -EINVAL;
	return r;
}

/* What client the child has: the last spec about all descriptors says. */
static uint32_t
kind_of(const struct context_birth *b)
{
	uint32_t kind = b->flags & LWC_SYSTRAP ? CM_NONE : CM_COPY;

	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];

		if ((s->flags & LWC_FILES) == 0)
			continue;
		if (s->first > 0 || s->last < CM_FDS - 1)
			kind = CM_COPY;
		else
			kind = s->flags & LWC_SHARE ? CM_SHARE :
			    s->flags & LWC_UNMAP ? CM_NONE : CM_COPY;
	}
	return kind;
}

/* ---- creating */

static long
create(struct exo_regs *r)
{
	struct context_birth b = {
		.regs = r, .caller = r->rdx, .args = r->r10, .n = r->r8,
		.nspecs = (uint32_t)r->rsi, .flags = (uint32_t)r->r9,
	};
	long e;

	if (r->rsi > LWC_SPECS_MAX || r->r9 & ~(uint64_t)FLAGS)
		return -EINVAL;
	e = specs_get(b.specs, r->rdi, r->rsi);
	if (e < 0)
		return e;
	b.kind = kind_of(&b);
	__asm__("rdgsbase %0" : "=r"(b.gsbase));
	lock();
	e = context_make(&b);
	unlock();
	return e;
}

/* ---- going there */

/* Is there such a context, and is it this thread's? */
static long
target_check(uint64_t to)
{
	const struct context *c = context_at(to);

	if (c == NULL)
		return -EBADF;
	return c->thread == thread_index(me()) ? 0 : -EACCES;
}

/* Leave, and come back: out: who came, and five words. */
static long
cross(uint64_t to, const uint64_t *args, uint64_t *out)
{
	long r = target_check(to);

	if (r < 0)
		return r;
	r = lwc_cross(to, args, out, me());
	return r < 0 ? error(r) : LWC_SWITCHED;
}

static long
args_get(uint64_t *to, uint64_t from, uint64_t n)
{
	memset(to, 0, LWC_ARGS * sizeof(*to));
	return n > LWC_ARGS ? -EINVAL : user_read(to, from, n * sizeof(*to));
}

static long
args_put(const struct exo_regs *r, const uint64_t *out)
{
	uint32_t who = (uint32_t)out[0];
	int32_t n = 0;
	long e = r->r10 == 0 ? 0 : user_write(r->r10, &who, sizeof(who));

	if (e == 0 && r->r8 != 0 && r->r9 != 0)
		e = user_read(&n, r->r9, sizeof(n));
	n = n < 0 ? 0 : n < LWC_ARGS ? n : LWC_ARGS;
	if (e == 0 && n > 0)
		e = user_write(r->r8, out + 1, (uint64_t)n *
		    sizeof(out[0]));
	if (e == 0 && n > 0)
		e = user_write(r->r9, &n, sizeof(n));
	return e;
}

/* switch(to, args, n, &from, from_args, &n) */
static long
suspend_switch(struct exo_regs *r)
{
	uint64_t args[LWC_ARGS], out[LWC_ARGS + 1];
	long e = args_get(args, r->rsi, r->rdx);

	if (e < 0)
		return e;
	e = cross(r->rdi, args, out);
	if (e == LWC_SWITCHED && args_put(r, out) < 0)
		return -EFAULT;
	return e;
}

/* The same in registers: what lwc_leave could not do. */
static long
switch_registers(struct exo_regs *r)
{
	const uint64_t args[LWC_ARGS] = { r->rsi, r->rdx, r->r10, r->r8,
	    r->r9 };
	uint64_t out[LWC_ARGS + 1];
	long e = cross(r->rdi, args, out);

	if (e != LWC_SWITCHED)
		return e;
	r->rdi = out[0];
	r->rsi = out[1];
	r->rdx = out[2];
	r->r10 = out[3];
	r->r8 = out[4];
	r->r9 = out[5];
	r->rax = 0;
	me()->changed = 1;
	return 0;
}

static long
discard(const struct exo_regs *r)
{
	struct thread *t = me();
	struct stand was = t->stand;
	uint64_t args[LWC_ARGS];
	long e = args_get(args, r->rsi, r->rdx);

	if (e == 0)
		e = target_check(r->rdi);
	if (e == 0 && own_flags & LWC_SUSPEND_ONLY)
		e = -EACCES;
	if (e < 0)
		return e;
	t->stand = (struct stand){ .rip = (uint64_t)lwc_nobody_at,
	    .rsp = BLOCK_THREAD(thread_index(t)) - sizeof(*r) };
	e = exo_enter(r->rdi, args[0], args[1], args[2], args[3], args[4]);
	t->stand = was;
	return error(e);
}

static long
close_it(uint64_t fd)
{
	if (context_at(fd) == NULL)
		return -EBADF;
	lock();
	context_drop(fd);
	unlock();
	return 0;
}

long
context_call(struct exo_regs *r, uint64_t nr)
{
	switch (nr) {
	case LWC_NR_create:
		return create(r);
	case LWC_NR_switch:
		return suspend_switch(r);
	case LWC_NR_discard:
		return discard(r);
	case LWC_NR_close:
		return close_it(r->rdi);
	case LWC_NR_self:
		return EXO_INDEX(own.domain);
	case LWC_NR_registers:
		return switch_registers(r);
	}
	return -ENOSYS;
}

/* Service for other contexts of this process (lwc_ask).  from: their
 * descriptor. */
long	lwc_service(uint64_t from, uint64_t op, uint64_t a, uint64_t b,
	    uint64_t c, uint64_t *out);

long
lwc_service(uint64_t from, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t *out)
{
	(void)from;
	(void)op;
	(void)a;
	(void)b;
	(void)c;
	memset(out, 0, 6 * sizeof(*out));
	return -ENOSYS;
}
