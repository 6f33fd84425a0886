/*
 * linux.h - what of Linux's ABI for x86-64 the commons speaks: numbers and
 * structures, as its UAPI headers have them.  Names have a prefix L_ where a
 * host's own headers would get in the way.
 */
#ifndef COMMONS_LINUX_H
#define COMMONS_LINUX_H

#include <stdint.h>

enum linux_errno {
	L_EPERM = 1, L_ENOENT = 2, L_ESRCH = 3, L_EINTR = 4, L_EIO = 5,
	L_ENXIO = 6, L_E2BIG = 7, L_EBADF = 9, L_ECHILD = 10, L_EAGAIN = 11,
	L_ENOMEM = 12, L_EACCES = 13, L_EFAULT = 14, L_EBUSY = 16,
	L_EEXIST = 17, L_EXDEV = 18, L_ENODEV = 19, L_ENOTDIR = 20,
	L_EISDIR = 21, L_EINVAL = 22, L_ENFILE = 23, L_EMFILE = 24,
	L_ENOTTY = 25, L_ETXTBSY = 26, L_EFBIG = 27, L_ENOSPC = 28,
	L_ESPIPE = 29, L_EROFS = 30, L_EMLINK = 31, L_EPIPE = 32,
	L_EDEADLK = 35, L_ENAMETOOLONG = 36, L_ENOLCK = 37, L_ENOSYS = 38,
	L_ENOTEMPTY = 39, L_ELOOP = 40, L_EOVERFLOW = 75, L_ENOTSOCK = 88,
	L_EDESTADDRREQ = 89, L_EMSGSIZE = 90, L_EPROTOTYPE = 91,
	L_ENOPROTOOPT = 92, L_ESOCKTNOSUPPORT = 94, L_EOPNOTSUPP = 95,
	L_EADDRINUSE = 98, L_ECONNRESET = 104, L_EISCONN = 106,
	L_ENOTCONN = 107, L_ETOOMANYREFS = 109, L_ECONNREFUSED = 111
};

/* open(2) */
#define L_O_ACCMODE	03u
#define L_O_RDONLY	00u
#define L_O_WRONLY	01u
#define L_O_RDWR	02u
#define L_O_CREAT	0100u
#define L_O_EXCL	0200u
#define L_O_NOCTTY	0400u
#define L_O_TRUNC	01000u
#define L_O_APPEND	02000u
#define L_O_NONBLOCK	04000u
#define L_O_DIRECTORY	0200000u
#define L_O_NOFOLLOW	0400000u
#define L_O_CLOEXEC	02000000u
#define L_O_PATH	010000000u

#define L_AT_FDCWD		(-100)
#define L_AT_SYMLINK_NOFOLLOW	0x100u
#define L_AT_REMOVEDIR		0x200u
#define L_AT_SYMLINK_FOLLOW	0x400u
#define L_AT_EMPTY_PATH		0x1000u
#define L_AT_EACCESS		0x200u

#define L_RENAME_NOREPLACE	1u
#define L_RENAME_EXCHANGE	2u

#define L_UTIME_NOW		0x3fffffff
#define L_UTIME_OMIT		0x3ffffffe

enum { L_SEEK_SET, L_SEEK_CUR, L_SEEK_END, L_SEEK_DATA, L_SEEK_HOLE };

#define L_S_IFMT	0170000u
#define L_S_IFIFO	0010000u
#define L_S_IFCHR	0020000u
#define L_S_IFDIR	0040000u
#define L_S_IFREG	0100000u
#define L_S_IFLNK	0120000u
#define L_S_IFSOCK	0140000u
#define L_S_ISUID	04000u
#define L_S_ISGID	02000u
#define L_S_ISVTX	01000u

#define L_PROT_READ	1u
#define L_PROT_WRITE	2u
#define L_PROT_EXEC	4u

/* fcntl(2) */
enum {
	L_F_DUPFD = 0, L_F_GETFD = 1, L_F_SETFD = 2, L_F_GETFL = 3,
	L_F_SETFL = 4, L_F_GETLK = 5, L_F_SETLK = 6, L_F_SETLKW = 7,
	L_F_SETPIPE_SZ = 1031, L_F_GETPIPE_SZ = 1032
};
enum { L_F_RDLCK, L_F_WRLCK, L_F_UNLCK };
#define L_LOCK_SH	1u
#define L_LOCK_EX	2u
#define L_LOCK_NB	4u
#define L_LOCK_UN	8u

struct l_flock {
	int16_t type, whence;
	int32_t pad;
	int64_t start, len;
	int32_t pid, pad2;
};
_Static_assert(sizeof(struct l_flock) == 32, "Linux");

/* ioctl(2) */
#define L_TCGETS	0x5401u
#define L_TCSETS	0x5402u
#define L_TCSETSW	0x5403u
#define L_TCSETSF	0x5404u
#define L_TCSBRK	0x5409u
#define L_TCXONC	0x540au
#define L_TCFLSH	0x540bu
#define L_TIOCSCTTY	0x540eu
#define L_TIOCGPGRP	0x540fu
#define L_TIOCSPGRP	0x5410u
#define L_TIOCOUTQ	0x5411u
#define L_TIOCGWINSZ	0x5413u
#define L_TIOCSWINSZ	0x5414u
#define L_FIONREAD	0x541bu
#define L_FIONBIO	0x5421u
#define L_TIOCNOTTY	0x5422u
#define L_TIOCGSID	0x5429u
#define L_FIONCLEX	0x5450u
#define L_FIOCLEX	0x5451u

struct l_timespec {
	int64_t sec, nsec;
};

struct l_stat {
	uint64_t dev, ino, nlink;
	uint32_t mode, uid, gid, pad;
	uint64_t rdev;
	int64_t size, blksize, blocks;
	struct l_timespec atime, mtime, ctime;
	int64_t unused[3];
};
_Static_assert(sizeof(struct l_stat) == 144, "Linux");

struct l_statfs {
	int64_t type, bsize;
	uint64_t blocks, bfree, bavail, files, ffree, fsid;
	int64_t namelen, frsize, flags, spare[4];
};
_Static_assert(sizeof(struct l_statfs) == 120, "Linux");

/* One entry of getdents64: the name follows; reclen is a multiple of 8. */
struct l_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};
#define L_DIRENT_NAME	19u		/* where the name begins */
enum { L_DT_FIFO = 1, L_DT_CHR = 2, L_DT_DIR = 4, L_DT_REG = 8, L_DT_LNK = 10,
	L_DT_SOCK = 12 };

/* getrlimit(2) */
enum { L_RLIMIT_FSIZE = 1, L_RLIMIT_STACK = 3, L_RLIMIT_CORE = 4,
	L_RLIMIT_NPROC = 6, L_RLIMIT_NOFILE = 7, L_RLIMIT_SIGPENDING = 11,
	L_RLIMITS = 16 };
#define L_RLIM_INFINITY	(~0ull)

/* poll(2), epoll(7) */
#define L_POLLIN	0x0001u
#define L_POLLPRI	0x0002u
#define L_POLLOUT	0x0004u
#define L_POLLERR	0x0008u
#define L_POLLHUP	0x0010u
#define L_POLLNVAL	0x0020u
#define L_POLLRDHUP	0x2000u
#define L_POLLRDNORM	0x0040u
#define L_POLLWRNORM	0x0100u
#define L_EPOLLONESHOT	(1u << 30)
#define L_EPOLLET	(1u << 31)
enum { L_EPOLL_CTL_ADD = 1, L_EPOLL_CTL_DEL, L_EPOLL_CTL_MOD };

struct l_pollfd {
	int32_t fd;
	int16_t events, revents;
};

struct l_epoll_event {
	uint32_t events;
	uint64_t data;
} __attribute__((packed));
_Static_assert(sizeof(struct l_epoll_event) == 12, "Linux");

/* signal(7) */
enum {
	L_SIGHUP = 1, L_SIGINT = 2, L_SIGQUIT = 3, L_SIGKILL = 9,
	L_SIGSEGV = 11, L_SIGPIPE = 13, L_SIGALRM = 14, L_SIGTERM = 15,
	L_SIGCHLD = 17, L_SIGCONT = 18, L_SIGSTOP = 19, L_SIGTSTP = 20,
	L_SIGTTIN = 21, L_SIGTTOU = 22, L_SIGXFSZ = 25, L_SIGWINCH = 28,
	L_SIGRT = 32, L_NSIG = 64
};
#define L_SIGBIT(n)	(1ull << ((n) - 1))
enum { L_SI_USER = 0, L_SI_KERNEL = 0x80, L_SI_TKILL = -6, L_SI_TIMER = -2 };
enum { L_CLD_EXITED = 1, L_CLD_KILLED, L_CLD_DUMPED, L_CLD_TRAPPED,
	L_CLD_STOPPED, L_CLD_CONTINUED };

/* wait4(2) */
#define L_WNOHANG	1u
#define L_WUNTRACED	2u
#define L_WEXITED	4u
#define L_WCONTINUED	8u
#define L_WNOWAIT	0x01000000u

/* termios(3), the kernel's structure */
#define L_NCCS		19u
struct l_termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[L_NCCS];
};
_Static_assert(sizeof(struct l_termios) == 36, "Linux");
enum {
	L_VINTR, L_VQUIT, L_VERASE, L_VKILL, L_VEOF, L_VTIME, L_VMIN, L_VSWTC,
	L_VSTART, L_VSTOP, L_VSUSP, L_VEOL, L_VREPRINT, L_VDISCARD, L_VWERASE,
	L_VLNEXT, L_VEOL2
};
#define L_ISTRIP	0000040u
#define L_INLCR		0000100u
#define L_IGNCR		0000200u
#define L_ICRNL		0000400u
#define L_IXON		0002000u
#define L_OPOST		0000001u
#define L_ONLCR		0000004u
#define L_ISIG		0000001u
#define L_ICANON	0000002u
#define L_ECHO		0000010u
#define L_ECHOE		0000020u
#define L_ECHOK		0000040u
#define L_ECHONL	0000100u
#define L_NOFLSH	0000200u
#define L_TOSTOP	0000400u
#define L_ECHOCTL	0001000u
#define L_ECHOKE	0004000u
#define L_IEXTEN	0100000u
#define L_CS8_B38400	(0060u | 0017u | 0200u)	/* and CREAD */

struct l_winsize {
	uint16_t row, col, xpixel, ypixel;
};

#endif
