/*
 * exo/error.h - the one list of errors.
 *
 * A call returns a result >= 0, or -EXO_E_*.  A refused call changes
 * nothing but counters and trace.
 */
#ifndef EXO_ERROR_H
#define EXO_ERROR_H

#define EXO_ERRORS(X)							      \
	X(1, CALL, "no such call")					      \
	X(2, ARG, "argument out of range or malformed")			      \
	X(3, ADDR, "user memory not there, misaligned or not the user's")     \
	X(4, SLOT, "capability slot out of range, unbound or empty")	      \
	X(5, DENIED, "the capability does not dominate the guard")	      \
	X(6, RIGHTS, "the capability lacks a right")			      \
	X(7, NAME, "no object of that name and generation")		      \
	X(8, STATE, "the object is in another state")			      \
	X(9, BUSY, "taken, mapped or in use")				      \
	X(10, QUOTA, "the account's limit is reached")			      \
	X(11, TYPE, "a frame of the wrong type")			      \
	X(12, FROZEN, "a table or one above it has two references")	      \
	X(13, REACH, "the caller's root does not reach it exclusively")	      \
	X(14, SHARED, "private, and somebody else maps it")		      \
	X(15, WX, "writable and executable at once")			      \
	X(16, EMPTY, "the table must be emptied first")			      \
	X(17, STALE, "a handle or event of an earlier generation")	      \
	X(18, DEPTH, "the chain of calls is full, or holds none to reply to") \
	X(19, GONE, "the callee died or was taken away")		      \
	X(20, FULL, "no place: not opened by its receiver, or taken")	      \
	X(21, LOOP, "a cycle of monitors, or a seat already on the chain")    \
	X(22, NODEV, "this machine does not have it")			      \
	X(23, PROG, "not a program that can be accepted")		      \
	X(24, FUEL, "the program used up its instructions")		      \
	X(25, CUT, "the sleep was cut short")

enum exo_error {
#define EXO_E_ENUM(nr, name, text)	EXO_E_##name = nr,
	EXO_ERRORS(EXO_E_ENUM)
#undef EXO_E_ENUM
	EXO_E_MAX
};

#endif
