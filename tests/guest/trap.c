/*
 * trap.c - what user code may not do ends in an upcall, and what it may set
 * in the CPU stays its own.
 *
 * QEMU 7.2 lets IRETQ and far RET in user mode read the stack as the kernel
 * would, which SMAP forbids; so once without SMAP.
 *
 * run: --mem 256M
 * run: --cpu max,-smap
 */
#include "cell.h"

#define FLAG_TF		0x100ul
#define FLAG_IF		0x200ul
#define FLAG_DF		0x400ul
#define FLAG_IOPL	0x3000ul
#define FLAG_NT		0x4000ul
#define FLAG_AC		0x40000ul

#define AMD_UD		100u		/* 13, or 6 on AMD's CPUs */
#define POPS		101u		/* 13; QEMU 7.2 with SMAP: see below */

/*
 * attempt(code): run it; an exception ends it.  Result: its vector, or 99; the
 * registers as they were in `got`.
 */
uint64_t attempt(void (*code)(void));
uint64_t attempt_rsp;
extern char attempt_out[];
static struct exo_regs got;

__asm__(
	".pushsection .text\n"
	"attempt:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14\n"
	"	push %r15\n"
	"	sub $8, %rsp\n"
	"	mov %rsp, attempt_rsp(%rip)\n"
	"	call *%rdi\n"
	"	mov $99, %eax\n"
	"attempt_out:\n"
	"	mov attempt_rsp(%rip), %rsp\n"
	"	add $8, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

__attribute__((target("general-regs-only"))) static bool
attempt_trap(struct exo_regs *r, uint64_t kind)
{
	got = *r;
	r->rip = (uint64_t)attempt_out;
	r->rsp = attempt_rsp;		/* the way back goes by the stack */
	r->rax = kind - EXO_K_TRAP;
	r->rflags = 0x202;
	return true;
}

static uint64_t
try(void (*code)(void))
{
	uint64_t r;

	for (uint32_t v = 0; v < 32; v++)
		(void)upcall_set(EXO_K_TRAP + v, attempt_trap);
	r = attempt(code);
	for (uint32_t v = 0; v < 32; v++)
		(void)upcall_set(EXO_K_TRAP + v, NULL);
	return r;
}

/* X(name, vector, assembly) */
#define PRIVILEGED(X)							      \
	X(hlt, 13, "hlt")						      \
	X(cli, 13, "cli")						      \
	X(sti, 13, "sti")						      \
	X(in, 13, "mov $0x3f8, %dx; in %dx, %al")			      \
	X(out, 13, "mov $0xf4, %dx; out %al, %dx")			      \
	X(insb, 13, "mov $0x60, %dx; insb")				      \
	X(wrmsr, 13, "mov $0xc0000082, %ecx; wrmsr")			      \
	X(rdmsr, 13, "mov $0xc0000082, %ecx; rdmsr")			      \
	X(rdpmc, 13, "xor %ecx, %ecx; rdpmc")				      \
	X(read_cr0, 13, "mov %cr0, %rax")				      \
	X(write_cr0, 13, "mov %rax, %cr0")				      \
	X(read_cr3, 13, "mov %cr3, %rax")				      \
	X(write_cr3, 13, "mov %rax, %cr3")				      \
	X(write_cr4, 13, "mov %rax, %cr4")				      \
	X(write_cr8, 13, "mov %rax, %cr8")				      \
	X(read_dr7, 13, "mov %dr7, %rax")				      \
	X(write_dr7, 13, "mov %rax, %dr7")				      \
	X(clts, 13, "clts")						      \
	X(invlpg, 13, "invlpg (%rsp)")					      \
	X(invd, 13, "invd")						      \
	X(wbinvd, 13, "wbinvd")						      \
	X(swapgs, 13, "swapgs")						      \
	X(lgdt, 13, "lgdt (%rsp)")					      \
	X(lidt, 13, "lidt (%rsp)")					      \
	X(lldt, 13, "xor %eax, %eax; lldt %ax")				      \
	X(ltr, 13, "xor %eax, %eax; ltr %ax")				      \
	X(lmsw, 13, "xor %eax, %eax; lmsw %ax")				      \
	X(sysret, 13, "sysretq")					      \
	X(sysexit, AMD_UD, "sysexitl")					      \
	X(sysenter, AMD_UD, "sysenter")					      \
	X(xsetbv, 13, "xor %ecx, %ecx; xor %edx, %edx; mov $1, %eax; xsetbv") \
	X(int80, 13, "int $0x80")					      \
	X(int_timer, 13, "int $32")					      \
	X(int_fault, 13, "int $14")					      \
	X(int_nmi, 13, "int $2")					      \
	X(int_double, 13, "int $8")					      \
	X(kernel_cs, POPS, "push $0x202; push $0x8; lea 1f(%rip), %rax;"      \
	    "push %rax; lretq; 1:")					      \
	X(kernel_ss, 13, "mov $0x10, %eax; mov %eax, %ss")		      \
	X(tss_ds, 13, "mov $0x30, %eax; mov %eax, %ds")			      \
	X(call_gate, 13, "push $0x30; push $0; lcall *(%rsp)")		      \
	X(clac, 6, "clac")						      \
	X(stac, 6, "stac")						      \
	X(ud2, 6, "ud2")						      \
	X(ud0, 6, ".byte 0x0f, 0xff, 0xc0")				      \
	X(vmcall, 6, "vmcall")						      \
	X(rsm, 6, "rsm")						      \
	X(push_es, 6, ".byte 0x06")					      \
	X(ljmp_direct, 6, ".byte 0xea, 0, 0, 0, 0, 0x23, 0")		      \
	X(into, 6, ".byte 0xce")					      \
	X(divide, 0, "xor %ecx, %ecx; xor %edx, %edx; div %ecx")	      \
	X(breakpoint, 3, "int3")					      \
	X(non_canonical_read, 13, "mov $0x800000000000, %rax; mov (%rax), %al")\
	X(non_canonical_write, 13,					      \
	    "mov $0x7fffffffffffffff, %rax; mov %al, (%rax)")		      \
	X(non_canonical_run, 13, "mov $0x800000000000, %rax; jmp *%rax")      \
	X(non_canonical_ret, 13, "mov $0x800000000000, %rax; push %rax; ret") \
	X(kernel_read, 14, "mov $0xffffffff80000000, %rax; mov (%rax), %al")  \
	X(kernel_run, 14, "mov $0xffffffff80000000, %rax; jmp *%rax")

#define CODE(name, vector, text)					      \
	void code_##name(void);						      \
	__asm__(".pushsection .text\ncode_" #name ": " text "; ret\n"	      \
	    ".popsection");
PRIVILEGED(CODE)

static const struct {
	const char *name;
	void (*code)(void);
	uint32_t vector;
} privileged[] = {
#define ENTRY(name, vector, text)	{ #name, code_##name, vector },
	PRIVILEGED(ENTRY)
};

TEST(privileged_instructions_are_upcalls)
{
	for (uint32_t i = 0; i < sizeof(privileged) / sizeof(*privileged);
	    i++) {
		uint64_t v = try(privileged[i].code);
		uint32_t want = privileged[i].vector;

		if (want == AMD_UD)
			want = v == 6 ? 6 : 13;
		if (want == POPS)
			want = v == 14 && got.err == 1 ? 14 : 13;
		if (v != want)
			print("# %s: vector %lu\n", privileged[i].name, v);
		EQ(v, want);
	}
}

/* They would tell where the kernel's tables lie. */
#define TELLTALE(X)							      \
	X(sgdt, "sgdt -64(%rsp)")					      \
	X(sidt, "sidt -64(%rsp)")					      \
	X(sldt, "sldt %ax")						      \
	X(str, "str %ax")						      \
	X(smsw, "smsw %ax")
#define TELL(name, text)	CODE(name, 13, text)
TELLTALE(TELL)

TEST(umip_hides_the_tables_where_there_is_umip)
{
	if ((EXO_MACHINE->features & EXO_FEAT_UMIP) == 0)
		SKIP("no UMIP");
	EQ(try(code_sgdt), 13);
	EQ(try(code_sidt), 13);
	EQ(try(code_sldt), 13);
	EQ(try(code_str), 13);
	EQ(try(code_smsw), 13);
}

/* A push through a non-canonical RSP is a stack fault (QEMU says #GP). */
CODE(bad_stack, 12, "mov $0x800000001000, %rax; mov %rax, %rsp; push %rax")

TEST(non_canonical_stack_is_an_upcall)
{
	uint64_t v = try(code_bad_stack);

	OK(v == 12 || v == 13);
	EQ(got.rsp, 0x800000001000ul);
}

/* ------------------------------------------------------------------ flags */

static uint64_t
flags(void)
{
	uint64_t f;

	__asm__ volatile("pushfq; pop %0" : "=r"(f));
	return f;
}

static void
flags_set(uint64_t f)
{
	__asm__ volatile("push %0; popfq" : : "r"(f) : "cc", "memory");
}

/* Else a program could keep the CPU for ever, or talk to devices. */
TEST(popf_leaves_if_and_iopl)
{
	uint64_t f;

	flags_set(FLAG_IOPL);
	f = flags();
	flags_set(0x202);
	EQ(f & (FLAG_IF | FLAG_IOPL), FLAG_IF);
	EQ(try(code_cli), 13);
	EQ(try(code_in), 13);
}

CODE(iret, NONE, "mov %rsp, %rax; push $0x23; push %rax; push $0x202;"
    "push $0x2b; lea 1f(%rip), %rax; push %rax; iretq; 1:")

static bool
iret_works(void)
{
	return try(code_iret) == 99;
}

static uint64_t
iret_flags(uint64_t f)
{
	__asm__ volatile(
	    "mov %%rsp, %%rax\n\t"
	    "push $0x23\n\t"
	    "push %%rax\n\t"
	    "push %0\n\t"
	    "push $0x2b\n\t"
	    "lea 1f(%%rip), %%rax\n\t"
	    "push %%rax\n\t"
	    "iretq\n"
	    "1: pushfq\n\t"
	    "pop %0\n\t"
	    "push $0x202\n\t"
	    "popfq"
	    : "+r"(f) : : "rax", "cc", "memory");
	return f;
}

TEST(iretq_leaves_if_and_iopl)
{
	if (!iret_works())
		SKIP("this emulator's IRETQ and SMAP");
	EQ(iret_flags(FLAG_IOPL | 2) & (FLAG_IF | FLAG_IOPL), FLAG_IF);
	EQ(iret_flags(FLAG_DF | FLAG_AC | 2) & (FLAG_DF | FLAG_AC),
	    FLAG_DF | FLAG_AC);
	EQ(try(code_cli), 13);
}

/* iretq into ring 0, by selectors: refused by the CPU. */
CODE(iret_kernel, 13, "mov %rsp, %rax; push $0x10; push %rax; push $0x202;"
    "push $0x8; push $0x1000; iretq")

TEST(iretq_to_the_kernel_is_an_upcall)
{
	if (!iret_works())
		SKIP("this emulator's IRETQ and SMAP");
	EQ(try(code_iret_kernel), 13);
}

/* SYSCALL and its return, with every flag that a user can set. */
static long
null_with(uint64_t f, uint64_t *after)
{
	long r = (long)(EXO_NR_BASE + EXO_NR_null);

	__asm__ volatile(
	    "push %2\n\t"
	    "popfq\n\t"
	    "syscall\n\t"
	    "pushfq\n\t"
	    "pop %1\n\t"
	    "push $0x202\n\t"
	    "popfq"
	    : "+a"(r), "=&b"(*after) : "r"(f)
	    : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9", "r10", "cc",
	    "memory");
	return r;
}

TEST(plain_calls_keep_the_callers_flags)
{
	uint64_t after;

	EQ(null_with(0x202, &after), 0);
	EQ(after, 0x202);
	EQ(null_with(0x40ed7, &after), 0);
	EQ(after, 0x40ed7 | FLAG_IF);
	EQ(null_with(FLAG_NT | FLAG_IOPL | 0x202, &after), 0);
	EQ(after & FLAG_IOPL, 0);
}

/* Calls that copy user memory, with DF and AC set: the kernel must go up, and
 * with SMAP must not be left open. */
TEST(flags_of_the_caller_do_not_reach_the_kernel)
{
	struct exo_cap a, b;
	long r = (long)(EXO_NR_BASE + EXO_NR_cap_read);
	uint64_t slot = self->memory_slot;

	must(exo_cap_read(self->memory_slot, (uint64_t)&a));
	memset(&b, 0, sizeof(b));
	__asm__ volatile(
	    "pushq $0x40602\n\t"
	    "popfq\n\t"
	    "syscall\n\t"
	    "push $0x202\n\t"
	    "popfq"
	    : "+a"(r), "+D"(slot) : "S"(&b)
	    : "rcx", "r11", "rdx", "r8", "r9", "r10", "cc", "memory");
	EQ(r, 0);
	EQ(memcmp(&a, &b, sizeof(a)), 0);
}

/* ----------------------------------------------------------- single step */

static uint64_t steps;

/* Once: Castor's way back from an upcall can't be stepped through. */
__attribute__((target("general-regs-only"))) static bool
step_trap(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	steps++;
	r->rflags &= ~FLAG_TF;
	return true;
}

/* Over a call too; `mov ss` holds a step back to behind SYSCALL. */
TEST(single_step_is_the_users_own)
{
	long r = (long)(EXO_NR_BASE + EXO_NR_null);

	(void)upcall_set(EXO_K_TRAP + TRAP_DEBUG, step_trap);
	__asm__ volatile(
	    "pushq $0x302\n\t"
	    "popfq\n\t"
	    "syscall\n\t"
	    "nop\n\t"
	    "nop\n\t"
	    "push $0x202\n\t"
	    "popfq"
	    : "+a"(r) : : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9",
	    "r10", "cc", "memory");
	EQ(r, 0);
	EQ(steps, 1);
	r = (long)(EXO_NR_BASE + EXO_NR_null);
	__asm__ volatile(
	    "mov %%ss, %%ecx\n\t"
	    "pushq $0x302\n\t"
	    "popfq\n\t"
	    "mov %%ecx, %%ss\n\t"
	    "syscall\n\t"
	    "nop\n\t"
	    "push $0x202\n\t"
	    "popfq"
	    : "+a"(r) : : "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9",
	    "r10", "cc", "memory");
	EQ(r, 0);
	EQ(steps, 2);
	(void)upcall_set(EXO_K_TRAP + TRAP_DEBUG, NULL);
}

/* ---------------------------------------------- what is in the CPU is mine */

/* An env that loads FS, GS, x87, SSE and AVX with its own and yields. */
static uint64_t
in_dirty(struct cell_page *p, uint64_t mark, uint64_t b, uint64_t c)
{
	uint64_t v[4] __attribute__((aligned(32))) = { mark, mark, mark, mark };
	uint32_t csr = 0x1f80 | (uint32_t)(mark & 3) << 13;
	uint16_t fcw = (uint16_t)(0x37f ^ (mark & 3) << 10);

	(void)b, (void)c;
	for (uint64_t i = 0; i < 20; i++) {
		uint64_t out[4] __attribute__((aligned(32))), fs, gs;
		uint64_t lo, x87;
		uint32_t csr2;
		uint16_t fcw2;

		__asm__ volatile(
		    "wrfsbase %[m]\n\t"
		    "wrgsbase %[m]\n\t"
		    "fninit\n\t"
		    "fldcw %[fcw]\n\t"
		    "fildll %[v]\n\t"
		    "ldmxcsr %[csr]\n\t"
		    "movdqa %[v], %%xmm5\n\t"
		    "movdqa %[v], %%xmm15\n\t"
		    "mov %[nr], %%eax\n\t"
		    "mov $-1, %%rdi\n\t"
		    "xor %%esi, %%esi\n\t"
		    "mov $0xffffffff, %%edx\n\t"
		    "syscall\n\t"
		    "rdfsbase %[fs]\n\t"
		    "rdgsbase %[gs]\n\t"
		    "fistpll %[x87]\n\t"
		    "fnstcw %[fcw2]\n\t"
		    "stmxcsr %[csr2]\n\t"
		    "movdqa %%xmm5, %[o0]\n\t"
		    "movdqa %%xmm15, %[o1]\n\t"
		    "movq %%xmm5, %[lo]"
		    : [fs] "=&r"(fs), [gs] "=&r"(gs), [x87] "=m"(x87),
		    [fcw2] "=m"(fcw2), [csr2] "=m"(csr2), [lo] "=&r"(lo),
		    [o0] "=m"(out[0]), [o1] "=m"(out[2])
		    : [m] "b"(mark), [fcw] "m"(fcw), [csr] "m"(csr),
		    [v] "m"(v[0]), [nr] "i"(EXO_NR_BASE + EXO_NR_env_yield)
		    : "rax", "rcx", "r11", "rdi", "rsi", "rdx", "r8", "r9",
		    "r10", "xmm5", "xmm15", "memory");
		p->w[mark & 7]++;
		if (fs != mark || gs != mark || x87 != mark || fcw2 != fcw ||
		    csr2 != csr || lo != mark || out[0] != mark ||
		    out[1] != mark || out[2] != mark || out[3] != mark)
			p->w[10]++;
	}
	return 0;
}

TEST(fs_gs_and_fp_registers_are_each_envs_own)
{
	struct cell c;
	exo_id one, two;
	uint64_t fs = 0x111122223330ul, got_fs, got_gs;

	cell_make(&c, NULL);
	one = cell_env(&c, 2, in_dirty, 0x7ffff00001);
	two = cell_env(&c, 3, in_dirty, 0x7aaaa00002);
	__asm__ volatile("wrfsbase %0; wrgsbase %0" : : "r"(fs));
	for (uint32_t i = 0; i < 200 && (c.page->w[1] < 20 ||
	    c.page->w[2] < 20); i++) {
		(void)!exo_env_yield(one, c.name, EXO_NONE);
		(void)!exo_env_yield(two, c.name, EXO_NONE);
	}
	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(got_fs),
	    "=r"(got_gs));
	EQ(got_fs, fs);
	EQ(got_gs, fs);
	EQ(c.page->w[1], 20);
	EQ(c.page->w[2], 20);
	EQ(c.page->w[10], 0);
	cell_end(&c);
}

/* What one leaves in the registers, another does not find in his first
 * moment: all of it, from FNINIT's state on. */
static uint64_t
in_look(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	struct {
		uint8_t fx[512];
	} __attribute__((aligned(64))) s;
	uint64_t sum = 0, fs, gs, ds, es, fss, gss;

	(void)a, (void)b, (void)c;
	__asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; "
	    "mov %%gs, %3" : "=r"(ds), "=r"(es), "=r"(fss), "=r"(gss));
	p->w[5] = (ds | es | fss | gss) & 0xffff;
	__asm__ volatile("fxsave64 %0" : "=m"(s));
	for (uint32_t i = 32; i < 416; i++)	/* ST0-7 and XMM0-15 */
		sum += s.fx[i];
	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
	p->w[0] = sum;
	p->w[1] = s.fx[0] | s.fx[1] << 8;	/* FCW */
	p->w[2] = s.fx[24] | s.fx[25] << 8;	/* MXCSR */
	p->w[3] = fs;
	p->w[4] = gs;
	return 0;
}

TEST(new_env_finds_nothing_in_the_registers)
{
	uint64_t v[2] __attribute__((aligned(16))) = { 0x5ec, 0x5ec };
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_look, 0);
	__asm__ volatile("movdqa %0, %%xmm0; movdqa %0, %%xmm9; fildll %0" : :
	    "m"(v[0]) : "xmm0", "xmm9", "memory");
	__asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%fs; "
	    "mov %0, %%gs" : : "r"(0x23));
	OK(cell_run_state(&c, env, EXO_ENV_DEAD));
	__asm__ volatile("fninit");
	EQ(c.page->w[0], 0);
	EQ(c.page->w[1], 0x37f);
	EQ(c.page->w[2], 0x1f80);
	EQ(c.page->w[3], 0);
	EQ(c.page->w[4], 0);
	EQ(c.page->w[5], 0);
	cell_end(&c);
}

static bool
has_avx(void)
{
	uint32_t a = 1, b, c = 0, d, lo, hi;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	if ((c >> 27 & 1) == 0 || (c >> 28 & 1) == 0)
		return false;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (lo & 6) == 6;
}

/* The upper halves too. */
static uint64_t
in_avx(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	__asm__ volatile("vpcmpeqd %%ymm3, %%ymm3, %%ymm3" : : : "xmm3");
	p->w[0] = 1;
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return 0;
}

TEST(avx_registers_are_each_envs_own)
{
	uint64_t v[4] __attribute__((aligned(32))) = { 1, 2, 3, 4 };
	uint64_t out[4] __attribute__((aligned(32))) = { 0 };
	struct cell c;
	exo_id env;

	if (!has_avx())
		SKIP("no AVX");
	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_avx, 0);
	/* Nothing between the two but the yield; which a tick may cut. */
	while (c.page->w[0] == 0) {
		uint64_t rdi = env, rsi = c.name, rdx = EXO_NONE;
		uint64_t rax = EXO_NR_BASE + EXO_NR_env_yield;

		__asm__ volatile(
		    "vmovdqa %[v], %%ymm3\n\t"
		    "syscall\n\t"
		    "vmovdqa %%ymm3, %[out]"
		    : [out] "=m"(out), "+D"(rdi), "+S"(rsi), "+d"(rdx),
		    "+a"(rax)
		    : [v] "m"(v)
		    : "rcx", "r11", "r8", "r9", "r10", "xmm3", "memory");
		for (uint32_t i = 0; i < 4; i++)
			EQ(out[i], v[i]);
	}
	cell_end(&c);
}

/* GS is the user's to set, even to the kernel's addresses: the kernel does not
 * look there. */
TEST(gs_base_in_the_kernel_is_harmless)
{
	uint64_t v = 0xffffffff80000000ul, w;

	__asm__ volatile("wrgsbase %0" : : "r"(v));
	EQ(exo_null(), 0);
	EQ(exo_cap_read(99, 0), -EXO_E_SLOT);
	__asm__ volatile("rdgsbase %0" : "=r"(w));
	EQ(w, v);
	__asm__ volatile("wrgsbase %0" : : "r"(0ul));
}

/* ---------------------------------------------------------- foreign calls */

static struct exo_regs foreign;
static uint64_t foreigners;

__attribute__((target("general-regs-only"))) static bool
foreign_call(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	foreign = *r;
	foreigners++;
	r->rax = 0xf00d;
	return true;
}

/* uname, say: every register arrives, and the result goes back. */
static void
foreign_check(void)
{
	uint64_t rax = 63, rip, rcx, r11, r8, r9, r10;

	__asm__ volatile(
	    "mov $0x88, %%r8d\n\t"
	    "mov $0x99, %%r9d\n\t"
	    "mov $0xa0, %%r10d\n\t"
	    "syscall\n"
	    "1: mov %%r11, %[r11]\n\t"
	    "mov %%r8, %[r8]\n\t"
	    "mov %%r9, %[r9]\n\t"
	    "mov %%r10, %[r10]\n\t"
	    "lea 1b(%%rip), %[rip]"
	    : "+a"(rax), [rip] "=&b"(rip), "=&c"(rcx), [r11] "=m"(r11),
	    [r8] "=m"(r8), [r9] "=m"(r9), [r10] "=m"(r10)
	    : "D"(0xd1), "S"(0x51), "d"(0xd2)
	    : "r8", "r9", "r10", "r11", "memory");
	EQ(rax, 0xf00d);
	EQ(foreign.rax, 63);
	EQ(foreign.rip, rip);
	EQ(foreign.rcx, rip);		/* where SYSCALL left them */
	EQ(foreign.rcx, rcx);
	EQ(foreign.r11, r11);
	EQ(foreign.r11 & ~0xd5ul, 0x202);
	EQ(foreign.rflags & ~0xd5ul, 0x202);
	EQ(foreign.rdi, 0xd1);
	EQ(foreign.rsi, 0x51);
	EQ(foreign.rdx, 0xd2);
	EQ(foreign.r8, 0x88);
	EQ(foreign.r9, 0x99);
	EQ(foreign.r10, 0xa0);
	EQ(foreign.cs, 0x2b);
	EQ(foreign.ss, 0x23);
	EQ(foreign.err, 0);
	EQ(foreign.addr, 0);
	EQ(r8, 0x88);
	EQ(r9, 0x99);
	EQ(r10, 0xa0);
}

TEST(foreign_calls_are_upcalls_with_all_registers)
{
	uint64_t traps = EXO_COUNTERS->traps;

	memset(&foreign, 0, sizeof(foreign));
	must(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_FOREIGN, EXO_ACT_SELF));
	(void)upcall_set(EXO_K_FOREIGN, foreign_call);
	foreign_check();
	EQ(foreigners, 1);
	EQ(EXO_COUNTERS->traps, traps);	/* without C: it is fast */
	(void)upcall_set(EXO_K_FOREIGN, NULL);
	must(exo_domain_row(self->domain, self->domain_slot,
	    EXO_CLASS_FOREIGN, EXO_ACT_PASS));
}

/* Native numbers that name no call are not foreign. */
TEST(numbers_without_a_call_say_so)
{
	for (uint32_t nr = 0; nr < 256; nr++) {
		bool named = false;

#define NAMED(n, how, name, args, names)	named |= nr == n;
		EXO_SYSCALLS(NAMED)
		if (!named)
			EQ(exo_raw0(EXO_NR_BASE + nr), -EXO_E_CALL);
	}
	/* The number is eax: what is above does not matter. */
	EQ(exo_raw0(0xffffffff00000000ul | EXO_NR_BASE | EXO_NR_null), 0);
}

/* Nobody takes them: the env stops, visibly. */
static uint64_t
in_foreign(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	p->w[0] = 1;
	p->w[1] = (uint64_t)exo_raw0(39);
	p->w[2] = 1;
	return 0;
}

TEST(foreign_call_that_nobody_takes_stops_the_env)
{
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	env = cell_env(&c, 2, in_foreign, 0);
	OK(cell_run_state(&c, env, EXO_ENV_STOPPED));
	EQ(EXO_ENVS[EXO_INDEX(env)].cause, EXO_CAUSE_FAULT);
	EQ(c.page->w[0], 1);
	EQ(c.page->w[2], 0);
	cell_end(&c);
}
