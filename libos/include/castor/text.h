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
	exo_ppn prog;			/* that its sleepers wait by */
	uint64_t entry;
	struct archive_file file;
};

/* What an image finds in the words of its start block, besides what the
 * commons' client library has put there: `table' and `prog'.  READ and EXEC on
 * the text's name are in EXO_START_SLOTS. */
enum image_user { IMAGE_TEXT = 8, IMAGE_PROG };
#define IMAGE_WINDOW_VA	0x7f0000087000ul	/* where the window is mapped */

/* It, or NULL with *error set. */
const struct text *text_get(long *error);

#endif
