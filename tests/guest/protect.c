/*
 * protect.c - what of the address space is the kernel's, what is everybody's
 * to read, and what is nobody's to run.
 *
 * run: --mem 256M
 * run: --cpu max,-smap,-smep,-umip
 */
#include "cell.h"

#define TABLES		9u		/* EXO_PUB_AT(0) and up */

/* Rows of each published table, to its end. */
static uint64_t
table_bytes(uint32_t n)
{
	const volatile struct exo_machine *m = EXO_MACHINE;
	const uint64_t bytes[TABLES] = {
		sizeof(struct exo_machine), sizeof(struct exo_counters),
		m->nframes * sizeof(struct exo_page),
		m->naccts * sizeof(struct exo_acct),
		m->ndomains * sizeof(struct exo_domain),
		m->nenvs * sizeof(struct exo_env),
		m->ncpus * m->nslices * sizeof(struct exo_slice),
		4096 * sizeof(struct exo_pcid),	/* with PCIDs or not */
		m->ntrace * sizeof(struct exo_trace),
	};

	return bytes[n];
}

TEST(published_tables_are_readable_to_their_end)
{
	for (uint32_t n = 0; n < TABLES; n++) {
		uint64_t at = EXO_PUB_AT(n);

		OK(probe_read(at, NULL));
		OK(probe_read(at + table_bytes(n) - 8, NULL));
	}
}

/* Else anybody would free frames, or be somebody else. */
TEST(published_tables_are_not_writable)
{
	for (uint32_t n = 0; n < TABLES; n++) {
		uint64_t at = EXO_PUB_AT(n), end = at + table_bytes(n);

		for (; at < end; at += (end - at) / 3 + EXO_PAGE) {
			OK(!probe_write(at, 0));
			EQ(probe_kind, EXO_K_TRAP + TRAP_PAGE);
			EQ(probe_regs.err & 6, 6);
		}
		OK(!probe_write(end - 8, 0));
	}
}

TEST(published_tables_are_not_runnable)
{
	for (uint32_t n = 0; n < TABLES; n++) {
		OK(!probe_run(EXO_PUB_AT(n)));
		EQ(probe_kind, EXO_K_TRAP + TRAP_PAGE);
	}
}

TEST(published_tables_are_in_every_domain_and_only_to_read)
{
	struct cell c;
	uint64_t v;

	cell_make(&c, NULL);
	for (uint32_t n = 0; n < TABLES; n++) {
		OK(cell_read(&c, EXO_PUB_AT(n), &v));
		OK(!cell_write(&c, EXO_PUB_AT(n), v));
	}
	cell_end(&c);
}

/* Below and above what is published there is nothing. */
TEST(nothing_else_is_published)
{
	OK(!probe_read(EXO_PUB_AT(TABLES), NULL));
	OK(!probe_read(EXO_PUB_AT(TABLES + 1), NULL));
	OK(!probe_read(EXO_PUB - 8, NULL));
	OK(!probe_read(EXO_PUB_AT(127), NULL));
	for (uint32_t n = 2; n < TABLES; n++) {
		uint64_t end = (table_bytes(n) + EXO_PAGE - 1) &
		    ~(EXO_PAGE - 1);

		OK(!probe_read(EXO_PUB_AT(n) + end, NULL));
	}
}

/* One word in each region of the kernel's half; every 512 GiB; the ends. */
TEST(kernel_addresses_are_out_of_reach)
{
	static const uint64_t at[] = {
		0xffff800000000000ul, 0xffff800000100000ul,
		0xffff800008000000ul, 0xffff8000fee00000ul,
		0xffffffff80000000ul, 0xffffffff80100000ul,
		0xffffffff80101000ul, 0xffffffff80200000ul,
		0xffffffffc0000000ul, 0xfffffffffffffff8ul,
	};

	for (uint32_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		OK(!probe_read(at[i], NULL));
		EQ(probe_kind, EXO_K_TRAP + TRAP_PAGE);
		EQ(probe_regs.err & 4, 4);
		OK(!probe_write(at[i], 0));
		OK(!probe_run(at[i]));
	}
	for (uint64_t slot = 256; slot < 510; slot++)
		OK(!probe_read(0xffff000000000000ul | slot << 39, NULL));
	for (uint64_t mib = 0; mib < 64; mib++)
		OK(!probe_read(0xffffffff80000000ul + (mib << 20), NULL));
}

TEST(top_level_slot_255_is_never_there)
{
	OK(!probe_read(EXO_USER_TOP, NULL));
	OK(!probe_read(EXO_USER_TOP + (1ul << 30), NULL));
	OK(!probe_read(0x00007ffffffffff8ul, NULL));
}

/* Kernel addresses and addresses across the end, as arguments: ADDR. */
TEST(kernel_does_not_follow_its_own_addresses_for_a_user)
{
	static const uint64_t at[] = {
		0xffffffff80100000ul, 0xffff800000100000ul, EXO_PUB,
		EXO_USER_TOP, EXO_USER_TOP - 8, 0x0000800000000000ul,
		0xfffffffffffffff0ul, 0x00007ffffffffff8ul,
	};

	for (uint32_t i = 0; i < sizeof(at) / sizeof(*at); i++) {
		REFUSED(exo_cap_read(self->memory_slot, at[i]), ADDR);
		REFUSED(exo_console_write(self->console_slot, at[i], 16),
		    ADDR);
		REFUSED(exo_pt_batch(0, 1, 0, 4, at[i], 0), ADDR);
	}
	/* A read-only page is not written for a user either. */
	REFUSED(exo_cap_read(self->memory_slot, (uint64_t)at), ADDR);
	REFUSED(exo_cap_read(self->memory_slot, self->image_low), ADDR);
}

/* -------------------------------------------------------- my own memory */

static uint8_t data[64] = { 0xc3 };

TEST(data_stack_and_heap_are_not_runnable)
{
	uint8_t stack[64] = { 0xc3 };
	uint8_t *heap = vm_alloc(EXO_PAGE);

	heap[0] = 0xc3;
	__asm__ volatile("" : : "r"(stack) : "memory");
	OK(!probe_run((uint64_t)data));
	EQ(probe_regs.err, 0x15);		/* present, user, fetch */
	OK(!probe_run((uint64_t)stack));
	EQ(probe_regs.err, 0x15);
	OK(!probe_run((uint64_t)heap));
	EQ(probe_regs.err, 0x15);
	OK(!probe_run(self->upcall_va));
	OK(!probe_run((uint64_t)self));
	vm_free(heap, EXO_PAGE);
}

TEST(text_constants_and_start_page_are_not_writable)
{
	static const uint64_t constant = 5;

	OK(!probe_write((uint64_t)probe_read & ~7ul, 0));
	EQ(probe_regs.err, 7);
	OK(!probe_write((uint64_t)&constant, 0));
	EQ(probe_regs.err, 7);
	OK(!probe_write((uint64_t)self, 0));
	EQ(probe_regs.err, 7);
}

TEST(page_zero_is_not_there_unless_one_maps_it)
{
	exo_ppn f = (exo_ppn)must(vm_page(EXO_PG_DATA));
	uint64_t v;

	OK(!probe_read(0, NULL));
	OK(!probe_write(0, 0));
	EQ(vm_map(0, f, VM_RW, self->memory_slot), 0);
	OK(probe_write(0, 77));
	OK(probe_read(0, &v));
	EQ(v, 77);
	EQ(vm_unmap(0, 1), 0);
	OK(!probe_read(0, NULL));
	EQ(exo_page_free(self->memory_slot, f, 1), 1);
}

/* Every entry that maps me: W^X, and no frame of the kernel's. */
TEST(no_frame_of_mine_is_the_kernels_or_both_w_and_x)
{
	for (uint64_t va = self->image_low; va < self->image_high;
	    va += EXO_PAGE) {
		uint64_t pte = vm_pte(va);

		if (pte == 0)
			continue;
		OK((pte & EXO_PTE_W) == 0 || (pte & EXO_PTE_NX) != 0);
		EQ(EXO_PAGES[EXO_PTE_PPN(pte)].kind, EXO_PG_DATA);
	}
	for (exo_ppn p = 1; p < EXO_MACHINE->nframes; p++) {
		uint32_t uses = EXO_PAGES[p].uses, execs = EXO_PAGES[p].execs;

		if (uses != 0 && execs != 0) {
			print("# frame %u\n", p);
			OK(uses == 0 || execs == 0);
		}
	}
}

TEST(frames_of_the_kernel_and_of_devices_are_not_to_be_had)
{
	uint32_t kernel = 0;

	for (exo_ppn p = 1; p < EXO_MACHINE->nframes && kernel < 200; p++) {
		uint8_t kind = EXO_PAGES[p].kind;

		if (kind != EXO_PG_KERNEL && kind != EXO_PG_HOLE)
			continue;
		kernel++;
		EQ(exo_page_alloc(self->acct, self->acct_slot,
		    self->memory_slot, EXO_PG_DATA, p, 1), -EXO_E_BUSY);
		OK(vm_map(VM_MAP_TOP - EXO_PAGE, p, VM_R,
		    EXO_START_SLOT_ROOT) < 0);
		OK(exo_page_free(EXO_START_SLOT_ROOT, p, 1) < 0);
	}
	OK(kernel > 0);
}

/* --------------------------------------------------- what the CPU offers */

static uint32_t
cpuid7(uint32_t *ecx)
{
	uint32_t a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	*ecx = c;
	return b;
}

TEST(protection_is_on_wherever_the_cpu_has_it)
{
	uint32_t c, b = cpuid7(&c), f = EXO_MACHINE->features;

	EQ((f & EXO_FEAT_SMEP) != 0, b >> 7 & 1);
	EQ((f & EXO_FEAT_SMAP) != 0, b >> 20 & 1);
	EQ((f & EXO_FEAT_FSGSBASE) != 0, b & 1);
	EQ((f & EXO_FEAT_UMIP) != 0, c >> 2 & 1);
	OK((f & EXO_FEAT_NX) != 0);
}

/* ------------------------------------------------ what the kernel lets out */

static bool
kernel_like(uint64_t v)
{
	uint32_t hi = (uint32_t)(v >> 32), lo = (uint32_t)v;

	if (hi == 0xffffffff)
		return lo >= 0x80000000 && lo < 0xffff0000;
	return hi >= 0xffff8000;
}

/*
 * After a plain call the registers that C code used hold nothing of its:
 * every call of the list, with arguments that make it look around.
 */
TEST(registers_after_a_call_tell_nothing)
{
	static const uint64_t junk[] = { 0, 1, 0x7f7ffff10000ul };

	for (uint32_t nr = 3; nr < EXO_NR_MAX; nr++) {
		if (nr == EXO_NR_env_exit || nr == EXO_NR_machine_off ||
		    nr == EXO_NR_domain_kill || nr == EXO_NR_env_kill ||
		    nr == EXO_NR_cap_drop || nr == EXO_NR_trace_set)
			continue;
		for (uint32_t i = 0; i < 3; i++) {
			uint64_t rax = EXO_NR_BASE + nr, rdi = junk[i],
			    rsi = 90, rdx = junk[i], rcx, r8, r9, r10, r11;

			__asm__ volatile(
			    "mov $90, %%r10d\n\t"
			    "xor %%r8d, %%r8d\n\t"
			    "xor %%r9d, %%r9d\n\t"
			    "syscall\n\t"
			    "mov %%r8, %[r8]\n\t"
			    "mov %%r9, %[r9]\n\t"
			    "mov %%r10, %[r10]\n\t"
			    "mov %%r11, %[r11]"
			    : "+a"(rax), "+D"(rdi), "+S"(rsi), "+d"(rdx),
			    "=&c"(rcx), [r8] "=m"(r8), [r9] "=m"(r9),
			    [r10] "=m"(r10), [r11] "=m"(r11)
			    : : "r8", "r9", "r10", "r11", "memory");
			if (kernel_like(rdi) || kernel_like(rsi) ||
			    kernel_like(rdx) || kernel_like(rcx) ||
			    kernel_like(r8) || kernel_like(r9) ||
			    kernel_like(r10) || kernel_like(r11) ||
			    (int64_t)rax < -(int64_t)EXO_E_MAX)
				print("# call %u\n", nr);
			OK(!kernel_like(rdi));
			OK(!kernel_like(rsi));
			OK(!kernel_like(rdx));
			OK(!kernel_like(rcx));
			OK(!kernel_like(r8));
			OK(!kernel_like(r9));
			OK(!kernel_like(r10));
			OK(!kernel_like(r11));
			OK((int64_t)rax >= -(int64_t)EXO_E_MAX);
		}
	}
}

/* No pointer of the kernel's in any published word. */
TEST(published_tables_hold_no_kernel_pointers)
{
	for (uint32_t n = 0; n < TABLES; n++) {
		const volatile uint64_t *w =
		    (const volatile uint64_t *)EXO_PUB_AT(n);
		uint64_t words = table_bytes(n) / 8, bad = 0;

		for (uint64_t i = 0; i < words; i++) {
			if (kernel_like(w[i]) && bad++ == 0)
				print("# table %u word %lu: %lx\n", n, i,
				    w[i]);
		}
		EQ(bad, 0);
	}
}

/* Nor in a table that one may look at: frames, bits, nothing else.  The upper
 * half of a root is a secret of addresses only: all roots have the same. */
TEST(view_of_a_root_shows_the_same_upper_half_everywhere)
{
	struct cell c;
	uint64_t a = vm_alloc_va(2), one, two;

	cell_make(&c, NULL);
	EQ(vm_map(a, EXO_DOMAINS[EXO_INDEX(self->domain)].root, VM_R,
	    self->memory_slot), 0);
	EQ(vm_map(a + EXO_PAGE, c.root, VM_R, c.name), 0);
	for (uint64_t i = 255; i < 512; i++) {
		OK(probe_read(a + i * 8, &one));
		OK(probe_read(a + EXO_PAGE + i * 8, &two));
		/* The CPU marks some of them as used. */
		EQ(one & ~0x60ul, two & ~0x60ul);
		if (i != 510)
			EQ(one & EXO_PTE_U, 0);
	}
	EQ(vm_unmap(a, 2), 0);
	cell_end(&c);
}

TEST(trace_holds_no_arguments)
{
	uint64_t n;

	must(exo_trace_set(EXO_START_SLOT_ROOT, 1));
	for (uint32_t i = 0; i < 50; i++)
		(void)!exo_cap_read(77, 0x5ec7e75ec7e7ul);
	(void)probe_read(0x5ec7e7000ul, NULL);
	must(exo_trace_set(EXO_START_SLOT_ROOT, 0));
	n = EXO_MACHINE->trace_next;
	OK(n > 0);
	for (uint64_t i = 0; i < EXO_MACHINE->ntrace; i++) {
		const volatile uint64_t *w =
		    (const volatile uint64_t *)&EXO_TRACE[i];

		for (uint32_t k = 1; k < 4; k++) {
			if (w[k] == 0x5ec7e75ec7e7ul || w[k] == 0x5ec7e7000ul)
				OK(w[k] == 0);
		}
	}
}

/* The slow entry that tracing uses hands registers on as the other does. */
TEST(traced_calls_do_the_same)
{
	struct cell c;
	struct exo_cap a, b;

	cell_make(&c, NULL);
	must(exo_cap_read(self->memory_slot, (uint64_t)&a));
	must(exo_trace_set(EXO_START_SLOT_ROOT, 1));
	EQ(exo_null(), 0);
	EQ(exo_cap_read(self->memory_slot, (uint64_t)&b), 0);
	EQ(cell_do(&c, EXO_NR_null, 0, 0, 0, 0, 0, 0), 0);
	OK(cell_read(&c, c.base, NULL));
	must(exo_trace_set(EXO_START_SLOT_ROOT, 0));
	EQ(memcmp(&a, &b, sizeof(a)), 0);
	cell_end(&c);
}
