/* pred.h - programs and the sleepers that wait for them (pred.c). */
#ifndef PRED_H
#define PRED_H

#include "object.h"

/*
 * Ask a sleeper's predicate.  True: it is awake, READY with the result of its
 * sleep.  False: it sleeps on.
 */
bool pred_ask(struct env *e);

/* End its sleep, with a result. */
void pred_wake(struct env *e, long result);

#endif
