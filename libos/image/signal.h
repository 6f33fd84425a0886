/* signal.h - signals: who wants which, and their delivery. */
#ifndef IMAGE_SIGNAL_H
#define IMAGE_SIGNAL_H

#include "image.h"

/* A call returns: deliver what waits. */
void signal_check(struct exo_regs *r, uint64_t nr);

#endif
