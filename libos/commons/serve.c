/*
 * serve.c - one env at a time in the commons.
 *
 * Whoever comes in has `critical' set, so that its slice does not end here;
 * what it asks for takes far less than the grace.  If it is preempted all the
 * same (its slice owed time), the next one gives it time until it is out.  If
 * it was killed or stopped meanwhile, and pulled home, its registers lie on its
 * seat's upcall stack: the commons' own env ends its request for it, so that
 * nothing is left half done.  Only that one, since it is at home, and nobody
 * can take it away in the middle of that as well.
 *
 * Invariant: what the other files keep is whole while busy == 0.
 */
#include "house.h"
#include "world.h"

#define TIDY_EACH	32u

volatile uint32_t busy;
volatile uint32_t finish_seat = ~0u;	/* whose request is being ended */
uint64_t finish_other;			/* where on that seat's stack there is
					 * room meanwhile */
uint64_t serve_handle;

static uint64_t homes_seen;
uint64_t serve_deaths;			/* all who died before are known */

/* ---- being alone */

/* The one that is in was taken away: end what it began.  True: now the commons'
 * own env is in. */
static bool
holder_finish(uint32_t holder)
{
	long at = exo_seat_repair(self->domain, self->domain_slot, holder);
	struct exo_regs *regs = (struct exo_regs *)at;
	uint64_t middle = SEAT_TOP(holder) - SEAT_STACK / 2;

	if (at <= 0)
		return false;
	finish_other = regs->rsp <= middle ? 0 : SEAT_STACK / 2;
	finish_seat = holder;
	busy = SEAT_MAIN + 1;
	commons_finish(regs);
	return true;
}

static bool
lock_try(uint32_t seat)
{
	uint32_t nobody = 0;

	return __atomic_compare_exchange_n(&busy, &nobody, seat + 1, false,
	    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void
serve_lock(uint32_t seat)
{
	while (!lock_try(seat)) {
		uint32_t holder = busy;

		if (holder == 0 || exo_env_yield(seats[holder - 1].env, 0,
		    serve_handle) >= 0 || busy != holder)
			continue;
		if (seat != SEAT_MAIN) {
			world_kick();
			(void)!exo_env_yield(self->env, self->env_slot,
			    EXO_NONE);
		} else if (holder_finish(holder - 1)) {
			return;
		}
		(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	}
}

void
serve_unlock(void)
{
	busy = 0;
}

/* ---- what is to be done besides */

/* Clients see to it that the dead are known, some at a time. */
static void
serve_watch(void)
{
	uint64_t deaths = EXO_MACHINE->deaths;

	here = NULL;			/* entry.asm leaves the last one */
	serve_deaths = seats_watch() ? ~0ull : deaths;
}

/* The rest is for the commons' own env.  True: there is more to do. */
bool
serve_tidy(void)
{
	bool more;

	if (EXO_COUNTERS->pulled_home != homes_seen) {
		homes_seen = EXO_COUNTERS->pulled_home;
		seats_repair();
	}
	serve_watch();
	more = seats_reap();
	more |= seats_stop();
	more |= sweep(TIDY_EACH);
	more |= pages_untidy() && pages_tidy(TIDY_EACH);
	return more || serve_deaths == ~0ull;
}

/* ---- requests */

/* The long way, alone already: somebody died, or the seat waited. */
uint64_t
commons_serve(uint64_t badge, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	if (EXO_MACHINE->deaths != serve_deaths)
		serve_watch();
	return (uint64_t)request(&seats[badge], op, a, b, c, d);
}

/* And when somebody else is in. */
uint64_t
commons_wait(uint64_t badge, uint64_t op, uint64_t a, uint64_t b, uint64_t c,
    uint64_t d)
{
	serve_lock((uint32_t)badge);
	return commons_serve(badge, op, a, b, c, d);
}

/* ---- those who came without a call */

/*
 * Entered by an env that had no call open: if it is at home here now, it ends.
 * If a trap led it here it is no reply that leads it back: then its process
 * ends (commons_expel), and it goes when the kernel pulls it home.  The seat's
 * number, which nothing but the stack tells any more.
 */
uint64_t
commons_orphan(void)
{
	(void)!exo_env_exit(0);
	(void)!exo_env_yield(EXO_ID_ANY, 0, EXO_NONE);
	return ((uint64_t)__builtin_frame_address(0) - SEAT_BASE(0)) /
	    SEAT_SPAN;
}

void
commons_expel(uint64_t badge)
{
	serve_lock((uint32_t)badge);
	here = NULL;
	if (seats[badge].proc != NULL)
		proc_died(seats[badge].proc->leader, L_SIGKILL);
	settle();
}
