/*
 * user.h - the one way to user memory: copied once, then the copy is checked.
 * Errors: ADDR (beyond EXO_USER_TOP, or a fault while copying).
 */
#ifndef USER_H
#define USER_H

#include "object.h"

long user_read(void *dst, uint64_t va, uint64_t n) MUST_USE;
long user_write(uint64_t va, const void *src, uint64_t n) MUST_USE;

#endif
