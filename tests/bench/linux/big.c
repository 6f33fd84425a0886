/*
 * big.c - a fork of a process with 512 MiB that it has written.
 */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "row.h"

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
	return 0;
}
