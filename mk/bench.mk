# bench.mk - what operations cost, in guest instructions.
#
# `make bench` boots each program of tests/bench twice, prints the table, writes
# build/bench.json and build/bench.svg, and says which rows are worse than
# docs/bench.json by more than 2 percent; with STRICT=1 that fails.  ROWS=pt_
# takes only the rows that begin so.  `make bench-save` commits to paper what
# was measured: docs/bench.json and the table in docs/bench.md.

BENCH_BOOTS := paths memory objects region bpf time pred castor commons \
	       'paths --cpu max,-smap' linux/image 'linux/big --mem 1G' \
	       linux/lwc linux/lwc_use linux/beside
BENCH_RUN = tools/bench --kernel $(KERNEL) --archive $(ARCHIVE) \
	    --out $(K)/bench $(if $(STRICT),--strict) \
	    $(if $(ROWS),--rows '$(ROWS)')

.PHONY: bench bench-save
bench: $(KERNEL) $(ARCHIVE)
	@$(BENCH_RUN) $(BENCH_BOOTS)

bench-save: $(KERNEL) $(ARCHIVE)
	@$(BENCH_RUN) --page docs/bench.md $(BENCH_BOOTS)
