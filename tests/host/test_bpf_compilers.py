#!/usr/bin/env python3
"""Restricted C by both compilers, through the loader, to the same results.
Prints TAP.

Each program of tests/bpf/c/ is compiled by bpf-gcc and by clang, with more and
less optimisation, and run on the same memories by build/bpf_plugin; a Python
rendering of it says what is right.  Below its default, -mcpu=v3, bpf-gcc 12
makes wrong code (`and %r2,-1' for the lower half; `a < b' as `b >= a').
"""
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BPF_TOOLS", "build")
SOURCES = ROOT / "tests/bpf/c"
COMPILERS = [f"{cc} {more}".split() for cc, mores in (
    ("bpf-gcc -Wall -Wextra -Werror",
     ("-O2", "-O1", "-O0", "-Os", "-O2 -g")),
    ("clang -target bpf -Wall -Wextra -Werror",
     ("-O2", "-O1", "-Os", "-O2 -mcpu=v2", "-O2 -mcpu=v3", "-O2 -g")),
) for more in mores]
M64 = (1 << 64) - 1


def embed(obj, *more):
    """Hex bytes, or what it said."""
    run = subprocess.run([BUILD / "bpf_embed", *more[:-1], obj, more[-1]],
                         text=True, capture_output=True)
    return run.stdout if run.returncode == 0 else "no: " + run.stderr


def run(code, memory):
    """r0 and the memory afterwards."""
    p = subprocess.run([BUILD / "bpf_plugin", memory.hex(" "), "--debug"],
                       input=code, text=True, capture_output=True)
    if p.returncode != 0:
        return p.stderr
    after = re.search(r"^memory (.*)$", p.stderr, re.M)[1]
    return int(p.stdout, 16), bytes.fromhex(after)


def calls(memory):
    now, want, *word = struct.unpack("<QQ4I", memory)
    if now < want:
        return 0, memory
    word[0] = (word[0] + 1) & 0xffffffff

    def scale(a, by):
        return a << (by & 31)
    r0 = sum(word) + scale(now, word[1]) + 1 + now // len(memory) + \
        (now & 0xffffffff) + len(memory) + 3 + scale(len(memory), 2)
    return r0 & M64, struct.pack("<QQ4I", now, want, *word)


def signed(v, bits):
    v &= (1 << bits) - 1
    return v - (1 << bits) if v >> (bits - 1) else v


def compute(memory):
    a0, a1, b0, b1, c0, c1, *d = struct.unpack("<QQiiHH4b", memory)
    u0, u1 = b0 & 0xffffffff, b1 & 0xffffffff
    h = len(memory)
    values = [
        a0 + a1, a0 - a1, a0 // (a1 | 1), a0 % (a1 | 1), u0 // (u1 | 1),
        u0 * u1 & 0xffffffff, b0 * b1, b0 >> (b1 & 31),
        u0 << (b1 & 31) & 0xffffffff, signed(a0, 64) >> (a1 & 63),
        c0 + c1 & 0xffff, d[0] + d[1] * d[2], b0 < b1, u0 < u1,
        3 if signed(a0, 64) > signed(a1, 64) else 4,
        int.from_bytes(struct.pack("<I", u0), "big")]
    for v in values + [i for i in range(4) if d[i] < 0]:
        h = ((h ^ v) & M64) * 0x100000001b3 & M64
        h ^= h >> 29
    return h, struct.pack("<QQiiHH4b", h, a1 + h & M64, b0, b1, c0,
                          h & 0xffff, *d)


def memories(size):
    """Plain ones and random ones, always the same."""
    rng = random.Random(4)
    yield bytes(size)
    yield b"\xff" * size
    yield bytes(range(1, size + 1))
    for _ in range(5):
        yield rng.randbytes(size)
        yield rng.randbytes(7) + bytes(9) + rng.randbytes(size - 16)


def compile_all(name, folder):
    for i, cc in enumerate(COMPILERS):
        obj = folder / f"{name}.{i}.o"
        more = ["-fno-unroll-loops"] if "-O0" in cc else []
        subprocess.run([*cc, *more, "-ffreestanding", "-c",
                        SOURCES / f"{name}.c", "-o", obj], check=True)
        yield " ".join(cc), obj


def agree(name, function, model, size, folder):
    good = True
    for cc, obj in compile_all(name, folder):
        code = embed(obj, "--hex", function)
        for memory in memories(size):
            got = run(code, memory) if not code.startswith("no") else code
            if got != model(memory):
                print(f"# {cc}: {got}, not {model(memory)}")
                good = False
                break
    return good


def refusals(folder):
    good = True
    for cc, obj in compile_all("data", folder):
        for function, text in (("variable", "data or a map"),
                               ("constant", "data or a map"),
                               ("external", "no function of this file"),
                               ("-", "several global functions"),
                               ("nothing", "no such function")):
            said = embed(obj, "--hex", function)
            if not said.startswith("no: ") or text not in said:
                print(f"# {cc}: {function}: {said}")
                good = False
        if run(embed(obj, "--hex", "none_of_these"), b"\5\0\0\0")[0] != 6:
            print(f"# {cc}: none_of_these")
            good = False
    return good


def only_what_is_called(folder):
    """`unused' is left out; `calls' without what it calls is nothing."""
    for cc, obj in compile_all("calls", folder):
        whole = len(embed(obj, "--hex", "entry").splitlines())
        part = len(embed(obj, "--hex", "unused").splitlines())
        text = subprocess.run([BUILD / "bpf_embed", obj, "entry", "word"],
                              text=True, capture_output=True).stdout
        if not 1 < part < whole or \
                f"static const uint64_t word[{whole}] = {{" not in text or \
                len(re.findall(r"^\t0x\w{16},$", text, re.M)) != whole:
            print(f"# {cc}: {part} of {whole}\n# {text}")
            return False
    return True


def main():
    with tempfile.TemporaryDirectory() as d:
        folder = Path(d)
        results = [
            ("calls between functions", agree("calls", "entry", calls, 32,
                                              folder)),
            ("arithmetic", agree("compute", "compute", compute, 32, folder)),
            ("refused by the loader", refusals(folder)),
            ("only what is called", only_what_is_called(folder)),
        ]
    print(f"1..{len(results)}")
    for i, (name, ok) in enumerate(results, 1):
        print("ok" if ok else "not ok", i, "-",
              f"{name}, {len(COMPILERS)} ways to compile")
    return any(not ok for _, ok in results)


sys.exit(main())
