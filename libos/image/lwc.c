/*
 * lwc.c - the calls of light-weight contexts (castor/lwc.h).
 */
#include <castor/string.h>

#include "area.h"
#include "context.h"
#include "file.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define FLAGS	(LWC_SUSPEND_ONLY | LWC_SYSTRAP | LWC_PREFAULT |	      \
		 LWC_SHARESIGNALS | LWC_MANY)
#define HOWS	(LWC_SHARE | LWC_UNMAP)
#define NR_exit_group	231u
#define STACK_MARGIN	64ul		/* what memset uses below rsp */

long	lwc_cross(uint64_t to, const uint64_t *args, uint64_t *out,
	    struct stand *);
void	lwc_nobody_at(void);
long	user_copy(void *to, const void *from, uint64_t n);
long	fp_save(void *to);
long	fp_load(const void *from);

/*
 * The program's registers that Castor does not use, while somebody else runs who
 * is neither to see them nor to leave others.  fp: room for FP state, on the
 * stack.
 */
#define FP_ALIGN	64u
#define FP_HEADER	512u
#define FP_ROOM		__builtin_alloca_with_align(EXO_MACHINE->xsave_size,   \
			    FP_ALIGN * 8)

static void
fp_keep(uint8_t *fp)
{
	memset(fp + FP_HEADER, 0, FP_ALIGN);
	if (fp_save(fp) < 0)
		image_die("FP state can't be saved");
	fp_reset();
}

static void
fp_back(const uint8_t *fp)
{
	if (fp_load(fp) < 0)
		image_die("FP state can't be loaded");
}

struct bases {
	uint64_t fs, gs;
};

static struct bases
bases_swap(struct bases to)
{
	struct bases was;

	__asm__ volatile("rdfsbase %0; rdgsbase %1; wrfsbase %2; wrgsbase %3" :
	    "=&r"(was.fs), "=&r"(was.gs) : "r"(to.fs), "r"(to.gs));
	return was;
}

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
	if (whole || type == LWC_CREDENT) {
		s->first = 0;
		s->last = type == LWC_MEMORY ? USER_TOP :
		    type == LWC_FILES ? CM_FDS - 1 : ~0ul;
	}
	if (type == LWC_MEMORY)
		return s->first % EXO_PAGE == 0 && s->last % EXO_PAGE == 0 &&
		    s->first < s->last && s->last <= USER_TOP;
	return s->first <= s->last;
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

/*
 * What client the child has: the last spec about all descriptors says, and the
 * last about credentials.  The same table with other credentials is none: then
 * it is a copy.
 */
static uint32_t
kind_of(const struct context_birth *b)
{
	bool trap = (b->flags & LWC_SYSTRAP) != 0, said = false;
	uint32_t kind = trap ? CM_NONE : CM_COPY;
	uint32_t how = trap ? CM_CREDS_NONE : CM_CREDS_COPY;

	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];
		bool share = (s->flags & LWC_SHARE) != 0;
		bool none = (s->flags & LWC_UNMAP) != 0;

		if (s->flags & LWC_CREDENT) {
			how = share ? CM_CREDS_SHARE : none ? CM_CREDS_NONE :
			    CM_CREDS_COPY;
			said = true;
		} else if ((s->flags & LWC_FILES) == 0)
			continue;
		else if (s->first > 0 || s->last < CM_FDS - 1)
			kind = CM_COPY;
		else
			kind = share ? CM_SHARE : none ? CM_NONE : CM_COPY;
	}
	if (kind == CM_SHARE && (trap || said) && how != CM_CREDS_SHARE)
		kind = CM_COPY;
	if (kind != CM_SHARE)
		kind |= how << 8;
	return kind | (b->flags & LWC_SHARESIGNALS ? CM_SIGNALS : 0);
}

/* Memory that both are to have: pages of a file without a name, from now on. */
static long
range_share(uint64_t low, uint64_t high)
{
	uint64_t n = high - low, at = area_room(n);
	const struct area *old = area_at(low);
	struct area a = { .prot = PROT_READ | PROT_WRITE,
		.flags = AREA_SHARED }, tmp;
	uint32_t prot;
	long r;

	if (old == NULL || old->high < high || old->flags & AREA_PARKED)
		return -EINVAL;
	if (old->flags & AREA_SHARED)
		return 0;
	prot = old->prot;
	r = at == 0 ? -ENOMEM : file_map_shared(&a, n);
	if (r < 0)
		return r;
	tmp = a;
	tmp.low = at;
	tmp.high = at + n;
	tmp.limit += at;
	r = memory_map(&tmp);
	for (uint64_t i = 0; i < n && r == 0; i += EXO_PAGE) {
		if (pt_next(low + i, low + i + EXO_PAGE) == low + i)
			r = user_copy((void *)(at + i),
			    (const void *)(low + i), EXO_PAGE);
	}
	a.low = low;
	a.high = high;
	a.limit += low;
	a.prot = prot;
	if (r == 0)
		r = memory_map(&a);
	(void)memory_unmap(at, at + n);
	return r;
}

static long
ranges_share(const struct context_birth *b)
{
	long r = 0;

	for (uint32_t i = 0; i < b->nspecs && r == 0; i++) {
		const struct lwc_spec *s = &b->specs[i];
		uint64_t va = s->first;

		if ((s->flags & LWC_MEMORY) == 0 ||
		    (s->flags & LWC_SHARE) == 0)
			continue;
		while (va < s->last && r == 0) {
			const struct area *a = area_from(va);
			uint64_t low, high;

			if (a == NULL || a->low >= s->last)
				break;
			low = a->low > va ? a->low : va;
			high = a->high < s->last ? a->high : s->last;
			r = range_share(low, high);
			va = high;
		}
	}
	return r;
}

/* ---- creating */

static __attribute__((noinline)) long
create_here(struct exo_regs *r)
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
	lock();
	frames_sweep_sometimes();
	e = ranges_share(&b);
	if (e == 0)
		e = context_make(&b);
	if (e >= 0 && context_hold() < 0) {
		context_drop((uint64_t)e);
		e = -ENOMEM;
	}
	unlock();
	return e;
}

/* What was on Castor's stack before is not for a child, which has the page of it
 * where its birth is, and all above. */
static __attribute__((noinline)) void
stack_clear(void)
{
	uint64_t rsp, low;

	__asm__ volatile("mov %%rsp, %0" : "=r"(rsp));
	low = PAGE_DOWN(rsp - 2 * sizeof(struct context_birth));
	memset((void *)low, 0, rsp - STACK_MARGIN - low);
}

static long
create(struct exo_regs *r)
{
	stack_clear();
	return create_here(r);
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
	r = lwc_cross(to, args, out, &me()->stand);
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
	if (e != LWC_SWITCHED)
		return e;
	e = lwc_came(out[1], out + 1);
	return args_put(r, out) < 0 ? -EFAULT : e;
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
	struct stand was = t->stand, none;
	uint64_t args[LWC_ARGS], out[LWC_ARGS + 1];
	long e = args_get(args, r->rsi, r->rdx);
	uint8_t *fp;
	bool held;

	if (e == 0)
		e = target_check(r->rdi);
	if (e == 0 && own_flags & LWC_SUSPEND_ONLY)
		e = -EACCES;
	if (e < 0)
		return e;
	t->stand = (struct stand){ .rip = (uint64_t)lwc_nobody_at,
	    .rsp = BLOCK_THREAD(thread_index(t)) - sizeof(*r) };
	held = threads_count() == 1 && context_let();
	fp = FP_ROOM;
	fp_keep(fp);
	e = lwc_cross(r->rdi, args, out, &none);
	fp_back(fp);
	t->stand = was;
	if (held && context_hold() < 0)
		image_die("a context does not hold itself");
	return error(e);
}

static long
close_it(uint64_t fd)
{
	long r = -EBADF;

	lock();
	if (context_at(fd) != NULL) {
		context_drop(fd);
		r = 0;
	}
	unlock();
	return r;
}

/* ---- asking others, and being asked */

enum ask { ASK_READ, ASK_WRITE, ASK_AREA, ASK_FILES, ASK_CREDENT,
	ASK_RESTRICT, ASK_WORDS, ASK_SYSCALL, ASK_TRAP, ASK_LEND };

#define ASK_WORDS_MAX	3u		/* that go along with a question */
#define ANSWER		7u		/* and come back; the last: what it says */
#define ANSWER_DATA	(8 * (ANSWER - 1ul))

long	lwc_ask(uint64_t handle, uint64_t op, uint64_t a, uint64_t b,
	    uint64_t c, uint64_t out[ANSWER]);
long	lwc_service(uint64_t from, uint64_t op, uint64_t a, uint64_t b,
	    uint64_t c, uint64_t *out);

static uint64_t words[ASK_WORDS_MAX];	/* that a question brought before */

static bool
may(const struct context *c, uint32_t type, uint64_t first, uint64_t last)
{
	for (uint32_t i = 0; i < CONTEXT_MAY; i++) {
		if (c->may[i].flags == type && first >= c->may[i].first &&
		    last <= c->may[i].last)
			return true;
	}
	return false;
}

/* What the owner says; -EBADF or the like if it can't be asked. */
static long
ask_it(uint64_t fd, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t out[ANSWER])
{
	long r = target_check(fd);
	struct bases was;
	uint8_t *fp;

	if (r == 0) {
		fp = FP_ROOM;
		fp_keep(fp);
		was = bases_swap((struct bases){ 0, 0 });
		r = lwc_ask(fd, op, a, b, c, out);
		(void)bases_swap(was);
		fp_back(fp);
	}
	return r < 0 ? (r > -EXO_E_MAX ? error(r) : r) :
	    (long)out[ANSWER - 1];
}

/* Words beside the three that a question has. */
static long
words_send(uint64_t fd, const uint64_t *w)
{
	uint64_t out[ANSWER];

	return ask_it(fd, ASK_WORDS, w[0], w[1], w[2], out);
}

long
remote_read(uint64_t fd, void *to, uint64_t from, uint64_t n)
{
	uint64_t out[ANSWER];
	uint8_t *p = to;

	while (n > 0) {
		long r = ask_it(fd, ASK_READ, from, n, 0, out);

		if (r <= 0 || (uint64_t)r > n || (uint64_t)r > ANSWER_DATA)
			return r < 0 ? r : -EFAULT;
		memcpy(p, out, (uint64_t)r);
		p += r;
		from += (uint64_t)r;
		n -= (uint64_t)r;
	}
	return 0;
}

long
remote_write(uint64_t fd, uint64_t to, const void *from, uint64_t n)
{
	const uint8_t *p = from;
	uint64_t out[ANSWER];

	while (n > 0) {
		uint64_t now = n < 8 ? n : 8, w = 0;
		long r;

		memcpy(&w, p, now);
		r = ask_it(fd, ASK_WRITE, to, now, w, out);
		if (r < 0)
			return r;
		p += now;
		to += now;
		n -= now;
	}
	return 0;
}

/* ---- overlay */

/* One area of another's, or what of it is in [low, high): the same here. */
static long
area_overlay(uint64_t fd, uint64_t low, uint64_t high, uint64_t prot)
{
	struct area a = { .low = low, .high = high,
		.prot = PROT_READ | PROT_WRITE };
	uint64_t out[ANSWER], page[EXO_PAGE / 8];
	long r = memory_map(&a);

	for (uint64_t va = low; va < high && r == 0; va += EXO_PAGE) {
		r = ask_it(fd, ASK_AREA, va, high, 1, out);
		if (r < 0 || out[0] >= high)
			break;
		if (out[0] < va || out[0] % EXO_PAGE != 0)
			return -EINVAL;
		va = out[0];
		r = remote_read(fd, page, va, EXO_PAGE);
		if (r == 0)
			r = user_copy((void *)va, page, EXO_PAGE);
	}
	if (r == 0 && prot != a.prot) {
		r = area_protect(low, high, (uint32_t)prot);
		if (r == 0)
			r = pt_narrow(low, high, (uint32_t)prot);
	}
	return r;
}

static long
memory_overlay(uint64_t fd, const struct lwc_spec *s)
{
	uint64_t out[ANSWER], va = s->first;
	long r = 0;

	while (va < s->last && r == 0) {
		r = ask_it(fd, ASK_AREA, va, s->last, 0, out);
		if (r < 0 || out[0] >= s->last)
			break;
		if (out[0] < va || out[0] >= out[1] || out[1] > s->last ||
		    out[0] % EXO_PAGE != 0 || out[1] % EXO_PAGE != 0)
			return -EINVAL;
		va = out[1];
		r = area_overlay(fd, out[0], va, out[2] & 7);
	}
	return r;
}

/* My client, which takes what that context gives to it. */
static long
client_for(uint64_t fd)
{
	const struct context *c = context_at(fd);

	return c == NULL ? -EBADF : commons(CM_CONTEXT_AT, own.domain,
	    c->domain, 0, 0);
}

/* Descriptors or credentials: the owner gives them to my client. */
static long
client_overlay(uint64_t fd, const struct lwc_spec *s)
{
	uint64_t out[ANSWER];
	long client = client_for(fd);

	if (client < 0)
		return client;
	if (s->flags & LWC_CREDENT)
		return ask_it(fd, ASK_CREDENT, (uint64_t)client, 0, 0, out);
	return ask_it(fd, ASK_FILES, (uint64_t)client, s->first, s->last, out);
}

/* LWC_UNMAP: of what is here. */
static long
take_out(const struct lwc_spec *s)
{
	if (s->flags & LWC_MEMORY)
		return memory_unmap(s->first, s->last);
	if (s->flags & LWC_FILES)
		return commons(CM_CLOSE_RANGE, s->first,
		    s->last < CM_FDS ? s->last : CM_FDS - 1, 0, 0);
	return -EINVAL;
}

static long
overlay(uint64_t fd, uint64_t from, uint64_t n)
{
	struct lwc_spec specs[LWC_SPECS_MAX];
	long r;

	lock();
	r = target_check(fd);
	if (r == 0)
		r = specs_get(specs, from, n);
	for (uint64_t i = 0; i < n && r == 0; i++) {
		if (specs[i].flags & LWC_UNMAP)
			r = take_out(&specs[i]);
		else if (specs[i].flags & LWC_MEMORY)
			r = memory_overlay(fd, &specs[i]);
		else
			r = client_overlay(fd, &specs[i]);
	}
	unlock();
	return r;
}

/* The owner forgets that I may; and so do I that it is mine. */
static long
restrict_it(uint64_t fd, uint64_t from, uint64_t n)
{
	struct lwc_spec specs[LWC_SPECS_MAX];
	uint64_t out[ANSWER];
	long r = target_check(fd);

	if (r == 0)
		r = specs_get(specs, from, n);
	for (uint64_t i = 0; i < n && r == 0; i++)
		r = ask_it(fd, ASK_RESTRICT, specs[i].flags & LWC_ALL,
		    specs[i].first, specs[i].last, out);
	if (r == 0) {
		lock();
		if (context_at(fd) != NULL)
			context_disown(fd);
		unlock();
	}
	return r;
}

/* ---- system calls for others */

static long
syscall_there(uint64_t fd, uint64_t nr, const uint64_t *args)
{
	uint64_t out[ANSWER];
	long r = words_send(fd, args);

	return r < 0 ? r : ask_it(fd, ASK_SYSCALL | nr << 8, args[3], args[4],
	    args[5], out);
}

/* Its descriptors and credentials are lent to my client, for one call. */
static long
borrow(uint64_t fd, uint64_t mask)
{
	uint64_t out[ANSWER];
	long client, r;

	if ((mask & (LWC_FILES | LWC_CREDENT)) == 0)
		return 0;
	client = client_for(fd);
	if (client < 0)
		return client;
	r = ask_it(fd, ASK_LEND, (uint64_t)client, mask, 0, out);
	me()->borrows = r == 0;
	return r;
}

static long
syscall_here(uint64_t fd, uint64_t mask, uint64_t nr, const uint64_t *args)
{
	struct thread *t = me();
	long r = borrow(fd, mask);

	if (r < 0)
		return r;
	__atomic_add_fetch(&remotes, 1, __ATOMIC_RELAXED);
	t->remote = mask & LWC_MEMORY ? fd : 0;
	r = call_for(nr, args);
	t->remote = 0;
	__atomic_sub_fetch(&remotes, 1, __ATOMIC_RELAXED);
	if (t->borrows) {
		t->borrows = false;
		(void)commons(CM_CONTEXT_LEND, ~0ul, 0, 0, 0);
	}
	return r;
}

static long
syscall_for(uint64_t fd, uint64_t mask, uint64_t nr, uint64_t from)
{
	uint64_t args[6];
	long r = target_check(fd);

	if (r == 0 && mask > LWC_ALL)
		r = -EINVAL;
	if (r == 0)
		r = user_read(args, from, sizeof(args));
	if (r < 0)
		return r;
	if (mask == LWC_ALL)
		return syscall_there(fd, nr, args);
	if (mask == 0)
		return call_for(nr, args);
	return call_is_whole(nr) ? -ENOSYS : syscall_here(fd, mask, nr, args);
}

/* ---- being asked */

static long
serve_read(const struct context *c, uint64_t va, uint64_t n, uint64_t *out)
{
	n = n < ANSWER_DATA ? n : ANSWER_DATA;
	if (n > EXO_PAGE - va % EXO_PAGE)
		n = EXO_PAGE - va % EXO_PAGE;
	if (!may(c, LWC_MEMORY, va, va + n))
		return -EACCES;
	return user_read(out, va, n) < 0 ? -EFAULT : (long)n;
}

static long
serve_write(const struct context *c, uint64_t va, uint64_t n, uint64_t word)
{
	if (n > sizeof(word) || !may(c, LWC_MEMORY, va, va + n))
		return -EACCES;
	return user_write(va, &word, n);
}

/* The first area from va on, below high; or (pages) the first page. */
static long
serve_area(const struct context *c, uint64_t va, uint64_t high, bool pages,
    uint64_t *out)
{
	const struct area *a;

	if (va >= high || !may(c, LWC_MEMORY, va, high))
		return -EACCES;
	if (pages) {
		out[0] = pt_next(va, high);
		return 0;
	}
	a = area_from(va);
	out[0] = a == NULL || a->low >= high ? high : a->low > va ? a->low :
	    va;
	out[1] = a == NULL || a->high > high ? high : a->high;
	out[2] = a == NULL ? 0 : a->prot;
	return 0;
}

/* What is left of one right: in the middle of it, two parts, if there is room
 * for the second. */
static void
spec_cut(struct context *c, struct lwc_spec *s, uint64_t first, uint64_t last)
{
	uint64_t edge = s->flags & LWC_MEMORY ? 0 : 1, i = 0;

	if (first > s->last || last < s->first)
		return;
	if (first <= s->first && last >= s->last) {
		s->flags = 0;
	} else if (first <= s->first) {
		s->first = last + edge;
	} else {
		while (i < CONTEXT_MAY && c->may[i].flags != 0)
			i++;
		if (last < s->last && i < CONTEXT_MAY)
			c->may[i] = (struct lwc_spec){ last + edge, s->last,
			    s->flags, 0 };
		s->last = first - edge;
	}
}

void
context_restrict(struct context *c, uint32_t type, uint64_t first,
    uint64_t last)
{
	for (uint32_t i = 0; i < CONTEXT_MAY; i++) {
		if (c->may[i].flags == type)
			spec_cut(c, &c->may[i], first, last);
	}
}

/* As if the program had made it where it stands; FS is its own, and may be what
 * the call is about. */
static long
serve_syscall(const struct context *c, uint64_t nr, const uint64_t *args)
{
	struct thread *t = me();
	struct exo_regs *regs = t->regs, none = { .rsp = 0 };
	uint32_t changed = t->changed;
	uint64_t fs;
	long r;

	if (!may(c, LWC_MEMORY, 0, USER_TOP) ||
	    !may(c, LWC_FILES, 0, CM_FDS - 1) || !may(c, LWC_CREDENT, 0, 0))
		return -EACCES;
	t->regs = &none;
	__asm__ volatile("rdfsbase %0; wrfsbase %1" : "=&r"(fs) :
	    "r"(t->stand.fsbase));
	r = call_for(nr, args);
	__asm__ volatile("rdfsbase %0; wrfsbase %1" : "=&r"(t->stand.fsbase) :
	    "r"(fs));
	t->regs = regs;
	t->changed = changed;
	return r;
}

/* My descriptors, my credentials, to a client that said it takes them. */
static long
serve_lend(const struct context *c, uint64_t client, uint64_t mask)
{
	bool files = (mask & LWC_FILES) != 0, creds = (mask & LWC_CREDENT) != 0;

	if ((files && !may(c, LWC_FILES, 0, CM_FDS - 1)) ||
	    (creds && !may(c, LWC_CREDENT, 0, 0)))
		return -EACCES;
	return commons(CM_CONTEXT_LEND, client, (files ? CM_LEND_FILES : 0) |
	    (creds ? CM_LEND_CREDS : 0), 0, 0);
}

/* For who answers my calls, and nobody else. */
static long
serve_trap(const struct context *c, uint64_t *out)
{
	const struct exo_regs *r = me()->regs;
	const uint64_t a[6] = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 };

	if ((own_flags & LWC_SYSTRAP) == 0 ||
	    c != context_at(CONTEXT_CREATOR))
		return -EACCES;
	memcpy(out, a, sizeof(a));
	return 0;
}

static long
serve(struct context *c, uint64_t op, uint64_t a, uint64_t b, uint64_t d,
    uint64_t *out)
{
	uint64_t args[6];

	switch (op & 0xff) {
	case ASK_READ:
		return serve_read(c, a, b, out);
	case ASK_WRITE:
		return serve_write(c, a, b, d);
	case ASK_AREA:
		return serve_area(c, a, b, d != 0, out);
	case ASK_FILES:
		return may(c, LWC_FILES, b, d) ?
		    commons(CM_CONTEXT_GIVE, a, b, d, 0) : -EACCES;
	case ASK_CREDENT:
		return may(c, LWC_CREDENT, 0, 0) ?
		    commons(CM_CONTEXT_GIVE, a, ~0ul, 0, 0) : -EACCES;
	case ASK_RESTRICT:
		context_restrict(c, (uint32_t)a, b, d);
		return 0;
	case ASK_TRAP:
		return serve_trap(c, out);
	case ASK_LEND:
		return serve_lend(c, a, b);
	case ASK_WORDS:
		words[0] = a;
		words[1] = b;
		words[2] = d;
		return 0;
	case ASK_SYSCALL:
		memcpy(args, words, sizeof(words));
		args[3] = a;
		args[4] = b;
		args[5] = d;
		return serve_syscall(c, op >> 8, args);
	}
	return -ENOSYS;
}

/* From entry.asm, called by another context; from: its descriptor, unless that
 * was closed while this thread was there, and is another thread's now. */
long
lwc_service(uint64_t from, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t *out)
{
	struct context *who;

	context_born();
	who = target_check(from) < 0 ? NULL : context_at(from);
	memset(out, 0, (ANSWER - 1) * sizeof(*out));
	return who == NULL ? -EBADF : serve(who, op, a, b, c, out);
}

/* ---- calls that trap */

/* To my creator, as a switch that says so; what it comes back with is the
 * result. */
long
context_trap(struct exo_regs *r)
{
	const uint64_t args[LWC_ARGS] = { LWC_TRAP_MARK << 32 | (r->rax &
	    0xffffffff), r->rdi, r->rsi, r->rdx, r->r10 };
	uint64_t out[LWC_ARGS + 1];
	uint8_t *fp = FP_ROOM;
	long e;

	fp_keep(fp);
	e = cross(CONTEXT_CREATOR, args, out);
	fp_back(fp);
	return e == LWC_SWITCHED ? (long)out[1] : -ENOSYS;
}

/* Whatever is answered. */
_Noreturn void
context_end(uint32_t status)
{
	uint32_t sig = status & 0x7f;
	struct exo_regs r = { .rax = NR_exit_group,
		.rdi = sig != 0 ? 128 + sig : status >> 8 };

	for (;;) {
		me()->regs = &r;
		(void)context_trap(&r);
	}
}

/* All six of the last one. */
static long
trapped_args(uint64_t fd, uint64_t to)
{
	uint64_t out[ANSWER];
	long r = target_check(fd);

	if (r == 0)
		r = ask_it(fd, ASK_TRAP, 0, 0, 0, out);
	return r < 0 ? r : user_write(to, out, 6 * sizeof(out[0]));
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
	case LWC_NR_overlay:
		return overlay(r->rdi, r->rsi, r->rdx);
	case LWC_NR_restrict:
		return restrict_it(r->rdi, r->rsi, r->rdx);
	case LWC_NR_syscall:
		return syscall_for(r->rdi, r->rsi, r->rdx, r->r10);
	case LWC_NR_trapped:
		return trapped_args(r->rdi, r->rsi);
	case LWC_NR_close:
		return close_it(r->rdi);
	case LWC_NR_self:
		return EXO_INDEX(own.domain);
	case LWC_NR_registers:
		return switch_registers(r);
	}
	return -ENOSYS;
}

