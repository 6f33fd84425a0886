#!/usr/bin/env python3
"""A person at the serial line: the prompt, its editing, programs by name,
programs that only read tables, and the ways to end.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import os
import re
import selectors
import signal
import subprocess
import time

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
LIMIT = 60.0


class Machine:
    """tools/run in a session of its own, which ends with the block."""

    def __init__(self, *options):
        cmd = ["tools/run", "--kernel", KERNEL, "--archive", ARCHIVE]
        self.p = subprocess.Popen(cmd + list(options), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  start_new_session=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
        self.p.wait()

    def until_prompt(self):
        """What comes before the next prompt; what came, if none does."""
        out, end = b"", time.monotonic() + LIMIT
        with selectors.DefaultSelector() as s:
            s.register(self.p.stdout, selectors.EVENT_READ)
            while not out.endswith(b"\n> "):
                left = end - time.monotonic()
                if left <= 0 or not s.select(left):
                    break
                data = os.read(self.p.stdout.fileno(), 4096)
                if not data:
                    break
                out += data.replace(b"\r", b"")
        return out.decode("utf-8", "replace")

    def type(self, text):
        self.p.stdin.write(text.encode())
        self.p.stdin.flush()

    def say(self, line):
        self.type(line if line.endswith("\x03") else line + "\r")
        return self.until_prompt()

    def status(self):
        """After its end; output is read so that it does not wait for us."""
        try:
            self.p.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            return None
        return self.p.returncode


CONVERSATION = [
    ("a program by name, with arguments", "hello a b",
     r"\nHello from bin/hello, a, b\.\n> $"),
    ("an unknown name is told", "nonesuch", r"\nnonesuch: no such program\n"),
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
    ("a line longer than any", "hello " + "x" * 600, r"Hello from bin/hello, x"),
]


def converse(checks):
    with Machine() as m:
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
    converse(checks)
    ends(checks)
    print(f"1..{len(checks)}")
    for i, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
