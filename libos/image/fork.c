/*
 * fork.c - another process like this one.
 *
 * The commons makes an account and a name (FORK_BEGIN), this process builds
 * the child of frames charged there, and hands it over (FORK_END).  What the
 * child's root has in slots 0-252 are copies of this one's links, so that all
 * below is shared and frozen whatever its size (cow.c).  Slot 254 is made
 * anew: the hot data, and Castor's stack from the frame of process_fork() up,
 * which has in struct birth what the child needs to come back from there.
 *
 * The child gets the first of the time: most end or run another program soon,
 * and then the parent finds its tables as they were.
 */
#include <castor/string.h>

#include "area.h"
#include "context.h"
#include "file.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define SLOT_NAME	20u		/* mine, of the child's: all rights */
#define SLOT_WINDOW	21u
#define FRAMES		160u		/* its limit to begin with */
#define TRIES		64u
#define CLEAR_TRIES	32u
#define SWEEP_STEP	256u		/* frames more, and leftovers are looked for */

enum { NAME_DOMAIN = 'd', NAME_ENV = 'e', NAME_MEMORY = 'm' };
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

struct child {
	struct birth *birth;
	uint32_t number;		/* its slot table is bound here as that */
	exo_slot memory;		/* a slot with its memory's name */
	exo_id domain, env;
	uint32_t thread;		/* the only one: seat, handle, block */
	exo_ppn slots, root, last, upcall;
};

long	fp_save(void *to);
long	fp_load(const void *from);
_Noreturn void fork_born(struct birth *);

/* ---- frames */

static long
child_frame(const struct child *c, exo_slot guard, uint32_t kind)
{
	long r = -EXO_E_BUSY;

	for (uint32_t i = 0; i < TRIES && r == -EXO_E_BUSY; i++) {
		exo_ppn ppn = frame_free(true);

		if (ppn == 0)
			return -ENOMEM;
		r = exo_page_alloc(c->birth->f.acct, SLOT_NAME, guard, kind,
		    ppn, 1);
		if (r == 1)
			return ppn;
	}
	return -ENOMEM;
}

/* A page of slot 254 in the child, like the one here. */
static long
page_give(const struct child *c, uint64_t va)
{
	long r = -EXO_E_BUSY;
	exo_ppn ppn = 0;

	for (uint32_t i = 0; i < TRIES && r == -EXO_E_BUSY; i++) {
		ppn = frame_free(false);
		if (ppn == 0)
			return -ENOMEM;
		r = exo_page_copy(c->birth->f.acct, SLOT_NAME, c->memory, ppn,
		    va);
	}
	if (r == 0)
		r = exo_pt_set(0, c->last, EXO_PT_INDEX(va, 1),
		    EXO_PTE(ppn, EXO_PTE_W | EXO_PTE_NX), c->memory);
	return r < 0 ? -ENOMEM : 0;
}

static long
page_enter(const struct child *c, uint64_t va, exo_ppn ppn, uint64_t bits,
    exo_slot slot)
{
	return exo_pt_set(0, c->last, EXO_PT_INDEX(va, 1),
	    EXO_PTE(ppn, bits | EXO_PTE_NX), slot) < 0 ? -ENOMEM : 0;
}

/* ---- its slots */

/* Those it shares with its parent, and their rights here. */
static long
slots_pass(exo_slot base)
{
	const struct {
		exo_slot slot;
		uint32_t rights;
	} pass[] = {
		{ share.text_slot, EXO_R_READ | EXO_R_EXEC | EXO_R_GIVE },
		{ share.session_slot, EXO_R_RUN | EXO_R_VIEW },
	};
	long r = 0;

	for (uint32_t i = 0; i < 2 && r == 0; i++)
		r = exo_cap_derive(pass[i].slot, base + pass[i].slot,
		    pass[i].rights, EXO_COMP_SAME);
	return r;
}

/* Where a process that is made has its window's. */
static exo_slot
window_slot(void)
{
	return share.session_slot - 1;
}

static long
slots_fill(const struct child *c)
{
	exo_slot base = EXO_SLOT(c->number, 0);
	long r = exo_cap_derive(SLOT_NAME, base + own.domain_slot, EXO_R_ALL,
	    NAME_DOMAIN);

	if (r == 0)
		r = exo_cap_derive(SLOT_NAME, base + own.env_slot, EXO_R_ALL,
		    NAME_ENV);
	if (r == 0)
		r = exo_cap_derive(SLOT_NAME, base + own.memory_slot,
		    EXO_R_ALL, NAME_MEMORY);
	if (r == 0)
		r = exo_cap_derive(SLOT_NAME, base + own.acct_slot,
		    EXO_R_CHARGE | EXO_R_GIVE, EXO_COMP_SAME);
	if (r == 0)
		r = exo_cap_derive(SLOT_WINDOW, base + window_slot(),
		    EXO_R_READ | EXO_R_WRITE, EXO_COMP_SAME);
	return r == 0 ? slots_pass(base) : r;
}

/* A table of slots, bound here as long as it is being filled. */
static long
slots_make(struct child *c)
{
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(own.domain)];
	long ppn = child_frame(c, SLOT_NAME, EXO_PG_SLOTS);
	uint32_t i = 1;

	if (ppn < 0)
		return ppn;
	while (i < EXO_SLOT_TABLES && d->slot_tables[i] != 0)
		i++;
	if (exo_slots_bind(own.domain, own.domain_slot, i, (exo_ppn)ppn) < 0)
		return -EAGAIN;
	c->slots = (exo_ppn)ppn;
	c->number = i;
	c->memory = EXO_SLOT(i, own.memory_slot);
	return slots_fill(c) < 0 ? -EAGAIN : 0;
}

static void
slots_unbind(struct child *c)
{
	if (c->number != 0 && exo_slots_bind(own.domain, own.domain_slot,
	    c->number, 0) < 0)
		image_die("a child's slots stay");
	c->number = 0;
}

/* ---- its memory */

/* Tables for slot 254 under its root. */
static long
tables_make(struct child *c)
{
	long root = child_frame(c, c->memory, EXO_PG_PT4), companion;
	exo_ppn above = (exo_ppn)root;

	for (uint32_t level = 3; root >= 0 && level >= 1; level--) {
		long ppn = child_frame(c, c->memory, EXO_PG_PT1 + level - 1);

		if (ppn < 0 || exo_pt_set(0, above, EXO_PT_INDEX(OWN,
		    level + 1), EXO_PTE(ppn, EXO_PTE_W), c->memory) < 0)
			return -ENOMEM;
		above = (exo_ppn)ppn;
	}
	companion = root < 0 ? root : child_frame(c, c->memory, EXO_PG_RMAP);
	if (companion < 0 ||
	    exo_pt_companion(above, (exo_ppn)companion) < 0)
		return -ENOMEM;
	c->root = (exo_ppn)root;
	c->last = above;
	return 0;
}

static long
own_make(struct child *c)
{
	uint64_t block = my_block(), va;
	long r = tables_make(c), upcall;

	for (va = OWN_HOT; va < OWN_HOT + OWN_HOT_PAGES * EXO_PAGE && r == 0;
	    va += EXO_PAGE) {
		if (pt_get(va) != 0)
			r = page_give(c, va);
	}
	if (r < 0)
		return r;
	upcall = child_frame(c, c->memory, EXO_PG_DATA | EXO_KIND_LIVE);
	if (upcall < 0)
		return upcall;
	c->upcall = (exo_ppn)upcall;
	r = page_enter(c, block + BLOCK_UPCALL, c->upcall, EXO_PTE_W,
	    c->memory);
	if (r == 0)
		r = page_enter(c, block + BLOCK_WINDOW, c->birth->f.window,
		    EXO_PTE_W, SLOT_WINDOW);
	if (r == 0)
		r = page_enter(c, OWN_VIEWS + VIEW_ROOT * EXO_PAGE, c->root, 0,
		    c->memory);
	if (r == 0)
		r = page_enter(c, OWN_VIEWS + VIEW_OWN * EXO_PAGE, c->last, 0,
		    c->memory);
	return r;
}

/* Castor's stack from struct birth up. */
static long
stack_give(const struct child *c)
{
	uint64_t top = my_block() + BLOCK_UPCALL;
	long r = 0;

	for (uint64_t va = PAGE_DOWN((uint64_t)c->birth); va < top && r == 0;
	    va += EXO_PAGE)
		r = page_give(c, va);
	return r;
}

/* All that is linked in slots 0-252, and Castor's text. */
static long
memory_share(const struct child *c)
{
	const uint64_t *root = pt_root();
	uint32_t i = 0, n;

	for (; (i = pt_present(root, i, HEAP_SLOT + 1)) <= HEAP_SLOT; i += n) {
		n = 1;
		while (i + n <= HEAP_SLOT && root[i + n] != 0)
			n++;
		if (exo_pt_copy(c->root, i, SLOT_VA((uint64_t)i), n) != (long)n)
			return -ENOMEM;
	}
	return exo_pt_set(0, c->root, TEXT_SLOT, EXO_PTE(share.text, 0),
	    share.text_slot) < 0 ? -ENOMEM : 0;
}

/* ---- its objects */

static long
objects_make(struct child *c)
{
	exo_slot base = EXO_SLOT(c->number, 0);
	exo_id acct = c->birth->f.acct;
	long frame = child_frame(c, SLOT_NAME, EXO_PG_DOMAIN), r;

	if (frame < 0)
		return frame;
	r = exo_domain_create(acct, SLOT_NAME, base + own.domain_slot,
	    EXO_NONE, (exo_ppn)frame, c->root);
	if (r < 0)
		return -EAGAIN;
	c->domain = (exo_id)r;
	frame = child_frame(c, SLOT_NAME, EXO_PG_ENV);
	if (frame < 0)
		return frame;
	r = exo_env_create(acct, SLOT_NAME, base + own.env_slot, EXO_NONE,
	    (exo_ppn)frame);
	if (r < 0)
		return -EAGAIN;
	c->env = (exo_id)r;
	return 0;
}

static long
slice_give(const struct child *c)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account == EXO_NONE &&
		    exo_slice_alloc(c->birth->f.acct, SLOT_NAME, SLOT_NAME,
		    i) == 0)
			return exo_slice_set(SLOT_NAME, i, c->env,
			    SLOT_NAME) < 0 ? -EAGAIN : 0;
	}
	return -EAGAIN;
}

static long
seat_make(const struct child *c)
{
	struct exo_seat_args a = {
		.env = c->env,
		.entry = (uint64_t)_start,
		.stack = BLOCK_THREAD(c->thread),
		.upcall = (uint64_t)_start + EXO_START_UPCALL_AT,
		.upcall_va = my_block() + BLOCK_UPCALL,
		.upcall_ppn = c->upcall,
		.upcall_slot = c->memory,
	};

	while (EXO_DOMAINS[EXO_INDEX(c->domain)].nseats <= c->thread) {
		long ppn = child_frame(c, SLOT_NAME, EXO_PG_SEATS);

		if (ppn < 0 || exo_domain_seats(c->domain, SLOT_NAME,
		    (exo_ppn)ppn) < 0)
			return -ENOMEM;
	}
	if (exo_seat_bind(c->domain, SLOT_NAME, c->thread, (uint64_t)&a) < 0 ||
	    exo_slots_bind(c->domain, SLOT_NAME, 0, c->slots) < 0 ||
	    exo_handle_open(c->domain, SLOT_NAME, c->thread,
	    share.commons) < 0)
		return -EAGAIN;
	return slice_give(c);
}

/* Once it has a domain, only that edits its tables. */
static long
child_build(struct child *c)
{
	long r = slots_make(c);

	if (r == 0)
		r = own_make(c);
	if (r == 0)
		r = stack_give(c);
	if (r == 0)
		r = memory_share(c);
	if (r == 0)
		r = objects_make(c);
	if (r == 0)
		r = seat_make(c);
	slots_unbind(c);
	return r == 0 ? commons(CM_FORK_END, c->birth->f.pid, c->domain,
	    c->env, c->thread) : r;
}

/* ---- the child's first steps */

/* Who it is, it finds on its upcall frame, and in the published rows. */
static void
own_find(const struct birth *b)
{
	const struct exo_upcall *up =
	    (const struct exo_upcall *)(my_block() + BLOCK_UPCALL);
	const uint64_t *self = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	uint32_t home = EXO_ENVS[EXO_INDEX(up->env)].home;

	own.acct = b->f.acct;
	own.env = up->env;
	own.domain = EXO_ID(EXO_DOMAINS[home].gen, home);
	own_table = EXO_PTE_PPN(self[EXO_PT_INDEX((uint64_t)self, 1)]);
	pid = b->f.pid;
}

_Noreturn void
fork_born(struct birth *b)
{
	struct thread *t = me();

	own_find(b);
	frames_forget();
	file_forget();
	threads_forget();
	contexts_forget();
	rows_set();
	t->tid = pid;
	t->env = own.env;
	t->handle = thread_index(t);
	t->window = b->f.window;
	t->window_slot = window_slot();
	t->slice = EXO_NONE;
	t->env_frame = 0;
	t->futex = 0;
	t->clear_tid = b->flags & CLONE_CHILD_CLEARTID ? b->child_tid : 0;
	signal_forked();
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

/* What earlier forks left over, now and then. */
static void
leftovers_free(void)
{
	static uint32_t mark = SWEEP_STEP;
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(own.acct)];

	if (a->used[EXO_RES_FRAMES] < mark)
		return;
	(void)frames_sweep();
	mark = a->used[EXO_RES_FRAMES] + a->used[EXO_RES_FRAMES] / 16 +
	    SWEEP_STEP;
}

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
child_make(struct child *c)
{
	struct cm_fork *f = &c->birth->f;
	long pid, r;

	pid = begin(c->birth->flags & 0xff);
	r = pid < 0 ? pid : 0;
	if (r == 0) {
		memcpy(f, my_window()->data, sizeof(*f));
		r = child_build(c);
		if (r == 0 && exo_env_start(c->env, SLOT_NAME, c->domain,
		    SLOT_NAME, c->thread, (uint64_t)c->birth) < 0)
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
child_first(const struct child *c)
{
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(c->domain)];
	exo_id acct = c->birth->f.acct;
	const volatile struct exo_acct *a = &EXO_ACCTS[EXO_INDEX(acct)];

	(void)!exo_env_yield(c->env, share.session_slot, EXO_NONE);
	for (uint32_t i = 0; i < CLEAR_TRIES && (d->gen !=
	    EXO_GEN(c->domain) || d->state != EXO_DOM_LIVE) &&
	    a->gen == EXO_GEN(acct) && a->state != EXO_ACCT_FREE; i++)
		(void)commons(CM_NOP, 0, 0, 0, 0);
}

static long
process_fork(uint64_t flags, uint64_t stack, uint64_t child_tid, uint64_t tls)
{
	uint64_t n = sizeof(struct birth) + EXO_MACHINE->xsave_size;
	struct birth *b = __builtin_alloca_with_align(n, 512);
	struct child c = { .birth = b, .thread = thread_index(me()) };
	long r;

	lock();
	commons_at();
	leftovers_free();
	birth_fill(b, flags, stack, child_tid, tls);
	r = child_make(&c);
	unlock();
	if (r > 0)
		child_first(&c);
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
