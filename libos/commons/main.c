/*
 * main.c - bin/commons: how it begins, and what its own env does.
 *
 * Clients come in by themselves.  The commons' env is for what happens without
 * them: somebody dies, something is typed, a timer has run out.  It sleeps
 * until one of these is so.
 */
#include <castor/archive.h>
#include <castor/commons_main.h>
#include <castor/print.h>

#include "house.h"
#include "tty.h"
#include "wake.bpf.h"
#include "world.h"

#define TYPED_MAX	64u
#define DATA_PART	4u		/* a fourth of my frames at most is for
					 * pages */

static exo_ppn prog, kick_page;
static volatile uint64_t *kicks;
static struct exo_sleep nap;

void
world_kick(void)
{
	++*kicks;
}

/* ---- sleeping */

static uint64_t
tsc_at(uint64_t clock)
{
	static uint64_t scale;		/* ticks << 32 for a nanosecond */

	if (scale == 0)
		scale = (EXO_MACHINE->tsc_hz / 1000 << 32) / 1000000;
	return clock == ~0ull ? clock :
	    (uint64_t)((unsigned __int128)clock * scale >> 32);
}

static long
sleep_init(void)
{
	long r = vm_page(EXO_PG_PROG);

	if (r < 0)
		return r;
	prog = (exo_ppn)r;
	r = exo_prog_load(self->memory_slot, prog, (uint64_t)wake_bpf,
	    sizeof(wake_bpf) / sizeof(wake_bpf[0]));
	if (r == 0)
		r = vm_page(EXO_PG_DATA | EXO_KIND_LIVE);
	if (r < 0)
		return r;
	kick_page = (exo_ppn)r;
	r = vm_map_frame(kick_page, VM_RW, self->memory_slot);
	if (r < 0)
		return r;
	kicks = (volatile uint64_t *)r;
	nap = (struct exo_sleep){
		.prog = prog, .prog_slot = self->memory_slot, .nwin = 1,
		.win[0] = { .what = EXO_WIN_FRAME, .len = 8,
		    .ppn = kick_page, .slot = self->memory_slot,
		    .epoch = EXO_PAGES[kick_page].epoch },
	};
	return 0;
}

/* ---- a pass */

/* True: there may be more, which nothing would wake for. */
static bool
typed_take(void)
{
	static uint8_t text[TYPED_MAX];
	long n;

	if (self->console_slot == EXO_NONE)
		return false;
	n = exo_console_read(self->console_slot, (uint64_t)text,
	    sizeof(text));
	if (n > 0)
		tty_input(&tty_console, text, (size_t)n);
	return n == TYPED_MAX;
}

/* True: there is more to do. */
static bool
pass(void)
{
	bool more, typed;
	volatile struct exo_upcall *up =
	    (volatile struct exo_upcall *)self->upcall_va;

	nap.arg[0] = EXO_MACHINE->deaths;
	nap.arg[1] = EXO_MACHINE->typed;
	nap.arg[3] = *kicks;
	up->critical = 1;
	serve_lock(SEAT_MAIN);
	here = NULL;
	typed = typed_take();
	nap.arg[2] = tsc_at(signal_alarms());
	more = serve_tidy();
	settle();
	serve_unlock();
	up->critical = 0;
	return more || typed;
}

/* ---- the beginning */

/* A slice of its own, wherever one is free. */
static long
slice_take(void)
{
	for (uint32_t i = 0; i < EXO_MACHINE->nslices; i++) {
		if (EXO_SLICES[i].account == EXO_NONE &&
		    exo_slice_alloc(self->acct, self->acct_slot,
		    self->memory_slot, i) == 0)
			return exo_slice_set(self->memory_slot, i, self->env,
			    self->env_slot);
	}
	return -EXO_E_BUSY;
}

/* A handle to this very domain, to yield to whoever is in it. */
static long
handle_init(void)
{
	long place = place_open(self->domain);

	if (place < 0)
		return place;
	serve_handle = (uint64_t)place;
	return exo_handle_mint(self->domain, self->domain_slot, SEAT_SELF,
	    SEAT_SELF, self->domain, serve_handle);
}

static int64_t
files_init(void)
{
	struct archive_file f;
	int64_t r;

	fs_init();
	if (fs_root == NULL)
		return -L_ENOSPC;
	r = archive_first(&f) < 0 ? 0 :
	    fs_archive(archive_data(), EXO_MACHINE->archive_len);
	if (r == 0)
		r = dev_init();
	if (r == 0)
		r = synth_init();
	return r;
}

int
commons_main(void)
{
	const volatile struct exo_acct *me = &EXO_ACCTS[EXO_INDEX(self->acct)];
	struct proc *first;
	int64_t error;

	seats[SEAT_MAIN].env = self->env;
	MUST(pages_init((me->limit[EXO_RES_FRAMES] -
	    me->used[EXO_RES_FRAMES]) / DATA_PART));
	MUST(sleep_init());
	MUST(seats_init());
	MUST(handle_init());
	MUST(slice_take());
	error = files_init();
	if (error != 0)
		castor_die(error == -L_EINVAL ? "the archive is damaged" :
		    "no room for the archive's names");
	tty_init();
	first = proc_new(NULL, &error);
	if (first == NULL)
		castor_die("no first process");
	MUST(seats_first(first));
	while (proc_init->state == PROC_LIVE) {
		if (pass())
			(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
		else
			(void)!exo_env_sleep((uint64_t)&nap, EXO_ID_ANY, 0,
			    EXO_NONE);
	}
	return 0;
}
