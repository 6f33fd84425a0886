/*
 * sockets.c - sockets of AF_UNIX: pairs, names, messages, descriptors that go
 * along; what becomes of them when the other side ends.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "fails.h"

static struct sockaddr_un
name(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strcpy(a.sun_path, path);
	return a;
}

static socklen_t
name_len(const char *path)
{
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
}

TEST(a_pair_of_streams)
{
	char b[32];
	int v[2], n;

	EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, v), 0);
	EQ(fcntl(v[0], F_GETFD), FD_CLOEXEC);
	EQ(write(v[0], "one", 3), 3);
	EQ(write(v[0], "two", 3), 3);
	EQ(ioctl(v[1], FIONREAD, &n), 0);
	EQ(n, 6);
	EQ(recv(v[1], b, 4, MSG_PEEK), 4);
	EQ(read(v[1], b, sizeof(b)), 6);
	OK(memcmp(b, "onetwo", 6) == 0);
	EQ(write(v[1], "back", 4), 4);
	EQ(read(v[0], b, 2), 2);
	EQ(read(v[0], b, sizeof(b)), 2);
	FAILS(recv(v[0], b, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(lseek(v[0], 0, SEEK_SET), ESPIPE);
	EQ(shutdown(v[0], SHUT_WR), 0);
	EQ(read(v[1], b, 1), 0);
	EQ(write(v[1], "x", 1), 1);
	EQ(read(v[0], b, 1), 1);
	FAILS(send(v[0], "x", 1, MSG_NOSIGNAL), EPIPE);
	close(v[0]);
	FAILS(send(v[1], "x", 1, MSG_NOSIGNAL), EPIPE);
	EQ(read(v[1], b, 1), 0);
	close(v[1]);
}

TEST(much_through_a_stream_comes_in_order)
{
	static unsigned char big[300000], got[5000];
	size_t at = 0;
	int v[2], status, bad = 0;
	pid_t p;

	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (unsigned char)(i * 31 + i / 257);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	p = fork();
	if (p == 0) {
		close(v[1]);
		_exit(send(v[0], big, sizeof(big), 0) != sizeof(big));
	}
	close(v[0]);
	for (;;) {
		ssize_t n = read(v[1], got, sizeof(got));

		if (n <= 0)
			break;
		bad += memcmp(got, big + at, (size_t)n) != 0;
		at += (size_t)n;
	}
	EQ(bad, 0);
	EQ(at, sizeof(big));
	EQ(waitpid(p, &status, 0), p);
	EQ(status, 0);
	close(v[1]);
}

TEST(waitall_waits_for_all)
{
	char b[8];
	int v[2];
	pid_t p;

	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	p = fork();
	if (p == 0) {
		(void)!write(v[0], "abc", 3);
		usleep(20000);
		(void)!write(v[0], "defgh", 5);
		_exit(0);
	}
	EQ(recv(v[1], b, 8, MSG_WAITALL), 8);
	OK(memcmp(b, "abcdefgh", 8) == 0);
	EQ(waitpid(p, NULL, 0), p);
	close(v[0]);
	close(v[1]);
}

TEST(datagrams_keep_their_ends)
{
	char b[4000];
	int v[2];

	EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, v), 0);
	EQ(send(v[0], "one", 3, 0), 3);
	EQ(send(v[0], "", 0, 0), 0);
	EQ(send(v[0], "three", 5, 0), 5);
	EQ(recv(v[1], b, sizeof(b), 0), 3);
	EQ(recv(v[1], b, sizeof(b), 0), 0);
	EQ(recv(v[1], b, 2, MSG_TRUNC), 5);
	FAILS(recv(v[1], b, 1, MSG_DONTWAIT), EAGAIN);
	FAILS(send(v[0], b, sizeof(b), 0), EMSGSIZE);
	close(v[0]);
	close(v[1]);
	EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, v), 0);
	EQ(write(v[0], "ab", 2), 2);
	EQ(write(v[0], "cd", 2), 2);
	EQ(read(v[1], b, sizeof(b)), 2);
	EQ(read(v[1], b, sizeof(b)), 2);
	close(v[0]);
	EQ(read(v[1], b, sizeof(b)), 0);
	close(v[1]);
}

TEST(a_full_socket_makes_its_writer_wait)
{
	static char b[3000];
	int v[2], n = 0;
	struct pollfd p;

	EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, v), 0);
	while (write(v[0], b, sizeof(b)) > 0)
		n++;
	EQ(errno, EAGAIN);
	OK(n > 10);
	p = (struct pollfd){ v[0], POLLOUT, 0 };
	EQ(poll(&p, 1, 0), 0);
	for (int i = 0; i < 4; i++)
		OK(read(v[1], b, sizeof(b)) > 0);
	EQ(poll(&p, 1, 0), 1);
	OK(write(v[0], b, 100) == 100);
	close(v[0]);
	close(v[1]);
}

TEST(a_server_by_its_path)
{
	const char *path = "/tmp/server";
	struct sockaddr_un a = name(path), got;
	socklen_t len = sizeof(got);
	int s = socket(AF_UNIX, SOCK_STREAM, 0), c, status;
	struct stat st;
	char b[16];
	pid_t p;

	FAILS(connect(s, (void *)&a, sizeof(a)), ENOENT);
	FAILS(listen(s, 1), EINVAL);
	EQ(bind(s, (void *)&a, name_len(path)), 0);
	EQ(stat(path, &st), 0);
	OK(S_ISSOCK(st.st_mode));
	FAILS(open(path, O_RDWR), ENXIO);
	EQ(listen(s, 5), 0);
	EQ(getsockname(s, (void *)&got, &len), 0);
	EQ(len, name_len(path));
	OK(strcmp(got.sun_path, path) == 0);
	p = fork();
	if (p == 0) {
		c = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(c, (void *)&a, sizeof(a)) != 0 ||
		    write(c, "hello", 5) != 5 || read(c, b, 5) != 5 ||
		    memcmp(b, "HELLO", 5) != 0)
			_exit(1);
		_exit(0);
	}
	c = accept(s, NULL, NULL);
	OK(c >= 0);
	EQ(read(c, b, sizeof(b)), 5);
	EQ(write(c, "HELLO", 5), 5);
	EQ(waitpid(p, &status, 0), p);
	EQ(status, 0);
	EQ(read(c, b, 1), 0);
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	FAILS(bind(c, (void *)&a, name_len(path)), EADDRINUSE);
	close(s);
	FAILS(connect(c, (void *)&a, sizeof(a)), ECONNREFUSED);
	FAILS(read(c, b, 1), ENOTCONN);
	close(c);
	EQ(unlink(path), 0);
}

TEST(names_that_are_no_files)
{
	struct sockaddr_un a = { AF_UNIX, "\0hidden" }, got;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 7;
	socklen_t n = sizeof(got);
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0), t;

	EQ(bind(s, (void *)&a, len), 0);
	EQ(listen(s, 1), 0);
	EQ(connect(c, (void *)&a, len), 0);
	FAILS(connect(c, (void *)&a, len), EISCONN);
	t = accept4(s, (void *)&got, &n, SOCK_NONBLOCK);
	OK(t >= 0);
	EQ(n, 2);
	EQ(fcntl(t, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	close(t);
	close(s);
	close(c);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	EQ(bind(s, (void *)&a, 2), 0);	/* any */
	n = sizeof(got);
	EQ(getsockname(s, (void *)&got, &n), 0);
	EQ(n, 8);
	EQ(got.sun_path[0], 0);
	close(s);
}

TEST(datagrams_to_names)
{
	struct sockaddr_un a = name("/tmp/da"), b = name("/tmp/db"), from;
	int s = socket(AF_UNIX, SOCK_DGRAM, 0);
	int c = socket(AF_UNIX, SOCK_DGRAM, 0);
	socklen_t len = sizeof(from);
	char t[16];

	EQ(bind(s, (void *)&a, sizeof(a)), 0);
	EQ(bind(c, (void *)&b, sizeof(b)), 0);
	FAILS(send(c, "x", 1, 0), ENOTCONN);
	EQ(sendto(c, "hi", 2, 0, (void *)&a, sizeof(a)), 2);
	EQ(recvfrom(s, t, sizeof(t), 0, (void *)&from, &len), 2);
	OK(strcmp(from.sun_path, "/tmp/db") == 0);
	EQ(sendto(s, "ho", 2, 0, (void *)&from, len), 2);
	EQ(recv(c, t, sizeof(t), 0), 2);
	EQ(connect(c, (void *)&a, sizeof(a)), 0);
	EQ(send(c, "yes", 3, 0), 3);
	EQ(recv(s, t, sizeof(t), 0), 3);
	close(s);
	FAILS(send(c, "no", 2, 0), ECONNREFUSED);
	close(c);
	unlink("/tmp/da");
	unlink("/tmp/db");
}

static ssize_t
pass(int s, int fd, int dir)
{
	char byte = 'f', room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1,
	    .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c;
	ssize_t r;

	if (dir == 1) {
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
		return sendmsg(s, &m, 0);
	}
	r = recvmsg(s, &m, MSG_CMSG_CLOEXEC);
	c = CMSG_FIRSTHDR(&m);
	if (r != 1 || c == NULL || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

TEST(descriptors_go_along)
{
	int v[2], p[2], fd, status;
	char b[8];
	pid_t child;

	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	EQ(pipe(p), 0);
	child = fork();
	if (child == 0) {
		close(p[0]);
		close(p[1]);
		fd = (int)pass(v[1], 0, 0);
		_exit(fd < 0 || write(fd, "by you", 6) != 6 ||
		    fcntl(fd, F_GETFD) != FD_CLOEXEC);
	}
	EQ(pass(v[0], p[1], 1), 1);
	close(p[1]);
	EQ(waitpid(child, &status, 0), child);
	EQ(status, 0);
	EQ(read(p[0], b, sizeof(b)), 6);
	EQ(read(p[0], b, sizeof(b)), 0);	/* nobody has its end any more */
	close(p[0]);
	FAILS(pass(v[0], v[1], 1), ETOOMANYREFS);
	FAILS(pass(v[0], 200, 1), EBADF);
	close(v[0]);
	close(v[1]);
}

TEST(what_was_sent_and_never_read_is_closed)
{
	int v[2], p[2];
	char b;

	EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, v), 0);
	EQ(pipe(p), 0);
	EQ(pass(v[0], p[1], 1), 1);
	close(p[1]);
	close(v[0]);
	close(v[1]);
	EQ(read(p[0], &b, 1), 0);
	close(p[0]);
}

TEST(the_other_end_is_killed)
{
	struct pollfd p;
	int v[2];
	pid_t child;
	char b;

	signal(SIGPIPE, SIG_IGN);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	child = fork();
	if (child == 0) {
		close(v[0]);
		pause();
	}
	close(v[1]);
	p = (struct pollfd){ v[0], POLLIN, 0 };
	EQ(poll(&p, 1, 0), 0);
	kill(child, SIGKILL);
	EQ(poll(&p, 1, 5000), 1);
	OK(p.revents & POLLHUP);
	EQ(read(v[0], &b, 1), 0);
	FAILS(write(v[0], "x", 1), EPIPE);
	EQ(waitpid(child, NULL, 0), child);
	close(v[0]);
	signal(SIGPIPE, SIG_DFL);
}

TEST(epoll_and_poll_see_them)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int v[2], e = epoll_create1(0);

	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, v), 0);
	EQ(epoll_ctl(e, EPOLL_CTL_ADD, v[0], &ev), 0);
	EQ(epoll_wait(e, &ev, 1, 0), 0);
	EQ(write(v[1], "a", 1), 1);
	EQ(epoll_wait(e, &ev, 1, 0), 1);
	EQ(epoll_wait(e, &ev, 1, 0), 0);
	EQ(write(v[1], "b", 1), 1);
	EQ(epoll_wait(e, &ev, 1, 0), 1);
	close(e);
	close(v[0]);
	close(v[1]);
}

TEST(options_and_others)
{
	int v[2], type = 0, s;
	socklen_t len = sizeof(type);
	struct ucred u;

	EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, v), 0);
	EQ(getsockopt(v[0], SOL_SOCKET, SO_TYPE, &type, &len), 0);
	EQ(type, SOCK_SEQPACKET);
	len = sizeof(u);
	EQ(getsockopt(v[0], SOL_SOCKET, SO_PEERCRED, &u, &len), 0);
	EQ(u.pid, getpid());
	EQ(u.uid, 0);
	type = 1;
	EQ(setsockopt(v[0], SOL_SOCKET, SO_REUSEADDR, &type, sizeof(type)), 0);
	close(v[0]);
	close(v[1]);
	FAILS(socket(AF_INET, SOCK_STREAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_INET6, SOCK_DGRAM, 0), EAFNOSUPPORT);
	FAILS(socket(AF_UNIX, SOCK_RAW, 0), ESOCKTNOSUPPORT);
	FAILS(getsockopt(0, SOL_SOCKET, SO_TYPE, &type, &len), ENOTSOCK);
	FAILS(getsockopt(99, SOL_SOCKET, SO_TYPE, &type, &len), EBADF);
	s = socket(AF_UNIX, SOCK_DGRAM, 0);
	FAILS(listen(s, 1), EOPNOTSUPP);
	FAILS(accept(s, NULL, NULL), EOPNOTSUPP);
	close(s);
	FAILS(syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 8), EFAULT);
}

TEST(a_listener_goes_and_who_waited_is_told)
{
	struct sockaddr_un a = { AF_UNIX, "\0going" };
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 6;
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	int c = socket(AF_UNIX, SOCK_STREAM, 0);
	char b;

	EQ(bind(s, (void *)&a, len), 0);
	EQ(listen(s, 3), 0);
	EQ(connect(c, (void *)&a, len), 0);
	EQ(write(c, "lost", 4), 4);
	close(s);
	FAILS(read(c, &b, 1), ECONNRESET);
	EQ(read(c, &b, 1), 0);
	close(c);
	for (int i = 0; i < 3000; i++) {	/* nothing is left of them */
		int v[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, v) != 0) {
			EQ(i, 3000);
			break;
		}
		(void)!write(v[0], "x", 1);
		close(v[0]);
		close(v[1]);
	}
}

TAP_MAIN
