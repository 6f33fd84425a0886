/*
 * stackgrow.c - memory that comes when it is touched.
 *
 *	stackgrow		the stack grows, a heap fills up
 *	stackgrow wild		and one access that nothing answers
 *
 * Every fault is an upcall to this program's own pager, which takes a frame
 * by name, writes the entry, and returns to the instruction by iretq.
 */
#include <castor/print.h>
#include <castor/string.h>
#include <castor/vm.h>

#define DEPTH	200u
#define HEAP	(1ul << 20)

static uint64_t
deeper(uint32_t n)
{
	volatile uint8_t room[2048];

	room[0] = (uint8_t)n;
	return n == 0 ? 0 : deeper(n - 1) + room[0];
}

static void
report(const char *what, const struct vm_stats *before, uint64_t tsc)
{
	uint64_t faults = vm_stats.faults - before->faults;

	print("%s: %lu faults, %lu frames, %lu tables", what, faults,
	    vm_stats.frames - before->frames,
	    vm_stats.tables - before->tables);
	if (faults != 0)
		print(", %lu cycles a fault", tsc / faults);
	print("\n");
}

int
main(int argc, char **argv)
{
	struct vm_stats before = vm_stats;
	uint64_t tsc = __builtin_ia32_rdtsc();
	volatile uint64_t *heap;

	(void)deeper(DEPTH);
	report("stack", &before, __builtin_ia32_rdtsc() - tsc);

	heap = vm_alloc(HEAP);
	before = vm_stats;
	tsc = __builtin_ia32_rdtsc();
	for (uint64_t i = 0; i < HEAP / 8; i += 512)
		heap[i] = i;
	report("heap", &before, __builtin_ia32_rdtsc() - tsc);

	if (argc > 1 && strcmp(argv[1], "wild") == 0)
		heap[HEAP / 8] = 1;
	return 0;
}
