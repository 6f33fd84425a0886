#!/usr/bin/env python3
"""Programs from outside the tree, as a user has them: `make run' and
tools/sdk, with programs that are well, fail, die, don't compile; the archive
with a directory laid onto it.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import os
import pty
import re
import select
import shlex
import subprocess
import tempfile
import time

ROOT = os.getcwd()
KERNEL = os.path.abspath(os.environ.get("KERNEL", "build/pollux.elf"))
ARCHIVE = os.path.abspath(os.environ.get("ARCHIVE", "build/archive.cpio"))
BUILT = os.path.join(os.path.dirname(ARCHIVE), "sdk")
LIMIT = 120

ARGS_C = r"""
#include <stdio.h>
int main(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		printf("%d [%s]\n", i, argv[i]);
	return argc - 1;
}
"""
END_C = r"""
#include <signal.h>
#include <stdlib.h>
int main(int argc, char **argv)
{
	if (argc > 2)
		raise(atoi(argv[2]));
	if (argc < 2)
		*(volatile int *)8 = 1;
	return atoi(argv[1]);
}
"""
COPY_C = r"""
#include <stdio.h>
int main(void)
{
	for (int c; (c = getchar()) != EOF;)
		putchar(c);
	return 0;
}
"""
NATIVE_C = r"""
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <castor/lwc.h>
#include <castor/print.h>
#include <castor/self.h>
int main(void)
{
	exo_ppn want = EXO_MACHINE->free_head;
	exo_id was = self->domain;
	int status;

	print("frame %s\n", exo_error_name(exo_page_alloc(self->acct,
	    self->acct_slot, self->memory_slot, EXO_PG_DATA, want, 1)));
	print("mine %d\n", EXO_PAGES[want].account == EXO_INDEX(self->acct));
	MUST(exo_page_free(self->memory_slot, want, 1));
	print("refused %s\n", exo_error_name(exo_machine_off(
	    self->memory_slot, 3)));
	fflush(stdout);
	if (fork() == 0)
		_exit(self->domain == was || EXO_DOMAINS[EXO_INDEX(
		    self->domain)].gen != EXO_GEN(self->domain));
	wait(&status);
	print("child %d\n", status);
	return 0;
}
"""
ASK_C = r"""
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void)
{
	char line[100];

	while (printf("> "), fflush(stdout), fgets(line, 100, stdin)) {
		line[strlen(line) - 1] = '\0';
		printf("<%s>\n", line);
	}
	return 4 * isatty(0);
}
"""
LOOK_SH = r"""#!/bin/sh
ls -l /sub/tool /sub/link /etc/hostname | awk '{ print $1, $9 $10 $11 }'
stat -c %a /sub/closed
cat /etc/hostname
/sub/tool
"""


class Folder:
    """Files to build from, and a place for what becomes of them."""

    def __init__(self, top):
        self.top = top
        self.sdk = os.path.join(top, "built")
        os.mkdir(self.sdk)
        for part in ("include", "lib"):
            os.symlink(os.path.join(BUILT, part),
                       os.path.join(self.sdk, part))

    def put(self, name, text, mode=None):
        path = os.path.join(self.top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        if mode is not None:
            os.chmod(path, mode)
        return path


def bounded(cmd, given=b"", **kw):
    """(status, standard output, standard error)."""
    p = subprocess.run(cmd, input=given, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=LIMIT, check=False,
                       **kw)
    return p.returncode, p.stdout, p.stderr.decode("utf-8", "replace")


def sdk_command(f, app, *args, options=()):
    return [os.path.join(ROOT, "tools/sdk"), "run", "--built", "--kernel",
            KERNEL, "--archive", ARCHIVE, "--sdk", f.sdk, *options, "--", app,
            *args]


def sdk(f, app, *args, options=(), **kw):
    return bounded(sdk_command(f, app, *args, options=options), **kw)


def make_env(**more):
    """Not a part of the make that runs this."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return dict(env, **more)


def make(*words, folder=ROOT, target="run"):
    return bounded(["make", "-s", "--no-print-directory", "-C", ROOT,
                    target, *words], cwd=folder, env=make_env(PWD=folder))


def statuses(f):
    end = f.put("end.c", END_C)
    for name, args, want in (("0", ["0"], 0), ("7", ["7"], 7),
                             ("200", ["200"], 200), ("255", ["255"], 255),
                             ("SIGKILL", ["0", "9"], 137),
                             ("SIGTERM", ["0", "15"], 143),
                             ("a wild pointer", [], 139)):
        status, _, _ = sdk(f, end, *args)
        yield f"the status is exact: {name}", status == want
    copy = f.put("forever.c", "int main(void) { for (;;) ; }\n")
    status, _, _ = sdk(f, copy, options=("--timeout", "3"))
    yield "one that does not end", status == 124


def by_make(f):
    f.put("my apps/it's.c", ARGS_C)
    words = "'a b' \"it's\" $HOME `x` \\\\ '' e\\ f ; >x * \"$(false)\" 12"
    status, out, _ = make("APP=my apps/it's.c", "ARGS=" + words, folder=f.top)
    want = ["/app/it_s"] + shlex.split(words)
    lines = "".join(f"{i} [{w}]\n" for i, w in enumerate(want))
    # make shows what it had to build first, if anything.
    yield "arguments arrive as they were quoted", \
        out.decode().endswith(lines) and status == 2
    f.put("end.c", END_C)
    status, _, err = make("APP=" + f.top + "/end.c", "ARGS=7")
    yield "make tells the status", status == 2 and "Error 7\n" in err
    status, _, err = make("APP=end.c", "ARGS=0", folder=f.top)
    yield "and succeeds with the program", status == 0
    status, _, err = make("APP=end.c", "ARGS='0", folder=f.top)
    yield "a quote that is open", status == 2 and "quotation" in err
    status, _, err = make()
    yield "no program was said", status == 2 and "which program" in err


def builds(f):
    bad = f.put("bad.c", "int main(void) { return nonesuch; }\n")
    status, _, err = sdk(f, bad)
    yield "what the compiler says is shown", status == 125 and \
        re.search(r"bad\.c:1:.*error:.*nonesuch", err) is not None
    f.put("two/main.c", '#include "n.h"\nint two(void);\n'
          "int main(void) { return two() + N; }\n")
    f.put("two/two.c", "int two(void) { return 2; }\n")
    header = f.put("two/n.h", "#define N 30\n")
    status, _, _ = sdk(f, f.top + "/two")
    yield "a directory of C files", status == 32
    f.put("two/n.h", "#define N 40\n")
    now = os.stat(header).st_mtime
    os.utime(header, (now + 5, now + 5))
    status, _, _ = sdk(f, f.top + "/two")
    yield "a header that has changed", status == 42
    flag = f.put("flag.c", "int main(void) { return N; }\n")
    seen = [sdk(f, flag, env=dict(os.environ, CFLAGS=f"-DN={n}"))[0]
            for n in (5, 5, 6)]
    yield "CFLAGS that have changed", seen == [5, 5, 6]
    f.put("own/Makefile", "CFLAGS = -DN=11\n$(PROGRAM): x.c\n"
          "\t$(CC) $(CFLAGS) -o $@ x.c $(LDLIBS)\n")
    f.put("own/x.c", "#include <castor/self.h>\n"
          "int main(void) { return N + (self->env == 0); }\n")
    status, _, _ = sdk(f, f.top + "/own")
    yield "a directory with a Makefile", status == 11
    f.put("none/Makefile", "all:\n\t@echo nothing\n")
    status, _, err = sdk(f, f.top + "/none")
    yield "one that makes no program", status == 125 and "PROGRAM" in err
    f.put("fails/Makefile", "all:\n\t@echo it is broken >&2; exit 3\n")
    status, _, err = sdk(f, f.top + "/fails")
    yield "one that fails", status == 125 and "it is broken" in err
    f.put("empty/x", "")
    status, _, err = sdk(f, f.top + "/empty")
    yield "an empty directory", status == 125 and "no C files" in err
    status, _, err = sdk(f, f.top + "/gone.c")
    yield "no such file", status == 125 and "no such file" in err
    status, out, _ = sdk(f, "/bin/busybox", "echo", "as it is")
    yield "a program as it is", (status, out) == (0, b"as it is\n")


def streams(f):
    copy = f.put("copy.c", COPY_C)
    every = bytes(range(256)) * 40 + b"\r\n\n\r\r\n\x04\x1a\x03Pollux: \nx"
    status, out, _ = sdk(f, copy, given=every)
    yield "each byte goes in and comes out", (status, out) == (0, every)
    status, out, _ = sdk(f, copy)
    yield "nothing is no input", (status, out) == (0, b"")


def natives(f):
    status, out, _ = sdk(f, f.put("native.c", NATIVE_C))
    yield "native calls and tables from a musl program", \
        (status, out) == (0, b"frame ok\nmine 1\nrefused E_DENIED\n"
                          b"child 0\n")


def overlays(f):
    f.put("over/sub/tool", "#!/bin/sh\necho tool $0\n", 0o751)
    f.put("over/etc/hostname", "mine\n", 0o604)
    os.symlink("../etc/hostname", f.top + "/over/sub/link")
    os.mkdir(f.top + "/over/sub/closed", 0o700)
    look = f.put("look.sh", LOOK_SH, 0o755)
    status, out, _ = sdk(f, look, options=("--overlay", f.top + "/over"))
    yield "files, modes and links of an overlay", (status, out) == (0,
        b"-rw----r-- /etc/hostname\n"
        b"lrwxrwxrwx /sub/link->../etc/hostname\n-rwxr-x--x /sub/tool\n"
        b"700\nmine\ntool /sub/tool\n")
    status, out, _ = make("APP=look.sh", "OVERLAY=over", folder=f.top)
    yield "by make, from elsewhere", status == 0 and out.endswith(
        b"mine\ntool /sub/tool\n")
    status, out, _ = make("OVERLAY=over", "APPEND=linux=/sub/tool,-x",
                          folder=f.top, target="qemu")
    yield "make qemu has it too", status == 0 and out.endswith(
        b"\ntool /sub/tool\r\n")
    f.put("wrong/bin", "no directory\n")
    status, _, err = sdk(f, look, options=("--overlay", f.top + "/wrong"))
    yield "a file over a directory", status == 125 and "/bin" in err
    status, _, err = sdk(f, look, options=("--overlay", f.top + "/nowhere"))
    yield "no such directory", status == 125 and "nowhere" in err
    os.makedirs(f.top + "/fifo")
    os.mkfifo(f.top + "/fifo/pipe")
    status, _, err = sdk(f, look, options=("--overlay", f.top + "/fifo"))
    yield "what is no file", status == 125 and "pipe" in err


def typed(f, app, *keys):
    """(status, output) of a program on a terminal, for whom KEYS are typed one
    by one when it says "> "."""
    master, slave = pty.openpty()
    with subprocess.Popen(sdk_command(f, app), stdin=slave, stdout=slave,
                          stderr=slave, start_new_session=True) as p:
        os.close(slave)
        out, end, left = b"", time.monotonic() + LIMIT, list(keys)
        while select.select([master], [], [], end - time.monotonic())[0]:
            try:
                out += os.read(master, 4096)
            except OSError:             # all of them are gone
                break
            if out.endswith(b"> ") and left:
                os.write(master, left.pop(0))
        else:
            p.kill()
    os.close(master)
    return p.returncode, out.replace(b"\r", b"")


def terminals(f):
    ask = f.put("ask.c", ASK_C)
    status, out = typed(f, ask, b"you\r", b"m\x7f me\r", b"\x04")
    yield "a program that asks", status == 4 and \
        out.endswith(b"> you\n<you>\n> m\b \b me\n< me>\n> ")
    status, out = typed(f, ask, b"\x03")
    yield "Ctrl-C", status == 130 and b"^C" in out


def page(f):
    """docs/sdk.md as typed: its files, its commands, what they print.  A line
    that begins with ... stands for any text."""
    with open("docs/sdk.md", encoding="utf-8") as text:
        blocks = re.findall(r"(?:^`([\w./]+)`[^\n]*:\n\n)?^```(\w+)\n(.*?)^```",
                            text.read(), re.M | re.S)
    for name, kind, body in blocks:
        if name:
            f.put("page/" + name, body)
        if kind != "console":
            continue
        for line, want in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", body,
                                     re.M):
            p = subprocess.run(["sh", "-c", line], cwd=f.top + "/page",
                               env=make_env(POLLUX=ROOT,
                                            PWD=f.top + "/page"),
                               stdin=subprocess.DEVNULL, timeout=LIMIT,
                               stdout=subprocess.PIPE, check=False,
                               stderr=subprocess.STDOUT)
            pattern = re.escape(want).replace(r"\.\.\.", "(.|\n)*")
            out = p.stdout.decode().replace("\u2018", "'").replace(
                "\u2019", "'")
            good = bool(re.search("^" + pattern + r"(make: .*\n)?$", out))
            yield "docs/sdk.md: " + line, good
            if not good:
                print("# printed: " + repr(out))


def points():
    for part in (statuses, by_make, builds, streams, natives, overlays,
                 terminals, page):
        with tempfile.TemporaryDirectory(prefix="sdk,") as top:
            yield from part(Folder(top))


n = failed = 0
for n, (name, good) in enumerate(points(), 1):
    print("ok" if good else "not ok", n, "-", name, flush=True)
    failed += not good
print(f"1..{n}")
raise SystemExit(failed != 0)
