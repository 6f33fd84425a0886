/* cred.h - who somebody is, and what that allows. */
#ifndef COMMONS_CRED_H
#define COMMONS_CRED_H

#include "fs.h"

enum { MAY_EXEC = 1, MAY_WRITE = 2, MAY_READ = 4 };

/* Who asks now: the running seat's process; root, if nobody does. */
const struct cm_cred *cred_now(void);
static inline bool
cred_is_root(const struct cm_cred *c)
{
	return c->euid == 0;
}

/* 0, or -EACCES: these MAY_ on that. */
int64_t cred_may(const struct inode *ip, uint32_t want);
/* The same by the ids that are real, not those in effect. */
int64_t cred_may_really(const struct inode *ip, uint32_t want);
bool cred_owns(const struct inode *ip);
/* Names may be changed in a directory; and this one may go: 0, -EACCES,
 * -EPERM. */
int64_t cred_may_name(const struct inode *dir);
int64_t cred_may_unname(const struct inode *dir, const struct inode *ip);
bool cred_in_group(const struct cm_cred *c, uint32_t gid);
/* May one send signals to the other? */
bool cred_may_signal(const struct cm_cred *c, const struct cm_cred *to);
/* Be who `want' says, but for what is ~0: 0, or -EPERM, -EINVAL. */
int64_t cred_set(struct cm_cred *c, const struct cm_cred *want);
/* Owns nothing. */
void cred_nobody(struct cm_cred *c);

#endif
