/* thread.h - threads: envs of one process, and what they must not do at once. */
#ifndef IMAGE_THREAD_H
#define IMAGE_THREAD_H

#include "image.h"

/*
 * What threads share in Castor's data is changed by one at a time.  A fault of
 * whoever has the lock is his own pager's, so it may be taken again: what that
 * one changes is then never what was being changed.
 */
void lock(void);
void unlock(void);

/* The block of thread i is in use; how many are; the others' ends. */
bool thread_lives(uint32_t i);
uint32_t threads_count(void);
/* End all but the running one, which has the lock. */
void threads_end(void);
/* After a fork there is only the running one. */
void threads_forget(void);

/* A process like this one, as clone() says (fork.c); the same, and it may count
 * on vfork's promises (vfork.c). */
long process_copy(uint64_t flags, uint64_t stack, uint64_t ptid,
    uint64_t ctid, uint64_t tls);
long process_clone(uint64_t flags, uint64_t stack, uint64_t ptid,
    uint64_t ctid, uint64_t tls);
/* A child of vfork ends or becomes another program; any child begins. */
void vfork_leave(void);
void vfork_born(uint64_t flags);

/* CPU time that a thread, and all of them together, were charged. */
uint64_t thread_ns(const struct thread *t);
uint64_t process_ns(void);

/* A thread ends, or all do: locks that they hold are let go (robust lists). */
void robust_end(struct thread *t);
void robust_end_all(void);

/* Wake at most n that wait for this word. */
uint32_t futex_wake(uint64_t at, uint32_t n, uint32_t bits);

static inline struct thread *
thread_at(uint32_t i)
{
	return (struct thread *)BLOCK_THREAD(i);
}

static inline uint32_t
thread_index(const struct thread *t)
{
	return (uint32_t)(((uint64_t)t - OWN_THREADS) / BLOCK_SIZE);
}

static inline struct cm_window *
thread_window(uint32_t i)
{
	return (struct cm_window *)(BLOCK(i) + BLOCK_WINDOW);
}

void thread_init(struct thread *t, uint32_t i);	/* start.c */

#endif
