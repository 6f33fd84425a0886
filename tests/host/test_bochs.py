#!/usr/bin/env python3
"""The PCID tests, on two CPUs of Bochs that have PCIDs: with INVPCID and
without."""
import concurrent.futures
import os
import re
import subprocess

KERNEL = os.environ.get("KERNEL", "build/pollux.elf")
ISO = os.path.join(os.path.dirname(KERNEL), "bochs.iso")
MODELS = {"tigerlake": True, "corei7_ivy_bridge_3770k": False}
COUNTS = re.compile(r"^# pcid: binds (\d+), flushes (\d+), invpcid (\d+), "
                    r"kept (\d+)", re.M)


def boot(model):
    done = subprocess.run(
        ["tools/bochs", "--iso", ISO, "--cpu", model, "--timeout", "55",
         "--append", "init=test/pcid"], stdin=subprocess.DEVNULL,
        capture_output=True, text=True)
    return done.returncode, done.stdout


def good(invpcid, status, text):
    points = len(re.findall(r"^ok ", text, re.M))
    plan = re.search(r"^1\.\.(\d+)", text, re.M)
    counts = COUNTS.search(text)
    if status != 0 or not plan or points != int(plan[1]) or not counts:
        return False
    binds, flushes, used, kept = map(int, counts.groups())
    return binds > 0 and flushes > 0 and kept > 0 and (used > 0) == invpcid


def main():
    print(f"1..{len(MODELS)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(MODELS)) as pool:
        boots = list(pool.map(boot, MODELS))
    for n, (model, (status, text)) in enumerate(zip(MODELS, boots), 1):
        ok = good(MODELS[model], status, text)
        print(f"{'' if ok else 'not '}ok {n} - pcid_on_{model}", flush=True)
        for line in text.splitlines() if not ok else []:
            print("# |", line)


if __name__ == "__main__":
    main()
