/*
 * torture.c - sessions of Linux programs whose processes are killed from
 * outside, by who may: by the commons, by domain, by env, wherever they are,
 * while they fork, run programs, end and are in the commons.
 *
 * rounds=N and seed=N on the kernel's command line: a longer one is
 * `make torture'.
 *
 * run: --mem 128M --append rounds=150
 */
#include <castor/session.h>

#include "cell.h"
#include "test.h"

#define WAVE		25u		/* rounds until all is looked at */
#define LIVING		3u		/* scripts at once */
#define CALM_TRIES	4000u
#define KEPT_FRAMES	400		/* that the commons may keep */
#define SEAT_FRAMES	7u

static const char *const scripts[] = {
	"yes | head -n 500 | cat | wc -l",
	"seq 99 | sort -r | sed s/1/2/ | tail -n 3 | tr 2 3",
	"for i in 1 2 3 4; do echo $i | sed s/1/2/ | tr 2 3; done",
	"x=$(cat <<E | tr a b\nabc $(echo a)\nE\n); echo $x | cat",
	"while :; do echo a; done | { read x; kill -9 $$; }",
	"(seq 99 | cat) & (yes | head -n 99 | wc) & wait; seq 9 | wc",
	"trap 'echo t' TERM; kill $$; (exec sleep 9) & sleep 9 | sleep 9",
	"f() { [ $1 -gt 0 ] && f $(($1 - 1)) | cat; }; f 6",
	"cat /proc/*/stat /proc/*/cmdline /exo/accts; ls -l /proc",
	"while :; do (kill -9 $((RANDOM % 40 + 2))) ; done",
};
#define SCRIPTS	(sizeof(scripts) / sizeof(scripts[0]))

static struct session s;
static uint64_t seed = 1;
static struct use before, begun;
static uint32_t handles_begun, most_seats;
static uint64_t kills[4];

static uint64_t
chance(uint64_t n)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (seed >> 33) % n;
}

/* A number from the kernel's command line. */
static uint64_t
option(const char *key, uint64_t otherwise)
{
	char line[sizeof(EXO_MACHINE->cmdline)];
	unsigned long v = otherwise;
	char *at = line;

	for (uint32_t i = 0; i < sizeof(line); i++)
		line[i] = EXO_MACHINE->cmdline[i];
	while (at != NULL && strncmp(at, key, strlen(key)) != 0) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	if (at != NULL) {
		char *end = strchr(at, ' ');

		if (end != NULL)
			*end = '\0';
		(void)string_number(at + strlen(key), &v);
	}
	return v;
}

static int64_t
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return commons_call(&s.commons, op, a, b, c, d);
}

static uint64_t
tsc(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

static void
rest(uint64_t us)
{
	commons_sleep(&s.commons, s.commons.win->bell,
	    tsc() + us * (EXO_MACHINE->tsc_hz / 1000000));
}

/* ---- one of the session's */

static bool
is_client(uint32_t acct)
{
	return acct != EXO_NONE && EXO_ACCTS[acct].state == EXO_ACCT_LIVE &&
	    EXO_ACCTS[acct].parent == EXO_INDEX(s.server.acct);
}

static exo_id
domain_pick(void)
{
	uint32_t n = EXO_MACHINE->ndomains, at = (uint32_t)chance(64);

	for (uint32_t i = 0; i < n; i++, at = (at + 1) % n) {
		if (EXO_DOMAINS[at].state == EXO_DOM_LIVE &&
		    is_client(EXO_DOMAINS[at].account))
			return EXO_ID(EXO_DOMAINS[at].gen, at);
	}
	return 0;
}

/* With `inside', one that is in the commons just now. */
static exo_id
env_pick(bool inside)
{
	uint32_t n = EXO_MACHINE->nenvs, at = (uint32_t)chance(64);

	for (uint32_t i = 0; i < n; i++, at = (at + 1) % n) {
		const volatile struct exo_env *e = &EXO_ENVS[at];

		if (e->state != EXO_ENV_FREE && e->state < EXO_ENV_DEAD &&
		    is_client(e->account) && (!inside ||
		    e->where == EXO_INDEX(s.server.domain)))
			return EXO_ID(e->gen, at);
	}
	return 0;
}

static void
kill_something(uint32_t first, uint32_t last)
{
	uint32_t how = (uint32_t)chance(4);
	exo_id id = how == 1 ? domain_pick() : how == 2 ? env_pick(false) :
	    how == 3 ? env_pick(true) : 0;

	if (how == 1 && id != 0)
		kills[1] += exo_domain_kill(id, self->root_slot, 9) == 0;
	else if (id != 0)
		kills[how] += exo_env_kill(id, self->root_slot, 9) == 0;
	else
		kills[0] += ask(CM_KILL, first + chance(last - first + 8), 9,
		    0, 0) == 0;
}

/* ---- rounds */

static int64_t
script_start(const char *script)
{
	static const char *const envp[] = { "PATH=/bin:/sbin", "HOME=/" };
	static char text[256];
	const char *const argv[] = { "-c", text };

	(void)print_to(text, sizeof(text), "exec >/dev/null 2>&1; %s",
	    script);
	return session_run(&s, chance(4) ? "/bin/sh" : "/bin/bash", 2, argv,
	    2, envp);
}

static void
wait_some(void)
{
	while (ask(CM_WAIT4, (uint64_t)-1, 1, 0, 0) > 0)
		;
}

/* Accounts, domains, envs, slices, PCIDs, handles as at the beginning; frames
 * but for what is kept; and the commons sleeps. */
static bool
is_calm(struct use *now)
{
	uint32_t in_use = 0;

	use_take(now);
	for (uint32_t i = 0; i < EXO_MACHINE->ndomains; i++)
		in_use += EXO_DOMAINS[i].state == EXO_DOM_LIVE;
	return now->accts == begun.accts && now->domains == begun.domains &&
	    now->envs == begun.envs && now->slices == begun.slices &&
	    now->pcids == begun.pcids &&
	    EXO_DOMAINS[EXO_INDEX(s.server.domain)].named == handles_begun &&
	    (int32_t)(begun.free_frames - now->free_frames) <=
	    KEPT_FRAMES + (int32_t)(most_seats * SEAT_FRAMES) &&
	    EXO_ENVS[EXO_INDEX(s.server.env)].state == EXO_ENV_SLEEPING;
}

static bool
all_back(void)
{
	struct use now;

	for (uint32_t i = 0; i < CALM_TRIES; i++) {
		(void)!ask(CM_KILL, (uint64_t)-1, 9, 0, 0);
		wait_some();
		if (is_calm(&now))
			return true;
		rest(500);
	}
	EQ(now.accts, begun.accts);
	EQ(now.domains, begun.domains);
	EQ(now.envs, begun.envs);
	EQ(now.slices, begun.slices);
	EQ(now.pcids, begun.pcids);
	EQ(EXO_DOMAINS[EXO_INDEX(s.server.domain)].named, handles_begun);
	EQ(EXO_ENVS[EXO_INDEX(s.server.env)].state, EXO_ENV_SLEEPING);
	return EQ(now.free_frames, begun.free_frames);
}

/* What there is now, to be there again. */
static void
mark(void)
{
	use_take(&begun);
	handles_begun = EXO_DOMAINS[EXO_INDEX(s.server.domain)].named;
}

static void
wave_run(void)
{
	uint32_t first = 2, last = 2;

	for (uint32_t i = 0; i < WAVE; i++) {
		int64_t pid = script_start(scripts[chance(SCRIPTS)]);
		uint32_t clients = 0;

		if (pid > 0)
			last = (uint32_t)pid;
		if (i % LIVING == 0)
			first = last;
		for (uint64_t n = chance(4); n > 0; n--) {
			rest(chance(3000));
			kill_something(first, last);
		}
		wait_some();
		for (uint32_t e = 0; e < EXO_MACHINE->nenvs; e++)
			clients += EXO_ENVS[e].state != EXO_ENV_FREE;
		if (clients > most_seats)
			most_seats = clients;
	}
}

static bool
wave(void)
{
	wave_run();
	return all_back();
}

/* What is made once and stays: Castor's text. */
static bool
session_once(void)
{
	must(session_start(&s));
	EQ(session_wait(&s, (uint32_t)must(script_start("exit 3"))), 3 << 8);
	session_end(&s);
	return true;
}

TEST(sessions_leave_nothing)
{
	session_once();
	use_take(&before);
	session_once();
	use_same(&before);
}

TEST(killed_from_outside)
{
	uint64_t rounds = option("rounds=", 150), done = 0;
	bool good = true;

	seed = option("seed=", 1);
	must(session_start(&s));
	mark();
	wave_run();			/* pages of programs are made once */
	begun.free_frames = 0;
	OK(all_back());
	mark();
	while (done < rounds && good) {
		good = wave();
		done += WAVE;
		if (done % 500 == 0)
			print("# %lu rounds\n", done);
	}
	OK(good);
	print("# %lu rounds, killed: by the commons %lu, domains %lu, envs %lu, "
	    "inside the commons %lu\n", done, kills[0], kills[1], kills[2],
	    kills[3]);
	session_end(&s);
	use_same(&before);
}

/* ---- the commons itself */

/* It dies with processes that run, wait, begin and end; its owner hears of it,
 * and begins another session. */
TEST(the_commons_is_killed)
{
	for (uint32_t i = 0; i < 12; i++) {
		must(session_start(&s));
		for (uint32_t n = 0; n < LIVING; n++)
			(void)script_start(scripts[chance(SCRIPTS)]);
		rest(chance(20000));
		EQ(exo_domain_kill(s.server.domain, self->root_slot, 9), 0);
		EQ(ask(CM_NOP, 0, 0, 0, 0), -19);
		EQ(session_wait(&s, 2), -19);
		yield_some((uint32_t)chance(50));
		session_end(&s);
		if (!use_same(&before))
			break;
	}
	session_once();
	use_same(&before);
}
