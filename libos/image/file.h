/* file.h - files, as the commons has them. */
#ifndef IMAGE_FILE_H
#define IMAGE_FILE_H

#include "area.h"

/* A file to run or to map, by its path: its name here, or -errno. */
long file_open(const char *path, uint64_t *size) MUST_USE;
void file_release(uint64_t file);
/* What an open file is mapped as: fills in file and limit (counted from the
 * area's first byte). */
long file_map(uint32_t fd, struct area *a, uint64_t offset, uint64_t n)
    MUST_USE;
/* n bytes of it from offset on, all of them: 0 or -errno. */
long file_fill(uint64_t file, uint64_t offset, void *to, uint64_t n) MUST_USE;

#endif
