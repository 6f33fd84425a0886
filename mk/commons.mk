# commons.mk - the commons' pure part, for host tests: what libos/commons has
# but for the files that ask the kernel.
CM_KERNEL	:= main pages seats serve sweep
CM_PURE	:= $(filter-out $(CM_KERNEL:%=libos/commons/%.c) %.bpf.c, \
	   $(wildcard libos/commons/*.c))
CM_OBJ	:= $(patsubst %.c,$(B)/hostcommons/%.o,$(CM_PURE) libos/print.c)
CM_TEST	:= $(filter test_commons% test_fuzz_commons,$(HOST))
CM_FLAGS := -Ilibos/commons -Ilibos/include

$(B)/hostcommons/%.o: %.c Makefile mk/commons.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,HOSTCC)
	$(Q)$(HOSTCC) $(CM_FLAGS) $(HFLAGS) -MMD -MP -c -o $@ $<

$(CM_TEST:%=$(B)/tests/host/%.o): HFLAGS := $(CM_FLAGS) $(HFLAGS)
$(CM_TEST:%=$(B)/host/%): $(CM_OBJ)

FUZZ_SRC_commons = $(CM_PURE) libos/print.c
FUZZ_FLAGS_commons := $(CM_FLAGS)
