# user_linux.mk - Linux programs of our own, built with musl into the archive's
# /bin: each user/linux/NAME.c, and all sources in each folder user/linux/NAME.
# They see the kernel's ABI, and of Castor the names of Linux's calls.

XPROG	:= $(sort $(basename $(wildcard user/linux/*.c)) \
	   $(patsubst %/,%,$(dir $(wildcard user/linux/*/*.c))))
XFLAGS	:= -std=gnu11 -O2 $(WARN) -Ikernel/abi -iquote libos/image \
	   -ffile-prefix-map=$(CURDIR)=.
# $(call xobj,PROGRAM): its objects.
xobj	= $(patsubst %.c,$(B)/%.o,$(wildcard $1.c $1/*.c))

$(B)/user/linux/%.o: user/linux/%.c Makefile mk/user_linux.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,MUSL)
	$(Q)$(MUSL) $(XFLAGS) -MMD -MP -c -o $@ $<

define xprog
$(B)/$1.list: FORCE
	$$(call list,$(call xobj,$1))

$(B)/$1.static: $(call xobj,$1) $(B)/$1.list
	$$(call say,MUSL)
	$$(Q)$(MUSL) -static -s -o $$@ $(call xobj,$1)
endef
$(foreach p,$(XPROG),$(eval $(call xprog,$p)))

ARCHIVE_FILES += $(foreach p,$(XPROG),bin/$(notdir $p)=$(B)/$p.static)
$(ARCHIVE): $(XPROG:%=$(B)/%.static)
