#!/usr/bin/env python3
"""tools/test counts honestly: each way of failing fails, and good passes."""
import os
import re
import subprocess
import tempfile

# name, shell text of a test, points passed, failures
CASES = [
    ("good", "echo 1..1; echo ok 1 - a", 1, 0),
    ("plan_at_the_end", "echo ok 1 - a; echo 1..1", 1, 0),
    ("not_ok", "echo 1..2; echo ok 1 - a; echo not ok 2 - b", 1, 1),
    ("too_few", "echo 1..2; echo ok 1 - a", 1, 1),
    ("too_many", "echo 1..1; echo ok 1 - a; echo ok 2 - b", 2, 1),
    ("no_plan", "echo ok 1 - a", 1, 1),
    ("empty_plan", "echo 1..0", 0, 1),
    ("two_plans", "echo 1..1; echo 1..1; echo ok 1 - a", 1, 1),
    ("wrong_number", "echo 1..1; echo ok 2 - a", 1, 1),
    ("bad_status", "echo 1..1; echo ok 1 - a; exit 3", 1, 1),
    ("too_slow", "echo 1..1; echo ok 1 - a; sleep 60", 1, 1),
    ("silent", "", 0, 1),
]


def verdict(folder, name, text, *options):
    path = os.path.join(folder, name)
    with open(path, "w") as f:
        f.write("#!/bin/sh\n" + text + "\n")
    os.chmod(path, 0o755)
    env = {k: v for k, v in os.environ.items() if k != "ONLY"}
    p = subprocess.run(["tools/test", "--timeout", "1", "--host", path,
                        *options],
                       stdout=subprocess.PIPE, text=True, env=env)
    last = p.stdout.splitlines()[-1]
    m = re.fullmatch(r"(\d+) passed, (\d+) failed", last)
    return (int(m.group(1)), int(m.group(2)), p.returncode) if m else None


# --only picks by the name that is told; what picks nothing has failed.
PICKS = [("^host/good$", (1, 0, 0)), ("^good$", (0, 0, 1))]

print(f"1..{len(CASES) + len(PICKS)}")
with tempfile.TemporaryDirectory() as folder:
    for n, (name, text, passed, failed) in enumerate(CASES, 1):
        want = (passed, failed, 1 if failed else 0)
        good = verdict(folder, name, text) == want
        print("ok" if good else "not ok", n, "- driver_" + name, flush=True)
    for n, (only, want) in enumerate(PICKS, len(CASES) + 1):
        good = verdict(folder, *CASES[0][:2], "--only", only) == want
        print("ok" if good else "not ok", n, "- driver_only", only, flush=True)
