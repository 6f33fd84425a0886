# linux.mk - programs for the Linux personality: tests of our own, built with
# Debian's musl, and Debian's static binaries as they are.

LTEST	:= $(basename $(wildcard tests/linux/*.c))
LSCRIPT	:= $(wildcard tests/linux/*.sh)
LELF	:= $(LTEST:%=$(B)/%)
MUSL	?= musl-gcc

$(B)/tests/linux/%: tests/linux/%.c Makefile mk/linux.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)$(MUSL) -std=gnu11 -O2 -g0 $(WARN) -static -MMD -MP -o $@ $<

ARCHIVE_FILES += $(foreach t,$(LTEST),test/linux/$(notdir $t)=$(B)/$t) \
	   bin/busybox=/bin/busybox
$(ARCHIVE): $(LELF) $(LSCRIPT)
