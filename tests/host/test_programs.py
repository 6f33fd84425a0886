#!/usr/bin/env python3
"""Programs that others wrote, at work.  Built with the SDK from Debian's
sources: an interpreter (Lua), a library with a database in it (sqlite3).  As
Debian has built them, for Linux: e2fsck, gpgv.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import glob
import os
import re
import shutil
import subprocess
import tempfile

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
BUILT = os.path.dirname(ARCHIVE)
SDK = os.path.join(BUILT, "sdk")
SOURCES = os.path.abspath(os.path.join(BUILT, "sources"))
LIMIT = 200
KEYS = "/usr/share/keyrings/*-archive-keyring.gpg"
LISTS = "/var/lib/apt/lists/*InRelease"

GPGV = "/usr/bin/gpgv-static"
STATIC = ["/sbin/e2fsck.static", GPGV]
# package, the folder of its Makefile, the program
BUILDS = [("lua5.4", "lua", "lua"), ("sqlite3", "sqlite", "sqlite3")]
RUNS = [
    ("lua", ["lua", "/root/lua/test.lua", "an argument"]),
    ("sqlite", ["sh", "/root/sqlite/test.sh"]),
    ("static", ["sh", "/root/static/test.sh"]),
]


def sdk(what, *words):
    return subprocess.run(["tools/sdk", what, "--built", "--sdk", SDK,
                           "--kernel", KERNEL, "--archive", ARCHIVE, *words],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=LIMIT,
                          check=False, env=dict(os.environ, SOURCES=SOURCES))


def signed(keys):
    """A file that one of these has signed, as GPGV says here."""
    for path in sorted(glob.glob(LISTS)):
        if subprocess.run([GPGV, "--keyring", keys, path], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0:
            return path
    raise SystemExit(f"nothing in {LISTS} is signed by a key in {KEYS}: "
                     "run apt-get update")


def overlay_fill(top):
    """Programs, and their tests."""
    os.makedirs(top + "/usr/local/bin")
    for folder, _ in RUNS:
        shutil.copytree("tests/linux/" + folder, f"{top}/root/{folder}")
    for program in STATIC:
        shutil.copy(program, top + "/usr/local/bin")
    ring = top + "/root/static/keys.gpg"
    with open(ring, "wb") as keys:
        for path in sorted(glob.glob(KEYS)):
            with open(path, "rb") as f:
                keys.write(f.read())
    shutil.copy(signed(ring), top + "/root/static/InRelease")
    for package, folder, name in BUILDS:
        subprocess.run(["tools/sources", SOURCES, package], check=True,
                       timeout=LIMIT)
        p = sdk("build", "tests/linux/" + folder)
        out = p.stdout.decode()
        if p.returncode != 0:
            raise SystemExit(out)
        shutil.copy(out.splitlines()[-1], f"{top}/usr/local/bin/{name}")


def points(top):
    """Those of its TAP, and that it was all of it."""
    for folder, words in RUNS:
        p = sdk("run", "--overlay", top, "--", "/bin/busybox", "env", *words)
        out = p.stdout.decode("utf-8", "replace")
        seen = re.findall(r"^(not )?ok \d+ - (.*)$", out, re.M)
        for bad, name in seen:
            yield f"{folder}: {name}", not bad
        whole = p.returncode == 0 and out.endswith(f"\n1..{len(seen)}\n")
        yield f"{folder}: to the end", whole and len(seen) > 0
        if not whole or any(bad for bad, _ in seen):
            print("# " + out.replace("\n", "\n# "))


def main():
    n = failed = 0
    with tempfile.TemporaryDirectory() as top:
        overlay_fill(top)
        for n, (name, good) in enumerate(points(top), 1):
            print("ok" if good else "not ok", n, "-", name, flush=True)
            failed += not good
    print(f"1..{n}")
    return failed != 0


raise SystemExit(main())
