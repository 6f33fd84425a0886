/*
 * commons.c - the commons, asked by native programs.
 */
#include <castor/commons_client.h>

#include "cell.h"
#include "test.h"

static struct commons me;
static struct proc server;
static struct use begun;		/* with none but me; frames: when warm */

static int64_t
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return commons_call(&me, op, a, b, c, d);
}

static uint64_t
path(const char *s)
{
	size_t n = strlen(s);

	memcpy(me.win->data, s, n);
	return n;
}

TEST(starts_and_answers)
{
	must(commons_start(&me, &server, NULL));
	use_take(&begun);
	EQ(ask(CM_NOP, 0, 0, 0, 0), 0);
	EQ(me.win->pid, 1);
	EQ(ask(99, 0, 0, 0, 0), -38);
}

TEST(files)
{
	int64_t fd = ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/tmp/x"), 0102,
	    0644);

	EQ(fd, 0);
	memcpy(me.win->data, "hello", 5);
	EQ(ask(CM_WRITE, 0, 5, (uint64_t)CM_POS, 0), 5);
	EQ(ask(CM_READ, 0, 10, 0, 0), 5);
	EQ(memcmp(me.win->data, "hello", 5), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), -9);
}

/* ---- children: this program again */

#define WINDOW_VA	(VM_MAP_TOP - 0x100000)
#define CHILD_WORD	0x6e6f6d6d6f63ul	/* "common" */

typedef int (*kid_fn)(void);

static int64_t
kid(kid_fn fn)
{
	uint64_t user[32] = { CHILD_WORD, (uint64_t)fn };
	struct proc_args args = { .name = self->args, .user = user };
	struct proc p;
	int64_t pid = commons_child(&me, &p, &args, WINDOW_VA, 300);

	if (pid > 0) {
		must(proc_start(&p));
		commons_let(&p);
	}
	return pid;
}

__attribute__((constructor)) static void
kid_main(void)
{
	if (self->user[0] != CHILD_WORD)
		return;
	commons_join(&me);
	castor_exit((uint64_t)((kid_fn)self->user[1])() << 8);
}

static int64_t
wait_for(int64_t pid, uint32_t *status)
{
	int64_t r = commons_ask(&me, CM_WAIT4, (uint64_t)pid, 0, 0, 0);

	if (r > 0)
		*status = ((struct cm_wait *)me.win->data)->status;
	return r;
}

static int
says_seven(void)
{
	return me.win->ppid == 1 ? 7 : 8;
}

TEST(child_ends_with_its_status)
{
	uint32_t status = 0;
	int64_t pid = kid(says_seven);

	EQ(pid, 2);
	EQ(wait_for(pid, &status), pid);
	EQ(status, 7 << 8);
	EQ(ask(CM_WAIT4, (uint64_t)-1, 0, 0, 0), -10);
}

/* ---- everything goes back to where it was */

static int
idle(void)
{
	return 0;
}


/* What the commons reaps by and by is reaped: domains, envs, accounts,
 * slices, PCIDs are as many as before. */
static void
settle(struct use *now)
{
	for (int i = 0; i < 2000; i++) {
		(void)!ask(CM_NOP, 0, 0, 0, 0);
		use_take(now);
		/* Not all at one moment: it may end while they are counted. */
		if (now->accts == begun.accts && now->domains ==
		    begun.domains && now->envs == begun.envs)
			break;
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
	EQ(now->accts, begun.accts);
	EQ(now->domains, begun.domains);
	EQ(now->envs, begun.envs);
	EQ(now->slices, begun.slices);
	EQ(now->pcids, begun.pcids);
}

/*
 * And frames, but for what the commons keeps: pages of its pools, some spare
 * ones, and stack, upcall frame and window of each seat that was ever used
 * (most_seats at once).
 */
#define SEAT_FRAMES	7
#define KEPT_FRAMES	400

static int most_seats;

/* The commons' own env, when it has nothing left to tidy up. */
static bool
is_asleep(exo_id env)
{
	return EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_SLEEPING;
}

static bool
all_back(void)
{
	struct use now = { 0 };
	int32_t lost = 0;

	for (int i = 0; i < 200; i++) {
		settle(&now);
		lost = (int32_t)(begun.free_frames - now.free_frames);
		if (lost <= KEPT_FRAMES + most_seats * SEAT_FRAMES &&
		    is_asleep(server.env))
			return true;
		yield_some(10);
	}
	return EQ(lost, 0) & OK(is_asleep(server.env));
}

TEST(three_hundred_children_leave_nothing)
{
	uint32_t status = 0;

	for (int i = 0; i < 300; i++) {
		int64_t pid = kid(idle);

		if (!OK(pid > 0) || !EQ(wait_for(pid, &status), pid) ||
		    !EQ(status, 0))
			break;
	}
	all_back();
}

/* ---- dying in other ways than by CM_EXIT (which castor_exit is not, either) */

static int
exits_env(void)
{
	(void)!exo_env_exit(5 << 8);
	return 1;
}

static int
exits_asking(void)
{
	(void)!ask(CM_EXIT, 9 << 8, 0, 0, 0);
	return 1;
}

static int
double_faults(void)
{
	((volatile struct exo_upcall *)self->upcall_va)->off = 1;
	__asm__ volatile("ud2");
	return 1;
}

static int
kills_itself(void)
{
	(void)!ask(CM_KILL, me.win->pid, 9, 0, 0);
	return 1;
}

/* By enter instead of call: it has no home to go back to. */
static int
enters(void)
{
	(void)!exo_enter(me.handle, CM_NOP, 0, 0, 0, 0);
	return 1;
}

static uint32_t
status_of(kid_fn fn)
{
	uint32_t status = ~0u;
	int64_t pid = kid(fn);

	EQ(wait_for(pid, &status), pid);
	return status;
}

TEST(ways_to_die)
{
	EQ(status_of(exits_env), 5 << 8);
	EQ(status_of(exits_asking), 9 << 8);
	EQ(status_of(kills_itself), 9);
	EQ(status_of(enters), 0);
	all_back();
}

/* A fault that nobody takes stops the env, visibly: a parent can kill it. */
TEST(stopped_by_a_fault_and_killed)
{
	uint32_t status = 0;
	int64_t pid = kid(double_faults);

	yield_some(50);
	EQ(ask(CM_KILL, (uint64_t)pid, 9, 0, 0), 0);
	EQ(wait_for(pid, &status), pid);
	EQ(status, 9);
	all_back();
}

/* ---- two clients and two pipes */

#define TRIPS	2000

static int
echoes(void)
{
	for (int i = 0; i < TRIPS; i++) {
		if (commons_ask(&me, CM_READ, 0, 1, (uint64_t)CM_POS, 0) != 1)
			return 1;
		me.win->data[0]++;
		if (commons_ask(&me, CM_WRITE, 3, 1, (uint64_t)CM_POS, 0) != 1)
			return 2;
	}
	return commons_ask(&me, CM_READ, 0, 1, (uint64_t)CM_POS, 0) == 0 ?
	    0 : 3;
}

TEST(a_byte_goes_round)
{
	uint32_t status = 1;
	int64_t pid;
	bool good = true;

	EQ(ask(CM_PIPE, 0, 0, 0, 0), 0 | 1ll << 32);
	EQ(ask(CM_PIPE, 0, 0, 0, 0), 2 | 3ll << 32);
	pid = kid(echoes);
	EQ(ask(CM_CLOSE, 3, 0, 0, 0), 0);
	for (int i = 0; i < TRIPS && good; i++) {
		me.win->data[0] = (uint8_t)i;
		good = commons_ask(&me, CM_WRITE, 1, 1, (uint64_t)CM_POS,
		    0) == 1 && commons_ask(&me, CM_READ, 2, 1,
		    (uint64_t)CM_POS, 0) == 1 &&
		    me.win->data[0] == (uint8_t)(i + 1);
	}
	OK(good);
	EQ(ask(CM_CLOSE, 1, 0, 0, 0), 0);
	/* The child holds the other end itself: it never sees the end. */
	EQ(ask(CM_KILL, (uint64_t)pid, 9, 0, 0), 0);
	EQ(wait_for(pid, &status), pid);
	EQ(ask(CM_CLOSE_RANGE, 0, 255, 0, 0), 0);
	all_back();
}

/* ---- stopping, alarms */

static int
counts(void)
{
	for (uint64_t i = 0;; i++) {
		me.win->data[0] = (uint8_t)i;
		if (commons_call(&me, CM_WRITE, 0, 1, 0, 0) != 1)
			return 1;
	}
}

static uint8_t
counter(void)
{
	(void)!ask(CM_READ, 0, 1, 0, 0);
	return me.win->data[0];
}

/* Does it change while others have time?  (It may owe some.) */
static bool
runs(void)
{
	uint64_t until = EXO_MACHINE->ticks + 4 * EXO_MACHINE->grace_ticks;
	uint8_t was = counter();

	for (int i = 0; i < 400 || EXO_MACHINE->ticks < until; i++) {
		yield_some(1);
		if (counter() != was)
			return true;
	}
	return false;
}

TEST(sigstop_and_sigcont)
{
	uint32_t status = 0;
	int64_t pid;

	EQ(ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/tmp/n"), 0102, 0644), 0);
	pid = kid(counts);
	OK(runs());
	EQ(ask(CM_KILL, (uint64_t)pid, 19, 0, 0), 0);
	EQ(ask(CM_WAIT4, (uint64_t)pid, 2, 0, 0), pid);
	EQ(((struct cm_wait *)me.win->data)->status, 0x137f);
	/* It may have been in a request, and have no time to end that. */
	for (int i = 0; i < 4 && runs(); i++)
		;
	OK(!runs());
	EQ(ask(CM_KILL, (uint64_t)pid, 18, 0, 0), 0);
	OK(runs());
	EQ(ask(CM_KILL, (uint64_t)pid, 9, 0, 0), 0);
	EQ(wait_for(pid, &status), pid);
	EQ(status, 9);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	all_back();
}

static int
stops_itself(void)
{
	if (ask(CM_SETPGID, 0, 0, 0, 0) != 0)
		return 1;
	me.win->pending |= 1ul << (20 - 1);
	return ask(CM_STOP, 20, 0, 0, 0) == 0 ? 4 : 1;
}

static int
parent_of_stopped(void)
{
	uint32_t status = 0;
	int64_t pid = kid(stops_itself);

	if (commons_ask(&me, CM_WAIT4, (uint64_t)pid, 2, 0, 0) != pid ||
	    ((struct cm_wait *)me.win->data)->status != 0x147f)
		return 1;
	if (ask(CM_KILL, (uint64_t)pid, 18, 0, 0) != 0)
		return 2;
	return wait_for(pid, &status) == pid && status == 4 << 8 ? 0 : 3;
}

TEST(one_stops_itself)
{
	EQ(status_of(parent_of_stopped), 0);
	all_back();
}

static int
is_alarmed(void)
{
	uint64_t seen = me.win->bell;

	if (ask(CM_ITIMER, 20000000, 0, 0, 0) != 0)
		return 1;
	while (me.win->bell == seen)
		commons_sleep(&me, seen, ~0ull);
	return me.win->pending == 1ul << 13 ? 0 : 2;
}

TEST(alarms_wake_sleepers)
{
	EQ(status_of(is_alarmed), 0);
	all_back();
}

/* ---- floods: errors for the one who makes them */

__attribute__((noreturn)) static int
waits_for_ever(void)
{
	for (;;)
		commons_sleep(&me, me.win->bell, ~0ull);
}

static int
floods_processes(void)
{
	int64_t pid = 0;
	int n = 0;

	while ((pid = kid(waits_for_ever)) > 0)
		n++;
	return pid == -11 || pid == -12 ? n : 0;
}

static int
floods_files(void)
{
	static char name[32];
	int64_t r = 0;
	int n = 0;

	for (; r >= 0; n++) {
		(void)print_to(name, sizeof(name), "/tmp/f%d", n);
		r = ask(CM_MKNOD, (uint64_t)CM_AT_CWD, path(name), 0100644,
		    0);
	}
	if (r != -28)
		return 1;
	while (--n >= 0) {
		(void)print_to(name, sizeof(name), "/tmp/f%d", n);
		(void)!ask(CM_UNLINK, (uint64_t)CM_AT_CWD, path(name), 0, 0);
	}
	return 0;
}

static int
floods_pages(void)
{
	int64_t r, fd = ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/tmp/big"),
	    0102, 0644);

	do {
		r = ask(CM_WRITE, (uint64_t)fd, CM_DATA, (uint64_t)CM_POS, 0);
	} while (r > 0);
	if (r != -28 || ask(CM_UNLINK, (uint64_t)CM_AT_CWD, path("/tmp/big"),
	    0, 0) != 0)
		return 1;
	return 0;
}

static int
floods_pipes(void)
{
	int64_t r = 0;

	while (r >= 0)
		r = ask(CM_PIPE, 0, 0, 0, 0);
	return r == -24 ? 0 : 1;
}

static int
floods_memory(void)
{
	int64_t r;

	do {
		r = ask(CM_RAISE, EXO_RES_FRAMES, 1000, 0, 0);
	} while (r > 0);
	return r == -12 ? 0 : 1;
}

/* As much of everything as it gets, which it keeps. */
__attribute__((noreturn)) static int
takes_all(void)
{
	for (uint32_t res = 0; res < EXO_RES_MAX; res++) {
		for (uint64_t n = 1 << 20; n > 0; n /= 2) {
			while (ask(CM_RAISE, res, n, 0, 0) > 0)
				;
		}
	}
	(void)!ask(CM_MKNOD, (uint64_t)CM_AT_CWD, path("/tmp/all"), 0100644,
	    0);
	waits_for_ever();
}

TEST(who_takes_all_leaves_enough_to_begin)
{
	uint32_t status;
	int64_t pid = kid(takes_all);

	while (ask(CM_STAT, (uint64_t)CM_AT_CWD, path("/tmp/all"), 0, 0) < 0)
		yield_some(1);
	for (int i = 0; i < 8; i++)
		EQ(status_of(says_seven), 7 << 8);
	EQ(ask(CM_KILL, (uint64_t)pid, 9, 0, 0), 0);
	EQ(wait_for(pid, &status), pid);
	EQ(ask(CM_UNLINK, (uint64_t)CM_AT_CWD, path("/tmp/all"), 0, 0), 0);
	all_back();
}

TEST(floods_end_in_errors)
{
	EQ(status_of(floods_pipes), 0);
	EQ(status_of(floods_files), 0);
	EQ(status_of(floods_pages), 0);
	EQ(status_of(floods_memory), 0);
	all_back();
}

/* Its children are process 1's, when it ends: they are killed here. */
TEST(fork_bomb)
{
	most_seats = (int)status_of(floods_processes) >> 8;
	OK(most_seats > 5 && most_seats < 256);
	EQ(ask(CM_KILL, (uint64_t)-1, 9, 0, 0), 0);
	while (commons_ask(&me, CM_WAIT4, (uint64_t)-1, 0, 0, 0) > 0)
		;
	all_back();
}

/* ---- windows, files' pages: what was given is worth nothing afterwards */

static exo_slot
slot_opened(void)
{
	exo_slot slot = slot_take();

	must(exo_cap_open(slot, me.domain));
	return slot;
}

static struct cm_fork
fork_begun(exo_slot name, exo_slot window)
{
	struct cm_fork f;

	must(ask(CM_FORK_BEGIN, 64, name, window, 17));
	memcpy(&f, me.win->data, sizeof(f));
	return f;
}

TEST(an_old_window_is_nobodys)
{
	uint64_t va = vm_alloc_va(1);
	exo_slot name[2] = { slot_opened(), slot_opened() };
	exo_slot window[2] = { slot_opened(), slot_opened() };
	struct cm_fork f = fork_begun(name[0], window[0]);
	exo_ppn ppn = f.window;

	EQ(vm_map(va, ppn, VM_RW, window[0]), 0);
	((volatile uint8_t *)va)[4000] = 0x5a;
	EQ(ask(CM_FORK_ABORT, f.pid, 0, 0, 0), 0);
	/* Until it is somebody else's. */
	for (int i = 0; i < 50; i++) {
		struct use now;

		settle(&now);
		f = fork_begun(name[1], window[1]);
		if (f.window == ppn)
			break;
		EQ(ask(CM_FORK_ABORT, f.pid, 0, 0, 0), 0);
		must(exo_cap_drop(name[1]));
		must(exo_cap_drop(window[1]));
		must(exo_cap_open(name[1], me.domain));
		must(exo_cap_open(window[1], me.domain));
	}
	EQ(f.window, ppn);
	EQ(vm_pte(va), 0);
	EQ(vm_map(va, ppn, VM_R, window[0]), -EXO_E_DENIED);
	EQ(vm_map(va, ppn, VM_RW, window[1]), 0);
	EQ(((volatile uint8_t *)va)[4000], 0);
	EQ(vm_unmap(va, 1), 0);
	EQ(ask(CM_FORK_ABORT, f.pid, 0, 0, 0), 0);
	for (int i = 0; i < 2; i++) {
		slot_put(name[i]);
		slot_put(window[i]);
	}
	all_back();
}

/* The frame of page 0 of a file, with a capability for it. */
static exo_ppn
page_of(uint64_t fd, exo_slot *slot, uint32_t prot)
{
	exo_ppn ppn;

	*slot = slot_opened();
	EQ(ask(CM_FILE_CAP, fd, *slot, prot, 0), 0);
	EQ(ask(CM_FILE_PAGES, fd, 0, 1, 0), 1);
	memcpy(&ppn, me.win->data, sizeof(ppn));
	return ppn;
}

TEST(pages_of_files_are_mapped)
{
	uint64_t va = vm_alloc_va(1);
	volatile uint32_t *p = (volatile uint32_t *)va;
	exo_slot slot;
	exo_ppn ppn;
	bool gone = false;

	EQ(ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/bin/commons"), 0, 0), 0);
	ppn = page_of(0, &slot, 5);
	EQ(vm_map(va, ppn, VM_RX, slot), 0);
	EQ(p[0], 0x464c457f);
	EQ(vm_map(va, ppn, VM_RW, slot), -EXO_E_RIGHTS);
	EQ(ask(CM_TRUNCATE, (uint64_t)CM_AT_CWD, path("/bin/commons"), 9, 0),
	    -26);
	EQ(vm_unmap(va, 1), 0);
	slot_put(slot);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_OPEN, (uint64_t)CM_AT_CWD, path("/tmp/m"), 0102, 0600), 0);
	me.win->data[0] = 7;
	EQ(ask(CM_WRITE, 0, 4, (uint64_t)CM_POS, 0), 4);
	ppn = page_of(0, &slot, 3);
	EQ(vm_map(va, ppn, VM_RW, slot), 0);
	EQ(p[0] & 0xff, 7);
	p[0] = 8;
	EQ(ask(CM_READ, 0, 4, 0, 0), 4);
	EQ(me.win->data[0], 8);
	/* Cut off, it is taken, and nobody's whose name it had. */
	EQ(ask(CM_TRUNCATE, 0, 0, 0, 0), 0);
	for (int i = 0; i < 1000 && !gone; i++) {
		gone = vm_pte(va) == 0;
		yield_some(1);
	}
	OK(gone);
	EQ(vm_map(va, ppn, VM_R, slot), -EXO_E_DENIED);
	slot_put(slot);
	EQ(ask(CM_CLOSE, 0, 0, 0, 0), 0);
	EQ(ask(CM_UNLINK, (uint64_t)CM_AT_CWD, path("/tmp/m"), 0, 0), 0);
	all_back();
}

/* ---- threads */

/* This program is to have most of the time: n slices, from `first' on. */
static void
slices(uint32_t first, uint32_t n, bool mine)
{
	for (uint32_t i = first; i < first + n; i++) {
		if (!mine)
			must(exo_slice_free(self->memory_slot, i));
		else if (exo_slice_alloc(self->acct, self->acct_slot,
		    self->memory_slot, i) == 0)
			must(exo_slice_set(self->memory_slot, i, self->env,
			    self->env_slot));
	}
}


static struct commons thread;

static void
thread_main(void)
{
	thread.win->data[0] = 't';
	(void)!commons_call(&thread, CM_WRITE, 1, 1, (uint64_t)CM_POS, 0);
	(void)!exo_env_exit(0);
}

void	thread_entry(void);
static void (*const thread_run)(void) __attribute__((used)) = thread_main;
__asm__(".globl thread_entry\n"
	"thread_entry:	call *thread_run\n"
	"	ud2");

/* Another env of this domain, with a slice and a seat in the commons: its
 * tid. */
static int64_t
thread_make(void)
{
	exo_slot window = slot_opened();
	long place = place_open(me.domain);
	struct cm_fork f;
	exo_id env;
	int64_t tid;

	if (ask(CM_RAISE, EXO_RES_ENVS, 1, 0, 0) != 2 ||
	    ask(CM_RAISE, EXO_RES_SLICES, 1, 0, 0) != 2)
		return -1;
	env = (exo_id)MUST(exo_env_create(self->acct, self->acct_slot,
	    self->env_slot, EXO_NONE, (exo_ppn)MUST(vm_page(EXO_PG_ENV))));
	MUST(seat_make(1, env, thread_entry));
	tid = ask(CM_THREAD, env, (uint64_t)place, window, 0);
	memcpy(&f, me.win->data, sizeof(f));
	thread = (struct commons){ .handle = (uint64_t)place,
	    .win = (struct cm_window *)MUST(vm_map_frame(f.window, VM_RW,
	    window)) };
	MUST(exo_env_start(env, self->env_slot, self->domain,
	    self->domain_slot, 1, 0));
	slices(100, 1, true);
	MUST(exo_slice_set(self->memory_slot, 100, env, self->env_slot));
	return tid;
}

static int
has_a_thread(void)
{
	int64_t tid;

	if (ask(CM_PIPE, 0, 0, 0, 0) != (0 | 1ll << 32))
		return 1;
	tid = thread_make();
	if (tid <= (int64_t)me.win->pid || thread.win->tid != tid ||
	    thread.win->pid != me.win->pid)
		return 2;
	if (commons_ask(&me, CM_READ, 0, 9, (uint64_t)CM_POS, 0) != 1 ||
	    me.win->data[0] != 't')
		return 3;
	for (int i = 0; i < 1000; i++) {
		if (ask(CM_TKILL, me.win->pid, (uint64_t)tid, 0, 0) == -3)
			return 0;
		yield_some(1);
	}
	return 4;
}

TEST(threads_have_seats)
{
	EQ(status_of(has_a_thread), 0);
	all_back();
}

/* ---- random kills */

static uint64_t seed;

static uint64_t
chance(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 24) % n;
}

/* Asks for this and that, sensibly and not. */
__attribute__((noreturn)) static int
asks_by_chance(void)
{
	static const char *const names[] = { "/tmp/a", "/tmp/b", "/tmp/a/b",
	    "/", "..", "/dev/null", "/tmp/p" };

	seed = me.win->pid * 77;
	for (;;) {
		uint64_t op = chance(CM_OP_MAX), w[4];
		const char *name = names[chance(7)];

		for (int i = 0; i < 4; i++)
			w[i] = chance(3) ? chance(12) : chance(3) ? ~0ull :
			    1ull << chance(64);
		if (chance(2))
			w[1] = path(name);
		memcpy(me.win->data + CM_SECOND, name, strlen(name));
		if (op == CM_KILL || op == CM_TKILL || op == CM_EXIT ||
		    op == CM_STOP)
			op = CM_OPEN;
		if (op == CM_FORK_BEGIN && chance(30) == 0)
			(void)!kid(idle);
		else
			(void)!ask(op, w[0], w[1], w[2], w[3]);
	}
}

#define SLICES_AT	200
#define SLICES	24
#define LIVING	8
#define KILLS	400

TEST(killed_at_any_moment)
{
	int64_t pids[LIVING] = { 0 };
	uint32_t status = 0;

	seed = 12345;
	slices(SLICES_AT, SLICES, true);
	for (int i = 0; i < KILLS; i++) {
		int64_t *pid = &pids[chance(LIVING)];

		if (*pid != 0) {
			EQ(ask(CM_KILL, (uint64_t)*pid, 9, 0, 0), 0);
			if (!EQ(wait_for(*pid, &status), *pid) ||
			    !EQ(status, 9))
				break;
		}
		while (ask(CM_WAIT4, (uint64_t)-1, 1, 0, 0) > 0)
			;
		*pid = kid(asks_by_chance);
		if (!OK(*pid > 0))
			break;
		yield_some((uint32_t)chance(12));
	}
	slices(SLICES_AT, SLICES, false);
	EQ(ask(CM_KILL, (uint64_t)-1, 9, 0, 0), 0);
	while (commons_ask(&me, CM_WAIT4, (uint64_t)-1, 0, 0, 0) > 0)
		;
	all_back();
}

/* ---- taken away in the middle of a request */

/* A slice that owes time ends wherever it is, so first it overstays. */
__attribute__((noreturn)) static int
asks_in_debt(void)
{
	volatile struct exo_upcall *up =
	    (volatile struct exo_upcall *)self->upcall_va;

	for (;;) {
		uint64_t until = EXO_MACHINE->ticks +
		    EXO_MACHINE->grace_ticks + 1;

		up->critical = 1;
		while (EXO_MACHINE->ticks < until)
			;
		up->critical = 0;
		for (int i = 0; i < 20000; i++) {
			me.win->data[CM_DATA - 1] = (uint8_t)i;
			(void)!ask(CM_WRITE, 1, CM_DATA, (uint64_t)CM_POS, 0);
			(void)!ask(CM_READ, 0, CM_DATA, (uint64_t)CM_POS, 0);
		}
	}
}

/* Its child, whose name I keep. */
static int64_t
kid_kept(kid_fn fn, struct proc *p)
{
	uint64_t user[32] = { CHILD_WORD, (uint64_t)fn };
	struct proc_args args = { .name = self->args, .user = user };
	int64_t pid = commons_child(&me, p, &args, WINDOW_VA, 300);

	if (pid > 0)
		must(proc_start(p));
	return pid;
}

static uint64_t
tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static uint32_t
is_at(exo_id env)
{
	return EXO_ENVS[EXO_INDEX(env)].where;
}

/* Give it time until it has been preempted in the commons.  In debt it runs
 * only when nobody else can: sleep for a tick or two. */
static bool
catch_inside(exo_id env)
{
	uint64_t tick = EXO_MACHINE->tsc_hz / EXO_MACHINE->tick_hz;

	for (int i = 0; i < 3000; i++) {
		if (is_at(env) == EXO_INDEX(me.domain) &&
		    EXO_ENVS[EXO_INDEX(env)].state == EXO_ENV_READY)
			return true;
		commons_sleep(&me, me.win->bell, tsc() + 2 * tick);
	}
	return false;
}

#define TAKEN	20

TEST(taken_away_inside_a_request)
{
	uint64_t homes = EXO_COUNTERS->pulled_home, homes_begun = homes;
	uint32_t status = 0;
	struct proc p;
	int64_t pid;

	EQ(ask(CM_PIPE, 04000, 0, 0, 0), 0 | 1ll << 32);
	slices(SLICES_AT, SLICES, true);	/* longer than the grace */
	for (int i = 0; i < TAKEN; i++) {
		uint64_t until;

		pid = kid_kept(asks_in_debt, &p);
		if (!OK(pid > 0) || !OK(catch_inside(p.env)))
			break;
		EQ(exo_env_kill(p.env, p.name, 9), 0);
		until = EXO_MACHINE->ticks + 2 * EXO_MACHINE->grace_ticks;
		while (EXO_COUNTERS->pulled_home == homes &&
		    EXO_MACHINE->ticks < until)
			;
		homes = EXO_COUNTERS->pulled_home;
		/* What it was doing is done, or was not begun. */
		while (ask(CM_READ, 0, CM_DATA, (uint64_t)CM_POS, 0) > 0)
			;
		memcpy(me.win->data, "whole", 5);
		EQ(ask(CM_WRITE, 1, 5, (uint64_t)CM_POS, 0), 5);
		EQ(ask(CM_READ, 0, CM_DATA, (uint64_t)CM_POS, 0), 5);
		EQ(memcmp(me.win->data, "whole", 5), 0);
		EQ(wait_for(pid, &status), pid);
		commons_let(&p);
	}
	slices(SLICES_AT, SLICES, false);
	OK(EXO_COUNTERS->pulled_home > homes_begun);
	EQ(ask(CM_CLOSE_RANGE, 0, 255, 0, 0), 0);
	all_back();
}
