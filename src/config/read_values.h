/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read_values.h - values read from the target as a configuration writes them: a text, a mapping
 * with a type, and either of them for each architecture:
 *
 *	key: "arg0"
 *	key: { value: "*(arg0 + 8)", type: u32 }
 *	key: { x86_64: "*(arg0 + 8)", aarch64: "*(arg0 + 16)" }
 */
#ifndef CHESHIRE_CONFIG_READ_VALUES_H
#define CHESHIRE_CONFIG_READ_VALUES_H

#include <stdbool.h>

#include "config/reader.h"

struct wire_value;

/* A text, or a text for each architecture.  `flags`: enum expr_flags; type -1: the usual one. */
void read_value_text(struct reader *r, const struct yaml_node *node, unsigned int flags, int type,
		     struct wire_value *out);
/* The same, or { value: arg0, type: u32 }. */
void read_value(struct reader *r, const struct yaml_node *node, unsigned int flags,
		struct wire_value *out);
/* `type:` beside a value: i8 ... u64, ptr; -1 when there is none. */
int read_value_type(struct reader *r, const struct yaml_node *map);
/*
 * Reads a mapping of architectures: `read` with `here` for the one that this program was built for,
 * with `elsewhere` for the others, so that their mistakes are found too.  False when the node is
 * no such mapping.
 */
bool read_per_arch(struct reader *r, const struct yaml_node *node, read_fn read, void *here,
		   void *elsewhere);

#endif /* CHESHIRE_CONFIG_READ_VALUES_H */
