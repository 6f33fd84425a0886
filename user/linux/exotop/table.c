/* table.c - rows under a heading, sorted by a column, with a cursor. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

struct place {
	double key;
	char text[16];
	uint32_t row;
};

static struct place *order;
static uint32_t order_room;
static bool order_down;

void
value_number(struct value *v, uint64_t n)
{
	char buf[24];

	v->key = (double)n;
	snprintf(v->text, sizeof(v->text), "%s",
	    short_number(n, buf, sizeof(buf)));
}

void
value_rate(struct value *v, double rate)
{
	char buf[24];

	v->key = rate;
	if (rate < 0.05)
		snprintf(v->text, sizeof(v->text), "0");
	else if (rate < 100)
		snprintf(v->text, sizeof(v->text), "%.1f", rate);
	else
		snprintf(v->text, sizeof(v->text), "%s",
		    short_number((uint64_t)rate, buf, sizeof(buf)));
}

void
value_percent(struct value *v, double part, double whole)
{
	v->key = whole <= 0 ? 0 : 100 * part / whole;
	snprintf(v->text, sizeof(v->text), "%.1f", v->key);
}

void
value_text(struct value *v, double key, const char *text)
{
	v->key = key;
	snprintf(v->text, sizeof(v->text), "%s", text);
}

static int
place_compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	int r = (x->key > y->key) - (x->key < y->key);

	if (r == 0)
		r = strcmp(x->text, y->text);
	if (order_down)
		r = -r;
	return r != 0 ? r : (x->row > y->row) - (x->row < y->row);
}

static uint32_t
order_make(const struct list *l, const struct rows *t)
{
	struct value v;

	if (t->n > order_room) {
		struct place *p = realloc(order, t->n * sizeof(*p));

		if (p == NULL)
			return 0;
		order = p;
		order_room = t->n;
	}
	for (uint32_t i = 0; i < t->n; i++) {
		v = (struct value){ 0 };
		l->value(&t->row[i], l->sort, &v);
		order[i].key = v.key;
		order[i].row = i;
		snprintf(order[i].text, sizeof(order[i].text), "%.15s",
		    v.key != 0 ? "" : v.text);
	}
	order_down = l->down;
	qsort(order, t->n, sizeof(*order), place_compare);
	return t->n;
}

static void
heading(const struct list *l)
{
	for (unsigned c = 0; c < l->ncolumns; c++)
		say(c == l->sort ? BOLD | REVERSE : REVERSE, "%*s ",
		    l->columns[c].width, l->columns[c].name);
	fill_line(REVERSE);
	next_line();
}

static void
line(const struct list *l, const struct row *r, uint8_t attr)
{
	struct value v;

	for (unsigned c = 0; c < l->ncolumns; c++) {
		v = (struct value){ 0 };
		l->value(r, c, &v);
		/* A row that could not be read whole says so. */
		say(attr, "%*s%c", l->columns[c].width, v.text,
		    c == 0 && r->torn ? '~' : ' ');
	}
	if (attr != PLAIN)
		fill_line(attr);
	next_line();
}

void
list_draw(struct list *l)
{
	const struct rows *t = &now.rows[l->which];
	uint32_t n = order_make(l, t);
	bool plain;

	heading(l);
	l->shown = canvas_left();
	plain = l->shown > 100000;
	if (l->at >= n)
		l->at = n == 0 ? 0 : n - 1;
	if (l->at < l->top)
		l->top = l->at;
	if (!plain && l->shown > 0 && l->at >= l->top + l->shown)
		l->top = l->at - l->shown + 1;
	if (!plain && l->top + l->shown > n)
		l->top = n > l->shown ? n - l->shown : 0;
	for (uint32_t i = plain ? 0 : l->top; i < n && canvas_left() > 0; i++)
		line(l, &t->row[order[i].row],
		    i == l->at && !plain ? REVERSE : PLAIN);
	if (t->cut && canvas_left() > 0)
		say(BOLD, "(no memory for the rest)");
}

static void
sort_by(struct list *l, unsigned c)
{
	l->sort = c;
	l->top = l->at = 0;
}

bool
list_key(struct list *l, int key)
{
	unsigned page = l->shown > 1 ? l->shown - 1 : 1;

	switch (key) {
	case KEY_UP: case 'k':
		l->at -= l->at > 0;
		break;
	case KEY_DOWN: case 'j':
		l->at++;		/* list_draw sees to the end */
		break;
	case KEY_PAGE_UP:
		l->at -= l->at < page ? l->at : page;
		break;
	case KEY_PAGE_DOWN:
		l->at += page;
		break;
	case KEY_HOME: case 'g':
		l->at = 0;
		break;
	case KEY_END: case 'G':
		l->at = now.rows[l->which].n;
		break;
	case KEY_RIGHT: case 's':
		sort_by(l, (l->sort + 1) % l->ncolumns);
		break;
	case KEY_LEFT: case 'S':
		sort_by(l, (l->sort + l->ncolumns - 1) % l->ncolumns);
		break;
	case 'r':
		l->down = !l->down;
		break;
	default:
		return false;
	}
	return true;
}

void
bar(unsigned n, uint8_t attr, double part, double whole)
{
	unsigned full = whole <= 0 ? 0 : (unsigned)(part / whole * n + 0.5);

	put(PLAIN, '[');
	for (unsigned i = 0; i < n; i++)
		put(i < full ? attr : PLAIN, i < full ? '|' : ' ');
	put(PLAIN, ']');
}
