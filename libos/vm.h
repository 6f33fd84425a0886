/* vm.h - between frame.c, table.c and vm.c. */
#ifndef LIBOS_VM_H
#define LIBOS_VM_H

#include <castor/vm.h>

/* Stores before this come before those after it, should an env die between. */
#define vm_then()	__atomic_signal_fence(__ATOMIC_RELEASE)

/* One env at a time in the pager; another yields until it is out, or dead. */
void vm_lock(void);
void vm_unlock(void);

/* With the lock held. */
long frame_take(uint32_t kind, exo_ppn near) MUST_USE;
void frame_put(exo_ppn ppn);
long table_make(uint64_t va, uint32_t level) MUST_USE;
void table_repair(void);
long map_run(uint64_t va, exo_ppn ppn, uint64_t n, uint64_t bits,
    exo_slot slot) MUST_USE;

#endif
