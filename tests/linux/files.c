/*
 * files.c - files, descriptors, pipes, waiting for several, mapped files.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define FAILS(expr, error)						      \
	do {								      \
		errno = 0;						      \
		EQ((expr), -1);						      \
		EQ(errno, error);					      \
	} while (0)

TEST(a_file_is_written_and_read)
{
	static char big[100000], again[sizeof(big)];
	int fd = open("/tmp/a", O_RDWR | O_CREAT | O_EXCL, 0644);
	struct stat st;

	OK(fd >= 3);
	for (size_t i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	EQ(write(fd, big, sizeof(big)), sizeof(big));
	EQ(lseek(fd, 0, SEEK_CUR), sizeof(big));
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(read(fd, again, sizeof(again)), sizeof(again));
	EQ(memcmp(big, again, sizeof(big)), 0);
	EQ(read(fd, again, 1), 0);
	EQ(pread(fd, again, 10, 5000), 10);
	EQ(memcmp(big + 5000, again, 10), 0);
	EQ(pwrite(fd, "xyz", 3, 5000), 3);
	EQ(pread(fd, again, 3, 5000), 3);
	EQ(memcmp(again, "xyz", 3), 0);
	EQ(fstat(fd, &st), 0);
	EQ(st.st_size, sizeof(big));
	EQ(st.st_mode, S_IFREG | 0644);
	EQ(ftruncate(fd, 10), 0);
	EQ(stat("/tmp/a", &st), 0);
	EQ(st.st_size, 10);
	EQ(close(fd), 0);
	FAILS(close(fd), EBADF);
	FAILS(open("/tmp/a", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
	FAILS(open("/tmp/none", O_RDONLY), ENOENT);
	FAILS(open("", O_RDONLY), ENOENT);
	FAILS(syscall(SYS_open, 1, O_RDONLY), EFAULT);
	EQ(unlink("/tmp/a"), 0);
	FAILS(access("/tmp/a", F_OK), ENOENT);
}

/* Behind the last offset that there is: whatever the file system. */
TEST(the_last_offset)
{
	const off_t last = 0x7fffffffffffffff;
	int fd = open("/tmp/last", O_RDWR | O_CREAT, 0600);
	char c = 'x';

	OK(fd >= 0);
	FAILS(pwrite(fd, &c, 1, last), EINVAL);
	FAILS(pread(fd, &c, 1, last), EINVAL);
	EQ(pwrite(fd, &c, 0, last), 0);
	FAILS(pwrite(fd, &c, 1, -1), EINVAL);
	EQ(lseek(fd, last, SEEK_SET), last);
	FAILS(write(fd, &c, 1), EINVAL);
	EQ(lseek(fd, last - 1, SEEK_SET), last - 1);
	FAILS(write(fd, &c, 1), EFBIG);
	EQ(read(fd, &c, 1), 0);
	EQ(lseek(fd, 0, SEEK_CUR), last - 1);
	close(fd);
	EQ(unlink("/tmp/last"), 0);
}

TEST(parts_are_read_and_written_in_order)
{
	char a[3] = "abc", b[5000], c[2] = "yz", d[6000];
	struct iovec v[] = { { a, 3 }, { NULL, 0 }, { b, 5000 }, { c, 2 } };
	struct iovec w[] = { { d, 1 }, { d + 1, 5004 } };
	int fd = open("/tmp/v", O_RDWR | O_CREAT, 0600);

	memset(b, 'b', sizeof(b));
	EQ(writev(fd, v, 4), 5005);
	EQ(lseek(fd, 0, SEEK_SET), 0);
	EQ(readv(fd, w, 2), 5005);
	OK(memcmp(d, "abcb", 4) == 0 && memcmp(d + 5002, "byz", 3) == 0);
	FAILS(writev(fd, v, 2000), EINVAL);
	close(fd);
	unlink("/tmp/v");
}

TEST(directories_and_names)
{
	char buf[100];
	struct dirent *e;
	struct stat st;
	int n = 0;
	DIR *d;

	EQ(mkdir("/tmp/d", 0755), 0);
	FAILS(mkdir("/tmp/d", 0755), EEXIST);
	EQ(close(creat("/tmp/d/x", 0600)), 0);
	EQ(symlink("x", "/tmp/d/l"), 0);
	EQ(readlink("/tmp/d/l", buf, sizeof(buf)), 1);
	EQ(lstat("/tmp/d/l", &st), 0);
	OK(S_ISLNK(st.st_mode));
	EQ(stat("/tmp/d/l", &st), 0);
	OK(S_ISREG(st.st_mode));
	EQ(link("/tmp/d/x", "/tmp/d/y"), 0);
	EQ(rename("/tmp/d/y", "/tmp/d/z"), 0);
	EQ(stat("/tmp/d/z", &st), 0);
	EQ(st.st_nlink, 2);
	d = opendir("/tmp/d");
	OK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n++;
	closedir(d);
	EQ(n, 5);				/* . .. x l z */
	FAILS(rmdir("/tmp/d"), ENOTEMPTY);
	EQ(chdir("/tmp/d"), 0);
	OK(getcwd(buf, sizeof(buf)) != NULL && strcmp(buf, "/tmp/d") == 0);
	FAILS(syscall(SYS_getcwd, buf, 3), ERANGE);
	EQ(chmod("x", 0400), 0);
	EQ(stat("x", &st), 0);
	EQ(st.st_mode & 07777, 0400);
	EQ(unlink("x") | unlink("l") | unlink("z"), 0);
	EQ(chdir("/"), 0);
	EQ(rmdir("/tmp/d"), 0);
	EQ(umask(077), 022);
	EQ(umask(022), 077);
}

TEST(statx_says_what_stat_says)
{
	union { uint32_t w[64]; uint64_t d[32]; } x;
	struct stat st;

	EQ(stat("/bin/busybox", &st), 0);
	EQ(syscall(SYS_statx, AT_FDCWD, "/bin/busybox", 0, 0x7ff, &x), 0);
	EQ((uint16_t)x.w[7], st.st_mode);
	EQ(x.d[4], st.st_ino);
	EQ(x.d[5], st.st_size);
}

TEST(descriptors_are_copied)
{
	int fd = open("/tmp/c", O_RDWR | O_CREAT, 0600), b;

	b = dup(fd);
	OK(b > fd);
	EQ(write(fd, "12345", 5), 5);
	EQ(lseek(b, 0, SEEK_CUR), 5);		/* one offset */
	EQ(dup2(fd, 100), 100);
	EQ(close(100), 0);
	FAILS(dup2(fd, 256), EBADF);
	FAILS(close(300), EBADF);
	EQ(fcntl(fd, F_GETFD), 0);
	EQ(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EQ(fcntl(b, F_GETFD), 0);
	EQ(fcntl(fd, F_DUPFD, 50), 50);
	EQ(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
	EQ(close(fd) | close(b) | close(50), 0);
	unlink("/tmp/c");
}

TEST(a_pipe_carries_bytes)
{
	char buf[10000], *q;
	int p[2];

	EQ(pipe(p), 0);
	EQ(write(p[1], "hello", 5), 5);
	EQ(read(p[0], buf, sizeof(buf)), 5);
	for (int i = 0; i < 4096; i++)
		buf[i] = (char)i;
	EQ(write(p[1], buf, 4096), 4096);	/* two parts, one write */
	q = buf + 5000;
	EQ(read(p[0], q, 4096), 4096);
	EQ(memcmp(buf, q, 4096), 0);
	EQ(write(p[1], buf, 4000), 4000);
	EQ(read(p[0], q, 1), 1);
	EQ(read(p[0], q + 1, 5000), 3999);
	EQ(memcmp(buf, q, 4000), 0);
	EQ(fcntl(p[0], F_SETFL, O_NONBLOCK), 0);
	FAILS(read(p[0], buf, 1), EAGAIN);
	EQ(close(p[1]), 0);
	EQ(read(p[0], buf, 1), 0);
	close(p[0]);
	FAILS(syscall(SYS_pipe, 8), EFAULT);
}

static volatile int signals;

static void
count(int sig)
{
	(void)sig;
	signals++;
}

static void
on(int sig, void (*fn)(int), int flags)
{
	struct sigaction a = { .sa_handler = fn, .sa_flags = flags };

	sigaction(sig, &a, NULL);
}

TEST(a_pipe_without_a_reader_is_sigpipe)
{
	int p[2];

	signals = 0;
	on(SIGPIPE, count, 0);
	EQ(pipe(p), 0);
	close(p[0]);
	FAILS(write(p[1], "x", 1), EPIPE);
	EQ(signals, 1);
	on(SIGPIPE, SIG_IGN, 0);
	FAILS(write(p[1], "x", 1), EPIPE);
	EQ(signals, 1);
	on(SIGPIPE, SIG_DFL, 0);
	close(p[1]);
}

/* Again each second: it may come before the call that it is to interrupt. */
static void
alarm_ms(int ms)
{
	struct itimerval t = { .it_value = { 0, ms * 1000 },
	    .it_interval = { ms != 0, 0 } };

	EQ(setitimer(ITIMER_REAL, &t, NULL), 0);
}

TEST(a_signal_interrupts_a_read)
{
	char c;
	int p[2];

	EQ(pipe(p), 0);
	signals = 0;
	on(SIGALRM, count, 0);
	alarm_ms(20);
	FAILS(read(p[0], &c, 1), EINTR);
	alarm_ms(0);
	OK(signals >= 1);
	close(p[0]);
	close(p[1]);
}

static int restart_pipe[2];

static void
feed(int sig)
{
	(void)sig;
	signals++;
	EQ(write(restart_pipe[1], "r", 1), 1);
}

TEST(with_sa_restart_it_begins_again)
{
	char c = 0;

	EQ(pipe(restart_pipe), 0);
	signals = 0;
	on(SIGALRM, feed, SA_RESTART);
	alarm_ms(20);
	EQ(read(restart_pipe[0], &c, 1), 1);
	alarm_ms(0);
	EQ(c, 'r');
	EQ(signals, 1);
	close(restart_pipe[0]);
	close(restart_pipe[1]);
}

TEST(an_ignored_signal_does_not_interrupt)
{
	struct timespec nap = { 0, 60000000 }, left;

	on(SIGALRM, SIG_IGN, 0);
	alarm_ms(20);
	EQ(nanosleep(&nap, &left), 0);
	on(SIGALRM, count, 0);
	signals = 0;
	alarm_ms(20);
	nap.tv_sec = 10;
	FAILS(nanosleep(&nap, &left), EINTR);
	alarm_ms(0);
	OK(left.tv_sec >= 5 && left.tv_sec <= 10);
	OK(signals >= 1);
}

TEST(a_running_program_is_interrupted)
{
	signals = 0;
	on(SIGALRM, count, 0);
	alarm_ms(20);
	while (signals == 0)
		;
	alarm_ms(0);
	EQ(signals, 1);
}

TEST(kill_and_masks)
{
	sigset_t set, old;
	siginfo_t info;

	(void)info;
	signals = 0;
	on(SIGUSR1, count, 0);
	EQ(kill(getpid(), SIGUSR1), 0);
	EQ(signals, 1);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	EQ(sigprocmask(SIG_BLOCK, &set, &old), 0);
	EQ(raise(SIGUSR1), 0);
	EQ(signals, 1);
	EQ(sigpending(&set), 0);
	EQ(sigismember(&set, SIGUSR1), 1);
	FAILS(sigsuspend(&old), EINTR);
	EQ(signals, 2);
	EQ(sigprocmask(SIG_SETMASK, NULL, &set), 0);
	EQ(sigismember(&set, SIGUSR1), 1);	/* as it was before */
	EQ(sigprocmask(SIG_SETMASK, &old, NULL), 0);
	FAILS(kill(99999, 0), ESRCH);
	EQ(kill(getpid(), 0), 0);
	FAILS(kill(getpid(), 100), EINVAL);
}

TEST(poll_and_select)
{
	struct timeval tv = { 0, 20000 }, zero = { 0, 0 };
	struct pollfd f[2];
	fd_set r, w;
	int p[2];

	EQ(pipe(p), 0);
	f[0] = (struct pollfd){ p[0], POLLIN, 0 };
	f[1] = (struct pollfd){ p[1], POLLOUT, 0 };
	EQ(poll(f, 2, -1), 1);
	EQ(f[0].revents, 0);
	EQ(f[1].revents, POLLOUT);
	EQ(poll(f, 1, 0), 0);
	EQ(poll(f, 1, 20), 0);
	EQ(write(p[1], "x", 1), 1);
	EQ(poll(f, 2, 1000), 2);
	EQ(f[0].revents, POLLIN);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p[0], &r);
	FD_SET(p[1], &w);
	EQ(select(p[1] + 1, &r, &w, NULL, &tv), 2);
	OK(FD_ISSET(p[0], &r) && FD_ISSET(p[1], &w));
	char c;
	EQ(read(p[0], &c, 1), 1);
	EQ(select(p[1] + 1, &r, NULL, NULL, &zero), 0);
	OK(!FD_ISSET(p[0], &r));
	FD_SET(p[0], &r);
	tv = (struct timeval){ 0, 20000 };
	EQ(select(p[1] + 1, &r, NULL, NULL, &tv), 0);
	FD_SET(200, &r);
	FAILS(select(201, &r, NULL, NULL, &zero), EBADF);
	signals = 0;
	on(SIGALRM, count, SA_RESTART);
	alarm_ms(20);
	FAILS(poll(f, 1, -1), EINTR);		/* restart or not */
	EQ(signals, 1);
	close(p[0]);
	EQ(poll(f + 1, 1, 0), 1);
	OK(f[1].revents & POLLERR);
	close(p[1]);
	EQ(poll(f + 1, 1, 0), 1);
	EQ(f[1].revents, POLLNVAL);
	EQ(poll(NULL, 0, 10), 0);
}

TEST(epoll_and_eventfd)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 77 }, got[4];
	int ep = epoll_create1(EPOLL_CLOEXEC), ev = eventfd(0, 0);
	uint64_t v = 3;

	OK(ep >= 0 && ev >= 0);
	EQ(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e), 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e), EEXIST);
	EQ(epoll_wait(ep, got, 4, 0), 0);
	EQ(epoll_wait(ep, got, 4, 20), 0);
	EQ(write(ev, &v, 8), 8);
	EQ(epoll_wait(ep, got, 4, -1), 1);
	EQ(got[0].data.u64, 77);
	EQ(got[0].events, EPOLLIN);
	v = 0;
	EQ(read(ev, &v, 8), 8);
	EQ(v, 3);
	EQ(epoll_wait(ep, got, 4, 0), 0);
	EQ(epoll_ctl(ep, EPOLL_CTL_DEL, ev, NULL), 0);
	close(ev);
	close(ep);
}

/* ---- mapped files */

static volatile sig_atomic_t trapped;

static void
unmap_it(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	trapped = sig;
	mmap((void *)((uintptr_t)info->si_addr & ~4095ul), 4096, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

TEST(a_private_mapping_is_a_copy)
{
	int fd = open("/tmp/m", O_RDWR | O_CREAT, 0600);
	char buf[9000], *p, *q;

	for (int i = 0; i < 9000; i++)
		buf[i] = (char)(i / 9);
	EQ(write(fd, buf, 9000), 9000);
	p = mmap(NULL, 9000, PROT_READ, MAP_PRIVATE, fd, 0);
	q = mmap(NULL, 9000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	OK(p != MAP_FAILED && q != MAP_FAILED);
	close(fd);
	EQ(memcmp(p, buf, 9000), 0);
	EQ(memcmp(q, buf, 9000), 0);
	EQ(p[9000], 0);				/* to the end of its page */
	EQ(p[12287], 0);
	q[4096] = 'Q';
	EQ(p[4096], buf[4096]);
	EQ(mprotect(p, 4096, PROT_READ | PROT_WRITE), 0);
	p[0] = 'P';
	EQ(p[1], buf[1]);
	EQ(q[0], buf[0]);
	fd = open("/tmp/m", O_RDONLY);
	EQ(pread(fd, buf, 1, 4096), 1);
	EQ(buf[0], (char)(4096 / 9));
	EQ(munmap(p, 9000) | munmap(q, 9000), 0);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 4096);
	EQ(p[5], (char)((4096 + 5) / 9));
	FAILS((long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0), EACCES);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_SHARED, 99, 0), EBADF);
	FAILS((long)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 100), EINVAL);
	munmap(p, 4096);
	close(fd);
}

TEST(a_mapping_with_a_hole_goes_on_behind_it)
{
	int fd = open("/tmp/h", O_RDWR | O_CREAT, 0600);
	char page[4096], *p;

	for (int i = 0; i < 5; i++) {
		memset(page, 'a' + i, sizeof(page));
		EQ(write(fd, page, sizeof(page)), sizeof(page));
	}
	p = mmap(NULL, 5 * 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	EQ(munmap(p + 4096, 4096), 0);
	EQ(p[2 * 4096], 'c');
	EQ(mprotect(p + 3 * 4096, 4096, PROT_READ | PROT_WRITE), 0);
	EQ(p[3 * 4096 + 7], 'd');
	EQ(p[4 * 4096], 'e');
	EQ(p[0], 'a');
	munmap(p, 5 * 4096);
	close(fd);
	unlink("/tmp/h");
}

TEST(a_shared_mapping_is_the_file)
{
	int fd = open("/tmp/m", O_RDWR);
	char c, *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	    0);

	OK(p != MAP_FAILED);
	p[100] = 'S';
	EQ(pread(fd, &c, 1, 100), 1);
	EQ(c, 'S');
	EQ(pwrite(fd, "T", 1, 101), 1);
	EQ(p[101], 'T');
	EQ(msync(p, 8192, MS_SYNC), 0);
	EQ(munmap(p, 8192), 0);
	close(fd);
}

TEST(beyond_the_end_is_sigbus)
{
	struct sigaction a = { .sa_sigaction = unmap_it,
	    .sa_flags = SA_SIGINFO };
	int fd = open("/tmp/m", O_RDWR);
	volatile char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	sigaction(SIGBUS, &a, NULL);
	trapped = 0;
	EQ(p[0], 0);
	EQ(trapped, 0);
	(void)p[40000];
	EQ(trapped, SIGBUS);
	munmap((void *)p, 65536);
	close(fd);
	unlink("/tmp/m");
}

TEST(shared_memory_without_a_file)
{
	char *p = mmap(NULL, 16384, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	OK(p != MAP_FAILED);
	EQ(p[16383], 0);
	p[16383] = 1;
	EQ(munmap(p, 16384), 0);
}

TEST(many_mappings_come_and_go)
{
	int fd = open("/bin/busybox", O_RDONLY);

	for (int i = 0; i < 300; i++) {
		char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);

		OK(p != MAP_FAILED);
		EQ(p[1], 'E');
		EQ(munmap(p, 8192), 0);
	}
	close(fd);
}

TEST(mappings_move_and_split)
{
	char *p = mmap(NULL, 5 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

	for (int i = 0; i < 5; i++)
		p[i * 4096] = (char)('a' + i);
	EQ(munmap(p + 2 * 4096, 4096), 0);
	EQ(p[4096], 'b');
	EQ(p[3 * 4096], 'd');
	q = mremap(p, 2 * 4096, 40 * 4096, MREMAP_MAYMOVE);
	OK(q != MAP_FAILED);
	EQ(q[0], 'a');
	EQ(q[4096], 'b');
	EQ(q[39 * 4096], 0);
	p = mremap(q, 40 * 4096, 4096, 0);
	OK(p == q);
	EQ(munmap(q, 4096), 0);
	q = mmap((void *)0x40000000, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	OK(q == (void *)0x40000000);
	FAILS((long)mmap(q, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
	    MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	q[0] = 1;
	EQ(madvise(q, 4096, MADV_DONTNEED), 0);
	EQ(q[0], 0);
	munmap(q, 4096);
	FAILS((long)mmap((void *)0x7e8000000000, 4096, PROT_READ,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), ENOMEM);
	FAILS(munmap((void *)0x7f0000000000, 4096), EINVAL);
	FAILS(mprotect((void *)0x7effffe00000, 4096, PROT_WRITE), ENOMEM);
}

static void
count_and_allow(int sig, siginfo_t *info, void *ctx)
{
	(void)ctx;
	trapped = sig;
	mprotect((void *)((uintptr_t)info->si_addr & ~4095ul), 4096,
	    PROT_READ | PROT_WRITE);
}

TEST(what_allows_nothing_keeps_what_it_has)
{
	struct sigaction a = { .sa_sigaction = count_and_allow,
	    .sa_flags = SA_SIGINFO }, old;
	volatile char *p = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	sigaction(SIGSEGV, &a, &old);
	for (int i = 0; i < 6; i++)
		p[i * 4096] = (char)('a' + i);
	EQ(mprotect((void *)p, 6 * 4096, PROT_NONE), 0);
	trapped = 0;
	EQ(p[4096], 'b');			/* read: a fault, then it is there */
	EQ(trapped, SIGSEGV);
	trapped = 0;
	EQ(p[4096], 'b');
	EQ(trapped, 0);
	p[2 * 4096 + 1] = 1;			/* write */
	EQ(trapped, SIGSEGV);
	EQ(p[2 * 4096], 'c');
	EQ(p[6 * 4096], 0);
	EQ(mprotect((void *)p, 8 * 4096, PROT_READ), 0);
	EQ(p[0], 'a');
	EQ(p[5 * 4096], 'f');
	EQ(mprotect((void *)p, 8 * 4096, PROT_NONE), 0);
	EQ(madvise((void *)p, 4096, MADV_DONTNEED), 0);
	EQ(munmap((void *)(p + 5 * 4096), 4096), 0);
	trapped = 0;
	EQ(p[0], 0);
	EQ(trapped, SIGSEGV);
	EQ(p[4 * 4096], 'e');
	p = mmap((void *)(p + 5 * 4096), 4096, PROT_READ, MAP_PRIVATE |
	    MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	EQ(*p, 0);
	EQ(munmap((void *)(p - 5 * 4096), 8 * 4096), 0);
	sigaction(SIGSEGV, &old, NULL);
}

static long
brk_raw(long at)
{
	return syscall(SYS_brk, at);
}

TEST(the_break_moves)
{
	long at = brk_raw(0);

	OK(at > 0x400000);
	EQ(brk_raw(at + 100000), at + 100000);
	((volatile char *)at)[99999] = 1;
	EQ(((volatile char *)at)[50000], 0);
	EQ(brk_raw(at), at);
	EQ(brk_raw(at + 100000), at + 100000);
	EQ(((volatile char *)at)[99999], 0);
	EQ(brk_raw(at), at);
	EQ(brk_raw(1), at);
	EQ(brk_raw(0x7f0000000000), at);
}

/* ---- programs that are none */

static int
run(const char *path)
{
	char *argv[] = { (char *)(uintptr_t)path, NULL };

	return execve(path, argv, NULL);
}

static void
put(const void *bytes, size_t n)
{
	int fd = open("/tmp/prog", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	EQ(write(fd, bytes, n), n);
	close(fd);
}

TEST(what_is_no_program_does_not_run)
{
	unsigned char elf[4096];
	int fd = open("/bin/busybox", O_RDONLY);

	EQ(read(fd, elf, sizeof(elf)), sizeof(elf));
	close(fd);
	FAILS(run("/tmp/nothing"), ENOENT);
	FAILS(run("/tmp"), EACCES);
	put("", 0);
	FAILS(run("/tmp/prog"), ENOEXEC);
	put("hello", 5);
	FAILS(run("/tmp/prog"), ENOEXEC);
	put(elf, sizeof(elf));			/* cut off: segments outside */
	FAILS(run("/tmp/prog"), ENOEXEC);
	for (int i = 0; i < 64 + 4 * 56; i++) {
		unsigned char was = elf[i];

		elf[i] = (unsigned char)~was;
		put(elf, sizeof(elf));
		FAILS(run("/tmp/prog"), ENOEXEC);
		elf[i] = was;
	}
	Elf64_Ehdr *e = (Elf64_Ehdr *)elf;
	Elf64_Phdr *ph = (Elf64_Phdr *)(elf + e->e_phoff);
	e->e_phnum = 1;				/* in parts of pages only */
	*ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X,
	    .p_vaddr = 0x400100, .p_filesz = 100, .p_memsz = 100,
	    .p_align = 1 };
	e->e_entry = 0x400100;
	put(elf, sizeof(elf));
	FAILS(run("/tmp/prog"), ENOEXEC);
	put("#!", 2);
	FAILS(run("/tmp/prog"), ENOEXEC);
	put("#!/tmp/nothing\n", 15);
	FAILS(run("/tmp/prog"), ENOENT);
	put("#!/tmp/prog\n", 12);
	FAILS(run("/tmp/prog"), ELOOP);
	EQ(chmod("/tmp/prog", 0644), 0);
	FAILS(run("/tmp/prog"), EACCES);
	unlink("/tmp/prog");
	FAILS(syscall(SYS_execve, "/bin/busybox", 1, 0), EFAULT);
}

/* `cat' asks for more than there is, and would never see the end of a line. */
TEST(sendfile_is_from_files)
{
	int fds[2], fd = open("/tmp/sent", O_RDWR | O_CREAT | O_TRUNC, 0600);
	off_t at = 1;
	char c = 0;

	OK(fd >= 0 && pipe(fds) == 0);
	EQ(write(fd, "abc", 3), 3);
	EQ(sendfile(fds[1], fd, &at, 100), 2);
	EQ(at, 3);
	EQ(read(fds[0], &c, 1), 1);
	EQ(c, 'b');
	EQ(sendfile(fd, fds[0], NULL, 1), -1);
	EQ(errno, EINVAL);
	EQ(sendfile(fd, 0, NULL, 1), -1);
	EQ(errno, EINVAL);
	EQ(sendfile(fd, 99, NULL, 1), -1);
	EQ(errno, EBADF);
	close(fd);
	close(fds[0]);
	close(fds[1]);
	EQ(unlink("/tmp/sent"), 0);
}

TEST(the_console_is_a_terminal)
{
	struct winsize w;

	EQ(isatty(0), 1);
	EQ(ioctl(1, TIOCGWINSZ, &w), 0);
	int fd = open("/dev/null", O_RDWR);
	FAILS(ioctl(fd, TIOCGWINSZ, &w), ENOTTY);
	EQ(write(fd, "x", 1), 1);
	EQ(read(fd, &w, 1), 0);
	close(fd);
}

TAP_MAIN
