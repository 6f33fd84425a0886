/*
 * castor/text.h - Castor's image, for processes that run Linux programs.
 *
 * Its text and constants lie in live frames under live tables, made once by
 * whoever makes the first process.  A process links them (READ is enough), and
 * hands the link on to its children.
 */
#ifndef CASTOR_TEXT_H
#define CASTOR_TEXT_H

#include <castor/archive.h>

#define TEXT_NAME	"lib/castor.elf"

struct text {
	exo_slot name;			/* all rights on it */
	exo_ppn table;			/* of level 3, to be linked */
	uint64_t entry;
	struct archive_file file;
};

/* It, or NULL with *error set. */
const struct text *text_get(long *error);

#endif
