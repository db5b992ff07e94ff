/* SPDX-License-Identifier: GPL-2.0-only */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/expr.h"

static const char *const type_names[] = {
	[WIRE_TYPE_U64] = "u64", [WIRE_TYPE_I64] = "i64", [WIRE_TYPE_U32] = "u32",
	[WIRE_TYPE_I32] = "i32", [WIRE_TYPE_U16] = "u16", [WIRE_TYPE_I16] = "i16",
	[WIRE_TYPE_U8] = "u8",	 [WIRE_TYPE_I8] = "i8",	  [WIRE_TYPE_STR] = "str",
};

static const char *const op_texts[] = {
	[WIRE_OP_EQ] = "==", [WIRE_OP_NE] = "!=", [WIRE_OP_LT] = "<",	 [WIRE_OP_LE] = "<=",
	[WIRE_OP_GT] = ">",  [WIRE_OP_GE] = ">=", [WIRE_OP_LIKE] = "~=",
};

static void print_offset(FILE *out, __s32 off)
{
	if (off)
		fprintf(out, " %c %" PRId64, off < 0 ? '-' : '+',
			off < 0 ? -(int64_t)off : (int64_t)off);
}

static void print_rhs(FILE *out, const struct wire_value *v)
{
	char text[8];

	if (v->op >= sizeof(op_texts) / sizeof(op_texts[0]))
		return;
	memcpy(text, &v->rhs, sizeof(text));
	if (v->op == WIRE_OP_LIKE && v->str_bytes == strnlen(text, sizeof(text)))
		fputs(" ^= ", out);
	else
		fprintf(out, " %s ", op_texts[v->op]);
	if (v->type == WIRE_TYPE_STR) {
		fprintf(out, strchr(text, '"') ? "'%.7s'" : "\"%.7s\"", text);
	} else if (v->type == WIRE_TYPE_I8 || v->type == WIRE_TYPE_I16 ||
		   v->type == WIRE_TYPE_I32 || v->type == WIRE_TYPE_I64) {
		fprintf(out, "%" PRId64, (int64_t)v->rhs);
	} else {
		fprintf(out, "%" PRIu64, (uint64_t)v->rhs);
	}
}

/* Strings and plain addresses show their type only where it is not the usual one. */
static void print_value(FILE *out, const struct wire_value *v)
{
	if (v->base == WIRE_BASE_CONST) {
		fprintf(out, "%" PRIu64, (uint64_t)v->rhs);
		return;
	}
	if (v->base == WIRE_BASE_NONE || v->derefs > WIRE_DEREFS_MAX)
		return;
	if (v->type && v->type < sizeof(type_names) / sizeof(type_names[0]))
		fprintf(out, "%s ", type_names[v->type]);
	else if (v->op && v->op != WIRE_OP_EQ && v->op != WIRE_OP_NE)
		fputs("u64 ", out); /* without it the comparison would be read as i32 */
	for (int i = 0; i < v->derefs; i++)
		fputs("*(", out);
	if (v->base == WIRE_BASE_RET)
		fputs("ret", out);
	else
		fprintf(out, "arg%u", v->arg);
	print_offset(out, v->off[0]);
	for (int i = 0; i < v->derefs; i++) {
		fputc(')', out);
		print_offset(out, v->off[i + 1]);
	}
	if (v->op)
		print_rhs(out, v);
}

void expr_print(const struct wire_value *value, char *out, size_t out_size)
{
	FILE *f;

	if (!out_size)
		return;
	out[0] = '\0';
	f = fmemopen(out, out_size, "w");
	if (!f)
		return;
	print_value(f, value);
	fclose(f);
	out[out_size - 1] = '\0';
}
