/*
 * main.c - the order in which the kernel comes up.
 */
#include <stdint.h>

#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "dev/lapic.h"
#include "env.h"
#include "first.h"
#include "kmap.h"
#include "table.h"

_Noreturn void	kernel_main(uint32_t kind, uint64_t info_pa);

static void
banner_print(void)
{
	const struct cpu_features *f = &cpu_features;
	uint64_t ram = 0;
	uint32_t i;

	for (i = 0; i < boot_info.nranges; i++)
		ram += boot_info.ranges[i].len;
	kprintf("Pollux: %lu MiB, %s%s%s%s%s%s%s, TSC %lu kHz\n", ram >> 20,
	    f->smep ? "smep " : "", f->smap ? "smap " : "",
	    f->umip ? "umip " : "", f->pcid ? "pcid " : "",
	    f->invpcid ? "invpcid " : "", f->avx ? "avx " : "",
	    f->avx512 ? "avx512" : "", tsc_hz / 1000);
}

_Noreturn void
kernel_main(uint32_t kind, uint64_t info_pa)
{
	struct env *first;

	console_init();
	boot_init(kind, info_pa);
	cpu_init();
	kmap_init();
	lapic_init();
	banner_print();
	table_boot(&boot_info);
	first = first_make(&boot_info);
	lapic_timer_start(machine.tick_hz);
	sched_start(first);
}
