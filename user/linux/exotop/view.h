/* view.h - what exotop can show, and what the views share. */
#ifndef EXOTOP_VIEW_H
#define EXOTOP_VIEW_H

#include "canvas.h"
#include "snap.h"
#include "term.h"

struct view {
	const char *name, *about;
	void (*draw)(void);
	bool (*key)(int key);		/* true: it was one of the view's */
};

extern const struct view view_overview, view_frames, view_domains, view_pcids,
    view_slices, view_envs, view_accounts, view_trace;

/* ---- names.c: what things are called */
const char *domain_state(uint32_t state);
const char *env_state(uint32_t state);
const char *cause_name(uint32_t cause);
const char *kind_name(uint32_t kind);
char	kind_letter(uint32_t kind);
uint8_t	kind_attr(uint32_t kind);
const char *native_name(uint32_t nr);
const char *foreign_name(uint32_t nr);
/* Each account has a letter as long as it is there; '?': there are no more. */
void	letters_take(void);
char	acct_letter(uint32_t account);
uint8_t	letter_attr(char letter);
/* At most five characters. */
const char *short_number(uint64_t n, char *buf, size_t size);

/* ---- procs.c: Linux's names, from /proc, if there is one */
extern bool procs_on;
void	procs_take(void);
/* "12 sh" of who is charged to the account; "". */
const char *proc_of_acct(uint32_t account);

/* ---- table.c: sorted rows under a heading */
struct value {
	double key;			/* what is sorted by */
	char text[48];
};

struct column {
	const char *name;
	int width;			/* negative: to the left */
};

struct list {
	enum which which;
	const struct column *columns;
	unsigned ncolumns;
	void (*value)(const struct row *r, unsigned column, struct value *v);
	unsigned sort;			/* column */
	bool down;			/* largest first */
	unsigned top, at;		/* first shown; cursor: of the order */
	unsigned shown;
};

void	list_draw(struct list *l);
bool	list_key(struct list *l, int key);
/* For value(): a number, with 0 told as such; a text with its sort key. */
void	value_number(struct value *v, uint64_t n);
void	value_rate(struct value *v, double rate);
void	value_percent(struct value *v, double part, double whole);
void	value_text(struct value *v, double key, const char *text);

/* A bar of n cells of which `part' of `whole' are filled. */
void	bar(unsigned n, uint8_t attr, double part, double whole);

#endif
