/*
 * patch.c - system calls without a trap.
 *
 * Where a program says `mov $nr, %eax; syscall', the first instruction has
 * room for a jump.  It is turned into one, to a stub that knows the number and
 * the address behind the `syscall', and goes to Castor as an upcall would (and
 * so in another sort of site, below).  The
 * two bytes of `syscall' stay as they are, for who lands on them: a call that
 * begins again, a thread that was just there, and the image itself when it has
 * several threads and can't tell which one came.
 *
 * The page with the site becomes the process's own.  That costs more than some
 * traps do, so a process begins with it after a while.  Stubs lie where no
 * program may map anything, below USER_LOW; page zero is never there.
 */
#include <castor/string.h>

#include "area.h"
#include "context.h"
#include "patch.h"
#include "thread.h"

#define STUB_SIZE	16u
#define STUBS		((uint32_t)((STUBS_HIGH - STUBS_LOW) / STUB_SIZE) - 2)
#define AFTER		200		/* calls, before the first */
#define NOT_HERE	64		/* calls, after a site that won't do */
#define MOV_EAX		0xb8u
#define MOV_ECX		0xb9u
#define JMP		0xe9u
#define NR_getpid	39u

int32_t patch_wait = AFTER;
uint64_t only_regs;			/* of the only thread; 0: several */
uint64_t lwc_place;

static uint32_t stubs;

extern const char jump_full[], jump_getpid[], jump_any[], jump_trap[];

/* Where stubs jump, by words in front of them. */
enum { TO_GETPID, TO_FULL, TO_ANY, TOS };
#define TO(which)	(STUBS_LOW + (uint64_t)(which) * 8)
_Static_assert(TOS * 8 <= 2 * STUB_SIZE, "two stubs' room");

void
patch_reset(void)
{
	patch_wait = AFTER;
	stubs = 0;
}

/* ---- writing to what is executed: by turns, or by a copy */

static long
page_put(uint64_t va, uint64_t pte, uint64_t bits)
{
	return pt_put(va, (pte & EXO_PTE_ASK & ~(EXO_PTE_W | EXO_PTE_NX |
	    EXO_PTE_MAYW | EXO_PTE_MAYX | PTE_BORROWED)) | bits,
	    own.memory_slot);
}

/* A frame of its own at va, with what was there. */
static long
page_copy(uint64_t va, bool absent)
{
	long ppn = frame_get(EXO_PG_DATA);

	if (ppn < 0)
		return ppn;
	if (page_put(OWN_SCRATCH, EXO_PTE(ppn, 0), EXO_PTE_W | EXO_PTE_NX) < 0)
		image_die("no place to copy a page of text");
	if (!absent)
		memcpy((void *)OWN_SCRATCH, (const void *)va, EXO_PAGE);
	(void)!pt_put(OWN_SCRATCH, 0, 0);
	return page_put(va, EXO_PTE(ppn, 0), EXO_PTE_W | EXO_PTE_NX);
}

static long
text_write(uint64_t va, const void *bytes, uint64_t n)
{
	uint64_t page = PAGE_DOWN(va), pte = pt_get(page);
	long r = -1;

	if (pte != 0 && (pte & PTE_BORROWED) == 0)
		r = page_put(page, pte, EXO_PTE_W | EXO_PTE_NX);
	if (r < 0)
		r = page_copy(page, pte == 0);
	if (r < 0)
		return r;
	memcpy((void *)va, bytes, n);
	return page_put(page, pt_get(page), 0);
}

/* From now on no call is answered on the spot. */
void
patch_trap(void)
{
	const uint64_t entries[TOS] = { (uint64_t)jump_full,
		(uint64_t)jump_full, (uint64_t)jump_trap };

	patch_wait = INT32_MIN / 2;
	if (stubs > 0 && text_write(STUBS_LOW, entries, sizeof(entries)) < 0)
		image_die("the stubs stay");
}

/* ---- sites */

/*
 * Two sorts.  One says the number itself.  The other is all of a function that
 * has it as an argument, as C libraries pass on the calls that a thread may be
 * cancelled in (musl's __syscall_cp_c).  It is taken only as a whole, from
 * beginning to end, as its compiler made it: a line of moves with nothing to
 * jump to but its beginning, so that nobody lands within the one move that
 * becomes the jump; the stub does that and the next.  Whose call it is the
 * entry finds out each time.
 */
#define MOV_EAX_SITE	7u		/* bytes: mov, syscall */
static const uint8_t cp_code[] = {
	0x48, 0x89, 0xf8,		/* mov %rdi, %rax */
	0x4d, 0x89, 0xc2,		/* mov %r8, %r10 */
	0x48, 0x89, 0xf7,		/* mov %rsi, %rdi */
	0x4d, 0x89, 0xc8,		/* mov %r9, %r8 */
	0x48, 0x89, 0xd6,		/* mov %rdx, %rsi */
	0x4c, 0x8b, 0x4c, 0x24, 8,	/* mov 8(%rsp), %r9 */
	0x48, 0x89, 0xca,		/* mov %rcx, %rdx */
	0x0f, 0x05, 0xc3		/* syscall; ret */
};
#define CP_SIZE		((uint32_t)sizeof(cp_code))
#define CP_END		(CP_SIZE - 1)	/* where the call returns to */
#define CP_MOVE		15u		/* the one that becomes a jump, ... */
#define CP_MOVES	8u		/* ... and bytes that the stub does */

/* n bytes of code before and m behind it are these: in text that is a file's
 * and nobody writes. */
static bool
code_is(uint64_t rip, const uint8_t *want, uint32_t n, uint32_t m)
{
	const struct area *a = area_at(rip);
	uint8_t code[CP_SIZE];

	if (rip >> 31 != 0 || (rip & (EXO_PAGE - 1)) < n ||
	    (rip & (EXO_PAGE - 1)) + m > EXO_PAGE || a == NULL ||
	    a->file == 0 || a->flags != 0 || a->prot != (PROT_READ | PROT_EXEC))
		return false;
	return user_read(code, rip - n, n + m) == 0 &&
	    memcmp(code, want, n + m) == 0;
}

static bool
is_mov_eax(uint64_t rip, uint32_t nr)
{
	uint8_t want[MOV_EAX_SITE] = { MOV_EAX, 0, 0, 0, 0, 0x0f, 0x05 };

	memcpy(want + 1, &nr, 4);
	return code_is(rip, want, MOV_EAX_SITE, 0);
}

/* The stub's end: mov $back, %ecx; jmp *(entry). */
static long
stub_write(uint64_t at, const uint8_t *begin, uint32_t n, uint64_t back,
    uint64_t entry)
{
	uint8_t code[2 * STUB_SIZE] = { 0 };
	uint32_t to = (uint32_t)back, end = n + 11;
	int32_t away = (int32_t)(entry - (at + end));

	memcpy(code, begin, n);
	code[n] = MOV_ECX;
	memcpy(code + n + 1, &to, 4);
	code[n + 5] = 0xff;
	code[n + 6] = 0x25;
	memcpy(code + n + 7, &away, 4);
	return text_write(at, code, end);
}

static bool
site_jump(uint64_t site, uint64_t at)
{
	uint8_t jump[5] = { JMP };
	int32_t away = (int32_t)(at - (site + sizeof(jump)));

	memcpy(jump + 1, &away, 4);
	return text_write(site, jump, sizeof(jump)) == 0;
}

static bool
site_patch(uint64_t rip, uint32_t nr)
{
	const uint64_t entries[TOS] = { (uint64_t)jump_getpid,
		(uint64_t)jump_full, (uint64_t)jump_any };
	uint64_t at = STUBS_LOW + (2 + stubs) * STUB_SIZE;
	uint8_t mov[5] = { MOV_EAX };
	bool cp = code_is(rip, cp_code, CP_END, CP_SIZE - CP_END);

	if (cp && at % EXO_PAGE == EXO_PAGE - STUB_SIZE) {
		stubs++;		/* two, in one page */
		at += STUB_SIZE;
	}
	if (stubs + 2 > STUBS || !(cp || is_mov_eax(rip, nr)))
		return false;
	if (stubs == 0 && text_write(STUBS_LOW, entries, sizeof(entries)) < 0)
		return false;
	memcpy(mov + 1, &nr, 4);
	if (cp ? stub_write(at, cp_code + CP_MOVE, CP_MOVES, rip, TO(TO_ANY)) :
	    stub_write(at, mov, sizeof(mov), rip, TO(nr == NR_getpid ?
	    TO_GETPID : TO_ANY)) < 0)
		return false;
	stubs += cp ? 2 : 1;
	return site_jump(cp ? rip - CP_END + CP_MOVE : rip - MOV_EAX_SITE, at);
}

void
patch_try(const struct exo_regs *r)
{
	bool done = false;

	if (own_flags & LWC_SYSTRAP)
		return;			/* each call goes the long way */
	lock();
	if (only_regs != 0)
		done = site_patch(r->rip, (uint32_t)r->rax);
	if (!done)
		patch_wait = NOT_HERE;
	unlock();
}
