# docs.mk - what in docs/ is made, and what in it is checked.
#
# `make docs` writes docs/abi.md from the ABI's headers, the tables of
# docs/paths.md from kernel/entry.asm, and the numbers of docs/kernel-size.md.
# tests/host/test_docs.py, which `make test` runs, says when that is due.

.PHONY: docs
docs:
	@tools/abidoc >docs/.abi.md && mv docs/.abi.md docs/abi.md || \
	    { rm -f docs/.abi.md; exit 1; }
	@tools/paths docs/paths.md
	@tools/sizes docs/kernel-size.md
