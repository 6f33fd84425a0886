#!/usr/bin/env python3
"""The rules for sharing page tables, over every sequence of calls in the
smallest scope of tests/model/sharing.py; and that each rule is needed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'model'))
import sharing  # noqa: E402

sys.exit(sharing.tap_run(
    [('sharing holds in scope narrow', 'narrow', (), False)] +
    [(f'sharing breaks without {rule}', 'narrow', (rule,), True)
     for rule in sharing.RULES if rule != 'guard']))
