/*
 * world.h - what the commons' pure part asks of the rest: of the kernel in
 * bin/commons (main.c), of a make-believe one in host tests.
 */
#ifndef COMMONS_WORLD_H
#define COMMONS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct proc;
struct seat;

/* What /proc tells: of the machine, and of a process. */
struct world_machine {
	uint64_t frames, free;		/* pages */
	uint64_t ticks, idle, hz;	/* of the clock, since boot */
	uint64_t seats, ending;		/* in use; processes being reaped */
	uint64_t left_over;		/* frames that the dead had shared */
};

struct world_usage {
	uint64_t frames, limit;
	uint64_t ticks;
	char state;			/* R S T */
};

#define WORLD_PAGE	4096u

/*
 * A page of memory, zeroed; NULL: no more.  For data some stay untouched, so
 * that files and names can't use up what processes and pipes need; most of
 * those are there for what the archive holds of a file, so that programs begin
 * when files have filled the rest.  A page that is given back may have been
 * lent (world_lend): then those who have it mapped lose it first.
 */
enum world_for { WORLD_RECORDS, WORLD_ARCHIVE, WORLD_DATA };
void *world_page(enum world_for use);
void world_page_free(void *page);
/* Pages there are, those in use, those that data may still take. */
void world_pages(uint64_t *total, uint64_t *used, uint64_t *left);

/*
 * Lend pages of a file: key is the file's for ever.  world_lend gives the
 * running seat a capability (0, or -errno); world_frame names a page that
 * whoever holds it may map (0: can't be had).
 */
int64_t world_lend(uint64_t key, struct seat *s, uint64_t slot, uint32_t prot);
uint32_t world_frame(void *page, uint64_t key, uint32_t exec);
/* Have it writable here again, if nobody may execute it any more. */
bool world_writable(void *page);

/* Nanoseconds: since 1970, and since boot. */
uint64_t world_time(void);
uint64_t world_clock(void);
void world_random(void *to, size_t n);
void world_print(const char *text, size_t n);
void world_machine(struct world_machine *m);
void world_usage(const struct proc *p, struct world_usage *u);
/* Bytes of a published table (enum exo_table), n at most; to NULL: its size. */
uint64_t world_table(uint32_t which, uint64_t off, void *to, size_t n);
/* signal_alarms() is to be asked again, soon. */
void world_kick(void);

/* Processes: stop it, let it go on; and the end of it: its domain, account,
 * frames, seats (their envs may still be in one). */
void world_stop(struct proc *p);
void world_continue(struct proc *p);
void world_forget(struct proc *p, uint32_t status);

#endif
