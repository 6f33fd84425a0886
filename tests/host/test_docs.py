#!/usr/bin/env python3
"""The book says what is there: prints TAP.

README.md and docs/*.md are held to the tree.  In code spans:

	`kernel/as.c`, `tests/guest/`	must exist; NAME and * stand for any
	`as.c:link_set`			the file must have that word
	`link_set()`			must be defined somewhere
	`link_set`, `EXO_R_VIEW`	must be a word somewhere in the sources

Relative links must lead to a file, and to a heading if they name one.  What a
merge leaves in a file is nowhere.  Rows of `make bench' are named as
docs/bench.json has them.
"""
import fnmatch
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
os.chdir(ROOT)
PAGES = [Path("README.md"), *sorted(Path("docs").glob("*.md"))]
TOP = ("boot", "kernel", "libos", "leda", "user", "tools", "tests", "docs",
       "mk", ".ci")
# What the pages have the reader make, as examples.
YOURS = {"user/first.c", "user/either.bpf.c", "user/root/",
         "docs/bench.json", "slice_guard", "sys_slice_guard",
         "exo_slice_guard"}
SOURCE = {".c", ".h", ".asm", ".S", ".py", ".mk", ".ld", ".sh", ".cfg", ""}


@cache
def files():
    out = [Path(p) for p in ("Makefile", "README.md", "linker.ld",
                             ".clang-format") if Path(p).exists()]
    for top in TOP:
        out += [p for p in Path(top).rglob("*")
                if p.is_file() and "__pycache__" not in p.parts]
    return sorted(out)


@cache
def text(path):
    return path.read_text(errors="replace")


@cache
def words():
    out = set()
    for p in files():
        if p.suffix in SOURCE and p.parts[0] != "docs" and \
                p != Path("tests/host/test_docs.py"):
            out |= set(re.findall(r"\w+", text(p)))
            out.add(p.stem)
    return out


@cache
def defined():
    """Functions, labels, macros with arguments, TESTs."""
    out = set()
    for p in files():
        if p.suffix in (".c", ".h"):
            out |= set(re.findall(r"^(?:[\w ]*[ *])?(\w+)\(", text(p), re.M))
            out |= set(re.findall(r"^#define\s+(\w+)\(", text(p), re.M))
            out |= set(re.findall(r"^TEST\((\w+)\)", text(p), re.M))
        elif p.suffix in (".asm", ".S"):
            out |= set(re.findall(r"^(\w+):", text(p), re.M))
        elif p.suffix in (".py", ""):
            out |= set(re.findall(r"^\s*def (\w+)", text(p), re.M))
    for name in re.findall(r"X\(\d+, [ACF], (\w+)",
                           text(Path("kernel/abi/exo/syscall.h"))):
        out |= {"exo_" + name, name}
    return out


def hostile(path):
    """HOSTILE(call, attack) is the test call_attack."""
    return {a + "_" + b for a, b in re.findall(
        r"^HOSTILE\((\w+), (\w+)\)", text(path), re.M)}


def plain(page):
    """A page without its code blocks."""
    t = re.sub(r"^(```|~~~).*?^\1", "", text(page), flags=re.S | re.M)
    return re.sub(r"(?<=\n\n)(?:(?: {4}|\t).*\n|\n(?= {4}|\t))+", "", t)


def spans(page):
    return re.findall(r"`([^`\n]+)`", plain(page))


def slugs(page):
    out = set()
    for head in re.findall(r"^#+ (.*)$", text(page), re.M):
        s = re.sub(r"[^\w\- ]", "", head.lower().replace("`", ""))
        slug, n = s.strip().replace(" ", "-"), 0
        while (slug if n == 0 else f"{slug}-{n}") in out:
            n += 1
        out.add(slug if n == 0 else f"{slug}-{n}")
    return out


def there(name):
    """A path, or a file's own name; NAME and * stand for anything."""
    glob = re.sub(r"[A-Z][A-Z]+", "*", name)
    if glob.rstrip("/") != glob:
        return any(Path(".").glob(glob.rstrip("/"))) or \
            any(fnmatch.fnmatch(str(p.parent), "*" + glob.rstrip("/"))
                for p in files())
    if "/" in glob:
        return any(fnmatch.fnmatch(str(p), glob) or
                   fnmatch.fnmatch(str(p), "*/" + glob) or
                   str(p.parent) == glob for p in files())
    return any(fnmatch.fnmatch(p.name, glob) for p in files())


# ---------------------------------------------------------------- the tests

def run(*command):
    p = subprocess.run(command, capture_output=True, text=True)
    return (p.stdout + p.stderr).splitlines() if p.returncode else []


def abi_is_what_the_headers_say():
    return run("tools/abidoc", "--check", "docs/abi.md")


def paths_are_what_entry_asm_does():
    return run("tools/paths", "--check", "docs/paths.md")


def every_kernel_file_is_defended():
    return run("tools/sizes", "--check", "docs/kernel-size.md")


def links_lead_somewhere():
    bad = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", plain(page)):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            to = Path(os.path.normpath(page.parent / name)) if name else page
            if not to.exists():
                bad.append(f"{page}: {target}: no such file")
            elif anchor and to.suffix == ".md" and anchor not in slugs(to):
                bad.append(f"{page}: {target}: no such heading")
    return bad


def files_that_are_named_exist():
    bad = []
    for page in PAGES:
        for s in spans(page):
            s = s.split(":")[0]
            if re.match(r"(" + "|".join(map(re.escape, TOP)) +
                        r")/[\w./*-]*$", s) or \
                    re.match(r"[\w-]+\.(c|h|asm|mk|ld|py)$", s):
                if s not in YOURS and not there(s):
                    bad.append(f"{page}: `{s}`")
    return bad


def functions_that_are_named_exist():
    bad = []
    for page in PAGES:
        for s in spans(page):
            m = re.match(r"([\w./-]+\.(?:c|h|asm|py)|tools/\w+):(\w+)", s)
            if m:
                of = [p for p in files()
                      if str(p) == m.group(1) or
                      str(p).endswith("/" + m.group(1))]
                if not any(re.search(rf"\b{m.group(2)}\b", text(p)) or
                           m.group(2) in hostile(p) for p in of):
                    bad.append(f"{page}: `{s}`")
                continue
            for f in re.findall(r"\b([a-z]\w*)\(\)", s):
                if f not in defined() | YOURS:
                    bad.append(f"{page}: `{f}()` is not defined")
            if re.match(r"[a-z][a-z0-9]*(_[a-z0-9]+)+$", s) or \
                    re.match(r"(EXO|VM)_[A-Z0-9_]+$", s):
                if s.rstrip("_") not in words() | YOURS and not any(
                        s.endswith("_") and w.startswith(s)
                        for w in words()):
                    bad.append(f"{page}: `{s}` is no word of the sources")
    return bad


def programs_are_sound():
    """Whole programs in the pages compile, as user/*.c do."""
    bad = []
    for page in PAGES:
        for block in re.findall(r"^```c\n(.*?)^```", text(page),
                                re.S | re.M):
            if not re.search(r"^main\(", block, re.M):
                continue
            p = subprocess.run(
                [os.environ.get("CROSS", "x86_64-linux-gnu-") + "gcc",
                 "-std=gnu11", "-Wall", "-Wextra", "-Werror",
                 "-ffreestanding", "-fsyntax-only", "-Ilibos/include",
                 "-Ikernel/abi", "-x", "c", "-"],
                input=block, capture_output=True, text=True)
            if p.returncode:
                bad += [f"{page}: {x}" for x in p.stderr.splitlines()]
    return bad


def every_page_is_in_the_contents():
    contents = text(Path("docs/README.md"))
    return [f"docs/README.md does not name {p.name}" for p in PAGES[1:]
            if p.name != "README.md" and f"]({p.name})" not in contents]


def tops_are_in_the_readme():
    """Every folder at the top has its row in `The tree'."""
    tree = text(Path("README.md")).partition("## The tree")[2]
    return [f"README.md, The tree: no `{top}/`" for top in TOP
            if top[0] != "." and f"`{top}/" not in tree]


def no_merge_is_unfinished():
    return [f"{p}: {line}" for p in files() for line in
            re.findall(r"^(?:<{7}|>{7}) .*", text(p), re.M)]


def rows_of_the_bench_are_there():
    """The table is docs/bench.json; rows that are named are in it."""
    rows = {r["name"]: r for r in
            json.loads(text(Path("docs/bench.json")))["rows"]}
    table = re.findall(r"^\| (\w+) \| ([\d.,]+) \| ([\d.,]+) \|",
                       text(Path("docs/bench.md")), re.M)
    bad = []
    if table != [(n, f"{r['median']:,}", f"{r['worst']:,}")
                 for n, r in rows.items()]:
        bad.append("docs/bench.md: the table is not docs/bench.json")
    sources = "".join(text(p) for p in Path("tests/bench").rglob("*.c"))
    taken = set(re.findall(r'"([a-z0-9]+(?:_[a-z0-9]+)+)"', sources))
    for page in PAGES:
        bad += [f"{page}: `{s}` is no row" for s in spans(page)
                if s in taken - rows.keys()]
        bad += [f"{page}: ROWS={s}: no row begins so" for s in
                re.findall(r"\bROWS=([a-z]\w*)", text(page))
                if s != "regex" and not any(n.startswith(s) for n in rows)]
    return bad


def main():
    tests = [abi_is_what_the_headers_say, paths_are_what_entry_asm_does,
             every_kernel_file_is_defended, links_lead_somewhere,
             files_that_are_named_exist, functions_that_are_named_exist,
             programs_are_sound, every_page_is_in_the_contents,
             tops_are_in_the_readme, no_merge_is_unfinished,
             rows_of_the_bench_are_there]
    print(f"1..{len(tests)}")
    failed = False
    for i, test in enumerate(tests, 1):
        bad = test()
        for line in bad:
            print("#", line)
        print(f"{'not ok' if bad else 'ok'} {i} - {test.__name__}")
        failed |= bool(bad)
    sys.exit(failed)


main()
