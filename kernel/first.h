/* first.h - the first program (first.c). */
#ifndef FIRST_H
#define FIRST_H

#include "boot.h"
#include "object.h"

struct env *first_make(const struct boot_info *b);

#endif
