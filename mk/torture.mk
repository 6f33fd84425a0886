# torture.mk - processes killed at any moment, for thousands of rounds.
#
# `make torture' runs tests/linux/torture.c (a Linux program kills others) and
# tests/guest/torture.c (a native one does) for ROUNDS each, with chance's SEED.
ROUNDS	?= 5000
SEED	?= $(shell date +%s)

.PHONY: torture
torture: $(KERNEL) $(ARCHIVE)
	@echo "ROUNDS=$(ROUNDS) SEED=$(SEED)"
	@tools/run --strict --kernel $(KERNEL) --archive $(ARCHIVE) \
	    --append 'linux=/test/linux/torture,$(ROUNDS),$(SEED)'
	@tools/run --strict --kernel $(KERNEL) --archive $(ARCHIVE) \
	    --append 'init=test/torture rounds=$(ROUNDS) seed=$(SEED)'
