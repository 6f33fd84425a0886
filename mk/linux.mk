# linux.mk - programs for the Linux personality: tests of our own, built with
# Debian's musl, and Debian's static binaries as they are.

LTEST	:= $(basename $(wildcard tests/linux/*.c))
LSCRIPT	:= $(wildcard tests/linux/*.sh)
LBENCH	:= $(basename $(wildcard tests/bench/linux/*.c))
LELF	:= $(LTEST:%=$(B)/%) $(LBENCH:%=$(B)/%)
MUSL	?= musl-gcc

# A file may say `link: OPTIONS' instead of -static; rcrt1.o is musl's.
define musl
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)link=$$(sed -n 's/^ \* link: //p' $< | \
	    sed 's|rcrt1.o|/usr/lib/x86_64-linux-musl/&|'); \
	    $(MUSL) -std=gnu11 -O2 -s $(WARN) $${link:--static} -MMD -MP \
	    -idirafter libos/include $1 -o $@ $<
endef

$(B)/tests/linux/%: tests/linux/%.c Makefile mk/linux.mk | $(SETUP)
	$(call musl)

$(B)/tests/bench/linux/%: tests/bench/linux/%.c Makefile mk/linux.mk | $(SETUP)
	$(call musl,-Ikernel/abi)

ARCHIVE_FILES += $(foreach t,$(LTEST),test/linux/$(notdir $t)=$(B)/$t) \
	   $(foreach t,$(LSCRIPT),test/linux/$(notdir $t)=$t) \
	   $(foreach t,$(LBENCH),bench/linux/$(notdir $t)=$(B)/$t) \
	   bench/linux/script.sh=tests/bench/linux/script.sh \
	   bin/busybox=/bin/busybox \
	   bin/bash=/bin/bash-static bin/zsh=/bin/zsh-static bin/sash=/bin/sash
$(ARCHIVE): $(LELF) $(LSCRIPT) tests/bench/linux/script.sh

# Each applet by its name, as Debian's busybox would install them.
ARCHIVE_LINKS += $(patsubst %,bin/%=busybox,$(shell /bin/busybox --list \
	   2>/dev/null))
