# Pollux: the one Makefile.  `make help` lists the targets;
# docs/building.md says what they do.
#
# Everything is built under build/.  CHECK=1 builds the kernel with run-time
# checks under build/check/; user programs are the same for both.

CROSS	?= x86_64-linux-gnu-
CC	:= $(CROSS)gcc
LD	:= $(CROSS)ld
AR	:= $(CROSS)ar
NM	:= $(CROSS)nm
STRIP	:= $(CROSS)strip
NASM	?= nasm
HOSTCC	?= gcc
APPEND	?=

# V=1 shows whole commands, make -s nothing.
Q	:= $(if $(V),,@)
SILENT	:= $(findstring s,$(firstword -$(MAKEFLAGS)))
say	= $(if $(V)$(SILENT),,@echo '  $1	$(@:$(CURDIR)/%=%)')

B	:= build
K	:= $(B)$(if $(CHECK),/check)

MAKEFLAGS += -r
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc 2>/dev/null || echo 1)
endif
export LC_ALL := C
export CROSS
export SOURCE_DATE_EPOCH := 1704067200

.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all qemu debug test iso clean setup help FORCE

all:

# ---------------------------------------------------------------- flags
WARN	:= -Wall -Wextra -Werror
COMMON	:= -std=gnu11 -O2 -g $(WARN) -ffreestanding -fno-pic -fno-pie \
	   -fno-stack-protector -fno-strict-aliasing -fno-common \
	   -fno-asynchronous-unwind-tables -ffile-prefix-map=$(CURDIR)=. \
	   -fcf-protection=none
# Code that interrupts other code: no red zone, no vector registers.
QUIET	:= -mno-red-zone -mgeneral-regs-only
# Back-traces are found by scanning the stack, so no frame pointers.
KFLAGS	:= $(COMMON) $(QUIET) -mcmodel=kernel -fomit-frame-pointer \
	   -Ikernel -Ikernel/abi \
	   $(if $(CHECK),-DCHECK -fsanitize=undefined)
LFLAGS	:= $(COMMON) $(QUIET) -Ilibos/include -Ilibos -Ikernel/abi \
	   -Ikernel/pure
UFLAGS	:= $(COMMON) -Ilibos/include -Ikernel/abi
BFLAGS	:= $(COMMON) -Ikernel/abi
TFLAGS	:= $(UFLAGS) -Itests/guest/lib
HFLAGS	:= -std=gnu11 -O1 -g $(WARN) -fsanitize=address,undefined \
	   -fno-sanitize-recover=all -fno-omit-frame-pointer \
	   -Ikernel/pure -Ikernel/abi -Itests/host
# No -g: NASM would write the build's folder into the kernel.
NFLAGS	:= -f elf64 --reproducible -Werror -w+all -Ikernel/ \
	   $(if $(CHECK),-DCHECK)
KLD	:= -n -static -T linker.ld -z noexecstack --build-id=none
ULD	:= -static -nostdlib -Ttext-segment=0x400000 -z max-page-size=4096 \
	   -z separate-code -z norelro -z noexecstack --build-id=none

# ---------------------------------------------------------------- sources
KSRC	:= $(filter-out kernel/offsets.c,$(wildcard kernel/*.c)) \
	   $(wildcard kernel/dev/*.c) $(wildcard kernel/pure/*.c)
ifeq ($(CHECK),)
KSRC	:= $(filter-out kernel/ubsan.c kernel/check%.c,$(KSRC))
endif
KASM	:= $(wildcard boot/*.asm) $(wildcard kernel/*.asm)
ifneq ($(wildcard kernel/entry.asm),)
KASM	:= $(filter-out kernel/entry_tmp.asm,$(KASM))
endif
KOBJ	:= $(KSRC:%.c=$(K)/%.o) $(KASM:%.asm=$(K)/%.asm.o)
PURE	:= $(wildcard kernel/pure/*.c)
LSRC	:= $(filter-out libos/offsets.c %.bpf.c libos/image/% libos/sdk/%, \
	   $(wildcard libos/*.c) $(wildcard libos/*/*.c))
LASM	:= $(filter-out libos/image/%,$(wildcard libos/*.asm) \
	   $(wildcard libos/*/*.asm))
LOBJ	:= $(LSRC:%.c=$(B)/%.o) $(LASM:%.asm=$(B)/%.asm.o) \
	   $(PURE:%.c=$(B)/libos/%.o)
TLIB	:= $(patsubst %.c,$(B)/%.o,$(wildcard tests/guest/lib/*.c))
HLIB	:= $(patsubst %.c,$(B)/%.o,$(wildcard tests/host/lib/*.c)) \
	   $(PURE:%.c=$(B)/hostpure/%.o)
USER	:= $(basename $(filter-out %.bpf.c,$(wildcard user/*.c)))
BARE	:= $(basename $(filter-out %.bpf.c,$(wildcard user/bare/*.c)))
GUEST	:= $(basename $(filter-out %.bpf.c,$(wildcard tests/guest/*.c)))
BENCH	:= $(basename $(filter-out %.bpf.c,$(wildcard tests/bench/*.c)))
BLIB	:= $(patsubst %.c,$(B)/%.o,$(wildcard tests/bench/lib/*.c))
BCHILD	:= $(basename $(filter-out %.bpf.c,$(wildcard tests/bench/child/*.c)))
HOST	:= $(basename $(notdir $(filter-out %.bpf.c,\
	   $(wildcard tests/host/*.c))))
HOSTPY	:= $(wildcard tests/host/*.py)
ELFS	:= $(patsubst %,$(B)/%.elf,$(USER) $(BARE) $(GUEST) $(BENCH) \
	   $(BCHILD))
ROOT	:= $(if $(wildcard user/root),$(shell find user/root -type f | sort))

KERNEL	:= $(K)/pollux.elf
ARCHIVE	:= $(B)/archive.cpio
ISO	:= $(K)/pollux.iso
SETUP	:= $(B)/.setup

# ---------------------------------------------------------------- targets
all: $(KERNEL) $(ARCHIVE)

help:
	@echo 'all      the kernel and the archive of programs (default)'
	@echo 'qemu     boot them on this terminal; Ctrl-A X ends it'
	@echo 'run      boot into APP=file.c, or a directory, ARGS="..."'
	@echo 'debug    boot them under gdb'
	@echo 'test     host and guest tests'
	@echo 'iso      a CD image for BIOS and UEFI'
	@echo 'setup    install what any target needs'
	@echo 'clean    remove build/'
	@echo 'CHECK=1  with checks; V=1; ACCEL=kvm; APPEND="shell=no"; OVERLAY=dir'

RUN	= tools/run --kernel $(KERNEL) --archive $(ARCHIVE) \
	  $(if $(APPEND),--append '$(APPEND)')

qemu: $(KERNEL) $(ARCHIVE)
	@$(RUN)

debug: $(KERNEL) $(ARCHIVE)
	@$(RUN) --debug

test: $(KERNEL) $(ARCHIVE) $(ISO) $(HOST:%=$(B)/host/%)
	@KERNEL=$(KERNEL) ARCHIVE=$(ARCHIVE) ISO=$(ISO) \
	    tools/test --kernel $(KERNEL) --archive $(ARCHIVE) \
	    $(if $(CHECKED),--check $(CHECKED)) \
	    $(foreach t,$(HOST),--host $(B)/host/$t) \
	    $(foreach t,$(HOSTPY),--host $t) \
	    $(foreach t,$(GUEST),--guest $t.c) \
	    $(foreach t,$(LTEST:%=%.c) $(LSCRIPT),--linux $t)

iso: $(ISO)

setup:
	@tools/setup --all

clean:
	rm -rf $(B)

# Every compilation waits for this; it is made once.
$(SETUP): tools/setup
	@tools/setup
	@mkdir -p $(@D) && touch $@

# $(call list,FILE,WORDS): FILE changes only when WORDS do, so that what was
# made from a list of files is made again when one goes away.
list = @mkdir -p $(@D); echo '$1' | cmp -s - $@ || echo '$1' > $@

# ---------------------------------------------------------------- kernel
$(K)/kernel.list: FORCE
	$(call list,$(KOBJ))

# Two links: the second holds the symbols of the first (tools/ksyms).  The
# symbols come after the text, so they do not move what they name.
$(K)/ksyms.0.asm: tools/ksyms | $(SETUP)
	@mkdir -p $(@D)
	$(Q)tools/ksyms </dev/null >$@

$(K)/ksyms.1.asm: $(K)/pollux.0.elf tools/ksyms
	$(Q)$(NM) $< | tools/ksyms >$@

$(K)/ksyms.%.o: $(K)/ksyms.%.asm
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 -o $@ $<

$(K)/pollux.0.elf: $(KOBJ) $(K)/ksyms.0.o linker.ld $(K)/kernel.list
	$(call say,LD)
	$(Q)$(LD) $(KLD) -o $@ $(KOBJ) $(K)/ksyms.0.o

$(KERNEL): $(K)/pollux.0.elf $(K)/ksyms.1.o
	$(call say,LD)
	$(Q)$(LD) $(KLD) -o $@ $(KOBJ) $(K)/ksyms.1.o

$(K)/boot/%.asm.o: boot/%.asm Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) $(NFLAGS) -I$(K)/ -MD $(@:.o=.d) -MP -o $@ $<

$(K)/kernel/%.asm.o: kernel/%.asm Makefile $(K)/offsets.inc | $(SETUP)
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) $(NFLAGS) -I$(K)/ -MD $(@:.o=.d) -MP -o $@ $<

$(K)/kernel/%.o: kernel/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(KFLAGS) -MMD -MP -c -o $@ $<

# Constants for assembly: each line `->NAME VALUE` that an offsets.c leaves in
# its assembly output becomes a definition in offsets.inc.
# $(call offsets,FOLDER,SOURCE,FLAGS)
define offsets
$1/offsets.s: $2 Makefile | $(SETUP)
	@mkdir -p $$(@D)
	$$(Q)$(if $2,$(CC) $(filter-out -g -fsanitize%,$3) -MMD -MP -MT $$@ \
	    -MF $1/offsets.d -S -o $$@ $$<,: >$$@)

$1/offsets.inc: $1/offsets.s
	$$(Q)sed -n '$$(OFFSET_LINE)' $$< >$$@
endef
NAME	:= \([A-Za-z_0-9]*\)
VALUE	:= [$$]*\(-\{0,1\}[0-9][0-9]*\)
OFFSET_LINE := s/.*->$(NAME) $(VALUE).*/%define \1 \2/p
$(eval $(call offsets,$(K),$(wildcard kernel/offsets.c),$(KFLAGS)))
$(eval $(call offsets,$(B)/libos,$(wildcard libos/offsets.c),$(LFLAGS)))

# ---------------------------------------------------------------- userland
$(B)/libos/kernel/pure/%.o: kernel/pure/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LFLAGS) -MMD -MP -c -o $@ $<

$(B)/libos/%.o: libos/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(LFLAGS) -MMD -MP -c -o $@ $<

$(B)/libos/%.asm.o: libos/%.asm Makefile $(B)/libos/offsets.inc | $(SETUP)
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) $(NFLAGS) -I$(B)/libos/ -Ilibos/ -MD $(@:.o=.d) -MP -o $@ $<

$(B)/libos.list: FORCE
	$(call list,$(LOBJ))

$(B)/libos.a: $(LOBJ) $(B)/libos.list
	@rm -f $@
	$(call say,AR)
	$(Q)$(AR) rcsD $@ $(LOBJ)

$(B)/user/bare/%.o: user/bare/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(BFLAGS) -MMD -MP -c -o $@ $<

$(B)/user/%.o: user/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(UFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/guest/%.o: tests/guest/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(TFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/bench/%.o: tests/bench/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(TFLAGS) -Itests/bench/lib -MMD -MP -c -o $@ $<

$(B)/user/bare/%.elf: $(B)/user/bare/%.o
	$(call say,LD)
	$(Q)$(LD) $(ULD) -o $@ $<

$(B)/user/%.elf: $(B)/user/%.o $(B)/libos.a
	$(call say,LD)
	$(Q)$(LD) $(ULD) -o $@ $^

$(B)/tests/guest/%.elf: $(B)/tests/guest/%.o $(TLIB) $(B)/libos.a
	$(call say,LD)
	$(Q)$(LD) $(ULD) -o $@ $^

$(B)/tests/bench/child/%.elf: $(B)/tests/bench/child/%.o $(B)/libos.a
	$(call say,LD)
	$(Q)$(LD) $(ULD) -o $@ $^

$(B)/tests/bench/%.elf: $(B)/tests/bench/%.o $(BLIB) $(TLIB) $(B)/libos.a
	$(call say,LD)
	$(Q)$(LD) $(ULD) -o $@ $^

# ---------------------------------------------------------------- archive
$(B)/archive.list: FORCE
	$(call list,$(ELFS) $(ROOT))

# Castor's image does not take these for Linux's (libos/image/load.c).
native = $(STRIP) -o $2 $1 && $(CROSS)elfedit --output-abiversion 80 $2

# cpio sees sorted names, one time and fixed modes: same in, same out.
# ARCHIVE_FILES: NAME=FILE, programs to be taken as they are; ARCHIVE_LINKS:
# NAME=TARGET, symbolic links where no program is (mk/*.mk).
$(ARCHIVE): $(ELFS) $(ROOT) $(B)/archive.list
	@rm -rf $(B)/root
	@mkdir -p $(B)/root/bin $(B)/root/test $(B)/root/bench
	@for f in $(filter $(B)/user/%,$(ELFS)); do \
	    $(call native,$$f,$(B)/root/bin/$$(basename $$f .elf)) || exit 1; \
	done
	@for f in $(filter $(B)/tests/bench/%,$(ELFS)); do \
	    $(call native,$$f,$(B)/root/bench/$$(basename $$f .elf)) || exit 1; \
	done
	@for f in $(filter $(B)/tests/guest/%,$(ELFS)); do \
	    $(call native,$$f,$(B)/root/test/$$(basename $$f .elf)) || exit 1; \
	done
	@for f in $(ARCHIVE_FILES); do \
	    mkdir -p $(B)/root/$$(dirname $${f%%=*}) && \
	    cp -L $${f#*=} $(B)/root/$${f%%=*} || exit 1; \
	done
	@for l in $(ARCHIVE_LINKS); do \
	    test -e $(B)/root/$${l%%=*} || \
	    ln -s $${l#*=} $(B)/root/$${l%%=*} || exit 1; \
	done
	@$(if $(ROOT),cp -R user/root/. $(B)/root/)
	@find $(B)/root -type d -exec chmod 755 {} +
	@find $(B)/root -type f -perm /111 -exec chmod 755 {} +
	@find $(B)/root -type f ! -perm /111 -exec chmod 644 {} +
	@find $(B)/root -exec touch -h -d @0 {} +
	$(call say,CPIO)
	$(Q)cd $(B)/root && find . -mindepth 1 | sed 's|^\./||' | sort | \
	    cpio --quiet -o -H newc --reproducible -R 0:0 >$(CURDIR)/$@

# ---------------------------------------------------------------- host tests
$(B)/hostpure/kernel/pure/%.o: kernel/pure/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,HOSTCC)
	$(Q)$(HOSTCC) $(HFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/host/%.o: tests/host/%.c Makefile | $(SETUP)
	@mkdir -p $(@D)
	$(call say,HOSTCC)
	$(Q)$(HOSTCC) $(HFLAGS) -MMD -MP -c -o $@ $<

$(B)/host/%: $(B)/tests/host/%.o $(HLIB)
	@mkdir -p $(@D)
	$(call say,HOSTCC)
	$(Q)$(HOSTCC) $(HFLAGS) -o $@ $^

# ---------------------------------------------------------------- CD image
$(K)/grub.cfg: boot/grub.cfg FORCE
	@mkdir -p $(@D)
	@sed 's|@APPEND@|$(APPEND)|' $< | cmp -s - $@ || \
	    sed 's|@APPEND@|$(APPEND)|' $< >$@

$(ISO): $(KERNEL) $(ARCHIVE) $(K)/grub.cfg
	@rm -rf $(K)/iso && mkdir -p $(K)/iso/boot/grub
	@$(STRIP) -o $(K)/iso/boot/pollux.elf $(KERNEL)
	@cp $(ARCHIVE) $(K)/iso/boot/archive.cpio
	@cp $(K)/grub.cfg $(K)/iso/boot/grub/grub.cfg
	$(call say,ISO)
	$(Q)grub-mkrescue -o $@ $(K)/iso >$(K)/iso.log 2>&1 || \
	    { cat $(K)/iso.log; exit 1; }

include $(wildcard mk/*.mk)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
