/*
 * scrub.c - who loses an env by force had no time to clear its registers, and
 * nobody finds what was in them.
 */
#include "cell.h"

#define SECRET	0x5ec7e75ec7e7ul

/* FP registers and bases with a secret in them. */
static void
fill(void)
{
	uint64_t v = SECRET;

	__asm__ volatile("movq %0, %%xmm0; movq %0, %%xmm15; fildll %1; "
	    "wrfsbase %0; wrgsbase %0" : : "r"(v), "m"(v) : "xmm0", "xmm15",
	    "memory");
}

/* All general registers, too; for ever. */
static uint64_t
in_hang(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	fill();
	__asm__ volatile("mov %0, %%rax; mov %%rax, %%rbx; mov %%rax, %%rcx; "
	    "mov %%rax, %%rdx; mov %%rax, %%rsi; mov %%rax, %%r8; "
	    "mov %%rax, %%r9; mov %%rax, %%r10; mov %%rax, %%r11; "
	    "mov %%rax, %%r12; mov %%rax, %%r13; mov %%rax, %%r14; "
	    "mov %%rax, %%r15; movq $1, 8(%1); 1: pause; jmp 1b"
	    : : "i"(SECRET), "D"(p->w) : "memory");
	return 0;
}

/* Ends its own domain with all that in its registers. */
static uint64_t
in_end(struct cell_page *p, uint64_t dom, uint64_t slot, uint64_t c)
{
	(void)p, (void)c;
	fill();
	return (uint64_t)exo_domain_kill(dom, (exo_slot)slot, 0);
}

/* Calls place 0 as Castor does not: what comes back is looked at as it is. */
static uint64_t
in_client(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	struct {
		uint8_t fx[512];
	} __attribute__((aligned(64))) s;
	uint64_t found = 0, fs, gs, *w = (uint64_t *)p->w + 40;
	long r = EXO_NR_BASE + EXO_NR_call;
	/* rdi: the handle, then as exo_call passes them. */
	register uint64_t r10 __asm__("r10") = p->w[2];
	register uint64_t r8 __asm__("r8") = 0;

	(void)a, (void)b, (void)c;
	__asm__ volatile("push %%rbp; push %%rbx; mov %3, %%rbp; "
	    "push %%rbp; syscall; pop %%rbp; "
	    "mov %%rbx, (%%rbp); mov %%rcx, 8(%%rbp); mov %%rdx, 16(%%rbp); "
	    "mov %%rsi, 24(%%rbp); mov %%rdi, 32(%%rbp); mov %%r8, 40(%%rbp);"
	    "mov %%r9, 48(%%rbp); mov %%r10, 56(%%rbp); "
	    "mov %%r11, 64(%%rbp); mov %%r12, 72(%%rbp); "
	    "mov %%r13, 80(%%rbp); mov %%r14, 88(%%rbp); "
	    "mov %%r15, 96(%%rbp); pop %%rbx; pop %%rbp"
	    : "+a"(r), "+r"(r10), "+r"(r8)
	    : "r"(w), "D"(0ul), "S"(p->w[0]), "d"(p->w[1])
	    : "rcx", "r9", "r11", "r12", "r13", "r14", "r15", "memory");
	__asm__ volatile("fxsave64 %0" : "=m"(s));
	__asm__ volatile("rdfsbase %0; rdgsbase %1" : "=r"(fs), "=r"(gs));
	for (uint32_t i = 0; i < 13; i++)
		found += w[i] == SECRET;
	for (uint32_t i = 32; i < 416; i++)
		p->w[31] += s.fx[i];
	p->w[30] = found;
	p->w[32] = s.fx[0] | s.fx[1] << 8;
	p->w[33] = s.fx[24] | s.fx[25] << 8;
	p->w[34] = fs;
	p->w[35] = gs;
	p->w[36] = (uint64_t)r;
	return 0x55;
}

static void
nothing_found(struct cell *c, exo_id env)
{
	OK(cell_run_state(c, env, EXO_ENV_DEAD));
	EQ(EXO_ENVS[EXO_INDEX(env)].exit_word, 0x55);
	EQ(c->page->w[36], -EXO_E_GONE);
	EQ(c->page->w[30], 0);
	EQ(c->page->w[31], 0);
	EQ(c->page->w[32], 0x37f);		/* FCW */
	EQ(c->page->w[33], 0x1f80);		/* MXCSR */
	EQ(c->page->w[34], 0);
	EQ(c->page->w[35], 0);
}

/* An env of c's that will call s and do fn(a, b) there. */
static exo_id
client_of(struct cell *c, struct cell *s, cell_fn fn, uint64_t a, uint64_t b)
{
	exo_id env = cell_env_make(c);

	must(cell_bind(s, 2, env, cell_service_entry, NULL));
	cell_link(s, 2, 0, c, 0);
	c->page->w[0] = (uint64_t)fn;
	c->page->w[1] = a;
	c->page->w[2] = b;
	must(cell_env_begin(c, env, 2, in_client, 0));
	return env;
}

/* The secret of a server that its client's owner takes the env from. */
TEST(pulled_home_it_brings_nothing_along)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang, 0, 0);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_force_yield(env, c.name), 0);
	nothing_found(&c, env);
	/* Whom it was taken from finds it. */
	OK(exo_seat_repair(s.domain, s.name, 2) > 0);
	cell_end(&c);
	cell_end(&s);
}

/* The same for an env that does not run when its time is over. */
TEST(pulled_home_while_others_run_it_brings_nothing_along)
{
	uint64_t ticks = EXO_MACHINE->ticks + EXO_MACHINE->grace_ticks + 4;
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_hang, 0, 0);
	OK(cell_run(&c, env, &s.page->w[1], 1));
	EQ(exo_env_force_yield(env, c.name), 0);
	while (EXO_MACHINE->ticks < ticks)
		;
	EQ(EXO_ENVS[EXO_INDEX(env)].depth, 0);
	nothing_found(&c, env);
	cell_end(&c);
	cell_end(&s);
}

TEST(dead_callee_leaves_nothing)
{
	struct cell c, s;
	exo_id env;

	cell_make(&c, NULL);
	cell_make(&s, NULL);
	env = client_of(&c, &s, in_end, s.domain, s.name);
	nothing_found(&c, env);
	cell_end(&c);
	cell_reap(&s);
}
