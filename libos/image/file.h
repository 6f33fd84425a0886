/*
 * file.h - files that are mapped, or run.
 *
 * Such a file is named by a descriptor of Castor's own (CM_FDS and up), which
 * is kept as long as an area has it.
 */
#ifndef IMAGE_FILE_H
#define IMAGE_FILE_H

#include "area.h"

/* Open a program; *size in bytes.  A descriptor, or -errno. */
long file_open(const char *path, uint64_t *size) MUST_USE;
/* Let it go, if no area has it. */
void file_release(uint64_t file);
/* Areas count: one more, one less; and those that none has any more are let go
 * (when nothing of them is mapped). */
void file_hold(uint64_t file);
void file_drop(uint64_t file);
void file_settle(void);
/* A program runs: only it is left. */
void file_exec(uint64_t file);

/* What descriptor fd is mapped as: fills in a->file and a->limit (counted from
 * its first byte), for n bytes from offset on.  0 or -errno. */
long file_map(uint64_t fd, struct area *a, uint64_t offset, uint64_t n)
    MUST_USE;
/* The same for shared memory without a file. */
long file_map_shared(struct area *a, uint64_t n) MUST_USE;

/* Read n bytes from offset on, all of them: 0 or -errno. */
long file_read(uint64_t file, uint64_t offset, void *to, uint64_t n) MUST_USE;

/* Its frames from page on, n at most (FILE_RUN): how many, or -errno.  May be
 * called at any time: what is in the window stays. */
#define FILE_RUN	16u
long file_frames(uint64_t file, uint64_t page, uint32_t n, exo_ppn *ppns)
    MUST_USE;
/* A slot with this right on them (and READ), or -errno. */
enum file_right { FILE_READ, FILE_WRITE, FILE_EXEC, FILE_RIGHTS };
long file_slot(uint64_t file, enum file_right right) MUST_USE;

/* Slots of table 0 for these and other things: one, or -ENOMEM. */
long file_slot_take(void) MUST_USE;
void file_slot_put(exo_slot slot);

/* The child of a fork has none of the capabilities. */
void file_forget(void);

#endif
