# image.mk - Castor's image: one ELF at fixed addresses, for all processes.

IMAGE	:= $(B)/castor.elf
IFLAGS	:= $(COMMON) $(QUIET) -fpie -fvisibility=hidden -Ilibos/include \
	   -Ilibos/image -Ikernel/abi -Ikernel/pure
ISRC	:= $(filter-out libos/image/offsets.c,$(wildcard libos/image/*.c)) \
	   libos/string.c libos/print.c libos/name.c \
	   kernel/pure/elf.c kernel/pure/cpio.c
IASM	:= $(wildcard libos/image/*.asm) libos/cross.asm
IOBJ	:= $(ISRC:%.c=$(B)/image/%.o) $(IASM:%.asm=$(B)/image/%.asm.o)

$(eval $(call offsets,$(B)/image,libos/image/offsets.c,$(IFLAGS)))

$(B)/image/%.o: %.c Makefile mk/image.mk | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(IFLAGS) -MMD -MP -c -o $@ $<

$(B)/image/%.asm.o: %.asm Makefile $(B)/image/offsets.inc | $(SETUP)
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) $(NFLAGS) -I$(B)/image/ -Ilibos/ -MD $(@:.o=.d) -MP -o $@ $<

# layout.h counts as C does; the linker's script wants bare numbers.
$(B)/image/image.ld: libos/image/image.ld libos/image/layout.h | $(SETUP)
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -xc -Ilibos/image -o $@.c $<
	$(Q)sed -E 's/\b(0x[0-9a-f]+|[0-9]+)ul?\b/\1/g' $@.c >$@

$(B)/image.list: FORCE
	$(call list,$(IOBJ))

$(IMAGE): $(IOBJ) $(B)/image/image.ld $(B)/image.list
	$(call say,LD)
	$(Q)$(LD) -n -static -T $(B)/image/image.ld -z noexecstack \
	    --build-id=none -o $@ $(IOBJ)

$(B)/image/castor.elf: $(IMAGE)
	$(Q)$(STRIP) -o $@ $<

ARCHIVE_FILES += lib/castor.elf=$(B)/image/castor.elf
$(ARCHIVE): $(B)/image/castor.elf
