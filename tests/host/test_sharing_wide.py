#!/usr/bin/env python3
"""The rules for sharing page tables in the wider scopes of
tests/model/sharing.py.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / 'model'))
import sharing  # noqa: E402

sys.exit(sharing.tap_run(
    [(f'sharing holds in scope {scope}', scope, (), False)
     for scope in sharing.SCOPES if scope not in ('narrow', 'guards')]))
