"""What tools/profile and tools/coverage share: boot machines under the
qemu_count plugin, read what it counted, and find it again in the programs.
"""
import bisect
import collections
import contextlib
import os
import pathlib
import shutil
import stat
import struct
import subprocess

PLUGIN = pathlib.Path('build/qemu_count.so')
PAGE = 4096

RECORD = struct.Struct('<QQQQII15sB')         # struct insn of qemu_count.c

Insn = collections.namedtuple('Insn', 'va page bytes count')
Symbol = collections.namedtuple('Symbol', 'va size name asm')


@contextlib.contextmanager
def plugged(folder, options=''):
    """An environment in which each QEMU writes a file of counts to folder.

    A program of QEMU's name comes first in PATH and adds the plugin, so
    that whatever boots machines need not know.
    """
    subprocess.run(['make', '-s', str(PLUGIN)], check=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder = folder.resolve()
    qemu = folder / 'bin' / 'qemu-system-x86_64'
    qemu.parent.mkdir()
    qemu.write_text(
        '#!/bin/sh\n'
        f'exec {shutil.which(qemu.name)} "$@" -plugin '
        f'{PLUGIN.resolve()},out={folder}/$$.counts{options}\n')
    qemu.chmod(qemu.stat().st_mode | stat.S_IXUSR)
    yield dict(os.environ, PATH=f'{qemu.parent}:{os.environ["PATH"]}')


def counts_read(folder):
    """(instructions, interval lengths) from every file in a folder."""
    insns, laps = [], []
    for path in sorted(folder.glob('*.counts')):
        with path.open('rb') as f:
            used, lap, active, lost = struct.unpack('<QQQQ', f.read(32))
            f.seek(RECORD.size)
            records = f.read((used - 1) * RECORD.size)
        if lost:
            print(f'{path}: {lost} instructions were not counted')
        for va, page, count, pending, of, _, code, size in \
                RECORD.iter_unpack(records):
            if not active or of != lap & 0xffffffff:
                count += pending
            if count:
                insns.append(Insn(va, (path.stem, page), code[:size], count))
        laps += map(int, path.with_suffix('.counts.laps').read_text().split())
    return insns, laps


class Program:
    """An ELF64 file: its bytes and symbols, by address."""

    def __init__(self, path):
        self.path = path
        self.name = pathlib.Path(path).name.removesuffix('.elf')
        self.data = pathlib.Path(path).read_bytes()
        self.loads = self.read_loads()
        self.symbols = self.read_symbols()
        self.starts = [s.va for s in self.symbols]

    def read_loads(self):
        offset, = struct.unpack_from('<Q', self.data, 32)
        size, count = struct.unpack_from('<HH', self.data, 54)
        loads = []
        for i in range(count):
            p = struct.unpack_from('<IIQQQQQQ', self.data, offset + i * size)
            if p[0] == 1:                       # PT_LOAD
                loads.append((p[3], p[2], p[5]))
        return loads

    def sections(self):
        offset, = struct.unpack_from('<Q', self.data, 40)
        size, count = struct.unpack_from('<HH', self.data, 58)
        return [struct.unpack_from('<IIQQQQIIQQ', self.data,
                                   offset + i * size) for i in range(count)]

    def read_symbols(self):
        """Functions, and labels of executable sections that have no type."""
        sections = self.sections()
        found = {}
        for s in sections:
            if s[1] != 2:                       # SHT_SYMTAB
                continue
            strings = sections[s[6]][4]
            for at in range(s[4], s[4] + s[5], 24):
                name, info, _, home, va, size = struct.unpack_from(
                    '<IBBHQQ', self.data, at)
                if not 0 < home < len(sections) or \
                        not sections[home][2] & 4:      # SHF_EXECINSTR
                    continue
                end = self.data.index(b'\0', strings + name)
                text = self.data[strings + name:end].decode()
                asm = info & 15 == 0
                if info & 15 > 2 or asm and ('.' in text or not text):
                    continue                    # NASM's local labels
                old = found.get(va)
                if old is None or old.asm and not asm:
                    found[va] = Symbol(va, size, text, asm)
        return [found[va] for va in sorted(found)]

    def read(self, va, size):
        """The bytes at an address, None if they are not all of this file."""
        for start, offset, length in self.loads:
            if start <= va and va + size <= start + length:
                at = offset + va - start
                return self.data[at:at + size]
        return None

    def symbol(self, va):
        i = bisect.bisect_right(self.starts, va) - 1
        return self.symbols[i] if i >= 0 else None

    def address(self, text):
        """The address of SYMBOL, SYMBOL+OFFSET or 0xADDRESS; None."""
        if text.startswith('0x'):
            return int(text, 16)
        name, _, offset = text.partition('+')
        for s in self.symbols:
            if s.name == name:
                return s.va + int(offset or '0', 0)
        return None

    def has(self, insn):
        return self.read(insn.va, len(insn.bytes)) == insn.bytes


def programs_match(insns, programs):
    """(instruction, its program or None): frame by frame, since programs
    that share addresses differ somewhere in a frame."""
    frames = collections.defaultdict(list)
    for i in insns:
        frames[i.va // PAGE, i.page].append(i)
    for group in frames.values():
        best = max(programs, key=lambda p: sum(map(p.has, group)))
        for i in group:
            yield i, best if best.has(i) else None


def marker(programs, text):
    """ADDR:BYTES for the plugin, from the first program that knows text."""
    for p in programs:
        va = p.address(text)
        code = va is not None and (p.read(va, 15) or p.read(va, 1))
        if code:
            return f'{va:x}:{code.hex()}'
    raise SystemExit(f'no program has {text}')
