/*
 * monitor.h - an unmodified static program in a context whose system calls all
 * come to its creator: the reference monitor.
 *
 * The program has nothing: no descriptors, no handle to the commons, no native
 * calls.  What it may do its monitor does for it: what concerns its own memory,
 * in its context; files, in the monitor's, with the program's memory only for
 * the data.  A path is copied once, looked at, perhaps another one put in its
 * place, and it is the copy that is opened: so nobody can change it between.
 */
#ifndef LINUX_MONITOR_H
#define LINUX_MONITOR_H

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exo/syscall.h>

#include <castor/lwc.h>

#define MONITOR_PATH	256
#define MONITOR_FDS	64
#define MONITOR_STACK	(256ul << 10)

struct monitor {
	int context, pipe[2];
	bool given[MONITOR_FDS];	/* descriptors that the program has */
	/* What is said about a path: 0 with another one in its place, or
	 * -errno.  NULL: all are right. */
	long (*rule)(char path[MONITOR_PATH]);
	void (*between)(void);		/* for tests: after the check */
	bool naive;			/* the same, with two looks */
	uint64_t calls, denied, native;
	int status;			/* of its exit */
};

/* ---- the program's memory */

static inline long
monitor_fetch(struct monitor *m, void *to, uint64_t from, size_t n)
{
	const uint64_t a[6] = { (uint64_t)m->pipe[1], from, n };
	long r = lwc_syscall(m->context, LWC_MEMORY, SYS_write, a);

	return r < 0 ? r : read(m->pipe[0], to, (size_t)r);
}

static inline long
monitor_store(struct monitor *m, uint64_t to, const void *from, size_t n)
{
	const uint64_t a[6] = { (uint64_t)m->pipe[0], to, n };
	long r = write(m->pipe[1], from, n);

	r = r < 0 ? -EIO : lwc_syscall(m->context, LWC_MEMORY, SYS_read, a);
	return r < 0 ? r : 0;
}

/* A string, in pieces that do not cross into a page that need not be there. */
static inline long
monitor_path(struct monitor *m, char path[MONITOR_PATH], uint64_t from)
{
	for (size_t done = 0; done < MONITOR_PATH;) {
		size_t n = 4096 - (from + done) % 4096;
		long r;

		n = n < MONITOR_PATH - done ? n : MONITOR_PATH - done;
		r = monitor_fetch(m, path + done, from + done, n);
		if (r <= 0)
			return r < 0 ? r : -EFAULT;
		if (memchr(path + done, '\0', (size_t)r) != NULL)
			return 0;
		done += (size_t)r;
	}
	return -ENAMETOOLONG;
}

/* ---- calls */

static inline long
monitor_there(struct monitor *m, long nr, const uint64_t *a)
{
	return lwc_syscall(m->context, LWC_ALL, nr, a);
}

static inline long
monitor_here(struct monitor *m, long nr, const uint64_t *a)
{
	return lwc_syscall(m->context, LWC_MEMORY, nr, a);
}

static inline long
monitor_checked(struct monitor *m, char path[MONITOR_PATH], uint64_t from)
{
	long r = monitor_path(m, path, from);

	if (r == 0 && m->rule != NULL) {
		r = m->rule(path);
		m->denied += r != 0;
	}
	if (r == 0 && m->between != NULL)
		m->between();
	return r;
}

static inline long
monitor_open(struct monitor *m, uint64_t at, uint64_t flags, uint64_t mode)
{
	char path[MONITOR_PATH];
	const uint64_t again[6] = { at, flags, mode };
	long r = monitor_checked(m, path, at);

	if (r < 0)
		return r;
	if (m->naive) {
		r = monitor_here(m, SYS_open, again);
	} else {
		r = open(path, (int)flags, mode);
		r = r < 0 ? -errno : r;
	}
	if (r >= MONITOR_FDS) {
		close((int)r);
		return -EMFILE;
	}
	if (r >= 0)
		m->given[r] = true;
	return r;
}

static inline long
monitor_stat(struct monitor *m, uint64_t at, uint64_t to, int flags)
{
	char path[MONITOR_PATH];
	struct stat st;
	long r = monitor_checked(m, path, at);

	if (r < 0)
		return r;
	if (fstatat(AT_FDCWD, path, &st, flags) != 0)
		return -errno;
	return monitor_store(m, to, &st, sizeof(st));
}

static inline bool
monitor_has(const struct monitor *m, uint64_t fd)
{
	return fd < MONITOR_FDS && m->given[fd];
}

static inline long
monitor_file_call(struct monitor *m, long nr, const uint64_t *a)
{
	long r;

	if (!monitor_has(m, a[0]) ||
	    (nr == SYS_sendfile && !monitor_has(m, a[1])))
		return -EBADF;
	r = monitor_here(m, nr, a);
	if (nr == SYS_close)
		m->given[a[0]] = false;
	return r;
}

/* What it may do: of files, by descriptors that it has, */
static inline long
monitor_call(struct monitor *m, long nr, const uint64_t *a)
{
	switch (nr) {
	case SYS_read:
	case SYS_write:
	case SYS_readv:
	case SYS_writev:
	case SYS_lseek:
	case SYS_fstat:
	case SYS_close:
	case SYS_sendfile:
	case SYS_ioctl:
		return monitor_file_call(m, nr, a);
	/* and by paths; */
	case SYS_open:
		return monitor_open(m, a[0], a[1], a[2]);
	case SYS_openat:
		return (int)a[0] != AT_FDCWD ? -EBADF :
		    monitor_open(m, a[1], a[2], a[3]);
	case SYS_stat:
		return monitor_stat(m, a[0], a[1], 0);
	case SYS_lstat:
		return monitor_stat(m, a[0], a[1], AT_SYMLINK_NOFOLLOW);
	case SYS_newfstatat:
		return (int)a[0] != AT_FDCWD ? -EBADF :
		    monitor_stat(m, a[1], a[2], (int)a[3]);
	/* of its own memory and signals, whatever it likes, there; */
	case SYS_mmap:
		return (int)a[4] == -1 ? monitor_there(m, nr, a) : -EACCES;
	case SYS_brk:
	case SYS_mprotect:
	case SYS_munmap:
	case SYS_arch_prctl:
	case SYS_set_tid_address:
	case SYS_rt_sigaction:
	case SYS_rt_sigprocmask:
	case SYS_getrandom:
	case SYS_uname:
	case SYS_prlimit64:
		return monitor_there(m, nr, a);
	/* and be told who it is. */
	case SYS_getpid:
	case SYS_gettid:
	case SYS_getppid:
	case SYS_getuid:
	case SYS_geteuid:
	case SYS_getgid:
	case SYS_getegid:
		return syscall(nr);
	}
	return -ENOSYS;
}

/* Until it ends, or leaves of its own accord (its first word; m->status). */
static inline int
monitor_run(struct monitor *m)
{
	uint64_t w[LWC_ARGS] = { 0 }, a[6];
	long r;

	while ((r = lwc_switch(m->context, w, NULL)) == LWC_TRAPPED) {
		long nr = (long)w[0];

		m->calls++;
		if ((w[0] & EXO_NR_MASK) == EXO_NR_BASE) {
			m->native++;
			w[0] = (uint64_t)-EPERM;
			continue;
		}
		if (nr == SYS_exit_group || nr == SYS_exit) {
			m->status = (int)w[1];
			return 0;
		}
		if (lwc_trapped(m->context, a) < 0)
			return -1;
		w[0] = (uint64_t)monitor_call(m, nr, a);
		memset(w + 1, 0, sizeof(w) - sizeof(w[0]));
	}
	m->status = (int)w[0];
	return r == LWC_SWITCHED ? 0 : (int)r;
}

/* A context with nothing but memory.  As lwc_create: in it, LWC_SWITCHED. */
static inline long
monitor_context(struct monitor *m, int *from)
{
	static const struct lwc_spec nothing[] = {
		{ ~0ul, ~0ul, LWC_FILES | LWC_UNMAP, 0 },
		{ ~0ul, ~0ul, LWC_CREDENT | LWC_UNMAP, 0 },
	};
	uint64_t args[LWC_ARGS];
	int n = LWC_ARGS;
	long c;

	if (pipe(m->pipe) != 0)
		return -errno;
	c = lwc_create(nothing, 2, from, args, &n, LWC_SYSTRAP);
	if (c >= 0)
		m->context = (int)c;
	return c;
}

/* ---- a static program, as exec would have it: its entry point */

static inline uint64_t
monitor_segments(int fd, const Elf64_Ehdr *e, const Elf64_Phdr *ph)
{
	for (int i = 0; i < e->e_phnum; i++) {
		uint64_t low = ph[i].p_vaddr & ~4095ul;
		uint64_t high = (ph[i].p_vaddr + ph[i].p_memsz + 4095) & ~4095ul;

		if (ph[i].p_type != PT_LOAD)
			continue;
		if (mmap((void *)low, high - low, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
		    MAP_FAILED || pread(fd, (void *)ph[i].p_vaddr,
		    ph[i].p_filesz, (off_t)ph[i].p_offset) !=
		    (ssize_t)ph[i].p_filesz ||
		    mprotect((void *)low, high - low,
		    (ph[i].p_flags & PF_W ? PROT_READ | PROT_WRITE :
		    PROT_READ) | (ph[i].p_flags & PF_X ? PROT_EXEC : 0)) != 0)
			return 0;
	}
	return e->e_entry;
}

static inline uint64_t
monitor_load(const char *path, Elf64_Ehdr *e, Elf64_Phdr ph[16])
{
	int fd = open(path, O_RDONLY);
	uint64_t entry = 0;

	if (read(fd, e, sizeof(*e)) == sizeof(*e) && e->e_phnum <= 16 &&
	    pread(fd, ph, e->e_phnum * sizeof(*ph), (off_t)e->e_phoff) > 0)
		entry = monitor_segments(fd, e, ph);
	close(fd);
	return entry;
}

/* The stack that it begins with: its rsp. */
static inline uint64_t
monitor_stack(const Elf64_Ehdr *e, const Elf64_Phdr *ph, char *const *argv)
{
	uint64_t *base = mmap(NULL, MONITOR_STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;
	char *text = (char *)base + MONITOR_STACK - 2048;
	const uint64_t aux[] = { AT_PHDR, ph[0].p_vaddr + e->e_phoff,
		AT_PHENT, sizeof(*ph), AT_PHNUM, e->e_phnum, AT_PAGESZ, 4096,
		AT_ENTRY, e->e_entry, AT_RANDOM, (uint64_t)text, AT_NULL, 0 };
	int argc = 0;

	if (base == MAP_FAILED)
		return 0;
	while (argv[argc] != NULL)
		argc++;
	p = base + (MONITOR_STACK - 4096) / 8;
	*p = (uint64_t)argc;
	for (int i = 0; i < argc; i++) {
		text += 16 + (i > 0 ? strlen(argv[i - 1]) : 0);
		p[1 + i] = (uint64_t)strcpy(text, argv[i]);
	}
	memcpy(&p[argc + 3], aux, sizeof(aux));
	return (uint64_t)p;
}

/* Run a program of the given words, the first its path, with this monitor:
 * 0 when it has ended, with its status. */
static inline int
monitor_exec(struct monitor *m, const char *path, char *const *argv)
{
	Elf64_Ehdr e = { 0 };
	Elf64_Phdr ph[16];
	uint64_t entry = monitor_load(path, &e, ph), sp;
	int from;
	long c;

	sp = entry == 0 ? 0 : monitor_stack(&e, ph, argv);
	if (sp == 0)
		return -ENOEXEC;
	c = monitor_context(m, &from);
	if (c == LWC_SWITCHED)
		__asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\tjmp *%1"
		    : : "r"(sp), "r"(entry) : "memory");
	return c < 0 ? (int)c : monitor_run(m);
}

#endif
