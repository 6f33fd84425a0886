/*
 * offsets.c - offsets and constants for entry.asm, generated from C.
 *
 * Compiled to assembly and never linked: the Makefile turns each line "->NAME
 * value" into a NASM definition.
 */
#include "cpu.h"
#include "object.h"

#define DEF(name, value)	\
	__asm__ volatile("\n->" #name " %0" : : "i"((long)(value)))

void offsets(void);

void
offsets(void)
{
	DEF(CPU_SEAT, offsetof(struct cpu, seat));
	DEF(CPU_CSP, offsetof(struct cpu, csp));
	DEF(CPU_ENV_ID, offsetof(struct cpu, env_id));
	DEF(CPU_USER_RSP, offsetof(struct cpu, user_rsp));
	DEF(CPU_USER_RIP, offsetof(struct cpu, user_rip));
	DEF(CPU_REGS, offsetof(struct cpu, regs));
	DEF(CPU_SWITCHED, offsetof(struct cpu, switched));

	DEF(TSS_RSP0, offsetof(struct tss, rsp));

	DEF(SEAT_KEY, offsetof(struct seat, key));
	DEF(SEAT_GEN, offsetof(struct seat, gen));
	DEF(SEAT_DOM, offsetof(struct seat, dom));
	DEF(SEAT_ENV, offsetof(struct seat, env));
	DEF(SEAT_ENTRY, offsetof(struct seat, entry));
	DEF(SEAT_STACK, offsetof(struct seat, stack));
	DEF(SEAT_UP_BASE, offsetof(struct seat, up_base));
	DEF(SEAT_UP_KVA, offsetof(struct seat, up_kva));
	DEF(SEAT_UPCALL, offsetof(struct seat, upcall));
	DEF(SEAT_FAULT_FAST, offsetof(struct seat, fault_fast));
	DEF(SEAT_FOREIGN_FAST, offsetof(struct seat, foreign_fast));

	DEF(DOM_ROW, offsetof(struct domain, row));
	DEF(DOM_CR3, offsetof(struct domain, cr3));
	DEF(DOM_NFAST, offsetof(struct domain, nfast));
	DEF(DOM_HANDLES, offsetof(struct domain, handles));

	DEF(HANDLE_SEAT, offsetof(struct handle, seat));
	DEF(HANDLE_GEN, offsetof(struct handle, gen));
	DEF(HANDLE_BADGE, offsetof(struct handle, badge));

	DEF(LINK_SEAT, offsetof(struct link, seat));
	DEF(LINK_RIP, offsetof(struct link, rip));
	DEF(LINK_RSP, offsetof(struct link, rsp));
	DEF(LINK_SIZE, sizeof(struct link));

	DEF(REGS_RAX, offsetof(struct exo_regs, rax));
	DEF(REGS_ADDR, offsetof(struct exo_regs, addr));
	DEF(REGS_CS, offsetof(struct exo_regs, cs));

	DEF(NR_ENTER, EXO_NR_BASE + EXO_NR_enter);
	DEF(NR_CALL, EXO_NR_BASE + EXO_NR_call);
	DEF(NR_REPLY, EXO_NR_BASE + EXO_NR_reply);
	DEF(NR_BASE, EXO_NR_BASE);
	DEF(NR_MASK, EXO_NR_MASK);
	DEF(NR_MAX, EXO_NR_MAX);
	DEF(E_CALL, EXO_E_CALL);
	DEF(E_ADDR, EXO_E_ADDR);
	DEF(K_CALL, EXO_K_CALL);
	DEF(K_REPLY, EXO_K_REPLY);
	DEF(K_FOREIGN, EXO_K_FOREIGN);
	DEF(K_FAULT, EXO_K_TRAP + 14);
	DEF(UP_HEAD, EXO_UPCALL_HEAD);
	DEF(UP_SIZE, EXO_PAGE - EXO_UPCALL_HEAD);
	DEF(UP_ROOM, EXO_UPFRAME_ROOM);
}

_Static_assert(EXO_NR_enter == 0 && EXO_NR_call == 1 && EXO_NR_reply == 2,
    "entry.asm tells them apart by their order");
_Static_assert(sizeof(struct link) * (CHAIN_MAX + 1) +
    offsetof(struct env, chain) == 0x400, "a full chain ends at a multiple "
    "of 256, which entry.asm tests");
_Static_assert(EXO_K_ENTER == 0, "xor eax, eax");
