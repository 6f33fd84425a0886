/* domain.h - domains (domain.c), seats and handles (seat.c). */
#ifndef DOMAIN_H
#define DOMAIN_H

#include "page.h"

extern struct exo_domain domains[];	/* published */
extern uint32_t ndomains;

struct domain *domain_at(uint32_t index);	/* NULL: no record */
struct domain *domain_find(exo_id dom);		/* NULL: no such name */
bool domain_live(const struct domain *d);

/* Errors: NAME; SLOT, DENIED, RIGHTS. */
long domain_check(exo_id dom, exo_slot slot, uint32_t need,
    struct domain **out) MUST_USE;

/* Death is O(1): what is left is for domain_reap. */
void domain_die(struct domain *d, enum exo_cause cause, uint64_t word);

/* The first domain, at boot. */
struct domain *domain_boot(exo_ppn frame, exo_ppn root,
    const struct guard *guard);

/* Rows changed: which traps may take the fast path? */
void seat_refresh(struct domain *d);

struct seat *seat_at(struct domain *d, uint32_t index);	/* NULL */
enum seat_state seat_state(const struct seat *s);

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

/* Take a live handle off its seat's list and empty the place. */
void handle_kill(struct handle *h);

void domain_run_row(struct domain *d);	/* recompute row[], nfast from masks */

#endif
