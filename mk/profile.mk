# profile.mk - executed instructions: by function and by source line.
#
# `tools/profile --help` says how to count a stretch of a run.  `make
# coverage` runs `make test` with every machine counted and lists the kernel
# lines that nothing executed and that tests/coverage/explained.txt does not
# explain.

.PHONY: coverage
# The inner make is one of its own, not a part of this one.
coverage: $(B)/qemu_count.so
	@MAKEFLAGS= tools/coverage --kernel $(KERNEL) --dir $(B)/coverage -- \
	    make --no-print-directory test

$(B)/qemu_count.so: tools/qemu_count.c
	@mkdir -p $(@D)
	$(HOSTCC) -std=gnu11 -O2 $(WARN) -fPIC -shared -fvisibility=hidden \
	    -o $@ $<
