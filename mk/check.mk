# check.mk - the kernel that checks itself.
#
# `make CHECK=1 TARGET` uses it instead: UBSan, freed frames poisoned, what is
# counted counted again after each entry (kernel/check*.c).  `make test` runs
# the guest tests in both.

ifeq ($(CHECK),)
CHECKED := $(B)/check/pollux.elf

# A make of its own, not a part of this one.
$(CHECKED): FORCE | $(SETUP)
	@MAKEFLAGS= $(MAKE) --no-print-directory CHECK=1 B=$(B) V=$(V) $@

test: $(CHECKED)
endif
