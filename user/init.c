/*
 * init.c - the first program: a prompt on the console.
 *
 * With run=NAME on the kernel's command line it runs that program instead
 * and turns the machine off with its exit word as status.
 */
#include <castor/archive.h>
#include <castor/print.h>
#include <castor/proc.h>
#include <castor/self.h>
#include <castor/session.h>
#include <castor/string.h>

#define WORDS_MAX	16
#define LINE_MAX	256

static char line[LINE_MAX];
static const char *words[WORDS_MAX];

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

/* "hello" is bin/hello unless there is a hello; 0, or NAME. */
static long
program_name(const char *word, char *name, size_t size)
{
	struct archive_file f;

	(void)print_to(name, size, "%s", word);
	if (archive_find(name, &f) == 0)
		return 0;
	(void)print_to(name, size, "bin/%s", word);
	return archive_find(name, &f);
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
	if (r < 0) {
		print("%s: %s\n", word, r == -EXO_E_NAME ? "no such program" :
		    exo_error_text(r));
		return EXIT_DIED;
	}
	if (p.cause != EXO_CAUSE_EXIT || p.word != 0)
		print("%s %s, word %lu\n", word, causes[p.cause], p.word);
	return p.word;
}

/* ---- Linux programs */

#define ARGS_MAX	16u

/* By its path, in a session of its own: what a shell would say of its end. */
static uint64_t
linux_run(const char *path, uint32_t argc, const char *const *argv)
{
	static const char *const envp[] = { "PATH=/bin:/sbin", "HOME=/",
		"TERM=linux" };
	struct session s;
	long r = session_start(&s);

	if (r < 0) {
		print("no commons: %s\n", exo_error_text(r));
		return EXIT_DIED;
	}
	r = session_run(&s, path, argc, argv, 3, envp);
	if (r > 0)
		r = session_wait(&s, (uint32_t)r);
	session_end(&s);
	if (r < 0) {
		print("%s: error %ld\n", path, -r);
		return EXIT_DIED;
	}
	return (r & 0x7f) == 0 ? (uint64_t)r >> 8 : 128 + ((uint64_t)r & 0x7f);
}

/* "PATH,argument,argument": from the kernel's command line. */
static uint64_t
linux_run_words(char *words)
{
	const char *argv[ARGS_MAX];
	uint32_t n = 0;

	for (char *p = words; (p = strchr(p, ',')) != NULL && n < ARGS_MAX;) {
		*p++ = '\0';
		argv[n++] = p;
	}
	return linux_run(words, n, argv);
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
linux_command(int argc, const char **argv)
{
	if (argc < 2)
		print("linux PATH [argument ...]\n");
	else
		(void)linux_run(argv[1], (uint32_t)argc - 2, argv + 2);
}

static void	help(int, const char **);

static const struct command {
	const char *name, *text;
	void (*run)(int argc, const char **argv);
} commands[] = {
	{ "help", "this list", help },
	{ "ls", "[prefix]  files of the archive", list_files },
	{ "linux", "PATH ...  run a Linux program", linux_command },
	{ "tracing", "[on|off]  what the program `trace' shows",
	    trace_switch },
	{ "poweroff", "[status]  end the machine", power },
};
#define NCOMMANDS	(sizeof(commands) / sizeof(commands[0]))

static void
help(int argc, const char **argv)
{
	(void)argc;
	(void)argv;
	for (size_t i = 0; i < NCOMMANDS; i++)
		print("  %-10s %s\n", commands[i].name, commands[i].text);
	print("Anything else is a program of the archive, with arguments:\n"
	    "  hello machine frames domains envs trace stackgrow bare ...\n");
}

/* ---- the prompt */

static int
line_split(void)
{
	int n = 0;
	char *p = line;

	for (;;) {
		while (*p == ' ' || *p == '\t')
			*p++ = '\0';
		if (*p == '\0' || n == WORDS_MAX)
			return n;
		words[n++] = p;
		while (*p != '\0' && *p != ' ' && *p != '\t')
			p++;
	}
}

static void
line_run(void)
{
	int n = line_split();

	if (n == 0)
		return;
	for (size_t i = 0; i < NCOMMANDS; i++) {
		if (strcmp(words[0], commands[i].name) == 0) {
			commands[i].run(n, words);
			return;
		}
	}
	(void)program_run(words[0], (uint32_t)n - 1, words + 1);
}

/* The value of `key=' on the kernel's command line, into `line'. */
static bool
option_find(const char *key)
{
	const volatile char *p = EXO_MACHINE->cmdline;
	char text[sizeof(EXO_MACHINE->cmdline) + 1] = { 0 };
	size_t n = strlen(key);

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = p[i];
	for (const char *s = text; *s != '\0'; s++) {
		if ((s == text || s[-1] == ' ') && strncmp(s, key, n) == 0) {
			for (size_t i = 0; s[n + i] != '\0' &&
			    s[n + i] != ' ' && i < LINE_MAX - 1; i++)
				line[i] = s[n + i];
			return true;
		}
	}
	return false;
}

int
main(void)
{
	if (option_find("linux="))
		machine_off((uint32_t)linux_run_words(line));
	if (option_find("run="))
		machine_off((uint32_t)program_run(line, 0, NULL));
	print("Castor on Pollux.  `help' helps, `poweroff' ends it.\n");
	for (;;) {
		print("> ");
		if (console_line(line, sizeof(line)) >= 0)
			line_run();
	}
}
