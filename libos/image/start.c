/*
 * start.c - from the first instruction in C to the first program.
 */
#include <castor/commons_client.h>
#include <castor/print.h>
#include <castor/string.h>
#include <castor/text.h>

#include "area.h"
#include "thread.h"
#include "wait.h"

struct own own;
uint32_t pid;
exo_ppn own_table;
exo_slot view_slot;

#define TIOCSCTTY	0x540eul

extern const char stubs[];

_Noreturn void image_start(const struct exo_start *);

/* Traps of these classes come to entry.asm; before that none must. */
void
rows_set(void)
{
	static const uint8_t classes[] = { EXO_CLASS_FAULT,
		EXO_CLASS_EXCEPTION, EXO_CLASS_FOREIGN, EXO_CLASS_SLICE };

	for (uint32_t i = 0; i < sizeof(classes); i++) {
		if (exo_domain_row(own.domain, own.domain_slot, classes[i],
		    EXO_ACT_SELF) < 0)
			process_end(SIGKILL);
	}
}

static void
own_fill(const struct exo_start *s)
{
	const uint64_t *self = (const uint64_t *)(OWN_VIEWS + VIEW_OWN *
	    EXO_PAGE);

	own = (struct own){
		.acct = s->acct, .domain = s->domain, .env = s->env,
		.acct_slot = s->acct_slot, .domain_slot = s->domain_slot,
		.env_slot = s->env_slot, .memory_slot = s->memory_slot,
	};
	share = (struct share){
		.text_slot = EXO_START_SLOTS,
		.session_slot = (exo_slot)s->user[COMMONS_USER_SLOT] + 1,
		.text = (exo_ppn)s->user[IMAGE_TEXT],
		.prog = (exo_ppn)s->user[IMAGE_PROG],
		.commons = my_window()->commons,
	};
	view_slot = share.session_slot;
	own_table = EXO_PTE_PPN(self[EXO_PT_INDEX((uint64_t)self, 1)]);
}

void
thread_init(struct thread *t, uint32_t i)
{
	*t = (struct thread){ .stub = (uint64_t)stubs + i * 8 };
}

/* The program and its arguments: argc strings, the rest is its environment. */
static long
args_take(const struct exo_start *s)
{
	struct args *a = ARGS;

	if (strlen(s->args) >= sizeof(a->path))
		return -ENAMETOOLONG;
	memcpy(a->path, s->args, strlen(s->args) + 1);
	a->argc = s->argc;
	a->len = s->args_len;
	memcpy(a->text, s->args, s->args_len);
	a->envc = 0;
	for (uint32_t i = 0, n = 0; i < s->args_len; i++) {
		if (s->args[i] == '\0' && ++n > s->argc)
			a->envc++;
	}
	return 0;
}

/* Who is not a child of another Linux program leads a session, with its
 * descriptor 0 as the terminal. */
static void
terminal_take(void)
{
	(void)commons(CM_SETSID, 0, 0, 0, 0);
	(void)commons(CM_IOCTL, 0, TIOCSCTTY, 0, 0);
}

/* What was asked for does not run: as a shell would have it. */
static _Noreturn void
not_begun(const char *path, long e)
{
	uint32_t status = e == -ENOENT || e == -ENOTDIR ? 127 : 126;

	if (status == 127)
		print("castor: %s: no such file\n", path);
	else if (e == -EACCES || e == -ENOEXEC)
		print("castor: %s: not a program\n", path);
	else
		print("castor: %s: error %ld\n", path, -e);
	process_end(status << 8);
}

_Noreturn void
image_start(const struct exo_start *s)
{
	struct exo_regs r;
	long e;

	own_fill(s);
	rows_set();
	pid = my_window()->pid;
	thread_init(me(), 0);
	me()->tid = my_window()->tid;
	me()->env = own.env;
	me()->handle = 0;
	me()->window = (exo_ppn)commons(CM_WINDOW, 0, 0, 0, 0);
	me()->window_slot = (exo_slot)s->user[COMMONS_USER_SLOT];
	threads_forget();
	terminal_take();
	e = args_take(s);
	if (e == 0)
		e = program_exec(&r);
	if (e < 0)
		not_begun(s->args, e);
	go(&r);
}
