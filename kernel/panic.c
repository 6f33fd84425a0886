/*
 * panic.c - says what went wrong, where, and how the kernel got there.
 *
 * The kernel is built without frame pointers, so the back-trace is a guess:
 * every word on the stack that points just after a call instruction in the
 * kernel's text.  Stale words show up too; those lines are marked `?' as all
 * are.  Names come from the table that tools/ksyms links in.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "console.h"
#include "cpu.h"
#include "dev/power.h"
#include "panic.h"
#include "x86.h"

#define PANIC_STATUS	3
#define TRACE_LINES	24
#define TRACE_WORDS	2048		/* of 8 bytes: one stack */

struct ksym {
	uint32_t offset;	/* from text_start */
	uint32_t name;		/* in ksym_names */
};

extern const uint32_t ksym_count;
extern const struct ksym ksym_rows[];
extern const char ksym_names[];
extern const uint8_t text_start[], text_end[];

static bool
text_holds(uint64_t va)
{
	return va > (uintptr_t)text_start && va < (uintptr_t)text_end;
}

static void
symbol_print(uint64_t va)
{
	uint64_t offset = va - (uintptr_t)text_start;
	uint32_t lo = 0, hi = ksym_count, mid;

	if (!text_holds(va) || ksym_count == 0 ||
	    offset < ksym_rows[0].offset) {
		kprintf("%016lx\n", va);
		return;
	}
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (ksym_rows[mid].offset <= offset)
			lo = mid;
		else
			hi = mid;
	}
	kprintf("%016lx %s+0x%lx\n", va, ksym_names + ksym_rows[lo].name,
	    offset - ksym_rows[lo].offset);
}

/* Does a call instruction end at va?  (SDM volume 2: E8 and FF /2.) */
static bool
follows_call(uint64_t va)
{
	const uint8_t *p = (const uint8_t *)va;
	unsigned n;

	if (!text_holds(va) || va - (uintptr_t)text_start < 8)
		return false;
	if (p[-5] == 0xe8)
		return true;
	for (n = 2; n <= 7; n++)
		if (p[-(int)n] == 0xff && (p[1 - (int)n] & 0x38) == 0x10)
			return true;
	return false;
}

static void
trace_print(uint64_t rip, uint64_t rsp)
{
	uint64_t top = cpu_stack_top(rsp);
	const uint64_t *p;
	unsigned lines = 0, words = 0;

	kprintf("  at ");
	symbol_print(rip);
	if (top == 0) {
		kprintf("  rsp %016lx is on no kernel stack\n", rsp);
		return;
	}
	p = (const uint64_t *)(rsp & ~7ul);
	for (; (uintptr_t)p < top && words < TRACE_WORDS; p++, words++) {
		if (!follows_call(*p))
			continue;
		kprintf("   ? ");
		symbol_print(*p);
		if (++lines == TRACE_LINES)
			break;
	}
}

static void
regs_print(const struct exo_regs *r)
{
	kprintf("error %lx addr %lx cs %lx rflags %lx\n", r->err, r->addr,
	    r->cs, r->rflags);
	kprintf("rax %016lx rbx %016lx rcx %016lx\n", r->rax, r->rbx, r->rcx);
	kprintf("rdx %016lx rsi %016lx rdi %016lx\n", r->rdx, r->rsi, r->rdi);
	kprintf("rbp %016lx rsp %016lx r8  %016lx\n", r->rbp, r->rsp, r->r8);
	kprintf("r9  %016lx r10 %016lx r11 %016lx\n", r->r9, r->r10, r->r11);
	kprintf("r12 %016lx r13 %016lx r14 %016lx\n", r->r12, r->r13, r->r14);
	kprintf("r15 %016lx\n", r->r15);
}

/* A panic inside a panic ends the run without more words. */
static void
panic_begin(const char *f, va_list ap)
{
	static bool once;

	__asm__ volatile("cli");
	if (once)
		power_off(PANIC_STATUS);
	once = true;
	kprintf("\npanic: ");
	kvprintf(f, ap);
	kprintf("\n");
}

_Noreturn void
panic(const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	panic_begin(f, ap);
	va_end(ap);
	trace_print((uintptr_t)__builtin_return_address(0),
	    (uintptr_t)__builtin_frame_address(0) + 16);
	power_off(PANIC_STATUS);
}

_Noreturn void
panic_regs(const struct exo_regs *r, const char *f, ...)
{
	va_list ap;

	va_start(ap, f);
	panic_begin(f, ap);
	va_end(ap);
	regs_print(r);
	trace_print(r->rip, r->rsp);
	power_off(PANIC_STATUS);
}
