/*
 * map.c - all of memory as a map, a sign for a stretch of frames, and the row
 * of the frame under the cursor.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

enum paint { BY_OWNER, BY_KIND, BY_MAPS, PAINTS };

static enum paint paint;
static unsigned zoom;			/* 0: all of it; each step doubles */
static uint32_t cursor;			/* a frame */
static uint32_t first, per = 1;		/* of what was drawn last */
static unsigned wide = 64, high = 16;

#define OTHER	(26u * 2 + 1)		/* votes: letters, then these */
#define NOBODY	(OTHER + 1)
#define FREE	(OTHER + 2)

struct sign {
	char c;
	uint8_t attr;
};

/* ---- what a stretch of frames looks like */

static unsigned
letter_index(char c)
{
	return c == '?' ? OTHER : c >= 'a' ? (unsigned)(c - 'a') :
	    (unsigned)(c - 'A') + 26;
}

static char
index_letter(unsigned i)
{
	return i >= OTHER ? '?' : (char)(i < 26 ? 'a' + i : 'A' + i - 26);
}

/* Whoever has most; what is owned shows, however little of it there is. */
static struct sign
sign_owner(uint32_t from, uint32_t n)
{
	uint32_t votes[OTHER + 1] = { 0 }, most = 0, nobody = 0, a, k;
	uint32_t last = EXO_NONE;
	unsigned best = OTHER, at = OTHER;

	for (uint32_t i = from; i < from + n; i++) {
		page_peek(i, &a, &k);
		if (!kind_owned(k)) {
			nobody += k != EXO_PG_FREE;
			continue;
		}
		if (a != last)
			at = letter_index(acct_letter(last = a));
		if (++votes[at] > most) {
			most = votes[at];
			best = at;
		}
	}
	if (most == 0)
		return nobody != 0 ? (struct sign){ '#',
		    kind_attr(EXO_PG_KERNEL) } : (struct sign){ '.', PLAIN };
	a = (uint32_t)(unsigned char)index_letter(best);
	return (struct sign){ (char)a, letter_attr((char)a) };
}

static struct sign
sign_kind(uint32_t from, uint32_t n)
{
	uint32_t votes[EXO_PG_KINDS] = { 0 }, a, k, best = EXO_PG_FREE;

	for (uint32_t i = from; i < from + n; i++) {
		page_peek(i, &a, &k);
		votes[k]++;
		if (k != EXO_PG_FREE &&
		    (best == EXO_PG_FREE || votes[k] > votes[best]))
			best = k;
	}
	return (struct sign){ kind_letter(best), kind_attr(best) };
}

/* The most entries that map one of them: '-' none, 1 to 9, '+' more. */
static struct sign
sign_maps(uint32_t from, uint32_t n)
{
	uint32_t most = 0, a, k, owned = 0;

	for (uint32_t i = from; i < from + n; i++) {
		uint32_t maps = EXO_PAGES[i].maps;

		page_peek(i, &a, &k);
		owned += kind_owned(k);
		if (maps > most)
			most = maps;
	}
	if (most > 9)
		return (struct sign){ '+', COLOUR(1) };
	if (most > 0)
		return (struct sign){ (char)('0' + most),
		    most == 1 ? COLOUR(2) : COLOUR(3) };
	return (struct sign){ owned != 0 ? '-' : '.', PLAIN };
}

static struct sign
sign_of(uint32_t from, uint32_t n)
{
	return paint == BY_OWNER ? sign_owner(from, n) :
	    paint == BY_KIND ? sign_kind(from, n) : sign_maps(from, n);
}

/* ---- the map */

/* How many frames a sign is, and where the map begins, so that the cursor
 * is on it. */
static void
scale(void)
{
	uint32_t n = now.machine.nframes, cells;

	wide = canvas_cols() > 74 ? canvas_cols() - 10 : 32;
	wide -= wide % 32;
	high = canvas_left() > 1000 ? 16 : canvas_left() > 8 ?
	    canvas_left() - 6 : 2;
	cells = wide * high;
	per = 1;
	while ((uint64_t)per * cells < n)
		per *= 2;
	for (unsigned z = 0; z < zoom && per > 1; z++)
		per /= 2;
	if (cursor >= n)
		cursor = n - 1;
	if ((uint64_t)per * cells >= n)
		first = 0;
	else if (cursor < first || cursor - first >= per * cells)
		first = cursor < per * cells / 2 ? 0 : cursor -
		    per * cells / 2;
	first -= first % (per * wide);
}

static void
map_rows(void)
{
	uint32_t n = now.machine.nframes, at = first;

	for (unsigned y = 0; y < high && at < n; y++) {
		say(PLAIN, "%8u ", at);
		for (unsigned x = 0; x < wide && at < n; x++, at += per) {
			uint32_t len = n - at < per ? n - at : per;
			struct sign s = sign_of(at, len);
			bool here = cursor >= at && cursor - at < per;

			put(here ? s.attr | REVERSE : s.attr, s.c);
		}
		next_line();
	}
}

static void
legend_owners(void)
{
	const struct rows *t = &now.rows[ACCTS];

	say(PLAIN, "owners: .=free(%u) #=kernel",
	    now.frames.kind[EXO_PG_FREE]);
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t a = t->row[i].index;
		char c = acct_letter(a);

		if (now.frames.of[a] == 0)
			continue;
		put(PLAIN, ' ');
		put(letter_attr(c), c);
		say(PLAIN, "=%u(%u)", a, now.frames.of[a]);
	}
}

static void
legend_kinds(void)
{
	say(PLAIN, "kinds:");
	for (uint32_t k = 0; k < EXO_PG_KINDS; k++) {
		if (now.frames.kind[k] == 0)
			continue;
		put(PLAIN, ' ');
		put(kind_attr(k), kind_letter(k));
		say(PLAIN, "=%s(%u)", kind_name(k), now.frames.kind[k]);
	}
}

static void
legend(void)
{
	if (paint == BY_OWNER)
		legend_owners();
	else if (paint == BY_KIND)
		legend_kinds();
	else
		say(PLAIN, "entries that map it: 1-9, + more, - none, . free "
		    "or the kernel's");
	next_line();
}

/* ---- one frame */

static void
frame_flags(uint32_t flags)
{
	static const char *const names[] = { "live", "zero", "reguarding",
		"to be emptied", "bound", "to be scrubbed" };

	for (unsigned i = 0; i < 6; i++) {
		if ((flags & 1u << i) != 0)
			say(PLAIN, ", %s", names[i]);
	}
}

static void
frame_lines(void)
{
	struct exo_page p;
	bool whole = page_read(cursor, &p);
	uint32_t entry = p.rmap;

	say(BOLD, "frame %u%s", cursor, whole ? "" : "~");
	say(PLAIN, " at %#lx: %s", (uint64_t)cursor * EXO_PAGE,
	    kind_name(p.kind));
	frame_flags(p.flags);
	if (kind_owned(p.kind))
		say(PLAIN, "; account %c %u %s", acct_letter(p.account),
		    p.account, proc_of_acct(p.account));
	say(PLAIN, "; epoch %lu", p.epoch);
	next_line();
	say(PLAIN, "maps %u, uses %u (pins %u), execs %u, refs %u, entries %u",
	    p.maps, p.uses, p.pins, p.execs, p.refs, p.entries);
	if (p.companion != 0)
		say(PLAIN, ", companion %u", p.companion);
	if (p.maps != 0)
		say(PLAIN, ", first mapped by entry %u of table %u",
		    entry & 511, entry >> 9);
	next_line();
}

static void
frames_draw(void)
{
	static const char *const names[] = { "owner", "kind", "maps" };

	scale();
	say(PLAIN, "%u frames, a sign is %u of them, by %s",
	    now.machine.nframes, per, names[paint]);
	if (first != 0 || (uint64_t)per * wide * high < now.machine.nframes)
		say(PLAIN, "; shown: %u to %u", first,
		    first + per * wide * high - 1);
	next_line();
	map_rows();
	legend();
	frame_lines();
}

/* ---- keys */

static void
move(int64_t by)
{
	int64_t to = (int64_t)cursor + by;

	cursor = to < 0 ? 0 : to >= now.machine.nframes ?
	    now.machine.nframes - 1 : (uint32_t)to;
}

/* The next frame of the account of this one. */
static void
next_of_owner(void)
{
	uint32_t a, k, owner, n = now.machine.nframes;

	page_peek(cursor, &owner, &k);
	for (uint32_t i = 1; i < n && kind_owned(k); i++) {
		uint32_t at = (cursor + i) % n;

		page_peek(at, &a, &k);
		if (kind_owned(k) && a == owner) {
			cursor = at;
			return;
		}
		k = EXO_PG_DATA;	/* the loop's condition: the first's */
	}
}

static bool
frames_key(int key)
{
	switch (key) {
	case KEY_LEFT: move(-(int64_t)per); break;
	case KEY_RIGHT: move(per); break;
	case KEY_UP: case 'k': move(-(int64_t)per * wide); break;
	case KEY_DOWN: case 'j': move((int64_t)per * wide); break;
	case KEY_PAGE_UP: move(-(int64_t)per * wide * (high / 2)); break;
	case KEY_PAGE_DOWN: move((int64_t)per * wide * (high / 2)); break;
	case KEY_HOME: case 'g': cursor = 0; break;
	case KEY_END: case 'G': cursor = now.machine.nframes - 1; break;
	case ',': move(-1); break;
	case '.': move(1); break;
	case 'n': next_of_owner(); break;
	case '+': case '=': zoom += per > 1; break;
	case '-': zoom -= zoom > 0; break;
	case 'c': paint = (paint + 1) % PAINTS; break;
	default: return false;
	}
	return true;
}

const struct view view_frames = {
	"frames",
	"memory as a map: c owner, kind or maps; + - zoom; , . n move",
	frames_draw, frames_key
};
