#!/usr/bin/env python3
"""The machine comes up: each way to boot, small and large memories, a CPU
that lacks something, and a kernel address space without W^X exceptions.

KERNEL, ARCHIVE and ISO name the files; the defaults are the usual ones.
"""
import os
import re
import selectors
import signal
import subprocess
import sys
import time

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ARCHIVE = os.environ.get("ARCHIVE", "build/archive.cpio")
ISO = os.environ.get("ISO", "build/pollux.iso")
BANNER = re.compile(rb"Pollux: (\d+) MiB.*\n")
LIMIT = 60.0
KERNEL_HALF = 0xffff800000000000
PUBLISHED = range(0xffffff0000000000, 0xffffff8000000000)


class Machine:
    """A run of tools/run in a session of its own; ended with the block."""

    def __init__(self, *options):
        cmd = ["tools/run", "--kernel", KERNEL, "--archive", ARCHIVE]
        self.p = subprocess.Popen(cmd + list(options), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT,
                                  start_new_session=True)
        self.out = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
        self.p.wait()

    def until(self, pattern):
        """The match of a pattern in the output, None if it never comes."""
        end = time.monotonic() + LIMIT
        with selectors.DefaultSelector() as s:
            s.register(self.p.stdout, selectors.EVENT_READ)
            while not (m := re.search(pattern, self.out)):
                left = end - time.monotonic()
                if left <= 0 or not s.select(left):
                    return None
                data = os.read(self.p.stdout.fileno(), 65536)
                if not data:
                    return None
                self.out += data.replace(b"\r", b"")
        return m

    def monitor(self, command):
        """What QEMU's monitor answers, once."""
        self.p.stdin.write(b"\x01c" + command.encode() + b"\n")
        self.p.stdin.flush()
        self.out = b""
        # One prompt before the command, one after its answer.
        self.until(rb"(?s)\(qemu\) .*\n\(qemu\) ")
        return self.out.decode("utf-8", "replace")


def boots(mib, *options):
    with Machine("--mem", f"{mib}M", *options) as m:
        found = m.until(BANNER)
        return bool(found) and mib - 16 < int(found.group(1)) <= mib


def clocks_agree():
    """The TSC's speed as each boot has measured it, on a busy machine: four
    of five agree, since one may have been stopped in all its measures."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
            for _ in range(3 * os.cpu_count())]
    speeds = []
    for _ in range(5):
        with Machine() as m:
            found = m.until(rb"TSC (\d+) kHz")
            speeds.append(int(found.group(1)) if found else 0)
    for p in busy:
        p.kill()
        p.wait()
    print("# kHz:", *speeds)
    return 0 < sorted(speeds)[3] < 1.02 * min(speeds)


def panics():
    """A CPU without FSGSBASE: message, names, and a run that fails."""
    with Machine("--cpu", "qemu64", "--timeout", "30") as m:
        return bool(m.until(rb"(?s)panic: cpu: .*FSGSBASE.* cpu_init\+0x"
                            rb".* kernel_main\+0x") and m.p.wait() not in
                    (0, 124))


def kernel_pages():
    """(va, pa, flags, size) of each kernel entry in the current tables."""
    with Machine("--keep") as m:
        if not m.until(BANNER):
            return []
        text = m.monitor("info tlb")
    rows = []
    for m in re.finditer(r"([0-9a-f]{16}): ([0-9a-f]{16}) (\S{9})", text):
        va, pa = int(m.group(1), 16), int(m.group(2), 16)
        if va >= KERNEL_HALF:
            size = 2 << 20 if "P" in m.group(3) else 4096
            rows.append((va, pa & ~(1 << 63), m.group(3), size))
    return rows


def address_space(rows):
    # Flags as QEMU prints them: X (no execute), G, P (large), D, A, C, T, U,
    # W.
    text = [r for r in rows if "X" not in r[2]]
    frames = {r[1] for r in text}
    writable = [r for r in rows if "W" in r[2]]
    alias = [r for r in writable
             if any(r[1] <= f < r[1] + r[3] for f in frames)]
    yield "text_is_mapped", len(text) > 0
    yield "text_is_not_writable", not any("W" in r[2] for r in text)
    yield "text_is_not_writable_by_alias", not alias
    yield "text_is_in_the_kernel", all(r[0] >> 31 == 0x1ffffffff
                                       for r in text)
    yield "users_see_published_tables_only", all(
        ("U" in r[2]) == (r[0] in PUBLISHED) for r in rows)
    yield "published_tables_are_read_only", not any(
        r[0] in PUBLISHED and ("W" in r[2] or "X" not in r[2]) for r in rows)


def points():
    yield "pvh_64M", boots(64)
    yield "pvh_256M", boots(256)
    yield "pvh_8G", boots(8192)
    yield "bios_iso", boots(256, "--iso", ISO)
    yield "uefi_iso", boots(256, "--uefi", ISO)
    yield "clocks_are_measured_right_when_others_run", clocks_agree()
    yield "weak_cpu_is_refused_with_a_back_trace", panics()
    yield from address_space(kernel_pages())


n = 0
for n, (name, good) in enumerate(points(), 1):
    print("ok" if good else "not ok", n, "-", name, flush=True)
print(f"1..{n}")
