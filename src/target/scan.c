/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/scan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "target/insn_arch.h"
#include "target/unwind.h"

#define LOCK_PREFIX 0xf0

struct scan_run {
	struct code_space *space;
	struct code_object *code;
	struct scan *scan;
};

const struct code_part *scan_part_of(const struct scan *scan, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < scan->n_parts; i++)
		if (vaddr >= scan->parts[i].range.start && vaddr < scan->parts[i].range.end)
			return &scan->parts[i];
	return NULL;
}

void scan_free(struct scan *scan)
{
	size_t i;

	for (i = 0; i < scan->n_parts; i++)
		code_part_free(&scan->parts[i]);
	scan->n_parts = 0;
}

static int add_part(struct scan_run *run, const struct code_range *range)
{
	struct scan *scan = run->scan;
	int err;

	if (scan->n_parts == SCAN_PARTS_MAX) {
		snprintf(scan->reason, sizeof(scan->reason), "it has more than %d split parts",
			 SCAN_PARTS_MAX);
		return -EOPNOTSUPP;
	}
	err = code_part_load(run->space, run->code, range, &scan->parts[scan->n_parts],
			     scan->reason, sizeof(scan->reason));
	if (!err)
		scan->n_parts++;
	return err;
}

static int add_tail(struct scan_run *run, enum tail_kind kind, uint64_t vaddr, uint64_t from)
{
	struct scan *scan = run->scan;
	size_t i;

	for (i = 0; i < scan->n_tails; i++)
		if (scan->tails[i].kind == kind && scan->tails[i].vaddr == vaddr)
			return 0;
	if (scan->n_tails == SCAN_TAILS_MAX) {
		snprintf(scan->reason, sizeof(scan->reason), "it has more than %d tail jumps",
			 SCAN_TAILS_MAX);
		return -EOPNOTSUPP;
	}
	scan->tails[scan->n_tails++] = (struct tail_jump){kind, vaddr, from};
	return 0;
}

static void note_target(void *ctx, uint64_t target)
{
	struct scan *scan = ctx;
	uint64_t entry = scan->parts[0].range.start;

	if (target == entry)
		scan->entry_is_target = true;
	else if (target > entry && target < scan->first_target)
		scan->first_target = target;
}

/* A jump inside the function must meet an instruction: else it was not decoded as it runs. */
static int internal_jump(struct scan_run *run, const struct code_part *part, uint64_t target)
{
	size_t index;

	note_target(run->scan, target);
	if (code_part_index(part, target, &index) == 0)
		return 0;
	/* glibc jumps over the lock prefix when the process has one thread. */
	if (code_part_index(part, target - 1, &index) == 0 &&
	    part->insns[index].bytes[0] == LOCK_PREFIX)
		return 0;
	snprintf(run->scan->reason, sizeof(run->scan->reason),
		 "it jumps into the middle of an instruction (+0x%" PRIx64 ")",
		 target - run->scan->parts[0].range.start);
	return -EOPNOTSUPP;
}

static bool plt_slot(struct scan_run *run, uint64_t vaddr, uint64_t *slot)
{
	uint8_t code[32];

	return elf_file_read_vaddr(&run->code->elf, vaddr, code, sizeof(code)) == 0 &&
	       INSN_ARCH_HOST->plt_slot(run->space->dec, code, sizeof(code), vaddr, slot);
}

/* Does the code at vaddr expect the stack as at a function's entry? */
static bool expects_frame(struct code_object *code, uint64_t vaddr, bool *starts_range)
{
	struct unwind_range range;
	struct unwind_cfa cfa;

	*starts_range = true;
	if (!code->unwind || unwind_table__find(code->unwind, vaddr, &range) != 0)
		return false;
	*starts_range = range.start == vaddr;
	if (unwind_table__cfa(code->unwind, &range, vaddr, &cfa) != 0 || !cfa.known)
		return false;
	return cfa.from_fp || cfa.offset != INSN_ARCH_HOST->entry_cfa;
}

/*
 * A direct jump out of what is known of the function: a tail jump, or the way into a part that the
 * compiler split off. A split part continues a frame, so its frame is already built at the target,
 * or the jump leaves from within a frame.
 */
static int leaving_jump(struct scan_run *run, const struct code_part *part, uint64_t from,
			uint64_t target)
{
	struct stack_depth depth;
	struct code_range range;
	bool frame, starts_range;
	uint64_t slot;
	int err;

	if (plt_slot(run, target, &slot))
		return add_tail(run, TAIL_SLOT, slot, from);
	code_depth_at(run->space, part, from, &depth);
	(void)code_work(run->space, WORK_CFA);
	frame = expects_frame(run->code, target, &starts_range);
	if (!frame && depth.known && depth.depth == 0)
		return add_tail(run, TAIL_DIRECT, target, from);
	if (!frame && !depth.in_frame && starts_range)
		return add_tail(run, TAIL_DIRECT, target, from);
	err = code_range_at(run->code, target, &range);
	if (err) {
		snprintf(run->scan->reason, sizeof(run->scan->reason),
			 "it jumps to 0x%" PRIx64 ", of which nothing is known", target);
		return -EOPNOTSUPP;
	}
	err = add_part(run, &range);
	if (err)
		return err;
	part = scan_part_of(run->scan, target);
	return part ? internal_jump(run, part, target) : -EPROTO;
}

static int direct_jump(struct scan_run *run, const struct code_part *part, uint64_t from,
		       uint64_t target)
{
	const struct code_part *inside = scan_part_of(run->scan, target);

	return inside ? internal_jump(run, inside, target) : leaving_jump(run, part, from, target);
}

static int indirect_jump(struct scan_run *run, const struct code_part *part, size_t index)
{
	const struct insn *insn = &part->insns[index];
	struct stack_depth depth;

	if (switch_table_targets(run->space, run->scan, part, index, note_target, run->scan, NULL))
		return 0;
	code_depth_at(run->space, part, insn->addr, &depth);
	if (depth.in_frame) /* a tail call would have taken its frame down */
		return 0;
	if (insn->has_mem_addr && !insn->mem_indexed)
		return add_tail(run, TAIL_SLOT, insn->mem_addr, insn->addr);
	return add_tail(run, TAIL_UNKNOWN, 0, insn->addr);
}

/* Code whose last instruction goes on behind its end continues there, as by a jump. */
static int fall_through(struct scan_run *run, const struct code_part *part)
{
	size_t i = part->n;
	enum insn_flow flow;

	while (i > 0 && part->insns[i - 1].is_nop)
		i--;
	if (i == 0)
		return 0;
	flow = part->insns[i - 1].flow;
	/* A call at the end does not return. */
	if (flow != INSN_FLOW_NEXT && flow != INSN_FLOW_BRANCH)
		return 0;
	return direct_jump(run, part, part->insns[i - 1].addr, part->range.end);
}

static int scan_part(struct scan_run *run, const struct code_part *part)
{
	size_t i;
	int err = 0;

	for (i = 0; i < part->n && !err; i++) {
		const struct insn *insn = &part->insns[i];

		if (insn->flow == INSN_FLOW_JUMP || insn->flow == INSN_FLOW_BRANCH)
			err = direct_jump(run, part, insn->addr, insn->target);
		else if (insn->flow == INSN_FLOW_JUMP_INDIRECT)
			err = indirect_jump(run, part, i);
		if (!err && run->space->work_left <= 0) {
			snprintf(run->scan->reason, sizeof(run->scan->reason),
				 "it takes too long to follow");
			err = -EOPNOTSUPP;
		}
	}
	return err ? err : fall_through(run, part);
}

int scan_function(struct code_space *space, struct code_object *code,
		  const struct code_range *range, struct scan *scan)
{
	struct scan_run run = {.space = space, .code = code, .scan = scan};
	size_t i;
	int err;

	memset(scan, 0, sizeof(*scan));
	scan->first_target = UINT64_MAX;
	err = add_part(&run, range);
	/* Parts are found while the earlier ones are read. */
	for (i = 0; i < scan->n_parts && !err; i++)
		err = scan_part(&run, &scan->parts[i]);
	return err;
}
