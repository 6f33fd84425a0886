/*
 * memory.c - brk, mmap and their like: areas and tables changed together.
 */
#include "area.h"
#include "file.h"
#include "thread.h"

uint64_t brk_low, brk_now;

long
memory_unmap(uint64_t low, uint64_t high)
{
	long r = pt_edges(low, high);

	if (r == 0)
		r = park_drop(low, high);
	if (r == 0)
		r = area_cut(low, high);
	if (r == 0) {
		pt_clear(low, high);
		file_settle();
	}
	return r;
}

long
memory_map(const struct area *a)
{
	const struct area *next = area_from(a->low);
	long r = 0;

	if (next != NULL && next->low < a->high)
		r = memory_unmap(a->low, a->high);
	return r < 0 ? r : area_add(a);
}

/* Whole pages inside the program's part. */
static bool
range_ok(uint64_t low, uint64_t n)
{
	return low % EXO_PAGE == 0 && n <= USER_TOP && low <= USER_TOP - n;
}

/* RLIMIT_AS, RLIMIT_DATA: may n bytes more belong to the program? */
static bool
may_grow(uint64_t n, bool data)
{
	uint64_t all = n, own_data = n;

	if (limit_as == RLIM_INFINITY && limit_data == RLIM_INFINITY)
		return true;
	for (const struct area *a = area_from(0); a != NULL;
	    a = area_from(a->high)) {
		all += a->high - a->low;
		if (a->prot & PROT_WRITE && !(a->flags & (AREA_SHARED |
		    AREA_STACK)))
			own_data += a->high - a->low;
	}
	return all <= limit_as && (!data || own_data <= limit_data);
}

static long
do_brk(uint64_t want)
{
	uint64_t old = PAGE_UP(brk_now), new = PAGE_UP(want);

	if (want < brk_low || want > MMAP_TOP)
		return (long)brk_now;
	if (new < old && memory_unmap(new, old) < 0)
		return (long)brk_now;
	if (new > old) {
		struct area a = { .low = old, .high = new,
		    .prot = PROT_READ | PROT_WRITE };
		const struct area *next = area_from(old);

		if ((next != NULL && next->low < new) ||
		    !may_grow(new - old, true) || area_add(&a) < 0)
			return (long)brk_now;
	}
	return (long)(brk_now = want);
}

/* Where: as asked, or where there is room.  An address, or -errno. */
static long
place_find(uint64_t hint, uint64_t n, uint64_t flags)
{
	const struct area *a;
	uint64_t va = hint;

	if (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) {
		if (va % EXO_PAGE != 0)
			return -EINVAL;
		if (va < USER_LOW)
			return -EPERM;
		if (!range_ok(va, n))
			return -ENOMEM;
		a = area_from(va);
		if (flags & MAP_FIXED_NOREPLACE && a != NULL && a->low < va + n)
			return -EEXIST;
		return (long)va;
	}
	va = PAGE_DOWN(va);
	if (va >= USER_LOW && range_ok(va, n)) {
		a = area_from(va);
		if (a == NULL || a->low >= va + n)
			return (long)va;
	}
	va = area_room(n);
	return va == 0 ? -ENOMEM : (long)va;
}

static long
do_mmap(uint64_t hint, uint64_t len, uint64_t prot, uint64_t flags,
    uint64_t fd, uint64_t offset)
{
	uint64_t n = PAGE_UP(len), type = flags & MAP_TYPE;
	struct area a = { .prot = prot & 7 };
	long r;

	if (len == 0 || n < len || (prot & ~7ul & ~0x3000000ul) != 0 ||
	    type == 0 || type > MAP_SHARED_VALIDATE || offset % EXO_PAGE != 0)
		return n < len ? -ENOMEM : -EINVAL;
	if (type != MAP_PRIVATE)
		a.flags = AREA_SHARED;
	r = place_find(hint, n, flags);
	if (r >= 0 && !may_grow(n, a.prot & PROT_WRITE &&
	    !(a.flags & AREA_SHARED)))
		r = -ENOMEM;
	if (r < 0)
		return r;
	a.low = (uint64_t)r;
	a.high = a.low + n;
	r = 0;
	if (!(flags & MAP_ANONYMOUS))
		r = file_map(fd, &a, offset, n);
	else if (a.flags & AREA_SHARED)
		r = file_map_shared(&a, n);
	if (r < 0)
		return r;
	a.limit += a.low;
	r = memory_map(&a);
	if (r < 0 && a.file != 0)
		file_release(a.file);
	return r < 0 ? r : (long)a.low;
}

static long
do_munmap(uint64_t va, uint64_t len)
{
	uint64_t n = PAGE_UP(len), low = va < USER_LOW ? USER_LOW : va;

	if (n == 0 || n < len || !range_ok(va, n))
		return -EINVAL;
	/* Below USER_LOW nothing is the program's. */
	return low < va + n ? memory_unmap(low, va + n) : 0;
}

static long
do_mprotect(uint64_t va, uint64_t len, uint64_t prot)
{
	uint64_t n = PAGE_UP(len);
	long r;

	if (va % EXO_PAGE != 0 || (prot & ~7ul) != 0)
		return -EINVAL;
	if (n == 0 && len == 0)
		return 0;
	if (n < len || !range_ok(va, n) || !area_covers(va, va + n))
		return -ENOMEM;
	r = prot == 0 ? 0 : park_back(va, va + n);
	if (r == 0)
		r = area_protect(va, va + n, (uint32_t)prot);
	if (r < 0)
		return r;
	if (prot == 0)
		return park(va, va + n);
	area_flag(va, va + n, 0, AREA_PARKED);
	return pt_narrow(va, va + n, (uint32_t)prot);
}

static long
do_madvise(uint64_t va, uint64_t len, uint64_t advice)
{
	uint64_t n = PAGE_UP(len);

	if (va % EXO_PAGE != 0 || n < len)
		return -EINVAL;
	if (!range_ok(va, n) || !area_covers(va, va + n))
		return -ENOMEM;
	if (advice == MADV_DONTNEED || advice == MADV_FREE) {
		if (pt_edges(va, va + n) < 0 || park_drop(va, va + n) < 0)
			return -ENOMEM;
		pt_clear(va, va + n);
	}
	return 0;
}

/* A byte for each page: is it there? */
static long
do_mincore(uint64_t va, uint64_t len, uint64_t to)
{
	uint64_t n = PAGE_UP(len), high = va + n;

	if (va % EXO_PAGE != 0)
		return -EINVAL;
	if (n < len || !range_ok(va, n) || !area_covers(va, high))
		return -ENOMEM;
	for (; va < high; va += EXO_PAGE, to++) {
		uint8_t there = pt_get(va) != 0;

		if (user_write(to, &there, 1) < 0)
			return -EFAULT;
	}
	return 0;
}

/* What is a file's is found again. */
long
pages_move(uint64_t from, uint64_t to, uint64_t n)
{
	uint64_t high = from + n, shift = to - from;

	for (uint64_t va = from; (va = pt_next(va, high)) < high;
	    va += EXO_PAGE) {
		uint64_t pte = pt_get(va);

		if (pte & PTE_BORROWED) {
			if (cow_own(va, 1) < 0 || pt_put(va, 0, 0) < 0)
				return -ENOMEM;
			continue;
		}
		if (!page_take(va) || pt_make(va + shift, 1) < 0)
			return -ENOMEM;
		pte = pt_get(va);
		if (pt_put(va, 0, 0) < 0 ||
		    pt_put(va + shift, pte & EXO_PTE_ASK & ~(EXO_PTE_MAYW |
		    EXO_PTE_MAYX), own.memory_slot) < 0)
			return -ENOMEM;
	}
	return 0;
}

static long
remap_move(const struct area *a, uint64_t va, uint64_t old, uint64_t new,
    uint64_t to)
{
	struct area b = *a;
	long r;

	b.offset += va - b.low;
	b.low = to;
	b.high = to + new;
	b.limit = a->limit - va + to;
	r = memory_map(&b);
	if (r == 0)
		r = pages_move(va, to, old < new ? old : new);
	if (r == 0)
		r = memory_unmap(va, va + old);
	return r < 0 ? r : (long)to;
}

static long
do_mremap(uint64_t va, uint64_t old_len, uint64_t new_len, uint64_t flags,
    uint64_t to)
{
	uint64_t old = PAGE_UP(old_len), new = PAGE_UP(new_len);
	const struct area *a = area_at(va), *next;
	struct area more;

	if (va % EXO_PAGE != 0 || new == 0 || new < new_len || old < old_len ||
	    (flags & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED)) != 0)
		return -EINVAL;
	if (a == NULL || old == 0 || old > a->high - va)
		return -EFAULT;
	if (park_back(va, va + old) < 0)
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		if (!(flags & MREMAP_MAYMOVE) || to % EXO_PAGE != 0 ||
		    to < USER_LOW || !range_ok(to, new) ||
		    (to < va + old && va < to + new))
			return -EINVAL;
		more = *a;
		return remap_move(&more, va, old, new, to);
	}
	if (new <= old) {
		long r = new == old ? 0 : memory_unmap(va + new, va + old);

		return r < 0 ? r : (long)va;
	}
	if (!may_grow(new - old, a->prot & PROT_WRITE))
		return -ENOMEM;
	next = area_from(va + old);
	if (va + old == a->high && range_ok(va, new) &&
	    (next == NULL || next->low >= va + new)) {
		more = *a;
		more.offset += a->high - a->low;
		more.low = a->high;
		more.high = va + new;
		if (area_add(&more) == 0)
			return (long)va;
		return -ENOMEM;
	}
	if (!(flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	to = area_room(new);
	if (to == 0)
		return -ENOMEM;
	more = *a;
	return remap_move(&more, va, old, new, to);
}

long
call_msync(uint64_t va, uint64_t len)
{
	if (va % EXO_PAGE != 0 || !range_ok(va, PAGE_UP(len)))
		return -EINVAL;
	return area_covers(va, va + PAGE_UP(len)) ? 0 : -ENOMEM;
}

/* ---- all of them, one thread at a time */

#define LOCKED(name, params, args)					      \
	long call_##name params						      \
	{								      \
		long r;							      \
									      \
		lock();							      \
		r = do_##name args;					      \
		unlock();						      \
		return r;						      \
	}
LOCKED(brk, (uint64_t want), (want))
LOCKED(mmap, (uint64_t va, uint64_t len, uint64_t prot, uint64_t flags,
    uint64_t fd, uint64_t offset), (va, len, prot, flags, fd, offset))
LOCKED(munmap, (uint64_t va, uint64_t len), (va, len))
LOCKED(mprotect, (uint64_t va, uint64_t len, uint64_t prot), (va, len, prot))
LOCKED(madvise, (uint64_t va, uint64_t len, uint64_t advice),
    (va, len, advice))
LOCKED(mincore, (uint64_t va, uint64_t len, uint64_t to), (va, len, to))
LOCKED(mremap, (uint64_t va, uint64_t old, uint64_t new, uint64_t flags,
    uint64_t to), (va, old, new, flags, to))
