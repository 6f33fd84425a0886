# check.mk - the kernel that checks itself.
#
# `make CHECK=1 TARGET` uses it instead: UBSan, freed frames poisoned, what is
# counted counted again after each entry (kernel/check*.c).  `make test` runs
# the guest tests in both.

ifeq ($(CHECK),)
CHECKED := $(B)/check/pollux.elf

$(CHECKED): FORCE | $(SETUP)
	@$(MAKE) --no-print-directory CHECK=1 $@

test: $(CHECKED)
endif
