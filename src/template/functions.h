/* SPDX-License-Identifier: GPL-2.0-only */
/* functions.h - what templates can call. */
#ifndef CHESHIRE_TEMPLATE_FUNCTIONS_H
#define CHESHIRE_TEMPLATE_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "template/value.h"

#define CALL_ARGS_MAX 16

struct arena;
struct template_error;

/* One expansion under way. */
struct expansion {
	struct arena *arena; /* of intermediate texts */
	const struct template_data *data;
	char error[200]; /* why it failed; else empty */
};

/* Values that an argument may have. */
enum argument {
	ARGUMENT_ANY = 0,
	ARGUMENT_STRING,
	ARGUMENT_NUMBER, /* or a string that reads as one */
	ARGUMENT_LABELS,
	ARGUMENT_SIZED, /* has a length */
	ARGUMENT_BASIC, /* can be compared */
};

struct template_function {
	const char *name;
	size_t args_min, args_max;
	enum argument args[2];	/* the second one goes for all that follow */
	enum value_kind result; /* 0: that of an argument */
	/* The value in *out; else the expansion's error is set. */
	void (*call)(struct expansion *x, const struct value *args, size_t n, struct value *out);
};

/* NULL: there is none of that name. */
const struct template_function *template_function(const char *name, size_t len);
/* A function or word of Go's or Prometheus's templates that cheshire has not. */
bool template_knows(const char *name, size_t len);
/* True when a value of this type (0: any) may be the argument number i. */
bool template_accepts(const struct template_function *function, size_t i, enum value_kind type);

/* A text of the expansion from what was printed; takes *made. */
struct strbuf;
void expansion_text(struct expansion *x, struct strbuf *made, struct value *out);
void expansion_fail(struct expansion *x, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* humanize.c */
typedef void template_call(struct expansion *x, const struct value *args, size_t n,
			   struct value *out);
template_call template_humanize, template_humanize1024, template_humanize_duration,
	template_humanize_percentage, template_humanize_timestamp, template_parse_duration;
/* compare.c */
template_call template_eq, template_ne, template_lt, template_le, template_gt, template_ge;

#endif /* CHESHIRE_TEMPLATE_FUNCTIONS_H */
