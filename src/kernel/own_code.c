/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/own_code.h"

#include <link.h>

struct offset_search {
	uintptr_t address;
	uint64_t offset;
};

static int find_offset(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct offset_search *search = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && search->address >= start &&
		    search->address < start + ph->p_filesz) {
			search->offset = search->address - start + ph->p_offset;
			return 1;
		}
	}
	return 0;
}

bool own_code_offset(uintptr_t address, uint64_t *offset)
{
	struct offset_search search = {.address = address};

	if (!dl_iterate_phdr(find_offset, &search))
		return false;
	*offset = search.offset;
	return true;
}
