/*
 * hostile_pred.c - programs and sleeping against bad arguments.
 *
 * run: --mem 64M
 */
#include "cell.h"
#include "hostile.h"
#include "nap.h"

static const uint64_t at_once[] = { MOV(R0, 7), EXIT };
static const uint64_t on_clock[] = {
	LOAD(R6, R1, PRED(ticks)), MOV(R0, 0), JLTR(R6, R2, 1), MOV(R0, 2),
	EXIT
};

/* ------------------------------------------------------------- prog_load */

/* Each is one instruction more than the validator accepts. */
static const struct {
	const char *what;
	uint32_t n;
	uint64_t code[4];
} bad_programs[] = {
	{ "no exit", 1, { MOV(R0, 0) } },
	{ "falls off by a condition", 2, { EXIT, JEQ(R0, 0, -2) } },
	{ "an unknown opcode", 2, { INSN(0xff, 0, 0, 0, 0), EXIT } },
	{ "opcode 0", 2, { 0, EXIT } },
	{ "register 11", 2, { MOV(11, 0), EXIT } },
	{ "register 15 as a source", 2, { MOVR(R0, 15), EXIT } },
	{ "r10 written", 2, { MOV(R10, 0), EXIT } },
	{ "a jump past the end", 2, { JA(1), EXIT } },
	{ "a jump before the start", 2, { JA(-2), EXIT } },
	{ "a jump far away", 2, { JA(0x7fff), EXIT } },
	{ "a jump into a wide instruction", 4, { JA(1), WINDOW(R0, 0),
	    EXIT } },
	{ "half a wide instruction", 1, { INSN(0x18, R0, 0, 0, 0) } },
	{ "a wide one with another second half", 3, { INSN(0x18, R0, 0, 0,
	    0), MOV(R0, 0), EXIT } },
	{ "a helper", 2, { INSN(0x85, 0, 0, 0, 1), EXIT } },
	{ "a helper by its BTF id", 2, { INSN(0x85, 0, 2, 0, 1), EXIT } },
	{ "a call past the end", 2, { CALL(1), EXIT } },
	{ "a map", 3, { INSN(0x18, R0, 1, 0, 0), 0, EXIT } },
	{ "packet access", 2, { INSN(0x20, 0, 0, 0, 0), EXIT } },
	{ "a field that must be zero", 2, { INSN(0xb7, R0, R1, 0, 0),
	    EXIT } },
	{ "an offset that must be zero", 2, { INSN(0xb7, R0, 0, 1, 0),
	    EXIT } },
	{ "an unknown atomic", 2, { INSN(0xdb, R1, R2, 0, 0x33), EXIT } },
	{ "a swap of 8 bits", 2, { INSN(0xdc, R0, 0, 0, 8), EXIT } },
};
#define NBAD	(sizeof(bad_programs) / sizeof(bad_programs[0]))

HOSTILE(prog_load, arguments)
{
	uint64_t *code = (uint64_t *)good_page();
	exo_slot name = fresh_name();
	exo_ppn frame;

	must(vm_pages(self->acct, self->acct_slot, name, EXO_PG_PROG, 1, &frame));
	for (uint32_t i = 0; i < 512; i++)
		code[i] = EXIT;
	REFUSED_FRAME(exo_prog_load(name, f, (uint64_t)code, 2), ARG);
	REFUSED(exo_prog_load(name, 0, (uint64_t)code, 2), ARG);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, 0), ARG);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, 513), ARG);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, 1ull << 32 | 1), ARG);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, ~0ull), ARG);
	REFUSED_KIND(exo_prog_load(self->root_slot, f, (uint64_t)code, 2),
	    KIND(PROG), TYPE);
	REFUSED_CAP(exo_prog_load(s, frame, (uint64_t)code, 2), name,
	    EXO_R_WRITE);
	REFUSED(exo_prog_load(self->memory_slot, others_frame(EXO_PG_PROG),
	    (uint64_t)code, 2), DENIED);
	REFUSED_ADDR_RO(exo_prog_load(name, frame, p, 512), 4096);
	EQ(EXO_PAGES[frame].entries, 0);
	/* The longest, and then no other. */
	EQ(exo_prog_load(name, frame, (uint64_t)code, 512), 0);
	EQ(EXO_PAGES[frame].entries, 512);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, 512), STATE);
	REFUSED(exo_prog_load(name, frame, (uint64_t)code, 1), STATE);
	REFUSED(exo_prog_load(name, frame, 0, 1), STATE);
	EQ(exo_page_free(name, frame, 1), 1);
	slot_put(name);
}

HOSTILE(prog_load, programs)
{
	exo_slot name = fresh_name();
	exo_ppn p;

	must(vm_pages(self->acct, self->acct_slot, name, EXO_PG_PROG, 1, &p));
	for (uint32_t i = 0; i < NBAD; i++) {
		long r;

		REFUSED(r = exo_prog_load(name, p,
		    (uint64_t)bad_programs[i].code, bad_programs[i].n), PROG);
		if (r != -EXO_E_PROG)
			print("# %s\n", bad_programs[i].what);
	}
	/* The frame is as good as before. */
	EQ(exo_prog_load(name, p, (uint64_t)at_once, 2), 0);
	EQ(exo_page_free(name, p, 1), 1);
	slot_put(name);
}

/* Nobody sees it, nobody changes it: neither by a table nor by the kernel. */
HOSTILE(prog_load, frame)
{
	exo_ppn p = PROG_NEW(at_once, self->memory_slot);
	struct exo_seat_args a = { .env = self->env, .upcall_ppn = p,
	    .upcall_slot = self->memory_slot };
	uint64_t va = vm_alloc_va(1);
	exo_ppn t = (exo_ppn)must(vm_table_make(va, 1));
	static const uint64_t bits[] = { VM_R, VM_RW, VM_RX };

	for (uint32_t i = 0; i < 3; i++)
		REFUSED(exo_pt_set(0, t, EXO_PT_INDEX(va, 1),
		    EXO_PTE(p, bits[i]), self->root_slot), TYPE);
	REFUSED(exo_seat_bind(self->domain, self->domain_slot, 3,
	    (uint64_t)&a), TYPE);
	REFUSED(exo_env_event(self->env, self->env_slot, p, 0,
	    self->memory_slot), TYPE);
	REFUSED(exo_page_guard(self->memory_slot, self->root_slot, p, 1),
	    TYPE);
	REFUSED(exo_pt_empty(p, 0, 512), TYPE);
	REFUSED(exo_page_alloc(self->acct, self->acct_slot,
	    self->memory_slot, EXO_PG_PROG | EXO_KIND_LIVE,
	    EXO_MACHINE->free_head, 1), ARG);
	REFUSED_CAP(exo_page_free(s, p, 1), self->memory_slot, EXO_R_FREE);
	EQ(exo_page_free(self->memory_slot, p, 1), 1);
}

/* ------------------------------------------------------------- env_sleep */

static struct exo_sleep good;		/* true at once */
static exo_ppn live;

static long
sleep_with(const struct exo_sleep *s)
{
	return exo_env_sleep((uint64_t)s, EXO_ID_ANY, 0, EXO_NONE);
}

/* One that is changed. */
#define WITH(field, value)						      \
	({ struct exo_sleep n_ = good; n_.field = (value); sleep_with(&n_); })

static void
good_make(exo_slot name)
{
	good = (struct exo_sleep){ .prog = PROG_NEW(at_once, name),
	    .prog_slot = name, .nwin = 1 };
	must(vm_pages(self->acct, self->acct_slot, name,
	    EXO_PG_DATA | EXO_KIND_LIVE, 1, &live));
	good.nwin = 0;
	nap_frame(&good, live, name, 0, 64);
}

static void
good_end(exo_slot name)
{
	EQ(sleep_with(&good), 7);
	EQ(exo_page_free(name, good.prog, 1), 1);
	EQ(exo_page_free(name, live, 1), 1);
	slot_put(name);
}

HOSTILE(env_sleep, arguments)
{
	exo_slot name = fresh_name();
	exo_ppn empty;

	good_make(name);
	must(vm_pages(self->acct, self->acct_slot, name, EXO_PG_PROG, 1,
	    &empty));
	REFUSED_ADDR_RO(exo_env_sleep(p, EXO_ID_ANY, 0, EXO_NONE),
	    offsetof(struct exo_sleep, win));
	REFUSED(WITH(nwin, EXO_PRED_WINDOWS + 1), ARG);
	REFUSED(WITH(nwin, ~0u), ARG);
	REFUSED(WITH(nwin, 0x08000001), ARG);
	REFUSED(WITH(pad, 1), ARG);
	/* The program. */
	REFUSED(WITH(prog, 0), ARG);
	REFUSED_FRAME(WITH(prog, f), ARG);
	REFUSED_KIND(({ struct exo_sleep n = good; n.prog = f;
	    n.prog_slot = self->root_slot; sleep_with(&n); }), KIND(PROG),
	    TYPE);
	REFUSED_CAP(WITH(prog_slot, s), name, EXO_R_EXEC);
	REFUSED(WITH(prog, others_frame(EXO_PG_PROG)), DENIED);
	REFUSED(WITH(prog, empty), STATE);
	EQ(exo_page_free(name, empty, 1), 1);
	good_end(name);
}

/* The windows lie at the end of a page that has no next one. */
HOSTILE(env_sleep, edge)
{
	exo_slot name = fresh_name();
	uint64_t end = (uint64_t)good_page() + EXO_PAGE;
	const uint64_t head = offsetof(struct exo_sleep, win);
	struct exo_sleep *s;

	good_make(name);
	s = (struct exo_sleep *)(end - head - sizeof(struct exo_window));
	memcpy(s, &good, head + sizeof(struct exo_window));
	EQ(sleep_with(s), 7);
	s = (struct exo_sleep *)(end - head);
	memcpy(s, &good, head);
	REFUSED(sleep_with(s), ADDR);
	s->nwin = 0;
	EQ(sleep_with(s), 7);
	good_end(name);
}

HOSTILE(env_sleep, windows)
{
	exo_slot name = fresh_name();
	uint64_t rows = EXO_MACHINE->nframes * sizeof(struct exo_page);
	struct exo_sleep t;
	long priv = must(vm_page(EXO_PG_DATA));

	good_make(name);
	for (uint32_t w = EXO_WIN_FRAME + 1; w < EXO_WIN_TABLE; w += 127)
		REFUSED(WITH(win[0].what, w), ARG);
	REFUSED(WITH(win[0].what, EXO_WIN_TABLE + EXO_TABS), ARG);
	REFUSED(WITH(win[0].what, ~0u), ARG);
	REFUSED(WITH(win[0].len, 4097), ARG);
	REFUSED(WITH(win[0].len, ~0u), ARG);
	REFUSED(WITH(win[0].offset, 1), ARG);
	REFUSED(WITH(win[0].offset, 4), ARG);
	REFUSED(WITH(win[0].offset, 4096 - 56), ARG);
	REFUSED(WITH(win[0].offset, 4096), ARG);
	REFUSED(WITH(win[0].offset, 4104), ARG);
	REFUSED(WITH(win[0].offset, 1ull << 32), ARG);
	REFUSED(WITH(win[0].offset, -8ull), ARG);
	REFUSED(WITH(win[0].offset, -64ull), ARG);
	/* Of a frame. */
	REFUSED(WITH(win[0].ppn, 0), ARG);
	REFUSED_FRAME(WITH(win[0].ppn, f), ARG);
	REFUSED_KIND(({ struct exo_sleep n = good; n.win[0].ppn = f;
	    n.win[0].slot = self->root_slot;
	    n.win[0].epoch = EXO_PAGES[f].epoch; sleep_with(&n); }), 0, TYPE);
	REFUSED(({ struct exo_sleep n = good; n.win[0].ppn = (exo_ppn)priv;
	    n.win[0].slot = self->memory_slot;
	    n.win[0].epoch = EXO_PAGES[priv].epoch; sleep_with(&n); }), TYPE);
	REFUSED_CAP(WITH(win[0].slot, s), name, EXO_R_READ);
	REFUSED(WITH(win[0].epoch, good.win[0].epoch + 1), STALE);
	REFUSED(WITH(win[0].epoch, good.win[0].epoch - 1), STALE);
	/* The last one of eight. */
	t = good;
	while (t.nwin < EXO_PRED_WINDOWS)
		nap_frame(&t, live, name, 0, 64);
	EQ(sleep_with(&t), 7);
	t.win[EXO_PRED_WINDOWS - 1].len = 4097;
	REFUSED(sleep_with(&t), ARG);
	/* Of a table. */
	t = good;
	t.nwin = 0;
	nap_table(&t, EXO_TAB_PAGES, rows - 8, 8);
	EQ(sleep_with(&t), 7);
	t.win[0].len = 16;
	REFUSED(sleep_with(&t), ARG);
	t.win[0].len = 8;
	t.win[0].offset = rows;
	REFUSED(sleep_with(&t), ARG);
	t.win[0].offset = -8ull;
	REFUSED(sleep_with(&t), ARG);
	t.win[0].offset = 1ull << 32;		/* the next table's? */
	REFUSED(sleep_with(&t), ARG);
	t.win[0].offset = 0;
	t.win[0].len = 4096;
	EQ(sleep_with(&t), 7);
	t.win[0].len = 4104;
	REFUSED(sleep_with(&t), ARG);
	for (uint32_t n = EXO_TABS; n < EXO_TABS + 8; n++) {
		t.win[0].what = EXO_WIN_TABLE + n;
		t.win[0].len = 0;
		REFUSED(sleep_with(&t), ARG);
	}
	EQ(exo_page_free(self->memory_slot, (exo_ppn)priv, 1), 1);
	good_end(name);
}

/* While it is being renamed nobody looks at it, under either name. */
HOSTILE(env_sleep, reguarding)
{
	exo_slot name = fresh_name();

	good_make(name);
	must(vm_map_frame(live, VM_R, name));
	must(vm_map_frame(live, VM_R, name));
	EQ(exo_page_guard(name, name, live, 1), 1);
	OK((EXO_PAGES[live].flags & EXO_PF_REGUARD) != 0);
	REFUSED(sleep_with(&good), STATE);
	while (must(exo_page_guard(name, name, live, 1)) > 0)
		;
	good_end(name);
}

HOSTILE(env_sleep, target)
{
	exo_slot name = fresh_name();
	struct cell c;
	uint64_t place;
	exo_id env;

	good_make(name);
	cell_make(&c, NULL);
	env = cell_env_make(&c);
	REFUSED_ID(exo_env_sleep((uint64_t)&good, i, c.name, EXO_NONE), env);
	REFUSED_CAP(exo_env_sleep((uint64_t)&good, env, s, EXO_NONE), c.name,
	    EXO_R_RUN);
	for (uint32_t i = 0; i < 4; i++) {
		static const uint64_t places[] = { 31, 32, 1ull << 32, -2ull };

		REFUSED(exo_env_sleep((uint64_t)&good, env, c.name,
		    places[i]), SLOT);
	}
	/* A handle of another domain than its. */
	place = cell_handle(&c, CELL_SEAT, 0);
	REFUSED(exo_env_sleep((uint64_t)&good, env, c.name, place), DENIED);
	REFUSED(exo_env_sleep((uint64_t)&good, self->env, 0, place), DENIED);
	/* An embryo can't run: then it is as if nobody had been named. */
	EQ(exo_env_sleep((uint64_t)&good, env, c.name, EXO_NONE), 7);
	EQ(exo_handle_drop(place), 0);
	cell_end(&c);
	good_end(name);
}

static uint64_t
in_sleep(struct cell_page *p, uint64_t args, uint64_t b, uint64_t c)
{
	(void)b, (void)c;
	p->w[0] = (uint64_t)exo_env_sleep(args, EXO_ID_ANY, 0, EXO_NONE);
	return 0;
}

/* Before anything else is looked at. */
HOSTILE(env_sleep, foreign)
{
	struct cell c;

	cell_make(&c, NULL);
	REFUSED((cell_call(&c, in_sleep, 0, 0, 0), c.page->w[0]), STATE);
	cell_end(&c);
}

/* What it reads of me changes after that: it was read once. */
HOSTILE(env_sleep, changed_afterwards)
{
	struct exo_sleep s = { .prog = PROG_NEW(on_clock, self->memory_slot),
	    .prog_slot = self->memory_slot };
	struct cell c;
	exo_id env;

	cell_make(&c, NULL);
	s.arg[0] = EXO_MACHINE->ticks + 4;
	memcpy((void *)&c.page->w[100], &s, sizeof(s));
	env = cell_env(&c, 2, in_sleep, (uint64_t)&c.page->w[100]);
	must(exo_slice_alloc(c.acct, c.name, c.name, 9));
	must(exo_slice_set(c.name, 9, env, c.name));
	OK(cell_run_state(&c, env, EXO_ENV_SLEEPING));
	memset((void *)&c.page->w[100], 0xff, sizeof(s));
	while (EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_SLEEPING)
		;
	EQ(EXO_ENVS[EXO_INDEX(env)].wake, 2);
	cell_end(&c);
	EQ(exo_page_free(self->memory_slot, s.prog, 1), 1);
}
