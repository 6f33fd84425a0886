# leda.mk - Leda, the second library OS: one ELF, with the ABI's headers and
# nothing of libos/.

LEDA	:= $(patsubst %,$(B)/%.o,$(wildcard leda/*.c leda/*.asm))
LEDAFLAGS := $(COMMON) $(QUIET) -fpie -fvisibility=hidden -Ikernel/abi -Ileda
LEDA_START := kernel/abi/exo/start.h
LEDA_AT	= $$(sed -n 's/^.define EXO_START_UPCALL_AT[^0-9]*\([0-9]*\)u$$/\1/p' \
	   $(LEDA_START))

$(B)/leda/%.c.o: leda/%.c Makefile mk/leda.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LEDAFLAGS) -MMD -MP -c -o $@ $<

$(B)/leda/%.asm.o: leda/%.asm Makefile mk/leda.mk $(LEDA_START) | $(SETUP)
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) $(NFLAGS) -DUPCALL_AT=$(LEDA_AT) -MD $(@:.o=.d) -MP -o $@ $<

$(B)/leda.list: FORCE
	$(call list,$(LEDA))

$(B)/leda/leda.elf: $(LEDA) $(B)/leda.list
	$(call say,LD)
	$(Q)$(LD) $(filter-out -Ttext-segment=%,$(ULD)) \
	    -Ttext-segment=0x7e0000000000 -o $@ $(LEDA)

$(B)/leda/leda: $(B)/leda/leda.elf
	$(Q)$(call native,$<,$@)

ARCHIVE_FILES += bin/leda=$(B)/leda/leda
$(ARCHIVE): $(B)/leda/leda

# Programs of its test, for both library OSes.
LEDATEST := $(basename $(wildcard tests/both/*.c))
$(B)/tests/both/%: tests/both/%.c Makefile mk/leda.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)$(MUSL) -std=gnu11 -O2 -s $(WARN) -static -MMD -MP -o $@ $<

ARCHIVE_FILES += $(foreach t,$(LEDATEST),test/both/$(notdir $t)=$(B)/$t)
$(ARCHIVE): $(LEDATEST:%=$(B)/%)
