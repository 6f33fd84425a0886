/*
 * cred.c - users and groups: who a process says it is, and may say; what that
 * allows with files and signals.
 *
 * Ids are a matter between the users of one commons.  Each process begins as
 * its parent was, the first as root.  Who gives root up can't have it again:
 * there are no programs that give ids to who runs them, since it is the
 * caller's own library that runs a program.
 */
#include "cred.h"

#include "proc.h"

#define NOBODY	65534u

static const struct cm_cred root;

const struct cm_cred *
cred_now(void)
{
	return here == NULL || here->proc == NULL ? &root :
	    &here->proc->creds->cred;
}

bool
cred_in_group(const struct cm_cred *c, uint32_t gid)
{
	bool in = c->fsgid == gid;

	for (uint32_t i = 0; i < c->ngroups && !in; i++)
		in = c->groups[i] == gid;
	return in;
}

static int64_t
may(const struct inode *ip, uint32_t want, const struct cm_cred *c,
    uint32_t uid, bool in_group)
{
	uint32_t bits = ip->mode;

	if (uid == 0)
		return (want & MAY_EXEC) && !IS_DIR(ip) &&
		    (bits & 0111) == 0 ? -L_EACCES : 0;
	if (uid == ip->uid)
		bits >>= 6;
	else if (in_group || cred_in_group(c, ip->gid))
		bits >>= 3;
	return (want & ~bits & 7) != 0 ? -L_EACCES : 0;
}

int64_t
cred_may(const struct inode *ip, uint32_t want)
{
	const struct cm_cred *c = cred_now();

	return may(ip, want, c, c->fsuid, false);
}

int64_t
cred_may_really(const struct inode *ip, uint32_t want)
{
	const struct cm_cred *c = cred_now();

	return may(ip, want, c, c->uid, c->gid == ip->gid);
}

bool
cred_owns(const struct inode *ip)
{
	const struct cm_cred *c = cred_now();

	return c->fsuid == 0 || c->fsuid == ip->uid;
}

int64_t
cred_may_name(const struct inode *dir)
{
	return cred_may(dir, MAY_WRITE | MAY_EXEC);
}

/* In a sticky directory: the owner's, or who owns the directory. */
int64_t
cred_may_unname(const struct inode *dir, const struct inode *ip)
{
	int64_t r = cred_may_name(dir);

	if (r == 0 && (dir->mode & L_S_ISVTX) && !cred_owns(dir) &&
	    !cred_owns(ip))
		r = -L_EPERM;
	return r;
}

bool
cred_may_signal(const struct cm_cred *c, const struct cm_cred *to)
{
	return cred_is_root(c) || c->euid == to->uid || c->euid == to->suid ||
	    c->uid == to->uid || c->uid == to->suid;
}

static bool
id_ok(const struct cm_cred *c, uint32_t want, uint32_t a, uint32_t b,
    uint32_t d, uint32_t e)
{
	return want == ~0u || cred_is_root(c) || want == a || want == b ||
	    want == d || want == e;
}

static void
id_set(uint32_t *id, uint32_t want)
{
	if (want != ~0u)
		*id = want;
}

int64_t
cred_set(struct cm_cred *c, const struct cm_cred *want)
{
	const uint32_t uids[4] = { want->uid, want->euid, want->suid,
	    want->fsuid };
	const uint32_t gids[4] = { want->gid, want->egid, want->sgid,
	    want->fsgid };

	if (want->ngroups != ~0u && want->ngroups > CM_GROUPS)
		return -L_EINVAL;
	if (want->ngroups != ~0u && !cred_is_root(c))
		return -L_EPERM;
	for (int i = 0; i < 4; i++) {
		if (!id_ok(c, uids[i], c->uid, c->euid, c->suid, c->fsuid) ||
		    !id_ok(c, gids[i], c->gid, c->egid, c->sgid, c->fsgid))
			return -L_EPERM;
	}

	/* Act. */
	id_set(&c->gid, want->gid);
	id_set(&c->egid, want->egid);
	id_set(&c->sgid, want->sgid);
	id_set(&c->fsgid, want->fsgid);
	id_set(&c->uid, want->uid);
	id_set(&c->euid, want->euid);
	id_set(&c->suid, want->suid);
	id_set(&c->fsuid, want->fsuid);
	if (want->ngroups == ~0u)
		return 0;
	c->ngroups = want->ngroups;
	for (uint32_t i = 0; i < c->ngroups; i++)
		c->groups[i] = want->groups[i];
	return 0;
}

void
cred_nobody(struct cm_cred *c)
{
	*c = (struct cm_cred){ .uid = NOBODY, .euid = NOBODY, .suid = NOBODY,
	    .fsuid = NOBODY, .gid = NOBODY, .egid = NOBODY, .sgid = NOBODY,
	    .fsgid = NOBODY };
}
