# peers.mk - what other kernels cost on the machine that ours is measured on.
#
# `make bench-peers` boots Debian's cloud kernel three times (as it is, with
# mitigations=off, and so on a CPU without fast string instructions too), runs
# tools/peers/linux/init.c there, runs `make bench`, and puts both side by side
# with the ratio.  Debian's kernel is downloaded with apt-get for this target
# alone and is not installed.

PEERS	:= $(B)/peers
LINUX	:= $(PEERS)/vmlinuz $(PEERS)/initrd.gz
PEER_JSON := $(PEERS)/linux.json $(PEERS)/linux-nomitigations.json \
	   $(PEERS)/linux-noerms.json

.PHONY: bench-peers
bench-peers: $(PEER_JSON) bench
	@tools/peers/table --json $(PEERS)/table.json $(B)/bench.json \
	    $(PEER_JSON)

$(PEERS)/vmlinuz: tools/peers/linux/fetch
	@mkdir -p $(@D)
	tools/peers/linux/fetch $@

$(PEERS)/init: tools/peers/linux/init.c mk/peers.mk
	@mkdir -p $(@D)
	$(HOSTCC) -O2 -Wall -Werror -static -pthread -s -o $@ $<

$(PEERS)/tiny: tools/peers/linux/tiny.S mk/peers.mk
	@mkdir -p $(@D)
	$(HOSTCC) -nostdlib -static -no-pie -s -Wl,--build-id=none -o $@ $<

$(PEERS)/initrd.gz: tools/peers/linux/initrd $(PEERS)/init $(PEERS)/tiny
	tools/peers/linux/initrd $@ $(PEERS)/init $(PEERS)/tiny

$(PEERS)/linux.json: $(LINUX) tools/peers/linux/run
	tools/peers/linux/run $(LINUX) $@

$(PEERS)/linux-nomitigations.json: $(LINUX) tools/peers/linux/run
	tools/peers/linux/run $(LINUX) $@ mitigations=off

$(PEERS)/linux-noerms.json: $(LINUX) tools/peers/linux/run
	CPU=max,-erms,-fsrm tools/peers/linux/run $(LINUX) $@ mitigations=off
