/*
 * work.c - a program for tests/guest/leda.c, which runs the same file on two
 * library OSes.  Built with musl; its first argument says what to do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define LEDA_ASK	1000

/* What a library OS must do for it: 42, or the line that went wrong. */
static int
work(void)
{
	char *p[64], *big;
	struct utsname u;

	for (int i = 0; i < 64; i++) {
		p[i] = malloc((size_t)(i * i * 10 + 1));
		if (p[i] == NULL)
			return __LINE__;
		memset(p[i], i, (size_t)(i * i * 10 + 1));
	}
	for (int i = 0; i < 64; i++) {
		if (p[i][i * i * 10] != i)
			return __LINE__;
		free(p[i]);
	}
	big = mmap(NULL, 3 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (big == MAP_FAILED || big[3 << 19] != 0 ||
	    mprotect(big, 4096, PROT_READ) != 0 ||
	    munmap(big + 4096, (3 << 20) - 4096) != 0)
		return __LINE__;
	if (uname(&u) != 0)
		return __LINE__;
	printf("both: %s on %s, pid %d\n", u.nodename, u.version, getpid());
	return 42;
}

/* Refused everywhere alike: 0. */
static int
refusals(void)
{
	char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0);

	if (write(1, (void *)8, 1) != -1 || errno != EFAULT ||
	    write(1, p, 1) != -1 || errno != EFAULT ||
	    write(77, "x", 1) != -1 || errno != EBADF ||
	    write(1, (char *)-4096, 8192) != -1 || errno != EFAULT)
		return __LINE__;
	if (munmap(p + 1, 4096) != -1 || errno != EINVAL ||
	    munmap(p, 0) != -1 || errno != EINVAL ||
	    mprotect(p + (1ul << 46), 4096, PROT_READ) != -1)
		return __LINE__;
	if (mmap(NULL, 1ul << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	    0) != MAP_FAILED || errno != ENOMEM)
		return __LINE__;
	return 0;
}

static int
touch(unsigned mib)
{
	volatile char *p = malloc((size_t)mib << 20);

	for (size_t i = 0; p != NULL && i < (size_t)mib << 20; i += 4096)
		p[i] = 1;
	return p == NULL;
}

/* More memory in all than there is, never more than a little at once. */
static int
churn(void)
{
	for (int i = 0; i < 100; i++) {
		char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return __LINE__;
		for (int at = 0; at < 1 << 20; at += 4096)
			p[at] = 1;
		if (munmap(p, 1 << 20) != 0)
			return __LINE__;
	}
	return 0;
}

/* What has no rights any more can't be read, though it is there. */
static int
hidden(void)
{
	volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[0] = 1;
	if (mprotect((void *)(unsigned long)p, 4096, PROT_NONE) != 0)
		return __LINE__;
	return p[0];
}

static _Noreturn void
spin(void)
{
	for (volatile unsigned long n = 0;; n++)
		;
}

/* Ends by a signal, on Linux. */
static int
fault(const char *how)
{
	static const char text[4096] __attribute__((aligned(4096))) = "r";

	if (strcmp(how, "wild") == 0)
		*(volatile char *)0x6fffffff0000 = 1;
	if (strcmp(how, "text") == 0)
		*(volatile char *)(unsigned long)text = 1;
	if (strcmp(how, "jump") == 0)
		((void (*)(void))(unsigned long)text)();
	if (strcmp(how, "ud2") == 0)
		__asm__ volatile("ud2");
	if (strcmp(how, "zero") == 0)
		__asm__ volatile("div %0" : : "r"(0) : "rax", "rdx");
	return 1;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "work";

	if (strcmp(what, "refusals") == 0)
		return refusals();
	if (strcmp(what, "touch") == 0)
		return touch((unsigned)atoi(argv[2]));
	if (strcmp(what, "churn") == 0)
		return churn();
	if (strcmp(what, "hidden") == 0)
		return hidden();
	if (strcmp(what, "spin") == 0)
		spin();
	if (strcmp(what, "ask") == 0)
		return (int)syscall(LEDA_ASK, 30, atoi(argv[2]));
	return strcmp(what, "work") == 0 ? work() : fault(what);
}
