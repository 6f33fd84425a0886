/*
 * commons.h - the commons' pure part on the host: a make-believe kernel for it,
 * and clients.
 *
 * Pages are blocks of the heap, so that the sanitizer sees what is used after
 * it was given back; world_limit says how many there may be.  A client is a
 * seat with a window; ask() is a request as the entry of bin/commons makes it.
 */
#ifndef TESTS_HOST_COMMONS_H
#define TESTS_HOST_COMMONS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <proc.h>
#include <world.h>

#include "tap.h"

#define CLIENTS	300u

static uint64_t world_used, world_limit = 100000;
static uint64_t world_now = 1000000000;
static char world_printed[65536];
static size_t world_print_len;
static unsigned world_kicks, world_stops, world_conts, world_ends;
static uint32_t world_last_status;

static struct seat clients[CLIENTS];
static struct cm_window *windows[CLIENTS];
static struct seat *me;			/* ask() is by this one */

static uint64_t
kept_from(enum world_for use)
{
	return world_limit / 16 * (use - WORLD_RECORDS);
}

void *
world_page(enum world_for use)
{
	if (world_used >= world_limit - kept_from(use))
		return NULL;
	world_used++;
	return memset(aligned_alloc(WORLD_PAGE, WORLD_PAGE), 0, WORLD_PAGE);
}

void
world_page_free(void *page)
{
	world_used--;
	free(page);
}

void
world_pages(uint64_t *total, uint64_t *used, uint64_t *left)
{
	uint64_t most = world_limit - kept_from(WORLD_DATA);

	*total = world_limit;
	*used = world_used;
	*left = most > world_used ? most - world_used : 0;
}

int64_t
world_lend(uint64_t key, struct seat *s, uint64_t slot, uint32_t prot)
{
	(void)key;
	(void)s;
	(void)prot;
	return slot == 0 ? -L_EINVAL : 0;
}

uint32_t
world_frame(void *page, uint64_t key, uint32_t exec)
{
	(void)page;
	(void)key;
	(void)exec;
	return 77;
}

static bool world_text_busy;

bool
world_writable(void *page)
{
	(void)page;
	return !world_text_busy;
}

uint64_t
world_clock(void)
{
	return world_now;
}

uint64_t
world_time(void)
{
	return 1700000000000000000ull + world_now;
}

void
world_random(void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = (uint8_t)rand();
}

void
world_print(const char *text, size_t n)
{
	if (n > sizeof(world_printed) - 1 - world_print_len)
		world_print_len = 0;
	memcpy(world_printed + world_print_len, text, n);
	world_print_len += n;
	world_printed[world_print_len] = '\0';
}

void
console_put(const char *s, size_t n)
{
	world_print(s, n);
}

void
world_machine(struct world_machine *m)
{
	*m = (struct world_machine){ .frames = 1000, .free = 400,
	    .ticks = 5000, .idle = 1000, .hz = 100, .seats = 5 };
}

void
world_usage(const struct proc *p, struct world_usage *u)
{
	*u = (struct world_usage){ .frames = 10, .limit = 20, .ticks = 30,
	    .state = p->state == PROC_ZOMBIE ? 'Z' : 'R' };
}

uint64_t
world_table(uint32_t which, uint64_t off, void *to, size_t n)
{
	if (to == NULL)
		return 10;
	if (off >= 10)
		return 0;
	n = n < 10 - off ? n : 10 - off;
	memset(to, '0' + (int)which, n);
	return n;
}

void
world_kick(void)
{
	world_kicks++;
}

void
world_stop(struct proc *p)
{
	(void)p;
	world_stops++;
}

void
world_continue(struct proc *p)
{
	(void)p;
	world_conts++;
}

void
world_forget(struct proc *p, uint32_t status)
{
	(void)p;
	world_ends++;
	world_last_status = status;
}

/* ---- clients */

static struct seat *
seat_new(struct proc *p, uint32_t tid)
{
	uint32_t i = 0;

	while (clients[i].proc != NULL)
		i++;
	free(windows[i]);
	windows[i] = calloc(1, sizeof(struct cm_window));
	clients[i] = (struct seat){ .win = windows[i], .env = i + 1,
	    .index = i, .tid = tid };
	proc_seat_add(p, &clients[i]);
	windows[i]->pid = p->pid;
	windows[i]->tid = tid;
	windows[i]->pgid = p->pgid;
	windows[i]->sid = p->sid;
	windows[i]->ppid = p->parent == NULL ? 0 : p->parent->pid;
	return &clients[i];
}

static bool world_no_begin;

int64_t
world_begin(struct proc *p, uint64_t frames, uint64_t slot, uint64_t wslot,
    struct cm_fork *out)
{
	(void)frames;
	(void)slot;
	(void)wslot;
	if (world_no_begin)
		return -L_EAGAIN;
	seat_new(p, p->pid);
	*out = (struct cm_fork){ .pid = p->pid };
	return 0;
}

int64_t
world_end(struct proc *p, uint64_t domain, uint64_t env, uint64_t place)
{
	(void)p;
	(void)env;
	(void)place;
	return domain == 0 ? -L_EINVAL : 0;
}

int64_t
world_thread(struct proc *p, uint64_t env, uint64_t place, uint64_t wslot,
    struct cm_fork *out)
{
	uint32_t tid = pid_new();

	(void)env;
	(void)place;
	(void)wslot;
	seat_new(p, tid);
	*out = (struct cm_fork){ .pid = tid };
	return 0;
}

uint32_t
world_window(const struct seat *s)
{
	return s->index;
}

int64_t
world_name(struct seat *s, uint64_t slot, uint64_t domain)
{
	(void)s;
	(void)domain;
	return slot == 0 ? -L_EINVAL : 0;
}

int64_t
world_context(struct seat *s, struct proc *c, uint64_t wslot,
    struct cm_fork *out)
{
	struct seat *new;

	if (wslot == 0) {
		context_put(c);
		return -L_EAGAIN;
	}
	new = seat_new(c, s->tid);
	new->context = true;
	new->maker = s;
	*out = (struct cm_fork){ .pid = c->pid };
	return new->index;
}

int64_t
world_context_end(struct seat *s, uint64_t client, uint64_t domain,
    uint64_t place)
{
	(void)place;
	if (client != s->index && context_in_making(s, client) == NULL)
		return -L_ESRCH;
	if (client != s->index)
		clients[client].maker = NULL;
	return domain == 0 ? -L_EINVAL : 0;
}

int64_t
world_context_at(struct seat *s, uint64_t domain)
{
	s->domain = domain;
	return 0;
}

void
world_exec(struct seat *s, uint64_t mine)
{
	(void)s;
	(void)mine;
}

int64_t
world_context_drop(struct seat *s, uint64_t domain, uint64_t mine)
{
	(void)s;
	return domain == mine ? -L_EINVAL : 0;
}

int64_t
world_context_free(struct seat *s, const uint32_t *ppn, uint64_t n)
{
	(void)s;
	(void)ppn;
	return (int64_t)n;
}

int64_t
world_raise(struct proc *p, uint32_t res, int64_t n)
{
	(void)p;
	(void)res;
	return n;
}

static inline int64_t
ask(uint64_t op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return request(me, op, a, b, c, d);
}

static inline uint64_t
path(const char *s)
{
	memcpy(me->win->data, s, strlen(s));
	return strlen(s);
}

static inline uint64_t
paths(const char *a, const char *b)
{
	memcpy(me->win->data + CM_SECOND, b, strlen(b));
	return path(a) | (uint64_t)strlen(b) << 32;
}

#define CWD	((uint64_t)(int64_t)CM_AT_CWD)
#define POS	((uint64_t)(int64_t)CM_POS)

static inline int64_t
open_at(const char *name, uint32_t flags)
{
	return ask(CM_OPEN, CWD, path(name), flags, 0666);
}

static inline int64_t
put(int64_t fd, const char *text)
{
	memcpy(me->win->data, text, strlen(text));
	return ask(CM_WRITE, (uint64_t)fd, strlen(text), POS, 0);
}

/* What was read, as a string. */
static inline const char *
got(int64_t fd, uint64_t n)
{
	static char text[CM_DATA + 1];
	int64_t r = ask(CM_READ, (uint64_t)fd, n, POS, 0);

	if (r < 0)
		return "error";
	memcpy(text, me->win->data, (size_t)r);
	text[r] = '\0';
	return text;
}

#define IS(text, want)	OK(strcmp((text), (want)) == 0)

/* A child of this client, which goes on as it was. */
static inline struct seat *
fork_of(struct seat *s)
{
	struct seat *was = me, *child = NULL;
	int64_t pid;

	me = s;
	pid = ask(CM_FORK_BEGIN, 64, 1, 2, L_SIGCHLD);
	if (pid > 0 && ask(CM_FORK_END, (uint64_t)pid, 1, 1, 1) == 0)
		child = proc_find((uint32_t)pid)->seats;
	me = was;
	return child;
}

static inline uint32_t
pid_of(const struct seat *s)
{
	return s->win->pid;
}

static inline void
die(struct seat *s, uint32_t status)
{
	struct seat *was = me;

	me = s;
	(void)ask(CM_EXIT, status, 0, 0, 0);
	me = was;
}

/* An archive to begin with; NULL: none. */
static inline void
begin(const void *archive, uint64_t size)
{
	int64_t error;
	struct proc *first;

	fs_init();
	if (archive != NULL)
		OK(fs_archive(archive, size) == 0);
	OK(dev_init() == 0);
	OK(synth_init() == 0);
	tty_init();
	first = proc_new(NULL, &error);
	me = seat_new(first, first->pid);
	first->state = PROC_LIVE;
	/* Parts that a test does not use. */
	(void)put;
	(void)got;
	(void)fork_of;
	(void)die;
	(void)paths;
}

#endif
