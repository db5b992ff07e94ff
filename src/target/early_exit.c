/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/early_exit.h"

#include <stdlib.h>

#define BACK_MAX  24   /* instructions between a jump's target and the ret */
#define STACK_MAX 1024 /* branches that wait to be followed */

struct jump {
	uint64_t target;
	uint16_t part;
	uint32_t index;
};

struct jump_map {
	struct code_space *space;
	const struct scan *scan;
	struct jump *jumps; /* direct ones */
	size_t n;
	bool *by_table[SCAN_PARTS_MAX]; /* one an instruction: a switch may come here */
	bool *seen[SCAN_PARTS_MAX];	/* of one walk */
	bool unknown;			/* a jump of which nobody knows where it goes */
};

static void note_table_target(void *ctx, uint64_t target)
{
	struct jump_map *map = ctx;
	const struct code_part *part = scan_part_of(map->scan, target);
	size_t index;

	if (part && code_part_index(part, target, &index) == 0)
		map->by_table[part - map->scan->parts][index] = true;
	else
		map->unknown = true;
}

static void map_part(struct jump_map *map, size_t part_index)
{
	const struct code_part *part = &map->scan->parts[part_index];
	size_t index;

	for (size_t i = 0; i < part->n; i++) {
		const struct insn *insn = &part->insns[i];
		const struct code_part *to;
		bool whole;

		if (insn->flow == INSN_FLOW_JUMP_INDIRECT)
			map->unknown |= !switch_table_targets(map->space, map->scan, part, i,
							      note_table_target, map, &whole) ||
					!whole;
		if (insn->flow != INSN_FLOW_JUMP && insn->flow != INSN_FLOW_BRANCH)
			continue;
		/* Behind a lock prefix, as glibc jumps: not by these rules. */
		to = scan_part_of(map->scan, insn->target);
		map->unknown |= to && code_part_index(to, insn->target, &index);
		map->jumps[map->n++] =
			(struct jump){insn->target, (uint16_t)part_index, (uint32_t)i};
	}
}

struct jump_map *jump_map__new(struct code_space *space, const struct scan *scan)
{
	struct jump_map *map = calloc(1, sizeof(*map));
	size_t total = 0;
	bool failed;

	if (!map)
		return NULL;
	map->space = space;
	map->scan = scan;
	for (size_t i = 0; i < scan->n_parts; i++)
		total += scan->parts[i].n;
	map->jumps = calloc(total + 1, sizeof(*map->jumps));
	failed = !map->jumps;
	for (size_t i = 0; i < scan->n_parts; i++) {
		map->by_table[i] = calloc(scan->parts[i].n + 1, 1);
		map->seen[i] = calloc(scan->parts[i].n + 1, 1);
		failed |= !map->by_table[i] || !map->seen[i];
	}
	if (failed) {
		jump_map__free(map);
		return NULL;
	}
	for (size_t i = 0; i < scan->n_parts; i++)
		map_part(map, i);
	return map;
}

void jump_map__free(struct jump_map *map)
{
	if (!map)
		return;
	for (size_t i = 0; i < SCAN_PARTS_MAX; i++) {
		free(map->by_table[i]);
		free(map->seen[i]);
	}
	free(map->jumps);
	free(map);
}

/* A walk along all ways that the code can go. */
struct walk {
	struct jump_map *map;
	struct {
		size_t part, index;
	} stack[STACK_MAX];
	size_t depth;
	bool lost; /* it may go anywhere */
};

static void push(struct walk *walk, size_t part, size_t index)
{
	if (walk->map->seen[part][index])
		return;
	if (walk->depth == STACK_MAX) {
		walk->lost = true;
		return;
	}
	walk->map->seen[part][index] = true;
	walk->stack[walk->depth].part = part;
	walk->stack[walk->depth++].index = index;
}

/* A jump out of the function ends the walk, as a return does. */
static void push_address(struct walk *walk, uint64_t vaddr)
{
	const struct code_part *part = scan_part_of(walk->map->scan, vaddr);
	size_t index;

	if (!part)
		return;
	if (code_part_index(part, vaddr, &index) == 0)
		push(walk, (size_t)(part - walk->map->scan->parts), index);
	else
		walk->lost = true;
}

/* A call at the very end does not return. */
static void push_next(struct walk *walk, const struct code_part *part, size_t index)
{
	if (index + 1 < part->n)
		push(walk, (size_t)(part - walk->map->scan->parts), index + 1);
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

/* Can the code come back to the conditional jump after it went the way that is no exit? */
static bool comes_round(struct jump_map *map, const struct code_part *part, size_t jump,
			bool exit_when_taken)
{
	struct walk *walk = calloc(1, sizeof(*walk));
	bool round;

	if (!walk)
		return true;
	walk->map = map;
	for (size_t i = 0; i < map->scan->n_parts; i++)
		for (size_t j = 0; j < map->scan->parts[i].n; j++)
			map->seen[i][j] = false;
	if (exit_when_taken)
		push_next(walk, part, jump);
	else
		push_address(walk, part->insns[jump].target);
	while (walk->depth && !walk->lost && code_work(map->space, WORK_INSN / 8)) {
		walk->depth--;
		step(walk, &map->scan->parts[walk->stack[walk->depth].part],
		     walk->stack[walk->depth].index);
	}
	round = walk->lost || walk->depth || map->seen[part - map->scan->parts][jump];
	free(walk);
	return round;
}

/* May this instruction lie between the jumps and the ret?  Adds what it takes off the stack. */
static bool harmless(const struct insn *insn, struct exit_needs needs, int32_t *sp_delta)
{
	if (insn->flow != INSN_FLOW_NEXT || insn->repeats || (needs.ret && insn->writes_ret) ||
	    (needs.memory && insn->writes_memory))
		return false;
	if (insn->sp == INSN_SP_ADD) {
		*sp_delta += insn->sp_change;
		return insn->sp_change > 0 && *sp_delta < INT32_MAX / 4;
	}
	return insn->sp == INSN_SP_SAME;
}

/* The unwinder's word on the depth, where it has one. */
static bool depth_agrees(struct jump_map *map, const struct code_part *part, size_t index,
			 int32_t sp_delta)
{
	struct stack_depth depth;

	code_depth_at(map->space, part, part->insns[index].addr, &depth);
	return !depth.known || depth.depth == sp_delta;
}

/* One ret being looked at. */
struct search {
	struct jump_map *map;
	struct early_exit *out;
	size_t n;
	int32_t sp_delta; /* at the instruction that the search has come to */
};

/* A jump through which the ret is reached. */
static bool add_jump(struct search *s, const struct code_part *part, size_t index, bool taken)
{
	const struct insn *insn = &part->insns[index];
	bool always = insn->flow == INSN_FLOW_JUMP;

	if (insn->cls != (always ? INSN_CLASS_JMP : INSN_CLASS_JCC) || part->probed[index] ||
	    s->n == EARLY_EXITS_MAX || !depth_agrees(s->map, part, index, s->sp_delta) ||
	    (!always && comes_round(s->map, part, index, taken)))
		return false;
	s->out[s->n++] = (struct early_exit){
		.part = part,
		.index = index,
		.sp_delta = s->sp_delta,
		.when = always	? EARLY_ALWAYS
			: taken ? EARLY_TAKEN
				: EARLY_NOT_TAKEN,
	};
	return true;
}

static bool add_jumps_to(struct search *s, uint64_t vaddr)
{
	const struct jump_map *map = s->map;

	if (!code_work(map->space, (int64_t)map->n))
		return false;
	for (size_t i = 0; i < map->n; i++)
		if (map->jumps[i].target == vaddr &&
		    !add_jump(s, &map->scan->parts[map->jumps[i].part], map->jumps[i].index, true))
			return false;
	return true;
}

static bool falls_through(const struct insn *insn)
{
	return insn->flow != INSN_FLOW_JUMP && insn->flow != INSN_FLOW_JUMP_INDIRECT &&
	       insn->flow != INSN_FLOW_RET && insn->flow != INSN_FLOW_STOP;
}

/* Back from the ret, until no way into it is left that does not come through a jump. */
size_t early_exit_find(struct jump_map *map, size_t part_index, size_t ret, struct exit_needs needs,
		       struct early_exit out[EARLY_EXITS_MAX])
{
	const struct code_part *part = &map->scan->parts[part_index];
	struct search s = {.map = map, .out = out};

	if (map->unknown)
		return 0;
	for (size_t i = ret; i > 0 && i + BACK_MAX > ret; i--) {
		const struct insn *before = &part->insns[i - 1];

		if (map->by_table[part_index][i] || !add_jumps_to(&s, part->insns[i].addr))
			return 0;
		if (!falls_through(before))
			return s.n;
		if (before->flow == INSN_FLOW_BRANCH)
			return add_jump(&s, part, i - 1, false) ? s.n : 0;
		if (!harmless(before, needs, &s.sp_delta))
			return 0;
	}
	return 0;
}
