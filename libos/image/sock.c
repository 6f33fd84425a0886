/*
 * sock.c - sockets: those of AF_UNIX, which are the commons'.
 *
 * A message is gathered in the window behind its struct cm_msg, and goes out
 * from there; one that is longer goes in parts, if it is a stream's.
 */
#include <castor/string.h>

#include "wait.h"

#define AF_UNIX		1u
#define DATA_MAX	((uint64_t)CM_DATA - CM_MSG)
#define TRANSFER_MAX	0x7ffff000ul
#define IOV_MAX		1024u
#define MESSAGES_MAX	1024u
#define BUFFER		65536u		/* what is said of a buffer's size */
enum { SOCK_STREAM = 1, SOCK_TYPE = 15 };
enum { MSG_PEEK = 2, MSG_DONTWAIT = 0x40, MSG_WAITALL = 0x100,
	MSG_WAITFORONE = 0x10000 };
enum { EAFNOSUPPORT = 97, EPROTONOSUPPORT = 93, ENOPROTOOPT = 92,
	EMSGSIZE = 90 };

struct msghdr {
	uint64_t name;
	uint32_t namelen, pad;
	uint64_t iov, iovlen, control, controllen;
	uint32_t flags, pad2;
};

struct cmsghdr {
	uint64_t len;
	int32_t level, type;
};
enum { SOL_SOCKET = 1, SCM_RIGHTS = 1, MSG_CTRUNC = 8 };

static struct cm_msg *
message(void)
{
	return (struct cm_msg *)my_window()->data;
}

/* ---- making them */

static long
type_check(uint64_t domain, uint64_t proto)
{
	if (domain != AF_UNIX)
		return -EAFNOSUPPORT;
	return proto > AF_UNIX ? -EPROTONOSUPPORT : 0;
}

long
call_socket(uint64_t domain, uint64_t type, uint64_t proto)
{
	long r = type_check(domain, proto);

	return r < 0 ? r : commons(CM_SOCKET, type & SOCK_TYPE,
	    type & ~(uint64_t)SOCK_TYPE & 0xffffffff, 0, 0);
}

long
call_socketpair(uint64_t domain, uint64_t type, uint64_t proto, uint64_t to)
{
	long r = type_check(domain, proto);
	uint64_t fds;

	if (r == 0)
		r = commons(CM_SOCKETPAIR, type & SOCK_TYPE,
		    type & ~(uint64_t)SOCK_TYPE & 0xffffffff, 0, 0);
	if (r < 0)
		return r;
	fds = (uint64_t)r;
	r = user_write(to, &fds, sizeof(fds));
	if (r < 0) {
		(void)commons(CM_CLOSE, fds & 0xffffffff, 0, 0, 0);
		(void)commons(CM_CLOSE, fds >> 32, 0, 0, 0);
	}
	return r;
}

/* ---- names */

/* A sockaddr_un: the name at `to', its length; 0: none. */
static long
name_get(uint8_t *to, uint64_t from, uint64_t len)
{
	uint8_t addr[2 + CM_SUN_PATH];
	uint16_t family;
	uint64_t n = 0;

	if (len < sizeof(family) || len > sizeof(addr))
		return -EINVAL;
	if (user_read(addr, from, len) < 0)
		return -EFAULT;
	memcpy(&family, addr, sizeof(family));
	if (family != AF_UNIX)
		return family == 0 ? 0 : -EINVAL;
	len -= sizeof(family);
	if (len > 0 && addr[2] != 0) {
		while (n < len && addr[2 + n] != 0)
			n++;
		n += n < CM_SUN_PATH;	/* with its NUL */
		if (n <= len)
			len = n;
	}
	memcpy(to, addr + 2, len);
	return (long)len;
}

static long
name_put(const uint8_t *name, uint64_t n, uint64_t to, uint64_t lenp)
{
	uint8_t addr[2 + CM_SUN_PATH] = { AF_UNIX };
	uint32_t room, len = (uint32_t)n + 2;
	long r;

	if (to == 0 || lenp == 0)
		return 0;
	r = user_read(&room, lenp, sizeof(room));
	if (r < 0)
		return r;
	if ((int32_t)room < 0)
		return -EINVAL;
	memcpy(addr + 2, name, n);
	r = user_write(to, addr, room < len ? room : len);
	return r < 0 ? r : user_write(lenp, &len, sizeof(len));
}

long
call_bind(uint64_t fd, uint64_t addr, uint64_t len)
{
	long n = name_get(my_window()->data, addr, len);

	return n < 0 ? n : commons(CM_BIND, fd, (uint64_t)n, 0, 0);
}

long
call_connect(uint64_t fd, uint64_t addr, uint64_t len)
{
	uint8_t name[CM_SUN_PATH];
	long n = name_get(name, addr, len), r;

	if (n < 0)
		return n;
	memcpy(my_window()->data, name, sizeof(name));
	r = ask(CM_CONNECT, fd, (uint64_t)n, 0, 0);
	return r;
}

long
call_listen(uint64_t fd, uint64_t backlog)
{
	return commons(CM_LISTEN, fd, (int32_t)backlog < 0 ? 0 :
	    backlog & 0xffffffff, 0, 0);
}

static long
name_of(uint64_t fd, uint64_t peer, uint64_t addr, uint64_t lenp)
{
	long n = commons(CM_SOCKNAME, fd, peer, 0, 0);

	return n < 0 ? n : name_put(my_window()->data, (uint64_t)n, addr,
	    lenp);
}

long
call_accept4(uint64_t fd, uint64_t addr, uint64_t lenp, uint64_t flags)
{
	long new = ask(CM_ACCEPT, fd, flags, 0, 0), r = 0;

	if (new < 0)
		return new;
	if (addr != 0) {
		r = name_of((uint64_t)new, 1, addr, lenp);
		if (r < 0 && r != -EFAULT && r != -EINVAL)
			r = name_put(NULL, 0, addr, lenp);	/* it left */
	}
	if (r < 0)
		(void)commons(CM_CLOSE, (uint64_t)new, 0, 0, 0);
	return r < 0 ? r : new;
}

long
call_accept(uint64_t fd, uint64_t addr, uint64_t lenp)
{
	return call_accept4(fd, addr, lenp, 0);
}

long
call_getsockname(uint64_t fd, uint64_t addr, uint64_t lenp)
{
	return name_of(fd, 0, addr, lenp);
}

long
call_getpeername(uint64_t fd, uint64_t addr, uint64_t lenp)
{
	return name_of(fd, 1, addr, lenp);
}

long
call_shutdown(uint64_t fd, uint64_t how)
{
	return commons(CM_SHUTDOWN, fd, how, 0, 0);
}

/* ---- bytes between the parts of a message and the window */

static long
parts_total(const struct msghdr *m)
{
	uint64_t n = 0;

	if (m->iovlen > IOV_MAX)
		return -EMSGSIZE;
	for (uint64_t i = 0; i < m->iovlen; i++) {
		struct iovec v;

		if (user_read(&v, m->iov + i * sizeof(v), sizeof(v)) < 0)
			return -EFAULT;
		if (v.len > TRANSFER_MAX || (n += v.len) > TRANSFER_MAX)
			return -EINVAL;
	}
	return (long)n;
}

/* n bytes, from `skip' on in the parts. */
static long
parts_copy(const struct msghdr *m, uint64_t skip, uint64_t n, bool out)
{
	uint8_t *data = my_window()->data + CM_MSG;
	long r = 0;

	for (uint64_t i = 0; i < m->iovlen && n > 0 && r == 0; i++) {
		struct iovec v;
		uint64_t now;

		r = user_read(&v, m->iov + i * sizeof(v), sizeof(v));
		if (r < 0 || v.len <= skip) {
			skip -= v.len;
			continue;
		}
		now = v.len - skip < n ? v.len - skip : n;
		r = out ? user_read(data, v.base + skip, now) :
		    user_write(v.base + skip, data, now);
		skip = 0;
		data += now;
		n -= now;
	}
	return r;
}

/* ---- descriptors that go along */

static long
rights_get(const struct msghdr *m, struct cm_msg *msg)
{
	uint64_t at = m->control, end = at + m->controllen;
	struct cmsghdr c;

	msg->nfds = 0;
	if (m->control == 0)
		return 0;
	for (; end - at >= sizeof(c) && at < end;
	    at += (c.len + 7) & ~7ul) {
		uint64_t n;

		if (user_read(&c, at, sizeof(c)) < 0)
			return -EFAULT;
		if (c.len < sizeof(c) || c.len > end - at ||
		    c.level != SOL_SOCKET || c.type != SCM_RIGHTS)
			return -EINVAL;
		n = (c.len - sizeof(c)) / 4;
		if (n > CM_MSG_FDS - msg->nfds)
			return -EINVAL;
		if (user_read(&msg->fds[msg->nfds], at + sizeof(c), n * 4) < 0)
			return -EFAULT;
		msg->nfds += (uint32_t)n;
	}
	return 0;
}

/* How much of the control part is filled. */
static long
rights_put(struct msghdr *m, struct cm_msg *msg)
{
	uint32_t n = msg->nfds;
	struct cmsghdr c = { sizeof(c) + n * 4, SOL_SOCKET, SCM_RIGHTS };

	if (n > 0 && m->controllen < c.len) {
		for (uint32_t i = 0; i < n; i++)
			(void)commons(CM_CLOSE, (uint64_t)msg->fds[i], 0, 0,
			    0);
		m->flags |= MSG_CTRUNC;
		n = 0;
	}
	m->controllen = n > 0 ? c.len : 0;
	if (n == 0)
		return 0;
	return user_write(m->control, &c, sizeof(c)) < 0 ? -EFAULT :
	    user_write(m->control + sizeof(c), msg->fds, n * 4);
}

/* ---- sending */

static bool
is_stream(uint64_t fd)
{
	struct cm_sock s;
	long r = commons(CM_SOCKINFO, fd, 0, 0, 0);

	memcpy(&s, my_window()->data, sizeof(s));
	return r == 0 && s.type == SOCK_STREAM;
}

static long
message_send(uint64_t fd, const struct msghdr *m, uint64_t flags)
{
	struct cm_msg msg = { 0 };
	uint64_t done = 0;
	long total = parts_total(m), r = 0;

	if (total >= 0 && m->name != 0 && m->namelen != 0) {
		r = name_get(msg.name, m->name, m->namelen);
		msg.namelen = r < 0 ? 0 : (uint32_t)r;
	}
	if (total >= 0 && r >= 0)
		r = rights_get(m, &msg);
	if (total < 0 || r < 0)
		return total < 0 ? total : r;
	if ((uint64_t)total > DATA_MAX && !is_stream(fd))
		return -EMSGSIZE;
	do {
		uint64_t now = (uint64_t)total - done;

		now = now < DATA_MAX ? now : DATA_MAX;
		*message() = msg;
		r = parts_copy(m, done, now, true);
		if (r == 0)
			r = ask(CM_SEND, fd, now, flags, 0);
		if (r < 0)
			break;
		done += (uint64_t)r;
		msg.nfds = 0;		/* they went with the first part */
	} while (r > 0 && done < (uint64_t)total);
	return done > 0 ? (long)done : r;
}

long
call_sendmsg(uint64_t fd, uint64_t from, uint64_t flags)
{
	struct msghdr m;
	long r = user_read(&m, from, sizeof(m));

	return r < 0 ? r : message_send(fd, &m, flags);
}

long
call_sendto(uint64_t fd, uint64_t from, uint64_t n, uint64_t flags,
    uint64_t addr, uint64_t len)
{
	struct cm_msg msg = { 0 };
	uint64_t done = 0;
	long r = 0;

	if (addr != 0 && (uint32_t)len != 0) {
		r = name_get(msg.name, addr, (uint32_t)len);
		if (r < 0)
			return r;
		msg.namelen = (uint32_t)r;
	}
	n = n < TRANSFER_MAX ? n : TRANSFER_MAX;
	if (n > DATA_MAX && !is_stream(fd))
		return -EMSGSIZE;
	do {
		uint64_t now = n - done < DATA_MAX ? n - done : DATA_MAX;

		*message() = msg;
		r = user_read(my_window()->data + CM_MSG, from + done, now);
		if (r == 0)
			r = ask(CM_SEND, fd, now, flags, 0);
		if (r < 0)
			break;
		done += (uint64_t)r;
	} while (r > 0 && done < n);
	return done > 0 ? (long)done : r;
}

/* ---- receiving */

/* The rest of what MSG_WAITALL wants comes by further requests. */
static long
message_recv(uint64_t fd, struct msghdr *m, uint64_t flags)
{
	struct cm_msg msg;
	uint64_t done = 0;
	long total = parts_total(m), r, e = 0;

	if (total < 0)
		return total;
	do {
		uint64_t now = (uint64_t)total - done;

		r = ask(CM_RECV, fd, now < DATA_MAX ? now : DATA_MAX,
		    flags & ~(uint64_t)MSG_WAITALL, 0);
		if (r < 0)
			break;
		if (done == 0)
			msg = *message();
		now = now < DATA_MAX ? now : DATA_MAX;
		e = parts_copy(m, done, (uint64_t)r < now ? (uint64_t)r : now,
		    false);
		done += (uint64_t)r;
	} while (r > 0 && e == 0 && flags & MSG_WAITALL &&
	    !(flags & MSG_PEEK) && done < (uint64_t)total);
	if (done == 0 && r < 0)
		return r;
	if (e == 0 && m->name != 0) {
		uint32_t room = m->namelen, len = msg.namelen + 2;
		uint8_t addr[2 + CM_SUN_PATH] = { AF_UNIX };

		memcpy(addr + 2, msg.name, msg.namelen);
		if (msg.namelen != 0)
			e = user_write(m->name, addr,
			    room < len ? room : len);
		m->namelen = msg.namelen == 0 ? 0 : len;
	}
	m->flags = msg.flags;
	if (e == 0)
		e = rights_put(m, &msg);
	return e < 0 ? e : (long)done;
}

long
call_recvmsg(uint64_t fd, uint64_t to, uint64_t flags)
{
	struct msghdr m;
	long r = user_read(&m, to, sizeof(m)), e;

	if (r < 0)
		return r;
	r = message_recv(fd, &m, flags);
	e = r < 0 ? r : user_write(to, &m, sizeof(m));
	return e < 0 ? e : r;
}

long
call_recvfrom(uint64_t fd, uint64_t to, uint64_t n, uint64_t flags,
    uint64_t addr, uint64_t lenp)
{
	struct cm_msg msg = { 0 };
	uint64_t done = 0;
	long r, e;

	n = n < TRANSFER_MAX ? n : TRANSFER_MAX;
	do {
		uint64_t now = n - done < DATA_MAX ? n - done : DATA_MAX;

		r = ask(CM_RECV, fd, now, flags & ~(uint64_t)MSG_WAITALL, 0);
		if (r < 0)
			break;
		msg = *message();
		for (uint32_t i = 0; i < msg.nfds; i++)
			(void)commons(CM_CLOSE, (uint64_t)msg.fds[i], 0, 0, 0);
		e = user_write(to + done, my_window()->data + CM_MSG,
		    (uint64_t)r < now ? (uint64_t)r : now);
		if (e < 0)
			return e;
		done += (uint64_t)r;
	} while (r > 0 && flags & MSG_WAITALL && !(flags & MSG_PEEK) &&
	    done < n);
	if (done == 0 && r < 0)
		return r;
	e = addr == 0 || lenp == 0 ? 0 : name_put(msg.name, msg.namelen, addr,
	    lenp);
	return e < 0 ? e : (long)done;
}

/* Several: each with its length behind it. */
#define MMSG_SIZE	64u
#define MMSG_LEN	56u

static long
many(uint64_t fd, uint64_t at, uint64_t n, uint64_t flags, bool out)
{
	long done = 0, r = 0;

	n = n < MESSAGES_MAX ? n : MESSAGES_MAX;
	for (; done < (long)n; done++, at += MMSG_SIZE) {
		uint32_t len;

		r = out ? call_sendmsg(fd, at, flags) :
		    call_recvmsg(fd, at, flags & ~(uint64_t)MSG_WAITFORONE);
		len = (uint32_t)r;
		if (r < 0 || user_write(at + MMSG_LEN, &len, sizeof(len)) < 0)
			break;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
	}
	return done > 0 ? done : r;
}

long
call_sendmmsg(uint64_t fd, uint64_t at, uint64_t n, uint64_t flags)
{
	return many(fd, at, n, flags, true);
}

long
call_recvmmsg(uint64_t fd, uint64_t at, uint64_t n, uint64_t flags,
    uint64_t timeout)
{
	return timeout != 0 ? -EINVAL : many(fd, at, n, flags, false);
}

/* ---- options */

enum { SO_DEBUG = 1, SO_REUSEADDR, SO_TYPE, SO_ERROR, SO_DONTROUTE,
	SO_BROADCAST, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_REUSEPORT = 15,
	SO_PEERCRED = 17, SO_ACCEPTCONN = 30, SO_SNDBUFFORCE = 32,
	SO_RCVBUFFORCE, SO_PROTOCOL = 38, SO_DOMAIN };

long
call_getsockopt(uint64_t fd, uint64_t level, uint64_t option, uint64_t to,
    uint64_t lenp)
{
	uint32_t value[3] = { 0 }, len, n = 4;
	struct cm_sock s;
	long r = commons(CM_SOCKINFO, fd, 0, 0, 0);

	memcpy(&s, my_window()->data, sizeof(s));
	if (r == 0)
		r = user_read(&len, lenp, sizeof(len));
	if (r < 0)
		return r;
	if (level != SOL_SOCKET)
		return -EOPNOTSUPP;
	switch (option) {
	case SO_TYPE:
		value[0] = s.type;
		break;
	case SO_DOMAIN:
		value[0] = AF_UNIX;
		break;
	case SO_ACCEPTCONN:
		value[0] = s.listens;
		break;
	case SO_SNDBUF:
	case SO_RCVBUF:
		value[0] = BUFFER;
		break;
	case SO_PEERCRED:
		value[0] = s.pid;
		value[1] = s.pid == 0 ? ~0u : s.uid;
		value[2] = s.pid == 0 ? ~0u : s.gid;
		n = 12;
		break;
	case SO_ERROR:
	case SO_PROTOCOL:
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_KEEPALIVE:
		break;
	default:
		return -ENOPROTOOPT;
	}
	n = n < len ? n : len;
	r = user_write(to, value, n);
	return r < 0 ? r : user_write(lenp, &n, sizeof(n));
}

/* What makes no difference here may be set. */
long
call_setsockopt(uint64_t fd, uint64_t level, uint64_t option, uint64_t from,
    uint64_t len)
{
	uint32_t value;
	long r = commons(CM_SOCKINFO, fd, 0, 0, 0);

	if (r < 0 || level != SOL_SOCKET)
		return r < 0 ? r : -ENOPROTOOPT;
	if (len < sizeof(value))
		return -EINVAL;
	r = user_read(&value, from, sizeof(value));
	if (r < 0)
		return r;
	switch (option) {
	case SO_DEBUG:
	case SO_REUSEADDR:
	case SO_REUSEPORT:
	case SO_DONTROUTE:
	case SO_BROADCAST:
	case SO_SNDBUF:
	case SO_RCVBUF:
	case SO_SNDBUFFORCE:
	case SO_RCVBUFFORCE:
	case SO_KEEPALIVE:
		return 0;
	}
	return -ENOPROTOOPT;
}
