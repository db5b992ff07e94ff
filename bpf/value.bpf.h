/* SPDX-License-Identifier: GPL-2.0-only */
/* value.bpf.h - values read from the target's registers and memory, and conditions on them. */
#ifndef CHESHIRE_VALUE_BPF_H
#define CHESHIRE_VALUE_BPF_H

#include "arch.bpf.h"
#include "common.bpf.h"

/* What is read is at the end of a NULL pointer: there is nothing, rather than out of reach. */
#define VALUE_NULL     -2
#define NULL_PAGE_SIZE 4096

/* The value of `v`; 0, or negative when target memory could not be read (value.bpf.c). */
int value_eval(const struct wire_value *v, const struct value_ctx *at, __u64 *out);
/* 1 the condition holds, 0 it does not, negative: target memory could not be read. */
int value_holds(const struct wire_value *v, const struct value_ctx *at);

#endif
