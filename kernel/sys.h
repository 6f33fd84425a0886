/* sys.h - the handlers of all calls, and the dispatch rows (sys.c). */
#ifndef SYS_H
#define SYS_H

#include "object.h"

#define SYS_PROTO(nr, how, name, args, names)	long sys_##name args;
EXO_SYSCALLS(SYS_PROTO)
#undef SYS_PROTO

/* What a domain's row[] holds for a call that nobody refuses. */
extern void (*const sys_row[EXO_NR_MAX])(void);

/* entry.asm */
void sys_full(void);
void sys_refused(void);
void sys_none(void);

#endif
