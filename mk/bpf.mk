# bpf.mk - programs in restricted C for the BPF machine (docs/bpf.md).
#
# NAME.bpf.c in any folder of the list below becomes build/bpf/NAME.bpf.h, an
# array of 64-bit words `NAME_bpf' of its only global function and what that
# calls, which a program beside it (and any other) embeds:
#
#	#include "NAME.bpf.h"
#
# So names are unique in the tree.  The compiler is bpf-gcc; BPF_CC="clang
# -target bpf -mcpu=v3" is as good, which tests/host/test_bpf_compilers.py
# holds them to.
#
# build/bpf_plugin runs programs given in hex, as the public conformance suite
# wants it (tools/bpf_plugin.c); build/bpf_embed takes them out of object files.

BPF_CC		?= bpf-gcc
BPF_CFLAGS	:= -std=gnu11 -O2 $(WARN) -ffreestanding -Ikernel/abi \
		   -Ilibos/include
BPF_DIRS	:= libos libos/* user user/bare tests/guest tests/guest/lib \
		   tests/host tests/bench tests/bench/child
BPF_SRC		:= $(wildcard $(BPF_DIRS:%=%/*.bpf.c))
BPF_HDR		:= $(patsubst %.c,$(B)/bpf/%.h,$(notdir $(BPF_SRC)))
BPF_TOOLS	:= $(B)/bpf_plugin $(B)/bpf_embed

all: $(BPF_TOOLS)
test: $(BPF_TOOLS) $(B)/.setup-bpf

LFLAGS	+= -I$(B)/bpf
UFLAGS	+= -I$(B)/bpf
BFLAGS	+= -I$(B)/bpf
TFLAGS	+= -I$(B)/bpf
HFLAGS	+= -I$(B)/bpf -Ilibos/include

# The first build must find them; afterwards the .d files say who wants what.
$(LOBJ) $(TLIB) $(HLIB) $(BLIB) $(ELFS:.elf=.o) \
    $(HOST:%=$(B)/tests/host/%.o): | $(BPF_HDR)

# $(call bpf_rule,SOURCE,NAME)
define bpf_rule
$(B)/bpf/$2.bpf.o: $1 mk/bpf.mk | $(SETUP)
	@mkdir -p $$(@D)
	$$(call say,BPFCC)
	$$(Q)$$(BPF_CC) $$(BPF_CFLAGS) -MMD -MP -c -o $$@ $$<

$(B)/bpf/$2.bpf.h: $(B)/bpf/$2.bpf.o $(B)/bpf_embed
	$$(Q)$(B)/bpf_embed $$< - $2_bpf >$$@
endef
$(foreach s,$(BPF_SRC),$(eval $(call bpf_rule,$s,$(patsubst \
    %.bpf.c,%,$(notdir $s)))))

$(B)/bpf_%: tools/bpf_%.c kernel/pure/bpf.c libos/bpf_elf.c kernel/pure/bpf.h \
    libos/include/castor/bpf_elf.h | $(SETUP)
	@mkdir -p $(@D)
	$(call say,HOSTCC)
	$(Q)$(HOSTCC) $(HFLAGS) -o $@ $(filter %.c,$^)

# Both compilers are for the tests; `make' alone does with the first.  (One
# apt-get at a time.)
$(B)/.setup-bpf: tools/setup mk/bpf.mk | $(SETUP)
	@tools/setup clang:clang
	@mkdir -p $(@D) && touch $@

# The loader is no pure module, so the fuzz target brings it along.
FUZZ_SRC_bpf_elf	:= libos/bpf_elf.c
FUZZ_FLAGS_bpf_elf	:= -Ilibos/include

$(B)/tests/bench/bpf.o: TFLAGS += -Ikernel/pure
