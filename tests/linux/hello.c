/*
 * hello.c - what a C library does before and around main: start-up, printf,
 * malloc, the clock.
 */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

extern char **environ;

TEST(the_auxiliary_vector_is_sound)
{
	const Elf64_Phdr *ph = (void *)getauxval(AT_PHDR);

	EQ(getauxval(AT_PAGESZ), 4096);
	EQ(getauxval(AT_PHENT), sizeof(*ph));
	OK(getauxval(AT_PHNUM) > 1);
	OK(ph != NULL && (ph->p_type == PT_LOAD || ph->p_type == PT_PHDR));
	EQ(getauxval(AT_SECURE), 0);
	EQ(getauxval(AT_SYSINFO_EHDR), 0);
	OK(getauxval(AT_RANDOM) != 0);
	OK(strcmp((char *)getauxval(AT_EXECFN), "/test/linux/hello") == 0);
	OK(strcmp((char *)getauxval(AT_PLATFORM), "x86_64") == 0);
}

TEST(the_environment_is_there)
{
	OK(environ != NULL && environ[0] != NULL);
	OK(getenv("PATH") != NULL);
}

TEST(malloc_gives_and_takes)
{
	char *p[100];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 100; i++) {
			size_t n = (size_t)(i + 1) * (size_t)(round + 1) * 50;

			p[i] = malloc(n);
			OK(p[i] != NULL);
			memset(p[i], i, n);
		}
		for (int i = 0; i < 100; i++) {
			EQ(p[i][(i + 1) * 49], i);
			free(p[i]);
		}
	}
}

TEST(a_large_block_is_mapped_and_zero)
{
	size_t n = 16 << 20;
	unsigned char *p = malloc(n);
	unsigned sum = 0;

	OK(p != NULL);
	memset(p, 1, 1 << 20);
	for (size_t i = 0; i < n; i += 4096)
		sum += p[i];
	EQ(sum, (1 << 20) / 4096);
	free(p);
}

static char bss[100000];

TEST(bss_is_zero)
{
	for (size_t i = 0; i < sizeof(bss); i++)
		OK(bss[i] == 0);
}

TEST(the_clock_goes_on)
{
	struct timespec a, b, nap = { 0, 20000000 };

	EQ(clock_gettime(CLOCK_MONOTONIC, &a), 0);
	EQ(nanosleep(&nap, NULL), 0);
	EQ(clock_gettime(CLOCK_MONOTONIC, &b), 0);
	OK((b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec >=
	    20000000);
}

TEST(ids_and_names)
{
	struct utsname u;

	EQ(getpid(), syscall(SYS_gettid));
	EQ(getuid(), 0);
	EQ(uname(&u), 0);
	OK(strcmp(u.sysname, "Linux") == 0);
	OK(strcmp(u.machine, "x86_64") == 0);
}

TEST(what_is_not_there_is_enosys)
{
	EQ(syscall(SYS_io_uring_setup, 1, 0), -1);
	EQ(errno, ENOSYS);
	EQ(syscall(100000), -1);
	EQ(errno, ENOSYS);
	EQ(syscall(-1L), -1);
	EQ(errno, ENOSYS);
}

TEST(bad_pointers_are_efault)
{
	EQ(syscall(SYS_uname, 1), -1);
	EQ(errno, EFAULT);
	EQ(syscall(SYS_uname, 0x7f0000000000), -1);	/* Castor's */
	EQ(errno, EFAULT);
	EQ(syscall(SYS_uname, 0xffffff0000000000), -1);
	EQ(errno, EFAULT);
	EQ(syscall(SYS_uname, (uintptr_t)"read-only"), -1);
	EQ(errno, EFAULT);
}

TEST(registers_survive_a_call)
{
	uint64_t v[6] = { 1, 2, 3, 4, 5, 6 }, rax;
	register uint64_t r8 __asm__("r8") = v[3];
	register uint64_t r9 __asm__("r9") = v[4];
	register uint64_t r10 __asm__("r10") = v[5];

	__asm__ volatile("syscall" : "=a"(rax), "+D"(v[0]), "+S"(v[1]),
	    "+d"(v[2]), "+r"(r8), "+r"(r9), "+r"(r10) : "a"(SYS_getppid) :
	    "rcx", "r11", "memory");
	EQ(v[0], 1);
	EQ(v[1], 2);
	EQ(v[2], 3);
	EQ(r8, 4);
	EQ(r9, 5);
	EQ(r10, 6);
}

TEST(random_bytes_differ)
{
	uint64_t a = 0, b = 0;

	EQ(syscall(SYS_getrandom, &a, 8, 0), 8);
	EQ(syscall(SYS_getrandom, &b, 8, 0), 8);
	OK(a != b && a != 0 && b != 0);
}

TAP_MAIN
