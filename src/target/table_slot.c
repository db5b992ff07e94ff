/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/table_slot.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

/* The search for the one table that a getter can return. */
struct table_search {
	struct code_object *code;
	uint64_t slot;
	uint64_t table, target; /* found: virtual addresses; target 0: nothing yet */
};

/* A pointer to the first byte of a function of the same file. */
static bool leads_to_function(struct code_object *code, uint64_t vaddr)
{
	const Elf64_Phdr *ph = elf_file_load_header(&code->elf, vaddr);
	struct code_range range;

	return ph && (ph->p_flags & PF_X) && code_range_at(code, vaddr, &range) == 0 &&
	       range.start == vaddr;
}

/* False: a second table, so that neither is known to be it. */
static bool consider(struct table_search *search, uint64_t table)
{
	uint64_t target, at = table + search->slot * 8;

	if (table == search->table || at < table)
		return true;
	if (dynamic_pointer_at(&search->code->elf, &search->code->dyn, at, &target) != 0 ||
	    !leads_to_function(search->code, target))
		return true;
	if (search->target)
		return false;
	search->table = table;
	search->target = target;
	return true;
}

/*
 * All addresses that the code computes, into whichever register: a conditional move may make any of
 * them the result later.
 */
static bool find_table(struct table_search *search, const struct code_part *part)
{
	for (size_t i = 0; i < part->n; i++) {
		const struct insn *insn = &part->insns[i];

		if (insn->is_lea && insn->has_mem_addr && !insn->mem_indexed &&
		    !consider(search, insn->mem_addr))
			return false;
	}
	return true;
}

static int step(struct code_space *space, struct code_object *code, uint64_t slot, uint64_t *vaddr,
		char *reason, size_t size)
{
	struct table_search search = {.code = code, .slot = slot};
	struct code_part part;
	struct code_range range;
	bool one;
	int err = code_range_at(code, *vaddr, &range);

	if (err || range.start != *vaddr) {
		snprintf(reason, size, "no function at 0x%" PRIx64, *vaddr);
		return -EOPNOTSUPP;
	}
	err = code_part_load(space, code, &range, &part, reason, size);
	if (err)
		return err;
	one = find_table(&search, &part);
	code_part_free(&part);
	if (!one)
		snprintf(reason, size, "more than one table that it may return");
	else if (!search.target)
		snprintf(reason, size,
			 "it returns no table with a function in slot %" PRIu64 " that can be seen",
			 slot);
	if (!one || !search.target)
		return -EOPNOTSUPP;
	*vaddr = search.target;
	return 0;
}

int table_slot_resolve(struct code_space *space, struct code_object *code,
		       const struct table_path *path, uint64_t *vaddr, char *reason, size_t size)
{
	int err = 0;

	for (size_t i = 0; i < path->n && !err; i++)
		err = step(space, code, path->slot[i], vaddr, reason, size);
	return err;
}
