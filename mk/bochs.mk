# bochs.mk - the guest tests on a second machine, which has PCIDs.
#
# `make bochs` boots each in Bochs (tools/bochs) by GRUB, pcid a second time on
# a CPU that has PCIDs but no INVPCID, and insists that the PCID paths ran:
# tests/guest/pcid.c says what the kernel counted.  ONLY=regex picks some.
# `make test` has pcid alone (tests/host/test_bochs.py).

BOCHS_CPU	?= tigerlake
BOCHS_OLD	?= corei7_ivy_bridge_3770k
BOCHS_ISO	:= $(K)/bochs.iso
BOCHS_OUT	:= $(K)/bochs
BOCHS_ROOM	:= $(shell printf '%0120d' 0 | tr 0 @)
BOCHS_TEST	= TEST_TIMEOUT=$${TEST_TIMEOUT-600} tools/test \
		  --runner 'tools/bochs --iso $(BOCHS_ISO) --cpu $1' \
		  --out $(BOCHS_OUT)/$1

.PHONY: bochs
bochs: $(BOCHS_ISO)
	@$(call BOCHS_TEST,$(BOCHS_CPU)) $(foreach t,$(GUEST),--guest $t.c)
	@$(if $(ONLY),,$(call BOCHS_TEST,$(BOCHS_OLD)) \
	    --guest tests/guest/pcid.c)
	@$(if $(ONLY),,for m in $(BOCHS_CPU) $(BOCHS_OLD); do \
	    grep '^# pcid: ' $(BOCHS_OUT)/$$m/guest/pcid/serial.log; done)

test: $(BOCHS_ISO)

# BIOS only, which keeps it small: tools/bochs copies it for each boot.
$(BOCHS_ISO): $(KERNEL) $(ARCHIVE) boot/grub.cfg mk/bochs.mk
	@rm -rf $(BOCHS_OUT).root && mkdir -p $(BOCHS_OUT).root/boot/grub
	@$(STRIP) -o $(BOCHS_OUT).root/boot/pollux.elf $(KERNEL)
	@cp $(ARCHIVE) $(BOCHS_OUT).root/boot/archive.cpio
	@sed 's|@APPEND@|$(BOCHS_ROOM)|' boot/grub.cfg \
	    >$(BOCHS_OUT).root/boot/grub/grub.cfg
	$(call say,ISO)
	$(Q)grub-mkrescue -d /usr/lib/grub/i386-pc -o $@ \
	    $(BOCHS_OUT).root >$@.log 2>&1 || { cat $@.log; exit 1; }
