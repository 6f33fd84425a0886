/*
 * castor/commons.h - the protocol of the commons (docs/castor.md).
 *
 * A client is a process: an account, a domain, envs.  Each of its envs has a
 * *seat* in the commons, a handle to it, and a *window*: one live frame mapped
 * in both.  A request is
 *
 *	exo_call(handle, CM_NAME, a, b, c, d, &result)
 *
 * with exo_call's own result EXO_K_REPLY, or an error of the kernel (GONE,
 * STALE: the commons is dead).  `result` is >= 0, or
 *	-errno		Linux's number
 *	-CM_WAIT	not now.  The caller has been put on the list of those
 *			who wait for that object: it sleeps until its bell is
 *			not what it was before the request, looks at its signals,
 *			and asks again.  A deadline is the client's own affair.
 *			The next request of the same seat, whatever it is, takes
 *			it off the list.
 *	-CM_RESTART	begin again (CM_WRITE in parts: see there).
 * Any request may say -EINVAL for nonsense in a word, -EFAULT for a length that
 * leaves the window, -ENOSYS for an op that is not there.
 *
 * Paths lie in the window at data[0], without a NUL, their length in a word
 * (CM_PATH_MAX at most: ENAMETOOLONG).  A second path begins at
 * data[CM_SECOND].  What else goes in or comes out begins at data[0], unless
 * said.  Structures are Linux's for x86-64.  A `dirfd` is a descriptor or
 * CM_AT_CWD.  The window is read once and may change meanwhile: what it does
 * then is the client's problem.
 *
 * Path errors, not repeated below: ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG, EBADF
 * (dirfd).  Memory errors: ENOSPC (files), ENFILE, EMFILE, ENOMEM, EAGAIN.
 */
#ifndef CASTOR_COMMONS_H
#define CASTOR_COMMONS_H

#include <stdbool.h>
#include <stdint.h>

#define CM_VERSION	1u

#define CM_WAIT		512
#define CM_RESTART	513

#define CM_HEAD		512u
#define CM_DATA		3584u		/* bytes of a window's data */
#define CM_SECOND	1792u		/* where a second path begins */
#define CM_PATH_MAX	1791u
#define CM_AT_CWD	(-100)
#define CM_POS		(-1)		/* at the descriptor's own offset */

#define CM_FDS		256u		/* RLIMIT_NOFILE: the program's */
#define CM_FDS_ALL	384u		/* those above are the image's own, for
					 * what it maps (CM_DUP with a minimum) */
#define CM_PIPE_BUF	4096u
#define CM_NAME_MAX	255u
#define CM_ARGS_MAX	512u		/* of a command line that are kept */

/*
 * A window.  The first part is written by the commons; a client that writes
 * there confuses itself.  `pending` is written by both, atomically: the client
 * takes a signal by clearing its bit.
 */
struct cm_window {
	volatile uint64_t bell;		/* +1: something happened that this env
					 * waits for, or a signal came */
	volatile uint64_t pending;	/* signal n is bit n - 1 */
	volatile uint64_t hint;		/* id of an env that a request of mine
					 * woke: yield to it when you sleep; the
					 * client zeroes it */
	uint32_t version;		/* CM_VERSION */
	uint32_t pid, tid;		/* never change */
	volatile uint32_t ppid, pgid, sid;
	uint64_t commons;		/* id of its domain */
	volatile uint64_t answer;	/* see CM_READ; the client zeroes it */
	volatile uint64_t directed;	/* of `pending': sent to this env, not to
					 * the process; others leave them */
	volatile uint64_t reading;	/* see CM_READ; both write it, atomically */
	uint64_t pad[5];
	/* Written by the client: hints, believed as far as they concern it. */
	volatile uint64_t sig_ignored;	/* disposition SIG_IGN */
	volatile uint64_t sig_caught;	/* a handler is set */
	volatile uint64_t sig_blocked;	/* now, of this env */
	volatile uint64_t sig_waited;	/* it waits for these (sigtimedwait) */
	volatile uint64_t sig_child;	/* CM_CHILD_* */
	uint64_t pad2[64 - 20];
	uint8_t data[CM_DATA];
};
_Static_assert(sizeof(struct cm_window) == 4096, "a frame");

/* In `reading': a pipe is tapped by this descriptor, and so many bytes of it are
 * wanted; CM_READING(fd, 0): nobody waits. */
#define CM_TAPPED	(1u << 31)
#define CM_READING(fd, n)	((uint64_t)(fd) << 32 | CM_TAPPED | (uint32_t)(n))
#define CM_WANTS(reading)	((uint32_t)(reading) & 0xffff)

#define CM_CHILD_NOSTOP	1u		/* SA_NOCLDSTOP: no word of stops */
#define CM_CHILD_NOWAIT	2u		/* SA_NOCLDWAIT: no zombies */

/*
 * X(number, name) - each with its arguments a, b, c, d and what it does.
 *
 * ---- descriptors
 *
 * NOP() - 0.  (The cost of asking.)
 *
 * WINDOW() - the frame of the caller's window.
 *
 * OPEN(dirfd, len, flags, mode) - a descriptor.  All of O_RDONLY, O_WRONLY,
 * O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NONBLOCK, O_DIRECTORY,
 * O_NOFOLLOW, O_CLOEXEC, O_PATH, O_NOCTTY mean what Linux says; others are
 * ignored.  The caller's umask applies.  Opening a FIFO may WAIT.
 *	EEXIST EISDIR EACCES ETXTBSY EMFILE ENFILE ENOSPC ENXIO
 *
 * CLOSE(fd) - EBADF.
 *
 * CLOSE_RANGE(first, last, cloexec) - 0.  cloexec 1: only mark them.
 *
 * READ(fd, n, pos, deliver) - up to n bytes into data; how many, 0 at the end.
 * pos: CM_POS, or an offset (pread).  Blocking: -CM_WAIT; O_NONBLOCK: EAGAIN.
 * With deliver = 1, after -CM_WAIT a pipe may be *tapped*: `reading'
 * is CM_READING(fd, n).  It is empty then, and the next n bytes at most that
 * somebody writes go to data: the n in `reading' becomes 0, `answer' (which the
 * client zeroes) how many came, and the bell rings.  To read once more the client
 * need not ask: by compare and exchange it puts an n there again.  So it takes
 * it back if it does not want to wait any more (a signal came), and in any case
 * before it asks for anything, which may use data.  If that fails and there is
 * no answer, who writes is on the way: one request later there is.  When the
 * pipe is not tapped any more, `reading' is 0, and who waits does so as after any
 * -CM_WAIT: its bell, and ask.
 *	EBADF EISDIR ESPIPE EIO EAGAIN
 *
 * WRITE(fd, n, pos, parts) - n bytes of data; how many were taken.  pos as in
 * READ.  parts: 0.  To write more than CM_DATA and at most CM_PIPE_BUF bytes
 * into a pipe unsplit, ask twice: first with parts = total << 32 (room for all
 * of it is there, or WAIT; nothing is visible yet), then the rest with
 * parts = total << 32 | how many went before.  Then all becomes visible, unless
 * another wrote meanwhile: -CM_RESTART, from the first part on.  Not a pipe:
 * parts is ignored.
 *	EBADF ESPIPE EPIPE (and SIGPIPE) EAGAIN ENOSPC EFBIG ETXTBSY EIO
 *
 * SEEK(fd, offset, whence) - the new offset; SEEK_DATA and SEEK_HOLE too.
 *	EBADF ESPIPE EINVAL ENXIO
 *
 * DUP(fd, min, flags) - the lowest free descriptor from min on.  flags:
 * O_CLOEXEC, CM_DUP_TO: exactly min, closing what is there (dup2, dup3; the
 * same descriptor: itself).  min >= CM_FDS: one of the image's own.
 *	EBADF EMFILE EINVAL
 *
 * FCNTL(fd, cmd, arg) - F_GETFD, F_SETFD, F_GETFL, F_SETFL (O_APPEND,
 * O_NONBLOCK), F_GETPIPE_SZ, F_SETPIPE_SZ; F_GETLK, F_SETLK, F_SETLKW with
 * struct flock in data (GETLK: out too).
 *	EBADF EINVAL EAGAIN EDEADLK ENOLCK
 *
 * FLOCK(fd, op) - LOCK_SH, LOCK_EX, LOCK_UN, | LOCK_NB.
 *
 * IOCTL(fd, cmd, arg) - in and out in data, the structure at its start: TCGETS,
 * TCSETS, TCSETSW, TCSETSF (36 bytes), TIOCGWINSZ, TIOCSWINSZ (8), TIOCGPGRP,
 * TIOCSPGRP, TIOCGSID, FIONREAD, TIOCOUTQ, FIONBIO (4); TIOCSCTTY, TIOCNOTTY,
 * TCSBRK, TCXONC, TCFLSH, FIOCLEX, FIONCLEX take arg only.
 *	EBADF ENOTTY EINVAL EPERM EIO
 *
 * PIPE(flags) - read end | write end << 32.  O_CLOEXEC, O_NONBLOCK.
 *
 * EVENTFD(initial, flags) - a descriptor; EFD_SEMAPHORE 1.
 *
 * MEMFD(flags) - a new file without a name, open for both.  For shared
 * anonymous memory too.  O_CLOEXEC.
 *
 * POLL(n, wait) - struct pollfd[n] in data (448 at most), revents filled in;
 * how many are not 0.  None and wait != 0: -CM_WAIT, waiting for all of them.
 *
 * EPOLL_CREATE(flags); EPOLL_CTL(epfd, op, fd), struct epoll_event (12 bytes)
 * in data; EPOLL_WAIT(epfd, max, wait) - events into data.
 *	EBADF EINVAL EEXIST ENOENT EPERM ELOOP ENOSPC
 *
 * ---- files
 *
 * STAT(dirfd, len, flags) - struct stat (144 bytes) into data.  flags:
 * AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH (len 0: of dirfd itself: fstat).
 *
 * STATFS(dirfd, len) - struct statfs (120 bytes).  len 0: of dirfd.
 *
 * GETDENTS(fd, n) - struct linux_dirent64s, up to n bytes; how many.
 *	EBADF ENOTDIR EINVAL n is too small for the next one
 *
 * ACCESS(dirfd, len, mode, flags) - as faccessat2.	EACCES
 *
 * MKNOD(dirfd, len, mode) - S_IFREG, S_IFIFO or S_IFDIR | permissions (mkdir).
 *	EEXIST EPERM ENOSPC
 *
 * UNLINK(dirfd, len, flags) - AT_REMOVEDIR: a directory.
 *	EISDIR ENOTEMPTY EBUSY EPERM
 *
 * LINK(dirfd, len | len2 << 32, dirfd2, flags) - the second path is the new
 * one.  AT_SYMLINK_FOLLOW, AT_EMPTY_PATH.	EEXIST EPERM ENOSPC EMLINK
 *
 * RENAME(dirfd, len | len2 << 32, dirfd2, flags) - RENAME_NOREPLACE,
 * RENAME_EXCHANGE.	EEXIST EINVAL EISDIR ENOTEMPTY EBUSY
 *
 * SYMLINK(dirfd, len | len2 << 32) - first what it says, second its name (at
 * dirfd).	EEXIST ENOSPC
 *
 * READLINK(dirfd, len) - into data; its length.  len 0: of dirfd.  EINVAL
 *
 * TRUNCATE(dirfd, len, size) - len 0: dirfd is the file (ftruncate).
 *	EINVAL EISDIR EBADF EFBIG ETXTBSY
 *
 * CHMOD(dirfd, len, mode, flags), CHOWN(dirfd, len, uid | gid << 32, flags)
 * (~0u: leave) - len 0 with AT_EMPTY_PATH: dirfd itself.
 *
 * UTIMENS(dirfd, len, flags) - struct timespec[2] at data[CM_SECOND]; UTIME_NOW
 * and UTIME_OMIT.
 *
 * CHDIR(dirfd, len) - len 0: fchdir.  GETCWD() - into data with a NUL; length
 * with it.  UMASK(mask) - the old one.  SYNC(fd) - EBADF, or 0.
 *
 * ---- mapping files
 *
 * FILE_CAP(fd, slot, prot) - give the caller a capability for the frames of
 * this file, in a slot that it opened for the commons (cap_open): READ; with
 * PROT_WRITE in prot WRITE, with PROT_EXEC EXEC (not both, ever).  It fits as
 * long as the file is not cut; keep a descriptor of it (CM_DUP from CM_FDS on)
 * as long as it is mapped.
 *	EBADF EACCES ENODEV no regular file; ETXTBSY; EINVAL nothing opened
 *
 * FILE_PAGES(fd, page, n) - the frames of its pages page .. page + n - 1, made
 * if need be, as uint32_t[] in data; how many: 32 at most at once, up to its
 * end, 0 beyond.  After
 * a truncation mappings are taken: touching them is a fault (SIGBUS).
 *	EBADF ENODEV ENOSPC
 *
 * ---- processes
 *
 * FORK_BEGIN(frames, slot, wslot, exit_signal) - a new process in the making:
 * an account with that limit of frames, one domain, one env, one slice, one
 * PCID; the capability for its fresh name (all rights) is put in
 * `slot`, one for its window's frame (READ, WRITE) in `wslot`, both opened for
 * the commons.  It inherits a copy of the descriptors, cwd, umask, group,
 * session.  Out: struct cm_fork.  Result: its pid.  One at a time per caller's
 * seat: a new one aborts the old one.
 *	EAGAIN too many, no slice free; ENOMEM the session has no such frames;
 *	ENFILE; EINVAL slots
 *
 * FORK_END(pid, domain, env, place) - it is built: its domain and embryo env,
 * both of its account, its handle's place opened for the commons.  The
 * commons reserves a seat, mints the handle (badge: its own).  The caller then
 * starts the env (and had better drop both capabilities).
 *	ESRCH not in the making by this seat; EINVAL ids; EAGAIN no seat
 *
 * FORK_ABORT(pid) - everything back.	ESRCH
 *
 * THREAD(env, place, wslot) - a seat and window for another env (an embryo) of
 * the caller's own account.  Out: struct cm_fork.  Result: its tid.  When
 * such an env ends, seat and window go; when the domain ends, or the last
 * env, the process does.
 *	EAGAIN EINVAL
 *
 * RAISE(res, n) - n more (or, negative, less) of enum exo_res for the caller's
 * account.  Result: the limit now.	ENOMEM EINVAL
 *
 * EXEC(len, alen, fd, domain) - the program changes: path in data, arguments
 * (NULs between) at data[CM_SECOND], for /proc.  Descriptors marked close-on-exec
 * are closed.  fd: CM_AT_CWD, or the open program.  domain: the caller's; if that
 * is a context, it is the process's first from now on, and that one ends.
 *
 * SETNAME(len) - its short name (prctl), 15 bytes.
 *
 * EXIT(status) - does not return: status as wait4 reports it.  (A process may
 * as well end its own domain with that as the exit word.)
 *
 * WAIT4(pid, options) - as wait4 and waitid: pid > 0, -1, 0, < -1;
 * WNOHANG 1, WUNTRACED 2, WEXITED 4 (implied if neither it nor WNOWAIT is
 * given), WCONTINUED 8, WNOWAIT 0x01000000.  Out: struct cm_wait.  Result: pid,
 * or 0.	ECHILD
 *
 * KILL(pid, sig) - as kill(2): 0 asks only.	ESRCH EINVAL EPERM
 * TKILL(tgid, tid, sig) - to one env; tgid 0: of whoever.
 * SIGINFO(sig) - the caller takes this signal: why it was sent: si_code & 0xff |
 * pid << 8 | status << 32; struct cm_siginfo in data.  If another one like it is
 * queued, it is marked again.  (For a timer: its number, its overruns.)
 * SIGQUEUE(pid, tid, sig) - a signal with a value: struct cm_siginfo in data (code
 * and value count); tid 0: to the process.	ESRCH EINVAL EPERM EAGAIN full
 * STOP(sig) - the caller takes sig and stops (SIGTSTP's default), if it is
 *	marked still: SIGCONT may have come.  0, when continued.
 *
 * SETPGID(pid, pgid), GETPGID(pid), SETSID(), GETSID(pid) - ESRCH EPERM EACCES
 *
 * ITIMER(value, interval) - ITIMER_REAL in nanoseconds; SIGALRM.  value 0:
 * none; ~0: only ask.  Result: what was left; the old interval as uint64_t in
 * data.
 *
 * TIMER_NEW(sig, tid, clock) - a timer's number: when it runs out, that signal comes
 * with a value (uint64_t in data; ~0: its number), to a thread or (0) the process;
 * sig 0: none does.  It goes at an exec.	EAGAIN EINVAL
 * TIMER_SET(id, when, interval) - nanoseconds of the TSC since it was 0; when 0:
 * not at all; ~0: as it is.  Out: struct cm_timer.  TIMER_END(id).	EINVAL
 *
 * TIMERFD(flags, clock) - a descriptor with a timer; TIMERFD_SET(fd, when, interval) as
 * TIMER_SET.	EINVAL EBADF
 * SIGNALFD(fd, flags) - a descriptor, or (fd not -1) that one with another mask:
 * uint64_t in data.	EINVAL EBADF
 *
 * CREDS(set) - who the caller is: struct cm_cred into data.  set = 1: before that,
 * from data, as far as it may: ids that are ~0 stay, ngroups ~0: its groups.  Who
 * is not root (euid 0) may only be any of the three that he is.	EPERM EINVAL
 * RLIMIT(pid, which, set) - uint64_t[2] out, and before (set 1) in, of data; pid
 * 0: of the caller.	EINVAL EPERM ESRCH
 * USAGE() - struct cm_usage into data.
 *
 * FUTEX_WAIT(fd, offset, bits) - wait for a word of a file that is mapped: 0 woken,
 * or WAIT.  Asking again goes on waiting; another request ends it.
 * FUTEX_WAKE(fd, offset, n, bits) - how many were woken.
 * EXECED(pid) - 0 if that child has run another program, or ended; else WAIT.
 * ECHILD
 *
 * ---- sockets: AF_UNIX
 *
 * SOCKET(type, flags) - SOCK_STREAM, _DGRAM, _SEQPACKET; SOCK_NONBLOCK, _CLOEXEC.
 * SOCKETPAIR(type, flags) - two: one | other << 32.
 * BIND(fd, len), CONNECT(fd, len) - the path of sockaddr_un, len bytes of data[0];
 * len 0: a name of its own (BIND), none any more (CONNECT).  First byte NUL: a
 * name that is no file.	EADDRINUSE ECONNREFUSED EISCONN EPROTOTYPE EAGAIN
 * LISTEN(fd, backlog), ACCEPT(fd, flags), SHUTDOWN(fd, how)
 * SEND(fd, n, flags) - struct cm_msg in data, n bytes at data[CM_MSG]; name: to
 * whom.  RECV(fd, n, flags) - the same comes out.  MSG_PEEK, MSG_DONTWAIT,
 * MSG_TRUNC, MSG_NOSIGNAL, MSG_CMSG_CLOEXEC.	EMSGSIZE ENOTCONN
 * EPIPE ECONNRESET ETOOMANYREFS a descriptor that may not be sent: a socket
 * SOCKNAME(fd, peer) - its name, or the other's; its length.	ENOTCONN
 * SOCKINFO(fd) - struct cm_sock into data.
 *
 * ---- contexts (docs/lwc.md): domains of one process
 *
 * CONTEXT(kind, slot, wslot, domain) - a context in the making.  A fresh name
 * (all rights) is put in `slot' of the caller's domain, opened for the commons.
 * kind CM_COPY: a client of its own for the caller's env, with copies of the
 * descriptors; CM_NONE: with the image's own only; for both the capability of
 * its window is put in wslot, and | how << 8 says what its credentials are: a
 * copy, the process's own, nobody's.  CM_SHARE: no client.  | CM_SIGNALS: what
 * is sent to the process is marked there, too; with CM_SHARE the same client has
 * another window for that.  Out: struct cm_fork.
 * Result: the client's number; CM_SHARE: the caller's.
 *	EINVAL kind, slots, or a domain of another account; EAGAIN ENFILE
 *
 * CONTEXT_END(client, domain, place) - its domain is there, and its place
 * opened for the commons: it gets the handle.  domain 0: it will never be.
 *	ESRCH no client of this process in the making; EINVAL
 *
 * CONTEXT_CLOSE(client, first, last) - it has not these descriptors.
 *	ESRCH as CONTEXT_END
 *
 * CONTEXT_AT(domain, from) - the caller is in this domain: what it is given from
 * now on is for that (several contexts may share a seat).  from: a domain whose
 * client may give it something, once; 0: none.  Result: its client's number.
 *	EINVAL not of this account, or another client's
 *
 * CONTEXT_GIVE(client, first, last) - the caller's descriptors in that range are
 * another client's of this process, too, who said that it may.  first ~0: its
 * credentials are.	EACCES it did not; EMFILE ENFILE
 *
 * CONTEXT_LEND(client, what) - another client of this process, who said that it
 * may, answers requests | CM_LENT with the caller's descriptors and directory
 * (what 1), its credentials (2), or both (3) in the place of its own.  client
 * ~0: the caller lets go of what it was lent.	EACCES it did not; EINVAL what
 *
 * CONTEXT_DROP(domain, mine) - end a context of this process that nobody has a
 * handle to and no env is at home in.  If it was the process's first, `mine',
 * the caller's, takes its place.	EINVAL; EBUSY
 *
 * CONTEXT_FREE(n) - of the frames in data, uint32_t[n], give back those of this
 * account that a domain had taken which has ended, and nobody has.  How many.
 *	EFAULT
 *
 * NOSYS(nr) - a foreign call that this client does not know: counted.
 */
#define CM_OPS(X)							      \
	X(0, NOP)							      \
	X(1, READ)							      \
	X(2, WRITE)							      \
	X(3, POLL)							      \
	X(4, OPEN)							      \
	X(5, CLOSE)							      \
	X(6, CLOSE_RANGE)						      \
	X(7, SEEK)							      \
	X(8, DUP)							      \
	X(9, FCNTL)							      \
	X(10, FLOCK)							      \
	X(11, IOCTL)							      \
	X(12, PIPE)							      \
	X(13, EVENTFD)							      \
	X(14, MEMFD)							      \
	X(15, EPOLL_CREATE)						      \
	X(16, EPOLL_CTL)						      \
	X(17, EPOLL_WAIT)						      \
	X(20, STAT)							      \
	X(21, STATFS)							      \
	X(22, GETDENTS)							      \
	X(23, ACCESS)							      \
	X(24, MKNOD)							      \
	X(25, UNLINK)							      \
	X(26, LINK)							      \
	X(27, RENAME)							      \
	X(28, SYMLINK)							      \
	X(29, READLINK)							      \
	X(30, TRUNCATE)							      \
	X(31, CHMOD)							      \
	X(32, CHOWN)							      \
	X(33, UTIMENS)							      \
	X(34, CHDIR)							      \
	X(35, GETCWD)							      \
	X(36, UMASK)							      \
	X(37, SYNC)							      \
	X(40, FILE_CAP)							      \
	X(41, FILE_PAGES)						      \
	X(42, CONTEXT)							      \
	X(43, CONTEXT_END)						      \
	X(44, CONTEXT_AT)						      \
	X(45, CONTEXT_DROP)						      \
	X(46, CONTEXT_FREE)						      \
	X(47, CONTEXT_CLOSE)						      \
	X(48, FORK_BEGIN)						      \
	X(49, FORK_END)							      \
	X(50, FORK_ABORT)						      \
	X(51, THREAD)							      \
	X(52, RAISE)							      \
	X(53, EXEC)							      \
	X(54, SETNAME)							      \
	X(55, EXIT)							      \
	X(56, WAIT4)							      \
	X(57, KILL)							      \
	X(58, TKILL)							      \
	X(59, SIGINFO)							      \
	X(60, STOP)							      \
	X(61, SETPGID)							      \
	X(62, GETPGID)							      \
	X(63, SETSID)							      \
	X(64, GETSID)							      \
	X(65, ITIMER)							      \
	X(66, NOSYS)							      \
	X(67, WINDOW)							      \
	X(68, SIGQUEUE)							      \
	X(69, TIMER_NEW)						      \
	X(70, TIMER_SET)						      \
	X(71, TIMER_END)						      \
	X(72, TIMERFD)							      \
	X(73, TIMERFD_SET)						      \
	X(74, SIGNALFD)							      \
	X(75, CREDS)							      \
	X(76, RLIMIT)							      \
	X(77, USAGE)							      \
	X(78, FUTEX_WAIT)						      \
	X(79, FUTEX_WAKE)						      \
	X(80, EXECED)							      \
	X(81, SOCKET)							      \
	X(82, SOCKETPAIR)						      \
	X(83, BIND)							      \
	X(84, CONNECT)							      \
	X(85, LISTEN)							      \
	X(86, ACCEPT)							      \
	X(87, SHUTDOWN)							      \
	X(88, SEND)							      \
	X(89, RECV)							      \
	X(90, SOCKNAME)							      \
	X(91, SOCKINFO)							      \
	X(92, CONTEXT_GIVE)						      \
	X(93, CONTEXT_LEND)

enum cm_op {
#define CM_OP_ENUM(nr, name)	CM_##name = nr,
	CM_OPS(CM_OP_ENUM)
#undef CM_OP_ENUM
	CM_OP_MAX = 96
};

/*
 * With what another context has lent (CONTEXT_LEND): requests about descriptors,
 * files and credentials.	EINVAL nothing is lent, or another request
 */
#define CM_LENT		0x100u
enum cm_lend { CM_LEND_FILES = 1, CM_LEND_CREDS = 2 };

static inline bool
cm_lends(uint64_t op)
{
	return op <= CM_EPOLL_WAIT || (op >= CM_STAT && op <= CM_SYNC) ||
	    (op >= CM_TIMERFD && op <= CM_CREDS) ||
	    (op >= CM_SOCKET && op <= CM_SOCKINFO);
}

#define CM_DUP_TO	1u

enum cm_context { CM_SHARE, CM_COPY, CM_NONE };	/* CONTEXT: descriptors */
/* | how << 8: its credentials. */
enum cm_cred_how { CM_CREDS_COPY, CM_CREDS_SHARE, CM_CREDS_NONE };
#define CM_SIGNALS	0x10000u

/* FORK_BEGIN, THREAD. */
struct cm_fork {
	uint64_t acct;			/* exo_id of its account */
	uint64_t commons;		/* exo_id of the commons' domain */
	uint32_t pid;
	uint32_t window;		/* frame, to be mapped with W and NX */
};

/* WAIT4. */
struct cm_wait {
	uint32_t pid;
	uint32_t status;		/* as wait4's */
	uint64_t ticks;			/* CPU time: its own, and of those that
					 * it waited for */
};

/* SIGINFO, SIGQUEUE. */
struct cm_siginfo {
	int32_t code;
	uint32_t pid, uid, status;
	uint64_t value;
};

/* TIMER_SET, TIMERFD_SET: as it was. */
struct cm_timer {
	uint64_t left, interval;	/* left 0: it does not run */
	uint64_t overrun;		/* of the last signal that was taken */
	uint64_t clock;			/* as TIMER_NEW, TIMERFD were told */
};

#define CM_GROUPS	32u
struct cm_cred {
	uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
	uint32_t ngroups, groups[CM_GROUPS];
};

/* USAGE: ticks of CPU time; pages. */
struct cm_usage {
	uint64_t self, children;
	uint64_t pages, children_pages;	/* most that were held at once */
	uint64_t procs;			/* that there are in the session */
};

/* SEND, RECV: what comes before the bytes. */
#define CM_MSG		256u
#define CM_MSG_FDS	16u
#define CM_SUN_PATH	108u
struct cm_msg {
	uint32_t namelen, nfds, flags;
	uint32_t pid, uid, gid;		/* RECV: who sent it */
	int32_t fds[CM_MSG_FDS];
	uint8_t name[CM_SUN_PATH];
};
_Static_assert(sizeof(struct cm_msg) <= CM_MSG, "before the bytes");

/* SOCKINFO */
struct cm_sock {
	uint32_t type, listens;
	uint32_t pid, uid, gid;		/* of the other end; pid 0: none */
};

/*
 * How it begins.  bin/commons is made as any program (proc_make), by whoever
 * is to be its first client, process 1: the one who gets the children of those
 * that die.  Its maker tells it in self->user[]:
 */
enum cm_boot {
	CM_BOOT_DOMAIN,			/* the first client's domain */
	CM_BOOT_ENV,			/* and env */
	CM_BOOT_PLACE,			/* its place, opened for the commons */
	CM_BOOT_SLOT,			/* its slot, opened for the commons: gets
					 * READ and WRITE on its window */
	CM_BOOT_SESSION			/* a slot of the first client's, opened:
					 * gets RUN and VIEW on the session's
					 * name, for it and its children */
};

#endif
