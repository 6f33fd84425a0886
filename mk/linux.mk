# linux.mk - programs for the Linux personality: tests of our own, built with
# Debian's musl, and Debian's static binaries as they are.

LTEST	:= $(basename $(wildcard tests/linux/*.c))
LSCRIPT	:= $(wildcard tests/linux/*.sh)
LDATA	:= page.lua
LBENCH	:= $(basename $(wildcard tests/bench/linux/*.c))
LELF	:= $(LTEST:%=$(B)/%) $(LBENCH:%=$(B)/%)
MUSL	?= musl-gcc

# A file may say `link: OPTIONS' instead of -static; rcrt1.o is musl's.  Of
# Debian's libraries for its own C library, the static ones that want little of
# it are as good with musl's: `with: bearssl lua5.4'.
DEBLIB	:= /usr/lib/x86_64-linux-gnu
LGLUE	:= tests/linux/lib/fortify.c
LFLAGS_MUSL := -std=gnu11 -O2 -s $(WARN) -Ikernel/abi -Ilibos/include
define musl
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)link=$$(sed -n 's/^ \* link: //p' $< | \
	    sed 's|rcrt1.o|/usr/lib/x86_64-linux-musl/&|'); with=; \
	    for l in $$(sed -n 's/^ \* with: //p' $<); do \
	    with="$$with -isystem /usr/include/$$l $(DEBLIB)/lib$$l.a"; done; \
	    $(MUSL) $(LFLAGS_MUSL) $${link:--static} -MMD -MP \
	    -o $@ $< $${with:+$(LGLUE) $$with -idirafter /usr/include \
	    -idirafter /usr/include/x86_64-linux-gnu}
endef

$(B)/tests/linux/%: tests/linux/%.c $(LGLUE) Makefile mk/linux.mk | $(SETUP)
	$(call musl)

$(B)/tests/bench/linux/%: tests/bench/linux/%.c $(LGLUE) Makefile mk/linux.mk \
    | $(SETUP)
	$(call musl)

ARCHIVE_FILES += $(foreach t,$(LTEST),test/linux/$(notdir $t)=$(B)/$t) \
	   $(foreach t,$(LSCRIPT),test/linux/$(notdir $t)=$t) \
	   $(foreach t,$(LBENCH),bench/linux/$(notdir $t)=$(B)/$t) \
	   $(foreach t,$(LDATA),test/linux/$t=tests/linux/$t) \
	   bench/linux/script.sh=tests/bench/linux/script.sh \
	   bin/busybox=/bin/busybox \
	   bin/bash=/bin/bash-static bin/zsh=/bin/zsh-static bin/sash=/bin/sash
$(ARCHIVE): $(LELF) $(LSCRIPT) $(LDATA:%=tests/linux/%) tests/bench/linux/script.sh

# Each applet by its name, as Debian's busybox would install them.
ARCHIVE_LINKS += $(patsubst %,bin/%=busybox,$(shell /bin/busybox --list \
	   2>/dev/null))

# A million rollbacks (tests/linux/lwc_rollback.c): minutes.
.PHONY: long-rollback
long-rollback: $(KERNEL) $(ARCHIVE)
	@tools/run --kernel $(KERNEL) --archive $(ARCHIVE) --strict \
	    --append linux=/test/linux/lwc_rollback,1000000
