/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Everything that reads a target's file: headers, build-id, symbols (with .gnu_debugdata), dynamic
 * section, .eh_frame, then decoding and names.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "log/escape.h"
#include "target/dynamic.h"
#include "target/elf_file.h"
#include "target/insn.h"
#include "target/symbol_table.h"
#include "target/unwind.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take(const struct symbol *sym, void *ctx)
{
	char text[256];

	escape_name(ESCAPE_TEXT, text, sizeof(text), sym->name);
	return ++*(int *)ctx > 50;
}

static void symbols(const struct elf_file *elf, const struct unwind_table *unwind)
{
	struct symbol_table *table = symbol_table__open_elf(elf);
	const struct symbol *near[4];
	struct unwind_range range;
	struct unwind_cfa cfa;
	char text[256];
	size_t i;
	int n = 0;

	if (!table)
		return;
	symbol_table__match(table, "*f*::*", take, &n);
	symbol_table__near(table, "fixture", near, 4);
	for (i = 0; i < symbol_table__count(table) && i < 32; i++) {
		const struct symbol *sym = symbol_table__at(table, i);

		symbol_table__by_offset(table, sym->offset + 1);
		symbol_demangle(sym->name, text, sizeof(text));
		if (unwind && unwind_table__find(unwind, sym->vaddr, &range) == 0)
			unwind_table__cfa(unwind, &range, sym->vaddr + 3, &cfa);
	}
	symbol_table__free(table);
}

static void dynamic(const struct elf_file *elf)
{
	struct dynamic dyn;
	uint64_t vaddr;
	char name[128];
	bool ifunc;

	if (dynamic_read(elf, &dyn) != 0)
		return;
	dynamic_find(elf, &dyn, "fixture_leaf", &vaddr, &ifunc);
	dynamic_pointer_at(elf, &dyn, 0x3df8, &vaddr);
	dynamic_slot_name(elf, &dyn, 0x4018, name, sizeof(name));
}

static void decode(const uint8_t *data, size_t size)
{
	struct decoder *dec = decoder__open();
	size_t pos = 0, n = 0;
	struct insn insn;

	while (dec && pos < size && n++ < 64) {
		if (decoder__decode(dec, data + pos, size - pos, pos, &insn) != 0)
			pos++;
		else
			pos += insn.len;
	}
	decoder__free(dec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unwind_table *unwind;
	struct elf_file elf;
	uint8_t id[32];

	if (size > (1u << 20))
		return 0;
	decode(data, size);
	if (elf_file_open_image(&elf, data, size) != 0)
		return 0;
	elf_file_build_id(&elf, id, sizeof(id));
	unwind = unwind_table__open(&elf);
	symbols(&elf, unwind);
	dynamic(&elf);
	unwind_table__free(unwind);
	elf_file_close(&elf);
	return 0;
}
