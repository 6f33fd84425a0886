/*
 * hw.h - a CPU that caches all that it may, in place of kernel/hw.h.
 *
 * At every chance (touch) it walks the whole of the loaded context and keeps
 * every translation and every entry above, and it sets every A bit and, where
 * it could write, every D bit.  An instruction drops what the manual says that
 * it drops, and no more (SDM vol. 3A, 4.10.4).  What it keeps is a set: an old
 * and a new translation of one address are both there.
 *
 * hw_stale() then asks of every context that can still run: is each thing that
 * is kept for it granted by its tables as they are now?
 */
#ifndef HW_H
#define HW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <exo/pt.h>

#include "direct.h"

#define HW_TAGS		8u		/* PCIDs that the tests use */
#define HW_WIDE		4u		/* entries of a table that they use */
#define HW_SET		1024u		/* slots of a tag's set */
#define HW_NOFLUSH	(1ul << 63)

enum hw_mode { HW_PLAIN, HW_PCID, HW_INVPCID, HW_MODES };

/*
 * One thing kept: the translation of an address, or at level 1 to 3 the
 * address of the table that translates it from that level down.  `at` is the
 * address: its four indices, those below the level 0.
 */
struct hw_item {
	uint16_t at;
	uint8_t level, w, x, ppn;
};

struct hw_tag {
	uint32_t n;
	uint16_t slot[HW_SET];		/* hash: 1 + index of item */
	struct hw_item item[HW_SET / 2];
};

static struct hw_cpu {
	enum hw_mode mode;
	bool blind;			/* keeps nothing, sets no A, no D */
	uint64_t cr3;
	struct hw_tag tag[HW_TAGS];
} hw;

#define HW_AT(at, i, level)	((uint16_t)((at) | (i) << 3 * ((level) - 1)))
#define HW_INDEX(at, level)	((at) >> 3 * ((level) - 1) & 7)

static inline uint16_t
hw_at(uint64_t va)
{
	uint16_t at = 0;

	for (unsigned l = 1; l <= 4; l++)
		at = HW_AT(at, EXO_PT_INDEX(va, l), l);
	return at;
}

static inline void
hw_check(bool ok)
{
	if (!ok)
		abort();	/* #GP, or a test beyond the model */
}

static inline void
hw_drop_tag(uint32_t tag)
{
	hw_check(tag < HW_TAGS);
	memset(hw.tag[tag].slot, 0, sizeof(hw.tag[tag].slot));
	hw.tag[tag].n = 0;
}

static inline void
hw_drop_all(void)
{
	for (uint32_t i = 0; i < HW_TAGS; i++)
		hw_drop_tag(i);
}

static inline void
hw_keep(struct hw_tag *t, struct hw_item it)
{
	uint32_t h = (uint32_t)(it.at | it.level << 12 | it.w << 14 |
	    it.x << 15 | it.ppn << 16) * 2654435761u >> 22;
	struct hw_item *o;

	for (; t->slot[h % HW_SET] != 0; h++) {
		o = &t->item[t->slot[h % HW_SET] - 1];
		if (o->at == it.at && o->level == it.level && o->w == it.w &&
		    o->x == it.x && o->ppn == it.ppn)
			return;
	}
	hw_check(t->n < HW_SET / 2);
	t->item[t->n] = it;
	t->slot[h % HW_SET] = (uint16_t)++t->n;
}

/* Keep only what f allows. */
static inline void
hw_drop(uint32_t tag, bool (*drops)(const struct hw_item *, uint16_t),
    uint16_t at)
{
	static struct hw_tag old;
	struct hw_tag *t = &hw.tag[tag];

	hw_check(tag < HW_TAGS);
	old.n = t->n;
	memcpy(old.item, t->item, t->n * sizeof(old.item[0]));
	hw_drop_tag(tag);
	for (uint32_t i = 0; i < old.n; i++)
		if (!drops(&old.item[i], at))
			hw_keep(t, old.item[i]);
}

/* From one table down. */
static inline void
hw_walk(struct hw_tag *t, struct hw_item at)
{
	uint64_t *pt = page_kva(at.ppn);

	for (uint16_t i = 0; i < HW_WIDE; i++) {
		struct hw_item it = at;

		if ((pt[i] & EXO_PTE_P) == 0)
			continue;
		it.at = HW_AT(at.at, i, at.level);
		it.level--;
		it.w &= (pt[i] & EXO_PTE_W) != 0;
		it.x &= (pt[i] & EXO_PTE_NX) == 0;
		it.ppn = (uint8_t)EXO_PTE_PPN(pt[i]);
		hw_check(EXO_PTE_PPN(pt[i]) < NFRAMES);
		pt[i] |= EXO_PTE_A;
		if (it.level == 0 && it.w)
			pt[i] |= EXO_PTE_D;
		hw_keep(t, it);
		if (it.level > 0)
			hw_walk(t, it);
	}
}

/* Fill the TLB from the loaded tables, and from what it has of others. */
static inline void
hw_touch(void)
{
	struct hw_tag *t = &hw.tag[hw.cr3 & 0xfff];
	struct hw_item root = { .level = 4, .w = 1, .x = 1,
	    .ppn = (uint8_t)(hw.cr3 >> 12) };
	uint32_t n = t->n;

	if (hw.blind)
		return;
	hw_walk(t, root);
	for (uint32_t i = 0; i < n; i++)
		if (t->item[i].level > 0)
			hw_walk(t, t->item[i]);
}

/* Do a root's tables, as they are, grant this? */
static inline bool
hw_granted(exo_ppn root, const struct hw_item *it)
{
	struct hw_item now = { .w = 1, .x = 1 };
	exo_ppn t = root;
	uint64_t pte = 0;

	for (unsigned l = 4; l > it->level; l--) {
		const uint64_t *pt = page_kva(t);

		pte = pt[HW_INDEX(it->at, l)];
		if ((pte & (EXO_PTE_P | EXO_PTE_A)) !=
		    (EXO_PTE_P | EXO_PTE_A))
			return false;
		now.w &= (pte & EXO_PTE_W) != 0;
		now.x &= (pte & EXO_PTE_NX) == 0;
		t = EXO_PTE_PPN(pte);
	}
	return t == it->ppn && it->w <= now.w && it->x <= now.x &&
	    (it->level > 0 || !it->w || (pte & EXO_PTE_D) != 0);
}

/* What the context (root, tag) keeps without a right to, or NULL. */
static inline const struct hw_item *
hw_stale(exo_ppn root, uint32_t tag)
{
	const struct hw_tag *t = &hw.tag[tag];

	for (uint32_t i = 0; i < t->n; i++)
		if (!hw_granted(root, &t->item[i]))
			return &t->item[i];
	return NULL;
}

/*
 * The instructions.
 */

/* INVLPG drops all entries above, too, of the current PCID. */
static inline bool
hw_invlpg_drops(const struct hw_item *it, uint16_t at)
{
	return it->level > 0 || it->at == at;
}

static inline void
hw_invlpg(uint64_t va)
{
	hw_touch();
	hw_drop(hw.cr3 & 0xfff, hw_invlpg_drops, hw_at(va));
	hw_touch();
}

/* Of the entries above nothing is relied on here. */
static inline bool
hw_invpcid_drops(const struct hw_item *it, uint16_t at)
{
	return it->level == 0 && it->at == at;
}

static inline void
hw_invpcid(uint64_t type, uint64_t pcid, uint64_t va)
{
	hw_check(hw.mode == HW_INVPCID && type <= 3);
	hw_touch();
	if (type == 0)
		hw_drop((uint32_t)pcid, hw_invpcid_drops, hw_at(va));
	else if (type == 1)
		hw_drop_tag((uint32_t)pcid);
	else
		hw_drop_all();
	hw_touch();
}

static inline uint64_t
hw_cr3(void)
{
	return hw.cr3;
}

static inline void
hw_set_cr3(uint64_t v)
{
	hw_touch();
	if (hw.mode == HW_PLAIN)
		hw_check((v & (HW_NOFLUSH | 0xfff)) == 0);
	hw.cr3 = v & ~HW_NOFLUSH;
	if ((v & HW_NOFLUSH) == 0)
		hw_drop_tag(v & 0xfff);
	hw_touch();
}

static inline void
hw_flush_all(void)
{
	hw_touch();
	hw_drop_all();
	hw_touch();
}

#endif
