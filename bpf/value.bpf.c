/* SPDX-License-Identifier: GPL-2.0-only */
/* value.bpf.c - see value.bpf.h. */
#include "value.bpf.h"

/* Reads `type` at a user address; sign-extended. */
static __always_inline long value_load(__u64 *out, __u64 addr, __u32 type)
{
	__u64 raw = 0;
	long err;

	switch (type) {
	case WIRE_TYPE_U32:
	case WIRE_TYPE_I32:
		err = bpf_probe_read_user(&raw, 4, (void *)addr);
		*out = type == WIRE_TYPE_I32 ? (__u64)(__s64)(__s32)raw : raw;
		return err;
	case WIRE_TYPE_U16:
	case WIRE_TYPE_I16:
		err = bpf_probe_read_user(&raw, 2, (void *)addr);
		*out = type == WIRE_TYPE_I16 ? (__u64)(__s64)(__s16)raw : raw;
		return err;
	case WIRE_TYPE_U8:
	case WIRE_TYPE_I8:
		err = bpf_probe_read_user(&raw, 1, (void *)addr);
		*out = type == WIRE_TYPE_I8 ? (__u64)(__s64)(__s8)raw : raw;
		return err;
	}
	err = bpf_probe_read_user(&raw, 8, (void *)addr);
	*out = raw;
	return err;
}

/* A value that sits in a register: only the low bits of the type count. */
static __always_inline __u64 value_narrow(__u64 raw, __u32 type)
{
	switch (type) {
	case WIRE_TYPE_U32:
		return (__u32)raw;
	case WIRE_TYPE_I32:
		return (__u64)(__s64)(__s32)raw;
	case WIRE_TYPE_U16:
		return (__u16)raw;
	case WIRE_TYPE_I16:
		return (__u64)(__s64)(__s16)raw;
	case WIRE_TYPE_U8:
		return (__u8)raw;
	case WIRE_TYPE_I8:
		return (__u64)(__s64)(__s8)raw;
	}
	return raw;
}

__noinline int value_eval(const struct wire_value *v, const struct value_ctx *at, __u64 *out)
{
	__u32 derefs, type, n;
	__u64 value = 0;

	if (!v || !at || !out)
		return -1;
	derefs = v->derefs;
	type = v->type;
	n = v->arg;

	if (v->base == WIRE_BASE_CONST)
		value = v->rhs;
	else if (v->base == WIRE_BASE_RET)
		value = at->ret;
	else if (n >= ARCH_REG_ARGS) {
		if (bpf_probe_read_user(&value, 8, (void *)arch_stack_arg(at->sp, n)))
			return -1;
	} else {
		/* An index into the stack must be a constant for old verifiers. */
		for (__u32 i = 0; i < ARCH_REG_ARGS; i++)
			if (i == n)
				value = at->arg[i];
	}
	if (!derefs)
		value = value_narrow(value, type);
	for (__u32 i = 0; i < WIRE_DEREFS_MAX; i++) {
		__u64 addr;

		if (i >= derefs)
			break;
		if (value < NULL_PAGE_SIZE)
			return VALUE_NULL;
		addr = value + (__s64)v->off[i];
		if (value_load(&value, addr, i + 1 == derefs ? type : WIRE_TYPE_U64))
			return -1;
	}
	if (derefs <= WIRE_DEREFS_MAX)
		value += (__s64)v->off[derefs];
	*out = value;
	return 0;
}

static __always_inline int compare_signed(__u32 type)
{
	return type == WIRE_TYPE_I64 || type == WIRE_TYPE_I32 || type == WIRE_TYPE_I16 ||
	       type == WIRE_TYPE_I8;
}

/* What makes a large letter small, in each byte that is a small letter (0x60 to 0x7f) in text. */
static __always_inline __u64 small_letters(__u64 text)
{
	return text & (text >> 1) & 0x2020202020202020ULL;
}

__noinline int value_holds(const struct wire_value *v, const struct value_ctx *at)
{
	__u64 value = 0, rhs;
	int less, equal, err;

	if (!v || !at)
		return -1;
	rhs = v->rhs;
	err = value_eval(v, at, &value);
	if (err)
		return err;
	if (v->type == WIRE_TYPE_STR) {
		__u64 text = 0;

		/* At the end of a page eight bytes may be too many: then up to the NUL. */
		if (bpf_probe_read_user(&text, 8, (void *)value) &&
		    bpf_probe_read_user_str(&text, 8, (void *)value) < 0)
			return -1;
		if (v->str_bytes < 8)
			text &= (1ULL << (v->str_bytes * 8)) - 1;
		if (v->op == WIRE_OP_LIKE)
			return (text | small_letters(rhs)) == rhs;
		return v->op == WIRE_OP_EQ ? text == rhs : text != rhs;
	}
	equal = value == rhs;
	less = compare_signed(v->type) ? (__s64)value < (__s64)rhs : value < rhs;
	switch (v->op) {
	case WIRE_OP_EQ:
		return equal;
	case WIRE_OP_NE:
		return !equal;
	case WIRE_OP_LT:
		return less;
	case WIRE_OP_LE:
		return less || equal;
	case WIRE_OP_GT:
		return !less && !equal;
	case WIRE_OP_GE:
		return !less;
	}
	return 1;
}
