#!/usr/bin/env python3
"""Each call of the kernel has tests with bad arguments (tests/guest/hostile_*).

Held against the one list, kernel/abi/exo/syscall.h: every call has a comment
that says its errors and a HOSTILE test; every error that the comment names is
provoked in one of them, and every right; the names of tests are calls.  What
can't be provoked stands in hostile_exceptions.txt, with the reason.
"""
import glob
import os
import re

ABI = "kernel/abi/exo"
HERE = os.path.dirname(os.path.abspath(__file__))
# Macros that provoke errors they don't name: in hostile.h, hostile_region.c.
MACROS = {
    "REFUSED_CAP": {"SLOT", "DENIED", "RIGHTS"},
    "REFUSED_SLOT": {"SLOT"},
    "REFUSED_DENIED": {"DENIED"},
    "REFUSED_RIGHTS": {"RIGHTS"},
    "REFUSED_ID": {"NAME"},
    "REFUSED_ADDR_RO": {"ADDR"},
    "REFUSED_ADDR_RW": {"ADDR"},
    "REFUSED_NAME": {"NAME"},
    "REFUSED_DEAD": {"NAME"},
    "REFUSED_RANGE": {"ARG"},
}


def read(path):
    with open(path) as f:
        return f.read()


def calls(text):
    """{name: number of parameters} of the X-macro."""
    body = text[text.index("#define EXO_SYSCALLS(X)"):]
    body = body[:body.index("\nenum")].replace("\\\n", " ")
    rows = re.findall(r"X\(\d+, \w, (\w+),\s*\(.*?\),\s*\((.*?)\)\)", body)
    return {name: len([a for a in names.split(",") if a.strip()])
            for name, names in rows}


def documented(text, errors):
    """{name: (errors, rights)} of the comment above the list."""
    found = {}
    comment = text[:text.index("*/\n#define EXO_SYSCALLS")]
    head = r"^ \* ([a-z]\w*)\((?:[^()]*)\) - "
    end = r"(?=^ \* [a-z]\w*\([^()]*\) - |^ \* ----|\Z)"
    for m in re.finditer(head + "(.*?)" + end, comment, re.M | re.S):
        body = re.sub(r"\n \*", " ", m.group(2))
        if "Errors:" not in body:
            found[m.group(1)] = (set(), set())
            continue
        body = re.sub(r"\s+", " ", body[body.index("Errors:"):])
        own = set(re.findall(r"\b[A-Z]+\b", body)) & errors
        rights = set()
        for r in re.findall(r"RIGHTS \((.*?)\)", body):
            rights |= set(re.findall(r"\b[A-Z]{2,}\b", r))
        for other in re.findall(r"\bas (\w+)", body):
            if other in found:
                own |= found[other][0]
                rights |= found[other][1]
        found[m.group(1)] = (own, rights)
    return found


def functions(text):
    """{name: body} of a file in our style: each ends with a } in column 0."""
    found = {}
    for m in re.finditer(r"^(\w+)\([^;{]*?\)\n\{\n(.*?)^\}", text,
                         re.M | re.S):
        found[m.group(1)] = m.group(2)
    return found


def closure(body, known):
    """A body with those of the functions of its file that it names."""
    seen, todo, text = set(), [body], ""
    while todo:
        b = todo.pop()
        text += b
        for name in set(re.findall(r"\b(\w+)\b", b)) & set(known) - seen:
            seen.add(name)
            todo.append(known[name])
    return text


def arguments(text, at):
    """The arguments of the macro whose parenthesis opens at `at`."""
    args, depth, start = [], 0, at + 1
    for i in range(at, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth == 0:
                return args + [text[start:i].strip()]
        elif text[i] == "," and depth == 1:
            args.append(text[start:i].strip())
            start = i + 1
    return args


def provoked(text):
    """Errors and rights that a body's checks provoke."""
    errors, rights = set(), set()
    for m in re.finditer(r"\b(REFUSED\w*)\(", text):
        name, args = m.group(1), arguments(text, m.end() - 1)
        if name in MACROS:
            errors |= MACROS[name]
        else:
            errors.add(args[-1])
        if name in ("REFUSED_CAP", "REFUSED_RIGHTS"):
            rights |= set(re.findall(r"EXO_R_(\w+)", args[-1]))
    errors |= set(re.findall(r"-EXO_E_(\w+)", text))
    return errors, rights


def tests():
    """{call: (errors, rights)} of all hostile tests."""
    found = {}
    for path in sorted(glob.glob("tests/guest/hostile_*.c")):
        text = read(path)
        known = functions(text)
        one_line = r"^HOSTILE\((\w+), \w+\)\s*\{ (.*) \}$"
        longer = r"^HOSTILE\((\w+), \w+\)\n\{\n(.*?)^\}"
        for m in (list(re.finditer(one_line, text, re.M)) +
                  list(re.finditer(longer, text, re.M | re.S))):
            e, r = provoked(closure(m.group(2), known))
            old = found.get(m.group(1), (set(), set()))
            found[m.group(1)] = (old[0] | e, old[1] | r)
    return found


def seen():
    """{call: errors} of the checks that name the call themselves."""
    found = {}
    for path in glob.glob("tests/guest/*.c"):
        text = read(path)
        for m in re.finditer(r"\b(REFUSED\w*)\(", text):
            args = arguments(text, m.end() - 1)
            call = re.match(r"exo_(\w+)\(", args[0])
            if call is None or call.group(1).startswith("raw"):
                continue
            found.setdefault(call.group(1), set()).update(
                MACROS.get(m.group(1)) or {args[-1]})
    return found


def exceptions():
    """{(call, error)}, each with a reason."""
    found = {}
    for line in read(os.path.join(HERE, "hostile_exceptions.txt")).split("\n"):
        if line and not line.startswith("#"):
            call, error, reason = line.split(None, 2)
            found[call, error] = reason
    return found


def points():
    text = read(f"{ABI}/syscall.h")
    errors = set(re.findall(r"X\(\d+, (\w+),", read(f"{ABI}/error.h")))
    every, docs = calls(text), documented(text, errors)
    have, excused = tests(), exceptions()

    yield "the list was read", [] if len(every) > 50 and len(errors) > 20 \
        else [f"{len(every)} calls, {len(errors)} errors"]
    yield "each call is documented", sorted(set(every) - set(docs))
    yield "what is documented is a call", sorted(set(docs) - set(every))
    yield "each call has a hostile test", sorted(set(every) - set(have))
    yield "each hostile test is of a call", sorted(set(have) - set(every))
    for call in every:
        want, rights = docs.get(call, (set(), set()))
        got, tried = have.get(call, (set(), set()))
        bad = [f"{e} is never provoked" for e in sorted(want - got)
               if (call, e) not in excused]
        bad += [f"the right {r} is never left out"
                for r in sorted(rights - tried)]
        yield f"{call}: {len(want)} errors", bad
    yield "no other error is known", [
        f"{c} {e}" for c, es in sorted(seen().items())
        for e in sorted(es - docs.get(c, (set(),))[0])]
    stale = [f"{c} {e}" for c, e in excused
             if c not in every or e not in docs[c][0] or
             e in have.get(c, (set(),))[0]]
    yield "each exception is needed", stale


n = 0
for n, (name, bad) in enumerate(points(), 1):
    for b in bad:
        print("#", name + ":", b)
    print("not ok" if bad else "ok", n, "-", name, flush=True)
print(f"1..{n}")
