#!/usr/bin/env python3
"""An archive that is cut or damaged is told of, whatever is wrong with it.

KERNEL and ARCHIVE name the files; the defaults are the usual ones.
"""
import os
import subprocess
import tempfile

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
LIMIT = 60


def boot(data):
    """What a boot into Linux's pwd prints, with this archive."""
    with tempfile.NamedTemporaryFile() as f:
        f.write(data)
        f.flush()
        done = subprocess.run(
            ["tools/run", "--strict", "--timeout", str(LIMIT), "--kernel",
             KERNEL, "--archive", f.name, "--append", "linux=/bin/pwd"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
    return done.stdout.decode("utf-8", "replace"), done.returncode


def damaged(data):
    """The header of a file behind those that are needed to begin."""
    at = data.index(b"070701", len(data) // 2)
    return data[:at] + b"070799" + data[at + 6:]


with open(ARCHIVE, "rb") as f:
    whole = f.read()
CASES = [
    ("whole", whole, "\n/", 0),
    ("damaged", damaged(whole), "the archive is damaged", None),
    ("cut before bin/init", whole[:whole.index(b"bin/init")],
     "the archive has no bin/init", None),
    ("no archive", bytes(range(256)) * 64, "the archive has no bin/init",
     None),
]
print(f"1..{len(CASES)}")
bad = 0
for n, (name, data, want, status) in enumerate(CASES, 1):
    out, got = boot(data)
    good = want in out.replace("\r", "") and (
        got == 0 if status == 0 else got != 0)
    bad += not good
    if not good:
        print("\n".join("# " + line for line in out.splitlines()))
    print(f"{'' if good else 'not '}ok {n} - {name}")
raise SystemExit(bad != 0)
