/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How deep the stack is at an instruction. Compilers describe every instruction in .eh_frame;
 * hand-written code without it is followed from its first byte on, straight and along forward
 * branches, which is enough for the leaf functions that such code is made of.
 */
#include <limits.h>
#include <stdlib.h>

#include "target/code.h"
#include "target/insn_arch.h"
#include "target/unwind.h"

#define UNKNOWN INT64_MIN

/* Depth after the instruction; fp is the depth that the frame pointer holds. */
static int64_t step(const struct insn *insn, int64_t depth, int64_t *fp)
{
	if (insn->sp == INSN_SP_SAVE_FP)
		*fp = depth;
	else if (insn->writes_fp && insn->sp != INSN_SP_LEAVE)
		*fp = UNKNOWN;
	switch (insn->sp) {
	case INSN_SP_SAME:
	case INSN_SP_SAVE_FP:
		return depth;
	case INSN_SP_ADD:
		return depth == UNKNOWN ? UNKNOWN : depth - insn->sp_change;
	case INSN_SP_LEAVE:
		return *fp == UNKNOWN ? UNKNOWN : *fp - 8;
	case INSN_SP_FROM_FP:
		return *fp == UNKNOWN ? UNKNOWN : *fp - insn->sp_change;
	default:
		return UNKNOWN;
	}
}

static bool ends_block(enum insn_flow flow)
{
	return flow == INSN_FLOW_JUMP || flow == INSN_FLOW_JUMP_INDIRECT || flow == INSN_FLOW_RET ||
	       flow == INSN_FLOW_STOP;
}

static void follow(const struct code_part *part, size_t wanted, struct stack_depth *out)
{
	int64_t *depth = malloc((part->n + 1) * sizeof(*depth)), now = 0, fp = UNKNOWN;
	size_t i, target;

	if (!depth)
		return;
	for (i = 0; i <= part->n; i++)
		depth[i] = UNKNOWN;
	depth[0] = 0;
	for (i = 0; i <= wanted && i < part->n; i++) {
		const struct insn *insn = &part->insns[i];

		if (depth[i] == UNKNOWN)
			depth[i] = now;
		now = step(insn, depth[i], &fp);
		if ((insn->flow == INSN_FLOW_JUMP || insn->flow == INSN_FLOW_BRANCH) &&
		    code_part_index(part, insn->target, &target) == 0 && target > i &&
		    depth[target] == UNKNOWN)
			depth[target] = now;
		if (ends_block(insn->flow))
			now = UNKNOWN;
	}
	out->known = depth[wanted] != UNKNOWN;
	out->depth = depth[wanted];
	out->in_frame = out->known && out->depth != 0;
	free(depth);
}

void code_depth_at(struct code_space *space, const struct code_part *part, uint64_t vaddr,
		   struct stack_depth *depth)
{
	struct unwind_range range;
	struct unwind_cfa cfa;
	size_t index;

	*depth = (struct stack_depth){0};
	if (!code_work(space, WORK_CFA))
		return;
	if (part->code->unwind && unwind_table__find(part->code->unwind, vaddr, &range) == 0) {
		if (unwind_table__cfa(part->code->unwind, &range, vaddr, &cfa) != 0 || !cfa.known)
			return;
		depth->known = !cfa.from_fp;
		depth->depth = cfa.from_fp ? 0 : cfa.offset - INSN_ARCH_HOST->entry_cfa;
		depth->in_frame = cfa.from_fp || depth->depth != 0;
		return;
	}
	if (code_part_index(part, vaddr, &index) == 0 && code_work(space, (int64_t)part->n * 16))
		follow(part, index, depth);
}
