#!/usr/bin/env python3
"""exotop in a real terminal: tmux, which draws what it is told and answers
when it is asked for its size.  Screens of each view, keys, a change of size,
and the terminal as it was after each way to end.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import os
import re
import subprocess
import tempfile
import time

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
PROGRAM = "build/user/linux/exotop.static"
LIMIT = 60.0
SHELL = r"^~ # *\n*\Z"                  # nothing behind it
PROMPT = r"^> *\n*\Z"                   # of the native shell

# Calls by which Castor's image keeps a Linux process going.  Whatever says
# something about others, or about the machine, is not among them.
IMAGE_CALLS = {
    "call", "enter", "reply", "null", "env_sleep", "env_yield", "env_exit",
    "page_alloc", "page_free", "pt_set", "pt_batch", "pt_copy",
    "pt_companion", "pt_empty", "cap_open", "cap_drop", "cap_read",
    "cap_derive", "cap_give", "handle_open", "handle_drop", "domain_kill",
    "slots_bind", "slots_clone", "domain_row", "acct_limit",
}


class Terminal:
    """A machine on a terminal of COLS x ROWS, in a tmux of its own."""

    def __init__(self, cols, rows):
        self.dir = tempfile.TemporaryDirectory()
        self.tmux("set-option", "-g", "history-limit", "9000", ";",
                  "new-session", "-d", "-x", str(cols), "-y", str(rows),
                  f"exec tools/run --kernel {KERNEL} --archive {ARCHIVE} "
                  "--timeout 200")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server")
        self.dir.cleanup()

    def tmux(self, *words):
        p = subprocess.run(["tmux", "-S", self.dir.name + "/s", "-f",
                            "/dev/null", *words], capture_output=True,
                           text=True, check=False)
        return p.stdout

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def until(self, wanted):
        """The screen once it has the pattern, or satisfies the function, and
        still does a moment later: it may have been half drawn.  None if it
        never does."""
        if isinstance(wanted, str):
            pattern = wanted

            def wanted(text):
                return re.search(pattern, text, re.M)
        else:
            pattern = wanted.__name__
        end, before = time.monotonic() + LIMIT, False
        while time.monotonic() < end:
            text = self.screen()
            good = wanted(text)
            if good and before:
                return text
            before = good
            time.sleep(0.05)
        print(f"# no {pattern!r} in:\n# " + text.replace("\n", "\n# "))
        return None

    def keys(self, *names):
        self.tmux("send-keys", *names)

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def flags(self):
        """Of the terminal: alternate screen, cursor shown."""
        return self.tmux("display", "-p", "#{alternate_on} #{cursor_flag}"
                         ).strip()

    def size(self, cols, rows):
        self.tmux("resize-window", "-x", str(cols), "-y", str(rows))


checks = []


def check(name, good):
    checks.append((name, bool(good)))
    return bool(good)


VIEWS = [
    ("overview", r"^ABI \d+, 1 CPU(.|\n)*^by account [a-z]+#"
                 r"(.|\n)*acct under  frames.*\n +\w \d+"),
    ("frames", r"^\d+ frames, a sign is \d+ of them, by owner\n +0 [#a-z.]+"
               r"(.|\n)*^owners: .* a=0(.|\n)*^frame \d+ at \w+: "),
    ("domains", r"^domain +gen state(.|\n)* live .* 1 init\n"),
    ("pcids", r"no PCIDs|tags are taken"),
    ("slices", r"positions are taken(.|\n)*^ +0  abc[a-z.]*\.\."
               r"(.|\n)*^slice +acct"),
    ("envs", r"^\d+ envs of \d+:  ready \d+(.|\n)* ready .*exotop"),
    ("accounts", r"^acct +process +own(.|\n)*^a 0 +1 init +\d+ +\d+/\d+"
                 r"(.|\n)*^ b 1 "),
    ("trace", r"^tracing is off(.|\n)*^native call +0(.|\n)*switches"),
]


def views(t):
    t.line("exotop -d 0.3")
    check("it begins with the overview", t.until(VIEWS[0][1]))
    check("on the alternate screen, without a cursor", t.flags() == "1 0")
    for i, (name, pattern) in enumerate(VIEWS, 1):
        t.keys(str(i))
        check(f"key {i}: {name}", t.until(pattern))
    t.keys("Tab")
    check("Tab goes round", t.until(VIEWS[0][1]))
    t.keys("BTab")
    check("and back", t.until(VIEWS[7][1]))
    t.keys("h")
    check("help", t.until(r"(?s)^1 overview .*8 trace .*Ctrl-C"))
    t.keys("h")
    check("and back from it", t.until(VIEWS[7][1]))


def up(text):
    return float(re.search(r"up (\d+\.\d)", text).group(1))


def period(t):
    t.keys("1")
    first = up(t.until(VIEWS[0][1]))
    check("it goes on by itself",
          t.until(r"up " + re.escape(f"{first + 2:.0f}") + r"\.\d s"))
    t.keys("p")
    first = t.until(r"8 trace PAUSED")
    time.sleep(1)
    check("p stops that", first and up(t.screen()) == up(first))
    t.keys("]")
    t.keys("p")
    check("] doubles the period", t.until(r"8 trace 0\.6s"))
    t.keys("[")
    check("[ halves it", t.until(r"8 trace 0\.3s"))


def column(text, heading, index):
    """A column of the rows below a heading."""
    rows = text.partition(heading)[2].splitlines()[1:]
    return [r.split()[index] for r in rows if len(r.split()) > index]


def lists(t):
    t.keys("6")

    def sorted_by_number(text):
        down = column(text, "  env  gen", 0)
        return len(down) > 3 and all(x.isdigit() for x in down) and \
            [int(x) for x in down] == sorted(int(x) for x in down)

    text = t.until(sorted_by_number)
    if not check("envs are sorted by number", text):
        return
    down = column(text, "  env  gen", 0)
    t.keys("r")
    check("r turns the order round",
          t.until(r"share%.*\n +" + down[-1] + " "))
    t.keys("r", "s", "s")
    text = t.until(r"ready(.|\n)*asleep")
    check("s sorts by another column: states", text is not None and
          re.search(r"ready .*\n(.*\n)*.*asleep", text[text.index("share%"):]))
    t.keys("S", "S")
    t.keys("P")
    check("P takes the names away", t.until(r"process or end\n[^a-z]*\d+ +\d+ "
          r"asleep[^\n]*\d\n") and "exotop" not in t.screen())
    t.keys("P")
    check("and brings them back", t.until(r"exotop$"))


def frames(t):
    t.keys("2", "Home")
    check("Home: frame 0", t.until(r"^frame 0 at 0: hole"))
    t.keys("End")
    text = t.until(r"^frame 6\d\d\d\d at 0x\w+: (?!free)")
    if not check("End: the last one, which is somebody's",
                 text and re.search(r"account [a-z] \d+", text)):
        print(text)
    t.keys("c")
    check("c: by kind", t.until(r"by kind\n(.|\n)*d=data\(\d+\)"))
    t.keys("c")
    check("c: by entries that map it", t.until(r"by maps(\n|;)"))
    t.keys("c")
    per = int(re.search(r"a sign is (\d+)", t.until("by owner")).group(1))
    t.keys("+")
    check("+ halves what a sign is", t.until(f"a sign is {per // 2} of"))
    t.keys(*"+" * 8)
    check("down to one frame", t.until(r"a sign is 1 of them.*shown: \d+ to"))
    last = re.search(r"^frame (\d+)", t.screen(), re.M).group(1)
    t.keys("Left")
    check("left is one frame then",
          t.until(rf"^frame {int(last) - 1} at"))
    t.keys(*"-" * 10)
    check("- zooms out again", t.until(f"a sign is {per} of"))
    t.keys("Home", "n")
    check("what has no owner has no next", t.until(r"^frame 0 at 0: hole"))


def sizes(t):
    t.keys("1")
    for cols, rows in ((80, 24), (132, 40), (40, 10), (100, 30)):
        t.size(cols, rows)
        bar = {80: 68, 132: 120, 40: 28, 100: 88}[cols]
        # The bar is as long as the terminal lets it be.
        text = t.until(rf"^by kind    [#_.=a-zA-Z0-9]{{{bar}}}$")
        check(f"{cols}x{rows}", text is not None and
              text.splitlines()[0].startswith("1 overview") and
              all(len(x) <= cols for x in text.splitlines()))


def state(t, mark):
    """What stty says, behind a mark."""
    t.line(f"echo {mark}; stty -a | tr '\\n' ' '; echo")
    text = t.until(rf"^{mark}\n(.|\n)*echoke *\n")
    return text and re.sub(r"\s+", " ", re.search(
        rf"^{mark}\n((.|\n)*?echoke)", text, re.M).group(1))


def ends(t, before):
    t.keys("q")
    check("q: the shell is back", t.until(SHELL))
    check("q: the screen is what it was", t.flags() == "0 1" and
          "exotop -d 0.3" in t.screen() and
          "1 overview" not in t.screen())
    check("q: the terminal's settings too", state(t, "after-q") == before)
    t.line("exotop")
    t.until(VIEWS[0][1])
    t.keys("C-c")
    t.until(SHELL)
    t.line("echo status $?")
    check("Ctrl-C: ended by SIGINT", t.until(r"^status 130"))
    check("Ctrl-C: the screen", t.flags() == "0 1")
    check("Ctrl-C: the settings", state(t, "after-int") == before)
    t.line("exotop")
    t.until(VIEWS[0][1])
    t.keys("C-z")
    check("Ctrl-Z: it stops, and the screen is back",
          t.until(r"Stopped") and t.flags() == "0 1")
    check("Ctrl-Z: the settings", state(t, "after-tstp") == before)
    t.line("fg")
    check("fg: it goes on", t.until(VIEWS[0][1]) and t.flags() == "1 0")
    t.keys("q")
    t.until(SHELL)
    t.line("sh -c 'sleep 2; kill $PPID' & exec exotop")
    t.until(VIEWS[0][1])
    check("SIGTERM: the prompt is back", t.until(PROMPT))
    check("SIGTERM: the screen", t.flags() == "0 1")


def calls(t):
    """What a traced exotop asked the kernel for."""
    t.keys("C-l")
    t.line("tracing on")
    t.line("linux /bin/exotop -v envs -d 0.2")
    text = t.until(r"share%(.|\n)*exotop$")
    mine = re.search(r"^ +\d+ +\d+ ready +\w \d+ +(\d+) .*exotop$",
                     text or "", re.M)
    if not check("it is in its own list", mine):
        return
    mine = mine.group(1)
    t.keys("8")
    check("rates of a trace that is on", t.until(
        r"^tracing is on; \d+ records.* [1-9]\d*/s\n"
        r"(.|\n)*^native call +[1-9](.|\n)*^native: \w+ \d+"))
    time.sleep(3)
    t.keys("q")
    t.until(PROMPT)
    t.keys("C-l")
    t.line("trace 4096")
    t.until(r"(call|trap|switch) .*\n> *\n*\Z")
    found = set(re.findall(rf" call +domain {mine} env.*account \d+ +(\w+)",
                           t.tmux("capture-pane", "-p", "-S", "-9000")))
    print("# calls of exotop's domain:", *sorted(found))
    check("it was traced", found)
    check("only what Castor's image does for any process",
          found <= IMAGE_CALLS)


def native_numbers():
    """No number of a native call is anywhere in the program's code."""
    out = subprocess.run(["objdump", "-d", PROGRAM], capture_output=True,
                         text=True, check=True).stdout
    check("no native call's number in its code",
          "syscall" in out and not re.search(r"\$0x58[0-9a-f]{6}\b", out))


def main():
    native_numbers()
    with Terminal(100, 30) as t:
        t.until(SHELL)
        before = state(t, "before")
        check("a shell on a terminal", before and " icanon" in before)
        views(t)
        period(t)
        lists(t)
        frames(t)
        sizes(t)
        ends(t, before)
        calls(t)
        t.line("poweroff")
    print(f"1..{len(checks)}")
    for i, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
