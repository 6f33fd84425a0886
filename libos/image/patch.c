/*
 * patch.c - system calls without a trap.
 *
 * Where a program says `mov $nr, %eax; syscall', the first instruction has
 * room for a jump.  It is turned into one, to a stub that knows the number and
 * the address behind the `syscall', and goes to Castor as an upcall would.  The
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
#define STUBS		((uint32_t)((STUBS_HIGH - STUBS_LOW) / STUB_SIZE) - 1)
#define AFTER		200		/* calls, before the first */
#define NOT_HERE	64		/* calls, after a site that won't do */
#define SITE		7u		/* bytes: mov, syscall */
#define MOV_EAX		0xb8u
#define MOV_ECX		0xb9u
#define JMP		0xe9u
#define NR_getpid	39u

int32_t patch_wait = AFTER;
uint64_t only_regs;			/* of the only thread; 0: several */
uint64_t lwc_place;

static uint32_t stubs;

extern const char jump_full[], jump_getpid[];

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
	const uint64_t entries[2] = { (uint64_t)jump_full,
		(uint64_t)jump_full };

	patch_wait = INT32_MIN / 2;
	if (stubs > 0 && text_write(STUBS_LOW, entries, sizeof(entries)) < 0)
		image_die("the stubs stay");
}

/* ---- sites */

/* mov $nr, %eax; mov $back, %ecx; jmp *(entry): getpid needs no number. */
static long
stub_write(uint64_t at, uint32_t nr, uint64_t back)
{
	uint64_t entry = nr == NR_getpid ? STUBS_LOW : STUBS_LOW + 8;
	int32_t away = (int32_t)(entry - (at + STUB_SIZE));
	uint32_t to = (uint32_t)back;
	uint8_t code[STUB_SIZE] = { MOV_EAX, 0, 0, 0, 0, MOV_ECX, 0, 0, 0, 0,
		0xff, 0x25 };

	memcpy(code + 1, &nr, 4);
	memcpy(code + 6, &to, 4);
	memcpy(code + 12, &away, 4);
	return text_write(at, code, sizeof(code));
}

static bool
site_good(uint64_t rip, uint32_t nr)
{
	const struct area *a = area_at(rip);
	uint8_t code[SITE], want[SITE] = { MOV_EAX, 0, 0, 0, 0, 0x0f, 0x05 };

	if (rip >> 31 != 0 || (rip & (EXO_PAGE - 1)) < SITE || a == NULL ||
	    a->file == 0 || a->flags != 0 || a->prot != (PROT_READ | PROT_EXEC))
		return false;
	memcpy(want + 1, &nr, 4);
	return user_read(code, rip - SITE, SITE) == 0 &&
	    memcmp(code, want, SITE) == 0;
}

static bool
site_patch(uint64_t rip, uint32_t nr)
{
	const uint64_t entries[2] = { (uint64_t)jump_getpid,
		(uint64_t)jump_full };
	uint64_t at = STUBS_LOW + STUB_SIZE + stubs * STUB_SIZE;
	uint64_t site = rip - SITE;
	uint8_t jump[5] = { JMP };
	int32_t away = (int32_t)(at - (site + sizeof(jump)));

	if (stubs == STUBS || !site_good(rip, nr))
		return false;
	if (stubs == 0 && text_write(STUBS_LOW, entries, sizeof(entries)) < 0)
		return false;
	if (stub_write(at, nr, rip) < 0)
		return false;
	stubs++;
	memcpy(jump + 1, &away, 4);
	return text_write(site, jump, sizeof(jump)) == 0;
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
