/*
 * synth.c - /proc and /exo: directories and files that are made when they are
 * looked at.
 *
 * Inodes are made by lookup, live while somebody holds them, and say in `made'
 * what they are.  A file's text is made whole each time it is read, and what
 * was asked for is cut out; a published table is copied from where it is.
 */
#include <castor/print.h>
#include <castor/string.h>

#include "cred.h"
#include "request.h"
#include "tty.h"
#include "world.h"

#define TEXT_MAX	8192u
#define USER_HZ		100u		/* Linux's unit for times in /proc */

enum kind {
	ROOT_PROC, ROOT_EXO, PID_DIR, PID_FD_DIR, SELF,
	/* files of /proc, in the order of its names */
	MEMINFO, UPTIME, LOADAVG, STAT, VERSION, MOUNTS, FILESYSTEMS, CPUINFO,
	SWAPS, PARTITIONS,
	/* of /proc/PID */
	PID_STAT, PID_STATM, PID_STATUS, PID_CMDLINE, PID_COMM, PID_LIMITS,
	PID_MAPS, PID_EXE, PID_CWD, PID_ROOT, PID_FD,
	/* of /exo */
	NOSYS_FILE, COMMONS, WHO_FILE, TABLE
};

struct name {
	const char *text;
	uint32_t kind, mode;
};

#define FILE_MODE	(L_S_IFREG | 0444)
#define DIR_MODE	(L_S_IFDIR | 0555)
#define FD_DIR_MODE	(L_S_IFDIR | 0500)
#define LINK_MODE	(L_S_IFLNK | 0777)

static const struct name proc_names[] = {
	{ "self", SELF, LINK_MODE }, { "meminfo", MEMINFO, FILE_MODE },
	{ "uptime", UPTIME, FILE_MODE }, { "loadavg", LOADAVG, FILE_MODE },
	{ "stat", STAT, FILE_MODE }, { "version", VERSION, FILE_MODE },
	{ "mounts", MOUNTS, FILE_MODE },
	{ "filesystems", FILESYSTEMS, FILE_MODE },
	{ "cpuinfo", CPUINFO, FILE_MODE }, { "swaps", SWAPS, FILE_MODE },
	{ "partitions", PARTITIONS, FILE_MODE },
};
static const struct name pid_names[] = {
	{ "stat", PID_STAT, FILE_MODE }, { "statm", PID_STATM, FILE_MODE },
	{ "status", PID_STATUS, FILE_MODE },
	{ "cmdline", PID_CMDLINE, FILE_MODE },
	{ "comm", PID_COMM, FILE_MODE }, { "exe", PID_EXE, LINK_MODE },
	{ "cwd", PID_CWD, LINK_MODE }, { "fd", PID_FD_DIR, FD_DIR_MODE },
	{ "mounts", MOUNTS, FILE_MODE }, { "limits", PID_LIMITS, FILE_MODE },
	{ "maps", PID_MAPS, FILE_MODE }, { "root", PID_ROOT, LINK_MODE },
};
static const struct name exo_names[] = {
	{ "nosys", NOSYS_FILE, FILE_MODE },
	{ "commons", COMMONS, FILE_MODE },
	{ "self", WHO_FILE, FILE_MODE },
	{ "machine", TABLE + 0, FILE_MODE },	/* + enum exo_table */
	{ "counters", TABLE + 1, FILE_MODE }, { "pages", TABLE + 2, FILE_MODE },
	{ "accts", TABLE + 3, FILE_MODE }, { "domains", TABLE + 4, FILE_MODE },
	{ "envs", TABLE + 5, FILE_MODE }, { "slices", TABLE + 6, FILE_MODE },
	{ "pcids", TABLE + 7, FILE_MODE }, { "trace", TABLE + 8, FILE_MODE },
};
#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static const struct synth synth;
static struct inode *proc_root;

/* ---- inodes.  Numbers: far above those of the file system. */

static uint32_t
made_ino(uint32_t kind, uint32_t pid, uint32_t fd)
{
	return 0x80000000u | kind << 24 | (pid & 0x3fff) << 10 | fd;
}

static struct inode *
made(uint32_t kind, uint32_t mode, uint32_t pid, uint32_t fd)
{
	struct inode *ip = inode_new(mode);
	const struct proc *p = pid == 0 ? NULL : proc_find(pid);

	if (ip == NULL)
		return NULL;
	ip->uid = p == NULL ? 0 : p->cred.euid;
	ip->gid = p == NULL ? 0 : p->cred.egid;
	ip->synth = &synth;
	ip->ino = made_ino(kind, pid, fd);
	ip->made.kind = kind;
	ip->made.pid = pid;
	ip->made.fd = fd;
	if (kind >= TABLE)
		ip->size = world_table(kind - TABLE, 0, NULL, 0);
	fs_temp(ip);
	return ip;
}

/* The two roots have a name and a parent, as real directories have. */
static uint32_t
kind_of(const struct inode *ip)
{
	return ip == proc_root ? ROOT_PROC : ip->nlink > 0 ? ROOT_EXO :
	    ip->made.kind;
}

static const struct name *
names_of(uint32_t kind, size_t *n)
{
	*n = kind == ROOT_PROC ? COUNT(proc_names) :
	    kind == ROOT_EXO ? COUNT(exo_names) : COUNT(pid_names);
	return kind == ROOT_PROC ? proc_names :
	    kind == ROOT_EXO ? exo_names : pid_names;
}

/* A decimal number, no more than `max'. */
static bool
number_of(const char *s, uint32_t len, uint32_t max, uint32_t *out)
{
	uint32_t n = 0;

	if (len == 0 || len > 6 || (len > 1 && s[0] == '0'))
		return false;
	for (uint32_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		n = n * 10 + (uint32_t)(s[i] - '0');
	}
	*out = n;
	return n <= max;
}

/* What a process has is, for a context of its own, what that context has. */
static struct proc *
client_of(uint32_t pid)
{
	return here->proc->leader->pid == pid ? here->proc : proc_find(pid);
}

/* ---- /proc/PID/fd, cwd, exe: they lead past directories that one may not be
 * allowed to search, so they are for who may do all that the process may.  To
 * open a descriptor again is for itself. */

static bool
may_look(const struct proc *p)
{
	const struct cm_cred *c = cred_now(), *to = &p->creds->cred;

	return c->fsuid == 0 || (c->fsuid == to->uid && c->fsuid == to->euid &&
	    c->fsuid == to->suid);
}

static struct file *
fd_of(uint32_t pid, uint32_t fd)
{
	struct proc *p = client_of(pid);

	return p == NULL ? NULL : fd_get(p, fd);
}

struct file *
synth_file(struct inode *ip)
{
	struct file *f = here->proc->leader->pid != ip->made.pid ? NULL :
	    fd_of(ip->made.pid, ip->made.fd);

	if (f != NULL)
		f->refs++;
	return f;
}

static struct inode *
synth_follow(struct inode *ip)
{
	struct file *f;
	struct proc *p = client_of(ip->made.pid);

	if (kind_of(ip) == PID_ROOT)
		return fs_root;
	if (p == NULL || !may_look(p))
		return NULL;
	if (kind_of(ip) == PID_CWD)
		return p->cwd;
	if (kind_of(ip) != PID_FD)
		return NULL;
	f = fd_of(ip->made.pid, ip->made.fd);
	if (f == NULL)
		return NULL;
	if (f->inode != NULL && !IS_FIFO(f->inode))
		return f->inode;
	return made(PID_FD, L_S_IFIFO | 0600, ip->made.pid, ip->made.fd);
}

/* ---- looking up */

static struct inode *
parent_of(struct inode *dir)
{
	switch (kind_of(dir)) {
	case ROOT_PROC:
	case ROOT_EXO:
		return dir->dir.parent;
	case PID_FD_DIR:
		return made(PID_DIR, DIR_MODE, dir->made.pid, 0);
	}
	return proc_root;
}

static struct inode *
synth_lookup(struct inode *dir, const char *name, uint32_t len)
{
	uint32_t kind = kind_of(dir), pid = kind == ROOT_PROC ||
	    kind == ROOT_EXO ? 0 : dir->made.pid, n;
	const struct name *names;
	size_t count;

	if (len == 2 && memcmp(name, "..", 2) == 0)
		return parent_of(dir);
	if (pid != 0 && proc_find(pid) == NULL)
		return NULL;
	if (kind == PID_FD_DIR && !may_look(client_of(pid)))
		return NULL;
	if (kind == PID_FD_DIR)
		return number_of(name, len, CM_FDS - 1, &n) &&
		    fd_of(pid, n) != NULL ? made(PID_FD, LINK_MODE, pid, n) :
		    NULL;
	names = names_of(kind, &count);
	for (size_t i = 0; i < count; i++) {
		if (strlen(names[i].text) == len &&
		    memcmp(names[i].text, name, len) == 0)
			return made(names[i].kind, names[i].mode, pid, 0);
	}
	if (kind == ROOT_PROC && number_of(name, len, PIDS_MAX, &n) &&
	    proc_find(n) != NULL)
		return made(PID_DIR, DIR_MODE, n, 0);
	return NULL;
}

/* The n-th descriptor of a process. */
static bool
fd_entry(uint32_t pid, uint64_t n, uint32_t *fd)
{
	for (*fd = 0; *fd < CM_FDS; ++*fd) {
		if (fd_of(pid, *fd) != NULL && n-- == 0)
			return true;
	}
	return false;
}

/* The n-th process, oldest first. */
static bool
pid_entry(uint64_t n, uint32_t *pid)
{
	uint64_t count = 0;
	struct proc *p;

	for (p = proc_all; p != NULL; p = p->all_next)
		count += p->state != PROC_FREE;
	if (n >= count)
		return false;
	n = count - 1 - n;
	for (p = proc_all; p->state == PROC_FREE || n-- > 0; p = p->all_next)
		;
	*pid = p->pid;
	return true;
}

static bool
synth_entry(struct inode *dir, uint64_t n, char *name, uint32_t *ino,
    uint8_t *type)
{
	uint32_t kind = kind_of(dir), number;
	const struct name *names;
	size_t count;

	if (kind == PID_FD_DIR) {
		if (!fd_entry(dir->made.pid, n, &number))
			return false;
		*ino = made_ino(PID_FD, dir->made.pid, number);
		*type = L_DT_LNK;
		(void)print_to(name, CM_NAME_MAX, "%u", number);
		return true;
	}
	names = names_of(kind, &count);
	if (n < count) {
		*ino = made_ino(names[n].kind, kind == PID_DIR ?
		    dir->made.pid : 0, 0);
		*type = (uint8_t)(names[n].mode >> 12 & 15);
		(void)print_to(name, CM_NAME_MAX, "%s", names[n].text);
		return true;
	}
	if (kind != ROOT_PROC || !pid_entry(n - count, &number))
		return false;
	*ino = made_ino(PID_DIR, number, 0);
	*type = L_DT_DIR;
	(void)print_to(name, CM_NAME_MAX, "%u", number);
	return true;
}

/* ---- texts */

static char text[TEXT_MAX];
static size_t text_len;

static void __attribute__((format(printf, 1, 2)))
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	text_len += vprint_to(text + text_len, TEXT_MAX - text_len, fmt, ap);
	va_end(ap);
	if (text_len >= TEXT_MAX)
		text_len = TEXT_MAX - 1;
}

static uint64_t
user_time(uint64_t ticks)
{
	struct world_machine m;

	world_machine(&m);
	return m.hz == 0 ? 0 : ticks * USER_HZ / m.hz;
}

static void
say_machine(uint32_t kind)
{
	struct world_machine m;
	uint64_t total, used, left, up = world_clock() / 10000000;

	world_machine(&m);
	world_pages(&total, &used, &left);
	switch (kind) {
	case MEMINFO:
		say("MemTotal: %12lu kB\nMemFree:  %12lu kB\n"
		    "MemAvailable: %8lu kB\nBuffers:             0 kB\n"
		    "Cached:   %12lu kB\nShmem:    %12lu kB\n"
		    "SwapTotal:           0 kB\nSwapFree:            0 kB\n",
		    m.frames * 4, m.free * 4, m.free * 4, used * 4, used * 4);
		break;
	case UPTIME:
		say("%lu.%02lu %lu.%02lu\n", up / 100, up % 100,
		    user_time(m.idle) / 100, user_time(m.idle) % 100);
		break;
	case STAT:
		say("cpu  %lu 0 0 %lu 0 0 0 0 0 0\n"
		    "cpu0 %lu 0 0 %lu 0 0 0 0 0 0\nbtime %lu\n"
		    "processes %u\nprocs_running 1\nprocs_blocked 0\n",
		    user_time(m.ticks - m.idle), user_time(m.idle),
		    user_time(m.ticks - m.idle), user_time(m.idle),
		    (world_time() - world_clock()) / 1000000000,
		    proc_count());
		break;
	}
}

static void
say_fixed(uint32_t kind)
{
	switch (kind) {
	case LOADAVG:
		say("0.00 0.00 0.00 1/%u %u\n", proc_count(),
		    here == NULL ? 1 : here->proc->leader->pid);
		break;
	case VERSION:
		say("Linux version 6.1.0 (Castor on Pollux)\n");
		break;
	case MOUNTS:
		say("commons / tmpfs rw 0 0\nproc /proc proc ro 0 0\n"
		    "exo /exo exo ro 0 0\n");
		break;
	case FILESYSTEMS:
		say("nodev\ttmpfs\nnodev\tproc\nnodev\texo\n");
		break;
	case CPUINFO:
		say("processor\t: 0\nmodel name\t: x86-64\ncpu cores\t: 1\n\n");
		break;
	case SWAPS:
		say("Filename\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
		break;
	case PARTITIONS:
		say("major minor  #blocks  name\n\n");
		break;
	case WHO_FILE:
		say("acct %lu domain %lu env %lu\n", here->proc->acct,
		    seat_domain(here), here->env);
		break;
	case NOSYS_FILE:
		for (uint32_t i = 0; i < NOSYS_MAX; i++) {
			if (nosys[i] != 0)
				say("%lu %s %u\n", nosys[i],
				    nosys_names[i] != NULL ? nosys_names[i] :
				    "?", i);
		}
		break;
	}
}

/* What the commons has given out, by kinds. */
static void
say_commons(void)
{
	struct world_machine m;
	struct l_statfs st;

	world_machine(&m);
	fs_statfs(&st);
	say("processes %u\nseats %lu\nending %lu\nfiles %u\n"
	    "descriptors %u\npipes %u\nwaits %u\nlocks %u\ninodes %lu\n"
	    "pages %lu\nleft_over %lu\ncontexts %u\n", proc_count(), m.seats,
	    m.ending, file_count(), fd_count(), pipe_count(), wait_count(),
	    lock_count(), st.files - st.ffree, st.blocks - st.bfree,
	    m.left_over, context_count());
}

static void
say_stat(const struct proc *p, const struct world_usage *u)
{
	const struct tty *tty = tty_of(p->sid);

	say("%u (%s) %c %u %u %u %u %d 0 0 0 0 0 %lu 0 %lu 0 20 0 %u 0 %lu "
	    "%lu %lu", p->pid, p->comm, u->state, p->parent == NULL ? 0 :
	    p->parent->pid, p->pgid, p->sid, tty == NULL ? 0 :
	    tty->pty == NULL ? DEV(5, 1) : DEV(136, pty_number(tty)),
	    tty != NULL ? (int)tty->fg : -1, user_time(u->ticks),
	    user_time(p->child_ticks), proc_tasks(p),
	    p->started / 10000000, u->limit * 4096, u->frames);
	for (int i = 25; i <= 52; i++)
		say(" 0");
	say("\n");
}

static const char *
state_text(char state)
{
	return state == 'R' ? "running" : state == 'T' ? "stopped" :
	    state == 'Z' ? "zombie" : "sleeping";
}

static void
say_ids(const char *what, const uint32_t *id)
{
	say("%s:\t%u\t%u\t%u\t%u\n", what, id[0], id[1], id[2], id[3]);
}

static void
say_status(const struct proc *p, const struct world_usage *u)
{
	static const struct cm_window nobody;
	const struct cm_window *w = p->seats == NULL ? &nobody :
	    p->seats->win;

	say("Name:\t%s\nUmask:\t0%u%u%u\nState:\t%c (%s)\nTgid:\t%u\nPid:\t%u\n"
	    "PPid:\t%u\nTracerPid:\t0\n", p->comm, p->umask >> 6 & 7,
	    p->umask >> 3 & 7, p->umask & 7, u->state, state_text(u->state),
	    p->pid, p->pid, p->parent == NULL ? 0 : p->parent->pid);
	say_ids("Uid", &p->cred.uid);
	say_ids("Gid", &p->cred.gid);
	say("FDSize:\t%u\nGroups:\t", CM_FDS);
	for (uint32_t i = 0; i < p->cred.ngroups; i++)
		say("%u ", p->cred.groups[i]);
	say("\nVmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t%u\n"
	    "SigQ:\t%u/%lu\nSigPnd:\t%016lx\nSigBlk:\t%016lx\n"
	    "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", u->limit * 4,
	    u->frames * 4, proc_tasks(p), p->ninfos,
	    p->limit[L_RLIMIT_SIGPENDING][0], w->pending, w->sig_blocked,
	    w->sig_ignored, w->sig_caught);
	/* Indices in the kernel's tables. */
	say("Domain:\t%u\nAccount:\t%u\n", (uint32_t)p->domain,
	    (uint32_t)p->acct);
}

static void
say_limit(uint64_t n, const char *end)
{
	if (n == L_RLIM_INFINITY)
		say("%-21s%s", "unlimited", end);
	else
		say("%-21lu%s", n, end);
}

static void
say_limits(const struct proc *p)
{
	static const char *const names[L_RLIMITS][2] = {
		{ "Max cpu time", "seconds" }, { "Max file size", "bytes" },
		{ "Max data size", "bytes" }, { "Max stack size", "bytes" },
		{ "Max core file size", "bytes" },
		{ "Max resident set", "bytes" },
		{ "Max processes", "processes" },
		{ "Max open files", "files" },
		{ "Max locked memory", "bytes" },
		{ "Max address space", "bytes" },
		{ "Max file locks", "locks" },
		{ "Max pending signals", "signals" },
		{ "Max msgqueue size", "bytes" }, { "Max nice priority", "" },
		{ "Max realtime priority", "" },
		{ "Max realtime timeout", "us" },
	};

	say("%-26s%-21s%-21s%s\n", "Limit", "Soft Limit", "Hard Limit",
	    "Units");
	for (uint32_t i = 0; i < L_RLIMITS; i++) {
		say("%-26s", names[i][0]);
		say_limit(p->limit[i][0], "");
		say_limit(p->limit[i][1], names[i][1]);
		say("\n");
	}
}

static void
say_bytes(const char *bytes, size_t n)
{
	if (n > 0)
		memcpy(text, bytes, n);
	text_len = n;
}

static void
say_pid(uint32_t kind, const struct proc *p)
{
	struct world_usage u;

	world_usage(p, &u);
	switch (kind) {
	case PID_STAT:
		say_stat(p, &u);
		break;
	case PID_STATM:
		say("%lu %lu 0 0 0 %lu 0\n", u.limit, u.frames, u.frames);
		break;
	case PID_STATUS:
		say_status(p, &u);
		break;
	case PID_CMDLINE:
		say_bytes(p->args, p->args_len);
		break;
	case PID_COMM:
		say("%s\n", p->comm);
		break;
	case PID_LIMITS:
		say_limits(p);
		break;
	case PID_EXE:
		say_bytes(p->exe, p->exe_len);
		break;
	}
}

/* What a descriptor is of: a path, or what it is if it has none. */
static void
say_file(const struct file *f)
{
	int64_t n = f->inode == NULL ? -1 :
	    fs_path_of(f->inode, text, TEXT_MAX);

	if (n >= 0)
		text_len = (size_t)n;
	else
		say("%s:[%u]", f->ops == &pipe_ops ? "pipe" :
		    file_is_sock(f) ? "socket" : f->inode == NULL ?
		    "anon_inode" : "/memfd", f->inode == NULL ? 1 :
		    f->inode->ino);
}

static void
say_link(const struct inode *ip)
{
	struct proc *p = client_of(ip->made.pid);
	struct file *f;
	int64_t n;

	switch (ip->made.kind) {
	case SELF:
		say("%u", here->proc->leader->pid);
		break;
	case PID_ROOT:
		say("/");
		break;
	case PID_CWD:
		n = p == NULL || p->cwd == NULL ? 0 :
		    fs_path(p->cwd, text, TEXT_MAX);
		text_len = n < 0 ? 0 : (size_t)n;
		break;
	case PID_FD:
		f = fd_of(ip->made.pid, ip->made.fd);
		if (f != NULL && f->ops == &tty_ops && f->tty->pty != NULL)
			say("/dev/pts/%u", pty_number(f->tty));
		else if (f != NULL && f->ops == &tty_ops)
			say("/dev/console");
		else if (f != NULL)
			say_file(f);
		break;
	}
}

static int64_t
synth_read(struct inode *ip, uint64_t off, char *to, size_t n)
{
	struct proc *p = proc_find(ip->made.pid);
	uint32_t kind = ip->made.kind;

	if (kind >= TABLE)
		return (int64_t)world_table(kind - TABLE, off, to, n);
	if ((kind == PID_EXE || kind == PID_CWD || kind == PID_FD) &&
	    p != NULL && !may_look(client_of(ip->made.pid)))
		return -L_EACCES;
	text_len = 0;
	if (kind >= PID_STAT && kind <= PID_EXE) {
		if (p == NULL)
			return -L_ESRCH;
		say_pid(kind, p);
	} else {
		say_machine(kind);
		say_fixed(kind);
		if (kind == COMMONS)
			say_commons();
		say_link(ip);
	}
	if (off >= text_len)
		return 0;
	n = n < text_len - off ? n : text_len - off;
	memcpy(to, text + off, n);
	return (int64_t)n;
}

static const struct synth synth = {
	.lookup = synth_lookup, .entry = synth_entry, .read = synth_read,
	.follow = synth_follow,
};

/* ---- the two roots */

static int64_t
root_make(const char *path, struct inode **out)
{
	struct walk w;
	int64_t r = fs_walk(fs_root, path, strlen(path), WALK_MISSING, &w);

	if (r == 0 && w.inode == NULL)
		r = fs_create(&w, DIR_MODE, &w.inode);
	if (r != 0 || !IS_DIR(w.inode))
		return r != 0 ? r : -L_ENOTDIR;
	w.inode->synth = &synth;
	*out = w.inode;
	return 0;
}

int64_t
synth_init(void)
{
	struct inode *exo;
	int64_t r = root_make("proc", &proc_root);

	return r != 0 ? r : root_make("exo", &exo);
}
