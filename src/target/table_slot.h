/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_TABLE_SLOT_H
#define CHESHIRE_TARGET_TABLE_SLOT_H

#include <stddef.h>
#include <stdint.h>

#include "target/code.h"
#include "target/probe_spec.h"

/*
 * Functions that have no symbol because callers reach them through a table, whose address an
 * exported function returns: `getter()[9]`.  Nothing is run and no data of the target is believed:
 * the table's address is what the getter's code computes, the pointer in it what the file says that
 * the loader is to put there, and it must lead to the first byte of a function of the same file.
 *
 * *vaddr: the getter on entry, the function in the last of the slots on success.  -EOPNOTSUPP: not
 * such a function, or more than one table could be meant; reason says why.  Other errors are
 * failures to read.
 */
int table_slot_resolve(struct code_space *space, struct code_object *code,
		       const struct table_path *path, uint64_t *vaddr, char *reason, size_t size);

#endif
