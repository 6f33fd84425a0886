/*
 * leda.h - Leda, a second library OS: one program, one domain, a quarter of a
 * gigabyte.
 *
 * Nothing of Castor is in it: it begins from exo/start.h, and sees no header
 * but those of the ABI.  docs/second-libos.md
 */
#ifndef LEDA_H
#define LEDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <exo/cap.h>
#include <exo/error.h>
#include <exo/pt.h>
#include <exo/start.h>
#include <exo/syscall.h>
#include <exo/tables.h>
#include <exo/trap.h>

/*
 * The address space.  Leda itself is linked at the start of slot 252.
 *
 *	0		the program: PAGES pages, a byte of state each
 *	WINDOW		the boot archive, to read
 *	SCRATCH		a page to fill frames by
 */
#define PAGES		0x10000u
#define WINDOW		0x10000000ul
#define SCRATCH		0x1ffff000ul
#define SPACE_END	0x20000000ul
#define MAP_FIRST	0x4000u			/* page: mmap looks from here */
#define STACK_PAGES	0x800u			/* the last of them */

/* state[page]: its rights, and what is there. */
#define PG_R		0x01u
#define PG_W		0x02u
#define PG_X		0x04u
#define PG_RIGHTS	0x07u			/* as PROT_* has them */
#define PG_OURS		0x08u			/* it belongs to something */
#define PG_THERE	0x10u			/* it has a frame */

/* Linux's errors, as far as they are told. */
enum { L_EPERM = 1, L_EIO = 5, L_ENOEXEC = 8, L_EBADF = 9, L_ENOMEM = 12,
	L_EFAULT = 14, L_ENODEV = 19, L_EINVAL = 22, L_ENOTTY = 25,
	L_ENOSYS = 38, L_ENOENT = 2 };

extern const struct exo_start *me;

/* ---- memory.c */
extern uint8_t state[PAGES];
long	memory_init(void);
/* The archive, mapped; NULL. */
const char *archive_map(void);
/* A page of the program's with these bytes at `at' in it. */
long	page_load(uint64_t page, uint32_t rights, const void *from, size_t n,
	    size_t at);
/* A page that is touched: false, it may not be. */
bool	page_fault(uint64_t va, uint64_t err);
/* Every page from `first' on is in nothing. */
bool	range_is_free(uint64_t first, uint64_t n);
void	range_give(uint64_t first, uint64_t n, uint32_t rights);
void	range_take(uint64_t first, uint64_t n);	/* unmap: frames go back */
bool	range_rights(uint64_t first, uint64_t n, uint32_t rights);
bool	memory_is(uint64_t va, uint64_t n, uint32_t right);
void	copy(void *to, const void *from, size_t n);
void	clear(void *to, size_t n);

/* ---- load.c: the program at this path of the archive; errno. */
struct program {
	uint64_t entry, phdr, phnum, brk;
};
long	program_load(const char *path, struct program *p);
uint64_t program_stack(const struct program *p);	/* its rsp */

/* ---- calls.c */
extern uint64_t brk_first, brk_now;
long	linux_call(struct exo_regs *r);
void	console_say(const char *text, size_t n);
_Noreturn void	leda_exit(uint64_t status);

/* ---- start.asm */
_Noreturn void	leda_enter(uint64_t rip, uint64_t rsp);
long	leda_call(uint64_t nr, uint64_t handle, uint64_t a, uint64_t b,
	    uint64_t *result);

/* The kernel's calls, all by this one. */
static inline long
kernel6(enum exo_nr nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
    uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long r = (long)(EXO_NR_BASE + nr);

	__asm__ volatile("syscall" : "+a"(r), "+D"(a), "+S"(b), "+d"(c),
	    "+r"(r10), "+r"(r8), "+r"(r9) : : "rcx", "r11", "memory");
	return r;
}
#define kernel(nr, a, b, c)	kernel6(nr, a, b, c, 0, 0, 0)

#endif
