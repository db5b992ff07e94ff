/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/early_exit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BACK_MAX  24   /* instructions between the jump and the ret */
#define STACK_MAX 1024 /* branches that wait to be followed */

static void note_target(struct jump_map *map, const struct scan *scan, uint64_t target)
{
	const struct code_part *part = scan_part_of(scan, target);
	size_t index;

	if (part && code_part_index(part, target, &index) == 0)
		map->target[part - scan->parts][index] = true;
}

struct table_walk {
	struct jump_map *map;
	const struct scan *scan;
};

static void note_table_target(void *ctx, uint64_t target)
{
	struct table_walk *walk = ctx;

	note_target(walk->map, walk->scan, target);
}

static void map_part(struct code_space *space, const struct scan *scan,
		     const struct code_part *part, struct jump_map *map)
{
	struct table_walk walk = {map, scan};

	for (size_t i = 0; i < part->n; i++) {
		const struct insn *insn = &part->insns[i];

		if (insn->flow == INSN_FLOW_JUMP || insn->flow == INSN_FLOW_BRANCH)
			note_target(map, scan, insn->target);
		else if (insn->flow == INSN_FLOW_JUMP_INDIRECT &&
			 !switch_table_targets(space, scan, part, i, note_table_target, &walk))
			map->unknown = true;
	}
	/* Code before this part may run on into it. */
	if (part != scan->parts && part->n)
		map->target[part - scan->parts][0] = true;
}

int jump_map_make(struct code_space *space, const struct scan *scan, struct jump_map *map)
{
	memset(map, 0, sizeof(*map));
	for (size_t i = 0; i < scan->n_parts; i++) {
		map->target[i] = calloc(scan->parts[i].n + 1, sizeof(*map->target[i]));
		if (!map->target[i])
			return -ENOMEM;
	}
	for (size_t i = 0; i < scan->n_parts; i++)
		map_part(space, scan, &scan->parts[i], map);
	return 0;
}

void jump_map_free(struct jump_map *map)
{
	for (size_t i = 0; i < SCAN_PARTS_MAX; i++)
		free(map->target[i]);
	memset(map, 0, sizeof(*map));
}

/* A walk along all ways that the code can go. */
struct walk {
	const struct scan *scan;
	bool *seen[SCAN_PARTS_MAX];
	struct {
		size_t part, index;
	} stack[STACK_MAX];
	size_t depth;
	bool lost; /* it may go anywhere */
};

static void push(struct walk *walk, size_t part, size_t index)
{
	if (walk->seen[part][index])
		return;
	if (walk->depth == STACK_MAX) {
		walk->lost = true;
		return;
	}
	walk->seen[part][index] = true;
	walk->stack[walk->depth].part = part;
	walk->stack[walk->depth++].index = index;
}

/* A jump out of the function ends the walk, as a return does. */
static void push_address(struct walk *walk, uint64_t vaddr)
{
	const struct code_part *part = scan_part_of(walk->scan, vaddr);
	size_t index;

	if (!part)
		return;
	if (code_part_index(part, vaddr, &index) == 0)
		push(walk, (size_t)(part - walk->scan->parts), index);
	else
		walk->lost = true;
}

static void push_next(struct walk *walk, const struct code_part *part, size_t index)
{
	if (index + 1 < part->n)
		push(walk, (size_t)(part - walk->scan->parts), index + 1);
	else if (part->insns[index].flow != INSN_FLOW_CALL)
		push_address(walk, part->range.end);
}

static void step(struct walk *walk, const struct code_part *part, size_t index)
{
	const struct insn *insn = &part->insns[index];

	switch (insn->flow) {
	case INSN_FLOW_RET:
	case INSN_FLOW_STOP:
		return;
	case INSN_FLOW_JUMP_INDIRECT:
		walk->lost = true;
		return;
	case INSN_FLOW_JUMP:
		push_address(walk, insn->target);
		return;
	case INSN_FLOW_BRANCH:
		push_address(walk, insn->target);
		push_next(walk, part, index);
		return;
	case INSN_FLOW_NEXT:
	case INSN_FLOW_CALL:
	case INSN_FLOW_CALL_INDIRECT:
	case INSN_FLOW_SYSCALL:
		push_next(walk, part, index);
		return;
	}
}

/* Can the code come back to the jump after taking it? */
static bool comes_round(struct code_space *space, const struct scan *scan, size_t part, size_t jump)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	bool round = true;

	if (!walk)
		return true;
	walk->scan = scan;
	for (size_t i = 0; i < scan->n_parts; i++) {
		walk->seen[i] = calloc(scan->parts[i].n + 1, sizeof(*walk->seen[i]));
		walk->lost |= !walk->seen[i];
	}
	if (!walk->lost)
		push_address(walk, scan->parts[part].insns[jump].target);
	while (walk->depth && !walk->lost && code_work(space, WORK_INSN / 8)) {
		walk->depth--;
		step(walk, &scan->parts[walk->stack[walk->depth].part],
		     walk->stack[walk->depth].index);
	}
	if (!walk->lost && !walk->depth)
		round = walk->seen[part][jump];
	for (size_t i = 0; i < scan->n_parts; i++)
		free(walk->seen[i]);
	free(walk);
	return round;
}

/* May this instruction lie between the jump and the ret?  Adds what it takes off the stack. */
static bool harmless(const struct insn *insn, bool need_ret, int32_t *sp_delta)
{
	if (insn->flow != INSN_FLOW_NEXT || (need_ret && insn->writes_ret))
		return false;
	switch (insn->sp) {
	case INSN_SP_SAME:
		return true;
	case INSN_SP_ADD:
		*sp_delta += insn->sp_change;
		return insn->sp_change > 0 && *sp_delta < INT32_MAX / 4;
	case INSN_SP_SAVE_FP:
	case INSN_SP_LEAVE:
	case INSN_SP_FROM_FP:
	case INSN_SP_OTHER:
		break;
	}
	return false;
}

/* The unwinder's word on the depth, where it has one. */
static bool depth_agrees(struct code_space *space, const struct code_part *part, size_t index,
			 int32_t sp_delta)
{
	struct stack_depth depth;

	code_depth_at(space, part, part->insns[index].addr, &depth);
	return !depth.known || depth.depth == sp_delta;
}

bool early_exit_find(struct code_space *space, const struct scan *scan, const struct jump_map *map,
		     size_t part_index, size_t ret, bool need_ret, struct early_exit *out)
{
	const struct code_part *part = &scan->parts[part_index];
	int32_t sp_delta = 0;

	if (map->unknown)
		return false;
	for (size_t back = 1; back <= BACK_MAX && back <= ret; back++) {
		const struct insn *insn = &part->insns[ret - back];

		if (map->target[part_index][ret - back + 1])
			return false;
		if (insn->flow == INSN_FLOW_BRANCH) {
			if (insn->cls != INSN_CLASS_JCC || part->probed[ret - back] ||
			    !depth_agrees(space, part, ret - back, sp_delta) ||
			    comes_round(space, scan, part_index, ret - back))
				return false;
			*out = (struct early_exit){ret - back, sp_delta};
			return true;
		}
		if (!harmless(insn, need_ret, &sp_delta))
			return false;
	}
	return false;
}
