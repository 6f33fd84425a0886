# fuzz.mk - libFuzzer over the pure modules; random calls in the guest.
#
# `make fuzz` runs every tests/fuzz/fuzz_NAME.c for FUZZ_SECONDS, one after
# the other, from tests/fuzz/seeds/NAME; FUZZ="elf cpio" picks some.  What it
# learns stays in build/fuzz/corpus/NAME.  An input that fails lands in
# tests/fuzz/crashers/NAME/ and is replayed by `make test` from then on.
# A target that needs more names it: FUZZ_SRC_NAME, FUZZ_FLAGS_NAME.  Warnings
# are left to the other builds of the same files.
#
# Then every tests/guest/fuzz_NAME.c boots the checking kernel for FUZZ_SECONDS,
# with one random seed after another (tools/fuzz); `make fuzz-guest` is that
# alone, FUZZ_SEED=N the first seed.

FUZZ_CC		?= clang
FUZZ_SECONDS	?= 60
FUZZ		?= $(patsubst tests/fuzz/fuzz_%.c,%,\
		   $(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_GUEST	:= $(sort $(wildcard tests/guest/fuzz_*.c))
FUZZ_KERNEL	:= $(B)/check/pollux.elf
FUZZ_RUN	= tools/fuzz --kernel $(FUZZ_KERNEL) --archive $(ARCHIVE) \
		  --out $(B)/fuzz --seconds $(FUZZ_SECONDS) \
		  $(if $(FUZZ_SEED),--seed $(FUZZ_SEED)) $(FUZZ_GUEST)
FUZZ_FLAGS	:= -std=gnu11 -O1 -g -w \
		   -fsanitize=fuzzer,address,undefined \
		   -fno-sanitize-recover=all -fno-omit-frame-pointer \
		   -Ikernel/pure -Ikernel/abi

.PHONY: fuzz fuzz-guest
fuzz: $(FUZZ:%=$(B)/fuzz/%) $(FUZZ_KERNEL) $(ARCHIVE)
	@bad=; for n in $(FUZZ); do \
	    echo "== $$n"; \
	    mkdir -p $(B)/fuzz/corpus/$$n tests/fuzz/crashers/$$n; \
	    $(B)/fuzz/$$n -max_total_time=$(FUZZ_SECONDS) -max_len=4096 \
	        -timeout=10 -verbosity=0 -print_final_stats=1 \
	        -artifact_prefix=tests/fuzz/crashers/$$n/ \
	        $(B)/fuzz/corpus/$$n tests/fuzz/seeds/$$n \
	        >$(B)/fuzz/$$n.log 2>&1 && grep ^stat: $(B)/fuzz/$$n.log || \
	        { bad="$$bad $$n"; tail -40 $(B)/fuzz/$$n.log; }; \
	    rmdir --ignore-fail-on-non-empty tests/fuzz/crashers/$$n; \
	done; \
	if [ -d tests/fuzz/crashers ]; then \
	    rmdir --ignore-fail-on-non-empty tests/fuzz/crashers; fi; \
	if [ -n "$$bad" ]; then echo "failed:$$bad"; exit 1; fi
	@$(if $(FUZZ_GUEST),$(FUZZ_RUN))

fuzz-guest: $(FUZZ_KERNEL) $(ARCHIVE)
	@$(if $(FUZZ_GUEST),$(FUZZ_RUN))

.SECONDEXPANSION:
$(B)/fuzz/%: tests/fuzz/fuzz_%.c mk/fuzz.mk $(PURE) $$(FUZZ_SRC_$$*)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) $(FUZZ_FLAGS_$*) -MMD -MP -MF $@.d -o $@ \
	    $< $(PURE) $(FUZZ_SRC_$*)
