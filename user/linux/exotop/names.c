/* names.c - what the numbers in the tables are called, and letters. */
#include <stdio.h>
#include <stdlib.h>

#include "calls.h"

#include "view.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define NAMED(names, i)	((i) < COUNT(names) ? names[i] : "?")
#define LETTERS		52u

const char *
domain_state(uint32_t state)
{
	static const char *const names[] = { "free", "live", "dead", "ended" };

	return NAMED(names, state);
}

const char *
env_state(uint32_t state)
{
	static const char *const names[] = { "free", "embryo", "ready",
		"stopped", "suspended", "asleep", "dead", "ended" };

	return NAMED(names, state);
}

const char *
cause_name(uint32_t cause)
{
	static const char *const names[] = { "-", "exit", "killed", "fault",
		"home died", "monitor died", "account died" };

	return NAMED(names, cause);
}

static const struct {
	const char *name;
	char letter;
	uint8_t attr;
} kinds[EXO_PG_KINDS] = {
	[EXO_PG_FREE] = { "free", '.', PLAIN },
	[EXO_PG_DATA] = { "data", 'd', COLOUR(2) },
	[EXO_PG_PT1] = { "pt1", '1', COLOUR(6) },
	[EXO_PG_PT2] = { "pt2", '2', COLOUR(6) },
	[EXO_PG_PT3] = { "pt3", '3', COLOUR(6) },
	[EXO_PG_PT4] = { "pt4", '4', COLOUR(6) },
	[EXO_PG_RMAP] = { "rmap", 'r', COLOUR(4) },
	[EXO_PG_SLOTS] = { "slots", 's', COLOUR(5) },
	[EXO_PG_SEATS] = { "seats", 'S', COLOUR(5) },
	[EXO_PG_HANDLES] = { "handles", 'h', COLOUR(5) },
	[EXO_PG_DOMAIN] = { "domain", 'D', COLOUR(3) },
	[EXO_PG_ENV] = { "env", 'e', COLOUR(3) },
	[EXO_PG_PROG] = { "program", 'p', COLOUR(3) },
	[EXO_PG_REGION] = { "region", 'R', COLOUR(3) },
	[EXO_PG_KERNEL] = { "kernel", '#', COLOUR(1) },
	[EXO_PG_DEVICE] = { "device", '=', COLOUR(1) },
	[EXO_PG_HOLE] = { "hole", '_', PLAIN },
};

const char *
kind_name(uint32_t kind)
{
	return kind < EXO_PG_KINDS ? kinds[kind].name : "?";
}

char
kind_letter(uint32_t kind)
{
	return kind < EXO_PG_KINDS ? kinds[kind].letter : '?';
}

uint8_t
kind_attr(uint32_t kind)
{
	return kind < EXO_PG_KINDS ? kinds[kind].attr : PLAIN;
}

const char *
native_name(uint32_t nr)
{
	static const char *const names[EXO_NR_MAX] = {
#define ROW(nr, how, name, args, list)	[nr] = #name,
		EXO_SYSCALLS(ROW)
#undef ROW
	};

	return nr < EXO_NR_MAX && names[nr] != NULL ? names[nr] : "?";
}

const char *
foreign_name(uint32_t nr)
{
	static const char *const names[CALLS_MAX] = {
#define ROW(nr, name)	[nr] = #name,
		LINUX_CALLS(ROW)
#undef ROW
	};

	return nr < CALLS_MAX && names[nr] != NULL ? names[nr] : "?";
}

/* ---- letters of accounts */

static struct {
	uint32_t account, gen;		/* gen 0: nobody's; they begin at 1 */
} letters[LETTERS];

static bool
letter_stale(uint32_t i)
{
	const struct row *r = row_find(&now, ACCTS, letters[i].account);

	return r == NULL || r->acct.gen != letters[i].gen;
}

static void
letter_give(const struct row *r)
{
	if (acct_letter(r->index) != '?')
		return;
	for (uint32_t i = 0; i < LETTERS; i++) {
		if (letters[i].gen == 0) {
			letters[i].account = r->index;
			letters[i].gen = r->acct.gen;
			return;
		}
	}
}

void
letters_take(void)
{
	for (uint32_t i = 0; i < LETTERS; i++) {
		if (letters[i].gen != 0 && letter_stale(i))
			letters[i].gen = 0;
	}
	for (uint32_t i = 0; i < now.rows[ACCTS].n; i++)
		letter_give(&now.rows[ACCTS].row[i]);
}

char
acct_letter(uint32_t account)
{
	for (uint32_t i = 0; i < LETTERS; i++) {
		if (letters[i].gen != 0 && letters[i].account == account)
			return (char)(i < 26 ? 'a' + i : 'A' + i - 26);
	}
	return '?';
}

uint8_t
letter_attr(char letter)
{
	unsigned i = letter >= 'a' ? (unsigned)(letter - 'a') :
	    (unsigned)(letter - 'A') + 26;

	return letter == '?' ? PLAIN : (uint8_t)(COLOUR(i % 6 + 1) |
	    (i / 6 % 2 != 0 ? BOLD : 0));
}

const char *
short_number(uint64_t n, char *buf, size_t size)
{
	static const char units[] = " kMGTPE";
	unsigned u = 0;

	while (n > 99999 || (u > 0 && n > 9999)) {
		n /= 1000;
		u++;
	}
	if (u == 0)
		snprintf(buf, size, "%lu", n);
	else
		snprintf(buf, size, "%lu%c", n, units[u]);
	return buf;
}
