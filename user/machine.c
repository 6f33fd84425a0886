/* machine.c - what the kernel publishes about the machine and itself. */
#include <castor/print.h>
#include <castor/sys.h>

#define COUNTER(name)	{ #name, &EXO_COUNTERS->name }

static const struct {
	uint32_t bit;
	const char *name;
} features[] = {
	{ EXO_FEAT_PCID, "pcid" }, { EXO_FEAT_INVPCID, "invpcid" },
	{ EXO_FEAT_SMEP, "smep" }, { EXO_FEAT_SMAP, "smap" },
	{ EXO_FEAT_UMIP, "umip" }, { EXO_FEAT_NX, "nx" },
	{ EXO_FEAT_FSGSBASE, "fsgsbase" }, { EXO_FEAT_PGE, "pge" },
	{ EXO_FEAT_CHECK, "check" },
};

static void
limits_print(const volatile struct exo_machine *m)
{
	print("frames %u (%u free), CPUs %u, PCIDs %u\n", m->nframes,
	    m->free_frames, m->ncpus, m->npcids);
	print("rows: %u accounts, %u domains, %u envs, %u slices, %u traces\n",
	    m->naccts, m->ndomains, m->nenvs, m->nslices, m->ntrace);
	print("archive: %lu bytes at frame %u\n", m->archive_len,
	    m->archive_ppn);
	print("features:");
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if ((m->features & features[i].bit) != 0)
			print(" %s", features[i].name);
	}
	print(", %u bytes of FP state\n", m->xsave_size);
}

/* Two words, so the kernel counts its changes: odd, and it is at it. */
static void
clock_read(const volatile struct exo_machine *m, uint64_t *ticks,
    uint64_t *tsc)
{
	uint32_t seq;

	do {
		seq = m->clock_seq;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		*ticks = m->ticks;
		*tsc = m->tick_tsc;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while ((seq & 1) != 0 || seq != m->clock_seq);
}

static void
counters_print(void)
{
	const struct {
		const char *name;
		const volatile uint64_t *value;
	} rows[] = {
		COUNTER(switches), COUNTER(ticks_idle), COUNTER(slow_enters),
		COUNTER(traps), COUNTER(upcalls), COUNTER(events),
		COUNTER(double_faults), COUNTER(pulled_home),
		COUNTER(tlb_page), COUNTER(tlb_context), COUNTER(tlb_all),
		COUNTER(pcid_binds), COUNTER(pcid_flushes), COUNTER(invpcid),
		COUNTER(noflush), COUNTER(frames_zeroed), COUNTER(reap_steps),
		COUNTER(faults_recovered),
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		print("  %-17s%10lu%s", rows[i].name, *rows[i].value,
		    i % 2 != 0 ? "\n" : "");
}

int
main(void)
{
	const volatile struct exo_machine *m = EXO_MACHINE;
	uint64_t ticks, tsc;

	print("Pollux, ABI version %u; command line `%s'\n", m->version,
	    (const char *)m->cmdline);
	limits_print(m);
	clock_read(m, &ticks, &tsc);
	print("up %lu ticks of 1/%u s, TSC %lu at the last, %lu Hz; "
	    "grace %u ticks\n", ticks, m->tick_hz, tsc, m->tsc_hz,
	    m->grace_ticks);
	print("deaths %lu, fresh names %lu, trace records %lu (%s)\n",
	    m->deaths, m->fresh, m->trace_next, m->trace_on ? "on" : "off");
	counters_print();
	return 0;
}
