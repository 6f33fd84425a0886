/*
 * context.c - light-weight contexts (docs/lwc.md): making and ending them.
 *
 * A context is a domain of this process's account (child.c): what its root has
 * in slots 0-252 are links of this one's, but for what it is not to have.  Its
 * name is fresh, from the commons, which keeps a client for it.
 */
#include <castor/string.h>

#include "area.h"
#include "child.h"
#include "context.h"
#include "file.h"
#include "patch.h"
#include "signal.h"
#include "thread.h"
#include "wait.h"

#define NAMES_MAX	32u		/* children whose names are kept */
#define REAP_STEPS	512u
#define QUEUE		64u
#define PLACES_TRIES	64u
#define RUN		32u		/* frames given back at once */
#define AHEAD_MAX	512u		/* pages, by LWC_PREFAULT */

struct making {
	struct child c;
	struct context_birth *birth;
	uint32_t client;		/* in the commons */
	uint32_t fd;			/* my descriptor of it */
	uint32_t ahead;			/* pages that may be copied ahead */
	bool ranges;			/* and those only that specs name */
};

uint32_t own_flags;
static uint32_t top;			/* descriptors that were in use */
static uint32_t names;			/* that are kept */
static uint32_t children;		/* that I made and have not closed */
static uint32_t places;			/* for handles; 0: the first few */

void	lwc_born_at(void);
_Noreturn void lwc_born(uint64_t from, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d, uint64_t e);

/* ---- descriptors */

struct context *
context_at(uint64_t fd)
{
	uint64_t i = fd == CONTEXT_CREATOR ? 0 : fd - CONTEXT_FIRST;

	if ((i == 0 && fd != CONTEXT_CREATOR) || i >= top)
		return NULL;
	return CONTEXTS[i].domain != 0 ? &CONTEXTS[i] : NULL;
}

/* n free frames in a row for handles: the first; 0: there are not. */
static exo_ppn
row_find(uint32_t n)
{
	uint32_t run = 0;

	for (exo_ppn p = 1; p < EXO_MACHINE->nframes; p++) {
		run = EXO_PAGES[p].kind == EXO_PG_FREE ? run + 1 : 0;
		if (run == n)
			return p - n + 1;
	}
	return 0;
}

/*
 * A domain begins with 32 places; when it makes its first context it gets more,
 * once: one frame of them, or with LWC_MANY as many as there may be contexts.
 */
static long
places_make(bool many)
{
	uint32_t n = many ? PLACES_MANY / PLACES_FEW : 1, tries = PLACES_TRIES;
	exo_ppn first;
	long r;

	do {				/* others may be quicker */
		first = row_find(n);
		r = first == 0 ? -ENOMEM : frames_get_at(EXO_PG_HANDLES,
		    own.domain_slot, first, n);
	} while (r == -EAGAIN && --tries > 0);
	if (r == 0 && exo_domain_handles(own.domain, own.domain_slot, first,
	    n) < 0) {
		(void)!exo_page_free(own.domain_slot, first, n);
		r = -EMFILE;
	}
	if (r == 0)
		places = n * PLACES_FEW;
	return r;
}

/* Can this be written?  A touch of the heap without memory ends the process. */
static bool
entry_room(const struct context *c)
{
	return pager_fault((uint64_t)c, 0) == 0 &&
	    pager_fault((uint64_t)(c + 1) - 1, 0) == 0;
}

/* A free descriptor, above the creator's. */
static long
context_take(bool many)
{
	uint32_t i = 1;
	long r = places == 0 ? places_make(many) : 0;

	if (r < 0)
		return r;
	while (i < top && CONTEXTS[i].domain != 0)
		i++;
	if (CONTEXT_FIRST + i >= places)
		return -EMFILE;
	if (!entry_room(&CONTEXTS[i]))
		return -ENOMEM;
	if (i >= top)
		top = i + 1;
	CONTEXTS[i] = (struct context){ .name = EXO_NONE };
	return CONTEXT_FIRST + i;
}

long
context_hold(void)
{
	if (exo_handle_open(own.domain, own.domain_slot, CONTEXT_SELF,
	    own.domain) == -EXO_E_FULL)
		return 0;		/* it does */
	return exo_handle_mint(own.domain, own.domain_slot, thread_index(me()),
	    CONTEXT_SELF, own.domain, CONTEXT_SELF) < 0 ? -ENOMEM : 0;
}

bool
context_let(void)
{
	return exo_handle_drop(CONTEXT_SELF) == 0;
}

void
contexts_forget(void)
{
	top = names = places = children = 0;
	own_flags = 0;
	seat_shared = false;
}

/* ---- what it shares */

static bool
leaves_out(const struct context_birth *b)
{
	for (uint32_t i = 0; i < b->nspecs; i++) {
		if ((b->specs[i].flags & LWC_MEMORY) != 0 &&
		    (b->specs[i].flags & LWC_UNMAP) != 0)
			return true;
	}
	return false;
}

/* Is a page of the program's left out? */
static bool
page_left_out(const struct context_birth *b, uint64_t va)
{
	bool out = false;

	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];

		if ((s->flags & LWC_MEMORY) != 0 && va >= s->first &&
		    va < s->last)
			out = (s->flags & LWC_UNMAP) != 0;
	}
	return out;
}

/* The first address above va where that may change, `high' at most. */
static uint64_t
next_edge(const struct context_birth *b, uint64_t va, uint64_t high)
{
	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];

		if ((s->flags & LWC_MEMORY) == 0)
			continue;
		if (s->first > va && s->first < high)
			high = s->first;
		if (s->last > va && s->last < high)
			high = s->last;
	}
	return high;
}

enum part { NOTHING, SOME, ALL };	/* of a range is left out */

static enum part
left_out(const struct context_birth *b, uint64_t low, uint64_t high)
{
	bool out;

	if (SLOT_OF(low) == PARK_SLOT || SLOT_OF(low) == PARK_SLOT + 1) {
		uint64_t shift = SLOT_OF(low) == PARK_SLOT ?
		    SLOT_VA(PARK_SLOT) : SLOT_VA(2);

		low -= shift;
		high -= shift;
	} else if (SLOT_OF(low) >= USER_SLOTS) {
		/* Castor's buffers may have something of anything. */
		if (SLOT_OF(low) != HEAP_SLOT || high <= HEAP_EXEC ||
		    !leaves_out(b))
			return NOTHING;
		return low >= HEAP_EXEC ? ALL : SOME;
	}
	out = page_left_out(b, low);
	for (uint64_t va = low; (va = next_edge(b, va, high)) < high;) {
		if (page_left_out(b, va) != out)
			return SOME;
	}
	return out ? ALL : NOTHING;
}

static bool
may_copy(uint64_t pte, uint32_t level)
{
	const volatile struct exo_page *p = &EXO_PAGES[EXO_PTE_PPN(pte)];

	return pte != 0 && (level > 1 || (p->kind == EXO_PG_DATA &&
	    (p->flags & EXO_PF_LIVE) == 0));
}

/*
 * LWC_PREFAULT: pages that are not shared until somebody writes.  Always those
 * that the child writes first: the stack's, and Castor's table of contexts.
 */
static bool
is_first(const struct making *m, uint64_t low, uint64_t high)
{
	uint64_t sp = PAGE_DOWN(m->birth->regs->rsp);

	return (low < sp + EXO_PAGE && high > sp - EXO_PAGE) ||
	    (low <= HEAP_CONTEXTS && high > HEAP_CONTEXTS);
}

/* Somewhere in [low, high) the program may write, and a spec says copy. */
static bool
is_named(const struct context_birth *b, uint64_t low, uint64_t high)
{
	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];
		uint64_t va = s->first > low ? s->first : low;
		uint64_t end = s->last < high ? s->last : high;
		const struct area *a;

		if ((s->flags & LWC_MEMORY) == 0 ||
		    (s->flags & (LWC_SHARE | LWC_UNMAP)) != 0)
			continue;
		for (; va < end && (a = area_from(va)) != NULL &&
		    a->low < end; va = a->high) {
			if (a->prot & PROT_WRITE)
				return true;
		}
	}
	return false;
}

/* Is some of what an entry leads to, [low, high), copied?  What no spec names:
 * what was written since it was last shared. */
static bool
goes_ahead(const struct making *m, uint64_t pte, uint64_t low, uint64_t high)
{
	if ((m->birth->flags & LWC_PREFAULT) == 0)
		return false;
	if (is_first(m, low, high))
		return true;
	if (m->ahead == 0 || SLOT_OF(low) >= USER_SLOTS)
		return false;
	return m->ranges ? is_named(m->birth, low, high) :
	    (pte & EXO_PTE_W) != 0;
}

static long
page_ahead(struct making *m, exo_ppn to, uint64_t va)
{
	long ppn = frame_copy_for(own.acct, own.acct_slot, m->c.memory, va);

	if (ppn < 0)
		return ppn;
	m->ahead -= m->ahead > 0;
	return exo_pt_set(0, to, EXO_PT_INDEX(va, 1), EXO_PTE(ppn, EXO_PTE_W |
	    EXO_PTE_NX), m->c.memory) < 0 ? -ENOMEM : 0;
}

static long
run_copy(exo_ppn to, uint32_t index, uint64_t va, uint32_t n)
{
	return n == 0 || exo_pt_copy(to, index, va, n) == (long)n ? 0 :
	    -ENOMEM;
}

static void	tree_free(exo_slot name, bool own_slot, exo_ppn table,
		    uint32_t level);

/*
 * Links and pages of the table `from', which begins at base, to the fresh
 * table `to': runs of what is there in full; where some is left out below, or
 * copied, a table of the child's own.
 */
static long
tree_share(struct making *m, exo_ppn to, exo_ppn from, uint32_t level,
    uint64_t base, uint32_t end)
{
	uint64_t size = 1ul << EXO_PT_SHIFT(level);
	uint32_t run = 0;
	long r = 0;

	for (uint32_t i = 0; i < end && r == 0; i++) {
		uint64_t va = base + i * size;
		uint64_t pte = (level == 4 ? pt_root() : pt_view(from))[i];
		enum part out = pte == 0 ? ALL : left_out(m->birth, va,
		    va + size);
		bool links = out == NOTHING && may_copy(pte, level);
		bool ahead = links && goes_ahead(m, pte, va, va + size);
		long below;

		if (links && !ahead) {
			run++;
			continue;
		}
		r = run_copy(to, i - run, va - run * size, run);
		run = 0;
		if (r == 0 && ahead && level == 1)
			r = page_ahead(m, to, va);
		if (r < 0 || level == 1 || (out != SOME && !ahead))
			continue;
		below = child_table(&m->c, level - 1);
		r = below < 0 ? below : tree_share(m, (exo_ppn)below,
		    EXO_PTE_PPN(pte), level - 1, va, 512);
		if (r == 0 && exo_pt_set(0, to, i, EXO_PTE(below, EXO_PTE_W),
		    m->c.memory) < 0)
			r = -ENOMEM;
		if (r < 0 && below > 0)
			tree_free(m->c.name, true, (exo_ppn)below,
			    level - 1);
	}
	return r < 0 ? r : run_copy(to, end - run, base + (end - run) * size,
	    run);
}

static long
memory_share(struct making *m)
{
	long r = leaves_out(m->birth) || m->birth->flags & LWC_PREFAULT ?
	    tree_share(m, m->c.root, 0, 4, 0, HEAP_SLOT + 1) :
	    child_memory(&m->c);

	return r == 0 ? child_text(&m->c) : r;
}

/* ---- its objects */

/* Its own env is mine: it may give time to it, and may charge the account. */
static long
slots_make(struct child *c)
{
	long r = child_slots(c);

	if (r == 0)
		r = child_slot(c, own.env_slot, own.env_slot, EXO_R_RUN,
		    EXO_COMP_SAME);
	if (r == 0)
		r = child_slot(c, own.acct_slot, own.acct_slot, EXO_R_CHARGE,
		    EXO_COMP_SAME);
	return r;
}

/* Where it is entered first, its copy of this thread says. */
static long
own_make(struct making *m)
{
	struct thread *t = me();
	struct stand was = t->stand;
	long r;

	t->stand = (struct stand){ .rip = (uint64_t)lwc_born_at,
	    .rsp = (uint64_t)m->birth & ~15ul };
	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=&r"(t->stand.fsbase),
	    "=r"(t->stand.gsbase));
	t->birth = (uint64_t)m->birth;
	t->unborn = true;
	r = child_own(&m->c, (uint64_t)m->birth);
	t->unborn = false;
	t->stand = was;
	return r;
}

/* A tag, as long as there are any: without one it is entered all the same. */
static void
pcid_give(const struct child *c)
{
	for (uint32_t i = 1; i < EXO_MACHINE->npcids; i++) {
		if (EXO_PCIDS[i].account != EXO_NONE)
			continue;
		if (exo_pcid_alloc(own.acct, own.acct_slot, c->name, i) == 0)
			(void)!exo_pcid_bind(c->name, i, c->name, c->domain);
		return;
	}
}

/* Its seat for this env, and the handles between it and me. */
static long
seat_make(const struct making *m)
{
	const struct child *c = &m->c;
	long r = child_seat(c, me()->env);

	if (r < 0)
		return r;
	if (exo_handle_open(c->domain, c->name, CONTEXT_CREATOR,
	    own.domain) < 0 || exo_handle_mint(own.domain, own.domain_slot,
	    c->thread, m->fd, c->domain, CONTEXT_CREATOR) < 0 ||
	    exo_handle_open(own.domain, own.domain_slot, m->fd,
	    own.domain) < 0 || exo_handle_mint(c->domain, c->name, c->thread,
	    CONTEXT_CREATOR, own.domain, m->fd) < 0)
		return -EAGAIN;
	return 0;
}

/* Native calls that a context needs whose system calls are its creator's: its
 * own tables and frames, switching, asking.  test_mask.py finds them. */
static void
mask_fill(uint64_t mask[2])
{
	static const uint8_t allowed[] = {
		EXO_NR_enter, EXO_NR_call, EXO_NR_reply, EXO_NR_cap_open,
		EXO_NR_cap_drop, EXO_NR_page_alloc, EXO_NR_page_free,
		EXO_NR_page_copy, EXO_NR_pt_companion, EXO_NR_pt_set,
		EXO_NR_pt_batch, EXO_NR_pt_copy, EXO_NR_pt_empty,
		EXO_NR_domain_row, EXO_NR_handle_drop, EXO_NR_env_yield,
		EXO_NR_env_sleep,
	};

	mask[0] = mask[1] = 0;
	for (uint32_t i = 0; i < sizeof(allowed); i++)
		mask[allowed[i] / 64] |= 1ul << allowed[i] % 64;
}

/* I am its monitor, for the mask: what that refuses is a trap of its own. */
static long
mask_set(const struct making *m)
{
	static const uint8_t pass[EXO_CLASSES];
	uint64_t mask[2];

	if ((m->birth->flags & LWC_SYSTRAP) == 0)
		return 0;
	mask_fill(mask);
	return exo_domain_monitor(m->c.domain, m->c.name, (uint64_t)pass,
	    (uint64_t)mask, 0) < 0 ? -EAGAIN : 0;
}

/* Its handle to the commons. */
static long
client_join(const struct making *m)
{
	const struct child *c = &m->c;

	if (exo_handle_open(c->domain, c->name, c->thread, share.commons) < 0)
		return -EAGAIN;
	return commons(CM_CONTEXT_END, m->client, c->domain, c->thread, 0);
}

/* From fd to below *next the last spec says the same: are they left out? */
static bool
file_left(const struct context_birth *b, uint64_t fd, uint64_t *next)
{
	bool left = false;

	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];

		if ((s->flags & LWC_FILES) == 0 || s->last < fd)
			continue;
		if (s->first > fd) {
			*next = s->first < *next ? s->first : *next;
			continue;
		}
		*next = s->last < *next ? s->last + 1 : *next;
		left = (s->flags & LWC_UNMAP) != 0;
	}
	return left;
}

static long
files_leave(const struct making *m)
{
	const struct context_birth *b = m->birth;
	long r = 0;

	for (uint64_t fd = 0, next; fd < CM_FDS && r == 0; fd = next) {
		next = CM_FDS;
		if (file_left(b, fd, &next) && (b->kind & 0xff) == CM_COPY)
			r = commons(CM_CONTEXT_CLOSE, m->client, fd, next - 1,
			    0);
	}
	return r;
}

/* Castor's own descriptors, of files that nothing which it has is mapped from:
 * what was left out must not be read by way of them.  A file of which it has a
 * part it could have all of. */
static long
own_files_leave(const struct making *m)
{
	const struct context_birth *b = m->birth;
	uint64_t has[(CM_FDS_ALL - CM_FDS) / 64] = { 0 };
	const struct area *a;
	long r = 0;

	for (uint64_t va = 0; (a = area_from(va)) != NULL; va = a->high) {
		if (a->file != 0 && left_out(b, a->low, a->high) != ALL)
			has[(a->file - CM_FDS) / 64] |= 1ul << a->file % 64;
	}
	for (uint64_t va = 0; r == 0 && (a = area_from(va)) != NULL;
	    va = a->high) {
		bool kept = a->file != 0 && (has[(a->file - CM_FDS) / 64] >>
		    a->file % 64 & 1) != 0;

		if (a->file == 0 || left_out(b, a->low, a->high) == NOTHING)
			continue;
		if ((kept || b->kind == CM_SHARE) && a->flags & AREA_SHARED)
			r = -EINVAL;
		else if (!kept && b->kind != CM_SHARE)
			r = commons(CM_CONTEXT_CLOSE, m->client, a->file,
			    a->file, 0);
	}
	return r;
}

static long
child_build(struct making *m)
{
	long r = slots_make(&m->c);

	if (r == 0)
		r = own_make(m);
	if (r == 0)
		r = memory_share(m);
	if (r == 0)
		r = child_domain(&m->c);
	if (r == 0)
		r = seat_make(m);
	if (r == 0)
		r = mask_set(m);
	if (r == 0)
		r = files_leave(m);
	if (r == 0 && leaves_out(m->birth))
		r = own_files_leave(m);
	if (r == 0)
		r = client_join(m);
	child_release(&m->c);
	return r;
}

/* Its name and client. */
static long
child_begin(struct making *m)
{
	const struct cm_fork *out = (const struct cm_fork *)my_window()->data;
	struct child *c = &m->c;
	long r;

	commons_at();
	if (exo_cap_open(c->name, share.commons) < 0 ||
	    exo_cap_open(c->window_slot, share.commons) < 0)
		return -EAGAIN;
	r = commons(CM_CONTEXT, m->birth->kind, c->name, c->window_slot,
	    own.domain);
	if (r < 0)
		return r;
	m->client = (uint32_t)r;
	if (m->birth->kind != CM_SHARE) {
		c->window = out->window;
	} else {
		(void)!exo_cap_drop(c->window_slot);
		c->window = me()->window;
		seat_shared = true;
		if (exo_cap_derive(me()->window_slot, c->window_slot,
		    EXO_R_READ | EXO_R_WRITE, EXO_COMP_SAME) < 0)
			return -EAGAIN;
	}
	m->birth->window = c->window;
	return 0;
}

static long
child_make(struct making *m)
{
	long r = child_begin(m);

	if (r == 0)
		r = child_build(m);
	return r;
}

static void	parts_free(exo_slot name, const exo_ppn *ppn, uint32_t n);
static void	domain_end(exo_id domain, exo_slot name);

/* What there is of it goes. */
static void
child_undo(const struct making *m)
{
	const struct child *c = &m->c;
	const exo_ppn parts[] = { c->root, c->slots };

	(void)commons(CM_CONTEXT_END, m->client, 0, 0, 0);
	if (c->domain != 0)
		domain_end(c->domain, c->name);
	else
		parts_free(c->name, parts, 2);
}

/* What the child may overlay of mine: of each part the last spec says it. */
static void
may_fill(struct context *c, const struct context_birth *b)
{
	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];
		uint32_t type = s->flags & LWC_ALL, n = 0;

		context_restrict(c, type, s->first, s->last);
		while (n < CONTEXT_MAY && c->may[n].flags != 0)
			n++;
		if ((s->flags & LWC_MAY_OVERLAY) != 0 && n < CONTEXT_MAY)
			c->may[n] = (struct lwc_spec){ s->first, s->last, type,
			    0 };
	}
}

/* It has a name and a place for its window, and a descriptor. */
static long
context_named(struct making *m)
{
	long r = child_make(m);

	if (r == 0 && !entry_room(&CONTEXTS[m->fd - CONTEXT_FIRST]))
		r = -ENOMEM;
	if (r < 0)
		child_undo(m);
	file_slot_put(m->c.window_slot);
	if (r < 0 || names == NAMES_MAX) {
		file_slot_put(m->c.name);
		m->c.name = EXO_NONE;
		return r;
	}
	names++;
	pcid_give(&m->c);
	return 0;
}

long
context_make(struct context_birth *b)
{
	struct making m = { .birth = b, .ahead = AHEAD_MAX,
	    .ranges = is_named(b, 0, USER_TOP), .c = { .acct = own.acct,
	    .acct_slot = own.acct_slot, .thread = thread_index(me()) } };
	long fd = context_take((b->flags & LWC_MANY) != 0);
	long name = fd < 0 ? fd : file_slot_take();
	long window = name < 0 ? name : file_slot_take();
	struct context *at;
	long r;

	if (window < 0) {
		if (name >= 0)
			file_slot_put((exo_slot)name);
		return fd < 0 ? fd : -EMFILE;
	}
	m.fd = (uint32_t)fd;
	m.c.name = (exo_slot)name;
	m.c.window_slot = (exo_slot)window;
	r = context_named(&m);
	if (r < 0)
		return r;
	at = &CONTEXTS[fd - CONTEXT_FIRST];
	*at = (struct context){ .domain = m.c.domain, .name = m.c.name,
	    .thread = m.c.thread, .flags = b->flags };
	may_fill(at, b);
	children++;
	return fd;
}

/* ---- ends */

/* Frames that belong to somebody whose name I have not: to the commons. */
static uint32_t queue[QUEUE], queued;

static uint64_t
queue_send(void)
{
	long r;

	memcpy(my_window()->data, queue, queued * sizeof(queue[0]));
	r = commons(CM_CONTEXT_FREE, queued, 0, 0, 0);
	queued = 0;
	return r > 0 ? (uint64_t)r : 0;
}

uint64_t
context_orphan(exo_ppn ppn)
{
	const volatile struct exo_page *p = &EXO_PAGES[ppn];
	uint32_t maker = p->maker;

	if (maker >= EXO_MACHINE->ndomains || (EXO_DOMAINS[maker].gen ==
	    p->maker_gen && EXO_DOMAINS[maker].state == EXO_DOM_LIVE))
		return 0;
	queue[queued++] = ppn;
	return queued == QUEUE ? queue_send() : 0;
}

uint64_t
context_orphans(void)
{
	return queued > 0 ? queue_send() : 0;
}

/* n from this one on, of which the first is more likely named by the context
 * (its) or by me. */
static void
run_drop(exo_slot name, bool its, exo_ppn ppn, uint32_t n)
{
	const exo_slot slot[2] = { own.memory_slot, name };
	uint32_t failed = 0;

	while (n > 0) {
		bool which = its ^ (failed > 0);
		long r = slot[which] == EXO_NONE ? -1 : exo_page_free(
		    slot[which], ppn, n);

		if (r < 0 && ++failed < 2)
			continue;
		if (r < 0) {
			queue[queued++] = ppn;
			if (queued == QUEUE)
				(void)queue_send();
			r = 1;
		}
		failed = 0;
		ppn += r;
		n -= (uint32_t)r;
	}
}

/* These n, which were taken upward or downward. */
static void
frames_drop(exo_slot name, bool its, const exo_ppn *ppn, uint32_t n)
{
	while (n > 0) {
		bool down = n > 1 && ppn[1] == ppn[0] - 1;
		uint32_t run = 1;

		while (run < n && ppn[run] == (down ? ppn[0] - run :
		    ppn[0] + run))
			run++;
		run_drop(name, its, down ? ppn[run - 1] : ppn[0], run);
		ppn += run;
		n -= run;
	}
}

static bool
is_mine(const volatile struct exo_page *p)
{
	return p->account == EXO_INDEX(own.acct);
}

/* Pages that nothing but this last-level table has. */
static void
leaves_free(exo_slot name, bool its, exo_ppn table)
{
	const uint64_t *t = pt_view(table);
	uint32_t left = EXO_PAGES[table].entries, from = 512, i = 0, n = 0;
	exo_ppn ppn[RUN];

	while (left > 0 && (i = pt_present(t, i, 512)) < 512) {
		const volatile struct exo_page *p =
		    &EXO_PAGES[EXO_PTE_PPN(t[i])];

		from = from < i ? from : i;
		i++;
		if (p->maps == 1 && p->kind == EXO_PG_DATA && is_mine(p))
			ppn[n++] = (exo_ppn)(p - EXO_PAGES);
		if (--left > 0 && n < RUN)
			continue;
		(void)!exo_pt_empty(table, from, i - from);
		frames_drop(name, its, ppn, n);
		from = 512;
		n = 0;
	}
}

static bool
link_free(exo_slot name, bool own_slot, exo_ppn table, uint32_t i,
    uint32_t level)
{
	exo_ppn below = EXO_PTE_PPN(pt_view(table)[i]);

	if (exo_pt_empty(table, i, 1) < 0)
		return false;
	tree_free(name, own_slot, below, level - 1);
	return true;
}

/* What only this table, which nobody has any more, led to goes with it; first
 * slot 254: it has views of the others, which keep them. */
static void
tree_free(exo_slot name, bool own_slot, exo_ppn table, uint32_t level)
{
	bool its = own_slot ||
	    EXO_PAGES[table].maker != EXO_INDEX(own.domain);
	exo_ppn companion = EXO_PAGES[table].companion;
	uint32_t end = level == 4 ? OWN_SLOT + 1 : 512;

	if (EXO_PAGES[table].refs != 0 || !is_mine(&EXO_PAGES[table]))
		return;
	if (level == 1)
		leaves_free(name, its, table);
	if (level == 4 && pt_view(table)[OWN_SLOT] != 0)
		(void)link_free(name, true, table, OWN_SLOT, level);
	for (uint32_t i = 0; level > 1 && EXO_PAGES[table].entries > 0 &&
	    (i = pt_present(pt_view(table), i, end)) < end; i++) {
		if (!link_free(name, own_slot && level < 4, table, i, level))
			break;
	}
	pt_unview(table);
	run_drop(name, its, table, 1);
	if (level == 1 && companion != 0)
		run_drop(name, its, companion, 1);
}

/* Frames of a context that ended: its root first. */
static void
parts_free(exo_slot name, const exo_ppn *ppn, uint32_t n)
{
	if (n > 0 && ppn[0] != 0)
		tree_free(name, true, ppn[0], 4);
	for (uint32_t i = 1; i < n; i++) {
		if (ppn[i] != 0)
			run_drop(name, true, ppn[i], 1);
	}
	(void)context_orphans();
}

/* How many frames of handles a domain has from this one on. */
static uint32_t
handles_count(exo_ppn first, uint32_t domain)
{
	uint32_t n = 0;

	while (first != 0 && EXO_PAGES[first + n].kind == EXO_PG_HANDLES &&
	    EXO_PAGES[first + n].parents == domain)
		n++;
	return n;
}

/* Nobody gets there any more. */
static void
domain_end(exo_id id, exo_slot name)
{
	const volatile struct exo_domain *d = &EXO_DOMAINS[EXO_INDEX(id)];
	const exo_ppn parts[] = { d->root, d->frame, d->slot_tables[0] };
	exo_ppn handles = EXO_PAGES[d->frame].companion;
	uint32_t pcid = d->pcid, n = handles_count(handles, EXO_INDEX(id));

	if (name != EXO_NONE) {
		if (exo_domain_kill(id, name, 0) < 0)
			return;
		while (exo_domain_reap(id, REAP_STEPS) > 0)
			;
		(void)!exo_domain_free(id, name);
		if (pcid != 0)
			(void)!exo_pcid_free(name, pcid);
	} else if (commons(CM_CONTEXT_DROP, id, own.domain, 0, 0) < 0) {
		return;
	}
	while (n > 0)
		run_drop(name, true, handles + --n, 1);
	parts_free(name, parts, 3);
}

/* Is another thread there? */
static bool
is_occupied(exo_id id)
{
	for (uint32_t i = 0; i < THREADS_MAX; i++) {
		if (thread_lives(i) && i != thread_index(me()) &&
		    EXO_ENVS[EXO_INDEX(thread_at(i)->env)].home ==
		    EXO_INDEX(id))
			return true;
	}
	return false;
}

void
context_drop(uint64_t fd)
{
	struct context *c = context_at(fd);
	const volatile struct exo_domain *d =
	    &EXO_DOMAINS[EXO_INDEX(c->domain)];

	(void)!exo_handle_drop(fd);
	if (d->gen == EXO_GEN(c->domain) && d->state == EXO_DOM_LIVE &&
	    d->named == 0 && !is_occupied(c->domain))
		domain_end(c->domain, c->name);
	context_disown(fd);
	*c = (struct context){ .domain = 0 };
	if (fd != CONTEXT_CREATOR && --children == 0)
		(void)context_let();
}

void
context_disown(uint64_t fd)
{
	struct context *c = context_at(fd);

	if (c->name == EXO_NONE)
		return;
	file_slot_put(c->name);
	names--;
	c->name = EXO_NONE;
}

void
contexts_drop(void)
{
	for (uint32_t i = 0; i < top; i++) {
		if (CONTEXTS[i].domain != 0)
			context_drop(i == 0 ? CONTEXT_CREATOR : CONTEXT_FIRST +
			    i);
	}
	top = 0;
	signals_deaf = false;
}

/* ---- the child's first steps */

static void
areas_leave(const struct context_birth *b)
{
	for (uint32_t i = 0; i < b->nspecs; i++) {
		const struct lwc_spec *s = &b->specs[i];
		uint64_t va = s->first, next;

		if ((s->flags & LWC_MEMORY) == 0)
			continue;
		for (; va < s->last; va = next) {
			next = next_edge(b, va, s->last);
			if (page_left_out(b, va) && area_cut(va, next) < 0)
				image_die("no room for a context's areas");
		}
	}
}

static void
come_out(struct context_birth *b, const uint64_t *words)
{
	uint32_t fd = CONTEXT_CREATOR;
	int32_t n = 0;

	if (b->caller != 0)
		(void)!user_write(b->caller, &fd, sizeof(fd));
	if (b->args == 0 || b->n == 0 || user_read(&n, b->n, sizeof(n)) < 0)
		return;
	n = n < 0 ? 0 : n < LWC_ARGS ? n : LWC_ARGS;
	(void)!user_write(b->args, words, (uint64_t)n * sizeof(words[0]));
	(void)!user_write(b->n, &n, sizeof(n));
}

/* Foreign calls that were patched, and native ones that the mask refuses. */
static void
trap_all(void)
{
	patch_trap();
	if (exo_domain_row(own.domain, own.domain_slot, EXO_CLASS_REFUSED,
	    EXO_ACT_SELF) < 0)
		process_end(SIGKILL);
}

void
context_born(void)
{
	struct thread *t = me();
	const struct context_birth *b = (struct context_birth *)t->birth;
	exo_id parent = own.domain;

	if (!t->unborn)
		return;
	t->unborn = false;
	signals_deaf = b->kind == CM_SHARE;
	child_born(b->window);
	own_flags = b->flags;
	seat_shared = signals_deaf;
	top = 1;
	CONTEXTS[0] = (struct context){ .domain = parent, .name = EXO_NONE,
	    .thread = thread_index(t), .may = {
		{ 0, USER_TOP, LWC_MEMORY, 0 },
		{ 0, CM_FDS - 1, LWC_FILES, 0 },
		{ 0, ~0ul, LWC_CREDENT, 0 } } };
	areas_leave(b);
	if (b->flags & LWC_SYSTRAP)
		trap_all();
}

_Noreturn void
lwc_born(uint64_t from, uint64_t w0, uint64_t w1, uint64_t w2, uint64_t w3,
    uint64_t w4)
{
	const uint64_t words[LWC_ARGS] = { w0, w1, w2, w3, w4 };
	struct thread *t = me();
	struct exo_regs *r = (struct exo_regs *)t - 1;
	struct context_birth *b = (struct context_birth *)t->birth;

	(void)from;
	context_born();
	come_out(b, words);
	r->rax = (uint64_t)LWC_SWITCHED;
	go(r);
}
