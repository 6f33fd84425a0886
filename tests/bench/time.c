/*
 * time.c - from env to env: yields, ticks; monitors: events and answers.
 *
 * The other env lives in a cell, which has this program's slots; the two
 * share the cell's page.
 */
#include "bench.h"
#include "cell.h"

enum seat {
	SEAT_YIELD = 2, SEAT_SPIN, SEAT_EPILOGUE, SEAT_CLIENT, SEAT_MONITOR
};
enum word { SENT, THERE, BACK_ENV, BACK_SLOT, LAST };	/* of the page */

#define GAP	40u			/* ticks of the clock: we were away */

static struct cell cell;

static uint64_t
place_in_cell(uint32_t seat)
{
	uint64_t place = seat;		/* any that is free */

	must(exo_handle_open(cell.domain, cell.name, place, self->domain));
	must(exo_handle_mint(cell.domain, cell.name, seat, 0, cell.domain,
	    place));
	return place;
}

/* ---- directed yield */

/*
 * yield_timed(sent, env, slot): note the time in *sent, give env the slice;
 * when this env runs again, the time since whoever gave it back noted his.
 */
__asm__(".pushsection .text\n"
	"yield_timed:\n"
	"	pushq %rbx\n"
	"	movq %rdi, %rbx\n"
	"	movq %rsi, %rdi\n"
	"	movl %edx, %esi\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	movq %rax, (%rbx)\n"
	"	movl $-1, %edx\n"		/* no handle */
	"	movl $0x5800003d, %eax\n"
	"	syscall\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	subq (%rbx), %rax\n"
	"	popq %rbx\n"
	"	ret\n"
	".popsection\n");
uint64_t yield_timed(volatile uint64_t *sent, exo_id env, exo_slot slot);
_Static_assert(EXO_NR_env_yield == 0x3d, "yield_timed");

static uint64_t
ponger(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[THERE] = yield_timed(&p->w[SENT], p->w[BACK_ENV],
		    (exo_slot)p->w[BACK_SLOT]);
	return 0;
}

/* The clock, and `mov edx'. */
static uint64_t
yield_ticks(uint64_t raw)
{
	return raw - bench_asm_cost - 1;
}

static void
yields(void)
{
	exo_id other = cell_env(&cell, SEAT_YIELD, ponger, 0);
	volatile uint64_t *w = cell.page->w;

	w[BACK_ENV] = self->env;
	w[BACK_SLOT] = self->env_slot;
	(void)yield_timed(&w[SENT], other, cell.name);
	BENCH_ROW("yield_one_way", .aim = 250,
	    .bound = "all registers, FS, GS and FP out and in") {
		(void)yield_timed(&w[SENT], other, cell.name);
		bench_take(yield_ticks(w[THERE]));
	}
	BENCH_ROW("yield_and_back", .peer = "yield_process_rt_fifo",
	    .bound = "the two together") {
		uint64_t back = yield_timed(&w[SENT], other, cell.name);

		bench_take(yield_ticks(back) + yield_ticks(w[THERE]));
	}
	BENCH_ROW("yield_to_nobody", .peer = "yield_alone",
	    .bound = "256 slices looked at, twice")
		bench_take(bench_call(env_yield, EXO_ID_ANY, 0, EXO_NONE));
	must(exo_env_kill(other, cell.name, 0));
}

/* ---- ticks */

static uint64_t
spinner(struct cell_page *p, uint64_t a, uint64_t b, uint64_t c)
{
	(void)a, (void)b, (void)c;
	for (;;)
		p->w[LAST] = bench_clock();
	return 0;
}

/* Wait until this env was away: how long, since it or the other one last
 * looked at the clock. */
static uint64_t
gap_ticks(volatile uint64_t *last)
{
	uint64_t then = bench_clock(), now;

	while ((now = bench_clock()) - then < GAP)
		then = now;
	return now - (*last > then ? *last : then);
}

static void
ticks(void)
{
	static const uint32_t index = 1;
	volatile uint64_t *w = cell.page->w;
	exo_id other;

	w[LAST] = 0;
	BENCH_ROW("tick_alone", .with_ticks = true, .samples = 100,
	    .bound = "the vector of slices searched for somebody else")
		bench_take(gap_ticks(&w[LAST]));
	other = cell_env(&cell, SEAT_SPIN, spinner, 0);
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    index));
	must(exo_slice_set(self->memory_slot, index, other, cell.name));
	(void)gap_ticks(&w[LAST]);
	BENCH_ROW("tick_switch", .with_ticks = true, .samples = 100,
	    .bound = "as a yield, and the slices between; to 6 instructions")
		bench_take(gap_ticks(&w[LAST]));
	must(exo_slice_free(self->memory_slot, index));
	must(exo_env_kill(other, cell.name, 0));
}

/* ---- the upcall at the end of a slice */

/* epilogue_spin(w): the time into w[0] all the time.  epilogue_upcall: the
 * time into w[1] first. */
__asm__(".pushsection .text\n"
	"epilogue_spin:\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	movq %rax, (%rdi)\n"
	"	jmp epilogue_spin\n"
	"epilogue_upcall:\n"
	"	movl %eax, %r11d\n"
	"	rdtsc\n"
	"	shlq $32, %rdx\n"
	"	orq %rdx, %rax\n"
	"	movq %rax, 8(%rdi)\n"
	"	movl %r11d, %eax\n"
	"	jmp cell_upcall\n"
	".popsection\n");
void epilogue_spin(void);
void epilogue_upcall(void);

static bool
hook_yield(struct cell_page *p, struct exo_regs *r, uint64_t kind)
{
	(void)p, (void)r, (void)kind;
	return exo_env_yield(EXO_ID_ANY, 0, EXO_NONE) == 0;
}

/* When it has had another one. */
static uint64_t
epilogue_ticks(volatile uint64_t *w)
{
	uint64_t then = w[1];

	while (w[1] == then)
		;
	return w[1] - w[0] - 1;		/* the upcall's first instruction */
}

static void
epilogues(void)
{
	static const uint32_t index = 1;
	volatile uint64_t *w = &cell.page->w[LAST];
	exo_id env = cell_env_make(&cell);

	cell.page->hook = hook_yield;
	must(cell_bind(&cell, SEAT_EPILOGUE, env, epilogue_spin,
	    epilogue_upcall));
	must(exo_domain_row(cell.domain, cell.name, EXO_CLASS_EPILOGUE,
	    EXO_ACT_SELF));
	must(exo_env_start(env, cell.name, cell.domain, cell.name,
	    SEAT_EPILOGUE, (uint64_t)w));
	must(exo_slice_alloc(self->acct, self->acct_slot, self->memory_slot,
	    index));
	must(exo_slice_set(self->memory_slot, index, env, cell.name));
	(void)epilogue_ticks(w);
	BENCH_ROW("epilogue_upcall", .with_ticks = true, .samples = 100,
	    .bound = "a tick, and a frame on the upcall stack; to 5 "
	    "instructions")
		bench_take(epilogue_ticks(w));
	must(exo_slice_free(self->memory_slot, index));
	must(exo_env_kill(env, cell.name, 0));
	cell.page->hook = NULL;
}

/* ---- a monitor in another process: events */

/* cell_client: foreign calls without end.  cell_monitor: whatever it is, go
 * on with the registers as they are. */
__asm__(".pushsection .text\n"
	"cell_client:\n"
	"1:	movl $39, %eax\n"
	"	syscall\n"
	"	jmp 1b\n"
	"cell_monitor:\n"
	"	xorl %edi, %edi\n"		/* EXO_HOW_REGS */
	"	movl $0x58000004, %eax\n"
	"	syscall\n"
	"	ud2\n"
	".popsection\n");
void cell_client(void);
void cell_monitor(void);
_Static_assert(EXO_NR_seat_resume == 4, "cell_monitor");

/* What both kinds of monitor ask for. */
struct monitored {
	uint8_t actions[EXO_CLASSES];
	uint64_t mask[2] __attribute__((aligned(8)));
};

static struct exo_event *event;

static exo_id
client_make(void)
{
	struct monitored m = { .mask = { ~0ull, ~0ull } };
	exo_ppn ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	exo_id env = cell_env_make(&cell);

	event = (struct exo_event *)must(vm_map_frame(ppn, VM_RW,
	    self->memory_slot));
	m.actions[EXO_CLASS_FOREIGN] = EXO_ACT_SUSPEND;
	must(exo_domain_monitor(cell.domain, cell.name, (uint64_t)m.actions,
	    (uint64_t)m.mask, 0));
	must(exo_env_event(env, cell.name, ppn, 0, self->memory_slot));
	must(cell_bind(&cell, SEAT_CLIENT, env, cell_client, NULL));
	must(exo_env_start(env, cell.name, cell.domain, cell.name,
	    SEAT_CLIENT, 0));
	return env;
}

/* One turn of the monitor: answer the last event, run the client to its next
 * one. */
static uint64_t
event_ticks(exo_id env, enum exo_how how)
{
	struct exo_regs regs = event->regs;
	uint64_t t;

	t = bench_call(env_continue, env, cell.name, event->seq, how,
	    (uint64_t)&regs);
	return t + bench_call(env_yield, env, cell.name, EXO_NONE);
}

static void
events(void)
{
	exo_id env = client_make();

	must(exo_env_yield(env, cell.name, EXO_NONE));
	BENCH_ROW("event_continue",
	    .bound = "an id, a sequence number, a state") {
		bench_take(bench_call(env_continue, env, cell.name,
		    event->seq, EXO_HOW_SKIP, 0));
		must(exo_env_yield(env, cell.name, EXO_NONE));
	}
	BENCH_ROW("event_round_trip", .peer = "ptrace_sysemu_stop_rt",
	    .bound = "an answer, a yield, the client's 3 instructions, its "
	    "registers published, a slice found for the monitor")
		bench_take(event_ticks(env, EXO_HOW_SKIP));
	BENCH_ROW("event_round_trip_regs", .peer = "ptrace_sysemu_get+setregs",
	    .bound = "and 176 bytes copied in")
		bench_take(event_ticks(env, EXO_HOW_REGS));
	must(exo_env_kill(env, cell.name, 0));
}

/* ---- a monitor in this process: the same env enters it */

__asm__(".pushsection .text\n"
	"bench_foreign:\n"
	"	pushq %r12\n"
	"	BENCH_FROM\n"
	"	movl $39, %eax\n"
	"	syscall\n"
	"	BENCH_TO\n"
	"	popq %r12\n"
	"	ret\n"
	".popsection\n");
uint64_t bench_foreign(void);

static void
monitors(void)
{
	struct monitored *m = (struct monitored *)&cell.page->w[LAST + 1];

	must(exo_domain_monitor(cell.domain, cell.name, 0, 0, EXO_MON_DROP));
	*m = (struct monitored){ .mask = { ~0ull, ~0ull } };
	m->actions[EXO_CLASS_FOREIGN] = EXO_ACT_ENTER;
	must(cell_bind(&cell, SEAT_MONITOR, self->env, cell_monitor, NULL));
	must(cell_do(&cell, EXO_NR_domain_monitor, self->domain,
	    self->domain_slot, (uint64_t)m->actions, (uint64_t)m->mask, 0,
	    0));
	must(cell_do(&cell, EXO_NR_seat_handler, self->domain,
	    self->domain_slot, 0, EXO_ROW_MONITOR,
	    place_in_cell(SEAT_MONITOR), 0));
	BENCH_ROW("monitor_enter_and_resume", .peer = "seccomp_trap_sigsys_rt",
	    .bound = "all registers out and in twice, 176 bytes each way")
		bench_take(bench_foreign() - bench_asm_cost);
	BENCH_ROW("null_syscall_monitored",
	    .peer = "null_syscall_under_seccomp",
	    .bound = "the mask is in the table of rows")
		bench_take(bench_call(null));
	must(cell_do(&cell, EXO_NR_domain_monitor, self->domain,
	    self->domain_slot, 0, 0, EXO_MON_DROP, 0));
}

TEST(time)
{
	struct cell_opts o = { .seats = 8 };

	cell_make(&cell, &o);
	yields();
	ticks();
	epilogues();
	events();
	monitors();
}
