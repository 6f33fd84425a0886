/*
 * lwc_masks.c - lwc_syscall: whose memory, whose descriptors, whose credentials,
 * by each mask; and what is lent for a call is gone after it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "native.h"
#include "tap.h"

#define ROOTS	"/tmp/masks-root"	/* nobody else may open it */
#define ANYBODYS "/tmp/masks-any"
#define USER	1000
#define THEIRS	77			/* a descriptor of the child's alone */

static char word[32];			/* each context has its own */

enum { SET_UP = 1, UID, IS_OPEN, LEND, CWD, ID };

/* What the child does. */
static uint64_t
obey(uint64_t what, uint64_t arg)
{
	char cwd[32] = "";
	int fd;

	switch (what) {
	case SET_UP:
		strcpy(word, ROOTS);
		fd = open(ANYBODYS, O_RDWR);
		return dup2(fd, THEIRS) == THEIRS && close(fd) == 0 &&
		    setuid(USER) == 0;
	case ID:
		return EXO_ID(EXO_DOMAINS[lwc_self()].gen, lwc_self());
	case UID:
		return (uint64_t)getuid();
	case IS_OPEN:
		return fcntl((int)arg, F_GETFD) >= 0;
	case LEND:
		return (uint64_t)native_ask(CM_CONTEXT_LEND, arg, 3, 0, 0);
	case CWD:
		return getcwd(cwd, sizeof(cwd)) != NULL &&
		    strcmp(cwd, "/etc") == 0;
	}
	return 0;
}

static void
obey_words(uint64_t args[LWC_ARGS])
{
	args[0] = obey(args[0], args[1]);
}

static uint64_t
tell(long c, uint64_t what, uint64_t arg)
{
	uint64_t args[LWC_ARGS] = { what, arg };

	return lwc_switch((int)c, args, NULL) == LWC_SWITCHED ? args[0] :
	    ~0ul;
}

static long
for_it(long c, unsigned mask, long nr, uint64_t a, uint64_t b, uint64_t d)
{
	uint64_t args[6] = { a, b, d };

	return lwc_syscall((int)c, mask, nr, args);
}

static long
open_for(long c, unsigned mask, const char *path)
{
	return for_it(c, mask, SYS_open, (uint64_t)path, O_RDWR, 0);
}

static int
file_is(const char *text)
{
	char is[32] = "";
	int fd = open(ANYBODYS, O_RDWR);
	ssize_t n = read(fd, is, sizeof(is));

	close(fd);
	return n == (ssize_t)strlen(text) && memcmp(is, text, (size_t)n) == 0;
}

static long
begin(void)
{
	long c;

	close(open(ROOTS, O_CREAT | O_RDWR | O_TRUNC, 0600));
	close(open(ANYBODYS, O_CREAT | O_RDWR | O_TRUNC, 0666));
	chmod(ANYBODYS, 0666);
	strcpy(word, ANYBODYS);
	c = child_of(NULL, 0, 0, obey_words);
	if (c < 0 || tell(c, SET_UP, 0) != 1)
		_exit(98);
	return c;
}

static void
end(long c)
{
	/* Nothing of it has stuck. */
	EQ(getuid(), 0);
	EQ(fcntl(THEIRS, F_GETFD), -1);
	EQ(lwc_close((int)c), 0);
	unlink(ROOTS);
	unlink(ANYBODYS);
}

TEST(its_memory)
{
	long c = begin(), fd = open_for(c, LWC_MEMORY, word);

	/* There the word is another path, and this is root's right. */
	OK(fd >= 0 && fcntl((int)fd, F_GETFD) >= 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 0);
	close((int)fd);
	EQ(for_it(c, LWC_MEMORY, SYS_getuid, 0, 0, 0), 0);
	EQ(for_it(c, LWC_MEMORY, SYS_close, THEIRS, 0, 0), -EBADF);
	end(c);
}

TEST(its_descriptors)
{
	long c = begin(), fd;

	strcpy(word, "mine");
	EQ(for_it(c, LWC_FILES, SYS_write, THEIRS, (uint64_t)word, 4), 4);
	OK(file_is("mine"));
	/* Opened as root, put into its table. */
	fd = open_for(c, LWC_FILES, ROOTS);
	OK(fd >= 0 && fcntl((int)fd, F_GETFD) < 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 1);
	EQ(for_it(c, LWC_FILES, SYS_close, (uint64_t)fd, 0, 0), 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 0);
	EQ(for_it(c, LWC_FILES, SYS_getuid, 0, 0, 0), 0);
	/* And its directory. */
	EQ(for_it(c, LWC_FILES, SYS_chdir, (uint64_t)"/etc", 0, 0), 0);
	EQ(tell(c, CWD, 0), 1);
	EQ(obey(CWD, 0), 0);
	end(c);
}

TEST(its_credentials)
{
	long c = begin(), fd;

	EQ(for_it(c, LWC_CREDENT, SYS_getuid, 0, 0, 0), USER);
	EQ(open_for(c, LWC_CREDENT, ROOTS), -EACCES);
	fd = open_for(c, LWC_CREDENT, ANYBODYS);
	OK(fd >= 0 && fcntl((int)fd, F_GETFD) >= 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 0);
	close((int)fd);
	EQ(for_it(c, LWC_CREDENT, SYS_close, THEIRS, 0, 0), -EBADF);
	end(c);
}

TEST(its_credentials_are_changed)
{
	long c = child_of(NULL, 0, 0, obey_words);

	EQ(for_it(c, LWC_CREDENT, SYS_setuid, USER, 0, 0), 0);
	EQ(tell(c, UID, 0), USER);
	EQ(for_it(c, LWC_CREDENT, SYS_setuid, 0, 0, 0), -EPERM);
	EQ(getuid(), 0);
	EQ(lwc_close((int)c), 0);
}

TEST(descriptors_and_credentials)
{
	long c = begin(), fd;

	EQ(for_it(c, LWC_FILES | LWC_CREDENT, SYS_getuid, 0, 0, 0), USER);
	EQ(open_for(c, LWC_FILES | LWC_CREDENT, ROOTS), -EACCES);
	fd = open_for(c, LWC_FILES | LWC_CREDENT, word);
	OK(fd >= 0 && fcntl((int)fd, F_GETFD) < 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 1);
	end(c);
}

TEST(memory_and_descriptors)
{
	long c = begin(), fd;

	strcpy(word, "mine");
	EQ(for_it(c, LWC_MEMORY | LWC_FILES, SYS_write, THEIRS, (uint64_t)word,
	    sizeof(ROOTS) - 1), sizeof(ROOTS) - 1);
	OK(file_is(ROOTS));
	fd = open_for(c, LWC_MEMORY | LWC_FILES, word);
	OK(fd >= 0);
	EQ(tell(c, IS_OPEN, (uint64_t)fd), 1);
	end(c);
}

TEST(memory_and_credentials)
{
	long c = begin();

	EQ(open_for(c, LWC_MEMORY | LWC_CREDENT, word), -EACCES);
	EQ(for_it(c, LWC_MEMORY | LWC_CREDENT, SYS_getuid, 0, 0, 0), USER);
	EQ(for_it(c, LWC_MEMORY | LWC_CREDENT, SYS_close, THEIRS, 0, 0),
	    -EBADF);
	end(c);
}

/* What has to wait goes on with the same table. */
TEST(a_call_that_waits)
{
	int ends[2], status;
	char got[4] = "";
	pid_t pid;
	long c;

	EQ(pipe(ends), 0);
	c = child_of(NULL, 0, 0, obey_words);
	OK(c >= 0);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		_exit(write(ends[1], "abc", 3) != 3);
	}
	close(ends[0]);
	EQ(for_it(c, LWC_FILES, SYS_read, (uint64_t)ends[0], (uint64_t)got, 3),
	    3);
	OK(memcmp(got, "abc", 3) == 0);
	EQ(waitpid(pid, &status, 0), pid);
	EQ(status, 0);
	close(ends[1]);
	EQ(lwc_close((int)c), 0);
}

TEST(what_is_whole)
{
	static const unsigned some[] = { LWC_MEMORY, LWC_FILES, LWC_CREDENT,
		LWC_FILES | LWC_CREDENT, LWC_MEMORY | LWC_FILES,
		LWC_MEMORY | LWC_CREDENT };
	long c = child_of(NULL, 0, 0, obey_words);

	for (unsigned i = 0; i < 6; i++) {
		EQ(for_it(c, some[i], SYS_mmap, 0, PAGE, 3), -ENOSYS);
		EQ(for_it(c, some[i], SYS_brk, 0, 0, 0), -ENOSYS);
		EQ(for_it(c, some[i], SYS_kill, (uint64_t)getpid(), 0, 0),
		    -ENOSYS);
		EQ(for_it(c, some[i], SYS_futex, 0, 0, 0), -ENOSYS);
		EQ(for_it(c, some[i], SYS_fork, 0, 0, 0), -ENOSYS);
	}
	OK(for_it(c, LWC_ALL, SYS_brk, 0, 0, 0) > 0);
	EQ(for_it(c, LWC_ALL + 1, SYS_getuid, 0, 0, 0), -EINVAL);
	EQ(lwc_close((int)c), 0);
}

/* ---- who may */

TEST(a_right_that_was_given_up)
{
	struct lwc_spec files = { ~0ul, ~0ul, LWC_FILES, 0 };
	struct lwc_spec creds = { 5, 10, LWC_CREDENT, 0 };
	long c = begin();

	EQ(lwc_restrict((int)c, &files, 1), 0);
	EQ(for_it(c, LWC_FILES, SYS_close, THEIRS, 0, 0), -EACCES);
	EQ(for_it(c, LWC_FILES | LWC_CREDENT, SYS_getuid, 0, 0, 0), -EACCES);
	EQ(for_it(c, LWC_CREDENT, SYS_getuid, 0, 0, 0), USER);
	EQ(lwc_restrict((int)c, &creds, 1), 0);
	EQ(for_it(c, LWC_CREDENT, SYS_getuid, 0, 0, 0), -EACCES);
	EQ(tell(c, IS_OPEN, THEIRS), 1);
	end(c);
}

/* The child asks its creator: nothing was given to it. */
TEST(a_child_may_not)
{
	uint64_t args[LWC_ARGS] = { 0 };
	long c = lwc_create(NULL, 0, &caller, NULL, NULL, 0);

	if (c == LWC_SWITCHED) {
		args[0] = (uint64_t)for_it(caller, LWC_FILES, SYS_getuid, 0, 0,
		    0);
		args[1] = (uint64_t)for_it(caller, LWC_CREDENT, SYS_getuid, 0,
		    0, 0);
		args[2] = (uint64_t)for_it(caller, LWC_FILES | LWC_CREDENT,
		    SYS_getuid, 0, 0, 0);
		lwc_switch(caller, args, NULL);
	}
	EQ(lwc_switch((int)c, args, NULL), LWC_SWITCHED);
	for (unsigned i = 0; i < 3; i++)
		EQ(args[i], -EACCES);
	EQ(lwc_close((int)c), 0);
}

/* One whose calls are its creator's has no credentials: with them, that one has
 * none either. */
TEST(of_one_without_credentials)
{
	struct lwc_spec s = { 1, 1, LWC_FILES | LWC_COPY, 0 };
	long c = child_of(&s, 1, LWC_SYSTRAP, obey_words);

	OK(c >= 0);
	EQ(open_for(c, LWC_CREDENT, "/etc/passwd"), -EACCES);
	EQ(open_for(c, LWC_FILES | LWC_CREDENT, "/etc/passwd"), -EACCES);
	EQ(for_it(c, LWC_FILES, SYS_lseek, 200, 0, 0), -EBADF);
	OK(open_for(c, LWC_FILES, "/dev/null") >= 0);
	OK(open("/dev/null", O_RDONLY) >= 0);
	EQ(lwc_close((int)c), 0);
}

/* ---- past Castor */

TEST(nothing_is_lent_but_by_its_owner)
{
	exo_id me = native_ids().domain;
	long c = begin(), client;

	EQ(native_ask(CM_CLOSE | CM_LENT, THEIRS, 0, 0, 0), -EINVAL);
	/* A call is over: so is what was lent for it. */
	EQ(for_it(c, LWC_FILES, SYS_lseek, THEIRS, 0, 0), 0);
	EQ(native_ask(CM_SEEK | CM_LENT, THEIRS, 0, 0, 0), -EINVAL);
	/* Nobody lends to who did not say that he takes it. */
	client = native_ask(CM_CONTEXT_AT, me, 0, 0, 0);
	OK(client >= 0);
	EQ(tell(c, LEND, (uint64_t)client), -EACCES);
	end(c);
}

TEST(what_is_lent_ends_nobody)
{
	exo_id me = native_ids().domain, its;
	long c = begin(), client;

	its = tell(c, ID, 0);
	client = native_ask(CM_CONTEXT_AT, me, its, 0, 0);
	OK(its != 0 && client >= 0);
	EQ(tell(c, LEND, (uint64_t)client), 0);
	EQ(native_ask(CM_SEEK | CM_LENT, THEIRS, 0, 0, 0), 0);
	EQ(native_ask(CM_SEEK, THEIRS, 0, 0, 0), -EBADF);
	EQ(native_ask(CM_EXIT | CM_LENT, 0, 0, 0, 0), -EINVAL);
	EQ(native_ask(CM_KILL | CM_LENT, (uint64_t)getpid(), 9, 0, 0), -EINVAL);
	EQ(native_ask(CM_CONTEXT_LEND | CM_LENT, ~0ul, 0, 0, 0), -EINVAL);
	EQ(native_ask((CM_OP_MAX + 5) | CM_LENT, 0, 0, 0, 0), -EINVAL);
	/* Its owner goes: there is nothing any more. */
	end(c);
	EQ(native_ask(CM_SEEK | CM_LENT, THEIRS, 0, 0, 0), -EINVAL);
	/* What is not to be. */
	EQ(native_ask(CM_CONTEXT_LEND, 12345, 3, 0, 0), -EACCES);
	EQ(native_ask(CM_CONTEXT_LEND, ~0ul, 0, 0, 0), 0);
}

TAP_MAIN
