/*
 * vfork.c - a child that has its parent's memory until it runs another program
 * or ends; the parent waits for that.
 *
 * It is a fork all the same: what the child writes is its own.  Before it goes
 * its way it leaves the pages that it has changed in a file without a name,
 * which both have, and its parent takes them from there: nobody else has run
 * meanwhile.  If there are other threads, only the pages round the stack of the
 * one that waits are taken: theirs may have changed.
 *
 *	page 0		how many, and the address of each
 *	page 1 + i	the i-th
 *
 * A child that is killed leaves nothing, and its parent goes on as it was.
 */
#include "area.h"
#include "file.h"
#include "patch.h"
#include "thread.h"
#include "wait.h"

#define O_CLOEXEC	02000000ul
#define PAGES_MAX	511u
#define HALF		2048u
#define STACK_NEAR	0x10000ul
#define TABLE_SPAN	0x200000ul	/* that a last-level table maps */
enum { CLONE_VM = 0x100, CLONE_VFORK = 0x4000 };

static uint64_t back;			/* the file, if I am such a child */

/* ---- the child's side */

static bool
is_mine(exo_ppn ppn)
{
	return EXO_PAGES[ppn].account == EXO_INDEX(own.acct);
}

/* The next page from va on that the process has made its own; high: none. */
static uint64_t
changed_next(uint64_t va, uint64_t high)
{
	while (va < high) {
		exo_ppn table = pt_find(va, 1);
		uint64_t pte = table == 0 ? 0 : pt_get(va);

		if (table != 0 && is_mine(table) && pte != 0 &&
		    !(pte & PTE_BORROWED) && is_mine(EXO_PTE_PPN(pte)))
			return va;
		va = table != 0 && is_mine(table) ? va + EXO_PAGE :
		    (va & ~(TABLE_SPAN - 1)) + TABLE_SPAN;
		va = pt_next(va, high);
	}
	return high;
}

static bool
put(uint64_t pos, const void *from, uint64_t n)
{
	return user_read(my_window()->data, (uint64_t)from, n) == 0 &&
	    commons(CM_WRITE, back, n, pos, 0) == (long)n;
}

/* The same for words of Castor's own. */
static bool
put_word(uint64_t pos, uint64_t word)
{
	__builtin_memcpy(my_window()->data, &word, sizeof(word));
	return commons(CM_WRITE, back, sizeof(word), pos, 0) == sizeof(word);
}

static bool
page_leave(uint64_t n, uint64_t va)
{
	uint64_t at = (1 + n) * EXO_PAGE;

	return put_word((1 + n) * 8, va) && put(at, (const void *)va, HALF) &&
	    put(at + HALF, (const void *)(va + HALF), HALF);
}

void
vfork_leave(void)
{
	uint64_t n = 0, va;

	if (back == 0)
		return;
	for (const struct area *a = area_from(0); a != NULL;
	    a = area_from(a->high)) {
		if (!(a->prot & PROT_WRITE) || a->flags & AREA_SHARED)
			continue;
		for (va = changed_next(pt_next(a->low, a->high), a->high);
		    va < a->high && n < PAGES_MAX;
		    va = changed_next(va + EXO_PAGE, a->high)) {
			if (page_leave(n, va))
				n++;
		}
	}
	(void)put_word(0, n);
	(void)commons(CM_CLOSE, back, 0, 0, 0);
	back = 0;
}

/* A fork in such a child: its child owes nothing to anybody. */
void
vfork_born(uint64_t flags)
{
	if (!(flags & CLONE_VFORK) && back != 0) {
		(void)commons(CM_CLOSE, back, 0, 0, 0);
		back = 0;
	}
}

/* ---- the parent's */

static bool
is_taken(uint64_t va)
{
	uint64_t sp = PAGE_DOWN(me()->regs->rsp);
	const struct area *a = area_at(va);

	if (a == NULL || !(a->prot & PROT_WRITE) || a->flags & AREA_SHARED)
		return false;
	return only_regs != 0 || va - (sp - STACK_NEAR) < 2 * STACK_NEAR;
}

static bool
get(uint64_t file, uint64_t pos, uint64_t n)
{
	return commons(CM_READ, file, n, pos, 0) == (long)n;
}

static uint64_t
get_word(uint64_t file, uint64_t pos)
{
	uint64_t word = 0;

	if (get(file, pos, sizeof(word)))
		__builtin_memcpy(&word, my_window()->data, sizeof(word));
	return word;
}

static void
pages_take(uint64_t file)
{
	uint64_t n = get_word(file, 0);

	for (uint64_t i = 0; i < n && i < PAGES_MAX; i++) {
		uint64_t va = get_word(file, (1 + i) * 8);
		uint64_t at = (1 + i) * EXO_PAGE;

		if (va % EXO_PAGE != 0 || !is_taken(va))
			continue;
		for (uint64_t part = 0; part < EXO_PAGE; part += HALF) {
			if (get(file, at + part, HALF))
				(void)!user_write(va + part,
				    my_window()->data, HALF);
		}
	}
}

/* Signals wait, too. */
static void
child_wait(long child)
{
	for (;;) {
		uint64_t bell = my_window()->bell;

		if (commons(CM_EXECED, (uint64_t)child, 0, 0, 0) != -CM_WAIT)
			return;
		wait_bell(bell, WAIT_FOREVER);
	}
}

/* A descriptor of Castor's own. */
static long
file_make(void)
{
	long fd = commons(CM_MEMFD, 0, 0, 0, 0), r;

	if (fd < 0)
		return fd;
	r = commons(CM_DUP, (uint64_t)fd, CM_FDS, O_CLOEXEC, 0);
	(void)commons(CM_CLOSE, (uint64_t)fd, 0, 0, 0);
	return r;
}

static long
vfork(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid,
    uint64_t tls)
{
	long file = file_make(), r;
	uint64_t mine;

	if (file < 0)
		return -EAGAIN;
	lock();
	mine = back;
	back = (uint64_t)file;		/* the child has a copy of this word */
	r = process_copy(flags, stack, ptid, ctid, tls);
	back = mine;
	unlock();
	if (r > 0) {
		child_wait(r);
		pages_take((uint64_t)file);
	}
	(void)commons(CM_CLOSE, (uint64_t)file, 0, 0, 0);
	return r;
}

long
call_vfork(void)
{
	return vfork(CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0);
}

/* Two processes that run at once have no memory in common but what is mapped so. */
long
process_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid,
    uint64_t tls)
{
	if (flags & CLONE_VFORK)
		return vfork(flags, stack, ptid, ctid, tls);
	return flags & CLONE_VM ? -ENOSYS :
	    process_copy(flags, stack, ptid, ctid, tls);
}
