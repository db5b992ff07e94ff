/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is an indirect jump a switch? Compilers write
 *	lea T(%rip),%rB ; movslq (%rB,%rI,4),%rX ; add %rB,%rX ; jmp *%rX	(position
 *independent) jmp *T(,%rI,8)  or  mov T(,%rI,8),%rX ; jmp *%rX			(fixed address) The
 *table is believed if its first entries all lead to instructions of this very function; it ends
 *where they do not.
 */
#include <string.h>

#include "target/process.h"
#include "target/scan.h"

#define LOOK_BACK   12 /* instructions between the load and the jump */
#define ENTRIES_MAX 4096
#define ENTRIES_MIN 2

struct table_ref {
	uint64_t vaddr;
	bool relative; /* 32-bit distances from the table; else 64-bit addresses */
};

/* The address that the base register was loaded with, looking back through the whole part. */
static bool base_address(struct code_space *space, const struct code_part *part, size_t index,
			 uint16_t reg, uint64_t *vaddr)
{
	while (index-- > 0 && code_work(space, 1)) {
		const struct insn *insn = &part->insns[index];

		if (insn->dest_reg != reg)
			continue;
		*vaddr = insn->mem_addr;
		return insn->is_lea && insn->has_mem_addr && !insn->mem_indexed;
	}
	return false;
}

static bool find_table(struct code_space *space, const struct code_part *part, size_t index,
		       struct table_ref *ref)
{
	const struct insn *jump = &part->insns[index];
	size_t i, back;

	if (jump->has_mem_addr && jump->mem_indexed) {
		*ref = (struct table_ref){jump->mem_addr, false};
		return true;
	}
	if (jump->jump_reg == 0)
		return false;
	for (back = 1; back <= LOOK_BACK && back <= index; back++) {
		const struct insn *insn = &part->insns[index - back];

		i = index - back;
		if (!insn->mem_indexed || insn->is_lea || insn->dest_reg == 0)
			continue;
		ref->relative = !insn->has_mem_addr;
		ref->vaddr = insn->mem_addr;
		return insn->has_mem_addr ||
		       base_address(space, part, i, insn->src_reg, &ref->vaddr);
	}
	return false;
}

/* Target of one entry; fixed addresses are relocated, so they are read as the target has them. */
static bool read_entry(struct code_space *space, const struct code_part *part,
		       const struct table_ref *ref, size_t i, uint64_t *target)
{
	const Elf64_Phdr *ph = elf_file_load_header(&part->code->elf, ref->vaddr);
	uint64_t bias;
	int32_t distance;

	if (!ph)
		return false;
	if (ref->relative) {
		if (elf_file_read_vaddr(&part->code->elf, ref->vaddr + i * 4, &distance, 4) != 0)
			return false;
		*target = ref->vaddr + (uint64_t)(int64_t)distance;
		return true;
	}
	if (code_bias(part->code, &bias) != 0 ||
	    process_read_memory(space->proc, ref->vaddr + bias + i * 8, target, 8) != 0)
		return false;
	*target -= bias;
	return true;
}

/*
 * An address outside the function at which the table seems to end: is the frame there as it is at
 * the jump, so that a part split off may begin there?
 */
static bool may_continue(struct code_space *space, const struct code_part *part, uint64_t jump,
			 uint64_t target)
{
	struct stack_depth here, there;
	struct code_range range;

	if (code_range_at(part->code, target, &range) != 0)
		return false;
	code_depth_at(space, part, jump, &here);
	code_depth_at(space, part, target, &there);
	return !part->code->unwind || (here.known == there.known && here.depth == there.depth &&
				       here.in_frame == there.in_frame);
}

bool switch_table_targets(struct code_space *space, const struct scan *scan,
			  const struct code_part *part, size_t index,
			  void (*fn)(void *ctx, uint64_t target), void *ctx, bool *whole)
{
	const struct code_part *inside = NULL;
	struct table_ref ref;
	bool ends = false;
	uint64_t target;
	size_t n, at;

	if (!find_table(space, part, index, &ref))
		return false;
	for (n = 0; n < ENTRIES_MAX; n++) {
		if (!code_work(space, WORK_INSN) || !read_entry(space, part, &ref, n, &target))
			break;
		inside = scan_part_of(scan, target);
		ends = !inside || code_part_index(inside, target, &at) != 0;
		if (ends)
			break;
		if (n + 1 >= ENTRIES_MIN)
			fn(ctx, target);
		if (n + 1 == ENTRIES_MIN && read_entry(space, part, &ref, 0, &target))
			fn(ctx, target);
	}
	if (whole)
		*whole = ends &&
			 (inside || !may_continue(space, part, part->insns[index].addr, target));
	return n >= ENTRIES_MIN;
}
