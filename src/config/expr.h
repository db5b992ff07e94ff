/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expr.h - what is read from the target: `arg0`, `*(ret + 12)`, `i32 *(arg2) >= 0`.
 *
 *	condition = value op constant
 *	value     = [type] term
 *	term      = factor { ("+" | "-") INTEGER }
 *	factor    = "argN" | "ret" | "*" factor | "(" term ")" | INTEGER
 *	op        = "==" | "!=" | "<" | "<=" | ">" | ">=" | "~=" | "^="
 *	constant  = ["-"] INTEGER | "NULL" | STRING
 *	type      = i8 u8 i16 u16 i32 u32 i64 u64 ptr str
 */
#ifndef CHESHIRE_CONFIG_EXPR_H
#define CHESHIRE_CONFIG_EXPR_H

#include <stdbool.h>
#include <stddef.h>

#include "cheshire/wire.h"

#define EXPR_TEXT_MAX 128 /* enough for any printed value */

enum expr_flags {
	EXPR_CONDITION = 1 << 0, /* a comparison is wanted, else a plain value */
	EXPR_NO_RET = 1 << 1,	 /* read at the entry: there is no `ret` yet */
	EXPR_CONSTANT = 1 << 2,	 /* a plain integer is a value too */
};

/*
 * Parses the whole of text.  `type` is used where the text names none; -1: the usual one, which
 * is i32 for comparisons that need a sign (`ret < 0`: most functions return an int, and the
 * upper half of its register is anything), i64 where the constant needs it, else u64.
 * Returns 0, or -EINVAL with a reason in err and the offset of the mistake in *err_at.
 */
int expr_parse(const char *text, unsigned int flags, int type, struct wire_value *value, char *err,
	       size_t err_size, size_t *err_at);
/* The type by its name (ptr is u64), or -EINVAL with a reason. */
int expr_type(const char *name, size_t len, char *err, size_t err_size);
/* True when the value needs the return. */
bool expr_uses_ret(const struct wire_value *value);
/* Writes the value so that expr_parse() reads it back the same. */
void expr_print(const struct wire_value *value, char *out, size_t out_size);

#endif /* CHESHIRE_CONFIG_EXPR_H */
