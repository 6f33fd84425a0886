/* domain.h - domains (domain.c), seats and handles (seat.c). */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "page.h"

extern struct exo_domain domains[];	/* published */
extern uint32_t ndomains;

struct domain *domain_at(uint32_t index);	/* NULL: no record */
struct domain *domain_find(exo_id dom);		/* NULL: no such name */

static inline bool
domain_live(const struct domain *d)
{
	return d->pub->state == EXO_DOM_LIVE;
}

/* Errors: NAME; SLOT, DENIED, RIGHTS. */
long domain_check(exo_id dom, exo_slot slot, uint32_t need,
    struct domain **out) MUST_USE;

/*
 * Call before it runs.  False: it is dead, perhaps just now because one of its
 * monitors is.
 */
bool domain_check_monitor(struct domain *d);
/* Is there anything that domain_check_monitor would do? */
bool domain_doomed(const struct domain *d);
/* Is m d, or one of its monitors? */
bool domain_under(struct domain *d, const struct domain *m);
/* The nearest monitor of d that refuses this call, or NULL. */
struct domain *domain_refuser(struct domain *d, uint32_t nr);

/* Steps of a DEAD domain's end, at most n: 0: nothing was left, it has ENDED.
 * Stops early when the running domain has died of it. */
uint64_t domain_reap_steps(struct domain *d, uint64_t n);
void domain_row_free(uint32_t index);	/* of an ENDED domain */

/* Death is O(1): what is left is for domain_reap. */
void domain_die(struct domain *d, enum exo_cause cause, uint64_t word);

/* The first domain, at boot. */
struct domain *domain_boot(exo_ppn frame, exo_ppn root,
    const struct guard *guard);

/* Rows changed: which traps may take the fast path? */
void seat_refresh(struct domain *d);

void seats_init(struct domain *d);	/* of a new record */
void seats_stale(struct domain *d);	/* no handle fits any of them */
void seat_frames_drop(struct domain *d);	/* nothing names them any more */
struct seat *seat_at(struct domain *d, uint32_t index);	/* NULL */
enum seat_state seat_state(const struct seat *s);
/* The flags in its upcall frame, if it has one. */
static inline struct exo_upcall *
upcall_head(const struct seat *s)
{
	return (struct exo_upcall *)(s->up_kva - EXO_UPCALL_HEAD);
}

/* Bind without checks. */
void seat_set(struct seat *s, const struct exo_seat_args *a);	/* a->env */
/* Forget a bound seat that nobody occupies: its handles' generation dies. */
void seat_clear(struct seat *s);

/*
 * The handle at a place of the running domain.  NULL: none there.
 */
struct handle *handle_at(uint64_t place);
/* Why may the running env not enter by it?  0, or SLOT, STALE, LOOP, BUSY,
 * DENIED. */
long handle_check(const struct handle *h) MUST_USE;

/* The place of this name: what seat.handles and handle.next hold. */
struct handle *handle_of(uint32_t name);
/* Take a live handle off its seat's list and empty the place. */
void handle_kill(struct handle *h);

void domain_run_row(struct domain *d);	/* recompute row[], nfast from masks */
void domain_run_fast(struct domain *d);	/* nfast, from nhandles and those */

#endif
