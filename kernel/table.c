/*
 * table.c - the published tables: memory for them, the machine's page, trace.
 *
 * Every table lies in frames of the kernel's own, mapped twice: writable for
 * the kernel in a window, read-only for everyone at EXO_PUB_AT(n).  What is
 * secret about a resource is in a private array beside its file.
 */
#include "account.h"
#include "as.h"
#include "boot.h"
#include "cpu.h"
#include "dev/lapic.h"
#include "dev/rtc.h"
#include "env.h"
#include "kmap.h"
#include "table.h"
#include "tlb.h"
#include "x86.h"

#define NTRACE		4096u
#define TICK_HZ		250u
#define GRACE_TICKS	8u
#define DOMAINS_MAX	65536u
#define ENVS_MAX	16384u

uint32_t ndomains;
static uint64_t fresh_next = 1;

uint64_t
fresh_number(void)
{
	machine.fresh++;
	return fresh_next++;
}

/* ------------------------------------------------------------------ trace */

void syscall_entry(void);
void syscall_entry_traced(void);
void trace_call(uint32_t nr);

/*
 * Kind, ids, number and time.  An account writes at most its limit of records
 * a revolution of the slices, so that it can't wash away the others'.
 */
void
trace_write(enum exo_trace_kind kind, uint32_t call)
{
	struct cpu *c = cpu();
	struct exo_trace *t;
	struct exo_acct *a;
	uint32_t rev, lo, hi;

	if (c->env == NULL || c->seat == NULL)
		return;
	a = &accts[c->env->pub->account];
	rev = (uint32_t)(machine.ticks / SCHED_SLICES);
	if (a->trace_rev != rev) {
		a->trace_rev = rev;
		a->trace_used = 0;
	}
	if (a->trace_used >= a->limit[EXO_RES_TRACE] -
	    a->used[EXO_RES_TRACE]) {
		a->trace_dropped++;
		return;
	}
	a->trace_used++;
	t = &trace_ring[machine.trace_next % NTRACE];
	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	t->tsc = (uint64_t)hi << 32 | lo;
	t->kind = kind;
	t->call = (uint16_t)call;
	t->domain = EXO_INDEX(cur_domain()->id);
	t->env = EXO_INDEX(c->env_id);
	t->account = c->env->pub->account;
	t->nr = machine.trace_next++;
}

/* From syscall_entry_traced, before the call. */
void
trace_call(uint32_t nr)
{
	if ((nr & EXO_NR_MASK) == EXO_NR_BASE)
		trace_add(EXO_TR_CALL, nr & ~EXO_NR_MASK);
	else
		trace_add(EXO_TR_FOREIGN, nr);
}

void
trace_switch(bool on)
{
	machine.trace_on = on;
	x86_wrmsr(MSR_LSTAR, (uint64_t)(on ? syscall_entry_traced :
	    syscall_entry));
}

/* ------------------------------------------------------------------- boot */

static struct { uint8_t *kva; uint64_t bytes; } published[EXO_TABS];

long
table_window(uint32_t table, uint64_t offset, uint64_t len, uint8_t **kva)
{
	if (table >= EXO_TABS || offset > published[table].bytes ||
	    len > published[table].bytes - offset)
		return -EXO_E_ARG;
	*kva = published[table].kva + offset;
	return 0;
}

/* Frames for a table of the kernel's own. */
static uint64_t
table_make(void *kva, uint64_t bytes)
{
	uint64_t n = (bytes + EXO_PAGE - 1) / EXO_PAGE;
	uint64_t pa = boot_alloc_pages(n);

	kmap_window((uint64_t)kva, pa, n);
	return pa;
}

/* Everybody may read this. */
static void
table_show(enum exo_table table, void *kva, uint64_t pa, uint64_t bytes)
{
	kmap_publish(EXO_PUB_AT(table), pa, (bytes + EXO_PAGE - 1) / EXO_PAGE);
	published[table].kva = kva;
	published[table].bytes = bytes;
}

static void
table_publish(enum exo_table table, void *kva, uint64_t bytes)
{
	table_show(table, kva, table_make(kva, bytes), bytes);
}

static uint32_t
features(void)
{
	const struct cpu_features *f = &cpu_features;
	uint32_t v = EXO_FEAT_NX | EXO_FEAT_FSGSBASE;

	v |= f->pcid ? EXO_FEAT_PCID : 0;
	v |= f->invpcid ? EXO_FEAT_INVPCID : 0;
	v |= f->smep ? EXO_FEAT_SMEP : 0;
	v |= f->smap ? EXO_FEAT_SMAP : 0;
	v |= f->umip ? EXO_FEAT_UMIP : 0;
	v |= f->pge ? EXO_FEAT_PGE : 0;
#ifdef CHECK
	v |= EXO_FEAT_CHECK;
#endif
	return v;
}

static void
machine_fill(const struct boot_info *b)
{
	machine.version = EXO_VERSION;
	machine.ncpus = 1;
	machine.nframes = npages;
	machine.naccts = NACCTS;
	machine.ndomains = ndomains;
	machine.nenvs = nenvs;
	machine.nslices = SCHED_SLICES;
	machine.npcids = cpu_features.pcid ? NPCIDS : 1;
	machine.ntrace = NTRACE;
	machine.features = features();
	machine.tsc_hz = tsc_hz;
	machine.tick_hz = TICK_HZ;
	machine.grace_ticks = GRACE_TICKS;
	machine.archive_ppn = (uint32_t)(b->archive_pa >> 12);
	machine.archive_pages = (uint32_t)((b->archive_len + EXO_PAGE - 1) /
	    EXO_PAGE);
	machine.archive_len = b->archive_len;
	machine.xsave_size = cpu_features.xsave_size;
	machine.utc = rtc_read();
	machine.utc_tsc = x86_rdtsc();
	__builtin_memcpy(machine.cmdline, b->cmdline, sizeof(machine.cmdline));
}

/* The frame table, from what the boot memory has become. */
static void
frames_fill(void)
{
	static const uint32_t kind[] = {
		[BOOT_FREE] = EXO_PG_FREE,
		[BOOT_KERNEL] = EXO_PG_KERNEL,
		[BOOT_ARCHIVE] = EXO_PG_DATA | EXO_KIND_LIVE,
		[BOOT_RESERVED] = EXO_PG_HOLE,
	};
	uint32_t ppn = 0;

	while (ppn < npages) {
		enum boot_state state;
		uint32_t end = boot_page_run(ppn, &state);

		for (; ppn < end && ppn < npages; ppn++)
			page_boot(ppn, ppn == 0 ? EXO_PG_HOLE : kind[state]);
	}
	/* The kernel's own can't be promised to anybody. */
	accts[ACCT_ROOT].limit[EXO_RES_FRAMES] = machine.free_frames +
	    accts[ACCT_ROOT].used[EXO_RES_FRAMES];
}

static void
tables_make(void)
{
	npages = boot_nframes;
	ndomains = npages < DOMAINS_MAX ? npages : DOMAINS_MAX;
	nenvs = npages / 4 < ENVS_MAX ? npages / 4 : ENVS_MAX;
	table_publish(EXO_TAB_MACHINE, &machine, sizeof(machine));
	table_publish(EXO_TAB_COUNTERS, &counters, sizeof(counters));
	table_publish(EXO_TAB_PAGES, pages, npages * sizeof(pages[0]));
	(void)table_make(page_guards, npages * sizeof(page_guards[0]));
	table_publish(EXO_TAB_ACCTS, accts, NACCTS * sizeof(accts[0]));
	table_publish(EXO_TAB_DOMAINS, domains, ndomains * sizeof(domains[0]));
	table_publish(EXO_TAB_ENVS, envs, nenvs * sizeof(envs[0]));
	table_publish(EXO_TAB_SLICES, slices,
	    SCHED_SLICES * sizeof(slices[0]));
	table_show(EXO_TAB_PCIDS, pcids, kva_pa(pcids),
	    NPCIDS * sizeof(pcids[0]));
	table_publish(EXO_TAB_TRACE, trace_ring,
	    NTRACE * sizeof(trace_ring[0]));
}

extern bool cpu_smap;

void
table_boot(const struct boot_info *b)
{
	uint32_t limit[EXO_RES_MAX] = {
		[EXO_RES_ACCTS] = NACCTS - 1,
		[EXO_RES_PCIDS] = NPCIDS - 1,
		[EXO_RES_SLICES] = SCHED_SLICES,
		[EXO_RES_TRACE] = NTRACE,
	};

	tables_make();
	boot_close();
	limit[EXO_RES_FRAMES] = npages;
	limit[EXO_RES_DOMAINS] = ndomains - 1;
	limit[EXO_RES_ENVS] = nenvs - 1;
	machine_fill(b);
	acct_boot(limit);
	for (uint32_t i = 0; i < AS_KERNEL_ENTRIES; i++)
		as_kernel_entry[i] = kmap_top(as_kernel_index[i]);
	tlb_boot(kmap_root_pa, cpu_features.pcid, cpu_features.invpcid);
	cpu_smap = cpu_features.smap;
	frames_fill();
}
