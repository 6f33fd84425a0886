/*
 * test.c - running tests, checks, children.
 *
 * A child is this program again; its start block's user words say so:
 * CHILD, the function, the page's address.
 */
#include "test.h"

#define CHILD		0x646c696863ul	/* "child" */
#define CHILD_PAGE	(VM_MAP_TOP - 0x10000ul)
#define CHILD_YIELDS	20000u
#define NOTES_MAX	10u		/* failures told per test */

extern const struct test __start_tests[] __attribute__((weak));
extern const struct test __stop_tests[] __attribute__((weak));

static struct child_page *child_page;	/* in a child */
static uint32_t failures;		/* in this test */
static const char *skipped;
static char first_failure[160];

/* ---- checks */

static void __attribute__((format(printf, 1, 2)))
fail(const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	(void)vprint_to(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (failures++ == 0)
		memcpy(first_failure, text, sizeof(text));
	if (failures <= NOTES_MAX)
		print("# %s%s\n", child_page != NULL ? "child: " : "", text);
	if (child_page != NULL)
		child_page->failed++;
}

static const char *
base_name(const char *file)
{
	const char *base = file;

	for (; *file != '\0'; file++) {
		if (*file == '/')
			base = file + 1;
	}
	return base;
}

/* "E_BUSY" for what may be an error, else "". */
static const char *
error_note(int64_t v)
{
	return v < 0 && v > -(int64_t)EXO_E_MAX ? exo_error_name(v) : "";
}

bool
test_equal(int64_t got, int64_t want, const char *what, const char *file,
    int line)
{
	if (got != want)
		fail("%s:%d: %s: %ld %s != %ld %s", base_name(file), line,
		    what, got, error_note(got), want, error_note(want));
	return got == want;
}

bool
test_ok(bool ok, const char *what, const char *file, int line)
{
	if (!ok)
		fail("%s:%d: not %s", base_name(file), line, what);
	return ok;
}

static _Noreturn void
end(uint32_t status)
{
	if (self->root_slot != EXO_NONE)
		(void)!exo_machine_off(self->root_slot, status);
	castor_exit(status);
}

long
test_must(long r, const char *what, const char *file, int line)
{
	if (r >= 0)
		return r;
	print("Bail out! %s%s:%d: %s: %s\n",
	    child_page != NULL ? "child: " : "", base_name(file), line, what,
	    exo_error_name(r));
	end(EXIT_DIED);
}

void
test_skip(const char *why)
{
	skipped = why;
}

/* ---- snapshots */

static const char *const part_names[SNAP_PARTS] = {
	"machine", "frames", "accounts", "domains", "envs", "slices", "PCIDs",
	"capabilities"
};

/* FNV-1a's step, on words. */
static uint64_t
mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ul + (h >> 29);
}

static uint64_t
mix_words(uint64_t h, const volatile void *p, uint64_t bytes)
{
	const volatile uint64_t *w = p;

	for (uint64_t i = 0; i < bytes / 8; i++)
		h = mix(h, w[i]);
	return h;
}

static uint64_t
hash_machine(void)
{
	uint64_t h = mix(0, EXO_MACHINE->free_head);

	h = mix(h, EXO_MACHINE->free_frames);
	h = mix(h, EXO_MACHINE->trace_on);
	h = mix(h, EXO_MACHINE->deaths);
	return mix(h, EXO_MACHINE->fresh);
}

static uint64_t
hash_accts(void)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < EXO_MACHINE->naccts; i++) {
		const volatile struct exo_acct *a = &EXO_ACCTS[i];

		h = mix_words(h, a, offsetof(struct exo_acct, trace_used));
		h = mix_words(h, &a->taken, sizeof(*a) -
		    offsetof(struct exo_acct, taken));
	}
	return h;
}

/* Not where it is, its depth and its ticks: those are of the last switch. */
static uint64_t
hash_envs(void)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < EXO_MACHINE->nenvs; i++) {
		const volatile struct exo_env *e = &EXO_ENVS[i];

		h = mix_words(h, e, offsetof(struct exo_env, where) & ~7ul);
		h = mix(h, e->home);
		h = mix(h, e->pending);
		h = mix(h, e->seq);
		h = mix(h, e->exit_word);
		h = mix(h, e->slices);
	}
	return h;
}

/* Whose they are; not what ticks change. */
static uint64_t
hash_slices(void)
{
	const uint32_t n = EXO_MACHINE->ncpus * EXO_MACHINE->nslices;
	uint64_t h = 0;

	for (uint32_t i = 0; i < n; i++) {
		h = mix(h, EXO_SLICES[i].account);
		h = mix(h, EXO_SLICES[i].env);
		h = mix(h, EXO_SLICES[i].env_gen);
	}
	return h;
}

static uint64_t
hash_pcids(void)
{
	uint64_t h = 0;

	for (uint32_t i = 0; i < EXO_MACHINE->npcids; i++) {
		h = mix(h, EXO_PCIDS[i].account);
		h = mix(h, EXO_PCIDS[i].domain);
		h = mix(h, EXO_PCIDS[i].binds);
	}
	return h;
}

static uint64_t
hash_caps(void)
{
	uint64_t h = 0, words[4];

	for (uint32_t t = 0; t < EXO_SLOT_TABLES; t++) {
		for (uint32_t i = 0; i < EXO_SLOTS_PER_TABLE; i++) {
			if (exo_cap_read(EXO_SLOT(t, i), (uint64_t)words) < 0)
				break;
			h = mix_words(h, words, sizeof(words));
		}
	}
	return h;
}

void
snap_take(struct snap *s)
{
	const volatile struct exo_machine *m = EXO_MACHINE;

	s->hash[SNAP_MACHINE] = hash_machine();
	s->hash[SNAP_PAGES] = mix_words(0, EXO_PAGES,
	    m->nframes * sizeof(struct exo_page));
	s->hash[SNAP_ACCTS] = hash_accts();
	s->hash[SNAP_DOMAINS] = mix_words(0, EXO_DOMAINS,
	    m->ndomains * sizeof(struct exo_domain));
	s->hash[SNAP_ENVS] = hash_envs();
	s->hash[SNAP_SLICES] = hash_slices();
	s->hash[SNAP_PCIDS] = hash_pcids();
	s->hash[SNAP_CAPS] = hash_caps();
}

const char *
snap_differs(const struct snap *a, const struct snap *b)
{
	for (uint32_t i = 0; i < SNAP_PARTS; i++) {
		if (a->hash[i] != b->hash[i])
			return part_names[i];
	}
	return NULL;
}

bool
test_refused(long got, long want, const struct snap *before,
    const struct snap *after, const char *what, const char *file, int line)
{
	const char *part = snap_differs(before, after);

	if (part != NULL)
		fail("%s:%d: %s: refused, but %s changed", base_name(file),
		    line, what, part);
	return test_equal(got, want, what, file, line) && part == NULL;
}

/* ---- children */

void
child_make(struct child *c, child_fn fn, const struct child_opts *o)
{
	static const struct child_opts none;
	struct proc_map maps[16];
	uint64_t user[32] = { CHILD, (uint64_t)fn };
	struct proc_args a = { .name = self->args, .user = user };
	uint32_t n = 0;

	o = o != NULL ? o : &none;
	*c = (struct child){ 0 };
	c->page_ppn = (exo_ppn)must(vm_page(EXO_PG_DATA | EXO_KIND_LIVE));
	c->page = (struct child_page *)must(vm_map_frame(c->page_ppn, VM_RW,
	    self->memory_slot));
	maps[n++] = (struct proc_map){ CHILD_PAGE, VM_RW, c->page_ppn,
	    self->memory_slot };
	for (uint32_t i = 0; i < o->nmaps && n < 16; i++)
		maps[n++] = o->maps[i];
	a.maps = maps;
	a.nmaps = n;
	a.caps = o->caps;
	a.ncaps = o->ncaps;
	a.limits = o->limits;
	a.seats = o->seats;
	a.no_console = o->no_console;
	a.no_mint = o->no_mint;
	must(proc_make(&c->proc, &a));
}

void
child_start(struct child *c)
{
	must(proc_start(&c->proc));
}

static bool
child_started(const struct child *c)
{
	uint64_t env = c->proc.env;

	return EXO_ENVS[EXO_INDEX(env)].gen != EXO_GEN(env) ||
	    EXO_ENVS[EXO_INDEX(env)].state != EXO_ENV_EMBRYO;
}

/* A turn for the child, or for anybody if it can't have one. */
static void
child_turn(struct child *c)
{
	if (proc_yield(&c->proc) < 0)
		yield_some(1);
}

bool
child_run_to(struct child *c, uint64_t step)
{
	for (uint32_t i = 0; i < CHILD_YIELDS; i++) {
		if (c->page->step >= step)
			return true;
		if (proc_ended(&c->proc))
			return false;
		child_turn(c);
	}
	return false;
}

bool
child_wait(struct child *c)
{
	for (uint32_t i = 0; i < CHILD_YIELDS; i++) {
		if (proc_ended(&c->proc)) {
			proc_ending(&c->proc);
			return true;
		}
		child_turn(c);
	}
	return false;
}

void
child_end(struct child *c)
{
	if (c->page->failed != 0)
		fail("%lu checks failed in the child", c->page->failed);
	EQ(proc_end(&c->proc), 0);
	EQ(vm_unmap((uint64_t)c->page, 1), 0);
	EQ(exo_page_free(self->memory_slot, c->page_ppn, 1), 1);
}

void
child_finish(struct child *c)
{
	if (!child_started(c))
		child_start(c);
	OK(child_wait(c));
	child_end(c);
}

void
child_reach(struct child_page *p, uint64_t step)
{
	p->step = step;
}

void
child_await(struct child_page *p, uint64_t go)
{
	while (p->go < go)
		yield_some(1);
}

void
child_let(struct child *c, uint64_t go)
{
	c->page->go = go;
}

uint64_t
child_handle(struct child *c, uint32_t seat, exo_id env, void (*entry)(void),
    uint64_t badge)
{
	uint64_t place = (uint64_t)must(place_open(self->domain));

	must(proc_seat(&c->proc, seat, env, (uint64_t)entry));
	must(exo_handle_mint(c->proc.domain, c->proc.name, seat, badge,
	    self->domain, place));
	return place;
}

void
child_give_handle(struct child *c, uint32_t my_seat, void (*entry)(void),
    uint64_t badge, uint64_t place)
{
	must(seat_make(my_seat, c->proc.env, entry));
	must(exo_handle_open(c->proc.domain, c->proc.name, place,
	    self->domain));
	must(exo_handle_mint(self->domain, self->domain_slot, my_seat, badge,
	    c->proc.domain, place));
}

void
yield_some(uint32_t n)
{
	while (n-- > 0)
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
}

/* ---- all of them */

static bool
run(const struct test *t, uint32_t number)
{
	failures = 0;
	skipped = NULL;
	t->run();
	if (failures != 0)
		print("not ok %u - %s # %s\n", number, t->name, first_failure);
	else if (skipped != NULL)
		print("ok %u - %s # SKIP %s\n", number, t->name, skipped);
	else
		print("ok %u - %s\n", number, t->name);
	return failures == 0;
}

/* gcc leaves them in any order: the one that follows a line of the file. */
static const struct test *
test_after(uint64_t line)
{
	const struct test *best = NULL;

	for (const struct test *t = __start_tests; t < __stop_tests; t++) {
		if (t->line > line && (best == NULL || t->line < best->line))
			best = t;
	}
	return best;
}

int
main(int argc, char **argv)
{
	const char *only = argc > 1 ? argv[1] : NULL;
	uint32_t n = (uint32_t)(__stop_tests - __start_tests), number = 0;
	const struct test *t;
	bool good = true;

	if (self->user[0] == CHILD) {
		child_page = (struct child_page *)CHILD_PAGE;
		((child_fn)self->user[1])(child_page);
		castor_exit(0);
	}
	print("1..%u\n", only != NULL ? 1 : n);
	for (t = test_after(0); t != NULL; t = test_after(t->line)) {
		if (only == NULL || strcmp(only, t->name) == 0)
			good &= run(t, ++number);
	}
	end(good ? 0 : 1);
}
