/*
 * attack_making.c - forks and contexts by hand, past one's own Castor, whose
 * maker dies, stops or lies between any two steps, or gives up.  Nothing is
 * left of them, and others go on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "fails.h"
#include "native.h"
#include "torture.h"

#define NAME	NATIVE_FREE		/* the capability for its name */
#define WINDOW	(NATIVE_FREE + 1)
#define SPARE	(NATIVE_FREE + 2)	/* not opened for anybody */
#define PLACE	0u			/* of its table of handles */
#define TRIES	64

static struct native_ids self;

/* A child in the making, or a context; its account's frames are had by slot. */
struct making {
	struct cm_fork f;
	long made;			/* its pid, or client's number */
	exo_id acct, env, domain;
	exo_slot slot;
	int context;
};

enum { BEGUN, WITH_ENV, WITH_DOMAIN, WITH_PLACE, HANDED, STEPS };

static int
slots_open(void)
{
	(void)!exo_cap_drop(NAME);
	(void)!exo_cap_drop(WINDOW);
	return exo_cap_open(NAME, NATIVE_WINDOW->commons) == 0 &&
	    exo_cap_open(WINDOW, NATIVE_WINDOW->commons) == 0;
}

static exo_ppn
frame(const struct making *m, uint32_t kind)
{
	for (int i = 0; i < TRIES; i++) {
		exo_ppn ppn = EXO_MACHINE->free_head;

		if (exo_page_alloc(m->acct, m->slot, NAME, kind, ppn, 1) == 1)
			return ppn;
	}
	return 0;
}

static int
begin(struct making *m)
{
	if (!slots_open())
		return 0;
	m->made = m->context ? native_ask(CM_CONTEXT, CM_COPY, NAME, WINDOW,
	    self.domain) : native_ask(CM_FORK_BEGIN, 160, NAME, WINDOW,
	    SIGCHLD);
	memcpy(&m->f, NATIVE_WINDOW->data, sizeof(m->f));
	m->acct = m->context ? self.acct : m->f.acct;
	m->slot = m->context ? EXO_START_SLOT_ACCT : NAME;
	return m->made > 0;
}

static int
env_make(struct making *m)
{
	long r = exo_env_create(m->acct, m->slot, NAME, EXO_NONE,
	    frame(m, EXO_PG_ENV));

	m->env = (exo_id)r;
	return r > 0;
}

static int
domain_make(struct making *m)
{
	long r = exo_domain_create(m->acct, m->slot, NAME, EXO_NONE,
	    frame(m, EXO_PG_DOMAIN), frame(m, EXO_PG_PT4));

	m->domain = (exo_id)r;
	return r > 0;
}

static long
end(const struct making *m, uint64_t domain, uint64_t env, uint64_t place)
{
	return m->context ?
	    native_ask(CM_CONTEXT_END, (uint64_t)m->made, domain, place, 0) :
	    native_ask(CM_FORK_END, (uint64_t)m->made, domain, env, place);
}

/* The next step. */
static int
go_on(struct making *m, int step)
{
	switch (step) {
	case BEGUN:
		return begin(m);
	case WITH_ENV:
		return m->context ? native_ask(CM_RAISE, EXO_RES_DOMAINS, 1,
		    0, 0) > 0 : env_make(m);
	case WITH_DOMAIN:
		return domain_make(m);
	case WITH_PLACE:
		return exo_handle_open(m->domain, NAME, PLACE,
		    NATIVE_WINDOW->commons) == 0;
	}
	return end(m, m->domain, m->env, PLACE) == 0;
}

/* Made as far as that. */
static struct making
making(int context, int last)
{
	struct making m = { .context = context };

	for (int i = 0; i <= last; i++) {
		if (!go_on(&m, i)) {
			printf("# step %d\n", i);
			tap_bad = 1;
			break;
		}
	}
	return m;
}

/* 0: it is given up. */
static long
give_up(const struct making *m)
{
	return m->context ? end(m, 0, 0, 0) :
	    native_ask(CM_FORK_ABORT, (uint64_t)m->made, 0, 0, 0);
}

/* A context's domain, and frames, are this process's own. */
static void
forget(struct making *m)
{
	if (m->context && m->domain != 0) {
		EQ(exo_domain_kill(m->domain, NAME, 0), 0);
		while (exo_domain_reap(m->domain, 100) > 0)
			;
		EQ(exo_domain_free(m->domain, NAME), 0);
	}
	(void)!exo_cap_drop(NAME);
	(void)!exo_cap_drop(WINDOW);
}

/* ---- somebody else */

static int
ended(pid_t pid)
{
	int status = -1;

	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static int
others_go_on(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(open("/bin/busybox", O_RDONLY) >= 0 ? 7 : 8);
	return ended(pid) == 7 << 8;
}

/* Who has made something as far as that; he waits.  told: its number. */
static pid_t
maker(int context, int last, int32_t *told)
{
	int ready[2];
	struct making m;
	pid_t pid;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		self = native_ids();
		m = making(context, last);
		*told = tap_bad ? -1 : (int32_t)m.made;
		(void)!write(ready[1], told, sizeof(*told));
		for (;;)
			pause();
	}
	close(ready[1]);
	OK(read(ready[0], told, sizeof(*told)) == sizeof(*told));
	OK(*told > 0);
	close(ready[0]);
	return pid;
}

static void
maker_goes(int context, int last, int stops)
{
	struct given before;
	int32_t made = 0;
	pid_t pid;

	given_begin(&before);
	pid = maker(context, last, &made);
	if (stops) {
		int status = 0;

		EQ(kill(pid, SIGSTOP), 0);
		EQ(waitpid(pid, &status, WUNTRACED), pid);
		OK(WIFSTOPPED(status));
	}
	OK(others_go_on());
	EQ(kill(pid, SIGKILL), 0);
	EQ(ended(pid), SIGKILL);
	/* A child that was given is one, though it never ran. */
	if (!context && last == HANDED)
		EQ(kill(made, SIGKILL), 0);
	else if (!context)
		FAILS(kill(made, 0), ESRCH);
	OK(others_go_on());
	OK(given_back(&before));
}

TEST(makers_die)
{
	for (int step = BEGUN; step < STEPS; step++) {
		maker_goes(0, step, 0);
		maker_goes(1, step, 0);
	}
}

TEST(makers_stop)
{
	for (int step = BEGUN; step < STEPS; step++) {
		maker_goes(0, step, 1);
		maker_goes(1, step, 1);
	}
}

/* ---- giving up */

TEST(a_child_is_given_up_at_each_step)
{
	struct given before;
	struct making m;

	self = native_ids();
	given_begin(&before);
	for (int step = BEGUN; step < HANDED; step++) {
		m = making(0, step);
		EQ(give_up(&m), 0);
		EQ(give_up(&m), -ESRCH);
		EQ(end(&m, m.domain, m.env, PLACE), -ESRCH);
		FAILS(kill((pid_t)m.made, 0), ESRCH);
		forget(&m);
	}
	m = making(0, HANDED);
	EQ(give_up(&m), -ESRCH);
	EQ(kill((pid_t)m.made, SIGKILL), 0);
	EQ(ended((pid_t)m.made), SIGKILL);
	forget(&m);
	OK(given_back(&before));
}

TEST(a_context_is_given_up_at_each_step)
{
	struct given before;
	struct making m;

	given_begin(&before);
	for (int step = BEGUN; step < HANDED; step++) {
		m = making(1, step);
		EQ(give_up(&m), 0);
		EQ(give_up(&m), -ESRCH);
		forget(&m);
	}
	OK(given_back(&before));
	m = making(1, HANDED);
	EQ(give_up(&m), -ESRCH);
	forget(&m);
	OK(given_back(&before));
}

TEST(another_begin_is_the_end_of_the_first)
{
	struct given before;
	struct making first, m;

	given_begin(&before);
	for (int step = BEGUN; step < HANDED; step++) {
		first = making(0, step);
		m = making(0, BEGUN);
		OK(m.made != first.made);
		FAILS(kill((pid_t)first.made, 0), ESRCH);
		EQ(end(&first, first.domain, first.env, PLACE), -ESRCH);
		EQ(give_up(&m), 0);
		forget(&m);
	}
	OK(given_back(&before));
}

/* ---- lies about a child */

static void
env_end(exo_id env)
{
	EQ(exo_env_kill(env, NAME, 0), 0);
	while (exo_env_reap(env, 100) > 0)
		;
	EQ(exo_env_free(env, NAME), 0);
}

static exo_id
older(exo_id id)
{
	return EXO_ID(EXO_GEN(id) + 1, EXO_INDEX(id));
}

TEST(a_child_is_what_it_is_said_to_be)
{
	struct making m, mine = { .acct = self.acct,
		.slot = EXO_START_SLOT_ACCT };
	struct given before;
	uint64_t pid;

	given_begin(&before);
	m = making(0, WITH_PLACE);
	pid = (uint64_t)m.made;
	EQ(native_ask(CM_FORK_END, pid + 1, m.domain, m.env, PLACE), -ESRCH);
	EQ(native_ask(CM_FORK_END, (uint64_t)getpid(), m.domain, m.env,
	    PLACE), -ESRCH);
	EQ(native_ask(CM_FORK_ABORT, pid + 1, 0, 0, 0), -ESRCH);
	EQ(end(&m, self.domain, m.env, PLACE), -EINVAL);
	EQ(end(&m, m.domain, self.env, PLACE), -EINVAL);
	EQ(end(&m, older(m.domain), m.env, PLACE), -EINVAL);
	EQ(end(&m, m.domain, older(m.env), PLACE), -EINVAL);
	EQ(end(&m, EXO_ID(1, EXO_MACHINE->ndomains), m.env, PLACE), -EINVAL);
	EQ(end(&m, m.domain, EXO_ID(1, EXO_MACHINE->nenvs), PLACE), -EINVAL);
	EQ(end(&m, EXO_ID(1, ~0u), m.env, PLACE), -EINVAL);
	EQ(end(&m, m.domain, EXO_ID(1, ~0u), PLACE), -EINVAL);
	/* One that could be: but it is this process's. */
	OK(native_ask(CM_RAISE, EXO_RES_ENVS, 1, 0, 0) > 0);
	OK(env_make(&mine));
	EQ(end(&m, m.domain, mine.env, PLACE), -EINVAL);
	env_end(mine.env);
	EQ(end(&m, m.domain, m.env, PLACE + 1), -EINVAL);
	EQ(end(&m, m.domain, m.env, PLACE), 0);
	EQ(end(&m, m.domain, m.env, PLACE), -ESRCH);
	EQ(kill((pid_t)pid, SIGKILL), 0);
	EQ(ended((pid_t)pid), SIGKILL);
	forget(&m);
	OK(given_back(&before));
}

/* What it had been is not enough. */
TEST(a_dead_child_is_none)
{
	struct given before;
	struct making m;

	given_begin(&before);
	m = making(0, WITH_PLACE);
	EQ(exo_env_kill(m.env, NAME, 0), 0);
	EQ(end(&m, m.domain, m.env, PLACE), -EINVAL);
	EQ(give_up(&m), 0);
	m = making(0, WITH_PLACE);
	EQ(exo_domain_kill(m.domain, NAME, 0), 0);
	EQ(end(&m, m.domain, m.env, PLACE), -EINVAL);
	EQ(give_up(&m), 0);
	forget(&m);
	OK(given_back(&before));
}

/* The seat is for one env, from the first attempt on. */
TEST(a_child_does_not_change_its_env)
{
	struct given before;
	struct making m;

	given_begin(&before);
	m = making(0, WITH_DOMAIN);
	EQ(end(&m, m.domain, m.env, PLACE), -EINVAL);
	env_end(m.env);
	OK(env_make(&m));
	OK(go_on(&m, WITH_PLACE));
	EQ(end(&m, m.domain, m.env, PLACE), -EINVAL);
	EQ(give_up(&m), 0);
	forget(&m);
	OK(given_back(&before));
}

/* It may begin to run only then. */
TEST(a_child_that_runs_already_is_refused)
{
	struct given before;
	struct native_ids its;
	struct making m;
	exo_ppn ppn;

	given_begin(&before);
	m = making(0, WITH_PLACE);
	its = (struct native_ids){ m.acct, self.domain, m.env };
	ppn = frame(&m, EXO_PG_DATA | EXO_KIND_LIVE);
	EQ(native_pin(&its, 2, ppn, NAME), 0);
	EQ(exo_env_start(m.env, NAME, self.domain, NATIVE_DOMAIN, 2, 0), 0);
	EQ(end(&m, m.domain, m.env, PLACE), -EINVAL);
	EQ(give_up(&m), 0);
	forget(&m);
	/* When its env is reaped its seat is free, and the frame nobody's. */
	for (int i = 0; i < 2000 && exo_seat_free(self.domain, NATIVE_DOMAIN,
	    2) == -EXO_E_BUSY; i++)
		pause_us(1000);
	OK(others_go_on());
	OK(given_back(&before));
}

TEST(a_fork_begins_with_what_there_is)
{
	struct given before;

	given_begin(&before);
	OK(slots_open());
	EQ(native_ask(CM_FORK_BEGIN, 160, NAME, WINDOW, 65), -EINVAL);
	EQ(native_ask(CM_FORK_BEGIN, 15, NAME, WINDOW, SIGCHLD), -ENOMEM);
	EQ(native_ask(CM_FORK_BEGIN, ~0ul, NAME, WINDOW, SIGCHLD), -ENOMEM);
	EQ(native_ask(CM_FORK_BEGIN, 160, SPARE, WINDOW, SIGCHLD), -EINVAL);
	OK(slots_open());
	EQ(native_ask(CM_FORK_BEGIN, 160, NAME, SPARE, SIGCHLD), -EINVAL);
	(void)!exo_cap_drop(NAME);
	(void)!exo_cap_drop(WINDOW);
	OK(given_back(&before));
}

/* ---- lies about a context */

/* Somebody else's. */
#define OTHERS	(NATIVE_WINDOW->commons)

TEST(a_context_begins_with_what_there_is)
{
	struct given before;

	given_begin(&before);
	OK(slots_open());
	EQ(native_ask(CM_CONTEXT, 3, NAME, WINDOW, self.domain), -EINVAL);
	EQ(native_ask(CM_CONTEXT, CM_COPY | 3 << 8, NAME, WINDOW,
	    self.domain), -EINVAL);
	EQ(native_ask(CM_CONTEXT, CM_COPY, NAME, WINDOW, OTHERS),
	    -EINVAL);
	EQ(native_ask(CM_CONTEXT, CM_COPY, NAME, WINDOW, older(self.domain)),
	    -EINVAL);
	EQ(native_ask(CM_CONTEXT, CM_COPY, SPARE, WINDOW, self.domain),
	    -EINVAL);
	OK(slots_open());
	EQ(native_ask(CM_CONTEXT, CM_COPY, NAME, SPARE, self.domain),
	    -EAGAIN);
	(void)!exo_cap_drop(NAME);
	(void)!exo_cap_drop(WINDOW);
	OK(given_back(&before));
}

TEST(a_context_is_what_it_is_said_to_be)
{
	struct given before;
	struct making m;
	uint64_t c;

	given_begin(&before);
	m = making(1, WITH_PLACE);
	c = (uint64_t)m.made;
	EQ(native_ask(CM_CONTEXT_END, c + 1, m.domain, PLACE, 0), -ESRCH);
	EQ(native_ask(CM_CONTEXT_END, ~0ul, m.domain, PLACE, 0), -ESRCH);
	EQ(native_ask(CM_CONTEXT_CLOSE, c + 1, 0, 9, 0), -ESRCH);
	EQ(end(&m, OTHERS, 0, PLACE), -EINVAL);
	EQ(end(&m, older(m.domain), 0, PLACE), -EINVAL);
	EQ(end(&m, m.domain, 0, PLACE + 1), -EINVAL);
	EQ(end(&m, m.domain, 0, PLACE), 0);
	EQ(end(&m, m.domain, 0, PLACE), -ESRCH);
	EQ(end(&m, 0, 0, 0), -ESRCH);
	EQ(native_ask(CM_CONTEXT_CLOSE, c, 0, 9, 0), -ESRCH);
	EQ(native_ask(CM_CONTEXT_GIVE, c, 0, 0, 0), -EACCES);
	EQ(native_ask(CM_CONTEXT_GIVE, c + 1, 0, 0, 0), -EACCES);
	EQ(native_ask(CM_CONTEXT_GIVE, c, ~0ul, 0, 0), -EACCES);
	forget(&m);
	OK(given_back(&before));
}

/* What the image keeps for what it maps stays, or is left out as well. */
TEST(a_context_has_what_its_creator_maps)
{
	struct given before;
	struct making m;
	long fd = native_ask(CM_DUP, 0, CM_FDS, 0, 0), n;

	OK(fd >= CM_FDS);
	given_begin(&before);
	n = given("descriptors");
	m = making(1, BEGUN);
	EQ(native_ask(CM_CONTEXT_CLOSE, (uint64_t)m.made, 0, CM_FDS - 1, 0),
	    0);
	OK(given("descriptors") > n);
	EQ(native_ask(CM_CONTEXT_CLOSE, (uint64_t)m.made, CM_FDS, ~0ul, 0),
	    0);
	EQ(given("descriptors"), n);
	EQ(give_up(&m), 0);
	EQ(given("descriptors"), n);
	forget(&m);
	OK(given_back(&before));
	EQ(native_ask(CM_CLOSE, (uint64_t)fd, 0, 0, 0), 0);
}

TEST(what_is_in_use_is_not_dropped)
{
	struct given before;
	struct making m;

	given_begin(&before);
	m = making(1, HANDED);
	EQ(native_ask(CM_CONTEXT_DROP, self.domain, self.domain, 0, 0),
	    -EINVAL);
	EQ(native_ask(CM_CONTEXT_DROP, OTHERS, self.domain, 0, 0),
	    -EINVAL);
	EQ(native_ask(CM_CONTEXT_DROP, m.domain, OTHERS, 0, 0),
	    -EINVAL);
	EQ(native_ask(CM_CONTEXT_DROP, m.domain, m.domain, 0, 0), -EINVAL);
	EQ(native_ask(CM_CONTEXT_DROP, m.domain, self.domain, 0, 0), 0);
	EQ(native_ask(CM_CONTEXT_DROP, m.domain, self.domain, 0, 0), -EINVAL);
	m.domain = 0;
	forget(&m);
	OK(given_back(&before));
}

/* Whose frames: only what a domain of this account left that ended. */
TEST(frames_in_use_are_not_given_back)
{
	struct making m;
	uint32_t ppn[4], *data = (uint32_t *)(void *)NATIVE_WINDOW->data;

	m = making(1, BEGUN);
	ppn[0] = frame(&m, EXO_PG_DATA);
	ppn[1] = EXO_DOMAINS[EXO_INDEX(NATIVE_WINDOW->commons)].frame;
	ppn[2] = ~0u;
	ppn[3] = EXO_MACHINE->free_head;
	OK(ppn[0] != 0);
	memcpy(data, ppn, sizeof(ppn));
	EQ(native_ask(CM_CONTEXT_FREE, 4, 0, 0, 0), 0);
	EQ(exo_page_free(NAME, ppn[0], 1), 1);
	EQ(give_up(&m), 0);
	forget(&m);
}

/* ---- what one thread makes is not another's */

static volatile int made, go_away;

static void *
makes(void *p)
{
	struct cm_window *w = (struct cm_window *)((uint64_t)NATIVE_WINDOW +
	    0x8000);

	(void)p;
	if (slots_open() && w->pid == NATIVE_WINDOW->pid)
		made = (int)native_ask_by(1, CM_FORK_BEGIN, 160, NAME, WINDOW,
		    SIGCHLD);
	while (!go_away)
		sched_yield();
	return NULL;
}

static void *
makes_a_context(void *p)
{
	(void)p;
	if (slots_open())
		made = (int)native_ask_by(1, CM_CONTEXT, CM_COPY, NAME, WINDOW,
		    self.domain);
	while (!go_away)
		sched_yield();
	return NULL;
}

static pthread_t
thread(void *(*f)(void *))
{
	pthread_t t = 0;

	made = go_away = 0;
	OK(pthread_create(&t, NULL, f, NULL) == 0);
	for (int i = 0; i < 5000 && !made; i++)
		pause_us(1000);
	OK(made > 0);
	return t;
}

TEST(what_one_thread_makes_is_not_another_s)
{
	struct given before;
	pthread_t t;

	given_begin(&before);
	t = thread(makes);
	EQ(native_ask(CM_FORK_ABORT, (uint64_t)made, 0, 0, 0), -ESRCH);
	EQ(native_ask(CM_FORK_END, (uint64_t)made, 0, 0, 0), -ESRCH);
	/* It goes with its thread. */
	go_away = 1;
	pthread_join(t, NULL);
	OK(given_back(&before));
	FAILS(kill(made, 0), ESRCH);
	t = thread(makes_a_context);
	EQ(native_ask(CM_CONTEXT_END, (uint64_t)made, 0, 0, 0), -ESRCH);
	EQ(native_ask(CM_CONTEXT_CLOSE, (uint64_t)made, 0, 9, 0), -ESRCH);
	go_away = 1;
	pthread_join(t, NULL);
	OK(given_back(&before));
	(void)!exo_cap_drop(NAME);
	(void)!exo_cap_drop(WINDOW);
}

TAP_MAIN
