#!/usr/bin/env python3
"""Leda has nothing of Castor in it: what it is compiled from, what it is linked
from, and how much that is."""
import re
import subprocess
from pathlib import Path

BUILD = Path("build/leda")
LINES = 1200                    # of a library OS that is small


def sources():
    """Every file that the compiler or the assembler opened."""
    found = set()
    for d in BUILD.glob("*.d"):
        text = d.read_text().replace("\\\n", " ")
        found |= set(re.sub(r"^\S+ ?:", "", text, flags=re.M).split())
    return found


def only_its_own_and_the_abi():
    found = sources()
    foreign = sorted(f for f in found if not f.startswith("/") and
                     not re.match(r"(leda|kernel/abi/exo)/[\w.]+$", f))
    print("#", *foreign)
    return len(found) > 10 and not foreign


def headers_of_the_system_have_no_code():
    """Of the system: what a freestanding program may use, and ELF's."""
    names = {f.rsplit("/", 1)[-1] for f in sources() if f.startswith("/")}
    extra = names - {"elf.h", "stdint.h", "stdint-gcc.h", "stdbool.h",
                     "stddef.h", "features.h", "features-time64.h",
                     "wordsize.h", "timesize.h", "cdefs.h", "long-double.h",
                     "stubs.h", "stubs-64.h", "stdc-predef.h", "types.h",
                     "auxv.h", "libc-header-start.h", "wchar.h", "typesizes.h",
                     "time64.h", "stdint-intn.h", "stdint-uintn.h"}
    print("#", *sorted(extra))
    return not extra


def functions(path):
    """That other files may call."""
    out = subprocess.run(["nm", path], capture_output=True,
                         text=True, check=True).stdout
    return set(re.findall(r" T (\w+)$", out, re.M))


def no_function_of_castors():
    mine = functions(BUILD / "leda.elf")
    castors = functions("build/libos.a") | functions("build/castor.elf")
    both = mine & castors - {"_start"}
    print("#", *sorted(both))
    return len(mine) > 20 and len(castors) > 100 and not both


def it_is_small():
    n = sum(len(p.read_text().splitlines()) for p in Path("leda").iterdir())
    print(f"# {n} lines")
    return n <= LINES


def main():
    tests = [only_its_own_and_the_abi, headers_of_the_system_have_no_code,
             no_function_of_castors, it_is_small]
    bad = 0
    print(f"1..{len(tests)}")
    for i, test in enumerate(tests, 1):
        good = test()
        bad += not good
        print(f"{'ok' if good else 'not ok'} {i} - {test.__name__}")
    return bad != 0


if __name__ == "__main__":
    raise SystemExit(main())
