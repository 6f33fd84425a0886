/*
 * big.c - a fork of a process with 512 MiB that it has written, and contexts.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "snapshot.h"

#define SIZE	(512ul << 20)

static void
fork_wait(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (waitpid(pid, NULL, 0) != pid) {
		printf("not ok: no child\n");
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	volatile char *p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (argc > 1)
		row_wanted = argv[1];
	for (uint64_t i = 0; i < SIZE; i += 4096)
		p[i] = 1;
	for (int i = 0; i < 5; i++)
		fork_wait();
	ROW("image_fork_512m", .aim = 20000, .peer = "fork_exit_wait",
	    .samples = 100, .bound = "as image_fork_exit_wait: tables are shared")
		TAKE(fork_wait());
	create_close(p, 0);
	ROW("lwc_create_close_512m", .aim = 5000, .samples = 100,
	    .bound = "as lwc_create_close: tables are shared")
		TAKE(create_close(p, 0));
	ROW("lwc_create_close_512m_10", .samples = 50)
		TAKE(create_close(p, 10));
	ROW("lwc_create_close_512m_100", .samples = 20)
		TAKE(create_close(p, 100));
	ROW("lwc_create_close_512m_1000", .samples = 10, .with_ticks = true)
		TAKE(create_close(p, 1000));
	return 0;
}
