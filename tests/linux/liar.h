/*
 * liar.h - a context that has another Castor than its creator's: the same text,
 * but what it is asked (lwc.c: lwc_service) a function of its own answers.
 *
 * A context edits its own tables, so it may put what it likes in the place of
 * the image: nothing that it answers is to be believed.
 */
#ifndef LINUX_LIAR_H
#define LINUX_LIAR_H

#include <stdint.h>
#include <string.h>

#include <castor/sys.h>

#include "../../libos/image/layout.h"
#include "native.h"

enum liar_ask { LIAR_READ, LIAR_WRITE, LIAR_AREA };	/* lwc.c: enum ask */

/* To be filled by liar_answer: rdi rsi r8 r9 r10 rbx, and what it says. */
#define LIAR_USED	__attribute__((used))
static uint64_t liar_out[7] LIAR_USED;
static volatile uint8_t liar_xmm[16] LIAR_USED;	/* that came along with the */
static volatile uint64_t liar_fs LIAR_USED, liar_gs LIAR_USED;	/* question */
static uint64_t liar_own_fs LIAR_USED;
static uint8_t liar_stack[8192] LIAR_USED __attribute__((aligned(64)));

/* What whoever enters leaves in registers: rbx rbp r11-r15 fs gs flags. */
#define LIAR_SAW	10
static volatile uint64_t liar_saw[LIAR_SAW] LIAR_USED;
static volatile uint8_t liar_saw_xmm[16] LIAR_USED;

void liar_answer(uint64_t op, uint64_t a, uint64_t b, uint64_t c);

/* Where the image goes for whoever calls (entry.asm: not_entered). */
__attribute__((naked, used)) static void
liar_called(void)
{
	__asm__ volatile(
	    "movdqu %%xmm0, liar_xmm(%%rip)\n\t"
	    "rdfsbase %%rax\n\t"
	    "mov %%rax, liar_fs(%%rip)\n\t"
	    "rdgsbase %%rax\n\t"
	    "mov %%rax, liar_gs(%%rip)\n\t"
	    "mov liar_own_fs(%%rip), %%rax\n\t"
	    "wrfsbase %%rax\n\t"
	    "lea liar_stack+8192(%%rip), %%rsp\n\t"
	    "mov %%rsi, %%rdi\n\t"
	    "mov %%rdx, %%rsi\n\t"
	    "mov %%r10, %%rdx\n\t"
	    "mov %%r8, %%rcx\n\t"
	    "cld\n\t"
	    "call liar_answer\n\t"
	    "lea liar_out(%%rip), %%rax\n\t"
	    "mov 0(%%rax), %%rdi\n\t"
	    "mov 8(%%rax), %%rsi\n\t"
	    "mov 16(%%rax), %%r8\n\t"
	    "mov 24(%%rax), %%r9\n\t"
	    "mov 32(%%rax), %%r10\n\t"
	    "mov 40(%%rax), %%rbx\n\t"
	    "mov 48(%%rax), %%rdx\n\t"
	    "mov %[reply], %%eax\n\t"
	    "syscall\n\t"
	    "ud2" : : [reply] "i"(EXO_NR_BASE + EXO_NR_reply));
}

/* And for whoever enters: what entry.asm does, but it looks first. */
__attribute__((naked, used)) static void
liar_entered(void)
{
	__asm__ volatile(
	    "movdqu %xmm0, liar_saw_xmm(%rip)\n\t"
	    "lea liar_saw(%rip), %rax\n\t"
	    "mov %rbx, 0(%rax)\n\t"
	    "mov %rbp, 8(%rax)\n\t"
	    "mov %r11, 16(%rax)\n\t"
	    "mov %r12, 24(%rax)\n\t"
	    "mov %r13, 32(%rax)\n\t"
	    "mov %r14, 40(%rax)\n\t"
	    "mov %r15, 48(%rax)\n\t"
	    "rdfsbase %rcx\n\t"
	    "mov %rcx, 56(%rax)\n\t"
	    "rdgsbase %rcx\n\t"
	    "mov %rcx, 64(%rax)\n\t"
	    "lea liar_stack+8192(%rip), %rcx\n\t"
	    "xchg %rcx, %rsp\n\t"
	    "pushfq\n\t"
	    "popq 72(%rax)\n\t"
	    "mov %rcx, %rsp\n\t"
	    "fninit\n\t"
	    "pop %rcx\n\t"
	    "wrgsbase %rcx\n\t"
	    "pop %rcx\n\t"
	    "wrfsbase %rcx\n\t"
	    "pop %rbp\n\t"
	    "pop %rcx\n\t"
	    "pop %rsp\n\t"
	    "xor %eax, %eax\n\t"
	    "jmp *%rcx");
}

/* A frame of mine: a table, its companion, or (va) a copy of that page. */
static inline exo_ppn
liar_frame(exo_id acct, uint32_t kind, uint64_t va)
{
	for (int i = 0; i < 2; i++) {
		exo_ppn p = EXO_MACHINE->free_head;
		long r = va != 0 ? exo_page_copy(acct, EXO_START_SLOT_ACCT,
		    EXO_START_SLOT_MEMORY, p, va) : exo_page_alloc(acct,
		    EXO_START_SLOT_ACCT, EXO_START_SLOT_MEMORY, kind, p, 1);

		if (r >= 0)
			return p;
		if (native_ask(CM_RAISE, EXO_RES_FRAMES, 64, 0, 0) < 0)
			break;
	}
	return 0;
}

static inline long
liar_enter(exo_ppn table, uint64_t va, uint32_t level, uint64_t pte)
{
	return exo_pt_set(0, table, EXO_PT_INDEX(va, level), pte,
	    EXO_START_SLOT_MEMORY);
}

/* Where `jnz not_entered' leads, in a copy of the image. */
static inline uint8_t *
liar_place(uint8_t *text)
{
	int32_t far;

	if (text[2] == 0x75)
		return text + 4 + (int8_t)text[3];
	memcpy(&far, text + 4, sizeof(far));
	return text + 8 + far;
}

/* Where there is room for that: mov $to, %rcx; jmp *%rcx */
static inline void
liar_jump(uint8_t *at, void (*f)(void))
{
	uint64_t to = (uint64_t)f;

	memcpy(at, "\x48\xb9", 2);
	memcpy(at + 2, &to, sizeof(to));
	memcpy(at + 10, "\xff\xe1", 2);
}

/* From now on.  acct: whose frames it takes.  0: done. */
static inline int
liar_begin(exo_id acct)
{
	const uint64_t *own = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);
	exo_ppn root = EXO_PTE_PPN(own[EXO_PT_INDEX(OWN_VIEWS + VIEW_ROOT *
	    EXO_PAGE, 1)]), table[5] = { 0 }, companion;
	static uint8_t copy[EXO_PAGE] __attribute__((aligned(4096)));
	uint64_t n = 0;

	memcpy(copy, (void *)TEXT, sizeof(copy));
	liar_jump(liar_place(copy), liar_called);
	liar_jump(copy + (copy[2] == 0x75 ? 4 : 8), liar_entered);
	memset(liar_stack, 0, sizeof(liar_stack));
	memset(liar_out, 0, sizeof(liar_out));
	__asm__ volatile("rdfsbase %0" : "=r"(liar_own_fs));
	for (uint32_t level = 1; level <= 3; level++) {
		table[level] = liar_frame(acct, EXO_PG_PT1 + level - 1, 0);
		if (table[level] == 0)
			return 2;
	}
	companion = liar_frame(acct, EXO_PG_RMAP, 0);
	if (exo_pt_companion(table[1], companion) < 0)
		return 3;
	for (exo_ppn p; n < 512 && (p = liar_frame(acct, 0, n == 0 ?
	    (uint64_t)copy : TEXT + n * EXO_PAGE)) != 0; n++) {
		if (liar_enter(table[1], TEXT + n * EXO_PAGE, 1,
		    EXO_PTE(p, 0)) < 0)
			return 4;
	}
	if (n < 8)
		return 1;
	if (liar_enter(table[2], TEXT, 2, EXO_PTE(table[1], EXO_PTE_W)) < 0 ||
	    liar_enter(table[3], TEXT, 3, EXO_PTE(table[2], EXO_PTE_W)) < 0)
		return 5;
	return liar_enter(root, TEXT, 4, EXO_PTE(table[3], EXO_PTE_W)) < 0 ?
	    6 : 0;
}

#endif
