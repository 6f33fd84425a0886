/*
 * castor.c - the first Castor: pager, upcalls, programs, calls between them.
 * run: --mem 256M
 * run: --mem 64M
 */
#include "test.h"

/* ---- pager and upcalls */

TEST(heap_is_zero_and_comes_when_touched)
{
	uint64_t faults = vm_stats.faults, sum = 0;
	volatile uint64_t *p = vm_alloc(64 * EXO_PAGE);

	for (uint32_t i = 0; i < 64; i++)
		sum |= p[i * 512];
	EQ(sum, 0);
	EQ(vm_stats.faults - faults, 64);
	for (uint32_t i = 0; i < 64; i++)
		p[i * 512] = i;
	EQ(vm_stats.faults - faults, 64);
	EQ(p[63 * 512], 63);
}

TEST(freed_memory_goes_back)
{
	void *p = vm_alloc(32 * EXO_PAGE);
	uint32_t before;

	vm_touch(p, 32 * EXO_PAGE);
	before = EXO_MACHINE->free_frames;
	vm_free(p, 32 * EXO_PAGE);
	OK(EXO_MACHINE->free_frames - before >= 30);
	EQ(vm_pte((uint64_t)p), 0);
}

TEST(kernel_does_not_page)
{
	struct exo_cap *c = vm_alloc(EXO_PAGE);

	EQ(exo_cap_read(self->memory_slot, (uint64_t)c), -EXO_E_ADDR);
	vm_touch(c, sizeof(*c));
	EQ(exo_cap_read(self->memory_slot, (uint64_t)c), 0);
	EQ(c->kind, EXO_SLOT_CAP);
}

static uint64_t
deep(uint32_t n)
{
	volatile uint8_t room[3000];

	room[n] = 1;
	return n == 0 ? 1 : deep(n - 1) + room[n];
}

TEST(stack_grows)
{
	EQ(deep(100), 101);
	EQ(deep(1000), 1001);
}

/* Every register but rsp, through a fault that the pager answers. */
TEST(fault_keeps_registers)
{
	uint64_t *p = vm_alloc(EXO_PAGE), sum;

	__asm__ volatile(
	    "push %%rbp; push %%rbx; pushfq\n"
	    "mov $0x101, %%ecx; mov $0x102, %%edx; mov $0x103, %%esi\n"
	    "mov $0x104, %%edi; mov $0x105, %%r8d; mov $0x106, %%r9d\n"
	    "mov $0x107, %%r10d; mov $0x108, %%r11d; mov $0x109, %%r12d\n"
	    "mov $0x10a, %%r13d; mov $0x10b, %%r14d; mov $0x10c, %%r15d\n"
	    "mov $0x10d, %%ebx; mov $0x10e, %%ebp\n"
	    "std; stc\n"
	    "movq $7, (%%rax)\n"
	    "pushfq\n"
	    "cld\n"
	    "add %%rdx, %%rcx; add %%rsi, %%rcx; add %%rdi, %%rcx\n"
	    "add %%r8, %%rcx; add %%r9, %%rcx; add %%r10, %%rcx\n"
	    "add %%r11, %%rcx; add %%r12, %%rcx; add %%r13, %%rcx\n"
	    "add %%r14, %%rcx; add %%r15, %%rcx; add %%rbx, %%rcx\n"
	    "add %%rbp, %%rcx\n"
	    "pop %%rdx\n"
	    "and $0x401, %%edx\n"	/* DF, CF */
	    "shl $16, %%rdx\n"
	    "add %%rdx, %%rcx\n"
	    "popfq; pop %%rbx; pop %%rbp"
	    : "=c"(sum) : "a"(p) : "rdx", "rsi", "rdi", "r8", "r9", "r10",
	    "r11", "r12", "r13", "r14", "r15", "memory", "cc");
	EQ(sum, 0x401ul << 16 | (14 * 0x100 + 14 * 15 / 2));
	EQ(*p, 7);
}

/* The words under rsp are the program's, too (its red zone). */
TEST(fault_keeps_red_zone)
{
	uint64_t *p = vm_alloc(EXO_PAGE), got;

	__asm__ volatile(
	    "movq $0x1234, -8(%%rsp)\n"
	    "movq $0x5678, -128(%%rsp)\n"
	    "movq $7, (%1)\n"
	    "mov -8(%%rsp), %0\n"
	    "add -128(%%rsp), %0" : "=&r"(got) : "r"(p) : "memory");
	EQ(got, 0x1234 + 0x5678);
}

static volatile uint32_t handled;

static UPCALL_HANDLER bool
skip_ud2(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	handled++;
	r->rip += 2;
	r->rbx = 0xb0b;
	return true;
}

TEST(handler_changes_registers)
{
	uint64_t rbx = 0;
	upcall_fn old = upcall_set(EXO_K_TRAP + TRAP_OPCODE, skip_ud2);

	handled = 0;
	__asm__ volatile("ud2" : "+b"(rbx));
	EQ(handled, 1);
	EQ(rbx, 0xb0b);
	upcall_set(EXO_K_TRAP + TRAP_OPCODE, old);
}

static volatile uint64_t *nested_page;

static UPCALL_HANDLER bool
fault_inside(struct exo_regs *r, uint64_t kind)
{
	nested_page[0] = 11;		/* the pager, on top of us */
	return skip_ud2(r, kind);
}

TEST(upcalls_nest)
{
	upcall_fn old = upcall_set(EXO_K_TRAP + TRAP_OPCODE, fault_inside);
	uint64_t rbx = 0;

	nested_page = vm_alloc(EXO_PAGE);
	__asm__ volatile("ud2" : "+b"(rbx));
	EQ(rbx, 0xb0b);
	EQ(nested_page[0], 11);
	upcall_set(EXO_K_TRAP + TRAP_OPCODE, old);
}

TEST(tables_can_be_read)
{
	uint64_t va = (uint64_t)self->upcall_va;
	exo_ppn table = vm_table(va, 1);
	const uint64_t *view;

	OK(table != 0);
	EQ(EXO_PAGES[table].kind, EXO_PG_PT1);
	view = (const uint64_t *)must(vm_view_table(table,
	    self->memory_slot));
	EQ(view[EXO_PT_INDEX(va, 1)], vm_pte(va));
	EQ(EXO_PAGES[EXO_PTE_PPN(vm_pte(va))].rmap,
	    table << 9 | EXO_PT_INDEX(va, 1));
	EQ(vm_unmap((uint64_t)view, 1), 0);
}

TEST(many_tables)
{
	/* One page in each of 400 spans of 2 MB: the hash must grow. */
	uint8_t *p = vm_alloc(400ul << 21);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < 400; i++)
		p[i << 21] = 1;
	for (uint64_t i = 0; i < 400; i++)
		sum += p[i << 21];
	EQ(sum, 400);
	vm_free(p, 1ul << 21);
}

/* ---- other programs */

static void
nothing(struct child_page *p)
{
	p->w[0] = self->domain;
	p->w[1] = self->acct;
	p->w[2] = (uint64_t)self->argc;
}

TEST(child_runs_and_ends)
{
	struct child c;

	child_make(&c, nothing, NULL);
	child_start(&c);
	OK(child_wait(&c));
	EQ(c.proc.cause, EXO_CAUSE_EXIT);
	EQ(c.proc.word, 0);
	EQ(c.page->w[0], c.proc.domain);
	EQ(c.page->w[1], c.proc.acct);
	EQ(c.page->w[2], 1);
	child_end(&c);
}

TEST(children_leave_nothing_behind)
{
	struct child c;
	uint32_t frames = 0, used[EXO_RES_MAX];
	const volatile struct exo_acct *me = &EXO_ACCTS[EXO_INDEX(self->acct)];

	for (uint32_t i = 0; i < 12; i++) {
		child_make(&c, nothing, NULL);
		child_finish(&c);
		if (i == 1) {		/* what is kept is kept by now */
			frames = EXO_MACHINE->free_frames;
			for (uint32_t k = 0; k < EXO_RES_MAX; k++)
				used[k] = me->used[k];
		}
	}
	/* The page that child_make maps takes a new address each time. */
	EQ(EXO_MACHINE->free_frames, frames);
	for (uint32_t k = 0; k < EXO_RES_MAX; k++)
		EQ(me->used[k], used[k]);
}

static void
wild(struct child_page *p)
{
	p->step = 1;
	*(volatile int *)0x12345678 = 1;
	p->step = 2;
}

TEST(wild_access_ends_the_child_only)
{
	struct child_opts o = { .no_console = true };
	struct child c;

	child_make(&c, wild, &o);
	child_start(&c);
	OK(child_wait(&c));
	EQ(c.page->step, 1);
	EQ(c.proc.word, EXIT_DIED);
	child_end(&c);
}

static void
steps(struct child_page *p)
{
	for (uint64_t i = 1; i <= 3; i++) {
		child_await(p, i);
		p->w[i] = i * i;
		child_reach(p, i);
	}
	for (;;)
		yield_some(1);
}

TEST(child_steps_and_is_killed)
{
	struct child c;

	child_make(&c, steps, NULL);
	child_start(&c);
	for (uint64_t i = 1; i <= 3; i++) {
		child_let(&c, i);
		OK(child_run_to(&c, i));
		EQ(c.page->w[i], i * i);
	}
	EQ(exo_domain_kill(c.proc.domain, c.proc.name, 99), 0);
	proc_ending(&c.proc);
	EQ(c.proc.cause, EXO_CAUSE_KILL);
	EQ(c.proc.word, 99);
	child_end(&c);
}

/* ---- calls between them */

static uint64_t
add(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	return badge + a + b + c + d + e;
}
SERVICE(add);

static void
ready(struct child_page *p)
{
	child_reach(p, 1);
	for (;;)
		yield_some(1);
}

TEST(call_into_a_child)
{
	struct child_opts o = { .seats = 1 };
	struct child c;
	uint64_t place, result = 0;

	child_make(&c, ready, &o);
	place = child_handle(&c, 1, self->env, add_entry, 1000);
	child_start(&c);
	OK(child_run_to(&c, 1));
	EQ(exo_call(place, 1, 2, 3, 4, 5, &result), EXO_K_REPLY);
	EQ(result, 1015);
	EQ(exo_call(place, 5, 0, 0, 0, 0, &result), EXO_K_REPLY);
	EQ(result, 1005);
	child_end(&c);
	EQ(exo_call(place, 1, 2, 3, 4, 5, &result), -EXO_E_SLOT);
}

static void
caller(struct child_page *p)
{
	uint64_t result = 0;

	EQ(exo_call(3, 1, 2, 3, 4, 5, &result), EXO_K_REPLY);
	p->w[0] = result;
}

TEST(call_out_of_a_child)
{
	struct child c;

	child_make(&c, caller, NULL);
	child_give_handle(&c, 1, add_entry, 500, 3);
	child_start(&c);
	OK(child_wait(&c));
	EQ(c.page->w[0], 515);
	child_end(&c);
	EQ(exo_seat_free(self->domain, self->domain_slot, 1), 0);
}

static uint64_t
touch(uint64_t badge, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e)
{
	volatile uint8_t room[3 * 4096];	/* more than its stack has */
	uint64_t *p = vm_alloc(EXO_PAGE);

	(void)(b + c + d + e);
	room[0] = 1;
	*p = badge + a;
	return *p + room[0];
}
SERVICE(touch);

TEST(callee_pages_for_itself)
{
	struct child_opts o = { .seats = 1 };
	struct child c;
	uint64_t place, result = 0;

	child_make(&c, ready, &o);
	place = child_handle(&c, 1, self->env, touch_entry, 10);
	child_start(&c);
	OK(child_run_to(&c, 1));
	EQ(exo_call(place, 5, 0, 0, 0, 0, &result), EXO_K_REPLY);
	EQ(result, 16);
	child_end(&c);
}

/* ---- the library of tests itself */

TEST(refused_changes_nothing)
{
	REFUSED(exo_page_alloc(self->acct, self->acct_slot, self->memory_slot,
	    EXO_PG_DATA, 0, 1), ARG);
	REFUSED(exo_cap_drop(EXO_SLOT(9, 0)), SLOT);
}

TEST(snapshots_see_changes)
{
	struct snap a, b;
	long ppn;

	snap_take(&a);
	snap_take(&b);
	OK(snap_differs(&a, &b) == NULL);
	ppn = must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	snap_take(&b);
	OK(snap_differs(&a, &b) != NULL);
	EQ(exo_page_free(self->memory_slot, (exo_ppn)ppn, 1), 1);
	snap_take(&a);
	must(slot_derive(self->root_slot, 0, 7));
	snap_take(&b);
	OK(strcmp(snap_differs(&a, &b), "capabilities") == 0);
}

TEST(text_is_formatted)
{
	char b[64];

	EQ(print_to(b, sizeof(b), "%d|%5d|%-5d|%05d|%x", -7, 42, 42, -42,
	    0xbeefu), 25);
	OK(strcmp(b, "-7|   42|42   |-0042|beef") == 0);
	EQ(print_to(b, 4, "%s", "abcdef"), 6);
	OK(strcmp(b, "abc") == 0);
	(void)print_to(b, sizeof(b), "%lx %lu %c%% %6s|%-4s|",
	    0x123456789abcdeful, 18446744073709551615ul, 'z', "hi", "yo");
	OK(strcmp(b, "123456789abcdef 18446744073709551615 z%     hi|yo  |")
	    == 0);
}
