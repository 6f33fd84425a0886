/*
 * upcall.c - traps and slices, as the kernel hands them to this domain.
 */
#include <castor/print.h>
#include <castor/self.h>
#include <castor/upcall.h>
#include <castor/vm.h>

static upcall_fn handlers[UPCALL_KINDS];

upcall_fn
upcall_set(uint64_t kind, upcall_fn fn)
{
	upcall_fn old;

	if (kind >= UPCALL_KINDS)
		return NULL;
	old = handlers[kind];
	handlers[kind] = fn;
	return old;
}

void
upcall_print(const struct exo_regs *r, uint64_t kind)
{
	print("  kind %lu err %lx addr %lx rip %lx rflags %lx rsp %lx\n", kind,
	    r->err, r->addr, r->rip, r->rflags, r->rsp);
	print("  rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx\n", r->rax,
	    r->rbx, r->rcx, r->rdx, r->rsi, r->rdi);
	print("  rbp %lx r8 %lx r9 %lx r10 %lx r11 %lx r12 %lx\n", r->rbp,
	    r->r8, r->r9, r->r10, r->r11, r->r12);
	print("  r13 %lx r14 %lx r15 %lx\n", r->r13, r->r14, r->r15);
}

static _Noreturn void
upcall_fatal(const struct exo_regs *r, uint64_t kind)
{
	print("%s: ", self->args);
	if (kind == EXO_K_TRAP + TRAP_PAGE)
		print("nothing at %lx to %s (rip %lx)\n", r->addr,
		    (r->err & FAULT_FETCH) != 0 ? "run" :
		    (r->err & FAULT_WRITE) != 0 ? "write" : "read", r->rip);
	else if (kind >= EXO_K_TRAP)
		print("exception %lu at rip %lx\n", kind - EXO_K_TRAP, r->rip);
	else
		print("upcall %lu at rip %lx\n", kind, r->rip);
	upcall_print(r, kind);
	castor_exit(EXIT_DIED);
}

void
upcall_dispatch(struct exo_regs *r, uint64_t kind)
{
	if (kind < UPCALL_KINDS && handlers[kind] != NULL &&
	    handlers[kind](r, kind))
		return;
	if (kind == EXO_K_TRAP + TRAP_PAGE && vm_fault(r->addr, r->err))
		return;
	if (kind != EXO_K_SLICE)
		upcall_fatal(r, kind);
}
