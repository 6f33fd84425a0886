/*
 * init.c - the first program: the shell of a Linux session on the console, and
 * a prompt for native programs when that has ended.
 *
 * It holds the root's name, so it is the one that turns the machine off; the
 * processes of its session ask it to, by the signals that Linux's init knows.
 *
 * Words of the kernel's command line:
 *	run=NAME	run that native program, and turn the machine off with
 *			its exit word as status
 *	linux=PATH,A,B	the same with a Linux program and its arguments
 *	shell=PATH	instead of /bin/sh; shell=no: the prompt at once
 *	tty=RxC term=T	the terminal's size and name
 */
#include <castor/archive.h>
#include <castor/print.h>
#include <castor/proc.h>
#include <castor/self.h>
#include <castor/session.h>
#include <castor/string.h>

#define WORDS_MAX	32
#define LINE_MAX	512
#define OPTION_MAX	256

static char line[LINE_MAX];
static const char *words[WORDS_MAX];
static char shell[OPTION_MAX] = "/bin/sh";
static char term[OPTION_MAX] = "TERM=linux";
static unsigned long rows, columns;	/* 0: nobody said */

static const char *const causes[] = {
	"", "ended", "was killed", "double-faulted", "lost its home",
	"lost its monitor", "lost its account"
};

static _Noreturn void
machine_off(uint32_t status)
{
	MUST(exo_machine_off(self->root_slot, status));
	castor_exit(status);
}

/* ---- running programs */

/* Those that the Makefile has marked, as Linux programs know it too
 * (libos/image/load.c): others would run as if they were ones, without end. */
#define ABIVERSION_AT	8u
#define ABIVERSION	80

static bool
is_native(const struct archive_file *f)
{
	return (f->mode & 0170000) == 0100000 && f->size > ABIVERSION_AT &&
	    ((const char *)f->data)[ABIVERSION_AT] == ABIVERSION;
}

/* "hello" is bin/hello unless there is a hello; 0, or NAME, or TYPE: it is no
 * native program. */
static long
program_name(const char *word, char *name, size_t size)
{
	struct archive_file f;
	long r;

	(void)print_to(name, size, "%s", word);
	r = archive_find(name, &f);
	if (r < 0) {
		(void)print_to(name, size, "bin/%s", word);
		r = archive_find(name, &f);
	}
	return r == 0 && !is_native(&f) ? -EXO_E_TYPE : r;
}

/* Its exit word, or an error told. */
static uint64_t
program_run(const char *word, uint32_t argc, const char *const *argv)
{
	char name[64];
	struct proc p;
	long r = program_name(word, name, sizeof(name));

	if (r == 0)
		r = proc_spawn(&p, name, argc, argv);
	if (r == 0)
		r = proc_wait(&p);
	if (r == -EXO_E_TYPE)
		print("%s: not a native program; for Linux's: linux /%s\n",
		    word, name);
	else if (r < 0)
		print("%s: %s\n", word, r == -EXO_E_NAME ? "no such program" :
		    exo_error_text(r));
	if (r < 0)
		return EXIT_DIED;
	if (p.cause != EXO_CAUSE_EXIT || p.word != 0)
		print("%s %s, word %lu\n", word, causes[p.cause], p.word);
	return p.word;
}

/* ---- Linux programs */

#define ARGS_MAX	16u

/* What `halt', `poweroff' and `reboot' send to process 1.  There is no way to
 * begin again but the machine's owner's. */
enum { SIGUSR1 = 10, SIGUSR2 = 12, SIGTERM = 15 };
#define SIGNALS		(1ul << (SIGUSR1 - 1) | 1ul << (SIGUSR2 - 1) |	      \
			 1ul << (SIGTERM - 1))

/* Its status as wait4 has it, or -errno. */
static long
session_program(struct session *s, const char *path, uint32_t argc,
    const char *const *argv)
{
	const char *envp[] = { "PATH=/usr/local/bin:/usr/bin:/bin:/sbin",
	    "HOME=/root", "USER=root", term };
	long r = session_run(s, path, argc, argv, 4, envp);

	if (r > 0)
		r = session_wait(s, (uint32_t)r);
	return r;
}

/* By its path, in a session of its own: what a shell would say of its end. */
static uint64_t
linux_run(const char *path, uint32_t argc, const char *const *argv)
{
	struct session s;
	long r = session_start(&s);

	if (r < 0) {
		print("no commons: %s\n", exo_error_text(r));
		return EXIT_DIED;
	}
	s.signals = SIGNALS;
	if (rows != 0)
		session_window(&s, (uint16_t)rows, (uint16_t)columns);
	r = session_program(&s, path, argc, argv);
	session_end(&s);
	if (r > SESSION_SIGNAL)
		machine_off(0);
	if (r < 0) {
		print("%s: error %ld\n", path, -r);
		return EXIT_DIED;
	}
	return (r & 0x7f) == 0 ? (uint64_t)r >> 8 : 128 + ((uint64_t)r & 0x7f);
}

/* "PATH,argument,argument": from the kernel's command line. */
static uint64_t
linux_run_words(char *text)
{
	const char *argv[ARGS_MAX];
	uint32_t n = 0;

	for (char *p = text; (p = strchr(p, ',')) != NULL && n < ARGS_MAX;) {
		*p++ = '\0';
		argv[n++] = p;
	}
	return linux_run(text, n, argv);
}

/* False: there is none in the archive, or it was not wanted. */
static bool
shell_run(void)
{
	static const char *const login[] = { "-l" };
	struct archive_file f;

	if (shell[0] != '/' || archive_find(shell + 1, &f) < 0)
		return false;
	(void)linux_run(shell, 1, login);
	return true;
}

/* ---- what the prompt knows itself */

static void
list_files(int argc, const char **argv)
{
	struct archive_file f;
	long r;

	for (r = archive_first(&f); r == 0; r = archive_next(&f)) {
		if ((f.mode & 0170000) == 0100000 && (argc < 2 ||
		    strncmp(f.name, argv[1], strlen(argv[1])) == 0))
			print("%8lu  %s\n", f.size, f.name);
	}
	if (r != -EXO_E_NAME)
		print("the archive: %s\n", exo_error_text(r));
}

static void
trace_switch(int argc, const char **argv)
{
	if (argc != 2 || (strcmp(argv[1], "on") != 0 &&
	    strcmp(argv[1], "off") != 0)) {
		print("tracing is %s; `tracing on', `tracing off'\n",
		    EXO_MACHINE->trace_on ? "on" : "off");
		return;
	}
	MUST(exo_trace_set(self->root_slot, strcmp(argv[1], "on") == 0));
}

static void
power(int argc, const char **argv)
{
	unsigned long status = 0;

	if (argc > 1 && !string_number(argv[1], &status))
		print("poweroff [status]\n");
	else
		machine_off((uint32_t)status);
}

static void
status_print(const char *name, uint64_t status)
{
	if (status != 0)
		print("%s: status %lu\n", name, status);
}

static void
linux_command(int argc, const char **argv)
{
	if (argc < 2)
		print("linux PATH [argument ...]\n");
	else
		status_print(argv[1], linux_run(argv[1], (uint32_t)argc - 2,
		    argv + 2));
}

static void
shell_command(int argc, const char **argv)
{
	(void)argc;
	(void)argv;
	if (!shell_run())
		print("no %s in the archive\n", shell);
}

static void	help(int, const char **);

static const struct command {
	const char *name, *text;
	void (*run)(int argc, const char **argv);
} commands[] = {
	{ "help", "this list", help },
	{ "ls", "[prefix]  files of the archive", list_files },
	{ "linux", "PATH ...  run a Linux program", linux_command },
	{ "sh", "the shell for Linux programs, in a new session",
	    shell_command },
	{ "tracing", "[on|off]  what the program `trace' shows",
	    trace_switch },
	{ "poweroff", "[status]  end the machine", power },
	{ "exit", "[status]  the same", power },
};
#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void
help(int argc, const char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < NCOMMANDS; i++)
		print("  %-10s %s\n", commands[i].name, commands[i].text);
	print("Anything else is a native program of the archive, with arguments\n"
	    "('..', \"..\" and \\ quote):\n"
	    "  hello machine frames domains envs trace stackgrow bare ...\n");
}

/* ---- the prompt */

/*
 * The word at *from, moved to `to' without its quotes, and where that ended;
 * NULL: a quote is open.  What moves only becomes shorter.
 */
static char *
word_move(const char **from, char *to)
{
	const char *p = *from;
	char quote = 0;

	for (; *p != '\0' && (quote != 0 || (*p != ' ' && *p != '\t')); p++) {
		if (*p == '\\' && quote != '\'' && p[1] != '\0')
			*to++ = *++p;
		else if (quote == 0 && (*p == '\'' || *p == '"'))
			quote = *p;
		else if (quote != 0 && *p == quote)
			quote = 0;
		else
			*to++ = *p;
	}
	*from = p;
	return quote == 0 ? to : NULL;
}

/* The words of `line', at most WORDS_MAX, or -1. */
static int
line_split(void)
{
	const char *p = line;
	char *end;
	int n = 0;

	for (;;) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (*p == '\0' || n == WORDS_MAX)
			return n;
		words[n] = p;
		end = word_move(&p, line + (p - line));
		if (end == NULL)
			return -1;
		n++;
		p += *p != '\0';
		*end = '\0';
	}
}

static void
line_run(void)
{
	int n = line_split();

	if (n < 0)
		print("a quote is open\n");
	if (n <= 0)
		return;
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(words[0], commands[i].name) == 0) {
			commands[i].run(n, words);
			return;
		}
	}
	(void)program_run(words[0], (uint32_t)n - 1, words + 1);
}

/* ---- the kernel's command line */

/* The value of `key=', cut off at size. */
static bool
option_find(const char *key, char *value, size_t size)
{
	const volatile char *p = EXO_MACHINE->cmdline;
	char text[sizeof(EXO_MACHINE->cmdline) + 1] = { 0 };
	size_t n = strlen(key), i = 0;

	for (size_t j = 0; j < sizeof(text) - 1; j++)
		text[j] = p[j];
	for (const char *s = text; *s != '\0'; s++) {
		if ((s == text || s[-1] == ' ') && strncmp(s, key, n) == 0) {
			for (; s[n + i] != '\0' && s[n + i] != ' ' &&
			    i < size - 1; i++)
				value[i] = s[n + i];
			value[i] = '\0';
			return true;
		}
	}
	return false;
}

static void
options_take(void)
{
	char *x;

	(void)option_find("shell=", shell, sizeof(shell));
	(void)option_find("term=", term + 5, sizeof(term) - 5);
	if (!option_find("tty=", line, sizeof(line)))
		return;
	x = strchr(line, 'x');
	if (x == NULL)
		return;
	*x = '\0';
	if (!string_number(line, &rows) || !string_number(x + 1, &columns) ||
	    rows > UINT16_MAX || columns > UINT16_MAX)
		rows = 0;
}

int
main(void)
{
	options_take();
	if (option_find("linux=", line, sizeof(line)))
		machine_off((uint32_t)linux_run_words(line));
	if (option_find("run=", line, sizeof(line)))
		machine_off((uint32_t)program_run(line, 0, NULL));
	if (shell_run())
		print("The session has ended.\n");
	print("Castor on Pollux, native programs.  `help' helps, `sh' is a "
	    "shell again,\n`poweroff' ends it.\n");
	for (;;) {
		print("> ");
		if (console_line(line, sizeof(line)) >= 0)
			line_run();
	}
}
