/*
 * tlb.h - the TLB rule (tlb.c): after a call that narrows, moves or removes a
 * translation returns, no CPU can use the old one under any PCID.
 */
#ifndef TLB_H
#define TLB_H

#include "object.h"

#define NPCIDS		4096u

extern struct exo_pcid pcids[NPCIDS];	/* published */

/* One address of one domain's context, which nobody else shares. */
void tlb_page(uint32_t dom_index, uint64_t va);
/* Everything of one domain's context. */
void tlb_context(uint32_t dom_index);
/* Everything of every context: a shared table changed. */
void tlb_all(void);

/* What CR3 is for a domain: root, PCID, no-flush bit where it may be set. */
uint64_t tlb_cr3(const struct domain *d);

/* A dead domain's tag is unbound (and dirty); its cr3 becomes the kernel's. */
void pcid_drop(struct domain *d);

/* Take an allocated tag from its domain and its account. */
void pcid_release(uint32_t pcid);

/* Before any domain is made; PCIDs only if CR4.PCIDE is set. */
void tlb_boot(uint64_t kernel_cr3, bool has_pcid, bool has_invpcid);
/* A taken tag is free again; the domain that had it goes on with PCID 0. */
void pcid_release(uint32_t pcid);

extern uint64_t tlb_kernel_cr3;		/* the kernel's root, no user entries */
extern bool tlb_has_pcid, tlb_has_invpcid;

#endif
