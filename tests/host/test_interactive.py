#!/usr/bin/env python3
"""A person at the terminal: job control of ash and bash, line editors of bash
and zsh, programs that take the whole screen.

A key that makes a signal is typed when whom it is for has the terminal and does
not ignore it, which is later than one sees: `fg' names a job before it gives it
the terminal, and busybox's shell ignores Ctrl-\\ itself, `sh -c' too, until it
runs another program.  Linux has both.
"""
import re

from test_prompt import LIMIT, SLEEP, Terminal

# Says `back' when it is continued, which a shell does after the terminal is
# given to it.
BACK = ("sh -c 'trap \"echo ba\"\"ck\" CONT; echo g\"\"o; "
        "while :; do sleep 1; done'")


class Person(Terminal):
    """Types, and looks for what comes of it; remembers what was as it should
    be."""

    def __init__(self, checks):
        super().__init__()
        self.checks = checks
        self.came = b""                 # since the last keys

    def type(self, text):
        self.came = b""
        super().type(text)

    def until(self, pattern, out=b"", limit=LIMIT):
        out = super().until(pattern, self.came, limit)
        self.came = out.encode()
        return out

    def sees(self, name, keys, pattern):
        """keys are typed; then pattern comes."""
        self.type(keys)
        out = self.until(pattern)
        good = bool(re.search(pattern, out.encode()))
        self.checks.append((name, good))
        if not good:
            print("# said:", repr(out[-400:]))
        return out


def ash(p):
    p.until(p.PROMPT)
    p.sees("ash: a job in the background", BACK + " &\r", rb"go\n")
    p.sees("it is listed", "jobs\r", rb"\[1\]\+ +Running +sh -c")
    p.until(p.PROMPT)
    p.sees("fg brings it back", "fg\r", rb"\nsh -c.*\nback\n")
    p.sees("Ctrl-Z stops it", "\x1a", rb"\[1\]\+ +Stopped +sh -c")
    p.until(p.PROMPT)
    p.sees("bg lets it go on", "bg\r", rb"\[1\] sh -c(.|\n)*back\n")
    p.sees("and it runs", "jobs\r", rb"Running +sh -c")
    p.until(p.PROMPT)
    p.sees("kill %1 ends it", "kill %1; wait %1 2>/dev/null; echo e$?\r",
           rb"\ne143\n")
    p.until(p.PROMPT)
    p.sees("a reader in the background is stopped", "cat &\r", p.PROMPT)
    p.sees("by SIGTTIN", "until jobs >/tmp/j; grep Stop /tmp/j; "
           "do sleep 1; done\r", rb"Stopped \(tty input\)|Stopped")
    p.until(p.PROMPT)
    p.sees("in the foreground it reads", "fg\r", rb"\ncat\n")
    p.sees("a line", "typed\r", rb"typed\ntyped\n")
    p.sees("up to Ctrl-D", "\x04", p.PROMPT)
    p.sees("a pipeline runs", "{ echo g''o; sleep 1000; } | cat | cat\r",
           rb"\ngo\n")
    p.type("\x03")
    p.until(p.PROMPT)
    p.sees("and Ctrl-C ends all of it",
           "ps -o comm | grep -c slee[p]\r", rb"\n0\n")
    p.until(p.PROMPT)
    p.sees("another begins", "echo g''o >/tmp/go; tail -f /tmp/go\r",
           rb"\ngo\n")
    p.type("\x1c")
    p.until(p.PROMPT)
    p.sees("and Ctrl-\\ ends it", "echo q$?\r", rb"\nq131\n")
    p.until(p.PROMPT)
    p.sees("a trap takes Ctrl-C",
           "sh -c 'trap \"echo tra\"\"pped; exit 3\" INT; echo re\"\"ady; "
           "while :; do sleep 1; done'; echo t$?\r", rb"\nready\n")
    p.sees("and the shell goes on", "\x03", rb"trapped\nt3\n")
    p.until(p.PROMPT)
    p.sees("hidden input", "read -s -p 'word: ' w; echo \"[$w]\"\r",
           rb"\nword: $")
    p.sees("is not shown", "secret\r", rb"\[secret\]")
    p.until(p.PROMPT)


def bash(p):
    prompt = rb"B# $"
    p.sees("bash: its prompt", "PS1='B# ' bash --norc --noprofile -i\r",
           prompt)
    p.sees("history by the arrow", "echo first\r", prompt)
    p.sees("runs the line again", "\x1b[A\r", rb"echo first\nfirst\n")
    p.until(prompt)
    p.sees("completion of a name", "echo /etc/mot\t\r",
           rb"/etc/motd *\n/etc/motd\n")
    p.until(prompt)
    p.sees("editing in the middle", "echo ac\x1b[Db\r", rb"\nabc\n")
    p.until(prompt)
    p.sees("a job begins", BACK + "\r", rb"\ngo\n")
    p.sees("and stops, with a word of it", "\x1a", rb"\[1\]\+ +Stopped")
    p.until(prompt)
    p.sees("bg", "bg\r", rb"\[1\]\+ sh -c(.|\n)*back\n")
    p.sees("kill stops it again", "kill -STOP %1; wait %1\r",
           rb"\[1\]\+ +Stopped")
    p.until(prompt)
    p.sees("fg", "fg\r", rb"\nsh -c.*\nback\n")
    p.type("\x03")
    p.until(prompt)
    p.sees("and Ctrl-C end it", "echo c$?\r", rb"\nc130\n")
    p.until(prompt)
    p.sees("process substitution", "cat <(echo inner)\r", rb"\ninner\n")
    p.until(prompt)
    p.sees("coprocesses", "coproc cat; echo hi >&${COPROC[1]}; "
           "read -u ${COPROC[0]} x; echo got $x\r", rb"\ngot hi\n")
    p.until(prompt)
    p.sees("it ends", "exit\r", p.PROMPT)


def zsh(p):
    prompt = rb"Z% (\x1b\[K|\x1b\[\?2004h|\x1b\[J)*$"
    p.sees("zsh: its prompt", "zsh -f\r", rb"# |% ")
    p.type("PS1='Z%% '\r")
    p.until(prompt)
    p.sees("its editor", "echo ac\x1b[Db\r", rb"\nabc\n")
    p.until(prompt)
    p.sees("a job begins", SLEEP, rb"\ngo\n")
    p.sees("and stops, with a word of it", "\x1a", rb"suspended +sh -c")
    p.until(prompt)
    p.sees("and ends", "kill %1\r", rb"terminated +sh -c")
    p.until(prompt)
    p.sees("it ends", "exit\r", p.PROMPT)


def screens(p):
    p.sees("vi comes up", "vi /tmp/text\r", rb"/tmp/text.*\[New File\]|~")
    p.sees("and takes text", "ihello world\x1b", rb"K- /tmp/text[^-I]*Modified")
    p.type(":wq\r")
    p.until(p.PROMPT)
    p.sees("and has written", "cat /tmp/text\r", rb"\nhello world\n")
    p.until(p.PROMPT)
    p.sees("vi edits again", "vi /tmp/text\r", rb"hello world")
    p.sees("another word", "wcwthere\x1b", rb"K- /tmp/text[^-I]*Modified")
    p.type(":x\r")
    p.until(p.PROMPT)
    p.sees("and has written that", "cat /tmp/text\r", rb"\nhello there\n")
    p.until(p.PROMPT)
    p.sees("less shows the first page", "seq 200 >/tmp/n; less /tmp/n\r",
           rb"K32\n")
    p.sees("and the next", " ", rb"64")
    p.sees("and goes to the end", "G", rb"200")
    p.sees("and ends", "q", p.PROMPT)
    p.sees("top runs", "top -d 1\r", rb"(?s)Mem:.*CPU:.*PID +PPID")
    p.sees("until q", "q", p.PROMPT)
    p.sees("sizes are asked for", "stty size\r", rb"\n33 101\n")


def main():
    checks = []
    with Person(checks) as p:
        ash(p)
        bash(p)
        zsh(p)
        screens(p)
    print(f"1..{len(checks)}")
    for i, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
