/*
 * exo/tables.h - what the kernel publishes, read-only in every domain.
 *
 * Fixed-width, no pointers, no secrets.  A value that changes in two words
 * has a sequence count: odd while it is being written.
 */
#ifndef EXO_TABLES_H
#define EXO_TABLES_H

#include <exo/types.h>

/* The machine and its clock. */
struct exo_machine {
	uint32_t version;		/* EXO_VERSION */
	uint32_t ncpus;
	uint32_t nframes;		/* rows of each table */
	uint32_t naccts;
	uint32_t ndomains;
	uint32_t nenvs;
	uint32_t nslices;		/* per CPU */
	uint32_t npcids;		/* 1: PCID 0 only */
	uint32_t ntrace;
	uint32_t features;		/* EXO_FEAT_* */
	uint64_t tsc_hz;
	uint32_t tick_hz;
	uint32_t grace_ticks;		/* how long kill, stop and the end of
					 * a slice wait at the most */
	uint32_t archive_ppn;		/* the boot archive's first frame */
	uint32_t archive_pages;
	uint64_t archive_len;		/* bytes */
	uint32_t xsave_size;		/* bytes of FP state saved per env */
	uint32_t pad;

	uint32_t clock_seq;		/* odd: being written */
	uint32_t free_head;		/* first free frame, 0: none */
	uint64_t ticks;			/* since boot */
	uint64_t tick_tsc;		/* TSC at the last tick */
	uint32_t free_frames;
	uint32_t trace_on;
	uint64_t trace_next;		/* records written since boot */
	uint64_t deaths;		/* domains and envs that died */
	uint64_t fresh;			/* fresh names given out */
	uint64_t typed;			/* characters that came in for
					 * console_read since boot */
	uint64_t utc;			/* seconds since 1970 when the TSC was
					 * utc_tsc; 0: no clock said so */
	uint64_t utc_tsc;
	char cmdline[256];
};

#define EXO_FEAT_PCID		0x0001u
#define EXO_FEAT_INVPCID	0x0002u
#define EXO_FEAT_SMEP		0x0004u
#define EXO_FEAT_SMAP		0x0008u
#define EXO_FEAT_UMIP		0x0010u
#define EXO_FEAT_NX		0x0020u
#define EXO_FEAT_FSGSBASE	0x0040u
#define EXO_FEAT_PGE		0x0080u
#define EXO_FEAT_CHECK		0x8000u	/* a checking kernel */

/* What the kernel has done, for curiosity and for proof. */
struct exo_counters {
	uint64_t switches;		/* env to env */
	uint64_t ticks_idle;
	uint64_t slow_enters;		/* enter, call, reply done in C */
	uint64_t traps;			/* that went through C */
	uint64_t upcalls;		/* pushed by C */
	uint64_t events;		/* suspensions to a monitor */
	uint64_t double_faults;
	uint64_t pulled_home;		/* envs taken from a foreign domain */
	uint64_t tlb_page;		/* one page of one context */
	uint64_t tlb_context;		/* one context */
	uint64_t tlb_all;		/* every context */
	uint64_t pcid_binds;
	uint64_t pcid_flushes;		/* to clean a tag */
	uint64_t invpcid;		/* INVPCID executed */
	uint64_t noflush;		/* CR3 loaded with the tag kept, in C */
	uint64_t frames_zeroed;
	uint64_t reap_steps;
	uint64_t faults_recovered;	/* copy-in and copy-out that failed */
};

/* Types of frames. */
enum exo_kind {
	EXO_PG_FREE,
	EXO_PG_DATA,
	EXO_PG_PT1,			/* maps frames */
	EXO_PG_PT2,
	EXO_PG_PT3,
	EXO_PG_PT4,			/* a root */
	EXO_PG_RMAP,			/* companion of a PT1 */
	EXO_PG_SLOTS,			/* capabilities */
	EXO_PG_SEATS,
	EXO_PG_HANDLES,
	EXO_PG_DOMAIN,
	EXO_PG_ENV,
	EXO_PG_PROG,			/* a checked BPF program */
	EXO_PG_REGION,			/* software regions */
	EXO_PG_OWNED_END,
	EXO_PG_KERNEL = EXO_PG_OWNED_END, /* the kernel's own, from boot */
	EXO_PG_DEVICE,
	EXO_PG_HOLE,			/* not memory */
	EXO_PG_KINDS
};

#define EXO_PF_LIVE		0x01u	/* shared by capability, not by copy */
#define EXO_PF_ZERO		0x02u	/* known to hold zeroes */
#define EXO_PF_REGUARD		0x04u	/* guard changed, mappings still go */
#define EXO_PF_EMPTY		0x08u	/* table: must be emptied first */
#define EXO_PF_BOUND		0x10u	/* the kernel writes it: one binder */
#define EXO_PF_SCRUB	0x20u	/* private: taken from its last user, and
				 * zeroed before it is mapped again */

/*
 * A frame.  EXO_PAGES[ppn].
 *
 * Free frames form one doubly linked list (next, prev) from
 * machine.free_head; owned ones one list per account from acct.frames.
 * Zero ends a list: frame 0 is never anybody's.
 *
 * rmap is the first of the entries that map the frame, each named
 * table << 9 | index; the others follow in the companion of the table:
 * struct exo_rmap at [index] (map it with VIEW to read it).
 */
struct exo_page {
	uint32_t account;		/* index; who is charged */
	uint8_t kind;			/* enum exo_kind */
	uint8_t flags;			/* EXO_PF_* */
	uint16_t pins;			/* kernel uses among `uses` */
	uint32_t maps;			/* last-level entries that map it */
	uint32_t uses;			/* writable ones and kernel uses */
	uint32_t execs;			/* executable ones */
	uint32_t refs;			/* table: links to it; root: domains */
	uint32_t rmap;			/* first entry that maps it */
	uint32_t parents;		/* table: XOR of the names of its links;
					 * root: XOR of its domains' indices */
	uint32_t next, prev;
	uint32_t entries;		/* table: present entries below slot
					 * 256; PROG: instructions; REGION:
					 * regions */
	uint32_t maker;			/* table: domain that allocated it */
	uint32_t maker_gen;
	uint32_t companion;		/* PT1: its RMAP frame; RMAP: its PT1;
					 * DOMAIN: its first HANDLES frame (0:
					 * the places are in the record); and
					 * that one's: the DOMAIN */
	uint64_t epoch;			/* grows at each free */
};
_Static_assert(sizeof(struct exo_page) == 64, "ABI");

/* One link of the inverse map; 512 to a companion frame. */
struct exo_rmap {
	uint32_t next, prev;		/* prev 0: the frame's rmap names me */
};

/* What an account was asked to give back (docs/revocation.md). */
struct exo_ask {
	uint64_t deadline;		/* from this tick on it may be taken */
	uint32_t target;		/* what its use is to come down to */
	uint32_t open;			/* 0: not asked, and the rest is 0 */
};
_Static_assert(sizeof(struct exo_ask) == 16, "ABI");

/* An account.  EXO_ACCTS[index]. */
struct exo_acct {
	uint32_t gen;
	uint32_t state;			/* enum exo_acct_state */
	uint32_t parent, heir;		/* indices */
	uint32_t children;
	uint32_t frames;		/* first frame of its list */
	uint32_t slice_debt;		/* ticks owed by slices that it gave
					 * back, or an account below it */
	uint32_t record;		/* frame of its repossession record;
					 * 0: none */
	uint32_t limit[EXO_RES_MAX];
	uint32_t used[EXO_RES_MAX];	/* with what children were given */
	uint32_t trace_used;		/* in revolution trace_rev */
	uint32_t trace_rev;
	uint64_t trace_dropped;
	uint64_t taken;			/* things taken by force, ever */
	uint64_t recorded;		/* records written since it was bound */
	struct exo_ask ask[EXO_RES_MAX];
};
_Static_assert(sizeof(struct exo_acct) == 256, "ABI");

enum exo_acct_state { EXO_ACCT_FREE, EXO_ACCT_LIVE, EXO_ACCT_DYING };

/* A domain.  EXO_DOMAINS[index]. */
struct exo_domain {
	uint32_t gen;
	uint16_t state;			/* enum exo_dom_state */
	uint16_t cause;			/* enum exo_cause, when dead */
	uint32_t account;
	uint32_t frame;			/* its record */
	uint32_t root;			/* its top-level table */
	uint16_t pcid;			/* 0: none of its own */
	uint16_t nhandles;
	uint32_t nseats;
	uint32_t monitor;		/* domain index, EXO_NONE: none */
	uint32_t clients;		/* domains that it monitors */
	uint32_t named;			/* live handles that name its seats */
	uint64_t exit_word;
	uint32_t slot_tables[EXO_SLOT_TABLES];	/* frames; 0: unbound */
};
_Static_assert(sizeof(struct exo_domain) == 64, "ABI");

enum exo_dom_state {
	EXO_DOM_FREE, EXO_DOM_LIVE,
	EXO_DOM_DEAD,			/* reaping: anybody may */
	EXO_DOM_ENDED			/* reaped; row kept until freed */
};

/* An env.  EXO_ENVS[index]. */
struct exo_env {
	uint32_t gen;
	uint16_t state;			/* enum exo_env_state */
	uint16_t cause;
	uint32_t account;
	uint32_t frame;
	uint32_t home;			/* domain index */
	uint32_t where;			/* domain index, at its last switch */
	uint32_t depth;			/* of its chain, at its last switch */
	uint32_t pending;		/* EXO_PEND_*: waits for it to come home */
	uint64_t seq;			/* of its last event */
	uint64_t exit_word;
	uint64_t ticks;			/* that it was charged */
	uint32_t slices;		/* bound to it */
	uint32_t pad;
	uint64_t fuel;			/* that its predicates have used */
	uint64_t checks;		/* times that they were asked */
	int64_t wake;			/* result of its last sleep */
	uint64_t pad2[5];
};
_Static_assert(sizeof(struct exo_env) == 128, "ABI");

enum exo_env_state {
	EXO_ENV_FREE,
	EXO_ENV_EMBRYO,			/* no home yet */
	EXO_ENV_READY,
	EXO_ENV_STOPPED,
	EXO_ENV_SUSPENDED,		/* an event waits for its monitor */
	EXO_ENV_SLEEPING,		/* until its predicate is true */
	EXO_ENV_DEAD,			/* reaping: anybody may */
	EXO_ENV_ENDED			/* reaped; row kept until freed */
};

#define EXO_PEND_KILL	1u
#define EXO_PEND_STOP	2u
#define EXO_PEND_YIELD	4u

enum exo_cause {
	EXO_CAUSE_NONE,
	EXO_CAUSE_EXIT,			/* by its own call */
	EXO_CAUSE_KILL,			/* by another's */
	EXO_CAUSE_FAULT,		/* double fault */
	EXO_CAUSE_HOME,			/* env: its home died */
	EXO_CAUSE_MONITOR,		/* its monitor died */
	EXO_CAUSE_ACCOUNT		/* its account was destroyed */
};

/* A slice of a CPU's revolution.  EXO_SLICES[cpu * nslices + index]. */
struct exo_slice {
	uint32_t account;		/* EXO_NONE: free */
	uint32_t env;			/* index, EXO_NONE: nobody runs */
	uint32_t env_gen;
	uint32_t overrun;		/* ticks that it owes: turns that it
					 * still passes over */
	uint32_t overrun_part;		/* and TSC units, less than a tick */
	uint32_t lost;			/* TSC units that others' ends took of
					 * its turns: it gets a tick for them */
	uint64_t ticks;			/* that ran in it, since it was taken */
	uint64_t passed;		/* turns passed over */
	uint64_t turn;			/* revolution of its last turn */
	uint64_t pad2[2];
};
_Static_assert(sizeof(struct exo_slice) == 64, "ABI");

/* A TLB tag.  EXO_PCIDS[pcid]. */
struct exo_pcid {
	uint32_t account;		/* EXO_NONE: free */
	uint32_t domain;		/* bound to, EXO_NONE: nobody */
	uint32_t clean;			/* holds no translation on any CPU */
	uint32_t binds;
};
_Static_assert(sizeof(struct exo_pcid) == 16, "ABI");

/* EXO_TRACE[n % ntrace]: kind, ids, call number and time, nothing else. */
struct exo_trace {
	uint64_t tsc;
	uint16_t kind;			/* enum exo_trace_kind */
	uint16_t call;			/* call number, or trap vector */
	uint32_t domain;
	uint32_t env;
	uint32_t account;
	uint64_t nr;			/* its own number: written last */
};
_Static_assert(sizeof(struct exo_trace) == 32, "ABI");

enum exo_trace_kind {
	EXO_TR_NONE, EXO_TR_CALL, EXO_TR_FOREIGN, EXO_TR_TRAP, EXO_TR_SWITCH,
	EXO_TR_DEATH, EXO_TR_EVENT
};

/* The tables, in the order of their addresses. */
enum exo_table {
	EXO_TAB_MACHINE, EXO_TAB_COUNTERS, EXO_TAB_PAGES, EXO_TAB_ACCTS,
	EXO_TAB_DOMAINS, EXO_TAB_ENVS, EXO_TAB_SLICES, EXO_TAB_PCIDS,
	EXO_TAB_TRACE,
	EXO_TABS
};

#define EXO_TABLE(name, type)						      \
	((const volatile struct type *)EXO_PUB_AT(EXO_TAB_##name))
#define EXO_MACHINE	EXO_TABLE(MACHINE, exo_machine)
#define EXO_COUNTERS	EXO_TABLE(COUNTERS, exo_counters)
#define EXO_PAGES	EXO_TABLE(PAGES, exo_page)
#define EXO_ACCTS	EXO_TABLE(ACCTS, exo_acct)
#define EXO_DOMAINS	EXO_TABLE(DOMAINS, exo_domain)
#define EXO_ENVS	EXO_TABLE(ENVS, exo_env)
#define EXO_SLICES	EXO_TABLE(SLICES, exo_slice)
#define EXO_PCIDS	EXO_TABLE(PCIDS, exo_pcid)
#define EXO_TRACE	EXO_TABLE(TRACE, exo_trace)

#endif
