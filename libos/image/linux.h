/*
 * linux.h - numbers and structs of the Linux ABI for x86-64, as the C library
 * of a program expects them.  Only the personality knows them.
 */
#ifndef IMAGE_LINUX_H
#define IMAGE_LINUX_H

#include <stdint.h>

/* ---- errors */
enum {
	EPERM = 1, ENOENT = 2, ESRCH = 3, EINTR = 4, EIO = 5, ENXIO = 6,
	E2BIG = 7, ENOEXEC = 8, EBADF = 9, ECHILD = 10, EAGAIN = 11,
	ENOMEM = 12, EACCES = 13, EFAULT = 14, EBUSY = 16, EEXIST = 17,
	ENODEV = 19, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENFILE = 23,
	EMFILE = 24, ENOTTY = 25, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28,
	ESPIPE = 29, EROFS = 30, EPIPE = 32, ERANGE = 34, EDEADLK = 35,
	ENAMETOOLONG = 36, ENOSYS = 38, ELOOP = 40, EOVERFLOW = 75,
	EOPNOTSUPP = 95, ETIMEDOUT = 110
};

/* ---- memory */
enum {
	PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4,
	MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_SHARED_VALIDATE = 3,
	MAP_TYPE = 15, MAP_FIXED = 0x10, MAP_ANONYMOUS = 0x20,
	MAP_GROWSDOWN = 0x100, MAP_POPULATE = 0x8000, MAP_STACK = 0x20000,
	MAP_FIXED_NOREPLACE = 0x100000,
	MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4,
	MADV_DONTNEED = 4, MADV_FREE = 8
};

/* ---- the auxiliary vector */
enum {
	AT_NULL = 0, AT_PHDR = 3, AT_PHENT = 4, AT_PHNUM = 5, AT_PAGESZ = 6,
	AT_BASE = 7, AT_FLAGS = 8, AT_ENTRY = 9, AT_UID = 11, AT_EUID = 12,
	AT_GID = 13, AT_EGID = 14, AT_PLATFORM = 15, AT_HWCAP = 16,
	AT_CLKTCK = 17, AT_SECURE = 23, AT_RANDOM = 25, AT_EXECFN = 31
};

/* ---- signals */
enum {
	SIGHUP = 1, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
	SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM,
	SIGSTKFLT, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU,
	SIGURG, SIGXCPU, SIGXFSZ, SIGVTALRM, SIGPROF, SIGWINCH, SIGIO, SIGPWR,
	SIGSYS, SIGNALS = 64
};
#define SIGBIT(n)	(1ul << ((n) - 1))

enum {
	SIG_DFL = 0, SIG_IGN = 1,
	SIG_BLOCK = 0, SIG_UNBLOCK = 1, SIG_SETMASK = 2,
	SA_NOCLDSTOP = 1, SA_NOCLDWAIT = 2, SA_SIGINFO = 4,
	SA_RESTORER = 0x04000000, SA_ONSTACK = 0x08000000,
	SA_RESTART = 0x10000000, SA_NODEFER = 0x40000000,
	SS_ONSTACK = 1, SS_DISABLE = 2,
	SI_USER = 0, SI_KERNEL = 0x80, SI_QUEUE = -1, SI_TKILL = -6,
	SEGV_MAPERR = 1, SEGV_ACCERR = 2, BUS_ADRALN = 1, BUS_ADRERR = 2,
	FPE_INTDIV = 1, FPE_INTOVF = 2, FPE_FLTDIV = 3, FPE_FLTOVF = 4,
	FPE_FLTUND = 5, FPE_FLTRES = 6, FPE_FLTINV = 7,
	ILL_ILLOPN = 2, TRAP_BRKPT = 1, TRAP_TRACE = 2,
	MINSIGSTKSZ = 2048
};
#define SA_RESETHAND	0x80000000ul

struct sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct sigaltstack {
	uint64_t base;
	int32_t flags, pad;
	uint64_t size;
};

struct siginfo {
	int32_t signo, error, code, pad;
	union {
		struct {
			uint32_t pid, uid;
			union {
				int32_t status;
				uint64_t value;
			};
		};
		uint64_t addr;
		uint8_t room[112];
	};
};
_Static_assert(sizeof(struct siginfo) == 128, "ABI");

struct sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx,
	    rax, rcx, rsp, rip, rflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "ABI");

struct ucontext {
	uint64_t flags, link;
	struct sigaltstack stack;
	struct sigcontext mc;
	uint64_t mask;
};
#define UC_FP_XSTATE	1ul
#define UC_SS		6ul		/* ss is saved, and strictly */

struct sigframe {			/* what a handler finds at its rsp */
	uint64_t restorer;
	struct ucontext uc;
	struct siginfo info;
};

/* In the legacy part of FP state, for who reads it: how much there is. */
#define FP_SW		464u
struct fp_sw {
	uint32_t magic, extended_size;
	uint64_t features;
	uint32_t size, pad[7];
};
#define FP_MAGIC1	0x46505853u
#define FP_MAGIC2	0x46505845u

/* ---- time */
struct timespec {
	int64_t sec, nsec;
};
struct timeval {
	int64_t sec, usec;
};

/* ---- arch_prctl */
enum {
	ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS
};

struct utsname {
	char sysname[65], nodename[65], release[65], version[65], machine[65],
	    domainname[65];
};

struct rlimit {
	uint64_t cur, max;
};
#define RLIM_INFINITY	(~0ul)

struct iovec {
	uint64_t base, len;
};

struct statx_time {
	int64_t sec;
	uint32_t nsec, pad;
};
struct statx {
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, pad;
	uint64_t ino, size, blocks, attributes_mask;
	struct statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t more[14];
};
_Static_assert(sizeof(struct statx) == 256, "ABI");

#endif
