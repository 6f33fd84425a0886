/*
 * limit.c - what a process may have at most, as it or its user says (rlimits).
 *
 * The commons looks at those of descriptors, file sizes and processes; the
 * image at those of memory; the others are kept.  They are agreements between
 * a user's programs: what bounds a process against others are accounts.
 */
#include <castor/string.h>

#include "cred.h"
#include "request.h"

#define STACK_SIZE	(8ull << 20)
#define SIGNALS		128u

void
limits_init(struct proc *p)
{
	for (uint32_t i = 0; i < L_RLIMITS; i++)
		p->limit[i][0] = p->limit[i][1] = L_RLIM_INFINITY;
	p->limit[L_RLIMIT_STACK][0] = p->limit[L_RLIMIT_STACK][1] = STACK_SIZE;
	p->limit[L_RLIMIT_CORE][0] = p->limit[L_RLIMIT_CORE][1] = 0;
	p->limit[L_RLIMIT_NOFILE][0] = p->limit[L_RLIMIT_NOFILE][1] = CM_FDS;
	p->limit[L_RLIMIT_NPROC][0] = p->limit[L_RLIMIT_NPROC][1] = PROCS_MAX;
	p->limit[L_RLIMIT_SIGPENDING][0] = SIGNALS;
	p->limit[L_RLIMIT_SIGPENDING][1] = SIGNALS;
}

uint32_t
limit_fds(const struct proc *p)
{
	uint64_t n = p->leader->limit[L_RLIMIT_NOFILE][0];

	return n < CM_FDS ? (uint32_t)n : CM_FDS;
}

/* Root may raise what it has lowered, up to what there is. */
static int64_t
limit_check(const struct proc *p, uint32_t which, const uint64_t to[2])
{
	if (to[0] > to[1])
		return -L_EINVAL;
	if (to[1] > p->limit[which][1] && !cred_is_root(cred_now()))
		return -L_EPERM;
	if (which == L_RLIMIT_NOFILE && to[1] > CM_FDS)
		return -L_EPERM;
	return 0;
}

REQUEST(RLIMIT)
{
	struct proc *p = proc_named(s, (uint32_t)a);
	uint64_t old[2], new[2];
	int64_t r;

	if (b >= L_RLIMITS || c > 1)
		return -L_EINVAL;
	if (p == NULL || p->state == PROC_ZOMBIE)
		return -L_ESRCH;
	if (p != process_of(s) && !cred_may_signal(cred_now(), &p->cred))
		return -L_EPERM;
	memcpy(old, p->limit[b], sizeof(old));
	memcpy(new, s->win->data, sizeof(new));
	r = c == 0 ? 0 : limit_check(p, (uint32_t)b, new);
	if (r != 0)
		return r;
	if (c != 0)
		memcpy(p->limit[b], new, sizeof(new));
	memcpy(s->win->data, old, sizeof(old));
	return 0;
}
