/* SPDX-License-Identifier: GPL-2.0-only */
/* eq, ne, lt ...: values of the same kind only; an integer is not a float to Go. */
#include <string.h>

#include "template/functions.h"

static bool comparable(struct expansion *x, const struct value *a, const struct value *b)
{
	if (a->kind == b->kind && a->kind != VALUE_LABELS && a->kind != VALUE_DOT)
		return true;
	expansion_fail(x, "incompatible types for comparison");
	return false;
}

static bool equal(const struct value *a, const struct value *b)
{
	switch (a->kind) {
	case VALUE_FLOAT:
		return a->number == b->number;
	case VALUE_INT:
		return a->integer == b->integer;
	case VALUE_STRING:
		return !strcmp(a->text, b->text);
	default:
		return a->truth == b->truth;
	}
}

/* Not for NaN either way. */
static bool less(struct expansion *x, const struct value *a, const struct value *b)
{
	switch (a->kind) {
	case VALUE_FLOAT:
		return a->number < b->number;
	case VALUE_INT:
		return a->integer < b->integer;
	case VALUE_STRING:
		return strcmp(a->text, b->text) < 0;
	default:
		expansion_fail(x, "invalid type for comparison");
		return false;
	}
}

static struct value truth(bool holds)
{
	return (struct value){.kind = VALUE_BOOL, .truth = holds};
}

/* Whether the first equals any of the others. */
void template_eq(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	*out = truth(false);
	for (size_t i = 1; i < n && !out->truth; i++)
		if (comparable(x, &args[0], &args[i]))
			out->truth = equal(&args[0], &args[i]);
}

void template_ne(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	if (comparable(x, &args[0], &args[1]))
		*out = truth(!equal(&args[0], &args[1]));
}

void template_lt(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	if (comparable(x, &args[0], &args[1]))
		*out = truth(less(x, &args[0], &args[1]));
}

void template_le(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	if (comparable(x, &args[0], &args[1]))
		*out = truth(less(x, &args[0], &args[1]) || equal(&args[0], &args[1]));
}

/* Go defines these two by the negation of le and lt: true for NaN. */
void template_gt(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	template_le(x, args, n, out);
	out->truth = !out->truth;
}

void template_ge(struct expansion *x, const struct value *args, size_t n, struct value *out)
{
	template_lt(x, args, n, out);
	out->truth = !out->truth;
}
