/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/code.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/insn_arch.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/symbols.h"
#include "target/unwind.h"

#define PART_MAX (1u << 20) /* bytes of one function or split part */
#define X86_CALL 0xe8
#define X86_INT3 0xcc
#define WORK_ALL (64 << 20) /* a second or so */

bool code_work(struct code_space *space, int64_t cost)
{
	space->work_left -= cost;
	return space->work_left > 0;
}

int code_space_open(struct code_space *space, const struct process *proc,
		    struct object_table *table)
{
	memset(space, 0, sizeof(*space));
	space->proc = proc;
	space->table = table;
	space->work_left = WORK_ALL;
	space->dec = decoder__open();
	return space->dec ? 0 : -errno;
}

static void code_object_free(struct code_object *code)
{
	unwind_table__free(code->unwind);
	symbol_table__free(code->symbols);
	elf_file_close(&code->elf);
	free(code);
}

void code_space_close(struct code_space *space)
{
	struct code_object *code, *next;

	for (code = space->objects; code; code = next) {
		next = code->next;
		code_object_free(code);
	}
	decoder__free(space->dec);
	memset(space, 0, sizeof(*space));
}

struct code_object *code_space_object(struct code_space *space, uint32_t index)
{
	struct code_object *code;
	int err;

	for (code = space->objects; code; code = code->next)
		if (code->obj->index == index)
			return code;
	if (index >= space->table->n_objects) {
		errno = ENOENT;
		return NULL;
	}
	code = calloc(1, sizeof(*code));
	if (!code) {
		errno = ENOMEM;
		return NULL;
	}
	code->obj = space->table->objects[index];
	err = object_open(code->obj, space->proc);
	if (!err)
		err = elf_file_open(&code->elf, code->obj->fd);
	if (err) {
		free(code);
		errno = -err;
		return NULL;
	}
	code->unwind = unwind_table__open(&code->elf);
	(void)dynamic_read(&code->elf, &code->dyn);
	code->next = space->objects;
	space->objects = code;
	return code;
}

const struct symbol_table *code_symbols(struct code_object *code)
{
	if (!code->symbols)
		code->symbols = symbol_table__open(code->obj);
	return code->symbols;
}

/*
 * A segment is mapped from the page in which it begins, so the mapping's first offset may belong to
 * the segment before it in the file: the header is looked for by what lies inside the mapping.
 */
static bool segment_bias(const struct segment *seg, const Elf64_Phdr *ph, uint64_t *bias)
{
	uint64_t len = seg->end - seg->start;

	if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X))
		return false;
	if (ph->p_offset >= seg->offset ? ph->p_offset - seg->offset >= len
					: seg->offset - ph->p_offset >= ph->p_filesz)
		return false;
	*bias = seg->start - seg->offset + ph->p_offset - ph->p_vaddr;
	return true;
}

int code_bias(const struct code_object *code, uint64_t *bias)
{
	size_t i, j;

	for (i = 0; i < code->obj->n_segments; i++)
		for (j = 0; j < code->elf.n_phdrs; j++)
			if (segment_bias(&code->obj->segments[i], &code->elf.phdrs[j], bias))
				return 0;
	return -ENOENT;
}

int code_range_at(struct code_object *code, uint64_t vaddr, struct code_range *range)
{
	const struct symbol_table *symbols;
	const struct symbol *sym;
	struct unwind_range fde;
	uint64_t offset;

	if (code->unwind && unwind_table__find(code->unwind, vaddr, &fde) == 0) {
		*range = (struct code_range){fde.start, fde.end, true};
		return 0;
	}
	symbols = code_symbols(code);
	if (!symbols || !elf_file_vaddr_to_offset(&code->elf, vaddr, &offset))
		return -ENOENT;
	sym = symbol_table__by_offset(symbols, offset);
	if (!sym || sym->size == 0)
		return -ENOENT;
	*range = (struct code_range){sym->vaddr, sym->vaddr + sym->size, false};
	return 0;
}

void code_part_free(struct code_part *part)
{
	free(part->insns);
	free(part->probed);
	memset(part, 0, sizeof(*part));
}

int code_part_index(const struct code_part *part, uint64_t vaddr, size_t *index)
{
	size_t lo = 0, hi = part->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (part->insns[mid].addr < vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == part->n || part->insns[lo].addr != vaddr)
		return -ENOENT;
	*index = lo;
	return 0;
}

static int decode_all(struct code_space *space, struct code_part *part, const uint8_t *bytes,
		      char *reason, size_t size)
{
	size_t len = part->range.end - part->range.start, pos = 0, room = len / 3 + 8;
	struct insn *bigger;

	while (pos < len) {
		if (!code_work(space, WORK_INSN)) {
			snprintf(reason, size, "it takes too long to follow");
			return -EOPNOTSUPP;
		}
		if (!part->insns || part->n == room) {
			room += part->insns ? room / 2 : 0;
			bigger = realloc(part->insns, room * sizeof(*bigger));
			if (!bigger)
				return -ENOMEM;
			part->insns = bigger;
		}
		if (decoder__decode(space->dec, bytes + pos, len - pos, part->range.start + pos,
				    &part->insns[part->n]) != 0) {
			snprintf(reason, size, "byte +0x%zx is no instruction (data in the code?)",
				 pos);
			return -EOPNOTSUPP;
		}
		pos += part->insns[part->n++].len;
	}
	return 0;
}

/*
 * Is this instruction, as memory shows it, the file's? Another uprobe user's breakpoint shows as
 * 0xcc over the first byte, or, where the kernel optimised it, as a call over a 5-byte nop.
 */
static bool same_insn(const struct insn *insn, const uint8_t *memory, bool *probed)
{
	*probed = false;
	if (memcmp(insn->bytes, memory, insn->len) == 0)
		return true;
	*probed = true;
	if (INSN_ARCH_HOST->breakpoint(memory, insn->bytes, insn->len))
		return true;
	return insn->is_nop5 && (memory[0] == X86_CALL || memory[0] == X86_INT3);
}

static int compare_memory(struct code_space *space, struct code_part *part, uint64_t addr,
			  char *reason, size_t size)
{
	size_t len = part->range.end - part->range.start, i;
	uint8_t *memory = malloc(len);
	int err;

	if (!memory)
		return -ENOMEM;
	err = process_read_memory(space->proc, addr, memory, len);
	for (i = 0; i < part->n && !err; i++) {
		uint64_t pos = part->insns[i].addr - part->range.start;
		bool probed;

		if (!same_insn(&part->insns[i], memory + pos, &probed)) {
			snprintf(reason, size,
				 "code in memory differs from the file at +0x%" PRIx64
				 " (debugger, patched, or file replaced)",
				 pos);
			err = -EOPNOTSUPP;
		}
		part->probed[i] |= probed;
		part->any_probed |= probed;
	}
	free(memory);
	return err;
}

/* Compares with every mapping of the range; being mapped nowhere is an error. */
static int compare_mappings(struct code_space *space, struct code_part *part, uint64_t offset,
			    char *reason, size_t size)
{
	const struct object *obj = part->code->obj;
	size_t len = part->range.end - part->range.start, i;
	bool mapped = false;
	int err = 0;

	part->probed = calloc(part->n + 1, sizeof(*part->probed));
	if (!part->probed)
		return -ENOMEM;
	for (i = 0; i < obj->n_segments && !err; i++) {
		const struct segment *seg = &obj->segments[i];

		if (offset < seg->offset || offset - seg->offset >= seg->end - seg->start ||
		    len > seg->end - seg->start - (offset - seg->offset))
			continue;
		mapped = true;
		err = compare_memory(space, part, seg->start + (offset - seg->offset), reason,
				     size);
	}
	if (!err && !mapped) {
		snprintf(reason, size, "its code is not mapped in one piece");
		return -EOPNOTSUPP;
	}
	return err;
}

int code_part_load(struct code_space *space, struct code_object *code,
		   const struct code_range *range, struct code_part *part, char *reason,
		   size_t size)
{
	uint64_t offset, len = range->end - range->start;
	uint8_t *bytes;
	int err;

	memset(part, 0, sizeof(*part));
	part->code = code;
	part->range = *range;
	if (len == 0 || len > PART_MAX) {
		snprintf(reason, size, "its size is unknown or absurd (%" PRIu64 " bytes)", len);
		return -EOPNOTSUPP;
	}
	if (!elf_file_vaddr_to_offset(&code->elf, range->start, &offset))
		return -ENOENT;
	bytes = malloc(len);
	if (!bytes)
		return -ENOMEM;
	err = elf_file_read_vaddr(&code->elf, range->start, bytes, len);
	if (!err)
		err = decode_all(space, part, bytes, reason, size);
	free(bytes);
	if (!err)
		err = compare_mappings(space, part, offset, reason, size);
	if (err)
		code_part_free(part);
	return err;
}
