#!/usr/bin/env python3
"""What the guard of a private frame gives to who has it, in a scope of
tests/model/sharing.py of its own; and that the rule for it is needed.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'model'))
import sharing  # noqa: E402

sys.exit(sharing.tap_run(
    [('sharing holds in scope guards', 'guards', (), False),
     ('sharing breaks without guard', 'guards', ('guard',), True)]))
