/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statements.h - which texts of database statements were seen: the class of each, and what of it
 * may be shown.  No text is kept as it was.  Pure, and of bounded memory.
 */
#ifndef CHESHIRE_METRICS_STATEMENTS_H
#define CHESHIRE_METRICS_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_statement.h"
#include "config/config.h"

struct statements;

/* NULL and errno on failure. */
struct statements *statements__new(void);
void statements__free(struct statements *s);
/* Reads a new text.  Never WIRE_CLASS_PENDING. */
enum wire_class statements__learn(struct statements *s, uint64_t hash, const char *text,
				  size_t bytes, enum language language);
/* The class of a text that was read before, and has not been forgotten; else WIRE_CLASS_PENDING. */
enum wire_class statements__class(struct statements *s, uint64_t hash);
/* What statements__text() takes; 0: the text is not known any more. */
uint32_t statements__id(struct statements *s, uint64_t hash);
/* The redacted text; NULL when it was forgotten. */
const char *statements__text(const struct statements *s, uint32_t id);

#endif
