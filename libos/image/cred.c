/*
 * cred.c - users and groups.  Who the process is, the commons knows; here the
 * calls become the one that it has: ids that change, and those that stay.
 */
#include <castor/string.h>

#include "wait.h"

#define STAY	(~0u)

static const struct cm_cred stay = { STAY, STAY, STAY, STAY, STAY, STAY, STAY,
	STAY, STAY, { 0 } };

long
cred_get(struct cm_cred *c)
{
	long r = commons(CM_CREDS, 0, 0, 0, 0);

	memcpy(c, my_window()->data, sizeof(*c));
	return r;
}

static long
cred_put(const struct cm_cred *c)
{
	memcpy(my_window()->data, c, sizeof(*c));
	return commons(CM_CREDS, 1, 0, 0, 0);
}

/* One word of it. */
static long
id_get(uint64_t at)
{
	struct cm_cred c;
	uint32_t id;
	long r = cred_get(&c);

	memcpy(&id, (const uint8_t *)&c + at, sizeof(id));
	return r < 0 ? r : (long)id;
}

#define ID(name)	id_get(offsetof(struct cm_cred, name))
long	call_getuid(void) { return ID(uid); }
long	call_geteuid(void) { return ID(euid); }
long	call_getgid(void) { return ID(gid); }
long	call_getegid(void) { return ID(egid); }

/* ---- the same for users and groups: `set' points to the first of four */

static uint32_t *
ids_of(struct cm_cred *c, bool group)
{
	return group ? &c->gid : &c->uid;
}

enum { REAL, EFFECTIVE, SAVED, FS };

static long
set_one(uint64_t id, bool group)
{
	struct cm_cred c, new = stay;
	uint32_t *is = ids_of(&c, group), *to = ids_of(&new, group);
	long r = cred_get(&c);

	if (r < 0)
		return r;
	if ((uint32_t)id == STAY)
		return -EINVAL;
	to[EFFECTIVE] = to[FS] = (uint32_t)id;
	if (c.euid == 0)
		to[REAL] = to[SAVED] = (uint32_t)id;
	else if (is[REAL] != (uint32_t)id && is[SAVED] != (uint32_t)id)
		return -EPERM;
	return cred_put(&new);
}

static long
set_two(uint64_t real, uint64_t effective, bool group)
{
	struct cm_cred c, new = stay;
	uint32_t *is = ids_of(&c, group), *to = ids_of(&new, group);
	long r = cred_get(&c);

	if (r < 0)
		return r;
	to[REAL] = (uint32_t)real;
	to[EFFECTIVE] = to[FS] = (uint32_t)effective;
	if ((uint32_t)effective == STAY)
		to[FS] = is[EFFECTIVE];
	if (to[REAL] != STAY || (to[EFFECTIVE] != STAY &&
	    to[EFFECTIVE] != is[REAL]))
		to[SAVED] = to[FS];
	return cred_put(&new);
}

static long
set_three(uint64_t real, uint64_t effective, uint64_t saved, bool group)
{
	struct cm_cred new = stay;
	uint32_t *to = ids_of(&new, group);

	to[REAL] = (uint32_t)real;
	to[EFFECTIVE] = to[FS] = (uint32_t)effective;
	to[SAVED] = (uint32_t)saved;
	return cred_put(&new);
}

/* Says who it was, whatever comes of it. */
static long
set_fs(uint64_t id, bool group)
{
	struct cm_cred c, new = stay;
	long r = cred_get(&c);

	ids_of(&new, group)[FS] = (uint32_t)id;
	(void)cred_put(&new);
	return r < 0 ? r : (long)ids_of(&c, group)[FS];
}

static long
get_three(uint64_t a, uint64_t b, uint64_t c, bool group)
{
	struct cm_cred is;
	const uint32_t *id = ids_of(&is, group);
	long r = cred_get(&is);

	if (r == 0)
		r = user_write(a, &id[REAL], sizeof(*id));
	if (r == 0)
		r = user_write(b, &id[EFFECTIVE], sizeof(*id));
	return r < 0 ? r : user_write(c, &id[SAVED], sizeof(*id));
}

long	call_setuid(uint64_t a) { return set_one(a, false); }
long	call_setgid(uint64_t a) { return set_one(a, true); }
long	call_setreuid(uint64_t a, uint64_t b) { return set_two(a, b, false); }
long	call_setregid(uint64_t a, uint64_t b) { return set_two(a, b, true); }
long	call_setfsuid(uint64_t a) { return set_fs(a, false); }
long	call_setfsgid(uint64_t a) { return set_fs(a, true); }

long
call_setresuid(uint64_t a, uint64_t b, uint64_t c)
{
	return set_three(a, b, c, false);
}

long
call_setresgid(uint64_t a, uint64_t b, uint64_t c)
{
	return set_three(a, b, c, true);
}

long
call_getresuid(uint64_t a, uint64_t b, uint64_t c)
{
	return get_three(a, b, c, false);
}

long
call_getresgid(uint64_t a, uint64_t b, uint64_t c)
{
	return get_three(a, b, c, true);
}

long
call_getgroups(uint64_t n, uint64_t to)
{
	struct cm_cred c;
	long r = cred_get(&c);

	if (r < 0 || (uint32_t)n == 0)
		return r < 0 ? r : (long)c.ngroups;
	if ((int32_t)n < (int32_t)c.ngroups)
		return -EINVAL;
	r = user_write(to, c.groups, c.ngroups * sizeof(c.groups[0]));
	return r < 0 ? r : (long)c.ngroups;
}

long
call_setgroups(uint64_t n, uint64_t from)
{
	struct cm_cred new = stay;
	long r;

	if ((uint32_t)n > CM_GROUPS)
		return -EINVAL;
	new.ngroups = (uint32_t)n;
	r = user_read(new.groups, from, n * sizeof(new.groups[0]));
	return r < 0 ? r : cred_put(&new);
}

/* ---- capabilities, as Linux has them: root has all, others none */

#define CAP_VERSION	0x20080522u
#define CAPS_ALL	0xffffffffu
#define CAPS_ALL_HIGH	0x1ffu

long
call_capget(uint64_t head, uint64_t to)
{
	uint32_t version = CAP_VERSION, sets[6] = { 0 };
	uint64_t h;
	long r = user_read(&h, head, sizeof(h));

	if (r < 0)
		return r;
	if ((uint32_t)h != CAP_VERSION && (uint32_t)h != 0x20071026u) {
		r = user_write(head, &version, sizeof(version));
		return r < 0 ? r : to == 0 ? 0 : -EINVAL;
	}
	if (call_geteuid() == 0) {
		sets[0] = sets[1] = CAPS_ALL;
		sets[3] = sets[4] = CAPS_ALL_HIGH;
	}
	return to == 0 ? 0 : user_write(to, sets, sizeof(sets));
}

/* To have fewer is to have what one has: nothing is kept of it. */
long
call_capset(void)
{
	return call_geteuid() == 0 ? 0 : -EPERM;
}
