#!/usr/bin/env python3
"""The native calls that a context with LWC_SYSTRAP may make (mask_fill in
libos/image/context.c) are those that its Castor makes, and no others.

What Castor may do there is what can be reached, by the names in the sources,
from where it is entered: system calls that its creator has run there
(lwc_syscall), faults, questions, switches.  Each native call on the way is
allowed, or is here, with the reason why it is refused.
"""

import functools
import re
import sys
from pathlib import Path

IMAGE = sorted(Path("libos/image").glob("*.c"))
HEADERS = sorted(Path("libos/image").glob("*.h"))

MAKES = "it makes no contexts: lwc_create fails there"
THREADS = "it makes no threads or processes: clone is not run for others"
ENDS = "its end is its creator's to bring about (context_end), and its children's"
REFUSED = {
    "cap_derive": MAKES, "domain_create": MAKES, "domain_handles": MAKES,
    "domain_monitor": MAKES, "domain_seats": MAKES, "handle_mint": MAKES,
    "handle_open": MAKES, "pcid_alloc": MAKES, "pcid_bind": MAKES,
    "seat_bind": MAKES, "slots_bind": MAKES,
    "env_create": THREADS, "env_start": THREADS, "slice_alloc": THREADS,
    "slice_set": THREADS,
    "domain_free": ENDS, "domain_kill": ENDS, "domain_reap": ENDS,
    "env_exit": ENDS, "pcid_free": ENDS,
}

ROOTS = ("foreign trap deliver_fault deliver_slice lwc_born lwc_service "
         "context_end").split()


def text(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)


def functions(source):
    """{name: body} of a file in KNF: the name begins a line, so does the
    brace."""
    return {m[1]: m[2] for m in re.finditer(
        r"^(\w+)\([^;{]*?\)\n\{\n(.*?)^\}", source, re.M | re.S)}


def natives():
    return set(re.findall(r"\bX\(\d+, [A-Z], (\w+),",
               Path("kernel/abi/exo/syscall.h").read_text()))


def one_liners(source):
    """call_getuid(void) { return ID(uid); }"""
    return {m[1]: m[2] for m in re.finditer(
        r"^\w+\s+(call_\w+)\([^)]*\)\s*\{(.*)\}$", source, re.M)}


def bodies():
    all_of = {}
    for path in HEADERS + IMAGE:
        source = text(path)
        for name, body in (functions(source) | one_liners(source)).items():
            # Two static functions of one name: either may be meant.
            all_of[name] = all_of.get(name, "") + body
    return all_of


def others_may_not():
    """Calls that are not run for others (call.c)."""
    source = text(Path("libos/image/call.c"))
    m = re.search(r"own_only\[\] = \{(.*?)\}", source, re.S)
    return {f"call_{n}" for n in re.findall(r"NR_(\w+)", m[1])}


def reached(all_of):
    macros = dict(re.findall(r"^#define\s+(\w+)(?:\([^)]*\))?\s+(.*(?:\\\n.*)*)",
                  "".join(text(p) for p in IMAGE), re.M))
    roots = [n for n in all_of if n.startswith("call_")
             and n not in others_may_not()] + ROOTS
    seen, todo = set(), list(roots)
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        body = all_of.get(name, "") + macros.get(name, "")
        # By name: a function whose address is taken may be called, too.
        todo += [n for n in re.findall(r"\b([A-Za-z_]\w*)\b", body)
                 if (n in all_of or n in macros) and n not in
                 others_may_not() and n not in seen]
    return seen, macros


@functools.cache
def used():
    all_of = bodies()
    known, out = natives(), {}
    seen, macros = reached(all_of)
    for name in seen:
        body = all_of.get(name, "") + macros.get(name, "")
        for call in re.findall(r"\bexo_(\w+)\(", body):
            if call in known:
                out.setdefault(call, set()).add(name)
    asm = Path("libos/image/entry.asm").read_text()
    for call in re.findall(r"mov\s+eax, NR_([A-Z_]+)\s", asm):
        if call.lower() in known:
            out.setdefault(call.lower(), set()).add("entry.asm")
    return out


@functools.cache
def allowed():
    source = text(Path("libos/image/context.c"))
    m = re.search(r"allowed\[\] = \{(.*?)\}", source, re.S)
    return re.findall(r"EXO_NR_(\w+)", m[1])


def each_is_allowed_or_refused_for_a_reason():
    may = allowed()
    return [f"exo_{call}, in {', '.join(sorted(where)[:3])}: neither in "
            "mask_fill() nor in REFUSED" for call, where in used().items()
            if call not in may and call not in REFUSED]


def none_is_allowed_that_is_not_made():
    return [f"exo_{call} is allowed, and nothing makes it"
            for call in allowed() if call not in used()]


def reasons_are_of_calls_that_are_refused():
    may, made = allowed(), used()
    return [f"exo_{call} is in REFUSED, and is " +
            ("allowed" if call in may else "not made") for call in REFUSED
            if call in may or call not in made]


def the_sources_are_understood():
    """What must be found, if anything is."""
    made = used()
    want = {"pt_set": "fault_present", "env_sleep": "wait_bell",
            "call": "commons", "page_copy": "frame_copy_for"}
    return [f"exo_{call} in {name} is not found" for call, name in
            want.items() if name not in made.get(call, ())]


def main():
    tests = [each_is_allowed_or_refused_for_a_reason,
             none_is_allowed_that_is_not_made,
             reasons_are_of_calls_that_are_refused,
             the_sources_are_understood]
    print(f"1..{len(tests)}")
    failed = False
    for i, test in enumerate(tests, 1):
        bad = test()
        for line in bad:
            print(f"# {line}")
        print(f"{'not ok' if bad else 'ok'} {i} - {test.__name__}")
        failed |= bool(bad)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
