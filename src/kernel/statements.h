/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statements.h - database statements as the kernel counts them: per class, per text.  There is
 * something to ask only where loader_opts.statements was given.
 */
#ifndef CHESHIRE_KERNEL_STATEMENTS_H
#define CHESHIRE_KERNEL_STATEMENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire_statement.h"

struct loader;

/* Before the programs are loaded: those that nobody needs are left out.  0 or negative errno. */
int statements_choose(struct loader *loader, bool wanted);

/* What was counted of a class, but for `slow_ns`: that may be written, and acts at once.  NULL:
   there are no statements.  Valid until loader__free. */
struct wire_class_stats *statements_class(struct loader *loader, enum wire_class cls);
/* Answers the question that a new text is. */
int statements_set_class(struct loader *loader, uint64_t hash, enum wire_class cls);

/* Each text that is still counted by itself. */
typedef void (*statements_text_fn)(void *ctx, uint64_t hash,
				   const struct wire_statement_stats *stats);
void statements_each_text(struct loader *loader, statements_text_fn fn, void *ctx);

#endif
