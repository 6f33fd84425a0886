# sdk.mk - programs from elsewhere: `make run', and what they are built with.
#
#	make run APP=file.c ARGS="..." [OVERLAY=dir] [MEM=1G] [TIMEOUT=seconds]
#	make qemu OVERLAY=dir
#
# tools/sdk does the work; docs/sdk.md has the whole story.  build/sdk/ is all
# that a compiler wants: include/ and lib/libcastor.a, musl's native calls.

SDK	:= $(B)/sdk
SDK_LIB	:= $(SDK)/lib/libcastor.a
SDK_OBJ	:= $(patsubst %,$(SDK)/%.o,libos/sdk/self libos/sdk/print libos/name \
	   libos/number) $(B)/libos/cross.asm.o
SDK_INC	:= $(patsubst kernel/abi/%,$(SDK)/include/%,$(wildcard \
	   kernel/abi/exo/*.h)) $(patsubst %,$(SDK)/include/castor/%.h,lwc \
	   print self string sys)
SDK_FLAGS := -std=gnu11 -O2 $(WARN) -Ilibos/include -Ikernel/abi

# Of the caller's words nothing is expanded, here or by the shell.
run qemu: override export APP := $(value APP)
run qemu: override export ARGS := $(value ARGS)
run qemu: override export OVERLAY := $(value OVERLAY)

.PHONY: run
test: $(SDK_LIB)
run: $(KERNEL) $(ARCHIVE) $(SDK_LIB)
	@tools/sdk run --built --kernel $(KERNEL) --archive $(ARCHIVE) \
	    --sdk $(SDK) --from "$(PWD)" $(if $(MEM),--mem $(MEM)) \
	    $(if $(TIMEOUT),--timeout $(TIMEOUT)) --overlay "$$OVERLAY" \
	    --words "$$ARGS" -- "$$APP"

ifneq ($(OVERLAY),)
qemu: RUN = tools/sdk archive --archive $(ARCHIVE) --from "$(PWD)" \
	    --overlay "$$OVERLAY" $(SDK)/overlay.cpio && \
	    tools/run --kernel $(KERNEL) --archive $(SDK)/overlay.cpio \
	    $(if $(APPEND),--append '$(APPEND)')
qemu: $(SDK_LIB)
endif

$(SDK)/include/exo/%.h: kernel/abi/exo/%.h
	@mkdir -p $(@D) && cp $< $@

$(SDK)/include/castor/%.h: libos/include/castor/%.h
	@mkdir -p $(@D) && cp $< $@

$(SDK)/%.o: %.c Makefile mk/sdk.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)$(MUSL) $(SDK_FLAGS) -MMD -MP -c -o $@ $<

$(SDK_LIB): $(SDK_OBJ) $(SDK_INC)
	@mkdir -p $(@D) && rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcsD $@ $(SDK_OBJ)

# What tests/host/test_programs.py builds wants this.  (One apt-get at a time.)
test: $(B)/.setup-programs
$(B)/.setup-programs: tools/setup mk/sdk.mk | $(B)/.setup-bpf
	@tools/setup tclsh:tcl /sbin/e2fsck.static:e2fsck-static \
	    /usr/bin/gpgv-static:gpgv-static xz:xz-utils
	@mkdir -p $(@D) && touch $@

# Programs that only look, once more, for those who type `envs | wc -l'.
SDK_BIN	:= hello machine frames domains envs trace
$(SDK)/bin/%: user/%.c $(SDK_LIB)
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)$(MUSL) $(SDK_FLAGS) -static -s -MMD -MP -o $@ $< $(SDK_LIB)

ARCHIVE_FILES += $(foreach p,$(SDK_BIN),usr/bin/$p=$(SDK)/bin/$p)
$(ARCHIVE): $(SDK_BIN:%=$(SDK)/bin/%)
