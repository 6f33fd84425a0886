#!/usr/bin/env python3
"""A person at the serial line: the shell, on a terminal of its own size; the
native prompt, its editing, programs by name, programs that only read tables;
the ways to end.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import fcntl
import os
import pty
import re
import selectors
import signal
import struct
import subprocess
import termios
import time

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
LIMIT = 60.0


class Machine:
    """tools/run in a session of its own, which ends with the block."""

    def __init__(self, *options):
        self.cmd = ["tools/run", "--kernel", KERNEL, "--archive", ARCHIVE]
        self.cmd += options
        self.begin()

    def begin(self):
        self.p = subprocess.Popen(self.cmd, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  start_new_session=True)
        self.input, self.output = (self.p.stdin.fileno(),
                                   self.p.stdout.fileno())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
        self.p.wait()

    def until(self, pattern, out=b"", limit=LIMIT):
        """What comes up to a pattern at its end, behind what came already;
        what came, if it doesn't."""
        end = time.monotonic() + limit
        with selectors.DefaultSelector() as s:
            s.register(self.output, selectors.EVENT_READ)
            while not re.search(pattern, out):
                left = end - time.monotonic()
                if left <= 0 or not s.select(left):
                    break
                try:
                    data = os.read(self.output, 4096)
                except OSError:         # a terminal's other side is gone
                    break
                if not data:
                    break
                out += data.replace(b"\r", b"")
        return out.decode("utf-8", "replace")

    def until_prompt(self):
        return self.until(rb"\n> $")

    def type(self, text):
        os.write(self.input, text.encode())

    def say(self, line):
        """The machine keeps 256 characters that nobody has read yet."""
        while len(line) > 200:
            self.type(line[:200])
            self.until(line[:200].encode())
            line = line[200:]
        self.type(line if line.endswith("\x03") else line + "\r")
        return self.until_prompt()

    def status(self):
        """After its end; output is read so that it does not wait for us."""
        try:
            self.p.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return None
        return self.p.returncode


class Terminal(Machine):
    """The same in front of a terminal, 33 lines of 101 characters."""

    PROMPT = rb"\x1b\[1;36m(\S+)\x1b\[0m # (\x1b\[6n)?$"

    def begin(self):
        self.output, slave = pty.openpty()
        self.input = self.output
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 33, 101, 0, 0))
        self.p = subprocess.Popen(self.cmd, stdin=slave, stdout=slave,
                                  stderr=slave, start_new_session=True,
                                  env=dict(os.environ, TERM="vt220"))
        os.close(slave)

    def __exit__(self, *_):
        super().__exit__()
        os.close(self.output)

    def say(self, line):
        self.type(line + "\r")
        return self.until(self.PROMPT)

    def status(self):
        self.until(rb"(?!)")
        return super().status()


SHELL = [
    ("a login shell at home", "pwd; echo $HOME $USER",
     r"\n/root\n/root root\n"),
    ("the terminal's size and name", "stty size; echo $TERM",
     r"\n33 101\nvt220\n"),
    ("names of users and groups", "id; ls -l /etc/motd",
     r"uid=0\(root\) gid=0\(root\)(.|\n)* root +root +\d"),
    ("programs that look write where they are told",
     "envs | grep -c '(me)'; machine >/tmp/m; grep -c ^frames /tmp/m",
     r"\n1\n1\n"),
    ("who I am is published", "cat /exo/self",
     r"\nacct \d+ domain \d+ env \d+\n"),
    ("a stranger's wish for the end is refused",
     "kill -9 1; kill -STOP 1; kill -INT 1; echo alive", r"\nalive\n"),
    ("a native program is not run as one of Linux's",
     "stride 5; echo $?; bare", r"/bin/stride: a native program: `exit'"
     r".*\n126\n/bin/bare: a native program"),
    ("who is not root does not turn the machine off",
     "su -s /bin/sh nobody -c 'poweroff -f; kill -TERM 1; echo still here'",
     r"(not permitted(.|\n)*){2}\nstill here\n"),
    ("a pipeline and its status", "echo a b | tr a-z A-Z; false; echo $?",
     r"\nA B\n1\n"),
]


SLEEP = "sh -c 'echo g\"\"o; exec sleep 1000'\r"


def shell(checks):
    with Terminal() as m:
        out = m.until(m.PROMPT)
        checks.append(("a shell and its message come up",
                       "turns the machine off" in out))
        for name, line, pattern in SHELL:
            out = m.say(line)
            good = bool(re.search(pattern, out))
            checks.append((name, good))
            if not good:
                print("# said:", repr(out[-300:]))
        m.type(SLEEP)
        m.until(rb"\ngo\n")
        m.type("\x03")
        checks.append(("Ctrl-C ends what runs",
                       "^C" in m.until(m.PROMPT)))
        m.type(SLEEP)
        m.until(rb"\ngo\n")
        m.type("\x1a")
        checks.append(("Ctrl-Z stops it", "Stopped" in m.until(m.PROMPT)))
        m.type("exit\r")
        m.until(m.PROMPT)               # there are stopped jobs
        m.type("exit\r")
        checks.append(("after it comes the native prompt",
                       "session has ended" in m.until_prompt()))
        m.type("sh\r")
        checks.append(("and `sh' is a shell again",
                       "BusyBox" in m.until(m.PROMPT)))
        m.type("poweroff\r")
        checks.append(("poweroff", m.status() == 0))


def shell_ends(checks):
    for line in ("poweroff -f", "halt", "reboot -f", "kill -TERM 1"):
        with Terminal("--strict") as m:
            m.until(m.PROMPT)
            m.type(line + "\r")
            checks.append((line, m.status() == 0))


CONVERSATION = [
    ("a program by name, with arguments", "hello a b",
     r"\nHello from bin/hello, a, b\.\n> $"),
    ("quotes", """hello 'a  b' "c 'd" e\\ f "" \\\\""",
     r"\nHello from bin/hello, a  b, c 'd, e f, , \\\.\n> $"),
    ("a quote that is open", "hello 'a b", r"\na quote is open\n> $"),
    ("a Linux program by its path", "linux /bin/echo 'a  b'",
     r"\na  b\n> $"),
    ("how one has ended", "linux /bin/sh -c 'kill -9 $$'",
     r"\n/bin/sh: status 137\n> $"),
    ("an unknown name is told", "nonesuch", r"\nnonesuch: no such program\n"),
    ("so is one of Linux's, with what runs it", "bash -c pwd",
     r"\nbash: not a native program; for Linux's: linux /bin/bash\n> $"),
    ("and a link to one", "reboot",
     r"\nreboot: not a native program; for Linux's: linux /bin/reboot\n> $"),
    ("a Linux program that is not there", "linux /bin/nonesuch",
     r"\ncastor: /bin/nonesuch: no such file\n/bin/nonesuch: status 127\n"),
    ("what is no program", "linux /etc/hostname",
     r"\ncastor: /etc/hostname: not a program\n/etc/hostname: status 126\n"),
    ("backspace", "hex\x7fllo q", r"\nHello from bin/hello, q\."),
    ("Ctrl-U drops the line", "nonsense\x15hello", r"\nHello from bin/hello\."),
    ("Ctrl-C drops the line", "nonsense\x03", r"^nonsense\n> "),
    ("an empty line", "   ", r"^[ \n>]*$"),
    ("help", "help", r"poweroff +\[status\]"),
    ("the archive's files", "ls bin/h", r"\d+  bin/hello\n> $"),
    ("the machine", "machine", r"(?s)frames \d+ \(\d+ free\).*tlb_page"),
    ("frames: owners, kinds and a map", "frames",
     r"(?s)each sign is.*account 0 .*pt1 \d+.*pt4 1"),
    ("a frame", "frames 0", r"frame 0: \w+"),
    ("domains", "domains", r"(?s)\n +1 +1 live.*live.*\(me\)"),
    ("envs and slices", "envs",
     r"(?s)asleep.*\n +asked \d+ times.*ready.*\(me\).*slices: 0-"),
    ("the machine idles while nobody types", "machine",
     r"ticks_idle +[1-9]"),
    ("nothing is traced unless asked", "trace",
     r"tracing is off; 0 records"),
    ("tracing on", "tracing on", r"^tracing on\n> $"),
    ("a trace", "trace 400", r"(?s)tracing is on.* call .*acct_create"),
    ("tracing off", "tracing off", r"^tracing off\n> $"),
    ("a stack grows by self-paging", "stackgrow", r"stack: \d\d+ faults"),
    ("a wild access ends the program alone", "stackgrow wild",
     r"nothing at 10100000 to write(.|\n)*stackgrow ended, word 127\n> $"),
    ("a scheduler that is a program", "stride 60",
     r"\n +3 +\d+ +\d{3} (.|\n)*off by \d+ in 1000"),
    ("a program without a library", "bare", r"\nBare: domain \d+, env \d+"),
    ("a line longer than any", "hello " + "x" * 300, r"Hello from bin/hello, x"),
]


def converse(checks):
    with Machine("--append", "shell=no") as m:
        checks.append(("the prompt comes up", "> " in m.until_prompt()))
        free = None
        for name, line, pattern in CONVERSATION:
            out = m.say(line)
            good = bool(re.search(pattern, out))
            checks.append((name, good))
            if not good:
                print("# said:", repr(out[-300:]))
        for _ in range(3):              # the first may still grow caches
            m.say("hello")
            out = m.say("machine")
            free, before = re.search(r"\((\d+) free", out).group(1), free
        checks.append(("programs give all frames back", free == before))
        m.type("poweroff\r")
        checks.append(("poweroff", m.status() == 0))


def ends(checks):
    for append, want in (("run=hello", 0), ("run=nonesuch", (127 << 1) | 1),
                         ("init=bin/bare", 0)):
        with Machine("--append", append, "--strict", "--timeout",
                     str(int(LIMIT))) as m:
            checks.append((f"{append}: status {want}", m.status() == want))


def main():
    checks = []
    shell(checks)
    shell_ends(checks)
    converse(checks)
    ends(checks)
    print(f"1..{len(checks)}")
    for i, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
