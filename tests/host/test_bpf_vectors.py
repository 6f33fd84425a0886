#!/usr/bin/env python3
"""The BPF machine by its vectors: tests/bpf/*.vec and tests/bpf/refused/*.hex,
run by build/bpf_plugin as the public conformance suite would.  Prints TAP.

A .hex file is one program that is refused or stopped.  Its first comments say
why, and what the plug-in is to be told:

	# error: BPF_E_OPCODE at 0
	# memory: 01 02 03
	# options: --fuel 100
"""
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/bpf"))
from assemble import assemble  # noqa: E402

PLUGIN = ROOT / os.environ.get("BPF_PLUGIN", "build/bpf_plugin")
VECTORS = ROOT / "tests/bpf"
M64 = (1 << 64) - 1


def plugin(code, memory="", options=""):
    """r0 or None, stderr."""
    run = subprocess.run([PLUGIN, memory, options], input=code, text=True,
                         capture_output=True, timeout=60)
    ok = run.returncode == 0 and re.fullmatch(r"[0-9a-f]+\n", run.stdout)
    return (int(run.stdout, 16) if ok else None), run.stderr


def operands(op, a, b):
    """Programs that leave OP's result, or whether it jumped, in r0."""
    end = "mov r0, r1\nexit" if not op.startswith("j") else \
        "mov r0, 0\nexit\nyes:\nmov r0, 1\nexit"
    to = ", yes" if op.startswith("j") else ""
    start = f"lddw r1, {a}\n"
    if b is None and op.startswith("movsx"):
        yield f"lddw r3, {a}\n{op} r1, r3\n{end}"
    elif b is None:
        yield f"{start}{op} r1\n{end}"
    else:
        yield f"{start}lddw r2, {b}\n{op} r1, r2{to}\n{end}"
        if int(b, 0) < 1 << 31 or int(b, 0) >= M64 + 1 - (1 << 31):
            yield f"{start}{op} r1, {b}{to}\n{end}"


def tables():
    """Of the lines OP A [B] = RESULT: name, program, None, r0, None."""
    for name in ("alu.vec", "jump.vec"):
        for line in (VECTORS / name).read_text().splitlines():
            m = re.fullmatch(r"(\w+) (\w+)(?: (\w+))? = (\w+)", line)
            if m:
                for text in operands(m[1], m[2], m[3]):
                    yield line, text, "", int(m[4], 0), None
            elif line and not line.startswith("#"):
                raise ValueError(f"{name}: {line}")


def programs():
    text = (VECTORS / "program.vec").read_text()
    for part in re.split(r"^test ", text, flags=re.M)[1:]:
        name, rest = part.split("\n", 1)
        told = dict(re.findall(r"^(memory|after|r0) (.*)$", rest, re.M))
        code = re.split(r"^(?:memory|after|r0) ", rest, flags=re.M)[0]
        yield name, code, told.get("memory", ""), int(told["r0"], 0), \
            told.get("after")


def vector_ok(vector):
    """What went wrong, None if nothing."""
    name, text, memory, want, after = vector
    r0, err = plugin(assemble(text).hex(" "), memory, "--debug")
    if r0 != want:
        return f"{name}: r0 {r0 if r0 is None else hex(r0)} {err}\n{text}"
    m = re.search(r"^memory ?(.*)$", err, re.M)
    if m[1] != (memory if after is None else after):
        return f"{name}: memory {m[1]}"
    return None


def refused_ok(path):
    text = path.read_text()
    told = dict(re.findall(r"^# (\w+): (.*)$", text, re.M))
    r0, err = plugin(text, told.get("memory", ""), told.get("options", ""))
    m = re.search(r"(?:refused|stopped): (\w+ at \d+): ", err)
    if r0 is not None or not m or m[1] != told["error"]:
        return f"{path.name}: {r0} {err}"
    return None


def plugin_speaks_as_the_suite_wants():
    code = assemble("mov r0, -1\nexit").hex(" ")
    long = code.replace(" ", "  ") + "\n"
    run = [subprocess.run([PLUGIN, *args], input=given, text=True,
                          capture_output=True) for args, given in
           ((["", ""], code), ([], long), (["01  02  "], long),
            (["--program", code], ""))]
    bad = [subprocess.run([PLUGIN, *args], input=given, text=True,
                          capture_output=True) for args, given in
           ((["zz"], code), ([""], "95 0"), ([""], "95 00"),
            (["", "--what"], code))]
    return all(r.returncode == 0 and r.stdout == "f" * 16 + "\n"
               for r in run) and \
        all(r.returncode == 3 and r.stdout == "" and r.stderr for r in bad)


def every_error_is_provoked(paths):
    header = (ROOT / "kernel/pure/bpf.h").read_text()
    names = set(re.findall(r"X\((BPF_E_\w+),", header))
    told = {re.search(r"^# error: (\w+)", p.read_text(), re.M)[1]
            for p in paths}
    return names == told or print("#", names ^ told)


def main():
    refused = sorted((VECTORS / "refused").glob("*.hex"))
    results = []
    for title, vectors, judge in (
            ("operations and jumps", list(tables()), vector_ok),
            ("programs", list(programs()), vector_ok),
            ("refused programs", refused, refused_ok)):
        wrong = [w for w in map(judge, vectors) if w]
        for w in wrong:
            print("# " + w.strip().replace("\n", "\n# "))
        results.append((f"{title}: {len(vectors)}",
                        not wrong and len(vectors) > 20))
    results.append(("the plug-in's manners",
                    plugin_speaks_as_the_suite_wants()))
    results.append(("each error has a program",
                    every_error_is_provoked(refused)))
    print(f"1..{len(results)}")
    for i, (name, ok) in enumerate(results, 1):
        print("ok" if ok else "not ok", i, "-", name)
    return any(not ok for _, ok in results)


sys.exit(main())
