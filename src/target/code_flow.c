/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * code_flow.c - the end of a function that neither .eh_frame nor a symbol knows (the C library of
 * musl has neither for its static functions): where nothing goes on to the next instruction, and no
 * jump from before leads behind it.
 */
#include <errno.h>
#include <stdlib.h>

#include "target/code.h"
#include "target/symbols.h"

#define FLOW_BYTES_MAX 16384

/* The function that begins next, as far as symbols tell. */
static uint64_t next_symbol(const struct symbol_table *symbols, uint64_t vaddr)
{
	uint64_t next = vaddr + FLOW_BYTES_MAX;

	for (size_t i = 0; i < symbol_table__count(symbols); i++) {
		const struct symbol *sym = symbol_table__at(symbols, i);

		if (sym->vaddr > vaddr && sym->vaddr < next)
			next = sym->vaddr;
	}
	return next;
}

static bool goes_on(const struct insn *insn)
{
	return insn->flow != INSN_FLOW_JUMP && insn->flow != INSN_FLOW_JUMP_INDIRECT &&
	       insn->flow != INSN_FLOW_RET && insn->flow != INSN_FLOW_STOP;
}

static int follow(struct code_space *space, const uint8_t *bytes, struct code_range *range,
		  uint64_t limit)
{
	uint64_t at = range->start, reached = range->start;
	struct insn insn;

	while (at < limit) {
		if (!code_work(space, WORK_INSN) ||
		    decoder__decode(space->dec, bytes + (at - range->start), limit - at, at, &insn))
			return -ENOENT;
		if ((insn.flow == INSN_FLOW_JUMP || insn.flow == INSN_FLOW_BRANCH) &&
		    insn.target > reached && insn.target < limit)
			reached = insn.target;
		at += insn.len;
		if (!goes_on(&insn) && at > reached) {
			range->end = at;
			return 0;
		}
	}
	return -ENOENT;
}

int code_range_by_flow(struct code_space *space, struct code_object *code, uint64_t vaddr,
		       struct code_range *range)
{
	const Elf64_Phdr *header = elf_file_load_header(&code->elf, vaddr);
	const struct symbol_table *symbols = code_symbols(code);
	uint64_t limit, end;
	uint8_t *bytes;
	int err;

	if (!header || !(header->p_flags & PF_X) || !symbols ||
	    !code_work(space, (int64_t)symbol_table__count(symbols)))
		return -ENOENT;
	limit = next_symbol(symbols, vaddr);
	end = header->p_vaddr + header->p_filesz;
	if (limit > end)
		limit = end;
	if (limit <= vaddr)
		return -ENOENT;
	bytes = malloc(limit - vaddr);
	if (!bytes)
		return -ENOMEM;
	*range = (struct code_range){.start = vaddr};
	err = elf_file_read_vaddr(&code->elf, vaddr, bytes, limit - vaddr);
	err = err ?: follow(space, bytes, range, limit);
	free(bytes);
	return err;
}
