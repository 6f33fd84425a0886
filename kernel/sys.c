/*
 * sys.c - from a call's number to its handler; user memory.
 *
 * Plain handlers (C) run straight from entry.asm's `plain`.  Full ones (F) may
 * switch envs or domains: entry.asm saves all registers before it calls them.
 * The three assembly calls (A) have C forms here too,
 * which do slowly, and explain, what the fast paths would not do.
 */
#include "console.h"
#include "cpu.h"
#include "dev/power.h"
#include "env.h"
#include "panic.h"
#include "sys.h"
#include "table.h"
#include "trap.h"
#include "user.h"

bool cpu_smap;				/* entry.asm: STAC and CLAC exist */

/*
 * The rows.  A handler's type differs from call to call; entry.asm calls all
 * with six integer arguments, which the System V ABI allows a function to take
 * fewer of.
 */
typedef void (*row_fn)(void);

#define ROW_A(name)	sys_full	/* reached through its fast path */
#define ROW_F(name)	sys_full
#ifdef CHECK				/* all go out by exit_full */
#define ROW_C(name)	sys_full
#else
#define ROW_C(name)	(row_fn)sys_##name
#endif
#define ROW(nr, how, name, args, names)	[nr] = ROW_##how(name),

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-function-type"
#pragma GCC diagnostic ignored "-Woverride-init"
row_fn const sys_row[EXO_NR_MAX] = {
	[0 ... EXO_NR_MAX - 1] = sys_none,
	EXO_SYSCALLS(ROW)
};

typedef long (*full_fn)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
    uint64_t);

#define FULL_A(nr, name)	[nr] = (full_fn)(row_fn)sys_##name,
#define FULL_F(nr, name)	[nr] = (full_fn)(row_fn)sys_##name,
#ifdef CHECK
#define FULL_C(nr, name)	FULL_F(nr, name)
#else
#define FULL_C(nr, name)
#endif
#define FULL(nr, how, name, args, names)	FULL_##how(nr, name)

full_fn const sys_full_row[EXO_NR_MAX] = { EXO_SYSCALLS(FULL) };
#pragma GCC diagnostic pop

/* A call that the mask refuses: nothing of it has been looked at. */
void
sys_refused_c(void)
{
	cpu()->switched = 0;
	trap_deliver(EXO_CLASS_REFUSED, EXO_K_REFUSED);
}

void
foreign_c(void)
{
	cpu()->switched = 0;
	trap_deliver(EXO_CLASS_FOREIGN, EXO_K_FOREIGN);
}

/* ----------------------------------------------------------- user memory */

long user_copy(void *to, const void *from, uint64_t n);

static bool
user_range(uint64_t va, uint64_t n)
{
	return va < EXO_USER_TOP && n <= EXO_USER_TOP - va;
}

long
user_read(void *dst, uint64_t va, uint64_t n)
{
	if (!user_range(va, n))
		return -EXO_E_ADDR;
	return user_copy(dst, (const void *)va, n);
}

long
user_write(uint64_t va, const void *src, uint64_t n)
{
	if (!user_range(va, n))
		return -EXO_E_ADDR;
	return user_copy((void *)va, src, n);
}

/* ------------------------------------------------------------ small calls */

long
sys_null(void)
{
	return 0;
}

/*
 * The console and the machine are guarded by the root's name with a chosen
 * component each, so that they can be given away one by one.
 */
static const struct exo_cap console_guard = {
	.len = 2, .name = { EXO_CAP_CHOSEN, 'c' }
};
static const struct exo_cap machine_guard = {
	.len = 2, .name = { EXO_CAP_CHOSEN, 'm' }
};

#define CONSOLE_MAX	512u

long
sys_console_write(exo_slot slot, uint64_t ptr, uint64_t n)
{
	char text[CONSOLE_MAX];
	long r = cap_check(slot, &console_guard, EXO_R_WRITE);

	if (r != 0)
		return r;
	if (n > CONSOLE_MAX)
		return -EXO_E_ARG;
	if ((r = user_read(text, ptr, n)) != 0)
		return r;
	/* Act. */
	for (uint64_t i = 0; i < n; i++)
		console_putc(text[i]);
	return (long)n;
}

long
sys_console_read(exo_slot slot, uint64_t ptr, uint64_t n)
{
	char text[CONSOLE_MAX] = { 0 };
	uint64_t got = 0;
	long r = cap_check(slot, &console_guard, EXO_R_READ);
	int c;

	if (r != 0)
		return r;
	if (n > CONSOLE_MAX)
		return -EXO_E_ARG;
	/* Prove the buffer before a character is taken from the device. */
	if ((r = user_write(ptr, text, n)) != 0)
		return r;
	/* Act. */
	while (got < n && (c = console_getc()) >= 0)
		text[got++] = (char)c;
	if (user_write(ptr, text, got) != 0)
		return -EXO_E_ADDR;	/* one CPU: it was there just now */
	return (long)got;
}

long
sys_machine_off(exo_slot slot, uint32_t status)
{
	long r = cap_check(slot, &machine_guard, EXO_R_USE);

	if (r != 0)
		return r;
	/* Act. */
	power_status((uint8_t)status);
	power_off((int)status);
}

long
sys_trace_set(exo_slot slot, uint32_t on)
{
	long r = cap_check(slot, &machine_guard, EXO_R_USE);

	if (r != 0)
		return r;
	/* Act. */
	trace_switch(on != 0);
	return 0;
}
