"""A small assembler for tests of kernel/pure/bpf.c, and their files.

The text is that of the public conformance suite: `add32 %r1, 5`, `ldxw %r0,
[%r1+4]`, `jne %r1, %r2, label`, `lock fetch_add [%r10-8], %r1`, `call local
f`, one instruction a line, the per cent signs optional; and `.raw 95 00 ...`.
The numbers are written down here anew, from RFC 9669, not taken from bpf.c.
"""
import re
import struct

ALU = {"add": 0, "sub": 1, "mul": 2, "div": 3, "or": 4, "and": 5, "lsh": 6,
       "rsh": 7, "neg": 8, "mod": 9, "xor": 10, "mov": 11, "arsh": 12}
JUMPS = {"jeq": 1, "jgt": 2, "jge": 3, "jset": 4, "jne": 5, "jsgt": 6,
         "jsge": 7, "jlt": 10, "jle": 11, "jslt": 12, "jsle": 13}
SIZES = {"w": 0x00, "h": 0x08, "b": 0x10, "dw": 0x18}
ATOMICS = {"add": 0x00, "or": 0x40, "and": 0x50, "xor": 0xa0,
           "fetch_add": 0x01, "fetch_or": 0x41, "fetch_and": 0x51,
           "fetch_xor": 0xa1, "xchg": 0xe1, "cmpxchg": 0xf1}


def encode(code, dst=0, src=0, off=0, imm=0):
    imm &= 0xffffffff
    return struct.pack("<BBhI", code, dst | src << 4, off, imm)


def number(word):
    return int(word, 0)


def register(word):
    """The number of a register, None for anything else."""
    m = re.fullmatch(r"%?r(\d+)", word)
    return int(m[1]) if m else None


def place(word):
    """[%r1+4]: a register and an offset."""
    m = re.fullmatch(r"\[%?r(\d+)\s*([+-]\s*\w+)?\]", word)
    return int(m[1]), number(m[2].replace(" ", "")) if m[2] else 0


def second(word):
    """The bit, the source and the constant of a second operand."""
    r = register(word)
    return (0, 0, number(word)) if r is None else (8, r, 0)


def alu(op, args):
    m = re.fullmatch(r"movsx(8|16|32)(32|64)", op)
    if m:
        return encode(0xbf if m[2] == "64" else 0xbc, register(args[0]),
                      register(args[1]), int(m[1]))
    m = re.fullmatch(r"(s?)([a-z]+)(32|64)?", op)
    if not m or m[2] not in ALU or (m[1] and m[2] not in ("div", "mod")):
        m = re.fullmatch(r"()([a-z]+)(32|64)?", op)
    if not m or m[2] not in ALU:
        return None
    code = ALU[m[2]] << 4 | (4 if m[3] == "32" else 7)
    if m[2] == "neg":
        return encode(code, register(args[0]))
    bit, src, imm = second(args[1])
    return encode(code | bit, register(args[0]), src, 1 if m[1] else 0, imm)


def swap(op, args):
    m = re.fullmatch(r"(le|be|bswap|swap)(16|32|64)", op)
    codes = {"le": 0xd4, "be": 0xdc, "bswap": 0xd7, "swap": 0xd7}
    return m and encode(codes[m[1]], register(args[0]), imm=int(m[2]))


def memory(op, args):
    m = re.fullmatch(r"(ldx|ldxs|stx|st)(b|h|w|dw)", op)
    if not m:
        return None
    size = SIZES[m[2]]
    if m[1].startswith("ldx"):
        src, off = place(args[1])
        return encode((0x61 if m[1] == "ldx" else 0x81) | size,
                      register(args[0]), src, off)
    dst, off = place(args[0])
    if m[1] == "stx":
        return encode(0x63 | size, dst, register(args[1]), off)
    return encode(0x62 | size, dst, 0, off, number(args[1]))


def atomic(op, args):
    m = re.fullmatch(r"lock (\w+?)(32|64)?", op)
    if not m or m[1] not in ATOMICS:
        return None
    dst, off = place(args[0])
    return encode(0xc3 if m[2] == "32" else 0xdb, dst, register(args[1]),
                  off, ATOMICS[m[1]])


def jump(op, args, to):
    if op == "exit":
        return encode(0x95)
    if op == "call" and args[0].startswith("local "):
        return encode(0x85, src=1, imm=to(args[0][6:].strip()))
    if op == "call":
        return encode(0x85, imm=number(args[0]))
    if op == "callx":
        return encode(0x8d, register(args[0]))
    if op == "ja":
        return encode(0x05, off=to(args[0]))
    if op == "ja32":
        return encode(0x06, imm=to(args[0]))
    m = re.fullmatch(r"(j[a-z]+)(32)?", op)
    if not m or m[1] not in JUMPS:
        return None
    bit, src, imm = second(args[1])
    code = JUMPS[m[1]] << 4 | (6 if m[2] else 5) | bit
    return encode(code, register(args[0]), src, to(args[2]), imm)


def wide(op, args):
    if op != "lddw":
        return None
    v = number(args[1])
    return encode(0x18, register(args[0]), imm=v) + encode(0, imm=v >> 32)


def statement(op, args, to):
    if op == ".raw":
        return bytes.fromhex(args[0])
    for make in (alu, swap, memory, atomic, wide):
        code = make(op, args)
        if code:
            return code
    code = jump(op, args, to)
    if code is None:
        raise ValueError(f"no such instruction: {op} {', '.join(args)}")
    return code


def split(line):
    """`lock add [..], r` and `call local f` keep their two words."""
    words = line.split(None, 1)
    if words[0] == "lock":
        more = words[1].split(None, 1)
        words = ["lock " + more[0]] + more[1:]
    return words[0], [a.strip() for a in words[1].split(",")] \
        if len(words) > 1 else []


def assemble(text):
    """The program's bytes."""
    lines, labels, at = [], {}, 0
    for line in text.splitlines():
        line = line.split("#")[0].strip()
        m = re.match(r"(\w+):", line)
        if m:
            labels[m[1]] = at
            line = line[m.end():].strip()
        if line:
            op, args = split(line)
            lines.append((at, op, args))
            at += len(statement(op, args, lambda word: 0)) // 8
    code = b""
    for at, op, args in lines:
        def to(word):
            return labels[word] - at - 1 if word in labels else number(word)
        code += statement(op, args, to)
    return code
