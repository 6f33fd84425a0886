/*
 * castor/seat.h - seats beyond the first, and handles to them.
 *
 * Seat i has a stack of SEAT_STACK bytes and an upcall frame at fixed
 * addresses of VM_SEATS.
 */
#ifndef CASTOR_SEAT_H
#define CASTOR_SEAT_H

#include <castor/sys.h>
#include <castor/vm.h>

#define SEAT_SPAN	0x20000ul
#define SEAT_STACK	0x4000ul
#define SEATS_MAX	((uint32_t)((VM_SEATS_TOP - VM_SEATS) / SEAT_SPAN))
#define SEAT_BASE(i)	(VM_SEATS + (uint64_t)(i) * SEAT_SPAN)
#define SEAT_TOP(i)	(SEAT_BASE(i) + 0x10000ul)	/* rsp at its entry */
#define SEAT_UPCALL(i)	(SEAT_BASE(i) + 0x18000ul)

/*
 * Make seat i of this domain: memory mapped, reserved for env, entered at
 * `entry`.
 */
long seat_make(uint32_t i, exo_id env, void (*entry)(void)) MUST_USE;

/* A free place of my handle table, opened for domain `from`. */
long place_open(exo_id from) MUST_USE;

/*
 * SERVICE(f) makes f_entry, the entry of a seat, out of a function
 *	uint64_t f(badge, a, b, c, d, e)
 * called with the words of exo_call; its result goes back.
 */
#define SERVICE(f)							      \
	static __typeof__(f) *const f##_service __attribute__((used)) = f;    \
	void f##_entry(void);						      \
	__asm__(".pushsection .text\n"					      \
		".globl " #f "_entry\n"					      \
		#f "_entry:\n"						      \
		"	movabs $" #f ", %r11\n"				      \
		"	jmp castor_service\n"				      \
		".popsection")

#endif
