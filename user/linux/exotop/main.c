/*
 * exotop - what the kernel publishes, live.
 *
 *	exotop [-d SECONDS] [-v VIEW] [-P]	on a terminal; `h' helps
 *	exotop -b [-n TIMES] ...		plain text, all views or one
 *
 * It is an ordinary Linux program: it reads the tables that are mapped in
 * every address space, and asks the kernel for nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "view.h"

static const struct view *const views[] = {
	&view_overview, &view_frames, &view_domains, &view_pcids, &view_slices,
	&view_envs, &view_accounts, &view_trace,
};
#define VIEWS	(sizeof(views) / sizeof(views[0]))
#define ALL	VIEWS

static size_t current = ALL;
static bool paused, helping;
static double delay = 1.0;
static unsigned width = 80;

static void
take(void)
{
	snap_take();
	letters_take();
	procs_take();
}

static int64_t
clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- plain text */

static void
nap(void)
{
	struct timespec t = { (time_t)delay,
		(long)((delay - (double)(time_t)delay) * 1e9) };

	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

static int
batch_one(const struct view *v)
{
	if (!canvas_start(0, width))
		return 1;
	say(PLAIN, "== %s", v->name);
	next_line();
	v->draw();
	canvas_print();
	return 0;
}

static int
batch(unsigned long times)
{
	int bad = 0;

	take();
	for (unsigned long i = 0; times == 0 || i < times; i++) {
		nap();
		take();
		for (size_t v = 0; v < VIEWS; v++) {
			if (current == ALL || current == v)
				bad |= batch_one(views[v]);
		}
		bad |= ferror(stdout);
		if (bad)
			break;
	}
	return bad;
}

/* ---- the screen */

static void
tabs(void)
{
	for (size_t i = 0; i < VIEWS; i++) {
		say(i == current ? REVERSE | BOLD : PLAIN, "%zu %s", i + 1,
		    views[i]->name);
		put(PLAIN, ' ');
	}
	if (paused)
		say(BOLD, "PAUSED");
	else
		say(PLAIN, "%.1fs", delay);
	next_line();
}

static void
help(void)
{
	static const char *const lines[] = {
		"1-8, Tab    another view",
		"arrows j k  move; PgUp PgDn Home End g G",
		"s S < >     sort by the next, the column before (left, right)",
		"r           sort the other way round",
		"p, space    pause, go on",
		"[ ]         refresh more, less often",
		"P           names of processes from /proc, or not",
		"Ctrl-L      draw all again",
		"q, Ctrl-C   the end; Ctrl-Z stops",
		"frames:     c by owner, kind, maps; + - zoom; , . by one;",
		"            n the next frame of this one's owner",
		"A ~ behind a row: it changed whenever it was read.",
	};

	for (size_t i = 0; i < VIEWS; i++) {
		say(BOLD, "%zu %-10s", i + 1, views[i]->name);
		say(PLAIN, "%s", views[i]->about);
		next_line();
	}
	next_line();
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say(PLAIN, "%s", lines[i]);
		next_line();
	}
}

static void
draw(bool all)
{
	unsigned rows, cols;

	term_size(&rows, &cols);
	if (!canvas_start(rows, cols))
		return;
	tabs();
	if (helping)
		help();
	else
		views[current]->draw();
	canvas_show(all);
	term_size_ask();
}

/* ---- keys */

static void
delay_change(double factor)
{
	double d = delay * factor;

	if (d >= 0.1 && d <= 60)
		delay = d;
}

/* What holds in every view; false: the view's. */
static bool
common_key(int key)
{
	switch (key) {
	case '\t': current = (current + 1) % VIEWS; break;
	case KEY_BACK_TAB: current = (current + VIEWS - 1) % VIEWS; break;
	case 'p': case ' ': paused = !paused; break;
	case '[': delay_change(0.5); break;
	case ']': delay_change(2); break;
	case 'P': procs_on = !procs_on; procs_take(); break;
	case 'h': case '?': helping = !helping; return true;
	default:
		if (key < '1' || key >= '1' + (int)VIEWS)
			return false;
		current = (size_t)(key - '1');
	}
	helping = false;
	return true;
}

static void
watch(void)
{
	int64_t due = 0;
	bool all = true;
	int key = KEY_NONE;

	while (key != 'q') {
		int64_t left = due - clock_ms();

		if (left <= 0) {
			if (!paused || before.tsc == 0)
				take();
			due = clock_ms() + (int64_t)(delay * 1000);
			left = due - clock_ms();
		}
		draw(all);
		key = term_key((int)(left < 0 ? 0 : left));
		all = key == KEY_AGAIN || key == '\f';
		if (key != KEY_NONE && !common_key(key))
			(void)views[current]->key(key);
	}
}

/* ---- options */

static int
usage(void)
{
	fprintf(stderr, "usage: exotop [-b] [-n times] [-d seconds] "
	    "[-v view] [-w columns] [-P]\nviews:");
	for (size_t i = 0; i < VIEWS; i++)
		fprintf(stderr, " %s", views[i]->name);
	fprintf(stderr, "\n");
	return 2;
}

static bool
view_find(const char *name)
{
	for (size_t i = 0; i < VIEWS; i++) {
		if (strcmp(name, views[i]->name) == 0 ||
		    (name[0] == (char)('1' + i) && name[1] == '\0')) {
			current = i;
			return true;
		}
	}
	return false;
}

static bool
options(int argc, char **argv, bool *plain, unsigned long *times)
{
	int c;

	while ((c = getopt(argc, argv, "bn:d:v:w:P")) != -1) {
		char *end = "";

		switch (c) {
		case 'b': *plain = true; break;
		case 'n': *times = strtoul(optarg, &end, 10); break;
		case 'd': delay = strtod(optarg, &end); break;
		case 'w': width = (unsigned)strtoul(optarg, &end, 10); break;
		case 'v': end = view_find(optarg) ? "" : "?"; break;
		case 'P': procs_on = false; break;
		default: return false;
		}
		if (*end != '\0')
			return false;
	}
	return optind == argc && delay >= 0.01 && delay <= 3600 &&
	    width >= 20 && width <= 1000;
}

int
main(int argc, char **argv)
{
	unsigned long times = 0;
	bool plain = false;

	if (!options(argc, argv, &plain, &times))
		return usage();
	snap_init();
	if (plain)
		return batch(times);
	if (current == ALL)
		current = 0;
	if (!term_open()) {
		fprintf(stderr, "exotop: not a terminal; -b prints text\n");
		return 1;
	}
	watch();
	term_close();
	return 0;
}
