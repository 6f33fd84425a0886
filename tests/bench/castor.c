/*
 * castor.c - what whole operations of the library cost, its own instructions
 * and the kernel's.
 */
#include <castor/lock.h>

#include "bench.h"

#define PAGES	1024u

static bool
skip_opcode(struct exo_regs *r, uint64_t kind)
{
	(void)kind;
	r->rip += 2;
	return true;
}

static void
upcalls(void)
{
	upcall_set(EXO_K_TRAP + TRAP_OPCODE, skip_opcode);
	BENCH_ROW("castor_exception", .peer = "sigill_ud2_trap_only",
	    .bound = "the kernel's slow path, and two calls in C")
		bench_take(bench_time(__asm__ volatile("ud2" : : :
		    "memory")));
}

static void
faults(void)
{
	volatile uint8_t *p = vm_alloc(PAGES * EXO_PAGE);
	uint32_t i = 0;

	p[0] = 1;
	BENCH_ROW("castor_demand_zero", .peer = "minor_fault_anon_write",
	    .bound = "512 of zeroing, a frame and an entry by two calls") {
		i++;
		bench_take(bench_time(p[i * EXO_PAGE] = 1));
	}
	BENCH_ROW("castor_alloc_touch_free",
	    .peer = "mmap_touch_munmap_1page",
	    .bound = "and a region, the entry and the frame given back") {
		volatile uint8_t *q;

		bench_take(bench_time({
			q = vm_alloc(EXO_PAGE);
			q[0] = 1;
			vm_free((void *)q, EXO_PAGE);
		}));
	}
}

static void
programs(void)
{
	struct proc p;

	/* The first one maps the archive, for all that follow. */
	must(proc_spawn(&p, "bench/nothing", 0, NULL));
	must(proc_wait(&p));
	BENCH_ROW("castor_spawn_exit_wait", .peer = "vfork_exec_exit_wait",
	    .samples = 50,
	    .bound = "an account, a domain, an env and about 40 frames made, "
	    "copied, reaped")
		bench_take(bench_time({
			must(proc_spawn(&p, "bench/nothing", 0, NULL));
			must(proc_wait(&p));
		}));
	BENCH_ROW("castor_make_end", .samples = 50,
	    .bound = "the same without running it") {
		struct proc_args a = { .name = "bench/nothing" };

		bench_take(bench_time({
			must(proc_make(&p, &a));
			must(proc_end(&p));
		}));
	}
}

/* Nobody else wants it. */
static void
locks(void)
{
	static struct lock l;
	struct locker me = lock_me();

	BENCH_ROW("castor_lock_leave", .aim = 50,
	    .bound = "the name, a locked swap, the state, two stores each for "
	    "word and critical section")
		bench_take(bench_time({
			must(lock_take(&l, &me, LOCK_FOREVER));
			lock_leave(&l, &me);
		}));
}

TEST(castor)
{
	upcalls();
	locks();
	faults();
	programs();
}
