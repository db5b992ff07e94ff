/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/musl_heap.h"

#include <errno.h>
#include <string.h>

#define UNIT	   16u
#define SLOTS_MAX  32u
#define PAGE_BYTES 4096u
/* The bytes of a slot that were not asked for: fewer, or their number is at the slot's end. */
#define RESERVED_LONG 5u
#define HEAD_BYTES    8u

/* How a group is described; this much of it. */
struct group_description {
	uint64_t prev, next, group;
	uint32_t available, freed;
	uint64_t flags; /* last slot: 5 bits; may be freed: 1; class: 6; pages mapped: the rest */
};

struct slot {
	uint32_t index, reserved;
	uint64_t group; /* address */
};

/* Sizes of slots by class, in units. */
static const uint16_t classes[] = {
	1,   2,	  3,   4,    5,	   6,	 7,    8,    9,	   10,	 12,   15,   18,   20,	 25,   31,
	36,  42,  50,  63,   72,   84,	 102,  127,  146,  170,	 204,  255,  292,  340,	 409,  511,
	584, 682, 818, 1023, 1169, 1364, 1637, 2047, 2340, 2730, 3276, 4095, 4680, 5460, 6552, 8191,
};
#define CLASSES (sizeof(classes) / sizeof(classes[0]))

/* False: no header of a block that is allocated. */
static bool read_header(uint64_t ptr, const uint8_t head[HEAD_BYTES], struct slot *slot)
{
	uint16_t near_units;
	uint32_t far_units;
	uint64_t units;

	memcpy(&near_units, head + 6, sizeof(near_units));
	memcpy(&far_units, head, sizeof(far_units));
	/* 6: the slot holds smaller slots; 7: the block in it begins further on, or it is free. */
	if (head[5] >> 5 > RESERVED_LONG || (ptr & 15))
		return false;
	units = near_units;
	if (head[4]) {
		if (near_units || far_units <= 0xffff)
			return false;
		units = far_units;
	}
	slot->index = head[5] & 31;
	slot->reserved = head[5] >> 5;
	slot->group = ptr - (units + 1) * UNIT;
	return true;
}

/*
 * Is the slot in use for that many bytes?  What of it is not asked for is written into its header,
 * or into its last bytes.
 */
static int is_size(const struct target_memory *memory, const struct block_check *block,
		   const struct group_description *group, const struct slot *slot, bool *is)
{
	uint32_t class = group->flags >> 6 & 63, reserved = slot->reserved;
	uint64_t pages = group->flags >> 12, bytes, end;
	int err = 0;

	*is = false;
	if (!(group->flags & (SLOTS_MAX - 1)) && pages)
		bytes = pages * PAGE_BYTES - UNIT;
	else if (class < CLASSES)
		bytes = (uint64_t)classes[class] * UNIT;
	else
		return 0;
	end = slot->group + UNIT + bytes * (slot->index + 1) - 4;
	if (reserved == RESERVED_LONG)
		err = target_memory_read(memory, end - 4, &reserved, sizeof(reserved));
	if (!err)
		*is = end - reserved - block->ptr == block->size_bytes;
	return err == -EFAULT ? 0 : err;
}

static int judge(const struct target_memory *memory, const struct block_check *block,
		 enum block_evidence *evidence)
{
	struct group_description group;
	uint8_t head[HEAD_BYTES];
	struct slot slot;
	bool fits = false;
	uint64_t at;
	int err = target_memory_read(memory, block->ptr - HEAD_BYTES, head, sizeof(head));

	*evidence = BLOCK_EVIDENCE_UNMAPPED;
	if (err)
		return err == -EFAULT ? 0 : err;
	*evidence = BLOCK_EVIDENCE_SLOT;
	if (!read_header(block->ptr, head, &slot))
		return 0;
	err = target_memory_read(memory, slot.group, &at, sizeof(at));
	if (!err)
		err = target_memory_read(memory, at, &group, sizeof(group));
	if (err)
		return err == -EFAULT ? 0 : err;
	if (group.group != slot.group || slot.index > (group.flags & (SLOTS_MAX - 1)) ||
	    ((group.available | group.freed) >> slot.index & 1))
		return 0;
	err = is_size(memory, block, &group, &slot, &fits);
	*evidence = fits ? BLOCK_EVIDENCE_NONE : BLOCK_EVIDENCE_REUSED;
	return err;
}

int musl_heap_check(struct musl_heap *heap, const struct target_memory *memory,
		    struct block_check *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = judge(memory, &blocks[i], &blocks[i].evidence);

		if (err)
			return err;
		heap->verified |= blocks[i].evidence == BLOCK_EVIDENCE_NONE;
	}
	for (size_t i = 0; i < n; i++) {
		blocks[i].state = blocks[i].evidence ? BLOCK_FREED : BLOCK_LIVE;
		if (heap->verified || blocks[i].evidence == BLOCK_EVIDENCE_UNMAPPED)
			continue;
		blocks[i].state = BLOCK_UNKNOWABLE;
		blocks[i].evidence = BLOCK_EVIDENCE_NONE;
	}
	return 0;
}
