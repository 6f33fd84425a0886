/*
 * paths.c - the ways into the kernel and out: calls that do nothing, other
 * domains, upcalls.
 *
 * Measured in a seat of its own, whose upcall handler is the one below: it
 * saves all registers, reads the clock, and goes back.
 */
#include "bench.h"
#include "cell.h"

#define SEAT	2u			/* of this domain */

/* bench_seat: called: run bench_body, reply.  Entered: back from a cell. */
__asm__(".pushsection .text\n"
	"bench_seat:\n"
	"	cmpl $1, %eax\n"		/* EXO_K_CALL */
	"	je 1f\n"
	"	movq bench_rsp, %rsp\n"
	"	ret\n"
	"1:	cld\n"
	"	call *bench_body\n"
	"	xorl %edi, %edi\n"
	"	call exo_reply\n"
	"	ud2\n"
	".popsection\n");
void bench_seat(void);
uint64_t bench_rsp;
void (*bench_body)(void);

/*
 * The upcall: ticks since BENCH_FROM into the interrupted r13; r14 bytes of
 * its code are skipped; and BENCH_FROM again, for the way back: by Castor's
 * ret (libos/crt.asm says why), or by iretq where there is no SMAP.
 */
#define UPCALL_IN							      \
	"	pushq %rsi\n pushq %rdi\n pushq %r8\n pushq %r9\n"	      \
	"	pushq %r10\n pushq %rbx\n pushq %rbp\n pushq %r12\n"	      \
	"	pushq %r13\n pushq %r14\n pushq %r15\n"		      \
	"	BENCH_TO\n"						      \
	"	movq %rax, 16(%rsp)\n"		/* r13 */		      \
	"	addq %r14, 136(%rsp)\n"	/* rip */		      \
	"	rdtsc\n"						      \
	"	shlq $32, %rdx\n"					      \
	"	orq %rdx, %rax\n"					      \
	"	movq %rax, 24(%rsp)\n"		/* r12 */		      \
	"	popq %r15\n popq %r14\n popq %r13\n popq %r12\n"	      \
	"	popq %rbp\n popq %rbx\n popq %r10\n popq %r9\n"	      \
	"	popq %r8\n popq %rdi\n popq %rsi\n"
__asm__(".pushsection .text\n"
	"upcall_ret:\n"
	UPCALL_IN
	"	movq 72(%rsp), %rcx\n"
	"	movq %rcx, %rax\n"
	"	xorq %rsp, %rax\n"
	"	testq $-4096, %rax\n"
	"	movq 48(%rsp), %rax\n"
	"	jz 1f\n"
	"	movq %rax, -136(%rcx)\n"
	"	subq $136, %rcx\n"
	"	movq %rcx, 72(%rsp)\n"
	"	popq %r11\n popq %rdx\n popq %rcx\n popq %rax\n"
	"	addq $32, %rsp\n"
	"	popfq\n"
	"	popq %rsp\n"
	"	ret $128\n"
	"1:	ud2\n"
	"upcall_iretq:\n"
	UPCALL_IN
	"	popq %r11\n popq %rdx\n popq %rcx\n popq %rax\n"
	"	addq $16, %rsp\n"
	"	iretq\n"
	".popsection\n");
void upcall_ret(void);
void upcall_iretq(void);

static bool
with_smap(void)
{
	return (EXO_MACHINE->features & EXO_FEAT_SMAP) != 0;
}

/*
 * bench_trap_NAME(out): out[0]: to the handler, all registers saved; out[1]:
 * from its last instruction but the pops, back to the one that follows.
 */
#define TRAP_FN(name, skip, code)					      \
	__asm__(".pushsection .text\n"					      \
		"bench_trap_" #name ":\n"				      \
		"	BENCH_PUSH\n"					      \
		"	movq %rdi, %rbx\n"				      \
		"	movq %rsi, %rdi\n"				      \
		"	movl $" #skip ", %r14d\n"			      \
		"	BENCH_FROM\n"					      \
		"	" code "\n"					      \
		"	BENCH_TO\n"					      \
		"	movq %r13, (%rbx)\n"				      \
		"	movq %rax, 8(%rbx)\n"				      \
		"	BENCH_POP\n"					      \
		"	ret\n"						      \
		".popsection\n");					      \
	void bench_trap_##name(uint64_t out[2], uint64_t va)
TRAP_FN(fault, 3, "movb $0, (%rdi)");
TRAP_FN(opcode, 2, "ud2");
TRAP_FN(foreign, 0, "movl $39, %eax\n syscall");

/*
 * Seats of the cell.  enter: ticks since BENCH_FROM in r13, and back by the
 * handle in its place 0.  arrive: the same, and a reply.  leave: BENCH_FROM,
 * and a reply.  null: a reply.
 */
__asm__(".pushsection .text\n"
	"cell_seat_enter:\n"
	"	BENCH_TO\n"
	"	movq %rax, %r13\n"
	"	xorl %edi, %edi\n"
	"	movl $0x58000000, %eax\n"
	"	syscall\n"
	"	ud2\n"
	"cell_seat_arrive:\n"
	"	BENCH_TO\n"
	"	movq %rax, %r13\n"
	"	movl $0x58000002, %eax\n"
	"	syscall\n"
	"	ud2\n"
	"cell_seat_leave:\n"
	"	BENCH_FROM\n"
	"cell_seat_null:\n"
	"	movl $0x58000002, %eax\n"
	"	syscall\n"
	"	ud2\n"
	".popsection\n");
void cell_seat_enter(void);
void cell_seat_arrive(void);
void cell_seat_leave(void);
void cell_seat_null(void);

/*
 * bench_enter(handle): ticks one way.  bench_cross(handle, out): out[0] is
 * what an arriving callee read, out[1] the time since BENCH_FROM (by itself,
 * the way there and back; the callee's, the way back).
 */
__asm__(".pushsection .text\n"
	"bench_enter:\n"
	"	BENCH_PUSH\n"
	"	leaq 1f(%rip), %rax\n"
	"	pushq %rax\n"
	"	movq %rsp, bench_rsp\n"
	"	BENCH_FROM\n"
	"	movl $0x58000000, %eax\n"
	"	syscall\n"
	"	ud2\n"
	"1:	movq %r13, %rax\n"
	"	BENCH_POP\n"
	"	ret\n"
	"bench_cross:\n"
	"	BENCH_PUSH\n"
	"	movq %rsi, %rbx\n"
	"	BENCH_FROM\n"
	"	movl $0x58000001, %eax\n"
	"	syscall\n"
	"	BENCH_TO\n"
	"	movq %r13, (%rbx)\n"
	"	movq %rax, 8(%rbx)\n"
	"	BENCH_POP\n"
	"	ret\n"
	".popsection\n");
uint64_t bench_enter(uint64_t handle);
void bench_cross(uint64_t handle, uint64_t out[2]);

static struct cell cell;
static uint64_t me;			/* my handle to SEAT */

static void
seat_prepare(void)
{
	long ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	struct exo_seat_args a = {
		.env = self->env,
		.entry = (uint64_t)bench_seat,
		.upcall = (uint64_t)(with_smap() ? upcall_ret : upcall_iretq),
		.upcall_ppn = (exo_ppn)ppn,
		.upcall_slot = self->memory_slot,
	};
	uint8_t *stack = vm_alloc(4 * EXO_PAGE);

	vm_touch(stack, 4 * EXO_PAGE);
	a.stack = (uint64_t)stack + 4 * EXO_PAGE;
	a.upcall_va = (uint64_t)must(vm_map_frame((exo_ppn)ppn, VM_RW,
	    self->memory_slot));
	must(exo_seat_bind(self->domain, self->domain_slot, SEAT,
	    (uint64_t)&a));
	me = (uint64_t)must(place_open(self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, SEAT, 0,
	    self->domain, me));
}

/* Run it in SEAT, where no fault is Castor's to repair. */
static void
in_seat(void (*body)(void))
{
	bench_body = body;
	EQ(exo_call(me, 0, 0, 0, 0, 0, NULL), EXO_K_REPLY);
}

static uint64_t
cell_entry(uint32_t seat, void (*entry)(void))
{
	must(cell_bind(&cell, seat, self->env, entry, NULL));
	return cell_handle(&cell, seat, 0);
}

static void
calls(void)
{
	BENCH_ROW("null_syscall", .aim = 28, .peer = "null_syscall_getppid",
	    .bound = "six registers scrubbed, one indirect call")
		bench_take(bench_call(null));
	BENCH_ROW("refused_no_such_call", .peer = "bad_syscall_nr",
	    .bound = "as a call, with no table to look in")
		bench_take(bench_error(bench_raw((struct bench_args){
		    EXO_NR_BASE + 90, { 0 } }), -EXO_E_CALL, "90"));
	BENCH_ROW("refused_name", .bound = "an id that names nothing")
		bench_take(bench_refused(domain_row, NAME, EXO_ID(9, 9),
		    self->domain_slot, 0, 0));
	BENCH_ROW("refused_slot", .bound = "a look into the slot table")
		bench_take(bench_refused(domain_row, SLOT, self->domain,
		    EXO_SLOT(3, 0), 0, 0));
	BENCH_ROW("refused_denied", .bound = "the comparison of names")
		bench_take(bench_refused(domain_row, DENIED, self->domain,
		    self->env_slot, 0, 0));
	BENCH_ROW("refused_call_handle",
	    .bound = "the slow path, which names the error")
		bench_take(bench_refused(call, SLOT, 31));
}

static uint64_t h_enter, h_arrive, h_leave, h_null;

static uint64_t
cross(uint64_t handle, uint32_t which)
{
	uint64_t out[2];

	bench_cross(handle, out);
	return out[which] - bench_asm_cost;
}

static void
domains(void)
{
	BENCH_ROW("enter_one_way", .aim = 35,
	    .bound = "handle, seat and env checked; CR3")
		bench_take(bench_enter(h_enter) - bench_asm_cost);
	BENCH_ROW("call_one_way", .bound = "as enter, and a link written")
		bench_take(cross(h_arrive, 0));
	BENCH_ROW("reply_one_way", .bound = "the link read; CR3")
		bench_take(cross(h_leave, 1));
	BENCH_ROW("call_and_reply", .aim = 65, .peer = "pipe_pingpong_rt",
	    .bound = "the two together")
		bench_take(cross(h_null, 1));
	BENCH_ROW("call_and_reply_castor", .peer = "pipe_pingpong_rt",
	    .bound = "exo_call keeps and scrubs what a C caller wants kept")
		bench_take(bench_time(must(exo_call(h_null, 1, 2, 3, 4, 5,
		    NULL))));
}

static void
trap_row(void (*trap)(uint64_t out[2], uint64_t va), uint32_t which,
    const struct bench_row *row)
{
	uint64_t out[2], va = vm_alloc_va(1);

	for (bench_begin(row); bench_more(); ) {
		trap(out, va);
		bench_take(out[which] - bench_asm_cost);
	}
}

static void
upcalls(void)
{
	trap_row(bench_trap_fault, 0, &(struct bench_row){
	    .name = "page_fault_to_handler", .aim = 50,
	    .peer = "segv_trap_only",
	    .bound = "eleven words moved to the upcall stack, eleven pushed"
	});
	trap_row(bench_trap_fault, 1, &(struct bench_row){
	    .name = with_smap() ? "handler_back" : "handler_back_iretq",
	    .aim = 18,
	    .bound = with_smap() ? "fifteen pops; iretq faults here (QEMU, "
		"SMAP), so RIP goes by way of the stack" :
		"fifteen pops and iretq; a machine without SMAP" });
	trap_row(bench_trap_foreign, 0, &(struct bench_row){
	    .name = "foreign_call_to_upcall", .peer = "sud_sigsys_rt",
	    .bound = "eleven words written, eleven pushed" });
	trap_row(bench_trap_opcode, 0, &(struct bench_row){
	    .name = "exception_to_handler", .peer = "sigill_ud2_trap_only",
	    .bound = "all registers saved, the rows in C, all loaded" });
}

static void
all(void)
{
	calls();
	domains();
	upcalls();
}

TEST(paths)
{
	struct cell_opts o = { .seats = 8 };

	cell_make(&cell, &o);
	seat_prepare();
	must(exo_handle_open(cell.domain, cell.name, 0, self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, SEAT, 0,
	    cell.domain, 0));
	h_enter = cell_entry(2, cell_seat_enter);
	h_arrive = cell_entry(3, cell_seat_arrive);
	h_leave = cell_entry(4, cell_seat_leave);
	h_null = cell_entry(5, cell_seat_null);
	must(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_FOREIGN, EXO_ACT_SELF));
	in_seat(all);
}
