/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/musl_heap.h"

#include <errno.h>
#include <string.h>

#define UNIT	   16u
#define SLOTS_MAX  32u
#define HEAD_BYTES 8u

/* How a group is described; this much of it. */
struct group_description {
	uint64_t prev, next, group;
	uint32_t available, freed;
	uint64_t flags; /* the five lowest bits: the last slot */
};

struct slot {
	uint32_t index;
	uint64_t group; /* address */
};

/* False: no header of a block that is allocated. */
static bool read_header(uint64_t ptr, const uint8_t head[HEAD_BYTES], struct slot *slot)
{
	uint16_t near_units;
	uint32_t far_units;
	uint64_t units;

	memcpy(&near_units, head + 6, sizeof(near_units));
	memcpy(&far_units, head, sizeof(far_units));
	if (head[5] == 255 || (ptr & 15))
		return false;
	units = near_units;
	if (head[4]) {
		if (near_units || far_units <= 0xffff)
			return false;
		units = far_units;
	}
	slot->index = head[5] & 31;
	slot->group = ptr - (units + 1) * UNIT;
	return true;
}

static int judge(const struct target_memory *memory, const struct block_check *block,
		 enum block_evidence *evidence)
{
	struct group_description group;
	uint8_t head[HEAD_BYTES];
	struct slot slot;
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
	if (group.group == slot.group && slot.index <= (group.flags & (SLOTS_MAX - 1)) &&
	    !((group.available | group.freed) >> slot.index & 1))
		*evidence = BLOCK_EVIDENCE_NONE;
	return 0;
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
